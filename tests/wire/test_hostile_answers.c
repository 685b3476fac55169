/*
 * Answers to lists and watches that are none: half of it, another kind, a Table, a proxy's page,
 * nothing (fault 18 of what a client has to survive). Whatever comes, what was known stays, the
 * server is asked again, ever less often, and when it speaks again the caches and the policies are
 * what they would have been.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "support/text.h"
#include "wire/support/spine.h"

#define TIMES \
    8 /* more than it takes to go over from WatchList to lists, and from watches to syncs */
#define PAGE "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"

struct nonsense {
    int status;
    const char *headers;
    const char *body; /* "@" is the kind that was asked for */
    size_t repeat;    /* the body comes so often; 0: once */
};

static const struct nonsense rows[] = {
    /* from a proxy, or from a server in trouble */
    {200, "content-type: text/html\r\n", PAGE, 0},
    {500, "", "", 0},
    {502, "content-type: text/html\r\n", PAGE, 0},
    {503, "", "no healthy upstream", 0},
    {504, "content-type: text/html\r\n", PAGE, 0},
    {500, "", "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"etcd\",\"code\":500}", 0},
    {500, "", "{\"kind\":\"Status\",\"message\":7,\"details\":[],\"code\":\"x\",\"reason\":{}}", 0},
    {302, "location: https://elsewhere.example/\r\n", "", 0},
    {304, "", "", 0},
    {204, "", "", 0},
    {404, "content-type: text/html\r\n", PAGE, 0},
    {400, "", PAGE, 0},
    {410, "", PAGE, 0},
    {200, "content-encoding: gzip\r\n", "this is no gzip", 0},
    /* nothing, and half of it */
    {200, "", "", 0},
    {200, "", "\r\n\r\n \n", 0},
    {200, "", "{", 0},
    {200, "", "{\"kind\":\"@List\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[", 0},
    {200, "", "{\"kind\":\"@List\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]", 0},
    {200, "", "{\"type\":\"ADDED\",\"object\":{\"kind\":\"@\",\"metadata\":{\"name\":\"x", 0},
    {200, "", "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"@\",\"metadata\":{\"resourceVersi", 0},
    /* another kind of answer */
    {200, "",
     "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{"
     "\"resourceVersion\":\"9\"},\"columnDefinitions\":[],\"rows\":[]}",
     0},
    {200, "",
     "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Table\",\"metadata\":{"
     "\"resourceVersion\":\"9\"},\"rows\":[]}}\n",
     3},
    {200, "", "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}", 0},
    {200, "", "{\"kind\":\"Status\",\"status\":\"Success\",\"metadata\":{}}", 0},
    {200, "", "{\"kind\":\"@\",\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"9\"}}", 0},
    {200, "", "{\"kind\":\"@ListList\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}", 0},
    {200, "",
     "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{"
     "\"resourceVersion\":\"9\",\"annotations\":{\"k8s.io/initial-events-end\":"
     "\"true\"}}}}\n",
     0},
    /* wrong types */
    {200, "", "{}", 0},
    {200, "", "[]", 0},
    {200, "", "null", 0},
    {200, "", "7", 0},
    {200, "", "\"@List\"", 0},
    {200, "", "{\"kind\":\"@List\",\"metadata\":[],\"items\":[]}", 0},
    {200, "", "{\"kind\":\"@List\",\"metadata\":{\"resourceVersion\":9},\"items\":[]}", 0},
    {200, "", "{\"kind\":\"@List\",\"metadata\":{},\"items\":[]}", 0},
    {200, "", "{\"kind\":\"@List\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":{}}", 0},
    {200, "", "{\"kind\":\"@List\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":\"no\"}", 0},
    {200, "", "{\"kind\":[\"@List\"],\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}", 0},
    {200, "", "{\"type\":7,\"object\":7}\n{\"type\":\"ADDED\"}\n{\"type\":{},\"object\":[]}\n", 0},
    {200, "", "{\"type\":\"ERROR\",\"object\":[]}\n", 0},
    {200, "", "{\"type\":\"ERROR\",\"object\":{\"code\":-7}}\n", 0},
    /* names twice, levels without end, letters that are none */
    {200, "",
     "{\"kind\":\"@List\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[],"
     "\"items\":[]}",
     0},
    {200, "",
     "{\"kind\":\"PodList\",\"kind\":\"@List\",\"metadata\":{\"resourceVersion\":\"9\"},"
     "\"items\":[]}",
     0},
    {200, "", "[", 100000},
    {200, "", "{\"a\":", 100000},
    {200, "", "{\"type\":\"ADDED\",\"object\":{\"kind\":\"@\",\"spec\":[[[[[[[[[[[[[[[[[[[[[[[[",
     0},
    {200, "",
     "\xef\xbb\xbf{\"kind\":\"@List\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}", 0},
    {200, "", "{\"kind\":\"@List\xff\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}", 0},
    {200, "", "{\"kind\":\"@List\\u0000\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}",
     0},
};

struct hostility {
    const struct nonsense *row;
    unsigned left[KIND_COUNT]; /* so many answers to come, for each kind */
    size_t known[KIND_COUNT];  /* what the caches have to hold meanwhile */
    struct spine *spine;
};

static void answer_nonsense(struct server_stream *s, const struct nonsense *row, enum kind kind)
{
    AUTO_STRBUF body;

    strbuf_init(&body, 4u << 20);
    for (size_t i = 0; i < (row->repeat ? row->repeat : 1); i++) {
        for (const char *c = row->body; *c; c++) {
            if (*c == '@')
                strbuf_adds(&body, resource_of(kind)->name);
            else
                strbuf_addc(&body, *c);
        }
    }
    server_reply(s, row->status, row->headers);
    server_send(s, body.text, body.len);
    server_end(s);
}

static bool misbehave(struct api *api, struct server_stream *s, const struct server_request *r,
                      const struct api_target *target)
{
    struct hostility *h = api->ctx;
    struct cluster *cluster = manager_cluster(h->spine->manager);

    if (strcmp(r->method, "GET") != 0 || *target->name != '\0' || h->left[target->kind] == 0)
        return false;
    h->left[target->kind]--;
    if (store_count(cluster_store(cluster, target->kind)) < h->known[target->kind])
        fail_msg("row %td emptied the cache of %s", h->row - rows, resource_of(target->kind)->name);
    answer_nonsense(s, h->row, target->kind);
    return true;
}

static void begin(struct spine *sp, struct hostility *h, const struct nonsense *row)
{
    *h = (struct hostility){.row = row, .spine = sp};
    sp->api.misbehave = misbehave;
    sp->api.ctx = h;
}

static void repeat(struct hostility *h)
{
    h->left[KIND_NAMESPACE] = h->left[KIND_PROFILE] = h->left[KIND_NETWORK_POLICY] = TIMES;
}

static bool is_over(struct spine *sp)
{
    const struct hostility *h = sp->api.ctx;

    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        if (h->left[kind] > 0)
            return false;
    }
    return spine_is_settled(sp);
}

static void test_a_first_sync_survives_every_answer_that_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct hostility h;
        struct spine sp;

        spine_start(&sp, NULL);
        begin(&sp, &h, &rows[i]);
        repeat(&h);
        spine_connect(&sp, 0, 0);
        spine_until(&sp, is_over);
        spine_assert_end_state(&sp);
        spine_close(&sp);
    }
}

/* Each watch is told that its version is gone, so that everything is synced anew. */
static void expire(struct spine *sp)
{
    static const char expired[] = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"reason\":"
                                  "\"Expired\",\"code\":410,\"message\":\"too old\"}}\n";

    api_compact(&sp->api);
    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++)
        api_say(&sp->api, (enum kind)kind, expired, sizeof(expired) - 1);
}

static void test_a_filled_cache_survives_every_answer_that_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct hostility h;
        struct spine sp;

        spine_open(&sp);
        spine_until_settled(&sp);
        begin(&sp, &h, &rows[i]);
        h.known[KIND_NAMESPACE] = SPINE_NAMESPACES + 1;
        h.known[KIND_NETWORK_POLICY] = SPINE_NAMESPACES;
        h.known[KIND_PROFILE] = 1;
        repeat(&h);
        expire(&sp);
        api_put(&sp.api, KIND_NAMESPACE, "{\"metadata\":{\"name\":\"late\"}}"); /* meanwhile */
        spine_until(&sp, is_over);
        spine_assert_end_state(&sp);
        spine_close(&sp);
    }
}

/* 0.3 requests a second at most, although other watches that get through end its back-off. */
static void test_nonsense_is_asked_for_ever_less_often(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct hostility h;
        struct spine sp;
        uint64_t began_ms;
        unsigned requests;

        if (rows[i].status >= 400 && rows[i].status < 500)
            continue; /* a server that knows what it says */
        spine_open(&sp);
        spine_until_settled(&sp);
        begin(&sp, &h, &rows[i]);
        h.left[KIND_NETWORK_POLICY] = TIMES;
        began_ms = spine_now(&sp);
        requests = sp.requests;
        expire(&sp);
        spine_until(&sp, is_over);
        if (spine_now(&sp) - began_ms < TIMES * 1000u * 10 / 3)
            fail_msg("row %zu: %u requests in %llu ms", i, sp.requests - requests,
                     (unsigned long long)(spine_now(&sp) - began_ms));
        assert_true(sp.requests - requests <= KIND_WATCHED_COUNT * 3 + TIMES + 3);
        spine_close(&sp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_first_sync_survives_every_answer_that_is_none),
        cmocka_unit_test(test_a_filled_cache_survives_every_answer_that_is_none),
        cmocka_unit_test(test_nonsense_is_asked_for_ever_less_often),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
