/* Softmax of each row of a matrix in binary32: attention scores to weights.
 *
 * p = exp(x - max x) / sum of exp(x - max x). Check: every row sums to one, and in some places of every row the
 * logarithm of p tells the difference of inputs again.
 */
#include <math.h>

#include "workload.h"

static const long rows[SIZES] = {16, 64, 512, 1024}, columns[SIZES] = {160, 640, 1024, 2560};
static const long repeats[SIZES] = {8, 1, 1, 1};
static const long check_stride = 61;

KERNEL void softmax(long m, long n, const float *x, float *p)
{
    for (long i = 0; i < m; i++, x += n, p += n) {
        float max = x[0], sum = 0;
        for (long j = 1; j < n; j++)
            max = x[j] > max ? x[j] : max;
        for (long j = 0; j < n; j++)
            sum += p[j] = expf(x[j] - max);
        float scale = 1 / RIGHT_OR_WRONG(sum, sum - p[n - 1]);
        for (long j = 0; j < n; j++)
            p[j] *= scale;
    }
}

int main(int argc, char **argv)
{
    struct workload run = start(argc, argv, "softmax", repeats);
    long m = rows[run.size], n = columns[run.size];
    float *x = random_floats(m * n), *p = allocate(m * n * sizeof *p);
    for (long r = 0; r < run.repeat; r++)
        softmax(m, n, x, p);

    for (long i = 0; i < m; i++) {
        const float *xi = x + i * n, *pi = p + i * n;
        double sum = 0;
        for (long j = n; j-- > 0;)
            sum += pi[j];
        if (!(fabs(sum - 1) < 1e-5))
            wrong(run, "sum of a row", sum, 1);
        for (long j = i % check_stride; j < n; j += check_stride) {
            double found = log(pi[j]) - log(pi[0]), expected = (double)xi[j] - xi[0];
            if (!(fabs(found - expected) < 1e-5))
                wrong(run, "logarithm of a ratio of weights", found, expected);
        }
    }
    return right(run);
}
