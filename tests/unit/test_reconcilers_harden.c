/* A workload is filled in, proven, taken back, fought over and left alone: whole stories. */
#include "reconcilers_harden.h"

static struct record *begin(void)
{
    put_ns("shop", "shop");
    put_profile("p", "", NOW_SECTION(""));
    return put_web();
}

/* Filled in, rolled out, looked at. */
static void fill_in(void)
{
    operate("p");
    roll_all_out();
    pass_time(20);
    operate("p");
}

/* ---- From a fill to its end ---- */

static void test_a_workload_is_filled_in_once_and_proven_by_its_pods(void **state)
{
    struct record *web = begin();

    (void)state;
    operate("p");
    assert_true(is_filled(web));
    assert_int_equal(phase_of(web), ROLLOUT_PROVING);
    assert_int_equal(web->step.state, HARDEN_RUNS);
    assert_true(web->step.look_again_s < INT64_MAX);
    roll_all_out();
    pass_time(20);
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
    assert_int_equal(web->step.state, HARDEN_PROVEN);
    assert_int_equal(web->rollouts, 1);
    assert_int_equal(web->writes, 2);
    forget_all();
    pass_time(1000);
    operate("p");
    assert_int_equal(web->writes, 2);
    assert_string_equal(web->finding, "");
    assert_int_equal(web->events, 0); /* a fill is no event */
}

static void test_a_workload_that_does_not_come_back_is_as_before_and_said_once(void **state)
{
    struct record *web = begin();
    json_t *before = json_deep_copy(template_of(web));

    (void)state;
    web->does_crash = true;
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_REVERTED);
    assert_true(json_equal(before, template_of(web)));
    assert_int_equal(web->rollouts, 2);
    assert_int_equal(web->step.state, HARDEN_FAILED);
    assert_int_equal(web->reason, REASON_REVERTED);
    assert_contains(web->finding, "Deployment shop/web");
    assert_contains(web->finding, "container app: CrashLoopBackOff: cannot write");
    assert_int_equal(web->events, 1);
    roll_all_out();
    pass_time(1000);
    operate("p");
    forget_all();
    web->finding[0] = '\0';
    operate("p");
    assert_int_equal(web->rollouts, 2);
    assert_int_equal(web->events, 1); /* also not by the next process */
    assert_int_equal(web->reason, REASON_REVERTED);
    json_decref(before);
}

static void change(struct record *r, const char *image, const char *manager)
{
    json_t *template = json_deep_copy(template_of(r));
    json_t *spec = json_object_get(template, "spec");

    json_object_set_new(json_array_get(json_object_get(spec, "containers"), 0), "image",
                        json_string(image));
    strategic_replace(object_of(r), template, manager, "2026-01-02T00:00:00Z");
    json_decref(template);
    world_publish(&world, r->kind, "shop", r->name);
}

/* The process that wrote the mark may have died before it could say so, or may have said so. */
static void test_what_a_mark_says_has_one_name_whichever_process_says_it(void **state)
{
    struct record *web = begin();
    char once[32];

    (void)state;
    web->does_crash = true;
    fill_in();
    assert_int_equal(web->reason, REASON_REVERTED);
    assert_int_equal(strlen(web->once), 16);
    (void)snprintf(once, sizeof(once), "%s", web->once);
    forget_all();
    pass_time(HARDEN_SAID_S / 2);
    assert_true(operate_on(web));
    assert_false(web->was_said);
    assert_string_equal(web->once, once);
    forget_all();
    pass_time(HARDEN_SAID_S);
    assert_true(operate_on(web));
    assert_true(web->was_said);
    roll_all_out();
    change(web, "a:2", "kubectl-client-side-apply");
    roll_out(web);
    pass_time(100);
    fill_in();
    assert_int_equal(web->reason, REASON_REVERTED);
    assert_string_not_equal(web->once, once);
}

static void test_a_reverted_one_is_tried_again_when_its_template_changes(void **state)
{
    struct record *web = begin();

    (void)state;
    web->does_crash = true;
    fill_in();
    roll_all_out();
    web->does_crash = false;
    change(web, "a:2", "kubectl-client-side-apply");
    roll_all_out();
    pass_time(100);
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
    assert_string_equal(web->finding, "");
}

/* ---- Rivals and users ---- */

static void take(struct record *r, const json_t *template, const char *manager)
{
    strategic_replace(object_of(r), template, manager, "2026-01-02T00:00:00Z");
    world_publish(&world, r->kind, "shop", r->name);
    roll_all_out();
    pass_time(20);
}

static void test_a_rival_who_takes_it_back_twice_gets_it_and_is_named(void **state)
{
    struct record *web = begin();
    json_t *bare = json_deep_copy(template_of(web));

    (void)state;
    fill_in();
    take(web, bare, "argocd-controller");
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
    take(web, bare, "argocd-controller");
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_CONTESTED);
    assert_int_equal(web->step.state, HARDEN_CONTESTED);
    assert_int_equal(web->reason, REASON_CONTESTED);
    assert_contains(web->finding, "written by argocd-controller");
    assert_int_equal(web->events, 1);
    assert_int_equal(web->rollouts, 2);
    pass_time(1000);
    operate("p");
    assert_int_equal(web->rollouts, 2);
    change(web, "a:2", "argocd-controller"); /* the user's change ends the truce */
    roll_all_out();
    operate("p");
    assert_int_equal(web->rollouts, 3);
    json_decref(bare);
}

static void test_a_user_who_rolls_it_back_is_obeyed(void **state)
{
    struct record *web = begin();
    json_t *bare = json_deep_copy(template_of(web));

    (void)state;
    fill_in();
    take(web, bare, "kubectl");
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_STOOD_DOWN);
    assert_int_equal(web->reason, REASON_STOOD_DOWN);
    assert_int_equal(web->rollouts, 1);
    assert_int_equal(web->events, 1);
    json_decref(bare);
}

/* Known only once the new pods tell: a second fill, and nobody's fight. */
static void test_what_pods_tell_only_later_is_no_lost_round(void **state)
{
    static const struct container_evidence user = {"app", USER_NON_ROOT, 7};
    struct record *web;
    struct rollout_mark mark;
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1u << 16);
    put_ns("shop", "shop");
    put_profile("p", "", ",'workloads':{'rollout':{'when':'Now'}}");
    web = put_web();
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_PROVING);
    assert_int_equal(web->reason, REASON_WORKLOAD_SKIPPED);
    assert_contains(web->finding, "UnknownUser");
    pods.users = &user;
    pods.users_count = 1;
    roll_all_out();
    pass_time(20);
    operate("p"); /* proven, and then what is known by now */
    roll_all_out();
    pass_time(20);
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
    assert_int_equal(rollout_mark_read(facts_of(web)->rollout, &a, &mark, NULL), 0);
    assert_int_equal(mark.lost, 0);
    assert_int_equal(facts_of(web)->pod.security.run_as_non_root, STATED_TRUE);
    assert_int_equal(web->rollouts, 2);
}

/* As whom a workload without replicas runs, nobody can know: thousands of them are nothing to be
 * told. It is when one runs and still cannot be seen. */
static void test_an_unknown_user_is_told_only_once_something_runs(void **state)
{
    struct record *web;

    (void)state;
    put_ns("shop", "shop");
    put_profile("p", "", ",'workloads':{'rollout':{'when':'Now'}}");
    web = put_workload(KIND_DEPLOYMENT, "web", 0, APP, "");
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_PENDING);
    assert_string_equal(web->finding, "");
    json_object_set_new(json_object_get(object_of(web), "spec"), "replicas", json_integer(2));
    roll_all_out();
    operate("p");
    roll_all_out();
    pass_time(20);
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
    assert_contains(web->finding, "UnknownUser");
    assert_int_equal(web->events, 1);
}

/* ---- Turns ---- */

static void test_no_more_run_at_a_time_than_the_profile_says(void **state)
{
    (void)state;
    put_ns("shop", "shop");
    put_profile("p", "", NOW_SECTION(""));
    (void)put_workload(KIND_DEPLOYMENT, "a", 3, APP, "");
    (void)put_workload(KIND_DEPLOYMENT, "b", 1, APP, "");
    (void)put_workload(KIND_DEPLOYMENT, "c", 2, APP, "");
    (void)put_workload(KIND_CRON_JOB, "job", 0, APP, "");
    operate("p");
    assert_int_equal(is_filled(&records[0]) + is_filled(&records[1]) + is_filled(&records[2]), 1);
    assert_true(is_filled(&records[1])); /* the smallest is first */
    assert_int_equal(records[0].step.state, HARDEN_WAITS);
    fill_in();
    assert_true(is_filled(&records[2]));
    assert_false(is_filled(&records[0]));
    fill_in();
    fill_in();
    assert_true(is_filled(&records[0]));
}

static void test_a_mark_that_cannot_be_read_is_overwritten(void **state)
{
    struct record *web = begin();

    (void)state;
    json_object_set_new(json_object_get(object_of(web), "metadata"), "annotations",
                        json_pack("{s:s}", ANNOTATION_ROLLOUT, "{\"phase\":7}"));
    world_publish(&world, web->kind, "shop", "web");
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
}

/* ---- Killed ---- */

static void tell_of(const struct record *r, char text[64])
{
    (void)snprintf(text, 64, "%s %u", rollout_phase_name(phase_of(r)), r->rollouts);
}

/* Let it die at each write, before the server has done it and after: the end is the same. */
static void sweep_kills(void **state, void (*story)(void))
{
    char want[64], got[64];
    int writes;

    story();
    writes = writes_done;
    assert_true(writes > 0);
    tell_of(&records[0], want);
    for (int at = 0; at < 2 * writes; at++) {
        teardown(state);
        setup(state);
        dies_at = at / 2;
        dies_after = at % 2;
        story();
        tell_of(&records[0], got);
        if (strcmp(want, got) != 0)
            fail_msg("killed %s write %d: %s instead of %s", at % 2 ? "after" : "before", at / 2,
                     got, want);
    }
}

static void prove(void)
{
    (void)begin();
    fill_in();
    fill_in();
}

static void revert(void)
{
    begin()->does_crash = true;
    fill_in();
    fill_in();
}

static void contest(void)
{
    struct record *web = begin();
    json_t *bare = json_deep_copy(template_of(web));

    for (int round = 0; round < 3; round++) {
        fill_in();
        if (is_filled(web))
            take(web, bare, "argocd");
    }
    json_decref(bare);
}

static void undo(void)
{
    struct record *web = begin();
    json_t *bare = json_deep_copy(template_of(web));

    fill_in();
    take(web, bare, "kubectl");
    fill_in();
    json_decref(bare);
}

static void leave(void)
{
    put_ns("shop", "shop");
    put_profile("p", FINALIZER, REMOVE NOW_SECTION(""));
    (void)put_web();
    fill_in();
    put_profile("p", GOING, REMOVE NOW_SECTION(""));
    fill_in();
    fill_in();
}

static void test_killed_at_any_write_it_ends_the_same_and_rolls_out_no_more(void **state)
{
    sweep_kills(state, prove);
    teardown(state);
    setup(state);
    sweep_kills(state, revert);
    teardown(state);
    setup(state);
    sweep_kills(state, contest);
    teardown(state);
    setup(state);
    sweep_kills(state, undo);
    teardown(state);
    setup(state);
    sweep_kills(state, leave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_workload_is_filled_in_once_and_proven_by_its_pods),
        TEST(test_a_workload_that_does_not_come_back_is_as_before_and_said_once),
        TEST(test_what_a_mark_says_has_one_name_whichever_process_says_it),
        TEST(test_a_reverted_one_is_tried_again_when_its_template_changes),
        TEST(test_a_rival_who_takes_it_back_twice_gets_it_and_is_named),
        TEST(test_a_user_who_rolls_it_back_is_obeyed),
        TEST(test_what_pods_tell_only_later_is_no_lost_round),
        TEST(test_an_unknown_user_is_told_only_once_something_runs),
        TEST(test_no_more_run_at_a_time_than_the_profile_says),
        TEST(test_a_mark_that_cannot_be_read_is_overwritten),
        TEST(test_killed_at_any_write_it_ends_the_same_and_rolls_out_no_more),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
