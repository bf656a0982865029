/* Control flow and dims that the data decides, run on a device: every row is a module in text, with inputs and what it
 * gives for them. Usage: test_control DEVICE [ROW]...: all rows, or those, which then are all that is tested. */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/tenon.h>

#include "text_arrays.h"

enum { MOST_RUNS = 5, MOST_ARRAYS = 4 };

static tenonh_registry *registry;
static tenonh_device *device;

/* Arrays as text_arrays.h writes them. */
typedef struct run_row {
    const char *inputs, *outputs;
} run_row;

#define HEAD                                                                                                           \
    "tenon.graph 1 symbol n in 0 .. 1000 symbol m in 0 .. 1000 symbol k in 0 .. 1000 "                                 \
    "symbol d1 in 0 .. 2147483647 data symbol d2 in 0 .. 2147483647 data symbol d3 in 0 .. 2147483647 data "           \
    "symbol d4 in 0 .. 2147483647 data symbol d5 in 0 .. 2147483647 data "

/* clang-format off */
static const struct row {
    const char *name, *body;
    run_row runs[MOST_RUNS];
} rows[] = {
    {"if", "func main(%0 \"c\": bool[], %1 \"x\": f32[n]) { %2: f32[n] = if(%0) region { %3: f32[n] = neg(%1) yield %3 }"
           " region { %4: f32[n] = add(%1, %1) yield %4 } %5: f32[n] = abs(%2) return \"y\" %2, \"z\" %5 }",
     {{"bool[] 1; f32[2] 1 2", "f32[2] -1 -2; f32[2] 1 2"}, {"bool[] 0; f32[2] 1 -2", "f32[2] 2 -4; f32[2] 2 4"},
      {"bool[] 0; f32[0]", "f32[0]; f32[0]"}}},
    {"if_other_dims", "func main(%0 \"c\": bool[], %1 \"x\": f32[n]) { %2: f32[d1] = if(%0) region { yield %1 }"
           " region { %3: f32[2*n] = tenon.concat.1(%1, %1) {axis = 0} yield %3 } %4: f32[d1] = neg(%2)"
           " %5: i64[1] = tenon.shape_of.1(%2) return \"y\" %4, \"s\" %5 }",
     {{"bool[] 1; f32[2] 1 2", "f32[2] -1 -2; i64[1] 2"}, {"bool[] 0; f32[2] 1 2", "f32[4] -1 -2 -1 -2; i64[1] 4"}}},
    {"constants_and_captures", "func main(%0 \"c\": bool[], %1 \"x\": f32[2]) { %6: f32[2] = constant [7, 8]"
           " %7: f32[2] = mul(%1, %6) %2: f32[2], %3: f32[2] = if(%0) region { yield %6, %7 } region { yield %7, %1 }"
           " return \"y\" %2, \"z\" %3, \"w\" %6 }",
     {{"bool[] 1; f32[2] 1 2", "f32[2] 7 8; f32[2] 7 16; f32[2] 7 8"},
      {"bool[] 0; f32[2] 1 2", "f32[2] 7 16; f32[2] 1 2; f32[2] 7 8"}}},
    {"inputs_given_back", "func main(%0 \"c\": bool[], %1 \"x\": f32[n]) { %2: f32[n] = if(%0) region { yield %1 }"
           " region { %3: f32[n] = neg(%1) yield %3 } return \"a\" %2, \"b\" %2, \"x2\" %1 }",
     {{"bool[] 1; f32[2] 1 2", "f32[2] 1 2; f32[2] 1 2; f32[2] 1 2"},
      {"bool[] 0; f32[1] 3", "f32[1] -3; f32[1] -3; f32[1] 3"}}},
    {"while", "func main(%0 \"x\": f32[n], %1 \"limit\": f32[]) { %2: f32[n] = while(%0) region (%3: f32[n]) {"
           " %4: f32[] = sum(%3) {axes = [0]} %5: bool[] = lt(%4, %1) yield %5 } region (%6: f32[n]) {"
           " %7: f32[n] = add(%6, %6) yield %7 } return \"y\" %2 }",
     {{"f32[2] 1 2; f32[] 10", "f32[2] 4 8"}, {"f32[2] 1 2; f32[] 0", "f32[2] 1 2"}, {"f32[1] 1; f32[] 1000", "f32[1] 1024"}}},
    {"for", "func main(%0 \"s\": f32[m], %1 \"xs\": f32[n, m]) { %2: f32[m], %3: f32[n, m], %4: f32[n] = for(%0, %1)"
           " {axis = 1} region (%5: f32[m], %6: f32[m]) { %7: f32[m] = add(%5, %6) %8: f32[] = sum(%7) {axes = [0]}"
           " yield %7, %7, %8 } return \"last\" %2, \"all\" %3, \"sums\" %4 }",
     {{"f32[2] 0 1; f32[3,2] 1 2 3 4 5 6", "f32[2] 9 13; f32[3,2] 1 3 4 7 9 13; f32[3] 4 11 22"},
      {"f32[2] 5 6; f32[0,2]", "f32[2] 5 6; f32[0,2]; f32[0]"},
      {"f32[1] 0; f32[20,1] 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
       "f32[1] 20; f32[20,1] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20;"
       " f32[20] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"}}},
    {"for_swaps", "func main(%0 \"a\": f32[], %1 \"b\": f32[], %2 \"xs\": f32[n]) { %3: f32[], %4: f32[], %5: f32[n],"
           " %9: f32[n] = for(%0, %1, %2) {axis = 2} region (%6: f32[], %7: f32[], %8: f32[]) { yield %7, %6, %8, %6 }"
           " return \"a2\" %3, \"b2\" %4, \"ys\" %5, \"as\" %9 }",
     {{"f32[] 1; f32[] 2; f32[3] 7 8 9", "f32[] 2; f32[] 1; f32[3] 7 8 9; f32[3] 1 2 1"}}},
    {"early_exit", "func main(%0 \"x\": f32[], %1 \"limit\": f32[]) { %2: bool[] = lt(%0, %1)"
           " %3: bool[], %4: f32[], %5: f32[d1] = for(%2, %0) {axis = 2, sizes = [40], mode = 1} region (%6: bool[], %7: f32[])"
           " { %8: f32[] = add(%7, %7) %9: bool[] = lt(%8, %1) yield %9, %8, %8 } %10: f32[d1] = add(%5, %5)"
           " return \"y\" %4, \"all\" %5, \"twice\" %10 }",
     {{"f32[] 1; f32[] 10", "f32[] 16; f32[4] 2 4 8 16; f32[4] 4 8 16 32"}, {"f32[] 1; f32[] 0", "f32[] 1; f32[0]; f32[0]"},
      {"f32[] 0; f32[] 1", "f32[] 0; f32[40] 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0;"
       " f32[40] 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"}}},
    {"growing", "func main(%0 \"x\": f32[n], %1 \"xs\": f32[m]) { %2: f32[d2], %3: f32[m] = for(%0, %1) {axes = [0], axis = 1}"
           " region (%4: f32[d1], %5: f32[]) { %6: f32[1] = reshape(%5) {dims = [1]}"
           " %7: f32[d1 + 1] = tenon.concat.1(%4, %6) {axis = 0} %8: f32[] = sum(%7) {axes = [0]} yield %7, %8 }"
           " %9: f32[d2] = neg(%2) return \"y\" %9, \"sums\" %3 }",
     {{"f32[1] 1; f32[3] 2 3 4", "f32[4] -1 -2 -3 -4; f32[3] 3 6 10"}, {"f32[0]; f32[1] 5", "f32[1] -5; f32[1] 5"},
      {"f32[2] 1 2; f32[0]", "f32[2] -1 -2; f32[0]"}}},
    {"nested", "func main(%0 \"xs\": f32[n, m], %1 \"c\": bool[n]) { %2: f32[] = constant [0] %3: f32[], %4: f32[n, m] ="
           " for(%2, %0, %1) {axis = 1} region (%5: f32[], %6: f32[m], %7: bool[]) { %8: f32[], %9: f32[m] = if(%7) region {"
           " %10: f32[], %11: f32[m] = for(%5, %6) {axis = 1} region (%12: f32[], %13: f32[]) { %14: f32[] = add(%12, %13)"
           " yield %14, %14 } yield %10, %11 } region { %15: f32[m] = neg(%6) yield %5, %15 } yield %8, %9 }"
           " return \"sum\" %3, \"all\" %4 }",
     {{"f32[3,2] 1 2 3 4 5 6; bool[3] 1 0 1", "f32[] 14; f32[3,2] 1 3 -3 -4 8 14"}, {"f32[0,2]; bool[0]", "f32[] 0; f32[0,2]"},
      {"f32[1,0]; bool[1] 1", "f32[] 0; f32[1,0]"}}},
    {"non_zero", "func main(%0 \"x\": f32[n, m]) { %1: i64[2, d1] = tenon.non_zero.1(%0)"
           " %2: i64[d1, 2] = permute(%1) {perm = [1, 0]} %3: f32[d1] = tenon.gather_nd.1(%0, %2) {axis = 0}"
           " return \"at\" %1, \"values\" %3 }",
     {{"f32[2,3] 0 1 0 2 0 -3", "i64[2,3] 0 1 1 1 0 2; f32[3] 1 2 -3"}, {"f32[2,2] 0 0 0 0", "i64[2,0]; f32[0]"},
      {"f32[1,2] 5 6", "i64[2,2] 0 0 0 1; f32[2] 5 6"}, {"f32[0,3]", "i64[2,0]; f32[0]"}}},
    {"non_zero_in_loop", "func main(%0 \"xs\": f32[n, m]) { %1: i64[n] = for(%0) {axis = 0} region (%2: f32[m]) {"
           " %3: i64[1, d1] = tenon.non_zero.1(%2) %4: i64[] = sum(%3) {axes = [0, 1]} yield %4 } return \"sums\" %1 }",
     {{"f32[3,3] 0 1 0 1 1 1 0 0 0", "i64[3] 1 3 0"}}},
    {"reshape_by_input", "func main(%0 \"x\": f32[n, m], %1 \"s\": i64[2]) { %2: f32[d1, d2] = tenon.reshape_to.1(%0, %1)"
           " %3: f32[d2, d1] = permute(%2) {perm = [1, 0]} return \"y\" %3 }",
     {{"f32[2,3] 1 2 3 4 5 6; i64[2] 3 2", "f32[2,3] 1 3 5 2 4 6"}, {"f32[2,3] 1 2 3 4 5 6; i64[2] -1 2", "f32[2,3] 1 3 5 2 4 6"},
      {"f32[2,3] 1 2 3 4 5 6; i64[2] 0 -1", "f32[3,2] 1 4 2 5 3 6"}, {"f32[1,2] 1 2; i64[2] 2 1", "f32[1,2] 1 2"}}},
    {"computed_slices", "func main(%0 \"x\": f32[n], %1 \"a\": i64[1], %2 \"b\": i64[1]) { %3: i64[1] = add(%1, %2)"
           " %4: f32[d1] = tenon.slice_to.1(%0, %1, %3) %5: f32[d1] = neg(%4) return \"y\" %5 }",
     {{"f32[4] 1 2 3 4; i64[1] 1; i64[1] 2", "f32[2] -2 -3"}, {"f32[4] 1 2 3 4; i64[1] 2; i64[1] 9223372036854775805", "f32[2] -3 -4"},
      {"f32[4] 1 2 3 4; i64[1] 3; i64[1] -1", "f32[0]"}}},
    {"expand_tile_one_hot", "func main(%0 \"x\": f32[n, 1], %1 \"s\": i64[2], %2 \"i\": i64[k], %3 \"d\": i64[], %4 \"v\": f32[2]) {"
           " %5: f32[d1, d2] = tenon.expand_to.1(%0, %1) %6: f32[d3, d4] = tenon.tile.1(%5, %1)"
           " %7: f32[k, d5] = tenon.one_hot.1(%2, %3, %4) {axis = 1} return \"e\" %5, \"t\" %6, \"h\" %7 }",
     {{"f32[2,1] 1 2; i64[2] 1 2; i64[1] 1; i64[] 3; f32[2] 0 9", "f32[2,2] 1 1 2 2; f32[2,4] 1 1 1 1 2 2 2 2; f32[1,3] 0 9 0"}}},
    {"ranges", "func main(%0 \"a\": i64[], %1 \"b\": i64[], %2 \"s\": i64[], %3 \"fa\": f32[], %4 \"fb\": f32[], %5 \"fs\": f32[]) {"
           " %6: i64[d1] = tenon.range.1(%0, %1, %2) %7: f32[d2] = tenon.range.1(%3, %4, %5) return \"i\" %6, \"f\" %7 }",
     {{"i64[] 5; i64[] 0; i64[] -2; f32[] 0; f32[] 1; f32[] 0.25", "i64[3] 5 3 1; f32[4] 0 0.25 0.5 0.75"},
      {"i64[] 5; i64[] 0; i64[] 2; f32[] 0; f32[] -1; f32[] 0.25", "i64[0]; f32[0]"}}},
    {"pad_by_inputs", "func main(%0 \"x\": f32[n], %1 \"p\": i64[2], %2 \"v\": f32[]) {"
           " %3: f32[d1] = tenon.pad_to.1(%0, %1, %2) {mode = 0} return \"y\" %3 }",
     {{"f32[2] 1 2; i64[2] 1 2; f32[] 9", "f32[5] 9 1 2 9 9"}, {"f32[2] 1 2; i64[2] -1 0; f32[] 9", "f32[1] 2"}}},
    {"shapes_of_what_data_decides", "func main(%0 \"x\": f32[n], %1 \"y\": f32[2, m]) { %2: i64[1, d1] = tenon.non_zero.1(%0)"
           " %3: i64[2] = tenon.shape_of.1(%2) %4: i64[1] = slice(%3) {dims = [1], starts = [1], steps = [1]} %5: f32[] = constant [1]"
           " %6: f32[d2] = tenon.expand_to.1(%5, %4) %7: i64[1] = constant [-1] %8: f32[2*m] = tenon.reshape_to.1(%1, %7)"
           " %9: f32[2*m + d2] = tenon.concat.1(%8, %6) {axis = 0} return \"y\" %9 }",
     {{"f32[3] 1 0 1; f32[2,1] 5 6", "f32[4] 5 6 1 1"}, {"f32[1] 0; f32[2,1] 5 6", "f32[2] 5 6"}}},
    {"scaled_dims", "func main(%0 \"x\": f32[n, m]) { %1: i64[2] = tenon.shape_of.1(%0) %2: f32[2] = cast(%1) {dtype = f32}"
           " %3: f32[2] = constant [0.5, 2] %4: f32[2] = mul(%2, %3) %5: i64[2] = cast(%4) {dtype = i64}"
           " %6: f32[d1, d2] = tenon.reshape_to.1(%0, %5) return \"y\" %6 }",
     {{"f32[2,2] 1 2 3 4", "f32[1,4] 1 2 3 4"}, {"f32[4,1] 1 2 3 4", "f32[2,2] 1 2 3 4"}}},
    {"scaled_dims_in_loop", "func main(%0 \"x\": f32[k, n, m], %7 \"s\": i64[2]) { %1: i64[3] = tenon.shape_of.1(%0)"
           " %2: i64[2] = slice(%1) {dims = [2], starts = [1], steps = [1]} %8: f32[2] = cast(%2) {dtype = f32}"
           " %3: f32[2] = constant [0.5, 2] %4: f32[2] = mul(%8, %3) %5: i64[2] = cast(%4) {dtype = i64}"
           " %6: f32[k, d1, d2], %16: f32[k, d3, d4] = for(%0) {axis = 0} region (%9: f32[n, m]) {"
           " %10: f32[d1, d2] = tenon.reshape_to.1(%9, %5) %11: f32[d1, d2] = neg(%10)"
           " %12: f32[d3, d4] = tenon.reshape_to.1(%9, %7) yield %11, %12 } return \"y\" %6, \"z\" %16 }",
     {{"f32[2,2,1] 1 2 3 4; i64[2] 1 -1", "f32[2,1,2] -1 -2 -3 -4; f32[2,1,2] 1 2 3 4"}}},
    {"input_meets_twice_what_data_decides", "func main(%0 \"x\": f32[k, m], %1 \"z\": f32[n]) { %2: i64[1, d1] = tenon.non_zero.1(%1)"
           " %3: f32[1, d1] = cast(%2) {dtype = f32} %4: f32[d1, 1] = permute(%3) {perm = [1, 0]}"
           " %5: f32[2*d1, 1] = tenon.concat.1(%4, %4) {axis = 0} %6: f32[k, 1] = matmul(%0, %5) {dtype = f32, accumulator = f32}"
           " return \"y\" %6 }",
     {{"f32[2,4] 1 2 3 4 5 6 7 8; f32[4] 0 1 0 1", "f32[2,1] 22 54"}, {"f32[1,2] 1 2; f32[2] 0 1", "f32[1,1] 3"}}},
    {"input_meets_what_data_decides", "func main(%0 \"x\": f32[2, m], %1 \"w\": f32[k, 1], %2 \"z\": f32[n]) {"
           " %3: i64[1, d1] = tenon.non_zero.1(%2) %4: f32[1, d1] = cast(%3) {dtype = f32}"
           " %5: f32[2, broadcast(d1, m)] = expand(%4) {dims = [2, broadcast(d1, m)]}"
           " %6: f32[2, broadcast(d1, m)] = expand(%0) {dims = [2, broadcast(d1, m)]} %7: f32[2, broadcast(d1, m)] = add(%5, %6)"
           " %8: f32[2, 1] = matmul(%7, %1) {dtype = f32, accumulator = f32} return \"y\" %8 }",
     {{"f32[2,2] 1 2 3 4; f32[2,1] 1 10; f32[3] 1 0 1", "f32[2,1] 41 63"}, {"f32[2,1] 1 2; f32[2,1] 1 10; f32[2] 1 1", "f32[2,1] 21 32"}}},
    {"data_meets_later_data", "func main(%0 \"x\": f32[2, m], %1 \"z\": f32[n], %2 \"j\": f32[n]) {"
           " %3: i64[1, d1] = tenon.non_zero.1(%1) %4: i64[1, d2] = tenon.non_zero.1(%2) %5: f32[1, d2] = cast(%4) {dtype = f32}"
           " %6: f32[2, broadcast(d2, m)] = expand(%5) {dims = [2, broadcast(d2, m)]}"
           " %7: f32[2, broadcast(d2, m)] = expand(%0) {dims = [2, broadcast(d2, m)]}"
           " %8: f32[2, broadcast(d2, m)] = add(%6, %7) %9: f32[1, d1] = cast(%3) {dtype = f32}"
           " %10: f32[d1, 1] = permute(%9) {perm = [1, 0]} %11: f32[2, 1] = matmul(%8, %10) {dtype = f32, accumulator = f32}"
           " return \"y\" %11 }",
     {{"f32[2,2] 1 2 3 4; f32[3] 0 1 1; f32[3] 1 0 1", "f32[2,1] 9 15"},
      {"f32[2,1] 1 2; f32[3] 0 1 1; f32[3] 1 0 1", "f32[2,1] 7 10"}, {"f32[2,2] 1 2 3 4; f32[3] 0 1 1; f32[3] 0 0 1", "f32[2,1] 11 17"}}},
    {"calls", "func twice(%0 \"x\": f32[n], %1 \"c\": bool[]) { %2: f32[n] = if(%1) region { %3: f32[n] = add(%0, %0) yield %3 }"
           " region { yield %0 } return \"y\" %2 } func main(%0 \"x\": f32[n], %1 \"c\": bool[]) {"
           " %2: f32[n] = call(%0, %1) of \"twice\" %3: f32[n] = call(%2, %1) of \"twice\" return \"y\" %3 }",
     {{"f32[2] 1 2; bool[] 1", "f32[2] 4 8"}, {"f32[2] 1 2; bool[] 0", "f32[2] 1 2"}}},
};

static const struct error_row {
    const char *name, *body, *inputs, *words;
} errors[] = {
    {"misfit", "func main(%0 \"x\": f32[n], %1 \"s\": i64[2]) { %2: f32[d1, d2] = tenon.reshape_to.1(%0, %1) from \"/Reshape\""
               " return \"y\" %2 }", "f32[3] 1 2 3; i64[2] 2 2", "/Reshape"},
    {"negative", "func main(%0 \"x\": f32[], %1 \"s\": i64[1]) { %2: f32[d1] = tenon.expand_to.1(%0, %1) from \"/Expand\""
               " return \"y\" %2 }", "f32[] 1; i64[1] -5", "/Expand"},
    {"absurd", "func main(%0 \"x\": f32[], %1 \"s\": i64[2]) { %2: f32[d1, d2] = tenon.expand_to.1(%0, %1) from \"/Expand\""
               " return \"y\" %2 }", "f32[] 1; i64[2] 4611686018427387904 4", "/Expand"},
    {"huge", "func main(%0 \"x\": f32[], %1 \"s\": i64[1]) { %2: f32[d1] = tenon.expand_to.1(%0, %1) from \"/Expand\""
               " return \"y\" %2 }", "f32[] 1; i64[1] 1099511627776000", "/Expand"},
    {"steps_differ", "func main(%0 \"a\": f32[n], %1 \"b\": f32[n]) { %2: f32[n] = for(%0, %1) {axis = 0} region (%3: f32[], %4: f32[])"
               " { %5: f32[] = add(%3, %4) yield %5 } return \"y\" %2 }", "f32[2] 1 2; f32[3] 1 2 3", "'b'"},
    {"stacked_differ", "func main(%0 \"x\": f32[n, m]) { %1: i64[n, d2] = for(%0) {axis = 0} from \"/Loop\" region (%2: f32[m]) {"
               " %3: i64[1, d1] = tenon.non_zero.1(%2) %4: i64[d1] = reshape(%3) {dims = [d1]} yield %4 } return \"y\" %1 }",
     "f32[2,2] 1 0 1 1", "step 1"},
    {"out_of_range", "func main(%0 \"x\": f32[n], %1 \"i\": i64[m]) { %2: f32[m] = for(%1) {axis = 0} from \"/Loop\" region (%3: i64[]) {"
               " %4: f32[] = gather(%0, %3) {axis = 0} yield %4 } return \"y\" %2 }", "f32[2] 1 2; i64[3] 0 1 2", "/Loop"},
    {"inner_dims_differ", "func main(%0 \"x\": f32[k, m], %1 \"z\": f32[n]) { %2: i64[1, d1] = tenon.non_zero.1(%1)"
               " %3: f32[1, d1] = cast(%2) {dtype = f32} %4: f32[d1, 1] = permute(%3) {perm = [1, 0]}"
               " %5: f32[2*d1, 1] = tenon.concat.1(%4, %4) {axis = 0}"
               " %6: f32[k, 1] = matmul(%0, %5) {dtype = f32, accumulator = f32} from \"/MatMul\" return \"y\" %6 }",
     "f32[1,3] 1 2 3; f32[2] 0 1", "'/MatMul' needs equal dims; for these inputs they are 3 and 2"},
    {"do_not_broadcast", "func main(%0 \"x\": f32[2, m], %1 \"z\": f32[n], %2 \"j\": f32[n]) {"
               " %3: i64[1, d1] = tenon.non_zero.1(%1) %4: i64[1, d2] = tenon.non_zero.1(%2) %5: f32[1, d2] = cast(%4) {dtype = f32}"
               " %6: f32[2, broadcast(d2, m)] = expand(%5) {dims = [2, broadcast(d2, m)]} from \"/Add\""
               " %7: f32[2, broadcast(d2, m)] = expand(%0) {dims = [2, broadcast(d2, m)]} from \"/Add\""
               " %8: f32[2, broadcast(d2, m)] = add(%6, %7) from \"/Add\" %9: f32[1, d1] = cast(%3) {dtype = f32}"
               " %10: f32[d1, 1] = permute(%9) {perm = [1, 0]} %11: f32[2, 1] = matmul(%8, %10) {dtype = f32, accumulator = f32}"
               " return \"y\" %11 }", "f32[2,3] 1 2 3 4 5 6; f32[3] 0 1 1; f32[3] 1 0 1", "/Add"},
};
/* clang-format on */
enum { ROWS = sizeof rows / sizeof *rows, ERRORS = sizeof errors / sizeof *errors };

/* -- Sessions ----------------------------------------------------------------------------------------------------- */

typedef struct subject {
    tenonh_module *module;
    tenonh_session *session;
} subject;

static subject begin(const char *name, const char *body) {
    subject s;
    char text[4096];
    snprintf(text, sizeof text, HEAD "%s", body);
    const tenonh_session_options options = {.struct_size = sizeof options, .require_device = 1};
    ck_assert_msg(tenonh_module_parse(text, strlen(text), &s.module) == TENON_STATUS_OK, "%s: %s", name,
                  tenonh_error_message());
    ck_assert_msg(tenonh_session_create(s.module, device, &options, &s.session) == TENON_STATUS_OK, "%s: %s", name,
                  tenonh_error_message());
    return s;
}

static void end(subject *s) {
    tenonh_session_release(s->session);
    tenonh_module_destroy(s->module);
}

/* False, and words on stderr, when the run fails or gives something else. */
static bool run_matches(const char *name, tenonh_session *session, const run_row *run) {
    tenonh_array inputs[MOST_ARRAYS + 2] = {{0}}, wanted[MOST_ARRAYS] = {{0}}, outputs[MOST_ARRAYS] = {{0}};
    uint32_t input_count = read_arrays(run->inputs, inputs), output_count = read_arrays(run->outputs, wanted);
    tenon_status status = tenonh_session_run_arrays(session, inputs, input_count, outputs, output_count);
    bool good = status == TENON_STATUS_OK;
    if (!good) fprintf(stderr, "%s with %s: %s\n", name, run->inputs, tenonh_error_message());
    for (uint32_t i = 0; i < output_count && status == TENON_STATUS_OK; i++) {
        if (are_equal(&outputs[i], &wanted[i])) continue;
        fprintf(stderr, "%s with %s: output %u is not as in %s\n", name, run->inputs, i, run->outputs);
        good = false;
    }
    free_arrays(inputs, input_count);
    free_arrays(wanted, output_count);
    if (status == TENON_STATUS_OK) free_arrays(outputs, output_count);
    return good;
}

START_TEST(test_rows) {
    const struct row *row = &rows[_i];
    subject s = begin(row->name, row->body);
    bool good = true;
    uint64_t prepares = 0;
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < MOST_RUNS && row->runs[i].inputs; i++)
            good = run_matches(row->name, s.session, &row->runs[i]) && good;
        tenonh_session_stats stats = {.struct_size = sizeof stats};
        ck_assert_int_eq(tenonh_session_stats_read(s.session, &stats), TENON_STATUS_OK);
        ck_assert_msg(stats.outside_nodes == 0, "%s runs elsewhere", row->name);
        if (round == 1) ck_assert_msg(stats.prepares == prepares, "%s prepares what it has met", row->name);
        prepares = stats.prepares;
    }
    ck_assert_msg(good, "%s", row->name);
    end(&s);
}
END_TEST

START_TEST(test_errors) {
    const struct error_row *row = &errors[_i];
    subject s = begin(row->name, row->body);
    tenonh_array inputs[MOST_ARRAYS] = {{0}}, output = {0};
    uint32_t count = read_arrays(row->inputs, inputs);
    tenon_status status = tenonh_session_run_arrays(s.session, inputs, count, &output, 1);
    ck_assert_msg(status != TENON_STATUS_OK && status != TENON_STATUS_INTERNAL, "%s: status %u, %s", row->name, status,
                  tenonh_error_message());
    ck_assert_msg(strstr(tenonh_error_message(), row->words) != NULL, "%s: '%s' lacks '%s'", row->name,
                  tenonh_error_message(), row->words);
    free_arrays(inputs, count);
    end(&s);
}
END_TEST

/* -- What a run tells, and where its results go -------------------------------------------------------------------- */

static const struct row *row_called(const char *name) {
    for (uint32_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

START_TEST(test_steps) {
    const struct row *row = row_called("nested");
    subject s = begin(row->name, row->body);
    ck_assert(run_matches(row->name, s.session, &row->runs[0]));
    uint32_t controls = 0, works = 0, count = tenonh_session_step_count(s.session);
    for (uint32_t i = 0; i < count; i++) {
        tenonh_step_info info = {.struct_size = sizeof info};
        ck_assert_int_eq(tenonh_session_step(s.session, i, &info), TENON_STATUS_OK);
        bool is_control = info.placement == TENONH_PLACEMENT_CONTROL;
        controls += is_control;
        works += !is_control && info.placement != TENONH_PLACEMENT_VIEW;
        ck_assert_str_eq(is_control ? "host" : info.device, info.placement == TENONH_PLACEMENT_VIEW ? "" : info.device);
    }
    ck_assert_uint_eq(controls, 3); /* for, if, for */
    ck_assert_uint_ge(works, 2);
    tenonh_step_info past = {.struct_size = sizeof past};
    ck_assert_int_eq(tenonh_session_step(s.session, count, &past), TENON_STATUS_NOT_FOUND);
    for (uint32_t i = 0; i < tenonh_session_rewrite_count(s.session); i++) {
        tenonh_rewrite_info info = {.struct_size = sizeof info};
        ck_assert_int_eq(tenonh_session_rewrite(s.session, i, &info), TENON_STATUS_OK);
        ck_assert_str_ne(info.rule, "");
    }
    ck_assert_uint_eq(tenonh_session_claim_count(s.session), 0);
    end(&s);
}
END_TEST

/* Runs on tensors: outputs that are given are filled, whether they are the last step's or an input; others are new. */
START_TEST(test_given_outputs) {
    const struct row *row = row_called("for");
    subject s = begin(row->name, row->body);
    tenonh_stream *stream;
    tenonh_tensor *inputs[2] = {NULL}, *outputs[3] = {NULL};
    const float state[] = {0, 1}, xs[] = {1, 2, 3, 4, 5, 6}, wanted[] = {1, 3, 4, 7, 9, 13};
    float all[6] = {0};
    const int64_t dims[] = {3, 2};
    ck_assert_int_eq(tenonh_stream_create(device, &stream), TENON_STATUS_OK);
    ck_assert_int_eq(tenonh_tensor_create(device, TENON_DTYPE_F32, 1, dims + 1, &inputs[0]), TENON_STATUS_OK);
    ck_assert_int_eq(tenonh_tensor_create(device, TENON_DTYPE_F32, 2, dims, &inputs[1]), TENON_STATUS_OK);
    ck_assert_int_eq(tenonh_tensor_create(device, TENON_DTYPE_F32, 2, dims, &outputs[1]), TENON_STATUS_OK);
    ck_assert_int_eq(tenonh_tensor_write(inputs[0], stream, state, sizeof state), TENON_STATUS_OK);
    ck_assert_int_eq(tenonh_tensor_write(inputs[1], stream, xs, sizeof xs), TENON_STATUS_OK);
    tenonh_tensor *given = outputs[1];
    ck_assert_msg(tenonh_session_run(s.session, inputs, 2, outputs, 3) == TENON_STATUS_OK, "%s",
                  tenonh_error_message());
    ck_assert_ptr_eq(outputs[1], given);
    ck_assert_int_eq(tenonh_tensor_read(given, stream, all, sizeof all), TENON_STATUS_OK);
    for (uint32_t i = 0; i < 6; i++) ck_assert(all[i] == wanted[i]);
    ck_assert_ptr_ne(tenonh_tensor_memory(outputs[0]), tenonh_tensor_memory(given));
    tenonh_tensor *wrong[3] = {outputs[0], outputs[0], NULL};
    ck_assert_int_eq(tenonh_session_run(s.session, inputs, 2, wrong, 3), TENON_STATUS_INVALID);
    ck_assert_ptr_null(wrong[2]);
    for (uint32_t i = 0; i < 3; i++) tenonh_tensor_release(outputs[i]);
    for (uint32_t i = 0; i < 2; i++) tenonh_tensor_release(inputs[i]);
    tenonh_stream_release(stream);
    end(&s);
}
END_TEST

START_TEST(test_prepare) {
    const struct row *row = row_called("for");
    subject s = begin(row->name, row->body);
    const int64_t state[] = {2}, xs[] = {3, 2};
    ck_assert_msg(tenonh_session_prepare(s.session, (const int64_t *[]){state, xs}, 2) == TENON_STATUS_OK, "%s",
                  tenonh_error_message());
    tenonh_session_stats before = {.struct_size = sizeof before}, after = {.struct_size = sizeof after};
    ck_assert_int_eq(tenonh_session_stats_read(s.session, &before), TENON_STATUS_OK);
    ck_assert(run_matches(row->name, s.session, &row->runs[0]));
    ck_assert_int_eq(tenonh_session_stats_read(s.session, &after), TENON_STATUS_OK);
    ck_assert_uint_eq(before.plans, after.plans);
    ck_assert_uint_eq(after.runs, 1);
    end(&s);
}
END_TEST

/* -- Threads ------------------------------------------------------------------------------------------------------ */

static void *run_often(void *session) {
    const struct row *row = row_called("nested");
    for (uint32_t i = 0; i < 20; i++)
        if (!run_matches(row->name, session, &row->runs[i % 3])) return session;
    return NULL;
}

START_TEST(test_threads) {
    const struct row *row = row_called("nested");
    subject s = begin(row->name, row->body);
    pthread_t threads[4];
    for (uint32_t i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, run_often, s.session), 0);
    for (uint32_t i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    end(&s);
}
END_TEST

/* -- Calls that fail ----------------------------------------------------------------------------------------------- */

enum { MOST_CALLS = 300 };
static const char *const faults[] = {"allocate", "copy", "synchronize", "launch", "late"};
static const char *const faulted[] = {"nested", "growing", "early_exit", "non_zero", "reshape_by_input"};

/* One run with the n-th call failing, twice as an allocation is tried again; true if none failed. Whatever happens,
 * nothing is left, and the session goes on. */
static bool run_faulted(const struct row *row, const char *kind, int n) {
    char layers[64];
    tenonh_registry *own_registry, *registry_before = registry;
    tenonh_device *own_device, *device_before = device;
    tenonh_array inputs[MOST_ARRAYS] = {{0}}, outputs[MOST_ARRAYS] = {{0}}, wanted[MOST_ARRAYS] = {{0}};
    snprintf(layers, sizeof layers, "fault:%s=%d:times=2", kind, n);
    const tenonh_registry_options options = {.struct_size = sizeof options, .layers = layers};
    ck_assert_int_eq(tenonh_registry_create(&options, &own_registry), TENON_STATUS_OK);
    if (tenonh_device_open(own_registry, tenonh_device_name(device_before), &own_device) != TENON_STATUS_OK)
        return tenonh_registry_destroy(own_registry), false;
    registry = own_registry;
    device = own_device;
    subject s = begin(row->name, row->body);
    uint32_t count = read_arrays(row->runs[0].inputs, inputs), output_count = read_arrays(row->runs[0].outputs, wanted);
    tenon_status status = tenonh_session_run_arrays(s.session, inputs, count, outputs, output_count);
    bool passed = status == TENON_STATUS_OK;
    for (uint32_t i = 0; i < output_count; i++) ck_assert(passed || !outputs[i].data);
    for (int i = 0; i < 3 && status != TENON_STATUS_OK; i++)
        status = tenonh_session_run_arrays(s.session, inputs, count, outputs, output_count);
    ck_assert_msg(status == TENON_STATUS_OK, "%s, %s: %s", row->name, layers, tenonh_error_message());
    for (uint32_t i = 0; i < output_count; i++) ck_assert(are_equal(&outputs[i], &wanted[i]));
    free_arrays(outputs, output_count);
    free_arrays(wanted, output_count);
    free_arrays(inputs, count);
    end(&s);
    tenonh_device_counters counters = {.struct_size = sizeof counters};
    ck_assert_int_eq(tenonh_device_counters_read(device, &counters), TENON_STATUS_OK);
    ck_assert_uint_eq(counters.allocations, 0);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    registry = registry_before;
    device = device_before;
    return passed;
}

START_TEST(test_faults) {
    enum { KINDS = sizeof faults / sizeof *faults };
    const struct row *row = row_called(faulted[_i / KINDS]);
    int n = 1;
    while (n < MOST_CALLS && !run_faulted(row, faults[_i % KINDS], n)) n++;
    ck_assert_int_lt(n, MOST_CALLS);
}
END_TEST

static void add_rows(TCase *cases, int count, char **names) {
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < count; k++)
            if (strcmp(rows[i].name, names[k]) == 0) tcase_add_loop_test(cases, test_rows, i, i + 1);
}

static void add_all(TCase *cases) {
    tcase_add_loop_test(cases, test_rows, 0, ROWS);
    tcase_add_loop_test(cases, test_errors, 0, ERRORS);
    tcase_add_test(cases, test_steps);
    tcase_add_test(cases, test_given_outputs);
    tcase_add_test(cases, test_prepare);
    tcase_add_test(cases, test_threads);
    tcase_add_loop_test(cases, test_faults, 0, sizeof faults / sizeof *faults * (sizeof faulted / sizeof *faulted));
}

int main(int count, char **arguments) {
    const char *name = count > 1 ? arguments[1] : "cpu";
    if (tenonh_registry_create(NULL, &registry) != TENON_STATUS_OK ||
        tenonh_device_open(registry, name, &device) != TENON_STATUS_OK)
        return fprintf(stderr, "test_control: %s\n", tenonh_error_message()), EXIT_FAILURE;
    Suite *suite = suite_create("control");
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, 300);
    if (count > 2)
        add_rows(cases, count - 2, arguments + 2);
    else
        add_all(cases);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the device does not survive a fork */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
