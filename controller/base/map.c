#include "rampart/base/map.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Keys come from tenants: SipHash, which has no collisions that hold for every seed. */
static unsigned map_hash(const void *key, size_t len);

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) mem_alloc(size)
#define uthash_free(ptr, size) mem_free(ptr)
#define uthash_nonfatal_oom(entry) (is_out_of_memory = true)
#define HASH_FUNCTION(key, len, ret_hash) ((ret_hash) = map_hash((key), (len)))
#include <uthash.h>

struct map_entry {
    UT_hash_handle hh;
    void *value; /* borrowed */
    char key[];  /* owned, NUL-terminated */
};

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

/* SipHash-1-3, https://www.aumasson.jp/siphash/siphash.pdf, folded to 32 bits. */
static unsigned map_hash(const void *key, size_t len)
{
    uint64_t v[4] = {seeds[0] ^ 0x736f6d6570736575, seeds[1] ^ 0x646f72616e646f6d,
                     seeds[0] ^ 0x6c7967656e657261, seeds[1] ^ 0x7465646279746573};
    const char *bytes = key;
    uint64_t word;
    size_t i;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&word, bytes + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    memcpy(&word, bytes + i, len - i);
    word |= (uint64_t)len << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xFF;
    for (int rounds = 0; rounds < 3; rounds++)
        sip_round(v);
    word = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (unsigned)(word ^ word >> 32);
}

static struct map_entry *find(const struct map *m, const char *key)
{
    struct map_entry *entry;

    HASH_FIND_STR(m->head, key, entry);
    return entry;
}

void map_init(struct map *m, size_t count_max)
{
    assert(count_max <= UINT32_MAX); /* uthash counts in unsigned */
    *m = (struct map){.count_max = count_max};
}

void map_done(struct map *m)
{
    struct map_entry *entry, *next;

    if (!m)
        return;
    entry = m->head;
    HASH_CLEAR(hh, m->head); /* frees the table; the entries still hold each other */
    for (; entry; entry = next) {
        next = entry->hh.next;
        mem_free(entry);
    }
}

int map_put(struct map *m, const char *key, void *value, void **ret_old, struct err *err)
{
    struct map_entry *entry = find(m, key);
    bool is_out_of_memory = false;
    size_t len = strlen(key);

    if (entry) {
        if (ret_old)
            *ret_old = entry->value;
        entry->value = value;
        return 0;
    }
    if (map_count(m) >= m->count_max)
        return err_set(err, ERR_LIMIT, "more than %zu entries", m->count_max);
    entry = mem_alloc(sizeof(*entry) + len + 1);
    if (!entry)
        return err_nomem(err);
    *entry = (struct map_entry){.value = value};
    memcpy(entry->key, key, len + 1);
    HASH_ADD_KEYPTR(hh, m->head, entry->key, len, entry);
    if (is_out_of_memory) {
        mem_free(entry);
        return err_nomem(err);
    }
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
    struct map_entry *entry = find(m, key);
    void *value;

    if (!entry)
        return NULL;
    value = entry->value;
    HASH_DEL(m->head, entry);
    mem_free(entry);
    return value;
}

const char *map_key(const struct map *m, const char *key)
{
    const struct map_entry *entry = find(m, key);

    return entry ? entry->key : NULL;
}

size_t map_count(const struct map *m)
{
    return HASH_COUNT(m->head);
}

struct map_entry *map_first(const struct map *m)
{
    return m->head;
}

struct map_entry *map_next(const struct map_entry *e)
{
    return e->hh.next;
}

const char *map_entry_key(const struct map_entry *e)
{
    return e->key;
}

void *map_entry_value(const struct map_entry *e)
{
    return e->value;
}
