#include "rampart/reconcilers/pod_security.h"

#include <string.h>

#include "pod_security_pass.h"
#include "rampart/reconcilers/selection.h"

#define OURS_ALL ((uint8_t)((1u << PSA_LABELS_COUNT) - 1))

/* ---- Who would be refused ---- */

/* At which version enforce would hold: a version that somebody stated alone stays. */
static uint16_t version_to_be(const struct pod_security_section *s, const char *const *labels)
{
    const char *version = labels[PSA_VERSION_LABEL(PSA_ENFORCE)];

    return version && !labels[PSA_LEVEL_LABEL(PSA_ENFORCE)] ? psa_version_of(version)
                                                            : s->pss_minor;
}

static void read_labels(const struct namespace_facts *ns, const char **ret_labels)
{
    for (size_t i = 0; i < PSA_LABELS_COUNT; i++)
        ret_labels[i] = labels_get(&ns->labels, psa_labels[i]);
}

static int find_profile(const struct view *v, const struct namespace_facts *ns, struct arena *a,
                        const struct profile **ret_profile, struct err *err)
{
    struct object_list profiles;

    if (view_list(v, KIND_PROFILE, NULL, a, &profiles, err) < 0)
        return -1;
    *ret_profile = selection_pod_security(v, &profiles, ns);
    return 0;
}

int pod_security_begin(const struct view *v, const char *ns, struct arena *a, void **ret_build,
                       struct err *err)
{
    const struct namespace_facts *facts =
        OBJECT_AS(namespace_facts, view_get(v, KIND_NAMESPACE, "", ns));
    struct violators *vs = arena_alloc(a, sizeof(*vs));
    const char *labels[PSA_LABELS_COUNT];
    const struct profile *p = NULL;

    if (!vs)
        return err_nomem(err);
    if (facts && find_profile(v, facts, a, &p, err) < 0)
        return -1;
    violators_init(vs, LEVEL_PRIVILEGED, PSS_MINOR_LATEST, a);
    if (p && p->pod_security.has_level[PSA_ENFORCE]) {
        read_labels(facts, labels);
        violators_init(vs, p->pod_security.levels[PSA_ENFORCE],
                       version_to_be(&p->pod_security, labels), a);
    }
    if (violators_add_templates(vs, v, ns, err) < 0)
        return -1;
    *ret_build = vs;
    return 0;
}

int pod_security_take(const struct view *v, void *build, const struct object *object,
                      struct err *err)
{
    return violators_add(build, v, OBJECT_AS(workload_facts, object), err);
}

/* ---- The gate ---- */

static bool is_enforce_set(const struct pod_security_pass *p)
{
    return p->changes[PSA_LEVEL_LABEL(PSA_ENFORCE)].act == LABEL_SET ||
           p->changes[PSA_VERSION_LABEL(PSA_ENFORCE)].act == LABEL_SET;
}

static bool was_asked(const struct pod_security_pass *p)
{
    return p->known->gate_rv && strcmp(p->known->gate_rv, p->ns->object.rv) == 0;
}

static int say_waits(struct pod_security_pass *p, const struct violators *vs, struct err *err)
{
    const struct pod_security_section *s = &p->profile->pod_security;
    const char *text = violators_text(vs, p->arena);
    const char *warning = was_asked(p) ? p->known->warning : "";
    const char *verb = p->profile->pod_security.mode == MODE_AUDIT ? "would wait" : "waits";

    if (!text)
        return err_nomem(err);
    return pod_security_say(
        p, REASON_LABEL_WAITS, p->profile->object.name,
        arena_printf(p->arena,
                     "namespace %s: label %s=%s:%s %s, for these would be refused: %s%s%s; mend "
                     "them (rampart eval says what fails), or set "
                     "spec.podSecurityAdmission.onViolation: Enforce in SecurityProfile %s",
                     p->ns->object.name, psa_labels[PSA_LEVEL_LABEL(PSA_ENFORCE)],
                     psa_level_name(s->levels[PSA_ENFORCE]), p->version, verb,
                     *text ? text : "see what the API server says",
                     *warning ? "; the API server warns: " : "", warning, p->profile->object.name),
        err);
}

static void hold_back(struct pod_security_pass *p)
{
    p->changes[PSA_LEVEL_LABEL(PSA_ENFORCE)] = (struct label_change){.act = LABEL_STAYS};
    p->changes[PSA_VERSION_LABEL(PSA_ENFORCE)] = (struct label_change){.act = LABEL_STAYS};
}

/*
 * Whether enforce may be set now. POD_SECURITY_WRITE: it may, or it is held back; else what has to
 * be known first. @vs: the templates that violate.
 */
static int ask_gate(struct pod_security_pass *p, const struct violators *vs,
                    struct pod_security_step *step, struct err *err)
{
    if (vs->count == 0 && !was_asked(p)) {
        step->want = POD_SECURITY_GATE;
        return 0;
    }
    if (vs->count == 0 && *p->known->warning == '\0')
        return 0;
    if (!p->known->violators) {
        step->want = POD_SECURITY_VIOLATORS;
        return 0;
    }
    /* News of templates come by themselves, those of Pods do not. */
    step->waits = vs->count == 0;
    if (say_waits(p, p->known->violators, err) < 0)
        return -1;
    hold_back(p);
    return 0;
}

static int find_templates(struct pod_security_pass *p, struct violators *vs, struct err *err)
{
    const struct pod_security_section *s = &p->profile->pod_security;

    violators_init(vs, s->levels[PSA_ENFORCE], version_to_be(s, p->labels), p->arena);
    return violators_add_templates(vs, p->view, p->ns->object.name, err);
}

/* ---- Enforce ---- */

static int say_imposed(const struct pod_security_pass *p, const struct violators *vs,
                       struct finding *ret_after, struct err *err)
{
    const char *text = violators_text(vs, p->arena);

    ret_after->reason = REASON_LABEL_IMPOSED;
    ret_after->message =
        text ? arena_printf(p->arena,
                            "namespace %s: label %s was set, as onViolation: Enforce says, and "
                            "new pods of these are refused from now on: %s; mend them (rampart "
                            "eval says what fails)",
                            p->ns->object.name, psa_labels[PSA_LEVEL_LABEL(PSA_ENFORCE)], text)
             : NULL;
    return ret_after->message ? 0 : err_nomem(err);
}

static int say_removed(const struct pod_security_pass *p, struct finding *ret_after,
                       struct err *err)
{
    const char *text = "";

    for (size_t i = 0; text && i < PSA_LABELS_COUNT; i++) {
        if ((p->removed & (1u << i)) && p->changes[i].act == LABEL_SET)
            text = arena_printf(p->arena, "%s%s%s", text, *text ? ", " : "", psa_labels[i]);
    }
    ret_after->reason = REASON_LABEL_REMOVED;
    ret_after->message =
        text
            ? arena_printf(p->arena,
                           "namespace %s: %s was removed, by an unrecorded manager (look in the "
                           "API server's audit log), and put back; who removes it once more has it",
                           p->ns->object.name, text)
            : NULL;
    return ret_after->message ? 0 : err_nomem(err);
}

/* @vs: templates that are refused from now on; NULL: the gate was asked. */
static int write_labels(struct pod_security_pass *p, const struct violators *vs, struct err *err)
{
    struct finding after = {
        .is_warning = true,
        .object = {KIND_NAMESPACE, "", p->ns->object.name, p->ns->object.uid},
        .rule = POD_SECURITY_RULE,
        .profile = p->profile->object.name,
    };
    bool has_news = false;

    if (vs && vs->count > 0 && is_enforce_set(p)) {
        has_news = true;
        if (say_imposed(p, vs, &after, err) < 0)
            return -1;
    } else if (p->removed) {
        has_news = true;
        if (say_removed(p, &after, err) < 0)
            return -1;
    }
    return pod_security_write(p, has_news ? &after : NULL, err);
}

static bool has_work(struct pod_security_pass *p)
{
    const char *mark = p->ns->pod_security;
    bool has_changes = pod_security_has_changes(p);

    p->sets_mark = mark ? strcmp(mark, p->profile->object.name) != 0 : has_changes;
    return has_changes || p->sets_mark;
}

static int enforce(struct pod_security_pass *p, struct pod_security_step *step, struct err *err)
{
    const struct pod_security_section *s = &p->profile->pod_security;
    bool is_risky, is_gated;
    struct violators vs;

    if (pod_security_decide(p, err) < 0)
        return -1;
    if (p->asks_owners) {
        step->want = POD_SECURITY_OWNERS;
        return 0;
    }
    if (has_work(p) && p->plan->state == VERDICT_COMPLIANT)
        p->plan->state = VERDICT_DRIFTED;
    /* Remove promises to take everything back: nothing is made before the finalizer that keeps the
     * promise. */
    if (p->profile->removes_on_delete && !p->profile->has_finalizer)
        return 0;
    is_risky = is_enforce_set(p) && s->levels[PSA_ENFORCE] > LEVEL_PRIVILEGED;
    is_gated = is_risky && s->on_violation == ON_VIOLATION_WAIT;
    if (is_risky && find_templates(p, &vs, err) < 0)
        return -1;
    step->want = POD_SECURITY_WRITE;
    if (is_gated && ask_gate(p, &vs, step, err) < 0)
        return -1;
    if (step->want == POD_SECURITY_VIOLATORS)
        return 0;
    if (!has_work(p)) {
        step->want = POD_SECURITY_NOTHING;
        return 0;
    }
    return write_labels(p, is_risky && !is_gated ? &vs : NULL, err);
}

/* ---- Audit ---- */

/* As if each label of a marked namespace were ours: Audit reads nothing afresh. */
static struct pod_security_known assume(const struct namespace_facts *ns)
{
    return (struct pod_security_known){
        .owners_rv = ns->object.rv,
        .ours = OURS_ALL,
        .gate_rv = ns->object.rv,
        .warning = "",
    };
}

static int audit(struct pod_security_pass *p, struct err *err)
{
    const struct pod_security_known known = assume(p->ns);
    struct pod_security_pass look = *p;
    struct violators vs;
    const char *names = "";

    look.known = &known;
    if (pod_security_decide(&look, err) < 0)
        return -1;
    for (size_t i = 0; names && i < PSA_LABELS_COUNT; i++) {
        if (look.changes[i].act != LABEL_STAYS)
            names =
                arena_printf(p->arena, "%s%s%s %s", names, *names ? ", " : "",
                             look.changes[i].act == LABEL_SET ? "set" : "remove", psa_labels[i]);
    }
    if (!names)
        return err_nomem(err);
    if (*names && pod_security_say(p, REASON_LABEL_MISSING, p->profile->object.name,
                                   arena_printf(p->arena, "namespace %s: Enforce would %s",
                                                p->ns->object.name, names),
                                   err) < 0)
        return -1;
    if (!is_enforce_set(&look) || find_templates(&look, &vs, err) < 0)
        return is_enforce_set(&look) ? -1 : 0;
    return vs.count > 0 ? say_waits(&look, &vs, err) : 0;
}

/* ---- Taking back ---- */

static int say_retained(struct pod_security_pass *p, const struct profile *owner, struct err *err)
{
    const struct verdict *before = view_pod_security(p->view, p->ns->object.name);
    bool is_known = before && before->profile;

    /* Said when it comes to pass, and not again by a process that has just started. */
    for (size_t i = 0; before && i < before->findings_count; i++)
        is_known |= before->findings[i].reason == REASON_RETAINED;
    if (!is_known)
        return 0;
    return pod_security_say(
        p, REASON_RETAINED, owner->object.name,
        arena_printf(p->arena,
                     "SecurityProfile %s no longer selects namespace %s; onDelete is Retain, so "
                     "its Pod Security Admission labels stay and are no longer watched over. To "
                     "remove one: kubectl label namespace %s %s-",
                     owner->object.name, p->ns->object.name, p->ns->object.name,
                     psa_labels[PSA_LEVEL_LABEL(PSA_ENFORCE)]),
        err);
}

/* Absence of a profile is no order to remove anything: only a profile that says Remove and that is
 * going, or enforces and no longer selects, takes back what carries its name. */
static int take_back(struct pod_security_pass *p, bool only_what_goes,
                     struct pod_security_step *step, struct err *err)
{
    const char *mark = p->ns->pod_security;
    const struct profile *owner =
        mark ? OBJECT_AS(profile, view_get(p->view, KIND_PROFILE, "", mark)) : NULL;

    if (!owner || owner->invalid || (only_what_goes && !owner->object.is_deleting))
        return 0;
    if (!owner->removes_on_delete)
        return only_what_goes ? 0 : say_retained(p, owner, err);
    if (!owner->object.is_deleting && owner->pod_security.mode != MODE_ENFORCE)
        return 0; /* Audit and Off freeze */
    for (size_t i = 0; i < PSA_LABELS_COUNT; i++) {
        if (p->labels[i] && pod_security_is_ours(p, i))
            p->changes[i].act = LABEL_REMOVED;
    }
    if (p->asks_owners) {
        step->want = POD_SECURITY_OWNERS;
        return 0;
    }
    p->drops_mark = true;
    step->want = POD_SECURITY_WRITE;
    return pod_security_write(p, NULL, err);
}

bool pod_security_holds(const struct view *v, const struct profile *p,
                        const struct namespace_facts *ns)
{
    return ns->pod_security && !ns->object.is_deleting &&
           strcmp(ns->pod_security, p->object.name) == 0 &&
           strcmp(ns->object.name, v->own_namespace) != 0;
}

/* ---- public ---- */

int pod_security_step(const struct view *v, const char *ns, const struct pod_security_known *known,
                      struct plan *plan, struct pod_security_step *ret_step, struct err *err)
{
    struct pod_security_pass p = {.view = v, .known = known, .plan = plan, .arena = plan->arena};

    *ret_step = (struct pod_security_step){.want = POD_SECURITY_NOTHING};
    p.ns = OBJECT_AS(namespace_facts, view_get(v, KIND_NAMESPACE, "", ns));
    if (!p.ns || p.ns->object.is_deleting || strcmp(ns, v->own_namespace) == 0)
        return 0;
    read_labels(p.ns, p.labels);
    if (find_profile(v, p.ns, p.arena, &p.profile, err) < 0)
        return -1;
    if (!p.profile)
        return take_back(&p, false, ret_step, err);
    /* The plan outlives the cache that it was made from. */
    plan->profile = arena_strdup(p.arena, p.profile->object.name);
    if (!plan->profile)
        return err_nomem(err);
    plan->mode = p.profile->pod_security.mode;
    if (plan->mode != MODE_OFF)
        plan->state = VERDICT_COMPLIANT;
    if (plan->mode == MODE_ENFORCE)
        return enforce(&p, ret_step, err);
    if (plan->mode == MODE_AUDIT && audit(&p, err) < 0)
        return -1;
    return take_back(&p, true, ret_step, err);
}

int pod_security_preview(const struct view *v, const char *ns, struct plan *plan, struct err *err)
{
    const struct namespace_facts *facts =
        OBJECT_AS(namespace_facts, view_get(v, KIND_NAMESPACE, "", ns));
    const char *profile = plan->profile;
    enum verdict_state state = plan->state;
    enum mode mode = plan->mode;
    struct pod_security_known known;
    struct pod_security_step step;
    void *violators;

    if (!facts)
        return 0;
    known = assume(facts);
    if (pod_security_begin(v, ns, plan->arena, &violators, err) < 0)
        return -1;
    known.violators = violators;
    plan->profile = NULL;
    plan->state = VERDICT_NONE;
    if (pod_security_step(v, ns, &known, plan, &step, err) < 0)
        return -1;
    if (profile) {
        plan->profile = profile;
        plan->mode = mode;
    }
    if (state > plan->state)
        plan->state = state;
    return 0;
}
