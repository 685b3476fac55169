/* Bare Pods and Jobs, listed page by page: when, in what order, and what a failure does. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/sync/scan.h"
#include "support/api_text.h"
#include "support/fake_transport.h"
#include "support/text.h"

#define PODS "/api/v1/pods?limit=250"
#define JOBS "/apis/batch/v1/jobs?limit=250"
#define START_MS 1000000u

struct bench {
    struct fake_transport net;
    struct scan *scan;
    struct log log;
    char trace[1024]; /* what the owner was told */
    char logged[4096];
    unsigned refuses; /* so many of the next objects */
    bool is_idle;     /* nobody asks for what a scan finds */
};

static void note(struct bench *b, const char *what)
{
    size_t len = strlen(b->trace);

    assert_true(snprintf(b->trace + len, sizeof(b->trace) - len, "%s ", what) <
                (int)(sizeof(b->trace) - len));
}

static bool is_wanted(void *ctx)
{
    struct bench *b = ctx;

    return !b->is_idle;
}

static void on_begin(void *ctx)
{
    note(ctx, "begin");
}

static int on_object(void *ctx, const struct object *object, struct err *err)
{
    struct bench *b = ctx;

    if (b->refuses > 0) {
        b->refuses--;
        return err_set(err, ERR_LIMIT, "no more of them");
    }
    note(b, api_text("%s/%s/%s", resource_of(object->kind)->plural, object->ns, object->name));
    return 0;
}

static void on_end(void *ctx, bool had_trouble)
{
    note(ctx, had_trouble ? "end-of-trouble" : "end");
}

static void on_failed(void *ctx)
{
    note(ctx, "failed");
}

static void sink(void *ctx, const char *line, size_t len)
{
    struct bench *b = ctx;
    size_t used = strlen(b->logged);

    assert_true(used + len < sizeof(b->logged));
    memcpy(b->logged + used, line, len);
    b->logged[used + len] = '\0';
}

static int64_t clock_of_log(void *ctx)
{
    (void)ctx;
    return 0;
}

static int setup(void **state)
{
    static struct bench b;
    struct scan_options options = {.is_wanted = is_wanted,
                                   .on_begin = on_begin,
                                   .on_object = on_object,
                                   .on_end = on_end,
                                   .on_failed = on_failed,
                                   .seed = 1,
                                   .ctx = &b};

    b = (struct bench){.refuses = 0};
    fake_init(&b.net);
    b.net.now_ms = START_MS;
    b.log = (struct log){
        .level = LOG_DEBUG, .format = LOG_TEXT, .sink = sink, .clock = clock_of_log, .ctx = &b};
    options.transport = &b.net.transport;
    options.log = &b.log;
    b.scan = scan_new(&options, NULL);
    assert_non_null(b.scan);
    *state = &b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    scan_stop(b->scan);
    scan_stop(b->scan);
    (void)fake_settle(&b->net);
    assert_true(scan_is_stopped(b->scan));
    scan_step(b->scan, b->net.now_ms);
    scan_free(b->scan);
    fake_done(&b->net);
    return 0;
}

static void told(struct bench *b, const char *want)
{
    assert_string_equal(b->trace, want);
    *b->trace = '\0';
}

/* Lets the time of the next step come. */
static void wait_for_step(struct bench *b)
{
    uint64_t due_ms = scan_deadline(b->scan);

    assert_true(due_ms != UINT64_MAX);
    if (due_ms > b->net.now_ms)
        b->net.now_ms = due_ms;
    scan_step(b->scan, b->net.now_ms);
}

/* The step comes at once, and asks for exactly this. */
static void requests(struct bench *b, const char *path)
{
    size_t before = b->net.count;

    wait_for_step(b);
    assert_int_equal(b->net.count, before + 1);
    assert_string_equal(fake_path(&b->net, FAKE_LAST), path);
    scan_step(b->scan, b->net.now_ms + 1000000); /* never two at once */
    assert_int_equal(b->net.count, before + 1);
    assert_true(scan_deadline(b->scan) == UINT64_MAX);
}

static const char *page(const char *kind, const char *items, const char *token)
{
    return api_text("{\"kind\":\"%sList\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":"
                    "\"%s\"},\"items\":[%s]}",
                    kind, token, items);
}

static const char *item(const char *name)
{
    return api_text("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"shop\",\"uid\":\"u\","
                    "\"resourceVersion\":\"1\"},\"spec\":{}}",
                    name);
}

static void answer(struct bench *b, const char *body)
{
    fake_answer(&b->net, FAKE_LAST, 200, NULL, body);
}

static void scan_nothing(struct bench *b)
{
    requests(b, PODS);
    answer(b, page("Pod", "", ""));
    requests(b, JOBS);
    answer(b, page("Job", "", ""));
}

static void test_scan_lists_pods_and_jobs_page_by_page_with_a_pause(void **state)
{
    struct bench *b = *state;

    assert_true(scan_deadline(b->scan) <= b->net.now_ms);
    requests(b, PODS);
    told(b, "begin ");
    answer(b, page("Pod", item("a"), "two"));
    assert_int_equal(scan_deadline(b->scan), b->net.now_ms + SCAN_PAGE_EVERY_MS);
    scan_step(b->scan, b->net.now_ms + SCAN_PAGE_EVERY_MS - 1);
    assert_int_equal(b->net.count, 1);
    requests(b, PODS "&continue=two");
    answer(b, page("Pod", item("b"), ""));
    told(b, "pods/shop/a pods/shop/b ");
    requests(b, JOBS);
    answer(b, page("Job", item("c"), ""));
    told(b, "jobs/shop/c end ");
    assert_string_equal(scan_trouble(b->scan), "");
}

static void test_scan_comes_again_after_its_interval(void **state)
{
    struct bench *b = *state;

    scan_nothing(b);
    told(b, "begin end ");
    assert_int_equal(scan_deadline(b->scan), b->net.now_ms + SCAN_EVERY_MS);
    scan_nothing(b);
    told(b, "begin end ");
}

static void test_scan_comes_sooner_after_a_change_but_not_at_once_again(void **state)
{
    struct bench *b = *state;
    uint64_t ended_ms;

    scan_nothing(b);
    ended_ms = b->net.now_ms;
    scan_hurry(b->scan, b->net.now_ms);
    assert_int_equal(scan_deadline(b->scan), ended_ms + SCAN_GAP_MS);
    b->net.now_ms += SCAN_EVERY_MS / 2;
    scan_nothing(b);
    b->net.now_ms += SCAN_EVERY_MS / 2;
    scan_hurry(b->scan, b->net.now_ms);
    assert_int_equal(scan_deadline(b->scan), b->net.now_ms + SCAN_HURRY_MS);
    scan_hurry(b->scan, b->net.now_ms + 500); /* the first to ask decides */
    assert_int_equal(scan_deadline(b->scan), b->net.now_ms + SCAN_HURRY_MS);
}

static void test_scan_that_a_change_overtakes_is_done_again(void **state)
{
    struct bench *b = *state;

    requests(b, PODS);
    scan_hurry(b->scan, b->net.now_ms);
    answer(b, page("Pod", "", ""));
    requests(b, JOBS);
    answer(b, page("Job", "", ""));
    assert_int_equal(scan_deadline(b->scan), b->net.now_ms + SCAN_GAP_MS);
    scan_nothing(b);
    assert_int_equal(scan_deadline(b->scan), b->net.now_ms + SCAN_EVERY_MS);
}

static void test_scan_that_fails_begins_anew_after_a_back_off_and_says_why(void **state)
{
    struct bench *b = *state;

    requests(b, PODS);
    answer(b, page("Pod", item("a"), "two"));
    requests(b, PODS "&continue=two");
    told(b, "begin pods/shop/a ");
    fake_answer(&b->net, FAKE_LAST, 410, NULL,
                fake_status(410, "Expired", NULL, "the continue token is too old"));
    told(b, "failed ");
    assert_contains(scan_trouble(b->scan),
                    "scan of pods: 410 Expired: the continue token is too old");
    assert_contains(b->logged, "what the one before found stands");
    assert_true(scan_deadline(b->scan) >= b->net.now_ms + 800);
    scan_hurry(b->scan, b->net.now_ms); /* does not cut it short */
    assert_true(scan_deadline(b->scan) >= b->net.now_ms + 800);
    scan_nothing(b);
    told(b, "begin end-of-trouble ");
    assert_string_equal(scan_trouble(b->scan), "");
    assert_contains(b->logged, "scan works again");
}

static void test_scan_says_the_same_failure_once(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 5; i++) {
        requests(b, PODS);
        fake_answer(&b->net, FAKE_LAST, 403, NULL,
                    fake_status(403, "Forbidden", NULL, "pods is forbidden"));
    }
    assert_contains(scan_trouble(b->scan), "grant the verb \"list\" on pods");
    assert_null(strstr(strstr(b->logged, "scan failed") + 1, "scan failed"));
    told(b, "begin failed begin failed begin failed begin failed begin failed ");
}

static void test_scan_takes_no_half_page_for_a_whole_one(void **state)
{
    static const char *const halves[] = {"{\"kind\":\"PodList\",\"metadata\":{},\"items\":[",
                                         "{\"kind\":\"PodList\",\"items\":[7x", ""};
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(halves); i++) {
        requests(b, PODS);
        answer(b, halves[i]);
        (void)fake_settle(&b->net);
        told(b, "begin failed ");
    }
    requests(b, PODS);
    fake_fail(&b->net, FAKE_LAST, ERR_TIMEOUT, "no answer");
    told(b, "begin failed ");
    assert_contains(scan_trouble(b->scan), "no answer");
}

static void test_scan_needs_no_proper_end_after_a_whole_page(void **state)
{
    struct bench *b = *state;

    requests(b, PODS);
    (void)fake_text(&b->net, FAKE_LAST, page("Pod", item("a"), ""));
    fake_fail(&b->net, FAKE_LAST, ERR_UNAVAILABLE, "connection reset");
    told(b, "begin pods/shop/a ");
    requests(b, JOBS);
}

static void test_scan_leaves_out_what_has_no_name_and_says_how_many(void **state)
{
    struct bench *b = *state;

    requests(b, PODS);
    answer(b, page("Pod", "{\"metadata\":{}},7,null", ""));
    requests(b, JOBS);
    answer(b, page("Job", item("c"), ""));
    told(b, "begin jobs/shop/c end ");
    assert_contains(b->logged, "left out");
}

static void test_scan_whose_owner_takes_no_more_has_failed(void **state)
{
    struct bench *b = *state;

    b->refuses = 1;
    requests(b, PODS);
    answer(b, page("Pod", item("a"), ""));
    (void)fake_settle(&b->net);
    told(b, "begin failed ");
    assert_contains(scan_trouble(b->scan), "no more of them");
}

static void test_scan_whose_request_cannot_start_tries_again(void **state)
{
    struct bench *b = *state;
    char *token = text_repeat("x", 9000);

    b->net.start_fails = ERR_LIMIT;
    wait_for_step(b);
    told(b, "begin failed ");
    b->net.start_fails = ERR_NONE;
    requests(b, PODS);
    answer(b, page("Pod", "", token)); /* longer than a path may be */
    wait_for_step(b);
    told(b, "begin failed ");
    requests(b, PODS);
    free(token);
}

static void test_scan_can_be_stopped_in_the_middle_of_a_page(void **state)
{
    struct bench *b = *state;

    requests(b, PODS);
    scan_stop(b->scan);
    assert_false(scan_is_stopped(b->scan));
    assert_false(fake_text(&b->net, FAKE_LAST, "{"));
    (void)fake_settle(&b->net);
    told(b, "begin ");
    assert_true(scan_deadline(b->scan) == UINT64_MAX);
}

/* A page of a thousand objects takes no more memory than one of ten. */
static void test_scan_keeps_nothing_of_what_has_come_by(void **state)
{
    struct bench *b = *state;
    char *items = text_repeat("{\"metadata\":{\"name\":\"a\",\"namespace\":\"s\",\"uid\":\"u\","
                              "\"resourceVersion\":\"1\"},\"spec\":{}},",
                              10);
    size_t live;

    requests(b, PODS);
    (void)fake_text(&b->net, FAKE_LAST, "{\"kind\":\"PodList\",\"items\":[");
    (void)fake_text(&b->net, FAKE_LAST, items);
    live = mem_live();
    for (int i = 0; i < 100; i++) {
        *b->trace = '\0';
        (void)fake_text(&b->net, FAKE_LAST, items);
        assert_int_equal(mem_live(), live);
    }
    free(items);
}

#define WITH_SCAN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void test_scan_asks_nothing_while_nobody_wants_it(void **state)
{
    struct bench *b = *state;

    b->is_idle = true;
    wait_for_step(b);
    told(b, "begin end ");
    assert_int_equal(b->net.count, 0);
    assert_true(scan_deadline(b->scan) == b->net.now_ms + SCAN_EVERY_MS);
    b->is_idle = false;
    scan_hurry(b->scan, b->net.now_ms);
    assert_int_equal(scan_deadline(b->scan), b->net.now_ms + SCAN_HURRY_MS);
    requests(b, PODS);
}

static void test_other_kinds_than_pods_and_jobs_may_be_asked_for(void **state)
{
    static const enum kind kinds[] = {KIND_INGRESS};
    struct bench *b = *state;
    struct scan_options options = {.transport = &b->net.transport,
                                   .kinds = kinds,
                                   .kinds_count = 1,
                                   .on_begin = on_begin,
                                   .on_object = on_object,
                                   .on_end = on_end,
                                   .on_failed = on_failed,
                                   .ctx = b};
    struct scan *scan = scan_new(&options, NULL);
    size_t number;

    assert_non_null(scan);
    scan_step(scan, b->net.now_ms);
    number = fake_find(&b->net, "/apis/networking.k8s.io/v1/ingresses?limit=250");
    assert_true(number != FAKE_LAST);
    fake_answer(&b->net, number, 200, NULL,
                "{\"kind\":\"IngressList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{"
                "\"metadata\":{\"name\":\"front\",\"namespace\":\"shop\",\"uid\":\"u\","
                "\"resourceVersion\":\"1\"}}]}");
    (void)fake_settle(&b->net);
    told(b, "begin ingresses/shop/front end ");
    scan_stop(scan);
    scan_free(scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCAN(test_other_kinds_than_pods_and_jobs_may_be_asked_for),
        WITH_SCAN(test_scan_lists_pods_and_jobs_page_by_page_with_a_pause),
        WITH_SCAN(test_scan_comes_again_after_its_interval),
        WITH_SCAN(test_scan_comes_sooner_after_a_change_but_not_at_once_again),
        WITH_SCAN(test_scan_that_a_change_overtakes_is_done_again),
        WITH_SCAN(test_scan_that_fails_begins_anew_after_a_back_off_and_says_why),
        WITH_SCAN(test_scan_says_the_same_failure_once),
        WITH_SCAN(test_scan_takes_no_half_page_for_a_whole_one),
        WITH_SCAN(test_scan_needs_no_proper_end_after_a_whole_page),
        WITH_SCAN(test_scan_leaves_out_what_has_no_name_and_says_how_many),
        WITH_SCAN(test_scan_whose_owner_takes_no_more_has_failed),
        WITH_SCAN(test_scan_whose_request_cannot_start_tries_again),
        WITH_SCAN(test_scan_can_be_stopped_in_the_middle_of_a_page),
        WITH_SCAN(test_scan_keeps_nothing_of_what_has_come_by),
        WITH_SCAN(test_scan_asks_nothing_while_nobody_wants_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
