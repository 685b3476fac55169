/* The baseline's rules about what containers state. The facts are those of
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
#include "rules_pod.h"

static void test_privileged_fails_for_a_container_of_any_kind(void **state)
{
    const struct rule_row rows[] = {
        {"nothing stated", {CONTAINERS({.name = "web"})}, .outcome = RULE_PASS},
        {"no containers", {.containers_count = 0}, .outcome = RULE_PASS},
        {"false",
         {CONTAINERS({.name = "web", .security = {.privileged = STATED_FALSE}})},
         .outcome = RULE_PASS},
        {"true",
         {CONTAINERS({.name = "web", .security = {.privileged = STATED_TRUE}})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"an init container",
         {CONTAINERS({.role = CONTAINER_INIT, .security = {.privileged = STATED_TRUE}},
                     {.role = CONTAINER_MAIN})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"a sidecar",
         {CONTAINERS({.role = CONTAINER_SIDECAR, .security = {.privileged = STATED_TRUE}},
                     {.role = CONTAINER_MAIN})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"an ephemeral container and the second of two",
         {CONTAINERS({.role = CONTAINER_MAIN},
                     {.role = CONTAINER_MAIN, .security = {.privileged = STATED_TRUE}},
                     {.role = CONTAINER_EPHEMERAL, .security = {.privileged = STATED_TRUE}})},
         .outcome = RULE_FAIL,
         .containers = 6},
        {"Windows",
         {.is_windows = true, CONTAINERS({.security = {.privileged = STATED_TRUE}})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };

    (void)state;
    ASK_ROWS("privileged", rows);
}

static void test_last_of_the_most_containers_is_seen(void **state)
{
    static struct container containers[POD_CONTAINERS_MAX];
    struct pod_template pod = {.containers = containers, .containers_count = POD_CONTAINERS_MAX};
    struct rule_answer answer;

    (void)state;
    containers[POD_CONTAINERS_MAX - 1].security.privileged = STATED_TRUE;
    answer = ask_pod("privileged", &pod, PSS_MINOR_LATEST);
    assert_int_equal(answer.outcome, RULE_FAIL);
    assert_true(answer.containers == (uint64_t)1 << (POD_CONTAINERS_MAX - 1));
}

static void test_windows_host_process_fails_for_pod_and_containers(void **state)
{
    const struct rule_row rows[] = {
        {"nothing stated", {CONTAINERS({.name = "web"})}, .outcome = RULE_PASS},
        {"false",
         {.security = {.host_process = STATED_FALSE},
          CONTAINERS({.security = {.host_process = STATED_FALSE}})},
         .outcome = RULE_PASS},
        {"the pod",
         {.security = {.host_process = STATED_TRUE}, CONTAINERS({.name = "web"})},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {"a container, though the pod says false",
         {.security = {.host_process = STATED_FALSE},
          CONTAINERS({.role = CONTAINER_INIT}, {.security = {.host_process = STATED_TRUE}})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"both, on Windows",
         {.is_windows = true,
          .security = {.host_process = STATED_TRUE},
          CONTAINERS({.security = {.host_process = STATED_TRUE}})},
         .outcome = RULE_FAIL,
         .is_about_pod = true,
         .containers = 1},
    };

    (void)state;
    ASK_ROWS("windows-host-process", rows);
}

#define ADD(...)                                                                      \
    .security = {.add = (const char *[]){__VA_ARGS__},                                \
                 .add_count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
                 .has_capabilities = true}

static void test_capabilities_baseline_lets_the_default_ones_through(void **state)
{
    const struct rule_row rows[] = {
        {"nothing stated", {CONTAINERS({.name = "web"})}, .outcome = RULE_PASS},
        {"all that are allowed",
         {CONTAINERS(
             {ADD("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
                  "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT")})},
         .outcome = RULE_PASS},
        {"SYS_ADMIN", {CONTAINERS({ADD("SYS_ADMIN")})}, .outcome = RULE_FAIL, .containers = 1},
        {"NET_RAW after one that is allowed",
         {CONTAINERS({.name = "a"}, {ADD("CHOWN", "NET_RAW")})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"ALL", {CONTAINERS({ADD("ALL")})}, .outcome = RULE_FAIL, .containers = 1},
        {"with CAP_", {CONTAINERS({ADD("CAP_CHOWN")})}, .outcome = RULE_FAIL, .containers = 1},
        {"in small letters", {CONTAINERS({ADD("chown")})}, .outcome = RULE_FAIL, .containers = 1},
        {"empty", {CONTAINERS({ADD("")})}, .outcome = RULE_FAIL, .containers = 1},
        {"Windows is asked too",
         {.is_windows = true, CONTAINERS({ADD("SYS_ADMIN")})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"each kind",
         {CONTAINERS({.role = CONTAINER_INIT, ADD("BPF")}, {.role = CONTAINER_SIDECAR, ADD("BPF")},
                     {.role = CONTAINER_MAIN, ADD("BPF")},
                     {.role = CONTAINER_EPHEMERAL, ADD("BPF")})},
         .outcome = RULE_FAIL,
         .containers = 15},
    };

    (void)state;
    ASK_ROWS("capabilities-baseline", rows);
}

static void test_host_ports_fails_for_a_port_of_the_node(void **state)
{
    const struct rule_row rows[] = {
        {"none", {CONTAINERS({.name = "web"})}, .outcome = RULE_PASS},
        {"8080",
         {CONTAINERS({.name = "web", .host_port = 8080})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"of an init container",
         {CONTAINERS({.role = CONTAINER_INIT, .host_port = 1}, {.name = "web"})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"a number that no port has",
         {CONTAINERS({.host_port = -1})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };

    (void)state;
    ASK_ROWS("host-ports", rows);
}

static void test_host_probes_fails_since_1_34(void **state)
{
    const struct rule_row rows[] = {
        {"no host",
         {CONTAINERS({.name = "web"})},
         .outcome = RULE_PASS,
         .since_minor = 34,
         .before = RULE_NOT_APPLICABLE},
        {"a host",
         {CONTAINERS({.name = "web"}, {.probe_host = "169.254.169.254"})},
         .outcome = RULE_FAIL,
         .since_minor = 34,
         .before = RULE_NOT_APPLICABLE,
         .containers = 2},
    };

    (void)state;
    ASK_ROWS("host-probes", rows);
}

static void test_proc_mount_baseline_is_lifted_in_user_namespaces_since_1_35(void **state)
{
    const struct rule_row rows[] = {
        {"nothing stated", {CONTAINERS({.name = "web"})}, .outcome = RULE_PASS},
        {"Default",
         {CONTAINERS({.security = {.proc_mount = PROC_MOUNT_DEFAULT}})},
         .outcome = RULE_PASS},
        {"Unmasked",
         {CONTAINERS({.security = {.proc_mount = PROC_MOUNT_UNMASKED}})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"another word",
         {CONTAINERS({.name = "a"}, {.security = {.proc_mount = PROC_MOUNT_OTHER}})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"hostUsers: true",
         {.host_users = STATED_TRUE, CONTAINERS({.security = {.proc_mount = PROC_MOUNT_UNMASKED}})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {"hostUsers: false",
         {.host_users = STATED_FALSE,
          CONTAINERS({.security = {.proc_mount = PROC_MOUNT_UNMASKED}})},
         .outcome = RULE_NOT_APPLICABLE,
         .since_minor = 35,
         .before = RULE_FAIL,
         .containers = 1},
        {"hostUsers: false, and Default",
         {.host_users = STATED_FALSE, CONTAINERS({.security = {.proc_mount = PROC_MOUNT_DEFAULT}})},
         .outcome = RULE_NOT_APPLICABLE,
         .since_minor = 35,
         .before = RULE_PASS},
    };

    (void)state;
    ASK_ROWS("proc-mount-baseline", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_privileged_fails_for_a_container_of_any_kind),
        cmocka_unit_test(test_last_of_the_most_containers_is_seen),
        cmocka_unit_test(test_windows_host_process_fails_for_pod_and_containers),
        cmocka_unit_test(test_capabilities_baseline_lets_the_default_ones_through),
        cmocka_unit_test(test_host_ports_fails_for_a_port_of_the_node),
        cmocka_unit_test(test_host_probes_fails_since_1_34),
        cmocka_unit_test(test_proc_mount_baseline_is_lifted_in_user_namespaces_since_1_35),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
