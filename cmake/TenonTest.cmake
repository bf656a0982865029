# tenon_add_test(NAME sources... [LINK targets...] [ARGS arguments...] [TIMEOUT seconds]): a test program on Check.
# It links tenon_internal, libtenon's objects as an archive, unless LINK names something else, and is one ctest test.
function(tenon_add_test name)
    if(NOT TENON_BUILD_TESTS)
        return()
    endif()
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "LINK;ARGS")
    if(NOT arg_LINK)
        set(arg_LINK tenon_internal)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 900)
    endif()
    add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE tenon_options ${arg_LINK} PkgConfig::CHECK Threads::Threads)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${TENON_TEST_OUTPUT_DIRECTORY})
    add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${TENON_TEST_ENVIRONMENT}")
endfunction()

# Verdicts and compiled kernels of tests lie in the build folder, not among the user's.
set(TENON_TEST_CACHE ${PROJECT_BINARY_DIR}/cache)
file(MAKE_DIRECTORY ${TENON_TEST_CACHE})
file(CHMOD ${TENON_TEST_CACHE} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
set(TENON_TEST_ENVIRONMENT
    TENON_CACHE_DIR=${TENON_TEST_CACHE}
    CK_DEFAULT_TIMEOUT=0
    "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:check_initialization_order=1"
    "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1")
