/* Einsum: operands are taken two at a time, each pair as one matrix product with the shared labels that are still
 * needed as batch, and those that are not as the inner dim. */
#include <ctype.h>
#include <string.h>

#include "onnx/operators.h"

/* Letters are labels 0 ... 51; the dims of an ellipsis are 52 and up, the last dim the largest. */
enum { LETTERS = 52, LABELS = LETTERS + TENON_MAX_RANK };

typedef struct term {
    tenonh_value *value;
    uint32_t rank;
    uint8_t labels[TENON_MAX_RANK];
} term;

typedef struct equation {
    const tenon__onnx_node *n;
    uint32_t ellipsis; /* most dims that an ellipsis stands for */
    const tenonh_dim *dims[LABELS];
    uint32_t uses[LABELS]; /* operands that have the label, from the present one on */
    uint32_t rank;         /* of the result */
    uint8_t labels[TENON_MAX_RANK];
} equation;

static int has(const term *t, uint8_t label) {
    return t->rank && memchr(t->labels, label, t->rank) != NULL;
}

static int in_result(const equation *e, uint8_t label) {
    return e->rank && memchr(e->labels, label, e->rank) != NULL;
}

static int needed(const equation *e, uint8_t label) {
    return e->uses[label] > 0 || in_result(e, label);
}

static int fail(const equation *e, const char *what) {
    tenon__onnx_fail(e->n, TENON_STATUS_INVALID, "its equation does not fit: %s", what);
    return 0;
}

/* Reads the labels of one term up to `end`. rank: that of the operand, or UINT32_MAX for the result, whose ellipsis has
 * as many dims as the longest. */
static int read_labels(const equation *e, const char *at, const char *end, uint32_t rank, uint8_t *labels,
                       uint32_t *out_rank) {
    uint32_t count = 0, letters = 0;
    for (const char *c = at; c < end; c++) letters += isalpha((unsigned char)*c) != 0;
    uint32_t dots = rank == UINT32_MAX ? e->ellipsis : rank - letters;
    if (rank != UINT32_MAX && letters > rank) return fail(e, "an operand has fewer dims than labels");
    for (; at < end; at++) {
        uint32_t more = *at == '.' ? dots : 1;
        if (count + more > TENON_MAX_RANK) return fail(e, "a term has too many labels");
        if (*at == '.') {
            if (end - at < 3 || memcmp(at, "...", 3) != 0) return fail(e, "'.' stands alone");
            for (uint32_t i = 0; i < dots; i++) labels[count++] = (uint8_t)(LABELS - dots + i);
            at += 2;
        } else if (isalpha((unsigned char)*at)) {
            labels[count++] = (uint8_t)(islower((unsigned char)*at) ? 26 + *at - 'a' : *at - 'A');
        } else if (*at != ' ') {
            return fail(e, "a label is no letter");
        }
    }
    if (rank != UINT32_MAX && count != rank) return fail(e, "an operand has more dims than labels");
    *out_rank = count;
    return 1;
}

/* Keeps the diagonal of two axes that have the same label. */
static void take_diagonal(const equation *e, term *t, uint32_t p, uint32_t q) {
    tenonh_builder *b = e->n->b;
    const int64_t axes[] = {q};
    tenonh_value *x = t->value;
    tenonh_value *on = tenon__binary(b, TENON_OP_EQ, tenon__iota(b, TENON_DTYPE_I64, p, x->rank, x->dims),
                                     tenon__iota(b, TENON_DTYPE_I64, q, x->rank, x->dims));
    tenonh_value *zero = tenon__expand_like(b, tenonh_build_scalar(b, x->dtype, 0), x);
    t->value = tenon__reduce(b, TENON_OP_SUM, tenon__where(b, on, x, zero), 1, axes, false);
    memmove(t->labels + q, t->labels + q + 1, t->rank - q - 1);
    t->rank--;
}

static int without_repeats(const equation *e, term *t) {
    for (uint32_t q = t->rank; q-- > 1;)
        for (uint32_t p = 0; p < q; p++)
            if (t->value && t->labels[p] == t->labels[q]) {
                take_diagonal(e, t, p, q);
                break;
            }
    return t->value != NULL;
}

static int note_dims(equation *e, const term *t) {
    for (uint32_t d = 0; d < t->rank; d++) {
        uint8_t label = t->labels[d];
        const tenonh_dim *dim = t->value->dims[d];
        e->dims[label] = e->dims[label] ? tenon__dim2(e->n->b, TENONH_DIM_BROADCAST, e->dims[label], dim) : dim;
        e->uses[label]++;
        if (!e->dims[label]) return 0;
    }
    return 1;
}

/* Sums over the labels that are in neither the other term nor the rest. */
static void sum_unused(const equation *e, term *t, const term *other) {
    int64_t axes[TENON_MAX_RANK];
    uint32_t count = 0, kept = 0;
    for (uint32_t d = 0; d < t->rank; d++) {
        if (needed(e, t->labels[d]) || (other && has(other, t->labels[d])))
            t->labels[kept++] = t->labels[d];
        else
            axes[count++] = d;
    }
    t->rank = kept;
    if (count) t->value = tenon__reduce(e->n->b, TENON_OP_SUM, t->value, count, axes, false);
}

/* Puts a term's axes in the order of `labels`; those that it has not become dims of 1. */
static tenonh_value *arranged(const equation *e, const term *t, const uint8_t *labels, uint32_t count) {
    int64_t perm[TENON_MAX_RANK] = {0};
    uint32_t rank = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t d = 0; d < t->rank; d++)
            if (t->labels[d] == labels[i]) perm[rank++] = d;
    tenonh_value *value = tenon__permute(e->n->b, t->value, perm);
    for (uint32_t i = 0; value && i < count; i++)
        if (!has(t, labels[i])) value = tenon__unsqueeze(e->n->b, value, i);
    return value;
}

/* A term as batch x rows x columns. */
static tenonh_value *as_matrices(const equation *e, const term *t, const uint8_t *labels, const uint32_t *counts) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    uint32_t at = counts[0];
    for (uint32_t i = 0; i < at; i++) dims[i] = e->dims[labels[i]];
    for (uint32_t part = 1; part < 3; part++) {
        const tenonh_dim *all[TENON_MAX_RANK];
        for (uint32_t i = 0; i < counts[part]; i++) all[i] = e->dims[labels[at + i]];
        dims[counts[0] + part - 1] = tenon__dim_product(e->n->b, all, counts[part]);
        at += counts[part];
    }
    return tenon__reshape(e->n->b, arranged(e, t, labels, at), counts[0] + 2, dims);
}

/* Labels of x, y or both, of which the shared ones are or are not needed afterwards. */
enum { SHARED_KEPT, SHARED_DROPPED, ONLY_FIRST };

static uint32_t pick(const equation *e, const term *x, const term *y, int which, uint8_t *out) {
    uint32_t count = 0;
    for (uint32_t d = 0; d < x->rank; d++) {
        uint8_t label = x->labels[d];
        int kind = !has(y, label) ? ONLY_FIRST : needed(e, label) ? SHARED_KEPT : SHARED_DROPPED;
        if (kind == which) out[count++] = label;
    }
    return count;
}

static int join(const equation *e, term *x, term *y) {
    tenonh_builder *b = e->n->b;
    uint8_t batch[TENON_MAX_RANK], inner[TENON_MAX_RANK], left[TENON_MAX_RANK], right[TENON_MAX_RANK];
    uint8_t first[2 * TENON_MAX_RANK], second[2 * TENON_MAX_RANK], labels[3 * TENON_MAX_RANK];
    const tenonh_dim *dims[TENON_MAX_RANK];
    sum_unused(e, x, y);
    sum_unused(e, y, x);
    if (!x->value || !y->value) return 0;
    uint32_t nb = pick(e, x, y, SHARED_KEPT, batch), nk = pick(e, x, y, SHARED_DROPPED, inner);
    uint32_t nl = pick(e, x, y, ONLY_FIRST, left), nr = pick(e, y, x, ONLY_FIRST, right), rank = nb + nl + nr;
    if (rank > TENON_MAX_RANK || nb + 2 > TENON_MAX_RANK) return fail(e, "a product in between has too many dims");
    memcpy(labels, batch, nb);
    memcpy(labels + nb, left, nl);
    memcpy(labels + nb + nl, right, nr);
    for (uint32_t i = 0; i < rank; i++) dims[i] = e->dims[labels[i]];
    if (nk == 0) { /* nothing to sum over */
        x->value = tenon__binary(b, TENON_OP_MUL, tenon__expand(b, arranged(e, x, labels, rank), rank, dims),
                                 tenon__expand(b, arranged(e, y, labels, rank), rank, dims));
    } else {
        memcpy(first, labels, nb + nl);
        memcpy(first + nb + nl, inner, nk);
        memcpy(second, batch, nb);
        memcpy(second + nb, inner, nk);
        memcpy(second + nb + nk, right, nr);
        tenonh_value *matrix = tenon__matmul(b, as_matrices(e, x, first, (uint32_t[]){nb, nl, nk}),
                                             as_matrices(e, y, second, (uint32_t[]){nb, nk, nr}), 0, 0);
        x->value = tenon__reshape(b, matrix, rank, dims);
    }
    memcpy(x->labels, labels, rank);
    x->rank = rank;
    return x->value != NULL;
}

/* Without an arrow: the ellipsis, then the labels that come once, in alphabetical order. */
static int implied_result(equation *e, const uint32_t *occurrences) {
    for (uint32_t i = 0; i < e->ellipsis; i++) e->labels[e->rank++] = (uint8_t)(LABELS - e->ellipsis + i);
    for (uint32_t label = 0; label < LETTERS; label++) {
        if (occurrences[label] != 1) continue;
        if (e->rank == TENON_MAX_RANK) return fail(e, "the result has too many dims");
        e->labels[e->rank++] = (uint8_t)label;
    }
    return 1;
}

/* Reads all operands' terms and the result's. */
static int read_equation(equation *e, const char *text, term *terms) {
    const tenon__onnx_node *n = e->n;
    uint32_t occurrences[LABELS] = {0};
    const char *arrow = strstr(text, "->"), *end = arrow ? arrow : text + strlen(text), *at = text;
    for (uint32_t i = 0; i < n->input_count; i++) {
        const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
        if (!n->inputs[i] || (i + 1 < n->input_count) != (comma != NULL))
            return fail(e, "it has another number of terms");
        terms[i].value = n->inputs[i];
        if (!read_labels(e, at, stop, n->inputs[i]->rank, terms[i].labels, &terms[i].rank)) return 0;
        uint32_t dots = 0;
        for (uint32_t d = 0; d < terms[i].rank; d++) {
            occurrences[terms[i].labels[d]]++;
            dots += terms[i].labels[d] >= LETTERS;
        }
        if (dots > e->ellipsis) e->ellipsis = dots;
        at = stop + 1;
    }
    if (!arrow) return implied_result(e, occurrences);
    return read_labels(e, arrow + 2, text + strlen(text), UINT32_MAX, e->labels, &e->rank);
}

/* Gives every operand the full dims of its labels: a dim of 1 goes with any. */
static void expand_terms(const equation *e, term *terms) {
    for (uint32_t i = 0; i < e->n->input_count; i++) {
        const tenonh_dim *dims[TENON_MAX_RANK];
        for (uint32_t d = 0; d < terms[i].rank; d++) dims[d] = e->dims[terms[i].labels[d]];
        terms[i].value = tenon__expand(e->n->b, terms[i].value, terms[i].rank, dims);
    }
}

static void leave(equation *e, const term *t) {
    for (uint32_t d = 0; d < t->rank; d++) e->uses[t->labels[d]]--;
}

tenonh_value *tenon__onnx_lower_einsum(tenon__onnx_node *n) {
    equation e = {.n = n};
    const char *text = tenon__onnx_string(n, "equation", "");
    term *terms = tenon__arena_array(&n->import->arena, n->input_count, sizeof *terms);
    if (!terms) return tenon__onnx_fail(n, TENON_STATUS_OUT_OF_MEMORY, "host memory is used up");
    if (!read_equation(&e, text, terms)) return NULL;
    for (uint32_t i = 0; i < n->input_count; i++)
        if (!without_repeats(&e, &terms[i]) || !note_dims(&e, &terms[i])) return NULL;
    for (uint32_t d = 0; d < e.rank; d++)
        if (!e.dims[e.labels[d]]) return fail(&e, "the result has a label that no operand has"), NULL;
    expand_terms(&e, terms);
    term result = terms[0];
    leave(&e, &result);
    for (uint32_t i = 1; i < n->input_count; i++) {
        leave(&e, &terms[i]);
        if (!result.value || !terms[i].value || !join(&e, &result, &terms[i])) return NULL;
    }
    sum_unused(&e, &result, NULL);
    return result.value ? arranged(&e, &result, e.labels, e.rank) : NULL;
}
