/* The rows of the profile base as graphs of one operator. What it kills beyond what it kills there: views that are
 * ignored or composed wrongly inside a graph, results that a view leaves through, layouts of the device's own that
 * lose what lies past the last block, and a device that claims nothing or refuses what it claims. */
#include "cases/cases.h"
#include "cases/launch_graph.h"

static bool takes_graphs(void) {
    if (tenonh_device_info(cf_under_test.device)->work_kinds & TENON_WORK_GRAPH) return true;
    if (cf_begin("declared")) cf_not_applicable("the device declares that it takes no graphs (work_kinds)");
    return false;
}

static void run_as_graphs(void (*rows)(void)) {
    if (!takes_graphs()) return;
    cf_under_test.as_graphs = true;
    rows();
    cf_under_test.as_graphs = false;
}

#define AS_GRAPHS(name, rows)                                                                                          \
    void cf_graph_##name(void) {                                                                                       \
        run_as_graphs(rows);                                                                                           \
    }

#define CF_MAP(NAME, name) AS_GRAPHS(name, cf_map_##name)
#include "cases/map_ops.def"
#undef CF_MAP
#define CF_CAST(NAME, name) AS_GRAPHS(cast_##name, cf_cast_##name)
#include "cases/cast_dtypes.def"
#undef CF_CAST
#define CF_AS_GRAPHS(name, requirements) AS_GRAPHS(name, cf_##name)
#include "cases/graph_base.def"
#undef CF_AS_GRAPHS
