/* Ceilings and deadlines: no server can make us keep more, or wait longer, than we said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/text.h"
#include "wire/support/gzip.h"
#include "wire/support/wire.h"

#define MIB (1u << 20)

/* "/4194304" is answered with so many bytes. */
static void on_body_of(void *ctx, struct server_stream *s, const struct server_request *r)
{
    size_t left = strtoul(r->path + 1, NULL, 10);
    char piece[4096];

    (void)ctx;
    memset(piece, 'x', sizeof(piece));
    server_reply(s, 200, "");
    for (size_t len; left > 0; left -= len) {
        len = left < sizeof(piece) ? left : sizeof(piece);
        server_send(s, piece, len);
    }
    server_end(s);
}

static void test_a_collected_body_ends_at_its_ceiling(void **state)
{
    struct wire w;
    struct call *fits, *over, *streamed;
    char path[32];

    (void)state;
    wire_open(&w, on_body_of);
    snprintf(path, sizeof(path), "/%u", TRANSPORT_BODY_MAX);
    fits = wire_get(&w, path);
    snprintf(path, sizeof(path), "/%u", TRANSPORT_BODY_MAX + 1);
    over = wire_get(&w, path);
    streamed = wire_watch(&w, path); /* the receiver's own business */
    wire_until_all_done(&w);
    assert_int_equal(fits->err.code, ERR_NONE);
    assert_int_equal(fits->body.len, TRANSPORT_BODY_MAX);
    assert_int_equal(over->err.code, ERR_LIMIT);
    assert_contains(over->err.msg, "longer than 4 MiB");
    assert_int_equal(streamed->err.code, ERR_NONE);
    assert_int_equal(streamed->body.len, TRANSPORT_BODY_MAX + 1);
    assert_int_equal(server_counts(w.server)->connections, 1);
    wire_close(&w);
}

static void on_long_failure(void *ctx, struct server_stream *s, const struct server_request *r)
{
    char *body = text_repeat("<p>teapot</p>", 512 * 1024);

    (void)ctx;
    (void)r;
    server_answer(s, 418, "", body);
    free(body);
}

static void test_the_failure_of_a_stream_ends_at_the_ceiling_too(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_long_failure);
    c = wire_watch(&w, "/");
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_LIMIT);
    assert_int_equal(c->data_count, 0);
    wire_close(&w);
}

static void on_warnings(void *ctx, struct server_stream *s, const struct server_request *r)
{
    AUTO_STRBUF headers;

    (void)ctx;
    strbuf_init(&headers, 64 * 1024);
    strbuf_adds(&headers,
                "warning: 299 - \"one\"\r\nx-warning: no\r\nwarning:  299 - \"two\" \r\n");
    for (int i = 0; strcmp(r->path, "/many") == 0 && i < 100; i++)
        strbuf_addf(&headers, "warning: 299 - \"%0100d\"\r\n", i);
    server_answer(s, 200, strcmp(r->path, "/none") == 0 ? "warnings: no\r\n" : headers.text, "{}");
}

static void test_warnings_are_handed_over_up_to_their_ceiling(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_warnings);
    c = wire_get(&w, "/two");
    wire_until_done(c);
    assert_string_equal(c->warnings, "299 - \"one\"\n299 - \"two\"");
    c = wire_get(&w, "/none");
    wire_until_done(c);
    assert_string_equal(c->warnings, "");
    c = wire_get(&w, "/many");
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_NONE);
    assert_in_range(strlen(c->warnings), TRANSPORT_WARNINGS_MAX - 1, TRANSPORT_WARNINGS_MAX);
    wire_close(&w);
}

static void on_headers(void *ctx, struct server_stream *s, const struct server_request *r)
{
    unsigned lines = (unsigned)strtoul(r->path + 1, NULL, 10);
    AUTO_STRBUF headers;

    (void)ctx;
    strbuf_init(&headers, 4 * MIB);
    for (unsigned i = 0; i < lines; i++)
        strbuf_addf(&headers, "x-%u: %0200d\r\n", i, 0);
    server_answer(s, 200, headers.text, "after all");
}

static void endless_headers(bool is_http1)
{
    struct wire w;
    struct call *c;

    wire_start(&w, &(struct server_options){.handler = on_headers, .is_http1 = is_http1});
    wire_connect(&w, 0, 0);
    c = wire_get(&w, "/200");
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_NONE);
    assert_string_equal(c->body.text, "after all");
    c = wire_get(&w, "/4000");
    wire_until_done(c);
    if (is_http1)
        assert_contains(c->err.msg, "headers of more than 256 KiB");
    /* In HTTP/2 our libraries end it before we do. */
    assert_int_equal(c->err.code, is_http1 ? ERR_LIMIT : ERR_UNAVAILABLE);
    c = wire_get(&w, "/1");
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_NONE);
    wire_close(&w);
}

static void test_endless_headers_end_at_their_ceiling(void **state)
{
    (void)state;
    endless_headers(true);
    endless_headers(false);
}

static void on_bomb(void *ctx, struct server_stream *s, const struct server_request *r)
{
    /* The shortest way to say "65535 zeros" without a compressor: stored blocks of them. */
    char *zeros = text_repeat("0", 65535);
    AUTO_STRBUF body;

    (void)ctx;
    (void)r;
    strbuf_init(&body, 16 * MIB);
    strbuf_add(&body, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
    for (int i = 0; i < 100; i++) {
        strbuf_add(&body, "\0\xff\xff\0\0", 5);
        strbuf_add(&body, zeros, 65535);
    }
    server_reply(s, 200, "content-encoding: gzip\r\n");
    server_send(s, body.text, body.len);
    server_end(s);
    free(zeros);
}

static void test_the_ceiling_counts_what_was_unpacked(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_bomb);
    c = wire_call(&w, &(struct http_request){.path = "/", .accepts_gzip = true});
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_LIMIT);
    wire_close(&w);
}

static void test_the_97th_exchange_is_refused_until_one_ends(void **state)
{
    struct wire w;
    struct err err = {0};
    int r;

    (void)state;
    wire_open(&w, wire_echo);
    for (unsigned i = 0; i < TRANSPORT_EXCHANGES_MAX; i++)
        wire_watch(&w, "/watch");
    assert_null(wire_try(&w, &(struct http_request){.path = "/one-more"}, &err, &r));
    assert_int_equal(r, -1);
    assert_int_equal(err.code, ERR_LIMIT);
    wire_cancel(w.calls[0]);
    wire_until_done(w.calls[0]);
    wire_until_done(wire_get(&w, "/one-more"));
    assert_int_equal(server_counts(w.server)->connections, 1);
    wire_close(&w);
}

static void on_silence(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    if (strcmp(r->path, "/begun") == 0) {
        server_reply(s, 200, "");
        server_send(s, "begun", 5);
    }
}

static void test_a_request_ends_at_its_deadline(void **state)
{
    static const char *const paths[] = {"/silence", "/begun"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct wire w;
        struct call *c;

        wire_open(&w, on_silence);
        c = wire_call(&w, &(struct http_request){.path = paths[i], .timeout_ms = 60});
        wire_until_done(c);
        assert_int_equal(c->err.code, ERR_TIMEOUT);
        assert_contains(c->err.msg, "in 60 ms");
        assert_int_equal(wire_stats(&w).generations,
                         0); /* one slow answer is not a dead connection */
        wire_close(&w);
    }
}

static void test_a_deadline_holds_while_connecting(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_start(&w, &(struct server_options){.is_mute = true});
    wire_connect(&w, 0, 0);
    c = wire_call(&w, &(struct http_request){.path = "/", .timeout_ms = 60});
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_TIMEOUT);
    wire_close(&w);
}

#define IDLE_MS 600

/* A slow drip: a byte now and then keeps an idle limit away, not a deadline. */
static uv_timer_t drip_timer;
static uint64_t drips_end_ms;
static unsigned drips;

static void on_drip_due(uv_timer_t *timer)
{
    struct wire *w = timer->data;
    struct server_stream *s = server_find(w->server, "/drip");

    if (!s || clock_monotonic_ms() > drips_end_ms)
        return;
    drips++;
    server_send(s, ".", 1);
}

static void on_drip(void *ctx, struct server_stream *s, const struct server_request *r)
{
    struct wire *w = ctx;

    (void)r;
    server_reply(s, 200, "");
    drips = 0;
    drips_end_ms = clock_monotonic_ms() + IDLE_MS + 200;
    uv_timer_init(&w->loop.uv, &drip_timer);
    drip_timer.data = w;
    uv_timer_start(&drip_timer, on_drip_due, 5, 5);
}

static void test_an_idle_limit_counts_from_the_last_byte(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_drip);
    c = wire_call(&w, &(struct http_request){.path = "/drip",
                                             .is_stream = true,
                                             .idle_timeout_ms = IDLE_MS});
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_TIMEOUT);
    assert_contains(c->err.msg, "nothing came");
    assert_true(clock_monotonic_ms() > drips_end_ms); /* longer than the limit in all */
    assert_int_equal(c->body.len, drips);
    uv_close((uv_handle_t *)&drip_timer, NULL);
    wire_close(&w);
}

static void test_a_slow_drip_ends_at_the_deadline(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_drip);
    c = wire_call(&w, &(struct http_request){.path = "/drip", .is_stream = true, .timeout_ms = 60});
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_TIMEOUT);
    uv_close((uv_handle_t *)&drip_timer, NULL);
    wire_close(&w);
}

static void test_a_refused_connection_says_what_to_do(void **state)
{
    struct wire w;
    struct call *c;
    char words[128];

    (void)state;
    wire_open(&w, wire_echo);
    snprintf(words, sizeof(words),
             "connect to 127.0.0.1:%d: connection refused; is the API server running?",
             server_port(w.server));
    server_stop(w.server);
    w.server = NULL;
    c = wire_get(&w, "/");
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_UNAVAILABLE);
    assert_string_equal(c->err.msg, words);
    wire_close(&w);
}

static void test_a_host_name_that_is_none_says_so(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_start(&w, NULL);
    w.config.server = "https://no-such-host.invalid:6443"; /* RFC 6761: never resolves */
    wire_connect(&w, 0, 0);
    c = wire_get(&w, "/");
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_UNAVAILABLE);
    assert_contains(c->err.msg, "no-such-host.invalid:6443");
    wire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_collected_body_ends_at_its_ceiling),
        cmocka_unit_test(test_the_failure_of_a_stream_ends_at_the_ceiling_too),
        cmocka_unit_test(test_warnings_are_handed_over_up_to_their_ceiling),
        cmocka_unit_test(test_endless_headers_end_at_their_ceiling),
        cmocka_unit_test(test_the_ceiling_counts_what_was_unpacked),
        cmocka_unit_test(test_the_97th_exchange_is_refused_until_one_ends),
        cmocka_unit_test(test_a_request_ends_at_its_deadline),
        cmocka_unit_test(test_a_deadline_holds_while_connecting),
        cmocka_unit_test(test_an_idle_limit_counts_from_the_last_byte),
        cmocka_unit_test(test_a_slow_drip_ends_at_the_deadline),
        cmocka_unit_test(test_a_refused_connection_says_what_to_do),
        cmocka_unit_test(test_a_host_name_that_is_none_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
