/* What is said of a workload: as a finding, for its profile's status and as an Event. */
#include "harden_pass.h"
#include "rampart/reconcilers/policy_spec.h"

static const struct {
    enum reason reason; /* REASON_NONE: waiting is nothing to be told */
    bool is_warning;
    const char *what; /* happened to the workload; the message says why */
} tales[ROLLOUT_REASON_COUNT] = {
    [ROLLOUT_UNREADABLE] = {REASON_WORKLOAD_SKIPPED, true, "is not filled in"},
    [ROLLOUT_OWNED] = {REASON_WORKLOAD_SKIPPED, false, "is not filled in"},
    [ROLLOUT_CANNOT_PROVE] = {REASON_WORKLOAD_SKIPPED, true, "is not filled in"},
    [ROLLOUT_WOULD_BREAK] = {REASON_WORKLOAD_SKIPPED, true,
                             "is not filled in, or without runAsNonRoot"},
    [ROLLOUT_UNKNOWN_USER] = {REASON_WORKLOAD_SKIPPED, true,
                              "is not filled in, or without runAsNonRoot"},
    [ROLLOUT_TRIED_BEFORE] = {REASON_WORKLOAD_SKIPPED, false, "is not filled in"},
    [ROLLOUT_FAILED_BEFORE] = {REASON_REVERTED, true,
                               "did not come back with what was filled in, which was taken back"},
    [ROLLOUT_USER_UNDID] = {REASON_STOOD_DOWN, true, "is left alone"},
    [ROLLOUT_IS_CONTESTED] = {REASON_CONTESTED, true, "is left alone"},
    [ROLLOUT_MEMORY_FULL] = {REASON_WORKLOAD_SKIPPED, true, "is not filled in"},
    [ROLLOUT_PAUSED] = {REASON_WORKLOAD_SKIPPED, false, "is not filled in"},
    [ROLLOUT_UNHEALTHY] = {REASON_WORKLOAD_SKIPPED, true, "is not filled in"},
    [ROLLOUT_NO_BUDGET_ROOM] = {REASON_WORKLOAD_SKIPPED, false, "is not filled in"},
    [ROLLOUT_NO_QUOTA] = {REASON_WORKLOAD_SKIPPED, true, "is filled in without requests or limits"},
    [ROLLOUT_STATED_NULL] = {REASON_WORKLOAD_SKIPPED, true, "is not filled in, or not wholly"},
    [ROLLOUT_CANNOT_DELETE] = {REASON_WORKLOAD_SKIPPED, true, "is stuck"},
};

static const char *message_of(const struct harden_pass *p, enum rollout_reason reason,
                              const char *message)
{
    const struct object *o = &p->w->object;
    const char *name = resource_of(o->kind)->name;

    switch (reason) {
    case ROLLOUT_IS_CONTESTED:
        return arena_printf(
            p->a,
            "%s %s/%s is left alone: what was filled in was taken back twice; %s%s: "
            "state it where that comes from, or exempt the workload; tried again "
            "when its template or the profile changes",
            name, o->ns, o->name,
            *message ? "since then its template was written by "
                     : "by whom, the API does not record; look in the audit log",
            message);
    case ROLLOUT_FAILED_BEFORE:
        if (p->mark.phase == ROLLOUT_LEFT)
            return arena_printf(p->a,
                                "%s: %s %s/%s keeps what was filled in and was to be taken back: "
                                "%s; remove by hand what is not wanted, and the annotations %s "
                                "and %s",
                                rollout_phase_name(p->mark.phase), name, o->ns, o->name, message,
                                ANNOTATION_FILL, ANNOTATION_ROLLOUT);
        if (p->mark.phase == ROLLOUT_KEPT)
            return arena_printf(p->a,
                                "%s: %s %s/%s did not come back with what was filled in, which "
                                "stays, as rollout.onFailure says: %s",
                                rollout_phase_name(p->mark.phase), name, o->ns, o->name, message);
        return arena_printf(p->a,
                            "%s %s/%s %s: %s; tried again when its template or the profile changes",
                            name, o->ns, o->name, tales[reason].what, message);
    case ROLLOUT_USER_UNDID:
        return arena_printf(p->a, "%s %s/%s %s: %s", name, o->ns, o->name, tales[reason].what,
                            message);
    default:
        return arena_printf(p->a, "%s: %s %s/%s %s: %s", rollout_reason_name(reason), name, o->ns,
                            o->name, tales[reason].what, message);
    }
}

/* What the mark says was said by whoever wrote it, unless that was killed before it could. */
static bool is_of_mark(enum rollout_reason reason)
{
    return reason == ROLLOUT_FAILED_BEFORE || reason == ROLLOUT_USER_UNDID ||
           reason == ROLLOUT_IS_CONTESTED;
}

/* The same for each process that reads the mark, and another one for the next mark. *ret_once NULL:
 * the mark does not say it. */
static int once_of(const struct harden_pass *p, enum rollout_reason reason, const char **ret_once,
                   struct err *err)
{
    char hex[17];
    const char *text;

    *ret_once = NULL;
    if (!is_of_mark(reason) || !p->has_mark)
        return 0;
    text = arena_printf(p->a, "%s %s %s %lld", p->w->object.uid, rollout_phase_name(p->mark.phase),
                        p->mark.key, (long long)p->mark.started_s);
    if (!text)
        return err_nomem(err);
    policy_spec_hash(text, hex);
    *ret_once = arena_strdup(p->a, hex);
    return *ret_once ? 0 : err_nomem(err);
}

/* As whom a workload runs that runs nothing, nobody can know: thousands of them are nothing to be
 * told. Once something runs, a look tells. */
static bool is_no_news(const struct harden_pass *p, enum rollout_reason reason)
{
    return reason == ROLLOUT_UNKNOWN_USER && p->w->object.kind != KIND_CRON_JOB &&
           p->w->replicas <= 0;
}

int harden_say(struct harden_pass *p, enum rollout_reason reason, const char *message,
               struct err *err)
{
    const struct object *o = &p->w->object;
    bool stays = reason == ROLLOUT_FAILED_BEFORE && p->mark.phase != ROLLOUT_REVERTED;
    struct finding *finding;

    if (tales[reason].reason == REASON_NONE || !p->acts || is_no_news(p, reason))
        return 0;
    finding = arena_alloc(p->a, sizeof(*finding));
    if (!finding)
        return err_nomem(err);
    *finding = (struct finding){
        .reason = stays ? REASON_WORKLOAD_SKIPPED : tales[reason].reason,
        .is_warning = tales[reason].is_warning,
        .object = {o->kind, o->ns, o->name, o->uid},
        .rule = HARDEN_RULE,
        .message = message_of(p, reason, message),
        .manager = reason == ROLLOUT_IS_CONTESTED && *message ? message : NULL,
        .profile = p->acts->object.name,
    };
    if (!finding->message)
        return err_nomem(err);
    if (once_of(p, reason, &finding->once, err) < 0)
        return -1;
    p->step.finding = finding;
    p->step.was_said =
        !p->in->before && ((p->is_note_marked && reason == p->note) ||
                           (is_of_mark(reason) && p->now_s - p->mark.started_s > HARDEN_SAID_S));
    return 0;
}
