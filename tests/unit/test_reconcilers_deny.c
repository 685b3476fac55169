/* The default-deny of a namespace that already has running pods: watched, and taken back where they
 * turn unready. Who may make it so, and what ends it, is in test_reconcilers_deny_limits.c. */
#include "reconcilers_deny.h"

/* ---- How it comes ---- */

static void test_where_nothing_runs_the_deny_is_one_plain_write(void **state)
{
    (void)state;
    put_web(3, 0);
    put_workload(KIND_CRON_JOB, "nightly", 1, 1, "a");
    put_profile(BARE);
    pass();
    assert_int_equal(plan.writes_count, 1);
    assert_null(strstr(plan.writes[0].body, ANNOTATION_ROLLOUT));
    assert_int_equal(plan.look_again_s, 0);
    assert_int_equal(converge(), 1);
    assert_denied();
    put_web(3, 3);
    put_web(3, 0);
    pass();
    assert_denied();
}

static void test_where_nothing_runs_an_allow_costs_one_write_more(void **state)
{
    (void)state;
    put_profile("'network':{'allow':{'sameNamespace':{}}}");
    assert_int_equal(converge(), 2);
    assert_denied();
}

static void test_where_pods_run_the_deny_says_until_when_it_is_watched(void **state)
{
    (void)state;
    put_web(3, 3);
    put_profile(BARE);
    assert_int_equal(converge(), 1);
    assert_denied();
    assert_non_null(strstr(mark(), "\"phase\":\"Proving\""));
    assert_int_equal(plan.look_again_s, world.view.wall_ms / 1000 + DEADLINE_S);
}

static void test_a_watched_deny_is_the_first_policy_to_come(void **state)
{
    (void)state;
    put_web(3, 3);
    put_profile("'network':{'allow':{'sameNamespace':{}}}");
    pass();
    assert_true(plan.writes_count >= 2);
    assert_string_equal(plan.writes[0].object.name, POLICY_DENY);
    assert_non_null(strstr(plan.writes[0].body, "Proving"));
    (void)converge();
    assert_denied();
    assert_non_null(mark());
}

static void test_the_profile_says_for_how_long(void **state)
{
    (void)state;
    put_web(3, 3);
    put_profile("'network':{'rollout':{'progressDeadlineSeconds':60}}");
    (void)converge();
    assert_int_equal(plan.look_again_s, world.view.wall_ms / 1000 + 60);
}

/* ---- How it is proven ---- */

static void test_pods_that_stay_ready_prove_it_with_one_write(void **state)
{
    (void)state;
    put_web(3, 3);
    put_profile(BARE);
    (void)converge();
    later(DEADLINE_S - 1);
    pass();
    assert_denied();
    later(1);
    pass();
    assert_int_equal(plan.state, VERDICT_COMPLIANT); /* what is written is no drift */
    assert_int_equal(plan.writes_count, 1);
    assert_null(plan.writes[0].after);
    assert_int_equal(converge(), 1);
    assert_denied();
    assert_null(mark());
    assert_int_equal(plan.look_again_s, 0);
}

static void test_once_proven_it_stays_whatever_becomes_of_the_pods(void **state)
{
    (void)state;
    put_web(3, 3);
    put_profile(BARE);
    (void)converge();
    later(DEADLINE_S);
    (void)converge();
    put_web(3, 0);
    pass();
    assert_denied();
}

/* ---- How it is taken back ---- */

static void test_too_many_unready_workloads_take_everything_back_that_isolates(void **state)
{
    (void)state;
    put_web(3, 3);
    put_profile(WITH_ALLOWS);
    (void)converge();
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 4);
    put_web(3, 1);
    pass();
    assert_non_null(find(REASON_DENY_TAKEN_BACK));
    (void)converge();
    assert_taken_back();
    assert_non_null(strstr(mark(), "\"phase\":\"TakenBack\""));
    assert_int_equal(plan.look_again_s, 0);
}

static void test_it_is_told_as_a_warning_that_names_who_turned_unready(void **state)
{
    const struct finding *finding;

    (void)state;
    put_web(3, 3);
    put_workload(KIND_STATEFUL_SET, "db", 2, 2, "1");
    put_profile(BARE);
    (void)converge();
    put_web(3, 1);
    pass();
    finding = find(REASON_DENY_TAKEN_BACK);
    assert_non_null(finding);
    assert_true(finding->is_warning && finding->counts_as_failed);
    assert_int_equal(finding->object.kind, KIND_NAMESPACE);
    assert_string_equal(finding->object.name, "shop");
    assert_string_equal(
        finding->message,
        "namespace shop: the default-deny was taken back, because of the workloads that were ready "
        "before it came too many turned unready (1 of 2 workloads: Deployment web (1 of 3 pods "
        "ready)); see what they cannot reach any more and allow it, in spec.network.allow of "
        "SecurityProfile p or by a NetworkPolicy of the namespace's own: either makes Rampart try "
        "again, and so does kubectl -n shop delete networkpolicy rampart-default-deny");
}

/* Or each pass would be a new Event. */
static void test_what_is_said_stays_the_same_when_the_pods_come_back(void **state)
{
    char said[1024];

    (void)state;
    put_web(3, 3);
    put_profile(BARE);
    (void)converge();
    put_web(3, 0);
    pass();
    (void)snprintf(said, sizeof(said), "%s", find(REASON_DENY_TAKEN_BACK)->message);
    (void)converge();
    put_web(3, 3);
    later(100 * DEADLINE_S);
    pass();
    assert_taken_back();
    assert_string_equal(find(REASON_DENY_TAKEN_BACK)->message, said);
}

static void test_a_share_that_the_profile_allows_takes_nothing_back(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "w%d", i);
        put_workload(KIND_DAEMON_SET, name, 2, 2, "1");
    }
    put_profile(BARE); /* 20 % */
    (void)converge();
    put_workload(KIND_DAEMON_SET, "w0", 2, 0, "1");
    pass();
    assert_denied();
    put_workload(KIND_DAEMON_SET, "w1", 2, 0, "1");
    (void)converge();
    assert_taken_back();
}

static void test_the_last_look_comes_after_the_deadline(void **state)
{
    (void)state;
    put_web(3, 3);
    put_profile(BARE);
    (void)converge();
    later(10 * DEADLINE_S); /* the operator was away */
    put_web(3, 0);
    (void)converge();
    assert_taken_back();
}

static void test_half_of_the_pods_are_enough(void **state)
{
    (void)state;
    put_web(4, 4);
    put_profile(BARE);
    (void)converge();
    put_web(4, 2);
    pass();
    assert_denied();
    put_web(4, 1);
    (void)converge();
    assert_taken_back();
}

/* ---- What the owner does ---- */

static void test_what_the_owner_changed_meanwhile_does_not_count(void **state)
{
    static const struct {
        const char *what;
        int replicas;
        int ready;
        const char *image;
        bool is_replaced;
    } changes[] = {
        {"scaled to zero", 0, 0, "web:1", false},
        {"scaled down", 1, 1, "web:1", false},
        {"scaled up, of which none is ready yet", 9, 3, "web:1", false},
        {"another template", 3, 0, "web:2", false},
        {"deleted and made again", 3, 0, "web:1", true},
    };

    (void)state;
    put_web(3, 3);
    put_profile(BARE);
    (void)converge();
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        if (changes[i].is_replaced)
            world_remove(&world, KIND_DEPLOYMENT, "shop", "web");
        put_workload(KIND_DEPLOYMENT, "web", changes[i].replicas, changes[i].ready,
                     changes[i].image);
        pass();
        if (plan.writes_count > 0)
            fail_msg("%s: taken back", changes[i].what);
        assert_denied();
    }
    world_remove(&world, KIND_DEPLOYMENT, "shop", "web");
    pass();
    assert_denied();
}

static void test_scaled_down_it_still_has_to_be_ready(void **state)
{
    (void)state;
    put_web(3, 3);
    put_profile(BARE);
    (void)converge();
    put_web(2, 0);
    (void)converge();
    assert_taken_back();
}

/* ---- When it is tried again ---- */

static void take_back(const char *more)
{
    put_web(3, 3);
    put_profile(more);
    (void)converge();
    put_web(3, 0);
    (void)converge();
    assert_taken_back();
    put_web(3, 3);
}

static void test_another_spec_of_the_profile_tries_again_and_watches_again(void **state)
{
    (void)state;
    take_back(BARE);
    pass();
    assert_taken_back();
    put_profile(WITH_ALLOWS);
    (void)converge();
    assert_denied();
    assert_int_equal(world_count(&world, KIND_NETWORK_POLICY, "shop"), 4);
    assert_non_null(strstr(mark(), "Proving"));
    put_web(3, 0);
    (void)converge();
    assert_taken_back();
}

static void test_another_profile_tries_again(void **state)
{
    (void)state;
    take_back(BARE);
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'q','generation':%u},'spec':{'mode':'Enforce','priority':1,"
              "'namespaceSelector':{'matchLabels':{'team':'shop'}}," BARE "}}",
              generation);
    (void)converge();
    assert_denied();
}

static void test_a_policy_of_the_namespaces_own_tries_again(void **state)
{
    const char *own = "{'metadata':{'name':'mine','namespace':'shop','generation':%d},'spec':"
                      "{'podSelector':{'matchLabels':{'a':'b'}}}}";

    (void)state;
    take_back(BARE);
    world_put(&world, KIND_NETWORK_POLICY, own, 1);
    pass();
    assert_true(plan.writes_count > 0);
    (void)converge();
    assert_denied();
    put_web(3, 0);
    (void)converge();
    world_put(&world, KIND_NETWORK_POLICY, own, 1); /* touched, and says the same */
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_false(selects_all_pods());
    world_put(&world, KIND_NETWORK_POLICY, own, 2);
    (void)converge();
    assert_denied();
}

static void test_deleting_the_parked_policy_tries_again(void **state)
{
    (void)state;
    take_back(BARE);
    world_remove(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
    pass();
    assert_null(plan.writes[0].after); /* it is no drift that it was deleted */
    (void)converge();
    assert_denied();
    assert_non_null(strstr(mark(), "Proving"));
}

static void test_tried_again_where_nothing_runs_it_comes_without_a_watch(void **state)
{
    (void)state;
    take_back(BARE);
    put_web(3, 0);
    put_profile(BARE);
    (void)converge();
    assert_denied();
    assert_null(mark());
    assert_int_equal(plan.look_again_s, 0);
}

/* ---- onFailure: Keep ---- */

static void test_with_keep_it_stays_and_that_is_said_once(void **state)
{
    const struct finding *after;

    (void)state;
    put_web(3, 3);
    put_profile("'network':{'rollout':{'onFailure':'Keep'}}");
    (void)converge();
    put_web(3, 0);
    pass();
    assert_int_equal(plan.writes_count, 1);
    after = plan.writes[0].after;
    assert_non_null(after);
    assert_int_equal(after->reason, REASON_DENY_KEPT);
    assert_true(after->is_warning);
    assert_string_equal(
        after->message,
        "namespace shop: of the workloads that were ready before the default-deny came too many "
        "turned unready (1 of 1 workloads: Deployment web (0 of 3 pods ready)); it stays, because "
        "spec.network.rollout.onFailure of SecurityProfile p is Keep: see what they cannot reach "
        "any more and allow it");
    assert_int_equal(converge(), 1);
    assert_denied();
    assert_null(mark());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_where_nothing_runs_the_deny_is_one_plain_write),
        WITH_WORLD(test_where_nothing_runs_an_allow_costs_one_write_more),
        WITH_WORLD(test_where_pods_run_the_deny_says_until_when_it_is_watched),
        WITH_WORLD(test_a_watched_deny_is_the_first_policy_to_come),
        WITH_WORLD(test_the_profile_says_for_how_long),
        WITH_WORLD(test_pods_that_stay_ready_prove_it_with_one_write),
        WITH_WORLD(test_once_proven_it_stays_whatever_becomes_of_the_pods),
        WITH_WORLD(test_too_many_unready_workloads_take_everything_back_that_isolates),
        WITH_WORLD(test_it_is_told_as_a_warning_that_names_who_turned_unready),
        WITH_WORLD(test_what_is_said_stays_the_same_when_the_pods_come_back),
        WITH_WORLD(test_a_share_that_the_profile_allows_takes_nothing_back),
        WITH_WORLD(test_the_last_look_comes_after_the_deadline),
        WITH_WORLD(test_half_of_the_pods_are_enough),
        WITH_WORLD(test_what_the_owner_changed_meanwhile_does_not_count),
        WITH_WORLD(test_scaled_down_it_still_has_to_be_ready),
        WITH_WORLD(test_another_spec_of_the_profile_tries_again_and_watches_again),
        WITH_WORLD(test_another_profile_tries_again),
        WITH_WORLD(test_a_policy_of_the_namespaces_own_tries_again),
        WITH_WORLD(test_deleting_the_parked_policy_tries_again),
        WITH_WORLD(test_tried_again_where_nothing_runs_it_comes_without_a_watch),
        WITH_WORLD(test_with_keep_it_stays_and_that_is_said_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
