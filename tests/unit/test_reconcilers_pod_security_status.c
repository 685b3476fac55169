/* What the labels of namespaces mean for a profile's status and its finalizer. */
#include "reconcilers_status.h"

#define LABELS ",'mode':'Enforce','podSecurityAdmission':{'enforce':'baseline'}"
#define BOTH \
    ",'mode':'Enforce','network':{'allow':{}},'podSecurityAdmission':{'enforce':'baseline'}"

static struct {
    const char *ns;
    struct verdict verdict;
} labels_said[8];
static size_t labels_said_count;

static const struct verdict *labels_of(const void *ctx, const char *ns)
{
    (void)ctx;
    for (size_t i = 0; i < labels_said_count; i++) {
        if (strcmp(labels_said[i].ns, ns) == 0)
            return &labels_said[i].verdict;
    }
    return NULL;
}

static int labels_setup(void **state)
{
    labels_said_count = 0;
    if (setup(state) < 0)
        return -1;
    ops.pod_security = labels_of;
    return 0;
}

static void say_labels(const char *ns, const char *profile, enum mode mode,
                       enum verdict_state state, const struct finding *findings, size_t count)
{
    labels_said[labels_said_count].ns = ns;
    labels_said[labels_said_count++].verdict = (struct verdict){.profile = profile,
                                                                .mode = mode,
                                                                .state = state,
                                                                .findings = findings,
                                                                .findings_count = count};
}

static struct finding about(enum reason reason, const char *ns)
{
    return (struct finding){.reason = reason,
                            .counts_as_failed = reason == REASON_FORBIDDEN,
                            .object = {KIND_NAMESPACE, "", ns, ""},
                            .rule = "pod-security-admission",
                            .message = ns,
                            .profile = "p"};
}

static void assert_status(const char *counts, const char *type, const char *is_true,
                          const char *reason, const char *says)
{
    json_t *status = status_of("p");

    if (counts)
        assert_counts(status, counts);
    assert_condition(status, type, is_true, reason, says);
    json_decref(status);
}

/* selected, compliant, drifted, failed, overridden */
static void test_namespaces_count_by_the_worst_of_both_sections(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        static const char *const names[] = {"a", "b", "c", "d", "e", "f"};

        put_namespace(names[i], "'team':'shop'");
    }
    put_profile("p", "", BOTH, "");
    say("a", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);
    say_labels("a", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);
    say("b", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);
    say_labels("b", "p", MODE_ENFORCE, VERDICT_DRIFTED, NULL, 0);
    say("c", "p", MODE_ENFORCE, VERDICT_DRIFTED, NULL, 0);
    say_labels("c", "p", MODE_ENFORCE, VERDICT_FAILED, NULL, 0);
    say("d", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);        /* its labels are pending */
    say("e", "p", MODE_ENFORCE, VERDICT_FAILED, NULL, 0);           /* likewise, and failed */
    say_labels("f", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0); /* its policies are */
    assert_status("6 1 3 2 0", "Degraded", "True", "Failed", "");
}

static void test_each_section_has_an_entry_in_rules_sorted_by_id(void **state)
{
    const json_t *rules, *network, *labels;
    json_t *status;
    size_t i = 0;

    (void)state;
    put_namespace("a", "'team':'shop'");
    put_namespace("b", "'team':'shop'");
    put_profile("p", "", BOTH ",'workloads':{}", "");
    say("a", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);
    say_labels("a", "p", MODE_ENFORCE, VERDICT_DRIFTED, NULL, 0);
    say("b", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);
    say_labels("b", "p", MODE_ENFORCE, VERDICT_FAILED, NULL, 0);
    status = status_of("p");
    rules = json_object_get(status, "rules");
    while (i + 1 < json_array_size(rules) &&
           strcmp(text_of(json_array_get(rules, i), "id"),
                  text_of(json_array_get(rules, i + 1), "id")) < 0)
        i++;
    assert_int_equal(i + 1, json_array_size(rules));
    network = labels = NULL;
    for (i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);

        network = strcmp(text_of(rule, "id"), "network") == 0 ? rule : network;
        labels = strcmp(text_of(rule, "id"), "pod-security-admission") == 0 ? rule : labels;
    }
    assert_int_equal(json_integer_value(json_object_get(network, "pass")), 2);
    assert_int_equal(json_integer_value(json_object_get(network, "fail")), 0);
    assert_int_equal(json_integer_value(json_object_get(labels, "pass")), 0);
    assert_int_equal(json_integer_value(json_object_get(labels, "fail")), 1);
    assert_int_equal(json_integer_value(json_object_get(labels, "error")), 1);
    json_decref(status);
    put_profile("p", "", ",'podSecurityAdmission':{'mode':'Off','warn':'baseline'}", "");
    status = status_of("p");
    assert_int_equal(json_array_size(json_object_get(status, "rules")), 0);
    json_decref(status);
}

static void test_a_profile_of_labels_alone_has_a_status_of_its_own(void **state)
{
    (void)state;
    put_namespace("a", "'team':'shop'");
    put_profile("p", "", LABELS, "");
    assert_status("1 0 1 0 0", "Ready", "False", "Progressing", "0 of 1 namespaces");
    say_labels("a", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);
    assert_status("1 1 0 0 0", "Ready", "True", "Enforced", "1 of 1 namespaces are compliant");
    assert_status(NULL, "Enforcing", "True", "Enforced", "labels are filled in where they are not");
    put_namespace("a", "");
    assert_status("0 0 0 0 0", "Enforcing", "False", "NothingSelected", "no namespace matches");
}

static void test_what_keeps_it_from_being_ready_is_its_reason(void **state)
{
    static const enum reason reasons[] = {REASON_LABEL_WAITS, REASON_LABEL_STATED,
                                          REASON_CONTESTED};

    (void)state;
    put_namespace("a", "'team':'shop'");
    put_profile("p", "", LABELS, "");
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        struct finding finding = about(reasons[i], "a");

        labels_said_count = 0;
        say_labels("a", "p", MODE_ENFORCE, VERDICT_DRIFTED, &finding, 1);
        assert_status("1 0 1 0 0", "Ready", "False", reason_name(reasons[i]), "first: a");
        assert_status(NULL, "Contested", reasons[i] == REASON_CONTESTED ? "True" : "False",
                      reasons[i] == REASON_CONTESTED ? "Contested" : "Uncontested", "");
    }
}

static void test_drift_in_audit_keeps_nothing_from_being_ready(void **state)
{
    (void)state;
    put_namespace("a", "'team':'shop'");
    put_profile("p", "",
                ",'network':{'mode':'Enforce'},'podSecurityAdmission':{'mode':'Audit','warn':"
                "'baseline'}",
                "");
    say("a", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);
    say_labels("a", "p", MODE_AUDIT, VERDICT_DRIFTED, NULL, 0);
    assert_status("1 0 1 0 0", "Ready", "True", "Enforced", "0 of 1");
}

static void test_what_the_modes_of_the_sections_make_of_enforcing(void **state)
{
    static const struct {
        const char *spec, *is_true, *reason, *says;
    } rows[] = {
        {",'podSecurityAdmission':{'warn':'baseline'}", "False", "Audit",
         "the podSecurityAdmission section is evaluated"},
        {",'podSecurityAdmission':{'mode':'Off','warn':'baseline'}", "False", "Off",
         "the podSecurityAdmission section is switched off"},
        {",'network':{},'podSecurityAdmission':{'mode':'Enforce','warn':'baseline'}", "True",
         "Enforced", "labels are filled in; for the network section nothing is written"},
        {",'network':{},'podSecurityAdmission':{'warn':'baseline'}", "False", "Audit",
         "the network section is evaluated"},
        {",'network':{'mode':'Off'},'podSecurityAdmission':{'mode':'Off','warn':'baseline'}",
         "False", "Off", "the network section is switched off"},
        {BOTH, "True", "Enforced", "network plugin"},
        {",'workloads':{'mode':'Enforce'},'podSecurityAdmission':{'warn':'baseline'}", "True",
         "Enforced", "workloads are filled in"},
        {LABELS ",'workloads':{}", "True", "Enforced", "labels are filled in"},
    };

    (void)state;
    put_namespace("a", "'team':'shop'");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        put_profile("p", "", rows[i].spec, "");
        assert_status(NULL, "Enforcing", rows[i].is_true, rows[i].reason, rows[i].says);
    }
}

static void test_a_profile_whose_labels_another_decides_is_overridden(void **state)
{
    (void)state;
    put_namespace("a", "'team':'shop'");
    put_profile("p", "", LABELS, "");
    put_profile("high", "", ",'priority':5" LABELS, "");
    assert_status("1 0 0 0 1", "Enforcing", "False", "Overridden", "(high)");
    put_profile("p", "", BOTH, ""); /* of one section alone */
    assert_status("1 0 1 0 1", "Enforcing", "True", "Overridden", "1 of 1 namespaces are decided");
}

static void test_what_cannot_be_taken_back_fails_in_the_old_name(void **state)
{
    struct finding finding = about(REASON_FORBIDDEN, "gone");

    (void)state;
    put_namespace("gone", "");
    put_profile("p", "", LABELS, "");
    say_labels("gone", NULL, MODE_OFF, VERDICT_FAILED, &finding, 1);
    assert_status("0 0 0 1 0", "Degraded", "True", "Forbidden", "gone");
}

static void test_a_profile_that_is_going_counts_what_it_still_holds(void **state)
{
    (void)state;
    world_put(&world, KIND_NAMESPACE,
              "{'metadata':{'name':'a','labels':{'team':'shop'},'annotations':{"
              "'rampart.dev/pod-security':'p'}}}");
    put_profile("p", ",'finalizers':['rampart.dev/take-back'],'deletionTimestamp':'x'",
                ",'onDelete':'Remove'" LABELS, "");
    assert_status(NULL, "Ready", "False", "TakingBack", "the labels of 1 namespaces");
}

static void test_the_finalizer_is_on_for_labels(void **state)
{
    static const struct {
        const char *spec, *labels, *mark;
        bool wants;
    } rows[] = {
        {LABELS, "'team':'shop'", "", true},
        {LABELS, "", "", false},
        {LABELS, "", ",'annotations':{'rampart.dev/pod-security':'p'}", true},
        {",'podSecurityAdmission':{'enforce':'baseline'}", "'team':'shop'", "", false},
        {",'network':{'mode':'Enforce'},'podSecurityAdmission':{'mode':'Audit','warn':'baseline'}",
         "'team':'shop'", "", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};
        char spec[256];

        world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'a','labels':{%s}%s}}",
                  rows[i].labels, rows[i].mark);
        (void)snprintf(spec, sizeof(spec), ",'onDelete':'Remove'%s", rows[i].spec);
        put_profile("p", "", spec, "");
        arena_reset(&arena);
        plan_init(&plan, &arena);
        assert_int_equal(registry_ops.plan_profile(&world.view, "p", &plan, &err), 0);
        assert_int_equal(plan.writes[0].phase == PHASE_FINALIZER, rows[i].wants);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_namespaces_count_by_the_worst_of_both_sections,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_section_has_an_entry_in_rules_sorted_by_id,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_profile_of_labels_alone_has_a_status_of_its_own,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_keeps_it_from_being_ready_is_its_reason,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_drift_in_audit_keeps_nothing_from_being_ready,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_modes_of_the_sections_make_of_enforcing,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_profile_whose_labels_another_decides_is_overridden,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_taken_back_fails_in_the_old_name,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_profile_that_is_going_counts_what_it_still_holds,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_finalizer_is_on_for_labels, labels_setup,
                                        teardown),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
