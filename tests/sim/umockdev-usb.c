/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who has a board's device node open, and the transfers under way: control URBs one after the other
 * on EP0, each ended at the time that the model says, and URBs on other endpoints when the model
 * has something.
 *
 * The node in the mock /dev is a plain file, so poll() on it always says ready, and a libusb that
 * waits for a URB would spin on REAPURBNDELAY. So while a URB is pending that one is held until the
 * URB ends, or for REAP_HOLD_US: long enough not to spin, short enough for a libusb timeout to be
 * noticed. */

#include <linux/usbdevice_fs.h>
#include <string.h>

#include "sim/usb-node.h"

#define REAP_HOLD_US 5000U

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

void usb_submit_control(struct usb_node *node, struct transfer *t) {
        g_queue_push_tail(&node->ep0, t);
        start_next(node);
}

void usb_submit_data(struct usb_node *node, struct transfer *t) {
        g_queue_push_tail(&node->others, t);
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

int usb_discard(struct usb_client *c, gulong address) {
        if (discard_from(c, &c->node->others, address))
                return 0;
        if (!discard_from(c, &c->node->ep0, address))
                return EINVAL;
        start_next(c->node);
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

int usb_reap(struct usb_client *c, UMockdevIoctlData *arg, bool blocking) {
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
        int error = usbfs_ioctl(c, umockdev_ioctl_client_get_request(client),
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
