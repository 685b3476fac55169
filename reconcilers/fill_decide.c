#include <string.h>

#include "rampart/reconcilers/fill.h"

#define BIT(field) (UINT64_C(1) << (field))

struct decision {
    const struct pod_template *pod;
    const struct workloads_section *section;
    const struct container_evidence *evidence;
    size_t evidence_count;
    const struct fill_exempt *exempt;  /* NULL: nothing */
    struct fill_container *containers; /* one for each of the pod's */
    struct fill fill;
    bool may_contradict; /* a stated value counts as missing where it is not the wanted one */
};

/* The add list is the owner's word for what the API server calls the same as privileged. */
static bool adds_sys_admin(const struct security_context *security)
{
    for (size_t i = 0; i < security->add_count; i++) {
        if (strcmp(security->add[i], "CAP_SYS_ADMIN") == 0)
            return true;
    }
    return false;
}

static bool is_templated(const struct container *container)
{
    return container->role != CONTAINER_EPHEMERAL;
}

static enum stated opposite(uint8_t value)
{
    return value == UNSET ? UNSET : value == STATED_TRUE ? STATED_FALSE : STATED_TRUE;
}

static enum stated is_confined(uint8_t value)
{
    if (value == CONFINEMENT_UNSET)
        return UNSET;
    return value == CONFINEMENT_RUNTIME_DEFAULT || value == CONFINEMENT_LOCALHOST ? STATED_TRUE
                                                                                  : STATED_FALSE;
}

/* Whether a container that states @value below a pod that states @pod is to be given a true. */
static bool lacks(const struct decision *d, enum stated pod, enum stated value)
{
    if (d->may_contradict)
        return value == STATED_FALSE || (value == UNSET && pod != STATED_TRUE);
    return value == UNSET && pod == UNSET;
}

/* Whether the pod is to be given it, when no container speaks against that. */
static bool goes_to_pod(const struct decision *d, enum stated pod, bool is_unset_below)
{
    return (pod == UNSET && is_unset_below) || (d->may_contradict && pod == STATED_FALSE);
}

static bool is_exempt(const struct decision *d, enum fill_field field, size_t i)
{
    return d->exempt && (d->exempt->fields[field] >> i & 1);
}

static const struct container_evidence *evidence_of(const struct decision *d, const char *container)
{
    for (size_t i = 0; i < d->evidence_count; i++) {
        if (strcmp(d->evidence[i].container, container) == 0)
            return &d->evidence[i];
    }
    return NULL;
}

/* Whether the container runs with runAsNonRoot as far as is known; what speaks against it is noted.
 */
static bool may_be_non_root(struct decision *d, size_t i)
{
    const struct container *container = &d->pod->containers[i];
    const struct security_context *user =
        container->security.has_run_as_user ? &container->security : &d->pod->security;
    const struct container_evidence *known = evidence_of(d, container->name);
    enum user_evidence evidence = known ? known->user : USER_UNKNOWN;

    if (user->has_run_as_user)
        return user->run_as_user != 0;
    if (evidence == USER_ROOT) {
        d->fill.would_break |= BIT(FILL_RUN_AS_NON_ROOT);
        return false;
    }
    if (evidence == USER_UNKNOWN && d->section->on_unknown == ON_UNKNOWN_SKIP &&
        !d->may_contradict) {
        d->fill.skipped |= BIT(FILL_RUN_AS_NON_ROOT);
        return false;
    }
    if (evidence == USER_NON_ROOT && d->section->fill.pins_observed_user && known->uid > 0 &&
        !d->pod->is_windows)
        d->containers[i].pinned_uid = known->uid;
    return true;
}

/* What the pod states holds for containers, too, that somebody injects into it. */
static bool injected_may_be_non_root(const struct decision *d)
{
    for (size_t i = 0; i < d->evidence_count; i++) {
        const struct container_evidence *e = &d->evidence[i];
        bool is_known = false;

        for (size_t k = 0; k < d->pod->containers_count && !is_known; k++)
            is_known = strcmp(d->pod->containers[k].name, e->container) == 0;
        if (is_known || e->user == USER_NON_ROOT)
            continue;
        if (e->user == USER_ROOT || d->section->on_unknown == ON_UNKNOWN_SKIP)
            return false;
    }
    return true;
}

static void decide_non_root(struct decision *d)
{
    enum stated pod = d->pod->security.run_as_non_root;
    bool states_root = d->pod->security.has_run_as_user && d->pod->security.run_as_user == 0;
    bool is_unset_below = true, is_for_pod = !states_root && injected_may_be_non_root(d);

    for (size_t i = 0; i < d->pod->containers_count; i++) {
        const struct container *container = &d->pod->containers[i];
        enum stated value = container->security.run_as_non_root;

        if (!is_templated(container))
            continue;
        is_unset_below = is_unset_below && value == UNSET && !is_exempt(d, FILL_RUN_AS_NON_ROOT, i);
        if (!lacks(d, pod, value) || is_exempt(d, FILL_RUN_AS_NON_ROOT, i))
            continue;
        d->containers[i].run_as_non_root = may_be_non_root(d, i);
        is_for_pod = is_for_pod && d->containers[i].run_as_non_root;
    }
    if (!is_for_pod || !goes_to_pod(d, pod, is_unset_below))
        return;
    d->fill.pod_run_as_non_root = true;
    for (size_t i = 0; i < d->pod->containers_count; i++) {
        if (d->pod->containers[i].security.run_as_non_root == UNSET)
            d->containers[i].run_as_non_root = false;
    }
}

static void decide_seccomp(struct decision *d)
{
    enum stated pod = is_confined(d->pod->security.seccomp);
    bool is_unset_below = true;

    for (size_t i = 0; i < d->pod->containers_count; i++) {
        const struct container *container = &d->pod->containers[i];
        enum stated value = is_confined(container->security.seccomp);

        if (!is_templated(container))
            continue;
        is_unset_below = is_unset_below && value == UNSET && !is_exempt(d, FILL_SECCOMP, i);
        d->containers[i].seccomp = lacks(d, pod, value) && !is_exempt(d, FILL_SECCOMP, i);
    }
    if (!goes_to_pod(d, pod, is_unset_below))
        return;
    d->fill.pod_seccomp = true;
    for (size_t i = 0; i < d->pod->containers_count; i++) {
        if (d->pod->containers[i].security.seccomp == CONFINEMENT_UNSET)
            d->containers[i].seccomp = false;
    }
}

static void decide_linux(struct decision *d, size_t i)
{
    const struct security_context *security = &d->pod->containers[i].security;
    bool is_privileged = security->privileged == STATED_TRUE;

    d->containers[i].allow_privilege_escalation =
        d->section->fill.allow_privilege_escalation &&
        lacks(d, UNSET, opposite(security->allow_privilege_escalation)) && !is_privileged &&
        !adds_sys_admin(security) && !is_exempt(d, FILL_ALLOW_PRIVILEGE_ESCALATION, i);
    d->containers[i].drop_all =
        d->section->fill.drop_all && !is_privileged && !is_exempt(d, FILL_DROP_CAPABILITIES, i) &&
        (!security->states_drop || (d->may_contradict && !security->drops_all));
    d->containers[i].read_only_root = d->section->fill.read_only_root &&
                                      lacks(d, UNSET, security->read_only_root_filesystem) &&
                                      !is_exempt(d, FILL_READ_ONLY_ROOT, i);
}

static void decide_resources(struct decision *d, size_t i)
{
    uint8_t stated = d->pod->containers[i].resources;
    unsigned wanted = 0;

    if (d->pod->resources != 0)
        return;
    if (!(stated & (HAS_CPU_REQUEST | HAS_CPU_LIMIT)))
        wanted |=
            (d->fill.cpu_request ? HAS_CPU_REQUEST : 0u) | (d->fill.cpu_limit ? HAS_CPU_LIMIT : 0u);
    if (!(stated & (HAS_MEMORY_REQUEST | HAS_MEMORY_LIMIT)))
        wanted |= (d->fill.memory_request ? HAS_MEMORY_REQUEST : 0u) |
                  (d->fill.memory_limit ? HAS_MEMORY_LIMIT : 0u);
    for (size_t flag = 0; d->exempt && flag < FILL_RESOURCE_FLAGS_COUNT; flag++) {
        if (d->exempt->resources[flag] >> i & 1)
            wanted &= ~(1u << flag);
    }
    d->containers[i].resources = (uint8_t)wanted;
}

static size_t leaves_of(const struct fill_container *c)
{
    return (size_t)c->run_as_non_root + c->seccomp + c->allow_privilege_escalation + c->drop_all +
           c->read_only_root + (c->pinned_uid >= 0) +
           (size_t)__builtin_popcount((unsigned)c->resources);
}

static int decide(struct decision *d, struct arena *a, struct fill *ret_fill, struct err *err)
{
    const struct workloads_section *section = d->section;

    d->fill = (struct fill){
        .cpu_request = section->fill.cpu_request,
        .memory_request = section->fill.memory_request,
        .cpu_limit = section->fill.cpu_limit,
        .memory_limit = section->fill.memory_limit,
    };
    if (d->pod->unreadable || d->pod->containers_count == 0) {
        *ret_fill = d->fill;
        return 0;
    }
    d->containers = arena_calloc(a, d->pod->containers_count, sizeof(*d->containers));
    if (!d->containers)
        return err_nomem(err);
    for (size_t i = 0; i < d->pod->containers_count; i++)
        d->containers[i].pinned_uid = -1;
    if (section->fill.run_as_non_root)
        decide_non_root(d);
    if (section->fill.seccomp && !d->pod->is_windows)
        decide_seccomp(d);
    d->fill.leaves_count = (size_t)d->fill.pod_run_as_non_root + d->fill.pod_seccomp;
    for (size_t i = 0; i < d->pod->containers_count; i++) {
        if (!is_templated(&d->pod->containers[i]))
            continue;
        if (!d->pod->is_windows)
            decide_linux(d, i);
        decide_resources(d, i);
        d->fill.leaves_count += leaves_of(&d->containers[i]);
    }
    d->fill.containers = d->containers;
    *ret_fill = d->fill;
    return 0;
}

int fill_decide(const struct pod_template *pod, const struct workloads_section *section,
                const struct container_evidence *evidence, size_t evidence_count,
                const struct fill_exempt *exempt, struct arena *a, struct fill *ret_fill,
                struct err *err)
{
    struct decision d = {
        .pod = pod,
        .section = section,
        .evidence = evidence,
        .evidence_count = evidence_count,
        .exempt = exempt,
    };

    return decide(&d, a, ret_fill, err);
}

int fill_propose(const struct pod_template *pod, const struct workloads_section *section,
                 struct arena *a, struct fill *ret_fill, struct err *err)
{
    struct decision d = {.pod = pod, .section = section, .may_contradict = true};

    return decide(&d, a, ret_fill, err);
}

/* ---- What is left when it is filled in ---- */

static void fill_in(struct container *container, const struct fill_container *c)
{
    struct security_context *security = &container->security;

    if (c->run_as_non_root)
        security->run_as_non_root = STATED_TRUE;
    if (c->pinned_uid >= 0) {
        security->has_run_as_user = true;
        security->run_as_user = c->pinned_uid;
    }
    if (c->seccomp)
        security->seccomp = CONFINEMENT_RUNTIME_DEFAULT;
    if (c->allow_privilege_escalation)
        security->allow_privilege_escalation = STATED_FALSE;
    if (c->drop_all)
        security->has_capabilities = security->states_drop = security->has_drop =
            security->drops_all = security->drops_net_raw = true;
    if (c->read_only_root)
        security->read_only_root_filesystem = STATED_TRUE;
    container->resources |= c->resources;
}

int fill_apply(const struct pod_template *pod, const struct fill *fill, struct arena *a,
               struct pod_template *ret_pod, struct err *err)
{
    struct pod_template filled = *pod;
    struct container *containers;

    if (fill->leaves_count > 0) {
        containers = arena_calloc(a, pod->containers_count, sizeof(*containers));
        if (!containers)
            return err_nomem(err);
        for (size_t i = 0; i < pod->containers_count; i++) {
            containers[i] = pod->containers[i];
            fill_in(&containers[i], &fill->containers[i]);
        }
        filled.containers = containers;
        if (fill->pod_run_as_non_root)
            filled.security.run_as_non_root = STATED_TRUE;
        if (fill->pod_seccomp)
            filled.security.seccomp = CONFINEMENT_RUNTIME_DEFAULT;
    }
    *ret_pod = filled;
    return 0;
}

int fill_unset(const struct pod_template *pod, const struct workloads_section *section,
               const struct fill *fill, const struct fill_exempt *exempt, struct arena *a,
               size_t *ret_count, struct err *err)
{
    struct workloads_section all = *section;
    struct pod_template filled = *pod;
    struct decision d = {.pod = &filled, .section = &all, .exempt = exempt};
    struct fill left;

    all.on_unknown = ON_UNKNOWN_TRY;
    if ((fill && fill_apply(pod, fill, a, &filled, err) < 0) || decide(&d, a, &left, err) < 0)
        return -1;
    *ret_count = left.leaves_count;
    return 0;
}
