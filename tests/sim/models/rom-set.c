/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/rom.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define MAX_POLL_MS      0xFFFFFFU
#define MAX_WIRE_US      1000000U
#define FIRST_ALT_STRING 4U

static void set_serial(struct rom *rom) {
        if (rom->chip->serial == SERIAL_CONSTANT)
                (void) snprintf(rom->serial, sizeof(rom->serial), "%s", rom->chip->serial_text);
        else if (rom->chip->serial == SERIAL_FOREIGN)
                (void) snprintf(rom->serial, sizeof(rom->serial), "%08X%04X",
                                (rom->uid[0] ^ rom->uid[2]) * 2654435761U,
                                (rom->uid[1] * 2654435761U) >> 16);
        else
                (void) snprintf(rom->serial, sizeof(rom->serial), "%08X%04X",
                                rom->uid[0] + rom->uid[2], rom->uid[1] >> 16);
}

void rom_show(struct rom *rom) {
        const struct chip *chip = rom->chip;
        struct usb_face *face = &rom->face;
        const uint8_t device[18] = {18,
                                    1,
                                    0x00,
                                    0x01,
                                    0,
                                    0,
                                    0,
                                    64,
                                    (uint8_t) chip->vendor_id,
                                    (uint8_t) (chip->vendor_id >> 8),
                                    (uint8_t) chip->product_id,
                                    (uint8_t) (chip->product_id >> 8),
                                    (uint8_t) chip->bcd_device,
                                    (uint8_t) (chip->bcd_device >> 8),
                                    1,
                                    2,
                                    3,
                                    1};
        static const uint8_t config[9] = {9, 2, 0, 0, 1, 1, 0, 0xC0, 0x32};
        const uint8_t functional[9] = {9,
                                       0x21,
                                       0x0B,
                                       0xFF,
                                       0x00,
                                       (uint8_t) rom->transfer_size,
                                       (uint8_t) (rom->transfer_size >> 8),
                                       0x1A,
                                       0x01};
        uint8_t n = 0;

        *face = (struct usb_face){.answers_functional = !chip->no_functional,
                                  .truncate_strings = face->truncate_strings};
        memcpy(face->device, device, sizeof(device));
        face_add(face, config, sizeof(config));
        for (; n < ARRAY_SIZE(chip->alts) && chip->alts[n]; n++) {
                const uint8_t interface[9] = {
                        9, 4, 0, n, 0, 0xFE, 1, 2, (uint8_t) (FIRST_ALT_STRING + n)};

                face_add(face, interface, sizeof(interface));
                face->strings[FIRST_ALT_STRING + n] =
                        n == 0 && rom->layout[0] ? rom->layout : chip->alts[n];
        }
        face_add(face, functional, sizeof(functional));
        face->n_alts[0] = n;
        face->strings[1] = chip->manufacturer;
        face->strings[2] = chip->product;
        if (rom->serial[0] == '\0')
                set_serial(rom);
        face->strings[3] = rom->serial;
}

/* 24 hexadecimal digits: the three words of the unique id, as `mcu_id` prints them. */
static int parse_uid(const char *text, uint32_t uid[3]) {
        if (strlen(text) != 24 || strspn(text, "0123456789abcdefABCDEF") != 24)
                return -EINVAL;
        for (int i = 0; i < 3; i++) {
                char word[9] = {0};

                memcpy(word, text + 8 * i, 8);
                uid[i] = (uint32_t) strtoul(word, NULL, 16);
        }
        return 0;
}

static int pick(const char *value, const char *const *names, size_t n, unsigned *ret) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(value, names[i]) == 0) {
                        *ret = (unsigned) i;
                        return 0;
                }
        return -EINVAL;
}

static int set_choice(struct rom *rom, const char *key, const char *value) {
        static const char *const families[] = {"answers-first", "works-first", "stalls-busy"};
        static const char *const leaves[] = {"answer", "gone", "stall", "drop", "ignore"};
        static const char *const power_ups[] = {"error", "idle"};
        static const char *const widths[] = {"8", "16", "32", "64"};
        static const char *const times[] = {"typ", "max"};
        static const char *const oversizes[] = {"stall", "clip"};
        static const char *const overwrites[] = {"and", "refuse"};
        unsigned i;
        int r = -ENOENT;

        if (strcmp(key, "family") == 0) {
                r = pick(value, families, ARRAY_SIZE(families), &i);
                if (r == 0)
                        rom->family = (enum chip_family) i;
        } else if (strcmp(key, "leave") == 0) {
                r = pick(value, leaves, ARRAY_SIZE(leaves), &i);
                if (r == 0)
                        rom->leave = (enum rom_leave) i;
        } else if (strcmp(key, "power-up") == 0) {
                r = pick(value, power_ups, ARRAY_SIZE(power_ups), &i);
                if (r == 0)
                        rom->idle_at_power_up = i == 1;
        } else if (strcmp(key, "parallelism") == 0) {
                r = pick(value, widths, ARRAY_SIZE(widths), &i);
                if (r == 0)
                        rom->default_parallelism = rom->flash.parallelism = i;
        } else if (strcmp(key, "timing") == 0) {
                r = pick(value, times, ARRAY_SIZE(times), &i);
                if (r == 0)
                        rom->flash.worst_times = i == 1;
        } else if (strcmp(key, "oversize") == 0) {
                r = pick(value, oversizes, ARRAY_SIZE(oversizes), &i);
                if (r == 0)
                        rom->clips_oversize = i == 1;
        } else if (strcmp(key, "overwrite") == 0) {
                r = pick(value, overwrites, ARRAY_SIZE(overwrites), &i);
                if (r == 0)
                        rom->flash.overwrite = (enum chip_overwrite) i;
        }
        return r;
}

static int set_number(struct rom *rom, const char *key, const char *value) {
        struct {
                const char *key;
                uint64_t max;
                unsigned *number;
                uint64_t *address;
        } const knobs[] = {
                {"poll-erase", MAX_POLL_MS, &rom->poll_erase_ms, NULL},
                {"poll-write", MAX_POLL_MS, &rom->poll_write_ms, NULL},
                {"wire-setup-us", MAX_WIRE_US, &rom->pace.setup_us, NULL},
                {"wire-packet-us", MAX_WIRE_US, &rom->pace.packet_us, NULL},
                {"wire-upload-packet-us", MAX_WIRE_US, &rom->pace.upload_packet_us, NULL},
                {"truncate-strings", UINT32_MAX, &rom->face.truncate_strings, NULL},
                {"unplug-byte", UINT64_MAX - 1, NULL, &rom->unplug_byte},
                {"corrupt-read", UINT32_MAX, NULL, &rom->corrupt_read},
                {"lose-write", UINT32_MAX, NULL, &rom->flash.lost_write},
                {"lose-erase", UINT32_MAX, NULL, &rom->flash.lost_erase},
                {"seed", UINT64_MAX, NULL, &rom->flash.random},
        };
        uint64_t number;

        for (size_t i = 0; i < ARRAY_SIZE(knobs); i++) {
                if (strcmp(key, knobs[i].key) != 0)
                        continue;
                if (parse_u64(value, knobs[i].max, &number) < 0)
                        return -EINVAL;
                if (knobs[i].number)
                        *knobs[i].number = (unsigned) number;
                else
                        *knobs[i].address = number;
                return 0;
        }
        return -ENOENT;
}

static int set_flag(struct rom *rom, const char *key, const char *value) {
        struct {
                const char *key;
                bool *flag;
        } const knobs[] = {
                {"strict-clear", &rom->strict_clear},
                {"bank2-wedge", &rom->bank2_wedge},
                {"state-0f", &rom->state_0f},
                {"protected-address", &rom->protected_address},
                {"wedge-unknown", &rom->wedge_unknown},
                {"wrong-bank", &rom->wrong_bank},
                {"unchecked", &rom->unchecked},
        };

        for (size_t i = 0; i < ARRAY_SIZE(knobs); i++) {
                int r;

                if (strcmp(key, knobs[i].key) != 0)
                        continue;
                r = parse_bool(value);
                if (r < 0)
                        return -EINVAL;
                *knobs[i].flag = r;
                return 0;
        }
        return -ENOENT;
}

static int set_scale(struct rom *rom, const char *value) {
        char *end;
        double scale;

        if (!isdigit((unsigned char) value[0]))
                return -EINVAL;
        scale = strtod(value, &end);
        if (*end != '\0' || !(scale >= 0.0 && scale <= 100.0))
                return -EINVAL;
        rom->pace.scale = scale;
        return 0;
}

static int set_text(char *to, size_t to_size, const char *value) {
        int n = snprintf(to, to_size, "%s", value);

        if (n < 0 || (size_t) n >= to_size) {
                to[0] = '\0';
                return -EINVAL;
        }
        return 0;
}

static int set_identity(struct rom *rom, const char *key, const char *value) {
        uint64_t number;
        int r;

        if (strcmp(key, "uid") == 0) {
                r = parse_uid(value, rom->uid);
                rom->serial[0] = '\0';
        } else if (strcmp(key, "bootloader-serial") == 0)
                r = set_text(rom->serial, sizeof(rom->serial), value);
        else if (strcmp(key, "layout") == 0)
                r = set_text(rom->layout, sizeof(rom->layout), value);
        else if (strcmp(key, "transfer-size") == 0) {
                r = parse_u64(value, FLASH_BLOCK_MAX, &number);
                if (r == 0 && number > 0)
                        rom->transfer_size = (unsigned) number;
                else
                        r = -EINVAL;
        } else
                return -ENOENT;
        rom_show(rom);
        return r < 0 ? -EINVAL : 0;
}

int rom_set(struct rom *rom, const char *key, const char *value) {
        uint64_t number;
        int r;

        if (strcmp(key, "time-scale") == 0)
                return set_scale(rom, value);
        if (strcmp(key, "protect") == 0)
                return flash_set_protected(&rom->flash, value);
        if (strcmp(key, "rdp") == 0) {
                if (parse_u64(value, 2, &number) < 0)
                        return -EINVAL;
                flash_set_rdp(&rom->flash, (unsigned) number);
                return 0;
        }
        if (strcmp(key, "reset-stats") == 0) {
                rom->stats = (struct model_stats){0};
                return 0;
        }
        if (strcmp(key, "clear-faults") == 0) {
                faults_clear(&rom->faults);
                rom->unplug_byte = UINT64_MAX;
                rom->corrupt_read = FLASH_NOWHERE;
                rom->flash.lost_write = rom->flash.lost_erase = FLASH_NOWHERE;
                return 0;
        }
        r = set_choice(rom, key, value);
        if (r == -ENOENT)
                r = set_number(rom, key, value);
        if (r == -ENOENT)
                r = set_flag(rom, key, value);
        if (r == -ENOENT)
                r = set_identity(rom, key, value);
        if (r == -ENOENT)
                r = faults_set(&rom->faults, key, value);
        return r;
}
