/* The transport as its callers see it: what goes out, what comes back, over how many connections.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/text.h"
#include "wire/support/gzip.h"
#include "wire/support/wire.h"

/* The last request that a handler saw, with its body. */
static struct server_request seen;
static char seen_body[256];

static void remember(const struct server_request *r)
{
    seen = *r;
    snprintf(seen_body, sizeof(seen_body), "%s", r->body);
}

static void on_remember(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    remember(r);
    server_answer(s, 201, "", "{}");
}

static bool has_only_watches_left(struct wire *w)
{
    return wire_stats(w).in_flight <= 12;
}

static void run_many(const struct server_options *options)
{
    struct wire w;
    char path[64];

    wire_start(&w, options);
    wire_connect(&w, 0, 0);
    for (int i = 0; i < 12; i++) {
        snprintf(path, sizeof(path), "/watch/%d", i);
        wire_watch(&w, path);
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 20; i++) {
            snprintf(path, sizeof(path), "/get/%d-%d", round, i);
            wire_get(&w, path);
        }
        wire_until(&w, has_only_watches_left);
    }
    assert_int_equal(wire_stats(&w).requests, 212);
    assert_int_equal(wire_stats(&w).generations, 0);
    assert_int_equal(wire_stats(&w).connections, server_counts(w.server)->connections);
    assert_int_equal(server_counts(w.server)->requests, 212);
    assert_int_equal(server_counts(w.server)->streams, 12);
    if (!options->is_http1)
        assert_int_equal(server_counts(w.server)->connections, 1);
    for (unsigned i = 12; i < w.calls_count; i++) {
        assert_int_equal(w.calls[i]->status, 200);
        assert_string_equal(w.calls[i]->body.text, w.calls[i]->path);
    }
    wire_close(&w);
}

static void test_http_runs_12_watches_and_200_gets_over_one_connection(void **state)
{
    (void)state;
    run_many(&(struct server_options){.handler = wire_echo});
}

static void test_http_runs_the_same_over_http_1_1(void **state)
{
    (void)state;
    run_many(&(struct server_options){.handler = wire_echo, .is_http1 = true});
}

static void test_http_sends_what_was_asked(void **state)
{
    static const struct {
        struct http_request request;
        const char *method, *content_type, *body, *encoding;
    } cases[] = {
        {{.method = HTTP_GET, .path = "/a?b=c%2Fd&e=f"}, "GET", "", "", ""},
        {{.method = HTTP_GET, .path = "/list", .accepts_gzip = true}, "GET", "", "", "gzip"},
        {{.method = HTTP_POST, .path = "/p", .body = "{\"a\":1}", .body_len = 7},
         "POST",
         "application/json",
         "{\"a\":1}",
         ""},
        {{.method = HTTP_PATCH,
          .path = "/x",
          .content_type = "application/merge-patch+json",
          .body = "{}",
          .body_len = 2},
         "PATCH",
         "application/merge-patch+json",
         "{}",
         ""},
        {{.method = HTTP_DELETE, .path = "/../d"}, "DELETE", "", "", ""},
        {{.method = HTTP_DELETE, .path = "/d", .body = "{\"uid\":1}", .body_len = 9},
         "DELETE",
         "application/json",
         "{\"uid\":1}",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases) * 2; i++) {
        const struct http_request *request = &cases[i / 2].request;
        struct wire w;
        struct call *c;
        char host[64];

        wire_start(&w, &(struct server_options){.handler = on_remember, .is_http1 = i % 2 == 1});
        wire_connect(&w, 0, 0);
        c = wire_call(&w, request);
        wire_until_done(c);
        assert_int_equal(c->status, 201);
        assert_int_equal(seen.is_http2, i % 2 == 0);
        assert_string_equal(seen.method, cases[i / 2].method);
        assert_string_equal(seen.path, request->path);
        assert_string_equal(seen_body, cases[i / 2].body);
        assert_string_equal(seen.content_type, cases[i / 2].content_type);
        assert_string_equal(seen.accept_encoding, cases[i / 2].encoding);
        assert_string_equal(seen.authorization, "Bearer sesame");
        assert_string_equal(seen.user_agent, "rampart/test");
        assert_string_equal(seen.expect, "");
        snprintf(host, sizeof(host), "127.0.0.1:%d", server_port(w.server));
        assert_string_equal(seen.host, host);
        wire_close(&w);
    }
}

static void test_http_copies_the_request(void **state)
{
    struct wire w;
    char path[] = "/copied", body[] = "{}", type[] = "text/x";
    struct http_request request = {
        .method = HTTP_POST, .path = path, .content_type = type, .body = body, .body_len = 2};
    struct call *c;

    (void)state;
    wire_open(&w, on_remember);
    c = wire_call(&w, &request);
    memset(path, 'x', sizeof(path) - 1);
    memset(body, 'x', sizeof(body) - 1);
    memset(type, 'x', sizeof(type) - 1);
    wire_until_done(c);
    assert_string_equal(seen.path, "/copied");
    assert_string_equal(seen_body, "{}");
    assert_string_equal(seen.content_type, "text/x");
    wire_close(&w);
}

static void test_http_sends_a_body_of_3_mib(void **state)
{
    struct wire w;
    char *body = text_repeat("x", 3u << 20);
    struct call *c;

    (void)state;
    wire_open(&w, on_remember);
    c = wire_call(&w, &(struct http_request){
                          .method = HTTP_POST, .path = "/big", .body = body, .body_len = 3u << 20});
    wire_until_done(c);
    assert_int_equal(c->status, 201);
    assert_int_equal(seen.body_len, 3u << 20);
    wire_close(&w);
    free(body);
}

static void on_status(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    server_answer(s, atoi(r->path + 1), "retry-after: 7 \r\n", "{\"kind\":\"Status\"}");
}

static void test_http_hands_a_stream_out_only_when_it_is_a_success(void **state)
{
    static const int statuses[] = {200, 201, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 504};
    struct wire w;

    (void)state;
    wire_open(&w, on_status);
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        char path[16];
        struct call *c;

        snprintf(path, sizeof(path), "/%d", statuses[i]);
        c = wire_watch(&w, path);
        wire_until_done(c);
        assert_int_equal(c->err.code, ERR_NONE);
        assert_int_equal(c->status, statuses[i]);
        assert_int_equal(c->data_count > 0, statuses[i] < 300);
        assert_string_equal(c->body.text, "{\"kind\":\"Status\"}");
        assert_string_equal(c->retry_after, "7");
    }
    wire_close(&w);
}

static void on_nothing_in_it(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    (void)r;
    server_answer(s, 204, "", "");
}

static void test_http_gives_an_empty_body_as_an_empty_string(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_nothing_in_it);
    c = wire_get(&w, "/");
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_NONE);
    assert_int_equal(c->status, 204);
    assert_string_equal(c->body.text, "");
    wire_close(&w);
}

static unsigned led_astray;

static void on_astray(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    (void)r;
    led_astray++;
    server_answer(s, 200, "", "gotcha");
}

static void on_redirect(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)r;
    server_answer(s, 302, ctx, "elsewhere");
}

static void test_http_follows_no_redirect(void **state)
{
    struct wire w;
    struct server *other;
    char location[128];
    struct call *c;

    (void)state;
    led_astray = 0;
    wire_start(&w, &(struct server_options){.handler = on_redirect, .ctx = location});
    other = server_start(&w.loop.uv,
                         &(struct server_options){.identity = &w.identity, .handler = on_astray});
    snprintf(location, sizeof(location), "location: https://127.0.0.1:%d/\r\n", server_port(other));
    wire_connect(&w, 0, 0);
    c = wire_get(&w, "/");
    wire_until_done(c);
    wire_turns(&w, 10);
    assert_int_equal(c->err.code, ERR_NONE);
    assert_int_equal(c->status, 302);
    assert_int_equal(server_counts(other)->connections, 0);
    assert_int_equal(led_astray, 0);
    server_stop(other);
    wire_close(&w);
}

static void test_http_takes_no_proxy_of_the_environment_for_loopback(void **state)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    struct wire w;
    struct call *c;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    wire_open(&w, wire_echo);
    c = wire_get(&w, "/direct");
    wire_until_done(c);
    assert_string_equal(c->body.text, "/direct");
    wire_close(&w);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unsetenv(names[i]);
}

static void on_gzip(void *ctx, struct server_stream *s, const struct server_request *r)
{
    AUTO_STRBUF body;

    (void)ctx;
    strbuf_init(&body, 1u << 20);
    gzip_member(&body, "{\"items\":[]}");
    if (strstr(r->path, "two"))
        gzip_member(&body, "{\"items\":[1]}");
    if (strstr(r->path, "cut"))
        strbuf_cut(&body, body.len / 2);
    if (strstr(r->path, "bad"))
        memset(body.text + 10, 0xff, 4);
    server_reply(s, 200, "content-encoding: gzip\r\n");
    server_send(s, body.text, body.len);
    server_end(s);
}

static void test_http_unpacks_gzip_where_it_was_asked_for(void **state)
{
    struct wire w;
    struct call *page, *raw;

    (void)state;
    wire_open(&w, on_gzip);
    page =
        wire_call(&w,
                  &(struct http_request){.path = "/one", .is_stream = true, .accepts_gzip = true});
    raw = wire_call(&w, &(struct http_request){.path = "/one", .is_stream = true});
    wire_until_all_done(&w);
    assert_string_equal(page->body.text, "{\"items\":[]}");
    assert_memory_equal(raw->body.text, "\x1f\x8b", 2); /* a server that does not ask */
    wire_close(&w);
}

static void test_http_reports_gzip_that_it_cannot_read(void **state)
{
    static const char *const paths[] = {"/two", "/bad"};
    struct wire w;

    (void)state;
    wire_open(&w, on_gzip);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct call *c = wire_call(&w, &(struct http_request){.path = paths[i],
                                                              .is_stream = true,
                                                              .accepts_gzip = true});

        wire_until_done(c);
        assert_int_equal(c->err.code, ERR_UNAVAILABLE);
        assert_contains(c->err.msg, "gzip");
    }
    wire_close(&w);
}

/* libcurl does not miss the end of a gzip member: the JSON framer above has to notice. */
static void test_http_hands_out_a_gzip_page_that_is_cut_short_as_it_came(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_gzip);
    c = wire_call(&w,
                  &(struct http_request){.path = "/cut", .is_stream = true, .accepts_gzip = true});
    wire_until_done(c);
    assert_int_equal(c->status, 200);
    assert_true(c->body.len < strlen("{\"items\":[]}"));
    wire_close(&w);
}

static bool has_12_watches(struct wire *w)
{
    return server_counts(w->server)->streams == 12;
}

static void on_enough(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void test_http_lets_the_loop_sleep_when_nothing_happens(void **state)
{
    struct wire w;
    uv_timer_t timer;

    (void)state;
    wire_open(&w, wire_echo);
    for (int i = 0; i < 12; i++)
        wire_watch(&w, "/watch");
    wire_until(&w, has_12_watches);
    wire_turns(&w, 10); /* what is on its way arrives */
    w.turns = 0;
    uv_timer_init(&w.loop.uv, &timer);
    uv_timer_start(&timer, on_enough, 200, 0);
    loop_run(&w.loop);
    assert_true(w.turns < 20); /* a loop that spins turns thousands of times */
    uv_close((uv_handle_t *)&timer, NULL);
    wire_close(&w);
}

static void test_http_connects_over_ipv6(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    if (!wire_has_ipv6())
        skip();
    wire_start(&w, &(struct server_options){.host = "::1", .handler = wire_echo});
    wire_connect(&w, 0, 0);
    c = wire_get(&w, "/six");
    wire_until_done(c);
    assert_string_equal(c->body.text, "/six");
    wire_close(&w);
}

static void test_http_puts_the_servers_path_in_front(void **state)
{
    static const char *const suffixes[] = {"/k8s/clusters/c-1", "/k8s/clusters/c-1/"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        struct wire w;
        char url[256];
        struct call *c;

        wire_start(&w, &(struct server_options){.handler = wire_echo});
        snprintf(url, sizeof(url), "%s%s", w.server_url, suffixes[i]);
        w.config.server = url;
        wire_connect(&w, 0, 0);
        c = wire_get(&w, "/api");
        wire_until_done(c);
        assert_string_equal(c->body.text, "/k8s/clusters/c-1/api");
        wire_close(&w);
    }
}

static void test_http_refuses_servers_that_are_no_https_url(void **state)
{
    static const char *const servers[] = {"http://127.0.0.1:1",   "127.0.0.1:1",
                                          "ftp://127.0.0.1",      "https://",
                                          "https://user:pw@host", "https://host?query",
                                          "https://host#part",    "https://host:99999999",
                                          "file:///etc/passwd",   ""};
    struct wire w;

    (void)state;
    wire_start(&w, NULL);
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        struct client_config config = w.config;
        struct err err = {0};

        config.server = servers[i];
        assert_null(http_new(&(struct http_options){.loop = &w.loop,
                                                    .config = &config,
                                                    .user_agent = "rampart/test"},
                             &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, "https://host:port");
        assert_contains(err.msg, "the test's configuration");
    }
    wire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_runs_12_watches_and_200_gets_over_one_connection),
        cmocka_unit_test(test_http_runs_the_same_over_http_1_1),
        cmocka_unit_test(test_http_sends_what_was_asked),
        cmocka_unit_test(test_http_copies_the_request),
        cmocka_unit_test(test_http_sends_a_body_of_3_mib),
        cmocka_unit_test(test_http_hands_a_stream_out_only_when_it_is_a_success),
        cmocka_unit_test(test_http_gives_an_empty_body_as_an_empty_string),
        cmocka_unit_test(test_http_follows_no_redirect),
        cmocka_unit_test(test_http_takes_no_proxy_of_the_environment_for_loopback),
        cmocka_unit_test(test_http_unpacks_gzip_where_it_was_asked_for),
        cmocka_unit_test(test_http_reports_gzip_that_it_cannot_read),
        cmocka_unit_test(test_http_hands_out_a_gzip_page_that_is_cut_short_as_it_came),
        cmocka_unit_test(test_http_lets_the_loop_sleep_when_nothing_happens),
        cmocka_unit_test(test_http_connects_over_ipv6),
        cmocka_unit_test(test_http_puts_the_servers_path_in_front),
        cmocka_unit_test(test_http_refuses_servers_that_are_no_https_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
