/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwd-usbip SOCKET [TIME-SCALE]: simulated boards on the kernel's virtual host controller, for the
 * test machine. Takes simctl's commands on SOCKET, and runs until it is told to quit. */

#include <glib-unix.h>

#include "sim/control.h"

#define TIME_SCALE_MIN 0.0001 /* 0 stands for this: a chip's erase takes a few ms */

static gboolean on_signal(gpointer userdata) {
        g_main_loop_quit(userdata);
        return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) {
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        double time_scale = argc > 2 ? g_ascii_strtod(argv[2], NULL) : 1;
        struct control *control;
        struct sim *sim;

        if (argc < 2) {
                (void) fprintf(stderr, "fwd-usbip SOCKET [TIME-SCALE]\n");
                return 2;
        }
        (void) g_unix_signal_add(SIGTERM, on_signal, loop);
        sim = sim_new(MAX(time_scale, TIME_SCALE_MIN), NULL);
        control = control_new(sim, argv[1], loop);
        g_main_loop_run(loop);
        control_free(control);
        sim_end(sim);
        return 0;
}
