/* Plans that succeed: what is sent, in which order, and what the caches know afterwards. */
#include "sync_applier.h"

static void test_applier_creates_by_post_and_keeps_the_answer(void **state)
{
    struct fixture *f = *state;

    add_create(f, "a");
    start(f);
    assert_int_equal(f->fake.count, 1);
    assert_int_equal(request(f, 0)->method, HTTP_POST);
    assert_string_equal(request(f, 0)->path, POLICIES_PATH "?fieldManager=rampart");
    assert_string_equal(request(f, 0)->content_type, "application/json");
    assert_string_equal(request(f, 0)->body, "{\"name\":\"a\"}");
    assert_int_equal(request(f, 0)->body_len, strlen("{\"name\":\"a\"}"));
    assert_int_equal(request(f, 0)->timeout_ms, APPLIER_WRITE_TIMEOUT_MS);
    assert_false(request(f, 0)->is_stream);
    assert_int_equal(f->done_count, 0);
    answer(f, 0, 201, policy_json("a", "u1", "100", ""));
    assert_held(f, "a", "u1", "100");
    assert_int_equal(f->done_count, 1);
    assert_string_equal(last(f)->key, "ns/shop");
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
    assert_int_equal(last(f)->result.writes_done, 1);
    assert_null(last(f)->result.failed);
    assert_int_equal(last(f)->result.err.code, ERR_NONE);
}

static void test_applier_mends_by_merge_patch_and_keeps_the_answer(void **state)
{
    struct fixture *f = *state;

    hold(f, "a", "u1", "100");
    add_patch(f, "a", "u1", "100");
    start(f);
    assert_int_equal(request(f, 0)->method, HTTP_PATCH);
    assert_string_equal(request(f, 0)->path, POLICIES_PATH "/a?fieldManager=rampart");
    assert_string_equal(request(f, 0)->content_type, "application/merge-patch+json");
    assert_string_equal(request(f, 0)->body, "{\"spec\":{}}");
    answer(f, 0, 200, policy_json("a", "u1", "101", ""));
    assert_held(f, "a", "u1", "101");
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
}

static void test_applier_patches_the_status_of_a_profile_and_keeps_the_answer(void **state)
{
    struct write write = {.verb = WRITE_PATCH_STATUS,
                          .object = {KIND_PROFILE, "", "restricted", "u1"},
                          .rv = "100",
                          .body = "{\"status\":{}}",
                          .summary = "status of SecurityProfile restricted"};
    struct fixture *f = *state;

    add_write(f, &write);
    start(f);
    assert_int_equal(request(f, 0)->method, HTTP_PATCH);
    assert_string_equal(request(f, 0)->path, PROFILE_PATH "/status?fieldManager=rampart");
    assert_string_equal(request(f, 0)->content_type, "application/merge-patch+json");
    assert_string_equal(request(f, 0)->body, "{\"status\":{}}");
    answer(f, 0, 200,
           "{\"kind\":\"SecurityProfile\",\"apiVersion\":\"rampart.dev/v1alpha1\",\"metadata\":{"
           "\"name\":\"restricted\",\"uid\":\"u1\",\"resourceVersion\":\"101\"},"
           "\"spec\":{\"namespaceSelector\":{}},\"status\":{}}");
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
    assert_string_equal(cluster_get(f->cluster, KIND_PROFILE, "", "restricted")->rv, "101");
}

static void test_applier_deletes_with_uid_and_resource_version_as_preconditions(void **state)
{
    struct fixture *f = *state;

    hold(f, "a", "u1", "100");
    hold(f, "b", "u2", "90");
    add_delete(f, "a", "u1", "100");
    add_delete(f, "b", "u2", NULL);
    start(f);
    assert_int_equal(request(f, 0)->method, HTTP_DELETE);
    assert_string_equal(request(f, 0)->path, POLICIES_PATH "/a");
    assert_string_equal(request(f, 0)->content_type, "application/json");
    assert_string_equal(request(f, 0)->body,
                        "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
                        "\"preconditions\":{\"uid\":\"u1\",\"resourceVersion\":\"100\"},"
                        "\"propagationPolicy\":\"Background\"}");
    answer(f, 0, 200, "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Success\"}");
    assert_null(held(f, "a"));
    assert_string_equal(request(f, 1)->body,
                        "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
                        "\"preconditions\":{\"uid\":\"u2\"},\"propagationPolicy\":\"Background\"}");
    answer(f, 1, 200, policy_json("b", "u2", "90", ""));
    assert_null(held(f, "b"));
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
}

static void test_applier_keeps_an_object_whose_finalizers_hold_up_its_deletion(void **state)
{
    struct fixture *f = *state;

    hold(f, "a", "u1", "100");
    add_delete(f, "a", "u1", "100");
    start(f);
    answer(f, 0, 200,
           policy_json("a", "u1", "101",
                       ",\"deletionTimestamp\":\"2026-11-23T23:17:00Z\",\"finalizers\":[\"x/y\"]"));
    assert_held(f, "a", "u1", "101");
    assert_true(held(f, "a")->is_deleting);
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
}

static void test_applier_takes_404_to_a_deletion_as_success(void **state)
{
    struct fixture *f = *state;

    hold(f, "a", "u1", "100");
    add_delete(f, "a", "u1", "100");
    start(f);
    answer(f, 0, 404, fake_status(404, "NotFound", NULL, "gone"));
    assert_null(held(f, "a"));
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
    assert_int_equal(last(f)->result.writes_done, 1);
}

static void test_applier_leaves_what_took_the_name_of_a_deleted_object(void **state)
{
    static const int statuses[] = {200, 404};

    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        void *fresh;
        struct fixture *f;

        (void)setup(&fresh);
        f = fresh;
        hold(f, "a", "u1", "100");
        add_delete(f, "a", "u1", "100");
        start(f);
        hold(f, "a", "u2", "105"); /* the watch was faster than the answer */
        answer(f, 0, statuses[i], fake_status(statuses[i], "Any", NULL, "any"));
        assert_held(f, "a", "u2", "105");
        assert_int_equal(last(f)->result.outcome, APPLY_DONE);
        (void)teardown(&fresh);
    }
    (void)state;
}

static void test_applier_sends_each_write_when_the_one_before_has_succeeded(void **state)
{
    struct fixture *f = *state;

    hold(f, "c", "u3", "90");
    add_create(f, "a");
    add_create(f, "b");
    add_delete(f, "c", "u3", "90");
    start(f);
    assert_int_equal(f->fake.count, 1);
    assert_string_equal(request(f, 0)->body, "{\"name\":\"a\"}");
    answer(f, 0, 201, policy_json("a", "u1", "100", ""));
    assert_int_equal(f->fake.count, 2);
    assert_string_equal(request(f, 1)->body, "{\"name\":\"b\"}");
    assert_int_equal(f->done_count, 0);
    answer(f, 1, 201, policy_json("b", "u2", "101", ""));
    assert_int_equal(f->fake.count, 3);
    assert_int_equal(request(f, 2)->method, HTTP_DELETE);
    answer(f, 2, 200, "{\"kind\":\"Status\",\"metadata\":{}}");
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
    assert_int_equal(last(f)->result.writes_done, 3);
    assert_int_equal(f->done_count, 1);
}

static void test_applier_ends_a_plan_at_a_creation_in_a_terminating_namespace(void **state)
{
    struct fixture *f = *state;

    add_create(f, "a");
    add_create(f, "b");
    start(f);
    answer(f, 0, 403, fake_status(403, "Forbidden", "NamespaceTerminating", "terminating"));
    assert_int_equal(f->done_count, 1);
    assert_int_equal(last(f)->result.outcome, APPLY_FAILED);
    assert_int_equal(last(f)->result.err.code, ERR_TERMINATING);
    assert_int_equal(last(f)->result.writes_done, 0);
    assert_null(held(f, "a"));
    assert_string_equal(f->logged, "");
    assert_int_equal(stats(f).failures, 0);
}

static void test_applier_carries_out_many_plans_at_once_and_ends_each_with_its_own_key(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    static const char *const keys[] = {"ns/a", "ns/b", "ns/c"};

    for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
        assert_true(applier_has_room(f->applier));
        add_create(f, keys[i] + 3);
        assert_int_equal(applier_start(f->applier, keys[i], &f->arena, &f->plan, 0, &err), 0);
        begin_plan(f);
    }
    assert_int_equal(fake_running(&f->fake), 3);
    assert_int_equal(applier_in_flight(f->applier), 3);
    answer(f, 1, 201, policy_json("b", "u2", "102", ""));
    answer(f, 2, 500, "");
    answer(f, 0, 201, policy_json("a", "u1", "101", ""));
    assert_int_equal(f->done_count, 3);
    assert_string_equal(f->done[0].key, "ns/b");
    assert_string_equal(f->done[1].key, "ns/c");
    assert_string_equal(f->done[2].key, "ns/a");
    assert_int_equal(f->done[0].result.outcome, APPLY_DONE);
    assert_int_equal(f->done[1].result.outcome, APPLY_FAILED);
    assert_int_equal(f->done[2].result.outcome, APPLY_DONE);
    assert_int_equal(applier_in_flight(f->applier), 0);
}

static void test_applier_without_room_leaves_plan_and_arena_to_the_caller(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct plan before;

    for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
        add_create(f, "a");
        start(f);
    }
    assert_false(applier_has_room(f->applier));
    add_create(f, "b");
    before = f->plan;
    assert_int_equal(applier_start(f->applier, "ns/shop", &f->arena, &f->plan, 0, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(f->plan.writes[0].body, "{\"name\":\"b\"}");
    assert_memory_equal(&before, &f->plan, sizeof(before));
    assert_int_equal(f->fake.count, IN_FLIGHT_MAX);
    answer(f, 1, 500, NULL);
    assert_true(applier_has_room(f->applier));
    start(f);
    assert_string_equal(request(f, FAKE_LAST)->body, "{\"name\":\"b\"}");
    for (size_t i = 0; i < f->fake.count; i++) {
        if (i != 1)
            answer(f, i, 500, NULL);
    }
}

static void test_applier_takes_the_arena_of_a_plan(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};

    add_create(f, "a");
    assert_int_equal(applier_start(f->applier, "ns/shop", &f->arena, &f->plan, 0, &err), 0);
    assert_null(f->arena.chunks);
    memset(&f->plan, 0xee, sizeof(f->plan)); /* struct plan was copied */
    begin_plan(f);
    answer(f, 0, 201, policy_json("a", "u1", "100", ""));
    assert_int_equal(last(f)->writes_count, 1);
}

static void test_applier_ends_an_empty_plan_with_the_next_step_not_at_once(void **state)
{
    struct fixture *f = *state;

    start(f);
    assert_int_equal(f->done_count, 0);
    assert_int_equal(applier_in_flight(f->applier), 1);
    f->fake.now_ms = 5;
    applier_step(f->applier, 5);
    assert_int_equal(f->done_count, 1);
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
    assert_int_equal(last(f)->now_ms, 5);
    assert_int_equal(applier_in_flight(f->applier), 0);
}

static void test_applier_lets_on_done_start_the_next_plan(void **state)
{
    struct fixture *f = *state;

    f->restarts = true;
    start(f); /* empty, and so is the next one */
    applier_step(f->applier, 0);
    assert_int_equal(f->done_count, 1);
    applier_step(f->applier, 0);
    assert_int_equal(f->done_count, 2);
    f->restarts = true;
    add_create(f, "a");
    start(f);
    answer(f, 0, 201, policy_json("a", "u1", "100", ""));
    applier_step(f->applier, 0);
    assert_string_equal(last(f)->key, "again");
    assert_int_equal(f->done_count, 4);
}

static void test_applier_logs_each_write_with_what_and_how_long(void **state)
{
    struct fixture *f = *state;

    f->fake.now_ms = 1000;
    add_create(f, "a");
    start(f);
    f->fake.now_ms = 1042;
    answer(f, 0, 201, policy_json("a", "u1", "100", ""));
    assert_string_equal(
        f->logged, "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"msg\":\"created\","
                   "\"kind\":\"NetworkPolicy\",\"namespace\":\"shop\",\"name\":\"a\","
                   "\"summary\":\"create NetworkPolicy a\",\"key\":\"ns/shop\",\"status\":201,"
                   "\"duration_ms\":42}\n");
}

static void test_applier_counts_requests_and_outcomes(void **state)
{
    struct fixture *f = *state;
    struct applier_stats result;

    add_create(f, "a");
    add_patch(f, "b", "u2", "9");
    add_delete(f, "c", "u3", "9");
    start(f);
    answer(f, 0, 201, policy_json("a", "u1", "100", ""));
    answer(f, 1, 200, policy_json("b", "u2", "101", ""));
    answer(f, 2, 409, fake_status(409, "Conflict", NULL, "changed"));
    answer(f, 3, 404, NULL);
    add_create(f, "d");
    start(f);
    answer(f, 4, 500, NULL);
    result = stats(f);
    assert_int_equal(result.creates, 2);
    assert_int_equal(result.patches, 1);
    assert_int_equal(result.deletes, 1);
    assert_int_equal(result.status_patches, 0);
    assert_int_equal(result.reads, 1);
    assert_int_equal(result.stale, 1);
    assert_int_equal(result.failures, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        APPLIER_TEST(test_applier_creates_by_post_and_keeps_the_answer),
        APPLIER_TEST(test_applier_mends_by_merge_patch_and_keeps_the_answer),
        APPLIER_TEST(test_applier_patches_the_status_of_a_profile_and_keeps_the_answer),
        APPLIER_TEST(test_applier_deletes_with_uid_and_resource_version_as_preconditions),
        APPLIER_TEST(test_applier_keeps_an_object_whose_finalizers_hold_up_its_deletion),
        APPLIER_TEST(test_applier_takes_404_to_a_deletion_as_success),
        APPLIER_TEST(test_applier_leaves_what_took_the_name_of_a_deleted_object),
        APPLIER_TEST(test_applier_sends_each_write_when_the_one_before_has_succeeded),
        APPLIER_TEST(test_applier_ends_a_plan_at_a_creation_in_a_terminating_namespace),
        APPLIER_TEST(test_applier_carries_out_many_plans_at_once_and_ends_each_with_its_own_key),
        APPLIER_TEST(test_applier_without_room_leaves_plan_and_arena_to_the_caller),
        APPLIER_TEST(test_applier_takes_the_arena_of_a_plan),
        APPLIER_TEST(test_applier_ends_an_empty_plan_with_the_next_step_not_at_once),
        APPLIER_TEST(test_applier_lets_on_done_start_the_next_plan),
        APPLIER_TEST(test_applier_logs_each_write_with_what_and_how_long),
        APPLIER_TEST(test_applier_counts_requests_and_outcomes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
