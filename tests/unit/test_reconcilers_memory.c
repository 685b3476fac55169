/*
 * Every allocation of a pass fails once: a clean error, nothing leaked, and the pass after it makes
 * the plan that it would have made without. Told in stories, so that each kind of pass comes up:
 * whatever a pass has to say or to write is swept before it is done.
 */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/world.h"

#define ARENA_MAX (16u * 1024 * 1024)
#define PASSES_MAX 12
#define TAKE_BACK ",'finalizers':['rampart.dev/take-back','example.com/other']"
#define GOING TAKE_BACK ",'deletionTimestamp':'2026-11-23T12:00:00Z'"
#define EVERY_ALLOW                                                                             \
    "'network':{'allow':{'dns':{},'sameNamespace':{},'apiServer':{},'from':[{'ipBlock':{'cidr'" \
    ":'10.0.0.0/8'}}],'to':[{'ipBlock':{'cidr':'0.0.0.0/0','except':['10.0.0.0/8']}},"          \
    "{'namespaceSelector':{'matchLabels':{'a':'b'}}}]}}"
#define BARE "'network':{'allow':{}}"

static struct world world;

/* ---- A plan as text ---- */

static void print_finding(FILE *out, const struct finding *f)
{
    (void)fprintf(out, "  %s %s/%s %s (%s)\n", reason_name(f->reason), f->object.ns, f->object.name,
                  f->message, f->manager ? f->manager : "");
}

static char *plan_text(const struct plan *plan)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    (void)fprintf(out, "%s %d %u\n", plan->profile ? plan->profile : "nobody", (int)plan->state,
                  (unsigned)plan->in_place);
    for (size_t i = 0; i < plan->writes_count; i++) {
        const struct write *w = &plan->writes[i];

        (void)fprintf(out, "%d %d %s %s\n", (int)w->verb, (int)w->phase, w->summary,
                      w->body ? w->body : "");
        if (w->after)
            print_finding(out, w->after);
    }
    for (size_t i = 0; i < plan->findings_count; i++)
        print_finding(out, &plan->findings[i]);
    (void)fclose(out);
    return text;
}

/* ---- Swept passes ---- */

struct pass {
    const char *name; /* of a namespace or a profile */
    bool is_profile;
    char *first; /* owned: the plan of the first pass that got through */
};

static int make(void *ctx, struct err *err)
{
    struct pass *pass = ctx;
    AUTO_ARENA arena;
    struct plan plan;
    char *text;

    arena_init(&arena, ARENA_MAX);
    plan_init(&plan, &arena);
    if ((pass->is_profile ? registry_ops.plan_profile(&world.view, pass->name, &plan, err)
                          : registry_ops.plan_namespace(&world.view, pass->name, &plan, err)) < 0)
        return -1;
    if (plan_check(&plan, err) < 0)
        return -1;
    plan_sort(&plan);
    text = plan_text(&plan);
    if (!pass->first) {
        pass->first = text;
        return 0;
    }
    assert_string_equal(text, pass->first);
    free(text);
    return 0;
}

static void sweep_pass(const char *name, bool is_profile)
{
    struct pass pass = {.name = name, .is_profile = is_profile};

    assert_int_equal(make(&pass, NULL), 0);
    (void)sweep(make, &pass);
    free(pass.first);
}

/* Each pass until nothing is left to write is swept, and the profile's own pass after it. */
static void settle(const char *ns, const char *profile)
{
    for (unsigned i = 0; i < PASSES_MAX; i++) {
        bool is_swept = i == 0 || !getenv("UNDER_VALGRIND");
        AUTO_ARENA arena;
        struct plan plan;

        if (is_swept)
            sweep_pass(ns, false);
        arena_init(&arena, ARENA_MAX);
        world_plan(&world, &registry_ops, ns, &arena, &plan);
        world.verdict.findings = plan.findings;
        world.verdict.findings_count = plan.findings_count;
        if (profile && is_swept)
            sweep_pass(profile, true);
        world.verdict.findings_count = 0;
        if (plan.writes_count == 0)
            return;
        for (size_t k = 0; k < plan.writes_count; k++)
            world_apply(&world, &plan.writes[k]);
    }
    fail_msg("namespace %s does not settle", ns);
}

/* ---- What is there ---- */

static void put_namespace(const char *labels)
{
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{%s}}}", labels);
}

static void put_dns(void)
{
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'kube-dns','namespace':'kube-system','labels':{'k8s-app':'kube-"
              "dns'}},'spec':{'selector':{'k8s-app':'kube-dns'},'clusterIP':'10.96.0.10',"
              "'clusterIPs':['10.96.0.10'],'ports':[{'name':'dns','port':53,'protocol':'UDP',"
              "'targetPort':'dns'}]}}");
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'kube-dns-1','namespace':'kube-system','labels':{'kubernetes.io/"
              "service-name':'kube-dns'}},'addressType':'IPv4','ports':[{'name':'dns','port':5353,"
              "'protocol':'UDP'}],'endpoints':[]}");
}

static void put_cluster(void)
{
    put_dns();
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'kube-dns-upstream','namespace':'kube-system'},'spec':{}}");
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'kubernetes','namespace':'default','labels':{'kubernetes.io/"
              "service-name':'kubernetes'}},'addressType':'IPv4','ports':[{'name':'https','port':"
              "6443}],'endpoints':[{'addresses':['203.0.113.10']}]}");
    world_put(&world, KIND_CRD,
              "{'metadata':{'name':'ciliumnetworkpolicies.cilium.io'},'spec':{}}");
}

static void put_backend(void)
{
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'hook','namespace':'shop'},'spec':{'selector':{'app':'hook'},"
              "'ports':[{'name':'web','port':443,'targetPort':'web'}]}}");
    world_put(&world, KIND_ENDPOINT_SLICE,
              "{'metadata':{'name':'hook-1','namespace':'shop','labels':{'kubernetes.io/"
              "service-name':'hook'}},'addressType':'IPv4','ports':[{'name':'web','port':8443,"
              "'protocol':'TCP'}],'endpoints':[]}");
}

static void put_hook(void)
{
    world_put(&world, KIND_VALIDATING_WEBHOOK,
              "{'metadata':{'name':'guard'},'webhooks':[{'name':'a','clientConfig':{'service':{"
              "'namespace':'shop','name':'hook'}}}]}");
}

static void put_profile(const char *name, const char *meta, const char *spec)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'%s','generation':1%s},'spec':{'namespaceSelector':{"
              "'matchExpressions':[{'key':'free','operator':'DoesNotExist'}]},%s}}",
              name, meta, spec);
}

static json_t *member(const char *policy, const char *name)
{
    return json_object_get(world_get(&world, KIND_NETWORK_POLICY, "shop", policy), name);
}

static void bend(const char *policy)
{
    json_object_set_new(member(policy, "spec"), "ingress", json_pack("[{}]"));
    world_touch(&world, KIND_NETWORK_POLICY, "shop", policy, "rival");
}

static size_t policies(void)
{
    return world_count(&world, KIND_NETWORK_POLICY, "shop");
}

/* ---- Stories ---- */

static void everything_is_made_bent_and_deleted(void)
{
    put_cluster();
    put_backend();
    put_hook();
    put_profile("p", "", "'mode':'Enforce'," EVERY_ALLOW);
    settle("shop", "p");
    assert_int_equal(policies(), 7);
    bend(POLICY_DENY);
    bend("rampart-allow-dns");
    bend("rampart-allow-backend-hook");
    json_object_del(json_object_get(member("rampart-allow-to", "metadata"), "labels"),
                    "app.kubernetes.io/managed-by");
    world_touch(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-to", "rampart");
    world_remove(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-from");
    settle("shop", "p");
    assert_null(json_object_get(member(POLICY_DENY, "spec"), "ingress"));
    assert_int_equal(policies(), 7);
}

static void what_cannot_be_resolved_is_told(void)
{
    put_hook();
    put_profile("p", "", "'mode':'Enforce'," EVERY_ALLOW);
    settle("shop", "p");
    assert_int_equal(policies(), 0);
    put_cluster();
    put_backend();
    settle("shop", "p");
    assert_int_equal(policies(), 7);
    /* Everything goes again, and another profile has to put its name on what stays. */
    world_remove(&world, KIND_SERVICE, "kube-system", "kube-dns");
    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'kube-dns','namespace':'kube-system','labels':{'k8s-app':'kube-"
              "dns'}},'spec':{'selector':{'k8s-app':'kube-dns'},'ports':[{'name':'dns','port':54,"
              "'protocol':'UDP'}]}}");
    world_remove(&world, KIND_ENDPOINT_SLICE, "default", "kubernetes");
    world_remove(&world, KIND_SERVICE, "shop", "hook");
    world_remove(&world, KIND_PROFILE, NULL, "p");
    put_profile("q", "", "'mode':'Enforce'," EVERY_ALLOW);
    settle("shop", "q");
    assert_int_equal(policies(), 7);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(member("rampart-allow-dns", "metadata"), "labels"),
                            "rampart.dev/profile")),
                        "q");
}

static void what_others_have_made_is_told(void)
{
    world_put(&world, KIND_NETWORK_POLICY,
              "{'metadata':{'name':'open','namespace':'shop'},'spec':{'podSelector':{},"
              "'policyTypes':['Ingress'],'ingress':[{}]}}");
    world_put(&world, KIND_NETWORK_POLICY,
              "{'metadata':{'name':'rampart-allow-from','namespace':'shop'},'spec':{"
              "'podSelector':{'matchLabels':{'a':'b'}}}}");
    put_cluster();
    put_profile("p", "", "'mode':'Audit'," EVERY_ALLOW);
    settle("shop", "p");
    put_profile("p", "", "'mode':'Enforce'," EVERY_ALLOW);
    settle("shop", "p");
    assert_int_equal(policies(), 2);
}

static void audit_tells_what_is_missing_and_what_differs(void)
{
    put_cluster();
    put_profile("p", "", "'mode':'Enforce'," EVERY_ALLOW);
    settle("shop", "p");
    bend("rampart-allow-dns");
    json_object_set_new(json_object_get(member("rampart-allow-to", "metadata"), "labels"),
                        "app.kubernetes.io/instance", json_string("argocd"));
    world_touch(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-to", "argocd");
    world_remove(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-from");
    world_remove(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-api-server");
    put_profile("p", "", "'mode':'Audit'," EVERY_ALLOW);
    settle("shop", "p");
    assert_int_equal(policies(), 4);
}

static void what_is_retained_is_told(void)
{
    put_cluster();
    put_profile("p", "", "'mode':'Enforce'," EVERY_ALLOW);
    settle("shop", "p");
    put_namespace("'free':'yes'");
    settle("shop", "p");
    assert_int_equal(policies(), 6);
}

static void everything_is_taken_back(void)
{
    put_cluster();
    put_backend();
    put_hook();
    put_profile("p", "", "'mode':'Enforce','onDelete':'Remove'," EVERY_ALLOW);
    settle("shop", "p"); /* the finalizer comes first */
    put_profile("p", TAKE_BACK, "'mode':'Enforce','onDelete':'Remove'," EVERY_ALLOW);
    settle("shop", "p");
    assert_int_equal(policies(), 7);
    put_profile("p", GOING, "'mode':'Enforce','onDelete':'Remove'," EVERY_ALLOW);
    settle("shop", "p");
    assert_int_equal(policies(), 0);
}

static void a_bare_deny_is_taken_back(void)
{
    put_profile("p", TAKE_BACK, "'mode':'Enforce','onDelete':'Remove'," BARE);
    settle("shop", "p");
    put_profile("p", GOING, "'mode':'Enforce','onDelete':'Remove'," BARE);
    settle("shop", "p");
    assert_int_equal(policies(), 0);
}

static void ingress_is_given_up_while_webhooks_are_called(void)
{
    put_cluster();
    put_backend();
    put_hook();
    put_profile("p", "", "'mode':'Enforce'," EVERY_ALLOW);
    settle("shop", "p");
    put_profile("p", "",
                "'mode':'Enforce','network':{'defaultDeny':['Egress'],'allow':{'dns':{},"
                "'sameNamespace':{}}}");
    settle("shop", "p");
    assert_int_equal(policies(), 3);
    put_profile("p", "", "'mode':'Enforce'," EVERY_ALLOW);
    settle("shop", "p");
    assert_int_equal(policies(), 7);
}

/* A podSelector that was not kept for its size: no merge patch can name what has to go from it. */
static void what_is_too_large_is_made_again(void)
{
    char *value = text_repeat("x", 100000);

    world_put(&world, KIND_SERVICE,
              "{'metadata':{'name':'hook','namespace':'shop'},'spec':{'selector':{'app':'hook'},"
              "'ports':[{'port':443,'targetPort':8443}]}}");
    put_hook();
    put_profile("p", "", "'mode':'Enforce'," BARE);
    settle("shop", "p");
    json_object_set_new(json_object_get(member("rampart-allow-backend-hook", "spec"),
                                        "podSelector"),
                        "matchLabels", json_pack("{s:s}", "a", value));
    free(value);
    world_touch(&world, KIND_NETWORK_POLICY, "shop", "rampart-allow-backend-hook", "rival");
    settle("shop", "p");
    assert_int_equal(policies(), 2);
}

static void test_every_allocation_of_a_pass_may_fail(void **state)
{
    static void (*const stories[])(void) = {
        everything_is_made_bent_and_deleted,
        what_cannot_be_resolved_is_told,
        what_others_have_made_is_told,
        audit_tells_what_is_missing_and_what_differs,
        what_is_retained_is_told,
        everything_is_taken_back,
        a_bare_deny_is_taken_back,
        ingress_is_given_up_while_webhooks_are_called,
        what_is_too_large_is_made_again,
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(stories); i++) {
        world_init(&world);
        put_namespace("");
        stories[i]();
        world_done(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_of_a_pass_may_fail),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
