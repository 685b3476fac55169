#include "rampart/sync/event_budget.h"

#include <string.h>

#define KEY_LEN_MAX (2 * NAME_LEN_MAX + 16)

struct bucket {
    struct heap_node node; /* due when the bucket is full */
    char key[];            /* owned */
};

static struct bucket *bucket_of(struct heap_node *node)
{
    return (struct bucket *)(void *)((char *)node - offsetof(struct bucket, node));
}

static void bucket_forget(struct event_budget *b, struct bucket *bucket)
{
    heap_remove(&b->by_full, &bucket->node);
    map_remove(&b->buckets, bucket->key);
    mem_free(bucket);
}

static struct bucket *bucket_new(struct event_budget *b, const char *key, uint64_t now_ms)
{
    size_t len = strlen(key);
    struct bucket *bucket = mem_calloc(1, sizeof(*bucket) + len + 1);

    if (!bucket)
        return NULL;
    memcpy(bucket->key, key, len + 1);
    if (map_put(&b->buckets, key, bucket, NULL, NULL) < 0) {
        mem_free(bucket);
        return NULL;
    }
    if (heap_add(&b->by_full, &bucket->node, now_ms, NULL) < 0) {
        bucket_forget(b, bucket);
        return NULL;
    }
    return bucket;
}

/* Drops what is full, and the fullest when there is no room for one more. */
static void make_room(struct event_budget *b, uint64_t now_ms)
{
    struct heap_node *fullest;

    while ((fullest = heap_peek(&b->by_full)) &&
           (fullest->due_ms <= now_ms || map_count(&b->buckets) >= EVENT_BUDGET_OBJECTS_MAX))
        bucket_forget(b, bucket_of(fullest));
}

void event_budget_init(struct event_budget *b, uint32_t burst, uint32_t refill_ms)
{
    *b = (struct event_budget){.burst = burst, .refill_ms = refill_ms};
    map_init(&b->buckets, EVENT_BUDGET_OBJECTS_MAX);
    heap_init(&b->by_full, EVENT_BUDGET_OBJECTS_MAX);
}

void event_budget_done(struct event_budget *b)
{
    struct heap_node *node;

    while ((node = heap_peek(&b->by_full)))
        bucket_forget(b, bucket_of(node));
    map_done(&b->buckets);
    heap_done(&b->by_full);
}

bool event_budget_take(struct event_budget *b, const struct object_ref *object, uint64_t now_ms)
{
    AUTO_STRBUF key = {0};
    struct bucket *bucket;
    uint64_t full_ms;

    strbuf_init(&key, KEY_LEN_MAX);
    strbuf_addf(&key, "%u/%s/%s", (unsigned)object->kind, object->ns ? object->ns : "",
                object->name);
    if (!strbuf_is_ok(&key))
        return false;
    bucket = map_get(&b->buckets, key.text);
    if (!bucket) {
        make_room(b, now_ms);
        bucket = bucket_new(b, key.text, now_ms);
    }
    if (!bucket)
        return false;
    full_ms = bucket->node.due_ms > now_ms ? bucket->node.due_ms : now_ms;
    if (full_ms - now_ms > (uint64_t)(b->burst - 1) * b->refill_ms)
        return false;
    heap_move(&b->by_full, &bucket->node, full_ms + b->refill_ms);
    return true;
}

size_t event_budget_objects(const struct event_budget *b)
{
    return map_count(&b->buckets);
}
