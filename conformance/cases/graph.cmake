# The profile graph: rows of single operators as graphs, and graphs of several nodes against an interpreter.
target_sources(tenon_cases PRIVATE launch_graph.c graph_node_cases.c)
