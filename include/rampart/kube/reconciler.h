/*
 * What the runtime asks of the reconcilers. reconcilers/registry.h fills it in; the runtime
 * (sync/manager.h) never names a reconciler, so a new one touches its own file and the registry.
 */
#ifndef RAMPART_KUBE_RECONCILER_H
#define RAMPART_KUBE_RECONCILER_H

#include "rampart/kube/harden.h"
#include "rampart/kube/plan.h"
#include "rampart/kube/pod_security.h"
#include "rampart/kube/posture.h"
#include "rampart/kube/view.h"

/* What is dirty after an event. */
struct dirty {
    void (*mark_namespace)(void *ctx, const char *ns);
    void (*mark_all_namespaces)(void *ctx);
    void (*mark_profile)(void *ctx, const char *profile); /* its status or finalizer */
    void (*mark_all_profiles)(void *ctx);
    void (*mark_object)(void *ctx, enum kind kind, const char *ns,
                        const char *name); /* is evaluated again */
    /* All objects of the namespace that rules are about; NULL: of all namespaces. */
    void (*mark_objects)(void *ctx, const char *ns);
    void (*mark_exception)(void *ctx, const char *ns, const char *name);
    /* The hardening of one workload is looked at again. */
    void (*mark_workload)(void *ctx, enum kind kind, const char *ns, const char *name);
    /* ... of all workloads of the namespace; NULL: of all namespaces, and nothing new is begun
     * before each of them was looked at. What a profile's edit calls for. */
    void (*mark_workloads)(void *ctx, const char *ns);
    /* The Pod Security Admission labels of the namespace are looked at again; NULL: of all. */
    void (*mark_pod_security)(void *ctx, const char *ns);
    void (*mark_scan)(void *ctx); /* what the last scan found may be otherwise by now */
    void *ctx;
};

struct reconciler_ops {
    /* @before NULL: added; @after NULL: deleted. Both borrowed for the call; the view already shows
     * @after. */
    void (*map)(const struct view *v, const struct object *before, const struct object *after,
                const struct dirty *dirty);
    /* One pass over a namespace. A namespace that is gone gives an empty plan with VERDICT_NONE. */
    int (*plan_namespace)(const struct view *v, const char *ns, struct plan *plan, struct err *err);
    /* One pass over a profile: finalizer, conditions, status. The status write is PHASE_STATUS. */
    int (*plan_profile)(const struct view *v, const char *profile, struct plan *plan,
                        struct err *err);
    /* The kinds that evaluate() is asked about, of those that are watched. */
    const enum kind *evaluated;
    size_t evaluated_count;
    /*
     * What the rules say of one object: of the caches, or one that a scan came by. An object that
     * somebody else answers for (a Pod of a Deployment) gives POSTURE_NONE. Allocates in @a.
     * ERR_NOMEM.
     */
    int (*evaluate)(const struct view *v, const struct object *object, struct arena *a,
                    struct posture *ret_posture, struct err *err);
    /*
     * The posture's drift, one finding a rule, in the rules' order: the first @count_max of them.
     * In @a, *ret_count of posture.drift. ERR_NOMEM.
     */
    int (*explain)(const struct view *v, const struct object *object, const struct posture *posture,
                   size_t count_max, struct arena *a, struct finding **ret_findings,
                   size_t *ret_count, struct err *err);
    /* An exception: findings about it alone, no writes. @ret_look_again_s: wall clock, when it will
     * say something else by itself; INT64_MAX: never. */
    int (*plan_exception)(const struct view *v, const char *ns, const char *name, struct plan *plan,
                          int64_t *ret_look_again_s, struct err *err);
    const struct harden_ops *harden;             /* NULL: nothing is hardened */
    const struct pod_security_ops *pod_security; /* NULL: Namespaces are never labelled */
};

#endif
