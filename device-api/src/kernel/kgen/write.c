/* Kernels of an instruction set as files: entries in parts that compile side by side, and a table over them. */
#include "kernel/kgen/kgen.h"

#include "kernel/lower.h"
#include "support/error.h"
#include "support/text.h"

#include <tenon/helpers.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -- Geometry ----------------------------------------------------------------------------------------------------- */

static tenon_status find_geometry(kgen_output *output, const tenon__printed *printed, uint32_t *out_number) {
    char *key, name[64];
    TENON_TRY(tenon__printed_geometry_text(printed, "f", &key));
    for (uint32_t i = 0; i < output->geometry_count; i++) {
        if (strcmp(output->keys[i], key) != 0) continue;
        free(key);
        *out_number = i;
        return TENON_STATUS_OK;
    }
    *out_number = output->geometry_count;
    output->keys[output->geometry_count] = key;
    snprintf(name, sizeof name, "cpu_%s_f%" PRIu32, output->isa->name, output->geometry_count);
    output->geometry_count++;
    return tenon__printed_geometry_text(printed, name, &output->geometries[*out_number]);
}

/* -- Entries ------------------------------------------------------------------------------------------------------ */

static void join_need(tenon__prelude_need *all, const tenon__prelude_need *one) {
    for (uint32_t i = 0; i < TENON__PRELUDE_LANE_COUNTS; i++) {
        all->sections[i] |= one->sections[i];
        all->access[i] |= one->access[i];
    }
}

static tenon_dialect dialect_of(const kgen_isa *isa) {
    return (tenon_dialect){.struct_size = sizeof(tenon_dialect),
                           .language = TENON_LANGUAGE_C11,
                           .features = isa->features,
                           .vector_bytes = isa->vector_bytes,
                           .registers = isa->registers};
}

/* Strides that are not known leave vectors nothing to load at once: only costly operators gain from them. */
static uint32_t is_scalar(const kgen_pattern *row) {
    return row->general && tenon_op_row_of(row->pattern.op)->family != TENON_FAMILY_MAP;
}

static tenon_status print_program(const kgen_output *output, const kgen_pattern *row, uint32_t number,
                                  tenon__printed **out_printed) {
    tenon__kir_program *program;
    tenon_dialect dialect = dialect_of(output->isa);
    char name[64];
    snprintf(name, sizeof name, "cpu_%s_k%" PRIu32 "_", output->isa->name, number);
    tenon__schedule_options options = {.bare = 1, .entry_name = name, .scalar = is_scalar(row)};
    TENON_TRY(tenon__lower(&row->pattern, &program));
    tenon_status status = tenon__print(program, &dialect, &options, out_printed);
    tenon__kir_destroy(program);
    return status;
}

/* Kernel number `number`: the patterns' row has the same one, so that names of different builds agree. */
static tenon_status add_kernel(kgen_output *output, const kgen_patterns *patterns, uint32_t number, tenon__text *text,
                               tenon__prelude_need *need) {
    tenon__printed *printed;
    kgen_kernel *kernel = &output->kernels[output->count];
    TENON_TRY(print_program(output, &patterns->rows[number], number, &printed));
    *kernel = (kgen_kernel){.pattern = number, .entry_count = printed->entry_count};
    tenon__text_add(text, printed->source);
    join_need(need, &printed->need);
    tenon_status status = find_geometry(output, printed, &kernel->geometry);
    kernel->workspace = printed->has_workspace;
    tenon__printed_free(printed);
    output->count++;
    return text->failed ? tenon__fail_memory() : status;
}

static tenon_status write_part(const kgen_output *output, const char *file_name, const tenon__text *entries,
                               const tenon__prelude_need *need, const char *folder) {
    tenon_dialect dialect = dialect_of(output->isa);
    FILE *file;
    char *prelude;
    TENON_TRY(tenon__print_prelude(&dialect, need, &prelude));
    tenon_status status = kgen_open(folder, file_name, &file);
    if (status == TENON_STATUS_OK) {
        fprintf(file, "/* Made by tenon-kgen. */\n#pragma GCC visibility push(hidden)\n%s%s", prelude,
                tenon__text_string(entries));
        status = kgen_close(file, file_name);
    }
    free(prelude);
    return status;
}

/* The kernels of `count` rows of the patterns, as one file. */
static tenon_status make_part(kgen_output *output, const kgen_patterns *patterns, const char *name,
                              const uint32_t *rows, uint32_t count, const char *folder) {
    tenon__text text = {0};
    tenon__prelude_need need = {0};
    tenon_status status = TENON_STATUS_OK;
    for (uint32_t i = 0; i < count && status == TENON_STATUS_OK; i++)
        status = add_kernel(output, patterns, rows[i], &text, &need);
    if (status == TENON_STATUS_OK) status = write_part(output, name, &text, &need, folder);
    tenon__text_free(&text);
    return status;
}

/* The fast rows, or the general ones, in `parts` files. */
static tenon_status make_parts(kgen_output *output, const kgen_patterns *patterns, bool general, const char *folder,
                               uint32_t parts) {
    uint32_t *rows = calloc(patterns->count + 1, sizeof *rows), count = 0;
    tenon_status status = rows ? TENON_STATUS_OK : tenon__fail_memory();
    for (uint32_t i = 0; i < patterns->count && rows; i++)
        if (patterns->rows[i].kernel == i && (patterns->rows[i].general != 0) == general) rows[count++] = i;
    for (uint32_t part = 0; part < parts && status == TENON_STATUS_OK; part++) {
        uint32_t first = (uint32_t)((uint64_t)count * part / parts);
        uint32_t end = (uint32_t)((uint64_t)count * (part + 1) / parts);
        char name[64];
        snprintf(name, sizeof name, "cpu_kernels_%s_%" PRIu32 ".c", general ? "general" : output->isa->name, part);
        status = make_part(output, patterns, name, rows + first, end - first, folder);
    }
    free(rows);
    return status;
}

tenon_status kgen_make(const kgen_isa *isa, const kgen_patterns *patterns, const char *folder, uint32_t parts,
                       kgen_output *out_output) {
    *out_output = (kgen_output){.isa = isa,
                                .kernels = calloc(patterns->count + 1, sizeof(kgen_kernel)),
                                .geometries = calloc(patterns->count + 1, sizeof(char *)),
                                .keys = calloc(patterns->count + 1, sizeof(char *))};
    if (!out_output->kernels || !out_output->geometries || !out_output->keys) return tenon__fail_memory();
    TENON_TRY(make_parts(out_output, patterns, false, folder, parts));
    return isa == kgen_isa_of("baseline") ? make_parts(out_output, patterns, true, folder, parts) : TENON_STATUS_OK;
}

void kgen_output_free(kgen_output *output) {
    for (uint32_t i = 0; i < output->geometry_count; i++) {
        free(output->geometries[i]);
        free(output->keys[i]);
    }
    free(output->geometries);
    free(output->keys);
    free(output->kernels);
    *output = (kgen_output){0};
}

/* -- Tables ------------------------------------------------------------------------------------------------------- */

static void write_declarations(const kgen_output *output, uint32_t kernel, FILE *file) {
    const kgen_kernel *k = &output->kernels[kernel];
    const char *isa = output->isa->name;
    for (uint32_t i = 0; i < k->entry_count; i++)
        fprintf(file, "int32_t cpu_%s_k%u_%u(void *const *, const int64_t *, void *, int64_t, int64_t);\n", isa,
                k->pattern, i);
    fprintf(file, "static const tenon_kernel_c11 e%u[] = {", k->pattern);
    for (uint32_t i = 0; i < k->entry_count; i++) fprintf(file, "%scpu_%s_k%u_%u", i ? ", " : "", isa, k->pattern, i);
    fputs("};\n", file);
}

static void write_geometry_declarations(const kgen_output *output, FILE *file) {
    for (uint32_t i = 0; i < output->geometry_count; i++)
        fprintf(file,
                "int cpu_%s_f%u_items(const int64_t *, int64_t *);\nint cpu_%s_f%u_workspace(const int64_t *, uint64_t "
                "*);\n",
                output->isa->name, i, output->isa->name, i);
}

static void write_row(const kgen_output *output, uint32_t kernel, const tenon_pattern *p, FILE *file) {
    const kgen_kernel *k = &output->kernels[kernel];
    fprintf(file, "    {{%u, %u, %u, {%u, %u, %u, %u}, %u, %u, {%u, %u, %u, %u}, {%u, %u, %u, %u}, {0, 0}},", p->op,
            p->operand_count, p->variant, p->dtypes[0], p->dtypes[1], p->dtypes[2], p->dtypes[3], p->accumulator,
            p->padded, p->ranks[0], p->ranks[1], p->ranks[2], p->ranks[3], p->inner[0], p->inner[1], p->inner[2],
            p->inner[3]);
    fprintf(file, " %u, e%u, cpu_%s_f%u_items, ", k->entry_count, k->pattern, output->isa->name, k->geometry);
    if (k->workspace)
        fprintf(file, "cpu_%s_f%u_workspace},\n", output->isa->name, k->geometry);
    else
        fputs("NULL},\n", file);
}

/* The kernel of a row: of the instruction set's own, or else of the baseline, which has all. */
static const kgen_output *find_kernel(const kgen_output *own, const kgen_output *baseline, const kgen_pattern *row,
                                      uint32_t *out_kernel) {
    const kgen_output *both[2] = {own, baseline};
    for (uint32_t b = 0; b < 2; b++) {
        for (uint32_t i = 0; i < both[b]->count; i++) {
            *out_kernel = i;
            if (both[b]->kernels[i].pattern == row->kernel) return both[b];
        }
    }
    return baseline;
}

static void write_table(const kgen_output *output, const kgen_output *baseline, const kgen_patterns *patterns,
                        FILE *file) {
    uint32_t kernel = 0;
    fputs(
        "/* Made by tenon-kgen. */\n#include \"kernels.h\"\n#include <stddef.h>\n#pragma GCC visibility push(hidden)\n",
        file);
    for (uint32_t i = 0; i < patterns->count; i++) {
        if (patterns->rows[i].kernel != i) continue;
        const kgen_output *from = find_kernel(output, baseline, &patterns->rows[i], &kernel);
        write_declarations(from, kernel, file);
    }
    write_geometry_declarations(output, file);
    if (baseline != output) write_geometry_declarations(baseline, file);
    for (uint32_t i = 0; i < output->geometry_count; i++) fputs(output->geometries[i], file);
    fprintf(file, "extern const cpu_kernel cpu_kernels_%s[];\nextern const uint32_t cpu_kernels_%s_count;\n",
            output->isa->name, output->isa->name);
    fprintf(file, "const cpu_kernel cpu_kernels_%s[] = {\n", output->isa->name);
    for (uint32_t i = 0; i < patterns->count; i++) {
        const kgen_output *from = find_kernel(output, baseline, &patterns->rows[i], &kernel);
        write_row(from, kernel, &patterns->rows[i].pattern, file);
    }
    fprintf(file, "};\nconst uint32_t cpu_kernels_%s_count = %u;\n", output->isa->name, patterns->count);
}

tenon_status kgen_write_table(const kgen_output *output, const kgen_output *baseline, const kgen_patterns *patterns,
                              const char *folder) {
    FILE *file;
    char name[64];
    snprintf(name, sizeof name, "cpu_kernels_%s_table.c", output->isa->name);
    TENON_TRY(kgen_open(folder, name, &file));
    write_table(output, baseline, patterns, file);
    return kgen_close(file, name);
}
