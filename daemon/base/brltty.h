/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* brltty, which drives braille displays, and takes USB-serial chips that displays have too: sent by
 * a udev rule (upstream before 6.5, Ubuntu), or because it looks at every such chip by itself
 * (Debian's brltty.service). It claims the chip for a moment each time it looks, and does not give
 * the kernel's driver back. For the service and fwctl doctor. */

#include <systemd/sd-bus.h>

/* udev's, of a device that a rule gives it */
#define BRLTTY_PROPERTY "BRLTTY_BRAILLE_DRIVER"

/* The question to systemd which of its units run; negative errno. */
int brltty_question_new(sd_bus *bus, sd_bus_message **ret);
/* The answer: a unit's name, new; NULL if none runs. */
char *brltty_answer_unit(sd_bus_message *answer);
/* What makes it leave such chips alone, to be run as root, new: the rules file that speaks of the
 * property goes, or else the unit is stopped. NULL if both are. */
char *brltty_end_command(const char *rules_file, const char *unit);
