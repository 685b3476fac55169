/*
 * How often one namespace is written to. Rampart puts right what others change for ever, but two
 * writers that undo each other (a rival operator, a webhook that changes what we write) must not do
 * so at full speed: after PACE_FREE rounds in a row each further one waits twice as long, up to
 * PACE_MAX_MS, which is how long a posture can be lost to a rival. Pure; time is a parameter.
 */
#ifndef RAMPART_SYNC_PACE_H
#define RAMPART_SYNC_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_FREE                                                                   \
    30 /* rounds without a wait: more than a dozen edits of a profile in a row take \
        */
#define PACE_FIRST_MS 250 /* the wait before the next one; it doubles */
#define PACE_MAX_MS 10000
#define PACE_CALM_MS 10000  /* each such time without a round takes one off the count */
#define PACE_QUIET_MS 60000 /* so long without a round: whoever undid them has stopped */

struct pace {
    uint64_t last_ms; /* of the last round, monotonic */
    uint32_t rounds;  /* that count at that time */
};

/* When the next round may begin: @now_ms or earlier means at once. */
uint64_t pace_due(const struct pace *p, uint64_t now_ms);
/* A round begins. True when there is a wait after it. */
bool pace_take(struct pace *p, uint64_t now_ms);
/* When it has been quiet for long enough, unless another round begins before. */
uint64_t pace_quiet(const struct pace *p);

#endif
