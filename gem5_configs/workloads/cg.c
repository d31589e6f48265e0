/* Conjugate gradients: ten iterations on a sparse symmetric matrix in compressed rows (five-point Laplacian of a square).
 *
 * Check with the stencil itself instead of the stored matrix: the true residual b - A x has the norm that the recurrence
 * claims, and is orthogonal to x, as x minimises the error's energy over the Krylov space (Hestenes, Stiefel 1952).
 */
#include <math.h>

#include "workload.h"

#define ITERATIONS 10

static const long sides[SIZES] = {14, 56, 208, 464};
static const long repeats[SIZES] = {8, 1, 1, 1}; /* solutions, each from zero */

static double dot(long n, const double *a, const double *b)
{
    double sum = 0;
    for (long i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

struct matrix {
    long rows;
    uint32_t *first, *columns;
    double *values;
};

static void multiply(const struct matrix *a, const double *x, double *y)
{
    for (long i = 0; i < a->rows; i++) {
        double sum = 0;
        for (uint32_t e = a->first[i] + RIGHT_OR_WRONG(0, i == 0); e < a->first[i + 1]; e++)
            sum += a->values[e] * x[a->columns[e]];
        y[i] = sum;
    }
}

/* Returns the norm of the residual by the recurrence. */
KERNEL double solve(const struct matrix *a, const double *b, double *x, double *r, double *p, double *q)
{
    long n = a->rows;
    memset(x, 0, n * sizeof *x);
    memcpy(r, b, n * sizeof *r);
    memcpy(p, b, n * sizeof *p);
    double rho = dot(n, r, r);
    for (int k = 0; k < ITERATIONS; k++) {
        multiply(a, p, q);
        double alpha = rho / dot(n, p, q), before = rho;
        for (long i = 0; i < n; i++) {
            x[i] += alpha * p[i];
            r[i] -= alpha * q[i];
        }
        rho = dot(n, r, r);
        for (long i = 0; i < n; i++)
            p[i] = r[i] + rho / before * p[i];
    }
    return sqrt(rho);
}

static struct matrix laplacian(long side)
{
    long n = side * side;
    uint32_t e = 0;
    struct matrix a = {n, allocate((n + 1) * sizeof *a.first), allocate(5 * n * sizeof *a.columns),
                       allocate(5 * n * sizeof *a.values)};
    for (long i = 0, y = 0; y < side; y++)
        for (long x = 0; x < side; x++, i++) {
            a.first[i] = e;
            a.columns[e] = i, a.values[e++] = 4;
            if (y > 0)
                a.columns[e] = i - side, a.values[e++] = -1;
            if (x > 0)
                a.columns[e] = i - 1, a.values[e++] = -1;
            if (x < side - 1)
                a.columns[e] = i + 1, a.values[e++] = -1;
            if (y < side - 1)
                a.columns[e] = i + side, a.values[e++] = -1;
        }
    a.first[n] = e;
    return a;
}

int main(int argc, char **argv)
{
    struct workload run = start(argc, argv, "cg", repeats);
    long side = sides[run.size], n = side * side;
    struct matrix a = laplacian(side);
    double *b = allocate(n * sizeof *b), *x = allocate(n * sizeof *x), *r = allocate(n * sizeof *r);
    double *p = allocate(n * sizeof *p), *q = allocate(n * sizeof *q), claimed = 0;
    for (long i = 0; i < n; i++)
        b[i] = random_float();
    for (long k = 0; k < run.repeat; k++)
        claimed = solve(&a, b, x, r, p, q);

    double squares = 0, product = 0, size = 0;
    for (long i = 0; i < n; i++) {
        long column = i % side;
        double residual = b[i] - 4 * x[i];
        residual += i >= side ? x[i - side] : 0;
        residual += i + side < n ? x[i + side] : 0;
        residual += column > 0 ? x[i - 1] : 0;
        residual += column < side - 1 ? x[i + 1] : 0;
        squares += residual * residual;
        product += residual * x[i];
        size += x[i] * x[i];
    }
    double norm = sqrt(squares), start_norm = sqrt(dot(n, b, b));
    if (!(norm > 0 && norm < start_norm && fabs(norm - claimed) < 1e-9 * start_norm))
        wrong(run, "norm of the residual", claimed, norm);
    if (!(fabs(product) < 1e-9 * norm * sqrt(size)))
        wrong(run, "residual times solution", product, 0);
    return right(run);
}
