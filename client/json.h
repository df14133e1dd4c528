/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One shape for all data that fwctl handles: what comes over the bus becomes a jansson value, and
 * tables, lines and JSON are printed from that. Property names stay those of the D-Bus interface.
 * Every function that returns a json_t * gives the caller a reference (but json_text's and
 * json_number's arguments are borrowed). */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "client/client.h"

DEFINE_CLEANUP(json_t *, json_decref)
#define _cleanup_json_ _cleanup_(json_decref_p)

/* The next complete value of the message; a{sv} and a{s*} become objects. Negative errno; 0 at the
 * end of the message. */
int json_from_message(sd_bus_message *m, json_t **ret);
/* An array a(oa{sv}) as array of objects, each with its object path as first key "Path". */
int json_from_objects(sd_bus_message *m, json_t **ret);

/* The text of a property, "" if it is not there or not a text. Borrowed. */
const char *json_text(const json_t *object, const char *key);
/* A number, also where it came as text. False if it is none. */
bool json_number(const json_t *object, const char *key, double *ret);
/* A basic value as text for people, new; NULL when memory is out. Arrays are joined by blanks. */
char *json_to_text(const json_t *value);

/* Prints one value and a line end to standard output: pretty or in one line, as the options say;
 * 7-bit, so that no terminal is at the mercy of what a board calls itself. */
int json_print(const struct client *c, const json_t *value);
/* Always one line, flushed: NDJSON. */
int json_print_line(const json_t *value);
