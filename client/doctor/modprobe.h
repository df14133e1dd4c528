/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What kmod's files say of a module. Pure: text in. '-' and '_' are the same in a module's name. */

#include <stdbool.h>

/* Whether a line of a modprobe.d file keeps the module from being loaded: "blacklist NAME", or an
 * "install" that is /bin/true or /bin/false. */
bool modprobe_text_forbids(const char *text, const char *module);
/* Whether modules.builtin or modules.dep has it ("kernel/drivers/usb/class/cdc-acm.ko.xz: …"). */
bool modules_text_has(const char *text, const char *module);
/* Whether the kernel's command line forbids it: module_blacklist=, modprobe.blacklist=. */
bool command_line_forbids(const char *text, const char *module);
