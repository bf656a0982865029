/* The suite's cases: one table, from the .def file of each profile. */
#ifndef TENON_CASES_CASES_H
#define TENON_CASES_CASES_H

#include "harness/suite.h"

extern const cf_case cf_cases[];
extern const uint32_t cf_case_count;

#define CF_CASE(name, PROFILE, seconds, requirements) void cf_##name(void);
#define CF_CASE_ALONE                                 CF_CASE
#include "cases/all.def"
#undef CF_CASE
#undef CF_CASE_ALONE

#endif
