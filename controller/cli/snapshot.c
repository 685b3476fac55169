#include "rampart/cli/snapshot.h"

#include <assert.h>
#include <stdio.h>

#include "rampart/cli/cli.h"
#include "rampart/edge/http.h"
#include "rampart/edge/loop.h"
#include "rampart/sync/informer.h"

struct cache {
    struct store *store;       /* owned */
    struct informer *informer; /* owned; only while it is being taken */
};

struct snapshot {
    struct cache caches[KIND_WATCHED_COUNT];
};

/* What there is besides while it is being taken. */
struct taking {
    struct snapshot *snapshot;
    const struct snapshot_options *options;
    struct loop loop;
    struct http *http;
    struct rng rng;
    struct watch_server server;
    uint64_t started_ms;
    bool is_over;
    struct err err; /* why it is over; ERR_NONE: it is complete */
};

static bool is_absent(const struct taking *t, int kind)
{
    const struct err *err = informer_error(t->snapshot->caches[kind].informer);

    return (kind == KIND_PROFILE || kind == KIND_EXCEPTION) && t->options->may_lack_profiles &&
           err->code == ERR_NOT_FOUND;
}

static bool is_complete(const struct taking *t)
{
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (!informer_has_synced(t->snapshot->caches[kind].informer) && !is_absent(t, kind))
            return false;
    }
    return true;
}

/* Whether to wait for better answers makes no sense. */
static bool is_hopeless(const struct err *err, uint64_t waited_ms)
{
    switch (err->code) {
    case ERR_NONE:
    case ERR_EXPIRED:
    case ERR_RV_TOO_LARGE:
        return false;
    case ERR_FORBIDDEN:
    case ERR_UNAUTHORIZED:
    case ERR_NOT_FOUND:
        return true;
    default:
        return waited_ms >= SNAPSHOT_UNREACHED_MS;
    }
}

/* -1: it will not become complete; the err of @t says why. */
static int judge(struct taking *t, uint64_t now_ms)
{
    uint64_t waited_ms = now_ms - t->started_ms;

    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        const struct err *err = informer_error(t->snapshot->caches[kind].informer);

        if (!is_absent(t, kind) && is_hopeless(err, waited_ms)) {
            t->err = *err;
            return -1;
        }
    }
    if (waited_ms >= SNAPSHOT_MAX_MS)
        return err_set(&t->err, ERR_TIMEOUT, "the cluster could not be read in %d s",
                       SNAPSHOT_MAX_MS / 1000);
    return 0;
}

static void on_http_stopped(void *ctx)
{
    struct taking *t = ctx;

    loop_stop(&t->loop);
}

static void end(struct taking *t)
{
    t->is_over = true;
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++)
        informer_stop(t->snapshot->caches[kind].informer);
    http_stop(t->http, on_http_stopped, t);
}

static uint64_t on_turn(void *ctx, uint64_t now_ms)
{
    struct taking *t = ctx;
    uint64_t next_ms = now_ms + 1000; /* for judge() */

    if (t->is_over)
        return UINT64_MAX;
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        struct informer *informer = t->snapshot->caches[kind].informer;
        uint64_t due_ms;

        informer_step(informer, now_ms);
        due_ms = informer_deadline(informer);
        if (due_ms < next_ms)
            next_ms = due_ms;
    }
    if (is_complete(t) || judge(t, now_ms) < 0)
        end(t);
    return next_ms;
}

static int build(struct taking *t, struct err *err)
{
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        struct cache *cache = &t->snapshot->caches[kind];
        struct informer_options of_informer = {.kind = (enum kind)kind,
                                               .transport = http_transport(t->http),
                                               .server = &t->server,
                                               .rng = &t->rng,
                                               .log = NULL};

        cache->store = store_new((enum kind)kind, STORE_OBJECTS_MAX, NULL, NULL, err);
        if (!cache->store)
            return -1;
        of_informer.store = cache->store;
        cache->informer = informer_new(&of_informer, err);
        if (!cache->informer)
            return -1;
    }
    return 0;
}

static int run(struct taking *t, struct err *err)
{
    struct http_options of_http = {.loop = &t->loop,
                                   .config = t->options->config,
                                   .log = t->options->log};
    char user_agent[128];
    int result;

    (void)snprintf(user_agent, sizeof(user_agent), "rampart-plan/%.64s", rampart_version);
    of_http.user_agent = user_agent;
    t->http = http_new(&of_http, err);
    if (!t->http) {
        loop_stop(&t->loop);
        loop_run(&t->loop);
        return -1;
    }
    result = build(t, err);
    if (result < 0) {
        t->is_over = true;
        http_stop(t->http, on_http_stopped, t);
    }
    loop_run(&t->loop);
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        informer_free(t->snapshot->caches[kind].informer);
        t->snapshot->caches[kind].informer = NULL;
    }
    http_free(t->http);
    if (result == 0 && t->err.code != ERR_NONE) {
        *err = t->err;
        return -1;
    }
    return result;
}

struct snapshot *snapshot_take(const struct snapshot_options *options, struct err *err)
{
    struct taking t = {.options = options};
    int result;

    t.snapshot = mem_calloc(1, sizeof(*t.snapshot));
    if (!t.snapshot) {
        err_nomem(err);
        return NULL;
    }
    if (loop_init(&t.loop, on_turn, NULL, &t, err) < 0) {
        snapshot_free(t.snapshot);
        return NULL;
    }
    rng_init(&t.rng, clock_random_seed());
    t.started_ms = clock_monotonic_ms();
    result = run(&t, err);
    (void)loop_done(&t.loop);
    if (result < 0) {
        snapshot_free(t.snapshot);
        return NULL;
    }
    return t.snapshot;
}

void snapshot_free(struct snapshot *s)
{
    if (!s)
        return;
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        informer_free(s->caches[kind].informer);
        store_free(s->caches[kind].store);
    }
    mem_free(s);
}

int snapshot_list(const struct snapshot *s, enum kind kind, const char *ns, struct arena *a,
                  struct object_list *ret_list, struct err *err)
{
    assert((unsigned)kind < KIND_WATCHED_COUNT);
    return store_list(s->caches[kind].store, ns, a, ret_list, err);
}

const struct object *snapshot_get(const struct snapshot *s, enum kind kind, const char *ns,
                                  const char *name)
{
    assert((unsigned)kind < KIND_WATCHED_COUNT);
    return store_get(s->caches[kind].store, ns ? ns : "", name);
}
