/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define TEST_TIMEOUT_S 60U

int bench_setup(void **state) {
        struct bench *bench = calloc(1, sizeof(*bench));
        sigset_t blocked;

        assert_non_null(bench);
        alarm(TEST_TIMEOUT_S);
        log_setup();
        (void) sigemptyset(&blocked);
        (void) sigaddset(&blocked, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &blocked, NULL);
        (void) strcpy(bench->dir, "/tmp/fwd-test-service.XXXXXX");
        assert_non_null(mkdtemp(bench->dir));
        assert_int_equal(setenv("FWD_STUB_DIR", bench->dir, 1), 0);
        assert_true(sd_event_new(&bench->event) >= 0);
        bench->service.event = bench->event;
        assert_int_equal(setenv("FWD_STATE_DIR", bench->dir, 1), 0);
        settings_load(&bench->service.settings);
        assert_int_equal(service_open_state(&bench->service), 0);
        *state = bench;
        return 0;
}

int bench_teardown(void **state) {
        struct bench *bench = *state;
        char command[128];

        service_clear(&bench->service);
        sd_event_unref(bench->event);
        (void) snprintf(command, sizeof(command), "rm -rf '%s'", bench->dir);
        assert_int_equal(system(command), 0);
        free(bench);
        alarm(0);
        return 0;
}

void bench_short_waits(struct bench *bench) {
        bench->service.settings.await_first_ms = 100;
        bench->service.settings.await_second_ms = 100;
}

static void in_dir(const struct bench *bench, const char *name, char path[128]) {
        (void) snprintf(path, 128, "%s/%s", bench->dir, name);
}

void bench_script(struct bench *bench, const char *operation, const char *text) {
        _cleanup_fclose_ FILE *file = NULL;
        char path[128];

        in_dir(bench, operation, path);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fprintf(file, "%s\n", text) > 0);
}

static char *read_calls(const struct bench *bench) {
        _cleanup_fclose_ FILE *file = NULL;
        char path[128], *text = calloc(1, 65536);

        assert_non_null(text);
        in_dir(bench, "calls", path);
        file = fopen(path, "re");
        if (file)
                text[fread(text, 1, 65535, file)] = '\0';
        return text;
}

char *bench_calls(struct bench *bench) {
        _cleanup_free_ char *text = read_calls(bench);
        char *list = calloc(1, strlen(text) + 1);

        assert_non_null(list);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                if (*list)
                        (void) strcat(list, " ");
                (void) strncat(list, line, strcspn(line, " "));
        }
        return list;
}

char *bench_call(struct bench *bench, const char *operation) {
        _cleanup_free_ char *text = read_calls(bench);
        char *found = NULL;

        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
                if (strncmp(line, operation, strlen(operation)) == 0)
                        found = line;
        return strdup(found ? found : "");
}

int bench_image(struct bench *bench, const char *text) {
        char path[128];
        int fd;

        in_dir(bench, "image", path);
        fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        return fd;
}

void bench_pipe(struct bench *bench, const char *name) {
        char path[128];

        in_dir(bench, name, path);
        assert_int_equal(mkfifo(path, 0600), 0);
}

void bench_release(struct bench *bench, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        char path[128];

        in_dir(bench, name, path);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "\n", 1), 1);
}

struct device *bench_plug_firmware(struct bench *bench, const char *port) {
        struct device_usb usb = {
                .port = port,
                .node = "/dev/bus/usb/001/004",
                .mode = MODE_FIRMWARE,
                .candidates = "betaflight unknown-vcp",
                .vendor_id = 0x0483,
                .product_id = 0x5740,
                .manufacturer = "Betaflight",
                .product = "Betaflight STM32F405",
                .serial = "0x8000000",
        };

        devices_usb_added(&bench->service, &usb);
        devices_tty_added(&bench->service, port, "/dev/ttyACM0");
        return device_find_port(&bench->service, port);
}

struct device *bench_plug_bootloader(struct bench *bench, const char *port, const char *serial) {
        struct device_usb usb = {
                .port = port,
                .node = "/dev/bus/usb/001/005",
                .mode = MODE_BOOTLOADER,
                .candidates = "stm32-dfu",
                .vendor_id = 0x0483,
                .product_id = 0xdf11,
                .manufacturer = "STMicroelectronics",
                .product = "STM32  BOOTLOADER",
        };

        (void) snprintf(usb.serial, sizeof(usb.serial), "%s", serial);
        devices_usb_added(&bench->service, &usb);
        return device_find_port(&bench->service, port);
}

void bench_unplug(struct bench *bench, const char *port) {
        devices_tty_removed(&bench->service, "/dev/ttyACM0");
        devices_usb_removed(&bench->service, port);
}

struct device *bench_plug_identified(struct bench *bench, const char *port) {
        struct device *device;

        bench_script(bench, "identify",
                     "say X.Variant=BTFL X.FirmwareVersion=4.5.1 X.BoardName=STUB405 "
                     "X.UniqueId=" UID_HEX " X.DfuSerials=" ROM_SERIAL);
        device = bench_plug_firmware(bench, port);
        assert_non_null(device);
        bench_until(bench, device->identified);
        return device;
}
