/* A Deployment with one container of which nothing is stated, and a section that fills it in. */
#ifndef TESTS_UNIT_ROLLOUT_FIXTURE_H
#define TESTS_UNIT_ROLLOUT_FIXTURE_H

#include <string.h>

#include "rampart/reconcilers/rollout.h"

static const struct container fixture_container = {.name = "app", .role = CONTAINER_MAIN};
static const struct container fixture_filled_container = {
    .name = "app",
    .role = CONTAINER_MAIN,
    .security = {.is_stated = true, .seccomp = CONFINEMENT_RUNTIME_DEFAULT},
};

static inline struct workload_facts fixture_workload(void)
{
    return (struct workload_facts){
        .object =
            {.kind = KIND_DEPLOYMENT, .ns = "shop", .name = "web", .uid = "uid-web", .rv = "1"},
        .pod = {.containers = &fixture_container, .containers_count = 1},
        .template_digest = "d0",
        .owner_kind = "",
        .owner_name = "",
        .revision_update = "",
        .generation = 5,
        .observed_generation = 5,
        .replicas = 3,
        .replicas_updated = 3,
        .replicas_ready = 3,
        .replicas_available = 3,
    };
}

static inline struct workloads_section fixture_section(void)
{
    struct workloads_section section = {
        .is_stated = true,
        .mode = MODE_ENFORCE,
        .level = LEVEL_RESTRICTED,
        .pss_minor = PSS_MINOR_LATEST,
        .when = ROLLOUT_NOW,
        .concurrent_max = 2,
        .deadline_s = 60,
        .failures_percent_max = 20,
    };

    section.fill.seccomp = true;
    return section;
}

/* Nothing troubles any pod. */
static inline struct pods_evidence fixture_pods(void)
{
    return (struct pods_evidence){.new_message = "",
                                  .has_all_tried = true,
                                  .has_budget_room = true,
                                  .room = {.is_known = true},
                                  .new_count = 3,
                                  .new_ready = 3,
                                  .new_ready_s = 1000};
}

#endif
