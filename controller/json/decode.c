#include "rampart/json/decode.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "rampart/base/strbuf.h"
#include "rampart/base/utf8.h"
#include "scan.h"

/*
 * Why not json_loadb(): jansson 2.14 does not look whether its token buffer could grow. When memory
 * runs out at the wrong moment it drops a byte of the token, then aborts, reads past its buffer or
 * returns another number than the one in the text. Its constructors report it, so the tree is built
 * with those here.
 */

struct reader {
    const char *text; /* borrowed */
    const char *p;    /* next byte */
    const char *end;
    unsigned depth;        /* open containers */
    struct strbuf scratch; /* a string without its escapes, or a number with a NUL behind it */
    struct err *err;       /* borrowed, may be NULL */
};

static json_t *read_value(struct reader *r);

static void fail(struct reader *r, const char *what)
{
    err_set(r->err, ERR_INVALID, "not JSON: %s at byte %zu", what, (size_t)(r->p - r->text));
}

/* @made, or NULL with the error when the constructor had no memory. */
static json_t *check_made(struct reader *r, json_t *made)
{
    if (!made)
        err_nomem(r->err);
    return made;
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end && scan_classes[(unsigned char)*r->p] == BYTE_SPACE)
        r->p++;
}

/* The next byte that is no white space; NUL at the end of the text, where no value can go on
 * either. */
static char peek(struct reader *r)
{
    skip_space(r);
    return r->p < r->end ? *r->p : '\0';
}

/* @c is no NUL, which stands for the end. */
static bool accept(struct reader *r, char c)
{
    if (peek(r) != c)
        return false;
    r->p++;
    return true;
}

static int expect(struct reader *r, char c, const char *what)
{
    if (accept(r, c))
        return 0;
    fail(r, what);
    return -1;
}

/* Moves over the escape at @p, whose backslash is there. */
static bool skip_escape(struct reader *r)
{
    if (r->end - r->p >= 6 && r->p[1] == 'u' && scan_is_hex(r->p[2]) && scan_is_hex(r->p[3]) &&
        scan_is_hex(r->p[4]) && scan_is_hex(r->p[5])) {
        r->p += 6;
        return true;
    }
    if (r->end - r->p >= 2 && scan_is_escape(r->p[1])) {
        r->p += 2;
        return true;
    }
    return false;
}

/* Resolves the escapes of [from, from + len) into the scratch buffer. */
static int resolve(struct reader *r, const char **text, size_t *len)
{
    size_t resolved_len;

    strbuf_clear(&r->scratch);
    strbuf_add(&r->scratch, *text, *len);
    if (strbuf_check(&r->scratch, "string", r->err) < 0)
        return -1;
    if (!json_unescape(*text, *len, r->scratch.text, &resolved_len)) {
        fail(r, "half a surrogate pair in the string that ends");
        return -1;
    }
    *text = r->scratch.text;
    *len = resolved_len;
    return 0;
}

/* The string whose opening quote was read. Borrowed from the text or from the scratch buffer. */
static int read_string(struct reader *r, const char **ret_text, size_t *ret_len)
{
    const char *text = r->p;
    bool has_escape = false;
    size_t len;

    for (;;) {
        r->p = scan_string(r->p, r->end);
        if (r->p < r->end && *r->p == '"')
            break;
        if (r->p == r->end || *r->p != '\\' || !skip_escape(r)) {
            fail(r, "a string does not go on like this");
            return -1;
        }
        has_escape = true;
    }
    len = (size_t)(r->p - text);
    if (has_escape && resolve(r, &text, &len) < 0)
        return -1;
    if (memchr(text, '\0', len) || !utf8_is_valid(text, len)) {
        fail(r, "NUL or bad UTF-8 in the string that ends");
        return -1;
    }
    r->p++;
    *ret_text = text;
    *ret_len = len;
    return 0;
}

static size_t skip_digits(struct reader *r)
{
    const char *from = r->p;

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return (size_t)(r->p - from);
}

/* Moves over a number as RFC 8259 writes it, the first byte of which is there; @ret_is_real when it
 * has a fraction or an exponent. */
static bool skip_number(struct reader *r, bool *ret_is_real)
{
    *ret_is_real = false;
    if (*r->p == '-')
        r->p++;
    if (r->p < r->end && *r->p == '0')
        r->p++;
    else if (skip_digits(r) == 0)
        return false;
    if (r->p < r->end && *r->p == '.') {
        *ret_is_real = true;
        r->p++;
        if (skip_digits(r) == 0)
            return false;
    }
    if (r->p < r->end && (*r->p | 0x20) == 'e') {
        *ret_is_real = true;
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        if (skip_digits(r) == 0)
            return false;
    }
    return true;
}

static json_t *read_number(struct reader *r)
{
    const char *from = r->p;
    bool is_real;
    json_int_t integer;
    double real;

    if (!skip_number(r, &is_real)) {
        fail(r, "a number does not go on like this");
        return NULL;
    }
    strbuf_clear(&r->scratch);
    strbuf_add(&r->scratch, from, (size_t)(r->p - from));
    if (strbuf_check(&r->scratch, "number", r->err) < 0)
        return NULL;
    errno = 0;
    if (is_real) {
        real = strtod(r->scratch.text, NULL);
        if (isfinite(real)) /* what is too small to be told from 0 is 0 */
            return check_made(r, json_real(real));
    } else {
        integer = strtoll(r->scratch.text, NULL, 10);
        if (errno != ERANGE)
            return check_made(r, json_integer(integer));
    }
    fail(r, "a number is too large that ends");
    return NULL;
}

static json_t *read_word(struct reader *r, const char *word, json_t *value)
{
    size_t len = strlen(word);

    if ((size_t)(r->end - r->p) >= len && memcmp(r->p, word, len) == 0) {
        r->p += len;
        return value;
    }
    fail(r, "no value starts like this");
    return NULL;
}

static int read_member(struct reader *r, json_t *obj)
{
    AUTO_MEM char *kept_name = NULL;
    const char *name;
    json_t *value;
    size_t len;

    if (expect(r, '"', "expected a member's name") < 0 || read_string(r, &name, &len) < 0)
        return -1;
    if (json_object_getn(obj, name, len)) {
        fail(r, "a member's name comes twice, the second time");
        return -1;
    }
    if (name == r->scratch.text) { /* the value needs the scratch buffer too */
        kept_name = mem_strndup(name, len);
        if (!kept_name)
            return err_nomem(r->err);
        name = kept_name;
    }
    if (expect(r, ':', "expected a colon") < 0)
        return -1;
    value = read_value(r);
    if (!value)
        return -1;
    return json_object_setn_new_nocheck(obj, name, len, value) < 0 ? err_nomem(r->err) : 0;
}

static json_t *read_object(struct reader *r)
{
    json_auto_t *obj = check_made(r, json_object());

    if (!obj || accept(r, '}'))
        return json_incref(obj);
    do {
        if (read_member(r, obj) < 0)
            return NULL;
    } while (accept(r, ','));
    return expect(r, '}', "expected a comma or }") < 0 ? NULL : json_incref(obj);
}

static json_t *read_array(struct reader *r)
{
    json_auto_t *arr = check_made(r, json_array());

    if (!arr || accept(r, ']'))
        return json_incref(arr);
    do {
        json_t *value = read_value(r);

        if (!value)
            return NULL;
        if (json_array_append_new(arr, value) < 0)
            return check_made(r, NULL);
    } while (accept(r, ','));
    return expect(r, ']', "expected a comma or ]") < 0 ? NULL : json_incref(arr);
}

static json_t *read_container(struct reader *r)
{
    json_t *value;

    if (r->depth == JSON_DEPTH_MAX) {
        err_set(r->err, ERR_LIMIT, "JSON is nested deeper than %d levels", JSON_DEPTH_MAX);
        return NULL;
    }
    r->depth++;
    value = *r->p++ == '{' ? read_object(r) : read_array(r);
    r->depth--;
    return value;
}

static json_t *read_value(struct reader *r)
{
    const char *text;
    size_t len;

    switch (peek(r)) {
    case '{':
    case '[':
        return read_container(r);
    case '"':
        r->p++;
        return read_string(r, &text, &len) < 0 ? NULL
                                               : check_made(r, json_stringn_nocheck(text, len));
    case 't':
        return read_word(r, "true", json_true());
    case 'f':
        return read_word(r, "false", json_false());
    case 'n':
        return read_word(r, "null", json_null());
    case '\0':
        fail(r, r->p == r->end ? "the text ends" : "NUL");
        return NULL;
    default:
        return read_number(r);
    }
}

json_t *json_decode(const char *text, size_t len, struct err *err)
{
    struct reader r = {.text = text, .p = text, .end = text + len, .err = err};
    json_auto_t *value = NULL;

    strbuf_init(&r.scratch, len);
    value = read_value(&r);
    if (value && (peek(&r), r.p < r.end)) {
        fail(&r, "something follows the value");
        json_decref(value);
        value = NULL;
    }
    strbuf_done(&r.scratch);
    return json_incref(value);
}

void json_use_allocator(size_t seed)
{
    json_set_alloc_funcs(mem_alloc, mem_free);
    json_object_seed(seed);
}
