/* Events: every ceiling, reached; the flood; and memory that runs out. */
#include "sync_recorder.h"

#include "rampart/sync/event_budget.h"
#include "support/sweep.h"

/* Requests of this method so far. */
static size_t count_requests(struct fixture *f, enum http_method method)
{
    size_t count = 0;

    for (size_t i = 0; i < f->fake.count; i++)
        count += f->fake.exchanges[i].request.method == method;
    return count;
}

static void test_recorder_keeps_four_requests_in_flight_in_the_order_of_the_findings(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 10; i++)
        add_about(f, i);
    step(f);
    assert_int_equal(f->fake.count, RECORDER_IN_FLIGHT_MAX);
    assert_int_equal(recorder_pending(f->recorder), 10);
    assert_int_equal(recorder_deadline(f->recorder), UINT64_MAX); /* an answer brings it on */
    answer(f, 2, 201);
    assert_int_equal(f->fake.count, RECORDER_IN_FLIGHT_MAX + 1);
    answer_all(f, 201);
    assert_int_equal(f->fake.count, 10);
    for (unsigned i = 0; i < 10; i++) {
        char start[32];

        (void)snprintf(start, sizeof(start), "policy-%u.", i);
        assert_int_equal(strncmp(posted_name(f, i), start, strlen(start)), 0);
    }
}

static void test_recorder_drops_and_counts_what_comes_to_a_full_queue(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < RECORDER_QUEUE_MAX; i++)
        add_about(f, i);
    assert_int_equal(recorder_pending(f->recorder), RECORDER_QUEUE_MAX);
    assert_int_equal(stats(f).dropped, 0);
    add_about(f, RECORDER_QUEUE_MAX);
    add_about(f, 0); /* a series that waits already is counted, not dropped */
    assert_int_equal(recorder_pending(f->recorder), RECORDER_QUEUE_MAX);
    assert_int_equal(stats(f).dropped, 1);
    assert_contains(f->logged, "the queue is full");
    answer_all(f, 201);
    assert_int_equal(count_requests(f, HTTP_POST), RECORDER_QUEUE_MAX);
    assert_int_equal(count_requests(f, HTTP_PATCH), 1);
    assert_count(f, FAKE_LAST, 2);
}

/* A series for each of objects @from..@to, told to the server. */
static void fill(struct fixture *f, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        add_about(f, i);
        if (i % 500 == 499)
            answer_all(f, 201);
    }
    answer_all(f, 201);
}

static void
test_recorder_forgets_the_series_that_is_idle_longest_when_there_are_too_many(void **state)
{
    struct fixture *f = *state;

    add_about(f, 0);
    answer_all(f, 201);
    f->fake.now_ms = SECOND_MS;
    fill(f, 1, RECORDER_SERIES_MAX);
    f->fake.now_ms = 2 * SECOND_MS;
    fill(f, RECORDER_SERIES_MAX, RECORDER_SERIES_MAX + 1);
    assert_int_equal(count_requests(f, HTTP_POST), RECORDER_SERIES_MAX + 1);
    add_about(f, 2); /* still known */
    answer_all(f, 200);
    assert_count(f, FAKE_LAST, 2);
    add_about(f, 0); /* forgotten: a new Event */
    step(f);
    assert_int_equal(request(f, FAKE_LAST)->method, HTTP_POST);
    answer_all(f, 201);
    assert_int_equal(stats(f).dropped, 0);
}

static void test_recorder_drops_what_is_new_when_every_series_has_something_to_tell(void **state)
{
    struct fixture *f = *state;

    fill(f, 0, RECORDER_SERIES_MAX);
    fill(f, 0, RECORDER_SERIES_MAX); /* count 2, told */
    for (unsigned i = 0; i < RECORDER_SERIES_MAX; i++)
        add_about(f, i); /* count 3, told in a minute */
    add_about(f, RECORDER_SERIES_MAX);
    step(f);
    assert_int_equal(fake_running(&f->fake), 0);
    assert_int_equal(stats(f).dropped, 1);
    assert_contains(f->logged, "too many different Events wait");
    /* More are due at once than the queue holds; none is lost. */
    for (unsigned i = 0; i < 20; i++) {
        advance(f, MINUTE_MS / 4);
        assert_true(recorder_pending(f->recorder) <= RECORDER_QUEUE_MAX);
        answer_all(f, 200);
    }
    assert_int_equal(count_requests(f, HTTP_PATCH), 2 * RECORDER_SERIES_MAX);
    assert_int_equal(stats(f).dropped, 1);
}

static void
test_recorder_lets_an_object_have_25_events_and_one_more_every_five_minutes(void **state)
{
    static const struct object_ref other = {KIND_NETWORK_POLICY, "shop", "other", "u-9"};
    struct fixture *f = *state;

    for (unsigned i = 0; i < 30; i++)
        add_note(f, i);
    answer_all(f, 201);
    assert_int_equal(f->fake.count, RECORDER_BURST);
    assert_int_equal(stats(f).dropped, 5);
    add(f, &edited, &other); /* has a bucket of its own */
    answer_all(f, 201);
    assert_int_equal(f->fake.count, RECORDER_BURST + 1);
    advance(f, RECORDER_REFILL_MS - 1);
    add_note(f, 100);
    assert_int_equal(recorder_pending(f->recorder), 0);
    advance(f, 1);
    add_note(f, 100);
    add_note(f, 101);
    answer_all(f, 201);
    assert_int_equal(f->fake.count, RECORDER_BURST + 2);
    advance(f, 100 * RECORDER_REFILL_MS); /* full again, and no fuller */
    for (unsigned i = 200; i < 300; i++)
        add_note(f, i);
    answer_all(f, 201);
    assert_int_equal(f->fake.count, 2 * RECORDER_BURST + 2);
}

static void test_recorder_counts_an_equal_finding_without_taking_from_the_burst(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < RECORDER_BURST; i++)
        add_note(f, i);
    answer_all(f, 201);
    add_note(f, 3);
    answer_all(f, 200);
    assert_count(f, FAKE_LAST, 2);
    assert_int_equal(stats(f).dropped, 0);
}

static void test_recorder_makes_one_event_of_100000_equal_findings_in_a_minute(void **state)
{
    struct fixture *f = *state;
    size_t live;

    add_only(f, &edited, &policy);
    live = mem_live();
    for (unsigned i = 1; i < 100000; i++) {
        f->fake.now_ms = (uint64_t)i * MINUTE_MS / 100000;
        add_only(f, &edited, &policy);
        if (i % 100 == 0) {
            step(f);
            answer_all(f, 200);
        }
    }
    assert_int_equal(mem_live(), live);
    advance(f, MINUTE_MS);
    assert_count(f, FAKE_LAST, 100000);
    answer_all(f, 200);
    assert_int_equal(count_requests(f, HTTP_POST), 1);
    assert_true(count_requests(f, HTTP_PATCH) <= 3);
    assert_int_equal(stats(f).dropped, 0);
}

static void test_recorder_bounds_what_100000_different_findings_in_a_minute_cause(void **state)
{
    struct fixture *f = *state;
    unsigned objects = 10;

    for (unsigned i = 0; i < 100000; i++) {
        struct object_ref ref = policy;
        struct finding finding = edited;
        char note[32], name[32];

        f->fake.now_ms = (uint64_t)i * MINUTE_MS / 100000;
        (void)snprintf(note, sizeof(note), "drift %u", i);
        (void)snprintf(name, sizeof(name), "policy-%u", i % objects);
        finding.message = note;
        ref.name = name;
        add_only(f, &finding, &ref);
        if (i % 100 == 0)
            answer_all(f, 201);
    }
    answer_all(f, 201);
    assert_int_equal(f->fake.count, objects * RECORDER_BURST);
    assert_int_equal(stats(f).dropped, 100000 - objects * RECORDER_BURST);
}

static void test_recorder_logs_drops_once_a_minute_with_their_number(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < RECORDER_BURST + 50; i++)
        add_note(f, i);
    assert_int_equal(f->log.written_count, 1);
    assert_contains(f->logged, "\"dropped_total\":1");
    f->fake.now_ms = MINUTE_MS;
    add_note(f, 1000);
    assert_int_equal(f->log.written_count, 2);
    assert_contains(f->logged, "\"dropped_total\":51");
    answer_all(f, 201);
}

static void test_event_budget_forgets_the_fullest_bucket_when_there_are_too_many(void **state)
{
    struct event_budget budget;
    struct object_ref ref = policy;
    char name[32];

    (void)state;
    event_budget_init(&budget, 2, 1000);
    assert_true(event_budget_take(&budget, &policy, 0));
    assert_true(event_budget_take(&budget, &policy, 0));
    for (unsigned i = 0; i < EVENT_BUDGET_OBJECTS_MAX + 100; i++) {
        (void)snprintf(name, sizeof(name), "other-%u", i);
        ref.name = name;
        assert_true(event_budget_take(&budget, &ref, 0));
    }
    assert_int_equal(event_budget_objects(&budget), EVENT_BUDGET_OBJECTS_MAX);
    assert_false(event_budget_take(&budget, &policy, 999)); /* the emptiest stayed */
    assert_true(event_budget_take(&budget, &policy, 1000));
    ref.name = "late";
    assert_true(event_budget_take(&budget, &ref, 5000)); /* full ones go by themselves */
    assert_int_equal(event_budget_objects(&budget), 1);
    event_budget_done(&budget);
}

static int make_recorder(void *ctx, struct err *err)
{
    struct recorder *r = recorder_new(ctx, NULL, "rampart-0", 7, err);

    if (!r)
        return -1;
    recorder_free(r);
    return 0;
}

static void test_recorder_new_survives_every_allocation_that_fails(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(sweep(make_recorder, &f->fake.transport), 2);
}

/* A finding, its Event, an equal one, its patch. What does not fit is dropped or tried again. */
static int record(void *ctx, struct err *err)
{
    struct fake_transport fake;
    struct recorder *r;
    uint64_t live = mem_live();

    (void)ctx;
    fake_init(&fake);
    r = recorder_new(&fake.transport, NULL, "rampart-0", 7, err);
    if (!r) {
        fake_done(&fake);
        return -1;
    }
    for (unsigned turn = 0; turn < 8; turn++) {
        recorder_add(r, &edited, "Reconcile", &policy, &policy, fake.now_ms, WALL_MS);
        recorder_step(r, fake.now_ms, WALL_MS);
        for (size_t i = 0; i < fake.count; i++) {
            if (fake.exchanges[i].state == FAKE_RUNNING)
                fake_answer(&fake, i, 201, NULL, "{}");
        }
        fake.now_ms += MINUTE_MS;
    }
    assert_true(fake.count >= 7); /* at most one finding was lost */
    recorder_free(r);
    assert_int_equal(mem_live(), live);
    fake_done(&fake);
    return 0;
}

static void test_recorder_loses_at_most_a_finding_to_an_allocation_that_fails(void **state)
{
    (void)state;
    assert_true(sweep_tolerant(record, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDER_TEST(test_recorder_keeps_four_requests_in_flight_in_the_order_of_the_findings),
        RECORDER_TEST(test_recorder_drops_and_counts_what_comes_to_a_full_queue),
        RECORDER_TEST(
            test_recorder_forgets_the_series_that_is_idle_longest_when_there_are_too_many),
        RECORDER_TEST(test_recorder_drops_what_is_new_when_every_series_has_something_to_tell),
        RECORDER_TEST(test_recorder_lets_an_object_have_25_events_and_one_more_every_five_minutes),
        RECORDER_TEST(test_recorder_counts_an_equal_finding_without_taking_from_the_burst),
        RECORDER_TEST(test_recorder_makes_one_event_of_100000_equal_findings_in_a_minute),
        RECORDER_TEST(test_recorder_bounds_what_100000_different_findings_in_a_minute_cause),
        RECORDER_TEST(test_recorder_logs_drops_once_a_minute_with_their_number),
        cmocka_unit_test(test_event_budget_forgets_the_fullest_bucket_when_there_are_too_many),
        RECORDER_TEST(test_recorder_new_survives_every_allocation_that_fails),
        cmocka_unit_test(test_recorder_loses_at_most_a_finding_to_an_allocation_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
