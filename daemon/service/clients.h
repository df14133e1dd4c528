/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who uses the service: whoever called it and is still on the bus. A program that shows boards asks
 * for them first, so it counts; one call and gone does not for long. The bus tells when one leaves;
 * nothing is polled, and nothing is waited for. In the service. */

#include "service/service.h"

/* From here on each caller is known until it leaves. Negative errno. */
int clients_start(struct service *service);
void clients_clear(struct service *service);
