/* Every exchange ends exactly once, whatever happens to it: wire_close() asserts that for each
 * call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/text.h"
#include "wire/support/wire.h"

static bool is_request_seen(struct wire *w)
{
    return server_counts(w->server)->requests > 0;
}

static bool is_connection_seen(struct wire *w)
{
    return server_counts(w->server)->connections > 0;
}

static bool is_data_seen(struct wire *w)
{
    return w->calls[0]->data_count > 0;
}

static void on_never(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    (void)s;
    (void)r;
}

static void on_some(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    if (strcmp(r->path, "/next") == 0) {
        server_answer(s, 200, "", "next");
        return;
    }
    server_reply(s, 200, "");
    server_send(s, "some", 4);
}

/* A new call works, over the connection that is there. */
static void assert_goes_on(struct wire *w, unsigned connections)
{
    struct call *next = wire_get(w, "/next");

    wire_until_done(next);
    assert_int_equal(next->err.code, ERR_NONE);
    assert_string_equal(next->body.text, "next");
    assert_int_equal(server_counts(w->server)->connections, connections);
}

static void test_cancel_before_it_was_sent(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_some);
    c = wire_get(&w, "/");
    wire_cancel(c);
    wire_cancel(c);
    assert_int_equal(c->done_count, 0);
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_CANCELED);
    assert_int_equal(c->status, 0);
    wire_cancel(c); /* done already: nothing */
    assert_int_equal(server_counts(w.server)->connections, 0);
    assert_goes_on(&w, 1);
    wire_close(&w);
}

/* Cancels after n turns of the loop: somewhere in connect, handshake, request or answer. */
static void test_cancel_after_any_number_of_turns(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 30; turns++) {
        struct wire w;
        struct call *c;

        wire_open(&w, on_some);
        c = wire_watch(&w, "/");
        wire_turns(&w, turns);
        assert_int_equal(c->done_count, 0);
        wire_cancel(c);
        assert_int_equal(c->done_count, 0);
        wire_until_done(c);
        assert_int_equal(c->err.code, ERR_CANCELED);
        wire_close(&w);
    }
}

static void test_cancel_in_handshake(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_start(&w, &(struct server_options){.is_mute = true});
    wire_connect(&w, 0, 0);
    c = wire_get(&w, "/");
    wire_until(&w, is_connection_seen);
    wire_turns(&w, 5);
    wire_cancel(c);
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_CANCELED);
    wire_close(&w);
}

static void test_cancel_before_headers(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_never);
    c = wire_get(&w, "/");
    wire_until(&w, is_request_seen);
    wire_cancel(c);
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_CANCELED);
    assert_int_equal(c->status, 0);
    wire_close(&w);
}

static void test_cancel_in_a_body_keeps_the_connection(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_some);
    c = wire_watch(&w, "/");
    wire_until(&w, is_data_seen);
    wire_cancel(c);
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_CANCELED);
    assert_goes_on(&w, 1);
    assert_int_equal(server_counts(w.server)->streams, 0); /* the server heard of it */
    wire_close(&w);
}

static void cancel_itself(struct call *c)
{
    wire_cancel(c);
}

static void cancel_the_second(struct call *c)
{
    if (c->wire->calls[1]->done_count == 0)
        wire_cancel(c->wire->calls[1]);
}

static void start_another(struct call *c)
{
    if (c->wire->calls_count < 8)
        wire_get(c->wire, "/next");
}

static void test_on_data_may_give_up(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_some);
    c = wire_watch(&w, "/");
    c->data_result = -1;
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_CANCELED);
    assert_int_equal(c->data_count, 1);
    assert_goes_on(&w, 1);
    wire_close(&w);
}

static void test_on_data_may_cancel_its_own_exchange(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_some);
    c = wire_watch(&w, "/");
    c->on_data = cancel_itself;
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_CANCELED);
    assert_int_equal(c->data_count, 1);
    assert_goes_on(&w, 1);
    wire_close(&w);
}

static void test_on_data_may_cancel_another_exchange(void **state)
{
    struct wire w;

    (void)state;
    wire_open(&w, on_some);
    wire_watch(&w, "/1")->on_data = cancel_the_second;
    wire_watch(&w, "/2");
    wire_until_done(w.calls[1]);
    assert_int_equal(w.calls[1]->err.code, ERR_CANCELED);
    assert_int_equal(w.calls[0]->done_count, 0);
    assert_goes_on(&w, 1);
    wire_close(&w);
}

static void test_on_data_and_on_done_may_start_others(void **state)
{
    struct wire w;

    (void)state;
    wire_open(&w, on_some);
    wire_watch(&w, "/")->on_data = start_another;
    wire_get(&w, "/next")->on_done = start_another;
    wire_until_done(w.calls[1]);
    assert_int_equal(w.calls_count, 4);
    wire_until_done(w.calls[2]);
    wire_until_done(w.calls[3]);
    assert_string_equal(w.calls[3]->body.text, "next");
    wire_close(&w);
}

static struct exchange again;
static unsigned again_count;

static void on_again(struct exchange *x, const struct http_response *response,
                     const struct err *err, uint64_t now_ms)
{
    struct wire *w = x->ctx;

    (void)now_ms;
    assert_null(err);
    assert_int_equal(response->status, 200);
    assert_null(x->handle);
    if (++again_count < 5)
        assert_int_equal(transport_start(http_transport(w->http),
                                         &(struct http_request){.path = "/next"}, x, NULL),
                         0);
}

static bool is_again_over(struct wire *w)
{
    (void)w;
    return again_count == 5;
}

static void test_on_done_may_start_the_same_exchange_anew(void **state)
{
    struct wire w;

    (void)state;
    wire_open(&w, on_some);
    again_count = 0;
    again = (struct exchange){.on_done = on_again, .ctx = &w};
    assert_int_equal(transport_start(http_transport(w.http),
                                     &(struct http_request){.path = "/next"}, &again, NULL),
                     0);
    wire_until(&w, is_again_over);
    wire_close(&w);
}

static void test_cancel_wins_over_an_end_that_was_not_delivered(void **state)
{
    struct wire w;
    struct call *first, *second;

    (void)state;
    wire_open(&w, on_some);
    first = wire_get(&w, "/next");
    second = wire_get(&w, "/next");
    /* Both answers may come in one read; the first delivery then cancels a second that is complete.
     */
    first->on_done = cancel_the_second;
    wire_until_all_done(&w);
    assert_int_equal(first->err.code, ERR_NONE);
    assert_true(second->err.code == ERR_CANCELED || second->err.code == ERR_NONE);
    wire_close(&w);
}

/* wire_close() stops the transport and asserts that all ended once and that the loop closes empty.
 */
static void test_stop_with_exchanges_at_every_stage(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 30; turns++) {
        struct wire w;

        wire_open(&w, on_some);
        wire_watch(&w, "/1");
        wire_get(&w, "/next");
        wire_turns(&w, turns);
        wire_get(&w, "/next");
        wire_cancel(wire_watch(&w, "/2"));
        wire_close(&w);
    }
}

static void test_stop_in_handshake(void **state)
{
    struct wire w;

    (void)state;
    wire_start(&w, &(struct server_options){.is_mute = true});
    wire_connect(&w, 0, 0);
    wire_get(&w, "/");
    wire_until(&w, is_connection_seen);
    wire_close(&w);
}

static bool is_closed;

static void on_stopped(void *ctx)
{
    struct wire *w = ctx;

    is_closed = true;
    loop_stop(&w->loop);
}

static void stop_transport(struct call *c)
{
    struct err err = {0};
    int r;

    if (!is_closed && c->ctx) {
        http_stop(c->wire->http, on_stopped, c->wire);
        c->ctx = NULL;
        assert_null(wire_try(c->wire, &(struct http_request){.path = "/late"}, &err, &r));
        assert_int_equal(err.code, ERR_CANCELED);
        server_stop(c->wire->server);
        c->wire->server = NULL;
    }
}

static void stop_from(bool is_on_data)
{
    struct wire w;
    struct call *c;

    is_closed = false;
    wire_open(&w, on_some);
    wire_watch(&w, "/1");
    c = is_on_data ? wire_watch(&w, "/2") : wire_get(&w, "/next");
    c->ctx = &w;
    if (is_on_data)
        c->on_data = stop_transport;
    else
        c->on_done = stop_transport;
    loop_run(&w.loop);
    assert_true(is_closed);
    assert_int_equal(w.calls[0]->err.code, ERR_CANCELED);
    http_free(w.http);
    w.http = NULL;
    wire_close(&w);
}

static void test_stop_from_inside_a_callback(void **state)
{
    (void)state;
    stop_from(true);
    stop_from(false);
}

static void on_ugly_end(void *ctx, struct server_stream *s, const struct server_request *r)
{
    struct wire *w = ctx;
    const char *path = r->path;

    if (strcmp(path, "/next") == 0) {
        server_answer(s, 200, "", "next");
        return;
    }
    if (strcmp(path, "/reset-first") == 0) {
        server_reset(s);
        return;
    }
    server_reply(s, 200, "");
    server_send(s, "half of", 7);
    if (strcmp(path, "/reset") == 0)
        server_reset(s);
    else if (strcmp(path, "/close") == 0 || strcmp(path, "/rst") == 0)
        server_drop(w->server, path[1] == 'r');
}

static void test_an_answer_that_breaks_off_is_an_error(void **state)
{
    static const char *const paths[] = {"/reset-first", "/reset", "/close", "/rst"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths) * 4; i++) {
        struct wire w;
        struct call *c;

        wire_start(&w,
                   &(struct server_options){.handler = on_ugly_end, .is_http1 = i / 4 % 2 == 1});
        wire_connect(&w, 0, 0);
        c = i / 8 ? wire_watch(&w, paths[i % 4]) : wire_get(&w, paths[i % 4]);
        wire_until_done(c);
        assert_int_equal(c->err.code, ERR_UNAVAILABLE);
        assert_contains(c->err.msg, "127.0.0.1:");
        c = wire_get(&w, "/next");
        wire_until_done(c);
        assert_int_equal(c->err.code, ERR_NONE);
        wire_close(&w);
    }
}

static void test_a_stream_that_ends_well_is_no_error(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_open(&w, on_some);
    c = wire_watch(&w, "/");
    wire_until(&w, is_data_seen);
    server_send(server_find(w.server, "/"), " more", 5);
    server_end(server_find(w.server, "/"));
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_NONE);
    assert_string_equal(c->body.text, "some more");
    wire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_before_it_was_sent),
        cmocka_unit_test(test_cancel_after_any_number_of_turns),
        cmocka_unit_test(test_cancel_in_handshake),
        cmocka_unit_test(test_cancel_before_headers),
        cmocka_unit_test(test_cancel_in_a_body_keeps_the_connection),
        cmocka_unit_test(test_on_data_may_give_up),
        cmocka_unit_test(test_on_data_may_cancel_its_own_exchange),
        cmocka_unit_test(test_on_data_may_cancel_another_exchange),
        cmocka_unit_test(test_on_data_and_on_done_may_start_others),
        cmocka_unit_test(test_on_done_may_start_the_same_exchange_anew),
        cmocka_unit_test(test_cancel_wins_over_an_end_that_was_not_delivered),
        cmocka_unit_test(test_stop_with_exchanges_at_every_stage),
        cmocka_unit_test(test_stop_in_handshake),
        cmocka_unit_test(test_stop_from_inside_a_callback),
        cmocka_unit_test(test_an_answer_that_breaks_off_is_an_error),
        cmocka_unit_test(test_a_stream_that_ends_well_is_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
