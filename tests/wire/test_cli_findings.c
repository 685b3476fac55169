/* `rampart rbac findings`: what it reads of a cluster and of manifests, what it says, how it ends.
 */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/cli/cli.h"
#include "support/text.h"
#include "wire/support/command.h"

#define RBAC "/apis/rbac.authorization.k8s.io/v1"
#define TOKENS "&fieldSelector=type%3Dkubernetes.io%2Fservice-account-token"
#define LIST_MORE(continue_, items_)                                                       \
    "{\"kind\":\"SomeList\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":\"" continue_ \
    "\"},\"items\":[" items_ "]}"
#define LIST(items_) LIST_MORE("", items_)
#define META(ns_, name_) "\"metadata\":{\"namespace\":\"" ns_ "\",\"name\":\"" name_ "\"}"
#define FORBIDDEN                                                                         \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"message\":\"" \
    "secrets is forbidden: says the server\",\"code\":403}"

enum place {
    CLUSTER_ROLES = 0,
    CLUSTER_BINDINGS,
    ROLES,
    BINDINGS,
    ACCOUNTS,
    PODS,
    SECRETS,
    CONFIG_MAPS,
    OTHERS, /* seven of them, and room for more pages */
    PLACES = OTHERS + 7,
};

/* A cluster in which nothing is. */
#define EMPTY                                                                           \
    {                                                                                   \
        [CLUSTER_ROLES] = {RBAC "/clusterroles?limit=500", 200, LIST(""), 0},           \
        [CLUSTER_BINDINGS] = {RBAC "/clusterrolebindings?limit=500", 200, LIST(""), 0}, \
        [ROLES] = {RBAC "/roles?limit=500", 200, LIST(""), 0},                          \
        [BINDINGS] = {RBAC "/rolebindings?limit=500", 200, LIST(""), 0},                \
        [ACCOUNTS] = {"/api/v1/serviceaccounts?limit=500", 200, LIST(""), 0},           \
        [PODS] = {"/api/v1/pods?limit=500", 200, LIST(""), 0},                          \
        [SECRETS] = {"/api/v1/secrets?limit=500" TOKENS, 200, LIST(""), 0},             \
        [CONFIG_MAPS] = {"/api/v1/configmaps?limit=500", 200, LIST(""), 0},             \
        [OTHERS] = {"/api/v1/replicationcontrollers?limit=500", 200, LIST(""), 0},      \
        [OTHERS + 1] = {"/apis/apps/v1/deployments?limit=500", 200, LIST(""), 0},       \
        [OTHERS + 2] = {"/apis/apps/v1/statefulsets?limit=500", 200, LIST(""), 0},      \
        [OTHERS + 3] = {"/apis/apps/v1/daemonsets?limit=500", 200, LIST(""), 0},        \
        [OTHERS + 4] = {"/apis/apps/v1/replicasets?limit=500", 200, LIST(""), 0},       \
        [OTHERS + 5] = {"/apis/batch/v1/jobs?limit=500", 200, LIST(""), 0},             \
        [OTHERS + 6] = {"/apis/batch/v1/cronjobs?limit=500", 200, LIST(""), 0},         \
    }

static struct outcome ask(struct command_bench *b, struct command_answer *answers, const char *flag,
                          const char *value)
{
    b->api.answers = answers;
    b->api.metadata_alone = "/api/v1/secrets";
    command_serve(b);
    return COMMAND_RUN(b, "rbac", "findings", "--kubeconfig", folder_at(&b->folder, "config"), flag,
                       value);
}

static void test_findings_end_with_0_where_nothing_is_found(void **state)
{
    struct command_answer answers[PLACES + 1] = EMPTY;
    struct outcome o;

    answers[ACCOUNTS].body = LIST("{" META("shop", "web") "}");
    answers[OTHERS + 1].body =
        LIST("{" META("shop", "w") ",\"spec\":{\"template\":{\"spec\":{\"serviceAccountName\":"
                                   "\"web\"}}}}");
    answers[CONFIG_MAPS].body = LIST("{" META("shop", "c") ",\"data\":{\"a\":\"b\"}}");
    o = ask(*state, answers, NULL, NULL);
    assert_code(&o, EXIT_DONE);
    assert_string_equal(o.out, "2 objects: 0 findings; 0 cannot be told; 0 not read\n");
    assert_string_equal(o.err, "");
    outcome_done(&o);
}

#define OPS                                                                                    \
    "{\"metadata\":{\"name\":\"ops\"},\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\""       \
    "cluster-admin\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"kim\"},{\"kind\":\"Group\"," \
    "\"name\":\"system:nodes\"}]}"
#define ADMIN                                                                         \
    "{\"metadata\":{\"name\":\"cluster-admin\",\"labels\":{\"kubernetes.io/"          \
    "bootstrapping\":\"rbac-defaults\"}},\"rules\":[{\"verbs\":[\"*\"],\"apiGroups\"" \
    ":[\"*\"],\"resources\":[\"*\"]}]}"

static void test_findings_name_object_rule_and_remedy_and_end_with_3(void **state)
{
    struct command_answer answers[PLACES + 1] = EMPTY;
    struct outcome o;

    answers[CLUSTER_ROLES].body = LIST(ADMIN);
    answers[CLUSTER_BINDINGS].body = LIST(OPS);
    o = ask(*state, answers, NULL, NULL);
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "ClusterRoleBinding ops\n"
                           "  rbac-cluster-admin (critical): gives every right everywhere to User "
                           "kim by ClusterRole cluster-admin; Bind a role ");
    assert_contains(o.out, "\n1 object: 1 finding (1 critical, 0 high, 0 medium, 0 low); 0 cannot "
                           "be told; 0 not read\n");
    outcome_done(&o);
}

static void test_findings_about_the_cluster_itself_are_shown_with_all(void **state)
{
    struct command_answer answers[PLACES + 1] = EMPTY;
    struct outcome o;

    answers[CLUSTER_ROLES].body = LIST(ADMIN);
    answers[CLUSTER_BINDINGS].body = LIST(OPS);
    o = ask(*state, answers, "--all", NULL);
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "ClusterRoleBinding ops (of the cluster itself)\n"
                           "  rbac-cluster-admin (critical): gives every right everywhere to Group "
                           "system:nodes (name begins with system:) by ");
    assert_contains(o.out, "\nClusterRole cluster-admin (of the cluster itself)\n"
                           "  rbac-wildcards (high): of the cluster itself (bootstrap default): ");
    assert_contains(o.out, "2 objects: 3 findings (2 critical, 1 high, 0 medium, 0 low), 2 of them "
                           "about the cluster itself; ");
    outcome_done(&o);
}

static void test_findings_speak_json(void **state)
{
    struct command_answer answers[PLACES + 1] = EMPTY;
    struct outcome o;

    answers[CLUSTER_BINDINGS].body = LIST(OPS);
    answers[SECRETS].status = 403;
    answers[SECRETS].body = FORBIDDEN;
    o = ask(*state, answers, "-o", "json");
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "{\"findings\":[{\"outcome\":\"fail\",\"rules\":[\"rbac-cluster-admin\"]"
                           ",\"severity\":\"critical\",\"standards\":\"CIS 5.1.1; ");
    assert_contains(o.out,
                    "\"kind\":\"ClusterRoleBinding\",\"namespace\":\"\",\"name\":\"ops\","
                    "\"component\":false,\"role\":{\"kind\":\"ClusterRole\",\"namespace\":\"\","
                    "\"name\":\"cluster-admin\"},\"subjects\":[{\"kind\":\"User\","
                    "\"namespace\":\"\",\"name\":\"kim\",\"criterion\":\"\"}],"
                    "\"message\":\"gives every right ");
    assert_contains(o.out, "{\"outcome\":\"fail\",\"rules\":[\"rbac-missing-role\"],");
    assert_contains(o.out, "],\"notRead\":[{\"what\":\"Secrets\",\"why\":\"");
    assert_contains(o.out, "says the server\"}],\"summary\":{\"objects\":1,\"critical\":1,\"high\":"
                           "0,\"medium\":0,\"low\":1,\"component\":0,\"cannotBeTold\":0}}\n");
    outcome_done(&o);
}

static void test_findings_say_what_may_not_be_listed_and_never_pass_it(void **state)
{
    struct command_answer answers[PLACES + 1] = EMPTY;
    struct outcome o;

    answers[SECRETS].status = answers[PODS].status = 403;
    answers[SECRETS].body = answers[PODS].body = FORBIDDEN;
    answers[OTHERS + 6].status = 404;
    answers[OTHERS + 6].body = "404 page not found";
    answers[ACCOUNTS].body = LIST("{" META("shop", "web") "}");
    o = ask(*state, answers, NULL, NULL);
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "ServiceAccount shop/web\n  rbac-unused-service-account (error): cannot "
                           "be told: not all Pods and workloads ");
    assert_contains(o.out, "\nnot read: Pods: ");
    assert_contains(o.out, "\nnot read: CronJobs: ");
    assert_contains(o.out, "\nnot read: Secrets: ");
    assert_contains(o.out, "says the server\n");
    assert_contains(o.out, "\n1 object: 0 findings; 1 cannot be told; 3 not read\n");
    outcome_done(&o);
}

static void test_findings_ask_for_every_page_in_the_same_way(void **state)
{
    struct command_answer answers[PLACES + 2] = EMPTY;
    struct outcome o;

    answers[SECRETS].body = LIST_MORE("a+b", "{" META("shop", "one") "}");
    answers[PLACES] = (struct command_answer){
        "/api/v1/secrets?limit=500" TOKENS "&continue=a%2Bb", 200,
        LIST("{\"metadata\":{\"namespace\":\"shop\",\"name\":\"two\",\"annotations\":{"
             "\"kubernetes.io/service-account.name\":\"ci\"}}}"),
        0};
    o = ask(*state, answers, NULL, NULL);
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "Secret shop/one\n  rbac-long-lived-tokens (high): holds a token of "
                           "ServiceAccount (none named) ");
    assert_contains(o.out, "Secret shop/two\n  rbac-long-lived-tokens (high): holds a token of "
                           "ServiceAccount ci ");
    outcome_done(&o);
}

/* Tenants write objects: one that is odd takes nothing else along. */
static void test_findings_tell_of_objects_that_cannot_be_read(void **state)
{
    struct command_answer answers[PLACES + 1] = EMPTY;
    char *large = text_repeat("x", 5u << 20);
    char *body = malloc((6u << 20) + 512);
    struct outcome o;

    (void)sprintf(body,
                  LIST("{" META("shop", "nul") ",\"data\":{\"a\":\"\\u0000\"}},{" META(
                      "shop", "large") ",\"data\":{\"a\":\"%s\"}},{" META("shop",
                                                                          "leak") ",\"data\":{"
                                                                                  "\"token\":"
                                                                                  "\"abc\"}}"),
                  large);
    answers[CONFIG_MAPS].body = body;
    answers[BINDINGS].body =
        LIST("{" META("shop", "odd") ",\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"},"
                                     "\"subjects\":[{\"kind\":\"Robot\",\"name\":\"x\"}]}");
    o = ask(*state, answers, NULL, NULL);
    free(large);
    free(body);
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "ConfigMap shop/leak\n  rbac-config-map-credentials (high): key token ");
    assert_contains(o.out, "\nnot read: ConfigMaps: 2 of them: ");
    assert_contains(o.out, "\nnot read: RoleBindings: 1 of them: RoleBinding shop/odd: "
                           "subjects[0].kind: ");
    outcome_done(&o);
}

/* A binding may have as many subjects as fit into an object. */
static void test_findings_name_every_subject_to_machines(void **state)
{
    struct command_answer answers[PLACES + 1] = EMPTY;
    char *subjects = text_repeat("{\"kind\":\"User\",\"name\":\"\\u0001\"},", 60000);
    char *body = malloc(strlen(subjects) + 1024);
    struct outcome o;

    (void)sprintf(body,
                  LIST("{\"metadata\":{\"name\":\"ops\"},\"roleRef\":{\"kind\":"
                       "\"ClusterRole\",\"name\":\"cluster-admin\"},\"subjects\":[%s"
                       "{\"kind\":\"User\",\"name\":\"last\"}]}"),
                  subjects);
    answers[CLUSTER_BINDINGS].body = body;
    o = ask(*state, answers, "-o", "json");
    free(subjects);
    free(body);
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "\"name\":\"\\u0001\",\"criterion\":\"\"},{\"kind\":\"User\","
                           "\"namespace\":\"\",\"name\":\"last\",\"criterion\":\"\"}]");
    assert_contains(o.out, "to User ?, User ?, User ?, User ? and 59997 more by ClusterRole ");
    outcome_done(&o);
}

static void test_findings_of_one_namespace_read_that_alone(void **state)
{
    struct command_answer answers[] = {
        {RBAC "/clusterroles?limit=500", 200, LIST(""), 0},
        {RBAC "/namespaces/shop/roles?limit=500", 200, LIST(""), 0},
        {RBAC "/namespaces/shop/rolebindings?limit=500", 200, LIST(""), 0},
        {"/api/v1/namespaces/shop/serviceaccounts?limit=500", 200,
         LIST("{" META("shop", "idle") "}"), 0},
        {"/api/v1/namespaces/shop/pods?limit=500", 200, LIST(""), 0},
        {"/api/v1/namespaces/shop/secrets?limit=500" TOKENS, 200, LIST(""), 0},
        {"/api/v1/namespaces/shop/configmaps?limit=500", 200, LIST(""), 0},
        {"/api/v1/namespaces/shop/replicationcontrollers?limit=500", 200, LIST(""), 0},
        {"/apis/apps/v1/namespaces/shop/deployments?limit=500", 200, LIST(""), 0},
        {"/apis/apps/v1/namespaces/shop/statefulsets?limit=500", 200, LIST(""), 0},
        {"/apis/apps/v1/namespaces/shop/daemonsets?limit=500", 200, LIST(""), 0},
        {"/apis/apps/v1/namespaces/shop/replicasets?limit=500", 200, LIST(""), 0},
        {"/apis/batch/v1/namespaces/shop/jobs?limit=500", 200, LIST(""), 0},
        {"/apis/batch/v1/namespaces/shop/cronjobs?limit=500", 200, LIST(""), 0},
        {0},
    };
    struct outcome o = ask(*state, answers, "-n", "shop");

    assert_code(&o, EXIT_CHANGES);
    assert_string_equal(o.err, "note: ClusterRoleBindings hold in this namespace too; they are "
                               "asked without --namespace\n");
    assert_contains(o.out, "ServiceAccount shop/idle\n  rbac-unused-service-account (low): no Pod");
    assert_contains(o.out, "\n1 object: 1 finding (0 critical, 0 high, 0 medium, 1 low); 0 cannot "
                           "be told; 0 not read\n");
    outcome_done(&o);
}

static void test_findings_fail_where_the_cluster_cannot_be_asked(void **state)
{
    static const struct {
        int status;
        const char *body, *said;
    } rows[] = {
        {401, "{\"kind\":\"Status\",\"message\":\"who are you\",\"code\":401}", "list pods: "},
        {200, "{\"kind\":\"Table\",\"items\":[]}", "list pods: the server's answer is no list"},
        {200, "<html>", "list pods: "},
        {410, "{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410}", "try again"},
    };
    struct command_bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct command_answer answers[PLACES + 1] = EMPTY;
        struct outcome o;

        answers[PODS].status = rows[i].status;
        answers[PODS].body = rows[i].body;
        o = ask(b, answers, NULL, NULL);
        assert_code(&o, EXIT_FAILED);
        assert_contains(o.err, "rampart rbac findings: ");
        assert_contains(o.err, rows[i].said);
        assert_string_equal(o.out, "");
        outcome_done(&o);
        command_stop(b);
    }
}

/* ---- manifests ---- */

#define GRANT                                                                                     \
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: a}\nroleRef: " \
    "{kind: Role, name: r}\nsubjects: [{kind: Group, name: \"system:unauthenticated\"}]\n"
#define ROLE                                                                                      \
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}\nrules: [{verbs: " \
    "[get], apiGroups: [\"\"], resources: [pods]}]\n"

static void test_findings_of_manifests_need_no_cluster(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    folder_write(&b->folder, "role.yaml", ROLE);
    folder_write(&b->folder, "grant.yaml",
                 "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n---\n" GRANT);
    o = COMMAND_RUN(b, "rbac", "findings", "-f", folder_at(&b->folder, "role.yaml"), "-f",
                    folder_at(&b->folder, "grant.yaml"), "-n", "shop");
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "RoleBinding shop/a\n  rbac-anonymous (critical): grants Role r in "
                           "namespace shop to Group system:unauthenticated: ");
    assert_contains(o.out, "\n2 objects: 1 finding (1 critical, 0 high, 0 medium, 0 low); 0 cannot "
                           "be told; 0 not read\n");
    outcome_done(&o);
    o = COMMAND_RUN(b, "rbac", "findings", "-f", folder_at(&b->folder, "grant.yaml"));
    assert_contains(o.out, "RoleBinding default/a\n");
    assert_contains(o.out, "  rbac-bind and 16 more (error): cannot be told: Role r, which it "
                           "names, was not read\n");
    outcome_done(&o);
}

static void test_findings_refuse_manifests_that_say_nothing(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"apiVersion: v1\nkind: Service\nmetadata: {name: s}\n", "there is no role, binding, "},
        {"apiVersion: v1\nkind: Pod\nmetadata: {}\n", "m.yaml: line 1: Pod: metadata.name: "},
        {"a: [", "m.yaml: line "},
        {ROLE "---\n" ROLE, "Role default/r is there twice"},
    };
    struct command_bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o;

        folder_write(&b->folder, "m.yaml", rows[i].text);
        o = COMMAND_RUN(b, "rbac", "findings", "-f", folder_at(&b->folder, "m.yaml"));
        assert_code(&o, EXIT_FAILED);
        assert_contains(o.err, "rampart rbac findings: ");
        assert_contains(o.err, rows[i].said);
        outcome_done(&o);
    }
}

static void test_findings_are_asked_for_in_the_right_way(void **state)
{
    static const struct {
        const char *args[7];
        int code;
        const char *out, *err;
    } rows[] = {
        {{"rbac"}, EXIT_USAGE, NULL, "Usage: rampart rbac COMMAND"},
        {{"rbac", "--help"}, EXIT_DONE, "  findings     ", NULL},
        {{"rbac", "-h"}, EXIT_DONE, "  findings     ", NULL},
        {{"rbac", "find"}, EXIT_USAGE, NULL, "unknown command \"find\"; see rampart rbac --help"},
        {{"rbac", "findings", "--help"}, EXIT_DONE, "never what\nis in a Secret", NULL},
        {{"rbac", "findings", "x"}, EXIT_USAGE, NULL, "takes no arguments, got x"},
        {{"rbac", "findings", "-o", "yaml"}, EXIT_USAGE, NULL, "expected text or json"},
        {{"rbac", "findings", "-f", "x", "--context", "c"}, EXIT_USAGE, NULL, "asks no cluster"},
        {{"rbac", "findings", "-f", "/nowhere"}, EXIT_FAILED, NULL, "/nowhere"},
        {{"rbac", "findings", "--kubeconfig", "/nowhere"}, EXIT_FAILED, NULL, "/nowhere"},
    };
    struct command_bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = command_wait(b, command_start(b, rows[i].args));

        assert_code(&o, rows[i].code);
        if (rows[i].out)
            assert_contains(o.out, rows[i].out);
        if (rows[i].err)
            assert_contains(o.err, rows[i].err);
        outcome_done(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(test_findings_end_with_0_where_nothing_is_found),
        COMMAND_TEST(test_findings_name_object_rule_and_remedy_and_end_with_3),
        COMMAND_TEST(test_findings_about_the_cluster_itself_are_shown_with_all),
        COMMAND_TEST(test_findings_speak_json),
        COMMAND_TEST(test_findings_say_what_may_not_be_listed_and_never_pass_it),
        COMMAND_TEST(test_findings_ask_for_every_page_in_the_same_way),
        COMMAND_TEST(test_findings_tell_of_objects_that_cannot_be_read),
        COMMAND_TEST(test_findings_name_every_subject_to_machines),
        COMMAND_TEST(test_findings_of_one_namespace_read_that_alone),
        COMMAND_TEST(test_findings_fail_where_the_cluster_cannot_be_asked),
        COMMAND_TEST(test_findings_of_manifests_need_no_cluster),
        COMMAND_TEST(test_findings_refuse_manifests_that_say_nothing),
        COMMAND_TEST(test_findings_are_asked_for_in_the_right_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
