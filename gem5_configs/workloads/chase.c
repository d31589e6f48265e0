/* Pointer chase: loads of which each waits for the one before, a cache line each, in random order.
 *
 * The lines form one cycle (Sattolo 1986). Check: after whole tours the walk is back where it began, and has met every
 * number equally often: their sum is known.
 */
#include "workload.h"

struct line {
    struct line *next;
    uint64_t number;
    char rest[48];
};

static const long lengths[SIZES] = {320, 5120, 65536, 327680};
static const long repeats[SIZES] = {1000, 40, 2, 1}; /* tours */

KERNEL struct line *chase(struct line *at, long steps, uint64_t *sum)
{
    uint64_t met = 0;
    for (long i = 0; i < steps; i++) {
        met += at->number;
        at = at->next;
    }
    *sum = met;
    return at;
}

int main(int argc, char **argv)
{
    struct workload run = start(argc, argv, "chase", repeats);
    long n = lengths[run.size];
    struct line *lines = allocate(n * sizeof *lines);
    uint32_t *order = allocate(n * sizeof *order);
    for (long i = 0; i < n; i++)
        order[i] = i;
    for (long i = n - 1; i > 0; i--) {
        long j = random_bits() % i;
        uint32_t other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
    for (long i = 0; i < n; i++) {
        lines[i].next = lines + order[i];
        lines[i].number = i;
    }
    uint64_t sum, expected = (uint64_t)run.repeat * n * (n - 1) / 2;
    struct line *end = chase(lines, RIGHT_OR_WRONG(run.repeat * n, run.repeat * n - 1), &sum);

    if (end != lines)
        wrong(run, "the last line", end - lines, 0);
    if (sum != expected)
        wrong(run, "the sum of numbers met", sum, expected);
    return right(run);
}
