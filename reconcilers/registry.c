#include "rampart/reconcilers/registry.h"

#include "rampart/reconcilers/evidence_ops.h"
#include "rampart/reconcilers/harden.h"
#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/pod_security.h"
#include "rampart/reconcilers/posture.h"
#include "rampart/reconcilers/profile_status.h"

/* Objects before namespaces and profiles: a profile's status counts them. */
static void map(const struct view *v, const struct object *before, const struct object *after,
                const struct dirty *dirty)
{
    posture_map(v, before, after, dirty);
    harden_map(v, before, after, dirty);
    pod_security_map(v, before, after, dirty);
    network_map(v, before, after, dirty);
}

static const struct harden_ops harden = {
    .step = harden_step,
    .turns = harden_turns,
    .evidence_begin = evidence_begin,
    .evidence_take = evidence_take,
    .evidence_select = evidence_select,
    .evidence_end = evidence_end,
};

static const struct pod_security_ops pod_security = {
    .step = pod_security_step,
    .begin = pod_security_begin,
    .take = pod_security_take,
};

const struct reconciler_ops registry_ops = {
    .map = map,
    .plan_namespace = network_plan,
    .plan_profile = profile_plan,
    .evaluated = posture_kinds,
    .evaluated_count = POSTURE_KINDS_COUNT,
    .evaluate = posture_evaluate,
    .explain = posture_explain,
    .plan_exception = exception_plan,
    .harden = &harden,
    .pod_security = &pod_security,
};
