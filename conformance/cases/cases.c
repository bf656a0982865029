#include "cases/cases.h"

#define CF_CASE(name, PROFILE, seconds, requirements) {#name, CF_PROFILE_##PROFILE, seconds, requirements, cf_##name},
const cf_case cf_cases[] = {
#include "cases/all.def"
};
#undef CF_CASE

const uint32_t cf_case_count = sizeof cf_cases / sizeof *cf_cases;
