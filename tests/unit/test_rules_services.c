/* Rules about Services and namespaces. */
#include "rules_explain.h"

#include "rampart/reconcilers/rules/namespace_posture.h"

static const struct rule_settings settings = {.pss_minor = PSS_MINOR_MIN};

static void ask_service(const char *id, const struct service_facts *service,
                        enum rule_outcome wanted)
{
    const struct rule_input in = {.settings = &settings, .service = service};
    struct rule_answer answer = rule_ask(rule_named(id), &in);

    assert_int_equal(answer.outcome, wanted);
    assert_int_equal(answer.is_about_pod, wanted == RULE_FAIL);
    assert_int_equal(answer.containers, 0);
}

static void test_external_ips_are_refused_and_told(void **state)
{
    static const struct service_facts plain = {.is_load_balancer = true};
    static const struct service_facts claims = {.external_ip = "192.0.2.7\n"};
    static const struct service_facts unreadable = {.is_exposure_unreadable = true};
    const struct rule_input in = {.settings = &settings, .service = &claims};

    (void)state;
    ask_service("service-external-ips", &plain, RULE_PASS);
    ask_service("service-external-ips", &claims, RULE_FAIL);
    ask_service("service-external-ips", &unreadable, RULE_ERROR);
    assert_explained("service-external-ips", &in, "service: spec.externalIPs has 192.0.2.7?; Take");
}

static void test_load_balancer_is_refused_when_it_is_open_to_all(void **state)
{
    static const struct service_facts plain = {.external_ip = "192.0.2.7"};
    static const struct service_facts narrow = {.is_load_balancer = true};
    static const struct service_facts open = {.is_load_balancer = true, .is_open_to_all = true};
    static const struct service_facts unreadable = {.is_load_balancer = true,
                                                    .is_exposure_unreadable = true};
    const struct rule_input in = {.settings = &settings, .service = &open};

    (void)state;
    ask_service("service-load-balancer", &plain, RULE_PASS);
    ask_service("service-load-balancer", &narrow, RULE_PASS);
    ask_service("service-load-balancer", &open, RULE_FAIL);
    ask_service("service-load-balancer", &unreadable, RULE_ERROR);
    assert_explained("service-load-balancer", &in,
                     "service: type LoadBalancer without loadBalancerSourceRanges that narrow");
}

static void ask_namespace(const char *id, const struct namespace_posture *posture,
                          enum rule_outcome wanted, const char *fault)
{
    const struct rule_input in = {.settings = &settings, .posture = posture};
    struct rule_answer answer = rule_ask(rule_named(id), &in);

    if (answer.outcome != wanted)
        fail_msg("%s: %s, not %s", id, outcome_name(answer.outcome), outcome_name(wanted));
    if (fault)
        assert_explained(id, &in, fault);
}

static void test_default_deny_is_asked_in_each_direction(void **state)
{
    static const struct namespace_posture bare = {.name = "shop"};
    static const struct namespace_posture denied = {.name = "shop",
                                                    .ingress.is_denied = true,
                                                    .egress.is_denied = true};
    static const struct namespace_posture undone = {
        .name = "shop",
        .ingress = {.is_denied = true, .undone_by = "open"},
        .egress = {.is_denied = true, .undone_by = "wide"},
    };

    (void)state;
    ask_namespace("namespace-default-deny-ingress", &bare, RULE_FAIL,
                  "namespace: no NetworkPolicy isolates all pods for ingress; Have");
    ask_namespace("namespace-default-deny-ingress", &denied, RULE_PASS, NULL);
    ask_namespace("namespace-default-deny-ingress", &undone, RULE_FAIL,
                  "namespace: NetworkPolicy open allows all ingress and undoes the deny; Have");
    ask_namespace("namespace-default-deny-egress", &bare, RULE_FAIL,
                  "namespace: no NetworkPolicy isolates all pods for egress; Have");
    ask_namespace("namespace-default-deny-egress", &denied, RULE_PASS, NULL);
    ask_namespace("namespace-default-deny-egress", &undone, RULE_FAIL,
                  "namespace: NetworkPolicy wide allows all egress and undoes the deny; Have");
}

static void test_metadata_api_is_out_of_reach_only_under_a_deny(void **state)
{
    static const struct namespace_posture bare = {.name = "shop"};
    static const struct namespace_posture denied = {.name = "shop", .egress.is_denied = true};
    static const struct namespace_posture reached = {.name = "shop",
                                                     .egress.is_denied = true,
                                                     .metadata_by = "to-the-internet"};

    (void)state;
    ask_namespace("namespace-metadata-api", &bare, RULE_FAIL,
                  "namespace: pods that no egress policy selects reach every address; Deny");
    ask_namespace("namespace-metadata-api", &denied, RULE_PASS, NULL);
    ask_namespace("namespace-metadata-api", &reached, RULE_FAIL,
                  "namespace: NetworkPolicy to-the-internet lets pods through to it; Deny");
}

static void test_pod_security_is_enforced_by_a_level_that_forbids_something(void **state)
{
    static const struct {
        const char *label;
        enum rule_outcome outcome;
        const char *fault;
    } rows[] = {
        {"baseline", RULE_PASS, NULL},
        {"restricted", RULE_PASS, NULL},
        {"privileged", RULE_FAIL,
         "namespace: label " LABEL_PSA_ENFORCE " is \"privileged\"; Label"},
        {"Restricted", RULE_FAIL,
         "namespace: label " LABEL_PSA_ENFORCE " is \"Restricted\"; Label"},
        {"base\nline", RULE_FAIL, "namespace: label " LABEL_PSA_ENFORCE " is \"base?line\"; Label"},
        {"", RULE_FAIL, "namespace: label " LABEL_PSA_ENFORCE " is \"\"; Label"},
        {NULL, RULE_FAIL, "namespace: label " LABEL_PSA_ENFORCE " is not there; Label"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct namespace_posture posture = {.name = "shop", .psa_enforce = rows[i].label};

        ask_namespace("namespace-pod-security", &posture, rows[i].outcome, rows[i].fault);
    }
}

static void test_namespace_default_stays_empty(void **state)
{
    static const struct namespace_posture other = {.name = "shop", .workloads_count = 3};
    static const struct namespace_posture empty = {.name = "default"};
    static const struct namespace_posture used = {.name = "default", .workloads_count = 3};

    (void)state;
    ask_namespace("namespace-default-unused", &other, RULE_NOT_APPLICABLE, NULL);
    ask_namespace("namespace-default-unused", &empty, RULE_PASS, NULL);
    ask_namespace("namespace-default-unused", &used, RULE_FAIL,
                  "namespace: it has workloads, 3 of them; Move");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_external_ips_are_refused_and_told),
        cmocka_unit_test(test_load_balancer_is_refused_when_it_is_open_to_all),
        cmocka_unit_test(test_default_deny_is_asked_in_each_direction),
        cmocka_unit_test(test_metadata_api_is_out_of_reach_only_under_a_deny),
        cmocka_unit_test(test_pod_security_is_enforced_by_a_level_that_forbids_something),
        cmocka_unit_test(test_namespace_default_stays_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
