/* What a tenant, or an unlucky cluster, may do to a namespace: Rampart neither stands down nor goes
 * too far, and a profile that goes, goes. */
#include "reconcilers_shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"

#define BARE "'network':{'allow':{}}"
#define OWNED_BY_NAMESPACE \
    "'ownerReferences':[{'apiVersion':'v1','kind':'Namespace','name':'shop','uid':'uid-1'}]"

static void put_profile(const char *name, const char *meta, const char *spec)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'%s','generation':1%s},'spec':{'namespaceSelector':{'"
              "matchLabels':{'team':'shop'}},%s}}",
              name, meta, spec);
}

static void put_policy(const char *name, const char *meta, const char *spec)
{
    world_put(&world, KIND_NETWORK_POLICY,
              "{'metadata':{'name':'%s','namespace':'shop'%s},'spec':{%s}}", name, meta, spec);
}

static void pass(const char *ns)
{
    arena_reset(&arena);
    world_plan(&world, &registry_ops, ns, &arena, &plan);
}

static void profile_pass(const char *name)
{
    struct err err = {0};

    arena_reset(&arena);
    plan_init(&plan, &arena);
    if (registry_ops.plan_profile(&world.view, name, &plan, &err) < 0)
        fail_msg("%s", err.msg);
}

static size_t converge(void)
{
    return world_converge(&world, &registry_ops, "shop", 12);
}

static bool has(enum reason reason)
{
    for (size_t i = 0; i < plan.findings_count; i++) {
        if (plan.findings[i].reason == reason)
            return true;
    }
    return false;
}

#define TAKE_BACK ",'finalizers':['rampart.dev/take-back']"
#define GOING TAKE_BACK ",'deletionTimestamp':'2026-11-23T12:00:00Z'"
#define LOOKS_LIKE_OURS \
    ",'labels':{'app.kubernetes.io/managed-by':'rampart','rampart.dev/profile':'p'}"

static void test_an_allow_all_that_looks_like_ours_is_told(void **state)
{
    (void)state;
    put_profile("p", "", "'mode':'Enforce'," BARE);
    (void)converge();
    put_policy("rampart-x", LOOKS_LIKE_OURS,
               "'podSelector':{},'policyTypes':['Ingress'],'ingress':[{}]");
    pass("shop");
    assert_int_equal(plan.writes_count, 0);
    assert_true(has(REASON_UNDONE));
    assert_int_equal(plan.state, VERDICT_DRIFTED);
}

static void test_a_profile_that_goes_is_not_held_up_by_one_that_only_looks_on(void **state)
{
    static const char *const modes[] = {"'mode':'Audit'", "'mode':'Off'"};
    char spec[128];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        put_profile("p", TAKE_BACK, "'mode':'Enforce','priority':5,'onDelete':'Remove'," BARE);
        (void)converge();
        (void)snprintf(spec, sizeof(spec), "%s,%s", modes[i], BARE);
        put_profile("onlooker", "", spec);
        put_profile("p", GOING, "'mode':'Enforce','priority':5,'onDelete':'Remove'," BARE);
        (void)converge();
        assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 0);
        profile_pass("p");
        assert_int_equal(plan.writes[0].phase, PHASE_RELEASE);
        world_apply(&world, &plan.writes[0]);
    }
}

static void test_what_cannot_be_computed_changes_hands_all_the_same(void **state)
{
    json_t *labels;

    (void)state;
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'kube-dns','namespace':'kube-system','labels':{'k8s-app':'kube-"
              "dns'}},'spec':{'selector':{"
              "'k8s-app':'kube-dns'},'ports':[{'port':53,'protocol':'UDP','targetPort':53}]}}");
    put_profile("a", "", "'mode':'Enforce','network':{'allow':{'dns':{}}}");
    (void)converge();
    world_remove(&world, KIND_SERVICE, "kube-system", "kube-dns");
    world_remove(&world, KIND_PROFILE, NULL, "a");
    put_profile("b", "", "'mode':'Enforce','network':{'allow':{'dns':{}}}");
    (void)converge();
    labels = json_object_get(json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop",
                                                       "rampart-allow-dns"),
                                             "metadata"),
                             "labels");
    assert_string_equal(json_string_value(json_object_get(labels, "rampart.dev/profile")), "b");
}

static void test_look_alikes_do_not_hold_a_finalizer(void **state)
{
    (void)state;
    put_policy("rampart-x", LOOKS_LIKE_OURS, "'podSelector':{}");
    put_policy("rampart-y",
               LOOKS_LIKE_OURS
               "," OWNED_BY_NAMESPACE
               ",'deletionTimestamp':'2026-11-23T12:00:00Z','finalizers':['example.com/x']",
               "'podSelector':{}");
    put_profile("p", GOING, "'mode':'Enforce','onDelete':'Remove'," BARE);
    assert_int_equal(converge(), 0);
    profile_pass("p");
    assert_int_equal(plan.writes_count, 1);
    assert_int_equal(plan.writes[0].phase, PHASE_RELEASE);
}

static void test_the_dns_pods_keep_their_allow_while_the_service_is_gone(void **state)
{
    (void)state;
    world_put(&world, KIND_NAMESPACE,
              "{'metadata':{'name':'kube-system','labels':{'team':'shop'}}}");
    put_profile("p", "", "'mode':'Enforce','includeSystemNamespaces':true," BARE);
    pass("kube-system");
    assert_int_equal(plan.writes_count, 0); /* no DNS known: its pods may be here */
    assert_true(has(REASON_DNS_UNRESOLVED));
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'kube-dns','namespace':'kube-system','labels':{'k8s-app':'kube-"
              "dns'}},'spec':{'selector':{"
              "'k8s-app':'kube-dns'},'ports':[{'port':53,'protocol':'UDP','targetPort':53}]}}");
    (void)world_converge(&world, &registry_ops, "kube-system", 8);
    assert_non_null(
        world_get(&world, KIND_NETWORK_POLICY, "kube-system", "rampart-allow-cluster-dns"));
    world_remove(&world, KIND_SERVICE, "kube-system", "kube-dns");
    pass("kube-system");
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_FAILED);
}

static void test_hundreds_of_policies_are_removed_in_rounds(void **state)
{
    char name[32];

    (void)state;
    put_profile("p", "", "'mode':'Enforce'," BARE);
    (void)converge();
    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof(name), "rampart-x%03d", i);
        put_policy(name, LOOKS_LIKE_OURS "," OWNED_BY_NAMESPACE,
                   i % 2 ? "'podSelector':{}" : "'podSelector':{'matchLabels':{'a':'b'}}");
    }
    (void)converge();
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 1);
}

static void put_rules(const char *policy, int count)
{
    json_t *spec = json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", policy), "spec");
    json_t *rules = json_array();

    for (int i = 0; i < count; i++)
        json_array_append_new(rules, json_pack("{s:[{s:i}]}", "ports", "port", i + 1));
    json_object_set_new(spec, "egress", rules);
    json_object_set_new(spec, "ingress", json_pack("[{}]"));
    json_object_set_new(spec, "policyTypes", json_pack("[s,s]", "Ingress", "Egress"));
    world_touch(&world, KIND_NETWORK_POLICY, "shop", policy, "rival");
}

static void test_hundreds_of_rules_do_not_stop_a_pass(void **state)
{
    json_t *spec;

    (void)state;
    put_profile("p", TAKE_BACK,
                "'mode':'Enforce','onDelete':'Remove','network':{'defaultDeny':['Ingress'],'allow':"
                "{'sameNamespace':{},"
                "'from':[{'ipBlock':{'cidr':'10.0.0.0/8'}}]}}");
    (void)converge();
    put_rules("rampart-allow-same-namespace", 300);
    put_rules("rampart-allow-from", 300);
    (void)converge();
    spec = json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-from"),
                           "spec");
    assert_null(json_object_get(spec, "egress"));
    put_rules("rampart-allow-same-namespace", 300);
    put_rules("rampart-allow-from", 300);
    put_profile(
        "p", GOING,
        "'mode':'Enforce','onDelete':'Remove','network':{'defaultDeny':['Ingress'],'allow':{}}");
    (void)converge();
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 0);
}

static void test_a_selector_too_large_to_keep_goes_all_the_same(void **state)
{
    json_t *selector, *labels = json_object();
    char key[64];

    (void)state;
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'hook','namespace':'shop'},'spec':{'selector':{'app':'hook'},'"
              "ports':[{'port':443,"
              "'targetPort':8443}]}}");
    world_put(&world, KIND_VALIDATING_WEBHOOK,
              "{'metadata':{'name':'guard'},'webhooks':[{'name':'a','clientConfig':{'service':{'"
              "namespace':'shop','name':"
              "'hook'}}}]}");
    put_profile("p", "", "'mode':'Enforce'," BARE);
    (void)converge();
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(key, sizeof(key), "a-rather-long-key-of-a-label-%d", i);
        json_object_set_new(labels, key, json_string("value"));
    }
    selector = json_object_get(json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop",
                                                         "rampart-allow-backend-hook"),
                                               "spec"),
                               "podSelector");
    json_object_set_new(selector, "matchLabels", labels);
    world_touch(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-backend-hook", "rival");
    (void)converge();
    selector = json_object_get(json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop",
                                                         "rampart-allow-backend-hook"),
                                               "spec"),
                               "podSelector");
    assert_int_equal(json_object_size(json_object_get(selector, "matchLabels")), 1);
}

static void test_a_label_that_claims_nothing_is_left_alone(void **state)
{
    json_t *meta;

    (void)state;
    put_profile("p", "", "'mode':'Enforce'," BARE);
    (void)converge();
    meta = json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY), "metadata");
    json_object_set_new(json_object_get(meta, "labels"), "cost-centre", json_string("42"));
    world_touch(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY, "labeller");
    assert_int_equal(converge(), 0); /* a webhook would put it back for ever */
}

static void test_a_deny_that_stood_is_made_again_whatever_became_of_its_allows(void **state)
{
    (void)state;
    put_profile("p", "", "'mode':'Enforce','network':{'allow':{'sameNamespace':{}}}");
    (void)converge();
    world_remove(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-same-namespace");
    put_policy("rampart-allow-same-namespace", "", "'podSelector':{'matchLabels':{'a':'b'}}");
    world_remove(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
    (void)converge();
    assert_non_null(world_get(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY));
    pass("shop");
    assert_true(has(REASON_NAME_TAKEN));
    assert_int_equal(plan.state, VERDICT_FAILED);
}

static void test_a_dns_server_that_is_cut_out_is_refused(void **state)
{
    (void)state;
    put_profile("p", "",
                "'mode':'Enforce','network':{'allow':{'dns':{'servers':[{'ipBlock':{'cidr':'169."
                "254.169.254/32'}}]}}}");
    pass("shop");
    assert_int_equal(plan.writes_count, 0);
    profile_pass("p");
    assert_non_null(strstr(plan.writes[0].body, "spec.network.allow.dns.servers[0].ipBlock.cidr"));
}

static void test_off_settles(void **state)
{
    (void)state;
    put_profile("p", "", "'mode':'Off'," BARE);
    pass("shop");
    profile_pass("p");
    assert_int_equal(plan.writes_count, 1);
    assert_non_null(strstr(plan.writes[0].body, "\"reason\":\"Off\""));
    assert_null(strstr(plan.writes[0].body, "Progressing"));
    world_apply(&world, &plan.writes[0]);
    profile_pass("p");
    assert_int_equal(plan.writes_count, 0);
}

static void test_retained_is_told_once_and_not_after_a_restart(void **state)
{
    (void)state;
    put_profile("p", "", "'mode':'Enforce'," BARE);
    (void)converge();
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{}}}");
    pass("shop");
    assert_true(has(REASON_RETAINED));
    world.has_verdict = false; /* another process */
    pass("shop");
    assert_false(has(REASON_RETAINED));
    pass("shop");
    assert_false(has(REASON_RETAINED));
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_an_allow_all_that_looks_like_ours_is_told),
        WITH_WORLD(test_a_profile_that_goes_is_not_held_up_by_one_that_only_looks_on),
        WITH_WORLD(test_what_cannot_be_computed_changes_hands_all_the_same),
        WITH_WORLD(test_look_alikes_do_not_hold_a_finalizer),
        WITH_WORLD(test_the_dns_pods_keep_their_allow_while_the_service_is_gone),
        WITH_WORLD(test_hundreds_of_policies_are_removed_in_rounds),
        WITH_WORLD(test_hundreds_of_rules_do_not_stop_a_pass),
        WITH_WORLD(test_a_selector_too_large_to_keep_goes_all_the_same),
        WITH_WORLD(test_a_label_that_claims_nothing_is_left_alone),
        WITH_WORLD(test_a_deny_that_stood_is_made_again_whatever_became_of_its_allows),
        WITH_WORLD(test_a_dns_server_that_is_cut_out_is_refused),
        WITH_WORLD(test_off_settles),
        WITH_WORLD(test_retained_is_told_once_and_not_after_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
