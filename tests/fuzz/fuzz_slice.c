/*
 * The slice against two witnesses: itself fed the same bytes in one piece, and a walk over the tree
 * that jansson makes of them. First byte: mode, projection, and whether
 * the ceiling of a value is low; second: how the bytes are cut, and that ceiling; then the text.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/rng.h"
#include "rampart/json/decode.h"
#include "support/projected.h"

#define KEPT_MAX (1u << 20)

#define CHECK(claim)                                                    \
    do {                                                                \
        if (!(claim)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim); \
            abort();                                                    \
        }                                                               \
    } while (0)

static const struct projection nothing[] = {{NULL, NULL}};
static const struct projection below[] = {{"a", NULL}, {"name", nothing}, {NULL, NULL}};
static const struct projection some[] = {{"a", below},
                                         {"kind", NULL},
                                         {"metadata", below},
                                         {NULL, NULL}};
static const struct projection star[] = {{"kind", NULL}, {"*", some}, {NULL, NULL}};
static const struct projection stars[] = {{"*", star}, {NULL, NULL}};
static const struct projection uncounted_below[] = {{"name", NULL}, {NULL, NULL}};
static const struct projection uncounted[] = {{"kind", NULL},
                                              {"a", uncounted_below},
                                              {"metadata", uncounted_below},
                                              {NULL, NULL}};
static const struct projection digests[] = {{"a", some}, {"a(digest)", uncounted}, {NULL, NULL}};
static const struct projection *const keeps[] = {NULL, nothing, some, star, stars, below, digests};

static const struct projection envelope[] = {
    {"apiVersion", NULL}, {"kind", NULL},    {"metadata", NULL}, {"status", NULL}, {"reason", NULL},
    {"code", NULL},       {"message", NULL}, {"details", NULL},  {NULL, NULL},
};

/* What came out: each value with its kind, and how it ended. */
struct result {
    struct strbuf bytes;
    json_t *values;   /* NULL once one was no JSON */
    json_t *envelope; /* NULL until it came */
    unsigned cuts;
    struct err err;
};

static int take(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct result *result = ctx;
    json_t *value = json_decode(text, len, NULL);

    (void)err;
    CHECK(text[len] == '\0');
    strbuf_addc(&result->bytes, "VCE"[kind]);
    result->cuts += kind == SLICE_CUT;
    strbuf_add(&result->bytes, text, len + 1);
    if (kind == SLICE_ENVELOPE) {
        CHECK(!result->envelope);
        result->envelope = value;
    } else if (value && result->values) {
        json_array_append_new(result->values, value);
    } else {
        json_decref(value);
        json_decref(result->values);
        result->values = NULL;
    }
    return 0;
}

static void run(struct result *result, enum slice_mode mode, const struct projection *keep,
                size_t kept_max, const char *text, size_t len, struct rng *cuts, size_t chunk_max)
{
    struct slice *s;
    int r = 0;

    *result = (struct result){.values = json_array()};
    strbuf_init(&result->bytes, 64u << 20);
    s = slice_new(mode, keep, kept_max, take, result, &result->err);
    CHECK(s);
    for (size_t at = 0, next; r == 0 && at < len; at += next) {
        char *chunk;

        next = cuts ? (size_t)rng_range(cuts, 1, chunk_max) : len;
        next = next < len - at ? next : len - at;
        chunk = malloc(next); /* of its own, so that each byte too far is seen */
        memcpy(chunk, text + at, next);
        r = slice_feed(s, chunk, next, &result->err);
        free(chunk);
    }
    if (r == 0)
        r = slice_end(s, &result->err);
    CHECK((r < 0) == (result->err.code != ERR_NONE));
    slice_free(s);
}

static void done(struct result *result)
{
    strbuf_done(&result->bytes);
    json_decref(result->values);
    json_decref(result->envelope);
}

/* The tree knows nothing of bytes: digests are left to tests/unit/test_json_slice_digest.c. */
static void strip_digests(json_t *value)
{
    const char *name;
    json_t *element;
    size_t i;

    json_object_del(value, "a(digest)");
    json_object_foreach(value, name, element) strip_digests(element);
    json_array_foreach(value, i, element) strip_digests(element);
}

static json_t *expect(const json_t *tree, const struct projection *keep)
{
    json_t *expected = projected(tree, keep);

    if (keep == digests)
        strip_digests(expected);
    return expected;
}

static void check_stream(const struct result *result, const struct projection *keep,
                         const json_t *tree)
{
    json_auto_t *expected = expect(tree, keep);

    CHECK(result->err.code == ERR_NONE);
    CHECK(result->values && json_array_size(result->values) == 1);
    CHECK(json_equal(json_array_get(result->values, 0), expected));
}

static void check_list(const struct result *result, const struct projection *keep,
                       const json_t *tree)
{
    const json_t *items = json_object_get(tree, "items");
    json_auto_t *expected_items = NULL, *expected_envelope = NULL;

    if (!json_is_object(tree) || (items && !json_is_array(items) && !json_is_null(items))) {
        CHECK(result->err.code == ERR_INVALID);
        return;
    }
    CHECK(result->err.code == ERR_NONE);
    expected_items = json_is_array(items) ? expect(items, keep) : json_array();
    expected_envelope = projected(tree, envelope);
    CHECK(result->values && json_equal(result->values, expected_items));
    CHECK(result->envelope && json_equal(result->envelope, expected_envelope));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct projection *keep;
    struct result whole, cut;
    enum slice_mode mode;
    const char *text;
    json_t *tree;
    struct rng cuts;
    size_t kept_max;

    if (len < 2)
        return 0;
    kept_max = data[0] & 0x80 ? data[1] : KEPT_MAX;
    mode = data[0] & 1 ? SLICE_LIST : SLICE_STREAM;
    keep = keeps[(data[0] >> 1) % (sizeof(keeps) / sizeof(keeps[0]))];
    text = (const char *)data + 2;
    len -= 2;
    rng_init(&cuts, data[1]);
    run(&whole, mode, keep, kept_max, text, len, NULL, 0);
    run(&cut, mode, keep, kept_max, text, len, &cuts, 1 + data[1] % 32);
    /* A list whose envelope is too long ends at a chunk's end: how far it got depends on those. */
    if (whole.err.code != ERR_LIMIT && cut.err.code != ERR_LIMIT) {
        CHECK(whole.bytes.len == cut.bytes.len);
        CHECK(memcmp(whole.bytes.text, cut.bytes.text, cut.bytes.len) == 0);
        CHECK(whole.err.code == cut.err.code && strcmp(whole.err.msg, cut.err.msg) == 0);
    }
    tree = json_decode(text, len, NULL);
    if (keep == digests)
        strip_digests(whole.values);
    if (tree && (whole.cuts > 0 || whole.err.code == ERR_LIMIT))
        CHECK(whole.values); /* what was cut off JSON is JSON */
    else if (tree && mode == SLICE_STREAM)
        check_stream(&whole, keep, tree);
    else if (tree)
        check_list(&whole, keep, tree);
    json_decref(tree);
    done(&whole);
    done(&cut);
    return 0;
}
