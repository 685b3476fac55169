/* Reading one's own writes: answers that are ahead of the watch, level with it and behind it. */
#include "sync_store.h"

#include "rampart/json/decode.h"

static int setup(void **state)
{
    static struct store_trace trace;

    trace_init(&trace, KIND_NETWORK_POLICY, 100);
    store_begin_sync(trace.store);
    observe(trace.store, "a", "x", 10);
    store_end_sync(trace.store, "20"); /* the watch has told everything up to 20 */
    told(&trace, "+a/x@10 ");
    *state = &trace;
    return 0;
}

static int teardown(void **state)
{
    trace_done(*state);
    return 0;
}

static void test_answer_is_seen_at_once(void **state)
{
    struct store_trace *t = *state;

    answer(t->store, "a", "x", NULL, 21);
    answer(t->store, "a", "new", NULL, 22);
    told(t, "~a/x@10>21 +a/new@22 ");
}

static void test_late_event_does_not_undo_an_answer(void **state)
{
    struct store_trace *t = *state;

    answer(t->store, "a", "x", NULL, 25);
    observe(t->store, "a", "x", 23); /* somebody's write before ours, told after it */
    told(t, "~a/x@10>25 ");
    observe(t->store, "a", "x", 25); /* our own */
    told(t, "");
    observe(t->store, "a", "x", 26); /* somebody's after it */
    told(t, "~a/x@25>26 ");
}

static void test_late_event_of_the_predecessor_does_not_undo_a_creation(void **state)
{
    struct store_trace *t = *state;
    struct err err = {0};
    json_t *predecessor = policy("a", "x", "old", 21);

    answer(t->store, "a", "x", "new", 25);
    assert_int_equal(store_observe(t->store, predecessor, &err), 0);
    json_decref(predecessor);
    observe_deleted(t->store, "a", "x", "old", 22);
    told(t, "~a/x@10>25 ");
    assert_string_equal(store_get(t->store, "a", "x")->uid, "new");
}

static void test_answer_that_the_watch_has_overtaken_is_dropped(void **state)
{
    struct store_trace *t = *state;

    observe(t->store, "a", "made", 31);
    observe_deleted(t->store, "a", "made", NULL, 32);
    told(t, "+a/made@31 -a/made@31 ");
    answer(t->store, "a", "made", NULL, 31); /* of the creation, on a slow stream */
    told(t, "");
    assert_null(store_get(t->store, "a", "made"));
    observe(t->store, "a", "x", 40);
    answer(t->store, "a", "x", NULL, 35);
    told(t, "~a/x@10>40 ");
}

static void test_answer_older_than_another_answer_is_dropped(void **state)
{
    struct store_trace *t = *state;

    answer(t->store, "a", "x", NULL, 26);
    answer(t->store, "a", "x", NULL, 25);
    answer(t->store, "a", "x", NULL, 26);
    told(t, "~a/x@10>26 ");
}

static void test_answer_newer_than_the_list_survives_the_sweep(void **state)
{
    struct store_trace *t = *state;

    answer(t->store, "a", "before", NULL, 31);
    store_begin_sync(t->store);
    observe(t->store, "a", "x", 10);
    answer(t->store, "a", "during", NULL, 32);
    store_end_sync(t->store, "30"); /* the list was made before both */
    holds(t->store, NULL, "a/before@31 a/during@32 a/x@10 ");
    observe(t->store, "a", "before", 31);
    observe(t->store, "a", "during", 32);
    holds(t->store, NULL, "a/before@31 a/during@32 a/x@10 ");
}

static void test_answer_that_the_list_should_have_shown_is_swept(void **state)
{
    struct store_trace *t = *state;

    answer(t->store, "a", "deleted since", NULL, 31);
    store_begin_sync(t->store);
    observe(t->store, "a", "x", 10);
    answer(t->store, "a", "deleted too", NULL, 32);
    store_end_sync(t->store, "33");
    holds(t->store, NULL, "a/x@10 ");
}

static void test_answer_that_the_watch_has_confirmed_is_swept_like_any_other(void **state)
{
    struct store_trace *t = *state;

    answer(t->store, "a", "made", NULL, 31);
    observe(t->store, "a", "made", 31);
    store_begin_sync(t->store);
    observe(t->store, "a", "x", 10);
    store_end_sync(t->store, "25"); /* also when the list is older: the server went back */
    holds(t->store, NULL, "a/x@10 ");
}

static void test_answer_does_not_hide_from_the_sweep_what_the_list_saw(void **state)
{
    struct store_trace *t = *state;

    store_begin_sync(t->store);
    observe(t->store, "a", "x", 10);
    answer(t->store, "a", "x", NULL, 22);
    store_end_sync(t->store, "30");
    holds(t->store, NULL, "a/x@22 ");
}

static void test_answer_during_a_sync_is_not_judged_by_what_the_sync_has_seen(void **state)
{
    struct store_trace *t = *state;

    store_begin_sync(t->store);
    observe(t->store, "a", "new", 70); /* initial events come in no order */
    answer(t->store, "a", "x", NULL, 65);
    told(t, "+a/new@70 ~a/x@10>65 ");
}

static void test_server_that_went_back_in_time_is_believed(void **state)
{
    struct store_trace *t = *state;

    store_begin_sync(t->store); /* etcd was restored from a backup */
    observe(t->store, "a", "x", 7);
    store_end_sync(t->store, "8");
    told(t, "~a/x@10>7 ");
    observe(t->store, "a", "x", 9);
    told(t, "~a/x@7>9 ");
}

static void test_answers_without_comparable_versions_fall_back_to_equality(void **state)
{
    static const char *const rvs[] = {"opaque-b", "opaque-a", "opaque-a"};
    struct store_trace *t = *state;
    struct err err = {0};

    for (size_t i = 0; i < COUNT_OF(rvs); i++) {
        json_t *root = policy("a", "x", NULL, 1);
        char *text;

        json_object_set_new(json_object_get(root, "metadata"), "resourceVersion",
                            json_string(rvs[i]));
        text = json_dumps(root, 0);
        assert_int_equal(store_put(t->store, text, strlen(text), &err), 0);
        mem_free(text);
        json_decref(root);
    }
    told(t, "~a/x@10>opaque-b ~a/x@opaque-b>opaque-a ");
    observe(t->store, "a", "x", 3);
    told(t, "~a/x@opaque-a>3 ");
}

static void test_answer_that_is_no_object_changes_nothing(void **state)
{
    static const char *const bodies[] = {"", "{", "<html>", "[]", "{}", "{\"kind\":\"Status\"}"};
    struct store_trace *t = *state;

    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct err err = {0};

        assert_int_equal(store_put(t->store, bodies[i], strlen(bodies[i]), &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
    }
    told(t, "");
    store_begin_sync(t->store);
    store_end_sync(t->store, "50"); /* a bad answer does not stop the sweep */
    told(t, "-a/x@10 ");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* What was ours stays ours for as long as its uid lives, and no longer. */
static void test_store_takes_what_stands_in_the_place_of_ours_for_somebody_elses(void **state)
{
    struct store_trace t;
    struct err err = {0};
    json_t *ours = policy("a", "rampart-x", "u-1", 1), *bare = policy("a", "rampart-x", "u-1", 2);
    json_t *other = policy("a", "rampart-x", "u-2", 3);

    (void)state;
    trace_init(&t, KIND_NETWORK_POLICY, 10);
    json_object_set_new(json_object_get(ours, "metadata"), "labels",
                        json_pack("{s:s}", "app.kubernetes.io/managed-by", "rampart"));
    assert_int_equal(store_observe(t.store, ours, &err), 0);
    assert_true(store_get(t.store, "a", "rampart-x")->is_ours);
    assert_int_equal(store_observe(t.store, bare, &err), 0); /* a tenant strips the label */
    assert_true(store_get(t.store, "a", "rampart-x")->is_ours);
    assert_int_equal(store_observe(t.store, other, &err), 0);
    assert_false(store_get(t.store, "a", "rampart-x")->is_ours);
    json_decref(ours);
    json_decref(bare);
    json_decref(other);
    trace_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answer_is_seen_at_once),
        TEST(test_late_event_does_not_undo_an_answer),
        TEST(test_late_event_of_the_predecessor_does_not_undo_a_creation),
        TEST(test_answer_that_the_watch_has_overtaken_is_dropped),
        TEST(test_answer_older_than_another_answer_is_dropped),
        TEST(test_answer_newer_than_the_list_survives_the_sweep),
        TEST(test_answer_that_the_list_should_have_shown_is_swept),
        TEST(test_answer_that_the_watch_has_confirmed_is_swept_like_any_other),
        TEST(test_answer_does_not_hide_from_the_sweep_what_the_list_saw),
        TEST(test_server_that_went_back_in_time_is_believed),
        TEST(test_answers_without_comparable_versions_fall_back_to_equality),
        TEST(test_answer_that_is_no_object_changes_nothing),
        TEST(test_answer_during_a_sync_is_not_judged_by_what_the_sync_has_seen),
        cmocka_unit_test(test_store_takes_what_stands_in_the_place_of_ours_for_somebody_elses),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
