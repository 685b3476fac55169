#include "sync_store.h"

#include <stdlib.h>

#include "kube_fixture.h"

static int setup(void **state)
{
    static struct store_trace trace;

    trace_init(&trace, KIND_NETWORK_POLICY, 100);
    *state = &trace;
    return 0;
}

static int teardown(void **state)
{
    trace_done(*state);
    return 0;
}

/* ---- reading ---- */

static void test_store_finds_by_namespace_and_name(void **state)
{
    struct store_trace *t = *state;

    observe(t->store, "a", "x", 1);
    observe(t->store, "b", "x", 2);
    assert_string_equal(store_get(t->store, "a", "x")->rv, "1");
    assert_string_equal(store_get(t->store, "b", "x")->rv, "2");
    assert_null(store_get(t->store, "a", "y"));
    assert_null(store_get(t->store, "c", "x"));
    assert_null(store_get(t->store, "", "x"));
    assert_int_equal(store_count(t->store), 2);
}

static void test_store_lists_in_order_whatever_the_order_of_arrival(void **state)
{
    struct store_trace *t = *state;

    observe(t->store, "b", "y", 1);
    observe(t->store, "a", "z", 2);
    observe(t->store, "b", "x", 3);
    observe(t->store, "a-1", "q", 4); /* '-' comes before '/' and must not come between a and b */
    observe(t->store, "a", "x", 5);
    holds(t->store, NULL, "a/x@5 a/z@2 a-1/q@4 b/x@3 b/y@1 ");
    holds(t->store, "a", "a/x@5 a/z@2 ");
    holds(t->store, "b", "b/x@3 b/y@1 ");
    holds(t->store, "nowhere", "");
}

static void test_store_of_cluster_scoped_objects_has_one_namespace(void **state)
{
    struct store_trace t;
    struct err err = {0};
    json_t *root = json_of("{'metadata':{'name':'shop','uid':'u','resourceVersion':'7'}}");

    (void)state;
    trace_init(&t, KIND_NAMESPACE, 10);
    assert_int_equal(store_observe(t.store, root, &err), 0);
    json_decref(root);
    assert_non_null(store_get(t.store, "", "shop"));
    holds(t.store, NULL, "/shop@7 ");
    holds(t.store, "", "/shop@7 ");
    trace_done(&t);
}

static void test_store_lookup_allocates_nothing(void **state)
{
    struct store_trace *t = *state;
    uint64_t allocs;

    observe(t->store, "a", "x", 1);
    allocs = mem_allocs();
    assert_non_null(store_get(t->store, "a", "x"));
    assert_null(store_get(t->store, "a", "y"));
    assert_int_equal(mem_allocs(), allocs);
}

/* ---- telling ---- */

static void test_store_tells_of_added_changed_and_gone(void **state)
{
    struct store_trace *t = *state;

    observe(t->store, "a", "x", 1);
    told(t, "+a/x@1 ");
    observe(t->store, "a", "x", 2);
    told(t, "~a/x@1>2 ");
    observe_deleted(t->store, "a", "x", "u-x", 3);
    told(t, "-a/x@2 ");
    assert_int_equal(store_count(t->store), 0);
}

static void test_store_keeps_the_block_of_an_unchanged_version_and_tells_nobody(void **state)
{
    struct store_trace *t = *state;
    const struct object *before;

    observe(t->store, "a", "x", 1);
    before = store_get(t->store, "a", "x");
    told(t, "+a/x@1 ");
    observe(t->store, "a", "x", 1);
    told(t, "");
    assert_ptr_equal(store_get(t->store, "a", "x"), before);
}

static void test_store_takes_the_same_version_of_another_uid_for_another_object(void **state)
{
    struct store_trace *t = *state;
    struct err err = {0};
    json_t *other = policy("a", "x", "another", 1);

    observe(t->store, "a", "x", 1);
    assert_int_equal(store_observe(t->store, other, &err), 0);
    json_decref(other);
    told(t, "+a/x@1 ~a/x@1>1 ");
    assert_string_equal(store_get(t->store, "a", "x")->uid, "another");
}

/* ---- deletions ---- */

static void test_store_deletes_only_the_uid_that_it_holds(void **state)
{
    struct store_trace *t = *state;

    observe(t->store, "a", "x", 5);
    observe_deleted(t->store, "a", "x", "its predecessor", 6);
    assert_non_null(store_get(t->store, "a", "x"));
    observe_deleted(t->store, "a", "unknown", NULL, 7);
    observe_deleted(t->store, "nowhere", "x", NULL, 8);
    assert_int_equal(store_count(t->store), 1);
}

static void test_store_ignores_a_deletion_older_than_what_it_holds(void **state)
{
    struct store_trace *t = *state;

    observe(t->store, "a", "x", 5);
    observe_deleted(t->store, "a", "x", "u-x", 4);
    assert_non_null(store_get(t->store, "a", "x"));
    observe_deleted(t->store, "a", "x", "u-x", 5);
    assert_null(store_get(t->store, "a", "x"));
}

static void test_store_deletes_what_the_server_says_is_gone(void **state)
{
    struct store_trace *t = *state;

    observe(t->store, "a", "x", 1);
    observe(t->store, "a", "y", 2);
    told(t, "+a/x@1 +a/y@2 ");
    store_delete(t->store, "a", "x", "another");
    told(t, "");
    store_delete(t->store, "a", "x", "u-x");
    store_delete(t->store, "a", "y", NULL);
    store_delete(t->store, "a", "y", NULL);
    told(t, "-a/x@1 -a/y@2 ");
}

/* ---- full syncs ---- */

static void test_sync_sweeps_at_its_end_what_it_did_not_see(void **state)
{
    struct store_trace *t = *state;

    observe(t->store, "a", "stays", 1);
    observe(t->store, "a", "goes", 2);
    observe(t->store, "b", "goes", 3);
    told(t, "+a/stays@1 +a/goes@2 +b/goes@3 ");
    store_begin_sync(t->store);
    assert_true(store_is_syncing(t->store));
    observe(t->store, "a", "stays", 1);
    observe(t->store, "c", "new", 9);
    holds(t->store, NULL, "a/goes@2 a/stays@1 b/goes@3 c/new@9 "); /* old and new, never less */
    told(t, "+c/new@9 ");
    store_end_sync(t->store, "9");
    assert_false(store_is_syncing(t->store));
    told(t, "-a/goes@2 -b/goes@3 ");
    holds(t->store, NULL, "a/stays@1 c/new@9 ");
}

static void test_sync_that_sees_nothing_empties_the_store(void **state)
{
    struct store_trace *t = *state;

    observe(t->store, "a", "x", 1);
    store_begin_sync(t->store);
    store_end_sync(t->store, "2");
    assert_int_equal(store_count(t->store), 0);
    store_begin_sync(t->store);
    observe(t->store, "a", "x", 3);
    store_end_sync(t->store, "3");
    assert_int_equal(store_count(t->store), 1);
}

static void test_sync_that_failed_half_way_is_begun_again(void **state)
{
    struct store_trace *t = *state;

    observe(t->store, "a", "seen by the first", 1);
    observe(t->store, "a", "seen by the second", 2);
    store_begin_sync(t->store);
    observe(t->store, "a", "seen by the first", 1);
    store_begin_sync(t->store);
    observe(t->store, "a", "seen by the second", 2);
    store_end_sync(t->store, "3");
    holds(t->store, NULL, "a/seen by the second@2 ");
}

static void test_sync_keeps_the_block_of_what_did_not_change(void **state)
{
    struct store_trace *t = *state;
    const struct object *before;

    observe(t->store, "a", "x", 1);
    before = store_get(t->store, "a", "x");
    store_begin_sync(t->store);
    observe(t->store, "a", "x", 1);
    store_end_sync(t->store, "1");
    assert_ptr_equal(store_get(t->store, "a", "x"), before);
}

static void test_sync_takes_a_deletion_in_its_course(void **state)
{
    struct store_trace *t = *state;

    store_begin_sync(t->store);
    observe(t->store, "a", "x", 1);
    observe_deleted(t->store, "a", "x", "u-x", 2);
    store_end_sync(t->store, "2");
    assert_int_equal(store_count(t->store), 0);
}

/* ---- bytes that are not understood ---- */

static void test_object_that_does_not_decode_keeps_what_was_known_also_over_a_sync(void **state)
{
    struct store_trace *t = *state;
    struct err err = {0};
    json_t *broken = policy("a", "x", NULL, 2);

    json_object_set_new(json_object_get(broken, "metadata"), "deletionTimestamp", json_true());
    observe(t->store, "a", "x", 1);
    observe(t->store, "a", "y", 1);
    store_begin_sync(t->store);
    assert_int_equal(store_observe(t->store, broken, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    json_decref(broken);
    store_end_sync(t->store, "5");
    holds(t->store, NULL, "a/x@1 "); /* y is swept: x was named, so nothing is in doubt */
}

static void test_sync_that_met_a_nameless_object_deletes_nothing(void **state)
{
    static const char *const nameless[] = {
        "{}",
        "[]",
        "7",
        "{'metadata':{}}",
        "{'metadata':{'name':'x','uid':'u','resourceVersion':'1'}}", /* no namespace */
        "{'metadata':{'namespace':'a','uid':'u','resourceVersion':'1'}}",
        "{'metadata':{'name':7,'namespace':'a','resourceVersion':'1'}}",
        "{'metadata':{'name':'x','namespace':'a','uid':'u'}}", /* no version */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(nameless); i++) {
        struct store_trace t;
        struct err err = {0};
        json_t *root = json_of(nameless[i]);

        trace_init(&t, KIND_NETWORK_POLICY, 10);
        observe(t.store, "a", "x", 1);
        store_begin_sync(t.store);
        assert_int_equal(store_observe(t.store, root, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        store_end_sync(t.store, "5");
        assert_int_equal(store_count(t.store), 1);
        store_begin_sync(t.store); /* the next one sees clearly again */
        store_end_sync(t.store, "6");
        assert_int_equal(store_count(t.store), 0);
        json_decref(root);
        trace_done(&t);
    }
}

static void test_deletion_that_does_not_decode_deletes_nothing(void **state)
{
    struct store_trace *t = *state;
    struct err err = {0};
    json_t *root = json_of("{'metadata':{'name':'x','namespace':['a'],'uid':'u-x'}}");

    observe(t->store, "a", "x", 1);
    assert_int_equal(store_observe_deleted(t->store, root, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(store_count(t->store), 1);
    json_decref(root);
}

static void test_store_leaves_out_what_does_not_concern_us(void **state)
{
    struct store_trace t;
    struct err err = {0};
    json_t *with = fixture_json("crd_webhook.json");
    json_t *without = json_deep_copy(with);

    (void)state;
    trace_init(&t, KIND_CRD, 10);
    json_object_del(json_object_get(without, "spec"), "conversion");
    json_object_set_new(json_object_get(without, "metadata"), "resourceVersion", json_string("99"));
    assert_int_equal(store_observe(t.store, with, &err), 0);
    assert_int_equal(store_count(t.store), 1);
    assert_int_equal(store_observe(t.store, without, &err), 0); /* a conversion was taken away */
    assert_int_equal(store_count(t.store), 0);
    assert_int_equal(store_observe(t.store, without, &err), 0);
    assert_int_equal(store_count(t.store), 0);
    json_decref(with);
    json_decref(without);
    trace_done(&t);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_finds_by_namespace_and_name),
        TEST(test_store_lists_in_order_whatever_the_order_of_arrival),
        cmocka_unit_test(test_store_of_cluster_scoped_objects_has_one_namespace),
        TEST(test_store_lookup_allocates_nothing),
        TEST(test_store_tells_of_added_changed_and_gone),
        TEST(test_store_keeps_the_block_of_an_unchanged_version_and_tells_nobody),
        TEST(test_store_takes_the_same_version_of_another_uid_for_another_object),
        TEST(test_store_deletes_only_the_uid_that_it_holds),
        TEST(test_store_ignores_a_deletion_older_than_what_it_holds),
        TEST(test_store_deletes_what_the_server_says_is_gone),
        TEST(test_sync_sweeps_at_its_end_what_it_did_not_see),
        TEST(test_sync_that_sees_nothing_empties_the_store),
        TEST(test_sync_that_failed_half_way_is_begun_again),
        TEST(test_sync_keeps_the_block_of_what_did_not_change),
        TEST(test_sync_takes_a_deletion_in_its_course),
        TEST(test_object_that_does_not_decode_keeps_what_was_known_also_over_a_sync),
        cmocka_unit_test(test_sync_that_met_a_nameless_object_deletes_nothing),
        cmocka_unit_test(test_store_leaves_out_what_does_not_concern_us),
        TEST(test_deletion_that_does_not_decode_deletes_nothing),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
