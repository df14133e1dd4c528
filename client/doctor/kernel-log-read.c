/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel's log, from the journal or, where that is closed, from /dev/kmsg; and what it says of
 * ports where a device gets no address. */

#include <fcntl.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/doctor/doctor.h"
#include "client/doctor/kernel-log.h"
#include "client/doctor/mend.h"

#define ENTRIES_MAX    50000U /* from the end */
#define KMSG_LINE_SIZE 8192U  /* the kernel's own limit of a record */
#define USEC_PER_SEC   1000000ULL
/* A port that failed may be empty since; the kernel does not tell. */
#define FRESH_S (15U * 60U)

DEFINE_CLEANUP(sd_journal *, sd_journal_close)

static uint64_t now_us(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000U;
}

static int add_matches(sd_journal *journal) {
        char boot[SD_ID128_STRING_MAX], match[SD_ID128_STRING_MAX + 16];
        sd_id128_t id;
        int r = sd_id128_get_boot(&id);

        if (r < 0)
                return r;
        (void) snprintf(match, sizeof(match), "_BOOT_ID=%s", sd_id128_to_string(id, boot));
        r = sd_journal_add_match(journal, match, 0);
        return r < 0 ? r : sd_journal_add_match(journal, "_TRANSPORT=kernel", 0);
}

static void take_entry(struct kernel_log *log, sd_journal *journal) {
        _cleanup_free_ char *line = NULL;
        const char *prefix = "MESSAGE=";
        const void *data;
        uint64_t when = 0;
        size_t size;

        if (sd_journal_get_data(journal, "MESSAGE", &data, &size) < 0 || size < strlen(prefix))
                return;
        (void) sd_journal_get_realtime_usec(journal, &when);
        line = strndup((const char *) data + strlen(prefix), size - strlen(prefix));
        if (line)
                kernel_log_line(log, when, line);
}

/* Entries read; 0 also where the journal is closed to us. */
static int read_journal(struct kernel_log *log) {
        _cleanup_(sd_journal_close_p) sd_journal *journal = NULL;
        int r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM), n = 0;

        if (r >= 0)
                r = add_matches(journal);
        if (r >= 0)
                r = sd_journal_seek_tail(journal);
        if (r >= 0)
                r = sd_journal_previous_skip(journal, ENTRIES_MAX);
        for (; r > 0; r = sd_journal_next(journal), n++)
                take_entry(log, journal);
        return r < 0 ? r : n;
}

/* "6,1234,5678901,-;usb 1-1: …": the time is in µs since the boot. */
static void take_record(struct kernel_log *log, char *record, uint64_t boot_us) {
        char *text = strchr(record, ';');
        unsigned long long since_boot = 0;

        if (!text || sscanf(record, "%*u,%*u,%llu", &since_boot) != 1)
                return;
        text[strcspn(text, "\n")] = '\0';
        kernel_log_line(log, boot_us + since_boot, text + 1);
}

static int read_kmsg(struct kernel_log *log) {
        _cleanup_close_ int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        char record[KMSG_LINE_SIZE + 1];
        struct timespec up;
        ssize_t n;

        if (fd < 0)
                return -errno;
        (void) clock_gettime(CLOCK_BOOTTIME, &up);
        for (;;) {
                n = read(fd, record, KMSG_LINE_SIZE);
                if (n < 0 && errno == EPIPE) /* the oldest was just overwritten */
                        continue;
                if (n <= 0)
                        return n < 0 && errno != EAGAIN ? -errno : 0;
                record[n] = '\0';
                take_record(log, record,
                            now_us() - ((uint64_t) up.tv_sec * USEC_PER_SEC +
                                        (uint64_t) up.tv_nsec / 1000U));
        }
}

/* What the board that was there asks a person to do, if the service knows: it says so while a job
 * waits for it, and in the job's last words. */
static const char *hint_of(const struct doctor *d, const char *port) {
        const json_t *one;
        const char *hint = "";
        size_t i;

        json_array_foreach (d->boards, i, one)
                if (strcmp(json_text(one, "Port"), port) == 0 && *json_text(one, "Hint"))
                        return json_text(one, "Hint");
        json_array_foreach (d->jobs, i, one) {
                _cleanup_free_ char *of = bus_port_of(json_text(one, "Device"));
                const char *notice = json_text(json_object_get(one, "Details"), "Notice");

                if (!of || strcmp(of, port) != 0)
                        continue;
                hint = *notice ? notice : json_text(one, "ErrorMessage");
        }
        return hint;
}

static const char *trouble_text(enum port_trouble trouble) {
        static const char *const texts[] = {
                [PORT_FINE] = "",
                [PORT_NO_ANSWER] = "Something is plugged in at %s that does not answer the kernel: "
                                   "it gets no address (%s).",
                [PORT_NO_LINK] = "Something is plugged in at %s that the port cannot be enabled "
                                 "for (%s).",
                [PORT_OVER_CURRENT] = "What is plugged in at %s takes more current than the port "
                                      "gives (%s).",
                [PORT_NO_CONFIG] = "What is plugged in at %s answered once and then could not be "
                                   "set up (%s).",
                [PORT_NO_POWER] = "What is plugged in at %s wants more current than its hub has "
                                  "(%s).",
        };

        return texts[trouble];
}

/* The ROM of STM32 and its relatives listens to its serial ports and CAN too, and stays with the
 * one that spoke first (AN2606): a receiver or GPS that sends keeps it off USB. */
static const char *meaning_of(const struct port_log *p) {
        switch (p->trouble) {
        case PORT_OVER_CURRENT:
        case PORT_NO_POWER:
                return "A port gives 500 mA; motors, servos, video or a short circuit take more.";
        case PORT_NO_ANSWER:
                if (p->vendor)
                        return "A board was there before. In its bootloader it listens to its "
                               "serial ports "
                               "as well, and a receiver, GPS or VTX that sends keeps it off USB; "
                               "else "
                               "it is the cable, the power, or a firmware that crashed.";
                return "The cable has power and broken or no data lines, the board has too little "
                       "power, or a receiver, GPS or VTX on its serial ports keeps the bootloader "
                       "off USB.";
        case PORT_FINE:
        case PORT_NO_LINK:
        case PORT_NO_CONFIG:
                break;
        }
        return "Mostly that is the cable, a loose plug or a hub.";
}

static const char *action_of(enum port_trouble trouble) {
        switch (trouble) {
        case PORT_OVER_CURRENT:
        case PORT_NO_POWER:
                return "Unplug it, take motors and everything else off it, and use a port of the "
                       "machine or a hub with its own power supply.";
        case PORT_NO_ANSWER:
                return "Unplug it; take power from receiver, GPS and VTX (unplug the battery); use "
                       "a cable that is known to carry data, in a port of the machine; hold BOOT "
                       "while you plug it in.";
        case PORT_FINE:
        case PORT_NO_LINK:
        case PORT_NO_CONFIG:
                break;
        }
        return "Unplug it, and try another cable and another port, without a hub.";
}

static void add_port(struct doctor *d, const struct port_log *p) {
        static const char *const ids[] = {
                [PORT_FINE] = "",
                [PORT_NO_ANSWER] = "device-no-address",
                [PORT_NO_LINK] = "port-no-link",
                [PORT_OVER_CURRENT] = "port-over-current",
                [PORT_NO_CONFIG] = "device-not-configured",
                [PORT_NO_POWER] = "port-power",
        };
        uint64_t now = now_us(), ago_s = now > p->when_us ? (now - p->when_us) / USEC_PER_SEC : 0;
        _cleanup_free_ char *message = NULL, *action = NULL, *why = NULL;
        const char *hint = hint_of(d, p->port);

        why = p->error ? text_format("error %d, %u min ago", p->error, (unsigned) (ago_s / 60U))
                       : text_format("%u min ago", (unsigned) (ago_s / 60U));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        message = why ? text_format(trouble_text(p->trouble), p->port, why) : NULL;
#pragma GCC diagnostic pop
        action = text_format("%s%s%s", action_of(p->trouble),
                             *hint ? " What fwd knows of the board there: " : "", hint);
        doctor_add(d, &(struct finding){
                              .level = ago_s <= FRESH_S ? FINDING_PROBLEM : FINDING_NOTE,
                              .id = ids[p->trouble],
                              .port = p->port,
                              .message = message,
                              .meaning = meaning_of(p),
                              .action = action,
                      });
}

void doctor_kernel_log(struct doctor *d) {
        _cleanup_free_ struct kernel_log *log = calloc(1, sizeof(*log));
        size_t bad = 0;
        int r = log ? read_journal(log) : -ENOMEM;

        if (log && r <= 0)
                r = read_kmsg(log);
        if (r < 0) {
                doctor_add(d, &(struct finding){
                                      .level = FINDING_NOTE,
                                      .id = "kernel-log-closed",
                                      .message = "You may not read the kernel's log.",
                                      .meaning = "Whether something is plugged in that gets no "
                                                 "address cannot be seen.",
                                      .command = "sudo fwctl doctor",
                              });
                return;
        }
        for (size_t i = 0; log && i < log->n; i++)
                if (log->ports[i].trouble != PORT_FINE && ++bad)
                        add_port(d, &log->ports[i]);
        if (bad == 0)
                doctor_ok(d, "kernel-log", "The kernel complains about no USB port.");
}
