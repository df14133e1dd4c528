/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Payloads of a flight controller's answers. The first byte says of which; the second, where the
 * box ids begin. */

#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "protocol/betaflight.h"

static void check_text(const char *text, size_t size) {
        check(memchr(text, '\0', size) != NULL);
        check(text_is_clean(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct fc_identity identity = {.api_major = 1, .api_minor = 46, .variant = "BTFL"};
        size_t split;

        if (size < 2)
                return 0;
        split = data[1] < size - 2 ? data[1] : size - 2;
        switch (data[0] % 4) {
        case 0:
                (void) fc_parse_version(&identity, data + 2, size - 2);
                break;
        case 1:
                (void) fc_parse_board_info(&identity, data + 2, size - 2);
                break;
        case 2:
                (void) fc_parse_mcu_info(&identity, data + 2, size - 2);
                break;
        default:
                (void) fc_parse_armed(data + 2, split, data + 2 + split, size - 2 - split);
                break;
        }
        check_text(identity.version_text, sizeof(identity.version_text));
        check_text(identity.board_id, sizeof(identity.board_id));
        check_text(identity.target, sizeof(identity.target));
        check_text(identity.board, sizeof(identity.board));
        check_text(identity.manufacturer, sizeof(identity.manufacturer));
        check_text(identity.mcu, sizeof(identity.mcu));
        return 0;
}
