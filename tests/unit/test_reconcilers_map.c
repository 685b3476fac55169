/* Which events make what dirty. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/network.h"
#include "support/world.h"

/* The same cluster before an event and after it: the view shows what came after. */
static struct world earlier, later;

static int setup(void **state)
{
    (void)state;
    world_init(&earlier);
    world_init(&later);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&earlier);
    world_done(&later);
    return 0;
}

/* ---- What is marked ---- */

struct marks {
    char text[512];
};

static void add_mark(void *ctx, const char *what, const char *name)
{
    struct marks *m = ctx;
    size_t len = strlen(m->text);

    assert_true(snprintf(m->text + len, sizeof(m->text) - len, "%s%s", what, name) <
                (int)(sizeof(m->text) - len));
}

static void mark_namespace(void *ctx, const char *ns)
{
    add_mark(ctx, " ns/", ns);
}

static void mark_all_namespaces(void *ctx)
{
    add_mark(ctx, " ns/*", "");
}

static void mark_profile(void *ctx, const char *name)
{
    add_mark(ctx, " profile/", name);
}

static void mark_all_profiles(void *ctx)
{
    add_mark(ctx, " profile/*", "");
}

static void assert_objects_mark(const struct object *before, const struct object *after,
                                const char *want)
{
    struct marks marks = {""};
    const struct dirty dirty = {.mark_namespace = mark_namespace,
                                .mark_all_namespaces = mark_all_namespaces,
                                .mark_profile = mark_profile,
                                .mark_all_profiles = mark_all_profiles,
                                .ctx = &marks};

    network_map(&later.view, before, after, &dirty);
    assert_string_equal(marks.text, want);
}

/* ---- Objects before and after ---- */

static const struct object *put(struct world *w, enum kind kind, const char *ns, const char *name,
                                const char *more_meta, const char *rest)
{
    const struct object *object;

    world_put(w, kind, "{'metadata':{'name':'%s'%s%s%s%s}%s%s}", name, *ns ? ",'namespace':'" : "",
              ns, *ns ? "'" : "", more_meta, *rest ? "," : "", rest);
    object = view_get(&w->view, kind, ns, name);
    assert_non_null(object);
    return object;
}

/* An object that was @before and is @after; NULL: it was not there, or is not. */
static void assert_marks(enum kind kind, const char *ns, const char *name, const char *before,
                         const char *after, const char *want)
{
    const struct object *old = before ? put(&earlier, kind, ns, name, "", before) : NULL;
    const struct object *new = after ? put(&later, kind, ns, name, "", after) : NULL;

    assert_objects_mark(old, new, want);
    if (old)
        world_remove(&earlier, kind, ns, name);
    if (new)
        world_remove(&later, kind, ns, name);
    earlier.clock = later.clock = 0; /* uids are the same for the same sequence */
}

/* ---- Services and EndpointSlices ---- */

#define DNS_LABELS "'k8s-app':'kube-dns'"
#define SERVICE(selector, rest, ports) \
    "'spec':{'selector':{" selector "}," rest "'ports':[" ports "]}"
#define PORT "{'name':'dns','protocol':'UDP','port':53,'targetPort':53}"
#define BASE SERVICE("'a':'b'", "'clusterIPs':['10.96.0.10'],", PORT)
#define SLICE(ports, addresses) \
    "'addressType':'IPv4','ports':[" ports "],'endpoints':[{'addresses':[" addresses "]}]"
#define SLICE_PORT "{'name':'dns','protocol':'UDP','port':53}"
#define SLICE_BASE SLICE(SLICE_PORT, "'192.0.2.1'")

/* Whatever a policy is computed from counts, and nothing else does. */
static void test_a_change_of_the_clusters_dns_concerns_every_namespace(void **state)
{
    static const struct {
        const char *after;
        const char *want;
    } rows[] = {
        {BASE, ""},
        {SERVICE("'a':'b'", "'clusterIPs':['10.96.0.10'],'sessionAffinity':'None',", PORT), ""},
        {SERVICE("'a':'c'", "'clusterIPs':['10.96.0.10'],", PORT), " ns/*"},
        {SERVICE("'a':'b'", "'clusterIPs':['10.96.0.11'],", PORT), " ns/*"},
        {SERVICE("'a':'b'", "", PORT), " ns/*"},
        {SERVICE("'a':'b'", "'type':'ExternalName','clusterIPs':['10.96.0.10'],", PORT), " ns/*"},
        {SERVICE("'a':'b'", "'clusterIPs':['10.96.0.10'],", PORT ",{'name':'x','port':1}"),
         " ns/*"},
        {SERVICE("'a':'b'", "'clusterIPs':['10.96.0.10'],",
                 "{'name':'other','protocol':'UDP','port':53,'targetPort':53}"),
         " ns/*"},
        {SERVICE("'a':'b'", "'clusterIPs':['10.96.0.10'],",
                 "{'name':'dns','protocol':'TCP','port':53,'targetPort':53}"),
         " ns/*"},
        {SERVICE("'a':'b'", "'clusterIPs':['10.96.0.10'],",
                 "{'name':'dns','protocol':'UDP','port':54,'targetPort':53}"),
         " ns/*"},
        {SERVICE("'a':'b'", "'clusterIPs':['10.96.0.10'],",
                 "{'name':'dns','protocol':'UDP','port':53,'targetPort':5353}"),
         " ns/*"},
        {SERVICE("'a':'b'", "'clusterIPs':['10.96.0.10'],",
                 "{'name':'dns','protocol':'UDP','port':53,'targetPort':'dns'}"),
         " ns/*"},
        {NULL, " ns/*"},
    };
    const char *ns = "openshift-dns", *name = "dns-default"; /* told by their names alone */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_marks(KIND_SERVICE, ns, name, BASE, rows[i].after, rows[i].want);
    assert_marks(KIND_SERVICE, ns, name, NULL, BASE, " ns/*");
    assert_marks(KIND_SERVICE, ns, name,
                 SERVICE("'a':'b'", "", "{'name':'dns','port':53,'targetPort':'dns'}"),
                 SERVICE("'a':'b'", "", "{'name':'dns','port':53,'targetPort':'web'}"), " ns/*");
}

static void test_a_change_of_the_dns_endpoints_concerns_every_namespace(void **state)
{
    static const struct {
        const char *service; /* label of the slice */
        const char *after;
        const char *want;
    } rows[] = {
        {"dns", SLICE_BASE, ""},
        {"dns", SLICE(SLICE_PORT, "'192.0.2.2'"), ""}, /* pods come and go */
        {"dns", SLICE(SLICE_PORT ",{'name':'x','port':1}", "'192.0.2.1'"), " ns/*"},
        {"dns", SLICE("{'name':'x','protocol':'UDP','port':53}", "'192.0.2.1'"), " ns/*"},
        {"dns", SLICE("{'name':'dns','protocol':'TCP','port':53}", "'192.0.2.1'"), " ns/*"},
        {"dns", SLICE("{'name':'dns','protocol':'UDP','port':54}", "'192.0.2.1'"), " ns/*"},
        {"other", SLICE_BASE, " ns/*"},
    };

    (void)state;
    for (int k = 0; k < 2; k++) {
        const char *ns = k == 0 ? "kube-system" : "openshift-dns";

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            char label[128];
            const struct object *old =
                put(&earlier, KIND_ENDPOINT_SLICE, ns, "dns-1",
                    ",'labels':{'kubernetes.io/service-name':'dns'}", SLICE_BASE);
            const struct object *new;

            (void)snprintf(label, sizeof(label), ",'labels':{'kubernetes.io/service-name':'%s'}",
                           rows[i].service);
            new = put(&later, KIND_ENDPOINT_SLICE, ns, "dns-1", label, rows[i].after);
            assert_objects_mark(old, new, rows[i].want);
        }
    }
}

static void test_a_change_of_the_api_servers_addresses_concerns_every_namespace(void **state)
{
    static const struct {
        const char *addresses;
        const char *want;
    } rows[] = {
        {"'192.0.2.1'", ""},
        {"'192.0.2.2'", " ns/*"},
        {"'192.0.2.1','192.0.2.2'", " ns/*"},
    };
    static const char label[] = ",'labels':{'kubernetes.io/service-name':'kubernetes'}";

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char rest[256];
        const struct object *old =
            put(&earlier, KIND_ENDPOINT_SLICE, "default", "kubernetes", label, SLICE_BASE);
        const struct object *new;

        (void)snprintf(rest, sizeof(rest),
                       "'addressType':'IPv4','ports':[%s],'endpoints':[{'addresses':[%s]}]",
                       SLICE_PORT, rows[i].addresses);
        new = put(&later, KIND_ENDPOINT_SLICE, "default", "kubernetes", label, rest);
        assert_objects_mark(old, new, rows[i].want);
    }
}

static void test_only_what_the_dns_is_told_by_concerns_every_namespace(void **state)
{
    static const struct {
        enum kind kind;
        const char *ns;
        const char *name;
        const char *labels;
        const char *want;
    } rows[] = {
        {KIND_SERVICE, "kube-system", "kube-dns", DNS_LABELS, " ns/*"},
        {KIND_SERVICE, "kube-system", "coredns", DNS_LABELS, " ns/*"},
        {KIND_SERVICE, "kube-system", "kube-dns-upstream", DNS_LABELS, " ns/*"},
        {KIND_SERVICE, "kube-system", "kube-dns-upstream", "", " ns/*"},
        {KIND_SERVICE, "kube-system", "kube-dns", "'k8s-app':'metrics'", ""},
        {KIND_SERVICE, "kube-system", "metrics", "", ""},
        {KIND_SERVICE, "openshift-dns", "other", DNS_LABELS, ""},
        {KIND_SERVICE, "shop", "kube-dns", DNS_LABELS, ""},
        {KIND_SERVICE, "shop", "kube-dns-upstream", "", ""},
        {KIND_ENDPOINT_SLICE, "default", "a", "'kubernetes.io/service-name':'kubernetes'", " ns/*"},
        {KIND_ENDPOINT_SLICE, "default", "a", "'kubernetes.io/service-name':'web'", ""},
        {KIND_ENDPOINT_SLICE, "shop", "a", "'kubernetes.io/service-name':'kubernetes'", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char labels[128];
        const struct object *object;

        (void)snprintf(labels, sizeof(labels), ",'labels':{%s}", rows[i].labels);
        object = put(&later, rows[i].kind, rows[i].ns, rows[i].name, labels,
                     rows[i].kind == KIND_SERVICE ? BASE : SLICE_BASE);
        assert_objects_mark(NULL, object, rows[i].want);
        assert_objects_mark(object, NULL, rows[i].want); /* what goes concerns as much */
        world_remove(&later, rows[i].kind, rows[i].ns, rows[i].name);
    }
}

/* A label that makes a Service the cluster's DNS, or no longer. */
static void test_a_service_that_becomes_or_was_the_dns_concerns_every_namespace(void **state)
{
    const struct object *old =
        put(&earlier, KIND_SERVICE, "kube-system", "kube-dns", ",'labels':{" DNS_LABELS "}", BASE);
    const struct object *new = put(&later, KIND_SERVICE, "kube-system", "kube-dns", "", BASE);

    (void)state;
    assert_objects_mark(old, new, " ns/*");
    assert_objects_mark(new, old, " ns/*");
}

static void test_a_service_that_the_api_server_calls_concerns_its_namespace(void **state)
{
    (void)state;
    assert_marks(KIND_SERVICE, "shop", "hook", NULL, BASE, "");
    (void)put(&later, KIND_VALIDATING_WEBHOOK, "", "far", "",
              "'webhooks':[{'name':'a','clientConfig':{'service':{'namespace':'bank','name':'hook'"
              "}}},{'name':'b','clientConfig':{'url':'https://a.example'}}]");
    assert_marks(KIND_SERVICE, "shop", "hook", NULL, BASE, "");
    (void)put(&later, KIND_CRD, "", "guards.example.com", "",
              "'spec':{'conversion':{'strategy':'Webhook','webhook':{'clientConfig':{'service':{"
              "'namespace':'shop','name':'hook'}}}}}");
    assert_marks(KIND_SERVICE, "shop", "hook", NULL, BASE, " ns/shop");
    assert_marks(KIND_SERVICE, "shop", "hook", BASE, NULL, " ns/shop");
    assert_marks(KIND_SERVICE, "shop", "hook", BASE, BASE, "");
    assert_marks(KIND_ENDPOINT_SLICE, "shop", "hook-1", NULL, SLICE_BASE, " ns/shop");
}

/* Where it cannot be told for want of memory, a pass too many does no harm. */
static void test_a_service_concerns_its_namespace_when_memory_is_out(void **state)
{
    const struct object *service = put(&later, KIND_SERVICE, "shop", "hook", "", BASE);

    (void)state;
    (void)put(&later, KIND_VALIDATING_WEBHOOK, "", "far", "",
              "'webhooks':[{'name':'a','clientConfig':{'service':{'namespace':'bank','name':'x'}}}"
              "]");
    assert_objects_mark(NULL, service, "");
    mem_fail_nth(0);
    assert_objects_mark(NULL, service, " ns/shop");
    assert_true(mem_fail_disarm());
}

/* ---- Namespaces, profiles, policies, what calls Services ---- */

static void test_a_namespace_concerns_itself_and_every_profile(void **state)
{
    static const struct {
        const char *meta;
        const char *want;
    } rows[] = {
        {",'labels':{'team':'shop'}", ""},
        {",'labels':{'team':'shop'},'annotations':{'a':'b'}", ""},
        {",'labels':{'team':'bank'}", " ns/shop profile/*"},
        {",'labels':{'team':'shop'},'deletionTimestamp':'2026-11-23T12:00:00Z'",
         " ns/shop profile/*"},
    };
    const struct object *old =
        put(&earlier, KIND_NAMESPACE, "", "shop", ",'labels':{'team':'shop'}", "");
    const struct object *new;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        new = put(&later, KIND_NAMESPACE, "", "shop", rows[i].meta, "");
        assert_objects_mark(old, new, rows[i].want);
    }
    assert_objects_mark(NULL, old, " ns/shop profile/*");
    assert_objects_mark(old, NULL, " ns/shop profile/*");
    world_remove(&later, KIND_NAMESPACE, "", "shop"); /* and another one of that name */
    new = put(&later, KIND_NAMESPACE, "", "shop", ",'labels':{'team':'shop'}", "");
    assert_objects_mark(old, new, " ns/shop profile/*");
}

static void test_a_profile_concerns_everything_unless_only_its_status_changes(void **state)
{
    static const struct {
        const char *meta;
        const char *spec;
        const char *want;
    } rows[] = {
        {",'generation':1", "'spec':{'namespaceSelector':{}},'status':{'a':1}", " profile/p"},
        {",'generation':1,'labels':{'a':'b'}", "'spec':{'namespaceSelector':{}}", " profile/p"},
        {",'generation':2", "'spec':{'namespaceSelector':{}}", " ns/* profile/*"},
        {",'generation':1,'deletionTimestamp':'2026-11-23T12:00:00Z'",
         "'spec':{'namespaceSelector':{}}", " ns/* profile/*"},
        {",'generation':1,'finalizers':['rampart.dev/take-back']",
         "'spec':{'namespaceSelector':{}}", " ns/* profile/*"},
        {",'generation':1", "'spec':{'mode':'Sometimes','namespaceSelector':{}}",
         " ns/* profile/*"},
    };
    const struct object *old =
        put(&earlier, KIND_PROFILE, "", "p", ",'generation':1", "'spec':{'namespaceSelector':{}}");
    const struct object *new;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        new = put(&later, KIND_PROFILE, "", "p", rows[i].meta, rows[i].spec);
        assert_objects_mark(old, new, rows[i].want);
    }
    assert_objects_mark(NULL, old, " ns/* profile/*");
    assert_objects_mark(old, NULL, " ns/* profile/*");
    world_remove(&later, KIND_PROFILE, "", "p"); /* and another one of that name */
    new = put(&later, KIND_PROFILE, "", "p", ",'generation':1", "'spec':{'namespaceSelector':{}}");
    assert_objects_mark(old, new, " ns/* profile/*");
}

static void
test_a_policy_concerns_its_namespace_and_the_profile_that_waits_for_its_end(void **state)
{
    const struct object *ours =
        put(&later, KIND_NETWORK_POLICY, "shop", "rampart-default-deny",
            ",'labels':{'app.kubernetes.io/managed-by':'rampart','rampart.dev/profile':'p'}",
            "'spec':{'podSelector':{}}");
    const struct object *foreign =
        put(&later, KIND_NETWORK_POLICY, "shop", "open", ",'labels':{'rampart.dev/profile':'p'}",
            "'spec':{'podSelector':{}}");
    const struct object *nobodys =
        put(&later, KIND_NETWORK_POLICY, "shop", "plain", "", "'spec':{'podSelector':{}}");

    (void)state;
    assert_objects_mark(NULL, ours, " ns/shop");
    assert_objects_mark(ours, ours, " ns/shop profile/p");
    assert_objects_mark(ours, NULL, " ns/shop profile/p");
    assert_objects_mark(foreign, NULL, " ns/shop");
    assert_objects_mark(nobodys, NULL, " ns/shop");
}

static void test_what_calls_services_concerns_their_namespaces_before_and_after(void **state)
{
    const struct object *old = put(&earlier, KIND_API_SERVICE, "", "v1.example.com", "",
                                   "'spec':{'service':{'namespace':'shop','name':'a'}}");
    const struct object *new = put(&later, KIND_API_SERVICE, "", "v1.example.com", "",
                                   "'spec':{'service':{'namespace':'bank','name':'a'}}");
    (void)state;
    assert_objects_mark(old, new, " ns/shop ns/bank");
    assert_objects_mark(NULL, new, " ns/bank");
    assert_objects_mark(old, NULL, " ns/shop");
}

static void test_the_crd_of_a_network_plugin_concerns_every_profile(void **state)
{
    const struct object *crd =
        put(&later, KIND_CRD, "", "ciliumnetworkpolicies.cilium.io", "", "'spec':{}");
    const struct object *other =
        put(&later, KIND_CRD, "", "widgets.example.com", "",
            "'spec':{'conversion':{'strategy':'Webhook','webhook':{'clientConfig':{'service':{"
            "'namespace':'shop','name':'hook'}}}}}");

    (void)state;
    assert_objects_mark(NULL, crd, " profile/*");
    assert_objects_mark(crd, NULL, " profile/*");
    assert_objects_mark(NULL, other, " ns/shop");
    assert_objects_mark(other, NULL, " ns/shop");
}

#define WITH_WORLDS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLDS(test_a_change_of_the_clusters_dns_concerns_every_namespace),
        WITH_WORLDS(test_a_change_of_the_dns_endpoints_concerns_every_namespace),
        WITH_WORLDS(test_a_change_of_the_api_servers_addresses_concerns_every_namespace),
        WITH_WORLDS(test_only_what_the_dns_is_told_by_concerns_every_namespace),
        WITH_WORLDS(test_a_service_that_becomes_or_was_the_dns_concerns_every_namespace),
        WITH_WORLDS(test_a_service_that_the_api_server_calls_concerns_its_namespace),
        WITH_WORLDS(test_a_service_concerns_its_namespace_when_memory_is_out),
        WITH_WORLDS(test_a_namespace_concerns_itself_and_every_profile),
        WITH_WORLDS(test_a_profile_concerns_everything_unless_only_its_status_changes),
        WITH_WORLDS(test_a_policy_concerns_its_namespace_and_the_profile_that_waits_for_its_end),
        WITH_WORLDS(test_what_calls_services_concerns_their_namespaces_before_and_after),
        WITH_WORLDS(test_the_crd_of_a_network_plugin_concerns_every_profile),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
