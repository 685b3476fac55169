#include "wire/support/spine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/reconcilers/registry.h"

#define CALM_TURNS 10 /* of the loop without a byte: on one thread, then nothing is on its way */
#define POLICY "rampart-default-deny"
#define BOOKMARK_EVERY_MS 60000 /* as an API server does */

/* An exchange of the operator's with the operator's clock. */
struct warp {
    struct exchange inner;
    struct exchange *outer; /* borrowed */
    struct spine *spine;    /* borrowed */
};

uint64_t spine_now(const struct spine *sp)
{
    return clock_monotonic_ms() + sp->ahead_ms;
}

static int on_data(struct exchange *x, const char *bytes, size_t len, uint64_t now_ms)
{
    struct warp *warp = x->ctx;

    return warp->outer->on_data(warp->outer, bytes, len, now_ms + warp->spine->ahead_ms);
}

static void on_done(struct exchange *x, const struct http_response *response, const struct err *err,
                    uint64_t now_ms)
{
    struct warp *warp = x->ctx;
    struct exchange *outer = warp->outer;
    struct spine *sp = warp->spine;

    free(warp);
    sp->in_flight--;
    outer->handle = NULL;
    outer->on_done(outer, response, err, now_ms + sp->ahead_ms);
}

static struct spine *spine_of(struct transport *t)
{
    return (struct spine *)(void *)((char *)t - offsetof(struct spine, warped));
}

static uint32_t capped(const struct spine *sp, uint32_t timeout_ms)
{
    if (sp->timeout_ms_max > 0 && (timeout_ms == 0 || timeout_ms > sp->timeout_ms_max))
        return sp->timeout_ms_max;
    return timeout_ms;
}

static int warp_start(struct transport *t, const struct http_request *request, struct exchange *x,
                      struct err *err)
{
    struct spine *sp = spine_of(t);
    struct warp *warp = calloc(1, sizeof(*warp));
    struct http_request timed = *request;

    if (timed.timeout_ms > 0)
        timed.timeout_ms = capped(sp, timed.timeout_ms);
    warp->outer = x;
    warp->spine = sp;
    warp->inner =
        (struct exchange){.on_data = x->on_data ? on_data : NULL, .on_done = on_done, .ctx = warp};
    if (transport_start(http_transport(sp->wire.http), &timed, &warp->inner, err) < 0) {
        free(warp);
        return -1;
    }
    x->handle = warp;
    sp->in_flight++;
    sp->requests++;
    return 0;
}

static void warp_cancel(struct transport *t, struct exchange *x)
{
    struct warp *warp = x->handle;

    if (warp)
        transport_cancel(http_transport(spine_of(t)->wire.http), &warp->inner);
}

static const struct transport_ops operations = {.start = warp_start, .cancel = warp_cancel};

static uint64_t activity_of(const struct spine *sp)
{
    const struct server_counts *counts = server_counts(sp->wire.server);

    return counts->bytes_in + counts->bytes_out + counts->connections +
           wire_stats(&sp->wire).bytes_received + sp->requests + spine_stats(sp).passes;
}

/* What the API server does by itself. Returns when it wants to again, in real time. */
static uint64_t keep_server(struct spine *sp, uint64_t now_ms)
{
    uint64_t warped_ms = now_ms + sp->ahead_ms, next_ms;
    unsigned next_s;

    if (warped_ms >= sp->bookmark_at_ms) {
        sp->bookmark_at_ms = warped_ms + BOOKMARK_EVERY_MS;
        api_send_bookmarks(&sp->api);
    }
    sp->api.now_s = (unsigned)(warped_ms / 1000);
    next_s = api_end_watches(&sp->api);
    next_ms =
        (uint64_t)next_s * 1000 < sp->bookmark_at_ms ? (uint64_t)next_s * 1000 : sp->bookmark_at_ms;
    return next_ms - sp->ahead_ms;
}

static uint64_t step(struct wire *w, uint64_t now_ms)
{
    struct spine *sp = (struct spine *)w;
    uint64_t activity, next_ms, server_ms;

    if (!sp->manager)
        return UINT64_MAX;
    server_ms = keep_server(sp, now_ms);
    next_ms = manager_step(sp->manager, now_ms + sp->ahead_ms,
                           SPINE_WALL_MS + (int64_t)(now_ms + sp->ahead_ms - sp->began_ms));
    if (next_ms != UINT64_MAX)
        next_ms = next_ms > sp->ahead_ms ? next_ms - sp->ahead_ms : 0;
    next_ms = server_ms < next_ms ? server_ms : next_ms;
    if (sp->never_skips || next_ms <= now_ms + 1)
        return next_ms;
    activity = activity_of(sp);
    sp->calm_turns = activity == sp->activity ? sp->calm_turns + 1 : 0;
    sp->activity = activity;
    if (sp->calm_turns < CALM_TURNS || !w->until)
        return now_ms;
    sp->calm_turns = 0;
    sp->ahead_ms += next_ms - now_ms;
    return now_ms;
}

static void on_request(void *ctx, struct server_stream *s, const struct server_request *r)
{
    struct spine *sp = ctx;

    api_handle(&sp->api, s, r);
}

void spine_start(struct spine *sp, const struct server_options *options)
{
    struct server_options o = options ? *options : (struct server_options){0};
    char text[256];

    memset(sp, 0, sizeof(*sp));
    sp->live = mem_live();
    api_init(&sp->api);
    for (unsigned i = 0; i < SPINE_NAMESPACES; i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"metadata\":{\"name\":\"ns-%u\",\"labels\":{\"team\":\"shop\"}}}", i);
        (void)api_put(&sp->api, KIND_NAMESPACE, text);
    }
    (void)api_put(&sp->api, KIND_NAMESPACE, "{\"metadata\":{\"name\":\"bank\"}}");
    (void)api_put(&sp->api, KIND_PROFILE,
                  "{\"metadata\":{\"name\":\"basic\",\"generation\":1},\"spec\":{\"mode\":"
                  "\"Enforce\",\"namespaceSelector\":{\"matchLabels\":{\"team\":\"shop\"}},"
                  "\"network\":{\"defaultDeny\":[\"Ingress\"]}}}");
    o.handler = o.handler ? o.handler : on_request;
    o.ctx = sp;
    wire_start(&sp->wire, &o);
    sp->api.server = sp->wire.server;
    sp->wire.step = step;
    sp->warped.ops = &operations;
    sp->began_ms = clock_monotonic_ms();
    sp->bookmark_at_ms = sp->began_ms + BOOKMARK_EVERY_MS;
}

void spine_connect(struct spine *sp, uint32_t quiet_ms, uint32_t probe_ms)
{
    const struct manager_options options = {.transport = &sp->warped,
                                            .ops = &registry_ops,
                                            .log = &sp->wire.log,
                                            .own_namespace = "rampart-system",
                                            .instance = "rampart-0",
                                            .seed = 1};
    struct err err = {0};

    wire_connect(&sp->wire, quiet_ms, probe_ms);
    sp->manager = manager_new(&options, &err);
    assert_non_null(sp->manager);
}

void spine_open(struct spine *sp)
{
    spine_start(sp, NULL);
    spine_connect(sp, 0, 0);
}

void spine_close(struct spine *sp)
{
    struct manager *manager = sp->manager;

    manager_stop(manager, spine_now(sp));
    sp->api.misbehave = NULL;
    sp->api.server = NULL;
    wire_close(&sp->wire);
    sp->manager = NULL;
    assert_int_equal(sp->in_flight, 0);
    manager_free(manager);
    api_done(&sp->api);
    assert_int_equal(mem_live(), sp->live);
}

static bool (*awaited)(struct spine *sp);

static bool is_met(struct wire *w)
{
    return awaited((struct spine *)w);
}

void spine_until(struct spine *sp, bool (*until)(struct spine *sp))
{
    awaited = until;
    wire_until(&sp->wire, is_met);
}

struct manager_stats spine_stats(const struct spine *sp)
{
    struct manager_stats stats = {0};

    if (sp->manager)
        manager_get_stats(sp->manager, &stats);
    return stats;
}

static void cache_versions(struct spine *sp, enum kind kind, struct strbuf *out)
{
    struct object_list list;
    struct err err = {0};
    AUTO_ARENA a;

    arena_init(&a, 16u << 20);
    if (cluster_list(manager_cluster(sp->manager), kind, NULL, &a, &list, &err) < 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < list.count; i++)
        strbuf_addf(out, "%s/%s@%s ", list.items[i]->ns, list.items[i]->name, list.items[i]->rv);
}

/* Of one kind; both as text. */
static bool cache_is_right(struct spine *sp, enum kind kind, struct strbuf *cache,
                           struct strbuf *server)
{
    strbuf_clear(cache);
    strbuf_clear(server);
    cache_versions(sp, kind, cache);
    api_versions(&sp->api, kind, server);
    return strcmp(cache->text, server->text) == 0;
}

bool spine_caches_are_right(struct spine *sp)
{
    AUTO_STRBUF cache;
    AUTO_STRBUF server;

    strbuf_init(&cache, 1u << 20);
    strbuf_init(&server, 1u << 20);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (!cache_is_right(sp, (enum kind)kind, &cache, &server))
            return false;
    }
    return true;
}

void spine_assert_caches(struct spine *sp)
{
    AUTO_STRBUF cache;
    AUTO_STRBUF server;

    strbuf_init(&cache, 1u << 20);
    strbuf_init(&server, 1u << 20);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (!cache_is_right(sp, (enum kind)kind, &cache, &server))
            assert_string_equal(cache.text, server.text);
    }
}

bool spine_is_settled(struct spine *sp)
{
    struct manager_stats stats = spine_stats(sp);
    char trouble[256];

    cluster_trouble(manager_cluster(sp->manager), trouble, sizeof(trouble));
    if (!cluster_has_synced(manager_cluster(sp->manager)) || *trouble != '\0' ||
        stats.queue_ready > 0 || sp->in_flight > KIND_WATCHED_COUNT)
        return false;
    for (unsigned i = 0; i < SPINE_NAMESPACES; i++) {
        char ns[16];

        (void)snprintf(ns, sizeof(ns), "ns-%u", i);
        if (!api_find(&sp->api, KIND_NETWORK_POLICY, ns, POLICY))
            return false;
    }
    return spine_caches_are_right(sp);
}

void spine_until_settled(struct spine *sp)
{
    spine_until(sp, spine_is_settled);
}

void spine_assert_end_state(struct spine *sp)
{
    AUTO_STRBUF wanted;
    AUTO_STRBUF found;

    strbuf_init(&wanted, 1u << 16);
    strbuf_init(&found, 1u << 20);
    for (unsigned i = 0; i < SPINE_NAMESPACES; i++)
        strbuf_addf(&wanted,
                    "ns-%u/" POLICY " {\"podSelector\":{},\"policyTypes\":[\"Ingress\"]}\n", i);
    api_policies(&sp->api, &found);
    assert_string_equal(found.text, wanted.text);
    assert_int_equal(sp->api.counts.creates, SPINE_NAMESPACES);
    assert_int_equal(sp->api.counts.patches, 0);
    assert_int_equal(sp->api.counts.deletes, 0);
    spine_assert_caches(sp);
}
