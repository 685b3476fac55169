#include "rampart/base/strbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CAP_MIN 64u /* bytes of the first block */

static char empty[1]; /* never written: every write needs cap > 0 */

void strbuf_init(struct strbuf *b, size_t len_max)
{
    assert(len_max < SIZE_MAX);
    *b = (struct strbuf){.text = empty, .len_max = len_max};
}

void strbuf_done(struct strbuf *b)
{
    if (!b)
        return;
    if (b->cap)
        mem_free(b->text);
    strbuf_init(b, b->len_max);
}

void strbuf_done_cleanup(struct strbuf *b)
{
    strbuf_done(b);
}

void strbuf_clear(struct strbuf *b)
{
    b->broke = ERR_NONE;
    strbuf_cut(b, 0);
}

/* Makes room for @len more bytes and the NUL, or breaks the buffer. */
static bool reserve(struct strbuf *b, size_t len)
{
    size_t cap;
    char *text;

    if (b->broke)
        return false;
    if (len > b->len_max - b->len) {
        b->broke = ERR_LIMIT;
        return false;
    }
    if (b->len + len < b->cap)
        return true;
    cap = b->cap < CAP_MIN ? CAP_MIN : b->cap;
    while (cap <= b->len + len)
        cap = cap <= SIZE_MAX / 2 ? cap * 2 : SIZE_MAX;
    if (cap > b->len_max)
        cap = b->len_max + 1;
    text = mem_realloc(b->cap ? b->text : NULL, cap);
    if (!text) {
        b->broke = ERR_NOMEM;
        return false;
    }
    b->text = text;
    b->cap = cap;
    return true;
}

void strbuf_add(struct strbuf *b, const char *bytes, size_t len)
{
    if (len == 0 || !reserve(b, len))
        return;
    memcpy(b->text + b->len, bytes, len);
    b->len += len;
    b->text[b->len] = '\0';
}

void strbuf_adds(struct strbuf *b, const char *text)
{
    strbuf_add(b, text, strlen(text));
}

void strbuf_addc(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list args, again;
    int len;

    if (b->broke)
        return;
    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    if (len < 0)
        b->broke = ERR_LIMIT; /* longer than INT_MAX */
    else if (len > 0 && reserve(b, (size_t)len)) {
        (void)vsnprintf(b->text + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

void strbuf_cut(struct strbuf *b, size_t len)
{
    assert(len <= b->len);
    b->len = len;
    if (b->cap)
        b->text[len] = '\0';
}

bool strbuf_is_ok(const struct strbuf *b)
{
    return b->broke == ERR_NONE;
}

int strbuf_check(const struct strbuf *b, const char *what, struct err *err)
{
    if (b->broke == ERR_NONE)
        return 0;
    if (b->broke == ERR_LIMIT)
        return err_set(err, ERR_LIMIT, "%s is longer than %zu bytes", what, b->len_max);
    err_nomem(err);
    return err_wrap(err, "%s", what);
}

char *strbuf_take(struct strbuf *b, size_t *ret_len)
{
    char *text;

    if (b->broke)
        return NULL;
    text = b->cap ? b->text : mem_strdup("");
    if (!text)
        return NULL;
    if (ret_len)
        *ret_len = b->len;
    strbuf_init(b, b->len_max);
    return text;
}
