/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/dfu11.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "models/faults.h"
#include "models/rom.h"
#include "models/usb-face.h"

/* Ids that pid.codes keeps for tests. */
#define VENDOR_ID          0x1209
#define PRODUCT_ID         0x0001
#define MEMORY_SIZE        65536U
#define TRANSFER_SIZE      1024U
#define DETACH_MS          1000U
#define POLL_MS            10U /* of a block, and what programming it takes */
#define MANIFEST_MS        20U
#define WIRE_US            200U
#define PACKET_US          88U
#define EP0_SIZE           64U
#define STATUS_SIZE        6U
#define ATTRIBUTES         0x03 /* download and upload */
#define ATTRIBUTE_UPLOAD   0x02
#define ATTRIBUTE_TOLERANT 0x04
#define RUNTIME_PROTOCOL   1
#define DFU_PROTOCOL       2

struct dfu11 {
        struct model model;
        struct usb_face face;
        struct faults faults;
        uint8_t memory[MEMORY_SIZE];
        bool powered, runtime, starts_in_runtime, tolerant, complete;
        bool no_upload, endless; /* cannot be read; has always one more block to give */
        double time_scale;
        uint8_t state, status;
        uint64_t busy_us;   /* dfuDNBUSY and dfuMANIFEST last until then */
        uint64_t detach_us; /* appDETACH lasts until then */
        uint8_t block[TRANSFER_SIZE];
        size_t block_size;
        uint16_t block_number;
};

static struct dfu11 *dfu11_of(struct model *m) {
        return (struct dfu11 *) m;
}

static uint64_t scaled(const struct dfu11 *d, uint64_t us) {
        return (uint64_t) ((double) us * d->time_scale);
}

static void show(struct dfu11 *d) {
        const uint8_t device[18] = {18,
                                    1,
                                    0x00,
                                    0x02,
                                    0,
                                    0,
                                    0,
                                    64,
                                    VENDOR_ID & 0xFF,
                                    VENDOR_ID >> 8,
                                    PRODUCT_ID & 0xFF,
                                    PRODUCT_ID >> 8,
                                    0x00,
                                    0x01,
                                    1,
                                    2,
                                    3,
                                    1};
        static const uint8_t config[9] = {9, 2, 0, 0, 1, 1, 0, 0x80, 0x32};
        const uint8_t interface[9] = {
                9, 4, 0, 0, 0, 0xFE, 1, d->runtime ? RUNTIME_PROTOCOL : DFU_PROTOCOL, 4};
        const uint8_t functional[9] = {
                9,
                0x21,
                (uint8_t) ((ATTRIBUTES & ~(d->no_upload ? ATTRIBUTE_UPLOAD : 0)) |
                           (d->tolerant ? ATTRIBUTE_TOLERANT : 0)),
                DETACH_MS & 0xFF,
                DETACH_MS >> 8,
                TRANSFER_SIZE & 0xFF,
                TRANSFER_SIZE >> 8,
                0x10,
                0x01};

        d->face = (struct usb_face){
                .answers_functional = true,
                .n_alts = {1},
                .strings = {NULL, "Example Devices", "DFU 1.1 device", "0123456789AB", "Firmware"}};
        memcpy(d->face.device, device, sizeof(device));
        face_add(&d->face, config, sizeof(config));
        face_add(&d->face, interface, sizeof(interface));
        face_add(&d->face, functional, sizeof(functional));
        face_show(&d->face, &d->model);
}

static void attach(struct dfu11 *d, bool runtime) {
        d->runtime = runtime;
        d->state = runtime ? BSTATE_APP_IDLE : BSTATE_IDLE;
        d->status = BSTATUS_OK;
        show(d);
        d->model.on_bus = true;
        d->model.generation++;
}

static void fail(struct dfu11 *d, uint8_t status) {
        d->state = BSTATE_ERROR;
        d->status = status;
}

/* Programs the block; only now is it known whether it fits. */
static void finish_block(struct dfu11 *d) {
        size_t offset = (size_t) d->block_number * TRANSFER_SIZE;

        if (offset > MEMORY_SIZE || d->block_size > MEMORY_SIZE - offset) {
                fail(d, BSTATUS_ADDRESS);
                return;
        }
        memcpy(d->memory + offset, d->block, d->block_size);
        d->model.stats.bytes_programmed += d->block_size;
        d->block_size = 0;
        d->state = BSTATE_DNLOAD_SYNC;
}

static void advance(struct model *m, uint64_t now_us) {
        struct dfu11 *d = dfu11_of(m);

        if (d->state == BSTATE_APP_DETACH && now_us >= d->detach_us)
                d->state = BSTATE_APP_IDLE;
        if (now_us < d->busy_us)
                return;
        if (d->state == BSTATE_DNBUSY)
                finish_block(d);
        else if (d->state == BSTATE_MANIFEST) {
                d->complete = true;
                d->state = d->tolerant ? BSTATE_MANIFEST_SYNC : BSTATE_MANIFEST_WAIT_RESET;
        }
        d->busy_us = MODEL_NEVER;
}

static void download(struct dfu11 *d, const struct model_setup *setup, const uint8_t *data,
                     struct model_answer *ret) {
        bool idle = d->state == BSTATE_IDLE, more = d->state == BSTATE_DNLOAD_IDLE;

        if (setup->length > TRANSFER_SIZE || (!idle && !more) || (idle && setup->length == 0))
                return;
        ret->kind = ANSWER_DATA;
        ret->size = setup->length;
        if (setup->length == 0) {
                d->complete = false;
                d->state = BSTATE_MANIFEST_SYNC;
                return;
        }
        memcpy(d->block, data, setup->length);
        d->block_size = setup->length;
        d->block_number = setup->value;
        d->state = BSTATE_DNLOAD_SYNC;
}

static void upload(struct dfu11 *d, const struct model_setup *setup, struct model_answer *ret) {
        size_t offset = (size_t) setup->value * TRANSFER_SIZE, size = setup->length;

        if ((d->state != BSTATE_IDLE && d->state != BSTATE_UPLOAD_IDLE) || size > TRANSFER_SIZE ||
            d->no_upload)
                return;
        if (d->endless)
                offset %= MEMORY_SIZE;
        if (offset > MEMORY_SIZE)
                offset = MEMORY_SIZE;
        if (size > MEMORY_SIZE - offset)
                size = MEMORY_SIZE - offset;
        memcpy(ret->data, d->memory + offset, size);
        ret->kind = ANSWER_DATA;
        ret->size = size;
        d->model.stats.bytes_uploaded += size;
        d->state = size < setup->length ? BSTATE_IDLE : BSTATE_UPLOAD_IDLE;
}

static void get_status(struct dfu11 *d, const struct model_setup *setup, struct model_answer *ret) {
        unsigned poll_ms = 0;

        switch (d->state) {
        case BSTATE_DNLOAD_SYNC:
                d->state = d->block_size > 0 ? BSTATE_DNBUSY : BSTATE_DNLOAD_IDLE;
                if (d->state == BSTATE_DNLOAD_IDLE)
                        break;
                poll_ms = POLL_MS;
                d->model.stats.program_us += POLL_MS * UINT64_C(1000);
                break;
        case BSTATE_MANIFEST_SYNC:
                d->state = d->complete ? BSTATE_IDLE : BSTATE_MANIFEST;
                poll_ms = d->complete ? 0 : MANIFEST_MS;
                break;
        }
        if (poll_ms > 0)
                d->busy_us = ret->at_us + scaled(d, poll_ms * UINT64_C(1000));
        const uint8_t bytes[STATUS_SIZE] = {d->status, (uint8_t) poll_ms, 0, 0, d->state, 0};

        ret->kind = ANSWER_DATA;
        ret->size = setup->length < STATUS_SIZE ? setup->length : STATUS_SIZE;
        memcpy(ret->data, bytes, ret->size);
}

static bool dfu_request(struct dfu11 *d, const struct model_setup *setup, const uint8_t *data,
                        struct model_answer *ret) {
        /* While it works nothing is answered, but for the poll time being over. */
        if (d->state == BSTATE_DNBUSY || d->state == BSTATE_MANIFEST ||
            d->state == BSTATE_MANIFEST_WAIT_RESET)
                return false;
        switch (setup->request) {
        case DFU_REQUEST_DNLOAD:
                download(d, setup, data, ret);
                break;
        case DFU_REQUEST_UPLOAD:
                upload(d, setup, ret);
                break;
        case DFU_REQUEST_GETSTATUS:
                get_status(d, setup, ret);
                break;
        case DFU_REQUEST_CLRSTATUS:
                if (d->state != BSTATE_ERROR)
                        break;
                d->state = BSTATE_IDLE;
                d->status = BSTATUS_OK;
                ret->kind = ANSWER_DATA;
                break;
        case DFU_REQUEST_GETSTATE:
                ret->kind = ANSWER_DATA;
                ret->size = setup->length ? 1 : 0;
                ret->data[0] = d->state;
                break;
        case DFU_REQUEST_ABORT:
                if (d->state == BSTATE_ERROR)
                        break;
                d->state = BSTATE_IDLE;
                d->block_size = 0;
                ret->kind = ANSWER_DATA;
                break;
        }
        return ret->kind == ANSWER_DATA;
}

static void runtime_request(struct dfu11 *d, const struct model_setup *setup,
                            struct model_answer *ret) {
        unsigned timeout_ms = setup->value < DETACH_MS ? setup->value : DETACH_MS;

        switch (setup->request) {
        case DFU_REQUEST_DETACH:
                d->state = BSTATE_APP_DETACH;
                d->detach_us = ret->at_us + timeout_ms * UINT64_C(1000);
                ret->kind = ANSWER_DATA;
                break;
        case DFU_REQUEST_GETSTATUS:
                get_status(d, setup, ret);
                break;
        case DFU_REQUEST_GETSTATE:
                ret->kind = ANSWER_DATA;
                ret->size = setup->length ? 1 : 0;
                ret->data[0] = d->state;
                break;
        }
}

static void unplug(struct model *m, uint64_t now_us) {
        struct dfu11 *d = dfu11_of(m);

        d->powered = false;
        d->model.on_bus = false;
        d->busy_us = MODEL_NEVER;
}

static enum fault_action find_fault(struct dfu11 *d, const struct model_setup *setup) {
        uint8_t status;
        enum fault_action any = faults_hit(&d->faults, WHEN_TRANSFER, &status), own = FAULT_NONE;

        if ((setup->request_type & 0x60) == 0)
                return any;
        if (setup->request == DFU_REQUEST_DNLOAD)
                own = faults_hit(&d->faults, WHEN_DNLOAD, &status);
        else if (setup->request == DFU_REQUEST_UPLOAD)
                own = faults_hit(&d->faults, WHEN_UPLOAD, &status);
        else if (setup->request == DFU_REQUEST_GETSTATUS)
                own = faults_hit(&d->faults, WHEN_GETSTATUS, &status);
        return any != FAULT_NONE ? any : own;
}

static void control(struct model *m, const struct model_setup *setup, const uint8_t *data,
                    uint64_t now_us, struct model_answer *ret) {
        struct dfu11 *d = dfu11_of(m);
        uint64_t wire_us = WIRE_US + (setup->length + EP0_SIZE - 1) / EP0_SIZE * PACKET_US;

        advance(m, now_us);
        *ret = (struct model_answer){.kind = ANSWER_GONE, .at_us = now_us};
        if (!d->model.on_bus)
                return;
        d->model.stats.control_transfers++;
        ret->kind = ANSWER_STALL;
        ret->at_us = now_us + scaled(d, wire_us);
        switch (find_fault(d, setup)) {
        case FAULT_STALL:
                return;
        case FAULT_HOLD:
                ret->at_us = MODEL_NEVER;
                return;
        case FAULT_UNPLUG:
                ret->kind = ANSWER_GONE;
                unplug(m, now_us);
                return;
        default:
                break;
        }
        if (face_control(&d->face, setup, ret))
                return;
        d->model.stats.dnloads += setup->request == DFU_REQUEST_DNLOAD;
        d->model.stats.uploads += setup->request == DFU_REQUEST_UPLOAD;
        d->model.stats.getstatuses += setup->request == DFU_REQUEST_GETSTATUS;
        d->model.stats.other_wire_us += wire_us;
        if (d->runtime)
                runtime_request(d, setup, ret);
        else if (!dfu_request(d, setup, data, ret) && d->state != BSTATE_MANIFEST_WAIT_RESET)
                fail(d, BSTATUS_STALLED);
}

static void plug(struct model *m, uint64_t now_us) {
        struct dfu11 *d = dfu11_of(m);

        if (d->powered)
                return;
        d->powered = true;
        attach(d, d->starts_in_runtime);
}

/* DFU 1.1: a reset in a dfu state starts the firmware, in appDETACH it enters DFU mode. */
static void reset(struct model *m, uint64_t now_us) {
        struct dfu11 *d = dfu11_of(m);
        bool to_runtime = !d->runtime;

        advance(m, now_us);
        if (!d->model.on_bus || (d->runtime && d->state != BSTATE_APP_DETACH))
                return;
        d->busy_us = MODEL_NEVER;
        attach(d, to_runtime);
}

static uint64_t next_event(struct model *m) {
        return dfu11_of(m)->busy_us;
}

static int set(struct model *m, const char *key, const char *value, uint64_t now_us) {
        struct dfu11 *d = dfu11_of(m);
        const struct {
                const char *key;
                bool *flag;
        } flags[] = {
                {"tolerant", &d->tolerant}, {"no-upload", &d->no_upload}, {"endless", &d->endless}};
        char *end;
        int r;

        advance(m, now_us);
        if (strcmp(key, "mode") == 0) {
                if (strcmp(value, "runtime") != 0 && strcmp(value, "dfu") != 0)
                        return -EINVAL;
                d->starts_in_runtime = strcmp(value, "runtime") == 0;
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
                if (strcmp(key, flags[i].key) == 0) {
                        r = parse_bool(value);
                        if (r < 0)
                                return -EINVAL;
                        *flags[i].flag = r;
                        return 0;
                }
        if (strcmp(key, "time-scale") == 0) {
                double scale = strtod(value, &end);

                if (end == value || *end || !(scale >= 0.0 && scale <= 100.0))
                        return -EINVAL;
                d->time_scale = scale;
                return 0;
        }
        if (strcmp(key, "clear-faults") == 0) {
                faults_clear(&d->faults);
                return 0;
        }
        if (strcmp(key, "reset-stats") == 0) {
                d->model.stats = (struct model_stats){0};
                return 0;
        }
        return faults_set(&d->faults, key, value);
}

static int load(struct model *m, uint64_t address, const void *data, size_t size) {
        if (address > MEMORY_SIZE || size > MEMORY_SIZE - address)
                return -ERANGE;
        memcpy(dfu11_of(m)->memory + address, data, size);
        return 0;
}

static int dump(struct model *m, uint64_t address, void *to, size_t size) {
        if (address > MEMORY_SIZE || size > MEMORY_SIZE - address)
                return -ERANGE;
        memcpy(to, dfu11_of(m)->memory + address, size);
        return 0;
}

static const struct model_ops dfu11_ops = {
        .control = control,
        .next_event = next_event,
        .advance = advance,
        .plug = plug,
        .unplug = unplug,
        .reset = reset,
        .set = set,
        .load = load,
        .dump = dump,
};

struct model *dfu11_new(void) {
        struct dfu11 *d = calloc(1, sizeof(*d));

        if (!d)
                return NULL;
        d->model.ops = &dfu11_ops;
        d->time_scale = 1.0;
        d->tolerant = true;
        memset(d->memory, 0xFF, sizeof(d->memory));
        return &d->model;
}
