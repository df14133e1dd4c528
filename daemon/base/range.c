/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool range_contains(struct range outer, struct range inner) {
        return range_is_empty(inner) || (inner.start >= outer.start && inner.end <= outer.end);
}

bool range_overlaps(struct range a, struct range b) {
        return !range_is_empty(range_intersect(a, b));
}

struct range range_intersect(struct range a, struct range b) {
        struct range r = {
                .start = a.start > b.start ? a.start : b.start,
                .end = a.end < b.end ? a.end : b.end,
        };

        return range_is_empty(r) ? (struct range){} : r;
}

int range_make(uint64_t start, uint64_t size, struct range *ret) {
        uint64_t end;

        if (__builtin_add_overflow(start, size, &end))
                return -EOVERFLOW;
        *ret = (struct range){start, end};
        return 0;
}

static int range_compare(const void *a, const void *b) {
        const struct range *x = a, *y = b;

        return x->start < y->start ? -1 : x->start > y->start;
}

size_t range_normalize(struct range *ranges, size_t n) {
        size_t kept = 0;

        if (n == 0)
                return 0;
        qsort(ranges, n, sizeof(*ranges), range_compare);
        for (size_t i = 0; i < n; i++) {
                if (range_is_empty(ranges[i]))
                        continue;
                if (kept > 0 && ranges[i].start <= ranges[kept - 1].end) {
                        if (ranges[i].end > ranges[kept - 1].end)
                                ranges[kept - 1].end = ranges[i].end;
                } else
                        ranges[kept++] = ranges[i];
        }
        return kept;
}

bool ranges_cover(const struct range *ranges, size_t n, struct range r) {
        for (size_t i = 0; i < n && !range_is_empty(r); i++)
                if (range_has(ranges[i], r.start))
                        r.start = ranges[i].end;
        return range_is_empty(r);
}

int range_parse(const char *text, struct range *ret) {
        char first[32];
        uint64_t start, second;
        size_t length = strcspn(text, "-+");
        int r;

        if (text[length] == '\0' || length >= sizeof(first))
                return -EINVAL;
        memcpy(first, text, length);
        first[length] = '\0';
        r = parse_size(first, &start);
        if (r < 0)
                return r;
        r = parse_size(text + length + 1, &second);
        if (r < 0)
                return r;
        if (text[length] == '+')
                return range_make(start, second, ret);
        if (second < start)
                return -EINVAL;
        *ret = (struct range){start, second};
        return 0;
}
