/* One step of the hardening of one workload, shared by harden*.c. */
#ifndef RAMPART_HARDEN_PASS_H
#define RAMPART_HARDEN_PASS_H

#include "rampart/reconcilers/harden.h"
#include "rampart/reconcilers/rollout.h"

enum harden_stance {
    STANCE_NONE = 0,  /* nobody fills in, and nothing of ours is there */
    STANCE_FILL,      /* the profile that decides fills in */
    STANCE_FINISH,    /* nothing is begun; what has begun comes to its end */
    STANCE_ADOPT,     /* the profile that decides answers for what one that goes has filled in */
    STANCE_TAKE_BACK, /* its profile goes */
};

struct harden_pass {
    const struct view *view;
    const struct harden_input *in;
    struct plan *plan;
    struct arena *a; /* the plan's */
    const struct workload_facts *w;
    const struct profile *decides;           /* for its namespace, in whatever mode; NULL: nobody */
    const struct profile *owner;             /* whom the mark names; NULL: nobody, or it is gone */
    const struct profile *acts;              /* in whose name it is: one of the two; NULL: nobody */
    const struct workloads_section *section; /* of @acts, or what a section has by default */
    enum harden_stance stance;
    struct rollout_mark mark; /* when @has_mark */
    bool has_mark;            /* it is there and can be read */
    enum rollout_reason note; /* why something is left out, as far as is known */
    bool is_note_of_mark;     /* nobody has looked since it was written */
    bool is_note_marked;      /* the mark says the same */
    int64_t now_s;
    struct harden_step step; /* what comes of it */
};

/* What SecurityExceptions leave to the owner. *ret_until_s: when one of them expires; INT64_MAX:
 * never. ERR_NOMEM. */
MUST_CHECK int harden_exempt(const struct harden_pass *p, struct fill_exempt *ret_exempt,
                             int64_t *ret_until_s, struct err *err);

/* Each decides the step. ERR_NOMEM. */
MUST_CHECK int harden_fill(struct harden_pass *p, const struct rollout_step *rollout,
                           struct err *err);
MUST_CHECK int harden_mark(struct harden_pass *p, const struct rollout_mark *mark, struct err *err);
MUST_CHECK int harden_revert(struct harden_pass *p, const struct rollout_mark *mark,
                             struct err *err);
MUST_CHECK int harden_delete_pods(struct harden_pass *p, const struct rollout_step *rollout,
                                  struct err *err);
/* Everything of ours goes, step by step. */
MUST_CHECK int harden_take_back(struct harden_pass *p, struct err *err);

/* What is to be said of the step. @reason ROLLOUT_FINE: nothing. ERR_NOMEM. */
MUST_CHECK int harden_say(struct harden_pass *p, enum rollout_reason reason, const char *message,
                          struct err *err);

#endif
