/* Objects and answers of which something is missing, and what Rampart may not read. */
#include "sync_applier.h"

/* Rampart may list and watch profiles, and holds no right to get one. */
static void test_applier_leaves_it_to_the_watch_when_a_profile_was_changed_since(void **state)
{
    struct write write = {.verb = WRITE_PATCH_STATUS,
                          .object = {KIND_PROFILE, NULL, "restricted", "u-1"},
                          .rv = "7",
                          .body = "{\"status\":{}}",
                          .summary = "update the status"};
    struct fixture *f = *state;

    add_write(f, &write);
    start(f);
    answer(f, 0, 409, fake_status(409, "Conflict", NULL, "the object has been modified"));
    assert_int_equal(f->fake.count, 1);
    assert_int_equal(last(f)->result.outcome, APPLY_STALE);
    assert_int_equal(last(f)->result.err.code, ERR_CONFLICT);
    assert_int_equal(stats(f).reads, 0);
}

static void test_applier_names_a_write_of_which_little_is_known(void **state)
{
    struct write write = {.verb = WRITE_PATCH,
                          .object = {KIND_PROFILE, NULL, "restricted", NULL},
                          .rv = "7",
                          .body = "{}"};
    struct fixture *f = *state;

    add_write(f, &write);
    f->fake.start_fails = ERR_LIMIT;
    if (applier_start(f->applier, "profile/restricted", &f->arena, &f->plan, f->fake.now_ms, NULL) <
        0)
        fail_msg("not started");
    begin_plan(f);
    applier_step(f->applier, f->fake.now_ms);
    assert_int_equal(last(f)->result.err.code, ERR_LIMIT);
    assert_int_equal(strncmp(last(f)->result.err.msg, "write: ", 7), 0);
}

/* What is only written has no cache: its answers are not read. */
static void test_applier_keeps_no_answer_about_what_is_not_watched(void **state)
{
    struct write write = {.verb = WRITE_CREATE,
                          .object = {KIND_EVENT, "shop", "a", ""},
                          .body = "{}",
                          .summary = "create Event a"};
    struct fixture *f = *state;

    add_write(f, &write);
    start(f);
    answer(f, 0, 201, "not even JSON");
    assert_int_equal(last(f)->result.outcome, APPLY_DONE);
    add_write(f, &write);
    start(f);
    answer(f, 1, 409, fake_status(409, "AlreadyExists", NULL, "exists"));
    assert_int_equal(f->fake.count, 2); /* nor is it read again */
    assert_int_equal(last(f)->result.outcome, APPLY_STALE);
}

/* Without a uid it is not known which one is gone: the watch tells. */
static void test_applier_forgets_nothing_whose_uid_it_does_not_know(void **state)
{
    static const char *const uids[] = {NULL, "", "u1"};
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(uids); i++) {
        hold(f, "a", "u1", "100");
        add_patch(f, "a", uids[i], "100");
        start(f);
        answer(f, 2 * i, 404, fake_status(404, "NotFound", NULL, "gone"));
        answer(f, 2 * i + 1, 404, fake_status(404, "NotFound", NULL, "gone"));
        assert_int_equal(last(f)->result.outcome, APPLY_STALE);
        assert_int_equal(held(f, "a") != NULL, i < 2);
    }
}

static void test_applier_forgets_what_is_gone_of_cluster_scope(void **state)
{
    static const char text[] = "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\",\"uid\":"
                               "\"u1\",\"resourceVersion\":\"5\"}}";
    struct write write = {.verb = WRITE_DELETE,
                          .object = {KIND_NAMESPACE, NULL, "shop", "u1"},
                          .rv = "5",
                          .summary = "delete Namespace shop"};
    struct fixture *f = *state;

    assert_int_equal(store_put(cluster_store(f->cluster, KIND_NAMESPACE), text, strlen(text), NULL),
                     0);
    add_write(f, &write);
    start(f);
    answer(f, 0, 404, fake_status(404, "NotFound", NULL, "gone"));
    assert_null(cluster_get(f->cluster, KIND_NAMESPACE, "", "shop"));
}

static void test_applier_keeps_what_it_had_when_it_reads_a_status(void **state)
{
    struct fixture *f = *state;

    hold(f, "a", "u1", "100");
    add_patch(f, "a", "u1", "100");
    start(f);
    answer(f, 0, 409, fake_status(409, "Conflict", NULL, "changed"));
    answer(f, 1, 200, "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Success\"}");
    assert_held(f, "a", "u1", "100");
    assert_int_equal(last(f)->result.outcome, APPLY_STALE);
}

static void test_applier_takes_no_answer_below_200_and_no_odd_time_for_an_object(void **state)
{
    struct fixture *f = *state;

    add_create(f, "a");
    start(f);
    answer(f, 0, 102, policy_json("a", "u1", "100", ""));
    assert_int_equal(last(f)->result.outcome, APPLY_FAILED);
    add_create(f, "a");
    start(f);
    answer(f, 1, 201, policy_json("a", "u1", "100", ",\"deletionTimestamp\":7"));
    assert_failed(f, ERR_INVALID, "deletionTimestamp");
    assert_null(held(f, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        APPLIER_TEST(test_applier_leaves_it_to_the_watch_when_a_profile_was_changed_since),
        APPLIER_TEST(test_applier_names_a_write_of_which_little_is_known),
        APPLIER_TEST(test_applier_keeps_no_answer_about_what_is_not_watched),
        APPLIER_TEST(test_applier_forgets_nothing_whose_uid_it_does_not_know),
        APPLIER_TEST(test_applier_forgets_what_is_gone_of_cluster_scope),
        APPLIER_TEST(test_applier_keeps_what_it_had_when_it_reads_a_status),
        APPLIER_TEST(test_applier_takes_no_answer_below_200_and_no_odd_time_for_an_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
