#include "wire/support/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t on_turn(void *ctx, uint64_t now_ms)
{
    struct wire *w = ctx;
    uint64_t next_ms = w->step ? w->step(w, now_ms) : UINT64_MAX;

    w->turns++;
    if (!w->until)
        return next_ms;
    w->is_met = w->until(w);
    if (w->is_met || now_ms >= w->give_up_ms)
        uv_stop(&w->loop.uv);
    return next_ms < w->give_up_ms ? next_ms : w->give_up_ms;
}

static void on_line(void *ctx, const char *line, size_t len)
{
    struct wire *w = ctx;

    strbuf_add(&w->log_text, line, len);
}

static int64_t on_clock(void *ctx)
{
    (void)ctx;
    return clock_wall_ms();
}

void wire_start(struct wire *w, const struct server_options *options)
{
    struct server_options o = options ? *options : (struct server_options){0};
    struct err err = {0};

    memset(w, 0, sizeof(*w));
    assert_int_equal(loop_init(&w->loop, on_turn, NULL, w, &err), 0);
    strbuf_init(&w->log_text, 1u << 24);
    w->log = (struct log){.level = LOG_DEBUG, .sink = on_line, .clock = on_clock, .ctx = w};
    pki_make(&(struct pki_request){.name = "test CA"}, &w->ca);
    pki_make(&(struct pki_request){.name = "another CA"}, &w->other_ca);
    pki_make(&(struct pki_request){.name = "server",
                                   .san = "IP:127.0.0.1,IP:::1,DNS:localhost",
                                   .ca = &w->ca},
             &w->identity);
    if (!o.identity)
        o.identity = &w->identity;
    o.ctx = o.ctx ? o.ctx : w;
    w->server = server_start(&w->loop.uv, &o);
    assert_non_null(w->server);
    snprintf(w->server_url, sizeof(w->server_url),
             o.host && strchr(o.host, ':') ? "https://[%s]:%d" : "https://%s:%d",
             o.host ? o.host : "127.0.0.1", server_port(w->server));
    w->config = (struct client_config){.server = w->server_url,
                                       .ca_data = w->ca.cert,
                                       .token = "sesame",
                                       .source = "the test's configuration"};
}

void wire_connect_with(struct wire *w, const struct http_options *options)
{
    struct http_options o = *options;
    struct err err = {0};

    o.loop = &w->loop;
    o.config = &w->config;
    o.log = &w->log;
    o.user_agent = "rampart/test";
    w->http = http_new(&o, &err);
    if (!w->http)
        fail_msg("http_new: %s", err.msg);
}

void wire_connect(struct wire *w, uint32_t quiet_ms, uint32_t probe_ms)
{
    wire_connect_with(w, &(struct http_options){.quiet_ms = quiet_ms, .probe_ms = probe_ms});
}

void wire_open(struct wire *w, server_handler_fn handler)
{
    wire_start(w, &(struct server_options){.handler = handler});
    wire_connect(w, 0, 0);
}

static void on_http_stopped(void *ctx)
{
    struct wire *w = ctx;

    assert_false(w->is_stopped);
    w->is_stopped = true;
    loop_stop(&w->loop);
}

void wire_close(struct wire *w)
{
    if (w->http)
        http_stop(w->http, on_http_stopped, w);
    else
        loop_stop(&w->loop);
    if (w->server)
        server_stop(w->server);
    w->until = NULL;
    loop_run(&w->loop);
    assert_int_equal(loop_done(&w->loop), 0);
    if (w->http)
        assert_true(w->is_stopped);
    http_free(w->http);
    for (unsigned i = 0; i < w->calls_count; i++) {
        struct call *c = w->calls[i];

        if (c->done_count != 1)
            fail_msg("%s ended %u times", c->path, c->done_count);
        assert_false(c->was_reentrant);
        assert_int_equal(c->data_late_count, 0);
        assert_null(c->x.handle);
        assert_null(strstr(c->err.msg, "sesame"));
        strbuf_done(&c->body);
        free(c);
    }
    assert_null(strstr(w->log_text.text, "sesame"));
    strbuf_done(&w->log_text);
    pki_done(&w->ca);
    pki_done(&w->other_ca);
    pki_done(&w->identity);
}

static int on_data(struct exchange *x, const char *bytes, size_t len, uint64_t now_ms)
{
    struct call *c = x->ctx;

    assert_true(now_ms > 0);
    if (c->done_count > 0)
        c->data_late_count++;
    c->data_count++;
    strbuf_add(&c->body, bytes, len);
    if (c->on_data)
        c->on_data(c);
    return c->data_result;
}

static void on_done(struct exchange *x, const struct http_response *response, const struct err *err,
                    uint64_t now_ms)
{
    struct call *c = x->ctx;

    assert_true(now_ms > 0);
    c->done_count++;
    c->was_reentrant = c->was_reentrant || c->wire->is_in_call;
    c->err = err ? *err : (struct err){0};
    c->status = response->status;
    assert_int_equal(strlen(response->body), response->body_len);
    if (response->warnings)
        snprintf(c->warnings, sizeof(c->warnings), "%s", response->warnings);
    if (response->retry_after)
        snprintf(c->retry_after, sizeof(c->retry_after), "%s", response->retry_after);
    strbuf_add(&c->body, response->body, response->body_len);
    if (c->on_done)
        c->on_done(c);
}

struct call *wire_try(struct wire *w, const struct http_request *request, struct err *err,
                      int *ret_r)
{
    struct call *c = calloc(1, sizeof(*c));
    bool was_in_call = w->is_in_call;

    assert_true(w->calls_count < WIRE_CALLS_MAX);
    c->wire = w;
    c->x = (struct exchange){.on_data = request->is_stream ? on_data : NULL,
                             .on_done = on_done,
                             .ctx = c};
    snprintf(c->path, sizeof(c->path), "%s", request->path);
    strbuf_init(&c->body, 64u << 20);
    w->is_in_call = true;
    *ret_r = transport_start(http_transport(w->http), request, &c->x, err);
    w->is_in_call = was_in_call;
    if (*ret_r < 0) {
        assert_null(c->x.handle);
        free(c);
        return NULL;
    }
    w->calls[w->calls_count++] = c;
    return c;
}

struct call *wire_call(struct wire *w, const struct http_request *request)
{
    struct err err = {0};
    int r;
    struct call *c = wire_try(w, request, &err, &r);

    if (!c)
        fail_msg("%s: %s", request->path, err.msg);
    return c;
}

struct call *wire_get(struct wire *w, const char *path)
{
    return wire_call(w, &(struct http_request){.path = path});
}

struct call *wire_watch(struct wire *w, const char *path)
{
    return wire_call(w, &(struct http_request){.path = path, .is_stream = true});
}

void wire_cancel(struct call *c)
{
    c->wire->is_in_call = true;
    transport_cancel(http_transport(c->wire->http), &c->x);
    c->wire->is_in_call = false;
}

void wire_until(struct wire *w, bool (*until)(struct wire *w))
{
    w->until = until;
    w->is_met = false;
    w->give_up_ms = clock_monotonic_ms() + WIRE_PATIENCE_MS;
    loop_run(&w->loop);
    w->until = NULL;
    if (!w->is_met)
        fail_msg("what the test waits for did not happen; log: %s", w->log_text.text);
}

static struct call *awaited;

static bool is_awaited_done(struct wire *w)
{
    (void)w;
    return awaited->done_count > 0;
}

void wire_until_done(struct call *c)
{
    awaited = c;
    wire_until(c->wire, is_awaited_done);
}

bool wire_all_done(struct wire *w)
{
    for (unsigned i = 0; i < w->calls_count; i++) {
        if (w->calls[i]->done_count == 0)
            return false;
    }
    return true;
}

void wire_until_all_done(struct wire *w)
{
    wire_until(w, wire_all_done);
}

void wire_turns(struct wire *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        uv_run(&w->loop.uv, UV_RUN_NOWAIT);
}

bool wire_has_ipv6(void)
{
    struct sockaddr_in6 addr;
    uv_loop_t loop;
    uv_tcp_t probe;
    int r;

    uv_loop_init(&loop);
    uv_tcp_init(&loop, &probe);
    uv_ip6_addr("::1", 0, &addr);
    r = uv_tcp_bind(&probe, (struct sockaddr *)&addr, 0);
    uv_close((uv_handle_t *)&probe, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return r == 0;
}

struct http_stats wire_stats(const struct wire *w)
{
    struct http_stats stats;

    http_get_stats(w->http, &stats);
    return stats;
}

void wire_echo(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    if (strstr(r->path, "/watch"))
        server_reply(s, 200, "content-type: application/json\r\n");
    else
        server_answer(s, 200, "content-type: application/json\r\n", r->path);
}
