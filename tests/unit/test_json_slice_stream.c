#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sliced.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

static void assert_stream(const char *text, const char *expected)
{
    assert_sliced(SLICE_STREAM, NULL, text, expected);
}

static void test_an_empty_stream_is_a_whole_stream(void **state)
{
    (void)state;
    assert_stream("", "end");
    assert_stream(" \r\n\t ", "end");
}

static void test_values_come_out_one_by_one(void **state)
{
    (void)state;
    assert_stream("{\"type\":\"ADDED\",\"object\":{\"a\":[1,2]}}\n{\"type\":\"DELETED\"}\n",
                  "{\"type\":\"ADDED\",\"object\":{\"a\":[1,2]}}\n{\"type\":\"DELETED\"}\nend");
}

static void test_lines_may_end_in_crlf_or_not_at_all(void **state)
{
    (void)state;
    assert_stream("{\"a\":1}\r\n\r\n{\"b\":2}\r\n", "{\"a\":1}\n{\"b\":2}\nend");
    assert_stream("{\"a\":1}{\"b\":2}[3]\"x\"", "{\"a\":1}\n{\"b\":2}\n[3]\n\"x\"\nend");
}

static void test_every_type_may_stand_at_the_top(void **state)
{
    (void)state;
    assert_stream("{} [] \"\" 0 true false null", "{}\n[]\n\"\"\n0\ntrue\nfalse\nnull\nend");
}

static void test_a_number_that_ends_with_the_stream_is_handed_out(void **state)
{
    (void)state;
    assert_stream("12 -3.5e+7", "12\n-3.5e+7\nend");
    assert_stream("2E-7", "2E-7\nend");
    assert_stream("7", "7\nend");
    assert_stream("true", "true\nend");
}

static void test_what_stays_whole_stays_as_it_was_written(void **state)
{
    (void)state;
    assert_stream("{ \"a\" : [ 1 ,\r\n 2 ] , \"b\\u0041\" : \"\\n\xC3\xA9\" }",
                  "{ \"a\" : [ 1 ,\r\n 2 ] , \"b\\u0041\" : \"\\n\xC3\xA9\" }\nend");
}

static void test_escapes_and_brackets_in_strings_end_nothing(void **state)
{
    (void)state;
    assert_stream(
        "[\"\\\"]\",\"\\\\\",\"}{][\",\"\\\\\\\"\",\"\\/\\b\\f\\n\\r\\t\\uD83d\\udD12\"]",
        "[\"\\\"]\",\"\\\\\",\"}{][\",\"\\\\\\\"\",\"\\/\\b\\f\\n\\r\\t\\uD83d\\udD12\"]\n"
        "end");
}

static void test_long_strings_are_scanned_right_at_every_alignment(void **state)
{
    (void)state;
    for (size_t before = 0; before < 20; before++) {
        for (size_t after = 0; after < 20; after++) {
            char text[64], expected[128];

            (void)sprintf(text, "\"%.*s\\\"%.*s\"", (int)before, "aaaaaaaaaaaaaaaaaaaa", (int)after,
                          "bbbbbbbbbbbbbbbbbbbb");
            (void)sprintf(expected, "%s\nend", text);
            assert_stream(text, expected);
        }
    }
}

static void test_bytes_above_ascii_pass_strings(void **state)
{
    (void)state;
    for (int c = 0x80; c < 0x100; c++) {
        char text[] = "\"aaaaaaaaaaaaX\"", expected[32];

        text[13] = (char)c;
        (void)sprintf(expected, "%s\nend", text);
        assert_stream(text, expected);
    }
}

static const char *const garbage[][2] = {
    {"}", "unexpected '}' at byte 0"},
    {"]", "unexpected ']' at byte 0"},
    {",", "unexpected ',' at byte 0"},
    {":", "unexpected ':' at byte 0"},
    {"x", "unexpected 'x' at byte 0"},
    {"\x01", "unexpected byte 0x01 at byte 0"},
    {"\x7F", "unexpected byte 0x7f at byte 0"},
    {"~", "unexpected '~' at byte 0"},
    {"\xEF\xBB\xBF{}", "unexpected byte 0xef at byte 0"},
    {"+1", "unexpected '+' at byte 0"},
    {".5", "unexpected '.' at byte 0"},
    {"'a'", "unexpected ''' at byte 0"},
    {"{]", "unexpected ']' at byte 1"},
    {"[}", "unexpected '}' at byte 1"},
    {"[1}", "unexpected '}' at byte 2"},
    {"{\"a\":1]", "unexpected ']' at byte 6"},
    {"{,}", "unexpected ',' at byte 1"},
    {"[,1]", "unexpected ',' at byte 1"},
    {"[1,]", "unexpected ']' at byte 3"},
    {"[1,,2]", "unexpected ',' at byte 3"},
    {"[1 2]", "unexpected '2' at byte 3"},
    {"[\"a\" \"b\"]", "unexpected '\"' at byte 5"},
    {"[[] []]", "unexpected '[' at byte 4"},
    {"{\"a\":1,}", "unexpected '}' at byte 7"},
    {"{\"a\"}", "unexpected '}' at byte 4"},
    {"{\"a\",1}", "unexpected ',' at byte 4"},
    {"{\"a\":}", "unexpected '}' at byte 5"},
    {"{\"a\"::1}", "unexpected ':' at byte 5"},
    {"{\"a\":1 \"b\":2}", "unexpected '\"' at byte 7"},
    {"{a:1}", "unexpected 'a' at byte 1"},
    {"{1:1}", "unexpected '1' at byte 1"},
    {"{null:1}", "unexpected 'n' at byte 1"},
    {"{[]:1}", "unexpected '[' at byte 1"},
    {"truf", "unexpected 'f' at byte 3"},
    {"[nul]", "unexpected ']' at byte 4"},
    {"[falsy]", "unexpected 'y' at byte 5"},
    {"[truee]", "unexpected 'e' at byte 5"},
    {"truefalse", "unexpected 'f' at byte 4"},
    {"1true", "unexpected 't' at byte 1"},
    {"1\"a\"", "unexpected '\"' at byte 1"},
    {"null{}", "unexpected '{' at byte 4"},
    {"[\"\n\"]", "unexpected byte 0x0a at byte 2"},
    {"[\"aaaaaaaaaaaaaaa\x1f\"]", "unexpected byte 0x1f at byte 17"},
    {"\"\\x\"", "unexpected 'x' at byte 2"},
    {"\"\\U0041\"", "unexpected 'U' at byte 2"},
    {"\"\\\n\"", "unexpected byte 0x0a at byte 2"},
    {"\"\\u\"", "unexpected '\"' at byte 3"},
    {"\"\\u12g4\"", "unexpected 'g' at byte 5"},
    {"\"\\u123 \"", "unexpected byte 0x20 at byte 6"},
    {"[1]]", "unexpected ']' at byte 3"},
    {"[1] x", "unexpected 'x' at byte 4"},
};

static const struct projection nothing[] = {{NULL, NULL}};
static const struct projection all[] = {{"*", NULL}, {NULL, NULL}};

/* Whatever is done with the values: kept, dropped, or looked into. */
static void test_garbage_is_refused_with_its_place(void **state)
{
    static const struct projection *const keeps[] = {NULL, nothing, all};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(garbage); i++) {
        for (size_t k = 0; k < COUNT_OF(keeps); k++) {
            char *got =
                sliced(SLICE_STREAM, keeps[k], garbage[i][0], strlen(garbage[i][0]), 100, 1);
            char expected[128];

            (void)sprintf(expected, "error: Invalid: not JSON: %s", garbage[i][1]);
            assert_contains(got, expected);
            assert_sliced(SLICE_STREAM, keeps[k], garbage[i][0], got);
            free(got);
        }
    }
}

/* The same one level down, where what is dropped is only skimmed. */
static void test_garbage_in_a_dropped_member_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(garbage); i++) {
        char *text = malloc(strlen(garbage[i][0]) + 16), *got;

        (void)sprintf(text, "{\"a\":[%s", garbage[i][0]);
        got = sliced(SLICE_STREAM, nothing, text, strlen(text), 100, 1);
        assert_contains(got, "error: Invalid: not JSON: ");
        assert_sliced(SLICE_STREAM, nothing, text, got);
        free(text);
        free(got);
    }
}

static void test_nul_bytes_are_refused(void **state)
{
    static const char texts[][6] = {"\0", "{\0}", "\"a\0\"", "[1\0]", "t\0ue"};
    static const size_t lens[] = {1, 3, 4, 4, 4};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char *got = sliced(SLICE_STREAM, NULL, texts[i], lens[i], 10, 10);

        assert_contains(got, "error: Invalid: not JSON: unexpected byte 0x00 at byte ");
        free(got);
    }
}

static void test_every_truncated_end_is_refused(void **state)
{
    static const char text[] =
        " {\"a\":[1.5e3,{\"b\\n\":\"\\u00e9\\\\\"},true,false,null],\"c\":{}}";

    (void)state;
    for (size_t len = 2; len < sizeof(text) - 1; len++) {
        char cut[sizeof(text)], expected[128];

        memcpy(cut, text, len);
        cut[len] = '\0';
        (void)sprintf(expected,
                      "error: Invalid: not JSON: ends in the middle of a value after %zu bytes",
                      len);
        assert_stream(cut, expected);
        assert_sliced(SLICE_STREAM, nothing, cut, expected);
        assert_sliced(SLICE_STREAM, all, cut, expected);
    }
    assert_stream("\"", "error: Invalid: not JSON: ends in the middle of a value after 1 bytes");
    assert_stream("tru", "error: Invalid: not JSON: ends in the middle of a value after 3 bytes");
}

static void test_values_before_the_bad_one_were_handed_out(void **state)
{
    (void)state;
    assert_stream("{\"a\":1}\n[2]\n}",
                  "{\"a\":1}\n[2]\nerror: Invalid: not JSON: unexpected '}' at byte 12");
}

static int refuse(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    unsigned *count = ctx;

    (void)kind;
    (void)text;
    (void)len;
    return ++*count < 2 ? 0 : err_set(err, ERR_CANCELED, "enough");
}

static void test_what_the_callback_returns_stops_the_stream(void **state)
{
    static const char *const texts[] = {"{} {} {}", "1 2 3", "[] \"x\" null"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct err err = {0};
        unsigned count = 0;
        struct slice *s = slice_new(SLICE_STREAM, NULL, 100, refuse, &count, &err);

        assert_int_equal(slice_feed(s, texts[i], strlen(texts[i]), &err), -1);
        assert_int_equal(err.code, ERR_CANCELED);
        assert_string_equal(err.msg, "enough");
        assert_int_equal(count, 2);
        assert_int_equal(slice_values(s), 2);
        slice_free(s);
    }
}

static void test_the_callback_may_stop_at_the_end_too(void **state)
{
    struct err err = {0};
    unsigned count = 1;
    struct slice *s = slice_new(SLICE_STREAM, NULL, 100, refuse, &count, &err);

    (void)state;
    assert_int_equal(slice_feed(s, "12", 2, &err), 0);
    assert_int_equal(slice_end(s, &err), -1);
    assert_int_equal(err.code, ERR_CANCELED);
    slice_free(s);
}

static void test_feeding_nothing_changes_nothing(void **state)
{
    struct err err = {0};
    unsigned count = 0;
    struct slice *s = slice_new(SLICE_STREAM, NULL, 100, refuse, &count, &err);

    (void)state;
    assert_int_equal(slice_feed(s, "", 0, &err), 0);
    assert_int_equal(slice_feed(s, "{\"a", 3, &err), 0);
    assert_int_equal(slice_feed(s, "", 0, &err), 0);
    assert_int_equal(slice_feed(s, "\":1}", 4, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(slice_end(s, &err), 0);
    slice_free(s);
    slice_free(NULL);
}

static int feed_small_chunks(void *ctx, struct err *err)
{
    static const char text[] =
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a name that makes "
        "the buffer grow beyond its first block\"}}}\n{\"type\":\"DELETED\"}";
    unsigned count = 0;
    struct slice *s = slice_new(SLICE_STREAM, ctx, 1000, refuse, &count, err);
    int r = 0;

    if (!s)
        return -1;
    for (size_t at = 0; r == 0 && at < 100; at += 5)
        r = slice_feed(s, text + at, 5, err);
    slice_free(s);
    return r;
}

static void test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(sweep(feed_small_chunks, NULL) >= 3);
    assert_true(sweep(feed_small_chunks, (void *)(uintptr_t)all) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_stream_is_a_whole_stream),
        cmocka_unit_test(test_values_come_out_one_by_one),
        cmocka_unit_test(test_lines_may_end_in_crlf_or_not_at_all),
        cmocka_unit_test(test_every_type_may_stand_at_the_top),
        cmocka_unit_test(test_a_number_that_ends_with_the_stream_is_handed_out),
        cmocka_unit_test(test_what_stays_whole_stays_as_it_was_written),
        cmocka_unit_test(test_escapes_and_brackets_in_strings_end_nothing),
        cmocka_unit_test(test_long_strings_are_scanned_right_at_every_alignment),
        cmocka_unit_test(test_bytes_above_ascii_pass_strings),
        cmocka_unit_test(test_garbage_is_refused_with_its_place),
        cmocka_unit_test(test_garbage_in_a_dropped_member_is_refused),
        cmocka_unit_test(test_nul_bytes_are_refused),
        cmocka_unit_test(test_every_truncated_end_is_refused),
        cmocka_unit_test(test_values_before_the_bad_one_were_handed_out),
        cmocka_unit_test(test_what_the_callback_returns_stops_the_stream),
        cmocka_unit_test(test_the_callback_may_stop_at_the_end_too),
        cmocka_unit_test(test_feeding_nothing_changes_nothing),
        cmocka_unit_test(test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
