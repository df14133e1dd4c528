/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A service without a bus and without udev, for tests of its rules: the test says what was plugged
 * in, a stub worker (tests/integration/stub-worker) says what boards answer, and the loop is run
 * until something has come about. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/device.h"
#include "service/job.h"
#include "service/service.h"
#include "service/worker.h"

struct bench {
        struct service service;
        sd_event *event;
        char dir[64]; /* FWD_STUB_DIR */
};

int bench_setup(void **state);
int bench_teardown(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

/* From the next wait on a board that does not come is given up at once. Tests in which all come
 * never depend on how fast the machine is. */
void bench_short_waits(struct bench *bench);

/* What the stub does for an operation, in shell. */
void bench_script(struct bench *bench, const char *operation, const char *text);
/* The stub's calls so far: the operations, blank separated. Free with free(). */
char *bench_calls(struct bench *bench);
/* The last line of its calls that begins with `operation`. */
char *bench_call(struct bench *bench, const char *operation);
/* A file of the stub's directory: opened for reading, with these bytes. */
int bench_image(struct bench *bench, const char *text);
/* A pipe for the stub's `hold`. */
void bench_pipe(struct bench *bench, const char *name);
void bench_release(struct bench *bench, const char *name);

/* Runs the loop until the condition holds; a test that waits for ever fails by its alarm. */
#define bench_until(bench, condition)                                                              \
        do {                                                                                       \
                while (!(condition))                                                               \
                        assert_true(sd_event_run((bench)->event, UINT64_MAX) >= 0);                \
        } while (0)

/* Boards */
#define PORT       "1-2.3"
#define PATH       "/org/fwctl1/device/_31_2d2_2e3"
#define UID_HEX    "002d00303334510b32313533"
#define ROM_SERIAL "325E35633334" /* libopencm3 issue 760 */

struct device *bench_plug_firmware(struct bench *bench, const char *port);
struct device *bench_plug_bootloader(struct bench *bench, const char *port, const char *serial);
void bench_unplug(struct bench *bench, const char *port);
/* A betaflight board that has told its identity. */
struct device *bench_plug_identified(struct bench *bench, const char *port);
