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
    if (any->kind == KIND_SERVICE) {
        dirty->mark_object(dirty->ctx, any->kind, any->ns, any->name);
    } else if (any->kind == KIND_EXCEPTION) {
        dirty->mark_exception(dirty->ctx, any->ns, any->name);
        dirty->mark_objects(dirty->ctx, any->ns);
    } else if (any->kind == KIND_NAMESPACE) {
        dirty->mark_objects(dirty->ctx, any->name);
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
        dirty->mark_objects(dirty->ctx, NULL);
        dirty->mark_scan(dirty->ctx);
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
    static const char *const verbs[] = {"create", "mend", "mend", "mend", "remove"};

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
    if (view_ingress_of(v, ns, "web"))
        trace_pass("ingress", view_ingress_of(v, ns, "web"));
    if (script_fails(&bench_now->script.plans_fail, err) < 0)
        return -1;
    if (!view_get(v, KIND_NAMESPACE, "", ns))
        return 0;
    plan->is_broken = s->is_broken;
    plan->profile = s->profile;
    plan->mode = s->mode;
    plan->look_again_s = s->ns_look_again_s;
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

static inline bool starts(const char *text, const char *part)
{
    return strncmp(text, part, strlen(part)) == 0;
}

static inline int script_evaluate(const struct view *v, const struct object *object,
                                  struct arena *a, struct posture *ret_posture, struct err *err)
{
    struct posture p = {.profile = bench_now->script.decides, .is_workload = true};

    (void)v;
    (void)a;
    if (script_fails(&bench_now->script.evaluations_fail, err) < 0)
        return -1;
    trace_pass("object", object->name);
    if (starts(object->name, "bad") && !bench_now->script.is_mended)
        p.failing = p.drift = 2, p.state = POSTURE_DRIFTED;
    else if (starts(object->name, "odd"))
        p.error = p.drift = 2, p.state = POSTURE_FAILED;
    else if (starts(object->name, "excused"))
        p.exempt = 2, p.state = POSTURE_EXEMPT;
    else
        p.passing = 2, p.state = POSTURE_COMPLIANT;
    *ret_posture = p.profile ? p : (struct posture){.state = POSTURE_NONE};
    return 0;
}

static inline int script_explain(const struct view *v, const struct object *object,
                                 const struct posture *posture, size_t count_max, struct arena *a,
                                 struct finding **ret_findings, size_t *ret_count, struct err *err)
{
    struct finding *finding = arena_calloc(a, 2, sizeof(*finding));

    (void)v;
    if (!finding || script_fails(&bench_now->script.explanations_fail, err) < 0)
        return err_nomem(err);
    assert_true(count_max >= 2);
    for (size_t i = 0; i < 2; i++)
        finding[i] = (struct finding){
            .reason = REASON_RULE_FAILED,
            .is_warning = true,
            .object = {object->kind, object->ns, object->name, object->uid},
            .rule = i == 0 ? "first-rule" : "second-rule",
            .message = i == 0 ? "this is wrong" : "and that",
            .profile = posture->profile,
        };
    *ret_findings = finding;
    *ret_count = 2;
    return 0;
}

static inline int script_plan_exception(const struct view *v, const char *ns, const char *name,
                                        struct plan *plan, int64_t *ret_look_again_s,
                                        struct err *err)
{
    const struct script *s = &bench_now->script;
    const struct finding finding = {.reason = REASON_EXCEPTION_EXPIRES,
                                    .is_warning = true,
                                    .object = {KIND_EXCEPTION, ns, name, ""},
                                    .rule = "exception",
                                    .message = s->says_of_exceptions};

    trace_pass("exception", name);
    *ret_look_again_s = s->look_again_s ? s->look_again_s : INT64_MAX;
    if (script_fails(&bench_now->script.plans_fail, err) < 0)
        return -1;
    if (s->says_of_exceptions && view_get(v, KIND_EXCEPTION, ns, name))
        (void)plan_add_finding(plan, &finding);
    return plan_check(plan, err);
}

/* What the view tells of the objects that the profile decides, as a status has it. */
static inline int script_postures(const struct view *v, const char *name, struct arena *a,
                                  char *ret_text, size_t len_max, struct err *err)
{
    const struct scan_findings *scanned = view_scanned(v, name);
    const struct object *const *objects;
    struct posture_tally t;
    size_t count;
    bool has_more;

    view_tally(v, name, &t);
    if (view_drifted(v, name, 2, a, &objects, &count, &has_more, err) < 0)
        return -1;
    (void)snprintf(ret_text, len_max,
                   "{\"first\":\"%s%s\",\"objects\":\"%u %u %u %u\",\"scan\":\"%u/%zu%s%s\"}",
                   count > 0 ? objects[0]->name : "", has_more ? "+" : "",
                   t.states[POSTURE_COMPLIANT], t.states[POSTURE_EXEMPT], t.states[POSTURE_DRIFTED],
                   t.states[POSTURE_FAILED], scanned ? scanned->tally.states[POSTURE_DRIFTED] : 0,
                   scanned ? scanned->drift_count : 0, scanned && scanned->is_cut ? "+" : "",
                   *view_scan_trouble(v) ? " failed" : "");
    return 0;
}

static inline int script_plan_profile(const struct view *v, const char *name, struct plan *plan,
                                      struct err *err)
{
    const struct profile *p = OBJECT_AS(profile, view_get(v, KIND_PROFILE, "", name));
    struct object_list namespaces;
    size_t compliant = 0, contested = 0;
    char status[128], body[192];
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
    if (bench_now->script.decides) {
        if (script_postures(v, name, plan->arena, status, sizeof(status), err) < 0)
            return -1;
    } else if (contested > 0)
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

static const enum kind script_evaluated[] = {KIND_SERVICE};

static const struct reconciler_ops script_ops = {
    .map = script_map,
    .plan_namespace = script_plan_namespace,
    .plan_profile = script_plan_profile,
    .evaluated = script_evaluated,
    .evaluated_count = 1,
    .evaluate = script_evaluate,
    .explain = script_explain,
    .plan_exception = script_plan_exception,
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
