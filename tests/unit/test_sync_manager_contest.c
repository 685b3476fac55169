/* Somebody undoes what is written, again and again: it is said, by whom, and that it is over. */
#include "sync_manager.h"

#include "rampart/sync/pace.h"

#define CONTESTED "\"reason\":\"Contested\""
#define STATUS_CONTESTED "{\"compliant\":0,\"contested\":1}"
#define STATUS_WELL "{\"compliant\":1}"

static const char *status_of(struct bench *b)
{
    return thing_find(b, KIND_PROFILE, "", "restricted")->status;
}

/* A policy that stands, long after the last edit of its profile. */
static void begin_well(struct bench *b)
{
    b->script.wants_policy = true;
    b->script.writes_status = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    run(b, 3 * MINUTE_MS);
    assert_string_equal(status_of(b), STATUS_WELL);
}

/* From now on each write is undone, until end_contest(). */
static void begin_contest(struct bench *b, const char *rival)
{
    b->script.mends_always = true;
    b->script.is_edited = true;
    b->script.rival = rival;
    (void)put(b, KIND_NAMESPACE, "", "shop");
}

static void end_contest(struct bench *b)
{
    b->script.mends_always = false;
}

static void test_manager_says_once_that_a_namespace_is_contested_and_by_whom(void **state)
{
    struct bench *b = *state;
    const char *event = NULL;
    uint64_t status_patches;

    begin_well(b);
    begin_contest(b, "argocd-controller");
    run(b, 2 * SECOND_MS);
    assert_string_equal(status_of(b), STATUS_CONTESTED);
    assert_int_equal(events(b, CONTESTED), 1);
    for (size_t i = 0; i < b->net.count; i++) {
        const struct http_request *request = &b->net.exchanges[i].request;

        if (request->method == HTTP_POST && strstr(request->path, "/events") &&
            strstr(request->body, CONTESTED))
            event = request->body;
    }
    assert_contains(event, "NetworkPolicy shop/" POLICY);
    assert_contains(event, "by argocd-controller");
    assert_contains(event, "SecurityProfile restricted");
    assert_contains(event, "\"regarding\":{\"apiVersion\":\"networking.k8s.io/v1\"");
    /* As long as it lasts: no other Event, and a status that stays as it is. */
    status_patches = stats(b).applier.status_patches;
    run(b, 30 * MINUTE_MS);
    assert_int_equal(events(b, CONTESTED), 1);
    assert_string_equal(status_of(b), STATUS_CONTESTED);
    assert_int_equal(stats(b).applier.status_patches, status_patches);
    assert_int_equal(logged(b, "does not stay"), 1);
}

static void test_manager_says_that_a_contest_is_over_after_a_quiet_minute(void **state)
{
    struct bench *b = *state;
    size_t requests;

    begin_well(b);
    begin_contest(b, NULL);
    run(b, MINUTE_MS);
    end_contest(b);
    run(b, 40 * SECOND_MS);
    assert_string_equal(status_of(b), STATUS_CONTESTED);
    run(b, 30 * SECOND_MS);
    assert_string_equal(status_of(b), STATUS_WELL);
    assert_int_equal(logged(b, "stays again"), 1);
    requests = b->net.count; /* and nothing is left that would wake it */
    run(b, SECOND_MS);
    assert_int_equal(b->net.count, requests);
    assert_int_equal(stats(b).queue_ready, 0);
}

static void test_manager_says_anew_that_a_contest_has_come_back(void **state)
{
    struct bench *b = *state;

    begin_well(b);
    begin_contest(b, NULL);
    run(b, MINUTE_MS);
    end_contest(b);
    run(b, 10 * MINUTE_MS); /* beyond the series of the recorder */
    assert_string_equal(status_of(b), STATUS_WELL);
    begin_contest(b, NULL);
    run(b, MINUTE_MS);
    assert_string_equal(status_of(b), STATUS_CONTESTED);
    assert_int_equal(events(b, CONTESTED), 2);
}

static void test_manager_sends_to_the_audit_log_where_no_manager_is_recorded(void **state)
{
    struct bench *b = *state;

    begin_well(b);
    begin_contest(b, NULL);
    run(b, MINUTE_MS);
    assert_int_equal(events(b, "by an unrecorded manager (look for its writes in the API"), 1);
}

/* The annotation by which drift is known can be forged: what does not stay is contested all the
 * same. But rounds after an edit of the profile are its own. */
static void test_manager_tells_a_contest_without_drift_from_edits_of_the_profile(void **state)
{
    (void)state;
    for (int is_edited = 0; is_edited < 2; is_edited++) {
        struct bench *b = bench_new();

        assert_int_equal(bench_start(b, 0, NULL), 0);
        begin_well(b);
        if (is_edited) {
            thing_find(b, KIND_PROFILE, "", "restricted")->generation++;
            (void)put(b, KIND_PROFILE, "", "restricted");
            run(b, SECOND_MS);
        }
        b->script.mends_always = true;
        (void)put(b, KIND_NAMESPACE, "", "shop");
        run(b, 10 * SECOND_MS);
        assert_int_equal(events(b, CONTESTED), is_edited ? 0 : 1);
        bench_free(b);
    }
}

static void test_manager_ends_a_contest_when_the_profile_no_longer_enforces_there(void **state)
{
    struct bench *b = *state;

    for (int way = 0; way < 3; way++) {
        b->script.mode = MODE_ENFORCE;
        b->script.profile = "restricted";
        if (way == 0)
            begin_well(b);
        begin_contest(b, NULL);
        run(b, MINUTE_MS);
        assert_string_equal(status_of(b), STATUS_CONTESTED);
        end_contest(b);
        if (way == 0)
            b->script.mode = MODE_AUDIT;
        else
            b->script.profile = way == 1 ? "relaxed" : NULL;
        (void)put(b, KIND_NAMESPACE, "", "shop");
        run(b, 5 * SECOND_MS);
        assert_null(strstr(status_of(b), "contested"));
        run(b, 10 * MINUTE_MS);
    }
}

/* Fault 24, first half: 409 on each of the first five writes. */
static void test_manager_gets_through_after_five_conflicts_without_a_word(void **state)
{
    struct bench *b = *state;
    struct manager_stats before;

    begin_well(b);
    before = stats(b);
    b->conflicts = 5;
    b->has_rival = true;
    b->script.mends_always = true;
    b->script.mends_once = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 5 * SECOND_MS);
    assert_int_equal(b->conflicts, 0);
    assert_int_equal(stats(b).applier.patches - before.applier.patches, 6);
    assert_string_equal(status_of(b), STATUS_WELL);
    assert_int_equal(stats(b).applier.stale - before.applier.stale, 5);
    assert_int_equal(stats(b).applier.reads - before.applier.reads, 5);
    assert_int_equal(logged(b, "WARN"), 0);
    assert_int_equal(events(b, CONTESTED) + events(b, "WriteFailed"), 0);
}

/* Fault 24, second half: a rival that is faster each time. */
static void test_manager_bounds_backs_off_and_reports_endless_conflicts(void **state)
{
    struct bench *b = *state;
    uint64_t patches;

    begin_well(b);
    b->conflicts = UINT32_MAX;
    b->has_rival = true;
    b->script.mends_always = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 2 * MINUTE_MS);
    assert_int_equal(events(b, CONTESTED), 1);
    assert_int_equal(events(b, "10 writes in a row met a conflict"), 1);
    assert_int_equal(events(b, "WriteFailed"), 1);
    assert_string_equal(status_of(b), STATUS_CONTESTED);
    assert_in_range(stats(b).applier.patches, 10, 60);
    patches = stats(b).applier.patches;
    run(b, 10 * MINUTE_MS);
    assert_in_range(stats(b).applier.patches - patches, 50, 61); /* one in ten seconds, for ever */
    assert_int_equal(events(b, CONTESTED), 1);
    /* The rival gives up. */
    b->conflicts = 0;
    run(b, MINUTE_MS);
    b->script.mends_always = false;
    run(b, 20 * MINUTE_MS);
    assert_string_equal(status_of(b), STATUS_WELL);
}

/* From the last round that is free until well after the end: each allocation fails once. */
static void test_manager_tells_contests_whichever_allocation_fails(void **state)
{
    unsigned step_by = getenv("UNDER_VALGRIND") ? 29 : 1;
    bool has_fired = true;

    (void)state;
    for (unsigned nth = 0; has_fired; nth += step_by) {
        struct bench *b = bench_new();

        assert_int_equal(bench_start(b, 0, NULL), 0);
        begin_well(b);
        b->holds_writes = true;
        begin_contest(b, "argocd-controller");
        for (unsigned round = 0; round < PACE_FREE - 3; round++) {
            run(b, 0);
            serve_write(b, waiting_write(b, "/namespaces/shop/networkpolicies/"));
        }
        b->holds_writes = false;
        mem_fail_nth(nth);
        run(b, 40 * SECOND_MS);
        has_fired = mem_fail_disarm();
        assert_string_equal(status_of(b), STATUS_CONTESTED);
        mem_fail_nth(nth);
        end_contest(b);
        run(b, 100 * SECOND_MS);
        has_fired |= mem_fail_disarm();
        run(b, 100 * SECOND_MS);
        assert_string_equal(status_of(b), STATUS_WELL);
        bench_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_manager_says_once_that_a_namespace_is_contested_and_by_whom),
        MANAGER_TEST(test_manager_says_that_a_contest_is_over_after_a_quiet_minute),
        MANAGER_TEST(test_manager_says_anew_that_a_contest_has_come_back),
        MANAGER_TEST(test_manager_sends_to_the_audit_log_where_no_manager_is_recorded),
        cmocka_unit_test(test_manager_tells_a_contest_without_drift_from_edits_of_the_profile),
        MANAGER_TEST(test_manager_ends_a_contest_when_the_profile_no_longer_enforces_there),
        MANAGER_TEST(test_manager_gets_through_after_five_conflicts_without_a_word),
        MANAGER_TEST(test_manager_bounds_backs_off_and_reports_endless_conflicts),
        cmocka_unit_test(test_manager_tells_contests_whichever_allocation_fails),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
