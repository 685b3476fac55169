#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/rng.h"
#include "rampart/json/decode.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

static int use_allocator(void **state)
{
    (void)state;
    json_use_allocator(1);
    return 0;
}

/* Both ways to read @text; @ret_is_valid says what jansson thinks, and equal is what they must be.
 */
static void assert_reads_like_jansson(const char *text, size_t len)
{
    struct err err = {0};
    json_error_t why;
    json_auto_t *theirs = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    json_auto_t *ours = json_decode(text, len, &err);

    if (!ours != !theirs)
        fail_msg("%.*s: ours says \"%s\", jansson \"%s\"", (int)len, text, err.msg, why.text);
    if (ours && !json_equal(ours, theirs))
        fail_msg("%.*s: read differently", (int)len, text);
    if (!ours)
        assert_int_equal(err.code, ERR_INVALID);
}

static const char *const valid[] = {
    "{}",
    "[]",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "1.5",
    "-1.5e3",
    "1E+2",
    "1e-2",
    "0.0",
    "9223372036854775807",
    "-9223372036854775808",
    "1e308",
    "5e-324",
    "1e-400",
    "\"\"",
    "\"a\"",
    " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n",
    "{\"a\":{\"a\":{\"a\":[[[]]]}}}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0041\\u00e9\\u20AC\\ud83d\\udd12\"",
    "\"\xC3\xA9\xF0\x9F\x94\x92\"",
    "{\"\":1}",
    "{\"a\":null,\"b\":false}",
    "{\"\\u0061\":1,\"b\":2}",
    "[1,\"two\",3.0,null,{\"4\":5}]",
    "{\"\\\"\":{\"\\\\\":[\"\\n\"]}}",
};

static const char *const invalid[] = {
    "",
    " ",
    "{",
    "[",
    "}",
    "]",
    ",",
    ":",
    "\"",
    "\"a",
    "{]",
    "[}",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{1:1}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{null:1}",
    "nul",
    "nulll",
    "tru",
    "True",
    "fals",
    "+1",
    "-",
    "01",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "--1",
    "0x1",
    "1a",
    "NaN",
    "Infinity",
    "9223372036854775808",
    "-9223372036854775809",
    "1e309",
    "-1e400",
    "\"\n\"",
    "\"\t\"",
    "\"\x01\"",
    "\"\\",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u\"",
    "\"\\u12\"",
    "\"\\u123g\"",
    "\"\\u0000\"",
    "{\"\\u0000\":1}",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800x\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud800\\ud800\"",
    "\"\xFF\"",
    "\"\xC3\"",
    "\"\xED\xA0\x80\"",
    "\"\xC0\x80\"",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"\\u0061\":2}",
    "{} {}",
    "1 2",
    "{}x",
    "[]]",
    "\xEF\xBB\xBF{}",
    "'a'",
    "// x\n1",
    "/**/1",
    "[1]//",
    "\x00",
    "{\"a\":\"b\"",
    "[{\"a\":[1,2",
    "\x7F",
};

static void test_valid_text_is_read_as_jansson_reads_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(valid); i++) {
        json_auto_t *value = json_decode(valid[i], strlen(valid[i]), NULL);

        if (!value)
            fail_msg("refused: %s", valid[i]);
        assert_reads_like_jansson(valid[i], strlen(valid[i]));
    }
}

static void test_bad_text_is_refused_with_the_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(invalid); i++) {
        struct err err = {0};

        if (json_decode(invalid[i], strlen(invalid[i]), &err))
            fail_msg("accepted: %s", invalid[i]);
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, "at byte ");
        assert_reads_like_jansson(invalid[i], strlen(invalid[i]));
    }
}

static void test_nobody_has_to_care_why(void **state)
{
    (void)state;
    assert_null(json_decode("{", 1, NULL));
}

static void test_nul_bytes_are_refused_wherever_they_are(void **state)
{
    static const char texts[][8] = {"\0", "{}\0", "[\0]", "\"\0\"", "1\0", "{\"\0\":1}", "[1\0]"};
    static const size_t lens[] = {1, 3, 3, 3, 2, 7, 4};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_null(json_decode(texts[i], lens[i], NULL)); /* jansson takes the last but one */
    }
}

static void test_a_message_says_what_and_where(void **state)
{
    static const char *const cases[][2] = {
        {"{\"a\":1,\"a\":2}", "not JSON: a member's name comes twice, the second time at byte 10"},
        {"[1,", "not JSON: the text ends at byte 3"},
        {"[x]", "not JSON: a number does not go on like this at byte 1"},
        {"[1 2]", "not JSON: expected a comma or ] at byte 3"},
        {"{} 1", "not JSON: something follows the value at byte 3"},
        {"tru", "not JSON: no value starts like this at byte 0"},
        {"\"\\n", "not JSON: a string does not go on like this at byte 3"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err err = {0};

        assert_null(json_decode(cases[i][0], strlen(cases[i][0]), &err));
        assert_string_equal(err.msg, cases[i][1]);
    }
}

static void test_every_cut_of_a_text_is_refused(void **state)
{
    static const char text[] =
        "{\"a\":[1.5e+3,{\"b\":\"\\u00e9\\ud83d\\udd12\\n\"},true,false,null],\"\\u0063\":-12}";

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        char *exact = mem_strndup(text, len); /* AddressSanitizer sees a read past the end */
        char *cut = malloc(len ? len : 1);

        memcpy(cut, text, len);
        assert_null(json_decode(cut, len, NULL));
        assert_reads_like_jansson(exact, len);
        free(cut);
        mem_free(exact);
    }
    assert_reads_like_jansson(text, sizeof(text) - 1);
}

static void test_what_stands_behind_the_end_makes_no_difference(void **state)
{
    static const char *const texts[] = {"-0",   "1e+5",      "12.5",        "[1]",
                                        "[1 ]", "{\"a\":1}", "\"\\u0041\"", "true"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        for (size_t len = 0; len < strlen(texts[i]); len++) {
            struct err of_cut = {0}, of_whole = {0};
            char *cut = mem_strndup(texts[i], len);
            json_auto_t *alone = json_decode(cut, len, &of_cut);
            json_auto_t *followed = json_decode(texts[i], len, &of_whole);

            assert_string_equal(of_whole.msg, of_cut.msg);
            assert_int_equal(json_equal(alone, followed), alone != NULL);
            mem_free(cut);
        }
    }
}

static void test_the_deepest_level_is_read_and_the_next_is_refused(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        for (int kind = 0; kind < 2; kind++) {
            char *open = text_repeat(kind ? "[" : "{\"a\":", JSON_DEPTH_MAX - 1 + (size_t)extra);
            char *close = text_repeat(kind ? "]" : "}", JSON_DEPTH_MAX - 1 + (size_t)extra);
            char *text = malloc(strlen(open) + strlen(close) + 3);
            struct err err = {0};
            json_t *value;

            (void)sprintf(text, "%s[]%s", open, close);
            value = json_decode(text, strlen(text), &err);
            assert_int_equal(value == NULL, extra);
            assert_int_equal(err.code, extra ? ERR_LIMIT : ERR_NONE);
            json_decref(value);
            free(open);
            free(close);
            free(text);
        }
    }
}

static void test_siblings_do_not_add_up_to_depth(void **state)
{
    char *many = text_repeat("[],{},", 1000);
    char *text = malloc(strlen(many) + 4);

    (void)state;
    (void)sprintf(text, "[%s0]", many);
    json_decref(json_decode(text, strlen(text), NULL));
    assert_reads_like_jansson(text, strlen(text));
    free(many);
    free(text);
}

static void test_long_strings_and_names_are_read_whole(void **state)
{
    (void)state;
    for (size_t len = 0; len < 300; len += 7) {
        char *plain = text_repeat("x", len), *escapes = text_repeat("\\u00e9", len);
        char *text = malloc(16 * len + 64);

        (void)sprintf(text, "{\"%s\":\"%s\",\"e%s\":\"%s\"}", plain, escapes, escapes, plain);
        assert_reads_like_jansson(text, strlen(text));
        free(plain);
        free(escapes);
        free(text);
    }
}

/* One byte changed, added or taken away: as long as jansson agrees, all is well. */
static void test_broken_texts_are_judged_as_jansson_judges_them(void **state)
{
    static const char alphabet[] = "{}[]:,\"\\u0aeE+-.tfn1 \n\xC3\xA9\x80";
    struct rng r;

    (void)state;
    rng_init(&r, 2024);
    for (int round = 0; round < 60000; round++) {
        const char *seed = valid[rng_below(&r, COUNT_OF(valid))];
        size_t len = strlen(seed);
        char text[128];

        memcpy(text, seed, len + 1);
        for (uint64_t changes = rng_range(&r, 1, 3); changes > 0; changes--) {
            size_t at = (size_t)rng_below(&r, len + 1);
            char c = alphabet[rng_below(&r, sizeof(alphabet) - 1)];

            switch (rng_below(&r, 3)) {
            case 0:
                memmove(text + at + 1, text + at, len - at + 1);
                text[at] = c;
                len++;
                break;
            case 1:
                if (at < len)
                    text[at] = c;
                break;
            default:
                if (at < len) {
                    memmove(text + at, text + at + 1, len - at);
                    len--;
                }
                break;
            }
        }
        assert_reads_like_jansson(text, len);
    }
}

static int decode(void *ctx, struct err *err)
{
    const char *text = ctx;
    json_t *value = json_decode(text, strlen(text), err);

    json_decref(value);
    return value ? 0 : -1;
}

/* json_loadb() would abort here, or read another value than the one in the text. */
static void test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing(void **state)
{
    static char text[] =
        "{\"metadata\":{\"name\":\"a name that is longer than "
        "sixteen\",\"labels\":{\"\\u0061\":\"1\"}},"
        "\"list\":[1,2,3,4,5,6,7,8,9,10,-1234567890123456.5,{\"a\":[]},\"\\n\\n\\n\"],\"x\":true}";
    static char number[] = "-1234567890123456.5";

    (void)state;
    assert_int_equal(sweep(decode, number), 2);
    assert_true(sweep(decode, text) > 30);
    assert_reads_like_jansson(text, strlen(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_text_is_read_as_jansson_reads_it),
        cmocka_unit_test(test_bad_text_is_refused_with_the_place),
        cmocka_unit_test(test_nobody_has_to_care_why),
        cmocka_unit_test(test_nul_bytes_are_refused_wherever_they_are),
        cmocka_unit_test(test_a_message_says_what_and_where),
        cmocka_unit_test(test_every_cut_of_a_text_is_refused),
        cmocka_unit_test(test_what_stands_behind_the_end_makes_no_difference),
        cmocka_unit_test(test_the_deepest_level_is_read_and_the_next_is_refused),
        cmocka_unit_test(test_siblings_do_not_add_up_to_depth),
        cmocka_unit_test(test_long_strings_and_names_are_read_whole),
        cmocka_unit_test(test_broken_texts_are_judged_as_jansson_judges_them),
        cmocka_unit_test(test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, use_allocator, NULL);
}
