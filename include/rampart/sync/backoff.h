/* Exponential back-off with jitter: pure, time and randomness are parameters. */
#ifndef RAMPART_SYNC_BACKOFF_H
#define RAMPART_SYNC_BACKOFF_H

#include <stdint.h>

#include "rampart/base/rng.h"

#define BACKOFF_MS_MAX 1000000000u /* ceiling of a policy's max_ms: its double fits 32 bits */

struct backoff_policy {
    uint32_t first_ms;
    uint32_t max_ms;         /* before jitter */
    uint32_t jitter_percent; /* at most 100: the delay is spread over [d, 2d] */
    uint32_t reset_after_ms; /* quiet time after which the next delay is @first_ms again; 0: only
                                backoff_reset() */
};

/* client-go tools/cache/reflector.go: 800 ms doubling to 30 s, jitter 1.0, reset after 2 min. */
extern const struct backoff_policy backoff_reflector;
/* client-go util/workqueue: 5 ms doubling to 1000 s, no jitter. */
extern const struct backoff_policy backoff_workqueue;

struct backoff {
    const struct backoff_policy *policy; /* borrowed */
    uint32_t attempt;                    /* delays handed out since the last reset */
    uint64_t last_ms;                    /* when the last one was handed out */
};

void backoff_init(struct backoff *b, const struct backoff_policy *policy);
void backoff_reset(struct backoff *b);
/*
 * The next delay in milliseconds; @at_least_ms is what the server asked for (Retry-After), 0 for
 * none.
 * @rng may be NULL for a policy without jitter.
 */
uint32_t backoff_next(struct backoff *b, uint64_t now_ms, uint32_t at_least_ms, struct rng *rng);

#endif
