/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job: one thing done to one board, as a list of steps (steps.h), with an object on the bus. It
 * lives on when its client goes, and stays readable for ten minutes after its end. It owns every
 * event source, worker and descriptor it made. job.c: its life; job-details.c: what it says of
 * itself; steps.c: how it gets from step to step; job-flash.c and its siblings: the lists of steps;
 * job-bus.c: the bus side; job-history.c: what is written down of it. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fault.h"
#include "base/report.h"
#include "service/backup-store.h"
#include "service/image-fd.h"
#include "service/options.h"
#include "service/service.h"

#define JOB_FACTS_MAX   64U
#define JOB_WAITERS_MAX 64U /* Wait() calls at one time */

enum job_kind {
        JOB_FLASH,
        JOB_REBOOT,
        JOB_IDENTIFY,
        JOB_LEAVE,
        JOB_BACKUP,
        JOB_RESTORE,
        JOB_DEFAULTS,
        JOB_RECOVER,
        JOB_READ,
        JOB_ERASE,
        JOB_UNPROTECT,
        _JOB_KIND_MAX
};
enum job_result { JOB_RUNNING, JOB_SUCCESS, JOB_FAILED, JOB_CANCELLED };

struct await;
struct device;
struct inhibitor;
struct port_wait;
struct step;
struct worker;

struct fact {
        char *key, *value;
};

struct job {
        struct job *next;
        struct service *service;
        uint32_t id;
        char *path; /* object */
        enum job_kind kind;
        char *device_path, *port;
        struct device *device; /* while it runs; NULL afterwards */
        struct options options;
        uid_t uid;
        uint64_t start_time_us; /* CLOCK_REALTIME */

        char *phase;
        uint64_t done, total; /* bytes of this phase */
        enum board_state state;
        struct fact facts[JOB_FACTS_MAX];
        size_t n_facts;
        enum job_result result;
        struct fault fault; /* why it ends */
        char *message;      /* the whole sentence */

        const struct step *const *steps; /* NULL-terminated */
        size_t step;
        const struct step *const
                *detour_from; /* job_detour(): where it goes on; NULL: there is none */
        size_t detour_step;
        unsigned n_followed; /* job-follow.c: into its bootloader, by another program */
        struct worker *worker;
        bool worker_has_tty, worker_has_hidraw;
        struct port_wait *port_wait; /* job-held.c */
        struct inhibitor *inhibitor; /* job-inhibit.c */
        size_t held_step;            /* that waits for the serial port */
        bool never_open;             /* what the last worker was given was held to its end */
        char *notice_before;         /* it waited */
        bool bootloader_was_held;    /* by another program, since the job began */
        const struct await *await;
        unsigned generation; /* the board's, as this job last saw it */
        bool cancelling;
        bool lost;             /* the board went when it should not */
        bool hinted;           /* the first wait is over */
        bool other_came;       /* another board than the one that was there */
        char reboot_after[32]; /* the way that started the firmware again; "": none did */
        bool more_ways;        /* into the bootloader, after the last one */
        bool deaf;             /* the firmware did not leave when it was asked for its bootloader */
        bool went_firmware;    /* began in firmware mode: a firmware is expected back */
        bool restoring; /* failed, and the untouched board is being brought back; `cause` tells why
                         */
        struct fault cause;
        char unique_id[32]; /* the board's, before it was flashed; "" if not known */
        int source_fd, image_fd;
        uint64_t history_id;              /* 0: not written down */
        char image_name[IMAGE_NAME_SIZE]; /* what the caller's file is called; "" if not known */
        /* The configuration (job-config.c): */
        bool keep_config;      /* it comes back after the flash */
        bool config_same;      /* all of it is on the board, as was read */
        bool resets;           /* the last worker left the board starting again */
        struct backup backup;  /* safe on the disk; no id: there is none */
        int output_fd;         /* the caller's file for what is read; a copy of options' */
        char *old_flash;       /* path of the service's own file for it; NULL: none */
        int config_fd;         /* what is to be on the board; sealed */
        char variant[16];      /* the firmware that the configuration is of */
        char *standing_notice; /* told whenever there is nothing more urgent to tell */
        sd_event_source *start_source, *await_timer, *expiry_timer;

        uint32_t dirty; /* bits of job properties, to be told (job-bus.c) */
        bool progress_dirty;
        uint64_t told_us; /* CLOCK_MONOTONIC */
        sd_event_source *tell_timer;
        sd_bus_message *waiters[JOB_WAITERS_MAX];
        size_t n_waiters;
};

/* Makes the job, tells it on the bus and lets it begin from the event loop. Takes source_fd, which
 * only a flash and a restore have. FWD_BUSY naming the job, FWD_LIMIT_EXCEEDED, FWD_FAILED. */
int job_new(struct service *service, struct device *device, enum job_kind kind,
            const struct options *options, uid_t uid, int source_fd, struct job **ret,
            struct fault *fault);
/* Whether job_new() would refuse: the same checks, for asking before a password is. */
int job_check(const struct service *service, const struct device *device, struct fault *fault);
/* FWD_NOT_SUPPORTED if it has ended, or is past what can be cancelled. */
int job_cancel(struct job *job, struct fault *fault);
/* The end: tells everybody. Fault for JOB_FAILED and JOB_CANCELLED; NULL for success. */
void job_finish(struct job *job, enum job_result result, const struct fault *fault);
/* The board of this job came, went, or got a port. The job may have ended afterwards. */
void job_device_changed(struct job *job);
void job_fail_wrong_board(struct job *job, const char *serial);
bool job_is_forced(const struct job *job);
bool job_is_cancelable(const struct job *job);

/* job-details.c */
void job_set_phase(struct job *job, const char *phase);
void job_set_progress(struct job *job, uint64_t done, uint64_t total);
void job_set_state(struct job *job, enum board_state state);
/* A fact for Details; replaces one of the same key. */
void job_set_fact(struct job *job, const char *key, const char *value);
/* Adds a sentence to the fact Notice, once. */
void job_add_notice(struct job *job, const char *sentence);
void job_clear_fact(struct job *job, const char *key);
const char *job_fact(const struct job *job, const char *key); /* NULL */
/* The Notice that is told whenever there is nothing more urgent to tell (NULL: none), and an end of
 * the more urgent one. */
void job_set_standing_notice(struct job *job, const char *notice);
void job_add_standing_notice(struct job *job, const char *sentence);
void job_clear_notice(struct job *job);
/* The notice as it is, for the time that something else is told. */
void job_notice_save(struct job *job);
void job_notice_restore(struct job *job);

struct job *job_find_path(const struct service *service, const char *path);
size_t jobs_running(const struct service *service);
/* The service goes: cancels the jobs that have not begun to change their board. */
void jobs_stop(struct service *service);
void jobs_clear(struct service *service);
/* "org.fwctl1.Error.…"; "" while it runs and if it succeeded. */
const char *job_error_name(const struct job *job);
/* At its beginning, its end, and when the state of the firmware changes. */
void job_write_history(struct job *job);
const char *job_kind_name(enum job_kind kind);
const char *job_result_name(enum job_result result);

/* job-bus.c */
enum job_property { /* in the order of dbus/org.fwctl1.xml */
                    JOB_P_ID,
                    JOB_P_DEVICE,
                    JOB_P_KIND,
                    JOB_P_PHASE,
                    JOB_P_BYTES_DONE,
                    JOB_P_BYTES_TOTAL,
                    JOB_P_STARTED_BY_UID,
                    JOB_P_START_TIME,
                    JOB_P_CANCELABLE,
                    JOB_P_RESULT,
                    JOB_P_ERROR_NAME,
                    JOB_P_ERROR_MESSAGE,
                    JOB_P_IMAGE_SHA256,
                    JOB_P_DETAILS,
                    _JOB_P_MAX,
};
int jobs_bus_add(struct service *service);
void job_announce(struct job *job);
void job_withdraw(struct job *job); /* from the bus, ten minutes after its end */
/* Something of `bits` changed: told at once if the last time is long enough ago, else soon. */
void job_tell(struct job *job, uint32_t bits);
/* Tells everything that is left, JobRemoved, and answers the waiting calls. */
void job_tell_end(struct job *job);
int job_append(sd_bus_message *message, const struct job *job);
