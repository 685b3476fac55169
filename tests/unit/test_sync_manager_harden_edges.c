/* Hardening at its edges: other kinds, other profiles, and what changes between two moments. */
#include "sync_manager_harden.h"

static void test_manager_hardens_every_kind_of_workload(void **state)
{
    static const enum kind kinds[] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET, KIND_DAEMON_SET,
                                      KIND_CRON_JOB};
    struct bench *b = *state;

    hardens.concurrent_max = 9;
    hardens.looks = true;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        (void)put(b, kinds[i], "shop", kinds[i] == KIND_CRON_JOB ? "idle" : "x");
    begin_hardening(b);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        bool is_idle = kinds[i] == KIND_CRON_JOB;

        assert_string_equal(thing_find(b, kinds[i], "shop", is_idle ? "idle" : "x")->mark,
                            is_idle ? "idle" : "runs");
    }
    assert_int_equal(stats(b).hardenings, 4);
}

static void test_manager_queues_what_happens_after_the_start(void **state)
{
    struct bench *b = *state;

    begin_hardening(b);
    put_workload(b, "web", "");
    run(b, SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "runs");
    (void)put(b, KIND_NAMESPACE, "", "bank");
    (void)put(b, KIND_DEPLOYMENT, "bank", "vault");
    run(b, SECOND_MS);
    assert_string_equal(thing_find(b, KIND_DEPLOYMENT, "bank", "vault")->mark, "runs");
}

static void test_manager_counts_a_workload_for_whoever_decides_now(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_PROFILE, "", "other");
    hardens.concurrent_max = 9;
    put_workloads(b, "web", 3);
    begin_hardening(b);
    assert_rollouts(b, "3 0 0 0");
    hardens.profile = "other";
    touch(b, "web-0000");
    run(b, 2 * SECOND_MS);
    assert_rollouts(b, "2 0 0 0");
    assert_contains(thing_find(b, KIND_PROFILE, "", "other")->status, "\"rollouts\":\"1 0 0 0\"");
    hardens.pause_at = 1;
    put_workload(b, "web-0000", "failed");
    run(b, 2 * SECOND_MS);
    assert_contains(thing_find(b, KIND_PROFILE, "", "other")->status, "paused");
    assert_null(strstr(thing_find(b, KIND_PROFILE, "", "restricted")->status, "paused"));
}

static void test_manager_knows_another_profile_of_the_same_name(void **state)
{
    struct bench *b = *state;

    hardens.pause_at = 1;
    put_workload(b, "web", "failed");
    begin_hardening(b);
    assert_contains(thing_find(b, KIND_PROFILE, "", "restricted")->status, "paused");
    hardens.pause_at = 0;
    take_away(b, KIND_PROFILE, "", "restricted");
    run(b, SECOND_MS);
    begin(b); /* of generation 1, as before */
    assert_null(strstr(thing_find(b, KIND_PROFILE, "", "restricted")->status, "paused"));
    assert_int_equal(logged(b, "rollouts go on"), 1);
}

/* What it began may have to be taken back, in turns as well. */
static void test_manager_gives_turns_under_a_profile_that_is_gone(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 0;
    put_workloads(b, "web", 3);
    put_workload(b, "zoo", "failed");
    begin_hardening(b);
    assert_rollouts(b, "0 3 0 1");
    take_away(b, KIND_PROFILE, "", "restricted");
    hardens.concurrent_max = 2;
    hardens.pause_at = 9;
    run(b, SECOND_MS);
    assert_int_equal(marked(b, "runs"), 2);
    hardens.pause_at = 1; /* nobody is left whom a pause would be told of */
    put_workload(b, "web-0000", "failed");
    run(b, SECOND_MS);
    assert_int_equal(events(b, "RolloutsPaused"), 0);
}

/* One that goes may have to take back what it filled in, whatever its mode is; or it promised
 * nothing.
 */
static void test_manager_looks_at_workloads_for_a_profile_that_goes_and_takes_back(void **state)
{
    struct bench *b = *state;

    b->fills = false;
    b->goes = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    assert_null(strstr(b->trace, "step/"));
    b->removes = true;
    edit_profile(b);
    run(b, SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "runs");
}

static void test_manager_surveys_a_namespace_while_something_of_it_is_read(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 1;
    hardens.looks = true;
    b->holds_reads = true;
    put_workloads(b, "web", 2);
    begin_hardening(b);
    edit_profile(b);
    run(b, SECOND_MS);
    assert_int_equal(fake_running(&b->net) - KIND_WATCHED_COUNT, 1); /* it keeps its turn */
    b->holds_reads = false;
    run(b, SECOND_MS);
    assert_int_equal(b->running_max, 1);
    assert_int_equal(marked(b, "runs"), 1);
}

static void test_manager_keeps_what_was_said_when_a_step_knows_no_better(void **state)
{
    struct bench *b = *state;

    hardens.says = "it runs as root";
    put_workload(b, "web", "idle");
    begin_hardening(b);
    hardens.keeps_finding = true;
    hardens.says = NULL;
    touch(b, "web");
    run(b, MINUTE_MS);
    assert_told(b, "web WorkloadSkipped1");
}

/* ---- Between two moments ---- */

static void answer_live(struct bench *b)
{
    size_t number = waiting_write(b, "/deployments/web");

    fake_answer(&b->net, number, 200, NULL, thing_json(workload(b, "web")));
}

static void begin_live(struct bench *b)
{
    hardens.looks = true;
    hardens.reads_live = true;
    b->holds_writes = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    assert_int_not_equal(fake_find(&b->net, "/deployments/web"), FAKE_LAST);
}

static void test_manager_drops_a_live_object_that_is_another_by_now(void **state)
{
    struct bench *b = *state;

    begin_live(b);
    forget_trace(b);
    answer_live(b);
    take_away(b, KIND_DEPLOYMENT, "shop", "web");
    put_workload(b, "web", "");
    b->holds_writes = false;
    run(b, SECOND_MS);
    assert_int_equal(passes(b, "step/web+turn+before"), 2); /* from the beginning, and at the end */
    assert_string_equal(workload(b, "web")->mark, "runs");
    assert_int_equal(stats(b).applier.stale, 0);
}

static void test_manager_reads_the_live_object_again_that_waited_for_long(void **state)
{
    struct bench *b = *state;

    begin_live(b);
    answer_live(b);
    run(b, 0);
    refuse(b, "/deployments/web", 409, "Conflict", "the object has been modified");
    run(b, 0);
    answer_live(b); /* as the applier reads it */
    b->holds_writes = false;
    run(b, SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "runs");
    assert_int_equal(passes(b, "step/web+turn+evidence+live+before"), 2);
}

static void test_manager_says_nothing_of_an_unread_workload_that_is_gone(void **state)
{
    struct bench *b = *state;

    hardens.looks = true;
    b->holds_reads = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    take_away(b, KIND_DEPLOYMENT, "shop", "web");
    run(b, 0);
    refuse(b, "/replicasets?limit", 403, "Forbidden", "replicasets is forbidden");
    run(b, 10 * SECOND_MS);
    assert_int_equal(events(b, "cannot be looked at"), 0);
    assert_int_equal(stats(b).hardenings, 0);
}

static void test_manager_forgets_what_went_while_its_watch_told_nothing(void **state)
{
    struct bench *b = *state;

    put_workload(b, "web", "idle");
    put_workload(b, "zoo", "idle");
    begin_hardening(b);
    assert_int_equal(stats(b).hardenings, 2);
    /* The key of the deletion is lost: everything is looked at again. */
    for (unsigned nth = 0; logged(b, "could not be queued") == 0; nth++) {
        put_workload(b, "web", "idle");
        run(b, MINUTE_MS);
        mem_fail_nth(nth);
        take_away(b, KIND_DEPLOYMENT, "shop", "web");
        (void)mem_fail_disarm();
        assert_true(nth < 100);
    }
    run(b, MINUTE_MS);
    assert_int_equal(stats(b).hardenings, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARDEN_TEST(test_manager_hardens_every_kind_of_workload),
        HARDEN_TEST(test_manager_queues_what_happens_after_the_start),
        HARDEN_TEST(test_manager_counts_a_workload_for_whoever_decides_now),
        HARDEN_TEST(test_manager_knows_another_profile_of_the_same_name),
        HARDEN_TEST(test_manager_gives_turns_under_a_profile_that_is_gone),
        HARDEN_TEST(test_manager_looks_at_workloads_for_a_profile_that_goes_and_takes_back),
        HARDEN_TEST(test_manager_surveys_a_namespace_while_something_of_it_is_read),
        HARDEN_TEST(test_manager_keeps_what_was_said_when_a_step_knows_no_better),
        HARDEN_TEST(test_manager_drops_a_live_object_that_is_another_by_now),
        HARDEN_TEST(test_manager_reads_the_live_object_again_that_waited_for_long),
        HARDEN_TEST(test_manager_says_nothing_of_an_unread_workload_that_is_gone),
        HARDEN_TEST(test_manager_forgets_what_went_while_its_watch_told_nothing),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
