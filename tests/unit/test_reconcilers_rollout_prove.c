/* A fill that is in the template is proven, taken back, or fought over. */
#include "rollout_steps.h"

static void zero(void)
{
    web.replicas = web.replicas_updated = web.replicas_ready = 0;
    pods.has_budget_room = false;
}

/* What was decided is written, and nothing comes after it. */
static void stays(enum rollout_reason reason)
{
    write_it();
    expect(ROLLOUT_ACT_NOTHING, reason);
}

/* ---- Proof ---- */

static void test_it_is_proven_when_all_new_pods_have_been_ready_for_a_while(void **state)
{
    (void)state;
    fill_it();
    pods.new_ready_s = NOW_S;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_RUNS);
    assert_int_equal(step.look_again_s, NOW_S + ROLLOUT_LOOK_S);
    in.now_s += ROLLOUT_SOAK_S;
    pods.new_ready = 2;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_RUNS);
    pods.new_ready = 3;
    web.replicas_updated = 2;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_RUNS);
    web.replicas_updated = 3;
    web.is_stalled = true;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_RUNS);
    web.is_stalled = false;
    expect(ROLLOUT_ACT_MARK, ROLLOUT_FINE);
    assert_int_equal(step.mark.phase, ROLLOUT_PROVEN);
    stays(ROLLOUT_FINE);
    assert_int_equal(step.look_again_s, INT64_MAX);
}

static void test_without_evidence_it_looks(void **state)
{
    (void)state;
    fill_it();
    in.pods = NULL;
    in.has_turn = false; /* what has begun goes on */
    expect(ROLLOUT_ACT_LOOK, ROLLOUT_RUNS);
}

static void test_trouble_that_the_old_pods_did_not_have_takes_it_back_once(void **state)
{
    (void)state;
    fill_it();
    pods.new_troubles = POD_CONFIG_ERROR;
    pods.new_message = "pod web-1: container app: CreateContainerConfigError: runs as root";
    expect(ROLLOUT_ACT_REVERT, ROLLOUT_FAILED_BEFORE);
    assert_int_equal(step.mark.phase, ROLLOUT_REVERTED);
    assert_string_equal(step.mark.message, pods.new_message);
    stays(ROLLOUT_FAILED_BEFORE);
    assert_contains(step.message, "runs as root");
    pods = fixture_pods();
    web.template_digest = "d1"; /* its owner has mended it */
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    web.template_digest = "d0";
    section.fill.allow_privilege_escalation = true; /* the profile has changed */
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
}

static void test_trouble_that_was_there_before_is_not_held_against_it(void **state)
{
    (void)state;
    pods.old_troubles = POD_OOM_KILLED;
    fill_it();
    pods.new_ready = 1;
    pods.new_troubles = POD_IMAGE;
    pods.old_troubles = POD_IMAGE;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_RUNS);
    pods.new_troubles = POD_OOM_KILLED; /* no limits were filled in */
    pods.old_troubles = 0;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_RUNS);
}

static void test_a_missed_deadline_takes_it_back_with_what_is_known(void **state)
{
    (void)state;
    fill_it();
    pods.new_ready = 1;
    pods.new_ready_s = NOW_S + 50; /* each new pod that comes up is progress */
    in.now_s = NOW_S + 109;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_RUNS);
    in.now_s = NOW_S + 110;
    expect(ROLLOUT_ACT_REVERT, ROLLOUT_FAILED_BEFORE);
    assert_string_equal(step.message, "1 of 3 new pods ready after 60 s without progress");
    pods.new_message = "pod x: waits";
    go();
    assert_contains(step.message, "progress: pod x: waits");
    in.now_s = NOW_S + 240; /* pods that come and go are none for ever */
    pods.new_ready_s = in.now_s;
    expect(ROLLOUT_ACT_REVERT, ROLLOUT_FAILED_BEFORE);
    in.now_s = NOW_S - 500; /* a clock that was set back */
    pods.new_ready_s = 0;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_RUNS);
}

static void test_on_failure_keep_says_so_and_leaves_it(void **state)
{
    (void)state;
    section.on_failure = ON_FAILURE_KEEP;
    fill_it();
    pods.new_troubles = POD_CRASH_LOOP;
    pods.new_message = "pod web-1: crashes";
    expect(ROLLOUT_ACT_MARK, ROLLOUT_FAILED_BEFORE);
    assert_int_equal(step.mark.phase, ROLLOUT_KEPT);
    stays(ROLLOUT_FAILED_BEFORE);
}

static void test_a_change_of_the_user_or_the_end_of_a_pause_gives_it_new_time(void **state)
{
    (void)state;
    fill_it();
    in.now_s += 1000;
    web.is_paused = true;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_PAUSED);
    before.is_paused = true;
    web.is_paused = false;
    expect(ROLLOUT_ACT_MARK, ROLLOUT_RUNS);
    assert_int_equal(step.mark.started_s, in.now_s);
    before = web;
    before.template_digest = "as it was";
    expect(ROLLOUT_ACT_MARK, ROLLOUT_RUNS);
    write_it();
    before.template_digest = "as it was"; /* the same breath: told already */
    pods.new_ready = 0;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_RUNS);
    web.has_partition = true;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_CANNOT_PROVE);
    web.has_partition = false;
    web.is_on_delete = true;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_CANNOT_PROVE);
}

static void test_where_nothing_runs_the_proof_waits_for_the_first_pod(void **state)
{
    (void)state;
    zero();
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_int_equal(step.mark.phase, ROLLOUT_PENDING);
    assert_int_equal(step.look_again_s, INT64_MAX);
    stays(ROLLOUT_WAITS_FOR_POD);
    web.replicas = 1;
    expect(ROLLOUT_ACT_MARK, ROLLOUT_RUNS);
    assert_int_equal(step.mark.phase, ROLLOUT_PROVING);
    write_it();
    web.replicas = 0;
    expect(ROLLOUT_ACT_MARK, ROLLOUT_RUNS);
    assert_int_equal(step.mark.phase, ROLLOUT_PENDING);
}

static void test_the_first_pod_of_a_cron_job_proves_it_or_not(void **state)
{
    (void)state;
    zero();
    web.object.kind = KIND_CRON_JOB;
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_int_equal(step.look_again_s, NOW_S + ROLLOUT_PENDING_LOOK_S);
    write_it();
    in.pods = NULL;
    expect(ROLLOUT_ACT_LOOK, ROLLOUT_WAITS_FOR_POD);
    in.pods = &pods;
    pods.new_ready = 0;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_WAITS_FOR_POD);
    assert_int_equal(step.look_again_s, NOW_S + ROLLOUT_PENDING_LOOK_S);
    web.has_active_job = true; /* its pods may hang, and nothing would tell */
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_WAITS_FOR_POD);
    assert_int_equal(step.look_again_s, NOW_S + ROLLOUT_ACTIVE_LOOK_S);
    pods.new_ready = 1;
    pods.new_ready_s = NOW_S;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_WAITS_FOR_POD);
    pods.new_ready_s = 0; /* it succeeded and is gone from running */
    expect(ROLLOUT_ACT_MARK, ROLLOUT_FINE);
    pods.new_ready_s = NOW_S - ROLLOUT_SOAK_S;
    expect(ROLLOUT_ACT_MARK, ROLLOUT_FINE);
    pods.new_troubles = POD_CRASH_LOOP;
    pods.new_message = "pod p: Failed";
    expect(ROLLOUT_ACT_REVERT, ROLLOUT_FAILED_BEFORE);
}

static void test_oom_kills_count_for_an_hour_where_limits_were_filled_in(void **state)
{
    (void)state;
    section.fill.memory_limit = "64Mi";
    fill_it();
    assert_true(step.mark.has_resources);
    static const struct container full = {.name = "app",
                                          .resources = HAS_MEMORY_LIMIT,
                                          .security = {.is_stated = true,
                                                       .seccomp = CONFINEMENT_RUNTIME_DEFAULT}};
    web.pod.containers = &full;
    expect(ROLLOUT_ACT_MARK, ROLLOUT_FINE);
    assert_int_equal(step.look_again_s, NOW_S + ROLLOUT_OOM_LOOK_S);
    stays(ROLLOUT_FINE);
    assert_int_equal(step.look_again_s, NOW_S + ROLLOUT_OOM_LOOK_S);
    in.pods = NULL;
    expect(ROLLOUT_ACT_LOOK, ROLLOUT_FINE);
    in.pods = &pods;
    pods.new_troubles = POD_OOM_KILLED;
    pods.new_message = "pod web-1: OOMKilled";
    expect(ROLLOUT_ACT_REVERT, ROLLOUT_FAILED_BEFORE);
    in.now_s = NOW_S + ROLLOUT_OOM_WATCH_S;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_FINE);
    assert_int_equal(step.look_again_s, INT64_MAX);
}

/* ---- Others ---- */

static void test_a_rival_has_a_second_round_and_then_its_way(void **state)
{
    (void)state;
    prove_it();
    take_out("argocd-controller");
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_string_equal(step.mark.key, key_of("d0", ROLLOUT_SECOND_ROUND));
    assert_int_equal(step.mark.lost, 1);
    write_it();
    take_out("argocd-controller");
    expect(ROLLOUT_ACT_MARK, ROLLOUT_IS_CONTESTED);
    assert_int_equal(step.mark.phase, ROLLOUT_CONTESTED);
    assert_string_equal(step.mark.rival, "argocd-controller");
    stays(ROLLOUT_IS_CONTESTED);
    web.template_digest = "d1"; /* the user has changed it: the truce ends */
    web.template_rival.manager = "helm";
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_int_equal(step.mark.lost, 0);
}

static void test_nobody_is_named_who_has_not_written_since(void **state)
{
    static const int64_t times[] = {0, INT64_MIN};

    for (size_t i = 0; i < COUNT_OF(times); i++) {
        teardown(state);
        setup(state);
        prove_it();
        take_out("helm"); /* which made it, and is not who took it back */
        web.template_rival.at_ms = times[i];
        expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
        write_it();
        take_out("helm");
        web.template_rival.at_ms = times[i];
        expect(ROLLOUT_ACT_MARK, ROLLOUT_IS_CONTESTED);
        assert_string_equal(step.mark.rival, "");
    }
}

static void test_a_rival_that_wiped_the_mark_is_named_by_the_history(void **state)
{
    struct tried_fill tried[] = {{key_of("d0", ""), true, NOW_S},
                                 {key_of("d0", ROLLOUT_SECOND_ROUND), true, NOW_S + 100}};

    (void)state;
    pods.tried = tried;
    pods.tried_count = 2;
    web.template_rival.manager = "argocd";
    web.template_rival.at_ms = (NOW_S + 80) * 1000;
    expect(ROLLOUT_ACT_MARK, ROLLOUT_IS_CONTESTED);
    assert_string_equal(step.mark.rival, "");
    web.template_rival.at_ms = (NOW_S + 100) * 1000;
    expect(ROLLOUT_ACT_MARK, ROLLOUT_IS_CONTESTED);
    assert_string_equal(step.mark.rival, "argocd");
}

static void test_fields_that_go_while_the_key_stays_are_a_lost_round(void **state)
{
    (void)state;
    prove_it();
    web.pod.containers = &fixture_container;
    web.template_digest = "d2";
    before = web;
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE); /* nobody is known to have taken it: a new template */
    assert_string_equal(step.mark.key, key_of("d2", ""));
    web.template_rival.manager = "argocd";
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_string_equal(step.mark.key, key_of("d2", ROLLOUT_SECOND_ROUND));
    static const struct container two[] = {{.name = "app"}, {.name = "new"}};
    web.pod.containers = two;
    web.pod.containers_count = 2; /* a container came: no rival */
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_int_equal(step.mark.lost, 0);
}

static void test_a_user_who_rolls_back_is_obeyed_until_the_template_changes(void **state)
{
    (void)state;
    prove_it();
    take_out("kubectl");
    expect(ROLLOUT_ACT_MARK, ROLLOUT_USER_UNDID);
    assert_int_equal(step.mark.phase, ROLLOUT_STOOD_DOWN);
    stays(ROLLOUT_USER_UNDID);
    section.fill.allow_privilege_escalation = true; /* not for a change of the profile */
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_USER_UNDID);
    web.template_digest = "d1";
    web.template_rival.manager = "kubectl-client-side-apply";
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
}

/* With a template that is another one each time: the time is in it, say. */
static void test_who_answers_each_fill_with_a_template_of_his_own_gets_it(void **state)
{
    (void)state;
    fill_it();
    take_out("stamper");
    web.template_digest = "d1";
    before = web;
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_int_equal(step.mark.lost, 1);
    write_it();
    take_out("stamper");
    web.template_digest = "d2";
    before = web;
    expect(ROLLOUT_ACT_MARK, ROLLOUT_IS_CONTESTED);
    stays(ROLLOUT_IS_CONTESTED);
}

static void test_a_release_after_the_proof_is_no_lost_round(void **state)
{
    (void)state;
    fill_it();
    take_out("stamper"); /* one release in the middle of the proof ... */
    web.template_digest = "d1";
    before = web;
    prove_it();
    take_out("stamper"); /* ... and one behind it */
    web.template_digest = "d2";
    before = web;
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_int_equal(step.mark.lost, 0);
}

/* It leaves no trace in managedFields where it only removes: what is there is who made it. */
static void test_a_rollback_to_what_kubectl_made_is_a_users(void **state)
{
    static const char *const managers[] = {"kubectl-create", "kubectl-client-side-apply"};

    (void)state;
    for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++) {
        struct tried_fill tried = {.is_proven = true};

        teardown(state);
        setup(state);
        tried.key = key_of("d0", "");
        prove_it();
        take_out(managers[i]);
        expect(ROLLOUT_ACT_MARK, ROLLOUT_USER_UNDID);
        web.rollout = NULL; /* as with a Deployment, whose annotations go back too */
        pods.tried = &tried;
        pods.tried_count = 1;
        expect(ROLLOUT_ACT_MARK, ROLLOUT_USER_UNDID);
        web.template_digest = "d9"; /* somebody replaced it by another one */
        expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    }
}

static void test_what_we_took_back_ourselves_is_no_undo(void **state)
{
    struct tried_fill tried = {key_of("d0", ""), false, 0};

    (void)state;
    fill_it();
    pods.new_troubles = POD_CRASH_LOOP;
    expect(ROLLOUT_ACT_REVERT, ROLLOUT_FAILED_BEFORE);
    write_it();
    pods = fixture_pods();
    pods.tried = &tried;
    pods.tried_count = 1;
    web.template_rival.manager = "kubectl"; /* from long before us */
    web.template_digest = "d1";
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
}

static void test_more_that_the_profile_wants_is_no_lost_round(void **state)
{
    (void)state;
    prove_it();
    web.template_rival.manager = "argocd";
    section.fill.allow_privilege_escalation = true;
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_int_equal(step.mark.lost, 0);
    web.fill = "of another fill"; /* the mark is not about it */
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
}

/* ---- Stuck pods ---- */

static void test_pods_of_the_failed_revision_that_block_a_stateful_set_go(void **state)
{
    const struct stuck_pod stuck[] = {{"web-1", "u1", key_of("d0", "")}, {"web-2", "u2", "other"}};

    (void)state;
    web.is_ordered = true;
    fill_it();
    pods.new_troubles = POD_CRASH_LOOP;
    pods.new_message = "pod web-1: crashes";
    expect(ROLLOUT_ACT_REVERT, ROLLOUT_FAILED_BEFORE);
    write_it();
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_FAILED_BEFORE); /* it is whole */
    assert_int_equal(step.look_again_s, INT64_MAX);
    web.replicas_updated = 2;
    in.pods = NULL;
    expect(ROLLOUT_ACT_LOOK, ROLLOUT_FAILED_BEFORE);
    in.pods = &pods;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_FAILED_BEFORE);
    pods.stuck = stuck;
    pods.stuck_count = 2;
    expect(ROLLOUT_ACT_DELETE_PODS, ROLLOUT_FAILED_BEFORE);
    assert_int_equal(step.stuck_count, 1);
    assert_string_equal(step.stuck[0].uid, "u1");
    in.may_delete_pods = false;
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_CANNOT_DELETE);
    assert_contains(step.message, "by hand");
}

static void own(void)
{
    web.owner_kind = "Database";
    web.owner_name = "orders";
}

/* ---- Memory ---- */

static int one_step(void *ctx, struct err *err)
{
    struct rollout_step untouched = {.look_again_s = 77};
    AUTO_ARENA a;
    int r;

    (void)ctx;
    arena_init(&a, 1u << 20);
    step = untouched;
    r = rollout_step(&in, &a, &step, err);
    if (r < 0)
        assert_int_equal(step.look_again_s, 77);
    return r;
}

static void test_each_failing_allocation_is_told(void **state)
{
    struct stuck_pod stuck = {"web-1", "u1", NULL};

    (void)state;
    section.fill.memory_limit = "64Mi";
    assert_true(sweep(one_step, NULL) > 5);
    own();
    assert_true(sweep(one_step, NULL) > 5);
    web.owner_kind = "";
    fill_it();
    pods.new_ready = 0;
    in.now_s += 1000;
    assert_true(sweep(one_step, NULL) > 5);
    go();
    write_it();
    web.is_ordered = true;
    web.replicas_ready = 0;
    stuck.key = step.mark.key;
    pods.stuck = &stuck;
    pods.stuck_count = 1;
    assert_true(sweep(one_step, NULL) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_proven_when_all_new_pods_have_been_ready_for_a_while),
        TEST(test_without_evidence_it_looks),
        TEST(test_trouble_that_the_old_pods_did_not_have_takes_it_back_once),
        TEST(test_trouble_that_was_there_before_is_not_held_against_it),
        TEST(test_a_missed_deadline_takes_it_back_with_what_is_known),
        TEST(test_on_failure_keep_says_so_and_leaves_it),
        TEST(test_a_change_of_the_user_or_the_end_of_a_pause_gives_it_new_time),
        TEST(test_where_nothing_runs_the_proof_waits_for_the_first_pod),
        TEST(test_the_first_pod_of_a_cron_job_proves_it_or_not),
        TEST(test_oom_kills_count_for_an_hour_where_limits_were_filled_in),
        TEST(test_a_rival_has_a_second_round_and_then_its_way),
        TEST(test_nobody_is_named_who_has_not_written_since),
        TEST(test_a_rival_that_wiped_the_mark_is_named_by_the_history),
        TEST(test_fields_that_go_while_the_key_stays_are_a_lost_round),
        TEST(test_a_user_who_rolls_back_is_obeyed_until_the_template_changes),
        TEST(test_who_answers_each_fill_with_a_template_of_his_own_gets_it),
        TEST(test_a_release_after_the_proof_is_no_lost_round),
        TEST(test_a_rollback_to_what_kubectl_made_is_a_users),
        TEST(test_what_we_took_back_ourselves_is_no_undo),
        TEST(test_more_that_the_profile_wants_is_no_lost_round),
        TEST(test_pods_of_the_failed_revision_that_block_a_stateful_set_go),
        TEST(test_each_failing_allocation_is_told),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
