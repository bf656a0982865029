/* Floats as text, in the "C" locale whatever the process has set. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_internal.h"

enum { LONGEST_FLOAT = 128 };

static double read_float(const char *text, char **out_end) {
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain) {
        *out_end = (char *)(uintptr_t)text;
        return 0.0;
    }
    double value = strtod_l(text, out_end, plain);
    freelocale(plain);
    return value;
}

bool tenon__kir_scan_float(const char *text, size_t size, double *out_value) {
    char copy[LONGEST_FLOAT], *end;
    if (size == 0 || size >= sizeof copy) return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *out_value = read_float(copy, &end);
    return end == copy + size;
}

static bool same_value(uint32_t dtype, double a, double b) {
    return dtype == TENON_DTYPE_F32 ? (float)a == (float)b : a == b;
}

void tenon__kir_format_float(uint32_t dtype, double value, char buffer[40]) {
    if (isinf(value)) {
        snprintf(buffer, 40, "%sinf", value < 0 ? "-" : "");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        char *end;
        snprintf(buffer, 40, "%.*g", digits, value);
        for (char *c = buffer; *c; c++) /* the locale's decimal point, whatever it is */
            if (!strchr("0123456789+-e", *c)) *c = '.';
        if (same_value(dtype, read_float(buffer, &end), value)) break;
    }
    if (!strpbrk(buffer, ".e")) memcpy(buffer + strlen(buffer), ".0", 3);
}
