/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A fuzz target is one function that takes any bytes. It must come back without a fault of memory,
 * and what the parser said must hold together: check() stops at the first thing that does not.
 * Built with libFuzzer (-Dfuzz=true) for as long as one likes, and without it as a test that
 * replays the seeds in corpus/. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(condition)                                                                           \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)
