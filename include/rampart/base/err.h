/*
 * Errors: a code to branch on and one line for people.
 *
 * A function that can fail takes a `struct err *` last and returns 0 / -1 (or a pointer / NULL).
 * On success the err is untouched, on failure outputs are untouched. The message names the object
 * and the step, says what to do where that is known, and never holds a token, key or Secret.
 */
#ifndef RAMPART_BASE_ERR_H
#define RAMPART_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

#define ERR_MSG_MAX 512 /* bytes with the NUL; a longer message is cut and ends in "..." */

enum err_code {
    ERR_NONE = 0,
    ERR_NOMEM,        /* out of memory; try again later */
    ERR_LIMIT,        /* a named ceiling was reached */
    ERR_INVALID,      /* the input is wrong: bytes, a field, a flag */
    ERR_NOT_FOUND,    /* 404 */
    ERR_EXISTS,       /* 409 AlreadyExists */
    ERR_CONFLICT,     /* 409 Conflict, or 422 for a uid that is no longer the one: read again */
    ERR_FORBIDDEN,    /* 403: a right is missing */
    ERR_TERMINATING,  /* 403 NamespaceTerminating: drop it */
    ERR_UNAUTHORIZED, /* 401: the credential is not accepted */
    ERR_EXPIRED,      /* 410: that resourceVersion or continue token is gone */
    ERR_RV_TOO_LARGE, /* the server has not seen that resourceVersion yet */
    ERR_THROTTLED,    /* 429 */
    ERR_REFUSED,      /* 400 or 422: the server will never accept this request */
    ERR_UNAVAILABLE,  /* 5xx, connection refused, reset, TLS or name resolution */
    ERR_TIMEOUT,      /* no answer in time */
    ERR_CANCELED,     /* we gave it up ourselves */
    ERR_IO,           /* a file or socket of this machine */
    ERR_CODE_COUNT,
};

struct err {
    enum err_code code;      /* what callers branch on */
    int http_status;         /* 0 when no answer was involved */
    uint32_t retry_after_ms; /* asked for by the server, <= ERR_RETRY_AFTER_MAX_MS; 0 is unsaid */
    char msg[ERR_MSG_MAX];   /* one line, NUL-terminated, without trailing newline */
};

#define ERR_RETRY_AFTER_MAX_MS 60001u /* a minute; status.c says where the last one is from */

/*
 * Sets code and message, zeroes the other fields and returns -1, so that `return err_set(...)`
 * reads well. Arguments may point into the old message; control characters become spaces. @err may
 * be NULL here and below: the caller does not care why.
 */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Puts "prefix: " in front of the message, keeps the other fields, returns -1. When both are too
 * long the prefix is cut: the innermost cause survives. @err must hold an error.
 */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int err_nomem(struct err *err); /* ERR_NOMEM, "out of memory"; returns -1 */

/* An analyzer sees one file at a time and would follow paths on which these return 0. */
#ifdef __clang_analyzer__
#define err_set(...) ((void)err_set(__VA_ARGS__), -1)
#define err_wrap(...) ((void)err_wrap(__VA_ARGS__), -1)
#define err_nomem(err) ((void)err_nomem(err), -1)
#endif

/*
 * Whether the very same attempt can succeed later without anybody changing anything: NOMEM,
 * RV_TOO_LARGE, THROTTLED, UNAVAILABLE, TIMEOUT, CANCELED. Not CONFLICT: read again first.
 */
bool err_is_transient(const struct err *err);

const char *err_code_name(enum err_code code); /* "NotFound"; static string */

#endif
