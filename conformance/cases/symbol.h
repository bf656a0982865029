/* Operators whose dims and strides are symbols: the table of them, and launches of one at given sizes. */
#ifndef TENON_CASES_SYMBOL_H
#define TENON_CASES_SYMBOL_H

#include "cases/run.h"

enum { CF_SYMBOLS = 3, CF_SYMBOL_OPERANDS = 4, CF_SYMBOL_ATTRS = 3, CF_SYMBOL_FENCE = 64 };

/* What an operand holds before a launch. */
enum {
    CF_SMALL,   /* whole numbers of [-3, 3], so that every order of additions is exact */
    CF_RISING,  /* each element above the one before, all below what the fence reads as */
    CF_INDICES, /* below symbol 0, that one's last first */
    CF_PAST,    /* indices, the last of them symbol 0 itself: out of range */
    CF_START,   /* where in symbol 0 rows the last one begins */
};
#define CF_BY_ROWS (-1)

typedef struct cf_symbolic_operand {
    tenon_dtype dtype;
    uint32_t rank, content;
    int dims[2]; /* a symbol, or -n: the number n */
    int stride;  /* of the first axis: a symbol, or CF_BY_ROWS: row-major without gaps; of a second one it is 1 */
} cf_symbolic_operand;

typedef struct cf_symbolic_attr {
    uint32_t id, count;
    int64_t values[2];
} cf_symbolic_attr;

/* An operator with symbols 0 ... symbol_count - 1. */
typedef struct cf_symbolic {
    const char *name;
    tenon_op op;
    uint32_t symbol_count;
    cf_symbolic_operand operands[CF_SYMBOL_OPERANDS];
    cf_symbolic_attr attrs[CF_SYMBOL_ATTRS];
    uint64_t scalar;
    int64_t least[CF_SYMBOLS]; /* smallest sizes that the operator has a meaning for */
} cf_symbolic;

extern const cf_symbolic cf_symbolics[];
extern const uint32_t cf_symbolic_count;

/* Operands of the operator, and those of them that it reads alone; results follow. */
uint32_t cf_symbolic_operands(const cf_symbolic *s);
uint32_t cf_symbolic_inputs(const cf_symbolic *s);

/* The operator as work; points into itself, so it stays where it is. */
typedef struct cf_symbolic_work {
    tenon_work work;
    tenon_op_work op;
    tenon_attr attrs[CF_SYMBOL_ATTRS];
    tenon_operand operands[CF_SYMBOL_OPERANDS];
    tenon_symbol ranges[CF_SYMBOLS];
} cf_symbolic_work;

/* Describes all but the ranges. sizes: numbers that stand in place of the symbols, or NULL. */
void cf_symbolic_describe(const cf_symbolic *s, const int64_t *sizes, cf_symbolic_work *out_work);

/* An operator's operands in device memory at given sizes, each with a fence behind. */
typedef struct cf_symbolic_run {
    const cf_symbolic *of;
    int64_t sizes[CF_SYMBOLS];
    int64_t counts[CF_SYMBOL_OPERANDS]; /* elements from the first to the last in memory */
    uint64_t bytes[CF_SYMBOL_OPERANDS]; /* with the fence */
    char *images[CF_SYMBOL_OPERANDS];   /* what the memories hold before a launch */
    tenonh_memory *memories[CF_SYMBOL_OPERANDS];
} cf_symbolic_run;

/* Fills and places the operands at run->sizes. Owner: cf_symbolic_end frees, also after a failure. */
tenon_status cf_symbolic_begin(cf_symbolic_run *run);
void cf_symbolic_end(cf_symbolic_run *run);

/* Writes the results' first content again, launches an exec of the operator and waits. with_symbols: the exec takes them.
 * Returns what launch or the stream answered; a stream that failed is given up. */
tenon_status cf_symbolic_launch(const cf_symbolic_run *run, tenonh_exec *exec, bool with_symbols);

/* An operand's memory as it is now, fence included; the caller frees it, also after a failure. */
tenon_status cf_symbolic_read(const cf_symbolic_run *run, uint32_t operand, char **out_bytes);

#endif
