/* Hardening when something goes wrong: what is said, how often it is tried, and who begins
 * meanwhile. */
#include "sync_manager_harden.h"

#define WEB "/deployments/web"

/* Refuses the next @times patches in the same way, waiting for each. */
static void refuse_times(struct bench *b, const char *part, unsigned times, int status,
                         const char *reason, const char *message)
{
    for (unsigned i = 0; i < times; i++) {
        for (unsigned turn = 0; fake_find(&b->net, part) == FAKE_LAST; turn++) {
            assert_true(turn < 10000);
            run(b, 10);
        }
        refuse(b, part, status, reason, message);
        (void)step(b);
    }
}

static void begin_with_patch(struct bench *b)
{
    b->holds_writes = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    assert_int_not_equal(fake_find(&b->net, WEB), FAKE_LAST);
}

/* ---- Patches ---- */

static void test_manager_plans_again_what_was_planned_from_a_stale_cache(void **state)
{
    struct bench *b = *state;

    begin_with_patch(b);
    forget_trace(b);
    workload(b, "web")->rv = ++b->rv; /* changed, and the watch has not told yet */
    refuse(b, WEB, 409, "Conflict", "the object has been modified");
    (void)step(b);
    assert_int_not_equal(fake_find(&b->net, WEB), FAKE_LAST); /* it is read */
    b->holds_writes = false;
    run(b, SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "runs");
    assert_int_equal(stats(b).applier.stale, 1);
    assert_int_equal(events(b, "WriteFailed"), 0);
}

static void test_manager_says_so_when_it_is_never_up_to_date(void **state)
{
    struct bench *b = *state;

    begin_with_patch(b);
    for (int i = 0; i < 2 * 10 && events(b, "WriteFailed") == 0; i++) {
        refuse_times(b, WEB, 1, 409, "Conflict", "the object has been modified");
        serve_write(b, waiting_write(b, WEB));
        run(b, 6 * SECOND_MS);
    }
    assert_int_equal(events(b, "WriteFailed"), 1);
}

static void test_manager_tells_a_refused_patch_once_and_tries_it_ever_later(void **state)
{
    struct bench *b = *state;

    begin_with_patch(b);
    refuse_times(b, WEB, 8, 422, "Invalid", "a policy forbids it");
    run(b, 10);
    assert_int_equal(events(b, "a policy forbids it"), 1);
    assert_int_equal(fake_find(&b->net, WEB), FAKE_LAST);
    b->holds_writes = false;
    run(b, 5 * SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "runs");
    assert_int_equal(logged(b, "writes succeed again"), 1);
    assert_told(b, " 0");
}

static void test_manager_shows_a_refused_patch_in_the_status_until_it_succeeds(void **state)
{
    struct bench *b = *state;

    begin_with_patch(b);
    refuse_times(b, WEB, 9, 403, "Forbidden", "deployments is forbidden");
    for (int i = 0; i < 3; i++) { /* the status is held like every write */
        if (fake_find(&b->net, "/status") != FAKE_LAST)
            serve_write(b, waiting_write(b, "/status"));
        run(b, 400);
    }
    assert_told(b, "web Forbidden1");
    assert_int_equal(events(b, "grant Rampart's ServiceAccount the verb patch"), 1);
    touch(b, "web");
    run(b, 10);
    assert_told(b, "web Forbidden1");
}

static size_t status_writes(const struct bench *b)
{
    size_t count = 0;

    for (size_t i = 0; i < b->net.count; i++)
        count += strstr(b->net.exchanges[i].request.path, "/status") != NULL;
    return count;
}

static void test_manager_counts_whose_patch_is_refused_among_those_that_wait(void **state)
{
    struct bench *b = *state;
    size_t before;

    begin_with_patch(b);
    refuse_times(b, WEB, 9, 403, "Forbidden", "deployments is forbidden");
    for (int i = 0; i < 3; i++) {
        if (fake_find(&b->net, "/status") != FAKE_LAST)
            serve_write(b, waiting_write(b, "/status"));
        run(b, 400);
    }
    assert_rollouts(b, "0 1 0 0");
    before = status_writes(b);
    refuse_times(b, WEB, 3, 403, "Forbidden", "deployments is forbidden"); /* it comes and goes */
    run(b, 2 * SECOND_MS);
    assert_int_equal(status_writes(b), before);
    assert_rollouts(b, "0 1 0 0");
}

static void test_manager_lets_others_begin_when_a_patch_is_refused(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 1;
    put_workload(b, "zoo", "");
    begin_with_patch(b);
    refuse_times(b, WEB, 1, 422, "Invalid", "a policy forbids it");
    run(b, SECOND_MS);
    assert_int_not_equal(fake_find(&b->net, "/deployments/zoo"), FAKE_LAST);
}

/* The server did not answer: the patch may have been done, and its rollout may run. */
static void test_manager_lets_nobody_begin_while_a_patch_may_have_been_done(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 1;
    put_workload(b, "zoo", "");
    begin_with_patch(b);
    for (int i = 0; i < 4; i++) {
        fake_fail(&b->net, waiting_write(b, WEB), ERR_TIMEOUT, "no answer");
        run(b, SECOND_MS);
        assert_int_equal(fake_find(&b->net, "/deployments/zoo"), FAKE_LAST);
    }
    for (int i = 0; i < 20 && fake_find(&b->net, "/deployments/zoo") == FAKE_LAST; i++) {
        if (fake_find(&b->net, WEB) != FAKE_LAST)
            fake_fail(&b->net, waiting_write(b, WEB), ERR_TIMEOUT, "no answer");
        run(b, SECOND_MS);
    }
    assert_int_not_equal(fake_find(&b->net, "/deployments/zoo"), FAKE_LAST); /* in the end */
}

static void test_manager_drops_a_patch_in_a_namespace_that_goes(void **state)
{
    struct bench *b = *state;
    const char *body =
        "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Forbidden\","
        "\"code\":403,\"message\":\"it is being terminated\",\"details\":{\"causes\":"
        "[{\"reason\":\"NamespaceTerminating\"}]}}";

    begin_with_patch(b);
    fake_answer(&b->net, waiting_write(b, WEB), 403, NULL, body);
    run(b, 10 * SECOND_MS);
    assert_int_equal(events(b, "Forbidden"), 0);
    assert_int_equal(logged(b, "hardening failed"), 0);
}

static void test_manager_slows_down_where_nothing_that_it_writes_stays(void **state)
{
    struct bench *b = *state;

    b->loses_patches = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_in_range(fills(b), 30, 60);
    assert_true(logged(b, "does not stay") > 0);
}

static void test_manager_does_not_spin_about_a_plan_without_writes(void **state)
{
    struct bench *b = *state;

    hardens.writes_nothing = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_int_equal(fills(b), 0);
    assert_in_range(logged(b, "there is nothing to be written"), 5, 20);
}

/* ---- Stuck pods ---- */

static void test_manager_deletes_a_stuck_pod_whatever_the_delete_budget_says(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 30; i++) {
        (void)put(b, KIND_POD, "shop", api_text("web-%d-0", i));
        put_workload(b, api_text("web-%d", i), "stuck");
    }
    b->holds_writes = true;
    begin_hardening(b);
    for (int i = 0; i < 30; i++) {
        serve_write(b, waiting_write(b, "/pods/web-"));
        put_workload(b, api_text("web-%d", i), "proven");
        (void)step(b);
    }
    b->holds_writes = false;
    run(b, MINUTE_MS);
    assert_true(stats(b).applier.deletes >= 30);
    assert_int_equal(logged(b, "deletions are stopped"), 0);
}

static void begin_stuck(struct bench *b)
{
    b->holds_writes = true;
    put_workload(b, "web", "stuck");
    begin_hardening(b);
    refuse(b, "/pods/web-0", 403, "Forbidden", "pods is forbidden");
    b->holds_writes = false;
    run(b, SECOND_MS);
}

static void test_manager_lets_the_step_say_that_it_may_not_delete_a_stuck_pod(void **state)
{
    struct bench *b = *state;

    begin_stuck(b);
    assert_int_equal(events(b, "it is stuck"), 1);
    assert_int_equal(events(b, "WriteFailed") + events(b, "\"Forbidden\""), 0);
    touch(b, "web");
    run(b, MINUTE_MS);
    assert_int_equal(stats(b).applier.deletes, 1);
}

static void test_manager_tries_to_delete_a_stuck_pod_again_now_and_then(void **state)
{
    struct bench *b = *state;

    begin_stuck(b);
    run(b, 9 * MINUTE_MS);
    assert_int_equal(stats(b).applier.deletes, 1);
    put_workload(b, "web", "stuck");
    b->holds_writes = true;
    run(b, 2 * MINUTE_MS);
    assert_int_equal(stats(b).applier.deletes, 2);
}

static void test_manager_tries_to_delete_a_stuck_pod_again_when_the_profile_changes(void **state)
{
    struct bench *b = *state;

    begin_stuck(b);
    b->holds_writes = true;
    edit_profile(b);
    run(b, MINUTE_MS);
    assert_int_equal(stats(b).applier.deletes, 2);
}

/* ---- Reading ---- */

static void begin_read(struct bench *b)
{
    hardens.looks = true;
    b->holds_reads = true;
    put_workload(b, "web", "");
    begin_hardening(b);
}

static void test_manager_names_the_right_that_it_needs_to_look_at_a_workload(void **state)
{
    struct bench *b = *state;

    begin_read(b);
    refuse_times(b, "/replicasets?limit", 3, 403, "Forbidden", "replicasets is forbidden");
    b->holds_reads = false;
    run(b, 5 * SECOND_MS);
    assert_int_equal(events(b, "grant the verb"), 1);
    assert_string_equal(workload(b, "web")->mark, "runs");
    assert_told(b, " 0");
}

static void test_manager_says_nothing_of_a_server_that_is_away_for_a_moment(void **state)
{
    struct bench *b = *state;

    begin_read(b);
    refuse_times(b, "/replicasets?limit", 5, 503, "ServiceUnavailable", "etcd is away");
    b->holds_reads = false;
    run(b, 5 * SECOND_MS);
    assert_int_equal(events(b, "cannot be looked at"), 0);
    assert_string_equal(workload(b, "web")->mark, "runs");
}

static void test_manager_says_so_when_a_workload_can_never_be_looked_at(void **state)
{
    struct bench *b = *state;

    begin_read(b);
    refuse_times(b, "/replicasets?limit", 12, 503, "ServiceUnavailable", "etcd is away");
    run(b, SECOND_MS);
    assert_int_equal(events(b, "cannot be looked at"), 1);
}

static void test_manager_lets_others_begin_while_one_cannot_be_looked_at(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 1;
    begin_read(b);
    refuse_times(b, "/replicasets?limit", 8, 403, "Forbidden", "replicasets is forbidden");
    hardens.looks = false;
    put_workload(b, "zoo", "");
    run(b, 100);
    assert_string_equal(workload(b, "zoo")->mark, "runs");
    run(b, MINUTE_MS);
    assert_int_equal(b->running_max, 1);
}

static void test_manager_goes_on_counting_what_runs_while_it_cannot_be_looked_at(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 1;
    hardens.outcome = "proven";
    b->holds_reads = true;
    put_workload(b, "a-first", "runs");
    put_workload(b, "web", "");
    b->running_max = 1;
    begin_hardening(b);
    refuse_times(b, "/replicasets?limit", 8, 403, "Forbidden", "replicasets is forbidden");
    run(b, SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "");
    assert_int_equal(b->running_max, 1);
}

static void test_manager_reads_nothing_twice_for_one_step(void **state)
{
    struct bench *b = *state;

    hardens.looks = true;
    hardens.asks_twice = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_in_range(logged(b, "asked for again"), 5, 20);
    assert_int_equal(fills(b), 0);
}

static void test_manager_waits_where_the_transport_has_no_room_for_a_read(void **state)
{
    struct bench *b = *state;

    hardens.looks = true;
    begin_hardening(b);
    put_workload(b, "web", "");
    while (passes(b, "step/web") == 0)
        (void)(serve(b), step(b));
    b->net.start_fails = ERR_LIMIT;
    run(b, SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "");
    b->net.start_fails = ERR_NONE;
    run(b, 5 * SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "runs");
}

static void test_manager_waits_for_the_caches_when_the_live_object_is_gone(void **state)
{
    struct bench *b = *state;

    hardens.reads_live = true;
    b->holds_writes = true;
    put_workload(b, "web", "");
    begin_hardening(b);
    refuse_times(b, WEB, 3, 404, "NotFound", "it is gone");
    run(b, SECOND_MS);
    assert_int_equal(events(b, "gone"), 0);
    b->holds_writes = false;
    run(b, SECOND_MS);
    assert_string_equal(workload(b, "web")->mark, "runs");
}

/* ---- More workloads than are kept ---- */

static int setup_small(void **state)
{
    struct bench *b = harden_bench();

    b->hardenings_max = 3;
    assert_int_equal(bench_start(b, 0, NULL), 0);
    *state = b;
    return 0;
}

static void test_manager_begins_nothing_in_workloads_that_it_cannot_keep(void **state)
{
    struct bench *b = *state;

    hardens.concurrent_max = 9;
    hardens.says = "skipped";
    put_workloads(b, "web", 5);
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_int_equal(marked(b, "runs"), 3);
    assert_int_equal(logged(b, "more workloads than can be kept"), 1);
    assert_int_equal(stats(b).hardenings, 3);
    take_away(b, KIND_DEPLOYMENT, "shop", "web-0000");
    edit_profile(b);
    run(b, MINUTE_MS);
    assert_int_equal(marked(b, "runs"), 3);
    assert_int_equal(logged(b, "more workloads than can be kept"), 2);
}

static void test_manager_proves_and_reverts_what_runs_in_workloads_that_it_cannot_keep(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 6; i++)
        put_workload(b, api_text("web-%d", i), "runs");
    hardens.outcome = "failed";
    begin_hardening(b);
    run(b, MINUTE_MS);
    assert_int_equal(marked(b, "failed"), 6);
    assert_int_equal(events(b, "it was taken back"), 6);
}

static void test_manager_fails_in_what_it_cannot_keep_without_a_word_but_the_log(void **state)
{
    struct bench *b = *state;

    put_workloads(b, "a", 3);
    hardens.concurrent_max = 0;
    put_workload(b, "web", "runs");
    b->holds_reads = true;
    hardens.outcome = "failed";
    begin_hardening(b);
    refuse_times(b, "/replicasets?limit", 2, 403, "Forbidden", "replicasets is forbidden");
    b->holds_reads = false;
    b->holds_writes = true;
    refuse_times(b, WEB, 2, 422, "Invalid", "a policy forbids it");
    assert_int_equal(events(b, "forbid"), 0);
    assert_int_equal(logged(b, "hardening failed"), 4);
    b->holds_writes = false;
    run(b, MINUTE_MS);
    assert_string_equal(workload(b, "web")->mark, "failed");
}

#define SMALL_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup_small, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARDEN_TEST(test_manager_plans_again_what_was_planned_from_a_stale_cache),
        HARDEN_TEST(test_manager_says_so_when_it_is_never_up_to_date),
        HARDEN_TEST(test_manager_tells_a_refused_patch_once_and_tries_it_ever_later),
        HARDEN_TEST(test_manager_shows_a_refused_patch_in_the_status_until_it_succeeds),
        HARDEN_TEST(test_manager_counts_whose_patch_is_refused_among_those_that_wait),
        HARDEN_TEST(test_manager_lets_others_begin_when_a_patch_is_refused),
        HARDEN_TEST(test_manager_lets_nobody_begin_while_a_patch_may_have_been_done),
        HARDEN_TEST(test_manager_drops_a_patch_in_a_namespace_that_goes),
        HARDEN_TEST(test_manager_slows_down_where_nothing_that_it_writes_stays),
        HARDEN_TEST(test_manager_does_not_spin_about_a_plan_without_writes),
        HARDEN_TEST(test_manager_deletes_a_stuck_pod_whatever_the_delete_budget_says),
        HARDEN_TEST(test_manager_lets_the_step_say_that_it_may_not_delete_a_stuck_pod),
        HARDEN_TEST(test_manager_tries_to_delete_a_stuck_pod_again_now_and_then),
        HARDEN_TEST(test_manager_tries_to_delete_a_stuck_pod_again_when_the_profile_changes),
        HARDEN_TEST(test_manager_names_the_right_that_it_needs_to_look_at_a_workload),
        HARDEN_TEST(test_manager_says_nothing_of_a_server_that_is_away_for_a_moment),
        HARDEN_TEST(test_manager_says_so_when_a_workload_can_never_be_looked_at),
        HARDEN_TEST(test_manager_lets_others_begin_while_one_cannot_be_looked_at),
        HARDEN_TEST(test_manager_goes_on_counting_what_runs_while_it_cannot_be_looked_at),
        HARDEN_TEST(test_manager_reads_nothing_twice_for_one_step),
        HARDEN_TEST(test_manager_waits_where_the_transport_has_no_room_for_a_read),
        HARDEN_TEST(test_manager_waits_for_the_caches_when_the_live_object_is_gone),
        SMALL_TEST(test_manager_begins_nothing_in_workloads_that_it_cannot_keep),
        SMALL_TEST(test_manager_proves_and_reverts_what_runs_in_workloads_that_it_cannot_keep),
        SMALL_TEST(test_manager_fails_in_what_it_cannot_keep_without_a_word_but_the_log),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
