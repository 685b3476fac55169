/* What the allows learn from the cluster: DNS, API server, and the pods that the API server calls.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"
#include "support/world.h"

static struct world world;
static struct arena arena;
static struct plan plan;

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    arena_init(&arena, 16 * 1024 * 1024);
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{}}}");
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'kube-system','labels':{}}}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    world_done(&world);
    return 0;
}

static void put_profile(const char *network)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'p','generation':1},'spec':{'mode':'Enforce','"
              "includeSystemNamespaces':true,"
              "'namespaceSelector':{},'network':{%s}}}",
              network);
}

static void put_dns(const char *ns, const char *name, const char *target)
{
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'%s','namespace':'%s','labels':{'k8s-app':'kube-dns'}},'spec':{'"
              "selector':{'k8s-app':"
              "'kube-dns'},'clusterIP':'10.96.0.10','clusterIPs':['10.96.0.10'],'ports':[{'name':'"
              "dns','port':53,"
              "'protocol':'UDP','targetPort':%s},{'name':'metrics','port':9153,'protocol':'TCP','"
              "targetPort':9153}]}}",
              name, ns, target);
}

static void pass(const char *ns)
{
    arena_reset(&arena);
    world_plan(&world, &registry_ops, ns, &arena, &plan);
}

static void converge(const char *ns)
{
    (void)world_converge(&world, &registry_ops, ns, 8);
    pass(ns);
}

static const struct finding *find(enum reason reason)
{
    for (size_t i = 0; i < plan.findings_count; i++) {
        if (plan.findings[i].reason == reason)
            return &plan.findings[i];
    }
    return NULL;
}

/* Of a policy's spec, with ' for "; borrowed until the next call. */
static const char *spec_text(const char *ns, const char *policy)
{
    static char kept[4096];
    json_t *object = world_get(&world, KIND_NETWORK_POLICY, ns, policy);
    char *text;

    assert_non_null(object);
    text = json_dumps(json_object_get(object, "spec"), JSON_COMPACT | JSON_SORT_KEYS);
    (void)snprintf(kept, sizeof(kept), "%s", text);
    for (char *c = kept; *c; c++)
        *c = *c == '"' ? '\'' : *c;
    mem_free(text);
    return kept;
}

static void assert_spec(const char *ns, const char *policy, const char *want)
{
    assert_string_equal(spec_text(ns, policy), want);
}

static void test_dns_goes_to_the_clusters_own_dns_pods(void **state)
{
    (void)state;
    put_dns("kube-system", "kube-dns", "53");
    put_profile("'defaultDeny':['Egress'],'allow':{'dns':{}}");
    converge("shop");
    assert_spec(
        "shop", "rampart-allow-dns",
        "{'egress':[{'ports':[{'port':53,'protocol':'UDP'}],'to':[{'namespaceSelector':{'"
        "matchLabels':{"
        "'kubernetes.io/"
        "metadata.name':'kube-system'}},'podSelector':{'matchLabels':{'k8s-app':'kube-dns'}}}]}],"
        "'podSelector':{},'policyTypes':['Egress']}");
}

static void test_named_dns_ports_are_resolved_in_endpoint_slices(void **state)
{
    (void)state;
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'dns-default','namespace':'openshift-dns'},'spec':{'selector':{'"
              "dns':'default'},'ports':"
              "[{'name':'dns','port':53,'protocol':'UDP','targetPort':'dns'}]}}");
    put_profile("'defaultDeny':['Egress'],'allow':{'dns':{}}");
    pass("shop");
    assert_int_equal(plan.writes_count, 0);
    assert_non_null(find(REASON_DNS_UNRESOLVED));
    assert_int_equal(plan.state, VERDICT_FAILED);
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'dns-default-x','namespace':'openshift-dns','labels':{'"
              "kubernetes.io/service-name':"
              "'dns-default'}},'addressType':'IPv4','ports':[{'name':'dns','port':5353,'protocol':'"
              "UDP'}],'endpoints':[]}");
    converge("shop");
    assert_spec(
        "shop", "rampart-allow-dns",
        "{'egress':[{'ports':[{'port':53,'protocol':'UDP'},{'port':5353,'protocol':'UDP'}],'to':[{"
        "'namespaceSelector':{'matchLabels':{'kubernetes.io/"
        "metadata.name':'openshift-dns'}},'podSelector':{"
        "'matchLabels':{'dns':'default'}}}]}],'podSelector':{},'policyTypes':['Egress']}");
}

static void test_node_local_dns_is_allowed_by_address(void **state)
{
    (void)state;
    put_dns("kube-system", "kube-dns", "53");
    put_dns("kube-system", "kube-dns-upstream", "53");
    put_profile("'defaultDeny':['Egress'],'allow':{'dns':{}}");
    converge("shop");
    assert_spec(
        "shop", "rampart-allow-dns",
        "{'egress':[{'ports':[{'port':53,'protocol':'UDP'}],'to':[{'namespaceSelector':{'"
        "matchLabels':{"
        "'kubernetes.io/"
        "metadata.name':'kube-system'}},'podSelector':{'matchLabels':{'k8s-app':'kube-dns'}}},"
        "{'ipBlock':{'cidr':'169.254.20.10/32'}},{'ipBlock':{'cidr':'10.96.0.10/32'}}]}],"
        "'podSelector':{},'policyTypes':['Egress']}");
}

static void test_stated_dns_servers_need_no_cluster_dns(void **state)
{
    (void)state;
    put_profile("'defaultDeny':['Egress'],'allow':{'dns':{'servers':[{'ipBlock':{'cidr':'192.0.2."
                "53/32'}}]}}");
    converge("shop");
    assert_spec("shop", "rampart-allow-dns",
                "{'egress':[{'ports':[{'port':53,'protocol':'TCP'},{'port':53,'protocol':'UDP'}],'"
                "to':[{'ipBlock':{'cidr':"
                "'192.0.2.53/32'}}]}],'podSelector':{},'policyTypes':['Egress']}");
}

static void test_a_lost_dns_leaves_what_stands(void **state)
{
    (void)state;
    put_dns("kube-system", "kube-dns", "53");
    put_profile("'defaultDeny':['Egress'],'allow':{'dns':{}}");
    converge("shop");
    world_remove(&world, KIND_SERVICE, "kube-system", "kube-dns");
    pass("shop");
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_FAILED);
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 2);
}

static void test_the_dns_pods_namespace_lets_everybody_in_on_their_ports(void **state)
{
    (void)state;
    put_dns("kube-system", "kube-dns", "53");
    put_profile("'defaultDeny':['Ingress'],'allow':{}");
    converge("kube-system");
    assert_spec("kube-system", "rampart-allow-cluster-dns",
                "{'ingress':[{'ports':[{'port':53,'protocol':'UDP'}]}],'podSelector':{'matchLabels'"
                ":{'k8s-app':'kube-dns'}},"
                "'policyTypes':['Ingress']}");
}

static void test_the_api_server_is_its_endpoints_both_families(void **state)
{
    (void)state;
    put_profile("'defaultDeny':['Egress'],'allow':{'apiServer':{}}");
    pass("shop");
    assert_non_null(find(REASON_API_SERVER_UNRESOLVED));
    assert_int_equal(plan.writes_count, 0);
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'kubernetes','namespace':'default','labels':{'kubernetes.io/"
              "service-name':'kubernetes'}},"
              "'addressType':'IPv4','ports':[{'name':'https','port':6443,'protocol':'TCP'}],'"
              "endpoints':[{'addresses':["
              "'203.0.113.11']},{'addresses':['203.0.113.10']}]}");
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'kubernetes-6','namespace':'default','labels':{'kubernetes.io/"
              "service-name':'kubernetes'}},"
              "'addressType':'IPv6','ports':[{'name':'https','port':6443,'protocol':'TCP'}],'"
              "endpoints':[{'addresses':["
              "'2001:db8::1']}]}");
    converge("shop");
    assert_spec("shop", "rampart-allow-api-server",
                "{'egress':[{'ports':[{'port':6443,'protocol':'TCP'}],'to':[{'ipBlock':{'cidr':'"
                "203.0.113.10/32'}},"
                "{'ipBlock':{'cidr':'203.0.113.11/"
                "32'}}]},{'ports':[{'port':6443,'protocol':'TCP'}],'to':[{'ipBlock':{"
                "'cidr':'2001:db8::1/128'}}]}],'podSelector':{},'policyTypes':['Egress']}");
}

static void test_a_dns_that_selects_no_pods_is_not_resolved_and_not_cut_off(void **state)
{
    (void)state;
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'kube-dns','namespace':'kube-system','labels':{'k8s-app':'kube-"
              "dns'}},'spec':{'ports':[{'port':53,'protocol':'UDP'}]}}");
    put_profile("'allow':{'dns':{}}");
    pass("shop");
    assert_non_null(find(REASON_DNS_UNRESOLVED));
    assert_int_equal(plan.writes_count, 0);
    pass("kube-system"); /* where its pods are */
    assert_non_null(find(REASON_DNS_UNRESOLVED));
    assert_int_equal(plan.writes_count, 0);
}

static void test_other_services_of_kube_system_are_not_taken_for_the_dns(void **state)
{
    (void)state;
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'a','namespace':'kube-system'},'spec':{'selector':{'a':'b'},"
              "'ports':[{'port':53,'protocol':'UDP'}]}}");
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'b','namespace':'kube-system','labels':{'k8s-app':'metrics'}},"
              "'spec':{'selector':{'a':'b'},'ports':[{'port':53,'protocol':'UDP'}]}}");
    put_dns("kube-system", "c-kube-dns", "53");
    put_profile("'defaultDeny':['Egress'],'allow':{'dns':{}}");
    converge("shop");
    assert_non_null(strstr(spec_text("shop", "rampart-allow-dns"), "'k8s-app':'kube-dns'"));
}

/* No DNS at all is known: its pods may be in either of the two namespaces, and nowhere else. */
static void test_an_unknown_dns_is_not_cut_off_where_it_may_be(void **state)
{
    static const struct {
        const char *ns;
        size_t writes;
    } rows[] = {{"kube-system", 0}, {"openshift-dns", 0}, {"shop", 1}};

    (void)state;
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'openshift-dns','labels':{}}}");
    put_profile("'defaultDeny':['Ingress'],'allow':{}");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        pass(rows[i].ns);
        assert_int_equal(plan.writes_count, rows[i].writes);
    }
}

static void test_only_the_endpoints_of_the_api_server_are_the_api_server(void **state)
{
    (void)state;
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'empty','namespace':'default','labels':{'kubernetes.io/"
              "service-name':'kubernetes'}},'addressType':'IPv4','ports':[],'endpoints':[]}");
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'web','namespace':'default','labels':{'kubernetes.io/"
              "service-name':'web'}},'addressType':'IPv4','ports':[{'name':'a','port':80}],"
              "'endpoints':[{'addresses':['203.0.113.80']}]}");
    put_profile("'defaultDeny':['Egress'],'allow':{'apiServer':{}}");
    pass("shop");
    assert_non_null(find(REASON_API_SERVER_UNRESOLVED));
    /* A port without a number is every port. */
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'kubernetes','namespace':'default','labels':{'kubernetes.io/"
              "service-name':'kubernetes'}},'addressType':'IPv4','ports':[{'name':'https'}],"
              "'endpoints':[{'addresses':['203.0.113.10']}]}");
    converge("shop");
    assert_spec("shop", "rampart-allow-api-server",
                "{'egress':[{'to':[{'ipBlock':{'cidr':'203.0.113.10/32'}}]}],'podSelector':{},"
                "'policyTypes':['Egress']}");
}

static void put_hook(enum kind kind, const char *service)
{
    static const char *const shapes[KIND_WATCHED_COUNT] = {
        [KIND_VALIDATING_WEBHOOK] =
            "'webhooks':[{'name':'a.b.c','clientConfig':{'service':{'namespace':'shop','name':'%s',"
            "'port':443}}}]",
        [KIND_MUTATING_WEBHOOK] = "'webhooks':[{'name':'a.b.c','clientConfig':{'service':{'"
                                  "namespace':'shop','name':'%s'}}}]",
        [KIND_API_SERVICE] = "'spec':{'service':{'namespace':'shop','name':'%s','port':443}}",
        [KIND_CRD] = "'spec':{'conversion':{'strategy':'Webhook','webhook':{'clientConfig':{'"
                     "service':{'namespace':'shop',"
                     "'name':'%s'}}}}}",
    };
    char body[512];

    (void)snprintf(body, sizeof(body), shapes[kind], service);
    world_put(&world, kind, "{'metadata':{'name':'guard'},%s}", body);
}

static void put_backend(const char *target)
{
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'hook','namespace':'shop'},'spec':{'selector':{'app':'hook'},'"
              "ports':[{'name':'web','port':443,"
              "'targetPort':%s}]}}",
              target);
}

static const char backend_spec[] = "{'ingress':[{'ports':[{'port':8443,'protocol':'TCP'}]}],'"
                                   "podSelector':{'matchLabels':{'app':'hook'}},"
                                   "'policyTypes':['Ingress']}";

static void test_whatever_calls_a_service_keeps_its_pods_reachable(void **state)
{
    static const enum kind kinds[] = {KIND_VALIDATING_WEBHOOK, KIND_MUTATING_WEBHOOK,
                                      KIND_API_SERVICE, KIND_CRD};

    (void)state;
    put_profile("'allow':{}");
    put_backend("8443");
    for (size_t i = 0; i < 4; i++) {
        put_hook(kinds[i], "hook");
        converge("shop");
        assert_spec("shop", "rampart-allow-backend-hook", backend_spec);
        world_remove(&world, kinds[i], NULL, "guard");
        converge("shop");
        assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 1);
    }
}

static void test_the_backend_comes_before_the_deny(void **state)
{
    (void)state;
    put_profile("'allow':{}");
    put_backend("8443");
    put_hook(KIND_VALIDATING_WEBHOOK, "hook");
    pass("shop");
    assert_int_equal(plan.writes_count, 2);
    assert_string_equal(plan.writes[0].object.name, "rampart-allow-backend-hook");
    assert_string_equal(plan.writes[1].object.name, POLICY_DENY);
}

static void test_a_backend_that_cannot_be_resolved_refuses_the_deny(void **state)
{
    static const struct {
        const char *service; /* NULL: none */
        const char *says;
    } rows[] = {
        {NULL,
         "Service shop/hook, which ValidatingWebhookConfiguration guard calls, does not exist"},
        {"'selector':{'app':'hook'},'ports':[{'name':'web','port':443,'targetPort':'web'}]",
         "names its target port"},
        {"'selector':{'app':'hook'},'ports':[{'name':'web','port':8080,'targetPort':8443}]",
         "has not the port"},
        {"'ports':[{'name':'web','port':443,'targetPort':8443}]", "has no selector"},
    };

    (void)state;
    put_profile("'allow':{}");
    put_hook(KIND_VALIDATING_WEBHOOK, "hook");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].service)
            world_put(&world, KIND_SERVICE,
                      "{'metadata':{'name':'hook','namespace':'shop'},'spec':{%s}}",
                      rows[i].service);
        pass("shop");
        assert_int_equal(plan.writes_count, 0);
        assert_int_equal(plan.state, VERDICT_FAILED);
        assert_non_null(find(REASON_BACKEND_UNRESOLVED));
        assert_non_null(strstr(find(REASON_BACKEND_UNRESOLVED)->message, rows[i].says));
    }
}

static void test_an_unresolved_backend_leaves_a_deny_that_stands(void **state)
{
    (void)state;
    put_profile("'allow':{}");
    converge("shop");
    put_hook(KIND_VALIDATING_WEBHOOK, "hook");
    pass("shop");
    assert_int_equal(plan.state, VERDICT_FAILED);
    assert_int_equal(plan.writes_count, 0);
    put_backend("8443");
    converge("shop");
    assert_spec("shop", "rampart-allow-backend-hook", backend_spec);
    assert_int_equal(plan.state, VERDICT_COMPLIANT);
}

static void test_named_target_ports_follow_the_endpoint_slices(void **state)
{
    (void)state;
    put_profile("'allow':{}");
    put_backend("'web'");
    put_hook(KIND_VALIDATING_WEBHOOK, "hook");
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'hook-1','namespace':'shop','labels':{'kubernetes.io/"
              "service-name':'hook'}},'addressType':"
              "'IPv4','ports':[{'name':'web','port':8443,'protocol':'TCP'},{'name':'other','port':"
              "9,'protocol':'TCP'}],"
              "'endpoints':[]}");
    converge("shop");
    assert_spec("shop", "rampart-allow-backend-hook", backend_spec);
}

static void test_an_external_name_calls_no_pod(void **state)
{
    (void)state;
    put_profile("'allow':{}");
    put_hook(KIND_VALIDATING_WEBHOOK, "hook");
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'hook','namespace':'shop'},'spec':{'type':'ExternalName','"
              "externalName':'a.example'}}");
    converge("shop");
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 1);
    assert_int_equal(plan.state, VERDICT_COMPLIANT);
}

static void test_more_backends_than_the_ceiling_is_an_error_and_not_ignored(void **state)
{
    struct err err = {0};

    (void)state;
    put_profile("'allow':{}");
    for (int i = 0; i <= BACKENDS_MAX; i++)
        world_put(&world, KIND_API_SERVICE,
                  "{'metadata':{'name':'a%d'},'spec':{'service':{'namespace':'shop','name':'s%d','"
                  "port':443}}}",
                  i, i);
    arena_reset(&arena);
    plan_init(&plan, &arena);
    assert_int_equal(registry_ops.plan_namespace(&world.view, "shop", &plan, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_dns_goes_to_the_clusters_own_dns_pods),
        WITH_WORLD(test_named_dns_ports_are_resolved_in_endpoint_slices),
        WITH_WORLD(test_node_local_dns_is_allowed_by_address),
        WITH_WORLD(test_stated_dns_servers_need_no_cluster_dns),
        WITH_WORLD(test_a_lost_dns_leaves_what_stands),
        WITH_WORLD(test_the_dns_pods_namespace_lets_everybody_in_on_their_ports),
        WITH_WORLD(test_the_api_server_is_its_endpoints_both_families),
        WITH_WORLD(test_a_dns_that_selects_no_pods_is_not_resolved_and_not_cut_off),
        WITH_WORLD(test_other_services_of_kube_system_are_not_taken_for_the_dns),
        WITH_WORLD(test_an_unknown_dns_is_not_cut_off_where_it_may_be),
        WITH_WORLD(test_only_the_endpoints_of_the_api_server_are_the_api_server),
        WITH_WORLD(test_whatever_calls_a_service_keeps_its_pods_reachable),
        WITH_WORLD(test_the_backend_comes_before_the_deny),
        WITH_WORLD(test_a_backend_that_cannot_be_resolved_refuses_the_deny),
        WITH_WORLD(test_an_unresolved_backend_leaves_a_deny_that_stands),
        WITH_WORLD(test_named_target_ports_follow_the_endpoint_slices),
        WITH_WORLD(test_an_external_name_calls_no_pod),
        WITH_WORLD(test_more_backends_than_the_ceiling_is_an_error_and_not_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
