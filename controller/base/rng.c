#include "rampart/base/rng.h"

#include <assert.h>

void rng_init(struct rng *r, uint64_t seed)
{
    r->state = seed;
}

/* splitmix64, https://prng.di.unimi.it/splitmix64.c */
uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9E3779B97F4A7C15;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *r, uint64_t limit)
{
    uint64_t surplus, number;

    assert(limit > 0);
    surplus =
        -limit % limit; /* 2^64 mod limit: the low numbers that would come up once too often */
    do
        number = rng_next(r);
    while (number < surplus);
    return number % limit;
}

uint64_t rng_range(struct rng *r, uint64_t low, uint64_t high)
{
    assert(low <= high);
    if (high - low == UINT64_MAX)
        return rng_next(r);
    return low + rng_below(r, high - low + 1);
}
