# prelude_text.c: the in-source maths as C arrays.
set(prelude_parts access.h base.h convert.h elementary.h exact.h f32.h f32_ops.h f64.h f64_ops.h float.h float_end.h integer.h trig.h
    vector.h wide.h)
list(TRANSFORM prelude_parts PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
set(TENON_PRELUDE_TEXT ${CMAKE_CURRENT_BINARY_DIR}/prelude_text.c)
add_custom_command(OUTPUT ${TENON_PRELUDE_TEXT}
    COMMAND ${CMAKE_COMMAND} -DOUT=${TENON_PRELUDE_TEXT} -DDIR=${CMAKE_CURRENT_LIST_DIR}
        -P ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
    DEPENDS ${prelude_parts} ${CMAKE_CURRENT_LIST_DIR}/embed.cmake VERBATIM)
