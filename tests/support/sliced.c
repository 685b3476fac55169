#include "support/sliced.h"

#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static int keep_line(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct strbuf *lines = ctx;

    (void)err;
    assert_int_equal(text[len], '\0');
    strbuf_adds(lines, kind == SLICE_ENVELOPE ? "envelope: " : "");
    strbuf_add(lines, text, len);
    strbuf_addc(lines, '\n');
    return 0;
}

static int feed_copy(struct slice *s, const char *bytes, size_t len, struct err *err)
{
    char *chunk = malloc(len ? len : 1); /* so that AddressSanitizer sees each byte too far */
    int r;

    assert_non_null(chunk);
    memcpy(chunk, bytes, len);
    r = slice_feed(s, chunk, len, err);
    memset(chunk, 0xAA, len); /* nothing may point into it any longer */
    free(chunk);
    return r;
}

char *sliced(enum slice_mode mode, const struct projection *keep, const char *text, size_t len,
             size_t first_len, size_t chunk_len)
{
    struct err err = {.code = ERR_NONE};
    struct strbuf lines;
    struct slice *s;
    char *result;
    int r = 0;

    strbuf_init(&lines, 64u << 20);
    s = slice_new(mode, keep, 16u << 20, keep_line, &lines, &err);
    assert_non_null(s);
    for (size_t at = 0, next = first_len; r == 0 && at < len; at += next, next = chunk_len) {
        next = next < len - at ? next : len - at;
        r = feed_copy(s, text + at, next, &err);
    }
    if (r == 0)
        r = slice_end(s, &err);
    if (r < 0)
        strbuf_addf(&lines, "error: %s: %s", err_code_name(err.code), err.msg);
    else
        strbuf_adds(&lines, "end");
    slice_free(s);
    assert_true(strbuf_is_ok(&lines));
    result = strdup(lines.text);
    strbuf_done(&lines);
    return result;
}

static void compare(enum slice_mode mode, const struct projection *keep, const char *text,
                    const char *expected, size_t first_len, size_t chunk_len)
{
    char *got = sliced(mode, keep, text, strlen(text), first_len, chunk_len);

    if (strcmp(got, expected) != 0)
        fail_msg("%s\nin chunks of %zu and %zu gives\n%s\nand not\n%s", text, first_len, chunk_len,
                 got, expected);
    free(got);
}

void assert_sliced(enum slice_mode mode, const struct projection *keep, const char *text,
                   const char *expected)
{
    size_t len = strlen(text);

    for (size_t first_len = 0; first_len <= len; first_len++)
        compare(mode, keep, text, expected, first_len, len);
    for (size_t chunk_len = 1; chunk_len <= len && chunk_len < 20; chunk_len++)
        compare(mode, keep, text, expected, chunk_len, chunk_len);
}
