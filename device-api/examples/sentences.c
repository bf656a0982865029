/* sentences DIR [--device ID]... [--repeat N]: eight sentences through a pretrained sentence-embedding model.
 *
 * DIR holds minilm.onnx with model.safetensors beside it, an .npy file for each input of the model, the sentences, and
 * the embeddings that another runtime gave. Prints how alike the sentences are, each one's nearest, what ran where and
 * how fast; fails when the embeddings are off, a sentence's nearest is another one than theirs, or anything ran
 * elsewhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tenon/host/tenon.h>

enum { MOST_INPUTS = 8, MOST_SENTENCES = 64, MOST_DEVICES = 8, LINE = 512 };

static const double bar = 1e-5; /* relative L2 distance to the golden embeddings */

typedef struct demo {
    const char *folder;
    tenonh_module *module;
    uint32_t input_count;
    tenonh_array inputs[MOST_INPUTS];
    tenonh_array golden; /* f32[sentences, dims] */
    char sentences[MOST_SENTENCES][LINE];
    int64_t sentence_count;
    long repeat;
} demo;

static int check(tenon_status status) {
    if (status != TENON_STATUS_OK) fprintf(stderr, "sentences: %s\n", tenonh_error_message());
    return status == TENON_STATUS_OK;
}

/* -- Reading ------------------------------------------------------------------------------------------------------ */

static int read_array(const demo *d, const char *name, tenonh_array *out_array) {
    char path[LINE * 2];
    snprintf(path, sizeof path, "%s/%s.npy", d->folder, name);
    return check(tenonh_array_read(path, out_array));
}

static int read_sentences(demo *d) {
    char path[LINE * 2];
    snprintf(path, sizeof path, "%s/sentences.txt", d->folder);
    FILE *file = fopen(path, "r");
    if (!file) return perror(path), 0;
    while (d->sentence_count < MOST_SENTENCES && fgets(d->sentences[d->sentence_count], LINE, file)) {
        d->sentences[d->sentence_count][strcspn(d->sentences[d->sentence_count], "\r\n")] = '\0';
        d->sentence_count++;
    }
    fclose(file);
    return 1;
}

static int load(demo *d) {
    char path[LINE * 2];
    snprintf(path, sizeof path, "%s/minilm.onnx", d->folder);
    if (!check(tenonh_onnx_import(path, NULL, &d->module))) return 0;
    const tenonh_function *function = tenonh_module_function(d->module, "main");
    d->input_count = tenonh_function_input_count(function);
    if (d->input_count > MOST_INPUTS || tenonh_function_output_count(function) != 1)
        return fputs("sentences: the model has other inputs and outputs than a sentence model\n", stderr), 0;
    for (uint32_t i = 0; i < d->input_count; i++)
        if (!read_array(d, tenonh_function_input_name(function, i), &d->inputs[i])) return 0;
    if (!read_array(d, tenonh_function_output_name(function, 0), &d->golden) || !read_sentences(d)) return 0;
    if (d->golden.dtype == TENON_DTYPE_F32 && d->golden.rank == 2 && d->golden.dims[0] == d->sentence_count) return 1;
    return fputs("sentences: the golden embeddings are not f32, one row a sentence\n", stderr), 0;
}

/* -- Judging ------------------------------------------------------------------------------------------------------ */

static double distance(const tenonh_array *result, const tenonh_array *golden) {
    const float *x = result->data, *y = golden->data;
    double error = 0, size = 0;
    if (result->dtype != golden->dtype || result->size != golden->size) return INFINITY;
    for (int64_t i = 0; i < tenonh_array_count(golden); i++) {
        error += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
        size += (double)y[i] * y[i];
    }
    return sqrt(error / size);
}

/* Embeddings have length 1: their product is the cosine of the angle between them. */
static double likeness(const tenonh_array *embeddings, int64_t a, int64_t b) {
    const float *x = (const float *)embeddings->data + a * embeddings->dims[1];
    const float *y = (const float *)embeddings->data + b * embeddings->dims[1];
    double sum = 0;
    for (int64_t i = 0; i < embeddings->dims[1]; i++) sum += (double)x[i] * y[i];
    return sum;
}

/* The sentence most like sentence `a`. */
static int64_t nearest_to(const tenonh_array *embeddings, int64_t a) {
    int64_t nearest = a == 0;
    for (int64_t b = 0; b < embeddings->dims[0]; b++)
        if (b != a && likeness(embeddings, a, b) > likeness(embeddings, a, nearest)) nearest = b;
    return nearest;
}

/* Prints the table; gives the number of sentences whose nearest is not the one that the golden embeddings say. */
static int print_likeness(const demo *d, const tenonh_array *embeddings) {
    int wrong = 0;
    for (int64_t a = 0; a < d->sentence_count; a++) {
        printf("%2lld ", (long long)a + 1);
        for (int64_t b = 0; b < d->sentence_count; b++) printf(" %5.2f", likeness(embeddings, a, b));
        int64_t nearest = nearest_to(embeddings, a);
        printf("   nearest %lld  %s\n", (long long)nearest + 1, d->sentences[a]);
        wrong += nearest != nearest_to(&d->golden, a);
    }
    return wrong;
}

/* -- Accounting --------------------------------------------------------------------------------------------------- */

static void print_placement(const tenonh_session *session) {
    struct {
        tenonh_step_info step;
        unsigned count;
    } rows[TENONH_PLACEMENT_COUNT * MOST_DEVICES];
    unsigned row_count = 0, i;
    for (uint32_t s = 0; s < tenonh_session_step_count(session); s++) {
        tenonh_step_info step = {.struct_size = sizeof step};
        if (tenonh_session_step(session, s, &step) != TENON_STATUS_OK) continue;
        for (i = 0; i < row_count; i++)
            if (rows[i].step.placement == step.placement && strcmp(rows[i].step.device, step.device) == 0) break;
        if (i == sizeof rows / sizeof rows[0]) continue;
        if (i < row_count)
            rows[i].count++, rows[i].step.bytes += step.bytes;
        else
            rows[row_count].step = step, rows[row_count++].count = 1;
    }
    printf("\n%-14s %-10s %6s %10s\n", "placement", "device", "steps", "MiB");
    for (i = 0; i < row_count; i++)
        printf("%-14s %-10s %6u %10.1f\n", tenonh_placement_name(rows[i].step.placement),
               rows[i].step.device[0] ? rows[i].step.device : "-", rows[i].count,
               (double)rows[i].step.bytes / (1 << 20));
}

static double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int order(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median seconds of a run, copies in and out included; 0 after a failure. */
static double time_runs(const demo *d, tenonh_session *session) {
    double *times = calloc((size_t)d->repeat, sizeof *times), middle = 0;
    long i = 0;
    for (; times && i < d->repeat; i++) {
        tenonh_array output = {0};
        double start = seconds();
        if (!check(tenonh_session_run_arrays(session, d->inputs, d->input_count, &output, 1))) break;
        times[i] = seconds() - start;
        tenonh_array_free(&output);
    }
    if (times && i == d->repeat) {
        qsort(times, (size_t)d->repeat, sizeof *times, order);
        middle = times[d->repeat / 2];
    }
    free(times);
    return middle;
}

/* -- One device --------------------------------------------------------------------------------------------------- */

static int judge(const demo *d, tenonh_session *session, const tenonh_array *embeddings) {
    double off = distance(embeddings, &d->golden);
    int wrong = off < INFINITY ? print_likeness(d, embeddings) : (int)d->sentence_count;
    print_placement(session);
    double median = time_runs(d, session);
    int good = off <= bar && wrong == 0 && median > 0; /* a NaN is not good */
    if (median > 0)
        printf("\n%.1f sentences/s, median of %ld runs of %lld sentences\n", (double)d->sentence_count / median,
               d->repeat, (long long)d->sentence_count);
    printf("nearest as in the golden: %lld of %lld\n", (long long)d->sentence_count - wrong,
           (long long)d->sentence_count);
    printf("relative L2 to the golden: %.2e, bar %.0e: %s\n", off, bar, good ? "passed" : "FAILED");
    return good;
}

static int run_on(const demo *d, tenonh_registry *registry, const char *name) {
    tenonh_device *device = NULL;
    tenonh_session *session = NULL;
    tenonh_array embeddings = {0};
    const tenonh_session_options options = {.struct_size = sizeof options, .require_device = 1};
    int good = check(tenonh_device_open(registry, name, &device)) &&
               check(tenonh_session_create(d->module, device, &options, &session)) &&
               check(tenonh_session_run_arrays(session, d->inputs, d->input_count, &embeddings, 1));
    if (good) {
        printf("\n%lld sentences on %s (%s)\n\n", (long long)d->sentence_count, tenonh_device_name(device),
               tenonh_device_info(device)->name);
        good = judge(d, session, &embeddings);
    }
    tenonh_array_free(&embeddings);
    tenonh_session_release(session);
    tenonh_device_release(device);
    return good;
}

static int run_on_all(demo *d, const char **devices, int device_count) {
    tenonh_registry *registry = NULL;
    int good = load(d) && check(tenonh_registry_create(NULL, &registry));
    for (int i = 0; good && i < device_count; i++) good = run_on(d, registry, devices[i]);
    tenonh_registry_destroy(registry);
    tenonh_array_free(&d->golden);
    for (uint32_t i = 0; i < MOST_INPUTS; i++) tenonh_array_free(&d->inputs[i]);
    tenonh_module_destroy(d->module);
    return good;
}

int main(int count, char **arguments) {
    static demo d = {.repeat = 20};
    const char *devices[MOST_DEVICES] = {"cpu"};
    int device_count = 0, good = 1;
    for (int i = 1; i < count && good; i++) {
        const char *text = arguments[i], *next = i + 1 < count ? arguments[i + 1] : "";
        int is_option = text[0] == '-';
        if (strcmp(text, "--device") == 0 && device_count < MOST_DEVICES)
            devices[device_count++] = next;
        else if (strcmp(text, "--repeat") == 0)
            d.repeat = strtol(next, NULL, 10);
        else if (!is_option && !d.folder)
            d.folder = text;
        else
            good = 0;
        i += is_option;
    }
    good = good && d.repeat > 0 && d.repeat < 1000000;
    if (!good || !d.folder) {
        fputs("usage: sentences DIR [--device ID]... [--repeat N]\n", stderr);
        return 2;
    }
    return run_on_all(&d, devices, device_count ? device_count : 1) ? 0 : 1;
}
