/* Who may do what: the graph of roles, bindings and subjects. */
#include "reconcilers_access.h"

static bool user_may(const struct access *g, const char *user, const char *group, const char *ns,
                     const char *verb)
{
    const char *const groups[] = {group};
    const struct access_user who = {user, groups, group ? 1 : 0};
    const struct rbac_request request = pods(verb, "");

    return access_allows(g, &who, ns, &request, NULL);
}

/* ---- what is an object of RBAC ---- */

static void test_a_kind_is_told_by_group_and_kind(void **state)
{
    static const struct {
        const char *object;
        int kind;
    } rows[] = {
        {"{" RBAC_V1 "'kind':'Role'}", ACCESS_ROLE},
        {"{" RBAC_V1 "'kind':'ClusterRole'}", ACCESS_CLUSTER_ROLE},
        {"{" RBAC_V1 "'kind':'RoleBinding'}", ACCESS_ROLE_BINDING},
        {"{'apiVersion':'rbac.authorization.k8s.io/v1beta1','kind':'ClusterRoleBinding'}",
         ACCESS_CLUSTER_ROLE_BINDING},
        {"{" RBAC_V1 "'kind':'Pod'}", -1},
        {"{" RBAC_V1 "'kind':7}", -1},
        {"{'apiVersion':'v1','kind':'Role'}", -1},
        {"{'kind':'Role'}", -1},
        {"[]", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *object = json_of(rows[i].object);

        assert_int_equal(access_kind_of(object), rows[i].kind);
        json_decref(object);
    }
    assert_string_equal(access_kind_resource(ACCESS_ROLE_BINDING), "rolebindings");
    assert_string_equal(access_kind_name(ACCESS_CLUSTER_ROLE), "ClusterRole");
}

static void test_a_wrong_object_is_refused_with_its_name_and_path(void **state)
{
    static const struct {
        enum access_kind kind;
        const char *object;
        const char *message; /* its start */
    } rows[] = {
        {ACCESS_ROLE, "{'metadata':7}", "Role without a name: metadata: expected an object"},
        {ACCESS_ROLE, "{}", "Role without a name: metadata.name: expected a string"},
        {ACCESS_ROLE, "{'metadata':{'name':'x','namespace':1}}",
         "Role x: metadata.namespace: expected a string"},
        {ACCESS_ROLE, "{" META("a", "x") ",'rules':[{'verbs':1}]}",
         "Role a/x: rules[0].verbs: expected an array"},
        {ACCESS_CLUSTER_ROLE, "{'metadata':{'name':'x'},'rules':[1]}",
         "ClusterRole x: rules[0]: expected an object"},
        {ACCESS_ROLE_BINDING, "{" META("a", "x") "}", "RoleBinding a/x: roleRef.kind: expected"},
        {ACCESS_ROLE_BINDING, "{" META("a", "x") ",'roleRef':1}",
         "RoleBinding a/x: roleRef: expected an object"},
        {ACCESS_ROLE_BINDING, "{" META("a", "x") ",'roleRef':{'kind':'Role'}}",
         "RoleBinding a/x: roleRef.name: expected"},
        {ACCESS_ROLE_BINDING, "{" META("a", "x") ",'roleRef':{'kind':'Rule','name':'r'}}",
         "RoleBinding a/x: roleRef.kind: \"Rule\" cannot be bound here; write Role or ClusterRole"},
        {ACCESS_CLUSTER_ROLE_BINDING,
         "{'metadata':{'name':'x'},'roleRef':{'kind':'Role','name':'r'}}",
         "ClusterRoleBinding x: roleRef.kind: \"Role\" cannot be bound here; write ClusterRole"},
        {ACCESS_ROLE_BINDING,
         "{" META("a", "x") ",'roleRef':{'kind':'Role','name':'r'},'subjects':{}}",
         "RoleBinding a/x: subjects: expected an array"},
        {ACCESS_ROLE_BINDING,
         "{" META("a", "x") ",'roleRef':{'kind':'Role','name':'r'},'subjects':[[]]}",
         "RoleBinding a/x: subjects[0]: expected an object"},
        {ACCESS_ROLE_BINDING,
         "{" META("a", "x") ",'roleRef':{'kind':'Role','name':'r'},'subjects':[{'kind':'User'}]}",
         "RoleBinding a/x: subjects[0].name: expected"},
        {ACCESS_ROLE_BINDING,
         "{" META("a", "x") ",'roleRef':{'kind':'Role','name':'r'},'subjects':[{'name':'u'}]}",
         "RoleBinding a/x: subjects[0].kind: expected"},
        {ACCESS_ROLE_BINDING,
         "{" META("a", "x") ",'roleRef':{'kind':'Role','name':'r'},"
                            "'subjects':[{'kind':'Robot','name':'u'}]}",
         "RoleBinding a/x: subjects[0].kind: \"Robot\" is none; write User, Group or "
         "ServiceAccount"},
        {ACCESS_ROLE_BINDING,
         "{" META("a", "x") ",'roleRef':{'kind':'Role','name':'r'},"
                            "'subjects':[{'kind':'ServiceAccount','name':'u','namespace':[]}]}",
         "RoleBinding a/x: subjects[0].namespace: expected a string"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct access g;
        struct err err = {0};
        json_t *object = json_of(rows[i].object);

        access_init(&g, BYTES_MAX);
        assert_int_equal(access_add(&g, rows[i].kind, object, "", &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        if (strncmp(err.msg, rows[i].message, strlen(rows[i].message)) != 0)
            fail_msg("row %zu: %s", i, err.msg);
        assert_int_equal(g.roles_count + g.bindings_count, 0);
        access_done(&g);
        json_decref(object);
    }
}

static void test_an_object_that_is_there_twice_is_refused(void **state)
{
    static const char *const rows[][2] = {
        {ROLE("a", "x", ""), "Role a/x is there twice; leave one out"},
        {CLUSTER_ROLE("x", ""), "ClusterRole x is there twice; leave one out"},
        {BINDING("a", "x", "Role", "r", ""), "RoleBinding a/x is there twice; leave one out"},
        {CLUSTER_BINDING("x", "r", ""), "ClusterRoleBinding x is there twice; leave one out"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct access g;
        struct err err = {0};
        json_t *object = json_of(rows[i][0]);
        enum access_kind kind = (enum access_kind)access_kind_of(object);

        access_init(&g, BYTES_MAX);
        assert_int_equal(access_add(&g, kind, object, "", &err), 0);
        assert_int_equal(access_add(&g, kind, object, "", &err), 0);
        assert_int_equal(access_link(&g, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_string_equal(err.msg, rows[i][1]);
        access_done(&g);
        json_decref(object);
    }
}

/* ---- who may ---- */

static void test_a_role_binding_counts_in_its_namespace_alone(void **state)
{
    struct access g = GRAPH_OF(CLUSTER_ROLE("reader", PODS("get")),
                               BINDING("red", "b", "ClusterRole", "reader", USER("jane")));

    (void)state;
    assert_true(user_may(&g, "jane", NULL, "red", "get"));
    assert_false(user_may(&g, "jane", NULL, "red", "list"));
    assert_false(user_may(&g, "joe", NULL, "red", "get"));
    assert_false(user_may(&g, "jane", NULL, "blue", "get"));
    assert_false(user_may(&g, "jane", NULL, "re", "get"));
    assert_false(user_may(&g, "jane", NULL, "", "get"));
    access_done(&g);
}

static void test_a_cluster_role_binding_counts_everywhere(void **state)
{
    struct access g =
        GRAPH_OF(CLUSTER_ROLE("reader", PODS("get")), CLUSTER_BINDING("b", "reader", GROUP("dev")));

    (void)state;
    assert_true(user_may(&g, "jane", "dev", "red", "get"));
    assert_true(user_may(&g, "jane", "dev", "", "get"));
    assert_false(user_may(&g, "jane", "ops", "red", "get"));
    assert_false(user_may(&g, "dev", NULL, "red", "get"));
    access_done(&g);
}

static void test_a_role_is_that_of_the_bindings_namespace(void **state)
{
    struct access g =
        GRAPH_OF(ROLE("red", "r", PODS("get")), ROLE("blue", "r", PODS("list")),
                 CLUSTER_ROLE("r", PODS("watch")), BINDING("red", "b", "Role", "r", USER("jane")),
                 BINDING("blue", "b", "Role", "r", USER("jane")),
                 BINDING("green", "b", "Role", "r", USER("jane")));

    (void)state;
    assert_true(user_may(&g, "jane", NULL, "red", "get"));
    assert_true(user_may(&g, "jane", NULL, "blue", "list"));
    assert_false(user_may(&g, "jane", NULL, "blue", "get"));
    assert_false(user_may(&g, "jane", NULL, "green", "watch"));
    assert_null(access_role_find(&g, "green", "r"));
    assert_ptr_equal(access_role_find(&g, "", "r"), &g.roles[0]);
    access_done(&g);
}

static void test_a_service_account_comes_as_a_user_in_three_groups(void **state)
{
    static const struct {
        const char *subject;
        bool is_allowed; /* for shop/web */
    } rows[] = {
        {ACCOUNT("shop", "web"), true},
        {LOCAL_ACCOUNT("web"), true}, /* the binding is in shop */
        {"{'kind':'ServiceAccount','name':'web','namespace':''}", true},
        {ACCOUNT("bank", "web"), false},
        {ACCOUNT("shop", "we"), false},
        {ACCOUNT("sho", "p:web"), false},
        {ACCOUNT("shop:w", "eb"), false},
        {USER("system:serviceaccount:shop:web"), true},
        {USER("web"), false},
        {GROUP("system:serviceaccounts"), true},
        {GROUP("system:serviceaccounts:shop"), true},
        {GROUP("system:serviceaccounts:bank"), false},
        {GROUP("system:authenticated"), true},
        {GROUP("system:unauthenticated"), false},
    };
    struct access_user user;
    const struct rbac_request request = pods("get", "");
    struct err err = {0};

    assert_int_equal(access_user_of("shop", "web", *state, &user, &err), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char binding[512];
        struct access g;

        (void)snprintf(binding, sizeof(binding), BINDING("shop", "b", "Role", "r", "%s"),
                       rows[i].subject);
        g = GRAPH_OF(ROLE("shop", "r", PODS("get")), binding);
        if (access_allows(&g, &user, "shop", &request, NULL) != rows[i].is_allowed)
            fail_msg("%s", rows[i].subject);
        access_done(&g);
    }
}

static void test_a_service_account_needs_a_namespace_in_a_cluster_role_binding(void **state)
{
    struct access g =
        GRAPH_OF(CLUSTER_ROLE("r", PODS("get")), CLUSTER_BINDING("b", "r", LOCAL_ACCOUNT("web")));

    (void)state;
    assert_false(user_may(&g, "system:serviceaccount::web", NULL, "shop", "get"));
    access_done(&g);
}

static void test_masters_may_do_everything_and_by_no_binding(void **state)
{
    const char *const groups[] = {"system:masters"};
    const struct access_user root = {"root", groups, 1};
    const struct rbac_request request = pods("get", "");
    struct access g;
    const struct access_binding *by;
    struct err err = {0};

    (void)state;
    access_init(&g, BYTES_MAX);
    assert_int_equal(access_link(&g, &err), 0);
    assert_true(access_allows(&g, &root, "red", &request, &by));
    assert_null(by);
    assert_false(user_may(&g, "jane", NULL, "red", "get"));
    access_done(&g);
}

static void test_a_path_is_given_by_cluster_role_bindings_alone(void **state)
{
    const struct access_user jane = {.name = "jane"}, joe = {.name = "joe"};
    const struct rbac_request request = {.verb = "get", .path = "/metrics"};
    const struct access_binding *by;
    struct access g =
        GRAPH_OF(CLUSTER_ROLE("r", "{'verbs':['get'],'nonResourceURLs':['/metrics']}"),
                 BINDING("red", "b", "ClusterRole", "r", USER("joe")),
                 CLUSTER_BINDING("wide", "r", USER("jane")));

    (void)state;
    assert_true(access_allows(&g, &jane, "", &request, &by));
    assert_string_equal(by->name, "wide");
    assert_false(access_allows(&g, &joe, "red", &request, &by));
    assert_null(by);
    access_done(&g);
}

static void test_a_binding_to_a_role_that_is_not_there_gives_nothing(void **state)
{
    struct access g = GRAPH_OF(BINDING("red", "b", "Role", "r", USER("jane")),
                               CLUSTER_BINDING("c", "r", USER("jane")));
    size_t count;

    (void)state;
    assert_false(user_may(&g, "jane", NULL, "red", "get"));
    assert_null(access_bindings_in(&g, "red", &count)->role);
    assert_int_equal(count, 1);
    assert_null(access_bindings_in(&g, "blue", &count));
    assert_int_equal(count, 0);
    access_done(&g);
}

static void test_a_manifest_without_namespace_is_in_the_one_that_is_asked_for(void **state)
{
    struct access g =
        GRAPH_OF("{" RBAC_V1 "'kind':'Role','metadata':{'name':'r'},'rules':[" PODS("get") "]}",
                 "{" RBAC_V1
                 "'kind':'RoleBinding','metadata':{'name':'b'},'roleRef':{'kind':'Role',"
                 "'name':'r'},'subjects':[" USER("jane") "]}");

    (void)state;
    assert_true(user_may(&g, "jane", NULL, "default", "get"));
    access_done(&g);
}

static void test_an_aggregated_role_is_told_and_has_the_rules_that_it_shows(void **state)
{
    struct access g =
        GRAPH_OF("{" RBAC_V1 "'kind':'ClusterRole','metadata':{'name':'a'},"
                 "'aggregationRule':{'clusterRoleSelectors':[]},'rules':[" PODS("get") "]}",
                 CLUSTER_ROLE("b", ""), CLUSTER_BINDING("b", "a", USER("jane")));

    (void)state;
    assert_true(g.roles[0].is_aggregated);
    assert_false(g.roles[1].is_aggregated);
    assert_true(user_may(&g, "jane", NULL, "red", "get"));
    access_done(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_kind_is_told_by_group_and_kind),
        cmocka_unit_test(test_a_wrong_object_is_refused_with_its_name_and_path),
        cmocka_unit_test(test_an_object_that_is_there_twice_is_refused),
        cmocka_unit_test(test_a_role_binding_counts_in_its_namespace_alone),
        cmocka_unit_test(test_a_cluster_role_binding_counts_everywhere),
        cmocka_unit_test(test_a_role_is_that_of_the_bindings_namespace),
        ARENA_TEST(test_a_service_account_comes_as_a_user_in_three_groups),
        cmocka_unit_test(test_a_service_account_needs_a_namespace_in_a_cluster_role_binding),
        cmocka_unit_test(test_masters_may_do_everything_and_by_no_binding),
        cmocka_unit_test(test_a_path_is_given_by_cluster_role_bindings_alone),
        cmocka_unit_test(test_a_binding_to_a_role_that_is_not_there_gives_nothing),
        cmocka_unit_test(test_a_manifest_without_namespace_is_in_the_one_that_is_asked_for),
        cmocka_unit_test(test_an_aggregated_role_is_told_and_has_the_rules_that_it_shows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
