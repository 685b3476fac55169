#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "manager_state.h"

#define RULE "write" /* of what the runtime itself finds */
#define MESSAGE_MAX 2048

static void set_busy(struct manager *m, const char *record_key, bool is_busy)
{
    struct hardening *r = hardenings_get(&m->harden.records, record_key);

    if (r)
        r->is_busy = is_busy;
}

/* ---- What is said ---- */

/* @finding NULL: nothing is to be said. */
static int say(struct manager *m, struct hardening *r, const struct finding *finding,
               bool is_failure, struct err *err)
{
    bool has_changed;

    if (hardenings_say(&m->harden.records, r, finding, &has_changed, err) < 0)
        return -1;
    r->is_failure = finding && is_failure;
    if (has_changed)
        harden_mark_profile(m, r);
    return 0;
}

static uint64_t hash_of(const struct manager *m, const struct finding *finding)
{
    return finding ? finding_hash(m->options.seed, finding) : 0;
}

/* What the step says of a workload that waits for its turn to be looked at again does not end what
 * was said before. */
static int tell(struct manager *m, struct hardening *r, const struct harden_step *step,
                struct err *err)
{
    uint64_t hash = hash_of(m, step->finding);

    if (r->is_failure && step->state == HARDEN_WAITS)
        return 0;
    if (say(m, r, step->finding, false, err) < 0)
        return -1;
    if (step->finding && hash != r->said && !step->was_said)
        report_event(m, step->finding, MODE_ENFORCE, m->now_ms);
    if (step->finding || step->state != HARDEN_WAITS)
        r->said = hash;
    return 0;
}

/* ---- One step ---- */

static void tell_full(struct manager *m)
{
    if (m->harden.is_full)
        return;
    m->harden.is_full = true;
    log_event(m->options.log, LOG_WARN,
              "more workloads than can be kept: those beyond are not filled in",
              LOG_INT("kept", (int64_t)m->options.hardenings_max));
}

/* *ret_r: NULL without a record of it. */
static int need_record(struct manager *m, const struct harden_look *l, struct hardening **ret_r,
                       struct err *err)
{
    struct hardening *r = hardenings_get(&m->harden.records, l->record_key);
    struct hardening_profile *before = r ? r->profile : NULL;
    struct err why = {0};
    bool has_moved = before && (!l->step.profile || strcmp(before->name, l->step.profile) != 0);

    if (has_moved)
        harden_mark_profile(m, r); /* it may go with its last record */
    *ret_r = hardenings_need(&m->harden.records, l->record_key, l->step.profile, &why);
    if (has_moved || !before)
        harden_mark_profile(m, *ret_r);
    if (*ret_r)
        return 0;
    if (why.code == ERR_NOMEM)
        return err_nomem(err);
    tell_full(m);
    return 0;
}

static void take_state(struct manager *m, struct hardening *r, struct harden_look *l)
{
    enum harden_state state = l->step.state;

    l->is_in_vain = l->step.want == HARDEN_NOTHING && r->has_turn && state == HARDEN_WAITS;
    if (l->is_in_vain) /* others come first, and it comes back after a while */
        hardening_rest(r);
    else
        hardening_wake(r);
    if (l->step.want == HARDEN_NOTHING)
        hardening_end_turn(r);
    if (hardening_set_state(r, state, l->step.is_idle))
        harden_mark_profile(m, r);
}

static int keep(struct manager *m, struct harden_look *l, struct err *err)
{
    const struct harden_step *step = &l->step;
    struct hardening *r;

    if (!step->is_concerned) {
        harden_forget(m, l->record_key);
        return 0;
    }
    if (need_record(m, l, &r, err) < 0)
        return -1;
    if (!r)
        return 0;
    take_state(m, r, l);
    if (step->want == HARDEN_NOTHING && !step->keeps_finding && tell(m, r, step, err) < 0)
        return -1;
    /* What is to be written is an answer only once it is written. */
    if (step->want != HARDEN_WRITE && !step->keeps_before) {
        r->memory = step->memory;
        r->has_memory = true;
    }
    return 0;
}

int harden_look(struct manager *m, struct harden_look *l, struct err *err)
{
    const struct hardening *r = hardenings_get(&m->harden.records, l->record_key);
    const struct harden_input in = {
        .workload = l->workload,
        .before = r && r->has_memory ? &r->memory : NULL,
        .evidence = l->read ? l->read->evidence : NULL,
        .live = l->read ? l->read->live : NULL,
        .has_turn = r && r->has_turn,
        .may_delete_pods = !r || m->now_ms >= r->no_deletions_until_ms,
    };

    plan_init(&l->plan, manager_arena(m));
    m->passes++;
    if (m->options.ops->harden->step(&m->view, &in, &l->plan, &l->step, err) < 0 ||
        plan_check(&l->plan, err) < 0)
        return -1;
    plan_sort(&l->plan);
    return keep(m, l, err);
}

/* ---- What becomes of it ---- */

void harden_fail_pass(struct manager *m, const char *key, const struct err *err)
{
    log_event(m->options.log, LOG_WARN, "a workload could not be looked at; it is tried again",
              LOG_STR("key", key), LOG_STR("error", err->msg));
    manager_retry(m, key, m->now_ms, err->retry_after_ms);
    workqueue_done(m->queue, key);
}

/* True: what is written there is undone at once, and the next round has to wait. */
static bool must_wait(struct manager *m, const char *key, struct hardening *r)
{
    uint64_t due_ms = pace_due(&r->pace, m->now_ms);

    if (due_ms > m->now_ms) {
        manager_come_back(m, key, due_ms);
        return true;
    }
    if (pace_take(&r->pace, m->now_ms))
        log_event(m->options.log, LOG_WARN,
                  "what is written to a workload does not stay; going on more slowly",
                  LOG_STR("key", key), LOG_INT("longest_wait_ms", PACE_MAX_MS));
    return false;
}

static int carry_out(struct manager *m, const char *key, struct harden_look *l, struct err *err)
{
    struct hardening *r = hardenings_get(&m->harden.records, l->record_key);

    if (l->plan.writes_count == 0)
        return err_set(err, ERR_INVALID, "there is nothing to be written");
    if (r && must_wait(m, key, r)) {
        workqueue_done(m->queue, key);
        return 0;
    }
    if (applier_start(m->applier, key, &m->scratch, &l->plan, m->now_ms, err) < 0)
        return -1;
    set_busy(m, l->record_key, true); /* until harden_on_applied() */
    return 0;
}

static int go_and_read(struct manager *m, const char *key, const struct harden_look *l,
                       struct harden_read *read_take, struct err *err)
{
    const void *known = read_take ? (l->step.want == HARDEN_LIVE ? (const void *)read_take->live
                                                                 : read_take->evidence)
                                  : NULL;

    if (known) {
        read_free(read_take);
        return err_set(err, ERR_INVALID, "it is there already, and asked for again");
    }
    if (read_begin(m, key, read_take, l->step.want, l->workload, err) < 0)
        return -1;
    set_busy(m, l->record_key, true); /* until its step, or harden_unread() */
    return 0;
}

void harden_look_again(struct manager *m, const char *key, const struct harden_step *step)
{
    if (step->is_concerned && step->look_again_s != INT64_MAX)
        manager_come_back(m, key, manager_due_of(m, step->look_again_s));
}

static void rest(struct manager *m, const char *key, const struct harden_look *l)
{
    harden_look_again(m, key, &l->step);
    if (l->is_in_vain)
        manager_retry(m, key, m->now_ms, 0);
    else if (l->step.state != HARDEN_WAITS) /* what failed may be due to its turn */
        workqueue_forget(m->queue, key);
    workqueue_done(m->queue, key);
}

/* @read: what was read for it; NULL: nothing so far. */
void harden_pass_workload(struct manager *m, const char *key, struct harden_read *read_take)
{
    struct harden_look l = {.record_key = key + strlen(HARDEN_PREFIX), .read = read_take};
    struct err err = {0};
    int result = 0;

    set_busy(m, l.record_key, false);
    l.workload = harden_object_of(m, l.record_key);
    if (!l.workload) {
        harden_forget(m, l.record_key);
        read_free(read_take);
        workqueue_forget(m->queue, key);
        workqueue_done(m->queue, key);
        return;
    }
    if (read_take)
        read_check(read_take, l.workload);
    if (harden_look(m, &l, &err) < 0) {
        read_free(read_take);
        harden_fail_pass(m, key, &err);
        return;
    }
    switch (l.step.want) {
    case HARDEN_EVIDENCE:
    case HARDEN_ROOM:
    case HARDEN_LIVE:
        result = go_and_read(m, key, &l, read_take, &err);
        read_take = NULL;
        break;
    case HARDEN_WRITE:
        result = carry_out(m, key, &l, &err);
        break;
    case HARDEN_NOTHING:
        rest(m, key, &l);
        break;
    }
    read_free(read_take);
    if (result < 0)
        harden_fail_pass(m, key, &err);
}

/* ---- What failed ---- */

/* It had its turn for nothing, and others have theirs meanwhile; it goes on waiting. What runs goes
 * on running. */
static void give_back(struct hardening *r)
{
    if (r->has_turn)
        hardening_rest(r);
}

/* Retries that fail alike say nothing new. */
static void tell_failure(struct manager *m, const char *key, struct hardening *r,
                         const struct finding *finding, const struct err *why, uint64_t now_ms)
{
    uint64_t hash = hash_of(m, finding);
    bool is_news = r && r->said != hash;

    log_event(m->options.log, is_news ? LOG_WARN : LOG_DEBUG, "hardening failed",
              LOG_STR("key", key), LOG_STR("reason", reason_name(finding->reason)),
              LOG_STR("code", err_code_name(why->code)), LOG_INT("status", why->http_status),
              LOG_STR("error", finding->message));
    if (!r)
        return;
    if (is_news)
        report_event(m, finding, MODE_ENFORCE, now_ms);
    r->said = hash;
    if (say(m, r, finding, true, NULL) < 0)
        r->said = 0; /* no memory to keep it: the next failure says it */
}

static struct finding failure_of(const struct hardening *r, const struct err *why,
                                 const struct object_ref *object, const char *message)
{
    return (struct finding){
        .reason = why->code == ERR_FORBIDDEN ? REASON_FORBIDDEN : REASON_WRITE_FAILED,
        .is_warning = true,
        .counts_as_failed = true,
        .object = *object,
        .rule = RULE,
        .message = message,
        .profile = r && r->profile ? r->profile->name : NULL,
    };
}

void harden_unread(struct manager *m, const char *key, const struct err *why, uint64_t now_ms)
{
    const char *record_key = key + strlen(HARDEN_PREFIX);
    struct hardening *r = hardenings_get(&m->harden.records, record_key);
    const struct object *workload = harden_object_of(m, record_key);
    char message[MESSAGE_MAX];

    set_busy(m, record_key, false);
    if (why->code == ERR_CANCELED) { /* stopping */
        workqueue_done(m->queue, key);
        return;
    }
    /* The caches may be behind, and the server may be away for a moment. */
    if (workload && why->code != ERR_NOT_FOUND &&
        (!err_is_transient(why) || workqueue_failures(m->queue, key) + 1 >= MANAGER_STALE_MAX)) {
        const struct object_ref object = {workload->kind, workload->ns, workload->name,
                                          workload->uid};
        struct finding finding;

        (void)snprintf(message, sizeof(message),
                       "%s %s/%s cannot be looked at: %s; it is tried again",
                       resource_of(workload->kind)->name, workload->ns, workload->name, why->msg);
        finding = failure_of(r, why, &object, message);
        tell_failure(m, key, r, &finding, why, now_ms);
    }
    if (r)
        give_back(r);
    manager_retry(m, key, now_ms, why->retry_after_ms);
    workqueue_done(m->queue, key);
}

/* ---- What became of a plan ---- */

/* Whether it may have been written all the same: then its turn is not another's until the caches
 * have had time to tell. */
static bool may_be_written(const struct manager *m, const char *key,
                           const struct apply_result *result)
{
    int status = result->err.http_status;

    if (workqueue_failures(m->queue, key) + 1 >= MANAGER_STALE_MAX)
        return false;
    return result->outcome == APPLY_STALE || status < 400 || status >= 500;
}

static void plan_failed(struct manager *m, const char *key, struct hardening *r,
                        const struct apply_result *result, uint64_t now_ms)
{
    char message[MESSAGE_MAX];
    struct finding finding;

    report_why(result->failed, &result->err, message, sizeof(message));
    finding = failure_of(r, &result->err, &result->failed->object, message);
    tell_failure(m, key, r, &finding, &result->err, now_ms);
    if (r && !may_be_written(m, key, result))
        give_back(r);
    manager_retry(m, key, now_ms, result->err.retry_after_ms);
}

/* The step says what that means for the workload. */
static bool is_deletion_forbidden(const struct apply_result *result)
{
    return result->err.code == ERR_FORBIDDEN && result->failed->verb == WRITE_DELETE &&
           result->failed->object.kind == KIND_POD;
}

static void do_without_deletions(struct manager *m, const char *key, struct hardening *r,
                                 const struct apply_result *result, uint64_t now_ms)
{
    log_event(m->options.log, LOG_WARN, "stuck pods may not be deleted", LOG_STR("key", key),
              LOG_STR("error", result->err.msg));
    r->no_deletions_until_ms = now_ms + MANAGER_NO_DELETIONS_MS;
    manager_come_back(m, key, r->no_deletions_until_ms);
    workqueue_forget(m->queue, key);
    manager_add_key(m, key);
}

static void plan_done(struct manager *m, const char *key, struct hardening *r)
{
    if (r && r->is_failure) {
        log_event(m->options.log, LOG_INFO, "writes succeed again", LOG_STR("key", key));
        r->said = 0;
        (void)!say(m, r, NULL, false, NULL); /* which takes no memory */
    }
    workqueue_forget(m->queue, key);
    manager_add_key(m, key); /* what it has become */
}

/* Events of what was written; the step will say the same of the workload. */
static void tell_written(struct manager *m, struct hardening *r, const struct plan *plan,
                         size_t count, uint64_t now_ms)
{
    report_written(m, plan, count, now_ms);
    for (size_t i = 0; r && i < count; i++) {
        if (plan->writes[i].after)
            r->said = hash_of(m, plan->writes[i].after);
    }
}

void harden_on_applied(struct manager *m, const char *key, const struct plan *plan,
                       const struct apply_result *result, uint64_t now_ms)
{
    const char *record_key = key + strlen(HARDEN_PREFIX);
    struct hardening *r = hardenings_get(&m->harden.records, record_key);

    set_busy(m, record_key, false);
    switch (result->outcome) {
    case APPLY_DONE:
        plan_done(m, key, r);
        break;
    case APPLY_STALE:
        if (workqueue_failures(m->queue, key) + 1 >= MANAGER_STALE_MAX)
            plan_failed(m, key, r, result, now_ms);
        else
            manager_retry(m, key, now_ms, 0);
        break;
    case APPLY_FAILED:
        if (result->err.code == ERR_TERMINATING) {
            if (r)
                give_back(r);
            workqueue_forget(m->queue, key);
        } else if (r && is_deletion_forbidden(result))
            do_without_deletions(m, key, r, result, now_ms);
        else
            plan_failed(m, key, r, result, now_ms);
        break;
    case APPLY_CANCELED:
        break;
    }
    tell_written(m, r, plan, result->writes_done, now_ms);
    workqueue_done(m->queue, key);
}
