#include "recall.h"

#include <string.h>

/* Behind it in memory: the call, the reaches, the key (symbols, then scalars). */
struct cpu_recall {
    _Atomic uint32_t is_taken;
    uint32_t is_filled;
    size_t call_size, reaches_size, key_count;
    char memory[];
};

static cpu_reach *reaches_of(struct cpu_recall *recall) {
    return (cpu_reach *)(void *)(recall->memory + recall->call_size);
}

static int64_t *key_of(struct cpu_recall *recall) {
    return (int64_t *)(void *)(recall->memory + recall->call_size + recall->reaches_size);
}

static_assert(sizeof(struct cpu_recall) % CPU_COMMAND_UNIT == 0, "the call behind it is aligned");

tenon_status cpu_recall_create(tenon_exec *exec) {
    size_t call = cpu_call_size(exec, 0), reaches = exec->operand_count * sizeof(cpu_reach);
    size_t key = (size_t)exec->symbol_count + exec->scalar_count;
    struct cpu_recall *recall = cpu_allocate(exec->device, sizeof *recall + call + reaches + key * sizeof(int64_t));
    if (!recall) return cpu_fail(exec->device, TENON_STATUS_OUT_OF_MEMORY, "no memory for an exec");
    recall->call_size = call;
    recall->reaches_size = reaches;
    recall->key_count = key;
    exec->recall = recall;
    return TENON_STATUS_OK;
}

void cpu_recall_destroy(tenon_exec *exec) {
    cpu_release(exec->device, exec->recall);
}

static int take(struct cpu_recall *recall) {
    return atomic_exchange_explicit(&recall->is_taken, 1, memory_order_acquire) == 0;
}

static void let_go(struct cpu_recall *recall) {
    atomic_store_explicit(&recall->is_taken, 0, memory_order_release);
}

static int is_equal(const int64_t *key, const void *values, uint32_t count) {
    const int64_t *given = values;
    for (uint32_t i = 0; i < count; i++)
        if (key[i] != given[i]) return 0;
    return 1;
}

int cpu_recall_get(tenon_exec *exec, const tenon_launch *launch, cpu_reach *out_reaches, cpu_call *out_call) {
    struct cpu_recall *recall = exec->recall;
    if (!take(recall)) return 0;
    const int64_t *key = key_of(recall);
    int hit = recall->is_filled && is_equal(key, launch->symbols, exec->symbol_count) &&
              is_equal(key + exec->symbol_count, launch->scalars, exec->scalar_count);
    if (hit) {
        memcpy(out_call, recall->memory, recall->call_size);
        memcpy(out_reaches, reaches_of(recall), recall->reaches_size);
    }
    let_go(recall);
    return hit;
}

void cpu_recall_put(tenon_exec *exec, const tenon_launch *launch, const cpu_reach *reaches, const cpu_call *call) {
    struct cpu_recall *recall = exec->recall;
    if (!take(recall)) return;
    memcpy(recall->memory, call, recall->call_size);
    memcpy(reaches_of(recall), reaches, recall->reaches_size);
    int64_t *key = key_of(recall);
    if (exec->symbol_count) memcpy(key, launch->symbols, exec->symbol_count * sizeof *key);
    if (exec->scalar_count) memcpy(key + exec->symbol_count, launch->scalars, exec->scalar_count * sizeof *key);
    recall->is_filled = 1;
    let_go(recall);
}
