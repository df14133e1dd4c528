/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ELF: the bytes of the PT_LOAD segments at their physical addresses, through libelf.
 *
 * A segment is not always firmware from end to end. GNU ld puts the file's own headers into the
 * first segment when the firmware does not begin at a page (flash at 0x08004000, behind a
 * bootloader): that segment then begins at 0x08000000, and written whole it would overwrite the
 * bootloader with headers and zeros. So, like objcopy, this takes the allocated sections inside of
 * each segment, and a whole segment only where no section table says more. */

#include <gelf.h>
#include <inttypes.h>
#include <string.h>

#include "image/parse.h"

/* Firmware has a handful of segments and some dozen sections. */
#define SEGMENTS_MAX 64U
#define SECTIONS_MAX 4096U

DEFINE_CLEANUP(Elf *, elf_end)
#define _cleanup_elf_ _cleanup_(elf_end_p)

struct reader {
        Elf *elf;
        const uint8_t *data;
        size_t size;
        uint64_t headers_end; /* of ELF header and program headers, bytes from the file's start */
        size_t n_segments, n_sections;
        uint64_t taken; /* bytes so far: segments may share bytes of the file */
        struct image *image;
        struct fault *fault;
};

bool elf_detect(const uint8_t *data, size_t size) {
        return size >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0;
}

static int damaged(struct reader *r, const char *what) {
        return fault_set(r->fault, FWD_INVALID_IMAGE, "The ELF file is damaged: %s cannot be read",
                         what);
}

static int check_kind(const uint8_t *data, size_t size, struct fault *fault) {
        if (size < sizeof(Elf32_Ehdr))
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The ELF file is cut short: %zu bytes, its header has %zu", size,
                                 sizeof(Elf32_Ehdr));
        if (data[EI_CLASS] != ELFCLASS32 || data[EI_DATA] != ELFDATA2LSB)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The ELF file is not for a 32-bit little-endian chip");
        return 0;
}

/* libelf shows a table that is cut off as an empty one. */
static int check_table(struct reader *r, const char *name, uint64_t offset, size_t n,
                       size_t entry_size, size_t expected_size) {
        if (n == 0 && offset == 0)
                return 0;
        if (n == 0 || entry_size != expected_size || offset < sizeof(Elf32_Ehdr))
                return fault_set(r->fault, FWD_INVALID_IMAGE,
                                 "The ELF file is damaged: its %s table has %zu entries of %zu "
                                 "bytes at offset %" PRIu64,
                                 name, n, entry_size, offset);
        if (offset > r->size || n > (r->size - offset) / entry_size)
                return fault_set(r->fault, FWD_INVALID_IMAGE,
                                 "The ELF file is cut short: its %s table ends at offset %" PRIu64
                                 ", the file at %zu",
                                 name, offset + (uint64_t) n * entry_size, r->size);
        return 0;
}

static int check_header(struct reader *r) {
        GElf_Ehdr header;
        int n;

        if (!gelf_getehdr(r->elf, &header))
                return damaged(r, "its header");
        if (header.e_machine != EM_ARM && header.e_machine != EM_RISCV)
                return fault_set(r->fault, FWD_INVALID_IMAGE,
                                 "The ELF file is for machine %u; ARM (%u) and RISC-V (%u) are "
                                 "supported",
                                 header.e_machine, EM_ARM, EM_RISCV);
        if (header.e_type != ET_EXEC)
                return fault_set(r->fault, FWD_INVALID_IMAGE,
                                 "The ELF file is of type %u, not a linked program (%u)",
                                 header.e_type, ET_EXEC);
        r->n_segments = header.e_phnum;
        r->n_sections = header.e_shnum;
        if (r->n_segments > SEGMENTS_MAX || r->n_sections > SECTIONS_MAX)
                return fault_set(r->fault, FWD_INVALID_IMAGE,
                                 "The ELF file has %zu segments and %zu sections; firmware has at "
                                 "most %u and %u",
                                 r->n_segments, r->n_sections, SEGMENTS_MAX, SECTIONS_MAX);
        n = check_table(r, "segment", header.e_phoff, r->n_segments, header.e_phentsize,
                        sizeof(Elf32_Phdr));
        if (n < 0)
                return n;
        n = check_table(r, "section", header.e_shoff, r->n_sections, header.e_shentsize,
                        sizeof(Elf32_Shdr));
        if (n < 0)
                return n;
        r->headers_end = header.e_phoff + r->n_segments * sizeof(Elf32_Phdr);
        r->image->has_entry = header.e_entry != 0;
        r->image->entry = header.e_entry;
        return 0;
}

/* `file` is a range of the file, `segment` the PT_LOAD that it lies in. */
static int take(struct reader *r, const GElf_Phdr *segment, struct range file) {
        uint64_t address = segment->p_paddr + (file.start - segment->p_offset);

        r->taken += range_size(file);
        if (r->taken > IMAGE_SIZE_MAX)
                return fault_set(r->fault, FWD_IMAGE_TOO_LARGE,
                                 "The ELF file's segments have more than %u MiB",
                                 IMAGE_SIZE_MAX >> 20);
        return image_add(r->image, address, r->data + file.start, range_size(file), r->fault);
}

static int take_sections(struct reader *r, const GElf_Phdr *segment, struct range file,
                         bool *ret_any) {
        *ret_any = false;
        for (size_t i = 1; i < r->n_sections; i++) {
                Elf_Scn *section = elf_getscn(r->elf, i);
                struct range bytes;
                GElf_Shdr header;
                int n;

                if (!section || !gelf_getshdr(section, &header))
                        return damaged(r, "its section table");
                if (!(header.sh_flags & SHF_ALLOC) || header.sh_type == SHT_NOBITS ||
                    header.sh_size == 0)
                        continue;
                if (range_make(header.sh_offset, header.sh_size, &bytes) < 0 ||
                    !range_overlaps(bytes, file))
                        continue;
                if (!range_contains(file, bytes))
                        return fault_set_at(r->fault, FWD_INVALID_IMAGE, segment->p_paddr,
                                            "The ELF file is damaged: section %zu lies only partly "
                                            "in the segment for 0x%08" PRIx64,
                                            i, segment->p_paddr);
                n = take(r, segment, bytes);
                if (n < 0)
                        return n;
                *ret_any = true;
        }
        return 0;
}

static int take_segment(struct reader *r, size_t index) {
        GElf_Phdr segment;
        struct range file;
        bool any;
        int n;

        if (!gelf_getphdr(r->elf, (int) index, &segment))
                return damaged(r, "its program header table");
        if (segment.p_type != PT_LOAD || segment.p_filesz == 0)
                return 0;
        if (range_make(segment.p_offset, segment.p_filesz, &file) < 0 || file.end > r->size)
                return fault_set_at(r->fault, FWD_INVALID_IMAGE, segment.p_paddr,
                                    "The ELF file is cut short: the segment for 0x%08" PRIx64
                                    " ends at offset %" PRIu64 ", the file at %zu",
                                    segment.p_paddr, segment.p_offset + segment.p_filesz, r->size);
        if (segment.p_filesz > segment.p_memsz)
                return fault_set_at(r->fault, FWD_INVALID_IMAGE, segment.p_paddr,
                                    "The ELF file is damaged: the segment for 0x%08" PRIx64
                                    " has %" PRIu64 " bytes in the file, %" PRIu64 " in memory",
                                    segment.p_paddr, segment.p_filesz, segment.p_memsz);
        n = take_sections(r, &segment, file, &any);
        if (n < 0 || any)
                return n;
        if (file.start < r->headers_end)
                return fault_set_at(r->fault, FWD_INVALID_IMAGE, segment.p_paddr,
                                    "The ELF file's segment for 0x%08" PRIx64
                                    " holds the file's own headers, and no section says where the "
                                    "firmware begins",
                                    segment.p_paddr);
        return take(r, &segment, file);
}

int elf_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault) {
        _cleanup_free_ uint8_t *copy = NULL; /* elf_memory() wants bytes that it may change */
        _cleanup_elf_ Elf *elf = NULL;
        struct reader r = {.data = data, .size = size, .image = image, .fault = fault};
        int n;

        n = check_kind(data, size, fault);
        if (n < 0)
                return n;
        copy = malloc(size);
        if (!copy || elf_version(EV_CURRENT) == EV_NONE)
                return fault_set(fault, FWD_FAILED, "Out of memory while reading the image");
        memcpy(copy, data, size);
        elf = elf_memory((char *) copy, size);
        if (!elf || elf_kind(elf) != ELF_K_ELF)
                return damaged(&r, "it");
        r.elf = elf;
        image->has_address = true;
        n = check_header(&r);
        if (n < 0)
                return n;
        for (size_t i = 0; i < r.n_segments; i++) {
                n = take_segment(&r, i);
                if (n < 0)
                        return n;
        }
        return 0;
}
