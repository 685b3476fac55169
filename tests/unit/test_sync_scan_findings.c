/* What one scan found, by profile, in memory that does not grow with the cluster. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/sync/scan_findings.h"
#include "support/sweep.h"

static struct scan_results results;

static int setup(void **state)
{
    (void)state;
    scan_results_init(&results, 3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scan_results_done(&results);
    return 0;
}

static struct posture failing(const char *profile)
{
    return (struct posture){.profile = profile,
                            .state = POSTURE_DRIFTED,
                            .is_workload = true,
                            .failing = 2,
                            .drift = 2};
}

static struct finding about(const char *ns, const char *name)
{
    return (struct finding){.reason = REASON_RULE_FAILED,
                            .object = {KIND_SERVICE, ns, name, "u-1"},
                            .rule = "privileged",
                            .message = "container web: privileged",
                            .profile = "p"};
}

static void say(const char *ns, const char *name)
{
    struct posture posture = failing("p");
    struct finding finding = about(ns, name);

    assert_int_equal(scan_results_add(&results, &posture, NULL), 0);
    assert_int_equal(scan_results_say(&results, &finding, NULL), 0);
}

static const struct scan_findings *found(void)
{
    const struct scan_findings *findings = scan_results_get(&results, "p");

    assert_non_null(findings);
    return findings;
}

static void test_scan_results_count_by_profile_what_somebody_decides(void **state)
{
    const struct posture none = {.state = POSTURE_NONE};
    struct posture posture = failing("p");

    (void)state;
    assert_int_equal(scan_results_add(&results, &none, NULL), 0);
    assert_null(scan_results_get(&results, "p"));
    assert_int_equal(scan_results_add(&results, &posture, NULL), 0);
    assert_int_equal(scan_results_add(&results, &posture, NULL), 0);
    assert_int_equal(found()->tally.states[POSTURE_DRIFTED], 2);
    assert_int_equal(found()->tally.failing[1], 2);
    assert_null(scan_results_get(&results, "q"));
}

static void test_scan_results_keep_the_first_findings_in_order_and_copies_of_them(void **state)
{
    char name[32];

    (void)state;
    for (int i = 2 * SCAN_DRIFT_MAX; i > 0; i--) { /* from the last to the first */
        (void)snprintf(name, sizeof(name), "pod-%03d", i);
        say("shop", name);
    }
    memset(name, 'x', sizeof(name) - 1);
    assert_int_equal(found()->drift_count, SCAN_DRIFT_MAX);
    assert_true(found()->is_cut);
    assert_string_equal(found()->drift[0]->object.name, "pod-001");
    assert_string_equal(found()->drift[SCAN_DRIFT_MAX - 1]->object.name, "pod-020");
    assert_string_equal(found()->drift[0]->message, "container web: privileged");
    say("bank", "zebra");
    assert_string_equal(found()->drift[0]->object.ns, "bank");
    say("zoo", "late");
    assert_int_equal(found()->drift_count, SCAN_DRIFT_MAX);
}

static void test_scan_results_say_which_objects_are_worth_words(void **state)
{
    struct object early = {.kind = KIND_SERVICE, .ns = "a", .name = "a"};
    struct object late = {.kind = KIND_SERVICE, .ns = "z", .name = "z"};
    char name[32];

    (void)state;
    assert_false(scan_results_want(&results, "p", &early)); /* the profile is not known yet */
    scan_results_cut(&results, "p");
    say("shop", "web");
    assert_true(scan_results_want(&results, "p", &late));
    assert_false(found()->is_cut);
    for (int i = 0; i < SCAN_DRIFT_MAX; i++) {
        (void)snprintf(name, sizeof(name), "pod-%03d", i);
        say("shop", name);
    }
    assert_true(scan_results_want(&results, "p", &early));
    assert_false(scan_results_want(&results, "p", &late));
    scan_results_cut(&results, "p");
    assert_true(found()->is_cut);
}

static void test_scan_results_take_the_place_of_those_before(void **state)
{
    struct scan_results newer;

    (void)state;
    say("shop", "web");
    scan_results_init(&newer, 3);
    scan_results_replace(&results, &newer);
    assert_null(scan_results_get(&results, "p"));
    say("shop", "web");
    scan_results_replace(&newer, &results);
    assert_null(scan_results_get(&results, "p"));
    assert_int_equal(scan_results_get(&newer, "p")->drift_count, 1);
    scan_results_done(&newer);
}

static void test_scan_results_of_more_profiles_than_the_ceiling_are_an_error(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct posture posture = failing(names[i]);

        assert_int_equal(scan_results_add(&results, &posture, NULL), 0);
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct posture posture = failing(names[i]);

        assert_int_equal(scan_results_add(&results, &posture, &err), i < 3 ? 0 : -1);
    }
    assert_int_equal(err.code, ERR_LIMIT);
}

static int add_and_say(void *ctx, struct err *err)
{
    struct posture posture = failing("p");
    struct finding finding = about("shop", "web");
    struct scan_results r;
    int result;

    (void)ctx;
    scan_results_init(&r, 3);
    result = scan_results_add(&r, &posture, err);
    if (result == 0)
        result = scan_results_say(&r, &finding, err);
    scan_results_done(&r);
    return result;
}

static void test_scan_results_survive_the_failure_of_any_allocation(void **state)
{
    (void)state;
    assert_true(sweep(add_and_say, NULL) >= 4);
}

#define WITH_RESULTS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RESULTS(test_scan_results_count_by_profile_what_somebody_decides),
        WITH_RESULTS(test_scan_results_keep_the_first_findings_in_order_and_copies_of_them),
        WITH_RESULTS(test_scan_results_say_which_objects_are_worth_words),
        WITH_RESULTS(test_scan_results_take_the_place_of_those_before),
        WITH_RESULTS(test_scan_results_of_more_profiles_than_the_ceiling_are_an_error),
        cmocka_unit_test(test_scan_results_survive_the_failure_of_any_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
