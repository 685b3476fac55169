/* One step of the rollout machine, shared by rollout.c, rollout_begin.c and rollout_prove.c. */
#ifndef RAMPART_ROLLOUT_PASS_H
#define RAMPART_ROLLOUT_PASS_H

#include "rampart/reconcilers/rollout.h"

struct rollout_pass {
    const struct rollout_input *in; /* borrowed */
    struct arena *a;                /* borrowed */
    struct rollout_mark mark;       /* of the workload, when @has_mark */
    bool has_mark;                  /* it is there and can be read */
    const char *wanted;             /* digest of what the section wants to be filled in */
    struct fill_exempt exempt;      /* what exceptions, and who states it as null, leave alone */
    struct harden_memory now;       /* of the workload */
    size_t unset;                   /* fill_unset() of the template as it is */
    const char *rival;              /* who has taken back what was filled in; "": nobody knows */
    struct rollout_step step;       /* what comes of it */
};

/* Nothing is to be done now, and why. */
void rollout_wait(struct rollout_pass *p, enum rollout_reason reason, const char *message);
/* Evidence is wanted, at once where there is none, and again after @again_s seconds. */
void rollout_look(struct rollout_pass *p, int64_t again_s);

bool rollout_is_idle(const struct rollout_input *in);     /* nothing of it runs */
bool rollout_has_settled(const struct workload_facts *w); /* no rollout runs */
bool rollout_is_healthy(const struct workload_facts *w);
/* Somebody else has taken out what was filled in. */
bool rollout_was_taken(const struct rollout_pass *p);
bool rollout_is_held(struct rollout_pass *p);
/* 16 hex digits over what the section wants to be filled in; NULL: out of memory. */
MUST_CHECK const char *rollout_wanted(const struct workloads_section *section, struct arena *a);

/* A fill that is in the template: whether it holds. *ret_is_done false: nothing more to prove. */
MUST_CHECK int rollout_prove(struct rollout_pass *p, bool *ret_is_done, struct err *err);
/* After a revert, pods of the failed revision that block an OrderedReady StatefulSet. */
MUST_CHECK int rollout_unstick(struct rollout_pass *p, bool *ret_is_done, struct err *err);
/* What is not filled in yet: whether it may be now. */
MUST_CHECK int rollout_begin(struct rollout_pass *p, const struct fill *fill, struct err *err);

#endif
