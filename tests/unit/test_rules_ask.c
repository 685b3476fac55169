/* What rule_ask() and rule_is_required() do for every rule alike. */
#include "rules_pod.h"

#include "rules_hostile_pod.h"

static bool is_of_the_standards(const struct rule *rule)
{
    return rule->level == LEVEL_BASELINE || rule->level == LEVEL_RESTRICTED;
}

/* Every rule of the standards that v1.@minor has, asked of @pod. */
static void all_say(const struct pod_template *pod, unsigned minor, enum rule_outcome wanted)
{
    for (size_t i = 0; i < rules_count; i++) {
        enum rule_outcome outcome;

        if (!is_of_the_standards(rules[i]) || rules[i]->since_minor > minor)
            continue;
        outcome = ask_pod(rules[i]->id, pod, minor).outcome;
        if (outcome != wanted)
            fail_msg("%s at v1.%u: %s", rules[i]->id, minor, outcome_name(outcome));
    }
}

static void test_restricted_pod_passes_every_rule_in_every_version(void **state)
{
    (void)state;
    for (unsigned minor = PSS_MINOR_MIN; minor <= PSS_MINOR_MAX; minor++)
        all_say(&restricted_pod, minor, RULE_PASS);
    all_say(&restricted_pod, PSS_MINOR_LATEST, RULE_PASS);
}

static void test_hostile_pod_fails_every_rule_in_every_version(void **state)
{
    (void)state;
    for (unsigned minor = PSS_MINOR_MIN; minor <= PSS_MINOR_MAX; minor++)
        all_say(&hostile_pod, minor, RULE_FAIL);
    all_say(&hostile_pod, PSS_MINOR_LATEST, RULE_FAIL);
}

static void test_unreadable_pod_is_an_error_and_never_a_pass(void **state)
{
    const struct pod_template pod = {.unreadable = "spec.containers: not a list"};

    (void)state;
    for (unsigned minor = PSS_MINOR_MIN; minor <= PSS_MINOR_MAX; minor++)
        all_say(&pod, minor, RULE_ERROR);
}

static void test_rule_is_not_asked_in_versions_before_its_first(void **state)
{
    (void)state;
    assert_int_equal(ask_pod("host-probes", &hostile_pod, 33).outcome, RULE_NOT_APPLICABLE);
    assert_int_equal(ask_pod("host-probes", &hostile_pod, 34).outcome, RULE_FAIL);
    assert_int_equal(ask_pod("proc-mount-restricted", &hostile_pod, 34).outcome,
                     RULE_NOT_APPLICABLE);
    assert_int_equal(ask_pod("proc-mount-restricted", &hostile_pod, 35).outcome, RULE_FAIL);
}

/* Pod Security Admission asks the stricter rule alone. */
static void test_stricter_rule_takes_the_place_of_the_baselines(void **state)
{
    static const struct {
        const char *id;
        unsigned minor;
        enum rule_outcome restricted;
    } rows[] = {
        {"capabilities-baseline", 25, RULE_NOT_APPLICABLE},
        {"host-path-volumes", 25, RULE_NOT_APPLICABLE},
        {"seccomp-baseline", 25, RULE_NOT_APPLICABLE},
        {"proc-mount-baseline", 34, RULE_FAIL},
        {"proc-mount-baseline", 35, RULE_NOT_APPLICABLE},
        {"proc-mount-baseline", PSS_MINOR_LATEST, RULE_NOT_APPLICABLE},
        {"privileged", 37, RULE_FAIL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct rule *rule = rule_named(rows[i].id);

        for (enum rule_level level = LEVEL_PRIVILEGED; level <= LEVEL_HARDENED; level++) {
            struct rule_settings settings = {.pss_minor = rows[i].minor, .level = (uint8_t)level};
            struct rule_input in = {.settings = &settings, .pod = &hostile_pod};
            bool is_strict = level >= LEVEL_RESTRICTED;

            assert_int_equal(rule_ask(rule, &in).outcome,
                             is_strict ? rows[i].restricted : RULE_FAIL);
            assert_int_equal(rule_is_required(rule, &settings),
                             level >= LEVEL_BASELINE &&
                                 (!is_strict || rows[i].restricted == RULE_FAIL));
        }
    }
}

/* It cannot be created: the API server refuses such a Windows pod. It is let through all the same.
 */
static void test_windows_pod_is_not_asked_for_capabilities_at_the_restricted_level(void **state)
{
    const struct pod_template pod = {
        .is_windows = true,
        CONTAINERS({.name = "a", .security = {.add = bad_add, .add_count = 1}}),
    };
    struct rule_settings settings = {.pss_minor = PSS_MINOR_LATEST, .level = LEVEL_RESTRICTED};
    struct rule_input in = {.settings = &settings, .pod = &pod};

    (void)state;
    assert_int_equal(rule_ask(rule_named("capabilities-restricted"), &in).outcome,
                     RULE_NOT_APPLICABLE);
    assert_int_equal(rule_ask(rule_named("capabilities-baseline"), &in).outcome,
                     RULE_NOT_APPLICABLE);
    settings.level = LEVEL_BASELINE;
    assert_int_equal(rule_ask(rule_named("capabilities-baseline"), &in).outcome, RULE_FAIL);
}

static size_t required_count(unsigned minor, enum rule_level level)
{
    struct rule_settings settings = {.pss_minor = minor, .level = (uint8_t)level};
    size_t count = 0;

    for (size_t i = 0; i < rules_count; i++)
        count += rule_is_required(rules[i], &settings);
    return count;
}

static void test_level_requires_what_pod_security_admission_checks(void **state)
{
    (void)state;
    assert_int_equal(required_count(37, LEVEL_PRIVILEGED), 0);
    assert_int_equal(required_count(33, LEVEL_BASELINE), 11);
    assert_int_equal(required_count(34, LEVEL_BASELINE), 12);
    assert_int_equal(required_count(33, LEVEL_RESTRICTED), 14);
    assert_int_equal(required_count(34, LEVEL_RESTRICTED), 15);
    assert_int_equal(required_count(35, LEVEL_RESTRICTED), 15);
    assert_int_equal(required_count(PSS_MINOR_LATEST, LEVEL_RESTRICTED), 15);
    assert_int_equal(required_count(PSS_MINOR_LATEST, LEVEL_HARDENED), 15);
}

static struct rule_answer always_passes(const struct rule_input *in)
{
    (void)in;
    return (struct rule_answer){.outcome = RULE_PASS};
}

/* Only that it is there counts; what these look like is none of the framework's business. */
static void test_rule_is_asked_about_its_own_kind_of_subject(void **state)
{
    static const char stand_in;
    const struct rule_settings settings = {.pss_minor = PSS_MINOR_LATEST};
    const struct rule_input inputs[] = {
        [RULE_POD] = {.settings = &settings, .pod = &restricted_pod},
        [RULE_SERVICE] = {.settings = &settings, .service = (const void *)&stand_in},
        [RULE_NAMESPACE] = {.settings = &settings, .posture = (const void *)&stand_in},
    };

    (void)state;
    for (enum rule_subject asks = RULE_POD; asks <= RULE_NAMESPACE; asks++) {
        const struct rule rule = {.id = "x", .subject = asks, .check = always_passes};

        for (enum rule_subject is = RULE_POD; is <= RULE_NAMESPACE; is++)
            assert_int_equal(rule_ask(&rule, &inputs[is]).outcome,
                             asks == is ? RULE_PASS : RULE_NOT_APPLICABLE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restricted_pod_passes_every_rule_in_every_version),
        cmocka_unit_test(test_hostile_pod_fails_every_rule_in_every_version),
        cmocka_unit_test(test_unreadable_pod_is_an_error_and_never_a_pass),
        cmocka_unit_test(test_rule_is_not_asked_in_versions_before_its_first),
        cmocka_unit_test(test_stricter_rule_takes_the_place_of_the_baselines),
        cmocka_unit_test(test_windows_pod_is_not_asked_for_capabilities_at_the_restricted_level),
        cmocka_unit_test(test_level_requires_what_pod_security_admission_checks),
        cmocka_unit_test(test_rule_is_asked_about_its_own_kind_of_subject),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
