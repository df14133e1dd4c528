/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between umockdev-usb.c (who has the node open, what transfers are under way) and umockdev-usbfs.c
 * (what each ioctl asks). */

#include "sim/testbed.h"

#define SETUP_SIZE      8U
#define ENDPOINT_IN     0x80U
#define REQUEST_TYPE_IN 0x80U

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

/* Takes over a control transfer. It begins when EP0 is free, and is ended by usb_node_advance(). */
void usb_submit_control(struct usb_node *node, struct transfer *t);
/* Takes over a bulk or interrupt transfer; the model is asked at the next sim_settle(). */
void usb_submit_data(struct usb_node *node, struct transfer *t);
/* The URB at that address of the client's ends with -ENOENT. EINVAL if there is none. */
int usb_discard(struct usb_client *c, gulong address);
/* Gives a URB that has ended, now or later. Positive errno, or -1 if it is answered elsewhere. */
int usb_reap(struct usb_client *c, UMockdevIoctlData *arg, bool blocking);

/* umockdev-usbfs.c: positive errno, 0 and `ret_result`, or -1 if the ioctl is ended later. */
int usbfs_ioctl(struct usb_client *c, gulong request, UMockdevIoctlData *arg, long *ret_result);
