#include "rampart/edge/head.h"

#include <string.h>

#include "rampart/sync/transport.h"

/* Whether the header line is that header, and its value without the space around it. */
static bool is_header(const char *name, const char *line, size_t len, const char **ret_value,
                      size_t *ret_len)
{
    const size_t name_len = strlen(name);

    if (len <= name_len || strncasecmp(line, name, name_len) != 0)
        return false;
    line += name_len;
    len -= name_len;
    while (len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", line[len - 1]))
        len--;
    *ret_value = line;
    *ret_len = len;
    return true;
}

static void take_retry_after(struct head *h, const char *value, size_t len)
{
    if (len >= sizeof(h->retry_after) || memchr(value, '\0', len))
        return; /* no server sends one that long: as good as none */
    memcpy(h->retry_after, value, len);
    h->retry_after[len] = '\0';
}

/* What does not fit is cut: that there is a warning is what counts. */
static int take_warning(struct head *h, const char *value, size_t len)
{
    size_t room = TRANSPORT_WARNINGS_MAX - h->warnings.len;

    if (room < 2) /* the line feed, and something after it */
        return 0;
    if (h->warnings.len > 0) {
        strbuf_addc(&h->warnings, '\n');
        room--;
    }
    strbuf_add(&h->warnings, value, len < room ? len : room);
    return strbuf_is_ok(&h->warnings) ? 0 : -1;
}

void head_init(struct head *h)
{
    h->retry_after[0] = '\0';
    strbuf_init(&h->warnings, TRANSPORT_WARNINGS_MAX);
}

void head_clear(struct head *h)
{
    h->retry_after[0] = '\0';
    strbuf_clear(&h->warnings);
}

void head_done(struct head *h)
{
    strbuf_done(&h->warnings);
}

int head_take(struct head *h, const char *line, size_t len)
{
    const char *value;
    size_t value_len;

    if (is_header("retry-after:", line, len, &value, &value_len))
        take_retry_after(h, value, value_len);
    else if (is_header("warning:", line, len, &value, &value_len))
        return take_warning(h, value, value_len);
    return 0;
}
