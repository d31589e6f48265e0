/* What the workloads share: their command line, numbers from a seed, memory, and how a wrong result is reported.
 *
 * Usage of each: NAME [--size l1|l2|l3|memory] [--repeat N]. A size is named after the smallest level of the host core's
 * hierarchy (32 KiB, 512 KiB, 16 MiB) that holds all that the kernel touches; `memory` fits none. Exit status 0 and one
 * line if the result is right, 1 and one line if it is wrong, 2 on a bad command line or too little memory.
 *
 * Built with -DPLANTED_FAULT, a kernel makes one mistake, which its check must find.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A kernel stays a function of its own, so that a compiler cannot skip repetitions of it. */
#define KERNEL __attribute__((noinline)) static

#ifdef PLANTED_FAULT
#define RIGHT_OR_WRONG(right, wrong) (wrong)
#else
#define RIGHT_OR_WRONG(right, wrong) (right)
#endif

#define SIZES 4
static const char *const size_names[SIZES] = {"l1", "l2", "l3", "memory"};

struct workload {
    const char *name;
    int size;    /* index of size_names */
    long repeat; /* how often the kernel runs */
};

/* Reads the command line; `repeats` are the defaults of the sizes. */
static struct workload start(int argc, char **argv, const char *name, const long repeats[SIZES])
{
    struct workload w = {name, 0, 0};
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        char *end = "";
        if (!strcmp(argv[i], "--size")) {
            for (w.size = 0; w.size < SIZES && strcmp(value, size_names[w.size]); w.size++)
                ;
        } else if (!strcmp(argv[i], "--repeat")) {
            w.repeat = strtol(value, &end, 10);
        } else {
            w.size = SIZES;
        }
        if (w.size == SIZES || *end || w.repeat < 0 || (!strcmp(argv[i], "--repeat") && w.repeat == 0)) {
            fprintf(stderr, "%s: %s %s: allowed are --size l1|l2|l3|memory and --repeat N, N > 0\n", name, argv[i],
                    value);
            exit(2);
        }
    }
    if (!w.repeat)
        w.repeat = repeats[w.size];
    return w;
}

/* Ends the program: the check found `found` where `expected` was due. */
__attribute__((noreturn, unused)) static void wrong(struct workload w, const char *what, double found, double expected)
{
    fprintf(stderr, "%s: wrong result: %s is %.17g, expected %.17g\n", w.name, what, found, expected);
    exit(1);
}

static int right(struct workload w)
{
    printf("%s --size %s --repeat %ld: right\n", w.name, size_names[w.size], w.repeat);
    return 0;
}

/* SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). */
static uint64_t random_state = 1;

static inline uint64_t random_bits(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Uniform in [-1, 1), 24 bits. */
static inline float random_float(void)
{
    return (float)(int64_t)(random_bits() >> 40) * 0x1p-23f - 1.0f;
}

static void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) {
        fprintf(stderr, "no memory: %zu bytes\n", bytes);
        exit(2);
    }
    return memory;
}

/* `count` random bytes, eight at a time. */
__attribute__((unused)) static int8_t *random_bytes(size_t count)
{
    size_t words = (count + 7) / 8;
    uint64_t *memory = allocate(8 * words);
    for (size_t i = 0; i < words; i++)
        memory[i] = random_bits();
    return (int8_t *)memory;
}

__attribute__((unused)) static float *random_floats(size_t count)
{
    float *memory = allocate(count * sizeof *memory);
    for (size_t i = 0; i < count; i++)
        memory[i] = random_float();
    return memory;
}

#endif
