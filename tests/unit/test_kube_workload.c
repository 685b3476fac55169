#include "kube_fixture.h"

#include "rampart/json/slice.h"
#include "rampart/kube/workload.h"

#define BLOCK_MAX 600 /* bytes of a usual Deployment */

struct reading {
    struct arena *arena;
    enum kind kind;
    struct object *object; /* the last one */
};

static int on_value(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct reading *r = ctx;
    json_t *root = json_decode(text, len, err);

    assert_int_equal(kind, SLICE_VALUE);
    assert_non_null(root);
    r->object = decode_ok(r->kind, root, r->arena);
    json_decref(root);
    return 0;
}

/* As it comes from the server: through the slice. Borrowed from the arena. */
static const struct workload_facts *read_text(enum kind kind, const char *text, size_t len,
                                              struct arena *a)
{
    struct reading r = {.arena = a, .kind = kind};
    struct err err = {0};
    struct slice *s =
        slice_new(SLICE_STREAM, resource_of(kind)->keep, 1u << 20, on_value, &r, &err);

    assert_non_null(s);
    assert_int_equal(slice_feed(s, text, len, &err), 0);
    assert_int_equal(slice_end(s, &err), 0);
    slice_free(s);
    assert_non_null(r.object);
    assert_int_equal(r.object->kind, kind);
    return OBJECT_AS(workload_facts, r.object);
}

static const struct workload_facts *read_fixture(enum kind kind, const char *name, struct arena *a)
{
    size_t len;
    char *text = fixture_text(name, &len);
    const struct workload_facts *w = read_text(kind, text, len, a);

    free(text);
    return w;
}

static const struct workload_facts *read_json(enum kind kind, const char *text, struct arena *a)
{
    json_t *root = json_of(text);
    const struct workload_facts *w = OBJECT_AS(workload_facts, decode_ok(kind, root, a));

    json_decref(root);
    return w;
}

static void test_a_usual_deployment_takes_at_most_600_bytes(void **state)
{
    struct arena *a = *state;
    const struct workload_facts *w = read_fixture(KIND_DEPLOYMENT, "deployment.json", a);

    assert_non_null(w);
    if (a->used > BLOCK_MAX)
        fail_msg("%zu bytes", a->used);
}

static void test_a_deployment_is_read(void **state)
{
    const struct workload_facts *w = read_fixture(KIND_DEPLOYMENT, "deployment.json", *state);

    assert_string_equal(w->object.ns, "shop");
    assert_string_equal(w->object.name, "checkout");
    assert_null(w->pod.unreadable);
    assert_int_equal(w->pod.containers_count, 1);
    assert_string_equal(w->pod.containers[0].name, "web");
    assert_true(w->pod.containers[0].has_liveness_probe);
    assert_int_equal(w->pod.volumes_count, 0);
    assert_string_equal(labels_get(&w->labels, "app"), "checkout");
    assert_string_equal(labels_get(&w->pod.labels, "app"), "checkout");
    assert_int_equal(w->replicas, 2);
    assert_int_equal(w->replicas_updated, 2);
    assert_int_equal(w->replicas_ready, 2);
    assert_int_equal(w->replicas_available, 2);
    assert_int_equal(w->generation, 3);
    assert_int_equal(w->observed_generation, 3);
    assert_false(w->is_stalled || w->is_paused || w->is_on_delete || w->has_partition);
    assert_false(w->has_our_entry);
    assert_string_equal(w->template_rival.manager, "kubectl-create");
    assert_true(w->template_rival.at_ms == INT64_C(1795168800000)); /* 2026-11-20T10:00:00Z */
    assert_null(w->fill);
    assert_null(w->rollout);
    assert_string_equal(w->owner_kind, "");
    assert_string_equal(w->owner_name, "");
}

static void test_a_filled_deployment_in_a_stalled_rollout_is_read(void **state)
{
    const struct workload_facts *w =
        read_fixture(KIND_DEPLOYMENT, "deployment_filled.json", *state);

    assert_string_equal(w->fill, "2f1c.3");
    assert_string_equal(w->rollout, "{\"state\":\"proving\"}");
    assert_true(w->has_our_entry);
    assert_string_equal(w->template_rival.manager, "argocd-controller"); /* later than kubectl */
    assert_string_equal(w->owner_kind, "Cart");
    assert_string_equal(w->owner_name, "the-cart");
    assert_true(w->is_paused);
    assert_true(w->is_stalled);
    assert_int_equal(w->generation, 7);
    assert_int_equal(w->observed_generation, 6);
    assert_int_equal(w->labels.count, 2); /* not those of the template */
    assert_int_equal(w->pod.labels.count, 1);
    assert_int_equal(w->pod.containers_count, 2);
    assert_int_equal(w->pod.containers[0].role, CONTAINER_INIT);
    assert_int_equal(w->pod.containers[1].host_port, 8080);
    assert_int_equal(w->pod.host_network, STATED_TRUE);
    assert_int_equal(w->pod.automount_token, STATED_FALSE);
    assert_string_equal(w->pod.service_account, "cart");
    assert_string_equal(w->pod.sysctls[0], "kernel.msgmax");
    assert_int_equal(w->pod.app_armor_count, 1);
    assert_string_equal(w->pod.app_armor[0].container, "cart");
    assert_int_equal(w->pod.volumes_count, 1);
    assert_string_equal(w->pod.volumes[0].path, "/");
    assert_true(w->pod.has_placement);
}

static void test_a_stateful_set_is_read(void **state)
{
    const struct workload_facts *w = read_fixture(KIND_STATEFUL_SET, "stateful_set.json", *state);

    assert_string_equal(w->revision_update, "db-77f8");
    assert_true(w->has_partition);
    assert_true(w->is_ordered);
    assert_false(w->is_on_delete);
    assert_int_equal(w->replicas, 3);
    assert_int_equal(w->replicas_updated, 1);
    assert_int_equal(w->replicas_ready, 3);
    assert_int_equal(w->replicas_available, 3);
    assert_int_equal(w->labels.count, 0);
    assert_null(w->template_rival.manager);
}

static void test_a_daemon_set_counts_nodes(void **state)
{
    const struct workload_facts *w = read_fixture(KIND_DAEMON_SET, "daemon_set.json", *state);

    assert_int_equal(w->replicas, 6);
    assert_int_equal(w->replicas_updated, 4);
    assert_int_equal(w->replicas_ready, 3);
    assert_int_equal(w->replicas_available, 2);
    assert_true(w->is_on_delete);
    assert_string_equal(w->revision_update, "");
    assert_int_equal(w->pod.containers[0].security.privileged, STATED_TRUE);
}

static void test_a_cron_job_is_read_from_its_jobs_template(void **state)
{
    const struct workload_facts *w = read_fixture(KIND_CRON_JOB, "cron_job.json", *state);

    assert_null(w->pod.unreadable);
    assert_string_equal(w->pod.containers[0].name, "report");
    assert_int_equal(w->pod.containers[0].image_tag, IMAGE_TAG_LATEST);
    assert_string_equal(w->fill, "ab.1");
    assert_true(w->is_paused);
    assert_int_equal(w->replicas, 0);
    assert_string_equal(w->template_rival.manager, "helm");
    assert_int_equal(strlen(w->template_digest), 16);
    assert_int_not_equal(w->jobs_digest, 0);
    assert_false(w->has_active_job);
}

static void test_what_becomes_of_its_jobs_is_news_of_a_cron_job(void **state)
{
    static const char *const statuses[] = {
        "{}",
        "{\"active\":[{\"uid\":\"1\"}]}",
        "{\"active\":[{\"uid\":\"2\"}]}",
        "{\"lastScheduleTime\":\"2026-11-20T03:00:00Z\"}",
        "{\"lastScheduleTime\":\"2026-11-20T03:00:00Z\","
        "\"lastSuccessfulTime\":\"2026-11-20T03:01:00Z\"}",
    };
    uint32_t seen[sizeof(statuses) / sizeof(statuses[0])];

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        const struct workload_facts *w;
        char text[512];
        int len = snprintf(text, sizeof(text),
                           "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"uid\":\"u\","
                           "\"resourceVersion\":\"1\"},\"spec\":{},\"status\":%s}",
                           statuses[i]);

        w = read_text(KIND_CRON_JOB, text, (size_t)len, *state);
        assert_int_equal(w->has_active_job, i == 1 || i == 2);
        seen[i] = w->jobs_digest;
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(seen[k], seen[i]);
    }
}

static void test_the_digest_changes_with_the_template_and_with_nothing_else(void **state)
{
    static const char text[] = "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"uid\":\"u\","
                               "\"resourceVersion\":\"%u\"},\"spec\":{\"replicas\":%u,\"template\":"
                               "{\"spec\":{\"dnsPolicy\":\"%s\",\"containers\":[]}}}}";
    static const struct {
        unsigned rv, replicas;
        const char *dns_policy; /* which no fact has */
    } variants[] = {{1, 1, "Default"}, {2, 5, "Default"}, {2, 5, "ClusterFirst"}};
    const char *digests[COUNT_OF(variants)];

    for (size_t i = 0; i < COUNT_OF(variants); i++) {
        char *object;

        assert_true(asprintf(&object, text, variants[i].rv, variants[i].replicas,
                             variants[i].dns_policy) > 0);
        digests[i] = read_text(KIND_DEPLOYMENT, object, strlen(object), *state)->template_digest;
        free(object);
        assert_int_equal(strlen(digests[i]), TEMPLATE_DIGEST_LEN);
    }
    assert_string_equal(digests[0], digests[1]);
    assert_string_not_equal(digests[1], digests[2]);
}

/* Whoever takes back what was filled in, and leaves the key, has made no other template: it would
 * be filled in anew under another key, again and again. */
static void test_the_key_of_a_fill_is_no_part_of_the_digest(void **state)
{
    static const char text[] =
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"uid\":\"u\","
        "\"resourceVersion\":\"1\"},\"spec\":{\"template\":{\"metadata\":{%s},"
        "\"spec\":{\"containers\":[]}}}}";
    static const struct {
        const char *metadata, *fill;
        bool is_same;
    } variants[] = {
        {"", NULL, true},
        {"\"annotations\":{\"rampart.dev/fill\":\"one\"}", "one", true},
        {"\"annotations\":{\"rampart.dev/fill\":\"two\"}", "two", true},
        {"\"annotations\":{\"owner\":\"me\"}", NULL, false},
        {"\"labels\":{\"rampart.dev/fill\":\"one\"}", NULL, false},
    };
    const char *first = NULL;

    for (size_t i = 0; i < COUNT_OF(variants); i++) {
        const struct workload_facts *w;
        char *object;

        assert_true(asprintf(&object, text, variants[i].metadata) > 0);
        w = read_text(KIND_DEPLOYMENT, object, strlen(object), *state);
        free(object);
        assert_int_equal(strlen(w->template_digest), TEMPLATE_DIGEST_LEN);
        first = first ? first : w->template_digest;
        assert_int_equal(strcmp(w->template_digest, first) == 0, variants[i].is_same);
        assert_int_equal(w->fill != NULL, variants[i].fill != NULL);
        if (w->fill)
            assert_string_equal(w->fill, variants[i].fill);
    }
}

#define META "'metadata':{'name':'a','namespace':'b','uid':'u','resourceVersion':'1'}"

/* Whoever can write a workload must not be able to freeze what is known of it. */
static void test_what_is_odd_counts_as_not_stated(void **state)
{
    const struct workload_facts *w = read_json(
        KIND_DEPLOYMENT,
        "{'metadata':{'name':'a','namespace':'b','uid':'u','resourceVersion':'1','labels':[],"
        "'ownerReferences':[7,{'controller':true,'kind':3}],'annotations':{'rampart.dev/"
        "rollout':1},"
        "'managedFields':[1,{'manager':2,'fieldsV1':{'f:spec':{'f:template':{}}}}],"
        "'generation':'x'},'spec':{'replicas':-1,'paused':'yes',"
        "'template':{'spec':{'containers':{}}}},'status':{'conditions':[5,{'type':6}],"
        "'readyReplicas':99999999999}}",
        *state);

    assert_int_equal(w->replicas, 1);
    assert_int_equal(w->replicas_ready, 0);
    assert_int_equal(w->generation, 0);
    assert_false(w->is_paused || w->is_stalled);
    assert_int_equal(w->labels.count, 0);
    assert_string_equal(w->owner_kind, "");
    assert_null(w->rollout);
    assert_string_equal(w->template_rival.manager, "unknown");
    assert_true(w->template_rival.at_ms == INT64_MIN);
    assert_non_null(w->pod.unreadable);
    assert_string_equal(w->template_digest, "");
}

static void test_a_workload_that_is_too_large_has_an_unreadable_pod(void **state)
{
    const struct workload_facts *w =
        read_json(KIND_DAEMON_SET, "{" META ",'(cut)':true,'spec':{'template':{'spec':{}}}}",
                  *state);

    assert_string_equal(w->pod.unreadable, "is too large to be read: make it smaller");
}

static void test_a_workload_without_a_template_has_an_unreadable_pod(void **state)
{
    for (int kind = KIND_DEPLOYMENT; kind <= KIND_CRON_JOB; kind++)
        assert_string_equal(read_json((enum kind)kind, "{" META "}", *state)->pod.unreadable,
                            "spec: is missing");
}

static void test_only_what_is_wrong_in_metadata_is_an_error(void **state)
{
    decode_fails(KIND_STATEFUL_SET,
                 "{'metadata':{'name':'..','namespace':'b','uid':'u','resourceVersion':'1'}}",
                 *state, "StatefulSet b/..: metadata.name: \"..\" cannot be part of a path");
}

static void test_our_entry_is_one_of_updates(void **state)
{
    static const struct {
        const char *entries;
        bool is_ours;
    } rows[] = {
        {"", false},
        {"{'manager':'rampart','operation':'Apply'}", false},
        {"{'manager':'rampart','operation':'Update'}", true},
        {"{'manager':'rampart','operation':'Update'},{'manager':'rampart','operation':'Apply'}",
         true},
        {"{'manager':'other','operation':'Update'}", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];

        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'a','namespace':'b','uid':'u','resourceVersion':'1',"
                       "'managedFields':[%s]}}",
                       rows[i].entries);
        assert_int_equal(read_json(KIND_DEPLOYMENT, text, *state)->has_our_entry, rows[i].is_ours);
    }
}

static void test_a_workload_is_not_kept_in_part_wherever_the_arena_ends(void **state)
{
    json_t *root = json_of(
        "{" META ",'spec':{'template(digest)':'0123456789abcdef','template':{'spec':{'containers':"
        "[{'name':'a'}]}}},'status':{'updateRevision':'a-2'}}");
    struct arena *measure = *state;
    size_t used;

    assert_non_null(decode_ok(KIND_STATEFUL_SET, root, measure));
    used = measure->used;
    for (size_t len = 0; len <= used; len++) {
        enum decode_result result;
        struct object *object = NULL;
        struct err err = {0};
        struct arena exact;
        void *block = malloc(used);

        arena_init_fixed(&exact, block, len);
        if (object_decode(KIND_STATEFUL_SET, root, &exact, &result, &object, &err) == 0)
            assert_int_equal(len, used);
        else
            assert_true(err.code == ERR_NOMEM && !object && len < used);
        arena_done(&exact);
        free(block);
    }
    json_decref(root);
}

static void test_four_kinds_are_workloads(void **state)
{
    unsigned count = 0;

    (void)state;
    for (int kind = 0; kind < KIND_COUNT; kind++)
        count += kind_is_workload((enum kind)kind);
    assert_int_equal(count, 4);
    assert_true(kind_is_workload(KIND_DEPLOYMENT) && kind_is_workload(KIND_CRON_JOB));
    assert_false(kind_is_workload(KIND_CRD) || kind_is_workload(KIND_EVENT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_a_usual_deployment_takes_at_most_600_bytes),
        ARENA_TEST(test_a_deployment_is_read),
        ARENA_TEST(test_a_filled_deployment_in_a_stalled_rollout_is_read),
        ARENA_TEST(test_a_stateful_set_is_read),
        ARENA_TEST(test_a_daemon_set_counts_nodes),
        ARENA_TEST(test_a_cron_job_is_read_from_its_jobs_template),
        ARENA_TEST(test_what_becomes_of_its_jobs_is_news_of_a_cron_job),
        ARENA_TEST(test_the_digest_changes_with_the_template_and_with_nothing_else),
        ARENA_TEST(test_the_key_of_a_fill_is_no_part_of_the_digest),
        ARENA_TEST(test_what_is_odd_counts_as_not_stated),
        ARENA_TEST(test_a_workload_that_is_too_large_has_an_unreadable_pod),
        ARENA_TEST(test_a_workload_without_a_template_has_an_unreadable_pod),
        ARENA_TEST(test_only_what_is_wrong_in_metadata_is_an_error),
        ARENA_TEST(test_our_entry_is_one_of_updates),
        ARENA_TEST(test_a_workload_is_not_kept_in_part_wherever_the_arena_ends),
        cmocka_unit_test(test_four_kinds_are_workloads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
