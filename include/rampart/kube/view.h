/*
 * What a reconciler sees: sorted, read-only lists over the caches. The store fills it in
 * production, a test from files.
 */
#ifndef RAMPART_KUBE_VIEW_H
#define RAMPART_KUBE_VIEW_H

#include <stddef.h>

#include "rampart/base/arena.h"
#include "rampart/kube/object.h"
#include "rampart/kube/posture.h"

struct finding;      /* kube/plan.h */
struct verdict;      /* kube/plan.h */
struct harden_turns; /* kube/harden.h */

struct object_list {
    const struct object *const
        *items; /* sorted by object_order(); arena of the call, objects borrowed from the cache */
    size_t count;
};

/* What the last scan (sync/scan.h) found for one profile. */
struct scan_findings {
    struct posture_tally tally;
    const struct finding *const *drift; /* sorted by object; borrowed until the next scan ends */
    size_t drift_count;
    bool is_cut; /* there are more */
};

struct view_ops {
    /* @ns NULL: all namespaces. 0 or -1 (ERR_NOMEM). */
    int (*list)(const void *ctx, enum kind kind, const char *ns, struct arena *a,
                struct object_list *ret_list, struct err *err);
    const struct object *(*get)(const void *ctx, enum kind kind, const char *ns, const char *name);
    /* What the last pass said of a namespace; NULL before the first. */
    const struct verdict *(*verdict)(const void *ctx, const char *ns);
    /* The members from here on may be NULL: then there is nothing to tell. */
    /* The same of the pass over its Pod Security Admission labels. */
    const struct verdict *(*pod_security)(const void *ctx, const char *ns);
    /* The postures of all objects that @profile decides, but for those of the scan. */
    void (*tally)(const void *ctx, const char *profile, struct posture_tally *ret_tally);
    /* Which of them are POSTURE_DRIFTED or POSTURE_FAILED: the first @count_max by object_order(),
     * then kind; *ret_more: there are others. ERR_NOMEM. */
    int (*drifted)(const void *ctx, const char *profile, size_t count_max, struct arena *a,
                   const struct object *const **ret_objects, size_t *ret_count, bool *ret_more,
                   struct err *err);
    /* NULL: no scan has found anything for the profile. */
    const struct scan_findings *(*scanned)(const void *ctx, const char *profile);
    /* How far hardening is under the profile; NULL: nothing is known of it. */
    const struct harden_turns *(*hardening)(const void *ctx, const char *profile);
    /* What was last said of its workloads (harden_step.finding): the first @count_max by
     * object_order(), then kind; *ret_more: there are others. ERR_NOMEM. */
    int (*hardening_findings)(const void *ctx, const char *profile, size_t count_max,
                              struct arena *a, const struct finding *const **ret_findings,
                              size_t *ret_count, bool *ret_more, struct err *err);
    /* The name of an Ingress of @ns that leads to its Service @service, as far as is known; NULL:
     * none. Borrowed for the call. */
    const char *(*ingress_of)(const void *ctx, const char *ns, const char *service);
    /* Why the scan fails now, "" when it does not. */
    const char *(*scan_trouble)(const void *ctx);
};

struct view {
    const struct view_ops *ops;
    const void *ctx;
    const char *own_namespace; /* the operator's; never touched */
    int64_t wall_ms;           /* now, for lastTransitionTime */
};

static inline int view_list(const struct view *v, enum kind kind, const char *ns, struct arena *a,
                            struct object_list *ret_list, struct err *err)
{
    return v->ops->list(v->ctx, kind, ns, a, ret_list, err);
}

static inline const struct object *view_get(const struct view *v, enum kind kind, const char *ns,
                                            const char *name)
{
    return v->ops->get(v->ctx, kind, ns, name);
}

static inline const struct verdict *view_verdict(const struct view *v, const char *ns)
{
    return v->ops->verdict(v->ctx, ns);
}

static inline const struct verdict *view_pod_security(const struct view *v, const char *ns)
{
    return v->ops->pod_security ? v->ops->pod_security(v->ctx, ns) : NULL;
}

static inline void view_tally(const struct view *v, const char *profile,
                              struct posture_tally *ret_tally)
{
    *ret_tally = (struct posture_tally){.states = {0}};
    if (v->ops->tally)
        v->ops->tally(v->ctx, profile, ret_tally);
}

static inline int view_drifted(const struct view *v, const char *profile, size_t count_max,
                               struct arena *a, const struct object *const **ret_objects,
                               size_t *ret_count, bool *ret_more, struct err *err)
{
    *ret_count = 0;
    *ret_more = false;
    return v->ops->drifted ? v->ops->drifted(v->ctx, profile, count_max, a, ret_objects, ret_count,
                                             ret_more, err)
                           : 0;
}

static inline const struct scan_findings *view_scanned(const struct view *v, const char *profile)
{
    return v->ops->scanned ? v->ops->scanned(v->ctx, profile) : NULL;
}

static inline const struct harden_turns *view_hardening(const struct view *v, const char *profile)
{
    return v->ops->hardening ? v->ops->hardening(v->ctx, profile) : NULL;
}

static inline int view_hardening_findings(const struct view *v, const char *profile,
                                          size_t count_max, struct arena *a,
                                          const struct finding *const **ret_findings,
                                          size_t *ret_count, bool *ret_more, struct err *err)
{
    *ret_count = 0;
    *ret_more = false;
    return v->ops->hardening_findings
               ? v->ops->hardening_findings(v->ctx, profile, count_max, a, ret_findings, ret_count,
                                            ret_more, err)
               : 0;
}

static inline const char *view_ingress_of(const struct view *v, const char *ns, const char *service)
{
    return v->ops->ingress_of ? v->ops->ingress_of(v->ctx, ns, service) : NULL;
}

static inline const char *view_scan_trouble(const struct view *v)
{
    return v->ops->scan_trouble ? v->ops->scan_trouble(v->ctx) : "";
}

#endif
