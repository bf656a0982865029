#include "loader/reason.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct reason_row {
    const char *name;
    tenon_status status;
    const char *text;
    const char *advice;
} reason_row;

#define ROW(value, NAME, status, text, advice) [value] = {#NAME, TENON_STATUS_##status, text, advice},
static const reason_row rows[TENONH_REASON_COUNT] = {TENONH_REASON_TABLE(ROW)};
#undef ROW

static const reason_row *row_of(tenonh_reason reason) {
    static const reason_row unknown = {"UNKNOWN", TENON_STATUS_INTERNAL, "not a reason", ""};
    return reason < TENONH_REASON_COUNT ? &rows[reason] : &unknown;
}

const char *tenonh_reason_name(tenonh_reason reason) {
    return row_of(reason)->name;
}

const char *tenonh_reason_text(tenonh_reason reason) {
    return row_of(reason)->text;
}

const char *tenonh_reason_advice(tenonh_reason reason) {
    return row_of(reason)->advice;
}

tenon_status tenonh_reason_status(tenonh_reason reason) {
    return row_of(reason)->status;
}

tenonh_reason tenon__refuse(tenon__verdict *verdict, tenonh_reason reason, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->detail, sizeof verdict->detail, format, arguments);
    va_end(arguments);
    verdict->reason = reason;
    return reason;
}
