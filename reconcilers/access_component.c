#include "rampart/reconcilers/access_component.h"

#include <string.h>

#include "rules/grant_rule.h"

#define SYSTEM "system:"
#define NAMESPACE_SYSTEM "kube-system"

/* The ClusterRoleBindings of the defaults to groups that anybody can be in; the role has the
 * binding's name. */
static const struct {
    const char *name;
    const char *group;
} defaults[] = {
    {"cluster-admin", ACCESS_GROUP_MASTERS},
    {"system:basic-user", GROUP_AUTHENTICATED},
    {"system:discovery", GROUP_AUTHENTICATED},
    {"system:public-info-viewer", GROUP_AUTHENTICATED},
    {"system:public-info-viewer", GROUP_UNAUTHENTICATED},
    {"system:service-account-issuer-discovery", GROUP_ACCOUNTS},
    {"system:cluster-trust-bundle-discovery", GROUP_ACCOUNTS},
};

/* Roles of the defaults whose name does not begin with "system:". */
static const char *const cluster_roles[] = {"cluster-admin", "admin", "edit", "view"};
static const char role_of_kube_system[] = "extension-apiserver-authentication-reader";

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_default(const struct grant_facts *grant, const struct access_who *who)
{
    if (!grant->is_cluster_wide || !grant->has_cluster_role ||
        strcmp(grant->name, grant->role) != 0)
        return false;
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        if (strcmp(grant->name, defaults[i].name) == 0 && who_is_group(who, defaults[i].group))
            return true;
    }
    return false;
}

static bool is_anybody(const struct access_who *who)
{
    static const char *const groups[] = {ACCESS_GROUP_MASTERS, GROUP_AUTHENTICATED,
                                         GROUP_UNAUTHENTICATED, GROUP_ACCOUNTS};

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (who_is_group(who, groups[i]))
            return true;
    }
    return who->type == ACCESS_USER && strcmp(who->name, USER_ANONYMOUS) == 0;
}

enum access_component access_who_component(const struct grant_facts *grant,
                                           const struct access_who *who, bool is_bootstrapped)
{
    if (who->type == ACCESS_SERVICE_ACCOUNT)
        return access_account_component(who->ns);
    if (is_anybody(who))
        return is_bootstrapped && is_default(grant, who) ? COMPONENT_DEFAULT : COMPONENT_NONE;
    if (who->type == ACCESS_GROUP && has_prefix(who->name, GROUP_ACCOUNTS_OF))
        return access_account_component(who->name + strlen(GROUP_ACCOUNTS_OF));
    return has_prefix(who->name, SYSTEM) ? COMPONENT_SYSTEM_NAME : COMPONENT_NONE;
}

bool access_who_is_component(const struct access_who *who, const struct access_rule *rule)
{
    if (who->component == COMPONENT_DEFAULT)
        return rule->is_meant || who_is_group(who, ACCESS_GROUP_MASTERS);
    return who->component != COMPONENT_NONE;
}

enum access_component access_role_component(const char *ns, const char *name, bool is_bootstrapped)
{
    if (!is_bootstrapped)
        return COMPONENT_NONE;
    if (has_prefix(name, SYSTEM))
        return COMPONENT_DEFAULT;
    if (*ns != '\0')
        return strcmp(ns, NAMESPACE_SYSTEM) == 0 && strcmp(name, role_of_kube_system) == 0
                   ? COMPONENT_DEFAULT
                   : COMPONENT_NONE;
    for (size_t i = 0; i < sizeof(cluster_roles) / sizeof(cluster_roles[0]); i++) {
        if (strcmp(name, cluster_roles[i]) == 0)
            return COMPONENT_DEFAULT;
    }
    return COMPONENT_NONE;
}

enum access_component access_account_component(const char *ns)
{
    return strcmp(ns, NAMESPACE_SYSTEM) == 0 ? COMPONENT_KUBE_SYSTEM : COMPONENT_NONE;
}
