/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A firmware file handed over by a stranger, made into bytes that nobody can change any more:
 * copied into a memfd, compared with the file again, sealed, mapped. The three steps are apart so
 * that a test can change the file between them. Worker only; descriptors are borrowed. */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/fault.h"

struct image_input {
        int source_fd;
        int memfd; /* empty, made with MFD_ALLOW_SEALING */
        struct stat before;
};

/* Refuses what is no regular file that can be read: FWD_INVALID_IMAGE; more than IMAGE_SIZE_MAX:
 * FWD_IMAGE_TOO_LARGE. */
int image_input_begin(struct image_input *input, int source_fd, int memfd, struct fault *fault);
int image_input_copy(struct image_input *input, struct fault *fault);
/* FWD_INVALID_IMAGE if the file is another one than it was at the beginning. */
int image_input_finish(struct image_input *input, struct fault *fault);
/* All three. */
int image_input_take(int source_fd, int memfd, struct fault *fault);

struct image_bytes {
        const uint8_t *data; /* mapped */
        size_t size;
};

/* Maps a memfd that is sealed against any change; another is refused (FWD_INVALID_ARGUMENT): it
 * could change, or shrink, under the parser. */
int image_bytes_map(int memfd, struct image_bytes *ret, struct fault *fault);
void image_bytes_unmap(struct image_bytes *bytes);
#define _cleanup_image_bytes_ _cleanup_(image_bytes_unmap)
