/* Who gives requests and limits in a namespace already, and what its quotas leave. */
#include "support/unit.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/room.h"
#include "support/fill_case.h"

#define CPU (HAS_CPU_REQUEST | HAS_CPU_LIMIT)
#define MEMORY (HAS_MEMORY_REQUEST | HAS_MEMORY_LIMIT)
#define ALL (CPU | MEMORY)

static void read(struct room *room, void (*reader)(struct room *room, const json_t *root),
                 const char *text)
{
    json_t *root = fill_case_json(text);

    reader(room, root);
    json_decref(root);
}

static void test_a_limit_range_gives_what_it_mentions_for_containers_and_pods(void **state)
{
    static const struct {
        const char *limits;
        unsigned given;
    } cases[] = {
        {"[{'type':'Container','default':{'memory':'1Gi'}}]", MEMORY},
        {"[{'type':'Container','defaultRequest':{'cpu':'1'}}]", CPU},
        {"[{'type':'Container','max':{'cpu':'1'}},{'type':'Pod','min':{'memory':'1'}}]", ALL},
        {"[{'type':'Container','maxLimitRequestRatio':{'cpu':'2'}}]", CPU},
        {"[{'type':'PersistentVolumeClaim','max':{'storage':'1Gi','cpu':'1'}}]", 0},
        {"[{'max':{'cpu':'1'}}]", CPU}, /* no type: for the worse */
        {"[{'type':'Container','max':{'ephemeral-storage':'1'}},7]", 0},
        {"7", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct room room = {.is_known = true};
        AUTO_ARENA a;

        arena_init(&a, 1u << 16);
        read(&room, room_limit_range, arena_printf(&a, "{'spec':{'limits':%s}}", cases[i].limits));
        if (room.given != cases[i].given)
            fail_msg("%s: %u", cases[i].limits, room.given);
    }
}

static void test_an_autoscaler_gives_all_to_whom_it_targets_unless_it_is_off(void **state)
{
    static const struct {
        const char *spec;
        unsigned given;
    } cases[] = {
        {"{'targetRef':{'kind':'Deployment','name':'web'}}", ALL},
        {"{'targetRef':{'kind':'Deployment','name':'web'},'updatePolicy':{'updateMode':'Initial'}}",
         ALL},
        {"{'targetRef':{'kind':'Deployment','name':'web'},'updatePolicy':{'updateMode':'Off'}}", 0},
        {"{'targetRef':{'kind':'StatefulSet','name':'web'}}", 0},
        {"{'targetRef':{'kind':'Deployment','name':'other'}}", 0},
        {"{}", 0},
    };
    const struct workload_facts web = {.object = {.kind = KIND_DEPLOYMENT, .name = "web"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct room room = {.is_known = true};
        AUTO_ARENA a;
        json_t *root;

        arena_init(&a, 1u << 16);
        root = fill_case_json(arena_printf(&a, "{'spec':%s}", cases[i].spec));
        room_autoscaler(&room, &web, root);
        json_decref(root);
        if (room.given != cases[i].given)
            fail_msg("%s: %u", cases[i].spec, room.given);
    }
}

/* What two pods (and the one of a rollout) of two containers may not have. */
static unsigned refused(const char *words, const char *const *quotas, enum kind kind)
{
    static const struct container containers[] = {{.name = "a", .role = CONTAINER_MAIN},
                                                  {.name = "b", .role = CONTAINER_MAIN}};
    struct workload_facts w = {.object = {.kind = kind, .name = "web"},
                               .pod = {.containers = containers, .containers_count = 2},
                               .replicas = kind == KIND_CRON_JOB ? 0 : 2};
    struct room room = {.is_known = true};
    struct workloads_section section;
    struct fill fill;
    bool for_quota;
    unsigned flags;
    AUTO_ARENA a;

    arena_init(&a, 1u << 16);
    section = fill_case_section(words, &a);
    assert_int_equal(fill_decide(&w.pod, &section, NULL, 0, NULL, &a, &fill, NULL), 0);
    for (; *quotas; quotas++)
        read(&room, room_quota, *quotas);
    flags = room_refuses(&room, &w, &fill, &for_quota);
    assert_int_equal(for_quota, flags != 0);
    return flags;
}

static void test_what_quotas_do_not_leave_is_refused(void **state)
{
    static const struct {
        const char *words;
        const char *quotas[3];
        unsigned refused;
    } cases[] = {
        {"nothing cpu-request=100m", {"{'status':{'hard':{'requests.cpu':'600m'}}}"}, 0},
        {"nothing cpu-request=100m", {"{'status':{'hard':{'cpu':'599m'}}}"}, CPU},
        {"nothing memory-request=1Mi memory-limit=1Mi",
         {"{'status':{'hard':{'limits.memory':'10Mi'},'used':{'limits.memory':'5Mi'}}}"},
         HAS_MEMORY_LIMIT},
        {"nothing memory-request=1Mi memory-limit=1Mi",
         {"{'status':{'hard':{'limits.memory':'10Mi'},'used':{'limits.memory':'4Mi'}}}"},
         0},
        /* A limit alone is a request as well. */
        {"nothing memory-limit=1Mi", {"{'status':{'hard':{'requests.memory':'5Mi'}}}"}, MEMORY},
        /* The narrowest counts. */
        {"nothing cpu-request=100m",
         {"{'status':{'hard':{'cpu':'1'}}}", "{'status':{'hard':{'cpu':'9'},'used':{'cpu':'9'}}}"},
         CPU},
        {"nothing cpu-request=100m",
         {"{'status':{'hard':{'cpu':'1'},'used':{'cpu':'7'}}}", "{'status':{'hard':{'cpu':'9'}}}"},
         CPU},
        /* Not counted yet: what it states. What cannot be read leaves nothing. */
        {"nothing cpu-limit=100m", {"{'spec':{'hard':{'limits.cpu':'500m'}}}"}, HAS_CPU_LIMIT},
        {"nothing cpu-limit=100m", {"{'spec':{'hard':{'limits.cpu':7}}}"}, HAS_CPU_LIMIT},
        {"nothing cpu-limit=100m",
         {"{'status':{'hard':{'limits.cpu':'9'},'used':{'limits.cpu':'many'}}}"},
         HAS_CPU_LIMIT},
        {"nothing cpu-limit=100m", {"{'status':{'hard':{'pods':'1','limits.memory':'1'}}}"}, 0},
        {"seccomp", {"{'status':{'hard':{'cpu':'0','limits.cpu':'0'}}}"}, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned flags = refused(cases[i].words, cases[i].quotas, KIND_DEPLOYMENT);

        if (flags != cases[i].refused)
            fail_msg("%zu: %s: %u", i, cases[i].words, flags);
    }
    assert_int_equal(refused("nothing cpu-request=100m",
                             (const char *const[]){"{'spec':{'hard':{'cpu':'200m'}}}", NULL},
                             KIND_CRON_JOB),
                     0); /* one pod of it */
}

static void test_what_is_given_is_refused_and_no_quotas_fault(void **state)
{
    const struct workload_facts w = {.object = {.kind = KIND_DEPLOYMENT, .name = "web"}};
    const struct room room = {.is_known = true, .given = MEMORY};
    const struct fill fill = {.leaves_count = 0};
    bool for_quota = true;

    (void)state;
    assert_int_equal(room_refuses(&room, &w, &fill, &for_quota), MEMORY);
    assert_false(for_quota);
}

static void test_what_was_too_large_to_be_read_is_taken_for_the_worse(void **state)
{
    static const char *const cut[] = {"{'(cut)':true}", NULL};
    const struct workload_facts web = {.object = {.kind = KIND_DEPLOYMENT, .name = "web"}};
    struct room room = {.is_known = true};
    json_t *root = fill_case_json(*cut);

    (void)state;
    room_limit_range(&room, root);
    assert_int_equal(room.given, ALL);
    room.given = 0;
    room_autoscaler(&room, &web, root);
    assert_int_equal(room.given, ALL);
    json_decref(root);
    assert_int_equal(refused("nothing cpu-request=100m memory-limit=1Mi", cut, KIND_DEPLOYMENT),
                     ALL);
    assert_int_equal(refused("nothing cpu-request=100m",
                             (const char *const[]){"{'spec':{},'status':{}}", NULL},
                             KIND_DEPLOYMENT),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_limit_range_gives_what_it_mentions_for_containers_and_pods),
        cmocka_unit_test(test_an_autoscaler_gives_all_to_whom_it_targets_unless_it_is_off),
        cmocka_unit_test(test_what_quotas_do_not_leave_is_refused),
        cmocka_unit_test(test_what_is_given_is_refused_and_no_quotas_fault),
        cmocka_unit_test(test_what_was_too_large_to_be_read_is_taken_for_the_worse),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
