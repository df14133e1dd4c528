/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The project's own test firmware for an STM32F405: says one line on USART1 (PA9, 115200 8N1) and
 * sleeps. Runs on the chip's reset clock, the 16 MHz HSI. Registers: RM0090, chapters 7 (RCC), 8
 * (GPIO) and 30 (USART). Version 2 carries a table that fills sectors 2 to 4, and looks whether all
 * of it arrived. Versions from 3 on carry the strings of a Betaflight for some
 * board, and run on the F405 all the same. */

#include <stddef.h>
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *) (address))

#define RCC_AHB1ENR       REGISTER(0x40023830)
#define RCC_APB2ENR       REGISTER(0x40023844)
#define GPIOA_MODER       REGISTER(0x40020000)
#define GPIOA_AFRH        REGISTER(0x40020024)
#define USART1_SR         REGISTER(0x40011000)
#define USART1_DR         REGISTER(0x40011004)
#define USART1_BRR        REGISTER(0x40011008)
#define USART1_CR1        REGISTER(0x4001100c)

#define HSI_HZ            16000000U

int main(void);

/* In .data on purpose: the line arrives only if the startup code copied it out of flash. */
static volatile uint32_t baud = 115200;

#ifdef TABLE_WORDS
extern const uint32_t table[TABLE_WORDS];
#endif

#ifdef BOARD
/* What an image of Betaflight says of itself, as the linker lays it out: each string behind the NUL
 * of the one before. BOARD, MCU and MAKER are the defines of the board's config.h. */
#define CLAIM(text) "\0" text
__attribute__((used)) static const char claims[] = CLAIM("BTFL") CLAIM("Betaflight")
        CLAIM("2025.12.2") CLAIM("Betaflight " MCU) CLAIM(MCU) CLAIM(MAKER) CLAIM(BOARD);
#endif

static void usart_setup(void) {
        RCC_AHB1ENR |= 1U << 0;
        RCC_APB2ENR |= 1U << 4;
        GPIOA_MODER = (GPIOA_MODER & ~(3U << 18)) | 2U << 18; /* PA9: alternate function … */
        GPIOA_AFRH = (GPIOA_AFRH & ~(15U << 4)) | 7U << 4;    /* … 7, USART1_TX */
        USART1_BRR = (HSI_HZ + baud / 2) / baud;
        USART1_CR1 = 1U << 13 | 1U << 3; /* UE, TE */
}

static void say(const char *text) {
        for (; *text; text++) {
                while (!(USART1_SR & 1U << 7)) /* TXE */
                        ;
                USART1_DR = (uint8_t) *text;
        }
}

#ifdef TABLE_WORDS
static int table_is_whole(void) {
        uint32_t word = TABLE_SEED;

        for (size_t i = 0; i < TABLE_WORDS; i++) {
                word = word * 1664525U + 1013904223U;
                if (table[i] != word)
                        return 0;
        }
        return 1;
}
#endif

int main(void) {
        usart_setup();
        say("fwd test firmware " VERSION " on STM32F405\r\n");
#ifdef TABLE_WORDS
        say(table_is_whole() ? "its table is whole\r\n" : "its table is damaged\r\n");
#endif
        for (;;)
                __asm__ volatile("wfi");
}
