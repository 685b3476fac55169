#include "rampart/json/slice.h"

#include <assert.h>
#include <string.h>

#include "name.h"
#include "scan.h"

/*
 * Two ways to read. In a *filter*, an object or array of which some members stay, every token is
 * looked at. Whatever stays or goes as a whole is *raw*: only its structure is followed, and if it
 * stays its bytes are copied as they came, one stretch a chunk. Both follow the same table of what
 * may come next (scan.h).
 */

#define KEPT_IDLE_MAX (256u * 1024u) /* bytes; a larger buffer is not held on to between values */

#define ITEMS "items"

/* What a list is made of, or the Status that came instead of it. */
static const struct projection envelope_keep[] = {
    {"apiVersion", NULL}, {"kind", NULL}, {"metadata", NULL}, {ITEMS, NULL},     {"status", NULL},
    {"reason", NULL},     {"code", NULL}, {"message", NULL},  {"details", NULL}, {NULL, NULL},
};

enum token { TOKEN_NONE = 0, TOKEN_STRING, TOKEN_ESCAPE, TOKEN_HEX, TOKEN_NUMBER, TOKEN_WORD };

enum fate { FATE_DROP = 0, FATE_KEEP, FATE_FILTER, FATE_ITEMS };

struct filter {
    const struct projection *nodes; /* borrowed */
    bool is_items;                  /* the array whose elements are values of their own */
    bool has_any;                   /* @nodes has a "*" */
    bool has_member;                /* the next member needs a comma */
};

struct slice {
    enum slice_mode mode;
    const struct projection *keep; /* borrowed; NULL keeps all */
    slice_fn fn;
    void *ctx;              /* for @fn; borrowed */
    bool is_dead;           /* failed or ended */
    bool has_items;         /* SLICE_LIST: "items" was seen */
    uint64_t values;        /* handed out */
    const char *chunk;      /* what slice_feed() is reading; borrowed for the call */
    uint64_t chunk_at;      /* offset of @chunk in the stream */
    uint64_t unit_at;       /* offset where the current value or item began */
    uint64_t items_len;     /* bytes of all items so far: they do not count as envelope */
    struct strbuf kept;     /* the current value or item, projected */
    struct strbuf envelope; /* the list without its items */
    struct strbuf *out;     /* the one of the two that is being written */
    const char *run;        /* what is being copied starts here in @chunk */
    bool is_copying;
    enum place place;        /* what may come next */
    enum token token;        /* what the last chunk ended in */
    unsigned hex_left;       /* digits missing in TOKEN_HEX */
    const char *word_rest;   /* letters missing in TOKEN_WORD */
    bool is_name;            /* TOKEN_STRING: a member's name in a filter */
    struct member_name name; /* collected when a name does not lie plainly in one chunk */
    enum fate fate;          /* of the value that follows the name */
    const struct projection *fate_nodes; /* for FATE_FILTER */
    bool is_raw;                         /* inside a container that stays or goes as a whole */
    unsigned raw_depth;                  /* depth around that container */
    unsigned depth;                      /* open containers */
    bool is_object[SLICE_DEPTH_MAX];
    struct filter filters[SLICE_DEPTH_MAX]; /* of those containers that are filters */
};

static uint64_t offset_of(const struct slice *s, const char *p)
{
    return s->chunk_at + (uint64_t)(p - s->chunk);
}

static int fail_at(const struct slice *s, const char *p, struct err *err)
{
    unsigned char c = (unsigned char)*p;
    unsigned long long at = offset_of(s, p);

    if (c > 0x20 && c < 0x7F)
        return err_set(err, ERR_INVALID, "not JSON: unexpected '%c' at byte %llu", c, at);
    return err_set(err, ERR_INVALID, "not JSON: unexpected byte 0x%02x at byte %llu", c, at);
}

/* Of the value or item being read up to the offset @at, or of the list around the items. */
static int check_limits(const struct slice *s, uint64_t at, struct err *err)
{
    uint64_t len = s->out == &s->envelope ? at - s->items_len : at - s->unit_at;

    if (strbuf_check(s->out, "a projected value", err) < 0)
        return -1;
    if (len > SLICE_RAW_MAX)
        return err_set(err, ERR_LIMIT, "a JSON value is longer than %u bytes", SLICE_RAW_MAX);
    return 0;
}

static void start_copy(struct slice *s, const char *p)
{
    s->is_copying = true;
    s->run = p;
}

static void end_copy(struct slice *s, const char *p)
{
    if (s->is_copying)
        strbuf_add(s->out, s->run, (size_t)(p - s->run));
    s->is_copying = false;
}

static void add_comma(struct slice *s, struct filter *f)
{
    if (f->has_member)
        strbuf_addc(s->out, ',');
    f->has_member = true;
}

static int push(struct slice *s, bool is_object, struct err *err)
{
    if (s->depth == SLICE_DEPTH_MAX)
        return err_set(err, ERR_LIMIT, "JSON is nested deeper than %d levels", SLICE_DEPTH_MAX);
    s->is_object[s->depth++] = is_object;
    return 0;
}

/* What may come after a container that closed. */
static enum place place_after(const struct slice *s)
{
    if (s->depth == 0)
        return s->mode == SLICE_LIST ? PLACE_DONE : PLACE_TOP;
    return s->is_object[s->depth - 1] ? PLACE_OBJ_NEXT : PLACE_ARR_NEXT;
}

static struct filter *filter_top(struct slice *s)
{
    return &s->filters[s->depth - 1];
}

static int push_filter(struct slice *s, bool is_object, const struct projection *nodes,
                       struct err *err)
{
    struct filter *f;

    if (push(s, is_object, err) < 0)
        return -1;
    f = filter_top(s);
    *f = (struct filter){.nodes = nodes};
    for (; nodes && nodes->name && !f->has_any; nodes++)
        f->has_any = name_is_any(nodes);
    return 0;
}

static int hand_out(struct slice *s, enum slice_kind kind, struct strbuf *text, struct err *err)
{
    if (kind == SLICE_VALUE)
        s->values++;
    if (s->fn(s->ctx, kind, text->text, text->len, err) < 0)
        return -1;
    strbuf_clear(text);
    if (text->cap > KEPT_IDLE_MAX)
        strbuf_done(text);
    return 0;
}

/* A value of a filter, or of the top, ended before @p. */
static int end_value(struct slice *s, const char *p, struct err *err)
{
    end_copy(s, p);
    if (s->depth > 0 && !filter_top(s)->is_items)
        return 0;
    if (check_limits(s, offset_of(s, p), err) < 0)
        return -1;
    if (s->depth == 0)
        return s->mode == SLICE_LIST ? hand_out(s, SLICE_ENVELOPE, &s->envelope, err)
                                     : hand_out(s, SLICE_VALUE, &s->kept, err);
    s->items_len += offset_of(s, p) - s->unit_at;
    s->out = &s->envelope;
    return hand_out(s, SLICE_VALUE, &s->kept, err);
}

/* A member's name starts at @p with its quote. Where all names stay it is copied as it is written.
 */
static void start_name(struct slice *s, const char *p)
{
    struct filter *f = filter_top(s);

    if (f->has_any) {
        add_comma(s, f);
        start_copy(s, p);
    }
    name_clear(&s->name);
}

/* The name [text, text + len) without escapes, or the collected one when @text is NULL, ended
 * before @p. */
static int end_name(struct slice *s, const char *text, size_t len, const char *p, struct err *err)
{
    bool is_list = s->mode == SLICE_LIST && s->depth == 1;
    struct filter *f = filter_top(s);
    const struct projection *node;

    end_copy(s, p);
    node = text ? name_find_plain(text, len, f->nodes) : name_find(&s->name, f->nodes);
    s->fate = !node ? FATE_DROP : node->children ? FATE_FILTER : FATE_KEEP;
    s->fate_nodes = node ? node->children : NULL;
    if (is_list && node && strcmp(node->name, ITEMS) == 0) {
        if (s->has_items)
            return err_set(err, ERR_INVALID, "a list has \"%s\" twice", ITEMS);
        s->has_items = true;
        s->fate = FATE_ITEMS;
        return 0;
    }
    if (node && !f->has_any) {
        add_comma(s, f);
        strbuf_addc(s->out, '"');
        strbuf_adds(s->out, node->name);
        strbuf_addc(s->out, '"');
    }
    return 0;
}

/* Decides what becomes of a value that starts at @p and is no member, whose name has decided
 * already. */
static void choose_fate(struct slice *s, const char *p)
{
    struct filter *f;

    s->fate = s->keep ? FATE_FILTER : FATE_KEEP;
    s->fate_nodes = s->keep;
    if (s->depth == 0) {
        s->unit_at = offset_of(s, p);
        if (s->mode == SLICE_LIST) {
            s->fate = FATE_FILTER;
            s->fate_nodes = envelope_keep;
        }
        return;
    }
    f = filter_top(s);
    if (f->is_items) {
        s->unit_at = offset_of(s, p);
        s->out = &s->kept;
        return;
    }
    add_comma(s, f);
    s->fate = FATE_FILTER;
    s->fate_nodes = f->nodes;
}

/* A list's root must be an object, and its items an array or null. */
static int check_list(const struct slice *s, const char *p, struct err *err)
{
    if (s->mode != SLICE_LIST)
        return 0;
    if (s->depth == 0 && *p != '{')
        return err_set(err, ERR_INVALID, "expected a list, got something that is no object");
    if (s->depth == 1 && s->fate == FATE_ITEMS && *p != '[' && *p != 'n')
        return err_set(err, ERR_INVALID, "expected \"items\" to be an array");
    return 0;
}

/* Opens the container at @p as its fate wants. */
static int open_container(struct slice *s, const char *p, struct err *err)
{
    bool is_object = *p == '{';

    switch (s->fate) {
    case FATE_FILTER:
        strbuf_addc(s->out, *p);
        return push_filter(s, is_object, s->fate_nodes, err);
    case FATE_ITEMS:
        if (push_filter(s, is_object, NULL, err) < 0)
            return -1;
        filter_top(s)->is_items = true;
        return 0;
    case FATE_KEEP:
        start_copy(s, p);
        break;
    case FATE_DROP:
        break;
    }
    s->is_raw = true;
    s->raw_depth = s->depth;
    return push(s, is_object, err);
}

/* Closes the filter at @p. */
static int close_filter(struct slice *s, const char *p, struct err *err)
{
    if (!filter_top(s)->is_items)
        strbuf_addc(s->out, *p);
    s->depth--;
    s->place = place_after(s);
    return end_value(s, p + 1, err);
}

/* The string, number or word that was being read ended before @p. */
static const char *end_token(struct slice *s, const char *p, struct err *err)
{
    int r = 0;

    s->token = TOKEN_NONE;
    if (s->is_raw)
        return p;
    r = s->is_name ? end_name(s, NULL, 0, p, err) : end_value(s, p, err);
    s->is_name = false;
    return r < 0 ? NULL : p;
}

/* One byte of an escape. */
static int read_escape(struct slice *s, const char *p, struct err *err)
{
    if (s->token == TOKEN_HEX) {
        if (!scan_is_hex(*p))
            return fail_at(s, p, err);
        s->token = --s->hex_left ? TOKEN_HEX : TOKEN_STRING;
    } else if (*p == 'u') {
        s->token = TOKEN_HEX;
        s->hex_left = 4;
    } else {
        if (!scan_is_escape(*p))
            return fail_at(s, p, err);
        s->token = TOKEN_STRING;
    }
    return 0;
}

static const char *read_string(struct slice *s, const char *p, const char *end, struct err *err)
{
    const char *from = p;

    while (p < end) {
        if (s->token != TOKEN_STRING) {
            if (read_escape(s, p, err) < 0)
                return NULL;
            p++;
            continue;
        }
        p = scan_string(p, end);
        if (p == end)
            break;
        if (*p == '"') {
            if (s->is_name)
                name_add(&s->name, from, (size_t)(p - from));
            return end_token(s, p + 1, err);
        }
        if (*p != '\\') {
            fail_at(s, p, err);
            return NULL;
        }
        s->token = TOKEN_ESCAPE;
        p++;
    }
    if (s->is_name)
        name_add(&s->name, from, (size_t)(p - from));
    return p;
}

/* Goes on with the token that was begun. Returns where it stopped, NULL when it failed. */
static const char *read_token(struct slice *s, const char *p, const char *end, struct err *err)
{
    switch (s->token) {
    case TOKEN_NUMBER:
        p = scan_number(p, end);
        return p == end ? p : end_token(s, p, err);
    case TOKEN_WORD:
        for (; p < end && *s->word_rest; p++, s->word_rest++) {
            if (*p != *s->word_rest) {
                fail_at(s, p, err);
                return NULL;
            }
        }
        return *s->word_rest ? p : end_token(s, p, err);
    default:
        return read_string(s, p, end, err);
    }
}

/* The token whose first byte is at @p; the rest is read_token()'s. */
static const char *begin_token(struct slice *s, enum act act, const char *p)
{
    switch (act) {
    case ACT_NUMBER:
        s->token = TOKEN_NUMBER;
        break;
    case ACT_WORD:
        s->token = TOKEN_WORD;
        s->word_rest = *p == 't' ? "rue" : *p == 'f' ? "alse" : "ull";
        break;
    default:
        s->token = TOKEN_STRING;
        break;
    }
    return p + 1;
}

static const char *read_name(struct slice *s, const char *p, const char *end, struct err *err)
{
    const char *stop = scan_string(p + 1, end);

    start_name(s, p);
    if (stop < end && *stop == '"') /* the usual case: whole and without escapes */
        return end_name(s, p + 1, (size_t)(stop - p - 1), stop + 1, err) < 0 ? NULL : stop + 1;
    s->is_name = true;
    return begin_token(s, ACT_NAME, p);
}

/* One token of a filter or of the top. */
static const char *read_filter(struct slice *s, const char *p, const char *end, struct err *err)
{
    struct step step = scan_step(s->place, *p);
    bool is_member = s->place == PLACE_MEMBER;

    if (step.act == ACT_BAD) {
        fail_at(s, p, err);
        return NULL;
    }
    if (step.act == ACT_CLOSE)
        return close_filter(s, p, err) < 0 ? NULL : p + 1;
    s->place = step.next;
    if (step.act == ACT_PASS)
        return p + 1;
    if (step.act == ACT_NAME)
        return read_name(s, p, end, err);
    if (step.act == ACT_COLON) {
        if (s->fate == FATE_KEEP || s->fate == FATE_FILTER)
            strbuf_addc(s->out, ':');
        return p + 1;
    }
    if (!is_member)
        choose_fate(s, p);
    if (check_list(s, p, err) < 0)
        return NULL;
    if (step.act == ACT_OPEN)
        return open_container(s, p, err) < 0 ? NULL : p + 1;
    if (s->fate == FATE_KEEP || s->fate == FATE_FILTER)
        start_copy(s, p);
    return begin_token(s, step.act, p);
}

/* As far as it goes in a container that stays or goes as a whole; this loop is where the time is
 * spent. */
static const char *read_raw(struct slice *s, const char *p, const char *end, struct err *err)
{
    enum place place = s->place;

    while (p < end) {
        struct step step = scan_step(place, *p);

        place = step.next;
        switch (step.act) {
        case ACT_BAD:
            fail_at(s, p, err);
            return NULL;
        case ACT_NAME:
        case ACT_STRING: {
            const char *stop = scan_string(p + 1, end);

            if (stop < end && *stop == '"') {
                p = stop + 1;
                break;
            }
            s->place = place;
            return begin_token(s, step.act, p);
        }
        case ACT_NUMBER:
        case ACT_WORD:
            s->place = place;
            return begin_token(s, step.act, p);
        case ACT_OPEN:
            if (push(s, *p++ == '{', err) < 0)
                return NULL;
            break;
        case ACT_CLOSE:
            p++;
            s->depth--;
            place = place_after(s);
            if (s->depth > s->raw_depth)
                break;
            s->is_raw = false;
            s->place = place;
            return end_value(s, p, err) < 0 ? NULL : p;
        default: /* comma, colon, white space */
            p++;
            break;
        }
    }
    s->place = place;
    return p;
}

struct slice *slice_new(enum slice_mode mode, const struct projection *keep, size_t kept_max,
                        slice_fn fn, void *ctx, struct err *err)
{
    struct slice *s = mem_calloc(1, sizeof(*s));

    if (!s) {
        err_nomem(err);
        return NULL;
    }
    s->mode = mode;
    s->keep = keep;
    s->fn = fn;
    s->ctx = ctx;
    strbuf_init(&s->kept, kept_max);
    strbuf_init(&s->envelope, kept_max);
    s->out = mode == SLICE_LIST ? &s->envelope : &s->kept;
    return s;
}

void slice_free(struct slice *s)
{
    if (!s)
        return;
    strbuf_done(&s->kept);
    strbuf_done(&s->envelope);
    mem_free(s);
}

static bool is_inside(const struct slice *s)
{
    return s->token != TOKEN_NONE || !place_is_between(s->place);
}

int slice_feed(struct slice *s, const char *bytes, size_t len, struct err *err)
{
    const char *end = bytes + len;

    assert(!s->is_dead);
    s->is_dead = true; /* until this chunk went well */
    s->chunk = bytes;
    s->run = bytes;
    for (const char *p = bytes; p < end;) {
        if (s->token != TOKEN_NONE)
            p = read_token(s, p, end, err);
        else if (s->is_raw)
            p = read_raw(s, p, end, err);
        else
            p = read_filter(s, p, end, err);
        if (!p)
            return -1;
    }
    if (s->is_copying)
        strbuf_add(s->out, s->run, (size_t)(end - s->run));
    s->chunk_at += len;
    if (is_inside(s) && check_limits(s, s->chunk_at, err) < 0)
        return -1;
    s->is_dead = false;
    return 0;
}

int slice_end(struct slice *s, struct err *err)
{
    assert(!s->is_dead);
    s->is_dead = true;
    s->chunk = s->run = ""; /* everything was copied */
    if (s->token == TOKEN_NUMBER && s->depth == 0 && !end_token(s, s->chunk, err))
        return -1;
    if (is_inside(s) || (s->mode == SLICE_LIST && s->place != PLACE_DONE))
        return err_set(err, ERR_INVALID, "not JSON: ends in the middle of a value after %llu bytes",
                       (unsigned long long)s->chunk_at);
    return 0;
}

uint64_t slice_values(const struct slice *s)
{
    return s->values;
}
