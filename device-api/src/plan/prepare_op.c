/* Tasks as op work: the operator on strided views, whose dims and strides are symbols or numbers as the device takes. */
#include <string.h>

#include "plan/prepare_internal.h"
#include "support/error.h"

enum { MOST_SYMBOLS = TENON__TASK_OPERANDS * 2 * TENON_MAX_RANK };

/* The work of a task and all it points to. Operand k has dims then strides, operand after operand. */
typedef struct op_work {
    tenon_work work;
    tenon_op_work op;
    tenon_operand operands[TENON__TASK_OPERANDS];
} op_work;

static tenon_extent extent_of(int64_t value, bool symbolic, uint32_t *symbol) {
    uint32_t number = (*symbol)++;
    return symbolic ? (tenon_extent){.symbol = number} : (tenon_extent){.value = value, .symbol = TENON_NO_SYMBOL};
}

static uint32_t role_of(const tenon__task *task, uint32_t operand) {
    uint32_t family = tenon_op_row_of(task->op)->family;
    if (operand < task->input_count) return TENON_ROLE_INPUT;
    bool inout = family == TENON_FAMILY_UPDATE || family == TENON_FAMILY_SCATTER;
    return inout ? TENON_ROLE_INOUT : TENON_ROLE_OUTPUT;
}

static void describe_operand(op_work *work, const tenon__task *task, uint32_t k, bool symbolic, uint32_t *symbol) {
    const tenon__ref *ref = &task->operands[k];
    tenon_operand *operand = &work->operands[k];
    uint64_t bits = tenon_dtype_bits(ref->dtype);
    *operand = (tenon_operand){.role = role_of(task, k), .alignment = bits < 8 ? 1 : bits / 8};
    operand->view.dtype = ref->dtype;
    operand->view.rank = ref->rank;
    for (uint32_t i = 0; i < ref->rank; i++) operand->view.dims[i] = extent_of(ref->dims[i], symbolic, symbol);
    for (uint32_t i = 0; i < ref->rank; i++) operand->view.strides[i] = extent_of(ref->strides[i], symbolic, symbol);
}

static void describe_work(op_work *work, const tenon__task *task, const tenon__ranges *ranges, bool symbolic) {
    uint32_t symbol = 0;
    for (uint32_t k = 0; k < task->operand_count; k++) describe_operand(work, task, k, symbolic, &symbol);
    work->op = (tenon_op_work){
        .struct_size = sizeof work->op,
        .op = task->op,
        .attr_count = task->attr_count,
        .attrs = task->attrs,
    };
    work->work = (tenon_work){
        .struct_size = sizeof work->work,
        .kind = TENON_WORK_OP,
        .symbols = ranges->ranges,
        .operands = work->operands,
        .symbol_count = symbolic ? ranges->count : 0,
        .operand_count = task->operand_count,
        .op = &work->op,
    };
}

static void key_of(tenon__key *key, const tenon__task *task, const tenon__ranges *ranges, bool symbolic) {
    tenon__key_number(key, TENON_WORK_OP | (int64_t)symbolic << 32);
    tenon__key_number(key, task->op);
    for (uint32_t i = 0; i < task->attr_count; i++) {
        tenon__key_number(key, (int64_t)task->attrs[i].id << 32 | task->attrs[i].count);
        tenon__key_put(key, task->attrs[i].values, (uint32_t)(task->attrs[i].count * sizeof(int64_t)));
    }
    for (uint32_t k = 0; k < task->operand_count; k++)
        tenon__key_number(key, (int64_t)task->operands[k].dtype << 32 | task->operands[k].rank);
    if (symbolic)
        tenon__ranges_key(ranges, key);
    else
        tenon__key_put(key, ranges->values, (uint32_t)(ranges->count * sizeof *ranges->values));
}

/* The values of all symbols: dims then strides, operand after operand. */
static tenon_status list_symbols(const tenon__task *task, tenon__arena *arena, tenon__prepared *out) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < task->operand_count; k++) count += 2 * task->operands[k].rank;
    int64_t *at = out->symbols = tenon__arena_array(arena, count, sizeof *out->symbols);
    if (!at) return tenon__fail_memory();
    for (uint32_t k = 0; k < task->operand_count; k++) {
        const tenon__ref *ref = &task->operands[k];
        for (uint32_t i = 0; i < ref->rank; i++) *at++ = ref->dims[i];
        for (uint32_t i = 0; i < ref->rank; i++) *at++ = ref->strides[i];
    }
    out->symbol_count = count;
    return TENON_STATUS_OK;
}

/* The widest ranges: a dim is not negative. */
static void list_ranges(const tenon__task *task, tenon_symbol *ranges) {
    for (uint32_t k = 0; k < task->operand_count; k++)
        for (uint32_t i = 0; i < 2 * task->operands[k].rank; i++)
            *ranges++ = (tenon_symbol){i < task->operands[k].rank ? 0 : INT64_MIN, INT64_MAX, 1};
}

/* What an entry is made from. */
typedef struct request {
    const tenon__task *task;
    const tenon__ranges *ranges;
    bool symbolic;
} request;

static tenon_status make_op(tenon__execs *execs, tenonh_device *device, tenon__exec_entry *entry, const void *context) {
    const request *of = context;
    op_work work;
    describe_work(&work, of->task, of->ranges, of->symbolic);
    return tenon__class_answer(of->ranges, tenon__execs_prepare(execs, device, &work.work, &entry->exec));
}

/* The exec for these ranges, or for the numbers themselves, prepared or found. */
static tenon_status find_exec(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                              const tenon__ranges *ranges, bool symbolic, const tenon__exec_entry **out_entry) {
    tenon__key key;
    key.size = 0;
    key.overflow = false;
    key_of(&key, task, ranges, symbolic);
    if (key.overflow) return tenon__fail(TENON_STATUS_UNSUPPORTED, "attributes too long for op work");
    return tenon__execs_find(execs, device, &key, make_op, &(request){task, ranges, symbolic}, out_entry);
}

/* Asks for all values, then for classes of those that the answer leaves out, then for the numbers themselves. */
static tenon_status search(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                           const tenon__prepared *prepared, const tenon__exec_entry **out_entry, bool *out_symbolic) {
    tenon_symbol widest[MOST_SYMBOLS];
    bool narrow[MOST_SYMBOLS];
    uint32_t shapes = tenonh_device_info(device)->shapes;
    tenon__ranges ranges = {prepared->symbol_count, prepared->symbols, widest, narrow};
    list_ranges(task, widest);
    tenon__ranges_begin(&ranges, shapes);
    uint32_t requests = shapes == TENON_SHAPES_STATIC ? 0 : shapes == TENON_SHAPES_BOUNDED ? 1 : 2;
    bool classes = shapes == TENON_SHAPES_BOUNDED;
    *out_symbolic = true;
    for (uint32_t i = 0; i < requests; i++, classes = true) {
        tenon_status status = find_exec(execs, device, task, &ranges, true, out_entry);
        if (classes && status == TENON_STATUS_UNSUPPORTED) break;
        if (status != TENON_STATUS_OK) return status;
        if (tenon__exec_takes((*out_entry)->exec, ranges.values, ranges.count)) return TENON_STATUS_OK;
        tenon__ranges_narrow(&ranges, (*out_entry)->exec);
    }
    *out_symbolic = false;
    return find_exec(execs, device, task, &ranges, false, out_entry);
}

/* Whether the exec that an earlier search for the same task found takes these values too. */
static bool is_remembered(const tenon__exec_memo *memo, const tenonh_device *device, const tenon__prepared *prepared) {
    return memo && memo->entry && tenonh_exec_device(memo->entry->exec) == device &&
           memo->placement == TENONH_PLACEMENT_OP &&
           tenon__exec_takes(memo->entry->exec, prepared->symbols, prepared->symbol_count);
}

tenon_status tenon__prepare_op(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                               tenon__exec_memo *memo, tenon__arena *arena, tenon__prepared *out) {
    const tenon__exec_entry *entry;
    bool symbolic = true;
    out->placement = TENONH_PLACEMENT_OP;
    TENON_TRY(list_symbols(task, arena, out));
    if (is_remembered(memo, device, out))
        entry = memo->entry;
    else
        TENON_TRY(search(execs, device, task, out, &entry, &symbolic));
    if (memo && symbolic) *memo = (tenon__exec_memo){.entry = entry, .task = memo->task, .placement = out->placement};
    if (!symbolic) out->symbol_count = 0;
    out->exec = entry->exec;
    out->workspace_size = tenonh_exec_info(out->exec)->workspace_size;
    out->workspace_alignment = tenonh_exec_info(out->exec)->workspace_alignment;
    return tenon__task_scalars(task, arena, out);
}
