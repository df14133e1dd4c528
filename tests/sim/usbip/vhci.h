/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One simulated board on a port of the kernel's virtual host controller (vhci_hcd), over USB/IP (Linux
 * Documentation/usb/usbip_protocol). No TCP and no usbip tool: one end of a socket pair is given to the kernel through
 * sysfs, the other is ours. Part of fwd-usbip, which runs as root in the test machine. */

#include <stdint.h>
#include <systemd/sd-event.h>

struct model;
struct vhci_port;

/* Attaches nothing yet. `hub_port` is 0..14 of controller `controller` 0..7; the board is `model`, which the port owns from
 * here on. `time_scale` multiplies the chip's time (0: none at all). */
int vhci_port_new(sd_event *event, unsigned controller, unsigned hub_port, struct model *model,
                  struct vhci_port **ret);
struct vhci_port *vhci_port_free(struct vhci_port *port);
struct model *vhci_port_model(struct vhci_port *port);

/* After anything was done to the model from outside: attaches, detaches and answers what is due. */
void vhci_port_update(struct vhci_port *port);

/* The bus path that the kernel gives this port ("1-1"): controllers count their buses in pairs (full speed, super
 * speed). Read from sysfs. -ENODEV without vhci_hcd. */
int vhci_bus_path(unsigned controller, unsigned hub_port, char *to, unsigned long to_size);
