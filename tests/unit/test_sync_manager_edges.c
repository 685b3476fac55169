/* What reconcilers and the world may say at the edge of what makes sense. */
#include "sync_manager.h"

#define POLICIES_OF_SHOP "/namespaces/shop/networkpolicies"

static void test_manager_that_was_never_made_is_freed(void **state)
{
    (void)state;
    manager_free(NULL);
}

static void test_manager_is_not_stopped_before_it_is_told_to_nor_while_a_watch_ends(void **state)
{
    struct bench *b = *state;

    begin(b);
    assert_false(manager_is_stopped(b->manager));
    manager_stop(b->manager, b->net.now_ms);
    manager_stop(b->manager, b->net.now_ms + SECOND_MS); /* once more changes nothing */
    (void)step(b);
    assert_false(manager_is_stopped(b->manager)); /* the watches are canceled and have not ended */
    run(b, 0);
    assert_true(manager_is_stopped(b->manager));
}

static void test_manager_says_that_its_first_pass_is_about_to_begin(void **state)
{
    struct bench *b = *state;
    char reason[128];

    (void)step(b);
    while (!cluster_has_synced(manager_cluster(b->manager)))
        assert_true(serve(b));
    assert_false(manager_is_ready(b->manager, reason, sizeof(reason)));
    assert_string_equal(reason, "the first pass is about to begin");
    (void)step(b);
    assert_true(manager_is_ready(b->manager, reason, sizeof(reason)));
}

static void test_manager_marks_no_name_that_nothing_can_have(void **state)
{
    char *names[] = {text_repeat("", 0), text_repeat("n", NAME_LEN_MAX + 1)};
    struct bench *b = *state;

    begin(b);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        forget_trace(b);
        b->script.marks = names[i];
        (void)put(b, KIND_NETWORK_POLICY, "shop", "theirs");
        run(b, SECOND_MS);
        assert_string_equal(b->trace, "ns/shop ");
        free(names[i]);
    }
    b->script.marks = NULL;
}

static void test_manager_looks_at_once_at_a_profile_that_was_made_anew(void **state)
{
    struct bench *b = *state;

    begin(b);
    forget_trace(b);
    thing_find(b, KIND_PROFILE, "", "restricted")->uid += 1000; /* in a gap of the watch */
    (void)put(b, KIND_PROFILE, "", "restricted");
    run(b, 0);
    assert_string_equal(b->trace, "profile/restricted ");
}

/* Policies that go last still name it. */
static void test_manager_leaves_a_profile_that_is_gone_alone_once_nobody_marks_it(void **state)
{
    struct bench *b = *state;

    begin(b);
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 10 * SECOND_MS);
    take_away(b, KIND_PROFILE, "", "restricted");
    b->script.marks = "restricted";
    run(b, 5 * SECOND_MS);
    forget_trace(b);
    for (int i = 0; i < 20; i++) {
        (void)put(b, KIND_NETWORK_POLICY, "shop", "theirs");
        run(b, 100);
    }
    assert_true(passes(b, "profile/restricted") > 0);
    forget_trace(b);
    run(b, 10 * MINUTE_MS);
    assert_in_range(passes(b, "profile/restricted"), 0, 1);
}

static void test_manager_does_not_carry_out_a_plan_that_is_broken(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.wants_policy = true;
    b->script.is_broken = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    assert_false(stands(b, "shop"));
    assert_int_equal(events(b, "Namespace shop could not be evaluated"), 1);
    b->script.is_broken = false;
    run(b, MINUTE_MS);
    assert_true(stands(b, "shop"));
}

/* The finalizer is what somebody waits for: it does not wait for the second of the status. */
static void test_manager_writes_a_finalizer_at_once_and_the_status_after_it(void **state)
{
    struct bench *b = *state;

    b->script.writes_status = true;
    begin(b);
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    b->script.counts_as_failed = true;
    b->script.writes_metadata = true;
    thing_find(b, KIND_PROFILE, "", "restricted")->generation++;
    (void)put(b, KIND_PROFILE, "", "restricted");
    run(b, 0);
    assert_int_equal(stats(b).applier.patches, 1);
    run(b, 5 * SECOND_MS);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status, "{\"compliant\":0}");
}

static void test_manager_forgets_nothing_of_a_namespace_whose_policy_was_replaced(void **state)
{
    struct bench *b = *state;

    b->script.wants_policy = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    thing_find(b, KIND_NETWORK_POLICY, "shop", POLICY)->uid += 1000;
    (void)put(b, KIND_NETWORK_POLICY, "shop", POLICY);
    run(b, SECOND_MS);
    take_away(b, KIND_NETWORK_POLICY, "shop", POLICY);
    run(b, SECOND_MS);
    assert_true(stands(b, "shop"));
    assert_int_equal(events(b, "PolicyDeleted"), 1); /* it is known that one stood */
}

/* ---- Writes that fail ---- */

static void test_manager_names_the_right_that_a_deletion_needs(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_NETWORK_POLICY, "shop", POLICY);
    begin(b);
    b->script.removes = true;
    b->script.is_explained = true;
    b->holds_writes = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    refuse(b, POLICIES_OF_SHOP, 403, "Forbidden", "no");
    run(b, 0);
    assert_contains(last_event(b), "the verb delete on networkpolicies in API group");
    b->holds_writes = false;
    run(b, MINUTE_MS);
    assert_false(stands(b, "shop"));
}

/* Nobody decides there: the failure is told without a profile. */
static void test_manager_tells_of_a_write_that_fails_for_no_profile(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_NETWORK_POLICY, "shop", POLICY);
    begin(b);
    b->script.profile = NULL;
    b->script.removes = true;
    b->holds_writes = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    refuse(b, POLICIES_OF_SHOP, 500, "InternalError", "etcd is away");
    run(b, 0);
    assert_int_equal(events(b, "etcd is away"), 1);
    assert_null(strstr(last_event(b), "\"related\""));
    b->holds_writes = false;
    run(b,
        MINUTE_MS); /* a deletion in nobody's name counts against the budget, and there is room */
    assert_false(stands(b, "shop"));
}

static void test_manager_tries_again_what_the_transport_had_no_room_for(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.wants_policy = true;
    b->net.start_fails = ERR_LIMIT;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    assert_true(b->net.starts_failed > 0);
    assert_false(stands(b, "shop"));
    b->net.start_fails = ERR_NONE;
    run(b, MINUTE_MS);
    assert_true(stands(b, "shop"));
    assert_int_equal(events(b, "DeleteBudget"), 0);
}

/* The budget stops the last deletion of a profile that goes meanwhile: it is a write that failed,
 * and nobody's that could be told. */
static void test_manager_goes_on_when_the_profile_of_stopped_deletions_is_gone(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 12; i++) {
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
        (void)put(b, KIND_NETWORK_POLICY, api_text("n-%d", i), POLICY);
    }
    begin(b);
    take_away(b, KIND_PROFILE, "", "restricted");
    run(b, SECOND_MS);
    b->script.removes = true;
    for (int i = 0; i < 12; i++)
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
    run(b, 0);
    assert_int_equal(stats(b).applier.deletes, MANAGER_DELETES_FREE);
    run(b, 10 * MINUTE_MS);
    assert_int_equal(stats(b).applier.deletes, 12);
    assert_int_equal(events(b, "DeleteBudget"), 0);
}

/* ---- Findings ---- */

static void test_manager_marks_the_profile_of_a_finding_beside_the_one_that_decides(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_PROFILE, "", "other");
    begin(b);
    run(b, 5 * SECOND_MS);
    b->script.says = "cannot be taken back";
    b->script.says_about = "other";
    (void)put(b, KIND_NETWORK_POLICY, "shop", "theirs");
    (void)put(b, KIND_NAMESPACE, "", "shop");
    forget_trace(b);
    run(b, 5 * SECOND_MS);
    assert_true(passes(b, "profile/other") > 0);
    assert_true(passes(b, "profile/restricted") > 0);
    forget_trace(b); /* and where nobody decides, that profile alone */
    b->script.profile = NULL;
    (void)put(b, KIND_NETWORK_POLICY, "shop", "theirs");
    run(b, 5 * SECOND_MS);
    assert_int_equal(passes(b, "profile/other"), 1);
}

/* An Event needs something that it is about; of the rest a finding may leave out what it likes. */
static void test_manager_announces_a_finding_about_whatever_has_a_name(void **state)
{
    static const struct {
        struct object_ref ref;
        size_t events;
    } rows[] = {
        {{KIND_NAMESPACE, NULL, NULL, NULL}, 0},   {{KIND_NAMESPACE, "", "", ""}, 0},
        {{KIND_NAMESPACE, NULL, "shop", NULL}, 1}, {{KIND_NAMESPACE, "", "nowhere", ""}, 1},
        {{KIND_EVENT, "shop", "some", ""}, 1}, /* of a kind that no cache holds */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench *b = bench_new();

        assert_int_equal(bench_start(b, 0, NULL), 0);
        begin(b);
        b->script.says = "something";
        b->script.says_of = &rows[i].ref;
        (void)put(b, KIND_NAMESPACE, "", "shop");
        run(b, SECOND_MS);
        assert_int_equal(stats(b).verdicts, 1);
        assert_int_equal(events(b, "something"), rows[i].events);
        bench_free(b);
    }
}

/* The status of a profile that somebody else writes each time just before: it is told, and nobody's
 * namespace is contested. */
static void test_manager_tells_of_a_status_that_never_comes_through(void **state)
{
    struct bench *b = *state;

    begin(b);
    b->script.writes_status = true;
    b->holds_writes = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned turn = 0; fake_find(&b->net, "/restricted/status") == FAKE_LAST; turn++) {
            assert_true(turn < 2000);
            run(b, 10);
        }
        refuse(b, "/restricted/status", 409, "Conflict", "the object has been modified");
        (void)step(b);
    }
    run(b, 0);
    assert_int_equal(events(b, "WriteFailed"), 1);
    assert_int_equal(events(b, "Contested"), 0);
    b->holds_writes = false;
    run(b, MINUTE_MS);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "restricted")->status, "{\"compliant\":1}");
}

/* A full transport and a spent budget both end a deletion; only one of them stops it. */
static void test_manager_tries_a_deletion_again_that_the_transport_had_no_room_for(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_NETWORK_POLICY, "shop", POLICY);
    begin(b);
    b->script.removes = true;
    b->net.start_fails = ERR_LIMIT;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
    assert_true(stands(b, "shop"));
    b->net.start_fails = ERR_NONE;
    run(b, MINUTE_MS);
    assert_false(stands(b, "shop"));
    assert_int_equal(events(b, "DeleteBudget"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manager_that_was_never_made_is_freed),
        MANAGER_TEST(test_manager_is_not_stopped_before_it_is_told_to_nor_while_a_watch_ends),
        MANAGER_TEST(test_manager_says_that_its_first_pass_is_about_to_begin),
        MANAGER_TEST(test_manager_marks_no_name_that_nothing_can_have),
        MANAGER_TEST(test_manager_looks_at_once_at_a_profile_that_was_made_anew),
        MANAGER_TEST(test_manager_leaves_a_profile_that_is_gone_alone_once_nobody_marks_it),
        MANAGER_TEST(test_manager_does_not_carry_out_a_plan_that_is_broken),
        MANAGER_TEST(test_manager_writes_a_finalizer_at_once_and_the_status_after_it),
        MANAGER_TEST(test_manager_forgets_nothing_of_a_namespace_whose_policy_was_replaced),
        MANAGER_TEST(test_manager_names_the_right_that_a_deletion_needs),
        MANAGER_TEST(test_manager_tells_of_a_write_that_fails_for_no_profile),
        MANAGER_TEST(test_manager_tries_again_what_the_transport_had_no_room_for),
        MANAGER_TEST(test_manager_goes_on_when_the_profile_of_stopped_deletions_is_gone),
        MANAGER_TEST(test_manager_marks_the_profile_of_a_finding_beside_the_one_that_decides),
        cmocka_unit_test(test_manager_announces_a_finding_about_whatever_has_a_name),
        MANAGER_TEST(test_manager_tells_of_a_status_that_never_comes_through),
        MANAGER_TEST(test_manager_tries_a_deletion_again_that_the_transport_had_no_room_for),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
