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
#include "board/profile-keys.h"

/* inih reads lines into a buffer of INI_MAX_LINE (200) bytes, with line break and terminator, and
 * would take the rest of a longer line for a line of its own. */
#define LINE_MAX_BYTES 190U

struct parser {
        struct board_profile *profile;
        const char *path;
        const char *at; /* what is not read yet, terminated */
        unsigned line;
        bool indented; /* the present line begins with a blank: it may continue the one before */
        uint64_t seen; /* bit i: the key of that index was set */
        int last;      /* index of the key set last, or -1 */
        bool failed;
        unsigned failed_line;
        char complaint[256];
};

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

static int take_value(void *user, const char *section, const char *name, const char *value) {
        struct parser *parser = user;
        unsigned i;
        const struct profile_key *key = profile_key_find(section, name, &i);
        int r;

        if (parser->failed)
                return 0;
        if (!key) {
                refuse(parser, "There is no key %s in [%s].", name, section);
                return 0;
        }
        if (parser->indented && parser->last == (int) i) {
                if (!key->is_text) {
                        refuse(parser, "%s= cannot go on in a second line.", name);
                        return 0;
                }
        } else if (parser->seen & (UINT64_C(1) << i)) {
                refuse(parser, "%s= is there twice.", name);
                return 0;
        }
        parser->seen |= UINT64_C(1) << i;
        parser->last = (int) i;
        r = *value ? key->parse(parser->profile, value) : -EINVAL;
        if (r == -E2BIG)
                refuse(parser, "%s= is too long.", name);
        else if (r == -ENOMEM)
                refuse(parser, "Out of memory.");
        else if (r < 0)
                refuse(parser, "%s= wants %s.", name, key->wanted);
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
