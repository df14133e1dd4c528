/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Vector table and the way from reset to main() (ARMv7-M ARM, B1.5.3). In sector 0 of the flash,
 * apart from main(), as Betaflight lays out its F405 firmware: sector 1 between them is its
 * configuration. */

#include <stdint.h>

/* From the linker script. */
extern uint32_t stack_top, data_load, data_start, data_end, bss_start, bss_end;

int main(void);
void reset(void);
void halt(void);

void reset(void) {
        const volatile uint32_t *from = &data_load;

        for (volatile uint32_t *to = &data_start; to < &data_end; to++)
                *to = *from++;
        for (volatile uint32_t *to = &bss_start; to < &bss_end; to++)
                *to = 0;
        main();
        halt();
}

void halt(void) {
        for (;;)
                ;
}

/* The 16 of the core; no peripheral interrupt is ever enabled. */
__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
        &stack_top, reset, halt, halt, halt, halt, halt, 0, 0, 0, 0, halt, halt, 0, halt, halt,
};
