/* run_model MODEL.onnx DEVICE INPUT.npy...: runs a model once, the inputs in the model's order. */
#include <stdio.h>
#include <tenon/host/tenon.h>

enum { MOST = 16 };

static int check(tenon_status status) {
    if (status != TENON_STATUS_OK) fprintf(stderr, "run_model: %s\n", tenonh_error_message());
    return status == TENON_STATUS_OK;
}

int main(int count, char **arguments) {
    tenonh_registry *registry = NULL;
    tenonh_device *device = NULL;
    tenonh_module *module = NULL;
    tenonh_session *session = NULL;
    tenonh_array inputs[MOST] = {{0}}, outputs[MOST] = {{0}};
    uint32_t output_count = 0;
    if (count < 3 || count - 3 > MOST) return fputs("usage: run_model MODEL.onnx DEVICE INPUT.npy...\n", stderr), 2;
    int ok = check(tenonh_registry_create(NULL, &registry)) &&
             check(tenonh_device_open(registry, arguments[2], &device)) &&
             check(tenonh_onnx_import(arguments[1], NULL, &module)) &&
             check(tenonh_session_create(module, device, NULL, &session));
    for (int i = 3; ok && i < count; i++) ok = check(tenonh_array_read(arguments[i], &inputs[i - 3]));
    if (ok) output_count = tenonh_function_output_count(tenonh_module_function(module, "main"));
    ok = ok && output_count <= MOST &&
         check(tenonh_session_run_arrays(session, inputs, (uint32_t)count - 3, outputs, output_count));
    for (uint32_t i = 0; ok && i < output_count; i++)
        printf("output %u: %lld elements\n", i, (long long)tenonh_array_count(&outputs[i]));
    for (int i = 0; i < MOST; i++) tenonh_array_free(&inputs[i]), tenonh_array_free(&outputs[i]);
    tenonh_session_release(session);
    tenonh_module_destroy(module);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return !ok;
}
