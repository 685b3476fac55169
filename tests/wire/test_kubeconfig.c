/* kubeconfig files as kubectl users write them, and as they should not have. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/strbuf.h"
#include "rampart/yaml/kubeconfig.h"
#include "support/sweep.h"
#include "support/text.h"
#include "wire/support/kubeconfig_case.h"

#define SECRET "c2VzYW1l"

#define PEM "PEM\n"
#define PEM_DATA "UEVNCg=="

static void test_kubeconfig_reads_every_field_it_knows(void **state)
{
    struct result res;

    (void)state;
    resolve_one(&res,
                FILE_OF(SERVER ", tls-server-name: api, certificate-authority: ca.crt, "
                               "proxy-url: 'socks5://p:1080', disable-compression: true, "
                               "extensions: [{name: x, extension: {a: 1}}], unknown: 1",
                        "token: t, tokenFile: sub/token, client-certificate: /abs/c.crt, "
                        "client-key: ../c.key, extensions: [], unknown: {}"),
                NULL);
    assert_ok(&res);
    assert_string_equal(res.config.server, "https://h:6443");
    assert_string_equal(res.config.tls_server_name, "api");
    assert_string_equal(res.config.proxy_url, "socks5://p:1080");
    assert_true(res.config.disables_compression);
    assert_false(res.config.skips_tls_verify);
    assert_string_equal(res.config.ca_file, "/home/x/.kube/ca.crt");
    assert_string_equal(res.config.token, "t");
    assert_string_equal(res.config.token_file, "/home/x/.kube/sub/token");
    assert_string_equal(res.config.cert_file, "/abs/c.crt");
    assert_string_equal(res.config.key_file, "/home/x/c.key");
    assert_string_equal(res.config.ns, "n");
    assert_string_equal(res.config.source, "context \"c\" of /home/x/.kube/config");
    done(&res);
}

/* As Go's filepath.Join() does it: by the text alone, whether the folders exist or not. */
static void test_kubeconfig_cleans_relative_paths(void **state)
{
    static const struct {
        const char *path, *expected;
    } cases[] = {
        {"ca", "/home/x/.kube/ca"},
        {"./ca", "/home/x/.kube/ca"},
        {"a//b/./ca/", "/home/x/.kube/a/b/ca"},
        {"none/../ca", "/home/x/.kube/ca"},
        {"../ca", "/home/x/ca"},
        {"../../../../../ca", "/ca"},
        {"../../../..", "/"},
        {"...", "/home/x/.kube/..."},
        {"..a/.b", "/home/x/.kube/..a/.b"},
        {"/a/../ca", "/a/../ca"}, /* an absolute one is taken as it is */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[512];
        struct result res;

        (void)snprintf(text, sizeof(text), FILE_OF(SERVER ", certificate-authority: '%s'", ""),
                       cases[i].path);
        resolve_one(&res, text, NULL);
        assert_ok(&res);
        assert_string_equal(res.config.ca_file, cases[i].expected);
        done(&res);
    }
}

static void test_kubeconfig_reads_inline_data(void **state)
{
    struct result res;

    (void)state;
    resolve_one(&res,
                FILE_OF(SERVER ", certificate-authority-data: " PEM_DATA,
                        "client-certificate-data: " PEM_DATA ", client-key-data: " PEM_DATA),
                NULL);
    assert_ok(&res);
    assert_string_equal(res.config.ca_data, PEM);
    assert_string_equal(res.config.cert_data, PEM);
    assert_string_equal(res.config.key_data, PEM);
    assert_null(res.config.ca_file);
    assert_null(res.config.cert_file);
    assert_null(res.config.key_file);
    done(&res);
}

/* As client-go does: a key alone authenticates nobody. */
static void test_kubeconfig_passes_over_a_key_without_a_certificate(void **state)
{
    struct result res;

    (void)state;
    resolve_one(&res, FILE_OF(SERVER, "client-key: k, client-key-data: " PEM_DATA ", token: t"),
                NULL);
    assert_ok(&res);
    assert_null(res.config.key_file);
    assert_null(res.config.key_data);
    done(&res);
}

static void test_kubeconfig_leaves_out_what_is_not_stated(void **state)
{
    struct result res;

    (void)state;
    resolve_one(&res, FILE_OF(SERVER ", insecure-skip-tls-verify: true", "token: ''"), "");
    assert_int_equal(res.r, -1); /* no context is called "" */
    done(&res);
    resolve_one(&res, FILE_OF(SERVER ", insecure-skip-tls-verify: true", "token: ''"), NULL);
    assert_ok(&res);
    assert_true(res.config.skips_tls_verify);
    assert_null(res.config.ca_file);
    assert_null(res.config.ca_data);
    assert_null(res.config.token);
    assert_null(res.config.token_file);
    assert_null(res.config.cert_file);
    assert_null(res.config.key_data);
    done(&res);
}

static void test_kubeconfig_takes_the_context_that_is_asked_for(void **state)
{
    static const char text[] = "current-context: a\n"
                               "contexts:\n"
                               "- {name: a, context: {cluster: ka, user: u}}\n"
                               "- {name: b, context: {cluster: kb}}\n"
                               "clusters:\n"
                               "- {name: ka, cluster: {server: 'https://a'}}\n"
                               "- {name: kb, cluster: {server: 'https://b'}}\n"
                               "users:\n"
                               "- {name: u, user: {token: t}}\n";
    struct result res;

    (void)state;
    resolve_one(&res, text, NULL);
    assert_ok(&res);
    assert_string_equal(res.config.server, "https://a");
    done(&res);
    resolve_one(&res, text, "b");
    assert_ok(&res);
    assert_string_equal(res.config.server, "https://b");
    assert_null(res.config.token); /* a context without a user is nobody */
    done(&res);
}

static void test_kubeconfig_merges_files_and_the_first_wins_with_its_whole_entry(void **state)
{
    static const char first[] = "current-context: c\n"
                                "users:\n- {name: u, user: {tokenFile: token}}\n";
    static const char second[] =
        "current-context: other\n"
        "contexts:\n- {name: c, context: {cluster: k, user: u}}\n"
        "clusters:\n- {name: k, cluster: {server: 'https://second', certificate-authority: ca}}\n"
        "users:\n- {name: u, user: {token: second, client-key: x}}\n";
    static const char third[] = "clusters:\n- {name: k, cluster: {server: 'https://third'}}\n";
    const struct kubeconfig_file files[] = {
        {"/one/config", first, sizeof(first) - 1},
        {"/empty/config", "", 0},
        {"/two/config", second, sizeof(second) - 1},
        {"/three/config", third, sizeof(third) - 1},
    };
    struct result res;

    (void)state;
    resolve(&res, files, COUNT_OF(files), NULL);
    assert_ok(&res);
    assert_string_equal(res.config.server, "https://second");
    assert_string_equal(res.config.ca_file, "/two/ca"); /* each relative to its own file */
    assert_string_equal(res.config.token_file, "/one/token");
    assert_null(res.config.token); /* entries are not mixed */
    assert_null(res.config.key_file);
    assert_string_equal(res.config.source, "context \"c\" of /two/config");
    done(&res);
}

static void test_kubeconfig_errors_name_the_file_and_the_field(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "no current-context is set; choose one with --context"},
        {"apiVersion: v1\n", "no current-context"},
        {"- a\n", "line 1: expected a map"},
        {"text\n", "line 1: expected a map"},
        {"a: 1\n---\nb: 2\n", "line 2: a second document"},
        {"current-context: c\n\tx: y\n", "line 2, column 1: a tab"},
        {"current-context: c\ncurrent-context: d\n", "line 2: the key \"current-context\""},
        {"current-context: 5\n", "current-context"},
        {"current-context: missing\n", "there is no context \"missing\""},
        {"current-context: c\ncontexts: 5\n", "contexts"},
        {"current-context: c\ncontexts: [5]\n", "contexts[0].name: expected a string"},
        {"current-context: c\ncontexts: [{name: c, context: 5}]\n", "contexts[0]: context"},
        {"current-context: c\ncontexts: [{name: c}]\n", "context \"c\": cluster is missing"},
        {"current-context: c\ncontexts: [{name: c, context: {cluster: 7}}]\n", "context \"c\""},
        {"current-context: c\ncontexts: [{name: c}, {name: c}]\n",
         "contexts: the name \"c\" is there twice"},
        {"current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n",
         "context \"c\": there is no cluster \"k\""},
        {"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
         "clusters: [{name: k, cluster: {server: 'https://h'}}]\n",
         "context \"c\": there is no user \"u\""},
        {FILE_OF("", ""), "cluster \"k\": server is missing"},
        {FILE_OF("server: 'http://h'", ""), "server: http is refused"},
        {FILE_OF("server: 'HTTP://h'", ""), "server: http is refused"},
        {FILE_OF("server: 'h:6443'", ""), "server: expected https://host:port"},
        {FILE_OF("server: 'https://u:p@h'", ""), "server: expected https://host:port without"},
        {FILE_OF("server: 'https://h?x=y'", ""), "without a user, query or spaces"},
        {FILE_OF("server: 'https://h/a b'", ""), "without a user, query or spaces"},
        {FILE_OF("server: 5", ""), "cluster \"k\": server"},
        {FILE_OF(SERVER ", proxy-url: 'ftp://p'", ""), "cluster \"k\": proxy-url: expected http"},
        {FILE_OF(SERVER ", proxy-url: 'p:3128'", ""), "proxy-url: expected http"},
        {FILE_OF(SERVER ", proxy-url: 'http://u:" SECRET " @p'", ""), "proxy-url: holds a space"},
        {FILE_OF(SERVER ", proxy-url: \"http://p\\r\\nX: y\"", ""), "proxy-url: holds a space"},
        {FILE_OF(SERVER ", disable-compression: 1", ""), "disable-compression"},
        {FILE_OF(SERVER ", certificate-authority: ca, certificate-authority-data: " PEM_DATA, ""),
         "certificate-authority and certificate-authority-data are both stated"},
        {FILE_OF(SERVER ", insecure-skip-tls-verify: 'yes'", ""), "insecure-skip-tls-verify"},
        {FILE_OF(SERVER ", insecure-skip-tls-verify: true, certificate-authority: ca", ""),
         "insecure-skip-tls-verify contradicts"},
        {FILE_OF(SERVER ", certificate-authority-data: 'a'", ""),
         "certificate-authority-data: not valid base64"},
        {FILE_OF(SERVER ", certificate-authority-data: 'AA=A'", ""), "not valid base64"},
        {FILE_OF(SERVER ", certificate-authority-data: '===='", ""), "not valid base64"},
        {FILE_OF(SERVER ", certificate-authority-data: 'AA==AAAA'", ""), "not valid base64"},
        {FILE_OF(SERVER ", certificate-authority-data: 'QUJD*UJD'", ""), "not valid base64"},
        {FILE_OF(SERVER ", certificate-authority-data: 'AAAA'", ""), "no PEM text"},
        {FILE_OF(SERVER ", certificate-authority-data: ' '", ""), "no PEM text"},
        {FILE_OF(SERVER, "auth-provider: {name: gcp}"), "auth-provider is not supported; use exec"},
        {FILE_OF(SERVER, "username: a, token: " SECRET), "both a token and username/password"},
        {FILE_OF(SERVER, "password: " SECRET ", token: t"), "both a token and username/password"},
        {FILE_OF(SERVER, "username: a, tokenFile: f"), "both a token and username/password"},
        {FILE_OF(SERVER, "username: 5"), "user \"u\": username"},
        {FILE_OF(SERVER,
                 "client-certificate: c, client-certificate-data: " PEM_DATA ", client-key: k"),
         "client-certificate and client-certificate-data are both stated"},
        {FILE_OF(SERVER, "client-certificate: c, client-key: k, client-key-data: " PEM_DATA),
         "client-key and client-key-data are both stated"},
        {FILE_OF(SERVER, "client-certificate: c"), "client-certificate has no client-key"},
        {FILE_OF(SERVER, "token: 12345"), "user \"u\": token"},
        {FILE_OF(SERVER, "token: [" SECRET "]"), "user \"u\": token"},
        {FILE_OF(SERVER, "client-key-data: " SECRET "*, client-certificate: c"), "client-key-data"},
        {"{", "line"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct result res;

        resolve_one(&res, cases[i].text, NULL);
        if (res.r == 0)
            fail_msg("accepted: %s", cases[i].text);
        assert_int_equal(res.err.code, ERR_INVALID);
        assert_contains(res.err.msg, "/home/x/.kube/config");
        assert_contains(res.err.msg, cases[i].words);
        assert_null(strstr(res.err.msg, SECRET));
        done(&res);
    }
}

static void test_kubeconfig_base64_may_be_wrapped(void **state)
{
    struct result res;

    (void)state;
    resolve_one(&res,
                FILE_OF(SERVER ", certificate-authority-data: \"UE\\n VN\\r\\nCg = =\\n\"", ""),
                NULL);
    assert_ok(&res);
    assert_string_equal(res.config.ca_data, PEM);
    done(&res);
}

/* As large as the edge hands it over: nothing in it grows faster than the text. */
static void test_kubeconfig_of_1_mib_resolves(void **state)
{
    struct result res;
    AUTO_STRBUF text;

    (void)state;
    strbuf_init(&text, 2u << 20);
    strbuf_adds(&text, FILE_OF(SERVER ", certificate-authority-data: PLACE", "token: t"));
    strbuf_cut(&text, (size_t)(strstr(text.text, "PLACE") - text.text));
    while (text.len < (1u << 20) - 100)
        strbuf_adds(&text, "QUJD");
    strbuf_adds(&text, "}\nusers:\n- name: u\n  user: {token: t}\n");
    resolve_one(&res, text.text, NULL);
    assert_ok(&res);
    assert_true(strlen(res.config.ca_data) > 700000);
    assert_string_equal(res.config.token, "t");
    done(&res);
}

static void test_kubeconfig_lists_have_a_ceiling(void **state)
{
    char *entries = text_repeat("- {name: x}\n", 1001);
    AUTO_STRBUF text;
    struct result res;

    (void)state;
    strbuf_init(&text, 1u << 20);
    strbuf_addf(&text, "current-context: c\ncontexts:\n%s", entries);
    resolve_one(&res, text.text, NULL);
    assert_int_equal(res.r, -1);
    assert_int_equal(res.err.code, ERR_INVALID);
    done(&res);
    free(entries);
}

static void test_kubeconfig_files_have_a_ceiling(void **state)
{
    struct kubeconfig_file files[KUBECONFIG_FILES_MAX + 1];
    struct result res;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++)
        files[i] = (struct kubeconfig_file){"/f", "", 0};
    resolve(&res, files, COUNT_OF(files), NULL);
    assert_int_equal(res.err.code, ERR_LIMIT);
    done(&res);
    resolve(&res, files, 0, NULL);
    assert_int_equal(res.err.code, ERR_INVALID);
    done(&res);
}

static void test_kubeconfig_survives_any_failed_allocation(void **state)
{
    static char text[] =
        FILE_OF(SERVER ", certificate-authority-data: " PEM_DATA, "tokenFile: token, token: t");

    (void)state;
    assert_true(sweep(resolve_text, text) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kubeconfig_reads_every_field_it_knows),
        cmocka_unit_test(test_kubeconfig_cleans_relative_paths),
        cmocka_unit_test(test_kubeconfig_reads_inline_data),
        cmocka_unit_test(test_kubeconfig_passes_over_a_key_without_a_certificate),
        cmocka_unit_test(test_kubeconfig_leaves_out_what_is_not_stated),
        cmocka_unit_test(test_kubeconfig_takes_the_context_that_is_asked_for),
        cmocka_unit_test(test_kubeconfig_merges_files_and_the_first_wins_with_its_whole_entry),
        cmocka_unit_test(test_kubeconfig_errors_name_the_file_and_the_field),
        cmocka_unit_test(test_kubeconfig_base64_may_be_wrapped),
        cmocka_unit_test(test_kubeconfig_of_1_mib_resolves),
        cmocka_unit_test(test_kubeconfig_lists_have_a_ceiling),
        cmocka_unit_test(test_kubeconfig_files_have_a_ceiling),
        cmocka_unit_test(test_kubeconfig_survives_any_failed_allocation),
    };

    json_set_alloc_funcs(mem_alloc, mem_free); /* so that the sweep reaches jansson */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
