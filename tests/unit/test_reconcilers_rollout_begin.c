/* When a fill may begin, as one table: what is known, and what is done. */
#include "support/unit.h"

#include "rollout_steps.h"

/* ---- Whether it may begin ---- */

static void test_a_fill_travels_with_its_mark(void **state)
{
    (void)state;
    pods.old_troubles = POD_OOM_KILLED;
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_int_equal(step.mark.phase, ROLLOUT_PROVING);
    assert_string_equal(step.mark.key, key_of("d0", ""));
    assert_string_equal(step.mark.digest, "d0");
    assert_string_equal(step.mark.profile, "team");
    assert_int_equal(step.mark.generation, 4);
    assert_int_equal(step.mark.started_s, NOW_S);
    assert_int_equal(step.mark.troubles, POD_OOM_KILLED);
    assert_true(step.fill.pod_seccomp);
    assert_int_equal(step.look_again_s, NOW_S + ROLLOUT_LOOK_S);
}

static void spoil_pod(void)
{
    web.pod.unreadable = "spec: wrong";
}
static void undigested(void)
{
    web.template_digest = "";
}

static void own(void)
{
    web.owner_kind = "Database";
    web.owner_name = "orders";
}
static void on_delete(void)
{
    web.is_on_delete = true;
}
static void partition(void)
{
    web.has_partition = true;
}
static void pause_it(void)
{
    web.is_paused = true;
}
static void roll(void)
{
    web.replicas_updated = 1;
}
static void unobserved(void)
{
    web.generation++;
}
static void unready(void)
{
    web.replicas_ready = 2;
}
static void unavailable(void)
{
    web.replicas_available = 2;
}
static void stalled(void)
{
    web.is_stalled = true;
}
static void roll_and_stall(void)
{
    roll();
    web.is_stalled = true;
}
static void crash(void)
{
    pods.old_troubles = POD_CRASH_LOOP;
}
static void crash_with_words(void)
{
    pods.new_troubles = POD_IMAGE;
    pods.new_message = "pod x";
}
static void no_room(void)
{
    pods.has_budget_room = false;
}
static void no_turn(void)
{
    in.has_turn = false;
}
static void blind(void)
{
    in.pods = NULL;
}
static void blind_no_turn(void)
{
    in.pods = NULL;
    in.has_turn = false;
}
static void filled(void)
{
    web.pod.containers = &fixture_filled_container;
}
static void forgetful(void)
{
    pods.has_all_tried = false;
}
static void next_change(void)
{
    section.when = ROLLOUT_NEXT_CHANGE;
}
static void creation(void)
{
    web.generation = web.observed_generation = 1;
    web.replicas_updated = web.replicas_ready = web.replicas_available = 0;
    in.before = NULL;
    in.pods = NULL;
}
static void next_creation(void)
{
    next_change();
    creation();
}
static void next_unrolled(void)
{
    next_change();
    web.replicas_updated = 0;
    in.before = NULL;
}
static void next_changed(void)
{
    next_change();
    roll();
    before.template_digest = "older";
}
static void next_replaced(void)
{
    next_changed();
    before.object.uid = "another";
}
static void next_scaled(void)
{
    next_change();
    unobserved();
    web.replicas = 9;
}
static void next_late(void)
{
    next_change();
    before.template_digest = "older";
}
static void next_was_ill(void)
{
    next_changed();
    before.replicas_ready = 1;
}
static void next_was_rolling(void)
{
    next_changed();
    before.replicas_updated = 1;
}
static void next_no_turn(void)
{
    next_changed();
    no_turn();
}
static void next_blind(void)
{
    next_changed();
    blind();
}
static void next_no_room(void)
{
    next_changed();
    no_room();
}
static void zero(void)
{
    web.replicas = web.replicas_updated = web.replicas_ready = 0;
    no_room();
}
static void next_zero(void)
{
    next_change();
    zero();
}
static void want_user(void)
{
    section.fill.run_as_non_root = true;
    section.fill.seccomp = false;
}
static void blind_user(void)
{
    want_user();
    blind();
}
static void root_user(void)
{
    static const struct container_evidence root = {"app", USER_ROOT, -1};

    want_user();
    pods.users = &root;
    pods.users_count = 1;
}
static void root_and_more(void)
{
    root_user();
    section.fill.seccomp = true;
}
static void other_user(void)
{
    static const struct container_evidence user = {"app", USER_NON_ROOT, 7};

    want_user();
    pods.users = &user;
    pods.users_count = 1;
}
static void tried(void)
{
    static struct tried_fill one;

    one = (struct tried_fill){key_of("d0", ""), false, 0};

    pods.tried = &one;
    pods.tried_count = 1;
}
static void tried_before_us(void)
{
    tried();
    web.template_rival.manager = "argocd";
}
static void undone(void)
{
    tried();
    web.template_rival.manager = "kubectl";
}
static void bad_mark(void)
{
    web.rollout = "{\"phase\":7}";
}
static void bad_mark_and_tried(void)
{
    bad_mark();
    tried();
}
static void stolen_once(void)
{
    static struct tried_fill one;

    one = (struct tried_fill){key_of("d0", ""), true, 0};

    pods.tried = &one;
    pods.tried_count = 1;
}
static void stolen_twice(void)
{
    static struct tried_fill both[2];

    both[0] = (struct tried_fill){key_of("d0", ""), true, 0};
    both[1] = (struct tried_fill){key_of("d0", ROLLOUT_SECOND_ROUND), false, 0};

    pods.tried = both;
    pods.tried_count = 2;
}

static void next_unknown_before(void)
{
    next_change();
    web.replicas_updated = 0;
    before.replicas = 0;
}

static void new_cron_job(void)
{
    creation();
    web.object.kind = KIND_CRON_JOB;
}

static void scaled_since_creation(void)
{
    web.generation = web.observed_generation = 1;
    blind();
}

static void test_it_begins_only_when_all_allows_it(void **state)
{
    static const struct {
        const char *name;
        void (*arrange)(void);
        enum rollout_act act;
        enum rollout_reason reason;
        bool keeps_before;
    } cases[] = {
        {"unreadable", spoil_pod, ROLLOUT_ACT_NOTHING, ROLLOUT_UNREADABLE, false},
        {"undigested", undigested, ROLLOUT_ACT_NOTHING, ROLLOUT_UNREADABLE, false},
        {"owned", own, ROLLOUT_ACT_NOTHING, ROLLOUT_OWNED, false},
        {"OnDelete", on_delete, ROLLOUT_ACT_NOTHING, ROLLOUT_CANNOT_PROVE, false},
        {"partition", partition, ROLLOUT_ACT_NOTHING, ROLLOUT_CANNOT_PROVE, false},
        {"paused", pause_it, ROLLOUT_ACT_NOTHING, ROLLOUT_PAUSED, false},
        {"rolling", roll, ROLLOUT_ACT_NOTHING, ROLLOUT_OTHER_RUNS, false},
        {"unobserved", unobserved, ROLLOUT_ACT_NOTHING, ROLLOUT_OTHER_RUNS, false},
        {"unready", unready, ROLLOUT_ACT_NOTHING, ROLLOUT_UNHEALTHY, false},
        {"unavailable", unavailable, ROLLOUT_ACT_NOTHING, ROLLOUT_UNHEALTHY, false},
        {"stalled", stalled, ROLLOUT_ACT_NOTHING, ROLLOUT_UNHEALTHY, false},
        {"rolling, stalled", roll_and_stall, ROLLOUT_ACT_NOTHING, ROLLOUT_UNHEALTHY, false},
        {"crashing", crash, ROLLOUT_ACT_NOTHING, ROLLOUT_UNHEALTHY, false},
        {"image", crash_with_words, ROLLOUT_ACT_NOTHING, ROLLOUT_UNHEALTHY, false},
        {"budget", no_room, ROLLOUT_ACT_NOTHING, ROLLOUT_NO_BUDGET_ROOM, false},
        {"turn", no_turn, ROLLOUT_ACT_NOTHING, ROLLOUT_WAITS_FOR_TURN, false},
        {"blind", blind, ROLLOUT_ACT_LOOK, ROLLOUT_WAITS_FOR_TURN, false},
        {"blind, turn", blind_no_turn, ROLLOUT_ACT_NOTHING, ROLLOUT_WAITS_FOR_TURN, false},
        {"filled", filled, ROLLOUT_ACT_NOTHING, ROLLOUT_FINE, false},
        {"memory", forgetful, ROLLOUT_ACT_NOTHING, ROLLOUT_MEMORY_FULL, false},
        {"creation", creation, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"zero", zero, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"next", next_change, ROLLOUT_ACT_NOTHING, ROLLOUT_WAITS_FOR_CHANGE, false},
        {"next creation", next_creation, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"next unrolled", next_unrolled, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"next changed", next_changed, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"next replaced", next_replaced, ROLLOUT_ACT_NOTHING, ROLLOUT_WAITS_FOR_CHANGE, false},
        {"next from zero", next_unknown_before, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"new CronJob", new_cron_job, ROLLOUT_ACT_LOOK, ROLLOUT_WAITS_FOR_TURN, true},
        {"never changed", scaled_since_creation, ROLLOUT_ACT_LOOK, ROLLOUT_WAITS_FOR_TURN, false},
        {"next scaled", next_scaled, ROLLOUT_ACT_NOTHING, ROLLOUT_WAITS_FOR_CHANGE, false},
        {"next late", next_late, ROLLOUT_ACT_NOTHING, ROLLOUT_WAITS_FOR_CHANGE, false},
        {"next was ill", next_was_ill, ROLLOUT_ACT_NOTHING, ROLLOUT_UNHEALTHY, false},
        {"next was rolling", next_was_rolling, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"next no turn", next_no_turn, ROLLOUT_ACT_NOTHING, ROLLOUT_WAITS_FOR_TURN, true},
        {"next blind", next_blind, ROLLOUT_ACT_LOOK, ROLLOUT_WAITS_FOR_TURN, true},
        {"next no room", next_no_room, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"next zero", next_zero, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"user not known", want_user, ROLLOUT_ACT_NOTHING, ROLLOUT_UNKNOWN_USER, false},
        {"user not looked at", blind_user, ROLLOUT_ACT_LOOK, ROLLOUT_WAITS_FOR_TURN, false},
        {"root", root_user, ROLLOUT_ACT_NOTHING, ROLLOUT_WOULD_BREAK, false},
        {"root and more", root_and_more, ROLLOUT_ACT_FILL, ROLLOUT_WOULD_BREAK, false},
        {"not root", other_user, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"tried", tried, ROLLOUT_ACT_NOTHING, ROLLOUT_TRIED_BEFORE, false},
        {"tried, rival", tried_before_us, ROLLOUT_ACT_NOTHING, ROLLOUT_TRIED_BEFORE, false},
        {"undone", undone, ROLLOUT_ACT_MARK, ROLLOUT_USER_UNDID, false},
        {"bad mark", bad_mark, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"bad mark, tried", bad_mark_and_tried, ROLLOUT_ACT_NOTHING, ROLLOUT_TRIED_BEFORE, false},
        {"stolen once", stolen_once, ROLLOUT_ACT_FILL, ROLLOUT_FINE, false},
        {"stolen twice", stolen_twice, ROLLOUT_ACT_MARK, ROLLOUT_IS_CONTESTED, false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        teardown(state);
        setup(state);
        cases[i].arrange();
        go();
        if (step.act != cases[i].act || step.reason != cases[i].reason ||
            step.keeps_before != cases[i].keeps_before)
            fail_msg("%s: act %d, reason %s, keeps %d: %s", cases[i].name, step.act,
                     rollout_reason_name(step.reason), step.keeps_before, step.message);
        if (step.act == ROLLOUT_ACT_NOTHING && step.reason != ROLLOUT_FINE)
            assert_true(step.message[0]);
    }
}

static void test_an_owner_is_named(void **state)
{
    (void)state;
    own();
    go();
    assert_contains(step.message, "Database orders");
}

static void test_a_paused_change_is_not_forgotten(void **state)
{
    (void)state;
    next_changed();
    pause_it();
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_PAUSED);
    assert_true(step.keeps_before);
}

/* It takes back the fill before as well: the mark is about the template without any. */
static void test_a_fill_on_top_of_another_that_fails_is_not_tried_twice(void **state)
{
    (void)state;
    prove_it();
    section.fill.allow_privilege_escalation = true;
    fill_it();
    pods.new_troubles = POD_CRASH_LOOP;
    expect(ROLLOUT_ACT_REVERT, ROLLOUT_FAILED_BEFORE);
    write_it();
    pods = fixture_pods();
    web.template_digest = "d0"; /* as its owner made it */
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_FAILED_BEFORE);
    web.template_digest = "d1"; /* as its owner changed it */
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_fill_travels_with_its_mark),
        TEST(test_it_begins_only_when_all_allows_it),
        TEST(test_an_owner_is_named),
        TEST(test_a_paused_change_is_not_forgotten),
        TEST(test_a_fill_on_top_of_another_that_fails_is_not_tried_twice),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
