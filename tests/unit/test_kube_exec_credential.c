/* What credential plugins are told, what they answer, and what is told of those that fail. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/strbuf.h"
#include "rampart/kube/exec_credential.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

#define V1 "client.authentication.k8s.io/v1"
#define ANSWER(status) \
    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":" status "}"
#define SECRET "sesame-of-the-plugin"

struct decoded {
    struct arena a;
    struct exec_credential c;
    struct err err;
    int r;
};

static void decode(struct decoded *d, const char *text)
{
    *d = (struct decoded){.c.expires_ms = -1};
    arena_init(&d->a, 8u << 20);
    d->r = exec_credential_decode(text, strlen(text), V1, &d->a, &d->c, &d->err);
}

static void test_credential_of_a_token(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, ANSWER("{\"token\":\"t\",\"unknown\":[1],\"clientKeyData\":\"\"}"));
    assert_int_equal(d.r, 0);
    assert_string_equal(d.c.token, "t");
    assert_null(d.c.cert);
    assert_null(d.c.key);
    assert_true(d.c.expires_ms == INT64_MAX);
    arena_done(&d.a);
}

static void test_credential_of_a_certificate_that_expires(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, " \n" ANSWER("{\"clientCertificateData\":\"C\",\"clientKeyData\":\"K\","
                            "\"expirationTimestamp\":\"1970-01-01T01:00:01+01:00\"}") "\n");
    assert_int_equal(d.r, 0);
    assert_null(d.c.token);
    assert_string_equal(d.c.cert, "C");
    assert_string_equal(d.c.key, "K");
    assert_int_equal(d.c.expires_ms, 1000);
    arena_done(&d.a);
}

static void test_credential_errors_name_the_member_and_quote_nothing(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "not JSON"},
        {SECRET, "not JSON"},
        {"{\"token\":" SECRET, "not JSON"},
        {"[\"" SECRET "\"]", "expected an object"},
        {"{}", "kind"},
        {"{\"kind\":\"" SECRET "\",\"apiVersion\":\"" V1 "\"}", "kind: expected ExecCredential"},
        {"{\"kind\":\"ExecCredential\"}", "apiVersion"},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "beta1\"}",
         "apiVersion: expected " V1 ", as the kubeconfig says"},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\"}", "status is missing"},
        {ANSWER("null"), "status is missing"},
        {ANSWER("\"" SECRET "\""), "status"},
        {ANSWER("{}"), "status: neither token nor"},
        {ANSWER("{\"token\":\"\"}"), "status: neither token nor"},
        {ANSWER("{\"token\":[\"" SECRET "\"]}"), "status.token"},
        {ANSWER("{\"clientCertificateData\":\"C\"}"),
         "status: clientCertificateData is there and clientKeyData is not"},
        {ANSWER("{\"clientKeyData\":\"" SECRET "\",\"token\":\"t\"}"),
         "status: clientKeyData is there and clientCertificateData is not"},
        {ANSWER("{\"token\":\"t\",\"expirationTimestamp\":\"" SECRET "\"}"),
         "status.expirationTimestamp: expected an RFC 3339"},
        {ANSWER("{\"token\":\"t\",\"expirationTimestamp\":1}"), "status.expirationTimestamp"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct decoded d;

        decode(&d, cases[i].text);
        if (d.r == 0)
            fail_msg("accepted: %s", cases[i].text);
        assert_int_equal(d.err.code, ERR_INVALID);
        assert_contains(d.err.msg, cases[i].words);
        assert_null(strstr(d.err.msg, SECRET));
        assert_int_equal(d.c.expires_ms, -1);
        arena_done(&d.a);
    }
}

static void test_credential_has_ceilings(void **state)
{
    static const struct {
        const char *start, *end;
        size_t len_max;
    } cases[] = {
        {"{\"token\":\"", "\"}", EXEC_TOKEN_MAX},
        {"{\"clientKeyData\":\"K\",\"clientCertificateData\":\"", "\"}", EXEC_PEM_MAX},
        {"{\"clientCertificateData\":\"C\",\"clientKeyData\":\"", "\"}", EXEC_PEM_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases) * 2; i++) {
        char *filler = text_repeat("x", cases[i / 2].len_max + i % 2);
        struct strbuf text;
        struct decoded d;

        strbuf_init(&text, 1u << 20);
        strbuf_addf(&text, ANSWER("%s%s%s"), cases[i / 2].start, filler, cases[i / 2].end);
        decode(&d, text.text);
        assert_int_equal(d.r, i % 2 == 0 ? 0 : -1);
        assert_true(d.r == 0 || d.err.code == ERR_INVALID);
        arena_done(&d.a);
        strbuf_done(&text);
        free(filler);
    }
}

static void test_info_tells_what_is_stated_and_no_more(void **state)
{
    static const struct exec_cluster bare = {.server = "https://h"};
    static const struct exec_cluster whole = {.server = "https://h:1/p\"",
                                              .tls_server_name = "api",
                                              .skips_tls_verify = true,
                                              .ca_base64 = "UEVN",
                                              .proxy_url = "http://p",
                                              .disables_compression = true,
                                              .config_json = "{\"a\":1}"};
    static const struct {
        const struct exec_cluster *cluster;
        const char *json;
    } cases[] = {
        {NULL, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
               "\",\"spec\":{\"interactive\":false}}"},
        {&bare, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"spec\":{\"cluster\":"
                "{\"server\":\"https://h\",\"config\":null},\"interactive\":false}}"},
        {&whole, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"spec\":{\"cluster\":"
                 "{\"server\":\"https://h:1/p\\\"\",\"tls-server-name\":\"api\","
                 "\"insecure-skip-tls-verify\":true,\"certificate-authority-data\":\"UEVN\","
                 "\"proxy-url\":\"http://p\",\"disable-compression\":true,\"config\":{\"a\":1}},"
                 "\"interactive\":false}}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        char *text;

        arena_init(&a, 1u << 20);
        text = exec_info(V1, cases[i].cluster, &a, NULL);
        assert_non_null(text);
        assert_string_equal(text, cases[i].json);
        arena_done(&a);
    }
}

static void test_info_has_a_ceiling(void **state)
{
    char *ca = text_repeat("x", EXEC_INFO_MAX);
    const struct exec_cluster cluster = {.server = "https://h", .ca_base64 = ca};
    struct err err = {0};
    struct arena a;

    (void)state;
    arena_init(&a, 4u << 20);
    assert_null(exec_info(V1, &cluster, &a, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    arena_done(&a);
    free(ca);
}

static void test_complaint_is_the_last_line_without_secrets(void **state)
{
#define FORTY "abcdefghijklmnopqrstuvwxyz0123456789+_=.-"
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {" \n\t\n", ""},
        {"first\nsecond \n\n", "second"},
        {"no newline", "no newline"},
        {"\x1b[1mbold\tand\x7f", " [1mbold and "},
        {"token " FORTY " given", "token [hidden] given"},
        {"TOKEN=" FORTY, "[hidden]"},
        {"get https://oidc.eks.eu-central-1.amazonaws.com/id: no such host",
         "get https://oidc.eks.eu-central-1.amazonaws.com/id: no such host"},
        {FORTY " " FORTY "\"" FORTY "\"", "[hidden] [hidden]\"[hidden]\""},
    };
    char text[EXEC_COMPLAINT_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        exec_complaint(cases[i].text, strlen(cases[i].text), text);
        assert_string_equal(text, cases[i].expected);
    }
#undef FORTY
}

static void test_complaint_of_any_length_fits(void **state)
{
    char *words = text_repeat("a word ", 1000);
    char text[EXEC_COMPLAINT_MAX];

    (void)state;
    for (size_t len = 0; len < 7000; len++) {
        exec_complaint(words, len, text);
        assert_true(strlen(text) < EXEC_COMPLAINT_MAX);
    }
    assert_true(strlen(text) > EXEC_COMPLAINT_MAX - 16);
    free(words);
}

static int run_for_sweep(void *ctx, struct err *err)
{
    static const char text[] = ANSWER("{\"token\":\"t\",\"clientCertificateData\":\"C\","
                                      "\"clientKeyData\":\"K\"}");
    static const struct exec_cluster cluster = {.server = "https://h", .proxy_url = "http://p"};
    struct exec_credential c = {0};
    struct arena a;
    int r;

    (void)ctx;
    arena_init(&a, 1u << 20);
    r = exec_credential_decode(text, sizeof(text) - 1, V1, &a, &c, err);
    if (r == 0 && !exec_info(V1, &cluster, &a, err))
        r = -1;
    arena_done(&a);
    return r;
}

static void test_credentials_and_info_survive_any_failed_allocation(void **state)
{
    (void)state;
    assert_true(sweep(run_for_sweep, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credential_of_a_token),
        cmocka_unit_test(test_credential_of_a_certificate_that_expires),
        cmocka_unit_test(test_credential_errors_name_the_member_and_quote_nothing),
        cmocka_unit_test(test_credential_has_ceilings),
        cmocka_unit_test(test_info_tells_what_is_stated_and_no_more),
        cmocka_unit_test(test_info_has_a_ceiling),
        cmocka_unit_test(test_complaint_is_the_last_line_without_secrets),
        cmocka_unit_test(test_complaint_of_any_length_fits),
        cmocka_unit_test(test_credentials_and_info_survive_any_failed_allocation),
    };

    json_set_alloc_funcs(mem_alloc, mem_free); /* so that the sweep reaches jansson */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
