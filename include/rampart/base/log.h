/*
 * Structured log: one line an event, as JSON for machines or as text for people.
 *
 * base, json, kube, sync and reconcilers never log by themselves: an error is logged once, where it
 * is handled. They hand records to the sink that they were given (sync/) and the edge renders them
 * here. Rendering is pure: time comes in as a parameter, the line goes to a sink function. Values
 * are escaped, control characters never reach the output, a line is at most LOG_LINE_MAX bytes.
 */
#ifndef RAMPART_BASE_LOG_H
#define RAMPART_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 4096 /* a longer line is cut and says "truncated":true */
#define LOG_FIELDS_MAX 16 /* fields of one record; more are dropped and counted in "dropped" */

enum log_level { LOG_DEBUG = 0, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };
enum log_format { LOG_JSON = 0, LOG_TEXT, LOG_FORMAT_COUNT };

struct log_field {
    const char *name; /* lower_snake_case; borrowed */
    const char *text; /* borrowed; NULL: @number is the value */
    int64_t number;
};

/* A function, for `text_ ? text_ : ""` would warn about arrays. */
static inline const char *log_text(const char *text)
{
    return text ? text : "";
}

#define LOG_STR(name_, text_) ((struct log_field){.name = (name_), .text = log_text(text_)})
#define LOG_INT(name_, number_) ((struct log_field){.name = (name_), .number = (int64_t)(number_)})

typedef void (*log_sink_fn)(void *ctx, const char *line, size_t len); /* line ends in '\n' */
typedef int64_t (*log_clock_fn)(void *ctx); /* wall clock, ms since 1970 */

struct log {
    enum log_level level; /* records below it are dropped */
    enum log_format format;
    bool has_color; /* LOG_TEXT only: set by the edge when stderr is a terminal without NO_COLOR */
    log_sink_fn sink;
    log_clock_fn clock;
    void *ctx;              /* for sink and clock; borrowed */
    uint64_t written_count; /* records that reached the sink */
};

/* log_event(log, LOG_INFO, "policy created", LOG_STR("namespace", ns), LOG_INT("status", 201)) */
#define log_event(log_, level_, msg_, ...)                                        \
    log_write((log_), (level_), (msg_),                                           \
              (const struct log_field[]){{.name = NULL}, ##__VA_ARGS__} + 1,      \
              sizeof((const struct log_field[]){{.name = NULL}, ##__VA_ARGS__}) / \
                      sizeof(struct log_field) -                                  \
                  1)

/* A NULL log drops everything. */
void log_write(struct log *log, enum log_level level, const char *msg,
               const struct log_field *fields, size_t fields_count);

int log_level_parse(const char *text, enum log_level *ret_level);    /* debug info warn error; -1 */
int log_format_parse(const char *text, enum log_format *ret_format); /* json text; -1 */

#endif
