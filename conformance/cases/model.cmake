# The cases of whole models, which are found from where the program is: that of the suite, or one of the tests.
target_sources(tenon_cases PRIVATE model.c model_cases.c)
target_link_libraries(tenon_cases PRIVATE models_fill Threads::Threads)
file(RELATIVE_PATH models_from_libexec ${CMAKE_INSTALL_FULL_LIBEXECDIR}/tenon
    ${CMAKE_INSTALL_FULL_DATADIR}/tenon/conformance/models)
target_compile_definitions(tenon_cases PRIVATE CF_MODELS_FROM_LIBEXEC="${models_from_libexec}"
    CF_MODELS_FROM_TESTS="../${CMAKE_INSTALL_DATADIR}/tenon/conformance/models")

# A sample of the profile on each kind of device: `tenon test` runs it whole.
if(TENON_BUILD_TESTS)
    set(sample_cpu 2)
    set(sample_ccjit 12)
    set(sample_npu 7)
    set(sample_dsp 7)
    if(TENON_SANITIZE)
        set(sample_cpu 9)
        set(sample_ccjit 17)
        set(sample_npu 17)
        set(sample_dsp 17)
    endif()
    foreach(device cpu ccjit npu dsp)
        add_test(NAME test_model_rows_${device} COMMAND test_ops_cpu ${device} model ${sample_${device}})
        set_tests_properties(test_model_rows_${device} PROPERTIES TIMEOUT 600
            ENVIRONMENT "${TENON_TEST_ENVIRONMENT};TENON_PLUGIN_PATH=${PROJECT_BINARY_DIR}/fakes")
    endforeach()
endif()
