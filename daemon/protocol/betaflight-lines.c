/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocol/betaflight-config.h"
#include "protocol/betaflight-lines.h"
#include "protocol/betaflight-ports.h"

/* What single lines of a configuration are for, and what they are called elsewhere. */

static const char *const section_names[_FC_SECTION_MAX] = {
        [FC_SECTION_OTHER] = "other",       [FC_SECTION_SERIAL] = "serial",
        [FC_SECTION_RECEIVER] = "receiver", [FC_SECTION_MODES] = "modes",
        [FC_SECTION_OSD] = "osd",           [FC_SECTION_VTX] = "vtx",
        [FC_SECTION_LED] = "led",           [FC_SECTION_PIDS] = "pids",
        [FC_SECTION_RATES] = "rates",
};

const char *fc_section_name(enum fc_section section) {
        return section < _FC_SECTION_MAX ? section_names[section] : "";
}

int fc_section_from_name(const char *name) {
        for (int i = 0; i < _FC_SECTION_MAX; i++)
                if (strcmp(name, section_names[i]) == 0)
                        return i;
        return -EINVAL;
}

static bool begins(const char *text, const char *with) {
        return strncmp(text, with, strlen(with)) == 0;
}

static enum fc_section section_of_setting(const char *name) {
        static const struct {
                const char *begin;
                enum fc_section section;
        } rows[] = {
                {"osd_", FC_SECTION_OSD},
                {"displayport_", FC_SECTION_OSD},
                {"vcd_", FC_SECTION_OSD},
                {"vtx_", FC_SECTION_VTX},
                {"ledstrip_", FC_SECTION_LED},
                {"serialrx_", FC_SECTION_RECEIVER},
                {"rx_", FC_SECTION_RECEIVER},
                {"rssi_", FC_SECTION_RECEIVER},
                {"rc_smoothing", FC_SECTION_RECEIVER},
                {"sbus_", FC_SECTION_RECEIVER},
                {"spektrum_", FC_SECTION_RECEIVER},
                {"crsf_", FC_SECTION_RECEIVER},
                {"min_check", FC_SECTION_RECEIVER},
                {"max_check", FC_SECTION_RECEIVER},
                {"mid_rc", FC_SECTION_RECEIVER},
                {"receiver_type", FC_SECTION_RECEIVER},
                {"box_user_", FC_SECTION_MODES},
        };

        if (fc_ports_is_setting(name))
                return FC_SECTION_SERIAL;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (begins(name, rows[i].begin))
                        return rows[i].section;
        return FC_SECTION_OTHER;
}

static enum fc_section section_of_feature(const char *name) {
        static const char *const vtx[] = {"VTX"};

        name += *name == '-';
        if (begins(name, "RX_") || begins(name, "RSSI"))
                return FC_SECTION_RECEIVER;
        if (strcmp(name, "OSD") == 0)
                return FC_SECTION_OSD;
        if (strcmp(name, "LED_STRIP") == 0)
                return FC_SECTION_LED;
        for (size_t i = 0; i < ARRAY_SIZE(vtx); i++)
                if (begins(name, vtx[i]))
                        return FC_SECTION_VTX;
        return FC_SECTION_OTHER;
}

enum fc_section fc_section_of_line(const struct fc_config_line *line) {
        static const struct {
                const char *begin;
                enum fc_section section;
        } rows[] = {
                {"serial ", FC_SECTION_SERIAL},
                {"aux ", FC_SECTION_MODES},
                {"adjrange ", FC_SECTION_MODES},
                {"map ", FC_SECTION_RECEIVER},
                {"rxrange ", FC_SECTION_RECEIVER},
                {"rxfail ", FC_SECTION_RECEIVER},
                {"vtx ", FC_SECTION_VTX},
                {"vtxtable ", FC_SECTION_VTX},
                {"led ", FC_SECTION_LED},
                {"color ", FC_SECTION_LED},
                {"mode_color ", FC_SECTION_LED},
                {"profile", FC_SECTION_PIDS},
                {"control_profile", FC_SECTION_PIDS},
                {"rateprofile", FC_SECTION_RATES},
                {"osd_layout ", FC_SECTION_OSD},
        };
        const char *text = line->text;

        if (line->profile)
                return line->profile->section;
        if (begins(text, "set "))
                return section_of_setting(text + 4);
        if (begins(text, "feature "))
                return section_of_feature(text + 8);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (begins(text, rows[i].begin))
                        return rows[i].section;
        return FC_SECTION_OTHER;
}

/* Names of serial ports, printed since Betaflight 2025.12; before it, and on other firmware,
 * the number. Both are taken by 2025.12 and 2026.6 (serialPortIdentifier_e of io/serial.h). */
static const struct {
        const char *name;
        unsigned first, count, number;
} port_names[] = {
        {"UART", 1, 10, 0},       {"USART", 1, 10, 0}, {"VCP", 0, 0, 20},    {"USB_VCP", 0, 0, 20},
        {"SOFTSERIAL", 1, 2, 30}, {"SOFT", 1, 2, 30},  {"LPUART", 1, 1, 40},
};

/* The number of a port that is given by name; -ENOENT. `*ret_length` characters are the name. */
static int port_number(const char *text, size_t *ret_length) {
        const size_t length = strcspn(text, " ");

        for (size_t i = 0; i < ARRAY_SIZE(port_names); i++) {
                const size_t n = strlen(port_names[i].name);
                char *end;
                unsigned long index;

                if (length < n || strncasecmp(text, port_names[i].name, n) != 0)
                        continue;
                *ret_length = length;
                if (port_names[i].count == 0 && length == n)
                        return (int) port_names[i].number;
                index = strtoul(text + n, &end, 10);
                if (length > n && end == text + length && index >= port_names[i].first &&
                    index - port_names[i].first < port_names[i].count)
                        return (int) (port_names[i].number + index - port_names[i].first);
        }
        return -ENOENT;
}

/* "serial UART1 64 …" -> "serial 0 64 …". False if there is no name in it. */
static bool port_by_number(const char *line, char *to) {
        const char *port = line + strlen("serial ");
        size_t length;
        int number = port_number(port, &length);

        if (number < 0)
                return false;
        (void) snprintf(to, FC_CONFIG_LINE_MAX + 1, "serial %d%s", number, port + length);
        return true;
}

static bool is_from(const struct fc_identity *identity, unsigned major, unsigned minor) {
        const unsigned *v = identity->version;

        return identity->has_version && (v[0] > major || (v[0] == major && v[1] >= minor));
}

/* Settings of Betaflight that got another name and kept their meaning. Filters and PIDs are not
 * among them: with another release they are another tune. */
static const struct {
        const char *before, *since;
        unsigned major, minor; /* the release that has the new name */
} renamed[] = {
        {"name", "craft_name", 4, 4},
        {"display_name", "pilot_name", 4, 4},
};

static bool rename_setting(const char *line, const struct fc_identity *identity, char *to) {
        const char *name = line + strlen("set "), *value;
        const size_t length = strcspn(name, " =");

        value = name + length;
        for (size_t i = 0; i < ARRAY_SIZE(renamed); i++) {
                const bool is_new = is_from(identity, renamed[i].major, renamed[i].minor);
                const char *from = is_new ? renamed[i].before : renamed[i].since;
                const char *into = is_new ? renamed[i].since : renamed[i].before;

                if (strlen(from) != length || strncmp(name, from, length) != 0)
                        continue;
                if (snprintf(to, FC_CONFIG_LINE_MAX + 1, "set %s%s", into, value) >
                    (int) FC_CONFIG_LINE_MAX)
                        return false;
                return true;
        }
        return false;
}

enum fc_fate fc_config_translate(const struct fc_config_line *line,
                                 const struct fc_identity *identity, bool interactive, char *to,
                                 const char **ret_why) {
        const bool betaflight = strcmp(identity->variant, "BTFL") == 0;
        const char *text = line->text;

        *ret_why = NULL;
        if (strchr(text, '#'))
                *ret_why = "the command line takes a # as the beginning of a comment";
        else if (interactive && strchr(text, '?'))
                *ret_why = "a ? cannot be typed into the command line";
        else if (betaflight && identity->has_version && !fc_ports_are_settings(identity) &&
                 begins(text, "set ") && fc_ports_is_setting(text + 4))
                *ret_why = "this firmware has serial lines for its ports";
        for (const char *c = text; *c && !*ret_why; c++)
                if ((unsigned char) *c > 0x7e)
                        *ret_why = "the command line takes ASCII characters alone";
        if (*ret_why)
                return FC_SKIP;
        if (!betaflight || !identity->has_version)
                return FC_SEND;
        if (begins(text, "serial ") && fc_ports_are_settings(identity))
                return FC_PORTS;
        if (begins(text, "serial ") && !is_from(identity, 2025, 12) && port_by_number(text, to)) {
                *ret_why = "this firmware has numbers for serial ports";
                return FC_TRANSLATE;
        }
        if (begins(text, "set ") && rename_setting(text, identity, to)) {
                *ret_why = "this firmware has another name for it";
                return FC_TRANSLATE;
        }
        return FC_SEND;
}

/* Comparing */

/* How many words say what a line sets; the rest is what to. All of them: there may be several
 * that begin alike. */
static unsigned key_words(const char *text) {
        static const struct {
                const char *begin;
                unsigned words;
        } rows[] = {
                {"set ", 2},      {"serial ", 2}, {"aux ", 2},        {"adjrange ", 2},
                {"rxrange ", 2},  {"rxfail ", 2}, {"map ", 1},        {"led ", 2},
                {"color ", 2},    {"servo ", 2},  {"mixer ", 1},      {"vtx ", 2},
                {"resource ", 3}, {"timer ", 2},  {"mode_color ", 3}, {"dma ", 3},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (begins(text, rows[i].begin))
                        return rows[i].words;
        return 100;
}

/* Copies with single blanks, and with ports by number: one spelling for what is one thing. */
static void canonical(const char *text, char to[FC_CONFIG_LINE_MAX + 1]) {
        char spelled[FC_CONFIG_LINE_MAX + 1];
        size_t n = 0;

        if (begins(text, "serial ") && port_by_number(text, spelled))
                text = spelled;
        for (; *text && n < FC_CONFIG_LINE_MAX; text++)
                if (*text != ' ' || (n > 0 && to[n - 1] != ' '))
                        to[n++] = *text;
        to[n] = '\0';
}

static size_t key_length(const char *text) {
        const char *at = text;

        for (unsigned words = key_words(text); words > 0 && *at; words--) {
                at += strspn(at, " ");
                at += strcspn(at, " ");
        }
        return (size_t) (at - text);
}

static const char *profile_text(const struct fc_config_line *line) {
        return line->profile ? line->profile->text : "";
}

struct entry { /* a setting of `got`, to be found by its text */
        char text[FC_CONFIG_LINE_MAX + 1];
        const struct fc_config_line *line;
};

/* The lines of a kind are some hundred, so that looking through them all is soon done. */
static const struct entry *find(const struct entry *entries, size_t n,
                                const struct fc_config_line *line, const char *text,
                                size_t length) {
        for (size_t i = 0; i < n; i++)
                if (strncmp(entries[i].text, text, length) == 0 &&
                    (entries[i].text[length] == '\0' ||
                     (entries[i].text[length] == ' ' && text[length] == ' ')) &&
                    strcmp(profile_text(entries[i].line), profile_text(line)) == 0)
                        return &entries[i];
        return NULL;
}

static struct entry *list_entries(const struct fc_config *config, size_t *ret_n) {
        struct entry *entries = calloc(config->n + 1, sizeof(*entries));
        size_t n = 0;

        for (size_t i = 0; entries && i < config->n; i++)
                if (config->lines[i].kind == FC_LINE_SETTING) {
                        entries[n].line = &config->lines[i];
                        canonical(config->lines[i].text, entries[n++].text);
                }
        *ret_n = n;
        return entries;
}

/* Ports that the firmware has by function are as they were if nothing would have to be set. */
static int compare_ports(struct fc_ports *ports, const struct fc_config_line *line,
                         void (*missing)(void *userdata, const struct fc_config_line *line,
                                         const char *instead),
                         void *userdata) {
        struct fc_ports_commands commands;

        fc_ports_translate(ports, line->text, &commands);
        if (commands.n == 0 && !commands.why[0])
                return 0;
        missing(userdata, line, NULL);
        return 1;
}

int fc_config_compare(const struct fc_config *wanted, const struct fc_config *got,
                      const struct fc_identity *identity, unsigned sections,
                      void (*missing)(void *userdata, const struct fc_config_line *line,
                                      const char *instead),
                      void *userdata) {
        size_t n_entries = 0;
        int n_missing = 0;
        _cleanup_free_ struct entry *entries = list_entries(got, &n_entries);
        _cleanup_fc_ports_ struct fc_ports *ports = fc_ports_new(got);

        if (!entries || !ports)
                return -ENOMEM;
        for (size_t i = 0; i < wanted->n; i++) {
                const struct fc_config_line *line = &wanted->lines[i];
                char here[FC_CONFIG_LINE_MAX + 1], text[FC_CONFIG_LINE_MAX + 1];
                const struct entry *found;
                const char *why;
                enum fc_fate fate;

                if (line->kind != FC_LINE_SETTING || !(sections & 1U << line->section))
                        continue;
                fate = fc_config_translate(line, identity, false, here, &why);
                if (fate == FC_PORTS) {
                        n_missing += compare_ports(ports, line, missing, userdata);
                        continue;
                }
                canonical(fate == FC_TRANSLATE ? here : line->text, text);
                if (find(entries, n_entries, line, text, strlen(text)))
                        continue;
                found = find(entries, n_entries, line, text, key_length(text));
                missing(userdata, line, found ? found->line->text : NULL);
                n_missing++;
        }
        return n_missing;
}
