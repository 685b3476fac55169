/* YAML as JSON: what each scalar means, and what is refused with its line. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/strbuf.h"
#include "rampart/yaml/yaml.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

/* All documents as compact JSON, one a line, each after its line number. */
static int add_document(void *ctx, const json_t *document, size_t line, struct err *err)
{
    struct strbuf *out = ctx;
    char *text = json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);

    if (!text)
        return err_nomem(err);
    strbuf_addf(out, "%zu %s\n", line, text);
    mem_free(text);
    return 0;
}

static int decode(const char *text, size_t len, struct strbuf *out, struct err *err)
{
    strbuf_init(out, 1u << 24);
    *err = (struct err){0};
    return yaml_decode(text, len, add_document, out, err);
}

static void assert_json(const char *text, const char *expected)
{
    AUTO_STRBUF out;
    struct err err;

    if (decode(text, strlen(text), &out, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    assert_string_equal(out.text, expected);
}

static void test_yaml_scalars_follow_the_core_schema(void **state)
{
    static const struct {
        const char *yaml, *json;
    } cases[] = {
        {"null", NULL},
        {"~", NULL},
        {"Null", NULL},
        {"", NULL},
        {"true", "true"},
        {"True", "true"},
        {"TRUE", "true"},
        {"tRUE", "\"tRUE\""},
        {"false", "false"},
        {"False", "false"},
        {"FALSE", "false"},
        {"yes", "\"yes\""},
        {"no", "\"no\""},
        {"on", "\"on\""},
        {"off", "\"off\""},
        {"y", "\"y\""},
        {"n", "\"n\""},
        {"0", "0"},
        {"-0", "0"},
        {"+12", "12"},
        {"-7", "-7"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "9.2233720368547758e18"},
        {"0o17", "15"},
        {"0x1F", "31"},
        {"0xfg", "\"0xfg\""},
        {"0o8", "\"0o8\""},
        {"1.5", "1.5"},
        {".5", "0.5"},
        {"1.", "1.0"},
        {"1e3", "1000.0"},
        {"-1.5E-1", "-0.14999999999999999"},
        {"1e", "\"1e\""},
        {".", "\".\""},
        {"-", "[null]"},
        {"+", "\"+\""},
        {"1_000", "\"1_000\""},
        {"1.2.3", "\"1.2.3\""},
        {"12:30:45", "\"12:30:45\""},
        {"2026-01-02", "\"2026-01-02\""},
        {"0.0.0.0/0", "\"0.0.0.0/0\""},
        {"'true'", "\"true\""},
        {"\"12\"", "\"12\""},
        {"'it''s'", "\"it's\""},
        {"\"a\\tb\\u00e9\"", "\"a\\tb\xc3\xa9\""},
        {"!!str 12", "\"12\""},
        {"! 12", "\"12\""},
        {"|\n  a\n  b\n", "\"a\\nb\\n\""},
        {">-\n  a\n  b\n", "\"a b\""},
        {"''", "\"\""},
        {"a # comment", "\"a\""},
        {"'0755'", "\"0755\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char expected[64] = "";

        if (cases[i].json)
            snprintf(expected, sizeof(expected), "1 %s\n", cases[i].json);
        assert_json(cases[i].yaml, expected);
    }
}

static void test_yaml_collections_become_objects_and_arrays(void **state)
{
    (void)state;
    assert_json("a: 1\nb: [x, {c: d}]\ne:\n- f\n-\n  - g\n",
                "1 {\"a\":1,\"b\":[\"x\",{\"c\":\"d\"}],\"e\":[\"f\",[\"g\"]]}\n");
    assert_json("{}", "1 {}\n");
    assert_json("[]", "1 []\n");
    assert_json("a:\n", "1 {\"a\":null}\n");
    assert_json("{\"a\":{\"b\":[1,2,null,true,\"x\"]}}",
                "1 {\"a\":{\"b\":[1,2,null,true,\"x\"]}}\n"); /* JSON is YAML */
}

static void test_yaml_keys_are_strings_whatever_they_look_like(void **state)
{
    (void)state;
    assert_json("1: a\ntrue: b\n~: c\n'x': d\n",
                "1 {\"1\":\"a\",\"true\":\"b\",\"x\":\"d\",\"~\":\"c\"}\n");
}

static void test_yaml_documents_come_with_their_line_and_empty_ones_do_not(void **state)
{
    (void)state;
    assert_json("a: 1\n---\nb: 2\n---\n# nothing\n---\n\nc: 3\n...\n",
                "1 {\"a\":1}\n2 {\"b\":2}\n6 {\"c\":3}\n");
    assert_json("", "");
    assert_json("# only a comment\n", "");
    assert_json("---\n---\n", "");
    assert_json("\xef\xbb\xbf"
                "a: 1\n",
                "1 {\"a\":1}\n"); /* a byte order mark, as some editors leave it */
    assert_json("a: 1\r\nb: 2\r\n", "1 {\"a\":1,\"b\":2}\n");
}

static void test_yaml_refuses_with_line_and_column(void **state)
{
    static const struct {
        const char *yaml, *words;
    } cases[] = {
        {"a: &x 1\n", "line 1, column 4: anchors"},
        {"a: &x [1]\n", "line 1, column 4: anchors"},
        {"a: &x {b: c}\n", "line 1, column 4: anchors"},
        {"a: *x\n", "line 1, column 4: aliases"},
        {"a: !!int 5\n", "line 1, column 4: tags"},
        {"a: !custom {}\n", "line 1, column 4: tags"},
        {"a: !!binary aGk=\n", "tags"},
        {"a:\n  <<: {b: c}\n", "line 2, column 3: merge keys"},
        {"? [a, b]\n: c\n", "line 1, column 3: a key must be a plain value"},
        {"{{a: b}: c}\n", "a key must be a plain value"},
        {"a: 1\nb: 2\na: 3\n", "line 3: the key \"a\" is there twice"},
        {"x:\n  a: 1\n  'a': 3\n", "line 3: the key \"a\" is there twice"},
        {"a: .inf\n", "line 1, column 4: .inf has no JSON form"},
        {"a: .nan\n", "has no JSON form"},
        {"a: 1e999\n", "too large"},
        {"a: 0xffffffffffffffffff\n", "too large"},
        {"mode: 0755\n", "line 1, column 7: a number with a leading zero"},
        {"mode: -01\n", "leading zero"},
        {"a: \"x\\0y\"\n", "line 1, column 4: a NUL"},
        {"\"a\\0\": y\n", "a NUL"},
        {"a:\n\tb: c\n", "line 2, column 1: a tab in the indentation"},
        {"a:\n  b: c\n\td: e\n", "line 3, column 1: a tab in the indentation"},
        {"a: [1, 2\n", "line 2"},
        {"a: b: c\n", "line 1, column 5"},
        {"a: 'open\n", "line 2"},
        {"\xff\xfe\xff", "not UTF-8"},
        {"a: \xc3(\n", "not UTF-8"},
        {"a: \x01\n", "not UTF-8 text"},
        {"%YAML 3.0\n---\na: 1\n", "line 1"},
        {"- a\nb: c\n", "line 2"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_STRBUF out;
        struct err err;

        assert_int_equal(decode(cases[i].yaml, strlen(cases[i].yaml), &out, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, cases[i].words);
    }
}

static void test_yaml_depth_has_a_ceiling(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        char *open = text_repeat("[", YAML_DEPTH_MAX + (size_t)extra);
        char *close = text_repeat("]", YAML_DEPTH_MAX + (size_t)extra);
        AUTO_STRBUF text;
        AUTO_STRBUF out;
        struct err err;

        strbuf_init(&text, 1u << 20);
        strbuf_addf(&text, "%s%s", open, close);
        assert_int_equal(decode(text.text, text.len, &out, &err), extra ? -1 : 0);
        assert_int_equal(err.code, extra ? ERR_LIMIT : ERR_NONE);
        free(open);
        free(close);
    }
}

static void test_yaml_documents_have_a_ceiling(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        char *text = text_repeat("---\na: 1\n", YAML_DOCUMENTS_MAX + (size_t)extra);
        AUTO_STRBUF out;
        struct err err;

        assert_int_equal(decode(text, strlen(text), &out, &err), extra ? -1 : 0);
        assert_int_equal(err.code, extra ? ERR_LIMIT : ERR_NONE);
        free(text);
    }
}

static void test_yaml_text_has_a_ceiling(void **state)
{
    char *text = text_repeat("#", YAML_TEXT_MAX + 1);
    AUTO_STRBUF out;
    struct err err;

    (void)state;
    assert_int_equal(decode(text, YAML_TEXT_MAX, &out, &err), 0);
    strbuf_done(&out);
    assert_int_equal(decode(text, YAML_TEXT_MAX + 1, &out, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    free(text);
}

static void test_yaml_needs_no_nul_at_the_end(void **state)
{
    AUTO_STRBUF out;
    struct err err;

    (void)state;
    assert_int_equal(decode("a: 12345", 5, &out, &err), 0);
    assert_string_equal(out.text, "1 {\"a\":12}\n");
}

static int stop_at_once(void *ctx, const json_t *document, size_t line, struct err *err)
{
    unsigned *count = ctx;

    (void)document;
    (*count)++;
    return err_set(err, ERR_FORBIDDEN, "enough at %zu", line);
}

static void test_yaml_stops_where_its_receiver_says_so(void **state)
{
    struct err err = {0};
    unsigned count = 0;

    (void)state;
    assert_int_equal(yaml_decode("a: 1\n---\nb: 2\n", 14, stop_at_once, &count, &err), -1);
    assert_int_equal(count, 1);
    assert_int_equal(err.code, ERR_FORBIDDEN);
    assert_string_equal(err.msg, "enough at 1");
}

static int keep_nothing(void *ctx, const json_t *document, size_t line, struct err *err)
{
    (void)ctx;
    (void)document;
    (void)line;
    (void)err;
    return 0;
}

static int decode_once(void *ctx, struct err *err)
{
    static const char text[] = "a: [1, 2.5, x, {b: true, c: ~}]\n---\nd: 'e'\n";

    (void)ctx;
    return yaml_decode(text, strlen(text), keep_nothing, NULL, err);
}

static void test_yaml_survives_any_failed_allocation(void **state)
{
    (void)state;
    assert_true(sweep(decode_once, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_scalars_follow_the_core_schema),
        cmocka_unit_test(test_yaml_collections_become_objects_and_arrays),
        cmocka_unit_test(test_yaml_keys_are_strings_whatever_they_look_like),
        cmocka_unit_test(test_yaml_documents_come_with_their_line_and_empty_ones_do_not),
        cmocka_unit_test(test_yaml_refuses_with_line_and_column),
        cmocka_unit_test(test_yaml_depth_has_a_ceiling),
        cmocka_unit_test(test_yaml_documents_have_a_ceiling),
        cmocka_unit_test(test_yaml_text_has_a_ceiling),
        cmocka_unit_test(test_yaml_needs_no_nul_at_the_end),
        cmocka_unit_test(test_yaml_stops_where_its_receiver_says_so),
        cmocka_unit_test(test_yaml_survives_any_failed_allocation),
    };

    json_set_alloc_funcs(mem_alloc, mem_free); /* so that the sweep reaches jansson */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
