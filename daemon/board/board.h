/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Board profiles: what is known of a kind of board, as data. `NAME.board`, INI, in /etc/fwd over
 * /usr/lib/fwd (a file of the same name in /etc/fwd replaces the packaged one whole). hwdb's
 * FWD_BOARD names the candidates for a USB id in order; the first whose [Match] agrees with the USB
 * strings is the board. Read by the service (what to tell, how to reboot) and by the worker (where
 * to write): both see the same guards. The format is described in docs/adding-a-board.md.
 * Profiles are trusted as much as the rest of /etc, yet bounded and checked whole: a file with one
 * wrong line is refused, because half of a board's guards is none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/range.h"

#define BOARD_NAME_MAX 64U    /* bytes of a profile's name */
#define BOARD_FILE_MAX 65536U /* bytes of a profile */
#define BOARD_LIST_MAX 32U    /* patterns or ranges of one key */
#define BOARD_TEXT_MAX 600U   /* bytes of a title or hint */
#define BOARD_OTP_MAX  1024U  /* bytes of one-time memory that are looked at */

enum board_reboot { /* how the firmware is asked for its bootloader */
                    REBOOT_NONE,
                    REBOOT_MSP,       /* Betaflight and relatives, over the serial port */
                    REBOOT_CRAZYFLIE, /* a vendor request to the USB device */
                    REBOOT_ODRIVE,    /* a function of its native USB interface */
                    REBOOT_FFBEAST,   /* an output report to its HID interface */
                    _REBOOT_MAX,
};

enum board_otp { /* how the chip's one-time memory says what the board is */
                 OTP_NONE,
                 OTP_CRAZYFLIE, /* "0;TYPE" in the first block of 32 bytes that is not struck out */
                 OTP_ODRIVE,    /* FE, vendor, product, version and voltage: "3.6-56V" */
                 _OTP_MAX,
};

enum board_identify { /* who may open the serial port to ask what the board is */
                      IDENTIFY_NEVER,
                      IDENTIFY_ASKED, /* when somebody calls Identify(), or before a flash */
                      IDENTIFY_AUTO,  /* as soon as it is plugged in */
                      _IDENTIFY_MAX,
};

enum board_serial {                   /* what the firmware's USB serial number says of the ROM's */
                    SERIAL_NONE,      /* nothing */
                    SERIAL_SAME,      /* it is the ROM's */
                    SERIAL_CHIP,      /* the chip's 12 bytes of unique id, in hexadecimal */
                    SERIAL_UNRELATED, /* nothing, nor does the unique id that the firmware tells */
                    _SERIAL_MAX,
};

struct board_match { /* shell patterns (fnmatch), NULL-terminated, NULL: anything */
        char **manufacturer;
        char **product;
};

struct board_profile {
        char *name;  /* the file's name without .board */
        char *title; /* "Betaflight flight controller" */
        struct board_match match;
        enum board_reboot reboot;
        enum board_identify identify;
        bool flashable; /* false: known, but nothing here can flash it; hint_bootloader says what
                           does */
        bool has_raw_address;
        uint64_t raw_address; /* where a raw .bin belongs */
        bool has_start;
        uint64_t start; /* where its bootloader starts the firmware; else as the image says */
        struct range *protected_ranges; /* never erased or written, after sector rounding */
        size_t n_protected;
        struct range
                *keep_ranges; /* not erased unless the image writes there or erase=full was asked */
        size_t n_keep;
        bool settings_anywhere; /* they are in the flash, and nobody knows where */
        bool keep_config;     /* a flash backs the configuration up and brings it back, unless told
                                 otherwise */
        bool check_vectors;   /* the image must begin with a plausible vector table at its lowest
                                 address */
        bool unaligned_stack; /* whose stack pointer need not be a multiple of 4 */
        struct range
                recover; /* the board's own loader, which only a recovery writes; may be empty */
        enum board_serial serial;
        bool hangs_after_hand_entry; /* entered by hand, the bootloader cannot start the firmware */
        char *hint_bootloader;       /* how a person brings it into its bootloader */
        char *hint_return;           /* what to do when it does not come back */
        /* What the one-time memory says. */
        enum board_otp otp;
        struct range otp_range;
        char **otp_types;  /* patterns, NULL-terminated: a chip that says one of them is this board
                            */
        char **otp_boards; /* names of profiles that a chip without one may turn out to be */
        /* What a firmware file says of itself: of these texts, those in it are the types that it is
         * for. */
        char **image_types;
        char *otp_missing;     /* to a person whose board has nothing written there */
        char **otp_warn_types; /* patterns: such a board must not be handled without … */
        char *otp_warning;     /* … this being told */
        /* USB ids ("045b:59d7") of the firmware that belongs on it, as they stand in the device
         * descriptors of an image. */
        char **image_usb_ids;
        char *mcu;         /* the chip that all of these boards have ("STM32F405"); NULL */
        char *otp_default; /* the type of such a board whose memory is empty */
        char *image_hint;  /* to a person whose file is linked for where the loader is */
};

/* Reads NAME.board from the first of `dirs` (NULL-terminated) that has it. A name is [a-z0-9-]+. An
 * empty file, or a link to /dev/null, in an earlier directory hides those behind it. -ENOENT,
 * -EINVAL (name, or file: logged with its line), -E2BIG. */
int board_profile_load(const char *const *dirs, const char *name, struct board_profile **ret);
struct board_profile *board_profile_free(struct board_profile *profile);
DEFINE_CLEANUP(struct board_profile *, board_profile_free)
#define _cleanup_board_profile_ _cleanup_(board_profile_free_p)

/* The directories to look in: FWD_PROFILE_PATH of the environment (colons), else /etc/fwd,
 * /usr/lib/fwd. The array is static, made at the first call. */
const char *const *board_profile_dirs(void);

/* `candidates` is FWD_BOARD: names, blank separated. The first that matches; -ENOENT if none does.
 * A candidate without a file is passed over. One whose file is broken ends the search with its
 * error: it might have been the board, with guards that nobody knows now. */
int board_profile_find(const char *const *dirs, const char *candidates, const char *manufacturer,
                       const char *product, struct board_profile **ret);
/* NULL strings are empty ones. */
bool board_match(const struct board_profile *profile, const char *manufacturer,
                 const char *product);

/* Whether a text matches one of the patterns; NULL patterns: anything. */
bool board_patterns_match(char **patterns, const char *text);
/* Whether the firmware is asked for its bootloader over the serial port. */
bool board_reboot_opens_port(enum board_reboot reboot);
/* Whether it is asked over the hidraw node of its HID interface 0. */
bool board_reboot_opens_hid(enum board_reboot reboot);

/* The words of the profile: "none", "msp"; "never", "asked", "auto"; "none", "crazyflie". Never
 * NULL. */
const char *board_reboot_name(enum board_reboot reboot);
const char *board_identify_name(enum board_identify identify);
const char *board_otp_name(enum board_otp otp);
const char *board_serial_name(enum board_serial serial);
