/* Who is of the cluster itself, and who was granted something by people. */
#include "rules_grant.h"

#include "rampart/reconcilers/access_component.h"

struct row {
    const char *binding, *role;
    bool is_bootstrapped;
    struct access_who who;
    enum access_component component;
};

#define USER(name_)                                  \
    {                                                \
        .type = ACCESS_USER, .ns = "", .name = name_ \
    }
#define GROUP(name_)                                  \
    {                                                 \
        .type = ACCESS_GROUP, .ns = "", .name = name_ \
    }
#define ACCOUNT(ns_, name_)                                      \
    {                                                            \
        .type = ACCESS_SERVICE_ACCOUNT, .ns = ns_, .name = name_ \
    }

static void ask(const struct row *row, bool is_cluster_wide, bool has_cluster_role,
                enum access_component wanted)
{
    struct grant_facts grant = grant_of((struct rbac_rules){0});
    enum access_component component;

    grant.name = row->binding;
    grant.role = row->role;
    grant.is_cluster_wide = is_cluster_wide;
    grant.has_cluster_role = has_cluster_role;
    component = access_who_component(&grant, &row->who, row->is_bootstrapped);
    if (component != wanted)
        fail_msg("%s of binding %s: \"%s\", not \"%s\"", row->who.name, row->binding,
                 access_component_name(component), access_component_name(wanted));
}

static void test_subject_is_a_component_by_its_name_or_its_namespace(void **state)
{
    static const struct row rows[] = {
        {"b", "r", false, USER("kim"), COMPONENT_NONE},
        {"b", "r", true, USER("kim"), COMPONENT_NONE},
        {"b", "r", false, USER("system:kube-scheduler"), COMPONENT_SYSTEM_NAME},
        {"b", "r", false, GROUP("system:nodes"), COMPONENT_SYSTEM_NAME},
        {"b", "r", false, GROUP("ops"), COMPONENT_NONE},
        {"b", "r", false, ACCOUNT("kube-system", "coredns"), COMPONENT_KUBE_SYSTEM},
        {"b", "r", false, ACCOUNT("kube-systems", "coredns"), COMPONENT_NONE},
        {"b", "r", false, ACCOUNT("shop", "system:web"), COMPONENT_NONE},
        {"b", "r", false, GROUP("system:serviceaccounts:kube-system"), COMPONENT_KUBE_SYSTEM},
        {"b", "r", false, GROUP("system:serviceaccounts:shop"), COMPONENT_NONE},
        {"b", "r", false, GROUP("system:masters"), COMPONENT_NONE},
        {"b", "r", false, GROUP("system:authenticated"), COMPONENT_NONE},
        {"b", "r", false, GROUP("system:unauthenticated"), COMPONENT_NONE},
        {"b", "r", false, GROUP("system:serviceaccounts"), COMPONENT_NONE},
        {"b", "r", false, USER("system:anonymous"), COMPONENT_NONE},
        {"b", "r", false, GROUP("system:anonymous"), COMPONENT_SYSTEM_NAME},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        ask(&rows[i], true, true, rows[i].component);
}

static const struct row defaults[] = {
    {"cluster-admin", "cluster-admin", true, GROUP("system:masters"), COMPONENT_DEFAULT},
    {"system:discovery", "system:discovery", true, GROUP("system:authenticated"),
     COMPONENT_DEFAULT},
    {"system:public-info-viewer", "system:public-info-viewer", true,
     GROUP("system:unauthenticated"), COMPONENT_DEFAULT},
    {"system:service-account-issuer-discovery", "system:service-account-issuer-discovery", true,
     GROUP("system:serviceaccounts"), COMPONENT_DEFAULT},
};

static void test_everybody_is_a_default_where_kubernetes_binds_them_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(defaults); i++) {
        struct row row = defaults[i];

        ask(&row, true, true, COMPONENT_DEFAULT);
        ask(&row, false, true, COMPONENT_NONE); /* a RoleBinding of that name */
        ask(&row, true, false, COMPONENT_NONE);
        row.is_bootstrapped = false;
        ask(&row, true, true, COMPONENT_NONE);
    }
}

/* Whoever may write bindings can write a label, and can add a subject to a default binding. */
static void test_label_excuses_nothing_that_kubernetes_does_not_bind(void **state)
{
    static const struct row rows[] = {
        {"cluster-admin", "cluster-admin", true, GROUP("system:unauthenticated"), COMPONENT_NONE},
        {"cluster-admin", "cluster-admin", true, USER("system:anonymous"), COMPONENT_NONE},
        {"cluster-admin", "cluster-admin", true, USER("kim"), COMPONENT_NONE},
        {"system:discovery", "cluster-admin", true, GROUP("system:authenticated"), COMPONENT_NONE},
        {"mine", "mine", true, GROUP("system:authenticated"), COMPONENT_NONE},
        {"system:discovery", "system:discovery", true, USER("system:authenticated"),
         COMPONENT_SYSTEM_NAME},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        ask(&rows[i], true, true, rows[i].component);
}

/* Roles of the defaults can be written: what they give everybody is asked as of any grant. */
static void test_default_excuses_who_is_bound_and_not_what_it_gives(void **state)
{
    const struct access_rule *about_who = access_rule_named("rbac-authenticated");
    const struct access_rule *about_rights = access_rule_named("rbac-secrets");
    struct access_who who = GROUP("system:authenticated");

    (void)state;
    who.component = COMPONENT_DEFAULT;
    assert_true(access_who_is_component(&who, about_who));
    assert_false(access_who_is_component(&who, about_rights));
    who.name = "system:masters"; /* which holds everything whatever a role says */
    assert_true(access_who_is_component(&who, about_rights));
    who.component = COMPONENT_SYSTEM_NAME;
    assert_true(access_who_is_component(&who, about_rights));
    who.component = COMPONENT_NONE;
    assert_false(access_who_is_component(&who, about_who));
}

static void test_role_is_a_default_by_label_and_name(void **state)
{
    static const struct {
        const char *ns, *name;
        bool is_bootstrapped;
        enum access_component component;
    } rows[] = {
        {"", "cluster-admin", true, COMPONENT_DEFAULT},
        {"", "view", true, COMPONENT_DEFAULT},
        {"", "view", false, COMPONENT_NONE},
        {"", "viewer", true, COMPONENT_NONE},
        {"", "system:node", true, COMPONENT_DEFAULT},
        {"", "system:node", false, COMPONENT_NONE},
        {"kube-system", "system:controller:token-cleaner", true, COMPONENT_DEFAULT},
        {"kube-system", "extension-apiserver-authentication-reader", true, COMPONENT_DEFAULT},
        {"kube-system", "view", true, COMPONENT_NONE},
        {"shop", "extension-apiserver-authentication-reader", true, COMPONENT_NONE},
        {"", "extension-apiserver-authentication-reader", true, COMPONENT_NONE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum access_component component =
            access_role_component(rows[i].ns, rows[i].name, rows[i].is_bootstrapped);

        if (component != rows[i].component)
            fail_msg("%s/%s: \"%s\"", rows[i].ns, rows[i].name, access_component_name(component));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subject_is_a_component_by_its_name_or_its_namespace),
        cmocka_unit_test(test_everybody_is_a_default_where_kubernetes_binds_them_itself),
        cmocka_unit_test(test_label_excuses_nothing_that_kubernetes_does_not_bind),
        cmocka_unit_test(test_default_excuses_who_is_bound_and_not_what_it_gives),
        cmocka_unit_test(test_role_is_a_default_by_label_and_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
