/* Faults that only a server which the test plays can make on purpose, seen from the outside: the
 * manager with all its caches. The numbers are those of the fault tests. */
#include "sync_manager.h"

#define POLICIES_OF_SHOP "/namespaces/shop/networkpolicies"

static size_t watch_of(struct bench *b, enum kind kind)
{
    return waiting_write(b, watch_part(kind));
}

/* The watch is silent: what happens is not told, until it ends and is begun again. */
static void pause_watch(struct bench *b, enum kind kind)
{
    b->is_paused[kind] = true;
}

static void resume_watch(struct bench *b, enum kind kind)
{
    b->is_paused[kind] = false;
    b->net.now_ms += 2 * SECOND_MS; /* not a watch that ended at once */
    fake_end(&b->net, watch_of(b, kind));
}

/* ---- Fault 5 ---- */

static void test_fault_5_a_change_that_was_undone_unseen_costs_no_write(void **state)
{
    struct bench *b = *state;
    struct manager_stats before;

    b->script.wants_policy = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    before = stats(b);
    pause_watch(b, KIND_NETWORK_POLICY);
    (void)put(b, KIND_NETWORK_POLICY, "shop", POLICY); /* A to B */
    (void)put(b, KIND_NETWORK_POLICY, "shop", POLICY); /* and back to A */
    run(b, 30 * SECOND_MS);
    resume_watch(b, KIND_NETWORK_POLICY);
    run(b, MINUTE_MS);
    assert_true(stands(b, "shop"));
    assert_int_equal(stats(b).applier.patches, before.applier.patches);
    assert_int_equal(stats(b).applier.creates, before.applier.creates);
    assert_int_equal(events(b, ""), 0);
}

static void test_fault_5_what_was_made_and_deleted_unseen_leaves_nothing_behind(void **state)
{
    struct bench *b = *state;

    b->script.wants_policy = true;
    begin(b);
    pause_watch(b, KIND_NAMESPACE);
    (void)put(b, KIND_NAMESPACE, "", "brief");
    take_away(b, KIND_NAMESPACE, "", "brief");
    run(b, 30 * SECOND_MS);
    resume_watch(b, KIND_NAMESPACE);
    run(b, MINUTE_MS);
    assert_false(stands(b, "brief"));
    assert_int_equal(stats(b).applier.creates, 0);
    assert_int_equal(stats(b).verdicts, 0);
    assert_int_equal(logged(b, "WARN"), 0);
}

static void test_fault_5_a_namespace_made_anew_unseen_gets_its_policy_again(void **state)
{
    struct bench *b = *state;

    b->script.wants_policy = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    pause_watch(b, KIND_NAMESPACE);
    pause_watch(b, KIND_NETWORK_POLICY);
    take_away(b, KIND_NETWORK_POLICY, "shop", POLICY);
    take_away(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 30 * SECOND_MS);
    resume_watch(b, KIND_NAMESPACE);
    run(b, SECOND_MS);
    resume_watch(b, KIND_NETWORK_POLICY);
    run(b, MINUTE_MS);
    assert_true(stands(b, "shop"));
    assert_int_equal(stats(b).queue_ready, 0);
}

/* ---- Fault 17 ---- */

static void test_fault_17_a_throttled_write_waits_sanely_whatever_the_header_says(void **state)
{
    static const struct {
        const char *header;
        uint64_t low_ms;
        uint64_t high_ms;
    } rows[] = {
        {"1", 1000, 1100}, {"32", 32000, 32100},
        {NULL, 1, 100},    {"1000000000", 60000, 60100},
        {"abc", 1, 100},   {"-1", 1, 100},
        {"", 1, 100},      {"Wed, 21 Oct 2026 07:28:00 GMT", 1, 100},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench *b = bench_new();
        uint64_t refused_ms;

        assert_int_equal(bench_start(b, 0, NULL), 0);
        begin(b);
        b->script.wants_policy = true;
        b->holds_writes = true;
        (void)put(b, KIND_NAMESPACE, "", "shop");
        run(b, 0);
        refused_ms = b->net.now_ms;
        fake_answer(&b->net, waiting_write(b, POLICIES_OF_SHOP), 429, rows[i].header,
                    fake_status(429, "TooManyRequests", NULL, "slow down"));
        while (fake_find(&b->net, POLICIES_OF_SHOP) == FAKE_LAST) {
            run(b, 1);
            assert_true(b->net.now_ms - refused_ms <= rows[i].high_ms);
        }
        assert_true(b->net.now_ms - refused_ms >= rows[i].low_ms);
        b->holds_writes = false;
        run(b, SECOND_MS);
        assert_true(stands(b, "shop"));
        bench_free(b);
    }
}

/* Refused for ever without a word of how long: ever later, and never in a hot loop. */
static void test_fault_17_a_write_that_is_always_throttled_backs_off(void **state)
{
    struct bench *b = *state;
    uint64_t tries = 0;

    begin(b);
    b->script.wants_policy = true;
    b->holds_writes = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    for (unsigned second = 0; second < 600; second++) {
        run(b, SECOND_MS);
        if (fake_find(&b->net, POLICIES_OF_SHOP) == FAKE_LAST)
            continue;
        tries++;
        fake_answer(&b->net, waiting_write(b, POLICIES_OF_SHOP), 429, "abc",
                    fake_status(429, "TooManyRequests", NULL, "slow down"));
    }
    assert_in_range(tries, 8, 20); /* 5 ms doubling: 17 in ten minutes */
    assert_int_equal(events(b, "WriteFailed"), 1);
}

/* ---- Fault 19 ---- */

/* One list of each kind is wrongly empty, as of a server whose storage is partly away; the next one
 * is right. */
static void test_fault_19_an_empty_list_of_any_kind_removes_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        struct bench *b = bench_new();

        assert_int_equal(bench_start(b, 0, NULL), 0);
        b->script.wants_policy = true;
        b->script.writes_status = true;
        for (int i = 0; i < 30; i++)
            (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
        begin(b);
        run(b, 10 * SECOND_MS);
        b->is_empty[kind] = true;
        (void)fake_text(&b->net, watch_of(b, (enum kind)kind),
                        api_error(fake_status(410, "Expired", NULL, "compacted")));
        run(b, 5 * SECOND_MS);
        if (kind == KIND_NAMESPACE) /* it was taken for what there is */
            assert_null(cluster_get(manager_cluster(b->manager), KIND_NAMESPACE, "", "n-0"));
        if (kind == KIND_PROFILE)
            assert_null(cluster_get(manager_cluster(b->manager), KIND_PROFILE, "", "restricted"));
        b->is_empty[kind] = false;
        if (fake_find(&b->net, watch_part((enum kind)kind)) != FAKE_LAST)
            (void)fake_text(&b->net, watch_of(b, (enum kind)kind),
                            api_error(fake_status(410, "Expired", NULL, "compacted")));
        run(b, 3 * MINUTE_MS);
        assert_int_equal(stats(b).applier.deletes, 0);
        for (int i = 0; i < 30; i++)
            assert_true(stands(b, api_text("n-%d", i)));
        assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status,
                            "{\"compliant\":30}");
        bench_free(b);
    }
}

/* Namespaces come back without the labels by which they are selected, and the profile says Remove:
 * what no change explains stops at the budget, is told, and fails in the status. */
static void test_fault_19_a_mass_removal_stops_at_the_budget_and_is_told(void **state)
{
    struct bench *b = *state;
    size_t standing = 0;

    b->script.wants_policy = true;
    b->script.writes_status = true;
    for (int i = 0; i < 50; i++)
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
    begin(b);
    run(b, 20 * MINUTE_MS);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status,
                        "{\"compliant\":50}");
    b->script.wants_policy = false;
    b->script.removes = true;
    for (int i = 0; i < 50; i++)
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
    run(b, 30 * MINUTE_MS);
    for (int i = 0; i < 50; i++)
        standing += stands(b, api_text("n-%d", i));
    assert_int_equal(standing, 50 - MANAGER_DELETES_FREE);
    assert_true(events(b, "\"reason\":\"DeleteBudget\"") > 0);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status,
                        "{\"compliant\":10}"); /* the others have failed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_fault_5_a_change_that_was_undone_unseen_costs_no_write),
        MANAGER_TEST(test_fault_5_what_was_made_and_deleted_unseen_leaves_nothing_behind),
        MANAGER_TEST(test_fault_5_a_namespace_made_anew_unseen_gets_its_policy_again),
        cmocka_unit_test(test_fault_17_a_throttled_write_waits_sanely_whatever_the_header_says),
        MANAGER_TEST(test_fault_17_a_write_that_is_always_throttled_backs_off),
        cmocka_unit_test(test_fault_19_an_empty_list_of_any_kind_removes_nothing),
        MANAGER_TEST(test_fault_19_a_mass_removal_stops_at_the_budget_and_is_told),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
