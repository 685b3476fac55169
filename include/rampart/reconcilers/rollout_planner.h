/*
 * Whose turn it is: the workloads of one profile, smallest first, so many at a time, and none at
 * all once too many have failed. Pure; all of it is computed anew from the marks each time.
 */
#ifndef RAMPART_RECONCILERS_ROLLOUT_PLANNER_H
#define RAMPART_RECONCILERS_ROLLOUT_PLANNER_H

#include "rampart/kube/profile.h"
#include "rampart/reconcilers/rollout.h"

#define PLANNER_FAILURES_MIN 3 /* fewer failures say nothing about a profile */

/*
 * The state for the planner, from the mark (NULL: none, or it is unreadable) and what the last step
 * said. A mark of another profile, or of this one before it changed, is no success and no failure.
 */
enum harden_state planner_state(const struct rollout_mark *mark, const char *profile,
                                int64_t profile_generation, enum rollout_reason reason);

/* Sorts @items into the order of turns: those that run something before the idle ones, by replicas,
 * namespace, name. ERR_NOMEM. */
MUST_CHECK int rollout_plan(struct harden_item *items, size_t count,
                            const struct workloads_section *section, const char *profile,
                            struct arena *a, struct harden_turns *ret_turns, struct err *err);

#endif
