/* The watch machine on servers without WatchList, and page by page. */
#include "sync_watch.h"

static int setup(void **state)
{
    static struct machine machine;

    machine_init(&machine, 1);
    *state = &machine;
    return 0;
}

static int setup_without_watch_list(void **state)
{
    (void)setup(state);
    ((struct machine *)*state)->server.has_refused_watch_list = true;
    return 0;
}

/* ---- falling back ---- */

static void test_watch_list_refused_is_remembered_for_the_server(void **state)
{
    struct machine *m = *state;
    struct watch other;

    asks(m, "watchlist", NULL, 0, NULL);
    fails(m, ERR_REFUSED, 422);
    goes_on_at_once(m);
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    assert_true(m->server.has_refused_watch_list);
    watch_init(&other, &m->server, &m->rng);
    assert_int_equal(watch_want(&other, m->now_ms), WATCH_WANT_LIST);
}

static void test_watch_list_without_an_end_is_given_up_after_a_minute_for_a_list(void **state)
{
    struct machine *m = *state;

    asks(m, "watchlist", NULL, 0, NULL);
    assert_int_equal(watch_deadline(&m->watch), m->now_ms + WATCH_INITIAL_MAX_MS);
    m->now_ms += WATCH_INITIAL_MAX_MS;
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_CANCEL);
    fails(m, ERR_CANCELED, 0);
    backs_off(m, 800, 1600);
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    assert_false(m->server.has_refused_watch_list); /* a stalled connection says nothing of it */
    page(m, "8", "");
    asks(m, "watch", "8", 0, NULL);
    fails(m, ERR_EXPIRED, 410);
    backs_off(m, 1600, 3200);
    asks(m, "watchlist", "8", 0, NULL);
}

static void test_watch_list_without_an_end_but_with_events_counts_as_not_there(void **state)
{
    struct machine *m = *state;

    asks(m, "watchlist", NULL, 0, NULL);
    watch_on_object(&m->watch, "5", true);
    m->now_ms += WATCH_INITIAL_MAX_MS;
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_CANCEL);
    fails(m, ERR_CANCELED, 0);
    assert_true(m->server.has_refused_watch_list);
}

static void test_watch_list_is_followed_by_a_list_after_ends_that_make_no_sense(void **state)
{
    static const enum err_code codes[] = {ERR_NONE, ERR_INVALID, ERR_TIMEOUT};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct machine m;

        machine_init(&m, i);
        asks(&m, "watchlist", NULL, 0, NULL);
        fails(&m, codes[i], 0);
        backs_off(&m, 800, 1600);
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
        assert_false(m.server.has_refused_watch_list);
    }
}

static void test_watch_list_is_tried_again_when_the_server_is_busy_or_away(void **state)
{
    static const struct {
        enum err_code code;
        int http_status;
    } rows[] = {{ERR_UNAVAILABLE, 0}, {ERR_UNAVAILABLE, 503},  {ERR_THROTTLED, 429},
                {ERR_FORBIDDEN, 403}, {ERR_UNAUTHORIZED, 401}, {ERR_CANCELED, 0},
                {ERR_NOMEM, 0}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct machine m;

        machine_init(&m, i);
        asks(&m, "watchlist", NULL, 0, NULL);
        fails(&m, rows[i].code, rows[i].http_status);
        backs_off(&m, 800, 1600);
        asks(&m, "watchlist", NULL, 0, NULL);
    }
}

static void test_watch_list_that_the_server_goes_on_failing_gives_way_to_a_list(void **state)
{
    struct machine *m = *state;

    for (unsigned n = 0; n <= WATCH_STUBBORN_ATTEMPTS; n++) {
        asks(m, "watchlist", NULL, 0, NULL);
        fails(m, ERR_UNAVAILABLE, 500);
        m->now_ms = watch_deadline(&m->watch);
    }
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
}

/* ---- pages ---- */

static void test_list_starts_at_zero_and_pages_with_token_and_limit_alone(void **state)
{
    struct machine *m = *state;

    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    page(m, "9", "one");
    goes_on_at_once(m);
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, "one");
    page(m, "9", "two");
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, "two");
    page(m, "9", "");
    asks(m, "watch", "9", 0, NULL);
}

static void test_list_again_asks_for_the_last_version_without_pages(void **state)
{
    struct machine *m = *state;

    lists_then_streams_from(m, "9");
    fails(m, ERR_EXPIRED, 410);
    backs_off(m, 800, 1600);
    asks(m, "list", "9", 0, NULL); /* so that the server's cache answers */
}

static void test_list_that_is_expired_or_too_new_goes_to_empty_rv_with_pages(void **state)
{
    static const enum err_code codes[] = {ERR_EXPIRED, ERR_RV_TOO_LARGE, ERR_REFUSED};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct machine m;

        machine_init(&m, i);
        lists_then_streams_from(&m, "9");
        fails(&m, ERR_EXPIRED, 410);
        backs_off(&m, 800, 1600);
        asks(&m, "list", "9", 0, NULL);
        fails(&m, codes[i], 0);
        backs_off(&m, 1600, 3200);
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
        page(&m, "20", "more");
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, "more");
        page(&m, "20", "");
        asks(&m, "watch", "20", 0, NULL);
        fails(&m, ERR_EXPIRED, 410);
        backs_off(&m, 3200, 6400);
        asks(&m, "list", "20", 0, NULL); /* that version is good again */
    }
}

static void test_list_page_that_expires_starts_again_at_once_without_pages(void **state)
{
    static const enum err_code codes[] = {ERR_EXPIRED, ERR_REFUSED};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct machine m;

        machine_init(&m, i);
        m.server.has_refused_watch_list = true;
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
        page(&m, "9", "one");
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, "one");
        fails(&m, codes[i], 410);
        goes_on_at_once(&m);
        asks(&m, "list", NULL, 0, NULL);
        page(&m, "12", "");
        asks(&m, "watch", "12", 0, NULL);
    }
}

static void test_list_page_is_asked_for_again_when_the_server_is_busy_or_away(void **state)
{
    static const enum err_code codes[] = {ERR_UNAVAILABLE, ERR_THROTTLED, ERR_TIMEOUT,
                                          ERR_CANCELED,    ERR_FORBIDDEN, ERR_UNAUTHORIZED};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct machine m;

        machine_init(&m, i);
        m.server.has_refused_watch_list = true;
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
        page(&m, "9", "one");
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, "one");
        fails(&m, codes[i], 0);
        backs_off(&m, 800, 1600);
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, "one");
    }
}

static void test_list_starts_again_when_something_was_lost(void **state)
{
    static const enum err_code codes[] = {ERR_NOMEM, ERR_LIMIT, ERR_INVALID, ERR_NOT_FOUND,
                                          ERR_NONE};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct machine m;

        machine_init(&m, i);
        m.server.has_refused_watch_list = true;
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
        page(&m, "9", "one");
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, "one");
        fails(&m, codes[i], 0);
        backs_off(&m, 800, 1600);
        asks(&m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    }
}

static void test_list_page_that_could_not_be_started_is_asked_for_again(void **state)
{
    struct machine *m = *state;

    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    page(m, "9", "one");
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_LIST);
    fails(m, ERR_LIMIT, 0);
    backs_off(m, 800, 1600);
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, "one");
}

static void test_list_whose_page_is_whole_does_not_care_how_the_request_ends(void **state)
{
    struct machine *m = *state;

    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    assert_int_equal(watch_on_page(&m->watch, "9", "one"), WATCH_EFFECT_NONE);
    fails(m, ERR_UNAVAILABLE, 0);
    goes_on_at_once(m);
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, "one");
    assert_int_equal(watch_on_page(&m->watch, "9", ""), WATCH_EFFECT_END_SYNC);
    fails(m, ERR_CANCELED, 0);
    goes_on_at_once(m);
    asks(m, "watch", "9", 0, NULL);
}

static void loops(struct machine *m, const char *token)
{
    assert_int_equal(watch_on_page(&m->watch, "9", token), WATCH_EFFECT_NONE);
    ends(m);
    backs_off(m, 800, 1600);
    asks(m, "list", NULL, 0, NULL);
}

static void test_list_whose_token_leads_nowhere_waits_and_starts_without_pages(void **state)
{
    static char too_long[CONTINUE_LEN_MAX + 2];
    struct machine *m = *state;

    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    page(m, "9", "one");
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, "one");
    loops(m, "one");

    (void)setup_without_watch_list(state);
    memset(too_long, 't', CONTINUE_LEN_MAX + 1);
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    loops(m, too_long);
}

static void test_list_without_end_is_cut_at_the_ceiling_of_pages(void **state)
{
    struct machine *m = *state;
    char token[16] = "";

    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    for (unsigned i = 1; i < WATCH_PAGES_MAX; i++) {
        (void)snprintf(token, sizeof(token), "%u", i);
        page(m, "9", token);
        asks(m, "list", NULL, WATCH_PAGE_LIMIT, token);
    }
    loops(m, "one more");
}

static void test_list_pages_again_after_a_sync_without_pages(void **state)
{
    struct machine *m = *state;

    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    page(m, "9", "one");
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, "one");
    fails(m, ERR_EXPIRED, 410);
    asks(m, "list", NULL, 0, NULL);
    page(m, "9", "");
    assert_true(m->watch.is_paged);
}

static void test_list_counts_its_pages_anew_each_time(void **state)
{
    struct machine *m = *state;

    for (unsigned sync = 0; sync < 3; sync++) {
        asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
        for (unsigned i = 1; i < WATCH_PAGES_MAX / 2; i++) {
            char token[16];

            (void)snprintf(token, sizeof(token), "%u", i);
            page(m, "9", token);
            asks(m, "list", NULL, WATCH_PAGE_LIMIT, token);
        }
        page(m, "9", "");
        asks(m, "watch", "9", 0, NULL);
        fails(m, ERR_REFUSED, 400);
        m->now_ms = watch_deadline(&m->watch);
    }
}

/* ---- nothing that happens in any order breaks it ---- */

static void random_input(struct machine *m, struct rng *rng)
{
    struct err err = {.code = (enum err_code)rng_below(rng, ERR_CODE_COUNT),
                      .http_status = rng_below(rng, 2) ? 500 : 0};
    char rv[16];

    (void)snprintf(rv, sizeof(rv), "%u", (unsigned)rng_below(rng, 50));
    switch (m->watch.state) {
    case WATCH_LISTING:
        if (m->watch.page == WATCH_PAGE_NONE && rng_below(rng, 2))
            (void)watch_on_page(&m->watch, rv, rng_below(rng, 2) ? "" : rv);
        break;
    case WATCH_STREAMING_INITIAL:
    case WATCH_STREAMING:
        if (rng_below(rng, 2))
            watch_on_object(&m->watch, rv, rng_below(rng, 2));
        else
            (void)watch_on_bookmark(&m->watch, rv, rng_below(rng, 4) == 0);
        break;
    default:
        break;
    }
    if (rng_below(rng, 2))
        watch_on_end(&m->watch, err.code == ERR_NONE ? NULL : &err, m->now_ms);
}

static void test_watch_keeps_to_its_table_over_random_inputs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct machine m;
        struct rng rng;

        machine_init(&m, seed);
        rng_init(&rng, seed);
        for (unsigned step = 0; step < 2000; step++) {
            enum watch_want want = watch_want(&m.watch, m.now_ms);

            if (want == WATCH_WANT_LIST || want == WATCH_WANT_WATCH)
                (void)watch_on_started(&m.watch, m.now_ms);
            if (m.watch.has_request)
                random_input(&m, &rng);
            m.now_ms += rng_below(&rng, 5000);
        }
        watch_stop(&m.watch);
    }
}

#define TEST(fn) cmocka_unit_test_setup(fn, setup)
#define LIST_TEST(fn) cmocka_unit_test_setup(fn, setup_without_watch_list)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_watch_list_refused_is_remembered_for_the_server),
        TEST(test_watch_list_without_an_end_is_given_up_after_a_minute_for_a_list),
        TEST(test_watch_list_without_an_end_but_with_events_counts_as_not_there),
        TEST(test_watch_list_is_followed_by_a_list_after_ends_that_make_no_sense),
        TEST(test_watch_list_is_tried_again_when_the_server_is_busy_or_away),
        TEST(test_watch_list_that_the_server_goes_on_failing_gives_way_to_a_list),
        LIST_TEST(test_list_starts_at_zero_and_pages_with_token_and_limit_alone),
        TEST(test_list_again_asks_for_the_last_version_without_pages),
        TEST(test_list_that_is_expired_or_too_new_goes_to_empty_rv_with_pages),
        TEST(test_list_page_that_expires_starts_again_at_once_without_pages),
        TEST(test_list_page_is_asked_for_again_when_the_server_is_busy_or_away),
        TEST(test_list_starts_again_when_something_was_lost),
        LIST_TEST(test_list_page_that_could_not_be_started_is_asked_for_again),
        LIST_TEST(test_list_whose_page_is_whole_does_not_care_how_the_request_ends),
        LIST_TEST(test_list_whose_token_leads_nowhere_waits_and_starts_without_pages),
        LIST_TEST(test_list_without_end_is_cut_at_the_ceiling_of_pages),
        LIST_TEST(test_list_pages_again_after_a_sync_without_pages),
        TEST(test_watch_keeps_to_its_table_over_random_inputs),
        LIST_TEST(test_list_counts_its_pages_anew_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
