/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What holds of every image and every refusal, whatever the file was. */

#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "image/parse.h"

static inline void check_fault(int r, const struct fault *fault) {
        check((r < 0) == (fault->error != FWD_OK));
        check(r >= 0 || r == fwd_error_to_errno(fault->error));
        check(r >= 0 || fault->message[0] != '\0');
        check(text_is_clean(fault->message));
}

static inline void check_segments(const struct segments *segments) {
        uint64_t end = 0;
        char text[100];

        for (size_t i = 0; i < segments->n; i++) {
                const struct segment *s = &segments->items[i];

                check(s->size > 0 && s->data);
                check(i == 0 || s->address > end);
                end = s->address + s->size;
                check(end <= IMAGE_ADDRESS_END);
        }
        check(segments_size(segments) <= IMAGE_SIZE_MAX);
        image_segments_text(segments, text, sizeof(text));
        check(strlen(text) < sizeof(text));
}

/* One parser, called as image_parse() does but without the detection in front. */
static inline void run_parser(int (*parse)(const uint8_t *, size_t, struct image *, struct fault *),
                              const uint8_t *data, size_t size) {
        struct image image = {.alt = -1};
        struct fault fault = FAULT_INIT;
        uint64_t overlap;
        int r = parse(data, size, &image, &fault);

        check_fault(r, &fault);
        check(text_is_clean(image.target_name));
        if (r >= 0 && segments_finish(&image.segments, &overlap) == 0)
                check_segments(&image.segments);
        segments_clear(&image.segments);
}
