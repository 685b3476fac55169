/* Every allocation of a pass fails once: a clean error, nothing leaked, and the next pass is as
 * good as new. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/registry.h"
#include "support/sweep.h"
#include "support/world.h"

static struct world world;

static void put_everything(void)
{
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{}}}");
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'kube-dns','namespace':'kube-system','labels':{'k8s-app':'kube-"
              "dns'}},'spec':{'selector':{"
              "'k8s-app':'kube-dns'},'clusterIP':'10.96.0.10','ports':[{'name':'dns','port':53,'"
              "protocol':'UDP'}]}}");
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'hook','namespace':'shop'},'spec':{'selector':{'app':'hook'},'"
              "ports':[{'port':443,"
              "'targetPort':8443}]}}");
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'kubernetes','namespace':'default','labels':{'kubernetes.io/"
              "service-name':'kubernetes'}},"
              "'addressType':'IPv4','ports':[{'name':'https','port':6443}],'endpoints':[{'"
              "addresses':['203.0.113.10']}]}");
    world_put(&world, KIND_VALIDATING_WEBHOOK,
              "{'metadata':{'name':'guard'},'webhooks':[{'name':'a','clientConfig':{'service':{'"
              "namespace':'shop','name':"
              "'hook'}}}]}");
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'p','generation':1},'spec':{'mode':'Enforce','namespaceSelector'"
              ":{},'network':{'allow':{"
              "'dns':{},'sameNamespace':{},'apiServer':{},'from':[{'ipBlock':{'cidr':'10.0.0.0/"
              "8'}}],'to':[{'ipBlock':{"
              "'cidr':'0.0.0.0/0'}}]}}}}");
}

static int namespace_pass(void *ctx, struct err *err)
{
    AUTO_ARENA arena;
    struct plan plan;

    (void)ctx;
    arena_init(&arena, 8 * 1024 * 1024);
    plan_init(&plan, &arena);
    if (registry_ops.plan_namespace(&world.view, "shop", &plan, err) < 0)
        return -1;
    return plan_check(&plan, err);
}

static int profile_pass(void *ctx, struct err *err)
{
    AUTO_ARENA arena;
    struct plan plan;

    (void)ctx;
    arena_init(&arena, 8 * 1024 * 1024);
    plan_init(&plan, &arena);
    if (registry_ops.plan_profile(&world.view, "p", &plan, err) < 0)
        return -1;
    return plan_check(&plan, err);
}

static void test_a_pass_survives_every_failing_allocation(void **state)
{
    static const char *const bend[] = {"rampart-default-deny", "rampart-allow-dns",
                                       "rampart-allow-backend-hook"};

    (void)state;
    world_init(&world);
    put_everything();
    (void)sweep(namespace_pass, NULL); /* creation, carrying */
    (void)world_converge(&world, &registry_ops, "shop", 8);
    (void)sweep(namespace_pass, NULL); /* converged */
    for (size_t i = 0; i < 3; i++) {
        json_t *spec =
            json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", bend[i]), "spec");

        json_object_set_new(spec, "ingress", json_pack("[{}]"));
        world_touch(&world, KIND_NETWORK_POLICY, "shop", bend[i], "rival");
    }
    (void)sweep(namespace_pass, NULL); /* drift */
    (void)sweep(profile_pass, NULL);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pass_survives_every_failing_allocation),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
