#include "rampart/edge/liveness.h"

#include <assert.h>
#include <string.h>

#define TO(state) (1u << (state))

static const unsigned may_go[LIVENESS_STATE_COUNT] = {
    [LIVENESS_RESTING] = TO(LIVENESS_LISTENING),
    [LIVENESS_LISTENING] = TO(LIVENESS_RESTING) | TO(LIVENESS_PROBING),
    [LIVENESS_PROBING] = TO(LIVENESS_RESTING), /* the next step finds out whether to listen on */
};

static void move(struct liveness *l, enum liveness_state next, uint64_t now_ms)
{
    assert(may_go[l->state] & TO(next));
    l->state = next;
    l->since_ms = now_ms;
}

void liveness_init(struct liveness *l, uint32_t quiet_ms)
{
    memset(l, 0, sizeof(*l));
    l->quiet_ms = quiet_ms;
}

enum liveness_advice liveness_step(struct liveness *l, bool is_busy, uint64_t heard_ms,
                                   uint64_t now_ms, uint64_t *ret_next_ms)
{
    uint64_t due_ms;

    *ret_next_ms = UINT64_MAX;
    if (l->state == LIVENESS_PROBING)
        return LIVENESS_WAIT; /* the probe has its own deadline */
    if (!is_busy) {
        if (l->state == LIVENESS_LISTENING)
            move(l, LIVENESS_RESTING, now_ms);
        return LIVENESS_WAIT;
    }
    if (l->state == LIVENESS_RESTING)
        move(l, LIVENESS_LISTENING, now_ms);
    due_ms = (heard_ms > l->since_ms ? heard_ms : l->since_ms) + l->quiet_ms;
    if (now_ms < due_ms) {
        *ret_next_ms = due_ms;
        return LIVENESS_WAIT;
    }
    move(l, LIVENESS_PROBING, now_ms);
    return LIVENESS_PROBE;
}

enum liveness_advice liveness_probe_ended(struct liveness *l, bool was_answered, uint64_t heard_ms,
                                          uint64_t now_ms)
{
    bool was_heard = heard_ms > l->since_ms;

    assert(l->state == LIVENESS_PROBING);
    move(l, LIVENESS_RESTING, now_ms);
    return was_answered || was_heard ? LIVENESS_WAIT : LIVENESS_LOST;
}
