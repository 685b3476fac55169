/* Writes that fail: what is said, how often it is tried, and how it ends. */
#include "sync_manager.h"

#include "rampart/sync/pace.h"

#define POLICIES_OF_SHOP "/namespaces/shop/networkpolicies"

/* A namespace whose first write waits for its answer. */
static void begin_write(struct bench *b)
{
    begin(b);
    b->script.wants_policy = true;
    b->holds_writes = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    forget_trace(b);
}

/* Refuses the next @times writes in the same way, waiting for each. */
static void refuse_times(struct bench *b, unsigned times, int status, const char *reason,
                         const char *message)
{
    for (unsigned i = 0; i < times; i++) {
        for (unsigned turn = 0; fake_find(&b->net, POLICIES_OF_SHOP) == FAKE_LAST; turn++) {
            assert_true(turn < 10000);
            run(b, 10);
        }
        refuse(b, POLICIES_OF_SHOP, status, reason, message);
        (void)step(b);
    }
}

static void test_manager_tries_a_failed_write_again_ever_later_and_recovers(void **state)
{
    struct bench *b = *state;
    uint64_t begun_ms = b->net.now_ms;

    begin_write(b);
    refuse_times(b, 8, 500, "InternalError", "etcd is away");
    assert_in_range(b->net.now_ms - begun_ms, 640, 4000); /* 5 ms doubling: 640 ms in all */
    assert_int_equal(passes(b, "ns/shop"), 7);
    b->holds_writes = false;
    run(b, 2 * SECOND_MS);
    assert_true(stands(b, "shop"));
    assert_int_equal(logged(b, "writes succeed again"), 1);
    /* Its back-off begins anew. */
    b->holds_writes = true;
    take_away(b, KIND_NETWORK_POLICY, "shop", POLICY);
    run(b, 0);
    refuse(b, POLICIES_OF_SHOP, 500, "InternalError", "etcd is away");
    run(b, 10);
    assert_int_not_equal(fake_find(&b->net, POLICIES_OF_SHOP), FAKE_LAST);
}

/* As when the API server is killed: what runs ends, and nothing is answered. */
static void take_the_server_down(struct bench *b)
{
    b->is_down = true;
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        size_t watch = fake_find(&b->net, watch_part((enum kind)kind));

        assert_int_not_equal(watch, FAKE_LAST);
        fake_fail(&b->net, watch, ERR_UNAVAILABLE, "connection refused");
    }
}

static void test_manager_tries_all_that_failed_again_when_the_server_is_back(void **state)
{
    struct bench *b = *state;
    unsigned standing = 0;

    begin(b);
    b->script.wants_policy = true;
    b->holds_writes = true;
    for (int i = 0; i < 300; i++)
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
    run(b, 0);
    b->holds_writes = false;
    take_the_server_down(b);
    for (size_t write; (write = fake_find(&b->net, "/networkpolicies")) != FAKE_LAST;)
        fake_fail(&b->net, write, ERR_UNAVAILABLE, "connection refused");
    run(b, 5 * SECOND_MS); /* all of them have failed, and wait for their turn in the bucket */
    b->is_down = false;
    run(b, 15 * SECOND_MS); /* until a watch gets through: 6.4 s, and as much jitter */
    for (int i = 0; i < 300; i++)
        standing += stands(b, api_text("n-%d", i));
    assert_int_equal(standing, 300);
}

static void test_manager_says_once_that_writes_fail_however_often_they_do(void **state)
{
    struct bench *b = *state;

    begin_write(b);
    refuse_times(b, 6, 500, "InternalError", "etcd is away");
    run(b, SECOND_MS);
    assert_int_equal(logged(b, "WARN"), 1);
    assert_int_equal(logged(b, "pass failed"), 6);
    assert_int_equal(events(b, "WriteFailed"), 1);
    assert_contains(last_event(b), "etcd is away");
    assert_contains(last_event(b), "\"regarding\":{\"apiVersion\":\"networking.k8s.io/v1\"");
}

static void test_manager_says_so_when_writes_fail_in_another_way(void **state)
{
    struct bench *b = *state;

    begin_write(b);
    refuse_times(b, 3, 500, "InternalError", "etcd is away");
    refuse_times(b, 3, 422, "Invalid", "a policy forbids it");
    assert_int_equal(logged(b, "WARN"), 2);
    run(b, SECOND_MS);
    assert_int_equal(events(b, "WriteFailed"), 2);
}

static void test_manager_counts_a_namespace_as_failed_until_its_writes_succeed(void **state)
{
    struct bench *b = *state;

    b->script.writes_status = true;
    begin_write(b);
    refuse_times(b, 5, 500, "InternalError", "etcd is away");
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status, "{\"compliant\":0}");
    b->holds_writes = false;
    run(b, 5 * SECOND_MS);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status, "{\"compliant\":1}");
}

static void test_manager_does_not_mark_the_profile_with_each_retry(void **state)
{
    struct bench *b = *state;

    begin_write(b);
    refuse_times(b, 1, 500, "InternalError", "etcd is away");
    run(b, 3 * SECOND_MS);
    forget_trace(b);
    refuse_times(b, 8, 500, "InternalError", "etcd is away");
    assert_int_equal(passes(b, "profile/restricted"), 0);
}

static void test_manager_names_the_missing_right(void **state)
{
    struct bench *b = *state;

    begin_write(b);
    refuse(b, POLICIES_OF_SHOP, 403, "Forbidden", "User rampart cannot create networkpolicies");
    run(b, 0);
    assert_int_equal(events(b, "\"reason\":\"Forbidden\""), 1);
    assert_contains(last_event(b), "User rampart cannot create networkpolicies");
    assert_contains(last_event(b), "the verb create on networkpolicies in API group");
}

static void test_manager_waits_as_long_as_the_server_asks_for(void **state)
{
    struct bench *b = *state;

    begin_write(b);
    fake_answer(&b->net, waiting_write(b, POLICIES_OF_SHOP), 429, "7",
                fake_status(429, "TooManyRequests", NULL, "slow down"));
    run(b, 6900);
    assert_int_equal(fake_find(&b->net, POLICIES_OF_SHOP), FAKE_LAST);
    run(b, 200);
    assert_int_not_equal(fake_find(&b->net, POLICIES_OF_SHOP), FAKE_LAST);
}

static void test_manager_plans_again_without_a_warning_when_the_caches_were_behind(void **state)
{
    struct bench *b = *state;

    begin_write(b);
    refuse(b, POLICIES_OF_SHOP, 409, "AlreadyExists", "it is there");
    (void)put(b, KIND_NETWORK_POLICY, "shop", POLICY);
    serve_write(b, waiting_write(b, POLICIES_OF_SHOP "/" POLICY)); /* it is read again */
    run(b, SECOND_MS);
    assert_true(passes(b, "ns/shop") >= 1);
    assert_int_equal(logged(b, "WARN"), 0);
    assert_int_equal(events(b, ""), 0);
    assert_int_equal(stats(b).applier.stale, 1);
    assert_int_equal(stats(b).queue_ready, 0);
}

static void test_manager_says_so_when_the_server_never_agrees_with_what_it_lists(void **state)
{
    struct bench *b = *state;

    begin_write(b);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(events(b, "WriteFailed"), 0);
        refuse_times(b, 1, 409, "AlreadyExists", "it is there");
        refuse(b, POLICIES_OF_SHOP "/" POLICY, 404, "NotFound", "it is not");
        run(b, 0);
    }
    assert_int_equal(events(b, "WriteFailed"), 1);
    assert_contains(last_event(b), "contradict what it lists");
    b->holds_writes = false;
    run(b, MINUTE_MS);
    assert_true(stands(b, "shop"));
    assert_int_equal(logged(b, "writes succeed again"), 1);
}

static void test_manager_forgets_what_stood_in_a_namespace_that_was_made_again(void **state)
{
    struct bench *b = *state;

    b->script.wants_policy = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    assert_true(stands(b, "shop"));
    take_away(b, KIND_NETWORK_POLICY, "shop", POLICY);
    thing_find(b, KIND_NAMESPACE, "", "shop")->uid += 1000;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    assert_true(stands(b, "shop"));
    assert_int_equal(events(b, "PolicyDeleted"), 0);
}

static void test_manager_drops_what_is_written_into_a_terminating_namespace(void **state)
{
    struct bench *b = *state;

    b->script.wants_policy = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    b->holds_writes = true;
    b->script.mends_always = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    b->script.mends_always = false;
    forget_trace(b);
    fake_answer(&b->net, waiting_write(b, POLICIES_OF_SHOP), 403, NULL,
                fake_status(403, "Forbidden", "NamespaceTerminating", "it is going"));
    run(b, MINUTE_MS);
    assert_int_equal(passes(b, "ns/shop"), 0);
    assert_int_equal(logged(b, "WARN"), 0);
    assert_int_equal(events(b, ""), 0);
}

static void test_manager_counts_what_cannot_be_evaluated_as_failed_and_tries_again(void **state)
{
    struct bench *b = *state;

    b->script.writes_status = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status, "{\"compliant\":1}");
    b->script.plans_fail = 12;
    (void)put(b, KIND_NETWORK_POLICY, "shop", "theirs");
    run(b, 1200);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status, "{\"compliant\":0}");
    assert_int_equal(events(b, "could not be evaluated"), 1);
    run(b, MINUTE_MS);
    assert_int_equal(b->script.plans_fail, 0);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status, "{\"compliant\":1}");
}

static void test_manager_reports_a_status_that_cannot_be_written(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.writes_status = true;
    b->holds_writes = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    refuse(b, "/securityprofiles/restricted/status", 403, "Forbidden", "no");
    run(b, 0);
    assert_int_equal(events(b, "\"reason\":\"Forbidden\""), 1);
    assert_contains(last_event(b), "the verb patch on securityprofiles/status in API group");
    assert_contains(last_event(b), "\"regarding\":{\"apiVersion\":\"rampart.dev/v1alpha1\"");
    b->holds_writes = false;
    run(b, 5 * SECOND_MS);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status, "{\"compliant\":1}");
}

static void test_manager_slows_down_where_its_writes_do_not_stay(void **state)
{
    struct bench *b = *state;
    uint64_t patches;

    b->script.wants_policy = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_NAMESPACE, "", "bank");
    begin(b);
    b->script.mends_always = true; /* as if a webhook undid each patch */
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    assert_in_range(stats(b).applier.patches, PACE_FREE - 2, PACE_FREE);
    run(b, 5 * MINUTE_MS);
    patches = stats(b).applier.patches;
    run(b, 10 * MINUTE_MS);
    assert_in_range(stats(b).applier.patches - patches, 55, 65); /* one in ten seconds, for ever */
    assert_int_equal(logged(b, "does not stay"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_manager_tries_a_failed_write_again_ever_later_and_recovers),
        MANAGER_TEST(test_manager_tries_all_that_failed_again_when_the_server_is_back),
        MANAGER_TEST(test_manager_says_once_that_writes_fail_however_often_they_do),
        MANAGER_TEST(test_manager_says_so_when_writes_fail_in_another_way),
        MANAGER_TEST(test_manager_counts_a_namespace_as_failed_until_its_writes_succeed),
        MANAGER_TEST(test_manager_does_not_mark_the_profile_with_each_retry),
        MANAGER_TEST(test_manager_names_the_missing_right),
        MANAGER_TEST(test_manager_waits_as_long_as_the_server_asks_for),
        MANAGER_TEST(test_manager_plans_again_without_a_warning_when_the_caches_were_behind),
        MANAGER_TEST(test_manager_says_so_when_the_server_never_agrees_with_what_it_lists),
        MANAGER_TEST(test_manager_forgets_what_stood_in_a_namespace_that_was_made_again),
        MANAGER_TEST(test_manager_drops_what_is_written_into_a_terminating_namespace),
        MANAGER_TEST(test_manager_counts_what_cannot_be_evaluated_as_failed_and_tries_again),
        MANAGER_TEST(test_manager_reports_a_status_that_cannot_be_written),
        MANAGER_TEST(test_manager_slows_down_where_its_writes_do_not_stay),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
