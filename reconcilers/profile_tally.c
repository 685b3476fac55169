#include <string.h>

#include "rampart/kube/network_plugin.h"
#include "rampart/kube/pod_security_section.h"
#include "rampart/reconcilers/ownership.h"
#include "rampart/reconcilers/pod_security.h"
#include "rampart/reconcilers/profile_status.h"
#include "rampart/reconcilers/selection.h"

static int order_findings(const struct finding *one, const struct finding *other)
{
    int order = strcmp(one->object.ns, other->object.ns);

    if (order == 0)
        order = strcmp(one->object.name, other->object.name);
    if (order == 0)
        order = (int)one->object.kind - (int)other->object.kind;
    if (order == 0)
        order = (int)one->reason - (int)other->reason;
    return order ? order : strcmp(one->rule, other->rule);
}

/* Sorted, so that two passes over the same state say the same. */
void profile_tally_keep(struct profile_tally *t, const struct finding *finding)
{
    size_t place = t->drift_count;

    while (place > 0 && order_findings(t->drift[place - 1], finding) > 0)
        place--;
    if (t->drift_count == STATUS_DRIFT_MAX) {
        t->is_drift_cut = true;
        if (place == STATUS_DRIFT_MAX)
            return;
        t->drift_count--;
    }
    for (size_t i = t->drift_count; i > place; i--)
        t->drift[i] = t->drift[i - 1];
    t->drift[place] = finding;
    t->drift_count++;
}

/* What the sections of one profile say of one namespace. */
struct namespace_sum {
    bool is_decided; /* by at least one of them */
    bool is_overridden;
    bool is_pending;
    bool is_contested;
    bool is_unsettled;
    enum verdict_state worst;
};

static void take_findings(struct profile_tally *t, const struct verdict *verdict,
                          struct namespace_sum *sum)
{
    t->is_drift_cut |= verdict->findings_cut > 0;
    if (verdict->contest) {
        sum->is_contested = true;
        if (!t->contest)
            t->contest = verdict->contest;
    }
    for (size_t i = 0; i < verdict->findings_count; i++) {
        const struct finding *finding = &verdict->findings[i];

        profile_tally_keep(t, finding);
        if (!t->worst || (finding->counts_as_failed && !t->worst->counts_as_failed))
            t->worst = finding;
        if (finding->reason != REASON_CONTESTED)
            continue;
        sum->is_contested = true;
        if (!t->contest)
            t->contest = finding;
    }
}

/* One section, in one namespace. */
struct section {
    const struct profile
        *decides; /* whose it is that counts; NULL: the profile does not state it */
    enum mode mode;
    const struct verdict *verdict;
    struct section_tally *tally;
};

static void add_verdict(struct profile_tally *t, const struct profile *p,
                        const struct section *section, struct namespace_sum *sum)
{
    const struct verdict *verdict = section->verdict;
    enum mode mode = section->mode;

    sum->is_decided = true;
    if (!verdict || !verdict->profile || strcmp(verdict->profile, p->object.name) != 0 ||
        verdict->mode != mode) {
        sum->is_pending |= mode != MODE_OFF;
        return;
    }
    section->tally->compliant += verdict->state == VERDICT_COMPLIANT;
    section->tally->drifted += verdict->state == VERDICT_DRIFTED;
    section->tally->failed += verdict->state == VERDICT_FAILED;
    if (verdict->state > sum->worst)
        sum->worst = verdict->state;
    sum->is_unsettled |= verdict->state == VERDICT_DRIFTED && mode == MODE_ENFORCE;
    take_findings(t, verdict, sum);
}

/* A namespace that the profile no longer decides may still fail in its name: what cannot be taken
 * back. */
static bool add_leftovers(struct profile_tally *t, const struct profile *p,
                          const struct section *section)
{
    const struct verdict *verdict = section->verdict;
    bool is_failing = false;

    for (size_t i = 0; verdict && i < verdict->findings_count; i++) {
        const struct finding *finding = &verdict->findings[i];

        if (!finding->counts_as_failed || !finding->profile ||
            strcmp(finding->profile, p->object.name) != 0)
            continue;
        is_failing = true;
        profile_tally_keep(t, finding);
        if (!t->worst)
            t->worst = finding;
    }
    section->tally->failed += is_failing;
    return is_failing;
}

static void add_sum(struct profile_tally *t, const struct namespace_sum *sum, bool is_left)
{
    t->decided += sum->is_decided;
    t->overridden += sum->is_overridden;
    t->contested += sum->is_contested;
    t->left += is_left && !sum->is_decided;
    if (is_left || sum->worst == VERDICT_FAILED) {
        t->failed++;
    } else if (sum->is_pending) {
        t->pending++;
    } else if (sum->worst == VERDICT_DRIFTED) {
        t->drifted++;
        t->unsettled += sum->is_unsettled;
    } else if (sum->worst == VERDICT_COMPLIANT) {
        t->compliant++;
    }
}

/* Whether something is left there that fails. */
static bool add_section(struct profile_tally *t, const struct profile *p,
                        const struct section *section, struct namespace_sum *sum)
{
    if (section->decides == p) {
        add_verdict(t, p, section, sum);
        return false;
    }
    sum->is_overridden |= section->decides != NULL;
    if (section->decides && !t->winner)
        t->winner = section->decides->object.name;
    return add_leftovers(t, p, section);
}

static void add_namespace(struct profile_tally *t, const struct view *v, const struct profile *p,
                          const struct object_list *profiles, const struct namespace_facts *ns)
{
    struct section network = {.mode = p->network.mode,
                              .verdict = view_verdict(v, ns->object.name),
                              .tally = &t->network};
    struct section labels = {.mode = p->pod_security.mode,
                             .verdict = view_pod_security(v, ns->object.name),
                             .tally = &t->labels};
    struct namespace_sum sum = {.is_decided = false};
    bool is_left;

    t->labelled += pod_security_holds(v, p, ns);
    if (profile_selects(p, ns, v->own_namespace)) {
        t->selected++;
        t->filling += p->workloads.is_stated && p->workloads.mode == MODE_ENFORCE &&
                      selection_workloads(v, profiles, ns) == p;
        if (p->network.is_stated)
            network.decides = selection_network(v, profiles, ns);
        if (p->pod_security.is_stated)
            labels.decides = selection_pod_security(v, profiles, ns);
    }
    t->networked += network.decides == p && network.mode == MODE_ENFORCE;
    t->labelling += labels.decides == p && pod_security_section_fills_in(&p->pod_security);
    is_left = add_section(t, p, &network, &sum);
    is_left |= add_section(t, p, &labels, &sum);
    add_sum(t, &sum, is_left);
}

static int count_standing(struct profile_tally *t, const struct view *v, const struct profile *p,
                          struct arena *a, struct err *err)
{
    struct object_list policies;

    if (view_list(v, KIND_NETWORK_POLICY, NULL, a, &policies, err) < 0)
        return -1;
    for (size_t i = 0; i < policies.count; i++) {
        const struct netpol_facts *policy = OBJECT_AS(netpol_facts, policies.items[i]);
        const struct object *ns;

        if (!policy->profile || strcmp(policy->profile, p->object.name) != 0)
            continue;
        ns = view_get(v, KIND_NAMESPACE, "", policy->object.ns);
        /* Exactly what can be taken back; what only looks like ours, or waits for somebody's
         * finalizer, holds nothing up. */
        t->standing += ns && !ns->is_deleting && strcmp(ns->name, v->own_namespace) != 0 &&
                       !policy->object.is_deleting && ownership_may_delete(policy, ns->uid);
    }
    return 0;
}

static int find_plugin(struct profile_tally *t, const struct view *v, struct arena *a,
                       struct err *err)
{
    struct object_list crds;

    if (view_list(v, KIND_CRD, NULL, a, &crds, err) < 0)
        return -1;
    for (size_t i = 0; i < crds.count && !t->plugin; i++)
        t->plugin = network_plugin_of(crds.items[i]->name);
    return 0;
}

int profile_tally(const struct view *v, const struct profile *p, struct arena *a,
                  struct profile_tally *ret_tally, struct err *err)
{
    struct profile_tally tally = {0};
    struct object_list profiles, namespaces;

    tally.drift = arena_calloc(a, STATUS_DRIFT_MAX, sizeof(*tally.drift));
    if (!tally.drift)
        return err_nomem(err);
    if (view_list(v, KIND_PROFILE, NULL, a, &profiles, err) < 0 ||
        view_list(v, KIND_NAMESPACE, NULL, a, &namespaces, err) < 0)
        return -1;
    if (find_plugin(&tally, v, a, err) < 0)
        return -1;
    for (size_t i = 0; i < namespaces.count; i++)
        add_namespace(&tally, v, p, &profiles, OBJECT_AS(namespace_facts, namespaces.items[i]));
    /* Only a profile that takes things back has to know whether there is something left. */
    if ((p->removes_on_delete || p->has_finalizer) && count_standing(&tally, v, p, a, err) < 0)
        return -1;
    if (profile_tally_postures(v, p, a, &tally, err) < 0 ||
        profile_tally_rollouts(v, p, a, &tally, err) < 0)
        return -1;
    *ret_tally = tally;
    return 0;
}
