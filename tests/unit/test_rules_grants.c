/* Access rules about what a grant gives: each right, and what is not that right. */
#include "rules_grant.h"

#define RULE(groups, resources, verbs) \
    "{'apiGroups':[" groups "],'resources':[" resources "],'verbs':[" verbs "]}"
#define NAMED(groups, resources, verbs)                                     \
    "{'apiGroups':[" groups "],'resources':[" resources "],'verbs':[" verbs \
    "],'resourceNames':['one']}"
#define RBAC "'rbac.authorization.k8s.io'"
#define ADMISSION "'admissionregistration.k8s.io'"
#define AUTHENTICATION "'authentication.k8s.io'"
#define CERTIFICATES "'certificates.k8s.io'"

static int set_up(void **state)
{
    static struct arena a;

    arena_init(&a, 1u << 20);
    *state = &a;
    return 0;
}

static int tear_down(void **state)
{
    arena_done(*state);
    return 0;
}

struct row {
    const char *id;
    const char *rules;
    enum rule_outcome everywhere;   /* by a ClusterRoleBinding */
    enum rule_outcome in_namespace; /* by a RoleBinding */
};

static const struct row rows[] = {
    {"rbac-secrets", RULE("''", "'secrets'", "'get'"), RULE_FAIL, RULE_FAIL},
    {"rbac-secrets", RULE("''", "'secrets'", "'list'"), RULE_FAIL, RULE_FAIL},
    {"rbac-secrets", RULE("''", "'secrets'", "'watch'"), RULE_FAIL, RULE_FAIL},
    {"rbac-secrets", RULE("''", "'*'", "'get'"), RULE_FAIL, RULE_FAIL},
    {"rbac-secrets", RULE("'*'", "'secrets'", "'*'"), RULE_FAIL, RULE_FAIL},
    {"rbac-secrets", RULE("''", "'secrets'", "'create','delete'"), RULE_PASS, RULE_PASS},
    {"rbac-secrets", NAMED("''", "'secrets'", "'get'"), RULE_PASS, RULE_PASS},
    {"rbac-secrets", RULE("'external-secrets.io'", "'secrets'", "'get'"), RULE_PASS, RULE_PASS},
    {"rbac-secrets", RULE("''", "'configmaps'", "'get'"), RULE_PASS, RULE_PASS},
    {"rbac-secrets", "", RULE_PASS, RULE_PASS},

    {"rbac-escalate", RULE(RBAC, "'clusterroles'", "'escalate'"), RULE_FAIL, RULE_PASS},
    {"rbac-escalate", RULE(RBAC, "'roles'", "'escalate'"), RULE_FAIL, RULE_FAIL},
    {"rbac-escalate", NAMED(RBAC, "'roles'", "'escalate'"), RULE_FAIL, RULE_FAIL},
    {"rbac-escalate", RULE(RBAC, "'roles'", "'update','bind'"), RULE_PASS, RULE_PASS},

    {"rbac-bind", RULE(RBAC, "'clusterroles'", "'bind'"), RULE_FAIL, RULE_FAIL},
    {"rbac-bind", NAMED(RBAC, "'clusterroles'", "'bind'"), RULE_FAIL, RULE_FAIL},
    {"rbac-bind", RULE(RBAC, "'roles'", "'*'"), RULE_FAIL, RULE_FAIL},
    {"rbac-bind", RULE(RBAC, "'rolebindings'", "'bind','create'"), RULE_PASS, RULE_PASS},

    {"rbac-impersonate", RULE("''", "'users'", "'impersonate'"), RULE_FAIL, RULE_PASS},
    {"rbac-impersonate", NAMED("''", "'groups'", "'impersonate'"), RULE_FAIL, RULE_PASS},
    {"rbac-impersonate", RULE("''", "'serviceaccounts'", "'impersonate'"), RULE_FAIL, RULE_FAIL},
    {"rbac-impersonate", RULE("''", "'serviceaccounts'", "'get'"), RULE_PASS, RULE_PASS},
    {"rbac-impersonate", RULE(AUTHENTICATION, "'users'", "'impersonate:user-info'"), RULE_FAIL,
     RULE_PASS},
    {"rbac-impersonate", RULE(AUTHENTICATION, "'groups'", "'impersonate:user-info'"), RULE_FAIL,
     RULE_PASS},
    {"rbac-impersonate", RULE(AUTHENTICATION, "'serviceaccounts'", "'impersonate:serviceaccount'"),
     RULE_FAIL, RULE_FAIL},
    {"rbac-impersonate", RULE(AUTHENTICATION, "'nodes'", "'impersonate:arbitrary-node'"), RULE_FAIL,
     RULE_PASS},
    {"rbac-impersonate", NAMED(AUTHENTICATION, "'users'", "'impersonate:user-info'"), RULE_PASS,
     RULE_PASS},
    {"rbac-impersonate", RULE(AUTHENTICATION, "'nodes'", "'impersonate:associated-node'"),
     RULE_PASS, RULE_PASS},

    {"rbac-role-writers", RULE(RBAC, "'roles'", "'create'"), RULE_FAIL, RULE_FAIL},
    {"rbac-role-writers", RULE(RBAC, "'rolebindings'", "'patch'"), RULE_FAIL, RULE_FAIL},
    {"rbac-role-writers", RULE(RBAC, "'clusterroles'", "'update'"), RULE_FAIL, RULE_PASS},
    {"rbac-role-writers", RULE(RBAC, "'clusterrolebindings'", "'create'"), RULE_FAIL, RULE_PASS},
    {"rbac-role-writers", NAMED(RBAC, "'roles'", "'update'"), RULE_PASS, RULE_PASS},
    {"rbac-role-writers", RULE(RBAC, "'roles'", "'get','delete'"), RULE_PASS, RULE_PASS},

    {"rbac-exec", RULE("''", "'pods/exec'", "'create'"), RULE_FAIL, RULE_FAIL},
    {"rbac-exec", RULE("''", "'pods/exec'", "'get'"), RULE_FAIL, RULE_FAIL},
    {"rbac-exec", RULE("''", "'*/attach'", "'create'"), RULE_FAIL, RULE_FAIL},
    {"rbac-exec", NAMED("''", "'pods/exec'", "'create'"), RULE_PASS, RULE_PASS},
    {"rbac-exec", RULE("''", "'pods','pods/log'", "'*'"), RULE_PASS, RULE_PASS},

    {"rbac-create-pods", RULE("''", "'pods'", "'create'"), RULE_FAIL, RULE_FAIL},
    {"rbac-create-pods", RULE("''", "'pods'", "'update','delete'"), RULE_PASS, RULE_PASS},
    {"rbac-create-pods", RULE("''", "'pods/exec'", "'create'"), RULE_PASS, RULE_PASS},

    {"rbac-workloads", RULE("'apps'", "'deployments'", "'create'"), RULE_FAIL, RULE_FAIL},
    {"rbac-workloads", RULE("'apps'", "'statefulsets'", "'update'"), RULE_FAIL, RULE_FAIL},
    {"rbac-workloads", RULE("'apps'", "'daemonsets'", "'patch'"), RULE_FAIL, RULE_FAIL},
    {"rbac-workloads", RULE("'apps'", "'replicasets'", "'create'"), RULE_FAIL, RULE_FAIL},
    {"rbac-workloads", RULE("'batch'", "'jobs'", "'create'"), RULE_FAIL, RULE_FAIL},
    {"rbac-workloads", RULE("'batch'", "'cronjobs'", "'create'"), RULE_FAIL, RULE_FAIL},
    {"rbac-workloads", RULE("''", "'replicationcontrollers'", "'create'"), RULE_FAIL, RULE_FAIL},
    {"rbac-workloads", RULE("'apps'", "'deployments/scale'", "'update'"), RULE_PASS, RULE_PASS},
    {"rbac-workloads", NAMED("'apps'", "'deployments'", "'patch'"), RULE_PASS, RULE_PASS},

    {"rbac-tokens", RULE("''", "'serviceaccounts/token'", "'create'"), RULE_FAIL, RULE_FAIL},
    {"rbac-tokens", NAMED("''", "'serviceaccounts/token'", "'create'"), RULE_PASS, RULE_PASS},
    {"rbac-tokens", RULE("''", "'serviceaccounts'", "'create'"), RULE_PASS, RULE_PASS},

    {"rbac-nodes-proxy", RULE("''", "'nodes/proxy'", "'get'"), RULE_FAIL, RULE_PASS},
    {"rbac-nodes-proxy", NAMED("''", "'nodes/proxy'", "'create'"), RULE_FAIL, RULE_PASS},
    {"rbac-nodes-proxy", RULE("''", "'nodes','nodes/metrics'", "'*'"), RULE_PASS, RULE_PASS},

    {"rbac-csr-approval", RULE(CERTIFICATES, "'certificatesigningrequests/approval'", "'update'"),
     RULE_FAIL, RULE_PASS},
    {"rbac-csr-approval", NAMED(CERTIFICATES, "'signers'", "'approve'"), RULE_FAIL, RULE_PASS},
    {"rbac-csr-approval", RULE(CERTIFICATES, "'certificatesigningrequests'", "'*'"), RULE_PASS,
     RULE_PASS},

    {"rbac-webhook-configurations",
     RULE(ADMISSION, "'validatingwebhookconfigurations'", "'create'"), RULE_FAIL, RULE_PASS},
    {"rbac-webhook-configurations", NAMED(ADMISSION, "'mutatingwebhookconfigurations'", "'patch'"),
     RULE_FAIL, RULE_PASS},
    {"rbac-webhook-configurations",
     RULE(ADMISSION, "'mutatingwebhookconfigurations'", "'get','list','watch'"), RULE_PASS,
     RULE_PASS},

    {"rbac-persistent-volumes", RULE("''", "'persistentvolumes'", "'create'"), RULE_FAIL,
     RULE_PASS},
    {"rbac-persistent-volumes", RULE("''", "'persistentvolumeclaims'", "'create'"), RULE_PASS,
     RULE_PASS},

    {"rbac-ephemeral-containers", RULE("''", "'pods/ephemeralcontainers'", "'patch'"), RULE_FAIL,
     RULE_FAIL},
    {"rbac-ephemeral-containers", RULE("''", "'pods'", "'update','patch'"), RULE_PASS, RULE_PASS},

    {"rbac-namespaces", RULE("''", "'namespaces'", "'patch'"), RULE_FAIL, RULE_FAIL},
    {"rbac-namespaces", NAMED("''", "'namespaces'", "'patch'"), RULE_PASS, RULE_PASS},
    {"rbac-namespaces", RULE("''", "'namespaces'", "'create','delete'"), RULE_PASS, RULE_PASS},

    {"rbac-cluster-admin", RULE("'*'", "'*'", "'*'"), RULE_FAIL, RULE_FAIL},
    {"rbac-cluster-admin", NAMED("'*'", "'*'", "'*'"), RULE_PASS, RULE_PASS},
    {"rbac-cluster-admin", RULE("''", "'*'", "'*'"), RULE_PASS, RULE_PASS},
    {"rbac-cluster-admin", RULE("'*'", "'pods'", "'*'"), RULE_PASS, RULE_PASS},
    {"rbac-cluster-admin", RULE("'*'", "'*'", "'get'"), RULE_PASS, RULE_PASS},
};

static void test_rule_fails_for_the_right_that_it_is_about_and_for_no_other(void **state)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct grant_facts grant = grant_of(rules_read(rows[i].rules, *state));
        const struct access_rule_input in = {.grant = &grant};

        assert_access(rows[i].id, &in, rows[i].everywhere, rows[i].rules);
        grant.is_cluster_wide = false;
        grant.ns = "shop";
        assert_access(rows[i].id, &in, rows[i].in_namespace, rows[i].rules);
        arena_reset(*state);
    }
}

static void test_every_rule_with_rights_has_an_example_of_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < access_rules_count; i++) {
        size_t failing = 0, passing = 0;

        if (!access_rules[i]->rights)
            continue;
        for (size_t k = 0; k < COUNT_OF(rows); k++) {
            if (strcmp(rows[k].id, access_rules[i]->id) == 0) {
                failing += rows[k].everywhere == RULE_FAIL;
                passing += rows[k].everywhere == RULE_PASS;
            }
        }
        if (failing == 0 || passing == 0)
            fail_msg("%s: %zu examples fail, %zu pass", access_rules[i]->id, failing, passing);
    }
}

/* Who holds everything is told once, and not thirty times. */
static void test_grant_of_everything_is_told_by_one_rule(void **state)
{
    struct grant_facts all = grant_of(rules_read(RULE("'*'", "'*'", "'*'"), *state));
    struct grant_facts named = grant_of((struct rbac_rules){0});
    const struct grant_facts *const grants[] = {&all, &named};

    named.role = "cluster-admin";
    named.presence = ACCESS_UNKNOWN; /* of manifests: everybody knows what that role gives */
    for (size_t g = 0; g < COUNT_OF(grants); g++) {
        const struct access_rule_input in = {.grant = grants[g]};

        assert_access("rbac-cluster-admin", &in, RULE_FAIL, "everything");
        for (size_t i = 0; i < access_rules_count; i++) {
            if (access_rules[i]->rights)
                assert_access(access_rules[i]->id, &in, RULE_NOT_APPLICABLE, "everything");
        }
    }
    assert_access("rbac-missing-role", &(const struct access_rule_input){.grant = &named},
                  RULE_PASS, "cluster-admin of manifests");
    named.has_cluster_role = false; /* a Role of that name is any Role */
    assert_access("rbac-cluster-admin", &(const struct access_rule_input){.grant = &named},
                  RULE_ERROR, "a Role named cluster-admin");
}

static void test_role_that_was_not_read_is_never_a_pass(void **state)
{
    struct grant_facts grant = grant_of((struct rbac_rules){0});
    const struct access_rule_input in = {.grant = &grant};

    (void)state;
    grant.presence = ACCESS_UNKNOWN;
    for (size_t i = 0; i < access_rules_count; i++) {
        if (access_rules[i]->rights)
            assert_access(access_rules[i]->id, &in, RULE_ERROR, "role unknown");
    }
    assert_access("rbac-cluster-admin", &in, RULE_ERROR, "role unknown");
    assert_access("rbac-missing-role", &in, RULE_ERROR, "role unknown");
    assert_access_said("rbac-secrets", &in,
                       "cannot be told: ClusterRole ops-role, which it names, was not read");
}

static void test_role_that_is_missing_gives_nothing_and_is_told(void **state)
{
    struct grant_facts grant = grant_of((struct rbac_rules){0});
    const struct access_rule_input in = {.grant = &grant};

    (void)state;
    assert_access("rbac-missing-role", &in, RULE_PASS, "role there");
    grant.presence = ACCESS_MISSING;
    for (size_t i = 0; i < access_rules_count; i++) {
        if (access_rules[i]->rights)
            assert_access(access_rules[i]->id, &in, RULE_NOT_APPLICABLE, "role missing");
    }
    assert_access("rbac-cluster-admin", &in, RULE_NOT_APPLICABLE, "role missing");
    assert_access_said("rbac-missing-role", &in,
                       "there is no ClusterRole ops-role, and whoever makes it decides what User "
                       "kim may do everywhere");
}

static void test_explanation_says_what_to_whom_where_and_by_which_rule(void **state)
{
    const struct access_who who[] = {
        kim,
        {.type = ACCESS_GROUP, .ns = "", .name = "devs\n"},
        {.type = ACCESS_SERVICE_ACCOUNT, .ns = "shop", .name = "web"},
        {.type = ACCESS_USER, .ns = "", .name = "system:x", .component = COMPONENT_SYSTEM_NAME},
        {.type = ACCESS_USER, .ns = "", .name = "five"},
        {.type = ACCESS_USER, .ns = "", .name = "six"},
    };
    struct grant_facts grant = grant_of(
        rules_read(RULE("''", "'pods'", "'get'") "," RULE("''", "'secrets'", "'list','get'"),
                   *state));
    const struct access_rule_input in = {.grant = &grant};

    assert_access_said("rbac-secrets", &in,
                       "gives get, list secrets everywhere to User kim by ClusterRole ops-role: "
                       "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"list\" \"get\"]}");
    grant.who = who;
    grant.who_count = COUNT_OF(who);
    grant.is_cluster_wide = false;
    grant.ns = "shop";
    grant.has_cluster_role = false;
    assert_access_said("rbac-secrets", &in,
                       "gives get, list secrets in namespace shop to User kim, Group devs?, "
                       "ServiceAccount shop/web, User system:x (name begins with system:) and 2 "
                       "more by Role ops-role: {APIGroups:[\"\"], Resources:[\"secrets\"], "
                       "Verbs:[\"list\" \"get\"]}");
}

static void test_explanation_shows_four_rights_and_counts_the_rest(void **state)
{
    struct grant_facts grant =
        grant_of(rules_read(RULE("'apps','batch',''", "'*'", "'create'"), *state));
    const struct access_rule_input in = {.grant = &grant};

    assert_access_said("rbac-workloads", &in,
                       "gives create deployments.apps; create statefulsets.apps; create "
                       "daemonsets.apps; create replicasets.apps and 3 more everywhere to User kim "
                       "by ClusterRole ops-role: {APIGroups:[\"apps\" \"batch\" \"\"], "
                       "Resources:[\"*\"], Verbs:[\"create\"]}");
    assert_access_said("rbac-exec", &in,
                       "gives create pods/exec; create pods/attach everywhere to User kim by "
                       "ClusterRole ops-role: {APIGroups:[\"apps\" \"batch\" \"\"], "
                       "Resources:[\"*\"], Verbs:[\"create\"]}");
}

static void test_explanation_leaves_out_the_rights_that_are_not_given(void **state)
{
    struct grant_facts grant = grant_of(rules_read(RULE("''", "'pods/attach'", "'get'"), *state));

    assert_access_said("rbac-exec", &(const struct access_rule_input){.grant = &grant},
                       "gives get pods/attach everywhere to User kim by ClusterRole ops-role: "
                       "{APIGroups:[\"\"], Resources:[\"pods/attach\"], Verbs:[\"get\"]}");
}

static void test_explanation_of_everything_names_where(void **state)
{
    struct grant_facts grant = grant_of(rules_read(RULE("'*'", "'*'", "'*'"), *state));

    assert_access_said("rbac-cluster-admin", &(const struct access_rule_input){.grant = &grant},
                       "gives every right everywhere to User kim by ClusterRole ops-role");
}

/* A text of the API may be megabytes long. */
static void test_explanation_is_bounded_whatever_the_names_are(void **state)
{
    enum { LEN = 3000, TEXTS = 64 };
    static char name[LEN + 1];
    static const char *texts[TEXTS];
    struct access_who who[TEXTS];
    struct rbac_rule rule = {.verbs = {texts, TEXTS},
                             .api_groups = {texts, TEXTS},
                             .resources = {texts, TEXTS}};
    struct grant_facts grant = grant_of((struct rbac_rules){&rule, 1});
    const struct access_rule_input in = {.grant = &grant};

    (void)state;
    memset(name, '\\', LEN);
    for (size_t i = 0; i < TEXTS; i++) {
        texts[i] = i == 0 ? "*" : name;
        who[i] = (struct access_who){.type = ACCESS_SERVICE_ACCOUNT, .ns = name, .name = name};
    }
    rule.verbs.texts = (const char *const[]){"bind", name, name, name};
    rule.verbs.count = 4;
    grant.who = who;
    grant.who_count = TEXTS;
    grant.ns = grant.role = name;
    grant.is_cluster_wide = false;
    for (size_t i = 0; i < access_rules_count; i++) {
        enum rule_outcome outcome = access_rule_ask(access_rules[i], &in);
        AUTO_STRBUF text;

        strbuf_init(&text, ACCESS_EXPLANATION_MAX);
        access_rule_explain(access_rules[i], &in, outcome, &text);
        assert_true(strbuf_is_ok(&text));
        assert_true(text.len < ACCESS_EXPLANATION_MAX / 2);
    }
    assert_access("rbac-bind", &in, RULE_FAIL, "a long rule");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_fails_for_the_right_that_it_is_about_and_for_no_other),
        cmocka_unit_test(test_every_rule_with_rights_has_an_example_of_each),
        cmocka_unit_test(test_grant_of_everything_is_told_by_one_rule),
        cmocka_unit_test(test_role_that_was_not_read_is_never_a_pass),
        cmocka_unit_test(test_role_that_is_missing_gives_nothing_and_is_told),
        cmocka_unit_test(test_explanation_says_what_to_whom_where_and_by_which_rule),
        cmocka_unit_test(test_explanation_shows_four_rights_and_counts_the_rest),
        cmocka_unit_test(test_explanation_leaves_out_the_rights_that_are_not_given),
        cmocka_unit_test(test_explanation_of_everything_names_where),
        cmocka_unit_test(test_explanation_is_bounded_whatever_the_names_are),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
