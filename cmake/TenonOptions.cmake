# tenon_options: what every C target of this project is compiled with. Link it PRIVATE.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(tenon_options INTERFACE)
target_compile_definitions(tenon_options INTERFACE _GNU_SOURCE)
target_compile_options(tenon_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
    -fvisibility=hidden
    # A product and a sum stay two roundings unless the source says fma: results do not depend on the compiler's mood.
    -ffp-contract=off)

if(TENON_SANITIZE)
    add_compile_options(-fsanitize=${TENON_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${TENON_SANITIZE})
endif()
