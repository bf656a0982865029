/* What starting costs: `tenon list` as a process, and in a fresh process each time the load of a plugin up to its first
 * open device, with the probe's verdicts kept. Medians; the bars are 30 and 5 ms.
 *
 * bench_loading TENON PLUGIN...   the figures
 * bench_loading --load PLUGIN     what a child does: prints the milliseconds */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tenon/host/device.h>
#include <tenon/host/error.h>

enum { SAMPLES = 41, WARM_UP = 3, LIST_BAR_MS = 30, LOAD_BAR_MS = 5 };

static void stop(const char *what, const char *words) {
    fprintf(stderr, "bench_loading: %s: %s\n", what, words);
    exit(EXIT_FAILURE);
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* -- The child ---------------------------------------------------------------------------------------------------- */

static void check(tenon_status status) {
    if (status != TENON_STATUS_OK) stop("host", tenonh_error_message());
}

static int load(const char *path) {
    const tenonh_registry_options options = {.struct_size = sizeof options, .no_search = 1};
    tenonh_plugin_info info = {.struct_size = sizeof info};
    tenonh_registry *registry;
    tenonh_device *device;
    double start = now_ms();
    check(tenonh_registry_create(&options, &registry));
    check(tenonh_registry_add(registry, path));
    double added = now_ms();
    check(tenonh_registry_plugin(registry, 0, &info));
    check(tenonh_device_open(registry, info.id, &device));
    double end = now_ms();
    printf("%.4f %.4f\n", end - start, added - start);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return EXIT_SUCCESS;
}

/* -- The parent --------------------------------------------------------------------------------------------------- */

/* Runs a program to its end; its output goes to `output`. Gives the milliseconds that it took. */
static double run(const char *const *arguments, int output) {
    posix_spawn_file_actions_t actions;
    pid_t child;
    int state;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    double start = now_ms();
    if (posix_spawn(&child, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments, environ) != 0)
        stop("spawn", arguments[0]);
    if (waitpid(child, &state, 0) != child || state != 0) stop("it fails", arguments[0]);
    posix_spawn_file_actions_destroy(&actions);
    return now_ms() - start;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts: the median is then in the middle, the least at the start. */
static double median(double *values) {
    qsort(values, SAMPLES, sizeof *values, by_size);
    return values[SAMPLES / 2];
}

static double time_list(const char *tenon, double *out_least) {
    const char *const arguments[] = {tenon, "list", NULL};
    double times[SAMPLES];
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (int i = -WARM_UP; i < SAMPLES; i++) {
        double time = run(arguments, nowhere);
        if (i >= 0) times[i] = time;
    }
    close(nowhere);
    double middle = median(times);
    *out_least = times[0];
    return middle;
}

static double time_load(const char *self, const char *plugin, double *out_least, double *out_add) {
    const char *const arguments[] = {self, "--load", plugin, NULL};
    double times[SAMPLES], adds[SAMPLES];
    for (int i = -WARM_UP; i < SAMPLES; i++) {
        int ends[2];
        char text[64];
        if (pipe2(ends, O_CLOEXEC) != 0) stop("pipe", "none left");
        (void)run(arguments, ends[1]);
        ssize_t got = read(ends[0], text, sizeof text - 1);
        close(ends[0]);
        close(ends[1]);
        if (got <= 0) stop("it says nothing", plugin);
        text[got] = '\0';
        if (i < 0) continue;
        char *rest;
        times[i] = strtod(text, &rest);
        adds[i] = strtod(rest, NULL);
    }
    *out_add = median(adds);
    double middle = median(times);
    *out_least = times[0];
    return middle;
}

int main(int count, char **arguments) {
    if (count == 3 && strcmp(arguments[1], "--load") == 0) return load(arguments[2]);
    if (count < 3) stop("usage", "bench_loading TENON PLUGIN...");
    double least;
    printf("%d fresh processes each; ms: median, and the least because a busy machine only adds\n", SAMPLES);
    for (int i = 2; i < count; i++) {
        double add, whole = time_load("/proc/self/exe", arguments[i], &least, &add);
        printf("load and first device of %s: %.2f, least %.2f (bar: %d), of which loading %.2f\n", arguments[i], whole,
               least, LOAD_BAR_MS, add);
    }
    double whole = time_list(arguments[1], &least);
    printf("tenon list: %.2f, least %.2f (bar: %d)\n", whole, least, LIST_BAR_MS);
    return EXIT_SUCCESS;
}
