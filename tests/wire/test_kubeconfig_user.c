/* Who a kubeconfig says we are: impersonation, basic authentication, credential plugins. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "rampart/base/strbuf.h"
#include "support/sweep.h"
#include "support/text.h"
#include "wire/support/kubeconfig_case.h"

#define SECRET "c2VzYW1l"
#define V1 "apiVersion: client.authentication.k8s.io/v1"
#define V1BETA1 "apiVersion: client.authentication.k8s.io/v1beta1"
#define PEM_DATA "UEVNCg=="

static void test_kubeconfig_impersonation_becomes_header_lines(void **state)
{
    static const char *const lines[] = {
        "Impersonate-User: jane d\xc3\xb6",
        "Impersonate-Uid: 4-2",
        "Impersonate-Group: system:masters",
        "Impersonate-Group;", /* libcurl: a header without a value */
        "Impersonate-Extra-scopes: view",
        "Impersonate-Extra-scopes: a, b: c",
        "Impersonate-Extra-acme.com%2Fpro%25ject%3A%20%C3%A9: x\ty",
    };
    struct result res;

    (void)state;
    resolve_one(&res,
                FILE_OF(SERVER, "as: \"jane d\xc3\xb6\", as-uid: 4-2, "
                                "as-groups: ['system:masters', ''], as-user-extra: "
                                "{scopes: [view, 'a, b: c'], empty: [], "
                                "\"acme.com/pro%ject: \xc3\xa9\": [\"x\\ty\"]}"),
                NULL);
    assert_ok(&res);
    assert_int_equal(res.config.impersonation_count, COUNT_OF(lines));
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_string_equal(res.config.impersonation[i], lines[i]);
    done(&res);
}

static void test_kubeconfig_without_as_impersonates_nobody(void **state)
{
    struct result res;

    (void)state;
    resolve_one(&res, FILE_OF(SERVER, "as: '', as-groups: [], as-user-extra: {}"), NULL);
    assert_ok(&res);
    assert_int_equal(res.config.impersonation_count, 0);
    done(&res);
}

static void test_kubeconfig_basic_authentication_takes_a_user_name(void **state)
{
    struct result res;

    (void)state;
    resolve_one(&res, FILE_OF(SERVER, "username: jane, password: p"), NULL);
    assert_ok(&res);
    assert_string_equal(res.config.username, "jane");
    assert_string_equal(res.config.password, "p");
    done(&res);
    resolve_one(&res, FILE_OF(SERVER, "username: jane"), NULL);
    assert_ok(&res);
    assert_string_equal(res.config.password, "");
    done(&res);
    resolve_one(&res, FILE_OF(SERVER, "password: p"), NULL); /* says nothing: as in client-go */
    assert_ok(&res);
    assert_null(res.config.username);
    assert_null(res.config.password);
    done(&res);
}

static void test_kubeconfig_reads_a_plugin(void **state)
{
    struct result res;
    const struct exec_config *x;

    (void)state;
    resolve_one(&res,
                FILE_OF(SERVER ", extensions: [{name: other, extension: 1}, "
                               "{name: client.authentication.k8s.io/exec, "
                               "extension: {b: [2], a: x}}]",
                        "exec: {" V1 ", interactiveMode: Never, command: bin/aws, "
                        "args: [eks, '--x=y z', ''], env: [{name: A, value: b=c}, {name: E}], "
                        "installHint: get it, provideClusterInfo: true, unknown: 1}"),
                NULL);
    assert_ok(&res);
    x = res.config.exec;
    assert_non_null(x);
    assert_string_equal(x->api_version, "client.authentication.k8s.io/v1");
    assert_string_equal(x->command, "/home/x/.kube/bin/aws"); /* relative to its file */
    assert_int_equal(x->args_count, 3);
    assert_string_equal(x->args[1], "--x=y z");
    assert_string_equal(x->args[2], "");
    assert_int_equal(x->env_count, 2);
    assert_string_equal(x->env[0], "A=b=c");
    assert_string_equal(x->env[1], "E=");
    assert_string_equal(x->install_hint, "get it");
    assert_true(x->provides_cluster_info);
    assert_string_equal(x->cluster_extension, "{\"a\":\"x\",\"b\":[2]}");
    done(&res);
}

static void test_kubeconfig_leaves_a_bare_command_to_the_path(void **state)
{
    struct result res;

    (void)state;
    resolve_one(&res, FILE_OF(SERVER, "exec: {" V1BETA1 ", command: aws}"), NULL);
    assert_ok(&res);
    assert_string_equal(res.config.exec->command, "aws");
    assert_int_equal(res.config.exec->args_count, 0);
    assert_int_equal(res.config.exec->env_count, 0);
    assert_false(res.config.exec->provides_cluster_info);
    assert_null(res.config.exec->cluster_extension);
    done(&res);
}

/* client-go never runs a plugin beside another credential. */
static void test_kubeconfig_another_credential_wins_over_a_plugin(void **state)
{
#define PLUGIN "exec: {" V1 ", interactiveMode: Always, command: aws}"
    static const char *const texts[] = {
        FILE_OF(SERVER, PLUGIN ", token: t"),
        FILE_OF(SERVER, PLUGIN ", tokenFile: t"),
        FILE_OF(SERVER, PLUGIN ", username: jane"),
        FILE_OF(SERVER, PLUGIN ", client-certificate: c, client-key: k"),
        FILE_OF(SERVER, PLUGIN ", client-certificate-data: " PEM_DATA ", client-key: k"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct result res;

        resolve_one(&res, texts[i], NULL);
        assert_ok(&res);
        assert_null(res.config.exec);
        done(&res);
    }
#undef PLUGIN
}

static void test_kubeconfig_errors_of_users_name_the_file_and_the_field(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {FILE_OF(SERVER, "as: \"a\\r\\nX-Injected: 1\""), "as: holds a control character"},
        {FILE_OF(SERVER, "as: \"a\\x7f\""), "as: holds a control character"},
        {FILE_OF(SERVER, "as: a, as-uid: \"a\\nb\""), "as-uid: holds a control character"},
        {FILE_OF(SERVER, "as: a, as-groups: [b, \"a\\rb\"]"), "as-groups: holds a control"},
        {FILE_OF(SERVER, "as: a, as-user-extra: {k: [\"a\\nb\"]}"), "as-user-extra: holds a"},
        {FILE_OF(SERVER, "as: [a]"), "user \"u\": as:"},
        {FILE_OF(SERVER, "as: a, as-groups: x"), "as-groups"},
        {FILE_OF(SERVER, "as: a, as-groups: [1]"), "as-groups[0]"},
        {FILE_OF(SERVER, "as: a, as-user-extra: [x]"), "as-user-extra"},
        {FILE_OF(SERVER, "as: a, as-user-extra: {k: v}"), "as-user-extra.k"},
        {FILE_OF(SERVER, "as-uid: x"), "need as beside them"},
        {FILE_OF(SERVER, "as-groups: [x]"), "need as beside them"},
        {FILE_OF(SERVER, "as-user-extra: {k: [v]}"), "need as beside them"},
        {FILE_OF(SERVER, "exec: 5"), "user \"u\": exec"},
        {FILE_OF(SERVER, "exec: {}"), "exec.command"},
        {FILE_OF(SERVER, "exec: {command: aws}"), "exec.apiVersion"},
        {FILE_OF(SERVER, "exec: {command: aws, apiVersion: v1}"), "exec.apiVersion: expected"},
        {FILE_OF(SERVER, "exec: {command: aws, "
                         "apiVersion: client.authentication.k8s.io/v1alpha1}"),
         "exec.apiVersion: expected"},
        {FILE_OF(SERVER, "exec: {command: aws, " V1 "}"), "exec.interactiveMode: expected"},
        {FILE_OF(SERVER, "exec: {command: aws, " V1 ", interactiveMode: never}"),
         "exec.interactiveMode: expected"},
        {FILE_OF(SERVER, "exec: {command: aws, " V1 ", interactiveMode: Always}"),
         "exec.interactiveMode: Always needs a terminal"},
        {FILE_OF(SERVER, "exec: {command: aws, " V1BETA1 ", args: x}"), "exec.args"},
        {FILE_OF(SERVER, "exec: {command: aws, " V1BETA1 ", args: [1]}"), "exec.args[0]"},
        {FILE_OF(SERVER, "exec: {command: aws, " V1BETA1 ", env: [{value: " SECRET "}]}"),
         "exec.env[0].name"},
        {FILE_OF(SERVER, "exec: {command: aws, " V1BETA1 ", env: [{name: a, value: 1}]}"),
         "exec.env[0].value"},
        {FILE_OF(SERVER, "exec: {command: aws, " V1BETA1 ", installHint: 1}"), "exec.installHint"},
        {FILE_OF(SERVER, "exec: {command: aws, " V1BETA1 ", provideClusterInfo: x}"),
         "exec.provideClusterInfo"},
        {FILE_OF(SERVER ", extensions: 5", "exec: {command: aws, " V1BETA1 "}"),
         "cluster \"k\": extensions"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct result res;

        resolve_one(&res, cases[i].text, NULL);
        if (res.r == 0)
            fail_msg("accepted: %s", cases[i].text);
        assert_int_equal(res.err.code, ERR_INVALID);
        assert_contains(res.err.msg, "/home/x/.kube/config: ");
        assert_contains(res.err.msg, cases[i].words);
        assert_null(strstr(res.err.msg, SECRET));
        done(&res);
    }
}

/* "LIST: [x, x, ...]" with @count elements of @element. */
static void resolve_many(struct result *res, const char *start, const char *element, size_t count,
                         const char *end)
{
    char *elements = text_repeat(element, count);
    AUTO_STRBUF text;

    strbuf_init(&text, 8u << 20);
    strbuf_adds(&text, FILE_OF(SERVER, "PLACE"));
    strbuf_cut(&text, (size_t)(strstr(text.text, "PLACE") - text.text));
    strbuf_addf(&text, "%s%s%s}\n", start, elements, end);
    resolve_one(res, text.text, NULL);
    free(elements);
}

static void test_kubeconfig_impersonation_and_plugins_have_ceilings(void **state)
{
    static const struct {
        const char *start, *element, *end;
        size_t count_max;
    } cases[] = {
        {"as: a, as-groups: [", "g,", "]", IMPERSONATION_LINES_MAX - 1}, /* and the user */
        {"exec: {command: aws, " V1BETA1 ", args: [", "x,", "]}", EXEC_ARGS_MAX},
        {"exec: {command: aws, " V1BETA1 ", env: [", "{name: x},", "]}", EXEC_ENV_MAX},
        {"as: a, as-groups: ['", "gggggggggggggggg", "']", (IMPERSONATION_BYTES_MAX - 64) / 16},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct result res;

        resolve_many(&res, cases[i].start, cases[i].element, cases[i].count_max, cases[i].end);
        assert_ok(&res);
        done(&res);
        resolve_many(&res, cases[i].start, cases[i].element, cases[i].count_max + 4, cases[i].end);
        assert_int_equal(res.err.code, ERR_INVALID);
        done(&res);
    }
}

static void test_kubeconfig_users_survive_any_failed_allocation(void **state)
{
    static char text[] =
        FILE_OF(SERVER
                ", extensions: [{name: client.authentication.k8s.io/exec, extension: {a: 1}}]",
                "exec: {command: x/aws, " V1BETA1 ", args: [a], env: [{name: b, value: c}]}, "
                "as: a, as-groups: [g], as-user-extra: {k: [v]}");

    (void)state;
    assert_true(sweep(resolve_text, text) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kubeconfig_impersonation_becomes_header_lines),
        cmocka_unit_test(test_kubeconfig_without_as_impersonates_nobody),
        cmocka_unit_test(test_kubeconfig_basic_authentication_takes_a_user_name),
        cmocka_unit_test(test_kubeconfig_reads_a_plugin),
        cmocka_unit_test(test_kubeconfig_leaves_a_bare_command_to_the_path),
        cmocka_unit_test(test_kubeconfig_another_credential_wins_over_a_plugin),
        cmocka_unit_test(test_kubeconfig_errors_of_users_name_the_file_and_the_field),
        cmocka_unit_test(test_kubeconfig_impersonation_and_plugins_have_ceilings),
        cmocka_unit_test(test_kubeconfig_users_survive_any_failed_allocation),
    };

    json_set_alloc_funcs(mem_alloc, mem_free); /* so that the sweep reaches jansson */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
