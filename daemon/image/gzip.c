/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A firmware file compressed by gzip (RFC 1952). zlib checks the header, the CRC-32 and the length;
 * here the output is bounded, and what is behind the end is refused. */

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "image/parse.h"

#define GZIP_WINDOW (15 + 16) /* zlib's largest window; 16: a gzip header and no other */
#define FIRST_ROOM  65536U

struct inflater {
        z_stream stream;
        uint8_t *out;
        size_t room;
};

static void inflater_clear(struct inflater *i) {
        (void) inflateEnd(&i->stream);
        free(i->out);
}

/* One byte more than is allowed tells a file that is too large from one that just fits. */
static int grow(struct inflater *i) {
        size_t room = i->room == 0 ? FIRST_ROOM : i->room * 2;
        uint8_t *out;

        if (room > IMAGE_SIZE_MAX)
                room = (size_t) IMAGE_SIZE_MAX + 1;
        out = realloc(i->out, room);
        if (!out)
                return -ENOMEM;
        i->stream.next_out = out + i->room;
        i->stream.avail_out = (uInt) (room - i->room);
        i->out = out;
        i->room = room;
        return 0;
}

static int out_of_memory(struct fault *fault) {
        return fault_set(fault, FWD_FAILED, "Out of memory while uncompressing the image");
}

bool gzip_detect(const uint8_t *data, size_t size) {
        return size >= 3 && data[0] == 0x1f && data[1] == 0x8b && data[2] == Z_DEFLATED;
}

int gzip_inflate(const uint8_t *data, size_t size, uint8_t **ret, size_t *ret_size,
                 struct fault *fault) {
        _cleanup_(inflater_clear) struct inflater i = {
                .stream = {.next_in = (z_const Bytef *) (uintptr_t) data, .avail_in = (uInt) size},
        };
        int r;

        if (inflateInit2(&i.stream, GZIP_WINDOW) != Z_OK)
                return out_of_memory(fault);
        do {
                if (i.stream.avail_out == 0 && i.room <= IMAGE_SIZE_MAX && grow(&i) < 0)
                        return out_of_memory(fault);
                r = inflate(&i.stream, Z_NO_FLUSH);
                if (i.stream.total_out > IMAGE_SIZE_MAX)
                        return fault_set(fault, FWD_IMAGE_TOO_LARGE,
                                         "The compressed file holds more than %u MiB",
                                         IMAGE_SIZE_MAX >> 20);
        } while (r == Z_OK);
        if (r == Z_MEM_ERROR)
                return out_of_memory(fault);
        if (r == Z_BUF_ERROR)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The gzip file is incomplete: it ends after %zu bytes", size);
        if (r != Z_STREAM_END)
                return fault_set(fault, FWD_INVALID_IMAGE, "The gzip file is damaged: %s",
                                 i.stream.msg ? i.stream.msg : "it cannot be uncompressed");
        if (i.stream.avail_in > 0)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "There are %u bytes more behind the end of the gzip data",
                                 i.stream.avail_in);
        *ret_size = i.stream.total_out;
        *ret = TAKE_PTR(i.out);
        return 0;
}
