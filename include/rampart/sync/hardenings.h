/*
 * What the runtime keeps of each workload that hardening is concerned with (kube/harden.h), and the
 * sums of it by profile: a record of 88 bytes a workload, and a text where there is something to
 * say. All of it may be lost: the state is in the cluster.
 *
 * A turn is the leave to begin. It is out until the next step of the workload has told what became
 * of it, and counts for so long like a rollout that runs.
 */
#ifndef RAMPART_SYNC_HARDENINGS_H
#define RAMPART_SYNC_HARDENINGS_H

#include "rampart/base/map.h"
#include "rampart/kube/harden.h"
#include "rampart/kube/object.h"
#include "rampart/sync/pace.h"

/* Workloads. Of those beyond nothing is remembered: what runs there is proven or taken back all the
 * same, but nothing new is begun, and no Event tells of them. */
#define HARDENINGS_MAX 100000
#define HARDENING_TEXT_MAX 1024 /* bytes of one text of a finding; a longer one is cut: "..." */
/* Turns of one profile that are out at once, whatever its maxConcurrent: workloads that run nothing
 * do not count against that, and thousands of them are not to stand before everything else in the
 * work queue. More are given when half of them are used. */
#define HARDENING_TURNS_OUT_MAX 512

struct hardening_said; /* a finding, compact */

/* All workloads that one profile decides. */
struct hardening_profile {
    size_t records_count;            /* it goes with the last of them */
    size_t turns_out;                /* of them have a turn */
    struct harden_turns turns;       /* as the records say now; @is_paused and @message as below */
    bool is_dirty;                   /* turns are to be given anew */
    bool was_given;                  /* they have been, at least once */
    char *pause;                     /* why nobody has a turn; owned; NULL: it is not paused */
    int64_t pause_generation;        /* of the profile that was paused ... */
    char pause_uid[UID_LEN_MAX + 1]; /* ... and its uid */
    char name[];                     /* with NUL */
};

struct hardening {
    struct hardening_profile *profile; /* owned by the profiles below, counted; NULL: nobody's */
    struct harden_memory memory;       /* of the last step that did not keep the one before */
    uint64_t said;                     /* hash of what was last told of it; 0: nothing */
    struct hardening_said *finding;    /* what is to be said now; owned; NULL: nothing */
    struct pace pace;                  /* of the writes to it */
    uint64_t no_deletions_until_ms;    /* monotonic; deleting its pods was forbidden */
    uint8_t state;                     /* enum harden_state */
    bool is_idle;
    bool has_memory;
    bool has_turn;
    bool is_resting; /* it had its turn in vain: no other one before it is looked at again */
    bool is_busy;    /* something is read for it, or written */
    bool is_failure; /* @finding is what keeps it from being done, and not what the step said */
};

struct hardenings {
    struct map records;   /* by posture_key(); the values are owned */
    struct map profiles;  /* by name; owned */
    struct arena scratch; /* to measure in */
};

void hardenings_init(struct hardenings *h, size_t count_max);
void hardenings_done(struct hardenings *h);

/* NULL: nothing is kept of it. Borrowed until it is forgotten. */
struct hardening *hardenings_get(const struct hardenings *h, const char *key);
/* The record of a workload that @profile (NULL: nobody) decides, made where there is none. A turn
 * that another profile gave is over. NULL: ERR_NOMEM, ERR_LIMIT; then all is as before. */
MUST_CHECK struct hardening *hardenings_need(struct hardenings *h, const char *key,
                                             const char *profile, struct err *err);
void hardenings_forget(struct hardenings *h, const char *key);
size_t hardenings_count(const struct hardenings *h);

/* These make the profile dirty where somebody else may have a turn since. True: its sums are other
 * ones. */
bool hardening_set_state(struct hardening *r, enum harden_state state, bool is_idle);
void hardening_give_turn(struct hardening *r); /* it has a profile, and waits */
void hardening_end_turn(struct hardening *r);  /* nothing where it has none */
/* Its turn was in vain, and ends. It goes on waiting, and the others come first until it is looked
 * at again: hardening_wake(). */
void hardening_rest(struct hardening *r);
void hardening_wake(struct hardening *r);

/*
 * What is to be said of it now; NULL: nothing. Keeps a copy, without object and profile.
 * *ret_changed: it is another one than before. ERR_NOMEM, and all is as before.
 */
MUST_CHECK int hardenings_say(struct hardenings *h, struct hardening *r,
                              const struct finding *finding, bool *ret_changed, struct err *err);
/* That again, about @object; in @a, but for the profile's name. NULL: no memory. */
MUST_CHECK struct finding *hardening_finding(const struct hardening *r, const struct object *object,
                                             struct arena *a);

/* NULL: it decides about nothing that is kept. */
struct hardening_profile *hardenings_profile(const struct hardenings *h, const char *profile);
/* ERR_NOMEM, and it is as before. @generation and @uid are the profile's. */
MUST_CHECK int hardening_pause(struct hardening_profile *p, const char *message, int64_t generation,
                               const char *uid, struct err *err);
void hardening_end_pause(struct hardening_profile *p);
/* Keys of those of its workloads of which something is to be said: the first @count_max in order.
 * *ret_keys has room for so many; borrowed until the next change. True: there are more. */
bool hardenings_told(const struct hardenings *h, const char *profile, const char **ret_keys,
                     size_t count_max, size_t *ret_count);

#endif
