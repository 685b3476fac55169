/*
 * Connections that break in every way at every moment of the first conversation: GOAWAY, FIN, RST,
 * half-close, bytes that are no TLS, frames that are no HTTP/2, a stream reset (fault 15). What was
 * under way is tried again, and the server sees the same writes as without.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "support/text.h"
#include "wire/support/spine.h"

enum moment { BEFORE = 0, HALF_WAY, AFTER, MOMENT_COUNT };

struct blow {
    const char *name;
    void (*strike)(struct spine *sp, struct server_stream *s);
    bool is_gentle; /* what is under way is still answered */
    bool is_http2_only;
    const struct spine *spine;
    enum moment moment;
    unsigned at;   /* strikes at the request of that number */
    unsigned seen; /* requests so far */
    unsigned struck;
};

static void goaway(struct spine *sp, struct server_stream *s)
{
    (void)s;
    server_goaway(sp->wire.server);
}

static void fin(struct spine *sp, struct server_stream *s)
{
    (void)s;
    server_drop(sp->wire.server, false);
}

static void rst(struct spine *sp, struct server_stream *s)
{
    (void)s;
    server_drop(sp->wire.server, true);
}

static void half_close(struct spine *sp, struct server_stream *s)
{
    (void)s;
    server_half_close(sp->wire.server);
}

static void no_tls(struct spine *sp, struct server_stream *s)
{
    (void)s;
    server_spoil(sp->wire.server, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
}

/* A fatal alert in the clear: handshake_failure. */
static void tls_alert(struct spine *sp, struct server_stream *s)
{
    (void)s;
    server_spoil(sp->wire.server, "\x15\x03\x03\x00\x02\x02\x28", 7);
}

/* A frame of 16 MiB. */
static void no_frame(struct spine *sp, struct server_stream *s)
{
    (void)sp;
    server_raw(s, "\xff\xff\xff\x00\x01\x00\x00\x00\x01", 9);
}

/* DATA of a stream that nobody opened. */
static void wrong_stream(struct spine *sp, struct server_stream *s)
{
    (void)sp;
    server_raw(s, "\x00\x00\x01\x00\x00\x00\x00\x0f\xff!", 10);
}

static void reset_stream(struct spine *sp, struct server_stream *s)
{
    (void)sp;
    server_reset(s);
}

static const struct blow blows[] = {
    {.name = "GOAWAY", .strike = goaway, .is_gentle = true, .is_http2_only = true},
    {.name = "FIN", .strike = fin},
    {.name = "RST", .strike = rst},
    {.name = "half-close", .strike = half_close},
    {.name = "no TLS", .strike = no_tls},
    {.name = "TLS alert", .strike = tls_alert},
    {.name = "no frame", .strike = no_frame, .is_http2_only = true},
    {.name = "wrong stream", .strike = wrong_stream, .is_http2_only = true},
    {.name = "RST_STREAM", .strike = reset_stream, .is_http2_only = true},
};

static bool strike(struct api *api, struct server_stream *s, const struct server_request *r,
                   const struct api_target *target)
{
    static const char half[] = "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Namesp";
    struct blow *b = api->ctx;
    struct spine *sp = (struct spine *)(uintptr_t)b->spine;

    if (++b->seen != b->at)
        return false;
    b->struck++;
    if (b->moment == HALF_WAY && strcmp(r->method, "GET") == 0 && target->is_watch) {
        server_reply(s, 200, "content-type: application/json\r\n");
        server_send(s, half, sizeof(half) - 1);
        if (b->is_gentle)
            server_end(s);
        b->strike(sp, s);
        return true;
    }
    if (b->moment == AFTER || b->is_gentle) {
        /* A stream that is answered is no more. */
        if (b->strike == reset_stream || b->strike == no_frame || b->strike == wrong_stream)
            return false;
        api_serve(api, s, r);
        b->strike(sp, s);
        return true;
    }
    b->strike(sp, s);
    return true;
}

static bool is_past(struct spine *sp)
{
    const struct blow *b = sp->api.ctx;

    return (b->struck > 0 || b->seen < b->at) && spine_is_settled(sp);
}

/* One conversation with one blow at request @at; false when it was over before the blow fell. */
static bool beat_once(struct blow b, unsigned at, bool is_http1)
{
    struct spine sp;
    unsigned connections;

    spine_start(&sp, &(struct server_options){.is_http1 = is_http1});
    b.at = at;
    b.spine = &sp;
    sp.api.misbehave = strike;
    sp.api.ctx = &b;
    spine_connect(&sp, 0, 0);
    spine_until(&sp, is_past);
    spine_assert_end_state(&sp);
    connections = server_counts(sp.wire.server)->connections;
    if (sp.requests > 100 || connections > sp.requests)
        fail_msg("%s at request %u: %u requests over %u connections", b.name, at, sp.requests,
                 connections);
    spine_close(&sp);
    return b.struck > 0;
}

/* At every second request from @from to @to; @to 0: until the conversation is over. */
static void beat(enum moment moment, unsigned from, unsigned to, bool is_http1)
{
    for (size_t i = 0; i < COUNT_OF(blows); i++) {
        struct blow b = blows[i];
        unsigned at = from;

        b.moment = moment;
        if (is_http1 && b.is_http2_only)
            continue;
        while ((to == 0 || at <= to) && beat_once(b, at, is_http1))
            at += 2;
        assert_true(at > KIND_WATCHED_COUNT);
    }
}

static void test_a_connection_may_break_before_any_answer(void **state)
{
    (void)state;
    beat(BEFORE, 1, 0, false);
}

static void test_a_connection_may_break_in_any_answer(void **state)
{
    (void)state;
    beat(HALF_WAY, 1, KIND_WATCHED_COUNT, false);
}

/* A write was carried out, and its answer is lost: nothing is created twice. */
static void test_a_connection_may_break_after_any_write(void **state)
{
    (void)state;
    beat(AFTER, KIND_WATCHED_COUNT + 1, 0, false);
    beat(AFTER, KIND_WATCHED_COUNT + 2, 0, false);
}

static void test_connections_of_http_1_1_may_break_as_well(void **state)
{
    (void)state;
    beat(HALF_WAY, 1, 0, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_may_break_before_any_answer),
        cmocka_unit_test(test_a_connection_may_break_in_any_answer),
        cmocka_unit_test(test_a_connection_may_break_after_any_write),
        cmocka_unit_test(test_connections_of_http_1_1_may_break_as_well),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
