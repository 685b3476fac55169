/*
 * The labels of Pod Security Admission on Namespaces
 * (https://kubernetes.io/docs/concepts/security/pod-security-admission/): their names and values,
 * and what the runtime (sync/manager.h) asks of the reconciler (reconcilers/pod_security.h).
 *
 * One namespace at a time: step() says what it needs next. Where that is to be read or asked of the
 * API server the runtime does so and calls it again with all that is known; a plan it carries out;
 * else it waits for news, or for a time. What was read is forgotten afterwards.
 */
#ifndef RAMPART_KUBE_POD_SECURITY_H
#define RAMPART_KUBE_POD_SECURITY_H

#include "rampart/kube/plan.h"
#include "rampart/kube/view.h"

#define PSA_LABELS_COUNT (2 * PSA_COUNT)
#define PSA_LEVEL_LABEL(mode_) (2 * (size_t)(mode_))       /* its place in psa_labels ... */
#define PSA_VERSION_LABEL(mode_) (2 * (size_t)(mode_) + 1) /* ... and that of its version */
#define PSA_VERSION_TEXT_MAX 16                            /* "v1.37", with its NUL */

/* "pod-security.kubernetes.io/enforce", ".../enforce-version", then warn, then audit. */
extern const char *const psa_labels[PSA_LABELS_COUNT];

const char *psa_level_name(uint8_t level); /* "baseline"; LEVEL_RESTRICTED or below */
/* As the API server reads the value of a label: what it does not know is restricted in enforce, and
 * privileged in warn and audit. NULL: the label is not there, privileged. */
uint8_t psa_level_of(enum psa_mode mode, const char *value);
void psa_version_text(uint16_t minor, char ret_text[PSA_VERSION_TEXT_MAX]); /* "v1.30", "latest" */
/* The same backwards; NULL and what is no version is the latest one, as for the API server. */
uint16_t psa_version_of(const char *value);

enum pod_security_want {
    POD_SECURITY_NOTHING = 0, /* until news, or plan.look_again_s */
    POD_SECURITY_OWNERS,      /* whose its labels are */
    POD_SECURITY_GATE,        /* what the API server says of the plan's write: a dry run of it */
    POD_SECURITY_VIOLATORS,   /* its Pods and Jobs */
    POD_SECURITY_WRITE,       /* the plan is to be carried out */
};

#define PSA_WARNING_LEN_MAX 2048 /* bytes of the API server's warnings that are kept */
#define PSA_VIOLATORS_BYTES_MAX \
    (16u * 1024 * 1024) /* of the arena of what violates in one namespace */

/* What was read for one pass over a namespace so far. */
struct pod_security_known {
    const char *owners_rv; /* resourceVersion of the namespace that @ours is about; NULL: unknown */
    uint8_t ours;          /* by place in psa_labels: nobody but Rampart states it */
    const char *gate_rv;   /* ... that was asked about; NULL: not asked */
    const char *warning;   /* of the API server; "" when it has none */
    const void *violators; /* of the builder below; NULL: not read */
};

struct pod_security_step {
    enum pod_security_want want;
    bool waits; /* the label waits for what nobody tells of (Pods are not watched): the runtime
                   comes back after a back-off */
};

struct pod_security_ops {
    /* One step. @plan is empty. ERR_NOMEM. What is returned lies in the plan's arena. */
    int (*step)(const struct view *v, const char *ns, const struct pod_security_known *known,
                struct plan *plan, struct pod_security_step *ret_step, struct err *err);
    /* What violates in @ns: begin, then each Pod and each Job of it, one at a time; then *ret_build
     * is what pod_security_known.violators wants. In @a. ERR_NOMEM. */
    int (*begin)(const struct view *v, const char *ns, struct arena *a, void **ret_build,
                 struct err *err);
    int (*take)(const struct view *v, void *build, const struct object *object, struct err *err);
};

#endif
