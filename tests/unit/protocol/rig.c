/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#define CALLBACKS_MAX 4

static uint8_t old_byte(uint64_t address) {
        return (uint8_t) (address * 13 + (address >> 11) + 0x5a);
}

static uint8_t new_byte(uint64_t address) {
        return (uint8_t) (address * 31 + (address >> 8) * 7 + (address >> 16));
}

void rig_init(struct rig *rig, const char *kind, const char *const *options) {
        _cleanup_free_ uint8_t *old = malloc(RIG_OLD_SIZE);
        char error[256] = "";

        *rig = (struct rig){.fault = FAULT_INIT};
        rig->model = model_new(kind, options, error, sizeof(error));
        if (!rig->model)
                fail_msg("%s", error);
        for (size_t i = 0; i < RIG_OLD_SIZE; i++)
                old[i] = old_byte(RIG_FLASH + i);
        /* Smaller chips hold less of it. */
        for (size_t i = 0; i < RIG_OLD_SIZE; i += KIB)
                if (model_load(rig->model, RIG_FLASH + i, old + i, KIB) < 0)
                        break;
        fake_usb_init(&rig->fake, rig->model, 0);
}

void rig_clear(struct rig *rig) {
        dfu_clear(&rig->dfu);
        flash_plan_clear(&rig->plan);
        segments_clear(&rig->image);
        fake_usb_clear(&rig->fake);
        (void) model_free(rig->model);
}

void rig_open(struct rig *rig) {
        if (rig->dfu.usb)
                return;
        if (dfu_open(&rig->fake.usb, &rig->dfu, &rig->fault) < 0)
                fail_msg("%s", rig->fault.message);
}

void rig_add(struct rig *rig, uint64_t address, size_t size) {
        _cleanup_free_ uint8_t *bytes = malloc(size);

        for (size_t i = 0; i < size; i++)
                bytes[i] = new_byte(address + i);
        assert_int_equal(segments_add(&rig->image, address, bytes, size), 0);
}

void rig_plan(struct rig *rig) {
        struct flash_rules rules = {};

        assert_int_equal(segments_finish(&rig->image, &(uint64_t){0}), 0);
        dfu_flash_rules(&rig->dfu, &rules);
        flash_plan_clear(&rig->plan);
        if (flash_plan_make(&rig->dfu.map, &rig->image, &rules, &rig->plan, &rig->fault) < 0)
                fail_msg("%s", rig->fault.message);
}

static int on_progress(void *userdata, const char *phase, uint64_t done, uint64_t total) {
        struct rig *rig = userdata;

        if (!rig->phase || strcmp(phase, rig->phase) != 0) {
                assert_true(rig->n_phases < ARRAY_SIZE(rig->phases));
                rig->phases[rig->n_phases++] = phase;
        } else {
                assert_true(done >= rig->done);
                assert_int_equal(total, rig->total);
        }
        assert_true(total == 0 || done <= total); /* 0: not known */
        rig->phase = phase;
        rig->done = done;
        rig->total = total;
        if (rig->trouble) {
                rig_set(rig, "clear-faults", "1");
                rig_set(rig, "stall-dnload", "1");
        }
        return ++rig->n_progress == rig->cancel_at;
}

static void on_state(void *userdata, enum board_state state) {
        struct rig *rig = userdata;

        assert_true(state > rig->state);
        rig->state = state;
        rig->n_states++;
}

const struct dfu_callbacks *rig_callbacks(struct rig *rig) {
        static struct dfu_callbacks callbacks[CALLBACKS_MAX];
        static unsigned next;
        struct dfu_callbacks *cb = &callbacks[next++ % CALLBACKS_MAX];

        *cb = (struct dfu_callbacks){.progress = on_progress, .state = on_state, .userdata = rig};
        return cb;
}

int rig_flash(struct rig *rig) {
        rig_plan(rig);
        return dfuse_flash(&rig->dfu, &rig->plan, rig_callbacks(rig), &rig->fault);
}

void rig_set(struct rig *rig, const char *key, const char *format, ...) {
        char value[64];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(value, sizeof(value), format, ap);
        va_end(ap);
        if (model_set(rig->model, key, value, rig->fake.now_us) < 0)
                fail_msg("The model does not take %s=%s", key, value);
}

static uint8_t *dump(struct rig *rig, struct range r) {
        uint8_t *bytes = malloc((size_t) range_size(r));

        assert_non_null(bytes);
        assert_int_equal(model_dump(rig->model, r.start, bytes, (size_t) range_size(r)), 0);
        return bytes;
}

bool rig_holds_image(struct rig *rig) {
        for (size_t i = 0; i < rig->image.n; i++) {
                const struct segment *s = &rig->image.items[i];
                _cleanup_free_ uint8_t *bytes = dump(rig, segment_range(s));

                if (memcmp(bytes, s->data, s->size) != 0)
                        return false;
        }
        return true;
}

static bool is_planned(const struct rig *rig, uint64_t address) {
        for (size_t i = 0; i < rig->plan.n_erases; i++)
                if (range_has(rig->plan.erases[i].range, address))
                        return true;
        return false;
}

/* What is not in the plan is as it was. */
static void expect_rest_untouched(struct rig *rig) {
        for (size_t i = 0; i < rig->dfu.map.n; i++) {
                const struct sector *s = &rig->dfu.map.sectors[i];
                _cleanup_free_ uint8_t *bytes = NULL;

                if (s->alt != 0 || is_planned(rig, s->range.start) ||
                    s->range.end > RIG_FLASH + RIG_OLD_SIZE)
                        continue;
                bytes = dump(rig, s->range);
                for (size_t k = 0; k < range_size(s->range); k++)
                        if (bytes[k] != old_byte(s->range.start + k))
                                fail_msg("0x%lx was touched, outside the plan",
                                         (unsigned long) (s->range.start + k));
        }
}

static bool sector_is_old(struct rig *rig, struct range r) {
        _cleanup_free_ uint8_t *bytes = dump(rig, r);

        for (size_t k = 0; k < range_size(r); k++)
                if (bytes[k] != old_byte(r.start + k))
                        return false;
        return true;
}

/* The first block, with the vector table, is in only when all others are. */
static void expect_nothing_half_starts(struct rig *rig) {
        struct range block;
        size_t n = flash_run_block(&rig->plan, &rig->plan.runs[0], 0, &block);
        _cleanup_free_ uint8_t *bytes = dump(rig, block);

        if (memcmp(bytes, rig->plan.runs[0].data, n) == 0)
                assert_true(rig_holds_image(rig));
}

void rig_expect_consistent(struct rig *rig, int result) {
        bool old = true;

        if (result >= 0) {
                rig_expect_flashed(rig, result);
                return;
        }
        assert_true(rig->fault.error != FWD_OK);
        assert_true(rig->fault.message[0] != '\0');
        assert_int_equal(result, fwd_error_to_errno(rig->fault.error));
        expect_rest_untouched(rig);
        for (size_t i = 0; i < rig->plan.n_erases; i++)
                if (rig->plan.erases[i].range.end <= RIG_FLASH + RIG_OLD_SIZE)
                        old = old && sector_is_old(rig, rig->plan.erases[i].range);
        switch (rig->state) {
        case BOARD_UNTOUCHED:
                assert_true(old);
                break;
        case BOARD_ERASED:
        case BOARD_PARTLY_WRITTEN:
                expect_nothing_half_starts(rig);
                break;
        case BOARD_WRITTEN:
                break;
        default:
                fail_msg("Failed, and yet \"%s\"", board_state_name(rig->state));
        }
}

void rig_expect_flashed(struct rig *rig, int result) {
        if (result < 0)
                fail_msg("%s: %s", fwd_error_name(rig->fault.error), rig->fault.message);
        assert_int_equal(rig->fault.error, FWD_OK);
        assert_int_equal(rig->state, BOARD_VERIFIED);
        assert_int_equal(rig->n_states, BOARD_VERIFIED);
        assert_true(rig_holds_image(rig));
        expect_rest_untouched(rig);
        assert_int_equal(rig->n_phases, 3);
        assert_string_equal(rig->phases[0], "erasing");
        assert_string_equal(rig->phases[1], "writing");
        assert_string_equal(rig->phases[2], "verifying");
        assert_int_equal(rig->done, rig->total);
        assert_int_equal(rig->total, rig->plan.write_bytes);
}

void rig_expect_fault(struct rig *rig, int result, enum fwd_error error) {
        assert_true(result < 0);
        if (rig->fault.error != error)
                fail_msg("%s, not %s: %s", fwd_error_name(rig->fault.error), fwd_error_name(error),
                         rig->fault.message);
        rig_expect_consistent(rig, result);
}
