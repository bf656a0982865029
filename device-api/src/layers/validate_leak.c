/* What was made and never given back, and where it was made; the plugin's host memory likewise. */
#include "layers/validate.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/text.h"

enum { OWN_FRAMES = 3, SHOWN_FRAMES = 6, MOST_LISTED = 50 };

void tenon__remember_maker(tenon__object *object) {
    tenon__checked *checked = tenon__checked_of(object);
    checked->made_depth = backtrace(checked->made_at, TENON__MADE_AT);
}

static void describe_frame(tenon__text *text, void *address) {
    Dl_info info;
    if (!dladdr(address, &info) || !info.dli_fname) {
        tenon__text_format(text, "%p", address);
        return;
    }
    const char *slash = strrchr(info.dli_fname, '/');
    const char *file = slash ? slash + 1 : info.dli_fname;
    if (info.dli_sname)
        tenon__text_format(text, "%s(%s+0x%zx)", file, info.dli_sname,
                           (size_t)((char *)address - (char *)info.dli_saddr));
    else
        tenon__text_format(text, "%s+0x%zx", file, (size_t)((char *)address - (char *)info.dli_fbase));
}

static void describe_leak(tenon__text *text, const tenon__object *object) {
    const tenon__checked *checked = tenon__checked_of(object);
    tenon__text_format(text, "%s %" PRIu64, tenon__object_kind_name(object->kind), object->serial);
    if (object->kind == TENON__KIND_MEMORY)
        tenon__text_format(text, " (%" PRIu64 " bytes of type %u)", object->size, object->number);
    if (object->name[0]) tenon__text_format(text, " (%s)", object->name);
    tenon__text_add(text, " was not given back; made at ");
    for (int i = OWN_FRAMES; i < checked->made_depth && i < OWN_FRAMES + SHOWN_FRAMES; i++) {
        if (i > OWN_FRAMES) tenon__text_add(text, " < ");
        describe_frame(text, checked->made_at[i]);
    }
}

typedef void (*tell_function)(tenon__layer *layer, const char *text);

static void tell_log(tenon__layer *layer, const char *text) {
    tenon__finding(layer, "REQ-HOST-06", "%s", text);
}

static void tell_stderr(tenon__layer *layer, const char *text) {
    fprintf(stderr, "tenon: %s: validate: REQ-HOST-06: %s\n", layer->id, text);
}

static void list_objects(tenon__layer *layer, tell_function tell) {
    uint32_t listed = 0, all = 0;
    (void)pthread_mutex_lock(&layer->mutex);
    for (uint32_t kind = TENON__KIND_DEVICE; kind < TENON__KIND_COUNT; kind++)
        for (const tenon__object *object = layer->objects[kind]; object; object = object->next) {
            tenon__text text = {0};
            if (all++ >= MOST_LISTED) continue;
            describe_leak(&text, object);
            tell(layer, tenon__text_string(&text));
            tenon__text_free(&text);
            listed++;
        }
    (void)pthread_mutex_unlock(&layer->mutex);
    if (all == listed) return;
    char text[64];
    snprintf(text, sizeof text, "and %u more", all - listed);
    tell(layer, text);
}

void tenon__list_leaks(tenon__layer *layer) {
    list_objects(layer, tell_log);
}

static void tell_left(tenon__layer *layer) {
    const tenon__validator *v = layer->state;
    if (v && v->process == getpid()) list_objects(layer, tell_stderr);
}

/* A program that exits with its devices open is told then: no hook, and nothing of the program's own, is called. */
static void list_at_exit(void) {
    tenon__layers_visit(&tenon__layer_validate, tell_left);
}

static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void watch_exit(void) {
    (void)atexit(list_at_exit);
}

void tenon__watch_leaks(void) {
    (void)pthread_once(&exit_once, watch_exit);
}

/* -- Host memory of the plugin ---------------------------------------------------------------------------------------- */

enum { BUCKETS = 1024 };

struct host_block {
    struct host_block *next;
    const void *pointer;
    uint64_t size;
};

static struct host_block **bucket_of(const tenon__validator *v, const void *pointer) {
    return &v->blocks[(uintptr_t)pointer / 64 % BUCKETS];
}

void tenon__block_add(tenon__layer *layer, const void *pointer, uint64_t size) {
    tenon__validator *v = layer->state;
    struct host_block *block = malloc(sizeof *block);
    (void)pthread_mutex_lock(&v->mutex);
    if (!v->blocks) v->blocks = calloc(BUCKETS, sizeof(struct host_block *));
    if (block && v->blocks) {
        *block = (struct host_block){*bucket_of(v, pointer), pointer, size};
        *bucket_of(v, pointer) = block;
        block = NULL;
        v->block_count++;
        v->block_bytes += size;
    } else {
        v->blind = 1;
    }
    (void)pthread_mutex_unlock(&v->mutex);
    free(block);
}

bool tenon__block_remove(tenon__layer *layer, const void *pointer) {
    tenon__validator *v = layer->state;
    struct host_block *block = NULL;
    (void)pthread_mutex_lock(&v->mutex);
    bool blind = v->blind != 0;
    if (v->blocks) {
        struct host_block **link = bucket_of(v, pointer);
        while (*link && (*link)->pointer != pointer) link = &(*link)->next;
        block = *link;
        if (block) {
            *link = block->next;
            v->block_count--;
            v->block_bytes -= block->size;
        }
    }
    (void)pthread_mutex_unlock(&v->mutex);
    bool known = block != NULL;
    free(block);
    return known || blind;
}

void tenon__blocks_free(tenon__layer *layer) {
    tenon__validator *v = layer->state;
    if (v->block_count)
        tenon__finding(layer, "REQ-ABI-12",
                       "the plugin is closed and keeps %" PRIu64 " blocks of host memory, %" PRIu64 " bytes",
                       v->block_count, v->block_bytes);
    for (uint32_t i = 0; v->blocks && i < BUCKETS; i++)
        while (v->blocks[i]) {
            struct host_block *block = v->blocks[i];
            v->blocks[i] = block->next;
            free(block);
        }
    free(v->blocks);
}
