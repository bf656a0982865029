#include "harness/heap.h"

#if defined(TENON_SANITIZED) || !defined(__GLIBC__)

bool cfh_heap_check(char *out_text, size_t size) {
    (void)out_text, (void)size;
    return true;
}

void cfh_heap_settle(void) {}

cfh_heap_use cfh_heap_in_use(void) {
    return (cfh_heap_use){0, 0};
}

#else

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The C library's own, under the names that it has for those who stand in for it. */
void *library_malloc(size_t size) __asm__("__libc_malloc");
void *library_calloc(size_t count, size_t size) __asm__("__libc_calloc");
void library_free(void *pointer) __asm__("__libc_free");

/* -- Blocks -- */

/* Before what the caller gets stands a head, behind it a tail of marks. Blocks of a shelf hang together in a ring. */
typedef struct block {
    struct block *next, *previous;
    size_t size;
    void *base;   /* what the C library gave */
    void *caller; /* who asked for it */
    uint32_t shelf, state;
    uint64_t guard[2];
} block;

enum { TAIL = 32, LEAST_ALIGNMENT = 16, SHELVES = 16, KEPT = 512, MOST_KEPT_BYTES = 4 << 20, KEPT_SIZE = 65536 };
enum { IN_USE = 0x75736564, FREED = 0x66726565 };
#define GUARD     0x9a3c6b1fd24e8057u
#define TAIL_BYTE 0x9d
#define FREE_BYTE 0xdb

_Static_assert(sizeof(block) % LEAST_ALIGNMENT == 0, "what follows a head is aligned");

/* Blocks by the thread that asked: threads seldom meet at a lock. */
typedef struct shelf {
    pthread_mutex_t lock;
    block ring;
    uint64_t bytes, blocks;
    block *kept[KEPT]; /* freed ones, in a ring: from `oldest` to before `newest` */
    uint32_t oldest, newest;
    uint64_t kept_bytes;
    char damage[384]; /* the first that was seen: "" for none */
} shelf;

static shelf shelves[SHELVES];
static pthread_once_t started = PTHREAD_ONCE_INIT;
static _Atomic uint32_t next_shelf;
static __thread uint32_t own_shelf __attribute__((tls_model("initial-exec"))); /* 1 + its index; 0: none yet */

static void lock_all(void) {
    for (int i = 0; i < SHELVES; i++) pthread_mutex_lock(&shelves[i].lock);
}

static void unlock_all(void) {
    for (int i = SHELVES; i-- > 0;) pthread_mutex_unlock(&shelves[i].lock);
}

static void start(void) {
    for (int i = 0; i < SHELVES; i++) {
        pthread_mutex_init(&shelves[i].lock, NULL);
        shelves[i].ring.next = shelves[i].ring.previous = &shelves[i].ring;
    }
    pthread_atfork(lock_all, unlock_all, unlock_all);
}

static shelf *shelf_of_thread(void) {
    pthread_once(&started, start);
    if (!own_shelf) own_shelf = 1 + next_shelf++ % SHELVES;
    return &shelves[own_shelf - 1];
}

/* -- Damage -- */

static const char *name_of(void *caller, char *text, size_t size) {
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(caller, &info, (void **)&map, RTLD_DL_LINKMAP) || !info.dli_fname) return "?";
    const char *slash = strrchr(info.dli_fname, '/'), *file = slash ? slash + 1 : info.dli_fname;
    (void)snprintf(text, size, "%.80s+0x%zx", file, (size_t)((char *)caller - (char *)info.dli_fbase));
    return text;
}

static void note(shelf *s, const block *b, const char *what) {
    char name[128];
    if (s->damage[0]) return;
    (void)snprintf(s->damage, sizeof s->damage, "%s a block of %zu bytes that %s allocated", what, b->size,
                   name_of(b->caller, name, sizeof name));
}

static bool is_filled(const unsigned char *bytes, size_t count, unsigned char with) {
    return count == 0 || (bytes[0] == with && memcmp(bytes, bytes + 1, count - 1) == 0);
}

static bool has_guard(const block *b, uint32_t state) {
    return b->state == state && b->guard[0] == GUARD && b->guard[1] == (GUARD ^ b->size) && b->shelf < SHELVES;
}

static bool is_whole(shelf *s, const block *b, uint32_t state) {
    const unsigned char *bytes = (const unsigned char *)(b + 1);
    if (!has_guard(b, state)) {
        if (!s->damage[0])
            (void)snprintf(s->damage, sizeof s->damage, "wrote before a block of the heap, into its head");
        return false;
    }
    if (!is_filled(bytes + b->size, TAIL, TAIL_BYTE)) return note(s, b, "wrote behind"), false;
    if (state == IN_USE || is_filled(bytes, b->size, FREE_BYTE)) return true;
    return note(s, b, "wrote, after it was freed, into"), false;
}

/* Ends the process: who gives back what is not theirs can't be let go on. */
static void give_up(const char *what) {
    (void)!write(STDERR_FILENO, what, strlen(what));
    abort();
}

/* -- Giving and taking -- */

static void *give(size_t alignment, size_t size, bool cleared, void *caller) {
    size_t front = sizeof(block) + (alignment > LEAST_ALIGNMENT ? alignment : 0);
    if (size > PTRDIFF_MAX - front - TAIL - alignment) {
        errno = ENOMEM;
        return NULL;
    }
    void *base = cleared ? library_calloc(1, front + size + TAIL) : library_malloc(front + size + TAIL);
    if (!base) return NULL;
    uintptr_t at = (uintptr_t)base + sizeof(block);
    at = (at + alignment - 1) / alignment * alignment;
    block *b = (block *)at - 1;
    shelf *s = shelf_of_thread();
    *b = (block){.size = size, .base = base, .caller = caller, .shelf = (uint32_t)(s - shelves), .state = IN_USE};
    b->guard[0] = GUARD;
    b->guard[1] = GUARD ^ size;
    memset((char *)at + size, TAIL_BYTE, TAIL);
    pthread_mutex_lock(&s->lock);
    b->next = s->ring.next;
    b->previous = &s->ring;
    b->next->previous = s->ring.next = b;
    s->bytes += size;
    s->blocks++;
    pthread_mutex_unlock(&s->lock);
    return (void *)at;
}

/* Lets the oldest of the freed blocks go, after a last look. A damaged one stays, so that nothing else is hurt. */
static void drop_oldest(shelf *s) {
    block *b = s->kept[s->oldest % KEPT];
    s->kept[s->oldest++ % KEPT] = NULL;
    if (!is_whole(s, b, FREED)) return;
    s->kept_bytes -= b->size;
    b->state = 0;
    library_free(b->base);
}

static void keep(shelf *s, block *b) {
    if (b->size > KEPT_SIZE) {
        b->state = 0;
        library_free(b->base);
        return;
    }
    memset((void *)(b + 1), FREE_BYTE, b->size);
    while (s->newest != s->oldest && (s->newest - s->oldest == KEPT || s->kept_bytes + b->size > MOST_KEPT_BYTES))
        drop_oldest(s);
    s->kept[s->newest++ % KEPT] = b;
    s->kept_bytes += b->size;
}

static void take(void *pointer) {
    block *b = (block *)pointer - 1;
    if ((uintptr_t)pointer % LEAST_ALIGNMENT != 0) give_up("freed a pointer that malloc never gave\n");
    if (has_guard(b, FREED)) give_up("freed a block of the heap twice\n");
    if (b->shelf >= SHELVES || b->state != IN_USE || b->guard[0] != GUARD)
        give_up("freed a pointer that malloc never gave, or a block whose head was overwritten\n");
    shelf *s = &shelves[b->shelf];
    pthread_mutex_lock(&s->lock);
    bool whole = is_whole(s, b, IN_USE);
    b->previous->next = b->next;
    b->next->previous = b->previous;
    s->bytes -= b->size;
    s->blocks--;
    b->state = FREED;
    if (whole) keep(s, b);
    pthread_mutex_unlock(&s->lock);
}

/* -- The family -- */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's are reserved names */

#define EXPORTED __attribute__((visibility("default")))
#define CALLER   __builtin_extract_return_addr(__builtin_return_address(0))

EXPORTED void *malloc(size_t size) {
    return give(LEAST_ALIGNMENT, size, false, CALLER);
}

EXPORTED void free(void *pointer) {
    int kept = errno;
    if (pointer) take(pointer);
    errno = kept;
}

EXPORTED void *calloc(size_t count, size_t size) {
    size_t whole;
    if (!__builtin_mul_overflow(count, size, &whole)) return give(LEAST_ALIGNMENT, whole, true, CALLER);
    errno = ENOMEM;
    return NULL;
}

EXPORTED void *realloc(void *pointer, size_t size) {
    if (!pointer) return give(LEAST_ALIGNMENT, size, false, CALLER);
    if (size == 0) {
        take(pointer);
        return NULL;
    }
    const block *b = (const block *)pointer - 1;
    size_t before = b->guard[0] == GUARD && b->state == IN_USE ? b->size : 0;
    void *given = give(LEAST_ALIGNMENT, size, false, CALLER);
    if (!given) return NULL;
    memcpy(given, pointer, before < size ? before : size);
    take(pointer);
    return given;
}

static bool is_power(size_t alignment) {
    return alignment && (alignment & (alignment - 1)) == 0;
}

static void *give_aligned(size_t alignment, size_t size, void *caller) {
    if (is_power(alignment))
        return give(alignment < LEAST_ALIGNMENT ? LEAST_ALIGNMENT : alignment, size, false, caller);
    errno = EINVAL;
    return NULL;
}

EXPORTED void *memalign(size_t alignment, size_t size) {
    return give_aligned(alignment, size, CALLER);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size) {
    return give_aligned(alignment, size, CALLER);
}

EXPORTED int posix_memalign(void **out_pointer, size_t alignment, size_t size) {
    if (!is_power(alignment) || alignment % sizeof(void *) != 0) return EINVAL;
    void *given = give_aligned(alignment, size, CALLER);
    if (!given) return ENOMEM;
    *out_pointer = given;
    return 0;
}

EXPORTED void *valloc(size_t size) {
    return give_aligned((size_t)sysconf(_SC_PAGESIZE), size, CALLER);
}

EXPORTED void *pvalloc(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return give_aligned(page, (size + page - 1) / page * page, CALLER);
}

EXPORTED size_t malloc_usable_size(void *pointer) {
    return pointer ? ((const block *)pointer - 1)->size : 0;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* What a case asks to see whether something is left behind: what is in use, not what is kept here. */
EXPORTED struct mallinfo2 mallinfo2(void) {
    return (struct mallinfo2){.uordblks = (size_t)cfh_heap_in_use().bytes};
}

/* -- Looking -- */

static void check_shelf(shelf *s) {
    for (const block *b = s->ring.next; b != &s->ring; b = b->next)
        if (!is_whole(s, b, IN_USE)) return;
    for (int i = 0; i < KEPT; i++)
        if (s->kept[i] && !is_whole(s, s->kept[i], FREED)) return;
}

bool cfh_heap_check(char *out_text, size_t size) {
    bool whole = true;
    for (int i = 0; i < SHELVES && whole; i++) {
        shelf *s = &shelves[i];
        pthread_once(&started, start);
        pthread_mutex_lock(&s->lock);
        check_shelf(s);
        whole = !s->damage[0];
        if (!whole) (void)snprintf(out_text, size, "%s", s->damage);
        pthread_mutex_unlock(&s->lock);
    }
    return whole;
}

void cfh_heap_settle(void) {
    for (int i = 0; i < SHELVES; i++) {
        shelf *s = &shelves[i];
        pthread_mutex_lock(&s->lock);
        while (s->oldest != s->newest) drop_oldest(s);
        pthread_mutex_unlock(&s->lock);
    }
    (void)malloc_trim(0);
}

cfh_heap_use cfh_heap_in_use(void) {
    cfh_heap_use use = {0, 0};
    for (int i = 0; i < SHELVES; i++) {
        use.bytes += shelves[i].bytes;
        use.blocks += shelves[i].blocks;
    }
    return use;
}

#endif
