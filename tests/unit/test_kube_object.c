#include "kube_fixture.h"

static void test_namespace_keeps_labels(void **state)
{
    json_t *root = fixture_json("namespace.json");
    const struct namespace_facts *ns =
        OBJECT_AS(namespace_facts, decode_ok(KIND_NAMESPACE, root, *state));

    json_decref(root);
    assert_string_equal(ns->object.name, "shop");
    assert_string_equal(ns->object.ns, "");
    assert_string_equal(ns->object.uid, "dc5b9955-cb5e-404e-a393-76f7fd0e6778");
    assert_int_equal(ns->object.kind, KIND_NAMESPACE);
    assert_false(ns->object.is_deleting);
    assert_int_equal(ns->labels.count, 2);
    assert_string_equal(labels_get(&ns->labels, "kubernetes.io/metadata.name"), "shop");
    assert_string_equal(labels_get(&ns->labels, "team"), "shop");
}

static void test_namespace_is_deleting_by_timestamp_or_by_phase(void **state)
{
    static const struct {
        const char *text;
        bool is_deleting;
    } rows[] = {
        {"{'metadata':{'name':'a','uid':'u','resourceVersion':'1'}}", false},
        {"{'metadata':{'name':'a','uid':'u','resourceVersion':'1','deletionTimestamp':null}}",
         false},
        {"{'metadata':{'name':'a','uid':'u','resourceVersion':'1'},'status':{'phase':'Active'}}",
         false},
        {"{'metadata':{'name':'a','uid':'u','resourceVersion':'1'},'status':{'phase':'Terminating'}"
         "}",
         true},
        {"{'metadata':{'name':'a','uid':'u','resourceVersion':'1',"
         "'deletionTimestamp':'2026-11-23T23:55:47Z'}}",
         true},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *root = json_of(rows[i].text);

        assert_int_equal(decode_ok(KIND_NAMESPACE, root, *state)->is_deleting, rows[i].is_deleting);
        json_decref(root);
    }
}

static void test_service_of_the_cluster_dns(void **state)
{
    json_t *root = fixture_json("service_dns.json");
    const struct service_facts *svc =
        OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));

    json_decref(root);
    assert_string_equal(svc->object.ns, "kube-system");
    assert_string_equal(svc->object.name, "kube-dns");
    assert_string_equal(labels_get(&svc->labels, "kubernetes.io/name"), "CoreDNS");
    assert_int_equal(svc->selector.count, 1);
    assert_string_equal(labels_get(&svc->selector, "k8s-app"), "kube-dns");
    assert_false(svc->is_external_name);
    assert_int_equal(svc->cluster_ips_count, 1);
    assert_string_equal(svc->cluster_ips[0], "10.0.0.10");
    assert_int_equal(svc->ports_count, 3);
    assert_string_equal(svc->ports[0].name, "dns");
    assert_int_equal(svc->ports[0].protocol, PROTOCOL_UDP);
    assert_int_equal(svc->ports[0].port, 53);
    assert_int_equal(svc->ports[0].target_number, 53);
    assert_null(svc->ports[0].target_name);
    assert_int_equal(svc->ports[1].protocol, PROTOCOL_TCP);
    assert_int_equal(svc->ports[1].target_number, 0);
    assert_string_equal(svc->ports[1].target_name, "dns-tcp");
    assert_int_equal(svc->ports[2].target_number, 9153);
}

static void test_service_without_cluster_ip_has_none(void **state)
{
    static const char *const names[] = {"service_headless.json", "service_external_name.json"};

    for (size_t i = 0; i < 2; i++) {
        json_t *root = fixture_json(names[i]);
        const struct service_facts *svc =
            OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));

        assert_int_equal(svc->cluster_ips_count, 0);
        assert_int_equal(svc->selector.count, 0);
        assert_int_equal(svc->is_external_name, i == 1);
        json_decref(root);
    }
}

#define META_NS "'metadata':{'name':'x','namespace':'shop','uid':'u','resourceVersion':'1'}"

static void test_service_target_port_defaults_to_the_port(void **state)
{
    static const struct {
        const char *port;
        unsigned number;
        const char *name;
    } rows[] = {
        {"{'port':80}", 80, NULL},
        {"{'port':80,'targetPort':null}", 80, NULL},
        {"{'port':80,'targetPort':0}", 80, NULL},
        {"{'port':80,'targetPort':''}", 80, NULL},
        {"{'port':80,'targetPort':8080}", 8080, NULL},
        {"{'port':80,'targetPort':'http'}", 0, "http"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        const struct service_facts *svc;
        json_t *root;

        (void)snprintf(text, sizeof(text),
                       "{" META_NS ",'spec':{'clusterIP':'10.0.0.9','ports':[%s]}}", rows[i].port);
        root = json_of(text);
        svc = OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));
        json_decref(root);
        assert_int_equal(svc->ports[0].target_number, rows[i].number);
        if (rows[i].name)
            assert_string_equal(svc->ports[0].target_name, rows[i].name);
        else
            assert_null(svc->ports[0].target_name);
        assert_string_equal(svc->ports[0].name, "");
        assert_string_equal(svc->cluster_ips[0], "10.0.0.9");
    }
}

static void test_endpoint_slice_keeps_addresses_of_the_api_server_alone(void **state)
{
    json_t *dns = fixture_json("slice_dns.json");
    json_t *api = fixture_json("slice_kubernetes.json");
    const struct slice_facts *slice =
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, dns, *state));

    assert_string_equal(slice->service, "kube-dns");
    assert_int_equal(slice->ports_count, 3);
    assert_string_equal(slice->ports[0].name, "dns");
    assert_int_equal(slice->ports[0].protocol, PROTOCOL_UDP);
    assert_int_equal(slice->ports[0].port, 5353);
    assert_int_equal(slice->addresses_count, 0);
    slice = OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, api, *state));
    assert_string_equal(slice->service, "kubernetes");
    assert_int_equal(slice->addresses_count, 2);
    assert_string_equal(slice->addresses[0], "203.0.113.11");
    assert_string_equal(slice->addresses[1], "203.0.113.12");
    assert_false(slice->is_ipv6);
    json_decref(dns);
    json_decref(api);
}

static void test_endpoint_slice_may_leave_nearly_everything_out(void **state)
{
    json_t *root = json_of("{" META_NS ",'addressType':'IPv6','ports':[{}],'endpoints':null}");
    const struct slice_facts *slice =
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, root, *state));

    json_decref(root);
    assert_string_equal(slice->service, "");
    assert_true(slice->is_ipv6);
    assert_int_equal(slice->ports_count, 1);
    assert_string_equal(slice->ports[0].name, "");
    assert_int_equal(slice->ports[0].port, 0);
}

static void test_webhooks_keep_those_that_name_a_service(void **state)
{
    json_t *root = fixture_json("webhook_validating.json");
    const struct hook_facts *facts =
        OBJECT_AS(hook_facts, decode_ok(KIND_VALIDATING_WEBHOOK, root, *state));

    json_decref(root);
    assert_string_equal(facts->object.name, "cert-manager-webhook");
    assert_int_equal(facts->refs_count, 2);
    assert_string_equal(facts->refs[0].hook, "webhook.cert-manager.io");
    assert_string_equal(facts->refs[0].ns, "cert-manager");
    assert_string_equal(facts->refs[0].service, "cert-manager-webhook");
    assert_int_equal(facts->refs[0].port, 443);
    assert_string_equal(facts->refs[1].hook, "metrics.cert-manager.io");
    assert_int_equal(facts->refs[1].port, 8443);
}

static void test_api_service_and_crd_refer_to_their_service(void **state)
{
    json_t *metrics = fixture_json("api_service_metrics.json");
    json_t *widgets = fixture_json("crd_webhook.json");
    const struct hook_facts *facts =
        OBJECT_AS(hook_facts, decode_ok(KIND_API_SERVICE, metrics, *state));

    assert_int_equal(facts->refs_count, 1);
    assert_string_equal(facts->refs[0].hook, "");
    assert_string_equal(facts->refs[0].ns, "kube-system");
    assert_string_equal(facts->refs[0].service, "metrics-server");
    assert_int_equal(facts->refs[0].port, 443);
    facts = OBJECT_AS(hook_facts, decode_ok(KIND_CRD, widgets, *state));
    assert_int_equal(facts->refs_count, 1);
    assert_string_equal(facts->refs[0].ns, "widgets");
    assert_string_equal(facts->refs[0].service, "converter");
    json_decref(metrics);
    json_decref(widgets);
}

#define META "'metadata':{'name':'x','uid':'u','resourceVersion':'1'}"

static void test_what_calls_no_service_is_skipped(void **state)
{
    static const struct {
        enum kind kind;
        const char *text;
    } rows[] = {
        {KIND_VALIDATING_WEBHOOK, "{" META "}"},
        {KIND_MUTATING_WEBHOOK, "{" META ",'webhooks':[]}"},
        {KIND_MUTATING_WEBHOOK, "{" META ",'webhooks':[{'name':'a','clientConfig':{'url':'x'}}]}"},
        {KIND_MUTATING_WEBHOOK, "{" META ",'webhooks':[{'name':'a'}]}"},
        {KIND_API_SERVICE, "{" META ",'spec':{'group':'apps'}}"},
        {KIND_API_SERVICE, "{" META ",'spec':{'service':null}}"},
        {KIND_CRD, "{" META ",'spec':{}}"},
        {KIND_CRD, "{" META ",'spec':{'conversion':{'strategy':'None'}}}"},
        {KIND_CRD, "{" META ",'spec':{'conversion':{'strategy':'Webhook'}}}"},
        {KIND_CRD, "{" META ",'spec':{'conversion':{'strategy':'None','webhook':{'clientConfig':"
                   "{'service':{'namespace':'a','name':'b'}}}}}}"},
    };
    json_t *local = fixture_json("api_service_local.json");

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *root = json_of(rows[i].text);

        assert_null(decode_ok(rows[i].kind, root, *state));
        json_decref(root);
    }
    assert_null(decode_ok(KIND_API_SERVICE, local, *state));
    json_decref(local);
}

static void test_decode_errors_name_object_and_path(void **state)
{
    static const struct {
        enum kind kind;
        const char *text;
        const char *msg;
    } rows[] = {
        {KIND_NAMESPACE, "{}", "Namespace (without a name): metadata: is missing"},
        {KIND_NAMESPACE, "[]", "Namespace (without a name): metadata: is missing"},
        {KIND_NAMESPACE, "5", "Namespace (without a name): metadata: is missing"},
        {KIND_NAMESPACE, "{'metadata':[]}",
         "Namespace (without a name): metadata: expected an object, got an array"},
        {KIND_NAMESPACE, "{'metadata':{}}",
         "Namespace (without a name): metadata.name: expected a string, got nothing"},
        {KIND_NAMESPACE, "{'metadata':{'name':''}}",
         "Namespace : metadata.name: expected a string that is not empty"},
        {KIND_NAMESPACE, "{'metadata':{'name':'..'}}",
         "Namespace ..: metadata.name: \"..\" cannot be part of a path"},
        {KIND_NAMESPACE, "{'metadata':{'name':'a/b'}}",
         "Namespace a/b: metadata.name: \"a/b\" cannot be part of a path"},
        {KIND_NAMESPACE, "{'metadata':{'name':'a','resourceVersion':'1'}}",
         "Namespace a: metadata.uid: is missing"},
        {KIND_NAMESPACE, "{'metadata':{'name':'a','uid':'u'}}",
         "Namespace a: metadata.resourceVersion: is missing"},
        {KIND_NAMESPACE, "{'metadata':{'name':'a','uid':5,'resourceVersion':'1'}}",
         "Namespace a: metadata.uid: expected a string, got an integer"},
        {KIND_NAMESPACE, "{'metadata':{'name':'a','deletionTimestamp':5}}",
         "Namespace a: metadata.deletionTimestamp: expected a string"},
        {KIND_NAMESPACE, "{'metadata':{'name':'a','labels':{'b':[]}}}",
         "Namespace a: metadata.labels.b: expected a string"},
        {KIND_NAMESPACE, "{" META ",'status':{'phase':5}}",
         "Namespace x: status.phase: expected a string"},
        {KIND_NAMESPACE, "{" META ",'status':'Failure'}",
         "Namespace x: status: expected an object, got a string"},
        {KIND_SERVICE, "{" META "}",
         "Service x: metadata.namespace: expected a string, got nothing"},
        {KIND_SERVICE, "{'metadata':{'name':'x','namespace':'..'}}",
         "Service ../x: metadata.namespace: \"..\" cannot be part of a path"},
        {KIND_MUTATING_WEBHOOK, "{" META ",'webhooks':[{'clientConfig':{'service':{'name':'s'}}}]}",
         "MutatingWebhookConfiguration x: webhooks[0].clientConfig.service.namespace: expected a "
         "string, got nothing"},
        {KIND_API_SERVICE, "{" META ",'spec':{'service':{'namespace':'n','name':'s','port':0}}}",
         "APIService x: spec.service.port: expected an integer 1..65535, got 0"},
        {KIND_CRD,
         "{" META ",'spec':{'conversion':{'strategy':'Webhook','webhook':{'clientConfig':5}}}}",
         "CustomResourceDefinition x: spec.conversion.webhook.clientConfig: expected an object, "
         "got "
         "an integer"},
        {KIND_EVENT, "{" META_NS "}", "Event shop/x: kind: is only written, never read"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        decode_fails(rows[i].kind, rows[i].text, *state, rows[i].msg);
}

/* An object whose array @name has @count times @element; "a.b" is member b of a. */
static json_t *many(const char *base, const char *parent, const char *name, size_t count,
                    const char *element)
{
    json_t *root = json_of(base);
    json_t *arr = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(arr, json_of(element));
    json_object_set_new(*parent ? json_object_get(root, parent) : root, name, arr);
    return root;
}

static void test_arrays_end_at_their_ceilings(void **state)
{
    static const struct {
        enum kind kind;
        const char *base;
        const char *parent;
        const char *name;
        const char *element;
        size_t max;
    } rows[] = {
        {KIND_VALIDATING_WEBHOOK, "{" META "}", "", "webhooks",
         "{'clientConfig':{'service':{'namespace':'n','name':'s'}}}", HOOK_REFS_MAX},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *most =
            many(rows[i].base, rows[i].parent, rows[i].name, rows[i].max, rows[i].element);
        json_t *more =
            many(rows[i].base, rows[i].parent, rows[i].name, rows[i].max + 1, rows[i].element);
        enum decode_result result;
        struct object *object;
        struct err err = {0};

        assert_non_null(decode_ok(rows[i].kind, most, *state));
        assert_int_equal(object_decode(rows[i].kind, more, *state, &result, &object, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        json_decref(most);
        json_decref(more);
    }
}

static void test_addresses_of_all_endpoints_end_at_their_ceiling(void **state)
{
    json_t *addresses = json_array();
    json_t *endpoint = json_pack("{s:O}", "addresses", addresses);
    json_t *endpoints = json_array();
    json_t *root =
        json_of("{'metadata':{'name':'x','namespace':'default','uid':'u',"
                "'resourceVersion':'1','labels':{'kubernetes.io/service-name':'kubernetes'}"
                "}}");

    for (int i = 0; i < 100; i++)
        json_array_append_new(addresses, json_sprintf("10.0.0.%d", i));
    for (int i = 0; i < SLICE_ADDRESSES_MAX / 100; i++)
        json_array_append(endpoints, endpoint);
    json_object_set(root, "endpoints", endpoints);
    assert_int_equal(
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, root, *state))->addresses_count, 100);
    json_array_append(endpoints, endpoint);
    /* Some of them would be taken for all. */
    assert_int_equal(
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, root, *state))->addresses_count, 0);
    json_decref(root);
    json_decref(endpoints);
    json_decref(endpoint);
    json_decref(addresses);
}

/* Whoever made them undecodable would make the cache keep the ones before. */
static void test_odd_fields_of_a_service_are_left_out(void **state)
{
    static const struct {
        const char *spec;
        size_t ports;
        size_t ips;
    } rows[] = {
        {"5", 0, 0},
        {"{'ports':[{'port':80},{'name':'a'},{'port':81}]}", 2, 0},
        {"{'ports':[{'port':65536},{'port':80,'targetPort':true}]}", 0, 0},
        {"{'ports':[{'port':80,'protocol':'tcp'},null,5]}", 0, 0},
        {"{'ports':{}}", 0, 0},
        {"{'clusterIPs':[5,'10.0.0.1']}", 0, 1},
        {"{'clusterIP':5,'type':[]}", 0, 0},
        {"{'selector':{'a':5}}", 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        json_t *root;
        const struct service_facts *svc;

        (void)snprintf(text, sizeof(text), "{" META_NS ",'spec':%s}", rows[i].spec);
        root = json_of(text);
        svc = OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state));
        json_decref(root);
        assert_int_equal(svc->ports_count, rows[i].ports);
        assert_int_equal(svc->cluster_ips_count, rows[i].ips);
        assert_int_equal(svc->selector.count, 0);
    }
}

static void test_odd_fields_of_a_slice_are_left_out(void **state)
{
    static const struct {
        const char *members;
        size_t ports;
        size_t addresses;
    } rows[] = {
        {"'addressType':4,'endpoints':[{'addresses':['10.0.0.1',5]},7]", 0, 1},
        {"'endpoints':[{'addresses':5}]", 0, 0},
        {"'ports':[{'port':-1},{'port':443}],'endpoints':[{'addresses':['10.0.0.1']}]", 1, 1},
        /* No port left would mean every port. */
        {"'ports':[{'port':-1}],'endpoints':[{'addresses':['10.0.0.1']}]", 0, 0},
        {"'addressType':'FQDN','endpoints':[{'addresses':['example.org']}]", 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        json_t *root;
        const struct slice_facts *slice;

        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'x','namespace':'default','uid':'u','resourceVersion':"
                       "'1','labels':{'kubernetes.io/service-name':'kubernetes'}},%s}",
                       rows[i].members);
        root = json_of(text);
        slice = OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, root, *state));
        json_decref(root);
        assert_int_equal(slice->ports_count, rows[i].ports);
        assert_int_equal(slice->addresses_count, rows[i].addresses);
    }
}

static void test_ports_end_at_their_ceilings(void **state)
{
    json_t *svc =
        many("{" META_NS ",'spec':{}}", "spec", "ports", SERVICE_PORTS_MAX + 1, "{'port':1}");
    json_t *slice = many("{" META_NS "}", "", "ports", SLICE_PORTS_MAX + 1, "{'port':1}");

    assert_int_equal(OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, svc, *state))->ports_count,
                     SERVICE_PORTS_MAX);
    assert_int_equal(
        OBJECT_AS(slice_facts, decode_ok(KIND_ENDPOINT_SLICE, slice, *state))->ports_count, 0);
    json_decref(svc);
    json_decref(slice);
}

static void test_labels_of_a_service_are_kept_where_the_dns_may_be(void **state)
{
    static const char *const rows[][2] = {{"shop", "0"},
                                          {"kube-system", "1"},
                                          {"openshift-dns", "1"}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        json_t *root;

        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'x','namespace':'%s','uid':'u','resourceVersion':'1',"
                       "'labels':{'a':'b'}}}",
                       rows[i][0]);
        root = json_of(text);
        assert_int_equal(
            OBJECT_AS(service_facts, decode_ok(KIND_SERVICE, root, *state))->labels.count,
            *rows[i][1] - '0');
        json_decref(root);
    }
}

static void test_protocols_have_the_names_of_the_api(void **state)
{
    (void)state;
    assert_string_equal(protocol_name(PROTOCOL_TCP), "TCP");
    assert_string_equal(protocol_name(PROTOCOL_UDP), "UDP");
    assert_string_equal(protocol_name(PROTOCOL_SCTP), "SCTP");
}

static void test_meta_of_a_bookmark_has_a_version_alone(void **state)
{
    json_t *bookmark = json_of("{'kind':'Service','metadata':{'resourceVersion':'288'}}");
    json_t *deleted = fixture_json("netpol_ours.json");
    json_t *nothing = json_of("{'metadata':{'name':'x'}}");
    json_t *wrong = json_of("{'metadata':5}");
    struct object object;
    struct err err = {0};

    assert_int_equal(object_decode_meta(KIND_SERVICE, bookmark, *state, &object, &err), 0);
    assert_string_equal(object.rv, "288");
    assert_string_equal(object.name, "");
    assert_string_equal(object.ns, "");
    assert_string_equal(object.uid, "");
    assert_int_equal(object_decode_meta(KIND_NETWORK_POLICY, deleted, *state, &object, &err), 0);
    assert_string_equal(object.ns, "shop");
    assert_string_equal(object.name, "rampart-default-deny");
    assert_int_equal(object.kind, KIND_NETWORK_POLICY);
    assert_int_equal(object_decode_meta(KIND_SERVICE, nothing, *state, &object, &err), -1);
    assert_string_equal(err.msg,
                        "Service x: metadata.resourceVersion: expected a string, got nothing");
    json_decref(bookmark);
    json_decref(deleted);
    assert_int_equal(object_decode_meta(KIND_SERVICE, wrong, *state, &object, &err), -1);
    assert_string_equal(err.msg, "Service (without a name): metadata: expected an object, got an "
                                 "integer");
    json_decref(nothing);
    json_decref(wrong);
}

static void test_objects_are_ordered_by_namespace_then_name(void **state)
{
    static const struct object rows[] = {{.ns = "", .name = "z"},
                                         {.ns = "a", .name = "b"},
                                         {.ns = "a", .name = "c"},
                                         {.ns = "a-b", .name = "a"},
                                         {.ns = "b", .name = "a"}};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 5; k++) {
            int order = object_order(&rows[i], &rows[k]);

            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_namespace_keeps_labels),
        ARENA_TEST(test_namespace_is_deleting_by_timestamp_or_by_phase),
        ARENA_TEST(test_service_of_the_cluster_dns),
        ARENA_TEST(test_service_without_cluster_ip_has_none),
        ARENA_TEST(test_service_target_port_defaults_to_the_port),
        ARENA_TEST(test_endpoint_slice_keeps_addresses_of_the_api_server_alone),
        ARENA_TEST(test_endpoint_slice_may_leave_nearly_everything_out),
        ARENA_TEST(test_webhooks_keep_those_that_name_a_service),
        ARENA_TEST(test_api_service_and_crd_refer_to_their_service),
        ARENA_TEST(test_what_calls_no_service_is_skipped),
        ARENA_TEST(test_decode_errors_name_object_and_path),
        ARENA_TEST(test_arrays_end_at_their_ceilings),
        ARENA_TEST(test_addresses_of_all_endpoints_end_at_their_ceiling),
        ARENA_TEST(test_odd_fields_of_a_service_are_left_out),
        ARENA_TEST(test_odd_fields_of_a_slice_are_left_out),
        ARENA_TEST(test_ports_end_at_their_ceilings),
        ARENA_TEST(test_labels_of_a_service_are_kept_where_the_dns_may_be),
        cmocka_unit_test(test_protocols_have_the_names_of_the_api),
        ARENA_TEST(test_meta_of_a_bookmark_has_a_version_alone),
        cmocka_unit_test(test_objects_are_ordered_by_namespace_then_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
