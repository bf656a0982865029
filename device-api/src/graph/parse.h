/* Reading the text form, inside. */
#ifndef TENON_GRAPH_PARSE_H
#define TENON_GRAPH_PARSE_H

#include "graph/dim_internal.h"
#include "graph/text.h"

/* A value as it is written where it is defined. */
typedef struct tenon__parsed_value {
    uint32_t number;
    char *name;
    tenon_dtype dtype;
    uint32_t rank;
    uint32_t memory;
    const tenonh_dim *dims[TENON_MAX_RANK];
} tenon__parsed_value;

typedef struct tenon__parser {
    tenon__lexer lexer;
    tenonh_module *module;
    tenonh_builder *b;
    tenon__arena scratch; /* of one function */
    uint32_t *numbers;    /* open addressing: number + 1 -> value at the same slot */
    tenonh_value **values;
    uint32_t size, count;
    uint32_t depth;
} tenon__parser;

tenon_status tenon__parse_type(tenon__parser *p, tenon_dtype *out_dtype, uint32_t *out_rank, const tenonh_dim **dims);
tenon_status tenon__parse_definition(tenon__parser *p, tenon__parsed_value *out_value);
tenon_status tenon__parse_uses(tenon__parser *p, const char *end, tenonh_value ***out_values, uint32_t *out_count);
tenon_status tenon__parse_use(tenon__parser *p, tenonh_value **out_value);

/* Gives a definition its value: number, name, memory. The value's type must be the one written. */
tenon_status tenon__parse_bind(tenon__parser *p, const tenon__parsed_value *written, tenonh_value *value);

/* One node, from its results to its regions. */
tenon_status tenon__parse_node(tenon__parser *p);

/* Fails where the lexer stands if the builder has failed. */
tenon_status tenon__parse_built(tenon__parser *p);

/* Makes room for one more element in a list of the scratch arena. */
tenon_status tenon__parse_grow(tenon__parser *p, void *list, uint32_t count, uint32_t *capacity, size_t element);

#endif
