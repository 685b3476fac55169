/* What many namespaces add up to in the conditions and counts of a profile, and its finalizer. */
#include "reconcilers_status.h"

/* ---- Verdicts ---- */

static void test_namespaces_are_counted_by_the_verdict_of_this_profile_in_this_mode(void **state)
{
    json_t *status;

    (void)state;
    for (int i = 0; i < 6; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "n%d", i);
        put_namespace(name, "'team':'shop'");
    }
    put_namespace("other", "");
    put_profile("p", "", ENFORCE, "");
    say("n0", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);
    say("n1", "p", MODE_ENFORCE, VERDICT_DRIFTED, NULL, 0);
    say("n2", "q", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0); /* the last pass was another's */
    say("n3", NULL, MODE_ENFORCE, VERDICT_NONE, NULL, 0);
    say("n4", "p", MODE_AUDIT, VERDICT_COMPLIANT, NULL, 0); /* in another mode */
    status = status_of("p");                                /* n5: none looked yet */
    assert_counts(status, "6 1 5 0 0");
    assert_condition(status, "Ready", "False", "Progressing", "1 of 6 namespaces are compliant");
    json_decref(status);
}

/* No memory to say why, or too many verdicts: it does not count as compliant, and no condition
 * contradicts another. */
static void test_a_failure_that_nobody_can_explain_is_still_one(void **state)
{
    json_t *status;

    (void)state;
    put_namespace("shop", "'team':'shop'");
    put_profile("p", "", ENFORCE, "");
    say("shop", "p", MODE_ENFORCE, VERDICT_FAILED, NULL, 0);
    status = status_of("p");
    assert_condition(status, "Ready", "False", "Failed", "1 of 1 namespaces cannot be made");
    assert_condition(status, "Degraded", "True", "Failed", "memory was out");
    json_decref(status);
}

static void test_audit_goes_on_with_what_it_has_found_while_namespaces_are_pending(void **state)
{
    struct finding missing = finding_of(REASON_POLICY_MISSING, "", "a");
    json_t *status;

    (void)state;
    put_namespace("a", "'team':'shop'");
    put_namespace("b", "'team':'shop'");
    put_profile("p", "", AUDIT, "");
    say("a", "p", MODE_AUDIT, VERDICT_DRIFTED, &missing, 1);
    status = status_of("p");
    assert_condition(status, "Ready", "False", "Progressing", "first: a");
    json_decref(status);
    say("b", "p", MODE_AUDIT, VERDICT_COMPLIANT, NULL, 0);
    status = status_of("p");
    assert_condition(status, "Ready", "True", "Evaluated", "1 of 2 namespaces are compliant");
    json_decref(status);
}

static void test_the_worst_finding_is_the_first_that_counts_as_failed(void **state)
{
    const struct finding findings[] = {finding_of(REASON_UNDONE, "a", "one"),
                                       finding_of(REASON_NAME_TAKEN, "a", "two"),
                                       finding_of(REASON_NAME_TAKEN, "a", "three")};
    json_t *status;

    (void)state;
    put_namespace("a", "'team':'shop'");
    put_profile("p", "", ENFORCE, "");
    say("a", "p", MODE_ENFORCE, VERDICT_FAILED, findings, COUNT_OF(findings));
    status = status_of("p");
    assert_condition(status, "Degraded", "True", "NameTaken", "two");
    assert_condition(status, "Ready", "False", "NameTaken", "first: two");
    json_decref(status);
}

static void test_contested_namespaces_are_counted_and_the_first_is_told(void **state)
{
    const struct finding contests[] = {finding_of(REASON_CONTESTED, "a", "contest of a"),
                                       finding_of(REASON_CONTESTED, "b", "contest of b")};
    json_t *status;

    (void)state;
    put_namespace("a", "'team':'shop'");
    put_namespace("b", "'team':'shop'");
    put_namespace("c", "'team':'shop'");
    put_profile("p", "", ENFORCE, "");
    say("a", "p", MODE_ENFORCE, VERDICT_DRIFTED, NULL, 0);
    say("b", "p", MODE_ENFORCE, VERDICT_DRIFTED, NULL, 0);
    say("c", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);
    said[0].verdict.contest = &contests[0];
    said[1].verdict.contest = &contests[1];
    status = status_of("p");
    assert_condition(status, "Contested", "True", "Contested",
                     "2 of 3 namespaces; first: contest of a");
    json_decref(status);
}

/* ---- What a profile no longer decides ---- */

static void
test_what_cannot_be_taken_back_fails_in_the_name_of_the_profile_it_was_made_for(void **state)
{
    struct finding mine = finding_of(REASON_NAME_TAKEN, "a", "mine");
    struct finding others = finding_of(REASON_NAME_TAKEN, "b", "others");
    struct finding harmless = finding_of(REASON_UNDONE, "c", "harmless");
    struct finding nobodys = finding_of(REASON_NAME_TAKEN, "d", "nobodys");
    struct finding second = finding_of(REASON_NAME_TAKEN, "e", "second");
    json_t *status;

    (void)state;
    others.profile = "q";
    nobodys.profile = NULL;
    put_namespace("a", "");
    put_namespace("b", "");
    put_namespace("c", "");
    put_namespace("d", "");
    put_namespace("e", "");
    put_namespace("f", "");
    put_profile("p", "", ENFORCE, "");
    say("a", NULL, MODE_ENFORCE, VERDICT_FAILED, &mine, 1);
    say("b", NULL, MODE_ENFORCE, VERDICT_FAILED, &others, 1);
    say("c", NULL, MODE_ENFORCE, VERDICT_DRIFTED, &harmless, 1);
    say("d", NULL, MODE_ENFORCE, VERDICT_FAILED, &nobodys, 1);
    say("e", NULL, MODE_ENFORCE, VERDICT_FAILED, &second, 1);
    status = status_of("p");
    assert_counts(status, "0 0 0 2 0");
    assert_condition(status, "Degraded", "True", "NameTaken", "mine");
    assert_condition(status, "Ready", "False", "NameTaken", "2 of 2 namespaces");
    json_decref(status);
}

static void test_a_profile_that_is_overridden_names_the_first_winner(void **state)
{
    json_t *status;

    (void)state;
    put_namespace("a", "'team':'shop'");
    put_namespace("b", "'team':'shop'");
    put_profile("p", "", ENFORCE, "");
    put_profile("high", "", ",'priority':5,'mode':'Enforce','network':{'allow':{}}", "");
    status = status_of("p");
    assert_counts(status, "2 0 0 0 2");
    assert_condition(status, "Enforcing", "False", "Overridden",
                     "2 of 2 namespaces are decided by a profile of higher priority (high)");
    json_decref(status);
}

/* ---- Profiles that decide nothing ---- */

static void test_a_profile_that_states_nothing_says_so(void **state)
{
    json_t *status;

    (void)state;
    put_namespace("a", "'team':'shop'");
    put_profile("p", "", ",'mode':'Enforce'", "");
    status = status_of("p");
    assert_condition(status, "Enforcing", "False", "NothingStated", "states no section");
    assert_counts(status, "1 0 0 0 0");
    assert_int_equal(json_array_size(json_object_get(status, "rules")), 0);
    json_decref(status);
}

static void test_a_profile_that_selects_nothing_or_is_off_says_so(void **state)
{
    json_t *status;

    (void)state;
    put_profile("p", "", ENFORCE, "");
    status = status_of("p");
    assert_condition(status, "Enforcing", "False", "NothingSelected", "no namespace matches");
    json_decref(status);
    put_namespace("a", "'team':'shop'");
    put_profile("p", "", ",'mode':'Off','network':{'allow':{}}", "");
    status = status_of("p"); /* nobody has looked, and nobody will */
    assert_condition(status, "Ready", "True", "Off", "0 of 1");
    json_decref(status);
}

static void test_a_profile_that_is_going_says_so(void **state)
{
    json_t *status;

    (void)state;
    put_namespace("a", "'team':'shop'");
    put_profile("p", ",'finalizers':['example.com/x'],'deletionTimestamp':'" THEN "'", ENFORCE, "");
    status = status_of("p");
    assert_condition(status, "Enforcing", "False", "Deleting", "is being deleted");
    assert_condition(status, "Ready", "False", "TakingBack", "0 policies are still to be removed");
    json_decref(status);
}

static void test_a_profile_that_is_gone_has_no_status(void **state)
{
    struct err err = {0};

    (void)state;
    plan_init(&plan, &arena);
    assert_int_equal(registry_ops.plan_profile(&world.view, "nobody", &plan, &err), 0);
    assert_int_equal(plan.writes_count, 0);
}

/* ---- Finalizer ---- */

#define POLICY_OF(name, ns, profile)                                                            \
    "{'metadata':{'name':'" name "','namespace':'" ns "','labels':{'app.kubernetes.io/managed-" \
    "by':'rampart'" profile                                                                     \
    "},'ownerReferences':[{'apiVersion':'v1','kind':'Namespace','name':'" ns                    \
    "','uid':'%s'}]},'spec':{'podSelector':{}}}"

static const char *uid_of(const char *ns)
{
    return json_string_value(
        json_object_get(json_object_get(world_get(&world, KIND_NAMESPACE, NULL, ns), "metadata"),
                        "uid"));
}

/* With onDelete: Remove, the finalizer is wanted where there is something to take back, or is about
 * to be. */
static void test_the_finalizer_is_on_while_there_is_something_to_take_back(void **state)
{
    static const struct {
        const char *spec;
        const char *labels;
        bool has_policy;
        bool wants;
    } rows[] = {
        {",'mode':'Enforce','network':{'allow':{}}", "'team':'shop'", false, true},
        {",'mode':'Enforce','network':{'allow':{}}", "", false, false},
        {",'mode':'Audit','network':{'allow':{}}", "'team':'shop'", false, false},
        {",'mode':'Enforce'", "'team':'shop'", false, false},
        {",'mode':'Audit','network':{'allow':{}}", "'team':'shop'", true, true},
        {",'mode':'Enforce'", "'team':'shop'", true, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};
        char spec[128];

        put_namespace("shop", rows[i].labels);
        (void)snprintf(spec, sizeof(spec), ",'onDelete':'Remove'%s", rows[i].spec);
        put_profile("p", "", spec, "");
        if (rows[i].has_policy)
            world_put(&world, KIND_NETWORK_POLICY,
                      POLICY_OF("rampart-default-deny", "shop", ",'rampart.dev/profile':'p'"),
                      uid_of("shop"));
        arena_reset(&arena);
        plan_init(&plan, &arena);
        assert_int_equal(registry_ops.plan_profile(&world.view, "p", &plan, &err), 0);
        assert_int_equal(plan.writes[0].phase == PHASE_FINALIZER, rows[i].wants);
    }
}

static void test_policies_that_are_not_to_be_taken_back_hold_no_finalizer(void **state)
{
    struct err err = {0};

    (void)state;
    put_namespace("shop", "'team':'shop'");
    put_namespace("rampart-system", "");
    world_put(&world, KIND_NETWORK_POLICY, POLICY_OF("rampart-a", "shop", ""), uid_of("shop"));
    world_put(&world, KIND_NETWORK_POLICY,
              POLICY_OF("rampart-b", "shop", ",'rampart.dev/profile':'q'"), uid_of("shop"));
    world_put(&world, KIND_NETWORK_POLICY,
              POLICY_OF("rampart-c", "rampart-system", ",'rampart.dev/profile':'p'"),
              uid_of("rampart-system"));
    world_put(&world, KIND_NETWORK_POLICY,
              POLICY_OF("rampart-d", "gone", ",'rampart.dev/profile':'p'"), "u");
    put_profile("p", ",'finalizers':['rampart.dev/take-back'],'deletionTimestamp':'" THEN "'",
                ",'mode':'Enforce','onDelete':'Remove','network':{'allow':{}}", "");
    plan_init(&plan, &arena);
    assert_int_equal(registry_ops.plan_profile(&world.view, "p", &plan, &err), 0);
    assert_int_equal(plan.writes[0].phase, PHASE_RELEASE);
}

/* A profile that goes without our finalizer is not given one: nothing may be added any more. */
static void test_a_profile_that_is_going_is_never_given_a_finalizer(void **state)
{
    json_t *status;

    (void)state;
    put_namespace("shop", "'team':'shop'");
    world_put(&world, KIND_NETWORK_POLICY,
              POLICY_OF("rampart-default-deny", "shop", ",'rampart.dev/profile':'p'"),
              uid_of("shop"));
    put_profile("p", ",'finalizers':['example.com/x'],'deletionTimestamp':'" THEN "'",
                ",'mode':'Enforce','onDelete':'Remove','network':{'allow':{}}", "");
    status = status_of("p");
    assert_condition(status, "Ready", "False", "TakingBack", "1 policies are still to be removed");
    json_decref(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_namespaces_are_counted_by_the_verdict_of_this_profile_in_this_mode),
        WITH_WORLD(test_a_failure_that_nobody_can_explain_is_still_one),
        WITH_WORLD(test_audit_goes_on_with_what_it_has_found_while_namespaces_are_pending),
        WITH_WORLD(test_the_worst_finding_is_the_first_that_counts_as_failed),
        WITH_WORLD(test_contested_namespaces_are_counted_and_the_first_is_told),
        WITH_WORLD(test_what_cannot_be_taken_back_fails_in_the_name_of_the_profile_it_was_made_for),
        WITH_WORLD(test_a_profile_that_is_overridden_names_the_first_winner),
        WITH_WORLD(test_a_profile_that_states_nothing_says_so),
        WITH_WORLD(test_a_profile_that_selects_nothing_or_is_off_says_so),
        WITH_WORLD(test_a_profile_that_is_going_says_so),
        WITH_WORLD(test_a_profile_that_is_gone_has_no_status),
        WITH_WORLD(test_the_finalizer_is_on_while_there_is_something_to_take_back),
        WITH_WORLD(test_policies_that_are_not_to_be_taken_back_hold_no_finalizer),
        WITH_WORLD(test_a_profile_that_is_going_is_never_given_a_finalizer),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
