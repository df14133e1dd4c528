/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Text formats bring some 16 bytes a record: room grows by doubling, so that a file is copied a few
 * times only. */
static int segment_append(struct segment *segment, const void *data, size_t size) {
        size_t wanted;

        if (__builtin_add_overflow(segment->size, size, &wanted))
                return -EOVERFLOW;
        if (wanted > segment->room) {
                size_t room = wanted > segment->room * 2 ? wanted : segment->room * 2;
                uint8_t *grown = realloc(segment->data, room);

                if (!grown)
                        return -ENOMEM;
                segment->data = grown;
                segment->room = room;
        }
        memcpy(segment->data + segment->size, data, size);
        segment->size = wanted;
        return 0;
}

int segments_add(struct segments *segments, uint64_t address, const void *data, size_t size) {
        struct segment *last = segments->n ? &segments->items[segments->n - 1] : NULL;
        struct segment *items;
        struct range r;

        if (size == 0)
                return 0;
        if (range_make(address, size, &r) < 0)
                return -EOVERFLOW;
        if (last && last->address + last->size == address)
                return segment_append(last, data, size);

        /* Full at each power of two. */
        if ((segments->n & (segments->n - 1)) == 0) {
                items = reallocarray(segments->items, segments->n ? segments->n * 2 : 1,
                                     sizeof(*items));
                if (!items)
                        return -ENOMEM;
                segments->items = items;
        }
        items = segments->items;
        items[segments->n] = (struct segment){.address = address};
        if (segment_append(&items[segments->n], data, size) < 0)
                return -ENOMEM;
        segments->n++;
        return 0;
}

static int segment_compare(const void *a, const void *b) {
        const struct segment *x = a, *y = b;

        return x->address < y->address ? -1 : x->address > y->address;
}

int segments_finish(struct segments *segments, uint64_t *ret_address) {
        size_t kept = 0;

        if (segments->n == 0)
                return 0;
        qsort(segments->items, segments->n, sizeof(*segments->items), segment_compare);
        for (size_t i = 1; i < segments->n; i++) {
                const struct segment *before = &segments->items[i - 1], *s = &segments->items[i];

                if (s->address < before->address + before->size) {
                        *ret_address = s->address;
                        return -EEXIST;
                }
        }
        for (size_t i = 1; i < segments->n; i++) {
                struct segment *to = &segments->items[kept], *s = &segments->items[i];

                if (to->address + to->size == s->address) {
                        if (segment_append(to, s->data, s->size) < 0)
                                return -ENOMEM;
                        free(s->data);
                        *s = (struct segment){};
                } else {
                        struct segment moved = *s;

                        *s = (struct segment){};
                        segments->items[++kept] = moved;
                }
        }
        segments->n = kept + 1;
        return 0;
}

uint64_t segments_size(const struct segments *segments) {
        uint64_t sum = 0;

        for (size_t i = 0; i < segments->n; i++)
                sum += segments->items[i].size;
        return sum;
}

void segments_clear(struct segments *segments) {
        for (size_t i = 0; i < segments->n; i++)
                free(segments->items[i].data);
        free(segments->items);
        *segments = (struct segments){};
}
