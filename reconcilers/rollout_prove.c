/* A fill that is in the template is watched until it is proven, or taken back. */
#include <string.h>

#include "rollout_pass.h"

/* New pods are in a trouble that the old ones, now or before the fill, did not have. */
static uint8_t new_troubles(const struct rollout_pass *p)
{
    const struct pods_evidence *pods = p->in->pods;
    uint8_t fatal = POD_CONFIG_ERROR | POD_CRASH_LOOP | POD_IMAGE;

    if (p->mark.has_resources)
        fatal |= POD_OOM_KILLED;
    return (uint8_t)(fatal & pods->new_troubles & ~pods->old_troubles & ~p->mark.troubles);
}

static void fail(struct rollout_pass *p, const char *message)
{
    bool is_kept = p->in->section->on_failure == ON_FAILURE_KEEP;

    p->step.act = is_kept ? ROLLOUT_ACT_MARK : ROLLOUT_ACT_REVERT;
    p->step.mark = p->mark;
    p->step.mark.phase = is_kept ? ROLLOUT_KEPT : ROLLOUT_REVERTED;
    p->step.mark.message = message;
    p->step.mark.started_s = p->in->now_s;
    if (is_kept) /* the fill stays in the template, and so it is about that */
        p->step.mark.digest = p->in->workload->template_digest;
    p->step.reason = ROLLOUT_FAILED_BEFORE;
    p->step.message = message;
    p->step.look_again_s = INT64_MAX;
}

static void mark(struct rollout_pass *p, enum rollout_phase phase, int64_t started_s)
{
    p->step.act = ROLLOUT_ACT_MARK;
    p->step.mark = p->mark;
    p->step.mark.phase = phase;
    p->step.mark.started_s = started_s;
    p->step.reason = phase == ROLLOUT_PROVEN ? ROLLOUT_FINE : ROLLOUT_RUNS;
}

static int64_t seconds_since(const struct rollout_pass *p, int64_t then_s)
{
    return p->in->now_s > then_s ? p->in->now_s - then_s : 0; /* a clock that was set back */
}

/* Without a new pod that became ready for so long, or in all more than each pod may take. */
static bool is_late(const struct rollout_pass *p)
{
    const struct pods_evidence *pods = p->in->pods;
    int64_t deadline_s = p->in->section->deadline_s;
    int64_t progress_s =
        pods->new_ready_s > p->mark.started_s ? pods->new_ready_s : p->mark.started_s;

    return seconds_since(p, progress_s) >= deadline_s ||
           seconds_since(p, p->mark.started_s) >= deadline_s * (p->in->workload->replicas + 1);
}

static bool has_come_back(const struct rollout_pass *p)
{
    const struct workload_facts *w = p->in->workload;
    const struct pods_evidence *pods = p->in->pods;

    return rollout_has_settled(w) && rollout_is_healthy(w) &&
           pods->new_ready >= (size_t)w->replicas &&
           seconds_since(p, pods->new_ready_s) >= ROLLOUT_SOAK_S;
}

/* The user has changed the template, or let it go on after a pause: the time begins anew. */
static bool begins_anew(const struct rollout_pass *p)
{
    const struct harden_memory *was = p->in->before, *is = &p->now;

    return was && was->fill == is->fill &&
           (was->digest != is->digest || (was->is_paused && !is->is_paused));
}

static int prove_running(struct rollout_pass *p, struct err *err)
{
    const struct workload_facts *w = p->in->workload;
    const char *message;

    p->step.reason = ROLLOUT_RUNS;
    if (rollout_is_idle(p->in)) {
        mark(p, ROLLOUT_PENDING, p->mark.started_s);
        return 0;
    }
    if (begins_anew(p) && p->mark.started_s != p->in->now_s) {
        mark(p, ROLLOUT_PROVING, p->in->now_s);
        return 0;
    }
    if (w->is_paused) {
        rollout_wait(p, ROLLOUT_PAUSED, "its rollout is paused: proof waits");
        return 0;
    }
    if (w->is_on_delete || w->has_partition) {
        rollout_wait(p, ROLLOUT_CANNOT_PROVE,
                     "OnDelete or a partition came in the middle of the rollout: proof waits");
        return 0;
    }
    rollout_look(p, ROLLOUT_LOOK_S);
    if (!p->in->pods)
        return 0;
    if (new_troubles(p)) {
        fail(p, p->in->pods->new_message);
    } else if (has_come_back(p)) {
        mark(p, ROLLOUT_PROVEN, p->in->now_s);
        p->step.look_again_s =
            p->mark.has_resources ? p->in->now_s + ROLLOUT_OOM_LOOK_S : INT64_MAX;
    } else if (is_late(p)) {
        message = arena_printf(p->a, "%zu of %d new pods ready after %u s without progress%s%s",
                               p->in->pods->new_ready, (int)w->replicas,
                               (unsigned)p->in->section->deadline_s,
                               p->in->pods->new_message[0] ? ": " : "", p->in->pods->new_message);
        if (!message)
            return err_nomem(err);
        fail(p, message);
    }
    return 0;
}

/* Nothing ran when it was filled in: the first Pod proves it or not. */
static void prove_pending(struct rollout_pass *p)
{
    p->step.reason = ROLLOUT_WAITS_FOR_POD;
    if (p->in->workload->object.kind != KIND_CRON_JOB) {
        if (p->in->workload->replicas > 0)
            mark(p, ROLLOUT_PROVING, p->in->now_s);
        return;
    }
    rollout_look(p,
                 p->in->workload->has_active_job ? ROLLOUT_ACTIVE_LOOK_S : ROLLOUT_PENDING_LOOK_S);
    if (!p->in->pods)
        return;
    if (new_troubles(p))
        fail(p, p->in->pods->new_message);
    else if (p->in->pods->new_ready &&
             (!p->in->pods->new_ready_s ||
              seconds_since(p, p->in->pods->new_ready_s) >= ROLLOUT_SOAK_S))
        mark(p, ROLLOUT_PROVEN, p->in->now_s);
}

/* A limit that is too low shows long after the rollout. */
static bool watch_memory(struct rollout_pass *p)
{
    if (!p->mark.has_resources || rollout_is_idle(p->in) ||
        seconds_since(p, p->mark.started_s) >= ROLLOUT_OOM_WATCH_S)
        return false;
    rollout_look(p, ROLLOUT_OOM_LOOK_S);
    if (p->in->pods && (new_troubles(p) & POD_OOM_KILLED))
        fail(p, p->in->pods->new_message);
    return p->step.act != ROLLOUT_ACT_NOTHING;
}

int rollout_prove(struct rollout_pass *p, bool *ret_is_done, struct err *err)
{
    *ret_is_done = true;
    switch (p->mark.phase) {
    case ROLLOUT_PROVING:
        return prove_running(p, err);
    case ROLLOUT_PENDING:
        prove_pending(p);
        return 0;
    case ROLLOUT_PROVEN:
        *ret_is_done = watch_memory(p);
        return 0;
    default:
        *ret_is_done = false;
        return 0;
    }
}

/* ---- After a revert ---- */

int rollout_unstick(struct rollout_pass *p, bool *ret_is_done, struct err *err)
{
    const struct workload_facts *w = p->in->workload;
    const struct pods_evidence *pods = p->in->pods;
    struct stuck_pod *stuck;

    if (!p->has_mark || p->mark.phase != ROLLOUT_REVERTED || !w->is_ordered || w->fill ||
        (rollout_has_settled(w) && rollout_is_healthy(w)))
        return 0;
    *ret_is_done = true;
    p->step.reason = ROLLOUT_FAILED_BEFORE;
    p->step.message = p->mark.message;
    rollout_look(p, ROLLOUT_LOOK_S);
    if (!pods)
        return 0;
    stuck = arena_calloc(p->a, pods->stuck_count + 1, sizeof(*stuck));
    if (!stuck)
        return err_nomem(err);
    for (size_t i = 0; i < pods->stuck_count; i++) {
        if (strcmp(pods->stuck[i].key, p->mark.key) == 0)
            stuck[p->step.stuck_count++] = pods->stuck[i];
    }
    p->step.stuck = stuck;
    if (p->step.stuck_count && p->in->may_delete_pods)
        p->step.act = ROLLOUT_ACT_DELETE_PODS;
    else if (p->step.stuck_count)
        rollout_wait(p, ROLLOUT_CANNOT_DELETE,
                     "pods of the reverted revision block it, and the right to delete pods is "
                     "missing: delete them by hand");
    return 0;
}
