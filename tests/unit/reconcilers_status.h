/*
 * Shared by the tests of a profile's status: a little cluster whose namespaces have the verdicts
 * that the test gives them.
 */
#ifndef TESTS_UNIT_RECONCILERS_STATUS_H
#define TESTS_UNIT_RECONCILERS_STATUS_H

#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/registry.h"
#include "support/text.h"
#include "support/world.h"

#define NOW "2025-11-24T16:00:00Z" /* world.view.wall_ms */
#define THEN "2020-01-01T00:00:00Z"

static struct world world;
static struct arena arena;
static struct plan plan;

/* What is said of each namespace; the little world has one verdict for all. */
static struct {
    const char *ns;
    struct verdict verdict;
} said[8];
static size_t said_count;
static struct view_ops ops;

static inline const struct verdict *said_of(const void *ctx, const char *ns)
{
    (void)ctx;
    for (size_t i = 0; i < said_count; i++) {
        if (strcmp(said[i].ns, ns) == 0)
            return &said[i].verdict;
    }
    return NULL;
}

static inline int setup(void **state)
{
    (void)state;
    world_init(&world);
    arena_init(&arena, 16 * 1024 * 1024);
    ops = *world.view.ops;
    ops.verdict = said_of;
    world.view.ops = &ops;
    said_count = 0;
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    world_done(&world);
    return 0;
}

static inline void put_namespace(const char *name, const char *labels)
{
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'%s','labels':{%s}}}", name, labels);
}

static inline void put_profile(const char *name, const char *meta, const char *spec,
                               const char *status)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'%s','generation':3%s},'spec':{'namespaceSelector':{"
              "'matchLabels':{'team':'shop'}}%s},'status':{%s}}",
              name, meta, spec, status);
}

#define ENFORCE ",'mode':'Enforce','network':{'allow':{}}"
#define AUDIT ",'network':{'allow':{}}"

static inline void say(const char *ns, const char *profile, enum mode mode,
                       enum verdict_state state, const struct finding *findings, size_t count)
{
    said[said_count].ns = ns;
    said[said_count++].verdict = (struct verdict){.profile = profile,
                                                  .mode = mode,
                                                  .state = state,
                                                  .findings = findings,
                                                  .findings_count = count};
}

static inline struct finding finding_of(enum reason reason, const char *ns, const char *name)
{
    return (struct finding){.reason = reason,
                            .counts_as_failed = reason == REASON_NAME_TAKEN,
                            .object = {KIND_NETWORK_POLICY, ns, name, ""},
                            .rule = "network",
                            .message = name,
                            .profile = "p"};
}

/* The profile's pass; the status that it writes, owned by the caller. */
static inline json_t *status_of(const char *name)
{
    struct err err = {0};
    json_t *root, *status;

    arena_reset(&arena);
    plan_init(&plan, &arena);
    if (registry_ops.plan_profile(&world.view, name, &plan, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(plan.writes_count, 1);
    assert_int_equal(plan.writes[0].verb, WRITE_PATCH_STATUS);
    root = json_decode(plan.writes[0].body, strlen(plan.writes[0].body), NULL);
    assert_non_null(root);
    status = json_incref(json_object_get(root, "status"));
    json_decref(root);
    return status;
}

static inline const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static inline const json_t *condition_of(const json_t *status, const char *type)
{
    const json_t *conditions = json_object_get(status, "conditions");

    for (size_t i = 0; i < json_array_size(conditions); i++) {
        if (strcmp(text_of(json_array_get(conditions, i), "type"), type) == 0)
            return json_array_get(conditions, i);
    }
    fail_msg("there is no condition %s", type);
    return NULL;
}

static inline void assert_condition(const json_t *status, const char *type, const char *value,
                                    const char *reason, const char *part)
{
    const json_t *c = condition_of(status, type);

    assert_string_equal(text_of(c, "status"), value);
    assert_string_equal(text_of(c, "reason"), reason);
    assert_contains(text_of(c, "message"), part);
}

/* "selected compliant drifted failed overridden" */
static inline void assert_counts(const json_t *status, const char *want)
{
    static const char *const names[] = {"selected", "compliant", "drifted", "failed", "overridden"};
    char got[128] = "";

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t len = strlen(got);

        (void)snprintf(got + len, sizeof(got) - len, "%s%d", i ? " " : "",
                       (int)json_integer_value(
                           json_object_get(json_object_get(status, "namespaces"), names[i])));
    }
    assert_string_equal(got, want);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
