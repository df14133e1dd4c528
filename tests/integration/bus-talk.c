/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What busctl cannot do for the tests of the service: send a descriptor, of any kind, and print
 * signals one a line, in their order, with the time in milliseconds.
 *
 *   bus-talk flash DEVICE IMAGE [KEY TYPE VALUE]…    by Manager.Flash; prints the job's path
 *   bus-talk device-flash DEVICE IMAGE …             by Device.Flash
 *   bus-talk inspect IMAGE [KEY TYPE VALUE]…
 *   bus-talk many N DEVICE IMAGE                     N calls of Manager.Flash at once
 *   bus-talk hammer N                                N callers one after the other, each with a
 *                                                    connection of its own and one call
 *   bus-talk watch                                   "ready", then signals until it is killed
 *
 * IMAGE: HOW:FILE, HOW one of read, write, path (O_PATH), dir; or pipe. An error is printed as its
 * name and message, exit status 1. FWD_TEST_INTERACTIVE: allow to ask for a password. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "base/cleanup.h"

#define NAME    "org.fwctl1"
#define ROOT    "/org/fwctl1"
#define MANAGER "org.fwctl1.Manager"
#define DEVICE  "org.fwctl1.Device"

static void check(int r, const char *what) {
        if (r >= 0)
                return;
        (void) fprintf(stderr, "bus-talk: %s: %s\n", what, strerror(-r));
        exit(2);
}

static int open_image(const char *text) {
        const char *file = strchr(text, ':');
        int flags = O_RDONLY, pair[2], fd;

        if (strcmp(text, "pipe") == 0) {
                check(pipe2(pair, O_CLOEXEC), "pipe");
                return pair[0];
        }
        check(file ? 0 : -EINVAL, text);
        if (strncmp(text, "write:", 6) == 0)
                flags = O_WRONLY;
        else if (strncmp(text, "path:", 5) == 0)
                flags = O_PATH;
        fd = open(file + 1, flags | O_CLOEXEC);
        check(fd < 0 ? -errno : 0, file + 1);
        return fd;
}

static void append_options(sd_bus_message *m, char **args, int n) {
        check(sd_bus_message_open_container(m, 'a', "{sv}"), "options");
        for (int i = 0; i + 2 < n; i += 3) {
                if (strcmp(args[i + 1], "b") == 0)
                        check(sd_bus_message_append(m, "{sv}", args[i], "b",
                                                    strcmp(args[i + 2], "true") == 0),
                              "option");
                else if (strcmp(args[i + 1], "t") == 0)
                        check(sd_bus_message_append(m, "{sv}", args[i], "t",
                                                    strtoull(args[i + 2], NULL, 0)),
                              "option");
                else
                        check(sd_bus_message_append(m, "{sv}", args[i], "s", args[i + 2]),
                              "option");
        }
        check(sd_bus_message_close_container(m), "options");
}

/* Prints all that is left of the message, blank separated; a dictionary's entries as key=value. */
static void print_values(sd_bus_message *m, const char *separator) {
        const char *contents;
        char type;

        for (int n = 0; sd_bus_message_peek_type(m, &type, &contents) > 0; n++) {
                union {
                        const char *s;
                        uint64_t t;
                        uint32_t u;
                        uint16_t q;
                        int b;
                } value;

                if (n > 0)
                        (void) fputs(separator, stdout);
                if (strchr("aerv", type)) {
                        check(sd_bus_message_enter_container(m, type, contents), "enter");
                        print_values(m, type == 'e' ? "=" : " ");
                        check(sd_bus_message_exit_container(m), "exit");
                        continue;
                }
                check(sd_bus_message_read_basic(m, type, &value), "read");
                if (strchr("sog", type))
                        (void) fputs(value.s, stdout);
                else if (type == 't')
                        (void) printf("%" PRIu64, value.t);
                else if (type == 'u')
                        (void) printf("%" PRIu32, value.u);
                else if (type == 'q')
                        (void) printf("0x%04x", value.q);
                else if (type == 'b')
                        (void) fputs(value.b ? "true" : "false", stdout);
                else
                        (void) putchar('?');
        }
}

static int print_reply(sd_bus_message *reply) {
        const sd_bus_error *error = sd_bus_message_get_error(reply);

        if (error) {
                (void) printf("%s %s\n", error->name, error->message);
                return 1;
        }
        print_values(reply, " ");
        (void) putchar('\n');
        return 0;
}

static sd_bus_message *call_new(sd_bus *bus, const char *path, const char *interface,
                                const char *member) {
        sd_bus_message *m = NULL;

        check(sd_bus_message_new_method_call(bus, &m, NAME, path, interface, member), "call");
        check(sd_bus_message_set_allow_interactive_authorization(
                      m, getenv("FWD_TEST_INTERACTIVE") != NULL),
              "call");
        return m;
}

static int send_call(sd_bus *bus, sd_bus_message *m) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int r = sd_bus_call(bus, m, UINT64_MAX, &error, &reply);

        sd_bus_message_unref(m);
        if (r < 0) {
                (void) printf("%s %s\n", error.name ? error.name : strerror(-r),
                              error.message ? error.message : "");
                sd_bus_error_free(&error);
                return 1;
        }
        r = print_reply(reply);
        sd_bus_message_unref(reply);
        return r;
}

static sd_bus_message *flash_new(sd_bus *bus, const char *device, int fd, char **options, int n) {
        sd_bus_message *m = call_new(bus, ROOT, MANAGER, "Flash");

        check(sd_bus_message_append(m, "oh", device, fd), "arguments");
        append_options(m, options, n);
        return m;
}

static int verb_flash(sd_bus *bus, char **args, int n) {
        _cleanup_close_ int fd = open_image(args[1]);

        return send_call(bus, flash_new(bus, args[0], fd, args + 2, n - 2));
}

static int verb_device_flash(sd_bus *bus, char **args, int n) {
        _cleanup_close_ int fd = open_image(args[1]);
        sd_bus_message *m = call_new(bus, args[0], DEVICE, "Flash");

        check(sd_bus_message_append(m, "h", fd), "arguments");
        append_options(m, args + 2, n - 2);
        return send_call(bus, m);
}

static int verb_inspect(sd_bus *bus, char **args, int n) {
        _cleanup_close_ int fd = open_image(args[0]);
        sd_bus_message *m = call_new(bus, ROOT, MANAGER, "Inspect");

        check(sd_bus_message_append(m, "h", fd), "arguments");
        append_options(m, args + 1, n - 1);
        return send_call(bus, m);
}

static int on_many(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        int *left = userdata;

        (void) print_reply(reply);
        (*left)--;
        return 0;
}

static int verb_many(sd_bus *bus, char **args, int n) {
        _cleanup_close_ int fd = open_image(args[2]);
        int left = atoi(args[0]);

        for (int i = left; i > 0; i--) {
                sd_bus_message *m = flash_new(bus, args[1], fd, NULL, 0);

                check(sd_bus_call_async(bus, NULL, m, on_many, &left, UINT64_MAX), "send");
                sd_bus_message_unref(m);
        }
        while (left > 0) {
                int r = sd_bus_process(bus, NULL);

                check(r, "process");
                if (r == 0)
                        check(sd_bus_wait(bus, UINT64_MAX), "wait");
        }
        return 0;
}

static int verb_hammer(sd_bus *bus, char **args, int n) {
        int calls = atoi(args[0]), services = 0;
        char last[64] = "";

        for (int i = 0; i < calls; i++) {
                sd_bus_error error = SD_BUS_ERROR_NULL;
                sd_bus_message *reply = NULL;
                sd_bus *own = NULL;

                check(sd_bus_open_system(&own), "bus");
                if (sd_bus_call_method(own, NAME, ROOT, MANAGER, "ListJobs", &error, &reply, NULL) <
                    0) {
                        (void) printf("call %d: %s %s\n", i, error.name, error.message);
                        sd_bus_error_free(&error);
                        sd_bus_flush_close_unref(own);
                        return 1;
                }
                if (strcmp(last, sd_bus_message_get_sender(reply)) != 0)
                        services++;
                (void) snprintf(last, sizeof(last), "%s", sd_bus_message_get_sender(reply));
                sd_bus_message_unref(reply);
                sd_bus_flush_close_unref(own);
        }
        (void) printf("%d answers by %d services\n", calls, services);
        return 0;
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        (void) printf("%" PRIu64 " %s ",
                      (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000,
                      sd_bus_message_get_member(m));
        if (strcmp(sd_bus_message_get_member(m), "PropertiesChanged") == 0)
                (void) printf("%s ", sd_bus_message_get_path(m));
        print_values(m, " ");
        (void) putchar('\n');
        return 0;
}

static _Noreturn int verb_watch(sd_bus *bus, char **args, int n) {
        check(sd_bus_add_match(bus, NULL, "type='signal',path_namespace='" ROOT "'", on_signal,
                               NULL),
              "match");
        (void) puts("ready");
        for (;;) {
                int r = sd_bus_process(bus, NULL);

                check(r, "process");
                if (r == 0)
                        check(sd_bus_wait(bus, UINT64_MAX), "wait");
        }
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                int min_args;
                int (*run)(sd_bus *bus, char **args, int n);
        } verbs[] = {
                {"flash", 2, verb_flash},     {"device-flash", 2, verb_device_flash},
                {"inspect", 1, verb_inspect}, {"many", 3, verb_many},
                {"watch", 0, verb_watch},     {"hammer", 1, verb_hammer},
        };

        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(verbs); i++) {
                sd_bus *bus = NULL;
                int r;

                if (strcmp(argv[1], verbs[i].name) != 0 || argc - 2 < verbs[i].min_args)
                        continue;
                check(sd_bus_open_system(&bus), "bus");
                r = verbs[i].run(bus, argv + 2, argc - 2);
                sd_bus_flush_close_unref(bus);
                return r;
        }
        (void) fputs("bus-talk: see the head of bus-talk.c\n", stderr);
        return 2;
}
