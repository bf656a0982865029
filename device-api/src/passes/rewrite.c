/* Tries the rules of a node's operator, and keeps account. */
#include "passes/rewrite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/rule.h"

static const tenon__rule_row rows[] = {
#define TENON__RULE(name, phase, accuracy, source, checks, result, meaning)                                            \
    {name, TENON__PHASE_##phase, TENON__##accuracy, source, checks, result, meaning},
#include "passes/rules.def"
};

enum { RULES = sizeof rows / sizeof *rows };

const tenon__rule_row *tenon__rule_rows(uint32_t *out_count) {
    *out_count = RULES;
    return rows;
}

/* -- The table, taken apart once ------------------------------------------------------------------------------------- */

static struct {
    pthread_once_t once;
    tenon__arena arena;
    tenon__rule rules[RULES];
    uint32_t *lists; /* numbers of rules, root by root */
    uint32_t first[TENON__ROOT_COUNT + 1];
    tenon_status status;
    char message[256];
} table = {.once = PTHREAD_ONCE_INIT};

static bool starts_at(const tenon__rule *rule, uint32_t root) {
    if (rule->source->root) return rule->source->root == root;
    return root < TENON_OP_LIMIT && tenon__class_has(rule->source->class - 1, root);
}

static tenon_status index_rules(void) {
    table.lists = tenon__arena_array(&table.arena, (size_t)RULES * TENON__ROOT_COUNT, sizeof *table.lists);
    if (!table.lists) return tenon__fail_memory();
    uint32_t count = 0;
    for (uint32_t root = 0; root < TENON__ROOT_COUNT; root++) {
        table.first[root] = count;
        for (uint32_t i = 0; i < RULES; i++)
            if (starts_at(&table.rules[i], root)) table.lists[count++] = i;
    }
    table.first[TENON__ROOT_COUNT] = count;
    return TENON_STATUS_OK;
}

static void make_table(void) {
    table.status = TENON_STATUS_OK;
    for (uint32_t i = 0; i < RULES && table.status == TENON_STATUS_OK; i++)
        table.status = tenon__rule_parse(&table.arena, &rows[i], &table.rules[i]);
    if (table.status == TENON_STATUS_OK) table.status = index_rules();
    if (table.status != TENON_STATUS_OK) snprintf(table.message, sizeof table.message, "%s", tenonh_error_message());
}

tenon_status tenon__rules(const tenon__rule **out_rules, uint32_t *out_count) {
    pthread_once(&table.once, make_table);
    *out_rules = table.rules;
    *out_count = RULES;
    return table.status == TENON_STATUS_OK ? TENON_STATUS_OK : tenon__fail(table.status, "%s", table.message);
}

const uint32_t *tenon__rules_of(uint32_t root, uint32_t *out_count) {
    *out_count = table.first[root + 1] - table.first[root];
    return table.lists + table.first[root];
}

/* -- Selecting ------------------------------------------------------------------------------------------------------- */

static uint32_t rule_called(const char *name, size_t length) {
    for (uint32_t i = 0; i < RULES; i++)
        if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0) return i;
    return RULES;
}

static bool is_word(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static tenon_status select_word(uint8_t *enabled, const char *word, size_t length) {
    bool all = is_word(word, length, "all"), off = is_word(word, length, "off"), drop = length > 0 && *word == '-';
    if (all || off) {
        memset(enabled, all, RULES);
        return TENON_STATUS_OK;
    }
    uint32_t rule = rule_called(word + drop, length - drop);
    if (rule == RULES)
        return tenon__fail(TENON_STATUS_NOT_FOUND, "there is no rewrite rule '%.*s'", (int)(length - drop),
                           word + drop);
    enabled[rule] = !drop;
    return TENON_STATUS_OK;
}

static tenon_status select_words(uint8_t *enabled, const char *list) {
    memset(enabled, *list == '-', RULES);
    for (const char *word = list; *word;) {
        size_t length = strcspn(word, ",");
        TENON_TRY(select_word(enabled, word, length));
        word += length + (word[length] == ',');
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__rules_select(const char *list, uint8_t **out_enabled) {
    uint8_t *enabled = calloc(RULES, 1);
    if (!enabled) return tenon__fail_memory();
    tenon_status status = select_words(enabled, list ? list : "all");
    for (uint32_t i = 0; i < RULES; i++)
        if (rows[i].phase == TENON__PHASE_CLEAN) enabled[i] = 1;
    if (status == TENON_STATUS_OK)
        *out_enabled = enabled;
    else
        free(enabled);
    return status;
}

/* -- Notes ----------------------------------------------------------------------------------------------------------- */

uint32_t tenon__value_uses(const tenonh_builder *b, const tenonh_value *value) {
    const tenon__rewriter *r = b->rewriter;
    return r && value->id < r->note_count && r->notes[value->id].uses ? r->notes[value->id].uses : 1;
}

static tenon_status reserve_notes(tenon__rewriter *r, uint32_t id) {
    if (id < r->note_count) return TENON_STATUS_OK;
    uint32_t count = r->note_count ? r->note_count : 256;
    while (count <= id) count *= 2;
    tenon__value_note *notes = realloc(r->notes, count * sizeof *notes);
    if (!notes) return tenon__fail_memory();
    memset(notes + r->note_count, 0, (count - r->note_count) * sizeof *notes);
    r->notes = notes;
    r->note_count = count;
    return TENON_STATUS_OK;
}

tenon_status tenon__note_uses(tenon__rewriter *rewriter, const tenonh_value *value, uint32_t uses) {
    TENON_TRY(reserve_notes(rewriter, value->id));
    rewriter->notes[value->id].uses += uses;
    return TENON_STATUS_OK;
}

void tenon__forget_notes(tenon__rewriter *rewriter) {
    free(rewriter->notes);
    rewriter->notes = NULL;
    rewriter->note_count = 0;
}

/* -- Applying -------------------------------------------------------------------------------------------------------- */

enum { MAX_NESTING = 32, MAX_LOCATIONS = 16 };

static bool applies(const tenonh_builder *b, uint32_t rule) {
    uint32_t phase = rows[rule].phase;
    if (!b->rewriter) return phase == TENON__PHASE_CLEAN;
    if (b->rewriter->enabled && !b->rewriter->enabled[rule]) return false;
    return phase == TENON__PHASE_CLEAN || (phase & b->rewriter->phases);
}

static void add_location(const char **list, uint32_t *count, const char *name) {
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp(list[i], name) == 0) return;
    if (*count < MAX_LOCATIONS) list[(*count)++] = name;
}

/* What is built does the work of all that matched and goes away. */
static tenon_status merge_locations(tenonh_builder *b, const tenon__match *m) {
    uint32_t count = b->location_count < MAX_LOCATIONS ? b->location_count : MAX_LOCATIONS, own = count;
    const char **list = tenon__arena_array(&b->module->arena, MAX_LOCATIONS, sizeof *list);
    if (!list) return tenon__fail_memory();
    if (count) memcpy(list, b->locations, count * sizeof *list);
    for (uint32_t i = 1; i < m->node_count; i++)
        for (uint32_t k = 0; k < m->nodes[i]->location_count; k++)
            if (tenon__value_uses(b, m->nodes[i]->results[0]) == 1)
                add_location(list, &count, m->nodes[i]->locations[k]);
    if (count > own) tenon__builder_locations(b, list, count);
    return TENON_STATUS_OK;
}

/* The result uses a node that matched. */
static bool is_kept(const tenon__match *m, const tenonh_node *node) {
    for (uint32_t i = 0; i < m->rule->slot_count; i++)
        if (m->rule->kept >> i & 1 && m->slots[i].value == node->results[0]) return true;
    return false;
}

/* Cost of what matched and is not needed any more once the rule's result stands for the root. */
static tenon__cost cost_of_match(const tenonh_builder *b, const tenon__match *m) {
    tenon__cost cost = tenon__node_cost(m->root);
    for (uint32_t i = 1; i < m->node_count; i++) {
        uint32_t id = m->nodes[i]->results[0]->id;
        bool known = id < b->rewriter->note_count, again = is_kept(m, m->nodes[i]);
        for (uint32_t k = 1; k < i; k++) again = again || m->nodes[k] == m->nodes[i];
        if (!known || again || b->rewriter->notes[id].uses != 1 || b->rewriter->notes[id].credited) continue;
        b->rewriter->notes[id].credited = true;
        tenon__cost node = tenon__node_cost(m->nodes[i]);
        tenon__cost_add(&cost, &node, 1);
        tenon__cost_add(&b->rewriter->credited, &node, 1);
    }
    return cost;
}

static void record(tenon__rewriter *r, const char *rule, const char *location, const tenon__cost *gain) {
    tenon__report *report = r->report;
    tenon__cost_add(&r->gained, gain, 1);
    if (!report) return;
    if (report->count == report->capacity) {
        uint32_t capacity = report->capacity ? report->capacity * 2 : 64;
        tenon__fired *items = realloc(report->items, capacity * sizeof *items);
        if (!items) return; /* a line of a report: not worth a failure */
        report->items = items;
        report->capacity = capacity;
    }
    const char *copy = *location ? tenon__arena_string(&report->arena, location) : "";
    report->items[report->count++] = (tenon__fired){rule, copy ? copy : "", *gain};
}

void tenon__pass_fired(tenon__rewriter *rewriter, const char *pass, const tenonh_node *node) {
    if (!rewriter) return;
    tenon__cost cost = tenon__node_cost(node);
    record(rewriter, pass, node->location_count ? node->locations[0] : "", &cost);
}

void tenon__merged(tenon__rewriter *rewriter, const tenonh_node *node, const tenonh_node *equal) {
    if (!rewriter || equal->result_count == 0) return;
    uint32_t id = equal->results[0]->id;
    bool known = id < rewriter->note_count;
    if (known && rewriter->notes[id].credited) { /* counted as gone, and needed after all: the one for the other */
        tenon__cost cost = tenon__node_cost(equal);
        tenon__cost_add(&rewriter->credited, &cost, -1);
        rewriter->notes[id].credited = false;
    } else {
        tenon__pass_fired(rewriter, "cse", node);
    }
    /* A node inside of a rule's result has a user that nobody has counted. */
    if (known) rewriter->notes[id].uses += rewriter->notes[id].uses ? 1 : 2;
}

void tenon__report_free(tenon__report *report) {
    free(report->items);
    tenon__arena_free(&report->arena);
    *report = (tenon__report){0};
}

/* The result must be what the root was. */
static tenonh_value *check_type(tenonh_builder *b, const tenon__match *m, tenonh_value *value) {
    const tenonh_value *root = m->root->results[0];
    bool same = value->dtype == root->dtype && value->rank == root->rank;
    for (uint32_t i = 0; same && i < root->rank; i++)
        same = tenon__dim_compare(&b->module->dims, value->dims[i], root->dims[i]) != TENON__DIM_DIFFERENT;
    if (same) return value;
    return tenon__build_fail(b, TENON_STATUS_INTERNAL, "rule '%s' makes %s of %s", m->rule->row->name,
                             tenon__type_text(value), tenon__type_text(root));
}

/* What rules and passes have counted since `before`, of nodes that were only drafted: they never stood anywhere. */
static tenon__cost drafted(const tenon__rewriter *now, const tenon__rewriter *before) {
    tenon__cost cost = now->gained;
    tenon__cost_add(&cost, &before->gained, -1);
    tenon__cost_add(&cost, &now->credited, -1);
    tenon__cost_add(&cost, &before->credited, 1);
    return cost;
}

/* Gain: what matched, less what the rule made of it; to that, other rules have done what they count themselves. */
static tenonh_value *apply(tenonh_builder *b, const tenon__match *m) {
    tenon__rewriter *r = b->rewriter;
    const char *const *locations = b->locations;
    uint32_t location_count = b->location_count, first = b->region->node_count;
    tenon__rewriter before = {0};
    if (merge_locations(b, m) != TENON_STATUS_OK) return tenon__build_failed(b, TENON_STATUS_OUT_OF_MEMORY, NULL);
    if (r) before = *r;
    b->rewriting++;
    tenonh_value *value = tenon__rule_build(m);
    b->rewriting--;
    tenon__builder_locations(b, locations, location_count);
    if (!value || !check_type(b, m, value)) return NULL;
    if (!r) return value;
    tenon__cost inside = drafted(r, &before), gain = cost_of_match(b, m);
    tenon__cost_add(&gain, &inside, -1);
    for (uint32_t i = first; i < b->region->node_count; i++) {
        tenon__cost placed = tenon__node_cost(b->region->nodes[i]);
        tenon__cost_add(&gain, &placed, -1);
    }
    r->fired++;
    record(r, m->rule->row->name, location_count ? locations[0] : "", &gain);
    return value;
}

tenonh_value *tenon__rewrite(tenonh_builder *b, tenonh_node *node) {
    const tenon__rule *rules;
    uint32_t root = tenon__root_of(node), count;
    if (root == TENON__ROOT_NONE || b->rewriting == MAX_NESTING) return NULL;
    tenon_status status = tenon__rules(&rules, &count);
    if (status != TENON_STATUS_OK) return tenon__build_failed(b, status, NULL);
    const uint32_t *list = tenon__rules_of(root, &count);
    for (uint32_t i = 0; i < count && b->status == TENON_STATUS_OK; i++) {
        tenon__match m;
        if (!applies(b, list[i]) || !tenon__rule_match(b, &rules[list[i]], node, &m)) continue;
        tenonh_value *value = apply(b, &m);
        if (value) return value;
    }
    return NULL;
}
