#include "rampart/sync/cluster.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rampart/kube/rv.h"

struct cache {
    struct cluster *cluster;   /* borrowed: the owner */
    struct store *store;       /* owned */
    struct informer *informer; /* owned */
    char seen_rv[RV_LEN_MAX +
                 1]; /* newest resourceVersion that the informer put; "" before the first */
};

struct cluster {
    struct cluster_options options; /* what they point at is borrowed */
    struct watch_server server;     /* what the informers learn about the server */
    struct rng rng;                 /* jitter of all informers */
    bool is_putting_answer;         /* a change that did not come through a watch */
    struct cache caches[KIND_WATCHED_COUNT];
};

static const struct cache *cache_of(const struct cluster *c, enum kind kind)
{
    assert((unsigned)kind < KIND_WATCHED_COUNT);
    return &c->caches[kind];
}

/* Whether the watch has gone past @rv. */
static bool has_seen(const struct cache *cache, const char *rv)
{
    enum rv_order order;

    if (*cache->seen_rv == '\0')
        return false;
    order = rv_compare(rv, cache->seen_rv);
    return order == RV_OLDER || order == RV_EQUAL;
}

static void store_changed(void *ctx, const struct object *before, const struct object *after)
{
    struct cache *cache = ctx;
    struct cluster *c = cache->cluster;
    size_t len = after ? strlen(after->rv) : 0;

    if (after && !c->is_putting_answer && len < sizeof(cache->seen_rv) &&
        !has_seen(cache, after->rv))
        memcpy(cache->seen_rv, after->rv, len + 1);
    if (c->options.on_change)
        c->options.on_change(c->options.ctx, before, after);
}

static int cache_init(struct cluster *c, enum kind kind, struct err *err)
{
    struct cache *cache = &c->caches[kind];
    struct informer_options options = {.kind = kind,
                                       .transport = c->options.transport,
                                       .server = &c->server,
                                       .rng = &c->rng,
                                       .log = c->options.log};

    cache->cluster = c;
    cache->store = store_new(kind, STORE_OBJECTS_MAX, store_changed, cache, err);
    if (!cache->store)
        return -1;
    options.store = cache->store;
    cache->informer = informer_new(&options, err);
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
    c->options = *options;
    rng_init(&c->rng, options->seed);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        if (cache_init(c, (enum kind)kind, err) < 0) {
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

void cluster_step(struct cluster *c, uint64_t now_ms)
{
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++)
        informer_step(c->caches[kind].informer, now_ms);
}

uint64_t cluster_deadline(const struct cluster *c)
{
    uint64_t deadline = UINT64_MAX;

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

/* What went wrong and what to do about it, as far as we can know. */
static void describe(enum kind kind, const struct err *err, char *ret_text, size_t len_max)
{
    const struct resource *resource = resource_of(kind);
    const char *dot = *resource->group == '\0' ? "" : ".";

    if (kind == KIND_PROFILE && err->code == ERR_NOT_FOUND)
        (void)snprintf(ret_text, len_max,
                       "the API server does not know %s%s%s: the CustomResourceDefinition is "
                       "missing; install it with: kubectl apply -f crds/",
                       resource->plural, dot, resource->group);
    else if (err->code == ERR_FORBIDDEN)
        (void)snprintf(ret_text, len_max,
                       "cannot watch %s%s%s: the ServiceAccount needs the verbs get, list and "
                       "watch on it: %s",
                       resource->plural, dot, resource->group, err->msg);
    else
        (void)snprintf(ret_text, len_max, "cannot watch %s%s%s: %s", resource->plural, dot,
                       resource->group, err->msg);
}

void cluster_trouble(const struct cluster *c, char *ret_text, size_t len_max)
{
    assert(len_max > 0);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        const struct err *err = informer_error(c->caches[kind].informer);

        if (err->code != ERR_NONE) {
            describe((enum kind)kind, err, ret_text, len_max);
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

int cluster_put_answer(struct cluster *c, const struct object *meta, const char *json, size_t len,
                       struct err *err)
{
    const struct cache *cache = cache_of(c, meta->kind);
    const struct object *held = store_get(cache->store, meta->ns, meta->name);
    int result;

    /* During a sync what was seen is in no order; its end sweeps what is not there. */
    if ((!held || strcmp(held->uid, meta->uid) != 0) && !store_is_syncing(cache->store) &&
        has_seen(cache, meta->rv))
        return 0;
    c->is_putting_answer = true;
    result = store_put(cache->store, json, len, err);
    c->is_putting_answer = false;
    return result;
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
