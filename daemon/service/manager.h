/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The root object: org.fwctl1.Manager and the object manager. */

#include "service/service.h"

int manager_bus_add(struct service *service);
