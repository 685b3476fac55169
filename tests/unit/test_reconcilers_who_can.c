/* Who can do one thing, and what it costs to know. */
#include "reconcilers_access.h"

#include "rampart/base/strbuf.h"
#include "support/sweep.h"

/* ---- who can ---- */

static const char *who_can(const struct access *g, const struct access_question *question,
                           struct arena *a)
{
    struct access_grants grants;
    struct err err = {0};
    AUTO_STRBUF out;
    const char *text;

    if (access_who_can(g, question, a, &grants, &err) < 0)
        fail_msg("%s", err.msg);
    strbuf_init(&out, 100000);
    for (size_t i = 0; i < grants.count; i++) {
        const struct access_grant *grant = &grants.items[i];

        strbuf_addf(&out, "%s%s %s/%s by %s/%s", i > 0 ? "; " : "",
                    access_subject_type_name(grant->subject->type), grant->subject->ns,
                    grant->subject->name, grant->binding->ns, grant->binding->name);
        for (size_t k = 0; k < grant->names.count; k++)
            strbuf_addf(&out, "%s%s", k > 0 ? "," : " only ", grant->names.texts[k]);
    }
    text = arena_strdup(a, out.text);
    assert_non_null(text);
    return text;
}

static struct access graph_of_many(void)
{
    return GRAPH_OF(
        CLUSTER_ROLE("r", PODS("get")),
        ROLE("red", "named",
             NAMED_PODS("get", "'b','a'") "," NAMED_PODS("list", "'c'") "," NAMED_PODS("get",
                                                                                       "'a','d'")),
        ROLE("red", "other", PODS("list")), ROLE("red", "empty", ""),
        BINDING("red", "z", "ClusterRole", "r",
                USER("jane") "," ACCOUNT("shop", "web") "," USER("jane") "," GROUP("dev")),
        BINDING("red", "named", "Role", "named", USER("jane") "," LOCAL_ACCOUNT("app")),
        BINDING("red", "other", "Role", "other", USER("joe")),
        BINDING("red", "empty", "Role", "empty", USER("eve")),
        BINDING("red", "gone", "Role", "gone", USER("jim")),
        BINDING("blue", "b", "ClusterRole", "r", USER("anna")),
        CLUSTER_BINDING("c", "r", USER("root") "," ACCOUNT("bank", "zeta")));
}

static void test_who_can_tells_each_subject_with_what_it_has_it_by(void **state)
{
    static const struct {
        const char *ns;
        bool is_in_any_namespace;
        const char *name;
        const char *who;
    } rows[] = {
        {"red", false, "",
         "User /jane by red/named only a,b,d; User /jane by red/z; User /root by /c; "
         "Group /dev by red/z; ServiceAccount bank/zeta by /c; "
         "ServiceAccount red/app by red/named only a,b,d; ServiceAccount shop/web by red/z"},
        {"red", false, "a",
         "User /jane by red/named; User /jane by red/z; User /root by /c; Group /dev by red/z; "
         "ServiceAccount bank/zeta by /c; ServiceAccount red/app by red/named; "
         "ServiceAccount shop/web by red/z"},
        {"red", false, "c",
         "User /jane by red/z; User /root by /c; Group /dev by red/z; "
         "ServiceAccount bank/zeta by /c; ServiceAccount shop/web by red/z"},
        {"", false, "", "User /root by /c; ServiceAccount bank/zeta by /c"},
        {"green", false, "", "User /root by /c; ServiceAccount bank/zeta by /c"},
        {"", true, "c",
         "User /anna by blue/b; User /jane by red/z; User /root by /c; Group /dev by red/z; "
         "ServiceAccount bank/zeta by /c; ServiceAccount shop/web by red/z"},
    };
    struct access g = graph_of_many();

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct access_question question = {.ns = rows[i].ns,
                                                 .is_in_any_namespace = rows[i].is_in_any_namespace,
                                                 .request = pods("get", rows[i].name)};

        assert_string_equal(who_can(&g, &question, *state), rows[i].who);
    }
    access_done(&g);
}

static void test_what_has_no_name_is_given_by_no_rule_for_names(void **state)
{
    struct access g =
        GRAPH_OF(ROLE("red", "r",
                      "{'verbs':['*'],'apiGroups':[''],'resources':['*'],'resourceNames':['a']}"),
                 BINDING("red", "b", "Role", "r", USER("jane")));
    struct access_question question = {.ns = "red", .request = pods("create", "")};

    assert_string_equal(who_can(&g, &question, *state), "");
    question.request.verb = "deletecollection";
    assert_string_equal(who_can(&g, &question, *state), "");
    question.request.verb = "list"; /* by metadata.name */
    assert_string_equal(who_can(&g, &question, *state), "User /jane by red/b only a");
    question.request.verb = "create";
    question.request.subresource = "exec";
    assert_string_equal(who_can(&g, &question, *state), "User /jane by red/b only a");
    access_done(&g);
}

static void test_who_can_reach_a_path(void **state)
{
    struct access g =
        GRAPH_OF(CLUSTER_ROLE("r", "{'verbs':['get'],'nonResourceURLs':['/metrics']}"),
                 BINDING("red", "b", "ClusterRole", "r", USER("joe")),
                 CLUSTER_BINDING("wide", "r", USER("jane")));
    const struct access_question question = {.ns = "",
                                             .is_in_any_namespace = true,
                                             .request = {.verb = "get", .path = "/metrics"}};

    assert_false(access_can_have_name(&question.request));
    assert_string_equal(who_can(&g, &question, *state), "User /jane by /wide");
    access_done(&g);
}

static void test_nobody_can_where_there_is_nothing(void **state)
{
    struct access g;
    struct err err = {0};
    const struct access_question question = {.ns = "red",
                                             .is_in_any_namespace = true,
                                             .request = pods("get", "")};

    access_init(&g, BYTES_MAX);
    assert_int_equal(access_link(&g, &err), 0);
    assert_string_equal(who_can(&g, &question, *state), "");
    access_done(&g);
    access_done(&g);
    access_done(NULL);
}

/* ---- bounds and memory ---- */

static void test_a_graph_has_a_ceiling_of_bytes(void **state)
{
    json_t *object = json_of(CLUSTER_ROLE("r", PODS("get")));
    struct access g;
    struct err err = {0};

    (void)state;
    access_init(&g, 100);
    assert_int_equal(access_add(&g, ACCESS_CLUSTER_ROLE, object, "", &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.msg, "the roles and bindings take more than 100 bytes");
    access_done(&g);
    json_decref(object);
}

static void add_many(enum access_kind kind, json_t *object, const char *what)
{
    struct access g;
    struct err err = {0};
    char message[64];

    access_init(&g, 1u << 30);
    for (unsigned i = 0; i < ACCESS_OBJECTS_MAX; i++)
        assert_int_equal(access_add(&g, kind, object, "", &err), 0);
    assert_int_equal(access_add(&g, kind, object, "", &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    (void)snprintf(message, sizeof(message), "there are more than %u %s", ACCESS_OBJECTS_MAX, what);
    assert_non_null(strstr(err.msg, message));
    access_done(&g);
}

static void test_a_graph_has_a_ceiling_of_objects(void **state)
{
    json_t *role = json_of("{'metadata':{'name':'r'}}");
    json_t *binding = json_of(CLUSTER_BINDING("b", "r", ""));

    (void)state;
    add_many(ACCESS_CLUSTER_ROLE, role, "roles");
    add_many(ACCESS_CLUSTER_ROLE_BINDING, binding, "bindings");
    json_decref(role);
    json_decref(binding);
}

/* What the largest clusters have: it must cost little. */
static void test_5000_roles_and_10000_bindings_take_less_than_16_megabytes(void **state)
{
    struct access g;
    struct err err = {0};
    size_t bytes;
    const struct access_question question = {.ns = "",
                                             .is_in_any_namespace = true,
                                             .request = pods("get", "")};
    struct access_grants grants;
    AUTO_ARENA a;

    (void)state;
    access_init(&g, 64u << 20);
    arena_init(&a, 64u << 20);
    for (unsigned i = 0; i < 15000; i++) {
        char text[1024];
        json_t *object;

        if (i < 5000)
            (void)snprintf(text, sizeof(text),
                           ROLE("namespace-%u", "role-of-a-usual-length-%u",
                                "{'verbs':['get','list','watch'],'apiGroups':['','apps'],"
                                "'resources':['pods','pods/log','deployments']}," PODS(
                                    "delete") "," NAMED_PODS("update", "'leader'")),
                           i % 1000, i);
        else
            (void)snprintf(text, sizeof(text),
                           BINDING("namespace-%u", "binding-of-a-usual-length-%u", "Role",
                                   "role-of-a-usual-length-%u",
                                   ACCOUNT("namespace-of-it", "account") "," GROUP("a-group")),
                           i % 1000, i, i % 5000);
        object = json_of(text);
        assert_int_equal(access_add(&g, (enum access_kind)access_kind_of(object), object, "", &err),
                         0);
        json_decref(object);
    }
    assert_int_equal(access_link(&g, &err), 0);
    bytes = g.arena.used + g.roles_room * sizeof(*g.roles) + g.bindings_room * sizeof(*g.bindings);
    assert_in_range(bytes, 1u << 20, 16u << 20);
    assert_int_equal(access_who_can(&g, &question, &a, &grants, &err), 0);
    assert_int_equal(grants.count, 20000);
    access_done(&g);
}

static int build_and_ask(void *ctx, struct err *err)
{
    json_t *const *objects = ctx;
    struct access_question question = {.ns = "red",
                                       .is_in_any_namespace = false,
                                       .request = pods("get", "")};
    struct access_grants grants = {.count = 9};
    struct access_user user = {.name = "untouched"};
    struct access g;
    AUTO_ARENA a;
    int r = 0;

    arena_init(&a, 1u << 20);
    access_init(&g, BYTES_MAX);
    for (; r == 0 && *objects; objects++)
        r = access_add(&g, (enum access_kind)access_kind_of(*objects), *objects, "", err);
    if (r == 0)
        r = access_link(&g, err);
    if (r == 0)
        r = access_who_can(&g, &question, &a, &grants, err);
    assert_int_equal(grants.count, r < 0 ? 9 : 2);
    if (r == 0)
        r = access_user_of("red", "web", &a, &user, err);
    if (r < 0)
        assert_string_equal(user.name, "untouched");
    access_done(&g);
    return r;
}

static void test_every_allocation_may_fail(void **state)
{
    json_t *objects[] = {
        json_of(CLUSTER_ROLE("r", PODS("get"))),
        json_of(ROLE("red", "named", NAMED_PODS("get", "'a'"))),
        json_of("{" RBAC_V1 "'kind':'RoleBinding','metadata':{'name':'b','namespace':'red'},"
                "'roleRef':{'kind':'Role','name':'named'},'subjects':[" LOCAL_ACCOUNT("web") "]}"),
        json_of(CLUSTER_BINDING("c", "r", GROUP("dev"))),
        NULL,
    };

    (void)state;
    assert_in_range(sweep(build_and_ask, objects), 20, 1000);
    for (size_t i = 0; objects[i]; i++)
        json_decref(objects[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_who_can_tells_each_subject_with_what_it_has_it_by),
        ARENA_TEST(test_what_has_no_name_is_given_by_no_rule_for_names),
        ARENA_TEST(test_who_can_reach_a_path),
        ARENA_TEST(test_nobody_can_where_there_is_nothing),
        cmocka_unit_test(test_a_graph_has_a_ceiling_of_bytes),
        cmocka_unit_test(test_a_graph_has_a_ceiling_of_objects),
        cmocka_unit_test(test_5000_roles_and_10000_bindings_take_less_than_16_megabytes),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
