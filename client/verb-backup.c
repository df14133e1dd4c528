/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl backup: the service reads the configuration and keeps it; a copy goes where the caller
 * wants it. */

#include <string.h>

#include "client/backup-arg.h"
#include "client/call-options.h"
#include "client/device-arg.h"
#include "client/job.h"
#include "client/screen.h"

/* One argument is either: a FILE has a '/' (outside of /dev), ends in .txt, or is "-". */
static bool is_file(const char *text) {
        size_t n = strlen(text);

        return strcmp(text, "-") == 0 || (strchr(text, '/') && strncmp(text, "/dev/", 5) != 0) ||
               (n > 4 && strcmp(text + n - 4, ".txt") == 0);
}

static void split(int argc, char **argv, const char **ret_what, const char **ret_file) {
        bool only_file = argc == 2 && is_file(argv[1]);

        *ret_what = argc > 1 && !only_file ? argv[1] : NULL;
        *ret_file = only_file ? argv[1] : argc > 2 ? argv[2] : NULL;
}

static int start(struct client *c, const struct device *device, sd_bus_message **ret,
                 struct problem *p) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r = bus_new_call(c, device->path, FWD_DEVICE_INTERFACE, "BackupConfig", &call, p);

        if (r != 0)
                return r;
        r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0 && c->options.dump)
                r = call_append_option(call, "dump", "b", 1);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return bus_fail(p, r);
        *ret = TAKE_PTR(call);
        return 0;
}

static int save(struct client *c, const struct outcome *outcome, const char *file) {
        _cleanup_close_ int fd = -EBADF;
        struct problem p = {};
        int r = backup_get(c, json_text(outcome->details, "Backup"), &fd, &p);

        if (r == 0)
                r = backup_copy(fd, file, &p);
        return r != 0 ? problem_print(c, &p) : FWD_EXIT_OK;
}

int verb_backup(struct client *c, int argc, char **argv) {
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_device_ struct device device = {};
        _cleanup_outcome_ struct outcome outcome = {};
        _cleanup_job_ struct job job = {};
        struct problem p = {};
        const char *what, *file;
        bool to_stdout, copied;
        int r = 0, saved = FWD_EXIT_OK;

        split(argc, argv, &what, &file);
        to_stdout = file && strcmp(file, "-") == 0;
        if (to_stdout && client_json(c)) {
                (void) problem_set(&p, FWD_INVALID_ARGUMENT,
                                   "Standard output cannot have both the configuration and JSON.");
                return problem_print(c, &p);
        }
        if (file)
                r = backup_check_target(file, &p);
        if (r == 0)
                r = device_resolve(c, what, &device, &p);
        if (r == 0)
                r = start(c, &device, &call, &p);
        if (r != 0)
                return refusal_print(c, device.port, "backup", &p);
        r = job_run_to_end(c, &device, "backup", call, &job, &outcome);
        if (r != 0)
                return r;
        copied = file && outcome.ending == ENDING_KNOWN && strcmp(outcome.result, "success") == 0;
        if (copied)
                saved = save(c, &outcome, file);
        if (to_stdout && copied)
                return saved;
        r = outcome_print(c, &job, &outcome);
        return r != FWD_EXIT_OK ? r : saved;
}
