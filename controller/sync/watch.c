#include "rampart/sync/watch.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "rampart/kube/rv.h"

#define TO(state_) (1u << (state_))

static const unsigned watch_may_go[WATCH_STATE_COUNT] = {
    [WATCH_EMPTY] = TO(WATCH_LISTING) | TO(WATCH_STREAMING_INITIAL) | TO(WATCH_STOPPED),
    [WATCH_LISTING] = TO(WATCH_STREAMING) | TO(WATCH_BACKOFF) | TO(WATCH_STOPPED),
    [WATCH_STREAMING_INITIAL] = TO(WATCH_STREAMING) | TO(WATCH_BACKOFF) | TO(WATCH_STOPPED) |
                                TO(WATCH_EMPTY), /* EMPTY: WatchList was refused */
    [WATCH_STREAMING] = TO(WATCH_BACKOFF) | TO(WATCH_STOPPED),
    [WATCH_BACKOFF] = TO(WATCH_EMPTY) | TO(WATCH_LISTING) | TO(WATCH_STREAMING) | TO(WATCH_STOPPED),
    [WATCH_STOPPED] = 0,
};

static const char *const state_names[WATCH_STATE_COUNT] = {
    [WATCH_EMPTY] = "empty",
    [WATCH_LISTING] = "listing",
    [WATCH_STREAMING_INITIAL] = "streaming initial events",
    [WATCH_STREAMING] = "streaming",
    [WATCH_BACKOFF] = "back-off",
    [WATCH_STOPPED] = "stopped",
};

/* 800 ms doubling to WATCH_ABSENT_MAX_MS, jitter included. */
static const struct backoff_policy absent_policy = {
    .first_ms = 800,
    .max_ms = WATCH_ABSENT_MAX_MS / 2,
    .jitter_percent = 100,
    .reset_after_ms = 120000,
};

static void watch_move(struct watch *w, enum watch_state next)
{
    assert(watch_may_go[w->state] & TO(next));
    w->state = next;
}

void watch_init(struct watch *w, struct watch_server *server, struct rng *rng)
{
    *w = (struct watch){.server = server, .rng = rng, .is_paged = true};
    backoff_init(&w->backoff, &backoff_reflector);
    backoff_init(&w->absent, &absent_policy);
}

void watch_stop(struct watch *w)
{
    if (w->state != WATCH_STOPPED)
        watch_move(w, WATCH_STOPPED);
}

/* When a running request is given up; UINT64_MAX: the transport's own limits are enough. */
static uint64_t request_deadline(const struct watch *w)
{
    if (w->is_given_up)
        return UINT64_MAX;
    if (w->state == WATCH_STREAMING_INITIAL)
        return w->started_ms + WATCH_INITIAL_MAX_MS;
    if (w->state == WATCH_STREAMING)
        return w->started_ms + (uint64_t)w->timeout_s * 1000 + WATCH_IDLE_GRACE_MS;
    return UINT64_MAX;
}

static enum watch_want want_running(struct watch *w, uint64_t now_ms)
{
    if (now_ms < request_deadline(w))
        return WATCH_WANT_NOTHING;
    w->is_given_up = true;
    return WATCH_WANT_CANCEL;
}

enum watch_want watch_want(struct watch *w, uint64_t now_ms)
{
    if (w->state == WATCH_STOPPED)
        return WATCH_WANT_NOTHING;
    if (w->has_request)
        return want_running(w, now_ms);
    if (w->state == WATCH_BACKOFF) {
        if (now_ms < w->backoff_until_ms)
            return WATCH_WANT_NOTHING;
        watch_move(w, w->resume);
    }
    if (w->state == WATCH_EMPTY) {
        bool lists = w->lists_next || w->server->has_refused_watch_list;

        watch_move(w, lists ? WATCH_LISTING : WATCH_STREAMING_INITIAL);
    }
    if (w->state == WATCH_LISTING)
        return WATCH_WANT_LIST;
    assert(w->state == WATCH_STREAMING_INITIAL || w->state == WATCH_STREAMING);
    if (w->state == WATCH_STREAMING && now_ms < w->again_at_ms)
        return WATCH_WANT_NOTHING;
    if (w->timeout_s == 0)
        w->timeout_s = (uint32_t)rng_range(w->rng, WATCH_TIMEOUT_MIN_S, WATCH_TIMEOUT_MAX_S);
    return WATCH_WANT_WATCH;
}

/* The resourceVersion a sync asks for; "" for a quorum read. */
static const char *sync_rv(const struct watch *w)
{
    return w->is_rv_expired ? "" : w->rv;
}

static void list_query(const struct watch *w, struct path_query *query)
{
    const char *rv = sync_rv(w);

    if (w->is_paged && *rv == '\0')
        query->limit = WATCH_PAGE_LIMIT;
    if (*w->continue_token != '\0')
        query->continue_token = w->continue_token;
    else if (*rv != '\0')
        query->resource_version = rv;
}

void watch_query(const struct watch *w, struct path_query *ret_query)
{
    struct path_query query = {0};
    const char *rv = w->state == WATCH_STREAMING ? w->rv : sync_rv(w);

    assert(w->state == WATCH_LISTING || w->state == WATCH_STREAMING_INITIAL ||
           w->state == WATCH_STREAMING);
    if (w->state == WATCH_LISTING) {
        list_query(w, &query);
    } else {
        assert(w->timeout_s >= WATCH_TIMEOUT_MIN_S && w->timeout_s <= WATCH_TIMEOUT_MAX_S);
        query.is_watch = true;
        query.has_bookmarks = true;
        query.timeout_s = w->timeout_s;
        query.resource_version = *rv != '\0' ? rv : NULL;
    }
    if (w->state == WATCH_STREAMING_INITIAL) {
        query.sends_initial_events = true;
        query.resource_version_match = "NotOlderThan"; /* without it the server answers 422 */
    }
    *ret_query = query;
}

enum watch_effect watch_on_started(struct watch *w, uint64_t now_ms)
{
    bool is_first_page = w->state == WATCH_LISTING && *w->continue_token == '\0';

    assert(!w->has_request);
    assert(w->state == WATCH_LISTING || w->state == WATCH_STREAMING_INITIAL ||
           w->state == WATCH_STREAMING);
    w->has_request = true;
    w->is_given_up = false;
    w->started_ms = now_ms;
    w->events_count = 0;
    w->page = WATCH_PAGE_NONE;
    if (is_first_page)
        w->pages_count = 0;
    return is_first_page || w->state == WATCH_STREAMING_INITIAL ? WATCH_EFFECT_BEGIN_SYNC
                                                                : WATCH_EFFECT_NONE;
}

/* A resourceVersion that is no good is not taken: the last one still is. Whether it is progress:
 * neither the same again nor an older one, as far as that can be told. */
static bool keep_rv(struct watch *w, const char *rv)
{
    size_t len = strlen(rv);
    bool is_progress;

    if (len == 0 || len > RV_LEN_MAX || strcmp(w->rv, rv) == 0)
        return false;
    is_progress = rv_compare(rv, w->rv) != RV_OLDER;
    memcpy(w->rv, rv, len + 1);
    return is_progress;
}

static enum watch_effect end_sync(struct watch *w, const char *rv)
{
    (void)keep_rv(w, rv);
    w->has_synced = true;
    w->is_rv_expired = false;
    w->is_paged = true;
    w->lists_next = false;
    *w->continue_token = '\0';
    return WATCH_EFFECT_END_SYNC;
}

enum watch_effect watch_on_page(struct watch *w, const char *rv, const char *continue_token)
{
    size_t len = strlen(continue_token);

    assert(w->state == WATCH_LISTING && w->has_request && w->page == WATCH_PAGE_NONE);
    w->pages_count++;
    if (len == 0) {
        w->page = WATCH_PAGE_LAST;
        return end_sync(w, rv);
    }
    if (len > CONTINUE_LEN_MAX || w->pages_count >= WATCH_PAGES_MAX ||
        strcmp(continue_token, w->continue_token) == 0) {
        w->page = WATCH_PAGE_LOOP;
        return WATCH_EFFECT_NONE;
    }
    w->page = WATCH_PAGE_MORE;
    memcpy(w->continue_token, continue_token, len + 1);
    return WATCH_EFFECT_NONE;
}

void watch_on_object(struct watch *w, const char *rv, bool is_added)
{
    bool is_unordered = is_added && (*w->rv == '\0' || strcmp(w->rv, "0") == 0);

    assert(w->has_request);
    assert(w->state == WATCH_STREAMING_INITIAL || w->state == WATCH_STREAMING);
    if (w->state == WATCH_STREAMING_INITIAL || is_unordered || keep_rv(w, rv))
        w->events_count++;
}

enum watch_effect watch_on_bookmark(struct watch *w, const char *rv, bool is_initial_end)
{
    assert(w->has_request);
    assert(w->state == WATCH_STREAMING_INITIAL || w->state == WATCH_STREAMING);
    if (w->state == WATCH_STREAMING_INITIAL && !is_initial_end)
        return WATCH_EFFECT_NONE;
    if (w->state == WATCH_STREAMING) {
        w->events_count += keep_rv(w, rv);
        return WATCH_EFFECT_NONE;
    }
    w->events_count++;
    watch_move(w, WATCH_STREAMING);
    return end_sync(w, rv);
}

static void wait_then(struct watch *w, enum watch_state resume, const struct err *err,
                      uint64_t now_ms)
{
    struct backoff *backoff = err->code == ERR_NOT_FOUND ? &w->absent : &w->backoff;

    w->backoff_until_ms = now_ms + backoff_next(backoff, now_ms, err->retry_after_ms, w->rng);
    w->asked_until_ms = err->retry_after_ms > 0 ? now_ms + err->retry_after_ms : 0;
    w->resume = resume;
    watch_move(w, WATCH_BACKOFF);
}

/* The server answers, again and again, and it does not get better. */
static bool is_stubborn(const struct watch *w, const struct err *err)
{
    return (err->http_status >= 500 || err->code == ERR_INVALID) &&
           w->backoff.attempt >= WATCH_STUBBORN_ATTEMPTS;
}

/* From the first page. */
static void list_restart(struct watch *w, bool is_paged)
{
    *w->continue_token = '\0';
    w->is_paged = is_paged;
}

static void list_failed(struct watch *w, const struct err *err, bool was_started, uint64_t now_ms)
{
    bool is_dead_token = err->code == ERR_EXPIRED || err->code == ERR_REFUSED;

    switch (err->code) {
    case ERR_EXPIRED:
    case ERR_REFUSED:
    case ERR_RV_TOO_LARGE:
        if (*w->continue_token != '\0' && is_dead_token && w->is_paged) {
            list_restart(w, false);
            return; /* stays LISTING, at once: it happens once a list */
        }
        if (*w->continue_token != '\0' && is_dead_token)
            break; /* pages that nobody asked for */
        w->is_rv_expired = true;
        break;
    case ERR_NOMEM:
    case ERR_LIMIT:
        if (!was_started) { /* nothing was lost */
            wait_then(w, WATCH_LISTING, err, now_ms);
            return;
        }
        break;
    case ERR_UNAVAILABLE:
    case ERR_THROTTLED:
    case ERR_TIMEOUT:
    case ERR_CANCELED:
    case ERR_UNAUTHORIZED:
    case ERR_FORBIDDEN:
        wait_then(w, WATCH_LISTING, err, now_ms); /* the same page */
        return;
    default:
        break;
    }
    list_restart(w, w->is_paged);
    wait_then(w, WATCH_EMPTY, err, now_ms);
}

static void list_ended(struct watch *w, const struct err *err, bool was_started, uint64_t now_ms)
{
    switch (w->page) {
    case WATCH_PAGE_NONE:
        list_failed(w, err, was_started, now_ms);
        return;
    case WATCH_PAGE_MORE: /* whatever came after a whole page does not matter */
        return;
    case WATCH_PAGE_LAST:
        watch_move(w, WATCH_STREAMING);
        return;
    case WATCH_PAGE_LOOP:
        list_restart(w, false);
        wait_then(w, WATCH_EMPTY, err, now_ms);
        return;
    }
}

static void initial_ended(struct watch *w, const struct err *err, uint64_t now_ms)
{
    switch (err->code) {
    case ERR_REFUSED:
        w->server->has_refused_watch_list = true;
        watch_move(w, WATCH_EMPTY); /* at once: it happens once a server */
        return;
    case ERR_TIMEOUT:
        if (w->events_count > 0)
            w->server->has_refused_watch_list = true;
        w->lists_next = true;
        break;
    case ERR_NONE:
    case ERR_INVALID:
        w->lists_next = true;
        break;
    case ERR_EXPIRED:
    case ERR_RV_TOO_LARGE:
        w->is_rv_expired = true;
        break;
    default:
        w->lists_next = is_stubborn(w, err);
        break;
    }
    wait_then(w, WATCH_EMPTY, err, now_ms);
}

static enum watch_state stream_resume(struct watch *w, const struct err *err, bool was_started)
{
    switch (err->code) {
    case ERR_NONE:
    case ERR_THROTTLED:
    case ERR_CANCELED:
    case ERR_UNAUTHORIZED:
    case ERR_FORBIDDEN:
        return WATCH_STREAMING;
    case ERR_TIMEOUT:
    case ERR_UNAVAILABLE:
    case ERR_INVALID:
        return is_stubborn(w, err) ? WATCH_EMPTY : WATCH_STREAMING;
    case ERR_NOMEM:
    case ERR_LIMIT: /* an object was lost, but for a request that never started */
        return was_started ? WATCH_EMPTY : WATCH_STREAMING;
    case ERR_REFUSED: /* it is the resourceVersion that the server does not like */
        w->is_rv_expired = true;
        return WATCH_EMPTY;
    default:
        return WATCH_EMPTY;
    }
}

static void stream_ended(struct watch *w, const struct err *err, bool was_started, uint64_t now_ms)
{
    bool is_short = now_ms - w->started_ms < WATCH_SHORT_MS;

    w->shorts_count = is_short ? w->shorts_count + 1 : 0;
    if (err->code == ERR_NONE && !(is_short && w->events_count == 0)) {
        if (w->shorts_count > WATCH_SHORTS_FREE)
            w->again_at_ms = w->started_ms + WATCH_SHORT_MS;
        return; /* stays STREAMING: watch again */
    }
    wait_then(w, stream_resume(w, err, was_started), err, now_ms);
}

void watch_on_end(struct watch *w, const struct err *err, uint64_t now_ms)
{
    static const struct err proper_end = {.code = ERR_NONE};
    static const struct err given_up = {.code = ERR_TIMEOUT};
    bool was_started = w->has_request;
    bool was_given_up = w->is_given_up;

    w->has_request = false;
    w->is_given_up = false;
    w->timeout_s = 0;
    if (!err)
        err = &proper_end;
    if (was_given_up && err->code == ERR_CANCELED)
        err = &given_up;
    assert(w->state != WATCH_EMPTY && w->state != WATCH_BACKOFF); /* no request runs in them */
    if (w->state == WATCH_LISTING)
        list_ended(w, err, was_started, now_ms);
    else if (w->state == WATCH_STREAMING_INITIAL)
        initial_ended(w, err, now_ms);
    else if (w->state == WATCH_STREAMING)
        stream_ended(w, err, was_started, now_ms);
    w->page = WATCH_PAGE_NONE;
}

uint64_t watch_deadline(const struct watch *w)
{
    if (w->state == WATCH_STOPPED)
        return UINT64_MAX;
    if (w->has_request)
        return request_deadline(w);
    if (w->state == WATCH_STREAMING)
        return w->again_at_ms;
    return w->state == WATCH_BACKOFF ? w->backoff_until_ms : 0;
}

void watch_wake(struct watch *w, uint64_t now_ms)
{
    uint64_t earliest_ms = now_ms > w->asked_until_ms ? now_ms : w->asked_until_ms;

    if (w->state != WATCH_BACKOFF)
        return;
    /* A server that is back may refuse for a second or two, until it knows its rights: that counts
     * as a new trouble. */
    backoff_reset(&w->backoff);
    if (w->backoff_until_ms > earliest_ms)
        w->backoff_until_ms = earliest_ms;
}

const char *watch_state_name(enum watch_state state)
{
    assert((unsigned)state < WATCH_STATE_COUNT);
    return state_names[state];
}
