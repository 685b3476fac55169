/* What is rotated under a process that runs: tokens, CAs, certificates of either side. Nothing here
 * restarts anything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/text.h"
#include "wire/support/folder.h"
#include "wire/support/wire.h"

#define OFTEN_MS 20 /* in the place of a minute */

static char accepted[64]; /* the Authorization header that the server takes */

static void on_guarded(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    server_answer(s, strcmp(r->authorization, accepted) == 0 ? 200 : 401, "", "{}");
}

static struct call *get(struct wire *w)
{
    struct call *c = wire_get(w, "/");

    wire_until_done(c);
    return c;
}

/* A volume as kubelet makes it: NAME is a link to ..data/NAME, and ..data to a folder that is
 * replaced as a whole. */
struct volume {
    struct folder folder;
    const char *name;
    char path[128]; /* of NAME */
    unsigned version;
};

static void volume_write(struct volume *v, const char *text)
{
    char folder[32], file[64];

    (void)snprintf(folder, sizeof(folder), "..2026_%u", ++v->version);
    (void)snprintf(file, sizeof(file), "%s/%s", folder, v->name);
    folder_mkdir(&v->folder, folder);
    folder_write(&v->folder, file, text);
    folder_swap_link(&v->folder, "..data", folder);
}

static void volume_make(struct volume *v, const char *name, const char *text)
{
    char target[64];

    *v = (struct volume){.name = name};
    folder_make(&v->folder);
    volume_write(v, text);
    (void)snprintf(target, sizeof(target), "..data/%s", name);
    folder_swap_link(&v->folder, name, target);
    (void)snprintf(v->path, sizeof(v->path), "%s", folder_at(&v->folder, name));
}

/* ---- Fault 20: tokens ---- */

static void start_with_token(struct wire *w, struct volume *v)
{
    volume_make(v, "token", "one");
    (void)snprintf(accepted, sizeof(accepted), "Bearer one");
    wire_start(w, &(struct server_options){.handler = on_guarded});
    w->config.token = NULL;
    w->config.token_file = v->path;
    wire_connect(w, 0, 0);
    assert_int_equal(get(w)->status, 200);
}

static void test_fault_20_token_swapped_by_link_is_used_after_one_401(void **state)
{
    struct volume v;
    struct wire w;

    (void)state;
    start_with_token(&w, &v);
    for (int i = 0; i < 3; i++) { /* again and again */
        char token[16];

        (void)snprintf(token, sizeof(token), "next-%d", i);
        (void)snprintf(accepted, sizeof(accepted), "Bearer %s", token);
        volume_write(&v, token);
        assert_int_equal(get(&w)->status, 401);
        assert_int_equal(get(&w)->status, 200);
        assert_int_equal(get(&w)->status, 200);
    }
    assert_int_equal(server_counts(w.server)->connections, 1);
    wire_close(&w);
    folder_remove(&v.folder);
}

static void test_fault_20_token_file_that_is_empty_for_a_while_fails_no_request(void **state)
{
    struct volume v;
    struct wire w;

    (void)state;
    start_with_token(&w, &v);
    volume_write(&v, "");
    for (int i = 0; i < 10; i++)
        assert_int_equal(get(&w)->status, 200); /* the old one still serves */
    (void)snprintf(accepted, sizeof(accepted), "Bearer two");
    for (int i = 0; i < 10; i++)
        assert_int_equal(get(&w)->status, 401); /* until the server has had enough of it */
    volume_write(&v, "two");
    assert_int_equal(get(&w)->status, 200); /* and the next request has the new one */
    wire_close(&w);
    folder_remove(&v.folder);
}

/* ---- Fault 21: the server's certificate ---- */

static void
test_fault_21_server_certificate_that_goes_bad_is_refused_until_it_is_mended(void **state)
{
    static const struct {
        const char *san;
        int from_days, to_days;
        bool is_self_signed, is_tls_1_1;
        const char *words;
    } cases[] = {
        {"IP:127.0.0.1", -10, -1, false, false, "has expired"},
        {"IP:127.0.0.1", 1, 10, false, false, "is not valid yet"},
        {"IP:127.0.0.2,DNS:kubernetes", 0, 0, false, false, "is for another name"},
        {"IP:127.0.0.1", 0, 0, true, false, "is not trusted"},
        {"IP:127.0.0.1", 0, 0, false, true, "does not speak TLS 1.2"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pki bad;
        struct wire w;
        unsigned requests;

        wire_open(&w, wire_echo);
        assert_int_equal(get(&w)->err.code, ERR_NONE);
        pki_make(&(struct pki_request){.name = "127.0.0.1",
                                       .san = cases[i].san,
                                       .ca = cases[i].is_self_signed ? NULL : &w.ca,
                                       .from_days = cases[i].from_days,
                                       .to_days = cases[i].to_days},
                 &bad);
        server_set_identity(w.server, &bad);
        server_set_tls_1_1(w.server, cases[i].is_tls_1_1);
        server_drop(w.server, true);
        requests = server_counts(w.server)->requests;
        for (int k = 0; k < 5; k++) { /* refused again and again, never let through after all */
            struct call *c = get(&w);

            assert_int_equal(c->err.code, ERR_UNAVAILABLE);
            if (k > 0) /* the first one may still have met the reset connection */
                assert_contains(c->err.msg, cases[i].words);
        }
        assert_int_equal(server_counts(w.server)->requests, requests);
        server_set_identity(w.server, &w.identity);
        server_set_tls_1_1(w.server, false);
        assert_int_equal(get(&w)->err.code, ERR_NONE);
        pki_done(&bad);
        wire_close(&w);
    }
}

/* ---- Fault 21: the CA ---- */

static void start_with_ca(struct wire *w, struct volume *v, uint32_t every_ms)
{
    wire_start(w, &(struct server_options){.handler = wire_echo});
    volume_make(v, "ca.crt", w->ca.cert);
    w->config.ca_data = NULL;
    w->config.ca_file = v->path;
    wire_connect_with(w, &(struct http_options){.certificates_every_ms = every_ms});
    assert_int_equal(get(w)->err.code, ERR_NONE);
}

static void sign_by_other(struct wire *w, struct pki *ret_identity)
{
    pki_make(&(struct pki_request){.name = "server", .san = "IP:127.0.0.1", .ca = &w->other_ca},
             ret_identity);
}

static bool has_changed(struct wire *w)
{
    return strstr(w->log_text.text, "certificates changed") != NULL;
}

static bool was_not_read_again(struct wire *w)
{
    return strstr(w->log_text.text, "certificates not read again");
}

/* As a CA is rotated properly: both are trusted before the server changes over. Nothing ever fails,
 * so nothing but the clock makes us read the file. */
static void test_fault_21_ca_bundle_that_is_rotated_in_time_fails_no_request(void **state)
{
    struct pki identity;
    struct volume v;
    struct wire w;
    char both[16384];

    (void)state;
    start_with_ca(&w, &v, OFTEN_MS);
    (void)snprintf(both, sizeof(both), "%s%s", w.ca.cert, w.other_ca.cert);
    volume_write(&v, both);
    wire_until(&w, has_changed);
    assert_int_equal(get(&w)->err.code, ERR_NONE);
    sign_by_other(&w, &identity);
    server_set_identity(w.server, &identity);
    server_drop(w.server, false); /* as a server that restarts with its new certificate */
    wire_turns(&w, 20);
    assert_int_equal(get(&w)->err.code, ERR_NONE);
    strbuf_clear(&w.log_text);
    volume_write(&v, w.other_ca.cert); /* the old one is given up */
    wire_until(&w, has_changed);
    assert_int_equal(get(&w)->err.code, ERR_NONE);
    server_set_identity(w.server, &w.identity); /* which has consequences */
    server_drop(w.server, false);
    wire_turns(&w, 20);
    assert_contains(get(&w)->err.msg, "is not trusted");
    pki_done(&identity);
    wire_close(&w);
    folder_remove(&v.folder);
}

/* As it should not be done: the server changes first. One request fails, no more. */
static void test_fault_21_ca_bundle_that_is_rotated_late_works_at_the_next_request(void **state)
{
    struct pki identity;
    struct volume v;
    struct wire w;

    (void)state;
    start_with_ca(&w, &v, 0);
    sign_by_other(&w, &identity);
    server_set_identity(w.server, &identity);
    server_drop(w.server, false);
    wire_turns(&w, 20);
    volume_write(&v, w.other_ca.cert);
    assert_contains(get(&w)->err.msg, "is not trusted");
    assert_int_equal(get(&w)->err.code, ERR_NONE);
    pki_done(&identity);
    wire_close(&w);
    folder_remove(&v.folder);
}

static void test_fault_21_ca_file_that_is_empty_for_a_while_keeps_the_old_trust(void **state)
{
    struct pki identity;
    struct volume v;
    struct wire w;

    (void)state;
    start_with_ca(&w, &v, OFTEN_MS);
    volume_write(&v, "");
    strbuf_clear(&w.log_text);
    wire_until(&w, was_not_read_again);
    assert_int_equal(get(&w)->err.code, ERR_NONE);
    sign_by_other(&w, &identity);
    server_set_identity(w.server, &identity);
    server_drop(w.server, false);
    wire_turns(&w, 20);
    assert_contains(get(&w)->err.msg, "is not trusted"); /* an empty bundle trusts nobody new */
    server_set_identity(w.server, &w.identity);
    assert_int_equal(get(&w)->err.code, ERR_NONE);
    pki_done(&identity);
    wire_close(&w);
    folder_remove(&v.folder);
}

/* ---- Client certificates ---- */

static struct call *watched, *posted;

static bool are_both_open(struct wire *w)
{
    return server_find(w->server, "/watch") && server_find(w->server, "/post/watch");
}

static bool is_watch_over(struct wire *w)
{
    (void)w;
    return watched->done_count > 0;
}

/* Of the old connection the watch ends as if the server had ended it, and a write gets its answer;
 * what comes later goes over a new one. */
static void test_client_certificate_that_is_renewed_loses_no_request(void **state)
{
    struct pki ca, one, two;
    struct folder f;
    struct wire w;
    char cert[128], key[128];

    (void)state;
    folder_make(&f);
    pki_make(&(struct pki_request){.name = "client CA"}, &ca);
    pki_make(&(struct pki_request){.name = "one", .ca = &ca}, &one);
    pki_make(&(struct pki_request){.name = "two", .ca = &ca}, &two);
    folder_write(&f, "tls.crt", one.cert);
    folder_write(&f, "tls.key", one.key);
    (void)snprintf(cert, sizeof(cert), "%s", folder_at(&f, "tls.crt"));
    (void)snprintf(key, sizeof(key), "%s", folder_at(&f, "tls.key"));
    wire_start(&w, &(struct server_options){.handler = wire_echo, .client_ca = &ca});
    w.config.token = NULL;
    w.config.cert_file = cert;
    w.config.key_file = key;
    wire_connect_with(&w, &(struct http_options){.certificates_every_ms = OFTEN_MS});
    watched = wire_watch(&w, "/watch");
    posted = wire_call(&w, &(struct http_request){.method = HTTP_POST,
                                                  .path = "/post/watch",
                                                  .body = "{}",
                                                  .body_len = 2});
    wire_until(&w, are_both_open);
    server_send(server_find(w.server, "/watch"), "{}\n", 3);
    assert_string_equal(server_client_name(w.server), "one");
    folder_write(&f, "tls.crt", two.cert); /* for a moment they do not belong together */
    wire_turns(&w, 50);
    assert_int_equal(get(&w)->err.code, ERR_NONE);
    folder_write(&f, "tls.key", two.key);
    wire_until(&w, is_watch_over);
    assert_int_equal(watched->err.code, ERR_NONE);
    assert_string_equal(watched->body.text, "{}\n");
    assert_int_equal(get(&w)->err.code, ERR_NONE);
    assert_string_equal(server_client_name(w.server), "two");
    assert_int_equal(server_counts(w.server)->connections, 2);
    server_end(server_find(w.server, "/post/watch"));
    wire_until_done(posted);
    assert_int_equal(posted->err.code, ERR_NONE);
    wire_close(&w);
    pki_done(&ca);
    pki_done(&one);
    pki_done(&two);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_20_token_swapped_by_link_is_used_after_one_401),
        cmocka_unit_test(test_fault_20_token_file_that_is_empty_for_a_while_fails_no_request),
        cmocka_unit_test(
            test_fault_21_server_certificate_that_goes_bad_is_refused_until_it_is_mended),
        cmocka_unit_test(test_fault_21_ca_bundle_that_is_rotated_in_time_fails_no_request),
        cmocka_unit_test(test_fault_21_ca_bundle_that_is_rotated_late_works_at_the_next_request),
        cmocka_unit_test(test_fault_21_ca_file_that_is_empty_for_a_while_keeps_the_old_trust),
        cmocka_unit_test(test_client_certificate_that_is_renewed_loses_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
