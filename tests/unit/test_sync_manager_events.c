/* What a pass says: Events for what is new, and the status of the profiles that it concerns. */
#include "sync_manager.h"

static void test_manager_reports_a_finding_once_however_often_a_pass_says_it(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.says = "allows everything";
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    for (int i = 0; i < 5; i++) {
        (void)put(b, KIND_NAMESPACE, "", "shop");
        run(b, MINUTE_MS);
    }
    assert_int_equal(passes(b, "ns/shop"), 6);
    assert_int_equal(events(b, "allows everything"), 1);
}

static void
test_manager_reports_a_finding_anew_when_its_message_changes_or_it_comes_back(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.says = "one rule allows everything";
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    b->script.says = "two rules allow everything";
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    assert_int_equal(events(b, "two rules"), 1);
    b->script.says = NULL;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 10 * MINUTE_MS); /* beyond the series of the recorder */
    b->script.says = "two rules allow everything";
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    assert_int_equal(events(b, "two rules"), 2);
}

static void test_manager_knows_findings_again_that_the_verdict_has_no_room_for(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.says = "finding";
    b->script.says_times = 20; /* more than are kept, fewer than the recorder's burst */
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 20 * MINUTE_MS);
    assert_int_equal(events(b, "finding"), 20);
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, MINUTE_MS);
    assert_int_equal(passes(b, "ns/shop"), 2);
    assert_int_equal(events(b, "finding"), 20);
}

/* As in a test pipeline, which makes a namespace for each run: another uid, another series. */
static void test_manager_keeps_nothing_of_namespaces_that_are_gone(void **state)
{
    struct bench *b = *state;
    size_t live = 0;

    begin(b);
    b->script.says = "allows everything";
    for (int i = 0; i < 20; i++) {
        (void)put(b, KIND_NAMESPACE, "", "job");
        run(b, SECOND_MS);
        take_away(b, KIND_NAMESPACE, "", "job");
        run(b, SECOND_MS);
        if (i == 0)
            live = mem_live();
    }
    assert_int_equal(events(b, "allows everything"), 20);
    assert_int_equal(mem_live(), live);
}

static void test_manager_reports_about_the_object_with_the_profile_as_related(void **state)
{
    struct bench *b = *state;
    const char *event;

    begin(b);
    b->script.says = "allows everything";
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    event = last_event(b);
    assert_contains(event, "\"metadata\":{\"name\":\"shop.");
    assert_contains(event, "\"namespace\":\"shop\"}");
    assert_contains(event, "\"type\":\"Warning\",\"reason\":\"Undone\",\"action\":\"Reconcile\"");
    assert_contains(event, "\"regarding\":{\"apiVersion\":\"v1\",\"kind\":\"Namespace\"");
    assert_contains(event, "\"uid\":\"u-2\"}"); /* looked up: the finding has none */
    assert_contains(event, "\"related\":{\"apiVersion\":\"rampart.dev/v1alpha1\","
                           "\"kind\":\"SecurityProfile\",\"name\":\"restricted\",\"uid\":\"u-1\"}");
    assert_contains(event, "\"eventTime\":\"2026-11-23T23:33:42");
}

static void test_manager_reports_about_the_profile_where_the_finding_says_so(void **state)
{
    struct bench *b = *state;
    const char *event;

    begin(b);
    b->script.says = "Enforce would create it";
    b->script.is_about_profile = true;
    b->script.mode = MODE_AUDIT;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    event = last_event(b);
    assert_contains(event, "\"namespace\":\"default\"}");
    assert_contains(event, "\"action\":\"Audit\"");
    assert_contains(event, "\"regarding\":{\"apiVersion\":\"rampart.dev/v1alpha1\"");
    assert_contains(event, "\"related\":{\"apiVersion\":\"v1\",\"kind\":\"Namespace\"");
}

static void test_manager_reports_drift_put_right_only_once_it_is(void **state)
{
    struct bench *b = *state;

    b->script.wants_policy = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    b->holds_writes = true;
    take_away(b, KIND_NETWORK_POLICY, "shop", POLICY);
    run(b, SECOND_MS);
    assert_int_equal(events(b, "PolicyDeleted"), 0);
    b->holds_writes = false;
    run(b, SECOND_MS);
    assert_int_equal(events(b, "PolicyDeleted"), 1);
    /* The policy that is there now: kubectl describe finds the Event by its uid. */
    assert_contains(last_event(b),
                    api_text("\"uid\":\"u-%u\"",
                             thing_find(b, KIND_NETWORK_POLICY, "shop", POLICY)->uid));
}

static void test_manager_tells_nobody_of_a_creation(void **state)
{
    struct bench *b = *state;

    b->script.wants_policy = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    assert_true(stands(b, "shop"));
    assert_int_equal(events(b, ""), 0);
}

static void
test_manager_writes_the_status_of_a_burst_every_four_seconds_and_when_it_is_over(void **state)
{
    struct bench *b = *state;

    b->script.wants_policy = true;
    b->script.writes_status = true;
    begin(b);
    for (int i = 0; i < 100; i++) {
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
        run(b, 100);
    }
    assert_in_range(stats(b).applier.status_patches, 3, 4); /* one of them before the burst */
    run(b, MANAGER_STATUS_EVERY_MS);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status,
                        "{\"compliant\":100}");
    assert_in_range(stats(b).applier.status_patches, 4, 5);
}

static void
test_manager_looks_at_a_changed_profile_at_once_but_writes_its_status_later(void **state)
{
    struct bench *b = *state;

    b->script.writes_status = true;
    begin(b);
    run(b, MANAGER_STATUS_LATEST_MS);
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0); /* counts the namespace, writes the status */
    forget_trace(b);
    thing_find(b, KIND_PROFILE, "", "restricted")->generation++;
    b->script.counts_as_failed = true;
    (void)put(b, KIND_PROFILE, "", "restricted");
    run(b, 10);
    assert_int_equal(passes(b, "profile/restricted"), 1);
    assert_int_equal(stats(b).applier.status_patches, 2);
    run(b, MANAGER_STATUS_EVERY_MS);
    assert_int_equal(stats(b).applier.status_patches, 3);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status, "{\"compliant\":0}");
}

static void test_manager_writes_nothing_in_a_steady_state(void **state)
{
    struct bench *b = *state;
    size_t requests;
    uint64_t count;

    b->script.wants_policy = true;
    b->script.writes_status = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    run(b, 5 * SECOND_MS);
    requests = b->net.count;
    count = stats(b).passes;
    run(b, 4 * MINUTE_MS); /* before the watches end */
    assert_int_equal(b->net.count, requests);
    assert_int_equal(stats(b).passes, count);
}

static void test_manager_marks_the_old_and_the_new_profile_when_another_one_decides(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_PROFILE, "", "relaxed");
    begin(b);
    forget_trace(b);
    b->script.profile = "relaxed";
    (void)put(b, KIND_NETWORK_POLICY, "shop", "theirs");
    run(b, 5 * SECOND_MS);
    assert_int_equal(passes(b, "profile/restricted"), 1);
    assert_int_equal(passes(b, "profile/relaxed"), 1);
}

static void test_manager_marks_no_profile_when_a_pass_says_the_same_again(void **state)
{
    struct bench *b = *state;

    b->script.says = "allows everything";
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    forget_trace(b);
    (void)put(b, KIND_NETWORK_POLICY, "shop", "theirs");
    run(b, 5 * SECOND_MS);
    assert_string_equal(b->trace, "ns/shop ");
}

static void test_manager_marks_the_profile_when_mode_state_or_findings_change(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    for (int i = 0; i < 3; i++) {
        forget_trace(b);
        if (i == 0)
            b->script.mode = MODE_AUDIT;
        else if (i == 1)
            b->script.counts_as_failed = true;
        else
            b->script.says = "allows everything";
        (void)put(b, KIND_NETWORK_POLICY, "shop", "theirs");
        run(b, 5 * SECOND_MS);
        assert_string_equal(b->trace, "ns/shop profile/restricted ");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_manager_reports_a_finding_once_however_often_a_pass_says_it),
        MANAGER_TEST(test_manager_reports_a_finding_anew_when_its_message_changes_or_it_comes_back),
        MANAGER_TEST(test_manager_knows_findings_again_that_the_verdict_has_no_room_for),
        MANAGER_TEST(test_manager_keeps_nothing_of_namespaces_that_are_gone),
        MANAGER_TEST(test_manager_reports_about_the_object_with_the_profile_as_related),
        MANAGER_TEST(test_manager_reports_about_the_profile_where_the_finding_says_so),
        MANAGER_TEST(test_manager_reports_drift_put_right_only_once_it_is),
        MANAGER_TEST(test_manager_tells_nobody_of_a_creation),
        MANAGER_TEST(
            test_manager_writes_the_status_of_a_burst_every_four_seconds_and_when_it_is_over),
        MANAGER_TEST(test_manager_looks_at_a_changed_profile_at_once_but_writes_its_status_later),
        MANAGER_TEST(test_manager_writes_nothing_in_a_steady_state),
        MANAGER_TEST(test_manager_marks_the_old_and_the_new_profile_when_another_one_decides),
        MANAGER_TEST(test_manager_marks_no_profile_when_a_pass_says_the_same_again),
        MANAGER_TEST(test_manager_marks_the_profile_when_mode_state_or_findings_change),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
