#include "rampart/base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rampart/base/utf8.h"

#define TAIL_MAX 64u   /* bytes kept free for "truncated", "dropped" and the end of the line */
#define ESCAPED_MAX 6u /* bytes of one character: a backslash, u and four digits */
#define MS_MAX 253402300799999 /* 9999-12-31T23:59:59.999Z; later years have five digits */

/* One line being written. What does not fit is left out. */
struct line {
    char text[LOG_LINE_MAX];
    size_t len;
    bool is_cut; /* something was left out */
};

static const char *const level_names[LOG_LEVEL_COUNT] = {"debug", "info", "warn", "error"};
static const char *const level_labels[LOG_LEVEL_COUNT] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
static const char *const level_colors[LOG_LEVEL_COUNT] = {"\x1b[2m", "\x1b[32m", "\x1b[33m",
                                                          "\x1b[31m"};
static const char *const format_names[LOG_FORMAT_COUNT] = {"json", "text"};

/* Whole or not at all. */
static bool put(struct line *l, const char *bytes, size_t len)
{
    if (l->len + len > sizeof(l->text) - TAIL_MAX) {
        l->is_cut = true;
        return false;
    }
    memcpy(l->text + l->len, bytes, len);
    l->len += len;
    return true;
}

static bool puts_whole(struct line *l, const char *text)
{
    return put(l, text, strlen(text));
}

/*
 * Characters that a terminal obeys, or that turn the reading direction so that text looks like
 * other text (https://trojansource.codes), are written as escapes.
 */
static bool is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x200E || code == 0x200F;
}

/* As JSON has it; @size 0 is a byte that is no UTF-8. Returns the bytes written. */
static size_t escape(char out[ESCAPED_MAX + 1], const char *text, size_t size, uint32_t code)
{
    int len;

    if (size > 0 && code != '"' && code != '\\' && !is_unsafe(code)) {
        memcpy(out, text, size);
        return size;
    }
    if (code == '"' || code == '\\')
        len = snprintf(out, ESCAPED_MAX + 1, "\\%c", (char)code);
    else if (code == '\n')
        len = snprintf(out, ESCAPED_MAX + 1, "\\n");
    else
        len = snprintf(out, ESCAPED_MAX + 1, "\\u%04x", (unsigned)code);
    return (size_t)len;
}

/* As many characters as fit. */
static void put_escaped(struct line *l, const char *text)
{
    size_t len = strlen(text);

    for (size_t at = 0; at < len;) {
        char out[ESCAPED_MAX + 1];
        uint32_t code;
        size_t size = utf8_char(text + at, len - at, &code);

        if (!put(l, out, escape(out, text + at, size, code)))
            return;
        at += size ? size : 1;
    }
}

static bool put_quoted(struct line *l, const char *text)
{
    if (!put(l, "\"", 1))
        return false;
    put_escaped(l, text);
    l->text[l->len++] = '"'; /* the tail has room for it */
    return true;
}

/* Whether a value of LOG_TEXT can be told apart without quotes. */
static bool is_plain(const char *text)
{
    size_t len = strlen(text);

    for (size_t at = 0; at < len;) {
        uint32_t code;
        size_t size = utf8_char(text + at, len - at, &code);

        if (size == 0 || is_unsafe(code) || strchr(" \"\\=", (int)(code < 0x80 ? code : 'x')))
            return false;
        at += size;
    }
    return len > 0;
}

/* A number is whole, a text may be cut; when not even its name fits the field is left out. */
static bool put_field(struct line *l, enum log_format format, const struct log_field *field)
{
    size_t start = l->len;
    char number[24];
    bool fits;

    if (format == LOG_JSON)
        fits = puts_whole(l, ",\"") && puts_whole(l, field->name) && puts_whole(l, "\":");
    else
        fits = puts_whole(l, " ") && puts_whole(l, field->name) && puts_whole(l, "=");
    if (!field->text) {
        (void)snprintf(number, sizeof(number), "%" PRId64, field->number);
        fits = fits && puts_whole(l, number);
    } else if (format == LOG_TEXT && is_plain(field->text)) {
        if (fits)
            put_escaped(l, field->text);
    } else {
        fits = fits && put_quoted(l, field->text);
    }
    if (!fits)
        l->len = start;
    return fits;
}

/* RFC 3339 with milliseconds, UTC. */
static void format_time(char out[32], int64_t wall_ms)
{
    struct tm tm;
    char day[24];
    time_t wall_s;

    wall_ms = wall_ms < 0 ? 0 : wall_ms > MS_MAX ? MS_MAX : wall_ms;
    wall_s = (time_t)(wall_ms / 1000);
    gmtime_r(&wall_s, &tm);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out, 32, "%s.%03dZ", day, (int)(wall_ms % 1000));
}

static void put_head(struct line *l, const struct log *log, enum log_level level, const char *msg)
{
    char stamp[32];

    format_time(stamp, log->clock(log->ctx));
    if (log->format == LOG_JSON) {
        puts_whole(l, "{\"time\":\"");
        puts_whole(l, stamp);
        puts_whole(l, "\",\"level\":\"");
        puts_whole(l, level_names[level]);
        puts_whole(l, "\",\"msg\":");
        put_quoted(l, msg);
        return;
    }
    puts_whole(l, stamp);
    puts_whole(l, " ");
    if (log->has_color)
        puts_whole(l, level_colors[level]);
    puts_whole(l, level_labels[level]);
    if (log->has_color)
        puts_whole(l, "\x1b[0m");
    puts_whole(l, " ");
    put_escaped(l, msg);
}

/* Fits into TAIL_MAX together with the quote of a text that was cut. */
static void put_tail(struct line *l, enum log_format format, size_t dropped)
{
    char tail[TAIL_MAX] = "";
    int len = 0;

    if (l->is_cut)
        len = snprintf(tail, sizeof(tail), "%s",
                       format == LOG_JSON ? ",\"truncated\":true" : " truncated=true");
    if (dropped > 0)
        len += snprintf(tail + len, sizeof(tail) - (size_t)len,
                        format == LOG_JSON ? ",\"dropped\":%zu" : " dropped=%zu", dropped);
    len += snprintf(tail + len, sizeof(tail) - (size_t)len, format == LOG_JSON ? "}\n" : "\n");
    memcpy(l->text + l->len, tail, (size_t)len);
    l->len += (size_t)len;
}

void log_write(struct log *log, enum log_level level, const char *msg,
               const struct log_field *fields, size_t fields_count)
{
    struct line line = {.len = 0};
    size_t dropped = 0;

    if (!log || level < log->level)
        return;
    assert(level < LOG_LEVEL_COUNT && log->sink && log->clock);
    put_head(&line, log, level, msg);
    for (size_t i = 0; i < fields_count; i++)
        if (i >= LOG_FIELDS_MAX || !put_field(&line, log->format, &fields[i]))
            dropped++;
    put_tail(&line, log->format, dropped);
    log->written_count++;
    log->sink(log->ctx, line.text, line.len);
}

static int name_index(const char *const *names, int count, const char *text)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    return -1;
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
    int level = name_index(level_names, LOG_LEVEL_COUNT, text);

    if (level < 0)
        return -1;
    *ret_level = (enum log_level)level;
    return 0;
}

int log_format_parse(const char *text, enum log_format *ret_format)
{
    int format = name_index(format_names, LOG_FORMAT_COUNT, text);

    if (format < 0)
        return -1;
    *ret_format = (enum log_format)format;
    return 0;
}
