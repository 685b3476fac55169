/* From changes of the caches to plans: when the manager works, on what, and when it stops. */
#include "sync_manager.h"

static void test_manager_plans_nothing_before_every_cache_was_complete(void **state)
{
    const enum kind last = (enum kind)(KIND_WATCHED_COUNT - 1);
    struct bench *b = *state;

    b->script.profile = NULL;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)step(b);
    assert_int_equal(b->net.count, KIND_WATCHED_COUNT);
    b->served = calloc(KIND_WATCHED_COUNT, 1);
    b->served_cap = KIND_WATCHED_COUNT;
    for (int kind = 0; kind < (int)last; kind++)
        serve_watch(b, waiting_write(b, watch_part((enum kind)kind)), (enum kind)kind);
    (void)step(b);
    assert_string_equal(b->trace, "");
    serve_watch(b, waiting_write(b, watch_part(last)), last);
    (void)step(b);
    assert_string_equal(b->trace, "ns/shop ");
}

static void test_manager_plans_everything_once_at_the_first_sync(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_NAMESPACE, "", "bank");
    (void)put(b, KIND_PROFILE, "", "restricted");
    (void)step(b);
    (void)serve(b);
    (void)step(b);
    assert_string_equal(b->trace, "ns/bank ns/shop profile/restricted ");
}

static void test_manager_plans_what_a_change_marks_and_nothing_else(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "bank");
    begin(b);
    forget_trace(b);
    (void)put(b, KIND_NETWORK_POLICY, "shop", "theirs");
    run(b, 0);
    assert_string_equal(b->trace, "ns/shop ");
    run(b, 10 * MINUTE_MS);
    assert_string_equal(b->trace, "ns/shop ");
}

static void test_manager_plans_a_namespace_once_more_after_its_writes(void **state)
{
    struct bench *b = *state;

    begin(b);
    forget_trace(b);
    b->script.wants_policy = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 10 * SECOND_MS);
    assert_true(stands(b, "shop"));
    assert_int_equal(passes(b, "ns/shop"), 2);
    assert_int_equal(stats(b).applier.creates, 1);
}

static unsigned passes_over_shop(struct bench *b)
{
    unsigned count = 0;

    for (const char *at = b->trace; (at = strstr(at, "ns/shop ")); at++)
        count++;
    return count;
}

static void test_manager_looks_at_a_namespace_again_when_its_plan_says(void **state)
{
    struct bench *b = *state;

    b->script.wants_policy = true;
    b->script.ns_look_again_s = (WALL_MS + (int64_t)b->net.now_ms) / 1000 + 300;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    assert_int_equal(passes_over_shop(b), 2); /* with its writes, and once more */
    forget_trace(b);
    run(b, 5 * MINUTE_MS - 4 * SECOND_MS);
    assert_int_equal(passes_over_shop(b), 0);
    b->script.ns_look_again_s = 0;
    run(b, 5 * SECOND_MS);
    assert_int_equal(passes_over_shop(b), 1);
    run(b, 60 * MINUTE_MS);
    assert_int_equal(passes_over_shop(b), 1);
}

/* A clock that goes forward by itself, or a time that has passed, is no reason to spin. */
static void test_manager_looks_again_at_most_once_a_second(void **state)
{
    struct bench *b = *state;

    b->script.ns_look_again_s = 1;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    forget_trace(b);
    run(b, 10 * SECOND_MS);
    assert_int_equal(passes_over_shop(b), 10);
}

static void test_manager_never_works_twice_on_a_key_at_once(void **state)
{
    struct bench *b = *state;

    begin(b);
    forget_trace(b);
    b->script.wants_policy = true;
    b->holds_writes = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    assert_int_equal(passes(b, "ns/shop"), 1);
    for (int i = 0; i < 5; i++) {
        (void)put(b, KIND_NETWORK_POLICY, "shop", "theirs");
        run(b, SECOND_MS);
    }
    assert_int_equal(passes(b, "ns/shop"), 1);
    b->holds_writes = false;
    run(b, SECOND_MS);
    assert_int_equal(passes(b, "ns/shop"), 2);
    assert_int_equal(stats(b).applier.creates, 1);
}

static void test_manager_takes_no_key_and_does_not_spin_while_the_applier_is_full(void **state)
{
    struct bench *b = *state;

    bench_stop(b);
    assert_int_equal(bench_start(b, 2, NULL), 0);
    b->script.wants_policy = true;
    b->holds_writes = true;
    for (int i = 0; i < 4; i++)
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
    run(b, SECOND_MS);
    assert_string_equal(b->trace, "ns/n-0 ns/n-1 ");
    assert_true(step(b) > b->net.now_ms);
    serve_write(b, waiting_write(b, "/n-0/"));
    run(b, SECOND_MS);
    assert_string_equal(b->trace, "ns/n-0 ns/n-1 ns/n-2 ");
    b->holds_writes = false;
    run(b, SECOND_MS);
    for (int i = 0; i < 4; i++)
        assert_true(stands(b, api_text("n-%d", i)));
}

static void test_manager_gives_the_loop_its_turn_after_64_passes(void **state)
{
    struct bench *b = *state;

    b->script.profile = NULL;
    for (int i = 0; i < 100; i++)
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
    (void)step(b);
    (void)serve(b);
    assert_true(step(b) <= b->net.now_ms);
    assert_int_equal(stats(b).passes, MANAGER_PASSES_PER_STEP);
    (void)step(b);
    assert_int_equal(stats(b).passes, 100);
}

static void test_manager_looks_at_a_profile_at_most_once_a_second(void **state)
{
    struct bench *b = *state;

    begin(b);
    forget_trace(b);
    for (int i = 0; i < 40; i++) { /* each marks the profile, over four seconds */
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
        run(b, 100);
    }
    assert_in_range(passes(b, "profile/restricted"), 4, 5);
    run(b, 10 * SECOND_MS);
    assert_in_range(passes(b, "profile/restricted"), 4, 6);
}

static void test_manager_forgets_a_namespace_that_is_gone(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    assert_int_equal(stats(b).verdicts, 1);
    take_away(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    assert_int_equal(stats(b).verdicts, 0);
}

static void
test_manager_knows_a_deleted_policy_from_a_new_one_although_the_write_failed_at_first(void **state)
{
    struct bench *b = *state;

    b->script.wants_policy = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    assert_int_equal(events(b, "PolicyDeleted"), 0); /* it was the first creation */
    b->holds_writes = true;
    take_away(b, KIND_NETWORK_POLICY, "shop", POLICY);
    run(b, 0);
    refuse(b, "/networkpolicies", 500, "InternalError", "not now");
    b->holds_writes = false;
    run(b, MINUTE_MS);
    assert_true(stands(b, "shop"));
    assert_int_equal(events(b, "PolicyDeleted"), 1);
}

static void test_manager_is_ready_when_every_cache_was_complete(void **state)
{
    struct bench *b = *state;
    char reason[128];

    (void)step(b);
    assert_false(manager_is_ready(b->manager, reason, sizeof(reason)));
    assert_string_equal(reason, "waiting for the first list of namespaces");
    run(b, 0);
    assert_true(manager_is_ready(b->manager, reason, sizeof(reason)));
    assert_string_equal(reason, "");
}

static void
test_manager_is_not_ready_after_a_minute_of_trouble_and_again_when_it_is_over(void **state)
{
    struct bench *b = *state;
    char reason[128];

    begin(b);
    b->is_down = true;
    run(b, 50 * SECOND_MS);
    assert_true(manager_is_ready(b->manager, reason, sizeof(reason)));
    run(b, 20 * SECOND_MS);
    assert_false(manager_is_ready(b->manager, reason, sizeof(reason)));
    assert_contains(reason, "namespaces");
    assert_contains(reason, "connection refused");
    b->is_down = false;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    for (int kind = 1; kind < KIND_WATCHED_COUNT; kind++)
        (void)put(b, (enum kind)kind, resource_of((enum kind)kind)->is_namespaced ? "shop" : "",
                  "something");
    run(b, 70 * SECOND_MS);
    assert_true(manager_is_ready(b->manager, reason, sizeof(reason)));
}

static void test_manager_waits_for_the_answers_when_it_stops_and_begins_nothing(void **state)
{
    struct bench *b = *state;
    char reason[64];

    begin(b);
    b->script.wants_policy = true;
    b->holds_writes = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    (void)put(b, KIND_NAMESPACE, "", "bank");
    manager_stop(b->manager, b->net.now_ms);
    forget_trace(b);
    run(b, SECOND_MS);
    assert_false(manager_is_stopped(b->manager));
    assert_false(manager_is_ready(b->manager, reason, sizeof(reason)));
    assert_string_equal(reason, "stopping");
    serve_write(b, waiting_write(b, "/shop/"));
    run(b, 0);
    assert_true(manager_is_stopped(b->manager));
    assert_int_equal(fake_running(&b->net), 0);
    assert_string_equal(b->trace, "");
    assert_true(stands(b, "shop"));
}

static void test_manager_sends_the_events_that_wait_when_it_stops(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.says = "something is wrong";
    b->holds_events = true;
    for (int i = 0; i < 10; i++)
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
    run(b, 0);
    manager_stop(b->manager, b->net.now_ms);
    run(b, 0);
    assert_false(manager_is_stopped(b->manager));
    b->holds_events = false;
    run(b, 0);
    assert_true(manager_is_stopped(b->manager));
    assert_int_equal(events(b, "something is wrong"), 10);
}

static void test_manager_stops_waiting_after_eight_seconds(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.wants_policy = true;
    b->holds_writes = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    manager_stop(b->manager, b->net.now_ms);
    run(b, MANAGER_DRAIN_MS - 1);
    (void)step(b);
    assert_false(manager_is_stopped(b->manager));
    b->net.now_ms++;
    (void)step(b);
    assert_true(manager_is_stopped(b->manager));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_manager_plans_nothing_before_every_cache_was_complete),
        MANAGER_TEST(test_manager_plans_everything_once_at_the_first_sync),
        MANAGER_TEST(test_manager_plans_what_a_change_marks_and_nothing_else),
        MANAGER_TEST(test_manager_plans_a_namespace_once_more_after_its_writes),
        MANAGER_TEST(test_manager_looks_at_a_namespace_again_when_its_plan_says),
        MANAGER_TEST(test_manager_looks_again_at_most_once_a_second),
        MANAGER_TEST(test_manager_never_works_twice_on_a_key_at_once),
        MANAGER_TEST(test_manager_takes_no_key_and_does_not_spin_while_the_applier_is_full),
        MANAGER_TEST(test_manager_gives_the_loop_its_turn_after_64_passes),
        MANAGER_TEST(test_manager_looks_at_a_profile_at_most_once_a_second),
        MANAGER_TEST(test_manager_forgets_a_namespace_that_is_gone),
        MANAGER_TEST(
            test_manager_knows_a_deleted_policy_from_a_new_one_although_the_write_failed_at_first),
        MANAGER_TEST(test_manager_is_ready_when_every_cache_was_complete),
        MANAGER_TEST(test_manager_is_not_ready_after_a_minute_of_trouble_and_again_when_it_is_over),
        MANAGER_TEST(test_manager_waits_for_the_answers_when_it_stops_and_begins_nothing),
        MANAGER_TEST(test_manager_sends_the_events_that_wait_when_it_stops),
        MANAGER_TEST(test_manager_stops_waiting_after_eight_seconds),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
