/* Writes to what belongs to somebody else: strategic merge patches of workloads, whose answers are
 * as good as the watch, and deletions of Pods, of which nothing is kept. */
#include "sync_applier.h"

#include "rampart/json/decode.h"
#include "rampart/kube/workload.h"
#include "rampart/sync/frames.h"

#define WEB_PATH "/apis/apps/v1/namespaces/shop/deployments/web"
#define POD_PATH "/api/v1/namespaces/shop/pods/db-0"

/* A Deployment that is filled in, as the server sends it; the caller frees. */
static char *deployment(const char *rv)
{
    struct err err = {0};
    size_t len;
    char *text = text_file("tests/unit/data/kube/deployment_filled.json", &len);
    json_t *root = json_decode(text, len, &err);
    json_t *meta = json_object_get(root, "metadata");

    assert_non_null(root);
    free(text);
    assert_int_equal(json_object_set_new(meta, "name", json_string("web")), 0);
    assert_int_equal(json_object_set_new(meta, "namespace", json_string("shop")), 0);
    assert_int_equal(json_object_set_new(meta, "uid", json_string("u-web")), 0);
    assert_int_equal(json_object_set_new(meta, "resourceVersion", json_string(rv)), 0);
    assert_int_equal(json_object_set_new(root, "kind", json_string("Deployment")), 0);
    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    assert_non_null(text);
    return text;
}

static void add_fill(struct fixture *f)
{
    add_write(f, &(struct write){.verb = WRITE_PATCH_STRATEGIC,
                                 .phase = PHASE_WORKLOAD,
                                 .object = {KIND_DEPLOYMENT, "shop", "web", "u-web"},
                                 .rv = "7",
                                 .body = "{\"metadata\":{\"uid\":\"u-web\"}}",
                                 .summary = "fill in Deployment web"});
}

static int observe(void *ctx, const struct frame *frame, struct err *err)
{
    return frame->type == FRAME_ITEM || frame->type == FRAME_MODIFIED
               ? store_observe(ctx, frame->object, err)
               : 0;
}

/* As the informer reads it: a list page, or an event of the watch, in chunks of @chunk_len. */
static struct store *told_by(bool is_list, const char *object, size_t chunk_len)
{
    struct store *store = store_new(KIND_DEPLOYMENT, 10, NULL, NULL, NULL);
    struct frames *frames = frames_new(KIND_DEPLOYMENT, is_list, observe, store, NULL);
    struct err err = {0};
    char *text;

    assert_true(store && frames);
    assert_true(asprintf(&text,
                         is_list ? "{\"kind\":\"DeploymentList\",\"metadata\":{\"resourceVersion\":"
                                   "\"9\"},\"items\":[%s]}"
                                 : "{\"type\":\"MODIFIED\",\"object\":%s}\n",
                         object) > 0);
    for (size_t at = 0, len = strlen(text); at < len; at += chunk_len)
        if (frames_feed(frames, text + at, len - at < chunk_len ? len - at : chunk_len, &err) < 0)
            fail_msg("%s", err.msg);
    assert_int_equal(frames_end(frames, NULL), 0);
    frames_free(frames);
    free(text);
    return store;
}

static void assert_same_text(const char *one, const char *other)
{
    assert_int_equal(one != NULL, other != NULL);
    if (one)
        assert_string_equal(one, other);
}

/* Every fact of the two; the texts by what they say, the rest bit by bit. */
static void assert_same_facts(const struct object *one, const struct object *other)
{
    struct workload_facts a, b;

    assert_true(one && other);
    a = *OBJECT_AS(workload_facts, one);
    b = *OBJECT_AS(workload_facts, other);
#define SAME_TEXT(member)                     \
    do {                                      \
        assert_same_text(a.member, b.member); \
        a.member = b.member = NULL;           \
    } while (0)
    SAME_TEXT(object.ns);
    SAME_TEXT(object.name);
    SAME_TEXT(object.uid);
    SAME_TEXT(object.rv);
    SAME_TEXT(template_digest);
    SAME_TEXT(fill);
    SAME_TEXT(rollout);
    SAME_TEXT(owner_kind);
    SAME_TEXT(owner_name);
    SAME_TEXT(revision_update);
    SAME_TEXT(template_rival.manager);
#undef SAME_TEXT
    assert_true(a.template_rival.at_ms == b.template_rival.at_ms);
    assert_true(labels_equal(&a.labels, &b.labels) && labels_equal(&a.pod.labels, &b.pod.labels));
    assert_null(a.pod.unreadable);
    assert_int_equal(a.pod.containers_count, b.pod.containers_count);
    for (size_t i = 0; i < a.pod.containers_count; i++) {
        struct container c = a.pod.containers[i], d = b.pod.containers[i];

        assert_same_text(c.name, d.name);
        assert_int_equal(c.security.seccomp, d.security.seccomp);
        assert_int_equal(c.security.is_stated, d.security.is_stated);
    }
    a.labels = b.labels = a.pod.labels = b.pod.labels = (struct labels){0};
    memset(&a.pod, 0, sizeof(a.pod));
    memset(&b.pod, 0, sizeof(b.pod));
    assert_memory_equal(&a, &b, sizeof(a));
}

static const struct object *web_of(struct fixture *f)
{
    return cluster_get(f->cluster, KIND_DEPLOYMENT, "shop", "web");
}

static void assert_as_told(struct fixture *f, const char *object)
{
    for (int is_list = 0; is_list < 2; is_list++) {
        for (size_t chunk_len = 7; chunk_len < 8192; chunk_len += 4096) {
            struct store *store = told_by(is_list, object, chunk_len);

            assert_same_facts(web_of(f), store_get(store, "shop", "web"));
            store_free(store);
        }
    }
    assert_int_equal(strlen(OBJECT_AS(workload_facts, web_of(f))->template_digest),
                     TEMPLATE_DIGEST_LEN);
    assert_non_null(OBJECT_AS(workload_facts, web_of(f))->fill);
}

static void test_the_answer_to_a_strategic_patch_says_all_that_the_watch_would(void **state)
{
    struct fixture *f = *state;
    char *text = deployment("8");

    add_fill(f);
    start(f);
    assert_int_equal(request(f, 0)->method, HTTP_PATCH);
    assert_string_equal(request(f, 0)->path, WEB_PATH "?fieldManager=rampart");
    assert_string_equal(request(f, 0)->content_type, "application/strategic-merge-patch+json");
    assert_string_equal(request(f, 0)->body, "{\"metadata\":{\"uid\":\"u-web\"}}");
    answer(f, 0, 200, text);
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
    assert_as_told(f, text);
    free(text);
}

static void test_what_is_read_after_a_conflict_says_all_that_the_watch_would(void **state)
{
    struct fixture *f = *state;
    char *text = deployment("9");

    add_fill(f);
    start(f);
    answer(f, 0, 409, fake_status(409, "Conflict", NULL, "the object has been modified"));
    assert_int_equal(request(f, 1)->method, HTTP_GET);
    assert_string_equal(request(f, 1)->path, WEB_PATH);
    answer(f, 1, 200, text);
    assert_int_equal(last(f)->result.outcome, APPLY_STALE);
    assert_as_told(f, text);
    free(text);
}

/* ---- Pods ---- */

static void delete_pod(struct fixture *f)
{
    add_write(f, &(struct write){.verb = WRITE_DELETE,
                                 .phase = PHASE_PODS,
                                 .object = {KIND_POD, "shop", "db-0", "u-pod"},
                                 .summary = "delete Pod db-0",
                                 .is_explained = true});
    start(f);
}

static void test_a_pod_is_deleted_by_its_uid_alone(void **state)
{
    static const struct {
        int status;
        const char *body;
    } answers[] = {
        {200, "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"db-0\",\"deletionTimestamp\":\"x\"}}"},
        {200, "{\"kind\":\"Status\",\"status\":\"Success\"}"},
        {404, "{}"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        delete_pod(f);
        assert_int_equal(request(f, i)->method, HTTP_DELETE);
        assert_string_equal(request(f, i)->path, POD_PATH);
        assert_string_equal(request(f, i)->body,
                            "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{"
                            "\"uid\":\"u-pod\"},\"propagationPolicy\":\"Background\"}");
        answer(f, i, answers[i].status, answers[i].body);
        assert_int_equal(last(f)->result.outcome, APPLY_DONE);
    }
    assert_int_equal(stats(f).deletes, COUNT_OF(answers));
}

static void test_a_pod_that_is_another_one_by_now_is_left_alone(void **state)
{
    struct fixture *f = *state;

    delete_pod(f);
    answer(f, 0, 409, fake_status(409, "Conflict", NULL, "the UID in the precondition differs"));
    assert_int_equal(last(f)->result.outcome, APPLY_STALE);
    assert_int_equal(last(f)->result.err.code, ERR_CONFLICT);
    assert_contains(last(f)->result.err.msg, "delete Pod db-0 (namespace shop): 409");
    assert_int_equal(f->fake.count, 1); /* nothing of it is kept that could be put right */
}

static void test_a_deletion_of_a_pod_may_be_refused(void **state)
{
    struct fixture *f = *state;

    delete_pod(f);
    answer(f, 0, 403, fake_status(403, "Forbidden", NULL, "cannot delete pods"));
    assert_failed(f, ERR_FORBIDDEN, "delete Pod db-0 (namespace shop): 403");
    f->refuses_deletions = true;
    delete_pod(f);
    applier_step(f->applier, f->fake.now_ms);
    assert_failed(f, ERR_LIMIT, "delete Pod db-0");
    assert_int_equal(f->fake.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        APPLIER_TEST(test_the_answer_to_a_strategic_patch_says_all_that_the_watch_would),
        APPLIER_TEST(test_what_is_read_after_a_conflict_says_all_that_the_watch_would),
        APPLIER_TEST(test_a_pod_is_deleted_by_its_uid_alone),
        APPLIER_TEST(test_a_pod_that_is_another_one_by_now_is_left_alone),
        APPLIER_TEST(test_a_deletion_of_a_pod_may_be_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
