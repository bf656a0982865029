# Everything from outside the tree, found once here. Debian names are in ci/packages.txt. OpenBLAS is not among it: the
# cpu backend opens the library at run time where there is one.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# ONNX import: protobuf-c and its compiler, on the .proto of an installed onnx package.
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
find_program(TENON_PROTOC_C NAMES protoc-c REQUIRED)
find_file(TENON_ONNX_PROTO NAMES onnx/onnx.proto
    DOC "onnx.proto of an installed package: Debian's libonnx-dev or the PyPI wheel" REQUIRED)

# The command's --json output, and the conformance suite's records.
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)

# Hashes that records are bound to.
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)

if(TENON_BUILD_TESTS)
    pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check)
endif()
