#include "kube_fixture.h"

#define META_NS "'metadata':{'name':'x','namespace':'shop','uid':'u','resourceVersion':'1'}"
#define META "'metadata':{'name':'x','uid':'u','resourceVersion':'1'}"

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

/* It tells which network plugin there is, whatever it converts. */
static void test_crd_of_a_network_plugin_is_kept_without_a_service(void **state)
{
    static const struct {
        enum kind kind;
        const char *name;
        bool is_kept;
    } rows[] = {
        {KIND_CRD, "ciliumnetworkpolicies.cilium.io", true},
        {KIND_CRD, "policyendpoints.networking.k8s.aws", true},
        {KIND_CRD, "ciliumnetworkpolicies.example.com", false},
        {KIND_API_SERVICE, "ciliumnetworkpolicies.cilium.io", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        json_t *root;
        const struct object *object;

        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'%s','uid':'u','resourceVersion':'1'}}", rows[i].name);
        root = json_of(text);
        object = decode_ok(rows[i].kind, root, *state);
        json_decref(root);
        assert_int_equal(object != NULL, rows[i].is_kept);
        if (object)
            assert_int_equal(OBJECT_AS(hook_facts, object)->refs_count, 0);
    }
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
        {KIND_NAMESPACE, "{'metadata':{'name':'.'}}",
         "Namespace .: metadata.name: \".\" cannot be part of a path"},
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
        {KIND_EVENT, "{" META_NS "}", "Event shop/x: kind: has no compact form"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        decode_fails(rows[i].kind, rows[i].text, *state, rows[i].msg);
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

static void test_meta_of_a_kind_without_namespaces_has_none(void **state)
{
    json_t *root = json_of("{" META_NS "}");
    struct object object;

    assert_int_equal(object_decode_meta(KIND_PROFILE, root, *state, &object, NULL), 0);
    assert_string_equal(object.ns, "");
    assert_int_equal(object_decode_meta(KIND_SERVICE, root, *state, &object, NULL), 0);
    assert_string_equal(object.ns, "shop");
    json_decref(root);
}

static void test_meta_of_a_wrong_type_is_refused_with_the_path(void **state)
{
    static const char *const members[] = {"namespace", "name", "uid", "resourceVersion"};

    for (size_t i = 0; i < COUNT_OF(members); i++) {
        json_t *root = json_of("{" META_NS "}");
        struct object object = {.kind = KIND_COUNT};
        struct err err = {0};
        char msg[128];

        json_object_set_new(json_object_get(root, "metadata"), members[i], json_integer(5));
        assert_int_equal(object_decode_meta(KIND_SERVICE, root, *state, &object, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        (void)snprintf(msg, sizeof(msg), "metadata.%s: expected a string, got an integer",
                       members[i]);
        assert_contains(err.msg, msg);
        assert_int_equal(object.kind, KIND_COUNT);
        json_decref(root);
    }
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
        ARENA_TEST(test_webhooks_keep_those_that_name_a_service),
        ARENA_TEST(test_api_service_and_crd_refer_to_their_service),
        ARENA_TEST(test_what_calls_no_service_is_skipped),
        ARENA_TEST(test_crd_of_a_network_plugin_is_kept_without_a_service),
        ARENA_TEST(test_decode_errors_name_object_and_path),
        ARENA_TEST(test_arrays_end_at_their_ceilings),
        cmocka_unit_test(test_protocols_have_the_names_of_the_api),
        ARENA_TEST(test_meta_of_a_bookmark_has_a_version_alone),
        ARENA_TEST(test_meta_of_a_kind_without_namespaces_has_none),
        ARENA_TEST(test_meta_of_a_wrong_type_is_refused_with_the_path),
        cmocka_unit_test(test_objects_are_ordered_by_namespace_then_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
