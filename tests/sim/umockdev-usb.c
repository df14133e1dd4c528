/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A device node as usbfs has it (Linux, include/uapi/linux/usbdevice_fs.h;
 * drivers/usb/core/devio.c): who has which interface, control URBs one after the other on EP0, each
 * ended at the time that the model says, and URBs on other endpoints when the model has something.
 *
 * The node in the mock /dev is a plain file, so poll() on it always says ready, and a libusb that
 * waits for a URB would spin on REAPURBNDELAY. So while a URB is pending that one is held until the
 * URB ends, or for REAP_HOLD_US: long enough not to spin, short enough for a libusb timeout to be
 * noticed. */

#include <linux/usbdevice_fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "sim/descriptors.h"
#include "sim/testbed.h"

#define REAP_HOLD_US              5000U
#define SPEED_FULL                2 /* USB_SPEED_FULL, include/uapi/linux/usb/ch9.h */
#define INTERFACES_MAX            32U

#define SETUP_SIZE                8U
#define ENDPOINT_IN               0x80U
#define TRANSFER_SIZE_MAX         0x10000
#define REQUEST_TYPE_IN           0x80U
#define REQUEST_TYPE_CLASS_MASK   0x60U
#define REQUEST_TYPE_STANDARD     0U
#define RECIPIENT_MASK            0x1FU
#define RECIPIENT_INTERFACE       1U
#define REQUEST_GET_CONFIGURATION 8U
#define REQUEST_SET_CONFIGURATION 9U
#define REQUEST_SET_INTERFACE     11U

struct usb_client { /* one open file description */
        struct usb_node *node;
        UMockdevIoctlClient *client; /* no reference: see client_gone() */
        GQueue done;                 /* struct transfer *, to be reaped */
        bool reap_held;
        UMockdevIoctlData *reap_arg;
        uint64_t reap_until_us; /* host time; MODEL_NEVER for the blocking kind */
        uint32_t claimed;       /* bit by interface */
};

struct transfer {                 /* a URB, or an ioctl that waits for its control transfer */
        struct usb_client *owner; /* NULL: the host has gone */
        bool is_urb;
        UMockdevIoctlData *urb;  /* struct usbdevfs_urb, if is_urb */
        UMockdevIoctlData *data; /* the urb's buffer (with setup), or the ioctl's */
        gulong urb_address;      /* in the client, for DISCARDURB */
        uint8_t endpoint;        /* 0: EP0, else of a bulk or interrupt URB */
        struct model_setup setup;
        bool started;
        struct model_answer answer;
};

struct usb_node {
        struct sim *sim;
        struct sim_port *port; /* NULL once the device is gone */
        char path[64];
        GPtrArray *clients; /* struct usb_client */
        GQueue ep0;         /* struct transfer *, the first one is with the model */
        GQueue others;      /* struct transfer * on other endpoints */
};

/* Ends an ioctl. on_ioctl() took a reference, as libumockdev drops its own while an ioctl is held;
 * it goes later (sim_settle()), outside all loops, for it may be the last one. */
static void complete(struct sim *sim, UMockdevIoctlClient *client, long result, int error) {
        umockdev_ioctl_client_complete(client, error ? -1 : result, error);
        g_queue_push_tail(&sim->completed, client);
}

static void transfer_free(struct transfer *t) {
        g_clear_object(&t->urb);
        g_clear_object(&t->data);
        g_free(t);
}

static void reap(struct usb_client *c) {
        if (!c->reap_held)
                return;
        struct transfer *t = g_queue_pop_head(&c->done);
        int error = 0;
        if (t) {
                umockdev_ioctl_data_set_ptr(c->reap_arg, 0, t->urb);
                transfer_free(t);
        } else if (!c->node->port) {
                error = ENODEV;
        } else {
                return;
        }
        c->reap_held = false;
        g_clear_object(&c->reap_arg);
        complete(c->node->sim, c->client, 0, error);
}

/* The transfer is over: `status` as in a URB, `size` bytes of the data stage. */
static void finish(struct transfer *t, int status, size_t size) {
        struct usb_client *c = t->owner;
        if (!c) {
                transfer_free(t);
                return;
        }
        if (!t->is_urb) {
                transfer_free(t);
                complete(c->node->sim, c->client, (long) size, -status);
                return;
        }
        struct usbdevfs_urb *urb = (struct usbdevfs_urb *) t->urb->data;
        urb->status = status;
        urb->actual_length = (int) size;
        g_queue_push_tail(&c->done, t);
        reap(c);
}

static void start_next(struct usb_node *node) {
        struct transfer *t = g_queue_peek_head(&node->ep0);
        if (!t || t->started || !node->port)
                return;
        struct sim_port *port = node->port;
        struct model *model = port->model;
        t->started = true;
        t->answer.at_us = MODEL_NEVER;
        bool in = t->setup.request_type & REQUEST_TYPE_IN;
        const uint8_t *out = NULL;
        if (!in && t->data && t->setup.length > 0)
                out = t->data->data + (t->is_urb ? SETUP_SIZE : 0);
        model_control(model, &t->setup, out, sim_now(node->sim), &t->answer);

        if (t->is_urb)
                port->counts.control++;
        char *key = g_strdup_printf("%02X/%02X", t->setup.request_type, t->setup.request);
        gpointer count = g_hash_table_lookup(port->counts.by_request, key);
        g_hash_table_replace(port->counts.by_request, key,
                             GSIZE_TO_POINTER(GPOINTER_TO_SIZE(count) + 1));
}

static void submit(struct usb_node *node, struct transfer *t) {
        g_queue_push_tail(&node->ep0, t);
        start_next(node);
}

/* Those on other endpoints, in the order in which they came. */
static void advance_others(struct usb_node *node, uint64_t now_us) {
        for (GList *l = node->others.head; l;) {
                GList *next = l->next;
                struct transfer *t = l->data;
                size_t size = t->data->data_len;
                int r = t->endpoint & ENDPOINT_IN ? model_in(node->port->model, t->endpoint,
                                                             t->data->data, size, now_us)
                                                  : model_out(node->port->model, t->endpoint,
                                                              t->data->data, size, now_us);

                if (r != -EAGAIN) {
                        g_queue_delete_link(&node->others, l);
                        finish(t, MIN(r, 0), (size_t) MAX(r, 0));
                }
                l = next;
        }
}

void usb_node_advance(struct usb_node *node, uint64_t now_us, uint64_t host_us) {
        if (node->port)
                advance_others(node, now_us);
        for (;;) {
                struct transfer *t = g_queue_peek_head(&node->ep0);
                if (!t || !t->started || t->answer.at_us > now_us)
                        break;
                (void) g_queue_pop_head(&node->ep0);
                if (node->port)
                        node->port->counts.late_us +=
                                (uint64_t) ((double) (now_us - t->answer.at_us) *
                                            node->sim->time_scale);
                int status = 0;
                size_t size = 0;
                if (t->answer.kind == ANSWER_STALL) {
                        status = -EPIPE;
                } else if (t->answer.kind == ANSWER_GONE) {
                        status = -ENODEV;
                } else if (t->setup.request_type & REQUEST_TYPE_IN) {
                        size = MIN(t->answer.size, t->setup.length);
                        if (size > 0)
                                memcpy(t->data->data + (t->is_urb ? SETUP_SIZE : 0), t->answer.data,
                                       size);
                } else {
                        size = t->setup.length;
                }
                finish(t, status, size);
                start_next(node);
        }
        for (guint i = 0; i < node->clients->len; i++) {
                struct usb_client *c = g_ptr_array_index(node->clients, i);
                if (c->reap_held && c->reap_until_us <= host_us) {
                        c->reap_held = false;
                        g_clear_object(&c->reap_arg);
                        if (node->port)
                                node->port->counts.reaps_empty++;
                        complete(node->sim, c->client, 0, EAGAIN);
                }
        }
}

uint64_t usb_node_next(const struct usb_node *node) {
        uint64_t next = MODEL_NEVER;
        const struct transfer *t = g_queue_peek_head((GQueue *) &node->ep0);
        if (t && t->started)
                next = sim_host_time(node->sim, t->answer.at_us);
        for (guint i = 0; i < node->clients->len; i++) {
                const struct usb_client *c = g_ptr_array_index(node->clients, i);
                if (c->reap_held)
                        next = MIN(next, c->reap_until_us);
        }
        return next;
}

/* The kernel driver that has an interface, or NULL. */
static const char *kernel_driver(const struct usb_node *node,
                                 const struct interface_walk *interface) {
        if (interface->class == USB_CLASS_HID)
                return "usbhid";
        return node->port->model->has_serial_port && (interface->class == USB_CLASS_COMM ||
                                                      interface->class == USB_CLASS_CDC_DATA)
                       ? "cdc_acm"
                       : NULL;
}

static int find_interface(const struct usb_node *node, unsigned number, int alt,
                          struct interface_walk *ret) {
        struct interface_walk walk = interface_walk(node->port->model);
        while (interface_next(&walk))
                if (walk.number == number && (alt < 0 || walk.alt == alt)) {
                        *ret = walk;
                        return 0;
                }
        return -ENOENT;
}

static int claim(struct usb_client *c, unsigned number) {
        struct interface_walk interface;
        if (number >= INTERFACES_MAX)
                return EINVAL;
        if (find_interface(c->node, number, -1, &interface) < 0)
                return ENOENT;
        if (c->claimed & 1U << number)
                return 0;
        if (kernel_driver(c->node, &interface))
                return EBUSY;
        for (guint i = 0; i < c->node->clients->len; i++) {
                const struct usb_client *other = g_ptr_array_index(c->node->clients, i);
                if (other->claimed & 1U << number)
                        return EBUSY;
        }
        c->claimed |= 1U << number;
        return 0;
}

/* Transfers to an interface need a claim; a missing one is made, as the kernel does
 * (checkintf() in devio.c). */
static int check_recipient(struct usb_client *c, const struct model_setup *setup) {
        if ((setup->request_type & RECIPIENT_MASK) != RECIPIENT_INTERFACE ||
            (setup->request_type & REQUEST_TYPE_CLASS_MASK) == REQUEST_TYPE_STANDARD)
                return 0;
        return claim(c, setup->index & 0xFF);
}

static void take_urb(struct transfer *t, struct usb_client *c, UMockdevIoctlData *urb,
                     UMockdevIoctlData *buffer) {
        t->owner = c;
        t->is_urb = true;
        t->urb_address = urb->client_addr;
        t->urb = g_object_ref(urb);
        t->data = g_object_ref(buffer);
}

/* Bulk or interrupt; the model is asked at the next sim_settle(). */
static int submit_data(struct usb_client *c, UMockdevIoctlData *data) {
        const struct usbdevfs_urb *urb = (struct usbdevfs_urb *) data->data;
        uint8_t interface;
        if (urb->buffer_length <= 0 || urb->buffer_length > TRANSFER_SIZE_MAX)
                return EINVAL;
        if (endpoint_find(c->node->port->model, urb->endpoint, &interface) < 0)
                return ENOENT;
        int error = claim(c, interface);
        if (error)
                return error;
        g_autoptr(UMockdevIoctlData) buffer =
                umockdev_ioctl_data_resolve(data, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer),
                                            (size_t) urb->buffer_length, NULL);
        if (!buffer)
                return EFAULT;
        struct transfer *t = g_new0(struct transfer, 1);
        t->endpoint = urb->endpoint;
        take_urb(t, c, data, buffer);
        g_queue_push_tail(&c->node->others, t);
        return 0;
}

static int submit_urb(struct usb_client *c, UMockdevIoctlData *arg) {
        g_autoptr(UMockdevIoctlData) data =
                umockdev_ioctl_data_resolve(arg, 0, sizeof(struct usbdevfs_urb), NULL);
        if (!data)
                return EFAULT;
        struct usbdevfs_urb *urb = (struct usbdevfs_urb *) data->data;
        if (urb->type == USBDEVFS_URB_TYPE_BULK || urb->type == USBDEVFS_URB_TYPE_INTERRUPT)
                return submit_data(c, data);
        if (urb->type != USBDEVFS_URB_TYPE_CONTROL || (urb->endpoint & 0x7F) != 0)
                return ENOENT;
        if (urb->buffer_length < (int) SETUP_SIZE || urb->buffer_length > TRANSFER_SIZE_MAX)
                return EINVAL;
        size_t size = (size_t) urb->buffer_length;
        g_autoptr(UMockdevIoctlData) buffer = umockdev_ioctl_data_resolve(
                data, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer), size, NULL);
        if (!buffer)
                return EFAULT;
        const uint8_t *s = buffer->data;
        struct model_setup setup = {.request_type = s[0],
                                    .request = s[1],
                                    .value = descriptor_le16(s + 2),
                                    .index = descriptor_le16(s + 4),
                                    .length = descriptor_le16(s + 6)};
        if (size < SETUP_SIZE + setup.length)
                return EINVAL;
        int error = check_recipient(c, &setup);
        if (error)
                return error;
        struct transfer *t = g_new0(struct transfer, 1);
        t->setup = setup;
        take_urb(t, c, data, buffer);
        submit(c->node, t);
        return 0;
}

static bool discard_from(struct usb_client *c, GQueue *queue, gulong address) {
        for (GList *l = queue->head; l; l = l->next) {
                struct transfer *t = l->data;
                if (t->owner != c || !t->is_urb || t->urb_address != address)
                        continue;
                /* The chip goes on with what it does: the model is not told. */
                g_queue_delete_link(queue, l);
                finish(t, -ENOENT, 0);
                return true;
        }
        return false;
}

static int discard_urb(struct usb_client *c, UMockdevIoctlData *arg) {
        gulong address = *(gulong *) arg->data;
        if (discard_from(c, &c->node->others, address))
                return 0;
        if (!discard_from(c, &c->node->ep0, address))
                return EINVAL;
        start_next(c->node);
        return 0;
}

/* A control transfer inside an ioctl: the client waits. -1: it was begun, and is ended later. */
static int submit_sync(struct usb_client *c, const struct model_setup *setup,
                       UMockdevIoctlData *data) {
        struct transfer *t = g_new0(struct transfer, 1);
        t->owner = c;
        t->setup = *setup;
        t->data = data ? g_object_ref(data) : NULL;
        submit(c->node, t);
        return -1;
}

static int ioctl_control(struct usb_client *c, UMockdevIoctlData *arg, long *ret_result) {
        g_autoptr(UMockdevIoctlData) data =
                umockdev_ioctl_data_resolve(arg, 0, sizeof(struct usbdevfs_ctrltransfer), NULL);
        if (!data)
                return EFAULT;
        const struct usbdevfs_ctrltransfer *ctrl = (struct usbdevfs_ctrltransfer *) data->data;
        struct model_setup setup = {.request_type = ctrl->bRequestType,
                                    .request = ctrl->bRequest,
                                    .value = ctrl->wValue,
                                    .index = ctrl->wIndex,
                                    .length = ctrl->wLength};
        g_autoptr(UMockdevIoctlData) buffer = NULL;
        if (setup.length > 0) {
                buffer = umockdev_ioctl_data_resolve(
                        data, G_STRUCT_OFFSET(struct usbdevfs_ctrltransfer, data), setup.length,
                        NULL);
                if (!buffer)
                        return EFAULT;
        }
        if (setup.request_type == REQUEST_TYPE_IN && setup.request == REQUEST_GET_CONFIGURATION &&
            buffer) { /* libusb asks it when it wraps a node: not part of any protocol */
                buffer->data[0] = c->node->port->model->config_descriptor[5];
                *ret_result = 1;
                return 0;
        }
        int error = check_recipient(c, &setup);
        return error ? error : submit_sync(c, &setup, buffer);
}

static int ioctl_set_interface(struct usb_client *c, UMockdevIoctlData *arg) {
        g_autoptr(UMockdevIoctlData) data =
                umockdev_ioctl_data_resolve(arg, 0, sizeof(struct usbdevfs_setinterface), NULL);
        if (!data)
                return EFAULT;
        const struct usbdevfs_setinterface *s = (struct usbdevfs_setinterface *) data->data;
        struct interface_walk interface;
        int error = claim(c, s->interface);
        if (error)
                return error;
        if (find_interface(c->node, s->interface, (int) s->altsetting, &interface) < 0)
                return EINVAL;
        return submit_sync(c,
                           &(struct model_setup){.request_type = RECIPIENT_INTERFACE,
                                                 .request = REQUEST_SET_INTERFACE,
                                                 .value = (uint16_t) s->altsetting,
                                                 .index = (uint16_t) s->interface},
                           NULL);
}

static int ioctl_set_configuration(struct usb_client *c, UMockdevIoctlData *arg) {
        g_autoptr(UMockdevIoctlData) data =
                umockdev_ioctl_data_resolve(arg, 0, sizeof(unsigned), NULL);
        if (!data)
                return EFAULT;
        unsigned value = *(unsigned *) data->data;
        if (value != c->node->port->model->config_descriptor[5])
                return EINVAL;
        for (guint i = 0; i < c->node->clients->len; i++) {
                const struct usb_client *other = g_ptr_array_index(c->node->clients, i);
                if (other->claimed)
                        return EBUSY;
        }
        return submit_sync(c,
                           &(struct model_setup){.request = REQUEST_SET_CONFIGURATION,
                                                 .value = (uint16_t) value},
                           NULL);
}

static int ioctl_get_driver(struct usb_client *c, UMockdevIoctlData *arg) {
        g_autoptr(UMockdevIoctlData) data =
                umockdev_ioctl_data_resolve(arg, 0, sizeof(struct usbdevfs_getdriver), NULL);
        if (!data)
                return EFAULT;
        struct usbdevfs_getdriver *g = (struct usbdevfs_getdriver *) data->data;
        struct interface_walk interface;
        if (find_interface(c->node, g->interface, -1, &interface) < 0)
                return ENOENT;
        const char *driver = kernel_driver(c->node, &interface);
        for (guint i = 0; i < c->node->clients->len && g->interface < INTERFACES_MAX; i++) {
                const struct usb_client *other = g_ptr_array_index(c->node->clients, i);
                if (other->claimed & 1U << g->interface)
                        driver = "usbfs";
        }
        if (!driver)
                return ENODATA;
        (void) g_strlcpy(g->driver, driver, sizeof(g->driver));
        return 0;
}

static int ioctl_connectinfo(struct usb_client *c, UMockdevIoctlData *arg) {
        g_autoptr(UMockdevIoctlData) data =
                umockdev_ioctl_data_resolve(arg, 0, sizeof(struct usbdevfs_connectinfo), NULL);
        if (!data)
                return EFAULT;
        struct usbdevfs_connectinfo *info = (struct usbdevfs_connectinfo *) data->data;
        info->devnum = c->node->port->devnum;
        info->slow = 0;
        return 0;
}

static int resolve_unsigned(UMockdevIoctlData *arg, unsigned *ret) {
        g_autoptr(UMockdevIoctlData) data =
                umockdev_ioctl_data_resolve(arg, 0, sizeof(unsigned), NULL);
        if (!data)
                return EFAULT;
        *ret = *(unsigned *) data->data;
        return 0;
}

static int release(struct usb_client *c, unsigned number) {
        if (number >= INTERFACES_MAX || !(c->claimed & 1U << number))
                return EINVAL;
        c->claimed &= ~(1U << number);
        return 0;
}

static int get_capabilities(UMockdevIoctlData *arg) {
        g_autoptr(UMockdevIoctlData) data =
                umockdev_ioctl_data_resolve(arg, 0, sizeof(uint32_t), NULL);
        if (!data)
                return EFAULT;
        *(uint32_t *) data->data = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                                   USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
        return 0;
}

static bool is_owner(const GQueue *queue, const struct usb_client *c) {
        for (const GList *l = queue->head; l; l = l->next)
                if (((const struct transfer *) l->data)->owner == c)
                        return true;
        return false;
}

static bool has_pending(const struct usb_client *c) {
        return is_owner(&c->node->ep0, c) || is_owner(&c->node->others, c);
}

static int begin_reap(struct usb_client *c, UMockdevIoctlData *arg, bool blocking) {
        /* libusb reaps once more after each URB that it got: nothing to wait for then */
        if (!blocking && g_queue_is_empty(&c->done) && c->node->port && !has_pending(c))
                return EAGAIN;
        c->reap_arg = umockdev_ioctl_data_resolve(arg, 0, sizeof(gulong), NULL);
        if (!c->reap_arg)
                return EFAULT;
        c->reap_held = true;
        c->reap_until_us =
                blocking ? MODEL_NEVER : (uint64_t) g_get_monotonic_time() + REAP_HOLD_US;
        reap(c);
        return -1;
}

/* Positive errno, 0, or -1 if the ioctl is ended elsewhere. */
static int dispatch(struct usb_client *c, gulong request, UMockdevIoctlData *arg,
                    long *ret_result) {
        unsigned number = 0;
        int error;

        switch (request) {
        case USBDEVFS_REAPURB:
        case USBDEVFS_REAPURBNDELAY:
                return begin_reap(c, arg, request == USBDEVFS_REAPURB);
        default:
                break;
        }
        if (!c->node->port)
                return ENODEV;
        switch (request) {
        case USBDEVFS_SUBMITURB:
                return submit_urb(c, arg);
        case USBDEVFS_DISCARDURB:
                return discard_urb(c, arg);
        case USBDEVFS_CONTROL:
                return ioctl_control(c, arg, ret_result);
        case USBDEVFS_SETINTERFACE:
                return ioctl_set_interface(c, arg);
        case USBDEVFS_SETCONFIGURATION:
                return ioctl_set_configuration(c, arg);
        case USBDEVFS_CLAIMINTERFACE:
                error = resolve_unsigned(arg, &number);
                return error ? error : claim(c, number);
        case USBDEVFS_DISCONNECT_CLAIM: /* its first field is the interface; there is no driver
                                           that may be disconnected */
                error = resolve_unsigned(arg, &number);
                return error ? error : claim(c, number);
        case USBDEVFS_RELEASEINTERFACE:
                error = resolve_unsigned(arg, &number);
                return error ? error : release(c, number);
        case USBDEVFS_GETDRIVER:
                return ioctl_get_driver(c, arg);
        case USBDEVFS_GET_CAPABILITIES:
                return get_capabilities(arg);
        case USBDEVFS_CONNECTINFO:
                return ioctl_connectinfo(c, arg);
        case USBDEVFS_GET_SPEED:
                *ret_result = SPEED_FULL;
                return 0;
        case USBDEVFS_RESET:
                model_reset(c->node->port->model, sim_now(c->node->sim));
                return 0;
        case USBDEVFS_CLEAR_HALT:
                return 0;
        case USBDEVFS_IOCTL: /* detach or attach a kernel driver: none to detach */
                return ENODATA;
        default:
                return ENOTTY;
        }
}

static struct usb_client *client_of(UMockdevIoctlClient *client) {
        return g_object_get_data(G_OBJECT(client), "usb-client");
}

static gboolean on_ioctl(UMockdevIoctlBase *handler, UMockdevIoctlClient *client,
                         gpointer userdata) {
        struct usb_node *node = userdata;
        g_rec_mutex_lock(&node->sim->lock);
        struct usb_client *c = client_of(client);
        g_object_ref(client);
        long result = 0;
        int error = dispatch(c, umockdev_ioctl_client_get_request(client),
                             umockdev_ioctl_client_get_arg(client), &result);
        if (error >= 0)
                complete(node->sim, client, result, error);
        sim_settle(node->sim);
        g_rec_mutex_unlock(&node->sim->lock);
        return TRUE;
}

static void forget_transfers(GQueue *queue, const struct usb_client *c) {
        for (GList *l = queue->head; l;) {
                GList *next = l->next;
                struct transfer *t = l->data;
                if (t->owner == c) {
                        transfer_free(t);
                        g_queue_delete_link(queue, l);
                }
                l = next;
        }
}

/* The client closed the node or ended. A client that is killed while an ioctl is held is noticed
 * when the answer cannot be sent; libumockdev then drops the client object without closing it,
 * hence the weak reference beside the "connected" property. */
static void client_gone(struct usb_client *c) {
        struct usb_node *node = c->node;
        g_rec_mutex_lock(&node->sim->lock);
        /* A close kills URBs, but the chip has the request. */
        forget_transfers(&node->ep0, c);
        forget_transfers(&node->others, c);
        start_next(node);
        g_queue_clear_full(&c->done, (GDestroyNotify) transfer_free);
        g_clear_object(&c->reap_arg);
        g_ptr_array_remove(node->clients, c);
        sim_settle(node->sim);
        g_rec_mutex_unlock(&node->sim->lock);
        g_free(c);
}

static void on_client_finalized(gpointer userdata, GObject *object) {
        client_gone(userdata);
}

static void on_connected_changed(UMockdevIoctlClient *client, GParamSpec *spec, gpointer userdata) {
        struct usb_client *c = client_of(client);
        if (!c || umockdev_ioctl_client_get_connected(client))
                return;
        g_object_weak_unref(G_OBJECT(client), on_client_finalized, c);
        g_object_set_data(G_OBJECT(client), "usb-client", NULL);
        client_gone(c);
}

static void on_client(UMockdevIoctlBase *handler, UMockdevIoctlClient *client, gpointer userdata) {
        struct usb_node *node = userdata;
        struct usb_client *c = g_new0(struct usb_client, 1);
        c->node = node;
        c->client = client;
        g_queue_init(&c->done);
        g_rec_mutex_lock(&node->sim->lock);
        g_ptr_array_add(node->clients, c);
        sim_timer_move(node->sim);
        g_rec_mutex_unlock(&node->sim->lock);
        g_object_set_data(G_OBJECT(client), "usb-client", c);
        g_object_weak_ref(G_OBJECT(client), on_client_finalized, c);
        g_signal_connect(client, "notify::connected", G_CALLBACK(on_connected_changed), node);
}

static void node_free(gpointer data) {
        struct usb_node *node = data;
        g_ptr_array_free(node->clients, TRUE);
        g_free(node);
}

struct usb_node *usb_node_new(struct sim_port *port, const char *path) {
        struct usb_node *node = g_new0(struct usb_node, 1);
        node->sim = port->sim;
        node->port = port;
        node->clients = g_ptr_array_new();
        g_queue_init(&node->ep0);
        g_queue_init(&node->others);
        (void) g_strlcpy(node->path, path, sizeof(node->path));
        g_autoptr(UMockdevIoctlBase) handler = umockdev_ioctl_base_new();
        g_object_set_data_full(G_OBJECT(handler), "usb-node", node, node_free);
        g_signal_connect(handler, "client-connected", G_CALLBACK(on_client), node);
        g_signal_connect(handler, "handle-ioctl", G_CALLBACK(on_ioctl), node);
        g_autoptr(GError) error = NULL;
        if (!umockdev_testbed_attach_ioctl(node->sim->testbed, path, handler, &error))
                g_error("Cannot serve %s: %s", path, error->message);
        return node;
}

void usb_node_gone(struct usb_node *node) {
        node->port = NULL;
        struct transfer *t;
        while ((t = g_queue_pop_head(&node->ep0)) || (t = g_queue_pop_head(&node->others)))
                finish(t, -ENODEV, 0);
        for (guint i = 0; i < node->clients->len; i++)
                reap(g_ptr_array_index(node->clients, i));
        g_autoptr(GError) error = NULL;
        if (!umockdev_testbed_detach_ioctl(node->sim->testbed, node->path, &error))
                g_error("Cannot take back %s: %s", node->path, error->message);
}
