#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sliced.h"
#include "support/text.h"
#include "support/unit.h"

static const struct projection meta[] = {{"labels", NULL}, {NULL, NULL}};
static const struct projection spec[] = {{"template", meta},
                                         {"template(digest)", NULL},
                                         {NULL, NULL}};
static const struct projection object[] = {{"spec", spec}, {"kind", NULL}, {NULL, NULL}};

/* FNV-1a, 64 bits, written down a second time. */
static uint64_t digest(const char *bytes)
{
    uint64_t value = 14695981039346656037u;

    for (; *bytes; bytes++)
        value = (value ^ (unsigned char)*bytes) * 1099511628211u;
    return value;
}

static void test_the_digest_is_the_published_function(void **state)
{
    (void)state;
    assert_int_equal(digest(""), 0xcbf29ce484222325u);
    assert_int_equal(digest("a"), 0xaf63dc4c8601ec8cu);
    assert_int_equal(digest("foobar"), 0x85944171f73967e8u);
}

/* @kept is what stays of @value, the member "template" of a spec with a member before and after. */
static void assert_digested(const char *value, const char *kept)
{
    char text[512], expected[512];

    (void)snprintf(text, sizeof(text),
                   "{\"spec\":{\"x\":[1],\"template\": %s ,\"y\":{}},\"kind\":\"A\"}", value);
    (void)snprintf(expected, sizeof(expected),
                   "{\"spec\":{\"template\":%s,\"template(digest)\":\"%016" PRIx64
                   "\"},\"kind\":\"A\"}\nend",
                   kept, digest(value));
    assert_sliced(SLICE_STREAM, object, text, expected);
}

static void test_the_digest_is_of_all_bytes_however_they_arrive(void **state)
{
    (void)state;
    assert_digested("{\"labels\":{\"a\":\"b\"},\"dropped\":{\"x\":[1,{},\"]}\"]}}",
                    "{\"labels\":{\"a\":\"b\"}}");
    assert_digested("{ \"dropped\" : 1.5e3 }", "{}");
    assert_digested("{}", "{}");
    assert_digested("[{\"labels\":1,\"x\":2},3]", "[{\"labels\":1},3]");
}

static void test_a_scalar_has_a_digest_too(void **state)
{
    static const char *const scalars[] = {"null", "true", "-1.5e3", "\"a\\n\\u00e9\"", "\"\""};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(scalars); i++)
        assert_digested(scalars[i], scalars[i]);
}

static void test_without_the_member_there_is_no_digest(void **state)
{
    (void)state;
    assert_sliced(SLICE_STREAM, object, "{\"spec\":{\"x\":1},\"kind\":1}",
                  "{\"spec\":{},\"kind\":1}\nend");
    assert_sliced(SLICE_STREAM, object, "{\"template\":{\"a\":1}}", "{}\nend");
}

static void test_a_digest_that_is_read_never_stays(void **state)
{
    (void)state;
    assert_sliced(SLICE_STREAM, object, "{\"spec\":{\"template(digest)\":\"0000000000000000\"}}",
                  "{\"spec\":{}}\nend");
}

static void test_the_digest_follows_an_escaped_name(void **state)
{
    (void)state;
    assert_sliced(SLICE_STREAM, spec, "{\"templ\\u0061te\":1}",
                  "{\"template\":1,\"template(digest)\":\"af63ac4c86019afc\"}\nend");
}

static void test_no_digest_is_made_inside_another_one(void **state)
{
    static const struct projection outer[] = {{"a", spec}, {"a(digest)", NULL}, {NULL, NULL}};
    static const char inner[] = "{\"template\":{}}";
    char expected[128];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "{\"a\":%s,\"a(digest)\":\"%016" PRIx64 "\"}\nend",
                   inner, digest(inner));
    assert_sliced(SLICE_STREAM, outer, "{\"a\":{\"template\":{}}}", expected);
}

static void test_a_list_with_a_star_makes_no_digests(void **state)
{
    static const struct projection star[] = {{"a", NULL},
                                             {"a(digest)", NULL},
                                             {"*", NULL},
                                             {NULL, NULL}};

    (void)state;
    assert_sliced(SLICE_STREAM, star, "{\"a\":1,\"a(digest)\":2,\"b\":3}",
                  "{\"a\":1,\"a(digest)\":2,\"b\":3}\nend");
}

static void test_each_item_of_a_list_has_its_own(void **state)
{
    (void)state;
    assert_sliced(SLICE_LIST, spec,
                  "{\"kind\":\"L\",\"items\":[{\"template\":1},{\"x\":2},{\"template\":1}]}",
                  "{\"template\":1,\"template(digest)\":\"af63ac4c86019afc\"}\n"
                  "{}\n"
                  "{\"template\":1,\"template(digest)\":\"af63ac4c86019afc\"}\n"
                  "envelope: {\"kind\":\"L\"}\nend");
}

/* ---- What does not count ---- */

static const struct projection any[] = {{"*", NULL}, {NULL, NULL}};
static const struct projection marked_meta[] = {{"labels", NULL},
                                                {"annotations", any},
                                                {NULL, NULL}};
static const struct projection marked[] = {{"metadata", marked_meta}, {"spec", NULL}, {NULL, NULL}};
static const struct projection our[] = {{"our", NULL}, {NULL, NULL}};
static const struct projection our_annotations[] = {{"annotations", our}, {NULL, NULL}};
static const struct projection our_meta[] = {{"metadata", our_annotations}, {NULL, NULL}};
static const struct projection marked_parent[] = {{"template", marked},
                                                  {"template(digest)", our_meta},
                                                  {NULL, NULL}};

/* All of @value stays, and the digest is the one of @counted. */
static void assert_counted(const char *value, const char *counted)
{
    char text[512], expected[512];

    (void)snprintf(text, sizeof(text), "{\"template\":%s,\"x\":1}", value);
    (void)snprintf(expected, sizeof(expected),
                   "{\"template\":%s,\"template(digest)\":\"%016" PRIx64 "\"}\nend", value,
                   digest(counted));
    assert_sliced(SLICE_STREAM, marked_parent, text, expected);
}

#define ANNOTATED(annotations) "{\"metadata\":{\"annotations\":" annotations "},\"spec\":{}}"

static void test_what_is_left_out_makes_no_difference_to_a_digest(void **state)
{
    static const char *const cases[][2] = {
        {ANNOTATED("{\"a\":1,\"our\":\"k\"}"), ANNOTATED("{\"a\":1}")},
        {ANNOTATED("{\"our\":\"k\",\"z\":2}"), ANNOTATED("{\"z\":2}")},
        {ANNOTATED("{\"a\":1,\"our\":\"k\",\"z\":2}"), ANNOTATED("{\"a\":1,\"z\":2}")},
        {ANNOTATED("{\"our\":1,\"our\":2,\"z\":2}"), ANNOTATED("{\"z\":2}")},
        {ANNOTATED("{\"our\":{\"annotations\":[{},\"}\"]},\"z\":2}"), ANNOTATED("{\"z\":2}")},
        {ANNOTATED("{\"o\\u0075r\":\"k\",\"z\":2}"), ANNOTATED("{\"z\":2}")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_counted(cases[i][0], cases[i][1]);
        assert_counted(cases[i][1], cases[i][1]);
    }
}

static void test_an_object_with_nothing_else_in_it_is_left_out_as_well(void **state)
{
    static const char *const cases[][2] = {
        {ANNOTATED("{\"our\":\"k\"}"), "{\"spec\":{}}"},
        {ANNOTATED("{}"), "{\"spec\":{}}"},
        {"{\"metadata\":{},\"spec\":{}}", "{\"spec\":{}}"},
        {"{\"spec\":{}}", "{\"spec\":{}}"},
        {"{\"spec\":1,\"metadata\":{\"annotations\":{\"our\":1}}}", "{\"spec\":1}"},
        {"{\"metadata\":{\"labels\":{},\"annotations\":{\"our\":1}}}",
         "{\"metadata\":{\"labels\":{}}}"},
        {"{\"metadata\":{\"annotations\":{\"our\":1},\"labels\":{}}}",
         "{\"metadata\":{\"labels\":{}}}"},
        {"{\"metadata\":{\"annotations\":{\"our\":1}}}", "{}"},
        {"{}", "{}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_counted(cases[i][0], cases[i][1]);
}

static void test_what_only_looks_like_it_counts(void **state)
{
    static const char *const cases[] = {
        ANNOTATED("7"),
        ANNOTATED("[{\"our\":1}]"),
        ANNOTATED("{\"ours\":1,\"x\":{\"our\":1}}"),
        "{\"metadata\":[{\"annotations\":{\"our\":1}}]}",
        "{\"metadata\":null,\"spec\":{\"metadata\":{\"annotations\":{\"our\":1}}}}",
        "[{\"metadata\":{\"annotations\":{\"our\":1}}}]",
        "7",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_counted(cases[i], cases[i]);
}

static void test_nothing_is_left_out_below_the_last_level(void **state)
{
    static const struct projection keep[] = {{"a", keep}, {"b", NULL}, {NULL, NULL}};
    static const struct projection left_out[] = {{"a", left_out}, {"b", NULL}, {NULL, NULL}};
    static const struct projection outer[] = {{"v", keep}, {"v(digest)", left_out}, {NULL, NULL}};
    static const char *const values[] = {"{\"b\":1}", "{\"a\":{\"a\":{\"a\":{\"b\":1}}}}",
                                         "{\"a\":{\"a\":{\"a\":{\"a\":{\"b\":1}}}}}"};
    static const char *const counted[] = {"{}", "{}", "{\"a\":{\"a\":{\"a\":{\"a\":{\"b\":1}}}}}"};
    char text[256], expected[256];

    (void)state;
    assert_int_equal(SLICE_LEFT_OUT_LEVELS_MAX, 4);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        (void)snprintf(text, sizeof(text), "{\"v\":%s}", values[i]);
        (void)snprintf(expected, sizeof(expected),
                       "{\"v\":%s,\"v(digest)\":\"%016" PRIx64 "\"}\nend", values[i],
                       digest(counted[i]));
        assert_sliced(SLICE_STREAM, outer, text, expected);
    }
}

struct last {
    enum slice_kind kind;
    char text[256];
};

static int on_value(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct last *last = ctx;

    (void)err;
    assert_true(len < sizeof(last->text));
    last->kind = kind;
    memcpy(last->text, text, len + 1);
    return 0;
}

/* What is cut may have lost its digest; a digest never stands beside less than the whole member. */
static void test_a_cut_never_leaves_a_digest_beside_a_part(void **state)
{
    static const char text[] = "{\"template\":{\"labels\":{}}}";
    static const char whole[] = "{\"template\":{\"labels\":{}},\"template(digest)\":\"";
    unsigned cuts = 0;

    (void)state;
    for (size_t kept_max = 1; kept_max < 80; kept_max++) {
        struct last last = {0};
        struct err err = {0};
        struct slice *s = slice_new(SLICE_STREAM, spec, kept_max, on_value, &last, &err);

        assert_int_equal(slice_feed(s, text, strlen(text), &err), 0);
        assert_int_equal(slice_end(s, &err), 0);
        slice_free(s);
        if (last.kind == SLICE_VALUE || strstr(last.text, "(digest)"))
            assert_int_equal(strncmp(last.text, whole, strlen(whole)), 0);
        cuts += last.kind == SLICE_CUT;
    }
    assert_in_range(cuts, 60, 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_digest_is_the_published_function),
        cmocka_unit_test(test_the_digest_is_of_all_bytes_however_they_arrive),
        cmocka_unit_test(test_a_scalar_has_a_digest_too),
        cmocka_unit_test(test_without_the_member_there_is_no_digest),
        cmocka_unit_test(test_a_digest_that_is_read_never_stays),
        cmocka_unit_test(test_the_digest_follows_an_escaped_name),
        cmocka_unit_test(test_no_digest_is_made_inside_another_one),
        cmocka_unit_test(test_a_list_with_a_star_makes_no_digests),
        cmocka_unit_test(test_each_item_of_a_list_has_its_own),
        cmocka_unit_test(test_what_is_left_out_makes_no_difference_to_a_digest),
        cmocka_unit_test(test_an_object_with_nothing_else_in_it_is_left_out_as_well),
        cmocka_unit_test(test_what_only_looks_like_it_counts),
        cmocka_unit_test(test_nothing_is_left_out_below_the_last_level),
        cmocka_unit_test(test_a_cut_never_leaves_a_digest_beside_a_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
