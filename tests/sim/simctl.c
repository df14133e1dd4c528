/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* simctl: tells a running fwd-sim what to plug in. One request, one answer. */

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"

#define ANSWER_MAX  65536U
#define REQUEST_MAX 4096U /* CONTROL_REQUEST_MAX */

static int help(void) {
        (void) printf(
                "simctl VERB…   (the socket is $FWD_SIM_CONTROL)\n\n"
                "  plug KIND PORT [KEY=VALUE…]    a new board on a port such as 1-1 or 1-2.3\n"
                "  unplug PORT                    pull the cable; the board keeps its flash\n"
                "  replug PORT [KEY=VALUE…]       pull it and put it back (boot-pin=1: BOOT0 "
                "held)\n"
                "  remove PORT                    throw the board away\n"
                "  set PORT KEY VALUE             a knob or a fault\n"
                "  driver PORT WHAT               of its serial port: bound, none, usbfs (claimed) "
                "or\n"
                "                                 missing; without a real kernel\n"
                "  dump PORT FILE [START [SIZE]]  the flash into a file\n"
                "  load PORT FILE [ADDRESS]       a file into the flash\n"
                "  stats PORT                     counts and the model's times, as JSON\n"
                "  reset-stats PORT\n"
                "  wait PORT WHAT [SECONDS]       until it is firmware, bootloader or gone, or\n"
                "                                 until transfers=N were seen (see reset-stats)\n"
                "  list, kinds, quit\n");
        return 0;
}

int main(int argc, char **argv) {
        const char *path = getenv("FWD_SIM_CONTROL");
        if (argc < 2 || strcmp(argv[1], "--help") == 0)
                return help();
        if (!path) {
                (void) fprintf(stderr,
                               "simctl: FWD_SIM_CONTROL is not set: no fwd-sim is known.\n");
                return 2;
        }
        char request[REQUEST_MAX];
        size_t size = 0;
        for (int i = 1; i < argc; i++) {
                char absolute[PATH_MAX];
                const char *word = argv[i];
                bool is_file =
                        i == 3 && (strcmp(argv[1], "dump") == 0 || strcmp(argv[1], "load") == 0);
                if (is_file && word[0] != '/') { /* fwd-sim has another working directory */
                        char cwd[PATH_MAX];
                        if (!getcwd(cwd, sizeof(cwd)) ||
                            snprintf(absolute, sizeof(absolute), "%s/%s", cwd, word) >=
                                    (int) sizeof(absolute)) {
                                (void) fprintf(stderr, "simctl: the file's path is too long.\n");
                                return 2;
                        }
                        word = absolute;
                }
                size_t length = strlen(word) + 1;
                if (size + length > sizeof(request)) {
                        (void) fprintf(stderr, "simctl: too many words.\n");
                        return 2;
                }
                memcpy(request + size, word, length);
                size += length;
        }
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        if (strlen(path) >= sizeof(address.sun_path)) {
                (void) fprintf(stderr, "simctl: FWD_SIM_CONTROL is too long.\n");
                return 2;
        }
        (void) strcpy(address.sun_path, path);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
                (void) fprintf(stderr, "simctl: cannot reach fwd-sim at %s: %m\n", path);
                return 2;
        }
        _cleanup_free_ char *answer = malloc(ANSWER_MAX + 1);
        if (!answer || send(fd, request, size, MSG_NOSIGNAL) < 0) {
                (void) fprintf(stderr, "simctl: cannot send: %m\n");
                return 2;
        }
        ssize_t n = recv(fd, answer, ANSWER_MAX, 0);
        if (n <= 0) {
                (void) fprintf(stderr, "simctl: fwd-sim gave no answer.\n");
                return 2;
        }
        answer[n] = 0;
        if (answer[0] != '0') {
                (void) fprintf(stderr, "simctl: %s\n", answer + 1);
                return 1;
        }
        if (answer[1])
                (void) printf("%s\n", answer + 1);
        return 0;
}
