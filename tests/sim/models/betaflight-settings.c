/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/betaflight-settings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "models/betaflight.h"

#define DATED RELEASE(2025, 12)
/* From here on ports are told by function, not in serial lines. */
#define BY_FUNCTION RELEASE(2026, 12)

#define PORTS       "NONE,VCP,UART1,UART2,UART3,UART6"
#define RATES       "AUTO,9600,19200,38400,57600,115200,230400,250000,500000,1000000"
#define PROTOCOLS   "NONE,FRSKY_HUB,HOTT,LTM,SMARTPORT,MAVLINK,IBUS"
#define PORT(name, initial, needs)                                                                 \
        { name, initial, SCOPE_MASTER, needs, PORTS, 0, 0, BY_FUNCTION, 0 }
#define RATE(name, initial, needs)                                                                 \
        { name, initial, SCOPE_MASTER, needs, RATES, 0, 0, BY_FUNCTION, 0 }
#define PROTOCOL(name)                                                                             \
        { name, "NONE", SCOPE_MASTER, NULL, PROTOCOLS, 0, 0, BY_FUNCTION, 0 }

static const struct setting settings_table[] = {
        {"gyro_lowpass_hz", "200", SCOPE_MASTER, NULL, NULL, 0, 4000, 0, RELEASE(4, 3)},
        {"gyro_lpf1_static_hz", "250", SCOPE_MASTER, NULL, NULL, 0, 1000, RELEASE(4, 3), 0},
        {"dyn_notch_min_hz", "100", SCOPE_MASTER, NULL, NULL, 20, 250, 0, 0},
        {"acc_calibration", "0,0,0,0", SCOPE_MASTER, NULL, NULL, 0, 0, 0, 0},
        {"rssi_channel", "0", SCOPE_MASTER, NULL, NULL, 0, 18, 0, 0},
        {"serialrx_provider", "SPEK1024", SCOPE_MASTER, NULL, "SPEK1024,SBUS,IBUS,CRSF,GHST", 0, 0,
         0, RELEASE(4, 4)},
        {"serialrx_provider", "CRSF", SCOPE_MASTER, NULL, "SPEK1024,SBUS,IBUS,CRSF,GHST", 0, 0,
         RELEASE(4, 4), 0},
        {"serialrx_inverted", "OFF", SCOPE_MASTER, NULL, "OFF,ON", 0, 0, 0, 0},
        {"min_check", "1050", SCOPE_MASTER, NULL, NULL, 750, 2250, 0, 0},
        {"max_check", "1900", SCOPE_MASTER, NULL, NULL, 750, 2250, 0, 0},
        {"motor_pwm_protocol", "DISABLED", SCOPE_MASTER, NULL,
         "PWM,ONESHOT125,DSHOT150,DSHOT300,DSHOT600,DISABLED", 0, 0, 0, 0},
        {"dshot_idle_value", "550", SCOPE_MASTER, NULL, NULL, 0, 2000, 0, DATED},
        {"motor_idle", "550", SCOPE_MASTER, NULL, NULL, 0, 2000, DATED, 0},
        {"vbat_max_cell_voltage", "430", SCOPE_MASTER, NULL, NULL, 100, 500, 0, 0},
        {"small_angle", "25", SCOPE_MASTER, NULL, NULL, 0, 180, 0, 0},
        {"osd_units", "METRIC", SCOPE_MASTER, "OSD", "IMPERIAL,METRIC,BRITISH", 0, 0, 0, 0},
        {"osd_vbat_pos", "234", SCOPE_MASTER, "OSD", NULL, 0, 65535, 0, 0},
        {"osd_rssi_pos", "234", SCOPE_MASTER, "OSD", NULL, 0, 65535, 0, 0},
        {"osd_craft_name_pos", "234", SCOPE_MASTER, "OSD", NULL, 0, 65535, 0, 0},
        {"vtx_band", "0", SCOPE_MASTER, "VTX", NULL, 0, 8, 0, 0},
        {"vtx_channel", "0", SCOPE_MASTER, "VTX", NULL, 0, 8, 0, 0},
        {"vtx_power", "0", SCOPE_MASTER, "VTX", NULL, 0, 7, 0, 0},
        {"gps_provider", "UBLOX", SCOPE_MASTER, "GPS", "NMEA,UBLOX,MSP", 0, 0, 0, 0},
        {"blackbox_sample_rate", "1/2", SCOPE_MASTER, NULL, "1/1,1/2,1/4,1/8,1/16", 0, 0, 0, 0},
        {"name", "-", SCOPE_MASTER, NULL, NULL, 0, 0, 0, RELEASE(4, 4)},
        {"craft_name", "-", SCOPE_MASTER, NULL, NULL, 0, 0, RELEASE(4, 4), 0},
        {"display_name", "-", SCOPE_MASTER, NULL, NULL, 0, 0, 0, RELEASE(4, 4)},
        {"pilot_name", "-", SCOPE_MASTER, NULL, NULL, 0, 0, RELEASE(4, 4), 0},
        PORT("msp_uart_1", "VCP", NULL),
        PORT("msp_uart_2", "NONE", NULL),
        PORT("msp_uart_3", "NONE", NULL),
        RATE("msp_baud_1", "115200", NULL),
        RATE("msp_baud_2", "115200", NULL),
        RATE("msp_baud_3", "115200", NULL),
        PORT("rx_uart", "NONE", NULL),
        PORT("gps_uart", "NONE", "GPS"),
        RATE("gps_baud", "57600", "GPS"),
        PORT("blackbox_uart", "NONE", NULL),
        RATE("blackbox_baud", "115200", NULL),
        PROTOCOL("telemetry_1_protocol"),
        PORT("telemetry_1_uart", "NONE", NULL),
        RATE("telemetry_1_baud", "AUTO", NULL),
        PROTOCOL("telemetry_2_protocol"),
        PORT("telemetry_2_uart", "NONE", NULL),
        RATE("telemetry_2_baud", "AUTO", NULL),
        PORT("esc_sensor_uart", "NONE", NULL),
        PORT("vtx_uart", "NONE", "VTX"),
        PORT("osd_uart", "NONE", "OSD"),
        {"p_pitch", "47", SCOPE_PROFILE, NULL, NULL, 0, 250, 0, 0},
        {"i_pitch", "84", SCOPE_PROFILE, NULL, NULL, 0, 250, 0, 0},
        {"d_pitch", "46", SCOPE_PROFILE, NULL, NULL, 0, 250, 0, 0},
        {"p_roll", "45", SCOPE_PROFILE, NULL, NULL, 0, 250, 0, 0},
        {"d_min_roll", "30", SCOPE_PROFILE, NULL, NULL, 0, 250, 0, DATED},
        {"throttle_boost", "5", SCOPE_PROFILE, NULL, NULL, 0, 100, 0, 0},
        {"rates_type", "ACTUAL", SCOPE_RATE, NULL, "BETAFLIGHT,RACEFLIGHT,KISS,ACTUAL,QUICK", 0, 0,
         0, 0},
        {"roll_rc_rate", "7", SCOPE_RATE, NULL, NULL, 1, 255, 0, 0},
        {"roll_srate", "67", SCOPE_RATE, NULL, NULL, 0, 255, 0, 0},
        {"thr_mid", "50", SCOPE_RATE, NULL, NULL, 0, 100, 0, 0},
};

static const struct row {
        const char *text, *needs;
} rows_table[] = {
        {"resource BEEPER 1 C13", NULL},
        {"resource MOTOR 1 B00", NULL},
        {"resource MOTOR 2 B01", NULL},
        {"resource LED_STRIP 1 B06", NULL},
        {"feature RX_SERIAL", NULL},
        {"feature -TELEMETRY", NULL},
        {"feature -GPS", "GPS"},
        {"feature -LED_STRIP", NULL},
        {"feature OSD", "OSD"},
        {"feature AIRMODE", NULL},
        {"beeper GYRO_CALIBRATED", NULL},
        {"beeper ARMING", NULL},
        {"map AETR1234", NULL},
        {"serial 20 1 115200 57600 0 115200", NULL},
        {"serial 0 0 115200 57600 0 115200", NULL},
        {"serial 1 0 115200 57600 0 115200", NULL},
        {"serial 2 0 115200 57600 0 115200", NULL},
        {"serial 5 0 115200 57600 0 115200", NULL},
        {"led 0 0,0::C:0", NULL},
        {"led 1 0,0::C:0", NULL},
        {"aux 0 0 0 900 900 0 0", NULL},
        {"aux 1 0 0 900 900 0 0", NULL},
        {"aux 2 0 0 900 900 0 0", NULL},
        {"aux 3 0 0 900 900 0 0", NULL},
        {"adjrange 0 0 0 900 900 0 0 0 0", NULL},
        {"rxrange 0 1000 2000", NULL},
        {"rxrange 1 1000 2000", NULL},
        {"rxfail 4 h", NULL},
        {"vtxtable bands 0", "VTX"},
        {"vtxtable channels 0", "VTX"},
};

const struct setting *setting_at(size_t i) {
        static_assert(ARRAY_SIZE(settings_table) <= SETTINGS_MAX, "room");
        return i < ARRAY_SIZE(settings_table) ? &settings_table[i] : NULL;
}

const char *row_initial_at(size_t i) {
        static_assert(ARRAY_SIZE(rows_table) <= ROWS_MAX, "room");
        return i < ARRAY_SIZE(rows_table) ? rows_table[i].text : NULL;
}

static bool is_built_in(const struct betaflight *b, const char *needs) {
        const char *at = needs ? strstr(b->without, needs) : NULL;

        return !at || (at > b->without && at[-1] != ',') ||
               (at[strlen(needs)] && at[strlen(needs)] != ',');
}

bool setting_is_here(const struct betaflight *b, const struct setting *setting) {
        unsigned release = RELEASE(b->major, b->minor);

        /* INAV and EmuFlight count otherwise; they have the oldest names. */
        if (!betaflight_is(b, "BTFL"))
                release = 1;
        return is_built_in(b, setting->needs) && release >= setting->since &&
               (setting->until == 0 || release < setting->until);
}

bool row_is_here(const struct betaflight *b, const char *row) {
        for (size_t i = 0; i < ARRAY_SIZE(rows_table); i++)
                if (strcmp(rows_table[i].text, row) == 0)
                        return is_built_in(b, rows_table[i].needs);
        return true;
}

static bool begins(const char *text, const char *with) {
        return strncmp(text, with, strlen(with)) == 0;
}

size_t row_key_length(const char *row) {
        unsigned words = begins(row, "resource ") ? 3 : begins(row, "map ") ? 1 : 2;
        const char *at = row;

        while (words-- > 0) {
                at += strspn(at, " ");
                at += strcspn(at, " ");
        }
        return (size_t) (at - row);
}

void settings_reset(struct settings *settings) {
        memset(settings, 0, sizeof(*settings));
        for (size_t i = 0; i < ARRAY_SIZE(settings_table); i++)
                for (size_t set = 0; set < SETTING_SETS_MAX; set++)
                        (void) snprintf(settings->values[i][set], SETTING_VALUE_MAX, "%s",
                                        settings_table[i].initial);
        for (size_t i = 0; i < ARRAY_SIZE(rows_table); i++)
                (void) snprintf(settings->rows[i], ROW_TEXT_MAX, "%s", rows_table[i].text);
}

static bool is_choice(const char *choices, const char *value, char *spelled) {
        const size_t n = strlen(value);

        for (const char *at = choices; at; at = strchr(at, ',')) {
                at += *at == ',';
                if (strncasecmp(at, value, n) == 0 && (at[n] == ',' || at[n] == '\0') && n > 0) {
                        memcpy(spelled, at, n);
                        spelled[n] = '\0';
                        return true;
                }
        }
        return false;
}

const char *settings_set(struct betaflight *b, const char *name, const char *value) {
        char spelled[SETTING_VALUE_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(settings_table); i++) {
                const struct setting *s = &settings_table[i];
                unsigned set = s->scope == SCOPE_PROFILE ? b->settings.profile
                               : s->scope == SCOPE_RATE  ? b->settings.rate
                                                         : 0;
                char *end;
                long number;

                if (strcasecmp(s->name, name) != 0 || !setting_is_here(b, s))
                        continue;
                if (strlen(value) >= SETTING_VALUE_MAX)
                        return "INVALID VALUE";
                (void) snprintf(spelled, sizeof(spelled), "%s", value);
                if (s->choices) {
                        if (!is_choice(s->choices, value, spelled))
                                return "INVALID VALUE";
                } else if (s->min != s->max) {
                        number = strtol(value, &end, 10);
                        if (end == value || *end || number < s->min || number > s->max)
                                return "INVALID VALUE";
                        (void) snprintf(spelled, sizeof(spelled), "%ld", number);
                }
                (void) snprintf(b->settings.values[i][set], SETTING_VALUE_MAX, "%s", spelled);
                return NULL;
        }
        return "INVALID NAME";
}

/* "serial UART1 …" is "serial 0 …"; releases from 2025.12 on print and take the names. */
static const char *port_names[][2] = {
        {"VCP ", "20 "}, {"UART1 ", "0 "}, {"UART2 ", "1 "}, {"UART3 ", "2 "}, {"UART6 ", "5 "}};

static void by_number(const struct betaflight *b, const char *row, char to[ROW_TEXT_MAX]) {
        (void) snprintf(to, ROW_TEXT_MAX, "%s", row);
        if (!begins(row, "serial ") || !betaflight_is(b, "BTFL") ||
            betaflight_is_before(b, 2025, 12, 0))
                return;
        for (size_t i = 0; i < ARRAY_SIZE(port_names); i++)
                if (begins(row + strlen("serial "), port_names[i][0]))
                        (void) snprintf(to, ROW_TEXT_MAX, "serial %s%s", port_names[i][1],
                                        row + strlen("serial ") + strlen(port_names[i][0]));
}

/* "-GPS" and "GPS" are one. */
static bool same_key(const char *a, const char *b) {
        size_t n = row_key_length(a), m = row_key_length(b);
        const char *x = memchr(a, '-', n), *y = memchr(b, '-', m);

        if (begins(a, "feature ") || begins(a, "beeper ")) {
                const char *word_a = strchr(a, ' ') + 1, *word_b = strchr(b, ' ');

                if (!word_b || (size_t) (word_a - a) != (size_t) (word_b + 1 - b) ||
                    strncmp(a, b, (size_t) (word_a - a)) != 0)
                        return false;
                word_a += x == word_a;
                word_b += 1 + (y == word_b + 1);
                return strcmp(word_a, word_b) == 0;
        }
        return n == m && strncmp(a, b, n) == 0;
}

const char *settings_set_row(struct betaflight *b, const char *row) {
        char text[ROW_TEXT_MAX];

        by_number(b, row, text);
        if (strlen(row) >= ROW_TEXT_MAX - 8 || !strchr(text, ' '))
                return "INVALID ARGUMENT COUNT";
        for (size_t i = 0; i < ARRAY_SIZE(rows_table); i++)
                if (same_key(rows_table[i].text, text) && is_built_in(b, rows_table[i].needs)) {
                        (void) snprintf(b->settings.rows[i], ROW_TEXT_MAX, "%s", text);
                        return NULL;
                }
        return "INVALID ARGUMENT";
}

/* Custom defaults */

#define DEFAULTS_POINTERS                                                                          \
        0x2800U /* from the start of the flash: where the room begins and ends                     \
                 */
#define DEFAULTS_MAX 4096U

static const char own_text[] = "# Betaflight\n"
                               "resource MOTOR 1 A08\n"
                               "resource LED_STRIP 1 A15\n"
                               "feature OSD\n"
                               "serial 1 64 115200 57600 0 115200\n"
                               "set small_angle = 100\n";

bool custom_defaults_are_known(const struct betaflight *b) {
        return betaflight_is(b, "BTFL") && !betaflight_is_before(b, 4, 1, 0) &&
               betaflight_is_before(b, 4, 5, 0);
}

static bool in_flash(const struct betaflight *b, char text[DEFAULTS_MAX + 1]) {
        const struct flash *flash = b->fw.flash;
        uint32_t words[2], size;

        if (!flash || flash_read(flash, flash->chip->flash_start + DEFAULTS_POINTERS, words,
                                 sizeof(words)) < 0)
                return false;
        size = words[1] - words[0];
        if (words[0] >= words[1] || size > DEFAULTS_MAX ||
            flash_read(flash, words[0], text, size) < 0)
                return false;
        text[size] = '\0';
        return begins(text, "# Betaflight");
}

static bool custom_text(const struct betaflight *b, char text[DEFAULTS_MAX + 1]) {
        if (!custom_defaults_are_known(b))
                return false;
        if (b->custom_defaults) {
                (void) snprintf(text, DEFAULTS_MAX + 1, "%s", own_text);
                return true;
        }
        return in_flash(b, text);
}

bool custom_defaults_are_there(const struct betaflight *b) {
        return custom_defaults_text(b);
}

const char *custom_defaults_text(const struct betaflight *b) {
        static char text[DEFAULTS_MAX + 1];

        return custom_text(b, text) ? text : NULL;
}

static void apply_line(struct betaflight *b, char *line) {
        char *value = strchr(line, '=');

        line[strcspn(line, "#\r")] = '\0';
        if (begins(line, "set ") && value) {
                value[-1] = '\0';
                (void) settings_set(b, line + 4, value + 2);
        } else if (*line)
                (void) settings_set_row(b, line);
}

void settings_reset_custom(struct betaflight *b) {
        char text[DEFAULTS_MAX + 1], *rest = text, *line;

        settings_reset(&b->settings);
        if (!custom_text(b, text))
                return;
        while ((line = strsep(&rest, "\n")))
                apply_line(b, line);
        b->settings.state = STATE_CUSTOM_DEFAULTS;
}

void settings_defaults(struct betaflight *b, struct settings *ret) {
        struct settings kept = b->settings;

        settings_reset_custom(b);
        *ret = b->settings;
        b->settings = kept;
}

/* In the flash: a header, then text. */

#define CONFIG_MAGIC 0x42464346U
#define CONFIG_BYTES 8192U

struct config_header {
        uint32_t magic, eeprom_version;
        char board_id[8];
        uint32_t state;
        uint32_t size, sum;
};

/* EEPROM_CONF_VERSION of each release line, config_eeprom.h. */
static uint32_t eeprom_version(const struct betaflight *b) {
        static const struct {
                unsigned major, minor;
                uint32_t version;
        } releases[] = {{2026, 6, 178}, {2025, 12, 177}, {4, 5, 177}, {4, 4, 175},
                        {4, 3, 174},    {4, 2, 173},     {0, 0, 172}};

        if (!betaflight_is(b, "BTFL"))
                return 1000 + b->major;
        for (size_t i = 0;; i++)
                if (!betaflight_is_before(b, releases[i].major, releases[i].minor, 0))
                        return releases[i].version;
}

/* What was S405 is F405 since 2025.12. */
static void board_id(const struct betaflight *b, char to[8]) {
        memset(to, 0, 8);
        (void) snprintf(to, 8, "%s%s", b->identifier,
                        betaflight_is_before(b, 2025, 12, 0) ? "" : "-25");
}

static uint32_t config_address(const struct betaflight *b) {
        const struct flash *flash = b->fw.flash;

        if (flash->chip->config_start)
                return flash->chip->config_start;
        /* Sector 1, or 16 KiB from the start where sectors are small. */
        if (flash->n_sectors > 1 && flash->sectors[0].size >= 16U * 1024)
                return flash->sectors[1].start;
        return flash->chip->flash_start + 0x4000;
}

static uint32_t sum_of(const char *text, size_t size) {
        uint32_t sum = 2166136261U; /* FNV-1a */

        for (size_t i = 0; i < size; i++)
                sum = (sum ^ (uint8_t) text[i]) * 16777619U;
        return sum;
}

void settings_save(struct betaflight *b) {
        static uint8_t sector[CONFIG_BYTES];
        struct config_header header = {.magic = CONFIG_MAGIC, .eeprom_version = eeprom_version(b)};
        char *text = (char *) sector + sizeof(header);
        const size_t room = sizeof(sector) - sizeof(header);
        size_t n = 0;

        memset(sector, 0xFF, sizeof(sector));
        n += (size_t) snprintf(text, room, "%u %u\n", b->settings.profile, b->settings.rate);
        for (size_t i = 0; i < ARRAY_SIZE(settings_table); i++)
                for (size_t set = 0; set < SETTING_SETS_MAX && n < room; set++)
                        if (strcmp(b->settings.values[i][set], settings_table[i].initial) != 0 &&
                            strcmp(settings_table[i].name, b->forget) != 0)
                                n += (size_t) snprintf(text + n, room - n, "%s@%zu=%s\n",
                                                       settings_table[i].name, set,
                                                       b->settings.values[i][set]);
        for (size_t i = 0; i < ARRAY_SIZE(rows_table) && n < room; i++)
                if (strcmp(b->settings.rows[i], rows_table[i].text) != 0)
                        n += (size_t) snprintf(text + n, room - n, "%zu %s\n", i,
                                               b->settings.rows[i]);
        if (n >= room)
                return;
        board_id(b, header.board_id);
        header.state = b->settings.state;
        header.size = (uint32_t) n;
        header.sum = sum_of(text, n);
        memcpy(sector, &header, sizeof(header));
        (void) flash_poke(b->fw.flash, config_address(b), sector, sizeof(sector));
}

static void load_line(struct betaflight *b, char *line) {
        char *at = strchr(line, '@');
        size_t row, set;
        int end = 0;

        if (!at) {
                if (sscanf(line, "%zu %n", &row, &end) == 1 && row < ARRAY_SIZE(rows_table) && end)
                        (void) snprintf(b->settings.rows[row], ROW_TEXT_MAX, "%s", line + end);
                return;
        }
        *at = '\0';
        if (sscanf(at + 1, "%zu=%n", &set, &end) != 1 || set >= SETTING_SETS_MAX || !end)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(settings_table); i++)
                if (strcmp(settings_table[i].name, line) == 0 &&
                    setting_is_here(b, &settings_table[i]))
                        (void) snprintf(b->settings.values[i][set], SETTING_VALUE_MAX, "%s",
                                        at + 1 + end);
}

void settings_load(struct betaflight *b) {
        static uint8_t sector[CONFIG_BYTES + 1];
        struct config_header header;
        char *text = (char *) sector + sizeof(header), id[8], *line;

        settings_reset(&b->settings);
        if (!b->fw.flash || flash_read(b->fw.flash, config_address(b), sector, CONFIG_BYTES) < 0)
                return;
        memcpy(&header, sector, sizeof(header));
        board_id(b, id);
        if (header.magic != CONFIG_MAGIC || header.eeprom_version != eeprom_version(b) ||
            memcmp(header.board_id, id, sizeof(id)) != 0 ||
            header.size > CONFIG_BYTES - sizeof(header) || header.sum != sum_of(text, header.size))
                return;
        b->settings.state = header.state;
        text[header.size] = '\0';
        line = strsep(&text, "\n");
        if (line)
                (void) sscanf(line, "%u %u", &b->settings.profile, &b->settings.rate);
        while ((line = strsep(&text, "\n")) && *line)
                load_line(b, line);
}
