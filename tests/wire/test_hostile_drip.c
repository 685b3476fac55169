/*
 * Servers that are slow on purpose: a byte now and then, never an end. Whatever waits for them
 * gives up in its time and asks again, the other watches go on, and what comes slowly but comes is
 * taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/alloc.h"
#include "rampart/json/decode.h"
#include "support/text.h"
#include "wire/support/spine.h"

struct drip {
    unsigned left;                /* requests for policies that are to be dripped at */
    bool is_list;                 /* lists are; else watches */
    bool has_no_end;              /* white space for ever; else the answer itself, byte by byte */
    unsigned every_ms;            /* of the operator's clock */
    struct server_stream *stream; /* NULL: none just now */
    struct strbuf text;           /* what it gets */
    size_t at;
    unsigned drops;
};

static void forget(void *ctx, struct server_stream *s, const struct server_request *r)
{
    struct server_stream **found = ctx;

    (void)r;
    if (*found == s)
        *found = NULL;
}

/* Whether the client is still there for it. */
static bool is_open(struct spine *sp, struct server_stream *s)
{
    struct server_stream *missing = s;

    server_each(sp->wire.server, forget, &missing);
    return !missing;
}

static bool on_request(struct api *api, struct server_stream *s, const struct server_request *r,
                       const struct api_target *target)
{
    struct spine *sp = api->ctx;
    struct drip *d = sp->ctx;

    if (strcmp(r->method, "GET") != 0 || target->kind != KIND_NETWORK_POLICY || d->left == 0 ||
        target->is_watch == d->is_list)
        return false;
    d->left--;
    server_reply(s, 200, "content-type: application/json\r\n");
    d->stream = s;
    d->at = 0;
    return true;
}

static void drop(struct spine *sp, struct drip *d)
{
    if (!d->stream || !is_open(sp, d->stream)) {
        d->stream = NULL;
        return;
    }
    sp->ahead_ms += d->every_ms;
    d->drops++;
    if (d->has_no_end)
        server_send(d->stream, " ", 1);
    else if (d->at < d->text.len)
        server_send(d->stream, d->text.text + d->at++, 1);
}

static bool is_settled(struct spine *sp)
{
    struct drip *d = sp->ctx;

    drop(sp, d);
    return d->left == 0 && (!d->stream || !d->has_no_end) && spine_is_settled(sp);
}

/* All of it has arrived. */
static bool is_dripped(struct spine *sp)
{
    struct drip *d = sp->ctx;

    drop(sp, d);
    return d->at > 0 && d->at == d->text.len &&
           store_count(cluster_store(manager_cluster(sp->manager), KIND_NAMESPACE)) > 0 &&
           cluster_has_synced(manager_cluster(sp->manager));
}

static void begin(struct spine *sp, struct drip *d)
{
    spine_start(sp, NULL);
    sp->ctx = d;
    sp->api.ctx = sp;
    sp->api.misbehave = on_request;
    strbuf_init(&d->text, 1u << 20);
}

static void finish(struct spine *sp, struct drip *d)
{
    spine_assert_end_state(sp);
    strbuf_done(&d->text);
    spine_close(sp);
}

/* A minute for the initial events, whatever keeps coming. */
static void test_a_watch_that_drips_without_end_gives_way_to_a_list(void **state)
{
    struct drip d = {.left = 1, .has_no_end = true, .every_ms = 1000};
    struct spine sp;

    (void)state;
    begin(&sp, &d);
    spine_connect(&sp, 0, 0);
    spine_until(&sp, is_settled);
    assert_in_range(d.drops, 50, 70);
    assert_true(sp.api.counts.lists > 0);
    finish(&sp, &d);
}

/* A page has its deadline, which no byte puts off. */
static void test_a_list_that_drips_without_end_is_asked_for_again(void **state)
{
    struct drip d = {.is_list = true, .has_no_end = true};
    struct spine sp;

    (void)state;
    begin(&sp, &d);
    sp.api.has_no_watch_list = true;
    sp.timeout_ms_max = 300; /* in place of the minute */
    spine_connect(&sp, 0, 0);
    spine_until_settled(&sp);
    d.left = 3;
    api_compact(&sp.api);
    server_drop(sp.wire.server, true);
    spine_until(&sp, is_settled);
    assert_true(d.drops >= 3);
    finish(&sp, &d);
}

/* One byte a turn: slow, but it comes. */
static void test_a_watch_that_comes_byte_by_byte_is_taken(void **state)
{
    struct drip d = {.left = 1};
    struct spine sp;

    (void)state;
    begin(&sp, &d);
    strbuf_adds(&d.text,
                "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"NetworkPolicy\",\"metadata\":"
                "{\"resourceVersion\":\"1000\",\"annotations\":{"
                "\"k8s.io/initial-events-end\":\"true\"}}}}\n");
    spine_connect(&sp, 0, 0);
    spine_until(&sp, is_dripped);
    server_end(d.stream); /* and what was written meanwhile comes with the next watch */
    d.stream = NULL;
    spine_until(&sp, is_settled);
    assert_int_equal(sp.api.counts.lists, 0);
    finish(&sp, &d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_watch_that_drips_without_end_gives_way_to_a_list),
        cmocka_unit_test(test_a_list_that_drips_without_end_is_asked_for_again),
        cmocka_unit_test(test_a_watch_that_comes_byte_by_byte_is_taken),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
