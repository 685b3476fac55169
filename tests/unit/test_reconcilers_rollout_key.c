/* A rival that takes back what was filled in and wipes the mark, but leaves our key in the
 * template. Facts come from JSON as the API server sends it, digest included. */
#include "rollout_steps.h"

#include "rampart/kube/workload.h"
#include "rampart/sync/frames.h"

static int keep(void *ctx, const struct frame *frame, struct err *err)
{
    enum decode_result result;
    struct object *object;

    (void)ctx;
    if (frame->type != FRAME_ITEM)
        return 0;
    if (object_decode(KIND_DEPLOYMENT, frame->object, &arena, &result, &object, err) < 0)
        return -1;
    web = *OBJECT_AS(workload_facts, object);
    return 0;
}

/* Deployment shop/web, well and settled, with these annotations on its template. */
static void read_web(const char *annotations)
{
    static const char list[] =
        "{\"kind\":\"DeploymentList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{"
        "\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u\",\"resourceVersion\":"
        "\"1\",\"generation\":5,\"managedFields\":[{\"manager\":\"rival\",\"operation\":\"Update\","
        "\"fieldsV1\":{\"f:spec\":{\"f:template\":{}}}}]},\"spec\":{\"replicas\":1,\"template\":{"
        "\"metadata\":{\"labels\":{\"app\":\"web\"}%s},\"spec\":{\"containers\":[{\"name\":\"app\","
        "\"image\":\"i\"}]}}},\"status\":{\"observedGeneration\":5,\"updatedReplicas\":1,"
        "\"readyReplicas\":1,\"availableReplicas\":1}}]}";
    char text[2048];
    struct frames *frames = frames_new(KIND_DEPLOYMENT, true, keep, NULL, NULL);

    (void)snprintf(text, sizeof(text), list, annotations);
    assert_non_null(frames);
    assert_int_equal(frames_feed(frames, text, strlen(text), NULL), 0);
    frames_free(frames);
    assert_null(web.pod.unreadable);
}

/* The rival leaves @key. */
static void read_web_with(const char *key)
{
    char annotations[256];

    (void)snprintf(annotations, sizeof(annotations),
                   ",\"annotations\":{\"rampart.dev/fill\":\"%s\"}", key);
    read_web(annotations);
}

/* What is filled in for the first time, and under which key. */
static const char *first_key(void)
{
    read_web("");
    in.before = NULL;
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    return step.mark.key;
}

static void test_a_fill_that_was_tried_is_not_tried_under_another_key(void **state)
{
    struct tried_fill tried = {first_key(), false, 0};

    (void)state;
    pods.tried = &tried;
    pods.tried_count = 1;
    read_web_with(tried.key);
    expect(ROLLOUT_ACT_NOTHING, ROLLOUT_TRIED_BEFORE);
}

static void test_a_fill_that_was_proven_has_one_more_round_and_no_third(void **state)
{
    struct tried_fill tried[2] = {{first_key(), true, 0}};

    (void)state;
    pods.tried = tried;
    pods.tried_count = 1;
    read_web_with(tried[0].key);
    expect(ROLLOUT_ACT_FILL, ROLLOUT_FINE);
    assert_string_equal(step.mark.key,
                        arena_printf(&arena, "%s" ROLLOUT_SECOND_ROUND, tried[0].key));
    tried[1] = (struct tried_fill){step.mark.key, true, 0};
    pods.tried_count = 2;
    read_web_with(tried[1].key);
    expect(ROLLOUT_ACT_MARK, ROLLOUT_IS_CONTESTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_fill_that_was_tried_is_not_tried_under_another_key,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_fill_that_was_proven_has_one_more_round_and_no_third,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
