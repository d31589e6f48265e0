/* Token sampling, the host's share of a transformer: temperature, top-k, top-p, a draw, for each of several sequences.
 *
 * The 40 largest logits in a heap, their softmax at temperature 0.8, the smallest set that holds 0.9 of it, and the
 * token that a random number falls on (Holtzman et al., "The curious case of neural text degeneration", 2020).
 * Check, without the heap: all logits above a bound in order, of them the first 40, of those the set by running sums; the
 * draw lies within the token's share.
 */
#include <math.h>

#include "workload.h"

#define TOP_K 40
#define TOP_P 0.9
#define TEMPERATURE 0.8

static const long sequences[SIZES] = {1, 1, 8, 40}, vocabulary[SIZES] = {4096, 65536, 128256, 128256};
static const long repeats[SIZES] = {32, 2, 1, 1};

struct candidate {
    float logit;
    int32_t token;
};

/* The greater logit goes first; of equal ones the lower token. */
static inline int before(struct candidate a, struct candidate b)
{
    return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

/* Puts a candidate into a heap, at a place or below it; each parent goes after its children. */
static void sift(struct candidate *heap, int size, int at, struct candidate c)
{
    for (int child; (child = 2 * at + 1) < size; at = child) {
        if (child + 1 < size && before(heap[child], heap[child + 1]))
            child++;
        if (!before(c, heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = c;
}

KERNEL int32_t sample(long n, const float *logits, double uniform)
{
    struct candidate top[TOP_K];
    for (int i = 0; i < TOP_K; i++)
        top[i] = (struct candidate){logits[i], i};
    for (int i = TOP_K / 2; i-- > 0;)
        sift(top, TOP_K, i, top[i]);
    for (long i = TOP_K; i < n; i++)
        if (logits[i] > top[0].logit)
            sift(top, TOP_K, 0, (struct candidate){logits[i], i});
    for (int size = TOP_K; size > 1; size--) { /* the last candidate goes behind those that remain */
        struct candidate last = top[0];
        sift(top, size - 1, 0, top[size - 1]);
        top[size - 1] = last;
    }
    double weights[TOP_K], sum = 0, kept = 0;
    for (int i = 0; i < TOP_K; i++)
        sum += weights[i] = exp((top[i].logit - top[0].logit) / TEMPERATURE);
    int count = 0;
    while (count < TOP_K && kept < RIGHT_OR_WRONG(TOP_P, 0.2) * sum)
        kept += weights[count++];
    double left = uniform * kept;
    int chosen = 0;
    while (chosen < count - 1 && left >= weights[chosen])
        left -= weights[chosen++];
    return top[chosen].token;
}

static void check(struct workload run, long n, const float *logits, double uniform, int32_t token)
{
    /* Logits are 8 u^3, u uniform in [-1, 1): three times TOP_K of them are expected above this bound. */
    float part = 1 - 6.0f * TOP_K / n, bound = 8 * part * part * part;
    struct candidate top[8 * TOP_K];
    int count = 0;
    for (long j = 0; j < n && count < 8 * TOP_K; j++)
        if (logits[j] >= bound) {
            struct candidate c = {logits[j], j};
            int at = count++;
            for (; at > 0 && before(c, top[at - 1]); at--)
                top[at] = top[at - 1];
            top[at] = c;
        }
    if (count < TOP_K)
        wrong(run, "number of large logits", count, 3 * TOP_K);

    double sum = 0, ahead = 0, start = HUGE_VAL, share = 0;
    for (int i = TOP_K; i-- > 0;)
        sum += exp(top[i].logit / TEMPERATURE);
    for (int i = 0; ahead < TOP_P * sum; i++) {
        double weight = exp(top[i].logit / TEMPERATURE);
        if (top[i].token == token) {
            start = ahead;
            share = weight;
        }
        ahead += weight;
    }
    if (!(start <= (uniform + 1e-9) * ahead && (uniform - 1e-9) * ahead <= start + share))
        wrong(run, "share of those before the token", start / ahead, uniform);
}

int main(int argc, char **argv)
{
    struct workload run = start(argc, argv, "sampling", repeats);
    long m = sequences[run.size], n = vocabulary[run.size];
    float *logits = random_floats(m * n);
    for (long i = 0; i < m * n; i++)
        logits[i] = 8 * logits[i] * logits[i] * logits[i];
    int32_t *tokens = allocate(m * sizeof *tokens);
    double *draws = allocate(m * sizeof *draws);
    for (long r = 0; r < run.repeat; r++)
        for (long i = 0; i < m; i++) {
            draws[i] = (random_bits() >> 11) * 0x1p-53;
            tokens[i] = sample(n, logits + i * n, draws[i]);
        }
    for (long i = 0; i < m; i++)
        check(run, n, logits + i * n, draws[i], tokens[i]);
    return right(run);
}
