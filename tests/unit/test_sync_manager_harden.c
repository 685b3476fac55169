/* Hardening, workload by workload: what is read, written and said, and when. */
#include "sync_manager_harden.h"

static void test_manager_fills_a_workload_in_and_follows_it_until_it_is_proven(void **state)
{
    struct bench *b = *state;

    hardens.looks = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    assert_string_equal(workload(b, "web")->mark, "runs");
    assert_int_equal(passes(b, "step/web+turn+evidence+before"), 1);
    assert_rollouts(b, "1 0 0 0");
    hardens.outcome = "proven";
    run(b, (LOOK_S + 2) * SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "proven");
    assert_int_equal(fills(b), 2);
    assert_rollouts(b, "0 0 1 0");
    assert_int_equal(stats(b).hardenings, 1);
}

static void test_manager_gives_evidence_all_pages_and_then_the_live_object(void **state)
{
    struct bench *b = *state;

    hardens.looks = true;
    hardens.reads_live = true;
    (void)put(b, KIND_POD, "shop", "web-0");
    (void)put(b, KIND_POD, "shop", "web-1");
    put_workload(b, "web", "");
    begin_hardening(b);
    assert_int_equal(hardens.taken, 2);
    assert_int_equal(passes(b, "step/web+turn+evidence+live+before"), 1);
    assert_string_equal(workload(b, "web")->mark, "runs");
}

static void test_manager_queues_nothing_where_no_profile_fills_in(void **state)
{
    struct bench *b = *state;

    b->fills = false;
    put_workloads(b, "web", 20);
    begin_hardening(b);
    touch(b, "web-0003");
    edit_profile(b);
    run(b, MINUTE_MS);
    assert_null(strstr(b->trace, "step/"));
    b->fills = true;
    edit_profile(b);
    run(b, MINUTE_MS);
    assert_int_equal(stats(b).hardenings, 20);
    hardens.is_unconcerned = true;
    b->fills = false;
    edit_profile(b);
    run(b, MINUTE_MS);
    assert_int_equal(stats(b).hardenings, 0);
    put_workloads(b, "web", 20); /* without a mark any more */
    run(b, MINUTE_MS);
    forget_trace(b);
    edit_profile(b);
    run(b, MINUTE_MS);
    assert_null(strstr(b->trace, "step/"));
}

/* Its profile left Enforce, or is gone, while it was away. */
static void test_manager_brings_what_is_marked_to_its_end_although_no_profile_fills_in(void **state)
{
    struct bench *b = *state;

    b->fills = false;
    put_workload(b, "web", "runs");
    begin_hardening(b);
    assert_non_null(strstr(b->trace, "step/web"));
    edit_profile(b);
    hardens.outcome = "proven";
    run(b, MINUTE_MS);
    assert_string_equal(workload(b, "web")->mark, "proven");
}

static void test_manager_looks_again_when_a_step_says_so_and_not_before(void **state)
{
    struct bench *b = *state;

    put_workload(b, "web", "runs");
    begin_hardening(b);
    run(b, MINUTE_MS);
    forget_trace(b);
    run(b, 10 * LOOK_S * SECOND_MS);
    assert_in_range(passes(b, "step/web+before"), 9, 11);
}

static void test_manager_gives_the_next_step_what_the_one_before_saw(void **state)
{
    struct bench *b = *state;

    put_workload(b, "web", "proven");
    begin_hardening(b);
    touch(b, "web");
    run(b, SECOND_MS);
    assert_int_equal(hardens.before_digest, 1);
    hardens.keeps_before = true; /* the change is not answered yet */
    touch(b, "web");
    run(b, SECOND_MS);
    assert_int_equal(hardens.before_digest, 2);
    touch(b, "web");
    run(b, SECOND_MS);
    assert_int_equal(hardens.before_digest, 2);
}

static void test_manager_does_not_take_a_write_for_an_answer_before_it_is_done(void **state)
{
    struct bench *b = *state;

    put_workload(b, "web", "proven");
    begin_hardening(b);
    hardens.keeps_before = true; /* until it is filled in */
    b->holds_writes = true;
    put_workload(b, "web", "");
    touch(b, "web");
    run(b, SECOND_MS);
    assert_int_not_equal(fake_find(&b->net, "/deployments/web"), FAKE_LAST);
    refuse(b, "/deployments/web", 422, "Invalid", "a policy forbids it");
    run(b, SECOND_MS);
    assert_int_equal(hardens.before_digest, 1);
}

/* ---- What is said ---- */

static void test_manager_tells_what_a_step_finds_once(void **state)
{
    struct bench *b = *state;

    hardens.says = "it runs as root";
    put_workload(b, "web", "idle");
    begin_hardening(b);
    for (int i = 0; i < 5; i++) {
        touch(b, "web");
        run(b, MINUTE_MS);
    }
    assert_int_equal(events(b, "it runs as root"), 1);
    assert_told(b, "web WorkloadSkipped1");
    hardens.says = NULL;
    touch(b, "web");
    run(b, 10 * MINUTE_MS);
    assert_told(b, " 0");
    hardens.says = "it runs as root";
    touch(b, "web");
    run(b, MINUTE_MS);
    assert_int_equal(events(b, "it runs as root"), 2);
}

static void test_manager_tells_of_one_revert_once(void **state)
{
    struct bench *b = *state;

    hardens.outcome = "failed";
    put_workload(b, "web", "");
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_string_equal(workload(b, "web")->mark, "failed");
    assert_int_equal(events(b, "it was taken back"), 1); /* by the write, and the step is silent */
    assert_told(b, "web Reverted1");
    touch(b, "web");
    run(b, 40 * MINUTE_MS);
    assert_int_equal(events(b, "it was taken back"), 1);
    assert_int_equal(repeated(b), 0);
}

static void test_manager_does_not_repeat_what_the_process_before_has_said(void **state)
{
    struct bench *b = *state;

    hardens.was_said = true;
    put_workload(b, "web", "failed");
    begin_hardening(b);
    assert_int_equal(events(b, "it was taken back"), 0);
    assert_told(b, "web Reverted1");
    hardens.was_said = false;
    touch(b, "web");
    run(b, MINUTE_MS);
    assert_int_equal(events(b, "it was taken back"), 0);
}

/* Each time a PodDisruptionBudget leaves no room it has waited for its turn, and looked. */
static void test_manager_does_not_repeat_what_is_found_again_at_each_turn(void **state)
{
    struct bench *b = *state;

    hardens.looks = true;
    hardens.refuses = "no room";
    put_workload(b, "web", "");
    begin_hardening(b);
    for (int i = 0; i < 5; i++) {
        touch(b, "web");
        run(b, MINUTE_MS);
    }
    assert_int_equal(passes(b, "step/web+turn+evidence+before"), 6);
    assert_int_equal(events(b, "no room"), 1);
    assert_string_equal(workload(b, "web")->mark, "");
}

static void test_manager_tells_a_status_the_first_findings_in_order(void **state)
{
    struct bench *b = *state;

    hardens.says = "skipped";
    put_workload(b, "c", "idle");
    put_workload(b, "a", "idle");
    put_workload(b, "b", "idle");
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_told(b, "a WorkloadSkipped2+");
    take_away(b, KIND_DEPLOYMENT, "shop", "a");
    run(b, MINUTE_MS);
    assert_told(b, "b WorkloadSkipped2");
}

/* ---- Workloads that go ---- */

static void test_manager_forgets_a_workload_that_is_gone(void **state)
{
    struct bench *b = *state;

    put_workload(b, "web", "runs");
    begin_hardening(b);
    assert_rollouts(b, "1 0 0 0");
    take_away(b, KIND_DEPLOYMENT, "shop", "web");
    run(b, 2 * SECOND_MS);
    assert_rollouts(b, "0 0 0 0");
    assert_int_equal(stats(b).hardenings, 0);
}

static void begin_read(struct bench *b)
{
    hardens.looks = true;
    b->holds_reads = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    assert_int_not_equal(fake_find(&b->net, "/replicasets?limit"), FAKE_LAST);
}

static void test_manager_drops_what_it_reads_of_a_workload_that_goes_meanwhile(void **state)
{
    struct bench *b = *state;

    begin_read(b);
    take_away(b, KIND_DEPLOYMENT, "shop", "web");
    run(b, SECOND_MS);
    b->holds_reads = false;
    run(b, SECOND_MS);
    assert_int_equal(stats(b).hardenings, 0);
    assert_int_equal(fills(b), 0);
}

static void test_manager_reads_again_what_is_another_workload_by_now(void **state)
{
    struct bench *b = *state;

    begin_read(b);
    take_away(b, KIND_DEPLOYMENT, "shop", "web");
    put_workload(b, "web", "");
    run(b, SECOND_MS);
    b->holds_reads = false;
    run(b, SECOND_MS);
    assert_int_equal(passes(b, "step/web+turn+evidence+before"), 1);
    assert_string_equal(workload(b, "web")->mark, "runs");
}

static void test_manager_steps_on_with_what_it_read_although_the_workload_has_changed(void **state)
{
    struct bench *b = *state;

    begin_read(b);
    touch(b, "web"); /* as its controller does with each pod */
    b->holds_reads = false;
    run(b, SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "runs");
    assert_int_equal(stats(b).applier.stale, 0); /* and it patches what is there now */
}

static void test_manager_reads_only_so_many_at_once_and_all_in_the_end(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 50;
    hardens.looks = true;
    b->holds_reads = true;
    put_workloads(b, "web", 40);
    begin_hardening(b);
    run(b, SECOND_MS);
    assert_int_equal(fake_running(&b->net) - KIND_WATCHED_COUNT, EVIDENCE_IN_FLIGHT_MAX);
    touch(b, "web-0030"); /* which waits */
    run(b, SECOND_MS);
    b->holds_reads = false;
    run(b, 2 * SECOND_MS);
    assert_int_equal(marked(b, "runs"), 40);
}

static void test_manager_ends_what_is_read_and_waits_when_it_stops(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 50;
    hardens.looks = true;
    b->holds_reads = true;
    put_workloads(b, "web", 20);
    begin_hardening(b);
    forget_trace(b);
    manager_stop(b->manager, b->net.now_ms);
    b->holds_reads = false;
    run(b, SECOND_MS);
    assert_true(manager_is_stopped(b->manager));
    assert_null(strstr(b->trace, "step/"));
    assert_int_equal(fills(b), 0);
}

static void test_manager_lets_a_patch_end_when_it_stops(void **state)
{
    struct bench *b = *state;

    b->holds_writes = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    manager_stop(b->manager, b->net.now_ms);
    run(b, SECOND_MS);
    assert_false(manager_is_stopped(b->manager));
    b->holds_writes = false;
    run(b, SECOND_MS);
    assert_true(manager_is_stopped(b->manager));
    assert_string_equal(workload(b, "web")->mark, "runs");
    assert_int_equal(fills(b), 1);
}

static void test_manager_keeps_a_workload_that_is_nobodys_any_more_until_it_is_done(void **state)
{
    struct bench *b = *state;

    put_workload(b, "web", "runs");
    begin_hardening(b);
    hardens.is_nobodys = true;
    touch(b, "web");
    run(b, 2 * SECOND_MS);
    assert_rollouts(b, "0 0 0 0");
    assert_int_equal(stats(b).hardenings, 1);
    hardens.outcome = "proven";
    run(b, MINUTE_MS);
    assert_string_equal(workload(b, "web")->mark, "proven");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARDEN_TEST(test_manager_fills_a_workload_in_and_follows_it_until_it_is_proven),
        HARDEN_TEST(test_manager_gives_evidence_all_pages_and_then_the_live_object),
        HARDEN_TEST(test_manager_queues_nothing_where_no_profile_fills_in),
        HARDEN_TEST(test_manager_brings_what_is_marked_to_its_end_although_no_profile_fills_in),
        HARDEN_TEST(test_manager_looks_again_when_a_step_says_so_and_not_before),
        HARDEN_TEST(test_manager_gives_the_next_step_what_the_one_before_saw),
        HARDEN_TEST(test_manager_does_not_take_a_write_for_an_answer_before_it_is_done),
        HARDEN_TEST(test_manager_tells_what_a_step_finds_once),
        HARDEN_TEST(test_manager_tells_of_one_revert_once),
        HARDEN_TEST(test_manager_does_not_repeat_what_the_process_before_has_said),
        HARDEN_TEST(test_manager_does_not_repeat_what_is_found_again_at_each_turn),
        HARDEN_TEST(test_manager_tells_a_status_the_first_findings_in_order),
        HARDEN_TEST(test_manager_forgets_a_workload_that_is_gone),
        HARDEN_TEST(test_manager_drops_what_it_reads_of_a_workload_that_goes_meanwhile),
        HARDEN_TEST(test_manager_reads_again_what_is_another_workload_by_now),
        HARDEN_TEST(test_manager_steps_on_with_what_it_read_although_the_workload_has_changed),
        HARDEN_TEST(test_manager_reads_only_so_many_at_once_and_all_in_the_end),
        HARDEN_TEST(test_manager_ends_what_is_read_and_waits_when_it_stops),
        HARDEN_TEST(test_manager_lets_a_patch_end_when_it_stops),
        HARDEN_TEST(test_manager_keeps_a_workload_that_is_nobodys_any_more_until_it_is_done),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
