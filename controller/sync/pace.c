#include "rampart/sync/pace.h"

static uint32_t rounds_at(const struct pace *p, uint64_t now_ms)
{
    uint64_t calm = now_ms > p->last_ms ? (now_ms - p->last_ms) / PACE_CALM_MS : 0;

    return calm < p->rounds ? p->rounds - (uint32_t)calm : 0;
}

uint64_t pace_due(const struct pace *p, uint64_t now_ms)
{
    uint32_t rounds = rounds_at(p, now_ms);
    uint64_t wait_ms = PACE_FIRST_MS;

    if (rounds < PACE_FREE)
        return p->last_ms;
    for (uint32_t i = PACE_FREE; i < rounds && wait_ms < PACE_MAX_MS; i++)
        wait_ms *= 2;
    return p->last_ms + (wait_ms < PACE_MAX_MS ? wait_ms : PACE_MAX_MS);
}

bool pace_take(struct pace *p, uint64_t now_ms)
{
    uint32_t rounds = rounds_at(p, now_ms);

    p->last_ms = now_ms;
    p->rounds = rounds + 1; /* stays small: beyond PACE_MAX_MS the calm takes off what is added */
    return p->rounds >= PACE_FREE;
}

uint64_t pace_quiet(const struct pace *p)
{
    return p->last_ms + PACE_QUIET_MS;
}
