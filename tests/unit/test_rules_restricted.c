/* The rules of the restricted standard. The facts are those of
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
#include "rules_pod.h"

#define HAS(member, value) .security = {.member = (value)}

static void test_allow_privilege_escalation_must_be_false_in_every_container(void **state)
{
    const struct rule_row rows[] = {
        {"no containers", {.containers_count = 0}, .outcome = RULE_PASS},
        {"not stated", {CONTAINERS({.name = "a"})}, .outcome = RULE_FAIL, .containers = 1},
        {"false",
         {CONTAINERS({HAS(allow_privilege_escalation, STATED_FALSE)})},
         .outcome = RULE_PASS},
        {"true in one of each kind",
         {CONTAINERS({.role = CONTAINER_INIT, HAS(allow_privilege_escalation, STATED_TRUE)},
                     {.role = CONTAINER_SIDECAR, HAS(allow_privilege_escalation, STATED_FALSE)},
                     {.role = CONTAINER_MAIN, HAS(allow_privilege_escalation, STATED_FALSE)},
                     {.role = CONTAINER_EPHEMERAL})},
         .outcome = RULE_FAIL,
         .containers = 9},
        {"Windows",
         {.is_windows = true, CONTAINERS({.name = "a"})},
         .outcome = RULE_NOT_APPLICABLE},
        {"a user namespace is no excuse",
         {.host_users = STATED_FALSE, CONTAINERS({.name = "a"})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };

    (void)state;
    ASK_ROWS("allow-privilege-escalation", rows);
}

#define ADD(...)                          \
    .add = (const char *[]){__VA_ARGS__}, \
    .add_count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)

static void test_capabilities_restricted_wants_all_dropped(void **state)
{
    const struct rule_row rows[] = {
        {"no containers", {.containers_count = 0}, .outcome = RULE_PASS},
        {"nothing stated", {CONTAINERS({.name = "a"})}, .outcome = RULE_FAIL, .containers = 1},
        {"ALL", {CONTAINERS({HAS(drops_all, true)})}, .outcome = RULE_PASS},
        {"something else is dropped",
         {CONTAINERS({.security = {.has_drop = true, .drops_net_raw = true}})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"NET_BIND_SERVICE is added",
         {CONTAINERS({.security = {.drops_all = true, ADD("NET_BIND_SERVICE")}})},
         .outcome = RULE_PASS},
        {"NET_BIND_SERVICE is added, and nothing dropped",
         {CONTAINERS({.security = {ADD("NET_BIND_SERVICE")}})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"another one of the default ones is added",
         {CONTAINERS({.security = {.drops_all = true}},
                     {.security = {.drops_all = true, ADD("NET_BIND_SERVICE", "CHOWN")}})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"Windows",
         {.is_windows = true, CONTAINERS({.name = "a"})},
         .outcome = RULE_NOT_APPLICABLE},
        {"each kind",
         {CONTAINERS({.role = CONTAINER_INIT}, {.role = CONTAINER_SIDECAR},
                     {.role = CONTAINER_MAIN}, {.role = CONTAINER_EPHEMERAL})},
         .outcome = RULE_FAIL,
         .containers = 15},
    };

    (void)state;
    ASK_ROWS("capabilities-restricted", rows);
}

static void test_proc_mount_restricted_knows_no_excuse_since_1_35(void **state)
{
    const struct rule_row rows[] = {
        {"nothing stated",
         {CONTAINERS({.name = "a"})},
         .outcome = RULE_PASS,
         .since_minor = 35,
         .before = RULE_NOT_APPLICABLE},
        {"Default",
         {CONTAINERS({HAS(proc_mount, PROC_MOUNT_DEFAULT)})},
         .outcome = RULE_PASS,
         .since_minor = 35,
         .before = RULE_NOT_APPLICABLE},
        {"Unmasked in a user namespace",
         {.host_users = STATED_FALSE, CONTAINERS({HAS(proc_mount, PROC_MOUNT_UNMASKED)})},
         .outcome = RULE_FAIL,
         .since_minor = 35,
         .before = RULE_NOT_APPLICABLE,
         .containers = 1},
        {"another word",
         {CONTAINERS({.name = "a"}, {HAS(proc_mount, PROC_MOUNT_OTHER)})},
         .outcome = RULE_FAIL,
         .since_minor = 35,
         .before = RULE_NOT_APPLICABLE,
         .containers = 2},
    };

    (void)state;
    ASK_ROWS("proc-mount-restricted", rows);
}

static void test_restricted_volumes_refuses_what_it_does_not_know(void **state)
{
    const struct rule_row rows[] = {
        {"no volumes", {.volumes_count = 0}, .outcome = RULE_PASS},
        {"another type",
         {.volumes = &(const struct volume){"data", "", VOLUME_OTHER}, .volumes_count = 1},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {"hostPath",
         {.volumes = &(const struct volume){"logs", "/var/log", VOLUME_HOST_PATH},
          .volumes_count = 1},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
    };

    (void)state;
    ASK_ROWS("restricted-volumes", rows);
}

static void test_run_as_non_root_is_inherited_from_the_pod(void **state)
{
    const struct rule_row rows[] = {
        {"no containers", {.containers_count = 0}, .outcome = RULE_PASS},
        {"nothing stated",
         {CONTAINERS({.name = "a"}, {.name = "b"})},
         .outcome = RULE_FAIL,
         .containers = 3},
        {"the pod",
         {HAS(run_as_non_root, STATED_TRUE), CONTAINERS({.name = "a"})},
         .outcome = RULE_PASS},
        {"every container",
         {CONTAINERS({HAS(run_as_non_root, STATED_TRUE)}, {HAS(run_as_non_root, STATED_TRUE)})},
         .outcome = RULE_PASS},
        {"one container of two",
         {CONTAINERS({HAS(run_as_non_root, STATED_TRUE)}, {.name = "b"})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"the pod, and a container against it",
         {HAS(run_as_non_root, STATED_TRUE),
          CONTAINERS({.name = "a"}, {HAS(run_as_non_root, STATED_FALSE)})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"every container, and the pod against them",
         {HAS(run_as_non_root, STATED_FALSE), CONTAINERS({HAS(run_as_non_root, STATED_TRUE)})},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {"each kind of container",
         {CONTAINERS({.role = CONTAINER_INIT}, {.role = CONTAINER_SIDECAR},
                     {.role = CONTAINER_MAIN}, {.role = CONTAINER_EPHEMERAL})},
         .outcome = RULE_FAIL,
         .containers = 15},
        {"Windows is asked too",
         {.is_windows = true, CONTAINERS({.name = "a"})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"hostUsers: false",
         {.host_users = STATED_FALSE,
          HAS(run_as_non_root, STATED_FALSE),
          CONTAINERS({HAS(run_as_non_root, STATED_FALSE)})},
         .outcome = RULE_NOT_APPLICABLE,
         .since_minor = 35,
         .before = RULE_FAIL,
         .is_about_pod = true,
         .containers = 1},
        {"hostUsers: true",
         {.host_users = STATED_TRUE, CONTAINERS({.name = "a"})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };

    (void)state;
    ASK_ROWS("run-as-non-root", rows);
}

#define USER(id) .security = {.has_run_as_user = true, .run_as_user = (id)}

static void test_run_as_user_refuses_root_by_number(void **state)
{
    const struct rule_row rows[] = {
        {"nothing stated", {CONTAINERS({.name = "a"})}, .outcome = RULE_PASS},
        {"1000", {USER(1000), CONTAINERS({USER(1)})}, .outcome = RULE_PASS},
        {"0 of the pod", {USER(0)}, .outcome = RULE_FAIL, .is_about_pod = true},
        {"0 of the pod, that no container follows",
         {USER(0), CONTAINERS({USER(1000)})},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {"0 of an init container",
         {CONTAINERS({.role = CONTAINER_INIT, USER(0)}, {USER(1000)})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"0 as a group is no matter of it",
         {.security = {.has_run_as_group = true, .run_as_group = 0}},
         .outcome = RULE_PASS},
        {"hostUsers: false",
         {.host_users = STATED_FALSE, USER(0), CONTAINERS({USER(0)})},
         .outcome = RULE_NOT_APPLICABLE,
         .since_minor = 35,
         .before = RULE_FAIL,
         .is_about_pod = true,
         .containers = 1},
    };

    (void)state;
    ASK_ROWS("run-as-user", rows);
}

static void test_seccomp_restricted_wants_a_profile_for_every_container(void **state)
{
    const struct rule_row rows[] = {
        {"no containers", {.containers_count = 0}, .outcome = RULE_PASS},
        {"nothing stated", {CONTAINERS({.name = "a"})}, .outcome = RULE_FAIL, .containers = 1},
        {"the pod",
         {HAS(seccomp, CONFINEMENT_RUNTIME_DEFAULT), CONTAINERS({.name = "a"})},
         .outcome = RULE_PASS},
        {"every container",
         {CONTAINERS({HAS(seccomp, CONFINEMENT_LOCALHOST)},
                     {HAS(seccomp, CONFINEMENT_RUNTIME_DEFAULT)})},
         .outcome = RULE_PASS},
        {"one container of two",
         {CONTAINERS({HAS(seccomp, CONFINEMENT_LOCALHOST)}, {.name = "b"})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"the pod, and a container against it",
         {HAS(seccomp, CONFINEMENT_LOCALHOST),
          CONTAINERS({.name = "a"}, {HAS(seccomp, CONFINEMENT_UNCONFINED)})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"every container, and the pod against them",
         {HAS(seccomp, CONFINEMENT_UNCONFINED), CONTAINERS({HAS(seccomp, CONFINEMENT_LOCALHOST)})},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {"another word of the pod, which its container inherits",
         {HAS(seccomp, CONFINEMENT_OTHER), CONTAINERS({.role = CONTAINER_EPHEMERAL})},
         .outcome = RULE_FAIL,
         .is_about_pod = true,
         .containers = 1},
        {"Windows",
         {.is_windows = true, CONTAINERS({.name = "a"})},
         .outcome = RULE_NOT_APPLICABLE},
    };

    (void)state;
    ASK_ROWS("seccomp-restricted", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allow_privilege_escalation_must_be_false_in_every_container),
        cmocka_unit_test(test_capabilities_restricted_wants_all_dropped),
        cmocka_unit_test(test_proc_mount_restricted_knows_no_excuse_since_1_35),
        cmocka_unit_test(test_restricted_volumes_refuses_what_it_does_not_know),
        cmocka_unit_test(test_run_as_non_root_is_inherited_from_the_pod),
        cmocka_unit_test(test_run_as_user_refuses_root_by_number),
        cmocka_unit_test(test_seccomp_restricted_wants_a_profile_for_every_container),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
