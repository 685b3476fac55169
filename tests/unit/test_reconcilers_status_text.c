/* Drift, and what of the status that stands already is kept. */
#include "reconcilers_status.h"

/* ---- Drift ---- */

static void test_drift_names_the_manager_and_is_sorted_by_object_and_reason(void **state)
{
    struct finding findings[] = {finding_of(REASON_UNDONE, "a", "x"),
                                 finding_of(REASON_NAME_TAKEN, "a", "x"),
                                 finding_of(REASON_UNDONE, "a", "b")};
    const json_t *drift;
    json_t *status;

    (void)state;
    findings[0].manager = "kubectl-edit";
    put_namespace("a", "'team':'shop'");
    put_profile("p", "", ENFORCE, "");
    say("a", "p", MODE_ENFORCE, VERDICT_FAILED, findings, COUNT_OF(findings));
    status = status_of("p");
    drift = json_object_get(status, "drift");
    assert_string_equal(text_of(json_array_get(drift, 0), "object"), "NetworkPolicy a/b");
    assert_string_equal(text_of(json_array_get(drift, 1), "reason"), "NameTaken");
    assert_string_equal(text_of(json_array_get(drift, 2), "reason"), "Undone");
    assert_string_equal(text_of(json_array_get(drift, 2), "manager"), "kubectl-edit");
    assert_null(json_object_get(json_array_get(drift, 0), "manager"));
    assert_true(json_is_false(json_object_get(status, "driftTruncated")));
    json_decref(status);
}

/* Whatever the order in which they come. */
static void test_drift_keeps_the_first_twenty_in_either_order(void **state)
{
    (void)state;
    put_namespace("a", "'team':'shop'");
    put_profile("p", "", ENFORCE, "");
    for (int is_reversed = 0; is_reversed < 2; is_reversed++) {
        struct finding findings[25];
        char names[25][8];
        const json_t *drift;
        json_t *status;

        for (int i = 0; i < 25; i++) {
            (void)snprintf(names[i], sizeof(names[i]), "n%02d", is_reversed ? 24 - i : i);
            findings[i] = finding_of(REASON_UNDONE, "a", names[i]);
        }
        said_count = 0;
        say("a", "p", MODE_ENFORCE, VERDICT_DRIFTED, findings, 25);
        status = status_of("p");
        drift = json_object_get(status, "drift");
        assert_int_equal(json_array_size(drift), 20);
        assert_string_equal(text_of(json_array_get(drift, 0), "object"), "NetworkPolicy a/n00");
        assert_string_equal(text_of(json_array_get(drift, 19), "object"), "NetworkPolicy a/n19");
        assert_true(json_is_true(json_object_get(status, "driftTruncated")));
        json_decref(status);
    }
}

/* ---- What stands in the status already ---- */

static void test_a_transition_time_is_kept_only_with_the_condition_it_belongs_to(void **state)
{
    static const struct {
        const char *conditions;
        const char *want;
    } rows[] = {
        {"{'type':'Stalled','status':'False','lastTransitionTime':'" THEN "'}", THEN},
        {"{'type':'Stalled','status':'True','lastTransitionTime':'" THEN "'}", NOW},
        {"{'type':'Stalled','lastTransitionTime':'" THEN "'}", NOW},
        {"{'type':'Stalled','status':'False'}", NOW},
        {"{'type':'Other','status':'False','lastTransitionTime':'" THEN "'}", NOW},
        {"", NOW},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char status_text[256];
        json_t *status;

        (void)snprintf(status_text, sizeof(status_text), "'conditions':[%s]", rows[i].conditions);
        put_profile("p", "", ENFORCE, status_text);
        status = status_of("p");
        assert_string_equal(text_of(condition_of(status, "Stalled"), "lastTransitionTime"),
                            rows[i].want);
        json_decref(status);
    }
}

/* What is not as we write it does not count: somebody else wrote the status. */
static void test_the_time_of_a_rule_is_kept_only_from_an_entry_that_is_whole(void **state)
{
    static const struct {
        const char *rules;
        const char *want;
    } rows[] = {
        {"{'id':'network','fail':0,'error':0,'lastTransitionTime':'" THEN "'}", THEN},
        {"{'id':'network','fail':1,'error':0,'lastTransitionTime':'" THEN "'}", NOW},
        {"{'id':'network','fail':0,'error':1,'lastTransitionTime':'" THEN "'}", NOW},
        {"{'id':'other','fail':0,'error':0,'lastTransitionTime':'" THEN "'}", NOW},
        {"{'id':7,'fail':0,'error':0,'lastTransitionTime':'" THEN "'}", NOW},
        {"{'fail':0,'error':0,'lastTransitionTime':'" THEN "'}", NOW},
        {"{'id':'network','fail':0,'error':0,'lastTransitionTime':7}", NOW},
        {"{'id':'network','fail':0,'error':0}", NOW},
        {"{'id':'network','fail':'x','error':0,'lastTransitionTime':'" THEN "'}", NOW},
        {"{'id':'network','fail':0,'error':'x','lastTransitionTime':'" THEN "'}", NOW},
        {"7,{'id':'network','fail':0,'error':0,'lastTransitionTime':'" THEN "'}", THEN},
    };

    (void)state;
    put_namespace("a", "'team':'shop'");
    say("a", "p", MODE_ENFORCE, VERDICT_COMPLIANT, NULL, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char status_text[256];
        json_t *status;

        (void)snprintf(status_text, sizeof(status_text), "'rules':[%s]", rows[i].rules);
        put_profile("p", "", ENFORCE, status_text);
        status = status_of("p");
        assert_string_equal(text_of(json_array_get(json_object_get(status, "rules"), 0),
                                    "lastTransitionTime"),
                            rows[i].want);
        json_decref(status);
    }
}

static void test_the_first_network_plugin_that_is_recognised_is_named(void **state)
{
    json_t *status;

    (void)state;
    put_namespace("a", "'team':'shop'");
    put_profile("p", "", ENFORCE, "");
    world_put(&world, KIND_CRD,
              "{'metadata':{'name':'aaa.example.com'},'spec':{'conversion':{'strategy':'Webhook',"
              "'webhook':{'clientConfig':{'service':{'namespace':'x','name':'y'}}}}}}");
    world_put(&world, KIND_CRD, "{'metadata':{'name':'ciliumnetworkpolicies.cilium.io'}}");
    world_put(&world, KIND_CRD,
              "{'metadata':{'name':'zzz.example.com'},'spec':{'conversion':{'strategy':'Webhook',"
              "'webhook':{'clientConfig':{'service':{'namespace':'x','name':'y'}}}}}}");
    status = status_of("p");
    assert_condition(status, "Enforcing", "True", "Enforced", "seems to be Cilium");
    json_decref(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_drift_names_the_manager_and_is_sorted_by_object_and_reason),
        WITH_WORLD(test_drift_keeps_the_first_twenty_in_either_order),
        WITH_WORLD(test_a_transition_time_is_kept_only_with_the_condition_it_belongs_to),
        WITH_WORLD(test_the_time_of_a_rule_is_kept_only_from_an_entry_that_is_whole),
        WITH_WORLD(test_the_first_network_plugin_that_is_recognised_is_named),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
