/* Samples with numbers in them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "passes/rebuild.h"
#include "sample.h"

const char *const sample_symbols[SAMPLE_SYMBOLS] = {"n", "m", "k"};

uint32_t sample_below(uint64_t *seed, uint32_t limit) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*seed >> 33) % limit);
}

static int64_t number_of(const char *symbol, const int64_t *numbers) {
    for (uint32_t i = 0; i < SAMPLE_SYMBOLS; i++)
        if (strcmp(symbol, sample_symbols[i]) == 0) return numbers[i];
    return 1;
}

tenonh_module *sample_numbers(const tenonh_module *module, const int64_t *numbers) {
    tenon__rebuild r = {.source = module};
    if (tenonh_module_create(&r.target) != TENON_STATUS_OK) return NULL;
    r.symbols = calloc((size_t)module->dims.symbol_count + 1, sizeof(void *));
    tenon_status status = r.symbols ? TENON_STATUS_OK : TENON_STATUS_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < module->dims.symbol_count && status == TENON_STATUS_OK; i++)
        r.symbols[i] = tenon__dim_number(&r.target->dims, number_of(module->dims.symbols[i]->name, numbers));
    if (status == TENON_STATUS_OK) status = tenon__rebuild_function(&r, tenon__module_find(module, "main"), "main");
    free((void *)r.symbols);
    if (status == TENON_STATUS_OK) return r.target;
    tenonh_module_destroy(r.target);
    return NULL;
}

/* -- Values ----------------------------------------------------------------------------------------------------------- */

static tenon__number some_float(uint64_t *seed, tenon_dtype dtype) {
    static const double special[] = {0.0,  -0.0,     1.0,       -1.0,        2.0,          -2.0,   0.5,    -0.5, 1.5,
                                     2.5,  -3.0,     7.0,       1e-40,       -1e-40,       6e-5,   6e-8,   6e4,  -6e4,
                                     3e38, -3e38,    0x1p-126,  0x1p-1022,   1e300,        1e-300, 1e20,   0.1,  100.0,
                                     NAN,  INFINITY, -INFINITY, 2147483648., -2147483648., 9.3e18, -9.3e18};
    uint32_t pick = sample_below(seed, 64);
    double number =
        pick < sizeof special / sizeof *special ? special[pick] : (sample_below(seed, 2001) - 1000.0) / 64.0;
    return tenon__number_cast(TENON_DTYPE_F64, dtype, (tenon__number){.f = number}, false);
}

static tenon__number some_number(uint64_t *seed, tenon_dtype dtype) {
    static const int64_t special[] = {0,         1,         -1,        2,         -2,        3,   7,
                                      8,         31,        32,        63,        64,        127, -128,
                                      INT16_MIN, INT32_MIN, INT64_MIN, INT64_MAX, INT32_MAX, 255, 65535};
    uint32_t pick = sample_below(seed, 40);
    if (tenon_dtype_class(dtype) == TENON_CLASS_FLOAT) return some_float(seed, dtype);
    if (tenon_dtype_class(dtype) == TENON_CLASS_BOOL) return (tenon__number){.u = pick & 1};
    int64_t number = pick < sizeof special / sizeof *special ? special[pick] : (int64_t)sample_below(seed, 300) - 150;
    return tenon__number_of_bits(dtype, (uint64_t)number);
}

void sample_inputs(const tenonh_module *module, uint64_t seed, tenon__tensor *out_inputs) {
    const tenonh_region *body = tenon__module_find(module, "main")->body;
    for (uint32_t i = 0; i < body->argument_count; i++) {
        const tenonh_value *x = body->arguments[i];
        tenon__tensor *t = &out_inputs[i];
        *t = (tenon__tensor){.dtype = x->dtype, .rank = x->rank};
        if (tenon__value_numbers(x, t->dims) != TENON_STATUS_OK) abort();
        tenon__tensor_pack(t);
        size_t size = tenon_dtype_bits(x->dtype) / 8, count = (size_t)tenon__tensor_elements(t);
        t->data = malloc(count * size + 1);
        if (!t->data) abort();
        for (size_t k = 0; k < count; k++)
            tenon__number_store(x->dtype, (char *)t->data + k * size, some_number(&seed, x->dtype));
    }
}
