# The checks of ci/ as ctest tests, label "check".
function(tenon_add_check name)
    add_test(NAME check_${name} COMMAND ${PROJECT_SOURCE_DIR}/ci/check-${name} ${ARGN}
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(check_${name} PROPERTIES LABELS check TIMEOUT 600)
endfunction()

tenon_add_check(includes)
tenon_add_check(shell)
tenon_add_check(size)
tenon_add_check(words)
tenon_add_check(format)
tenon_add_check(headers)
tenon_add_check(abi)
tenon_add_check(requirements)
tenon_add_check(readme)
tenon_add_check(symbols ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
tenon_add_check(install ${PROJECT_BINARY_DIR})

# The gate, and what it says of planted changes.
if(TENON_BUILD_TESTS AND TARGET tenon_internal)
    add_test(NAME check_abi_gate COMMAND ${PROJECT_SOURCE_DIR}/ci/abi-check --build ${PROJECT_BINARY_DIR})
    add_test(NAME check_abi_gate_rows COMMAND ${PROJECT_SOURCE_DIR}/conformance/skew/test_abi_check ${PROJECT_SOURCE_DIR})
    set_tests_properties(check_abi_gate check_abi_gate_rows PROPERTIES LABELS check TIMEOUT 600)
endif()
