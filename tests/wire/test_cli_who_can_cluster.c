/* `rampart who-can` on a cluster: what it reads, and what it makes of odd answers. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/cli/cli.h"
#include "support/text.h"
#include "wire/support/command.h"

#define API "/apis/rbac.authorization.k8s.io/v1"
#define LIST(kind_, continue_, items_)                                                           \
    "{\"kind\":\"" kind_ "List\",\"apiVersion\":\"rbac.authorization.k8s.io/v1\","               \
    "\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"" continue_ "\"},\"items\":[" items_ \
    "]}"
#define ITEM(name_, rest_) "{\"metadata\":{\"name\":\"" name_ "\"}," rest_ "}"
#define RULE(group_, resource_)                                                                  \
    "\"rules\":[{\"verbs\":[\"get\"],\"apiGroups\":[\"" group_ "\"],\"resources\":[\"" resource_ \
    "\"]}]"
#define BINDS(role_, user_)                                          \
    "\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"" role_ "\"}," \
    "\"subjects\":[{\"kind\":\"User\",\"name\":\"" user_ "\"}]"
#define STATUS(reason_, code_)                                          \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"" reason_ \
    "\",\"message\":\"says the server\",\"code\":" code_ "}"
#define CLUSTER_ROLES API "/clusterroles?limit=500"
#define CLUSTER_BINDINGS API "/clusterrolebindings?limit=500"
#define ROLES_IN(ns_) API "/namespaces/" ns_ "/roles?limit=500"
#define BINDINGS_IN(ns_) API "/namespaces/" ns_ "/rolebindings?limit=500"
#define NO_ROLES LIST("Role", "", "")
#define NO_BINDINGS LIST("RoleBinding", "", "")

/* Asks a cluster that answers so; the list ends in {0}. */
static struct outcome ask(struct command_bench *b, struct command_answer *answers, const char *verb,
                          const char *resource, const char *flag, const char *value)
{
    b->api.answers = answers;
    command_serve(b);
    return COMMAND_RUN(b, "who-can", "--kubeconfig", folder_at(&b->folder, "config"), verb,
                       resource, flag, value);
}

static void test_who_can_reads_a_cluster_page_by_page(void **state)
{
    struct command_answer answers[] = {
        {CLUSTER_ROLES, 200, LIST("ClusterRole", "more/+", ITEM("one", RULE("", "nodes"))), 0},
        {CLUSTER_ROLES "&continue=more%2F%2B", 200,
         LIST("ClusterRole", "", ITEM("two", RULE("", "pods"))), 0},
        {CLUSTER_BINDINGS, 200,
         LIST("ClusterRoleBinding", "",
              ITEM("c", BINDS("two", "root")) "," ITEM("d", BINDS("one", "node"))),
         0},
        {ROLES_IN("shop"), 200, NO_ROLES, 0},
        {BINDINGS_IN("shop"), 200,
         LIST("RoleBinding", "",
              "{\"metadata\":{\"name\":\"b\",\"namespace\":\"shop\"}," BINDS("two", "jane") "}"),
         0},
        {0},
    };
    struct outcome o = ask(*state, answers, "get", "pods", "-n", "shop");

    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "User jane             RoleBinding shop/b    ClusterRole two\n"
                           "User root             ClusterRoleBinding c  ClusterRole two\n");
    assert_null(strstr(o.out, "node"));
    outcome_done(&o);
}

static void test_who_can_reads_no_namespace_for_what_is_in_none(void **state)
{
    struct command_answer answers[] = {
        {CLUSTER_ROLES, 200, LIST("ClusterRole", "", ITEM("one", RULE("", "nodes"))), 0},
        {CLUSTER_BINDINGS, 200, LIST("ClusterRoleBinding", "", ITEM("c", BINDS("one", "root"))), 0},
        {0},
    };
    struct outcome o = ask(*state, answers, "get", "nodes", NULL, NULL);

    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "\nUser root ");
    outcome_done(&o);
}

static void test_who_can_names_the_right_that_is_missing(void **state)
{
    struct command_answer answers[] = {
        {CLUSTER_ROLES, 200, LIST("ClusterRole", "", ""), 0},
        {CLUSTER_BINDINGS, 200, LIST("ClusterRoleBinding", "", ""), 0},
        {ROLES_IN("shop"), 403, STATUS("Forbidden", "403"), 0},
        {BINDINGS_IN("shop"), 200, NO_BINDINGS, 0},
        {0},
    };
    struct outcome o = ask(*state, answers, "get", "pods", "-n", "shop");

    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "rampart who-can: list roles.rbac.authorization.k8s.io in namespace "
                           "shop: ");
    assert_contains(o.err, "says the server");
    assert_string_equal(o.out, "");
    outcome_done(&o);
}

static void test_who_can_waits_for_a_server_that_is_busy(void **state)
{
    struct command_answer answers[] = {
        {CLUSTER_ROLES, 503, STATUS("ServiceUnavailable", "503"), 1},
        {CLUSTER_ROLES, 200, LIST("ClusterRole", "", ITEM("one", RULE("", "nodes"))), 0},
        {CLUSTER_BINDINGS, 200, LIST("ClusterRoleBinding", "", ITEM("c", BINDS("one", "root"))), 0},
        {0},
    };
    struct outcome o = ask(*state, answers, "get", "nodes", NULL, NULL);

    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "\nUser root ");
    outcome_done(&o);
}

static void test_who_can_fails_on_answers_that_are_none(void **state)
{
    static const struct {
        int status;
        const char *body;
        const char *said;
    } rows[] = {
        {200, "<html>", "list clusterroles.rbac.authorization.k8s.io: "},
        {200, "{\"kind\":\"Table\",\"items\":[]}", "the server's answer is no list"},
        {200, "{\"items\":[]}", "the server's answer is no list"},
        {410, STATUS("Expired", "410"), "it changed too much while it was read; try again"},
        {401, STATUS("Unauthorized", "401"), "says the server"},
    };
    struct command_bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct command_answer answers[] = {
            {CLUSTER_ROLES, rows[i].status, rows[i].body, 0},
            {CLUSTER_BINDINGS, 200, LIST("ClusterRoleBinding", "", ""), 0},
            {0},
        };
        struct outcome o;

        o = ask(b, answers, "get", "/metrics", NULL, NULL);
        assert_code(&o, EXIT_FAILED);
        assert_contains(o.err, rows[i].said);
        outcome_done(&o);
        command_stop(b);
    }
}

/* Tenants write roles: an odd one keeps nobody from an answer. */
static void test_who_can_tells_when_a_role_cannot_be_read(void **state)
{
    struct command_answer answers[] = {
        {CLUSTER_ROLES, 200,
         LIST("ClusterRole", "",
              ITEM("nul", RULE("", "a\\u0000")) ",{\"metadata\":{}}," ITEM("one",
                                                                           RULE("", "nodes"))),
         0},
        {CLUSTER_BINDINGS, 200, LIST("ClusterRoleBinding", "", ITEM("c", BINDS("one", "root"))), 0},
        {0},
    };
    struct outcome o = ask(*state, answers, "get", "nodes", NULL, NULL);

    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "\nUser root ");
    assert_contains(o.err,
                    "note: 2 of the roles and bindings cannot be read, so somebody may be "
                    "missing here; the first: list clusterroles.rbac.authorization.k8s.io: ");
    outcome_done(&o);
}

#define GROUPS                                                                              \
    "{\"kind\":\"APIGroupList\",\"groups\":[{\"name\":\"a.example\",\"preferredVersion\":{" \
    "\"version\":\"v1\"}},{\"name\":\"shop.example\",\"preferredVersion\":{\"version\":"    \
    "\"v2\"}},{\"name\":\"odd\"}]}"
#define RESOURCES(text_) "{\"kind\":\"APIResourceList\",\"resources\":[" text_ "]}"
#define CARTS                                                                    \
    "{\"name\":\"carts/status\",\"singularName\":\"cart\",\"namespaced\":true}," \
    "{\"name\":\"carts\",\"singularName\":\"cart\",\"shortNames\":[\"ct\"],\"namespaced\":false}"

static void test_who_can_asks_the_server_for_resources_that_kubernetes_has_not(void **state)
{
    static const char *const words[] = {"carts", "cart", "ct", "ct.shop.example"};
    struct command_bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct command_answer answers[] = {
            {"/apis", 200, GROUPS, 0},
            {"/api/v1", 200, RESOURCES(""), 0},
            {"/apis/a.example/v1", 200, RESOURCES("{\"name\":7},{\"name\":\"boats\"}"), 0},
            {"/apis/shop.example/v2", 200, RESOURCES(CARTS), 0},
            {CLUSTER_ROLES, 200,
             LIST("ClusterRole", "", ITEM("one", RULE("shop.example", "carts"))), 0},
            {CLUSTER_BINDINGS, 200, LIST("ClusterRoleBinding", "", ITEM("c", BINDS("one", "root"))),
             0},
            {0},
        };
        struct outcome o = ask(b, answers, "get", words[i], NULL, NULL);

        assert_code(&o, EXIT_DONE);
        assert_contains(o.out, "Who can get carts.shop.example in the cluster?\n");
        assert_contains(o.out, "\nUser root ");
        outcome_done(&o);
        command_stop(b);
    }
}

static void test_who_can_says_when_the_server_has_no_such_resource(void **state)
{
    struct command_answer answers[] = {
        {"/apis", 200, GROUPS, 0},
        {"/api/v1", 200, RESOURCES(""), 0},
        {"/apis/a.example/v1", 200, RESOURCES(""), 0},
        {"/apis/shop.example/v2", 200, RESOURCES(""), 0},
        {CLUSTER_ROLES, 200, LIST("ClusterRole", "", ""), 0},
        {CLUSTER_BINDINGS, 200, LIST("ClusterRoleBinding", "", ""), 0},
        {ROLES_IN("default"), 200, NO_ROLES, 0},
        {BINDINGS_IN("default"), 200, NO_BINDINGS, 0},
        {0},
    };
    struct command_bench *b = *state;
    struct outcome o = ask(b, answers, "get", "carts", NULL, NULL);

    assert_code(&o, EXIT_FAILED);
    assert_string_equal(o.err, "rampart who-can: the API server has no resource \"carts\"; write "
                               "it with its group: carts.GROUP\n");
    outcome_done(&o);
    o = COMMAND_RUN(b, "who-can", "--kubeconfig", folder_at(&b->folder, "config"), "get",
                    "carts.none.example");
    assert_code(&o, EXIT_DONE);
    assert_string_equal(o.err, "note: nothing is known of carts.none.example; asked as it is "
                               "written, as if in a namespace\n");
    outcome_done(&o);
}

/* As the metrics API is, often: an APIService whose server is away. */
static void test_who_can_does_without_groups_that_are_down(void **state)
{
    struct command_answer answers[] = {
        {"/apis", 200, GROUPS, 0},
        {"/api/v1", 200, RESOURCES(""), 0},
        {"/apis/a.example/v1", 503, STATUS("ServiceUnavailable", "503"), 0},
        {"/apis/shop.example/v2", 200, RESOURCES(CARTS), 0},
        {CLUSTER_ROLES, 200, LIST("ClusterRole", "", ""), 0},
        {CLUSTER_BINDINGS, 200, LIST("ClusterRoleBinding", "", ""), 0},
        {ROLES_IN("default"), 200, NO_ROLES, 0},
        {BINDINGS_IN("default"), 200, NO_BINDINGS, 0},
        {0},
    };
    struct command_bench *b = *state;
    struct outcome o = ask(b, answers, "get", "carts", NULL, NULL);

    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "Who can get carts.shop.example in the cluster?\n");
    outcome_done(&o);
    o = COMMAND_RUN(b, "who-can", "--kubeconfig", folder_at(&b->folder, "config"), "get", "boats");
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "rampart who-can: the API server knows no resource \"boats\", but "
                           "cannot tell what group a.example has (");
    assert_contains(o.err, "); write it with its group: boats.GROUP\n");
    outcome_done(&o);
    o = COMMAND_RUN(b, "who-can", "--kubeconfig", folder_at(&b->folder, "config"), "get",
                    "boats.a.example");
    assert_code(&o, EXIT_DONE);
    assert_contains(o.err, "note: nothing is known of boats.a.example; ");
    outcome_done(&o);
}

static void test_who_can_fails_on_discovery_that_is_none(void **state)
{
    static const struct {
        const char *groups, *resources, *said;
    } rows[] = {
        {"{\"groups\":7}", RESOURCES(""), "groups: expected an array"},
        {"<html>", RESOURCES(""), "look up which groups of resources there are: "},
        {GROUPS, "{\"resources\":7}", "resources: expected an array"},
    };
    struct command_bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct command_answer answers[] = {
            {"/apis", 200, rows[i].groups, 0},
            {"/api/v1", 200, rows[i].resources, 0},
            {"/apis/a.example/v1", 200, rows[i].resources, 0},
            {"/apis/shop.example/v2", 200, rows[i].resources, 0},
            {0},
        };
        struct outcome o = ask(b, answers, "get", "carts", NULL, NULL);

        assert_code(&o, EXIT_FAILED);
        assert_contains(o.err, rows[i].said);
        outcome_done(&o);
        command_stop(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(test_who_can_reads_a_cluster_page_by_page),
        COMMAND_TEST(test_who_can_reads_no_namespace_for_what_is_in_none),
        COMMAND_TEST(test_who_can_names_the_right_that_is_missing),
        COMMAND_TEST(test_who_can_waits_for_a_server_that_is_busy),
        COMMAND_TEST(test_who_can_fails_on_answers_that_are_none),
        COMMAND_TEST(test_who_can_tells_when_a_role_cannot_be_read),
        COMMAND_TEST(test_who_can_asks_the_server_for_resources_that_kubernetes_has_not),
        COMMAND_TEST(test_who_can_says_when_the_server_has_no_such_resource),
        COMMAND_TEST(test_who_can_does_without_groups_that_are_down),
        COMMAND_TEST(test_who_can_fails_on_discovery_that_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
