#include <stdio.h>
#include <string.h>

#include "manager_state.h"

/* The rule that findings of the runtime itself go by. */
#define RULE "write"

void manager_retry(struct manager *m, const char *key, uint64_t now_ms, uint32_t at_least_ms)
{
    struct err err = {0};

    if (workqueue_add_failed(m->queue, key, now_ms, at_least_ms, &err) < 0)
        manager_want_resync(m, now_ms + MANAGER_RETRY_MS);
}

static void retry(struct manager *m, const struct subject *s, uint64_t now_ms, uint32_t at_least_ms)
{
    manager_retry(m, s->key, now_ms, at_least_ms);
}

void manager_come_back(struct manager *m, const char *key, uint64_t at_ms)
{
    struct err err = {0};

    if (workqueue_add_at(m->queue, key, at_ms, &err) < 0)
        manager_want_resync(m, at_ms);
}

uint64_t manager_due_of(const struct manager *m, int64_t at_s)
{
    int64_t wait_s = at_s - m->view.wall_ms / 1000;

    if (wait_s > MANAGER_LOOK_MAX_S)
        wait_s = MANAGER_LOOK_MAX_S;
    return m->now_ms + (uint64_t)(wait_s > 0 ? wait_s : 1) * 1000;
}

static void come_back(struct manager *m, const struct subject *s, uint64_t at_ms)
{
    manager_come_back(m, s->key, at_ms);
}

static void finish(struct manager *m, const struct subject *s)
{
    uint64_t contest_until_ms = report_contest_until(m, s);

    if (contest_until_ms != UINT64_MAX)
        come_back(m, s, contest_until_ms);
    workqueue_forget(m->queue, s->key);
    workqueue_done(m->queue, s->key);
}

/* ---- Planning ---- */

static void look_at_profile(struct manager *m, const char *name)
{
    const struct profile *p = OBJECT_AS(profile, view_get(&m->view, KIND_PROFILE, "", name));
    struct profile_track *track;

    if (!p) {
        profile_tracks_forget(&m->tracks, name);
        return;
    }
    track = profile_tracks_look(&m->tracks, p, m->now_ms);
    if (track) {
        track->has_passed = true;
        track->passed_ms = m->now_ms;
    }
}

struct arena *manager_arena(struct manager *m)
{
    if (m->scratch.used_max == 0) /* the applier took it over, or it was given back */
        arena_init(&m->scratch, PASS_BYTES_MAX);
    else
        arena_reset(&m->scratch);
    return &m->scratch;
}

static int make_plan(struct manager *m, const struct subject *s, struct plan *plan, struct err *err)
{
    const struct reconciler_ops *ops = m->options.ops;

    plan_init(plan, manager_arena(m));
    m->passes++;
    if ((s->is_profile ? ops->plan_profile(&m->view, s->name, plan, err)
                       : ops->plan_namespace(&m->view, s->name, plan, err)) < 0 ||
        plan_check(plan, err) < 0)
        return -1;
    plan_sort(plan);
    return 0;
}

static struct finding planless_finding(const struct subject *s, const struct err *err,
                                       char *ret_message, size_t len_max)
{
    struct finding finding = {
        .reason = REASON_WRITE_FAILED,
        .is_warning = true,
        .counts_as_failed = true,
        .object = {.kind = s->is_profile ? KIND_PROFILE : KIND_NAMESPACE,
                   .ns = "",
                   .name = s->name,
                   .uid = ""},
        .rule = RULE,
        .message = ret_message,
        .profile = s->is_profile ? s->name : NULL,
    };

    (void)snprintf(ret_message, len_max, "%s %s could not be evaluated: %s; it is tried again",
                   resource_of(finding.object.kind)->name, s->name, err->msg);
    return finding;
}

void manager_planning_failed(struct manager *m, const struct subject *s, const struct err *err)
{
    char message[ERR_MSG_MAX + 2 * NAME_LEN_MAX];
    struct finding finding = planless_finding(s, err, message, sizeof(message));

    report_failure(m, s, NULL, &finding, err, m->now_ms);
    retry(m, s, m->now_ms, 0);
    workqueue_done(m->queue, s->key);
}

/* True: others undo what is written here, and the next round has to wait. */
static bool must_wait(struct manager *m, const struct subject *s, const struct plan *plan)
{
    /* Labels are given up before it comes to that. */
    struct pace *pace =
        s->is_profile || s->is_labels ? NULL : verdicts_pace(&m->namespaces, s->name);
    uint64_t due_ms = pace ? pace_due(pace, m->now_ms) : 0;

    if (due_ms > m->now_ms) {
        come_back(m, s, due_ms);
        return true;
    }
    if (pace && pace_take(pace, m->now_ms))
        report_contest(m, s, plan, NULL, m->now_ms);
    return false;
}

/* When the next status may be sent: @now_ms or earlier means at once. */
static uint64_t status_due(const struct profile_track *track)
{
    uint64_t due_ms = track->written_ms + MANAGER_STATUS_EVERY_MS;
    uint64_t quiet_ms = track->counted_ms + MANAGER_STATUS_EVERY_MS;

    if (!track->has_written)
        return 0;
    if (track->written_generation != track->generation || quiet_ms < due_ms)
        return due_ms;
    return sooner(quiet_ms, track->written_ms + MANAGER_STATUS_LATEST_MS);
}

/* True: the plan is a status alone, and it is too soon after the last one of this profile. */
static bool must_hold_status(struct manager *m, const struct subject *s, const struct plan *plan)
{
    struct profile_track *track = s->is_profile ? profile_tracks_get(&m->tracks, s->name) : NULL;
    uint64_t due_ms;

    if (!track || plan->writes[0].phase != PHASE_STATUS)
        return false;
    due_ms = status_due(track);
    if (due_ms <= m->now_ms) {
        track->has_written = true;
        track->written_ms = m->now_ms;
        track->written_generation = track->generation;
        return false;
    }
    come_back(m, s, due_ms);
    return true;
}

static void carry_out(struct manager *m, const struct subject *s, const struct plan *plan)
{
    struct err err = {0};

    if (must_wait(m, s, plan) || must_hold_status(m, s, plan)) {
        workqueue_done(m->queue, s->key);
        return;
    }
    if (applier_start(m->applier, s->key, &m->scratch, plan, m->now_ms, &err) == 0)
        return; /* manager_on_applied() goes on */
    retry(m, s, m->now_ms, 0);
    workqueue_done(m->queue, s->key);
}

void manager_conclude(struct manager *m, const struct subject *s, const struct plan *plan)
{
    const struct finding *standing = NULL;
    struct err err = {0};

    /* What kept the writes from being done holds until they are done, or until there are none. */
    if (plan->writes_count > 0)
        standing = verdicts_failure(report_verdicts(m, s), s->name);
    if (plan->look_again_s > 0)
        manager_come_back(m, s->key, manager_due_of(m, plan->look_again_s));
    if (report_pass(m, s, plan, standing, m->now_ms, &err) < 0)
        manager_planning_failed(m, s, &err);
    else if (plan->writes_count > 0)
        carry_out(m, s, plan);
    else
        finish(m, s);
}

/* A namespace or a profile. */
static void pass_subject(struct manager *m, const char *key)
{
    struct subject s = subject_of(key);
    struct err err = {0};
    struct plan plan;

    if (s.is_profile)
        look_at_profile(m, s.name);
    if (make_plan(m, &s, &plan, &err) < 0) {
        manager_planning_failed(m, &s, &err);
        return;
    }
    manager_conclude(m, &s, &plan);
}

bool manager_pass(struct manager *m)
{
    const char *key = m->batch.key;

    if (!key && (harden_go_on(m) || labels_go_on(m)))
        return true;
    if (!key)
        key = workqueue_take(m->queue, m->now_ms);
    if (!key)
        return false;
    if (posture_has_key(key))
        posture_pass(m, key);
    else if (harden_has_key(key))
        harden_pass(m, key);
    else if (labels_has_key(key))
        labels_pass(m, key);
    else
        pass_subject(m, key);
    return true;
}

/* ---- Deletions ---- */

/* Whose the object is that is deleted; NULL: nobody's that exists. */
static const struct profile *owner_of(const struct manager *m, const struct write *write)
{
    if (!write->profile)
        return NULL;
    return OBJECT_AS(profile, view_get(&m->view, KIND_PROFILE, "", write->profile));
}

bool manager_may_delete(void *ctx, const struct plan *plan, const struct write *write,
                        uint64_t now_ms)
{
    struct manager *m = ctx;
    const struct profile *owner = owner_of(m, write);
    struct profile_track *track = NULL;

    (void)plan;
    /* The budget is about policies: a Pod here is stuck in a rollout that was taken back. */
    if (write->is_explained || write->object.kind == KIND_POD)
        return true;
    if (owner)
        track = profile_tracks_look(&m->tracks, owner, now_ms);
    if (track && profile_track_explains(track, MANAGER_EXPLAINED_MS, now_ms))
        return true;
    if (track && track->is_stopped)
        return false;
    if (delete_budget_take(&m->deletes, m->ours_count, now_ms))
        return true;
    if (track) {
        track->is_stopped = true;
        log_event(m->options.log, LOG_ERROR,
                  "deletions are stopped: more of them than a change of a profile explains",
                  LOG_STR("profile", owner->object.name), LOG_STR("namespace", write->object.ns),
                  LOG_STR("name", write->object.name));
    }
    return false;
}

/* The profile whose deletions are stopped, if that is what ended the plan. */
static const struct profile *stopped_by_budget(const struct manager *m,
                                               const struct apply_result *result)
{
    const struct profile *owner;
    const struct profile_track *track;

    if (result->err.code != ERR_LIMIT || result->failed->verb != WRITE_DELETE)
        return NULL;
    owner = owner_of(m, result->failed);
    track = owner ? profile_tracks_get(&m->tracks, owner->object.name) : NULL;
    return track && track->is_stopped ? owner : NULL;
}

/* ---- What became of a plan ---- */

#define MESSAGE_MAX 2048

static void plan_failed(struct manager *m, const struct subject *s, const struct plan *plan,
                        const struct apply_result *result, uint64_t now_ms)
{
    const struct profile *stopped = stopped_by_budget(m, result);
    const struct write *write = result->failed;
    char message[MESSAGE_MAX];
    struct finding finding = {
        .reason = result->err.code == ERR_FORBIDDEN ? REASON_FORBIDDEN : REASON_WRITE_FAILED,
        .is_warning = true,
        .counts_as_failed = true,
        .object = write->object,
        .rule = RULE,
        .message = message,
        .profile = plan->profile   ? plan->profile
                   : s->is_profile ? s->name
                                   : NULL,
    };

    if (result->outcome == APPLY_STALE)
        (void)
            snprintf(message, sizeof(message),
                     "%s; the API server's answers contradict what it lists, %d times in a row: "
                     "see who else goes on writing the object, or what stands between Rampart and "
                     "the API server; it is tried again",
                     result->err.msg, MANAGER_STALE_MAX);
    else
        report_why(write, &result->err, message, sizeof(message));
    if (stopped) {
        finding.reason = REASON_DELETE_BUDGET;
        finding.is_about_profile = true;
        finding.profile = stopped->object.name;
        (void)snprintf(
            message, sizeof(message),
            "%s: stopped, because more than %d deletions or %d %% of all policies in a minute "
            "are not explained by a change of SecurityProfile %s; see why its namespaces are "
            "no longer selected (their labels?); if that is meant, change the profile's spec, "
            "its priority, say, or restart Rampart",
            write->summary, MANAGER_DELETES_FREE, MANAGER_DELETES_PERCENT, stopped->object.name);
    }
    if (result->outcome == APPLY_STALE && result->err.code == ERR_CONFLICT)
        report_contest(m, s, plan, write, now_ms);
    report_failure(m, s, plan, &finding, &result->err, now_ms);
    if (stopped) /* a change of the profile marks its namespaces */
        workqueue_forget(m->queue, s->key);
    else
        retry(m, s, now_ms, result->err.retry_after_ms);
}

static void plan_done(struct manager *m, const struct subject *s, const struct plan *plan,
                      uint64_t now_ms)
{
    struct err err = {0};

    if (report_pass(m, s, plan, NULL, now_ms, &err) < 0)
        verdicts_doubt(report_verdicts(m, s), s->name);
    /* Only now are its objects known to stand: see verdict.in_place. */
    verdicts_set_in_place(report_verdicts(m, s), s->name, plan->in_place);
    workqueue_forget(m->queue, s->key);
    /* Once more: it finds nothing to do, or the rest of what could not be done at once. */
    if (!s->is_profile)
        manager_add_key(m, s->key);
}

void manager_on_applied(void *ctx, const char *key, const struct plan *plan,
                        const struct apply_result *result, uint64_t now_ms)
{
    struct manager *m = ctx;
    struct subject s;

    if (harden_has_key(key)) {
        harden_on_applied(m, key, plan, result, now_ms);
        return;
    }
    s = subject_of(key);
    report_written(m, plan, result->writes_done, now_ms);
    switch (result->outcome) {
    case APPLY_DONE:
        plan_done(m, &s, plan, now_ms);
        break;
    case APPLY_STALE:
        log_event(m->options.log, LOG_DEBUG, "the caches were behind; planned again",
                  LOG_STR("key", key), LOG_STR("error", result->err.msg));
        /* Caches catch up within a try or two; who is never right has something to say. */
        if (workqueue_failures(m->queue, key) + 1 >= MANAGER_STALE_MAX)
            plan_failed(m, &s, plan, result, now_ms);
        else
            retry(m, &s, now_ms, 0);
        break;
    case APPLY_FAILED:
        if (result->err.code == ERR_TERMINATING)
            workqueue_forget(m->queue, key);
        else
            plan_failed(m, &s, plan, result, now_ms);
        break;
    case APPLY_CANCELED:
        break;
    }
    workqueue_done(m->queue, key);
}
