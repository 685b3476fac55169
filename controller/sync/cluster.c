#include "rampart/sync/cluster.h"

#include <assert.h>
#include <stdio.h>

struct cache {
    struct store *store;       /* owned */
    struct informer *informer; /* owned */
    enum err_code was;         /* what it suffered from on the last step */
};

struct cluster {
    struct watch_server server; /* what the informers learn about the server */
    struct rng rng;             /* jitter of all informers */
    struct cache caches[KIND_WATCHED_COUNT];
    bool wants_wake;     /* one of them got through to the server again */
    uint64_t wake_at_ms; /* no sooner */
    uint64_t recoveries;
};

static const struct cache *cache_of(const struct cluster *c, enum kind kind)
{
    assert((unsigned)kind < KIND_WATCHED_COUNT);
    return &c->caches[kind];
}

static int cache_init(struct cluster *c, enum kind kind, const struct cluster_options *options,
                      struct err *err)
{
    struct cache *cache = &c->caches[kind];
    struct informer_options of_informer = {.kind = kind,
                                           .transport = options->transport,
                                           .server = &c->server,
                                           .rng = &c->rng,
                                           .log = options->log};

    cache->store = store_new(kind, STORE_OBJECTS_MAX, options->on_change, options->ctx, err);
    if (!cache->store)
        return -1;
    of_informer.store = cache->store;
    cache->informer = informer_new(&of_informer, err);
    return cache->informer ? 0 : -1;
}

struct cluster *cluster_new(const struct cluster_options *options, struct err *err)
{
    struct cluster *c = mem_calloc(1, sizeof(*c));

    assert(options->transport);
    if (!c) {
        err_nomem(err);
        return NULL;
    }
    rng_init(&c->rng, options->seed);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (cache_init(c, (enum kind)kind, options, err) < 0) {
            cluster_free(c);
            return NULL;
        }
    }
    return c;
}

void cluster_stop(struct cluster *c)
{
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++)
        informer_stop(c->caches[kind].informer);
}

bool cluster_is_stopped(const struct cluster *c)
{
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (!informer_is_stopped(c->caches[kind].informer))
            return false;
    }
    return true;
}

void cluster_free(struct cluster *c)
{
    if (!c)
        return;
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        informer_free(c->caches[kind].informer);
        store_free(c->caches[kind].store);
    }
    mem_free(c);
}

/* The server did not answer at all. */
static bool is_away(enum err_code code)
{
    return code == ERR_UNAVAILABLE || code == ERR_TIMEOUT;
}

/* One server answers all of them: the first that gets through to it again wakes the rest. That its
 * resourceVersion has expired meanwhile is an answer, too. Where they fall silent again, one after
 * the other, they must not keep each other awake. */
static void wake_after_recovery(struct cluster *c, uint64_t now_ms)
{
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        enum err_code was = c->caches[kind].was;
        enum err_code is = informer_error(c->caches[kind].informer)->code;

        c->wants_wake |= (was != ERR_NONE && is == ERR_NONE) || (is_away(was) && !is_away(is));
        c->caches[kind].was = is;
    }
    if (!c->wants_wake || now_ms < c->wake_at_ms)
        return;
    c->wants_wake = false;
    c->wake_at_ms = now_ms + CLUSTER_WAKE_EVERY_MS;
    c->recoveries++;
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++)
        informer_wake(c->caches[kind].informer, now_ms);
}

void cluster_step(struct cluster *c, uint64_t now_ms)
{
    wake_after_recovery(c, now_ms);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++)
        informer_step(c->caches[kind].informer, now_ms);
}

uint64_t cluster_recoveries(const struct cluster *c)
{
    return c->recoveries;
}

uint64_t cluster_deadline(const struct cluster *c)
{
    uint64_t deadline = c->wants_wake ? c->wake_at_ms : UINT64_MAX;

    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        uint64_t of_kind = informer_deadline(c->caches[kind].informer);

        if (of_kind < deadline)
            deadline = of_kind;
    }
    return deadline;
}

bool cluster_has_synced(const struct cluster *c)
{
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (!informer_has_synced(c->caches[kind].informer))
            return false;
    }
    return true;
}

void cluster_trouble(const struct cluster *c, char *ret_text, size_t len_max)
{
    assert(len_max > 0);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        const struct err *err = informer_error(c->caches[kind].informer);

        if (err->code != ERR_NONE) {
            (void)snprintf(ret_text, len_max, "%s", err->msg); /* it says what to do */
            return;
        }
    }
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (!informer_has_synced(c->caches[kind].informer)) {
            (void)snprintf(ret_text, len_max, "waiting for the first list of %s",
                           resource_of((enum kind)kind)->plural);
            return;
        }
    }
    *ret_text = '\0';
}

struct store *cluster_store(struct cluster *c, enum kind kind)
{
    return cache_of(c, kind)->store;
}

int cluster_list(const struct cluster *c, enum kind kind, const char *ns, struct arena *a,
                 struct object_list *ret_list, struct err *err)
{
    return store_list(cache_of(c, kind)->store, ns, a, ret_list, err);
}

const struct object *cluster_get(const struct cluster *c, enum kind kind, const char *ns,
                                 const char *name)
{
    return store_get(cache_of(c, kind)->store, ns ? ns : "", name);
}

void cluster_get_stats(const struct cluster *c, enum kind kind, struct informer_stats *ret_stats)
{
    informer_get_stats(cache_of(c, kind)->informer, ret_stats);
}
