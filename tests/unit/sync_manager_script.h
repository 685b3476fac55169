/* A reconciler that does what the test says, for the tests of sync/manager.h. Included by
 * sync_manager.h alone. */
#ifndef TESTS_UNIT_SYNC_MANAGER_SCRIPT_H
#define TESTS_UNIT_SYNC_MANAGER_SCRIPT_H

#include "sync_manager_api.h"

static inline void trace_pass(const char *what, const char *name)
{
    struct bench *b = bench_now;
    int len =
        snprintf(b->trace + b->trace_len, sizeof(b->trace) - b->trace_len, "%s/%s ", what, name);

    assert_true(len > 0 && (size_t)len < sizeof(b->trace) - b->trace_len);
    b->trace_len += (size_t)len;
}

static inline void script_map(const struct view *v, const struct object *before,
                              const struct object *after, const struct dirty *dirty)
{
    const struct object *any = after ? after : before;

    (void)v;
    if (bench_now->script.marks) {
        dirty->mark_namespace(dirty->ctx, bench_now->script.marks);
        dirty->mark_profile(dirty->ctx, bench_now->script.marks);
    }
    if (any->kind == KIND_NAMESPACE) {
        dirty->mark_namespace(dirty->ctx, any->name);
        dirty->mark_all_profiles(dirty->ctx);
    } else if (any->kind == KIND_NETWORK_POLICY) {
        dirty->mark_namespace(dirty->ctx, any->ns);
    } else if (any->kind == KIND_PROFILE) {
        if (before && after &&
            OBJECT_AS(profile, before)->generation == OBJECT_AS(profile, after)->generation) {
            dirty->mark_profile(dirty->ctx, any->name);
            return;
        }
        dirty->mark_all_namespaces(dirty->ctx);
        dirty->mark_all_profiles(dirty->ctx);
    }
}

static inline int script_fails(unsigned *times, struct err *err)
{
    if (*times == 0)
        return 0;
    --*times;
    return err_set(err, ERR_NOMEM, "the script says so");
}

static inline int script_write(struct plan *plan, enum write_verb verb, const char *ns,
                               const struct object *policy, const struct finding *after)
{
    char summary[256];
    struct write write = {
        .verb = verb,
        .object = {KIND_NETWORK_POLICY, ns, POLICY, policy ? policy->uid : ""},
        .rv = policy ? policy->rv : NULL,
        .body = verb == WRITE_DELETE ? NULL : "{}",
        .summary = summary,
        .profile = verb == WRITE_DELETE ? bench_now->script.profile : NULL,
        .is_explained = bench_now->script.is_explained,
        .after = after,
    };
    static const char *const verbs[] = {"create", "mend", "mend", "remove"};

    (void)snprintf(summary, sizeof(summary), "%s NetworkPolicy %s/%s", verbs[verb], ns, POLICY);
    return plan_add_write(plan, &write) ? 0 : plan_check(plan, NULL);
}

static inline int script_findings(struct plan *plan, const char *ns, struct err *err)
{
    const struct script *s = &bench_now->script;
    size_t times = s->says_times ? s->says_times : 1;

    for (size_t i = 0; s->says && i < times; i++) {
        char message[256];
        struct finding finding = {.reason = REASON_UNDONE,
                                  .is_warning = true,
                                  .counts_as_failed = s->counts_as_failed,
                                  .is_about_profile = s->is_about_profile,
                                  .object = {KIND_NAMESPACE, "", ns, ""},
                                  .rule = "network",
                                  .message = message,
                                  .profile = s->says_about ? s->says_about : s->profile};

        if (s->says_of)
            finding.object = *s->says_of;
        if (s->says_times)
            (void)snprintf(message, sizeof(message), "%s %zu", s->says, i);
        else
            (void)snprintf(message, sizeof(message), "%s", s->says);
        if (!plan_add_finding(plan, &finding) && plan_check(plan, err) < 0)
            return -1;
    }
    return 0;
}

static inline int script_plan_namespace(const struct view *v, const char *ns, struct plan *plan,
                                        struct err *err)
{
    const struct script *s = &bench_now->script;
    const struct object *policy = view_get(v, KIND_NETWORK_POLICY, ns, POLICY);
    const struct verdict *before = view_verdict(v, ns);
    struct finding again = {.reason = REASON_POLICY_DELETED,
                            .is_warning = true,
                            .object = {KIND_NETWORK_POLICY, ns, POLICY, ""},
                            .rule = "network",
                            .message = "was deleted and made again",
                            .profile = s->profile};
    struct finding undone = again;
    int result = 0;

    undone.reason = REASON_POLICY_EDITED;
    undone.message = "was edited and put back";
    undone.manager = s->rival;
    trace_pass("ns", ns);
    if (script_fails(&bench_now->script.plans_fail, err) < 0)
        return -1;
    if (!view_get(v, KIND_NAMESPACE, "", ns))
        return 0;
    plan->is_broken = s->is_broken;
    plan->profile = s->profile;
    plan->mode = s->mode;
    plan->state = s->profile ? VERDICT_COMPLIANT : VERDICT_NONE;
    plan->in_place = policy ? POLICY_BIT : 0;
    if (s->counts_as_failed)
        plan->state = VERDICT_FAILED;
    if (s->wants_policy && !policy)
        result = script_write(plan, WRITE_CREATE, ns, NULL,
                              before && (before->in_place & POLICY_BIT) ? &again : NULL);
    else if (s->mends_always && policy)
        result = script_write(plan, WRITE_PATCH, ns, policy, s->is_edited ? &undone : NULL);
    else if (s->removes && policy)
        result = script_write(plan, WRITE_DELETE, ns, policy, NULL);
    if (plan->writes_count > 0 && plan->state == VERDICT_COMPLIANT)
        plan->state = VERDICT_DRIFTED;
    if (result < 0 || script_findings(plan, ns, err) < 0)
        return plan_check(plan, err);
    return 0;
}

static inline int script_plan_profile(const struct view *v, const char *name, struct plan *plan,
                                      struct err *err)
{
    const struct profile *p = OBJECT_AS(profile, view_get(v, KIND_PROFILE, "", name));
    struct object_list namespaces;
    size_t compliant = 0, contested = 0;
    char status[64], body[128];
    struct write write = {.verb = WRITE_PATCH_STATUS, .phase = PHASE_STATUS, .body = body};

    trace_pass("profile", name);
    if (script_fails(&bench_now->script.profile_plans_fail, err) < 0)
        return -1;
    if (p && bench_now->script.writes_metadata) {
        bench_now->script.writes_metadata = false;
        write = (struct write){.verb = WRITE_PATCH, .body = "{}", .summary = "put a finalizer on"};
        write.object = (struct object_ref){KIND_PROFILE, "", name, p->object.uid};
        write.rv = p->object.rv;
        return plan_add_write(plan, &write) ? 0 : plan_check(plan, err);
    }
    if (!p || !bench_now->script.writes_status)
        return 0;
    if (view_list(v, KIND_NAMESPACE, NULL, plan->arena, &namespaces, err) < 0)
        return -1;
    for (size_t i = 0; i < namespaces.count; i++) {
        const struct verdict *verdict = view_verdict(v, namespaces.items[i]->name);
        compliant += verdict && verdict->state == VERDICT_COMPLIANT;
        contested += verdict && verdict->contest;
    }
    if (contested > 0)
        (void)snprintf(status, sizeof(status), "{\"compliant\":%zu,\"contested\":%zu}", compliant,
                       contested);
    else
        (void)snprintf(status, sizeof(status), "{\"compliant\":%zu}", compliant);
    if (strcmp(p->status, status) == 0)
        return 0;
    (void)snprintf(body, sizeof(body), "{\"status\":%s}", status);
    write.object = (struct object_ref){KIND_PROFILE, "", name, p->object.uid};
    write.rv = p->object.rv;
    write.summary = "update the status";
    return plan_add_write(plan, &write) ? 0 : plan_check(plan, err);
}

static const struct reconciler_ops script_ops = {
    .map = script_map,
    .plan_namespace = script_plan_namespace,
    .plan_profile = script_plan_profile,
};

/* How often the key was planned. */
static inline size_t passes(const struct bench *b, const char *key)
{
    const char *with_space = api_text("%s ", key);
    size_t count = 0;

    for (const char *at = b->trace; (at = strstr(at, with_space)) != NULL; at++)
        count += at == b->trace || at[-1] == ' ';
    return count;
}

#endif
