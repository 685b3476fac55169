/* The writes of a step: fills, marks, and what takes them back. */
#include <assert.h>
#include <string.h>

#include "harden_pass.h"
#include "rampart/json/get.h"
#include "rampart/reconcilers/ownership.h"

static int write_patch(struct harden_pass *p, const char *patch, const char *what, struct err *err)
{
    const struct object *o = &p->w->object;
    const char *profile = p->acts ? p->acts->object.name : NULL;
    const struct write write = {
        .verb = WRITE_PATCH_STRATEGIC,
        .phase = PHASE_WORKLOAD,
        .object = {o->kind, o->ns, o->name, o->uid},
        .rv = o->rv,
        .body = patch,
        .summary =
            arena_printf(p->a, "%s %s %s/%s", what, resource_of(o->kind)->name, o->ns, o->name),
        .profile = profile,
    };

    if (!write.summary)
        return err_nomem(err);
    p->step.want = HARDEN_WRITE;
    return plan_add_write(p->plan, &write) ? 0 : plan_check(p->plan, err);
}

static int patch_mark(struct harden_pass *p, const struct fill *fill,
                      const struct rollout_mark *mark, const char *what, struct err *err)
{
    const char *text, *patch;

    if (rollout_mark_write(mark, p->a, &text, err) < 0 ||
        fill_patch(p->w, fill, mark->key, text, p->a, &patch, err) < 0)
        return -1;
    return write_patch(p, patch, what, err);
}

int harden_fill(struct harden_pass *p, const struct rollout_step *rollout, struct err *err)
{
    /* Should the write be refused, the change of the owner still waits for its answer; and so does
     * the workload: what runs is what its mark says. */
    p->step.keeps_before = true;
    p->step.state = HARDEN_WAITS;
    return patch_mark(p, &rollout->fill, &rollout->mark, "fill in", err);
}

int harden_mark(struct harden_pass *p, const struct rollout_mark *mark, struct err *err)
{
    const struct fill none = {.leaves_count = 0};

    return patch_mark(p, &none, mark, "mark", err);
}

/* ---- Taking back ---- */

/* What the decision rests on: the object that the caches show, and no other. */
static bool is_as_seen(const struct harden_pass *p)
{
    const json_t *meta = json_member(p->in->live, "metadata");
    const char *uid = json_string_value(json_member(meta, "uid"));
    const char *rv = json_string_value(json_member(meta, "resourceVersion"));

    return uid && rv && strcmp(uid, p->w->object.uid) == 0 && strcmp(rv, p->w->object.rv) == 0;
}

/* False: the step is decided, the live object is to be read first. */
static bool has_live(struct harden_pass *p)
{
    if (!p->in->live) {
        p->step.want = HARDEN_LIVE;
        p->step.keeps_before = true;
        return false;
    }
    if (is_as_seen(p))
        return true;
    p->step.want = HARDEN_NOTHING;
    p->step.keeps_before = true;
    p->step.look_again_s = p->now_s + HARDEN_BEHIND_LOOK_S;
    return false;
}

/* It stays, for good: trying again would not help. */
static int leave(struct harden_pass *p, const struct rollout_mark *mark, const char *why,
                 struct err *err)
{
    struct rollout_mark left = *mark;

    left.phase = ROLLOUT_LEFT;
    left.digest = p->w->template_digest;
    left.message = why;
    left.started_s = p->now_s;
    p->step.state = HARDEN_FAILED;
    return harden_mark(p, &left, err);
}

#define WHY_GONE "managedFields no longer tell what was filled in"

/* What the live object says of taking back. */
struct back {
    const char *patch; /* NULL: nothing of ours is there */
    const char *why;   /* what was filled in stays; NULL: it does not */
    size_t kept;       /* leaves that others have adopted */
};

/* @mark NULL: the mark goes as well. */
static int read_back(struct harden_pass *p, const struct rollout_mark *mark, struct back *ret_back,
                     struct err *err)
{
    struct back back = {.kept = 0};
    const char *text = NULL;
    struct err why = {0};

    if (mark && rollout_mark_write(mark, p->a, &text, err) < 0)
        return -1;
    if (fill_take_back(p->w->object.kind, p->in->live, text, p->a, &back.patch, &back.kept, &why) <
        0) {
        if (why.code == ERR_NOMEM)
            return err_nomem(err);
        back.why = why.code == ERR_UNAVAILABLE ? WHY_GONE : "its containers cannot be told apart";
    } else if (!back.patch && p->w->fill) {
        back.why = back.kept ? "other managers have it as theirs by now" : WHY_GONE;
    }
    *ret_back = back;
    return 0;
}

int harden_revert(struct harden_pass *p, const struct rollout_mark *mark, struct err *err)
{
    const char *why;
    struct back back;

    if (!has_live(p))
        return 0;
    if (read_back(p, mark, &back, err) < 0)
        return -1;
    if (back.why) {
        why = arena_printf(p->a, "%s; it failed with: %s", back.why, mark->message);
        return why ? leave(p, mark, why, err) : err_nomem(err);
    }
    assert(back.patch); /* the fill is in the template, and nothing stands in the way */
    return write_patch(p, back.patch, "take back what was filled into", err);
}

/* Whether taking back rolls anything out. */
static bool restarts_pods(const struct workload_facts *w)
{
    return w->object.kind != KIND_CRON_JOB && w->replicas > 0 && !w->is_paused &&
           !w->is_on_delete && !w->has_partition;
}

/* The rollout of what was taken back is over, or has had its time. */
static bool is_over(const struct harden_pass *p)
{
    return p->now_s - p->mark.started_s >= (int64_t)p->section->deadline_s ||
           p->now_s < p->mark.started_s ||
           (p->step.memory.has_settled && p->step.memory.is_healthy) || p->w->is_paused ||
           p->w->replicas <= 0;
}

/* The leaves first, under a mark that keeps its turn while their rollout runs. */
static int take_back_fill(struct harden_pass *p, bool *ret_is_done, struct err *err)
{
    struct rollout_mark mark = p->mark;
    struct back back;

    mark.phase = ROLLOUT_TAKEN_BACK;
    mark.started_s = p->now_s;
    mark.message = "";
    if (read_back(p, &mark, &back, err) < 0)
        return -1;
    *ret_is_done = true;
    if (back.why && !back.kept)
        return leave(p, &p->mark, back.why, err);
    if (back.patch && restarts_pods(p->w))
        return write_patch(p, back.patch, "take back what was filled into", err);
    *ret_is_done = false; /* what others have adopted stays, and the marks go */
    return 0;
}

static int take_all_back(struct harden_pass *p, struct err *err)
{
    struct back back;

    if (read_back(p, NULL, &back, err) < 0)
        return -1;
    if (back.patch)
        return write_patch(p, back.patch, "take everything back from", err);
    return leave(p, &p->mark, back.why ? back.why : "its mark belongs to another manager by now",
                 err);
}

int harden_take_back(struct harden_pass *p, struct err *err)
{
    bool is_taken = p->mark.phase == ROLLOUT_TAKEN_BACK && !p->w->fill, is_done = false;
    bool needs_turn = p->w->fill && !p->in->has_turn;

    if (p->mark.phase == ROLLOUT_LEFT) {
        p->step.state = HARDEN_FAILED;
        return harden_say(p, ROLLOUT_FAILED_BEFORE, p->mark.message, err);
    }
    p->step.state = is_taken ? HARDEN_RUNS : HARDEN_WAITS;
    if (is_taken && !is_over(p)) {
        p->step.look_again_s = p->mark.started_s + (int64_t)p->section->deadline_s;
        return 0;
    }
    if (needs_turn || !has_live(p))
        return 0;
    if (p->w->fill && take_back_fill(p, &is_done, err) < 0)
        return -1;
    return is_done ? 0 : take_all_back(p, err);
}

/* ---- Pods ---- */

int harden_delete_pods(struct harden_pass *p, const struct rollout_step *rollout, struct err *err)
{
    p->step.want = HARDEN_WRITE;
    for (size_t i = 0; i < rollout->stuck_count; i++) {
        if (!ownership_delete_stuck_pod(p->plan, p->w->object.ns, &rollout->stuck[i], err))
            return -1;
    }
    return 0;
}
