#include "rampart/sync/store.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/rv.h"
#include "rampart/sync/index.h"

/* Bounds the decoding of hostile input; what comes out is held against STORE_OBJECT_LEN_MAX. */
#define SCRATCH_USED_MAX ((size_t)64 * 1024 * 1024)

/* One object: this header and its bytes are a single allocation. */
struct entry {
    struct object *object;    /* within @bytes */
    struct entry *next_swept; /* only while a sweep tells of the dead */
    uint32_t generation;      /* of the last sync that saw it; 0: none yet */
    uint32_t len;             /* of @bytes */
    bool is_ahead;            /* the answer to a write; the watch has not caught up with it */
    alignas(max_align_t) char bytes[];
};

struct store {
    enum kind kind;
    store_change_fn on_change;       /* NULL: nobody is told */
    void *ctx;                       /* for on_change; borrowed */
    struct index index;              /* struct entry; owned */
    size_t blocks_len;               /* bytes of all entries */
    uint32_t generation;             /* of the running or last sync; 0: none yet */
    bool is_syncing;                 /* between begin and end */
    bool is_blind;                   /* this sync met an object without a name: it must not sweep */
    bool is_telling;                 /* on_change runs: no writes */
    char watched_rv[RV_LEN_MAX + 1]; /* the watch has told everything up to here; "" not known */
    struct arena scratch;            /* of one call */
};

static const char *entry_name(const void *item)
{
    return ((const struct entry *)item)->object->name;
}

struct store *store_new(enum kind kind, size_t objects_max, store_change_fn on_change, void *ctx,
                        struct err *err)
{
    struct store *s = mem_calloc(1, sizeof(*s));

    assert(objects_max <= STORE_OBJECTS_MAX);
    if (!s) {
        err_nomem(err);
        return NULL;
    }
    s->kind = kind;
    s->on_change = on_change;
    s->ctx = ctx;
    index_init(&s->index, entry_name, objects_max);
    arena_init(&s->scratch, SCRATCH_USED_MAX);
    return s;
}

static void free_item(void *ctx, void *item)
{
    (void)ctx;
    mem_free(item);
}

void store_free(struct store *s)
{
    if (!s)
        return;
    assert(!s->is_telling);
    index_each(&s->index, NULL, free_item, NULL);
    index_done(&s->index);
    arena_done(&s->scratch);
    mem_free(s);
}

static void tell(struct store *s, const struct entry *before, const struct entry *after)
{
    assert(!s->is_telling && (before || after));
    if (!s->on_change)
        return;
    s->is_telling = true;
    s->on_change(s->ctx, before ? before->object : NULL, after ? after->object : NULL);
    s->is_telling = false;
}

/* The entry is no longer in the index. */
static void bury(struct store *s, struct entry *entry)
{
    assert(s->blocks_len >= sizeof(*entry) + entry->len);
    s->blocks_len -= sizeof(*entry) + entry->len;
    mem_free(entry);
}

static void entry_remove(struct store *s, struct entry *entry, const struct index_place *place)
{
    index_remove(&s->index, place);
    tell(s, entry, NULL);
    bury(s, entry);
}

static int name_object(const struct object *object, struct err *err)
{
    return err_wrap(err, "%s %s%s%s", resource_of(object->kind)->name, object->ns,
                    *object->ns ? "/" : "", object->name);
}

static size_t len_max(enum kind kind)
{
    return kind == KIND_NETWORK_POLICY ? STORE_NETPOL_LEN_MAX : STORE_OBJECT_LEN_MAX;
}

/* Decodes twice: the scratch arena measures, then one exact block receives. NULL with 0: nothing in
 * it concerns us. */
static int entry_new(struct store *s, const json_t *root, struct entry **ret_entry, struct err *err)
{
    enum decode_result result;
    struct object *object;
    struct entry *entry;
    struct arena block;
    size_t len;

    *ret_entry = NULL;
    arena_reset(&s->scratch);
    if (object_decode(s->kind, root, &s->scratch, &result, &object, err) < 0)
        return -1;
    if (result == DECODE_SKIP)
        return 0;
    len = s->scratch.used;
    if (len > len_max(s->kind)) {
        err_set(err, ERR_INVALID, "takes %zu bytes; at most %zu", len, len_max(s->kind));
        return name_object(object, err);
    }
    entry = mem_alloc(sizeof(*entry) + len);
    if (!entry)
        return err_nomem(err);
    *entry = (struct entry){.len = (uint32_t)len};
    arena_init_fixed(&block, entry->bytes, len);
    if (object_decode(s->kind, root, &block, &result, &object, err) < 0) {
        mem_free(entry);
        return -1;
    }
    assert(result == DECODE_KEEP && block.used == len);
    entry->object = object;
    *ret_entry = entry;
    return 0;
}

/* Puts the decoded object in the place of @held (NULL: there was none). */
static int replace(struct store *s, struct entry *held, const struct index_place *place,
                   const json_t *root, bool is_answer, struct err *err)
{
    struct entry *entry;

    if (entry_new(s, root, &entry, err) < 0)
        return -1;
    if (!entry) {
        if (held)
            entry_remove(s, held, place);
        return 0;
    }
    entry->is_ahead = is_answer;
    /* What was ours stays ours for as long as its uid lives, whatever marks a tenant strips off. */
    if (held && held->object->is_ours && strcmp(held->object->uid, entry->object->uid) == 0)
        entry->object->is_ours = true;
    entry->generation = s->generation;
    if (is_answer) /* an answer is no sighting */
        entry->generation = held ? held->generation : 0;
    if (held) {
        index_replace(&s->index, place, entry);
    } else if (index_insert(&s->index, entry->object->ns, entry, err) < 0) {
        name_object(entry->object, err);
        mem_free(entry);
        return -1;
    }
    s->blocks_len += sizeof(*entry) + entry->len;
    tell(s, held, entry);
    if (held)
        bury(s, held);
    return 0;
}

/* Name, uid and resourceVersion, in the scratch arena: good until the next decoding. */
static int decode_meta(struct store *s, const json_t *root, struct object *ret_meta,
                       struct err *err)
{
    assert(!s->is_telling);
    arena_reset(&s->scratch);
    if (object_decode_meta(s->kind, root, &s->scratch, ret_meta, err) < 0)
        return -1;
    if (*ret_meta->name == '\0' || (resource_of(s->kind)->is_namespaced && *ret_meta->ns == '\0'))
        return err_set(err, ERR_INVALID, "%s: an object without a name",
                       resource_of(s->kind)->name);
    return 0;
}

static bool is_same(const struct entry *held, const struct object *meta)
{
    return strcmp(held->object->rv, meta->rv) == 0 && strcmp(held->object->uid, meta->uid) == 0;
}

/* In the initial events of a watch resourceVersions come in no order: there only the end of the
 * sync tells. */
static void note_watched(struct store *s, const char *rv)
{
    if (!s->is_syncing)
        memcpy(s->watched_rv, rv, strlen(rv) + 1);
}

void store_begin_sync(struct store *s)
{
    assert(!s->is_telling && s->generation < UINT32_MAX);
    s->generation++;
    s->is_syncing = true;
    s->is_blind = false;
}

struct sweep {
    const struct store *store;
    struct entry **end; /* where the next of the dead is linked */
};

static bool survives(void *ctx, void *item)
{
    struct sweep *sweep = ctx;
    struct entry *entry = item;

    if (entry->generation == sweep->store->generation)
        return true;
    if (entry->is_ahead && rv_compare(entry->object->rv, sweep->store->watched_rv) == RV_NEWER)
        return true;
    *sweep->end = entry;
    sweep->end = &entry->next_swept;
    return false;
}

void store_end_sync(struct store *s, const char *rv)
{
    struct entry *dead = NULL;
    struct sweep sweep = {.store = s, .end = &dead};

    assert(s->is_syncing && !s->is_telling && strlen(rv) <= RV_LEN_MAX);
    s->is_syncing = false;
    note_watched(s, rv);
    if (!s->is_blind)
        index_filter(&s->index, survives, &sweep);
    *sweep.end = NULL;
    while (dead) { /* the index is whole again: whoever is told may read it */
        struct entry *next = dead->next_swept;

        tell(s, dead, NULL);
        bury(s, dead);
        dead = next;
    }
    arena_done(
        &s->scratch); /* a sync meets the largest objects; what comes after is one at a time */
    arena_init(&s->scratch, SCRATCH_USED_MAX);
}

int store_observe(struct store *s, const json_t *root, struct err *err)
{
    struct object meta;
    struct index_place place = {0};
    struct entry *held;

    if (decode_meta(s, root, &meta, err) < 0) {
        store_observe_unreadable(s);
        return -1;
    }
    note_watched(s, meta.rv);
    held = index_find(&s->index, meta.ns, meta.name, &place);
    if (held) {
        held->generation = s->generation; /* also when it does not decode: it is there */
        if (held->is_ahead && rv_compare(meta.rv, held->object->rv) == RV_OLDER)
            return 0;
        if (is_same(held, &meta)) {
            held->is_ahead = false;
            return 0;
        }
    }
    return replace(s, held, &place, root, false, err);
}

void store_observe_unreadable(struct store *s)
{
    s->is_blind = true;
}

int store_observe_deleted(struct store *s, const json_t *root, struct err *err)
{
    struct object meta;
    struct index_place place;
    struct entry *held;

    if (decode_meta(s, root, &meta, err) < 0)
        return -1;
    note_watched(s, meta.rv);
    held = index_find(&s->index, meta.ns, meta.name, &place);
    if (held && strcmp(held->object->uid, meta.uid) == 0 &&
        rv_compare(held->object->rv, meta.rv) != RV_NEWER)
        entry_remove(s, held, &place);
    return 0;
}

static bool is_newer(const char *rv, const char *than)
{
    enum rv_order order = rv_compare(rv, than);

    return order == RV_NEWER || order == RV_UNKNOWN;
}

int store_put(struct store *s, const char *json, size_t len, struct err *err)
{
    json_auto_t *root = json_decode(json, len, err);
    struct object meta;
    struct index_place place = {0};
    struct entry *held;

    if (!root || decode_meta(s, root, &meta, err) < 0)
        return -1;
    held = index_find(&s->index, meta.ns, meta.name, &place);
    if (*s->watched_rv && !is_newer(meta.rv, s->watched_rv))
        return 0;
    if (held && (is_same(held, &meta) || !is_newer(meta.rv, held->object->rv)))
        return 0;
    return replace(s, held, &place, root, true, err);
}

void store_delete(struct store *s, const char *ns, const char *name, const char *uid)
{
    struct index_place place;
    struct entry *held = index_find(&s->index, ns, name, &place);

    assert(!s->is_telling);
    if (held && (!uid || strcmp(held->object->uid, uid) == 0))
        entry_remove(s, held, &place);
}

const struct object *store_get(const struct store *s, const char *ns, const char *name)
{
    struct index_place place;
    const struct entry *entry = index_find(&s->index, ns, name, &place);

    return entry ? entry->object : NULL;
}

static void list_item(void *ctx, void *item)
{
    const struct object ***to = ctx;

    *(*to)++ = ((const struct entry *)item)->object;
}

int store_list(const struct store *s, const char *ns, struct arena *a, struct object_list *ret_list,
               struct err *err)
{
    size_t count = index_count(&s->index, ns);
    const struct object **items = arena_calloc(a, count, sizeof(struct object *));
    const struct object **to = items;

    if (!items)
        return err_nomem(err);
    index_each(&s->index, ns, list_item, &to);
    assert(to == items + count);
    *ret_list = (struct object_list){.items = items, .count = count};
    return 0;
}

size_t store_count(const struct store *s)
{
    return s->index.count;
}

size_t store_bytes(const struct store *s)
{
    return s->blocks_len + index_bytes(&s->index);
}

bool store_is_syncing(const struct store *s)
{
    return s->is_syncing;
}
