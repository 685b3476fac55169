/*
 * securityContext of a pod or of a container, as facts: what is stated and what is not. Part of
 * kube/pod_template.h.
 */
#ifndef RAMPART_KUBE_SECURITY_CONTEXT_H
#define RAMPART_KUBE_SECURITY_CONTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"

#define POD_TEXT_MAX 1024 /* bytes of a text that is kept: a path, a capability, a SELinux type */
#define CAPABILITIES_MAX 256

enum stated { UNSET = 0, STATED_FALSE, STATED_TRUE };

enum confinement { /* of seccompProfile.type and appArmorProfile.type */
                   CONFINEMENT_UNSET = 0,
                   CONFINEMENT_RUNTIME_DEFAULT,
                   CONFINEMENT_LOCALHOST,
                   CONFINEMENT_UNCONFINED,
                   CONFINEMENT_OTHER, /* a word that is none of these, "" included */
};

enum proc_mount { PROC_MOUNT_UNSET = 0, PROC_MOUNT_DEFAULT, PROC_MOUNT_UNMASKED, PROC_MOUNT_OTHER };

struct se_linux { /* NULL: not stated; "" is as good as that, as the API has it */
    const char *type;
    const char *user;
    const char *role;
};

/* securityContext of the pod or of one container; members that only the other has stay UNSET. There
 * are at least two of these for every workload: 48 bytes, and what is yes or no takes one bit. */
struct security_context {
    uint8_t run_as_non_root;            /* enum stated, and so are the next ones */
    uint8_t privileged;                 /* container */
    uint8_t allow_privilege_escalation; /* container */
    uint8_t read_only_root_filesystem;  /* container */
    uint8_t host_process;               /* windowsOptions.hostProcess */
    uint8_t seccomp;                    /* enum confinement */
    uint8_t app_armor;                  /* enum confinement */
    uint8_t proc_mount;                 /* enum proc_mount; container */
    bool is_stated : 1;                 /* the object is there, if only as {} */
    bool has_run_as_user : 1;
    bool has_run_as_group : 1;
    bool has_capabilities : 1; /* capabilities is there, if only as {} */
    bool states_drop : 1;      /* capabilities.drop is there, if only as [] */
    bool has_drop : 1;         /* capabilities.drop names something */
    bool drops_all : 1;        /* it has exactly "ALL" */
    bool drops_net_raw : 1;    /* NET_RAW, or "ALL" */
    uint16_t add_count;        /* of @add */
    int64_t run_as_user;
    int64_t run_as_group;
    const struct se_linux *se_linux; /* NULL: none of the three is stated */
    const char **add;                /* capabilities.add, in order */
};

/*
 * Member "securityContext" of @obj, a PodSpec or a container; absent: nothing is stated. A word
 * that an enum does not know is kept as ..._OTHER. ERR_INVALID: a wrong type or more than the
 * limits, with the path from "securityContext" on. ERR_NOMEM.
 */
MUST_CHECK int security_context_decode(const json_t *obj, struct arena *a,
                                       struct security_context *ret_context, struct err *err);

/* Member @name of @obj as true, false or not stated. ERR_INVALID. */
MUST_CHECK int stated_decode(const json_t *obj, const char *name, uint8_t *ret_stated,
                             struct err *err);

#endif
