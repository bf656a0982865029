# The profile graph: rows of single operators as graphs, and graphs of several nodes against the interpreter that the fake
# of conformance/claims has.
target_sources(tenon_cases PRIVATE launch_graph.c graph_node_cases.c graph.c graph_run.c graph_random.c graph_cases.c
    composite_meaning.c graph_claim_cases.c graph_error_cases.c ../claims/meaning.c ../claims/tensor.c ../claims/composite.c)
