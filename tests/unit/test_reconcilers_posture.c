/* What the rules say of one object under the profile that decides, and how a status tells it. */
#include "reconcilers_posture.h"

static struct posture evaluate(enum kind kind, const char *ns, const char *name)
{
    const struct object *object = view_get(&world.view, kind, ns, name);
    struct posture posture;
    struct err err = {0};

    assert_non_null(object);
    if (posture_evaluate(&world.view, object, &arena, &posture, &err) < 0)
        fail_msg("%s", err.msg);
    return posture;
}

static struct posture of_deployment(const char *name)
{
    return evaluate(KIND_DEPLOYMENT, "shop", name);
}

static uint64_t bit(const char *id)
{
    const struct rule *rule = rule_find(id);

    assert_non_null(rule);
    return UINT64_C(1) << rule_index(rule);
}

static void test_posture_is_held_to_the_level_of_the_profile_that_decides(void **state)
{
    struct posture posture;

    (void)state;
    begin(",'workloads':{'level':'restricted'}");
    put_workload(KIND_DEPLOYMENT, "good", RESTRICTED);
    put_workload(KIND_STATEFUL_SET, "bad", PRIVILEGED);
    put_workload(KIND_DAEMON_SET, "bad", PRIVILEGED);
    put_cron_job("bad", PRIVILEGED);
    posture = of_deployment("good");
    assert_int_equal(posture.state, POSTURE_COMPLIANT);
    assert_string_equal(posture.profile, "p");
    assert_true(posture.is_workload);
    assert_true(posture.failing != 0); /* rules beyond its level are reported and no drift */
    assert_true(posture.drift == 0);
    posture = evaluate(KIND_STATEFUL_SET, "shop", "bad");
    assert_int_equal(posture.state, POSTURE_DRIFTED);
    assert_true(posture.drift & bit("privileged"));
    assert_true(posture.drift & bit("run-as-non-root"));
    assert_int_equal(evaluate(KIND_DAEMON_SET, "shop", "bad").state, POSTURE_DRIFTED);
    assert_int_equal(evaluate(KIND_CRON_JOB, "shop", "bad").state, POSTURE_DRIFTED);
}

static void test_posture_sets_are_disjoint(void **state)
{
    struct posture p;

    (void)state;
    begin(",'workloads':{'level':'baseline'}");
    put_workload(KIND_DEPLOYMENT, "bad", PRIVILEGED);
    p = of_deployment("bad");
    assert_true((p.passing & p.failing) == 0 && (p.passing & p.error) == 0);
    assert_true((p.passing & p.exempt) == 0 && (p.failing & p.exempt) == 0);
    assert_true((p.drift & ~(p.failing | p.error)) == 0);
}

static void test_posture_follows_what_the_profile_says_of_a_rule(void **state)
{
    struct posture posture;

    (void)state;
    begin(",'workloads':{'level':'baseline','rules':["
          "{'id':'privileged','mode':'Report'},{'id':'image-digest','mode':'Require'},"
          "{'id':'cpu-limit','mode':'Off'}]}");
    put_workload(KIND_DEPLOYMENT, "web", PRIVILEGED);
    posture = of_deployment("web");
    assert_int_equal(posture.state, POSTURE_DRIFTED);
    assert_true(posture.failing & bit("privileged"));
    assert_true(posture.drift == bit("image-digest"));
    assert_false((posture.failing | posture.passing) & bit("cpu-limit"));
}

static void test_posture_of_what_nobody_decides_is_none(void **state)
{
    (void)state;
    put_namespace("shop", "'team':'other'");
    put_profile("p", "", ",'workloads':{}", "");
    put_workload(KIND_DEPLOYMENT, "web", PRIVILEGED);
    assert_int_equal(of_deployment("web").state, POSTURE_NONE);
    put_namespace("shop", "'team':'shop'");
    assert_int_equal(of_deployment("web").state, POSTURE_DRIFTED);
    put_profile("p", "", ",'network':{}", "");
    assert_int_equal(of_deployment("web").state, POSTURE_NONE);
    put_profile("p", "", ",'workloads':{'mode':'Off'}", "");
    assert_int_equal(of_deployment("web").state, POSTURE_NONE);
    put_profile("p", "", ",'workloads':{}", "");
    world_remove(&world, KIND_NAMESPACE, "", "shop");
    assert_int_equal(of_deployment("web").state, POSTURE_NONE);
}

static void test_posture_is_decided_by_the_profile_of_the_highest_priority_in_any_mode(void **state)
{
    (void)state;
    begin(",'mode':'Enforce','workloads':{'level':'restricted'}");
    put_profile("q", "", ",'priority':7,'mode':'Audit','workloads':{'level':'privileged'}", "");
    put_workload(KIND_DEPLOYMENT, "web", PRIVILEGED);
    assert_string_equal(of_deployment("web").profile, "q");
    assert_int_equal(of_deployment("web").state, POSTURE_COMPLIANT);
}

static void test_posture_that_cannot_be_told_is_never_compliant(void **state)
{
    struct posture posture;

    (void)state;
    begin(",'workloads':{'level':'privileged'}");
    put_workload(KIND_DEPLOYMENT, "odd", "'containers':7");
    posture = of_deployment("odd");
    assert_int_equal(posture.state, POSTURE_FAILED);
    assert_true(posture.error & bit("privileged"));
    assert_true(posture.passing == 0);
}

static void test_posture_is_exempt_when_every_required_failure_is(void **state)
{
    struct posture posture;

    (void)state;
    begin(",'workloads':{'level':'baseline'}");
    put_workload(KIND_DEPLOYMENT, "web", PRIVILEGED);
    put_exception("e", "'rules':['privileged'],'names':['web']");
    posture = of_deployment("web");
    assert_int_equal(posture.state, POSTURE_EXEMPT);
    assert_true(posture.exempt & bit("privileged"));
    put_workload(KIND_DEPLOYMENT, "web", "'hostNetwork':true," PRIVILEGED);
    assert_int_equal(of_deployment("web").state, POSTURE_DRIFTED);
}

static void test_posture_counts_again_what_an_exception_no_longer_exempts(void **state)
{
    (void)state;
    begin(",'workloads':{'level':'baseline'}");
    put_workload(KIND_DEPLOYMENT, "web", PRIVILEGED);
    put_exception("e", "'rules':['privileged'],'names':['web'],'expiresAt':'" NOW "'");
    assert_int_equal(of_deployment("web").state, POSTURE_DRIFTED);
    world.view.wall_ms -= 1000;
    assert_int_equal(of_deployment("web").state, POSTURE_EXEMPT);
}

static void test_posture_of_a_service_and_of_a_namespace_is_no_workload(void **state)
{
    struct posture posture;

    (void)state;
    begin(",'workloads':{'rules':[{'id':'service-load-balancer','mode':'Require'},"
          "{'id':'namespace-pod-security','mode':'Require'}]}");
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'lb','namespace':'shop'},'spec':{'type':'LoadBalancer'}}");
    posture = evaluate(KIND_SERVICE, "shop", "lb");
    assert_int_equal(posture.state, POSTURE_DRIFTED);
    assert_false(posture.is_workload);
    assert_true(posture.drift == bit("service-load-balancer"));
    posture = evaluate(KIND_NAMESPACE, "", "shop");
    assert_int_equal(posture.state, POSTURE_DRIFTED);
    assert_true(posture.drift == bit("namespace-pod-security"));
}

/* ---- Who answers for what a scan comes by ---- */

static enum posture_state state_of_scanned(enum kind kind, const char *owner_kind,
                                           const char *owner_name)
{
    struct workload_facts w = {.object = {kind, false, false, "shop", "one", "u", "1"},
                               .owner_kind = owner_kind,
                               .owner_name = owner_name};
    struct posture posture;

    assert_int_equal(posture_evaluate(&world.view, &w.object, &arena, &posture, NULL), 0);
    return posture.state;
}

static void test_posture_of_a_scanned_object_is_its_owners_where_that_is_evaluated(void **state)
{
    (void)state;
    begin(",'workloads':{'level':'privileged'}");
    put_workload(KIND_DEPLOYMENT, "web", RESTRICTED);
    put_workload(KIND_STATEFUL_SET, "db", RESTRICTED);
    put_workload(KIND_DAEMON_SET, "log", RESTRICTED);
    put_cron_job("nightly", RESTRICTED);
    assert_int_equal(state_of_scanned(KIND_POD, "ReplicaSet", "web-5f6"), POSTURE_NONE);
    assert_int_equal(state_of_scanned(KIND_POD, "StatefulSet", "db"), POSTURE_NONE);
    assert_int_equal(state_of_scanned(KIND_POD, "DaemonSet", "log"), POSTURE_NONE);
    assert_int_equal(state_of_scanned(KIND_POD, "Job", "any"), POSTURE_NONE);
    assert_int_equal(state_of_scanned(KIND_JOB, "CronJob", "nightly"), POSTURE_NONE);
    assert_int_equal(state_of_scanned(KIND_POD, "", ""), POSTURE_COMPLIANT);
    assert_int_equal(state_of_scanned(KIND_POD, "Node", "n"), POSTURE_COMPLIANT);
    assert_int_equal(state_of_scanned(KIND_POD, "ReplicaSet", "rollout-5f6"), POSTURE_COMPLIANT);
    assert_int_equal(state_of_scanned(KIND_POD, "ReplicaSet", "bare"), POSTURE_COMPLIANT);
    assert_int_equal(state_of_scanned(KIND_POD, "StatefulSet", "kruise"), POSTURE_COMPLIANT);
    assert_int_equal(state_of_scanned(KIND_POD, "DaemonSet", "kruise"), POSTURE_COMPLIANT);
    assert_int_equal(state_of_scanned(KIND_JOB, "", ""), POSTURE_COMPLIANT);
    assert_int_equal(state_of_scanned(KIND_JOB, "CronJob", "gone"), POSTURE_COMPLIANT);
    assert_int_equal(state_of_scanned(KIND_JOB, "Workflow", "w"), POSTURE_COMPLIANT);
}

/* ---- In words ---- */

static void test_posture_names_the_command_that_has_the_yaml_where_one_mends_it(void **state)
{
    struct posture posture;
    struct finding *findings;
    size_t count;

    (void)state;
    begin(",'workloads':{'level':'privileged','rules':[{'id':'cpu-limit','mode':'Require'},{'id':"
          "'host-namespaces','mode':'Require'},{'id':'net-raw','mode':'Require'}]}");
    put_workload(KIND_DEPLOYMENT, "web", "'hostNetwork':true,'containers':[{'name':'app'}]");
    posture = of_deployment("web");
    assert_int_equal(posture_explain(&world.view,
                                     view_get(&world.view, KIND_DEPLOYMENT, "shop", "web"),
                                     &posture, 5, &arena, &findings, &count, NULL),
                     0);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(strstr(findings[i].message, "`rampart eval --show-fix`") != NULL,
                         strcmp(findings[i].rule, "net-raw") == 0);
}

static void test_posture_explains_what_drifts_with_its_remedy(void **state)
{
    struct posture posture;
    struct finding *findings;
    size_t count;

    (void)state;
    begin(",'workloads':{'level':'baseline'}");
    put_workload(KIND_DEPLOYMENT, "web", "'hostNetwork':true," PRIVILEGED);
    posture = of_deployment("web");
    assert_int_equal(posture_explain(&world.view,
                                     view_get(&world.view, KIND_DEPLOYMENT, "shop", "web"),
                                     &posture, 5, &arena, &findings, &count, NULL),
                     0);
    assert_int_equal(count, 2);
    assert_string_equal(findings[0].rule, "host-namespaces");
    assert_string_equal(findings[1].rule, "privileged");
    assert_contains(findings[1].message, "container app");
    assert_contains(findings[1].message, rule_find("privileged")->remedy);
    assert_string_equal(findings[1].object.name, "web");
    assert_int_equal(findings[1].reason, REASON_RULE_FAILED);
    assert_int_equal(posture_explain(&world.view,
                                     view_get(&world.view, KIND_DEPLOYMENT, "shop", "web"),
                                     &posture, 1, &arena, &findings, &count, NULL),
                     0);
    assert_int_equal(count, 1);
}

/* ---- The status ---- */

static void fill_tally(const void *ctx, const char *profile, struct posture_tally *t)
{
    (void)ctx;
    assert_string_equal(profile, "p");
    t->states[POSTURE_COMPLIANT] = 3;
    t->states[POSTURE_EXEMPT] = 1;
    t->states[POSTURE_DRIFTED] = 1;
    t->passing[rule_index(rule_find("privileged"))] = 3;
    t->exempt[rule_index(rule_find("privileged"))] = 1;
    t->failing[rule_index(rule_find("privileged"))] = 1;
}

static int list_drifted(const void *ctx, const char *profile, size_t count_max, struct arena *a,
                        const struct object *const **ret_objects, size_t *ret_count, bool *ret_more,
                        struct err *err)
{
    static const struct object *one;

    (void)ctx, (void)profile, (void)count_max, (void)a, (void)err;
    one = view_get(&world.view, KIND_DEPLOYMENT, "shop", "web");
    *ret_objects = &one;
    *ret_count = one ? 1 : 0;
    *ret_more = false;
    return 0;
}

static const json_t *rule_entry(const json_t *status, const char *id)
{
    const json_t *list = json_object_get(status, "rules");

    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(text_of(json_array_get(list, i), "id"), id) == 0)
            return json_array_get(list, i);
    }
    fail_msg("there is no rule %s", id);
    return NULL;
}

static int number(const json_t *object, const char *name)
{
    return (int)json_integer_value(json_object_get(object, name));
}

static void test_status_counts_workloads_and_rules_and_says_what_drifts(void **state)
{
    const json_t *first;
    json_t *status;

    (void)state;
    begin(",'workloads':{'level':'baseline','rules':[{'id':'cpu-limit','mode':'Off'}]}");
    put_workload(KIND_DEPLOYMENT, "web", PRIVILEGED);
    ops.tally = fill_tally;
    ops.drifted = list_drifted;
    status = status_of("p");
    assert_int_equal(number(json_object_get(status, "workloads"), "total"), 5);
    assert_int_equal(number(json_object_get(status, "workloads"), "compliant"), 3);
    assert_int_equal(number(json_object_get(status, "workloads"), "exempt"), 1);
    assert_int_equal(number(json_object_get(status, "workloads"), "drifted"), 1);
    assert_string_equal(text_of(rule_entry(status, "privileged"), "mode"), "Require");
    assert_int_equal(number(rule_entry(status, "privileged"), "pass"), 3);
    assert_int_equal(number(rule_entry(status, "privileged"), "fail"), 1);
    assert_string_equal(text_of(rule_entry(status, "memory-limit"), "mode"), "Report");
    assert_int_equal(json_array_size(json_object_get(status, "rules")), rules_count - 1);
    first = json_array_get(json_object_get(status, "drift"), 0);
    assert_string_equal(text_of(first, "object"), "Deployment shop/web");
    assert_string_equal(text_of(first, "rule"), "privileged");
    assert_string_equal(text_of(first, "reason"), "RuleFailed");
    assert_condition(status, "Ready", "True", "Evaluated", "4 of 5 workloads");
    json_decref(status);
}

static void test_status_in_enforce_is_not_ready_while_workloads_drift(void **state)
{
    json_t *status;

    (void)state;
    begin(",'mode':'Enforce','workloads':{'level':'baseline'}");
    put_workload(KIND_DEPLOYMENT, "web", PRIVILEGED);
    ops.tally = fill_tally;
    ops.drifted = list_drifted;
    status = status_of("p");
    assert_condition(status, "Ready", "False", "RuleFailed", "container app");
    json_decref(status);
}

static void count_one_unread(const void *ctx, const char *profile, struct posture_tally *t)
{
    (void)ctx, (void)profile;
    t->states[POSTURE_FAILED] = 1;
}

static void test_status_says_which_workload_cannot_be_evaluated(void **state)
{
    json_t *status;

    (void)state;
    begin(",'workloads':{'level':'baseline'}");
    put_workload(KIND_DEPLOYMENT, "web", "'containers':7");
    ops.tally = count_one_unread;
    ops.drifted = list_drifted;
    status = status_of("p");
    assert_condition(status, "Ready", "False", "RuleError", "1 of 1 workloads");
    assert_condition(status, "Degraded", "True", "RuleError", "containers");
    json_decref(status);
}

static const char *scan_fails(const void *ctx)
{
    (void)ctx;
    return "scan of pods: no right";
}

static void test_status_names_unknown_rules_and_a_scan_that_fails(void **state)
{
    json_t *status;

    (void)state;
    begin(",'workloads':{'rules':[{'id':'privilegde','mode':'Require'}]}");
    status = status_of("p");
    assert_condition(status, "Ready", "False", "UnknownRule", "privilegde");
    assert_condition(status, "Degraded", "True", "UnknownRule", "privilegde");
    json_decref(status);
    ops.scan_trouble = scan_fails;
    status = status_of("p");
    assert_condition(status, "Degraded", "True", "ScanFailed", "no right");
    json_decref(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_posture_is_held_to_the_level_of_the_profile_that_decides),
        WITH_WORLD(test_posture_sets_are_disjoint),
        WITH_WORLD(test_posture_follows_what_the_profile_says_of_a_rule),
        WITH_WORLD(test_posture_of_what_nobody_decides_is_none),
        WITH_WORLD(test_posture_is_decided_by_the_profile_of_the_highest_priority_in_any_mode),
        WITH_WORLD(test_posture_that_cannot_be_told_is_never_compliant),
        WITH_WORLD(test_posture_is_exempt_when_every_required_failure_is),
        WITH_WORLD(test_posture_counts_again_what_an_exception_no_longer_exempts),
        WITH_WORLD(test_posture_of_a_service_and_of_a_namespace_is_no_workload),
        WITH_WORLD(test_posture_of_a_scanned_object_is_its_owners_where_that_is_evaluated),
        WITH_WORLD(test_posture_explains_what_drifts_with_its_remedy),
        WITH_WORLD(test_posture_names_the_command_that_has_the_yaml_where_one_mends_it),
        WITH_WORLD(test_status_counts_workloads_and_rules_and_says_what_drifts),
        WITH_WORLD(test_status_in_enforce_is_not_ready_while_workloads_drift),
        WITH_WORLD(test_status_says_which_workload_cannot_be_evaluated),
        WITH_WORLD(test_status_names_unknown_rules_and_a_scan_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
