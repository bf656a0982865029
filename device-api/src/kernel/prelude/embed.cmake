# cmake -DOUT=file -DDIR=folder -P embed.cmake: writes the parts of the in-source maths as C arrays, one a section.
set(sections
    "base base.h"
    "vector vector.h"
    "f32 f32.h exact.h trig.h wide.h float.h elementary.h f32_ops.h float_end.h"
    "f64 f64.h exact.h trig.h float.h elementary.h f64_ops.h float_end.h"
    "integer integer.h"
    "convert convert.h"
    "access access.h")

set(text "/* Made by embed.cmake. */\n#include \"kernel/prelude/text.h\"\n")
foreach(section IN LISTS sections)
    string(REPLACE " " ";" parts "${section}")
    list(POP_FRONT parts name)
    set(bytes "")
    foreach(part IN LISTS parts)
        file(READ ${DIR}/${part} hex HEX)
        string(APPEND bytes "${hex}")
    endforeach()
    string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(APPEND text "\nconst char tenon__prelude_text_${name}[] = {\n${bytes}0};\n")
endforeach()
file(WRITE ${OUT} "${text}")
