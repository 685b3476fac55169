/* A profile's own pass: finalizer and status. */
#include "reconcilers_shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rampart/json/get.h"
#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"

static void put_profile(const char *name, const char *meta, const char *spec)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'%s','generation':3%s},'spec':{'namespaceSelector':{'"
              "matchLabels':{'team':'shop'}},%s}}",
              name, meta, spec);
}

static void namespace_pass(void)
{
    AUTO_ARENA a;
    struct plan p;

    arena_init(&a, 1024 * 1024);
    world_plan(&world, &registry_ops, "shop", &a, &p);
    /* the findings of the little world's verdict live only as long as a test needs them here */
    world.verdict.findings_count = 0;
}

static void profile_pass(const char *name)
{
    struct err err = {0};

    arena_reset(&arena);
    plan_init(&plan, &arena);
    if (registry_ops.plan_profile(&world.view, name, &plan, &err) < 0)
        fail_msg("%s", err.msg);
}

static json_t *body(void)
{
    json_t *root;

    assert_int_equal(plan.writes_count, 1);
    root = json_decode(plan.writes[0].body, strlen(plan.writes[0].body), NULL);
    assert_non_null(root);
    return root;
}

static void assert_condition(const json_t *root, const char *type, const char *status,
                             const char *reason)
{
    const json_t *conditions = json_object_get(json_object_get(root, "status"), "conditions");

    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *c = json_array_get(conditions, i);

        if (strcmp(json_string_value(json_object_get(c, "type")), type) != 0)
            continue;
        assert_string_equal(json_string_value(json_object_get(c, "status")), status);
        assert_string_equal(json_string_value(json_object_get(c, "reason")), reason);
        assert_int_equal(json_integer_value(json_object_get(c, "observedGeneration")), 3);
        return;
    }
    fail_msg("there is no condition %s", type);
}

static json_int_t count_of(const json_t *root, const char *name)
{
    return json_integer_value(
        json_object_get(json_object_get(json_object_get(root, "status"), "namespaces"), name));
}

static void test_status_is_written_once_and_then_left_alone(void **state)
{
    json_t *root;

    (void)state;
    put_profile("p", "", "'mode':'Enforce','network':{'allow':{}}");
    (void)world_converge(&world, &registry_ops, "shop", 4);
    profile_pass("p");
    assert_int_equal(plan.writes[0].verb, WRITE_PATCH_STATUS);
    root = body();
    assert_condition(root, "Ready", "True", "Enforced");
    assert_condition(root, "Enforcing", "True", "Enforced");
    assert_condition(root, "Stalled", "False", "SpecAccepted");
    assert_int_equal(count_of(root, "selected"), 1);
    assert_int_equal(count_of(root, "compliant"), 1);
    json_decref(root);
    world_apply(&world, &plan.writes[0]);
    world.view.wall_ms += 3600 * 1000; /* time alone changes nothing */
    profile_pass("p");
    assert_int_equal(plan.writes_count, 0);
}

static void test_the_transition_time_stays_while_the_condition_stays(void **state)
{
    json_t *before, *after;

    (void)state;
    put_profile("p", "", "'network':{'allow':{}}");
    namespace_pass();
    profile_pass("p");
    before = body();
    world_apply(&world, &plan.writes[0]);
    world.view.wall_ms += 3600 * 1000;
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{'team':'other'}}}");
    profile_pass("p");
    after = body();
    for (size_t i = 0; i < 4; i++) {
        const json_t *one =
            json_array_get(json_object_get(json_object_get(before, "status"), "conditions"), i);
        const json_t *two =
            json_array_get(json_object_get(json_object_get(after, "status"), "conditions"), i);

        if (json_equal(json_object_get(one, "status"), json_object_get(two, "status")))
            assert_true(json_equal(json_object_get(one, "lastTransitionTime"),
                                   json_object_get(two, "lastTransitionTime")));
    }
    json_decref(before);
    json_decref(after);
}

static void test_a_namespace_without_a_verdict_is_pending_and_not_ready(void **state)
{
    json_t *root;

    (void)state;
    put_profile("p", "", "'mode':'Enforce','network':{'allow':{}}");
    profile_pass("p");
    root = body();
    assert_condition(root, "Ready", "False", "Progressing");
    assert_int_equal(count_of(root, "drifted"), 1);
    json_decref(root);
}

static void test_an_invalid_profile_is_stalled_and_says_where(void **state)
{
    json_t *root;

    (void)state;
    put_profile("p", "", "'mode':'Sometimes','network':{'allow':{}}");
    profile_pass("p");
    root = body();
    assert_condition(root, "Stalled", "True", "InvalidSpec");
    assert_condition(root, "Ready", "False", "InvalidSpec");
    assert_non_null(strstr(plan.writes[0].body, "spec.mode"));
    json_decref(root);
}

static void test_the_loser_says_who_overrides_it(void **state)
{
    json_t *root;

    (void)state;
    put_profile("low", "", "'mode':'Enforce','network':{'allow':{}}");
    put_profile("high", "", "'mode':'Audit','priority':7,'network':{'allow':{}}");
    namespace_pass();
    profile_pass("low");
    root = body();
    assert_condition(root, "Enforcing", "False", "Overridden");
    assert_non_null(strstr(plan.writes[0].body, "(high)"));
    assert_int_equal(count_of(root, "overridden"), 1);
    json_decref(root);
    profile_pass("high");
    root = body();
    assert_condition(root, "Enforcing", "False", "Audit");
    json_decref(root);
}

static void test_the_network_plugin_is_named_where_the_api_tells(void **state)
{
    (void)state;
    put_profile("p", "", "'mode':'Enforce','network':{'allow':{}}");
    (void)world_converge(&world, &registry_ops, "shop", 4);
    profile_pass("p");
    assert_non_null(strstr(plan.writes[0].body,
                           "no network plugin that enforces NetworkPolicy was recognised"));
    world_put(&world, KIND_CRD,
              "{'metadata':{'name':'ciliumnetworkpolicies.cilium.io'},'spec':{}}");
    profile_pass("p");
    assert_non_null(strstr(plan.writes[0].body, "seems to be Cilium"));
}

static void test_a_profile_that_removes_gets_its_finalizer_first(void **state)
{
    json_t *root;

    (void)state;
    put_profile("p", ",'finalizers':['example.com/other']",
                "'mode':'Enforce','onDelete':'Remove','network':{'allow':{}}");
    profile_pass("p");
    assert_int_equal(plan.writes[0].verb, WRITE_PATCH);
    assert_int_equal(plan.writes[0].phase, PHASE_FINALIZER);
    root = body();
    assert_int_equal(json_array_size(
                         json_object_get(json_object_get(root, "metadata"), "finalizers")),
                     2);
    json_decref(root);
    world_apply(&world, &plan.writes[0]);
    (void)world_converge(&world, &registry_ops, "shop", 4);
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 1);
}

static void test_a_profile_that_retains_needs_no_finalizer(void **state)
{
    (void)state;
    put_profile("p", ",'finalizers':['rampart.dev/take-back']",
                "'mode':'Enforce','network':{'allow':{}}");
    profile_pass("p");
    assert_int_equal(plan.writes[0].phase, PHASE_RELEASE);
    world_apply(&world, &plan.writes[0]);
    profile_pass("p");
    assert_int_equal(plan.writes[0].verb, WRITE_PATCH_STATUS);
}

static void test_the_finalizer_goes_with_the_last_policy(void **state)
{
    (void)state;
    put_profile("p", ",'finalizers':['rampart.dev/take-back']",
                "'mode':'Enforce','onDelete':'Remove','network':{'allow':{}}");
    (void)world_converge(&world, &registry_ops, "shop", 4);
    put_profile(
        "p", ",'finalizers':['rampart.dev/take-back'],'deletionTimestamp':'2026-11-23T12:00:00Z'",
        "'mode':'Enforce','onDelete':'Remove','network':{'allow':{}}");
    profile_pass("p");
    assert_int_equal(plan.writes[0].verb, WRITE_PATCH_STATUS); /* one policy is still there */
    (void)world_converge(&world, &registry_ops, "shop", 4);
    profile_pass("p");
    assert_int_equal(plan.writes[0].phase, PHASE_RELEASE);
    world_apply(&world, &plan.writes[0]);
    assert_null(world_get(&world, KIND_PROFILE, NULL, "p"));
}

static void test_a_terminating_namespace_does_not_hold_the_finalizer(void **state)
{
    (void)state;
    put_profile("p", ",'finalizers':['rampart.dev/take-back']",
                "'mode':'Enforce','onDelete':'Remove','network':{'allow':{}}");
    (void)world_converge(&world, &registry_ops, "shop", 4);
    world_put(&world, KIND_NAMESPACE,
              "{'metadata':{'name':'shop','deletionTimestamp':'2026-11-23T12:00:00Z'}}");
    put_profile(
        "p", ",'finalizers':['rampart.dev/take-back'],'deletionTimestamp':'2026-11-23T12:00:00Z'",
        "'mode':'Enforce','onDelete':'Remove','network':{'allow':{}}");
    profile_pass("p");
    assert_int_equal(plan.writes[0].phase, PHASE_RELEASE);
}

static void test_an_invalid_profile_that_goes_removes_nothing(void **state)
{
    (void)state;
    put_profile("p", ",'finalizers':['rampart.dev/take-back']",
                "'mode':'Enforce','onDelete':'Remove','network':{'allow':{}}");
    (void)world_converge(&world, &registry_ops, "shop", 4);
    put_profile(
        "p", ",'finalizers':['rampart.dev/take-back'],'deletionTimestamp':'2026-11-23T12:00:00Z'",
        "'mode':'Enforce','onDelete':'Remove','network':{'allow':{'to':'nonsense'}}");
    assert_int_equal(world_converge(&world, &registry_ops, "shop", 4), 0);
    profile_pass("p");
    assert_int_equal(plan.writes[0].phase, PHASE_RELEASE);
}

static void test_drift_is_sorted_and_cut_at_its_ceiling(void **state)
{
    struct finding findings[30];
    char names[30][16];
    json_t *root;
    const json_t *drift;

    (void)state;
    put_profile("p", "", "'mode':'Enforce','network':{'allow':{}}");
    namespace_pass();
    for (int i = 0; i < 30; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "p%02d", 29 - i);
        findings[i] = (struct finding){.reason = REASON_UNDONE,
                                       .object = {KIND_NETWORK_POLICY, "shop", names[i], ""},
                                       .rule = "network",
                                       .message = "m"};
    }
    world.verdict.findings = findings;
    world.verdict.findings_count = 30;
    profile_pass("p");
    root = body();
    drift = json_object_get(json_object_get(root, "status"), "drift");
    assert_int_equal(json_array_size(drift), 20);
    assert_string_equal(json_string_value(json_object_get(json_array_get(drift, 0), "object")),
                        "NetworkPolicy shop/p00");
    assert_string_equal(json_string_value(json_object_get(json_array_get(drift, 19), "object")),
                        "NetworkPolicy shop/p19");
    assert_true(json_is_true(json_object_get(json_object_get(root, "status"), "driftTruncated")));
    json_decref(root);
}

static void test_a_contest_is_told_with_its_object_until_it_is_over(void **state)
{
    const struct finding contest = {.reason = REASON_CONTESTED,
                                    .object = {KIND_NETWORK_POLICY, "shop", POLICY_DENY, ""},
                                    .rule = "network",
                                    .message = "NetworkPolicy shop/deny is undone by argocd"};
    json_t *root;

    (void)state;
    put_profile("p", "", "'mode':'Enforce','network':{'allow':{}}");
    (void)world_converge(&world, &registry_ops, "shop", 4);
    profile_pass("p");
    root = body();
    assert_condition(root, "Contested", "False", "Uncontested");
    json_decref(root);
    world.verdict.contest = &contest; /* as the runtime keeps it */
    world.verdict.state = VERDICT_DRIFTED;
    profile_pass("p");
    root = body();
    assert_condition(root, "Contested", "True", "Contested");
    assert_condition(root, "Ready", "False", "Contested");
    assert_condition(root, "Degraded", "False", "AllWell");
    assert_non_null(
        strstr(plan.writes[0].body,
               "1 of 1 namespaces; first: NetworkPolicy shop/deny is undone by argocd"));
    json_decref(root);
    world.verdict.contest = NULL;
    world.verdict.state = VERDICT_COMPLIANT;
    profile_pass("p");
    root = body();
    assert_condition(root, "Contested", "False", "Uncontested");
    assert_condition(root, "Ready", "True", "Enforced");
    json_decref(root);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_status_is_written_once_and_then_left_alone),
        WITH_WORLD(test_the_transition_time_stays_while_the_condition_stays),
        WITH_WORLD(test_a_namespace_without_a_verdict_is_pending_and_not_ready),
        WITH_WORLD(test_an_invalid_profile_is_stalled_and_says_where),
        WITH_WORLD(test_the_loser_says_who_overrides_it),
        WITH_WORLD(test_the_network_plugin_is_named_where_the_api_tells),
        WITH_WORLD(test_a_profile_that_removes_gets_its_finalizer_first),
        WITH_WORLD(test_a_profile_that_retains_needs_no_finalizer),
        WITH_WORLD(test_the_finalizer_goes_with_the_last_policy),
        WITH_WORLD(test_a_terminating_namespace_does_not_hold_the_finalizer),
        WITH_WORLD(test_an_invalid_profile_that_goes_removes_nothing),
        WITH_WORLD(test_a_contest_is_told_with_its_object_until_it_is_over),
        WITH_WORLD(test_drift_is_sorted_and_cut_at_its_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
