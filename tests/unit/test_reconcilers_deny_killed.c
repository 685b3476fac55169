/* A watched default-deny whose operator is killed, whose profile freezes or goes, or which has to
 * wait. */
#include "reconcilers_deny.h"

#include <stdio.h>

#include "rampart/json/decode.h"

static void begin(void)
{
    put_web(3, 3);
    put_profile(BARE);
    (void)converge();
    assert_denied();
    assert_non_null(mark());
}

static void test_a_new_process_goes_on_where_the_old_one_was(void **state)
{
    (void)state;
    begin();
    world.has_verdict = false;
    later(100);
    pass();
    assert_int_equal(plan.look_again_s, world.view.wall_ms / 1000 + DEADLINE_S - 100);
    put_web(3, 0);
    pass();
    world_apply(&world, &plan.writes[0]); /* killed after the first write */
    world.has_verdict = false;
    put_web(3, 3); /* and the pods are back */
    (void)converge();
    assert_taken_back();
    world.has_verdict = false;
    pass();
    assert_taken_back();
}

/* Does @count writes, each as soon as a pass wants it, and is killed. False: it wanted fewer. */
static bool run_until_killed(size_t count)
{
    while (count > 0) {
        pass();
        if (plan.writes_count == 0)
            return false;
        for (size_t i = 0; i < plan.writes_count && count > 0; i++, count--)
            world_apply(&world, &plan.writes[i]);
    }
    world.has_verdict = false;
    return true;
}

static void test_killed_at_any_write_of_taking_back_it_comes_to_the_same_end(void **state)
{
    size_t count = 0;

    (void)state;
    for (bool is_killed = true; is_killed; count++) {
        put_web(3, 3);
        put_profile(WITH_ALLOWS);
        world.has_verdict = false;
        (void)converge();
        assert_denied();
        put_web(3, 0);
        is_killed = run_until_killed(count);
        (void)converge();
        assert_taken_back();
    }
    assert_true(count > 5); /* the deny carries, three allows go, it is parked */
}

static void remove_policies(void)
{
    static const char *const names[] = {POLICY_DENY, "rampart-allow-same-namespace",
                                        "rampart-allow-from", "rampart-allow-to"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (world_get(&world, KIND_NETWORK_POLICY, "shop", names[i]))
            world_remove(&world, KIND_NETWORK_POLICY, "shop", names[i]);
    }
}

static void test_killed_at_any_write_of_its_coming_it_comes_and_is_watched(void **state)
{
    size_t count = 0;

    (void)state;
    for (bool is_killed = true; is_killed; count++) {
        remove_policies();
        put_web(3, 3);
        put_profile(WITH_ALLOWS);
        world.has_verdict = false;
        is_killed = run_until_killed(count);
        put_web(3, 0); /* while it is away */
        (void)converge();
        if (count == 0)
            assert_denied(); /* nothing was ready any more when it came */
        else
            assert_taken_back();
    }
    assert_true(count > 4);
}

static void test_audit_freezes_the_watch(void **state)
{
    char before[256];

    (void)state;
    begin();
    (void)snprintf(before, sizeof(before), "%s", mark());
    put_profile("'network':{'mode':'Audit','allow':{}}");
    put_web(3, 0);
    later(10 * DEADLINE_S);
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.look_again_s, 0);
    assert_null(find(REASON_DENY_TAKEN_BACK));
    assert_string_equal(mark(), before);
}

static void test_a_parked_deny_waits_for_an_allow_that_cannot_be_computed(void **state)
{
    (void)state;
    begin();
    put_web(3, 0);
    (void)converge();
    put_web(3, 3);
    put_profile("'network':{'allow':{'dns':{}}}");
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_int_equal(plan.state, VERDICT_FAILED);
    assert_non_null(strstr(find(REASON_DNS_UNRESOLVED)->message, "so the default-deny waits"));
    assert_false(selects_all_pods());
}

static void test_a_profile_that_removes_takes_the_parked_policy_too(void **state)
{
    (void)state;
    begin();
    put_web(3, 0);
    (void)converge();
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'p','generation':9,'finalizers':['rampart.dev/take-back'],"
              "'deletionTimestamp':'2026-11-23T12:00:00Z'},'spec':{'mode':'Enforce','onDelete':"
              "'Remove','namespaceSelector':{'matchLabels':{'team':'shop'}}," BARE "}}");
    (void)converge();
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_a_new_process_goes_on_where_the_old_one_was),
        WITH_WORLD(test_killed_at_any_write_of_taking_back_it_comes_to_the_same_end),
        WITH_WORLD(test_killed_at_any_write_of_its_coming_it_comes_and_is_watched),
        WITH_WORLD(test_audit_freezes_the_watch),
        WITH_WORLD(test_a_parked_deny_waits_for_an_allow_that_cannot_be_computed),
        WITH_WORLD(test_a_profile_that_removes_takes_the_parked_policy_too),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
