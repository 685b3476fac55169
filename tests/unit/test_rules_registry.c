#include "rules_pod.h"

static bool is_kebab_case(const char *id)
{
    size_t len = strlen(id);

    return len > 0 && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && id[0] != '-' &&
           id[len - 1] != '-' && !strstr(id, "--");
}

static void test_rules_are_sorted_by_ids_that_are_unique(void **state)
{
    (void)state;
    assert_true(rules_count > 0);
    assert_true(rules_count <= RULES_MAX);
    for (size_t i = 1; i < rules_count; i++)
        if (strcmp(rules[i - 1]->id, rules[i]->id) >= 0)
            fail_msg("%s does not come before %s", rules[i - 1]->id, rules[i]->id);
}

static void test_rule_is_found_by_its_id_and_has_its_own_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < rules_count; i++) {
        assert_ptr_equal(rule_find(rules[i]->id), rules[i]);
        assert_int_equal(rule_index(rules[i]), i);
    }
    assert_null(rule_find(""));
    assert_null(rule_find("no-such-rule"));
    assert_null(rule_find("Privileged"));
}

static void test_rule_says_everything_that_people_are_told_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < rules_count; i++) {
        const struct rule *rule = rules[i];

        if (!is_kebab_case(rule->id))
            fail_msg("the id %s is not kebab-case", rule->id);
        if (!*rule->title || rule->title[strlen(rule->title) - 1] == '.')
            fail_msg("%s has no title, or one with a full stop", rule->id);
        if (!*rule->standards)
            fail_msg("%s does not say where it comes from", rule->id);
        if (!*rule->remedy || rule->remedy[strlen(rule->remedy) - 1] != '.')
            fail_msg("the remedy of %s is no sentence", rule->id);
        if (strlen(rule->remedy) > 400 || strpbrk(rule->remedy, "\n\t") ||
            strpbrk(rule->title, "\n\t"))
            fail_msg("%s says more than a line", rule->id);
        assert_non_null(rule->check);
        assert_in_range(rule->subject, RULE_POD, RULE_NAMESPACE);
        assert_in_range(rule->severity, SEVERITY_LOW, SEVERITY_CRITICAL);
        assert_in_range(rule->level, LEVEL_BASELINE, LEVEL_HARDENED);
        assert_in_range(rule->fix, FILL_NONE, FILL_COUNT - 1);
        assert_true(rule->since_minor <= PSS_MINOR_MAX);
    }
}

static void test_rule_of_the_standards_names_its_level_and_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < rules_count; i++) {
        const struct rule *rule = rules[i];
        char since[32];

        (void)snprintf(since, sizeof(since), "since v1.%u", rule->since_minor);
        if (rule->level == LEVEL_BASELINE && !strstr(rule->standards, "PSS baseline"))
            fail_msg("%s is of the baseline and does not say so", rule->id);
        if (rule->level == LEVEL_RESTRICTED && !strstr(rule->standards, "PSS restricted"))
            fail_msg("%s is of the restricted standard and does not say so", rule->id);
        if (rule->since_minor > 0 && !strstr(rule->standards, since))
            fail_msg("%s is there since v1.%u and does not say so", rule->id, rule->since_minor);
    }
}

static void test_rule_is_overridden_by_a_stricter_one_that_is_there(void **state)
{
    size_t overridden_count = 0;

    (void)state;
    for (size_t i = 0; i < rules_count; i++) {
        const struct rule *rule = rules[i];
        const struct rule *other = rule->overridden_by ? rule_find(rule->overridden_by) : NULL;

        if (!rule->overridden_by)
            continue;
        overridden_count++;
        if (!other)
            fail_msg("%s is overridden by %s, which is not there", rule->id, rule->overridden_by);
        assert_true(other->level > rule->level);
        assert_int_equal(other->subject, rule->subject);
    }
    assert_int_equal(overridden_count, 4);
}

/* The 19 checks of k8s.io/pod-security-admission that exist between v1.25 and v1.37. */
static void test_rules_cover_the_pod_security_standards(void **state)
{
    size_t baseline = 0, restricted = 0;

    (void)state;
    for (size_t i = 0; i < rules_count; i++) {
        baseline += rules[i]->level == LEVEL_BASELINE;
        restricted += rules[i]->level == LEVEL_RESTRICTED;
    }
    assert_int_equal(baseline, 12);
    assert_int_equal(restricted, 7);
}

static void test_severities_and_levels_have_names_in_their_order(void **state)
{
    (void)state;
    assert_string_equal(rule_severity_name(SEVERITY_LOW), "low");
    assert_string_equal(rule_severity_name(SEVERITY_CRITICAL), "critical");
    assert_string_equal(rule_level_name(LEVEL_PRIVILEGED), "privileged");
    assert_string_equal(rule_level_name(LEVEL_HARDENED), "hardened");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_are_sorted_by_ids_that_are_unique),
        cmocka_unit_test(test_rule_is_found_by_its_id_and_has_its_own_bit),
        cmocka_unit_test(test_rule_says_everything_that_people_are_told_of_it),
        cmocka_unit_test(test_rule_of_the_standards_names_its_level_and_version),
        cmocka_unit_test(test_rule_is_overridden_by_a_stricter_one_that_is_there),
        cmocka_unit_test(test_severities_and_levels_have_names_in_their_order),
        cmocka_unit_test(test_rules_cover_the_pod_security_standards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
