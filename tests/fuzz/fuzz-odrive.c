/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an ODrive says: a reply packet, and its JSON text. The first byte chooses. */

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "protocol/odrive.h"

static void check_endpoint(struct odrive_endpoint e) {
        check(e.number <= 0x7fff);
        check(e.size <= 8);
        check(e.number > 0 || e.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct odrive_endpoints e;
        const uint8_t *payload = NULL;
        int r;

        if (size < 1)
                return 0;
        if (data[0] & 1) {
                r = odrive_parse_reply(data + 1, size - 1, 0x0081, &payload);
                check(r < 0 || (payload == data + 3 && (size_t) r + 3 == size));
                return 0;
        }
        memset(&e, 0xa5, sizeof(e));
        r = odrive_parse_json((const char *) data + 1, size - 1, &e);
        check(r == 0 || r == -EBADMSG);
        if (r < 0)
                return 0;
        check_endpoint(e.serial_number);
        check_endpoint(e.hw_major);
        check_endpoint(e.vbus_voltage);
        check_endpoint(e.axis_state[0]);
        check_endpoint(e.axis_state[1]);
        check_endpoint(e.enter_dfu_mode);
        check(e.enter_dfu_mode.size == 0);
        return 0;
}
