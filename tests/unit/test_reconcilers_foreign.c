/* What others make, change and take away, and what is said of it. */
#include "reconcilers_shop.h"

#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"
#include "support/text.h"

#define OURS "'app.kubernetes.io/managed-by':'rampart'"
#define OWNED \
    "'ownerReferences':[{'apiVersion':'v1','kind':'Namespace','name':'shop','uid':'uid-1'}]"

static void put_profile(const char *meta, const char *spec)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'p','generation':1%s},'spec':{'namespaceSelector':{'"
              "matchLabels':{'team':'shop'}},%s}}",
              meta, spec);
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

static void converge(void)
{
    (void)world_converge(&world, &registry_ops, "shop", 8);
}

static const struct finding *find(enum reason reason)
{
    for (size_t i = 0; i < plan.findings_count; i++) {
        if (plan.findings[i].reason == reason)
            return &plan.findings[i];
    }
    return NULL;
}

static void test_a_policy_that_undoes_the_deny_is_told_with_its_direction_and_pods(void **state)
{
    static const struct {
        const char *deny;
        const char *spec;
        const char *says; /* NULL: nothing */
    } rows[] = {
        {"'Ingress'", "'podSelector':{},'policyTypes':['Ingress'],'ingress':[{}]",
         "allows all ingress for every pod"},
        {"'Ingress','Egress'",
         "'podSelector':{'matchLabels':{'a':'b'}},'policyTypes':['Egress'],'egress':[{}]",
         "allows all egress for the pods that it selects"},
        {"'Ingress','Egress'",
         "'podSelector':{},'policyTypes':['Ingress','Egress'],'ingress':[{}],'egress':[{}]",
         "allows all ingress and egress for every pod"},
        {"'Egress'",
         "'podSelector':{},'policyTypes':['Ingress','Egress'],'ingress':[{}],'egress':[{}]",
         "allows all egress for every pod"},
        {"'Ingress'", "'podSelector':{},'policyTypes':['Egress'],'egress':[{}]", NULL},
        {"'Egress'", "'podSelector':{},'policyTypes':['Ingress'],'ingress':[{}]", NULL},
        {"'Ingress'", "'podSelector':{},'policyTypes':['Ingress']", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char spec[128];

        (void)snprintf(spec, sizeof(spec),
                       "'mode':'Enforce','network':{'defaultDeny':[%s],'allow':{}}", rows[i].deny);
        put_profile("", spec);
        put_policy("open", "", rows[i].spec);
        converge();
        pass("shop");
        assert_int_equal(plan.writes_count, 0);
        assert_int_equal(plan.state, rows[i].says ? VERDICT_DRIFTED : VERDICT_COMPLIANT);
        if (rows[i].says)
            assert_contains(find(REASON_UNDONE)->message, rows[i].says);
        else
            assert_null(find(REASON_UNDONE));
    }
}

static void test_more_findings_than_a_plan_holds_are_counted(void **state)
{
    (void)state;
    put_profile("", "'mode':'Enforce','network':{'allow':{}}");
    converge();
    for (int i = 0; i < PLAN_FINDINGS_MAX + 6; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "open-%02d", i);
        put_policy(name, "", "'podSelector':{},'policyTypes':['Ingress'],'ingress':[{}]");
    }
    pass("shop");
    assert_int_equal(plan.findings_count, PLAN_FINDINGS_MAX);
    assert_int_equal(plan.findings_cut, 6);
    assert_int_equal(plan.state, VERDICT_DRIFTED);
}

static void test_what_is_retained_is_told_with_why(void **state)
{
    static const struct {
        const char *meta;
        const char *spec;
        const char *labels;
        const char *says;
    } rows[] = {
        {"", "'mode':'Enforce','network':{'allow':{}}", "",
         "SecurityProfile p no longer selects namespace shop"},
        {"", "'mode':'Enforce','excludedNamespaces':['shop'],'network':{'allow':{}}",
         "'team':'shop'", "SecurityProfile p now excludes namespace shop"},
        {",'finalizers':['example.com/x'],'deletionTimestamp':'2026-11-23T12:00:00Z'",
         "'mode':'Enforce','network':{'allow':{}}", "'team':'shop'",
         "SecurityProfile p is being deleted and selected namespace shop"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{'team':'shop'}}}");
        put_profile("", "'mode':'Enforce','network':{'allow':{}}");
        converge();
        world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{%s}}}",
                  rows[i].labels);
        put_profile(rows[i].meta, rows[i].spec);
        pass("shop");
        assert_int_equal(plan.writes_count, 0);
        assert_int_equal(plan.state, VERDICT_NONE);
        assert_contains(find(REASON_RETAINED)->message, rows[i].says);
        assert_contains(find(REASON_RETAINED)->message,
                        "kubectl -n shop delete networkpolicy -l "
                        "app.kubernetes.io/managed-by=rampart,rampart.dev/profile=p");
    }
}

/* The finding stands in the verdict for as long as it is so; that it was said there is how a later
 * pass knows that this process saw it happen. */
static void test_what_is_retained_stands_as_long_as_it_was_said_before(void **state)
{
    struct finding said[] = {{.reason = REASON_UNDONE, .object = {.ns = "", .name = ""}},
                             {.reason = REASON_RETAINED, .object = {.ns = "", .name = ""}}};

    (void)state;
    put_profile("", "'mode':'Enforce','network':{'allow':{}}");
    converge();
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{}}}");
    pass("shop");
    world.verdict.findings = said;
    world.verdict.findings_count = 2;
    pass("shop");
    assert_non_null(find(REASON_RETAINED));
    world.verdict.findings = said;
    world.verdict.findings_count = 1;
    pass("shop");
    assert_null(find(REASON_RETAINED));
}

static void test_a_policy_of_ours_that_names_no_profile_is_not_taken_back(void **state)
{
    (void)state;
    put_policy("rampart-x", ",'labels':{" OURS "}," OWNED, "'podSelector':{}");
    pass("shop");
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.findings_count, 0);
}

static void test_a_namespace_that_is_gone_has_nothing_to_say(void **state)
{
    (void)state;
    put_profile("", "'mode':'Enforce','network':{'allow':{}}");
    pass("nowhere");
    assert_int_equal(plan.writes_count + plan.findings_count, 0);
    assert_int_equal(plan.state, VERDICT_NONE);
}

/* Nobody decided when the last pass looked: what is missing now was not taken away. */
static void test_a_first_creation_is_no_deletion_though_there_was_a_pass_before(void **state)
{
    (void)state;
    pass("shop");
    assert_null(world.verdict.profile);
    world.verdict.in_place = 1;
    put_profile("", "'mode':'Enforce','network':{'allow':{}}");
    pass("shop");
    assert_int_equal(plan.writes_count, 1);
    assert_null(plan.writes[0].after);
}

/* ... and what cannot be computed refuses the deny, since it has not stood. */
static void test_a_deny_is_not_begun_though_there_was_a_pass_before(void **state)
{
    (void)state;
    pass("shop");
    world.verdict.in_place = 1;
    put_profile("", "'mode':'Enforce','network':{'allow':{'dns':{}}}");
    pass("shop");
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_FAILED);
}

static void test_a_rival_whose_time_is_not_recorded_is_named_without_it(void **state)
{
    json_t *policy, *field;
    char *text;
    size_t i;

    (void)state;
    put_profile("", "'mode':'Enforce','network':{'allow':{}}");
    converge();
    policy = world_get(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
    json_object_set_new(json_object_get(policy, "spec"), "ingress", json_pack("[{}]"));
    world_touch(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY, "kubectl-edit");
    json_array_foreach(json_object_get(json_object_get(policy, "metadata"), "managedFields"), i,
                       field) json_object_del(field, "time");
    text = json_dumps(policy, JSON_COMPACT);
    world_put(&world, KIND_NETWORK_POLICY, "%s", text);
    mem_free(text);
    pass("shop");
    assert_int_equal(plan.writes_count, 1);
    assert_contains(plan.writes[0].after->message, "was changed by kubectl-edit");
    assert_null(strstr(plan.writes[0].after->message, "changed at"));
    assert_string_equal(plan.writes[0].after->manager, "kubectl-edit");
}

static void test_audit_names_what_is_missing_beside_what_cannot_be_computed(void **state)
{
    (void)state;
    put_profile("", "'mode':'Audit','network':{'allow':{'dns':{},'sameNamespace':{}}}");
    pass("shop");
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_FAILED);
    assert_non_null(find(REASON_DNS_UNRESOLVED));
    assert_contains(find(REASON_POLICY_MISSING)->message,
                    "Enforce would create rampart-default-deny, rampart-allow-same-namespace");
}

/* A tenant strips the label of a policy for some pods, and nothing else: it is put back. */
static void test_the_label_of_a_backends_policy_is_put_back(void **state)
{
    static const char name[] = "rampart-allow-backend-hook";
    json_t *labels;

    (void)state;
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'hook','namespace':'shop'},'spec':{'selector':{'app':'hook'},"
              "'ports':[{'port':443,'targetPort':8443}]}}");
    world_put(&world, KIND_VALIDATING_WEBHOOK,
              "{'metadata':{'name':'guard'},'webhooks':[{'name':'a','clientConfig':{'service':{"
              "'namespace':'shop','name':'hook'}}}]}");
    put_profile("", "'mode':'Enforce','network':{'allow':{}}");
    converge();
    labels = json_object_get(json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", name),
                                             "metadata"),
                             "labels");
    json_object_del(labels, "app.kubernetes.io/managed-by");
    world_touch(&world, KIND_NETWORK_POLICY, "shop", name, "rampart");
    converge();
    labels = json_object_get(json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", name),
                                             "metadata"),
                             "labels");
    assert_string_equal(json_string_value(json_object_get(labels, "app.kubernetes.io/managed-by")),
                        "rampart");
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_a_policy_that_undoes_the_deny_is_told_with_its_direction_and_pods),
        WITH_WORLD(test_more_findings_than_a_plan_holds_are_counted),
        WITH_WORLD(test_what_is_retained_is_told_with_why),
        WITH_WORLD(test_what_is_retained_stands_as_long_as_it_was_said_before),
        WITH_WORLD(test_a_policy_of_ours_that_names_no_profile_is_not_taken_back),
        WITH_WORLD(test_a_namespace_that_is_gone_has_nothing_to_say),
        WITH_WORLD(test_a_first_creation_is_no_deletion_though_there_was_a_pass_before),
        WITH_WORLD(test_a_deny_is_not_begun_though_there_was_a_pass_before),
        WITH_WORLD(test_a_rival_whose_time_is_not_recorded_is_named_without_it),
        WITH_WORLD(test_audit_names_what_is_missing_beside_what_cannot_be_computed),
        WITH_WORLD(test_the_label_of_a_backends_policy_is_put_back),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
