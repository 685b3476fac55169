/* Limits, requests, probes, images, and what stands in environment variables. */
#include "rules_explain.h"

#define ROLE_ROWS(flag_)                                                             \
    {.what = "no container", .pod = {.containers_count = 0}, .outcome = RULE_PASS},  \
        {.what = "all state it",                                                     \
         .pod = {CONTAINERS({.resources = flag_}, {.resources = flag_})},            \
         .outcome = RULE_PASS},                                                      \
        {.what = "the pod states it",                                                \
         .pod = {.resources = flag_, CONTAINERS({.name = "a"})},                     \
         .outcome = RULE_PASS},                                                      \
        {.what = "an init container does not",                                       \
         .pod = {CONTAINERS({.role = CONTAINER_INIT},                                \
                            {.role = CONTAINER_MAIN, .resources = flag_})},          \
         .outcome = RULE_FAIL,                                                       \
         .containers = 1},                                                           \
        {.what = "a sidecar and a main one do not",                                  \
         .pod = {CONTAINERS({.role = CONTAINER_SIDECAR}, {.role = CONTAINER_MAIN})}, \
         .outcome = RULE_FAIL,                                                       \
         .containers = 3},                                                           \
    {                                                                                \
        .what = "an ephemeral one, which may have none",                             \
        .pod = {CONTAINERS({.role = CONTAINER_EPHEMERAL})}, .outcome = RULE_PASS     \
    }

static void test_limits_are_stated_by_the_container_or_the_pod(void **state)
{
    const struct rule_row memory[] = {
        ROLE_ROWS(HAS_MEMORY_LIMIT),
        {.what = "a request is no limit",
         .pod = {CONTAINERS(
             {.role = CONTAINER_MAIN, .resources = HAS_MEMORY_REQUEST | HAS_CPU_LIMIT})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };
    const struct rule_row cpu[] = {
        ROLE_ROWS(HAS_CPU_LIMIT),
        {.what = "a request is no limit",
         .pod = {CONTAINERS(
             {.role = CONTAINER_MAIN, .resources = HAS_CPU_REQUEST | HAS_MEMORY_LIMIT})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };

    (void)state;
    ASK_ROWS("memory-limit", memory);
    ASK_ROWS("cpu-limit", cpu);
    ASSERT_POD_EXPLAINED("memory-limit",
                         "container web: resources.limits.memory is not stated; State",
                         CONTAINERS({.name = "web", .role = CONTAINER_MAIN}));
    ASSERT_POD_EXPLAINED("cpu-limit", "container web: resources.limits.cpu is not stated; State",
                         CONTAINERS({.name = "web", .role = CONTAINER_MAIN}));
}

static void test_requests_are_stated_or_follow_from_the_limits(void **state)
{
    const struct rule_row memory[] = {ROLE_ROWS(HAS_MEMORY_REQUEST), ROLE_ROWS(HAS_MEMORY_LIMIT)};
    const struct rule_row cpu[] = {ROLE_ROWS(HAS_CPU_REQUEST), ROLE_ROWS(HAS_CPU_LIMIT)};

    (void)state;
    ASK_ROWS("memory-request", memory);
    ASK_ROWS("cpu-request", cpu);
    ASSERT_POD_EXPLAINED("memory-request",
                         "container web: neither a request nor a limit of memory is stated; State",
                         CONTAINERS({.name = "web", .role = CONTAINER_MAIN}));
    ASSERT_POD_EXPLAINED("cpu-request",
                         "container web: neither a request nor a limit of CPU is stated; State",
                         CONTAINERS({.name = "web", .role = CONTAINER_MAIN}));
}

static void test_memory_limit_above_the_request_is_found_where_it_stands(void **state)
{
    const struct rule_row rows[] = {
        {.what = "none is",
         .pod = {.resources = HAS_MEMORY_LIMIT, CONTAINERS({.name = "a"})},
         .outcome = RULE_PASS},
        {.what = "one of two containers",
         .pod = {CONTAINERS({.name = "a"}, {.resources = MEMORY_LIMIT_ABOVE_REQUEST})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {.what = "the pod's own",
         .pod = {.resources = MEMORY_LIMIT_ABOVE_REQUEST, CONTAINERS({.name = "a"})},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {.what = "an ephemeral container's, which are none",
         .pod = {CONTAINERS(
             {.role = CONTAINER_EPHEMERAL, .resources = MEMORY_LIMIT_ABOVE_REQUEST})},
         .outcome = RULE_PASS},
    };

    (void)state;
    ASK_ROWS("memory-limit-above-request", rows);
    ASSERT_POD_EXPLAINED("memory-limit-above-request",
                         "pod: resources.limits.memory is more than resources.requests.memory; ",
                         .resources = MEMORY_LIMIT_ABOVE_REQUEST);
}

static void test_probes_are_asked_of_main_containers_that_run_on(void **state)
{
    const struct rule_row liveness[] = {
        {.what = "there",
         .pod = {CONTAINERS({.role = CONTAINER_MAIN, .has_liveness_probe = true})},
         .outcome = RULE_PASS},
        {.what = "another probe",
         .pod = {CONTAINERS({.role = CONTAINER_MAIN, .has_readiness_probe = true})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "init, sidecar, ephemeral",
         .pod = {CONTAINERS({.role = CONTAINER_INIT}, {.role = CONTAINER_SIDECAR},
                            {.role = CONTAINER_EPHEMERAL})},
         .outcome = RULE_PASS},
        {.what = "a Job",
         .pod = {.runs_to_completion = true, CONTAINERS({.role = CONTAINER_MAIN})},
         .outcome = RULE_NOT_APPLICABLE},
    };
    const struct rule_row readiness[] = {
        {.what = "there",
         .pod = {CONTAINERS({.role = CONTAINER_MAIN, .has_readiness_probe = true})},
         .outcome = RULE_PASS},
        {.what = "another probe",
         .pod = {CONTAINERS({.role = CONTAINER_INIT}, {.role = CONTAINER_MAIN,
                                                       .has_startup_probe = true,
                                                       .has_liveness_probe = true})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {.what = "a sidecar",
         .pod = {CONTAINERS({.role = CONTAINER_SIDECAR})},
         .outcome = RULE_PASS},
        {.what = "a Job",
         .pod = {.runs_to_completion = true, CONTAINERS({.role = CONTAINER_MAIN})},
         .outcome = RULE_NOT_APPLICABLE},
    };

    (void)state;
    ASK_ROWS("liveness-probe", liveness);
    ASK_ROWS("readiness-probe", readiness);
    ASSERT_POD_EXPLAINED("liveness-probe", "container web: livenessProbe is not stated; State",
                         CONTAINERS({.name = "web", .role = CONTAINER_MAIN}));
    ASSERT_POD_EXPLAINED("readiness-probe", "container web: readinessProbe is not stated; State",
                         CONTAINERS({.name = "web", .role = CONTAINER_MAIN}));
}

static void test_image_is_named_by_more_than_latest(void **state)
{
    const struct rule_row tag[] = {
        {.what = "a version",
         .pod = {CONTAINERS({.image_tag = IMAGE_TAG_OTHER})},
         .outcome = RULE_PASS},
        {.what = "latest",
         .pod = {CONTAINERS({.image_tag = IMAGE_TAG_LATEST})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "none",
         .pod = {CONTAINERS({.image_tag = IMAGE_TAG_ABSENT})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "none, and a digest",
         .pod = {CONTAINERS({.image_tag = IMAGE_TAG_ABSENT, .image_has_digest = true})},
         .outcome = RULE_PASS},
        {.what = "latest, and a digest",
         .pod = {CONTAINERS({.image_tag = IMAGE_TAG_LATEST, .image_has_digest = true})},
         .outcome = RULE_PASS},
        {.what = "an ephemeral container runs an image too",
         .pod = {CONTAINERS({.role = CONTAINER_EPHEMERAL, .image_tag = IMAGE_TAG_LATEST})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };
    const struct rule_row digest[] = {
        {.what = "there", .pod = {CONTAINERS({.image_has_digest = true})}, .outcome = RULE_PASS},
        {.what = "not in the second",
         .pod = {CONTAINERS({.image_has_digest = true}, {.image_tag = IMAGE_TAG_OTHER})},
         .outcome = RULE_FAIL,
         .containers = 2},
    };

    (void)state;
    ASK_ROWS("image-tag", tag);
    ASK_ROWS("image-digest", digest);
    ASSERT_POD_EXPLAINED("image-tag", "container web: the image's tag is latest; Name",
                         CONTAINERS({.name = "web", .image_tag = IMAGE_TAG_LATEST}));
    ASSERT_POD_EXPLAINED("image-tag", "container web: the image has no tag, which means latest; ",
                         CONTAINERS({.name = "web", .image_tag = IMAGE_TAG_ABSENT}));
    ASSERT_POD_EXPLAINED("image-digest",
                         "container web: the image is named without a digest; Write",
                         CONTAINERS({.name = "web"}));
}

static void test_secrets_in_variables_are_named_by_the_variable_alone(void **state)
{
    const struct rule_row literal[] = {
        {.what = "none", .pod = {CONTAINERS({.name = "a"})}, .outcome = RULE_PASS},
        {.what = "in the second",
         .pod = {CONTAINERS({.name = "a"}, {.secret_env = "DB_PASSWORD"})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {.what = "in an init container",
         .pod = {CONTAINERS({.role = CONTAINER_INIT, .secret_env = "TOKEN"})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };
    const struct rule_row reference[] = {
        {.what = "none", .pod = {CONTAINERS({.secret_env = "TOKEN"})}, .outcome = RULE_PASS},
        {.what = "one",
         .pod = {CONTAINERS({.has_secret_env_ref = true})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };

    (void)state;
    ASK_ROWS("secrets-in-env", literal);
    ASK_ROWS("secrets-as-files", reference);
    ASSERT_POD_EXPLAINED("secrets-in-env",
                         "container web: env DB_PASSWORD has its value in the manifest; Put",
                         CONTAINERS({.name = "web", .secret_env = "DB_PASSWORD"}));
    ASSERT_POD_EXPLAINED("secrets-in-env", "container web: env A?TOKEN has",
                         CONTAINERS({.name = "web", .secret_env = "A\nTOKEN"}));
    ASSERT_POD_EXPLAINED("secrets-as-files",
                         "container web: env or envFrom takes a value from a Secret; Mount",
                         CONTAINERS({.name = "web", .has_secret_env_ref = true}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_are_stated_by_the_container_or_the_pod),
        cmocka_unit_test(test_requests_are_stated_or_follow_from_the_limits),
        cmocka_unit_test(test_memory_limit_above_the_request_is_found_where_it_stands),
        cmocka_unit_test(test_probes_are_asked_of_main_containers_that_run_on),
        cmocka_unit_test(test_image_is_named_by_more_than_latest),
        cmocka_unit_test(test_secrets_in_variables_are_named_by_the_variable_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
