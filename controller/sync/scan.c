#include "rampart/sync/scan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rampart/kube/path.h"
#include "rampart/kube/status.h"
#include "rampart/sync/backoff.h"
#include "rampart/sync/frames.h"

static const enum kind usual_kinds[] = {KIND_POD, KIND_JOB};

enum scan_state {
    SCAN_WAITING = 0, /* until @due_ms, for the next scan or the next page */
    SCAN_LISTING,     /* a page is on its way */
    SCAN_STOPPED,
};

struct scan {
    struct scan_options options;
    enum scan_state state;
    struct exchange exchange; /* of the page */
    bool is_running;          /* between a start and its on_done */
    bool is_begun;            /* a scan is under way, between two of its pages */
    bool is_stale;            /* something changed while it ran */
    size_t kind;              /* place in options.kinds */
    struct frames *frames;    /* of the page; owned */
    bool is_page_complete;
    char *token;        /* of the next page; owned; NULL: the first */
    struct arena arena; /* of one object */
    struct err failed;  /* first failure in the page's bytes */
    struct err trouble; /* of the last try */
    struct backoff backoff;
    struct rng rng;
    uint64_t due_ms;
    uint64_t ended_ms; /* the last scan that came to its end */
    bool has_ended;
    uint64_t skipped; /* objects that do not decode, in this scan */
};

static enum kind kind_of(const struct scan *s)
{
    return s->options.kinds[s->kind];
}

static void rewind_scan(struct scan *s)
{
    mem_free(s->token);
    s->token = NULL;
    s->kind = 0;
    s->is_begun = false;
}

/* ---- How it ends ---- */

static void explain(const struct scan *s, const struct err *why, struct err *ret_err)
{
    const struct resource *resource = resource_of(kind_of(s));

    if (why->code == ERR_FORBIDDEN)
        err_set(ret_err, why->code,
                "scan of %s: a right is missing: grant the verb \"list\" on %s%s%s to Rampart's "
                "ServiceAccount (deploy/ has the ClusterRole): %s",
                resource->plural, resource->plural, *resource->group ? "." : "", resource->group,
                why->msg);
    else
        err_set(ret_err, why->code, "scan of %s: %s; it is tried again", resource->plural,
                why->msg);
}

static void fail_scan(struct scan *s, const struct err *why, uint64_t now_ms)
{
    bool is_news = s->trouble.code != why->code;

    explain(s, why, &s->trouble);
    if (is_news)
        log_event(s->options.log, LOG_WARN, "scan failed; what the one before found stands",
                  LOG_STR("code", err_code_name(why->code)), LOG_STR("error", s->trouble.msg));
    rewind_scan(s);
    s->state = SCAN_WAITING;
    s->due_ms = now_ms + backoff_next(&s->backoff, now_ms, why->retry_after_ms, &s->rng);
    s->options.on_failed(s->options.ctx);
}

static void end_scan(struct scan *s, uint64_t now_ms)
{
    bool had_trouble = s->trouble.code != ERR_NONE;

    if (had_trouble)
        log_event(s->options.log, LOG_INFO, "scan works again");
    if (s->skipped > 0)
        log_event(s->options.log, LOG_WARN, "objects without usable metadata were left out",
                  LOG_INT("count", (int64_t)s->skipped));
    s->trouble = (struct err){.code = ERR_NONE};
    backoff_reset(&s->backoff);
    rewind_scan(s);
    s->ended_ms = now_ms;
    s->has_ended = true;
    s->due_ms = now_ms + (s->is_stale ? SCAN_GAP_MS : SCAN_EVERY_MS);
    s->is_stale = false;
    s->options.on_end(s->options.ctx, had_trouble);
}

/* ---- What the server tells ---- */

static int take_object(struct scan *s, const json_t *root, struct err *err)
{
    enum decode_result result;
    struct object *object;
    struct err why = {0};

    arena_reset(&s->arena);
    if (object_decode(kind_of(s), root, &s->arena, &result, &object, &why) < 0) {
        if (why.code != ERR_INVALID) {
            *err = why;
            return -1;
        }
        s->skipped++;
        return 0;
    }
    return object ? s->options.on_object(s->options.ctx, object, err) : 0;
}

static int take_token(struct scan *s, const char *token, struct err *err)
{
    mem_free(s->token);
    s->token = NULL;
    s->is_page_complete = true;
    if (*token == '\0')
        return 0;
    s->token = mem_strdup(token);
    return s->token ? 0 : err_nomem(err);
}

static int on_frame(void *ctx, const struct frame *frame, struct err *err)
{
    struct scan *s = ctx;

    switch (frame->type) {
    case FRAME_ITEM:
        return take_object(s, frame->object, err);
    case FRAME_PAGE:
        return take_token(s, frame->continue_token, err);
    default: /* FRAME_UNREADABLE: the other types are a watch's */
        s->skipped++;
        return 0;
    }
}

static int on_data(struct exchange *x, const char *bytes, size_t len, uint64_t now_ms)
{
    struct scan *s = x->ctx;

    (void)now_ms;
    if (s->state == SCAN_STOPPED || s->failed.code != ERR_NONE)
        return -1;
    return frames_feed(s->frames, bytes, len, &s->failed);
}

/* Why the page failed; ERR_NONE: it is complete. */
static void judge(struct scan *s, const struct http_response *response, const struct err *err,
                  struct err *why)
{
    *why = (struct err){.code = ERR_NONE};
    if (s->failed.code != ERR_NONE)
        *why = s->failed;
    else if (s->is_page_complete) /* what comes after a whole page does not matter */
        return;
    else if (err)
        *why = *err;
    else if (response->status < 200 || response->status > 299)
        status_to_err(response->status, response->retry_after, response->body, response->body_len,
                      why);
    else
        (void)!frames_end(s->frames, why);
}

static void on_done(struct exchange *x, const struct http_response *response, const struct err *err,
                    uint64_t now_ms)
{
    struct scan *s = x->ctx;
    struct err why;

    assert(s->is_running);
    judge(s, response, err, &why);
    s->is_running = false;
    frames_free(s->frames);
    s->frames = NULL;
    arena_done(&s->arena);
    if (s->state == SCAN_STOPPED)
        return;
    s->state = SCAN_WAITING;
    if (why.code != ERR_NONE) {
        fail_scan(s, &why, now_ms);
        return;
    }
    s->due_ms = now_ms + SCAN_PAGE_EVERY_MS;
    if (!s->token && ++s->kind == s->options.kinds_count)
        end_scan(s, now_ms);
}

/* ---- Requests ---- */

static int start(struct scan *s, const char *path, struct err *err)
{
    const struct http_request request = {
        .method = HTTP_GET,
        .path = path,
        .is_stream = true,
        .accepts_gzip = true,
        .timeout_ms = SCAN_PAGE_MAX_MS,
        .idle_timeout_ms = SCAN_PAGE_IDLE_MAX_MS,
    };

    s->frames = frames_new(kind_of(s), true, on_frame, s, err);
    if (!s->frames)
        return -1;
    s->failed = (struct err){.code = ERR_NONE};
    s->is_page_complete = false;
    arena_init(&s->arena, SCAN_OBJECT_BYTES_MAX);
    s->exchange = (struct exchange){.on_data = on_data, .on_done = on_done, .ctx = s};
    if (transport_start(s->options.transport, &request, &s->exchange, err) < 0) {
        frames_free(s->frames);
        s->frames = NULL;
        return -1;
    }
    s->is_running = true;
    s->state = SCAN_LISTING;
    return 0;
}

static void request_page(struct scan *s, uint64_t now_ms)
{
    const struct path_query query = {.limit = SCAN_PAGE_OBJECTS, .continue_token = s->token};
    struct err why = {0};
    AUTO_STRBUF path;

    strbuf_init(&path, PATH_LEN_MAX);
    path_build(&path, kind_of(s), NULL, NULL, NULL, &query);
    if (strbuf_check(&path, "path", &why) < 0 || start(s, path.text, &why) < 0)
        fail_scan(s, &why, now_ms);
}

void scan_step(struct scan *s, uint64_t now_ms)
{
    if (s->state != SCAN_WAITING || now_ms < s->due_ms)
        return;
    if (!s->is_begun) {
        s->is_begun = true;
        s->skipped = 0;
        s->options.on_begin(s->options.ctx);
        if (s->options.is_wanted && !s->options.is_wanted(s->options.ctx)) {
            end_scan(s, now_ms);
            s->has_ended = false; /* nobody was asked: the first who wants it need not wait */
            return;
        }
    }
    request_page(s, now_ms);
}

uint64_t scan_deadline(const struct scan *s)
{
    return s->state == SCAN_WAITING ? s->due_ms : UINT64_MAX;
}

void scan_hurry(struct scan *s, uint64_t now_ms)
{
    uint64_t due_ms = now_ms + SCAN_HURRY_MS;

    if (s->is_begun) {
        s->is_stale = true;
        return;
    }
    if (s->has_ended && due_ms < s->ended_ms + SCAN_GAP_MS)
        due_ms = s->ended_ms + SCAN_GAP_MS;
    /* A back-off is not cut short. */
    if (s->trouble.code == ERR_NONE && due_ms < s->due_ms)
        s->due_ms = due_ms;
}

const char *scan_trouble(const struct scan *s)
{
    return s->trouble.code == ERR_NONE ? "" : s->trouble.msg;
}

/* ---- Life ---- */

struct scan *scan_new(const struct scan_options *options, struct err *err)
{
    struct scan *s = mem_calloc(1, sizeof(*s));

    assert(options->transport && options->on_object);
    if (!s) {
        err_nomem(err);
        return NULL;
    }
    s->options = *options;
    if (!s->options.kinds) {
        s->options.kinds = usual_kinds;
        s->options.kinds_count = sizeof(usual_kinds) / sizeof(usual_kinds[0]);
    }
    rng_init(&s->rng, options->seed);
    backoff_init(&s->backoff, &backoff_reflector);
    return s;
}

void scan_stop(struct scan *s)
{
    if (s->state == SCAN_STOPPED)
        return;
    s->state = SCAN_STOPPED;
    if (s->is_running)
        transport_cancel(s->options.transport, &s->exchange);
}

bool scan_is_stopped(const struct scan *s)
{
    return s->state == SCAN_STOPPED && !s->is_running;
}

void scan_free(struct scan *s)
{
    if (!s)
        return;
    assert(!s->is_running && !s->frames);
    mem_free(s->token);
    arena_done(&s->arena);
    mem_free(s);
}
