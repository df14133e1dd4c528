/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/usbip/vhci.h"

#include <errno.h>
#include <glib-unix.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "sim/descriptors.h"
#include "sim/model.h"
#include "sim/usbip/wire.h"

#define VHCI_PORTS_EACH   30U /* of a controller: 15 for full and high speed, 15 for super speed */
#define USB_SPEED_FULL    2
#define URBS_MAX          64U
#define TRANSFER_SIZE_MAX (64U << 10)
#define INPUT_SIZE        (TRANSFER_SIZE_MAX + sizeof(struct usbip_header))

struct urb {
        uint32_t seqnum, devid, ep, direction, length;
        uint8_t setup[8];
        uint8_t *data; /* OUT, owned */
        bool begun;    /* EP0: handed to the model, `answer` is set */
        struct model_answer *answer;
};

struct vhci_port {
        struct model *model;
        unsigned controller, hub_port;
        int fd;
        guint source;
        uint8_t *input;
        size_t input_size;
        struct urb urbs[URBS_MAX]; /* in the order they came */
        size_t n_urbs;
        vhci_input_t on_input;
        void *userdata;
        unsigned controls; /* begun, not taken yet */
};

static void urb_remove(struct vhci_port *p, size_t i) {
        free(p->urbs[i].data);
        free(p->urbs[i].answer);
        memmove(&p->urbs[i], &p->urbs[i + 1], (p->n_urbs - i - 1) * sizeof(p->urbs[0]));
        p->n_urbs--;
}

static void port_send(struct vhci_port *p, const struct usbip_header *header, const void *data,
                      size_t size) {
        struct iovec iov[2] = {{(void *) header, sizeof(*header)}, {(void *) data, size}};
        struct msghdr message = {.msg_iov = iov, .msg_iovlen = size ? 2 : 1};
        ssize_t n = sendmsg(p->fd, &message, MSG_NOSIGNAL);

        /* The kernel reads at once; a short write means that it let go of us. */
        if (n != (ssize_t) (sizeof(*header) + size))
                g_debug("port %u of controller %u: the kernel is gone", p->hub_port, p->controller);
}

static void urb_complete(struct vhci_port *p, size_t i, int status, const void *data,
                         uint32_t size) {
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

/* A transfer on another endpoint than EP0; those that the model does not have itself are of its
 * serial port. True if it was completed. */
static bool data_answer(struct vhci_port *p, size_t i, uint64_t now) {
        struct urb *u = &p->urbs[i];
        uint8_t data[512], address = (uint8_t) (0x80U | u->ep);
        size_t room = u->length < sizeof(data) ? u->length : sizeof(data);
        int r;

        if (u->direction == USBIP_DIR_OUT) {
                r = model_out(p->model, (uint8_t) u->ep, u->data, u->length, now);
                if (r == -ENOENT) {
                        model_serial_write(p->model, u->data, u->length, now);
                        r = (int) u->length;
                }
        } else {
                r = model_in(p->model, address, data, room, now);
                if (r == -ENOENT) {
                        int attributes = endpoint_find(p->model, address, NULL);

                        if (attributes >= 0 && (attributes & 3) == USB_ENDPOINT_INTERRUPT)
                                return false; /* a CDC has nothing to notify */
                        r = (int) model_serial_read(p->model, data, room, now);
                        if (r == 0)
                                return false;
                }
                if (r == -EAGAIN)
                        return false;
        }
        urb_complete(p, i, r < 0 ? r : 0, data, r < 0 ? 0 : (uint32_t) r);
        return true;
}

static bool port_answer(struct vhci_port *p, uint64_t now) {
        bool ep0_waits = false;

        for (size_t i = 0; i < p->n_urbs; i++) {
                struct urb *u = &p->urbs[i];

                if (u->ep == 0) {
                        if (ep0_waits)
                                continue; /* one after the other, as on the wire */
                        if (!u->begun) {
                                struct model_setup s = {
                                        u->setup[0], u->setup[1],
                                        (uint16_t) (u->setup[2] | u->setup[3] << 8),
                                        (uint16_t) (u->setup[4] | u->setup[5] << 8),
                                        (uint16_t) (u->setup[6] | u->setup[7] << 8)};

                                u->answer = calloc(1, sizeof(*u->answer));
                                if (!u->answer)
                                        continue;
                                model_control(p->model, &s, u->data, now, u->answer);
                                u->begun = true;
                                p->controls++;
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
                if (data_answer(p, i, now))
                        return true;
        }
        return false;
}

unsigned vhci_port_take_controls(struct vhci_port *p) {
        unsigned n = p->controls;

        p->controls = 0;
        return n;
}

void vhci_port_detach(struct vhci_port *p) {
        while (p->n_urbs)
                urb_remove(p, 0);
        if (p->source)
                g_source_remove(p->source);
        p->source = 0;
        p->fd = fd_close(p->fd);
        p->input_size = 0;
}

bool vhci_port_is_attached(const struct vhci_port *p) {
        return p->fd >= 0;
}

static void take_unlink(struct vhci_port *p, const struct usbip_header *h) {
        struct usbip_header r = {.command = htobe32(USBIP_RET_UNLINK), .seqnum = h->seqnum};

        for (size_t i = 0; i < p->n_urbs; i++)
                if (p->urbs[i].seqnum == be32toh(h->unlink.seqnum)) {
                        /* The host gave up; what the chip was told to do goes on. */
                        r.ret_unlink.status = htobe32((uint32_t) -ECONNRESET);
                        urb_remove(p, i);
                        break;
                }
        port_send(p, &r, NULL, 0);
}

/* One whole message from the head of the input. Bytes used, 0 if it is not whole yet, negative if
 * it makes no sense. */
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
        if (be32toh(h.command) != USBIP_CMD_SUBMIT || length > TRANSFER_SIZE_MAX ||
            p->n_urbs >= URBS_MAX)
                return -EBADMSG;
        if (be32toh(h.direction) == USBIP_DIR_OUT)
                used += length;
        if (p->input_size < used)
                return 0;
        u = &p->urbs[p->n_urbs];
        *u = (struct urb){
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

static gboolean on_readable(int fd, GIOCondition condition, gpointer userdata) {
        struct vhci_port *p = userdata;
        ssize_t n = recv(fd, p->input + p->input_size, INPUT_SIZE - p->input_size, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN)) {
                p->source = 0;
                vhci_port_detach(p);
                return G_SOURCE_REMOVE;
        }
        if (n > 0)
                p->input_size += (size_t) n;
        while ((n = take_message(p)) > 0) {
                p->input_size -= (size_t) n;
                memmove(p->input, p->input + n, p->input_size);
        }
        if (n < 0)
                g_error("What the kernel sent makes no sense: %s", g_strerror((int) -n));
        p->on_input(p->userdata);
        return G_SOURCE_CONTINUE;
}

int vhci_port_attach(struct vhci_port *p) {
        _cleanup_fclose_ FILE *f = fopen("/sys/devices/platform/vhci_hcd.0/attach", "we");
        unsigned port = p->controller * VHCI_PORTS_EACH + p->hub_port;
        int pair[2], r = 0;

        if (!f || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        if (dprintf(fileno(f), "%u %d %u %d", port, pair[1], 1U << 16 | (port + 2),
                    USB_SPEED_FULL) < 0)
                r = -errno;
        (void) fd_close(pair[1]);
        if (r < 0) {
                (void) fd_close(pair[0]);
                return r;
        }
        p->fd = pair[0];
        p->source = g_unix_fd_add(p->fd, G_IO_IN, on_readable, p);
        return 0;
}

bool vhci_port_answer(struct vhci_port *p, uint64_t now, bool mute) {
        if (p->fd < 0)
                return false;
        if (mute && p->n_urbs > 0) {
                urb_complete(p, 0, -EPROTO, NULL, 0);
                return true;
        }
        return port_answer(p, now);
}

uint64_t vhci_port_next(const struct vhci_port *p) {
        uint64_t next = MODEL_NEVER;

        for (size_t i = 0; i < p->n_urbs; i++)
                if (p->urbs[i].begun && p->urbs[i].answer->at_us < next)
                        next = p->urbs[i].answer->at_us;
        return next;
}

struct vhci_port *vhci_port_new(unsigned controller, unsigned hub_port, struct model *model,
                                vhci_input_t on_input_done, void *userdata) {
        struct vhci_port *p = g_new0(struct vhci_port, 1);

        p->fd = -EBADF;
        p->controller = controller;
        p->hub_port = hub_port;
        p->model = model;
        p->input = g_malloc(INPUT_SIZE);
        p->on_input = on_input_done;
        p->userdata = userdata;
        return p;
}

void vhci_port_free(struct vhci_port *p) {
        if (!p)
                return;
        vhci_port_detach(p);
        g_free(p->input);
        g_free(p);
}

int vhci_bus(unsigned controller) {
        glob_t found = {0};
        char pattern[128];
        unsigned bus = 0;

        (void) snprintf(pattern, sizeof(pattern), "/sys/devices/platform/vhci_hcd.%u/usb*",
                        controller);
        if (glob(pattern, 0, NULL, &found) == 0)
                for (size_t i = 0; i < found.gl_pathc; i++) {
                        unsigned n = 0;

                        /* The lower of the two is the full and high speed one. */
                        if (sscanf(strrchr(found.gl_pathv[i], '/'), "/usb%u", &n) == 1 &&
                            (bus == 0 || n < bus))
                                bus = n;
                }
        globfree(&found);
        return bus == 0 ? -ENODEV : (int) bus;
}
