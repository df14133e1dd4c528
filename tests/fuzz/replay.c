/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target without libFuzzer: each file of the directories given, whole, cut short
 * everywhere and with each byte spoilt in turn. TAP, a line for each file. */

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fuzz.h"

/* Seeds are small; of a large one only some of the cuts are made. */
#define SEED_MAX 65536U
#define CUTS_MAX 1024U

/* Bytes that parsers stumble over: ends of text and number ranges. */
static const uint8_t spoilers[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '\n', '0', ':', ','};

/* A copy of its own, so that reading behind the end is noticed. */
static void run(const uint8_t *data, size_t size) {
        uint8_t *copy = malloc(size);

        check(copy || size == 0);
        if (size > 0)
                memcpy(copy, data, size);
        (void) LLVMFuzzerTestOneInput(copy, size);
        free(copy);
}

static void replay(uint8_t *data, size_t size) {
        size_t step = size / CUTS_MAX + 1;

        run(data, size);
        for (size_t i = 0; i < size; i += step)
                run(data, i);
        for (size_t i = 0; i < size; i += step) {
                uint8_t was = data[i];

                data[i] = spoilers[i % ARRAY_SIZE(spoilers)];
                run(data, size);
                data[i] = was ^ (uint8_t) (1U << i % 8);
                run(data, size);
                data[i] = was;
        }
}

static int replay_directory(const char *path, unsigned *n) {
        _cleanup_closedir_ DIR *dir = opendir(path);
        static uint8_t data[SEED_MAX];
        const struct dirent *entry;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir))) {
                _cleanup_close_ int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
                struct stat st;
                ssize_t size;

                if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                        continue;
                size = read(fd, data, sizeof(data));
                if (size < 0)
                        return -errno;
                replay(data, (size_t) size);
                printf("ok %u - %s\n", ++*n, entry->d_name);
                (void) fflush(stdout);
        }
        return 0;
}

int main(int argc, char *argv[]) {
        unsigned n = 0;

        for (int i = 1; i < argc; i++) {
                int r = replay_directory(argv[i], &n);

                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return EXIT_FAILURE;
                }
        }
        if (n == 0) {
                fprintf(stderr, "No seeds.\n");
                return EXIT_FAILURE;
        }
        printf("1..%u\n", n);
        return EXIT_SUCCESS;
}
