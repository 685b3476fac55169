/*
 * The mark on a workload (ANNOTATION_ROLLOUT): which fill is being proven, or why Rampart stands
 * down. JSON of at most ROLLOUT_MARK_LEN_MAX bytes; longer messages are cut.
 */
#ifndef RAMPART_RECONCILERS_ROLLOUT_MARK_H
#define RAMPART_RECONCILERS_ROLLOUT_MARK_H

#include "rampart/base/arena.h"
#include "rampart/base/err.h"
#include "rampart/kube/workload.h"

#define ROLLOUT_MESSAGE_MAX 256 /* bytes of a message in a mark */
#define ROLLOUT_LOST_MAX 2      /* rounds that are lost to a rival before it gets it */

enum rollout_phase {
    ROLLOUT_NONE = 0,
    ROLLOUT_PROVING, /* filled in, its pods are watched */
    ROLLOUT_PENDING, /* filled in where nothing runs: proof pending until the first Pod */
    ROLLOUT_PROVEN,
    ROLLOUT_REVERTED,   /* it did not come back and was taken back: not again for this template */
    ROLLOUT_KEPT,       /* it did not come back; the profile says onFailure: Keep */
    ROLLOUT_STOOD_DOWN, /* a user rolled it back */
    ROLLOUT_CONTESTED,  /* a rival took it back twice */
    ROLLOUT_LEFT,       /* it was to be taken back and could not: @message says why */
    ROLLOUT_TAKEN_BACK, /* its profile goes (onDelete: Remove); what that rolls out is still running
                         */
    ROLLOUT_PHASE_COUNT,
};

struct rollout_mark {
    enum rollout_phase phase;
    uint8_t troubles;    /* enum pod_trouble: of the pods before the fill */
    bool has_resources;  /* requests or limits were filled in: OOM kills count, also later */
    uint32_t lost;       /* rounds that a rival took it back; at most ROLLOUT_LOST_MAX */
    uint32_t containers; /* of the template that was filled in */
    uint32_t unset;      /* fill_unset() of the template once it is filled in */
    int64_t started_s;   /* wall clock: since when it is in the phase */
    int64_t generation;  /* metadata.generation of the profile: failures count until it changes */
    const char *key;     /* of the fill; as the template has it in ANNOTATION_FILL */
    const char *digest;  /* template_digest of the template that it is about: of ROLLOUT_PROVING,
                            _PENDING and _PROVEN the one before any fill, else the one that is left
                            alone until it changes. Not written where @key begins with it */
    const char *wanted;  /* digest of what the profile wanted to be filled in */
    const char *left;    /* rollout_reason_name() of why something was left out of the fill; "" or
                            NULL: nothing was */
    const char *profile;
    const char *rival; /* "" where it is not known */
    const char
        *message; /* ROLLOUT_REVERTED, _KEPT and _LEFT: why, in the pod's own words; else "" */
};

const char *rollout_phase_name(enum rollout_phase phase); /* "Proving" */
/* ERR_INVALID: not one of ours, or tampered with. ERR_NOMEM. */
MUST_CHECK int rollout_mark_read(const char *text, struct arena *a, struct rollout_mark *ret_mark,
                                 struct err *err);
/*
 * Whether it is a mark, as rollout_mark_write() writes it, that keeps the profile from going: in
 * its name, and of what can be taken back (not ROLLOUT_LEFT). A look at the text, for thousands of
 * them.
 */
bool rollout_mark_holds(const char *text, const char *profile);
/* No pointer of @mark but @left is NULL. ERR_NOMEM, ERR_LIMIT (names that the API server would not
 * take). */
MUST_CHECK int rollout_mark_write(const struct rollout_mark *mark, struct arena *a,
                                  const char **ret_text, struct err *err);

#endif
