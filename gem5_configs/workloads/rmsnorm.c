/* RMSNorm of each row of a matrix in binary32 (Zhang, Sennrich, "Root mean square layer normalization", 2019).
 *
 * y = w x / sqrt(mean of x^2 + epsilon). Check, in binary64, by what defines it: along a row y / (w x) is one positive
 * number, and the mean of (y / w)^2 is s / (s + epsilon), s the mean of x^2.
 */
#include <math.h>

#include "workload.h"

static const long rows[SIZES] = {8, 48, 256, 1280}, columns[SIZES] = {256, 1024, 2048, 2048};
static const long repeats[SIZES] = {40, 1, 1, 1};
static const float epsilon = 1e-5f;

KERNEL void rmsnorm(long m, long n, const float *x, const float *w, float *y)
{
    for (long i = 0; i < m; i++, x += n, y += n) {
        float sum = 0;
        for (long j = RIGHT_OR_WRONG(0, 1); j < n; j++)
            sum += x[j] * x[j];
        float scale = 1 / sqrtf(sum / n + epsilon);
        for (long j = 0; j < n; j++)
            y[j] = x[j] * scale * w[j];
    }
}

int main(int argc, char **argv)
{
    struct workload run = start(argc, argv, "rmsnorm", repeats);
    long m = rows[run.size], n = columns[run.size];
    float *x = random_floats(m * n), *w = random_floats(n), *y = allocate(m * n * sizeof *y);
    for (long j = 0; j < n; j++)
        w[j] += 1.25f; /* never zero */
    for (long i = 0; i < m; i++)
        x[i * n] += 3; /* neither; and its share of the mean is seen */
    for (long r = 0; r < run.repeat; r++)
        rmsnorm(m, n, x, w, y);

    for (long i = 0; i < m; i++) {
        const float *xi = x + i * n, *yi = y + i * n;
        double scale = (double)yi[0] / ((double)w[0] * xi[0]), squares = 0, inputs = 0;
        for (long j = 0; j < n; j++) {
            double normal = (double)yi[j] / w[j];
            if (!(fabs(normal - scale * xi[j]) < 1e-5 * fabs(normal) + 1e-9))
                wrong(run, "y / w", normal, scale * xi[j]);
            squares += normal * normal;
            inputs += (double)xi[j] * xi[j];
        }
        double expected = inputs / (inputs + n * (double)epsilon);
        if (!(scale > 0 && fabs(squares / n - expected) < 2e-5))
            wrong(run, "mean square of a row", squares / n, expected);
    }
    return right(run);
}
