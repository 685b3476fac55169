/*
 * What hardening fills into a pod template, how it is written, and how exactly that is taken back.
 * Pure: facts in, a strategic merge patch out. A value that is stated is never changed.
 *
 * A fill is a strategic merge patch with uid and resourceVersion as preconditions, the containers
 * in live order under $setElementOrder, the leaves that are unset and wanted, and two annotations:
 * the key on the template (ANNOTATION_FILL) and the mark on the workload (ANNOTATION_ROLLOUT). Not
 * server-side apply: that would co-own the container's list entry, and whoever removes the
 * container from Git later would be refused.
 *
 * What is left alone although it is unset, because the API server would refuse it or the container
 * could not do what its owner says that it does:
 * - allowPrivilegeEscalation: false beside privileged: true or an added CAP_SYS_ADMIN (422);
 * - drop: [ALL] in a privileged container, which is to have them all;
 * - runAsNonRoot where the user that counts is stated as 0;
 * - requests and limits of a resource of which the container states one: a limit below a stated
 *   request is refused, a request beside a stated limit lowers the one that the limit implies. All
 *   of them where the pod as a whole states some (Kubernetes 1.34+);
 * - everything but runAsNonRoot, requests and limits in a Windows pod (os.name), where the API
 *   server refuses it;
 * - ephemeral containers, which no template has.
 */
#ifndef RAMPART_RECONCILERS_FILL_H
#define RAMPART_RECONCILERS_FILL_H

#include "rampart/base/arena.h"
#include "rampart/json/build.h"
#include "rampart/kube/profile.h"
#include "rampart/kube/workload.h"
#include "rampart/reconcilers/rule.h"

#define FILL_RESOURCE_FLAGS_COUNT 4 /* HAS_CPU_REQUEST .. HAS_MEMORY_LIMIT */

/* What is known of one container of the running pods: does it run as root, as whom? Also of those
 * that no template has, since somebody injects them into the pods. */
enum user_evidence { USER_UNKNOWN = 0, USER_ROOT, USER_NON_ROOT };
struct container_evidence {
    const char *container;
    enum user_evidence user; /* of all pods that were looked at; one root makes it USER_ROOT */
    int64_t uid;             /* of USER_NON_ROOT when all pods agree, else -1 */
};

/* What SecurityExceptions leave to the owner: sets of containers by bit of pod->containers. Where
 * one of them is exempted, nothing is filled in at pod level, which would hold for it as well. */
struct fill_exempt {
    uint64_t fields[FILL_COUNT];                   /* but for FILL_RESOURCES */
    uint64_t resources[FILL_RESOURCE_FLAGS_COUNT]; /* by bit of enum resource_flag */
};

struct fill_container {
    bool run_as_non_root, seccomp, allow_privilege_escalation, drop_all, read_only_root;
    int64_t pinned_uid; /* goes into runAsUser; -1: none */
    uint8_t resources;  /* enum resource_flag: those to fill in */
};

struct fill {                 /* arena */
    bool pod_run_as_non_root; /* at pod level: only when it is unset everywhere */
    bool pod_seccomp;
    const struct fill_container *containers; /* one for each of pod->containers; NULL without */
    const char *cpu_request, *memory_request, *cpu_limit, *memory_limit; /* of the section */
    size_t leaves_count;                                                 /* 0: nothing to fill in */
    uint64_t skipped; /* bits of enum fill_field that are wanted and unset, and are left for want of
                         evidence (onUnknown Skip) */
    uint64_t would_break; /* bits of enum fill_field that the evidence speaks against */
};

/*
 * What to fill in. runAsNonRoot and seccompProfile go to the pod when they are unset everywhere and
 * all containers may have them, injected ones included; else to each container without an effective
 * value that may. Without a stated user runAsNonRoot asks the evidence: root is left alone
 * (would_break), unknown goes by onUnknown. pinObservedUser fills the observed uid in as well, for
 * the kubelet cannot verify an image that names its user. Nothing for a pod that is unreadable.
 * What is exempted is as if the section did not want it for these containers. @evidence NULL: none
 * was gathered; @exempt NULL: nothing is exempted. ERR_NOMEM.
 */
MUST_CHECK int fill_decide(const struct pod_template *pod, const struct workloads_section *section,
                           const struct container_evidence *evidence, size_t evidence_count,
                           const struct fill_exempt *exempt, struct arena *a, struct fill *ret_fill,
                           struct err *err);

/* The pod as it would be with the fill, in @a; what it does not touch is borrowed from @pod.
 * ERR_NOMEM. */
MUST_CHECK int fill_apply(const struct pod_template *pod, const struct fill *fill, struct arena *a,
                          struct pod_template *ret_pod, struct err *err);

/*
 * How many leaves that the section wants are unset once @fill is in the template (NULL: as it is),
 * whatever the running pods say, without those of @exempt (NULL: nothing). For the same section and
 * @exempt it grows only when somebody takes out what was stated. ERR_NOMEM.
 */
MUST_CHECK int fill_unset(const struct pod_template *pod, const struct workloads_section *section,
                          const struct fill *fill, const struct fill_exempt *exempt,
                          struct arena *a, size_t *ret_count, struct err *err);

/* @exempt (NULL: nothing), and what others state as null (kube/claims.h), in @ret_exempt. A claim
 * on the pod's own context is one on all of its containers. */
void fill_leave_claims(const struct workload_facts *w, const struct workloads_section *section,
                       const struct fill_exempt *exempt, struct fill_exempt *ret_exempt);
/* Which of what would be filled in but for the claims is claimed, the first of it and by whom, as
 * one line for people. *ret_text NULL: none. ERR_NOMEM. */
MUST_CHECK int fill_claimed(const struct workload_facts *w, const struct workloads_section *section,
                            const struct fill_exempt *exempt, struct arena *a,
                            const char **ret_text, struct err *err);

/*
 * What the owner would have to state in Git: what fill_decide() finds with nothing known of the
 * running pods and onUnknown Try, and besides that the values that are stated otherwise. Not
 * runAsNonRoot where the user is stated as 0: another user is for the owner to choose. To be
 * shown (fill_yaml()), never to be written. ERR_NOMEM.
 */
MUST_CHECK int fill_propose(const struct pod_template *pod, const struct workloads_section *section,
                            struct arena *a, struct fill *ret_fill, struct err *err);

/* "<digest of the template>.<hash of the fill>": equal for the same fill, values included, of the
 * same template. At most FILL_KEY_LEN_MAX bytes. ERR_NOMEM. */
MUST_CHECK int fill_key(const struct workload_facts *w, const struct fill *fill, struct arena *a,
                        const char **ret_key, struct err *err);
/* The patch; @mark is the text of ANNOTATION_ROLLOUT. Without leaves it sets the mark alone, and no
 * rollout begins; @key is not used then. ERR_NOMEM. */
MUST_CHECK int fill_patch(const struct workload_facts *w, const struct fill *fill, const char *key,
                          const char *mark, struct arena *a, const char **ret_patch,
                          struct err *err);
/* The YAML that the owner would merge in Git to state the same, for a finding: from "spec:" on, of
 * a workload or of a Pod, two spaces a level, each line with its newline. "" without leaves.
 * ERR_NOMEM. */
MUST_CHECK int fill_yaml(const struct workload_facts *w, const struct fill *fill, struct arena *a,
                         const char **ret_yaml, struct err *err);

#define FILL_TAKE_BACK_CONTAINERS_MAX 1024 /* of both lists together */

/*
 * Taking back: @root is the whole live object, read afresh, with managedFields. A leaf goes only if
 * it is in our Update entry, in no other manager's entry, not in last-applied-configuration, and
 * still a value that is filled in; a parent only if its "." is ours alone,
 * last-applied-configuration does not have it, and nothing remains under it. Another manager's
 * entry, or a last-applied-configuration, that cannot be read is taken to state everything.
 * @mark NULL removes ANNOTATION_ROLLOUT, else it is set to it. *ret_patch is NULL when nothing of
 * it is left to take back; the mark is not set then. @ret_kept counts leaves that others have
 * adopted. ERR_UNAVAILABLE: our annotations are there and our entry is gone from managedFields
 * (merged into ancient-changes): nothing can be told, trying again does not help. ERR_INVALID:
 * metadata, or a container without a name. ERR_LIMIT: FILL_TAKE_BACK_CONTAINERS_MAX. ERR_NOMEM.
 */
MUST_CHECK int fill_take_back(enum kind kind, const json_t *root, const char *mark, struct arena *a,
                              const char **ret_patch, size_t *ret_kept, struct err *err);

#endif
