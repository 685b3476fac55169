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

/* Who is exempted from dropping ALL may still not add SYS_ADMIN. */
static void test_baselines_rule_is_asked_beside_the_stricter_one(void **state)
{
    static const char *const ids[] = {"capabilities-baseline", "capabilities-restricted",
                                      "host-path-volumes",     "restricted-volumes",
                                      "proc-mount-baseline",   "proc-mount-restricted",
                                      "seccomp-baseline",      "seccomp-restricted"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        for (enum rule_level level = LEVEL_PRIVILEGED; level <= LEVEL_HARDENED; level++) {
            struct rule_settings settings = {.pss_minor = 37, .level = (uint8_t)level};
            struct rule_input in = {.settings = &settings, .pod = &hostile_pod};

            assert_int_equal(rule_ask(rule_named(ids[i]), &in).outcome, RULE_FAIL);
        }
    }
}

/*
 * Pod Security Admission lets such Windows pods through at the restricted level, and not at the
 * baseline: there the stricter check alone is made. The API server refuses to create them.
 */
static void test_windows_pod_is_asked_no_more_than_by_the_stricter_rule(void **state)
{
    static const char *const ids[] = {"capabilities-baseline", "seccomp-baseline"};
    const struct pod_template pod = {
        .is_windows = true,
        .security = {.seccomp = CONFINEMENT_UNCONFINED},
        CONTAINERS({.name = "a", .security = {.add = bad_add, .add_count = 1}}),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        for (enum rule_level level = LEVEL_PRIVILEGED; level <= LEVEL_HARDENED; level++) {
            struct rule_settings settings = {.pss_minor = 37, .level = (uint8_t)level};
            struct rule_input in = {.settings = &settings, .pod = &pod};

            assert_int_equal(rule_ask(rule_named(ids[i]), &in).outcome,
                             level >= LEVEL_RESTRICTED ? RULE_NOT_APPLICABLE : RULE_FAIL);
        }
    }
}

/* The restricted rule comes with v1.35, and is then asked in its place. */
static void test_proc_mount_in_a_user_namespace_is_refused_by_the_restricted_rule(void **state)
{
    const struct pod_template pod = {
        .host_users = STATED_FALSE,
        CONTAINERS({.name = "a", .security = {.proc_mount = PROC_MOUNT_UNMASKED}}),
    };

    (void)state;
    for (unsigned minor = PSS_MINOR_MIN; minor <= PSS_MINOR_MAX; minor++) {
        struct rule_settings settings = {.pss_minor = minor, .level = LEVEL_RESTRICTED};
        struct rule_input in = {.settings = &settings, .pod = &pod};

        assert_int_equal(rule_ask(rule_named("proc-mount-baseline"), &in).outcome,
                         minor < 35 ? RULE_FAIL : RULE_NOT_APPLICABLE);
        assert_int_equal(rule_ask(rule_named("proc-mount-restricted"), &in).outcome,
                         minor < 35 ? RULE_NOT_APPLICABLE : RULE_FAIL);
    }
}

static size_t required_count(unsigned minor, enum rule_level level)
{
    struct rule_settings settings = {.pss_minor = minor, .level = (uint8_t)level};
    size_t count = 0;

    for (size_t i = 0; i < rules_count; i++)
        count += rule_is_required(rules[i], &settings);
    return count;
}

static void test_level_requires_its_rules_and_those_below_it_that_the_version_has(void **state)
{
    (void)state;
    assert_int_equal(required_count(37, LEVEL_PRIVILEGED), 0);
    assert_int_equal(required_count(33, LEVEL_BASELINE), 11);
    assert_int_equal(required_count(34, LEVEL_BASELINE), 12);
    assert_int_equal(required_count(33, LEVEL_RESTRICTED), 17);
    assert_int_equal(required_count(34, LEVEL_RESTRICTED), 18);
    assert_int_equal(required_count(35, LEVEL_RESTRICTED), 19);
    assert_int_equal(required_count(PSS_MINOR_LATEST, LEVEL_RESTRICTED), 19);
    assert_int_equal(required_count(PSS_MINOR_LATEST, LEVEL_HARDENED), 19);
}

static void test_rule_beyond_the_standards_is_required_by_no_level(void **state)
{
    const struct rule_settings settings = {.pss_minor = PSS_MINOR_LATEST, .level = LEVEL_HARDENED};
    const struct rule rule = {.id = "x", .level = LEVEL_HARDENED};

    (void)state;
    assert_false(rule_is_required(&rule, &settings));
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
        cmocka_unit_test(test_baselines_rule_is_asked_beside_the_stricter_one),
        cmocka_unit_test(test_windows_pod_is_asked_no_more_than_by_the_stricter_rule),
        cmocka_unit_test(test_proc_mount_in_a_user_namespace_is_refused_by_the_restricted_rule),
        cmocka_unit_test(test_level_requires_its_rules_and_those_below_it_that_the_version_has),
        cmocka_unit_test(test_rule_beyond_the_standards_is_required_by_no_level),
        cmocka_unit_test(test_rule_is_asked_about_its_own_kind_of_subject),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
