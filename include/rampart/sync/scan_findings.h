/*
 * What one scan found, by profile: sums, and the first SCAN_DRIFT_MAX findings in order. Its size
 * depends on the number of profiles and on nothing else.
 */
#ifndef RAMPART_SYNC_SCAN_FINDINGS_H
#define RAMPART_SYNC_SCAN_FINDINGS_H

#include "rampart/base/map.h"
#include "rampart/kube/plan.h"
#include "rampart/kube/view.h"

#define SCAN_PROFILES_MAX 1000
#define SCAN_DRIFT_MAX 20 /* findings of one profile; as many as its status has room for */

struct scan_results {
    struct map by_profile; /* the values are owned */
};

void scan_results_init(struct scan_results *r, size_t profiles_max);
void scan_results_done(struct scan_results *r);
/* @r takes over what @newer has, which is empty then. */
void scan_results_replace(struct scan_results *r, struct scan_results *newer);

/* POSTURE_NONE adds nothing. ERR_NOMEM, ERR_LIMIT (profiles). */
MUST_CHECK int scan_results_add(struct scan_results *r, const struct posture *posture,
                                struct err *err);
/* Whether findings about the object would be among the first of the profile. */
bool scan_results_want(struct scan_results *r, const char *profile, const struct object *object);
/* Keeps a copy if it is among the first. The profile is known. ERR_NOMEM. */
MUST_CHECK int scan_results_say(struct scan_results *r, const struct finding *finding,
                                struct err *err);
/* It has findings that are not kept. */
void scan_results_cut(struct scan_results *r, const char *profile);
const struct scan_findings *scan_results_get(const struct scan_results *r,
                                             const char *profile); /* NULL: nothing */

#endif
