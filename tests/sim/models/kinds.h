/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kinds of boards that can be made, by name. */

#include <stdbool.h>

struct model;

bool kind_exists(const char *kind);
/* NULL: no memory. */
struct model *kind_new(const char *kind);
