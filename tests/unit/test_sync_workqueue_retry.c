/*
 * The claims of client-go's default_rate_limiters_test.go; ceilings, memory, and a comparison with
 * a model.
 */
#include "sync_queue.h"

#include <stdio.h>
#include <string.h>

#include "rampart/base/rng.h"
#include "support/api_text.h"
#include "support/sweep.h"

static void test_failed_key_backs_off_from_5_ms_by_doubling_until_forgotten(void **state)
{
    static const uint64_t delays[] = {5, 10, 20, 40, 80};
    struct workqueue *q = queue(10);
    uint64_t now_ms = 1000000;

    (void)state;
    add(q, "a");
    for (unsigned i = 0; i < COUNT_OF(delays); i++) {
        takes(q, now_ms, "a");
        assert_int_equal(workqueue_failures(q, "a"), i);
        add_failed(q, "a", now_ms);
        workqueue_done(q, "a");
        assert_int_equal(workqueue_deadline(q, now_ms), now_ms + delays[i]);
        now_ms += delays[i];
    }
    takes(q, now_ms, "a");
    workqueue_forget(q, "a");
    assert_int_equal(workqueue_failures(q, "a"), 0);
    add_failed(q, "a", now_ms);
    workqueue_done(q, "a");
    assert_int_equal(workqueue_deadline(q, now_ms), now_ms + 5);
    workqueue_free(q);
}

static void test_failed_key_waits_1000_s_at_most(void **state)
{
    struct workqueue *q = queue(10);
    uint64_t now_ms = 0;

    (void)state;
    add(q, "a");
    for (unsigned i = 0; i < 40; i++) {
        takes(q, now_ms, "a");
        add_failed(q, "a", now_ms);
        workqueue_done(q, "a");
        assert_true(workqueue_deadline(q, now_ms) - now_ms <= 1000000);
        now_ms = workqueue_deadline(q, now_ms);
    }
    assert_int_equal(workqueue_failures(q, "a"), 40);
    workqueue_free(q);
}

static void test_failed_key_waits_what_the_server_asks_for(void **state)
{
    struct workqueue *q = queue(10);
    struct err err = {0};

    (void)state;
    assert_int_equal(workqueue_add_failed(q, "a", 100, 32000, &err), 0);
    assert_int_equal(workqueue_deadline(q, 100), 32100);
    workqueue_free(q);
}

static void test_failed_keys_come_back_100_at_once_then_10_a_second(void **state)
{
    struct workqueue *q = queue(1000);
    uint64_t now_ms = 5000;
    unsigned back = 0;

    (void)state;
    for (unsigned i = 0; i < 150; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "key-%u", i);
        add_failed(q, key, now_ms);
    }
    while (workqueue_take(q, now_ms + 5))
        back++;
    assert_int_equal(back, WORKQUEUE_BUCKET_BURST);
    for (unsigned i = 1; i <= 50; i++) {
        assert_int_equal(workqueue_deadline(q, now_ms + 5), now_ms + i * 100);
        assert_null(workqueue_take(q, now_ms + i * 100 - 1));
        assert_non_null(workqueue_take(q, now_ms + i * 100));
    }
    workqueue_free(q);
}

static void test_failed_keys_find_the_bucket_full_again_after_a_quiet_time(void **state)
{
    struct workqueue *q = queue(1000);
    unsigned back = 0;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        uint64_t now_ms = round * 10000; /* 100 tokens later */

        for (unsigned i = 0; i < 100; i++) {
            char key[16];

            (void)snprintf(key, sizeof(key), "%u-%u", round, i);
            add_failed(q, key, now_ms);
        }
        while (workqueue_take(q, now_ms + 5))
            back++;
    }
    assert_int_equal(back, 200);
    workqueue_free(q);
}

static void test_bucket_is_for_retries_only(void **state)
{
    struct workqueue *q = queue(1000);

    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "key-%u", i);
        add(q, key);
        assert_non_null(workqueue_take(q, 0));
        workqueue_done(q, key);
    }
    add_failed(q, "first to fail", 0);
    assert_int_equal(workqueue_deadline(q, 0), 5);
    workqueue_free(q);
}

static void test_failed_keys_that_are_woken_are_ready_at_once_and_keep_their_count(void **state)
{
    struct workqueue *q = queue(WORKQUEUE_KEYS_MAX);
    size_t ready = 0;

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        add_failed(q, api_text("k%u", i), 0);
    add_at(q, "later", 1000);
    workqueue_wake(q, 0);
    while (workqueue_take(q, 0))
        ready++;
    assert_int_equal(ready, 300);
    assert_int_equal(workqueue_failures(q, "k299"), 1);
    assert_int_equal(workqueue_deadline(q, 0), 1000); /* what waits for its time does so */
    workqueue_done(q, "k0");
    add_failed(q, "k0", 0); /* the bucket is full again */
    assert_int_equal(workqueue_deadline(q, 0), 10);
    workqueue_free(q);
}

static void test_woken_queue_keeps_the_times_that_the_server_asked_for(void **state)
{
    struct workqueue *q = queue(10);
    struct err err;

    (void)state;
    assert_int_equal(workqueue_add_failed(q, "told", 0, 16000, &err), 0);
    add_failed(q, "untold", 0);
    workqueue_wake(q, 1);
    takes(q, 1, "untold");
    assert_null(workqueue_take(q, 1));
    assert_int_equal(workqueue_deadline(q, 1), 16000);
    workqueue_done(q, "untold");
    workqueue_free(q);
}

static void test_failed_key_that_is_added_runs_at_once_and_keeps_its_count(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        add_failed(q, "a", 0);
    add(q, "a");
    takes(q, 0, "a");
    assert_int_equal(workqueue_failures(q, "a"), 3);
    workqueue_done(q, "a");
    workqueue_free(q);
}

/* ---- ceilings and memory ---- */

static void test_queue_refuses_a_key_over_its_ceiling_and_serves_the_others(void **state)
{
    struct workqueue *q = queue(2);
    struct err err = {0};

    (void)state;
    add(q, "a");
    add_at(q, "b", 50);
    assert_int_equal(workqueue_add(q, "c", &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(workqueue_add_at(q, "c", 1, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(workqueue_add_failed(q, "c", 1, 0, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    add(q, "a");
    add(q, "b");
    add_failed(q, "a", 0);
    takes_and_is_done(q, 0, "a");
    takes_and_is_done(q, 0, "b");
    assert_int_equal(workqueue_failures(q, "c"), 0);
    workqueue_free(q);
}

static void test_queue_holds_as_many_keys_as_it_promises(void **state)
{
    struct workqueue *q = queue(WORKQUEUE_KEYS_MAX);
    struct err err = {0};
    char key[16];

    (void)state;
    for (unsigned i = 0; i < WORKQUEUE_KEYS_MAX; i++) {
        (void)snprintf(key, sizeof(key), "%u", i);
        if (i % 2)
            add(q, key);
        else
            add_at(q, key, 100 + i);
    }
    assert_int_equal(workqueue_add(q, "one more", &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    for (unsigned i = 0; i < WORKQUEUE_KEYS_MAX; i++) {
        const char *taken = workqueue_take(q, 1000000);

        assert_non_null(taken);
        workqueue_done(q, taken);
    }
    assert_int_equal(workqueue_keys(q), 0);
    workqueue_free(q);
}

static void test_queue_refuses_a_key_that_is_too_long(void **state)
{
    char key[WORKQUEUE_KEY_LEN_MAX + 2];
    struct workqueue *q = queue(2);
    struct err err = {0};

    (void)state;
    memset(key, 'k', sizeof(key));
    key[WORKQUEUE_KEY_LEN_MAX + 1] = '\0';
    assert_int_equal(workqueue_add(q, key, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    key[WORKQUEUE_KEY_LEN_MAX] = '\0';
    add(q, key);
    takes_and_is_done(q, 0, key);
    workqueue_free(q);
}

static int some_work(void *ctx, struct err *err)
{
    struct workqueue *q = workqueue_new(100, err);
    int r = -1;

    (void)ctx;
    if (!q)
        return -1;
    if (workqueue_add(q, "a", err) < 0 || workqueue_add_at(q, "b", 10, err) < 0 ||
        workqueue_add_failed(q, "c", 0, 0, err) < 0)
        goto out;
    takes_and_is_done(q, 0, "a");
    r = 0;
out:
    workqueue_free(q);
    return r;
}

static void test_queue_survives_every_failed_allocation(void **state)
{
    (void)state;
    assert_true(sweep(some_work, NULL) >= 6);
}

/* A key whose addition failed is not known, and no token of the bucket is gone. */
static void test_queue_that_cannot_allocate_is_as_before(void **state)
{
    struct workqueue *q = queue(100);
    struct err err = {0};

    (void)state;
    for (unsigned nth = 0; nth < 3; nth++) { /* the item, its place in the map and in the heap */
        mem_fail_nth(nth);
        assert_int_equal(workqueue_add_failed(q, "a", 0, 0, &err), -1);
        assert_true(mem_fail_disarm());
        assert_int_equal(err.code, ERR_NOMEM);
        assert_int_equal(workqueue_keys(q), 0);
        assert_int_equal(workqueue_failures(q, "a"), 0);
    }
    workqueue_free(q);
}

/* ---- against a model: a flag and a due time per key ---- */

#define MODEL_KEYS 8

struct model_key {
    bool is_ready;
    bool is_processing;
    bool is_dirty;
    uint64_t due_ms; /* 0: none */
};

static void model_add(struct model_key *k)
{
    if (k->is_processing)
        k->is_dirty = true;
    else
        k->is_ready = true;
}

static void model_collect(struct model_key *keys, uint64_t now_ms)
{
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        if (keys[i].due_ms != 0 && keys[i].due_ms <= now_ms) {
            keys[i].due_ms = 0;
            model_add(&keys[i]);
        }
    }
}

static void model_take(struct workqueue *q, struct model_key *keys, uint64_t now_ms)
{
    const char *taken;
    unsigned ready = 0;

    model_collect(keys, now_ms);
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        ready += keys[i].is_ready;
    taken = workqueue_take(q, now_ms);
    if (!taken) {
        assert_int_equal(ready, 0);
        return;
    }
    assert_true(keys[taken[0] - 'a'].is_ready);
    assert_false(keys[taken[0] - 'a'].is_processing);
    keys[taken[0] - 'a'].is_ready = false;
    keys[taken[0] - 'a'].is_processing = true;
    assert_int_equal(workqueue_ready(q), ready - 1);
}

static void model_done(struct workqueue *q, struct model_key *k, const char *key)
{
    workqueue_done(q, key);
    if (!k->is_processing)
        return;
    k->is_processing = false;
    k->is_ready = k->is_dirty;
    k->is_dirty = false;
}

static void model_step(struct workqueue *q, struct model_key *keys, struct rng *rng,
                       uint64_t now_ms)
{
    unsigned i = (unsigned)rng_below(rng, MODEL_KEYS);
    const char key[2] = {(char)('a' + (char)i), '\0'};
    uint64_t due_ms;

    switch (rng_below(rng, 4)) {
    case 0:
        add(q, key);
        model_add(&keys[i]);
        break;
    case 1:
        due_ms = now_ms + 1 + rng_below(rng, 50);
        add_at(q, key, due_ms);
        if (keys[i].due_ms == 0 || due_ms < keys[i].due_ms)
            keys[i].due_ms = due_ms;
        break;
    case 2:
        model_take(q, keys, now_ms);
        break;
    default:
        model_done(q, &keys[i], key);
        break;
    }
}

static void test_queue_agrees_with_a_model_over_random_operations(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct model_key keys[MODEL_KEYS] = {{0}};
        struct workqueue *q = queue(MODEL_KEYS);
        struct rng rng;
        uint64_t now_ms = 1;
        size_t known = 0;

        rng_init(&rng, seed);
        for (unsigned step = 0; step < 2000; step++) {
            now_ms += rng_below(&rng, 10);
            model_step(q, keys, &rng, now_ms);
        }
        for (unsigned i = 0; i < MODEL_KEYS; i++)
            known += keys[i].is_ready || keys[i].is_processing || keys[i].due_ms != 0;
        assert_int_equal(workqueue_keys(q), known);
        workqueue_free(q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failed_key_backs_off_from_5_ms_by_doubling_until_forgotten),
        cmocka_unit_test(test_failed_key_waits_1000_s_at_most),
        cmocka_unit_test(test_failed_key_waits_what_the_server_asks_for),
        cmocka_unit_test(test_failed_keys_come_back_100_at_once_then_10_a_second),
        cmocka_unit_test(test_failed_keys_find_the_bucket_full_again_after_a_quiet_time),
        cmocka_unit_test(test_bucket_is_for_retries_only),
        cmocka_unit_test(test_failed_keys_that_are_woken_are_ready_at_once_and_keep_their_count),
        cmocka_unit_test(test_woken_queue_keeps_the_times_that_the_server_asked_for),
        cmocka_unit_test(test_failed_key_that_is_added_runs_at_once_and_keeps_its_count),
        cmocka_unit_test(test_queue_refuses_a_key_over_its_ceiling_and_serves_the_others),
        cmocka_unit_test(test_queue_holds_as_many_keys_as_it_promises),
        cmocka_unit_test(test_queue_refuses_a_key_that_is_too_long),
        cmocka_unit_test(test_queue_survives_every_failed_allocation),
        cmocka_unit_test(test_queue_that_cannot_allocate_is_as_before),
        cmocka_unit_test(test_queue_agrees_with_a_model_over_random_operations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
