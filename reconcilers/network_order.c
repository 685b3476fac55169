#include <string.h>

#include "network_pass.h"

/* Ceilings of what one plan does to policies that are not wanted: the next pass goes on. */
#define LEAVING_WRITES_MAX 64
#define CARRIED_LEN_MAX (128u * 1024) /* bytes of rules in a carrying policy */

/* What an order has to know of one direction. */
struct way {
    bool is_denied;        /* the profile denies it */
    bool is_isolated;      /* a policy of ours isolates every pod in it now */
    size_t wanted_count;   /* allows for every pod that are wanted in it */
    size_t leaving_count;  /* allows that stand in it while the profile no longer denies it */
    bool is_carried;       /* the deny stands with rules in it */
    struct rule_set rules; /* what the carrying policy has to let through */
    size_t rules_len;      /* bytes of them */
};

struct order {
    struct network_pass *pass;
    struct way ways[DIRECTION_COUNT];
    const struct standing *deny; /* NULL: missing */
    size_t changes_count;        /* writes for every pod that may take something away */
    size_t additions_count;      /* writes for every pod that only add */
    bool needs_carrier;
    const char *carrier; /* its spec text; NULL when nothing needs carrying */
};

static bool is_deny(const struct netpol_facts *facts)
{
    return strcmp(facts->object.name, POLICY_DENY) == 0;
}

static bool differs(const struct wanted *w)
{
    return !w->observed->spec || strcmp(w->observed->spec, w->text) != 0;
}

static bool is_for_all_pods(const struct wanted *w)
{
    return w->concern != CONCERN_BACKEND && w->concern != CONCERN_CLUSTER_DNS;
}

static const struct standing *standing_of(const struct network_pass *p, const struct wanted *w)
{
    for (size_t i = 0; i < p->standing_count; i++) {
        if (p->standing[i].wanted == w)
            return &p->standing[i];
    }
    return NULL;
}

/* A spec that we cannot read back is one that we did not write: it counts as a policy that selects
 * something else, and is replaced. */
static int read_standing(struct network_pass *p, struct err *err)
{
    for (size_t i = 0; i < p->standing_count; i++) {
        struct standing *s = &p->standing[i];
        struct err why = {0};

        if (s->facts->spec && policy_spec_read(s->facts->spec, p->arena, &s->seen, &why) < 0 &&
            why.code == ERR_NOMEM)
            return err_nomem(err);
    }
    return 0;
}

/* Adds the rules to what is carried. Somebody's thousand rules are cut: they must not keep a pass
 * from being made. */
static int carry_rules(struct way *way, const struct rule_set *from, struct arena *a,
                       struct err *err)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct rule_set one = {.texts = &from->texts[i], .count = 1};

        way->rules_len += strlen(from->texts[i]);
        if (way->rules_len > CARRIED_LEN_MAX || way->rules.count >= POLICY_RULES_MAX / 2)
            return 0;
        if (rule_set_join(&way->rules, &one, a, err) < 0)
            return -1;
    }
    return 0;
}

static int look_at_wanted(struct order *o, enum direction d, struct err *err)
{
    const struct network_pass *p = o->pass;
    struct way *way = &o->ways[d];

    for (size_t i = 1; i < p->wanted.count; i++) {
        const struct wanted *w = &p->wanted.items[i];
        const struct standing *s = standing_of(p, w);
        const struct policy_spec *spec = w->text ? &w->spec : s ? &s->seen.spec : NULL;

        if (!is_for_all_pods(w) || !spec)
            continue;
        if (spec->has[d]) {
            way->wanted_count++;
            if (carry_rules(way, &spec->rules[d], p->arena, err) < 0)
                return -1;
        }
    }
    return 0;
}

/*
 * The profile does not deny this direction (any more): what still stands in it lets through what it
 * lets through until it is gone. The deny's own rules come first, so that one that carries all of
 * them already is not written again, in another order, each time an allow has gone.
 */
static int look_at_leaving(struct order *o, enum direction d, struct err *err)
{
    const struct network_pass *p = o->pass;
    struct way *way = &o->ways[d];

    if (way->is_carried && carry_rules(way, &o->deny->seen.spec.rules[d], p->arena, err) < 0)
        return -1;
    for (size_t i = 0; i < p->standing_count; i++) {
        const struct standing *s = &p->standing[i];

        if (s == o->deny || !s->seen.selects_all_pods || !s->seen.spec.has[d])
            continue;
        way->leaving_count++;
        if (carry_rules(way, &s->seen.spec.rules[d], p->arena, err) < 0)
            return -1;
    }
    return 0;
}

/* A creation only adds where its directions are isolated already; where they are not, it is the
 * first to isolate. */
static bool begins_isolation(const struct order *o, const struct wanted *w)
{
    for (int d = 0; d < DIRECTION_COUNT; d++) {
        if (w->spec.has[d] && !o->ways[d].is_isolated)
            return true;
    }
    return false;
}

static void count_changes(struct order *o)
{
    const struct network_pass *p = o->pass;

    for (size_t i = 0; i < p->wanted.count; i++) {
        const struct wanted *w = &p->wanted.items[i];

        if (w->unresolved || w->is_taken || !is_for_all_pods(w))
            continue;
        if (w->observed ? differs(w) : i == 0 || begins_isolation(o, w))
            o->changes_count++;
        else if (!w->observed)
            o->additions_count++;
    }
    for (size_t i = 0; i < p->standing_count; i++)
        o->changes_count += !p->standing[i].wanted && p->standing[i].seen.selects_all_pods;
}

/* With at most one allow a direction, an allow and the deny say the same of it: the deny may come
 * last, or go first. */
static bool is_plain_start_or_end(const struct order *o)
{
    bool is_end = o->pass->wanted.count == 0 || o->pass->deny.is_parked;
    bool is_start = !is_end;

    for (int d = 0; d < DIRECTION_COUNT; d++) {
        is_start &= !o->ways[d].is_isolated && o->ways[d].wanted_count <= 1;
        is_end &= !o->ways[d].is_carried && o->ways[d].leaving_count <= 1;
    }
    return is_start || is_end;
}

static int look(struct order *o, struct err *err)
{
    const struct network_pass *p = o->pass;

    for (size_t i = 0; i < p->standing_count; i++) {
        if (is_deny(p->standing[i].facts))
            o->deny = &p->standing[i];
    }
    for (int d = 0; d < DIRECTION_COUNT; d++) {
        struct way *way = &o->ways[d];

        way->is_denied = p->wanted.count > 0 && p->wanted.items[0].spec.has[d];
        way->is_carried = o->deny && o->deny->seen.selects_all_pods && o->deny->seen.spec.has[d] &&
                          o->deny->seen.spec.rules[d].count > 0;
        for (size_t i = 0; i < p->standing_count; i++)
            way->is_isolated |=
                p->standing[i].seen.selects_all_pods && p->standing[i].seen.spec.has[d];
        if ((way->is_denied ? look_at_wanted(o, (enum direction)d, err)
                            : look_at_leaving(o, (enum direction)d, err)) < 0)
            return -1;
    }
    count_changes(o);
    o->needs_carrier = o->changes_count >= 2 && !is_plain_start_or_end(o);
    /* A deny that is watched comes before any allow: each of them isolates too, and what was ready
     * before is told by the deny. */
    o->needs_carrier |= p->deny.begins && o->changes_count + o->additions_count >= 2;
    return 0;
}

static int find_carrier(struct order *o, struct err *err)
{
    struct policy_spec spec = {0};

    if (!o->needs_carrier)
        return 0;
    for (int d = 0; d < DIRECTION_COUNT; d++) {
        const struct way *way = &o->ways[d];

        spec.has[d] = way->is_denied || way->leaving_count > 0 || way->is_carried;
        if (spec.has[d])
            spec.rules[d] = way->rules;
    }
    o->carrier = policy_spec_text(&spec, o->pass->arena, err);
    return o->carrier ? 0 : -1;
}

/* Creates @w or mends it; what somebody else did to it becomes an Event once the write has
 * succeeded. */
static int put(struct order *o, enum plan_phase phase, const struct wanted *w, const char *text,
               struct err *err)
{
    struct network_pass *p = o->pass;
    struct ownership own = p->own;
    const struct finding *drift;
    struct write *write;

    if (network_drift(p, w, &drift, err) < 0)
        return -1;
    if (w->concern == CONCERN_DENY) {
        own.rollout = p->deny.mark;
        drift = drift ? drift : p->kept;
    }
    write = w->observed ? ownership_mend(p->plan, phase, w->observed, &own, text, err)
                        : ownership_create(p->plan, phase, w->name, &own, text, err);
    if (!write)
        return -1;
    write->after = drift;
    return 0;
}

/*
 * A policy for some pods carries every ingress rule that the profile gives them while it is the
 * first to isolate its pods, and while what it lets through by itself and what the policies for
 * every pod let through change at the same time.
 */
static int put_for_some_pods(struct order *o, const struct wanted *w, struct err *err)
{
    const struct way *in = &o->ways[INGRESS];
    struct policy_spec spec = w->spec;
    const char *text = w->text;

    if (network_is_right(o->pass, w))
        return 0;
    /* Somebody made it so large that it was not kept: no merge patch can name what has to go from
     * its podSelector. */
    if (w->observed && !w->observed->spec && ownership_may_delete(w->observed, o->pass->own.ns_uid))
        return ownership_delete(o->pass->plan, PHASE_CARRY, w->observed, &o->pass->own, true, err)
                   ? 0
                   : -1;
    if (w->observed ? o->changes_count + o->additions_count > 0 : !in->is_isolated) {
        if (rule_set_join(&spec.rules[INGRESS], &in->rules, o->pass->arena, err) < 0)
            return -1;
        text = policy_spec_text(&spec, o->pass->arena, err);
    }
    if (!text)
        return -1;
    if (w->observed && w->observed->spec && strcmp(w->observed->spec, text) == 0 && text != w->text)
        return 0; /* it carries; the next pass takes the rules out again */
    return put(o, PHASE_CARRY, w, text, err);
}

/* What cannot be computed now keeps its spec; whose it is must be right all the same, or a profile
 * that goes would wait for it. */
static int put_marks(struct order *o, const struct wanted *w, struct err *err)
{
    const struct network_pass *p = o->pass;

    if (!w->observed || !w->observed->spec ||
        (w->observed->profile && strcmp(w->observed->profile, p->own.profile) == 0))
        return 0;
    return ownership_mend(p->plan, PHASE_CHANGE, w->observed, &p->own, w->observed->spec, err) ? 0
                                                                                               : -1;
}

static int put_wanted(struct order *o, struct err *err)
{
    const struct network_pass *p = o->pass;

    for (size_t i = 1; i < p->wanted.count; i++) {
        const struct wanted *w = &p->wanted.items[i];

        if (w->is_taken)
            continue;
        if (w->unresolved) {
            if (put_marks(o, w, err) < 0)
                return -1;
        } else if (!is_for_all_pods(w)) {
            if (put_for_some_pods(o, w, err) < 0)
                return -1;
        } else if (!network_is_right(p, w) &&
                   put(o, w->observed ? PHASE_CHANGE : PHASE_ALLOW, w, w->text, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The deny that stands or is wanted, with the carrier's text. */
static int put_carrier(struct order *o, struct err *err)
{
    struct network_pass *p = o->pass;
    struct wanted carrier = {.concern = CONCERN_DENY, .name = POLICY_DENY, .text = o->carrier};

    if (!o->carrier || (!p->deny.mark && o->deny && o->deny->facts->spec &&
                        strcmp(o->deny->facts->spec, o->carrier) == 0))
        return 0;
    if (p->wanted.count > 0)
        carrier.text = p->wanted.items[0].text; /* drift is told against what the profile wants */
    carrier.observed = o->deny ? o->deny->facts : NULL;
    return put(o, PHASE_CARRY, &carrier, o->carrier, err);
}

/* Policies for some pods that go while ingress is no longer denied must not be the last to isolate
 * their pods. */
static int carry_leaving(struct order *o, const struct standing *s, struct err *err)
{
    struct network_pass *p = o->pass;
    struct observed_spec seen = s->seen;
    const char *text;

    if (o->ways[INGRESS].is_denied || seen.selects_all_pods || !seen.spec.has[INGRESS] ||
        o->ways[INGRESS].rules.count == 0)
        return 0;
    if (seen.spec.rules[INGRESS].count + o->ways[INGRESS].rules.count > POLICY_RULES_MAX)
        return 0; /* not one that we wrote */
    if (rule_set_join(&seen.spec.rules[INGRESS], &o->ways[INGRESS].rules, p->arena, err) < 0)
        return -1;
    if (seen.spec.rules[INGRESS].count == s->seen.spec.rules[INGRESS].count)
        return 0;
    text = observed_spec_text(&seen, p->arena, err);
    if (!text || !ownership_mend(p->plan, PHASE_CARRY, s->facts, &p->own, text, err))
        return -1;
    return 1;
}

/* 1: some of them carry now, and go in the next pass (one write an object). */
static int carry_all_leaving(struct order *o, struct err *err)
{
    const struct network_pass *p = o->pass;
    size_t carried_count = 0;

    for (size_t i = 0; i < p->standing_count && carried_count < LEAVING_WRITES_MAX; i++) {
        const struct standing *s = &p->standing[i];
        int carried;

        if (s->wanted || is_deny(s->facts)) /* the deny is the carrier's matter */
            continue;
        carried = carry_leaving(o, s, err);
        if (carried < 0)
            return -1;
        carried_count += carried > 0;
    }
    return carried_count > 0;
}

/* Removes those in @phase, LEAVING_WRITES_MAX at most; *ret_is_cut says that there are more. */
static int remove_in(struct order *o, enum plan_phase phase, size_t *removed_count,
                     bool *ret_is_cut, struct err *err)
{
    struct network_pass *p = o->pass;

    for (size_t i = 0; i < p->standing_count; i++) {
        const struct standing *s = &p->standing[i];
        enum plan_phase its_phase = is_deny(s->facts)          ? PHASE_DENY
                                    : s->seen.selects_all_pods ? PHASE_REMOVE
                                                               : PHASE_REMOVE_LAST;

        /* What is being deleted already waits for somebody's finalizer: asking again would not
         * help. */
        if (s->wanted || its_phase != phase || s->facts->object.is_deleting)
            continue;
        if (*removed_count == LEAVING_WRITES_MAX) {
            *ret_is_cut = true;
            return 0;
        }
        if (!ownership_delete(p->plan, phase, s->facts, &p->own, p->is_removal_explained, err))
            return -1;
        ++*removed_count;
    }
    return 0;
}

static int remove_leaving(struct order *o, struct err *err)
{
    int carried = carry_all_leaving(o, err);
    size_t removed_count = 0;
    bool is_cut = false;

    if (carried != 0)
        return carried < 0 ? -1 : 0;
    if (!o->needs_carrier && remove_in(o, PHASE_DENY, &removed_count, &is_cut, err) < 0)
        return -1;
    if (remove_in(o, PHASE_REMOVE, &removed_count, &is_cut, err) < 0)
        return -1;
    /* Policies for some pods outlive the others, and the carrier, which is what their pods are let
     * through by. */
    if (is_cut || (o->needs_carrier && !o->ways[INGRESS].is_denied))
        return 0;
    return remove_in(o, PHASE_REMOVE_LAST, &removed_count, &is_cut, err);
}

int network_order(struct network_pass *p, struct err *err)
{
    struct order o = {.pass = p};
    const struct wanted *deny = p->wanted.count > 0 ? &p->wanted.items[0] : NULL;

    if (read_standing(p, err) < 0 || look(&o, err) < 0 || find_carrier(&o, err) < 0)
        return -1;
    if (put_carrier(&o, err) < 0 || put_wanted(&o, err) < 0)
        return -1;
    if (deny && !o.needs_carrier && (p->deny.mark || !network_is_right(p, deny)) &&
        put(&o, PHASE_DENY, deny, deny->text, err) < 0)
        return -1;
    return remove_leaving(&o, err);
}
