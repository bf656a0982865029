/* REQ-MEM: allocations of any size, their limits, and what comes back. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cases/cases.h"
#include "cases/runtime.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

#define MIB ((uint64_t)1 << 20)

static const tenon_memory_hooks *hooks(void) {
    return &cf_under_test.device->hooks->memory;
}

static tenon_device *handle(void) {
    return cf_under_test.device->handle;
}

static const tenon_memory_type *type_at(uint32_t type) {
    return &cf_under_test.device->types[type];
}

static uint64_t whole_units(uint32_t type, uint64_t size) {
    uint64_t unit = type_at(type)->flush_unit;
    return (size + unit - 1) / unit * unit;
}

/* Calls a function for each memory type. */
static void each_type(void (*run)(uint32_t type)) {
    for (uint32_t type = 0; type < cf_under_test.device->type_count; type++) run(type);
}

/* -- Types -------------------------------------------------------------------------------------------------------- */

static void type_is_well_formed(uint32_t type) {
    if (!cf_begin("type%u_is_well_formed", type)) return;
    const tenon_memory_type *t = type_at(type);
    const uint32_t known = TENON_MEMORY_DEVICE | TENON_MEMORY_MAPPABLE | TENON_MEMORY_COHERENT | TENON_MEMORY_STAGING;
    if (t->flags & ~known) cf_fail("flags 0x%x are not all known", t->flags);
    if (type == 0 && !(t->flags & TENON_MEMORY_DEVICE)) cf_fail("type 0 is not for the device's work");
    if (t->alignment == 0 || t->alignment & (t->alignment - 1)) cf_fail("alignment %" PRIu64, t->alignment);
    if (type == 0 && t->alignment < TENON_MEMORY_ALIGNMENT) cf_fail("alignment %" PRIu64 " of type 0", t->alignment);
    if (t->flush_unit & (t->flush_unit - 1)) cf_fail("flush_unit %" PRIu64 " is no power of two", t->flush_unit);
    if (t->flags & TENON_MEMORY_COHERENT && t->flush_unit != 1)
        cf_fail("coherent, but flush_unit is %" PRIu64, t->flush_unit);
    if (t->size && t->budget > t->size) cf_fail("budget %" PRIu64 " of %" PRIu64, t->budget, t->size);
    if (t->over_read > 1 << 20) cf_fail("over_read of %" PRIu64 " bytes", t->over_read);
}

void cf_memory_types(void) {
    each_type(type_is_well_formed);
}

/* -- Sizes -------------------------------------------------------------------------------------------------------- */

static const uint64_t sizes[] = {0, 1, 3, 63, 64, 65, 255, 4096, 4099, 65537, MIB, 5 * MIB + 3, 33 * MIB};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* The device's own view of an allocation: aligned, constant, apart from others. */
static void check_address(tenonh_memory *memory, tenonh_memory *other) {
    uint64_t first = 0, again = 0, second = 0, size = memory->padded;
    if (!hooks()->address || hooks()->address(handle(), memory->handle, &first) == TENON_STATUS_UNSUPPORTED) return;
    cf_good(hooks()->address(handle(), memory->handle, &again), "address, again");
    cf_good(hooks()->address(handle(), other->handle, &second), "address of the other");
    if (first != again) cf_fail("address answers 0x%" PRIx64 ", then 0x%" PRIx64, first, again);
    if (size && first % type_at(memory->type)->alignment) cf_fail("address 0x%" PRIx64 " is not aligned", first);
    if (size && first < second + size && second < first + size) cf_fail("two allocations share bytes");
}

/* Catches: sizes rounded down, allocations that share bytes, handles given twice, addresses off their alignment. */
static void run_size(uint32_t type, uint64_t size) {
    if (!cf_begin("type%u_%" PRIu64, type, size) || !cf_has_memory(type, 2 * size)) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *a = cf_memory(&held, type, size), *b = cf_memory(&held, type, size);
    unsigned char *bytes = cf_block(&held, size), *back = cf_block(&held, size);
    if (cf_failed()) {
        cf_let_go(&held);
        return;
    }
    if (a->handle == b->handle) cf_fail("two allocations have one handle");
    check_address(a, b);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        cf_pattern(bytes, size, seed);
        cf_put(stream, seed == 1 ? a : b, 0, bytes, size);
    }
    cf_get(stream, b, 0, back, size);
    cf_same(back, bytes, size, "the second allocation");
    cf_pattern(bytes, size, 1);
    cf_get(stream, a, 0, back, size);
    cf_same(back, bytes, size, "the first allocation, after the second was written");
    cf_let_go(&held);
}

/* Many alive at once, each with bytes of its own; every other one goes and comes back. */
static void many_are_apart(uint32_t type) {
    enum { COUNT = 40, SIZE = 4099 };
    if (!cf_begin("type%u_many_are_apart", type)) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    unsigned char *bytes = cf_block(&held, SIZE), *back = cf_block(&held, SIZE);
    for (uint32_t i = 0; i < COUNT; i++) {
        tenonh_memory *memory = cf_memory(&held, type, SIZE);
        cf_pattern(bytes, SIZE, i);
        if (!memory || !cf_put(stream, memory, 0, bytes, SIZE)) {
            cf_let_go(&held);
            return;
        }
    }
    for (uint32_t i = 0; i < COUNT; i += 2) {
        tenonh_memory_release(held.memories[i]);
        held.memories[i] = NULL;
        cf_good(tenonh_memory_create(cf_under_test.device, type, SIZE, &held.memories[i]), "allocate again");
        cf_pattern(bytes, SIZE, COUNT + i);
        cf_put(stream, held.memories[i], 0, bytes, SIZE);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        cf_pattern(bytes, SIZE, i % 2 ? i : COUNT + i);
        cf_get(stream, held.memories[i], 0, back, SIZE);
        cf_same(back, bytes, SIZE, "one of many allocations");
    }
    cf_let_go(&held);
}

static void run_sizes(uint32_t type) {
    for (uint32_t i = 0; i < SIZES; i++) run_size(type, sizes[i]);
    many_are_apart(type);
}

void cf_allocations(void) {
    each_type(run_sizes);
}

/* -- Limits ------------------------------------------------------------------------------------------------------- */

/* A small allocation works, and holds what is written. */
static void check_small(uint32_t type, const char *when) {
    cf_held held = {0};
    unsigned char bytes[257], back[257];
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *memory = cf_memory(&held, type, sizeof bytes);
    cf_pattern(bytes, sizeof bytes, 7);
    if (memory && cf_put(stream, memory, 0, bytes, sizeof bytes) && cf_get(stream, memory, 0, back, sizeof back))
        cf_same(back, bytes, sizeof bytes, when);
    cf_let_go(&held);
}

/* Sizes that nobody has: refused as such, with nothing written, and small ones go on working. Catches sums that wrap. */
static void run_absurd(uint32_t type, const char *name, uint64_t size) {
    if (!cf_begin("type%u_%s", type, name)) return;
    tenon_memory *none = (tenon_memory *)(void *)&size;
    size = size / type_at(type)->flush_unit * type_at(type)->flush_unit;
    tenon_status status = hooks()->allocate(handle(), type, size, &none);
    cf_answers(status, TENON_STATUS_OUT_OF_MEMORY, "allocate");
    if (status == TENON_STATUS_OK) hooks()->release(handle(), none);
    if (status != TENON_STATUS_OK && none != (tenon_memory *)(void *)&size)
        cf_fail("allocate wrote its result although it failed");
    tenonh_memory *memory = NULL;
    cf_answers(tenonh_memory_create(cf_under_test.device, type, size, &memory), TENON_STATUS_OUT_OF_MEMORY,
               "allocate, through the host");
    check_small(type, "after a refusal");
}

static void run_past_the_end(uint32_t type) {
    if (!cf_begin("type%u_more_than_there_is", type)) return;
    if (!type_at(type)->size) {
        cf_not_applicable("memory type %u does not declare its size", type);
        return;
    }
    tenonh_memory *memory = NULL;
    tenon_status status = tenonh_memory_create(cf_under_test.device, type, type_at(type)->size + MIB, &memory);
    cf_answers(status, TENON_STATUS_OUT_OF_MEMORY, "allocate more than the type's size");
    tenonh_memory_release(memory);
    check_small(type, "after a refusal");
}

/* Takes memory in large parts until there is none, gives all back, and takes it again: as much, but for what others on
 * the machine took. Nothing is touched. Catches an OUT_OF_MEMORY that keeps what it took, and a release that leaks. */
static uint32_t take_all(uint32_t type, uint64_t part, cf_held *held) {
    while (held->memory_count < CF_HELD_MOST - 1) {
        tenonh_memory *memory = NULL;
        tenon_status status = tenonh_memory_create(cf_under_test.device, type, part, &memory);
        if (status != TENON_STATUS_OK) {
            cf_answers(status, TENON_STATUS_OUT_OF_MEMORY, "allocate until there is no more");
            break;
        }
        held->memories[held->memory_count++] = memory;
    }
    return held->memory_count;
}

static void run_exhaustion(uint32_t type) {
    if (!cf_begin("type%u_exhaustion", type)) return;
    uint64_t all = type_at(type)->budget ? type_at(type)->budget : type_at(type)->size;
    uint64_t part = all ? all / 8 : 64 * MIB;
    if (SANITIZED && part > 64 * MIB) part = 64 * MIB;
    uint32_t most = 0, least = UINT32_MAX;
    for (int round = 0; round < 4 && !cf_failed(); round++) {
        cf_held held = {0};
        uint32_t count = take_all(type, whole_units(type, part), &held);
        if (count > most) most = count;
        if (count < least) least = count;
        cf_let_go(&held);
        check_small(type, "after everything was taken and given back");
    }
    if (!cf_failed() && least * 2 < most) cf_fail("%u parts of memory were to be had, later only %u", most, least);
}

static void run_limits(uint32_t type) {
    static const struct {
        const char *name;
        uint64_t size;
    } absurd[] = {
        {"2_to_62", (uint64_t)1 << 62},
        {"2_to_63_less_4096", ((uint64_t)1 << 63) - 4096},
        {"2_to_63_less_1", INT64_MAX},
        {"2_to_63", (uint64_t)1 << 63},
        {"2_to_64_less_a_gib", UINT64_MAX - ((uint64_t)1 << 30) + 1},
        {"2_to_64_less_8192", UINT64_MAX - 8191},
        {"2_to_64_less_64", UINT64_MAX - 63},
        {"2_to_64_less_1", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) run_absurd(type, absurd[i].name, absurd[i].size);
    run_past_the_end(type);
    run_exhaustion(type);
}

void cf_memory_limits(void) {
    each_type(run_limits);
}

/* -- What comes back ---------------------------------------------------------------------------------------------- */

static uint64_t budget_of(uint32_t type) {
    tenon_memory_type t = {0};
    cf_good(tenonh_device_memory_type(cf_under_test.device, type, &t), "memory type");
    return t.budget;
}

/* Takes memory and uses it: how far the budget falls, and how far it rises when that is given back. */
static bool move_budget(uint32_t type, uint64_t part, tenonh_stream *stream, int64_t *out_fall, int64_t *out_rise) {
    tenonh_memory *memory = NULL;
    uint64_t before = budget_of(type);
    if (!cf_good(tenonh_memory_create(cf_under_test.device, type, part, &memory), "allocate")) return false;
    cf_good(tenonh_stream_fill(stream, memory, 0, 0x5a, 1, part), "fill");
    cf_good(tenonh_stream_synchronize(stream), "synchronise");
    uint64_t during = budget_of(type);
    tenonh_memory_release(memory);
    *out_fall = (int64_t)(before - during);
    *out_rise = (int64_t)(budget_of(type) - during);
    return !cf_failed();
}

/* Memory in use shows in the budget, and shows no more once it is released. Other processes move the budget too, up or
 * down: it is enough to see each once. */
static void run_budget(uint32_t type) {
    enum { TRIES = 24 };
    if (!cf_begin("type%u_budget_falls_and_comes_back", type)) return;
    uint64_t budget = type_at(type)->budget, part = budget / 8 < 192 * MIB ? budget / 8 : 192 * MIB;
    if (!budget) {
        cf_not_applicable("memory type %u declares no budget", type);
        return;
    }
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    int64_t fall = 0, rise = 0, most_fall = 0, most_rise = 0, half = (int64_t)part / 2;
    for (int i = 0; i < TRIES && (most_fall < half || most_rise < half); i++) {
        if (!move_budget(type, whole_units(type, part), stream, &fall, &rise)) break;
        if (fall > most_fall) most_fall = fall;
        if (rise > most_rise) most_rise = rise;
    }
    if (!cf_failed() && (most_fall < half || most_rise < half))
        cf_fail("%" PRIu64 " bytes in use: the budget fell by %" PRId64 " at most, and rose by %" PRId64 " after them",
                part, most_fall, most_rise);
    cf_let_go(&held);
}

/* Many rounds of memory that is used, far more than one round's. Catches a release that keeps the bytes: what the process
 * or the device has in use would grow with every round. */
static void run_release(uint32_t type) {
    enum { ROUNDS = 32 };
    const uint64_t part = whole_units(type, 12 * MIB);
    if (!cf_begin_for("REQ-MEM-04", "type%u_release_gives_back", type) || !cf_has_memory(type, part)) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    cf_holdings before = {0};
    for (int i = 0; i <= ROUNDS && !cf_failed(); i++) {
        tenonh_memory *memory = NULL;
        cf_good(tenonh_memory_create(cf_under_test.device, type, part, &memory), "allocate");
        cf_good(tenonh_stream_fill(stream, memory, 0, (uint64_t)i, 1, part), "fill");
        cf_good(tenonh_stream_synchronize(stream), "synchronise");
        tenonh_memory_release(memory);
        if (i == 0) before = cf_look();
    }
    cf_holdings after = cf_look();
    if (!SANITIZED && after.resident > before.resident + ROUNDS / 2 * part)
        cf_fail("%d rounds of %" PRIu64 " bytes left the process with %" PRIu64 " bytes more", ROUNDS, part,
                after.resident - before.resident);
    cf_let_go(&held);
}

/* -- All of what comes back --------------------------------------------------------------------------------------- */

enum { PIECES = 64, GREEDY_MOST = 128 };

/* Takes and gives back pieces of sizes that no page or block divides; false when the row has failed. */
static bool take_pieces(uint32_t type) {
    tenonh_memory *pieces[PIECES] = {0};
    bool good = true;
    for (uint64_t i = 0; i < PIECES && good; i++)
        good = cf_good(tenonh_memory_create(cf_under_test.device, type, 4095 + i * 67, &pieces[i]), "allocate");
    for (int i = 0; i < PIECES; i++) tenonh_memory_release(pieces[i]);
    return good;
}

/* All that is to be had, in parts that get smaller; its bytes. It is given back before. */
static uint64_t take_greedily(uint32_t type, uint64_t part) {
    tenonh_memory *parts[GREEDY_MOST];
    uint64_t taken = 0;
    uint32_t count = 0;
    for (; part >= 64 && count < GREEDY_MOST; part = part / 2 + (part > 8192 ? 33 : 0))
        for (; count < GREEDY_MOST; taken += part, count++)
            if (tenonh_memory_create(cf_under_test.device, type, part, &parts[count]) != TENON_STATUS_OK) break;
    while (count > 0) tenonh_memory_release(parts[--count]);
    return taken;
}

static void pause_shortly(void) {
    nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

/* A budget that moves by itself, as that of a machine's memory does, tells nothing: once that was seen, or the budget was
 * not lower after all was given back, the row is over. */
static void run_pieces(uint32_t type) {
    enum { TRIES = 16 };
    if (!cf_begin_for("REQ-MEM-04", "type%u_small_pieces_come_back_whole", type)) return;
    uint64_t first = budget_of(type), last = first;
    if (!first) {
        cf_not_applicable("memory type %u declares no budget", type);
        return;
    }
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = budget_of(type);
        pause_shortly();
        if (budget_of(type) != before || !take_pieces(type)) return;
        last = budget_of(type);
        if (last >= before) return;
    }
    cf_fail("%d rounds of %d small pieces, all released, left a budget of %" PRIu64 " bytes, which was %" PRIu64
            ": each lost some",
            TRIES, PIECES, last, first);
}

/* The memory is used up and released: as much is to be had again. Rounds during which the budget moved tell nothing. */
static void run_refill(uint32_t type) {
    enum { TRIES = 6 };
    if (!cf_begin_for("REQ-MEM-04", "type%u_as_much_again", type)) return;
    uint64_t budget = budget_of(type), once = 0, again = 0;
    if (!budget) {
        cf_not_applicable("memory type %u declares no budget", type);
        return;
    }
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = budget_of(type), part = before / 8 + 1;
        once = take_greedily(type, part);
        again = take_greedily(type, part);
        if (again >= once || budget_of(type) != before) return;
    }
    cf_fail("%" PRIu64 " bytes were to be had, and after they were released only %" PRIu64, once, again);
}

static void run_return(uint32_t type) {
    run_budget(type);
    run_release(type);
    run_pieces(type);
    run_refill(type);
}

void cf_memory_returns(void) {
    each_type(run_return);
}
