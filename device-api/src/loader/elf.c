#include "loader/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tenon/plugin.h>

/* This library's own header, placed by the linker: the machine that plugins must be built for. */
extern const Elf64_Ehdr own_header __asm__("__ehdr_start") __attribute__((visibility("hidden")));

enum { NOTES_LIMIT = 1 << 20 }; /* bytes of one note segment that are read */

typedef struct file {
    int fd;
    uint64_t size;
    tenon__verdict *verdict;
} file;

static int lies_inside(const file *f, uint64_t offset, uint64_t size) {
    return offset <= f->size && size <= f->size - offset;
}

/* Reads exactly `size` bytes at `offset`. */
static int read_at(const file *f, uint64_t offset, void *out, size_t size) {
    if (!lies_inside(f, offset, size)) return 0;
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(f->fd, (char *)out + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return 0;
        done += (size_t)got;
    }
    return 1;
}

static const char *machine_name(uint32_t machine) {
    static const struct {
        uint32_t machine;
        const char *name;
    } rows[] = {{EM_X86_64, "x86-64"}, {EM_AARCH64, "AArch64"}, {EM_RISCV, "RISC-V"}, {EM_PPC64, "PowerPC64"},
                {EM_386, "x86"},       {EM_ARM, "Arm"},         {EM_S390, "s390"},    {EM_MIPS, "MIPS"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].machine == machine) return rows[i].name;
    return "another machine";
}

static tenonh_reason read_header(const file *f, Elf64_Ehdr *out_header) {
    if (!read_at(f, 0, out_header->e_ident, SELFMAG) || memcmp(out_header->e_ident, ELFMAG, SELFMAG) != 0)
        return tenon__refuse(f->verdict, TENONH_REASON_NOT_ELF, "its first bytes are not those of an ELF file");
    if (!read_at(f, 0, out_header, sizeof *out_header))
        return tenon__refuse(f->verdict, TENONH_REASON_BAD_ELF, "the ELF header is cut off");
    if (out_header->e_ident[EI_CLASS] != ELFCLASS64 || out_header->e_ident[EI_DATA] != ELFDATA2LSB)
        return tenon__refuse(f->verdict, TENONH_REASON_WRONG_MACHINE, "not a 64-bit little-endian file");
    if (out_header->e_machine != own_header.e_machine)
        return tenon__refuse(f->verdict, TENONH_REASON_WRONG_MACHINE,
                             "the file is for %s (ELF machine %u), this host is %s (%u)",
                             machine_name(out_header->e_machine), out_header->e_machine,
                             machine_name(own_header.e_machine), own_header.e_machine);
    if (out_header->e_type != ET_DYN)
        return tenon__refuse(f->verdict, TENONH_REASON_NOT_ELF, "an ELF file of type %u, not a shared object",
                             out_header->e_type);
    if (out_header->e_phentsize != sizeof(Elf64_Phdr) || out_header->e_phnum == 0 || out_header->e_phnum == PN_XNUM ||
        !lies_inside(f, out_header->e_phoff, (uint64_t)out_header->e_phnum * sizeof(Elf64_Phdr)))
        return tenon__refuse(f->verdict, TENONH_REASON_BAD_ELF, "the program headers do not lie in the file");
    return TENONH_REASON_OK;
}

/* Takes `size` bytes of a note segment, padded to `align`, from *position; NULL when they are not all there. */
static const unsigned char *take(const unsigned char *bytes, uint64_t end, uint64_t *position, uint64_t size,
                                 uint64_t align) {
    uint64_t at = *position;
    if (at > end || size > end - at) return NULL;
    uint64_t next = (at + size + align - 1) & ~(align - 1);
    *position = next > end ? end : next;
    return bytes + at;
}

static void find_note(const unsigned char *bytes, uint64_t size, uint64_t align, tenon__elf_note *out_note) {
    static const char owner[] = "Tenon";
    for (uint64_t position = 0; !out_note->present;) {
        Elf64_Nhdr note;
        const unsigned char *header = take(bytes, size, &position, sizeof note, 4);
        if (!header) return;
        memcpy(&note, header, sizeof note);
        const unsigned char *name = take(bytes, size, &position, note.n_namesz, align);
        const unsigned char *desc = name ? take(bytes, size, &position, note.n_descsz, align) : NULL;
        if (!desc) return;
        if (note.n_type != TENON_NOTE_TYPE || note.n_namesz != sizeof owner || note.n_descsz < 8 ||
            memcmp(name, owner, sizeof owner) != 0)
            continue;
        memcpy(&out_note->abi_version, desc, 4);
        memcpy(&out_note->layout_hash, desc + 4, 4);
        out_note->present = 1;
    }
}

static tenonh_reason read_notes(const file *f, const Elf64_Phdr *segment, tenon__elf_note *out_note) {
    if (segment->p_filesz == 0 || segment->p_filesz > NOTES_LIMIT) return TENONH_REASON_OK;
    unsigned char *bytes = malloc(segment->p_filesz);
    if (!bytes) return tenon__refuse(f->verdict, TENONH_REASON_UNREADABLE, "host memory is used up");
    int read = read_at(f, segment->p_offset, bytes, segment->p_filesz);
    if (read) find_note(bytes, segment->p_filesz, segment->p_align == 8 ? 8 : 4, out_note);
    free(bytes);
    return read ? TENONH_REASON_OK : tenon__refuse(f->verdict, TENONH_REASON_UNREADABLE, "a note cannot be read");
}

static tenonh_reason read_segment(const file *f, const Elf64_Ehdr *header, uint32_t index, tenon__elf_note *out_note) {
    Elf64_Phdr segment;
    if (!read_at(f, header->e_phoff + (uint64_t)index * sizeof segment, &segment, sizeof segment))
        return tenon__refuse(f->verdict, TENONH_REASON_UNREADABLE, "program header %u cannot be read", index);
    if (segment.p_type != PT_LOAD && segment.p_type != PT_NOTE && segment.p_type != PT_DYNAMIC) return TENONH_REASON_OK;
    if (!lies_inside(f, segment.p_offset, segment.p_filesz) || segment.p_filesz > segment.p_memsz)
        return tenon__refuse(f->verdict, TENONH_REASON_BAD_ELF, "segment %u does not lie in the file: it is cut off",
                             index);
    return segment.p_type == PT_NOTE && !out_note->present ? read_notes(f, &segment, out_note) : TENONH_REASON_OK;
}

tenonh_reason tenon__elf_inspect(int fd, tenon__elf_note *out_note, tenon__verdict *verdict) {
    *out_note = (tenon__elf_note){0};
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return tenon__refuse(verdict, TENONH_REASON_UNREADABLE, "not a regular file");
    file f = {fd, (uint64_t)status.st_size, verdict};
    Elf64_Ehdr header = {0};
    TENON__ACCEPT(read_header(&f, &header));
    for (uint32_t i = 0; i < header.e_phnum; i++) TENON__ACCEPT(read_segment(&f, &header, i, out_note));
    return TENONH_REASON_OK;
}
