/* Reads that fail, begin anew, or are stopped at any moment. */
#include "sync_evidence.h"

#include "rampart/kube/path.h"
#include "support/sweep.h"

static void test_a_list_that_expires_begins_anew_with_all_before_it(void **state)
{
    struct bench *b = *state;

    begin(b, HARDEN_EVIDENCE);
    answer(b, REVISIONS, 200, page("ReplicaSet", item("r1"), ""));
    answer(b, PODS, 200, page("Pod", item("p1"), "two"));
    hold(b, KIND_DEPLOYMENT, "web", "u-web", 2, "d1");
    answer(b, PODS "&continue=two", 410, expired());
    told(b, "begin-web R:r1 select P:p1 begin-web ");
    b->takes = true;
    answer(b, REVISIONS, 200, page("ReplicaSet", item("r1"), ""));
    answer(b, PODS, 200, page("Pod", item("p1"), ""));
    answer(b, BUDGETS, 200, page("PodDisruptionBudget", "", ""));
    told(b, "R:r1 select P:p1 end done-k-None ");
    assert_int_equal(*(const int *)b->last.evidence, 2); /* nothing is counted twice */
    assert_string_equal(b->digest, "d1");                /* of the workload as it was then */
}

static void test_it_does_not_begin_anew_for_ever(void **state)
{
    struct bench *b = *state;

    begin(b, HARDEN_EVIDENCE);
    for (int i = 0; i <= EVIDENCE_RESTARTS_MAX; i++) {
        told(b, "begin-web ");
        answer(b, REVISIONS, 200, page("ReplicaSet", "", "two"));
        answer(b, REVISIONS "&continue=two", 410, expired());
    }
    told(b, "done-k-Expired ");
    assert_contains(b->message, "list replicasets for Deployment shop/web: 410 Expired");
}

static void test_only_an_expired_token_begins_anew(void **state)
{
    struct bench *b = *state;

    begin(b, HARDEN_EVIDENCE);
    answer(b, REVISIONS, 410, expired());
    told(b, "begin-web done-k-Expired ");
    begin(b, HARDEN_EVIDENCE);
    answer(b, REVISIONS, 200, page("ReplicaSet", "", "two"));
    answer(b, REVISIONS "&continue=two", 500,
           fake_status(500, "InternalError", NULL, "etcdserver: leader changed"));
    told(b, "begin-web done-k-Unavailable ");
    begin(b, HARDEN_LIVE);
    answer(b, LIVE, 410, expired());
    told(b, "done-k-Expired ");
}

static void test_a_workload_that_is_gone_is_not_read_anew(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 2; i++) {
        hold(b, KIND_DEPLOYMENT, "web", "u-web", 1, "d0");
        begin(b, HARDEN_EVIDENCE);
        answer(b, REVISIONS, 200, page("ReplicaSet", "", "two"));
        store_delete(cluster_store(b->cluster, KIND_DEPLOYMENT), "shop", "web", NULL);
        if (i > 0)
            hold(b, KIND_DEPLOYMENT, "web", "u-new", 2, "d0");
        answer(b, REVISIONS "&continue=two", 410, expired());
        told(b, "begin-web done-k-NotFound ");
        assert_contains(b->message, "the workload is gone");
    }
}

static void test_a_missing_right_is_named(void **state)
{
    static const struct {
        const char *path, *message;
    } cases[] = {
        {REVISIONS, "grant the verb \"list\" on replicasets.apps to"},
        {PODS, "grant the verb \"list\" on pods to"},
        {BUDGETS, "grant the verb \"list\" on poddisruptionbudgets.policy to"},
    };
    static const char *const lists[] = {"ReplicaSet", "Pod", "PodDisruptionBudget"};
    const char *forbidden = fake_status(403, "Forbidden", NULL, "no");
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin(b, HARDEN_EVIDENCE);
        for (size_t k = 0; k < i; k++)
            answer(b, cases[k].path, 200, page(lists[k], "", ""));
        answer(b, cases[i].path, 403, forbidden);
        assert_int_equal(b->last.err.code, ERR_FORBIDDEN);
        assert_contains(b->message, cases[i].message);
    }
    begin(b, HARDEN_LIVE);
    answer(b, LIVE, 403, forbidden);
    assert_contains(b->message,
                    "get deployments for Deployment shop/web: a right is missing: grant "
                    "the verb \"get\" on deployments.apps to");
}

static void test_what_is_not_whole_is_no_evidence(void **state)
{
    static const char *const bodies[] = {
        "{\"kind\":\"ReplicaSetList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[",
        "{\"kind\":\"ReplicaSetList\",\"items\":[7x",
        "",
        "<html>",
        "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}",
        "{\"kind\":\"ReplicaSetList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[null]}",
    };
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        begin(b, HARDEN_EVIDENCE);
        answer(b, REVISIONS, 200, bodies[i]);
        told(b, "begin-web done-k-Invalid ");
        assert_int_equal(fake_running(&b->net), 0);
    }
}

static void test_a_request_without_an_answer_is_told(void **state)
{
    static const enum err_code codes[] = {ERR_TIMEOUT, ERR_UNAVAILABLE, ERR_CANCELED};
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        begin(b, i % 2 ? HARDEN_LIVE : HARDEN_EVIDENCE);
        fake_fail(&b->net, FAKE_LAST, codes[i], "no answer");
        assert_int_equal(b->last.err.code, codes[i]);
        assert_contains(b->message, "for Deployment shop/web: no answer");
    }
    assert_int_equal(evidence_in_flight(b->evidence), 0);
}

static void test_a_whole_page_needs_no_proper_end(void **state)
{
    struct bench *b = *state;

    begin(b, HARDEN_EVIDENCE);
    (void)fake_text(&b->net, FAKE_LAST, page("ReplicaSet", item("r1"), ""));
    fake_fail(&b->net, FAKE_LAST, ERR_UNAVAILABLE, "connection reset");
    told(b, "begin-web R:r1 select ");
    assert_string_equal(fake_path(&b->net, FAKE_LAST), PODS);
}

static void test_a_request_that_cannot_start_is_told_once(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    char *token = text_repeat("x", PATH_LEN_MAX);

    b->net.start_fails = ERR_LIMIT;
    for (int want = HARDEN_EVIDENCE; want <= HARDEN_LIVE; want++) {
        assert_int_equal(evidence_start(b->evidence, (enum harden_want)want, "k",
                                        workload(b, KIND_DEPLOYMENT, "web"), &err),
                         -1);
        assert_int_equal(err.code, ERR_LIMIT);
    }
    told(b, "begin-web ");
    assert_int_equal(evidence_in_flight(b->evidence), 0);
    b->net.start_fails = ERR_NONE;
    begin(b, HARDEN_EVIDENCE);
    b->net.start_fails = ERR_LIMIT;
    answer(b, REVISIONS, 200, page("ReplicaSet", "", ""));
    told(b, "begin-web select done-k-Limit ");
    assert_contains(b->message, "list pods for Deployment shop/web: the fake transport");
    b->net.start_fails = ERR_NONE;
    begin(b, HARDEN_EVIDENCE);
    answer(b, REVISIONS, 200, page("ReplicaSet", "", "two"));
    b->net.start_fails = ERR_LIMIT;
    answer(b, REVISIONS "&continue=two", 410, expired());
    told(b, "begin-web begin-web done-k-Limit ");
    b->net.start_fails = ERR_NONE;
    begin(b, HARDEN_EVIDENCE);
    answer(b, REVISIONS, 200, page("ReplicaSet", "", token));
    told(b, "begin-web done-k-Limit "); /* longer than a path may be */
    free(token);
}

static void test_an_operation_that_fails_ends_the_read(void **state)
{
    static const char *const traces[] = {
        [OP_TAKE] = "begin-web R:r done-k-OutOfMemory ",
        [OP_SELECT] = "begin-web R:r select done-k-OutOfMemory ",
        [OP_END] = "begin-web R:r select end done-k-OutOfMemory ",
    };
    struct bench *b = *state;
    struct err err = {0};

    b->fails = OP_BEGIN;
    assert_int_equal(evidence_start(b->evidence, HARDEN_EVIDENCE, "k",
                                    workload(b, KIND_DEPLOYMENT, "web"), &err),
                     -1);
    assert_int_equal(err.code, ERR_NOMEM);
    told(b, "begin-web ");
    for (b->fails = OP_TAKE; b->fails <= OP_END; b->fails++) {
        begin(b, HARDEN_EVIDENCE);
        answer(b, REVISIONS, 200, page("ReplicaSet", item("r"), ""));
        if (b->fails == OP_END) {
            answer(b, PODS, 200, page("Pod", "", ""));
            answer(b, BUDGETS, 200, page("PodDisruptionBudget", "", ""));
        }
        told(b, traces[b->fails]);
        assert_int_equal(evidence_in_flight(b->evidence), 0);
    }
    b->fails = OP_NONE;
    begin(b, HARDEN_EVIDENCE);
    answer(b, REVISIONS, 200, page("ReplicaSet", "", "two"));
    b->fails = OP_BEGIN;
    answer(b, REVISIONS "&continue=two", 410, expired());
    told(b, "begin-web begin-web done-k-OutOfMemory ");
}

/* ---- Stopped at any moment ---- */

static const struct {
    const char *path, *list, *token;
} pages[] = {
    {REVISIONS, "ReplicaSet", "two"},
    {REVISIONS "&continue=two", "ReplicaSet", ""},
    {PODS, "Pod", "two"},
    {PODS "&continue=two", "Pod", ""},
    {BUDGETS, "PodDisruptionBudget", ""},
};

static void stop_after(size_t whole_pages, bool is_half)
{
    struct bench b;
    struct err err = {0};

    assert_int_equal(bench_new(&b, NULL), 0);
    hold(&b, KIND_DEPLOYMENT, "web", "u-web", 1, "d0");
    begin(&b, HARDEN_EVIDENCE);
    for (size_t i = 0; i < whole_pages; i++)
        answer(&b, pages[i].path, 200, page(pages[i].list, item("x"), pages[i].token));
    if (is_half)
        assert_true(fake_text(&b.net, FAKE_LAST, "{\"kind\":"));
    *b.trace = '\0';
    evidence_stop(b.evidence);
    evidence_stop(b.evidence);
    told(&b, ""); /* never from inside the call */
    assert_false(evidence_is_stopped(b.evidence));
    assert_false(evidence_has_room(b.evidence));
    assert_int_equal(evidence_start(b.evidence, HARDEN_LIVE, "late",
                                    workload(&b, KIND_DEPLOYMENT, "web"), &err),
                     -1);
    assert_int_equal(err.code, ERR_CANCELED);
    assert_int_equal(fake_settle(&b.net), 1);
    told(&b, "done-k-Canceled ");
    assert_string_equal(b.message, "stopped");
    assert_true(evidence_is_stopped(b.evidence));
    assert_int_equal(fake_running(&b.net), 0);
    bench_free(&b);
}

static void test_a_read_can_be_stopped_at_any_moment(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        stop_after(i, false);
        stop_after(i, true);
    }
}

/* The end of the page was on its way when it was stopped. */
static void test_a_page_that_ends_as_it_is_stopped_starts_no_other(void **state)
{
    struct bench *b = *state;

    begin(b, HARDEN_EVIDENCE);
    evidence_stop(b->evidence);
    fake_get(&b->net, 0)->state = FAKE_RUNNING; /* too late to be canceled */
    assert_false(fake_text(&b->net, 0, page("ReplicaSet", "", "")));
    (void)fake_settle(&b->net);
    told(b, "begin-web done-k-Canceled ");
    assert_int_equal(b->net.count, 1);
}

/* ---- Memory ---- */

static int read_all(void *ctx, struct err *err)
{
    struct bench *b = ctx;
    int result = bench_new(b, err);

    if (result == 0) {
        const char *text =
            "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u-web\","
            "\"resourceVersion\":\"1\"},\"spec\":{\"template\":{}}}";

        result = store_put(cluster_store(b->cluster, KIND_DEPLOYMENT), text, strlen(text), err);
    }
    if (result == 0)
        result = evidence_start(b->evidence, HARDEN_EVIDENCE, "k",
                                workload(b, KIND_DEPLOYMENT, "web"), err);
    for (size_t i = 0; result == 0 && i < 2 * COUNT_OF(pages) && evidence_in_flight(b->evidence);
         i++) {
        size_t n = i < 2 ? i : i - 2; /* the second page expires once */

        if (i == 1)
            fake_answer(&b->net, FAKE_LAST, 410, NULL, expired());
        else
            fake_answer(&b->net, FAKE_LAST, 200, NULL,
                        page(pages[n].list, item("x"), pages[n].token));
        (void)fake_settle(&b->net);
    }
    if (result == 0 && b->last.err.code != ERR_NONE) {
        *err = b->last.err;
        result = -1;
    }
    if (result == 0)
        assert_contains(b->trace, "end done-k-None");
    bench_free(b);
    return result;
}

static int read_live(void *ctx, struct err *err)
{
    struct bench *b = ctx;
    struct workload_facts facts = {
        .object = {.kind = KIND_DEPLOYMENT, .ns = "shop", .name = "web", .uid = "u-web"},
        .template_digest = "",
        .revision_update = ""};
    int result = bench_new(b, err);

    if (result == 0)
        result = evidence_start(b->evidence, HARDEN_LIVE, "k", &facts.object, err);
    if (result == 0) {
        fake_answer(&b->net, FAKE_LAST, 200, NULL, live_object("Deployment", "web", "u-web"));
        if (b->last.err.code != ERR_NONE) {
            *err = b->last.err;
            result = -1;
        }
    }
    bench_free(b);
    return result;
}

static void test_every_allocation_that_fails_is_told(void **state)
{
    static struct bench b;

    (void)state;
    assert_true(sweep_tolerant(read_all, &b) > 40);
    assert_true(sweep_tolerant(read_live, &b) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVIDENCE_TEST(test_a_list_that_expires_begins_anew_with_all_before_it),
        EVIDENCE_TEST(test_it_does_not_begin_anew_for_ever),
        EVIDENCE_TEST(test_only_an_expired_token_begins_anew),
        EVIDENCE_TEST(test_a_workload_that_is_gone_is_not_read_anew),
        EVIDENCE_TEST(test_a_missing_right_is_named),
        EVIDENCE_TEST(test_what_is_not_whole_is_no_evidence),
        EVIDENCE_TEST(test_a_request_without_an_answer_is_told),
        EVIDENCE_TEST(test_a_whole_page_needs_no_proper_end),
        EVIDENCE_TEST(test_a_request_that_cannot_start_is_told_once),
        EVIDENCE_TEST(test_an_operation_that_fails_ends_the_read),
        cmocka_unit_test(test_a_read_can_be_stopped_at_any_moment),
        EVIDENCE_TEST(test_a_page_that_ends_as_it_is_stopped_starts_no_other),
        cmocka_unit_test(test_every_allocation_that_fails_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
