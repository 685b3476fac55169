#include "support/unit.h"

#include <string.h>

#include "rampart/kube/quantity.h"

static void test_quantities_are_read_as_the_api_means_them(void **state)
{
    static const struct {
        const char *text;
        long double amount;
    } rows[] = {
        {"0", 0},
        {"128974848", 128974848},
        {"129e6", 129000000},
        {"129E6", 129000000},
        {"1e+3", 1000},
        {"1500e-3", 1.5L},
        {"129M", 129000000},
        {"123Mi", 123 * 1024.0L * 1024},
        {"1Ki", 1024},
        {"1k", 1000},
        {"1Ei", 1152921504606846976.0L},
        {"1E", 1000000000000000000.0L},
        {"0.5", 0.5L},
        {".5Gi", 512 * 1024.0L * 1024},
        {"1.", 1},
        {"1.5Gi", 1536 * 1024.0L * 1024},
        {"500m", 0.5L},
        {"+1", 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        long double amount = -1;

        if (!quantity_read(rows[i].text, &amount) || amount != rows[i].amount)
            fail_msg("%s: %Lf", rows[i].text, amount);
    }
}

static void test_nanos_and_micros_are_parts_of_a_whole(void **state)
{
    long double one, other;

    (void)state;
    assert_true(quantity_read("1000n", &one));
    assert_true(quantity_read("1u", &other));
    assert_true(one - other < 1e-12L && other - one < 1e-12L);
}

static void test_what_is_no_quantity_is_refused_and_leaves_the_amount(void **state)
{
    static const char *const rows[] = {
        "",           "-1",       "Mi",   ".",     "1 Mi", "1mi",  "1KI",  "1kI", "1e",
        "1e+",        "1eM",      "1e31", "1e-31", "0x10", "1,5",  "1.2.", "++1", "1Mi ",
        "1e99999999", "Infinity", "NaN",  "1\n",   "1e3x", "\xff", "1Zi",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        long double amount = 7;

        if (quantity_read(rows[i], &amount) || amount != 7)
            fail_msg("\"%s\" was read", rows[i]);
    }
}

static void test_a_long_row_of_digits_is_a_large_amount_and_no_overflow(void **state)
{
    char text[1025];
    long double amount = 0;

    (void)state;
    memset(text, '9', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_true(quantity_read(text, &amount));
    assert_true(amount > 1e30L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantities_are_read_as_the_api_means_them),
        cmocka_unit_test(test_nanos_and_micros_are_parts_of_a_whole),
        cmocka_unit_test(test_what_is_no_quantity_is_refused_and_leaves_the_amount),
        cmocka_unit_test(test_a_long_row_of_digits_is_a_large_amount_and_no_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
