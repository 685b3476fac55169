/* The facts of a pod template that only the rules beyond the Pod Security Standards ask for. */
#include "kube_fixture.h"

#include "rampart/kube/pod_template.h"
#include "rampart/kube/workload.h"
#include "support/projected.h"

static struct pod_template pod_of(struct arena *a, const char *spec)
{
    struct pod_template pod;
    struct err err = {0};
    json_t *root = json_of(spec);

    assert_int_equal(pod_template_decode(NULL, root, a, &pod, &err), 0);
    json_decref(root);
    return pod;
}

static void test_memory_limit_is_compared_with_its_request(void **state)
{
    static const struct {
        const char *resources;
        bool is_above;
    } rows[] = {
        {"{}", false},
        {"{'limits':{'memory':'1Gi'}}", false},
        {"{'requests':{'memory':'1Gi'}}", false},
        {"{'limits':{'memory':'1Gi'},'requests':{'cpu':'1'}}", false},
        {"{'limits':{'memory':'1Gi'},'requests':{'memory':'1Gi'}}", false},
        {"{'limits':{'memory':'1Gi'},'requests':{'memory':'1024Mi'}}", false},
        {"{'limits':{'memory':'1Gi'},'requests':{'memory':'1G'}}", true},
        {"{'limits':{'memory':'1G'},'requests':{'memory':'1Gi'}}", false},
        {"{'limits':{'memory':1025},'requests':{'memory':'1Ki'}}", true},
        {"{'limits':{'memory':'1Ki'},'requests':{'memory':1024.0}}", false},
        /* What is no quantity is not taken for a small one. */
        {"{'limits':{'memory':'much'},'requests':{'memory':'1Gi'}}", true},
        {"{'limits':{'memory':'1Gi'},'requests':{'memory':'some'}}", true},
        {"{'limits':{'memory':[]},'requests':{'memory':'1Gi'}}", true},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        struct pod_template pod;

        (void)snprintf(text, sizeof(text), "{'containers':[{'name':'a','resources':%s}]}",
                       rows[i].resources);
        pod = pod_of(*state, text);
        assert_null(pod.unreadable);
        if (!(pod.containers[0].resources & MEMORY_LIMIT_ABOVE_REQUEST) == rows[i].is_above)
            fail_msg("%s", rows[i].resources);
        (void)snprintf(text, sizeof(text), "{'resources':%s}", rows[i].resources);
        pod = pod_of(*state, text);
        if (!(pod.resources & MEMORY_LIMIT_ABOVE_REQUEST) == rows[i].is_above)
            fail_msg("of the pod: %s", rows[i].resources);
    }
}

static void test_variables_that_come_from_secrets_are_seen(void **state)
{
    static const struct {
        const char *members;
        bool has_reference;
    } rows[] = {
        {"'env':[]", false},
        {"'env':[{'name':'A','value':'b'}]", false},
        {"'env':[{'name':'A','valueFrom':{'configMapKeyRef':{'name':'c','key':'k'}}}]", false},
        {"'env':[{'name':'A'},{'name':'B','valueFrom':{'secretKeyRef':{'name':'s','key':'k'}}}]",
         true},
        {"'envFrom':[{'configMapRef':{'name':'c'}}]", false},
        {"'envFrom':[{'configMapRef':{'name':'c'}},{'secretRef':{'name':'s'}}]", true},
        {"'env':[5,{'valueFrom':7}],'envFrom':['s']", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        struct pod_template pod;

        (void)snprintf(text, sizeof(text), "{'containers':[{'name':'a',%s}]}", rows[i].members);
        pod = pod_of(*state, text);
        assert_null(pod.unreadable);
        if (pod.containers[0].has_secret_env_ref != rows[i].has_reference)
            fail_msg("%s", rows[i].members);
    }
    assert_non_null(pod_of(*state, "{'containers':[{'name':'a','envFrom':{}}]}").unreadable);
}

static void test_pods_of_jobs_are_known_by_their_restart_policy(void **state)
{
    assert_false(pod_of(*state, "{}").runs_to_completion);
    assert_false(pod_of(*state, "{'restartPolicy':'Always'}").runs_to_completion);
    assert_false(pod_of(*state, "{'restartPolicy':7}").runs_to_completion);
    assert_true(pod_of(*state, "{'restartPolicy':'Never'}").runs_to_completion);
    assert_true(pod_of(*state, "{'restartPolicy':'OnFailure'}").runs_to_completion);
}

static void test_projection_of_a_workload_keeps_these_facts(void **state)
{
    json_t *whole = json_of(
        "{'metadata':{'name':'x','namespace':'shop','uid':'u','resourceVersion':'1'},'spec':{"
        "'jobTemplate':{'spec':{'template':{'spec':{'restartPolicy':'OnFailure','containers':["
        "{'name':'a','envFrom':[{'secretRef':{'name':'s'}}],'resources':{'limits':{'memory':'2Gi'},"
        "'requests':{'memory':'1Gi'}}},"
        "{'name':'b','env':[{'name':'B','valueFrom':{'secretKeyRef':{'name':'s'}}}]}]}}}}}}");
    json_t *kept = projected(whole, resource_of(KIND_CRON_JOB)->keep);
    const struct pod_template *pod =
        &OBJECT_AS(workload_facts, decode_ok(KIND_CRON_JOB, kept, *state))->pod;

    json_decref(whole);
    json_decref(kept);
    assert_true(pod->runs_to_completion);
    assert_int_equal(pod->containers_count, 2);
    assert_true(pod->containers[0].has_secret_env_ref);
    assert_true(pod->containers[1].has_secret_env_ref);
    assert_true(pod->containers[0].resources & MEMORY_LIMIT_ABOVE_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_memory_limit_is_compared_with_its_request),
        ARENA_TEST(test_variables_that_come_from_secrets_are_seen),
        ARENA_TEST(test_projection_of_a_workload_keeps_these_facts),
        ARENA_TEST(test_pods_of_jobs_are_known_by_their_restart_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
