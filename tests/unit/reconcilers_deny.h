/* Stories of a default-deny that comes to a namespace with running pods. */
#ifndef TESTS_UNIT_RECONCILERS_DENY_H
#define TESTS_UNIT_RECONCILERS_DENY_H

#include "support/unit.h"

#include <string.h>

#include "rampart/reconcilers/deny_rollout.h"
#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"
#include "reconcilers_shop.h"

#define BARE "'network':{'allow':{}}"
#define WITH_ALLOWS                                                                      \
    "'network':{'allow':{'sameNamespace':{},'from':[{'ipBlock':{'cidr':'10.0.0.0/8'}}]," \
    "'to':[{'ipBlock':{'cidr':'10.0.0.0/8'}}]}}"
#define DEADLINE_S 300

static unsigned generation;

/* Another spec of the profile "p". */
__attribute__((unused)) static void put_profile(const char *more)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'p','generation':%u},'spec':{'mode':'Enforce',"
              "'namespaceSelector':{'matchLabels':{'team':'shop'}},%s}}",
              ++generation, more);
}

__attribute__((unused)) static void put_workload(enum kind kind, const char *name, int replicas,
                                                 int ready, const char *image)
{
    const bool is_daemon_set = kind == KIND_DAEMON_SET;

    world_put(&world, kind,
              "{'metadata':{'name':'%s','namespace':'shop','generation':1},"
              "'spec':{'replicas':%d,"
              "'template':{'spec':{'containers':[{'name':'a','image':'%s'}]}}},"
              "'status':{'%s':%d,'desiredNumberScheduled':%d,'observedGeneration':1}}",
              name, replicas, image, is_daemon_set ? "numberReady" : "readyReplicas", ready,
              replicas);
}

__attribute__((unused)) static void put_web(int replicas, int ready)
{
    put_workload(KIND_DEPLOYMENT, "web", replicas, ready, "web:1");
}

__attribute__((unused)) static void pass(void)
{
    arena_reset(&arena);
    world_plan(&world, &registry_ops, "shop", &arena, &plan);
}

/* The number of writes that it took. */
__attribute__((unused)) static size_t converge(void)
{
    size_t writes = world_converge(&world, &registry_ops, "shop", 8);

    pass();
    return writes;
}

__attribute__((unused)) static void later(int64_t s)
{
    world.view.wall_ms += s * 1000;
}

__attribute__((unused)) static json_t *deny(void)
{
    return world_get(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
}

/* NULL: the deny has none. */
__attribute__((unused)) static const char *mark(void)
{
    return json_string_value(
        json_object_get(json_object_get(json_object_get(deny(), "metadata"), "annotations"),
                        ANNOTATION_ROLLOUT));
}

__attribute__((unused)) static bool selects_all_pods(void)
{
    return json_object_size(json_object_get(json_object_get(deny(), "spec"), "podSelector")) == 0;
}

__attribute__((unused)) static const struct finding *find(enum reason reason)
{
    for (size_t i = 0; i < plan.findings_count; i++) {
        if (plan.findings[i].reason == reason)
            return &plan.findings[i];
    }
    return NULL;
}

/* The deny stands, and nothing else is to be said of the namespace. */
__attribute__((unused)) static void assert_denied(void)
{
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_COMPLIANT);
    assert_int_equal(plan.findings_count, 0);
    assert_true(selects_all_pods());
}

/* It was taken back: nothing of ours selects a pod any more. */
__attribute__((unused)) static void assert_taken_back(void)
{
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_FAILED);
    assert_non_null(find(REASON_DENY_TAKEN_BACK));
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 1);
    assert_false(selects_all_pods());
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
