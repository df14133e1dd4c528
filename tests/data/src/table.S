/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words that nothing compresses or repeats: a linear congruential generator (multiplier and increment of Numerical
 * Recipes), counted again by hello.c. */
/* Without it the linker names the file by its random temporary name. */
        .file "table.S"
#ifdef TABLE_WORDS
        .section .rodata.table, "a"
        .global table
        .balign 4
table:
        .set word, TABLE_SEED
        .rept TABLE_WORDS
        .set word, (word * 1664525 + 1013904223) & 0xffffffff
        .4byte word
        .endr
#endif
