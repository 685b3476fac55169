#include "rampart/sync/backoff.h"

#include "support/unit.h"

static const struct backoff_policy plain = {.first_ms = 5, .max_ms = 1000};

static void test_backoff_doubles_from_first_to_max(void **state)
{
    static const uint32_t delays[] = {5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000};
    struct backoff b;

    (void)state;
    backoff_init(&b, &plain);
    for (size_t i = 0; i < COUNT_OF(delays); i++)
        assert_int_equal(backoff_next(&b, 0, 0, NULL), delays[i]);
}

static void test_backoff_starts_anew_after_reset(void **state)
{
    struct backoff b;

    (void)state;
    backoff_init(&b, &plain);
    for (int i = 0; i < 7; i++)
        (void)backoff_next(&b, 0, 0, NULL);
    backoff_reset(&b);
    assert_int_equal(backoff_next(&b, 0, 0, NULL), 5);
}

static void test_backoff_without_reset_time_never_forgets(void **state)
{
    struct backoff b;

    (void)state;
    backoff_init(&b, &plain);
    (void)backoff_next(&b, 0, 0, NULL);
    assert_int_equal(backoff_next(&b, UINT64_MAX, 0, NULL), 10);
}

static void test_backoff_of_reflector_is_forgotten_after_two_quiet_minutes(void **state)
{
    struct backoff b;
    struct rng rng;
    uint32_t delay_ms;

    (void)state;
    rng_init(&rng, 1);
    backoff_init(&b, &backoff_reflector);
    for (int i = 0; i < 10; i++)
        (void)backoff_next(&b, 1000, 0, &rng);
    delay_ms = backoff_next(&b, 1000 + 120000, 0, &rng);
    assert_in_range(delay_ms, 30000, 60000);
    delay_ms = backoff_next(&b, 1000 + 120000 + 120001, 0, &rng);
    assert_in_range(delay_ms, 800, 1600);
}

static void test_backoff_jitter_spreads_over_d_to_2d_and_reaches_both_ends(void **state)
{
    static const struct backoff_policy small = {.first_ms = 4, .max_ms = 4, .jitter_percent = 100};
    bool seen[5] = {false};
    struct backoff b;
    struct rng rng;

    (void)state;
    rng_init(&rng, 7);
    backoff_init(&b, &small);
    for (int i = 0; i < 500; i++) {
        uint32_t delay_ms = backoff_next(&b, 0, 0, &rng);

        assert_in_range(delay_ms, 4, 8);
        seen[delay_ms - 4] = true;
    }
    for (size_t i = 0; i < COUNT_OF(seen); i++)
        assert_true(seen[i]);
}

static void test_backoff_waits_at_least_what_the_server_asks_for(void **state)
{
    struct backoff b;

    (void)state;
    backoff_init(&b, &plain);
    assert_int_equal(backoff_next(&b, 0, 32000, NULL), 32000);
    assert_int_equal(backoff_next(&b, 0, 3, NULL), 10);
}

static void test_backoff_of_work_queue_ends_at_1000_s_after_any_number_of_failures(void **state)
{
    struct backoff b;

    (void)state;
    backoff_init(&b, &backoff_workqueue);
    b.attempt = 17;
    assert_int_equal(backoff_next(&b, 0, 0, NULL), 655360);
    assert_int_equal(backoff_next(&b, 0, 0, NULL), 1000000);
    b.attempt = UINT32_MAX;
    assert_int_equal(backoff_next(&b, 0, 0, NULL), 1000000);
    assert_int_equal(b.attempt, UINT32_MAX);
}

static void test_backoff_is_the_same_for_the_same_seed(void **state)
{
    struct backoff one, other;
    struct rng rng_one, rng_other;

    (void)state;
    rng_init(&rng_one, 42);
    rng_init(&rng_other, 42);
    backoff_init(&one, &backoff_reflector);
    backoff_init(&other, &backoff_reflector);
    for (int i = 0; i < 20; i++)
        assert_int_equal(backoff_next(&one, 0, 0, &rng_one),
                         backoff_next(&other, 0, 0, &rng_other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_doubles_from_first_to_max),
        cmocka_unit_test(test_backoff_starts_anew_after_reset),
        cmocka_unit_test(test_backoff_without_reset_time_never_forgets),
        cmocka_unit_test(test_backoff_of_reflector_is_forgotten_after_two_quiet_minutes),
        cmocka_unit_test(test_backoff_jitter_spreads_over_d_to_2d_and_reaches_both_ends),
        cmocka_unit_test(test_backoff_waits_at_least_what_the_server_asks_for),
        cmocka_unit_test(test_backoff_of_work_queue_ends_at_1000_s_after_any_number_of_failures),
        cmocka_unit_test(test_backoff_is_the_same_for_the_same_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
