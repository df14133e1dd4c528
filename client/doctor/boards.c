/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The boards that were seen, and how far each got on its way to a flash. */

#include <string.h>

#include "base/text.h"
#include "client/doctor/doctor.h"
#include "client/doctor/holders.h"
#include "client/doctor/mend.h"

#define CLASS_APPLICATION 0xFE
#define SUBCLASS_DFU      0x01
#define PROTOCOL_DFU_MODE 0x02
#define WORKER            "fwd-worker"

static const json_t *on_bus(const struct doctor *d, const char *port) {
        const json_t *board;
        size_t i;

        json_array_foreach (d->boards, i, board)
                if (strcmp(json_text(board, "Port"), port) == 0)
                        return board;
        return NULL;
}

/* A job's own worker is no stranger. */
static bool somebody_has(const char *node, struct holder *ret, bool *ret_hidden) {
        return holder_find(node, ret, ret_hidden) > 0 && strcmp(ret->name, WORKER) != 0;
}

/* True if somebody else has it. */
static bool check_port(struct doctor *d, const struct usb_device *device, bool *ret_hidden) {
        for (size_t i = 0; i < device->n_ttys; i++) {
                _cleanup_free_ char *message = NULL, *end = NULL;
                struct holder holder;

                if (!somebody_has(device->ttys[i], &holder, ret_hidden))
                        continue;
                message = text_format("The program %s (process %d) has the port %s of the board "
                                      "at %s open.",
                                      holder.name, holder.pid, device->ttys[i], device->port);
                end = holder_end_command(&holder);
                doctor_problem(d, "port-held", device->port, message,
                               "A job waits 40 s for it, and then ends with PortHeld. Close it "
                               "there, or end it.",
                               end ? mend_as_root(d, end, NULL) : NULL);
                return true;
        }
        return false;
}

/* Who has it is writing to it, perhaps: no command to end that is given. */
static bool check_bootloader(struct doctor *d, const struct usb_device *device, bool *ret_hidden) {
        _cleanup_free_ char *message = NULL;
        struct holder holder;

        if (strcmp(device->mode, "bootloader") != 0 || !*device->node ||
            !somebody_has(device->node, &holder, ret_hidden))
                return false;
        message = text_format("The program %s (process %d) has the bootloader of the board at %s "
                              "open.",
                              holder.name, holder.pid, device->port);
        doctor_add(d, &(struct finding){.level = FINDING_PROBLEM,
                                        .id = "bootloader-held",
                                        .port = device->port,
                                        .message = message,
                                        .meaning = "A job waits 40 s for it, and then ends with "
                                                   "PortHeld.",
                                        .action = "It may be writing to the board: let it come to "
                                                  "its end."});
        return true;
}

static void not_on_bus(struct doctor *d, const struct usb_device *device) {
        _cleanup_free_ char *what = usb_device_text(device), *message = NULL;

        if (what)
                message = text_format("The service has not seen the board at %s (%s).",
                                      device->port, what);
        doctor_problem(d, "board-not-seen", device->port, message,
                       "udev knows it as a board, but the service missed its coming; restarted, it "
                       "looks again.",
                       mend_as_root(d, "systemctl restart fwd.service", NULL));
}

/* "firmware BTFL 4.5.1, its port is free" */
static char *stage(const struct usb_device *device, const json_t *board, bool hidden) {
        const char *version = json_text(board, "FirmwareVersion"), *mode = json_text(board, "Mode");
        const char *port = device->n_ttys == 0 ? ""
                           : hidden            ? ", its port is not open in a program of yours"
                                               : ", its port is free";

        if (strcmp(mode, "bootloader") == 0)
                return text_format("in its bootloader, ready to be flashed");
        if (strcmp(mode, "firmware") != 0)
                return text_format("%s", mode);
        if (*version)
                return text_format("firmware %s %s%s", json_text(board, "Variant"), version, port);
        return text_format("in its firmware, %s%s",
                           device->n_ttys ? "not asked what it is" : "without a serial port", port);
}

static void check_board(struct doctor *d, const struct usb_device *device) {
        const json_t *board = on_bus(d, device->port);
        _cleanup_free_ char *how_far = NULL, *message = NULL;
        const char *name, *hint, *job;
        bool hidden = false;

        if (!d->container &&
            (check_port(d, device, &hidden) || check_bootloader(d, device, &hidden)))
                return;
        if (!d->service_answers || !*device->mode)
                return;
        if (!board) {
                not_on_bus(d, device);
                return;
        }
        name = json_text(board, "BoardName");
        if (!*name)
                name = *device->name ? device->name : json_text(board, "Board");
        hint = json_text(board, "Hint");
        job = json_text(board, "Job");
        how_far = stage(device, board, hidden || d->container);
        if (how_far)
                message = text_format("%s at %s: %s%s.", name, device->port, how_far,
                                      *job && strcmp(job, "/") != 0 ? ", a job is at it" : "");
        doctor_add(d, &(struct finding){.level = *hint ? FINDING_NOTE : FINDING_OK,
                                        .id = "board",
                                        .port = device->port,
                                        .message = message,
                                        .action = *hint ? hint : NULL});
}

/* What could be a board, by its DFU interface, under an id that the hwdb does not have. */
static void check_stranger(struct doctor *d, const struct usb_device *device) {
        _cleanup_free_ char *what = NULL, *message = NULL, *command = NULL;

        for (size_t i = 0; i < device->n_interfaces && !what; i++)
                if (device->interfaces[i].class == CLASS_APPLICATION &&
                    device->interfaces[i].subclass == SUBCLASS_DFU &&
                    device->interfaces[i].protocol == PROTOCOL_DFU_MODE)
                        what = usb_device_text(device);
        if (!what)
                return;
        message = text_format("What is plugged in at %s (%s) waits for firmware, but fwd does not "
                              "know its id.",
                              device->port, what);
        command = text_format("printf 'usb:v%04Xp%04X*\\n FWD_MODE=bootloader\\n "
                              "FWD_BOARD=stm32-dfu\\n ID_MM_DEVICE_IGNORE=1\\n' | %stee "
                              "/etc/udev/hwdb.d/71-local.hwdb",
                              device->vendor, device->product, d->uid == 0 ? "" : "sudo ");
        if (command) {
                _cleanup_free_ char *update = mend_hwdb(d, NULL), *first = TAKE_PTR(command);

                command = update ? text_format("%s && %s", first, update) : NULL;
        }
        doctor_add(d,
                   &(struct finding){
                           .level = FINDING_NOTE,
                           .id = "unknown-bootloader",
                           .port = device->port,
                           .message = message,
                           .meaning = "The command adds the id, for a chip with a bootloader like "
                                      "ST's. Only if you know that it is one.",
                           .command = command,
                   });
}

void doctor_boards(struct doctor *d) {
        size_t boards = 0;

        for (size_t i = 0; i < d->usb.n; i++) {
                const struct usb_device *device = &d->usb.devices[i];

                if (usb_device_is_board(device)) {
                        boards++;
                        check_board(d, device);
                } else if (!*device->mode && !*device->hwdb_mode)
                        check_stranger(d, device);
        }
        if (boards > 0 || d->usb.n_controllers == 0)
                return;
        doctor_add(d,
                   &(struct finding){
                           .level = FINDING_NOTE,
                           .id = "no-board",
                           .message = "No board is plugged in, as far as the kernel can tell.",
                           .meaning =
                                   "A cable without data lines (many charging cables) and a board "
                                   "without power look the same.",
                           .action = "Plug a board in, with a cable that is known to carry data.",
                   });
}
