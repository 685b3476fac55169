/* What hardening asks of the cluster about one workload: what is read, in what order, and what
 * comes of it. */
#include "sync_evidence.h"

static void test_revisions_then_pods_then_budgets_are_read_page_by_page(void **state)
{
    struct bench *b = *state;

    b->selector = "pod-template-hash in (a,b)";
    begin(b, HARDEN_EVIDENCE);
    told(b, "begin-web ");
    assert_true(fake_get(&b->net, 0)->request.is_stream);
    assert_true(fake_get(&b->net, 0)->request.accepts_gzip);
    assert_int_equal(fake_get(&b->net, 0)->request.timeout_ms, EVIDENCE_REQUEST_MAX_MS);
    answer(b, REVISIONS, 200, page("ReplicaSet", item("r1"), "two"));
    answer(b, REVISIONS "&continue=two", 200, page("ReplicaSet", item("r2"), ""));
    told(b, "R:r1 R:r2 select ");
    answer(b, PODS "&labelSelector=pod-template-hash%20in%20%28a%2Cb%29", 200,
           page("Pod", api_text("%s,%s", item("p1"), item("p2")), "more"));
    answer(b, PODS "&continue=more&labelSelector=pod-template-hash%20in%20%28a%2Cb%29", 200,
           page("Pod", item("p3"), ""));
    told(b, "P:p1 P:p2 P:p3 ");
    answer(b, BUDGETS, 200, page("PodDisruptionBudget", item("b1"), "last"));
    answer(b, BUDGETS "&continue=last", 200, page("PodDisruptionBudget", item("b2"), ""));
    told(b, "B:b1 B:b2 end done-k-None ");
    assert_int_equal(evidence_in_flight(b->evidence), 0);
    assert_int_equal(fake_running(&b->net), 0);
}

static void test_what_a_namespace_has_room_for_is_read_when_it_is_asked_for(void **state)
{
    struct bench *b = *state;

    for (int has_autoscalers = 0; has_autoscalers < 2; has_autoscalers++) {
        b->trace[0] = '\0';
        begin(b, HARDEN_ROOM);
        answer(b, REVISIONS, 200, page("ReplicaSet", item("r1"), ""));
        answer(b, PODS, 200, page("Pod", item("p1"), ""));
        answer(b, BUDGETS, 200, page("PodDisruptionBudget", item("b1"), ""));
        answer(b, LIMITS, 200, page("LimitRange", item("l1"), ""));
        answer(b, QUOTAS, 200, page("ResourceQuota", item("q1"), ""));
        if (has_autoscalers)
            answer(b, AUTOSCALERS, 200, page("VerticalPodAutoscaler", item("a1"), ""));
        else /* nobody has installed them */
            answer(b, AUTOSCALERS, 404, "404 page not found");
        told(b, has_autoscalers
                    ? "begin-web-room R:r1 select P:p1 B:b1 L:l1 Q:q1 A:a1 end "
                      "done-k-None "
                    : "begin-web-room R:r1 select P:p1 B:b1 L:l1 Q:q1 end done-k-None ");
    }
}

static void test_another_list_that_is_not_there_is_no_evidence(void **state)
{
    struct bench *b = *state;

    begin(b, HARDEN_ROOM);
    answer(b, REVISIONS, 200, page("ReplicaSet", item("r1"), ""));
    answer(b, PODS, 200, page("Pod", item("p1"), ""));
    answer(b, BUDGETS, 200, page("PodDisruptionBudget", item("b1"), ""));
    answer(b, LIMITS, 404, "404 page not found");
    told(b, "begin-web-room R:r1 select P:p1 B:b1 done-k-NotFound ");
}

static void test_each_kind_of_workload_has_its_revisions(void **state)
{
    static const struct {
        enum kind kind;
        const char *path, *list;
    } cases[] = {
        {KIND_DEPLOYMENT, REVISIONS, "ReplicaSet"},
        {KIND_STATEFUL_SET, "/apis/apps/v1/namespaces/shop/controllerrevisions?limit=250",
         "ControllerRevision"},
        {KIND_DAEMON_SET, "/apis/apps/v1/namespaces/shop/controllerrevisions?limit=250",
         "ControllerRevision"},
        {KIND_CRON_JOB, "/apis/batch/v1/namespaces/shop/jobs?limit=250", "Job"},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        hold(b, cases[i].kind, "x", "u-x", 1, "d");
        assert_int_equal(evidence_start(b->evidence, HARDEN_EVIDENCE, "k",
                                        workload(b, cases[i].kind, "x"), NULL),
                         0);
        answer(b, cases[i].path, 200, page(cases[i].list, item("r"), ""));
        answer(b, PODS, 200, page("Pod", "", ""));
        answer(b, BUDGETS, 200, page("PodDisruptionBudget", "", ""));
        told(b, "begin-x R:r select end done-k-None ");
        assert_int_equal(b->last.workload.kind, cases[i].kind);
    }
}

static void read_nothing(struct bench *b)
{
    answer(b, REVISIONS, 200, page("ReplicaSet", "", ""));
    answer(b, PODS, 200, page("Pod", "", ""));
    answer(b, BUDGETS, 200, page("PodDisruptionBudget", "", ""));
}

static void test_what_was_found_is_the_receivers_to_keep(void **state)
{
    struct bench *b = *state;
    size_t live;

    begin(b, HARDEN_EVIDENCE);
    read_nothing(b);
    live = mem_live();
    begin(b, HARDEN_EVIDENCE);
    read_nothing(b);
    assert_int_equal(mem_live(), live); /* not taken: it is gone */
    b->takes = true;
    begin(b, HARDEN_EVIDENCE);
    answer(b, REVISIONS, 200, page("ReplicaSet", item("r"), ""));
    answer(b, PODS, 200, page("Pod", item("p"), ""));
    answer(b, BUDGETS, 200, page("PodDisruptionBudget", "", ""));
    assert_true(mem_live() > live);
    assert_int_equal(*(const int *)b->last.evidence, 2);
    arena_done(&b->taken);
    assert_int_equal(mem_live(), live);
}

static void test_the_live_object_comes_whole(void **state)
{
    struct bench *b = *state;
    json_t *meta;

    b->takes = true;
    begin(b, HARDEN_LIVE);
    assert_false(fake_get(&b->net, 0)->request.is_stream);
    answer(b, LIVE, 200, live_object("Deployment", "web", "u-web"));
    told(b, "done-k-None ");
    meta = json_object_get(b->live, "metadata");
    assert_int_equal(json_array_size(json_object_get(meta, "managedFields")), 1);
}

static void test_a_live_object_that_is_another_one_is_told(void **state)
{
    static const struct {
        const char *kind, *name, *uid, *told, *message;
    } cases[] = {
        {"Deployment", "web", "u-new", "done-k-NotFound ",
         "get deployments for Deployment shop/web: the workload is gone: another one has its name"},
        {"Deployment", "db", "u-web", "done-k-Invalid ", "the answer is another object"},
        {"Status", "web", "u-web", "done-k-Invalid ", "the answer is another object"},
    };
    static const char *const odd[] = {"{\"kind\":\"Deployment\"}", "<html>", "", "[]",
                                      "{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"}}"};
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin(b, HARDEN_LIVE);
        answer(b, LIVE, 200, live_object(cases[i].kind, cases[i].name, cases[i].uid));
        told(b, cases[i].told);
        assert_contains(b->message, cases[i].message);
    }
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        begin(b, HARDEN_LIVE);
        answer(b, LIVE, 200, odd[i]);
        told(b, "done-k-Invalid ");
    }
}

static void test_a_live_object_has_a_ceiling(void **state)
{
    struct bench *b = *state;
    size_t len = strlen(live_object("Deployment", "web", "u-web"));
    char *text = text_repeat(" ", EVIDENCE_LIVE_LEN_MAX + 1);

    memcpy(text, live_object("Deployment", "web", "u-web"), len);
    begin(b, HARDEN_LIVE);
    answer(b, LIVE, 200, text);
    told(b, "done-k-Limit ");
    assert_contains(b->message, "it has 1048577 bytes; at most 1048576 are read");
    text[EVIDENCE_LIVE_LEN_MAX] = '\0';
    begin(b, HARDEN_LIVE);
    answer(b, LIVE, 200, text);
    told(b, "done-k-None ");
    free(text);
}

static void test_reads_have_a_ceiling_and_each_has_its_own_key(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    char key[16];

    for (int i = 0; i < EVIDENCE_IN_FLIGHT_MAX; i++) {
        assert_true(evidence_has_room(b->evidence));
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(evidence_start(b->evidence, i % 2 ? HARDEN_LIVE : HARDEN_EVIDENCE, key,
                                        workload(b, KIND_DEPLOYMENT, "web"), NULL),
                         0);
    }
    *b->trace = '\0';
    assert_false(evidence_has_room(b->evidence));
    assert_int_equal(evidence_start(b->evidence, HARDEN_LIVE, "one too many",
                                    workload(b, KIND_DEPLOYMENT, "web"), &err),
                     -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(evidence_in_flight(b->evidence), EVIDENCE_IN_FLIGHT_MAX);
    fake_answer(&b->net, 3, 200, NULL, live_object("Deployment", "web", "u-web"));
    fake_answer(&b->net, 2, 404, NULL, fake_status(404, "NotFound", NULL, "no such namespace"));
    told(b, "done-k3-None done-k2-NotFound ");
    assert_true(evidence_has_room(b->evidence));
    assert_int_equal(evidence_in_flight(b->evidence), EVIDENCE_IN_FLIGHT_MAX - 2);
}

static void test_the_receiver_may_start_the_next_one(void **state)
{
    struct bench *b = *state;

    b->goes_on = true;
    begin(b, HARDEN_LIVE);
    answer(b, LIVE, 200, live_object("Deployment", "web", "u-web"));
    told(b, "done-k-None ");
    answer(b, LIVE, 200, live_object("Deployment", "web", "u-web"));
    told(b, "done-next-None ");
}

/* Ten pods or ten thousand take the same memory. */
static void test_nothing_is_kept_of_what_has_come_by(void **state)
{
    struct bench *b = *state;
    char *items =
        text_repeat("{\"metadata\":{\"name\":\"p\"},\"status\":{\"phase\":\"Running\"}},", 10);
    size_t live;

    begin(b, HARDEN_EVIDENCE);
    answer(b, REVISIONS, 200, page("ReplicaSet", "", ""));
    (void)fake_text(&b->net, FAKE_LAST, "{\"kind\":\"PodList\",\"items\":[");
    (void)fake_text(&b->net, FAKE_LAST, items);
    live = mem_live();
    for (int i = 0; i < 1000; i++) {
        *b->trace = '\0';
        (void)fake_text(&b->net, FAKE_LAST, items);
        assert_int_equal(mem_live(), live);
    }
    free(items);
}

static void test_evidence_is_of_the_template_that_it_was_read_for(void **state)
{
    struct bench *b = *state;
    struct evidence_result result = {.want = HARDEN_EVIDENCE,
                                     .workload = {.uid = "u-web"},
                                     .template_digest = "d0",
                                     .revision_update = ""};

    assert_true(evidence_is_of(&result, workload(b, KIND_DEPLOYMENT, "web")));
    assert_false(evidence_is_of(&result, NULL));
    hold(b, KIND_DEPLOYMENT, "web", "u-web", 2, "d0"); /* news of its status alone */
    assert_true(evidence_is_of(&result, workload(b, KIND_DEPLOYMENT, "web")));
    result.revision_update = "web-1";
    assert_false(evidence_is_of(&result, workload(b, KIND_DEPLOYMENT, "web")));
    result.want = HARDEN_LIVE;
    assert_true(evidence_is_of(&result, workload(b, KIND_DEPLOYMENT, "web")));
    result.want = HARDEN_EVIDENCE;
    result.revision_update = "";
    hold(b, KIND_DEPLOYMENT, "web", "u-web", 3, "d1");
    assert_false(evidence_is_of(&result, workload(b, KIND_DEPLOYMENT, "web")));
    result.template_digest = "d1";
    result.workload.uid = "u-old";
    assert_false(evidence_is_of(&result, workload(b, KIND_DEPLOYMENT, "web")));
}

/* The caches may change or lose it at any moment. */
static void test_the_workload_may_go_while_it_is_read(void **state)
{
    struct bench *b = *state;

    begin(b, HARDEN_EVIDENCE);
    store_delete(cluster_store(b->cluster, KIND_DEPLOYMENT), "shop", "web", NULL);
    read_nothing(b);
    told(b, "begin-web select end done-k-None ");
    assert_string_equal(b->digest, "d0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVIDENCE_TEST(test_revisions_then_pods_then_budgets_are_read_page_by_page),
        EVIDENCE_TEST(test_what_a_namespace_has_room_for_is_read_when_it_is_asked_for),
        EVIDENCE_TEST(test_another_list_that_is_not_there_is_no_evidence),
        EVIDENCE_TEST(test_each_kind_of_workload_has_its_revisions),
        EVIDENCE_TEST(test_what_was_found_is_the_receivers_to_keep),
        EVIDENCE_TEST(test_the_live_object_comes_whole),
        EVIDENCE_TEST(test_a_live_object_that_is_another_one_is_told),
        EVIDENCE_TEST(test_a_live_object_has_a_ceiling),
        EVIDENCE_TEST(test_reads_have_a_ceiling_and_each_has_its_own_key),
        EVIDENCE_TEST(test_the_receiver_may_start_the_next_one),
        EVIDENCE_TEST(test_nothing_is_kept_of_what_has_come_by),
        EVIDENCE_TEST(test_evidence_is_of_the_template_that_it_was_read_for),
        EVIDENCE_TEST(test_the_workload_may_go_while_it_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
