/*
 * Whether the connection is alive: a pure state machine, driven with the time. While something is
 * in flight and no byte came for quiet_ms, the owner sends a probe; when that is not answered and
 * nothing else was heard meanwhile, the connection is lost. (Go's HTTP/2 clients do the same with
 * PING after 30 s and 15 s: apimachinery util/net/http.go.)
 */
#ifndef RAMPART_EDGE_LIVENESS_H
#define RAMPART_EDGE_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

enum liveness_state {
    LIVENESS_RESTING = 0,
    LIVENESS_LISTENING,
    LIVENESS_PROBING,
    LIVENESS_STATE_COUNT
};
enum liveness_advice { LIVENESS_WAIT = 0, LIVENESS_PROBE, LIVENESS_LOST };

struct liveness {
    enum liveness_state state;
    uint32_t quiet_ms;
    uint64_t since_ms; /* monotonic: when this state was entered */
};

void liveness_init(struct liveness *l, uint32_t quiet_ms);

/*
 * @heard_ms: when the last byte came (0: never). @is_busy: something other than the probe is in
 * flight. LIVENESS_PROBE: send one probe now and report its end; else wait, at most until
 * @ret_next_ms (UINT64_MAX: until something changes).
 */
enum liveness_advice liveness_step(struct liveness *l, bool is_busy, uint64_t heard_ms,
                                   uint64_t now_ms, uint64_t *ret_next_ms);

/* The probe ended, or could not be sent. Answered: any status will do. LIVENESS_LOST: make a new
 * connection. */
enum liveness_advice liveness_probe_ended(struct liveness *l, bool was_answered, uint64_t heard_ms,
                                          uint64_t now_ms);

#endif
