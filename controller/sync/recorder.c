#include "rampart/sync/recorder.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "rampart/kube/path.h"
#include "rampart/kube/status.h"
#include "rampart/sync/event_budget.h"
#include "rampart/sync/event_series.h"

#define QUEUE_WAIT_MS 5000 /* until a series finds room in a queue that is full */
#define DROP_LOG_EVERY_MS 60000

/* client-go tools/events tries 12 times in about two minutes; five tries over the same time do. */
static const struct backoff_policy backoff_event = {.first_ms = 10000,
                                                    .max_ms = 60000,
                                                    .jitter_percent = 25};

TAILQ_HEAD(event_queue, event_series);

struct recorder {
    struct transport *transport; /* borrowed */
    struct log *log;             /* borrowed; may be NULL */
    char *instance;              /* owned */
    struct rng rng;
    struct map series; /* by key; the values are owned */
    struct event_queue queue;
    size_t queue_count;
    size_t in_flight_count;
    struct heap waiting; /* EVENT_WAITING */
    struct heap clean;   /* EVENT_CLEAN, the longest idle first */
    struct event_budget budget;
    struct strbuf key;      /* scratch */
    uint64_t hold_until_ms; /* the server does not answer or asks for patience */
    uint64_t drop_log_after_ms;
    bool is_draining;
    struct recorder_stats stats;
};

static struct event_series *series_of(struct heap_node *node)
{
    return (struct event_series *)(void *)((char *)node - offsetof(struct event_series, node));
}

/* One line a minute says that Events are lost and why the last one was. */
static void count_dropped(struct recorder *r, const char *cause, uint64_t now_ms)
{
    r->stats.dropped++;
    if (now_ms < r->drop_log_after_ms)
        return;
    r->drop_log_after_ms = now_ms + DROP_LOG_EVERY_MS;
    log_event(r->log, LOG_WARN, "Events are dropped", LOG_STR("cause", cause),
              LOG_INT("dropped_total", r->stats.dropped));
}

static void series_free(struct event_series *s)
{
    struct recorder *r = s->recorder;

    assert(s->place == EVENT_CLEAN || s->place == EVENT_NOWHERE);
    if (s->place == EVENT_CLEAN)
        heap_remove(&r->clean, &s->node);
    map_remove(&r->series, s->key);
    mem_free(s);
}

static struct event_series *series_new(struct recorder *r, const struct event *event,
                                       const char *key)
{
    size_t count = map_count(&r->series) + 1;
    struct event_series *s = event_series_new(event, key, &r->rng);

    if (!s)
        return NULL;
    s->recorder = r;
    s->event.instance = r->instance;
    backoff_init(&s->backoff, &backoff_event);
    /* Room now, so that moving between the two never fails. */
    if (heap_reserve(&r->waiting, count, NULL) < 0 || heap_reserve(&r->clean, count, NULL) < 0 ||
        map_put(&r->series, s->key, s, NULL, NULL) < 0) {
        mem_free(s);
        return NULL;
    }
    return s;
}

static void put_in_heap(struct event_series *s, enum event_place place, uint64_t due_ms)
{
    struct recorder *r = s->recorder;
    int added = heap_add(place == EVENT_CLEAN ? &r->clean : &r->waiting, &s->node, due_ms, NULL);

    assert(added == 0); /* series_new() reserved it */
    (void)added;
    s->place = place;
}

/* Puts the series where it belongs by what it has to send. */
static void settle(struct event_series *s, uint64_t now_ms)
{
    struct recorder *r = s->recorder;

    assert(s->place == EVENT_NOWHERE);
    if (!event_series_is_dirty(s)) {
        put_in_heap(s, EVENT_CLEAN, s->seen_ms + RECORDER_SERIES_IDLE_MS);
    } else if (!r->is_draining && s->not_before_ms > now_ms) {
        put_in_heap(s, EVENT_WAITING, s->not_before_ms);
    } else if (!r->is_draining && r->queue_count >= RECORDER_QUEUE_MAX) {
        put_in_heap(s, EVENT_WAITING, now_ms + QUEUE_WAIT_MS);
    } else {
        TAILQ_INSERT_TAIL(&r->queue, s, link);
        r->queue_count++;
        s->place = EVENT_QUEUED;
    }
}

static void give_up(struct event_series *s, const struct err *err, uint64_t now_ms)
{
    struct recorder *r = s->recorder;
    char cause[ERR_MSG_MAX];

    (void)snprintf(cause, sizeof(cause), "%s about %.64s %.64s/%.64s: %.256s", s->event.reason,
                   resource_of(s->event.regarding.kind)->name, s->event.ns, s->event.regarding.name,
                   err->msg);
    count_dropped(r, cause, now_ms);
    series_free(s);
}

/* Whether the same request may succeed later. A full transport and a credential that is being
 * renewed are no refusal. */
static bool is_worth_trying(const struct err *err)
{
    return err_is_transient(err) || err->code == ERR_LIMIT || err->code == ERR_UNAUTHORIZED;
}

static void failed(struct event_series *s, const struct err *err, uint64_t now_ms)
{
    struct recorder *r = s->recorder;
    uint32_t delay_ms;

    if (r->is_draining || s->tries >= RECORDER_TRIES_MAX || !is_worth_trying(err)) {
        give_up(s, err, now_ms);
        return;
    }
    delay_ms = backoff_next(&s->backoff, now_ms, err->retry_after_ms, &r->rng);
    s->not_before_ms = now_ms + delay_ms;
    /* Not this Event's fault: the others would fare no better. */
    if ((err->http_status == 0 || err->code == ERR_THROTTLED) &&
        r->hold_until_ms < s->not_before_ms)
        r->hold_until_ms = s->not_before_ms;
    settle(s, now_ms);
}

static void succeeded(struct event_series *s, uint64_t now_ms)
{
    struct recorder *r = s->recorder;

    r->stats.sent++;
    r->hold_until_ms = 0;
    s->tries = 0;
    backoff_reset(&s->backoff);
    /* The second finding is told at once, later ones at intervals. */
    s->not_before_ms = s->is_created ? now_ms + RECORDER_SERIES_EVERY_MS : 0;
    s->count_sent = s->is_created ? s->count_sending : 1;
    s->is_created = true;
    settle(s, now_ms);
}

/* A name that is taken: by our own request whose answer was lost, by the process before this one,
 * which has told it, or by somebody else's Event. */
static void name_exists(struct event_series *s, const struct err *err, uint64_t now_ms)
{
    if (s->may_exist || s->is_once) {
        succeeded(s, now_ms);
        return;
    }
    if (s->tries >= RECORDER_TRIES_MAX) {
        give_up(s, err, now_ms);
        return;
    }
    event_series_rename(s, &s->recorder->rng);
    settle(s, now_ms);
}

static void exchange_done(struct exchange *x, const struct http_response *response,
                          const struct err *err, uint64_t now_ms)
{
    struct event_series *s = x->ctx;
    struct recorder *r = s->recorder;
    struct err why = {0};

    assert(s->place == EVENT_IN_FLIGHT);
    s->place = EVENT_NOWHERE;
    r->in_flight_count--;
    if (!err && response->status >= 200 && response->status < 300) {
        succeeded(s, now_ms);
        return;
    }
    if (err)
        why = *err;
    else
        status_to_err(response->status, response->retry_after, response->body, response->body_len,
                      &why);
    if (!s->is_created && why.code == ERR_EXISTS) {
        name_exists(s, &why, now_ms);
    } else if (s->is_created && why.code == ERR_NOT_FOUND && s->tries < RECORDER_TRIES_MAX) {
        s->is_created = false; /* deleted or expired: made anew, then its count is told */
        settle(s, now_ms);
    } else {
        if (!s->is_created && err_is_transient(&why))
            s->may_exist = true;
        failed(s, &why, now_ms);
    }
}

static int start_request(struct event_series *s, struct err *err)
{
    struct http_request request;
    AUTO_STRBUF path = {0};
    AUTO_STRBUF body = {0};

    strbuf_init(&path, PATH_LEN_MAX);
    strbuf_init(&body, EVENT_BODY_LEN_MAX);
    if (event_series_request(s, &path, &body, &request, err) < 0)
        return -1;
    s->exchange = (struct exchange){.on_done = exchange_done, .ctx = s};
    s->count_sending = s->count;
    return transport_start(s->recorder->transport, &request, &s->exchange, err);
}

static void send(struct event_series *s, uint64_t now_ms)
{
    struct recorder *r = s->recorder;
    struct err err = {0};

    TAILQ_REMOVE(&r->queue, s, link);
    r->queue_count--;
    s->place = EVENT_NOWHERE;
    s->tries++;
    if (start_request(s, &err) < 0) {
        failed(s, &err, now_ms);
        return;
    }
    s->place = EVENT_IN_FLIGHT;
    r->in_flight_count++;
}

static void add_first(struct recorder *r, const struct event *event, const char *key,
                      uint64_t now_ms)
{
    struct heap_node *idle = heap_peek(&r->clean);
    struct event_series *s = NULL;

    if (r->queue_count >= RECORDER_QUEUE_MAX) {
        count_dropped(r, "the queue is full", now_ms);
        return;
    }
    if (map_count(&r->series) >= RECORDER_SERIES_MAX && !idle) {
        count_dropped(r, "too many different Events wait", now_ms);
        return;
    }
    if (!event_budget_take(&r->budget, &event->regarding, now_ms)) {
        count_dropped(r, "one object has too many of them", now_ms);
        return;
    }
    if (map_count(&r->series) >= RECORDER_SERIES_MAX)
        series_free(series_of(idle));
    if (key)
        s = series_new(r, event, key);
    if (!s) {
        count_dropped(r, "out of memory", now_ms);
        return;
    }
    s->count = 1;
    s->seen_ms = now_ms;
    s->seen_wall_ms = event->wall_ms;
    settle(s, now_ms);
}

static void add_equal(struct event_series *s, uint64_t now_ms, int64_t wall_ms)
{
    if (s->count < EVENT_SERIES_COUNT_MAX)
        s->count++;
    s->seen_ms = now_ms;
    s->seen_wall_ms = wall_ms;
    if (s->place != EVENT_CLEAN)
        return; /* it will tell when its turn comes */
    heap_remove(&s->recorder->clean, &s->node);
    s->place = EVENT_NOWHERE;
    settle(s, now_ms);
}

struct recorder *recorder_new(struct transport *transport, struct log *log, const char *instance,
                              uint64_t seed, struct err *err)
{
    struct recorder *r = mem_calloc(1, sizeof(*r));

    assert(transport && *instance != '\0');
    if (!r) {
        err_nomem(err);
        return NULL;
    }
    r->transport = transport;
    r->log = log;
    rng_init(&r->rng, seed);
    map_init(&r->series, RECORDER_SERIES_MAX);
    TAILQ_INIT(&r->queue);
    heap_init(&r->waiting, RECORDER_SERIES_MAX);
    heap_init(&r->clean, RECORDER_SERIES_MAX);
    event_budget_init(&r->budget, RECORDER_BURST, RECORDER_REFILL_MS);
    strbuf_init(&r->key, EVENT_KEY_LEN_MAX);
    r->instance = mem_strdup(instance);
    if (!r->instance) {
        recorder_free(r);
        err_nomem(err);
        return NULL;
    }
    return r;
}

void recorder_free(struct recorder *r)
{
    if (!r)
        return;
    assert(r->in_flight_count == 0);
    for (struct map_entry *e = map_first(&r->series); e; e = map_next(e))
        mem_free(map_entry_value(e));
    map_done(&r->series);
    heap_done(&r->waiting);
    heap_done(&r->clean);
    event_budget_done(&r->budget);
    strbuf_done(&r->key);
    mem_free(r->instance);
    mem_free(r);
}

static bool is_within(const struct object_ref *ref, const char *ns)
{
    const char *its = ref->kind == KIND_NAMESPACE ? ref->name : ref->ns;

    return its && strcmp(its, ns) == 0;
}

void recorder_forget_namespace(struct recorder *r, const char *ns)
{
    struct map_entry *next;

    for (struct map_entry *e = map_first(&r->series); e; e = next) {
        struct event_series *s = map_entry_value(e);

        next = map_next(e);
        if (s->place == EVENT_CLEAN &&
            (is_within(&s->event.regarding, ns) || is_within(&s->event.related, ns)))
            series_free(s);
    }
}

void recorder_add(struct recorder *r, const struct finding *finding, const char *action,
                  const struct object_ref *regarding, const struct object_ref *related,
                  uint64_t now_ms, int64_t wall_ms)
{
    struct event event = {.regarding = *regarding,
                          .reason = reason_name(finding->reason),
                          .action = action,
                          .note = finding->message ? finding->message : "",
                          .once = finding->once,
                          .is_warning = finding->is_warning,
                          .wall_ms = wall_ms};
    struct event_series *s = NULL;
    const char *key;

    assert(regarding->name && *action != '\0' && finding->reason != REASON_NONE);
    if (related)
        event.related = *related;
    if (r->is_draining) {
        count_dropped(r, "Rampart is stopping", now_ms);
        return;
    }
    key = event_series_key(&r->key, &event);
    if (key)
        s = map_get(&r->series, key);
    if (s && s->place == EVENT_CLEAN && s->node.due_ms <= now_ms) {
        series_free(s);
        s = NULL;
    }
    if (s)
        add_equal(s, now_ms, wall_ms);
    else
        add_first(r, &event, key, now_ms);
}

void recorder_step(struct recorder *r, uint64_t now_ms, int64_t wall_ms)
{
    struct heap_node *node;

    (void)wall_ms; /* an Event tells when it was found, not when it was sent */
    while ((node = heap_peek(&r->waiting)) && node->due_ms <= now_ms) {
        struct event_series *s = series_of(node);

        heap_remove(&r->waiting, node);
        s->place = EVENT_NOWHERE;
        settle(s, now_ms);
    }
    while ((node = heap_peek(&r->clean)) && node->due_ms <= now_ms)
        series_free(series_of(node));
    while (!TAILQ_EMPTY(&r->queue) && r->in_flight_count < RECORDER_IN_FLIGHT_MAX &&
           (r->is_draining || r->hold_until_ms <= now_ms))
        send(TAILQ_FIRST(&r->queue), now_ms);
}

uint64_t recorder_deadline(const struct recorder *r)
{
    uint64_t deadline = UINT64_MAX;
    struct heap_node *node = heap_peek(&r->waiting);

    if (!TAILQ_EMPTY(&r->queue) && r->in_flight_count < RECORDER_IN_FLIGHT_MAX)
        deadline = r->is_draining ? 0 : r->hold_until_ms;
    if (node && node->due_ms < deadline)
        deadline = node->due_ms;
    node = heap_peek(&r->clean);
    if (node && node->due_ms < deadline)
        deadline = node->due_ms;
    return deadline;
}

void recorder_drain(struct recorder *r)
{
    struct heap_node *node;

    r->is_draining = true;
    while ((node = heap_peek(&r->waiting))) {
        struct event_series *s = series_of(node);

        heap_remove(&r->waiting, node);
        s->place = EVENT_NOWHERE;
        settle(s, node->due_ms);
    }
}

size_t recorder_pending(const struct recorder *r)
{
    return r->queue_count + r->in_flight_count;
}

void recorder_get_stats(const struct recorder *r, struct recorder_stats *ret_stats)
{
    *ret_stats = r->stats;
}
