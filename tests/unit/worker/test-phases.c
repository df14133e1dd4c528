/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run-operation.h"

/* What a person sees of an operation: each phase once, in its order, and none before the board is
 * this worker's. The service takes a phase for the end of its wait for a port that is held. */

#define IMAGE_SIZE 1024U

static uint8_t image[IMAGE_SIZE] = "\x00\x00\x02\x20\x01\x01\x00\x08"; /* stack, entry */

static void prepare(const struct operation *operation) {
        prepare_operation(operation);
        if (operation->needs & NEEDS_NODE || !sim.model->has_serial_port)
                run.worker.node = MODEL_NODE;
        else
                run.worker.tty = MODEL_TTY;
        if (operation->needs & NEEDS_IMAGE) {
                run.worker.image_fd = sealed(image, sizeof(image));
                run.worker.options.has_address = true;
                run.worker.options.address = 0x08000000;
        }
        if (operation->needs & NEEDS_OUTPUT)
                run.worker.output_fd = memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static const struct {
        const struct operation *operation;
        const char *board, *phases;
} cases[] = {
        {&op_flash, "stm32-f405", "opening erasing writing verifying leaving"},
        {&op_read, "stm32-f405", "opening reading"},
        {&op_erase, "stm32-f405", "opening erasing verifying"},
        {&op_unprotect, "stm32-f405", "opening"}, /* there is nothing to take off */
        {&op_leave, "stm32-f405", "leaving"},
        {&op_identify, "stm32-f405", "identifying"},
        {&op_identify, "betaflight-f405", "identifying"},
        {&op_reboot, "betaflight-f405", "rebooting"},
        {&op_backup, "betaflight-f405", "reading-config"},
};

static void test_each_once(void **state) {
        static const char *const options[] = {"time-scale=0.01", NULL};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                sim_plug(cases[i].board, options);
                prepare(cases[i].operation);
                assert_int_equal(go(), FWD_EXIT_OK);
                assert_string_equal(run.phases, cases[i].phases);
                run.worker.output_fd = fd_close(run.worker.output_fd);
                sim_unplug();
        }
}

static void test_none_while_it_is_held(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                sim_plug(cases[i].board, NULL);
                sim.is_held = true;
                prepare(cases[i].operation);
                check_result(go(), FWD_PORT_HELD, "untouched");
                assert_string_equal(run.phases, "");
                run.worker.output_fd = fd_close(run.worker.output_fd);
                sim_unplug();
        }
}

/* A file that was not looked at in an earlier step of the job. */
static void test_a_new_file(void **state) {
        int file = sealed(image, sizeof(image));

        sim_plug("stm32-f405", (const char *const[]){"time-scale=0.01", NULL});
        prepare(&op_flash);
        (void) close(run.worker.image_fd);
        run.worker.image_fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        run.worker.source_fd = file;
        check_result(go(), FWD_OK, "verified");
        assert_string_equal(run.phases, "inspecting opening erasing writing verifying leaving");
        (void) close(file);
        sim_unplug();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_once),
                cmocka_unit_test(test_none_while_it_is_held),
                cmocka_unit_test(test_a_new_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
