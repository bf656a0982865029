#include "graph/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Numbers of values ------------------------------------------------------------------------------------------------ */

static uint32_t slot_of(const tenon__parser *p, uint32_t number) {
    uint32_t slot = number * 2654435761u & (p->size - 1);
    while (p->numbers[slot] && p->numbers[slot] != number + 1) slot = (slot + 1) & (p->size - 1);
    return slot;
}

static tenon_status grow_numbers(tenon__parser *p) {
    tenon__parser grown = *p;
    if (p->count * 2 + 2 <= p->size) return TENON_STATUS_OK;
    grown.size = p->size ? p->size * 2 : 64;
    grown.numbers = calloc(grown.size, sizeof *grown.numbers);
    grown.values = calloc(grown.size, sizeof(void *));
    if (!grown.numbers || !grown.values) {
        free(grown.numbers);
        free((void *)grown.values);
        return tenon__fail_memory();
    }
    for (uint32_t i = 0; i < p->size; i++) {
        if (!p->numbers[i]) continue;
        uint32_t slot = slot_of(&grown, p->numbers[i] - 1);
        grown.numbers[slot] = p->numbers[i];
        grown.values[slot] = p->values[i];
    }
    free(p->numbers);
    free((void *)p->values);
    p->numbers = grown.numbers;
    p->values = grown.values;
    p->size = grown.size;
    return TENON_STATUS_OK;
}

static tenon_status parse_number(tenon__parser *p, uint32_t *out_number) {
    int64_t number;
    TENON_TRY(tenon__lex_expect(&p->lexer, "%"));
    TENON_TRY(tenon__lex_integer(&p->lexer, &number));
    if (number < 0 || number >= UINT32_MAX) return tenon__lex_fail(&p->lexer, "value numbers are 0 to 4294967294");
    *out_number = (uint32_t)number;
    return TENON_STATUS_OK;
}

tenon_status tenon__parse_use(tenon__parser *p, tenonh_value **out_value) {
    uint32_t number;
    TENON_TRY(parse_number(p, &number));
    *out_value = p->size ? p->values[slot_of(p, number)] : NULL;
    return *out_value ? TENON_STATUS_OK : tenon__lex_fail(&p->lexer, "%%%u is not defined before", number);
}

/* -- Values and types --------------------------------------------------------------------------------------------------- */

tenon_status tenon__parse_grow(tenon__parser *p, void *list, uint32_t count, uint32_t *capacity, size_t element) {
    if (count >= TENON__MAX_OPERANDS)
        return tenon__lex_fail(&p->lexer, "a list has at most %d entries", TENON__MAX_OPERANDS);
    return tenon__grow(&p->scratch, list, count, capacity, element);
}

tenon_status tenon__parse_built(tenon__parser *p) {
    tenon_status status = tenonh_builder_status(p->b);
    if (status == TENON_STATUS_OK) return status;
    tenon__fail(status, "%s", p->b->message);
    return tenon__lex_fail_here(&p->lexer, status);
}

tenon_status tenon__parse_type(tenon__parser *p, tenon_dtype *out_dtype, uint32_t *out_rank, const tenonh_dim **dims) {
    const char *word;
    size_t length;
    char name[16] = "";
    *out_rank = 0;
    if (!tenon__lex_word(&p->lexer, &word, &length)) return tenon__lex_fail(&p->lexer, "a type should stand here");
    if (length < sizeof name) memcpy(name, word, length);
    if (strcmp(name, "token") == 0) {
        *out_dtype = TENONH_TOKEN;
        return TENON_STATUS_OK;
    }
    *out_dtype = tenon_dtype_by_name(name);
    if (!tenon_dtype_is_base(*out_dtype))
        return tenon__lex_fail(&p->lexer, "'%.*s' is no dtype of values", (int)(length < 32 ? length : 32), word);
    TENON_TRY(tenon__lex_expect(&p->lexer, "["));
    while (!tenon__lex_take(&p->lexer, "]")) {
        if (*out_rank == TENON_MAX_RANK) return tenon__lex_fail(&p->lexer, "ranks go up to %d", TENON_MAX_RANK);
        if (*out_rank) TENON_TRY(tenon__lex_expect(&p->lexer, ","));
        TENON_TRY(tenon__dim_parse(&p->module->dims, &p->lexer, &dims[(*out_rank)++]));
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__parse_definition(tenon__parser *p, tenon__parsed_value *out_value) {
    *out_value = (tenon__parsed_value){0};
    TENON_TRY(parse_number(p, &out_value->number));
    if (tenon__lex_next_is_string(&p->lexer))
        TENON_TRY(tenon__lex_name(&p->lexer, &p->module->arena, &out_value->name));
    TENON_TRY(tenon__lex_expect(&p->lexer, ":"));
    TENON_TRY(tenon__parse_type(p, &out_value->dtype, &out_value->rank, out_value->dims));
    if (tenon__lex_take(&p->lexer, "host")) out_value->memory = TENON__MEMORY_HOST;
    return TENON_STATUS_OK;
}

tenon_status tenon__parse_bind(tenon__parser *p, const tenon__parsed_value *written, tenonh_value *value) {
    struct tenonh_value type = {.dtype = written->dtype, .rank = written->rank};
    memcpy(type.dims, written->dims, sizeof type.dims);
    TENON_TRY(tenon__parse_built(p));
    if (!value) return tenon__lex_fail(&p->lexer, "%%%u is not among the results", written->number);
    bool same = value->dtype == written->dtype && value->rank == written->rank;
    for (uint32_t i = 0; i < written->rank && same; i++)
        same = tenon__dim_compare(&p->module->dims, value->dims[i], written->dims[i]) != TENON__DIM_DIFFERENT;
    if (!same)
        return tenon__lex_fail(&p->lexer, "%%%u is said to be %s and is %s", written->number, tenon__type_text(&type),
                               tenon__type_text(value));
    memcpy(value->dims, written->dims, written->rank * sizeof *value->dims);
    TENON_TRY(grow_numbers(p));
    uint32_t slot = slot_of(p, written->number);
    if (p->numbers[slot]) return tenon__lex_fail(&p->lexer, "%%%u is defined twice", written->number);
    p->numbers[slot] = written->number + 1;
    p->values[slot] = value;
    p->count++;
    if (written->name) value->name = written->name;
    value->memory = written->memory;
    return TENON_STATUS_OK;
}

tenon_status tenon__parse_uses(tenon__parser *p, const char *end, tenonh_value ***out_values, uint32_t *out_count) {
    tenonh_value **values = NULL;
    uint32_t count = 0, capacity = 0;
    while (!tenon__lex_take(&p->lexer, end)) {
        if (count) TENON_TRY(tenon__lex_expect(&p->lexer, ","));
        TENON_TRY(tenon__parse_grow(p, &values, count, &capacity, sizeof *values));
        values[count] = NULL;
        if (!tenon__lex_take(&p->lexer, "none")) TENON_TRY(tenon__parse_use(p, &values[count]));
        count++;
    }
    *out_values = values;
    *out_count = count;
    return TENON_STATUS_OK;
}

/* -- Head of a module --------------------------------------------------------------------------------------------------- */

static tenon_status parse_symbol(tenon__parser *p) {
    tenon_symbol range = {0, 0, 1};
    char *name;
    TENON_TRY(tenon__lex_name(&p->lexer, &p->module->arena, &name));
    TENON_TRY(tenon__lex_expect(&p->lexer, "in"));
    TENON_TRY(tenon__lex_integer(&p->lexer, &range.min));
    TENON_TRY(tenon__lex_expect(&p->lexer, ".."));
    TENON_TRY(tenon__lex_integer(&p->lexer, &range.max));
    if (tenon__lex_take(&p->lexer, "of")) TENON_TRY(tenon__lex_integer(&p->lexer, &range.divisor));
    bool data = tenon__lex_take(&p->lexer, "data");
    if (tenon__dim_find_symbol(&p->module->dims, name))
        return tenon__lex_fail(&p->lexer, "symbol '%.64s' is declared twice", name);
    const tenonh_dim *dim = data ? tenon__dim_data_symbol(&p->module->dims, name, &range)
                                 : tenon__dim_symbol(&p->module->dims, name, &range);
    return dim ? TENON_STATUS_OK : tenon__lex_fail_here(&p->lexer, TENON_STATUS_BAD_DATA);
}

static tenon_status parse_equality(tenon__parser *p) {
    const tenonh_dim *a, *b;
    TENON_TRY(tenon__dim_parse(&p->module->dims, &p->lexer, &a));
    TENON_TRY(tenon__lex_expect(&p->lexer, "="));
    TENON_TRY(tenon__dim_parse(&p->module->dims, &p->lexer, &b));
    tenon_status status = tenon__dim_equate(&p->module->dims, a, b);
    return status == TENON_STATUS_OK ? status : tenon__lex_fail_here(&p->lexer, status);
}

static tenon_status parse_state(tenon__parser *p) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    tenon_dtype dtype;
    uint32_t rank;
    char *name;
    TENON_TRY(tenon__lex_name(&p->lexer, &p->module->arena, &name));
    TENON_TRY(tenon__lex_expect(&p->lexer, ":"));
    TENON_TRY(tenon__parse_type(p, &dtype, &rank, dims));
    tenon_status status = tenonh_module_state(p->module, name, dtype, rank, dims);
    return status == TENON_STATUS_OK ? status : tenon__lex_fail_here(&p->lexer, status);
}

/* -- Functions ---------------------------------------------------------------------------------------------------------- */

static tenon_status parse_inputs(tenon__parser *p) {
    TENON_TRY(tenon__lex_expect(&p->lexer, "("));
    for (uint32_t count = 0; !tenon__lex_take(&p->lexer, ")"); count++) {
        tenon__parsed_value written;
        char name[32];
        if (count) TENON_TRY(tenon__lex_expect(&p->lexer, ","));
        TENON_TRY(tenon__parse_definition(p, &written));
        snprintf(name, sizeof name, "%u", written.number);
        tenonh_value *value =
            tenonh_build_input(p->b, written.name ? written.name : name, written.dtype, written.rank, written.dims);
        TENON_TRY(tenon__parse_bind(p, &written, value));
    }
    return TENON_STATUS_OK;
}

static tenon_status parse_outputs(tenon__parser *p) {
    for (uint32_t count = 0; !tenon__lex_take(&p->lexer, "}"); count++) {
        char *name;
        tenonh_value *value;
        if (count) TENON_TRY(tenon__lex_expect(&p->lexer, ","));
        TENON_TRY(tenon__lex_name(&p->lexer, &p->scratch, &name));
        TENON_TRY(tenon__parse_use(p, &value));
        tenonh_build_output(p->b, name, value);
        TENON_TRY(tenon__parse_built(p));
    }
    return TENON_STATUS_OK;
}

static tenon_status parse_body(tenon__parser *p) {
    TENON_TRY(parse_inputs(p));
    TENON_TRY(tenon__lex_expect(&p->lexer, "{"));
    while (!tenon__lex_take(&p->lexer, "return")) {
        if (tenon__lex_at_end(&p->lexer)) return tenon__lex_fail(&p->lexer, "the function has no end");
        TENON_TRY(tenon__parse_node(p));
    }
    return parse_outputs(p);
}

static tenon_status parse_function(tenon__parser *p) {
    char *name;
    TENON_TRY(tenon__lex_name(&p->lexer, &p->module->arena, &name));
    tenon_status status = tenon__builder_create(p->module, name, 0, &p->b);
    if (status != TENON_STATUS_OK) return tenon__lex_fail_here(&p->lexer, status);
    status = parse_body(p);
    if (status != TENON_STATUS_OK && p->b->status == TENON_STATUS_OK) tenon__build_failed(p->b, status, NULL);
    tenon_status finished = tenonh_builder_finish(p->b);
    free(p->numbers);
    free((void *)p->values);
    p->numbers = NULL;
    p->values = NULL;
    p->size = p->count = 0;
    tenon__arena_free(&p->scratch);
    return status != TENON_STATUS_OK ? status : finished;
}

static tenon_status parse_module(tenon__parser *p) {
    int64_t version;
    TENON_TRY(tenon__lex_expect(&p->lexer, "tenon.graph"));
    TENON_TRY(tenon__lex_integer(&p->lexer, &version));
    if (version < 1 || version > TENON__GRAPH_VERSION)
        return tenon__lex_fail(&p->lexer, "version %lld is newer than %d, the newest this library reads",
                               (long long)version, TENON__GRAPH_VERSION);
    while (!tenon__lex_at_end(&p->lexer)) {
        if (tenon__lex_take(&p->lexer, "symbol"))
            TENON_TRY(parse_symbol(p));
        else if (tenon__lex_take(&p->lexer, "equal"))
            TENON_TRY(parse_equality(p));
        else if (tenon__lex_take(&p->lexer, "state"))
            TENON_TRY(parse_state(p));
        else if (tenon__lex_take(&p->lexer, "func"))
            TENON_TRY(parse_function(p));
        else
            return tenon__lex_fail(&p->lexer, "symbol, equal, state or func should stand here");
    }
    return TENON_STATUS_OK;
}

tenon_status tenonh_module_parse(const char *text, size_t size, tenonh_module **out_module) {
    tenon__parser p = {.lexer = {text, text, text + size}};
    TENON_TRY(tenonh_module_create(&p.module));
    tenon_status status = parse_module(&p);
    if (status == TENON_STATUS_OK) status = tenonh_module_verify(p.module);
    if (status == TENON_STATUS_OK)
        *out_module = p.module;
    else
        tenonh_module_destroy(p.module);
    return status;
}
