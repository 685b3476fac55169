#include "rampart/reconcilers/deny_rollout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/network.h"

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)
/* No deny is watched for longer: a mark that says so was written under another clock. */
#define WATCH_S_MAX 3600

/* Those that count ready pods in their status. */
static const enum kind counting_kinds[] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET, KIND_DAEMON_SET};
#define COUNTING_KINDS (sizeof(counting_kinds) / sizeof(counting_kinds[0]))

struct step {
    const struct deny_input *in;
    struct arena *arena;
    struct deny_mark mark; /* as it is */
    int64_t now_s;
    struct deny_step out;
};

/* With the NUL, so that two texts are not one. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
    while (*text++ != '\0');
    return hash;
}

static void hash_write(uint64_t hash, char ret_hex[17])
{
    (void)snprintf(ret_hex, 17, "%016" PRIx64, hash);
}

static void workload_key(const struct workload_facts *w, char ret_key[17])
{
    hash_write(hash_text(hash_text(FNV_OFFSET, w->object.uid), w->template_digest), ret_key);
}

/* ---- What was ready before ---- */

static int begin(struct step *s, struct err *err)
{
    struct deny_mark mark = {
        .phase = DENY_PROVING,
        .until_s = s->now_s + s->in->profile->network.rollout.deadline_s,
    };

    for (size_t k = 0; k < COUNTING_KINDS; k++) {
        struct object_list list;

        if (view_list(s->in->view, counting_kinds[k], s->in->ns, s->arena, &list, err) < 0)
            return -1;
        if (list.count > 0 && !mark.before) {
            mark.before = arena_calloc(s->arena, DENY_WATCHED_MAX, sizeof(*mark.before));
            if (!mark.before)
                return err_nomem(err);
        }
        for (size_t i = 0; i < list.count && mark.before_count < DENY_WATCHED_MAX; i++) {
            const struct workload_facts *w = OBJECT_AS(workload_facts, list.items[i]);

            if (w->replicas_ready <= 0 || w->object.is_deleting)
                continue;
            workload_key(w, mark.before[mark.before_count].key);
            mark.before[mark.before_count++].ready = w->replicas_ready;
        }
    }
    if (mark.before_count == 0) { /* nothing runs that could break */
        s->out.mark = s->in->deny ? "" : NULL;
        return 0;
    }
    s->out.begins = true;
    s->out.look_again_s = mark.until_s;
    return deny_mark_write(&mark, s->arena, &s->out.mark, err);
}

/* ---- What became of it ---- */

struct toll {
    size_t watched_count;
    size_t unready_count;
    const char *names;
};

static int key_order(const void *key, const void *entry)
{
    return strcmp(key, ((const struct deny_ready *)entry)->key);
}

/* How many ready pods it should have; 0: it does not count. */
static int32_t pods_wanted(const struct deny_mark *mark, const struct workload_facts *w)
{
    const struct deny_ready *before;
    char key[17];

    workload_key(w, key);
    before = bsearch(key, mark->before, mark->before_count, sizeof(*mark->before), key_order);
    if (!before || w->object.is_deleting)
        return 0;
    return before->ready < w->replicas ? before->ready : w->replicas;
}

static int count_one(const struct step *s, const struct workload_facts *w, struct toll *toll,
                     struct err *err)
{
    int32_t wanted = pods_wanted(&s->mark, w);

    if (wanted <= 0)
        return 0;
    toll->watched_count++;
    if ((int64_t)w->replicas_ready * 2 >= wanted)
        return 0;
    if (++toll->unready_count > DENY_NAMED_MAX)
        return 0;
    toll->names =
        arena_printf(s->arena, "%s%s%s %s (%d of %d pods ready)", toll->names ? toll->names : "",
                     toll->names ? ", " : "", resource_of(w->object.kind)->name, w->object.name,
                     (int)w->replicas_ready, (int)wanted);
    return toll->names ? 0 : err_nomem(err);
}

static int count_all(const struct step *s, struct toll *toll, struct err *err)
{
    for (size_t k = 0; k < COUNTING_KINDS; k++) {
        struct object_list list;

        if (view_list(s->in->view, counting_kinds[k], s->in->ns, s->arena, &list, err) < 0)
            return -1;
        for (size_t i = 0; i < list.count; i++) {
            if (count_one(s, OBJECT_AS(workload_facts, list.items[i]), toll, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* "2 of 3 workloads ...", at most DENY_MESSAGE_MAX bytes. */
static const char *unready_text(const struct step *s, const struct toll *toll)
{
    const char *text = arena_printf(s->arena, "%zu of %zu workloads: %s%s", toll->unready_count,
                                    toll->watched_count, toll->names,
                                    toll->unready_count > DENY_NAMED_MAX ? ", and others" : "");

    if (!text || strlen(text) <= DENY_MESSAGE_MAX)
        return text;
    return arena_printf(s->arena, "%.*s...", DENY_MESSAGE_MAX - 3, text);
}

/* ---- Steps ---- */

/* The policies of the namespace that are not ours: when one of them changes, what was cut off may
 * be allowed. */
static void policies_hash(const struct object_list *policies, char ret_hex[17])
{
    uint64_t hash = FNV_OFFSET;

    for (size_t i = 0; i < policies->count; i++) {
        const struct netpol_facts *policy = OBJECT_AS(netpol_facts, policies->items[i]);

        if (policy->object.is_ours)
            continue;
        hash = hash_text(hash_text(hash, policy->object.name), policy->object.uid);
        hash = (hash ^ (uint64_t)policy->generation) * FNV_PRIME;
    }
    hash_write(hash, ret_hex);
}

static int take_back(struct step *s, const char *unready, struct err *err)
{
    char policies[17];
    const struct deny_mark mark = {
        .phase = DENY_TAKEN_BACK,
        .profile = s->in->profile->object.name,
        .generation = s->in->profile->generation,
        .policies = policies,
        .message = unready,
    };

    policies_hash(s->in->policies, policies);
    s->out.is_parked = true;
    s->out.unready = unready;
    return deny_mark_write(&mark, s->arena, &s->out.mark, err);
}

static int prove(struct step *s, struct err *err)
{
    const struct network_section *net = &s->in->profile->network;
    int64_t left_s = s->mark.until_s - s->now_s;
    struct toll toll = {0};
    const char *unready;

    if (count_all(s, &toll, err) < 0)
        return -1;
    if (toll.unready_count * 100 <= toll.watched_count * net->rollout.unready_percent_max) {
        if (left_s > 0 && left_s <= WATCH_S_MAX)
            s->out.look_again_s = s->mark.until_s;
        else
            s->out.mark = ""; /* proven */
        return 0;
    }
    unready = unready_text(s, &toll);
    if (!unready)
        return err_nomem(err);
    if (net->rollout.on_failure == ON_FAILURE_REVERT)
        return take_back(s, unready, err);
    s->out.is_kept = true;
    s->out.unready = unready;
    s->out.mark = "";
    return 0;
}

/* Taken back before: the same profile would do the same again. */
static int stay_or_retry(struct step *s, struct err *err)
{
    const struct profile *p = s->in->profile;
    char policies[17];

    policies_hash(s->in->policies, policies);
    if (strcmp(s->mark.profile, p->object.name) != 0 || s->mark.generation != p->generation ||
        strcmp(s->mark.policies, policies) != 0)
        return begin(s, err);
    s->out.is_parked = true;
    s->out.unready = s->mark.message;
    return 0;
}

/* A mark that cannot be read is as good as none. */
static int read_mark(struct step *s, struct err *err)
{
    const struct netpol_facts *deny = s->in->deny;
    struct err why = {0};

    if (!deny || !deny->rollout)
        return 0;
    if (deny_mark_read(deny->rollout, s->arena, &s->mark, &why) < 0) {
        s->mark = (struct deny_mark){.phase = DENY_UNMARKED};
        if (why.code == ERR_NOMEM)
            return err_nomem(err);
    }
    return 0;
}

int deny_step(const struct deny_input *in, struct arena *a, struct deny_step *ret_step,
              struct err *err)
{
    struct step s = {.in = in, .arena = a, .now_s = in->view->wall_ms / 1000};
    int r = 0;

    if (read_mark(&s, err) < 0)
        return -1;
    if (s.mark.phase == DENY_TAKEN_BACK)
        r = stay_or_retry(&s, err);
    else if (in->deny ? deny_is_parked(in->deny) : !in->has_stood)
        r = begin(&s, err);
    else if (s.mark.phase == DENY_PROVING)
        r = prove(&s, err);
    if (r < 0)
        return -1;
    *ret_step = s.out;
    return 0;
}

bool deny_is_parked(const struct netpol_facts *deny)
{
    return deny->spec && strcmp(deny->spec, DENY_PARKED_SPEC) == 0;
}

bool deny_rollout_touches(const struct view *v, const struct object *before,
                          const struct object *after)
{
    const struct object *any = after ? after : before;
    const struct workload_facts *old = OBJECT_AS(workload_facts, before);
    const struct workload_facts *new = OBJECT_AS(workload_facts, after);
    const struct object *deny;

    deny = view_get(v, KIND_NETWORK_POLICY, any->ns, POLICY_DENY);
    if (!deny || !deny->is_ours || !OBJECT_AS(netpol_facts, deny)->rollout)
        return false;
    return !old || !new || old->replicas_ready != new->replicas_ready ||
           old->replicas != new->replicas;
}
