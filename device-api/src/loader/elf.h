/* What an ELF file says of itself, read without loading it. */
#ifndef TENON__LOADER_ELF_H
#define TENON__LOADER_ELF_H

#include "loader/reason.h"

typedef struct tenon__elf_note {
    uint32_t present; /* 0: the file has no note of TENON_PLUGIN_NOTE() */
    uint32_t abi_version;
    uint32_t layout_hash;
} tenon__elf_note;

/* Checks that `fd` is a whole shared object for this machine and reads its Tenon note. Trusts nothing in the file: every
 * offset is held against its size, so that loading it cannot run past its end either. */
tenonh_reason tenon__elf_inspect(int fd, tenon__elf_note *out_note, tenon__verdict *verdict);

#endif
