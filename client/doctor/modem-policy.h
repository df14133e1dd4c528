/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What ModemManager does with ports that it was not told of. Pure: text in. */

#include <stdbool.h>
#include <stddef.h>

enum modem_policy {
        MODEM_POLICY_UNKNOWN,
        MODEM_POLICY_STRICT,
        MODEM_POLICY_ALLOWLIST,
        MODEM_POLICY_LEGACY, /* called "default" before 1.14 */
        MODEM_POLICY_PARANOID,
};

/* From the arguments it was started with (as /proc/PID/cmdline has them, may be NULL), else what
 * its version does by itself (NULL: unknown). */
enum modem_policy modem_policy(const char *arguments, size_t size, const char *version);
const char *modem_policy_name(enum modem_policy policy);
/* ID_MM_DEVICE_IGNORE counts with every policy since 1.12, and since 1.10.6; before, not with
 * "strict" (ModemManager's NEWS). */
bool modem_manager_heeds_ignore(const char *version, enum modem_policy policy);
