/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One fwd-worker process, from exec to verdict. The owner of a struct worker gets its reports as
 * they come and exactly one `done`, after the last report was read and the process was reaped; it
 * frees the worker then, or earlier, which kills the process. worker.c watches and judges,
 * worker-exec.c starts. The worker is not trusted: it sees the descriptors it needs and no other,
 * and what it says is bounded.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fault.h"
#include "base/report.h"
#include "service/options.h"
#include "service/service.h"

struct worker_request { /* the command line of docs/architecture.md; NULL, -1, 0: not given */
        const char *operation;
        const char *node, *tty, *hidraw, *port, *board, *serial, *image_name;
        uint16_t vendor_id, product_id; /* both 0: nothing expected */
        int image_fd, source_fd;
        const char *map, *mcu; /* for plans without a node; NULL, "": not known */
        int output_fd;         /* a memfd for what the worker reads from the board */
        const struct options *options;
        bool save_if_lost; /* the output is for a flash that costs the board its settings, alone */
        bool recover;      /* the file is a loader */
        const char *after; /* the way that the board was rebooted by before; NULL, "": none */
        unsigned job;      /* for the journal */
};

#define WORKER_REQUEST_INIT                                                                        \
        { .image_fd = -1, .source_fd = -1, .output_fd = -1 }

struct worker_outcome {
        struct fault fault; /* error FWD_OK: success */
        enum board_state state;
};

struct worker_handlers {
        void (*report)(void *userdata, const struct report *report);
        void (*done)(void *userdata, const struct worker_outcome *outcome);
};

struct worker;

/* Negative errno if the process cannot be started. What the request points to is not kept. */
int worker_start(struct service *service, const struct worker_request *request,
                 const struct worker_handlers *handlers, void *userdata, struct worker **ret);
/* SIGTERM, and SIGKILL after the grace period; `done` follows. */
void worker_cancel(struct worker *worker);
/* Its board left the bus: if the worker does not tell so by itself at once, it is killed. */
void worker_lost(struct worker *worker);
struct worker *worker_free(struct worker *worker);

/* worker-exec.c: forks and execs. The descriptors come back close-on-exec and not blocking. */
int worker_exec(const char *program, const struct worker_request *request, pid_t *ret_pid,
                int *ret_report_fd, int *ret_log_fd);
