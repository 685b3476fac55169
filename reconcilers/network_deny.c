#include <string.h>

#include "network_pass.h"

static const struct netpol_facts *deny_of(const struct network_pass *p)
{
    const struct object *deny = view_get(p->view, KIND_NETWORK_POLICY, p->own.ns, POLICY_DENY);

    return deny && deny->is_ours ? OBJECT_AS(netpol_facts, deny) : NULL;
}

bool network_is_parked(const struct network_pass *p)
{
    const struct netpol_facts *deny = deny_of(p);

    return p->deny.is_parked || (deny && deny_is_parked(deny));
}

static const char *taken_back_message(const struct network_pass *p)
{
    return arena_printf(
        p->arena,
        "namespace %s: the default-deny was taken back, because of the workloads that were ready "
        "before it came too many turned unready (%s); see what they cannot reach any more and "
        "allow it, in spec.network.allow of SecurityProfile %s or by a NetworkPolicy of the "
        "namespace's own: either makes Rampart try again, and so does kubectl -n %s delete "
        "networkpolicy %s",
        p->own.ns, p->deny.unready, p->own.profile, p->own.ns, POLICY_DENY);
}

static const char *kept_message(const struct network_pass *p)
{
    return arena_printf(
        p->arena,
        "namespace %s: of the workloads that were ready before the default-deny came too many "
        "turned unready (%s); it stays, because spec.network.rollout.onFailure of SecurityProfile "
        "%s is Keep: see what they cannot reach any more and allow it",
        p->own.ns, p->deny.unready, p->own.profile);
}

/* Said once the write that ends the watch has succeeded, for that happens once. */
static int say_kept(struct network_pass *p, struct finding *finding, struct err *err)
{
    struct finding *kept = arena_alloc(p->arena, sizeof(*kept));

    finding->reason = REASON_DENY_KEPT;
    finding->message = kept_message(p);
    finding->object.name = arena_strdup(p->arena, p->own.ns);
    finding->object.uid = arena_strdup(p->arena, p->own.ns_uid);
    if (!kept || !finding->message || !finding->object.name || !finding->object.uid)
        return err_nomem(err);
    *kept = *finding;
    p->kept = kept;
    return 0;
}

int network_deny(struct network_pass *p, struct err *err)
{
    const struct verdict *before = p->before;
    const struct deny_input in = {
        .view = p->view,
        .ns = p->own.ns,
        .profile = p->profile,
        .deny = deny_of(p),
        .policies = &p->policies,
        .has_stood = before && before->profile &&
                     (before->in_place & network_in_place_bit(CONCERN_DENY, POLICY_DENY)),
    };
    struct finding finding = {
        .is_warning = true,
        .object = {KIND_NAMESPACE, "", p->own.ns, p->own.ns_uid},
        .rule = NETWORK_RULE,
        .profile = p->own.profile,
    };

    if (deny_step(&in, p->arena, &p->deny, err) < 0)
        return -1;
    if (p->deny.is_kept)
        return say_kept(p, &finding, err);
    if (!p->deny.is_parked)
        return 0;
    p->wanted.items[0].spec = (struct policy_spec){0};
    p->wanted.items[0].text = DENY_PARKED_SPEC;
    p->wanted.count = 1;
    finding.reason = REASON_DENY_TAKEN_BACK;
    finding.counts_as_failed = true;
    finding.message = taken_back_message(p);
    return network_add_finding(p, &finding, err);
}
