/* Shared by the tests of sync/recorder.h: a recorder on the fake transport, its log, and findings
 * to add. */
#ifndef RAMPART_TESTS_SYNC_RECORDER_H
#define RAMPART_TESTS_SYNC_RECORDER_H

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/sync/recorder.h"
#include "support/fake_transport.h"
#include "support/text.h"

#define WALL_MS INT64_C(1795475820000) /* 2026-11-23T23:17:00Z: the test's clock at 0 */
#define SECOND_MS 1000u
#define MINUTE_MS (60 * SECOND_MS)
#define EVENTS_PATH "/apis/events.k8s.io/v1/namespaces/shop/events"

struct fixture {
    struct fake_transport fake;
    struct recorder *recorder;
    struct log log;
    char logged[16384];
};

static const struct object_ref policy = {KIND_NETWORK_POLICY, "shop", "rampart-deny", "u-1"};
static const struct finding edited = {.reason = REASON_POLICY_EDITED, .message = "was edited"};

static void keep_line(void *ctx, const char *line, size_t len)
{
    struct fixture *f = ctx;
    size_t used = strlen(f->logged);

    assert_true(used + len < sizeof(f->logged));
    memcpy(f->logged + used, line, len);
    f->logged[used + len] = '\0';
}

static int64_t log_clock(void *ctx)
{
    (void)ctx;
    return WALL_MS;
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = {0};

    assert_non_null(f);
    f->log = (struct log){.sink = keep_line, .clock = log_clock, .ctx = f};
    fake_init(&f->fake);
    f->recorder = recorder_new(&f->fake.transport, &f->log, "rampart-0", 7, &err);
    assert_non_null(f->recorder);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;

    recorder_free(f->recorder);
    fake_done(&f->fake);
    free(f);
    return 0;
}

static inline int64_t wall(const struct fixture *f)
{
    return WALL_MS + (int64_t)f->fake.now_ms;
}

static inline void step(struct fixture *f)
{
    recorder_step(f->recorder, f->fake.now_ms, wall(f));
}

static inline void add_only(struct fixture *f, const struct finding *finding,
                            const struct object_ref *regarding)
{
    recorder_add(f->recorder, finding, "Reconcile", regarding, NULL, f->fake.now_ms, wall(f));
}

/* Adds and sends what is due. */
static inline void add(struct fixture *f, const struct finding *finding,
                       const struct object_ref *regarding)
{
    add_only(f, finding, regarding);
    step(f);
}

/* The same finding with another text: another Event. */
static inline void add_note(struct fixture *f, unsigned number)
{
    struct finding finding = edited;
    char note[32];

    (void)snprintf(note, sizeof(note), "note %u", number);
    finding.message = note;
    add_only(f, &finding, &policy);
}

/* A finding about one of many objects. */
static inline void add_about(struct fixture *f, unsigned number)
{
    struct object_ref ref = policy;
    char name[32];

    (void)snprintf(name, sizeof(name), "policy-%u", number);
    ref.name = name;
    add_only(f, &edited, &ref);
}

/* The answer to request @number (FAKE_LAST), and what is sent because of it. */
static inline void answer(struct fixture *f, size_t number, int status)
{
    fake_answer(&f->fake, number, status, NULL, "{}");
    step(f);
}

/* Answers all that runs, and what is sent because of it, until nothing is sent any more. */
static inline void answer_all(struct fixture *f, int status)
{
    step(f);
    for (size_t i = 0; i < f->fake.count; i++) {
        if (f->fake.exchanges[i].state == FAKE_RUNNING)
            answer(f, i, status);
    }
}

static inline void advance(struct fixture *f, uint64_t ms)
{
    f->fake.now_ms += ms;
    step(f);
}

static inline const struct http_request *request(struct fixture *f, size_t number)
{
    return &fake_get(&f->fake, number)->request;
}

/* Name of the Event that a POST creates; in a static buffer. */
static inline const char *posted_name(struct fixture *f, size_t number)
{
    static char name[300];
    const char *start = strstr(request(f, number)->body, "\"metadata\":{\"name\":\"");
    const char *end;

    assert_int_equal(request(f, number)->method, HTTP_POST);
    assert_non_null(start);
    start += strlen("\"metadata\":{\"name\":\"");
    end = strchr(start, '"');
    (void)snprintf(name, sizeof(name), "%.*s", (int)(end - start), start);
    return name;
}

/* Request @number is a patch that states this count. */
static inline void assert_count(struct fixture *f, size_t number, unsigned count)
{
    char part[64];

    assert_int_equal(request(f, number)->method, HTTP_PATCH);
    (void)snprintf(part, sizeof(part), "{\"series\":{\"count\":%u,", count);
    assert_contains(request(f, number)->body, part);
}

static inline struct recorder_stats stats(struct fixture *f)
{
    struct recorder_stats result;

    recorder_get_stats(f->recorder, &result);
    return result;
}

#define RECORDER_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
