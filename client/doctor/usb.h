/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is plugged in, as the kernel and udev have it: read once, nothing is opened. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/serial-driver.h"

#define USB_INTERFACES_MAX 16U
#define USB_TTYS_MAX       4U
#define USB_TEXT_SIZE      128U

struct usb_interface {
        char name[48]; /* "1-2.3:1.0" */
        uint8_t class, subclass, protocol;
        char driver[32];                /* "" if it has none */
        const struct usb_driver *wants; /* that makes a serial port of it; NULL: none */
};

struct usb_device {
        char port[32]; /* "1-2.3" */
        uint16_t vendor, product;
        char manufacturer[USB_TEXT_SIZE], name[USB_TEXT_SIZE]; /* clean; may be "" */
        char node[64];                                         /* "/dev/bus/usb/001/004" */
        char syspath[256];
        bool authorized;                  /* the kernel lets it be used */
        char mode[32];                    /* FWD_MODE as udev has it; "" if it has none */
        char hwdb_mode[32];               /* FWD_MODE as the hwdb has it now */
        bool brltty;                      /* takes it, by its udev rules or because it runs */
        bool modem_ignore, modem_process; /* ID_MM_DEVICE_IGNORE, ID_MM_DEVICE_PROCESS: of it or of
                                             its ports */
        gid_t group;                      /* of the node */
        bool group_writes;
        struct usb_interface interfaces[USB_INTERFACES_MAX];
        size_t n_interfaces;
        char ttys[USB_TTYS_MAX][48]; /* "/dev/ttyACM0" */
        size_t n_ttys;
};

struct usb_list {
        struct usb_device *devices; /* without the hubs */
        size_t n;
        unsigned n_controllers;
        bool hwdb;       /* there is one */
        bool hwdb_knows; /* and STM32's bootloader is in it */
};

/* Negative errno. */
int usb_list_read(struct usb_list *list);
void usb_list_clear(struct usb_list *list);
const struct usb_device *usb_list_find(const struct usb_list *list, const char *port);
/* "0483:5740, Betaflight STM32F405"; new, or NULL. */
char *usb_device_text(const struct usb_device *device);
/* It is, or by the hwdb ought to be, one of ours. */
bool usb_device_is_board(const struct usb_device *device);
/* The same, or a USB-serial chip that the hwdb knows. */
bool usb_device_is_ours(const struct usb_device *device);
/* The first interface that is a serial port, or NULL. */
const struct usb_interface *usb_device_serial(const struct usb_device *device);
/* A program has it, over usbfs. */
bool usb_interface_is_claimed(const struct usb_interface *interface);
