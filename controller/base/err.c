#include "rampart/base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef err_set
#undef err_wrap
#undef err_nomem

static const char *const code_names[ERR_CODE_COUNT] = {
    [ERR_NONE] = "None",
    [ERR_NOMEM] = "OutOfMemory",
    [ERR_LIMIT] = "Limit",
    [ERR_INVALID] = "Invalid",
    [ERR_NOT_FOUND] = "NotFound",
    [ERR_EXISTS] = "AlreadyExists",
    [ERR_CONFLICT] = "Conflict",
    [ERR_FORBIDDEN] = "Forbidden",
    [ERR_TERMINATING] = "NamespaceTerminating",
    [ERR_UNAUTHORIZED] = "Unauthorized",
    [ERR_EXPIRED] = "Expired",
    [ERR_RV_TOO_LARGE] = "ResourceVersionTooLarge",
    [ERR_THROTTLED] = "TooManyRequests",
    [ERR_REFUSED] = "Refused",
    [ERR_UNAVAILABLE] = "Unavailable",
    [ERR_TIMEOUT] = "Timeout",
    [ERR_CANCELED] = "Canceled",
    [ERR_IO] = "InputOutput",
};

static const bool transient_codes[ERR_CODE_COUNT] = {
    [ERR_NOMEM] = true,       [ERR_RV_TOO_LARGE] = true, [ERR_THROTTLED] = true,
    [ERR_UNAVAILABLE] = true, [ERR_TIMEOUT] = true,      [ERR_CANCELED] = true,
};

/* Steps back to where a character starts, so that a cut never leaves half of one. */
static size_t char_floor(const char *text, size_t len)
{
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

/* Writes "..." where @text must end at the latest; @at_max + 4 bytes fit. */
static size_t put_ellipsis(char *text, size_t at_max)
{
    size_t at = char_floor(text, at_max);

    memcpy(text + at, "...", 4);
    return at + 3;
}

/* Formats into @text and returns the length; what is too long ends in "...", line breaks become
 * spaces. */
static size_t format_line(char text[ERR_MSG_MAX], const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static size_t format_line(char text[ERR_MSG_MAX], const char *fmt, va_list args)
{
    int wanted = vsnprintf(text, ERR_MSG_MAX, fmt, args);
    size_t len;

    if (wanted < 0) /* a conversion that the C library refuses */
        len = (size_t)snprintf(text, ERR_MSG_MAX, "%s", fmt);
    else
        len = (size_t)wanted;
    if (len >= ERR_MSG_MAX)
        len = put_ellipsis(text, ERR_MSG_MAX - 4);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            text[i] = ' ';
    return len;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    char line[ERR_MSG_MAX]; /* apart, for the arguments may point into the old message */
    va_list args;
    size_t len;

    assert(code > ERR_NONE && code < ERR_CODE_COUNT);
    if (!err)
        return -1;
    va_start(args, fmt);
    len = format_line(line, fmt, args);
    va_end(args);
    err->code = code;
    err->http_status = 0;
    err->retry_after_ms = 0;
    memcpy(err->msg, line, len + 1);
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char prefix[ERR_MSG_MAX];
    va_list args;
    size_t len, cause_len, room;

    if (!err)
        return -1;
    assert(err->code != ERR_NONE);
    va_start(args, fmt);
    len = format_line(prefix, fmt, args);
    va_end(args);
    cause_len = strlen(err->msg);
    if (cause_len + 2 + 4 > ERR_MSG_MAX - 1) /* not even "x...: " fits */
        return -1;
    room = ERR_MSG_MAX - 1 - cause_len - 2;
    if (len > room)
        len = put_ellipsis(prefix, room - 3);
    memmove(err->msg + len + 2, err->msg, cause_len + 1);
    memcpy(err->msg, prefix, len);
    memcpy(err->msg + len, ": ", 2);
    return -1;
}

int err_nomem(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

bool err_is_transient(const struct err *err)
{
    assert(err->code < ERR_CODE_COUNT);
    return transient_codes[err->code];
}

const char *err_code_name(enum err_code code)
{
    return (unsigned)code < ERR_CODE_COUNT ? code_names[code] : "Unknown";
}
