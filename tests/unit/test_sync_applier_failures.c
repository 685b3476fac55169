/* Plans that do not succeed: what is sent no more, what the caches learn, what the caller is told.
 */
#include "sync_applier.h"

#include "rampart/sync/frames.h"

static void test_applier_ends_a_plan_at_the_write_that_the_server_refuses(void **state)
{
    static const struct {
        int status;
        const char *reason;
        enum err_code code;
    } rows[] = {
        {400, "BadRequest", ERR_REFUSED},        {401, "Unauthorized", ERR_UNAUTHORIZED},
        {403, "Forbidden", ERR_FORBIDDEN},       {413, "RequestEntityTooLarge", ERR_REFUSED},
        {422, "Invalid", ERR_REFUSED},           {429, "TooManyRequests", ERR_THROTTLED},
        {500, "InternalError", ERR_UNAVAILABLE}, {503, "Unavailable", ERR_UNAVAILABLE},
        {504, "Timeout", ERR_TIMEOUT},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        add_create(f, "a");
        add_create(f, "b");
        start(f);
        answer(f, i, rows[i].status, fake_status(rows[i].status, rows[i].reason, NULL, "no"));
        assert_int_equal(f->fake.count, i + 1); /* "b" was not sent */
        assert_failed(f, rows[i].code, "create NetworkPolicy a (namespace shop): ");
        assert_string_equal(last(f)->failed, "create NetworkPolicy a");
        assert_int_equal(last(f)->result.err.http_status, rows[i].status);
        assert_null(held(f, "a"));
    }
    assert_int_equal(stats(f).failures, COUNT_OF(rows));
    assert_string_equal(f->logged, ""); /* whoever is told logs it */
}

static void test_applier_hands_on_how_long_the_server_wants_to_be_left_alone(void **state)
{
    struct fixture *f = *state;

    add_create(f, "a");
    start(f);
    fake_answer(&f->fake, 0, 429, "7", "");
    assert_int_equal(last(f)->result.err.retry_after_ms, 7001);
}

static void test_applier_ends_a_plan_whose_write_is_not_answered(void **state)
{
    static const enum err_code codes[] = {ERR_UNAVAILABLE, ERR_TIMEOUT,      ERR_LIMIT,
                                          ERR_NOMEM,       ERR_UNAUTHORIZED, ERR_CANCELED};
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        add_create(f, "a");
        add_create(f, "b");
        start(f);
        fake_fail(&f->fake, i, codes[i], "the cable was cut");
        assert_failed(f, codes[i], "create NetworkPolicy a (namespace shop): the cable was cut");
    }
}

static void
test_applier_ends_a_plan_in_the_step_when_its_first_write_cannot_be_started(void **state)
{
    struct fixture *f = *state;

    f->fake.start_fails = ERR_LIMIT;
    add_create(f, "a");
    start(f);
    assert_int_equal(f->done_count, 0);
    applier_step(f->applier, 0);
    assert_int_equal(f->done_count, 1);
    assert_failed(f, ERR_LIMIT, "create NetworkPolicy a");
}

static void test_applier_ends_a_plan_when_a_later_write_cannot_be_started(void **state)
{
    struct fixture *f = *state;

    add_create(f, "a");
    add_create(f, "b");
    start(f);
    f->fake.start_fails = ERR_LIMIT;
    answer(f, 0, 201, policy_json("a", "u1", "100", ""));
    assert_int_equal(last(f)->result.outcome, APPLY_FAILED);
    assert_int_equal(last(f)->result.writes_done, 1);
    assert_string_equal(last(f)->failed, "create NetworkPolicy b");
    assert_held(f, "a", "u1", "100");
}

static void test_applier_takes_no_write_as_done_when_the_answer_is_not_the_object(void **state)
{
    static const struct {
        int status;
        const char *body;
    } rows[] = {
        {200, "<html><body>Please log in</body></html>"},
        {201, ""},
        {201, "{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"a\",\"namespa"},
        {201, "{}"},
        {201, "[]"},
        {201, "{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"a\",\"namespace\":\"shop\"}}"},
        {201, "{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"x\",\"namespace\":\"shop\","
              "\"uid\":\"u1\",\"resourceVersion\":\"1\"}}"},
        {201, "{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"a\",\"namespace\":\"bar\","
              "\"uid\":\"u1\",\"resourceVersion\":\"1\"}}"},
        {201, "{\"kind\":\"Table\",\"metadata\":{\"name\":\"a\",\"namespace\":\"shop\","
              "\"uid\":\"u1\",\"resourceVersion\":\"1\"}}"},
        {200, "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Success\"}"},
        {201, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"shop\",\"uid\":\"u1\","
              "\"resourceVersion\":\"1\"}}{}"},
        {201, "{\"metadata\":{\"name\":\"a\",\"name\":\"a\",\"namespace\":\"shop\"}}"},
        {201, NULL}, /* too large to be read */
    };
    struct fixture *f = *state;
    char *large = malloc(FRAMES_OBJECT_LEN_MAX + 200);

    (void)snprintf(large, FRAMES_OBJECT_LEN_MAX + 200,
                   "{\"metadata\":{\"name\":\"a\",\"namespace\":\"shop\",\"uid\":\"u1\","
                   "\"resourceVersion\":\"1\"},\"spec\":{\"x\":\"%0*d\"}}",
                   (int)FRAMES_OBJECT_LEN_MAX, 0);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        add_create(f, "a");
        add_create(f, "deny");
        start(f);
        answer(f, i, rows[i].status, rows[i].body ? rows[i].body : large);
        assert_int_equal(f->fake.count, i + 1); /* no deny without its allow */
        assert_failed(f, ERR_INVALID, "create NetworkPolicy a (namespace shop): ");
        assert_null(held(f, "a"));
    }
    free(large);
}

static void test_applier_goes_on_when_only_the_cache_does_not_take_the_answer(void **state)
{
    struct fixture *f = *state;

    add_create(f, "a");
    add_create(f, "b");
    start(f);
    answer(f, 0, 201,
           "{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"a\",\"namespace\":\"shop\","
           "\"resourceVersion\":\"100\"},\"spec\":{}}");
    assert_null(held(f, "a"));
    assert_contains(f->logged, "an answer was not kept");
    answer(f, 1, 201, policy_json("b", "u2", "101", ""));
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
    assert_int_equal(last(f)->result.writes_done, 2);
}

static void test_applier_does_not_take_back_what_the_watch_has_told_since(void **state)
{
    struct fixture *f = *state;

    add_create(f, "a");
    start(f);
    hold(f, "a", "u1", "105");
    answer(f, 0, 201, policy_json("a", "u1", "100", ""));
    assert_held(f, "a", "u1", "105");
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
}

static void test_applier_asks_before_each_deletion_and_stops_at_a_no(void **state)
{
    struct fixture *f = *state;

    f->refuses_deletions = true;
    hold(f, "b", "u2", "90");
    add_create(f, "a");
    add_delete(f, "b", "u2", "90");
    add_create(f, "c");
    start(f);
    answer(f, 0, 201, policy_json("a", "u1", "100", ""));
    assert_int_equal(f->fake.count, 1);
    assert_int_equal(last(f)->result.outcome, APPLY_FAILED);
    assert_int_equal(last(f)->result.err.code, ERR_LIMIT);
    assert_contains(last(f)->result.err.msg, "delete NetworkPolicy b (namespace shop): not sent");
    assert_int_equal(last(f)->result.writes_done, 1);
    assert_held(f, "b", "u2", "90");
    assert_int_equal(stats(f).deletes, 0);
}

static void test_applier_drain_lets_what_is_in_flight_end_and_sends_no_more(void **state)
{
    struct fixture *f = *state;

    add_create(f, "a");
    add_create(f, "b");
    start(f);
    applier_drain(f->applier);
    assert_false(applier_has_room(f->applier));
    answer(f, 0, 201, policy_json("a", "u1", "100", ""));
    assert_held(f, "a", "u1", "100");
    assert_contains(f->logged, "\"msg\":\"created\"");
    assert_int_equal(f->fake.count, 1);
    assert_int_equal(last(f)->result.outcome, APPLY_CANCELED);
    assert_int_equal(last(f)->result.writes_done, 1);
    assert_null(last(f)->result.failed);
    assert_int_equal(last(f)->result.err.code, ERR_NONE);
    assert_int_equal(applier_in_flight(f->applier), 0);
}

static void test_applier_drain_tells_what_became_of_the_write_in_flight(void **state)
{
    static const struct {
        int status; /* 0: no answer */
        const char *reason;
        enum apply_outcome outcome;
    } rows[] = {
        {0, NULL, APPLY_CANCELED},
        {201, NULL, APPLY_DONE}, /* nothing was left to do */
        {409, "AlreadyExists", APPLY_CANCELED},
        {500, "InternalError", APPLY_FAILED},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *fresh;
        struct fixture *f;

        (void)setup(&fresh);
        f = fresh;
        add_create(f, "a");
        start(f);
        applier_drain(f->applier);
        if (rows[i].status == 0)
            fake_fail(&f->fake, 0, ERR_CANCELED, "stopping");
        else if (rows[i].status == 201)
            answer(f, 0, 201, policy_json("a", "u1", "100", ""));
        else
            answer(f, 0, rows[i].status, fake_status(rows[i].status, rows[i].reason, NULL, "no"));
        assert_int_equal(last(f)->result.outcome, rows[i].outcome);
        assert_int_equal(last(f)->result.err.code == ERR_NONE, rows[i].outcome != APPLY_FAILED);
        assert_int_equal(f->fake.count, 1);
        assert_int_equal(applier_in_flight(f->applier), 0);
        (void)teardown(&fresh);
    }
    (void)state;
}

static void test_applier_takes_no_plan_once_it_drains(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};

    applier_drain(f->applier);
    add_create(f, "a");
    assert_int_equal(applier_start(f->applier, "ns/shop", &f->arena, &f->plan, 0, &err), -1);
    assert_int_equal(err.code, ERR_CANCELED);
    assert_int_equal(f->plan.writes_count, 1);
    assert_int_equal(f->fake.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        APPLIER_TEST(test_applier_ends_a_plan_at_the_write_that_the_server_refuses),
        APPLIER_TEST(test_applier_hands_on_how_long_the_server_wants_to_be_left_alone),
        APPLIER_TEST(test_applier_ends_a_plan_whose_write_is_not_answered),
        APPLIER_TEST(test_applier_ends_a_plan_in_the_step_when_its_first_write_cannot_be_started),
        APPLIER_TEST(test_applier_ends_a_plan_when_a_later_write_cannot_be_started),
        APPLIER_TEST(test_applier_takes_no_write_as_done_when_the_answer_is_not_the_object),
        APPLIER_TEST(test_applier_goes_on_when_only_the_cache_does_not_take_the_answer),
        APPLIER_TEST(test_applier_does_not_take_back_what_the_watch_has_told_since),
        APPLIER_TEST(test_applier_asks_before_each_deletion_and_stops_at_a_no),
        APPLIER_TEST(test_applier_drain_lets_what_is_in_flight_end_and_sends_no_more),
        APPLIER_TEST(test_applier_drain_tells_what_became_of_the_write_in_flight),
        APPLIER_TEST(test_applier_takes_no_plan_once_it_drains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
