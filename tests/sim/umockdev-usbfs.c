/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ioctls of usbfs (Linux, include/uapi/linux/usbdevice_fs.h; drivers/usb/core/devio.c): who may
 * have which interface, and what becomes a transfer. */

#include <linux/usbdevice_fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "sim/descriptors.h"
#include "sim/usb-node.h"

#define SPEED_FULL                2 /* USB_SPEED_FULL, include/uapi/linux/usb/ch9.h */
#define INTERFACES_MAX            32U
#define TRANSFER_SIZE_MAX         0x10000
#define REQUEST_TYPE_CLASS_MASK   0x60U
#define REQUEST_TYPE_STANDARD     0U
#define RECIPIENT_MASK            0x1FU
#define RECIPIENT_INTERFACE       1U
#define REQUEST_GET_CONFIGURATION 8U
#define REQUEST_SET_CONFIGURATION 9U
#define REQUEST_SET_INTERFACE     11U

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
        usb_submit_data(c->node, t);
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
        usb_submit_control(c->node, t);
        return 0;
}

/* A control transfer inside an ioctl: the client waits. -1: it was begun, and is ended later. */
static int submit_sync(struct usb_client *c, const struct model_setup *setup,
                       UMockdevIoctlData *data) {
        struct transfer *t = g_new0(struct transfer, 1);
        t->owner = c;
        t->setup = *setup;
        t->data = data ? g_object_ref(data) : NULL;
        usb_submit_control(c->node, t);
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

/* Positive errno, 0, or -1 if the ioctl is ended elsewhere. */
int usbfs_ioctl(struct usb_client *c, gulong request, UMockdevIoctlData *arg, long *ret_result) {
        unsigned number = 0;
        int error;

        switch (request) {
        case USBDEVFS_REAPURB:
        case USBDEVFS_REAPURBNDELAY:
                return usb_reap(c, arg, request == USBDEVFS_REAPURB);
        default:
                break;
        }
        if (!c->node->port)
                return ENODEV;
        switch (request) {
        case USBDEVFS_SUBMITURB:
                return submit_urb(c, arg);
        case USBDEVFS_DISCARDURB:
                return usb_discard(c, *(gulong *) arg->data);
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
