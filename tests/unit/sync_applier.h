/* Shared by the tests of sync/applier.h: an applier over real caches on the fake transport, and
 * plans to carry out. */
#ifndef RAMPART_TESTS_SYNC_APPLIER_H
#define RAMPART_TESTS_SYNC_APPLIER_H

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/sync/applier.h"
#include "support/fake_transport.h"
#include "support/text.h"

#define POLICIES_PATH "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
#define PROFILE_PATH "/apis/rampart.dev/v1alpha1/securityprofiles/restricted"
#define IN_FLIGHT_MAX 3
#define RESULTS_MAX 16

struct done {
    char key[64];
    struct apply_result result;
    char failed[64]; /* summary of the write that failed; "" for none */
    size_t writes_count;
    uint64_t now_ms;
};

struct fixture {
    struct fake_transport fake;
    struct cluster *cluster;
    struct applier *applier;
    struct log log;
    char logged[16384];
    struct arena arena; /* of the plan under construction */
    struct plan plan;
    bool refuses_deletions;
    bool restarts; /* on_done starts an empty plan, once */
    struct done done[RESULTS_MAX];
    size_t done_count;
};

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
    return 0;
}

static void keep_result(void *ctx, const char *key, const struct plan *plan,
                        const struct apply_result *result, uint64_t now_ms)
{
    struct fixture *f = ctx;
    struct done *done = &f->done[f->done_count];

    assert_true(f->done_count < RESULTS_MAX);
    f->done_count++;
    (void)snprintf(done->key, sizeof(done->key), "%s", key);
    done->result = *result;
    done->writes_count = plan->writes_count;
    done->now_ms = now_ms;
    if (result->failed && result->failed->summary)
        (void)snprintf(done->failed, sizeof(done->failed), "%s", result->failed->summary);
    if (f->restarts) {
        struct arena arena;
        struct plan empty;

        f->restarts = false;
        arena_init(&arena, 4096);
        plan_init(&empty, &arena);
        assert_int_equal(applier_start(f->applier, "again", &arena, &empty, now_ms, NULL), 0);
    }
}

static bool may_delete(void *ctx, const struct plan *plan, const struct write *write,
                       uint64_t now_ms)
{
    const struct fixture *f = ctx;

    assert_true(write >= plan->writes && write < plan->writes + plan->writes_count);
    assert_int_equal(write->verb, WRITE_DELETE);
    assert_int_equal(now_ms, f->fake.now_ms);
    return !f->refuses_deletions;
}

static inline void begin_plan(struct fixture *f)
{
    arena_init(&f->arena, 1u << 20);
    plan_init(&f->plan, &f->arena);
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct cluster_options of_cluster;
    struct applier_options of_applier;

    assert_non_null(f);
    f->log = (struct log){.sink = keep_line, .clock = log_clock, .ctx = f};
    fake_init(&f->fake);
    of_cluster = (struct cluster_options){.transport = &f->fake.transport, .seed = 1};
    f->cluster = cluster_new(&of_cluster, NULL);
    assert_non_null(f->cluster);
    of_applier = (struct applier_options){.transport = &f->fake.transport,
                                          .cluster = f->cluster,
                                          .log = &f->log,
                                          .in_flight_max = IN_FLIGHT_MAX,
                                          .on_done = keep_result,
                                          .may_delete = may_delete,
                                          .ctx = f};
    f->applier = applier_new(&of_applier, NULL);
    assert_non_null(f->applier);
    begin_plan(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;

    arena_done(&f->arena);
    applier_free(f->applier);
    cluster_free(f->cluster);
    fake_done(&f->fake);
    free(f);
    return 0;
}

static inline struct object_ref policy_ref(const char *name)
{
    return (struct object_ref){KIND_NETWORK_POLICY, "shop", name, ""};
}

static inline void add_write(struct fixture *f, const struct write *write)
{
    assert_non_null(plan_add_write(&f->plan, write));
}

/* A creation of NetworkPolicy shop/@name with the body {"name":"@name"}. */
static inline void add_create(struct fixture *f, const char *name)
{
    char body[128], summary[128];
    struct write write = {.verb = WRITE_CREATE, .object = policy_ref(name)};

    (void)snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
    (void)snprintf(summary, sizeof(summary), "create NetworkPolicy %s", name);
    write.body = body;
    write.summary = summary;
    add_write(f, &write);
}

static inline void add_patch(struct fixture *f, const char *name, const char *uid, const char *rv)
{
    char summary[128];
    struct write write = {.verb = WRITE_PATCH, .object = policy_ref(name), .rv = rv};

    (void)snprintf(summary, sizeof(summary), "mend NetworkPolicy %s", name);
    write.object.uid = uid;
    write.body = "{\"spec\":{}}";
    write.summary = summary;
    add_write(f, &write);
}

static inline void add_delete(struct fixture *f, const char *name, const char *uid, const char *rv)
{
    char summary[128];
    struct write write = {.verb = WRITE_DELETE, .object = policy_ref(name), .rv = rv};

    (void)snprintf(summary, sizeof(summary), "delete NetworkPolicy %s", name);
    write.object.uid = uid;
    write.summary = summary;
    add_write(f, &write);
}

/* Starts what was added, as key "ns/shop", and begins the next plan. */
static inline void start(struct fixture *f)
{
    struct err err = {0};

    if (applier_start(f->applier, "ns/shop", &f->arena, &f->plan, f->fake.now_ms, &err) < 0)
        fail_msg("%s", err.msg);
    begin_plan(f);
}

/* A NetworkPolicy as the API server answers; in one of four static buffers. */
static inline const char *policy_json(const char *name, const char *uid, const char *rv,
                                      const char *more_metadata)
{
    static char texts[4][1024];
    static unsigned next;
    char *text = texts[next++ % 4];

    (void)snprintf(text, sizeof(texts[0]),
                   "{\"kind\":\"NetworkPolicy\",\"apiVersion\":\"networking.k8s.io/v1\","
                   "\"metadata\":{\"name\":\"%s\",\"namespace\":\"shop\",\"uid\":\"%s\","
                   "\"resourceVersion\":\"%s\"%s},\"spec\":{\"podSelector\":{}}}",
                   name, uid, rv, more_metadata);
    return text;
}

/* As if an earlier answer or the watch had brought it. */
static inline void hold(struct fixture *f, const char *name, const char *uid, const char *rv)
{
    const char *text = policy_json(name, uid, rv, "");

    assert_int_equal(store_put(cluster_store(f->cluster, KIND_NETWORK_POLICY), text, strlen(text),
                               NULL),
                     0);
}

static inline const struct object *held(struct fixture *f, const char *name)
{
    return cluster_get(f->cluster, KIND_NETWORK_POLICY, "shop", name);
}

static inline void assert_held(struct fixture *f, const char *name, const char *uid, const char *rv)
{
    const struct object *object = held(f, name);

    assert_non_null(object);
    assert_string_equal(object->uid, uid);
    assert_string_equal(object->rv, rv);
}

static inline const struct http_request *request(struct fixture *f, size_t number)
{
    return &fake_get(&f->fake, number)->request;
}

static inline void answer(struct fixture *f, size_t number, int status, const char *body)
{
    fake_answer(&f->fake, number, status, NULL, body);
}

/* The last plan that ended. */
static inline const struct done *last(struct fixture *f)
{
    assert_true(f->done_count > 0);
    return &f->done[f->done_count - 1];
}

static inline struct applier_stats stats(struct fixture *f)
{
    struct applier_stats result;

    applier_get_stats(f->applier, &result);
    return result;
}

/* The plan that just ended failed at its first write, with this error, and nothing more was sent.
 */
static inline void assert_failed(struct fixture *f, enum err_code code, const char *part)
{
    assert_int_equal(last(f)->result.outcome, APPLY_FAILED);
    assert_int_equal(last(f)->result.err.code, code);
    assert_contains(last(f)->result.err.msg, part);
    assert_int_equal(last(f)->result.writes_done, 0);
    assert_int_equal(applier_in_flight(f->applier), 0);
    assert_int_equal(fake_running(&f->fake), 0);
}

#define APPLIER_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
