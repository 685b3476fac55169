/* How long evidence lives, what it takes, and what becomes of it when memory runs out. */
#include "reconcilers_evidence.h"

/* The caches may drop it the moment that the read has begun. */
static void test_the_workload_need_not_outlive_the_beginning(void **state)
{
    struct bench *b = *state;
    struct label labels[] = {{strdup("app"), strdup("web")}};
    char *fill = strdup("k1"), *uid = strdup("uid-web");

    b->web.fill = fill;
    b->web.object.uid = uid;
    b->web.pod.labels = (struct labels){labels, 1};
    begin(b);
    memset(fill, 'x', strlen(fill));
    memset(uid, 'x', strlen(uid));
    free(fill);
    free(uid);
    free((char *)labels[0].key);
    free((char *)labels[0].value);
    memset(&b->web, 0xff, sizeof(b->web));
    b->source = HARDEN_REVISIONS;
    give(b, KIND_REPLICA_SET, replica_sets);
    b->source = HARDEN_PODS;
    give(b, KIND_POD, pods);
    b->source = HARDEN_BUDGETS;
    give(b, KIND_POD_DISRUPTION_BUDGET, budgets);
    end(b);
    assert_int_equal(b->found->new_count, 1);
    assert_false(b->found->has_budget_room);
}

static void test_the_projections_keep_what_tells_of_requests_and_limits(void **state)
{
    struct bench *b = *state;

    assert_int_equal(evidence_begin(&b->web.object, HARDEN_ROOM, &b->arena, &b->build, NULL), 0);
    b->source = HARDEN_LIMIT_RANGES;
    give(b, KIND_LIMIT_RANGE,
         "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"limits\":[{\"type\":\"Container\","
         "\"default\":{\"cpu\":\"1\"}}]}}");
    b->source = HARDEN_QUOTAS;
    give(b, KIND_RESOURCE_QUOTA,
         "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{\"limits.memory\":\"9\"}},"
         "\"status\":{\"hard\":{\"limits.memory\":\"9\"},\"used\":{\"limits.memory\":"
         "\"4\"}}}");
    b->source = HARDEN_AUTOSCALERS;
    give(b, KIND_POD_AUTOSCALER,
         "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"targetRef\":{\"kind\":\"Deployment\","
         "\"name\":\"web\"},\"updatePolicy\":{\"updateMode\":\"Off\"}}}");
    end(b);
    assert_true(b->found->room.is_known);
    assert_int_equal(b->found->room.given, HAS_CPU_REQUEST | HAS_CPU_LIMIT);
    assert_true(b->found->room.has_quota[3]);
    assert_true(b->found->room.left[3] == 5);
}

static void test_a_crowded_namespace_needs_no_more_room(void **state)
{
    struct bench *b = *state;
    size_t used;

    b->web.fill = "k1";
    b->web.pod.labels = (struct labels){app_web, 1};
    begin(b);
    b->source = HARDEN_REVISIONS;
    give(b, KIND_REPLICA_SET, replica_sets);
    b->source = HARDEN_PODS;
    give(b, KIND_POD, pods);
    used = b->arena.used;
    for (int i = 0; i < 5000; i++) {
        b->source = HARDEN_PODS;
        give(b, KIND_POD, pods);
        b->source = HARDEN_BUDGETS;
        give(b, KIND_POD_DISRUPTION_BUDGET,
             "{\"spec\":{\"selector\":{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\","
             "\"values\":[\"db\",\"cache\"]}]}},\"status\":{\"disruptionsAllowed\":0}}");
    }
    assert_int_equal(b->arena.used, used);
    end(b);
    assert_true(b->found->has_budget_room);
    assert_int_equal(b->found->new_count + b->found->old_count, 2 * 5001);
}

/* Whatever revisions say, with all of them of the longest kind. */
static void test_the_arena_of_a_workload_holds_the_worst_of_them(void **state)
{
    struct bench *b = *state;
    char *key = text_repeat("k", FILL_KEY_LEN_MAX - 4), *name = text_repeat("n", 60);
    char *message = text_repeat("m", ROLLOUT_MESSAGE_MAX);

    begin(b);
    for (int i = 0; i < EVIDENCE_REVISIONS_MAX; i++) {
        char *text;

        assert_true(
            asprintf(
                &text,
                "{\"metadata\":{\"name\":\"x\",\"uid\":\"0123456789-0123456789-0123456789-%d\","
                "\"labels\":{\"pod-template-hash\":\"%s\"},\"annotations\":{"
                "\"rampart.dev/rollout\":\"{\\\"phase\\\":\\\"Proven\\\",\\\"key\\\":\\\"%s%d"
                "\\\",\\\"digest\\\":\\\"d\\\",\\\"message\\\":\\\"%s\\\"}\"}," OWNER(
                    "uid-web") "},\"spec\":{\"template\":{\"metadata\":{\"annotations\":{"
                               "\"rampart.dev/fill\":\"%s%d\"}}}}}",
                i, name, key, i, message, key, i) > 0);
        b->source = HARDEN_REVISIONS;
        give(b, KIND_REPLICA_SET, text);
        free(text);
    }
    for (int i = 0; i < EVIDENCE_USERS_MAX; i++) {
        char *text;

        assert_true(asprintf(&text,
                             "{\"metadata\":{\"name\":\"%s\",\"uid\":\"p\"," OWNER(
                                 "0123456789-0123456789-0123456789-0") "},\"status\":{"
                                                                       "\"containerStatuses\":[{"
                                                                       "\"name\":\"%s%d\",\"user\":"
                                                                       "{\"linux\":{\"uid\":1}}}]}"
                                                                       "}",
                             name, name, i) > 0);
        b->source = HARDEN_PODS;
        give(b, KIND_POD, text);
        free(text);
    }
    end(b);
    assert_int_equal(b->found->tried_count, EVIDENCE_REVISIONS_MAX);
    assert_true(b->found->tried[0].is_proven);
    assert_int_equal(b->found->users_count, EVIDENCE_USERS_MAX);
    free(key);
    free(name);
    free(message);
}

static void test_a_budget_that_was_cut_has_no_room(void **state)
{
    struct bench *b = *state;

    b->is_whole = true;
    begin(b);
    b->source = HARDEN_BUDGETS;
    give(b, KIND_POD_DISRUPTION_BUDGET, "{\"metadata\":{\"name\":\"b\"},\"(cut)\":true}");
    end(b);
    assert_false(b->found->has_budget_room);
}

static int gather(void *ctx, struct err *err)
{
    struct bench *b = ctx;
    json_t *revision = NULL;
    const void *found = NULL;
    int result;

    b->web = fixture_workload();
    b->web.fill = "k1";
    b->web.pod.labels = (struct labels){app_web, 1};
    arena_init(&b->arena, HARDEN_EVIDENCE_BYTES_MAX);
    result = evidence_begin(&b->web.object, HARDEN_EVIDENCE, &b->arena, &b->build, err);
    if (result == 0) {
        static const char text[] = "{\"metadata\":{\"uid\":\"u\",\"labels\":{\"pod-template-hash\":"
                                   "\"h\"}," OWNER("uid-web") "}}";

        revision = json_decode(text, strlen(text), err);
        result = revision ? evidence_take(b->build, HARDEN_REVISIONS, revision, err) : -1;
    }
    if (result == 0)
        result = evidence_select(b->build, &b->arena, &b->selector, err);
    if (result == 0)
        result = evidence_end(b->build, &found, err);
    assert_int_equal(found != NULL, result == 0);
    json_decref(revision);
    arena_done(&b->arena);
    return result;
}

static void test_every_allocation_that_fails_is_told(void **state)
{
    static struct bench b;

    (void)state;
    assert_true(sweep(gather, &b) > 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(test_the_workload_need_not_outlive_the_beginning),
        OPS_TEST(test_the_projections_keep_what_tells_of_requests_and_limits),
        OPS_TEST(test_a_crowded_namespace_needs_no_more_room),
        OPS_TEST(test_the_arena_of_a_workload_holds_the_worst_of_them),
        OPS_TEST(test_a_budget_that_was_cut_has_no_room),
        cmocka_unit_test(test_every_allocation_that_fails_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
