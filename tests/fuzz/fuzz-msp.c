/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes from a serial port, as msp_request() takes them; what was decoded is encoded again. */

#include <string.h>

#include "fuzz.h"
#include "protocol/msp.h"

static void check_again(const struct msp_frame *frame) {
        static struct msp_frame again;
        uint8_t wire[MSP_FRAME_MAX];
        size_t used;
        int n = msp_encode(frame->version, frame->direction, frame->code, frame->payload,
                           frame->size, wire, sizeof(wire));

        check(n > 0 && (size_t) n <= sizeof(wire));
        check(msp_decode(wire, (size_t) n, &again, &used) == 1);
        check(used == (size_t) n);
        check(again.version == frame->version && again.direction == frame->direction);
        check(again.code == frame->code && again.size == frame->size);
        check(memcmp(again.payload, frame->payload, frame->size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct msp_frame frame;

        for (;;) {
                size_t used = SIZE_MAX;
                int r = msp_decode(data, size, &frame, &used);

                check(r == 0 || r == 1);
                check(used <= size);
                if (r == 0)
                        return 0;
                check(used > 0);
                check(frame.size <= MSP_PAYLOAD_MAX);
                check_again(&frame);
                data += used;
                size -= used;
        }
}
