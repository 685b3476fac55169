/*
 * Shared by the tests of sync/manager.h: a manager with a scripted reconciler
 * (sync_manager_script.h) on a fake transport behind which a handful of objects behaves like an API
 * server (sync_manager_api.h). Time is the test's.
 */
#ifndef TESTS_UNIT_SYNC_MANAGER_H
#define TESTS_UNIT_SYNC_MANAGER_H

#include "sync_manager_script.h"

static inline uint64_t step(struct bench *b)
{
    return manager_step(b->manager, b->net.now_ms, WALL_MS + (int64_t)b->net.now_ms);
}

/* Lets @ms pass: everything that is due by then is done, nothing is done without reason. */
static inline void run(struct bench *b, uint64_t ms)
{
    uint64_t until_ms = b->net.now_ms + ms;
    unsigned turns_at_once = 0;

    for (;;) {
        uint64_t next_ms = step(b);

        if (serve(b)) {
            turns_at_once = 0;
            continue;
        }
        if (next_ms > until_ms)
            break;
        if (next_ms > b->net.now_ms) {
            b->net.now_ms = next_ms;
            turns_at_once = 0;
        } else if (++turns_at_once > 200) {
            fail_msg("it spins at %llu ms", (unsigned long long)b->net.now_ms);
        }
    }
    b->net.now_ms = until_ms;
}

static inline void bench_sink(void *ctx, const char *line, size_t len)
{
    struct bench *b = ctx;

    assert_true(b->logged_len + len < sizeof(b->logged));
    memcpy(b->logged + b->logged_len, line, len);
    b->logged_len += len;
    b->logged[b->logged_len] = '\0';
}

static inline int64_t bench_clock(void *ctx)
{
    (void)ctx;
    return 0;
}

static inline int bench_start(struct bench *b, unsigned in_flight_max, struct err *err)
{
    struct manager_options options = {.ops = b->ops ? b->ops : &script_ops,
                                      .own_namespace = "rampart-system",
                                      .instance = "rampart-0",
                                      .seed = 1,
                                      .in_flight_max = in_flight_max};

    options.hardenings_max = b->hardenings_max;
    options.transport = &b->net.transport;
    options.log = &b->log;
    b->manager = manager_new(&options, err);
    return b->manager ? 0 : -1;
}

static inline struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->things = calloc(THINGS_MAX, sizeof(*b->things));
    assert_non_null(b->things);
    fake_init(&b->net);
    b->net.now_ms = 1000000;
    b->log = (struct log){
        .level = LOG_DEBUG, .format = LOG_TEXT, .sink = bench_sink, .clock = bench_clock, .ctx = b};
    b->script = (struct script){.profile = "restricted", .mode = MODE_ENFORCE};
    bench_now = b;
    return b;
}

/* Stops whatever is in flight, as a transport that is stopped does. */
static inline void bench_stop(struct bench *b)
{
    if (!b->manager)
        return;
    manager_stop(b->manager, b->net.now_ms);
    (void)step(b);
    (void)fake_settle(&b->net);
    for (size_t i = 0; i < b->net.count; i++) {
        if (b->net.exchanges[i].state == FAKE_RUNNING)
            fake_fail(&b->net, i, ERR_CANCELED, "stopping");
    }
    manager_free(b->manager);
    b->manager = NULL;
}

static inline void bench_free(struct bench *b)
{
    bench_stop(b);
    fake_done(&b->net);
    free(b->served);
    free(b->things);
    free(b);
    bench_now = NULL;
}

static inline int setup(void **state)
{
    struct bench *b = bench_new();

    assert_int_equal(bench_start(b, 0, NULL), 0);
    *state = b;
    return 0;
}

static inline int teardown(void **state)
{
    bench_free(*state);
    return 0;
}

/* One profile, "restricted", and everything complete. */
static inline void begin(struct bench *b)
{
    (void)put(b, KIND_PROFILE, "", "restricted");
    run(b, 2 * SECOND_MS);
}

static inline void forget_trace(struct bench *b)
{
    b->trace_len = 0;
    *b->trace = '\0';
    b->logged_len = 0;
    *b->logged = '\0';
}

/* How often the log says it. */
static inline size_t logged(const struct bench *b, const char *what)
{
    size_t count = 0;

    for (const char *at = b->logged; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

/* Events created so far whose body has @part. */
static inline size_t events(const struct bench *b, const char *part)
{
    size_t count = 0;

    for (size_t i = 0; i < b->net.count; i++) {
        const struct http_request *request = &b->net.exchanges[i].request;

        if (request->method == HTTP_POST && strstr(request->path, "/events") &&
            strstr(request->body, part))
            count++;
    }
    return count;
}

/* Body of the last Event. */
static inline const char *last_event(const struct bench *b)
{
    for (size_t i = b->net.count; i > 0; i--) {
        const struct http_request *request = &b->net.exchanges[i - 1].request;

        if (request->method == HTTP_POST && strstr(request->path, "/events"))
            return request->body;
    }
    fail_msg("there is no Event");
    return NULL;
}

/* The write that waits for its answer; there is one. */
static inline size_t waiting_write(struct bench *b, const char *part)
{
    size_t number = fake_find(&b->net, part);

    if (number == FAKE_LAST)
        fail_msg("no request for %s is in flight", part);
    return number;
}

/* Answers the write with an error. */
static inline void refuse(struct bench *b, const char *part, int status, const char *reason,
                          const char *message)
{
    fake_answer(&b->net, waiting_write(b, part), status, NULL,
                fake_status(status, reason, NULL, message));
}

static inline struct manager_stats stats(const struct bench *b)
{
    struct manager_stats result;

    manager_get_stats(b->manager, &result);
    return result;
}

#define MANAGER_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
