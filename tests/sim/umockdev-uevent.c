/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Uevents as udevd sends them to its listeners, which libumockdev-preload makes sockets in the
 * testbed's directory. A listener that has ended, or whose queue is full, is no reason to stop:
 * umockdev's own sender aborts then (0.17.16, uevent_sender.c). */

#include <arpa/inet.h>
#include <glob.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sim/testbed.h"

/* The message of udevd to its listeners (systemd 252, src/libsystemd/sd-device/device-monitor.c).
 */
struct monitor_header {
        char prefix[8]; /* "libudev" */
        uint32_t magic;
        uint32_t header_size;
        uint32_t properties_off, properties_len;
        uint32_t subsystem_hash, devtype_hash;
        uint32_t tag_bloom_hi, tag_bloom_lo;
};
#define MONITOR_MAGIC 0xFEEDCAFEU

struct uevent {
        char socket[108]; /* sun_path of a listener */
        size_t size;
        uint8_t message[];
};

/* MurmurHash2 (A. Appleby, public domain) with seed 0: the hash of the monitor's filters. */
static uint32_t murmur2(const char *text) {
        const uint32_t m = 0x5BD1E995U;
        size_t left = strlen(text);
        uint32_t h = (uint32_t) left;
        const uint8_t *p = (const uint8_t *) text;
        for (; left >= 4; left -= 4, p += 4) {
                uint32_t k;
                memcpy(&k, p, sizeof(k));
                k *= m;
                k ^= k >> 24;
                h = h * m ^ k * m;
        }
        if (left > 0) {
                uint32_t tail = 0;
                memcpy(&tail, p, left);
                h = (h ^ tail) * m;
        }
        h ^= h >> 13;
        h *= m;
        return h ^ h >> 15;
}

static GByteArray *uevent_message(const struct uevent_device *device, const char *action) {
        static unsigned long long seqnum;
        g_autoptr(GString) text = g_string_new(NULL);
        g_string_append_printf(text, "ACTION=%s\nDEVPATH=%s\nSUBSYSTEM=%s\nSEQNUM=%llu\n", action,
                               device->devpath, device->subsystem, ++seqnum);
        const char *devtype = NULL;
        g_auto(GStrv) lines = g_strsplit(device->properties, "\n", -1);
        for (char **line = lines; *line; line++) {
                if (g_str_has_prefix(*line, "DEVNAME="))
                        g_string_append_printf(text, "DEVNAME=%s\n", device->devnode);
                else if (**line)
                        g_string_append_printf(text, "%s\n", *line);
                if (g_str_has_prefix(*line, "DEVTYPE="))
                        devtype = *line + strlen("DEVTYPE=");
        }
        (void) g_strdelimit(text->str, "\n", '\0');
        struct monitor_header header = {.prefix = "libudev",
                                        .magic = htonl(MONITOR_MAGIC),
                                        .header_size = sizeof(header),
                                        .properties_off = sizeof(header),
                                        .properties_len = (uint32_t) text->len,
                                        .subsystem_hash = htonl(murmur2(device->subsystem)),
                                        .devtype_hash = devtype ? htonl(murmur2(devtype)) : 0};
        GByteArray *message = g_byte_array_new();
        g_byte_array_append(message, (const guint8 *) &header, sizeof(header));
        g_byte_array_append(message, (const guint8 *) text->str, (guint) text->len);
        return message;
}

/* 0, -EAGAIN (the listener's queue is full), or what else is wrong with that listener. */
static int uevent_send(const struct uevent *event) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        (void) g_strlcpy(address.sun_path, event->socket, sizeof(address.sun_path));
        if (sendto(fd, event->message, event->size, MSG_NOSIGNAL, (struct sockaddr *) &address,
                   sizeof(address)) < 0)
                return errno == ENOBUFS ? -EAGAIN : -errno;
        return 0;
}

bool uevents_flush(struct sim *sim) {
        GQueue later = G_QUEUE_INIT;
        struct uevent *event;
        while ((event = g_queue_pop_head(&sim->uevents))) {
                bool waits = false; /* in order, so behind what this listener has not got yet */
                for (GList *l = later.head; l && !waits; l = l->next)
                        waits = strcmp(((struct uevent *) l->data)->socket, event->socket) == 0;
                int r = waits ? -EAGAIN : uevent_send(event);
                if (r == -EAGAIN) {
                        g_queue_push_tail(&later, event);
                        continue;
                }
                if (r == -ECONNREFUSED) /* the listener has ended, its socket's name is left */
                        (void) unlink(event->socket);
                g_free(event);
        }
        sim->uevents = later;
        return !g_queue_is_empty(&later);
}

void uevent_emit(struct sim *sim, const struct uevent_device *device, const char *action) {
        g_autofree char *pattern = g_strconcat(sim->root, "/event[0-9]*", NULL);
        glob_t listeners;
        if (glob(pattern, GLOB_NOSORT, NULL, &listeners) != 0)
                return;
        g_autoptr(GByteArray) message = uevent_message(device, action);
        for (size_t i = 0; i < listeners.gl_pathc; i++) {
                struct uevent *event = g_malloc0(sizeof(struct uevent) + message->len);
                (void) g_strlcpy(event->socket, listeners.gl_pathv[i], sizeof(event->socket));
                event->size = message->len;
                memcpy(event->message, message->data, message->len);
                g_queue_push_tail(&sim->uevents, event);
        }
        globfree(&listeners);
        (void) uevents_flush(sim);
}
