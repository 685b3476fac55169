/*
 * What Enforce would fill into one workload, as far as it can be told without reading its pods and
 * revisions: for `rampart plan`. Pure. How its rollout ends, only the rollout tells.
 */
#ifndef RAMPART_RECONCILERS_HARDEN_PREVIEW_H
#define RAMPART_RECONCILERS_HARDEN_PREVIEW_H

#include "rampart/kube/profile.h"
#include "rampart/kube/view.h"
#include "rampart/reconcilers/rule.h"

enum preview_when {
    PREVIEW_NEVER = 0,   /* nothing is to be filled in: it is there, or stated otherwise */
    PREVIEW_NOW,         /* when it has its turn, with a rollout of its own */
    PREVIEW_NEXT_CHANGE, /* with its owner's next rollout */
    PREVIEW_IDLE,        /* at once: nothing of it runs that could restart */
    PREVIEW_LEFT_ALONE,  /* message says why */
    PREVIEW_WHEN_COUNT,
};

struct harden_preview {
    const struct profile *profile; /* who fills in, borrowed from the view; NULL: nobody, and all
                                      else is zero */
    enum preview_when when;
    uint32_t fields;      /* bits of enum fill_field: what is filled in */
    uint32_t asked;       /* ... only where the pods do not speak against it */
    bool is_contradicted; /* some of what the profile wants is stated otherwise, and stays */
    const char *message;  /* "CannotProve: ...", in the arena; "" but for PREVIEW_LEFT_ALONE */
};

/* @workload is a Deployment, StatefulSet, DaemonSet or CronJob. ERR_NOMEM. */
MUST_CHECK int harden_preview(const struct view *v, const struct object *workload, struct arena *a,
                              struct harden_preview *ret_preview, struct err *err);

const char *fill_field_name(enum fill_field field); /* in spec.workloads.fill; FILL_NONE: "" */

#endif
