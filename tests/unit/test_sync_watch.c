/* The watch machine on its way through initial events and streams. Lists have a file of their own.
 */
#include "sync_watch.h"

static int setup(void **state)
{
    static struct machine machine;

    machine_init(&machine, 1);
    *state = &machine;
    return 0;
}

/* ---- the usual way ---- */

static void test_watch_syncs_by_watch_list_and_goes_on_in_the_same_request(void **state)
{
    struct machine *m = *state;

    asks(m, "watchlist", NULL, 0, NULL);
    assert_int_equal(m->watch.state, WATCH_STREAMING_INITIAL);
    watch_on_object(&m->watch, "7", true);
    watch_on_object(&m->watch, "3", true);
    assert_false(m->watch.has_synced);
    assert_int_equal(watch_on_bookmark(&m->watch, "9", true), WATCH_EFFECT_END_SYNC);
    assert_true(m->watch.has_synced);
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_NOTHING);
    watch_on_object(&m->watch, "11", false);
    m->now_ms += 400000;
    ends(m); /* timeoutSeconds are over */
    goes_on_at_once(m);
    asks(m, "watch", "11", 0, NULL);
}

static void test_watch_stores_no_version_of_initial_events(void **state)
{
    struct machine *m = *state;

    asks(m, "watchlist", NULL, 0, NULL);
    watch_on_object(&m->watch, "700", true);
    watch_on_object(&m->watch, "701", false);
    assert_int_equal(watch_on_bookmark(&m->watch, "600", false), WATCH_EFFECT_NONE);
    assert_string_equal(m->watch.rv, "");
    fails(m, ERR_UNAVAILABLE, 0);
    backs_off(m, 800, 1600);
    asks(m, "watchlist", NULL, 0, NULL);
}

static void test_watch_from_nowhere_stores_no_version_of_added_events(void **state)
{
    static const char *const nowhere[] = {"", "0"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(nowhere); i++) {
        struct machine m;

        machine_init(&m, 1);
        streams_from(&m, "5");
        memcpy(m.watch.rv, nowhere[i], strlen(nowhere[i]) + 1);
        watch_on_object(&m.watch, "80", true);
        watch_on_object(&m.watch, "30", true);
        assert_string_equal(m.watch.rv, nowhere[i]);
        watch_on_object(&m.watch, "81", false); /* a real one: the order is there */
        assert_string_equal(m.watch.rv, "81");
        watch_on_object(&m.watch, "82", true);
        assert_string_equal(m.watch.rv, "82");
    }
}

static void test_watch_goes_on_from_the_last_bookmark(void **state)
{
    struct machine *m = *state;

    streams_from(m, "5");
    assert_int_equal(watch_on_bookmark(&m->watch, "90", false), WATCH_EFFECT_NONE);
    assert_int_equal(watch_on_bookmark(&m->watch, "95", true), WATCH_EFFECT_NONE); /* once */
    assert_int_equal(watch_on_bookmark(&m->watch, "", false), WATCH_EFFECT_NONE);
    ends(m);
    asks(m, "watch", "95", 0, NULL);
}

static void test_watch_ignores_a_version_that_is_too_long(void **state)
{
    char rv[RV_LEN_MAX + 2];
    struct machine *m = *state;

    streams_from(m, "5");
    memset(rv, '9', sizeof(rv));
    rv[RV_LEN_MAX + 1] = '\0';
    watch_on_object(&m->watch, rv, false);
    assert_string_equal(m->watch.rv, "5");
    rv[RV_LEN_MAX] = '\0';
    watch_on_object(&m->watch, rv, false);
    assert_string_equal(m->watch.rv, rv);
}

static void test_watch_asks_for_a_random_end_between_5_and_10_minutes(void **state)
{
    uint32_t low = UINT32_MAX, high = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct machine m;

        machine_init(&m, seed);
        streams_from(&m, "5");
        low = m.watch.timeout_s < low ? m.watch.timeout_s : low;
        high = m.watch.timeout_s > high ? m.watch.timeout_s : high;
    }
    assert_in_range(low, 300, 310);
    assert_in_range(high, 590, 600);
}

static void test_watch_draws_another_end_for_each_request(void **state)
{
    struct machine *m = *state;
    unsigned same = 0;

    streams_from(m, "5");
    for (unsigned i = 0; i < 20; i++) {
        uint32_t before_s = m->watch.timeout_s;

        m->now_ms += 300000;
        ends(m);
        asks(m, "watch", "5", 0, NULL);
        same += m->watch.timeout_s == before_s;
    }
    assert_in_range(same, 0, 3);
}

/* ---- ends ---- */

static void test_watch_that_ends_at_once_without_progress_has_failed(void **state)
{
    struct machine *m = *state;

    streams_from(m, "5");
    ends(m); /* the initial events were progress */
    goes_on_at_once(m);
    asks(m, "watch", "5", 0, NULL);
    m->now_ms += 999;
    ends(m);
    backs_off(m, 800, 1600);
    asks(m, "watch", "5", 0, NULL);
    m->now_ms += 1000;
    ends(m);
    goes_on_at_once(m);
}

static void test_watch_keeps_the_end_that_it_drew_until_a_request_has_it(void **state)
{
    struct machine *m = *state;
    uint32_t timeout_s;

    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_WATCH);
    timeout_s = m->watch.timeout_s;
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_WATCH);
    assert_int_equal(m->watch.timeout_s, timeout_s);
}

static void test_watch_that_is_woken_when_it_is_due_stays_due(void **state)
{
    struct machine *m = *state;

    streams_from(m, "5");
    fails(m, ERR_UNAVAILABLE, 503);
    assert_int_equal(m->watch.state, WATCH_BACKOFF);
    m->now_ms = watch_deadline(&m->watch) + 5;
    watch_wake(&m->watch, m->now_ms);
    assert_true(watch_deadline(&m->watch) < m->now_ms);
    asks(m, "watch", "5", 0, NULL);
}

static void test_watch_that_tells_the_same_event_again_and_ends_has_failed(void **state)
{
    struct machine *m = *state;

    streams_from(m, "5");
    ends(m);
    asks(m, "watch", "5", 0, NULL);
    watch_on_object(&m->watch, "6", false);
    ends(m);
    goes_on_at_once(m);
    asks(m, "watch", "6", 0, NULL);
    watch_on_object(&m->watch, "6", false);
    (void)watch_on_bookmark(&m->watch, "6", false);
    ends(m);
    backs_off(m, 800, 1600);
}

/* Fault 16: 0.3 requests a second, and at the cap a thirtieth. */
static void test_watch_that_ends_at_once_1000_times_asks_less_than_every_third_second(void **state)
{
    struct machine *m = *state;
    uint64_t started_ms;
    unsigned requests = 0;

    streams_from(m, "5");
    ends(m);
    for (unsigned i = 0; i < 10; i++) { /* until the back-off is at its cap */
        asks(m, "watch", "5", 0, NULL);
        ends(m);
        m->now_ms = watch_deadline(&m->watch);
    }
    started_ms = m->now_ms;
    for (unsigned i = 0; i < 990; i++) {
        asks(m, "watch", "5", 0, NULL);
        requests++;
        ends(m);
        backs_off(m, 30000, 60000);
    }
    assert_true(requests * 10000 <= 3 * (m->now_ms - started_ms));
}

static void test_watch_is_given_up_past_its_own_end_and_goes_on_from_its_version(void **state)
{
    struct machine *m = *state;
    uint64_t deadline_ms;

    streams_from(m, "5");
    deadline_ms = watch_deadline(&m->watch);
    assert_int_equal(deadline_ms, m->now_ms + m->watch.timeout_s * 1000ull + WATCH_IDLE_GRACE_MS);
    m->now_ms = deadline_ms - 1;
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_NOTHING);
    m->now_ms = deadline_ms;
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_CANCEL);
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_NOTHING); /* once */
    assert_int_equal(watch_deadline(&m->watch), UINT64_MAX);
    fails(m, ERR_CANCELED, 0);
    backs_off(m, 800, 1600);
    asks(m, "watch", "5", 0, NULL);
}

/* ---- failures of a stream ---- */

static void test_watch_keeps_its_version_over_failures_that_say_nothing_of_it(void **state)
{
    static const struct {
        enum err_code code;
        int http_status;
    } rows[] = {
        {ERR_UNAVAILABLE, 0}, {ERR_UNAVAILABLE, 503},  {ERR_THROTTLED, 429},
        {ERR_TIMEOUT, 0},     {ERR_TIMEOUT, 504},      {ERR_CANCELED, 0},
        {ERR_FORBIDDEN, 403}, {ERR_UNAUTHORIZED, 401}, {ERR_INVALID, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct machine m;

        machine_init(&m, i);
        streams_from(&m, "5");
        fails(&m, rows[i].code, rows[i].http_status);
        backs_off(&m, 800, 1600);
        asks(&m, "watch", "5", 0, NULL);
    }
}

static void test_watch_syncs_anew_after_failures_that_lost_something(void **state)
{
    static const enum err_code codes[] = {ERR_EXPIRED, ERR_RV_TOO_LARGE, ERR_NOMEM, ERR_LIMIT,
                                          ERR_CONFLICT};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct machine m;

        machine_init(&m, i);
        streams_from(&m, "5");
        fails(&m, codes[i], 0);
        backs_off(&m, 800, 1600);
        asks(&m, "watchlist", "5", 0, NULL); /* at least as new as what is known */
        assert_true(m.watch.has_synced);
    }
}

static void test_watch_syncs_from_empty_rv_only_when_the_sync_itself_is_expired(void **state)
{
    static const enum err_code codes[] = {ERR_EXPIRED, ERR_RV_TOO_LARGE};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct machine m;

        machine_init(&m, i);
        streams_from(&m, "5");
        fails(&m, ERR_EXPIRED, 410);
        backs_off(&m, 800, 1600);
        asks(&m, "watchlist", "5", 0, NULL);
        fails(&m, codes[i], 0);
        backs_off(&m, 1600, 3200);
        asks(&m, "watchlist", NULL, 0, NULL);
        assert_int_equal(watch_on_bookmark(&m.watch, "3", true), WATCH_EFFECT_END_SYNC);
        ends(&m);
        asks(&m, "watch", "3", 0, NULL); /* opaque: also when it looks older */
    }
}

static void test_watch_distrusts_a_version_that_the_server_refuses(void **state)
{
    struct machine *m = *state;

    streams_from(m, "5");
    fails(m, ERR_REFUSED, 400);
    backs_off(m, 800, 1600);
    asks(m, "watchlist", NULL, 0, NULL);
}

static void test_watch_waits_what_the_server_asks_for(void **state)
{
    struct err err = {.code = ERR_THROTTLED, .http_status = 429, .retry_after_ms = 32000};
    struct machine *m = *state;

    streams_from(m, "5");
    watch_on_end(&m->watch, &err, m->now_ms);
    backs_off(m, 32000, 32000);
    asks(m, "watch", "5", 0, NULL);
}

static void test_watch_that_the_server_goes_on_failing_is_asked_for_a_new_sync(void **state)
{
    static const struct {
        enum err_code code;
        int http_status;
    } rows[] = {{ERR_UNAVAILABLE, 500}, {ERR_TIMEOUT, 504}, {ERR_INVALID, 0}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct machine m;

        machine_init(&m, i);
        streams_from(&m, "5");
        for (unsigned n = 0; n < WATCH_STUBBORN_ATTEMPTS; n++) {
            fails(&m, rows[i].code, rows[i].http_status);
            m.now_ms = watch_deadline(&m.watch);
            asks(&m, "watch", "5", 0, NULL);
        }
        fails(&m, rows[i].code, rows[i].http_status);
        m.now_ms = watch_deadline(&m.watch);
        asks(&m, "watchlist", "5", 0, NULL);
    }
}

static void test_watch_of_a_server_that_is_down_never_asks_for_a_new_sync(void **state)
{
    struct machine *m = *state;

    streams_from(m, "5");
    for (unsigned n = 0; n < 100; n++) {
        fails(m, ERR_UNAVAILABLE, 0);
        m->now_ms = watch_deadline(&m->watch);
        asks(m, "watch", "5", 0, NULL);
    }
}

static void test_watch_of_a_missing_resource_is_asked_for_again_within_5_s(void **state)
{
    struct machine *m = *state;

    for (unsigned n = 0; n < 50; n++) {
        asks(m, "watchlist", NULL, 0, NULL);
        fails(m, ERR_NOT_FOUND, 404);
        backs_off(m, n < 2 ? 800 : 2500, WATCH_ABSENT_MAX_MS);
    }
    asks(m, "watchlist", NULL, 0, NULL);
    fails(m, ERR_UNAVAILABLE, 0); /* the 404s do not count for anything else */
    backs_off(m, 800, 1600);
}

static void test_watch_whose_resource_goes_syncs_anew_when_it_is_back(void **state)
{
    struct machine *m = *state;

    streams_from(m, "5");
    fails(m, ERR_NOT_FOUND, 404);
    backs_off(m, 800, 1600);
    asks(m, "watchlist", "5", 0, NULL);
}

static void test_watch_that_could_not_be_started_keeps_its_version(void **state)
{
    struct machine *m = *state;

    streams_from(m, "5");
    ends(m);
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_WATCH);
    fails(m, ERR_LIMIT, 0);
    backs_off(m, 800, 1600);
    asks(m, "watch", "5", 0, NULL);
}

/* ---- stopping ---- */

static void test_watch_stopped_in_any_state_wants_nothing_any_more(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 5; way++) {
        struct machine m;

        machine_init(&m, way);
        if (way == 1)
            asks(&m, "watchlist", NULL, 0, NULL);
        if (way == 2)
            streams_from(&m, "5");
        if (way == 3)
            lists_then_streams_from(&m, "5");
        if (way == 4) {
            streams_from(&m, "5");
            fails(&m, ERR_UNAVAILABLE, 0);
        }
        watch_stop(&m.watch);
        watch_stop(&m.watch);
        assert_int_equal(watch_want(&m.watch, UINT64_MAX), WATCH_WANT_NOTHING);
        assert_int_equal(watch_deadline(&m.watch), UINT64_MAX);
        if (m.watch.has_request)
            fails(&m, ERR_CANCELED, 0);
        assert_int_equal(m.watch.state, WATCH_STOPPED);
    }
}

static void test_watch_names_its_states(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WATCH_STATE_COUNT; i++)
        assert_true(strlen(watch_state_name((enum watch_state)i)) > 0);
}

#define TEST(fn) cmocka_unit_test_setup(fn, setup)

/* Others may get through meanwhile: the server spoke to this one. */
static void test_watch_is_not_woken_before_the_time_the_server_asked_for(void **state)
{
    struct err err = {.code = ERR_THROTTLED, .http_status = 429, .retry_after_ms = 32000};
    struct machine *m = *state;

    streams_from(m, "5");
    watch_on_end(&m->watch, &err, m->now_ms);
    watch_wake(&m->watch, m->now_ms + 10);
    backs_off(m, 32000, 32000);
    asks(m, "watch", "5", 0, NULL);
    fails(m, ERR_UNAVAILABLE, 0);
    watch_wake(&m->watch, m->now_ms); /* nothing was asked for this time */
    asks(m, "watch", "5", 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_watch_syncs_by_watch_list_and_goes_on_in_the_same_request),
        TEST(test_watch_stores_no_version_of_initial_events),
        TEST(test_watch_from_nowhere_stores_no_version_of_added_events),
        TEST(test_watch_goes_on_from_the_last_bookmark),
        TEST(test_watch_ignores_a_version_that_is_too_long),
        TEST(test_watch_asks_for_a_random_end_between_5_and_10_minutes),
        TEST(test_watch_that_ends_at_once_without_progress_has_failed),
        TEST(test_watch_keeps_the_end_that_it_drew_until_a_request_has_it),
        TEST(test_watch_that_is_woken_when_it_is_due_stays_due),
        TEST(test_watch_that_tells_the_same_event_again_and_ends_has_failed),
        TEST(test_watch_that_ends_at_once_1000_times_asks_less_than_every_third_second),
        TEST(test_watch_is_given_up_past_its_own_end_and_goes_on_from_its_version),
        TEST(test_watch_keeps_its_version_over_failures_that_say_nothing_of_it),
        TEST(test_watch_syncs_anew_after_failures_that_lost_something),
        TEST(test_watch_syncs_from_empty_rv_only_when_the_sync_itself_is_expired),
        TEST(test_watch_distrusts_a_version_that_the_server_refuses),
        TEST(test_watch_waits_what_the_server_asks_for),
        TEST(test_watch_that_the_server_goes_on_failing_is_asked_for_a_new_sync),
        TEST(test_watch_of_a_server_that_is_down_never_asks_for_a_new_sync),
        TEST(test_watch_of_a_missing_resource_is_asked_for_again_within_5_s),
        TEST(test_watch_whose_resource_goes_syncs_anew_when_it_is_back),
        TEST(test_watch_that_could_not_be_started_keeps_its_version),
        TEST(test_watch_stopped_in_any_state_wants_nothing_any_more),
        cmocka_unit_test(test_watch_names_its_states),
        TEST(test_watch_draws_another_end_for_each_request),
        TEST(test_watch_is_not_woken_before_the_time_the_server_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
