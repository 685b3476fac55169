/* Pod templates at their ceilings, and when memory ends. */
#include "kube_pod_template.h"

#include "support/sweep.h"

/* @each of them is read, one more makes the pod unreadable. */
static void test_ceilings(void **state)
{
    static const struct {
        const char *name, *element;
        size_t max;
    } rows[] = {
        {"containers", "{'name':'c'}", POD_CONTAINERS_MAX},
        {"volumes", "{'name':'v'}", POD_VOLUMES_MAX},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t more = 0; more <= 1; more++) {
            json_t *root =
                many("{'spec':{}}", "spec", rows[i].name, rows[i].max + more, rows[i].element);
            struct pod_template pod;
            struct err err = {0};

            assert_int_equal(pod_template_decode(NULL, json_object_get(root, "spec"), *state, &pod,
                                                 &err),
                             0);
            json_decref(root);
            assert_int_equal(pod.unreadable != NULL, more);
        }
    }
}

static void test_containers_of_all_kinds_count_together(void **state)
{
    json_t *root = many("{'spec':{'initContainers':[{'name':'i'}]}}", "spec", "containers",
                        POD_CONTAINERS_MAX, "{'name':'c'}");
    struct pod_template pod;
    struct err err = {0};

    assert_int_equal(pod_template_decode(NULL, json_object_get(root, "spec"), *state, &pod, &err),
                     0);
    json_decref(root);
    assert_string_equal(pod.unreadable,
                        "spec: has 65 containers, of which Rampart reads at most 64");
}

static void test_more_than_1024_apparmor_annotations_are_unreadable(void **state)
{
    json_t *notes = json_object();
    json_t *metadata = json_pack("{s:o}", "annotations", notes);
    json_t *spec = json_object();

    for (unsigned count = 1; count <= POD_APP_ARMOR_MAX + 1; count++) {
        struct pod_template pod;
        struct err err = {0};
        char key[96];

        (void)snprintf(key, sizeof(key), "container.apparmor.security.beta.kubernetes.io/c%u",
                       count);
        assert_int_equal(json_object_set_new(notes, key, json_string("runtime/default")), 0);
        if (count < POD_APP_ARMOR_MAX)
            continue;
        assert_int_equal(pod_template_decode(metadata, spec, *state, &pod, &err), 0);
        assert_int_equal(pod.app_armor_count, pod.unreadable ? 0 : POD_APP_ARMOR_MAX);
        assert_int_equal(pod.unreadable != NULL, count > POD_APP_ARMOR_MAX);
    }
    json_decref(metadata);
    json_decref(spec);
}

static void test_a_text_over_its_ceiling_is_unreadable(void **state)
{
    char text[POD_TEXT_MAX + 128];
    struct pod_template pod;
    int len = snprintf(text, sizeof(text), "{'spec':{'volumes':[{'hostPath':{'path':'");

    memset(text + len, 'x', POD_TEXT_MAX + 1);
    (void)strcpy(text + len + POD_TEXT_MAX + 1, "'}}]}}");
    pod = pod_of(text, *state);
    assert_non_null(pod.unreadable);
}

static int decode_all(void *ctx, struct err *err)
{
    json_t *root = ctx;
    struct pod_template pod = {.containers_count = 77};
    AUTO_ARENA a;
    int r;

    arena_init(&a, 1u << 20);
    r = pod_template_decode(json_object_get(root, "metadata"), json_object_get(root, "spec"), &a,
                            &pod, err);
    assert_true(r == 0 || pod.containers_count == 77);
    return r;
}

static void test_out_of_memory_is_no_verdict(void **state)
{
    json_t *root =
        json_of("{'metadata':{'labels':{'a':'b'},"
                "'annotations':{'container.apparmor.security.beta.kubernetes.io/c':'x'}},"
                "'spec':{'serviceAccountName':'s','securityContext':{'sysctls':[{'name':'a'}],"
                "'seLinuxOptions':{'type':'t'}},"
                "'containers':[{'name':'c','env':[{'name':'TOKEN','value':'x'}],"
                "'livenessProbe':{'httpGet':{'host':'h'}},"
                "'securityContext':{'capabilities':{'add':['A']}}}],"
                "'volumes':[{'name':'v','hostPath':{'path':'/'}}]}}");
    json_t *broken = json_of("{'spec':{'hostPID':7}}");

    (void)state;
    assert_true(sweep(decode_all, root) > 0);
    assert_true(sweep(decode_all, broken) > 0);
    json_decref(root);
    json_decref(broken);
}

/* Each single allocation of an arena that is full. */
static void test_a_full_arena_is_no_verdict(void **state)
{
    json_t *root = json_of(
        "{'metadata':{'annotations':{'container.apparmor.security.beta.kubernetes.io/c':'x'}},"
        "'spec':{'securityContext':{'sysctls':[{'name':'a'}],'seLinuxOptions':{'type':'t'}},"
        "'containers':[{'name':'c','env':[{'name':'TOKEN','value':'x'}]}],"
        "'volumes':[{'name':'v','hostPath':{'path':'/'}}]}}");
    size_t len = 0;
    int r;

    (void)state;
    do {
        struct pod_template pod;
        struct err err = {0};
        AUTO_ARENA a;

        arena_init(&a, len++);
        r = pod_template_decode(json_object_get(root, "metadata"), json_object_get(root, "spec"),
                                &a, &pod, &err);
        assert_int_equal(err.code, r < 0 ? ERR_NOMEM : ERR_NONE);
    } while (r < 0);
    json_decref(root);
    assert_true(len > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_ceilings),
        ARENA_TEST(test_containers_of_all_kinds_count_together),
        ARENA_TEST(test_more_than_1024_apparmor_annotations_are_unreadable),
        ARENA_TEST(test_a_text_over_its_ceiling_is_unreadable),
        ARENA_TEST(test_out_of_memory_is_no_verdict),
        ARENA_TEST(test_a_full_arena_is_no_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
