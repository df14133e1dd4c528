/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/betaflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MSP_RESET_CONF   208
#define REBOOT_CHARACTER 'R'
#define CLI_CHARACTER    '#'
#define GUARD_US         100000U /* silence after 'R' or '#' until it counts; real time always */
#define LATENCY_US       1000U   /* one pass of the scheduler */
#define REBOOT_LEAST_US  20000U  /* real time: the reply must be out before the port is gone */
#define REBOOT_MS        300U    /* motors down, settings written, until the reset */
#define GARBAGE_SIZE     24U

bool betaflight_is(const struct betaflight *b, const char *variant) {
        return strcmp(b->variant, variant) == 0;
}

bool betaflight_is_before(const struct betaflight *b, unsigned major, unsigned minor,
                          unsigned patch) {
        if (b->major != major)
                return b->major < major;
        if (b->minor != minor)
                return b->minor < minor;
        return b->patch < patch;
}

enum betaflight_cancel betaflight_cancel_rule(const struct betaflight *b) {
        if (!betaflight_is(b, "BTFL"))
                return CANCEL_CHUNK;
        if (b->major == 2025 && b->minor == 12 && b->patch == 1)
                return CANCEL_BYTE;
        if (b->major == 4 ? betaflight_is_before(b, 4, 5, 5) : betaflight_is_before(b, 2025, 12, 5))
                return CANCEL_CHUNK;
        return CANCEL_SELECTIVE;
}

static struct betaflight *betaflight_of(struct firmware *fw) {
        return (struct betaflight *) fw;
}

static void start(struct firmware *fw, uint64_t now_us) {
        struct betaflight *b = betaflight_of(fw);
        const uint16_t vendor_id = b->vendor_id ? b->vendor_id : b->target->vendor_id;
        const uint16_t product_id = b->vendor_id ? b->product_id : b->target->product_id;

        second_port_start(&b->second);
        if (b->second.kind == SECOND_PORT_NONE)
                cdc_show(&fw->face, vendor_id, product_id);
        else
                cdc_show_two(&fw->face, vendor_id, product_id);
        (void) snprintf(b->own_serial, sizeof(b->own_serial), "%08X%04X", fw->uid[0] + fw->uid[2],
                        fw->uid[1] >> 16);
        fw->face.strings[1] = b->manufacturer[0] ? b->manufacturer : b->target->manufacturer;
        fw->face.strings[2] = b->product[0] ? b->product : b->target->product;
        fw->face.strings[3] = b->serial[0]        ? b->serial
                              : b->target->serial ? b->target->serial
                                                  : b->own_serial;
        b->cdc = (struct cdc_port){.line_coding = {0x00, 0xC2, 0x01, 0x00, 0, 0, 8}};
        b->msp = (struct msp_port){0};
        b->reboot_pending = false;
        b->cli = (struct cli){0};
        settings_load(b);
        b->last_byte_us = now_us;
        b->out_size = b->n_runs = 0;
}

static bool control(struct firmware *fw, const struct model_setup *setup, const uint8_t *data,
                    uint64_t now_us, struct model_answer *ret) {
        struct betaflight *b = betaflight_of(fw);

        return cdc_control(setup->index < 2 ? &b->cdc : &b->second.cdc, setup, data, ret);
}

static int out(struct firmware *fw, uint8_t endpoint, const uint8_t *data, size_t size,
               uint64_t now_us) {
        return second_port_out(&betaflight_of(fw)->second, endpoint, data, size);
}

static int in(struct firmware *fw, uint8_t endpoint, uint8_t *to, size_t size, uint64_t now_us) {
        return second_port_in(&betaflight_of(fw)->second, endpoint, to, size);
}

/* What does not fit any more is lost, as in the firmware. */
void betaflight_send(struct betaflight *b, const uint8_t *data, size_t size, uint64_t due_us) {
        if (b->n_runs == BETAFLIGHT_OUT_RUNS || size > BETAFLIGHT_OUT_MAX - b->out_size)
                return;
        memcpy(b->out + b->out_size, data, size);
        b->out_size += size;
        b->runs[b->n_runs].due_us = due_us;
        b->runs[b->n_runs++].size = size;
}

static void send_garbage(struct betaflight *b, uint64_t due_us) {
        uint8_t bytes[GARBAGE_SIZE];

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t) (i * 151 + 7 * b->out_size + 13);
        betaflight_send(b, bytes, sizeof(bytes), due_us);
}

void betaflight_wish(struct betaflight *b, enum firmware_wish wish, uint64_t from_us) {
        uint64_t delay_us = (uint64_t) (b->reboot_ms * 1000.0 * b->fw.time_scale);

        if (b->ignore_reboot || wish == WISH_NOTHING)
                return;
        b->fw.wish = wish;
        b->fw.wish_us = from_us + (delay_us < REBOOT_LEAST_US ? REBOOT_LEAST_US : delay_us);
}

static void answer(struct betaflight *b, uint64_t now_us) {
        static const char noise[] = "\r\n# rc: no signal\r\n$M";
        uint64_t due_us = now_us + LATENCY_US + b->slow_ms * UINT64_C(1000);
        struct betaflight_reply reply = {0};
        uint8_t frame[MSP_FRAME_MAX];
        size_t size;

        if (b->vanish > 0 && --b->vanish == 0) {
                betaflight_wish(b, WISH_BOOTLOADER, now_us);
                return;
        }
        if (b->silent || (b->msp.request.code == MSP_RESET_CONF && b->reset_fault == RESET_SILENT))
                return;
        if (b->garbage) {
                send_garbage(b, due_us);
                return;
        }
        betaflight_handle(b, &b->msp.request, &reply);
        if (reply.error)
                reply.size = 0;
        size = msp_port_reply(&b->msp.request, reply.error, reply.data, reply.size, frame);
        if (b->corrupt_replies > 0) {
                b->corrupt_replies--;
                frame[size - 1] ^= 0x55;
        }
        if (b->noise)
                betaflight_send(b, (const uint8_t *) noise, strlen(noise), due_us);
        if (b->n_runs < BETAFLIGHT_REPLIES)
                betaflight_send(b, frame, size, due_us);
        betaflight_wish(b, reply.wish, due_us);
}

/* A byte between two MSP frames. */
static void single_byte(struct betaflight *b, uint8_t byte, enum betaflight_cancel rule) {
        if (b->armed || b->silent)
                return;
        if (byte == REBOOT_CHARACTER) {
                b->reboot_pending = true;
                b->cli.pending = false;
        } else if (byte == CLI_CHARACTER) {
                b->cli.pending = true;
                b->reboot_pending = false;
        } else if (rule == CANCEL_SELECTIVE)
                b->reboot_pending = false; /* but not the command line: "#\r" opens it */
}

static void serial_write(struct firmware *fw, const uint8_t *data, size_t size, uint64_t now_us) {
        struct betaflight *b = betaflight_of(fw);
        enum betaflight_cancel rule = betaflight_cancel_rule(b);

        if (size == 0 || fw->wish != WISH_NOTHING)
                return;
        if (rule == CANCEL_CHUNK)
                b->reboot_pending = b->cli.pending = false;
        for (size_t i = 0; i < size; i++) {
                if (rule == CANCEL_BYTE || (rule == CANCEL_SELECTIVE && data[i] == '$'))
                        b->reboot_pending = b->cli.pending = false;
                if (!b->silent && cli_take(b, data[i], now_us))
                        continue;
                if (msp_port_is_idle(&b->msp) && data[i] != '$')
                        single_byte(b, data[i], rule);
                else if (msp_port_feed(&b->msp, data[i]))
                        answer(b, now_us);
        }
        cli_flush(b, now_us);
        b->last_byte_us = now_us;
}

static size_t serial_read(struct firmware *fw, uint8_t *to, size_t size, uint64_t now_us) {
        struct betaflight *b = betaflight_of(fw);
        size_t n = 0;

        while (b->n_runs > 0 && b->runs[0].due_us <= now_us && n < size) {
                size_t part = b->runs[0].size < size - n ? b->runs[0].size : size - n;

                memcpy(to + n, b->out, part);
                n += part;
                b->out_size -= part;
                memmove(b->out, b->out + part, b->out_size);
                b->runs[0].size -= part;
                if (b->runs[0].size == 0)
                        memmove(b->runs, b->runs + 1, --b->n_runs * sizeof(b->runs[0]));
        }
        return n;
}

static uint64_t next_event(const struct firmware *fw) {
        const struct betaflight *b = (const struct betaflight *) fw;
        uint64_t at_us = MODEL_NEVER;

        if (b->n_runs > 0)
                at_us = b->runs[0].due_us;
        if ((b->reboot_pending || b->cli.pending) && b->last_byte_us + GUARD_US < at_us)
                at_us = b->last_byte_us + GUARD_US;
        return at_us;
}

static void advance(struct firmware *fw, uint64_t now_us) {
        struct betaflight *b = betaflight_of(fw);

        if (!(b->reboot_pending || b->cli.pending) || now_us < b->last_byte_us + GUARD_US)
                return;
        if (b->cli.pending)
                cli_enter(b, b->last_byte_us + GUARD_US);
        else
                betaflight_wish(b, WISH_BOOTLOADER, b->last_byte_us + GUARD_US);
        b->reboot_pending = b->cli.pending = false;
}

static const struct firmware_ops betaflight_ops = {
        .start = start,
        .control = control,
        .serial_write = serial_write,
        .serial_read = serial_read,
        .out = out,
        .in = in,
        .next_event = next_event,
        .advance = advance,
        .set = betaflight_set,
};

struct firmware *betaflight_new(const struct betaflight_target *target) {
        static const struct {
                const char *key, *value;
        } defaults[] = {{"variant", "BTFL"}, {"version", "2025.12.2"}, {"craft-name", "bench"}};
        struct betaflight *b = calloc(1, sizeof(*b));

        if (!b)
                return NULL;
        b->fw.ops = &betaflight_ops;
        b->fw.wish_us = MODEL_NEVER;
        b->target = target;
        b->reboot_ms = REBOOT_MS;
        (void) snprintf(b->identifier, sizeof(b->identifier), "%s", target->identifier);
        (void) snprintf(b->target_name, sizeof(b->target_name), "%s", target->target);
        (void) snprintf(b->board_name, sizeof(b->board_name), "%s", target->board_name);
        (void) snprintf(b->manufacturer_id, sizeof(b->manufacturer_id), "%s",
                        target->manufacturer_id);
        for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
                (void) betaflight_set(&b->fw, defaults[i].key, defaults[i].value);
        return &b->fw;
}
