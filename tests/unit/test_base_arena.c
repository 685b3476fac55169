#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/arena.h"
#include "support/sweep.h"
#include "support/unit.h"

static bool is_aligned(const void *ptr)
{
    return (uintptr_t)ptr % alignof(max_align_t) == 0;
}

static void test_init_allocates_nothing(void **state)
{
    uint64_t before = mem_allocs();
    struct arena a;

    (void)state;
    arena_init(&a, 1000);
    assert_int_equal(mem_allocs(), before);
    arena_done(&a);
}

static void test_blocks_are_zeroed_and_aligned(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1u << 20);
    for (size_t round = 0; round < 2; round++) {
        for (size_t size = 0; size < 300; size++) {
            unsigned char *block = arena_alloc(&a, size);

            assert_non_null(block);
            assert_true(is_aligned(block));
            for (size_t i = 0; i < size; i++)
                assert_int_equal(block[i], 0);
            memset(block, 0xAA, size);
            assert_non_null(arena_strndup(&a, "abc", 3)); /* so that the next one must be aligned */
        }
        arena_reset(&a); /* the second round reads what the first one wrote */
    }
    arena_done(&a);
}

static void test_two_empty_blocks_differ(void **state)
{
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 100);
    assert_ptr_not_equal(arena_alloc(&a, 0), arena_alloc(&a, 0));
}

static void test_the_ceiling_is_reached_and_not_passed(void **state)
{
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 100);
    assert_non_null(arena_alloc(&a, 96));
    assert_non_null(arena_strndup(&a, "abc", 3));
    assert_int_equal(a.used, 100);
    assert_null(arena_strndup(&a, "", 0));
    assert_null(arena_alloc(&a, 0));
    assert_int_equal(a.used, 100);
    arena_reset(&a);
    assert_null(arena_alloc(&a, 101));
    assert_non_null(arena_alloc(&a, 100));
}

static void test_sizes_that_overflow_give_null(void **state)
{
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, SIZE_MAX);
    assert_non_null(arena_alloc(&a, 1));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 20));
    assert_null(arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_null(arena_strndup(&a, "", SIZE_MAX));
    arena_reset(&a);
    assert_null(arena_alloc(&a, SIZE_MAX)); /* no room for the header of the chunk */
}

static void test_blocks_of_many_chunks_keep_their_bytes(void **state)
{
    enum { COUNT = 3000 };
    static char *blocks[COUNT];
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 64u << 20);
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = arena_alloc(&a, (size_t)i + 1);
        assert_non_null(blocks[i]);
        memset(blocks[i], i & 0x7F, (size_t)i + 1);
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(blocks[i][0], i & 0x7F);
        assert_int_equal(blocks[i][i], i & 0x7F);
    }
}

static void test_chunks_grow_so_that_few_are_needed(void **state)
{
    uint64_t before;
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 64u << 20);
    before = mem_allocs();
    for (int i = 0; i < 1 << 20; i++)
        assert_non_null(arena_alloc(&a, 16));
    assert_true(mem_allocs() - before <=
                6 + 64); /* 4 KiB doubled to 256 KiB, then 16 MiB of those */
}

static void test_a_block_larger_than_a_chunk_gets_its_own(void **state)
{
    AUTO_ARENA a;
    char *large;

    (void)state;
    arena_init(&a, 8u << 20);
    assert_non_null(arena_alloc(&a, 10));
    large = arena_alloc(&a, 4u << 20);
    assert_non_null(large);
    large[(4u << 20) - 1] = 1;
    assert_non_null(arena_alloc(&a, 10));
    assert_int_equal(mem_live(), 3);
}

static void test_reset_keeps_one_chunk_and_reuses_it(void **state)
{
    uint64_t before;
    struct arena a;

    (void)state;
    arena_init(&a, 1u << 20);
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&a, 1000));
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_int_equal(mem_live(), 1);
    before = mem_allocs();
    for (int i = 0; i < 30; i++)
        assert_non_null(arena_alloc(&a, 1000));
    assert_int_equal(mem_allocs(), before);
    arena_done(&a);
    assert_int_equal(mem_live(), 0);
}

static void test_reset_gives_back_an_unusually_large_chunk(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 8u << 20);
    assert_non_null(arena_alloc(&a, 4u << 20));
    arena_reset(&a);
    assert_int_equal(mem_live(), 0);
    assert_non_null(arena_alloc(&a, 10));
    arena_done(&a);
}

static void test_reset_of_an_untouched_arena_is_fine(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 100);
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 10));
    arena_done(&a);
}

static void test_done_takes_null_and_zeroed_and_twice(void **state)
{
    struct arena a = {0};

    (void)state;
    arena_done(NULL);
    arena_done(&a);
    arena_init(&a, 100);
    assert_non_null(arena_alloc(&a, 1));
    arena_done(&a);
    arena_done(&a);
    assert_null(arena_alloc(&a, 1)); /* a zeroed arena has a ceiling of nothing */
    assert_int_equal(mem_live(), 0);
}

static void test_printf_formats_at_any_length(void **state)
{
    volatile int width = INT32_MAX; /* or the compiler complains */
    AUTO_ARENA a;
    char *text;

    (void)state;
    arena_init(&a, 10000);
    assert_string_equal(arena_printf(&a, "%s-%d", "a", 7), "a-7");
    assert_string_equal(arena_printf(&a, "%s", ""), "");
    text = arena_printf(&a, "%05000d", 1);
    assert_int_equal(strlen(text), 5000);
    assert_null(arena_printf(&a, "%05000d", 1));
    if (!getenv("UNDER_VALGRIND")) /* longer than any int, and made character by character */
        assert_null(arena_printf(&a, "x%*d", width, 1));
}

static void test_strdup_copies(void **state)
{
    AUTO_ARENA a;
    char text[] = "abc";
    char *copy;

    (void)state;
    arena_init(&a, 100);
    copy = arena_strdup(&a, text);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
}

static void allocate_something(struct arena *a)
{
    for (int i = 0; i < 200; i++) {
        assert_non_null(arena_alloc(a, (size_t)(i * 7 % 61)));
        assert_non_null(arena_strdup(a, "odd"));
        assert_non_null(arena_strndup(a, "0123456789", (size_t)(i % 10)));
        assert_non_null(arena_printf(a, "%d", i * i));
        assert_non_null(arena_calloc(a, 3, (size_t)i));
    }
}

static void test_a_fixed_arena_needs_what_a_growing_one_used(void **state)
{
    struct arena growing, fixed;
    void *memory;
    size_t used;

    (void)state;
    arena_init(&growing, 1u << 20);
    allocate_something(&growing);
    used = growing.used;
    arena_reset(&growing);
    allocate_something(&growing);
    assert_int_equal(growing.used, used); /* also after a reset */
    memory = mem_alloc(used);
    arena_init_fixed(&fixed, memory, used);
    allocate_something(&fixed);
    assert_int_equal(fixed.used, used);
    assert_null(arena_strndup(&fixed, "", 0));
    arena_reset(&fixed);
    allocate_something(&fixed);
    arena_done(&fixed);
    arena_done(&growing);
    mem_free(memory);
    assert_int_equal(mem_live(), 0);
}

static void test_a_fixed_arena_stays_within_its_memory(void **state)
{
    alignas(max_align_t) char memory[64];
    struct arena a;

    (void)state;
    arena_init_fixed(&a, memory, sizeof(memory));
    assert_ptr_equal(arena_alloc(&a, 10), memory);
    assert_ptr_equal(arena_alloc(&a, 10), memory + 16);
    assert_null(arena_alloc(&a, 40));
    assert_ptr_equal(arena_alloc(&a, 32), memory + 32);
    assert_null(arena_alloc(&a, 0));
    arena_done(&a);
}

static int fill(void *ctx, struct err *err)
{
    AUTO_ARENA a;

    (void)ctx;
    arena_init(&a, 4u << 20);
    for (int i = 0; i < 1000; i++)
        if (!arena_alloc(&a, 1000))
            return err_nomem(err);
    return 0;
}

static void test_out_of_memory_gives_null_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(sweep(fill, NULL) >= 4);
}

static void test_an_arena_goes_on_after_it_was_out_of_memory(void **state)
{
    AUTO_ARENA a;
    size_t used;

    (void)state;
    arena_init(&a, 1u << 20);
    assert_non_null(arena_alloc(&a, 100));
    used = a.used;
    mem_fail_nth(0);
    assert_null(arena_alloc(&a, 10000));
    assert_true(mem_fail_disarm());
    assert_int_equal(a.used, used);
    assert_non_null(arena_alloc(&a, 10000));
}

static void test_a_block_of_a_chunk_that_is_there_can_fail_as_well(void **state)
{
    static _Alignas(max_align_t) char memory[64];
    struct arena fixed;
    AUTO_ARENA a;
    uint64_t before;

    (void)state;
    arena_init(&a, 1u << 20);
    assert_non_null(arena_alloc(&a, 100));
    before = mem_live();
    for (uint64_t nth = 0; nth < 3; nth++) {
        mem_fail_nth(nth);
        for (uint64_t i = 0; i < 3; i++)
            assert_int_equal(arena_alloc(&a, 8) == NULL, i == nth);
        assert_true(mem_fail_disarm());
        assert_int_equal(mem_live(), before);
    }
    arena_init_fixed(&fixed, memory, sizeof(memory)); /* it is there by contract */
    mem_fail_nth(0);
    assert_non_null(arena_alloc(&fixed, 8));
    assert_false(mem_fail_disarm());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_allocates_nothing),
        cmocka_unit_test(test_blocks_are_zeroed_and_aligned),
        cmocka_unit_test(test_two_empty_blocks_differ),
        cmocka_unit_test(test_the_ceiling_is_reached_and_not_passed),
        cmocka_unit_test(test_sizes_that_overflow_give_null),
        cmocka_unit_test(test_blocks_of_many_chunks_keep_their_bytes),
        cmocka_unit_test(test_chunks_grow_so_that_few_are_needed),
        cmocka_unit_test(test_a_block_larger_than_a_chunk_gets_its_own),
        cmocka_unit_test(test_reset_keeps_one_chunk_and_reuses_it),
        cmocka_unit_test(test_reset_gives_back_an_unusually_large_chunk),
        cmocka_unit_test(test_reset_of_an_untouched_arena_is_fine),
        cmocka_unit_test(test_done_takes_null_and_zeroed_and_twice),
        cmocka_unit_test(test_printf_formats_at_any_length),
        cmocka_unit_test(test_strdup_copies),
        cmocka_unit_test(test_a_fixed_arena_needs_what_a_growing_one_used),
        cmocka_unit_test(test_a_fixed_arena_stays_within_its_memory),
        cmocka_unit_test(test_out_of_memory_gives_null_and_leaks_nothing),
        cmocka_unit_test(test_an_arena_goes_on_after_it_was_out_of_memory),
        cmocka_unit_test(test_a_block_of_a_chunk_that_is_there_can_fail_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
