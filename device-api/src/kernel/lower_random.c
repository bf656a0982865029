/* random_bits: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).
 * Element l is word l mod 4 of the block of counter (l / 4, 0), so that any split gives the same numbers. */
#include "kernel/lower_internal.h"

#include <string.h>

enum { ROUNDS = 10, WORDS = 4 };
static const uint32_t multiplier[2] = {0xd2511f53, 0xcd9e8d57};
static const uint32_t weyl[2] = {0x9e3779b9, 0xbb67ae85};

static tenon__kir_id low_word(tenon__lowering *l, tenon__kir_id value) {
    return tenon__kir_cast(l->program, TENON_DTYPE_U32, value, 0);
}

static tenon__kir_id high_word(tenon__lowering *l, tenon__kir_id value) {
    tenon__kir_id half = tenon__kir_int(l->program, TENON_DTYPE_U64, 32);
    return low_word(l, tenon__lower_op(l, TENON_OP_SHR, value, half));
}

static tenon__kir_id product(tenon__lowering *l, tenon__kir_id word, uint32_t number) {
    tenon__kir_id wide = tenon__kir_cast(l->program, TENON_DTYPE_U64, word, 0);
    return tenon__lower_op(l, TENON_OP_MUL, wide, tenon__kir_int(l->program, TENON_DTYPE_U64, multiplier[number]));
}

static tenon__kir_id xor3(tenon__lowering *l, tenon__kir_id a, tenon__kir_id b, tenon__kir_id c) {
    return tenon__lower_op(l, TENON_OP_XOR, tenon__lower_op(l, TENON_OP_XOR, a, b), c);
}

/* Ten rounds over counter (block, 0) and the key, written out: a kernel without loops runs in long stretches. */
static void rounds(tenon__lowering *l, tenon__kir_id block, tenon__kir_id key, tenon__kir_id *out_words) {
    tenon__kir_program *p = l->program;
    tenon__kir_id zero = tenon__kir_int(p, TENON_DTYPE_U32, 0), k[2] = {low_word(l, key), high_word(l, key)};
    tenon__kir_id c[WORDS] = {low_word(l, block), high_word(l, block), zero, zero};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        tenon__kir_id p0 = product(l, c[0], 0), p1 = product(l, c[2], 1);
        tenon__kir_id next[WORDS] = {xor3(l, high_word(l, p1), c[1], k[0]), low_word(l, p1),
                                     xor3(l, high_word(l, p0), c[3], k[1]), low_word(l, p0)};
        memcpy(c, next, sizeof c);
        for (uint32_t i = 0; i < 2; i++)
            k[i] = tenon__lower_op(l, TENON_OP_ADD, k[i], tenon__kir_int(p, TENON_DTYPE_U32, weyl[i]));
    }
    memcpy(out_words, c, sizeof c);
}

/* Row-major number of the element. */
static tenon__kir_id element(tenon__lowering *l) {
    tenon__kir_id at = tenon__kir_index(l->program, 0);
    for (uint32_t i = 0; i < l->axis_count; i++)
        at = tenon__lower_op(l, TENON_OP_ADD, tenon__lower_op(l, TENON_OP_MUL, at, l->extent[i]), l->index[i]);
    return tenon__kir_cast(l->program, TENON_DTYPE_U64, at, 0);
}

void tenon__lower_random(tenon__lowering *l) {
    tenon__kir_program *p = l->program;
    tenon__kir_id words[WORDS];
    tenon__lower_grid(l, 1 << TENON_GROUP_P);
    tenon__kir_id at = tenon__lower_op(l, TENON_OP_ADD, element(l), l->scalar[1]);
    rounds(l, tenon__lower_op(l, TENON_OP_SHR, at, tenon__kir_int(p, TENON_DTYPE_U64, 2)), l->scalar[0], words);
    tenon__kir_id which = tenon__lower_op(l, TENON_OP_AND, at, tenon__kir_int(p, TENON_DTYPE_U64, WORDS - 1));
    tenon__kir_id value = words[WORDS - 1];
    for (uint32_t i = WORDS - 1; i-- > 0;) {
        tenon__kir_id here = tenon__lower_op(l, TENON_OP_EQ, which, tenon__kir_int(p, TENON_DTYPE_U64, i));
        value = tenon__kir_op(p, TENON_OP_WHERE, here, words[i], value);
    }
    tenon__lower_store(l, 0, value);
    tenon__kir_kernel_end(p);
}
