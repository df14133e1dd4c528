/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libudev's lists, walked through. Pure convenience for the service and the client, who link
 * libudev. */

#include <libudev.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(struct udev *, udev_unref)
DEFINE_CLEANUP(struct udev_device *, udev_device_unref)
DEFINE_CLEANUP(struct udev_enumerate *, udev_enumerate_unref)

/* Looks what there is that matches, and calls `take` for each that is still there, in the order of
 * their paths: parents first. Negative errno. */
int udev_each(struct udev_enumerate *matches,
              void (*take)(void *userdata, struct udev_device *device), void *userdata);
/* All of a subsystem. */
int udev_each_of(struct udev *udev, const char *subsystem,
                 void (*take)(void *userdata, struct udev_device *device), void *userdata);
/* A hexadecimal attribute; 0 if there is none. */
unsigned udev_hex(struct udev_device *device, const char *attribute);
