#include "kernel.h"

#include "compile.h"
#include "library.h"

#include <string.h>

typedef struct kernel_exec {
    tenon_exec base;
    cpu_library *library;
    tenon_kernel_c11 *entries;
} kernel_exec;

static void fill_dialect(tenon_device *device) {
    const cpu_isa_facts *facts = cpu_isa_facts_of(device->isa);
    device->dialect = (tenon_dialect){
        .struct_size = sizeof(tenon_dialect),
        .language = TENON_LANGUAGE_C11,
        .features = TENON_FEATURE_F64 | TENON_FEATURE_VECTORS | (facts->has_fma ? TENON_FEATURE_FMA : 0u),
        .vector_bytes = facts->vector_bytes,
        .registers = facts->registers,
        .max_group = 1,
    };
}

tenon_status cpu_kernel_open(tenon_device *device) {
    fill_dialect(device);
    TENON_TRY(cpu_compiler_find(device, &device->compiler));
    tenon_status status = device->compiler ? cpu_libraries_create(device, &device->libraries) : TENON_STATUS_OK;
    if (status != TENON_STATUS_OK) cpu_compiler_free(device, device->compiler);
    return status;
}

void cpu_kernel_close(tenon_device *device) {
    cpu_libraries_destroy(device, device->libraries);
    cpu_compiler_free(device, device->compiler);
}

tenon_status cpu_kernel_dialect(tenon_device *device, const tenon_dialect **out_dialect) {
    if (!device || !out_dialect) return TENON_STATUS_INVALID;
    if (!device->compiler)
        return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "no compiler was found, so this device takes no kernel work");
    *out_dialect = &device->dialect;
    return TENON_STATUS_OK;
}

/* Items of dimension 0; a zero in any dimension is no work at all. Errors: INVALID. */
static tenon_status items_of(tenon_exec *exec, const tenon_grid *grid, uint32_t index, int64_t *out_items) {
    *out_items = 0;
    if (grid->groups[0] == 0 || grid->groups[1] == 0 || grid->groups[2] == 0) return TENON_STATUS_OK;
    if (grid->groups[1] != 1 || grid->groups[2] != 1 || grid->groups[0] > INT64_MAX)
        return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                           "grid %u: this device runs items of dimension 0 alone", index);
    *out_items = (int64_t)grid->groups[0];
    return TENON_STATUS_OK;
}

static tenon_status resolve(tenon_exec *base, const tenon_launch *launch, const cpu_view *views, cpu_call *call) {
    const kernel_exec *exec = (const kernel_exec *)(const void *)base;
    int64_t *symbols = cpu_call_symbols(call);
    cpu_step *steps = cpu_call_steps(call);
    if (launch->grid_count != base->call_steps || !launch->grids)
        return cpu_fail_on(base->device, NULL, base, TENON_STATUS_INVALID,
                           "the kernel has %u entries, the launch %u grids", base->call_steps, launch->grid_count);
    for (uint32_t i = 0; i < base->operand_count; i++)
        call->weight += cpu_view_bytes(&views[i], base->operands[i].bits);
    if (launch->symbol_count) memcpy(symbols, launch->symbols, launch->symbol_count * sizeof *symbols);
    if (launch->scalar_count)
        memcpy(symbols + launch->symbol_count, launch->scalars, launch->scalar_count * sizeof *symbols);
    for (uint32_t i = 0; i < base->call_steps; i++) {
        steps[i].entry = exec->entries[i];
        TENON_TRY(items_of(base, &launch->grids[i], i, &steps[i].items));
    }
    return TENON_STATUS_OK;
}

static void release(tenon_exec *base) {
    kernel_exec *exec = (kernel_exec *)(void *)base;
    cpu_library_release(base->device, exec->library);
    cpu_release(base->device, exec->entries);
}

static const cpu_exec_class kernel_class = {resolve, release};

static tenon_status check_kernel(tenon_device *device, const tenon_work *work) {
    const tenon_kernel_work *kernel = work->kernel;
    tenon_status status = tenon_descriptor_check(kernel, TENON_KERNEL_WORK_SIZE_V1, sizeof *kernel);
    if (status != TENON_STATUS_OK)
        return cpu_fail(device, status, "the kernel work's struct_size or tail is not known here");
    if (kernel->language != TENON_LANGUAGE_C11)
        return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "this device compiles C11, not language %u",
                        kernel->language);
    if (!kernel->source || kernel->source_size == 0 || kernel->entry_count == 0 || !kernel->entries)
        return cpu_fail(device, TENON_STATUS_INVALID, "the kernel work has no source or no entry");
    for (uint32_t i = 0; i < kernel->entry_count; i++)
        if (!kernel->entries[i].name || kernel->entries[i].arg_count != 0)
            return cpu_fail(device, TENON_STATUS_INVALID, "entry %u has no name, or arguments that C11 does not have",
                            i);
    return TENON_STATUS_OK;
}

static tenon_status find_entries(kernel_exec *exec, const tenon_kernel_work *kernel) {
    tenon_device *device = exec->base.device;
    exec->entries = cpu_allocate(device, kernel->entry_count * sizeof *exec->entries);
    if (!exec->entries) return cpu_fail(device, TENON_STATUS_OUT_OF_MEMORY, "no memory for a kernel's entries");
    for (uint32_t i = 0; i < kernel->entry_count; i++) {
        void *address = cpu_library_find(exec->library, kernel->entries[i].name);
        if (!address)
            return cpu_fail(device, TENON_STATUS_INVALID, "the source has no entry \"%s\"", kernel->entries[i].name);
        memcpy(&exec->entries[i], &address, sizeof address); /* POSIX: a function's address fits a void pointer */
    }
    return TENON_STATUS_OK;
}

static tenon_status fill_exec(kernel_exec *exec, const tenon_work *work) {
    const tenon_kernel_work *kernel = work->kernel;
    tenon_device *device = exec->base.device;
    exec->base.name = "kernel";
    exec->base.workspace_size = kernel->workspace_size;
    exec->base.scalar_count = CPU_ANY_SCALARS;
    exec->base.call_buffers = work->operand_count;
    exec->base.call_symbols = work->symbol_count;
    exec->base.call_steps = kernel->entry_count;
    TENON_TRY(cpu_library_get(device, work, kernel->source, kernel->source_size, &exec->library));
    return find_entries(exec, kernel);
}

tenon_status cpu_kernel_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                                tenon_exec **out_exec) {
    if (!device->compiler)
        return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "no compiler was found, so this device takes no kernel work");
    TENON_TRY(check_kernel(device, work));
    tenon_exec *exec;
    TENON_TRY(cpu_exec_create(device, work, sizeof(kernel_exec), &kernel_class, &exec));
    tenon_status status = fill_exec((kernel_exec *)(void *)exec, work);
    if (status != TENON_STATUS_OK) {
        cpu_exec_destroy(exec);
        return status;
    }
    out_info->workspace_size = exec->workspace_size;
    out_info->workspace_alignment = 64;
    *out_exec = exec;
    return TENON_STATUS_OK;
}
