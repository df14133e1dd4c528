/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/flash-plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TRANSFER_SIZE_MAX 4096U /* usbfs moves no more in one control transfer */

struct planner {
        const struct memory_map *map;
        const struct segments *segments;
        const struct flash_rules *rules;
        unsigned unit;
        bool *touched; /* one for each sector of the map */
        struct flash_plan plan;
        struct fault *fault;
};

static void planner_clear(struct planner *p) {
        free(p->touched);
        flash_plan_clear(&p->plan);
}

void flash_plan_clear(struct flash_plan *plan) {
        for (size_t i = 0; i < plan->n_buffers; i++)
                free(plan->buffers[i]);
        free(plan->buffers);
        free(plan->erases);
        free(plan->runs);
        free(plan->lost);
        *plan = (struct flash_plan){};
}

static uint64_t round_down(uint64_t value, unsigned unit) {
        return value - value % unit;
}

static uint64_t round_up(uint64_t value, unsigned unit) {
        return round_down(value + unit - 1, unit);
}

/* The first of the ranges that overlaps `r`, or NULL. */
static const struct range *overlapping(const struct range *ranges, size_t n, struct range r) {
        for (size_t i = 0; i < n; i++)
                if (range_overlaps(ranges[i], r))
                        return &ranges[i];
        return NULL;
}

static bool in_limit(const struct planner *p, const struct sector *s) {
        return range_is_empty(p->rules->limit) || range_contains(p->rules->limit, s->range);
}

static bool is_special(const struct planner *p, const struct sector *s) {
        const struct memory_area *area = memory_map_area(p->map, s->alt);

        return area && memory_area_is_special(area);
}

static bool has_access(const struct planner *p, const struct sector *s, unsigned access) {
        return p->rules->ignore_access || (s->access & access);
}

static bool is_protected(const struct planner *p, const struct sector *s) {
        return overlapping(p->rules->protected_ranges, p->rules->n_protected, s->range);
}

static int refuse_end(struct planner *p, const struct segment *segment, uint64_t at) {
        if (at == segment->address)
                return fault_set_at(p->fault, FWD_ADDRESS_OUT_OF_RANGE, at,
                                    "The image has bytes at 0x%08" PRIx64
                                    ", which is outside this chip's flash",
                                    at);
        return fault_set_at(p->fault, FWD_IMAGE_TOO_LARGE, at,
                            "The image's part at 0x%08" PRIx64 " has %zu bytes, but the flash ends "
                            "at 0x%08" PRIx64,
                            segment->address, segment->size, at);
}

/* Marks the sectors of one segment, if all of it may be written. */
static int touch_segment(struct planner *p, const struct segment *segment) {
        struct range wanted = segment_range(segment);

        for (uint64_t at = wanted.start; at < wanted.end;) {
                const struct sector *s = memory_map_find(p->map, at);
                const struct range *guard;

                if (!s || !in_limit(p, s))
                        return refuse_end(p, segment, at);
                if (is_special(p, s))
                        return fault_set_at(p->fault, FWD_PROTECTED_REGION, at,
                                            "The image writes to 0x%08" PRIx64 ", \"%s\" of the "
                                            "chip; a firmware flash leaves that alone",
                                            at, memory_map_area(p->map, s->alt)->name);
                if (!has_access(p, s, SECTOR_WRITABLE))
                        return fault_set_at(p->fault, FWD_PROTECTED_REGION, at,
                                            "The image writes to 0x%08" PRIx64
                                            ", which the chip says is read-only",
                                            at);
                guard = overlapping(p->rules->protected_ranges, p->rules->n_protected, s->range);
                if (guard)
                        return fault_set_at(p->fault, FWD_PROTECTED_REGION, at,
                                            "The image writes to the sector 0x%08" PRIx64
                                            "-0x%08" PRIx64 ", where 0x%08" PRIx64 "-0x%08" PRIx64
                                            " is protected",
                                            s->range.start, s->range.end, guard->start, guard->end);
                if (s->range.start % p->unit || s->range.end % p->unit)
                        return fault_set_at(p->fault, FWD_NOT_SUPPORTED, at,
                                            "The chip's memory map has a sector at 0x%08" PRIx64
                                            " that is no multiple of its write unit of %u bytes",
                                            s->range.start, p->unit);
                p->touched[s - p->map->sectors] = true;
                at = s->range.end;
        }
        return 0;
}

static bool wants_erase(const struct planner *p, size_t i) {
        const struct sector *s = &p->map->sectors[i];

        if (!has_access(p, s, SECTOR_ERASABLE))
                return false;
        return p->touched[i] ||
               (p->rules->erase_all && in_limit(p, s) && !is_special(p, s) && !is_protected(p, s));
}

static int add_lost(struct planner *p, struct range r) {
        struct flash_plan *plan = &p->plan;
        struct range *lost;

        if (range_is_empty(r))
                return 0;
        if (overlapping(p->rules->keep_ranges, p->rules->n_keep, r))
                plan->loses_kept = true;
        if (plan->n_lost > 0 && plan->lost[plan->n_lost - 1].end == r.start) {
                plan->lost[plan->n_lost - 1].end = r.end;
                return 0;
        }
        lost = reallocarray(plan->lost, plan->n_lost + 1, sizeof(*lost));
        if (!lost)
                return -ENOMEM;
        plan->lost = lost;
        plan->lost[plan->n_lost++] = r;
        return 0;
}

static int plan_erases(struct planner *p) {
        size_t next = 0; /* segment that may reach into the sector */

        p->plan.erases = calloc(p->map->n, sizeof(*p->plan.erases));
        if (!p->plan.erases)
                return -ENOMEM;
        for (size_t i = 0; i < p->map->n; i++) {
                const struct sector *s = &p->map->sectors[i];
                uint64_t at = s->range.start;

                if (!wants_erase(p, i))
                        continue;
                p->plan.erases[p->plan.n_erases++] =
                        (struct flash_erase){.range = s->range, .alt = s->alt};
                p->plan.erase_bytes += range_size(s->range);

                while (next < p->segments->n &&
                       segment_range(&p->segments->items[next]).end <= s->range.start)
                        next++;
                for (size_t k = next; k < p->segments->n && at < s->range.end; k++) {
                        struct range r =
                                range_intersect(segment_range(&p->segments->items[k]), s->range);

                        if (range_is_empty(r))
                                break;
                        if (add_lost(p, (struct range){at, r.start}) < 0)
                                return -ENOMEM;
                        at = r.end;
                }
                if (add_lost(p, (struct range){at, s->range.end}) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Where the run that begins at `from` must end at the latest, though its bytes go on. */
static uint64_t run_end(const struct planner *p, uint64_t from, uint64_t end) {
        const struct sector *first = memory_map_find(p->map, from);
        uint64_t span = (uint64_t) FLASH_RUN_BLOCKS_MAX * p->rules->transfer_size;

        if (end - from > span)
                end = from + span;
        for (const struct sector *s = first; s->range.end < end; s++) {
                bool straddles = (s->range.end - from) % p->rules->transfer_size != 0;

                if (s[1].alt != s->alt || (p->unit >= FLASH_UNIT_ONCE && straddles))
                        return s->range.end;
        }
        return end;
}

/* Cuts `size` contiguous bytes into runs. */
static int add_runs(struct planner *p, uint64_t address, const uint8_t *data, size_t size) {
        struct flash_plan *plan = &p->plan;
        uint64_t end = address + size;

        while (address < end) {
                uint64_t stop = run_end(p, address, end);
                struct flash_run run = {
                        .address = address,
                        .alt = memory_map_find(p->map, address)->alt,
                        .data = data,
                        .size = (size_t) (stop - address),
                        .padding = (size_t) (round_up(stop, p->unit) - stop),
                };
                struct flash_run *runs =
                        reallocarray(plan->runs, plan->n_runs + 1, sizeof(*plan->runs));

                if (!runs)
                        return -ENOMEM;
                plan->runs = runs;
                run.n_blocks = (run.size + run.padding + p->rules->transfer_size - 1) /
                               p->rules->transfer_size;
                plan->runs[plan->n_runs++] = run;
                plan->write_bytes += run.size;
                data += run.size;
                address = stop;
        }
        return 0;
}

/* A write unit is programmed once: segments that meet in one unit, and one that begins in the
 * middle of it, become one piece with 0xFF between. */
static int add_joined(struct planner *p, size_t first, size_t last) {
        const struct segment *items = p->segments->items;
        uint64_t start = round_down(items[first].address, p->unit);
        size_t size = (size_t) (segment_range(&items[last]).end - start);
        uint8_t **buffers, *bytes;

        buffers = reallocarray(p->plan.buffers, p->plan.n_buffers + 1, sizeof(*buffers));
        if (!buffers)
                return -ENOMEM;
        p->plan.buffers = buffers;
        bytes = malloc(size);
        if (!bytes)
                return -ENOMEM;
        p->plan.buffers[p->plan.n_buffers++] = bytes;
        memset(bytes, 0xff, size);
        for (size_t i = first; i <= last; i++)
                memcpy(bytes + (items[i].address - start), items[i].data, items[i].size);
        return add_runs(p, start, bytes, size);
}

static int plan_runs(struct planner *p) {
        const struct segment *items = p->segments->items;

        for (size_t first = 0, last; first < p->segments->n; first = last + 1) {
                int r;

                for (last = first; last + 1 < p->segments->n; last++)
                        if (round_down(items[last + 1].address, p->unit) >=
                            round_up(segment_range(&items[last]).end, p->unit))
                                break;
                if (first == last && items[first].address % p->unit == 0)
                        r = add_runs(p, items[first].address, items[first].data, items[first].size);
                else
                        r = add_joined(p, first, last);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_map(const struct planner *p) {
        return p->map->n > 0 && memory_map_flash(p->map)
                       ? 0
                       : fault_set(p->fault, FWD_NOT_SUPPORTED,
                                   "The bootloader does not say where its flash is");
}

static int check_input(const struct planner *p) {
        unsigned transfer = p->rules->transfer_size;
        int r = check_map(p);

        if (r < 0)
                return r;
        if (transfer == 0 || transfer > TRANSFER_SIZE_MAX || transfer % p->unit)
                return fault_set(p->fault, FWD_NOT_SUPPORTED,
                                 "The bootloader's transfer size of %u bytes cannot be used with "
                                 "a write unit of %u",
                                 transfer, p->unit);
        if (p->segments->n == 0)
                return fault_set(p->fault, FWD_INVALID_IMAGE, "The image is empty");
        return 0;
}

int flash_plan_make(const struct memory_map *map, const struct segments *segments,
                    const struct flash_rules *rules, struct flash_plan *ret, struct fault *fault) {
        _cleanup_(planner_clear) struct planner p = {
                .map = map,
                .segments = segments,
                .rules = rules,
                .unit = rules->write_unit ? rules->write_unit : 1,
                .fault = fault,
        };
        int r;

        r = check_input(&p);
        if (r < 0)
                return r;
        p.plan.transfer_size = rules->transfer_size;
        p.plan.write_unit = p.unit;
        p.touched = calloc(map->n, sizeof(*p.touched));
        if (!p.touched)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        for (size_t i = 0; i < segments->n; i++) {
                r = touch_segment(&p, &segments->items[i]);
                if (r < 0)
                        return r;
        }
        if (plan_erases(&p) < 0 || plan_runs(&p) < 0)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        *ret = p.plan;
        p.plan = (struct flash_plan){};
        return 0;
}

/* Marks the sectors of a range that is to be erased. */
static int touch_range(struct planner *p, struct range wanted) {
        for (uint64_t at = wanted.start; at < wanted.end;) {
                const struct sector *s = memory_map_find(p->map, at);

                if (!s || (!in_limit(p, s) && !is_special(p, s)))
                        return fault_set_at(p->fault, FWD_ADDRESS_OUT_OF_RANGE, at,
                                            "0x%08" PRIx64 " is outside this chip's flash", at);
                if (is_special(p, s) || !has_access(p, s, SECTOR_ERASABLE))
                        return fault_set_at(p->fault, FWD_PROTECTED_REGION, at,
                                            "0x%08" PRIx64 " (\"%s\") cannot be erased", at,
                                            memory_map_area(p->map, s->alt)->name);
                if (at != s->range.start || s->range.end > wanted.end)
                        return fault_set_at(p->fault, FWD_INVALID_ARGUMENT, s->range.start,
                                            "Flash is erased by whole sectors, and the range does "
                                            "not hold all of 0x%08" PRIx64 "-0x%08" PRIx64,
                                            s->range.start, s->range.end);
                if (is_protected(p, s))
                        return fault_set_at(p->fault, FWD_PROTECTED_REGION, at,
                                            "The sector 0x%08" PRIx64 "-0x%08" PRIx64
                                            " is protected on this board",
                                            s->range.start, s->range.end);
                p->touched[s - p->map->sectors] = true;
                at = s->range.end;
        }
        return 0;
}

int flash_plan_make_erase(const struct memory_map *map, struct range range,
                          const struct flash_rules *rules, struct flash_plan *ret,
                          struct fault *fault) {
        const struct segments nothing = {};
        struct flash_rules all = *rules;
        _cleanup_(planner_clear) struct planner p = {
                .map = map,
                .segments = &nothing,
                .rules = &all,
                .unit = 1,
                .fault = fault,
        };
        int r;

        all.erase_all = range_is_empty(range);
        r = check_map(&p);
        if (r < 0)
                return r;
        p.plan.transfer_size = rules->transfer_size;
        p.plan.write_unit = p.unit;
        p.touched = calloc(map->n, sizeof(*p.touched));
        if (!p.touched)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        r = touch_range(&p, range);
        if (r < 0)
                return r;
        if (plan_erases(&p) < 0)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        if (p.plan.n_erases == 0)
                return fault_set(fault, FWD_PROTECTED_REGION,
                                 "There is nothing that could be erased: all of the flash is "
                                 "protected");
        *ret = p.plan;
        p.plan = (struct flash_plan){};
        return 0;
}
