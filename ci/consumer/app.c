/* Loads the plugin given by its path and sends bytes through its first device and back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <tenon/host/tenon.h>

/* Writes and reads a tensor; returns 0 when the bytes come back as they went. */
static int round_trip(tenonh_device *device) {
    float sent[3][5], back[3][5] = {{0}};
    for (int i = 0; i < 15; i++) sent[i / 5][i % 5] = (float)i * 0.5f;
    const int64_t dims[] = {3, 5};
    tenonh_stream *stream = NULL;
    tenonh_tensor *tensor = NULL;
    tenon_status status = tenonh_stream_create(device, &stream);
    if (status == TENON_STATUS_OK) status = tenonh_tensor_create(device, TENON_DTYPE_F32, 2, dims, &tensor);
    if (status == TENON_STATUS_OK) status = tenonh_tensor_write(tensor, stream, sent, sizeof sent);
    if (status == TENON_STATUS_OK) status = tenonh_tensor_read(tensor, stream, back, sizeof back);
    tenonh_tensor_release(tensor);
    tenonh_stream_release(stream);
    return status != TENON_STATUS_OK || memcmp(sent, back, sizeof sent) != 0;
}

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "usage: %s PLUGIN.so\n", argv[0]), 2;
    tenonh_registry_options options = {.struct_size = sizeof options, .no_search = 1};
    tenonh_plugin_info info = {.struct_size = sizeof info};
    tenonh_registry *registry = NULL;
    tenonh_device *device = NULL;
    int failed = tenonh_registry_create(&options, &registry) != TENON_STATUS_OK ||
                 tenonh_registry_add(registry, argv[1]) != TENON_STATUS_OK ||
                 tenonh_registry_plugin(registry, 0, &info) != TENON_STATUS_OK ||
                 tenonh_device_open(registry, info.id, &device) != TENON_STATUS_OK || round_trip(device);
    if (failed)
        fprintf(stderr, "%s: %s\n", argv[1], tenonh_error_message());
    else
        printf("%s: %s works\n", argv[1], tenonh_device_name(device));
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return failed;
}
