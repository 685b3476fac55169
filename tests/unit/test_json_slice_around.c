/* One object that may be a list or not, and a slice that is used again and again. */
#include "support/unit.h"

#include <string.h>

#include "rampart/json/slice.h"
#include "support/sweep.h"

static const struct projection name_only[] = {{"name", NULL}, {NULL, NULL}};
static const struct projection keep[] = {{"kind", NULL}, {"who", name_only}, {NULL, NULL}};
static const struct projection around[] = {{"kind", NULL},
                                           {"who", name_only},
                                           {"items", NULL},
                                           {NULL, NULL}};

#define KEPT_MAX 64

static int keep_line(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct strbuf *lines = ctx;

    (void)len;
    strbuf_addf(lines, "%s%s\n",
                kind == SLICE_ENVELOPE ? "around: "
                : kind == SLICE_CUT    ? "cut: "
                                       : "",
                text);
    return strcmp(text, "{\"kind\":\"stop\"}") == 0 ? err_set(err, ERR_CANCELED, "stop") : 0;
}

/* Feeds each text to @s as one value, in chunks of @chunk_len. */
static void read_all(struct slice *s, struct strbuf *lines, const char *const *texts, size_t count,
                     size_t chunk_len)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(texts[i]);
        struct err err = {0};
        int r = 0;

        for (size_t at = 0; r == 0 && at < len; at += chunk_len)
            r = slice_feed(s, texts[i] + at, chunk_len < len - at ? chunk_len : len - at, &err);
        if (r == 0)
            r = slice_end(s, &err);
        strbuf_addf(lines, "%s\n", r < 0 ? err_code_name(err.code) : "end");
        slice_clear(s);
    }
}

static void assert_read(const char *const *texts, size_t count, const char *expected)
{
    for (size_t chunk_len = 1; chunk_len < 40; chunk_len++) {
        struct err err = {0};
        struct slice *s;
        AUTO_STRBUF lines;

        strbuf_init(&lines, 1u << 16);
        s = slice_new_around(around, keep, KEPT_MAX, keep_line, &lines, &err);
        assert_non_null(s);
        read_all(s, &lines, texts, count, chunk_len);
        slice_free(s);
        assert_string_equal(lines.text, expected);
    }
}

static void test_an_object_comes_as_what_is_around_no_items(void **state)
{
    static const char *const texts[] = {
        "{\"kind\":\"One\",\"who\":{\"name\":\"a\",\"uid\":1},\"body\":{\"kind\":2}}"};

    (void)state;
    assert_read(texts, COUNT_OF(texts),
                "around: {\"kind\":\"One\",\"who\":{\"name\":\"a\"}}\nend\n");
}

static void test_a_list_comes_item_by_item_wherever_its_kind_stands(void **state)
{
    static const char *const texts[] = {
        "{\"kind\":\"List\",\"items\":[{\"kind\":\"One\"},{\"who\":{\"name\":\"b\",\"x\":[]}}]}",
        "{\"items\":[{\"who\":{}}],\"kind\":\"List\"}"};

    (void)state;
    assert_read(texts, COUNT_OF(texts),
                "{\"kind\":\"One\"}\n{\"who\":{\"name\":\"b\"}}\naround: {\"kind\":\"List\"}\nend\n"
                "{\"who\":{}}\naround: {\"kind\":\"List\"}\nend\n");
}

/* Each text but the first begins where the one before left the slice in another state. */
static void test_a_cleared_slice_reads_as_a_new_one_whatever_was_before(void **state)
{
    static const char *const before[] = {
        "",
        "{\"kind\":\"One",
        "{\"kind\":\"On\\u00",
        "{\"ki",
        "{\"body\":[[[{\"a\":[",
        "{\"who\":{\"name\":\"a\"",
        "{\"items\":[{\"kind\":\"stop\"}",
        "{\"items\":[{\"kind\":",
        "{\"items\":[{\"who\":{\"name\":[1,2",
        "{\"items\":[],\"items\":[]}",
        "{\"kind\":tr",
        "{\"kind\":1",
        "{\"kind\"}",
        "{}x",
        "[",
        "\001",
    };
    static const char after[] = "{\"items\":[{\"kind\":1}],\"kind\":\"List\"}";
    static const char expected[] = "{\"kind\":1}\naround: {\"kind\":\"List\"}\nend\n";

    (void)state;
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        for (size_t chunk_len = 1; chunk_len < 40; chunk_len++) {
            const char *const after_list[] = {after};
            struct err err = {0};
            struct slice *s;
            AUTO_STRBUF lines;

            strbuf_init(&lines, 1u << 16);
            s = slice_new_around(around, keep, KEPT_MAX, keep_line, &lines, &err);
            assert_non_null(s);
            read_all(s, &lines, &before[i], 1, chunk_len);
            strbuf_clear(&lines);
            read_all(s, &lines, after_list, 1, chunk_len);
            slice_free(s);
            if (strcmp(lines.text, expected) != 0)
                fail_msg("after %s: %s", before[i], lines.text);
        }
    }
}

static void test_what_outgrows_the_ceiling_costs_no_more_than_itself(void **state)
{
#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    static const char *const texts[] = {
        "{\"items\":[{\"who\":{\"name\":\"" LONG "\"}},{\"kind\":1}]}",
        "{\"kind\":\"" LONG "\"}",
        "{\"kind\":2}",
    };

    (void)state;
    assert_read(texts, COUNT_OF(texts),
                "cut: {\"who\":{}}\n{\"kind\":1}\naround: {}\nend\n"
                "Limit\n"
                "around: {\"kind\":2}\nend\n");
}

static int read_two(void *ctx, struct err *err)
{
    static const char text[] = "{\"items\":[{\"kind\":1}],\"kind\":\"List\"}";
    struct slice *s;
    int r = 0;
    AUTO_STRBUF lines;

    (void)ctx;
    strbuf_init(&lines, 1u << 16);
    s = slice_new_around(around, keep, KEPT_MAX, keep_line, &lines, err);
    for (int i = 0; s && r == 0 && i < 2; i++) {
        r = slice_feed(s, text, strlen(text), err);
        if (r == 0)
            r = slice_end(s, err);
        slice_clear(s);
    }
    slice_free(s);
    if (s && r == 0)
        r = strbuf_check(&lines, "the lines", err);
    return s ? r : -1;
}

static void test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(sweep(read_two, NULL) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_object_comes_as_what_is_around_no_items),
        cmocka_unit_test(test_a_list_comes_item_by_item_wherever_its_kind_stands),
        cmocka_unit_test(test_a_cleared_slice_reads_as_a_new_one_whatever_was_before),
        cmocka_unit_test(test_what_outgrows_the_ceiling_costs_no_more_than_itself),
        cmocka_unit_test(test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
