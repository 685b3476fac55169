/*
 * How often a server that refuses is asked: 429 with every kind of Retry-After (fault 17), watches
 * that close at once (fault 16). The operator's clock is read, no real time passes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "support/text.h"
#include "wire/support/spine.h"

#define CLOSINGS 100
#define BUSY \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"TooManyRequests\",\"code\":429}"

struct refusal {
    const char *headers;
    uint32_t low_ms;  /* of the wait after it, for a watch */
    uint32_t high_ms; /* jitter and the little that real time adds */
};

#define AS_ABSENT 800, 1600

static const struct refusal refusals[] = {
    {"retry-after: 1\r\n", 1000, 1600},
    {"retry-after: 32\r\n", 32000, 32000},
    {"", AS_ABSENT},
    {"retry-after: 1000000000\r\n", 60000, 60000},
    {"retry-after: abc\r\n", AS_ABSENT},
    {"retry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\n", AS_ABSENT},
    /* and what a proxy might make of it */
    {"Retry-After:    3   \r\n", 3000, 3000},
    {"retry-after: -5\r\n", AS_ABSENT},
    {"retry-after: 1.5\r\n", AS_ABSENT},
    {"retry-after: 2 3\r\n", AS_ABSENT},
    {"retry-after: 0x10\r\n", AS_ABSENT},
    {"retry-after: 0\r\n", AS_ABSENT},
    {"x-retry-after: 50\r\n", AS_ABSENT},
    {"retry-after: 18446744073709551617\r\n", 60000, 60000},
    {"retry-after: 99999999999999999999999999999999999999999999999999999999999999999\r\n",
     AS_ABSENT},
    {"retry-after: 7\r\nretry-after: 2\r\n", 2000, 2000},
};

#define SLACK_MS 1000 /* real time goes on as well */

struct pace {
    const struct refusal *refusal;
    bool is_write; /* what is refused; else the watch */
    unsigned left; /* refusals to come */
    unsigned refused;
    unsigned asked;
    uint64_t asked_ms[CLOSINGS + 2]; /* the operator's clock at each time */
};

static bool is_concerned(const struct pace *p, const struct server_request *r,
                         const struct api_target *target)
{
    return target->kind == KIND_NETWORK_POLICY &&
           (p->is_write ? strcmp(r->method, "POST") == 0 && strcmp(target->ns, "ns-0") == 0
                        : target->is_watch);
}

static bool refuse(struct api *api, struct server_stream *s, const struct server_request *r,
                   const struct api_target *target)
{
    struct spine *sp = api->ctx;
    struct pace *p = sp->ctx;

    if (!is_concerned(p, r, target))
        return false;
    assert_true(p->asked < COUNT_OF(p->asked_ms));
    p->asked_ms[p->asked++] = spine_now(sp);
    if (p->left == 0)
        return false;
    p->left--;
    p->refused++;
    if (p->refusal)
        server_answer(s, 429, p->refusal->headers, BUSY);
    else
        server_answer(s, 200, "", "");
    return true;
}

static void attach(struct spine *sp, struct pace *p)
{
    sp->ctx = p;
    sp->api.ctx = sp;
    sp->api.misbehave = refuse;
}

static void end_watch(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    if (strstr(r->path, "/networkpolicies?"))
        server_end(s);
}

static bool is_through(struct spine *sp)
{
    const struct pace *p = sp->ctx;

    return p->left == 0 && p->asked > p->refused && spine_is_settled(sp);
}

static void check_wait(const struct pace *p, uint64_t low_ms, uint64_t high_ms)
{
    uint64_t wait_ms;

    assert_int_equal(p->asked, 2);
    wait_ms = p->asked_ms[1] - p->asked_ms[0];
    if (wait_ms < low_ms || wait_ms > high_ms + SLACK_MS)
        fail_msg("\"%s\": waited %llu ms", p->refusal->headers, (unsigned long long)wait_ms);
}

static void watch_waits(const struct refusal *refusal, bool is_http1)
{
    struct pace p = {.refusal = refusal, .left = 1};
    struct spine sp;

    spine_start(&sp, &(struct server_options){.is_http1 = is_http1});
    spine_connect(&sp, 0, 0);
    spine_until_settled(&sp);
    attach(&sp, &p);
    server_each(sp.wire.server, end_watch, NULL);
    spine_until(&sp, is_through);
    check_wait(&p, refusal->low_ms, refusal->high_ms);
    spine_assert_end_state(&sp);
    spine_close(&sp);
}

static void test_a_watch_waits_as_long_as_the_server_asks_and_no_longer_than_a_minute(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++)
        watch_waits(&refusals[i], i % 2);
}

/* Without a wait that makes sense, a write is tried again after milliseconds, then ever later. */
static void test_a_write_waits_as_long_as_the_server_asks_and_no_longer_than_a_minute(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct pace p = {.refusal = &refusals[i], .is_write = true, .left = 1};
        bool is_told = refusals[i].low_ms >= 1000;
        struct spine sp;

        spine_start(&sp, NULL);
        attach(&sp, &p);
        spine_connect(&sp, 0, 0);
        spine_until(&sp, is_through);
        check_wait(&p, is_told ? refusals[i].low_ms : 5, is_told ? refusals[i].low_ms : 200);
        spine_assert_end_state(&sp);
        spine_close(&sp);
    }
}

static void test_writes_that_are_refused_for_long_are_tried_ever_less_often(void **state)
{
    static const struct refusal no_wait = {.headers = ""};
    struct pace p = {.refusal = &no_wait, .is_write = true, .left = 15};
    struct spine sp;

    (void)state;
    spine_start(&sp, NULL);
    attach(&sp, &p);
    spine_connect(&sp, 0, 0);
    spine_until(&sp, is_through);
    assert_int_equal(p.asked, 16);
    for (unsigned i = 2; i < p.asked; i++)
        assert_true(p.asked_ms[i] - p.asked_ms[i - 1] + SLACK_MS >=
                    (p.asked_ms[i - 1] - p.asked_ms[i - 2]) * 2);
    assert_true(p.asked_ms[15] - p.asked_ms[14] >= 60000);
    spine_assert_end_state(&sp);
    spine_close(&sp);
}

static void test_watches_that_close_at_once_back_off_to_half_a_minute(void **state)
{
    struct pace p = {.left = CLOSINGS};
    struct spine sp;

    (void)state;
    spine_open(&sp);
    spine_until_settled(&sp);
    attach(&sp, &p);
    server_each(sp.wire.server, end_watch, NULL);
    spine_until(&sp, is_through);
    assert_int_equal(p.asked, CLOSINGS + 1);
    for (unsigned i = 10; i < p.asked; i++)
        assert_true(p.asked_ms[i] - p.asked_ms[i - 1] >= 30000);
    assert_true(p.asked_ms[CLOSINGS] - p.asked_ms[0] >= CLOSINGS * 1000ull * 10 / 3);
    spine_assert_end_state(&sp);
    spine_close(&sp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_watch_waits_as_long_as_the_server_asks_and_no_longer_than_a_minute),
        cmocka_unit_test(test_a_write_waits_as_long_as_the_server_asks_and_no_longer_than_a_minute),
        cmocka_unit_test(test_writes_that_are_refused_for_long_are_tried_ever_less_often),
        cmocka_unit_test(test_watches_that_close_at_once_back_off_to_half_a_minute),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
