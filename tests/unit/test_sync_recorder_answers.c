/* Events: answers that are no success, no answer at all, and the end of the process. */
#include "sync_recorder.h"

static void test_recorder_tries_an_unanswered_creation_again_under_the_same_name(void **state)
{
    struct fixture *f = *state;
    char name[300];

    add(f, &edited, &policy);
    (void)snprintf(name, sizeof(name), "%s", posted_name(f, 0));
    fake_fail(&f->fake, 0, ERR_UNAVAILABLE, "connection reset");
    step(f);
    assert_int_equal(f->fake.count, 1);
    assert_in_range(recorder_deadline(f->recorder), 10 * SECOND_MS, 12500);
    advance(f, 12500);
    assert_int_equal(f->fake.count, 2);
    assert_string_equal(posted_name(f, 1), name);
    answer(f, 1, 201);
    assert_int_equal(stats(f).sent, 1);
    assert_int_equal(stats(f).dropped, 0);
}

static void test_recorder_takes_already_exists_after_a_lost_answer_as_created(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    fake_fail(&f->fake, 0, ERR_TIMEOUT, "no answer");
    advance(f, 12500);
    fake_answer(&f->fake, 1, 409, NULL, fake_status(409, "AlreadyExists", NULL, "exists"));
    step(f);
    assert_int_equal(stats(f).sent, 1);
    add(f, &edited, &policy);
    assert_count(f, 2, 2);
    assert_contains(request(f, 2)->path, posted_name(f, 0));
    answer(f, 2, 200);
}

static void test_recorder_takes_another_name_when_somebody_elses_event_has_it(void **state)
{
    struct fixture *f = *state;
    char name[300];

    add(f, &edited, &policy);
    (void)snprintf(name, sizeof(name), "%s", posted_name(f, 0));
    fake_answer(&f->fake, 0, 409, NULL, fake_status(409, "AlreadyExists", NULL, "exists"));
    step(f);
    assert_int_equal(f->fake.count, 2);
    assert_string_not_equal(posted_name(f, 1), name);
    answer(f, 1, 201);
    assert_int_equal(stats(f).sent, 1);
}

static void test_recorder_tells_once_what_the_process_before_may_have_told(void **state)
{
    static const struct finding reverted = {.reason = REASON_REVERTED,
                                            .is_warning = true,
                                            .message = "was taken back",
                                            .once = "0123456789abcdef"};
    struct fixture *f = *state;

    add(f, &reverted, &policy);
    assert_string_equal(posted_name(f, 0), "rampart-deny.0123456789abcdef");
    fake_answer(&f->fake, 0, 409, NULL, fake_status(409, "AlreadyExists", NULL, "exists"));
    step(f);
    assert_int_equal(f->fake.count, 1); /* it is told, and by no other name */
    assert_int_equal(stats(f).sent, 1);
    assert_int_equal(stats(f).dropped, 0);
}

static void
test_recorder_gives_up_after_five_tries_and_starts_anew_with_the_next_finding(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    for (unsigned i = 0; i < RECORDER_TRIES_MAX; i++) {
        assert_int_equal(f->fake.count, i + 1);
        answer(f, i, 503);
        advance(f, 75 * SECOND_MS + SECOND_MS);
    }
    assert_int_equal(f->fake.count, RECORDER_TRIES_MAX);
    assert_int_equal(recorder_pending(f->recorder), 0);
    assert_int_equal(recorder_deadline(f->recorder), UINT64_MAX);
    assert_int_equal(stats(f).dropped, 1);
    assert_contains(f->logged, "PolicyEdited about NetworkPolicy shop/rampart-deny: 503");
    add(f, &edited, &policy);
    answer(f, FAKE_LAST, 201);
    assert_int_equal(stats(f).sent, 1);
}

static void test_recorder_does_not_repeat_what_the_server_refuses(void **state)
{
    static const struct {
        int status;
        const char *reason;
        const char *cause;
    } rows[] = {
        {400, "BadRequest", NULL},
        {403, "Forbidden", NULL},
        {403, "Forbidden", "NamespaceTerminating"},
        {404, "NotFound", NULL},
        {422, "Invalid", NULL},
    };
    struct fixture *f = *state;

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        add_about(f, i);
        step(f);
        fake_answer(&f->fake, i, rows[i].status, NULL,
                    fake_status(rows[i].status, rows[i].reason, rows[i].cause, "no"));
        step(f);
        assert_int_equal(stats(f).dropped, i + 1);
        assert_int_equal(recorder_deadline(f->recorder), UINT64_MAX);
    }
    assert_int_equal(stats(f).sent, 0);
}

static void test_recorder_waits_as_long_as_a_429_asks_with_everything(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    fake_answer(&f->fake, 0, 429, "30",
                fake_status(429, "TooManyRequests", NULL, "please be patient"));
    add_about(f, 1);
    step(f);
    assert_int_equal(f->fake.count, 1);
    assert_true(recorder_deadline(f->recorder) >= 30 * SECOND_MS);
    advance(f, 30 * SECOND_MS - 1);
    assert_int_equal(f->fake.count, 1);
    advance(f, 30 * SECOND_MS);
    assert_int_equal(f->fake.count, 3);
    answer_all(f, 201);
    assert_int_equal(stats(f).sent, 2);
}

static void test_recorder_sends_a_handful_of_requests_while_the_server_is_away(void **state)
{
    struct fixture *f = *state;
    size_t tried = 0;

    for (unsigned i = 0; i < 500; i++)
        add_about(f, i);
    while (f->fake.now_ms < 2 * MINUTE_MS) {
        step(f);
        for (; tried < f->fake.count; tried++)
            fake_fail(&f->fake, tried, ERR_UNAVAILABLE, "connection refused");
        advance(f, SECOND_MS);
    }
    for (; tried < f->fake.count; tried++)
        fake_fail(&f->fake, tried, ERR_UNAVAILABLE, "connection refused");
    assert_true(tried <= 13 * RECORDER_IN_FLIGHT_MAX); /* a handful every ten seconds */
    advance(f, 2 * MINUTE_MS);                         /* the server is back */
    answer_all(f, 201);
    advance(f, 2 * MINUTE_MS);
    answer_all(f, 201);
    assert_int_equal(stats(f).sent, 500);
    assert_int_equal(stats(f).dropped, 0);
}

static void test_recorder_lets_the_others_go_on_when_the_server_trips_over_one_event(void **state)
{
    struct fixture *f = *state;

    add_about(f, 0);
    step(f);
    answer(f, 0, 500);
    add_about(f, 1);
    step(f);
    assert_int_equal(f->fake.count, 2);
    answer(f, 1, 201);
    advance(f, 20 * SECOND_MS);
    answer_all(f, 201);
    assert_int_equal(stats(f).sent, 2);
}

static void test_recorder_goes_on_as_soon_as_the_server_answers_again(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < RECORDER_IN_FLIGHT_MAX + 1; i++)
        add_about(f, i);
    step(f);
    fake_fail(&f->fake, 0, ERR_UNAVAILABLE, "connection reset");
    step(f);
    assert_int_equal(f->fake.count, RECORDER_IN_FLIGHT_MAX); /* the last one is held */
    answer(f, 1, 201);
    assert_int_equal(f->fake.count, RECORDER_IN_FLIGHT_MAX + 1);
    advance(f, MINUTE_MS);
    answer_all(f, 201);
    assert_int_equal(stats(f).sent, RECORDER_IN_FLIGHT_MAX + 1);
}

static void test_recorder_makes_an_event_again_that_is_gone_and_tells_its_count(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    answer(f, 0, 201);
    add(f, &edited, &policy);
    fake_answer(&f->fake, 1, 404, NULL, fake_status(404, "NotFound", NULL, "gone"));
    step(f);
    assert_string_equal(request(f, 2)->body, request(f, 0)->body);
    answer(f, 2, 201);
    assert_count(f, 3, 2);
    answer(f, 3, 200);
    assert_int_equal(f->fake.count, 4);
    assert_int_equal(stats(f).sent, 3);
    assert_int_equal(stats(f).dropped, 0);
}

static void test_recorder_ends_the_series_of_a_namespace_that_is_gone(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    answer(f, 0, 201);
    add(f, &edited, &policy);
    answer(f, 1, 404);
    answer(f, 2, 404);
    assert_int_equal(f->fake.count, 3);
    assert_int_equal(stats(f).dropped, 1);
    assert_int_equal(recorder_deadline(f->recorder), UINT64_MAX);
}

static void test_recorder_tries_again_when_the_transport_takes_nothing(void **state)
{
    static const enum err_code codes[] = {ERR_LIMIT, ERR_NOMEM, ERR_UNAUTHORIZED};
    struct fixture *f = *state;

    for (unsigned i = 0; i < COUNT_OF(codes); i++) {
        f->fake.start_fails = codes[i];
        add_about(f, i);
        step(f);
        assert_int_equal(f->fake.count, i);
        assert_int_equal(f->fake.starts_failed, i + 1); /* no busy loop */
        f->fake.start_fails = ERR_NONE;
        advance(f, 20 * SECOND_MS);
        assert_int_equal(f->fake.count, i + 1);
        answer(f, i, 201);
    }
    assert_int_equal(stats(f).sent, 3);
}

static void test_recorder_drain_sends_what_waits_for_its_minute(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    answer(f, 0, 201);
    for (unsigned i = 0; i < 2; i++) {
        add(f, &edited, &policy);
        answer_all(f, 200);
    }
    assert_int_equal(f->fake.count, 2); /* the third waits */
    recorder_drain(f->recorder);
    assert_int_equal(recorder_pending(f->recorder), 1);
    assert_int_equal(recorder_deadline(f->recorder), 0);
    step(f);
    assert_count(f, 2, 3);
    answer(f, 2, 200);
    assert_int_equal(recorder_pending(f->recorder), 0);
}

static void test_recorder_takes_nothing_once_it_drains(void **state)
{
    struct fixture *f = *state;

    recorder_drain(f->recorder);
    add(f, &edited, &policy);
    assert_int_equal(f->fake.count, 0);
    assert_int_equal(recorder_pending(f->recorder), 0);
    assert_int_equal(stats(f).dropped, 1);
}

static void test_recorder_tries_nothing_again_once_it_drains(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy); /* in flight */
    add_about(f, 1);
    add_about(f, 2);
    step(f);
    fake_fail(&f->fake, 2, ERR_UNAVAILABLE, "connection reset"); /* waits to be tried again */
    step(f);
    recorder_drain(f->recorder);
    step(f);
    assert_int_equal(f->fake.count, 4);
    fake_fail(&f->fake, 0, ERR_CANCELED, "stopping");
    answer(f, 1, 503);
    fake_fail(&f->fake, 3, ERR_TIMEOUT, "no answer");
    step(f);
    assert_int_equal(f->fake.count, 4);
    assert_int_equal(recorder_pending(f->recorder), 0);
    assert_int_equal(stats(f).dropped, 3);
}

static void test_recorder_still_tells_the_count_of_what_was_in_flight_when_it_drains(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    add(f, &edited, &policy);
    recorder_drain(f->recorder);
    answer(f, 0, 201);
    assert_count(f, 1, 2);
    answer(f, 1, 200);
    assert_int_equal(recorder_pending(f->recorder), 0);
}

static void test_recorder_does_not_wait_a_minute_with_a_count_once_it_drains(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    answer(f, 0, 201);
    add(f, &edited, &policy); /* its patch is in flight */
    add(f, &edited, &policy);
    recorder_drain(f->recorder);
    answer(f, 1, 200);
    assert_count(f, 2, 3);
    answer(f, 2, 200);
    assert_int_equal(recorder_pending(f->recorder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDER_TEST(test_recorder_tries_an_unanswered_creation_again_under_the_same_name),
        RECORDER_TEST(test_recorder_takes_already_exists_after_a_lost_answer_as_created),
        RECORDER_TEST(test_recorder_tells_once_what_the_process_before_may_have_told),
        RECORDER_TEST(test_recorder_takes_another_name_when_somebody_elses_event_has_it),
        RECORDER_TEST(
            test_recorder_gives_up_after_five_tries_and_starts_anew_with_the_next_finding),
        RECORDER_TEST(test_recorder_does_not_repeat_what_the_server_refuses),
        RECORDER_TEST(test_recorder_waits_as_long_as_a_429_asks_with_everything),
        RECORDER_TEST(test_recorder_sends_a_handful_of_requests_while_the_server_is_away),
        RECORDER_TEST(test_recorder_lets_the_others_go_on_when_the_server_trips_over_one_event),
        RECORDER_TEST(test_recorder_goes_on_as_soon_as_the_server_answers_again),
        RECORDER_TEST(test_recorder_makes_an_event_again_that_is_gone_and_tells_its_count),
        RECORDER_TEST(test_recorder_ends_the_series_of_a_namespace_that_is_gone),
        RECORDER_TEST(test_recorder_tries_again_when_the_transport_takes_nothing),
        RECORDER_TEST(test_recorder_drain_sends_what_waits_for_its_minute),
        RECORDER_TEST(test_recorder_takes_nothing_once_it_drains),
        RECORDER_TEST(test_recorder_tries_nothing_again_once_it_drains),
        RECORDER_TEST(test_recorder_still_tells_the_count_of_what_was_in_flight_when_it_drains),
        RECORDER_TEST(test_recorder_does_not_wait_a_minute_with_a_count_once_it_drains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
