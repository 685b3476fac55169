/* What was filled in is taken back when its profile goes, exactly, in turns; and when it stays. */
#include "reconcilers_harden.h"

static void fill_in(void)
{
    for (unsigned round = 0; round < 6; round++) {
        operate("p");
        roll_all_out();
        pass_time(20);
    }
    operate("p");
}

static void begin(const char *meta, const char *spec)
{
    put_ns("shop", "shop");
    put_profile("p", meta, spec);
}

static size_t filled_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < records_count; i++)
        count += is_filled(&records[i]);
    return count;
}

/* ---- The profile goes ---- */

/* A Deployment that the profile, which takes back when it goes, has filled in. */
static struct record *begin_filled(void)
{
    struct record *web;

    begin(FINALIZER, REMOVE NOW_SECTION(""));
    web = put_web();
    fill_in();
    return web;
}

static void test_removal_leaves_every_workload_as_it_was_one_after_the_other(void **state)
{
    json_t *before[WORKLOADS_MAX];
    struct harden_turns turns;

    (void)state;
    begin(FINALIZER, REMOVE NOW_SECTION(""));
    (void)put_workload(KIND_DEPLOYMENT, "a", 1, APP, "");
    (void)put_workload(KIND_STATEFUL_SET, "b", 2,
                       APP ",'initContainers':[{'name':'init','image':'i'}],"
                           "'securityContext':{'fsGroup':7}",
                       "");
    (void)put_workload(KIND_DEPLOYMENT, "c", 3,
                       "'containers':[{'name':'app','image':'a:1','securityContext':{"
                       "'privileged':true}},{'name':'two','image':'b:1'}]",
                       "");
    (void)put_workload(KIND_DEPLOYMENT, "zero", 0, APP, "");
    for (size_t i = 0; i < records_count; i++)
        before[i] = as_owner_sees(&records[i]);
    fill_in();
    assert_int_equal(filled_count(), 4);
    put_profile("p", GOING, REMOVE NOW_SECTION(""));
    for (size_t i = 0; i < records_count; i++)
        operate_on(&records[i]);
    turns = take_turns("p");
    assert_int_equal(turns.waiting, 4); /* it restarts pods: nobody goes without a turn */
    operate("p");
    assert_int_equal(filled_count(), 3); /* maxConcurrent is 1 */
    assert_int_equal(phase_of(&records[0]), ROLLOUT_TAKEN_BACK);
    assert_int_equal(records[0].step.state, HARDEN_RUNS);
    fill_in();
    for (size_t i = 0; i < records_count; i++) {
        assert_same(&records[i], before[i]);
        assert_false(records[i].step.is_concerned);
    }
}

static void test_removal_takes_marks_back_that_only_say_why_nothing_is_there(void **state)
{
    struct record *web;
    json_t *before;

    (void)state;
    begin(FINALIZER, REMOVE NOW_SECTION(""));
    web = put_web();
    web->does_crash = true;
    before = as_owner_sees(web);
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_REVERTED);
    put_profile("p", GOING, REMOVE NOW_SECTION(""));
    assert_true(operate_on(web)); /* no pod restarts: no turn is needed */
    assert_same(web, before);
    assert_int_equal(web->rollouts, 2);
}

static void test_removal_does_not_wait_for_a_rollout_for_ever(void **state)
{
    struct record *web;

    (void)state;
    begin(FINALIZER, REMOVE NOW_SECTION(",'progressDeadlineSeconds':60"));
    web = put_web();
    fill_in();
    put_profile("p", GOING, REMOVE NOW_SECTION(",'progressDeadlineSeconds':60"));
    operate("p");
    set_status(web, 1, 1); /* it hangs */
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_TAKEN_BACK);
    assert_int_equal(web->step.look_again_s, world.view.wall_ms / 1000 + 60);
    pass_time(60);
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_NONE);
}

static void test_removal_where_nothing_rolls_is_one_write(void **state)
{
    static const char *const members[] = {"paused", "updateStrategy"};

    for (size_t i = 0; i < COUNT_OF(members); i++) {
        json_t *value = i ? json_pack("{s:s}", "type", "OnDelete") : json_true();
        struct record *web;
        json_t *before;

        teardown(state);
        setup(state);
        begin(FINALIZER, REMOVE NOW_SECTION(""));
        web = put_web();
        before = as_owner_sees(web);
        fill_in();
        assert_true(is_filled(web));
        json_object_set(json_object_get(object_of(web), "spec"), members[i], value);
        json_object_set_new(json_object_get(before, "spec"), members[i], value);
        world_publish(&world, web->kind, "shop", "web");
        web->writes = 0;
        put_profile("p", GOING, REMOVE NOW_SECTION(""));
        operate("p");
        assert_same(web, before);
        assert_int_equal(web->writes, 1);
    }
}

static void test_removal_goes_on_when_the_clock_was_set_back_or_nothing_runs_any_more(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct record *web;

        teardown(state);
        setup(state);
        begin(FINALIZER, REMOVE NOW_SECTION(""));
        web = put_web();
        fill_in();
        put_profile("p", GOING, REMOVE NOW_SECTION(""));
        operate("p");
        assert_int_equal(phase_of(web), ROLLOUT_TAKEN_BACK);
        if (i == 0)
            pass_time(-3600);
        else
            json_object_set_new(json_object_get(object_of(web), "spec"),
                                i == 1 ? "replicas" : "paused",
                                i == 1 ? json_integer(0) : json_true());
        world_publish(&world, web->kind, "shop", "web");
        operate("p");
        assert_int_equal(phase_of(web), ROLLOUT_NONE);
    }
}

static void test_what_git_has_adopted_stays(void **state)
{
    struct record *web;
    json_t *spec;

    (void)state;
    web = begin_filled();
    json_array_append_new(json_object_get(json_object_get(object_of(web), "metadata"),
                                          "managedFields"),
                          json_pack("{s:s,s:s,s:{s:{s:{s:{s:{s:{s:{}}}}}}}}", "manager", "argocd",
                                    "operation", "Apply", "fieldsV1", "f:spec", "f:template",
                                    "f:spec", "f:securityContext", "f:seccompProfile", "f:type"));
    world_publish(&world, web->kind, "shop", "web");
    put_profile("p", GOING, REMOVE NOW_SECTION(""));
    fill_in();
    spec = json_object_get(template_of(web), "spec");
    assert_non_null(json_object_get(json_object_get(spec, "securityContext"), "seccompProfile"));
    assert_null(
        json_object_get(json_array_get(json_object_get(spec, "containers"), 0), "securityContext"));
    assert_int_equal(phase_of(web), ROLLOUT_NONE);
    assert_false(web->step.is_concerned);
}

static json_t *fields_of(const struct record *r, const char *manager)
{
    json_t *entries = json_object_get(json_object_get(object_of(r), "metadata"), "managedFields");

    for (size_t i = 0; i < json_array_size(entries); i++) {
        json_t *entry = json_array_get(entries, i);

        if (strcmp(json_string_value(json_object_get(entry, "manager")), manager) == 0)
            return entry;
    }
    fail_msg("%s is no manager", manager);
    return NULL;
}

static void test_what_cannot_be_told_apart_is_left_and_said_and_holds_nothing_up(void **state)
{
    struct record *web;

    (void)state;
    web = begin_filled();
    json_object_set_new(fields_of(web, "rampart"), "manager", json_string("ancient-changes"));
    world_publish(&world, web->kind, "shop", "web");
    put_profile("p", GOING, REMOVE NOW_SECTION(""));
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_LEFT);
    assert_true(is_filled(web));
    assert_int_equal(web->reason, REASON_WORKLOAD_SKIPPED);
    assert_contains(web->finding, "Left: Deployment shop/web keeps what was filled in");
    assert_contains(web->finding, "managedFields");
    web->writes = 0;
    pass_time(1000);
    operate("p");
    assert_int_equal(web->writes, 0);
    assert_false(rollout_mark_holds(facts_of(web)->rollout, "p"));
}

static void test_a_mark_that_another_manager_has_taken_is_left(void **state)
{
    struct record *web;

    (void)state;
    begin(FINALIZER, REMOVE NOW_SECTION(""));
    web = put_web();
    web->does_crash = true;
    fill_in();
    json_object_set_new(fields_of(web, "rampart"), "fieldsV1", json_object());
    world_publish(&world, web->kind, "shop", "web");
    put_profile("p", GOING, REMOVE NOW_SECTION(""));
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_LEFT);
}

/* ---- Who does not take back ---- */

static void test_retain_touches_nothing(void **state)
{
    struct record *web;

    (void)state;
    begin("", NOW_SECTION(""));
    web = put_web();
    fill_in();
    web->writes = 0;
    put_profile("p", ",'finalizers':['x/y'],'deletionTimestamp':'2026-01-01T00:00:00Z'",
                NOW_SECTION(""));
    fill_in();
    world_remove(&world, KIND_PROFILE, "", "p");
    fill_in();
    assert_int_equal(web->writes, 0);
    assert_true(is_filled(web));
}

static void test_a_namespace_that_is_deselected_is_taken_back_by_a_profile_in_enforce(void **state)
{
    struct record *web;

    (void)state;
    web = begin_filled();
    put_profile("p", FINALIZER, REMOVE ",'workloads':{'mode':'Audit'}");
    put_ns("shop", "other");
    fill_in();
    assert_true(is_filled(web)); /* Audit freezes */
    put_profile("p", FINALIZER, REMOVE NOW_SECTION(""));
    fill_in();
    assert_false(is_filled(web));
    assert_int_equal(phase_of(web), ROLLOUT_NONE);
}

static void test_removal_in_audit_or_off_goes_by_the_deletion_alone(void **state)
{
    struct record *web;

    (void)state;
    web = begin_filled();
    put_profile("p", FINALIZER, REMOVE ",'workloads':{'mode':'Off'}");
    fill_in();
    assert_true(is_filled(web));
    put_profile("p", GOING, REMOVE ",'workloads':{'mode':'Off'}");
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_NONE);
}

static void test_a_profile_whose_section_is_gone_takes_back_all_the_same(void **state)
{
    struct record *web;

    (void)state;
    web = begin_filled();
    put_profile("p", GOING, REMOVE ",'network':{}");
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_NONE);
    assert_false(is_filled(web));
}

static void
test_the_next_profile_in_enforce_answers_for_what_one_that_goes_has_filled_in(void **state)
{
    struct record *web;
    struct rollout_mark mark;
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1u << 16);
    web = begin_filled();
    put_profile("q", "", ",'priority':-1" NOW_SECTION(""));
    web->rollouts = 0;
    put_profile("p", GOING, REMOVE NOW_SECTION(""));
    fill_in();
    assert_true(is_filled(web));
    assert_int_equal(web->rollouts, 0);
    assert_int_equal(rollout_mark_read(facts_of(web)->rollout, &a, &mark, NULL), 0);
    assert_string_equal(mark.profile, "q");
    assert_string_equal(web->step.profile, "q");
    assert_int_equal(web->step.state, HARDEN_IDLE); /* no success of its own */
}

static void test_one_that_only_looks_on_keeps_nothing_from_being_taken_back(void **state)
{
    struct record *web;

    (void)state;
    web = begin_filled();
    put_profile("q", "", ",'priority':7,'workloads':{'mode':'Audit'}");
    fill_in();
    assert_true(is_filled(web)); /* masked */
    put_profile("p", GOING, REMOVE NOW_SECTION(""));
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_NONE);
}

static void test_an_invalid_profile_takes_nothing_back(void **state)
{
    struct record *web;

    (void)state;
    web = begin_filled();
    web->writes = 0;
    put_profile("p", GOING, REMOVE ",'workloads':{'level':'wild'}");
    fill_in();
    assert_int_equal(web->writes, 0);
}

/* ---- Turns ---- */

static void
test_a_profile_that_is_made_again_may_try_what_the_one_before_had_filled_in(void **state)
{
    static struct tried_fill tried;
    static char key[FILL_KEY_LEN_MAX + 1];
    struct record *web;
    struct rollout_mark mark;
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1u << 16);
    begin(FINALIZER, REMOVE NOW_SECTION(""));
    web = put_workload(KIND_STATEFUL_SET, "web", 2, APP, "");
    fill_in();
    (void)snprintf(key, sizeof(key), "%s", facts_of(web)->fill);
    put_profile("p", GOING, REMOVE NOW_SECTION(""));
    fill_in();
    assert_false(is_filled(web));
    world_remove(&world, KIND_PROFILE, "", "p");
    tried = (struct tried_fill){key, false, 0}; /* its history has it */
    pods.tried = &tried;
    pods.tried_count = 1;
    put_profile("p", FINALIZER, REMOVE NOW_SECTION(""));
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
    assert_int_equal(rollout_mark_read(facts_of(web)->rollout, &a, &mark, NULL), 0);
    assert_int_equal(mark.lost, 0);
    assert_string_not_equal(mark.key, key);
}

static void test_a_paused_profile_gives_turns_to_what_goes(void **state)
{
    struct harden_item items[8];
    struct harden_turns turns;
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1u << 20);
    begin(FINALIZER, REMOVE NOW_SECTION(""));
    for (int i = 0; i < 5; i++) {
        static const char *const names[] = {"a", "b", "c", "d", "e"};

        (void)put_workload(KIND_DEPLOYMENT, names[i], 1, APP, "");
        items[i] = (struct harden_item){.workload = &facts_of(&records[i])->object,
                                        .state = i < 3 ? HARDEN_FAILED : HARDEN_WAITS};
    }
    assert_int_equal(harden_turns(&world.view, "p", false, items, 5, &a, &turns, NULL), 0);
    assert_true(turns.is_paused);
    assert_contains(turns.message, "3 of 3 rollouts of profile p failed");
    for (int i = 0; i < 5; i++)
        assert_false(items[i].has_turn);
    put_ns("shop", "other"); /* it no longer decides there: these are to be taken back */
    assert_int_equal(harden_turns(&world.view, "p", false, items, 5, &a, &turns, NULL), 0);
    assert_true(turns.is_paused);
    assert_int_equal(items[3].has_turn + items[4].has_turn, 1);
    items[3].is_idle = items[4].is_idle = true;
    assert_int_equal(harden_turns(&world.view, "p", false, items, 5, &a, &turns, NULL), 0);
    assert_int_equal(items[3].has_turn + items[4].has_turn, 2);
    for (int i = 0; i < 3; i++) /* what failed has come to a good end meanwhile: it stays paused */
        items[i].state = HARDEN_PROVEN;
    put_ns("shop", "shop");
    assert_int_equal(harden_turns(&world.view, "p", true, items, 5, &a, &turns, NULL), 0);
    assert_true(turns.is_paused);
    assert_int_equal(items[3].has_turn + items[4].has_turn, 0);
    assert_int_equal(harden_turns(&world.view, "gone", false, items, 5, &a, &turns, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_removal_leaves_every_workload_as_it_was_one_after_the_other),
        TEST(test_removal_takes_marks_back_that_only_say_why_nothing_is_there),
        TEST(test_removal_does_not_wait_for_a_rollout_for_ever),
        TEST(test_removal_where_nothing_rolls_is_one_write),
        TEST(test_removal_goes_on_when_the_clock_was_set_back_or_nothing_runs_any_more),
        TEST(test_what_git_has_adopted_stays),
        TEST(test_what_cannot_be_told_apart_is_left_and_said_and_holds_nothing_up),
        TEST(test_a_mark_that_another_manager_has_taken_is_left),
        TEST(test_retain_touches_nothing),
        TEST(test_a_namespace_that_is_deselected_is_taken_back_by_a_profile_in_enforce),
        TEST(test_removal_in_audit_or_off_goes_by_the_deletion_alone),
        TEST(test_a_profile_whose_section_is_gone_takes_back_all_the_same),
        TEST(test_the_next_profile_in_enforce_answers_for_what_one_that_goes_has_filled_in),
        TEST(test_one_that_only_looks_on_keeps_nothing_from_being_taken_back),
        TEST(test_an_invalid_profile_takes_nothing_back),
        TEST(test_a_profile_that_is_made_again_may_try_what_the_one_before_had_filled_in),
        TEST(test_a_paused_profile_gives_turns_to_what_goes),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
