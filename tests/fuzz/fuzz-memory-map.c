/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Alternate setting strings of a device, a line each. */

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "fuzz.h"
#include "protocol/memory-map.h"

static void check_map(const struct memory_map *map) {
        _cleanup_free_ char *text = memory_map_format(map);

        check(text && text_is_clean(text));
        check(map->n <= MEMORY_MAP_SECTORS_MAX);
        for (size_t i = 0; i < map->n; i++) {
                const struct sector *s = &map->sectors[i];

                check(!range_is_empty(s->range));
                check(i == 0 || s->range.start >= s[-1].range.end);
                check(memory_map_find(map, s->range.start) == s);
                check(memory_map_find(map, s->range.end - 1) == s);
        }
        for (size_t i = 0; i < map->n_areas; i++)
                check(text_is_clean(map->areas[i].name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size);
        struct memory_map map = {};
        char *rest = text, *line;

        check(text);
        for (int alt = 0; alt < 8 && (line = strsep(&rest, "\n")); alt++) {
                size_t before = map.n;
                int r = memory_map_add(&map, alt, line);

                check(r >= 0 || map.n == before);
                check(r < 0 || map.n > before);
        }
        check_map(&map);
        memory_map_clear(&map);
        return 0;
}
