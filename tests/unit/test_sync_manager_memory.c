/* Memory that is not there: whatever is lost is made up for, and nothing is left behind. */
#include "sync_manager.h"

#include "rampart/sync/pace.h"
#include "support/sweep.h"

#define POLICIES_OF_SHOP "/namespaces/shop/networkpolicies"

/* Changes, each with another allocation failing, until the queue could not take what one of them
 * marks; then the same once more, before anything is done about it. */
static void lose_keys(struct bench *b, enum kind kind, const char *name)
{
    for (unsigned nth = 0; logged(b, "could not be queued") == 0; nth++) {
        assert_true(nth < 1000);
        for (int i = 0; i < 2; i++) {
            struct thing *t = thing_find(b, kind, "", api_text(name, nth));

            if (t)
                t->generation++;
            mem_fail_nth(nth);
            (void)put(b, kind, "", api_text(name, nth));
            (void)mem_fail_disarm();
            if (logged(b, "could not be queued") == 0)
                break;
        }
        if (logged(b, "could not be queued") == 0)
            run(b, 40 * SECOND_MS);
    }
}

static void test_manager_looks_at_everything_again_when_a_key_could_not_be_queued(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.wants_policy = true;
    lose_keys(b, KIND_NAMESPACE,
              "n-%u"); /* the stores take the objects, the queue not their keys */
    assert_int_equal(logged(b, "could not be queued"), 1);
    run(b, MINUTE_MS);
    for (size_t i = 0; i < b->things_count; i++) {
        if (b->things[i].kind == KIND_NAMESPACE)
            assert_true(stands(b, b->things[i].name));
    }
}

static void test_manager_says_once_that_keys_were_lost_and_looks_at_everything(void **state)
{
    struct bench *b = *state;

    begin(b);
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    lose_keys(b, KIND_PROFILE, "restricted"); /* which marks every namespace */
    assert_int_equal(logged(b, "could not be queued"), 1);
    forget_trace(b);
    run(b, MINUTE_MS);
    assert_true(passes(b, "ns/shop") > 0 && passes(b, "profile/restricted") > 0);
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

/* Nothing goes well at first: plans that fail, writes that are refused, Events that are too. */
static int live_hard(void *ctx, struct err *err)
{
    struct bench *b = bench_new();
    int result = -1;

    (void)ctx;
    b->script.wants_policy = true;
    b->script.writes_status = true;
    b->script.plans_fail = 2;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_PROFILE, "", "restricted");
    if (bench_start(b, 0, err) == 0) {
        b->holds_writes = true;
        run(b, 5 * SECOND_MS);
        for (int i = 0; i < 3; i++) {
            size_t write = fake_find(&b->net, POLICIES_OF_SHOP);

            if (write != FAKE_LAST)
                fake_answer(&b->net, write, 500, NULL,
                            fake_status(500, "InternalError", NULL, "etcd is away"));
            run(b, 5 * SECOND_MS);
        }
        b->holds_writes = false;
        run(b, 100 * SECOND_MS);
        assert_true(stands(b, "shop"));
        assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status,
                            "{\"compliant\":1}");
        result = 0;
    }
    bench_free(b);
    return result;
}

static void test_manager_recovers_from_failures_whichever_allocation_fails_besides(void **state)
{
    (void)state;
    assert_true(sweep_tolerant(live_hard, NULL) > 300);
}

/* What is written does not stay: the next round has to wait, and the queue has no memory for it. */
static void test_manager_comes_back_to_what_it_put_off_whichever_allocation_fails(void **state)
{
    bool has_fired = true;

    (void)state;
    for (unsigned nth = 0; has_fired; nth++) {
        struct bench *b = bench_new();
        uint64_t patches;

        b->script = (struct script){.wants_policy = true,
                                    .mends_always = true,
                                    .says = "x",
                                    .mode = MODE_ENFORCE};
        assert_int_equal(bench_start(b, 0, NULL), 0);
        (void)put(b, KIND_NAMESPACE, "", "shop");
        b->holds_writes = true;
        for (unsigned round = 0; round < PACE_FREE; round++) {
            run(b, 0);
            serve_write(b, waiting_write(b, POLICIES_OF_SHOP));
        }
        b->holds_writes = false;
        patches = stats(b).applier.patches;
        mem_fail_nth(nth);
        run(b, 100);
        has_fired = mem_fail_disarm();
        run(b, 40 * SECOND_MS);
        assert_in_range(stats(b).applier.patches - patches, 5, 12);
        bench_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_manager_looks_at_everything_again_when_a_key_could_not_be_queued),
        MANAGER_TEST(test_manager_says_once_that_keys_were_lost_and_looks_at_everything),
        cmocka_unit_test(test_manager_loses_nothing_whichever_allocation_fails),
        cmocka_unit_test(test_manager_recovers_from_failures_whichever_allocation_fails_besides),
        cmocka_unit_test(test_manager_comes_back_to_what_it_put_off_whichever_allocation_fails),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
