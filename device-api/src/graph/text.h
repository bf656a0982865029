/* The text form:
 *
 *   module    tenon.graph 1 {symbol | equality | state | function}
 *   symbol    symbol NAME in MIN .. MAX [of DIVISOR] [data]
 *   equality  equal DIM = DIM
 *   state     state NAME : TYPE
 *   function  func NAME ( {VALUE} ) { {node} return {NAME %ID} }
 *   node      [{VALUE} =] KIND ( {%ID | none} ) [of NAME] [{ {attribute} }] [from {NAME}] {region}
 *   region    region [( {VALUE} )] { {node} yield {%ID} }
 *   VALUE     %ID [NAME] : TYPE [host]
 *   TYPE      DTYPE [ {DIM} ] | token
 *   KIND      constant, an operator's name, a composite's name . version, if, while, for, call, read, write
 *   constant  VALUE = constant ( [ {NUMBER} ] | bytes "HEX" )
 *
 * Braces {x} stand for lists with commas between, or none between nodes. Names are words or quoted strings, dims as
 * dim_text.c writes them, # starts a comment. In canonical form values are numbered in the order that they appear in. */
#ifndef TENON_GRAPH_TEXT_H
#define TENON_GRAPH_TEXT_H

#include "graph/build_internal.h"
#include "graph/lexer.h"

/* How an attribute's integers are written. */
enum { TENON__ATTR_AS_INTEGER, TENON__ATTR_AS_DTYPE, TENON__ATTR_AS_FLOAT };
static inline int tenon__attr_style(uint32_t id) {
    const tenon_attr_row *row = tenon_attr_row_of(id);
    if (id == TENON_ATTR_DTYPE || id == TENON_ATTR_ACCUMULATOR) return TENON__ATTR_AS_DTYPE;
    return row && row->is_float ? TENON__ATTR_AS_FLOAT : TENON__ATTR_AS_INTEGER;
}

/* Elements of constants that are written as numbers; longer ones, and floats that numbers can't say, as bytes. */
enum { TENON__TEXT_NUMBERS = 64, TENON__TEXT_BRIEF = 64 /* bytes */ };

/* Name of a control or state node ("for"), NULL for other kinds; and back, 0 for other names. */
const char *tenon__kind_name(uint32_t kind);
uint32_t tenon__kind_by_name(const char *name, size_t length);

#endif
