#include "cases/cases.h"

#define CF_CASE_ALONE(name, PROFILE, seconds, requirements)                                                            \
    {#name, CF_PROFILE_##PROFILE, seconds, requirements, cf_##name, CF_FLAG_ALONE},
#define CF_CASE(name, PROFILE, seconds, requirements)                                                                  \
    {#name, CF_PROFILE_##PROFILE, seconds, requirements, cf_##name, 0},
const cf_case cf_cases[] = {
#include "cases/all.def"
};
#undef CF_CASE
#undef CF_CASE_ALONE

const uint32_t cf_case_count = sizeof cf_cases / sizeof *cf_cases;
