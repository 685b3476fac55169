/* Whom the transport believes and who it says it is. A failure of TLS is an error, never a reason
 * to do without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/text.h"
#include "wire/support/folder.h"
#include "wire/support/wire.h"

/* One GET fails with ERR_UNAVAILABLE and these words; the server never sees a request. */
static void assert_refused(struct wire *w, const char *words)
{
    struct call *c = wire_get(w, "/refused");

    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_UNAVAILABLE);
    assert_contains(c->err.msg, "127.0.0.1:");
    assert_contains(c->err.msg, words);
    assert_int_equal(server_counts(w->server)->requests, 0);
}

static void assert_works(struct wire *w)
{
    struct call *c = wire_get(w, "/works");

    wire_until_done(c);
    if (c->err.code != ERR_NONE)
        fail_msg("%s", c->err.msg);
    assert_string_equal(c->body.text, "/works");
}

static void test_tls_refuses_a_server_of_another_ca_and_names_the_ca(void **state)
{
    struct wire w;

    (void)state;
    wire_start(&w, &(struct server_options){.handler = wire_echo});
    w.config.ca_data = w.other_ca.cert;
    wire_connect(&w, 0, 0);
    assert_refused(&w, "is not trusted");
    assert_refused(&w, "the CA in use is the test's configuration");
    wire_close(&w);
}

static void test_tls_trusts_the_systems_cas_only_when_none_is_stated(void **state)
{
    struct wire w;

    (void)state;
    wire_start(&w, &(struct server_options){.handler = wire_echo});
    w.config.ca_data = NULL;
    wire_connect(&w, 0, 0);
    assert_refused(&w, "the system's certificate authorities");
    wire_close(&w);
}

/* A server whose certificate is made like this is refused with these words. */
static void refuse(const char *san, int from_days, int to_days, const char *words)
{
    struct wire w;
    struct pki identity;

    wire_start(&w, &(struct server_options){.handler = wire_echo});
    pki_make(&(struct pki_request){.name = "127.0.0.1",
                                   .san = san,
                                   .ca = &w.ca,
                                   .from_days = from_days,
                                   .to_days = to_days},
             &identity);
    server_set_identity(w.server, &identity);
    wire_connect(&w, 0, 0);
    assert_refused(&w, words);
    server_set_identity(w.server, &w.identity); /* it is mended: no restart of ours */
    assert_works(&w);
    pki_done(&identity);
    wire_close(&w);
}

static void test_tls_refuses_a_certificate_for_another_name(void **state)
{
    (void)state;
    refuse("DNS:kubernetes.default.svc,IP:127.0.0.2", 0, 0, "is for another name");
}

static void test_tls_refuses_a_certificate_that_has_expired(void **state)
{
    (void)state;
    refuse("IP:127.0.0.1", -10, -1, "has expired");
}

static void test_tls_refuses_a_certificate_that_is_not_valid_yet(void **state)
{
    (void)state;
    refuse("IP:127.0.0.1", 1, 10, "is not valid yet");
}

static void test_tls_refuses_tls_1_1(void **state)
{
    struct wire w;

    (void)state;
    wire_start(&w, &(struct server_options){.handler = wire_echo, .is_tls_1_1 = true});
    wire_connect(&w, 0, 0);
    assert_refused(&w, "does not speak TLS 1.2");
    assert_int_equal(server_counts(w.server)->handshakes, 0);
    wire_close(&w);
}

static void test_tls_checks_the_stated_server_name(void **state)
{
    struct wire w;
    struct pki identity;

    (void)state;
    for (int is_right = 0; is_right < 2; is_right++) {
        struct call *c;

        wire_start(&w, &(struct server_options){.handler = wire_echo});
        pki_make(&(struct pki_request){.name = "x", .san = "DNS:api.example", .ca = &w.ca},
                 &identity);
        server_set_identity(w.server, &identity);
        w.config.tls_server_name = is_right ? "api.example" : "other.example";
        wire_connect(&w, 0, 0);
        c = wire_get(&w, "/works");
        wire_until_done(c);
        if (is_right)
            assert_string_equal(c->body.text, "/works");
        else
            assert_contains(c->err.msg, "is for another name");
        assert_int_equal(c->err.code, is_right ? ERR_NONE : ERR_UNAVAILABLE);
        pki_done(&identity);
        wire_close(&w);
    }
}

static void test_tls_skips_the_check_only_when_told_and_warns(void **state)
{
    struct wire w;

    (void)state;
    wire_start(&w, &(struct server_options){.handler = wire_echo});
    w.config.ca_data = NULL;
    w.config.skips_tls_verify = true;
    wire_connect(&w, 0, 0);
    assert_works(&w);
    assert_contains(w.log_text.text, "insecure-skip-tls-verify");
    wire_close(&w);
}

static void test_tls_shows_a_client_certificate(void **state)
{
    struct wire w;
    struct pki ca, client;

    (void)state;
    pki_make(&(struct pki_request){.name = "client CA"}, &ca);
    pki_make(&(struct pki_request){.name = "rampart", .ca = &ca}, &client);
    for (int has_one = 0; has_one < 2; has_one++) {
        wire_start(&w, &(struct server_options){.handler = wire_echo, .client_ca = &ca});
        w.config.token = NULL;
        w.config.cert_data = has_one ? client.cert : NULL;
        w.config.key_data = has_one ? client.key : NULL;
        wire_connect(&w, 0, 0);
        if (has_one)
            assert_works(&w);
        else
            assert_refused(&w, "");
        wire_close(&w);
    }
    pki_done(&ca);
    pki_done(&client);
}

static void test_tls_reads_a_rotated_ca_file_after_it_failed(void **state)
{
    struct wire w;
    struct folder folder;
    char path[128];

    (void)state;
    folder_make(&folder);
    wire_start(&w, &(struct server_options){.handler = wire_echo});
    folder_write(&folder, "ca.crt", w.other_ca.cert);
    snprintf(path, sizeof(path), "%s", folder_at(&folder, "ca.crt"));
    w.config.ca_data = NULL;
    w.config.ca_file = path;
    wire_connect(&w, 0, 0);
    folder_write(&folder, "ca.crt", w.ca.cert);
    assert_refused(&w, path);
    assert_works(&w);
    assert_contains(w.log_text.text, "certificates changed");
    wire_close(&w);
    folder_remove(&folder);
}

static void test_tls_keeps_the_old_ca_while_its_file_is_broken(void **state)
{
    struct wire w;
    struct folder folder;
    struct pki foreign;
    char path[128];

    (void)state;
    folder_make(&folder);
    wire_start(&w, &(struct server_options){.handler = wire_echo});
    folder_write(&folder, "ca.crt", w.ca.cert);
    snprintf(path, sizeof(path), "%s", folder_at(&folder, "ca.crt"));
    w.config.ca_data = NULL;
    w.config.ca_file = path;
    wire_connect(&w, 0, 0);
    folder_write(&folder, "ca.crt", "");
    pki_make(&(struct pki_request){.name = "foreign", .san = "IP:127.0.0.1", .ca = &w.other_ca},
             &foreign);
    server_set_identity(w.server, &foreign);
    assert_refused(&w, "is not trusted");
    server_set_identity(w.server, &w.identity);
    assert_works(&w);
    assert_contains(w.log_text.text, "certificates not read again");
    pki_done(&foreign);
    wire_close(&w);
    folder_remove(&folder);
}

/* A configuration that cannot work is refused at once, with the place in the message. */
static void test_tls_refuses_unusable_files_at_the_start(void **state)
{
    struct wire w;
    struct pki client, stranger;
    struct {
        const char *ca, *cert, *key, *ca_file, *words;
        enum err_code code;
    } cases[] = {
        {"no PEM", NULL, NULL, NULL, "no certificate in the certificate authority", ERR_INVALID},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NULL, NULL, NULL,
         "no certificate", ERR_INVALID},
        {NULL, "no PEM", "no PEM", NULL, "no certificate in the client certificate", ERR_INVALID},
        {NULL, NULL, NULL, "/nonexistent/ca.crt", "/nonexistent/ca.crt", ERR_NOT_FOUND},
        {NULL, NULL, NULL, "/", "read /: Is a directory", ERR_IO},
        {NULL, NULL, "no PEM", NULL, "no readable private key", ERR_INVALID},
        {NULL, NULL, NULL, NULL, "does not belong", ERR_INVALID},
    };

    (void)state;
    wire_start(&w, NULL);
    pki_make(&(struct pki_request){.name = "c", .ca = &w.ca}, &client);
    pki_make(&(struct pki_request){.name = "s", .ca = &w.ca}, &stranger);
    cases[5].cert = client.cert;
    cases[6].cert = client.cert;
    cases[6].key = stranger.key;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct client_config config = w.config;
        struct err err = {0};

        config.ca_data = cases[i].ca ? cases[i].ca : cases[i].ca_file ? NULL : w.ca.cert;
        config.ca_file = cases[i].ca_file;
        config.cert_data = cases[i].cert;
        config.key_data = cases[i].key;
        assert_null(http_new(&(struct http_options){.loop = &w.loop,
                                                    .config = &config,
                                                    .user_agent = "rampart/test"},
                             &err));
        assert_int_equal(err.code, cases[i].code);
        assert_contains(err.msg, cases[i].words);
        assert_null(strstr(err.msg, "BEGIN"));
    }
    pki_done(&client);
    pki_done(&stranger);
    wire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_refuses_a_server_of_another_ca_and_names_the_ca),
        cmocka_unit_test(test_tls_trusts_the_systems_cas_only_when_none_is_stated),
        cmocka_unit_test(test_tls_refuses_a_certificate_for_another_name),
        cmocka_unit_test(test_tls_refuses_a_certificate_that_has_expired),
        cmocka_unit_test(test_tls_refuses_a_certificate_that_is_not_valid_yet),
        cmocka_unit_test(test_tls_refuses_tls_1_1),
        cmocka_unit_test(test_tls_checks_the_stated_server_name),
        cmocka_unit_test(test_tls_skips_the_check_only_when_told_and_warns),
        cmocka_unit_test(test_tls_shows_a_client_certificate),
        cmocka_unit_test(test_tls_reads_a_rotated_ca_file_after_it_failed),
        cmocka_unit_test(test_tls_keeps_the_old_ca_while_its_file_is_broken),
        cmocka_unit_test(test_tls_refuses_unusable_files_at_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
