/* The sliding minute of deletions. */
#include "support/unit.h"

#include "rampart/sync/delete_budget.h"

#define FREE 10
#define PERCENT 10

/* Takes as many as it may at once. */
static unsigned take_all(struct delete_budget *b, size_t ours, uint64_t now_ms)
{
    unsigned count = 0;

    while (delete_budget_take(b, ours, now_ms))
        count++;
    return count;
}

static void test_delete_budget_allows_a_few_whatever_there_is(void **state)
{
    struct delete_budget b;

    (void)state;
    delete_budget_init(&b, FREE, PERCENT);
    assert_int_equal(take_all(&b, 0, 1000), FREE);
    assert_int_equal(take_all(&b, 50, 1000), 0);
}

static void test_delete_budget_allows_a_part_of_what_there_was_when_it_is_more(void **state)
{
    struct delete_budget b;
    size_t ours = 1000;
    unsigned count = 0;

    (void)state;
    delete_budget_init(&b, FREE, PERCENT);
    while (delete_budget_take(&b, ours, 1000)) {
        ours--; /* each that is deleted is no longer there */
        count++;
    }
    assert_int_equal(count, 100);
}

static void test_delete_budget_comes_back_after_a_minute(void **state)
{
    struct delete_budget b;

    (void)state;
    delete_budget_init(&b, FREE, PERCENT);
    assert_int_equal(take_all(&b, 0, 1000), FREE);
    assert_int_equal(take_all(&b, 0, 60999), 0);
    assert_int_equal(take_all(&b, 0, 61000), FREE);
}

static void test_delete_budget_slides(void **state)
{
    struct delete_budget b;

    (void)state;
    delete_budget_init(&b, FREE, PERCENT);
    for (unsigned second = 0; second < FREE; second++)
        assert_true(delete_budget_take(&b, 0, 100000 + 1000 * second));
    assert_false(delete_budget_take(&b, 0, 159999));
    for (unsigned second = 0; second < FREE; second++) {
        assert_true(delete_budget_take(&b, 0, 160000 + 1000 * second));
        assert_false(delete_budget_take(&b, 0, 160999 + 1000 * second));
    }
}

static void test_delete_budget_allows_in_no_minute_more_than_its_limit(void **state)
{
    uint64_t taken_ms[2000];
    struct delete_budget b;
    size_t count = 0;

    (void)state;
    delete_budget_init(&b, FREE, PERCENT);
    for (uint64_t now_ms = 0; now_ms < 600000; now_ms += 137) {
        if (delete_budget_take(&b, 0, now_ms))
            taken_ms[count++] = now_ms;
    }
    assert_true(count >= 9 * FREE);
    /* Whole seconds are counted: a minute may be a second short. */
    for (size_t i = FREE; i < count; i++)
        assert_true(taken_ms[i] - taken_ms[i - FREE] > 59000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delete_budget_allows_a_few_whatever_there_is),
        cmocka_unit_test(test_delete_budget_allows_a_part_of_what_there_was_when_it_is_more),
        cmocka_unit_test(test_delete_budget_comes_back_after_a_minute),
        cmocka_unit_test(test_delete_budget_slides),
        cmocka_unit_test(test_delete_budget_allows_in_no_minute_more_than_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
