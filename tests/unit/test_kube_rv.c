#include "kube_fixture.h"

#include "rampart/kube/rv.h"

static void test_rv_compares_decimal_numbers_of_any_length(void **state)
{
    static const struct {
        const char *one;
        const char *other;
        enum rv_order order;
    } rows[] = {
        {"1", "1", RV_EQUAL},
        {"219", "222", RV_OLDER},
        {"222", "219", RV_NEWER},
        {"9", "10", RV_OLDER},
        {"100", "99", RV_NEWER},
        {"18446744073709551615", "18446744073709551616", RV_OLDER},
        {"123456789012345678901234567890123456789012345678901234567890",
         "123456789012345678901234567890123456789012345678901234567889", RV_NEWER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(rv_compare(rows[i].one, rows[i].other), rows[i].order);
}

static void test_rv_that_is_no_number_cannot_be_compared(void **state)
{
    static const char *const texts[] = {"", "0", "01", "-1", "+1", " 1", "1 ", "1.0", "0x1", "abc"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_int_equal(rv_compare(texts[i], "1"), RV_UNKNOWN);
        assert_int_equal(rv_compare("1", texts[i]), RV_UNKNOWN);
        assert_int_equal(rv_compare(texts[i], texts[i]), RV_UNKNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rv_compares_decimal_numbers_of_any_length),
        cmocka_unit_test(test_rv_that_is_no_number_cannot_be_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
