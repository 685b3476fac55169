/* A pod that keeps every rule of the Pod Security Standards, and one that breaks every one. */
#ifndef RAMPART_TESTS_RULES_HOSTILE_POD_H
#define RAMPART_TESTS_RULES_HOSTILE_POD_H

#include "rampart/kube/pod_template.h"

static const struct se_linux good_se_linux = {.type = "container_t"};
static const char *good_sysctls[] = {"net.ipv4.tcp_syncookies"};
static const char *good_add[] = {"NET_BIND_SERVICE"};

#define GOOD_SECURITY                                                                             \
    {                                                                                             \
        .is_stated = true, .run_as_non_root = STATED_TRUE, .privileged = STATED_FALSE,            \
        .allow_privilege_escalation = STATED_FALSE, .read_only_root_filesystem = STATED_TRUE,     \
        .host_process = STATED_FALSE, .seccomp = CONFINEMENT_RUNTIME_DEFAULT,                     \
        .app_armor = CONFINEMENT_LOCALHOST, .proc_mount = PROC_MOUNT_DEFAULT,                     \
        .has_run_as_user = true, .run_as_user = 1000, .has_capabilities = true, .has_drop = true, \
        .drops_all = true, .drops_net_raw = true, .se_linux = &good_se_linux, .add = good_add,    \
        .add_count = 1                                                                            \
    }

static const struct container good_containers[] = {
    {.name = "init", .role = CONTAINER_INIT, .security = GOOD_SECURITY},
    {.name = "proxy", .role = CONTAINER_SIDECAR, .security = GOOD_SECURITY},
    {.name = "web", .role = CONTAINER_MAIN, .security = GOOD_SECURITY},
    {.name = "debug", .role = CONTAINER_EPHEMERAL, .security = GOOD_SECURITY},
};

static const struct app_armor_annotation good_app_armor[] = {{"web", "runtime/default"}};

static const struct pod_template restricted_pod = {
    .security = GOOD_SECURITY,
    .containers = good_containers,
    .containers_count = 4,
    .sysctls = good_sysctls,
    .sysctls_count = 1,
    .app_armor = good_app_armor,
    .app_armor_count = 1,
    .host_network = STATED_FALSE,
    .host_pid = STATED_FALSE,
    .host_ipc = STATED_FALSE,
};

static const struct se_linux bad_se_linux = {"spc_t", "system_u", "system_r"};
static const char *bad_sysctls[] = {"kernel.msgmax"};
static const char *bad_add[] = {"SYS_ADMIN"};

#define BAD_SECURITY                                                                          \
    {                                                                                         \
        .is_stated = true, .run_as_non_root = STATED_FALSE, .privileged = STATED_TRUE,        \
        .allow_privilege_escalation = STATED_TRUE, .read_only_root_filesystem = STATED_FALSE, \
        .host_process = STATED_TRUE, .seccomp = CONFINEMENT_UNCONFINED,                       \
        .app_armor = CONFINEMENT_UNCONFINED, .proc_mount = PROC_MOUNT_UNMASKED,               \
        .has_run_as_user = true, .run_as_user = 0, .has_capabilities = true,                  \
        .se_linux = &bad_se_linux, .add = bad_add, .add_count = 1                             \
    }

static const struct container bad_containers[] = {
    {.name = "init",
     .role = CONTAINER_INIT,
     .security = BAD_SECURITY,
     .host_port = 80,
     .probe_host = "10.0.0.1"},
    {.name = "proxy",
     .role = CONTAINER_SIDECAR,
     .security = BAD_SECURITY,
     .host_port = 80,
     .probe_host = "10.0.0.1"},
    {.name = "web",
     .role = CONTAINER_MAIN,
     .security = BAD_SECURITY,
     .host_port = 80,
     .probe_host = "10.0.0.1"},
    {.name = "debug",
     .role = CONTAINER_EPHEMERAL,
     .security = BAD_SECURITY,
     .host_port = 80,
     .probe_host = "10.0.0.1"},
};

static const struct volume bad_volumes[] = {{"sock", "/var/run/docker.sock", VOLUME_HOST_PATH},
                                            {"share", "", VOLUME_OTHER}};
static const struct app_armor_annotation bad_app_armor[] = {{"web", "unconfined"}};

static const struct pod_template hostile_pod = {
    .security = BAD_SECURITY,
    .containers = bad_containers,
    .containers_count = 4,
    .volumes = bad_volumes,
    .volumes_count = 2,
    .sysctls = bad_sysctls,
    .sysctls_count = 1,
    .app_armor = bad_app_armor,
    .app_armor_count = 1,
    .host_network = STATED_TRUE,
    .host_pid = STATED_TRUE,
    .host_ipc = STATED_TRUE,
    .host_users = STATED_TRUE,
};

#endif
