#include "rampart/edge/http.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "rampart/edge/endpoint.h"
#include "rampart/edge/flight.h"
#include "rampart/edge/http_error.h"
#include "rampart/edge/identity.h"
#include "rampart/edge/liveness.h"
#include "rampart/edge/multi.h"

#define TO(state) (1u << (state))

enum http_state { HTTP_OPEN = 0, HTTP_STOPPING, HTTP_CLOSING, HTTP_STOPPED, HTTP_STATE_COUNT };

static const unsigned may_go[HTTP_STATE_COUNT] = {
    [HTTP_OPEN] = TO(HTTP_STOPPING), /* nothing is started any more, all ends are being delivered */
    [HTTP_STOPPING] = TO(HTTP_CLOSING), /* nothing is in flight, handles are being closed */
    [HTTP_CLOSING] = TO(HTTP_STOPPED),
};

/*
 * All flights are in one list. Whatever happens to one only changes its state; the pump, an idle
 * handle that runs at the start of a turn, outside libcurl and outside anybody's callback, takes
 * the ended ones off and delivers them, then hands the queued ones to libcurl. So completions come
 * once, never re-entrantly, and before the owner's turn.
 */
struct http {
    struct transport transport; /* what callers hold; see of() */
    enum http_state state;
    struct loop *loop; /* borrowed */
    struct log *log;   /* borrowed, may be NULL */
    struct identity *identity;
    bool is_pending; /* what is queued waits for a credential plugin */
    struct endpoint endpoint;
    char *user_agent;
    struct flight_meter meter;
    struct flight_common common;
    struct multi *multi;    /* of this generation; NULL: out of memory when it was made */
    bool is_broken;         /* the multi handle wants to be made anew */
    struct flights flights; /* in the order of their start, the probe too */
    size_t in_flight;       /* without the probe */
    struct liveness liveness;
    uint32_t probe_ms;
    struct exchange probe;     /* handle NULL: none under way */
    uint64_t probe_generation; /* @generations when it was sent */
    uv_idle_t pump;
    uv_timer_t tick;  /* deadlines and liveness */
    unsigned closing; /* handles and multis whose close callback is due */
    uint64_t requests;
    uint64_t generations;
    http_stopped_fn on_stopped;
    void *stopped_ctx;
};

static void tend(struct http *h, uint64_t now_ms);

static void move(struct http *h, enum http_state next)
{
    assert(may_go[h->state] & TO(next));
    h->state = next;
}

static struct http *of(struct transport *t)
{
    return (struct http *)(void *)((char *)t - offsetof(struct http, transport));
}

static void on_pump(uv_idle_t *handle);

/* There is something to deliver or to send. The loop does not sleep before the pump ran. */
static void wake(struct http *h)
{
    if (h->state == HTTP_OPEN || h->state == HTTP_STOPPING)
        uv_idle_start(&h->pump, on_pump);
}

static void on_identity_ready(void *ctx)
{
    struct http *h = ctx;

    h->is_pending = false;
    wake(h);
}

/* Requests from now on differ in their certificate: libcurl opens a connection for them. */
static void on_other_identity(void *ctx)
{
    struct http *h = ctx;

    flights_end_streams(&h->flights);
    wake(h);
}

static void on_finished(void *ctx, CURL *easy, CURLcode result)
{
    struct http *h = ctx;
    struct flight *f = NULL;
    struct err end = {0};

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&f);
    flight_read_status(f);
    if (f->status != 0)
        identity_judge(h->identity, f->serial, f->status != 401);
    if (result != CURLE_OK) {
        const struct http_failure failure = {.result = result,
                                             .easy = easy,
                                             .authority = h->endpoint.authority,
                                             .has_proxy = h->endpoint.proxy.url != NULL,
                                             .ca_name = tls_ca_name(f->tls),
                                             .reason = f->curl_reason,
                                             .had_memory = mem_failures() == f->mem_failures};

        http_error(&failure, &end);
        if (http_error_is_tls(result))
            identity_distrust(h->identity);
        flight_end(f, &end);
    } else {
        flight_complete(f);
    }
    wake(h);
}

static void on_broken(void *ctx)
{
    struct http *h = ctx;

    h->is_broken = true;
    wake(h);
}

/* A handle or a part is closed. */
static void on_closed(void *ctx)
{
    struct http *h = ctx;

    assert(h->closing > 0);
    if (--h->closing > 0 || h->state != HTTP_CLOSING)
        return;
    move(h, HTTP_STOPPED);
    h->on_stopped(h->stopped_ctx);
}

static void on_handle_closed(uv_handle_t *handle)
{
    on_closed(handle->data);
}

static void drop_multi(struct http *h)
{
    if (!h->multi)
        return;
    flights_take_off(&h->flights);
    h->closing++;
    multi_close(h->multi, on_closed, h);
    h->multi = NULL;
}

static void make_multi(struct http *h)
{
    const struct multi_events events = {.on_finished = on_finished,
                                        .on_broken = on_broken,
                                        .ctx = h};

    h->is_broken = false;
    h->multi = multi_new(h->loop, &events, NULL); /* without one, requests fail and come back */
}

/* A new generation: what is under way is lost, what is queued goes over the new connection. */
static void renew(struct http *h, const struct err *why)
{
    log_event(h->log, LOG_WARN, "connection given up", LOG_STR("server", h->endpoint.authority),
              LOG_STR("error", why->msg), LOG_INT("requests", h->in_flight));
    h->generations++;
    flights_end_running(&h->flights, why);
    drop_multi(h);
    make_multi(h);
    wake(h);
}

static void lose(struct http *h)
{
    struct err why = {0};

    err_set(&why, ERR_UNAVAILABLE,
            "connection to %s lost: it went silent and /readyz got no answer",
            h->endpoint.authority);
    renew(h, &why);
}

static int launch(struct http *h, const struct http_request *request, struct exchange *x,
                  uint64_t now_ms, struct err *err)
{
    struct flight *f = flight_new(&h->common, request, x, now_ms, err);

    if (!f)
        return -1;
    TAILQ_INSERT_TAIL(&h->flights, f, link);
    wake(h);
    return 0;
}

static void on_probe_done(struct exchange *x, const struct http_response *response,
                          const struct err *err, uint64_t now_ms)
{
    struct http *h = x->ctx;
    bool is_old = h->probe_generation != h->generations; /* this connection was not asked */
    bool was_answered = is_old || !err || response->status != 0;

    if (liveness_probe_ended(&h->liveness, was_answered, h->meter.heard_ms, now_ms) ==
            LIVENESS_LOST &&
        h->state == HTTP_OPEN)
        lose(h);
}

static void probe(struct http *h, uint64_t now_ms)
{
    const struct http_request request = {.method = HTTP_GET,
                                         .path = "/readyz",
                                         .timeout_ms = h->probe_ms};

    h->probe = (struct exchange){.on_done = on_probe_done, .ctx = h};
    h->probe_generation = h->generations;
    if (launch(h, &request, &h->probe, now_ms, NULL) < 0)
        (void)liveness_probe_ended(&h->liveness, true, h->meter.heard_ms, now_ms); /* try later */
}

static void on_tick(uv_timer_t *tick)
{
    struct http *h = tick->data;

    tend(h, clock_monotonic_ms());
}

/* Probes a silent connection. Returns when to look again. */
static uint64_t tend_liveness(struct http *h, uint64_t now_ms)
{
    bool is_asking = h->in_flight > 0 && !h->is_pending;
    uint64_t next_ms;

    if (liveness_step(&h->liveness, is_asking, h->meter.heard_ms, now_ms, &next_ms) !=
        LIVENESS_PROBE)
        return next_ms;
    probe(h, now_ms);
    if (!h->probe.handle) /* it could not be sent: the silence begins anew */
        (void)liveness_step(&h->liveness, is_asking, h->meter.heard_ms, now_ms, &next_ms);
    return next_ms;
}

/* Ends what is overdue, probes a silent connection, and sets the timer for the next time. */
static void tend(struct http *h, uint64_t now_ms)
{
    uint64_t next_ms = h->state == HTTP_OPEN ? tend_liveness(h, now_ms) : UINT64_MAX;
    uint64_t due_ms;

    if (flights_time_out(&h->flights, now_ms, &due_ms))
        wake(h);
    if (due_ms < next_ms)
        next_ms = due_ms;
    due_ms = h->state == HTTP_OPEN ? identity_tend(h->identity, now_ms) : UINT64_MAX;
    if (due_ms < next_ms)
        next_ms = due_ms;
    if (next_ms == UINT64_MAX) {
        uv_timer_stop(&h->tick);
        return;
    }
    uv_update_time(&h->loop->uv);
    uv_timer_start(&h->tick, on_tick, next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

static void deliver(struct http *h)
{
    struct flights ended = TAILQ_HEAD_INITIALIZER(ended);
    struct flight *f;

    flights_move_ended(&h->flights, &ended);
    while ((f = TAILQ_FIRST(&ended)) != NULL) {
        TAILQ_REMOVE(&ended, f, link);
        if (f->x != &h->probe)
            h->in_flight--;
        flight_deliver(f, clock_monotonic_ms());
        flight_free(f);
    }
}

/* -1: it has ended; 0: it waits; 1: it is on its way. */
static int send_one(struct http *h, struct flight *f, uint64_t now_ms)
{
    struct identity_now now = {0};
    struct err end = {0};

    switch (identity_get(h->identity, now_ms, clock_wall_ms(), &now, &end)) {
    case IDENTITY_PENDING:
        h->is_pending = true;
        return 0;
    case IDENTITY_READY:
        if (!h->multi)
            err_nomem(&end);
        else if (flight_equip(f, &now, &end) == 0 && multi_add(h->multi, f->easy, &end) == 0) {
            flight_run(f, h->multi);
            return 1;
        }
        break;
    case IDENTITY_NONE:
        break;
    }
    flight_end(f, &end);
    return -1;
}

static bool send_queued(struct http *h)
{
    uint64_t now_ms = clock_monotonic_ms();
    bool has_sent = false;
    struct flight *f;

    h->is_pending = false;
    TAILQ_FOREACH(f, &h->flights, link)
    {
        if (f->state == FLIGHT_QUEUED && !h->is_pending)
            has_sent = send_one(h, f, now_ms) > 0 || has_sent;
    }
    return has_sent;
}

static bool has_work(const struct http *h)
{
    return h->is_broken || flights_have(&h->flights, FLIGHT_ENDED) ||
           (!h->is_pending && flights_have(&h->flights, FLIGHT_QUEUED));
}

static void close_all(struct http *h)
{
    move(h, HTTP_CLOSING);
    drop_multi(h);
    h->closing += 2;
    if (identity_stop(h->identity, on_closed, h))
        h->closing++;
    uv_close((uv_handle_t *)&h->pump, on_handle_closed);
    uv_close((uv_handle_t *)&h->tick, on_handle_closed);
}

static void on_pump(uv_idle_t *handle)
{
    struct http *h = handle->data;
    struct err why = {0};

    deliver(h);
    if (h->state == HTTP_STOPPING && TAILQ_EMPTY(&h->flights)) {
        close_all(h);
        return;
    }
    if (h->is_broken) {
        err_set(&why, ERR_UNAVAILABLE, "connection to %s: out of memory or file descriptors",
                h->endpoint.authority);
        renew(h, &why);
    }
    if (!h->multi)
        make_multi(h);
    if (send_queued(h))
        multi_drive(h->multi);
    tend(h, clock_monotonic_ms());
    if (!has_work(h))
        uv_idle_stop(&h->pump);
}

static int http_start(struct transport *t, const struct http_request *request, struct exchange *x,
                      struct err *err)
{
    struct http *h = of(t);

    if (h->state != HTTP_OPEN)
        return err_set(err, ERR_CANCELED, "request to %s: stopping", h->endpoint.authority);
    if (h->in_flight >= TRANSPORT_EXCHANGES_MAX)
        return err_set(err, ERR_LIMIT, "request to %s: %d are under way already",
                       h->endpoint.authority, TRANSPORT_EXCHANGES_MAX);
    if (launch(h, request, x, clock_monotonic_ms(), err) < 0)
        return -1;
    h->in_flight++;
    h->requests++;
    return 0;
}

static void http_cancel(struct transport *t, struct exchange *x)
{
    if (!x->handle)
        return;
    flight_cancel(x->handle);
    wake(of(t));
}

static const struct transport_ops operations = {.start = http_start, .cancel = http_cancel};

static int build(struct http *h, const struct http_options *options, struct err *err)
{
    const struct identity_options of_identity = {
        .loop = options->loop,
        .config = options->config,
        .log = options->log,
        .plugin_timeout_ms = options->plugin_timeout_ms,
        .read_every_ms = options->certificates_every_ms,
        .on_ready = on_identity_ready,
        .on_other_identity = on_other_identity,
        .ctx = h,
    };

    h->user_agent = mem_strdup(options->user_agent);
    if (!h->user_agent)
        return err_nomem(err);
    h->common.user_agent = h->user_agent;
    h->common.disables_gzip = options->config->disables_compression;
    if (endpoint_init(&h->endpoint, options->config, err) < 0)
        return -1;
    h->identity = identity_new(&of_identity, err);
    if (!h->identity)
        return -1;
    make_multi(h);
    return h->multi ? 0 : err_nomem(err);
}

static void release(struct http *h)
{
    identity_free(h->identity);
    endpoint_done(&h->endpoint);
    mem_free(h->user_agent);
    mem_free(h);
}

struct http *http_new(const struct http_options *options, struct err *err)
{
    struct http *h = mem_calloc(1, sizeof(*h));
    uint32_t quiet_ms = options->quiet_ms ? options->quiet_ms : HTTP_QUIET_MS;

    if (!h) {
        err_nomem(err);
        return NULL;
    }
    h->transport.ops = &operations;
    h->loop = options->loop;
    h->log = options->log;
    h->probe_ms = options->probe_ms ? options->probe_ms : HTTP_PROBE_MS;
    h->common = (struct flight_common){.endpoint = &h->endpoint,
                                       .meter = &h->meter,
                                       .user_timeout_ms = quiet_ms + h->probe_ms};
    TAILQ_INIT(&h->flights);
    liveness_init(&h->liveness, quiet_ms);
    if (build(h, options, err) < 0) {
        release(h);
        return NULL;
    }
    uv_idle_init(&h->loop->uv, &h->pump);
    uv_timer_init(&h->loop->uv, &h->tick);
    h->pump.data = h;
    h->tick.data = h;
    if (tls_skips_verify(identity_tls(h->identity)))
        log_event(h->log, LOG_WARN,
                  "insecure-skip-tls-verify is set: anybody on the way can read the token",
                  LOG_STR("server", h->endpoint.authority));
    return h;
}

struct transport *http_transport(struct http *h)
{
    return &h->transport;
}

void http_get_stats(const struct http *h, struct http_stats *ret_stats)
{
    *ret_stats = (struct http_stats){
        .requests = h->requests,
        .connections = h->meter.connections,
        .generations = h->generations,
        .bytes_received = h->meter.bytes_received,
        .in_flight = h->in_flight,
    };
}

void http_stop(struct http *h, http_stopped_fn on_stopped, void *ctx)
{
    move(h, HTTP_STOPPING);
    h->on_stopped = on_stopped;
    h->stopped_ctx = ctx;
    flights_cancel(&h->flights);
    wake(h);
}

void http_abandon(struct http *h)
{
    identity_abandon(h->identity);
}

void http_free(struct http *h)
{
    if (!h)
        return;
    assert(h->state == HTTP_STOPPED && TAILQ_EMPTY(&h->flights));
    release(h);
}
