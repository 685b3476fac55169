/* Evidence as a runtime gathers it: objects as the API server sends them, through frames. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/evidence_ops.h"
#include "rampart/reconcilers/pods_evidence.h"
#include "rampart/sync/frames.h"
#include "rollout_fixture.h"
#include "support/sweep.h"
#include "support/text.h"

struct bench {
    struct arena arena;
    struct workload_facts web;
    void *build;
    enum harden_source source; /* that is given */
    bool is_whole;             /* objects are given as they are, not projected */
    const struct pods_evidence *found;
    const char *selector;
};

static int setup(void **state)
{
    static struct bench b;

    b = (struct bench){.web = fixture_workload(), .selector = ""};
    arena_init(&b.arena, HARDEN_EVIDENCE_BYTES_MAX);
    *state = &b;
    return 0;
}

static int teardown(void **state)
{
    arena_done(&((struct bench *)*state)->arena);
    return 0;
}

static void begin(struct bench *b)
{
    assert_int_equal(evidence_begin(&b->web.object, HARDEN_EVIDENCE, &b->arena, &b->build, NULL),
                     0);
}

static int on_frame(void *ctx, const struct frame *frame, struct err *err)
{
    struct bench *b = ctx;

    return frame->type == FRAME_ITEM ? evidence_take(b->build, b->source, frame->object, err) : 0;
}

/* @text: the elements of a list. */
static void give(struct bench *b, enum kind kind, const char *text)
{
    struct err err = {0};
    char *list;

    assert_true(asprintf(&list,
                         "{\"kind\":\"%sList\",\"metadata\":{\"resourceVersion\":\"1\"},"
                         "\"items\":[%s]}",
                         resource_of(kind)->name, text) > 0);
    if (b->is_whole) {
        json_t *root = json_decode(list, strlen(list), &err), *item;
        size_t i;

        assert_non_null(root);
        json_array_foreach(json_object_get(root, "items"), i, item)
            assert_int_equal(evidence_take(b->build, b->source, item, NULL), 0);
        json_decref(root);
    } else {
        struct frames *f = frames_new_evidence(kind, on_frame, b, NULL);

        assert_non_null(f);
        if (frames_feed(f, list, strlen(list), &err) < 0)
            fail_msg("%s", err.msg);
        assert_int_equal(frames_end(f, NULL), 0);
        frames_free(f);
    }
    free(list);
}

static void select_pods(struct bench *b)
{
    assert_int_equal(evidence_select(b->build, &b->arena, &b->selector, NULL), 0);
}

static void end(struct bench *b)
{
    const void *found;

    assert_int_equal(evidence_end(b->build, &found, NULL), 0);
    b->found = found;
}

#define OWNER(uid) "\"ownerReferences\":[{\"kind\":\"X\",\"controller\":true,\"uid\":\"" uid "\"}]"

static const char replica_sets[] =
    "{\"metadata\":{\"name\":\"web-a\",\"namespace\":\"shop\",\"uid\":\"rs-a\",\"labels\":{\"app\":"
    "\"web\",\"pod-template-hash\":\"aa\"},\"annotations\":{\"deployment.kubernetes.io/revision\":"
    "\"1\",\"rampart.dev/rollout\":\"{\\\"phase\\\":\\\"Proven\\\",\\\"key\\\":\\\"k0\\\","
    "\\\"digest\\\":\\\"d\\\"}\"}," OWNER(
        "uid-web") "},\"spec\":{\"replicas\":1,\"template\":{"
                   "\"metadata\":{\"labels\":{\"app\":\"web\"},\"annotations\":{\"rampart.dev/"
                   "fill\":\"k0\"}},"
                   "\"spec\":{\"containers\":[]}}}},"
                   "{\"metadata\":{\"name\":\"web-b\",\"uid\":\"rs-b\",\"labels\":{\"pod-template-"
                   "hash\":\"bb\"},"
                   "\"annotations\":{\"deployment.kubernetes.io/revision\":\"2\"}," OWNER(
                       "uid-web") "},\"spec\":{"
                                  "\"template\":{\"metadata\":{\"annotations\":{\"rampart.dev/"
                                  "fill\":\"k1\"}},\"spec\":{}}}},"
                                  "{\"metadata\":{\"name\":\"other\",\"uid\":\"rs-c\",\"labels\":{"
                                  "\"pod-template-hash\":\"cc\"}," OWNER(
                                      "uid-other") "},\"spec\":{}}";

static const char pods[] =
    "{\"metadata\":{\"name\":\"web-a-1\",\"uid\":\"p1\",\"labels\":{\"pod-template-hash\":\"aa\"}"
    "," OWNER(
        "rs-a") "},\"spec\":{\"containers\":[]},\"status\":{\"phase\":\"Running\","
                "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":"
                "\"1970-01-01T00:01:00Z\"}],\"containerStatuses\":[{\"name\":\"app\",\"ready\":"
                "true,"
                "\"restartCount\":4,\"state\":{\"running\":{\"startedAt\":\"1970-01-01T00:00:30Z\"}"
                "},"
                "\"lastState\":{\"terminated\":{\"reason\":\"OOMKilled\",\"exitCode\":137}},"
                "\"user\":{"
                "\"linux\":{\"uid\":1001,\"gid\":0}}}],\"initContainerStatuses\":[{\"name\":"
                "\"init\","
                "\"user\":{\"linux\":{\"uid\":0}}}]}},"
                "{\"metadata\":{\"name\":\"web-b-1\",\"uid\":\"p2\"," OWNER(
                    "rs-b") "},\"status\":{"
                            "\"containerStatuses\":[{\"name\":\"app\",\"state\":{\"waiting\":{"
                            "\"reason\":"
                            "\"CreateContainerConfigError\",\"message\":\"container has "
                            "runAsNonRoot and image will run as "
                            "root\"}}}]}},"
                            "{\"metadata\":{\"name\":\"web-b-2\",\"uid\":\"p3\","
                            "\"deletionTimestamp\":"
                            "\"1970-01-01T00:01:00Z\"," OWNER(
                                "rs-b") "},\"status\":{}},"
                                        "{\"metadata\":{\"name\":\"other-1\",\"uid\":\"p4\"," OWNER(
                                            "rs-c") "},\"status\":{}}";

static const char budgets[] =
    "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"minAvailable\":1,\"selector\":{\"matchLabels\":{"
    "\"app\":\"web\"}}},\"status\":{\"disruptionsAllowed\":0}}";

static const struct label app_web[] = {{"app", "web"}};

/* All that hardening reads of them survives the projection. */
static void test_the_projections_keep_all_that_evidence_is_made_of(void **state)
{
    struct bench *b = *state;

    b->web.fill = "k1";
    b->web.pod.labels = (struct labels){app_web, 1};
    for (int is_whole = 0; is_whole < 2; is_whole++) {
        b->is_whole = is_whole;
        begin(b);
        b->source = HARDEN_REVISIONS;
        give(b, KIND_REPLICA_SET, replica_sets);
        select_pods(b);
        assert_string_equal(b->selector, "pod-template-hash in (aa,bb)");
        b->source = HARDEN_PODS;
        give(b, KIND_POD, pods);
        b->source = HARDEN_BUDGETS;
        give(b, KIND_POD_DISRUPTION_BUDGET, budgets);
        end(b);
        assert_int_equal(b->found->tried_count, 1);
        assert_string_equal(b->found->tried[0].key, "k0");
        assert_true(b->found->tried[0].is_proven);
        assert_int_equal(b->found->old_count, 1);
        assert_int_equal(b->found->old_ready, 1);
        assert_int_equal(b->found->old_troubles, POD_OOM_KILLED);
        assert_int_equal(b->found->new_count, 1);
        assert_int_equal(b->found->new_troubles, POD_CONFIG_ERROR);
        assert_string_equal(b->found->new_message,
                            "pod web-b-1: container app: CreateContainerConfigError: container has "
                            "runAsNonRoot and image will run as root");
        assert_int_equal(b->found->users_count, 2);
        assert_int_equal(b->found->users[0].uid, 1001);
        assert_int_equal(b->found->users[1].user, USER_ROOT);
        assert_false(b->found->has_budget_room);
    }
}

static void test_the_pods_of_a_stateful_set_are_those_of_its_revisions(void **state)
{
    struct bench *b = *state;

    b->web.object.kind = KIND_STATEFUL_SET;
    b->web.revision_update = "web-6f";
    b->web.fill = "k1";
    for (int is_whole = 0; is_whole < 2; is_whole++) {
        b->is_whole = is_whole;
        begin(b);
        b->source = HARDEN_REVISIONS;
        give(
            b, KIND_CONTROLLER_REVISION,
            "{\"metadata\":{\"name\":\"web-5d\",\"uid\":\"r1\"," OWNER(
                "uid-web") "},\"revision\":1,"
                           "\"data\":{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{"
                           "\"annotations\":{\"rampart.dev/fill\":\"k0\"}}}}}},"
                           "{\"metadata\":{\"name\":\"web-6f\",\"uid\":\"r2\"," OWNER(
                               "uid-web") "},\"revision\":2,"
                                          "\"data\":{\"spec\":{\"template\":{\"metadata\":{"
                                          "\"annotations\":{"
                                          "\"rampart.dev/fill\":\"k1\"}}}}}}");
        select_pods(b);
        assert_string_equal(b->selector, "controller-revision-hash in (web-5d,web-6f)");
        b->source = HARDEN_PODS;
        give(b, KIND_POD,
             "{\"metadata\":{\"name\":\"web-0\",\"uid\":\"p0\",\"labels\":{"
             "\"controller-revision-hash\":\"web-6f\"}," OWNER(
                 "uid-web") "},\"status\":{}},"
                            "{\"metadata\":{\"name\":\"web-1\",\"uid\":\"p1\",\"labels\":{"
                            "\"controller-revision-hash\":\"web-5d\"}," OWNER(
                                "uid-web") "},\"status\":{}}");
        end(b);
        assert_int_equal(b->found->new_count, 1);
        assert_int_equal(b->found->stuck_count, 1);
        assert_string_equal(b->found->stuck[0].name, "web-1");
        assert_string_equal(b->found->stuck[0].key, "k0");
    }
}

static void test_the_pods_of_a_daemon_set_and_of_a_cron_job_have_labels_of_their_own(void **state)
{
    struct bench *b = *state;

    b->web.object.kind = KIND_DAEMON_SET;
    begin(b);
    b->source = HARDEN_REVISIONS;
    give(b, KIND_CONTROLLER_REVISION,
         "{\"metadata\":{\"name\":\"web-5d\",\"uid\":\"r1\",\"labels\":{"
         "\"controller-revision-hash\":\"5d\"}," OWNER("uid-web") "},\"data\":{},\"revision\":1}");
    select_pods(b);
    assert_string_equal(b->selector, "controller-revision-hash in (5d)");
    b->web.object.kind = KIND_CRON_JOB;
    b->web.fill = "k1";
    begin(b);
    give(b, KIND_JOB,
         "{\"metadata\":{\"name\":\"web-1\",\"uid\":\"0a-1\"," OWNER(
             "uid-web") "},\"spec\":{"
                        "\"template\":{\"metadata\":{\"annotations\":{\"rampart.dev/"
                        "fill\":\"k1\"}}}}}");
    select_pods(b);
    assert_string_equal(b->selector, "batch.kubernetes.io/controller-uid in (0a-1)");
    b->source = HARDEN_PODS;
    give(b, KIND_POD,
         "{\"metadata\":{\"name\":\"web-1-x\",\"uid\":\"p\",\"annotations\":{\"rampart.dev/fill\":"
         "\"k1\"}," OWNER("0a-1") "},\"status\":{\"phase\":\"Failed\",\"message\":\"deadline\"}}");
    end(b);
    assert_int_equal(b->found->new_count, 1);
    assert_string_equal(b->found->new_message, "pod web-1-x: Failed: deadline");
}

/* ---- When all pods have to come by ---- */

static void give_revision(struct bench *b, const char *uid, const char *hash)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "{\"metadata\":{\"name\":\"x\",\"uid\":\"%s\",\"labels\":{"
                   "\"pod-template-hash\":\"%s\"}," OWNER("uid-web") "},\"spec\":{}}",
                   uid, hash);
    b->source = HARDEN_REVISIONS;
    give(b, KIND_REPLICA_SET, text);
}

static void test_a_selector_is_never_narrower_than_the_revisions(void **state)
{
    static const char *const hashes[] = {"", "a,b", "a) or (b", "\\u00e9"};
    struct bench *b = *state;

    begin(b);
    select_pods(b);
    assert_string_equal(b->selector, ""); /* no revision is known */
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        begin(b);
        give_revision(b, "u1", "good");
        give_revision(b, "u2", hashes[i]);
        select_pods(b);
        assert_string_equal(b->selector, "");
    }
}

static void test_a_selector_has_a_ceiling(void **state)
{
    struct bench *b = *state;
    char *value = text_repeat("v", LABEL_VALUE_MAX);
    size_t fits =
        (EVIDENCE_SELECTOR_MAX - strlen("pod-template-hash in ()")) / (LABEL_VALUE_MAX + 1);

    begin(b);
    for (size_t i = 0; i < fits; i++)
        give_revision(b, "u", value);
    select_pods(b);
    assert_true(strlen(b->selector) > EVIDENCE_SELECTOR_MAX - LABEL_VALUE_MAX - 2);
    give_revision(b, "u", value);
    select_pods(b);
    assert_string_equal(b->selector, "");
    free(value);
}

static void test_more_revisions_than_are_known_leave_the_pods_unselected(void **state)
{
    struct bench *b = *state;

    begin(b);
    for (int i = 0; i < EVIDENCE_REVISIONS_MAX; i++)
        give_revision(b, "u", "h");
    select_pods(b);
    assert_contains(b->selector, "pod-template-hash in (h,h");
    give_revision(b, "u", "h");
    select_pods(b);
    assert_string_equal(b->selector, "");
}

/* ---- Lifetimes and bounds ---- */

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

#define OPS_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(test_the_projections_keep_all_that_evidence_is_made_of),
        OPS_TEST(test_the_pods_of_a_stateful_set_are_those_of_its_revisions),
        OPS_TEST(test_the_pods_of_a_daemon_set_and_of_a_cron_job_have_labels_of_their_own),
        OPS_TEST(test_a_selector_is_never_narrower_than_the_revisions),
        OPS_TEST(test_a_selector_has_a_ceiling),
        OPS_TEST(test_more_revisions_than_are_known_leave_the_pods_unselected),
        OPS_TEST(test_the_workload_need_not_outlive_the_beginning),
        OPS_TEST(test_the_projections_keep_what_tells_of_requests_and_limits),
        OPS_TEST(test_a_crowded_namespace_needs_no_more_room),
        OPS_TEST(test_the_arena_of_a_workload_holds_the_worst_of_them),
        OPS_TEST(test_a_budget_that_was_cut_has_no_room),
        cmocka_unit_test(test_every_allocation_that_fails_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
