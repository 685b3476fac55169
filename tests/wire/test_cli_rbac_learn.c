/* `rampart rbac learn` from the outside: what it writes in each format, what it says, how it ends.
 */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/cli/cli.h"
#include "rampart/reconcilers/learn_table.h"
#include "support/text.h"
#include "wire/support/command.h"

#define TEXT_LEN_MAX (4u << 20)

/* An event of shop/@account_: 200, allowed, in the year 2026. */
#define EVENT(account_, verb_, more_)                                                             \
    "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"stage\":\"ResponseComplete\","      \
    "\"verb\":\"" verb_ "\",\"user\":{\"username\":\"system:serviceaccount:shop:" account_ "\"}," \
    "\"requestReceivedTimestamp\":\"2026-01-31T12:00:00.000000Z\"," more_ "}\n"
#define ALLOWED "\"annotations\":{\"authorization.k8s.io/decision\":\"allow\"}"
#define POD(name_) \
    "\"objectRef\":{\"resource\":\"pods\",\"namespace\":\"shop\",\"name\":\"" name_ "\"}," ALLOWED
#define PATH(path_) "\"requestURI\":\"" path_ "\"," ALLOWED

static const char story[] = EVENT("web", "get", POD("a")) EVENT("web", "get", POD("b"))
    EVENT("web", "get", PATH("/metrics"))
        EVENT("web", "list",
              "\"responseStatus\":{\"code\":403},\"objectRef\":{\"resource\":\"nodes\"}")
            EVENT("web", "get", "\"impersonatedUser\":{}," ALLOWED)
                EVENT("api", "create",
                      "\"objectRef\":{\"resource\":\"rolebindings\",\"namespace\":\"shop\","
                      "\"apiGroup\":\"rbac.authorization.k8s.io\"}," ALLOWED);

static struct outcome learn(struct command_bench *b, const char *log, const char *flag,
                            const char *value)
{
    folder_write(&b->folder, "audit.log", log);
    return COMMAND_RUN(b, "rbac", "learn", "--audit-log", folder_at(&b->folder, "audit.log"), flag,
                       value);
}

static void test_learn_writes_roles_and_bindings_for_kubectl(void **state)
{
    struct outcome o = learn(*state, story, "--service-account", "shop/web");

    assert_code(&o, EXIT_DONE);
    assert_string_equal(
        o.out, "# ServiceAccount shop/web: 3 requests, from 2026-01-31T12:00:00Z to "
               "2026-01-31T12:00:00Z\n"
               "#   left out: 1 request made in somebody else's name; the right to impersonate is "
               "not in the rules\n"
               "#   left out: 1 request denied\n"
               "---\n"
               "apiVersion: rbac.authorization.k8s.io/v1\n"
               "kind: ClusterRole\n"
               "metadata:\n"
               "  name: \"learned:shop:web\"\n"
               "rules:\n"
               "  - nonResourceURLs: [\"/metrics\"]\n"
               "    verbs: [\"get\"]\n"
               "---\n"
               "apiVersion: rbac.authorization.k8s.io/v1\n"
               "kind: ClusterRoleBinding\n"
               "metadata:\n"
               "  name: \"learned:shop:web\"\n"
               "roleRef:\n"
               "  apiGroup: rbac.authorization.k8s.io\n"
               "  kind: ClusterRole\n"
               "  name: \"learned:shop:web\"\n"
               "subjects:\n"
               "  - kind: ServiceAccount\n"
               "    name: \"web\"\n"
               "    namespace: \"shop\"\n"
               "---\n"
               "apiVersion: rbac.authorization.k8s.io/v1\n"
               "kind: Role\n"
               "metadata:\n"
               "  name: \"learned:shop:web\"\n"
               "  namespace: \"shop\"\n"
               "rules:\n"
               "  - apiGroups: [\"\"]\n"
               "    resources: [\"pods\"]\n"
               "    resourceNames: [\"a\",\"b\"]\n"
               "    verbs: [\"get\"]\n"
               "---\n"
               "apiVersion: rbac.authorization.k8s.io/v1\n"
               "kind: RoleBinding\n"
               "metadata:\n"
               "  name: \"learned:shop:web\"\n"
               "  namespace: \"shop\"\n"
               "roleRef:\n"
               "  apiGroup: rbac.authorization.k8s.io\n"
               "  kind: Role\n"
               "  name: \"learned:shop:web\"\n"
               "subjects:\n"
               "  - kind: ServiceAccount\n"
               "    name: \"web\"\n"
               "    namespace: \"shop\"\n");
    assert_string_equal(o.err, "");
    outcome_done(&o);
}

static void test_learn_tells_people_in_the_words_of_rbac(void **state)
{
    struct outcome o = learn(*state, story, "-o", "text");

    assert_code(&o, EXIT_DONE);
    assert_string_equal(
        o.out,
        "ServiceAccount shop/api: 1 request, from 2026-01-31T12:00:00Z to 2026-01-31T12:00:00Z\n"
        "  Role in shop:\n"
        "    {APIGroups:[\"rbac.authorization.k8s.io\"], Resources:[\"rolebindings\"], "
        "Verbs:[\"create\"]}\n"
        "  not in any audit log: create rolebindings may also take the rights of the role that is "
        "bound, or verb bind on it\n"
        "ServiceAccount shop/web: 3 requests, from 2026-01-31T12:00:00Z to 2026-01-31T12:00:00Z\n"
        "  ClusterRole:\n"
        "    {NonResourceURLs:[\"/metrics\"], Verbs:[\"get\"]}\n"
        "  Role in shop:\n"
        "    {APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\" \"b\"], "
        "Verbs:[\"get\"]}\n"
        "  left out: 1 request made in somebody else's name; the right to impersonate is not in "
        "the rules\n"
        "  left out: 1 request denied\n"
        "2 ServiceAccounts in 6 events\n");
    outcome_done(&o);
}

static void test_learn_tells_programs_in_json(void **state)
{
    struct outcome o = learn(*state, story, "-o", "json");

    assert_code(&o, EXIT_DONE);
    assert_contains(
        o.out,
        "{\"namespace\":\"shop\",\"name\":\"web\",\"requests\":3,\"first\":\"2026-01-31T12:"
        "00:00.000000Z\",\"last\":\"2026-01-31T12:00:00.000000Z\",\"complete\":true,"
        "\"leftOut\":{\"denied\":1,\"impersonated\":1,\"everyones\":0,\"odd\":0,\"noRoom\":0}"
        ",\"roles\":[{\"kind\":\"ClusterRole\",\"name\":\"learned:shop:web\",\"rules\":[{"
        "\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/metrics\"]}]},{\"kind\":\"Role\","
        "\"namespace\":\"shop\",\"name\":\"learned:shop:web\",\"rules\":[{\"verbs\":["
        "\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"resourceNames\":[\"a\","
        "\"b\"]}]}],\"used\":[{\"verb\":\"get\",\"apiGroup\":\"\",\"resource\":\"pods\","
        "\"requests\":2,\"last\":\"2026-01-31T12:00:00.000000Z\"},{\"verb\":\"get\","
        "\"path\":\"/metrics\",\"requests\":1,\"last\":\"2026-01-31T12:00:00.000000Z\"}],"
        "\"notes\":[\"left out: 1 request made in somebody else's name;");
    assert_contains(o.out, "],\"events\":6,\"eventsOfOthers\":0,\"eventsTooOld\":0,"
                           "\"leftOutLines\":0,\"leftOutAccounts\":0}\n");
    outcome_done(&o);
}

static void test_learn_says_what_a_bound_widened(void **state)
{
    struct outcome o = learn(*state, story, "--names-max", "1");

    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "#   widened: get pods in shop: any name, for there were more than 1 "
                           "(--names-max)\n");
    outcome_done(&o);
    o = learn(*state, story, "--namespaces-max", "0");
    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "#   widened: create rolebindings.rbac.authorization.k8s.io: all "
                           "namespaces, for it was used in more than 0 (--namespaces-max)\n");
    outcome_done(&o);
}

static void test_learn_looks_only_at_what_it_is_asked_for(void **state)
{
    static const struct {
        const char *flag, *value, *out;
    } rows[] = {
        {"--namespace", "shop", "2 ServiceAccounts in 6 events\n"},
        {"-n", "bank", "0 ServiceAccounts in 6 events\n"},
        {"--service-account", "shop/api", "1 ServiceAccount in 6 events\n"},
        {"--since", "2026-01-31T12:00:00Z", "2 ServiceAccounts in 6 events\n"},
        {"--since", "2026-01-31T12:00:01Z", "0 ServiceAccounts in 6 events\n"},
        {"--since", "1000000d", "2 ServiceAccounts in 6 events\n"},
        {"--since", "1s", "0 ServiceAccounts in 6 events\n"},
        {"--since", "1m", "0 ServiceAccounts in 6 events\n"},
        {"--since", "1h", "0 ServiceAccounts in 6 events\n"},
    };
    struct command_bench *b = *state;

    folder_write(&b->folder, "audit.log", story);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = COMMAND_RUN(b, "rbac", "learn", "-f", folder_at(&b->folder, "audit.log"),
                                       "-o", "text", rows[i].flag, rows[i].value);

        assert_code(&o, EXIT_DONE);
        assert_contains(o.out, rows[i].out);
        if (*rows[i].out == '0')
            assert_string_equal(
                o.err, "note: none of 6 events is of a ServiceAccount that was asked for\n");
        outcome_done(&o);
    }
}

static void test_learn_grants_default_rights_only_where_it_is_told_to(void **state)
{
    static const char log[] = EVENT("web", "get", PATH("/version"));
    struct outcome o = learn(*state, log, "-o", "text");

    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "  nothing to grant\n");
    assert_contains(o.out, "  left out: 1 request for what Kubernetes grants everyone\n");
    outcome_done(&o);
    o = learn(*state, log, "--with-default-rights", NULL);
    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "nonResourceURLs: [\"/version\"]\n");
    outcome_done(&o);
}

static void test_learn_reads_several_files_and_names_the_lines_that_it_cannot_read(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    folder_write(&b->folder, "one.log", EVENT("web", "get", POD("a")) "oops\n");
    folder_write(&b->folder, "two.log",
                 EVENT("web", "get", POD("b"))
                     EVENT("web", "get", POD("c")) "{\"kind\":\"Event\",");
    o = COMMAND_RUN(b, "rbac", "learn", "-f", folder_at(&b->folder, "one.log"), "-f",
                    folder_at(&b->folder, "two.log"));
    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "resourceNames: [\"a\",\"b\",\"c\"]\n");
    assert_contains(o.err, "one.log: line 2 is left out: not JSON: unexpected 'o' at byte 0\n");
    assert_contains(o.err, "two.log: line 3 is left out: not JSON: ends in the middle of a value");
    outcome_done(&o);
}

static void test_learn_names_ten_lines_of_a_file_and_counts_the_others(void **state)
{
    char *bad = text_repeat("oops\n", 13);
    char log[1024];
    struct outcome o;

    (void)snprintf(log, sizeof(log), "%s" EVENT("web", "get", POD("a")), bad);
    o = learn(*state, log, "-o", "json");
    assert_code(&o, EXIT_DONE);
    assert_contains(o.err, "line 10 is left out: ");
    assert_null(strstr(o.err, "line 11 "));
    assert_contains(o.err, "audit.log: 3 more lines are left out\n");
    assert_contains(o.out, "\"leftOutLines\":13,");
    outcome_done(&o);
    free(bad);
}

static void test_learn_says_where_there_was_no_room_and_exits_with_3(void **state)
{
    char *log = malloc(TEXT_LEN_MAX);
    size_t len = 0;
    struct outcome o;

    for (unsigned i = 0; i < LEARN_RIGHTS_MAX + 2; i++)
        len +=
            (size_t)snprintf(log + len, TEXT_LEN_MAX - len,
                             EVENT("web", "list", "\"objectRef\":{\"resource\":\"r-%u\"}," ALLOWED),
                             i);
    o = learn(*state, log, "-o", "text");
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "  INCOMPLETE: there was no room for 2 requests; ");
    assert_string_equal(o.err, "note: the roles of 1 ServiceAccount are incomplete; see the notes "
                               "beside them\n");
    outcome_done(&o);
    for (unsigned i = len = 0; i < LEARN_ACCOUNTS_MAX + 2; i++)
        len += (size_t)snprintf(log + len, TEXT_LEN_MAX - len, EVENT("a-%u", "get", POD("a")), i);
    o = learn(*state, log, "-o", "json");
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "\"leftOutAccounts\":2}\n");
    assert_contains(o.err, "note: 2 events are left out: they are of more ServiceAccounts than ");
    outcome_done(&o);
    free(log);
}

/* ClusterRole "wide", bound to shop/web and, by a user's whim, to shop/idle; a name that would end
 * a comment, and a binding of a role that is not there. */
static const char manifests[] =
    "apiVersion: rbac.authorization.k8s.io/v1\n"
    "kind: ClusterRole\n"
    "metadata: {name: wide}\n"
    "rules:\n"
    "- {apiGroups: [\"\"], resources: [pods], verbs: [get, delete]}\n"
    "- {apiGroups: [\"\"], resources: [secrets], resourceNames: [\"a\\u2028kind: x\"], verbs: "
    "[get]}\n"
    "- {nonResourceURLs: [\"/*\"], verbs: [get]}\n"
    "---\n"
    "apiVersion: rbac.authorization.k8s.io/v1\n"
    "kind: ClusterRoleBinding\n"
    "metadata: {name: \"b\\nkind: Pod\"}\n"
    "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: wide}\n"
    "subjects: [{kind: ServiceAccount, name: web, namespace: shop}]\n"
    "---\n"
    "apiVersion: rbac.authorization.k8s.io/v1\n"
    "kind: RoleBinding\n"
    "metadata: {name: idle, namespace: shop}\n"
    "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: wide}\n"
    "subjects: [{kind: ServiceAccount, name: idle, namespace: shop}]\n"
    "---\n"
    "apiVersion: rbac.authorization.k8s.io/v1\n"
    "kind: RoleBinding\n"
    "metadata: {name: lost, namespace: shop}\n"
    "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: none}\n"
    "subjects: [{kind: ServiceAccount, name: web, namespace: shop}]\n";

static struct outcome compare(struct command_bench *b, const char *output)
{
    folder_write(&b->folder, "audit.log", story);
    folder_write(&b->folder, "roles.yaml", manifests);
    return COMMAND_RUN(b, "rbac", "learn", "-f", folder_at(&b->folder, "audit.log"), "--compare",
                       folder_at(&b->folder, "roles.yaml"), "-o", output);
}

static void test_learn_tells_what_is_granted_and_was_never_used(void **state)
{
    struct outcome o = compare(*state, "text");

    assert_code(&o, EXIT_DONE);
    assert_contains(
        o.out, "ServiceAccount shop/idle: 0 requests\n"
               "  nothing to grant\n"
               "  never used: ClusterRole wide by RoleBinding shop/idle\n"
               "    {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\" \"get\"]}\n"
               "    {APIGroups:[\"\"], Resources:[\"secrets\"], ResourceNames:[\"a???kind: x\"], "
               "Verbs:[\"get\"]}\n");
    assert_contains(
        o.out, "  never used: ClusterRole wide by ClusterRoleBinding b?kind: Pod\n"
               "    {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}\n"
               "    {APIGroups:[\"\"], Resources:[\"secrets\"], ResourceNames:[\"a???kind: x\"], "
               "Verbs:[\"get\"]}\n"
               "  used, and wider than what was seen: ClusterRole wide by ClusterRoleBinding "
               "b?kind: Pod\n"
               "    {NonResourceURLs:[\"/*\"], Verbs:[\"get\"]}\n");
    assert_string_equal(o.err,
                        "note: 1 binding binds a role that is not there, and is not compared\n");
    outcome_done(&o);
}

static void test_learn_keeps_what_others_wrote_inside_its_comments(void **state)
{
    struct outcome o = compare(*state, "yaml");
    char *rest;

    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "#   never used: ClusterRole wide by ClusterRoleBinding b?kind: Pod\n");
    for (char *line = strtok_r(o.out, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        for (const char *c = line; *c; c++)
            assert_true(*c >= ' ' && *c < 0x7f);
        if (strstr(line, "kind: Pod") || strstr(line, "kind: x"))
            assert_int_equal(*line, '#');
    }
    outcome_done(&o);
}

static void test_learn_tells_programs_what_was_never_used(void **state)
{
    struct outcome o = compare(*state, "json");

    assert_code(&o, EXIT_DONE);
    assert_contains(
        o.out,
        "\"unused\":[{\"binding\":{\"kind\":\"RoleBinding\",\"namespace\":\"shop\",\"name\":"
        "\"idle\"},"
        "\"role\":{\"kind\":\"ClusterRole\",\"name\":\"wide\"},\"rules\":[{\"verbs\":[\"delete\","
        "\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"]},");
    assert_contains(
        o.out, "\"wide\":[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/*\"]}],\"cut\":false}]");
    outcome_done(&o);
}

static void test_learn_fails_where_what_it_compares_with_cannot_be_read(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    folder_write(&b->folder, "audit.log", story);
    o = COMMAND_RUN(b, "rbac", "learn", "-f", folder_at(&b->folder, "audit.log"), "--compare",
                    folder_at(&b->folder, "none.yaml"));
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "none.yaml");
    assert_string_equal(o.out, "");
    outcome_done(&o);
    o = COMMAND_RUN(b, "rbac", "learn", "-f", folder_at(&b->folder, "audit.log"),
                    "--compare-cluster", "--kubeconfig", folder_at(&b->folder, "none"));
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "none");
    outcome_done(&o);
    o = COMMAND_RUN(b, "rbac", "learn", "-f", folder_at(&b->folder, "audit.log"), "--context", "x");
    assert_code(&o, EXIT_USAGE);
    assert_contains(o.err, "--context: nothing is asked of a cluster without --compare-cluster\n");
    outcome_done(&o);
}

static void test_learn_fails_where_there_is_nothing_to_read(void **state)
{
    struct command_bench *b = *state;
    static const char gzip[] = "\x1f\x8b\x08";
    struct outcome o = learn(b, gzip, NULL, NULL);

    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "is compressed, which is not read here; unpack it on the way: zcat FILE "
                           "| rampart rbac learn --audit-log -\n");
    outcome_done(&o);
    o = learn(b, "", NULL, NULL);
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "rampart rbac learn: there is no event of audit.k8s.io/v1 in it");
    outcome_done(&o);
    o = COMMAND_RUN(b, "rbac", "learn", "-f", folder_at(&b->folder, "none.log"));
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "none.log: No such file or directory\n");
    outcome_done(&o);
    o = COMMAND_RUN(b, "rbac", "learn", "-f", b->folder.path);
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "Is a directory\n");
    outcome_done(&o);
}

static void test_learn_names_the_value_that_is_wrong(void **state)
{
    static const struct {
        const char *flag, *value, *message;
    } rows[] = {
        {"--service-account", "web", "--service-account: \"web\" is none; expected NAMESPACE/NAME"},
        {"--service-account", "/web", "--service-account: \"/web\" is none"},
        {"--service-account", "shop/", "--service-account: \"shop/\" is none"},
        {"--since", "yesterday",
         "--since: \"yesterday\" is no time; expected one like 2026-01-31T"},
        {"--since", "10", "--since: \"10\" is no time"},
        {"--since", "0h", "--since: \"0h\" is no time"},
        {"--since", "1w", "--since: \"1w\" is no time"},
        {"--since", "1hh", "--since: \"1hh\" is no time"},
        {"--since", "99999999999999999999h", "is no time"},
        {"--names-max", "1001", "--names-max: \"1001\" is wrong; expected a number 0..1000"},
        {"--namespaces-max", "x", "--namespaces-max: \"x\" is wrong; expected a number 0..1000"},
        {"-o", "xml", "--output: \"xml\" is unknown; expected yaml, text or json"},
    };
    struct outcome o;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        o = learn(*state, story, rows[i].flag, rows[i].value);
        assert_code(&o, EXIT_USAGE);
        assert_contains(o.err, rows[i].message);
        outcome_done(&o);
    }
    o = COMMAND_RUN(*state, "rbac", "learn");
    assert_code(&o, EXIT_USAGE);
    assert_contains(o.err, "--audit-log: is missing; name a file, or - for standard input\n");
    outcome_done(&o);
}

static void test_rbac_names_its_commands(void **state)
{
    static const struct {
        const char *arg;
        int code;
        const char *out, *err;
    } rows[] = {
        {NULL, EXIT_USAGE, "", "  learn        write the smallest roles"},
        {"--help", EXIT_DONE, "  learn        write the smallest roles", ""},
        {"-h", EXIT_DONE, "Usage: rampart rbac COMMAND [FLAGS]\n", ""},
        {"teach", EXIT_USAGE, "",
         "rampart rbac: unknown command \"teach\"; see rampart rbac --help"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = COMMAND_RUN(*state, "rbac", rows[i].arg);

        assert_code(&o, rows[i].code);
        assert_contains(o.out, rows[i].out);
        assert_contains(o.err, rows[i].err);
        outcome_done(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(test_learn_writes_roles_and_bindings_for_kubectl),
        COMMAND_TEST(test_learn_tells_people_in_the_words_of_rbac),
        COMMAND_TEST(test_learn_tells_programs_in_json),
        COMMAND_TEST(test_learn_says_what_a_bound_widened),
        COMMAND_TEST(test_learn_looks_only_at_what_it_is_asked_for),
        COMMAND_TEST(test_learn_grants_default_rights_only_where_it_is_told_to),
        COMMAND_TEST(test_learn_reads_several_files_and_names_the_lines_that_it_cannot_read),
        COMMAND_TEST(test_learn_names_ten_lines_of_a_file_and_counts_the_others),
        COMMAND_TEST(test_learn_says_where_there_was_no_room_and_exits_with_3),
        COMMAND_TEST(test_learn_tells_what_is_granted_and_was_never_used),
        COMMAND_TEST(test_learn_keeps_what_others_wrote_inside_its_comments),
        COMMAND_TEST(test_learn_tells_programs_what_was_never_used),
        COMMAND_TEST(test_learn_fails_where_what_it_compares_with_cannot_be_read),
        COMMAND_TEST(test_learn_fails_where_there_is_nothing_to_read),
        COMMAND_TEST(test_learn_names_the_value_that_is_wrong),
        COMMAND_TEST(test_rbac_names_its_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
