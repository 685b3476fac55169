#include "rampart/sync/postures.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rampart/kube/resource.h"

struct posture_profile {
    size_t records_count; /* it goes with the last of them */
    struct posture_tally tally;
    char name[]; /* with NUL */
};

void postures_init(struct postures *p, size_t count_max)
{
    map_init(&p->records, count_max);
    map_init(&p->profiles, count_max); /* each has a record */
}

static void free_values(struct map *m)
{
    for (struct map_entry *e = map_first(m); e; e = map_next(e))
        mem_free(map_entry_value(e));
    map_done(m);
}

void postures_done(struct postures *p)
{
    free_values(&p->records);
    free_values(&p->profiles);
}

bool posture_key(char ret_key[POSTURE_KEY_LEN_MAX + 1], const struct object *object)
{
    int len = snprintf(ret_key, POSTURE_KEY_LEN_MAX + 1, "%s/%s/%s", object->ns, object->name,
                       resource_of(object->kind)->plural);

    return len > 0 && len <= POSTURE_KEY_LEN_MAX;
}

/* The slash ends a part, and so comes before every other byte. */
static int weight(char c)
{
    return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char)c + 1;
}

int posture_key_order(const char *one, const char *other)
{
    while (*one != '\0' && *one == *other) {
        one++;
        other++;
    }
    return weight(*one) - weight(*other);
}

/* ---- Sums ---- */

static void add_set(uint32_t counts[POSTURE_RULES_MAX], uint64_t set, uint32_t by)
{
    for (; set; set &= set - 1)
        counts[__builtin_ctzll(set)] += by;
}

/* @by is 1, or its negative: unsigned numbers wrap, and so go down. */
static void count(struct posture_tally *t, const struct posture_record *r, uint32_t by)
{
    if (r->is_workload)
        t->states[r->state] += by;
    add_set(t->passing, r->passing, by);
    add_set(t->failing, r->failing, by);
    add_set(t->error, r->error, by);
    add_set(t->exempt, r->exempt, by);
}

static struct posture_record record_for(struct posture_profile *profile,
                                        const struct posture *posture)
{
    return (struct posture_record){
        .profile = profile,
        .passing = posture->passing,
        .failing = posture->failing,
        .error = posture->error,
        .exempt = posture->exempt,
        .drift = posture->drift,
        .state = (uint8_t)posture->state,
        .is_workload = posture->is_workload,
    };
}

void posture_tally_add(struct posture_tally *tally, const struct posture *posture)
{
    struct posture_record r = record_for(NULL, posture);

    count(tally, &r, 1);
}

/* ---- Profiles ---- */

static struct posture_profile *need_profile(struct postures *p, const char *name, struct err *err)
{
    struct posture_profile *profile = map_get(&p->profiles, name);
    size_t len = strlen(name);

    if (profile)
        return profile;
    profile = mem_calloc(1, sizeof(*profile) + len + 1);
    if (!profile) {
        err_nomem(err);
        return NULL;
    }
    memcpy(profile->name, name, len + 1);
    if (map_put(&p->profiles, name, profile, NULL, err) < 0) {
        mem_free(profile);
        return NULL;
    }
    return profile;
}

static void drop_if_unused(struct postures *p, struct posture_profile *profile)
{
    if (profile->records_count == 0)
        mem_free(map_remove(&p->profiles, profile->name));
}

static void enter(struct posture_record *r)
{
    r->profile->records_count++;
    count(&r->profile->tally, r, 1);
}

static void leave(const struct posture_record *r)
{
    r->profile->records_count--;
    count(&r->profile->tally, r, UINT32_MAX);
}

/* ---- Records ---- */

const struct posture_record *postures_get(const struct postures *p, const char *key)
{
    return map_get(&p->records, key);
}

const char *postures_profile(const struct postures *p, const char *key)
{
    const struct posture_record *r = postures_get(p, key);

    return r ? r->profile->name : NULL;
}

bool postures_differ(const struct postures *p, const char *key, const struct posture *posture)
{
    const struct posture_record *r = postures_get(p, key);

    if (!r || posture->state == POSTURE_NONE)
        return r || posture->state != POSTURE_NONE;
    return strcmp(r->profile->name, posture->profile) != 0 || r->state != posture->state ||
           r->is_workload != posture->is_workload || r->passing != posture->passing ||
           r->failing != posture->failing || r->error != posture->error ||
           r->exempt != posture->exempt || r->drift != posture->drift;
}

static struct posture_record *need_record(struct postures *p, const char *key, struct err *err)
{
    struct posture_record *r = map_get(&p->records, key);

    if (r)
        return r;
    r = mem_calloc(1, sizeof(*r));
    if (!r) {
        err_nomem(err);
        return NULL;
    }
    if (map_put(&p->records, key, r, NULL, err) < 0) {
        mem_free(r);
        return NULL;
    }
    return r;
}

int postures_put(struct postures *p, const char *key, const struct posture *posture,
                 struct err *err)
{
    struct posture_profile *profile, *before;
    struct posture_record *r;

    if (posture->state == POSTURE_NONE) {
        postures_forget(p, key);
        return 0;
    }
    assert(posture->profile);
    profile = need_profile(p, posture->profile, err);
    if (!profile)
        return -1;
    r = need_record(p, key, err);
    if (!r) {
        drop_if_unused(p, profile);
        return -1;
    }
    before = r->profile; /* NULL: a new record */
    if (before)
        leave(r);
    *r = record_for(profile, posture);
    enter(r);
    if (before)
        drop_if_unused(p, before);
    return 0;
}

void postures_doubt(struct postures *p, const char *key)
{
    struct posture_record *r = map_get(&p->records, key);

    if (!r)
        return;
    leave(r);
    r->state = POSTURE_FAILED;
    enter(r);
}

void postures_forget(struct postures *p, const char *key)
{
    struct posture_record *r = map_remove(&p->records, key);

    if (!r)
        return;
    leave(r);
    drop_if_unused(p, r->profile);
    mem_free(r);
}

/* ---- What others ask ---- */

size_t postures_count(const struct postures *p)
{
    return map_count(&p->records);
}

void postures_tally(const struct postures *p, const char *profile, struct posture_tally *ret_tally)
{
    const struct posture_profile *found = map_get(&p->profiles, profile);

    *ret_tally = found ? found->tally : (struct posture_tally){.states = {0}};
}

bool posture_keys_keep(const char **keys, size_t *count, size_t count_max, const char *key)
{
    size_t place = *count;
    bool is_full = *count == count_max;

    while (place > 0 && posture_key_order(keys[place - 1], key) > 0)
        place--;
    if (place == count_max)
        return true;
    if (!is_full)
        ++*count;
    for (size_t i = *count - 1; i > place; i--)
        keys[i] = keys[i - 1];
    keys[place] = key;
    return is_full;
}

bool postures_drifted(const struct postures *p, const char *profile, const char **ret_keys,
                      size_t count_max, size_t *ret_count)
{
    const struct posture_profile *found = map_get(&p->profiles, profile);
    bool has_more = false;

    *ret_count = 0;
    for (struct map_entry *e = found ? map_first(&p->records) : NULL; e; e = map_next(e)) {
        const struct posture_record *r = map_entry_value(e);

        if (r->profile == found && (r->state == POSTURE_DRIFTED || r->state == POSTURE_FAILED))
            has_more |= posture_keys_keep(ret_keys, ret_count, count_max, map_entry_key(e));
    }
    return has_more;
}
