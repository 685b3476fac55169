/* Who may begin. All of it is computed anew when it may have changed, for whole profiles at once
 * and not with each change: thousands of workloads must not cost thousands of sorts of thousands.
 */
#include <stdio.h>
#include <string.h>

#include "manager_state.h"

#define RULE "workloads"

/* Whether all that may run is known. */
static bool is_known(const struct manager *m)
{
    return map_count(&m->harden.unseen) == 0 && !m->harden.is_round_lost;
}

/* ---- The pause ---- */

static void end_turns_out(struct manager *m, const struct hardening_profile *p)
{
    for (struct map_entry *e = map_first(&m->harden.records.records); e; e = map_next(e)) {
        struct hardening *r = map_entry_value(e);

        if (r->profile == p && !r->is_busy)
            hardening_end_turn(r);
    }
}

static int pause_profile(struct manager *m, struct hardening_profile *p,
                         const struct profile *profile, const char *message, struct err *err)
{
    const struct finding finding = {
        .reason = REASON_ROLLOUTS_PAUSED,
        .is_warning = true,
        .counts_as_failed = true,
        .object = {KIND_PROFILE, "", profile->object.name, profile->object.uid},
        .rule = RULE,
        .message = message,
        .profile = profile->object.name,
    };

    if (hardening_pause(p, message, profile->generation, profile->object.uid, err) < 0)
        return -1;
    end_turns_out(m, p);
    log_event(m->options.log, LOG_WARN, "rollouts are paused", LOG_STR("profile", p->name),
              LOG_STR("error", message));
    /* What the marks already say at a start was told by the process before. */
    if (p->was_given)
        report_event(m, &finding, MODE_ENFORCE, m->now_ms);
    manager_mark_profile(m, p->name);
    return 0;
}

/* The pause lasts until the profile is another one. */
static bool is_still_paused(struct manager *m, struct hardening_profile *p,
                            const struct profile *profile)
{
    if (!p->pause)
        return false;
    if (p->pause_generation == profile->generation &&
        strcmp(p->pause_uid, profile->object.uid) == 0)
        return true;
    hardening_end_pause(p);
    log_event(m->options.log, LOG_INFO, "rollouts go on", LOG_STR("profile", p->name));
    manager_mark_profile(m, p->name);
    return false;
}

/* ---- Turns ---- */

/* Whoever has a turn runs, as far as others are concerned. */
static size_t collect(const struct manager *m, const struct hardening_profile *p,
                      struct harden_item *items)
{
    size_t count = 0;

    for (struct map_entry *e = map_first(&m->harden.records.records); e; e = map_next(e)) {
        const struct hardening *r = map_entry_value(e);
        const struct object *workload;

        if (r->profile != p || (r->state == HARDEN_IDLE && !r->has_turn) ||
            (r->state == HARDEN_WAITS && r->is_resting))
            continue;
        workload = harden_object_of(m, map_entry_key(e));
        if (workload)
            items[count++] = (struct harden_item){
                .workload = workload,
                .state = r->has_turn ? HARDEN_RUNS : (enum harden_state)r->state,
                .is_idle = r->is_idle,
            };
    }
    return count;
}

static void hand_out(struct manager *m, struct hardening_profile *p,
                     const struct harden_item *items, size_t count)
{
    char key[POSTURE_KEY_LEN_MAX + 1];

    for (size_t i = 0; i < count && p->turns_out < HARDENING_TURNS_OUT_MAX; i++) {
        struct hardening *r;

        if (items[i].state != HARDEN_WAITS || !items[i].has_turn ||
            !posture_key(key, items[i].workload))
            continue;
        r = hardenings_get(&m->harden.records, key);
        hardening_give_turn(r);
        harden_mark_record(m, key);
    }
}

static int give(struct manager *m, struct hardening_profile *p, struct err *err)
{
    const struct profile *profile =
        OBJECT_AS(profile, view_get(&m->view, KIND_PROFILE, "", p->name));
    bool was_paused = profile && is_still_paused(m, p, profile);
    struct harden_turns turns = {.message = ""};
    struct harden_item *items;
    size_t count;
    AUTO_ARENA a = {0};

    if (p->turns.waiting == 0 && p->turns.failed == 0)
        goto out; /* nothing to give, and nothing to say */
    arena_init(&a, PASS_BYTES_MAX);
    items = arena_calloc(&a, p->records_count, sizeof(*items));
    if (!items)
        return err_nomem(err);
    count = collect(m, p, items);
    if (m->options.ops->harden->turns(&m->view, p->name, was_paused, items, count, &a, &turns,
                                      err) < 0)
        return -1;
    if (turns.is_paused && !was_paused && profile &&
        pause_profile(m, p, profile, turns.message, err) < 0)
        return -1;
    hand_out(m, p, items, count);
out:
    p->is_dirty = false;
    p->was_given = true;
    return 0;
}

void turns_give(struct manager *m)
{
    if (!is_known(m) || m->now_ms < m->harden.turns_due_ms)
        return;
    for (struct map_entry *e = map_first(&m->harden.records.profiles); e; e = map_next(e)) {
        struct hardening_profile *p = map_entry_value(e);
        struct err err = {0};

        if (!p->is_dirty)
            continue;
        m->harden.turns_due_ms = m->now_ms + MANAGER_TURNS_EVERY_MS;
        if (give(m, p, &err) == 0)
            continue;
        log_event(m->options.log, LOG_WARN, "turns could not be given; tried again",
                  LOG_STR("profile", p->name), LOG_STR("error", err.msg));
        m->harden.turns_due_ms = m->now_ms + MANAGER_RETRY_MS;
        return;
    }
}

uint64_t turns_deadline(const struct manager *m)
{
    if (!is_known(m))
        return UINT64_MAX;
    for (struct map_entry *e = map_first(&m->harden.records.profiles); e; e = map_next(e)) {
        if (((const struct hardening_profile *)map_entry_value(e))->is_dirty)
            return m->harden.turns_due_ms;
    }
    return UINT64_MAX;
}
