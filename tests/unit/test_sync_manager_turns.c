/* Who may begin: never more at once than the profile allows, whatever happens. */
#include "sync_manager_harden.h"

static void test_manager_lets_so_many_begin_and_the_others_as_they_end(void **state)
{
    struct bench *b = *state;

    put_workloads(b, "web", 9);
    begin_hardening(b);
    assert_rollouts(b, "2 7 0 0");
    run(b, MINUTE_MS);
    assert_int_equal(marked(b, "runs"), 2);
    hardens.outcome = "proven";
    run(b, 2 * MINUTE_MS);
    assert_int_equal(marked(b, "proven"), 9);
    assert_int_equal(b->running_max, 2);
    assert_rollouts(b, "0 0 9 0");
}

static void test_manager_counts_a_turn_until_it_is_known_what_became_of_it(void **state)
{
    struct bench *b = *state;

    b->holds_writes = true;
    put_workloads(b, "web", 9);
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_int_equal(fills(b), 2); /* which wait for their answers */
    touch(b, "web-0005");
    run(b, MINUTE_MS);
    assert_int_equal(fills(b), 2);
    b->holds_writes = false;
    run(b, MINUTE_MS);
    assert_int_equal(b->running_max, 2);
    assert_int_equal(marked(b, "runs"), 2);
}

static void test_manager_gives_the_turn_to_others_when_the_pods_say_no(void **state)
{
    struct bench *b = *state;

    hardens.looks = true;
    hardens.refuses = "no room";
    put_workloads(b, "web", 9);
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_int_equal(events(b, "no room"), 9);
    assert_rollouts(b, "0 0 0 0");
}

static void test_manager_does_not_spin_about_a_turn_that_leads_to_nothing(void **state)
{
    struct bench *b = *state;

    hardens.wastes_turns = true;
    put_workloads(b, "web", 3);
    begin_hardening(b);
    forget_trace(b);
    run(b, 10 * MINUTE_MS);
    assert_in_range(passes(b, "step/web-0000+turn+before"), 1, 30);
    hardens.wastes_turns = false;
    run(b, 30 * MINUTE_MS);
    assert_int_equal(marked(b, "runs"), 2);
    assert_int_equal(b->running_max, 2);
}

/* The mark of a workload that is looked at last, many passes after the first, says that it runs: a
 * process that did not know would begin two. */
static void test_manager_begins_nothing_after_a_start_before_it_knows_what_runs(void **state)
{
    struct bench *b = *state;
    struct thing *last = put(b, KIND_DEPLOYMENT, "z-last", "runs");

    hardens.concurrent_max = 1;
    (void)snprintf(last->mark, sizeof(last->mark), "runs");
    for (int ns = 0; ns < 300; ns++)
        (void)put(b, KIND_NAMESPACE, "", api_text("t-%03d", ns));
    (void)put(b, KIND_NAMESPACE, "", "z-last");
    put_workloads(b, "web", 3);
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_int_equal(fills(b), 0);
    (void)snprintf(last->mark, sizeof(last->mark), "proven");
    (void)put(b, KIND_DEPLOYMENT, "z-last", "runs");
    run(b, MINUTE_MS);
    assert_int_equal(b->running_max, 1);
    assert_int_equal(marked(b, "runs"), 1);
}

static void
test_manager_begins_nothing_while_a_workload_of_the_start_cannot_be_looked_at(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 1;
    hardens.steps_fail = 8;
    put_workload(b, "a-first", "runs");
    put_workloads(b, "web", 5);
    b->running_max = 1;
    begin_hardening(b);
    assert_true(logged(b, "could not be looked at") > 0);
    run(b, MINUTE_MS);
    assert_int_equal(b->running_max, 1);
    assert_int_equal(fills(b), 0);
}

static void test_manager_begins_nothing_after_an_edit_before_it_has_looked_at_all(void **state)
{
    struct bench *b = *state;

    put_workloads(b, "web", 9);
    begin_hardening(b);
    assert_int_equal(marked(b, "runs"), 2);
    /* Turns that the old profile gave, and that nobody has used yet. */
    hardens.outcome = "proven";
    b->holds_writes = true;
    run(b, 10 * SECOND_MS);
    hardens.concurrent_max = 1;
    edit_profile(b);
    b->holds_writes = false;
    b->running_max = 0;
    run(b, 5 * MINUTE_MS);
    assert_int_equal(marked(b, "proven"), 9);
    assert_in_range(b->running_max, 0, 2); /* what had begun before */
}

static void
test_manager_takes_back_turns_that_nobody_has_used_when_the_profile_changes(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 0;
    put_workloads(b, "web", 6);
    begin_hardening(b);
    hardens.concurrent_max = 6;
    edit_profile(b);
    /* They have their turns, and no pass came to them yet. */
    while (hardens.turns_asked < 2)
        (void)(serve(b), step(b));
    assert_int_equal(fills(b), 0);
    hardens.concurrent_max = 1;
    edit_profile(b);
    run(b, MINUTE_MS);
    assert_int_equal(b->running_max, 1);
}

/* ---- What runs nothing ---- */

static void test_manager_hardens_what_runs_nothing_last_and_all_at_once(void **state)
{
    struct bench *b = *state;

    put_workloads(b, "idle", 100);
    put_workloads(b, "web", 3);
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_int_equal(marked(b, "idle"), 100);
    assert_int_equal(marked(b, "runs"), 2);
    assert_int_equal(b->running_max, 2);
}

static void test_manager_hardens_thousands_without_a_sort_for_each(void **state)
{
    struct bench *b = *state;
    const unsigned count = getenv("UNDER_VALGRIND") ? 600 : 3000;

    b->log.level = LOG_WARN;
    put_workloads(b, "idle", count);
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_int_equal(marked(b, "idle"), count);
    assert_int_equal(fills(b), count);
    assert_in_range(hardens.turns_asked, 1, 2 * count / (HARDENING_TURNS_OUT_MAX / 2) + 4);
}

/* Answers the patches one by one, each after a millisecond: at each answer one pass has room. */
static unsigned patches_until(struct bench *b, const char *key)
{
    unsigned count = 0;

    for (; passes(b, key) == 0; count++) {
        assert_true(count < 2000);
        serve_write(b, waiting_write(b, "/deployments/"));
        if (fake_find(&b->net, "/status") != FAKE_LAST)
            serve_write(b, fake_find(&b->net, "/status"));
        b->net.now_ms++;
        (void)step(b);
    }
    return count;
}

static void test_manager_lets_a_namespace_and_a_status_through_among_thousands(void **state)
{
    struct bench *b = *state;

    b->log.level = LOG_WARN;
    put_workloads(b, "idle", 1500);
    b->holds_writes = true;
    begin_hardening(b);
    assert_true(fills(b) > 0);
    forget_trace(b);
    (void)put(b, KIND_NAMESPACE, "", "bank");
    assert_in_range(patches_until(b, "ns/bank"), 0, HARDENING_TURNS_OUT_MAX);
    forget_trace(b);
    assert_in_range(patches_until(b, "profile/restricted"), 0,
                    MANAGER_STATUS_EVERY_MS + HARDENING_TURNS_OUT_MAX / 2);
}

/* ---- The pause ---- */

static void test_manager_pauses_a_profile_that_fails_too_often_and_says_so_once(void **state)
{
    struct bench *b = *state;

    hardens.pause_at = 3;
    hardens.outcome = "failed";
    put_workloads(b, "web", 12);
    begin_hardening(b);
    run(b, 5 * MINUTE_MS);
    assert_in_range(marked(b, "failed"), 3, 4);
    assert_int_equal(marked(b, "runs"), 0);
    assert_int_equal(events(b, "RolloutsPaused"), 1);
    assert_int_equal(events(b, "too many failed"), 1);
    assert_contains(thing_find(b, KIND_PROFILE, "", "restricted")->status, "paused");
}

static void test_manager_stays_paused_until_the_profile_changes(void **state)
{
    struct bench *b = *state;

    hardens.pause_at = 3;
    hardens.outcome = "failed";
    put_workloads(b, "web", 12);
    begin_hardening(b);
    run(b, 5 * MINUTE_MS);
    hardens.pause_at = 0; /* as when what ran meanwhile was proven */
    hardens.outcome = "proven";
    touch(b, "web-0000");
    put_workload(b, "web-0000", "proven");
    run(b, 5 * MINUTE_MS);
    assert_int_equal(marked(b, "proven"), 1);
    edit_profile(b);
    run(b, 5 * MINUTE_MS);
    assert_int_equal(marked(b, ""), 0);
    assert_int_equal(logged(b, "rollouts go on"), 1);
    assert_int_equal(events(b, "RolloutsPaused"), 1);
}

static int setup_one_plan(void **state)
{
    struct bench *b = harden_bench();

    assert_int_equal(bench_start(b, 1, NULL), 0);
    *state = b;
    return 0;
}

static void test_manager_takes_back_turns_that_nobody_has_used_when_it_pauses(void **state)
{
    struct bench *b = *state;

    hardens.pause_at = 1;
    hardens.outcome = "failed";
    b->holds_reads = true;
    b->holds_writes = true;
    put_workload(b, "web", "runs");
    put_workloads(b, "idle", 100);
    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_PROFILE, "", "restricted");
    run(b, SECOND_MS); /* web is looked at, and all others have their turns */
    for (unsigned i = 0; fake_find(&b->net, "/deployments/idle") == FAKE_LAST; i++) {
        assert_true(i < 10);
        serve_write(b, waiting_write(b, "/restricted/status"));
        run(b, SECOND_MS);
    }
    assert_int_not_equal(fake_find(&b->net, "/replicasets?limit"), FAKE_LAST);
    put_workload(b, "web", "failed");
    b->holds_reads = false;
    run(b, SECOND_MS);
    b->holds_writes = false;
    run(b, MINUTE_MS);
    assert_contains(thing_find(b, KIND_PROFILE, "", "restricted")->status, "paused");
    assert_in_range(marked(b, "idle"), 1, 5);
}

static void test_manager_ends_a_pause_although_nothing_waits_any_more(void **state)
{
    struct bench *b = *state;

    hardens.pause_at = 1;
    put_workload(b, "web", "failed");
    begin_hardening(b);
    assert_contains(thing_find(b, KIND_PROFILE, "", "restricted")->status, "paused");
    assert_int_equal(events(b, "RolloutsPaused"), 0); /* the process before has said it */
    hardens.pause_at = 0;
    put_workload(b, "web", "proven");
    edit_profile(b);
    run(b, MINUTE_MS);
    assert_null(strstr(thing_find(b, KIND_PROFILE, "", "restricted")->status, "paused"));
}

static void test_manager_gives_turns_again_when_they_could_not_be_given(void **state)
{
    struct bench *b = *state;

    hardens.turns_fail = 2;
    put_workloads(b, "web", 3);
    begin_hardening(b);
    run(b, 5 * SECOND_MS);
    assert_int_equal(logged(b, "turns could not be given"), 2);
    assert_int_equal(marked(b, "runs"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARDEN_TEST(test_manager_lets_so_many_begin_and_the_others_as_they_end),
        HARDEN_TEST(test_manager_counts_a_turn_until_it_is_known_what_became_of_it),
        HARDEN_TEST(test_manager_gives_the_turn_to_others_when_the_pods_say_no),
        HARDEN_TEST(test_manager_does_not_spin_about_a_turn_that_leads_to_nothing),
        HARDEN_TEST(test_manager_begins_nothing_after_a_start_before_it_knows_what_runs),
        HARDEN_TEST(test_manager_begins_nothing_while_a_workload_of_the_start_cannot_be_looked_at),
        HARDEN_TEST(test_manager_begins_nothing_after_an_edit_before_it_has_looked_at_all),
        HARDEN_TEST(test_manager_takes_back_turns_that_nobody_has_used_when_the_profile_changes),
        HARDEN_TEST(test_manager_hardens_what_runs_nothing_last_and_all_at_once),
        HARDEN_TEST(test_manager_hardens_thousands_without_a_sort_for_each),
        HARDEN_TEST(test_manager_lets_a_namespace_and_a_status_through_among_thousands),
        HARDEN_TEST(test_manager_pauses_a_profile_that_fails_too_often_and_says_so_once),
        HARDEN_TEST(test_manager_stays_paused_until_the_profile_changes),
        cmocka_unit_test_setup_teardown(
            test_manager_takes_back_turns_that_nobody_has_used_when_it_pauses, setup_one_plan,
            teardown),
        HARDEN_TEST(test_manager_ends_a_pause_although_nothing_waits_any_more),
        HARDEN_TEST(test_manager_gives_turns_again_when_they_could_not_be_given),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
