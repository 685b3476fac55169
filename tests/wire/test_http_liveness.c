/* Connections that die, loudly or in silence: it is noticed, everything ends, and the next request
 * finds a new one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/text.h"
#include "wire/support/wire.h"

#define QUIET_MS 200
#define PROBE_MS 200
#define PATIENT_PROBE_MS 10000 /* where the answer comes: however slow this machine is just now */

static unsigned probes;

/* Like wire_echo(), and /readyz is counted. */
static void on_request(void *ctx, struct server_stream *s, const struct server_request *r)
{
    probes += strcmp(r->path, "/readyz") == 0;
    wire_echo(ctx, s, r);
}

static void on_request_without_readyz(void *ctx, struct server_stream *s,
                                      const struct server_request *r)
{
    if (strcmp(r->path, "/readyz") == 0) {
        probes++;
        server_answer(s, 403, "", "forbidden");
    } else {
        on_request(ctx, s, r);
    }
}

static void open_impatient(struct wire *w, const struct server_options *options, uint32_t probe_ms)
{
    probes = 0;
    wire_start(w, options);
    wire_connect(w, QUIET_MS, probe_ms);
}

static bool has_12_streams(struct wire *w)
{
    return server_counts(w->server)->streams == 12;
}

static void open_12_watches(struct wire *w)
{
    for (int i = 0; i < 12; i++)
        wire_watch(w, "/watch");
    wire_until(w, has_12_streams);
}

static void assert_works(struct wire *w)
{
    struct call *c = wire_get(w, "/works");

    wire_until_done(c);
    if (c->err.code != ERR_NONE)
        fail_msg("%s", c->err.msg);
    assert_string_equal(c->body.text, "/works");
}

static void test_a_black_hole_is_noticed_and_a_new_connection_works(void **state)
{
    (void)state;
    for (int is_http1 = 0; is_http1 < 2; is_http1++) {
        struct wire w;

        open_impatient(&w, &(struct server_options){.handler = on_request, .is_http1 = is_http1},
                       PROBE_MS);
        open_12_watches(&w);
        server_freeze(w.server, true);
        wire_until_all_done(&w);
        for (unsigned i = 0; i < 12; i++) {
            assert_int_equal(w.calls[i]->err.code, ERR_UNAVAILABLE);
            assert_contains(w.calls[i]->err.msg, "lost: it went silent");
        }
        assert_int_equal(wire_stats(&w).generations, 1);
        assert_contains(w.log_text.text, "connection given up");
        server_drop(w.server, false);
        server_freeze(w.server, false);
        assert_works(&w);
        wire_close(&w);
    }
}

static void test_a_request_sent_into_a_black_hole_ends_too(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    open_impatient(&w, &(struct server_options){.handler = on_request}, PROBE_MS);
    assert_works(&w);
    server_freeze(w.server, true);
    c = wire_get(&w, "/swallowed");
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_UNAVAILABLE);
    server_freeze(w.server, false);
    assert_works(&w);
    wire_close(&w);
}

static bool has_probed_thrice(struct wire *w)
{
    (void)w;
    return probes >= 3;
}

static void test_a_quiet_connection_is_probed_and_kept(void **state)
{
    struct wire w;

    (void)state;
    open_impatient(&w, &(struct server_options){.handler = on_request}, PATIENT_PROBE_MS);
    open_12_watches(&w);
    wire_until(&w, has_probed_thrice);
    assert_false(w.calls[0]->done_count > 0);
    assert_int_equal(wire_stats(&w).generations, 0);
    assert_int_equal(wire_stats(&w).requests, 12); /* probes are nobody's requests */
    assert_int_equal(server_counts(w.server)->connections, 1);
    wire_close(&w);
}

static void test_any_answer_to_a_probe_is_a_sign_of_life(void **state)
{
    struct wire w;

    (void)state;
    open_impatient(&w, &(struct server_options){.handler = on_request_without_readyz},
                   PATIENT_PROBE_MS);
    open_12_watches(&w);
    wire_until(&w, has_probed_thrice);
    assert_int_equal(wire_stats(&w).generations, 0);
    wire_close(&w);
}

static void test_nothing_in_flight_is_not_probed(void **state)
{
    struct wire w;
    uint64_t end_ms;

    (void)state;
    open_impatient(&w, &(struct server_options){.handler = on_request}, PATIENT_PROBE_MS);
    assert_works(&w);
    end_ms = clock_monotonic_ms() + 3 * QUIET_MS;
    while (clock_monotonic_ms() < end_ms)
        wire_turns(&w, 1);
    assert_int_equal(probes, 0);
    wire_close(&w);
}

static void test_requests_survive_a_goaway(void **state)
{
    struct wire w;

    (void)state;
    wire_open(&w, on_request);
    open_12_watches(&w);
    server_goaway(w.server);
    for (int i = 0; i < 3; i++)
        assert_works(&w);
    assert_int_equal(server_counts(w.server)->connections, 2);
    for (int i = 0; i < 12; i++)
        assert_int_equal(w.calls[i]->done_count, 0); /* the old streams go on */
    wire_close(&w);
}

static bool has_watches_only(struct wire *w)
{
    return wire_stats(w).in_flight == 12;
}

/* libcurl 7.88.1 does not wait for a connection beside one that is being wound up: each of these
 * may open its own. That is bounded and passes; what counts is that nothing is lost. */
static void test_many_requests_at_once_survive_a_goaway(void **state)
{
    struct wire w;

    (void)state;
    wire_open(&w, on_request);
    open_12_watches(&w);
    server_goaway(w.server);
    for (int i = 0; i < 16; i++)
        wire_get(&w, "/get");
    wire_until(&w, has_watches_only);
    for (unsigned i = 12; i < w.calls_count; i++)
        assert_int_equal(w.calls[i]->err.code, ERR_NONE);
    assert_true(server_counts(w.server)->connections <= 17);
    wire_close(&w);
}

static void test_a_server_that_restarts_is_found_again(void **state)
{
    struct wire w;
    int port;

    (void)state;
    wire_open(&w, on_request);
    open_12_watches(&w);
    port = server_port(w.server);
    server_stop(w.server);
    wire_until_all_done(&w);
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(w.calls[i]->err.code, ERR_UNAVAILABLE);
    w.server = server_start(&w.loop.uv, &(struct server_options){.port = port,
                                                                 .identity = &w.identity,
                                                                 .handler = on_request,
                                                                 .ctx = &w});
    assert_non_null(w.server);
    assert_works(&w);
    open_12_watches(&w);
    assert_int_equal(server_counts(w.server)->connections, 1);
    assert_int_equal(wire_stats(&w).generations, 0); /* a loud death needs no new generation */
    wire_close(&w);
}

static void test_dropped_connections_end_everything_once(void **state)
{
    (void)state;
    for (int is_reset = 0; is_reset < 2; is_reset++) {
        struct wire w;

        wire_open(&w, on_request);
        open_12_watches(&w);
        server_drop(w.server, is_reset);
        wire_until_all_done(&w);
        for (unsigned i = 0; i < 12; i++)
            assert_int_equal(w.calls[i]->err.code, ERR_UNAVAILABLE);
        assert_works(&w);
        wire_close(&w);
    }
}

static unsigned on_first_drop;

static void on_drop_once(void *ctx, struct server_stream *s, const struct server_request *r)
{
    struct wire *w = ctx;

    if (strcmp(r->path, "/twice") == 0 && on_first_drop++ == 0)
        server_drop(w->server, false);
    else
        on_request(ctx, s, r);
}

/* Said in the header: over HTTP/1.1 a write may reach the server twice. */
static void test_a_used_connection_that_dies_unanswered_is_retried_by_http_1_1_only(void **state)
{
    (void)state;
    for (int is_http1 = 0; is_http1 < 2; is_http1++) {
        struct wire w;
        struct call *c;

        on_first_drop = 0;
        wire_start(&w, &(struct server_options){.handler = on_drop_once, .is_http1 = is_http1});
        wire_connect(&w, 0, 0);
        assert_works(&w);
        c = wire_call(&w, &(struct http_request){
                              .method = HTTP_POST, .path = "/twice", .body = "{}", .body_len = 2});
        wire_until_done(c);
        assert_int_equal(c->err.code, is_http1 ? ERR_NONE : ERR_UNAVAILABLE);
        assert_int_equal(on_first_drop, is_http1 ? 2 : 1);
        wire_close(&w);
    }
}

static void test_more_streams_than_the_server_allows_still_all_run(void **state)
{
    struct wire w;

    (void)state;
    wire_start(&w, &(struct server_options){.handler = on_request, .max_streams = 4});
    wire_connect(&w, 0, 0);
    for (int i = 0; i < 40; i++)
        wire_get(&w, "/get");
    wire_until_all_done(&w);
    for (int i = 0; i < 40; i++)
        assert_int_equal(w.calls[i]->err.code, ERR_NONE);
    wire_close(&w);
}

static bool has_first_stream(struct wire *w)
{
    return server_counts(w->server)->streams == 1;
}

static bool was_renewed(struct wire *w)
{
    return wire_stats(w).generations > 0;
}

/* The probe is made of memory, too. */
static void test_a_probe_that_could_not_be_sent_is_sent_later(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    open_impatient(&w, &(struct server_options){.handler = on_request}, PROBE_MS);
    c = wire_watch(&w, "/watch");
    wire_until(&w, has_first_stream);
    server_freeze(w.server, true);
    mem_fail_nth(0); /* nothing else happens before the probe is due */
    wire_until(&w, was_renewed);
    assert_true(mem_fail_disarm());
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_UNAVAILABLE);
    server_freeze(w.server, false);
    assert_works(&w);
    wire_close(&w);
}

static bool has_two_connections(struct wire *w)
{
    return wire_stats(w).connections == 2;
}

/* What the old connection was asked for says nothing of the new one: a probe that was under way
 * when libcurl was out of memory does not have the next connection given up as well. */
static void test_a_probe_of_the_connection_before_is_no_reason_to_give_up_this_one(void **state)
{
    unsigned renewals = 0;

    (void)state;
    for (unsigned nth = 0; nth < 12; nth++) {
        struct wire w;
        struct call *watch;

        open_impatient(&w, &(struct server_options){.handler = on_request, .is_http1 = true},
                       PATIENT_PROBE_MS);
        watch = wire_watch(&w, "/watch");
        wire_until(&w, has_first_stream);
        server_freeze(w.server, true);
        wire_until(&w, has_two_connections); /* the second one is the probe's */
        (void)wire_get(&w, "/third");
        mem_fail_nth(nth); /* somewhere in its connection */
        wire_turns(&w, 50);
        (void)mem_fail_disarm();
        assert_true(wire_stats(&w).generations <= 1);
        renewals += wire_stats(&w).generations == 1;
        if (wire_stats(&w).generations == 1)
            assert_int_equal(watch->err.code, ERR_UNAVAILABLE);
        wire_close(&w);
    }
    assert_true(renewals > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_black_hole_is_noticed_and_a_new_connection_works),
        cmocka_unit_test(test_a_request_sent_into_a_black_hole_ends_too),
        cmocka_unit_test(test_a_quiet_connection_is_probed_and_kept),
        cmocka_unit_test(test_any_answer_to_a_probe_is_a_sign_of_life),
        cmocka_unit_test(test_nothing_in_flight_is_not_probed),
        cmocka_unit_test(test_requests_survive_a_goaway),
        cmocka_unit_test(test_many_requests_at_once_survive_a_goaway),
        cmocka_unit_test(test_a_server_that_restarts_is_found_again),
        cmocka_unit_test(test_dropped_connections_end_everything_once),
        cmocka_unit_test(test_a_used_connection_that_dies_unanswered_is_retried_by_http_1_1_only),
        cmocka_unit_test(test_more_streams_than_the_server_allows_still_all_run),
        cmocka_unit_test(test_a_probe_that_could_not_be_sent_is_sent_later),
        cmocka_unit_test(test_a_probe_of_the_connection_before_is_no_reason_to_give_up_this_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
