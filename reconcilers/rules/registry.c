/* All rules, sorted by id, one a line: rule_app_armor_profile is "app-armor-profile". */
#include "rampart/reconcilers/rule.h"

#define EVERY_RULE(X)                 \
    X(allow_privilege_escalation)     \
    X(app_armor_profile)              \
    X(capabilities_baseline)          \
    X(capabilities_restricted)        \
    X(container_runtime_socket)       \
    X(cpu_limit)                      \
    X(cpu_request)                    \
    X(default_service_account)        \
    X(host_namespaces)                \
    X(host_path_volumes)              \
    X(host_ports)                     \
    X(host_probes)                    \
    X(image_digest)                   \
    X(image_tag)                      \
    X(liveness_probe)                 \
    X(mandatory_access_control)       \
    X(memory_limit)                   \
    X(memory_limit_above_request)     \
    X(memory_request)                 \
    X(namespace_default_deny_egress)  \
    X(namespace_default_deny_ingress) \
    X(namespace_default_unused)       \
    X(namespace_metadata_api)         \
    X(namespace_pod_security)         \
    X(net_raw)                        \
    X(privileged)                     \
    X(proc_mount_baseline)            \
    X(proc_mount_restricted)          \
    X(read_only_root_filesystem)      \
    X(readiness_probe)                \
    X(restricted_volumes)             \
    X(run_as_non_root)                \
    X(run_as_user)                    \
    X(se_linux_options)               \
    X(seccomp_baseline)               \
    X(seccomp_restricted)             \
    X(secrets_as_files)               \
    X(secrets_in_env)                 \
    X(sensitive_placement)            \
    X(sensitive_runtime_class)        \
    X(service_account_token)          \
    X(service_external_ips)           \
    X(service_load_balancer)          \
    X(stated_group)                   \
    X(stated_user)                    \
    X(sysctls)                        \
    X(windows_host_process)

#define DECLARE(name) extern const struct rule rule_##name;
#define LIST(name) &rule_##name,

EVERY_RULE(DECLARE)

const struct rule *const rules[] = {EVERY_RULE(LIST)};
const size_t rules_count = sizeof(rules) / sizeof(rules[0]);

_Static_assert(sizeof(rules) / sizeof(rules[0]) <= RULES_MAX, "a set of rules is one word");
