/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of a method call: strict, and each refusal names the key. */

#include <string.h>
#include <sys/socket.h>

#include "bench.h"
#include "service/options.h"

#define ALL                                                                                        \
        (OPTION_ADDRESS | OPTION_FORCE | OPTION_ERASE | OPTION_LEAVE | OPTION_KEEP_CONFIG |        \
         OPTION_DUMP | OPTION_ONLY | OPTION_SAVE_WITH_ERRORS | OPTION_RANGE | OPTION_DRY_RUN |     \
         OPTION_SAVE_OLD | OPTION_QUERY)

static int connect_setup(void **state) {
        sd_bus *bus = NULL;
        int pair[2];

        /* A message needs a bus; nobody is at its other end. */
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_true(sd_bus_new(&bus) >= 0);
        assert_true(sd_bus_set_fd(bus, pair[0], pair[0]) >= 0);
        assert_true(sd_bus_start(bus) >= 0);
        assert_int_equal(close(pair[1]), 0);
        *state = bus;
        return 0;
}

static int connect_teardown(void **state) {
        sd_bus_close_unref(*state);
        return 0;
}

static sd_bus_message *call_new(void **state) {
        sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_method_call(*state, &m, "a.b", "/", "a.b", "C") >= 0);
        return m;
}

static int parse(sd_bus_message *m, unsigned allowed, struct options *ret, struct fault *fault) {
        int r;

        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(m, true) >= 0);
        r = options_parse(m, allowed, ret, fault);
        sd_bus_message_unref(m);
        return r;
}

static void test_none(void **state) {
        struct options options = {.force = true};
        struct fault fault = FAULT_INIT;
        sd_bus_message *m = call_new(state);

        assert_true(sd_bus_message_append(m, "a{sv}", 0) >= 0);
        assert_int_equal(parse(m, ALL, &options, &fault), 0);
        assert_true(options.leave);
        assert_false(options.force);
        assert_false(options.has_address);
        assert_false(options.erase_full);
        assert_int_equal(options.keep_config, KEEP_BY_PROFILE);
}

static void test_all(void **state) {
        struct options options = {};
        struct fault fault = FAULT_INIT;
        sd_bus_message *m = call_new(state);

        assert_true(sd_bus_message_append(m, "a{sv}", 4, "address", "s", "0x08004000", "force", "b",
                                          1, "erase", "s", "full", "leave", "b", 0) >= 0);
        assert_int_equal(parse(m, ALL, &options, &fault), 0);
        assert_true(options.has_address);
        assert_int_equal(options.address, 0x08004000);
        assert_true(options.force);
        assert_true(options.erase_full);
        assert_false(options.leave);
}

static void test_configuration(void **state) {
        struct options options = {};
        struct fault fault = FAULT_INIT;
        sd_bus_message *m = call_new(state);

        assert_true(sd_bus_message_append(m, "a{sv}", 4, "keep-config", "b", 0, "dump", "b", 1,
                                          "only", "s", "serial,osd", "save-with-errors", "b",
                                          1) >= 0);
        assert_int_equal(parse(m, ALL, &options, &fault), 0);
        assert_int_equal(options.keep_config, KEEP_NO);
        assert_true(options.dump);
        assert_true(options.save_with_errors);
        assert_string_equal(options.only, "serial,osd");
        m = call_new(state);
        assert_true(sd_bus_message_append(m, "a{sv}", 1, "keep-config", "b", 1) >= 0);
        assert_int_equal(parse(m, ALL, &options, &fault), 0);
        assert_int_equal(options.keep_config, KEEP_YES);
}

static void test_chip(void **state) {
        struct options options = {};
        struct fault fault = FAULT_INIT;
        sd_bus_message *m = call_new(state);

        assert_true(sd_bus_message_append(m, "a{sv}", 3, "range", "s", "0x08004000+16K", "dry-run",
                                          "b", 1, "save-old", "h", STDERR_FILENO) >= 0);
        assert_int_equal(parse(m, ALL, &options, &fault), 0);
        assert_int_equal(options.range.start, 0x08004000);
        assert_int_equal(options.range.end, 0x08008000);
        assert_true(options.dry_run);
        assert_true(options.has_output);
}

static void test_query(void **state) {
        struct options options = {};
        struct fault fault = FAULT_INIT;
        sd_bus_message *m = call_new(state);

        assert_true(sd_bus_message_append(m, "a{sv}", 3, "limit", "t", (uint64_t) 7, "before", "t",
                                          (uint64_t) 12, "port", "s", "1-2.3") >= 0);
        assert_int_equal(parse(m, OPTION_QUERY, &options, &fault), 0);
        assert_int_equal(options.query.limit, 7);
        assert_int_equal(options.query.before, 12);
        assert_null(options.query.unique_id);
        assert_false(options.has_address);
        m = call_new(state);
        assert_true(sd_bus_message_append(m, "a{sv}", 0) >= 0);
        assert_int_equal(parse(m, OPTION_QUERY, &options, &fault), 0);
        assert_int_equal(options.query.limit, HISTORY_LISTED_DEFAULT);
        assert_null(options.query.port);
}

static void test_address_as_number(void **state) {
        struct options options = {};
        struct fault fault = FAULT_INIT;
        sd_bus_message *m = call_new(state);

        assert_true(sd_bus_message_append(m, "a{sv}", 1, "address", "t", UINT64_MAX) >= 0);
        assert_int_equal(parse(m, ALL, &options, &fault), 0);
        assert_int_equal(options.address, UINT64_MAX);
}

static void refused(sd_bus_message *m, unsigned allowed, const char *named) {
        struct options options = {.address = 77};
        struct fault fault = FAULT_INIT;

        assert_true(parse(m, allowed, &options, &fault) < 0);
        assert_int_equal(fault.error, FWD_INVALID_ARGUMENT);
        assert_non_null(strstr(fault.message, named));
        assert_int_equal(options.address, 77); /* not written */
}

static void test_refusals(void **state) {
        static const struct {
                const char *key, *type, *value, *named;
        } rows[] = {
                {"verify", "b", NULL, "\"verify\""}, /* it is always on */
                {"Force", "b", NULL, "\"Force\""},   /* keys are exact */
                {"range", "s", "0x08000000", "\"range\""},
                {"range", "s", "0x08004000-0x08004000", "\"range\""},
                {"dry-run", "s", "yes", "\"dry-run\""},
                {"save-old", "s", "/etc/passwd", "\"save-old\""},
                {"", "b", NULL, "\"\""},
                {"force", "s", "yes", "\"force\""},
                {"address", "b", NULL, "\"address\""},
                {"address", "s", "0x0800g", "\"address\""},
                {"address", "s", "", "\"address\""},
                {"address", "s", "-1", "\"address\""},
                {"address", "s", "0x10000000000000000", "\"address\""},
                {"erase", "s", "mass", "\"erase\""},
                {"only", "s", "", "\"only\""},
                {"only", "s", "osd --tty=/dev/ttyS0", "\"only\""},
                {"only", "s", "serial,receiver,modes,osd,serial,receiver,modes,osd,serial,receiver",
                 "\"only\""},
                {"limit", "s", "1", "\"limit\""},
                {"port", "b", NULL, "\"port\""},
                {"evil\tkey", "s", "x", "evil?key"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                sd_bus_message *m = call_new(state);

                if (rows[i].value)
                        assert_true(sd_bus_message_append(m, "a{sv}", 1, rows[i].key, rows[i].type,
                                                          rows[i].value) >= 0);
                else
                        assert_true(sd_bus_message_append(m, "a{sv}", 1, rows[i].key, rows[i].type,
                                                          1) >= 0);
                refused(m, ALL, rows[i].named);
        }
}

static void test_not_for_this_call(void **state) {
        sd_bus_message *m = call_new(state);

        assert_true(sd_bus_message_append(m, "a{sv}", 1, "force", "b", 1) >= 0);
        refused(m, OPTION_ADDRESS, "\"force\"");
}

static void test_twice(void **state) {
        sd_bus_message *m = call_new(state);

        assert_true(sd_bus_message_append(m, "a{sv}", 2, "force", "b", 0, "force", "b", 1) >= 0);
        refused(m, ALL, "\"force\"");
}

static void test_container_value(void **state) {
        sd_bus_message *m = call_new(state);

        assert_true(sd_bus_message_append(m, "a{sv}", 1, "erase", "as", 1, "full") >= 0);
        refused(m, ALL, "\"erase\"");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_none),          cmocka_unit_test(test_all),
                cmocka_unit_test(test_configuration), cmocka_unit_test(test_chip),
                cmocka_unit_test(test_query),         cmocka_unit_test(test_address_as_number),
                cmocka_unit_test(test_refusals),      cmocka_unit_test(test_not_for_this_call),
                cmocka_unit_test(test_twice),         cmocka_unit_test(test_container_value),
        };

        return cmocka_run_group_tests(tests, connect_setup, connect_teardown);
}
