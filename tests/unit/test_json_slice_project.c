#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "rampart/base/rng.h"
#include "rampart/json/decode.h"
#include "support/projected.h"
#include "support/sliced.h"
#include "support/text.h"
#include "support/unit.h"

static const struct projection name_labels[] = {{"name", NULL}, {"labels", NULL}, {NULL, NULL}};
static const struct projection pod[] = {{"kind", NULL}, {"metadata", name_labels}, {NULL, NULL}};

static void assert_kept(const struct projection *keep, const char *text, const char *expected)
{
    char *lines = malloc(strlen(expected) + 8);

    (void)sprintf(lines, "%s\nend", expected);
    assert_sliced(SLICE_STREAM, keep, text, lines);
    free(lines);
}

static void test_only_members_of_the_projection_stay(void **state)
{
    (void)state;
    assert_kept(
        pod,
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"uid\":\"1\",\"name\":\"a\","
        "\"managedFields\":[{\"kind\":[]}],\"labels\":{\"x\":\"y\",\"z\":{}}},\"spec\":{}}",
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"y\",\"z\":{}}}}");
}

static void test_the_order_and_white_space_of_the_text_make_no_difference(void **state)
{
    (void)state;
    assert_kept(pod,
                "{\r\n \"spec\" : 1 ,\t\"metadata\" :\n{ \"name\" : \"a\" } , \"kind\" : 7 \r\n}",
                "{\"metadata\":{\"name\":\"a\"},\"kind\":7}");
}

static void test_nothing_kept_leaves_an_empty_object(void **state)
{
    static const struct projection nothing[] = {{NULL, NULL}};

    (void)state;
    assert_kept(pod, "{\"a\":1}", "{}");
    assert_kept(pod, "{\"metadata\":{\"a\":1}}", "{\"metadata\":{}}");
    assert_kept(nothing, "{\"kind\":1,\"b\":[{}]}", "{}");
}

static void test_scalars_stay_where_an_object_was_expected(void **state)
{
    static const char *const scalars[] = {"null", "true",     "false", "-1.5e3",
                                          "\"\"", "\"a\\n\"", "[]",    "{}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(scalars); i++) {
        char text[64];

        (void)sprintf(text, "{\"metadata\":%s}", scalars[i]);
        assert_kept(pod, text, text);
        assert_kept(pod, scalars[i], scalars[i]);
    }
}

static void test_arrays_are_transparent(void **state)
{
    (void)state;
    assert_kept(pod, "[{\"kind\":1,\"x\":2},[{\"kind\":3},[]],4,\"five\",null,{\"x\":6}]",
                "[{\"kind\":1},[{\"kind\":3},[]],4,\"five\",null,{}]");
    assert_kept(pod, "{\"metadata\":[{\"name\":1,\"x\":2},{\"x\":3}],\"kind\":[{\"x\":4}]}",
                "{\"metadata\":[{\"name\":1},{}],\"kind\":[{\"x\":4}]}");
}

static void test_a_star_matches_every_member(void **state)
{
    static const struct projection port[] = {{"port", NULL}, {NULL, NULL}};
    static const struct projection keep[] = {{"*", port}, {NULL, NULL}};

    (void)state;
    assert_kept(keep, "{\"a\":{\"port\":1,\"x\":2},\"b\\n\":[{\"x\":3}],\"\":4}",
                "{\"a\":{\"port\":1},\"b\\n\":[{}],\"\":4}");
}

static void test_a_star_within_a_name_matches_itself_alone(void **state)
{
    static const struct projection keep[] = {{"*/*", NULL}, {NULL, NULL}};

    (void)state;
    assert_kept(keep, "{\"a\":1,\"a/b\":2,\"*/*\":3}", "{\"*/*\":3}");
}

static void test_the_first_node_that_matches_decides(void **state)
{
    static const struct projection port[] = {{"port", NULL}, {NULL, NULL}};
    static const struct projection special_first[] = {{"a", NULL}, {"*", port}, {NULL, NULL}};
    static const struct projection star_first[] = {{"*", port}, {"a", NULL}, {NULL, NULL}};

    (void)state;
    assert_kept(special_first, "{\"b\":{\"x\":1},\"a\":{\"x\":1}}", "{\"b\":{},\"a\":{\"x\":1}}");
    assert_kept(star_first, "{\"a\":{\"x\":1},\"b\":{\"port\":1}}",
                "{\"a\":{},\"b\":{\"port\":1}}");
}

static void test_a_name_matches_however_it_is_written(void **state)
{
    static const struct projection keep[] = {
        {"kind", NULL},       {"a/b", NULL}, {"\xC3\xA9", NULL}, {"\xF0\x9F\x94\x92", NULL},
        {"\b\f\n\r\t", NULL}, {NULL, NULL},
    };
    static const char *const cases[][2] = {
        {"{\"k\\u0069nd\":1}", "{\"kind\":1}"},
        {"{\"\\u006b\\u0069\\u006e\\u0064\":1,\"x\":2}", "{\"kind\":1}"},
        {"{\"\\u006B\\u0069\\u006E\\u0064\":1}", "{\"kind\":1}"},
        {"{\"a\\/b\":1}", "{\"a/b\":1}"},
        {"{\"\\u00e9\":1}", "{\"\xC3\xA9\":1}"},
        {"{\"\xC3\xA9\":1}", "{\"\xC3\xA9\":1}"},
        {"{\"\\ud83d\\udd12\":1}", "{\"\xF0\x9F\x94\x92\":1}"},
        {"{\"\\uD83D\\uDD12\":1}", "{\"\xF0\x9F\x94\x92\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_kept(keep, cases[i][0], cases[i][1]);
}

static void test_a_name_that_is_only_like_one_does_not_match(void **state)
{
    static const char *const names[] = {
        "",
        "kin",
        "kinds",
        "Kind",
        "kind\\u0000",
        "\\u0000kind",
        "kind\\n",
        "k\\\\ind",
        "\\\"kind",
        "\\ud83d",
        "\\udd12",
        "\\ud83dkind",
        "\\ud83d\\n",
        "\\ud83d\\u0041",
        "\\ud83d\\ud83d",
        "\\ud83d\\ue000",
        "kind\\ud83d",
        "kind\xC3\xA9",
        "*",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char text[64];

        (void)sprintf(text, "{\"%s\":1,\"kind\":2}", names[i]);
        assert_kept(pod, text, "{\"kind\":2}");
    }
}

/* So that json_decode() sees that they are, and refuses. */
static void test_names_that_are_written_twice_both_stay(void **state)
{
    (void)state;
    assert_kept(pod, "{\"kind\":1,\"k\\u0069nd\":2}", "{\"kind\":1,\"kind\":2}");
    assert_null(json_decode("{\"kind\":1,\"kind\":2}", 19, NULL));
}

static void test_a_name_of_any_length_is_dropped(void **state)
{
    static const size_t lens[] = {SLICE_NAME_MAX, 6 * SLICE_NAME_MAX - 1, 6 * SLICE_NAME_MAX,
                                  6 * SLICE_NAME_MAX + 1, 100000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        char *name = text_repeat("k", lens[i]), *text = malloc(2 * lens[i] + 64), *got;

        (void)sprintf(text, "{\"%s\":1,\"kind\":2,\"%s\\n\":3}", name, name);
        for (size_t chunk_len = 1; chunk_len < 2000; chunk_len += 333) {
            got = sliced(SLICE_STREAM, pod, text, strlen(text), chunk_len, chunk_len);
            assert_string_equal(got, "{\"kind\":2}\nend");
            free(got);
        }
        free(name);
        free(text);
    }
}

static void test_a_name_of_any_length_stays_under_a_star(void **state)
{
    static const struct projection keep[] = {{"kind", NULL}, {"*", pod}, {NULL, NULL}};
    char *name = text_repeat("\\u006b", 5000), *text = malloc(80000), *expected = malloc(80000);

    (void)state;
    (void)sprintf(text, "{\"%s\":{\"x\":1},\"kind\":{\"x\":1}}", name);
    (void)sprintf(expected, "{\"%s\":{},\"kind\":{\"x\":1}}\nend", name);
    for (size_t chunk_len = 7; chunk_len < 40000; chunk_len *= 3) {
        char *got = sliced(SLICE_STREAM, keep, text, strlen(text), chunk_len, chunk_len);

        assert_string_equal(got, expected);
        free(got);
    }
    free(name);
    free(text);
    free(expected);
}

static void test_the_longest_name_of_a_projection_matches_written_in_escapes(void **state)
{
    char *name = text_repeat("n", SLICE_NAME_MAX),
         *escaped = text_repeat("\\u006e", SLICE_NAME_MAX);
    const struct projection keep[] = {{name, NULL}, {NULL, NULL}};
    char text[1024], expected[256];

    (void)state;
    (void)sprintf(text, "{\"%s\":1}", escaped);
    (void)sprintf(expected, "{\"%s\":1}", name);
    assert_kept(keep, text, expected);
    free(name);
    free(escaped);
}

static void test_several_projected_values_in_one_chunk_do_not_mix(void **state)
{
    (void)state;
    assert_sliced(
        SLICE_STREAM, pod,
        "{\"kind\":1,\"x\":2}{\"metadata\":{\"x\":1}}\n{\"x\":1}\n{\"x\":1,\"kind\":\"a\"}\n",
        "{\"kind\":1}\n{\"metadata\":{}}\n{}\n{\"kind\":\"a\"}\nend");
}

/* Random trees and projections: the slice must keep what a walk over jansson's tree keeps. */

static const char *const names[] = {"a",       "b",          "c",        "kind",
                                    "\\u0061", "k\\u0069nd", "\xC3\xA9", "d\\n"};
static const size_t same_as[COUNT_OF(names)] = {4, 1, 2, 5, 0, 3, 6, 7}; /* once unescaped */

static void write_random(struct strbuf *out, struct rng *r, int depth)
{
    static const char *const scalars[] = {"1",    "-2.5", "\"s\"", "\"\\\"}\\u00e9\"",
                                          "true", "null", "\"\""};
    uint64_t pick = rng_below(r, depth > 4 ? 1 : 3), count = rng_below(r, 5);
    bool seen[COUNT_OF(names)] = {false};

    if (pick == 0) {
        strbuf_adds(out, scalars[rng_below(r, COUNT_OF(scalars))]);
        return;
    }
    strbuf_addc(out, pick == 1 ? '{' : '[');
    for (uint64_t i = 0, written = 0; i < count; i++) {
        size_t name = (size_t)rng_below(r, COUNT_OF(names));

        if (pick == 1 && (seen[name] || seen[same_as[name]]))
            continue;
        seen[name] = true;
        strbuf_adds(out, written++ ? " ,\n" : "");
        if (pick == 1)
            strbuf_addf(out, "\"%s\"%s", names[name], rng_below(r, 2) ? ":" : " : ");
        write_random(out, r, depth + 1);
    }
    strbuf_addc(out, pick == 1 ? '}' : ']');
}

/* A list of nodes and, below some of them, others: from @pool, which is large enough. */
static const struct projection *make_random(struct projection **pool, struct rng *r, int depth)
{
    static const char *const keep_names[] = {"a", "b", "kind", "\xC3\xA9", "d\n", "*"};
    size_t count = (size_t)rng_below(r, 4);
    struct projection *nodes = *pool;

    *pool += count + 1;
    for (size_t i = 0; i < count; i++) {
        nodes[i].name = keep_names[rng_below(r, COUNT_OF(keep_names))];
        nodes[i].children = NULL;
        if (depth < 3 && rng_below(r, 2))
            nodes[i].children = make_random(pool, r, depth + 1);
    }
    nodes[count] = (struct projection){NULL, NULL};
    return nodes;
}

static void test_random_values_are_projected_as_their_tree_is(void **state)
{
    struct strbuf text;
    struct rng r;

    (void)state;
    rng_init(&r, 77);
    strbuf_init(&text, 1u << 20);
    for (int round = 0; round < 4000; round++) {
        struct projection nodes[400], *pool = nodes; /* at most 4 + 3 * (4 + 3 * (4 + 3 * 4)) */
        const struct projection *keep = make_random(&pool, &r, 0);
        json_auto_t *tree = NULL, *expected = NULL, *kept = NULL;
        size_t chunk_len = (size_t)rng_range(&r, 1, 40);
        struct err err = {0};
        char *got;

        strbuf_clear(&text);
        write_random(&text, &r, 0);
        tree = json_decode(text.text, text.len, &err);
        if (!tree)
            fail_msg("%s: %s", err.msg, text.text);
        expected = projected(tree, keep);
        got = sliced(SLICE_STREAM, keep, text.text, text.len, chunk_len, chunk_len);
        assert_contains(got, "\nend");
        kept = json_decode(got, strlen(got) - 4, &err);
        if (!kept || !json_equal(kept, expected))
            fail_msg("round %d: %s\nbecame %s (%s)", round, text.text, got, err.msg);
        free(got);
    }
    strbuf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_members_of_the_projection_stay),
        cmocka_unit_test(test_the_order_and_white_space_of_the_text_make_no_difference),
        cmocka_unit_test(test_nothing_kept_leaves_an_empty_object),
        cmocka_unit_test(test_scalars_stay_where_an_object_was_expected),
        cmocka_unit_test(test_arrays_are_transparent),
        cmocka_unit_test(test_a_star_matches_every_member),
        cmocka_unit_test(test_a_star_within_a_name_matches_itself_alone),
        cmocka_unit_test(test_the_first_node_that_matches_decides),
        cmocka_unit_test(test_a_name_matches_however_it_is_written),
        cmocka_unit_test(test_a_name_that_is_only_like_one_does_not_match),
        cmocka_unit_test(test_names_that_are_written_twice_both_stay),
        cmocka_unit_test(test_a_name_of_any_length_is_dropped),
        cmocka_unit_test(test_a_name_of_any_length_stays_under_a_star),
        cmocka_unit_test(test_the_longest_name_of_a_projection_matches_written_in_escapes),
        cmocka_unit_test(test_several_projected_values_in_one_chunk_do_not_mix),
        cmocka_unit_test(test_random_values_are_projected_as_their_tree_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
