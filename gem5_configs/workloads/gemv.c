/* int8 matrix times int8 vector, int32 sums: one token through a linear layer.
 *
 * y = W x. Check: for a random u, u'y = (u'W) x, both modulo 2^64: the other side sums along columns.
 */
#include "workload.h"

static const long rows[SIZES] = {128, 512, 2048, 4096}, columns[SIZES] = {160, 640, 2048, 5120};
static const long repeats[SIZES] = {8, 1, 1, 1};

KERNEL void gemv(long m, long k, const int8_t *w, const int8_t *x, int32_t *y)
{
    for (long i = 0; i < m; i++) {
        int32_t sum = 0;
        for (long j = 0; j < RIGHT_OR_WRONG(k, k - 1); j++)
            sum += w[i * k + j] * x[j];
        y[i] = sum;
    }
}

int main(int argc, char **argv)
{
    struct workload run = start(argc, argv, "gemv", repeats);
    long m = rows[run.size], k = columns[run.size];
    int8_t *w = random_bytes(m * k), *x = random_bytes(k);
    int32_t *y = allocate(m * sizeof *y);
    x[k - 1] |= 1;
    for (long r = 0; r < run.repeat; r++)
        gemv(m, k, w, x, y);

    uint64_t *columns_sum = allocate(k * sizeof *columns_sum), found = 0, expected = 0;
    memset(columns_sum, 0, k * sizeof *columns_sum);
    for (long i = 0; i < m; i++) {
        uint64_t u = random_bits();
        found += u * (uint64_t)(int64_t)y[i];
        for (long j = 0; j < k; j++)
            columns_sum[j] += u * (uint64_t)(int64_t)w[i * k + j];
    }
    for (long j = 0; j < k; j++)
        expected += columns_sum[j] * (uint64_t)(int64_t)x[j];
    if (found != expected)
        wrong(run, "u'y modulo 2^64", found, expected);
    return right(run);
}
