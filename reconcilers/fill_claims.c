/* What somebody states as null is his, as any other value is. */
#include <string.h>

#include "rampart/reconcilers/fill.h"

/* What each of them keeps from being filled in; the requests and limits have their flags. */
static const enum fill_field fill_of[CLAIM_COUNT] = {
    [CLAIM_RUN_AS_NON_ROOT] = FILL_RUN_AS_NON_ROOT,
    [CLAIM_RUN_AS_USER] = FILL_RUN_AS_NON_ROOT, /* where it is pinned, one does not go alone */
    [CLAIM_SECCOMP] = FILL_SECCOMP,
    [CLAIM_ALLOW_PRIVILEGE_ESCALATION] = FILL_ALLOW_PRIVILEGE_ESCALATION,
    [CLAIM_DROP_CAPABILITIES] = FILL_DROP_CAPABILITIES,
    [CLAIM_READ_ONLY_ROOT] = FILL_READ_ONLY_ROOT,
    [CLAIM_CPU_REQUEST] = FILL_RESOURCES,
    [CLAIM_MEMORY_REQUEST] = FILL_RESOURCES,
    [CLAIM_CPU_LIMIT] = FILL_RESOURCES,
    [CLAIM_MEMORY_LIMIT] = FILL_RESOURCES,
};

static uint64_t claimed(const struct claims *claims, const struct workloads_section *section,
                        enum claim_field field)
{
    if (field == CLAIM_RUN_AS_USER && !section->fill.pins_observed_user)
        return 0;
    return claims->of_pod[field] ? UINT64_MAX : claims->containers[field];
}

void fill_leave_claims(const struct workload_facts *w, const struct workloads_section *section,
                       const struct fill_exempt *exempt, struct fill_exempt *ret_exempt)
{
    struct fill_exempt all = {.fields = {0}};

    if (exempt)
        all = *exempt;
    for (int field = 0; w->claims && field < CLAIM_COUNT; field++) {
        uint64_t containers = claimed(w->claims, section, (enum claim_field)field);

        if (fill_of[field] == FILL_RESOURCES)
            all.resources[field - CLAIM_CPU_REQUEST] |= containers;
        else
            all.fields[fill_of[field]] |= containers;
    }
    *ret_exempt = all;
}

static bool is_of_container(const struct fill_container *c, enum claim_field field)
{
    switch (fill_of[field]) {
    case FILL_RUN_AS_NON_ROOT:
        return c->run_as_non_root;
    case FILL_SECCOMP:
        return c->seccomp;
    case FILL_ALLOW_PRIVILEGE_ESCALATION:
        return c->allow_privilege_escalation;
    case FILL_DROP_CAPABILITIES:
        return c->drop_all;
    case FILL_READ_ONLY_ROOT:
        return c->read_only_root;
    default:
        return c->resources >> (field - CLAIM_CPU_REQUEST) & 1;
    }
}

static bool is_wanted(const struct fill *fill, enum claim_field field, size_t container)
{
    return (fill_of[field] == FILL_RUN_AS_NON_ROOT && fill->pod_run_as_non_root) ||
           (fill_of[field] == FILL_SECCOMP && fill->pod_seccomp) ||
           is_of_container(&fill->containers[container], field);
}

static const char *text_of(const struct workload_facts *w, enum claim_field field, size_t container,
                           struct arena *a)
{
    const char *of = w->claims->of_pod[field]
                         ? "the pod"
                         : arena_printf(a, "container %s", w->pod.containers[container].name);

    return of ? arena_printf(a,
                             "%s of %s is stated as null by %s, and so it is left: take the line "
                             "out there, or state a value",
                             claim_field_name(field), of, w->claims->managers[field])
              : NULL;
}

int fill_claimed(const struct workload_facts *w, const struct workloads_section *section,
                 const struct fill_exempt *exempt, struct arena *a, const char **ret_text,
                 struct err *err)
{
    struct workloads_section all = *section;
    struct fill wanted;

    *ret_text = NULL;
    if (!w->claims)
        return 0;
    all.on_unknown = ON_UNKNOWN_TRY;
    if (fill_decide(&w->pod, &all, NULL, 0, exempt, a, &wanted, err) < 0)
        return -1;
    for (int field = 0; wanted.leaves_count && field < CLAIM_COUNT; field++) {
        uint64_t containers = claimed(w->claims, section, (enum claim_field)field);

        for (size_t i = 0; i < w->pod.containers_count; i++) {
            if (!(containers >> i & 1) || !is_wanted(&wanted, (enum claim_field)field, i))
                continue;
            *ret_text = text_of(w, (enum claim_field)field, i, a);
            return *ret_text ? 0 : err_nomem(err);
        }
    }
    return 0;
}
