#include "rampart/sync/backoff.h"

#include <assert.h>
#include <stddef.h>

const struct backoff_policy backoff_reflector = {
    .first_ms = 800,
    .max_ms = 30000,
    .jitter_percent = 100,
    .reset_after_ms = 120000,
};

const struct backoff_policy backoff_workqueue = {
    .first_ms = 5,
    .max_ms = 1000000,
};

void backoff_init(struct backoff *b, const struct backoff_policy *policy)
{
    assert(policy->first_ms > 0 && policy->first_ms <= policy->max_ms);
    assert(policy->max_ms <= BACKOFF_MS_MAX && policy->jitter_percent <= 100);
    *b = (struct backoff){.policy = policy};
}

void backoff_reset(struct backoff *b)
{
    b->attempt = 0;
}

/* first x 2^attempt without overflow: 31 doublings of 1 ms are beyond every ceiling. */
static uint64_t doubled(const struct backoff_policy *policy, uint32_t attempt)
{
    uint64_t delay_ms = (uint64_t)policy->first_ms << (attempt < 31 ? attempt : 31);

    return delay_ms < policy->max_ms ? delay_ms : policy->max_ms;
}

uint32_t backoff_next(struct backoff *b, uint64_t now_ms, uint32_t at_least_ms, struct rng *rng)
{
    const struct backoff_policy *policy = b->policy;
    uint64_t delay_ms, spread_ms;

    if (policy->reset_after_ms > 0 && now_ms > b->last_ms + policy->reset_after_ms)
        b->attempt = 0;
    delay_ms = doubled(policy, b->attempt);
    spread_ms = delay_ms * policy->jitter_percent / 100;
    if (spread_ms > 0)
        delay_ms += rng_range(rng, 0, spread_ms);
    if (b->attempt < UINT32_MAX)
        b->attempt++;
    b->last_ms = now_ms;
    assert(delay_ms <= UINT32_MAX);
    return delay_ms > at_least_ms ? (uint32_t)delay_ms : at_least_ms;
}
