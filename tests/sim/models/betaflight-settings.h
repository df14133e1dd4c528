/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a simulated flight controller is set to: named settings, of the board or of a profile, and
 * rows (serial, aux, feature …). In RAM until saved; saved in the config sector of the flash, where
 * erasing takes it and firmware of another EEPROM version or board id does not read it. A small
 * part of the real settings; their names and what they default to by release are real where it
 * matters. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTING_PROFILES  3U /* PID profiles */
#define SETTING_RATES     4U
#define SETTING_SETS_MAX  4U
#define SETTING_VALUE_MAX 48U
#define SETTINGS_MAX      96U
#define ROWS_MAX          64U
#define ROW_TEXT_MAX      96U

struct betaflight;

enum setting_scope { SCOPE_MASTER, SCOPE_PROFILE, SCOPE_RATE };

struct setting {
        const char *name, *initial;
        enum setting_scope scope;
        const char *needs;     /* feature that is compiled in, or NULL */
        const char *choices;   /* "A,B,C", or NULL: a number, or any text without range */
        long min, max;         /* 0, 0: text */
        unsigned since, until; /* releases: RELEASE(4, 3); 0: always */
};

#define RELEASE(major, minor) ((major) *100U + (minor))

/* What the settings are, as BOARD_INFO says it (configurationState_e). */
enum { STATE_BARE, STATE_CUSTOM_DEFAULTS, STATE_CONFIGURED };

struct settings {
        char values[SETTINGS_MAX][SETTING_SETS_MAX][SETTING_VALUE_MAX];
        char rows[ROWS_MAX][ROW_TEXT_MAX];
        unsigned profile, rate;
        unsigned state;
};

/* Those of this firmware, in the order it prints them. NULL past the last. */
const struct setting *setting_at(size_t i);
const char *row_initial_at(size_t i);
bool setting_is_here(const struct betaflight *b, const struct setting *setting);
bool row_is_here(const struct betaflight *b, const char *row);
/* Words of a row that say which one it is. */
size_t row_key_length(const char *row);

void settings_reset(struct settings *settings);
/* Betaflight 4.1 to 4.4: firmware for a chip, and room in its flash for the text of a board. */
bool custom_defaults_are_known(const struct betaflight *b);
bool custom_defaults_are_there(const struct betaflight *b);
const char *custom_defaults_text(const struct betaflight *b); /* until the next call; or NULL */
/* The defaults with that text, if there is one. */
void settings_reset_custom(struct betaflight *b);
/* Without changing what is set: what a diff is against. */
void settings_defaults(struct betaflight *b, struct settings *ret);
/* Out of the flash; the defaults if what is there is none of this firmware's. */
void settings_load(struct betaflight *b);
void settings_save(struct betaflight *b); /* as it is in `settings.state` */
/* Tells what is wrong, or NULL. `set` without the profile chosen is of the present one. */
const char *settings_set(struct betaflight *b, const char *name, const char *value);
const char *settings_set_row(struct betaflight *b, const char *row);
