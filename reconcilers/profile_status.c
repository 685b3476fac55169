#include "rampart/reconcilers/profile_status.h"

#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"
#include "rampart/kube/timestamp.h"

#define STATUS_LEN_MAX (256u * 1024)
#define CONDITIONS_COUNT 5

struct verdict_text {
    const char *type;
    bool is_true;
    const char *reason;
    const char *message;
};

static const struct condition *observed_condition(const struct profile *p, const char *type)
{
    for (size_t i = 0; i < p->conditions_count; i++) {
        if (strcmp(p->conditions[i].type, type) == 0)
            return &p->conditions[i];
    }
    return NULL;
}

static void write_condition(struct json_build *j, const struct profile *p, const char *now,
                            const struct verdict_text *c)
{
    const struct condition *old = observed_condition(p, c->type);
    const char *status = c->is_true ? "True" : "False";
    bool is_same =
        old && strcmp(old->status, status) == 0 && *old->last_transition != '\0'; /* "": unknown */

    json_open_obj(j, NULL);
    json_add_str(j, "type", c->type);
    json_add_str(j, "status", status);
    json_add_str(j, "reason", c->reason);
    json_add_str(j, "message", c->message);
    json_add_int(j, "observedGeneration", p->generation);
    json_add_str(j, "lastTransitionTime", is_same ? old->last_transition : now);
    json_close_obj(j);
}

/* A namespace may have failed without anybody being able to say why: memory was out. */
static const char *failure_reason(const struct profile_tally *t)
{
    return t->worst ? reason_name(t->worst->reason) : "Failed";
}

static const char *failure_message(const struct profile_tally *t)
{
    return t->worst ? t->worst->message
                    : "memory was out, and why it failed is not known; it is tried again";
}

/* What keeps it from being ready although nothing has failed. */
static const struct finding *obstacle(const struct profile_tally *t)
{
    return t->contest ? t->contest : t->worst;
}

static const char *unready_reason(const struct profile_tally *t)
{
    const struct finding *finding = obstacle(t);

    if (finding &&
        (finding->reason == REASON_CONTESTED || finding->reason == REASON_UNDONE ||
         finding->reason == REASON_LABEL_WAITS || finding->reason == REASON_LABEL_STATED))
        return reason_name(finding->reason);
    return "Progressing";
}

/* What keeps the workloads' part from being ready. False: nothing. */
static bool workloads_obstacle(const struct profile *p, const struct profile_tally *t,
                               struct arena *a, struct verdict_text *c)
{
    const char *first;

    if (!t->has_workloads)
        return false;
    if (t->postures.states[POSTURE_FAILED] > 0) {
        first = t->unread ? t->unread->message : "see the log";
        c->reason = reason_name(REASON_RULE_ERROR);
        c->message = arena_printf(a, "%u of %zu workloads cannot be evaluated; first: %s",
                                  t->postures.states[POSTURE_FAILED], tally_workloads(t), first);
    } else if (t->rollouts.is_paused) {
        c->reason = reason_name(REASON_ROLLOUTS_PAUSED);
        c->message = t->rollouts.message;
    } else if (*t->unknown_rules) {
        c->reason = reason_name(REASON_UNKNOWN_RULE);
        c->message = arena_printf(a,
                                  "spec.workloads.rules names what is no rule: %s; correct or "
                                  "remove it (docs/rules.md has all of them); everything else is "
                                  "evaluated",
                                  t->unknown_rules);
    } else if (p->workloads.mode == MODE_ENFORCE && t->postures.states[POSTURE_DRIFTED] > 0) {
        first = t->deviates ? t->deviates->message : "see status.rules";
        c->reason = reason_name(REASON_RULE_FAILED);
        c->message = arena_printf(a, "%u of %zu workloads fail a rule that is required; first: %s",
                                  t->postures.states[POSTURE_DRIFTED], tally_workloads(t), first);
    } else {
        return false;
    }
    return true;
}

/* Whether a section is about the namespaces themselves. */
static bool is_about_namespaces(const struct profile *p)
{
    return p->network.is_stated || p->pod_security.is_stated;
}

/* The strictest mode of the sections about namespaces that are stated, Off without any. */
static enum mode namespaces_mode(const struct profile *p)
{
    enum mode network = p->network.is_stated ? p->network.mode : MODE_OFF;
    enum mode labels = p->pod_security.is_stated ? p->pod_security.mode : MODE_OFF;

    return network > labels ? network : labels;
}

/* ... of all that are stated. */
static enum mode mode_of(const struct profile *p)
{
    enum mode mode = namespaces_mode(p);

    if (!p->workloads.is_stated)
        return is_about_namespaces(p) ? mode : p->network.mode;
    return p->workloads.mode > mode ? p->workloads.mode : mode;
}

/* What it says of the sections that count something. */
static const char *compliance_message(const struct profile *p, const struct profile_tally *t,
                                      struct arena *a)
{
    size_t kept =
        (size_t)t->postures.states[POSTURE_COMPLIANT] + t->postures.states[POSTURE_EXEMPT];

    if (!t->has_workloads)
        return arena_printf(a, "%zu of %zu namespaces are compliant", t->compliant, t->decided);
    if (!is_about_namespaces(p))
        return arena_printf(a, "%zu of %zu workloads are compliant or exempt", kept,
                            tally_workloads(t));
    return arena_printf(
        a, "%zu of %zu namespaces are compliant, and %zu of %zu workloads are compliant or exempt",
        t->compliant, t->decided, kept, tally_workloads(t));
}

static struct verdict_text ready(const struct profile *p, const struct profile_tally *t,
                                 struct arena *a)
{
    struct verdict_text c = {.type = "Ready"};

    if (p->invalid) {
        c.reason = reason_name(REASON_INVALID_SPEC);
        c.message = p->invalid;
    } else if (p->object.is_deleting) {
        c.reason = "TakingBack";
        c.message = arena_printf(a,
                                 "%zu policies are still to be removed, and what was filled in is "
                                 "still to be taken back from %zu workloads and the labels of %zu "
                                 "namespaces",
                                 t->standing, t->filled, t->labelled);
    } else if (t->failed > 0) {
        c.reason = failure_reason(t);
        c.message = arena_printf(a, "%zu of %zu namespaces cannot be made compliant; first: %s",
                                 t->failed, t->decided + t->left, failure_message(t));
    } else if (t->pending > 0 || t->unsettled > 0) {
        const struct finding *first = obstacle(t);

        c.reason = unready_reason(t);
        c.message = arena_printf(a, "%zu of %zu namespaces are compliant%s%s", t->compliant,
                                 t->decided, first ? "; first: " : "", first ? first->message : "");
    } else if (!workloads_obstacle(p, t, a, &c)) {
        c.is_true = true;
        c.reason = mode_of(p) == MODE_ENFORCE ? "Enforced"
                   : mode_of(p) == MODE_OFF   ? "Off"
                                              : "Evaluated";
        c.message = compliance_message(p, t, a);
    }
    return c;
}

static const char *plugin_message(const struct profile_tally *t, struct arena *a)
{
    if (t->plugin)
        return arena_printf(a, "the network plugin that enforces NetworkPolicy here seems to be %s",
                            t->plugin);
    return "no network plugin that enforces NetworkPolicy was recognised; without one the policies "
           "have "
           "no effect";
}

/* Of a profile without a network section. */
static struct verdict_text enforcing_workloads(const struct profile *p,
                                               const struct profile_tally *t)
{
    struct verdict_text c = {.type = "Enforcing", .reason = mode_name(p->workloads.mode)};

    if (p->workloads.mode == MODE_OFF) {
        c.message = "the workloads section is switched off";
    } else if (p->workloads.mode == MODE_AUDIT) {
        c.message = "workloads are evaluated and not written to; set mode: Enforce";
    } else if (t->filling == 0) {
        c.reason = "NothingSelected";
        c.message = "it decides for the workloads of no namespace";
    } else {
        c.is_true = true;
        c.reason = "Enforced";
        c.message =
            "what spec.workloads.fill asks for and is missing in pod templates is filled in";
    }
    return c;
}

/* Of one whose labels count, and no network section beside them. */
static const char *labels_message(const struct profile *p, const struct profile_tally *t)
{
    if (p->pod_security.mode == MODE_OFF)
        return "the podSecurityAdmission section is switched off";
    if (p->pod_security.mode == MODE_AUDIT)
        return "the podSecurityAdmission section is evaluated and nothing is written; set mode: "
               "Enforce";
    return t->labelling > 0
               ? "Pod Security Admission labels are filled in where they are not stated"
               : "no namespace matches spec.namespaceSelector";
}

static const char *idle_message(const struct profile *p, const struct profile_tally *t)
{
    if (t->labelling > 0)
        return p->network.is_stated
                   ? "labels are filled in; for the network section nothing is written"
                   : labels_message(p, t);
    if (t->filling > 0)
        return "workloads are filled in; for the network section nothing is written";
    if (!p->network.is_stated)
        return labels_message(p, t);
    return p->network.mode == MODE_OFF
               ? "the network section is switched off"
               : "the network section is evaluated and nothing is written; set mode: Enforce";
}

static struct verdict_text enforcing_nothing(const struct profile *p)
{
    struct verdict_text c = {.type = "Enforcing"};

    c.reason = p->invalid              ? reason_name(REASON_INVALID_SPEC)
               : p->object.is_deleting ? "Deleting"
                                       : "NothingStated";
    c.message = p->invalid              ? p->invalid
                : p->object.is_deleting ? "the profile is being deleted and selects nothing"
                                        : "the profile states no section that could be enforced";
    return c;
}

static struct verdict_text enforcing(const struct profile *p, const struct profile_tally *t,
                                     struct arena *a)
{
    struct verdict_text c = {.type = "Enforcing"};
    bool has_network = p->network.is_stated && p->network.mode == MODE_ENFORCE;

    if (p->invalid || p->object.is_deleting || (!is_about_namespaces(p) && !p->workloads.is_stated))
        return enforcing_nothing(p);
    if (!is_about_namespaces(p))
        return enforcing_workloads(p, t);
    c.is_true = t->networked + t->labelling + t->filling > 0;
    if (t->winner) {
        c.reason = reason_name(REASON_OVERRIDDEN);
        c.message =
            arena_printf(a,
                         "%zu of %zu namespaces are decided by a profile of higher priority (%s)",
                         t->overridden, t->selected, t->winner);
    } else if (has_network) {
        c.reason = t->decided > 0 ? "Enforced" : "NothingSelected";
        c.message =
            t->decided > 0 ? plugin_message(t, a) : "no namespace matches spec.namespaceSelector";
    } else {
        c.reason = c.is_true                            ? "Enforced"
                   : namespaces_mode(p) == MODE_ENFORCE ? "NothingSelected"
                                                        : mode_name(namespaces_mode(p));
        c.message = idle_message(p, t);
    }
    return c;
}

static struct verdict_text degraded(const struct profile *p, const struct profile_tally *t,
                                    struct arena *a)
{
    struct verdict_text c = {.type = "Degraded", .reason = "AllWell", .message = ""};

    if (t->failed > 0) {
        c.is_true = !p->invalid;
        c.reason = failure_reason(t);
        c.message = failure_message(t);
    } else if (t->has_workloads && *t->scan_trouble) {
        c.is_true = true;
        c.reason = reason_name(REASON_SCAN_FAILED);
        c.message = t->scan_trouble;
    } else if (t->has_workloads && (t->postures.states[POSTURE_FAILED] > 0 ||
                                    t->rollouts.is_paused || *t->unknown_rules)) {
        c.is_true = workloads_obstacle(p, t, a, &c);
    }
    return c;
}

static struct verdict_text contested(const struct profile_tally *t, struct arena *a)
{
    struct verdict_text c = {.type = "Contested", .reason = "Uncontested", .message = ""};
    const struct finding *first = t->contest ? t->contest : t->contested_workload;
    const char *first_message = first ? first->message : "see the Events";
    unsigned workloads = t->rollouts.contested;

    if (!t->contest && workloads == 0)
        return c;
    c.is_true = true;
    c.reason = reason_name(REASON_CONTESTED);
    if (workloads == 0)
        c.message = arena_printf(a, "%zu of %zu namespaces; first: %s", t->contested, t->decided,
                                 first_message);
    else if (!t->contest)
        c.message = arena_printf(a, "%u workloads; first: %s", workloads, first_message);
    else
        c.message = arena_printf(a, "%zu of %zu namespaces and %u workloads; first: %s",
                                 t->contested, t->decided, workloads, first_message);
    return c;
}

static int write_conditions(struct json_build *j, const struct view *v, const struct profile *p,
                            const struct profile_tally *t, struct arena *a, struct err *err)
{
    char now[TIMESTAMP_LEN];
    struct verdict_text all[CONDITIONS_COUNT] = {ready(p, t, a), enforcing(p, t, a)};

    timestamp_seconds(v->wall_ms, now);
    all[2] = degraded(p, t, a);
    all[3] = contested(t, a);
    all[4] = (struct verdict_text){
        .type = "Stalled",
        .is_true = p->invalid != NULL,
        .reason = p->invalid ? reason_name(REASON_INVALID_SPEC) : "SpecAccepted",
        .message = p->invalid ? p->invalid : "",
    };
    json_open_arr(j, "conditions");
    for (size_t i = 0; i < CONDITIONS_COUNT; i++) {
        if (!all[i].message)
            return err_nomem(err);
        write_condition(j, p, now, &all[i]);
    }
    json_close_arr(j);
    return 0;
}

static int write_drift(struct json_build *j, const struct profile_tally *t, struct arena *a,
                       struct err *err)
{
    json_open_arr(j, "drift");
    for (size_t i = 0; i < t->drift_count; i++) {
        const struct finding *f = t->drift[i];
        const char *object = arena_printf(a, "%s %s%s%s", resource_of(f->object.kind)->name,
                                          f->object.ns, *f->object.ns ? "/" : "", f->object.name);

        if (!object)
            return err_nomem(err);
        json_open_obj(j, NULL);
        json_add_str(j, "object", object);
        json_add_str(j, "rule", f->rule);
        json_add_str(j, "reason", reason_name(f->reason));
        json_add_str(j, "message", f->message);
        if (f->manager)
            json_add_str(j, "manager", f->manager);
        json_close_obj(j);
    }
    json_close_arr(j);
    /* Stated also when false: a merge patch leaves alone what it does not name. */
    json_add_bool(j, "driftTruncated", t->is_drift_cut);
    return 0;
}

const char *profile_status_text(const struct view *v, const struct profile *p,
                                const struct profile_tally *t, struct arena *a, struct err *err)
{
    AUTO_STRBUF text;
    struct json_build j;
    json_auto_t *root = NULL;

    strbuf_init(&text, STATUS_LEN_MAX);
    json_build_init(&j, &text);
    json_open_obj(&j, NULL);
    json_add_int(&j, "observedGeneration", p->generation);
    if (write_conditions(&j, v, p, t, a, err) < 0)
        return NULL;
    json_open_obj(&j, "namespaces");
    json_add_int(&j, "selected", (int64_t)t->selected);
    json_add_int(&j, "compliant", (int64_t)t->compliant);
    json_add_int(&j, "drifted", (int64_t)(t->drifted + t->pending));
    json_add_int(&j, "failed", (int64_t)t->failed);
    json_add_int(&j, "overridden", (int64_t)t->overridden);
    json_close_obj(&j);
    json_open_obj(&j, "workloads");
    json_add_int(&j, "total", (int64_t)tally_workloads(t));
    json_add_int(&j, "compliant", t->postures.states[POSTURE_COMPLIANT]);
    json_add_int(&j, "drifted", t->postures.states[POSTURE_DRIFTED]);
    json_add_int(&j, "exempt", t->postures.states[POSTURE_EXEMPT]);
    json_add_int(&j, "failed", t->postures.states[POSTURE_FAILED]);
    json_close_obj(&j);
    json_open_obj(&j, "rollouts");
    json_add_int(&j, "running", t->rollouts.running);
    json_add_int(&j, "waiting", t->rollouts.waiting);
    json_add_int(&j, "proven", t->rollouts.proven);
    json_add_int(&j, "failed", t->rollouts.failed);
    json_add_int(&j, "contested", t->rollouts.contested);
    json_add_bool(&j, "paused", t->rollouts.is_paused);
    json_close_obj(&j);
    if (profile_status_rules(&j, v, p, t, a, err) < 0 || write_drift(&j, t, a, err) < 0)
        return NULL;
    json_close_obj(&j);
    if (strbuf_check(&text, "status", err) < 0)
        return NULL;
    root = json_decode(text.text, text.len, err);
    return root ? json_canonical(root, a, err) : NULL;
}
