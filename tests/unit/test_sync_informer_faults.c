/* The informer when the server, or what stands before it, does not behave. */
#include "sync_informer.h"

static int setup(void **state)
{
    static struct bench bench;

    bench_init(&bench, KIND_NETWORK_POLICY, 100);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    bench_done(*state);
    return 0;
}

static void answers_status(struct bench *b, int code, const char *reason, const char *cause)
{
    fake_answer(&b->net, FAKE_LAST, code, NULL,
                fake_status(code, reason, cause, "says the server"));
}

/* An ERROR event: the informer gives the stream up. */
static void sends_error(struct bench *b, int code, const char *reason)
{
    assert_false(fake_text(&b->net, FAKE_LAST,
                           api_error(fake_status(code, reason, NULL, "says the event"))));
    assert_int_equal(fake_settle(&b->net), 1);
}

/* ---- 410 ---- */

/* At connect, and as an event with either reason: one sync at the last version, and nothing is lost
 * or told twice. */
static void test_expired_watch_leads_to_one_sync_and_loses_nothing(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 3; way++) {
        struct bench b;

        bench_init(&b, KIND_NETWORK_POLICY, 100);
        bench_sync(&b);
        if (way == 0) {
            fake_end(&b.net, FAKE_LAST);
            step(&b);
            answers_status(&b, 410, "Expired", NULL);
        } else {
            sends_error(&b, 410, way == 1 ? "Expired" : "Gone");
        }
        waits(&b, 800, 1600);
        requests(&b, WATCH_LIST "&resourceVersion=10" UNTIL);
        sends(&b, api_event("ADDED", "a", "x", 12)); /* y was deleted, x changed meanwhile */
        sends(&b, api_initial_end(13));
        told(&b.cache, "~a/x@5>12 -a/y@6 ");
        assert_int_equal(b.synced, 2);
        assert_string_equal(b.logged, ""); /* in the life of every watch */
        bench_done(&b);
    }
}

static void test_expired_sync_is_made_from_the_quorum(void **state)
{
    struct bench *b = *state;

    bench_sync_by_list(b);
    sends_error(b, 410, "Expired");
    waits(b, 800, 1600);
    requests(b, POLICIES "?resourceVersion=10");
    answers_status(b, 410, "Expired", NULL);
    waits(b, 1600, 3200);
    requests(b, LIST_QUORUM);
}

static void test_expired_page_starts_the_list_again_without_false_deletions(void **state)
{
    struct bench *b = *state;

    bench_sync_by_list(b);
    sends_error(b, 410, "Expired");
    waits(b, 800, 1600);
    answers_status(b, 410, "Expired", NULL);
    waits(b, 1600, 3200);
    fake_answer(&b->net, FAKE_LAST, 200, NULL, api_list(api_item("a", "x", 5), 30, "one"));
    requests(b, LIST_NEXT("one"));
    answers_status(b, 410, "Expired", NULL);
    told(&b->cache, "");
    requests(b, POLICIES); /* no pages, no version */
    fake_answer(&b->net, FAKE_LAST, 200, NULL,
                api_list(api_text("%s,%s", api_item("a", "x", 5), api_item("a", "y", 6)), 31,
                         NULL));
    told(&b->cache, "");
    holds(b->cache.store, NULL, "a/x@5 a/y@6 ");
}

/* Fault 9. */
static void test_version_too_large_waits_and_asks_the_quorum(void **state)
{
    struct bench *b = *state;

    bench_sync(b);
    fake_end(&b->net, FAKE_LAST);
    step(b);
    answers_status(b, 504, "Timeout", "ResourceVersionTooLarge");
    waits(b, 800, 1600);
    requests(b, WATCH_LIST "&resourceVersion=10" UNTIL);
    answers_status(b, 504, "Timeout", "ResourceVersionTooLarge");
    waits(b, 1600, 3200);
    requests(b, WATCH_LIST UNTIL);
}

/* ---- pace ---- */

/* Fault 17. */
static void test_retry_after_is_obeyed_where_it_makes_sense(void **state)
{
    static const struct {
        const char *header;
        uint64_t low_ms;
        uint64_t high_ms;
    } rows[] = {
        {"1", 1001, 1600},  {"32", 32001, 32001},
        {NULL, 800, 1600},  {"1000000000", 60001, 60001},
        {"abc", 800, 1600}, {"Wed, 21 Oct 2026 07:28:00 GMT", 800, 1600},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench b;

        bench_init(&b, KIND_NETWORK_POLICY, 100);
        bench_sync(&b);
        fake_end(&b.net, FAKE_LAST);
        step(&b);
        fake_answer(&b.net, FAKE_LAST, 429, rows[i].header,
                    fake_status(429, "TooManyRequests", NULL, "slow down"));
        waits(&b, rows[i].low_ms, rows[i].high_ms);
        requests(&b, WATCH_FROM("10")); /* no new sync */
        bench_done(&b);
    }
}

static void test_throttled_within_a_stream_watches_again_from_its_version(void **state)
{
    struct bench *b = *state;

    bench_sync(b);
    sends(b, api_event("MODIFIED", "a", "x", 11));
    sends_error(b, 429, "TooManyRequests");
    waits(b, 800, 1600);
    requests(b, WATCH_FROM("11"));
}

/* Fault 16. */
static void test_stream_that_closes_at_once_1000_times_is_asked_for_rarely(void **state)
{
    struct bench *b = *state;
    uint64_t at_100_ms = 0;

    bench_sync(b);
    for (unsigned i = 0; i < 1000; i++) {
        fake_end(&b->net, FAKE_LAST);
        b->net.now_ms = informer_deadline(b->informer) > b->net.now_ms
                            ? informer_deadline(b->informer)
                            : b->net.now_ms;
        step(b);
        if (i == 100)
            at_100_ms = b->net.now_ms;
    }
    assert_int_equal(b->net.count, 1001);
    assert_true(b->net.now_ms - at_100_ms >= 899ull * 30000); /* 0.03 requests a second */
    assert_contains(informer_error(b->informer)->msg, "the server ended it at once");
    assert_int_equal(b->lines, 1);
}

static void test_server_that_is_down_is_asked_at_the_capped_pace_and_logged_once(void **state)
{
    struct bench *b = *state;
    uint64_t started_ms;

    for (unsigned i = 0; i < 10; i++) {
        step(b);
        fake_fail(&b->net, FAKE_LAST, ERR_UNAVAILABLE, "connection refused");
        b->net.now_ms = informer_deadline(b->informer);
    }
    started_ms = b->net.now_ms;
    for (unsigned i = 0; i < 100; i++) {
        char msg[64];

        step(b);
        (void)snprintf(msg, sizeof(msg), "connection refused after %u ms", i);
        fake_fail(&b->net, FAKE_LAST, ERR_UNAVAILABLE, msg);
        b->net.now_ms = informer_deadline(b->informer);
    }
    assert_true(b->net.now_ms - started_ms >= 100ull * 30000);
    assert_int_equal(b->lines, 1);
    assert_string_equal(informer_error(b->informer)->msg,
                        "watch networkpolicies.networking.k8s.io: connection refused after 99 ms");
    step(b);
    sends(b, api_initial_end(3));
    assert_int_equal(informer_error(b->informer)->code, ERR_NONE);
    assert_contains(b->logged, "list or watch works again");
    assert_int_equal(b->lines, 2);
}

/* ---- dead connections ---- */

static void test_watch_without_a_byte_past_its_end_is_given_up(void **state)
{
    struct bench *b = *state;

    bench_sync(b);
    waits(b, 300000 + WATCH_IDLE_GRACE_MS, 600000 + WATCH_IDLE_GRACE_MS);
    assert_contains(informer_error(b->informer)->msg, "the connection is dead");
    waits(b, 800, 1600);
    requests(b, WATCH_FROM("10"));
    told(&b->cache, "");
}

/* Fault 12, and the next one. */
static void test_initial_events_without_end_give_way_to_a_list_with_a_warning(void **state)
{
    struct bench *b = *state;

    step(b);
    waits(b, WATCH_INITIAL_MAX_MS, WATCH_INITIAL_MAX_MS);
    assert_contains(b->logged, "no end of the initial events within 60 s");
    waits(b, 800, 1600);
    requests(b, LIST_FIRST);
    fake_answer(&b->net, FAKE_LAST, 200, NULL, api_list("", 10, NULL));
    assert_true(informer_has_synced(b->informer));
}

static void
test_initial_events_of_a_server_that_ignores_the_parameter_give_way_to_a_list(void **state)
{
    struct bench *b = *state;

    step(b);
    sends(b, api_event("ADDED", "a", "x", 5)); /* and no end, ever */
    waits(b, WATCH_INITIAL_MAX_MS, WATCH_INITIAL_MAX_MS);
    assert_true(b->server.has_refused_watch_list);
    waits(b, 800, 1600);
    requests(b, LIST_FIRST);
    fake_answer(&b->net, FAKE_LAST, 200, NULL, api_list(api_item("a", "x", 5), 10, NULL));
    told(&b->cache, "+a/x@5 ");
}

static void test_connection_that_the_transport_gives_up_is_watched_again(void **state)
{
    struct bench *b = *state;

    bench_sync(b);
    fake_fail(&b->net, FAKE_LAST, ERR_CANCELED, "a new connection");
    waits(b, 800, 1600);
    requests(b, WATCH_FROM("10"));
    assert_string_equal(b->logged, "");
}

/* ---- rights and resources ---- */

static void test_missing_right_is_named(void **state)
{
    struct bench *b = *state;

    step(b);
    answers_status(b, 403, "Forbidden", NULL);
    assert_int_equal(informer_error(b->informer)->code, ERR_FORBIDDEN);
    assert_contains(informer_error(b->informer)->msg,
                    "watch networkpolicies.networking.k8s.io: a right is missing: grant the verb "
                    "\"watch\" on networkpolicies.networking.k8s.io to Rampart's ServiceAccount");
    b->server.has_refused_watch_list = true;
    waits(b, 800, 1600);
    answers_status(b, 403, "Forbidden", NULL);
    assert_contains(informer_error(b->informer)->msg,
                    "list networkpolicies.networking.k8s.io: a right is missing");
    assert_int_equal(b->lines, 1);
}

static void test_missing_crd_says_how_to_install_it_and_is_found_within_5_s(void **state)
{
    struct bench b;

    (void)state;
    bench_init(&b, KIND_PROFILE, 100);
    for (unsigned i = 0; i < 30; i++) {
        step(&b);
        fake_answer(&b.net, FAKE_LAST, 404, NULL, "404 page not found\n");
        assert_true(informer_deadline(b.informer) - b.net.now_ms <= 5000);
        b.net.now_ms = informer_deadline(b.informer);
    }
    assert_string_equal(informer_error(b.informer)->msg,
                        "watch securityprofiles.rampart.dev: the SecurityProfile CRD is not "
                        "installed: kubectl apply -k crds/");
    assert_int_equal(b.lines, 1);
    step(&b); /* now it is */
    fake_answer(&b.net, FAKE_LAST, 200, NULL,
                "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"SecurityProfile\",\"metadata\":{"
                "\"resourceVersion\":\"7\","
                "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}");
    assert_true(informer_has_synced(b.informer));
    assert_int_equal(informer_error(b.informer)->code, ERR_NONE);
    bench_done(&b);
}

static void test_resource_that_the_server_does_not_serve_is_named_with_its_version(void **state)
{
    struct bench *b = *state;

    step(b);
    fake_answer(&b->net, FAKE_LAST, 404, NULL, "404 page not found\n");
    assert_contains(informer_error(b->informer)->msg,
                    "the API server does not serve networking.k8s.io/v1");
}

static void test_refused_credential_is_said_and_keeps_the_version(void **state)
{
    struct bench *b = *state;

    bench_sync(b);
    fake_end(&b->net, FAKE_LAST);
    step(b);
    answers_status(b, 401, "Unauthorized", NULL);
    assert_contains(informer_error(b->informer)->msg, "does not accept Rampart's credential");
    waits(b, 800, 1600);
    requests(b, WATCH_FROM("10"));
}

static void test_each_change_of_the_error_is_logged_once(void **state)
{
    static const int codes[] = {403, 403, 500, 500, 503, 503, 403};
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        step(b);
        answers_status(b, codes[i], "Some", NULL);
        b->net.now_ms = informer_deadline(b->informer);
    }
    assert_int_equal(b->lines, 4);
}

/* ---- bytes that make no sense ---- */

static void test_answer_that_is_no_list_leaves_the_cache_as_it_is(void **state)
{
    static const char *const bodies[] = {
        "",
        "<html><body>Bad Gateway</body></html>",
        "{\"kind\":\"NetworkPolicyList\",\"metadata\":{\"resourceVersion\":\"11\"},\"items\":[",
        "{\"kind\":\"Table\",\"metadata\":{\"resourceVersion\":\"11\"},\"rows\":[]}",
        "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"11\"},\"items\":[]}",
        "{\"kind\":\"Status\",\"status\":\"Success\",\"metadata\":{}}",
        "{}",
        "null",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct bench b;

        bench_init(&b, KIND_NETWORK_POLICY, 100);
        bench_sync_by_list(&b);
        sends_error(&b, 410, "Expired");
        waits(&b, 800, 1600);
        fake_answer(&b.net, FAKE_LAST, 200, NULL, bodies[i]);
        assert_int_equal(informer_error(b.informer)->code, ERR_INVALID);
        waits(&b, 1600, 3200);
        told(&b.cache, "");
        requests(&b, POLICIES "?resourceVersion=10");
        bench_done(&b);
    }
}

static void test_items_that_are_no_policies_are_skipped_and_nothing_is_swept(void **state)
{
    struct bench *b = *state;
    struct informer_stats stats;

    bench_sync_by_list(b);
    sends_error(b, 410, "Expired");
    waits(b, 800, 1600);
    fake_answer(&b->net, FAKE_LAST, 200, NULL,
                api_list(api_text("{\"kind\":\"Pod\",\"metadata\":{\"name\":\"q\"}},7,%s",
                                  api_item("a", "x", 5)),
                         20, NULL));
    told(&b->cache, "");
    informer_get_stats(b->informer, &stats);
    assert_int_equal(stats.objects_invalid, 2);
    requests(b, WATCH_FROM("20"));
}

static void test_event_that_does_not_decode_keeps_what_was_known_and_moves_on(void **state)
{
    struct bench *b = *state;

    bench_sync(b);
    for (unsigned rv = 11; rv < 15; rv++)
        sends(b, api_text("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"x\","
                          "\"namespace\":\"a\",\"uid\":\"u-x\",\"resourceVersion\":\"%u\","
                          "\"deletionTimestamp\":7}}}\n",
                          rv));
    told(&b->cache, "");
    assert_int_equal(b->lines, 1); /* the same object with the same fault */
    assert_contains(b->logged, "NetworkPolicy a/x");
    fake_end(&b->net, FAKE_LAST);
    requests(b, WATCH_FROM("14"));
}

static void test_event_of_another_kind_is_skipped_and_its_version_is_not_taken(void **state)
{
    struct bench *b = *state;

    bench_sync(b);
    sends(b, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Table\",\"metadata\":{"
             "\"name\":\"x\",\"namespace\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"99\"}}}\n");
    told(&b->cache, "");
    fake_end(&b->net, FAKE_LAST);
    requests(b, WATCH_FROM("10"));
}

static void test_stream_cut_in_an_event_is_watched_again_from_the_event_before(void **state)
{
    struct bench *b = *state;

    bench_sync(b);
    sends(b, api_event("MODIFIED", "a", "x", 11));
    assert_true(fake_data(&b->net, FAKE_LAST, api_event("MODIFIED", "a", "y", 12), 40));
    fake_end(&b->net, FAKE_LAST);
    told(&b->cache, "~a/x@5>11 ");
    waits(b, 800, 1600);
    requests(b, WATCH_FROM("11"));
}

static void test_connection_lost_after_a_whole_list_is_no_failure(void **state)
{
    struct bench *b = *state;

    b->server.has_refused_watch_list = true;
    step(b);
    sends(b, api_list(api_item("a", "x", 5), 10, NULL));
    fake_fail(&b->net, FAKE_LAST, ERR_UNAVAILABLE, "reset");
    assert_int_equal(informer_error(b->informer)->code, ERR_NONE);
    requests(b, WATCH_FROM("10"));
}

static void test_token_that_comes_back_is_named(void **state)
{
    struct bench *b = *state;

    b->server.has_refused_watch_list = true;
    for (unsigned i = 0; i < 2; i++) {
        step(b);
        fake_answer(&b->net, FAKE_LAST, 200, NULL, api_list("", 10, "same"));
    }
    assert_contains(informer_error(b->informer)->msg,
                    "list networkpolicies.networking.k8s.io: the continue token leads nowhere");
    waits(b, 800, 1600);
    requests(b, POLICIES);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expired_watch_leads_to_one_sync_and_loses_nothing),
        TEST(test_expired_sync_is_made_from_the_quorum),
        TEST(test_expired_page_starts_the_list_again_without_false_deletions),
        TEST(test_version_too_large_waits_and_asks_the_quorum),
        cmocka_unit_test(test_retry_after_is_obeyed_where_it_makes_sense),
        TEST(test_throttled_within_a_stream_watches_again_from_its_version),
        TEST(test_stream_that_closes_at_once_1000_times_is_asked_for_rarely),
        TEST(test_server_that_is_down_is_asked_at_the_capped_pace_and_logged_once),
        TEST(test_watch_without_a_byte_past_its_end_is_given_up),
        TEST(test_initial_events_without_end_give_way_to_a_list_with_a_warning),
        TEST(test_initial_events_of_a_server_that_ignores_the_parameter_give_way_to_a_list),
        TEST(test_connection_that_the_transport_gives_up_is_watched_again),
        TEST(test_missing_right_is_named),
        cmocka_unit_test(test_missing_crd_says_how_to_install_it_and_is_found_within_5_s),
        TEST(test_resource_that_the_server_does_not_serve_is_named_with_its_version),
        TEST(test_refused_credential_is_said_and_keeps_the_version),
        TEST(test_each_change_of_the_error_is_logged_once),
        cmocka_unit_test(test_answer_that_is_no_list_leaves_the_cache_as_it_is),
        TEST(test_items_that_are_no_policies_are_skipped_and_nothing_is_swept),
        TEST(test_event_that_does_not_decode_keeps_what_was_known_and_moves_on),
        TEST(test_event_of_another_kind_is_skipped_and_its_version_is_not_taken),
        TEST(test_stream_cut_in_an_event_is_watched_again_from_the_event_before),
        TEST(test_token_that_comes_back_is_named),
        TEST(test_connection_lost_after_a_whole_list_is_no_failure),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
