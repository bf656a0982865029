# tenon_host_part(NAME sources...): one subsystem of libtenon, an OBJECT library tenon_NAME built with the
# project's options. The shared library and the tests' archive are put together from all of them.
function(tenon_host_part name)
    if(NOT ARGN)
        return()
    endif()
    set(target tenon_${name})
    add_library(${target} OBJECT ${ARGN})
    target_link_libraries(${target} PRIVATE tenon_options PUBLIC tenon_sdk Threads::Threads)
    target_include_directories(${target} PUBLIC
        ${PROJECT_SOURCE_DIR}/device-api/include ${PROJECT_SOURCE_DIR}/device-api/src)
    set_property(GLOBAL APPEND PROPERTY TENON_HOST_PARTS ${target})
endfunction()
