/*
 * What Rampart knows of a pod or of the pod template of a workload: the facts that rules ask for
 * (reconcilers/rule.h), small enough to be kept for every workload of a cluster. Facts, not
 * verdicts: what a profile makes of them may change without reading anything again.
 *
 * What is not stated is UNSET, and nothing is inherited here: rules know what a pod hands down to
 * its containers. Read from a PodSpec with its metadata (labels and annotations), so that a Pod, a
 * Job and a Deployment look alike.
 *
 * A spec that cannot be read is kept with @unreadable set: rules answer "error" for it, which is
 * never a pass. Limits: POD_CONTAINERS_MAX containers of all kinds, POD_TEXT_MAX bytes of a text;
 * beyond them it counts as unreadable.
 */
#ifndef RAMPART_KUBE_POD_TEMPLATE_H
#define RAMPART_KUBE_POD_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"
#include "rampart/kube/labels.h"
#include "rampart/kube/security_context.h"

#define POD_CONTAINERS_MAX 64 /* a rule's answer has one bit for each */
#define POD_VOLUMES_MAX 1024
#define POD_SYSCTLS_MAX 256
#define POD_APP_ARMOR_MAX 1024 /* annotations */
#define POD_ENV_MAX 4096       /* variables, ports and the like of one container */

enum container_role {
    CONTAINER_INIT = 0, /* initContainers without restartPolicy Always */
    CONTAINER_SIDECAR,  /* initContainers with restartPolicy Always */
    CONTAINER_MAIN,
    CONTAINER_EPHEMERAL,
};

enum resource_flag { /* of resources; also stated at pod level since 1.34 */
                     HAS_CPU_REQUEST = 1u << 0,
                     HAS_MEMORY_REQUEST = 1u << 1,
                     HAS_CPU_LIMIT = 1u << 2,
                     HAS_MEMORY_LIMIT = 1u << 3,
};

enum image_tag { IMAGE_TAG_OTHER = 0, IMAGE_TAG_LATEST, IMAGE_TAG_ABSENT /* as good as latest */ };

struct container {
    const char *name; /* "" where it is not stated */
    struct security_context security;
    uint8_t role;      /* enum container_role */
    uint8_t resources; /* enum resource_flag */
    uint8_t image_tag; /* enum image_tag */
    bool image_has_digest;
    bool has_liveness_probe;
    bool has_readiness_probe;
    bool has_startup_probe;
    int32_t host_port;      /* the first one that is not 0; 0: none */
    const char *probe_host; /* the first host that a probe or a lifecycle hook states; NULL: none */
    const char *secret_env; /* the first variable with a literal value whose name says that it is a
                               secret; NULL: none. The value is never kept. */
};

enum volume_kind {
    VOLUME_HOST_PATH = 0,
    VOLUME_OTHER, /* a type that the restricted standard does not let through, or none at all */
};

struct volume { /* only those that a rule may object to */
    const char *name;
    const char *path; /* of hostPath; "" for VOLUME_OTHER */
    uint8_t kind;     /* enum volume_kind */
};

struct app_armor_annotation { /* container.apparmor.security.beta.kubernetes.io/<container> */
    const char *container;
    const char *value;
};

struct pod_template {
    const char *unreadable; /* NULL: fine; else what is wrong, with its path: nothing else is set */
    struct security_context security;
    const struct container *containers; /* init and sidecars, main, ephemeral; each in order */
    const struct volume *volumes;
    const char **sysctls; /* names, in order */
    const struct app_armor_annotation *app_armor;
    uint16_t containers_count; /* 16 bits each: there is one of these for every workload */
    uint16_t volumes_count;
    uint16_t sysctls_count;
    uint16_t app_armor_count;
    struct labels labels;        /* of the template */
    const char *service_account; /* NULL: not stated, which means "default" */
    uint8_t automount_token;     /* enum stated, and so are the next ones */
    uint8_t host_network;
    uint8_t host_pid;
    uint8_t host_ipc;
    uint8_t host_users;
    uint8_t resources; /* enum resource_flag, of the pod as a whole */
    bool is_windows;   /* os.name: windows */
    bool has_runtime_class;
    bool has_placement; /* nodeSelector, or a required node affinity */
};

/*
 * @metadata may be NULL; @spec is the PodSpec. Allocates in @a, in the same order for the same
 * input. A wrong type, or more than the limits, sets @unreadable and is no error. ERR_NOMEM.
 */
MUST_CHECK int pod_template_decode(const json_t *metadata, const json_t *spec, struct arena *a,
                                   struct pod_template *ret_pod, struct err *err);

#endif
