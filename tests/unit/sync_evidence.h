/* Shared by the tests of sync/evidence.h: a reader on the fake transport, with operations that
 * write down what they are given. */
#ifndef RAMPART_TESTS_SYNC_EVIDENCE_H
#define RAMPART_TESTS_SYNC_EVIDENCE_H

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/kube/workload.h"
#include "rampart/sync/evidence.h"
#include "support/api_text.h"
#include "support/fake_transport.h"
#include "support/text.h"

#define REVISIONS "/apis/apps/v1/namespaces/shop/replicasets?limit=250"
#define PODS "/api/v1/namespaces/shop/pods?limit=250"
#define BUDGETS "/apis/policy/v1/namespaces/shop/poddisruptionbudgets?limit=250"
#define LIMITS "/api/v1/namespaces/shop/limitranges?limit=250"
#define QUOTAS "/api/v1/namespaces/shop/resourcequotas?limit=250"
#define AUTOSCALERS "/apis/autoscaling.k8s.io/v1/namespaces/shop/verticalpodautoscalers?limit=250"
#define LIVE "/apis/apps/v1/namespaces/shop/deployments/web"

enum op { OP_NONE = 0, OP_BEGIN, OP_TAKE, OP_SELECT, OP_END };

struct bench {
    struct fake_transport net;
    struct cluster *cluster;
    struct evidence *evidence;
    char trace[8192]; /* what the operations and the receiver were told */
    const char *selector;
    enum op fails; /* this operation does */
    struct evidence_result last;
    char message[ERR_MSG_MAX]; /* of the last result */
    char digest[64];           /* of the last result */
    struct arena taken;        /* of the last result, when @takes */
    json_t *live;              /* of the last result, held */
    bool takes;                /* the receiver keeps what it gets */
    bool goes_on;              /* the receiver starts the next one, once */
};

static struct bench *the_bench; /* operations have no context */

static void note(const char *what)
{
    size_t len = strlen(the_bench->trace);

    assert_true(snprintf(the_bench->trace + len, sizeof(the_bench->trace) - len, "%s ", what) <
                (int)(sizeof(the_bench->trace) - len));
}

static int answer_of(enum op op, struct err *err)
{
    return the_bench->fails == op ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

static int op_begin(const struct object *workload, enum harden_want want, struct arena *a,
                    void **ret_build, struct err *err)
{
    int *count = arena_alloc(a, sizeof(*count));

    note(api_text("begin-%s%s", workload->name, want == HARDEN_ROOM ? "-room" : ""));
    if (!count)
        return err_nomem(err);
    *ret_build = count;
    return answer_of(OP_BEGIN, err);
}

static int op_take(void *build, enum harden_source source, const json_t *root, struct err *err)
{
    const json_t *meta = json_object_get(root, "metadata");

    ++*(int *)build;
    note(api_text("%c:%s", "RPBLQA"[source], json_string_value(json_object_get(meta, "name"))));
    return answer_of(OP_TAKE, err);
}

static int op_select(void *build, struct arena *a, const char **ret_selector, struct err *err)
{
    assert_non_null(build);
    note("select");
    *ret_selector = arena_strdup(a, the_bench->selector);
    return *ret_selector ? answer_of(OP_SELECT, err) : err_nomem(err);
}

static int op_end(void *build, const void **ret_evidence, struct err *err)
{
    note("end");
    *ret_evidence = build;
    return answer_of(OP_END, err);
}

static const struct harden_ops ops = {
    .evidence_begin = op_begin,
    .evidence_take = op_take,
    .evidence_select = op_select,
    .evidence_end = op_end,
};

static inline const struct object *workload(struct bench *b, enum kind kind, const char *name)
{
    return cluster_get(b->cluster, kind, "shop", name);
}

static void on_result(void *ctx, struct evidence_result *result, uint64_t now_ms)
{
    struct bench *b = ctx;

    assert_int_equal(now_ms, b->net.now_ms);
    note(api_text("done-%s-%s", result->key, err_code_name(result->err.code)));
    assert_int_equal(result->evidence != NULL,
                     result->err.code == ERR_NONE && result->want != HARDEN_LIVE);
    assert_int_equal(result->live != NULL,
                     result->err.code == ERR_NONE && result->want == HARDEN_LIVE);
    if (!result->evidence)
        assert_int_equal(result->arena->used, 0);
    b->last = *result;
    (void)snprintf(b->message, sizeof(b->message), "%s", result->err.msg);
    (void)snprintf(b->digest, sizeof(b->digest), "%s", result->template_digest);
    if (b->takes && result->evidence) {
        b->taken = *result->arena;
        *result->arena = (struct arena){0};
    }
    if (b->takes)
        b->live = json_incref(result->live);
    if (b->goes_on) {
        b->goes_on = false;
        assert_int_equal(evidence_start(b->evidence, HARDEN_LIVE, "next",
                                        workload(b, KIND_DEPLOYMENT, "web"), NULL),
                         0);
    }
}

/* As if the watch had brought it; the digest changes with @image. */
static inline void hold(struct bench *b, enum kind kind, const char *name, const char *uid,
                        unsigned rv, const char *image)
{
    const char *text =
        api_text("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"shop\",\"uid\":\"%s\","
                 "\"resourceVersion\":\"%u\"},\"spec\":{\"template\":{},\"template(digest)\":"
                 "\"%s\"}}",
                 name, uid, rv, image);

    assert_int_equal(store_put(cluster_store(b->cluster, kind), text, strlen(text), NULL), 0);
}

static inline int bench_new(struct bench *b, struct err *err)
{
    struct cluster_options of_cluster = {.transport = &b->net.transport, .seed = 1};
    struct evidence_options options = {.transport = &b->net.transport,
                                       .ops = &ops,
                                       .on_done = on_result,
                                       .ctx = b};

    *b = (struct bench){.selector = ""};
    the_bench = b;
    fake_init(&b->net);
    b->net.now_ms = 1000;
    b->cluster = cluster_new(&of_cluster, err);
    if (!b->cluster)
        return -1;
    options.cluster = b->cluster;
    b->evidence = evidence_new(&options, err);
    return b->evidence ? 0 : -1;
}

static inline void bench_free(struct bench *b)
{
    arena_done(&b->taken);
    json_decref(b->live);
    evidence_free(b->evidence);
    cluster_free(b->cluster);
    fake_done(&b->net);
}

static inline int setup(void **state)
{
    static struct bench b;

    assert_int_equal(bench_new(&b, NULL), 0);
    hold(&b, KIND_DEPLOYMENT, "web", "u-web", 1, "d0");
    *state = &b;
    return 0;
}

static inline int teardown(void **state)
{
    struct bench *b = *state;

    evidence_stop(b->evidence);
    (void)fake_settle(&b->net);
    assert_true(evidence_is_stopped(b->evidence));
    bench_free(b);
    return 0;
}

static inline void told(struct bench *b, const char *want)
{
    assert_string_equal(b->trace, want);
    *b->trace = '\0';
}

/* Reads Deployment shop/web under the key "k". */
static inline void begin(struct bench *b, enum harden_want want)
{
    struct err err = {0};

    if (evidence_start(b->evidence, want, "k", workload(b, KIND_DEPLOYMENT, "web"), &err) < 0)
        fail_msg("%s", err.msg);
}

/* The one request that runs is for this; it is answered with @status and @body. */
static inline void answer(struct bench *b, const char *path, int status, const char *body)
{
    assert_int_equal(fake_running(&b->net), 1);
    assert_string_equal(fake_path(&b->net, FAKE_LAST), path);
    fake_answer(&b->net, FAKE_LAST, status, NULL, body);
    (void)fake_settle(&b->net);
}

static inline const char *item(const char *name)
{
    return api_text("{\"metadata\":{\"name\":\"%s\"}}", name);
}

static inline const char *page(const char *kind, const char *items, const char *token)
{
    return api_text("{\"kind\":\"%sList\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":"
                    "\"%s\"},\"items\":[%s]}",
                    kind, token, items);
}

static inline const char *expired(void)
{
    return fake_status(410, "Expired", NULL, "the continue token is too old");
}

static inline const char *live_object(const char *kind, const char *name, const char *uid)
{
    return api_text("{\"kind\":\"%s\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"%s\","
                    "\"uid\":\"%s\",\"managedFields\":[{\"manager\":\"rampart\"}]}}",
                    kind, name, uid);
}

#define EVIDENCE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
