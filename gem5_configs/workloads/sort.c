/* Integer sort: 32-bit keys by their four bytes, least significant first (radix sort).
 *
 * Check: the keys ascend, and a sum of hashes that does not depend on order is the one of the keys before.
 */
#include "workload.h"

static const long lengths[SIZES] = {2560, 40960, 524288, 2621440};
static const long repeats[SIZES] = {8, 1, 1, 1};

KERNEL void sort(long n, uint32_t *keys, uint32_t *other)
{
    for (int shift = 0; shift < RIGHT_OR_WRONG(32, 24); shift += 8) {
        uint32_t place[257] = {0};
        for (long i = 0; i < n; i++)
            place[(keys[i] >> shift & 255) + 1]++;
        for (int digit = 1; digit < 256; digit++)
            place[digit] += place[digit - 1];
        for (long i = 0; i < n; i++)
            other[place[keys[i] >> shift & 255]++] = keys[i];
        uint32_t *swap = keys;
        keys = other;
        other = swap;
    }
}

static uint64_t hash(uint32_t key)
{
    uint64_t z = (key + 1) * 0x9e3779b97f4a7c15u;
    return (z ^ z >> 29) * 0xbf58476d1ce4e5b9u;
}

int main(int argc, char **argv)
{
    struct workload run = start(argc, argv, "sort", repeats);
    long n = lengths[run.size];
    uint32_t *keys = allocate(n * sizeof *keys), *other = allocate(n * sizeof *other);
    uint64_t expected = 0, found = 0;
    for (long r = 0; r < run.repeat; r++) {
        expected = 0;
        for (long i = 0; i < n; i++) {
            keys[i] = random_bits() >> 32;
            if (r == run.repeat - 1)
                expected += hash(keys[i]);
        }
        sort(n, keys, other);
    }

    for (long i = 0; i < n; i++) {
        if (i > 0 && keys[i] < keys[i - 1])
            wrong(run, "a key", keys[i], keys[i - 1]);
        found += hash(keys[i]);
    }
    if (found != expected)
        wrong(run, "the sum of hashes modulo 2^64", found, expected);
    return right(run);
}
