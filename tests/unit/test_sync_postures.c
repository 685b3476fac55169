/* What the rules said of each object, added up by profile. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/sync/postures.h"
#include "support/sweep.h"

#define OBJECTS_MAX 100

static struct postures book;

static int setup(void **state)
{
    (void)state;
    postures_init(&book, OBJECTS_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    postures_done(&book);
    return 0;
}

static struct posture posture_of(const char *profile, enum posture_state state, uint64_t failing)
{
    return (struct posture){.profile = profile,
                            .state = state,
                            .is_workload = true,
                            .failing = failing,
                            .passing = ~failing & 7,
                            .drift = failing};
}

static void put(const char *key, const char *profile, enum posture_state state, uint64_t failing)
{
    struct posture posture = posture_of(profile, state, failing);

    assert_int_equal(postures_put(&book, key, &posture, NULL), 0);
}

static struct posture_tally tally_of(const char *profile)
{
    struct posture_tally tally;

    postures_tally(&book, profile, &tally);
    return tally;
}

static bool is_zero(const struct posture_tally *tally)
{
    static const struct posture_tally zero;

    return memcmp(tally, &zero, sizeof(zero)) == 0;
}

static void test_postures_follow_an_object_from_one_state_to_the_next(void **state)
{
    struct posture_tally tally;

    (void)state;
    put("shop/web/deployments", "p", POSTURE_DRIFTED, 5);
    put("shop/db/statefulsets", "p", POSTURE_COMPLIANT, 0);
    tally = tally_of("p");
    assert_int_equal(tally.states[POSTURE_DRIFTED], 1);
    assert_int_equal(tally.states[POSTURE_COMPLIANT], 1);
    assert_int_equal(tally.failing[0], 1);
    assert_int_equal(tally.passing[0], 1);
    assert_int_equal(tally.failing[2], 1);
    assert_int_equal(tally.passing[1], 2);
    put("shop/web/deployments", "p", POSTURE_COMPLIANT, 0);
    tally = tally_of("p");
    assert_int_equal(tally.states[POSTURE_DRIFTED], 0);
    assert_int_equal(tally.states[POSTURE_COMPLIANT], 2);
    assert_int_equal(tally.failing[2], 0);
    assert_int_equal(tally.passing[2], 2);
}

static void test_postures_count_an_object_for_who_decides_now(void **state)
{
    struct posture_tally tally;

    (void)state;
    put("shop/web/deployments", "old", POSTURE_FAILED, 1);
    put("shop/web/deployments", "new", POSTURE_FAILED, 1);
    tally = tally_of("old");
    assert_true(is_zero(&tally));
    assert_int_equal(tally_of("new").states[POSTURE_FAILED], 1);
    assert_string_equal(postures_profile(&book, "shop/web/deployments"), "new");
    assert_int_equal(map_count(&book.profiles), 1);
}

static void test_postures_forget_an_object_that_nobody_decides(void **state)
{
    const struct posture none = {.state = POSTURE_NONE};
    struct posture_tally tally;

    (void)state;
    put("shop/web/deployments", "p", POSTURE_DRIFTED, 5);
    assert_true(postures_differ(&book, "shop/web/deployments", &none));
    assert_int_equal(postures_put(&book, "shop/web/deployments", &none, NULL), 0);
    assert_false(postures_differ(&book, "shop/web/deployments", &none));
    tally = tally_of("p");
    assert_true(is_zero(&tally));
    assert_int_equal(postures_count(&book), 0);
    assert_int_equal(map_count(&book.profiles), 0);
    postures_forget(&book, "shop/web/deployments");
    assert_null(postures_profile(&book, "shop/web/deployments"));
}

static void test_postures_count_other_objects_than_workloads_by_rule_alone(void **state)
{
    struct posture posture = posture_of("p", POSTURE_DRIFTED, 2);
    struct posture_tally tally;

    (void)state;
    posture.is_workload = false;
    assert_int_equal(postures_put(&book, "shop/web/services", &posture, NULL), 0);
    tally = tally_of("p");
    assert_int_equal(tally.states[POSTURE_DRIFTED], 0);
    assert_int_equal(tally.failing[1], 1);
}

static void test_postures_never_count_what_is_in_doubt_as_compliant(void **state)
{
    (void)state;
    put("shop/web/deployments", "p", POSTURE_COMPLIANT, 0);
    postures_doubt(&book, "shop/web/deployments");
    postures_doubt(&book, "shop/never-seen/deployments");
    assert_int_equal(tally_of("p").states[POSTURE_COMPLIANT], 0);
    assert_int_equal(tally_of("p").states[POSTURE_FAILED], 1);
    assert_int_equal(postures_count(&book), 1);
}

static void test_postures_tell_when_anything_that_is_kept_differs(void **state)
{
    const struct posture kept = posture_of("p", POSTURE_DRIFTED, 5);
    struct posture other[8];

    (void)state;
    assert_true(postures_differ(&book, "k/k/k", &kept));
    assert_int_equal(postures_put(&book, "k/k/k", &kept, NULL), 0);
    assert_false(postures_differ(&book, "k/k/k", &kept));
    for (size_t i = 0; i < COUNT_OF(other); i++)
        other[i] = kept;
    other[0].profile = "q";
    other[1].state = POSTURE_FAILED;
    other[2].is_workload = false;
    other[3].passing ^= 1;
    other[4].failing ^= 1;
    other[5].error ^= 1;
    other[6].exempt ^= 1;
    other[7].drift ^= 1;
    for (size_t i = 0; i < COUNT_OF(other); i++)
        assert_true(postures_differ(&book, "k/k/k", &other[i]));
}

static void test_postures_list_what_drifts_in_order_and_no_more_than_asked_for(void **state)
{
    const char *keys[2];
    size_t count;

    (void)state;
    put("shop-eu/a/deployments", "p", POSTURE_DRIFTED, 1);
    put("shop/web/deployments", "p", POSTURE_FAILED, 1);
    put("shop/web/cronjobs", "p", POSTURE_COMPLIANT, 0);
    put("shop/web-2/deployments", "q", POSTURE_DRIFTED, 1);
    assert_false(postures_drifted(&book, "p", keys, 2, &count));
    assert_int_equal(count, 2);
    assert_string_equal(keys[0], "shop/web/deployments"); /* "shop" before "shop-eu" */
    assert_string_equal(keys[1], "shop-eu/a/deployments");
    put("bank/web/deployments", "p", POSTURE_DRIFTED, 1);
    assert_true(postures_drifted(&book, "p", keys, 2, &count));
    assert_string_equal(keys[0], "bank/web/deployments");
    assert_string_equal(keys[1], "shop/web/deployments");
    put("zoo/web/deployments", "p", POSTURE_DRIFTED, 1);
    assert_true(postures_drifted(&book, "p", keys, 2, &count));
    assert_string_equal(keys[1], "shop/web/deployments");
    assert_false(postures_drifted(&book, "nobody", keys, 2, &count));
    assert_int_equal(count, 0);
}

static void test_postures_are_keyed_by_namespace_name_and_kind(void **state)
{
    struct object object = {.kind = KIND_SERVICE, .ns = "shop", .name = "web"};
    char key[POSTURE_KEY_LEN_MAX + 1];
    char name[POSTURE_KEY_LEN_MAX];

    (void)state;
    assert_true(posture_key(key, &object));
    assert_string_equal(key, "shop/web/services");
    object = (struct object){.kind = KIND_NAMESPACE, .ns = "", .name = "shop"};
    assert_true(posture_key(key, &object));
    assert_string_equal(key, "/shop/namespaces");
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    object.name = name;
    assert_false(posture_key(key, &object));
}

static void test_postures_of_more_objects_than_the_ceiling_are_refused(void **state)
{
    struct posture posture = posture_of("p", POSTURE_DRIFTED, 1);
    struct err err = {0};
    char key[32];

    (void)state;
    for (int i = 0; i < OBJECTS_MAX; i++) {
        (void)snprintf(key, sizeof(key), "ns/n-%d/deployments", i);
        put(key, "p", POSTURE_COMPLIANT, 0);
    }
    posture.profile = "other";
    assert_int_equal(postures_put(&book, "ns/late/deployments", &posture, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(postures_count(&book), OBJECTS_MAX);
    assert_int_equal(map_count(&book.profiles), 1);
    put("ns/n-0/deployments", "p", POSTURE_DRIFTED, 1); /* what is known goes on */
    assert_int_equal(tally_of("p").states[POSTURE_DRIFTED], 1);
}

static int put_two(void *ctx, struct err *err)
{
    const struct posture posture = posture_of("p", POSTURE_DRIFTED, 1);
    struct postures p;
    int result;

    (void)ctx;
    postures_init(&p, OBJECTS_MAX);
    result = postures_put(&p, "a/a/deployments", &posture, err);
    if (result == 0)
        result = postures_put(&p, "a/b/deployments", &posture, err);
    if (result < 0)
        assert_true(postures_count(&p) == map_count(&p.profiles)); /* 0 and 0, or 1 and 1 */
    postures_done(&p);
    return result;
}

static void test_postures_survive_the_failure_of_any_allocation(void **state)
{
    (void)state;
    assert_true(sweep(put_two, NULL) >= 5);
}

#define WITH_BOOK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BOOK(test_postures_follow_an_object_from_one_state_to_the_next),
        WITH_BOOK(test_postures_count_an_object_for_who_decides_now),
        WITH_BOOK(test_postures_forget_an_object_that_nobody_decides),
        WITH_BOOK(test_postures_count_other_objects_than_workloads_by_rule_alone),
        WITH_BOOK(test_postures_never_count_what_is_in_doubt_as_compliant),
        WITH_BOOK(test_postures_tell_when_anything_that_is_kept_differs),
        WITH_BOOK(test_postures_list_what_drifts_in_order_and_no_more_than_asked_for),
        WITH_BOOK(test_postures_are_keyed_by_namespace_name_and_kind),
        WITH_BOOK(test_postures_of_more_objects_than_the_ceiling_are_refused),
        cmocka_unit_test(test_postures_survive_the_failure_of_any_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
