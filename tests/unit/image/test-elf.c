/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-test.h"

#include <elf.h>
#include <string.h>

/* A little ELF file: one PT_LOAD of 16 bytes at offset 0x100, and two sections to go with it. */
struct little {
        Elf32_Ehdr header;
        Elf32_Phdr segments[2];
        uint8_t pad[0x100 - sizeof(Elf32_Ehdr) - 2 * sizeof(Elf32_Phdr)];
        uint8_t bytes[16];
        Elf32_Shdr sections[3];
};

static const struct little little = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_ARM,
                   .e_version = EV_CURRENT,
                   .e_entry = 0x08000045,
                   .e_phoff = offsetof(struct little, segments),
                   .e_ehsize = sizeof(Elf32_Ehdr),
                   .e_phentsize = sizeof(Elf32_Phdr),
                   .e_phnum = 1},
        .segments = {{.p_type = PT_LOAD,
                      .p_offset = 0x100,
                      .p_vaddr = 0x20000000,
                      .p_paddr = 0x08000000,
                      .p_filesz = 16,
                      .p_memsz = 64}},
        .bytes = "0123456789abcde",
};

static void with_sections(struct little *file) {
        file->header.e_shoff = offsetof(struct little, sections);
        file->header.e_shentsize = sizeof(Elf32_Shdr);
        file->header.e_shnum = 3;
        file->sections[1] = (Elf32_Shdr){
                .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC, .sh_offset = 0x104, .sh_size = 4};
        file->sections[2] = (Elf32_Shdr){
                .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC, .sh_offset = 0x10c, .sh_size = 2};
}

/* The physical address counts (where flash is programmed), and the bytes of the file alone. */
static void test_segment(void **state) {
        _cleanup_image_ struct image *image = accepted(&little, sizeof(little));

        assert_int_equal(image->format, IMAGE_ELF);
        assert_true(image->has_address);
        assert_true(image->has_entry);
        assert_int_equal(image->entry, 0x08000045);
        assert_int_equal(image->segments.n, 1);
        assert_segment(image, 0, 0x08000000, little.bytes, 16);
}

static void test_riscv(void **state) {
        struct little file = little;

        file.header.e_machine = EM_RISCV;
        image_free(accepted(&file, sizeof(file)));
}

/* Where sections say what is firmware, nothing else of the segment is. */
static void test_sections(void **state) {
        struct little file = little;
        _cleanup_image_ struct image *image = NULL;

        with_sections(&file);
        image = accepted(&file, sizeof(file));
        assert_int_equal(image->segments.n, 2);
        assert_segment(image, 0, 0x08000004, "4567", 4);
        assert_segment(image, 1, 0x0800000c, "cd", 2);
}

/* As GNU ld makes it for an application at 0x08004000 with pages of 64 KiB: written whole, the
 * segment would overwrite the bootloader at 0x08000000. */
static void test_headers_inside_segment(void **state) {
        struct little file = little;
        _cleanup_image_ struct image *image = NULL;

        file.segments[0].p_offset = 0;
        file.segments[0].p_filesz = file.segments[0].p_memsz = 0x110;
        refused(&file, sizeof(file), FWD_INVALID_IMAGE, "holds the file's own headers");
        with_sections(&file);
        image = accepted(&file, sizeof(file));
        assert_segment(image, 0, 0x08000104, "4567", 4);
}

static void test_two_segments(void **state) {
        struct little file = little;
        _cleanup_image_ struct image *image = NULL;

        file.header.e_phnum = 2;
        file.segments[0].p_filesz = 8;
        file.segments[0].p_paddr = 0x08010000;
        file.segments[1] = file.segments[0];
        file.segments[1].p_offset = 0x108;
        file.segments[1].p_paddr = 0x08000000;
        image = accepted(&file, sizeof(file));
        assert_int_equal(image->segments.n, 2);
        assert_segment(image, 0, 0x08000000, "89abcde", 8);
        assert_segment(image, 1, 0x08010000, "01234567", 8);

        file.segments[1].p_paddr = 0x08010004;
        refused(&file, sizeof(file), FWD_INVALID_IMAGE, "overlap at 0x08010004");
}

static void test_refused(void **state) {
        struct little file;

#define CASE(change, message)                                                                      \
        file = little;                                                                             \
        change;                                                                                    \
        refused(&file, sizeof(file), FWD_INVALID_IMAGE, message)

        CASE(file.header.e_machine = EM_X86_64, "is for machine 62; ARM (40) and RISC-V (243)");
        CASE(file.header.e_type = ET_REL, "is of type 1, not a linked program (2)");
        CASE(file.header.e_type = ET_DYN, "is of type 3, not a linked program");
        CASE(file.header.e_type = ET_CORE, "is of type 4, not a linked program");
        CASE(file.header.e_ident[EI_CLASS] = ELFCLASS64, "not for a 32-bit little-endian chip");
        CASE(file.header.e_ident[EI_CLASS] = 0, "not for a 32-bit little-endian chip");
        CASE(file.header.e_ident[EI_DATA] = ELFDATA2MSB, "not for a 32-bit little-endian chip");
        CASE(file.header.e_phoff = 0xfffffff0,
             "cut short: its segment table ends at offset 4294967312");
        CASE(file.header.e_phoff = 8, "its segment table has 1 entries of 32 bytes at offset 8");
        CASE(file.header.e_phentsize = 56,
             "its segment table has 1 entries of 56 bytes at offset 52");
        CASE(file.header.e_phnum = 0, "its segment table has 0 entries");
        CASE(file.header.e_phnum = file.header.e_phoff = 0, "holds no firmware bytes");
        CASE(file.header.e_phnum = 64, "cut short: its segment table ends at offset 2100");
        CASE(file.header.e_phnum = 65, "has 65 segments and 0 sections");
        CASE(file.header.e_phnum = 0xffff, "has 65535 segments and 0 sections");
        CASE(file.segments[0].p_filesz = 0, "holds no firmware bytes");
        CASE(file.segments[0].p_type = PT_NOTE, "holds no firmware bytes");
        CASE(file.segments[0].p_filesz = 65, "has 65 bytes in the file, 64 in memory");
        CASE(file.segments[0].p_offset = sizeof(file) - 15,
             "cut short: the segment for 0x08000000");
        CASE(file.segments[0].p_offset = 0xffffffff, "cut short: the segment for 0x08000000");
        CASE(file.segments[0].p_filesz = 0xffffffff, "cut short: the segment for 0x08000000");
        CASE(file.segments[0].p_paddr = 0xfffffff8, "end behind the 32-bit address space");
        CASE(memset(file.bytes, 0xff, 16), "blank: all of its 16 bytes");
        CASE((with_sections(&file), file.sections[1].sh_offset = 0x10e),
             "section 1 lies only partly");
        CASE((with_sections(&file), file.sections[2].sh_offset = 0x106), "overlap at 0x08000006");
        CASE((with_sections(&file), file.header.e_shoff = 0xfffffff0),
             "cut short: its section table");
        CASE((with_sections(&file), file.header.e_shnum = 4), "cut short: its section table");
        CASE((with_sections(&file), file.header.e_shnum = 0), "section table has 0 entries");
        CASE((with_sections(&file), file.header.e_shnum = 5000),
             "has 1 segments and 5000 sections");
#undef CASE
}

/* Segments may share bytes of the file; the image does not grow without end of it. */
static void test_shared_bytes(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        Elf32_Ehdr header = little.header;
        const uint32_t size = 2U << 20;

        header.e_phoff = sizeof(header);
        header.e_phnum = 64;
        put(&file, &header, sizeof(header));
        for (uint32_t i = 0; i < 64; i++) {
                Elf32_Phdr segment = {.p_type = PT_LOAD,
                                      .p_offset = sizeof(header) + 64 * sizeof(segment),
                                      .p_paddr = 0x10000000 + i * 0x1000000,
                                      .p_filesz = size,
                                      .p_memsz = size};

                put(&file, &segment, sizeof(segment));
        }
        file.data = realloc(file.data, file.size + size);
        assert_non_null(file.data);
        memset(file.data + file.size, 0x5a, size);
        file.size += size;
        refused(file.data, file.size, FWD_IMAGE_TOO_LARGE, "have more than 64 MiB");
}

static void test_too_many_segments(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        Elf32_Ehdr header = little.header;
        Elf32_Phdr segment = {.p_type = PT_NULL};

        header.e_phoff = sizeof(header);
        header.e_phnum = 65;
        put(&file, &header, sizeof(header));
        for (unsigned i = 0; i < 65; i++)
                put(&file, &segment, sizeof(segment));
        refused(file.data, file.size, FWD_INVALID_IMAGE, "has 65 segments and 0 sections");
}

/* A file cut anywhere before the end of its firmware. */
static void test_every_truncation(void **state) {
        for (size_t size = SELFMAG; size < offsetof(struct little, sections); size++)
                refused(&little, size, FWD_INVALID_IMAGE, "The ELF file is cut short");
        image_free(accepted(&little, offsetof(struct little, sections)));
}

static void test_real_file_truncated(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        read_data("hello-1.elf", &file);
        for (size_t size = SELFMAG; size < file.size; size++)
                refused(file.data, size, FWD_INVALID_IMAGE, "The ELF file is cut short");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_segment),
                cmocka_unit_test(test_riscv),
                cmocka_unit_test(test_sections),
                cmocka_unit_test(test_headers_inside_segment),
                cmocka_unit_test(test_two_segments),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_shared_bytes),
                cmocka_unit_test(test_too_many_segments),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_real_file_truncated),
        };

        return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
