/* That list pages come compressed, and watches never: libcurl 7.88 fails at the second part of a
 * compressed stream. Against a server that compresses whatever may be compressed. */
#include <stdio.h>
#include <string.h>

#include "rampart/sync/informer.h"
#include "support/text.h"
#include "wire/support/gzip.h"
#include "wire/support/wire.h"

static unsigned lists, watches, compressed;

static void answer(struct server_stream *s, const struct server_request *r, const char *text)
{
    AUTO_STRBUF body;

    if (strcmp(r->accept_encoding, "gzip") != 0) {
        server_reply(s, 200, "content-type: application/json\r\n");
        server_send(s, text, strlen(text));
        return;
    }
    compressed++;
    strbuf_init(&body, 1u << 16);
    gzip_member(&body, text);
    server_reply(s, 200, "content-type: application/json\r\ncontent-encoding: gzip\r\n");
    server_send(s, body.text, body.len);
}

/* Without WatchList, as before Kubernetes 1.34: two pages, then a watch. */
static void on_api(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    if (strstr(r->path, "sendInitialEvents=true")) {
        server_answer(s, 400, "", "{\"kind\":\"Status\",\"reason\":\"BadRequest\",\"code\":400}");
    } else if (strstr(r->path, "watch=")) {
        watches++;
        answer(s, r,
               "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"three\",\"uid\":\"u3\","
               "\"resourceVersion\":\"9\"}}}\n");
    } else {
        lists++;
        answer(s, r,
               strstr(r->path, "continue=")
                   ? "{\"kind\":\"NamespaceList\",\"metadata\":{\"resourceVersion\":\"8\"},"
                     "\"items\":[{\"metadata\":{\"name\":\"two\",\"uid\":\"u2\","
                     "\"resourceVersion\":\"2\"}}]}"
                   : "{\"kind\":\"NamespaceList\",\"metadata\":{\"resourceVersion\":\"8\","
                     "\"continue\":\"more\"},\"items\":[{\"metadata\":{\"name\":\"one\","
                     "\"uid\":\"u1\",\"resourceVersion\":\"1\"}}]}");
        server_end(s);
    }
}

static struct informer *informer;
static struct store *store;

static bool has_all(struct wire *w)
{
    (void)w;
    informer_step(informer, clock_monotonic_ms());
    return store_count(store) == 3;
}

static bool is_informer_stopped(struct wire *w)
{
    (void)w;
    informer_step(informer, clock_monotonic_ms());
    return informer_is_stopped(informer);
}

static void synchronize(bool disables_compression)
{
    struct watch_server server = {0};
    struct informer_options options = {.kind = KIND_NAMESPACE, .server = &server};
    struct rng rng;
    struct wire w;

    lists = watches = compressed = 0;
    wire_start(&w, &(struct server_options){.handler = on_api});
    w.config.disables_compression = disables_compression;
    wire_connect(&w, 0, 0);
    rng_init(&rng, 1);
    store = store_new(KIND_NAMESPACE, 100, NULL, NULL, NULL);
    options.store = store;
    options.rng = &rng;
    options.transport = http_transport(w.http);
    informer = informer_new(&options, NULL);
    assert_non_null(informer);
    wire_until(&w, has_all);
    informer_stop(informer);
    wire_until(&w, is_informer_stopped);
    informer_free(informer);
    store_free(store);
    wire_close(&w);
}

static void test_lists_come_compressed_and_watches_never(void **state)
{
    (void)state;
    synchronize(false);
    assert_int_equal(lists, 2);
    assert_int_equal(watches, 1);
    assert_int_equal(compressed, 2);
}

static void test_nothing_comes_compressed_with_disable_compression(void **state)
{
    (void)state;
    synchronize(true);
    assert_int_equal(lists, 2);
    assert_int_equal(watches, 1);
    assert_int_equal(compressed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_come_compressed_and_watches_never),
        cmocka_unit_test(test_nothing_comes_compressed_with_disable_compression),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
