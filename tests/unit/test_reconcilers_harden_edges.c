/* What is not filled in, why, and what is said of it; modes, exceptions, turns, writes. */
#include "reconcilers_harden.h"

static void begin(const char *spec)
{
    put_ns("shop", "shop");
    put_profile("p", "", spec);
}

static void fill_in(void)
{
    operate("p");
    roll_all_out();
    pass_time(20);
    operate("p");
}

/* ---- Who acts ---- */

static void test_nothing_is_done_where_nobody_fills_in(void **state)
{
    struct record *web;

    (void)state;
    put_ns("shop", "shop");
    web = put_web();
    operate("p");
    assert_false(web->step.is_concerned);
    put_profile("p", "", ",'workloads':{'mode':'Audit'}");
    operate("p");
    assert_false(web->step.is_concerned);
    put_profile("p", "", NOW_SECTION(""));
    put_ns("shop", "other");
    operate("p");
    assert_false(web->step.is_concerned);
    put_ns("shop", "shop");
    world.view.own_namespace = "shop";
    operate("p");
    assert_false(web->step.is_concerned);
    world.view.own_namespace = "rampart-system";
    world_put(&world, KIND_NAMESPACE,
              "{'metadata':{'name':'shop','labels':{'team':'shop'},'deletionTimestamp':'2026-01-01T"
              "00:00:00Z'}}");
    operate("p");
    assert_false(web->step.is_concerned);
    world_remove(&world, KIND_NAMESPACE, "", "shop");
    operate("p");
    assert_false(web->step.is_concerned);
    put_ns("shop", "shop");
    json_object_set_new(json_object_get(object_of(web), "metadata"), "deletionTimestamp",
                        json_string("2026-01-01T00:00:00Z"));
    world_publish(&world, web->kind, "shop", "web");
    operate("p");
    assert_false(web->step.is_concerned);
    assert_int_equal(web->writes, 0);
}

static void test_remove_begins_nothing_before_its_finalizer_is_on(void **state)
{
    struct record *web;

    (void)state;
    begin(REMOVE NOW_SECTION(""));
    web = put_web();
    operate("p");
    assert_int_equal(web->writes, 0);
    assert_true(web->step.is_concerned);
    assert_string_equal(web->finding, "");
    put_profile("p", FINALIZER, REMOVE NOW_SECTION(""));
    operate("p");
    assert_true(is_filled(web));
}

static void test_a_proof_under_way_comes_to_its_end_when_the_profile_leaves_enforce(void **state)
{
    static const char *const after[] = {",'workloads':{'mode':'Audit'}",
                                        ",'workloads':{'mode':'Off'}", ",'network':{}", NULL};

    for (size_t i = 0; i < 2 * COUNT_OF(after); i++) {
        const char *spec = after[i / 2];
        struct record *web;

        teardown(state);
        setup(state);
        begin(NOW_SECTION(""));
        web = put_web();
        web->does_crash = i % 2;
        operate("p");
        if (spec)
            put_profile("p", "", spec);
        else
            world_remove(&world, KIND_PROFILE, "", "p");
        fill_in();
        if (phase_of(web) != (i % 2 ? ROLLOUT_REVERTED : ROLLOUT_PROVEN))
            fail_msg("%s: %s", spec ? spec : "gone", rollout_phase_name(phase_of(web)));
        assert_int_equal(is_filled(web), i % 2 == 0);
        assert_int_equal(web->rollouts, 1 + i % 2);
        if (i % 2 && spec)
            assert_int_equal(web->reason, REASON_REVERTED); /* it is said all the same */
        roll_all_out();
        pass_time(1000);
        fill_in();
        assert_int_equal(web->rollouts, 1 + i % 2); /* nothing is begun */
    }
}

static void test_a_failure_is_kept_where_the_profile_says_so(void **state)
{
    struct record *web;

    (void)state;
    begin(NOW_SECTION(",'onFailure':'Keep'"));
    web = put_web();
    web->does_crash = true;
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_KEPT);
    assert_int_equal(web->reason, REASON_WORKLOAD_SKIPPED);
    assert_contains(web->finding, "Kept: Deployment shop/web");
    assert_contains(web->finding, "CrashLoopBackOff");
    assert_int_equal(lives_read, 0);
}

/* ---- Taking back what did not come back ---- */

static void test_a_failed_fill_that_cannot_be_told_apart_is_left_and_said_once(void **state)
{
    static const char *const managers[] = {"ancient-changes", "rampart"};

    for (size_t i = 0; i < COUNT_OF(managers); i++) {
        struct record *web;
        json_t *entries, *entry;

        teardown(state);
        setup(state);
        begin(NOW_SECTION(""));
        web = put_web();
        web->does_crash = true;
        operate("p");
        entries = json_object_get(json_object_get(object_of(web), "metadata"), "managedFields");
        entry = json_array_get(entries, json_array_size(entries) - 1);
        json_object_set_new(entry, "manager", json_string(managers[i]));
        json_object_set_new(entry, "fieldsV1", json_object()); /* "rampart": as a later mark is */
        fill_in();
        assert_int_equal(phase_of(web), ROLLOUT_LEFT);
        assert_true(is_filled(web));
        assert_int_equal(web->step.state, HARDEN_FAILED);
        assert_contains(web->finding, "Left: Deployment shop/web keeps what was filled in");
        assert_contains(web->finding, "CrashLoopBackOff");
        assert_int_equal(web->events, 1);
        web->writes = 0;
        roll_all_out();
        pass_time(1000);
        fill_in();
        forget_all();
        fill_in();
        assert_int_equal(web->writes, 0);
    }
}

static void test_a_failed_fill_that_another_manager_has_as_its_own_by_now_stays(void **state)
{
    struct record *web;
    json_t *entries, *copy;

    (void)state;
    begin(NOW_SECTION(""));
    web = put_web();
    web->does_crash = true;
    operate("p");
    entries = json_object_get(json_object_get(object_of(web), "metadata"), "managedFields");
    copy = json_deep_copy(json_array_get(entries, json_array_size(entries) - 1));
    json_object_set_new(copy, "manager", json_string("argocd"));
    json_array_append_new(entries, copy);
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_LEFT);
    assert_contains(web->finding, "other managers have it as theirs by now");
}

static void test_a_live_object_that_is_not_the_one_of_the_caches_is_read_again(void **state)
{
    static const char *const members[] = {"uid", "resourceVersion"};
    struct record *web;
    struct pods_evidence evidence;

    (void)state;
    begin(NOW_SECTION(""));
    web = put_web();
    web->does_crash = true;
    operate("p");
    roll_all_out();
    pass_time(20);
    evidence = evidence_of(web);
    assert_true(step_once(web, NULL, NULL));
    assert_int_equal(web->step.want, HARDEN_EVIDENCE);
    assert_true(step_once(web, &evidence, NULL));
    assert_int_equal(web->step.want, HARDEN_LIVE);
    assert_true(web->step.keeps_before);
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        json_t *live = json_deep_copy(object_of(web));

        json_object_set_new(json_object_get(live, "metadata"), members[i], json_string("other"));
        assert_true(step_once(web, &evidence, live));
        assert_int_equal(web->step.want, HARDEN_NOTHING);
        assert_int_equal(web->step.look_again_s, world.view.wall_ms / 1000 + HARDEN_BEHIND_LOOK_S);
        json_object_del(json_object_get(live, "metadata"), members[i]);
        assert_true(step_once(web, &evidence, live));
        assert_int_equal(web->step.want, HARDEN_NOTHING);
        json_decref(live);
    }
    assert_int_equal(phase_of(web), ROLLOUT_PROVING);
}

static void test_stuck_pods_of_the_failed_revision_are_deleted_by_their_uid(void **state)
{
    struct stuck_pod stuck = {"web-1", "u1", NULL};
    struct record *web;
    char key[FILL_KEY_LEN_MAX + 1];

    (void)state;
    begin(NOW_SECTION(""));
    web = put_workload(KIND_STATEFUL_SET, "web", 2, APP, "");
    web->does_crash = true;
    operate("p");
    (void)snprintf(key, sizeof(key), "%s", facts_of(web)->fill);
    stuck.key = key;
    fill_in();
    assert_int_equal(phase_of(web), ROLLOUT_REVERTED);
    set_status(web, 1, 1);
    pods.stuck = &stuck;
    pods.stuck_count = 1;
    assert_true(step_once(web, &pods, NULL));
    assert_string_equal(deleted, " web-1/u1");
    assert_int_equal(web->reason, REASON_REVERTED);
    may_delete_pods = false;
    assert_true(step_once(web, &pods, NULL));
    assert_int_equal(web->reason, REASON_WORKLOAD_SKIPPED);
    assert_contains(web->finding, "StuckPods: StatefulSet shop/web is stuck");
}

/* ---- What is said ---- */

static void own(struct record *r)
{
    json_object_set_new(json_object_get(object_of(r), "metadata"), "ownerReferences",
                        json_pack("[{s:s,s:s,s:b}]", "kind", "Database", "name", "orders",
                                  "controller", 1));
}

static void on_delete(struct record *r)
{
    json_object_set_new(json_object_get(object_of(r), "spec"), "updateStrategy",
                        json_pack("{s:s}", "type", "OnDelete"));
}

static void pause_it(struct record *r)
{
    json_object_set_new(json_object_get(object_of(r), "spec"), "paused", json_true());
}

static void spoil(struct record *r)
{
    json_object_set_new(json_object_get(template_of(r), "spec"), "containers", json_integer(7));
}

static void make_ill(struct record *r)
{
    json_object_set_new(json_object_get(object_of(r), "status"), "readyReplicas", json_integer(1));
}

static void no_room(struct record *r)
{
    (void)r;
    pods.has_budget_room = false;
}

static void forget_revisions(struct record *r)
{
    (void)r;
    pods.has_all_tried = false;
}

static void roll(struct record *r)
{
    json_object_set_new(json_object_get(object_of(r), "status"), "updatedReplicas",
                        json_integer(1));
}

static void test_who_is_skipped_is_told_with_the_reason_and_waiting_is_not(void **state)
{
    static const struct {
        void (*arrange)(struct record *r);
        const char *said;
    } cases[] = {
        {own, "OwnedByController: Deployment shop/web is not filled in: it belongs to Database"},
        {on_delete, "CannotProve: Deployment shop/web is not filled in"},
        {pause_it, "Paused: Deployment shop/web is not filled in"},
        {spoil, "Unreadable: Deployment shop/web is not filled in: spec"},
        {make_ill, "Unhealthy: Deployment shop/web is not filled in"},
        {no_room, "NoBudgetRoom: Deployment shop/web is not filled in"},
        {forget_revisions, "TooManyRevisions: Deployment shop/web is not filled in"},
        {roll, ""},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct record *web;

        teardown(state);
        setup(state);
        begin(NOW_SECTION(""));
        web = put_web();
        cases[i].arrange(web);
        world_publish(&world, web->kind, "shop", "web");
        operate("p");
        assert_int_equal(web->writes, 0);
        if (cases[i].said[0])
            assert_contains(web->finding, cases[i].said);
        else
            assert_string_equal(web->finding, "");
        assert_int_equal(web->reason, cases[i].said[0] ? REASON_WORKLOAD_SKIPPED : REASON_NONE);
        operate("p");
        assert_int_equal(web->events, cases[i].said[0] ? 1 : 0);
    }
}

static void test_what_a_look_spoke_against_is_said_until_the_template_changes(void **state)
{
    static const struct container_evidence root = {"app", USER_ROOT, -1};
    struct record *web;

    (void)state;
    begin(",'workloads':{'rollout':{'when':'Now'}}");
    web = put_web();
    pods.users = &root;
    pods.users_count = 1;
    operate("p");
    assert_true(is_filled(web)); /* all but runAsNonRoot */
    assert_contains(web->finding, "WouldBreak: Deployment shop/web is not filled in, or without");
    roll_all_out();
    pass_time(20);
    operate("p");
    assert_int_equal(phase_of(web), ROLLOUT_PROVEN);
    assert_contains(web->finding, "WouldBreak");
    looks = 0;
    pass_time(1000);
    assert_true(step_once(web, NULL, NULL));
    assert_contains(web->finding, "WouldBreak"); /* without looking again */
    set_status(web, 2, 1); /* a pod is away for a moment: that keeps nothing from being filled in */
    assert_true(step_once(web, NULL, NULL));
    assert_contains(web->finding, "WouldBreak");
    set_status(web, 2, 2);
    assert_int_equal(web->events, 1);
    forget_all();
    web->finding[0] = '\0';
    assert_true(step_once(web, NULL, NULL));     /* it waits for its turn to be looked at again */
    assert_contains(web->finding, "WouldBreak"); /* the mark knows */
    assert_true(web->was_said);
    web->finding[0] = '\0';
    forget_all();
    operate("p");
    put_profile("p", "", ",'workloads':{}"); /* filled in with the next change from now on */
    assert_true(step_once(web, NULL, NULL));
    assert_contains(web->finding, "WouldBreak");
    assert_int_equal(web->events, 1); /* all the time */
}

/* ---- Memory ---- */

static void put_exception(const char *spec)
{
    world_put(&world, KIND_EXCEPTION,
              "{'metadata':{'name':'e','namespace':'shop'},'spec':{%s%s,'reason':'old',"
              "'author':'me'}}",
              spec, strstr(spec, "names") ? "" : ",'names':['web']");
}

struct one_step {
    struct harden_input in;
};

static int one_step(void *ctx, struct err *err)
{
    const struct one_step *one = ctx;
    struct harden_step step = {.look_again_s = 77};
    struct plan plan;
    AUTO_ARENA a;
    int r;

    arena_init(&a, 4u << 20);
    plan_init(&plan, &a);
    r = harden_step(&world.view, &one->in, &plan, &step, err);
    if (r < 0)
        assert_int_equal(step.look_again_s, 77);
    return r;
}

static void sweep_step(struct record *r, const struct pods_evidence *evidence)
{
    json_t *live = json_deep_copy(object_of(r));
    struct one_step one = {{.workload = &facts_of(r)->object,
                            .before = r->has_memory ? &r->memory : NULL,
                            .evidence = evidence,
                            .live = live,
                            .has_turn = true,
                            .may_delete_pods = true}};

    assert_true(sweep(one_step, &one) > 3);
    json_decref(live);
}

static int one_turn(void *ctx, struct err *err)
{
    struct harden_item items[4];
    struct harden_turns turns = {.running = 77};
    AUTO_ARENA a;
    int r;

    (void)ctx;
    arena_init(&a, 1u << 20);
    for (int i = 0; i < 4; i++)
        items[i] = (struct harden_item){.workload = &facts_of(&records[0])->object,
                                        .state = i < 3 ? HARDEN_FAILED : HARDEN_WAITS};
    r = harden_turns(&world.view, "p", false, items, 4, &a, &turns, err);
    if (r < 0)
        assert_int_equal(turns.running, 77);
    return r;
}

static void test_each_failing_allocation_of_a_step_is_told(void **state)
{
    struct stuck_pod stuck = {"web-1", "u1", NULL};
    char key[FILL_KEY_LEN_MAX + 1];
    struct record *web;
    struct pods_evidence evidence;

    (void)state;
    put_ns("shop", "shop");
    put_profile("p", FINALIZER, REMOVE NOW_SECTION(""));
    web = put_workload(KIND_STATEFUL_SET, "web", 2, APP, "");
    put_exception("'rules':['net-raw']");
    sweep_step(web, &pods);
    assert_true(sweep(one_turn, NULL) > 1);
    operate("p");
    (void)snprintf(key, sizeof(key), "%s", facts_of(web)->fill);
    web->does_crash = true;
    roll_all_out();
    pass_time(20);
    evidence = evidence_of(web);
    sweep_step(web, &evidence); /* a revert */
    put_profile("p", GOING, REMOVE NOW_SECTION(""));
    sweep_step(web, NULL); /* taking back */
    put_profile("q", "", NOW_SECTION(""));
    sweep_step(web, NULL); /* another answers for it */
    world_remove(&world, KIND_PROFILE, "", "q");
    put_profile("p", FINALIZER, REMOVE NOW_SECTION(""));
    fill_in();
    set_status(web, 1, 1);
    stuck.key = key;
    evidence = pods;
    evidence.stuck = &stuck;
    evidence.stuck_count = 1;
    sweep_step(web, &evidence);
    own(web);
    world_publish(&world, web->kind, "shop", "web");
    sweep_step(web, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_done_where_nobody_fills_in),
        TEST(test_remove_begins_nothing_before_its_finalizer_is_on),
        TEST(test_a_proof_under_way_comes_to_its_end_when_the_profile_leaves_enforce),
        TEST(test_a_failure_is_kept_where_the_profile_says_so),
        TEST(test_a_failed_fill_that_cannot_be_told_apart_is_left_and_said_once),
        TEST(test_a_failed_fill_that_another_manager_has_as_its_own_by_now_stays),
        TEST(test_a_live_object_that_is_not_the_one_of_the_caches_is_read_again),
        TEST(test_stuck_pods_of_the_failed_revision_are_deleted_by_their_uid),
        TEST(test_who_is_skipped_is_told_with_the_reason_and_waiting_is_not),
        TEST(test_what_a_look_spoke_against_is_said_until_the_template_changes),
        TEST(test_each_failing_allocation_of_a_step_is_told),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
