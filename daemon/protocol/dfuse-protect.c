/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Read protection: what the option bytes say, and how the protection is taken off. The bytes are
 * read and never written here or anywhere: level 2 cannot be undone, and the command that takes
 * level 1 off (AN3156, Read Unprotect) has the chip write them itself, after a mass erase. */

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "protocol/dfu-internal.h"

enum {
        COMMAND_UNPROTECT = 0x92,
        COMMANDS_SIZE_MAX = 32, /* F105 has 4 */
        POLL_MAX_MS = 1000,     /* so that the end is seen soon, whatever poll time is told */
        SILENCE_MS = 100,       /* between two questions that were not answered */
};

/* 1: it can; 0: it says that it cannot; -ENODEV. A bootloader that does not list its commands may
 * be able to. */
static int can_unprotect(struct dfu *dfu) {
        uint8_t commands[COMMANDS_SIZE_MAX];
        int r, clean;

        r = dfu_upload(dfu, 0, commands, sizeof(commands));
        clean = dfu_recover(dfu, false);
        if (r == -ENODEV || clean < 0)
                return r == -ENODEV ? r : clean;
        return r <= 0 || memchr(commands, COMMAND_UNPROTECT, (size_t) r) != NULL;
}

/* Asks until the chip has reset itself (-ENODEV, which is what it should do), is at rest (0), or
 * says that it failed (-EREMOTEIO). Nothing can be cancelled here: the erase goes on without us. */
static int await_reset(struct dfu *dfu, bool *ret_began) {
        uint64_t begin_ms = usb_now_ms(dfu->usb);

        for (;;) {
                int r = dfu_status_get(dfu, DFU_ERASE_TIMEOUT);

                if (r == -ENODEV)
                        return r;
                if (r == 0 && (dfu->last.status != DFU_STATUS_OK || dfu->last.state == DFU_ERROR))
                        return -EREMOTEIO;
                *ret_began = true;
                if (r == 0 && dfu->last.state != DFU_DNBUSY && dfu->last.state != DFU_DNLOAD_SYNC)
                        return 0;
                if (usb_now_ms(dfu->usb) - begin_ms >= DFU_BUSY_MAX)
                        return -ETIMEDOUT;
                /* A transfer is torn by the reset before the disconnect is noticed. */
                dfu_sleep(dfu, r < 0                                     ? SILENCE_MS
                               : dfu->last.poll_timeout_ms > POLL_MAX_MS ? POLL_MAX_MS
                               : dfu->last.poll_timeout_ms == 0          ? 1
                                                                : dfu->last.poll_timeout_ms);
        }
}

int dfuse_unprotect(struct dfu *dfu, uint64_t flash_start, const struct dfu_callbacks *cb,
                    struct fault *fault) {
        static const uint8_t command = COMMAND_UNPROTECT;
        const struct dfu_doing doing = {.error = FWD_FAILED,
                                        .phase = "unprotecting",
                                        .what = "removing the read protection"};
        struct fault probed = FAULT_INIT;
        struct dfu_status answer;
        bool began = false;
        int r, told;

        r = can_unprotect(dfu);
        if (r < 0)
                return dfu_fault(dfu, r, &doing, fault);
        if (r == 0)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "This bootloader has no command that removes the read protection");
        r = dfu_to_idle(dfu);
        if (r == 0)
                r = dfu_out(dfu, DFU_REQUEST_DNLOAD, 0, &command, sizeof(command),
                            DFU_DNLOAD_TIMEOUT);
        if (r < 0)
                return dfu_fault(dfu, r, &doing, fault);
        told = await_reset(dfu, &began);
        answer = dfu->last;
        if ((told == -ENODEV || began) && cb && cb->state)
                cb->state(cb->userdata, BOARD_ERASED);
        if (told == -ENODEV)
                return 0;
        if (told == -ETIMEDOUT)
                return dfu_fault(dfu, told, &doing, fault);
        /* AT32F415 says that it failed when it did not (Betaflight Configurator's notes), others
         * may finish without a reset: what counts is whether the chip can be read now. */
        r = dfu_recover(dfu, false);
        if (r == 0)
                r = dfuse_probe_protection(dfu, flash_start, &probed);
        if (r == -ENODEV || probed.error == FWD_DEVICE_LOST) /* it has reset itself after all */
                return 0;
        if (probed.error != FWD_OK && fault)
                *fault = probed;
        if (r < 0)
                return dfu_fault(dfu, r, &doing, fault);
        if (r == 0) {
                if (cb && cb->state)
                        cb->state(cb->userdata, BOARD_ERASED);
                return 1;
        }
        dfu->last = answer;
        if (told == -EREMOTEIO)
                return dfu_fault(dfu, told, &doing, fault);
        return fault_set(fault, FWD_READ_PROTECTED,
                         "The chip took the command that removes its read protection, but is read "
                         "protected as before");
}

static const struct sector *option_sector(const struct dfu *dfu) {
        for (size_t i = 0; i < dfu->map.n_areas; i++) {
                const struct memory_area *area = &dfu->map.areas[i];

                if (memory_area_is_special(area) && strcasestr(area->name, "option"))
                        return memory_map_find(&dfu->map, area->range.start);
        }
        return NULL;
}

int dfuse_read_option_bytes(struct dfu *dfu, uint8_t *to, size_t to_size, size_t *ret_size,
                            struct fault *fault) {
        const struct sector *sector = option_sector(dfu);
        struct fault unread = FAULT_INIT;
        size_t size;
        int r;

        if (!sector || !(sector->access & SECTOR_READABLE))
                return 1;
        size = range_size(sector->range) < to_size ? (size_t) range_size(sector->range) : to_size;
        r = dfuse_read(dfu, sector->range.start, to, size, NULL, NULL, &unread);
        if (r == 0) {
                *ret_size = size;
                return 0;
        }
        if (unread.error == FWD_DEVICE_LOST || unread.error == FWD_CANCELLED) {
                if (fault)
                        *fault = unread;
                return r;
        }
        log_debug("The option bytes cannot be read: %s", unread.message);
        r = dfu_idle(dfu, fault);
        return r < 0 ? r : 1;
}
