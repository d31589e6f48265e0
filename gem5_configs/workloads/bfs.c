/* Breadth-first search from several vertices of a random graph in compressed rows, top-down with a queue.
 *
 * Each vertex has an edge to the next one, so that all are reached, and seven to random ones. Check of the last search:
 * depths are those of shortest paths if and only if the source has depth 0, no edge spans more than one level, and
 * every other vertex has an edge from the level above it.
 */
#include "workload.h"

#define DEGREE 8

static const long vertices[SIZES] = {448, 7168, 98304, 491520};
static const long repeats[SIZES] = {32, 1, 1, 1}; /* sources */

KERNEL void search(long n, const uint32_t *first, const uint32_t *edges, uint32_t source, int32_t *depth, uint32_t *queue)
{
    memset(depth, -1, n * sizeof *depth);
    long read = 0, write = 0;
    depth[source] = 0;
    queue[write++] = source;
    while (read < write) {
        uint32_t u = queue[read++];
        for (uint32_t e = first[u]; e < RIGHT_OR_WRONG(first[u + 1], first[u + 1] - 1); e++) {
            uint32_t v = edges[e];
            if (depth[v] < 0) {
                depth[v] = depth[u] + 1;
                queue[write++] = v;
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct workload run = start(argc, argv, "bfs", repeats);
    long n = vertices[run.size];
    uint32_t *first = allocate((n + 1) * sizeof *first), *edges = allocate(n * DEGREE * sizeof *edges);
    uint32_t *queue = allocate(n * sizeof *queue);
    int32_t *depth = allocate(n * sizeof *depth);
    for (long u = 0; u < n; u++) {
        first[u] = u * DEGREE;
        for (long e = 0; e < DEGREE; e++) /* the upper half of a product: uniform without a division */
            edges[u * DEGREE + e] = ((random_bits() >> 32) * n) >> 32;
        edges[u * DEGREE + DEGREE - 1] = u + 1 < n ? u + 1 : 0;
    }
    first[n] = n * DEGREE;
    uint32_t source = 0;
    for (long r = 0; r < run.repeat; r++) {
        source = r * (n / 32) % n;
        search(n, first, edges, source, depth, queue);
    }

    uint8_t *has_parent = allocate(n);
    memset(has_parent, 0, n);
    for (long u = 0; u < n; u++) {
        if (depth[u] < 0)
            wrong(run, "a depth", depth[u], 0);
        for (uint32_t e = first[u]; e < first[u + 1]; e++) {
            uint32_t v = edges[e];
            if (depth[v] > depth[u] + 1)
                wrong(run, "a depth", depth[v], depth[u] + 1);
            has_parent[v] |= depth[v] == depth[u] + 1;
        }
    }
    for (long v = 0; v < n; v++)
        if (depth[v] ? !has_parent[v] : v != source)
            wrong(run, "a depth without an edge to it", depth[v], v);
    return right(run);
}
