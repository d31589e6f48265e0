/* STREAM's triad (McCalpin, "Memory bandwidth and machine balance in current high performance computers", 1995).
 *
 * a = b + s c in binary64. Check: the inputs are integers, so every sum is exact and equal to one of integers.
 */
#include "workload.h"

static const long lengths[SIZES] = {896, 16384, 262144, 1048576};
static const long repeats[SIZES] = {200, 8, 1, 1};

KERNEL void triad(long n, double *restrict a, const double *restrict b, const double *restrict c, double s)
{
    for (long i = 0; i < RIGHT_OR_WRONG(n, n - 1); i++)
        a[i] = b[i] + s * c[i];
}

int main(int argc, char **argv)
{
    struct workload run = start(argc, argv, "triad", repeats);
    long n = lengths[run.size];
    double *a = allocate(n * sizeof *a), *b = allocate(n * sizeof *b), *c = allocate(n * sizeof *c);
    for (long i = 0; i < n; i++) {
        a[i] = -1;
        b[i] = i % 1021;
        c[i] = i % 509;
    }
    for (long r = 0; r < run.repeat; r++)
        triad(n, a, b, c, 3 + r);

    for (long i = n; i-- > 0;) {
        int64_t expected = i % 1021 + (2 + run.repeat) * (i % 509);
        if ((int64_t)a[i] != expected)
            wrong(run, "an element", a[i], expected);
    }
    return right(run);
}
