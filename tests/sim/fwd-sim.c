/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwd-sim: boards that are not there, for programs that do not know it. Owns an umockdev testbed,
 * takes commands from simctl, and ends with its parent. When all is up it prints one line,
 * UMOCKDEV_DIR=…, and closes standard output. */

#include <getopt.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "sim/control.h"

/* --time-scale=0 stands for so fast a clock: a whole chip's erase takes the host a few ms. */
#define TIME_SCALE_MIN 0.0001
#define TIME_SCALE_MAX 100.0

static int help(void) {
        (void) printf("fwd-sim [OPTION…]\n\n"
                      "  --control=PATH     the socket that simctl talks to\n"
                      "  --hwdb=FILE        the compiled hwdb that gives udev properties\n"
                      "  --time-scale=X     chip times: 1 as they are, 0 none (default 1)\n"
                      "  --help\n");
        return 0;
}

static gboolean on_signal(gpointer userdata) {
        g_main_loop_quit(userdata);
        return G_SOURCE_CONTINUE;
}

/* libumockdev calls it critical that a client is killed while an ioctl of it is held; here that is
 * what tests do to workers (see client_gone() in umockdev-usb.c). */
static void on_log(const char *domain, GLogLevelFlags level, const char *message,
                   gpointer userdata) {
        if (!strstr(message, "Destroying IoctlClient with open stream"))
                g_log_default_handler(domain, level, message, userdata);
}

int main(int argc, char **argv) {
        static const struct option options[] = {{"control", required_argument, NULL, 'c'},
                                                {"hwdb", required_argument, NULL, 'b'},
                                                {"time-scale", required_argument, NULL, 't'},
                                                {"help", no_argument, NULL, 'h'},
                                                {}};
        const char *control_path = NULL, *hwdb = NULL;
        double time_scale = 1;
        int c;
        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                char *end = NULL;
                switch (c) {
                case 'c':
                        control_path = optarg;
                        break;
                case 'b':
                        hwdb = optarg;
                        break;
                case 't':
                        time_scale = g_ascii_strtod(optarg, &end);
                        if (end == optarg || *end || !(time_scale >= 0) ||
                            time_scale > TIME_SCALE_MAX) {
                                (void) fprintf(stderr, "fwd-sim: the time scale is a number from "
                                                       "0 to 100.\n");
                                return 2;
                        }
                        time_scale = MAX(time_scale, TIME_SCALE_MIN);
                        break;
                case 'h':
                        return help();
                default:
                        return 2;
                }
        }
        if (!control_path || optind < argc) {
                (void) fprintf(stderr, "fwd-sim: --control=PATH is needed, and nothing else; see "
                                       "--help.\n");
                return 2;
        }

        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        g_log_set_default_handler(on_log, NULL);
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        (void) g_unix_signal_add(SIGTERM, on_signal, loop);
        (void) g_unix_signal_add(SIGINT, on_signal, loop);
        struct sim *sim = sim_new(time_scale, hwdb);
        struct control *control = control_new(sim, control_path, loop);
        (void) printf("UMOCKDEV_DIR=%s\n", sim->root);
        (void) fclose(stdout);
        g_main_loop_run(loop);
        g_rec_mutex_lock(&sim->lock);
        control_free(control);
        g_rec_mutex_unlock(&sim->lock);
        sim_end(sim);
        return 0;
}
