/* Printing a program: a plan, an entry a kernel, the prelude they need, the numbers of a launch. */
#include "kernel/print.h"

#include "kernel/emit.h"
#include "kernel/geometry.h"
#include "support/error.h"

#include <stdlib.h>
#include <string.h>

struct tenon__printed_state {
    char *source;
    char *names; /* of entries, one after the other */
    tenon_kernel_entry *entries;
    tenon__geometry geometry;
};

/* -- What can be printed ------------------------------------------------------------------------------------------ */

enum { MAX_HEIGHT = 4096 }; /* of expressions: what walks them may be recursive */

static const tenon__language *language_of(uint32_t id) {
    static const tenon__language *const languages[] = {&tenon__language_c11};
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
        if (languages[i]->id == id) return languages[i];
    return NULL;
}

static tenon_status check_dialect(const tenon_dialect *dialect) {
    uint32_t bytes = dialect->vector_bytes;
    if (!language_of(dialect->language))
        return tenon__fail(TENON_STATUS_UNSUPPORTED,
                           "kernels can't be printed in language %u of the dialect; C11 is %u", dialect->language,
                           TENON_LANGUAGE_C11);
    if (bytes > 64 || (bytes & (bytes - 1)))
        return tenon__fail(TENON_STATUS_INVALID, "vector_bytes of the dialect is %u: give 0, 8, 16, 32 or 64", bytes);
    return TENON_STATUS_OK;
}

static bool is_printable(uint32_t dtype) {
    return dtype != TENON_DTYPE_F8E4M3 && dtype != TENON_DTYPE_F8E5M2;
}

static tenon_status check_program(const tenon__kir_program *program) {
    tenon_status status = TENON_STATUS_OK;
    uint32_t *height = calloc(program->node_count + 1, sizeof *height);
    if (!height) return tenon__fail_memory();
    for (tenon__kir_id id = 1; id < program->node_count && status == TENON_STATUS_OK; id++) {
        const tenon__kir_node *node = tenon__kir_at(program, id);
        for (uint32_t i = 0; i < node->arg_count; i++) {
            uint32_t below = height[tenon__kir_arg(program, node, i)];
            if (height[id] <= below) height[id] = below + 1;
        }
        if (height[id] > MAX_HEIGHT)
            status = tenon__fail(TENON_STATUS_UNSUPPORTED,
                                 "an expression of program %s is more than %d values deep: cut "
                                 "the program",
                                 program->name, MAX_HEIGHT);
        else if (node->kind == TENON__KIR_CAST && !is_printable(node->to))
            status = tenon__fail(TENON_STATUS_UNSUPPORTED, "no printed form of a cast to %s",
                                 tenon__kir_dtype_name(node->to));
    }
    free(height);
    for (uint32_t i = 0; i < program->operand_count && status == TENON_STATUS_OK; i++)
        if (!is_printable(program->operands[i].dtype))
            status = tenon__fail(TENON_STATUS_UNSUPPORTED, "no printed form of operand %u of dtype %s", i,
                                 tenon__kir_dtype_name(program->operands[i].dtype));
    return status;
}

/* -- Entries ------------------------------------------------------------------------------------------------------ */

static tenon_status emitter_open(tenon__emitter *e) {
    e->used = calloc(e->program->node_count + 1, 1);
    e->operand_used = calloc(e->program->operand_count + 1, 1);
    e->stamp = calloc(e->program->node_count + 1, sizeof *e->stamp);
    e->live = calloc(e->program->node_count + 1, 1);
    return e->used && e->operand_used && e->stamp && e->live ? TENON_STATUS_OK : tenon__fail_memory();
}

static void emitter_close(tenon__emitter *e) {
    free(e->used);
    free(e->operand_used);
    free(e->stamp);
    free(e->live);
}

static tenon_status print_entry(tenon__emitter *e, uint32_t kernel, const char *name) {
    memset(e->used, 0, e->program->node_count + 1);
    memset(e->operand_used, 0, e->program->operand_count + 1);
    e->kernel = kernel;
    e->language->print_entry(e, kernel, name);
    return e->text->failed ? tenon__fail_memory() : TENON_STATUS_OK;
}

static tenon_status print_entries(const tenon__plan *plan, tenon__printed *printed, tenon__text *text) {
    const tenon__kir_program *program = plan->program;
    tenon__emitter e = {
        .plan = plan, .program = program, .dialect = plan->dialect, .text = text, .need = &printed->need};
    e.language = language_of(plan->dialect->language);
    tenon_status status = emitter_open(&e);
    for (uint32_t i = 0; i < program->kernel_count && status == TENON_STATUS_OK; i++)
        status = print_entry(&e, i, printed->entries[i].name);
    emitter_close(&e);
    return status;
}

/* -- The result --------------------------------------------------------------------------------------------------- */

static tenon_status name_entries(tenon__printed *printed, const tenon__schedule_options *options, uint32_t count) {
    struct tenon__printed_state *state = printed->state;
    const char *name = options->entry_name ? options->entry_name : "tenon_kernel_";
    size_t room = strlen(name) + 12;
    state->entries = calloc(count + 1, sizeof *state->entries);
    state->names = calloc(count + 1, room);
    if (!state->entries || !state->names) return tenon__fail_memory();
    for (uint32_t i = 0; i < count; i++) {
        snprintf(state->names + i * room, room, "%s%u", name, i);
        state->entries[i] = (tenon_kernel_entry){.name = state->names + i * room, .local = {1, 1, 1}};
    }
    printed->entries = state->entries;
    printed->entry_count = count;
    return TENON_STATUS_OK;
}

/* FNV-1a over two offsets: a key for caches, which compare the text itself where it matters. */
static void hash_source(const char *text, size_t size, uint64_t out_hash[2]) {
    uint64_t a = UINT64_C(0xcbf29ce484222325), b = UINT64_C(0x84222325cbf29ce4);
    for (size_t i = 0; i < size; i++) {
        a = (a ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
        b = (b ^ (uint8_t)text[i]) * UINT64_C(0x880355f21e6d1965);
    }
    out_hash[0] = a;
    out_hash[1] = b;
}

static tenon_status assemble(const tenon__plan *plan, tenon__printed *printed) {
    tenon__text entries = {0}, source = {0};
    tenon_status status = print_entries(plan, printed, &entries);
    if (status == TENON_STATUS_OK && !plan->options.bare)
        status = language_of(plan->dialect->language)->prelude(plan->dialect, &printed->need, &source);
    tenon__text_add(&source, tenon__text_string(&entries));
    printed->source_size = source.length;
    printed->state->source = tenon__text_take(&source);
    printed->source = printed->state->source;
    tenon__text_free(&entries);
    if (status == TENON_STATUS_OK && !printed->source) return tenon__fail_memory();
    if (status == TENON_STATUS_OK) hash_source(printed->source, printed->source_size, printed->hash);
    return status;
}

static tenon_status print_plan(const tenon__plan *plan, tenon__printed *printed) {
    TENON_TRY(name_entries(printed, &plan->options, plan->program->kernel_count));
    TENON_TRY(tenon__geometry_make(plan, &printed->state->geometry));
    return assemble(plan, printed);
}

tenon_status tenon__print(const tenon__kir_program *program, const tenon_dialect *dialect,
                          const tenon__schedule_options *options, tenon__printed **out_printed) {
    static const tenon__schedule_options defaults = {0};
    *out_printed = NULL;
    TENON_TRY(check_dialect(dialect));
    TENON_TRY(check_program(program));
    tenon__printed *printed = calloc(1, sizeof *printed);
    if (!printed) return tenon__fail_memory();
    printed->state = calloc(1, sizeof *printed->state);
    printed->symbol_count = program->symbol_count;
    printed->scalar_count = program->scalar_count;
    for (uint32_t i = 0; i < program->operand_count; i++)
        printed->has_workspace |= program->operands[i].role == TENON__KIR_WORKSPACE;
    tenon__plan plan = {0};
    tenon_status status = printed->state ? tenon__plan_make(program, dialect, options ? options : &defaults, &plan)
                                         : tenon__fail_memory();
    if (status == TENON_STATUS_OK) status = print_plan(&plan, printed);
    tenon__plan_free(&plan);
    if (status == TENON_STATUS_OK)
        *out_printed = printed;
    else
        tenon__printed_free(printed);
    return status;
}

void tenon__printed_free(tenon__printed *printed) {
    if (!printed) return;
    if (printed->state) {
        free(printed->state->source);
        free(printed->state->names);
        free(printed->state->entries);
        tenon__geometry_free(&printed->state->geometry);
    }
    free(printed->state);
    free(printed);
}

tenon_status tenon__printed_geometry(const tenon__printed *printed, const int64_t *symbols, tenon_grid *grids) {
    return tenon__geometry_grids(&printed->state->geometry, symbols, grids);
}

tenon_status tenon__printed_workspace(const tenon__printed *printed, const int64_t *symbols, uint64_t *out_bytes) {
    return tenon__geometry_workspace(&printed->state->geometry, symbols, out_bytes);
}

tenon_status tenon__printed_geometry_text(const tenon__printed *printed, const char *name, char **out_text) {
    return tenon__geometry_text(&printed->state->geometry, name, out_text);
}

tenon_status tenon__print_prelude(const tenon_dialect *dialect, const tenon__prelude_need *need, char **out_text) {
    tenon__text text = {0};
    *out_text = NULL;
    TENON_TRY(check_dialect(dialect));
    tenon_status status = language_of(dialect->language)->prelude(dialect, need, &text);
    if (status == TENON_STATUS_OK && !(*out_text = tenon__text_take(&text))) status = tenon__fail_memory();
    tenon__text_free(&text);
    return status;
}
