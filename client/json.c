/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/json.h"

#include <string.h>

#include "base/text.h"

#define DEPTH_MAX 16U /* of containers; the interface needs four */

static int from_message(sd_bus_message *m, unsigned depth, json_t **ret);

static int take(json_t *value, json_t **ret) {
        if (!value)
                return -ENOMEM;
        *ret = value;
        return 1;
}

/* JSON numbers here are signed; nothing on the bus that is counted comes near the difference. */
static json_t *from_unsigned(uint64_t value) {
        return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t) value);
}

static int from_basic(sd_bus_message *m, char type, json_t **ret) {
        union {
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                int b;
                const char *s;
        } v;
        int r = sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;
        switch (type) {
        case SD_BUS_TYPE_BYTE:
                return take(json_integer(v.y), ret);
        case SD_BUS_TYPE_INT16:
                return take(json_integer(v.n), ret);
        case SD_BUS_TYPE_UINT16:
                return take(json_integer(v.q), ret);
        case SD_BUS_TYPE_INT32:
                return take(json_integer(v.i), ret);
        case SD_BUS_TYPE_UINT32:
                return take(json_integer(v.u), ret);
        case SD_BUS_TYPE_INT64:
                return take(json_integer(v.x), ret);
        case SD_BUS_TYPE_UINT64:
                return take(from_unsigned(v.t), ret);
        case SD_BUS_TYPE_DOUBLE:
                return take(json_real(v.d), ret);
        case SD_BUS_TYPE_BOOLEAN:
                return take(json_boolean(v.b), ret);
        case SD_BUS_TYPE_STRING:
        case SD_BUS_TYPE_OBJECT_PATH:
        case SD_BUS_TYPE_SIGNATURE:
                return take(json_string(v.s), ret);
        default: /* a file descriptor: nothing to show */
                return take(json_null(), ret);
        }
}

static int from_dictionary(sd_bus_message *m, const char *entry, unsigned depth, json_t **ret) {
        _cleanup_json_ json_t *object = json_object();
        /* "{sv}" without its braces */
        _cleanup_free_ char *contents = strndup(entry + 1, strlen(entry) - 2);
        int r;

        if (!object || !contents)
                return -ENOMEM;
        while ((r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, contents)) > 0) {
                _cleanup_json_ json_t *key = NULL, *value = NULL;

                r = from_message(m, depth + 1, &key);
                if (r > 0)
                        r = from_message(m, depth + 1, &value);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;
                if (!json_is_string(key))
                        return -EBADMSG;
                if (json_object_set(object, json_string_value(key), value) < 0)
                        return -ENOMEM;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 1;
}

static int from_sequence(sd_bus_message *m, unsigned depth, json_t **ret) {
        _cleanup_json_ json_t *array = json_array();
        int r;

        if (!array)
                return -ENOMEM;
        for (;;) {
                _cleanup_json_ json_t *item = NULL;

                r = from_message(m, depth + 1, &item);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (json_array_append(array, item) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(array);
        return 1;
}

static int from_message(sd_bus_message *m, unsigned depth, json_t **ret) {
        const char *contents;
        json_t *value = NULL;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r <= 0)
                return r;
        if (depth > DEPTH_MAX)
                return -EBADMSG;
        if (!strchr("avr(", type))
                return from_basic(m, type, ret);
        r = sd_bus_message_enter_container(m, type, contents);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if (type == SD_BUS_TYPE_VARIANT)
                r = from_message(m, depth + 1, &value);
        else if (type == SD_BUS_TYPE_ARRAY && contents[0] == '{')
                r = from_dictionary(m, contents, depth, &value);
        else
                r = from_sequence(m, depth, &value);
        if (r > 0) {
                int k = sd_bus_message_exit_container(m);

                r = k < 0 ? k : 1;
        }
        if (r <= 0) {
                json_decref(value);
                return r < 0 ? r : -EBADMSG;
        }
        *ret = value;
        return 1;
}

int json_from_message(sd_bus_message *m, json_t **ret) {
        return from_message(m, 0, ret);
}

int json_from_objects(sd_bus_message *m, json_t **ret) {
        _cleanup_json_ json_t *pairs = NULL, *list = json_array();
        size_t i;
        json_t *pair;
        int r = json_from_message(m, &pairs);

        if (r < 0)
                return r;
        if (!list)
                return -ENOMEM;
        json_array_foreach (pairs, i, pair) {
                json_t *object = json_object();

                if (!object || json_array_append_new(list, object) < 0 ||
                    json_object_set(object, "Path", json_array_get(pair, 0)) < 0 ||
                    json_object_update(object, json_array_get(pair, 1)) < 0)
                        return -EBADMSG;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

const char *json_text(const json_t *object, const char *key) {
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

bool json_number(const json_t *object, const char *key, double *ret) {
        const json_t *value = json_object_get(object, key);
        const char *text = json_string_value(value);
        char *end;
        double number;

        if (json_is_number(value)) {
                *ret = json_number_value(value);
                return true;
        }
        if (!text || !*text)
                return false;
        number = strtod(text, &end);
        if (*end)
                return false;
        *ret = number;
        return true;
}

char *json_to_text(const json_t *value) {
        char *joined;
        size_t i;
        const json_t *item;

        switch (json_typeof(value)) {
        case JSON_STRING:
                return strdup(json_string_value(value));
        case JSON_INTEGER:
                return text_format("%" JSON_INTEGER_FORMAT, json_integer_value(value));
        case JSON_REAL:
                return text_format("%g", json_real_value(value));
        case JSON_TRUE:
                return strdup("yes");
        case JSON_FALSE:
                return strdup("no");
        case JSON_NULL:
                return strdup("");
        case JSON_OBJECT:
                return json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
        case JSON_ARRAY:
                break;
        }
        joined = strdup("");
        json_array_foreach (value, i, item) {
                _cleanup_free_ char *before = joined, *text = json_to_text(item);

                joined = before && text ? text_format("%s%s%s", before, i ? " " : "", text) : NULL;
        }
        return joined;
}

static int print(const json_t *value, size_t flags) {
        if (json_dumpf(value, stdout, flags | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) < 0)
                return -EIO;
        return putchar('\n') == EOF ? -EIO : 0;
}

int json_print(const struct client *c, const json_t *value) {
        return print(value,
                     c->options.output == OUTPUT_JSON_PRETTY ? JSON_INDENT(2) : JSON_COMPACT);
}

int json_print_line(const json_t *value) {
        int r = print(value, JSON_COMPACT);

        return r < 0 ? r : fflush(stdout) == EOF ? -errno : 0;
}
