/* Events about objects of any shape, and answers that come at the last try. */
#include "sync_recorder.h"

#include "rampart/sync/event_series.h"

/* Cluster-scoped, without a uid, without a message: whatever a finding leaves out. */
static void test_recorder_sends_an_event_about_an_object_of_which_little_is_known(void **state)
{
    static const struct object_ref profile = {KIND_PROFILE, NULL, "restricted", NULL};
    static const struct object_ref related = {KIND_NAMESPACE, NULL, "shop", NULL};
    static const struct object_ref nobody = {KIND_NAMESPACE, "", NULL, ""};
    struct finding finding = {.reason = REASON_WRITE_FAILED};
    struct fixture *f = *state;

    recorder_add(f->recorder, &finding, "Reconcile", &profile, &related, f->fake.now_ms, wall(f));
    recorder_add(f->recorder, &finding, "Reconcile", &profile, &nobody, f->fake.now_ms, wall(f));
    step(f);
    assert_int_equal(f->fake.count, 2);
    assert_contains(request(f, 0)->body, "\"regarding\":{\"apiVersion\":\"rampart.dev/v1alpha1\"");
    assert_contains(request(f, 0)->body, "\"related\":{\"apiVersion\":\"v1\"");
    assert_null(strstr(request(f, 1)->body, "\"related\""));
    answer_all(f, 201);
    assert_int_equal(stats(f).sent, 2);
    /* It is one series all the same. */
    recorder_add(f->recorder, &finding, "Reconcile", &profile, &related, f->fake.now_ms, wall(f));
    step(f);
    assert_count(f, 2, 2);
    answer_all(f, 200);
}

static void test_recorder_gives_every_event_a_name_that_the_server_takes(void **state)
{
    static const struct {
        const char *object;
        const char *prefix;
    } rows[] = {
        {"shop", "shop."},
        {"v1.example.com", "v1.example.com."},
        {"ends-in-dashes--", "ends-in-dashes."},
        {"system:node", "rampart."},
        {"Shop", "rampart."},
        {"---", "rampart."},
        {".", "rampart."},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct object_ref ref = {KIND_NETWORK_POLICY, "shop", rows[i].object, "u"};

        add(f, &edited, &ref);
        assert_int_equal(strncmp(posted_name(f, i), rows[i].prefix, strlen(rows[i].prefix)), 0);
        answer(f, i, 201);
    }
}

static void test_recorder_gives_up_a_name_that_is_always_taken(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    for (unsigned i = 0; i < RECORDER_TRIES_MAX; i++) {
        assert_int_equal(f->fake.count, i + 1);
        fake_answer(&f->fake, i, 409, NULL, fake_status(409, "AlreadyExists", NULL, "taken"));
        step(f);
    }
    assert_int_equal(f->fake.count, RECORDER_TRIES_MAX);
    assert_int_equal(stats(f).dropped, 1);
    assert_contains(f->logged, "taken");
}

/* Made, then its count cannot be told: four times the server trips, the fifth time it is gone. */
static void test_recorder_gives_up_a_count_whose_event_is_gone_at_the_last_try(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    answer(f, 0, 201);
    add(f, &edited, &policy);
    for (unsigned i = 1; i < RECORDER_TRIES_MAX; i++) {
        answer(f, i, 500);
        advance(f, 76 * SECOND_MS);
    }
    fake_answer(&f->fake, FAKE_LAST, 404, NULL, fake_status(404, "NotFound", NULL, "gone"));
    step(f);
    assert_int_equal(stats(f).dropped, 1);
    assert_int_equal(recorder_pending(f->recorder), 0);
}

/* Nothing below 200 is an answer (a proxy's 1xx that was passed on). */
static void test_recorder_takes_no_answer_below_200_for_a_success(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    answer(f, 0, 102);
    assert_int_equal(stats(f).sent, 0);
    advance(f, 76 * SECOND_MS); /* it is tried again */
    answer(f, 1, 201);
    assert_int_equal(stats(f).sent, 1);
}

static void test_recorder_drops_an_event_about_a_name_that_is_too_long_to_count(void **state)
{
    struct fixture *f = *state;
    struct object_ref ref = policy;
    char *name = text_repeat("n", 100000);

    ref.name = name;
    add(f, &edited, &ref);
    assert_int_equal(f->fake.count, 0);
    assert_int_equal(stats(f).dropped, 1);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDER_TEST(test_recorder_sends_an_event_about_an_object_of_which_little_is_known),
        RECORDER_TEST(test_recorder_gives_every_event_a_name_that_the_server_takes),
        RECORDER_TEST(test_recorder_gives_up_a_name_that_is_always_taken),
        RECORDER_TEST(test_recorder_gives_up_a_count_whose_event_is_gone_at_the_last_try),
        RECORDER_TEST(test_recorder_takes_no_answer_below_200_for_a_success),
        RECORDER_TEST(test_recorder_drops_an_event_about_a_name_that_is_too_long_to_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
