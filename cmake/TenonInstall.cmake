# The installed tree: headers, libtenon.so, libtenon_sdk.a, pkg-config and CMake packages. Plugins and programs
# install themselves where they are defined.
include(CMakePackageConfigHelpers)

install(DIRECTORY sdk/include/ device-api/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING
    PATTERN "*.h" PATTERN "*.def")
install(DIRECTORY sdk/ops/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.def" PATTERN "*.h")

set(exported tenon_sdk_headers tenon_sdk)
if(TARGET tenon)
    list(APPEND exported tenon)
endif()
install(TARGETS ${exported} EXPORT tenon_targets LIBRARY ARCHIVE)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tenon)
install(EXPORT tenon_targets FILE tenon-targets.cmake NAMESPACE tenon:: DESTINATION ${package_dir})
configure_package_config_file(cmake/tenon-config.cmake.in ${PROJECT_BINARY_DIR}/cmake/tenon-config.cmake
    INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/tenon-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/tenon-config.cmake ${PROJECT_BINARY_DIR}/cmake/tenon-config-version.cmake
    cmake/TenonPlugin.cmake cmake/plugin.map DESTINATION ${package_dir})

# The .pc files find their prefix from where they lie, so that the tree may be moved.
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH TENON_PC_PREFIX /prefix/${pkgconfig_dir} /prefix)
string(REGEX REPLACE "/$" "" TENON_PC_PREFIX "${TENON_PC_PREFIX}")
foreach(package tenon tenon-sdk)
    configure_file(cmake/${package}.pc.in ${PROJECT_BINARY_DIR}/cmake/${package}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/cmake/${package}.pc DESTINATION ${pkgconfig_dir})
endforeach()

install(FILES LICENSE README.md VENDOR_GUIDE.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
