#include "rampart/sync/hardenings.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rampart/kube/plan.h"
#include "rampart/sync/postures.h"

#define SAID_BYTES_MAX (8u * 1024) /* of one finding; its bounded texts do not reach it */

static_assert(sizeof(struct hardening) <= 88, "as the header says");

struct hardening_said { /* its texts lie in its block */
    const char *rule, *message, *manager;
    uint8_t reason;
    bool is_warning, counts_as_failed, is_about_profile;
};

void hardenings_init(struct hardenings *h, size_t count_max)
{
    map_init(&h->records, count_max);
    map_init(&h->profiles, count_max); /* each has a record */
    arena_init(&h->scratch, SAID_BYTES_MAX);
}

static void free_profile(struct hardening_profile *p)
{
    mem_free(p->pause);
    mem_free(p);
}

void hardenings_done(struct hardenings *h)
{
    for (struct map_entry *e = map_first(&h->records); e; e = map_next(e)) {
        struct hardening *r = map_entry_value(e);

        mem_free(r->finding);
        mem_free(r);
    }
    for (struct map_entry *e = map_first(&h->profiles); e; e = map_next(e))
        free_profile(map_entry_value(e));
    map_done(&h->records);
    map_done(&h->profiles);
    arena_done(&h->scratch);
}

/* ---- Sums ---- */

static uint32_t *sum_of(struct harden_turns *t, enum harden_state state, bool is_idle)
{
    switch (state) {
    case HARDEN_WAITS:
        return &t->waiting;
    case HARDEN_RUNS:
        return is_idle ? NULL : &t->running;
    case HARDEN_PROVEN:
        return &t->proven;
    case HARDEN_FAILED:
        return &t->failed;
    case HARDEN_CONTESTED:
        return &t->contested;
    default:
        return NULL;
    }
}

/* @by is 1, or its negative: unsigned numbers wrap, and so go down. True: something was counted. */
static bool count(const struct hardening *r, uint32_t by)
{
    uint32_t *sum = r->profile ? sum_of(&r->profile->turns, r->state, r->is_idle) : NULL;

    if (sum)
        *sum += by;
    return sum;
}

/* Whether somebody else of the profile may have a turn, or nobody any more, once the record is no
 * longer, or newly, counted. */
static bool matters(const struct hardening *r)
{
    switch (r->state) {
    case HARDEN_WAITS:
    case HARDEN_RUNS:
        return !r->is_idle;
    default:
        return r->state == HARDEN_FAILED;
    }
}

static void end_turn(struct hardening *r)
{
    struct hardening_profile *p = r->profile;

    if (!r->has_turn)
        return;
    r->has_turn = false;
    p->turns_out--;
    p->is_dirty |= !r->is_idle || p->turns_out <= HARDENING_TURNS_OUT_MAX / 2;
}

static void enter(struct hardening *r)
{
    (void)count(r, 1);
    if (!r->profile)
        return;
    r->profile->records_count++;
    r->profile->is_dirty |= matters(r);
}

/* The profile may be unused after that. */
static void leave(struct hardening *r)
{
    end_turn(r);
    (void)count(r, UINT32_MAX);
    if (!r->profile)
        return;
    r->profile->records_count--;
    r->profile->is_dirty |= matters(r);
}

bool hardening_set_state(struct hardening *r, enum harden_state state, bool is_idle)
{
    bool is_news = r->state != state || r->is_idle != is_idle;
    bool was_counted, is_counted, did_matter = matters(r);

    if (!is_news)
        return false;
    was_counted = count(r, UINT32_MAX);
    r->state = (uint8_t)state;
    r->is_idle = is_idle;
    is_counted = count(r, 1);
    if (r->profile)
        r->profile->is_dirty |= did_matter || matters(r) || state == HARDEN_WAITS;
    return was_counted || is_counted;
}

void hardening_give_turn(struct hardening *r)
{
    assert(r->profile && r->state == HARDEN_WAITS && !r->has_turn);
    r->has_turn = true;
    r->profile->turns_out++;
}

void hardening_end_turn(struct hardening *r)
{
    end_turn(r);
}

void hardening_rest(struct hardening *r)
{
    end_turn(r);
    r->is_resting = true;
}

void hardening_wake(struct hardening *r)
{
    if (r->is_resting && r->profile)
        r->profile->is_dirty = true;
    r->is_resting = false;
}

/* ---- Profiles ---- */

struct hardening_profile *hardenings_profile(const struct hardenings *h, const char *profile)
{
    return map_get(&h->profiles, profile);
}

static struct hardening_profile *need_profile(struct hardenings *h, const char *name,
                                              struct err *err)
{
    struct hardening_profile *p = hardenings_profile(h, name);
    size_t len = strlen(name);

    if (p)
        return p;
    p = mem_calloc(1, sizeof(*p) + len + 1);
    if (!p) {
        err_nomem(err);
        return NULL;
    }
    memcpy(p->name, name, len + 1);
    p->turns.message = "";
    if (map_put(&h->profiles, name, p, NULL, err) < 0)
        MEM_FREE_NULL(p);
    return p;
}

static void drop_if_unused(struct hardenings *h, struct hardening_profile *p)
{
    if (p && p->records_count == 0)
        free_profile(map_remove(&h->profiles, p->name));
}

int hardening_pause(struct hardening_profile *p, const char *message, int64_t generation,
                    const char *uid, struct err *err)
{
    char *copy = mem_strdup(message);

    if (!copy)
        return err_nomem(err);
    mem_free(p->pause);
    p->pause = copy;
    p->pause_generation = generation;
    (void)snprintf(p->pause_uid, sizeof(p->pause_uid), "%s", uid);
    p->turns.is_paused = true;
    p->turns.message = copy;
    return 0;
}

void hardening_end_pause(struct hardening_profile *p)
{
    MEM_FREE_NULL(p->pause);
    p->turns.is_paused = false;
    p->turns.message = "";
}

/* ---- Records ---- */

struct hardening *hardenings_get(const struct hardenings *h, const char *key)
{
    return map_get(&h->records, key);
}

static struct hardening *need_record(struct hardenings *h, const char *key, struct err *err)
{
    struct hardening *r = hardenings_get(h, key);

    if (r)
        return r;
    r = mem_calloc(1, sizeof(*r));
    if (!r) {
        err_nomem(err);
        return NULL;
    }
    if (map_put(&h->records, key, r, NULL, err) < 0)
        MEM_FREE_NULL(r);
    return r;
}

struct hardening *hardenings_need(struct hardenings *h, const char *key, const char *profile,
                                  struct err *err)
{
    struct hardening_profile *p = profile ? need_profile(h, profile, err) : NULL;
    struct hardening_profile *before;
    struct hardening *r;

    if (profile && !p)
        return NULL;
    r = need_record(h, key, err);
    if (!r) {
        drop_if_unused(h, p);
        return NULL;
    }
    before = r->profile;
    if (before == p)
        return r;
    leave(r);
    r->profile = p;
    enter(r);
    drop_if_unused(h, before);
    return r;
}

void hardenings_forget(struct hardenings *h, const char *key)
{
    struct hardening *r = map_remove(&h->records, key);

    if (!r)
        return;
    leave(r);
    drop_if_unused(h, r->profile);
    mem_free(r->finding);
    mem_free(r);
}

size_t hardenings_count(const struct hardenings *h)
{
    return map_count(&h->records);
}

/* ---- Findings ---- */

/* Cuts between characters. */
static size_t cut_len(const char *text)
{
    size_t len = HARDENING_TEXT_MAX - 3;

    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

static bool own(struct arena *a, const char **text)
{
    if (!*text)
        return true;
    if (strnlen(*text, HARDENING_TEXT_MAX + 1) <= HARDENING_TEXT_MAX)
        *text = arena_strdup(a, *text);
    else
        *text = arena_printf(a, "%.*s...", (int)cut_len(*text), *text);
    return *text;
}

/* All in @a and always the same bytes, so that it can be measured first. NULL: no room. */
static struct hardening_said *compose(struct arena *a, const struct finding *finding)
{
    struct hardening_said *said = arena_alloc(a, sizeof(*said));

    if (!said)
        return NULL;
    *said = (struct hardening_said){
        .rule = finding->rule,
        .message = finding->message,
        .manager = finding->manager,
        .reason = (uint8_t)finding->reason,
        .is_warning = finding->is_warning,
        .counts_as_failed = finding->counts_as_failed,
        .is_about_profile = finding->is_about_profile,
    };
    return own(a, &said->rule) && own(a, &said->message) && own(a, &said->manager) ? said : NULL;
}

static struct hardening_said *said_new(struct hardenings *h, const struct finding *finding,
                                       struct err *err)
{
    struct hardening_said *said = NULL;
    struct arena exact;
    void *block = NULL;

    arena_reset(&h->scratch);
    if (compose(&h->scratch, finding))
        block = mem_alloc(h->scratch.used);
    if (!block) {
        err_nomem(err);
        return NULL;
    }
    arena_init_fixed(&exact, block, h->scratch.used);
    said = compose(&exact, finding);
    assert((void *)said == block);
    return said;
}

static bool same_text(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

static bool same_said(const struct hardening_said *one, const struct hardening_said *other)
{
    return one->reason == other->reason && one->is_warning == other->is_warning &&
           one->counts_as_failed == other->counts_as_failed &&
           one->is_about_profile == other->is_about_profile && same_text(one->rule, other->rule) &&
           same_text(one->message, other->message) && same_text(one->manager, other->manager);
}

int hardenings_say(struct hardenings *h, struct hardening *r, const struct finding *finding,
                   bool *ret_changed, struct err *err)
{
    struct hardening_said *said = NULL;

    *ret_changed = false;
    if (!finding && !r->finding)
        return 0;
    if (finding) {
        said = said_new(h, finding, err);
        if (!said)
            return -1;
    }
    if (said && r->finding && same_said(said, r->finding)) {
        mem_free(said);
        return 0;
    }
    mem_free(r->finding);
    r->finding = said;
    *ret_changed = true;
    return 0;
}

struct finding *hardening_finding(const struct hardening *r, const struct object *object,
                                  struct arena *a)
{
    struct finding *finding = arena_alloc(a, sizeof(*finding));
    const struct hardening_said *said = r->finding;

    assert(said);
    if (!finding)
        return NULL;
    *finding = (struct finding){
        .reason = (enum reason)said->reason,
        .is_warning = said->is_warning,
        .counts_as_failed = said->counts_as_failed,
        .is_about_profile = said->is_about_profile,
        .object = {object->kind, object->ns, object->name, object->uid},
        .rule = said->rule,
        .message = said->message,
        .manager = said->manager,
        .profile = r->profile ? r->profile->name : NULL,
    };
    return finding;
}

bool hardenings_told(const struct hardenings *h, const char *profile, const char **ret_keys,
                     size_t count_max, size_t *ret_count)
{
    const struct hardening_profile *p = hardenings_profile(h, profile);
    bool has_more = false;

    *ret_count = 0;
    for (struct map_entry *e = p ? map_first(&h->records) : NULL; e; e = map_next(e)) {
        const struct hardening *r = map_entry_value(e);

        if (r->profile == p && r->finding)
            has_more |= posture_keys_keep(ret_keys, ret_count, count_max, map_entry_key(e));
    }
    return has_more;
}
