/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is in the cells afterwards: programming, protection, power cuts, and the faults. */

#include "sim-host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FLASH     0x08000000U
#define BLOCK     2048U
#define ERASE     0x41
#define ADDRESS   0x21
#define UNPROTECT 0x92

static void set_address(struct sim_host *h, uint32_t address) {
        assert_int_equal(sim_command(h, ADDRESS, address), 5);
        assert_int_equal(sim_in(h, GETSTATUS, 0, 6), 6);
        sim_status(h, 0, 0, 5);
}

static void write_block(struct sim_host *h, uint16_t block, const void *data, uint16_t size) {
        assert_int_equal(sim_out(h, DNLOAD, block, data, size), size);
        assert_int_equal(sim_in(h, GETSTATUS, 0, 6), 6);
        sim_status(h, 0, 0, 5);
}

static void erase(struct sim_host *h, uint32_t address) {
        assert_int_equal(sim_command(h, ERASE, address), 5);
        assert_int_equal(sim_in(h, GETSTATUS, 0, 6), 6);
        sim_status(h, 0, 0, 5);
}

static void check_bytes(struct sim_host *h, uint32_t address, uint8_t byte, size_t size) {
        uint8_t cells[4096];

        assert_true(size <= sizeof(cells));
        assert_int_equal(model_dump(h->m, address, cells, size), 0);
        for (size_t i = 0; i < size; i++)
                if (cells[i] != byte)
                        fail_msg("0x%08zx is 0x%02x, not 0x%02x", address + i, cells[i], byte);
}

static void load_bytes(struct sim_host *h, uint32_t address, uint8_t byte, size_t size) {
        uint8_t cells[4096];

        memset(cells, byte, size);
        assert_int_equal(model_load(h->m, address, cells, size), 0);
}

static void bits_only_fall(void **state) {
        uint8_t data[BLOCK];
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", NULL);
        memset(data, 0xF0, sizeof(data));
        write_block(&h, 2, data, BLOCK);
        memset(data, 0x3C, sizeof(data));
        write_block(&h, 2, data, 100);
        check_bytes(&h, FLASH, 0x30, 100);
        check_bytes(&h, FLASH + 100, 0xF0, BLOCK - 100);
        sim_host_stop(&h);
}

/* With ECC: erased, aligned, whole units or nothing, and no error of it. */
static void ecc_takes_erased_units(void **state) {
        uint8_t data[1024];
        struct sim_host h;

        sim_host_start(&h, "stm32-g474", "power-up=idle", NULL);
        memset(data, 0x5A, sizeof(data));
        write_block(&h, 2, data, 20);
        check_bytes(&h, FLASH, 0x5A, 16);
        check_bytes(&h, FLASH + 16, 0xFF, 8);
        memset(data, 0x00, sizeof(data));
        write_block(&h, 2, data, 24);
        check_bytes(&h, FLASH, 0x5A, 16);
        check_bytes(&h, FLASH + 16, 0x00, 8);
        set_address(&h, FLASH + 1028);
        write_block(&h, 2, data, 16);
        check_bytes(&h, FLASH + 1024, 0xFF, 24);
        sim_host_stop(&h);
}

/* An erase takes its own sector, all of it, from any address in it. */
static void erase_takes_one_sector(void **state) {
        static const struct {
                uint32_t address, start, end;
        } rows[] = {
                {0x08000000, 0x08000000, 0x08004000}, {0x08003FFF, 0x08000000, 0x08004000},
                {0x08004000, 0x08004000, 0x08008000}, {0x0801ABCD, 0x08010000, 0x08020000},
                {0x080FFFFF, 0x080E0000, 0x08100000},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct sim_host h;

                sim_host_start(&h, "stm32-f405", "power-up=idle", "flash=1M", NULL);
                load_bytes(&h, rows[i].start, 0, 1);
                load_bytes(&h, rows[i].end - 1, 0, 1);
                if (rows[i].start > FLASH)
                        load_bytes(&h, rows[i].start - 1, 0, 1);
                if (rows[i].end < 0x08100000)
                        load_bytes(&h, rows[i].end, 0, 1);
                erase(&h, rows[i].address);
                check_bytes(&h, rows[i].start, 0xFF, 4096);
                check_bytes(&h, rows[i].end - 4096, 0xFF, 4096);
                if (rows[i].start > FLASH)
                        check_bytes(&h, rows[i].start - 1, 0, 1);
                if (rows[i].end < 0x08100000)
                        check_bytes(&h, rows[i].end, 0, 1);
                sim_host_stop(&h);
        }
}

static void mass_erase(void **state) {
        static const uint8_t command = ERASE;
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", "flash=1M", NULL);
        assert_int_equal(sim_out(&h, DNLOAD, 0, &command, 1), 1);
        sim_status(&h, 0, 100, 4);
        sim_status(&h, 0, 0, 5);
        assert_int_equal(h.took_us, 16000000 + 200);
        for (uint32_t address = FLASH; address < FLASH + 0x100000; address += 4096)
                check_bytes(&h, address, 0xFF, 4096);
        sim_host_stop(&h);
}

/* AN2662: no error for a write-protected sector. */
static void protected_sectors_are_silent(void **state) {
        uint8_t data[BLOCK] = {0};
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", "protect=1-2,4", NULL);
        load_bytes(&h, 0x08004000, 0x77, 1);
        load_bytes(&h, 0x08000000, 0x77, 1);
        erase(&h, 0x08000000);
        erase(&h, 0x08004000);
        check_bytes(&h, 0x08000000, 0xFF, 1);
        check_bytes(&h, 0x08004000, 0x77, 1);
        set_address(&h, 0x08008000);
        write_block(&h, 2, data, BLOCK);
        check_bytes(&h, 0x08008000, 0xFF, BLOCK);
        set_address(&h, 0x0800C000);
        write_block(&h, 2, data, BLOCK);
        check_bytes(&h, 0x0800C000, 0x00, BLOCK);
        sim_host_set(&h, "protect", "");
        set_address(&h, 0x08008000);
        write_block(&h, 2, data, BLOCK);
        check_bytes(&h, 0x08008000, 0x00, BLOCK);
        assert_int_equal(model_set(h.m, "protect", "12", h.now_us), -EINVAL);
        assert_int_equal(model_set(h.m, "protect", "3-1", h.now_us), -EINVAL);
        assert_int_equal(model_set(h.m, "protect", "a", h.now_us), -EINVAL);
        sim_host_stop(&h);
}

/* RDP level 1: the F4 refuses the address already; others reading, erasing and writing. */
static void read_protection(void **state) {
        uint8_t data[1024] = {0};
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", "rdp=1", "flash=4K", NULL);
        assert_int_equal(sim_command(&h, ADDRESS, 0x1FFFC000), 5);
        sim_status(&h, 0, 104, 4);
        sim_status(&h, 0x0B, 0, 10);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        assert_int_equal(sim_in(&h, UPLOAD, 2, 64), -EPIPE);
        sim_status(&h, 0x0B, 0, 10);
        sim_host_stop(&h);

        sim_host_start(&h, "stm32-g474", "power-up=idle", "state-0f=no", "rdp=1", NULL);
        set_address(&h, FLASH);
        assert_int_equal(sim_out(&h, DNLOAD, 2, data, sizeof(data)), sizeof(data));
        sim_status(&h, 0, 25, 4);
        sim_status(&h, 0x0B, 0, 10);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
        sim_status(&h, 0, 30, 4);
        sim_status(&h, 0x0B, 0, 10);
        check_bytes(&h, FLASH, 0xFF, 1024);
        sim_host_stop(&h);
}

/* Read unprotect: DNBUSY, then off the bus when all is erased, then back in the bootloader. */
static void unprotect(void **state) {
        static const uint8_t command = UNPROTECT;
        static const char *const scales[] = {"time-scale=1", "time-scale=0"};

        for (size_t i = 0; i < 2; i++) {
                struct sim_host h;

                sim_host_start(&h, "stm32-f405", "power-up=idle", "rdp=1", "flash=1M", scales[i],
                               NULL);
                assert_int_equal(sim_out(&h, DNLOAD, 0, &command, 1), 1);
                sim_status(&h, 0, 100, 4);
                assert_true(h.m->on_bus);
                assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -ENODEV);
                if (i == 0)
                        assert_true(h.took_us >= 16000000 && h.took_us < 16001000);
                sim_host_reattach(&h);
                assert_true(h.m->on_bus);
                assert_false(h.m->has_serial_port);
                check_bytes(&h, FLASH, 0xFF, 4096);
                check_bytes(&h, FLASH + 0xFF000, 0xFF, 4096);
                assert_int_equal(sim_in(&h, UPLOAD, 2, BLOCK), BLOCK);
                sim_host_stop(&h);
        }
}

/* Option bytes: read like memory, reset the chip when written; level 2 is for ever. */
static void option_bytes(void **state) {
        uint8_t options[16];
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", NULL);
        set_address(&h, 0x1FFFC000);
        assert_int_equal(sim_out(&h, ABORT, 0, NULL, 0), 0);
        assert_int_equal(sim_in(&h, UPLOAD, 2, 16), 16);
        assert_int_equal(h.answer.data[1], 0xAA);
        memcpy(options, h.answer.data, sizeof(options));
        assert_int_equal(sim_out(&h, ABORT, 0, NULL, 0), 0);
        options[1] = 0x00;
        assert_int_equal(sim_out(&h, DNLOAD, 2, options, 16), 16);
        sim_status(&h, 0, 104, 4);
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -ENODEV);
        sim_host_reattach(&h);
        assert_true(h.m->on_bus);
        assert_int_equal(sim_in(&h, UPLOAD, 2, 16), -EPIPE);
        sim_host_stop(&h);

        sim_host_start(&h, "stm32-f405", "power-up=idle", NULL);
        set_address(&h, 0x1FFFC000);
        options[1] = 0xCC;
        assert_int_equal(sim_out(&h, DNLOAD, 2, options, 16), 16);
        sim_status(&h, 0, 104, 4);
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -ENODEV);
        assert_false(sim_host_run(&h));
        model_unplug(h.m, h.now_us);
        model_plug(h.m, h.now_us);
        assert_false(h.m->on_bus);
        sim_host_stop(&h);
}

static void otp_is_written_once(void **state) {
        static const uint8_t first[] = {0xF0, 0x0F}, second[] = {0xFF, 0x00};
        uint8_t otp[2];
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", NULL);
        set_address(&h, 0x1FFF7800);
        write_block(&h, 2, first, 2);
        write_block(&h, 2, second, 2);
        assert_int_equal(model_dump(h.m, 0x1FFF7800, otp, 2), 0);
        assert_memory_equal(otp, "\xF0\x00", 2);
        sim_host_stop(&h);
}

/* Power goes at byte n of the programming: what is before it is in, what is behind it is not. */
static void unplug_at_byte(void **state) {
        static const char *const kinds[] = {"stm32-f405", "stm32-f722"};
        static const char *const scales[] = {"time-scale=1", "time-scale=0"};
        uint8_t data[BLOCK] = {0};

        for (size_t i = 0; i < 4; i++) {
                struct model_stats stats;
                struct sim_host h;
                int r;

                sim_host_start(&h, kinds[i / 2], "power-up=idle", scales[i % 2], "unplug-byte=3000",
                               NULL);
                write_block(&h, 2, data, BLOCK);
                assert_int_equal(sim_out(&h, DNLOAD, 3, data, BLOCK), BLOCK);
                r = sim_in(&h, GETSTATUS, 0, 6);
                if (r == 6)
                        r = sim_in(&h, GETSTATUS, 0, 6);
                assert_int_equal(r, -ENODEV);
                model_stats(h.m, &stats);
                assert_int_equal(stats.bytes_programmed, 3000);
                check_bytes(&h, FLASH, 0x00, 3000);
                check_bytes(&h, FLASH + 3004, 0xFF, 1000);
                assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -ENODEV);
                /* Plugged in again it does not happen again. */
                model_plug(h.m, h.now_us);
                assert_true(h.m->on_bus);
                write_block(&h, 3, data, BLOCK);
                check_bytes(&h, FLASH + BLOCK, 0x00, BLOCK);
                sim_host_stop(&h);
        }
}

/* The plug is pulled in the middle of an erase: neither the old contents nor blank, and the same
 * mess for the same seed. */
static void unplug_in_erase(void **state) {
        uint8_t cells[2][4096];

        for (int i = 0; i < 2; i++) {
                struct sim_host h;
                bool old = true, blank = true;

                sim_host_start(&h, "stm32-f405", "power-up=idle", "seed=7", NULL);
                load_bytes(&h, FLASH, 0x00, 4096);
                assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
                sim_status(&h, 0, 100, 4);
                h.now_us += 200000;
                model_unplug(h.m, h.now_us);
                assert_false(h.m->on_bus);
                assert_int_equal(model_dump(h.m, FLASH, cells[i], sizeof(cells[i])), 0);
                for (size_t k = 0; k < sizeof(cells[i]); k++) {
                        old &= cells[i][k] == 0x00;
                        blank &= cells[i][k] == 0xFF;
                }
                assert_false(old);
                assert_false(blank);
                sim_host_stop(&h);
        }
        assert_memory_equal(cells[0], cells[1], sizeof(cells[0]));
}

/* The plug is pulled while a block is being programmed: by time, as far as it came. */
static void unplug_in_write(void **state) {
        uint8_t data[BLOCK] = {0};
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", NULL);
        assert_int_equal(sim_out(&h, DNLOAD, 2, data, BLOCK), BLOCK);
        sim_status(&h, 0, 104, 4);
        h.now_us += 1024 * 16;
        model_unplug(h.m, h.now_us);
        check_bytes(&h, FLASH, 0x00, 1024);
        check_bytes(&h, FLASH + 1025, 0xFF, 1023);
        sim_host_stop(&h);
}

static void data_faults(void **state) {
        uint8_t data[BLOCK] = {0};
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", "corrupt-read=0x08000805",
                       "lose-write=0x08000010", "lose-erase=0x08004000", NULL);
        write_block(&h, 2, data, BLOCK);
        check_bytes(&h, FLASH, 0x00, 16);
        check_bytes(&h, FLASH + 16, 0xFF, 1);
        check_bytes(&h, FLASH + 17, 0x00, BLOCK - 17);
        load_bytes(&h, 0x08004100, 0x00, 16);
        erase(&h, 0x08004100);
        check_bytes(&h, 0x08004100, 0x00, 16);
        assert_int_equal(sim_out(&h, ABORT, 0, NULL, 0), 0);
        assert_int_equal(sim_in(&h, UPLOAD, 3, BLOCK), BLOCK);
        assert_int_equal(h.answer.data[5], 0xFE);
        assert_int_equal(h.answer.data[4], 0xFF);
        check_bytes(&h, 0x08000805, 0xFF, 1);
        sim_host_set(&h, "clear-faults", "");
        assert_int_equal(sim_in(&h, UPLOAD, 3, BLOCK), BLOCK);
        assert_int_equal(h.answer.data[5], 0xFF);
        sim_host_stop(&h);
}

static void transfer_faults(void **state) {
        uint8_t data[BLOCK] = {0};
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", "stall-getstatus=2,2", NULL);
        sim_status(&h, 0, 0, 2);
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -EPIPE);
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -EPIPE);
        sim_status(&h, 0, 0, 2);
        /* Counted from when it is set. */
        sim_host_set(&h, "stall-transfer", "2");
        sim_status(&h, 0, 0, 2);
        assert_int_equal(sim_out(&h, DNLOAD, 2, data, BLOCK), -EPIPE);
        sim_status(&h, 0, 0, 2);
        sim_host_set(&h, "error-write", "2,0x06");
        write_block(&h, 2, data, BLOCK);
        assert_int_equal(sim_out(&h, DNLOAD, 3, data, BLOCK), BLOCK);
        sim_status(&h, 0, 104, 4);
        sim_status(&h, 0x06, 0, 10);
        check_bytes(&h, FLASH + BLOCK, 0xFF, BLOCK);
        sim_host_set(&h, "hold-upload", "1");
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        assert_int_equal(sim_in(&h, UPLOAD, 2, BLOCK), -ETIMEDOUT);
        assert_int_equal(sim_in(&h, UPLOAD, 2, BLOCK), -ETIMEDOUT);
        sim_status(&h, 0, 0, 2);
        sim_host_set(&h, "unplug-dnload", "1");
        assert_int_equal(sim_out(&h, DNLOAD, 2, data, BLOCK), -ENODEV);
        assert_false(h.m->on_bus);
        sim_host_stop(&h);

        sim_host_start(&h, "stm32-f405", "power-up=idle", "flash=16K", "unplug-erase=1", NULL);
        assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
        sim_status(&h, 0, 100, 4);
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -ENODEV);
        assert_int_equal(h.took_us, 200000);
        sim_host_stop(&h);
}

static void options_are_checked(void **state) {
        static const char *const bad[] = {
                "nonsense=1",         "rdp=3",         "time-scale=-1", "time-scale=x",
                "stall-getstatus=0",  "stall-dnload=", "stall-x=1",     "error-write=1",
                "error-transfer=1,1", "stall-erase=1", "uid=123",       "leave=maybe",
                "transfer-size=0",    "flash=2M",      "timing",        "parallelism=12",
        };

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                const char *options[] = {bad[i], NULL};
                char error[256] = "";
                struct model *m = model_new("stm32-f405", options, error, sizeof(error));

                if (m)
                        fail_msg("\"%s\" was taken", bad[i]);
                assert_non_null(strstr(error, bad[i]));
        }
        char error[256] = "";

        assert_null(model_new("teapot", NULL, error, sizeof(error)));
        assert_non_null(strstr(error, "teapot"));
        for (const char *const *kind = model_kinds(); *kind; kind++) {
                struct model *m = model_new(*kind, NULL, error, sizeof(error));

                assert_non_null(m);
                model_plug(m, 1);
                assert_true(m->on_bus);
                model_free(m);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bits_only_fall),
                cmocka_unit_test(ecc_takes_erased_units),
                cmocka_unit_test(erase_takes_one_sector),
                cmocka_unit_test(mass_erase),
                cmocka_unit_test(protected_sectors_are_silent),
                cmocka_unit_test(read_protection),
                cmocka_unit_test(unprotect),
                cmocka_unit_test(option_bytes),
                cmocka_unit_test(otp_is_written_once),
                cmocka_unit_test(unplug_at_byte),
                cmocka_unit_test(unplug_in_erase),
                cmocka_unit_test(unplug_in_write),
                cmocka_unit_test(data_faults),
                cmocka_unit_test(transfer_faults),
                cmocka_unit_test(options_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
