/* A session on the fake device with some of its knobs set, and what its results must be by the host's evaluator. */
#ifndef TENON_CLAIMS_FIXTURE_H
#define TENON_CLAIMS_FIXTURE_H

#include <check.h>
#include <stdbool.h>

#include <tenon/host/tenon.h>

enum { MOST_ARRAYS = 8 };

typedef struct fixture {
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_module *module;
    tenonh_module *reference; /* what the evaluator runs: set for modules with control; NULL: `module` */
    tenonh_session *session;
} fixture;

/* Opens the fake `plugin` (a file) with "FAKE_X=1 FAKE_Y=2" in its environment, and a session for a module. `options`
 * may be NULL: the device is required and no rewrite rule applies. The module becomes the fixture's. */
fixture fixture_open(const char *plugin, const char *knobs, tenonh_module *module,
                     const tenonh_session_options *options);
void fixture_close(fixture *f);

/* A module of the text form, its header and `main`'s braces left out. */
tenonh_module *fixture_parse(const char *name, const char *text);

/* Runs on seeded inputs, symbols of the module's inputs having the value `size`, and compares with the host's evaluator:
 * relative L2 within 1e-5. Gives the status of the run; a result that is off fails the test with `name`. */
tenon_status fixture_run(fixture *f, const char *name, int64_t size);

/* Steps of one placement, and claims of one verdict whose name or text holds `words` ("" any). */
uint32_t fixture_steps(const fixture *f, tenonh_placement placement);
uint32_t fixture_claims(const fixture *f, tenonh_claim verdict, const char *words);

tenonh_session_stats fixture_stats(const fixture *f);

#endif
