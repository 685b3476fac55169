#include "rampart/reconcilers/rollout.h"

#include <string.h>

#include "rollout_pass.h"

static const char *const reason_names[ROLLOUT_REASON_COUNT] = {
    [ROLLOUT_FINE] = "Fine",
    [ROLLOUT_UNREADABLE] = "Unreadable",
    [ROLLOUT_OWNED] = "OwnedByController",
    [ROLLOUT_CANNOT_PROVE] = "CannotProve",
    [ROLLOUT_WOULD_BREAK] = "WouldBreak",
    [ROLLOUT_UNKNOWN_USER] = "UnknownUser",
    [ROLLOUT_TRIED_BEFORE] = "TriedBefore",
    [ROLLOUT_FAILED_BEFORE] = "FailedBefore",
    [ROLLOUT_USER_UNDID] = "StoodDown",
    [ROLLOUT_IS_CONTESTED] = "Contested",
    [ROLLOUT_MEMORY_FULL] = "TooManyRevisions",
    [ROLLOUT_PAUSED] = "Paused",
    [ROLLOUT_WAITS_FOR_CHANGE] = "WaitsForChange",
    [ROLLOUT_OTHER_RUNS] = "RolloutRuns",
    [ROLLOUT_UNHEALTHY] = "Unhealthy",
    [ROLLOUT_NO_BUDGET_ROOM] = "NoBudgetRoom",
    [ROLLOUT_WAITS_FOR_TURN] = "WaitsForTurn",
    [ROLLOUT_RUNS] = "Proving",
    [ROLLOUT_WAITS_FOR_POD] = "ProofPending",
    [ROLLOUT_CANNOT_DELETE] = "StuckPods",
    [ROLLOUT_NO_QUOTA] = "NoQuotaRoom",
    [ROLLOUT_STATED_NULL] = "StatedNull",
};

const char *rollout_reason_name(enum rollout_reason reason)
{
    return reason_names[reason];
}

const char *rollout_left_message(enum rollout_reason left)
{
    switch (left) {
    case ROLLOUT_WOULD_BREAK:
        return "some containers run as root: build their images with another user, or state "
               "runAsUser";
    case ROLLOUT_UNKNOWN_USER:
        return "it is not known which user some containers run as: state runAsNonRoot or "
               "runAsUser, or set rollout.onUnknown: Try";
    case ROLLOUT_NO_QUOTA:
        return "a ResourceQuota leaves no room for the requests or limits";
    default:
        return "";
    }
}

void rollout_wait(struct rollout_pass *p, enum rollout_reason reason, const char *message)
{
    p->step.act = ROLLOUT_ACT_NOTHING;
    p->step.reason = reason;
    p->step.message = message;
}

void rollout_look(struct rollout_pass *p, int64_t again_s)
{
    p->step.act = p->in->pods ? ROLLOUT_ACT_NOTHING : ROLLOUT_ACT_LOOK;
    p->step.look_again_s = p->in->now_s + again_s;
}

bool rollout_is_idle(const struct rollout_input *in)
{
    return in->workload->object.kind == KIND_CRON_JOB || in->workload->replicas <= 0;
}

bool rollout_has_settled(const struct workload_facts *w)
{
    return w->observed_generation >= w->generation && w->replicas_updated >= w->replicas;
}

bool rollout_is_healthy(const struct workload_facts *w)
{
    return !w->is_stalled && w->replicas_ready >= w->replicas &&
           w->replicas_available >= w->replicas;
}

/* Of short texts that nobody has a reason to forge: FNV-1a. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (const char *c = text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return hash;
}

void rollout_remember(const struct workload_facts *w, struct harden_memory *ret_memory)
{
    *ret_memory = (struct harden_memory){
        .uid = hash_of(w->object.uid),
        .digest = hash_of(w->template_digest),
        .fill = w->fill ? hash_of(w->fill) : 0,
        .replicas = w->replicas,
        .is_there = true,
        .has_settled = rollout_has_settled(w),
        .is_healthy = rollout_is_healthy(w),
        .is_paused = w->is_paused,
    };
}

/* ---- What the mark says of a template that our fill is no longer in ---- */

/* It was made for this template, and for what the profile wants today; a user who rolled back
 * meant the template, and where nothing is filled in any more nothing else is wanted. */
static bool mark_is_about(const struct rollout_pass *p)
{
    return strcmp(p->mark.digest, p->in->workload->template_digest) == 0 &&
           (p->mark.phase == ROLLOUT_STOOD_DOWN || !p->in->may_fill ||
            strcmp(p->mark.wanted, p->wanted) == 0);
}

/* Fields that were filled in are gone although the key is still there: not for a container that
 * came. Whatever else the profile wants since is no loss, and neither is what may be filled in only
 * now, since its pods have told their users or an exception has expired. */
static bool leaves_were_taken(const struct rollout_pass *p)
{
    const struct workload_facts *w = p->in->workload;

    return p->unset > p->mark.unset && w->fill && strcmp(w->fill, p->mark.key) == 0 &&
           w->pod.containers_count == p->mark.containers &&
           strcmp(p->mark.wanted, p->wanted) == 0 && w->template_rival.manager;
}

bool rollout_was_taken(const struct rollout_pass *p)
{
    switch (p->mark.phase) {
    case ROLLOUT_PROVING:
    case ROLLOUT_PENDING:
    case ROLLOUT_PROVEN:
    case ROLLOUT_KEPT:
        return leaves_were_taken(p) || (!p->in->workload->fill && mark_is_about(p));
    default:
        return false;
    }
}

/* Whether the mark forbids another attempt at this template. */
bool rollout_is_held(struct rollout_pass *p)
{
    if (!p->has_mark || !mark_is_about(p))
        return false;
    switch (p->mark.phase) {
    case ROLLOUT_REVERTED:
    case ROLLOUT_KEPT:
    case ROLLOUT_LEFT:
        rollout_wait(p, ROLLOUT_FAILED_BEFORE, p->mark.message);
        return true;
    case ROLLOUT_STOOD_DOWN:
        rollout_wait(p, ROLLOUT_USER_UNDID,
                     "a user rolled it back: not again until its template changes");
        return true;
    case ROLLOUT_CONTESTED:
        rollout_wait(p, ROLLOUT_IS_CONTESTED, p->mark.rival);
        return true;
    default:
        return false;
    }
}

/* ---- One step ---- */

static int begin_pass(struct rollout_pass *p, struct err *err)
{
    const struct workload_facts *w = p->in->workload;
    struct err why = {0};

    p->rival = p->step.message = p->step.left_message = "";
    p->step.look_again_s = INT64_MAX;
    rollout_remember(w, &p->now);
    p->wanted = rollout_wanted(p->in->section, p->a);
    if (!p->wanted)
        return err_nomem(err);
    if (!w->rollout)
        return 0;
    if (rollout_mark_read(w->rollout, p->a, &p->mark, &why) == 0)
        p->has_mark = true;
    else if (why.code == ERR_NOMEM)
        return err_nomem(err);
    return 0;
}

static bool is_under_proof(const struct rollout_pass *p)
{
    const char *fill = p->in->workload->fill;

    return p->has_mark && fill && strcmp(fill, p->mark.key) == 0;
}

/* What is to be filled in by all that is known. */
static int decide_fill(struct rollout_pass *p, struct fill *ret_fill, struct err *err)
{
    const struct rollout_input *in = p->in;
    const struct pod_template *pod = &in->workload->pod;
    const struct container_evidence *users = in->pods ? in->pods->users : NULL;
    size_t users_count = in->pods ? in->pods->users_count : 0;
    bool for_quota = false;
    uint8_t refused = 0;

    fill_leave_claims(in->workload, in->section, in->exempt, &p->exempt);
    if (fill_decide(pod, in->section, users, users_count, &p->exempt, p->a, ret_fill, err) < 0)
        return -1;
    if (in->pods && in->pods->room.is_known)
        refused = room_refuses(&in->pods->room, in->workload, ret_fill, &for_quota);
    if (refused) {
        for (size_t flag = 0; flag < FILL_RESOURCE_FLAGS_COUNT; flag++)
            p->exempt.resources[flag] |= refused >> flag & 1 ? UINT64_MAX : 0;
        if (fill_decide(pod, in->section, users, users_count, &p->exempt, p->a, ret_fill, err) < 0)
            return -1;
    }
    p->step.has_fill = ret_fill->leaves_count > 0;
    p->step.left = ret_fill->would_break ? ROLLOUT_WOULD_BREAK
                   : ret_fill->skipped   ? ROLLOUT_UNKNOWN_USER
                   : for_quota           ? ROLLOUT_NO_QUOTA
                                         : ROLLOUT_FINE;
    p->step.left_message = rollout_left_message(p->step.left);
    return 0;
}

/* What others state as null is neither unset nor to be filled in. */
static int heed_claims(struct rollout_pass *p, struct err *err)
{
    const struct rollout_input *in = p->in;
    struct fill_exempt claimed;
    const char *text;

    fill_leave_claims(in->workload, in->section, NULL, &claimed);
    if (fill_unset(&in->workload->pod, in->section, NULL, &claimed, p->a, &p->unset, err) < 0 ||
        fill_claimed(in->workload, in->section, in->exempt, p->a, &text, err) < 0)
        return -1;
    if (p->step.left == ROLLOUT_FINE && text) {
        p->step.left = ROLLOUT_STATED_NULL;
        p->step.left_message = text;
    }
    return 0;
}

int rollout_step(const struct rollout_input *in, struct arena *a, struct rollout_step *ret_step,
                 struct err *err)
{
    struct rollout_pass p = {.in = in, .a = a};
    struct fill fill;
    bool is_done = false;

    if (begin_pass(&p, err) < 0)
        return -1;
    if (in->workload->pod.unreadable || !in->workload->template_digest[0]) {
        rollout_wait(&p, ROLLOUT_UNREADABLE,
                     in->workload->pod.unreadable ? in->workload->pod.unreadable
                                                  : "its template was not read as a whole");
        *ret_step = p.step;
        return 0;
    }
    if (decide_fill(&p, &fill, err) < 0 || heed_claims(&p, err) < 0)
        return -1;
    if (is_under_proof(&p) && !rollout_was_taken(&p) && rollout_prove(&p, &is_done, err) < 0)
        return -1;
    if (!is_done && rollout_unstick(&p, &is_done, err) < 0)
        return -1;
    if (!is_done && !in->may_fill)
        (void)rollout_is_held(&p); /* what a mark says stays true */
    else if (!is_done && rollout_begin(&p, &fill, err) < 0)
        return -1;
    *ret_step = p.step;
    return 0;
}
