/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/betaflight-ports.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define VALUE_SIZE 20U
#define NONE       "NONE"

/* serialPortFunction_e of io/serial.h up to 2026.6. */
enum {
        FUNCTION_MSP = 1 << 0,
        FUNCTION_GPS = 1 << 1,
        FUNCTION_FRSKY_HUB = 1 << 2,
        FUNCTION_HOTT = 1 << 3,
        FUNCTION_LTM = 1 << 4,
        FUNCTION_SMARTPORT = 1 << 5,
        FUNCTION_RX = 1 << 6,
        FUNCTION_BLACKBOX = 1 << 7,
        FUNCTION_MAVLINK = 1 << 9,
        FUNCTION_ESC_SENSOR = 1 << 10,
        FUNCTION_SMARTAUDIO = 1 << 11,
        FUNCTION_IBUS = 1 << 12,
        FUNCTION_TRAMP = 1 << 13,
        FUNCTION_RCDEVICE = 1 << 14,
        FUNCTION_LIDAR = 1 << 15,
        FUNCTION_FRSKY_OSD = 1 << 16,
        FUNCTION_VTX_MSP = 1 << 17,
        FUNCTION_GIMBAL = 1 << 18,
        FUNCTION_LIDAR_NL = 1 << 19,
        FUNCTION_OSD_TEXT = 1 << 20,
};

#define FUNCTIONS_TELEMETRY                                                                        \
        (FUNCTION_FRSKY_HUB | FUNCTION_HOTT | FUNCTION_LTM | FUNCTION_SMARTPORT |                  \
         FUNCTION_MAVLINK | FUNCTION_IBUS)
/* Those whose rate is no matter of the protocol. */
#define FUNCTIONS_TELEMETRY_RATE (FUNCTION_LTM | FUNCTION_MAVLINK)
#define FUNCTIONS_VTX            (FUNCTION_SMARTAUDIO | FUNCTION_TRAMP | FUNCTION_VTX_MSP)

/* Rates of a serial line, in their order. */
enum { RATE_MSP, RATE_GPS, RATE_TELEMETRY, RATE_BLACKBOX, _RATE_MAX };

static const struct claim { /* on a port */
        uint32_t functions;
        const char *port; /* name of the setting */
        const char *rate; /* NULL: fixed by what is there */
        unsigned rate_index;
        const char *protocol; /* of a telemetry slot */
} claims[] = {
        {FUNCTION_MSP, "msp_uart_1", "msp_baud_1", RATE_MSP, NULL},
        {FUNCTION_MSP, "msp_uart_2", "msp_baud_2", RATE_MSP, NULL},
        {FUNCTION_MSP, "msp_uart_3", "msp_baud_3", RATE_MSP, NULL},
        {FUNCTION_GPS, "gps_uart", "gps_baud", RATE_GPS, NULL},
        {FUNCTION_RX, "rx_uart", NULL, 0, NULL},
        {FUNCTION_BLACKBOX, "blackbox_uart", "blackbox_baud", RATE_BLACKBOX, NULL},
        {FUNCTIONS_TELEMETRY, "telemetry_1_uart", "telemetry_1_baud", RATE_TELEMETRY,
         "telemetry_1_protocol"},
        {FUNCTIONS_TELEMETRY, "telemetry_2_uart", "telemetry_2_baud", RATE_TELEMETRY,
         "telemetry_2_protocol"},
        {FUNCTIONS_TELEMETRY, "telemetry_3_uart", "telemetry_3_baud", RATE_TELEMETRY,
         "telemetry_3_protocol"},
        {FUNCTION_ESC_SENSOR, "esc_sensor_uart", NULL, 0, NULL},
        {FUNCTIONS_VTX, "vtx_uart", NULL, 0, NULL},
        {FUNCTION_RCDEVICE, "rcdevice_uart", NULL, 0, NULL},
        {FUNCTION_LIDAR | FUNCTION_LIDAR_NL, "rangefinder_uart", NULL, 0, NULL},
        /* One module may be both; which of them an old line meant is not in it. */
        {FUNCTION_LIDAR | FUNCTION_LIDAR_NL, "opticalflow_uart", NULL, 0, NULL},
        {FUNCTION_FRSKY_OSD, "osd_uart", NULL, 0, NULL},
        {FUNCTION_OSD_TEXT, "osd_custom_text_uart", "osd_custom_text_baud", RATE_TELEMETRY, NULL},
        {FUNCTION_GIMBAL, "gimbal_uart", NULL, 0, NULL},
};

static const struct {
        uint32_t function;
        const char *name, *protocol; /* in words; of telemetry_N_protocol */
} functions[] = {
        {FUNCTION_MSP, "MSP", NULL},
        {FUNCTION_GPS, "GPS", NULL},
        {FUNCTION_RX, "the receiver", NULL},
        {FUNCTION_BLACKBOX, "the blackbox", NULL},
        {FUNCTION_FRSKY_HUB, "FrSky telemetry", "FRSKY_HUB"},
        {FUNCTION_HOTT, "HoTT telemetry", "HOTT"},
        {FUNCTION_LTM, "LTM telemetry", "LTM"},
        {FUNCTION_SMARTPORT, "SmartPort telemetry", "SMARTPORT"},
        {FUNCTION_MAVLINK, "MAVLink telemetry", "MAVLINK"},
        {FUNCTION_IBUS, "iBus telemetry", "IBUS"},
        {FUNCTION_ESC_SENSOR, "the ESC sensor", NULL},
        {FUNCTION_SMARTAUDIO, "SmartAudio", NULL},
        {FUNCTION_TRAMP, "Tramp", NULL},
        {FUNCTION_VTX_MSP, "a VTX by MSP", NULL},
        {FUNCTION_RCDEVICE, "a camera", NULL},
        {FUNCTION_LIDAR, "a rangefinder", NULL},
        {FUNCTION_LIDAR_NL, "a rangefinder", NULL},
        {FUNCTION_FRSKY_OSD, "the FrSky OSD", NULL},
        {FUNCTION_OSD_TEXT, "OSD text", NULL},
        {FUNCTION_GIMBAL, "a gimbal", NULL},
};

struct state { /* of a claim */
        bool is_built_in;
        char port[VALUE_SIZE], rate[VALUE_SIZE], protocol[VALUE_SIZE];
};

struct fc_ports {
        struct state states[ARRAY_SIZE(claims)];
};

bool fc_ports_are_settings(const struct fc_identity *identity) {
        const unsigned *v = identity->version;

        return strcmp(identity->variant, "BTFL") == 0 && identity->has_version &&
               (v[0] > 2026 || (v[0] == 2026 && v[1] >= 12));
}

static bool is_name(const char *name, size_t length, const char *setting) {
        return setting && strlen(setting) == length && strncmp(name, setting, length) == 0;
}

bool fc_ports_is_setting(const char *name) {
        const size_t length = strcspn(name, " =");

        for (size_t i = 0; i < ARRAY_SIZE(claims); i++)
                if (is_name(name, length, claims[i].port) ||
                    is_name(name, length, claims[i].rate) ||
                    is_name(name, length, claims[i].protocol))
                        return true;
        return false;
}

static void take_value(char to[VALUE_SIZE], const char *value) {
        const size_t length = strcspn(value, " ");

        (void) snprintf(to, VALUE_SIZE, "%.*s", (int) (length < VALUE_SIZE ? length : 0), value);
}

static void take_setting(struct fc_ports *ports, const char *name) {
        const size_t length = strcspn(name, " =");
        const char *value = name + length;

        value += strspn(value, " =");
        for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
                struct state *state = &ports->states[i];

                if (is_name(name, length, claims[i].port)) {
                        state->is_built_in = true;
                        take_value(state->port, value);
                } else if (is_name(name, length, claims[i].rate))
                        take_value(state->rate, value);
                else if (is_name(name, length, claims[i].protocol))
                        take_value(state->protocol, value);
        }
}

struct fc_ports *fc_ports_new(const struct fc_config *here) {
        struct fc_ports *ports = calloc(1, sizeof(*ports));

        for (size_t i = 0; ports && i < here->n; i++)
                if (strncmp(here->lines[i].text, "set ", 4) == 0)
                        take_setting(ports, here->lines[i].text + 4);
        return ports;
}

struct fc_ports *fc_ports_free(struct fc_ports *ports) {
        free(ports);
        return NULL;
}

/* What is at its default already has no such comment (dumpPgValue). */
void fc_ports_reset(struct fc_ports *ports, const char *dump) {
        static const char comment[] = "#set ";

        for (const char *line = dump; line; line = strchr(line, '\n')) {
                char setting[FC_CONFIG_LINE_MAX + 1];

                line += *line == '\n';
                if (strncmp(line, comment, strlen(comment)) != 0)
                        continue;
                line += strlen(comment);
                (void) snprintf(setting, sizeof(setting), "%.*s", (int) strcspn(line, "\n"), line);
                take_setting(ports, setting);
        }
}

/* One line, taken apart. */
struct wish {
        char port[VALUE_SIZE]; /* as the new firmware calls it */
        uint32_t functions;
        uint64_t rates[_RATE_MAX];
};

/* serialPortIdentifier_e: what numbers there were, and the name of the first of each. */
static bool name_of_number(uint64_t number, char to[VALUE_SIZE]) {
        static const struct {
                const char *name;
                unsigned from, to, first;
        } rows[] = {
                {"UART", 0, 9, 1},     {"VCP", 20, 20, 0},  {"SOFT", 30, 31, 1},
                {"LPUART", 40, 40, 1}, {"UART", 50, 65, 0}, {"PIOUART", 70, 79, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (number < rows[i].from || number > rows[i].to)
                        continue;
                if (strcmp(rows[i].name, "VCP") == 0)
                        (void) snprintf(to, VALUE_SIZE, "VCP");
                else
                        (void) snprintf(to, VALUE_SIZE, "%s%u", rows[i].name,
                                        (unsigned) (number - rows[i].from) + rows[i].first);
                return true;
        }
        return false;
}

static bool name_of_word(const char *word, char to[VALUE_SIZE]) {
        static const char *const spelled[][2] = {
                {"USB_VCP", "VCP"}, {"SOFTSERIAL", "SOFT"}, {"USART", "UART"}};
        uint64_t number;

        if (parse_u64(word, UINT32_MAX, &number) == 0)
                return name_of_number(number, to);
        if (strlen(word) >= VALUE_SIZE)
                return false;
        (void) snprintf(to, VALUE_SIZE, "%s", word);
        for (size_t i = 0; i < ARRAY_SIZE(spelled); i++) {
                const size_t length = strlen(spelled[i][0]);

                if (strncasecmp(word, spelled[i][0], length) == 0)
                        (void) snprintf(to, VALUE_SIZE, "%s%s", spelled[i][1], word + length);
        }
        return true;
}

static bool read_line(const char *line, struct wish *ret) {
        char copy[FC_CONFIG_LINE_MAX + 1], *rest = copy, *word;
        size_t n = 0;

        *ret = (struct wish){};
        (void) snprintf(copy, sizeof(copy), "%s", line + strlen("serial"));
        while ((word = strsep(&rest, " "))) {
                uint64_t value;

                if (!*word)
                        continue;
                if (n == 0) {
                        if (!name_of_word(word, ret->port))
                                return false;
                } else if (parse_u64(word, UINT32_MAX, &value) < 0 || n > 1 + _RATE_MAX)
                        return false;
                else if (n == 1)
                        ret->functions = (uint32_t) value;
                else
                        ret->rates[n - 2] = value;
                n++;
        }
        return n == 2 + _RATE_MAX;
}

static void give(struct fc_ports_commands *commands, const char *setting, char present[VALUE_SIZE],
                 const char *value) {
        if (strcasecmp(present, value) == 0 || commands->n == FC_PORTS_COMMANDS_MAX)
                return;
        (void) snprintf(commands->text[commands->n++], FC_PORTS_COMMAND_SIZE, "set %s = %s",
                        setting, value);
        (void) snprintf(present, VALUE_SIZE, "%s", value);
}

static _printf_(2, 3) void complain(struct fc_ports_commands *commands, const char *format, ...) {
        const size_t used = strlen(commands->why);
        char what[FC_PORTS_WHY_SIZE];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(what, sizeof(what), format, ap);
        va_end(ap);
        (void) snprintf(commands->why + used, sizeof(commands->why) - used, "%s%s",
                        used ? "; " : "", what);
}

static uint32_t function_of_protocol(const char *protocol) {
        for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
                if (functions[i].protocol && strcasecmp(functions[i].protocol, protocol) == 0)
                        return functions[i].function;
        return 0;
}

/* What the port did and shall not do any more. */
static void clear(struct fc_ports *ports, const struct wish *wish,
                  struct fc_ports_commands *commands) {
        for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
                struct state *state = &ports->states[i];
                const uint32_t does = claims[i].protocol ? function_of_protocol(state->protocol)
                                                         : claims[i].functions;

                if (strcasecmp(state->port, wish->port) != 0 || does & wish->functions)
                        continue;
                /* Its own connector is what a board is reached by, whatever an old line says. */
                if (claims[i].functions == FUNCTION_MSP && strcasecmp(wish->port, "VCP") == 0)
                        continue;
                give(commands, claims[i].port, state->port, NONE);
                if (claims[i].protocol)
                        give(commands, claims[i].protocol, state->protocol, NONE);
        }
}

/* The claim for a function: where it is already, else a free one. */
static int find_claim(const struct fc_ports *ports, uint32_t function, const char *port,
                      const char *protocol, bool *ret_built_in) {
        int free = -1;

        *ret_built_in = false;
        for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
                const struct state *state = &ports->states[i];

                if (!(claims[i].functions & function) || !state->is_built_in)
                        continue;
                *ret_built_in = true;
                if (protocol ? strcasecmp(state->protocol, protocol) == 0
                             : strcasecmp(state->port, port) == 0)
                        return (int) i;
                if (free < 0 && (protocol                   ? strcasecmp(state->protocol, NONE) == 0
                                 : function == FUNCTION_MSP ? strcasecmp(state->port, NONE) == 0
                                                            : true))
                        free = (int) i;
        }
        return free;
}

static void put(struct fc_ports *ports, size_t f, const struct wish *wish,
                struct fc_ports_commands *commands) {
        const uint32_t function = functions[f].function;
        bool built_in;
        int i = find_claim(ports, function, wish->port, functions[f].protocol, &built_in);
        const struct claim *claim = &claims[i < 0 ? 0 : i];
        struct state *state = &ports->states[i < 0 ? 0 : i];
        char rate[VALUE_SIZE] = "AUTO";

        if (i < 0) {
                complain(commands,
                         built_in ? "no place is left for %s" : "this firmware is built without %s",
                         functions[f].name);
                return;
        }
        if (claim->protocol)
                give(commands, claim->protocol, state->protocol, functions[f].protocol);
        give(commands, claim->port, state->port, wish->port);
        if (!claim->rate || !*state->rate)
                return;
        if (claim->protocol && !(function & FUNCTIONS_TELEMETRY_RATE))
                return;
        if (wish->rates[claim->rate_index] != 0)
                (void) snprintf(rate, sizeof(rate), "%u",
                                (unsigned) wish->rates[claim->rate_index]);
        else if (claim->functions == FUNCTION_MSP)
                return; /* it has no AUTO */
        give(commands, claim->rate, state->rate, rate);
}

void fc_ports_translate(struct fc_ports *ports, const char *line, struct fc_ports_commands *ret) {
        struct wish wish;
        uint32_t left;

        *ret = (struct fc_ports_commands){};
        if (!read_line(line, &wish)) {
                complain(ret, "it is no port with its functions and four rates");
                return;
        }
        clear(ports, &wish, ret);
        left = wish.functions;
        for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
                if (left & functions[i].function) {
                        put(ports, i, &wish, ret);
                        left &= ~functions[i].function;
                }
        if (left != 0)
                complain(ret, "nothing here knows the function %u", (unsigned) left);
        /* The same setting is for all kinds; the kind has one of its own, which the line tells and
         * no source of this program names. */
        if (wish.functions & FUNCTIONS_VTX && ret->n > 0)
                complain(ret, "which kind of VTX it is, is a setting of its own now: look at it");
}
