/* What is gathered from the pods, revisions and budgets of one workload. */
#include "support/unit.h"

#include <stdlib.h>

#include "reconcilers_pods.h"
#include "support/sweep.h"

#define READY                                                                             \
    "\"conditions\":[{\"type\":\"Initialized\",\"status\":\"True\"},{\"type\":\"Ready\"," \
    "\"status\":"                                                                         \
    "\"True\",\"lastTransitionTime\":\"1970-01-01T00:01:00Z\"}]"
#define WAITING(reason, message)                                                            \
    "\"containerStatuses\":[{\"name\":\"app\",\"state\":{\"waiting\":{\"reason\":\"" reason \
    "\",\"message\":\"" message "\"}}}]"
#define RUNNING_AS(name, uid)                                                      \
    "{\"name\":\"" name "\",\"ready\":true,\"state\":{\"running\":{\"startedAt\":" \
    "\"1970-01-01T00:02:00Z\"}},\"user\":{\"linux\":{\"uid\":" uid "}}}"

static void test_pods_of_the_newest_replica_set_are_new(void **state)
{
    (void)state;
    web.fill = "k1";
    replica_set("a", 1, "", NULL);
    replica_set("b", 12, "k1", NULL);
    replica_set("c", 9, "k0", NULL);
    pod("b-1", "b", READY);
    pod("b-2", "b", WAITING("CreateContainerConfigError", "image will run as root"));
    pod("a-1", "a", READY);
    pod("x-1", "other", READY);
    end();
    assert_int_equal(found.new_count, 2);
    assert_int_equal(found.new_ready, 1);
    assert_int_equal(found.new_ready_s, 60);
    assert_int_equal(found.old_count, 1);
    assert_int_equal(found.old_ready, 1);
    assert_int_equal(found.new_troubles, POD_CONFIG_ERROR);
    assert_string_equal(found.new_message, "pod b-2: container app: CreateContainerConfigError: "
                                           "image will run as root");
    assert_int_equal(found.tried_count, 1);
    assert_string_equal(found.tried[0].key, "k0");
    assert_true(found.has_all_tried && found.has_budget_room);
}

static void test_no_pod_is_new_before_the_controller_has_made_the_revision(void **state)
{
    (void)state;
    web.fill = "k1";
    replica_set("a", 1, "", NULL);
    pod("a-1", "a", READY);
    end();
    assert_int_equal(found.new_count, 0);
    assert_int_equal(found.old_count, 1);
}

static void test_each_word_of_the_kubelet_is_one_trouble(void **state)
{
    static const struct {
        const char *status;
        uint8_t troubles;
    } cases[] = {
        {WAITING("CreateContainerError", ""), POD_CONFIG_ERROR},
        {WAITING("RunContainerError", ""), POD_CONFIG_ERROR},
        {WAITING("CrashLoopBackOff", ""), POD_CRASH_LOOP},
        {WAITING("ImagePullBackOff", ""), POD_IMAGE},
        {WAITING("InvalidImageName", ""), POD_IMAGE},
        {WAITING("ContainerCreating", ""), 0},
        {"\"containerStatuses\":[{\"name\":\"app\",\"ready\":true,\"restartCount\":9,\"lastState\":"
         "{\"terminated\":{\"reason\":\"OOMKilled\"}}}]",
         POD_OOM_KILLED},
        {"\"containerStatuses\":[{\"name\":\"app\",\"ready\":false,\"restartCount\":3,"
         "\"lastState\":"
         "{\"terminated\":{\"reason\":\"Error\"}}}]",
         POD_CRASH_LOOP},
        {"\"containerStatuses\":[{\"name\":\"app\",\"ready\":false,\"restartCount\":2,"
         "\"lastState\":"
         "{\"terminated\":{\"reason\":\"Error\"}}}]",
         0},
        {"\"initContainerStatuses\":[{\"name\":\"app\",\"state\":{\"terminated\":{\"reason\":"
         "\"OOMKilled\"}}}]",
         POD_OOM_KILLED},
        {"\"phase\":\"Failed\"", 0}, /* only a Job's pod is done with then */
        {"\"containerStatuses\":7,\"conditions\":\"x\"", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        pods_evidence_begin(&build, &web, &arena);
        replica_set("a", 1, "", NULL);
        pod("a-1", "a", cases[i].status);
        end();
        if (found.new_troubles != cases[i].troubles)
            fail_msg("%s: %d", cases[i].status, found.new_troubles);
        assert_int_equal(found.new_message[0] != '\0', cases[i].troubles != 0);
    }
}

static void test_one_root_among_the_pods_makes_the_container_root(void **state)
{
    (void)state;
    replica_set("a", 1, "", NULL);
    pod("a-1", "a",
        "\"initContainerStatuses\":[" RUNNING_AS(
            "init", "5") "],\"containerStatuses\":"
                         "[" RUNNING_AS("web", "1000") "," RUNNING_AS("mixed", "1") "," RUNNING_AS(
                             "root", "7") "," RUNNING_AS("same", "8") ",{"
                                                                      "\"name"
                                                                      "\":"
                                                                      "\"waits"
                                                                      "\"},{"
                                                                      "\"name"
                                                                      "\":"
                                                                      "\"untol"
                                                                      "d\","
                                                                      "\"state"
                                                                      "\":{"
                                                                      "\"runni"
                                                                      "ng\":"
                                                                      "{}}}]");
    pod("a-2", "a",
        "\"containerStatuses\":[" RUNNING_AS("mixed", "2") "," RUNNING_AS(
            "root", "0") "," RUNNING_AS("same", "8") "," RUNNING_AS("untold", "4") "]," READY);
    end();
    static const struct container_evidence want[] = {
        {"init", USER_NON_ROOT, 5}, {"mixed", USER_NON_ROOT, -1}, {"root", USER_ROOT, -1},
        {"same", USER_NON_ROOT, 8}, {"untold", USER_UNKNOWN, -1}, {"web", USER_NON_ROOT, 1000},
    };
    assert_int_equal(found.users_count, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_string_equal(found.users[i].container, want[i].container);
        assert_int_equal(found.users[i].user, want[i].user);
        assert_int_equal(found.users[i].uid, want[i].uid);
    }
    assert_int_equal(found.new_ready_s, 120); /* the container began after the pod was ready */
}

/* A ControllerRevision and a pod of it. */
static void controller_revision(const char *name, int number, const char *fill)
{
    char text[1024];

    (void)snprintf(
        text, sizeof(text),
        "{\"metadata\":{\"name\":\"%s\",\"uid\":\"uid-%s\"," OWNER(
            "uid-web") ",\"labels\":{"
                       "\"controller-revision-hash\":\"%s\"}},\"revision\":%d,\"data\":{\"spec\":{"
                       "\"template\":{\"metadata\":{\"annotations\":{\"rampart.dev/"
                       "fill\":\"%s\"}}}}}}",
        name, name, name, number, fill);
    must_add(pods_evidence_revision, text);
}

static void pod_of_revision(const char *name, const char *revision, const char *more)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "{\"metadata\":{\"name\":\"%s\",\"uid\":\"uid-%s\"," OWNER(
                       "uid-web") ",\"labels\":{"
                                  "\"controller-revision-hash\":\"%s\"}%s",
                   name, name, revision, more);
    must_add(pods_evidence_pod, text);
}

static void test_stuck_pods_of_a_failed_revision_are_told_with_their_uids(void **state)
{
    (void)state;
    web.revision_update = "web-1";
    controller_revision("web-1", 3, "");
    controller_revision("web-2", 2, "k1");
    pod_of_revision("web-0", "web-1", "},\"status\":{" READY "}}");
    pod_of_revision("web-1", "web-2", "}}");
    pod_of_revision("web-2", "web-2", "},\"status\":{" READY "}}");
    pod_of_revision("web-3", "web-2", ",\"deletionTimestamp\":\"1970-01-01T00:00:00Z\"}}");
    pod_of_revision("web-4", "unheard-of", "}}");
    end();
    assert_int_equal(found.new_count, 1);
    assert_int_equal(found.old_count, 3);
    assert_int_equal(found.stuck_count, 1);
    assert_string_equal(found.stuck[0].name, "web-1");
    assert_string_equal(found.stuck[0].uid, "uid-web-1");
    assert_string_equal(found.stuck[0].key, "k1");
}

static void test_pods_of_a_daemon_set_go_by_the_hash_of_the_newest_revision(void **state)
{
    (void)state;
    controller_revision("a", 1, "k1");
    controller_revision("b", 2, "");
    pod_of_revision("p", "b", "}}");
    pod_of_revision("q", "a", "}}");
    end();
    assert_int_equal(found.new_count, 1);
    assert_int_equal(found.old_count, 1);
}

static void test_a_pod_of_a_job_is_new_when_it_has_the_fill_of_the_template(void **state)
{
    static const char format[] =
        "{\"metadata\":{\"name\":\"p\",\"annotations\":{\"rampart.dev/fill\":\"%s\"}," OWNER(
            "uid-job") "},\"status\":{\"phase\":\"%s\",\"message\":\"went wrong\"%s}}";
    static const char ready[] = ",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
                                "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]";
    char text[512];

    (void)state;
    web.fill = "k1";
    must_add(pods_evidence_revision, "{\"metadata\":{\"uid\":\"uid-job\"," OWNER("uid-web") "}}");
    must_add(pods_evidence_revision,
             "{\"metadata\":{\"uid\":\"uid-j2\"," OWNER("uid-elsewhere") "}}");
    (void)snprintf(text, sizeof(text), format, "k1", "Succeeded", ready);
    must_add(pods_evidence_pod, text);
    (void)snprintf(text, sizeof(text), format, "k1", "Failed", "");
    must_add(pods_evidence_pod, text);
    (void)snprintf(text, sizeof(text), format, "k0", "Succeeded", "");
    must_add(pods_evidence_pod, text);
    end();
    assert_int_equal(found.new_count, 2);
    assert_int_equal(found.new_ready, 1);
    assert_int_equal(found.new_ready_s, 0); /* it has succeeded: there is nothing to wait for */
    assert_int_equal(found.new_troubles, POD_CRASH_LOOP);
    assert_string_equal(found.new_message, "pod p: Failed: went wrong");
    assert_int_equal(found.old_count, 1);
}

static void test_a_budget_without_room_counts_when_it_selects_the_pods(void **state)
{
    static const struct {
        const char *budget;
        bool has_room;
    } cases[] = {
        {"{\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}}},\"status\":"
         "{\"disruptionsAllowed\":0}}",
         false},
        {"{\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}}}}", false},
        {"{\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}}},\"status\":"
         "{\"disruptionsAllowed\":1}}",
         true},
        {"{\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"db\"}}}}", true},
        {"{\"spec\":{\"selector\":{\"matchExpressions\":7}}}", false},
        {"{\"spec\":{}}", true},
    };
    static const struct label labels[] = {{"app", "web"}};

    (void)state;
    web.pod.labels = (struct labels){labels, 1};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        pods_evidence_begin(&build, &web, &arena);
        must_add(pods_evidence_budget, cases[i].budget);
        end();
        if (found.has_budget_room != cases[i].has_room)
            fail_msg("%s", cases[i].budget);
    }
}

static void test_ceilings_are_reached_and_said(void **state)
{
    char name[32], status[128];

    (void)state;
    web.fill = "current";
    for (int i = 0; i < EVIDENCE_REVISIONS_MAX + 1; i++) {
        (void)snprintf(name, sizeof(name), "r%03d", i);
        replica_set(name, i, name, NULL);
    }
    for (int i = 0; i < EVIDENCE_USERS_MAX + 1; i++) {
        (void)snprintf(name, sizeof(name), "p%03d", i);
        (void)snprintf(status, sizeof(status),
                       "\"containerStatuses\":[{\"name\":\"%s\",\"user\":{\"linux\":{\"uid\":1}}}]",
                       name);
        pod(name, "r001", status);
    }
    end();
    assert_false(found.has_all_tried);
    assert_int_equal(found.tried_count, EVIDENCE_REVISIONS_MAX);
    assert_int_equal(found.users_count, 0);
    assert_int_equal(found.stuck_count, EVIDENCE_STUCK_MAX);
    assert_int_equal(found.old_count, EVIDENCE_USERS_MAX + 1);
}

static void test_what_is_odd_is_passed_over(void **state)
{
    static const char *const statuses[] = {
        "\"containerStatuses\":[{\"name\":\"app\",\"state\":{\"running\":{\"startedAt\":\"noon\"}}}"
        ","
        "{\"name\":\"b\",\"restartCount\":5}]",
        "\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"},{\"type\":\"Ready\",\"status\":"
        "\"True\"}]",
    };
    char *key = text_repeat("k", FILL_KEY_LEN_MAX + 1);

    (void)state;
    replica_set("a", 1, "", NULL);
    must_add(pods_evidence_revision, "{\"metadata\":{\"ownerReferences\":7}}");
    must_add(pods_evidence_revision, "{\"metadata\":{" OWNER("uid-web") "}}");
    replica_set("b", 0, key, "Proven"); /* no key of ours */
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        pod("p", "a", statuses[i]);
    must_add(pods_evidence_pod, "{\"metadata\":{" OWNER("uid-web") "}}");
    end();
    assert_int_equal(found.tried_count, 0);
    assert_int_equal(found.new_count, 2);
    assert_int_equal(found.new_ready, 1);
    assert_int_equal(found.new_ready_s, 0);
    assert_int_equal(found.new_troubles, 0);
    free(key);
}

static void test_the_worst_trouble_of_a_pod_has_the_word(void **state)
{
    (void)state;
    replica_set("a", 1, "", NULL);
    pod("p", "a",
        "\"containerStatuses\":[{\"name\":\"x\",\"state\":{\"waiting\":{\"reason\":"
        "\"CrashLoopBackOff\"}}},{\"name\":\"y\",\"state\":{\"waiting\":{\"reason\":"
        "\"ErrImagePull\"}}}]");
    end();
    assert_int_equal(found.new_troubles, POD_CRASH_LOOP | POD_IMAGE);
    assert_string_equal(found.new_message, "pod p: container x: CrashLoopBackOff");
}

static int gather(void *ctx, struct err *err)
{
    int r = 0;

    (void)ctx;
    arena_init(&arena, 1u << 22);
    pods_evidence_begin(&build, &web, &arena);
    static const char *const revisions[] = {
        "{\"metadata\":{\"uid\":\"u\",\"annotations\":{\"rampart.dev/rollout\":\"{\\\"phase\\\":"
        "\\\"Proven\\\",\\\"key\\\":\\\"k\\\",\\\"digest\\\":\\\"d\\\"}\"}," OWNER(
            "uid-web") "},\"spec\":{\"template\":{\"metadata\":{\"annotations\":{"
                       "\"rampart.dev/fill\":\"k\"}}}}}",
    };
    r = add(pods_evidence_revision, revisions[0], err);
    if (r == 0)
        r = add(pods_evidence_pod,
                "{\"metadata\":{\"name\":\"p\",\"uid\":\"q\"," OWNER("u") "},\"status\":{\"phase\":"
                                                                          "\"Failed\","
                                                                          "\"containerStatuses\":"
                                                                          "[" RUNNING_AS("a",
                                                                                         "1") "]}}",
                err);
    if (r == 0)
        r = add(pods_evidence_pod,
                "{\"metadata\":{\"name\":\"p\",\"uid\":\"q\",\"annotations\":{\"rampart.dev/fill\":"
                "\"k\"}," OWNER("u") "},\"status\":{\"phase\":\"Failed\"}}",
                err);
    if (r == 0)
        r = add(pods_evidence_budget,
                "{\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}}}}", err);
    if (r == 0)
        r = pods_evidence_end(&build, &found, err);
    arena_done(&arena);
    return r;
}

static void test_each_failing_allocation_is_told(void **state)
{
    (void)state;
    arena_done(&arena);
    assert_true(sweep(gather, NULL) > 10);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pods_of_the_newest_replica_set_are_new),
        TEST(test_no_pod_is_new_before_the_controller_has_made_the_revision),
        TEST(test_each_word_of_the_kubelet_is_one_trouble),
        TEST(test_one_root_among_the_pods_makes_the_container_root),
        TEST(test_stuck_pods_of_a_failed_revision_are_told_with_their_uids),
        TEST(test_pods_of_a_daemon_set_go_by_the_hash_of_the_newest_revision),
        TEST(test_a_pod_of_a_job_is_new_when_it_has_the_fill_of_the_template),
        TEST(test_a_budget_without_room_counts_when_it_selects_the_pods),
        TEST(test_ceilings_are_reached_and_said),
        TEST(test_what_is_odd_is_passed_over),
        TEST(test_the_worst_trouble_of_a_pod_has_the_word),
        TEST(test_each_failing_allocation_is_told),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
