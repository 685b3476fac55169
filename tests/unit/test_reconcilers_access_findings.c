/* What the access rules find in a whole cluster, whom they blame for it, and what they cannot
 * tell. */
#include "reconcilers_access_cluster.h"

#include "support/sweep.h"

/* ---- who is blamed ---- */

static void test_grants_of_the_cluster_itself_are_found_only_when_asked_for(void **state)
{
    struct cluster *c = *state;

    add(c, CLUSTER_ROLE("cluster-admin", LABELLED, EVERYTHING));
    add(c, CLUSTER_ROLE("system:controller", LABELLED, SECRETS));
    add(c, CLUSTER_ROLE("system:discovery", LABELLED, PODS));
    add(c, CLUSTER_BINDING("cluster-admin", LABELLED, "cluster-admin", GROUP("system:masters")));
    add(c, CLUSTER_BINDING("system:controller", LABELLED, "system:controller",
                           USER("system:kube-controller-manager")));
    add(c, CLUSTER_BINDING("system:discovery", LABELLED, "system:discovery",
                           GROUP("system:authenticated")));
    add(c, BINDING("kube-system", "dns", "ClusterRole", "system:controller",
                   ACCOUNT("kube-system", "coredns")));
    account(c, "kube-system", "coredns", true);
    account(c, "kube-system", "idle", false);
    account(c, "shop", "default", false);
    expect(c, "");
    assert_int_equal(c->asked.objects, 5); /* the bindings, whose subjects had to be looked at */
    c->question.asks_components = true;
    expect(c, "[of the cluster] ClusterRoleBinding cluster-admin: rbac-cluster-admin\n"
              "[of the cluster] ClusterRoleBinding cluster-admin: rbac-system-masters\n"
              "[of the cluster] ClusterRoleBinding system:controller: rbac-secrets\n"
              "[of the cluster] ClusterRoleBinding system:discovery: rbac-authenticated\n"
              "[of the cluster] RoleBinding kube-system/dns: rbac-secrets\n"
              "[of the cluster] ClusterRole cluster-admin: rbac-wildcards\n"
              "[of the cluster] ServiceAccount kube-system/idle: rbac-unused-service-account\n");
    assert_int_equal(c->asked.objects, 4 + 3 + 3);
    expect_text(c, "to Group system:masters (bootstrap default) by");
    expect_text(c, "to User system:kube-controller-manager (name begins with system:) by");
    expect_text(c, "to ServiceAccount kube-system/coredns (ServiceAccount of kube-system) by");
    expect_text(c, "of the cluster itself (bootstrap default): a star stands for");
    expect_text(c, "of the cluster itself (ServiceAccount of kube-system): no Pod");
}

static void test_subject_added_to_a_default_binding_is_blamed_alone(void **state)
{
    struct cluster *c = *state;

    add(c, CLUSTER_ROLE("cluster-admin", LABELLED, EVERYTHING));
    add(c, CLUSTER_BINDING("cluster-admin", LABELLED, "cluster-admin",
                           GROUP("system:masters") "," USER("kim")));
    expect(c, "ClusterRoleBinding cluster-admin: rbac-cluster-admin\n");
    expect_text(c, "gives every right everywhere to User kim by ClusterRole cluster-admin; ");
}

/* The API server puts back what is missing from a default role, and leaves what was added. */
static void test_right_added_to_a_role_of_everybody_is_blamed(void **state)
{
    struct cluster *c = *state;

    add(c, CLUSTER_ROLE("system:discovery", LABELLED, PODS "," SECRETS));
    add(c, CLUSTER_BINDING("system:discovery", LABELLED, "system:discovery",
                           GROUP("system:authenticated")));
    expect(c, "ClusterRoleBinding system:discovery: rbac-secrets\n");
}

static void test_forged_label_excuses_nobody(void **state)
{
    struct cluster *c = *state;

    add(c, CLUSTER_ROLE("mine", LABELLED, EVERYTHING));
    add(c, CLUSTER_ROLE("view", "'labels':{'kubernetes.io/bootstrapping':'no-defaults'},", PODS));
    add(c, CLUSTER_BINDING("mine", LABELLED, "mine", GROUP("system:unauthenticated")));
    expect(c, "ClusterRoleBinding mine: rbac-anonymous\n"
              "ClusterRoleBinding mine: rbac-cluster-admin\n"
              "ClusterRole mine: rbac-wildcards\n"
              "ClusterRole view: rbac-unused-role\n");
}

static void test_role_that_components_alone_are_bound_to_is_theirs(void **state)
{
    struct cluster *c = *state;

    add(c, ROLE("shop", "addon", "", EVERYTHING));
    add(c, ROLE("shop", "shared", "", EVERYTHING));
    add(c, ROLE("shop", "nobody", "", EVERYTHING));
    add(c, BINDING("shop", "addon", "Role", "addon", ACCOUNT("kube-system", "addon")));
    add(c, BINDING("shop", "nobody", "Role", "nobody", ""));
    add(c, BINDING("shop", "shared", "Role", "shared", ACCOUNT("kube-system", "addon")));
    add(c, BINDING("shop", "shared-2", "Role", "shared", USER("kim")));
    account(c, "kube-system", "addon", true);
    expect(c, "RoleBinding shop/shared-2: rbac-cluster-admin\n"
              "Role shop/nobody: rbac-wildcards\n"
              "Role shop/shared: rbac-wildcards\n");
    c->question.asks_components = true;
    expect(c, "[of the cluster] RoleBinding shop/addon: rbac-cluster-admin\n"
              "[of the cluster] RoleBinding shop/shared: rbac-cluster-admin\n"
              "RoleBinding shop/shared-2: rbac-cluster-admin\n"
              "[of the cluster] Role shop/addon: rbac-wildcards\n"
              "Role shop/nobody: rbac-wildcards\n"
              "Role shop/shared: rbac-wildcards\n");
}

static void test_user_in_the_name_of_an_account_is_that_account(void **state)
{
    struct cluster *c = *state;

    add(c, CLUSTER_ROLE("pods", "", PODS));
    add(c, CLUSTER_BINDING("a", "", "pods", USER("system:serviceaccount:shop:default")));
    add(c, CLUSTER_BINDING("b", "", "pods", USER("system:serviceaccount:kube-system:dns")));
    add(c, CLUSTER_BINDING("c", "", "pods", USER("system:serviceaccount:shop")));
    add(c, CLUSTER_BINDING("d", "", "pods", USER("system:serviceaccount:shop:gone")));
    account(c, "shop", "default", false);
    expect(c, "ClusterRoleBinding a: rbac-default-service-account\n"
              "ClusterRoleBinding d: rbac-missing-subject\n");
    c->question.asks_components = true;
    expect(c, "ClusterRoleBinding a: rbac-default-service-account\n"
              "[of the cluster] ClusterRoleBinding b: rbac-missing-subject\n"
              "ClusterRoleBinding d: rbac-missing-subject\n");
}

static void test_role_is_used_by_a_binding_or_by_an_aggregate(void **state)
{
    struct cluster *c = *state;

    add(c, "{" RBAC_V1 "'kind':'ClusterRole','metadata':{'name':'sum'},'aggregationRule':"
           "{'clusterRoleSelectors':[{'matchLabels':{'to':'sum'}},{'matchExpressions':[{'key':"
           "'to','operator':'Odd'}]},7]},'rules':[" EVERYTHING "]}");
    add(c, CLUSTER_ROLE("part", "'labels':{'to':'sum'},", PODS));
    add(c, CLUSTER_ROLE("other", "'labels':{'to':'other'},", PODS));
    add(c, CLUSTER_ROLE("of-view",
                        "'labels':{'rbac.authorization.k8s.io/aggregate-to-view':'true'},", PODS));
    add(c, CLUSTER_ROLE("off", "'labels':{'rbac.authorization.k8s.io/aggregate-to-view':'false'},",
                        PODS));
    add(c, CLUSTER_ROLE("bound", "", PODS));
    add(c, ROLE("shop", "bound", "", PODS));
    add(c, ROLE("shop", "part", "'labels':{'to':'sum'},", PODS));
    add(c, BINDING("shop", "a", "ClusterRole", "bound", USER("kim")));
    add(c, BINDING("shop", "b", "Role", "bound", USER("kim")));
    expect(c, "ClusterRole off: rbac-unused-role\n"
              "ClusterRole other: rbac-unused-role\n"
              "ClusterRole sum: rbac-unused-role\n"
              "Role shop/part: rbac-unused-role\n");
}

static void test_account_is_used_by_what_runs_as_it(void **state)
{
    struct cluster *c = *state;

    account(c, "shop", "web", true);
    account(c, "shop", "idle", false);
    account(c, "bank", "idle", false);
    assert_int_equal(access_accounts_use(&c->accounts, "shop", "not-there", NULL), 0);
    add(c, ROLE("shop", "pods", "", PODS));
    add(c, BINDING("shop", "idle", "Role", "pods", ACCOUNT("shop", "idle")));
    expect(c, "ServiceAccount bank/idle: rbac-unused-service-account\n"
              "ServiceAccount shop/idle: rbac-unused-service-account\n");
    expect_text(c, "no Pod and no workload runs as it, and 1 binding names it; ");
    assert_int_equal(c->asked.objects, 1 + 1 + 3);
}

static void test_what_a_binding_names_is_missing_only_where_all_was_read(void **state)
{
    struct cluster *c = *state;

    add(c, BINDING("shop", "a", "Role", "gone", ACCOUNT("shop", "gone")));
    add(c, BINDING("shop", "b", "ClusterRole", "gone", USER("kim")));
    assert_int_equal(access_accounts_use(&c->accounts, "shop", "gone", NULL),
                     0); /* by a template */
    expect(c, "RoleBinding shop/a: rbac-missing-role\n"
              "RoleBinding shop/a: rbac-missing-subject\n"
              "RoleBinding shop/b: rbac-missing-role\n");
}

/* ---- what cannot be told ---- */

#define RIGHTS                                                                                    \
    " rbac-bind rbac-cluster-admin rbac-create-pods rbac-csr-approval rbac-ephemeral-containers " \
    "rbac-escalate rbac-exec rbac-impersonate rbac-missing-role rbac-namespaces "                 \
    "rbac-nodes-proxy rbac-persistent-volumes rbac-role-writers rbac-secrets rbac-tokens "        \
    "rbac-webhook-configurations rbac-workloads\n"

static void test_nothing_passes_that_was_not_read(void **state)
{
    struct cluster *c = *state;

    c->question = (struct access_findings_question){.graph = &c->graph, .accounts = &c->accounts};
    add(c, ROLE("shop", "pods", "", PODS));
    add(c, CLUSTER_ROLE("unbound", "", PODS));
    add(c, ROLE("shop", "unbound", "", PODS));
    add(c, BINDING("shop", "a", "Role", "gone", ACCOUNT("shop", "gone")));
    add(c, BINDING("shop", "b", "ClusterRole", "odd", USER("kim")));
    add(c, BINDING("shop", "c", "Role", "pods", ACCOUNT("shop", "web")));
    account(c, "shop", "web", false);
    expect(c, "RoleBinding shop/a: ? rbac-missing-subject\n"
              "RoleBinding shop/a: ?" RIGHTS "RoleBinding shop/b: ?" RIGHTS
              "ClusterRole unbound: ? rbac-unused-role\n"
              "Role shop/unbound: ? rbac-unused-role\n"
              "ServiceAccount shop/web: ? rbac-unused-service-account\n");
    expect_text(c, "cannot be told: ClusterRole odd, which it names, was not read\n");
}

static void test_cluster_role_is_unused_only_where_all_that_could_use_it_was_read(void **state)
{
    struct cluster *c = *state;
    enum access_read *const kinds[] = {&c->question.bindings, &c->question.cluster_bindings,
                                       &c->question.cluster_roles};

    add(c, CLUSTER_ROLE("unbound", "", PODS));
    expect(c, "ClusterRole unbound: rbac-unused-role\n");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        *kinds[i] = ACCESS_READ_SOME;
        expect(c, "ClusterRole unbound: ? rbac-unused-role\n");
        *kinds[i] = ACCESS_READ_ALL;
    }
}

/* Its rules are filled in by the cluster; those of kubectl get are. */
static void test_aggregate_without_rules_cannot_be_told_of_manifests(void **state)
{
    struct cluster *c = *state;

    add(c, "{" RBAC_V1 "'kind':'ClusterRole','metadata':{'name':'sum'},'aggregationRule':{}}");
    add(c, "{" RBAC_V1 "'kind':'ClusterRole','metadata':{'name':'full'},'aggregationRule':{},"
           "'rules':[" SECRETS "]}");
    add(c, BINDING("shop", "a", "ClusterRole", "sum", USER("kim")));
    add(c, BINDING("shop", "b", "ClusterRole", "full", USER("kim")));
    expect(c, "RoleBinding shop/b: rbac-secrets\n");
    c->question.cluster_roles = ACCESS_READ_SOME;
    expect(c, "RoleBinding shop/a: ?" RIGHTS "RoleBinding shop/b: rbac-secrets\n");
}

static void test_one_namespace_is_asked_for_itself(void **state)
{
    struct cluster *c = *state;

    c->question.ns = "shop";
    add(c, CLUSTER_ROLE("all", "", EVERYTHING));
    add(c, CLUSTER_BINDING("all", "", "all", USER("kim")));
    add(c, ROLE("bank", "all", "", EVERYTHING));
    add(c, BINDING("bank", "all", "Role", "all", USER("kim")));
    add(c, BINDING("shop", "all", "ClusterRole", "all", ACCOUNT("bank", "web")));
    add(c, BINDING("shop", "own", "ClusterRole", "all", ACCOUNT("shop", "web")));
    add(c, ROLE("shop", "wide", "", EVERYTHING));
    account(c, "bank", "idle", false);
    expect(c, "RoleBinding shop/all: rbac-cluster-admin\n"
              "RoleBinding shop/all: ? rbac-missing-subject\n"
              "RoleBinding shop/own: rbac-cluster-admin\n"
              "RoleBinding shop/own: rbac-missing-subject\n"
              "Role shop/wide: rbac-unused-role\n"
              "Role shop/wide: rbac-wildcards\n");
    assert_int_equal(c->asked.objects, 3);
}

/* ---- Secrets and ConfigMaps, one at a time ---- */

static void test_secret_and_config_map_are_asked_alone(void **state)
{
    static const struct token_secret_facts secret = {.ns = "shop",
                                                     .name = "ci",
                                                     .account = "deployer",
                                                     .last_used = ""};
    static const struct config_map_facts map = {.ns = "shop",
                                                .name = "settings",
                                                .unreadable = "it is too large"};
    static const struct config_map_facts fine = {.ns = "shop", .name = "fine"};
    struct cluster *c = *state;

    assert_int_equal(access_findings_of(&(const struct access_rule_input){.secret = &secret},
                                        on_finding, c, NULL),
                     0);
    assert_int_equal(access_findings_of(&(const struct access_rule_input){.config_map = &map},
                                        on_finding, c, NULL),
                     0);
    assert_int_equal(access_findings_of(&(const struct access_rule_input){.config_map = &fine},
                                        on_finding, c, NULL),
                     0);
    assert_string_equal(c->found.text, "Secret shop/ci: rbac-long-lived-tokens\n"
                                       "ConfigMap shop/settings: ? rbac-config-map-credentials\n");
}

static int refuse(void *ctx, const struct access_finding *f, struct err *err)
{
    bool *refuses_errors = ctx;

    if ((f->outcome == RULE_ERROR) != *refuses_errors)
        return 0;
    return err_set(err, ERR_IO, "no room for %s", f->name);
}

static void test_refusal_of_a_finding_ends_it(void **state)
{
    struct cluster *c = *state;
    struct access_asked asked = {.objects = 7};
    struct err err = {0};

    add(c, CLUSTER_ROLE("all", "", EVERYTHING));
    link_graph(c);
    for (int refuses_errors = 0; refuses_errors < 2; refuses_errors++) {
        bool flag = refuses_errors;

        c->question.bindings = ACCESS_READ_SOME;
        assert_int_equal(access_findings(&c->question, refuse, &flag, &asked, &err), -1);
        assert_int_equal(err.code, ERR_IO);
        assert_string_equal(err.msg, "no room for all");
    }
    assert_int_equal(asked.objects, 7);
}

static void fill(struct cluster *c)
{
    add(c, CLUSTER_ROLE("secrets", "", SECRETS));
    add(c, CLUSTER_ROLE("system:x", LABELLED, EVERYTHING));
    add(c, CLUSTER_BINDING("secrets", "", "secrets",
                           USER("kim") "," USER("system:serviceaccount:shop:web")));
    add(c, BINDING("shop", "view", "ClusterRole", "view", USER("kim") "," ACCOUNT("b", "c")));
    account(c, "shop", "idle", false);
    c->question.cluster_roles = c->question.service_accounts = ACCESS_READ_SOME;
    c->question.asks_components = true;
}

static int ask_swept(void *ctx, struct err *err)
{
    struct cluster *c = ctx;
    struct access_asked asked = {.objects = 7};
    int result;

    strbuf_clear(&c->found);
    strbuf_clear(&c->texts);
    result = access_findings(&c->question, on_finding, c, &asked, err);
    if (result < 0)
        assert_int_equal(asked.objects, 7);
    return result;
}

static void test_findings_survive_each_failing_allocation(void **state)
{
    struct cluster *c = *state;

    fill(c);
    link_graph(c);
    strbuf_addf(&c->found, "%8192s", ""); /* so that what is noted here takes no memory */
    strbuf_addf(&c->texts, "%32768s", "");
    assert_true(sweep(ask_swept, c) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_grants_of_the_cluster_itself_are_found_only_when_asked_for),
        TEST(test_subject_added_to_a_default_binding_is_blamed_alone),
        TEST(test_right_added_to_a_role_of_everybody_is_blamed),
        TEST(test_forged_label_excuses_nobody),
        TEST(test_role_that_components_alone_are_bound_to_is_theirs),
        TEST(test_user_in_the_name_of_an_account_is_that_account),
        TEST(test_role_is_used_by_a_binding_or_by_an_aggregate),
        TEST(test_account_is_used_by_what_runs_as_it),
        TEST(test_what_a_binding_names_is_missing_only_where_all_was_read),
        TEST(test_nothing_passes_that_was_not_read),
        TEST(test_cluster_role_is_unused_only_where_all_that_could_use_it_was_read),
        TEST(test_aggregate_without_rules_cannot_be_told_of_manifests),
        TEST(test_one_namespace_is_asked_for_itself),
        TEST(test_secret_and_config_map_are_asked_alone),
        TEST(test_refusal_of_a_finding_ends_it),
        TEST(test_findings_survive_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
