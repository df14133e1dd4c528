/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One simulated board on a port of the kernel's virtual host controller (vhci_hcd), over USB/IP
 * (Linux, Documentation/usb/usbip_protocol). No TCP and no usbip tool: one end of a socket pair is
 * given to the kernel through sysfs, the other is ours. In fwd-usbip, as root in the test machine.
 */

#include <stdbool.h>
#include <stdint.h>

struct model;
struct vhci_port;

#define VHCI_CONTROLLERS 8U
#define VHCI_HUB_PORTS   15U /* full and high speed ones of a controller */

/* Something came from the kernel: call sim_settle(). */
typedef void (*vhci_input_t)(void *userdata);

/* `hub_port` is 0..14. Not attached yet; the model stays the caller's. */
struct vhci_port *vhci_port_new(unsigned controller, unsigned hub_port, struct model *model,
                                vhci_input_t on_input, void *userdata);
void vhci_port_free(struct vhci_port *port);
/* The board enumerates. -EBUSY, -EINVAL: the kernel has not let go of the port yet, try again. */
int vhci_port_attach(struct vhci_port *port);
void vhci_port_detach(struct vhci_port *port);
bool vhci_port_is_attached(const struct vhci_port *port);
/* Takes the waiting transfers as far as the model lets them; true if one of them was completed.
 * `mute`: the board does not answer, which the host sees as an error of the line. */
bool vhci_port_answer(struct vhci_port *port, uint64_t now_us, bool mute);
/* How many control transfers were begun since this was asked last. */
unsigned vhci_port_take_controls(struct vhci_port *port);
/* The models' time at which a held transfer ends; MODEL_NEVER. */
uint64_t vhci_port_next(const struct vhci_port *port);
/* The number of the bus that the kernel gave a controller's full-speed side; -ENODEV. */
int vhci_bus(unsigned controller);
