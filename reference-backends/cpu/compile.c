#include "compile.h"

#include "process.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_BYTES = 3072, MAX_OPTIONS = 24, COMPILE_SECONDS = 300, VERSION_SECONDS = 10 };

struct cpu_compiler {
    char path[PATH_MAX];
    const char *march; /* NULL: the compiler's default */
    pthread_mutex_t lock;
    int is_identified;
    char identity[PATH_MAX + 512];
};

/* Results must not depend on the compiler's mood: no contraction, no fast maths. errno and traps are not looked at.
 * Buffers of a launch may be the same bytes, with another type too (REQ-KERNEL-04): no aliasing by type. */
static const char *const options[] = {"-x",
                                      "c",
                                      "-std=gnu11",
                                      "-O3",
                                      "-ffp-contract=off",
                                      "-fno-strict-aliasing",
                                      "-fPIC",
                                      "-shared",
                                      "-fno-math-errno",
                                      "-fno-trapping-math",
                                      "-w",
                                      "-pipe",
                                      "-fvisibility=default"};
enum { OPTION_COUNT = sizeof options / sizeof *options };

static int is_program(const char *path) {
    struct stat file;
    return path[0] == '/' && stat(path, &file) == 0 && S_ISREG(file.st_mode) && access(path, X_OK) == 0;
}

/* Looks for `name` in PATH, where relative entries don't count. */
static int search(const char *name, char out_path[PATH_MAX]) {
    const char *at = cpu_machine_setting("PATH");
    while (at && *at) {
        size_t length = strcspn(at, ":");
        int printed = snprintf(out_path, PATH_MAX, "%.*s/%s", (int)length, at, name);
        if (printed > 0 && printed < PATH_MAX && is_program(out_path)) return 1;
        at += length + (at[length] == ':');
    }
    return 0;
}

static int find(const tenon_device *device, char out_path[PATH_MAX]) {
    static const char *const names[] = {"cc", "gcc", "clang"};
    const char *setting = cpu_machine_setting("TENON_CC");
    char text[256];
    if (!setting) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (search(names[i], out_path)) return 1;
        return 0;
    }
    int printed = snprintf(out_path, PATH_MAX, "%s", setting);
    if (printed < PATH_MAX && (strchr(setting, '/') ? is_program(out_path) : search(setting, out_path))) return 1;
    (void)snprintf(text, sizeof text,
                   "TENON_CC=%.100s names no program: give an absolute path or a name in PATH; no kernel work",
                   setting);
    device->host->log(device->host, TENON_LOG_WARNING, text);
    return 0;
}

tenon_status cpu_compiler_find(const tenon_device *device, cpu_compiler **out_compiler) {
    char path[PATH_MAX];
    *out_compiler = NULL;
    if (cpu_machine_is_secure() || !find(device, path)) return TENON_STATUS_OK;
    cpu_compiler *compiler = cpu_allocate(device, sizeof *compiler);
    if (!compiler) return TENON_STATUS_OUT_OF_MEMORY;
    memcpy(compiler->path, path, sizeof path);
    compiler->march = cpu_isa_facts_of(device->isa)->march;
    (void)pthread_mutex_init(&compiler->lock, NULL);
    *out_compiler = compiler;
    return TENON_STATUS_OK;
}

void cpu_compiler_free(const tenon_device *device, cpu_compiler *compiler) {
    if (!compiler) return;
    (void)pthread_mutex_destroy(&compiler->lock);
    cpu_release(device, compiler);
}

/* What a program wrote into `file`: its first LOG_BYTES. */
static void read_back(int file, char out_text[LOG_BYTES]) {
    ssize_t got = pread(file, out_text, LOG_BYTES - 1, 0);
    out_text[got > 0 ? got : 0] = '\0';
}

/* The compiler's own word for its version; "" when it has none to say. */
static void ask_version(const char *path, char out_version[LOG_BYTES]) {
    const char *const arguments[] = {path, "--version", NULL};
    int code = 0, output = memfd_create("tenon version", MFD_CLOEXEC);
    out_version[0] = '\0';
    if (output < 0) return;
    const cpu_process run = {.arguments = arguments, .input = -1, .output = output, .seconds = VERSION_SECONDS};
    if (cpu_process_run(&run, &code) == TENON_STATUS_OK && code == 0) read_back(output, out_version);
    (void)close(output);
    out_version[strcspn(out_version, "\n")] = '\0';
}

const char *cpu_compiler_identity(cpu_compiler *compiler) {
    char version[LOG_BYTES];
    struct stat file = {0};
    (void)pthread_mutex_lock(&compiler->lock);
    if (!compiler->is_identified) {
        (void)stat(compiler->path, &file);
        ask_version(compiler->path, version);
        (void)snprintf(compiler->identity, sizeof compiler->identity, "%s %" PRIu64 " %" PRIu64 " %.300s %s",
                       compiler->path, (uint64_t)file.st_size, (uint64_t)file.st_mtime, version,
                       compiler->march ? compiler->march : "");
        for (int i = 0; i < OPTION_COUNT; i++) {
            size_t used = strlen(compiler->identity);
            (void)snprintf(compiler->identity + used, sizeof compiler->identity - used, " %s", options[i]);
        }
        compiler->is_identified = 1;
    }
    (void)pthread_mutex_unlock(&compiler->lock);
    return compiler->identity;
}

typedef struct canceller {
    const tenon_host *host;
    const tenon_work *work;
} canceller;

static int is_cancelled(void *context) {
    const canceller *asked = context;
    return asked->host->cancelled(asked->host, asked->work) != 0;
}

static tenon_status write_all(int file, const char *text, size_t size) {
    while (size > 0) {
        ssize_t wrote = write(file, text, size);
        if (wrote <= 0) return TENON_STATUS_IO;
        text += wrote;
        size -= (size_t)wrote;
    }
    return lseek(file, 0, SEEK_SET) == 0 ? TENON_STATUS_OK : TENON_STATUS_IO;
}

/* Runs the compiler from `input` with its words going to `log`. */
static tenon_status run_compiler(tenon_device *device, const tenon_work *work, const char *output, int input, int log) {
    const cpu_compiler *compiler = device->compiler;
    const char *arguments[MAX_OPTIONS] = {compiler->path};
    int count = 1, code = 0;
    for (int i = 0; i < OPTION_COUNT; i++) arguments[count++] = options[i];
    if (compiler->march) arguments[count++] = compiler->march;
    const char *const tail[] = {"-o", output, "-", "-lm"};
    for (int i = 0; i < 4; i++) arguments[count++] = tail[i];
    canceller context = {device->host, work};
    const cpu_process run = {arguments, input, log, COMPILE_SECONDS, is_cancelled, &context};
    tenon_status status = cpu_process_run(&run, &code);
    if (status == TENON_STATUS_OK && code == 0) return TENON_STATUS_OK;
    char text[LOG_BYTES];
    read_back(log, text);
    if (status != TENON_STATUS_OK)
        return cpu_fail(device, status, "%s did not come to its end (%s)\n%s", compiler->path,
                        tenon_status_meaning(status), text);
    return cpu_fail(device, TENON_STATUS_COMPILE_FAILED, "%s exited with %d:\n%s", compiler->path, code, text);
}

tenon_status cpu_compile(tenon_device *device, const tenon_work *work, const char *source, size_t source_size,
                         const char *output) {
    int input = memfd_create("tenon source", MFD_CLOEXEC), log = memfd_create("tenon log", MFD_CLOEXEC);
    tenon_status status = input < 0 || log < 0 ? TENON_STATUS_IO : write_all(input, source, source_size);
    if (status == TENON_STATUS_OK)
        status = run_compiler(device, work, output, input, log);
    else
        (void)cpu_fail(device, status, "the source can't be handed to the compiler");
    if (input >= 0) (void)close(input);
    if (log >= 0) (void)close(log);
    return status;
}
