#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sliced.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

static const struct projection name_only[] = {{"name", NULL}, {NULL, NULL}};
static const struct projection pod[] = {{"metadata", name_only}, {NULL, NULL}};

static void assert_list(const struct projection *keep, const char *text, const char *expected)
{
    assert_sliced(SLICE_LIST, keep, text, expected);
}

static void test_items_come_out_one_by_one_and_the_rest_at_the_end(void **state)
{
    (void)state;
    assert_list(
        pod,
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"7\"},"
        "\"items\":[{\"metadata\":{\"name\":\"a\",\"uid\":\"1\"}},\r\n {\"metadata\":{\"name\":"
        "\"b\"},\"spec\":{}}]}\n",
        "{\"metadata\":{\"name\":\"a\"}}\n{\"metadata\":{\"name\":\"b\"}}\n"
        "envelope: {\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{"
        "\"resourceVersion\":\"7\"}}\nend");
}

static void test_metadata_may_come_after_the_items(void **state)
{
    (void)state;
    assert_list(NULL, "{\"items\":[1,{\"a\":[]}],\"metadata\":{\"continue\":\"x\"},\"kind\":\"L\"}",
                "1\n{\"a\":[]}\nenvelope: {\"metadata\":{\"continue\":\"x\"},\"kind\":\"L\"}\nend");
}

static void test_items_of_every_type_come_out(void **state)
{
    (void)state;
    assert_list(pod, "{\"items\":[1,\"two\",null,true,[{\"x\":1}],{}]}",
                "1\n\"two\"\nnull\ntrue\n[{}]\n{}\nenvelope: {}\nend");
    assert_list(NULL, "{\"items\":[ -1.5 , \"t\\\"wo\",false,[{\"x\":1}] ]}",
                "-1.5\n\"t\\\"wo\"\nfalse\n[{\"x\":1}]\nenvelope: {}\nend");
}

static void test_a_list_without_items_is_an_envelope(void **state)
{
    (void)state;
    assert_list(pod, "{\"kind\":\"L\",\"items\":[],\"metadata\":{}}",
                "envelope: {\"kind\":\"L\",\"metadata\":{}}\nend");
    assert_list(pod, "{\"kind\":\"L\",\"items\":null,\"metadata\":{}}",
                "envelope: {\"kind\":\"L\",\"metadata\":{}}\nend");
    assert_list(pod, "{\"kind\":\"L\"}", "envelope: {\"kind\":\"L\"}\nend");
    assert_list(pod, "{}", "envelope: {}\nend");
}

static void test_a_status_instead_of_a_list_is_an_envelope(void **state)
{
    (void)state;
    assert_list(
        pod,
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
        "\"message\":\"gone\",\"reason\":\"Expired\",\"code\":410,\"details\":{\"uid\":\"1\"}}",
        "envelope: {\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
        "\"Failure\",\"message\":\"gone\",\"reason\":\"Expired\",\"code\":410,\"details\":{"
        "\"uid\":\"1\"}}\nend");
}

static void test_other_members_of_a_list_are_dropped(void **state)
{
    (void)state;
    assert_list(pod, "{\"spec\":{\"items\":[1,2]},\"kind\":\"L\",\"x\":[{\"kind\":1}]}",
                "envelope: {\"kind\":\"L\"}\nend");
}

static void test_items_inside_items_are_members_like_others(void **state)
{
    (void)state;
    assert_list(NULL, "{\"items\":[{\"items\":[1,2]}],\"metadata\":{\"items\":[3]}}",
                "{\"items\":[1,2]}\nenvelope: {\"metadata\":{\"items\":[3]}}\nend");
    assert_list(pod, "{\"items\":[{\"items\":[1,2]}]}", "{}\nenvelope: {}\nend");
}

static void test_items_of_a_stream_are_members_like_others(void **state)
{
    static const struct projection keep[] = {{"items", NULL}, {NULL, NULL}};

    (void)state;
    assert_sliced(SLICE_STREAM, keep, "{\"items\":[1,2],\"x\":3}{\"items\":4}",
                  "{\"items\":[1,2]}\n{\"items\":4}\nend");
}

static void test_items_may_be_written_with_escapes(void **state)
{
    (void)state;
    assert_list(pod, "{\"\\u0069tems\":[{\"x\":1}]}", "{}\nenvelope: {}\nend");
}

static void test_what_is_no_list_is_refused(void **state)
{
    static const char *const texts[] = {"[]", "1", "\"a\"", "null", " [{}]"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_list(pod, texts[i],
                    "error: Invalid: expected a list, got something that is no object");
}

static void test_items_that_are_no_array_are_refused(void **state)
{
    static const char *const texts[] = {"{\"items\":{}}", "{\"items\":1}", "{\"items\":\"a\"}",
                                        "{\"items\":true}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_list(pod, texts[i], "error: Invalid: expected \"items\" to be an array or null");
}

static void test_items_twice_are_refused(void **state)
{
    (void)state;
    assert_list(pod, "{\"items\":[1],\"items\":[2]}",
                "1\nerror: Invalid: a list has \"items\" twice");
    assert_list(pod, "{\"items\":null,\"\\u0069tems\":[2]}",
                "error: Invalid: a list has \"items\" twice");
}

static void test_nothing_may_follow_the_list(void **state)
{
    (void)state;
    assert_list(pod, "{} \r\n\t ", "envelope: {}\nend");
    assert_list(pod, "{} {}", "envelope: {}\nerror: Invalid: not JSON: unexpected '{' at byte 3");
    assert_list(pod, "{}]", "envelope: {}\nerror: Invalid: not JSON: unexpected ']' at byte 2");
}

static void test_every_truncated_end_is_refused(void **state)
{
    static const char text[] =
        "{\"kind\":\"L\",\"items\":[{\"metadata\":{\"name\":\"\\u00e9\"}},12,null],"
        "\"metadata\":{\"a\":1}}";

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        char cut[sizeof(text)], expected[128], *got;

        memcpy(cut, text, len);
        cut[len] = '\0';
        (void)sprintf(expected, "middle of a value after %zu bytes", len);
        got = sliced(SLICE_LIST, pod, cut, len, 1, 1);
        assert_contains(got, expected);
        assert_list(pod, cut, got);
        free(got);
    }
}

static int count_values(void *ctx, enum slice_kind kind, const char *text, size_t len,
                        struct err *err)
{
    unsigned *left = ctx;

    (void)text;
    (void)len;
    (void)kind;
    return (*left)-- > 0 ? 0 : err_set(err, ERR_CANCELED, "enough");
}

static void test_what_the_callback_returns_stops_the_list(void **state)
{
    static const char text[] = "{\"items\":[{},{},{}]}";

    (void)state;
    for (unsigned stop_after = 0; stop_after <= 4; stop_after++) {
        struct err err = {0};
        unsigned left = stop_after;
        struct slice *s = slice_new(SLICE_LIST, pod, 100, count_values, &left, &err);

        assert_int_equal(slice_feed(s, text, sizeof(text) - 1, &err), stop_after < 4 ? -1 : 0);
        assert_int_equal(err.code, stop_after < 4 ? ERR_CANCELED : ERR_NONE);
        assert_int_equal(slice_values(s), stop_after < 3 ? stop_after + 1 : 3);
        slice_free(s);
    }
}

static int feed_list(void *ctx, struct err *err)
{
    static const char text[] = "{\"metadata\":{\"resourceVersion\":\"a version that makes the "
                               "buffer grow beyond its first "
                               "block\"},\"items\":[{\"metadata\":{\"name\":\"another text that "
                               "makes its buffer grow beyond "
                               "the first block\"}},{}]}";
    unsigned left = 1000;
    struct slice *s = slice_new(SLICE_LIST, ctx, 1000, count_values, &left, err);
    int r;

    if (!s)
        return -1;
    r = slice_feed(s, text, sizeof(text) - 1, err);
    if (r == 0)
        r = slice_end(s, err);
    slice_free(s);
    return r;
}

static void test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(sweep(feed_list, NULL) >= 4);
    assert_true(sweep(feed_list, (void *)(uintptr_t)pod) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_come_out_one_by_one_and_the_rest_at_the_end),
        cmocka_unit_test(test_metadata_may_come_after_the_items),
        cmocka_unit_test(test_items_of_every_type_come_out),
        cmocka_unit_test(test_a_list_without_items_is_an_envelope),
        cmocka_unit_test(test_a_status_instead_of_a_list_is_an_envelope),
        cmocka_unit_test(test_other_members_of_a_list_are_dropped),
        cmocka_unit_test(test_items_inside_items_are_members_like_others),
        cmocka_unit_test(test_items_of_a_stream_are_members_like_others),
        cmocka_unit_test(test_items_may_be_written_with_escapes),
        cmocka_unit_test(test_what_is_no_list_is_refused),
        cmocka_unit_test(test_items_that_are_no_array_are_refused),
        cmocka_unit_test(test_items_twice_are_refused),
        cmocka_unit_test(test_nothing_may_follow_the_list),
        cmocka_unit_test(test_every_truncated_end_is_refused),
        cmocka_unit_test(test_what_the_callback_returns_stops_the_list),
        cmocka_unit_test(test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
