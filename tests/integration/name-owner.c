/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns a name on the system bus and answers every call with org.fwctl1.Test.Reached, until it is
 * killed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

static int answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        return sd_bus_reply_method_errorf(m, "org.fwctl1.Test.Reached", "Reached the owner.");
}

int main(int argc, char **argv) {
        sd_bus *bus = NULL;
        int r;

        if (argc != 2)
                return 2;
        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_add_filter(bus, NULL, answer, NULL);
        if (r >= 0)
                r = sd_bus_request_name(bus, argv[1], 0);
        if (r >= 0) {
                puts("ready");
                fclose(stdout);
        } else
                printf("%s\n", strerror(-r));
        while (r >= 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        sd_bus_flush_close_unref(bus);
        return r < 0;
}
