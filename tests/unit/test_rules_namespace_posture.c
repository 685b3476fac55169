/* What is read of a namespace for the rules about it. */
#include "support/unit.h"

#include <string.h>

#include "rampart/reconcilers/rules/namespace_posture.h"
#include "support/sweep.h"
#include "support/world.h"

struct bench {
    struct world world;
    struct arena arena;
};

static int setup(void **state)
{
    static struct bench bench;

    world_init(&bench.world);
    arena_init(&bench.arena, 1u << 20);
    world_put(&bench.world, KIND_NAMESPACE, "{'metadata':{'name':'shop'}}");
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    arena_done(&bench->arena);
    world_done(&bench->world);
    return 0;
}

static void put_policy(struct bench *b, const char *ns, const char *name, const char *spec)
{
    world_put(&b->world, KIND_NETWORK_POLICY,
              "{'metadata':{'name':'%s','namespace':'%s'},'spec':%s}", name, ns, spec);
}

static void put_workload(struct bench *b, enum kind kind, const char *ns)
{
    world_put(&b->world, kind, "{'metadata':{'name':'web','namespace':'%s'}}", ns);
}

static int read_posture(struct bench *b, struct namespace_posture *ret_posture, struct err *err)
{
    const struct view *view = &b->world.view;
    const struct object *ns = view_get(view, KIND_NAMESPACE, "", "shop");

    return namespace_posture_read(view, OBJECT_AS(namespace_facts, ns), &b->arena, ret_posture,
                                  err);
}

static struct namespace_posture posture_of(struct bench *b)
{
    struct namespace_posture posture;
    struct err err = {0};

    assert_int_equal(read_posture(b, &posture, &err), 0);
    return posture;
}

static void test_namespace_of_nothing_is_denied_nothing(void **state)
{
    struct namespace_posture posture = posture_of(*state);

    assert_string_equal(posture.name, "shop");
    assert_null(posture.psa_enforce);
    assert_false(posture.ingress.is_denied);
    assert_false(posture.egress.is_denied);
    assert_null(posture.ingress.undone_by);
    assert_null(posture.egress.undone_by);
    assert_null(posture.metadata_by);
    assert_int_equal(posture.workloads_count, 0);
}

static void test_label_of_pod_security_admission_is_read(void **state)
{
    struct bench *b = *state;

    world_put(&b->world, KIND_NAMESPACE,
              "{'metadata':{'name':'shop','labels':{'" LABEL_PSA_ENFORCE "':'baseline'}}}");
    assert_string_equal(posture_of(b).psa_enforce, "baseline");
}

/* A policy for some pods leaves the others as they were; one in another namespace, all of them. */
static void test_deny_counts_when_it_is_for_all_pods_of_the_namespace(void **state)
{
    struct bench *b = *state;
    struct namespace_posture posture;

    put_policy(b, "other", "deny", "{'podSelector':{},'policyTypes':['Ingress','Egress']}");
    put_policy(b, "shop", "some",
               "{'podSelector':{'matchLabels':{'app':'web'}},'policyTypes':['Ingress','Egress']}");
    posture = posture_of(b);
    assert_false(posture.ingress.is_denied);
    assert_false(posture.egress.is_denied);
    put_policy(b, "shop", "in", "{'podSelector':{},'policyTypes':['Ingress']}");
    posture = posture_of(b);
    assert_true(posture.ingress.is_denied);
    assert_false(posture.egress.is_denied);
    put_policy(b, "shop", "out", "{'podSelector':{},'policyTypes':['Egress']}");
    posture = posture_of(b);
    assert_true(posture.egress.is_denied);
    assert_null(posture.ingress.undone_by);
    assert_null(posture.egress.undone_by);
    assert_null(posture.metadata_by);
}

static void test_first_policy_that_undoes_it_is_named(void **state)
{
    struct bench *b = *state;
    struct namespace_posture posture;

    put_policy(b, "shop", "deny", "{'podSelector':{},'policyTypes':['Ingress','Egress']}");
    put_policy(b, "shop", "open-b", "{'podSelector':{},'ingress':[{}],'egress':[{}]}");
    put_policy(b, "shop", "open-a", "{'podSelector':{'matchLabels':{'a':'b'}},'ingress':[{}]}");
    posture = posture_of(b);
    assert_true(posture.ingress.is_denied);
    assert_string_equal(posture.ingress.undone_by, "open-a");
    assert_string_equal(posture.egress.undone_by, "open-b");
    assert_string_equal(posture.metadata_by, "open-b");
}

static void test_policy_that_reaches_the_metadata_api_is_named(void **state)
{
    struct bench *b = *state;

    put_policy(b, "shop", "deny", "{'podSelector':{},'policyTypes':['Ingress','Egress']}");
    put_policy(b, "shop", "web",
               "{'podSelector':{},'policyTypes':['Egress'],'egress':[{'to':[{'ipBlock':"
               "{'cidr':'0.0.0.0/0'}}],'ports':[{'port':80}]}]}");
    put_policy(b, "shop", "zone",
               "{'podSelector':{},'policyTypes':['Egress'],'egress':[{'to':[{'ipBlock':"
               "{'cidr':'169.254.0.0/16'}}]}]}");
    assert_string_equal(posture_of(b).metadata_by, "web");
    assert_null(posture_of(b).egress.undone_by);
}

static void test_workloads_of_every_kind_are_counted(void **state)
{
    struct bench *b = *state;

    put_workload(b, KIND_DEPLOYMENT, "shop");
    put_workload(b, KIND_STATEFUL_SET, "shop");
    put_workload(b, KIND_DAEMON_SET, "shop");
    put_workload(b, KIND_CRON_JOB, "shop");
    put_workload(b, KIND_DEPLOYMENT, "other");
    assert_int_equal(posture_of(b).workloads_count, 4);
}

static int read_from_scratch(void *ctx, struct err *err)
{
    struct bench *b = ctx;
    struct namespace_posture posture = {.name = "untouched"};
    int result;

    arena_done(&b->arena);
    arena_init(&b->arena, 1u << 20);
    result = read_posture(b, &posture, err);
    if (result < 0)
        assert_string_equal(posture.name, "untouched");
    arena_done(&b->arena);
    return result;
}

static void test_posture_survives_each_failing_allocation(void **state)
{
    struct bench *b = *state;

    put_policy(b, "shop", "deny", "{'podSelector':{}}");
    put_workload(b, KIND_DEPLOYMENT, "shop");
    assert_true(sweep(read_from_scratch, b) > 0);
}

static void test_posture_fails_at_each_list_that_finds_no_room(void **state)
{
    struct bench *b = *state;
    struct namespace_posture posture;
    unsigned failures = 0;
    struct err err;
    int result;

    put_policy(b, "shop", "deny", "{'podSelector':{}}");
    put_workload(b, KIND_DEPLOYMENT, "shop");
    for (size_t room = 0;; room += sizeof(max_align_t)) {
        arena_done(&b->arena);
        arena_init(&b->arena, room);
        err = (struct err){0};
        result = read_posture(b, &posture, &err);
        if (result == 0)
            break;
        assert_int_equal(err.code, ERR_NOMEM);
        failures++;
    }
    assert_true(failures > 1); /* of the policies, and of the workloads */
}

#define POSTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POSTURE_TEST(test_namespace_of_nothing_is_denied_nothing),
        POSTURE_TEST(test_label_of_pod_security_admission_is_read),
        POSTURE_TEST(test_deny_counts_when_it_is_for_all_pods_of_the_namespace),
        POSTURE_TEST(test_first_policy_that_undoes_it_is_named),
        POSTURE_TEST(test_policy_that_reaches_the_metadata_api_is_named),
        POSTURE_TEST(test_workloads_of_every_kind_are_counted),
        POSTURE_TEST(test_posture_survives_each_failing_allocation),
        POSTURE_TEST(test_posture_fails_at_each_list_that_finds_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
