/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /dev/hidrawN of a HID interface (Linux, Documentation/hid/hidraw.rst): a write is an output
 * report, by the interrupt OUT endpoint if there is one (usbhid's hid-core.c), the ioctls tell the
 * device's ids and report descriptor and ask for a feature report. Input reports are not served. */

#include <linux/hidraw.h>
#include <string.h>
#include <sys/ioctl.h>

#include "sim/descriptors.h"
#include "sim/testbed.h"

#define BUS_USB_ID          3U /* BUS_USB, include/uapi/linux/input.h */
#define GET_DESCRIPTOR      6U
#define DESCRIPTOR_REPORT   0x22U
#define GET_REPORT          1U
#define TYPE_INTERFACE_IN   0x81U
#define TYPE_CLASS_IN       0xA1U
#define REPORT_TYPE_FEATURE 3U
#define ENDPOINT_IN         0x80U
#define ENDPOINT_NUMBERS    16U

struct sim_hidraw {
        struct sim *sim;
        struct sim_port *port; /* NULL once the board is gone */
        char name[SIM_NAME_MAX], path[48];
        uint8_t interface;
};

static uint8_t out_endpoint(const struct sim_hidraw *hid) {
        for (uint8_t address = 1; address < ENDPOINT_NUMBERS; address++) {
                uint8_t interface;
                if (endpoint_find(hid->port->model, address, &interface) >= 0 &&
                    interface == hid->interface)
                        return address;
        }
        return 0;
}

/* Bytes, or a positive errno as a negative number. */
static int ask(struct sim_hidraw *hid, uint8_t type, uint8_t request, unsigned value, size_t size,
               struct model_answer *ret) {
        const struct model_setup setup = {type, request, (uint16_t) value, hid->interface,
                                          (uint16_t) MIN(size, sizeof(ret->data))};
        model_control(hid->port->model, &setup, NULL, sim_now(hid->sim), ret);
        if (ret->kind == ANSWER_DATA)
                return (int) ret->size;
        return ret->kind == ANSWER_STALL ? -EPIPE : -ENODEV;
}

static int report_descriptor(struct sim_hidraw *hid, struct model_answer *ret) {
        return ask(hid, TYPE_INTERFACE_IN, GET_DESCRIPTOR, DESCRIPTOR_REPORT << 8,
                   HID_MAX_DESCRIPTOR_SIZE, ret);
}

/* The ioctl's result, or a negative errno. */
static int hid_ioctl(struct sim_hidraw *hid, gulong request, UMockdevIoctlData *arg) {
        size_t size = _IOC_SIZE(request);
        struct model_answer answer;
        if (!hid->port)
                return -ENODEV;
        if (_IOC_TYPE(request) != 'H')
                return -ENOTTY;
        g_autoptr(UMockdevIoctlData) data = umockdev_ioctl_data_resolve(arg, 0, size, NULL);
        if (!data)
                return -EFAULT;
        switch (_IOC_NR(request)) {
        case _IOC_NR(HIDIOCGRDESCSIZE): {
                int r = report_descriptor(hid, &answer);
                if (r >= 0)
                        *(int *) data->data = r;
                return MIN(r, 0);
        }
        case _IOC_NR(HIDIOCGRDESC): {
                struct hidraw_report_descriptor *d = (struct hidraw_report_descriptor *) data->data;
                int r = report_descriptor(hid, &answer);
                if (r < 0 || d->size > (unsigned) r)
                        return r < 0 ? r : -EINVAL;
                memcpy(d->value, answer.data, d->size);
                return 0;
        }
        case _IOC_NR(HIDIOCGRAWINFO):
                *(struct hidraw_devinfo *) data->data = (struct hidraw_devinfo){
                        BUS_USB_ID, (int16_t) DEVICE_VENDOR(hid->port->model),
                        (int16_t) DEVICE_PRODUCT(hid->port->model)};
                return 0;
        case _IOC_NR(HIDIOCGFEATURE(0)): {
                int r = ask(hid, TYPE_CLASS_IN, GET_REPORT,
                            REPORT_TYPE_FEATURE << 8 | data->data[0], size, &answer);
                if (r > 0)
                        memcpy(data->data, answer.data, MIN((size_t) r, size));
                return r;
        }
        default:
                return -ENOTTY;
        }
}

static gboolean on_ioctl(UMockdevIoctlBase *handler, UMockdevIoctlClient *client,
                         gpointer userdata) {
        struct sim_hidraw *hid = userdata;
        g_rec_mutex_lock(&hid->sim->lock);
        int r = hid_ioctl(hid, umockdev_ioctl_client_get_request(client),
                          umockdev_ioctl_client_get_arg(client));
        sim_settle(hid->sim);
        g_rec_mutex_unlock(&hid->sim->lock);
        umockdev_ioctl_client_complete(client, r < 0 ? -1 : r, r < 0 ? -r : 0);
        return TRUE;
}

static gboolean on_write(UMockdevIoctlBase *handler, UMockdevIoctlClient *client,
                         gpointer userdata) {
        struct sim_hidraw *hid = userdata;
        UMockdevIoctlData *data = umockdev_ioctl_client_get_arg(client);
        g_rec_mutex_lock(&hid->sim->lock);
        int r = -ENODEV;
        if (hid->port)
                r = model_out(hid->port->model, out_endpoint(hid), data->data,
                              (size_t) data->data_len, sim_now(hid->sim));
        sim_settle(hid->sim);
        g_rec_mutex_unlock(&hid->sim->lock);
        umockdev_ioctl_client_complete(client, r < 0 ? -1 : r, r < 0 ? -r : 0);
        return TRUE;
}

struct sim_hidraw *sim_hidraw_new(struct sim_port *port, const char *name, uint8_t interface) {
        struct sim_hidraw *hid = g_new0(struct sim_hidraw, 1);
        hid->sim = port->sim;
        hid->port = port;
        hid->interface = interface;
        (void) g_strlcpy(hid->name, name, sizeof(hid->name));
        (void) snprintf(hid->path, sizeof(hid->path), "/dev/%s", name);
        g_autoptr(UMockdevIoctlBase) handler = umockdev_ioctl_base_new();
        g_object_set_data_full(G_OBJECT(handler), "sim-hidraw", hid, g_free);
        g_signal_connect(handler, "handle-ioctl", G_CALLBACK(on_ioctl), hid);
        g_signal_connect(handler, "handle-write", G_CALLBACK(on_write), hid);
        g_autoptr(GError) error = NULL;
        if (!umockdev_testbed_attach_ioctl(hid->sim->testbed, hid->path, handler, &error))
                g_error("Cannot serve %s: %s", hid->path, error->message);
        return hid;
}

void sim_hidraw_gone(struct sim_hidraw *hid) {
        hid->port = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_strdup(hid->path); /* its last client takes `hid` with it */
        if (!umockdev_testbed_detach_ioctl(hid->sim->testbed, path, &error))
                g_error("Cannot take back %s: %s", path, error->message);
}

const char *sim_hidraw_name(const struct sim_hidraw *hid) {
        return hid->name;
}
