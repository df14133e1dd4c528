/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vm-exec SOCKET SECONDS: runs the shell script from standard input in the guest
 * (tests/vm/guest/control.sh), prints its output as it comes and exits with its status; 125 if the
 * guest went away. One that takes longer is ended. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SCRIPT_SIZE_MAX (64U << 10)
#define EXIT_LOST       125

static const char marker[] = "\001EXIT ";

static void encode(const unsigned char *from, size_t size, FILE *to) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        for (size_t i = 0; i < size; i += 3) {
                unsigned n = from[i] << 16U | (i + 1 < size ? from[i + 1] << 8U : 0) |
                             (i + 2 < size ? from[i + 2] : 0);

                fputc(digits[n >> 18 & 63], to);
                fputc(digits[n >> 12 & 63], to);
                fputc(i + 1 < size ? digits[n >> 6 & 63] : '=', to);
                fputc(i + 2 < size ? digits[n & 63] : '=', to);
        }
        fputc('\n', to);
}

static int connect_to(const char *path) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int main(int argc, char **argv) {
        static unsigned char script[SCRIPT_SIZE_MAX];
        _cleanup_fclose_ FILE *guest = NULL;
        char *line = NULL;
        size_t size, room = 0;
        ssize_t n;
        int fd;

        if (argc != 3)
                return 2;
        size = fread(script, 1, sizeof(script), stdin);
        fd = connect_to(argv[1]);
        if (fd < 0 || !(guest = fdopen(fd, "r+"))) {
                fprintf(stderr, "vm-exec: %s: %s\n", argv[1], strerror(fd < 0 ? -fd : errno));
                return EXIT_LOST;
        }
        fprintf(guest, "%s ", argv[2]);
        encode(script, size, guest);
        (void) fflush(guest);
        while ((n = getline(&line, &room, guest)) > 0) {
                /* A script's last line may lack its end: the marker then stands behind it. */
                char *end = memmem(line, (size_t) n, marker, strlen(marker));

                (void) fwrite(line, 1, end ? (size_t) (end - line) : (size_t) n, stdout);
                (void) fflush(stdout);
                if (end) {
                        int status = atoi(end + strlen(marker));

                        free(line);
                        return status;
                }
        }
        free(line);
        return EXIT_LOST;
}
