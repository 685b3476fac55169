/*
 * One watch over the wire, its bytes torn apart and stuck together in every way (fault 13): the
 * same events come out, in the same order, and each byte costs the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/sync/informer.h"
#include "support/api_text.h"
#include "support/text.h"
#include "unit/sync_store.h"
#include "wire/support/wire.h"

#define MIB (1u << 20)

struct feed {
    struct wire wire; /* first */
    struct store_trace cache;
    struct watch_server server;
    struct rng rng;
    struct informer *informer;
    struct server_stream *watch; /* the server's end of the running one; NULL: none */
    uint64_t until_bytes;        /* received by the client */
    unsigned watches;
};

static uint64_t step(struct wire *w, uint64_t now_ms)
{
    struct feed *f = (struct feed *)w;

    if (!f->informer)
        return UINT64_MAX;
    informer_step(f->informer, now_ms);
    return informer_deadline(f->informer);
}

static void on_request(void *ctx, struct server_stream *s, const struct server_request *r)
{
    struct feed *f = ctx;

    if (!strstr(r->path, "watch=true")) {
        server_answer(s, 200, "", api_list("", 10, NULL));
        return;
    }
    server_reply(s, 200, "content-type: application/json\r\n");
    f->watch = s;
    f->watches++;
}

static bool is_watching(struct wire *w)
{
    return ((struct feed *)w)->watch != NULL;
}

static void feed_open(struct feed *f, bool is_http1)
{
    struct informer_options options = {.kind = KIND_NETWORK_POLICY,
                                       .server = &f->server,
                                       .rng = &f->rng};
    struct err err = {0};

    memset(f, 0, sizeof(*f));
    wire_start(&f->wire, &(struct server_options){.handler = on_request, .is_http1 = is_http1});
    wire_connect(&f->wire, 0, 0);
    trace_init(&f->cache, KIND_NETWORK_POLICY, 100);
    rng_init(&f->rng, 1);
    f->server.has_refused_watch_list = true;
    options.store = f->cache.store;
    options.transport = http_transport(f->wire.http);
    options.log = &f->wire.log;
    f->informer = informer_new(&options, &err);
    assert_non_null(f->informer);
    f->wire.step = step;
    wire_until(&f->wire, is_watching);
}

static void feed_close(struct feed *f)
{
    struct informer *informer = f->informer;

    informer_stop(informer);
    wire_close(&f->wire);
    assert_true(informer_is_stopped(informer));
    informer_free(informer);
    trace_done(&f->cache);
}

static bool has_arrived(struct wire *w)
{
    return wire_stats(w).bytes_received >= ((struct feed *)w)->until_bytes;
}

/* One piece, in a frame and a TLS record of its own, read before the next one is sent. */
static void push(struct feed *f, const char *bytes, size_t len)
{
    if (len == 0)
        return;
    f->until_bytes = wire_stats(&f->wire).bytes_received + len;
    server_send(f->watch, bytes, len);
    wire_until(&f->wire, has_arrived);
}

/* Five events and what may stand between them; @ret_told is what the cache says of them. */
static char *stream_text(unsigned rv, char ret_told[256])
{
    char *text = NULL;

    assert_true(asprintf(&text, "%s\r\n%s%s\n\n \t\n%s%s%s", api_event("ADDED", "shop", "a", rv),
                         api_event("ADDED", "shop", "b", rv + 1),
                         api_event("MODIFIED", "shop", "a", rv + 2), api_bookmark(rv + 3, NULL),
                         api_event("DELETED", "shop", "b", rv + 4),
                         api_event("DELETED", "shop", "a", rv + 5)) > 0);
    (void)snprintf(ret_told, 256, "+shop/a@%u +shop/b@%u ~shop/a@%u>%u -shop/b@%u -shop/a@%u ", rv,
                   rv + 1, rv, rv + 2, rv + 1, rv + 2);
    return text;
}

static void every_split(bool is_http1)
{
    struct feed f;
    size_t len = 1;
    unsigned rv = 1000;

    feed_open(&f, is_http1);
    for (size_t at = 0; at <= len; at++, rv += 10) {
        char expected[256];
        char *text = stream_text(rv, expected);

        len = strlen(text);
        push(&f, text, at);
        push(&f, text + at, len - at);
        told(&f.cache, expected);
        free(text);
    }
    assert_int_equal(f.watches, 1);
    feed_close(&f);
}

static void test_a_watch_reads_the_same_wherever_its_frames_end(void **state)
{
    (void)state;
    every_split(false);
}

static void test_a_watch_reads_the_same_wherever_its_chunks_end_in_http_1_1(void **state)
{
    (void)state;
    every_split(true);
}

static void test_a_watch_reads_the_same_byte_by_byte(void **state)
{
    (void)state;
    for (int is_http1 = 0; is_http1 < 2; is_http1++) {
        char expected[256];
        char *text = stream_text(1000, expected);
        struct feed f;

        feed_open(&f, is_http1);
        for (size_t at = 0; text[at]; at++)
            push(&f, text + at, 1);
        told(&f.cache, expected);
        feed_close(&f);
        free(text);
    }
}

static void test_many_events_in_one_frame_are_many_events(void **state)
{
    struct feed f;
    struct informer_stats stats;
    AUTO_STRBUF text;

    (void)state;
    feed_open(&f, false);
    strbuf_init(&text, 4 * MIB);
    for (unsigned rv = 100; rv < 1100; rv++) /* more than a frame, a record and a buffer hold */
        strbuf_adds(&text, api_event("MODIFIED", "shop", rv % 2 ? "a" : "b", rv));
    push(&f, text.text, text.len);
    informer_get_stats(f.informer, &stats);
    assert_int_equal(stats.events, 1000);
    holds(f.cache.store, NULL, "shop/a@1099 shop/b@1098 ");
    feed_close(&f);
}

/* @len bytes of an annotation that nobody keeps, in front of what is kept. */
static char *large_event(unsigned rv, size_t len)
{
    char *filler = text_repeat("<\\u0000\\\\ ", len / 10), *text = NULL;

    assert_true(asprintf(&text,
                         "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"NetworkPolicy\","
                         "\"metadata\":{\"annotations\":{\"x\":\"%s\"},\"name\":\"a\","
                         "\"namespace\":\"shop\",\"uid\":\"u\",\"resourceVersion\":\"%u\"},"
                         "\"spec\":{\"podSelector\":{}}}}\n",
                         filler, rv) > 0);
    free(filler);
    return text;
}

static void test_an_event_of_3_mib_is_an_event_like_others(void **state)
{
    static const size_t pieces[] = {4 * MIB, 16384, 1000, 333};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        char *text = large_event(50, 3 * MIB);
        size_t len = strlen(text);
        struct feed f;

        feed_open(&f, false);
        for (size_t at = 0; at < len; at += pieces[i])
            push(&f, text + at, len - at < pieces[i] ? len - at : pieces[i]);
        told(&f.cache, "+shop/a@50 ");
        feed_close(&f);
        free(text);
    }
}

/* Blocks of memory asked for while an event of @len bytes comes in pieces of 1,000. What the bytes
 * themselves cost is counted in test_json_slice_work. */
static uint64_t allocations_for(struct feed *f, unsigned rv, size_t len)
{
    char *text = large_event(rv, len);
    uint64_t before = mem_allocs();

    len = strlen(text);
    for (size_t at = 0; at < len; at += 1000)
        push(f, text + at, len - at < 1000 ? len - at : 1000);
    free(text);
    return mem_allocs() - before;
}

static void test_a_larger_event_takes_no_more_allocations(void **state)
{
    struct feed f;
    uint64_t small, large;

    (void)state;
    feed_open(&f, false);
    (void)allocations_for(&f, 99, 1000); /* buffers that stay */
    small = allocations_for(&f, 100, 10000);
    large = allocations_for(&f, 101, 1 * MIB);
    assert_true(large <= small + 2);
    holds(f.cache.store, NULL, "shop/a@101 ");
    feed_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_watch_reads_the_same_wherever_its_frames_end),
        cmocka_unit_test(test_a_watch_reads_the_same_wherever_its_chunks_end_in_http_1_1),
        cmocka_unit_test(test_a_watch_reads_the_same_byte_by_byte),
        cmocka_unit_test(test_many_events_in_one_frame_are_many_events),
        cmocka_unit_test(test_an_event_of_3_mib_is_an_event_like_others),
        cmocka_unit_test(test_a_larger_event_takes_no_more_allocations),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
