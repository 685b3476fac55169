#include "rampart/reconcilers/registry.h"

#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/profile_status.h"

const struct reconciler_ops registry_ops = {
    .map = network_map,
    .plan_namespace = network_plan,
    .plan_profile = profile_plan,
};
