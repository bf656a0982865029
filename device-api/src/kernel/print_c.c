/* C11 as a language of printed kernels: entries of type tenon_kernel_c11, the prelude with GNU vectors. */
#include "kernel/emit.h"

#include "kernel/prelude/text.h"
#include "support/error.h"

#include <inttypes.h>

/* -- Head --------------------------------------------------------------------------------------------------------- */

static const char *element_type(uint32_t dtype) {
    return tenon__type_name(dtype);
}

static bool is_written(uint32_t role) {
    return role != TENON__KIR_IN;
}

static void put_pointer(tenon__emitter *e, uint32_t operand, const char *address) {
    const tenon__kir_operand *o = &e->program->operands[operand];
    const char *qualifier = is_written(o->role) ? "" : "const ", *type = element_type(o->dtype);
    tenon__line(e, "%stn_%sx1 *const p%" PRIu32 " = (%stn_%sx1 *)%s;", qualifier, type, operand, qualifier, type,
                address);
}

/* What follows "elements * " to make bytes of them. */
static const char *bytes_text(uint32_t dtype) {
    static const char *const text[] = {[1] = "1", [2] = "2", [4] = "4", [8] = "8"};
    return dtype == TENON_DTYPE_I4 || dtype == TENON_DTYPE_U4 ? "1 / 2 + 1" : text[tenon__bytes_of(dtype)];
}

/* Byte offsets of workspace operands, each the one before plus its size, up to the next multiple of the alignment. */
static void declare_workspace(tenon__emitter *e) {
    uint32_t last = UINT32_MAX, end = 0;
    char address[64];
    for (uint32_t i = 0; i < e->program->operand_count; i++)
        if (e->operand_used[i]) end = i;
    for (uint32_t i = 0; i < e->program->operand_count; i++) {
        if (e->program->operands[i].role != TENON__KIR_WORKSPACE || i > end) continue;
        tenon__begin_line(e);
        tenon__put(e, "const tn_i64x1 w%" PRIu32 " = ", i);
        if (last == UINT32_MAX)
            tenon__put(e, "0");
        else
            tenon__put(e, "tn_workspace_after(w%" PRIu32 ", ", last);
        for (uint32_t d = 0; last != UINT32_MAX && d < e->program->operands[last].rank; d++) {
            tenon__put(e, "tn_index_max(");
            tenon__put_value(e, e->program->operands[last].dims[d], TENON__SCALAR);
            tenon__put(e, ", 0) * ");
        }
        if (last != UINT32_MAX) tenon__put(e, "%s)", bytes_text(e->program->operands[last].dtype));
        tenon__end_line(e, ";");
        snprintf(address, sizeof address, "((char *)workspace + w%" PRIu32 ")", i);
        if (e->operand_used[i]) put_pointer(e, i, address);
        last = i;
    }
}

static void declare_operands(tenon__emitter *e) {
    char address[32];
    bool workspace = false;
    for (uint32_t i = 0; i < e->program->operand_count; i++) {
        bool own = e->program->operands[i].role == TENON__KIR_WORKSPACE;
        workspace = workspace || (own && e->operand_used[i]);
        snprintf(address, sizeof address, "buffers[%" PRIu32 "]", i);
        if (e->operand_used[i] && !own) put_pointer(e, i, address);
    }
    if (workspace) declare_workspace(e);
}

static void declare_symbols(tenon__emitter *e) {
    for (uint32_t i = 0; i < e->program->symbol_count; i++)
        if (e->used[e->program->symbols[i].node])
            tenon__line(e, "const tn_i64x1 s%" PRIu32 " = symbols[%" PRIu32 "];", i, i);
}

/* A host scalar: the bits of a value of its dtype at the low end of 64, widened to what it computes in. */
static void declare_scalar(tenon__emitter *e, uint32_t number) {
    uint32_t dtype = e->program->scalars[number].dtype, at = e->program->symbol_count + number;
    tenon__begin_line(e);
    tenon__put(e, "const tn_%sx1 h%" PRIu32 " = ", tenon__type_name(tenon__kir_compute_dtype(dtype)), number);
    tenon__begin_widen(e, dtype, 1);
    switch (dtype) {
    case TENON_DTYPE_F64: tenon__put(e, "tn__float64((tn_u64x1)symbols[%" PRIu32 "])", at); break;
    case TENON_DTYPE_F32: tenon__put(e, "tn__float32((tn_u32x1)symbols[%" PRIu32 "])", at); break;
    case TENON_DTYPE_BOOL: tenon__put(e, "(symbols[%" PRIu32 "] & 255) != 0", at); break;
    case TENON_DTYPE_I4: tenon__put(e, "tn_low_i4(symbols[%" PRIu32 "])", at); break;
    case TENON_DTYPE_U4: tenon__put(e, "tn_low_u4(symbols[%" PRIu32 "])", at); break;
    default: tenon__put(e, "(tn_%sx1)symbols[%" PRIu32 "]", tenon__type_name(dtype), at); break;
    }
    tenon__end_conversion(e, dtype);
    tenon__end_line(e, ";");
}

static void mark_uses(tenon__emitter *e, tenon__kir_id id) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    for (uint32_t i = 0; i < node->arg_count; i++) e->used[tenon__kir_arg(e->program, node, i)] = 1;
}

/* Values of the program's head that the entry names, and what they are made of. */
static void declare_head(tenon__emitter *e) {
    const tenon__kir_program *program = e->program;
    for (tenon__kir_id id = program->node_count; id-- > 1;)
        if (e->used[id] && program->nodes[id].block == 0) mark_uses(e, id);
    declare_symbols(e);
    for (uint32_t i = 0; i < program->scalar_count; i++)
        if (e->used[program->scalars[i].node]) declare_scalar(e, i);
    for (tenon__kir_id id = program->blocks[0].first; id; id = program->nodes[id].next)
        if (e->used[id]) tenon__print_node(e, id);
}

/* -- Entry -------------------------------------------------------------------------------------------------------- */

static void print_head(tenon__emitter *e, const char *name) {
    static const char *const parameters =
        "void *const *buffers, const tn_i64x1 *symbols, void *workspace, tn_i64x1 first, tn_i64x1 last";
    tenon__line(e, "int %s(%s);", name, parameters);
    tenon__open(e, "int %s(%s)", name, parameters);
    tenon__line(e, "(void)buffers, (void)symbols, (void)workspace;");
    tenon__line(e, "if (first >= last) return 0;");
    tenon__line(e, "int fault = 0;");
}

/* Workspace offsets name the dims of all workspace operands before the last one that is used. */
static void use_workspace_dims(tenon__emitter *e) {
    bool used = false;
    for (uint32_t i = e->program->operand_count; i-- > 0;) {
        const tenon__kir_operand *operand = &e->program->operands[i];
        if (operand->role != TENON__KIR_WORKSPACE) continue;
        for (uint32_t d = 0; used && d < operand->rank; d++) e->used[operand->dims[d]] = 1;
        used = used || e->operand_used[i];
    }
}

/* The items are printed first: the head declares what they name. */
static void print_entry(tenon__emitter *e, uint32_t kernel, const char *name) {
    tenon__text *text = e->text, items = {0};
    e->text = &items;
    e->depth = 1;
    tenon__print_items(e, kernel);
    e->text = text;
    e->depth = 0;
    use_workspace_dims(e);
    tenon__end_line(e, "");
    print_head(e, name);
    declare_head(e);
    declare_operands(e);
    tenon__text_add(text, tenon__text_string(&items));
    text->failed |= items.failed;
    tenon__text_free(&items);
    tenon__line(e, "return fault;");
    tenon__close(e);
}

/* -- Prelude ------------------------------------------------------------------------------------------------------ */

static void put_sections(const tenon__prelude_need *need, uint32_t log, tenon__text *text) {
    static const uint32_t sections[] = {TENON__PRELUDE_VECTOR, TENON__PRELUDE_F32, TENON__PRELUDE_F64,
                                        TENON__PRELUDE_INTEGER, TENON__PRELUDE_CONVERT};
    tenon__text_format(text, "#define TN_LANES %u\n", 1u << log);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (need->sections[log] & sections[i]) tenon__text_add(text, tenon__prelude_section(sections[i]));
    tenon__text_add(text, "#undef TN_LANES\n");
}

static void put_access(const tenon__prelude_need *need, uint32_t log, tenon__text *text) {
    uint32_t lanes = 1u << log;
    for (uint32_t dtype = 1; dtype < TENON_DTYPE_COUNT; dtype++)
        if (need->access[log] & 1u << dtype)
            tenon__text_format(text, "TN_ACCESS(%s, %u)\n", tenon__type_name(dtype), lanes);
    tenon__text_format(text, "TN_LANEWISE(%u", lanes);
    for (uint32_t lane = 0; lane < lanes; lane++) tenon__text_format(text, ", %u", lane);
    tenon__text_add(text, ")\n");
}

static tenon_status print_prelude(const tenon_dialect *dialect, const tenon__prelude_need *need, tenon__text *text) {
    tenon__text_add(text, dialect->prologue ? dialect->prologue : "");
    tenon__text_add(text, tenon__prelude_base);
    for (uint32_t log = 0; log < TENON__PRELUDE_LANE_COUNTS; log++)
        if (need->sections[log] || log == 0) put_sections(need, log, text);
    tenon__text_add(text, tenon__prelude_text_access);
    for (uint32_t log = 1; log < TENON__PRELUDE_LANE_COUNTS; log++)
        if (need->sections[log]) put_access(need, log, text);
    return text->failed ? tenon__fail_memory() : TENON_STATUS_OK;
}

const tenon__language tenon__language_c11 = {TENON_LANGUAGE_C11, "fault = 1;", print_entry, print_prelude};
