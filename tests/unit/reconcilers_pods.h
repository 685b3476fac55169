/* Pods, revisions and budgets of one workload, added as the API server lists them. */
#ifndef TESTS_UNIT_RECONCILERS_PODS_H
#define TESTS_UNIT_RECONCILERS_PODS_H

#include <stdio.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/pods_evidence.h"
#include "rollout_fixture.h"
#include "support/text.h"
#include "support/unit.h"

#define OWNER(uid) "\"ownerReferences\":[{\"uid\":\"x\"},{\"controller\":true,\"uid\":\"" uid "\"}]"
#define MARK "{\\\"phase\\\":\\\"%s\\\",\\\"key\\\":\\\"k1\\\",\\\"digest\\\":\\\"d\\\"}"

static struct arena arena;
static struct workload_facts web;
static struct pods_evidence_build build;
static struct pods_evidence found;

static inline int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1u << 22);
    web = fixture_workload();
    pods_evidence_begin(&build, &web, &arena);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

typedef int (*add_fn)(struct pods_evidence_build *b, const json_t *root, struct err *err);

static inline int add(add_fn fn, const char *text, struct err *err)
{
    json_auto_t *root = json_decode(text, strlen(text), err);

    return root ? fn(&build, root, err) : -1;
}

static inline void must_add(add_fn fn, const char *text)
{
    struct err err = {0};

    if (add(fn, text, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
}

static inline void end(void)
{
    assert_int_equal(pods_evidence_end(&build, &found, NULL), 0);
}

/* A ReplicaSet: @fill "" is none; @mark "" is none. */
static inline void marked_set(const char *name, int number, const char *fill, const char *mark)
{
    char text[1024], annotation[256] = "";

    if (*mark)
        (void)snprintf(annotation, sizeof(annotation), ",\"rampart.dev/rollout\":\"%s\"", mark);
    (void)snprintf(text, sizeof(text),
                   "{\"metadata\":{\"name\":\"%s\",\"uid\":\"uid-%s\"," OWNER(
                       "uid-web") ",\"labels\":"
                                  "{\"pod-template-hash\":\"h-%s\"},\"annotations\":{\"deployment."
                                  "kubernetes.io/"
                                  "revision\":\"%d\"%s}},\"spec\":{\"template\":{\"metadata\":{"
                                  "\"annotations\":{"
                                  "\"rampart.dev/fill\":\"%s\"}}}}}",
                   name, name, name, number, annotation, fill);
    must_add(pods_evidence_revision, text);
}

/* @phase NULL: without a mark. */
static inline void replica_set(const char *name, int number, const char *fill, const char *phase)
{
    char mark[128] = "";

    if (phase)
        (void)snprintf(mark, sizeof(mark), MARK, phase);
    marked_set(name, number, fill, mark);
}

/* A pod of ReplicaSet @owner with @status as members of its status. */
static inline void pod(const char *name, const char *owner, const char *status)
{
    char text[2048];

    (void)snprintf(text, sizeof(text),
                   "{\"metadata\":{\"name\":\"%s\",\"uid\":\"uid-%s\",\"ownerReferences\":[{"
                   "\"controller\":true,\"uid\":\"uid-%s\"}]},\"status\":{%s}}",
                   name, name, owner, status);
    must_add(pods_evidence_pod, text);
}

#endif
