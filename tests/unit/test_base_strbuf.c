#include <stdlib.h>
#include <string.h>

#include "rampart/base/strbuf.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

static void assert_holds(const struct strbuf *b, const char *text)
{
    assert_true(strbuf_is_ok(b));
    assert_int_equal(b->len, strlen(text));
    assert_string_equal(b->text, text);
}

static void test_an_empty_buffer_is_an_empty_string_without_memory(void **state)
{
    uint64_t before = mem_allocs();
    struct strbuf b;

    (void)state;
    strbuf_init(&b, 10);
    assert_holds(&b, "");
    strbuf_add(&b, NULL, 0);
    strbuf_adds(&b, "");
    strbuf_addf(&b, "%s", "");
    strbuf_cut(&b, 0);
    strbuf_clear(&b);
    assert_holds(&b, "");
    assert_int_equal(mem_allocs(), before);
    strbuf_done(&b);
}

static void test_each_way_to_append_appends(void **state)
{
    AUTO_STRBUF b;

    (void)state;
    strbuf_init(&b, 100);
    strbuf_add(&b, "abc", 2);
    strbuf_addc(&b, '-');
    strbuf_adds(&b, "def");
    strbuf_addf(&b, " %d %s", 7, "ghi");
    assert_holds(&b, "ab-def 7 ghi");
}

static void test_bytes_may_be_nul(void **state)
{
    AUTO_STRBUF b;

    (void)state;
    strbuf_init(&b, 100);
    strbuf_add(&b, "a\0b", 3);
    strbuf_addc(&b, '\0');
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.text, "a\0b\0", 5);
}

static void test_growing_byte_by_byte_takes_few_allocations(void **state)
{
    uint64_t before = mem_allocs();
    AUTO_STRBUF b;

    (void)state;
    strbuf_init(&b, 10u << 20);
    for (int i = 0; i < 1 << 20; i++)
        strbuf_addc(&b, 'x');
    assert_int_equal(b.len, 1 << 20);
    assert_true(mem_allocs() - before <= 16); /* doubling from 64 bytes */
}

static void test_the_ceiling_is_reached_and_not_passed(void **state)
{
    AUTO_STRBUF b;
    struct err err = {0};

    (void)state;
    strbuf_init(&b, 5);
    strbuf_adds(&b, "12345");
    assert_holds(&b, "12345");
    assert_int_equal(strbuf_check(&b, "line", &err), 0);
    assert_int_equal(err.code, ERR_NONE);
    strbuf_addc(&b, '6');
    assert_false(strbuf_is_ok(&b));
    assert_int_equal(strbuf_check(&b, "line", &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.msg, "line is longer than 5 bytes");
    assert_string_equal(b.text, "12345");
}

static void test_each_way_to_append_respects_the_ceiling(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        AUTO_STRBUF b;

        strbuf_init(&b, 3);
        strbuf_adds(&b, "ab");
        if (way == 0)
            strbuf_add(&b, "cd", 2);
        else if (way == 1)
            strbuf_adds(&b, "cd");
        else if (way == 2)
            strbuf_addf(&b, "%s", "cd");
        else
            strbuf_addc(&b, 'c'), strbuf_addc(&b, 'd');
        assert_int_equal(b.broke, ERR_LIMIT);
        assert_string_equal(b.text, way == 3 ? "abc" : "ab");
    }
}

static void test_a_ceiling_of_zero_holds_nothing(void **state)
{
    AUTO_STRBUF b;

    (void)state;
    strbuf_init(&b, 0);
    strbuf_addc(&b, 'x');
    assert_int_equal(b.broke, ERR_LIMIT);
    assert_string_equal(b.text, "");
}

static void test_a_broken_buffer_takes_nothing_until_it_is_cleared(void **state)
{
    AUTO_STRBUF b;

    (void)state;
    strbuf_init(&b, 4);
    strbuf_adds(&b, "too long");
    strbuf_adds(&b, "ok");
    strbuf_addf(&b, "%s", "ok");
    assert_false(strbuf_is_ok(&b));
    assert_string_equal(b.text, "");
    strbuf_cut(&b, 0);
    assert_false(strbuf_is_ok(&b));
    strbuf_clear(&b);
    strbuf_adds(&b, "ok");
    assert_holds(&b, "ok");
}

static void test_out_of_memory_breaks_with_its_own_code(void **state)
{
    AUTO_STRBUF b;
    struct err err = {0};

    (void)state;
    strbuf_init(&b, 1000);
    strbuf_adds(&b, "kept");
    mem_fail_nth(0);
    strbuf_addf(&b, "%0500d", 1);
    assert_true(mem_fail_disarm());
    assert_int_equal(strbuf_check(&b, "body", &err), -1);
    assert_int_equal(err.code, ERR_NOMEM);
    assert_string_equal(err.msg, "body: out of memory");
    assert_string_equal(b.text, "kept");
}

static void test_a_text_larger_than_any_memory_is_out_of_memory(void **state)
{
    volatile size_t len = SIZE_MAX / 2 + 1; /* or the compiler complains */
    AUTO_STRBUF b;

    (void)state;
    strbuf_init(&b, SIZE_MAX - 1);
    strbuf_add(&b, "not one byte of it is read", len);
    assert_int_equal(b.broke, ERR_NOMEM);
    assert_int_equal(b.len, 0);
}

static void test_a_text_longer_than_any_int_is_over_the_limit(void **state)
{
    volatile int width = INT32_MAX; /* or the compiler complains */
    AUTO_STRBUF b;

    (void)state;
    strbuf_init(&b, 100);
    if (getenv("UNDER_VALGRIND"))
        skip(); /* two thousand million spaces, one by one */
    strbuf_addf(&b, "x%*d", width, 1);
    assert_int_equal(b.broke, ERR_LIMIT);
}

static void test_cut_shortens(void **state)
{
    AUTO_STRBUF b;

    (void)state;
    strbuf_init(&b, 100);
    strbuf_adds(&b, "abcdef");
    strbuf_cut(&b, 6);
    assert_holds(&b, "abcdef");
    strbuf_cut(&b, 2);
    assert_holds(&b, "ab");
}

static void test_clear_keeps_the_memory(void **state)
{
    AUTO_STRBUF b;
    uint64_t before;

    (void)state;
    strbuf_init(&b, 1000);
    strbuf_addf(&b, "%0500d", 1);
    before = mem_allocs();
    strbuf_clear(&b);
    strbuf_addf(&b, "%0500d", 1);
    assert_int_equal(mem_allocs(), before);
}

static void test_take_hands_the_text_over(void **state)
{
    struct strbuf b;
    size_t len = 0;
    char *text;

    (void)state;
    strbuf_init(&b, 100);
    strbuf_adds(&b, "abc");
    text = strbuf_take(&b, &len);
    assert_string_equal(text, "abc");
    assert_int_equal(len, 3);
    assert_holds(&b, "");
    mem_free(text);
    text = strbuf_take(&b, NULL); /* an empty one is memory of its own too */
    assert_string_equal(text, "");
    mem_free(text);
    strbuf_done(&b);
    assert_int_equal(mem_live(), 0);
}

static void test_take_of_a_broken_buffer_gives_null(void **state)
{
    AUTO_STRBUF b;

    (void)state;
    strbuf_init(&b, 1);
    strbuf_adds(&b, "abc");
    assert_null(strbuf_take(&b, NULL));
    assert_false(strbuf_is_ok(&b));
    strbuf_clear(&b);
    mem_fail_nth(0);
    assert_null(strbuf_take(&b, NULL));
    assert_true(mem_fail_disarm());
}

static void test_done_takes_null_and_zeroed_and_twice(void **state)
{
    struct strbuf b = {0};

    (void)state;
    strbuf_done(NULL);
    strbuf_done(&b);
    strbuf_init(&b, 10);
    strbuf_addc(&b, 'x');
    strbuf_done(&b);
    strbuf_done(&b);
    strbuf_addc(&b, 'y');
    assert_holds(&b, "y");
    strbuf_done(&b);
    assert_int_equal(mem_live(), 0);
}

static int write_much(void *ctx, struct err *err)
{
    AUTO_MEM char *text = NULL;
    AUTO_STRBUF b;

    (void)ctx;
    strbuf_init(&b, 10000);
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&b, "%d,", i);
    if (strbuf_check(&b, "numbers", err) < 0)
        return -1;
    text = strbuf_take(&b, NULL);
    assert_non_null(text);
    return 0;
}

static void test_out_of_memory_at_any_point_is_noticed_at_the_end(void **state)
{
    (void)state;
    assert_true(sweep(write_much, NULL) >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_buffer_is_an_empty_string_without_memory),
        cmocka_unit_test(test_each_way_to_append_appends),
        cmocka_unit_test(test_bytes_may_be_nul),
        cmocka_unit_test(test_growing_byte_by_byte_takes_few_allocations),
        cmocka_unit_test(test_the_ceiling_is_reached_and_not_passed),
        cmocka_unit_test(test_each_way_to_append_respects_the_ceiling),
        cmocka_unit_test(test_a_ceiling_of_zero_holds_nothing),
        cmocka_unit_test(test_a_broken_buffer_takes_nothing_until_it_is_cleared),
        cmocka_unit_test(test_out_of_memory_breaks_with_its_own_code),
        cmocka_unit_test(test_a_text_larger_than_any_memory_is_out_of_memory),
        cmocka_unit_test(test_a_text_longer_than_any_int_is_over_the_limit),
        cmocka_unit_test(test_cut_shortens),
        cmocka_unit_test(test_clear_keeps_the_memory),
        cmocka_unit_test(test_take_hands_the_text_over),
        cmocka_unit_test(test_take_of_a_broken_buffer_gives_null),
        cmocka_unit_test(test_done_takes_null_and_zeroed_and_twice),
        cmocka_unit_test(test_out_of_memory_at_any_point_is_noticed_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
