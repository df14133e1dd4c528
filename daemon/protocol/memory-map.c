/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/memory-map.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* A string descriptor holds at most 126 characters, a group at least five; a replaced layout of the
 * quirk table is no longer than that. */
#define GROUPS_MAX 64U
/* DfuSe addresses are 32 bits on the wire. */
#define ADDRESS_END (UINT64_C(1) << 32)

struct group { /* count sectors of one size, e.g. "04*016Kg" */
        uint64_t start;
        uint64_t count;
        uint64_t size_bytes;
        unsigned access;
};

struct layout {
        struct group groups[GROUPS_MAX];
        size_t n;
        uint64_t n_sectors;
        bool cut; /* something behind the last good group could not be read */
};

static void skip_blanks(const char **p) {
        while (**p == ' ')
                (*p)++;
}

/* Digits of any number of leading zeros; the value must stay below ADDRESS_END. */
static bool scan_number(const char **p, unsigned base, uint64_t *ret) {
        uint64_t value = 0;
        const char *s = *p;

        for (;; s++) {
                unsigned char c = (unsigned char) *s;
                unsigned digit;

                if (isdigit(c))
                        digit = c - '0';
                else if (base == 16 && isxdigit(c))
                        digit = (c | 0x20U) - 'a' + 10U;
                else
                        break;
                value = value * base + digit;
                if (value >= ADDRESS_END)
                        return false;
        }
        if (s == *p)
                return false;
        *p = s;
        *ret = value;
        return true;
}

/* Unit and type behind the size. The unit is B, K, M or a blank, or missing altogether (F722's OTP
 * "01*528e", AT32's "01*512g"). */
static bool scan_unit_and_type(const char **p, uint64_t *size_bytes, unsigned *ret_access) {
        unsigned shift = 0;

        skip_blanks(p);
        switch (**p) {
        case 'B':
                (*p)++;
                break;
        case 'K':
        case 'k':
                shift = 10;
                (*p)++;
                break;
        case 'M':
        case 'm':
                shift = 20;
                (*p)++;
                break;
        }
        skip_blanks(p);
        if (**p < 'a' || **p > 'g')
                return false;
        *ret_access = (unsigned char) **p & 7U;
        (*p)++;
        *size_bytes <<= shift; /* below 2^52 */
        return true;
}

static bool scan_group(const char **p, uint64_t *at, struct group *ret) {
        struct group group = {.start = *at};
        uint64_t bytes;

        skip_blanks(p);
        if (!scan_number(p, 10, &group.count))
                return false;
        skip_blanks(p);
        if (**p != '*')
                return false;
        (*p)++;
        skip_blanks(p);
        if (!scan_number(p, 10, &group.size_bytes) ||
            !scan_unit_and_type(p, &group.size_bytes, &group.access))
                return false;
        if (group.count == 0 || group.size_bytes == 0 ||
            __builtin_mul_overflow(group.count, group.size_bytes, &bytes) ||
            bytes > ADDRESS_END - group.start)
                return false;
        *at += bytes;
        *ret = group;
        return true;
}

/* One "/0x08000000/04*016Kg,01*064Kg". False if it could not be read to its end. */
static bool scan_zone(const char **p, struct layout *layout) {
        uint64_t at;

        (*p)++; /* the '/' that brought us here */
        skip_blanks(p);
        if ((*p)[0] == '0' && ((*p)[1] == 'x' || (*p)[1] == 'X'))
                *p += 2;
        if (!scan_number(p, 16, &at))
                return false;
        skip_blanks(p);
        if (**p != '/')
                return false;
        for (;;) {
                struct group group;

                (*p)++;
                if (layout->n == GROUPS_MAX || !scan_group(p, &at, &group))
                        return false;
                layout->groups[layout->n++] = group;
                layout->n_sectors += group.count < ADDRESS_END ? group.count : ADDRESS_END;
                skip_blanks(p);
                if (**p != ',')
                        return **p == '/' || **p == '\0';
        }
}

static int parse_layout(const char *string, char *name, size_t name_size, struct layout *ret) {
        const char *p = string;
        char raw[256];
        size_t length;

        skip_blanks(&p);
        if (*p != '@')
                return -EINVAL;
        p++;
        length = strcspn(p, "/");
        if (p[length] == '\0' || length >= sizeof(raw))
                return -EINVAL;
        memcpy(raw, p, length);
        raw[length] = '\0';
        text_sanitize(name, name_size, raw);
        p += length;
        while (*p == '/')
                if (!scan_zone(&p, ret)) {
                        ret->cut = true;
                        break;
                }
        return ret->n ? 0 : -EINVAL;
}

static int sector_compare(const void *a, const void *b) {
        const struct sector *x = a, *y = b;

        return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

static struct range layout_range(const struct layout *layout) {
        struct range all = {.start = UINT64_MAX};

        for (size_t i = 0; i < layout->n; i++) {
                const struct group *g = &layout->groups[i];
                uint64_t end = g->start + g->count * g->size_bytes;

                if (g->start < all.start)
                        all.start = g->start;
                if (end > all.end)
                        all.end = end;
        }
        return all;
}

int memory_map_add(struct memory_map *map, int alt, const char *string) {
        struct memory_area area = {.alt = alt}, *areas;
        _cleanup_free_ struct sector *sectors = NULL;
        struct layout layout = {};
        size_t n;
        int r;

        r = parse_layout(string, area.name, sizeof(area.name), &layout);
        if (r < 0)
                return r;
        if (layout.n_sectors > MEMORY_MAP_SECTORS_MAX - map->n ||
            map->n_areas >= MEMORY_MAP_AREAS_MAX)
                return -E2BIG;
        area.range = layout_range(&layout);

        n = map->n + (size_t) layout.n_sectors;
        sectors = calloc(n, sizeof(*sectors));
        if (!sectors)
                return -ENOMEM;
        if (map->n)
                memcpy(sectors, map->sectors, map->n * sizeof(*sectors));
        n = map->n;
        for (size_t i = 0; i < layout.n; i++) {
                const struct group *g = &layout.groups[i];

                for (uint64_t k = 0; k < g->count; k++) {
                        uint64_t start = g->start + k * g->size_bytes;

                        sectors[n++] = (struct sector){
                                .range = {start, start + g->size_bytes},
                                .access = g->access,
                                .alt = alt,
                        };
                }
        }
        qsort(sectors, n, sizeof(*sectors), sector_compare);
        for (size_t i = 1; i < n; i++)
                if (range_overlaps(sectors[i - 1].range, sectors[i].range))
                        return -EEXIST;

        areas = reallocarray(map->areas, map->n_areas + 1, sizeof(*areas));
        if (!areas)
                return -ENOMEM;
        map->areas = areas;
        map->areas[map->n_areas++] = area;
        free(map->sectors);
        map->sectors = TAKE_PTR(sectors);
        map->n = n;
        return layout.cut ? 1 : 0;
}

const struct sector *memory_map_find(const struct memory_map *map, uint64_t address) {
        size_t low = 0, high = map->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct sector *s = &map->sectors[middle];

                if (range_has(s->range, address))
                        return s;
                if (address < s->range.start)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

bool memory_area_is_special(const struct memory_area *area) {
        /* "Option Bytes", "Option Byte", "Option byte": all sighted. */
        static const char *const names[] = {"Option Byte", "OTP", "Device Feature"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strncasecmp(area->name, names[i], strlen(names[i])) == 0)
                        return true;
        return false;
}

const struct memory_area *memory_map_area(const struct memory_map *map, int alt) {
        for (size_t i = 0; i < map->n_areas; i++)
                if (map->areas[i].alt == alt)
                        return &map->areas[i];
        return NULL;
}

const struct memory_area *memory_map_flash(const struct memory_map *map) {
        for (size_t i = 0; i < map->n_areas; i++)
                if (strcasestr(map->areas[i].name, "flash"))
                        return &map->areas[i];
        for (size_t i = 0; i < map->n_areas; i++)
                if (!memory_area_is_special(&map->areas[i]))
                        return &map->areas[i];
        return NULL;
}

void memory_map_clear(struct memory_map *map) {
        free(map->sectors);
        free(map->areas);
        *map = (struct memory_map){};
}

static void format_group(FILE *f, const struct sector *first, size_t count) {
        uint64_t size_bytes = range_size(first->range);
        bool kilo = size_bytes % 1024 == 0;

        fprintf(f, "%zu*%" PRIu64 "%s", count, kilo ? size_bytes / 1024 : size_bytes,
                kilo ? "K" : "B");
        if (first->access != (SECTOR_READABLE | SECTOR_ERASABLE | SECTOR_WRITABLE))
                fputc((int) ('`' + first->access), f);
}

static void format_sectors(FILE *f, const struct memory_map *map, int alt) {
        const struct sector *first = NULL, *last = NULL;
        size_t count = 0;

        for (size_t i = 0; i < map->n; i++) {
                const struct sector *s = &map->sectors[i];
                bool gap = !last || last->range.end != s->range.start;

                if (s->alt != alt)
                        continue;
                if (first && !gap && s->access == first->access &&
                    range_size(s->range) == range_size(first->range)) {
                        last = s;
                        count++;
                        continue;
                }
                if (first)
                        format_group(f, first, count);
                if (gap)
                        fprintf(f, "%s0x%08" PRIx64 "/", first ? "/" : "", s->range.start);
                else
                        fputc(',', f);
                first = last = s;
                count = 1;
        }
        if (first)
                format_group(f, first, count);
}

char *memory_map_format(const struct memory_map *map) {
        const struct memory_area *flash = memory_map_flash(map);
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        if (flash)
                format_sectors(f, map, flash->alt);
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}
