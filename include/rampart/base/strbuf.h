/*
 * Growing text with a ceiling.
 *
 * Invariants: after strbuf_init() @text is never NULL and always NUL-terminated at @len. Once a
 * call fails (out of memory, or ERR_LIMIT at @len_max) the buffer is *broken*: later appends do
 * nothing and strbuf_is_ok() is false, so a writer may append a dozen pieces and ask once at the
 * end.
 */
#ifndef RAMPART_BASE_STRBUF_H
#define RAMPART_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

struct strbuf {
    char *text;          /* owned (a static empty string before the first append) */
    size_t len;          /* bytes without the NUL */
    size_t cap;          /* bytes allocated, 0 before the first append */
    size_t len_max;      /* ceiling of @len */
    enum err_code broke; /* ERR_NONE, ERR_NOMEM or ERR_LIMIT */
};

void strbuf_init(struct strbuf *b, size_t len_max);
void strbuf_done(struct strbuf *b);  /* frees; the buffer may be initialised again */
void strbuf_clear(struct strbuf *b); /* len 0, memory kept, no longer broken */

/* What is added must not lie in the buffer itself. */
void strbuf_add(struct strbuf *b, const char *bytes, size_t len);
void strbuf_adds(struct strbuf *b, const char *text);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_cut(struct strbuf *b, size_t len); /* shortens to @len <= b->len */

bool strbuf_is_ok(const struct strbuf *b);
/* -1 when broken: ERR_LIMIT "@what is longer than N bytes", or ERR_NOMEM. */
MUST_CHECK int strbuf_check(const struct strbuf *b, const char *what, struct err *err);

/* Hands the text over to the caller, who frees it with mem_free(); the buffer is empty again.
 * NULL when broken or out of memory; then nothing changed. @ret_len may be NULL. */
MUST_CHECK char *strbuf_take(struct strbuf *b, size_t *ret_len);

void strbuf_done_cleanup(struct strbuf *b);
#define AUTO_STRBUF __attribute__((cleanup(strbuf_done_cleanup))) struct strbuf

#endif
