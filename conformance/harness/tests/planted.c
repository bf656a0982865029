#include "planted.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* -- Deeds -- */

static volatile int poisoned, closes_badly, refuses;
static void *volatile kept;

static void segfault(void) {
    (void)raise(SIGSEGV);
}

static void hang(void) {
    for (;;) (void)pause();
}

static void leave(void) {
    exit(0); /* NOLINT(concurrency-mt-unsafe) */
}

static void poison(void) {
    poisoned = 1;
}

static void write_behind(void) {
    char *block = malloc(40);
    if (block) block[40 + poisoned] = 1; /* NOLINT */
    kept = block;
}

static void write_before(void) {
    char *block = malloc(40);
    if (block) block[-1 - poisoned] = 1; /* NOLINT */
    kept = block;
}

static void write_after_free(void) {
    volatile char *volatile block = malloc(40);
    free((void *)block);
    block[poisoned] = 1; /* NOLINT */
}

static void free_twice(void) {
    void *volatile block = malloc(40);
    free(block);
    free(block); /* NOLINT */
}

static void leak_heap(void) {
    kept = malloc(100); /* NOLINT */
}

static void leak_file(void) {
    (void)open("/dev/null", O_RDONLY | O_CLOEXEC); /* NOLINT */
}

static void *wait_for_ever(void *context) {
    hang();
    return context;
}

static void leak_thread(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_ever, NULL) == 0) (void)pthread_detach(thread);
}

static void leak_mapping(void) {
    kept = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void talk(void) {
    for (int i = 0; i < 20000; i++) (void)!write(1, "\x1b[2Jnoise\xff and more of it\n", 27);
    (void)fputs("the last words\n", stderr);
    (void)kill(getpid(), SIGKILL); /* a sanitizer would speak after them at the end of a crash of its own */
}

static void garble(void) {
    for (int i = 3; i < 256; i++) (void)!write(i, "garbage", 7);
}

static void close_files(void) {
    for (int i = 3; i < 256; i++) (void)close(i);
}

static void close_input(void) {
    (void)close(0);
}

static void take_output(void) {
    int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)dup2(file, 1);
    (void)close(file);
}

static void close_commands(void) {
    (void)close(100);
}

static void close_badly(void) {
    closes_badly = 1;
}

/* The row fails. */
static void refuse(void) {
    refuses = 1;
}

/* The device is dead from now on, in every process. */
static void wedge(void) {
    const char *marker = getenv("TENON_PLANTED_MARKER"); /* NOLINT(concurrency-mt-unsafe) */
    int file = marker ? open(marker, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
    if (file >= 0) (void)close(file);
    hang();
}

/* Every second time, in whatever process. */
static void waver(void) {
    const char *marker = getenv("TENON_PLANTED_MARKER"); /* NOLINT(concurrency-mt-unsafe) */
    if (!marker || unlink(marker) == 0) return;
    int file = open(marker, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (file >= 0) (void)close(file);
    segfault();
}

static const struct deed {
    const char *name;
    void (*act)(void);
} deeds[] = {
    {"segfault", segfault},
    {"abort", abort},
    {"hang", hang},
    {"exit", leave},
    {"poison", poison},
    {"write_behind", write_behind},
    {"write_before", write_before},
    {"write_after_free", write_after_free},
    {"free_twice", free_twice},
    {"leak_heap", leak_heap},
    {"leak_file", leak_file},
    {"leak_thread", leak_thread},
    {"leak_mapping", leak_mapping},
    {"talk", talk},
    {"garble", garble},
    {"close_files", close_files},
    {"close_input", close_input},
    {"take_output", take_output},
    {"close_commands", close_commands},
    {"close_badly", close_badly},
    {"refuse", refuse},
    {"wedge", wedge},
    {"waver", waver},
};

/* -- When -- */

enum { POISON_SHOWS = 12 };

static void act(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
        if (strlen(deeds[i].name) == length && memcmp(deeds[i].name, name, length) == 0) deeds[i].act();
}

tenon_status planted_write(const void *source, uint64_t size) {
    planted_row row;
    const char *at = getenv("TENON_PLANTED"); /* NOLINT(concurrency-mt-unsafe) */
    if (size != sizeof row) return TENON_STATUS_OK;
    memcpy(&row, source, sizeof row);
    if (row.magic != PLANTED_MAGIC) return TENON_STATUS_OK;
    if (poisoned && row.index == POISON_SHOWS) segfault();
    while (at && *at) {
        size_t length = strcspn(at, ":"), whole = strcspn(at, ",");
        if (length < whole && strtoull(at + length + 1, NULL, 10) == row.index) act(at, length);
        at += whole + (at[whole] == ',');
    }
    int refused = refuses;
    refuses = 0;
    return refused ? TENON_STATUS_UNSUPPORTED : TENON_STATUS_OK;
}

void planted_open(void) {
    const char *marker = getenv("TENON_PLANTED_MARKER"); /* NOLINT(concurrency-mt-unsafe) */
    const char *deed = getenv("TENON_PLANTED");          /* NOLINT(concurrency-mt-unsafe) */
    if (marker && deed && strncmp(deed, "wedge", 5) == 0 && access(marker, F_OK) == 0) hang();
}

void planted_close(void) {
    if (closes_badly) segfault();
}
