/* What changed between two runs: rows by their names, in the order of the later run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "report/words.h"

/* X(NAME, "name", "title", is worse): kinds of change, in the order in which they are told. */
#define CHANGE_TABLE(X)                                                                                                \
    X(WORSE, "worse", "rows got worse", true)                                                                          \
    X(VANISHED, "vanished", "rows vanished", true)                                                                     \
    X(GROWN, "error", "errors grew", true)                                                                             \
    X(BETTER, "better", "rows got better", false)                                                                      \
    X(OTHER, "changed", "rows changed between words of one weight", false)                                             \
    X(APPEARED, "appeared", "rows appeared", false)                                                                    \
    X(SLOWER, "slower", "rows got slower", false)

enum {
#define KIND(NAME, name, title, worse) NAME,
    CHANGE_TABLE(KIND)
#undef KIND
        KIND_COUNT
};

static const struct {
    const char *name, *title;
    bool worse;
} kinds[KIND_COUNT] = {
#define KIND(NAME, name, title, worse) {name, title, worse},
    CHANGE_TABLE(KIND)
#undef KIND
};

/* An error is said to grow past this part of its bound and by this factor; a row gets slower by a factor and at least a
 * time that the clock and the scheduler do not make up. */
static const double grown_part = 0.05, grown_factor = 1.5, slower_factor = 2;
enum { SLOWER_NS = 20000000, MOST_TOLD = 200 /* rows of a kind in the text */ };

typedef struct change {
    uint32_t kind;
    const report_row *before, *after; /* NULL: not there */
} change;

typedef struct changes {
    change *list;
    uint32_t count, of_kind[KIND_COUNT];
} changes;

static void add(changes *all, uint32_t kind, const report_row *before, const report_row *after) {
    all->list[all->count++] = (change){kind, before, after};
    all->of_kind[kind]++;
}

static bool error_grew(double before, double after) {
    if (after < 0) return false;
    if (!isfinite(after)) return isfinite(before);
    return isfinite(before) && after > grown_part && after > fmax(before, 0) * grown_factor;
}

static void compare_rows(const report_row *before, const report_row *after, changes *all) {
    uint32_t a = report_outcome_weight(before->outcome), b = report_outcome_weight(after->outcome);
    bool stopped =
        before->outcome == REPORT_PASS && after->outcome != REPORT_PASS; /* a row that no longer applies, too */
    if (before->outcome != after->outcome)
        add(all, b > a || stopped ? WORSE : b < a || after->outcome == REPORT_PASS ? BETTER : OTHER, before, after);
    else if (error_grew(before->shown->error, after->shown->error))
        add(all, GROWN, before, after);
    double was = (double)before->shown->nanoseconds, is = (double)after->shown->nanoseconds;
    if (is > was * slower_factor && is > was + SLOWER_NS) add(all, SLOWER, before, after);
}

static bool collect(const report *a, const report *b, changes *all) {
    all->list = calloc(2 * ((size_t)a->records.row_count + b->records.row_count) + 1, sizeof *all->list);
    for (uint32_t i = 0; all->list && i < b->records.row_count; i++) {
        const cf_record_row *before = cf_records_row(&a->records, 0, b->rows[i].shown->name);
        if (before)
            compare_rows(&a->rows[before - a->records.rows], &b->rows[i], all);
        else
            add(all, APPEARED, NULL, &b->rows[i]);
    }
    for (uint32_t i = 0; all->list && i < a->records.row_count; i++)
        if (!cf_records_row(&b->records, 0, a->rows[i].shown->name)) add(all, VANISHED, &a->rows[i], NULL);
    return all->list;
}

static void tell_pair(uint32_t kind, const report_row *before, const report_row *after, tenon__text *out) {
    const cf_record_row *was = before->shown, *is = after->shown;
    if (kind == GROWN)
        tenon__text_format(out, "%s -> %s of the bound", was->error < 0 ? "none" : report_error(was->error),
                           report_error(is->error));
    else if (kind == SLOWER)
        tenon__text_format(out, "%s -> %s", report_time(was->nanoseconds), report_time(is->nanoseconds));
    else
        tenon__text_format(out, "%s -> %s", report_outcome_name(before->outcome), report_outcome_name(after->outcome));
    if (kind == WORSE && is->text[0]) tenon__text_format(out, ": %s", is->text);
}

static void tell(const change *c, tenon__text *out) {
    const report_row *any = c->after ? c->after : c->before;
    tenon__text_format(out, "  %s: ", any->shown->name);
    if (c->before && c->after)
        tell_pair(c->kind, c->before, c->after, out);
    else
        tenon__text_add(out, report_outcome_name(any->outcome));
    tenon__text_add(out, "\n");
}

/* What two runs have in common is what makes them comparable. */
static void tell_heads(const report *a, const report *b, tenon__text *out) {
    static const struct {
        const char *object, *key;
    } same[] = {{NULL, "profile"}, {NULL, "suite"}, {"device", "name"}, {"plugin", "sha256"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const char *of_a =
            same[i].object ? report_header_in(a, same[i].object, same[i].key) : report_header(a, same[i].key);
        const char *of_b =
            same[i].object ? report_header_in(b, same[i].object, same[i].key) : report_header(b, same[i].key);
        if (strcmp(of_a, of_b) == 0) continue;
        tenon__text_format(out, "%s%s%s: %s -> %s\n", same[i].object ? same[i].object : "", same[i].object ? " " : "",
                           same[i].key, of_a[0] ? of_a : "none", of_b[0] ? of_b : "none");
    }
    tenon__text_format(out, "verdict: %s -> %s\n", cf_close_name(a->close), cf_close_name(b->close));
}

static bool got_worse(const report *a, const report *b, const changes *all) {
    bool worse = a->close != b->close && (b->close == CF_CLOSE_FAILED || a->close == CF_CLOSE_CONFORMANT);
    for (uint32_t kind = 0; kind < KIND_COUNT; kind++) worse = worse || (kinds[kind].worse && all->of_kind[kind]);
    return worse;
}

int report_diff(const report *a, const report *b, tenon__text *out) {
    changes all = {0};
    if (!collect(a, b, &all)) {
        out->failed = 1;
        return 1;
    }
    tell_heads(a, b, out);
    for (uint32_t kind = 0; kind < KIND_COUNT; kind++) {
        uint32_t told = 0;
        if (!all.of_kind[kind]) continue;
        tenon__text_format(out, "%s %s:\n", report_count(all.of_kind[kind]), kinds[kind].title);
        for (uint32_t i = 0; i < all.count && told < MOST_TOLD; i++)
            if (all.list[i].kind == kind) tell(&all.list[i], out), told++;
        if (told < all.of_kind[kind])
            tenon__text_format(out, "  and %s more\n", report_count(all.of_kind[kind] - told));
    }
    if (!all.count) tenon__text_add(out, "no row changed\n");
    int code = got_worse(a, b, &all);
    free(all.list);
    return code;
}

/* {"row": NAME, "change": KIND, "before": {...}, "after": {...}} */
static void side(const char *key, const report_row *row, tenon__text *out) {
    if (!row) return;
    tenon__text_format(out, ", \"%s\": {\"outcome\": \"%s\"", key, report_outcome_name(row->outcome));
    if (isfinite(row->shown->error) && row->shown->error >= 0)
        tenon__text_format(out, ", \"error\": %.6g", row->shown->error);
    tenon__text_format(out, ", \"ns\": %.0f}", (double)row->shown->nanoseconds);
}

int report_diff_json(const report *a, const report *b, tenon__text *out) {
    changes all = {0};
    if (!collect(a, b, &all)) {
        out->failed = 1;
        return 1;
    }
    int code = got_worse(a, b, &all);
    tenon__text_format(out, "{\n  \"before\": \"%s\",\n  \"after\": \"%s\",\n  \"worse\": %s,\n  \"changes\": [",
                       cf_close_name(a->close), cf_close_name(b->close), code ? "true" : "false");
    for (uint32_t i = 0; i < all.count; i++) {
        const change *c = &all.list[i];
        tenon__text_format(out, "%s\n    {\"change\": \"%s\", \"row\": ", i ? "," : "", kinds[c->kind].name);
        report_json(out, (c->after ? c->after : c->before)->shown->name);
        side("before", c->before, out);
        side("after", c->after, out);
        tenon__text_add(out, "}");
    }
    tenon__text_add(out, all.count ? "\n  ]\n}\n" : "]\n}\n");
    free(all.list);
    return code;
}
