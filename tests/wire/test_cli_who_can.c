/* `rampart who-can`: what it says of manifests, and how it ends. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/cli/cli.h"
#include "support/text.h"
#include "wire/support/command.h"

#define RBAC "apiVersion: rbac.authorization.k8s.io/v1\n"
#define MANIFESTS                                                                    \
    RBAC "kind: Role\n"                                                              \
         "metadata: {name: reader, namespace: shop}\n"                               \
         "rules:\n"                                                                  \
         "- {verbs: [get], apiGroups: [\"\"], resources: [pods, pods/log]}\n"        \
         "- {verbs: [get], apiGroups: [\"\"], resources: [secrets],\n"               \
         "   resourceNames: [d, b, a, c]}\n"                                         \
         "---\n" RBAC "kind: RoleBinding\n"                                          \
         "metadata: {name: readers, namespace: shop}\n"                              \
         "roleRef: {kind: Role, name: reader}\n"                                     \
         "subjects: [{kind: ServiceAccount, name: web}, {kind: User, name: jane}]\n" \
         "---\n"                                                                     \
         "{apiVersion: v1, kind: ConfigMap, metadata: {name: left-out}}\n"           \
         "---\n" RBAC "kind: ClusterRoleBinding\n"                                   \
         "metadata: {name: admins}\n"                                                \
         "roleRef: {kind: ClusterRole, name: cluster-admin}\n"                       \
         "subjects: [{kind: Group, name: ops}]\n"

static const char *manifests(struct command_bench *b, const char *text)
{
    folder_write(&b->folder, "m.yaml", text);
    return folder_at(&b->folder, "m.yaml");
}

static void test_who_can_says_who_and_by_what(void **state)
{
    struct command_bench *b = *state;
    struct outcome o =
        COMMAND_RUN(b, "who-can", "get", "po", "-n", "shop", "-f", manifests(b, MANIFESTS));

    assert_code(&o, EXIT_DONE);
    assert_string_equal(
        o.out, "Who can get pods in namespace shop?\n"
               "\n"
               "SUBJECT                  BY                         ROLE\n"
               "Group system:masters     -                          (may do everything, whatever "
               "RBAC says)\n"
               "User jane                RoleBinding shop/readers   Role shop/reader\n"
               "Group ops                ClusterRoleBinding admins  ClusterRole cluster-admin\n"
               "ServiceAccount shop/web  RoleBinding shop/readers   Role shop/reader\n");
    assert_string_equal(o.err, "");
    outcome_done(&o);
}

static void test_who_can_speaks_json(void **state)
{
    struct command_bench *b = *state;
    struct outcome o = COMMAND_RUN(b, "who-can", "-o", "json", "get", "pods/log", "-f",
                                   manifests(b, MANIFESTS), "web-1", "-n", "shop");

    assert_code(&o, EXIT_DONE);
    assert_string_equal(
        o.out,
        "{\"verb\":\"get\",\"group\":\"\",\"resource\":\"pods\",\"subresource\":\"log\","
        "\"name\":\"web-1\",\"namespace\":\"shop\",\"grants\":["
        "{\"subject\":{\"kind\":\"Group\",\"namespace\":\"\",\"name\":\"system:masters\"},"
        "\"binding\":null,\"role\":null,\"names\":[]},"
        "{\"subject\":{\"kind\":\"User\",\"namespace\":\"\",\"name\":\"jane\"},"
        "\"binding\":{\"kind\":\"RoleBinding\",\"namespace\":\"shop\",\"name\":\"readers\"},"
        "\"role\":{\"kind\":\"Role\",\"namespace\":\"shop\",\"name\":\"reader\"},\"names\":[]},"
        "{\"subject\":{\"kind\":\"Group\",\"namespace\":\"\",\"name\":\"ops\"},"
        "\"binding\":{\"kind\":\"ClusterRoleBinding\",\"namespace\":\"\",\"name\":\"admins\"},"
        "\"role\":{\"kind\":\"ClusterRole\",\"namespace\":\"\",\"name\":\"cluster-admin\"},"
        "\"names\":[]},"
        "{\"subject\":{\"kind\":\"ServiceAccount\",\"namespace\":\"shop\",\"name\":\"web\"},"
        "\"binding\":{\"kind\":\"RoleBinding\",\"namespace\":\"shop\",\"name\":\"readers\"},"
        "\"role\":{\"kind\":\"Role\",\"namespace\":\"shop\",\"name\":\"reader\"},\"names\":[]}"
        "]}\n");
    outcome_done(&o);
}

static void test_who_can_tells_of_rights_for_some_names(void **state)
{
    struct command_bench *b = *state;
    struct outcome o =
        COMMAND_RUN(b, "who-can", "get", "secrets", "-A", "-f", manifests(b, MANIFESTS));

    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "Who can get secrets in any namespace?\n");
    assert_contains(o.out, "Role shop/reader, only \"a\", \"b\", \"c\" and 1 more\n");
    outcome_done(&o);
    o = COMMAND_RUN(b, "who-can", "get", "secrets", "-A", "-o", "json", "-f",
                    manifests(b, MANIFESTS));
    assert_contains(o.out, "\"namespace\":\"*\"");
    assert_contains(o.out, "\"names\":[\"a\",\"b\",\"c\",\"d\"]");
    outcome_done(&o);
}

static void test_who_can_asks_each_kind_of_question(void **state)
{
    static const struct {
        const char *words[3];
        const char *said; /* in the output */
    } rows[] = {
        {{"get", "/metrics"}, "Who can get /metrics?\n"},
        {{"update", "deploy/scale"}, "Who can update deployments.apps/scale in namespace default"},
        {{"list", "nodes"}, "Who can list nodes in the cluster?\n"},
        {{"get", "ns", "shop"}, "Who can get namespaces \"shop\" in namespace shop?\n"},
        {{"*", "*"}, "Who can * *.* in namespace default?\n"},
        {{"use", "carts.shop.example"}, "Who can use carts.shop.example in namespace default?\n"},
    };
    struct command_bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = COMMAND_RUN(b, "who-can", "-f", manifests(b, MANIFESTS),
                                       rows[i].words[0], rows[i].words[1], rows[i].words[2]);

        assert_code(&o, EXIT_DONE);
        assert_contains(o.out, rows[i].said);
        assert_contains(o.out, "\nGroup ops ");
        outcome_done(&o);
    }
}

static void test_who_can_reads_folders_and_lists(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;
    char folder[256];

    folder_mkdir(&b->folder, "m");
    (void)snprintf(folder, sizeof(folder), "%s", folder_at(&b->folder, "m"));
    folder_write(&b->folder, "m/a.json",
                 "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"ClusterRole\","
                 "\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"metadata\":{\"name\":\"r\"},"
                 "\"rules\":[{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"]}]"
                 "}]}");
    folder_write(&b->folder, "m/b.yml",
                 RBAC "kind: ClusterRoleBinding\nmetadata: {name: b}\n"
                      "roleRef: {kind: ClusterRole, name: r}\n"
                      "subjects: [{kind: User, name: jane}]\n");
    folder_write(&b->folder, "m/notes.txt", ": [");
    o = COMMAND_RUN(b, "who-can", "get", "pods", "-f", folder);
    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "\nUser jane ");
    outcome_done(&o);
    folder_write(&b->folder, "m/c.yaml", "a: [\n");
    o = COMMAND_RUN(b, "who-can", "get", "pods", "-f", folder);
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "/m/c.yaml: line 2");
    outcome_done(&o);
}

static void test_who_can_notes_what_manifests_leave_open(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;
    char text[4096];
    size_t len;

    (void)snprintf(text, sizeof(text),
                   RBAC "kind: ClusterRole\nmetadata: {name: view}\n"
                        "aggregationRule: {clusterRoleSelectors: [{}]}\n");
    for (int i = 0; i < 12; i++) {
        len = strlen(text);
        (void)snprintf(text + len, sizeof(text) - len,
                       "---\n" RBAC "kind: RoleBinding\nmetadata: {name: b%d, namespace: shop}\n"
                       "roleRef: {kind: Role, name: gone}\n",
                       i);
    }
    o = COMMAND_RUN(b, "who-can", "get", "pods", "-n", "shop", "-f", manifests(b, text));
    assert_code(&o, EXIT_DONE);
    assert_contains(o.err, "note: RoleBinding shop/b0 binds Role gone, which is not there: what it "
                           "gives does not count\n");
    assert_contains(o.err, "note: and 2 more like it\n");
    assert_contains(o.err, "note: ClusterRole view is aggregated and states no rules, which the "
                           "cluster fills in: what it gives does not count\n");
    outcome_done(&o);
    o = COMMAND_RUN(b, "who-can", "get", "carts.shop.example", "-n", "bank", "-f",
                    manifests(b, MANIFESTS));
    assert_code(&o, EXIT_DONE);
    assert_string_equal(o.err, "note: nothing is known of carts.shop.example; asked as it is "
                               "written, as if in a namespace\n");
    outcome_done(&o);
    o = COMMAND_RUN(b, "who-can", "get", "nodes", "-n", "bank", "-f", manifests(b, MANIFESTS));
    assert_code(&o, EXIT_DONE);
    assert_string_equal(o.err, "note: nodes are in no namespace; --namespace does not count\n");
    outcome_done(&o);
}

/* Whoever may write a binding chooses such names. */
static void test_who_can_lets_no_name_reach_the_terminal_as_a_command(void **state)
{
    struct command_bench *b = *state;
    struct outcome o = COMMAND_RUN(
        b, "who-can", "get", "pods", "-n", "shop", "-f",
        manifests(b, RBAC "kind: RoleBinding\n"
                          "metadata: {name: \"b\\e[2J\", namespace: shop}\n"
                          "roleRef: {kind: ClusterRole, name: cluster-admin}\n"
                          "subjects: [{kind: User, name: \"\\e[31m\\n\\u202e\\u009b\\u00e9\"}]\n"
                          "---\n" RBAC "kind: RoleBinding\n"
                          "metadata: {name: \"c\\e[2J\", namespace: shop}\n"
                          "roleRef: {kind: Role, name: gone}\n"));

    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "\nUser ?[31m???\xc3\xa9  ");
    assert_contains(o.out, "  RoleBinding shop/b?[2J  ");
    assert_null(strchr(o.out, '\033'));
    assert_null(strchr(o.err, '\033'));
    outcome_done(&o);
}

static void test_who_can_refuses_what_is_wrong_with_its_place(void **state)
{
    static const struct {
        const char *yaml;
        const char *said;
    } rows[] = {
        {"kind: Pod\n", "there is no Role, ClusterRole, RoleBinding or ClusterRoleBinding in what"},
        {"a: [\n", "m.yaml: line 2"},
        {"a: 1\n---\n" RBAC "kind: Role\nmetadata: {name: x}\nrules: [{verbs: get}]\n",
         "m.yaml: line 2: Role default/x: rules[0].verbs: expected an array, got a string"},
        {RBAC "kind: Role\nmetadata: {name: x}\n---\n" RBAC "kind: Role\nmetadata: {name: x}\n",
         "Role default/x is there twice; leave one out"},
    };
    struct command_bench *b = *state;
    struct outcome o;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        o = COMMAND_RUN(b, "who-can", "get", "pods", "-f", manifests(b, rows[i].yaml));
        assert_code(&o, EXIT_FAILED);
        assert_contains(o.err, "rampart who-can: ");
        assert_contains(o.err, rows[i].said);
        assert_string_equal(o.out, "");
        outcome_done(&o);
    }
    o = COMMAND_RUN(b, "who-can", "get", "pods", "-f", "/nowhere");
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "/nowhere: No such file or directory");
    outcome_done(&o);
    o = COMMAND_RUN(b, "who-can", "get", "carts", "-f", manifests(b, MANIFESTS));
    assert_code(&o, EXIT_FAILED);
    assert_string_equal(o.err, "rampart who-can: Kubernetes itself has no resource \"carts\"; "
                               "write it with its group: carts.GROUP\n");
    outcome_done(&o);
}

static void test_who_can_refuses_wrong_usage(void **state)
{
    static const struct {
        const char *args[6];
        const char *said;
    } rows[] = {
        {{"get"}, "an argument is missing; see"},
        {{"get", "pods", "a", "b"}, "one argument too many: b; see"},
        {{"get", "pods", "--", "a", "b"}, "one argument too many: b; see"},
        {{"get", "pods", "-o", "yaml"}, "--output: \"yaml\" is unknown"},
        {{"get", "pods", "-A", "-n", "x"}, "--namespace and --all-namespaces exclude"},
        {{"get", "/x", "name"}, "a path has no NAME"},
        {{"get", "/x", "-A"}, "a path is in no namespace"},
        {{"get", "/x", "-n", "y"}, "a path is in no namespace"},
        {{"create", "pods", "x"}, "leave NAME out"},
        {{"deletecollection", "pods", "x"}, "leave NAME out"},
        {{"get", "pods", "-f", "x", "--context", "y"}, "leave --kubeconfig and --context out"},
        {{"get", "pods", "-f", "x", "--kubeconfig", "y"}, "leave --kubeconfig and --context out"},
    };
    struct command_bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *args[] = {"who-can",       rows[i].args[0], rows[i].args[1], rows[i].args[2],
                              rows[i].args[3], rows[i].args[4], rows[i].args[5], NULL};
        struct outcome o = command_wait(b, command_start(b, args));

        assert_code(&o, EXIT_USAGE);
        assert_contains(o.err, rows[i].said);
        outcome_done(&o);
    }
}

static void test_who_can_explains_itself(void **state)
{
    struct command_bench *b = *state;
    struct outcome o = COMMAND_RUN(b, "who-can", "--help");

    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "Usage: rampart who-can VERB RESOURCE[.GROUP][/SUBRESOURCE] [NAME]");
    assert_contains(o.out, "-A, --all-namespaces");
    outcome_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(test_who_can_says_who_and_by_what),
        COMMAND_TEST(test_who_can_speaks_json),
        COMMAND_TEST(test_who_can_tells_of_rights_for_some_names),
        COMMAND_TEST(test_who_can_asks_each_kind_of_question),
        COMMAND_TEST(test_who_can_reads_folders_and_lists),
        COMMAND_TEST(test_who_can_notes_what_manifests_leave_open),
        COMMAND_TEST(test_who_can_lets_no_name_reach_the_terminal_as_a_command),
        COMMAND_TEST(test_who_can_refuses_what_is_wrong_with_its_place),
        COMMAND_TEST(test_who_can_refuses_wrong_usage),
        COMMAND_TEST(test_who_can_explains_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
