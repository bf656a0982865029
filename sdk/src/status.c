#include <tenon/helpers.h>

static const struct {
    const char *name;
    const char *meaning;
} rows[] = {
#define ROW(value, NAME, meaning) [value] = {#NAME, meaning},
    TENON_STATUS_TABLE(ROW)
#undef ROW
};

static tenon_status known(tenon_status status) {
    return status < TENON_STATUS_COUNT ? status : (tenon_status)TENON_STATUS_INTERNAL;
}

const char *tenon_status_name(tenon_status status) {
    return rows[known(status)].name;
}

const char *tenon_status_meaning(tenon_status status) {
    return rows[known(status)].meaning;
}
