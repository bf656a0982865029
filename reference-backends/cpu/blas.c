#include "blas.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_decided;
static int is_there;
cpu_blas cpu_blas_functions;

/* POSIX: a function's address fits a void pointer. */
static int find(void *library, const char *name, void *out_function) {
    void *address = dlsym(library, name);
    memcpy(out_function, &address, sizeof address);
    return address != NULL;
}

enum { CHECK_SIZE = 5 };

/* c = a b with a NaN in c beforehand (which must go), and NaN x 0 and inf x 0 in the sum (which must stay). */
static int check_product(int m, int n, int trans_a, int trans_b) {
    float a[CHECK_SIZE * CHECK_SIZE], b[CHECK_SIZE * CHECK_SIZE] = {0}, c[CHECK_SIZE * CHECK_SIZE];
    const float specials[] = {NAN, INFINITY, 1.0f};
    for (int which = 0; which < 3; which++) {
        for (int i = 0; i < CHECK_SIZE * CHECK_SIZE; i++) a[i] = specials[which], c[i] = NAN;
        cpu_blas_functions.sgemm(CPU_BLAS_ROW_MAJOR, trans_a, trans_b, m, n, CHECK_SIZE, 1.0f, a, CHECK_SIZE, b,
                                 CHECK_SIZE, 0.0f, c, CHECK_SIZE);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
                if (which < 2 ? !isnan(c[i * CHECK_SIZE + j]) : c[i * CHECK_SIZE + j] != 0.0f) return 0;
    }
    return 1;
}

static int check_products(void) {
    static const int sizes[] = {1, CHECK_SIZE}, forms[] = {CPU_BLAS_PLAIN, CPU_BLAS_TRANSPOSED};
    for (int i = 0; i < 16; i++)
        if (!check_product(sizes[i & 1], sizes[(i >> 1) & 1], forms[(i >> 2) & 1], forms[(i >> 3) & 1])) return 0;
    return 1;
}

/* OpenBLAS maps about this much for each thread that calls it, and tries without end when it can't (ulimit -v). */
enum { BUFFER_SIZE = 160 << 20 };

static int has_room(uint32_t threads) {
    size_t size = (size_t)BUFFER_SIZE * (threads + 2); /* the pool, a launching thread, one to spare */
    void *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return room != MAP_FAILED && munmap(room, size) == 0;
}

/* Why the library can't be used, NULL if it can. */
static const char *judge(void *library) {
    char *(*configuration)(void);
    void (*set_threads)(int);
    if (!find(library, "cblas_sgemm", &cpu_blas_functions.sgemm) ||
        !find(library, "cblas_dgemm", &cpu_blas_functions.dgemm))
        return "it has no cblas_sgemm or cblas_dgemm";
    if (find(library, "openblas_get_config", &configuration) && strstr(configuration(), "USE64BITINT"))
        return "its integers have 64 bits";
    if (find(library, "openblas_set_num_threads", &set_threads)) set_threads(1);
    return check_products() ? NULL : "it loses NaNs";
}

static int decide(const tenon_device *device) {
    const char *setting = cpu_machine_setting("TENON_CPU_BLAS");
    const char *name = setting && setting[0] == '/' ? setting : "libopenblas.so.0";
    char text[512];
    if (setting && strcmp(setting, "0") == 0) return 0;
    int fits = has_room(device->machine.threads); /* before loading: its constructor maps buffers too */
    void *library = fits ? dlopen(name, RTLD_NOW | RTLD_LOCAL) : NULL;
    const char *why = library ? judge(library) : fits ? dlerror() : "no address space for its buffers";
    if (!why) return 1;
    (void)snprintf(text, sizeof text, "matrices are multiplied by this plugin's own kernels: %s: %s", name, why);
    device->host->log(device->host, name == setting ? TENON_LOG_WARNING : TENON_LOG_INFO, text); /* asked for by name */
    if (library) (void)dlclose(library);
    return 0;
}

int cpu_blas_is_there(const tenon_device *device) {
    (void)pthread_mutex_lock(&lock);
    if (!is_decided) {
        is_there = decide(device);
        is_decided = 1;
    }
    int answer = is_there;
    (void)pthread_mutex_unlock(&lock);
    return answer;
}
