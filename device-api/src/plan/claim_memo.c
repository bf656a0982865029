/* What a device was asked, and what it answered. */
#include <stdlib.h>
#include <string.h>

#include "device/objects.h"
#include "plan/claim_internal.h"

static void free_held(tenon__answer *answer) {
    for (uint32_t i = 0; answer->held && i < answer->operand_count; i++) tenon__constant_release(answer->held[i]);
    free(answer->held);
}

static void free_answer(tenon__answer *answer) {
    free_held(answer);
    tenonh_exec_release(answer->exec);
    free(answer->key);
    free(answer->words);
    free(answer);
}

void tenon__claimer_trim(tenon__claimer *claimer) {
    for (uint32_t i = 0; i < TENON__ANSWER_BUCKETS; i++)
        for (tenon__answer **link = &claimer->answers[i]; *link;) {
            tenon__answer *answer = *link;
            if (answer->exec && atomic_load(&answer->exec->references) > 1) {
                link = &answer->next;
                continue;
            }
            *link = answer->next;
            claimer->count--;
            free_answer(answer);
        }
}

/* When memory runs short: not while this or another thread asks or plans. */
static void reclaim(void *context) {
    tenon__claimer *claimer = context;
    if (pthread_mutex_trylock(&claimer->lock)) return;
    if (!claimer->claims && tenon__execs_planning(claimer->execs) == 0) tenon__claimer_trim(claimer);
    pthread_mutex_unlock(&claimer->lock);
}

tenon_status tenon__claimer_create(tenonh_device *device, tenon__execs *execs, bool measure,
                                   tenon__claimer **out_claimer) {
    const uint32_t kinds = tenonh_device_info(device)->work_kinds;
    *out_claimer = NULL;
    if (!(kinds & (TENON_WORK_COMPOSITE | TENON_WORK_GRAPH))) return TENON_STATUS_OK;
    tenon__claimer *claimer = calloc(1, sizeof *claimer);
    if (!claimer) return tenon__fail_memory();
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&claimer->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    claimer->device = device;
    claimer->execs = execs;
    claimer->kinds = kinds & (TENON_WORK_COMPOSITE | TENON_WORK_GRAPH);
    claimer->alone = !(kinds & (TENON_WORK_OP | TENON_WORK_KERNEL));
    claimer->measure = measure;
    claimer->reclaimer = (tenon__reclaimer){.reclaim = reclaim, .context = claimer};
    tenon__reclaimer_add(device, &claimer->reclaimer);
    *out_claimer = claimer;
    return TENON_STATUS_OK;
}

void tenon__claimer_destroy(tenon__claimer *claimer) {
    if (!claimer) return;
    tenon__reclaimer_remove(claimer->device, &claimer->reclaimer);
    for (uint32_t i = 0; i < TENON__ANSWER_BUCKETS; i++)
        for (tenon__answer *answer = claimer->answers[i], *next; answer; answer = next) {
            next = answer->next;
            free_answer(answer);
        }
    pthread_mutex_destroy(&claimer->lock);
    free(claimer);
}

bool tenon__claimer_takes_symbols(const tenon__claimer *claimer) {
    return tenonh_device_info(claimer->device)->shapes == TENON_SHAPES_DYNAMIC;
}

static uint64_t hash_of(const tenon__text *key) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < key->length; i++) hash = (hash ^ (unsigned char)key->data[i]) * 0x100000001b3u;
    return hash;
}

static bool same_constant(tenon__constant *a, tenon__constant *b) {
    if (a == b) return true;
    return a->size == b->size && tenon__constant_hash(a) == tenon__constant_hash(b) &&
           (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static bool same_held(const tenon__answer *answer, const tenon__described *d) {
    for (uint32_t i = 0; answer->held && i < answer->operand_count; i++)
        if (answer->held[i] && !same_constant(answer->held[i], d->values[i]->constant)) return false;
    return true;
}

static tenon__answer *add_answer(tenon__answer **bucket, const tenon__described *d, uint64_t hash) {
    tenon__answer *answer = calloc(1, sizeof *answer);
    char *key = malloc(d->key.length + 1);
    if (!answer || !key) {
        free(answer);
        free(key);
        tenon__fail_memory();
        return NULL;
    }
    memcpy(key, d->key.data, d->key.length);
    *answer = (tenon__answer){.next = *bucket, .hash = hash, .key = key, .key_size = d->key.length};
    answer->status = TENON_STATUS_NOT_READY;
    answer->operand_count = d->work.operand_count;
    return *bucket = answer;
}

tenon__answer *tenon__answer_to(tenon__claimer *claimer, const tenon__described *d) {
    uint64_t hash = hash_of(&d->key);
    tenon__answer **bucket = &claimer->answers[(hash ^ hash >> 32) % TENON__ANSWER_BUCKETS];
    for (tenon__answer *answer = *bucket; answer; answer = answer->next) {
        bool same = answer->hash == hash && answer->key_size == d->key.length;
        if (same && memcmp(answer->key, d->key.data, d->key.length) == 0 && same_held(answer, d)) return answer;
    }
    tenon__answer *added = add_answer(bucket, d, hash);
    if (added) claimer->count++;
    return added;
}

/* Keeps the constants that the exec holds: the answer is for these bytes alone. */
static tenon_status keep_held(tenon__answer *answer, const tenon__described *d) {
    const tenon_exec_info *info = tenonh_exec_info(answer->exec);
    for (uint32_t i = 0; i < d->work.operand_count; i++) {
        if (info->operands[i].layout != TENON_LAYOUT_HELD) continue;
        if (!answer->held) answer->held = calloc(answer->operand_count, sizeof(tenon__constant *));
        if (!answer->held) return tenon__fail_memory();
        answer->held[i] = tenon__constant_retain(d->values[i]->constant);
    }
    return TENON_STATUS_OK;
}

static tenon_status ask(tenon__claimer *claimer, const tenon__described *d, tenon__answer *answer) {
    tenonh_prepare_options options = {.struct_size = sizeof options, .out_refused_node = &answer->refused_node};
    tenon_status status = tenonh_exec_prepare(claimer->device, &d->work, &options, &answer->exec);
    tenon__execs_count(claimer->execs);
    if (status == TENON_STATUS_UNSUPPORTED || status == TENON_STATUS_COMPILE_FAILED) {
        free(answer->words);
        answer->words = strdup(tenonh_error_message());
        if (!answer->words) return tenon__fail_memory();
        answer->status = status;
        return TENON_STATUS_OK;
    }
    TENON_TRY(status);
    status = keep_held(answer, d);
    if (status != TENON_STATUS_OK) { /* not known what it holds: it would pass for an answer to any constants */
        tenonh_exec_release(answer->exec);
        answer->exec = NULL;
        return status;
    }
    answer->status = TENON_STATUS_OK;
    return TENON_STATUS_OK;
}

tenon_status tenon__answer_prepare(tenon__claimer *claimer, const tenon__described *described,
                                   tenon__answer **out_answer, bool *out_fresh) {
    tenon__answer *answer = tenon__answer_to(claimer, described);
    if (!answer) return TENON_STATUS_OUT_OF_MEMORY;
    *out_answer = answer;
    *out_fresh = answer->status == TENON_STATUS_NOT_READY;
    return *out_fresh ? ask(claimer, described, answer) : (tenon_status)TENON_STATUS_OK;
}
