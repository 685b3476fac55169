#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "manager_state.h"

#define CONTEST_TEXT_MAX 1024

struct verdicts *report_verdicts(struct manager *m, const struct subject *s)
{
    if (s->is_labels)
        return &m->labels;
    return s->is_profile ? &m->profiles : &m->namespaces;
}

/* ---- Events ---- */

/* kubectl describe finds Events by uid: where the finding has none, what is there now has. */
static void look_up_uid(const struct manager *m, struct object_ref *ref)
{
    const struct object *object;

    if ((ref->uid && *ref->uid) || !ref->name || ref->kind >= KIND_WATCHED_COUNT)
        return;
    object = view_get(&m->view, ref->kind, ref->ns ? ref->ns : "", ref->name);
    if (object)
        ref->uid = object->uid;
}

void report_event(struct manager *m, const struct finding *finding, enum mode mode, uint64_t now_ms)
{
    const char *action = mode == MODE_AUDIT ? "Audit" : "Reconcile";
    struct object_ref object = finding->object;
    struct object_ref profile = {.kind = KIND_PROFILE, .ns = "", .name = finding->profile};
    const struct object_ref *regarding = &object, *related = &profile;
    int64_t wall_ms = m->view.wall_ms + (int64_t)(now_ms - m->now_ms);

    if (!finding->profile)
        related = NULL;
    if (finding->profile && finding->is_about_profile) {
        regarding = &profile;
        related = &object;
    }
    if (object.kind == KIND_PROFILE)
        related = NULL;
    if (!regarding->name || *regarding->name == '\0')
        return;
    look_up_uid(m, &object);
    look_up_uid(m, &profile);
    recorder_add(m->recorder, finding, action, regarding, related, now_ms, wall_ms);
}

void report_written(struct manager *m, const struct plan *plan, size_t count, uint64_t now_ms)
{
    assert(count <= plan->writes_count);
    for (size_t i = 0; i < count; i++) {
        if (plan->writes[i].after)
            report_event(m, plan->writes[i].after, plan->mode, now_ms);
    }
}

/* ---- Verdicts ---- */

static void mark_concerned(struct manager *m, const struct subject *s,
                           const struct verdict *verdict)
{
    if (!verdict || s->is_profile)
        return;
    if (verdict->profile)
        manager_mark_profile(m, verdict->profile);
    for (size_t i = 0; i < verdict->findings_count; i++) {
        const char *profile = verdict->findings[i].profile;

        if (profile && (!verdict->profile || strcmp(profile, verdict->profile) != 0))
            manager_mark_profile(m, profile);
    }
}

void report_forget_namespace(struct manager *m, const char *ns)
{
    const struct subject s = {.name = ns};

    mark_concerned(m, &s, verdicts_get(&m->namespaces, ns));
    mark_concerned(m, &s, verdicts_get(&m->labels, ns));
    verdicts_forget(&m->namespaces, ns);
    verdicts_forget(&m->labels, ns);
}

static int keep(struct manager *m, const struct subject *s, const struct statement *said,
                struct err *err)
{
    struct verdicts *verdicts = report_verdicts(m, s);
    struct err why = {0};

    if (!verdicts_differ(verdicts, s->name, said)) {
        verdicts_set_in_place(verdicts, s->name, said->verdict.in_place);
        return 0;
    }
    mark_concerned(m, s, verdicts_get(verdicts, s->name));
    if (verdicts_put(verdicts, s->name, said, &why) < 0) {
        if (why.code == ERR_NOMEM)
            return err_set(err, why.code, "keep the verdict: %s", why.msg);
        /* Over the ceiling: enforced all the same, and counted as one that no pass has looked at.
         */
        log_event(m->options.log, LOG_DEBUG, "a verdict is not kept", LOG_STR("key", s->key),
                  LOG_STR("error", why.msg));
    }
    mark_concerned(m, s, verdicts_get(verdicts, s->name));
    return 0;
}

/* What is said of a contest before goes on until the rounds have ended. */
static const struct finding *standing_contest(struct manager *m, const struct subject *s,
                                              const struct plan *plan, uint64_t now_ms)
{
    const struct verdict *before = verdicts_get(report_verdicts(m, s), s->name);

    if (!before || !before->contest || plan->mode != MODE_ENFORCE || !plan->profile ||
        strcmp(plan->profile, before->contest->profile) != 0)
        return NULL;
    return plan->writes_count > 0 || now_ms < report_contest_until(m, s) ? before->contest : NULL;
}

static struct statement statement_of(struct manager *m, const struct subject *s,
                                     const struct plan *plan, const struct finding *failure,
                                     uint64_t now_ms)
{
    return (struct statement){
        .verdict = {.profile = plan->profile,
                    .mode = plan->mode,
                    .state = plan->state,
                    .findings = plan->findings,
                    .findings_count = (uint32_t)plan->findings_count,
                    .findings_cut = (uint32_t)plan->findings_cut,
                    .contest = standing_contest(m, s, plan, now_ms),
                    .in_place = plan->in_place},
        .failure = failure,
    };
}

/* The note of a pass with writes counts once they are done: a retry has to see what the pass saw
 * that failed. */
static void keep_note(struct manager *m, const struct subject *s, struct statement *said)
{
    const struct verdict *before = verdicts_get(report_verdicts(m, s), s->name);

    said->verdict.in_place = before ? before->in_place : 0;
}

int report_pass(struct manager *m, const struct subject *s, const struct plan *plan,
                const struct finding *failure, uint64_t now_ms, struct err *err)
{
    struct verdicts *verdicts = report_verdicts(m, s);
    struct statement said = statement_of(m, s, plan, failure, now_ms);
    bool was_failing = verdicts_failure(verdicts, s->name);
    bool was_contested = report_contest_until(m, s) != UINT64_MAX;

    if (plan->writes_count > 0)
        keep_note(m, s, &said);
    for (size_t i = 0; i < plan->findings_count; i++) {
        if (!verdicts_said(verdicts, s->name, &plan->findings[i]))
            report_event(m, &plan->findings[i], plan->mode, now_ms);
    }
    if (keep(m, s, &said, err) < 0)
        return -1;
    if (was_failing && !failure)
        log_event(m->options.log, LOG_INFO, "writes succeed again", LOG_STR("key", s->key));
    if (was_contested && !said.verdict.contest)
        log_event(m->options.log, LOG_INFO, "what is written here stays again",
                  LOG_STR("key", s->key));
    return 0;
}

/* What was said before without what failed before. */
static struct statement statement_before(struct manager *m, const struct subject *s)
{
    const struct verdict *before = verdicts_get(report_verdicts(m, s), s->name);
    struct statement said = {.failure = NULL};

    if (!before)
        return said;
    said.verdict = *before;
    if (verdicts_failure(report_verdicts(m, s), s->name)) {
        said.verdict.findings++;
        said.verdict.findings_count--;
    }
    return said;
}

void report_failure(struct manager *m, const struct subject *s, const struct plan *plan,
                    const struct finding *failure, const struct err *why, uint64_t now_ms)
{
    struct verdicts *verdicts = report_verdicts(m, s);
    struct statement said =
        plan ? statement_of(m, s, plan, failure, now_ms) : statement_before(m, s);
    bool is_news = !verdicts_said(verdicts, s->name, failure);

    said.failure = failure;
    if (plan)
        keep_note(m, s, &said);
    log_event(m->options.log, is_news ? LOG_WARN : LOG_DEBUG, "pass failed", LOG_STR("key", s->key),
              LOG_STR("reason", reason_name(failure->reason)),
              LOG_STR("code", err_code_name(why->code)), LOG_INT("status", why->http_status),
              LOG_STR("error", failure->message));
    if (is_news)
        report_event(m, failure, plan ? plan->mode : said.verdict.mode, now_ms);
    if (keep(m, s, &said, NULL) < 0)
        verdicts_doubt(verdicts, s->name);
}

/* ---- Writes that failed ---- */

static const char *needed_verb(const struct write *write)
{
    switch (write->verb) {
    case WRITE_CREATE:
        return "create";
    case WRITE_DELETE:
        return "delete";
    case WRITE_PATCH:
    case WRITE_PATCH_STRATEGIC:
    case WRITE_PATCH_STATUS:
        break;
    }
    return "patch";
}

void report_why(const struct write *write, const struct err *err, char *ret_message, size_t len_max)
{
    const struct resource *resource = resource_of(write->object.kind);

    if (err->code == ERR_FORBIDDEN)
        (void)snprintf(
            ret_message, len_max,
            "%s; grant Rampart's ServiceAccount the verb %s on %s%s in API group \"%s\" (as "
            "deploy/clusterrole.yaml does), or look for an admission policy that refuses it",
            err->msg, needed_verb(write), resource->plural,
            write->verb == WRITE_PATCH_STATUS ? "/status" : "", resource->group);
    else if (err->code == ERR_REFUSED)
        (void)
            snprintf(ret_message, len_max,
                     "%s; the API server or an admission policy refuses it: what it says has to be "
                     "mended there; it is tried again",
                     err->msg);
    else
        (void)snprintf(ret_message, len_max, "%s; it is tried again", err->msg);
}

/* ---- Contests ---- */

/* The write that tells most of who undoes what: one of drift whose manager is known, one of drift,
 * any. */
static const struct write *telling_write(const struct plan *plan)
{
    const struct write *best = &plan->writes[0];

    for (size_t i = 0; i < plan->writes_count; i++) {
        const struct write *write = &plan->writes[i];

        if (write->after && write->after->manager)
            return write;
        if (write->after && !best->after)
            best = write;
    }
    return best;
}

/* Edits of a profile take rounds of their own, and many of them are no contest. */
static bool is_profile_edited(const struct manager *m, const char *profile, uint64_t now_ms)
{
    const struct profile_track *track = profile_tracks_get(&m->tracks, profile);

    return track && profile_track_explains(track, PACE_QUIET_MS, now_ms);
}

static void contest_text(const struct plan *plan, const struct write *write, bool is_conflict,
                         char *ret_text, size_t len_max)
{
    const char *manager = write->after ? write->after->manager : NULL;
    char rounds[64];

    if (is_conflict)
        (void)snprintf(rounds, sizeof(rounds), "%d writes in a row met a conflict",
                       MANAGER_STALE_MAX);
    else
        (void)snprintf(rounds, sizeof(rounds), "what Rampart writes is undone, %d times in a row",
                       PACE_FREE);
    (void)snprintf(ret_text, len_max,
                   "%s %s/%s: %s, by %s%s; Rampart goes on, at least every %d s: stop that writer, "
                   "or change SecurityProfile %s if it is right",
                   resource_of(write->object.kind)->name, write->object.ns, write->object.name,
                   rounds, manager ? manager : "an unrecorded manager",
                   manager ? "" : " (look for its writes in the API server's audit log)",
                   PACE_MAX_MS / 1000, plan->profile);
}

void report_contest(struct manager *m, const struct subject *s, const struct plan *plan,
                    const struct write *write, uint64_t now_ms)
{
    const struct verdict *before = verdicts_get(report_verdicts(m, s), s->name);
    const struct write *told = write ? write : telling_write(plan);
    char text[CONTEST_TEXT_MAX];
    const struct finding contest = {
        .reason = REASON_CONTESTED,
        .is_warning = true,
        .object = told->object,
        .rule = told->after ? told->after->rule : "network",
        .message = text,
        .manager = told->after ? told->after->manager : NULL,
        .profile = plan->profile,
    };
    struct statement said;

    if (s->is_profile || !before || before->contest || !plan->profile ||
        (!write && !told->after && is_profile_edited(m, plan->profile, now_ms)))
        return;
    contest_text(plan, told, write, text, sizeof(text));
    said = statement_of(m, s, plan, verdicts_failure(report_verdicts(m, s), s->name), now_ms);
    said.verdict.contest = &contest;
    keep_note(m, s, &said);
    if (keep(m, s, &said, NULL) < 0)
        return; /* the next round says it */
    log_event(m->options.log, LOG_WARN, "what is written here does not stay; going on more slowly",
              LOG_STR("namespace", s->name), LOG_STR("error", text),
              LOG_INT("longest_wait_ms", PACE_MAX_MS));
    report_event(m, &contest, plan->mode, now_ms);
}

uint64_t report_contest_until(struct manager *m, const struct subject *s)
{
    const struct verdict *verdict = verdicts_get(report_verdicts(m, s), s->name);

    if (!verdict || !verdict->contest)
        return UINT64_MAX;
    return pace_quiet(verdicts_pace(report_verdicts(m, s), s->name));
}
