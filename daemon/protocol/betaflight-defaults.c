/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/betaflight.h"

#include <string.h>

#include "protocol/betaflight-cli.h"

#define CUSTOM 1U /* defaultsType_e of msp.c; 0: those of the chip's firmware */

/* The firmware resets in RAM, runs its text of some hundred lines and writes a flash sector before
 * it answers. Sent once: a second request would find a board that restarts. */
#define ANSWER_MS 5000U

int fc_check_custom_defaults(const struct serial_port *port, const struct fc_identity *identity,
                             struct fault *fault) {
        if (identity->custom_defaults == FC_CUSTOM_DEFAULTS_AVAILABLE)
                return 0;
        return fault_set(fault, FWD_NOT_SUPPORTED,
                         identity->custom_defaults == FC_CUSTOM_DEFAULTS_NONE
                                 ? "The firmware of the board on %s has no custom "
                                   "defaults with it"
                                 : "The firmware of the board on %s does not know custom "
                                   "defaults; Betaflight has them from 4.1 to 4.4, and "
                                   "later ones are built with them",
                         port->name);
}

/* The help of a command is its line and the one with its arguments; a small build has neither. */
static bool takes_show(const char *help) {
        for (const char *line = help; line && *line;) {
                const char *end = strchr(line, '\n'), *show;

                if (strncmp(line, "defaults ", 9) == 0) {
                        if (end)
                                end = strchr(end + 1, '\n');
                        show = strstr(line, "show");
                        return show && (!end || show < end);
                }
                line = end ? end + 1 : NULL;
        }
        return false;
}

int fc_cli_show_custom_defaults(struct fc_cli *cli, struct fault *fault) {
        const char *refusal;
        size_t length = 0;
        int r;

        r = fc_cli_run(cli, "help defaults", fault);
        if (r < 0 || !takes_show(cli->reply))
                return r < 0 ? r : 0;
        r = fc_cli_run(cli, "defaults show", fault);
        if (r < 0)
                return r;
        refusal = fc_cli_refusal(cli->reply, &length);
        return refusal ? fault_set(fault, FWD_BAD_ANSWER,
                                   "The board on %s says that it has custom defaults, and does not "
                                   "show them: %.*s",
                                   cli->port->name, (int) (length < 100 ? length : 100), refusal)
                       : 1;
}

int fc_apply_custom_defaults(struct serial_port *port, const struct fc_identity *identity,
                             struct fault *fault) {
        static const uint8_t what[] = {CUSTOM};
        struct fault f = FAULT_INIT;
        struct msp_frame reply;
        int r;

        r = fc_check_custom_defaults(port, identity, fault);
        if (r < 0)
                return r;
        r = msp_request_full(port, MSP_RESET_CONF, what, sizeof(what), 1, ANSWER_MS, &reply, &f);
        /* It may be gone before its answer is read. */
        if (r < 0 && f.error == FWD_DEVICE_LOST)
                return 0;
        if (r < 0 && f.error == FWD_NOT_SUPPORTED)
                return fault_set(fault, FWD_CONFIG_REJECTED,
                                 "The board on %s refuses to apply its custom defaults",
                                 port->name);
        if (r < 0) {
                *fault = f;
                return r;
        }
        if (reply.size < 1 || reply.payload[0] == 0)
                return fault_set(fault, FWD_CONFIG_REJECTED,
                                 "The board on %s does not apply its custom defaults", port->name);
        return 0;
}
