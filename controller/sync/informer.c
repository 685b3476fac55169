#include "rampart/sync/informer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rampart/kube/path.h"
#include "rampart/kube/status.h"
#include "rampart/sync/frames.h"

#define STEP_TURNS_MAX \
    8 /* requests that fail to start, one after the other, before the machine backs off */
#define RESOURCE_LEN_MAX 96

struct informer {
    struct informer_options options;
    struct watch watch;
    struct exchange exchange; /* of the running request */
    bool is_running;          /* between a start and its on_done */
    bool is_list;             /* the running request lists; else it watches */
    struct frames *frames;    /* of the running request; owned */
    struct err failed;        /* first failure in its bytes; code ERR_NONE: none */
    enum watch_effect page;   /* of a list page that is complete */
    struct err error;         /* see informer_error() */
    struct err logged;  /* the last failure that was logged; only code and HTTP status count */
    struct err invalid; /* the last skipped object that was logged */
    struct informer_stats stats;
    char resource[RESOURCE_LEN_MAX]; /* "networkpolicies.networking.k8s.io" */
};

static struct informer *informer_of(const struct exchange *x)
{
    return x->ctx;
}

static const char *verb(const struct informer *i)
{
    return i->is_list ? "list" : "watch";
}

/* ---- What is reported ---- */

/* In the message's place: what it means and what to do, then the server's own words. */
static void explain(const struct informer *i, struct err *err)
{
    const struct resource *resource = resource_of(i->options.kind);
    struct err cause = *err;

    if (err->code == ERR_FORBIDDEN)
        err_set(
            err, err->code,
            "%s %s: a right is missing: grant the verb \"%s\" on %s to Rampart's ServiceAccount "
            "(deploy/ has the ClusterRole): %s",
            verb(i), i->resource, verb(i), i->resource, cause.msg);
    else if (err->code == ERR_NOT_FOUND &&
             strcmp(resource->group, resource_of(KIND_PROFILE)->group) == 0)
        err_set(err, err->code, "%s %s: the %s CRD is not installed: kubectl apply -k crds/",
                verb(i), i->resource, resource->name);
    else if (err->code == ERR_NOT_FOUND)
        err_set(err, err->code, "%s %s: the API server does not serve %s%s%s: %s", verb(i),
                i->resource, resource->group, *resource->group ? "/" : "", resource->version,
                cause.msg);
    else if (err->code == ERR_UNAUTHORIZED)
        err_set(err, err->code, "%s %s: the API server does not accept Rampart's credential: %s",
                verb(i), i->resource, cause.msg);
    else
        err_set(err, err->code, "%s %s: %s", verb(i), i->resource, cause.msg);
    err->http_status = cause.http_status;
    err->retry_after_ms = cause.retry_after_ms;
}

/* In the life of every watch, and mended by the next request: not worth a warning. */
static bool is_normal(enum err_code code)
{
    return code == ERR_NONE || code == ERR_EXPIRED || code == ERR_CANCELED;
}

static void note_failure(struct informer *i, const struct err *err)
{
    bool is_news = err->code != i->logged.code || err->http_status != i->logged.http_status;

    i->stats.failures++;
    i->error = *err;
    explain(i, &i->error);
    if (is_news)
        log_event(i->options.log, is_normal(err->code) ? LOG_DEBUG : LOG_WARN,
                  "list or watch failed", LOG_STR("resource", i->resource),
                  LOG_STR("code", err_code_name(err->code)), LOG_STR("error", i->error.msg));
    i->logged = *err;
}

/* The server has told something that is good. Before a sync is complete that says little: what
 * stops it comes again. */
static void note_progress(struct informer *i)
{
    if (i->watch.state == WATCH_STREAMING_INITIAL)
        return;
    if (!is_normal(i->logged.code))
        log_event(i->options.log, LOG_INFO, "list or watch works again",
                  LOG_STR("resource", i->resource));
    i->error = (struct err){.code = ERR_NONE};
    i->logged = (struct err){.code = ERR_NONE};
}

/* An object that stays as it is comes by at every sync: it is logged when it is another one, or
 * says something else. */
static void note_invalid(struct informer *i, const struct err *why)
{
    bool is_news = strcmp(i->invalid.msg, why->msg) != 0;

    i->stats.objects_invalid++;
    if (is_news)
        log_event(i->options.log, LOG_WARN, "object skipped; what was known of it stays",
                  LOG_STR("resource", i->resource), LOG_STR("error", why->msg));
    i->invalid = *why;
}

/* ---- What the server tells ---- */

static void apply_effect(struct informer *i, enum watch_effect effect)
{
    switch (effect) {
    case WATCH_EFFECT_NONE:
        return;
    case WATCH_EFFECT_BEGIN_SYNC:
        store_begin_sync(i->options.store);
        return;
    case WATCH_EFFECT_END_SYNC:
        store_end_sync(i->options.store, i->watch.rv);
        i->stats.syncs++;
        note_progress(i);
        if (i->options.on_synced)
            i->options.on_synced(i->options.ctx, i->options.kind);
        return;
    }
}

/* 0 also for an object that is skipped; -1: it is lost and a new sync must bring it. */
static int put(struct informer *i, const struct frame *frame, struct err *err)
{
    struct err why;
    int result;

    if (frame->type == FRAME_DELETED)
        result = store_observe_deleted(i->options.store, frame->object, &why);
    else
        result = store_observe(i->options.store, frame->object, &why);
    if (result == 0)
        return 0;
    if (why.code == ERR_INVALID) {
        note_invalid(i, &why);
        return 0;
    }
    *err = why;
    return -1;
}

static int on_frame(void *ctx, const struct frame *frame, struct err *err)
{
    struct informer *i = ctx;

    switch (frame->type) {
    case FRAME_ITEM:
        return put(i, frame, err);
    case FRAME_PAGE:
        apply_effect(i, watch_on_page(&i->watch, frame->rv, frame->continue_token));
        return 0;
    case FRAME_ADDED:
    case FRAME_MODIFIED:
    case FRAME_DELETED:
        i->stats.events++;
        if (put(i, frame, err) < 0)
            return -1;
        note_progress(i);
        watch_on_object(&i->watch, frame->rv, frame->type == FRAME_ADDED);
        return 0;
    case FRAME_BOOKMARK:
        i->stats.events++;
        note_progress(i);
        apply_effect(i, watch_on_bookmark(&i->watch, frame->rv, frame->is_initial_end));
        return 0;
    case FRAME_UNREADABLE:
        store_observe_unreadable(i->options.store);
        note_invalid(i, frame->why);
        return 0;
    case FRAME_TYPE_COUNT:
        break;
    }
    assert(frame->type < FRAME_TYPE_COUNT);
    return 0;
}

static int on_data(struct exchange *x, const char *bytes, size_t len, uint64_t now_ms)
{
    struct informer *i = informer_of(x);

    (void)now_ms;
    assert(i->is_running);
    if (i->watch.state == WATCH_STOPPED || i->watch.is_given_up || i->failed.code != ERR_NONE)
        return -1;
    return frames_feed(i->frames, bytes, len, &i->failed);
}

/* ---- Requests ---- */

/* Why the request failed; ERR_NONE: it came to a proper end. */
static void judge(struct informer *i, const struct http_response *response, const struct err *err,
                  struct err *why)
{
    *why = (struct err){.code = ERR_NONE};
    if (i->watch.page != WATCH_PAGE_NONE) /* what comes after a whole page does not matter */
        return;
    if (i->failed.code != ERR_NONE)
        *why = i->failed; /* why we gave it up; @err says only that we did */
    else if (!err && response->status >= 200 && response->status <= 299)
        (void)!frames_end(i->frames, why);
    else if (!err)
        status_to_err(response->status, response->retry_after, response->body, response->body_len,
                      why);
    else if (err->code != ERR_CANCELED || !i->watch.is_given_up)
        *why = *err;
    else if (i->watch.state == WATCH_STREAMING_INITIAL)
        err_set(why, ERR_TIMEOUT, "no end of the initial events within %d s",
                WATCH_INITIAL_MAX_MS / 1000);
    else
        err_set(why, ERR_TIMEOUT, "no end after %u s: the connection is dead",
                i->watch.timeout_s + WATCH_IDLE_GRACE_MS / 1000);
}

/* What the machine calls a failure although the server ended the answer properly. */
static void judge_proper_end(enum watch_state was, struct err *why)
{
    if (was == WATCH_LISTING)
        err_set(why, ERR_UNAVAILABLE, "the continue token leads nowhere");
    else if (was == WATCH_STREAMING_INITIAL)
        err_set(why, ERR_UNAVAILABLE, "ended before the end of the initial events");
    else
        err_set(why, ERR_UNAVAILABLE, "the server ended it at once");
}

static void end_request(struct informer *i, struct err *why, uint64_t now_ms)
{
    bool had_watch_list = !i->options.server->has_refused_watch_list;
    enum watch_state was = i->watch.state;

    watch_on_end(&i->watch, why->code == ERR_NONE ? NULL : why, now_ms);
    if (i->watch.state == WATCH_STOPPED)
        return;
    if (why->code == ERR_NONE && i->watch.state == WATCH_BACKOFF)
        judge_proper_end(was, why);
    if (had_watch_list && i->options.server->has_refused_watch_list)
        log_event(i->options.log, LOG_INFO, "the API server has no WatchList; listing instead",
                  LOG_STR("resource", i->resource), LOG_STR("error", why->msg));
    else if (was == WATCH_STREAMING_INITIAL && i->watch.state == WATCH_EMPTY)
        return; /* the same answer to a question that was under way already */
    else if (why->code != ERR_NONE)
        note_failure(i, why);
}

static void on_done(struct exchange *x, const struct http_response *response, const struct err *err,
                    uint64_t now_ms)
{
    struct informer *i = informer_of(x);
    struct err why;

    assert(i->is_running && (response || err));
    judge(i, response, err, &why);
    i->is_running = false;
    frames_free(i->frames);
    i->frames = NULL;
    end_request(i, &why, now_ms);
}

static int start(struct informer *i, const char *path, struct err *err)
{
    const struct http_request request = {
        .method = HTTP_GET,
        .path = path,
        .is_stream = true,
        .accepts_gzip = i->is_list,
        .timeout_ms = i->is_list ? INFORMER_LIST_MAX_MS : 0,
        .idle_timeout_ms = i->is_list ? INFORMER_LIST_IDLE_MAX_MS : 0,
    };

    i->frames = frames_new(i->options.kind, i->is_list, on_frame, i, err);
    if (!i->frames)
        return -1;
    i->failed = (struct err){.code = ERR_NONE};
    i->exchange = (struct exchange){.on_data = on_data, .on_done = on_done, .ctx = i};
    if (transport_start(i->options.transport, &request, &i->exchange, err) < 0) {
        frames_free(i->frames);
        i->frames = NULL;
        return -1;
    }
    i->is_running = true;
    return 0;
}

static void request(struct informer *i, bool is_list, uint64_t now_ms)
{
    struct path_query query;
    AUTO_STRBUF path;
    struct err why;

    assert(!i->is_running && !i->frames);
    i->is_list = is_list;
    watch_query(&i->watch, &query);
    strbuf_init(&path, PATH_LEN_MAX);
    path_build(&path, i->options.kind, NULL, NULL, NULL, &query);
    if (strbuf_check(&path, "path", &why) < 0 || start(i, path.text, &why) < 0) {
        if (path.broke == ERR_LIMIT) /* only a token is that long, and it stays so */
            why.code = ERR_REFUSED;
        end_request(i, &why, now_ms);
        return;
    }
    if (is_list)
        i->stats.requests_list++;
    else
        i->stats.requests_watch++;
    apply_effect(i, watch_on_started(&i->watch, now_ms));
}

/* ---- Life ---- */

struct informer *informer_new(const struct informer_options *options, struct err *err)
{
    const struct resource *resource = resource_of(options->kind);
    struct informer *i;

    assert(options->kind < KIND_WATCHED_COUNT && options->store && options->transport);
    i = mem_calloc(1, sizeof(*i));
    if (!i) {
        err_nomem(err);
        return NULL;
    }
    i->options = *options;
    (void)snprintf(i->resource, sizeof(i->resource), "%s%s%s", resource->plural,
                   *resource->group ? "." : "", resource->group);
    watch_init(&i->watch, options->server, options->rng);
    return i;
}

void informer_stop(struct informer *i)
{
    if (i->watch.state == WATCH_STOPPED)
        return;
    watch_stop(&i->watch);
    if (i->is_running)
        transport_cancel(i->options.transport, &i->exchange);
}

bool informer_is_stopped(const struct informer *i)
{
    return i->watch.state == WATCH_STOPPED && !i->is_running;
}

void informer_free(struct informer *i)
{
    if (!i)
        return;
    assert(!i->is_running && !i->frames);
    mem_free(i);
}

void informer_step(struct informer *i, uint64_t now_ms)
{
    for (unsigned turn = 0; turn < STEP_TURNS_MAX; turn++) {
        switch (watch_want(&i->watch, now_ms)) {
        case WATCH_WANT_NOTHING:
            return;
        case WATCH_WANT_LIST:
            request(i, true, now_ms);
            break;
        case WATCH_WANT_WATCH:
            request(i, false, now_ms);
            break;
        case WATCH_WANT_CANCEL:
            transport_cancel(i->options.transport, &i->exchange);
            return;
        }
    }
}

uint64_t informer_deadline(const struct informer *i)
{
    return watch_deadline(&i->watch);
}

bool informer_has_synced(const struct informer *i)
{
    return i->watch.has_synced;
}

void informer_wake(struct informer *i, uint64_t now_ms)
{
    switch (i->error.code) {
    case ERR_UNAVAILABLE:
    case ERR_TIMEOUT:
    case ERR_THROTTLED:
    case ERR_FORBIDDEN: /* an API server that has just started knows no rights yet */
    case ERR_UNAUTHORIZED:
    case ERR_EXPIRED: /* its back-off is that of the outage before */
        watch_wake(&i->watch, now_ms);
        break;
    default:
        break;
    }
}

const struct err *informer_error(const struct informer *i)
{
    return &i->error;
}

void informer_get_stats(const struct informer *i, struct informer_stats *ret_stats)
{
    *ret_stats = i->stats;
}
