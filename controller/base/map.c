#include "rampart/base/map.h"

#include <assert.h>
#include <string.h>

#define BUCKETS_MIN 8u
#define ENTRIES_A_BUCKET 2u /* on average; with more there are twice as many buckets */

/* One for every record that is kept by name: it is small, and one block with its key. */
struct map_entry {
    struct map_entry *next;   /* in its bucket */
    struct map_entry *before; /* by age; NULL: it is the oldest */
    struct map_entry *after;  /* NULL: it is the newest */
    void *value;              /* borrowed */
    char key[];               /* NUL-terminated */
};

static_assert(sizeof(struct map_entry) == 32, "as the header says");

static uint64_t seeds[2] = {0x736f6d6570736575, 0x646f72616e646f6d};

/* One step of splitmix64: spreads the seed over both words of the key. */
static uint64_t spread(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

void map_seed(uint32_t seed)
{
    seeds[0] = spread(seed + 0x9E3779B97F4A7C15);
    seeds[1] = spread(seed + 0x3C6EF372FE94F82A);
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

/*
 * Keys come from tenants: SipHash-1-3, which has no collisions that hold for every seed
 * (https://www.aumasson.jp/siphash/siphash.pdf), folded to the bits that a bucket needs.
 */
static uint64_t hash_of(const char *key)
{
    uint64_t v[4] = {seeds[0] ^ 0x736f6d6570736575, seeds[1] ^ 0x646f72616e646f6d,
                     seeds[0] ^ 0x6c7967656e657261, seeds[1] ^ 0x7465646279746573};
    size_t len = strlen(key);
    uint64_t word;
    size_t i;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&word, key + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    memcpy(&word, key + i, len - i);
    word |= (uint64_t)len << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xFF;
    for (int rounds = 0; rounds < 3; rounds++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- Buckets ---- */

static struct map_entry **bucket_of(const struct map *m, const char *key)
{
    return &m->buckets[hash_of(key) & (m->buckets_count - 1)];
}

/* The link that leads to the entry of @key. NULL: there is none. */
static struct map_entry **link_to(const struct map *m, const char *key)
{
    if (m->count == 0)
        return NULL;
    for (struct map_entry **link = bucket_of(m, key); *link; link = &(*link)->next) {
        if (strcmp((*link)->key, key) == 0)
            return link;
    }
    return NULL;
}

static struct map_entry *find(const struct map *m, const char *key)
{
    struct map_entry **link = link_to(m, key);

    return link ? *link : NULL;
}

static void enter_bucket(struct map *m, struct map_entry *entry)
{
    struct map_entry **bucket = bucket_of(m, entry->key);

    entry->next = *bucket;
    *bucket = entry;
}

/* Room for one more. */
static int reserve(struct map *m, struct err *err)
{
    size_t count = m->buckets_count ? m->buckets_count * 2 : BUCKETS_MIN;
    struct map_entry **buckets;

    if (m->count < m->buckets_count * ENTRIES_A_BUCKET)
        return 0;
    buckets = mem_calloc(count, sizeof(struct map_entry *));
    if (!buckets)
        return err_nomem(err);
    mem_free(m->buckets);
    m->buckets = buckets;
    m->buckets_count = count;
    for (struct map_entry *e = m->oldest; e; e = e->after)
        enter_bucket(m, e);
    return 0;
}

/* ---- The map ---- */

void map_init(struct map *m, size_t count_max)
{
    *m = (struct map){.count_max = count_max};
}

void map_done(struct map *m)
{
    struct map_entry *entry, *after;

    if (!m)
        return;
    for (entry = m->oldest; entry; entry = after) {
        after = entry->after;
        mem_free(entry);
    }
    mem_free(m->buckets);
    *m = (struct map){.count_max = m->count_max};
}

/* The youngest, not in a bucket yet. */
static struct map_entry *entry_new(struct map *m, const char *key, void *value)
{
    size_t len = strlen(key);
    struct map_entry *entry = mem_alloc(sizeof(*entry) + len + 1);

    if (!entry)
        return NULL;
    *entry = (struct map_entry){.before = m->newest, .value = value};
    memcpy(entry->key, key, len + 1);
    *(m->newest ? &m->newest->after : &m->oldest) = entry;
    m->newest = entry;
    m->count++;
    return entry;
}

int map_put(struct map *m, const char *key, void *value, void **ret_old, struct err *err)
{
    struct map_entry *entry = find(m, key);

    if (entry) {
        if (ret_old)
            *ret_old = entry->value;
        entry->value = value;
        return 0;
    }
    if (m->count >= m->count_max)
        return err_set(err, ERR_LIMIT, "more than %zu entries", m->count_max);
    if (reserve(m, err) < 0)
        return -1;
    entry = entry_new(m, key, value);
    if (!entry)
        return err_nomem(err);
    enter_bucket(m, entry);
    if (ret_old)
        *ret_old = NULL;
    return 0;
}

void *map_get(const struct map *m, const char *key)
{
    struct map_entry *entry = find(m, key);

    return entry ? entry->value : NULL;
}

void *map_remove(struct map *m, const char *key)
{
    struct map_entry **link = link_to(m, key);
    struct map_entry *entry;
    void *value;

    if (!link)
        return NULL;
    entry = *link;
    value = entry->value;
    *link = entry->next;
    *(entry->before ? &entry->before->after : &m->oldest) = entry->after;
    *(entry->after ? &entry->after->before : &m->newest) = entry->before;
    mem_free(entry);
    m->count--;
    if (m->count == 0) { /* what is empty holds nothing */
        MEM_FREE_NULL(m->buckets);
        m->buckets_count = 0;
    }
    return value;
}

const char *map_key(const struct map *m, const char *key)
{
    const struct map_entry *entry = find(m, key);

    return entry ? entry->key : NULL;
}

size_t map_count(const struct map *m)
{
    return m->count;
}

struct map_entry *map_first(const struct map *m)
{
    return m->oldest;
}

struct map_entry *map_next(const struct map_entry *e)
{
    return e->after;
}

const char *map_entry_key(const struct map_entry *e)
{
    return e->key;
}

void *map_entry_value(const struct map_entry *e)
{
    return e->value;
}
