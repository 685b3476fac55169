/* All rules, sorted by id, one a line: rule_app_armor_profile is "app-armor-profile". */
#include "rampart/reconcilers/rule.h"

#define EVERY_RULE(X)             \
    X(allow_privilege_escalation) \
    X(app_armor_profile)          \
    X(capabilities_baseline)      \
    X(capabilities_restricted)    \
    X(host_namespaces)            \
    X(host_path_volumes)          \
    X(host_ports)                 \
    X(host_probes)                \
    X(privileged)                 \
    X(proc_mount_baseline)        \
    X(proc_mount_restricted)      \
    X(restricted_volumes)         \
    X(run_as_non_root)            \
    X(run_as_user)                \
    X(se_linux_options)           \
    X(seccomp_baseline)           \
    X(seccomp_restricted)         \
    X(sysctls)                    \
    X(windows_host_process)

#define DECLARE(name) extern const struct rule rule_##name;
#define LIST(name) &rule_##name,

EVERY_RULE(DECLARE)

const struct rule *const rules[] = {EVERY_RULE(LIST)};
const size_t rules_count = sizeof(rules) / sizeof(rules[0]);

_Static_assert(sizeof(rules) / sizeof(rules[0]) <= RULES_MAX, "a set of rules is one word");
