/*
 * The work of the framer, counted: this file is compiled with a call in every basic block, and with
 * the framer in it. No clock: the same bytes are the same number of blocks. Time is linear in the
 * bytes, whatever the chunks, and never a second look at what was read before.
 */
#include "../../controller/json/project.c"
#include "../../controller/json/slice.c"

#include <stdio.h>
#include <stdlib.h>

#include "rampart/kube/resource.h"
#include "support/text.h"
#include "support/unit.h"

static uint64_t blocks;

void __sanitizer_cov_trace_pc(void);

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
    blocks++;
}

static int ignore(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    (void)kind;
    (void)text;
    (void)err;
    *(size_t *)ctx += len;
    return 0;
}

static uint64_t work_of(const char *text, size_t chunk_len)
{
    static const struct projection object[] = {{"type", NULL}, {"object", NULL}, {NULL, NULL}};
    struct projection keep[3];
    size_t kept = 0, len = strlen(text);
    struct err err = {0};
    uint64_t before;
    struct slice *s;

    memcpy(keep, object, sizeof(keep));
    keep[1].children = resource_of(KIND_NETWORK_POLICY)->keep;
    s = slice_new(SLICE_STREAM, keep, 256u * 1024, ignore, &kept, &err);
    before = blocks;
    for (size_t at = 0; at < len; at += chunk_len) {
        if (slice_feed(s, text + at, len - at < chunk_len ? len - at : chunk_len, &err) < 0)
            fail_msg("%s", err.msg);
    }
    assert_int_equal(slice_end(s, &err), 0);
    assert_true(kept > 0);
    slice_free(s);
    return blocks - before;
}

/* One event that is made large by @count times @unit in front of or in its spec. */
static char *event(const char *before, const char *unit, size_t count, const char *after)
{
    char *units = text_repeat(unit, count), *text = NULL;

    assert_true(asprintf(&text,
                         "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"NetworkPolicy\","
                         "\"metadata\":{\"name\":\"a\",%s%s%s}}}\n",
                         before, units, after) > 0);
    free(units);
    return text;
}

static const struct {
    const char *before;
    const char *unit;
    const char *after;
} shapes[] = {
    {"\"annotations\":{\"x\":\"", "0123456789", "\"}"},                    /* a dropped string */
    {"\"annotations\":{\"x\":\"", "\\\"\\u0041\\\\ ", "\"}"},              /* full of escapes */
    {"\"labels\":{\"x\":\"", "0123456789", "\"}"},                         /* a kept string */
    {"\"annotations\":{\"y\":1", ",\"x\":\"1\"", "}"},                     /* many names */
    {"\"z\":[0", ",[{}]", "]"},                                            /* a dropped tree */
    {"\"labels\":{\"y\":[0", ",{\"a\":1}", "]}"},                          /* a kept tree */
    {"\"managedFields\":[{}", ",{\"manager\":\"x\",\"time\":\"y\"}", "]"}, /* a filter */
    {"\"annotations\":{\"0123", "456789", "\":1}"},                        /* an endless name */
    {"\"z\":", "                ", "1"},                                   /* nothing at all */
};

static void test_twice_the_bytes_are_twice_the_work(void **state)
{
    static const size_t chunk_lens[] = {1, 7, 1000, 1u << 30};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        char *small = event(shapes[i].before, shapes[i].unit, 8000, shapes[i].after);
        char *large = event(shapes[i].before, shapes[i].unit, 16000, shapes[i].after);

        for (size_t c = 0; c < COUNT_OF(chunk_lens); c++) {
            uint64_t of_small = work_of(small, chunk_lens[c]);
            uint64_t of_large = work_of(large, chunk_lens[c]);

            assert_true(of_small > 1000); /* it counts */
            if (of_large > of_small * 21 / 10)
                fail_msg("shape %zu in chunks of %zu: %llu blocks, then %llu", i, chunk_lens[c],
                         (unsigned long long)of_small, (unsigned long long)of_large);
        }
        free(small);
        free(large);
    }
}

/* A chunk costs what it costs to be called, and no more the further on it is. */
static void test_a_byte_costs_the_same_wherever_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        char *text = event(shapes[i].before, shapes[i].unit, 30000, shapes[i].after);
        uint64_t work = work_of(text, 1);

        if (work > strlen(text) * 100)
            fail_msg("shape %zu: %llu blocks for %zu bytes", i, (unsigned long long)work,
                     strlen(text));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twice_the_bytes_are_twice_the_work),
        cmocka_unit_test(test_a_byte_costs_the_same_wherever_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
