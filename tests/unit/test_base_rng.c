#include "rampart/base/rng.h"
#include "support/unit.h"

static void test_the_sequence_is_that_of_splitmix64(void **state)
{
    /* from the reference implementation, seed 1234567 */
    static const uint64_t expected[] = {6457827717110365317u, 3203168211198807973u,
                                        9817491932198370423u, 4593380528125082431u,
                                        16408922859458223821u};
    struct rng r;

    (void)state;
    rng_init(&r, 1234567);
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_int_equal(rng_next(&r), expected[i]);
}

static void test_the_same_seed_gives_the_same_numbers(void **state)
{
    struct rng a, b, c;
    bool has_differed = false;

    (void)state;
    rng_init(&a, 7);
    rng_init(&b, 7);
    rng_init(&c, 8);
    for (int i = 0; i < 100; i++) {
        uint64_t number = rng_next(&a);

        assert_int_equal(number, rng_next(&b));
        has_differed = has_differed || number != rng_next(&c);
    }
    assert_true(has_differed);
}

static void test_below_stays_below_and_reaches_everything(void **state)
{
    unsigned seen[7] = {0};
    struct rng r;

    (void)state;
    rng_init(&r, 3);
    for (int i = 0; i < 7000; i++) {
        uint64_t number = rng_below(&r, 7);

        assert_true(number < 7);
        seen[number]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 850, 1150);
    assert_int_equal(rng_below(&r, 1), 0);
}

static void test_below_is_even_where_most_draws_must_be_repeated(void **state)
{
    const uint64_t limit = (UINT64_C(1) << 63) + 1; /* nearly half of all numbers are refused */
    int low = 0;
    struct rng r;

    (void)state;
    rng_init(&r, 5);
    for (int i = 0; i < 2000; i++) {
        uint64_t number = rng_below(&r, limit);

        assert_true(number < limit);
        low += number < limit / 2;
    }
    assert_in_range(low, 900, 1100);
}

static void test_range_includes_both_ends(void **state)
{
    bool has_low = false, has_high = false;
    struct rng r;

    (void)state;
    rng_init(&r, 9);
    for (int i = 0; i < 100; i++) {
        uint64_t number = rng_range(&r, 10, 12);

        assert_in_range(number, 10, 12);
        has_low = has_low || number == 10;
        has_high = has_high || number == 12;
    }
    assert_true(has_low && has_high);
    assert_int_equal(rng_range(&r, 5, 5), 5);
    assert_int_equal(rng_range(&r, UINT64_MAX, UINT64_MAX), UINT64_MAX);
}

static void test_the_whole_range_is_a_range(void **state)
{
    struct rng a, b;

    (void)state;
    rng_init(&a, 1);
    rng_init(&b, 1);
    assert_int_equal(rng_range(&a, 0, UINT64_MAX), rng_next(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_sequence_is_that_of_splitmix64),
        cmocka_unit_test(test_the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(test_below_stays_below_and_reaches_everything),
        cmocka_unit_test(test_below_is_even_where_most_draws_must_be_repeated),
        cmocka_unit_test(test_range_includes_both_ends),
        cmocka_unit_test(test_the_whole_range_is_a_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
