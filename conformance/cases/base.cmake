# The cases of the profile base.
target_sources(tenon_cases PRIVATE alias_cases.c bound.c cast_cases.c data_cases.c exact.c index_cases.c map_cases.c map_values.c
    matmul_cases.c meaning.c number.c offset_cases.c operand.c order_cases.c property_cases.c reduce_cases.c
    program.c program_cases.c repeat_cases.c symbol_cases.c symbol_run.c symbol_table.c ../ir/interp.c ../ir/interp_value.c)
target_link_libraries(tenon_cases PRIVATE m)
