/* Several Services that the API server calls, and how their ports are told. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"
#include "support/world.h"

static struct world world;

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{}}}");
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'p','generation':1},'spec':{'mode':'Enforce',"
              "'namespaceSelector':{},'network':{'allow':{}}}}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    return 0;
}

static void put_service(const char *name, const char *ports)
{
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'%s','namespace':'shop'},'spec':{'selector':{'app':'%s'},"
              "'ports':[%s]}}",
              name, name, ports);
}

static void put_hooks(const char *name, const char *hooks)
{
    world_put(&world, KIND_VALIDATING_WEBHOOK, "{'metadata':{'name':'%s'},'webhooks':[%s]}", name,
              hooks);
}

#define HOOK(ns, service, port)                                                    \
    "{'name':'a','clientConfig':{'service':{'namespace':'" ns "','name':'" service \
    "','port':" port "}}}"

/* The ports that the policy lets in, as "8443/TCP 9443/TCP ". */
static void assert_ports(const char *service, const char *want)
{
    char name[128], got[512] = "";
    const json_t *policy, *ports, *port;
    size_t i;

    (void)snprintf(name, sizeof(name), "rampart-allow-backend-%s", service);
    policy = world_get(&world, KIND_NETWORK_POLICY, "shop", name);
    if (!policy)
        fail_msg("there is no policy for %s", service);
    ports = json_object_get(
        json_array_get(json_object_get(json_object_get(policy, "spec"), "ingress"), 0), "ports");
    json_array_foreach((json_t *)(uintptr_t)ports, i, port)
    {
        size_t len = strlen(got);

        (void)snprintf(got + len, sizeof(got) - len, "%d/%s ",
                       (int)json_integer_value(json_object_get(port, "port")),
                       json_string_value(json_object_get(port, "protocol")));
    }
    assert_string_equal(got, want);
}

static void test_every_service_that_is_called_has_a_policy_of_its_own(void **state)
{
    (void)state;
    put_service("one", "{'port':443,'targetPort':8443}");
    put_service("two", "{'port':443,'targetPort':9443}");
    put_service("three", "{'port':443,'targetPort':7443}");
    put_hooks("guard", HOOK("shop", "two", "443") "," HOOK("bank", "x", "443") "," HOOK(
                           "shop", "one", "443") "," HOOK("shop", "three", "443"));
    (void)world_converge(&world, &registry_ops, "shop", 8);
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 4);
    assert_ports("one", "8443/TCP ");
    assert_ports("two", "9443/TCP ");
    assert_ports("three", "7443/TCP ");
}

static void test_a_service_that_is_called_twice_lets_in_what_both_need(void **state)
{
    (void)state;
    put_service("hook", "{'name':'b','port':444,'targetPort':8444},{'name':'a','port':443,"
                        "'targetPort':8443},{'name':'c','port':445,'targetPort':8443}");
    put_hooks("guard", HOOK("shop", "hook", "444") "," HOOK("shop", "hook",
                                                            "443") "," HOOK("shop", "hook", "445"));
    (void)world_converge(&world, &registry_ops, "shop", 8);
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 2);
    assert_ports("hook", "8443/TCP 8444/TCP ");
}

/* A webhook is called over TCP: a port of the same number for UDP is another one. */
static void test_the_port_that_is_called_is_the_one_for_tcp(void **state)
{
    (void)state;
    put_service("hook", "{'name':'u','port':443,'protocol':'UDP','targetPort':5000},"
                        "{'name':'t','port':443,'protocol':'TCP','targetPort':8443}");
    put_hooks("guard", HOOK("shop", "hook", "443"));
    (void)world_converge(&world, &registry_ops, "shop", 8);
    assert_ports("hook", "8443/TCP ");
}

/* One of two calls that cannot be resolved is enough: the other one's ports alone would cut it off.
 */
static void test_a_service_with_one_unresolved_call_is_unresolved(void **state)
{
    (void)state;
    put_service("hook", "{'name':'a','port':443,'targetPort':8443}");
    put_hooks("guard", HOOK("shop", "hook", "444") "," HOOK("shop", "hook", "443"));
    assert_int_equal(world_converge(&world, &registry_ops, "shop", 8), 0);
    assert_int_equal(world.verdict.state, VERDICT_FAILED);
}

static void test_named_ports_are_told_by_the_services_own_endpoints_alone(void **state)
{
    static const struct {
        const char *service;
        const char *ports;
    } slices[] = {
        {"other", "{'name':'web','port':1000,'protocol':'TCP'}"},
        {"hook", "{'name':'web','port':8444,'protocol':'TCP'}"},
        {"hook", "{'name':'web','port':8443,'protocol':'TCP'}"},
        {"hook", "{'name':'web','port':2000,'protocol':'UDP'}"},
        {"hook", "{'name':'other','port':3000,'protocol':'TCP'}"},
        {"hook", "{'name':'web','protocol':'TCP'}"},
    };

    (void)state;
    put_service("hook", "{'name':'web','port':443,'targetPort':'web'}");
    put_hooks("guard", HOOK("shop", "hook", "443"));
    for (size_t i = 0; i < COUNT_OF(slices); i++)
        world_put(&world, KIND_ENDPOINT_SLICE,
                  "{'metadata':{'name':'s%zu','namespace':'shop','labels':{'kubernetes.io/"
                  "service-name':'%s'}},'addressType':'IPv4','ports':[%s],'endpoints':[]}",
                  i, slices[i].service, slices[i].ports);
    (void)world_converge(&world, &registry_ops, "shop", 8);
    assert_ports("hook", "8443/TCP 8444/TCP ");
}

/* Sorted by protocol, then number, whatever the order in which the cluster names them. */
static void test_the_dns_is_reached_on_the_ports_of_both_protocols_in_a_fixed_order(void **state)
{
    static const char *const ports[] = {
        "{'name':'t','port':53,'protocol':'TCP','targetPort':5353},"
        "{'name':'u','port':53,'protocol':'UDP','targetPort':5354}",
        "{'name':'u','port':53,'protocol':'UDP','targetPort':5354},"
        "{'name':'t','port':53,'protocol':'TCP','targetPort':5353}",
    };
    json_t *first = NULL;

    (void)state;
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'p','generation':2},'spec':{'mode':'Enforce',"
              "'namespaceSelector':{},'network':{'defaultDeny':['Egress'],'allow':{'dns':{}}}}}");
    for (size_t i = 0; i < COUNT_OF(ports); i++) {
        world_put(&world, KIND_SERVICE,
                  "{'metadata':{'name':'kube-dns','namespace':'kube-system','labels':{'k8s-app':"
                  "'kube-dns'}},'spec':{'selector':{'k8s-app':'kube-dns'},'ports':[%s]}}",
                  ports[i]);
        if (i == 0) {
            (void)world_converge(&world, &registry_ops, "shop", 8);
            first =
                json_deep_copy(world_get(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-dns"));
        } else {
            assert_int_equal(world_converge(&world, &registry_ops, "shop", 8), 0);
        }
    }
    assert_int_equal(
        json_array_size(json_object_get(
            json_array_get(json_object_get(json_object_get(first, "spec"), "egress"), 0), "ports")),
        4);
    json_decref(first);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_every_service_that_is_called_has_a_policy_of_its_own),
        WITH_WORLD(test_a_service_that_is_called_twice_lets_in_what_both_need),
        WITH_WORLD(test_the_port_that_is_called_is_the_one_for_tcp),
        WITH_WORLD(test_a_service_with_one_unresolved_call_is_unresolved),
        WITH_WORLD(test_named_ports_are_told_by_the_services_own_endpoints_alone),
        WITH_WORLD(test_the_dns_is_reached_on_the_ports_of_both_protocols_in_a_fixed_order),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
