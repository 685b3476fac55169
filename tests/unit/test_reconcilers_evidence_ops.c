/* What is gathered of a workload, and which pods are asked for. */
#include "reconcilers_evidence.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(test_the_projections_keep_all_that_evidence_is_made_of),
        OPS_TEST(test_the_pods_of_a_stateful_set_are_those_of_its_revisions),
        OPS_TEST(test_the_pods_of_a_daemon_set_and_of_a_cron_job_have_labels_of_their_own),
        OPS_TEST(test_a_selector_is_never_narrower_than_the_revisions),
        OPS_TEST(test_a_selector_has_a_ceiling),
        OPS_TEST(test_more_revisions_than_are_known_leave_the_pods_unselected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
