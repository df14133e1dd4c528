/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/usbip/vhci.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "sim/model.h"
#include "sim/usbip/wire.h"

#define VHCI_PORTS_EACH   30U /* of a controller: 15 for full and high speed, 15 for super speed */
#define VHCI_HUB_PORTS    15U
#define USB_SPEED_FULL    2
#define URBS_MAX          64U
#define TRANSFER_SIZE_MAX (64U << 10)
#define ATTACH_RETRY_US   20000U /* the kernel takes a moment to free a port that was just left */

struct urb {
        uint32_t seqnum, devid, ep, direction, length;
        uint8_t setup[8];
        uint8_t *data; /* OUT, owned */
        bool begun;    /* EP0: handed to the model, `answer` is set */
        struct model_answer *answer;
};

struct vhci_port {
        sd_event *event;
        sd_event_source *io, *timer;
        struct model *model;
        unsigned controller, hub_port;
        unsigned generation; /* the model's, when it was attached */
        bool attached;
        int fd;
        uint8_t *input;
        size_t input_size;
        struct urb urbs[URBS_MAX]; /* in the order they came */
        size_t n_urbs;
        bool in_update;
};

static uint64_t now_us(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000U + (uint64_t) t.tv_nsec / 1000U;
}

static void urb_remove(struct vhci_port *p, size_t i) {
        free(p->urbs[i].data);
        free(p->urbs[i].answer);
        memmove(&p->urbs[i], &p->urbs[i + 1], (p->n_urbs - i - 1) * sizeof(p->urbs[0]));
        p->n_urbs--;
}

static void port_send(struct vhci_port *p, const struct usbip_header *header, const void *data, size_t size) {
        struct iovec iov[2] = { { (void *) header, sizeof(*header) }, { (void *) data, size } };
        struct msghdr message = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };
        ssize_t n = sendmsg(p->fd, &message, MSG_NOSIGNAL);

        /* The kernel reads at once; a short write means that it let go of us. */
        if (n != (ssize_t) (sizeof(*header) + size))
                log_debug("port %u: the kernel is gone", p->hub_port);
}

static void urb_complete(struct vhci_port *p, size_t i, int status, const void *data, uint32_t size) {
        const struct urb *u = &p->urbs[i];
        struct usbip_header h = {
                .command = htobe32(USBIP_RET_SUBMIT),
                .seqnum = htobe32(u->seqnum),
                .ret_submit.status = htobe32((uint32_t) status),
                .ret_submit.actual_length = htobe32(size),
        };

        port_send(p, &h, data, u->direction == USBIP_DIR_IN ? size : 0);
        urb_remove(p, i);
}

static bool endpoint_is_interrupt(const struct model *m, uint8_t address) {
        for (size_t i = 0; i + 1 < m->config_size && m->config_descriptor[i] >= 2; i += m->config_descriptor[i]) {
                const uint8_t *d = m->config_descriptor + i;

                if (d[1] == 5 && d[0] >= 7 && i + 7 <= m->config_size && d[2] == address)
                        return (d[3] & 3) == 3;
        }
        return false;
}

/* Takes each waiting transfer as far as the model lets it. True if one was completed. */
static bool port_answer(struct vhci_port *p, uint64_t now) {
        bool ep0_waits = false;

        for (size_t i = 0; i < p->n_urbs; i++) {
                struct urb *u = &p->urbs[i];

                if (u->ep == 0) {
                        if (ep0_waits)
                                continue; /* one after the other, as on the wire */
                        if (!u->begun) {
                                struct model_setup s = { u->setup[0], u->setup[1],
                                                         (uint16_t) (u->setup[2] | u->setup[3] << 8),
                                                         (uint16_t) (u->setup[4] | u->setup[5] << 8),
                                                         (uint16_t) (u->setup[6] | u->setup[7] << 8) };

                                u->answer = calloc(1, sizeof(*u->answer));
                                if (!u->answer)
                                        continue;
                                model_control(p->model, &s, u->data, now, u->answer);
                                u->begun = true;
                        }
                        if (u->answer->at_us > now) {
                                ep0_waits = true;
                                continue;
                        }
                        if (u->answer->kind == ANSWER_GONE)
                                return false; /* what ends it is the detach */
                        if (u->answer->kind == ANSWER_STALL)
                                urb_complete(p, i, -EPIPE, NULL, 0);
                        else
                                urb_complete(p, i, 0, u->answer->data, (uint32_t) u->answer->size);
                        return true;
                }
                if (u->direction == USBIP_DIR_OUT) {
                        model_serial_write(p->model, u->data, u->length, now);
                        urb_complete(p, i, 0, NULL, u->length);
                        return true;
                }
                if (!endpoint_is_interrupt(p->model, (uint8_t) (0x80U | u->ep))) {
                        uint8_t data[512];
                        size_t n = model_serial_read(p->model, data,
                                                     u->length < sizeof(data) ? u->length : sizeof(data), now);

                        if (n > 0) {
                                urb_complete(p, i, 0, data, (uint32_t) n);
                                return true;
                        }
                }
        }
        return false;
}

static void port_detach(struct vhci_port *p) {
        while (p->n_urbs)
                urb_remove(p, 0);
        p->io = sd_event_source_disable_unref(p->io);
        p->fd = fd_close(p->fd);
        p->input_size = 0;
        p->attached = false;
}

static void take_unlink(struct vhci_port *p, const struct usbip_header *h) {
        struct usbip_header r = { .command = htobe32(USBIP_RET_UNLINK), .seqnum = h->seqnum };

        for (size_t i = 0; i < p->n_urbs; i++)
                if (p->urbs[i].seqnum == be32toh(h->unlink.seqnum)) {
                        /* The host gave up; what the chip was told to do goes on. */
                        r.ret_unlink.status = htobe32((uint32_t) -ECONNRESET);
                        urb_remove(p, i);
                        break;
                }
        port_send(p, &r, NULL, 0);
}

/* One whole message from the head of the input. Bytes used, 0 if it is not whole yet, negative if it makes no sense. */
static ssize_t take_message(struct vhci_port *p) {
        struct usbip_header h;
        struct urb *u;
        uint32_t length;
        size_t used = sizeof(h);

        if (p->input_size < sizeof(h))
                return 0;
        memcpy(&h, p->input, sizeof(h));
        if (be32toh(h.command) == USBIP_CMD_UNLINK) {
                take_unlink(p, &h);
                return (ssize_t) used;
        }
        length = be32toh(h.submit.buffer_length);
        if (be32toh(h.command) != USBIP_CMD_SUBMIT || length > TRANSFER_SIZE_MAX || p->n_urbs >= URBS_MAX)
                return -EBADMSG;
        if (be32toh(h.direction) == USBIP_DIR_OUT)
                used += length;
        if (p->input_size < used)
                return 0;
        u = &p->urbs[p->n_urbs];
        *u = (struct urb) {
                .seqnum = be32toh(h.seqnum),
                .devid = be32toh(h.devid),
                .ep = be32toh(h.ep),
                .direction = be32toh(h.direction),
                .length = length,
        };
        memcpy(u->setup, h.submit.setup, sizeof(u->setup));
        if (u->direction == USBIP_DIR_OUT && length) {
                u->data = malloc(length);
                if (!u->data)
                        return -ENOMEM;
                memcpy(u->data, p->input + sizeof(h), length);
        }
        p->n_urbs++;
        return (ssize_t) used;
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct vhci_port *p = userdata;
        ssize_t n = recv(fd, p->input + p->input_size,
                         TRANSFER_SIZE_MAX + sizeof(struct usbip_header) - p->input_size, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN)) {
                port_detach(p);
                return 0;
        }
        if (n > 0)
                p->input_size += (size_t) n;
        while ((n = take_message(p)) > 0) {
                p->input_size -= (size_t) n;
                memmove(p->input, p->input + n, p->input_size);
        }
        if (n < 0) {
                log_error("port %u-%u: %s", p->controller, p->hub_port, strerror((int) -n));
                port_detach(p);
        }
        vhci_port_update(p);
        return 0;
}

static int port_attach(struct vhci_port *p) {
        _cleanup_fclose_ FILE *f = fopen("/sys/devices/platform/vhci_hcd.0/attach", "we");
        unsigned port = p->controller * VHCI_PORTS_EACH + p->hub_port;
        int pair[2], r;

        if (!f)
                return -errno;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        r = fprintf(f, "%u %d %u %d\n", port, pair[1], 1U << 16 | (port + 2), USB_SPEED_FULL) < 0 || fflush(f) != 0
                ? -errno
                : 0;
        (void) fd_close(pair[1]);
        if (r < 0) {
                (void) fd_close(pair[0]);
                return r;
        }
        p->fd = pair[0];
        r = sd_event_add_io(p->event, &p->io, p->fd, EPOLLIN, on_input, p);
        if (r < 0) {
                p->fd = fd_close(p->fd);
                return r;
        }
        p->attached = true;
        p->generation = p->model->generation;
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        vhci_port_update(userdata);
        return 0;
}

void vhci_port_update(struct vhci_port *p) {
        uint64_t now = now_us(), next = MODEL_NEVER;

        if (p->in_update)
                return;
        p->in_update = true;
        model_advance(p->model, now);
        if (p->attached && (!p->model->on_bus || p->model->generation != p->generation))
                port_detach(p);
        if (!p->attached && p->model->on_bus) {
                int r = port_attach(p);

                if (r == -EBUSY || r == -EINVAL)
                        next = now + ATTACH_RETRY_US;
                else if (r < 0)
                        log_error("port %u-%u: cannot attach: %s", p->controller, p->hub_port, strerror(-r));
        }
        while (p->attached && port_answer(p, now)) {
                now = now_us();
                model_advance(p->model, now);
                if (!p->model->on_bus || p->model->generation != p->generation) {
                        port_detach(p);
                        next = now; /* whatever comes next begins with a new look */
                }
        }
        for (size_t i = 0; i < p->n_urbs; i++)
                if (p->urbs[i].begun && p->urbs[i].answer->at_us < next)
                        next = p->urbs[i].answer->at_us;
        if (model_next_event(p->model) < next)
                next = model_next_event(p->model);
        p->in_update = false;

        if (next == MODEL_NEVER) {
                (void) sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_source_set_time(p->timer, next);
        (void) sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

int vhci_port_new(sd_event *event, unsigned controller, unsigned hub_port, struct model *model,
                  struct vhci_port **ret) {
        struct vhci_port *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        p->fd = -EBADF;
        p->event = sd_event_ref(event);
        p->controller = controller;
        p->hub_port = hub_port;
        p->input = malloc(TRANSFER_SIZE_MAX + sizeof(struct usbip_header));
        r = p->input ? sd_event_add_time(event, &p->timer, CLOCK_MONOTONIC, 0, 1, on_timer, p) : -ENOMEM;
        if (r < 0) {
                (void) vhci_port_free(p);
                return r;
        }
        (void) sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
        p->model = model;
        *ret = p;
        return 0;
}

struct vhci_port *vhci_port_free(struct vhci_port *p) {
        if (!p)
                return NULL;
        port_detach(p);
        (void) sd_event_source_disable_unref(p->timer);
        (void) sd_event_unref(p->event);
        if (p->model)
                (void) model_free(p->model);
        free(p->input);
        free(p);
        return NULL;
}

struct model *vhci_port_model(struct vhci_port *p) {
        return p->model;
}

int vhci_bus_path(unsigned controller, unsigned hub_port, char *to, unsigned long to_size) {
        glob_t found = { 0 };
        char pattern[128];
        unsigned bus = 0;

        (void) snprintf(pattern, sizeof(pattern), "/sys/devices/platform/vhci_hcd.%u/usb*", controller);
        if (glob(pattern, 0, NULL, &found) == 0)
                for (size_t i = 0; i < found.gl_pathc; i++) {
                        unsigned n = 0;

                        /* The lower of the two is the full and high speed one. */
                        if (sscanf(strrchr(found.gl_pathv[i], '/'), "/usb%u", &n) == 1 && (bus == 0 || n < bus))
                                bus = n;
                }
        globfree(&found);
        if (bus == 0)
                return -ENODEV;
        (void) snprintf(to, to_size, "%u-%u", bus, hub_port + 1);
        return 0;
}
