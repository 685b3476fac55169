/* What becomes of labels that others change, of those that are no longer wanted, and when the
 * profile goes. */
#include "reconcilers_pod_security.h"
#include "support/sweep.h"

/* ---- Rivals ---- */

static void test_who_takes_a_label_away_twice_has_it(void **state)
{
    (void)state;
    profile("", ALL);
    (void)look();
    user_sets("warn", NULL);
    user_sets("warn-version", NULL);
    assert_int_equal(look(), 1);
    assert_contains(event, "LabelRemoved: namespace shop: " PREFIX "warn was removed");
    assert_label("warn", "restricted");
    assert_label("warn-version", "v1.30");
    user_sets("warn", NULL);
    assert_int_equal(look(), 0);
    assert_label("warn", NULL);
    assert_int_equal(said.state, VERDICT_DRIFTED);
    assert_says(REASON_CONTESTED, "label " PREFIX "warn was taken away twice");
    assert_int_equal(look(), 0);
    assert_says(REASON_CONTESTED, "taken away twice");
    user_sets("audit", NULL); /* each label has rounds of its own */
    assert_int_equal(look(), 1);
    assert_label("audit", "restricted");
    profile("", ALL); /* another spec begins anew */
    assert_int_equal(look(), 1);
    assert_label("warn", "restricted");
    assert_null(finding_of(REASON_CONTESTED));
}

static void test_a_version_that_is_taken_away_comes_back_once(void **state)
{
    (void)state;
    profile("", "'warn':'baseline','version':'v1.30'");
    (void)look();
    user_sets("warn-version", NULL);
    assert_int_equal(look(), 1);
    assert_label("warn-version", "v1.30");
    assert_contains(event, PREFIX "warn-version was removed");
    user_sets("warn-version", NULL);
    assert_int_equal(look(), 0);
    assert_says(REASON_CONTESTED, "label " PREFIX "warn-version was");
    has_said = false; /* another process takes it as it is */
    assert_int_equal(look(), 0);
    assert_label("warn-version", NULL);
    assert_int_equal(said.state, VERDICT_COMPLIANT);
}

static void test_enforce_comes_back_through_the_gate(void **state)
{
    (void)state;
    profile("", "'enforce':'baseline'");
    (void)look();
    user_sets("enforce", NULL);
    user_sets("enforce-version", NULL);
    warning = "existing pods violate";
    assert_int_equal(look(), 0);
    assert_says(REASON_LABEL_WAITS, "existing pods violate");
    warning = "";
    assert_int_equal(look(), 1);
    assert_label("enforce", "baseline");
}

static void test_a_label_that_somebody_states_otherwise_is_his(void **state)
{
    (void)state;
    profile("", ALL);
    (void)look();
    user_sets("enforce", "privileged");
    assert_int_equal(look(), 0);
    assert_string_equal(trace, "owners ");
    assert_label("enforce", "privileged");
    assert_says(REASON_LABEL_STATED, "states " PREFIX "enforce=privileged:v1.30, less");
    assert_int_equal(look(), 0);
    assert_string_equal(trace, ""); /* whose it is was read once */
    assert_says(REASON_LABEL_STATED, "less");
    user_sets("enforce", "baseline");
    assert_int_equal(look(), 0);
    assert_int_equal(said.state, VERDICT_COMPLIANT);
}

static void test_a_version_that_somebody_states_otherwise_is_his(void **state)
{
    (void)state;
    profile("", ALL);
    (void)look();
    user_sets("audit-version", "v1.25");
    assert_int_equal(look(), 0);
    assert_string_equal(trace, "owners ");
    assert_label("audit-version", "v1.25");
    assert_says(REASON_LABEL_STATED, "audit=restricted:v1.25, less");
}

/* ---- The profile changes ---- */

static void test_an_edit_of_the_profile_changes_what_is_ours(void **state)
{
    (void)state;
    profile("", ALL);
    (void)look();
    profile("", "'enforce':'restricted','warn':'baseline','audit':'restricted','version':'v1.31'");
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "owners gate write ");
    assert_label("enforce", "restricted");
    assert_label("enforce-version", "v1.31");
    assert_label("warn", "baseline");
    assert_label("audit", "restricted");
    assert_label("audit-version", "v1.31");
    assert_int_equal(look(), 0);
}

static void test_a_stricter_level_waits_and_the_one_that_is_there_stays(void **state)
{
    (void)state;
    profile("", "'enforce':'baseline'");
    workload(KIND_DEPLOYMENT, "web", false);
    (void)look();
    profile("", "'enforce':'restricted'");
    assert_int_equal(look(), 0);
    assert_label("enforce", "baseline");
    assert_says(REASON_LABEL_WAITS, "enforce=restricted:latest waits");
}

static void test_what_git_has_adopted_is_changed_no_more(void **state)
{
    (void)state;
    profile("", "'warn':'baseline'");
    (void)look();
    git_states("warn", "baseline");
    profile("", "'warn':'restricted'");
    assert_int_equal(look(), 0);
    assert_label("warn", "baseline");
    assert_says(REASON_LABEL_STATED, "warn=baseline:latest, less than the restricted:latest");
}

static void test_a_level_of_ours_beside_a_version_of_somebody_elses(void **state)
{
    (void)state;
    profile("", "'warn':'baseline'");
    user_sets("warn-version", "v1.30");
    assert_int_equal(look(), 1);
    assert_int_equal(look(), 0);
    assert_says(REASON_LABEL_STATED, "warn=baseline:v1.30, less");
    profile("", "'warn':'restricted'");
    assert_int_equal(look(), 1);
    assert_label("warn", "restricted");
    assert_label("warn-version", "v1.30");
    user_sets("warn-version", NULL);
    profile("", "'warn':'baseline'");
    assert_int_equal(look(), 1);
    assert_label("warn", "baseline");
    assert_label("warn-version", "latest");
}

static void test_what_is_no_longer_wanted_goes_if_it_is_ours(void **state)
{
    (void)state;
    profile("", "'enforce':'baseline','warn':'baseline'");
    (void)look();
    user_sets("warn-version", "v1.25");
    profile("", "'enforce':'baseline'");
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "owners write ");
    assert_label("warn", NULL);
    assert_label("warn-version", "v1.25");
    assert_label("enforce", "baseline");
    assert_int_equal(look(), 0); /* once more it is asked whose the rest is ... */
    assert_int_equal(look(), 0);
    assert_string_equal(trace, ""); /* ... and then no more */
    assert_int_equal(said.state, VERDICT_COMPLIANT);
}

static void test_a_label_that_nobody_asks_for_is_nobodys_business(void **state)
{
    (void)state;
    user_sets("warn", "baseline");
    profile("", "'enforce':'baseline','warn':'baseline','audit':'baseline'");
    user_sets("warn-version", "latest");
    user_sets("audit", "baseline");
    profile("", "'enforce':'baseline','warn':'baseline'");
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "gate write owners ");
    assert_int_equal(look(), 0);
    assert_string_equal(trace, "");
    assert_label("audit", "baseline");
    assert_int_equal(said.state, VERDICT_COMPLIANT);
    user_sets("enforce", NULL); /* both labels */
    user_sets("enforce-version", NULL);
    assert_int_equal(look(), 1);
    assert_contains(event, PREFIX "enforce was removed");
}

static void test_another_profile_takes_the_labels_over(void **state)
{
    (void)state;
    profile("'onDelete':'Remove',", "'enforce':'baseline'");
    (void)look();
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'above','generation':1},'spec':{'mode':'Enforce','priority':9,"
              "'namespaceSelector':{},'podSecurityAdmission':{'enforce':'baseline'}}}");
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "write ");
    assert_string_equal(mark(), "above");
    assert_label("enforce", "baseline");
    assert_int_equal(look(), 0);
}

/* ---- Taking back ---- */

static void going(const char *rest)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'restricted','generation':99,'deletionTimestamp':'x',"
              "'finalizers':['rampart.dev/take-back']},'spec':{'mode':'Enforce',%s"
              "'namespaceSelector':{},'podSecurityAdmission':{" ALL "}}}",
              rest);
}

static void test_remove_takes_back_all_that_is_ours_and_nothing_else(void **state)
{
    json_t *before, *after;

    (void)state;
    user_sets("audit", "baseline");
    before = json_deep_copy(json_object_get(meta_of("shop"), "labels"));
    profile("'onDelete':'Remove',", ALL);
    (void)look();
    assert_label("enforce", "baseline");
    going("'onDelete':'Remove',");
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "owners write ");
    after = json_object_get(meta_of("shop"), "labels");
    assert_true(json_equal(before, after));
    json_decref(before);
    assert_null(mark());
    assert_null(said.profile);
    assert_int_equal(look(), 0);
}

static void test_what_was_adopted_stays_and_the_mark_goes(void **state)
{
    (void)state;
    profile("'onDelete':'Remove',", ALL);
    (void)look();
    git_states("enforce", "baseline");
    user_sets("warn", "baseline");
    going("'onDelete':'Remove',");
    assert_int_equal(look(), 1);
    assert_label("enforce", "baseline");
    assert_label("enforce-version", NULL);
    assert_label("warn", "baseline");
    assert_label("audit", NULL);
    assert_null(mark());
}

static void test_retain_leaves_them_and_says_so_once(void **state)
{
    (void)state;
    profile("", ALL);
    (void)look();
    profile("'excludedNamespaces':['shop'],", ALL);
    assert_int_equal(look(), 0);
    assert_label("enforce", "baseline");
    assert_says(REASON_RETAINED, "its Pod Security Admission labels stay");
    assert_int_equal(look(), 0);
    assert_says(REASON_RETAINED, "To remove one: kubectl label namespace shop " PREFIX "enforce-");
    has_said = false;
    assert_int_equal(look(), 0);
    assert_null(finding_of(REASON_RETAINED));
}

static void test_a_profile_that_no_longer_selects_takes_back_what_is_its(void **state)
{
    (void)state;
    profile("'onDelete':'Remove',", ALL);
    (void)look();
    has_said = false; /* the mark tells whose they are */
    profile("'onDelete':'Remove','excludedNamespaces':['shop'],", "'mode':'Audit'," ALL);
    assert_int_equal(look(), 0); /* Audit freezes */
    assert_label("enforce", "baseline");
    profile("'onDelete':'Remove','excludedNamespaces':['shop'],", ALL);
    assert_int_equal(look(), 1);
    assert_label("enforce", NULL);
}

static void test_who_only_looks_on_does_not_keep_a_profile_from_taking_back(void **state)
{
    (void)state;
    profile("'onDelete':'Remove',", ALL);
    (void)look();
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'above','generation':1},'spec':{'mode':'Audit','priority':9,"
              "'namespaceSelector':{},'podSecurityAdmission':{'enforce':'baseline'}}}");
    assert_int_equal(look(), 0); /* one that goes on keeps what it has */
    going("");
    assert_int_equal(look(), 0); /* Retain */
    going("'onDelete':'Remove',");
    assert_int_equal(look(), 1);
    assert_label("enforce", NULL);
    assert_string_equal(said.profile, "above");
}

static void test_nobodys_mark_is_nobodys_order(void **state)
{
    (void)state;
    profile("'onDelete':'Remove',", ALL);
    (void)look();
    world_remove(&world, KIND_PROFILE, NULL, "restricted");
    assert_int_equal(look(), 0);
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'restricted'},'spec':{'onDelete':'Remove'}}");
    assert_int_equal(look(), 0); /* one that cannot be understood */
    assert_label("enforce", "baseline");
}

static const struct namespace_facts *facts_of(const char *ns)
{
    return OBJECT_AS(namespace_facts, view_get(&view, KIND_NAMESPACE, "", ns));
}

static void test_a_profile_holds_the_namespaces_with_its_mark(void **state)
{
    static const char *const other =
        "{'metadata':{'name':'%s','annotations':{'" ANNOTATION_POD_SECURITY "':'restricted'}%s}}";
    const struct profile *p;

    (void)state;
    profile("", ALL);
    p = OBJECT_AS(profile, view_get(&view, KIND_PROFILE, "", "restricted"));
    assert_false(pod_security_holds(&view, p, facts_of("shop")));
    world_put(&world, KIND_NAMESPACE, other, "a", "");
    world_put(&world, KIND_NAMESPACE, other, "rampart-system", "");
    world_put(&world, KIND_NAMESPACE, other, "going", ",'deletionTimestamp':'x'");
    world_put(&world, KIND_NAMESPACE,
              "{'metadata':{'name':'b','annotations':{'" ANNOTATION_POD_SECURITY "':'other'}}}");
    assert_true(pod_security_holds(&view, p, facts_of("a")));
    assert_false(pod_security_holds(&view, p, facts_of("b")));
    assert_false(pod_security_holds(&view, p, facts_of("rampart-system")));
    assert_false(pod_security_holds(&view, p, facts_of("going")));
}

/* ---- Memory ---- */

static int walk(void *ctx, struct err *err)
{
    struct pod_security_known known = {.warning = "existing pods violate", .owners_rv = ctx};
    struct pod_security_step step;
    struct arena a;
    struct plan p;
    void *build;
    int result = -1;

    known.gate_rv = facts_of("shop")->object.rv;
    known.ours = 0xff;
    if (ctx)
        known.owners_rv = known.gate_rv;
    arena_init(&a, 1024 * 1024);
    plan_init(&p, &a);
    if (pod_security_begin(&view, "shop", &a, &build, err) == 0) {
        known.violators = build;
        if (pod_security_step(&view, "shop", &known, &p, &step, err) == 0 &&
            plan_check(&p, err) == 0)
            result = pod_security_preview(&view, "shop", &p, err) < 0 ? -1 : plan_check(&p, err);
    }
    arena_done(&a);
    return result;
}

static void test_memory_that_is_out_is_an_error_of_each_kind_of_pass(void **state)
{
    static char yes[] = "";

    (void)state;
    workload(KIND_DEPLOYMENT, "web", true);
    workload(KIND_CRON_JOB, "nightly", true);
    profile("", ALL);
    assert_true(sweep(walk, NULL) > 0); /* waits */
    profile("", "'mode':'Audit'," ALL);
    assert_true(sweep(walk, NULL) > 0);
    profile("", "'enforce':'baseline','onViolation':'Enforce'");
    assert_true(sweep(walk, NULL) > 0); /* imposed */
    (void)look();
    workload(KIND_DEPLOYMENT, "web", false);
    workload(KIND_CRON_JOB, "nightly", false);
    user_sets("enforce", NULL);
    user_sets("enforce-version", NULL);
    assert_true(sweep(walk, NULL) > 0); /* removed */
    (void)look();
    user_sets("enforce", NULL);
    assert_true(sweep(walk, NULL) > 0); /* contested */
    user_sets("enforce", "privileged");
    assert_true(sweep(walk, yes) > 0); /* stated */
    profile("'excludedNamespaces':['shop'],", ALL);
    assert_true(sweep(walk, yes) > 0); /* retained */
    going("'onDelete':'Remove',");
    assert_true(sweep(walk, yes) > 0); /* taken back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_takes_a_label_away_twice_has_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_version_that_is_taken_away_comes_back_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_enforce_comes_back_through_the_gate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_label_that_somebody_states_otherwise_is_his, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_version_that_somebody_states_otherwise_is_his, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_edit_of_the_profile_changes_what_is_ours, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_stricter_level_waits_and_the_one_that_is_there_stays,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_git_has_adopted_is_changed_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_level_of_ours_beside_a_version_of_somebody_elses,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_longer_wanted_goes_if_it_is_ours, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_label_that_nobody_asks_for_is_nobodys_business,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_profile_takes_the_labels_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_remove_takes_back_all_that_is_ours_and_nothing_else,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_adopted_stays_and_the_mark_goes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_retain_leaves_them_and_says_so_once, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_profile_that_no_longer_selects_takes_back_what_is_its, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_who_only_looks_on_does_not_keep_a_profile_from_taking_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobodys_mark_is_nobodys_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_profile_holds_the_namespaces_with_its_mark, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_memory_that_is_out_is_an_error_of_each_kind_of_pass,
                                        setup, teardown),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
