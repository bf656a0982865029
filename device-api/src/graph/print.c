#include <stdlib.h>
#include <string.h>

#include "graph/text.h"
#include "passes/number.h"

static const char *const kind_names[] = {
    [TENON__NODE_IF] = "if",     [TENON__NODE_WHILE] = "while", [TENON__NODE_FOR] = "for",
    [TENON__NODE_CALL] = "call", [TENON__NODE_READ] = "read",   [TENON__NODE_WRITE] = "write",
};
enum { KIND_NAMES = sizeof kind_names / sizeof *kind_names };

const char *tenon__kind_name(uint32_t kind) {
    return kind < KIND_NAMES ? kind_names[kind] : NULL;
}

uint32_t tenon__kind_by_name(const char *name, size_t length) {
    for (uint32_t i = 0; i < KIND_NAMES; i++)
        if (kind_names[i] && strlen(kind_names[i]) == length && memcmp(kind_names[i], name, length) == 0) return i;
    return 0;
}

typedef struct printer {
    tenon__text *text;
    uint32_t flags;
    uint32_t *numbers; /* by value id */
    uint32_t next;
} printer;

static void indent(printer *p, int depth) {
    for (int i = 0; i < depth; i++) tenon__text_add(p->text, "  ");
}

static void print_definition(printer *p, const tenonh_value *value) {
    p->numbers[value->id] = p->next++;
    tenon__text_format(p->text, "%%%u", p->numbers[value->id]);
    if (value->name) {
        tenon__text_add(p->text, " ");
        tenon__lex_print_string(p->text, value->name);
    }
    tenon__text_add(p->text, ": ");
    tenon__print_type(p->text, value->dtype, value->rank, value->dims);
    if (value->memory == TENON__MEMORY_HOST) tenon__text_add(p->text, " host");
}

static void print_use(printer *p, const tenonh_value *value) {
    if (value)
        tenon__text_format(p->text, "%%%u", p->numbers[value->id]);
    else
        tenon__text_add(p->text, "none");
}

static void print_uses(printer *p, tenonh_value *const *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (i) tenon__text_add(p->text, ", ");
        print_use(p, values[i]);
    }
}

static void print_definitions(printer *p, tenonh_value *const *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (i) tenon__text_add(p->text, ", ");
        print_definition(p, values[i]);
    }
}

/* -- Constants ------------------------------------------------------------------------------------------------------- */

static bool prints_as_numbers(const tenonh_value *value, uint64_t count) {
    if (count > TENON__TEXT_NUMBERS) return false;
    if (tenon_dtype_class(value->dtype) != TENON_CLASS_FLOAT) return true;
    for (uint64_t i = 0; i < count; i++) { /* a NaN has bits that "nan" does not say */
        const char *at = (const char *)value->constant->data + i * (tenon_dtype_bits(value->dtype) / 8);
        double number = tenon__number_load(value->dtype, at).f;
        if (number != number) return false;
    }
    return true;
}

static void print_number(printer *p, tenon_dtype dtype, tenon__number number) {
    uint32_t class = tenon_dtype_class(dtype);
    if (class == TENON_CLASS_FLOAT)
        tenon__lex_print_float(p->text, dtype, number.f);
    else if (class == TENON_CLASS_SINT)
        tenon__text_format(p->text, "%lld", (long long)number.i);
    else
        tenon__text_format(p->text, "%llu", (unsigned long long)number.u);
}

static void print_hex(printer *p, const tenon__constant *constant) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = constant->data;
    tenon__text_add(p->text, "bytes \"");
    char part[512];
    size_t used = 0;
    for (uint64_t i = 0; i < constant->size; i++) {
        part[used++] = digits[bytes[i] >> 4];
        part[used++] = digits[bytes[i] & 15];
        if (used == sizeof part || i + 1 == constant->size) {
            tenon__text_append(p->text, part, used);
            used = 0;
        }
    }
    tenon__text_add(p->text, "\"");
}

static void print_constant(printer *p, const tenonh_value *value) {
    size_t size = tenon_dtype_bits(value->dtype) / 8;
    uint64_t count = value->constant->size / size;
    indent(p, 1);
    print_definition(p, value);
    tenon__text_add(p->text, " = constant ");
    if (p->flags & TENONH_PRINT_BRIEF && value->constant->size > TENON__TEXT_BRIEF) {
        tenon__text_add(p->text, "...");
    } else if (prints_as_numbers(value, count)) {
        tenon__text_add(p->text, "[");
        for (uint64_t i = 0; i < count; i++) {
            if (i) tenon__text_add(p->text, ", ");
            print_number(p, value->dtype,
                         tenon__number_load(value->dtype, (const char *)value->constant->data + i * size));
        }
        tenon__text_add(p->text, "]");
    } else {
        print_hex(p, value->constant);
    }
    tenon__text_add(p->text, "\n");
}

/* -- Nodes ------------------------------------------------------------------------------------------------------------- */

static void print_attr_entry(printer *p, uint32_t id, const tenonh_dim *dim) {
    int style = dim->kind == TENON__DIM_NUMBER ? tenon__attr_style(id) : TENON__ATTR_AS_INTEGER;
    if (style == TENON__ATTR_AS_DTYPE && tenon_dtype_bits((tenon_dtype)dim->number) && dim->number > 0 &&
        dim->number < TENON_DTYPE_COUNT) {
        tenon__text_add(p->text, tenon_dtype_name((tenon_dtype)dim->number));
        return;
    }
    double number;
    memcpy(&number, &dim->number, sizeof number);
    if (style == TENON__ATTR_AS_FLOAT && number == number)
        tenon__lex_print_float(p->text, TENON_DTYPE_F64, number);
    else if (style == TENON__ATTR_AS_FLOAT)
        tenon__text_format(p->text, "0x%llx", (unsigned long long)dim->number);
    else
        tenon__dim_print(p->text, dim);
}

static void print_attr(printer *p, const tenon__attr *attr) {
    const tenon_attr_row *row = tenon_attr_row_of(attr->id);
    tenon__text_format(p->text, "%s = ", row->name);
    if (row->is_list) tenon__text_add(p->text, "[");
    for (uint32_t i = 0; i < attr->count; i++) {
        if (i) tenon__text_add(p->text, ", ");
        print_attr_entry(p, attr->id, attr->dims[i]);
    }
    if (row->is_list) tenon__text_add(p->text, "]");
}

static void print_scalars(printer *p, const tenonh_node *node, uint32_t count) {
    tenon__text_add(p->text, "scalars = [");
    for (uint32_t i = 0; i < count; i++)
        tenon__text_format(p->text, "%s0x%llx", i ? ", " : "", (unsigned long long)node->scalars[i]);
    tenon__text_add(p->text, "]");
}

static void print_donated(printer *p, uint32_t donated) {
    const char *separator = "";
    tenon__text_add(p->text, "donated = [");
    for (uint32_t i = 0; i < 32; i++) {
        if (!(donated >> i & 1)) continue;
        tenon__text_format(p->text, "%s%u", separator, i);
        separator = ", ";
    }
    tenon__text_add(p->text, "]");
}

static void print_attrs(printer *p, const tenonh_node *node) {
    uint32_t scalars = node->kind == TENON__NODE_OP ? tenon_op_row_of(node->op)->scalar_count : 0;
    if (!node->attr_count && !scalars && !node->donated) return;
    const char *separator = " {";
    for (uint32_t i = 0; i < node->attr_count; i++) {
        tenon__text_add(p->text, separator);
        print_attr(p, &node->attrs[i]);
        separator = ", ";
    }
    if (scalars) {
        tenon__text_add(p->text, separator);
        print_scalars(p, node, scalars);
        separator = ", ";
    }
    if (node->donated) {
        tenon__text_add(p->text, separator);
        print_donated(p, node->donated);
    }
    tenon__text_add(p->text, "}");
}

static void print_kind(printer *p, const tenonh_node *node) {
    if (node->kind == TENON__NODE_OP)
        tenon__text_add(p->text, tenon_op_row_of(node->op)->name);
    else if (node->kind == TENON__NODE_COMPOSITE)
        tenon__text_format(p->text, "%s.%u", node->name, node->version);
    else
        tenon__text_add(p->text, kind_names[node->kind]);
    tenon__text_add(p->text, "(");
    print_uses(p, node->operands, node->operand_count);
    tenon__text_add(p->text, ")");
    const char *of = node->kind == TENON__NODE_CALL ? node->name : node->state ? node->state->name : NULL;
    if (!of) return;
    tenon__text_add(p->text, " of ");
    tenon__lex_print_string(p->text, of);
}

static void print_nodes(printer *p, const tenonh_region *region, int depth);

static void print_region(printer *p, const tenonh_region *region, int depth) {
    tenon__text_add(p->text, " region ");
    if (region->argument_count) {
        tenon__text_add(p->text, "(");
        print_definitions(p, region->arguments, region->argument_count);
        tenon__text_add(p->text, ") ");
    }
    tenon__text_add(p->text, "{\n");
    print_nodes(p, region, depth + 1);
    indent(p, depth + 1);
    tenon__text_add(p->text, region->result_count ? "yield " : "yield");
    print_uses(p, region->results, region->result_count);
    tenon__text_add(p->text, "\n");
    indent(p, depth);
    tenon__text_add(p->text, "}");
}

/* Results are defined before the regions' values in the text. */
static void print_nodes(printer *p, const tenonh_region *region, int depth) {
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        indent(p, depth);
        print_definitions(p, node->results, node->result_count);
        if (node->result_count) tenon__text_add(p->text, " = ");
        print_kind(p, node);
        print_attrs(p, node);
        for (uint32_t k = 0; k < node->location_count; k++) {
            tenon__text_add(p->text, k ? ", " : " from ");
            tenon__lex_print_string(p->text, node->locations[k]);
        }
        for (uint32_t k = 0; k < node->region_count; k++) print_region(p, node->regions[k], depth);
        tenon__text_add(p->text, "\n");
    }
}

static tenon_status print_function(printer *p, const tenonh_function *f) {
    p->numbers = calloc((size_t)f->value_count + 1, sizeof *p->numbers);
    if (!p->numbers) return tenon__fail_memory();
    p->next = 0;
    tenon__text_add(p->text, "\nfunc ");
    tenon__lex_print_name(p->text, f->name);
    tenon__text_add(p->text, "(");
    print_definitions(p, f->body->arguments, f->body->argument_count);
    tenon__text_add(p->text, ") {\n");
    for (uint32_t i = 0; i < f->constant_count; i++) print_constant(p, f->constants[i]);
    print_nodes(p, f->body, 1);
    tenon__text_add(p->text, "  return");
    for (uint32_t i = 0; i < f->body->result_count; i++) {
        tenon__text_add(p->text, i ? ", " : " ");
        tenon__lex_print_string(p->text, f->output_names[i]);
        tenon__text_add(p->text, " ");
        print_use(p, f->body->results[i]);
    }
    tenon__text_add(p->text, "\n}\n");
    free(p->numbers);
    p->numbers = NULL;
    return TENON_STATUS_OK;
}

/* -- Symbols: those that something mentions -------------------------------------------------------------------------- */

static void mark_dim(const tenonh_dim *dim, uint8_t *used) {
    if (dim->kind == TENON__DIM_SYMBOL && !used[dim->symbol->number]) {
        used[dim->symbol->number] = 1;
        if (dim->symbol->equal) mark_dim(dim->symbol->equal, used);
    }
    for (uint32_t i = 0; i < dim->count; i++) mark_dim(dim->operands[i], used);
}

static void mark_values(tenonh_value *const *values, uint32_t count, uint8_t *used) {
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < values[i]->rank; k++) mark_dim(values[i]->dims[k], used);
}

static void mark_region(const tenonh_region *region, uint8_t *used) {
    mark_values(region->arguments, region->argument_count, used);
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        mark_values(node->results, node->result_count, used);
        for (uint32_t k = 0; k < node->attr_count; k++)
            for (uint32_t j = 0; j < node->attrs[k].count; j++) mark_dim(node->attrs[k].dims[j], used);
        for (uint32_t k = 0; k < node->region_count; k++) mark_region(node->regions[k], used);
    }
}

static bool all_used(const tenonh_dim *dim, const uint8_t *used) {
    if (dim->kind == TENON__DIM_SYMBOL) return used[dim->symbol->number];
    for (uint32_t i = 0; i < dim->count; i++)
        if (!all_used(dim->operands[i], used)) return false;
    return true;
}

static void print_symbol(printer *p, const tenon__symbol *symbol) {
    tenon__text_add(p->text, "symbol ");
    tenon__lex_print_name(p->text, symbol->name);
    tenon__text_format(p->text, " in %lld .. %lld", (long long)symbol->range.min, (long long)symbol->range.max);
    if (symbol->range.divisor != 1) tenon__text_format(p->text, " of %lld", (long long)symbol->range.divisor);
    tenon__text_add(p->text, symbol->data ? " data\n" : "\n");
}

static void print_equality(printer *p, const tenonh_dim *a, const tenonh_dim *b) {
    tenon__text_add(p->text, "equal ");
    tenon__dim_print(p->text, a);
    tenon__text_add(p->text, " = ");
    tenon__dim_print(p->text, b);
    tenon__text_add(p->text, "\n");
}

static tenon_status print_symbols(printer *p, const tenonh_module *module) {
    const tenon__dims *dims = &module->dims;
    uint8_t *used = calloc((size_t)dims->symbol_count + 1, 1);
    if (!used) return tenon__fail_memory();
    for (const tenon__state *s = module->states; s; s = s->next)
        for (uint32_t i = 0; i < s->rank; i++) mark_dim(s->dims[i], used);
    for (const tenonh_function *f = module->functions; f; f = f->next) mark_region(f->body, used);
    for (uint32_t i = 0; i < dims->symbol_count; i++)
        if (used[i]) print_symbol(p, dims->symbols[i]);
    for (uint32_t i = 0; i < dims->symbol_count; i++)
        if (used[i] && dims->symbols[i]->equal) print_equality(p, dims->symbols[i]->dim, dims->symbols[i]->equal);
    for (uint32_t i = 0; i < dims->equality_count; i++)
        if (all_used(dims->equalities[i][0], used) && all_used(dims->equalities[i][1], used))
            print_equality(p, dims->equalities[i][0], dims->equalities[i][1]);
    free(used);
    return TENON_STATUS_OK;
}

tenon_status tenonh_module_print(const tenonh_module *module, uint32_t flags, char **out_text) {
    tenon__text text = {0};
    printer p = {.text = &text, .flags = flags};
    tenon__text_format(&text, "tenon.graph %d\n", TENON__GRAPH_VERSION);
    tenon_status status = print_symbols(&p, module);
    for (const tenon__state *s = module->states; s; s = s->next) {
        tenon__text_add(&text, "state ");
        tenon__lex_print_name(&text, s->name);
        tenon__text_add(&text, ": ");
        tenon__print_type(&text, s->dtype, s->rank, s->dims);
        tenon__text_add(&text, "\n");
    }
    for (const tenonh_function *f = module->functions; f && status == TENON_STATUS_OK; f = f->next)
        status = print_function(&p, f);
    char *taken = status == TENON_STATUS_OK ? tenon__text_take(&text) : NULL;
    tenon__text_free(&text);
    if (status == TENON_STATUS_OK && !taken) return tenon__fail_memory();
    if (taken) *out_text = taken;
    return status;
}
