#include "rampart/sync/workqueue.h"

#include <assert.h>
#include <string.h>

#include "rampart/base/heap.h"
#include "rampart/base/map.h"
#include "rampart/sync/backoff.h"

#define BUCKET_INTERVAL_MS (1000 / WORKQUEUE_BUCKET_PER_S)

/*
 * Waiting is independent of the rest, as in client-go's delaying queue: a key may be queued or
 * processing and still have a due time, at which it is added once more.
 */
struct item {
    struct heap_node waiting; /* in workqueue.waiting while a due time stands */
    struct item *next;        /* in the ready list, else NULL */
    const char *key;          /* the map's own */
    uint64_t asked_until_ms;  /* what the server asked for at the last failure; 0: nothing */
    uint32_t failures;        /* since the last workqueue_forget() */
    bool is_queued;           /* in the ready list */
    bool is_processing;       /* between take and done */
    bool is_dirty;            /* added while processing: goes back to the ready list when done */
};

struct workqueue {
    struct map items;      /* key -> struct item, owned */
    struct heap waiting;   /* items by due time */
    struct item *first;    /* ready list, oldest first; NULL when empty */
    struct item *last;     /* its end */
    size_t ready;          /* items in the ready list */
    size_t processing;     /* items being processed */
    uint64_t bucket_at_ms; /* when the bucket will be full again: each retry moves it on by one
                              interval */
};

#define WAITING_ITEM(node_) \
    ((struct item *)(void *)((char *)(node_)-offsetof(struct item, waiting)))

struct workqueue *workqueue_new(size_t keys_max, struct err *err)
{
    struct workqueue *q = mem_calloc(1, sizeof(*q));

    if (!q) {
        err_nomem(err);
        return NULL;
    }
    map_init(&q->items, keys_max);
    heap_init(&q->waiting, keys_max);
    return q;
}

void workqueue_free(struct workqueue *q)
{
    if (!q)
        return;
    for (struct map_entry *e = map_first(&q->items); e; e = map_next(e))
        mem_free(map_entry_value(e));
    map_done(&q->items);
    heap_done(&q->waiting);
    mem_free(q);
}

static struct item *item_new(struct workqueue *q, const char *key, struct err *err)
{
    size_t len = strlen(key);
    struct item *item;

    if (len > WORKQUEUE_KEY_LEN_MAX) {
        err_set(err, ERR_LIMIT, "work queue: a key of %zu bytes; at most %d", len,
                WORKQUEUE_KEY_LEN_MAX);
        return NULL;
    }
    item = mem_calloc(1, sizeof(*item));
    if (!item) {
        err_nomem(err);
        return NULL;
    }
    if (map_put(&q->items, key, item, NULL, err) < 0) {
        err_wrap(err, "work queue");
        MEM_FREE_NULL(item);
        return NULL;
    }
    item->key = map_key(&q->items, key);
    return item;
}

/* The item of @key, made when it is not known yet. */
static struct item *item_need(struct workqueue *q, const char *key, struct err *err)
{
    struct item *item = map_get(&q->items, key);

    return item ? item : item_new(q, key, err);
}

/* Forgets an item that nothing holds any more. */
static void item_release(struct workqueue *q, struct item *item)
{
    if (item->is_queued || item->is_processing || item->failures > 0 || heap_has(&item->waiting))
        return;
    assert(!item->is_dirty);
    map_remove(&q->items, item->key);
    mem_free(item);
}

static void ready_push(struct workqueue *q, struct item *item)
{
    assert(!item->is_queued && !item->is_processing);
    item->is_queued = true;
    item->next = NULL;
    if (q->last)
        q->last->next = item;
    else
        q->first = item;
    q->last = item;
    q->ready++;
}

static struct item *ready_pop(struct workqueue *q)
{
    struct item *item = q->first;

    if (!item)
        return NULL;
    assert(item->is_queued && q->ready > 0);
    q->first = item->next;
    if (!q->first)
        q->last = NULL;
    item->next = NULL;
    item->is_queued = false;
    q->ready--;
    return item;
}

static void item_add(struct workqueue *q, struct item *item)
{
    if (item->is_processing)
        item->is_dirty = true;
    else if (!item->is_queued)
        ready_push(q, item);
}

int workqueue_add(struct workqueue *q, const char *key, struct err *err)
{
    struct item *item = item_need(q, key, err);

    if (!item)
        return -1;
    item_add(q, item);
    return 0;
}

static int item_wait(struct workqueue *q, struct item *item, uint64_t due_ms, struct err *err)
{
    if (!heap_has(&item->waiting))
        return heap_add(&q->waiting, &item->waiting, due_ms, err);
    if (due_ms < item->waiting.due_ms)
        heap_move(&q->waiting, &item->waiting, due_ms);
    return 0;
}

int workqueue_add_at(struct workqueue *q, const char *key, uint64_t due_ms, struct err *err)
{
    struct item *item = item_need(q, key, err);

    if (!item)
        return -1;
    if (item_wait(q, item, due_ms, err) < 0) {
        item_release(q, item);
        return err_wrap(err, "work queue");
    }
    return 0;
}

/*
 * Token bucket as in golang.org/x/time/rate: Reserve() takes a token that may lie in the future.
 * While @bucket_at_ms is at most a burst ahead there are tokens left.
 */
static uint64_t bucket_due(const struct workqueue *q, uint64_t now_ms)
{
    const uint64_t ahead_max_ms = (WORKQUEUE_BUCKET_BURST - 1) * BUCKET_INTERVAL_MS;

    return q->bucket_at_ms > now_ms + ahead_max_ms ? q->bucket_at_ms - ahead_max_ms : now_ms;
}

static void bucket_take(struct workqueue *q, uint64_t now_ms)
{
    if (q->bucket_at_ms < now_ms)
        q->bucket_at_ms = now_ms;
    q->bucket_at_ms += BUCKET_INTERVAL_MS;
}

int workqueue_add_failed(struct workqueue *q, const char *key, uint64_t now_ms,
                         uint32_t at_least_ms, struct err *err)
{
    struct item *item = item_need(q, key, err);
    struct backoff backoff;
    uint64_t due_ms, bucket_ms = bucket_due(q, now_ms);

    if (!item)
        return -1;
    backoff_init(&backoff, &backoff_workqueue);
    backoff.attempt = item->failures;
    due_ms = now_ms + backoff_next(&backoff, now_ms, at_least_ms, NULL);
    if (item_wait(q, item, due_ms > bucket_ms ? due_ms : bucket_ms, err) < 0) {
        item_release(q, item);
        return err_wrap(err, "work queue");
    }
    bucket_take(q, now_ms);
    item->failures = backoff.attempt;
    item->asked_until_ms = at_least_ms > 0 ? now_ms + at_least_ms : 0;
    return 0;
}

void workqueue_forget(struct workqueue *q, const char *key)
{
    struct item *item = map_get(&q->items, key);

    if (!item)
        return;
    item->failures = 0;
    item_release(q, item);
}

void workqueue_wake(struct workqueue *q, uint64_t now_ms)
{
    for (struct map_entry *e = map_first(&q->items); e; e = map_next(e)) {
        struct item *item = map_entry_value(e);

        if (item->failures == 0 || !heap_has(&item->waiting) || item->asked_until_ms > now_ms)
            continue;
        heap_remove(&q->waiting, &item->waiting);
        item_add(q, item);
    }
    q->bucket_at_ms = 0;
}

uint32_t workqueue_failures(const struct workqueue *q, const char *key)
{
    const struct item *item = map_get(&q->items, key);

    return item ? item->failures : 0;
}

/* What is due by now goes to the end of the ready list. */
static void collect_due(struct workqueue *q, uint64_t now_ms)
{
    struct heap_node *node;

    while ((node = heap_peek(&q->waiting)) && node->due_ms <= now_ms) {
        heap_remove(&q->waiting, node);
        item_add(q, WAITING_ITEM(node));
    }
}

const char *workqueue_take(struct workqueue *q, uint64_t now_ms)
{
    struct item *item;

    collect_due(q, now_ms);
    item = ready_pop(q);
    if (!item)
        return NULL;
    assert(!item->is_processing && !item->is_dirty);
    item->is_processing = true;
    q->processing++;
    return item->key;
}

void workqueue_done(struct workqueue *q, const char *key)
{
    struct item *item = map_get(&q->items, key);

    if (!item || !item->is_processing)
        return;
    item->is_processing = false;
    q->processing--;
    if (item->is_dirty) {
        item->is_dirty = false;
        ready_push(q, item);
    }
    item_release(q, item);
}

uint64_t workqueue_deadline(const struct workqueue *q, uint64_t now_ms)
{
    const struct heap_node *node = heap_peek(&q->waiting);

    if (q->ready > 0 || (node && node->due_ms <= now_ms))
        return 0;
    return node ? node->due_ms : UINT64_MAX;
}

size_t workqueue_ready(const struct workqueue *q)
{
    return q->ready;
}

size_t workqueue_processing(const struct workqueue *q)
{
    return q->processing;
}

size_t workqueue_keys(const struct workqueue *q)
{
    return map_count(&q->items);
}
