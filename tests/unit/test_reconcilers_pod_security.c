/* Which labels are filled in, and when enforce waits. */
#include "reconcilers_pod_security.h"

#define PRIVILEGED "'spec':{'containers':[{'name':'c','securityContext':{'privileged':true}}]}"

static void add_pod(enum kind kind, const char *json)
{
    assert_true(pods_count < PODS_MAX);
    pod_kinds[pods_count] = kind;
    pods[pods_count++] = json;
}

/* ---- Filling in ---- */

static void test_all_labels_come_in_one_patch_behind_the_gate(void **state)
{
    (void)state;
    profile("", ALL);
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "gate write ");
    assert_label("enforce", "baseline");
    assert_label("enforce-version", "v1.30");
    assert_label("warn", "restricted");
    assert_label("warn-version", "v1.30");
    assert_label("audit", "restricted");
    assert_label("audit-version", "v1.30");
    assert_string_equal(mark(), "restricted");
    assert_int_equal(said.state, VERDICT_COMPLIANT);
    assert_int_equal(said.findings_count, 0);
    assert_string_equal(event, ""); /* a normal fill is no Event */
}

static void test_what_is_in_place_costs_nothing(void **state)
{
    (void)state;
    profile("", ALL);
    (void)look();
    assert_int_equal(look(), 0);
    assert_string_equal(trace, "");
    has_said = false; /* another process */
    assert_int_equal(look(), 0);
    assert_string_equal(trace, "");
    assert_int_equal(said.state, VERDICT_COMPLIANT);
}

static void test_only_the_labels_that_are_asked_for_come(void **state)
{
    (void)state;
    profile("", "'warn':'baseline'");
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "write "); /* which refuses nothing, and needs no gate */
    assert_label("warn", "baseline");
    assert_label("warn-version", "latest");
    assert_label("enforce", NULL);
    assert_label("audit", NULL);
}

static void test_a_stated_label_stays(void **state)
{
    static const struct {
        const char *level, *version;
        bool is_less;
    } rows[] = {
        {"privileged", NULL, true},     {"baseline", NULL, false},
        {"baseline", "latest", false},  {"baseline", "v1.29", true},
        {"baseline", "v1.31", false},   {"restricted", "v1.20", false},
        {"baseline", "v1.2", true},     {"nonsense", "latest", false}, /* which is restricted */
        {"privileged", "latest", true}, {"baseline", "v1.30", false},
    };

    (void)state;
    profile("", "'enforce':'baseline','version':'v1.30'");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        user_sets("enforce", rows[i].level);
        user_sets("enforce-version", rows[i].version);
        assert_int_equal(look(), 0);
        assert_string_equal(trace, "");
        assert_label("enforce", rows[i].level);
        assert_label("enforce-version", rows[i].version);
        assert_null(mark());
        assert_int_equal(said.state, rows[i].is_less ? VERDICT_DRIFTED : VERDICT_COMPLIANT);
        if (rows[i].is_less)
            assert_says(REASON_LABEL_STATED, "less than the baseline:v1.30");
        else
            assert_null(finding_of(REASON_LABEL_STATED));
    }
}

static void test_what_warn_does_not_know_is_privileged(void **state)
{
    (void)state;
    profile("", "'warn':'baseline'");
    user_sets("warn", "nonsense");
    assert_int_equal(look(), 0);
    assert_says(REASON_LABEL_STATED, "states " PREFIX "warn=nonsense, less");
}

static void test_a_version_that_is_stated_alone_stays_and_counts(void **state)
{
    (void)state;
    /* Since v1.34 a host in a probe violates the baseline. */
    world_put(&world, KIND_DEPLOYMENT,
              "{'metadata':{'namespace':'shop','name':'web'},'spec':{'template':{'spec':{"
              "'containers':[{'name':'c','livenessProbe':{'httpGet':{'host':'x'}}}]}}}}");
    profile("", "'enforce':'baseline'");
    assert_int_equal(look(), 0);
    assert_says(REASON_LABEL_WAITS, "Deployment web (host-probes)");
    user_sets("enforce-version", "v1.33");
    assert_int_equal(look(), 1);
    assert_label("enforce", "baseline");
    assert_label("enforce-version", "v1.33");
}

static void test_others_sections_and_namespaces_are_left_alone(void **state)
{
    (void)state;
    profile("'excludedNamespaces':['shop'],", ALL);
    assert_int_equal(look(), 0);
    assert_int_equal(said.state, VERDICT_NONE);
    assert_null(said.profile);
    profile("", ALL);
    world_put(&world, KIND_NAMESPACE,
              "{'metadata':{'name':'rampart-system','labels':{'team':'shop'}}}");
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'kube-x','labels':{'team':'shop'}}}");
    world_put(&world, KIND_NAMESPACE,
              "{'metadata':{'name':'going','deletionTimestamp':'x','labels':{'team':'shop'}}}");
    assert_false(look_at("rampart-system"));
    assert_false(look_at("kube-x"));
    assert_false(look_at("going"));
    assert_false(look_at("gone"));
    assert_string_equal(trace, "");
}

static void test_remove_waits_for_the_finalizer(void **state)
{
    (void)state;
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'restricted'},'spec':{'mode':'Enforce','onDelete':'Remove',"
              "'namespaceSelector':{},'podSecurityAdmission':{" ALL "}}}");
    assert_int_equal(look(), 0);
    assert_string_equal(trace, "");
    assert_int_equal(said.state, VERDICT_DRIFTED);
    profile("'onDelete':'Remove',", ALL);
    assert_int_equal(look(), 1);
}

/* ---- The gate ---- */

static void test_enforce_waits_for_templates_and_the_others_do_not(void **state)
{
    (void)state;
    profile("", ALL);
    workload(KIND_DEPLOYMENT, "web", true);
    workload(KIND_STATEFUL_SET, "db", false);
    workload(KIND_DAEMON_SET, "agent", true);
    workload(KIND_CRON_JOB, "nightly", true);
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "pods write pods "); /* the API server need not be asked */
    assert_label("enforce", NULL);
    assert_label("enforce-version", NULL);
    assert_label("warn", "restricted");
    assert_label("audit", "restricted");
    assert_int_equal(said.state, VERDICT_DRIFTED);
    assert_says(REASON_LABEL_WAITS, "enforce=baseline:v1.30 waits, for these would be refused: "
                                    "Deployment web (privileged), DaemonSet agent (privileged), "
                                    "CronJob nightly (privileged); mend them");
    assert_false(last.waits); /* news of templates come by themselves */
    workload(KIND_DEPLOYMENT, "web", false);
    workload(KIND_DAEMON_SET, "agent", false);
    assert_int_equal(look(), 0);
    assert_says(REASON_LABEL_WAITS, "refused: CronJob nightly (privileged); mend");
    workload(KIND_CRON_JOB, "nightly", false);
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "gate write ");
    assert_label("enforce", "baseline");
    assert_int_equal(said.state, VERDICT_COMPLIANT);
}

static void test_enforce_waits_for_pods_that_the_api_server_warns_of(void **state)
{
    (void)state;
    profile("", "'enforce':'baseline'");
    warning = "existing pods in namespace \"shop\" violate the new PodSecurity enforce level; bare";
    add_pod(KIND_POD, "{'metadata':{'namespace':'shop','name':'bare','uid':'1','resourceVersion':"
                      "'1'}," PRIVILEGED "}");
    add_pod(KIND_POD, "{'metadata':{'namespace':'shop','name':'fine','uid':'2','resourceVersion':"
                      "'1'},'spec':{'containers':[{'name':'c'}]}}");
    add_pod(KIND_JOB, "{'metadata':{'namespace':'shop','name':'once','uid':'3','resourceVersion':"
                      "'1'},'spec':{'template':{" PRIVILEGED "}}}");
    assert_int_equal(look(), 0);
    assert_string_equal(trace, "gate pods ");
    assert_says(REASON_LABEL_WAITS, "refused: Pod bare (privileged), Job once (privileged); the "
                                    "API server warns: existing pods");
    assert_true(last.waits); /* nobody tells when they go */
    warning = "";
    assert_int_equal(look(), 1);
    assert_label("enforce", "baseline");
}

static void test_a_warning_that_we_cannot_explain_counts_all_the_same(void **state)
{
    (void)state;
    profile("", "'enforce':'baseline'");
    warning = "failed to list pods while checking new PodSecurity enforce level";
    assert_int_equal(look(), 0);
    assert_label("enforce", NULL);
    assert_says(REASON_LABEL_WAITS, "see what the API server says; the API server warns: failed");
    assert_true(last.waits);
}

static void test_who_has_an_owner_that_violates_is_named_once(void **state)
{
    (void)state;
    profile("", "'enforce':'baseline'");
    workload(KIND_DEPLOYMENT, "web", true);
    workload(KIND_STATEFUL_SET, "db", false);
    add_pod(KIND_POD,
            "{'metadata':{'namespace':'shop','name':'web-5-x','uid':'1',"
            "'resourceVersion':'1','ownerReferences':[{'kind':'ReplicaSet','name':"
            "'web-5','controller':true,'uid':'9','apiVersion':'apps/v1'}]}," PRIVILEGED "}");
    add_pod(KIND_POD, "{'metadata':{'namespace':'shop','name':'db-0','uid':'2',"
                      "'resourceVersion':'1','ownerReferences':[{'kind':'StatefulSet','name':"
                      "'db','controller':true,'uid':'9','apiVersion':'apps/v1'}]}," PRIVILEGED "}");
    add_pod(KIND_POD,
            "{'metadata':{'namespace':'shop','name':'once-x','uid':'3',"
            "'resourceVersion':'1','ownerReferences':[{'kind':'Job','name':"
            "'once','controller':true,'uid':'9','apiVersion':'batch/v1'}]}," PRIVILEGED "}");
    (void)look();
    /* db-0 is of a template that was mended since. */
    assert_says(REASON_LABEL_WAITS,
                "refused: Deployment web (privileged), Pod db-0 (privileged); mend");
}

static void test_the_list_is_bounded(void **state)
{
    (void)state;
    profile("", "'enforce':'restricted'");
    for (unsigned i = 0; i < VIOLATORS_SHOWN_MAX + 3; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "web-%02u", i);
        world_put(&world, KIND_DEPLOYMENT,
                  "{'metadata':{'namespace':'shop','name':'%s'},'spec':{'template':{'spec':{"
                  "'hostNetwork':true,'containers':[{'name':'c','securityContext':{'privileged':"
                  "true}}]}}}}",
                  name);
    }
    (void)look();
    assert_says(REASON_LABEL_WAITS, "Deployment web-00 (allow-privilege-escalation, ");
    assert_says(REASON_LABEL_WAITS, ", ...), Deployment web-01");
    assert_says(REASON_LABEL_WAITS, "and 3 more; mend");
}

static void test_what_cannot_be_evaluated_is_no_pass(void **state)
{
    (void)state;
    profile("", "'enforce':'baseline'");
    world_put(&world, KIND_DEPLOYMENT,
              "{'metadata':{'namespace':'shop','name':'odd'},'spec':{'template':{'spec':'x'}}}");
    assert_int_equal(look(), 0);
    assert_says(REASON_LABEL_WAITS, "Deployment odd (");
}

static void test_the_gate_is_asked_about_the_namespace_as_it_is(void **state)
{
    struct pod_security_known known = {.gate_rv = "1", .warning = ""};

    (void)state;
    profile("", "'enforce':'baseline'");
    step_at("shop", &known); /* that was another resourceVersion */
    assert_int_equal(last.want, POD_SECURITY_GATE);
}

static void test_privileged_needs_no_gate(void **state)
{
    (void)state;
    profile("", "'enforce':'privileged'");
    workload(KIND_DEPLOYMENT, "web", true);
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "write ");
    assert_label("enforce", "privileged");
}

static void test_on_violation_enforce_goes_on_and_says_for_whom(void **state)
{
    (void)state;
    profile("", "'enforce':'baseline','onViolation':'Enforce'");
    workload(KIND_DEPLOYMENT, "web", true);
    warning = "existing pods violate";
    assert_int_equal(look(), 1);
    assert_string_equal(trace, "write ");
    assert_label("enforce", "baseline");
    assert_contains(event, "LabelImposed: namespace shop: label " PREFIX "enforce was set");
    assert_contains(event, "from now on: Deployment web (privileged); mend them");
    assert_int_equal(said.state, VERDICT_COMPLIANT);
}

static void test_on_violation_enforce_has_nothing_to_say_of_those_that_pass(void **state)
{
    (void)state;
    profile("", "'enforce':'baseline','onViolation':'Enforce'");
    workload(KIND_DEPLOYMENT, "web", false);
    assert_int_equal(look(), 1);
    assert_string_equal(event, "");
}

/* ---- Audit, Off, plan ---- */

static void test_audit_says_what_enforce_would_do(void **state)
{
    (void)state;
    profile("", "'mode':'Audit'," ALL);
    assert_int_equal(look(), 0);
    assert_string_equal(trace, "");
    assert_int_equal(said.mode, MODE_AUDIT);
    assert_int_equal(said.state, VERDICT_DRIFTED);
    assert_says(REASON_LABEL_MISSING, "Enforce would set " PREFIX "enforce, set ");
    assert_null(finding_of(REASON_LABEL_WAITS));
    workload(KIND_CRON_JOB, "nightly", true);
    assert_int_equal(look(), 0);
    assert_says(REASON_LABEL_WAITS, "would wait, for these would be refused: CronJob nightly");
    user_sets("enforce", "privileged");
    user_sets("warn", "restricted");
    user_sets("audit", "restricted");
    assert_int_equal(look(), 0);
    assert_says(REASON_LABEL_STATED, "states " PREFIX "enforce=privileged");
    assert_null(finding_of(REASON_LABEL_MISSING));
    user_sets("enforce", "baseline");
    assert_int_equal(look(), 0);
    assert_int_equal(said.state, VERDICT_COMPLIANT);
}

static void test_audit_leaves_what_enforce_filled_in(void **state)
{
    (void)state;
    profile("", "'enforce':'baseline','warn':'baseline'");
    (void)look();
    profile("", "'mode':'Audit','enforce':'restricted'");
    assert_int_equal(look(), 0);
    assert_says(REASON_LABEL_MISSING, "would set " PREFIX "enforce, remove " PREFIX "warn, remove");
    assert_label("enforce", "baseline");
    assert_label("warn", "baseline");
}

static void test_off_says_nothing(void **state)
{
    (void)state;
    profile("", "'mode':'Off'," ALL);
    assert_int_equal(look(), 0);
    assert_string_equal(said.profile, "restricted");
    assert_int_equal(said.state, VERDICT_NONE);
}

static void preview(const char *ns)
{
    struct err err = {0};

    assert_int_equal(pod_security_preview(&view, ns, &plan, &err), 0);
}

static void test_a_plan_shows_labels_beside_what_the_network_section_does(void **state)
{
    (void)state;
    profile("", ALL);
    workload(KIND_DEPLOYMENT, "web", true);
    plan_init(&plan, &arena);
    preview("gone");
    assert_int_equal(plan.writes_count, 0);
    plan.profile = "other";
    plan.mode = MODE_AUDIT;
    plan.state = VERDICT_FAILED;
    preview("shop");
    assert_string_equal(plan.profile, "other");
    assert_int_equal(plan.mode, MODE_AUDIT);
    assert_int_equal(plan.state, VERDICT_FAILED);
    assert_int_equal(plan.writes_count, 1);
    assert_string_equal(plan.writes[0].summary,
                        "label Namespace shop: warn=restricted, warn-version=v1.30, "
                        "audit=restricted, audit-version=v1.30");
    assert_int_equal(plan.findings[0].reason, REASON_LABEL_WAITS);
    workload(KIND_DEPLOYMENT, "web", false);
    arena_reset(&arena);
    plan_init(&plan, &arena);
    preview("shop");
    assert_string_equal(plan.profile, "restricted");
    assert_int_equal(plan.state, VERDICT_DRIFTED);
    assert_contains(plan.writes[0].summary, "enforce=baseline, enforce-version=v1.30");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_labels_come_in_one_patch_behind_the_gate, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_is_in_place_costs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_the_labels_that_are_asked_for_come, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_stated_label_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_warn_does_not_know_is_privileged, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_version_that_is_stated_alone_stays_and_counts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_others_sections_and_namespaces_are_left_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_remove_waits_for_the_finalizer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_enforce_waits_for_templates_and_the_others_do_not,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_enforce_waits_for_pods_that_the_api_server_warns_of,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_warning_that_we_cannot_explain_counts_all_the_same,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_has_an_owner_that_violates_is_named_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_list_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_evaluated_is_no_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_gate_is_asked_about_the_namespace_as_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_privileged_needs_no_gate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_on_violation_enforce_goes_on_and_says_for_whom, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_on_violation_enforce_has_nothing_to_say_of_those_that_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_says_what_enforce_would_do, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_leaves_what_enforce_filled_in, setup, teardown),
        cmocka_unit_test_setup_teardown(test_off_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_plan_shows_labels_beside_what_the_network_section_does, setup, teardown),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
