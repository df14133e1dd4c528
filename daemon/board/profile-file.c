/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "board/profile-file.h"

#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/log.h"
#include "base/text.h"

/* inih reads lines into a buffer of INI_MAX_LINE (200) bytes, with line break and terminator, and
 * would take the rest of a longer line for a line of its own. */
#define LINE_MAX_BYTES 190U

struct parser {
        struct board_profile *profile;
        const char *path;
        const char *at; /* what is not read yet, terminated */
        unsigned line;
        bool indented; /* the present line begins with a blank: it may continue the one before */
        uint64_t seen; /* bit i: keys[i] was set */
        int last;      /* index of the key set last, or -1 */
        bool failed;
        unsigned failed_line;
        char complaint[256];
};

static int parse_title(struct board_profile *p, const char *value);
static int parse_identify(struct board_profile *p, const char *value);
static int parse_manufacturer(struct board_profile *p, const char *value);
static int parse_product(struct board_profile *p, const char *value);
static int parse_flashable(struct board_profile *p, const char *value);
static int parse_raw_address(struct board_profile *p, const char *value);
static int parse_protect(struct board_profile *p, const char *value);
static int parse_keep(struct board_profile *p, const char *value);
static int parse_keep_config(struct board_profile *p, const char *value);
static int parse_check_vectors(struct board_profile *p, const char *value);
static int parse_reboot(struct board_profile *p, const char *value);
static int parse_start(struct board_profile *p, const char *value);
static int parse_unaligned_stack(struct board_profile *p, const char *value);
static int parse_serial(struct board_profile *p, const char *value);
static int parse_hand_entry(struct board_profile *p, const char *value);
static int parse_otp_default(struct board_profile *p, const char *value);
static int parse_image_hint(struct board_profile *p, const char *value);
static int parse_recover(struct board_profile *p, const char *value);
static int parse_otp(struct board_profile *p, const char *value);
static int parse_otp_range(struct board_profile *p, const char *value);
static int parse_otp_types(struct board_profile *p, const char *value);
static int parse_otp_boards(struct board_profile *p, const char *value);
static int parse_image_types(struct board_profile *p, const char *value);
static int parse_otp_missing(struct board_profile *p, const char *value);
static int parse_otp_warn_types(struct board_profile *p, const char *value);
static int parse_otp_warning(struct board_profile *p, const char *value);
static int parse_image_usb_ids(struct board_profile *p, const char *value);
static int parse_hint_bootloader(struct board_profile *p, const char *value);
static int parse_hint_return(struct board_profile *p, const char *value);

static const struct key {
        const char *section, *name;
        int (*parse)(struct board_profile *p, const char *value);
        bool is_text; /* may go on in indented lines */
        const char *wanted;
} keys[] = {
        {"Board", "Title", parse_title, true, "a text"},
        {"Board", "Identify", parse_identify, false, "auto, asked or never"},
        {"Match", "Manufacturer", parse_manufacturer, false, "patterns separated by '|'"},
        {"Match", "Product", parse_product, false, "patterns separated by '|'"},
        {"Firmware", "Flash", parse_flashable, false, "yes or no"},
        {"Firmware", "RawAddress", parse_raw_address, false, "an address"},
        {"Firmware", "Protect", parse_protect, false, "ranges such as 0x08000000+16K"},
        {"Firmware", "Keep", parse_keep, false, "ranges such as 0x08000000+16K"},
        {"Firmware", "KeepConfig", parse_keep_config, false, "yes or no"},
        {"Firmware", "CheckVectors", parse_check_vectors, false, "yes or no"},
        {"Firmware", "UnalignedStack", parse_unaligned_stack, false, "yes or no"},
        {"Firmware", "Start", parse_start, false, "an address"},
        {"Bootloader", "Serial", parse_serial, false, "same, chip or none"},
        {"Bootloader", "HandEntryHangs", parse_hand_entry, false, "yes or no"},
        {"Bootloader", "Reboot", parse_reboot, false, "msp, crazyflie, odrive, ffbeast or none"},
        {"Bootloader", "Hint", parse_hint_bootloader, true, "a text"},
        {"Bootloader", "HintReturn", parse_hint_return, true, "a text"},
        {"Otp", "Format", parse_otp, false, "crazyflie, odrive or none"},
        {"Otp", "Range", parse_otp_range, false, "a range such as 0x1FFF7800+512"},
        {"Otp", "Types", parse_otp_types, false, "patterns separated by '|'"},
        {"Otp", "Boards", parse_otp_boards, false, "names of profiles separated by '|'"},
        {"Otp", "Default", parse_otp_default, false, "a text"},
        {"Otp", "Missing", parse_otp_missing, true, "a text"},
        {"Otp", "WarnTypes", parse_otp_warn_types, false, "patterns separated by '|'"},
        {"Otp", "Warning", parse_otp_warning, true, "a text"},
        {"Image", "UsbIds", parse_image_usb_ids, false,
         "USB ids such as 045b:59d7, separated by '|'"},
        {"Image", "Hint", parse_image_hint, true, "a text"},
        {"Recover", "Range", parse_recover, false, "a range such as 0x08000000+16K"},
        {"Image", "Types", parse_image_types, false, "texts separated by '|'"},
};

static int append_text(char **text, const char *value) {
        char *joined = *text ? text_format("%s %s", *text, value) : strdup(value);

        if (!joined)
                return -ENOMEM;
        if (strlen(joined) > BOARD_TEXT_MAX) {
                free(joined);
                return -E2BIG;
        }
        free(*text);
        *text = joined;
        return 0;
}

static int parse_title(struct board_profile *p, const char *value) {
        return append_text(&p->title, value);
}

static int parse_hint_bootloader(struct board_profile *p, const char *value) {
        return append_text(&p->hint_bootloader, value);
}

static int parse_hint_return(struct board_profile *p, const char *value) {
        return append_text(&p->hint_return, value);
}

static int parse_identify(struct board_profile *p, const char *value) {
        for (int i = 0; i < _IDENTIFY_MAX; i++)
                if (strcmp(value, board_identify_name(i)) == 0) {
                        p->identify = i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_reboot(struct board_profile *p, const char *value) {
        for (int i = 0; i < _REBOOT_MAX; i++)
                if (strcmp(value, board_reboot_name(i)) == 0) {
                        p->reboot = i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_flag(const char *value, bool *ret) {
        int r = parse_bool(value);

        if (r < 0)
                return r;
        *ret = r;
        return 0;
}

static int parse_flashable(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->flashable);
}

static int parse_keep_config(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->keep_config);
}

static int parse_check_vectors(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->check_vectors);
}

static int parse_raw_address(struct board_profile *p, const char *value) {
        int r = parse_u64(value, UINT32_MAX, &p->raw_address);

        if (r < 0)
                return r;
        p->has_raw_address = true;
        return 0;
}

/* "a|b c": the parts without the blanks around them. None may be empty. */
static int parse_patterns(const char *value, char ***ret) {
        char **list = calloc(BOARD_LIST_MAX + 1, sizeof(char *));
        _cleanup_free_ char *copy = strdup(value);
        char *at = copy, *part;
        size_t n = 0;
        int r = 0;

        if (!list || !copy)
                r = -ENOMEM;
        while (r == 0 && (part = strsep(&at, "|"))) {
                part += strspn(part, " \t");
                for (size_t size = strlen(part); size > 0 && strchr(" \t", part[size - 1]);)
                        part[--size] = '\0';
                if (!*part)
                        r = -EINVAL;
                else if (n == BOARD_LIST_MAX)
                        r = -E2BIG;
                else if (!(list[n] = strdup(part)))
                        r = -ENOMEM;
                else
                        n++;
        }
        if (r < 0) {
                while (n > 0)
                        free(list[--n]);
                free(list);
                return r;
        }
        *ret = list;
        return 0;
}

static int parse_manufacturer(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->match.manufacturer);
}

static int parse_product(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->match.product);
}

static int parse_start(struct board_profile *p, const char *value) {
        int r = parse_u64(value, UINT32_MAX, &p->start);

        p->has_start = r == 0;
        return r;
}

static int parse_unaligned_stack(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->unaligned_stack);
}

static int parse_hand_entry(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->hangs_after_hand_entry);
}

static int parse_otp_default(struct board_profile *p, const char *value) {
        return append_text(&p->otp_default, value);
}

static int parse_image_hint(struct board_profile *p, const char *value) {
        return append_text(&p->image_hint, value);
}

static int parse_recover(struct board_profile *p, const char *value) {
        return range_parse(value, &p->recover);
}

static int parse_serial(struct board_profile *p, const char *value) {
        for (int i = 0; i < _SERIAL_MAX; i++)
                if (strcmp(value, board_serial_name(i)) == 0) {
                        p->serial = i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_otp(struct board_profile *p, const char *value) {
        for (int i = 0; i < _OTP_MAX; i++)
                if (strcmp(value, board_otp_name(i)) == 0) {
                        p->otp = i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_otp_range(struct board_profile *p, const char *value) {
        int r = range_parse(value, &p->otp_range);

        if (r < 0)
                return r;
        return range_size(p->otp_range) > BOARD_OTP_MAX ? -E2BIG : 0;
}

static int parse_otp_types(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->otp_types);
}

static int parse_otp_boards(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->otp_boards);
}

static int parse_otp_missing(struct board_profile *p, const char *value) {
        return append_text(&p->otp_missing, value);
}

static int parse_otp_warn_types(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->otp_warn_types);
}

static int parse_otp_warning(struct board_profile *p, const char *value) {
        return append_text(&p->otp_warning, value);
}

/* Four hexadecimal digits, a colon, four more, in lower case. */
static bool is_usb_id(const char *text) {
        for (size_t i = 0; i < 9; i++)
                if (i == 4 ? text[i] != ':' : !text[i] || !strchr("0123456789abcdef", text[i]))
                        return false;
        return text[9] == '\0';
}

static int parse_image_usb_ids(struct board_profile *p, const char *value) {
        int r = parse_patterns(value, &p->image_usb_ids);

        for (char **id = p->image_usb_ids; r == 0 && *id; id++)
                if (!is_usb_id(*id))
                        r = -EINVAL;
        return r;
}

static int parse_image_types(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->image_types);
}

static int parse_ranges(const char *value, struct range **ret, size_t *ret_n) {
        _cleanup_free_ struct range *ranges = calloc(BOARD_LIST_MAX, sizeof(struct range));
        _cleanup_free_ char *copy = strdup(value);
        size_t n = 0;

        if (!ranges || !copy)
                return -ENOMEM;
        for (char *at = copy, *part; (part = strsep(&at, " \t"));) {
                int r;

                if (!*part)
                        continue;
                if (n == BOARD_LIST_MAX)
                        return -E2BIG;
                r = range_parse(part, &ranges[n]);
                if (r < 0)
                        return r;
                if (range_is_empty(ranges[n]))
                        return -EINVAL;
                n++;
        }
        *ret_n = range_normalize(ranges, n);
        *ret = TAKE_PTR(ranges);
        return 0;
}

static int parse_protect(struct board_profile *p, const char *value) {
        return parse_ranges(value, &p->protected_ranges, &p->n_protected);
}

static int parse_keep(struct board_profile *p, const char *value) {
        return parse_ranges(value, &p->keep_ranges, &p->n_keep);
}

/* The first complaint stays. */
static _printf_(2, 3) void refuse(struct parser *parser, const char *format, ...) {
        va_list args;

        if (parser->failed)
                return;
        parser->failed = true;
        parser->failed_line = parser->line;
        va_start(args, format);
        (void) vsnprintf(parser->complaint, sizeof(parser->complaint), format, args);
        va_end(args);
}

/* inih's reader: gives it line by line what we have checked. */
static char *next_line(char *to, int room, void *stream) {
        struct parser *parser = stream;
        size_t size = strcspn(parser->at, "\n");

        if (!*parser->at || parser->failed)
                return NULL;
        parser->line++;
        if (size > LINE_MAX_BYTES || (size_t) room < size + 2) {
                refuse(parser, "The line is longer than %u bytes.", LINE_MAX_BYTES);
                return NULL;
        }
        for (size_t i = 0; i < size; i++)
                to[i] = parser->at[i] == '\t' ? ' ' : parser->at[i];
        to[size] = '\0';
        if (!text_is_clean(to)) {
                refuse(parser, "The line has control characters in it, or is no UTF-8.");
                return NULL;
        }
        parser->indented = *to == ' ';
        parser->at += size + (parser->at[size] == '\n');
        return to;
}

static int find_key(const char *section, const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
                        return (int) i;
        return -1;
}

static int take_value(void *user, const char *section, const char *name, const char *value) {
        struct parser *parser = user;
        int i = find_key(section, name), r;

        if (parser->failed)
                return 0;
        if (i < 0) {
                refuse(parser, "There is no key %s in [%s].", name, section);
                return 0;
        }
        if (parser->indented && i == parser->last) {
                if (!keys[i].is_text) {
                        refuse(parser, "%s= cannot go on in a second line.", name);
                        return 0;
                }
        } else if (parser->seen & (UINT64_C(1) << i)) {
                refuse(parser, "%s= is there twice.", name);
                return 0;
        }
        parser->seen |= UINT64_C(1) << i;
        parser->last = i;
        r = *value ? keys[i].parse(parser->profile, value) : -EINVAL;
        if (r == -E2BIG)
                refuse(parser, "%s= is too long.", name);
        else if (r == -ENOMEM)
                refuse(parser, "Out of memory.");
        else if (r < 0)
                refuse(parser, "%s= wants %s.", name, keys[i].wanted);
        return r >= 0;
}

/* What only the whole file shows. */
static void check_whole(struct parser *parser) {
        const struct board_profile *p = parser->profile;

        if (!p->title)
                refuse(parser, "The file ends without a Title= in [Board].");
        if (!p->hint_bootloader)
                refuse(parser, "The file ends without a Hint= in [Bootloader].");
        if ((p->otp != OTP_NONE) != (p->otp_types && !range_is_empty(p->otp_range)))
                refuse(parser, "Format=, Range= and Types= in [Otp] belong together.");
        if (!p->otp_warn_types != !p->otp_warning)
                refuse(parser, "WarnTypes= and Warning= in [Otp] belong together.");
        if (board_reboot_opens_port(p->reboot) && p->identify == IDENTIFY_NEVER)
                refuse(parser, "Reboot= opens the serial port, and Identify=never forbids it.");
}

static int parse_text(struct parser *parser, const char *text) {
        int r;

        parser->at = text;
        parser->last = -1;
        r = ini_parse_stream(next_line, parser, take_value, parser);
        if (r < 0)
                return -ENOMEM;
        /* inih goes on behind a line that is no INI, and tells of the first such line at the end.
         */
        if (r > 0 && (!parser->failed || (unsigned) r < parser->failed_line)) {
                parser->failed = false;
                parser->line = (unsigned) r;
                refuse(parser, "Neither [Section], Key=Value nor a comment.");
        }
        check_whole(parser);
        if (!parser->failed)
                return 0;
        log_warning("%s:%u: %s", parser->path, parser->failed_line, parser->complaint);
        return -EINVAL;
}

static bool is_dev_null(const struct stat *st) {
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* The whole file, terminated. A file that grows while it is read is as wrong as one that is too
 * big. */
static int read_whole(const char *path, char **ret) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size = 0;

        if (fd < 0)
                return errno == ENOTDIR ? -ENOENT : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (is_dev_null(&st))
                return -ESTALE;
        if (!S_ISREG(st.st_mode)) {
                log_warning("%s: not a file.", path);
                return -EINVAL;
        }
        text = malloc(BOARD_FILE_MAX + 2);
        if (!text)
                return -ENOMEM;
        while (size <= BOARD_FILE_MAX) {
                ssize_t n = read(fd, text + size, BOARD_FILE_MAX + 1 - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t) n;
        }
        if (size == 0)
                return -ESTALE;
        if (size > BOARD_FILE_MAX) {
                log_warning("%s: more than %u bytes.", path, BOARD_FILE_MAX);
                return -E2BIG;
        }
        text[size] = '\0';
        if (strlen(text) != size) {
                log_warning("%s: not a text file.", path);
                return -EINVAL;
        }
        *ret = TAKE_PTR(text);
        return 0;
}

int profile_file_read(const char *path, const char *name, struct board_profile **ret) {
        _cleanup_board_profile_ struct board_profile *profile = NULL;
        _cleanup_free_ char *text = NULL;
        struct parser parser = {.path = path};
        int r;

        r = read_whole(path, &text);
        if (r == -EACCES)
                log_warning("%s: may not be read.", path);
        if (r < 0)
                return r;
        profile = calloc(1, sizeof(*profile));
        if (!profile)
                return -ENOMEM;
        profile->flashable = true;
        profile->name = strdup(name);
        if (!profile->name)
                return -ENOMEM;
        parser.profile = profile;
        r = parse_text(&parser, text);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(profile);
        return 0;
}
