/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/betaflight.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define SLOW_MAX_MS 600000U

/* The MSP version that this release speaks, Betaflight's release notes. */
static void set_default_api(struct betaflight *b) {
        static const struct {
                unsigned major, minor, api_minor;
        } releases[] = {{2026, 6, 48}, {2025, 12, 47}, {4, 5, 46}, {4, 4, 45}, {4, 3, 44},
                        {4, 2, 43},    {4, 1, 42},     {4, 0, 41}, {0, 0, 40}};

        if (b->api_is_set)
                return;
        b->api_major = 1;
        b->api_minor = 40;
        if (betaflight_is(b, "EMUF"))
                b->api_minor = 54;
        else if (betaflight_is(b, "INAV")) {
                b->api_major = 2;
                b->api_minor = 5;
        } else if (betaflight_is(b, "BTFL"))
                for (size_t i = 0; i < ARRAY_SIZE(releases); i++)
                        if (!betaflight_is_before(b, releases[i].major, releases[i].minor, 0)) {
                                b->api_minor = releases[i].api_minor;
                                break;
                        }
}

static int set_text(char *to, size_t to_size, const char *value, size_t exactly) {
        size_t n = strlen(value);

        if (n >= to_size || (exactly > 0 && n != exactly) || !text_is_clean(value))
                return -EINVAL;
        memcpy(to, value, n + 1);
        return 0;
}

static int set_version(struct betaflight *b, const char *value) {
        unsigned major, minor, patch;
        int end = -1;

        if (strlen(value) >= sizeof(b->version) ||
            sscanf(value, "%4u.%3u.%3u%n", &major, &minor, &patch, &end) != 3 || end < 0)
                return -EINVAL;
        if (major > 2255 || minor > 255 || patch > 255 || (major > 255 && major < 2000))
                return -EINVAL;
        b->major = major;
        b->minor = minor;
        b->patch = patch;
        return set_text(b->version, sizeof(b->version), value, 0);
}

static int set_api(struct betaflight *b, const char *value) {
        unsigned major, minor;
        int end = -1;

        if (sscanf(value, "%3u.%3u%n", &major, &minor, &end) != 2 || end < 0 || value[end] ||
            major > 255 || minor > 255)
                return -EINVAL;
        b->api_major = major;
        b->api_minor = minor;
        b->api_is_set = true;
        return 0;
}

static int set_named_text(struct betaflight *b, const char *key, const char *value) {
        const struct {
                const char *key;
                char *to;
                size_t to_size, exactly;
        } texts[] = {
                {"variant", b->variant, sizeof(b->variant), 4},
                {"identifier", b->identifier, sizeof(b->identifier), 4},
                {"target", b->target_name, sizeof(b->target_name), 0},
                {"board-name", b->board_name, sizeof(b->board_name), 0},
                {"manufacturer-id", b->manufacturer_id, sizeof(b->manufacturer_id), 0},
                {"craft-name", b->craft_name, sizeof(b->craft_name), 0},
                {"build-key", b->build_key, sizeof(b->build_key), 0},
                {"manufacturer", b->manufacturer, sizeof(b->manufacturer), 0},
                {"product", b->product, sizeof(b->product), 0},
                {"serial", b->serial, sizeof(b->serial), 0},
                {"without", b->without, sizeof(b->without), 0},
                {"forget", b->forget, sizeof(b->forget), 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (strcmp(key, texts[i].key) == 0)
                        return set_text(texts[i].to, texts[i].to_size, value, texts[i].exactly);
        return -ENOENT;
}

static int set_named_flag(struct betaflight *b, const char *key, const char *value) {
        const struct {
                const char *key;
                bool *flag;
        } flags[] = {
                {"armed", &b->armed},
                {"silent", &b->silent},
                {"garbage", &b->garbage},
                {"noise", &b->noise},
                {"ignore-reboot", &b->ignore_reboot},
                {"flash-bootloader", &b->flash_bootloader},
                {"msp-dfu", &b->msp_dfu},
                {"refuse-reboot", &b->refuse_reboot},
                {"custom-defaults", &b->custom_defaults},
        };

        for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
                if (strcmp(key, flags[i].key) == 0) {
                        int r = parse_bool(value);

                        if (r < 0)
                                return -EINVAL;
                        *flags[i].flag = r;
                        return 0;
                }
        return -ENOENT;
}

static int set_named_number(struct betaflight *b, const char *key, const char *value) {
        const struct {
                const char *key;
                unsigned *number;
        } numbers[] = {
                {"slow-ms", &b->slow_ms},
                {"cli-slow-ms", &b->cli_slow_ms},
                {"corrupt-replies", &b->corrupt_replies},
                {"reboot-ms", &b->reboot_ms},
                {"vanish", &b->vanish},
        };
        uint64_t number;

        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                if (strcmp(key, numbers[i].key) == 0) {
                        if (parse_u64(value, SLOW_MAX_MS, &number) < 0)
                                return -EINVAL;
                        *numbers[i].number = (unsigned) number;
                        return 0;
                }
        return -ENOENT;
}

static int set_cli_fault(struct betaflight *b, const char *value) {
        static const char *const names[] = {
                "none",        "garbage",    "half", "no-save",      "no-prompt",
                "refuse-save", "other-echo", "drop", "gone-at-save",
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(value, names[i]) == 0) {
                        b->cli_fault = (enum cli_fault) i;
                        return 0;
                }
        return -EINVAL;
}

static int set_usb_id(struct betaflight *b, const char *value) {
        unsigned vendor_id, product_id;
        int end = -1;

        if (sscanf(value, "%4x:%4x%n", &vendor_id, &product_id, &end) != 2 || end != 9 ||
            value[end])
                return -EINVAL;
        b->vendor_id = (uint16_t) vendor_id;
        b->product_id = (uint16_t) product_id;
        return 0;
}

static int set_reset_fault(struct betaflight *b, const char *value) {
        static const char *const names[] = {"none", "refused", "silent", "ignored"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(value, names[i]) == 0) {
                        b->reset_fault = (enum reset_fault) i;
                        return 0;
                }
        return -EINVAL;
}

int betaflight_set(struct firmware *fw, const char *key, const char *value) {
        struct betaflight *b = (struct betaflight *) fw;
        int r;

        if (strcmp(key, "version") == 0)
                r = set_version(b, value);
        else if (strcmp(key, "api") == 0)
                r = set_api(b, value);
        else if (strcmp(key, "usb-id") == 0)
                r = set_usb_id(b, value);
        else if (strcmp(key, "reset-fault") == 0)
                r = set_reset_fault(b, value);
        else if (strcmp(key, "second-port") == 0)
                r = second_port_set(&b->second, value);
        else if (strcmp(key, "cli-fault") == 0)
                r = set_cli_fault(b, value);
        else {
                r = set_named_text(b, key, value);
                if (r == -ENOENT)
                        r = set_named_flag(b, key, value);
                if (r == -ENOENT)
                        r = set_named_number(b, key, value);
        }
        if (r == 0)
                set_default_api(b);
        return r;
}
