/* Hardening without memory: nothing begins twice, nothing is left undone, nothing is left behind.
 */
#include "sync_manager_harden.h"

#include "support/sweep.h"

/* From nothing to proven, with evidence and the live object, under a limit of one at a time. */
static int live(void *ctx, struct err *err)
{
    struct bench *b = harden_bench();
    int result = -1;

    (void)ctx;
    hardens.concurrent_max = 1;
    hardens.looks = true;
    hardens.reads_live = true;
    hardens.outcome = "proven";
    (void)put(b, KIND_POD, "shop", "web-0");
    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_PROFILE, "", "restricted");
    put_workload(b, "web", "");
    put_workload(b, "zoo", "runs");
    b->running_max = 1;
    if (bench_start(b, 0, err) == 0) {
        run(b, 200 * SECOND_MS); /* longer than any back-off */
        assert_int_equal(marked(b, "proven"), 2);
        assert_int_equal(b->running_max, 1);
        assert_rollouts(b, "0 0 2 0");
        manager_stop(b->manager, b->net.now_ms);
        run(b, SECOND_MS);
        assert_true(manager_is_stopped(b->manager));
        result = 0;
    }
    bench_free(b);
    return result;
}

static void test_manager_hardens_in_turns_whichever_allocation_fails(void **state)
{
    (void)state;
    assert_true(sweep_tolerant(live, NULL) > 500);
}

/* Everything fails at first, and then too much does. */
static int live_hard(void *ctx, struct err *err)
{
    struct bench *b = harden_bench();
    int result = -1;

    (void)ctx;
    hardens.pause_at = 1;
    hardens.outcome = "failed";
    b->hardenings_max = 2;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_PROFILE, "", "restricted");
    put_workloads(b, "web", 3);
    if (bench_start(b, 0, err) == 0) {
        b->holds_writes = true;
        run(b, 2 * SECOND_MS);
        if (fake_find(&b->net, "/deployments/web") != FAKE_LAST)
            refuse(b, "/deployments/web", 422, "Invalid", "a policy forbids it");
        b->holds_writes = false;
        run(b, 100 * SECOND_MS);
        assert_in_range(marked(b, "failed"), 1, 2);
        assert_contains(thing_find(b, KIND_PROFILE, "", "restricted")->status, "paused");
        hardens.pause_at = 0;
        take_away(b, KIND_DEPLOYMENT, "shop", "web-0000");
        edit_profile(b);
        run(b, 200 * SECOND_MS);
        assert_int_equal(marked(b, "runs"), 0);
        assert_null(strstr(thing_find(b, KIND_PROFILE, "", "restricted")->status, "paused"));
        result = 0;
    }
    bench_free(b);
    return result;
}

static void test_manager_fails_and_pauses_alike_whichever_allocation_fails_besides(void **state)
{
    (void)state;
    assert_true(sweep_tolerant(live_hard, NULL) > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manager_hardens_in_turns_whichever_allocation_fails),
        cmocka_unit_test(test_manager_fails_and_pauses_alike_whichever_allocation_fails_besides),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
