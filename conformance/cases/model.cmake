# The cases of whole models, which are found from where the program is: that of the suite, or one of the tests.
target_sources(tenon_cases PRIVATE model.c model_cases.c)
target_link_libraries(tenon_cases PRIVATE models_fill Threads::Threads)
file(RELATIVE_PATH models_from_libexec ${CMAKE_INSTALL_FULL_LIBEXECDIR}/tenon
    ${CMAKE_INSTALL_FULL_DATADIR}/tenon/conformance/models)
target_compile_definitions(tenon_cases PRIVATE CF_MODELS_FROM_LIBEXEC="${models_from_libexec}"
    CF_MODELS_FROM_TESTS="../${CMAKE_INSTALL_DATADIR}/tenon/conformance/models")
