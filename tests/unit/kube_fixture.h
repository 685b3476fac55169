/* Shared by the tests of kube/: files under data/kube, short JSON, an arena for each test. */
#ifndef RAMPART_TESTS_KUBE_FIXTURE_H
#define RAMPART_TESTS_KUBE_FIXTURE_H

#include "support/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/arena.h"
#include "rampart/json/get.h"
#include "rampart/kube/object.h"
#include "support/text.h"

/* The caller frees. Tests run in the repository's root. */
static inline char *fixture_text(const char *name, size_t *ret_len)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "tests/unit/data/kube/%s", name);
    return text_file(path, ret_len);
}

/* The caller calls json_decref(). */
static inline json_t *fixture_json(const char *name)
{
    struct err err = {0};
    size_t len;
    char *text = fixture_text(name, &len);
    json_t *root = json_decode(text, len, &err);

    free(text);
    if (!root)
        fail_msg("%s: %s", name, err.msg);
    return root;
}

/* JSON with ' for ", which reads better in C. The caller calls json_decref(). */
static inline json_t *json_of(const char *text)
{
    struct err err = {0};
    char *copy = strdup(text);
    json_t *root;

    assert_non_null(copy);
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    root = json_decode(copy, strlen(copy), &err);
    free(copy);
    if (!root)
        fail_msg("%s: %s", text, err.msg);
    return root;
}

static inline int arena_setup(void **state)
{
    static struct arena arena;

    arena_init(&arena, 16u << 20);
    *state = &arena;
    return 0;
}

static inline int arena_teardown(void **state)
{
    arena_done(*state);
    return 0;
}

#define ARENA_TEST(fn) cmocka_unit_test_setup_teardown(fn, arena_setup, arena_teardown)

/* Decodes and must succeed; borrowed from the arena. NULL for DECODE_SKIP. */
static inline struct object *decode_ok(enum kind kind, const json_t *root, struct arena *a)
{
    struct err err = {0};
    enum decode_result result;
    struct object *object;

    if (object_decode(kind, root, a, &result, &object, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(result, object ? DECODE_KEEP : DECODE_SKIP);
    return object;
}

/* Decodes text with ' for " and must fail with ERR_INVALID and exactly this message. */
static inline void decode_fails(enum kind kind, const char *text, struct arena *a, const char *msg)
{
    struct err err = {0};
    enum decode_result result = (enum decode_result)7;
    struct object *object = NULL;
    json_t *root = json_of(text);

    assert_int_equal(object_decode(kind, root, a, &result, &object, &err), -1);
    json_decref(root);
    assert_string_equal(err.msg, msg);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(result, 7);
    assert_null(object);
}

/* An object whose array @name has @count times @element; "a.b" is member b of a. */
static inline json_t *many(const char *base, const char *parent, const char *name, size_t count,
                           const char *element)
{
    json_t *root = json_of(base);
    json_t *arr = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(arr, json_of(element));
    json_object_set_new(*parent ? json_object_get(root, parent) : root, name, arr);
    return root;
}

#endif
