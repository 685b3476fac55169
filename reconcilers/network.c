#include "rampart/reconcilers/network.h"

#include <assert.h>
#include <string.h>

#include "network_pass.h"
#include "rampart/reconcilers/selection.h"

uint32_t network_in_place_bit(enum concern concern, const char *name)
{
    char hash[17];

    if (concern != CONCERN_BACKEND)
        return 1u << concern;
    policy_spec_hash(name, hash);
    /* Many backends share the bits above the concerns; two that meet cost an Event that says
     * "deleted" of a policy that is new. */
    return 1u << (CONCERN_BACKEND + (unsigned)hash[15] % (32 - CONCERN_BACKEND));
}

bool network_is_right(const struct network_pass *p, const struct wanted *w)
{
    assert(w->text); /* what is unresolved stands neither right nor wrong */
    return w->observed && w->observed->spec && strcmp(w->observed->spec, w->text) == 0 &&
           ownership_is_right(w->observed, &p->own, w->text);
}

int network_add_finding(struct network_pass *p, const struct finding *finding, struct err *err)
{
    if (!finding->message)
        return err_nomem(err);
    if (finding->counts_as_failed)
        p->plan->state = VERDICT_FAILED;
    return plan_add_finding(p->plan, finding) ? 0 : plan_check(p->plan, err); /* cut is no error */
}

static struct finding about_policy(const struct network_pass *p, enum reason reason,
                                   const char *name)
{
    return (struct finding){
        .reason = reason,
        .is_warning = true,
        .is_about_profile = p->plan->mode == MODE_AUDIT,
        .object = {KIND_NETWORK_POLICY, p->own.ns, name, ""},
        .rule = NETWORK_RULE,
        .profile = p->own.profile,
    };
}

/* Joins what is wanted with what stands. */
static int match(struct network_pass *p, struct err *err)
{
    p->standing = arena_calloc(p->arena, p->policies.count, sizeof(*p->standing));
    if (!p->standing)
        return err_nomem(err);
    for (size_t i = 0; i < p->policies.count; i++) {
        const struct netpol_facts *policy = OBJECT_AS(netpol_facts, p->policies.items[i]);
        struct wanted *w = NULL;

        for (size_t k = 0; k < p->wanted.count && !w; k++) {
            if (strcmp(p->wanted.items[k].name, policy->object.name) == 0)
                w = &p->wanted.items[k];
        }
        if (w && !policy->object.is_ours)
            w->is_taken = true;
        else if (w)
            w->observed = policy;
        if (policy->object.is_ours && (w || ownership_may_delete(policy, p->own.ns_uid)))
            p->standing[p->standing_count++] = (struct standing){.facts = policy, .wanted = w};
    }
    return 0;
}

/* Says what it means for the namespace before it says why. */
static const char *unresolved_message(const struct network_pass *p, const struct wanted *w)
{
    bool waits = !p->wanted.items[0].observed || network_is_parked(p);

    if (!w->unresolved)
        return NULL;
    if (w->observed)
        return arena_printf(p->arena,
                            "NetworkPolicy %s/%s stays as it is and cannot be kept up to date: %s",
                            p->own.ns, w->name, w->unresolved);
    return arena_printf(p->arena, "namespace %s: %s cannot be made%s: %s", p->own.ns, w->name,
                        waits ? ", so the default-deny waits for it" : "", w->unresolved);
}

/* The deny stood when we last looked: what somebody took away since does not let it be refused now.
 */
static bool deny_has_stood(const struct network_pass *p)
{
    return !network_is_parked(p) && p->before && p->before->profile &&
           (p->before->in_place & network_in_place_bit(CONCERN_DENY, POLICY_DENY));
}

static int report_trouble(struct network_pass *p, bool *ret_is_blocked, struct err *err)
{
    bool is_blocked = false;

    for (size_t i = 0; i < p->wanted.count; i++) {
        const struct wanted *w = &p->wanted.items[i];
        struct finding finding = about_policy(p, w->reason, w->name);

        if (w->observed && w->text && !(i == 0 && network_is_parked(p)))
            p->plan->in_place |= network_in_place_bit(w->concern, w->name);
        if (!w->unresolved && !w->is_taken)
            continue;
        is_blocked |= !w->observed;
        finding.counts_as_failed = true;
        finding.message = unresolved_message(p, w);
        if (w->is_taken) {
            finding.reason = REASON_NAME_TAKEN;
            finding.message =
                arena_printf(p->arena,
                             "NetworkPolicy %s/%s exists and does not belong to Rampart, which "
                             "never takes an object "
                             "over; rename or delete it (kubectl -n %s delete networkpolicy %s)",
                             p->own.ns, w->name, p->own.ns, w->name);
        }
        if (network_add_finding(p, &finding, err) < 0)
            return -1;
    }
    /* Where the deny stands (or stood, until somebody deleted it), what can be computed is kept
     * right; where it does not, nothing is begun. */
    if (deny_has_stood(p))
        p->plan->in_place |= network_in_place_bit(CONCERN_DENY, POLICY_DENY);
    *ret_is_blocked =
        is_blocked && (!p->wanted.items[0].observed || network_is_parked(p)) && !deny_has_stood(p);
    return 0;
}

/* One that we keep right or remove. What merely looks like ours is as foreign as any other. */
static bool is_watched_over(const struct network_pass *p, const struct netpol_facts *policy)
{
    for (size_t i = 0; i < p->standing_count; i++) {
        if (p->standing[i].facts == policy)
            return true;
    }
    return false;
}

static int report_undone(struct network_pass *p, struct err *err)
{
    const struct network_section *net = &p->profile->network;

    for (size_t i = 0; i < p->policies.count; i++) {
        const struct netpol_facts *policy = OBJECT_AS(netpol_facts, p->policies.items[i]);
        bool in = policy->allows_all_ingress && net->denies_ingress;
        bool out = policy->allows_all_egress && net->denies_egress;
        struct finding finding = about_policy(p, REASON_UNDONE, policy->object.name);

        if ((!in && !out) || is_watched_over(p, policy))
            continue;
        finding.object.uid = policy->object.uid;
        finding.message =
            arena_printf(p->arena,
                         "NetworkPolicy %s/%s, which is not Rampart's, allows all %s for %s: "
                         "policies add up, so the "
                         "default-deny has no effect there; narrow or delete it",
                         p->own.ns, policy->object.name,
                         in && out ? "ingress and egress"
                         : in      ? "ingress"
                                   : "egress",
                         policy->selects_all_pods ? "every pod" : "the pods that it selects");
        if (network_add_finding(p, &finding, err) < 0)
            return -1;
        if (p->plan->state == VERDICT_COMPLIANT)
            p->plan->state = VERDICT_DRIFTED;
    }
    return 0;
}

/* In Audit: what Enforce would do, one finding for all that is missing and one for each policy that
 * differs. */
static int audit(struct network_pass *p, struct err *err)
{
    struct finding missing = about_policy(p, REASON_POLICY_MISSING, "");
    const char *names = NULL;

    for (size_t i = 0; i < p->wanted.count; i++) {
        const struct wanted *w = &p->wanted.items[i];
        struct finding finding = about_policy(p, REASON_POLICY_DIFFERS, w->name);
        const char *fields;

        if (!w->text || w->is_taken || network_is_right(p, w))
            continue;
        if (!w->observed) {
            names =
                arena_printf(p->arena, "%s%s%s", names ? names : "", names ? ", " : "", w->name);
            if (!names)
                return err_nomem(err);
            continue;
        }
        fields = network_differences(w->observed->spec, w->text, p->arena);
        finding.is_warning = false;
        finding.object.uid = w->observed->object.uid;
        finding.message =
            !fields ? NULL
                    : arena_printf(p->arena,
                                   "NetworkPolicy %s/%s differs in %s; Enforce would put it "
                                   "right",
                                   p->own.ns, w->name, *fields ? fields : "its labels");
        if (network_add_finding(p, &finding, err) < 0)
            return -1;
        if (p->plan->state == VERDICT_COMPLIANT)
            p->plan->state = VERDICT_DRIFTED;
    }
    if (network_cut_off(p, err) < 0)
        return -1;
    if (!names)
        return 0;
    if (p->plan->state == VERDICT_COMPLIANT)
        p->plan->state = VERDICT_DRIFTED;
    missing.is_warning = false;
    missing.object = (struct object_ref){KIND_NAMESPACE, "", p->own.ns, p->own.ns_uid};
    missing.message =
        arena_printf(p->arena, "namespace %s: Enforce would create %s", p->own.ns, names);
    return network_add_finding(p, &missing, err);
}

static int enforce(struct network_pass *p, struct err *err)
{
    bool is_right = true;

    p->plan->look_again_s = p->deny.look_again_s;
    for (size_t i = 0; i < p->wanted.count; i++) {
        const struct wanted *w = &p->wanted.items[i];

        is_right &= w->unresolved || w->is_taken || network_is_right(p, w);
    }
    for (size_t i = 0; i < p->standing_count; i++)
        is_right &= p->standing[i].wanted != NULL;
    if (is_right && !p->deny.mark)
        return 0;
    if (!is_right && p->plan->state == VERDICT_COMPLIANT) /* a mark is no drift */
        p->plan->state = VERDICT_DRIFTED;
    /* Remove promises to take everything back: nothing is made before the finalizer that keeps the
     * promise. */
    if (p->profile->removes_on_delete && !p->profile->has_finalizer)
        return 0;
    p->is_removal_explained = true; /* the profile that decides here no longer wants them */
    return network_order(p, err);
}

static int take_back(struct network_pass *p, bool only_what_goes, struct err *err);

/* A profile that is going takes its own back, also where one that only looks on decides from now
 * on. */
static int take_back_what_goes(const struct network_pass *p, struct err *err)
{
    struct network_pass back = *p;

    back.profile = NULL;
    back.wanted = (struct wanted_list){0};
    back.standing_count = 0;
    return take_back(&back, true, err);
}

static int decide(struct network_pass *p, struct err *err)
{
    bool is_blocked;

    /* The plan outlives the cache that it was made from: what it says lies in its arena. */
    p->own.profile = arena_strdup(p->arena, p->profile->object.name);
    if (!p->own.profile)
        return err_nomem(err);
    p->plan->profile = p->own.profile;
    p->plan->mode = p->profile->network.mode;
    if (p->plan->mode == MODE_OFF)
        return take_back_what_goes(p, err);
    p->plan->state = VERDICT_COMPLIANT;
    if (network_wanted(p->view, p->profile, p->own.ns, p->arena, &p->wanted, err) < 0 ||
        (p->plan->mode == MODE_ENFORCE && network_deny(p, err) < 0) || match(p, err) < 0 ||
        report_trouble(p, &is_blocked, err) < 0 || report_undone(p, err) < 0)
        return -1;
    if (p->plan->mode == MODE_AUDIT)
        return audit(p, err) < 0 ? -1 : take_back_what_goes(p, err);
    return is_blocked ? 0 : enforce(p, err);
}

/* Said when it comes to pass, and not again by a process that has just started. */
static bool was_decided_before(const struct network_pass *p)
{
    bool is_known = p->before && p->before->profile;

    for (size_t i = 0; p->before && i < p->before->findings_count; i++)
        is_known |= p->before->findings[i].reason == REASON_RETAINED;
    return is_known;
}

static int report_retained(struct network_pass *p, const struct profile *owner, struct err *err)
{
    bool is_excluded = !owner->object.is_deleting && profile_matches_labels(owner, p->ns);
    struct finding finding = {
        .reason = REASON_RETAINED,
        .is_warning = true,
        .object = {KIND_NAMESPACE, "", p->own.ns, p->own.ns_uid},
        .rule = NETWORK_RULE,
        .profile = owner->object.name,
        .message = arena_printf(p->arena,
                                "SecurityProfile %s %s namespace %s; onDelete is Retain, so its "
                                "policies stay in force and are "
                                "no longer watched over. To remove them: kubectl -n %s delete "
                                "networkpolicy -l %s=%s,%s=%s",
                                owner->object.name,
                                owner->object.is_deleting ? "is being deleted and selected"
                                : is_excluded             ? "now excludes"
                                                          : "no longer selects",
                                p->own.ns, p->own.ns, LABEL_MANAGED_BY, FIELD_MANAGER,
                                LABEL_PROFILE, owner->object.name),
    };

    return network_add_finding(p, &finding, err);
}

/* Nobody decides here any more. Absence of a profile is no order to remove anything: only a profile
 * that says Remove and that is going, or enforces and no longer selects, takes back what carries
 * its name. */
static int take_back(struct network_pass *p, bool only_what_goes, struct err *err)
{
    const struct profile *last = NULL;

    p->standing = arena_calloc(p->arena, p->policies.count, sizeof(*p->standing));
    if (!p->standing)
        return err_nomem(err);
    for (size_t i = 0; i < p->policies.count; i++) {
        const struct netpol_facts *policy = OBJECT_AS(netpol_facts, p->policies.items[i]);
        const struct profile *owner;

        if (!ownership_may_delete(policy, p->own.ns_uid) || !policy->profile)
            continue;
        owner = OBJECT_AS(profile, view_get(p->view, KIND_PROFILE, "", policy->profile));
        if (!owner || owner->invalid || (only_what_goes && !owner->object.is_deleting))
            continue;
        if (!owner->removes_on_delete) {
            if (owner != last && was_decided_before(p) && report_retained(p, owner, err) < 0)
                return -1;
            last = owner;
            continue;
        }
        if (!owner->object.is_deleting && owner->network.mode != MODE_ENFORCE)
            continue; /* Audit and Off freeze */
        p->is_removal_explained |= owner->object.is_deleting;
        p->own.profile = owner->object.name;
        p->standing[p->standing_count++] = (struct standing){.facts = policy};
    }
    return p->standing_count > 0 ? network_order(p, err) : 0;
}

int network_plan(const struct view *v, const char *ns, struct plan *plan, struct err *err)
{
    struct network_pass pass = {.view = v, .plan = plan, .arena = plan->arena};
    struct object_list profiles;

    pass.ns = OBJECT_AS(namespace_facts, view_get(v, KIND_NAMESPACE, "", ns));
    if (!pass.ns || pass.ns->object.is_deleting || strcmp(ns, v->own_namespace) == 0)
        return 0;
    pass.own = (struct ownership){.ns = pass.ns->object.name, .ns_uid = pass.ns->object.uid};
    pass.before = view_verdict(v, ns);
    if (view_list(v, KIND_PROFILE, NULL, plan->arena, &profiles, err) < 0 ||
        view_list(v, KIND_NETWORK_POLICY, ns, plan->arena, &pass.policies, err) < 0)
        return -1;
    pass.profile = selection_network(v, &profiles, pass.ns);
    return pass.profile ? decide(&pass, err) : take_back(&pass, false, err);
}
