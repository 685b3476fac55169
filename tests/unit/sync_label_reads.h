/* Shared by the tests of sync/label_reads.h: reads on the fake transport, with operations that
 * write down what they are given. */
#ifndef TESTS_UNIT_SYNC_LABEL_READS_H
#define TESTS_UNIT_SYNC_LABEL_READS_H

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/workload.h"
#include "rampart/sync/label_reads.h"
#include "support/api_text.h"
#include "support/fake_transport.h"
#include "support/sweep.h"
#include "support/text.h"

#define NAMESPACE "/api/v1/namespaces/shop"
#define DRY_RUN NAMESPACE "?fieldManager=rampart&dryRun=All"
#define PODS NAMESPACE "/pods?limit=250"
#define JOBS "/apis/batch/v1/namespaces/shop/jobs?limit=250"

struct bench {
    struct fake_transport net;
    struct label_reads *reads;
    struct view view;
    char taken[256]; /* "Pod:a Job:b " */
    bool begin_fails, take_fails;
};

static struct bench *the_bench; /* operations have no context */

static const struct object shop = {
    .kind = KIND_NAMESPACE, .ns = "", .name = "shop", .uid = "u-1", .rv = "7"};
static const struct write patch = {.verb = WRITE_PATCH, .body = "{\"metadata\":{}}"};

static inline int op_begin(const struct view *v, const char *ns, struct arena *a, void **ret_build,
                           struct err *err)
{
    assert_ptr_equal(v, &the_bench->view);
    assert_string_equal(ns, "shop");
    if (the_bench->begin_fails)
        return err_nomem(err);
    *ret_build = arena_alloc(a, 1);
    return *ret_build ? 0 : err_nomem(err);
}

static inline int op_take(const struct view *v, void *build, const struct object *object,
                          struct err *err)
{
    size_t len = strlen(the_bench->taken);

    (void)v;
    assert_non_null(build);
    (void)snprintf(the_bench->taken + len, sizeof(the_bench->taken) - len, "%s:%s ",
                   resource_of(object->kind)->name, object->name);
    return the_bench->take_fails ? err_nomem(err) : 0;
}

static const struct pod_security_ops ops = {.begin = op_begin, .take = op_take};

static inline int bench_new(struct bench *b, struct err *err)
{
    const struct label_reads_options options = {.transport = &b->net.transport,
                                                .ops = &ops,
                                                .view = &b->view};

    memset(b, 0, sizeof(*b));
    the_bench = b;
    fake_init(&b->net);
    b->reads = label_reads_new(&options, err);
    return b->reads ? 0 : -1;
}

static inline void bench_free(struct bench *b)
{
    if (b->reads)
        label_reads_stop(b->reads);
    (void)fake_settle(&b->net);
    for (size_t i = 0; i < b->net.count; i++) {
        if (b->net.exchanges[i].state == FAKE_RUNNING)
            fake_fail(&b->net, i, ERR_CANCELED, "stopping");
    }
    assert_true(!b->reads || label_reads_are_stopped(b->reads));
    label_reads_free(b->reads);
    fake_done(&b->net);
}

static inline int setup(void **state)
{
    static struct bench b;

    assert_int_equal(bench_new(&b, NULL), 0);
    *state = &b;
    return 0;
}

static inline int teardown(void **state)
{
    bench_free(*state);
    return 0;
}

static inline int ask_with(struct bench *b, struct label_read *read, enum pod_security_want want,
                           struct err *err)
{
    if (!read)
        read = label_read_new(b->reads, "labels/shop", err);
    if (!read || label_reads_ask(b->reads, read, want, &shop,
                                 want == POD_SECURITY_GATE ? &patch : NULL, err) < 0)
        return -1;
    label_reads_step(b->reads);
    return 0;
}

static inline void ask(struct bench *b, enum pod_security_want want)
{
    assert_int_equal(ask_with(b, NULL, want, NULL), 0);
}

/* The last request, which is for @path. */
static inline void answer(struct bench *b, const char *path, int status, const char *body)
{
    assert_string_equal(fake_path(&b->net, b->net.count - 1), path);
    fake_answer(&b->net, FAKE_LAST, status, NULL, body);
}

static inline struct label_read *result(struct bench *b)
{
    struct label_read *read;

    assert_true(label_reads_can_go_on(b->reads));
    read = label_reads_next(b->reads);
    assert_non_null(read);
    return read;
}

static inline const char *live_at(const char *uid, const char *rv)
{
    return api_text("{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\",\"uid\":\"%s\","
                    "\"resourceVersion\":\"%s\",\"labels\":{\"pod-security.kubernetes.io/warn\":"
                    "\"baseline\"},\"managedFields\":[{\"manager\":\"rampart\",\"operation\":"
                    "\"Update\",\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{"
                    "\"f:pod-security.kubernetes.io/warn\":{}}}}}]}}",
                    uid, rv);
}

static inline const char *live(const char *uid)
{
    return live_at(uid, shop.rv);
}

static inline const char *page(const char *kind, const char *name, const char *token)
{
    return api_text("{\"kind\":\"%sList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
                    "\"9\",\"continue\":\"%s\"},\"items\":[{\"metadata\":{\"name\":\"%s\","
                    "\"namespace\":\"shop\",\"uid\":\"u\",\"resourceVersion\":\"1\"},\"spec\":{}}]"
                    "}",
                    kind, token, name);
}

#endif
