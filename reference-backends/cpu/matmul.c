#include "matmul.h"

#include "blas.h"
#include "check.h"
#include "pool.h"

#include <limits.h>
#include <string.h>

enum { A = 0, B = 1, Y = 2, BATCH_AXES = TENON_MAX_RANK - 2 };

/* One matrix operand: strides in elements along rows, columns and batch axes. */
typedef struct matrix {
    int64_t row, column;
    int64_t batch[BATCH_AXES];
    int64_t batch_dims[BATCH_AXES]; /* 1 where the operand is the same along the axis */
    int64_t buffer;                 /* of the call's: the operand, or its scratch */
    int64_t leading;                /* BLAS's leading dimension */
    int64_t transposed;             /* CPU_BLAS_PLAIN or CPU_BLAS_TRANSPOSED */
} matrix;

/* A launch's product as its steps read it; lies in the call's symbols. Of the call's buffers 0 to 2 are the operands, 3 to 5
 * scratch. */
typedef struct product {
    int64_t m, n, k;
    int64_t batch_rank, batches;
    int64_t batch_dims[BATCH_AXES];
    int64_t tile_m, tile_n, tiles_n, tiles; /* tiles of one batch */
    matrix operands[3];
    matrix given[3];
} product;
static_assert(sizeof(product) <= CPU_MATMUL_SYMBOLS * sizeof(int64_t), "a call has room for it");

static int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

static int64_t rows_of(const product *p, int which) {
    return which == B ? p->k : p->m;
}

static int64_t columns_of(const product *p, int which) {
    return which == A ? p->k : p->n;
}

/* Finds how BLAS can read rows x columns as they lie; 0 if it can't. */
static int classify(matrix *operand, int64_t rows, int64_t columns) {
    if ((operand->column == 1 || columns <= 1) && (operand->row >= most(1, columns) || rows <= 1)) {
        operand->transposed = CPU_BLAS_PLAIN;
        operand->leading = rows <= 1 ? most(1, columns) : operand->row;
    } else if ((operand->row == 1 || rows <= 1) && (operand->column >= most(1, rows) || columns <= 1)) {
        operand->transposed = CPU_BLAS_TRANSPOSED;
        operand->leading = columns <= 1 ? most(1, rows) : operand->column;
    } else {
        return 0;
    }
    return operand->leading <= INT_MAX;
}

/* y^T = b^T a^T. */
static void transpose(product *p) {
    matrix a = p->operands[A];
    p->operands[A] = p->operands[B];
    p->operands[B] = a;
    for (int i = 0; i < 3; i++) {
        int64_t row = p->operands[i].row;
        p->operands[i].row = p->operands[i].column;
        p->operands[i].column = row;
    }
    int64_t m = p->m;
    p->m = p->n;
    p->n = m;
}

/* Appends a batch axis, merged with the one outside it where all operands walk the two as one. */
static void add_batch_axis(product *p, int64_t dim, const int64_t strides[3]) {
    if (dim == 1) return;
    int merges = p->batch_rank > 0;
    int64_t last = p->batch_rank - 1;
    for (int i = 0; merges && i < 3; i++) {
        int64_t outside;
        merges = !__builtin_mul_overflow(strides[i], dim, &outside) && p->operands[i].batch[last] == outside;
    }
    if (!merges) last = p->batch_rank++;
    p->batch_dims[last] = merges ? p->batch_dims[last] * dim : dim;
    for (int i = 0; i < 3; i++) p->operands[i].batch[last] = strides[i];
}

/* A batch along which b stays the same, and the rows of a and y run on, is more rows of one product. */
static void fold_batch(product *p) {
    int64_t last = p->batch_rank - 1;
    matrix *a = &p->operands[A], *y = &p->operands[Y];
    if (last < 0 || p->operands[B].batch[last] != 0) return;
    if (p->m > 1 && (a->batch[last] != p->m * a->row || y->batch[last] != p->m * y->row)) return;
    if (p->m <= 1) {
        a->row = a->batch[last];
        y->row = y->batch[last];
    }
    p->m *= p->batch_dims[last];
    p->batch_rank--;
}

static void describe(product *p, uint32_t rank, const cpu_view *views) {
    memset(p, 0, sizeof *p);
    p->m = views[A].dims[rank - 2];
    p->k = views[A].dims[rank - 1];
    p->n = views[B].dims[rank - 1];
    for (int i = 0; i < 3; i++) {
        p->operands[i].buffer = i;
        p->operands[i].row = views[i].strides[rank - 2];
        p->operands[i].column = views[i].strides[rank - 1];
    }
    for (uint32_t axis = 0; axis + 2 < rank; axis++)
        add_batch_axis(p, views[A].dims[axis],
                       (const int64_t[]){views[A].strides[axis], views[B].strides[axis], views[Y].strides[axis]});
    fold_batch(p);
    p->batches = 1;
    for (int64_t axis = 0; axis < p->batch_rank; axis++) p->batches *= p->batch_dims[axis];
}

/* Elements from the start of an operand to one of its batches. */
static int64_t batch_offset(const int64_t *dims, const int64_t *strides, int64_t rank, int64_t batch) {
    int64_t offset = 0;
    for (int64_t axis = rank - 1; axis >= 0; axis--) {
        offset += batch % dims[axis] * strides[axis];
        batch /= dims[axis];
    }
    return offset;
}

/* Step: every tile of every batch. Written once for each type. */
#define DEFINE_TILES(name, type, gemm)                                                                                 \
    static int32_t name(void *const *buffers, const int64_t *symbols, void *workspace, int64_t first, int64_t last) {  \
        const product *p = (const product *)(const void *)symbols;                                                     \
        (void)workspace;                                                                                               \
        for (int64_t item = first; item < last; item++) {                                                              \
            int64_t batch = item / p->tiles, i = item % p->tiles / p->tiles_n * p->tile_m;                             \
            int64_t j = item % p->tiles % p->tiles_n * p->tile_n;                                                      \
            type *at[3];                                                                                               \
            for (int which = 0; which < 3; which++)                                                                    \
                at[which] = (type *)buffers[p->operands[which].buffer] +                                               \
                            batch_offset(p->batch_dims, p->operands[which].batch, p->batch_rank, batch);               \
            const matrix *a = &p->operands[A], *b = &p->operands[B], *y = &p->operands[Y];                             \
            gemm(CPU_BLAS_ROW_MAJOR, (int)a->transposed, (int)b->transposed,                                           \
                 (int)(p->m - i < p->tile_m ? p->m - i : p->tile_m),                                                   \
                 (int)(p->n - j < p->tile_n ? p->n - j : p->tile_n), (int)p->k, 1, at[A] + i * a->row,                 \
                 (int)a->leading, at[B] + j * b->column, (int)b->leading, 0, at[Y] + i * y->row + j * y->column,       \
                 (int)y->leading);                                                                                     \
        }                                                                                                              \
        return CPU_RUN_OK;                                                                                             \
    }

DEFINE_TILES(tiles_f32, float, cpu_blas_functions.sgemm)
DEFINE_TILES(tiles_f64, double, cpu_blas_functions.dgemm)

/* Copies one row between an operand as given and its packed form. */
static void copy_row(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t count, size_t width) {
    if (width == 4)
        for (int64_t i = 0; i < count; i++) memcpy(to + i * to_step * 4, from + i * from_step * 4, 4);
    else
        for (int64_t i = 0; i < count; i++) memcpy(to + i * to_step * 8, from + i * from_step * 8, 8);
}

/* Rows first ... last - 1 (of all batches) of an operand to its packed form, or back. */
static void move_rows(const product *p, void *const *buffers, int which, size_t width, int is_back, int64_t first,
                      int64_t last) {
    const matrix *packed = &p->operands[which], *given = &p->given[which];
    int64_t rows = rows_of(p, which);
    for (int64_t item = first; item < last; item++) {
        int64_t batch = item / rows, row = item % rows;
        int64_t to = row * packed->row + batch_offset(packed->batch_dims, packed->batch, p->batch_rank, batch);
        int64_t from = row * given->row + batch_offset(packed->batch_dims, given->batch, p->batch_rank, batch);
        char *a = (char *)buffers[packed->buffer] + (int64_t)width * to;
        char *b = (char *)buffers[given->buffer] + (int64_t)width * from;
        if (is_back)
            copy_row(b, given->column, a, packed->column, columns_of(p, which), width);
        else
            copy_row(a, packed->column, b, given->column, columns_of(p, which), width);
    }
}

#define DEFINE_MOVE(name, which, width, is_back)                                                                       \
    static int32_t name(void *const *buffers, const int64_t *symbols, void *workspace, int64_t first, int64_t last) {  \
        (void)workspace;                                                                                               \
        move_rows((const product *)(const void *)symbols, buffers, which, width, is_back, first, last);                \
        return CPU_RUN_OK;                                                                                             \
    }

DEFINE_MOVE(pack_a_32, A, 4, 0)
DEFINE_MOVE(pack_a_64, A, 8, 0)
DEFINE_MOVE(pack_b_32, B, 4, 0)
DEFINE_MOVE(pack_b_64, B, 8, 0)
DEFINE_MOVE(unpack_y_32, Y, 4, 1)
DEFINE_MOVE(unpack_y_64, Y, 8, 1)

/* In the order that they run in. */
enum { STEP_PACK_A, STEP_PACK_B, STEP_TILES, STEP_UNPACK_Y };
static const tenon_kernel_c11 step_entries[2][CPU_MATMUL_STEPS] = {
    {pack_a_32, pack_b_32, tiles_f32, unpack_y_32},
    {pack_a_64, pack_b_64, tiles_f64, unpack_y_64},
};
static const int move_steps[3] = {STEP_PACK_A, STEP_PACK_B, STEP_UNPACK_Y};

/* Gives an operand the strides of its packed form: dense rows, batches once where they repeat. Returns its elements,
 * -1 when they pass int64. */
static int64_t pack_strides(product *p, int which) {
    matrix *operand = &p->operands[which];
    int64_t elements;
    p->given[which] = *operand;
    operand->buffer = which + 3;
    operand->column = 1;
    operand->row = most(1, columns_of(p, which));
    if (__builtin_mul_overflow(rows_of(p, which), operand->row, &elements)) return -1;
    for (int64_t axis = p->batch_rank - 1; axis >= 0; axis--) {
        int repeats = operand->batch[axis] == 0;
        operand->batch_dims[axis] = repeats ? 1 : p->batch_dims[axis];
        operand->batch[axis] = repeats ? 0 : elements;
        if (__builtin_mul_overflow(elements, operand->batch_dims[axis], &elements)) return -1;
    }
    return elements;
}

/* Plans the copies of operands that BLAS can't take as they lie, and gets their scratch. */
static tenon_status plan_moves(tenon_exec *exec, product *p, cpu_call *call, uint64_t width) {
    void **buffers = cpu_call_buffers(call);
    int64_t starts[3], total = 0;
    for (int which = 0; which < 3; which++) {
        starts[which] = -1;
        if (classify(&p->operands[which], rows_of(p, which), columns_of(p, which)) &&
            (which != Y || p->operands[Y].transposed == CPU_BLAS_PLAIN))
            continue;
        int64_t elements = pack_strides(p, which);
        if (!classify(&p->operands[which], rows_of(p, which), columns_of(p, which))) return TENON_STATUS_UNSUPPORTED;
        starts[which] = total;
        if (elements < 0 || __builtin_add_overflow(total, elements, &total)) return TENON_STATUS_UNSUPPORTED;
        int64_t items = elements / most(1, columns_of(p, which));
        cpu_call_steps(call)[move_steps[which]].items = items;
    }
    if (total == 0) return TENON_STATUS_OK;
    if (total < INT64_MAX / 16)
        call->scratch = exec->device->host->allocate(exec->device->host, (uint64_t)total * width);
    if (!call->scratch)
        return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_OUT_OF_MEMORY,
                           "matmul: no memory to copy an operand whose strides BLAS can't take");
    for (int which = 0; which < 3; which++)
        if (starts[which] >= 0) buffers[which + 3] = (char *)call->scratch + (uint64_t)starts[which] * width;
    return TENON_STATUS_OK;
}

/* Cuts each batch's result into tiles, so that there are some pieces a thread but none too small: a tile costs packing
 * its rows and columns again. Depends on the sizes and the number of threads alone. */
static void plan_tiles(product *p, uint32_t threads) {
    enum { LEAST_FLOPS = 2000000, ROWS = 16, COLUMNS = 16, PIECES_PER_THREAD = 3 };
    double flops = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    double wanted = (double)threads * PIECES_PER_THREAD / (double)p->batches;
    if (wanted > flops / LEAST_FLOPS) wanted = flops / LEAST_FLOPS;
    int64_t pieces = threads == 1 || wanted < 1 ? 1 : (int64_t)wanted, along_m = 1, along_n = 1;
    while (along_m * along_n < pieces) { /* halve the longer side */
        if (p->m / along_m >= p->n / along_n)
            along_m *= 2;
        else
            along_n *= 2;
    }
    p->tile_m = ceil_div(ceil_div(p->m, along_m), ROWS) * ROWS;
    p->tile_n = ceil_div(ceil_div(p->n, along_n), COLUMNS) * COLUMNS;
    if (p->tile_m > p->m) p->tile_m = p->m;
    if (p->tile_n > p->n) p->tile_n = p->n;
    p->tiles_n = ceil_div(p->n, p->tile_n);
    p->tiles = ceil_div(p->m, p->tile_m) * p->tiles_n;
}

/* In the unit of a call's weight, bytes moved: about 16 flops take the time of one. */
static uint64_t weigh(const product *p) {
    double weight = (double)p->m * (double)p->n * (double)most(1, p->k) * (double)p->batches / 8;
    return weight < 1e18 ? (uint64_t)weight : (uint64_t)1e18;
}

int cpu_matmul_takes(const tenon_device *device, const tenon_work *work) {
    tenon_dtype dtype = work->operands[A].view.dtype;
    tenon_dtype accumulator = (tenon_dtype)cpu_check_attr(work, TENON_ATTR_ACCUMULATOR);
    return (dtype == TENON_DTYPE_F32 || dtype == TENON_DTYPE_F64) && work->operands[Y].view.dtype == dtype &&
           (accumulator == TENON_DTYPE_NONE || accumulator == dtype) && cpu_blas_is_there(device);
}

static tenon_status check_dims(tenon_exec *exec, const cpu_view *views) {
    uint32_t rank = exec->operands[A].rank;
    int fits = views[A].dims[rank - 1] == views[B].dims[rank - 2] &&
               views[A].dims[rank - 2] == views[Y].dims[rank - 2] && views[B].dims[rank - 1] == views[Y].dims[rank - 1];
    for (uint32_t axis = 0; axis + 2 < rank; axis++)
        fits = fits && views[A].dims[axis] == views[Y].dims[axis] && views[B].dims[axis] == views[Y].dims[axis];
    if (fits) return TENON_STATUS_OK;
    return cpu_fail_on(
        exec->device, NULL, exec, TENON_STATUS_INVALID,
        "matmul: dims that do not go together; the last two are [m, k] [k, n] [m, n], those before equal");
}

tenon_status cpu_matmul_resolve(tenon_exec *exec, const cpu_view *views, cpu_call *call) {
    product *p = (product *)(void *)cpu_call_symbols(call);
    cpu_step *steps = cpu_call_steps(call);
    int is_f64 = exec->operands[A].dtype == TENON_DTYPE_F64;
    TENON_TRY(check_dims(exec, views));
    for (uint32_t i = 0; i < call->step_count; i++)
        steps[i] = (cpu_step){i < CPU_MATMUL_STEPS ? step_entries[is_f64][i] : NULL, 0};
    if (views[Y].elements == 0) return TENON_STATUS_OK;
    describe(p, exec->operands[A].rank, views);
    matrix y = p->operands[Y];
    if (classify(&y, p->m, p->n) && y.transposed == CPU_BLAS_TRANSPOSED) transpose(p);
    if (p->m > INT_MAX || p->n > INT_MAX || p->k > INT_MAX) return TENON_STATUS_UNSUPPORTED;
    TENON_TRY(plan_moves(exec, p, call, is_f64 ? 8 : 4));
    plan_tiles(p, cpu_pool_threads(exec->device->pool));
    steps[STEP_TILES].items = p->batches * p->tiles;
    call->weight = weigh(p);
    return TENON_STATUS_OK;
}
