/* The baseline's rules about what the pod states, for itself or for its containers. The facts are
 * those of https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
#include "rules_pod.h"

static void test_host_namespaces_fails_for_each_of_three(void **state)
{
    const struct rule_row rows[] = {
        {"nothing stated", {CONTAINERS({.name = "web"})}, .outcome = RULE_PASS},
        {"false",
         {.host_network = STATED_FALSE, .host_pid = STATED_FALSE, .host_ipc = STATED_FALSE},
         .outcome = RULE_PASS},
        {"hostNetwork", {.host_network = STATED_TRUE}, .outcome = RULE_FAIL, .is_about_pod = true},
        {"hostPID", {.host_pid = STATED_TRUE}, .outcome = RULE_FAIL, .is_about_pod = true},
        {"hostIPC", {.host_ipc = STATED_TRUE}, .outcome = RULE_FAIL, .is_about_pod = true},
        {"hostUsers is no matter of it", {.host_users = STATED_TRUE}, .outcome = RULE_PASS},
    };

    (void)state;
    ASK_ROWS("host-namespaces", rows);
}

#define VOLUMES(...)                                 \
    .volumes = (const struct volume[]){__VA_ARGS__}, \
    .volumes_count = sizeof((const struct volume[]){__VA_ARGS__}) / sizeof(struct volume)

static void test_host_path_volumes_fails_for_files_of_the_node(void **state)
{
    const struct rule_row rows[] = {
        {"no volumes", {CONTAINERS({.name = "web"})}, .outcome = RULE_PASS},
        {"another type", {VOLUMES({"data", "", VOLUME_OTHER})}, .outcome = RULE_PASS},
        {"hostPath",
         {VOLUMES({"data", "", VOLUME_OTHER}, {"logs", "/var/log", VOLUME_HOST_PATH})},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
    };

    (void)state;
    ASK_ROWS("host-path-volumes", rows);
}

#define ANNOTATED(...)                                                              \
    .app_armor = (const struct app_armor_annotation[]){__VA_ARGS__},                \
    .app_armor_count = sizeof((const struct app_armor_annotation[]){__VA_ARGS__}) / \
                       sizeof(struct app_armor_annotation)

static void test_app_armor_profile_may_not_be_unconfined(void **state)
{
    const struct rule_row rows[] = {
        {"nothing stated", {CONTAINERS({.name = "web"})}, .outcome = RULE_PASS},
        {"RuntimeDefault and Localhost",
         {.security = {.app_armor = CONFINEMENT_RUNTIME_DEFAULT},
          CONTAINERS({.name = "web", .security = {.app_armor = CONFINEMENT_LOCALHOST}})},
         .outcome = RULE_PASS},
        {"the pod is Unconfined",
         {.security = {.app_armor = CONFINEMENT_UNCONFINED}, CONTAINERS({.name = "web"})},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {"a container has another word",
         {.security = {.app_armor = CONFINEMENT_RUNTIME_DEFAULT},
          CONTAINERS({.name = "a"}, {.name = "b", .security = {.app_armor = CONFINEMENT_OTHER}})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"annotations that are allowed",
         {CONTAINERS({.name = "a"}, {.name = "b"}, {.name = "c"}),
          ANNOTATED({"a", "runtime/default"}, {"b", "localhost/"}, {"c", ""},
                    {"gone", "localhost/web"})},
         .outcome = RULE_PASS},
        {"an annotation of a container",
         {CONTAINERS({.name = "a"}, {.name = "b"}),
          ANNOTATED({"a", "runtime/default"}, {"b", "unconfined"})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"an annotation of no container",
         {CONTAINERS({.name = "a"}), ANNOTATED({"gone", "unconfined"})},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {"almost an allowed annotation",
         {CONTAINERS({.name = "a"}, {.name = "b"}),
          ANNOTATED({"a", "runtime/defaults"}, {"b", "localhost"})},
         .outcome = RULE_FAIL,
         .containers = 3},
    };

    (void)state;
    ASK_ROWS("app-armor-profile", rows);
}

#define SE_LINUX(...) .security = {.se_linux = &(const struct se_linux){__VA_ARGS__}}

static void test_se_linux_options_are_those_for_containers(void **state)
{
    const struct rule_row rows[] = {
        {"nothing stated", {CONTAINERS({.name = "web"})}, .outcome = RULE_PASS},
        {"types that are allowed",
         {SE_LINUX(.type = "container_t"), CONTAINERS({SE_LINUX(.type = "container_init_t")},
                                                      {SE_LINUX(.type = "container_kvm_t")})},
         .outcome = RULE_PASS},
        {"stated, but empty",
         {SE_LINUX("", "", ""),
          CONTAINERS({SE_LINUX(.type = NULL)}, {SE_LINUX("container_t", "", "")})},
         .outcome = RULE_PASS},
        {"container_engine_t of the pod",
         {SE_LINUX(.type = "container_engine_t")},
         .outcome = RULE_PASS,
         .since_minor = 31,
         .before = RULE_FAIL,
         .is_about_pod = true},
        {"container_engine_t of a container",
         {CONTAINERS({.name = "a"}, {SE_LINUX(.type = "container_engine_t")})},
         .outcome = RULE_PASS,
         .since_minor = 31,
         .before = RULE_FAIL,
         .containers = 2},
        {"spc_t", {SE_LINUX(.type = "spc_t")}, .outcome = RULE_FAIL, .is_about_pod = true},
        {"a user", {SE_LINUX(.user = "system_u")}, .outcome = RULE_FAIL, .is_about_pod = true},
        {"a role of a container",
         {CONTAINERS({SE_LINUX(.type = "container_t", .role = "system_r")})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };

    (void)state;
    ASK_ROWS("se-linux-options", rows);
}

static void test_seccomp_baseline_may_not_be_unconfined(void **state)
{
    const struct rule_row rows[] = {
        {"nothing stated", {CONTAINERS({.name = "web"})}, .outcome = RULE_PASS},
        {"RuntimeDefault and Localhost",
         {.security = {.seccomp = CONFINEMENT_LOCALHOST},
          CONTAINERS({.security = {.seccomp = CONFINEMENT_RUNTIME_DEFAULT}})},
         .outcome = RULE_PASS},
        {"the pod is Unconfined, though its container is not",
         {.security = {.seccomp = CONFINEMENT_UNCONFINED},
          CONTAINERS({.security = {.seccomp = CONFINEMENT_RUNTIME_DEFAULT}})},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {"a container is Unconfined",
         {.security = {.seccomp = CONFINEMENT_RUNTIME_DEFAULT},
          CONTAINERS({.name = "a"}, {.security = {.seccomp = CONFINEMENT_UNCONFINED}})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {"another word on Windows",
         {.is_windows = true, CONTAINERS({.security = {.seccomp = CONFINEMENT_OTHER}})},
         .outcome = RULE_FAIL,
         .containers = 1},
    };

    (void)state;
    ASK_ROWS("seccomp-baseline", rows);
}

/* Each in the first version that has it and in the one before. */
static void test_sysctls_become_safe_with_their_version(void **state)
{
    static const struct {
        const char *name;
        unsigned since_minor;
    } rows[] = {
        {"kernel.shm_rmid_forced", 0},
        {"net.ipv4.ip_local_port_range", 0},
        {"net.ipv4.tcp_syncookies", 0},
        {"net.ipv4.ping_group_range", 0},
        {"net.ipv4.ip_unprivileged_port_start", 0},
        {"net.ipv4.ip_local_reserved_ports", 27},
        {"net.ipv4.tcp_keepalive_time", 29},
        {"net.ipv4.tcp_fin_timeout", 29},
        {"net.ipv4.tcp_keepalive_intvl", 29},
        {"net.ipv4.tcp_keepalive_probes", 29},
        {"net.ipv4.tcp_rmem", 32},
        {"net.ipv4.tcp_wmem", 32},
        {"net.ipv4.tcp_slow_start_after_idle", 37},
        {"net.ipv4.tcp_notsent_lowat", 37},
        {"kernel.msgmax", PSS_MINOR_LATEST + 1},
        {"net/ipv4/tcp_rmem", PSS_MINOR_LATEST + 1},
        {"", PSS_MINOR_LATEST + 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *names[] = {"kernel.shm_rmid_forced", rows[i].name};
        struct rule_row row = {.what = rows[i].name,
                               .pod = {.sysctls = names, .sysctls_count = COUNT_OF(names)},
                               .outcome = RULE_PASS,
                               .since_minor = rows[i].since_minor,
                               .before = RULE_FAIL,
                               .is_about_pod = true};

        ask_rows("sysctls", &row, 1);
    }
}

static void test_pod_without_sysctls_passes(void **state)
{
    const struct rule_row rows[] = {{"none", {.sysctls_count = 0}, .outcome = RULE_PASS}};

    (void)state;
    ASK_ROWS("sysctls", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_namespaces_fails_for_each_of_three),
        cmocka_unit_test(test_host_path_volumes_fails_for_files_of_the_node),
        cmocka_unit_test(test_app_armor_profile_may_not_be_unconfined),
        cmocka_unit_test(test_se_linux_options_are_those_for_containers),
        cmocka_unit_test(test_seccomp_baseline_may_not_be_unconfined),
        cmocka_unit_test(test_sysctls_become_safe_with_their_version),
        cmocka_unit_test(test_pod_without_sysctls_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
