#include "kube_rbac.h"

#include "rampart/kube/rbac_cover.h"
#include "support/sweep.h"

static const char *const UNSORTED =
    "[{'verbs':['list','get','list'],'apiGroups':['b','a'],'resources':['y']},"
    "{'verbs':['get','list'],'apiGroups':['a','b'],'resources':['x']},"
    "{'verbs':['get','list'],'apiGroups':['a','b'],'resources':['x'],'resourceNames':['n']},"
    "{'verbs':['get','list'],'apiGroups':['a','b'],'resources':['x'],'resourceNames':['m']},"
    "{'verbs':['get','list'],'apiGroups':['a','b'],'resources':['x'],'resourceNames':['m']},"
    "{'verbs':['put'],'apiGroups':['a','b'],'resources':['x']},"
    "{'verbs':['put'],'nonResourceURLs':['/b']},{'verbs':['put'],'nonResourceURLs':['/a']},"
    "{},{},{'apiGroups':['a']}]";

static void test_rules_that_differ_in_one_list_become_one(void **state)
{
    struct arena *a = *state;
    struct rbac_rules rules = rules_of(UNSORTED, a);
    struct rbac_rule *items = arena_calloc(a, rules.count, sizeof(*items));
    struct err err = {0};

    assert_non_null(items);
    memcpy(items, rules.rules, rules.count * sizeof(*items));
    assert_int_equal(rbac_rules_join(items, rules.count, a, &rules.count, &err), 0);
    rules.rules = items;
    assert_string_equal(
        words_of(&rules, a),
        "{}, {NonResourceURLs:[\"/a\" \"/b\"], Verbs:[\"put\"]}, {APIGroups:[\"a\"]}, "
        "{APIGroups:[\"a\" \"b\"], Resources:[\"x\"], Verbs:[\"get\" \"list\" \"put\"]}, "
        "{APIGroups:[\"a\" \"b\"], Resources:[\"x\"], ResourceNames:[\"m\" \"n\"], "
        "Verbs:[\"get\" \"list\"]}, "
        "{APIGroups:[\"a\" \"b\"], Resources:[\"y\"], Verbs:[\"get\" \"list\"]}");
}

static int join_once(void *ctx, struct err *err)
{
    AUTO_ARENA a;
    const struct rbac_rules *rules = ctx;
    struct rbac_rule items[16];
    size_t count = 99;
    int r;

    arena_init(&a, 1u << 20);
    memcpy(items, rules->rules, rules->count * sizeof(*items));
    r = rbac_rules_join(items, rules->count, &a, &count, err);
    assert_int_equal(count, r < 0 ? 99 : 6);
    return r;
}

static void test_every_allocation_may_fail(void **state)
{
    struct rbac_rules rules = rules_of(UNSORTED, *state);

    assert_in_range(sweep(join_once, &rules), 5, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_rules_that_differ_in_one_list_become_one),
        ARENA_TEST(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
