/* Shared by the tests of sync/workqueue: calls that must succeed, and what must come out. */
#ifndef TESTS_UNIT_SYNC_QUEUE_H
#define TESTS_UNIT_SYNC_QUEUE_H

#include "rampart/sync/workqueue.h"
#include "support/unit.h"

static inline struct workqueue *queue(size_t keys_max)
{
    struct err err = {0};
    struct workqueue *q = workqueue_new(keys_max, &err);

    assert_non_null(q);
    return q;
}

static inline void add(struct workqueue *q, const char *key)
{
    struct err err = {0};

    if (workqueue_add(q, key, &err) < 0)
        fail_msg("%s", err.msg);
}

static inline void add_at(struct workqueue *q, const char *key, uint64_t due_ms)
{
    struct err err = {0};

    if (workqueue_add_at(q, key, due_ms, &err) < 0)
        fail_msg("%s", err.msg);
}

static inline void add_failed(struct workqueue *q, const char *key, uint64_t now_ms)
{
    struct err err = {0};

    if (workqueue_add_failed(q, key, now_ms, 0, &err) < 0)
        fail_msg("%s", err.msg);
}

static inline void takes(struct workqueue *q, uint64_t now_ms, const char *expected)
{
    const char *key = workqueue_take(q, now_ms);

    if (!expected)
        assert_null(key);
    else
        assert_string_equal(key ? key : "(nothing)", expected);
}

static inline void takes_and_is_done(struct workqueue *q, uint64_t now_ms, const char *expected)
{
    takes(q, now_ms, expected);
    workqueue_done(q, expected);
}

#endif
