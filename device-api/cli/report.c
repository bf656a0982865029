/* tenon report: hands over to tenon-conformance, which knows the suite that records are of. */
#include "cli.h"

const cli_verb cli_report = {
    .name = "report",
    .summary = "Makes pages, JUnit XML and JSON of a test's records, compares and verifies them",
    .is_elsewhere = true,
};
