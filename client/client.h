/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every part of fwctl shares: the options of the command line, the bus, and the verbs. One
 * `struct client` lives on the stack of main(), which owns the bus; verbs borrow it. A verb prints
 * its own answer and its own error, and returns the exit code of the process (base/error.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "base/error.h"

#define FWD_BUS_NAME          "org.fwctl1"
#define FWD_ROOT_PATH         "/org/fwctl1"
#define FWD_DEVICE_PREFIX     "/org/fwctl1/device"
#define FWD_JOB_PREFIX        "/org/fwctl1/job"
#define FWD_MANAGER_INTERFACE "org.fwctl1.Manager"
#define FWD_DEVICE_INTERFACE  "org.fwctl1.Device"
#define FWD_JOB_INTERFACE     "org.fwctl1.Job"

enum output {
        OUTPUT_TEXT,
        OUTPUT_JSON_SHORT,
        OUTPUT_JSON_PRETTY,
};

#define PROPERTIES_MAX 32U

struct options {
        enum output output;
        bool no_legend, full, quiet, no_ask_password, no_block;
        bool color_out, color_err; /* decided once for each stream */
        bool value;
        const char *properties[PROPERTIES_MAX]; /* of -p, pointing into argv */
        size_t n_properties;
        bool has_address;
        uint64_t address;
        const char *erase; /* NULL: the service's choice */
        bool no_leave, force;
        const char *range;    /* NULL: all */
        const char *save_old; /* file for the old flash; NULL: none */
        bool dry_run, yes;
        enum { KEEP_UNSAID, KEEP_CONFIG, NO_KEEP_CONFIG } keep_config;
        bool dump, save_with_errors, custom_defaults;
        const char *only; /* NULL: all of it */
        bool to_firmware; /* reboot --firmware */
        uint64_t lines;   /* history: so many; 0: the service's choice */
        bool wait;        /* flash: for the board */
        bool direct;      /* direct.h */
};

struct client {
        struct options options;
        sd_bus *bus;      /* NULL until bus_open() */
        pid_t direct_pid; /* the service that was started for this command; 0: none */
        int raise_signal; /* main() ends by this signal, after all is printed; 0: by its exit code
                           */
};

static inline bool client_json(const struct client *c) {
        return c->options.output != OUTPUT_TEXT;
}

/* argv[0] is the verb; argc was checked against the verb's table entry. */
int verb_list(struct client *c, int argc, char **argv);
int verb_show(struct client *c, int argc, char **argv);
int verb_monitor(struct client *c, int argc, char **argv);
int verb_inspect(struct client *c, int argc, char **argv);
int verb_flash(struct client *c, int argc, char **argv);
int verb_reboot(struct client *c, int argc, char **argv);
int verb_leave(struct client *c, int argc, char **argv);
int verb_recover_bootloader(struct client *c, int argc, char **argv);
int verb_read(struct client *c, int argc, char **argv);
int verb_erase(struct client *c, int argc, char **argv);
int verb_unprotect(struct client *c, int argc, char **argv);
int verb_identify(struct client *c, int argc, char **argv);
int verb_backup(struct client *c, int argc, char **argv);
int verb_restore(struct client *c, int argc, char **argv);
int verb_backups(struct client *c, int argc, char **argv);
int verb_history(struct client *c, int argc, char **argv);
int verb_jobs(struct client *c, int argc, char **argv);
int verb_wait(struct client *c, int argc, char **argv);
int verb_cancel(struct client *c, int argc, char **argv);
int verb_doctor(struct client *c, int argc, char **argv);
int verb_version(struct client *c, int argc, char **argv);
/* What --version does: the same lines, but a service that does not answer is no failure. */
int print_version(struct client *c);
