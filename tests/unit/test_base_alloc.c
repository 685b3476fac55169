#include <string.h>

#include "rampart/base/alloc.h"
#include "support/unit.h"

static void test_alloc_of_no_bytes_gives_pointers_that_differ(void **state)
{
    void *a = mem_alloc(0), *b = mem_alloc(0), *c = mem_calloc(0, 8);

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_ptr_not_equal(a, b);
    mem_free(a);
    mem_free(b);
    mem_free(c);
}

static void test_calloc_gives_zeroes(void **state)
{
    unsigned char *bytes = mem_calloc(7, 9);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < 63; i++)
        assert_int_equal(bytes[i], 0);
    mem_free(bytes);
}

static void test_a_product_that_overflows_gives_null(void **state)
{
    char *block = mem_alloc(4);

    (void)state;
    assert_null(mem_calloc(SIZE_MAX / 2, 3));
    assert_null(mem_resize(block, SIZE_MAX / 2, 3));
    assert_null(mem_strndup("", SIZE_MAX));
    mem_free(block); /* still stands */
    assert_int_equal(mem_live(), 0);
}

static void test_more_than_there_can_be_gives_null_and_counts_nothing_alive(void **state)
{
    static const size_t too_much[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX};
    void *block = mem_alloc(8);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(too_much); i++) {
        assert_null(mem_alloc(too_much[i]));
        assert_null(mem_calloc(1, too_much[i]));
        assert_null(mem_realloc(block, too_much[i]));
    }
    assert_int_equal(mem_live(), 1);
    mem_free(block);
    assert_int_equal(mem_live(), 0);
}

static void test_realloc_keeps_the_bytes_and_counts_one_block(void **state)
{
    char *text = mem_realloc(NULL, 4);

    (void)state;
    assert_non_null(text);
    memcpy(text, "abc", 4);
    text = mem_realloc(text, 100000);
    assert_non_null(text);
    assert_string_equal(text, "abc");
    assert_int_equal(mem_live(), 1);
    text = mem_resize(text, 2, 2);
    assert_memory_equal(text, "abc", 4);
    text = mem_realloc(text, 0);
    assert_non_null(text);
    assert_int_equal(mem_live(), 1);
    mem_free(text);
    assert_int_equal(mem_live(), 0);
}

static void test_strndup_copies_no_more_than_it_was_told(void **state)
{
    char *part = mem_strndup("abcdef", 3), *whole = mem_strdup("abcdef");

    (void)state;
    assert_string_equal(part, "abc");
    assert_string_equal(whole, "abcdef");
    mem_free(part);
    mem_free(whole);
}

static void test_free_null_frees_and_clears(void **state)
{
    char *text = mem_strdup("x");

    (void)state;
    MEM_FREE_NULL(text);
    assert_null(text);
    MEM_FREE_NULL(text);
    assert_int_equal(mem_live(), 0);
}

static void test_auto_mem_frees_at_the_end_of_its_scope(void **state)
{
    (void)state;
    {
        AUTO_MEM char *text = mem_strdup("x");
        AUTO_MEM char *nothing = NULL;

        assert_non_null(text);
        assert_null(nothing);
        assert_int_equal(mem_live(), 1);
    }
    assert_int_equal(mem_live(), 0);
}

static void test_exactly_the_nth_allocation_fails(void **state)
{
    void *blocks[4];

    (void)state;
    mem_fail_nth(2);
    blocks[0] = mem_alloc(1);
    blocks[1] = mem_calloc(1, 1);
    blocks[2] = mem_strdup("x");
    blocks[3] = mem_realloc(NULL, 1);
    assert_true(mem_fail_disarm());
    assert_non_null(blocks[0]);
    assert_non_null(blocks[1]);
    assert_null(blocks[2]);
    assert_non_null(blocks[3]);
    for (int i = 0; i < 4; i++)
        mem_free(blocks[i]);
    assert_int_equal(mem_live(), 0);
}

static void test_each_way_to_allocate_can_fail(void **state)
{
    void *block = mem_alloc(1);

    (void)state;
    mem_fail_nth(0);
    assert_null(mem_alloc(1));
    assert_true(mem_fail_disarm());
    mem_fail_nth(0);
    assert_null(mem_calloc(1, 1));
    assert_true(mem_fail_disarm());
    mem_fail_nth(0);
    assert_null(mem_realloc(block, 2));
    assert_true(mem_fail_disarm());
    mem_fail_nth(0);
    assert_null(mem_strdup("x"));
    assert_true(mem_fail_disarm());
    mem_free(block);
    assert_int_equal(mem_live(), 0);
}

static void test_disarm_says_that_nothing_failed(void **state)
{
    void *block;

    (void)state;
    mem_fail_nth(1);
    block = mem_alloc(1);
    assert_false(mem_fail_disarm());
    assert_false(mem_fail_disarm());
    mem_free(block);
    block = mem_alloc(1);
    assert_non_null(block);
    mem_free(block);
}

static void test_allocs_counts_what_was_asked_for(void **state)
{
    uint64_t before = mem_allocs();
    void *block = mem_alloc(1);

    (void)state;
    block = mem_realloc(block, 100);
    mem_free(block);
    assert_int_equal(mem_allocs() - before, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_of_no_bytes_gives_pointers_that_differ),
        cmocka_unit_test(test_calloc_gives_zeroes),
        cmocka_unit_test(test_a_product_that_overflows_gives_null),
        cmocka_unit_test(test_more_than_there_can_be_gives_null_and_counts_nothing_alive),
        cmocka_unit_test(test_realloc_keeps_the_bytes_and_counts_one_block),
        cmocka_unit_test(test_strndup_copies_no_more_than_it_was_told),
        cmocka_unit_test(test_free_null_frees_and_clears),
        cmocka_unit_test(test_auto_mem_frees_at_the_end_of_its_scope),
        cmocka_unit_test(test_exactly_the_nth_allocation_fails),
        cmocka_unit_test(test_each_way_to_allocate_can_fail),
        cmocka_unit_test(test_disarm_says_that_nothing_failed),
        cmocka_unit_test(test_allocs_counts_what_was_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
