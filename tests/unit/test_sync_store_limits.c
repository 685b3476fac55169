/* Ceilings, memory and failed allocations; and a comparison with a model over random operations. */
#include "sync_store.h"

#include <malloc.h>
#include <stdlib.h>

#include "kube_fixture.h"
#include "rampart/base/rng.h"
#include "support/sweep.h"
#include "support/text.h"

static void test_store_over_its_ceiling_refuses_new_objects_and_updates_the_old(void **state)
{
    struct store_trace t;
    struct err err = {0};
    json_t *third = policy("b", "z", NULL, 3);

    (void)state;
    trace_init(&t, KIND_NETWORK_POLICY, 2);
    observe(t.store, "a", "x", 1);
    observe(t.store, "a", "y", 2);
    assert_int_equal(store_observe(t.store, third, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.msg, "NetworkPolicy b/z: more than 2 objects");
    observe(t.store, "a", "x", 4);
    told(&t, "+a/x@1 +a/y@2 ~a/x@1>4 ");
    observe_deleted(t.store, "a", "y", NULL, 5);
    assert_int_equal(store_observe(t.store, third, &err), 0);
    holds(t.store, NULL, "a/x@4 b/z@3 ");
    json_decref(third);
    trace_done(&t);
}

static void add_long_text(json_t *obj, const char *name, size_t len)
{
    char *text = calloc(1, len + 1);

    assert_non_null(text);
    memset(text, 'x', len);
    json_object_set_new(obj, name, json_string(text));
    free(text);
}

/* One huge object must not make the cache start over and over: it is skipped like one that does not
 * decode. */
static void test_store_skips_an_object_over_the_ceiling_of_bytes(void **state)
{
    struct store_trace t;
    struct err err = {0};
    json_t *root = json_of("{'metadata':{'name':'huge','uid':'u','resourceVersion':'2'},"
                           "'spec':{},'status':{}}");

    (void)state;
    add_long_text(json_object_get(root, "status"), "note", STORE_OBJECT_LEN_MAX);
    trace_init(&t, KIND_PROFILE, 10);
    assert_int_equal(store_observe(t.store, root, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_contains(err.msg, "SecurityProfile huge: takes ");
    assert_int_equal(store_count(t.store), 0);
    json_decref(root);
    trace_done(&t);
}

/* A tenant who blows a policy of ours up must not freeze what is known of it. */
static void test_store_takes_a_policy_of_ours_however_large_and_keeps_little_of_it(void **state)
{
    struct store_trace t;
    struct err err = {0};
    json_t *root = policy("a", "rampart-huge", NULL, 2);
    json_t *labels = json_object();
    const struct netpol_facts *np;

    (void)state;
    observe((trace_init(&t, KIND_NETWORK_POLICY, 10), t.store), "a", "rampart-huge", 1);
    json_object_set_new(labels, LABEL_MANAGED_BY, json_string(FIELD_MANAGER));
    for (int i = 0; i < 1000; i++) {
        char key[400];

        (void)snprintf(key, sizeof(key), "argocd.argoproj.io/%0290d", i);
        json_object_set_new(labels, key, json_string(""));
    }
    json_object_set_new(json_object_get(root, "metadata"), "labels", labels);
    add_long_text(json_object_get(root, "spec"), "note", STORE_OBJECT_LEN_MAX);
    assert_int_equal(store_observe(t.store, root, &err), 0);
    holds(t.store, NULL, "a/rampart-huge@2 ");
    np = OBJECT_AS(netpol_facts, store_get(t.store, "a", "rampart-huge"));
    assert_true(np->object.is_ours);
    assert_null(np->spec);
    assert_int_equal(np->foreign_labels_count, NETPOL_FOREIGN_LABELS_MAX);
    assert_true(store_bytes(t.store) < STORE_NETPOL_LEN_MAX);
    add_long_text(json_object_get(root, "spec"), "note", NETPOL_SPEC_LEN_MAX - 100);
    json_object_set_new(json_object_get(root, "metadata"), "resourceVersion", json_string("3"));
    assert_int_equal(store_observe(t.store, root, &err), 0);
    np = OBJECT_AS(netpol_facts, store_get(t.store, "a", "rampart-huge"));
    assert_non_null(np->spec);
    json_decref(root);
    trace_done(&t);
}

static void observe_copy(struct store *s, json_t *root, const char *ns, const char *name,
                         unsigned rv)
{
    struct err err = {0};
    json_t *meta = json_object_get(root, "metadata");
    char text[64];

    (void)snprintf(text, sizeof(text), "%u", rv);
    json_object_set_new(meta, "resourceVersion", json_string(text));
    (void)snprintf(text, sizeof(text), "%08u-334d-4c63-8a49-5e27d6c10021", rv);
    json_object_set_new(meta, "uid", json_string(text));
    json_object_set_new(meta, "namespace", json_string(ns));
    json_object_set_new(meta, "name", json_string(name));
    if (store_observe(s, root, &err) < 0)
        fail_msg("%s", err.msg);
}

/* What the README says of memory leans on this: 1,000 namespaces with 6 policies of ours each. */
static void test_store_of_6000_policies_takes_less_than_3_MB_of_heap(void **state)
{
    struct err err = {0};
    struct store *s = store_new(KIND_NETWORK_POLICY, STORE_OBJECTS_MAX, NULL, NULL, &err);
    json_t *root = fixture_json("netpol_ours.json");
    size_t before = mallinfo2().uordblks, grown;

    (void)state;
    store_begin_sync(s);
    for (unsigned i = 0; i < 6000; i++) {
        char ns[32], name[32];

        (void)snprintf(ns, sizeof(ns), "namespace-%04u", i / 6);
        (void)snprintf(name, sizeof(name), "rampart-policy-%u", i % 6);
        observe_copy(s, root, ns, name, 100000 + i);
    }
    store_end_sync(s, "200000");
    grown = mallinfo2().uordblks - before;
    print_message("%zu bytes an object in blocks and index, %zu of heap\n", store_bytes(s) / 6000,
                  grown / 6000);
    assert_int_equal(store_count(s), 6000);
    assert_true(store_bytes(s) < 3000000);
    assert_true(grown < 3000000);
    json_decref(root);
    store_free(s);
}

/* ---- failed allocations ---- */

static int observe_twice(void *ctx, struct err *err)
{
    struct store *s = store_new(KIND_NETWORK_POLICY, 10, NULL, NULL, err);
    const json_t *const *roots = ctx;
    int r = -1;

    if (!s)
        return -1;
    store_begin_sync(s);
    if (store_observe(s, roots[0], err) < 0) {
        assert_int_equal(store_count(s), 0);
        goto out;
    }
    if (store_observe(s, roots[1], err) < 0) {
        assert_string_equal(store_get(s, "shop", "rampart-default-deny")->rv, "219");
        goto out;
    }
    store_end_sync(s, "1000");
    r = 0;
out:
    store_free(s);
    return r;
}

static void test_store_survives_every_failed_allocation_with_what_it_had(void **state)
{
    json_t *root = fixture_json("netpol_ours.json");
    json_t *newer = json_deep_copy(root);
    const json_t *roots[] = {root, newer};

    (void)state;
    json_object_set_new(json_object_get(newer, "metadata"), "resourceVersion", json_string("220"));
    assert_true(sweep(observe_twice, roots) > 8);
    json_decref(root);
    json_decref(newer);
}

static int put_answer(void *ctx, struct err *err)
{
    struct store *s = store_new(KIND_NETWORK_POLICY, 10, NULL, NULL, err);
    int r;

    if (!s)
        return -1;
    r = store_put(s, ctx, strlen(ctx), err);
    assert_int_equal(store_count(s), r == 0 ? 1 : 0);
    store_free(s);
    return r;
}

static void test_store_answer_survives_every_failed_allocation(void **state)
{
    size_t len;
    char *text = fixture_text("netpol_ours.json", &len);

    (void)state;
    assert_true(sweep(put_answer, text) > 20);
    free(text);
}

static void test_store_list_without_memory_fails_and_leaves_the_list(void **state)
{
    struct object_list list = {.count = 7};
    struct err err = {0};
    struct store_trace t;
    struct arena arena;

    (void)state;
    trace_init(&t, KIND_NETWORK_POLICY, 10);
    observe(t.store, "a", "x", 1);
    arena_init(&arena, 0);
    assert_int_equal(store_list(t.store, NULL, &arena, &list, &err), -1);
    assert_int_equal(err.code, ERR_NOMEM);
    assert_int_equal(list.count, 7);
    arena_done(&arena);
    trace_done(&t);
}

/* ---- against a model: the server's truth as an array ---- */

#define MODEL_NAMES 12 /* four namespaces, three names */

struct model {
    unsigned rv[MODEL_NAMES];  /* 0: not there */
    unsigned uid[MODEL_NAMES]; /* counts up at each creation */
    unsigned last_rv;
};

static const char *model_ns(unsigned i)
{
    static const char *const names[] = {"a", "b", "c-1", "c"};

    return names[i / 3];
}

static const char *model_name(unsigned i)
{
    static const char *const names[] = {"x", "y", "z"};

    return names[i % 3];
}

static json_t *model_object(const struct model *m, unsigned i)
{
    char uid[16];

    (void)snprintf(uid, sizeof(uid), "%u", m->uid[i]);
    return policy(model_ns(i), model_name(i), uid, m->rv[i]);
}

static void model_change(struct model *m, unsigned i)
{
    if (m->rv[i] == 0)
        m->uid[i]++;
    m->rv[i] = ++m->last_rv;
}

/* One change of the server's, told by the watch, by the answer to a write and the watch, or the
 * other way round. */
static void change(struct store *s, struct model *m, struct rng *rng)
{
    unsigned i = (unsigned)rng_below(rng, MODEL_NAMES);
    bool is_ours = rng_below(rng, 2) == 0, is_late = rng_below(rng, 2) == 0;
    struct err err = {0};
    json_t *root;
    char *text;

    if (m->rv[i] != 0 && rng_below(rng, 3) == 0) {
        root = model_object(m, i);
        (void)json_object_set_new(json_object_get(root, "metadata"), "resourceVersion",
                                  json_sprintf("%u", ++m->last_rv));
        m->rv[i] = 0;
        assert_int_equal(store_observe_deleted(s, root, &err), 0);
        json_decref(root);
        return;
    }
    model_change(m, i);
    root = model_object(m, i);
    text = json_dumps(root, JSON_COMPACT);
    if (is_ours && !is_late)
        assert_int_equal(store_put(s, text, strlen(text), &err), 0);
    assert_int_equal(store_observe(s, root, &err), 0);
    if (is_ours && is_late)
        assert_int_equal(store_put(s, text, strlen(text), &err), 0);
    mem_free(text);
    json_decref(root);
}

/* Changes that nobody told of, and the list that makes up for it. */
static void resync(struct store *s, struct model *m, struct rng *rng)
{
    char rv[16];

    for (unsigned n = 0; n < 4; n++) {
        unsigned i = (unsigned)rng_below(rng, MODEL_NAMES);

        if (rng_below(rng, 2) == 0)
            model_change(m, i);
        else if (m->rv[i] != 0)
            m->rv[i] = (m->last_rv++, 0);
    }
    store_begin_sync(s);
    for (unsigned i = 0; i < MODEL_NAMES; i++) {
        struct err err = {0};
        json_t *root = m->rv[i] != 0 ? model_object(m, i) : NULL;

        if (root)
            assert_int_equal(store_observe(s, root, &err), 0);
        json_decref(root);
    }
    (void)snprintf(rv, sizeof(rv), "%u", m->last_rv);
    store_end_sync(s, rv);
}

static void agree(const struct store *s, const struct model *m)
{
    size_t count = 0;

    for (unsigned i = 0; i < MODEL_NAMES; i++) {
        const struct object *held = store_get(s, model_ns(i), model_name(i));
        char rv[16];

        (void)snprintf(rv, sizeof(rv), "%u", m->rv[i]);
        assert_string_equal(held ? held->rv : "0", rv);
        count += held ? 1 : 0;
    }
    assert_int_equal(store_count(s), count);
}

/* What on_change told, replayed, gives the same count as the store. */
static void count_changes(void *ctx, const struct object *before, const struct object *after)
{
    long *count = ctx;

    *count += (after ? 1 : 0) - (before ? 1 : 0);
}

static void test_store_agrees_with_the_server_after_random_changes_answers_and_syncs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct err err = {0};
        struct model m = {.last_rv = 100};
        long told_count = 0;
        struct store *s =
            store_new(KIND_NETWORK_POLICY, MODEL_NAMES, count_changes, &told_count, &err);
        struct rng rng;

        assert_non_null(s);
        rng_init(&rng, seed);
        for (unsigned step = 0; step < 600; step++) {
            if (rng_below(&rng, 50) == 0)
                resync(s, &m, &rng);
            else
                change(s, &m, &rng);
            agree(s, &m);
            assert_int_equal(told_count, store_count(s));
        }
        store_free(s);
    }
}

static void test_store_gives_back_all_bytes(void **state)
{
    struct store_trace t;
    size_t live = mem_live(), left;

    (void)state;
    trace_init(&t, KIND_NETWORK_POLICY, 1000);
    for (unsigned i = 0; i < 500; i++) {
        char ns[16];

        (void)snprintf(ns, sizeof(ns), "ns-%u", i * 7919 % 500);
        observe(t.store, ns, "x", i + 1);
    }
    store_begin_sync(t.store);
    store_end_sync(t.store, "501");
    assert_int_equal(store_count(t.store), 0);
    left = store_bytes(t.store);
    assert_true(left < 500 * 2 * sizeof(void *));
    observe(t.store, "a", "x", 1);
    observe(t.store, "a", "y", 2);
    observe_deleted(t.store, "a", "x", NULL, 3);
    observe_deleted(t.store, "a", "y", NULL, 4);
    assert_int_equal(store_bytes(t.store), left);
    trace_done(&t);
    assert_int_equal(mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_over_its_ceiling_refuses_new_objects_and_updates_the_old),
        cmocka_unit_test(test_store_skips_an_object_over_the_ceiling_of_bytes),
        cmocka_unit_test(test_store_takes_a_policy_of_ours_however_large_and_keeps_little_of_it),
        cmocka_unit_test(test_store_of_6000_policies_takes_less_than_3_MB_of_heap),
        cmocka_unit_test(test_store_survives_every_failed_allocation_with_what_it_had),
        cmocka_unit_test(test_store_answer_survives_every_failed_allocation),
        cmocka_unit_test(test_store_list_without_memory_fails_and_leaves_the_list),
        cmocka_unit_test(test_store_agrees_with_the_server_after_random_changes_answers_and_syncs),
        cmocka_unit_test(test_store_gives_back_all_bytes),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
