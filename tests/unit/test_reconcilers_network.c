/* One namespace's pass: what is written, what is found, who decides. The order of writes has its
 * own test. */
#include "reconcilers_shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"

#define BARE "'network':{'allow':{}}"

static void put_profile(const char *name, const char *more)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'%s','generation':1},'spec':{'namespaceSelector':{'matchLabels':"
              "{'team':'shop'}},"
              "%s}}",
              name, more);
}

static void pass(void)
{
    arena_reset(&arena);
    world_plan(&world, &registry_ops, "shop", &arena, &plan);
}

static void converge(void)
{
    (void)world_converge(&world, &registry_ops, "shop", 8);
    pass();
}

static const struct finding *find(enum reason reason)
{
    for (size_t i = 0; i < plan.findings_count; i++) {
        if (plan.findings[i].reason == reason)
            return &plan.findings[i];
    }
    return NULL;
}

static json_t *spec_of(const char *policy)
{
    return json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", policy), "spec");
}

static void assert_spec(const char *policy, const char *want)
{
    json_t *spec = spec_of(policy);
    char *text;

    if (!spec)
        fail_msg("there is no policy %s", policy);
    text = json_dumps(spec, JSON_COMPACT | JSON_SORT_KEYS);
    for (char *c = text; *c; c++)
        *c = *c == '"' ? '\'' : *c;
    assert_string_equal(text, want);
    mem_free(text);
}

static void test_a_bare_profile_costs_one_write_and_then_none(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    pass();
    assert_int_equal(plan.writes_count, 1);
    assert_int_equal(plan.writes[0].verb, WRITE_CREATE);
    assert_null(plan.writes[0].after);
    assert_int_equal(plan.state, VERDICT_DRIFTED);
    world_apply(&world, &plan.writes[0]);
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_COMPLIANT);
    assert_spec(POLICY_DENY, "{'podSelector':{},'policyTypes':['Ingress','Egress']}");
}

static void test_the_namespace_owns_the_policy_and_the_labels_say_whose_it_is(void **state)
{
    json_t *meta, *owner;

    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    converge();
    meta = json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY), "metadata");
    owner = json_array_get(json_object_get(meta, "ownerReferences"), 0);
    assert_string_equal(json_string_value(json_object_get(owner, "kind")), "Namespace");
    assert_string_equal(json_string_value(json_object_get(owner, "uid")), "uid-1");
    assert_string_equal(json_string_value(
                            json_object_get(json_object_get(meta, "labels"), LABEL_PROFILE)),
                        "p");
}

static void test_nothing_is_written_unless_a_profile_enforces(void **state)
{
    static const char *const rows[] = {
        BARE,
        "'mode':'Audit'," BARE,
        "'mode':'Off'," BARE,
        "'mode':'Enforce','network':{'mode':'Audit','allow':{}}",
        "'mode':'Enforce','excludedNamespaces':['shop']," BARE,
        "'mode':'Enforce'",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put_profile("p", rows[i]);
        pass();
        assert_int_equal(plan.writes_count, 0);
    }
}

static void test_audit_says_what_enforce_would_create(void **state)
{
    (void)state;
    put_profile("p", "'network':{'allow':{'sameNamespace':{}}}");
    pass();
    assert_int_equal(plan.state, VERDICT_DRIFTED);
    assert_non_null(find(REASON_POLICY_MISSING));
    assert_true(find(REASON_POLICY_MISSING)->is_about_profile);
    assert_string_equal(
        find(REASON_POLICY_MISSING)->message,
        "namespace shop: Enforce would create rampart-default-deny, rampart-allow-same-namespace");
}

static void test_our_own_and_terminating_namespaces_are_never_touched(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    world.view.own_namespace = "shop";
    pass();
    assert_int_equal(plan.writes_count, 0);
    world.view.own_namespace = "rampart-system";
    world_put(
        &world, KIND_NAMESPACE,
        "{'metadata':{'name':'shop','labels':{'team':'shop'}},'status':{'phase':'Terminating'}}");
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_NONE);
}

static void test_priority_decides_then_the_name(void **state)
{
    (void)state;
    put_profile("b", "'mode':'Enforce','priority':5," BARE);
    put_profile("c", "'mode':'Enforce','priority':5," BARE);
    put_profile("a", "'mode':'Enforce','priority':1," BARE);
    pass();
    assert_string_equal(plan.profile, "b");
    put_profile("z", "'mode':'Audit','priority':9," BARE);
    pass();
    assert_string_equal(plan.profile, "z");
    assert_int_equal(plan.writes_count, 0); /* a higher Audit masks a lower Enforce */
}

static void test_an_edited_policy_is_put_right_and_the_rival_is_named(void **state)
{
    const struct finding *after;

    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    converge();
    json_object_set_new(spec_of(POLICY_DENY), "ingress", json_pack("[{}]"));
    json_object_set_new(spec_of(POLICY_DENY), "podSelector",
                        json_pack("{s:{s:s}}", "matchLabels", "app", "none"));
    world_touch(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY, "kubectl-edit");
    pass();
    assert_int_equal(plan.writes_count, 1);
    after = plan.writes[0].after;
    assert_non_null(after);
    assert_int_equal(after->reason, REASON_POLICY_EDITED);
    assert_string_equal(after->manager, "kubectl-edit");
    assert_string_equal(
        after->message,
        "NetworkPolicy shop/rampart-default-deny: spec.podSelector, spec.ingress was changed by "
        "kubectl-edit; Rampart put it back as SecurityProfile p says\n"
        "(changed at 2026-11-23T12:00:00Z)");
    world_apply(&world, &plan.writes[0]);
    assert_spec(POLICY_DENY, "{'podSelector':{},'policyTypes':['Ingress','Egress']}");
}

/* Its writes are on their way while watches go on replacing what it was made from; the sanitizer
 * judges. */
static void test_a_plan_outlives_the_cache_it_was_made_from(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    converge();
    json_object_set_new(spec_of(POLICY_DENY), "ingress", json_pack("[{}]"));
    world_touch(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY, "kubectl-edit");
    pass();
    assert_int_equal(plan.writes_count, 1);
    world_remove(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
    world_remove(&world, KIND_PROFILE, NULL, "p");
    world_remove(&world, KIND_NAMESPACE, NULL, "shop");
    assert_string_equal(plan.profile, "p");
    assert_string_equal(plan.writes[0].object.name, POLICY_DENY);
    assert_string_equal(plan.writes[0].object.ns, "shop");
    assert_true(*plan.writes[0].object.uid && *plan.writes[0].rv);
    assert_string_equal(plan.writes[0].after->manager, "kubectl-edit");
    assert_string_equal(plan.writes[0].after->profile, "p");
    assert_string_equal(plan.writes[0].after->object.name, POLICY_DENY);
    assert_string_equal(plan.writes[0].after->object.ns, "shop");
    assert_true(*plan.writes[0].after->object.uid);
}

static void test_a_removed_field_is_put_back_though_nobody_is_recorded(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce','network':{'allow':{'sameNamespace':{}}}");
    converge();
    json_object_del(spec_of("rampart-allow-same-namespace"), "egress");
    world_touch(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-same-namespace", "rampart");
    pass();
    assert_int_equal(plan.writes_count, 1);
    assert_null(plan.writes[0].after->manager);
    assert_non_null(
        strstr(plan.writes[0].after->message, "unrecorded manager (look in the audit log for uid"));
}

static void test_a_deleted_policy_is_made_again_and_said(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    converge();
    world_remove(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
    pass();
    assert_int_equal(plan.writes_count, 1);
    assert_int_equal(plan.writes[0].verb, WRITE_CREATE);
    assert_int_equal(plan.writes[0].after->reason, REASON_POLICY_DELETED);
}

static void test_a_profile_edit_is_no_drift(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce','network':{'allow':{'sameNamespace':{}}}");
    converge();
    put_profile(
        "p", "'mode':'Enforce','network':{'defaultDeny':['Ingress'],'allow':{'sameNamespace':{}}}");
    for (;;) {
        pass();
        if (plan.writes_count == 0)
            break;
        for (size_t i = 0; i < plan.writes_count; i++) {
            assert_null(plan.writes[i].after);
            world_apply(&world, &plan.writes[i]);
        }
    }
    assert_spec(POLICY_DENY, "{'podSelector':{},'policyTypes':['Ingress']}");
}

static void test_stripped_labels_do_not_make_us_stand_down(void **state)
{
    json_t *meta;

    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    converge();
    meta = json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY), "metadata");
    json_object_del(meta, "labels");
    json_object_set_new(meta, "managedFields", json_array());
    world_put(
        &world, KIND_NETWORK_POLICY,
        "{'metadata':{'name':'rampart-default-deny','namespace':'shop'},'spec':{'podSelector':{},"
        "'policyTypes':['Ingress'],'ingress':[{}]}}");
    pass();
    assert_int_equal(plan.writes_count, 1);
    assert_null(find(REASON_NAME_TAKEN));
    converge();
    assert_spec(POLICY_DENY, "{'podSelector':{},'policyTypes':['Ingress','Egress']}");
}

static void test_a_label_that_somebody_adds_goes_again(void **state)
{
    json_t *labels;

    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    converge();
    labels =
        json_object_get(json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY),
                                        "metadata"),
                        "labels");
    json_object_set_new(labels, "app.kubernetes.io/instance", json_string("web"));
    world_touch(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY, "argocd");
    pass();
    assert_int_equal(plan.writes_count, 1);
    assert_int_equal(plan.writes[0].after->reason, REASON_POLICY_EDITED);
    world_apply(&world, &plan.writes[0]);
    labels =
        json_object_get(json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY),
                                        "metadata"),
                        "labels");
    assert_int_equal(json_object_size(labels), 2);
    pass();
    assert_int_equal(plan.writes_count, 0);
}

static void test_a_taken_name_is_never_taken_over(void **state)
{
    (void)state;
    world_put(&world, KIND_NETWORK_POLICY,
              "{'metadata':{'name':'rampart-allow-same-namespace','namespace':'shop'},'spec':{'"
              "podSelector':{}}}");
    put_profile("p", "'mode':'Enforce','network':{'allow':{'sameNamespace':{}}}");
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_FAILED);
    assert_non_null(find(REASON_NAME_TAKEN));
}

static void test_only_what_we_made_is_removed(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    converge();
    world_put(&world, KIND_NETWORK_POLICY,
              "{'metadata':{'name':'rampart-mine','namespace':'shop','labels':{'app.kubernetes.io/"
              "managed-by':"
              "'rampart','rampart.dev/profile':'p'}},'spec':{'podSelector':{}}}");
    world_put(
        &world, KIND_NETWORK_POLICY,
        "{'metadata':{'name':'copy','namespace':'shop','labels':{'app.kubernetes.io/"
        "managed-by':'rampart'},"
        "'ownerReferences':[{'apiVersion':'v1','kind':'Namespace','name':'shop','uid':'uid-1'}]},"
        "'spec':{'podSelector':{}}}");
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_COMPLIANT);
}

static void test_a_foreign_policy_that_allows_everything_is_reported(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    converge();
    world_put(&world, KIND_NETWORK_POLICY,
              "{'metadata':{'name':'open','namespace':'shop'},'spec':{'podSelector':{},'"
              "policyTypes':['Ingress'],"
              "'ingress':[{}]}}");
    pass();
    assert_non_null(find(REASON_UNDONE));
    assert_int_equal(plan.state, VERDICT_DRIFTED);
    assert_int_equal(plan.writes_count, 0);
}

static void test_the_metadata_address_is_cut_out_of_egress_blocks(void **state)
{
    (void)state;
    put_profile("p",
                "'mode':'Enforce','network':{'allow':{'metadataAPI':{'deny':true},'to':["
                "{'ipBlock':{'cidr':'0.0.0.0/0','except':['169.254.0.0/16']}},"
                "{'ipBlock':{'cidr':'169.254.0.0/16'}},{'ipBlock':{'cidr':'169.254.169.254/32'}},"
                "{'ipBlock':{'cidr':'::/0'}}]}}");
    converge();
    assert_spec("rampart-allow-to",
                "{'egress':[{'to':[{'ipBlock':{'cidr':'0.0.0.0/0','except':['169.254.0.0/16']}}]},"
                "{'to':[{'ipBlock':{'cidr':'169.254.0.0/16','except':['169.254.169.254/32']}}]},"
                "{'to':[{'ipBlock':{'cidr':'::/0','except':['fd00:ec2::254/128']}}]}],"
                "'podSelector':{},'policyTypes':['Egress']}");
}

static void test_a_list_that_is_nothing_but_metadata_makes_no_policy(void **state)
{
    (void)state;
    put_profile(
        "p",
        "'mode':'Enforce','network':{'allow':{'to':[{'ipBlock':{'cidr':'169.254.169.254/32'}}]}}");
    converge();
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 1);
    put_profile("p", "'mode':'Enforce','network':{'allow':{'metadataAPI':{'deny':false},'to':[{'"
                     "ipBlock':{'cidr':"
                     "'169.254.169.254/32'}}]}}");
    converge();
    assert_non_null(spec_of("rampart-allow-to"));
}

static void test_nothing_is_made_before_the_finalizer_of_a_profile_that_removes(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce','onDelete':'Remove'," BARE);
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_DRIFTED);
}

static void test_a_profile_that_no_longer_selects_takes_back_or_retains(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    converge();
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{}}}");
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_non_null(find(REASON_RETAINED));
    assert_non_null(
        strstr(find(REASON_RETAINED)->message,
               "kubectl -n shop delete networkpolicy -l app.kubernetes.io/managed-by=rampart,"
               "rampart.dev/profile=p"));
    put_profile("p", "'mode':'Enforce','onDelete':'Remove'," BARE);
    pass();
    assert_int_equal(plan.writes_count, 1);
    assert_int_equal(plan.writes[0].verb, WRITE_DELETE);
    assert_false(plan.writes[0].is_explained);
    put_profile("p", "'mode':'Audit','onDelete':'Remove'," BARE);
    pass();
    assert_int_equal(plan.writes_count, 0); /* Audit freezes */
}

static void test_the_absence_of_a_profile_removes_nothing(void **state)
{
    (void)state;
    put_profile("p", "'mode':'Enforce'," BARE);
    converge();
    world_remove(&world, KIND_PROFILE, "", "p");
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_NONE);
}

static void test_the_next_profile_takes_the_policies_over(void **state)
{
    json_t *meta;

    (void)state;
    put_profile("a", "'mode':'Enforce','network':{'allow':{'sameNamespace':{}}}");
    converge();
    world_remove(&world, KIND_PROFILE, "", "a");
    put_profile("b", "'mode':'Enforce'," BARE);
    converge();
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 1);
    meta = json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY), "metadata");
    assert_string_equal(json_string_value(
                            json_object_get(json_object_get(meta, "labels"), LABEL_PROFILE)),
                        "b");
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_a_bare_profile_costs_one_write_and_then_none),
        WITH_WORLD(test_the_namespace_owns_the_policy_and_the_labels_say_whose_it_is),
        WITH_WORLD(test_nothing_is_written_unless_a_profile_enforces),
        WITH_WORLD(test_audit_says_what_enforce_would_create),
        WITH_WORLD(test_our_own_and_terminating_namespaces_are_never_touched),
        WITH_WORLD(test_priority_decides_then_the_name),
        WITH_WORLD(test_an_edited_policy_is_put_right_and_the_rival_is_named),
        WITH_WORLD(test_a_plan_outlives_the_cache_it_was_made_from),
        WITH_WORLD(test_a_removed_field_is_put_back_though_nobody_is_recorded),
        WITH_WORLD(test_a_deleted_policy_is_made_again_and_said),
        WITH_WORLD(test_a_profile_edit_is_no_drift),
        WITH_WORLD(test_stripped_labels_do_not_make_us_stand_down),
        WITH_WORLD(test_a_label_that_somebody_adds_goes_again),
        WITH_WORLD(test_a_taken_name_is_never_taken_over),
        WITH_WORLD(test_only_what_we_made_is_removed),
        WITH_WORLD(test_a_foreign_policy_that_allows_everything_is_reported),
        WITH_WORLD(test_the_metadata_address_is_cut_out_of_egress_blocks),
        WITH_WORLD(test_a_list_that_is_nothing_but_metadata_makes_no_policy),
        WITH_WORLD(test_nothing_is_made_before_the_finalizer_of_a_profile_that_removes),
        WITH_WORLD(test_a_profile_that_no_longer_selects_takes_back_or_retains),
        WITH_WORLD(test_the_absence_of_a_profile_removes_nothing),
        WITH_WORLD(test_the_next_profile_takes_the_policies_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
