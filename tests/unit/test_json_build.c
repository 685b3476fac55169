#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/decode.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

static struct strbuf out;
static struct json_build build;
static struct arena arena;

static int start(void **state)
{
    (void)state;
    strbuf_init(&out, 100000);
    json_build_init(&build, &out);
    arena_init(&arena, 16u << 20);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    strbuf_done(&out);
    arena_done(&arena);
    return 0;
}

static int use_allocator(void **state)
{
    (void)state;
    json_use_allocator(1);
    return 0;
}

static void test_members_come_in_the_order_of_the_calls(void **state)
{
    (void)state;
    json_open_obj(&build, NULL);
    json_add_str(&build, "z", "text");
    json_add_int(&build, "i", -42);
    json_add_bool(&build, "t", true);
    json_add_bool(&build, "f", false);
    json_add_null(&build, "n");
    json_add_raw(&build, "raw", "[1,{}]");
    json_open_obj(&build, "o");
    json_open_arr(&build, "a");
    json_close_arr(&build);
    json_add_int(&build, "b", 1);
    json_close_obj(&build);
    json_open_arr(&build, "list");
    json_add_str(&build, NULL, "x");
    json_add_int(&build, NULL, 1);
    json_open_obj(&build, NULL);
    json_close_obj(&build);
    json_open_arr(&build, NULL);
    json_add_null(&build, NULL);
    json_close_arr(&build);
    json_close_arr(&build);
    json_close_obj(&build);
    assert_int_equal(build.depth, 0);
    assert_string_equal(
        out.text, "{\"z\":\"text\",\"i\":-42,\"t\":true,\"f\":false,\"n\":null,\"raw\":[1,{}],"
                  "\"o\":{\"a\":[],\"b\":1},\"list\":[\"x\",1,{},[null]]}");
}

static void test_a_scalar_may_stand_alone(void **state)
{
    (void)state;
    json_add_int(&build, NULL, INT64_MIN);
    assert_string_equal(out.text, "-9223372036854775808");
}

static void test_strings_and_names_are_escaped(void **state)
{
    (void)state;
    json_open_obj(&build, NULL);
    json_add_str(&build, "q\"", "\"\\/\b\f\n\r\t\x01\x1f\x7f\xC3\xA9\xF0\x9F\x94\x92");
    json_close_obj(&build);
    assert_string_equal(out.text, "{\"q\\\"\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xC3\xA9"
                                  "\xF0\x9F\x94\x92\"}");
}

static void test_every_text_comes_back_when_it_is_read(void **state)
{
    (void)state;
    for (uint32_t first = 1; first < 256; first++) {
        char text[] = {'a', (char)first, 'b', '"', (char)first, '\0'};
        json_auto_t *value = NULL;

        strbuf_clear(&out);
        json_build_init(&build, &out);
        json_add_str(&build, NULL, text);
        value = json_decode(out.text, out.len, NULL);
        assert_non_null(value);
        if (first < 0x80)
            assert_string_equal(json_string_value(value), text);
        else
            assert_string_equal(json_string_value(value), "a\xEF\xBF\xBD"
                                                          "b\"\xEF\xBF\xBD");
    }
}

static void test_the_deepest_level_can_be_built(void **state)
{
    (void)state;
    for (int i = 0; i < JSON_BUILD_DEPTH_MAX; i++)
        json_open_arr(&build, NULL);
    for (int i = 0; i < JSON_BUILD_DEPTH_MAX; i++)
        json_close_arr(&build);
    assert_int_equal(out.len, 2 * JSON_BUILD_DEPTH_MAX);
}

static void test_what_does_not_fit_shows_in_the_buffer(void **state)
{
    (void)state;
    strbuf_done(&out);
    strbuf_init(&out, 10);
    json_open_obj(&build, NULL);
    json_add_str(&build, "name", "too long for it");
    json_close_obj(&build);
    assert_int_equal(strbuf_check(&out, "patch", NULL), -1);
    assert_int_equal(out.broke, ERR_LIMIT);
}

static const char *canonical(const char *text)
{
    json_auto_t *value = json_decode(text, strlen(text), NULL);

    assert_non_null(value);
    return json_canonical(value, &arena, NULL);
}

static void test_canonical_text_is_sorted_compact_and_without_null_members(void **state)
{
    static const char *const cases[][2] = {
        {" { \"b\" : 1 , \"a\" : [ 2 , 1 ] } ", "{\"a\":[2,1],\"b\":1}"},
        {"{\"a\":null,\"b\":{\"c\":null}}", "{\"b\":{}}"},
        {"[null,{},[],null]", "[null,{},[],null]"},
        {"{\"aa\":1,\"a\":2,\"B\":3,\"\":4,\"\xC3\xA9\":5}",
         "{\"\":4,\"B\":3,\"a\":2,\"aa\":1,\"\xC3\xA9\":5}"},
        {"\"\\u0041\\n\\u00e9\\/\"", "\"A\\n\xC3\xA9/\""},
        {"-9223372036854775808", "-9223372036854775808"},
        {"[1.5,1e3,0.1]", "[1.5,1000,0.10000000000000001]"},
        {"[-0.0,-0,0,1e17,1e-7]", "[0,0,0,1e+17,9.9999999999999995e-08]"},
        {"[true,false]", "[true,false]"},
        {"null", "null"},
        {"{\"k\\\"\":1}", "{\"k\\\"\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(canonical(cases[i][0]), cases[i][1]);
}

static void test_the_order_of_members_makes_no_difference(void **state)
{
    (void)state;
    assert_string_equal(canonical("{\"x\":{\"b\":[{\"d\":1,\"c\":2}],\"a\":null},\"y\":1}"),
                        canonical("{\"y\":1,\"x\":{\"b\":[{\"c\":2,\"d\":1}]}}"));
}

static void test_the_order_of_elements_makes_a_difference(void **state)
{
    (void)state;
    assert_string_not_equal(canonical("[1,2]"), canonical("[2,1]"));
    assert_string_not_equal(canonical("{\"a\":{}}"), canonical("{}"));
    assert_string_not_equal(canonical("{\"a\":[]}"), canonical("{\"a\":[{}]}"));
}

static void test_canonical_text_is_canonical_already(void **state)
{
    const char *once = canonical("{\"b\":[{\"z\":1,\"a\":\"\\u001f\"}],\"a\":{\"y\":-1.25}}");

    (void)state;
    assert_string_equal(canonical(once), once);
}

static void test_canonical_text_has_ceilings(void **state)
{
    json_t *deep = json_array(); /* and JSON_DEPTH_MAX - 1 around it */
    struct err err = {0};
    char *large;
    json_t *value;

    (void)state;
    for (int i = 0; i < JSON_DEPTH_MAX - 1; i++) {
        value = json_array();
        json_array_append_new(value, deep);
        deep = value;
    }
    assert_non_null(json_canonical(deep, &arena, &err));
    value = json_object();
    json_object_set_new(value, "a", deep);
    assert_null(json_canonical(value, &arena, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    json_decref(value);
    large = text_repeat("x", CANONICAL_LEN_MAX);
    value = json_string(large);
    assert_null(json_canonical(value, &arena, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    json_decref(value);
    free(large);
}

static int make_canonical(void *ctx, struct err *err)
{
    AUTO_ARENA a;

    arena_init(&a, 1u << 20);
    return json_canonical(ctx, &a, err) ? 0 : -1;
}

static void test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing(void **state)
{
    static const char text[] = "{\"b\":[{\"z\":1,\"a\":\"a text that is long enough to make the "
                               "buffer grow at least once or twice\"}],\"a\":{\"y\":-1.25}}";
    json_t *value = json_decode(text, sizeof(text) - 1, NULL);

    (void)state;
    assert_true(sweep(make_canonical, value) >= 5);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_members_come_in_the_order_of_the_calls, start, stop),
        cmocka_unit_test_setup_teardown(test_a_scalar_may_stand_alone, start, stop),
        cmocka_unit_test_setup_teardown(test_strings_and_names_are_escaped, start, stop),
        cmocka_unit_test_setup_teardown(test_every_text_comes_back_when_it_is_read, start, stop),
        cmocka_unit_test_setup_teardown(test_the_deepest_level_can_be_built, start, stop),
        cmocka_unit_test_setup_teardown(test_what_does_not_fit_shows_in_the_buffer, start, stop),
        cmocka_unit_test_setup_teardown(
            test_canonical_text_is_sorted_compact_and_without_null_members, start, stop),
        cmocka_unit_test_setup_teardown(test_the_order_of_members_makes_no_difference, start, stop),
        cmocka_unit_test_setup_teardown(test_the_order_of_elements_makes_a_difference, start, stop),
        cmocka_unit_test_setup_teardown(test_canonical_text_is_canonical_already, start, stop),
        cmocka_unit_test_setup_teardown(test_canonical_text_has_ceilings, start, stop),
        cmocka_unit_test_setup_teardown(
            test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing, start, stop),
    };

    return cmocka_run_group_tests(tests, use_allocator, NULL);
}
