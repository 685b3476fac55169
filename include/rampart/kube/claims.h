/*
 * Fields of a pod template that somebody states as absent. Server-side apply of a null makes the
 * applier own a field that is not there (kubernetes.io/docs/reference/using-api/server-side-apply:
 * whatever is in the applied configuration is owned): who sets it takes it away from him, and our
 * own fence refuses that. Only of what hardening may fill in.
 */
#ifndef RAMPART_KUBE_CLAIMS_H
#define RAMPART_KUBE_CLAIMS_H

#include "rampart/kube/pod_template.h"

#define CLAIM_MANAGER_LEN_MAX 128 /* the API server's own limit */

enum claim_field {
    CLAIM_RUN_AS_NON_ROOT = 0,
    CLAIM_RUN_AS_USER,
    CLAIM_SECCOMP,
    CLAIM_ALLOW_PRIVILEGE_ESCALATION,
    CLAIM_DROP_CAPABILITIES,
    CLAIM_READ_ONLY_ROOT,
    CLAIM_CPU_REQUEST, /* these four in the order of enum resource_flag */
    CLAIM_MEMORY_REQUEST,
    CLAIM_CPU_LIMIT,
    CLAIM_MEMORY_LIMIT,
    CLAIM_COUNT,
};
const char *claim_field_name(enum claim_field field); /* "runAsNonRoot" */

struct claims {                        /* arena, texts as well */
    uint64_t containers[CLAIM_COUNT];  /* by bit of pod->containers */
    bool of_pod[CLAIM_COUNT];          /* of the pod's security context */
    const char *managers[CLAIM_COUNT]; /* who states it, the first of them; NULL: nobody */
};

/*
 * @managed is metadata.managedFields, @template the pod template as it is, @pod what was read of
 * it. Of CronJobs the fields of the template lie deeper. *ret_claims NULL: there are none. What
 * cannot be read claims nothing. ERR_NOMEM.
 */
MUST_CHECK int claims_decode(const json_t *managed, bool is_cron_job, const json_t *template,
                             const struct pod_template *pod, struct arena *a,
                             const struct claims **ret_claims, struct err *err);
/* Whether the same is claimed, by whomever. Both may be NULL. */
bool claims_equal(const struct claims *one, const struct claims *other);

#endif
