/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "sim/control.h"

#define FLASH_START 0x08000000U /* of all STM32 and their clones */
#define DUMP_STEP   1024U
#define DUMP_MAX    (16U * 1024 * 1024)

struct verb {
        const char *name;
        size_t min, max; /* words behind the verb */
        bool has_port;   /* the first of them is a port that there is */
        int (*run)(struct sim *sim, struct sim_port *port, const char *const *args, size_t n,
                   GString *out);
};

static int set_option(struct sim *sim, struct sim_port *port, const char *key, const char *value,
                      GString *out) {
        int r = model_set(port->model, key, value, sim_now(sim));
        if (r == -ENOENT)
                g_string_printf(out, "A %s has no knob \"%s\".", port->kind, key);
        else if (r < 0)
                g_string_printf(out, "Knob %s cannot be \"%s\".", key, value);
        return r;
}

static int verb_plug(struct sim *sim, struct sim_port *none, const char *const *args, size_t n,
                     GString *out) {
        char error[256] = "";
        const char *options[CONTROL_WORDS_MAX + 1] = {};
        for (size_t i = 2; i < n; i++)
                options[i - 2] = args[i];
        struct model *model = model_new(args[0], options, error, sizeof(error));
        if (!model) {
                g_string_assign(out, error);
                return -EINVAL;
        }
        int r = sim_plug(sim, args[1], args[0], model);
        if (r < 0) {
                model_free(model);
                g_string_assign(out, r == -EINVAL   ? "A port is a name like 1-1 or 1-2.3."
                                     : r == -EEXIST ? "There is a board or a hub on that port."
                                                    : "No port is free.");
                return r;
        }
        model_plug(model, sim_now(sim));
        return 0;
}

static int verb_unplug(struct sim *sim, struct sim_port *port, const char *const *args, size_t n,
                       GString *out) {
        model_unplug(port->model, sim_now(sim));
        return 0;
}

static int verb_replug(struct sim *sim, struct sim_port *port, const char *const *args, size_t n,
                       GString *out) {
        model_unplug(port->model, sim_now(sim));
        for (size_t i = 1; i < n; i++) {
                g_auto(GStrv) pair = g_strsplit(args[i], "=", 2);
                if (!pair[0] || !pair[1]) {
                        g_string_printf(out, "\"%s\" is not key=value.", args[i]);
                        return -EINVAL;
                }
                int r = set_option(sim, port, pair[0], pair[1], out);
                if (r < 0)
                        return r;
        }
        sim_settle(sim); /* the going is seen, though the coming follows at once */
        model_plug(port->model, sim_now(sim));
        return 0;
}

static int verb_remove(struct sim *sim, struct sim_port *port, const char *const *args, size_t n,
                       GString *out) {
        sim_remove(port);
        return 0;
}

static int verb_set(struct sim *sim, struct sim_port *port, const char *const *args, size_t n,
                    GString *out) {
        return set_option(sim, port, args[1], args[2], out);
}

static int verb_driver(struct sim *sim, struct sim_port *port, const char *const *args, size_t n,
                       GString *out) {
        int r = sim_port_set_driver(port, args[1]);
        if (r == -EINVAL)
                g_string_assign(out, "A driver is bound, none, usbfs or missing.");
        else if (r < 0)
                g_string_assign(out, "The driver is the kernel's.");
        return r;
}

static int number(const char *text, uint64_t *ret, GString *out) {
        int r = parse_u64(text, UINT32_MAX, ret);
        if (r < 0)
                g_string_printf(out, "\"%s\" is not an address or a size.", text);
        return r;
}

static int verb_dump(struct sim *sim, struct sim_port *port, const char *const *args, size_t n,
                     GString *out) {
        uint64_t start = FLASH_START, size = 0;
        if (n > 2 && number(args[2], &start, out) < 0)
                return -EINVAL;
        if (n > 3 && number(args[3], &size, out) < 0)
                return -EINVAL;
        if (size > DUMP_MAX)
                size = DUMP_MAX;
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        if (size > 0) {
                g_byte_array_set_size(bytes, (guint) size);
                int r = model_dump(port->model, start, bytes->data, size);
                if (r < 0) {
                        g_string_assign(out, "Not all of that is memory of the chip.");
                        return r;
                }
        } else {
                uint8_t step[DUMP_STEP];
                while (bytes->len < DUMP_MAX &&
                       model_dump(port->model, start + bytes->len, step, sizeof(step)) >= 0)
                        g_byte_array_append(bytes, step, sizeof(step));
        }
        g_autoptr(GError) error = NULL;
        if (!g_file_set_contents(args[1], (const char *) bytes->data, bytes->len, &error)) {
                g_string_assign(out, error->message);
                return -EIO;
        }
        return 0;
}

static int verb_load(struct sim *sim, struct sim_port *port, const char *const *args, size_t n,
                     GString *out) {
        uint64_t start = FLASH_START;
        if (n > 2 && number(args[2], &start, out) < 0)
                return -EINVAL;
        g_autoptr(GError) error = NULL;
        g_autofree char *data = NULL;
        size_t size = 0;
        if (!g_file_get_contents(args[1], &data, &size, &error)) {
                g_string_assign(out, error->message);
                return -EIO;
        }
        int r = model_load(port->model, start, data, size);
        if (r < 0)
                g_string_assign(out, "Not all of that is memory of the chip.");
        return r;
}

static json_t *port_json(struct sim *sim, struct sim_port *port) {
        json_t *o = json_pack("{s:s s:s s:s}", "port", port->name, "kind", port->kind, "mode",
                              sim_port_mode(port));
        if (port->devnum) {
                g_autofree char *node =
                        g_strdup_printf("/dev/bus/usb/%03u/%03u", port->bus, port->devnum);
                json_object_set_new(o, "node", json_string(node));
        }
        if (sim_port_tty(port)) {
                g_autofree char *tty = g_strconcat("/dev/", sim_port_tty(port), NULL);
                json_object_set_new(o, "tty", json_string(tty));
        }
        return o;
}

static int print_json(json_t *o, size_t flags, GString *out) {
        char *text = json_dumps(o, flags);
        json_decref(o);
        if (!text)
                return -ENOMEM;
        g_string_assign(out, text);
        free(text);
        return 0;
}

static int verb_stats(struct sim *sim, struct sim_port *port, const char *const *args, size_t n,
                      GString *out) {
        json_t *o = port_json(sim, port);
        json_object_set_new(o, "control", json_integer((json_int_t) port->counts.control));
        json_object_set_new(o, "attached_us", json_integer((json_int_t) port->attached_us));
        json_object_set_new(o, "enumerations", json_integer(port->counts.enumerations));
        json_object_set_new(o, "reaps_empty", json_integer((json_int_t) port->counts.reaps_empty));
        json_object_set_new(o, "late_us", json_integer((json_int_t) port->counts.late_us));
        json_t *by_request = json_object();
        GHashTableIter iter;
        gpointer key, value;
        g_hash_table_iter_init(&iter, port->counts.by_request);
        while (g_hash_table_iter_next(&iter, &key, &value))
                json_object_set_new(by_request, key,
                                    json_integer((json_int_t) GPOINTER_TO_SIZE(value)));
        json_object_set_new(o, "by_request", by_request);
        struct model_stats s = {};
        model_stats(port->model, &s);
        json_object_set_new(
                o, "model",
                json_pack("{s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I}",
                          "control_transfers", (json_int_t) s.control_transfers, "dnloads",
                          (json_int_t) s.dnloads, "uploads", (json_int_t) s.uploads, "getstatuses",
                          (json_int_t) s.getstatuses, "erases", (json_int_t) s.erases,
                          "bytes_programmed", (json_int_t) s.bytes_programmed, "bytes_uploaded",
                          (json_int_t) s.bytes_uploaded, "erase_us", (json_int_t) s.erase_us,
                          "program_us", (json_int_t) s.program_us, "write_wire_us",
                          (json_int_t) s.write_wire_us, "read_wire_us", (json_int_t) s.read_wire_us,
                          "other_wire_us", (json_int_t) s.other_wire_us, "passthroughs",
                          (json_int_t) s.passthroughs));
        return print_json(o, JSON_INDENT(2) | JSON_SORT_KEYS, out);
}

static int verb_reset_stats(struct sim *sim, struct sim_port *port, const char *const *args,
                            size_t n, GString *out) {
        port->counts.control = port->counts.reaps_empty = port->counts.late_us = 0;
        g_hash_table_remove_all(port->counts.by_request);
        return set_option(sim, port, "reset-stats", "1", out);
}

static int verb_list(struct sim *sim, struct sim_port *none, const char *const *args, size_t n,
                     GString *out) {
        for (size_t i = 0; i < sim->n_ports; i++) {
                struct sim_port *port = sim->ports[i];
                g_string_append_printf(out, "%s%-8s %-20s %-10s", out->len ? "\n" : "", port->name,
                                       port->kind, sim_port_mode(port));
                if (port->devnum)
                        g_string_append_printf(out, " /dev/bus/usb/%03u/%03u", port->bus,
                                               port->devnum);
                if (sim_port_tty(port))
                        g_string_append_printf(out, " /dev/%s", sim_port_tty(port));
        }
        return 0;
}

static int verb_kinds(struct sim *sim, struct sim_port *none, const char *const *args, size_t n,
                      GString *out) {
        for (const char *const *kind = model_kinds(); *kind; kind++)
                g_string_append_printf(out, "%s%s", out->len ? "\n" : "", *kind);
        return 0;
}

static int verb_wait(struct sim *sim, struct sim_port *port, const char *const *args, size_t n,
                     GString *out) {
        return CONTROL_WAITS;
}

static int verb_quit(struct sim *sim, struct sim_port *none, const char *const *args, size_t n,
                     GString *out) {
        return CONTROL_QUIT;
}

static const struct verb verbs[] = {
        {"plug", 2, CONTROL_WORDS_MAX, false, verb_plug},
        {"unplug", 1, 1, true, verb_unplug},
        {"replug", 1, CONTROL_WORDS_MAX, true, verb_replug},
        {"remove", 1, 1, true, verb_remove},
        {"set", 3, 3, true, verb_set},
        {"driver", 2, 2, true, verb_driver},
        {"dump", 2, 4, true, verb_dump},
        {"load", 2, 3, true, verb_load},
        {"stats", 1, 1, true, verb_stats},
        {"reset-stats", 1, 1, true, verb_reset_stats},
        {"wait", 2, 3, true, verb_wait},
        {"list", 0, 0, false, verb_list},
        {"kinds", 0, 0, false, verb_kinds},
        {"quit", 0, 0, false, verb_quit},
};

int control_verb(struct sim *sim, const char *const *words, size_t n_words, GString *out) {
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
                const struct verb *verb = &verbs[i];
                if (strcmp(verb->name, words[0]) != 0)
                        continue;
                size_t n = n_words - 1;
                if (n < verb->min || n > verb->max) {
                        g_string_printf(out, "%s takes %zu to %zu words; see simctl --help.",
                                        verb->name, verb->min, verb->max);
                        return -EINVAL;
                }
                struct sim_port *port = verb->has_port ? sim_find(sim, words[1]) : NULL;
                if (verb->has_port && !port) {
                        g_string_printf(out, "There is no board on port %s.", words[1]);
                        return -ENOENT;
                }
                return verb->run(sim, port, words + 1, n, out);
        }
        g_string_printf(out, "No such verb: %s; see simctl --help.", words[0]);
        return -EINVAL;
}
