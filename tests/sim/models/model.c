/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "models/kinds.h"

struct model *model_free(struct model *m) {
        if (m && m->ops->free)
                m->ops->free(m);
        else
                free(m);
        return NULL;
}

static int set_option(struct model *m, const char *option) {
        char key[64];
        const char *equals = strchr(option, '=');

        if (!equals || (size_t) (equals - option) >= sizeof(key))
                return -EINVAL;
        memcpy(key, option, (size_t) (equals - option));
        key[equals - option] = '\0';
        return model_set(m, key, equals + 1, 0);
}

struct model *model_new(const char *kind, const char *const *options, char *error,
                        size_t error_size) {
        struct model *m;
        int r;

        if (!kind_exists(kind)) {
                (void) snprintf(error, error_size, "There is no simulated board of kind \"%s\".",
                                kind);
                return NULL;
        }
        m = kind_new(kind);
        if (!m) {
                (void) snprintf(error, error_size, "Out of memory.");
                return NULL;
        }
        for (; options && *options; options++) {
                r = set_option(m, *options);
                if (r == 0)
                        continue;
                (void) snprintf(error, error_size, "A board of kind \"%s\" cannot have \"%s\": %s.",
                                kind, *options,
                                r == -ENOENT ? "there is no such option" : "no such value");
                return model_free(m);
        }
        return m;
}

void model_control(struct model *m, const struct model_setup *setup, const uint8_t *data,
                   uint64_t now_us, struct model_answer *ret) {
        m->ops->control(m, setup, data, now_us, ret);
}

void model_serial_write(struct model *m, const uint8_t *data, size_t size, uint64_t now_us) {
        if (m->ops->serial_write)
                m->ops->serial_write(m, data, size, now_us);
}

size_t model_serial_read(struct model *m, uint8_t *to, size_t size, uint64_t now_us) {
        return m->ops->serial_read ? m->ops->serial_read(m, to, size, now_us) : 0;
}

int model_out(struct model *m, uint8_t endpoint, const uint8_t *data, size_t size,
              uint64_t now_us) {
        return m->ops->out ? m->ops->out(m, endpoint, data, size, now_us) : -ENOENT;
}

int model_in(struct model *m, uint8_t endpoint, uint8_t *to, size_t size, uint64_t now_us) {
        return m->ops->in ? m->ops->in(m, endpoint, to, size, now_us) : -ENOENT;
}

uint64_t model_next_event(struct model *m) {
        return m->ops->next_event ? m->ops->next_event(m) : MODEL_NEVER;
}

void model_advance(struct model *m, uint64_t now_us) {
        if (m->ops->advance)
                m->ops->advance(m, now_us);
}

void model_plug(struct model *m, uint64_t now_us) {
        m->ops->plug(m, now_us);
}

void model_unplug(struct model *m, uint64_t now_us) {
        m->ops->unplug(m, now_us);
}

void model_reset(struct model *m, uint64_t now_us) {
        if (m->ops->reset)
                m->ops->reset(m, now_us);
}

static int set_mute(struct model *m, const char *value) {
        static const char *const names[] = {"no", "yes", "bootloader"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(value, names[i]) == 0) {
                        m->mute = (enum model_mute) i;
                        return 0;
                }
        return -EINVAL;
}

int model_set(struct model *m, const char *key, const char *value, uint64_t now_us) {
        if (strcmp(key, "mute") == 0)
                return set_mute(m, value);
        return m->ops->set ? m->ops->set(m, key, value, now_us) : -ENOENT;
}

int model_load(struct model *m, uint64_t address, const void *data, size_t size) {
        return m->ops->load ? m->ops->load(m, address, data, size) : -ERANGE;
}

int model_dump(struct model *m, uint64_t address, void *to, size_t size) {
        return m->ops->dump ? m->ops->dump(m, address, to, size) : -ERANGE;
}

void model_stats(struct model *m, struct model_stats *ret) {
        if (m->ops->stats)
                m->ops->stats(m, ret);
        else
                *ret = m->stats;
}
