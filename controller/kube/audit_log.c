#include "rampart/kube/audit_log.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/json/get.h"
#include "rampart/kube/decode.h"

struct audit_log {
    struct audit_reader reader; /* takes what is read */
    struct slice *slice;        /* owned; of the line that is being read */
    uint64_t line;              /* its number, from 1 */
    bool has_begun;             /* there was more than white space in it */
    bool is_skipped;            /* it was told to be unreadable: its rest is skipped */
    bool is_stopped;            /* the reader wants no more: its error is none of the line */
};

static int unreadable(struct audit_log *log, const struct err *why, struct err *err)
{
    struct err of_reader = {0};

    if (why->code == ERR_NOMEM)
        return err_nomem(err);
    if (log->reader.take_unreadable(log->reader.ctx, log->line, why, &of_reader) == 0)
        return 0;
    log->is_stopped = true;
    *err = of_reader;
    return -1;
}

/* Only an event that stands for itself has to say what it is: the elements of a list state none. */
static int check_kind(const json_t *root, bool is_item, const char **ret_kind, struct err *err)
{
    const char *kind, *version;

    if (member_text(root, "kind", &kind, err) < 0 ||
        member_text(root, "apiVersion", &version, err) < 0)
        return -1;
    if (is_item && !kind && !version)
        kind = "Event";
    else if (!kind || !version || strcmp(version, AUDIT_API_VERSION) != 0)
        return err_set(err, ERR_INVALID,
                       "expected an Event of " AUDIT_API_VERSION ", got %.64s of %.64s",
                       kind ? kind : "no kind", version ? version : "no apiVersion");
    if (strcmp(kind, "Event") != 0 && (is_item || strcmp(kind, "EventList") != 0))
        return err_set(err, ERR_INVALID, "kind: expected Event%s, got %.64s",
                       is_item ? "" : " or EventList", kind);
    *ret_kind = kind;
    return 0;
}

/* Whether there is an event in it that concerns anybody; an EventList was read with its items. */
static int read_event(const json_t *root, bool is_item, bool *ret_has_event,
                      struct audit_event *ret_event, struct err *err)
{
    const char *kind;

    if (check_kind(root, is_item, &kind, err) < 0)
        return -1;
    *ret_has_event = strcmp(kind, "Event") == 0;
    return *ret_has_event ? audit_event_decode(root, ret_event, err) : 0;
}

static int on_value(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct audit_log *log = ctx;
    struct audit_event event;
    struct err why = {0};
    bool has_event = false;
    int result = -1;
    json_auto_t *root = NULL;

    if (kind == SLICE_CUT)
        err_set(&why, ERR_LIMIT, "an event of the list is larger than %u bytes",
                AUDIT_EVENT_LEN_MAX);
    else
        root = json_decode(text, len, &why);
    if (root)
        result = read_event(root, kind == SLICE_VALUE, &has_event, &event, &why);
    if (result < 0)
        return unreadable(log, &why, err);
    if (!has_event)
        return 0;
    result = log->reader.take_event(log->reader.ctx, &event, err);
    log->is_stopped = result < 0;
    return result;
}

struct audit_log *audit_log_new(const struct audit_reader *reader, struct err *err)
{
    struct audit_log *log = mem_calloc(1, sizeof(*log));

    if (!log) {
        err_nomem(err);
        return NULL;
    }
    log->reader = *reader;
    log->line = 1;
    log->slice = slice_new_around(audit_event_keep, audit_event_keep, AUDIT_EVENT_LEN_MAX, on_value,
                                  log, err);
    if (!log->slice)
        MEM_FREE_NULL(log);
    return log;
}

void audit_log_free(struct audit_log *log)
{
    if (!log)
        return;
    slice_free(log->slice);
    mem_free(log);
}

/* What the slice made of a part of the line, or of its end. */
static int check(struct audit_log *log, int result, const struct err *why, struct err *err)
{
    if (result == 0)
        return 0;
    if (log->is_stopped || why->code == ERR_NOMEM) {
        *err = *why;
        return -1;
    }
    log->is_skipped = true;
    return unreadable(log, why, err);
}

/* White space before the value is no line: an empty one tells nothing. */
static int feed_part(struct audit_log *log, const char *part, size_t len, struct err *err)
{
    struct err why = {0};

    if (!log->has_begun) {
        size_t space = 0;

        while (space < len && (part[space] == ' ' || part[space] == '\t' || part[space] == '\r'))
            space++;
        part += space;
        len -= space;
    }
    if (len == 0 || log->is_skipped)
        return 0;
    log->has_begun = true;
    return check(log, slice_feed(log->slice, part, len, &why), &why, err);
}

static int end_line(struct audit_log *log, struct err *err)
{
    struct err why = {0};
    int result = 0;

    if (log->has_begun && !log->is_skipped)
        result = check(log, slice_end(log->slice, &why), &why, err);
    if (log->has_begun)
        slice_clear(log->slice);
    log->has_begun = log->is_skipped = false;
    log->line++;
    return result;
}

int audit_log_feed(struct audit_log *log, const char *bytes, size_t len, struct err *err)
{
    const char *end = bytes + len;

    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *stop = newline ? newline : end;

        if (feed_part(log, bytes, (size_t)(stop - bytes), err) < 0)
            return -1;
        if (newline && end_line(log, err) < 0)
            return -1;
        bytes = newline ? newline + 1 : end;
    }
    return 0;
}

int audit_log_end(struct audit_log *log, struct err *err)
{
    int result = end_line(log, err);

    log->line = 1;
    return result;
}
