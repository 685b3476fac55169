/* Seeded pseudo-random numbers for jitter and simulations (splitmix64). Never for secrets. */
#ifndef RAMPART_BASE_RNG_H
#define RAMPART_BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t limit);              /* [0, limit), limit > 0 */
uint64_t rng_range(struct rng *r, uint64_t low, uint64_t high); /* [low, high] */

#endif
