/* What is not filled in yet: whether it may be now, and what the history says of it. */
#include <assert.h>
#include <string.h>

#include "rampart/reconcilers/policy_spec.h"
#include "rollout_pass.h"

/* The field manager of `kubectl rollout undo`; kubectl's other commands have names of their own. */
#define UNDO_MANAGER "kubectl"

const char *rollout_wanted(const struct workloads_section *section, struct arena *a)
{
    const char *const quantities[] = {section->fill.cpu_request, section->fill.memory_request,
                                      section->fill.cpu_limit, section->fill.memory_limit};
    const char *text = arena_printf(a, "%d%d%d%d%d%d%d", section->fill.run_as_non_root,
                                    section->fill.seccomp, section->fill.allow_privilege_escalation,
                                    section->fill.drop_all, section->fill.read_only_root,
                                    section->fill.pins_observed_user, (int)section->on_unknown);
    char hex[17];

    for (size_t i = 0; text && i < sizeof(quantities) / sizeof(quantities[0]); i++)
        text = arena_printf(a, "%s,%s", text, quantities[i] ? quantities[i] : "");
    if (!text)
        return NULL;
    policy_spec_hash(text, hex);
    return arena_strdup(a, hex);
}

/* ---- Whether it is the moment ---- */

static bool is_creation(const struct workload_facts *w)
{
    return w->generation <= 1 && w->replicas_updated == 0 && w->replicas_ready == 0;
}

/* Its owner has changed the template and the rollout of that has hardly begun: what is filled in
 * now restarts nothing that would not be restarted anyway. */
static bool change_is_due(const struct rollout_pass *p)
{
    const struct workload_facts *w = p->in->workload;
    const struct harden_memory *was = p->in->before;

    if (is_creation(w))
        return true;
    if (w->observed_generation >= w->generation && w->replicas_updated == 0)
        return true;
    return was && was->uid == p->now.uid && was->digest != p->now.digest && !p->now.has_settled;
}

static bool wait_for_later(struct rollout_pass *p, bool is_due, enum rollout_reason reason,
                           const char *message)
{
    p->step.keeps_before = is_due;
    rollout_wait(p, reason, message);
    return false;
}

static bool is_the_moment(struct rollout_pass *p, bool is_due)
{
    const struct workload_facts *w = p->in->workload;
    const struct harden_memory *was = p->in->before;

    if (w->is_paused)
        return wait_for_later(p, is_due, ROLLOUT_PAUSED, "it is paused");
    if (rollout_is_idle(p->in))
        return true;
    if (p->in->section->when == ROLLOUT_NEXT_CHANGE) {
        if (!is_due)
            return wait_for_later(p, false, ROLLOUT_WAITS_FOR_CHANGE,
                                  "filled in with the owner's next rollout");
        if (was && was->replicas > 0 && was->has_settled && !was->is_healthy)
            return wait_for_later(p, false, ROLLOUT_UNHEALTHY,
                                  "it was not healthy before its last change: filled in with the "
                                  "next one");
        return true;
    }
    if (is_creation(w))
        return true;
    if (!rollout_has_settled(w) && !w->is_stalled)
        return wait_for_later(p, is_due, ROLLOUT_OTHER_RUNS, "a rollout of its owner runs");
    if (!rollout_is_healthy(w))
        return wait_for_later(p, false, ROLLOUT_UNHEALTHY,
                              "not all of its replicas are ready: filled in once they are");
    return true;
}

/* What the pods say against it. */
static bool pods_allow(struct rollout_pass *p)
{
    const struct pods_evidence *pods = p->in->pods;
    uint8_t troubles = (uint8_t)(pods->old_troubles | pods->new_troubles);

    p->step.look_again_s = p->in->now_s + ROLLOUT_REFUSED_LOOK_S; /* no news of it may come */
    if (troubles & (POD_CONFIG_ERROR | POD_CRASH_LOOP | POD_IMAGE))
        return wait_for_later(p, false, ROLLOUT_UNHEALTHY,
                              pods->new_message[0] ? pods->new_message
                                                   : "some of its pods do not run");
    if (p->in->section->when == ROLLOUT_NOW && !rollout_is_idle(p->in) && !pods->has_budget_room)
        return wait_for_later(p, false, ROLLOUT_NO_BUDGET_ROOM,
                              "a PodDisruptionBudget leaves no room");
    p->step.look_again_s = INT64_MAX;
    return true;
}

/* ---- What the history says ---- */

static const struct tried_fill *find_tried(const struct pods_evidence *pods, const char *key)
{
    for (size_t i = 0; pods && i < pods->tried_count; i++) {
        if (strcmp(pods->tried[i].key, key) == 0)
            return &pods->tried[i];
    }
    return NULL;
}

/* The newest other manager of the template, if it has written since then. Who only removes fields
 * leaves no trace, and nobody else is to be named for it. */
static const char *suspect(const struct rollout_pass *p, int64_t since_s)
{
    const struct template_rival *rival = &p->in->workload->template_rival;

    return rival->manager && rival->at_ms / 1000 >= since_s ? rival->manager : "";
}

static void stand_down(struct rollout_pass *p, enum rollout_phase phase, const char *key,
                       uint32_t lost)
{
    const struct workload_facts *w = p->in->workload;

    p->step.act = ROLLOUT_ACT_MARK;
    p->step.mark = (struct rollout_mark){
        .phase = phase,
        .key = key,
        .digest = w->template_digest,
        .wanted = p->wanted,
        .profile = p->in->profile,
        .generation = p->in->profile_generation,
        .rival = p->rival,
        .message = "",
        .lost = lost,
        .started_s = p->in->now_s,
        .containers = (uint32_t)w->pod.containers_count,
    };
    p->step.reason = phase == ROLLOUT_CONTESTED ? ROLLOUT_IS_CONTESTED : ROLLOUT_USER_UNDID;
    p->step.message = phase == ROLLOUT_CONTESTED
                          ? p->rival
                          : "a user rolled it back: not again until its template changes";
    p->step.look_again_s = INT64_MAX;
}

/*
 * `kubectl rollout undo`: an earlier revision is back, and with it what was there before us. It is
 * in managedFields only where it has changed a value: going back to the very template from before
 * the fill only removes, and what is left are the names of whoever wrote that. Where that was
 * kubectl, it is a user, if @was_tried: this profile had filled in this very template. Not where we
 * have taken it back ourselves.
 */
static bool was_undone(const struct rollout_pass *p, bool was_taken, bool was_tried)
{
    const struct workload_facts *w = p->in->workload;
    const char *manager = w->template_rival.manager;

    if (w->fill || !manager || (p->has_mark && p->mark.phase == ROLLOUT_REVERTED))
        return false;
    if (strcmp(manager, UNDO_MANAGER) == 0)
        return was_taken || (p->in->pods && p->in->pods->tried_count);
    return strncmp(manager, UNDO_MANAGER "-", sizeof(UNDO_MANAGER)) == 0 &&
           (was_taken || was_tried);
}

/* The template is another one, without what was being proven: whoever wrote it left our key out,
 * and so replaced it as a whole. Once is a release; again and again it is somebody who answers each
 * fill with a template of his own, with the time in it, say. */
static bool was_replaced(const struct rollout_pass *p)
{
    return p->has_mark && p->mark.phase == ROLLOUT_PROVING && !p->in->workload->fill;
}

/* 0: it does not, and the step is decided; -1 is ERR_NOMEM. *ret_lost counts lost rounds. */
static int history_allows(struct rollout_pass *p, const char *base, uint32_t *ret_lost,
                          const char **ret_key, struct err *err)
{
    bool was_taken = p->has_mark && rollout_was_taken(p);
    const struct tried_fill *first = find_tried(p->in->pods, base);
    const char *second_key = arena_printf(p->a, "%s%s", base, ROLLOUT_SECOND_ROUND);
    const struct tried_fill *second;
    uint32_t lost = 0;

    if (!second_key)
        return err_nomem(err);
    second = find_tried(p->in->pods, second_key);
    if (was_taken || was_replaced(p))
        p->rival = suspect(p, p->mark.started_s);
    else if (first)
        p->rival = suspect(p, second && second->proven_s > first->proven_s ? second->proven_s
                                                                           : first->proven_s);
    if (was_undone(p, was_taken, first || second)) {
        stand_down(p, ROLLOUT_STOOD_DOWN, base, 0);
        return 0;
    }
    if (was_taken || was_replaced(p))
        lost = p->mark.lost + 1;
    else if (first && first->is_proven)
        lost = second ? ROLLOUT_LOST_MAX : 1;
    if (lost >= ROLLOUT_LOST_MAX) {
        stand_down(p, ROLLOUT_CONTESTED, base, ROLLOUT_LOST_MAX);
        return 0;
    }
    *ret_lost = lost;
    *ret_key = lost ? second_key : base;
    if (find_tried(p->in->pods, *ret_key)) {
        rollout_wait(p, ROLLOUT_TRIED_BEFORE,
                     "a revision in its history has tried this fill: not again until its template "
                     "or the profile changes");
        return 0;
    }
    if (p->in->pods && !p->in->pods->has_all_tried) {
        rollout_wait(p, ROLLOUT_MEMORY_FULL,
                     "it has too many revisions to tell what was tried: lower its "
                     "revisionHistoryLimit");
        return 0;
    }
    return 1;
}

/* ---- The fill ---- */

static bool fills_resources(const struct rollout_pass *p, const struct fill *fill)
{
    for (size_t i = 0; fill->containers && i < p->in->workload->pod.containers_count; i++) {
        if (fill->containers[i].resources)
            return true;
    }
    return false;
}

/* Of the template without any fill of ours: where more is added to one that stands, a failure takes
 * back both, and what is left then is what the mark has to be about. */
static const char *bare_digest(const struct rollout_pass *p)
{
    const char *fill = p->in->workload->fill;
    bool stands = p->mark.phase == ROLLOUT_PROVEN || p->mark.phase == ROLLOUT_PENDING ||
                  p->mark.phase == ROLLOUT_PROVING;

    if (p->has_mark && stands && fill && strcmp(fill, p->mark.key) == 0)
        return p->mark.digest;
    return p->in->workload->template_digest;
}

static int begin_fill(struct rollout_pass *p, const struct fill *fill, const char *key,
                      uint32_t lost, struct err *err)
{
    const struct workload_facts *w = p->in->workload;
    const struct pods_evidence *pods = p->in->pods;
    bool is_idle = rollout_is_idle(p->in);
    size_t unset;

    if (fill_unset(&w->pod, p->in->section, fill, NULL, p->a, &unset, err) < 0)
        return -1;
    p->step.act = ROLLOUT_ACT_FILL;
    p->step.fill = *fill;
    p->step.mark = (struct rollout_mark){
        .phase = is_idle ? ROLLOUT_PENDING : ROLLOUT_PROVING,
        .troubles = (uint8_t)(pods ? pods->old_troubles | pods->new_troubles : 0),
        .has_resources = fills_resources(p, fill),
        .lost = lost,
        .containers = (uint32_t)w->pod.containers_count,
        .unset = (uint32_t)unset,
        .started_s = p->in->now_s,
        .generation = p->in->profile_generation,
        .key = key,
        .digest = bare_digest(p),
        .wanted = p->wanted,
        .left = p->step.left == ROLLOUT_FINE || p->step.left == ROLLOUT_STATED_NULL
                    ? "" /* which the workload says itself */
                    : rollout_reason_name(p->step.left),
        .profile = p->in->profile,
        .rival = lost ? p->rival : "",
        .message = "",
    };
    if (!is_idle)
        p->step.look_again_s = p->in->now_s + ROLLOUT_LOOK_S;
    else if (p->in->workload->object.kind == KIND_CRON_JOB)
        p->step.look_again_s = p->in->now_s + ROLLOUT_PENDING_LOOK_S;
    return 0;
}

/* Says what is not filled in although it is wanted; beside whatever else is done. */
static void say_what_is_left(struct rollout_pass *p)
{
    p->step.reason = p->step.left;
    p->step.message = p->step.left_message;
}

/* What the namespace has room for may be asked before anything runs; its pods not, for then there
 * are none. */
static bool needs_a_look(const struct rollout_pass *p, const struct fill *fill)
{
    const struct rollout_input *in = p->in;

    if (fills_resources(p, fill) && !(in->pods && in->pods->room.is_known))
        return true;
    return !in->pods && (in->workload->object.kind == KIND_CRON_JOB || !is_creation(in->workload));
}

/* 0: it may not, and the step says why; -1 is ERR_NOMEM. */
static int may_ever(struct rollout_pass *p, struct err *err)
{
    const struct workload_facts *w = p->in->workload;

    if (w->owner_kind[0]) {
        const char *message =
            arena_printf(p->a,
                         "it belongs to %.63s %.253s, which would take it back: state it there",
                         w->owner_kind, w->owner_name);

        if (!message)
            return err_nomem(err);
        rollout_wait(p, ROLLOUT_OWNED, message);
        return 0;
    }
    if (w->is_on_delete || w->has_partition) {
        rollout_wait(p, ROLLOUT_CANNOT_PROVE,
                     w->is_on_delete ? "updateStrategy OnDelete: no rollout would prove it"
                                     : "rollingUpdate.partition: no rollout would prove it");
        return 0;
    }
    return 1;
}

/* The key of the fill in the name of this very profile. */
static int key_of(const struct rollout_pass *p, const struct fill *fill, const char **ret_key,
                  struct err *err)
{
    const char *text, *key, *dot;
    char hash[17];

    if (fill_key(p->in->workload, fill, p->a, &key, err) < 0)
        return -1;
    dot = strrchr(key, '.');
    assert(dot);
    if (p->in->profile_uid) {
        text = arena_printf(p->a, "%s %s", dot + 1, p->in->profile_uid);
        if (!text)
            return err_nomem(err);
        policy_spec_hash(text, hash);
        key = arena_printf(p->a, "%.*s.%s", (int)(dot - key), key, hash);
    }
    *ret_key = key;
    return key ? 0 : err_nomem(err);
}

int rollout_begin(struct rollout_pass *p, const struct fill *fill, struct err *err)
{
    bool is_due = change_is_due(p);
    const char *base = NULL, *key = NULL;
    uint32_t lost = 0;
    int answer;

    if (rollout_is_held(p))
        return 0;
    say_what_is_left(p);
    if (!fill->leaves_count && (!fill->skipped || !needs_a_look(p, fill)))
        return 0;
    answer = may_ever(p, err);
    if (answer <= 0)
        return answer;
    if (key_of(p, fill, &base, err) < 0)
        return -1;
    answer = history_allows(p, base, &lost, &key, err);
    if (answer <= 0)
        return answer;
    if (!is_the_moment(p, is_due) || (p->in->pods && !pods_allow(p)))
        return 0;
    p->step.keeps_before = false;
    if (!p->in->has_turn) {
        (void)wait_for_later(p, is_due, ROLLOUT_WAITS_FOR_TURN, "others of its profile come first");
    } else if (needs_a_look(p, fill)) {
        p->step.act = ROLLOUT_ACT_LOOK;
        p->step.wants_room = fills_resources(p, fill);
        p->step.reason = ROLLOUT_WAITS_FOR_TURN; /* it needs it once more, to fill in */
        p->step.message = "its pods are looked at before anything is filled in";
        p->step.keeps_before = is_due;
    } else {
        say_what_is_left(p);
        return begin_fill(p, fill, key, lost, err);
    }
    return 0;
}
