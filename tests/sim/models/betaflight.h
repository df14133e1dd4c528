/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Betaflight and its relatives as a program on a simulated board: a virtual serial port that speaks
 * MSP, reboots when asked, and has the character of its variant and version. betaflight.c: the
 * port, time, reboot. betaflight-msp.c: what it replies. betaflight-set.c: knobs. betaflight-cli.c
 * and betaflight-commands.c: its command line. betaflight-settings.c: what it is set to. */

#include "models/betaflight-cli.h"
#include "models/betaflight-settings.h"
#include "models/cdc.h"
#include "models/firmware.h"
#include "models/msp-port.h"
#include "models/second-port.h"

#define BETAFLIGHT_TEXT_MAX 64U
#define BETAFLIGHT_OUT_MAX  65536U
#define BETAFLIGHT_OUT_RUNS 1024U
#define BETAFLIGHT_REPLIES  64U /* MSP replies on their way; more is lost */

enum betaflight_cancel {                   /* what cancels a pending 'R' */
                         CANCEL_SELECTIVE, /* '$', or a byte that means nothing */
                         CANCEL_CHUNK,     /* any newly arrived bytes, before they are looked at */
                         CANCEL_BYTE,      /* any byte */
};

struct betaflight_target { /* what is compiled in; const */
        uint16_t vendor_id, product_id;
        const char *manufacturer, *product;
        const char *serial;     /* NULL: made of the UID */
        const char *identifier; /* 4 characters at most */
        const char *target, *board_name, *manufacturer_id;
        uint8_t mcu_id;
        bool forgets_reboot; /* takes the request for the bootloader, and starts itself again */
};

struct betaflight {
        struct firmware fw;
        const struct betaflight_target *target;
        struct cdc_port cdc;
        struct msp_port msp;
        struct second_port second;

        /* Knobs */
        char variant[5];
        char version[BETAFLIGHT_TEXT_MAX];
        unsigned major, minor, patch;
        unsigned api_major, api_minor;
        bool api_is_set;
        char identifier[5], target_name[BETAFLIGHT_TEXT_MAX], board_name[BETAFLIGHT_TEXT_MAX];
        char manufacturer_id[5], craft_name[BETAFLIGHT_TEXT_MAX], build_key[BETAFLIGHT_TEXT_MAX];
        uint16_t vendor_id, product_id; /* 0: the target's */
        char manufacturer[BETAFLIGHT_TEXT_MAX], product[BETAFLIGHT_TEXT_MAX],
                serial[BETAFLIGHT_TEXT_MAX];
        bool armed, silent, garbage, noise, ignore_reboot, flash_bootloader, msp_dfu;
        bool custom_defaults; /* a text of its own is in the firmware's room for it */
        enum reset_fault {    /* what becomes of MSP_RESET_CONF */
                           RESET_WORKS,
                           RESET_REFUSED,
                           RESET_SILENT,  /* no answer, and nothing done */
                           RESET_IGNORED, /* answered, restarts, and nothing done */
        } reset_fault;
        bool refuse_reboot;       /* MSP_REBOOT is answered with an error */
        unsigned slow_ms;         /* until each reply, not scaled */
        unsigned corrupt_replies; /* so many replies come with a wrong checksum */
        enum cli_fault cli_fault;
        unsigned cli_slow_ms; /* between two pieces of the command line's output, not scaled */
        char without[BETAFLIGHT_TEXT_MAX]; /* features that are not compiled in */
        char forget[BETAFLIGHT_TEXT_MAX];  /* a setting that is lost when it is saved */
        unsigned vanish;    /* asks for the bootloader by itself at so many requests more */
        unsigned reboot_ms; /* from the reply until the board leaves the bus */

        /* The port */
        char own_serial[16];
        bool reboot_pending;
        struct cli cli;
        struct settings settings;
        uint64_t last_byte_us;
        uint8_t out[BETAFLIGHT_OUT_MAX];
        size_t out_size;
        struct {
                uint64_t due_us;
                size_t size;
        } runs[BETAFLIGHT_OUT_RUNS];
        size_t n_runs;
};

struct betaflight_reply {
        uint8_t data[MSP_REPLY_MAX];
        size_t size;
        bool error;
        enum firmware_wish wish;
};

/* NULL: no memory. */
struct firmware *betaflight_new(const struct betaflight_target *target);

/* Shared by the betaflight*.c files. */
void betaflight_handle(struct betaflight *b, const struct msp_request *request,
                       struct betaflight_reply *ret);
int betaflight_set(struct firmware *fw, const char *key, const char *value);
bool betaflight_is(const struct betaflight *b, const char *variant);
bool betaflight_is_before(const struct betaflight *b, unsigned major, unsigned minor,
                          unsigned patch);
void betaflight_send(struct betaflight *b, const uint8_t *data, size_t size, uint64_t due_us);
/* Tells the chip what is wished, so long after `from_us` as a reboot takes. */
void betaflight_wish(struct betaflight *b, enum firmware_wish wish, uint64_t from_us);
enum betaflight_cancel betaflight_cancel_rule(const struct betaflight *b);
