/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The steps that jobs are made of: a worker run, or a wait for udev. A step is a constant; what it
 * needs to remember is in the job. */

#include <stdbool.h>

#include "service/job.h"
#include "service/worker.h"

enum {               /* of step_start */
       STEP_DONE,    /* nothing (more) to do: the next one */
       STEP_STARTED, /* goes on by event */
};

enum {
        STEP_MAY_VANISH = 1 << 0,  /* the board may leave the bus and come back meanwhile */
        STEP_NO_CANCEL = 1 << 1,   /* the work is done already, this only looks */
        STEP_ABOUT_IMAGE = 1 << 2, /* its worker's facts are not the board's */
        STEP_OWN_PHASE = 1 << 3,   /* what its worker says of phases is not told */
};

struct step {
        const char *phase; /* set when it begins; NULL: the worker tells */
        unsigned flags;
        const char *fact_prefix; /* before the names of what its worker finds out, but for what
                                    tells the board; NULL: none */
        bool (*needed)(const struct job *job); /* NULL: always */
        /* STEP_*; negative with job->fault set. */
        int (*start)(struct job *job);
        /* What the worker's end means: 0 the next step, negative: job->fault is the end. NULL: any
         * fault is the end. */
        int (*finish)(struct job *job, const struct worker_outcome *outcome);
};

struct await {
        /* 1: that is it. 0: not yet. Negative: it cannot come any more, job->fault. */
        int (*check)(struct job *job);
        uint64_t first_ms; /* shorter than the setting; 0: the setting */
        bool timeless;     /* no timers: what is awaited has its own limit */
        /* After the first wait: 1 enough, 0 wait on (a Notice is set), negative as above. */
        int (*first)(struct job *job);
        /* After the second: 1 or negative. */
        int (*second)(struct job *job);
};

/* Runs steps from the present one on until one is started or the job ends. */
void job_run(struct job *job);
/* Starts a worker for this step; STEP_STARTED, or negative with job->fault. */
int step_start_worker(struct job *job, const struct worker_request *request);
/* The board is there and its serial port is not any more: job->fault, with who took it. */
int step_port_gone(struct job *job);
/* Begins to wait. */
int step_start_await(struct job *job, const struct await *await);
int job_fault(struct job *job, enum fwd_error error, const char *format, ...) _printf_(3, 4);

/* job-held.c: the step's worker found the serial port or the bootloader in use. True: the step is
 * begun again later, or the job has ended. False: the outcome, made clearer, is the step's. */
bool job_held_again(struct job *job, struct worker_outcome *outcome);
bool job_is_held(const struct job *job);
/* The port is open, or it does not matter any more. */
void job_held_end(struct job *job);

/* job-follow.c: the board has gone, or its port. True: the job waited for the port, and goes on
 * from the bootloader if the board comes as that, or has ended. False: it is lost. */
bool job_follow(struct job *job);
/* From a wait that is over: the next step is this earlier one. */
void job_go_back(struct job *job, const struct step *step);
/* Runs these steps, and then goes on with the present one, which begins anew. */
void job_detour(struct job *job, const struct step *const *steps);

/* The request with what every worker of this job gets. */
struct worker_request step_request(const struct job *job, const char *operation);

extern const struct step step_settle;   /* an identification of the service's own ends first */
extern const struct step step_port;     /* the serial port is there */
extern const struct step step_inhibit;  /* from here on the machine is kept awake */
extern const struct step step_modem;    /* no modem of ModemManager's: job-held.c */
extern const struct step step_identify; /* fails the job */
extern const struct step step_identify_returned; /* after one: told, goes on */
extern const struct step step_ask;               /* of a flash: who is it? goes on in any case */
extern const struct step step_match;             /* is the file for this board? */
extern const struct step step_reboot;
extern const struct step step_departure;  /* of a board that was asked without an answer */
extern const struct step step_bootloader; /* wait for it */
extern const struct step step_return;     /* wait for whatever comes */
extern const struct step step_leave;      /* of a bootloader */

int step_identify_start(struct job *job);
int step_identify_finish(struct job *job, const struct worker_outcome *outcome);

/* job-config.c: the configuration. Whether it can be read and written now: FWD_NOT_SUPPORTED. */
int config_check_board(const struct device *device, struct fault *fault);
/* The request for a worker that talks to the board's firmware about its configuration. */
int config_prepare(struct job *job, const char *operation, struct worker_request *ret);
/* job-config-plan.c: of a flash, before the board is touched: is the configuration to be kept? */
bool config_is_to_be_kept(const struct job *job);
extern const struct step step_config_plan;
extern const struct step step_config_identify; /* whose it is, if that is not known yet */
extern const struct step step_config_warn;     /* what the new firmware does to it */
extern const struct step step_backup;          /* until it is safe on the disk */
extern const struct step step_config_back;     /* wait for a board that starts again */
/* Of a flash, after it: can it be put back, is it still there, does it have to be? */
extern const struct step step_config_after;
extern const struct step step_config_look;
extern const struct step step_config_restore;
extern const struct step step_config_look_again;

/* job-defaults.c: the board's own defaults beside firmware for any board of its chip. Before the
 * board is touched: will there be any? */
extern const struct step step_defaults_plan;
extern const struct step step_defaults_after; /* of a flash: are there? */
extern const struct step step_defaults;
extern const struct step step_defaults_seen; /* they are what the board has now */
extern const struct step step_defaults_hint; /* they are there, and nobody asked for them */

/* Whether the board has a loader of its own, or may turn out to have one. FWD_NOT_SUPPORTED. */
int recover_check_board(const struct device *device, struct fault *fault);
/* Whether anything here can flash such a board. FWD_NOT_SUPPORTED. */
int flash_check_board(const struct device *device, struct fault *fault);

/* Ends of steps that several jobs have. */
int inspect_finish(struct job *job, const struct worker_outcome *outcome);
int flash_finish(struct job *job, const struct worker_outcome *outcome);

/* The lists, by kind. */
extern const struct step *const flash_steps[];
extern const struct step *const reboot_steps[];
extern const struct step *const identify_steps[];
extern const struct step *const leave_steps[];
/* job-chip.c: whether a job about the chip is to bring the board back into its firmware. */
bool chip_goes_back(const struct job *job);
extern const struct step step_plan; /* a dry run of the job's own worker operation */

extern const struct step *const read_steps[];
extern const struct step *const erase_steps[];
extern const struct step *const unprotect_steps[];
extern const struct step *const chip_plan_steps[];  /* erase, unprotect: dry-run */
extern const struct step *const flash_plan_steps[]; /* flash: dry-run */
extern const struct step *const recover_plan_steps[];
extern const struct step *const backup_steps[];
extern const struct step *const restore_config_steps[];
extern const struct step *const restore_config_plan_steps[];
extern const struct step *const recover_steps[];
extern const struct step *const defaults_steps[];
extern const struct step *const defaults_plan_steps[];
/* After a flash that failed before it changed anything: the board was only brought into its
 * bootloader, and gets its old firmware started again. */
extern const struct step *const restore_steps[];
