/* The informer's ways when the server behaves: what it asks for, and what the store holds in the
 * end. */
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

static void test_informer_syncs_by_watch_list_and_follows(void **state)
{
    struct bench *b = *state;

    requests(b, WATCH_LIST UNTIL);
    sends(b, api_event("ADDED", "b", "x", 7));
    sends(b, api_event("ADDED", "a", "x", 3));
    told(&b->cache, "+b/x@7 +a/x@3 ");
    assert_false(informer_has_synced(b->informer));
    sends(b, api_initial_end(9));
    assert_true(informer_has_synced(b->informer));
    assert_int_equal(b->synced, 1);
    sends(b, api_event("MODIFIED", "a", "x", 10));
    sends(b, api_event("DELETED", "b", "x", 11));
    sends(b, api_event("ADDED", "c", "z", 12));
    sends(b, api_bookmark(20, NULL));
    told(&b->cache, "~a/x@3>10 -b/x@7 +c/z@12 ");
    b->net.now_ms += 400000;
    fake_end(&b->net, FAKE_LAST);
    requests(b, WATCH_FROM("20"));
    sends(b, api_event("MODIFIED", "a", "x", 21));
    told(&b->cache, "~a/x@10>21 ");
    assert_string_equal(b->logged, "");
}

/* Fault 8: a page without items that has a token. */
static void test_informer_without_watch_list_lists_page_by_page_and_watches(void **state)
{
    struct bench *b = *state;

    requests(b, WATCH_LIST UNTIL);
    fake_answer(&b->net, FAKE_LAST, 400, NULL,
                fake_status(400, "BadRequest", NULL, "sendInitialEvents is forbidden"));
    requests(b, LIST_FIRST);
    fake_answer(&b->net, FAKE_LAST, 200, NULL, api_list(api_item("a", "x", 5), 10, "one"));
    requests(b, LIST_NEXT("one"));
    fake_answer(&b->net, FAKE_LAST, 200, NULL, api_list("", 10, "two")); /* an empty page */
    assert_false(informer_has_synced(b->informer));
    requests(b, LIST_NEXT("two"));
    fake_answer(&b->net, FAKE_LAST, 200, NULL, api_list(api_item("b", "y", 6), 10, NULL));
    assert_true(informer_has_synced(b->informer));
    assert_int_equal(b->synced, 1);
    told(&b->cache, "+a/x@5 +b/y@6 ");
    requests(b, WATCH_FROM("10"));
    assert_contains(b->logged, "the API server has no WatchList; listing instead");
    assert_int_equal(b->lines, 1);
    assert_int_equal(informer_error(b->informer)->code, ERR_NONE);
}

static void test_informer_compresses_and_times_lists_but_no_watches(void **state)
{
    struct bench *b = *state;
    struct fake_exchange *e;

    b->server.has_refused_watch_list = true;
    step(b);
    e = fake_get(&b->net, FAKE_LAST);
    assert_true(e->request.accepts_gzip);
    assert_int_equal(e->request.timeout_ms, INFORMER_LIST_MAX_MS);
    assert_int_equal(e->request.idle_timeout_ms, INFORMER_LIST_IDLE_MAX_MS);
    fake_answer(&b->net, FAKE_LAST, 200, NULL, api_list("", 10, NULL));
    step(b);
    e = fake_get(&b->net, FAKE_LAST);
    assert_false(e->request.accepts_gzip);
    assert_int_equal(e->request.timeout_ms, 0);
    assert_int_equal(e->request.idle_timeout_ms, 0);
    assert_int_equal(e->request.method, HTTP_GET);
    assert_true(e->request.is_stream);
}

static void test_informer_escapes_the_continue_token(void **state)
{
    struct bench *b = *state;

    b->server.has_refused_watch_list = true;
    step(b);
    fake_answer(&b->net, FAKE_LAST, 200, NULL, api_list("", 10, "a+b/c=&limit=1"));
    requests(b, LIST_NEXT("a%2Bb%2Fc%3D%26limit%3D1"));
}

/* Any token fits the machine; one that does not fit a URL is as good as expired. */
static void test_informer_starts_without_pages_when_the_token_does_not_fit_a_path(void **state)
{
    struct bench *b = *state;
    char *token = text_repeat("/", CONTINUE_LEN_MAX);

    b->server.has_refused_watch_list = true;
    step(b);
    fake_answer(&b->net, FAKE_LAST, 200, NULL, api_list("", 10, token));
    free(token);
    step(b);
    requests(b, POLICIES);
}

/* Fault 10. */
static void test_informer_takes_bookmarks_never_sent_always_sent_and_unknown_alike(void **state)
{
    static const char *const bookmarks[] = {NULL, "{}", "{\"unknown\":\"true\"}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bookmarks); i++) {
        struct bench b;

        bench_init(&b, KIND_NETWORK_POLICY, 100);
        bench_sync(&b);
        for (unsigned rv = 11; rv < 100; rv += 2) {
            sends(&b, api_event("MODIFIED", "a", "x", rv));
            if (bookmarks[i])
                sends(&b, api_bookmark(rv + 1, bookmarks[i]));
        }
        holds(b.cache.store, NULL, "a/x@99 a/y@6 ");
        fake_end(&b.net, FAKE_LAST);
        requests(&b, bookmarks[i] ? WATCH_FROM("100") : WATCH_FROM("99"));
        bench_done(&b);
    }
}

static void test_informer_reads_the_same_wherever_the_bytes_are_split(void **state)
{
    const char *text =
        api_text("%s%s%s\r\n%s%s", api_event("ADDED", "a", "x", 1), api_event("ADDED", "b", "y", 2),
                 api_initial_end(3), api_event("MODIFIED", "a", "x", 4),
                 api_event("DELETED", "b", "y", 5));
    char *whole = strdup(text);
    size_t len = strlen(text);

    (void)state;
    for (size_t at = 0; at <= len; at++) {
        struct bench b;

        bench_init(&b, KIND_NETWORK_POLICY, 100);
        step(&b);
        assert_true(fake_data(&b.net, FAKE_LAST, whole, at));
        assert_true(fake_data(&b.net, FAKE_LAST, whole + at, len - at));
        told(&b.cache, "+a/x@1 +b/y@2 ~a/x@1>4 -b/y@2 ");
        assert_int_equal(b.synced, 1);
        bench_done(&b);
    }
    free(whole);
}

static void test_informer_relists_without_telling_of_what_did_not_change(void **state)
{
    struct bench *b = *state;

    bench_sync(b);
    sends(b, api_event("MODIFIED", "a", "x", 11));
    told(&b->cache, "~a/x@5>11 ");
    assert_false(
        fake_text(&b->net, FAKE_LAST, api_error(fake_status(410, "Expired", NULL, "old"))));
    step(b);
    waits(b, 800, 1600);
    requests(b, WATCH_LIST "&resourceVersion=11" UNTIL);
    sends(b, api_event("ADDED", "a", "x", 11));
    sends(b, api_event("ADDED", "b", "new", 13));
    holds(b->cache.store, NULL, "a/x@11 a/y@6 b/new@13 "); /* y may be gone, but who knows yet */
    sends(b, api_initial_end(14));
    told(&b->cache, "+b/new@13 -a/y@6 ");
    assert_int_equal(b->synced, 2);
}

static void test_informer_counts_what_it_does(void **state)
{
    struct bench *b = *state;
    struct informer_stats stats;

    bench_sync_by_list(b);
    sends(b, api_event("MODIFIED", "a", "x", 11));
    sends(b, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Table\"}}\n");
    sends(b, api_bookmark(12, NULL));
    fake_fail(&b->net, FAKE_LAST, ERR_UNAVAILABLE, "reset");
    informer_get_stats(b->informer, &stats);
    assert_int_equal(stats.requests_list, 1);
    assert_int_equal(stats.requests_watch, 1);
    assert_int_equal(stats.events, 2);
    assert_int_equal(stats.objects_invalid, 1);
    assert_int_equal(stats.failures, 1);
    assert_int_equal(stats.syncs, 1);
}

/* ---- stopping ---- */

static void test_informer_stops_in_any_stage_and_nothing_comes_after(void **state)
{
    (void)state;
    for (unsigned stage = 0; stage < 5; stage++) {
        struct bench b;

        bench_init(&b, KIND_NETWORK_POLICY, 100);
        if (stage >= 1)
            step(&b);
        if (stage >= 2)
            sends(&b, api_event("ADDED", "a", "x", 5));
        if (stage >= 3)
            sends(&b, api_initial_end(10));
        if (stage >= 4)
            fake_fail(&b.net, FAKE_LAST, ERR_UNAVAILABLE, "reset");
        informer_stop(b.informer);
        assert_int_equal(informer_is_stopped(b.informer), stage == 0 || stage == 4);
        assert_int_equal(informer_deadline(b.informer), UINT64_MAX);
        bench_done(&b);
    }
}

static void test_informer_that_is_stopping_takes_no_more_bytes(void **state)
{
    struct bench *b = *state;
    struct exchange *x;

    bench_sync(b);
    x = fake_get(&b->net, FAKE_LAST)->x;
    informer_stop(b->informer);
    assert_int_equal(x->on_data(x, "{", 1, b->net.now_ms), -1);
    assert_false(informer_is_stopped(b->informer));
    assert_int_equal(fake_settle(&b->net), 1);
    assert_true(informer_is_stopped(b->informer));
    assert_int_equal(store_count(b->cache.store), 2);
}

static void test_informer_takes_no_more_bytes_of_a_watch_that_it_gives_up(void **state)
{
    const char *late = api_event("DELETED", "a", "x", 11);
    struct bench *b = *state;
    struct exchange *x;

    bench_sync(b);
    x = fake_get(&b->net, FAKE_LAST)->x;
    b->net.now_ms = informer_deadline(b->informer);
    informer_step(b->informer, b->net.now_ms);
    assert_int_equal(x->on_data(x, late, strlen(late), b->net.now_ms), -1);
    told(&b->cache, "");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_informer_syncs_by_watch_list_and_follows),
        TEST(test_informer_without_watch_list_lists_page_by_page_and_watches),
        TEST(test_informer_compresses_and_times_lists_but_no_watches),
        TEST(test_informer_escapes_the_continue_token),
        TEST(test_informer_starts_without_pages_when_the_token_does_not_fit_a_path),
        cmocka_unit_test(test_informer_takes_bookmarks_never_sent_always_sent_and_unknown_alike),
        cmocka_unit_test(test_informer_reads_the_same_wherever_the_bytes_are_split),
        TEST(test_informer_relists_without_telling_of_what_did_not_change),
        TEST(test_informer_counts_what_it_does),
        cmocka_unit_test(test_informer_stops_in_any_stage_and_nothing_comes_after),
        TEST(test_informer_that_is_stopping_takes_no_more_bytes),
        TEST(test_informer_takes_no_more_bytes_of_a_watch_that_it_gives_up),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
