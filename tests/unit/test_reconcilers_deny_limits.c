/* A watched default-deny: who may not get rid of it, what a mark may say, and what goes wrong. */
#include "reconcilers_deny.h"

#include <stdio.h>
#include <stdlib.h>

#include "rampart/json/decode.h"
#include "rampart/kube/workload.h"
#include "support/sweep.h"

/* ---- Who may not get rid of it ---- */

static void set_mark(const char *text)
{
    json_t *annotations = json_object_get(json_object_get(deny(), "metadata"), "annotations");

    if (text)
        json_object_set_new(annotations, ANNOTATION_ROLLOUT, json_string(text));
    else
        json_object_del(annotations, ANNOTATION_ROLLOUT);
    world_touch(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY, "tenant");
}

static void begin(void)
{
    put_web(3, 3);
    put_profile(BARE);
    (void)converge();
    assert_denied();
    assert_non_null(mark());
}

static void test_a_deny_that_was_there_before_is_never_taken_back(void **state)
{
    (void)state;
    put_profile(BARE);
    (void)converge();
    put_web(3, 3);
    put_profile(WITH_ALLOWS); /* another spec of the same profile */
    (void)converge();
    put_web(3, 0);
    pass();
    assert_denied();
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'q','generation':1},'spec':{'mode':'Enforce','priority':1,"
              "'namespaceSelector':{'matchLabels':{'team':'shop'}}," BARE "}}");
    (void)converge();
    assert_denied();
    assert_string_equal(plan.profile, "q");
}

static void test_deleted_while_it_is_watched_it_comes_back_unwatched(void **state)
{
    (void)state;
    begin();
    world_remove(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
    pass();
    assert_int_equal(plan.writes[0].after->reason, REASON_POLICY_DELETED);
    (void)converge();
    assert_denied();
    assert_null(mark());
    put_web(3, 0);
    pass();
    assert_denied();
}

static void test_a_mark_that_somebody_strips_or_spoils_ends_the_watch(void **state)
{
    static const char *const marks[] = {
        NULL,
        "",
        "no JSON",
        "[]",
        "{}",
        "{'phase':'Proven'}",
        "{'phase':7}",
        "{'phase':'Proving'}",
        "{'phase':'Proving','until':'soon','ready':{'0123456789abcdef':3}}",
        "{'phase':'Proving','until':'2026-11-25T00:00:00Z'}",
        "{'phase':'Proving','until':'2026-11-25T00:00:00Z','ready':{}}",
        "{'phase':'Proving','until':'2026-11-25T00:00:00Z','ready':[]}",
        "{'phase':'Proving','until':'2026-11-25T00:00:00Z','ready':{'web':3}}",
        "{'phase':'Proving','until':'2026-11-25T00:00:00Z','ready':{'0123456789abcdef':0}}",
        "{'phase':'Proving','until':'2026-11-25T00:00:00Z','ready':{'0123456789abcdef':'3'}}",
        "{'phase':'TakenBack'}",
        "{'phase':'TakenBack','profile':'p','generation':'1','policies':'0','message':'a'}",
        "{'phase':'TakenBack','profile':'p','generation':1,'message':'a'}",
        "{'phase':'TakenBack','profile':'p','generation':1,'policies':'0'}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        char text[256];

        put_web(3, 3);
        if (deny())
            world_remove(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
        world.has_verdict = false; /* a new process */
        begin();
        (void)snprintf(text, sizeof(text), "%s", marks[i] ? marks[i] : "");
        for (char *c = text; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        set_mark(marks[i] ? text : NULL);
        put_web(3, 0);
        pass();
        if (find(REASON_DENY_TAKEN_BACK))
            fail_msg("taken back for %s", text);
        (void)converge();
        assert_denied();
    }
}

static void test_a_mark_that_is_too_deep_is_none(void **state)
{
    char deep[1024] = "";

    (void)state;
    for (int i = 0; i < 200; i++)
        strcat(deep, "[");
    begin();
    set_mark(deep);
    put_web(3, 0);
    pass();
    assert_denied();
}

/* Who may write the policy may also add one that allows everything; but what is not ours carries no
 * mark that counts. */
static void test_a_mark_on_a_policy_that_is_not_ours_counts_for_nothing(void **state)
{
    (void)state;
    world_put(&world, KIND_NETWORK_POLICY,
              "{'metadata':{'name':'rampart-default-deny','namespace':'shop','annotations':{"
              "'rampart.dev/rollout':'x'}},'spec':{'podSelector':{}}}");
    put_web(3, 3);
    put_profile(BARE);
    pass();
    assert_int_equal(plan.writes_count, 0);
    assert_non_null(find(REASON_NAME_TAKEN));
    assert_null(find(REASON_DENY_TAKEN_BACK));
}

static void test_a_parked_policy_without_its_mark_is_a_deny_again(void **state)
{
    (void)state;
    begin();
    put_web(3, 0);
    (void)converge();
    assert_taken_back();
    put_web(3, 3);
    set_mark(NULL);
    (void)converge();
    assert_denied();
}

static void test_a_watch_under_a_clock_that_went_back_ends(void **state)
{
    (void)state;
    begin();
    later(-10 * 24 * 3600);
    assert_int_equal(converge(), 1);
    assert_denied();
    assert_null(mark());
}

static void put_going(int ready)
{
    world_put(&world, KIND_DEPLOYMENT,
              "{'metadata':{'name':'web','namespace':'shop','deletionTimestamp':"
              "'2026-11-23T12:00:00Z'},'spec':{'replicas':3,'template':{'spec':{'containers':[{"
              "'name':'a','image':'web:1'}]}}},'status':{'readyReplicas':%d}}",
              ready);
}

static void test_a_workload_that_is_going_does_not_count(void **state)
{
    (void)state;
    put_going(3);
    put_profile(BARE);
    (void)converge();
    assert_null(mark());
    world_remove(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
    world.has_verdict = false;
    begin();
    put_going(0);
    pass();
    assert_denied();
}

/* ---- Bounds ---- */

static void put_many(int count, int ready)
{
    for (int i = 0; i < count; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "w%03d", i);
        put_workload(KIND_DEPLOYMENT, name, 1, ready, "1");
    }
}

static void test_of_very_many_workloads_the_first_are_watched(void **state)
{
    struct deny_mark read;

    (void)state;
    put_many(DENY_WATCHED_MAX + 10, 1);
    put_profile(BARE);
    (void)converge();
    assert_true(strlen(mark()) < DENY_MARK_LEN_MAX);
    assert_int_equal(deny_mark_read(mark(), &arena, &read, NULL), 0);
    assert_int_equal(read.before_count, DENY_WATCHED_MAX);
    put_many(DENY_WATCHED_MAX + 10, 0);
    (void)converge();
    assert_taken_back();
    assert_non_null(strstr(
        find(REASON_DENY_TAKEN_BACK)->message,
        "(256 of 256 workloads: Deployment w000 (0 of 1 pods ready), Deployment w001 (0 of 1 pods "
        "ready), Deployment w002 (0 of 1 pods ready), and others)"));
}

static void test_a_full_mark_of_the_largest_numbers_fits(void **state)
{
    struct deny_ready before[DENY_WATCHED_MAX];
    struct deny_mark mark = {.phase = DENY_PROVING,
                             .until_s = 1764000000,
                             .before = before,
                             .before_count = DENY_WATCHED_MAX};
    struct deny_mark read;
    const char *text;

    (void)state;
    for (size_t i = 0; i < DENY_WATCHED_MAX; i++) {
        (void)snprintf(before[i].key, sizeof(before[i].key), "%016zx", DENY_WATCHED_MAX - i);
        before[i].ready = INT32_MAX;
    }
    assert_int_equal(deny_mark_write(&mark, &arena, &text, NULL), 0);
    assert_int_equal(deny_mark_read(text, &arena, &read, NULL), 0);
    assert_int_equal(read.until_s, mark.until_s);
    assert_int_equal(read.before_count, DENY_WATCHED_MAX);
    assert_int_equal(read.before[0].ready, INT32_MAX);
    assert_string_equal(read.before[0].key, "0000000000000001"); /* sorted */
}

static void test_a_mark_of_more_workloads_than_are_watched_is_none(void **state)
{
    char text[DENY_MARK_LEN_MAX];
    struct deny_mark read;
    struct err err = {0};
    int len = snprintf(text, sizeof(text),
                       "{\"phase\":\"Proving\",\"until\":\"2026-11-25T00:00:00Z\",\"ready\":{");

    (void)state;
    for (int i = 0; i <= DENY_WATCHED_MAX; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%s\"%016x\":1", i ? "," : "", i);
    (void)snprintf(text + len, sizeof(text) - (size_t)len, "}}");
    assert_int_equal(deny_mark_read(text, &arena, &read, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.msg, "rampart.dev/rollout: ready: expected 1 to 256 workloads");
}

static void test_long_names_are_cut_in_what_is_said(void **state)
{
    char name[NAME_LEN_MAX + 1];

    (void)state;
    memset(name, 'a', NAME_LEN_MAX);
    name[NAME_LEN_MAX] = '\0';
    put_workload(KIND_DEPLOYMENT, name, 1, 1, "1");
    put_profile(BARE);
    (void)converge();
    put_workload(KIND_DEPLOYMENT, name, 1, 0, "1");
    (void)converge();
    assert_taken_back();
    assert_non_null(strstr(find(REASON_DENY_TAKEN_BACK)->message, "aaa...); see what"));
}

/* ---- Memory ---- */

static int plan_once(void *ctx, struct err *err)
{
    AUTO_ARENA a;
    struct plan swept;

    (void)ctx;
    arena_init(&a, 4u << 20);
    plan_init(&swept, &a);
    return network_plan(&world.view, "shop", &swept, err) < 0 ? -1 : plan_check(&swept, err);
}

static void test_every_allocation_may_fail(void **state)
{
    static const char *const profiles[] = {WITH_ALLOWS,
                                           "'network':{'rollout':{'onFailure':'Keep'}}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        if (deny())
            world_remove(&world, KIND_NETWORK_POLICY, "shop", POLICY_DENY);
        world.has_verdict = false;
        put_web(3, 3);
        put_workload(KIND_DAEMON_SET, "agent", 1, 1, "1");
        put_profile(profiles[i]);
        assert_true(sweep(plan_once, NULL) > 0); /* it comes */
        (void)converge();
        assert_true(sweep(plan_once, NULL) > 0); /* it is watched */
        put_web(3, 0);
        put_workload(KIND_DAEMON_SET, "agent", 1, 0, "1");
        assert_true(sweep(plan_once, NULL) > 0); /* it breaks */
        (void)converge();
        assert_true(sweep(plan_once, NULL) > 0); /* it is parked, or kept */
    }
}

/* ---- Which changes matter ---- */

static unsigned marked_count;

static void mark_namespace(void *ctx, const char *ns)
{
    (void)ctx;
    assert_string_equal(ns, "shop");
    marked_count++;
}

static unsigned marks_of(const struct object *before, const struct object *after)
{
    const struct dirty dirty = {.mark_namespace = mark_namespace};

    marked_count = 0;
    network_map(&world.view, before, after, &dirty);
    return marked_count;
}

static void test_a_workload_matters_while_the_deny_has_a_mark(void **state)
{
    struct workload_facts web = {
        .object = {.kind = KIND_DEPLOYMENT, .ns = "shop", .name = "web", .uid = "u", .rv = "1"},
        .replicas = 3,
        .replicas_ready = 3};
    struct workload_facts unready = web, scaled = web, job = web;

    (void)state;
    unready.replicas_ready = 2;
    scaled.replicas = 2;
    job.object.kind = KIND_CRON_JOB;
    assert_int_equal(marks_of(&web.object, &unready.object), 0); /* no deny */
    begin();
    assert_int_equal(marks_of(&web.object, &unready.object), 1);
    assert_int_equal(marks_of(&web.object, &scaled.object), 1);
    assert_int_equal(marks_of(NULL, &web.object), 1);
    assert_int_equal(marks_of(&web.object, NULL), 1);
    assert_int_equal(marks_of(&web.object, &web.object), 0);
    assert_int_equal(marks_of(&job.object, NULL), 0);
    later(DEADLINE_S);
    (void)converge();
    assert_int_equal(marks_of(&web.object, &unready.object), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_a_deny_that_was_there_before_is_never_taken_back),
        WITH_WORLD(test_deleted_while_it_is_watched_it_comes_back_unwatched),
        WITH_WORLD(test_a_mark_that_somebody_strips_or_spoils_ends_the_watch),
        WITH_WORLD(test_a_mark_that_is_too_deep_is_none),
        WITH_WORLD(test_a_mark_on_a_policy_that_is_not_ours_counts_for_nothing),
        WITH_WORLD(test_a_parked_policy_without_its_mark_is_a_deny_again),
        WITH_WORLD(test_a_watch_under_a_clock_that_went_back_ends),
        WITH_WORLD(test_a_workload_that_is_going_does_not_count),
        WITH_WORLD(test_of_very_many_workloads_the_first_are_watched),
        WITH_WORLD(test_a_full_mark_of_the_largest_numbers_fits),
        WITH_WORLD(test_a_mark_of_more_workloads_than_are_watched_is_none),
        WITH_WORLD(test_long_names_are_cut_in_what_is_said),
        WITH_WORLD(test_every_allocation_may_fail),
        WITH_WORLD(test_a_workload_matters_while_the_deny_has_a_mark),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
