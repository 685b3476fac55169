/* Memory that is not there: whatever is lost is made up for, and nothing is left behind. */
#include "sync_manager.h"

#include "support/sweep.h"

static void test_manager_looks_at_everything_again_when_a_key_could_not_be_queued(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.wants_policy = true;
    /* The stores take the object, the queue has no memory for its key. */
    for (unsigned nth = 0; logged(b, "could not be queued") == 0; nth++) {
        assert_true(nth < 1000);
        mem_fail_nth(nth);
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%u", nth));
        (void)mem_fail_disarm();
        if (logged(b, "could not be queued"))
            forget_trace(b);
        else
            run(b, 40 * SECOND_MS);
        if (*b->trace == '\0')
            break;
    }
    run(b, MINUTE_MS);
    for (size_t i = 0; i < b->things_count; i++) {
        if (b->things[i].kind == KIND_NAMESPACE)
            assert_true(stands(b, b->things[i].name));
    }
}

static int live(void *ctx, struct err *err)
{
    struct bench *b = bench_new();
    int result = -1;

    (void)ctx;
    b->script.wants_policy = true;
    b->script.writes_status = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_PROFILE, "", "restricted");
    if (bench_start(b, 0, err) == 0) {
        run(b, 100);
        (void)put(b, KIND_NAMESPACE, "", "bank");
        run(b, 100 * SECOND_MS); /* longer than any back-off */
        b->script.says = "allows everything";
        take_away(b, KIND_NETWORK_POLICY, "shop", POLICY);
        run(b, 200 * SECOND_MS);
        assert_true(stands(b, "shop") && stands(b, "bank"));
        assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status,
                            "{\"compliant\":2}");
        manager_stop(b->manager, b->net.now_ms);
        run(b, SECOND_MS);
        assert_true(manager_is_stopped(b->manager));
        result = 0;
    }
    bench_free(b);
    return result;
}

static void test_manager_loses_nothing_whichever_allocation_fails(void **state)
{
    (void)state;
    assert_true(sweep_tolerant(live, NULL) > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_manager_looks_at_everything_again_when_a_key_could_not_be_queued),
        cmocka_unit_test(test_manager_loses_nothing_whichever_allocation_fails),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
