/* Shared by the tests of sync/informer: one informer of NetworkPolicies on a fake transport, with a
 * clock and a log. */
#ifndef TESTS_UNIT_SYNC_INFORMER_H
#define TESTS_UNIT_SYNC_INFORMER_H

#include <stdlib.h>

#include "rampart/json/decode.h"
#include "rampart/sync/informer.h"
#include "support/api_text.h"
#include "support/fake_transport.h"
#include "support/text.h"
#include "sync_store.h"

#define POLICIES "/apis/networking.k8s.io/v1/networkpolicies"
#define WATCH_LIST                                                         \
    POLICIES "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true" \
             "&resourceVersionMatch=NotOlderThan"
#define UNTIL "&timeoutSeconds=N"
#define WATCH_FROM(rv_) POLICIES "?watch=true&allowWatchBookmarks=true&resourceVersion=" rv_ UNTIL
#define LIST_FIRST POLICIES "?limit=500"
#define LIST_QUORUM POLICIES "?limit=500"
#define LIST_NEXT(token_) POLICIES "?limit=500&continue=" token_

struct bench {
    struct fake_transport net;
    struct store_trace cache;
    struct watch_server server;
    struct rng rng;
    struct log log;
    struct informer *informer;
    char logged[8192];
    unsigned lines;  /* of the log */
    unsigned synced; /* calls of on_synced */
};

static inline void bench_sink(void *ctx, const char *line, size_t len)
{
    struct bench *b = ctx;
    size_t used = strlen(b->logged);

    b->lines++;
    if (used + len < sizeof(b->logged)) {
        memcpy(b->logged + used, line, len);
        b->logged[used + len] = '\0';
    }
}

static inline int64_t bench_clock(void *ctx)
{
    (void)ctx;
    return 0;
}

static inline void bench_synced(void *ctx, enum kind kind)
{
    (void)kind;
    ((struct bench *)ctx)->synced++;
}

static inline void bench_init(struct bench *b, enum kind kind, size_t objects_max)
{
    struct informer_options options = {.kind = kind,
                                       .server = &b->server,
                                       .rng = &b->rng,
                                       .log = &b->log,
                                       .on_synced = bench_synced,
                                       .ctx = b};
    struct err err = {0};

    memset(b, 0, sizeof(*b));
    fake_init(&b->net);
    b->net.now_ms = 1000000;
    trace_init(&b->cache, kind, objects_max);
    rng_init(&b->rng, 1);
    b->log = (struct log){
        .level = LOG_INFO, .format = LOG_TEXT, .sink = bench_sink, .clock = bench_clock, .ctx = b};
    options.store = b->cache.store;
    options.transport = &b->net.transport;
    b->informer = informer_new(&options, &err);
    assert_non_null(b->informer);
}

/* Stops, and holds the informer to it: no callback is missing, nothing is started any more. */
static inline void bench_done(struct bench *b)
{
    size_t count;

    informer_stop(b->informer);
    count = b->net.count;
    (void)fake_settle(&b->net);
    informer_step(b->informer, b->net.now_ms + 1000000);
    assert_int_equal(b->net.count, count);
    assert_true(informer_is_stopped(b->informer));
    informer_free(b->informer);
    trace_done(&b->cache);
    fake_done(&b->net);
}

/* Lets the informer do what it wants now. */
static inline void step(struct bench *b)
{
    informer_step(b->informer, b->net.now_ms);
    if (fake_settle(&b->net) > 0)
        informer_step(b->informer, b->net.now_ms);
}

/* Waits for the next deadline, which lies between @low_ms and @high_ms from now, and lets it do
 * what it wants then. */
static inline void waits(struct bench *b, uint64_t low_ms, uint64_t high_ms)
{
    step(b);
    assert_in_range(informer_deadline(b->informer) - b->net.now_ms, low_ms, high_ms);
    b->net.now_ms = informer_deadline(b->informer);
    step(b);
}

/* The running request's path is @prefix, but for the random timeoutSeconds at its end; there is
 * one. */
static inline void requests(struct bench *b, const char *expected)
{
    char path[512];
    char *timeout;

    step(b);
    assert_int_equal(fake_running(&b->net), 1);
    (void)snprintf(path, sizeof(path), "%s", fake_path(&b->net, FAKE_LAST));
    timeout = strstr(path, "&timeoutSeconds=");
    if (timeout)
        memcpy(timeout, "&timeoutSeconds=N", sizeof("&timeoutSeconds=N"));
    assert_string_equal(path, expected);
}

static inline void sends(struct bench *b, const char *text)
{
    assert_true(fake_text(&b->net, FAKE_LAST, text));
}

/* Through WatchList to a running watch with a/x@5 and a/y@6 at resourceVersion 10. */
static inline void bench_sync(struct bench *b)
{
    step(b);
    sends(b, api_event("ADDED", "a", "x", 5));
    sends(b, api_event("ADDED", "a", "y", 6));
    sends(b, api_initial_end(10));
    assert_true(informer_has_synced(b->informer));
    told(&b->cache, "+a/x@5 +a/y@6 ");
}

/* The same on a server without WatchList. */
static inline void bench_sync_by_list(struct bench *b)
{
    b->server.has_refused_watch_list = true;
    step(b);
    fake_answer(&b->net, FAKE_LAST, 200, NULL,
                api_list(api_text("%s,%s", api_item("a", "x", 5), api_item("a", "y", 6)), 10,
                         NULL));
    assert_true(informer_has_synced(b->informer));
    told(&b->cache, "+a/x@5 +a/y@6 ");
    step(b);
}

#endif
