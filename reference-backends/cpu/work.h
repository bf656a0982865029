/* Work: what is common to op and kernel work. */
#ifndef CPU_WORK_H
#define CPU_WORK_H

#include "stream.h"

/* One entry to be run over `items` work-items. */
typedef struct cpu_step {
    tenon_kernel_c11 entry;
    int64_t items;
} cpu_step;

/* A launch ready to run; a command of its stream. Behind it in memory: buffers (the operands' first), symbols, steps. */
typedef struct cpu_call {
    cpu_command head;
    tenon_exec *exec;
    void *workspace;
    void *scratch;   /* of host->allocate, released after the run; NULL: none */
    uint64_t weight; /* bytes moved or the like: what decides about threads */
    uint32_t buffer_count;
    uint32_t symbol_count;
    uint32_t step_count;
    uint32_t reserved;
} cpu_call;
static_assert(sizeof(cpu_call) % CPU_COMMAND_UNIT == 0, "arrays behind a call are aligned");

static inline void **cpu_call_buffers(cpu_call *call) {
    return (void **)(void *)(call + 1);
}
static inline int64_t *cpu_call_symbols(cpu_call *call) {
    return (int64_t *)(void *)(cpu_call_buffers(call) + call->buffer_count);
}
static inline cpu_step *cpu_call_steps(cpu_call *call) {
    return (cpu_step *)(void *)(cpu_call_symbols(call) + call->symbol_count);
}

/* What an entry may answer. 0 and 1 are the ABI's; the others are of entries in this plugin. */
enum { CPU_RUN_OK = 0, CPU_RUN_OUT_OF_RANGE = 1 };

/* Concrete form of an operand at a launch. */
typedef struct cpu_view {
    uint64_t elements; /* 0: nothing to read or write */
    int64_t dims[TENON_MAX_RANK];
    int64_t strides[TENON_MAX_RANK]; /* elements */
} cpu_view;

/* Bytes of a view's elements, no more than 2^56: for weighing. */
static inline uint64_t cpu_view_bytes(const cpu_view *view, uint32_t bits) {
    return (view->elements < UINT64_C(1) << 53 ? view->elements : UINT64_C(1) << 53) * bits / 8;
}

/* Bytes that a view touches before and from the address of its first element on. */
typedef struct cpu_reach {
    uint64_t before, after;
} cpu_reach;

/* What an operand looks like in every launch. */
typedef struct cpu_operand {
    tenon_dtype dtype;
    uint32_t rank;
    uint32_t bits; /* of an element */
    uint32_t role;
    tenon_extent dims[TENON_MAX_RANK];
    tenon_extent strides[TENON_MAX_RANK];
} cpu_operand;

/* How one kind of work launches and ends. resolve: fills scratch, weight, symbols, steps and buffers behind the operands'
 * of a call whose counts, workspace and operand addresses are set; reports what it refuses. */
typedef struct cpu_exec_class {
    tenon_status (*resolve)(tenon_exec *exec, const tenon_launch *launch, const cpu_view *views, cpu_call *call);
    void (*release)(tenon_exec *exec); /* of what the kind holds */
} cpu_exec_class;

/* A kernel work does not say how many scalars its source reads. */
#define CPU_ANY_SCALARS  0xffffffffu
#define CPU_MOST_SCALARS 1024u

struct tenon_exec {
    tenon_device *device;
    const cpu_exec_class *class;
    const char *name;      /* in reports */
    tenon_symbol *symbols; /* ranges it is valid for */
    cpu_operand *operands;
    uint32_t symbol_count;
    uint32_t operand_count;
    uint32_t scalar_count; /* that a launch must bring, or CPU_ANY_SCALARS */
    uint32_t call_buffers; /* sizes of a call's arrays */
    uint32_t call_symbols; /* without those scalars of which any number may come */
    uint32_t call_steps;
    uint64_t workspace_size;   /* bytes; starts on CPU_MEMORY_ALIGNMENT */
    struct cpu_recall *recall; /* what the last launch was resolved to; NULL: every launch is resolved anew */
};

/* Fills the common part of an exec of `size` bytes (its kind's struct, which embeds tenon_exec first) from a work that
 * has been checked. Errors: OUT_OF_MEMORY. */
tenon_status cpu_exec_create(tenon_device *device, const tenon_work *work, size_t size, const cpu_exec_class *class,
                             tenon_exec **out_exec);
void cpu_exec_destroy(tenon_exec *exec);

/* Bytes of a call of the exec with so many scalars of which any number may come. */
static inline size_t cpu_call_size(const tenon_exec *exec, uint32_t scalars) {
    size_t size = sizeof(cpu_call) + exec->call_buffers * sizeof(void *) +
                  ((size_t)exec->call_symbols + scalars) * sizeof(int64_t) + exec->call_steps * sizeof(cpu_step);
    return (size + CPU_COMMAND_UNIT - 1) / CPU_COMMAND_UNIT * CPU_COMMAND_UNIT;
}

extern const tenon_work_hooks cpu_work_hooks;

#endif
