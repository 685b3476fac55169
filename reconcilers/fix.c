#include "rampart/reconcilers/fix.h"

#include "rampart/reconcilers/fill.h"

static void want(struct workloads_section *section, enum fill_field field)
{
    section->fill.run_as_non_root |= field == FILL_RUN_AS_NON_ROOT;
    section->fill.seccomp |= field == FILL_SECCOMP;
    section->fill.allow_privilege_escalation |= field == FILL_ALLOW_PRIVILEGE_ESCALATION;
    section->fill.drop_all |= field == FILL_DROP_CAPABILITIES;
    section->fill.read_only_root |= field == FILL_READ_ONLY_ROOT;
}

static bool asks_image(const struct pod_template *pod, const struct fill *fill)
{
    for (size_t i = 0; i < pod->containers_count; i++) {
        const struct container *container = &pod->containers[i];

        if (container->role != CONTAINER_EPHEMERAL && !container->security.has_run_as_user &&
            !pod->security.has_run_as_user &&
            (fill->pod_run_as_non_root || fill->containers[i].run_as_non_root))
            return true;
    }
    return false;
}

int fix_propose(const struct workload_facts *w, const struct rule_settings *settings,
                uint64_t failing, struct arena *a, struct fix *ret_fix, struct err *err)
{
    struct fix fix = {.yaml = "", .left = failing};
    struct workloads_section section = {.is_stated = true};
    struct pod_template mended;
    struct rule_input input = {.settings = settings, .pod = &mended};
    struct fill fill;

    for (uint64_t set = failing; set; set &= set - 1)
        want(&section, rules[__builtin_ctzll(set)]->fix);
    if (fill_propose(&w->pod, &section, a, &fill, err) < 0)
        return -1;
    if (fill.leaves_count > 0) {
        if (fill_apply(&w->pod, &fill, a, &mended, err) < 0 ||
            fill_yaml(w, &fill, a, &fix.yaml, err) < 0)
            return -1;
        for (uint64_t set = failing; set; set &= set - 1) {
            size_t i = (size_t)__builtin_ctzll(set);

            if (rule_ask(rules[i], &input).outcome != RULE_FAIL)
                fix.left &= ~(UINT64_C(1) << i);
        }
        fix.asks_image = asks_image(&w->pod, &fill);
    }
    *ret_fix = fix;
    return 0;
}
