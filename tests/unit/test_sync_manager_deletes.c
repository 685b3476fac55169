/* The delete budget: deletions that no change of a profile explains stop before they take
 * everything along. */
#include "sync_manager.h"

/* @count namespaces with a policy of "restricted" each, all complete. */
static void begin_with(struct bench *b, int count)
{
    for (int i = 0; i < count; i++) {
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
        (void)put(b, KIND_NETWORK_POLICY, api_text("n-%d", i), POLICY);
    }
    begin(b);
    b->script.removes = true;
}

static void touch_namespaces(struct bench *b, int count)
{
    for (int i = 0; i < count; i++)
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
}

static int standing(struct bench *b, int count)
{
    int result = 0;

    for (int i = 0; i < count; i++)
        result += stands(b, api_text("n-%d", i));
    return result;
}

static void test_manager_stops_deletions_that_no_change_explains(void **state)
{
    struct bench *b = *state;

    begin_with(b, 30);
    touch_namespaces(b, 30);
    run(b, 30 * MINUTE_MS);
    assert_int_equal(standing(b, 30), 30 - MANAGER_DELETES_FREE);
    assert_int_equal(logged(b, "deletions are stopped"), 1);
    assert_true(events(b, "\"reason\":\"DeleteBudget\"") > 0);
    assert_contains(last_event(b), "change the profile's spec");
    assert_contains(last_event(b), "\"regarding\":{\"apiVersion\":\"rampart.dev/v1alpha1\"");
}

static void test_manager_does_not_try_again_what_the_budget_stopped(void **state)
{
    struct bench *b = *state;
    uint64_t count;

    begin_with(b, 12);
    touch_namespaces(b, 12);
    run(b, MINUTE_MS);
    count = stats(b).passes;
    run(b, 3 * MINUTE_MS);
    assert_int_equal(stats(b).passes, count);
    /* Not even when it is looked at again for another reason, long after the minute. */
    touch_namespaces(b, 12);
    run(b, MINUTE_MS);
    assert_int_equal(standing(b, 12), 2);
}

static void test_manager_goes_on_when_the_profile_changes(void **state)
{
    struct bench *b = *state;

    begin_with(b, 30);
    touch_namespaces(b, 30);
    run(b, MINUTE_MS);
    assert_int_equal(standing(b, 30), 20);
    thing_find(b, KIND_PROFILE, "", "restricted")->generation++;
    (void)put(b, KIND_PROFILE, "", "restricted");
    run(b, MINUTE_MS);
    assert_int_equal(standing(b, 30), 0);
    assert_int_equal(logged(b, "writes succeed again"), 20);
}

static void test_manager_takes_a_changed_profile_as_the_reason_for_ten_minutes(void **state)
{
    struct bench *b = *state;

    begin_with(b, 60);
    b->script.removes = false;
    thing_find(b, KIND_PROFILE, "", "restricted")->generation++;
    (void)put(b, KIND_PROFILE, "", "restricted");
    run(b, 9 * MINUTE_MS);
    b->script.removes = true;
    touch_namespaces(b, 30);
    run(b, 2 * MINUTE_MS);
    assert_int_equal(standing(b, 60), 30);
    touch_namespaces(b, 60);
    run(b, MINUTE_MS);
    assert_int_equal(standing(b, 60), 20);
}

static void test_manager_takes_a_profile_that_was_there_at_its_start_for_no_reason(void **state)
{
    struct bench *b = *state;

    b->script.removes = true;
    begin_with(b, 30); /* the first sync itself wants to delete */
    run(b, MINUTE_MS);
    assert_int_equal(standing(b, 30), 20);
}

static void test_manager_lets_deletions_pass_that_the_plan_explains(void **state)
{
    struct bench *b = *state;

    begin_with(b, 100);
    b->script.is_explained = true;
    touch_namespaces(b, 100);
    run(b, MINUTE_MS);
    assert_int_equal(standing(b, 100), 0);
}

static void test_manager_allows_ten_percent_of_many(void **state)
{
    struct bench *b = *state;

    begin_with(b, 300);
    touch_namespaces(b, 300);
    run(b, MINUTE_MS);
    /* Those in flight count twice, as there and as deleted: 16 of them make it at most two more. */
    assert_in_range(standing(b, 300), 268, 270);
}

static void test_manager_lets_a_few_deletions_a_minute_pass_for_ever(void **state)
{
    struct bench *b = *state;

    begin_with(b, 30);
    for (int i = 0; i < 30; i++) {
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
        run(b, 7 * SECOND_MS);
    }
    assert_int_equal(standing(b, 30), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_manager_stops_deletions_that_no_change_explains),
        MANAGER_TEST(test_manager_does_not_try_again_what_the_budget_stopped),
        MANAGER_TEST(test_manager_goes_on_when_the_profile_changes),
        MANAGER_TEST(test_manager_takes_a_changed_profile_as_the_reason_for_ten_minutes),
        MANAGER_TEST(test_manager_takes_a_profile_that_was_there_at_its_start_for_no_reason),
        MANAGER_TEST(test_manager_lets_deletions_pass_that_the_plan_explains),
        MANAGER_TEST(test_manager_allows_ten_percent_of_many),
        MANAGER_TEST(test_manager_lets_a_few_deletions_a_minute_pass_for_ever),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
