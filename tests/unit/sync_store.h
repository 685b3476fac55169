/* Shared by the tests of sync/store: objects in one line, and a store that writes down what it
 * tells. */
#ifndef TESTS_UNIT_SYNC_STORE_H
#define TESTS_UNIT_SYNC_STORE_H

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "rampart/sync/store.h"
#include "support/unit.h"

#define TRACE_LEN_MAX 4096

struct store_trace {
    struct store *store;
    char text[TRACE_LEN_MAX]; /* "+a/x@5 " added, "~a/x@5>6 " changed, "-a/x@6 " gone */
    size_t len;
};

static inline void trace_add(void *ctx, const struct object *before, const struct object *after)
{
    struct store_trace *t = ctx;
    const struct object *o = after ? after : before;
    size_t room = sizeof(t->text) - t->len;
    int len;

    /* The store already shows @after. */
    assert_ptr_equal(store_get(t->store, o->ns, o->name), after);
    if (before && after)
        len = snprintf(t->text + t->len, room, "~%s/%s@%s>%s ", o->ns, o->name, before->rv,
                       after->rv);
    else
        len = snprintf(t->text + t->len, room, "%c%s/%s@%s ", after ? '+' : '-', o->ns, o->name,
                       o->rv);
    if (len > 0 && (size_t)len < room)
        t->len += (size_t)len;
}

static inline void trace_init(struct store_trace *t, enum kind kind, size_t objects_max)
{
    struct err err = {0};

    memset(t, 0, sizeof(*t));
    t->store = store_new(kind, objects_max, trace_add, t, &err);
    assert_non_null(t->store);
}

static inline void trace_done(struct store_trace *t)
{
    store_free(t->store);
}

/* What was told since the last call. */
static inline void told(struct store_trace *t, const char *expected)
{
    assert_string_equal(t->text, expected);
    t->text[0] = '\0';
    t->len = 0;
}

/* A NetworkPolicy; the caller calls json_decref(). uid is "u-<name>" unless given. */
static inline json_t *policy(const char *ns, const char *name, const char *uid, unsigned rv)
{
    char own_uid[300], rv_text[16];
    json_t *root;

    (void)snprintf(own_uid, sizeof(own_uid), "u-%s", name);
    (void)snprintf(rv_text, sizeof(rv_text), "%u", rv);
    root = json_pack("{s:s, s:{s:s, s:s, s:s, s:s}, s:{s:{}}}", "kind", "NetworkPolicy", "metadata",
                     "namespace", ns, "name", name, "uid", uid ? uid : own_uid, "resourceVersion",
                     rv_text, "spec", "podSelector");
    assert_non_null(root);
    return root;
}

static inline void observe(struct store *s, const char *ns, const char *name, unsigned rv)
{
    struct err err = {0};
    json_t *root = policy(ns, name, NULL, rv);

    if (store_observe(s, root, &err) < 0)
        fail_msg("%s", err.msg);
    json_decref(root);
}

static inline void observe_deleted(struct store *s, const char *ns, const char *name,
                                   const char *uid, unsigned rv)
{
    struct err err = {0};
    json_t *root = policy(ns, name, uid, rv);

    if (store_observe_deleted(s, root, &err) < 0)
        fail_msg("%s", err.msg);
    json_decref(root);
}

/* The answer to a write. */
static inline void answer(struct store *s, const char *ns, const char *name, const char *uid,
                          unsigned rv)
{
    struct err err = {0};
    json_t *root = policy(ns, name, uid, rv);
    char *text = json_dumps(root, JSON_COMPACT);

    assert_non_null(text);
    if (store_put(s, text, strlen(text), &err) < 0)
        fail_msg("%s", err.msg);
    json_decref(root);
    mem_free(text); /* jansson allocates through base/alloc.h */
}

/* "a/x@5 b/y@6 " */
static inline void holds(const struct store *s, const char *ns, const char *expected)
{
    AUTO_ARENA arena;
    struct object_list list;
    struct err err = {0};
    char text[TRACE_LEN_MAX] = "";
    size_t len = 0;

    arena_init(&arena, 64u << 20);
    assert_int_equal(store_list(s, ns, &arena, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s/%s@%s ", list.items[i]->ns,
                                list.items[i]->name, list.items[i]->rv);
    assert_string_equal(text, expected);
}

#endif
