/* Kernel IR: the text and, for inputs that are no text, the blob. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "kernel/kir.h"

static void check_text(const tenon__kir_program *program) {
    tenon__kir_error error;
    uint64_t before[2], after[2];
    char *text = NULL;
    tenon__kir_program *again = NULL;
    if (tenon__kir_print(program, &text) != TENON_STATUS_OK) return;
    fuzz_check(tenon__kir_parse(text, strlen(text), &error, &again) == TENON_STATUS_OK, "what was printed parses");
    tenon__kir_hash(program, before);
    tenon__kir_hash(again, after);
    fuzz_check(memcmp(before, after, sizeof before) == 0, "text keeps the hash");
    tenon__kir_destroy(again);
    free(text);
}

static void check_blob(const tenon__kir_program *program) {
    tenon__kir_error error;
    uint64_t before[2], after[2];
    void *blob = NULL;
    size_t size = 0;
    tenon__kir_program *again = NULL;
    if (tenon__kir_encode(program, TENON__KIR_VERSION, &blob, &size) != TENON_STATUS_OK) return;
    fuzz_check(tenon__kir_decode(blob, size, &error, &again) == TENON_STATUS_OK, "what was encoded decodes");
    tenon__kir_hash(program, before);
    tenon__kir_hash(again, after);
    fuzz_check(memcmp(before, after, sizeof before) == 0, "a blob keeps the hash");
    tenon__kir_destroy(again);
    free(blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tenon__kir_error error;
    tenon__kir_program *program = NULL;
    tenon_status status = tenon__kir_parse((const char *)data, size, &error, &program);
    if (status != TENON_STATUS_OK) status = tenon__kir_decode(data, size, &error, &program);
    if (status != TENON_STATUS_OK) return 0;
    fuzz_check(tenon__kir_verify(program, &error) == TENON_STATUS_OK, "what was read verifies");
    check_text(program);
    check_blob(program);
    tenon__kir_destroy(program);
    return 0;
}
