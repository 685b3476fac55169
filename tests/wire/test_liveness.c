/* The machine alone, with times that nobody waits for. */
#include "rampart/edge/liveness.h"
#include "support/unit.h"

#define QUIET 30000u

static struct liveness start(void)
{
    struct liveness l;

    liveness_init(&l, QUIET);
    return l;
}

static enum liveness_advice step(struct liveness *l, bool is_busy, uint64_t heard_ms,
                                 uint64_t now_ms, uint64_t next_ms)
{
    uint64_t ret_next_ms = 0;
    enum liveness_advice advice = liveness_step(l, is_busy, heard_ms, now_ms, &ret_next_ms);

    assert_int_equal(ret_next_ms, next_ms);
    return advice;
}

static void test_liveness_rests_while_nothing_is_in_flight(void **state)
{
    struct liveness l = start();

    (void)state;
    assert_int_equal(step(&l, false, 0, 10 * QUIET, UINT64_MAX), LIVENESS_WAIT);
    assert_int_equal(step(&l, true, 0, 10 * QUIET, 11 * QUIET), LIVENESS_WAIT);
    assert_int_equal(step(&l, false, 0, 20 * QUIET, UINT64_MAX), LIVENESS_WAIT);
}

static void test_liveness_probes_after_silence_counted_from_the_last_byte(void **state)
{
    struct liveness l = start();

    (void)state;
    assert_int_equal(step(&l, true, 0, 1000, 1000 + QUIET), LIVENESS_WAIT);
    assert_int_equal(step(&l, true, 5000, 5000, 5000 + QUIET), LIVENESS_WAIT);
    assert_int_equal(step(&l, true, 5000, 4999 + QUIET, 5000 + QUIET), LIVENESS_WAIT);
    assert_int_equal(step(&l, true, 5000, 5000 + QUIET, UINT64_MAX), LIVENESS_PROBE);
    assert_int_equal(step(&l, true, 5000, 5001 + QUIET, UINT64_MAX), LIVENESS_WAIT); /* one */
}

static void test_liveness_counts_from_the_start_when_the_last_byte_is_old(void **state)
{
    struct liveness l = start();

    (void)state;
    assert_int_equal(step(&l, true, 7, 100 * QUIET, 101 * QUIET), LIVENESS_WAIT);
}

static void test_liveness_believes_an_answer_or_any_byte_since_the_probe(void **state)
{
    static const struct {
        bool was_answered;
        uint64_t heard_ms;
        enum liveness_advice advice;
    } cases[] = {
        {true, 0, LIVENESS_WAIT},
        {false, 2 * QUIET + 1, LIVENESS_WAIT},
        {false, QUIET, LIVENESS_LOST},
        {false, 0, LIVENESS_LOST},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct liveness l = start();

        step(&l, true, 0, 0, QUIET);
        assert_int_equal(step(&l, true, 0, 2 * QUIET, UINT64_MAX), LIVENESS_PROBE);
        assert_int_equal(liveness_probe_ended(&l, cases[i].was_answered, cases[i].heard_ms,
                                              3 * QUIET),
                         cases[i].advice);
        /* From here it starts over. */
        assert_int_equal(step(&l, true, 0, 3 * QUIET, 4 * QUIET), LIVENESS_WAIT);
    }
}

static void test_liveness_waits_for_its_probe_when_all_else_ended(void **state)
{
    struct liveness l = start();

    (void)state;
    step(&l, true, 0, 0, QUIET);
    assert_int_equal(step(&l, true, 0, QUIET, UINT64_MAX), LIVENESS_PROBE);
    assert_int_equal(step(&l, false, 0, QUIET + 1, UINT64_MAX), LIVENESS_WAIT);
    assert_int_equal(liveness_probe_ended(&l, false, 0, QUIET + 2), LIVENESS_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_liveness_rests_while_nothing_is_in_flight),
        cmocka_unit_test(test_liveness_probes_after_silence_counted_from_the_last_byte),
        cmocka_unit_test(test_liveness_counts_from_the_start_when_the_last_byte_is_old),
        cmocka_unit_test(test_liveness_believes_an_answer_or_any_byte_since_the_probe),
        cmocka_unit_test(test_liveness_waits_for_its_probe_when_all_else_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
