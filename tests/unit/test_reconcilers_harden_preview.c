/* What a plan says of one workload without reading its pods. */
#include "support/unit.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/harden_preview.h"
#include "support/sweep.h"
#include "support/world.h"

#define WEB "'containers':[{'name':'web'}]"
#define NOW ",'rollout':{'when':'Now'}"
#define NOTHING                                                                                    \
    "'runAsNonRoot':false,'seccompProfile':'','allowPrivilegeEscalation':true,'dropCapabilities':" \
    "[]"
#define DROP "'runAsNonRoot':false,'seccompProfile':'','allowPrivilegeEscalation':true"
#define ESCALATION "'runAsNonRoot':false,'seccompProfile':'','dropCapabilities':[]"
#define NON_ROOT "'seccompProfile':'','allowPrivilegeEscalation':true,'dropCapabilities':[]"
#define WELL                                                                      \
    "'observedGeneration':2,'replicas':2,'updatedReplicas':2,'readyReplicas':2,'" \
    "availableReplicas':2"

static struct world world;

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{'team':'shop'}}}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static void put_profile(const char *mode, const char *fill, const char *more)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'hard','generation':1},'spec':{'mode':'%s','namespaceSelector':{"
              "'matchLabels':{'team':'shop'}},'workloads':{'fill':{%s}%s}}}",
              mode, fill, more);
}

static const struct object *put_deployment(const char *pod, const char *spec, const char *status)
{
    world_put(&world, KIND_DEPLOYMENT,
              "{'metadata':{'name':'web','namespace':'shop','generation':2},'spec':{%s,'template':{"
              "'metadata':{'labels':{'app':'web'}},'spec':{%s}}},'status':{%s}}",
              spec, pod, status);
    return view_get(&world.view, KIND_DEPLOYMENT, "shop", "web");
}

/* "now: runAsNonRoot? seccompProfile contradicted | why" */
static void assert_preview(const struct object *workload, const char *claim, const char *expected)
{
    static const char *const whens[PREVIEW_WHEN_COUNT] = {"never", "now", "next", "idle", "alone"};
    AUTO_ARENA a;
    struct err err = {0};
    struct harden_preview p;
    const char *text;

    arena_init(&a, 1 << 20);
    assert_int_equal(harden_preview(&world.view, workload, &a, &p, &err), 0);
    text = p.profile ? arena_printf(&a, "%s:", whens[p.when]) : "nobody";
    for (int f = FILL_NONE + 1; f < FILL_COUNT; f++) {
        if (p.fields & (1u << f))
            text = arena_printf(&a, "%s %s%s", text, fill_field_name((enum fill_field)f),
                                p.asked & (1u << f) ? "?" : "");
    }
    text = arena_printf(&a, "%s%s%s%s", text, p.is_contradicted ? " contradicted" : "",
                        p.message[0] ? " | " : "", p.message);
    if (strcmp(text, expected) != 0)
        fail_msg("%s:\n  expected \"%s\"\n  got      \"%s\"", claim, expected, text);
}

static void test_it_says_what_is_filled_in_and_of_what_the_pods_are_asked(void **state)
{
    static const struct {
        const char *claim, *pod, *fill, *text;
    } rows[] = {
        {"the defaults", WEB, "",
         "now: runAsNonRoot? seccompProfile allowPrivilegeEscalation dropCapabilities"},
        {"in the containers",
         "'initContainers':[{'name':'a','securityContext':{'seccompProfile':{"
         "'type':'Localhost'}}}]," WEB,
         "'runAsNonRoot':false", "now: seccompProfile allowPrivilegeEscalation dropCapabilities"},
        {"more than the defaults", WEB,
         DROP ",'readOnlyRootFilesystem':true,'resources':{'limits':{'cpu':'1'}}",
         "now: dropCapabilities readOnlyRootFilesystem resources"},
        {"nothing is wanted", WEB, NOTHING, "never:"},
        {"the owner has said who it runs as", "'securityContext':{'runAsUser':7}," WEB, NON_ROOT,
         "now: runAsNonRoot"},
        {"... of one container",
         "'containers':[{'name':'a','securityContext':{'runAsNonRoot':true}},{'name':'b',"
         "'securityContext':{'runAsUser':1}}]",
         NON_ROOT, "now: runAsNonRoot"},
        {"all of it is stated otherwise",
         "'containers':[{'name':'web','securityContext':{'allowPrivilegeEscalation':true}}]",
         ESCALATION, "never: contradicted"},
        {"some of it is",
         "'containers':[{'name':'web','securityContext':{'allowPrivilegeEscalation':true}}]",
         "'runAsNonRoot':false,'seccompProfile':''", "now: dropCapabilities contradicted"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        put_profile("Enforce", rows[i].fill, NOW);
        assert_preview(put_deployment(rows[i].pod, "'replicas':2", WELL), rows[i].claim,
                       rows[i].text);
    }
}

static void test_it_says_when(void **state)
{
    (void)state;
    put_profile("Enforce", DROP, NOW);
    assert_preview(put_deployment(WEB, "'replicas':2", WELL), "a rollout of its own",
                   "now: dropCapabilities");
    assert_preview(put_deployment(WEB, "'replicas':0", "'observedGeneration':2"), "nothing runs",
                   "idle: dropCapabilities");
    put_profile("Enforce", DROP, "");
    assert_preview(put_deployment(WEB, "'replicas':2", WELL), "with the owner's",
                   "next: dropCapabilities");
    assert_preview(put_deployment(WEB, "'replicas':2",
                                  "'observedGeneration':1,'replicas':2,'updatedReplicas':2"),
                   "... which runs already", "next: dropCapabilities");
    world_put(&world, KIND_CRON_JOB,
              "{'metadata':{'name':'nightly','namespace':'shop'},'spec':{'jobTemplate':{'spec':{"
              "'template':{'spec':{" WEB "}}}}}}");
    assert_preview(view_get(&world.view, KIND_CRON_JOB, "shop", "nightly"), "nothing restarts",
                   "idle: dropCapabilities");
}

static void test_what_was_just_made_is_filled_in_before_anything_restarts(void **state)
{
    (void)state;
    world_put(&world, KIND_DEPLOYMENT,
              "{'metadata':{'name':'new','namespace':'shop','generation':1},'spec':{'replicas':2,"
              "'template':{'spec':{" WEB "}}}}");
    put_profile("Enforce", DROP, NOW);
    assert_preview(view_get(&world.view, KIND_DEPLOYMENT, "shop", "new"), "now",
                   "now: dropCapabilities");
    put_profile("Enforce", DROP, "");
    assert_preview(view_get(&world.view, KIND_DEPLOYMENT, "shop", "new"), "with the owner's",
                   "next: dropCapabilities");
}

static void test_it_says_who_is_left_alone_and_why(void **state)
{
    (void)state;
    put_profile("Enforce", DROP, NOW);
    assert_preview(put_deployment(WEB, "'replicas':2",
                                  "'observedGeneration':2,'replicas':2,'updatedReplicas':2,"
                                  "'readyReplicas':1,'availableReplicas':1"),
                   "not well",
                   "alone: dropCapabilities | Unhealthy: not all of its replicas are ready: filled "
                   "in once they are");
    assert_preview(put_deployment(WEB, "'replicas':2,'paused':true", WELL), "paused",
                   "alone: dropCapabilities | Paused: it is paused");
    assert_preview(put_deployment("'hostPID':'yes'", "'replicas':2", WELL), "not to be read",
                   "alone: | Unreadable: spec.hostPID: expected true or false, got a string");
}

static void test_nothing_is_said_where_nobody_fills_in(void **state)
{
    const struct object *web = put_deployment(WEB, "'replicas':2", WELL);

    (void)state;
    assert_preview(web, "no profile", "nobody");
    put_profile("Audit", DROP, NOW);
    assert_preview(web, "in Audit", "nobody");
    put_profile("Enforce", DROP, NOW);
    world_put(&world, KIND_DEPLOYMENT,
              "{'metadata':{'name':'web','namespace':'shop','deletionTimestamp':"
              "'2026-01-01T00:00:00Z'},'spec':{'template':{'spec':{" WEB "}}}}");
    assert_preview(view_get(&world.view, KIND_DEPLOYMENT, "shop", "web"), "going", "nobody");
}

static void test_what_is_exempted_is_not_filled_in_and_contradicts_nothing(void **state)
{
    (void)state;
    put_profile("Enforce", "'runAsNonRoot':false,'seccompProfile':''", NOW);
    world_put(&world, KIND_EXCEPTION,
              "{'metadata':{'name':'legacy','namespace':'shop'},'spec':{'rules':["
              "'capabilities-restricted'],'names':['web'],'reason':'old','author':'ops'}}");
    assert_preview(put_deployment(WEB, "'replicas':2", WELL), "exempted from one rule",
                   "now: allowPrivilegeEscalation");
}

static int preview_once(void *ctx, struct err *err)
{
    struct harden_preview p = {.message = "untouched"};
    AUTO_ARENA a;

    arena_init(&a, 1 << 20);
    if (harden_preview(&world.view, ctx, &a, &p, err) < 0) {
        assert_string_equal(p.message, "untouched");
        return -1;
    }
    return 0;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    put_profile("Enforce", "", NOW);
    assert_true(sweep(preview_once,
                      (void *)(uintptr_t)put_deployment(WEB, "'replicas':2,'paused':true", WELL)) >
                0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_says_what_is_filled_in_and_of_what_the_pods_are_asked),
        TEST(test_it_says_when),
        TEST(test_what_was_just_made_is_filled_in_before_anything_restarts),
        TEST(test_it_says_who_is_left_alone_and_why),
        TEST(test_nothing_is_said_where_nobody_fills_in),
        TEST(test_what_is_exempted_is_not_filled_in_and_contradicts_nothing),
        TEST(test_each_allocation_may_fail),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
