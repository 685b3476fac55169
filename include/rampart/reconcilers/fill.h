/*
 * What hardening fills into a pod template, how it is written, and how exactly that is taken back.
 * Pure: facts in, a strategic merge patch out. A value that is stated is never changed.
 *
 * A fill is a strategic merge patch with uid and resourceVersion as preconditions, the containers
 * in live order under $setElementOrder, the leaves that are unset and wanted, and two annotations:
 * the key on the template (ANNOTATION_FILL) and the mark on the workload (ANNOTATION_ROLLOUT). Not
 * server-side apply: that would co-own the container's list entry, and whoever removes the
 * container from Git later would be refused.
 */
#ifndef RAMPART_RECONCILERS_FILL_H
#define RAMPART_RECONCILERS_FILL_H

#include "rampart/base/arena.h"
#include "rampart/json/build.h"
#include "rampart/kube/profile.h"
#include "rampart/kube/workload.h"
#include "rampart/reconcilers/rule.h"

/* What is known of one container of the running pods: does it run as root, as whom? */
enum user_evidence { USER_UNKNOWN = 0, USER_ROOT, USER_NON_ROOT };
struct container_evidence {
    const char *container;
    enum user_evidence user; /* of all pods that were looked at; one root makes it USER_ROOT */
    int64_t uid;             /* of USER_NON_ROOT when all pods agree, else -1 */
};

struct fill_container {
    bool run_as_non_root, seccomp, allow_privilege_escalation, drop_all, read_only_root;
    int64_t pinned_uid; /* -1: none */
    uint8_t resources;  /* enum resource_flag: those to fill in */
};

struct fill {                 /* arena */
    bool pod_run_as_non_root; /* at pod level: only when it is unset everywhere */
    bool pod_seccomp;
    const struct fill_container *containers; /* one for each of pod->containers */
    size_t leaves_count;                     /* 0: nothing to fill in */
    uint64_t skipped; /* bits of enum fill_field that are wanted and unset, and are left for want of
                         evidence (onUnknown Skip) */
    uint64_t would_break; /* bits of enum fill_field that the evidence speaks against */
};

/* @evidence NULL: none was gathered. ERR_NOMEM. */
MUST_CHECK int fill_decide(const struct pod_template *pod, const struct workloads_section *section,
                           const struct container_evidence *evidence, size_t evidence_count,
                           struct arena *a, struct fill *ret_fill, struct err *err);

/* "<digest of the template>.<hash of the fill>": equal for the same fill of the same template. */
MUST_CHECK int fill_key(const struct workload_facts *w, const struct fill *fill, struct arena *a,
                        const char **ret_key, struct err *err);
/* The patch; @mark is the text of ANNOTATION_ROLLOUT. */
MUST_CHECK int fill_patch(const struct workload_facts *w, const struct fill *fill,
                          const struct workloads_section *section, const char *key,
                          const char *mark, struct arena *a, const char **ret_patch,
                          struct err *err);
/* The YAML that the owner would merge in Git to state the same, for a finding. */
MUST_CHECK int fill_yaml(const struct workload_facts *w, const struct fill *fill, struct arena *a,
                         const char **ret_yaml, struct err *err);

/*
 * Taking back: @root is the whole live object, read afresh, with managedFields. A leaf goes only if
 * it is in our Update entry, in no other manager's entry, not in last-applied-configuration, and
 * still the value that was filled in; a parent only if its "." is ours and nothing remains under
 * it.
 * @mark NULL removes ANNOTATION_ROLLOUT, else it is set to it. *ret_patch is NULL when nothing of
 * it is left to take back. @ret_kept counts leaves that others have adopted. ERR_UNAVAILABLE: our
 * entry is gone from managedFields (merged into ancient-changes): nothing can be told.
 */
MUST_CHECK int fill_take_back(enum kind kind, const json_t *root, const char *mark, struct arena *a,
                              const char **ret_patch, size_t *ret_kept, struct err *err);

#endif
