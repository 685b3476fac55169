/* All access rules, sorted by id, one a line: rbac_exec is "rbac-exec". */
#include "rampart/reconcilers/access_rule.h"

#define EVERY_RULE(X)               \
    X(rbac_anonymous)               \
    X(rbac_authenticated)           \
    X(rbac_bind)                    \
    X(rbac_cluster_admin)           \
    X(rbac_config_map_credentials)  \
    X(rbac_create_pods)             \
    X(rbac_csr_approval)            \
    X(rbac_default_service_account) \
    X(rbac_ephemeral_containers)    \
    X(rbac_escalate)                \
    X(rbac_exec)                    \
    X(rbac_impersonate)             \
    X(rbac_long_lived_tokens)       \
    X(rbac_missing_role)            \
    X(rbac_missing_subject)         \
    X(rbac_namespaces)              \
    X(rbac_nodes_proxy)             \
    X(rbac_persistent_volumes)      \
    X(rbac_role_writers)            \
    X(rbac_secrets)                 \
    X(rbac_system_masters)          \
    X(rbac_tokens)                  \
    X(rbac_unused_role)             \
    X(rbac_unused_service_account)  \
    X(rbac_webhook_configurations)  \
    X(rbac_wildcards)               \
    X(rbac_workloads)

#define DECLARE(name) extern const struct access_rule access_rule_##name;
#define LIST(name) &access_rule_##name,

EVERY_RULE(DECLARE)

const struct access_rule *const access_rules[] = {EVERY_RULE(LIST)};
const size_t access_rules_count = sizeof(access_rules) / sizeof(access_rules[0]);
