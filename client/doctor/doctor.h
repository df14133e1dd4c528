/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* fwctl doctor: what goes wrong before a flash, each with the one command that mends it. One file
 * for each area, which looks and adds what it found; verb-doctor.c runs them and prints. It opens
 * no device, changes nothing, needs no root and no service: what it may not see it says, and does
 * not guess. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-bus.h>

#include "client/client.h"
#include "client/doctor/usb.h"
#include "client/json.h"

enum finding_level {
        FINDING_OK,
        FINDING_NOTE,    /* worth knowing; a flash can succeed all the same */
        FINDING_PROBLEM, /* what is named will not work */
};

struct finding {
        enum finding_level level;
        const char *id;      /* for programs; stays as it is */
        const char *port;    /* NULL: it is not about one port */
        const char *message; /* what is wrong, one sentence */
        const char *meaning; /* what that means for the user; may be NULL */
        const char *command; /* mends it, as it can be pasted; or NULL */
        const char *action;  /* what no command can do; or NULL */
};

struct doctor {
        struct client *client;
        const char *root; /* goes before every file's path: "", but in tests */
        uid_t uid;
        bool container;       /* the machine's files are elsewhere */
        json_t *findings;     /* owned; array of objects */
        int error;            /* -ENOMEM: the list is not whole */
        struct usb_list usb;  /* what is plugged in */
        bool bus;             /* client->bus is open */
        bool service_answers; /* and `boards` and `jobs` are what it said */
        bool boards_not_set;  /* a board is not as our rules would have it */
        json_t *boards, *jobs;
};

/* `message` NULL counts as memory that is out. */
void doctor_add(struct doctor *d, const struct finding *finding);
/* The common case. `command` is taken over; NULL counts as memory that is out. */
void doctor_problem(struct doctor *d, const char *id, const char *port, const char *message,
                    const char *meaning, char *command);
void doctor_ok(struct doctor *d, const char *id, const char *format, ...) _printf_(3, 4);
/* How many findings there are of a level. */
size_t doctor_count(const struct doctor *d, enum finding_level level);
const char *finding_level_name(enum finding_level level);
void doctor_clear(struct doctor *d);

/* The areas, in the order they are run in: later ones use what earlier ones found. */
void doctor_bus(struct doctor *d);
void doctor_service(struct doctor *d);
void doctor_boards_set(struct doctor *d); /* what udev made of what is plugged in */
void doctor_udev_files(struct doctor *d);
void doctor_polkit(struct doctor *d);
void doctor_people(struct doctor *d);
void doctor_modem_manager(struct doctor *d);
void doctor_brltty(struct doctor *d);
void doctor_fwupd(struct doctor *d);
void doctor_drivers(struct doctor *d);
void doctor_kernel_log(struct doctor *d);
void doctor_boards(struct doctor *d);

/* Files. `path` is below d->root. */
char *doctor_path(const struct doctor *d, const char *path);
bool doctor_exists(const struct doctor *d, const char *path);
/* A text file, 4 MiB of it at most, new; NULL with errno. */
char *doctor_read(const struct doctor *d, const char *path);

/* The bus. A property that is a text, new; NULL if it cannot be had. */
char *doctor_bus_text(struct doctor *d, const char *name, const char *path, const char *interface,
                      const char *property);
bool doctor_bus_has(struct doctor *d, const char *name);       /* somebody owns it */
bool doctor_bus_can_start(struct doctor *d, const char *name); /* or the bus would start it */
#define UNIT_INTERFACE "org.freedesktop.systemd1.Unit"
char *doctor_unit_text(struct doctor *d, const char *unit, const char *interface,
                       const char *property); /* of systemd, the unit loaded if need be */
