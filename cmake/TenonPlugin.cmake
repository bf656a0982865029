# tenon_add_plugin(NAME sources...): a device plugin libtenon_NAME.so, in the tree and out of it (find_package(tenon)).
#
# The plugin links tenon::sdk and nothing else of Tenon, may have no undefined symbol, and exports exactly
# tenon_plugin_query (REQ-ABI-01 of VENDOR_GUIDE.md). Link what else it needs with target_link_libraries
# on the target `tenon_NAME`, and declare it in the plugin's manifest.
set(TENON_PLUGIN_EXPORT_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(tenon_add_plugin name)
    set(target tenon_${name})
    add_library(${target} MODULE ${ARGN})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${target} PREFIX lib SUFFIX .so
        C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON
        LINK_DEPENDS ${TENON_PLUGIN_EXPORT_MAP})
    target_compile_features(${target} PRIVATE c_std_11)
    target_compile_options(${target} PRIVATE -ffp-contract=off)
    target_link_libraries(${target} PRIVATE tenon::sdk)
    target_link_options(${target} PRIVATE
        -Wl,-z,now -Wl,--as-needed -Wl,--exclude-libs,ALL -Wl,--version-script=${TENON_PLUGIN_EXPORT_MAP})
    # Clang leaves its sanitizer runtime to the executable, so that a sanitized plugin has undefined symbols by design.
    if(NOT (TENON_SANITIZE AND CMAKE_C_COMPILER_ID MATCHES Clang))
        target_link_options(${target} PRIVATE -Wl,--no-undefined)
    endif()
    if(TARGET tenon_options)
        target_link_libraries(${target} PRIVATE tenon_options)
    endif()
    if(TENON_PLUGIN_OUTPUT_DIRECTORY)
        set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${TENON_PLUGIN_OUTPUT_DIRECTORY})
    endif()
    if(TENON_PLUGIN_INSTALL_DIR)
        install(TARGETS ${target} LIBRARY DESTINATION ${TENON_PLUGIN_INSTALL_DIR})
    endif()
endfunction()
