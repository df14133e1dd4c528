/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the makers of some boards write into the chip's one-time memory: which board it is. It is
 * there when the board is nothing but a chip in its bootloader, and so says which profile's guards
 * hold, and whether a firmware file is for this board. The parser is pure and takes any bytes.
 * Worker only. */

#include <stddef.h>
#include <stdint.h>

#include "board/board.h"

#define OTP_TYPE_SIZE 32U /* bytes of a type, with the NUL */

/* The type that `data` names in this format: 0; -ENODATA if it is empty; -EBADMSG if it is of
 * another form. */
int otp_parse(enum board_otp format, const uint8_t *data, size_t size, char ret[OTP_TYPE_SIZE]);
