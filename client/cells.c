/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cells.h"

#include <pwd.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "client/color.h"

#define USEC_PER_SEC 1000000

void cell_time(const json_t *object, const char *key, bool with_date, char ret[CELL_TIME_SIZE]) {
        time_t t = json_integer_value(json_object_get(object, key)) / USEC_PER_SEC;
        struct tm tm;

        ret[0] = '\0';
        if (t <= 0 || !localtime_r(&t, &tm))
                return;
        if (with_date)
                (void) strftime(ret, CELL_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
        else
                (void) strftime(ret, CELL_TIME_SIZE, "%H:%M:%S", &tm);
}

char *cell_user(const json_t *job) {
        uid_t uid = (uid_t) json_integer_value(json_object_get(job, "StartedByUid"));
        const struct passwd *entry = getpwuid(uid);

        return entry ? strdup(entry->pw_name) : text_format("%u", uid);
}

const char *cell_result_style(const char *result) {
        if (strcmp(result, "success") == 0)
                return color(true, COLOR_GOOD);
        if (strcmp(result, "failed") == 0)
                return color(true, COLOR_BAD);
        return strcmp(result, "cancelled") == 0 ? color(true, COLOR_WARN) : NULL;
}
