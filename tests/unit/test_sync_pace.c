/* How fast one namespace is written to when somebody undoes each write. */
#include "support/unit.h"

#include "rampart/sync/pace.h"

/* Rounds as fast as they may be, until @until_ms; returns how many. */
static unsigned rush(struct pace *p, uint64_t *now_ms, uint64_t until_ms)
{
    unsigned rounds = 0;

    for (;;) {
        uint64_t due_ms = pace_due(p, *now_ms);

        if (due_ms > *now_ms)
            *now_ms = due_ms;
        if (*now_ms > until_ms)
            return rounds;
        (void)pace_take(p, *now_ms);
        rounds++;
    }
}

static void test_pace_lets_the_first_rounds_through_at_once(void **state)
{
    struct pace p = {0};

    (void)state;
    for (unsigned i = 0; i < PACE_FREE; i++) {
        assert_true(pace_due(&p, 5000) <= 5000);
        assert_int_equal(pace_take(&p, 5000), i == PACE_FREE - 1);
    }
    assert_int_equal(pace_due(&p, 5000), 5000 + PACE_FIRST_MS);
}

static void test_pace_doubles_the_wait_up_to_ten_seconds(void **state)
{
    static const uint64_t waits_ms[] = {250, 500, 1000, 2000, 4000, 8000};
    struct pace p = {.last_ms = 1000, .rounds = PACE_FREE};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(waits_ms); i++) {
        uint64_t due_ms = pace_due(&p, p.last_ms);

        assert_int_equal(due_ms - p.last_ms, waits_ms[i]);
        assert_true(pace_take(&p, due_ms));
    }
    assert_int_equal(pace_due(&p, p.last_ms) - p.last_ms, PACE_MAX_MS);
}

static void test_pace_is_quiet_a_minute_after_the_last_round(void **state)
{
    struct pace p = {0};

    (void)state;
    (void)pace_take(&p, 5000);
    assert_int_equal(pace_quiet(&p), 5000 + 60000);
    (void)pace_take(&p, 50000);
    assert_int_equal(pace_quiet(&p), 50000 + 60000);
}

static void test_pace_never_gives_up_and_never_waits_longer(void **state)
{
    struct pace p = {0};
    uint64_t now_ms = 1000;

    (void)state;
    (void)rush(&p, &now_ms, 3600000);
    assert_in_range(rush(&p, &now_ms, 2 * 3600000), 340, 380);
}

static void test_pace_forgets_a_contest_that_is_over(void **state)
{
    struct pace p = {0};
    uint64_t now_ms = 1000;

    (void)state;
    (void)rush(&p, &now_ms, 3600000);
    now_ms += 50ull * PACE_CALM_MS;
    assert_in_range(rush(&p, &now_ms, now_ms), PACE_FREE, PACE_FREE);
}

/* Rounds that began before the pace could slow them down count, and the wait stays bounded. */
static void test_pace_waits_ten_seconds_at_most_after_any_number_of_rounds(void **state)
{
    static const uint32_t rounds[] = {PACE_FREE + 6, PACE_FREE + 7, 1000, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rounds); i++) {
        struct pace p = {.last_ms = 5000, .rounds = rounds[i]};

        assert_int_equal(pace_due(&p, 5000), 5000 + PACE_MAX_MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace_lets_the_first_rounds_through_at_once),
        cmocka_unit_test(test_pace_doubles_the_wait_up_to_ten_seconds),
        cmocka_unit_test(test_pace_is_quiet_a_minute_after_the_last_round),
        cmocka_unit_test(test_pace_never_gives_up_and_never_waits_longer),
        cmocka_unit_test(test_pace_forgets_a_contest_that_is_over),
        cmocka_unit_test(test_pace_waits_ten_seconds_at_most_after_any_number_of_rounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
