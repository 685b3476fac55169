/*
 * Answers to writes that are none, whether the write was carried out or not (fault 18): each object
 * is created once, and none is taken for written on the word of a proxy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/alloc.h"
#include "rampart/json/decode.h"
#include "support/text.h"
#include "wire/support/spine.h"

#define TIMES 3
#define PAGE "<html><body><h1>502 Bad Gateway</h1></body></html>"
#define STRANGER                                                                            \
    "{\"kind\":\"NetworkPolicy\",\"apiVersion\":\"networking.k8s.io/v1\",\"metadata\":{"    \
    "\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"u-x\",\"resourceVersion\":\"999999\"}," \
    "\"spec\":{\"podSelector\":{},\"policyTypes\":[\"Ingress\"]}}"

struct nonsense {
    int status; /* 0: no answer, the stream is reset */
    const char *body;
    size_t repeat;
};

static const struct nonsense rows[] = {
    {0, NULL, 0},
    {200, "", 0},
    {201, "", 0},
    {201, PAGE, 0},
    {204, "", 0},
    {302, "", 0},
    {409, PAGE, 0},
    {500, PAGE, 0},
    {502, PAGE, 0},
    {503, "", 0},
    {504, PAGE, 0},
    {201, "{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"rampart-default-den", 0},
    {201, "{\"kind\":\"Table\",\"rows\":[],\"metadata\":{\"resourceVersion\":\"9\"}}", 0},
    {201, "{\"kind\":\"Status\",\"status\":\"Success\",\"metadata\":{}}", 0},
    {201, "{\"kind\":\"NetworkPolicy\",\"metadata\":[]}", 0},
    {201, "{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":7}}", 0},
    {201, "[]", 0},
    {201, "null", 0},
    {201, "{}{}", 0},
    {201, "[", 100000},
    {201, "{\"a\":1,\"a\":1}", 0},
    {201, "some of 4.5 MiB ", 300000},
};

struct forgery {
    const struct nonsense *row;
    const char *forged; /* instead: a whole object, of this name */
    const char *forged_ns;
    bool is_carried_out;
    unsigned left;
    unsigned posts;
};

/* The write, unless its name is taken, without a word to the writer. */
static void carry_out(struct api *api, const struct server_request *r, const char *ns)
{
    if (!api_find(api, KIND_NETWORK_POLICY, ns, "rampart-default-deny")) {
        (void)api_put(api, KIND_NETWORK_POLICY, r->body);
        api->counts.creates++;
    }
}

static bool forge(struct api *api, struct server_stream *s, const struct server_request *r,
                  const struct api_target *target)
{
    struct forgery *f = api->ctx;
    char body[512];

    if (target->kind != KIND_NETWORK_POLICY || strcmp(r->method, "POST") != 0)
        return false;
    f->posts++;
    if (f->left == 0)
        return false;
    f->left--;
    if (f->is_carried_out)
        carry_out(api, r, target->ns);
    if (f->forged) {
        (void)snprintf(body, sizeof(body), STRANGER, f->forged, f->forged_ns);
        server_answer(s, 201, "", body);
    } else if (f->row->status == 0) {
        server_reset(s);
    } else {
        char *text = text_repeat(f->row->body, f->row->repeat ? f->row->repeat : 1);

        server_answer(s, f->row->status, "content-type: text/html\r\n", text);
        free(text);
    }
    return true;
}

static void survive(struct forgery f)
{
    struct spine sp;

    spine_start(&sp, NULL);
    f.left = TIMES;
    sp.api.misbehave = forge;
    sp.api.ctx = &f;
    spine_connect(&sp, 0, 0);
    spine_until_settled(&sp);
    spine_assert_end_state(&sp);
    assert_true(f.posts <= SPINE_NAMESPACES + 2 * TIMES);
    spine_close(&sp);
}

static void test_a_write_that_was_carried_out_is_not_made_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        survive((struct forgery){.row = &rows[i], .is_carried_out = true});
}

static void test_a_write_that_was_not_carried_out_is_made_after_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        survive((struct forgery){.row = &rows[i]});
}

/* A cache of whoever stands between answers with somebody else's object. */
static void test_an_answer_about_another_object_is_none(void **state)
{
    static const char *const names[][2] = {{"rampart-default-deny", "bank"},
                                           {"other", "ns-0"},
                                           {"..", "ns-0"},
                                           {"", ""}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        survive((struct forgery){.forged = names[i][0], .forged_ns = names[i][1]});
        survive((struct forgery){.forged = names[i][0],
                                 .forged_ns = names[i][1],
                                 .is_carried_out = true});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_write_that_was_carried_out_is_not_made_twice),
        cmocka_unit_test(test_a_write_that_was_not_carried_out_is_made_after_all),
        cmocka_unit_test(test_an_answer_about_another_object_is_none),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
