#include <stdio.h>
#include <string.h>

#include "rampart/base/map.h"
#include "support/sweep.h"
#include "support/unit.h"

static int values[5000];

static const char *key_of(int i)
{
    static char key[32];

    (void)snprintf(key, sizeof(key), "key-%d", i);
    return key;
}

static void put(struct map *m, const char *key, int value)
{
    assert_int_equal(map_put(m, key, &values[value], NULL, NULL), 0);
}

static void test_get_finds_what_was_put(void **state)
{
    struct map m;

    (void)state;
    map_init(&m, COUNT_OF(values));
    for (int i = 0; i < (int)COUNT_OF(values); i++)
        put(&m, key_of(i), i);
    assert_int_equal(map_count(&m), COUNT_OF(values));
    for (int i = 0; i < (int)COUNT_OF(values); i++)
        assert_ptr_equal(map_get(&m, key_of(i)), &values[i]);
    assert_null(map_get(&m, "key-5000"));
    assert_null(map_get(&m, ""));
    map_done(&m);
    assert_int_equal(mem_live(), 0);
}

static void test_keys_of_every_length_are_told_apart(void **state)
{
    char key[70] = "";
    struct map m;

    (void)state;
    map_init(&m, 100);
    for (int len = 0; len < 64; len++) {
        memset(key, 'a', (size_t)len);
        put(&m, key, len);
    }
    assert_int_equal(map_count(&m), 64);
    memset(key, 0, sizeof(key));
    for (int len = 0; len < 64; len++) {
        memset(key, 'a', (size_t)len);
        assert_ptr_equal(map_get(&m, key), &values[len]);
    }
    map_done(&m);
}

static void test_the_map_has_its_own_copy_of_the_key(void **state)
{
    char key[] = "abc";
    struct map m;

    (void)state;
    map_init(&m, 1);
    put(&m, key, 1);
    key[0] = 'x';
    assert_non_null(map_get(&m, "abc"));
    assert_null(map_get(&m, key));
    assert_ptr_not_equal(map_key(&m, "abc"), key);
    assert_string_equal(map_key(&m, "abc"), "abc");
    assert_null(map_key(&m, key));
    map_done(&m);
}

static void test_put_replaces_and_says_what_was_there(void **state)
{
    struct map m;
    void *old = &m;

    (void)state;
    map_init(&m, 1);
    assert_int_equal(map_put(&m, "a", &values[1], &old, NULL), 0);
    assert_null(old);
    assert_int_equal(map_put(&m, "a", &values[2], &old, NULL), 0);
    assert_ptr_equal(old, &values[1]);
    assert_ptr_equal(map_get(&m, "a"), &values[2]);
    assert_int_equal(map_count(&m), 1);
    map_done(&m);
}

static void test_a_value_may_be_null(void **state)
{
    struct map m;

    (void)state;
    map_init(&m, 1);
    assert_int_equal(map_put(&m, "a", NULL, NULL, NULL), 0);
    assert_null(map_get(&m, "a"));
    assert_int_equal(map_count(&m), 1);
    assert_null(map_entry_value(map_first(&m)));
    map_done(&m);
}

static void test_the_ceiling_is_reached_and_not_passed(void **state)
{
    struct err err = {0};
    void *old = &values[4];
    struct map m;

    (void)state;
    map_init(&m, 2);
    put(&m, "a", 1);
    put(&m, "b", 2);
    assert_int_equal(map_put(&m, "c", &values[3], &old, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_ptr_equal(old, &values[4]); /* untouched */
    assert_int_equal(map_count(&m), 2);
    put(&m, "a", 3); /* replacing needs no room */
    assert_non_null(map_remove(&m, "b"));
    put(&m, "c", 3);
    map_done(&m);
}

static void test_remove_gives_the_value_back(void **state)
{
    struct map m;

    (void)state;
    map_init(&m, 10);
    put(&m, "a", 1);
    put(&m, "b", 2);
    assert_ptr_equal(map_remove(&m, "a"), &values[1]);
    assert_null(map_remove(&m, "a"));
    assert_null(map_get(&m, "a"));
    assert_ptr_equal(map_get(&m, "b"), &values[2]);
    assert_ptr_equal(map_remove(&m, "b"), &values[2]);
    assert_int_equal(map_count(&m), 0);
    assert_null(map_first(&m));
    assert_int_equal(mem_live(), 0);
    put(&m, "a", 1); /* an emptied map is as good as new */
    map_done(&m);
}

static void test_iteration_is_in_the_order_of_insertion(void **state)
{
    struct map m;
    int i = 0;

    (void)state;
    map_init(&m, COUNT_OF(values));
    for (int k = 0; k < 1000; k++)
        put(&m, key_of(k), k);
    put(&m, key_of(500), 1); /* replacing keeps the place */
    for (struct map_entry *e = map_first(&m); e; e = map_next(e), i++) {
        assert_string_equal(map_entry_key(e), key_of(i));
        assert_ptr_equal(map_entry_value(e), &values[i == 500 ? 1 : i]);
    }
    assert_int_equal(i, 1000);
    map_done(&m);
}

static void test_entries_may_be_removed_on_the_way(void **state)
{
    struct map_entry *next;
    struct map m;

    (void)state;
    map_init(&m, COUNT_OF(values));
    for (int k = 0; k < 100; k++)
        put(&m, key_of(k), k);
    for (struct map_entry *e = map_first(&m); e; e = next) {
        char key[32];

        next = map_next(e);
        (void)snprintf(key, sizeof(key), "%s", map_entry_key(e));
        if ((map_entry_value(e) == &values[0]) || key[4] % 2)
            assert_non_null(map_remove(&m, key));
    }
    for (struct map_entry *e = map_first(&m); e; e = map_next(e))
        assert_int_equal(map_entry_key(e)[4] % 2, 0);
    map_done(&m);
    assert_int_equal(mem_live(), 0);
}

static void test_the_order_holds_wherever_an_entry_goes(void **state)
{
    static const struct {
        const char *goes, *order;
    } cases[] = {{"a", "bcd"}, {"b", "acd"}, {"c", "abd"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t place = 0;
        struct map m;

        map_init(&m, 10);
        put(&m, "a", 1);
        put(&m, "b", 2);
        put(&m, "c", 3);
        assert_non_null(map_remove(&m, cases[i].goes));
        put(&m, "d", 4);
        for (struct map_entry *e = map_first(&m); e; e = map_next(e))
            assert_int_equal(*map_entry_key(e), cases[i].order[place++]);
        assert_int_equal(place, 3);
        map_done(&m);
    }
}

static void test_a_zeroed_map_is_empty_and_done_takes_null(void **state)
{
    struct map m = {0};

    (void)state;
    assert_int_equal(map_count(&m), 0);
    assert_null(map_get(&m, "a"));
    assert_null(map_remove(&m, "a"));
    map_done(&m);
    map_done(NULL);
    assert_int_equal(map_put(&m, "a", &values[0], NULL, NULL), -1);
}

static void test_a_seed_changes_nothing_that_can_be_seen(void **state)
{
    static const uint32_t seeds[] = {0, 1, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(seeds); i++) {
        map_seed(seeds[i]);
        test_get_finds_what_was_put(state);
        test_iteration_is_in_the_order_of_insertion(state);
    }
}

static int fill(void *ctx, struct err *err)
{
    int count = 0, r = 0;
    struct map m;

    (void)ctx;
    map_init(&m, 1000);
    while (r == 0 && count < 400) {
        void *old = &values[4];

        r = map_put(&m, key_of(count), &values[count], &old, err);
        if (r < 0)
            assert_ptr_equal(old, &values[4]);
        else
            count++;
    }
    assert_int_equal(map_count(&m), count); /* after a failure as before it */
    assert_null(map_get(&m, key_of(count)));
    for (int i = 0; i < count; i++)
        assert_ptr_equal(map_get(&m, key_of(i)), &values[i]);
    if (r < 0 && count > 0) { /* and it goes on */
        assert_int_equal(map_put(&m, key_of(count), &values[count], NULL, NULL), 0);
        assert_ptr_equal(map_get(&m, key_of(count)), &values[count]);
    }
    map_done(&m);
    return r;
}

static void test_out_of_memory_leaves_the_map_as_it_was(void **state)
{
    (void)state;
    assert_true(sweep(fill, NULL) > 400); /* entries, the table, and growing it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_finds_what_was_put),
        cmocka_unit_test(test_keys_of_every_length_are_told_apart),
        cmocka_unit_test(test_the_map_has_its_own_copy_of_the_key),
        cmocka_unit_test(test_put_replaces_and_says_what_was_there),
        cmocka_unit_test(test_a_value_may_be_null),
        cmocka_unit_test(test_the_ceiling_is_reached_and_not_passed),
        cmocka_unit_test(test_remove_gives_the_value_back),
        cmocka_unit_test(test_iteration_is_in_the_order_of_insertion),
        cmocka_unit_test(test_entries_may_be_removed_on_the_way),
        cmocka_unit_test(test_the_order_holds_wherever_an_entry_goes),
        cmocka_unit_test(test_a_zeroed_map_is_empty_and_done_takes_null),
        cmocka_unit_test(test_a_seed_changes_nothing_that_can_be_seen),
        cmocka_unit_test(test_out_of_memory_leaves_the_map_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
