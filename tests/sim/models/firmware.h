/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The program that runs on a simulated board when it is not in its bootloader. A board (board.h)
 * owns one and starts it when its chip starts; what the program wants of the chip it says in
 * `wish`. Pure, as the models are. */

#include "models/flash.h"
#include "models/usb-face.h"

struct firmware;

enum firmware_wish { /* what the chip shall do, at wish_us */
                     WISH_NOTHING,
                     WISH_RESET,      /* start again */
                     WISH_BOOTLOADER, /* start the ROM */
                     WISH_OFF,        /* its power goes: a fault */
};

enum firmware_entry {                 /* how the chip comes to where it decides what to start */
                      ENTRY_POWER,    /* power, or a reset */
                      ENTRY_SOFTWARE, /* out of its ROM, which the firmware had asked for */
                      ENTRY_BUTTON,   /* out of its ROM, which a person had brought about */
};

enum firmware_boot { BOOT_NOTHING, BOOT_FIRMWARE, BOOT_ROM };

struct flash;

struct firmware_ops {
        void (*start)(struct firmware *fw, uint64_t now_us);
        /* Class and vendor requests; the standard ones are answered by the face. */
        bool (*control)(struct firmware *fw, const struct model_setup *setup, const uint8_t *data,
                        uint64_t now_us, struct model_answer *ret);
        void (*serial_write)(struct firmware *fw, const uint8_t *data, size_t size,
                             uint64_t now_us);
        size_t (*serial_read)(struct firmware *fw, uint8_t *to, size_t size, uint64_t now_us);
        /* As model_ops has them; NULL: no endpoints but EP0 and the serial port's. */
        int (*out)(struct firmware *fw, uint8_t endpoint, const uint8_t *data, size_t size,
                   uint64_t now_us);
        int (*in)(struct firmware *fw, uint8_t endpoint, uint8_t *to, size_t size, uint64_t now_us);
        uint64_t (*next_event)(const struct firmware *fw);
        void (*advance)(struct firmware *fw, uint64_t now_us);
        /* -ENOENT, -EINVAL. */
        int (*set)(struct firmware *fw, const char *key, const char *value);
        /* What starts when the chip begins at `address`. NULL: whatever has a vector table. */
        enum firmware_boot (*boot)(const struct firmware *fw, const struct flash *flash,
                                   uint32_t address, enum firmware_entry entry);
};

/* The first member of what a kind of firmware has more; free() lets go of it. */
struct firmware {
        const struct firmware_ops *ops;
        struct usb_face face;
        enum firmware_wish wish;
        uint64_t wish_us;
        double time_scale;
        struct flash *flash;   /* of the chip, borrowed; set before `start` */
        uint64_t passthroughs; /* times it gave its motors away */
        uint32_t uid[3];       /* of the chip; the board keeps it up to date, then calls `start` */
        bool no_serial_port;   /* it has no CDC */
        bool resets_first;  /* started by the ROM, it resets the chip once: the boot pin decides */
        const uint8_t *otp; /* what the maker wrote to the chip's one-time memory; NULL: nothing */
        size_t otp_size;
};

/* A CDC-ACM port that takes everything and says nothing. NULL: no memory. */
struct firmware *firmware_cdc_new(void);
