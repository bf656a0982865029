/* Printer of the text form. Its choices are canonical: parsing its text and printing again gives the same text. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_inline.h"
#include "kernel/kir_text.h"

enum { NAME_BYTES = 64 };

struct printer {
    const tenon__kir_program *program;
    FILE *out;
    kir_use *uses;
    const char **names; /* by node */
    const char **operands;
    kir_scope scope;
    struct tenon__kir_chunk *chunks; /* hold names made here */
    uint32_t made;                   /* names made for what has none */
    uint32_t indent;
    bool memory_short;
};

static void put(struct printer *printer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct printer *printer, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vfprintf(printer->out, format, list);
    va_end(list);
}

/* Names. */

/* Letters, digits and '_' stay; a word of the language gets a '_' behind it. */
static void legal_name(const char *name, char legal[NAME_BYTES]) {
    size_t size = 0;
    if (name[0] >= '0' && name[0] <= '9') legal[size++] = '_';
    for (; *name && size < NAME_BYTES - 16; name++) {
        bool fine = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9');
        legal[size++] = fine ? *name : '_';
    }
    legal[size] = '\0';
    if (kir_reserved(legal, size)) memcpy(legal + size, "_", 2);
}

static const char *keep(struct printer *printer, const char *name) {
    size_t size = strlen(name) + 1;
    struct tenon__kir_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk) {
        printer->memory_short = true;
        return "";
    }
    *chunk = (struct tenon__kir_chunk){.before = printer->chunks, .used = size, .size = size};
    memcpy(chunk->bytes, name, size);
    printer->chunks = chunk;
    return chunk->bytes;
}

/* A name that nothing visible has: the given one if it can be, else one with a number. */
static const char *free_name(struct printer *printer, const char *name) {
    char base[NAME_BYTES], tried[NAME_BYTES + 16];
    if (name && !name[0]) name = NULL;
    if (name) legal_name(name, base);
    if (name && !kir_scope_find(&printer->scope, base, strlen(base))) return keep(printer, base);
    for (uint32_t i = 2;; i++) {
        if (name)
            snprintf(tried, sizeof tried, "%s_%u", base, i);
        else
            snprintf(tried, sizeof tried, "v%u", printer->made++);
        if (!kir_scope_find(&printer->scope, tried, strlen(tried))) return keep(printer, tried);
    }
}

static const char *show(struct printer *printer, const char *name) {
    if (!kir_scope_add(&printer->scope, name, strlen(name), KIR_SCOPE_OTHER, 0)) printer->memory_short = true;
    return name;
}

static const char *name_node(struct printer *printer, tenon__kir_id id) {
    return printer->names[id] = show(printer, free_name(printer, printer->program->nodes[id].name));
}

/* Expressions. */

enum { LEVEL_ANY, LEVEL_COMPARE, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_PRIMARY };

/* Where an expression stands. */
struct place {
    int level;     /* below it an infix operator needs parentheses */
    bool typed;    /* the place says what dtype a literal has */
    bool guard_ok; /* a guarded load may stand here as it is */
};

static const struct place index_place = {LEVEL_ANY, true, true};
static const struct place value_place = {LEVEL_ANY, true, false};

static void print_value(struct printer *printer, tenon__kir_id id, struct place place);

static void print_const(struct printer *printer, const tenon__kir_node *node, bool typed) {
    uint32_t dtype = node->type.dtype;
    char text[40];
    if (dtype == TENON_DTYPE_BOOL) {
        put(printer, node->bits ? "true" : "false");
        return;
    }
    if (tenon__kir_class(dtype) == TENON_CLASS_FLOAT) {
        double wide;
        float narrow;
        memcpy(&wide, &node->bits, sizeof wide);
        memcpy(&narrow, &node->bits, sizeof narrow);
        if (dtype == TENON_DTYPE_F32) wide = (double)narrow;
        uint64_t plain_nan = dtype == TENON_DTYPE_F32 ? UINT64_C(0x7fc00000) : UINT64_C(0x7ff8000000000000);
        if (wide != wide && node->bits != plain_nan) {
            put(printer, "bits:%s(0x%" PRIx64 ")", tenon__kir_dtype_name(dtype), node->bits);
            return;
        }
        if (wide != wide)
            snprintf(text, sizeof text, "nan");
        else
            tenon__kir_format_float(dtype, wide, text);
    } else if (tenon__kir_class(dtype) == TENON_CLASS_UINT) {
        snprintf(text, sizeof text, "%" PRIu64, node->bits);
    } else {
        snprintf(text, sizeof text, "%" PRId64, (int64_t)node->bits);
    }
    put(printer, "%s", text);
    if (!typed) put(printer, ":%s", tenon__kir_dtype_name(dtype));
}

static void print_indices(struct printer *printer, const tenon__kir_id *ids, uint32_t count) {
    put(printer, "[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) put(printer, ", ");
        print_value(printer, ids[i], index_place);
    }
    put(printer, "]");
}

/* Whether literals among the arguments from `first` on need no dtype: the place or another argument gives it. */
static bool args_typed(const struct printer *printer, const tenon__kir_node *node, uint32_t first, bool typed) {
    for (uint32_t i = first; i < node->arg_count; i++)
        typed = typed || printer->program->nodes[tenon__kir_arg(printer->program, node, i)].kind != TENON__KIR_CONST;
    return typed;
}

static void print_arg(struct printer *printer, const tenon__kir_node *node, uint32_t i, uint32_t first,
                      struct place place) {
    tenon__kir_id arg = tenon__kir_arg(printer->program, node, i);
    bool literal = printer->program->nodes[arg].kind == TENON__KIR_CONST;
    if (literal) place.typed = i > first || args_typed(printer, node, first, place.typed);
    print_value(printer, arg, place);
}

struct infix {
    const char *mark;
    int level;
};

static struct infix infix_of(uint32_t op) {
    switch (op) {
    case TENON_OP_LT: return (struct infix){"<", LEVEL_COMPARE};
    case TENON_OP_EQ: return (struct infix){"==", LEVEL_COMPARE};
    case TENON_OP_ADD: return (struct infix){"+", LEVEL_SUM};
    case TENON_OP_SUB: return (struct infix){"-", LEVEL_SUM};
    case TENON_OP_MUL: return (struct infix){"*", LEVEL_PRODUCT};
    case TENON_OP_DIV: return (struct infix){"/", LEVEL_PRODUCT};
    case TENON_OP_REM: return (struct infix){"%", LEVEL_PRODUCT};
    default: return (struct infix){NULL, 0};
    }
}

static void print_op(struct printer *printer, const tenon__kir_node *node, struct place place) {
    struct infix infix = infix_of(node->op);
    bool compares = node->op == TENON_OP_LT || node->op == TENON_OP_EQ;
    bool typed = place.typed && !compares;
    if (infix.mark) {
        bool wrapped = infix.level < place.level;
        if (wrapped) put(printer, "(");
        print_arg(printer, node, 0, 0, (struct place){compares ? LEVEL_SUM : infix.level, typed, false});
        put(printer, " %s ", infix.mark);
        print_arg(printer, node, 1, 0, (struct place){infix.level + 1, typed, false});
        if (wrapped) put(printer, ")");
        return;
    }
    uint32_t first = node->op == TENON_OP_WHERE ? 1 : 0;
    put(printer, "%s(", tenon__kir_op_name(node->op));
    for (uint32_t i = 0; i < node->arg_count; i++) {
        if (i > 0) put(printer, ", ");
        if (i < first)
            print_value(printer, tenon__kir_arg(printer->program, node, i), index_place);
        else
            print_arg(printer, node, i, first, (struct place){LEVEL_ANY, typed, true});
    }
    put(printer, ")");
}

static void print_load(struct printer *printer, const tenon__kir_node *node, struct place place) {
    const tenon__kir_program *program = printer->program;
    uint32_t rank = program->operands[node->ref].rank;
    bool guarded = node->flags & TENON__KIR_GUARDED, wrapped = guarded && !place.guard_ok;
    if (wrapped) put(printer, "(");
    put(printer, "%s", printer->operands[node->ref]);
    print_indices(printer, program->args + node->first_arg, rank);
    if (guarded) {
        put(printer, " if ");
        print_value(printer, tenon__kir_arg(program, node, rank), value_place);
        put(printer, " else ");
        print_value(printer, tenon__kir_arg(program, node, rank + 1), value_place);
    }
    if (wrapped) put(printer, ")");
}

/* The expression of a value, whether or not it has a name too. */
static void print_expression(struct printer *printer, tenon__kir_id id, struct place place) {
    const tenon__kir_program *program = printer->program;
    const tenon__kir_node *node = &program->nodes[id];
    const tenon__kir_id *args = program->args + node->first_arg;
    switch (node->kind) {
    case TENON__KIR_OP: print_op(printer, node, place); break;
    case TENON__KIR_LOAD: print_load(printer, node, place); break;
    case TENON__KIR_CAST:
    case TENON__KIR_BITCAST:
        put(printer, "%s[%s%s](", node->kind == TENON__KIR_CAST ? "cast" : "bitcast", tenon__kir_dtype_name(node->to),
            node->flags & TENON__KIR_WRAP ? ", wrap" : "");
        print_value(printer, args[0], (struct place){LEVEL_ANY, false, true});
        put(printer, ")");
        break;
    case TENON__KIR_ELEM:
        print_value(printer, args[0], value_place);
        print_indices(printer, args + 1, node->arg_count - 1);
        break;
    default: break;
    }
}

static void print_value(struct printer *printer, tenon__kir_id id, struct place place) {
    const tenon__kir_node *node = &printer->program->nodes[id];
    if (node->kind == TENON__KIR_CONST)
        print_const(printer, node, place.typed);
    else if (printer->uses[id].inlined)
        print_expression(printer, id, place);
    else
        put(printer, "%s", printer->names[id] ? printer->names[id] : "?");
}

/* Statements. */

static void print_block(struct printer *printer, uint32_t block);

static void new_line(struct printer *printer) {
    put(printer, "\n%*s", (int)(4 * printer->indent), "");
}

static void print_list(struct printer *printer, const char *word, const tenon__kir_id *ids, uint32_t count) {
    new_line(printer);
    put(printer, "%s (", word);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) put(printer, ", ");
        print_value(printer, ids[i], index_place);
    }
    put(printer, ")");
}

/* "(a < A, b < B)"; the names come into scope. Extents are written before any of them does. */
static void print_axes(struct printer *printer, const tenon__kir_loop *loop) {
    const char *names[TENON__KIR_MAX_AXES];
    uint32_t outer = printer->scope.count;
    for (uint32_t i = 0; i < loop->axis_count; i++) names[i] = name_node(printer, loop->axis[i]);
    kir_scope_leave(&printer->scope, outer);
    put(printer, "(");
    for (uint32_t i = 0; i < loop->axis_count; i++) {
        put(printer, "%s%s < ", i ? ", " : "", names[i]);
        print_value(printer, loop->extent[i], (struct place){LEVEL_SUM, true, false});
    }
    put(printer, ")");
}

static void show_ids(struct printer *printer, const tenon__kir_id *ids, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) show(printer, printer->names[ids[i]]);
}

static void print_type(struct printer *printer, const tenon__kir_type *type) {
    char text[64];
    put(printer, "%s", tenon__kir_type_text(type, text));
}

static void print_params(struct printer *printer, const tenon__kir_loop *loop, uint32_t part) {
    for (uint32_t i = 0; i < loop->carry_count; i++)
        put(printer, "%s%s", i ? ", " : "", name_node(printer, loop->param[2 * i + part]));
}

static void print_merge(struct printer *printer, const tenon__kir_loop *loop) {
    if (loop->merge == TENON__KIR_MERGE_OPS) {
        put(printer, " merge ");
        for (uint32_t i = 0; i < loop->carry_count; i++)
            put(printer, "%s%s", i ? ", " : "", tenon__kir_op_name(loop->merge_op[i]));
    }
    if (loop->merge != TENON__KIR_MERGE_BODY) return;
    uint32_t outer = printer->scope.count;
    printer->indent++;
    new_line(printer);
    put(printer, "merge (");
    print_params(printer, loop, 0);
    put(printer, "; ");
    print_params(printer, loop, 1);
    put(printer, ") {");
    printer->indent++;
    print_block(printer, loop->merge_body);
    print_list(printer, "yield", loop->merged, loop->carry_count);
    printer->indent--;
    new_line(printer);
    put(printer, "}");
    printer->indent--;
    new_line(printer);
    kir_scope_leave(&printer->scope, outer);
}

/* " carry (a: f32 = 0.0, ...)"; names are chosen beside the axes' but come into scope later. */
static void print_carries(struct printer *printer, const tenon__kir_loop *loop) {
    uint32_t outer = printer->scope.count;
    show_ids(printer, loop->axis, loop->axis_count);
    for (uint32_t i = 0; i < loop->carry_count; i++) name_node(printer, loop->carry[i]);
    kir_scope_leave(&printer->scope, outer);
    put(printer, " carry (");
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        put(printer, "%s%s: ", i ? ", " : "", printer->names[loop->carry[i]]);
        print_type(printer, &printer->program->nodes[loop->carry[i]].type);
        put(printer, " = ");
        print_value(printer, loop->init[i], value_place);
    }
    put(printer, ")");
}

static void print_loop(struct printer *printer, const tenon__kir_loop *loop) {
    uint32_t outer = printer->scope.count;
    put(printer, "loop ");
    print_axes(printer, loop);
    if (loop->carry_count > 0) print_carries(printer, loop);
    print_merge(printer, loop);
    put(printer, loop->merge == TENON__KIR_MERGE_BODY ? "{" : " {");
    show_ids(printer, loop->axis, loop->axis_count);
    show_ids(printer, loop->carry, loop->carry_count);
    printer->indent++;
    print_block(printer, loop->body);
    if (loop->carry_count > 0) print_list(printer, "next", loop->next, loop->carry_count);
    printer->indent--;
    new_line(printer);
    put(printer, "}");
    kir_scope_leave(&printer->scope, outer);
    for (uint32_t i = 0; i < loop->carry_count; i++)
        printer->names[loop->result[i]] = show(printer, printer->names[loop->carry[i]]);
}

static void print_tile(struct printer *printer, tenon__kir_id id) {
    const tenon__kir_loop *loop = &printer->program->loops[printer->program->nodes[id].loop];
    uint32_t outer = printer->scope.count;
    const char *name = name_node(printer, id);
    kir_scope_leave(&printer->scope, outer);
    put(printer, "tile %s ", name);
    print_type(printer, &printer->program->nodes[id].type);
    put(printer, " (");
    for (uint32_t i = 0; i < loop->axis_count; i++)
        put(printer, "%s%s", i ? ", " : "", name_node(printer, loop->axis[i]));
    put(printer, ") {");
    printer->indent++;
    print_block(printer, loop->body);
    print_list(printer, "yield", loop->next, 1);
    printer->indent--;
    new_line(printer);
    put(printer, "}");
    kir_scope_leave(&printer->scope, outer);
    show(printer, name);
}

static void print_store(struct printer *printer, const tenon__kir_node *node) {
    const tenon__kir_program *program = printer->program;
    uint32_t rank = program->operands[node->ref].rank;
    const char *combine = tenon__kir_combine_name(node->op);
    put(printer, "store %s", printer->operands[node->ref]);
    print_indices(printer, program->args + node->first_arg, rank);
    put(printer, " %s= ", combine ? combine : "");
    print_value(printer, tenon__kir_arg(program, node, rank), value_place);
    if (node->flags & TENON__KIR_ANY_ORDER) put(printer, " any");
    if (!(node->flags & TENON__KIR_GUARDED)) return;
    put(printer, " if ");
    print_value(printer, tenon__kir_arg(program, node, rank + 1), value_place);
}

static void print_let(struct printer *printer, tenon__kir_id id) {
    uint32_t outer = printer->scope.count;
    const char *name = name_node(printer, id);
    kir_scope_leave(&printer->scope, outer);
    put(printer, "let %s = ", name);
    print_expression(printer, id, (struct place){LEVEL_ANY, false, true});
    show(printer, name);
}

static void print_block(struct printer *printer, uint32_t block) {
    const tenon__kir_program *program = printer->program;
    for (tenon__kir_id id = program->blocks[block].first; id; id = program->nodes[id].next) {
        const tenon__kir_node *node = &program->nodes[id];
        if (printer->uses[id].inlined || (block == 0 && printer->uses[id].count == 0)) continue;
        new_line(printer);
        switch (node->kind) {
        case TENON__KIR_LOOP: print_loop(printer, &program->loops[node->loop]); break;
        case TENON__KIR_TILE: print_tile(printer, id); break;
        case TENON__KIR_STORE: print_store(printer, node); break;
        default: print_let(printer, id); break;
        }
    }
}

/* Program. */

static void print_operand(struct printer *printer, uint32_t number) {
    static const char *const roles[] = {[TENON__KIR_IN] = "in",
                                        [TENON__KIR_OUT] = "out",
                                        [TENON__KIR_INOUT] = "inout",
                                        [TENON__KIR_WORKSPACE] = "workspace"};
    const tenon__kir_operand *operand = &printer->program->operands[number];
    printer->operands[number] = show(printer, free_name(printer, operand->name));
    put(printer, "\n%s %s %s", roles[operand->role], printer->operands[number], tenon__kir_dtype_name(operand->dtype));
    print_indices(printer, operand->dims, operand->rank);
    if (operand->contiguous) return;
    put(printer, " strides ");
    print_indices(printer, operand->strides, operand->rank);
}

static void print_declarations(struct printer *printer) {
    const tenon__kir_program *program = printer->program;
    char name[NAME_BYTES];
    legal_name(program->name[0] ? program->name : "unnamed", name);
    put(printer, "program %s", name);
    for (uint32_t i = 0; i < program->symbol_count; i++) {
        const tenon_symbol *range = &program->symbols[i].range;
        put(printer, "\nsymbol %s %" PRId64 "..%" PRId64, name_node(printer, program->symbols[i].node), range->min,
            range->max);
        if (range->divisor != 1) put(printer, " div %" PRId64, range->divisor);
    }
    for (uint32_t i = 0; i < program->scalar_count; i++)
        put(printer, "\nscalar %s %s", name_node(printer, program->scalars[i].node),
            tenon__kir_dtype_name(program->scalars[i].dtype));
    print_block(printer, 0);
    for (uint32_t i = 0; i < program->operand_count; i++) print_operand(printer, i);
}

static void print_kernel(struct printer *printer, const tenon__kir_kernel *kernel) {
    const tenon__kir_loop *grid = &printer->program->loops[kernel->loop];
    uint32_t outer = printer->scope.count;
    const char *name = free_name(printer, kernel->name);
    put(printer, "\n\nkernel %s %s", name, kernel->index32 ? "index32 " : "");
    print_axes(printer, grid);
    put(printer, " {");
    show_ids(printer, grid->axis, grid->axis_count);
    printer->indent++;
    print_block(printer, grid->body);
    printer->indent--;
    put(printer, "\n}");
    kir_scope_leave(&printer->scope, outer);
    show(printer, name);
}

static void print_program(struct printer *printer) {
    print_declarations(printer);
    for (uint32_t i = 0; i < printer->program->kernel_count; i++) print_kernel(printer, &printer->program->kernels[i]);
    put(printer, "\n");
}

static void free_printer(struct printer *printer) {
    while (printer->chunks) {
        struct tenon__kir_chunk *before = printer->chunks->before;
        free(printer->chunks);
        printer->chunks = before;
    }
    kir_scope_free(&printer->scope);
    free(printer->uses);
    free(printer->names);
    free(printer->operands);
}

tenon_status tenon__kir_print(const tenon__kir_program *program, char **out_text) {
    struct printer printer = {.program = program};
    char *text = NULL;
    size_t size;
    *out_text = NULL;
    printer.uses = calloc(program->node_count, sizeof *printer.uses);
    printer.names = calloc(program->node_count, sizeof *printer.names);
    printer.operands = calloc(program->operand_count + 1, sizeof *printer.operands);
    printer.out = open_memstream(&text, &size);
    bool failed = !printer.uses || !printer.names || !printer.operands || !printer.out ||
                  kir_plan_inlining(program, printer.uses) != TENON_STATUS_OK;
    if (!failed) print_program(&printer);
    if (printer.out && fclose(printer.out) != 0) failed = true;
    failed = failed || printer.memory_short;
    free_printer(&printer);
    if (failed)
        free(text);
    else
        *out_text = text;
    return failed ? TENON_STATUS_OUT_OF_MEMORY : TENON_STATUS_OK;
}
