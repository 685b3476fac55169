/* Policies of a size that nobody writes by hand: every pass ends, and what is wanted stands. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"
#include "support/text.h"
#include "support/world.h"

#define PASSES_MAX 16
#define GOING ",'finalizers':['rampart.dev/take-back'],'deletionTimestamp':'2026-11-23T12:00:00Z'"
#define BACKEND "rampart-allow-backend-hook"
#define TWO_ALLOWS                                                                                \
    "'network':{'defaultDeny':['Ingress'],'allow':{'sameNamespace':{},'from':[{'ipBlock':{'cidr'" \
    ":'10.0.0.0/8'}}]}}"

static struct world world;

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{}}}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    return 0;
}

static void put_profile(const char *name, const char *meta, const char *spec)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'%s','generation':1%s},'spec':{'namespaceSelector':{},%s}}",
              name, meta, spec);
}

static void put_backend(void)
{
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'hook','namespace':'shop'},'spec':{'selector':{'app':'hook'},"
              "'ports':[{'port':443,'targetPort':8443}]}}");
    world_put(&world, KIND_VALIDATING_WEBHOOK,
              "{'metadata':{'name':'guard'},'webhooks':[{'name':'a','clientConfig':{'service':{"
              "'namespace':'shop','name':'hook'}}}]}");
}

static void converge(void)
{
    (void)world_converge(&world, &registry_ops, "shop", PASSES_MAX);
}

static json_t *spec_of(const char *policy)
{
    json_t *object = world_get(&world, KIND_NETWORK_POLICY, "shop", policy);

    if (!object)
        fail_msg("there is no policy %s", policy);
    return json_object_get(object, "spec");
}

static json_t *meta_of(const char *policy)
{
    return json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", policy), "metadata");
}

static size_t policies(void)
{
    return world_count(&world, KIND_NETWORK_POLICY, "shop");
}

/* Somebody writes @count ingress rules, each of about @len bytes, into the policy. */
static void put_rules(const char *policy, int count, size_t len)
{
    json_t *rules = json_array();
    char *filler = text_repeat("x", len);

    for (int i = 0; i < count; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "%s-%d", policy, i);
        json_array_append_new(rules, json_pack("{s:[{s:s,s:s}]}", "ports", "port", name, "filler",
                                               filler));
    }
    free(filler);
    json_object_set_new(spec_of(policy), "ingress", rules);
    world_touch(&world, KIND_NETWORK_POLICY, "shop", policy, "rival");
}

/* Over NETPOL_SPEC_LEN_MAX: the cache does not keep the spec. */
static void make_too_large(const char *policy)
{
    char *value = text_repeat("x", NETPOL_SPEC_LEN_MAX);

    json_object_set_new(json_object_get(spec_of(policy), "podSelector"), "matchLabels",
                        json_pack("{s:s}", "a", value));
    free(value);
    world_touch(&world, KIND_NETWORK_POLICY, "shop", policy, "rival");
}

static void test_a_deny_with_more_rules_than_can_be_read_is_put_right(void **state)
{
    (void)state;
    put_profile("p", "", "'mode':'Enforce'," TWO_ALLOWS);
    converge();
    put_rules(POLICY_DENY, POLICY_RULES_MAX + 1, 1);
    converge();
    assert_null(json_object_get(spec_of(POLICY_DENY), "ingress"));
}

/* More than a policy can carry of them: what is too much is not carried, and all of it goes. */
static void test_rules_that_are_too_long_to_be_carried_do_not_hold_up_a_removal(void **state)
{
    static const struct {
        int count;
        size_t len;
    } rows[] = {{60, 1000}, {POLICY_RULES_MAX / 2, 1}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        put_profile("p", ",'finalizers':['rampart.dev/take-back']",
                    "'mode':'Enforce','onDelete':'Remove','network':{'defaultDeny':['Ingress'],"
                    "'allow':{'sameNamespace':{},'from':[{'ipBlock':{'cidr':'10.0.0.0/8'}}]}}");
        converge();
        assert_int_equal(policies(), 3);
        put_rules(POLICY_DENY, rows[i].count, rows[i].len);
        put_rules("rampart-allow-same-namespace", rows[i].count, rows[i].len);
        put_rules("rampart-allow-from", rows[i].count, rows[i].len);
        put_profile("p", GOING,
                    "'mode':'Enforce','onDelete':'Remove','network':{'defaultDeny':['Ingress'],"
                    "'allow':{}}");
        converge();
        assert_int_equal(policies(), 0);
    }
}

/* The carrier takes the place of a deny whose spec the cache has not kept. */
static void test_a_deny_too_large_to_keep_carries_all_the_same(void **state)
{
    (void)state;
    put_profile("p", "", "'mode':'Enforce'," TWO_ALLOWS);
    converge();
    put_rules(POLICY_DENY, 1, NETPOL_SPEC_LEN_MAX);
    put_profile("p", "",
                "'mode':'Enforce','network':{'defaultDeny':['Ingress'],'allow':{'from':[{'ipBlock':"
                "{'cidr':'10.0.0.0/8'}},{'ipBlock':{'cidr':'192.0.2.0/24'}}]}}");
    converge();
    assert_null(json_object_get(spec_of(POLICY_DENY), "ingress"));
    assert_int_equal(policies(), 2);
    assert_int_equal(json_array_size(json_object_get(spec_of("rampart-allow-from"), "ingress")), 2);
}

/* It cannot be deleted before it belongs to its Namespace again. */
static void test_a_selector_too_large_that_was_taken_over_is_ours_again_first(void **state)
{
    (void)state;
    put_backend();
    put_profile("p", "", "'mode':'Enforce','network':{'allow':{}}");
    converge();
    make_too_large(BACKEND);
    json_object_del(meta_of(BACKEND), "ownerReferences");
    world_touch(&world, KIND_NETWORK_POLICY, "shop", BACKEND, "rival");
    converge();
    assert_int_equal(json_array_size(json_object_get(meta_of(BACKEND), "ownerReferences")), 1);
    assert_int_equal(json_object_size(
                         json_object_get(json_object_get(spec_of(BACKEND), "podSelector"),
                                         "matchLabels")),
                     1);
}

/* What cannot be computed, is not there, or is too large does not hold up what else changes. */
static void test_what_is_unresolved_waits_and_everything_else_is_put_right(void **state)
{
    (void)state;
    put_profile("p", "", "'mode':'Enforce','network':{'allow':{'sameNamespace':{}}}");
    converge();
    put_backend();
    put_profile("p", "",
                "'mode':'Enforce','network':{'allow':{'dns':{},'sameNamespace':{},'apiServer':{},"
                "'from':[{'ipBlock':{'cidr':'10.0.0.0/8'}}],'to':[{'ipBlock':{'cidr':'192.0.2.0/24'"
                "}}]}}");
    converge();
    assert_int_equal(world.verdict.state, VERDICT_FAILED);
    assert_null(world_get(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-dns"));
    assert_non_null(spec_of("rampart-allow-from"));
    assert_non_null(spec_of("rampart-allow-to"));
    assert_non_null(spec_of(BACKEND));
}

/* Whose it is must be right even where what it says cannot be computed; what is too large to keep
 * stays as it is. */
static void test_what_is_unresolved_gets_its_name_back_unless_it_is_too_large(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        bool is_large = way == 1, is_stripped = way < 2;

        put_backend();
        put_profile("p", "", "'mode':'Enforce','network':{'allow':{}}");
        converge();
        if (is_large)
            make_too_large(BACKEND);
        if (is_stripped)
            json_object_del(json_object_get(meta_of(BACKEND), "labels"), "rampart.dev/profile");
        world_touch(&world, KIND_NETWORK_POLICY, "shop", BACKEND, "rampart");
        world_remove(&world, KIND_SERVICE, "shop", "hook");
        put_profile("p", "", "'mode':'Enforce','network':{'allow':{'sameNamespace':{}}}");
        converge();
        assert_int_equal(world.verdict.state, VERDICT_FAILED);
        assert_int_equal(json_object_get(json_object_get(meta_of(BACKEND), "labels"),
                                         "rampart.dev/profile") != NULL,
                         !is_large);
    }
}

/* Policies for some pods that go while ingress is given up carry what the others let through; with
 * more than a plan takes they go in rounds, and one that is not of our making goes without. */
static void test_many_policies_for_some_pods_leave_in_rounds(void **state)
{
    static const char meta[] =
        ",'labels':{'app.kubernetes.io/managed-by':'rampart','rampart.dev/profile':'p'},"
        "'ownerReferences':[{'apiVersion':'v1','kind':'Namespace','name':'shop','uid':'uid-1'}]";

    (void)state;
    put_profile("p", "", "'mode':'Enforce'," TWO_ALLOWS);
    converge();
    for (int i = 0; i < 70; i++)
        world_put(&world, KIND_NETWORK_POLICY,
                  "{'metadata':{'name':'rampart-x%02d','namespace':'shop'%s},'spec':{'podSelector':"
                  "{'matchLabels':{'a':'b'}},'policyTypes':['Ingress']}}",
                  i, meta);
    put_rules("rampart-x00", POLICY_RULES_MAX, 1);
    put_profile("p", "",
                "'mode':'Enforce','network':{'defaultDeny':['Egress'],'allow':{'sameNamespace':{}}"
                "}");
    converge();
    assert_int_equal(policies(), 2);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_a_deny_with_more_rules_than_can_be_read_is_put_right),
        WITH_WORLD(test_rules_that_are_too_long_to_be_carried_do_not_hold_up_a_removal),
        WITH_WORLD(test_a_deny_too_large_to_keep_carries_all_the_same),
        WITH_WORLD(test_a_selector_too_large_that_was_taken_over_is_ours_again_first),
        WITH_WORLD(test_what_is_unresolved_waits_and_everything_else_is_put_right),
        WITH_WORLD(test_what_is_unresolved_gets_its_name_back_unless_it_is_too_large),
        WITH_WORLD(test_many_policies_for_some_pods_leave_in_rounds),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
