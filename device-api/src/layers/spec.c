/* "a,b:option=value" into layers and the values of their options. */
#include "layers/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "support/error.h"
#include "support/text.h"

static const tenon__layer_class *const classes[] = {&tenon__layer_validate, &tenon__layer_trace, &tenon__layer_fault,
                                                    &tenon__layer_skew};
enum { CLASS_COUNT = sizeof classes / sizeof classes[0] };

/* Taken by every layer, after the options of its own. */
static const tenon__layer_option only = {
    "only", TENON__OPTION_TEXT, 0, 0, 0, "the id of the plugin to wrap; others are left alone"};

static const tenon__layer_option *option_at(const tenon__layer_class *class, uint32_t index) {
    return index < class->option_count ? &class->options[index] : &only;
}

bool tenon__layer_applies(const tenon__layer_spec *spec, const char *id) {
    const char *wanted = spec->values[spec->class->option_count].text;
    return !wanted || strcmp(wanted, id) == 0;
}

/* -- Failures name what there is -------------------------------------------------------------------------------------- */

static tenon_status fail_layer(const char *name) {
    tenon__text known = {0};
    for (uint32_t i = 0; i < CLASS_COUNT; i++)
        tenon__text_format(&known, "%s%s (%s)", i ? ", " : "", classes[i]->name, classes[i]->meaning);
    tenon_status status = tenon__fail(TENON_STATUS_NOT_FOUND, "there is no layer \"%.64s\"; there are %s", name,
                                      tenon__text_string(&known));
    tenon__text_free(&known);
    return status;
}

static void describe_option(tenon__text *text, const tenon__layer_option *option) {
    static const char *const types[] = {"N", "TEXT", "STATUS"};
    tenon__text_format(text, "\n  %s=%s  %s", option->name, types[option->type], option->meaning);
}

static tenon_status fail_option(const tenon__layer_class *class, const char *name) {
    tenon__text known = {0};
    for (uint32_t i = 0; i <= class->option_count; i++) describe_option(&known, option_at(class, i));
    tenon_status status = tenon__fail(TENON_STATUS_INVALID, "layer %s has no option \"%.64s\"; it has%s", class->name,
                                      name, tenon__text_string(&known));
    tenon__text_free(&known);
    return status;
}

static tenon_status fail_value(const tenon__layer_class *class, const tenon__layer_option *option, const char *value) {
    if (option->type == TENON__OPTION_NUMBER)
        return tenon__fail(TENON_STATUS_INVALID,
                           "layer %s: %s is \"%.64s\"; it takes a whole number from %" PRId64 " to %" PRId64 ": %s",
                           class->name, option->name, value, option->least, option->most, option->meaning);
    return tenon__fail(TENON_STATUS_INVALID, "layer %s: %s is \"%.64s\"; it takes %s: %s", class->name, option->name,
                       value, option->type == TENON__OPTION_STATUS ? "the name of a status that is not OK" : "a text",
                       option->meaning);
}

/* -- Values ----------------------------------------------------------------------------------------------------------- */

static bool read_number(const tenon__layer_option *option, const char *text, int64_t *out_number) {
    char *end;
    errno = 0;
    *out_number = strtoll(text, &end, 10);
    return *text && *end == '\0' && errno == 0 && *out_number >= option->least && *out_number <= option->most;
}

static bool read_status(const char *text, int64_t *out_number) {
    for (uint32_t status = 1; status < TENON_STATUS_COUNT; status++) {
        if (strcmp(text, tenon_status_name(status)) != 0) continue;
        *out_number = status;
        return true;
    }
    return false;
}

static tenon_status take_value(tenon__layer_spec *spec, uint32_t index, const char *text) {
    const tenon__layer_option *option = option_at(spec->class, index);
    tenon__layer_value *value = &spec->values[index];
    if (value->text)
        return tenon__fail(TENON_STATUS_INVALID, "layer %s: %s is given twice", spec->class->name, option->name);
    bool good = *text != '\0';
    if (option->type == TENON__OPTION_NUMBER) good = read_number(option, text, &value->number);
    if (option->type == TENON__OPTION_STATUS) good = read_status(text, &value->number);
    if (!good) return fail_value(spec->class, option, text);
    value->text = text;
    return TENON_STATUS_OK;
}

static tenon_status take_option(tenon__layer_spec *spec, char *text) {
    char *equals = strchr(text, '=');
    const char *value = equals ? equals + 1 : "1"; /* a switch */
    if (equals) *equals = '\0';
    for (uint32_t i = 0; i <= spec->class->option_count; i++)
        if (strcmp(option_at(spec->class, i)->name, text) == 0) return take_value(spec, i, value);
    return fail_option(spec->class, text);
}

/* -- The list --------------------------------------------------------------------------------------------------------- */

/* Cuts the next part off that ends at one of `ends`, escapes taken out in place; *out_end is what ended it. */
static char *cut(char **text, const char *ends, char *out_end) {
    char *start = *text, *from = start, *to = start;
    while (*from && !strchr(ends, *from)) {
        if (*from == '\\' && from[1]) from++;
        *to++ = *from++;
    }
    *out_end = *from;
    *text = *from ? from + 1 : from;
    *to = '\0';
    return start;
}

static const tenon__layer_class *find_class(const char *name) {
    for (uint32_t i = 0; i < CLASS_COUNT; i++)
        if (strcmp(classes[i]->name, name) == 0) return classes[i];
    return NULL;
}

static tenon_status take_layer(tenon__layers *layers, char **text, char *out_end) {
    const char *name = cut(text, ",:", out_end);
    tenon__layer_spec *spec = &layers->specs[layers->count];
    spec->class = find_class(name);
    if (!spec->class) return fail_layer(name);
    spec->values = calloc((size_t)spec->class->option_count + 1, sizeof *spec->values);
    if (!spec->values) return tenon__fail_memory();
    layers->count++;
    for (uint32_t i = 0; i < spec->class->option_count; i++) spec->values[i].number = spec->class->options[i].otherwise;
    while (*out_end == ':') TENON_TRY(take_option(spec, cut(text, ",:", out_end)));
    return spec->class->create ? spec->class->create(spec->values, &spec->shared) : (tenon_status)TENON_STATUS_OK;
}

static tenon_status take_all(tenon__layers *layers) {
    char *text = layers->text, end = ',';
    while (end == ',') TENON_TRY(take_layer(layers, &text, &end));
    return TENON_STATUS_OK;
}

tenon_status tenon__layers_parse(const char *text, tenon__layers **out_layers) {
    *out_layers = NULL;
    if (!text || !*text) return TENON_STATUS_OK;
    size_t most = 1;
    for (const char *c = text; *c; c++) most += *c == ',';
    tenon__layers *layers = calloc(1, sizeof *layers);
    if (!layers) return tenon__fail_memory();
    layers->references = 1;
    layers->text = strdup(text);
    layers->specs = calloc(most, sizeof *layers->specs);
    tenon_status status = layers->text && layers->specs ? take_all(layers) : tenon__fail_memory();
    if (status == TENON_STATUS_OK)
        *out_layers = layers;
    else
        tenon__layers_release(layers);
    return status;
}

tenon__layers *tenon__layers_retain(tenon__layers *layers) {
    atomic_fetch_add_explicit(&layers->references, 1, memory_order_relaxed);
    return layers;
}

void tenon__layers_release(tenon__layers *layers) {
    if (!layers || atomic_fetch_sub_explicit(&layers->references, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < layers->count; i++) {
        const tenon__layer_spec *spec = &layers->specs[i];
        if (spec->class->destroy && spec->shared) spec->class->destroy(spec->shared);
        free(spec->values);
    }
    free(layers->specs);
    free(layers->text);
    free(layers);
}
