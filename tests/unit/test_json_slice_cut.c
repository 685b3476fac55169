/*
 * Values that are too large to be read: they are cut where they outgrow their ceiling, what came
 * before is handed out whole, and the next value is read as ever. Wherever the bytes are split.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/rng.h"
#include "rampart/json/decode.h"
#include "rampart/json/slice.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

#define OUT_LEN_MAX 65536

static const struct projection nothing[] = {{NULL, NULL}};
static const struct projection some[] = {{"a", NULL}, {"b", NULL}, {NULL, NULL}};
static const struct projection nested[] = {{"m", some}, {"s", NULL}, {NULL, NULL}};
static const struct projection star[] = {{"*", some}, {NULL, NULL}};

struct out {
    char text[OUT_LEN_MAX]; /* each value behind its kind: V, C or E, each with a space */
    size_t len;
    unsigned cuts;
};

static int take(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct out *out = ctx;
    json_auto_t *value = json_decode(text, len, err);

    if (!value) /* whatever was cut, it is JSON; memory apart */
        return -1;
    out->cuts += kind == SLICE_CUT;
    if (out->len + len + 3 < sizeof(out->text))
        out->len += (size_t)sprintf(out->text + out->len, "%c%s ", "VCE"[kind], text);
    return 0;
}

static int read_chunks(struct out *out, enum slice_mode mode, const struct projection *keep,
                       size_t kept_max, const char *text, size_t chunk_len, struct err *err)
{
    struct slice *s = slice_new(mode, keep, kept_max, take, out, err);
    size_t len = strlen(text);
    int r = 0;

    out->len = 0;
    out->cuts = 0;
    out->text[0] = '\0';
    if (!s)
        return -1;
    for (size_t at = 0; r == 0 && at < len; at += chunk_len)
        r = slice_feed(s, text + at, chunk_len < len - at ? chunk_len : len - at, err);
    if (r == 0)
        r = slice_end(s, err);
    slice_free(s);
    return r;
}

static const struct {
    enum slice_mode mode;
    const struct projection *keep;
    size_t kept_max;
    const char *text;
    const char *expected;
} rows[] = {
    {SLICE_STREAM, some, 13, "{\"drop\":\"0123456789\",\"a\":\"01234\"}", "V{\"a\":\"01234\"} "},
    {SLICE_STREAM, some, 12, "{\"drop\":\"0123456789\",\"a\":\"01234\"}{\"a\":1}",
     "C{\"a\":\"01234\"} V{\"a\":1} "}, /* the last bracket is one too many */
    {SLICE_STREAM, some, 11, "{\"drop\":\"0123456789\",\"a\":\"01234\"}{\"a\":1}",
     "C{} V{\"a\":1} "},
    {SLICE_STREAM, some, 12, "{\"a\":1,\"b\":\"01234\"}{\"b\":2}", "C{\"a\":1} V{\"b\":2} "},
    {SLICE_STREAM, some, 7, "{\"a\":1,\"b\":2}", "C{\"a\":1} "},
    {SLICE_STREAM, some, 6, "{\"a\":1,\"b\":2}", "C{\"a\":1} "},
    {SLICE_STREAM, some, 5, "{\"a\":1,\"b\":2}", "C{} "},
    {SLICE_STREAM, some, 0, "{}", "Cnull "},
    {SLICE_STREAM, some, 9, "{\"a\":[1,2,3,4,5,6,7,8],\"b\":1}7", "C{} V7 "},
    {SLICE_STREAM, NULL, 5, "[1,2,3]\n[1]\n\"0123456\"\n123456 7", "Cnull V[1] Cnull Cnull V7 "},
    {SLICE_STREAM, nested, 30, "{\"m\":{\"a\":1,\"b\":[2,3]},\"s\":{\"x\":\"0123456789\"}}",
     "C{\"m\":{\"a\":1,\"b\":[2,3]}} "},
    {SLICE_STREAM, nested, 20, "{\"m\":{\"a\":1,\"b\":[2,3,4,5,6,7,8,9]},\"s\":1}",
     "C{\"m\":{\"a\":1}} "},
    {SLICE_STREAM, nested, 20, "{\"m\":[{\"a\":1},{\"a\":2},{\"a\":3}],\"s\":1}",
     "C{\"m\":[{\"a\":1},{\"a\":2}]} "},
    {SLICE_STREAM, star, 22, "{\"x\":{\"a\":1},\"yyyyyyyyyyyyyyyy\":{\"a\":2}}{\"z\":{\"a\":3}}",
     "C{\"x\":{\"a\":1}} V{\"z\":{\"a\":3}} "},
    {SLICE_LIST, some, 12,
     "{\"kind\":\"L\",\"items\":[{\"a\":\"0123456\"},{\"a\":1,\"b\":\"01234\"},"
     "{\"b\":3}]}",
     "C{} C{\"a\":1} V{\"b\":3} E{\"kind\":\"L\"} "},
};

static void test_a_value_is_cut_after_what_was_whole_wherever_the_bytes_are_split(void **state)
{
    static struct out out;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t chunk_len = 1; chunk_len <= strlen(rows[i].text); chunk_len++) {
            struct err err = {0};

            if (read_chunks(&out, rows[i].mode, rows[i].keep, rows[i].kept_max, rows[i].text,
                            chunk_len, &err) < 0)
                fail_msg("row %zu: %s", i, err.msg);
            if (strcmp(out.text, rows[i].expected) != 0)
                fail_msg("row %zu in chunks of %zu: %s", i, chunk_len, out.text);
        }
    }
}

/* @levels containers, each in the one before. */
static char *deep(bool is_array, size_t levels)
{
    char *open = text_repeat(is_array ? "[" : "{\"a\":", levels - 1);
    char *close = text_repeat(is_array ? "]" : "}", levels - 1);
    char *text = NULL;

    assert_true(asprintf(&text, "%s[]%s 7", open, close) > 0);
    free(open);
    free(close);
    return text;
}

static enum err_code read_deep(bool is_array, const struct projection *keep, size_t levels,
                               unsigned *ret_cuts)
{
    static struct out out;
    struct err err = {0};
    char *text = deep(is_array, levels);
    int r = read_chunks(&out, SLICE_STREAM, keep, 1u << 20, text, 7, &err);

    free(text);
    *ret_cuts = out.cuts;
    if (r == 0)
        assert_string_equal(out.text + out.len - 3, "V7 ");
    return r < 0 ? err.code : ERR_NONE;
}

static void test_the_deepest_level_is_kept_and_the_next_is_cut(void **state)
{
    static const struct projection *const keeps[] = {NULL, some};
    unsigned cuts;

    (void)state;
    for (size_t k = 0; k < COUNT_OF(keeps); k++) {
        for (int is_array = 0; is_array < 2; is_array++) {
            assert_int_equal(read_deep(is_array, keeps[k], SLICE_DEPTH_MAX, &cuts), ERR_NONE);
            assert_int_equal(cuts, 0);
            assert_int_equal(read_deep(is_array, keeps[k], SLICE_DEPTH_MAX + 1, &cuts), ERR_NONE);
            assert_int_equal(cuts, 1);
        }
    }
}

static void test_what_is_dropped_may_be_as_deep_as_the_api_server_takes_it(void **state)
{
    unsigned cuts;

    (void)state;
    assert_int_equal(read_deep(false, nothing, SLICE_LEVELS_MAX, &cuts), ERR_NONE);
    assert_int_equal(cuts, 0);
    assert_int_equal(read_deep(false, nothing, SLICE_LEVELS_MAX + 1, &cuts), ERR_LIMIT);
    assert_int_equal(read_deep(true, NULL, SLICE_LEVELS_MAX + 1, &cuts), ERR_LIMIT);
}

/* Random JSON under every ceiling: never more than it, and the same for every split. */
static void random_value(struct rng *rng, char *out, size_t *len, unsigned depth)
{
    static const char *const names[] = {"\"m\"", "\"a\"", "\"b\"", "\"s\"", "\"x\""};
    uint64_t pick = rng_range(rng, 0, depth > 0 ? 5 : 2);
    uint64_t count = rng_range(rng, 0, 4);

    if (pick < 3 || *len > 600) {
        *len += (size_t)sprintf(out + *len, "%s",
                                pick == 0   ? "12"
                                : pick == 1 ? "\"a\\\"]}\""
                                            : "null");
        return;
    }
    out[(*len)++] = pick == 3 ? '[' : '{';
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            out[(*len)++] = ',';
        if (pick != 3) /* each name once */
            *len += (size_t)sprintf(out + *len, "%s:", names[i]);
        random_value(rng, out, len, depth - 1);
    }
    out[(*len)++] = pick == 3 ? ']' : '}';
    out[*len] = '\0';
}

static void test_random_values_are_cut_the_same_wherever_they_are_split(void **state)
{
    static const struct projection *const keeps[] = {NULL, some, nested, star, nothing};
    static struct out whole, split;
    unsigned cuts = 0;
    struct rng rng;

    (void)state;
    rng_init(&rng, 5);
    for (unsigned round = 0; round < 3000; round++) {
        const struct projection *keep = keeps[round % COUNT_OF(keeps)];
        size_t kept_max = (size_t)rng_range(&rng, 0, 80), len = 0;
        struct err err = {0};
        char text[4096];

        random_value(&rng, text, &len, 5);
        text[len] = '\0';
        assert_int_equal(read_chunks(&whole, SLICE_STREAM, keep, kept_max, text, sizeof(text),
                                     &err),
                         0);
        assert_int_equal(read_chunks(&split, SLICE_STREAM, keep, kept_max, text,
                                     (size_t)rng_range(&rng, 1, 20), &err),
                         0);
        assert_string_equal(whole.text, split.text);
        assert_true(whole.cuts > 0 || whole.len <= kept_max + 2);
        cuts += whole.cuts;
    }
    assert_in_range(cuts, 500, 2500); /* both happen */
}

static int read_cut(void *ctx, struct err *err)
{
    static struct out out;

    return read_chunks(&out, SLICE_STREAM, nested, 100, ctx, 20, err);
}

static void test_cutting_survives_every_failed_allocation(void **state)
{
    char text[1024];

    (void)state;
    (void)snprintf(text, sizeof(text), "{\"m\":{\"a\":1,\"b\":2},\"s\":\"%0200d\"}{\"s\":1}", 0);
    assert_true(sweep(read_cut, text) > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_is_cut_after_what_was_whole_wherever_the_bytes_are_split),
        cmocka_unit_test(test_the_deepest_level_is_kept_and_the_next_is_cut),
        cmocka_unit_test(test_what_is_dropped_may_be_as_deep_as_the_api_server_takes_it),
        cmocka_unit_test(test_random_values_are_cut_the_same_wherever_they_are_split),
        cmocka_unit_test(test_cutting_survives_every_failed_allocation),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
