/* What is said of a SecurityException, and what a failed allocation does to it and to postures. */
#include "reconcilers_posture.h"

static int64_t look_at_exception(const char *name)
{
    int64_t look_again_s;
    struct err err = {0};

    arena_reset(&arena);
    plan_init(&plan, &arena);
    if (exception_plan(&world.view, "shop", name, &plan, &look_again_s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(plan.writes_count, 0);
    return look_again_s;
}

static void test_exception_is_warned_of_seven_days_before_it_expires(void **state)
{
    int64_t now_s, expires_s;

    (void)state;
    put_exception("e", "'rules':['privileged'],'names':['web'],'expiresAt':'" NOW "'");
    expires_s = world.view.wall_ms / 1000;
    now_s = expires_s - EXEMPTION_WARN_BEFORE_S;
    world.view.wall_ms = (now_s - 1) * 1000;
    assert_int_equal(look_at_exception("e"), now_s);
    assert_int_equal(plan.findings_count, 0);
    world.view.wall_ms = now_s * 1000;
    assert_int_equal(look_at_exception("e"), expires_s);
    assert_int_equal(plan.findings[0].reason, REASON_EXCEPTION_EXPIRES);
    assert_contains(plan.findings[0].message, NOW);
    world.view.wall_ms = expires_s * 1000;
    assert_true(look_at_exception("e") == INT64_MAX);
    assert_int_equal(plan.findings[0].reason, REASON_EXCEPTION_EXPIRED);
}

static void test_exception_says_what_is_wrong_with_it(void **state)
{
    (void)state;
    put_exception("typo", "'rules':['privileged','privilegde'],'names':['web']");
    assert_true(look_at_exception("typo") == INT64_MAX);
    assert_int_equal(plan.findings_count, 1);
    assert_int_equal(plan.findings[0].reason, REASON_UNKNOWN_RULE);
    assert_contains(plan.findings[0].message, "privilegde");
    put_exception("all", "'rules':['*'],'names':['web']");
    (void)look_at_exception("all");
    assert_int_equal(plan.findings[0].reason, REASON_INVALID_SPEC);
    (void)look_at_exception("gone");
    assert_int_equal(plan.findings_count, 0);
}

static int evaluate_and_explain(void *ctx, struct err *err)
{
    const struct object *object = view_get(&world.view, KIND_DEPLOYMENT, "shop", "web");
    struct posture posture;
    struct finding *findings;
    struct arena a;
    size_t count;
    int result;

    (void)ctx;
    arena_init(&a, 1024 * 1024);
    result = posture_evaluate(&world.view, object, &a, &posture, err);
    if (result == 0)
        result = posture_explain(&world.view, object, &posture, 5, &a, &findings, &count, err);
    arena_done(&a);
    return result;
}

static int plan_exception(void *ctx, struct err *err)
{
    struct plan p;
    struct arena a;
    int64_t look_again_s;
    int result;

    (void)ctx;
    arena_init(&a, 1024 * 1024);
    plan_init(&p, &a);
    result = exception_plan(&world.view, "shop", "e", &p, &look_again_s, err);
    arena_done(&a);
    return result;
}

static void test_posture_survives_the_failure_of_any_allocation(void **state)
{
    (void)state;
    begin(",'workloads':{'level':'baseline'}");
    put_workload(KIND_DEPLOYMENT, "web", "'hostNetwork':true," PRIVILEGED);
    put_exception("e", "'rules':['privilegde'],'names':['web'],'expiresAt':'" NOW "'");
    assert_true(sweep(evaluate_and_explain, NULL) > 2);
    assert_true(sweep(plan_exception, NULL) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_exception_is_warned_of_seven_days_before_it_expires),
        WITH_WORLD(test_exception_says_what_is_wrong_with_it),
        WITH_WORLD(test_posture_survives_the_failure_of_any_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
