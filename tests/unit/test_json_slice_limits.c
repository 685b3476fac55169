#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sliced.h"
#include "support/text.h"
#include "support/unit.h"

static const struct projection nothing[] = {{NULL, NULL}};
static const struct projection a_below_a[] = {{"a", NULL}, {NULL, NULL}};
static const struct projection a_in_a[] = {{"a", a_below_a}, {NULL, NULL}};

struct seen {
    unsigned values;
    size_t len_max;
};

static int look(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct seen *seen = ctx;

    (void)kind;
    (void)text;
    (void)err;
    seen->values++;
    seen->len_max = len > seen->len_max ? len : seen->len_max;
    return 0;
}

/* ERR_NONE or what went wrong. */
static enum err_code feed(enum slice_mode mode, const struct projection *keep, size_t kept_max,
                          const char *text, size_t len, size_t chunk_len, struct seen *seen)
{
    struct err err = {0};
    struct slice *s = slice_new(mode, keep, kept_max, look, seen, &err);
    int r = 0;

    for (size_t at = 0; r == 0 && at < len; at += chunk_len)
        r = slice_feed(s, text + at, chunk_len < len - at ? chunk_len : len - at, &err);
    if (r == 0)
        r = slice_end(s, &err);
    slice_free(s);
    return r < 0 ? err.code : ERR_NONE;
}

/* {"x":"aaaa"} of exactly @len bytes. */
static char *value_of(size_t len)
{
    char *text = malloc(len + 1);

    memset(text, 'a', len);
    memcpy(text, "{\"x\":\"", 6);
    memcpy(text + len - 2, "\"}", 3);
    return text;
}

static void test_a_value_of_three_megabytes_passes_in_any_chunks(void **state)
{
    static const size_t chunk_lens[] = {1, 1000, 16384, 4u << 20};
    size_t len = 3u << 20;
    char *text = value_of(len);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(chunk_lens); i++) {
        struct seen seen = {0};

        assert_int_equal(feed(SLICE_STREAM, NULL, len, text, len, chunk_lens[i], &seen), ERR_NONE);
        assert_int_equal(seen.values, 1);
        assert_int_equal(seen.len_max, len);
    }
    free(text);
}

static void test_the_longest_value_passes_and_a_longer_one_does_not(void **state)
{
    static const size_t chunk_lens[] = {999, 8u << 20};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(chunk_lens); i++) {
        for (size_t extra = 0; extra < 2; extra++) {
            size_t len = SLICE_RAW_MAX + extra;
            char *text = value_of(len);
            struct seen seen = {0};

            assert_int_equal(feed(SLICE_STREAM, nothing, 100, text, len, chunk_lens[i], &seen),
                             extra ? ERR_LIMIT : ERR_NONE);
            assert_int_equal(seen.values, 1 - extra);
            free(text);
        }
    }
}

static void test_a_value_that_never_ends_is_refused_before_it_fills_the_memory(void **state)
{
    char *part = text_repeat("a", 100000);
    struct seen seen = {0};
    struct err err = {0};
    struct slice *s = slice_new(SLICE_STREAM, NULL, 64u << 20, look, &seen, &err);
    size_t fed = 0;

    (void)state;
    assert_int_equal(slice_feed(s, "\"", 1, &err), 0);
    while (slice_feed(s, part, 100000, &err) == 0)
        fed += 100000;
    assert_int_equal(err.code, ERR_LIMIT);
    assert_true(fed <= SLICE_RAW_MAX);
    slice_free(s);
    free(part);
}

static void test_a_list_may_be_longer_than_any_value(void **state)
{
    size_t count = SLICE_RAW_MAX / (1u << 20) + 1;
    char *value = value_of(1u << 20);
    struct seen seen = {0};
    struct err err = {0};
    struct slice *s = slice_new(SLICE_LIST, nothing, 1000, look, &seen, &err);

    (void)state;
    assert_int_equal(slice_feed(s, "{\"items\":[", 10, &err), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(slice_feed(s, value, 1u << 20, &err), 0);
        assert_int_equal(slice_feed(s, ",", 1, &err), 0);
    }
    assert_int_equal(slice_feed(s, "{}]}", 4, &err), 0);
    assert_int_equal(slice_end(s, &err), 0);
    assert_int_equal(seen.values, count + 2);
    slice_free(s);
    free(value);
}

static void test_an_item_and_the_rest_of_a_list_have_the_ceiling_each(void **state)
{
    (void)state;
    for (size_t place = 0; place < 2; place++) { /* in the items, or beside them */
        for (size_t extra = 0; extra < 2; extra++) {
            size_t len = SLICE_RAW_MAX - 100 + 200 * extra;
            char *value = value_of(len), *text = malloc(len + 64);
            struct seen seen = {0};

            (void)sprintf(text, place ? "{\"x\":%s,\"items\":[]}" : "{\"items\":[{},%s]}", value);
            assert_int_equal(feed(SLICE_LIST, nothing, 100, text, strlen(text), 16384, &seen),
                             extra ? ERR_LIMIT : ERR_NONE);
            free(value);
            free(text);
        }
    }
}

static void test_white_space_between_values_has_no_ceiling(void **state)
{
    char *space = text_repeat(" \r\n", 2 * SLICE_RAW_MAX / 3);
    struct seen seen = {0};
    struct err err = {0};
    struct slice *s = slice_new(SLICE_STREAM, NULL, 100, look, &seen, &err);

    (void)state;
    assert_int_equal(slice_feed(s, "{}", 2, &err), 0);
    assert_int_equal(slice_feed(s, space, strlen(space), &err), 0);
    assert_int_equal(slice_feed(s, "{}", 2, &err), 0);
    assert_int_equal(slice_end(s, &err), 0);
    assert_int_equal(seen.values, 2);
    slice_free(s);
    free(space);
}

static void test_the_ceiling_is_for_each_value_and_not_for_their_sum(void **state)
{
    static const char text[] = "{\"a\":1}{\"a\":2}{\"a\":3}";
    struct seen seen = {0};

    (void)state;
    assert_int_equal(feed(SLICE_STREAM, NULL, 7, text, sizeof(text) - 1, 100, &seen), ERR_NONE);
    assert_int_equal(seen.values, 3);
}

static void test_the_envelope_of_a_list_has_the_ceiling_of_a_value(void **state)
{
    static const char text[] = "{\"kind\":\"0123456789\",\"items\":[]}";
    struct seen seen = {0};

    (void)state;
    assert_int_equal(feed(SLICE_LIST, NULL, 21, text, sizeof(text) - 1, 5, &seen), ERR_NONE);
    assert_int_equal(seen.len_max, 21);
    assert_int_equal(feed(SLICE_LIST, NULL, 20, text, sizeof(text) - 1, 5, &seen), ERR_LIMIT);
}

/*
 * Time is linear in the bytes. A reader that went back over what it has would copy or allocate more
 * the smaller the chunks are: the allocations must be those of one growing buffer, however the
 * bytes arrive.
 */
static void test_small_chunks_take_no_more_allocations_than_large_ones(void **state)
{
    size_t len = 1u << 20;
    char *text = value_of(len);

    (void)state;
    for (size_t chunk_len = 1; chunk_len < 100000; chunk_len *= 10) {
        uint64_t before = mem_allocs();
        struct seen seen = {0};

        assert_int_equal(feed(SLICE_STREAM, NULL, len, text, len, chunk_len, &seen), ERR_NONE);
        assert_true(mem_allocs() - before <= 1 + 16); /* the slice, and 64 bytes doubled to 1 MiB */
    }
    free(text);
}

static void test_a_stream_of_small_values_takes_no_allocation_per_value(void **state)
{
    char *text = text_repeat("{\"a\":{\"a\":1,\"b\":2}}\n", 10000);
    uint64_t before = mem_allocs();
    struct seen seen = {0};

    (void)state;
    assert_int_equal(feed(SLICE_STREAM, a_in_a, 100, text, strlen(text), 777, &seen), ERR_NONE);
    assert_int_equal(seen.values, 10000);
    assert_int_equal(mem_allocs() - before, 2);
    free(text);
}

static void test_a_large_buffer_is_not_held_on_to(void **state)
{
    size_t len = 1u << 20, live = mem_live();
    char *text = value_of(len);
    struct seen seen = {0};
    struct err err = {0};
    struct slice *s = slice_new(SLICE_STREAM, NULL, len, look, &seen, &err);

    (void)state;
    assert_int_equal(slice_feed(s, text, len, &err), 0);
    assert_int_equal(mem_live(), live + 1); /* the slice alone */
    assert_int_equal(slice_feed(s, "{}", 2, &err), 0);
    assert_int_equal(mem_live(), live + 2);
    slice_free(s);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_of_three_megabytes_passes_in_any_chunks),
        cmocka_unit_test(test_the_longest_value_passes_and_a_longer_one_does_not),
        cmocka_unit_test(test_a_value_that_never_ends_is_refused_before_it_fills_the_memory),
        cmocka_unit_test(test_a_list_may_be_longer_than_any_value),
        cmocka_unit_test(test_an_item_and_the_rest_of_a_list_have_the_ceiling_each),
        cmocka_unit_test(test_white_space_between_values_has_no_ceiling),
        cmocka_unit_test(test_the_ceiling_is_for_each_value_and_not_for_their_sum),
        cmocka_unit_test(test_the_envelope_of_a_list_has_the_ceiling_of_a_value),
        cmocka_unit_test(test_small_chunks_take_no_more_allocations_than_large_ones),
        cmocka_unit_test(test_a_stream_of_small_values_takes_no_allocation_per_value),
        cmocka_unit_test(test_a_large_buffer_is_not_held_on_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
