#include "kube_fixture.h"

#include "rampart/json/slice.h"
#include "rampart/kube/profile.h"

#define KEPT_MAX (1u << 20)

struct catch
{
    char *text; /* the last value; owned */
    unsigned count;
};

static int on_value(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct catch *c = ctx;

    (void)kind;
    (void)err;
    free(c->text);
    c->text = strndup(text, len);
    c->count++;
    return 0;
}

/* What is left of @text; the caller frees. */
static char *project(const struct projection *keep, const char *text, size_t len)
{
    struct err err = {0};
    struct catch c = {0};
    struct slice *s = slice_new(SLICE_STREAM, keep, KEPT_MAX, on_value, &c, &err);

    assert_non_null(s);
    if (slice_feed(s, text, len, &err) < 0 || slice_end(s, &err) < 0)
        fail_msg("%s", err.msg);
    slice_free(s);
    assert_int_equal(c.count, 1);
    return c.text;
}

static json_t *project_json(const struct projection *keep, const char *text, size_t len)
{
    struct err err = {0};
    char *kept = project(keep, text, len);
    json_t *root = json_decode(kept, strlen(kept), &err);

    if (!root)
        fail_msg("%s: %s", err.msg, kept);
    free(kept);
    return root;
}

static const struct {
    enum kind kind;
    const char *fixture;
    size_t kept_max; /* bytes after projection: a field too many shows here */
} fixtures[] = {
    {KIND_NAMESPACE, "namespace.json", 300},
    {KIND_NAMESPACE, "namespace_terminating.json", 320},
    {KIND_PROFILE, "profile.json", 2500},
    {KIND_PROFILE, "profile_workloads.json", 1000},
    {KIND_EXCEPTION, "exception.json", 650},
    {KIND_NETWORK_POLICY, "netpol_ours.json", 750},
    {KIND_NETWORK_POLICY, "netpol_ours_edited.json", 1000},
    {KIND_NETWORK_POLICY, "netpol_foreign_allow_all.json", 700},
    {KIND_SERVICE, "service_dns.json", 700},
    {KIND_SERVICE, "service_headless.json", 320},
    {KIND_SERVICE, "service_exposed.json", 700},
    {KIND_ENDPOINT_SLICE, "slice_dns.json", 450},
    {KIND_ENDPOINT_SLICE, "slice_kubernetes.json", 450},
    {KIND_VALIDATING_WEBHOOK, "webhook_validating.json", 600},
    {KIND_API_SERVICE, "api_service_metrics.json", 300},
    {KIND_CRD, "crd_webhook.json", 350},
    {KIND_DEPLOYMENT, "deployment.json", 1250},
    {KIND_DEPLOYMENT, "deployment_filled.json", 2000},
    {KIND_STATEFUL_SET, "stateful_set.json", 650},
    {KIND_DAEMON_SET, "daemon_set.json", 600},
    {KIND_CRON_JOB, "cron_job.json", 650},
};

/* What the slice adds: the whole has none. */
static void strip_digests(json_t *value)
{
    const char *name;
    json_t *element;

    json_object_del(value, "template" SLICE_DIGEST);
    json_object_foreach(value, name, element) strip_digests(element);
}

/* Decoders allocate the same for the same facts, so that equal memory means equal facts. */
static void test_projection_keeps_all_that_the_decoder_reads(void **state)
{
    for (size_t i = 0; i < COUNT_OF(fixtures); i++) {
        enum kind kind = fixtures[i].kind;
        size_t len;
        char *text = fixture_text(fixtures[i].fixture, &len);
        json_t *whole = fixture_json(fixtures[i].fixture);
        json_t *kept = project_json(resource_of(kind)->keep, text, len);
        struct arena *a = *state;
        size_t used;

        arena_reset(a);
        assert_non_null(decode_ok(kind, whole, a));
        used = a->used;
        arena_reset(a);
        strip_digests(kept);
        assert_non_null(decode_ok(kind, kept, a));
        if (a->used != used)
            fail_msg("%s: %zu bytes of facts, %zu when projected", fixtures[i].fixture, used,
                     a->used);
        json_decref(whole);
        json_decref(kept);
        free(text);
    }
}

static void test_projection_drops_what_nobody_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fixtures); i++) {
        json_t *whole = fixture_json(fixtures[i].fixture);
        char *text = json_dumps(whole, JSON_COMPACT); /* as the API server sends it */
        char *kept = project(resource_of(fixtures[i].kind)->keep, text, strlen(text));

        if (strlen(kept) > fixtures[i].kept_max)
            fail_msg("%s: %zu bytes kept: %s", fixtures[i].fixture, strlen(kept), kept);
        json_decref(whole);
        free(kept);
        free(text);
    }
}

static void test_projection_of_a_watch_keeps_bookmarks_and_errors(void **state)
{
    static const char bookmark[] = "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"X\",\"metadata\":"
                                   "{\"resourceVersion\":\"288\","
                                   "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}";
    static const char expired[] =
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
        "\"status\":\"Failure\",\"message\":\"too old\",\"reason\":\"Expired\",\"code\":410,"
        "\"details\":{\"causes\":[{\"reason\":\"X\"}]}}}";

    (void)state;
    for (int kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        const struct projection watch[] = {{"type", NULL},
                                           {"object", resource_of((enum kind)kind)->keep},
                                           {0}};
        json_t *root = project_json(watch, bookmark, strlen(bookmark));
        const json_t *object = json_object_get(root, "object");
        const json_t *meta = json_object_get(object, "metadata");

        assert_string_equal(json_string_value(json_object_get(meta, "resourceVersion")), "288");
        assert_string_equal(json_string_value(json_object_get(json_object_get(meta, "annotations"),
                                                              "k8s.io/initial-events-end")),
                            "true");
        json_decref(root);
        root = project_json(watch, expired, strlen(expired));
        object = json_object_get(root, "object");
        assert_string_equal(json_string_value(json_object_get(root, "type")), "ERROR");
        assert_int_equal(json_integer_value(json_object_get(object, "code")), 410);
        assert_string_equal(json_string_value(json_object_get(object, "kind")), "Status");
        assert_string_equal(json_string_value(json_object_get(object, "reason")), "Expired");
        assert_string_equal(json_string_value(json_object_get(object, "message")), "too old");
        assert_non_null(json_object_get(json_object_get(object, "details"), "causes"));
        json_decref(root);
    }
}

static void test_every_resource_is_complete(void **state)
{
    (void)state;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const struct resource *r = resource_of((enum kind)kind);

        assert_non_null(r->group);
        assert_non_null(r->version);
        assert_non_null(r->plural);
        assert_non_null(r->name);
        assert_int_equal(r->keep != NULL, kind < KIND_WATCHED_COUNT || kind == KIND_POD ||
                                              kind == KIND_JOB || kind == KIND_INGRESS);
        assert_int_equal(r->keep_evidence != NULL,
                         (kind >= KIND_POD && kind < KIND_INGRESS) || kind == KIND_NAMESPACE);
        for (int other = 0; other < kind; other++)
            assert_string_not_equal(r->name, resource_of((enum kind)other)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_projection_keeps_all_that_the_decoder_reads),
        cmocka_unit_test(test_projection_drops_what_nobody_reads),
        cmocka_unit_test(test_projection_of_a_watch_keeps_bookmarks_and_errors),
        cmocka_unit_test(test_every_resource_is_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
