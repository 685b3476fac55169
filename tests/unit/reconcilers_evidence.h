/*
 * Evidence as a runtime gathers it: objects as the API server sends them, through frames. For the
 * tests of reconcilers/evidence_ops.h: what is gathered, and its bounds.
 */
#ifndef TESTS_UNIT_RECONCILERS_EVIDENCE_H
#define TESTS_UNIT_RECONCILERS_EVIDENCE_H

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/evidence_ops.h"
#include "rampart/reconcilers/pods_evidence.h"
#include "rampart/sync/frames.h"
#include "rollout_fixture.h"
#include "support/sweep.h"
#include "support/text.h"

struct bench {
    struct arena arena;
    struct workload_facts web;
    void *build;
    enum harden_source source; /* that is given */
    bool is_whole;             /* objects are given as they are, not projected */
    const struct pods_evidence *found;
    const char *selector;
};

static inline int setup(void **state)
{
    static struct bench b;

    b = (struct bench){.web = fixture_workload(), .selector = ""};
    arena_init(&b.arena, HARDEN_EVIDENCE_BYTES_MAX);
    *state = &b;
    return 0;
}

static inline int teardown(void **state)
{
    arena_done(&((struct bench *)*state)->arena);
    return 0;
}

static inline void begin(struct bench *b)
{
    assert_int_equal(evidence_begin(&b->web.object, HARDEN_EVIDENCE, &b->arena, &b->build, NULL),
                     0);
}

static inline int on_frame(void *ctx, const struct frame *frame, struct err *err)
{
    struct bench *b = ctx;

    return frame->type == FRAME_ITEM ? evidence_take(b->build, b->source, frame->object, err) : 0;
}

/* @text: the elements of a list. */
static inline void give(struct bench *b, enum kind kind, const char *text)
{
    struct err err = {0};
    char *list;

    assert_true(asprintf(&list,
                         "{\"kind\":\"%sList\",\"metadata\":{\"resourceVersion\":\"1\"},"
                         "\"items\":[%s]}",
                         resource_of(kind)->name, text) > 0);
    if (b->is_whole) {
        json_t *root = json_decode(list, strlen(list), &err), *item;
        size_t i;

        assert_non_null(root);
        json_array_foreach(json_object_get(root, "items"), i, item)
            assert_int_equal(evidence_take(b->build, b->source, item, NULL), 0);
        json_decref(root);
    } else {
        struct frames *f = frames_new_evidence(kind, on_frame, b, NULL);

        assert_non_null(f);
        if (frames_feed(f, list, strlen(list), &err) < 0)
            fail_msg("%s", err.msg);
        assert_int_equal(frames_end(f, NULL), 0);
        frames_free(f);
    }
    free(list);
}

static inline void select_pods(struct bench *b)
{
    assert_int_equal(evidence_select(b->build, &b->arena, &b->selector, NULL), 0);
}

static inline void end(struct bench *b)
{
    const void *found;

    assert_int_equal(evidence_end(b->build, &found, NULL), 0);
    b->found = found;
}

#define OWNER(uid) "\"ownerReferences\":[{\"kind\":\"X\",\"controller\":true,\"uid\":\"" uid "\"}]"

static const char replica_sets[] =
    "{\"metadata\":{\"name\":\"web-a\",\"namespace\":\"shop\",\"uid\":\"rs-a\",\"labels\":{\"app\":"
    "\"web\",\"pod-template-hash\":\"aa\"},\"annotations\":{\"deployment.kubernetes.io/revision\":"
    "\"1\",\"rampart.dev/rollout\":\"{\\\"phase\\\":\\\"Proven\\\",\\\"key\\\":\\\"k0\\\","
    "\\\"digest\\\":\\\"d\\\"}\"}," OWNER(
        "uid-web") "},\"spec\":{\"replicas\":1,\"template\":{"
                   "\"metadata\":{\"labels\":{\"app\":\"web\"},\"annotations\":{\"rampart.dev/"
                   "fill\":\"k0\"}},"
                   "\"spec\":{\"containers\":[]}}}},"
                   "{\"metadata\":{\"name\":\"web-b\",\"uid\":\"rs-b\",\"labels\":{\"pod-template-"
                   "hash\":\"bb\"},"
                   "\"annotations\":{\"deployment.kubernetes.io/revision\":\"2\"}," OWNER(
                       "uid-web") "},\"spec\":{"
                                  "\"template\":{\"metadata\":{\"annotations\":{\"rampart.dev/"
                                  "fill\":\"k1\"}},\"spec\":{}}}},"
                                  "{\"metadata\":{\"name\":\"other\",\"uid\":\"rs-c\",\"labels\":{"
                                  "\"pod-template-hash\":\"cc\"}," OWNER(
                                      "uid-other") "},\"spec\":{}}";

static const char pods[] =
    "{\"metadata\":{\"name\":\"web-a-1\",\"uid\":\"p1\",\"labels\":{\"pod-template-hash\":\"aa\"}"
    "," OWNER(
        "rs-a") "},\"spec\":{\"containers\":[]},\"status\":{\"phase\":\"Running\","
                "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":"
                "\"1970-01-01T00:01:00Z\"}],\"containerStatuses\":[{\"name\":\"app\",\"ready\":"
                "true,"
                "\"restartCount\":4,\"state\":{\"running\":{\"startedAt\":\"1970-01-01T00:00:30Z\"}"
                "},"
                "\"lastState\":{\"terminated\":{\"reason\":\"OOMKilled\",\"exitCode\":137}},"
                "\"user\":{"
                "\"linux\":{\"uid\":1001,\"gid\":0}}}],\"initContainerStatuses\":[{\"name\":"
                "\"init\","
                "\"user\":{\"linux\":{\"uid\":0}}}]}},"
                "{\"metadata\":{\"name\":\"web-b-1\",\"uid\":\"p2\"," OWNER(
                    "rs-b") "},\"status\":{"
                            "\"containerStatuses\":[{\"name\":\"app\",\"state\":{\"waiting\":{"
                            "\"reason\":"
                            "\"CreateContainerConfigError\",\"message\":\"container has "
                            "runAsNonRoot and image will run as "
                            "root\"}}}]}},"
                            "{\"metadata\":{\"name\":\"web-b-2\",\"uid\":\"p3\","
                            "\"deletionTimestamp\":"
                            "\"1970-01-01T00:01:00Z\"," OWNER(
                                "rs-b") "},\"status\":{}},"
                                        "{\"metadata\":{\"name\":\"other-1\",\"uid\":\"p4\"," OWNER(
                                            "rs-c") "},\"status\":{}}";

static const char budgets[] =
    "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"minAvailable\":1,\"selector\":{\"matchLabels\":{"
    "\"app\":\"web\"}}},\"status\":{\"disruptionsAllowed\":0}}";

static const struct label app_web[] = {{"app", "web"}};

static inline void give_revision(struct bench *b, const char *uid, const char *hash)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "{\"metadata\":{\"name\":\"x\",\"uid\":\"%s\",\"labels\":{"
                   "\"pod-template-hash\":\"%s\"}," OWNER("uid-web") "},\"spec\":{}}",
                   uid, hash);
    b->source = HARDEN_REVISIONS;
    give(b, KIND_REPLICA_SET, text);
}

#define OPS_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
