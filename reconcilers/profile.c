#include <string.h>

#include "rampart/json/build.h"
#include "rampart/reconcilers/profile_status.h"

#define PATCH_LEN_MAX (512u * 1024)

static void open_patch(struct json_build *j, const struct profile *p)
{
    json_open_obj(j, NULL);
    json_open_obj(j, "metadata");
    json_add_str(j, "uid", p->object.uid);
    json_add_str(j, "resourceVersion", p->object.rv);
}

static int add_write(struct plan *plan, const struct profile *p, enum write_verb verb,
                     enum plan_phase phase, const struct strbuf *body, const char *what,
                     struct err *err)
{
    struct write write = {
        .verb = verb,
        .phase = phase,
        .object = {KIND_PROFILE, "", p->object.name, p->object.uid},
        .rv = p->object.rv,
    };

    if (strbuf_check(body, "SecurityProfile", err) < 0)
        return -1;
    write.body = arena_strndup(plan->arena, body->text, body->len);
    write.summary = arena_printf(plan->arena, "%s SecurityProfile %s", what, p->object.name);
    if (!write.body || !write.summary)
        return err_nomem(err);
    return plan_add_write(plan, &write) ? 0 : plan_check(plan, err);
}

/* A merge patch replaces the list as a whole: everybody else's finalizers are stated again. */
static int plan_finalizer(struct plan *plan, const struct profile *p, bool wants, struct err *err)
{
    AUTO_STRBUF body;
    struct json_build j;

    strbuf_init(&body, PATCH_LEN_MAX);
    json_build_init(&j, &body);
    open_patch(&j, p);
    json_open_arr(&j, "finalizers");
    for (size_t i = 0; i < p->finalizers_count; i++) {
        if (strcmp(p->finalizers[i], PROFILE_FINALIZER) != 0)
            json_add_str(&j, NULL, p->finalizers[i]);
    }
    if (wants)
        json_add_str(&j, NULL, PROFILE_FINALIZER);
    json_close_arr(&j);
    json_close_obj(&j);
    json_close_obj(&j);
    return add_write(plan, p, WRITE_PATCH, wants ? PHASE_FINALIZER : PHASE_RELEASE, &body,
                     wants ? "put the finalizer on" : "take the finalizer off", err);
}

/* Whether the section fills anything in. */
static bool has_fill(const struct workloads_section *s)
{
    return s->fill.run_as_non_root || s->fill.seccomp || s->fill.allow_privilege_escalation ||
           s->fill.drop_all || s->fill.read_only_root || s->fill.cpu_request ||
           s->fill.memory_request || s->fill.cpu_limit || s->fill.memory_limit;
}

/*
 * The finalizer is on only while there is something to take back, or is about to be. A profile that
 * is going keeps it until its policies, its fills and its labels are gone, unless it says Retain
 * (or can no longer be understood: then nothing is removed in its name).
 */
static bool wants_finalizer(const struct profile *p, const struct profile_tally *t)
{
    if (p->invalid || !p->removes_on_delete)
        return false;
    if (p->object.is_deleting)
        return p->has_finalizer && t->standing + t->filled + t->labelled > 0;
    return t->standing + t->filled + t->labelled + t->networked + t->labelling > 0 ||
           (t->filling > 0 && has_fill(&p->workloads));
}

static int plan_status(struct plan *plan, const struct view *v, const struct profile *p,
                       const struct profile_tally *tally, struct err *err)
{
    AUTO_STRBUF body;
    struct json_build j;
    const char *status;

    strbuf_init(&body, PATCH_LEN_MAX);
    status = profile_status_text(v, p, tally, plan->arena, err);
    if (!status)
        return -1;
    if (strcmp(p->status, status) == 0)
        return 0;
    json_build_init(&j, &body);
    open_patch(&j, p);
    json_close_obj(&j);
    json_add_raw(&j, "status", status);
    json_close_obj(&j);
    return add_write(plan, p, WRITE_PATCH_STATUS, PHASE_STATUS, &body, "update the status of", err);
}

int profile_plan(const struct view *v, const char *name, struct plan *plan, struct err *err)
{
    const struct profile *p = OBJECT_AS(profile, view_get(v, KIND_PROFILE, "", name));
    struct profile_tally tally;
    bool wants;

    if (!p)
        return 0;
    if (profile_tally(v, p, plan->arena, &tally, err) < 0)
        return -1;
    wants = wants_finalizer(p, &tally);
    /* One write an object: the status follows when the finalizer's answer has come back. */
    if (wants != p->has_finalizer)
        return plan_finalizer(plan, p, wants, err);
    return plan_status(plan, v, p, &tally, err);
}
