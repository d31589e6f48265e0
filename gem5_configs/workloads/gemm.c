/* int8 matrix times int8 matrix, int32 sums: a few tokens through a linear layer.
 *
 * Y[t][n] = sum over k of X[t][k] W[n][k], in tiles of two tokens and four outputs that stay in registers.
 * Check (Freivalds 1977): for a random u, Y u = X (W'u) modulo 2^64, in every token.
 */
#include "workload.h"

static const long tokens[SIZES] = {16, 4, 4, 2}, outputs[SIZES] = {128, 640, 2048, 5120};
static const long inputs[SIZES] = {96, 512, 2048, 4096};
static const long repeats[SIZES] = {2, 1, 1, 1};

KERNEL void gemm(long tokens, long outputs, long inputs, const int8_t *x, const int8_t *w, int32_t *y)
{
    for (long t = 0; t < tokens; t += 2) {
        const int8_t *x0 = x + t * inputs, *x1 = x0 + inputs;
        for (long n = 0; n < outputs; n += 4) {
            const int8_t *w0 = w + n * inputs, *w1 = w0 + inputs, *w2 = w1 + inputs, *w3 = w2 + inputs;
            int32_t s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
            for (long k = 0; k < inputs; k++) {
                int32_t a = x0[k], b = x1[k];
                s00 += a * w0[k];
                s01 += a * w1[k];
                s02 += a * w2[k];
                s03 += a * w3[k];
                s10 += b * w0[k];
                s11 += b * w1[k];
                s12 += b * w2[k];
                s13 += RIGHT_OR_WRONG(b, a) * w3[k];
            }
            int32_t *y0 = y + t * outputs + n, *y1 = y0 + outputs;
            y0[0] = s00, y0[1] = s01, y0[2] = s02, y0[3] = s03;
            y1[0] = s10, y1[1] = s11, y1[2] = s12, y1[3] = s13;
        }
    }
}

int main(int argc, char **argv)
{
    struct workload run = start(argc, argv, "gemm", repeats);
    long t_count = tokens[run.size], n_count = outputs[run.size], k_count = inputs[run.size];
    int8_t *x = random_bytes(t_count * k_count), *w = random_bytes(n_count * k_count);
    int32_t *y = allocate(t_count * n_count * sizeof *y);
    for (long r = 0; r < run.repeat; r++)
        gemm(t_count, n_count, k_count, x, w, y);

    uint64_t *u = allocate(n_count * sizeof *u), *wu = allocate(k_count * sizeof *wu);
    memset(wu, 0, k_count * sizeof *wu);
    for (long n = 0; n < n_count; n++) {
        u[n] = random_bits();
        for (long k = 0; k < k_count; k++)
            wu[k] += u[n] * (uint64_t)(int64_t)w[n * k_count + k];
    }
    for (long t = 0; t < t_count; t++) {
        uint64_t found = 0, expected = 0;
        for (long n = 0; n < n_count; n++)
            found += u[n] * (uint64_t)(int64_t)y[t * n_count + n];
        for (long k = 0; k < k_count; k++)
            expected += wu[k] * (uint64_t)(int64_t)x[t * k_count + k];
        if (found != expected)
            wrong(run, "Y u modulo 2^64", found, expected);
    }
    return right(run);
}
