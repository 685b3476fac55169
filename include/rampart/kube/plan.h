/*
 * A plan: what one reconcile pass wants written, and what it found. Synchronous and pure code makes
 * it; the applier (sync/applier.h) carries it out phase by phase: the next phase starts when every
 * write before it has succeeded. A half-done plan is harmless: the next pass computes what is left
 * from what it sees. At most one write an object.
 */
#ifndef RAMPART_KUBE_PLAN_H
#define RAMPART_KUBE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/arena.h"
#include "rampart/kube/object.h"
#include "rampart/kube/profile.h"

#define PLAN_WRITES_MAX 256
#define PLAN_FINDINGS_MAX 64 /* more are counted in findings_cut */

enum plan_phase { /* order of carrying out */
                  PHASE_FINALIZER = 0,
                  PHASE_CARRY,  /* one policy carries all allows while others change: see
                                   reconcilers/network.h */
                  PHASE_ALLOW,  /* new allows: they only add */
                  PHASE_CHANGE, /* allows that stand with another spec: what moves between two is in
                                   the other by now */
                  PHASE_DENY,
                  PHASE_REMOVE,      /* policies that are no longer wanted */
                  PHASE_REMOVE_LAST, /* of those, the ones for some pods: they let through what the
                                        others would cut off */
                  PHASE_WORKLOAD,    /* fills, marks and what takes them back */
                  PHASE_PODS,        /* stuck pods of a revision that was taken back */
                  PHASE_RELEASE,     /* the finalizer goes when nothing is left to take back */
                  PHASE_STATUS,
};

enum write_verb {
    WRITE_CREATE = 0,
    WRITE_PATCH,           /* JSON merge patch */
    WRITE_PATCH_STRATEGIC, /* strategic merge patch: of what belongs to somebody else */
    WRITE_PATCH_STATUS,
    WRITE_DELETE,
};

/* Reasons are the API: CamelCase, stable, in Events, conditions and drift[]. docs/reasons.md
 * explains each. */
enum reason {
    REASON_NONE = 0,
    REASON_POLICY_MISSING,     /* Audit: Enforce would create it */
    REASON_POLICY_DIFFERS,     /* Audit: Enforce would mend it */
    REASON_POLICY_EDITED,      /* Enforce: was changed by somebody else and put right */
    REASON_POLICY_DELETED,     /* Enforce: was deleted by somebody else and made again */
    REASON_NAME_TAKEN,         /* an object of that name belongs to somebody else */
    REASON_UNDONE,             /* a foreign policy allows everything */
    REASON_BACKEND_UNRESOLVED, /* the pods behind a webhook, APIService or conversion cannot be told
                                */
    REASON_DNS_UNRESOLVED,
    REASON_API_SERVER_UNRESOLVED,
    REASON_DENY_TAKEN_BACK, /* workloads turned unready after the default-deny came */
    REASON_WOULD_CUT_OFF,   /* Audit: what reaches the namespace now would not any more */
    REASON_DENY_KEPT,       /* so they did, and the profile says to keep it */
    REASON_RETAINED,        /* no profile selects the namespace any more; what was made stays */
    REASON_WRITE_FAILED,    /* the API server refused or did not answer */
    REASON_FORBIDDEN,       /* a right of Rampart's own is missing; the message names it */
    REASON_DELETE_BUDGET,   /* more deletions than a profile change explains: stopped */
    REASON_CONTESTED,       /* what is written does not stay: somebody undoes it again and again */
    REASON_OVERRIDDEN,      /* a profile of higher priority decides */
    REASON_INVALID_SPEC,
    REASON_RULE_FAILED,       /* an object fails a rule that its profile requires */
    REASON_RULE_ERROR,        /* it cannot be told whether an object keeps the rules */
    REASON_UNKNOWN_RULE,      /* a profile or an exception names a rule that does not exist */
    REASON_EXCEPTION_EXPIRES, /* a SecurityException will count no more in a few days */
    REASON_EXCEPTION_EXPIRED, /* it does not count any more */
    REASON_SCAN_FAILED,       /* Pods and Jobs could not be listed */
    REASON_WORKLOAD_SKIPPED,  /* a workload is not filled in, or not wholly; the message says why */
    REASON_REVERTED,          /* a fill did not come back and was taken back */
    REASON_STOOD_DOWN,        /* a user rolled a fill back: not again until the template changes */
    REASON_ROLLOUTS_PAUSED,   /* too many rollouts of a profile failed */
    REASON_LABEL_MISSING,     /* Audit: Enforce would fill in a label of the Namespace */
    REASON_LABEL_REMOVED,     /* Enforce: was removed by somebody else and put back */
    REASON_LABEL_STATED,      /* a label of the Namespace states less than the profile asks for */
    REASON_LABEL_WAITS,       /* it would have pods refused; the message says whose */
    REASON_LABEL_IMPOSED,     /* so it does, and the profile says to go on */
    REASON_COUNT,
};
const char *reason_name(enum reason reason); /* "PolicyEdited" */

struct object_ref {
    enum kind kind;
    const char *ns;
    const char *name;
    const char *uid; /* may be "" where it is not known */
};

struct finding {
    enum reason reason;
    bool is_warning;       /* Event type Warning; else Normal */
    bool counts_as_failed; /* the namespace is failing, not merely drifted */
    bool is_about_profile; /* its Event regards the profile (namespace default) and not the object:
                              Audit, say */
    struct object_ref object;
    const char *rule;    /* "network" */
    const char *message; /* says what, to which object, why, what to do; one line */
    const char *manager; /* who did it, where known; else NULL */
    const char *profile; /* whose rule it is; NULL for none */
    const char *once;    /* 16 hex digits that name its Event, so that a process that
                            comes after does not tell it again; NULL: each Event has a name of its
                            own */
};

struct write {
    enum write_verb verb;
    enum plan_phase phase;
    struct object_ref object; /* uid is the precondition of a patch or deletion */
    const char *rv;           /* precondition; NULL for a creation */
    const char *body; /* JSON: the object, the merge patch (with uid and rv in it), or NULL */
    const char
        *summary; /* for `rampart plan` and the log: "create NetworkPolicy rampart-allow-dns" */
    const char *profile; /* whose object it is, for the delete budget; NULL: nobody's */
    bool
        is_explained; /* a deletion outside the delete budget: a profile's own change explains it,
                         or, of a Pod, the revert that it blocks. That budget is for what is ours */
    const struct finding
        *after; /* Event once the write has succeeded (drift put right); NULL for none */
};

enum verdict_state {
    VERDICT_NONE = 0, /* no profile decides here */
    VERDICT_COMPLIANT,
    VERDICT_DRIFTED, /* Audit: differs from the profile; Enforce: writes are on their way */
    VERDICT_FAILED,  /* cannot be made compliant now; the findings say why */
};

/* What the pass says of its namespace. */
struct verdict {         /* one is kept of each namespace and section: it is small */
    const char *profile; /* who decides; NULL: nobody */
    enum mode mode;      /* of the deciding section */
    enum verdict_state state;
    const struct finding
        *findings; /* sorted by object, then reason; before them a write that failed */
    uint32_t findings_count;
    uint32_t findings_cut;
    const struct finding *contest; /* the runtime's: what is written does not stay; NULL: it does.
                                      Not among the findings */
    uint32_t in_place; /* the reconciler's note to its next pass (which of its objects stood),
                          opaque to the runtime */
};

struct plan {
    struct arena *arena;  /* borrowed; everything below lies in it */
    struct write *writes; /* sorted by phase, then object */
    size_t writes_count;
    struct finding *findings;
    size_t findings_count;
    size_t findings_cut;
    const char *profile; /* of the verdict */
    enum mode mode;
    enum verdict_state state;
    uint32_t in_place;    /* of the verdict */
    int64_t look_again_s; /* wall clock, when a pass over the namespace may find something else by
                             itself; 0: only on news */
    bool is_broken;       /* out of memory or over PLAN_WRITES_MAX while it was built */
};

void plan_init(struct plan *p, struct arena *a);
/*
 * Deep copies, texts and *after included: the plan outlives the cache and the caller's locals. NULL
 * when broken (plan_check tells), for a finding also when it was cut. The result may be changed
 * until the next call with the plan.
 */
struct write *plan_add_write(struct plan *p, const struct write *write);
struct finding *plan_add_finding(struct plan *p, const struct finding *finding);
void plan_sort(struct plan *p);
MUST_CHECK int plan_check(const struct plan *p,
                          struct err *err); /* -1 (ERR_NOMEM, ERR_LIMIT) when broken */

#endif
