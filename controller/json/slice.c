#include "rampart/json/slice.h"

#include <assert.h>
#include <string.h>

#include "scan.h"
#include "slice_state.h"

/*
 * Two ways to read. In a *filter*, an object or array of which some members stay, every token is
 * looked at. Whatever stays or goes as a whole is *raw*: only its structure is followed, and if it
 * stays its bytes are copied as they came, one stretch a chunk. Both follow the same table of what
 * may come next (scan.h).
 */

static int fail_at(const struct slice *s, const char *p, struct err *err)
{
    unsigned char c = (unsigned char)*p;
    unsigned long long at = slice_offset(s, p);

    if (c > 0x20 && c < 0x7F)
        return err_set(err, ERR_INVALID, "not JSON: unexpected '%c' at byte %llu", c, at);
    return err_set(err, ERR_INVALID, "not JSON: unexpected byte 0x%02x at byte %llu", c, at);
}

/* What may come after a container that closed. */
static enum place place_after(const struct slice *s)
{
    if (s->depth == 0)
        return s->mode == SLICE_LIST ? PLACE_DONE : PLACE_TOP;
    return slice_is_object(s, s->depth - 1) ? PLACE_OBJ_NEXT : PLACE_ARR_NEXT;
}

/* The string, number or word that was being read ended before @p. */
static const char *end_token(struct slice *s, const char *p, struct err *err)
{
    int r;

    s->token = TOKEN_NONE;
    if (s->is_raw)
        return p;
    r = s->is_name ? project_end_name(s, NULL, 0, p, err) : project_end_value(s, p, err);
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

    project_start_name(s, p);
    if (stop < end && *stop == '"') /* the usual case: whole and without escapes */
        return project_end_name(s, p + 1, (size_t)(stop - p - 1), stop + 1, err) < 0 ? NULL
                                                                                     : stop + 1;
    s->is_name = true;
    return begin_token(s, ACT_NAME, p);
}

/* One token of a filter or of the top. */
static const char *read_filter(struct slice *s, const char *p, const char *end, struct err *err)
{
    struct step step = scan_step(s->place, *p);
    bool is_member = s->place == PLACE_MEMBER;

    s->place = step.next;
    switch (step.act) {
    case ACT_BAD:
        fail_at(s, p, err);
        return NULL;
    case ACT_PASS:
        return p + 1;
    case ACT_COLON:
        project_colon(s);
        return p + 1;
    case ACT_NAME:
        return read_name(s, p, end, err);
    case ACT_CLOSE:
        project_close(s, p);
        s->place = place_after(s);
        return project_end_value(s, p + 1, err) < 0 ? NULL : p + 1;
    default:
        break;
    }
    if (project_start_value(s, p, is_member, err) < 0)
        return NULL;
    if (step.act == ACT_OPEN)
        return project_open(s, p, err) < 0 ? NULL : p + 1;
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
            if (project_push(s, *p++ == '{', err) < 0)
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
            return project_end_value(s, p, err) < 0 ? NULL : p;
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
    s->kept_max = kept_max;
    strbuf_init(&s->kept, kept_max + SLICE_CLOSERS_MAX);
    strbuf_init(&s->envelope, kept_max);
    slice_clear(s);
    return s;
}

struct slice *slice_new_around(const struct projection *around, const struct projection *keep,
                               size_t kept_max, slice_fn fn, void *ctx, struct err *err)
{
    struct slice *s = slice_new(SLICE_LIST, keep, kept_max, fn, ctx, err);

    if (s)
        s->around = around;
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

void slice_clear(struct slice *s)
{
    strbuf_clear(&s->kept);
    strbuf_clear(&s->envelope);
    s->out = s->mode == SLICE_LIST ? &s->envelope : &s->kept;
    s->is_dead = s->has_items = s->is_cut = false;
    s->is_copying = s->is_name = s->is_raw = s->is_left_out = false;
    s->chunk_at = s->unit_at = s->items_len = 0;
    s->whole_len = 0;
    s->depth = s->whole_depth = s->unit_depth = 0;
    s->place = PLACE_TOP;
    s->token = TOKEN_NONE;
    s->next_digest = s->digest_node = NULL;
    s->left_out_count = 0;
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
    s->run = s->digest_run = bytes;
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
    project_pause(s, end);
    s->chunk_at += len;
    if (is_inside(s) && project_check(s, s->chunk_at, err) < 0)
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
