#include "rampart/reconcilers/harden.h"

#include <string.h>

#include "harden_pass.h"
#include "rampart/reconcilers/rollout_planner.h"
#include "rampart/reconcilers/selection.h"

/* What holds for a rollout whose profile states no section any more, or is gone. */
static const struct workloads_section default_section = {
    .on_failure = ON_FAILURE_REVERT,
    .concurrent_max = 5,
    .deadline_s = 300,
    .failures_percent_max = 20,
};

/* ---- Who acts, and as what ---- */

static bool fills_in(const struct profile *p)
{
    return p && p->workloads.mode == MODE_ENFORCE;
}

/* It is going, or no longer selects the namespace, and promised to take everything back. */
static bool takes_back(const struct harden_pass *p)
{
    const struct profile *owner = p->owner;

    if (!owner || owner == p->decides || owner->invalid || !owner->removes_on_delete ||
        fills_in(p->decides))
        return false;
    /* Audit and Off freeze; another profile that decides masks it, whatever its mode is. */
    return owner->object.is_deleting || (!p->decides && fills_in(owner));
}

static bool adopts(const struct harden_pass *p)
{
    return p->owner && p->owner != p->decides && !p->owner->invalid &&
           p->owner->object.is_deleting && p->owner->removes_on_delete && fills_in(p->decides);
}

static void take_stance(struct harden_pass *p)
{
    bool is_known = p->has_mark || p->w->fill;

    p->acts = p->decides ? p->decides : p->owner;
    if (takes_back(p)) {
        p->stance = STANCE_TAKE_BACK;
        p->acts = p->owner;
    } else if (adopts(p)) {
        p->stance = STANCE_ADOPT;
    } else if (fills_in(p->decides)) {
        p->stance = STANCE_FILL;
    } else if (is_known) {
        p->stance = STANCE_FINISH;
    }
    p->section = p->acts && p->acts->workloads.is_stated && p->acts->workloads.deadline_s
                     ? &p->acts->workloads
                     : &default_section;
}

static int read_mark(struct harden_pass *p, struct err *err)
{
    struct err why = {0};

    if (!p->w->rollout)
        return 0;
    if (rollout_mark_read(p->w->rollout, p->a, &p->mark, &why) < 0)
        return why.code == ERR_NOMEM ? err_nomem(err) : 0;
    p->has_mark = true;
    if (*p->mark.profile)
        p->owner = OBJECT_AS(profile, view_get(p->view, KIND_PROFILE, "", p->mark.profile));
    return 0;
}

/* Nothing in it is touched: not by us, or not any more. */
static bool is_out_of_bounds(const struct harden_pass *p)
{
    const struct object *ns = view_get(p->view, KIND_NAMESPACE, "", p->w->object.ns);

    return !ns || ns->is_deleting || p->w->object.is_deleting ||
           strcmp(p->w->object.ns, p->view->own_namespace) == 0;
}

/* ---- What is remembered ---- */

/* What was left out of the fill that is in the template, as the mark says. */
static enum rollout_reason left_by_mark(const struct harden_pass *p)
{
    static const enum rollout_reason reasons[] = {ROLLOUT_WOULD_BREAK, ROLLOUT_UNKNOWN_USER,
                                                  ROLLOUT_NO_QUOTA};

    if (!p->has_mark || !p->w->fill || strcmp(p->w->fill, p->mark.key) != 0)
        return ROLLOUT_FINE;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(p->mark.left, rollout_reason_name(reasons[i])) == 0)
            return reasons[i];
    }
    return ROLLOUT_FINE;
}

/* What a look at the pods spoke against is known until its owner changes the template. */
static enum rollout_reason known_before(struct harden_pass *p)
{
    const struct harden_memory *was = p->in->before, *now = &p->step.memory;
    bool is_same = was && was->uid == now->uid && was->note < ROLLOUT_REASON_COUNT &&
                   (was->digest == now->digest || was->fill != now->fill);

    if (is_same && was->note != ROLLOUT_FINE)
        return (enum rollout_reason)was->note;
    p->is_note_of_mark = true;
    return left_by_mark(p);
}

static enum rollout_reason find_out(struct harden_pass *p, const struct rollout_step *rollout)
{
    const struct pods_evidence *pods = p->in->evidence;

    if (!pods && (known_before(p) != ROLLOUT_FINE || rollout->left != ROLLOUT_STATED_NULL))
        return known_before(p);
    switch (rollout->act == ROLLOUT_ACT_NOTHING ? rollout->reason : ROLLOUT_FINE) {
    case ROLLOUT_TRIED_BEFORE:
    case ROLLOUT_MEMORY_FULL:
    case ROLLOUT_UNHEALTHY:
    case ROLLOUT_NO_BUDGET_ROOM:
        return rollout->reason;
    default:
        break;
    }
    if (rollout->left == ROLLOUT_FINE && !pods->room.is_known &&
        left_by_mark(p) == ROLLOUT_NO_QUOTA)
        return ROLLOUT_NO_QUOTA; /* which the pods say nothing about */
    return rollout->left;
}

/* ---- One step ---- */

static int act(struct harden_pass *p, const struct rollout_step *rollout, struct err *err)
{
    switch (rollout->act) {
    case ROLLOUT_ACT_NOTHING:
        break;
    case ROLLOUT_ACT_LOOK:
        p->step.keeps_before = true; /* nothing is answered yet */
        if (p->in->evidence)         /* read for something else: once more, and then all of it */
            p->step.look_again_s = p->now_s + HARDEN_BEHIND_LOOK_S;
        else
            p->step.want = rollout->wants_room ? HARDEN_ROOM : HARDEN_EVIDENCE;
        break;
    case ROLLOUT_ACT_FILL:
        return harden_fill(p, rollout, err);
    case ROLLOUT_ACT_MARK:
        return harden_mark(p, &rollout->mark, err);
    case ROLLOUT_ACT_REVERT:
        return harden_revert(p, &rollout->mark, err);
    case ROLLOUT_ACT_DELETE_PODS:
        return harden_delete_pods(p, rollout, err);
    }
    return 0;
}

/* Keeps it from being filled in: nothing to be told where there is nothing but what is left out. */
static bool is_about_fill(enum rollout_reason reason)
{
    return reason == ROLLOUT_UNHEALTHY || reason == ROLLOUT_PAUSED ||
           reason == ROLLOUT_NO_BUDGET_ROOM || reason == ROLLOUT_TRIED_BEFORE ||
           reason == ROLLOUT_MEMORY_FULL;
}

static const char *note_message(const struct harden_pass *p, const struct rollout_step *rollout)
{
    return p->note == rollout->left ? rollout->left_message : rollout_left_message(p->note);
}

static int say(struct harden_pass *p, const struct rollout_step *rollout, struct err *err)
{
    /* What a mark will say is said once it is there. */
    bool is_silent = rollout->act == ROLLOUT_ACT_MARK || rollout->act == ROLLOUT_ACT_REVERT ||
                     (!rollout->has_fill && is_about_fill(rollout->reason));
    const char *message = note_message(p, rollout);

    /* Before it is looked at once more, the last look has the word. */
    p->step.keeps_finding =
        (p->step.want != HARDEN_NOTHING && p->step.want != HARDEN_WRITE) ||
        (p->step.want == HARDEN_NOTHING && rollout->reason == ROLLOUT_WAITS_FOR_TURN && p->note &&
         !p->is_note_of_mark);
    if (p->step.keeps_finding)
        return 0;
    if (!is_silent && harden_say(p, rollout->reason, rollout->message, err) < 0)
        return -1;
    if (p->step.finding || !*message || p->stance != STANCE_FILL)
        return 0;
    return harden_say(p, p->note, message, err);
}

static int follow_rollout(struct harden_pass *p, struct err *err)
{
    struct fill_exempt exempt;
    struct rollout_input in = {
        .workload = p->w,
        .before = p->in->before,
        .section = p->section,
        .pods = p->in->evidence,
        .profile = p->acts ? p->acts->object.name : "",
        .profile_uid = p->acts ? p->acts->object.uid : "",
        .profile_generation = p->acts ? p->acts->generation : 0,
        .now_s = p->now_s,
        .has_turn = p->in->has_turn,
        .may_delete_pods = p->in->may_delete_pods,
    };
    struct rollout_step rollout;
    int64_t until_s = INT64_MAX;

    if (p->stance == STANCE_FILL) {
        if (harden_exempt(p, &exempt, &until_s, err) < 0)
            return -1;
        in.exempt = &exempt;
        in.may_fill = !p->acts->removes_on_delete || p->acts->has_finalizer;
    }
    if (rollout_step(&in, p->a, &rollout, err) < 0)
        return -1;
    p->step.state = planner_state(p->has_mark ? &p->mark : NULL, in.profile, in.profile_generation,
                                  rollout.reason);
    p->step.look_again_s = rollout.look_again_s < until_s ? rollout.look_again_s : until_s;
    p->step.keeps_before = rollout.keeps_before;
    p->note = find_out(p, &rollout);
    p->is_note_marked = p->note != ROLLOUT_FINE && p->note == left_by_mark(p);
    /* Who states it as null may cease to, and the template stays the same. */
    p->step.memory.note =
        p->is_note_of_mark || p->note == ROLLOUT_STATED_NULL ? ROLLOUT_FINE : (uint8_t)p->note;
    if (act(p, &rollout, err) < 0)
        return -1;
    return say(p, &rollout, err);
}

static int adopt(struct harden_pass *p, struct err *err)
{
    struct rollout_mark mark = p->mark;

    mark.profile = p->decides->object.name;
    mark.generation = 0; /* neither a success nor a failure of its own */
    p->step.state = HARDEN_IDLE;
    return harden_mark(p, &mark, err);
}

int harden_step(const struct view *v, const struct harden_input *in, struct plan *plan,
                struct harden_step *ret_step, struct err *err)
{
    struct harden_pass p = {
        .view = v,
        .in = in,
        .plan = plan,
        .a = plan->arena,
        .w = OBJECT_AS(workload_facts, in->workload),
        .now_s = v->wall_ms / 1000,
        .step = {.look_again_s = INT64_MAX},
    };
    int r = 0;

    rollout_remember(p.w, &p.step.memory);
    if (is_out_of_bounds(&p)) {
        *ret_step = p.step;
        return 0;
    }
    if (selection_workloads_of(v, p.w->object.ns, p.a, &p.decides, err) < 0 ||
        read_mark(&p, err) < 0)
        return -1;
    take_stance(&p);
    p.step.is_concerned = p.stance != STANCE_NONE;
    p.step.is_idle = p.w->object.kind == KIND_CRON_JOB || p.w->replicas <= 0;
    p.step.profile = p.acts && p.step.is_concerned ? p.acts->object.name : NULL;
    if (p.stance == STANCE_FILL || p.stance == STANCE_FINISH)
        r = follow_rollout(&p, err);
    else if (p.stance == STANCE_ADOPT)
        r = adopt(&p, err);
    else if (p.stance == STANCE_TAKE_BACK)
        r = harden_take_back(&p, err);
    if (r < 0)
        return -1;
    if (plan->writes_count > 0) {
        plan->mode = MODE_ENFORCE;
        plan->profile = plan->writes[0].profile;
    }
    *ret_step = p.step;
    return 0;
}

/* ---- Turns ---- */

/* Taking back waits for nobody's failures. */
static int give_turns_to_go(const struct view *v, const struct profile *p,
                            const struct workloads_section *section, struct harden_item *items,
                            size_t count, struct arena *a, uint32_t running, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct profile *decides;

        if (items[i].state != HARDEN_WAITS ||
            (!items[i].is_idle && running >= section->concurrent_max))
            continue;
        if (selection_workloads_of(v, items[i].workload->ns, a, &decides, err) < 0)
            return -1;
        items[i].has_turn = decides != p;
        running += items[i].has_turn && !items[i].is_idle;
    }
    return 0;
}

static void keep_paused(struct harden_turns *turns, struct harden_item *items, size_t count)
{
    turns->is_paused = true;
    for (size_t i = 0; i < count; i++)
        items[i].has_turn = false;
}

int harden_turns(const struct view *v, const char *profile, bool was_paused,
                 struct harden_item *items, size_t count, struct arena *a,
                 struct harden_turns *ret_turns, struct err *err)
{
    const struct profile *p = OBJECT_AS(profile, view_get(v, KIND_PROFILE, "", profile));
    const struct workloads_section *section =
        p && p->workloads.is_stated && p->workloads.deadline_s ? &p->workloads : &default_section;
    struct harden_turns turns;

    if (rollout_plan(items, count, section, profile, a, &turns, err) < 0)
        return -1;
    if (was_paused && !turns.is_paused)
        keep_paused(&turns, items, count);
    if (turns.is_paused && p &&
        give_turns_to_go(v, p, section, items, count, a, turns.running, err) < 0)
        return -1;
    *ret_turns = turns;
    return 0;
}
