#include "support/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rampart/json/get.h"
#include "rampart/kube/workload.h"
#include "rampart/reconcilers/policy_spec.h"
#include "support/strategic.h"

static int list(const void *ctx, enum kind kind, const char *ns, struct arena *a,
                struct object_list *ret_list, struct err *err)
{
    return store_list(((const struct world *)ctx)->stores[kind], ns, a, ret_list, err);
}

static const struct object *get(const void *ctx, enum kind kind, const char *ns, const char *name)
{
    return store_get(((const struct world *)ctx)->stores[kind], ns, name);
}

static const struct verdict *verdict(const void *ctx, const char *ns)
{
    const struct world *w = ctx;

    (void)ns;
    return w->has_verdict ? &w->verdict : NULL;
}

static const char *ingress_of(const void *ctx, const char *ns, const char *service)
{
    const struct world *w = ctx;

    (void)ns;
    return w->ingress_to && strcmp(w->ingress_to, service) == 0 ? "front" : NULL;
}

static const struct view_ops ops_of_world = {.list = list,
                                             .get = get,
                                             .verdict = verdict,
                                             .ingress_of = ingress_of};

void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    for (int k = 0; k < KIND_WATCHED_COUNT; k++) {
        w->stores[k] = store_new((enum kind)k, 10000, NULL, NULL, NULL);
        assert_non_null(w->stores[k]);
    }
    arena_init(&w->memory, 64 * 1024 * 1024);
    w->view = (struct view){.ops = &ops_of_world,
                            .ctx = w,
                            .own_namespace = "rampart-system",
                            .wall_ms = 1764000000000};
}

void world_done(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        json_decref(w->objects[i].json);
    for (int k = 0; k < KIND_WATCHED_COUNT; k++)
        store_free(w->stores[k]);
    arena_done(&w->memory);
}

static const char *meta_text(const json_t *object, const char *member)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(object, "metadata"), member));

    return text ? text : "";
}

static struct world_object *find(const struct world *w, enum kind kind, const char *ns,
                                 const char *name)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct world_object *o = &w->objects[i];

        if (o->kind == kind && strcmp(meta_text(o->json, "namespace"), ns ? ns : "") == 0 &&
            strcmp(meta_text(o->json, "name"), name) == 0)
            return (struct world_object *)(uintptr_t)o;
    }
    return NULL;
}

json_t *world_get(const struct world *w, enum kind kind, const char *ns, const char *name)
{
    struct world_object *o = find(w, kind, ns, name);

    return o ? o->json : NULL;
}

size_t world_count(const struct world *w, enum kind kind, const char *ns)
{
    size_t count = 0;

    for (size_t i = 0; i < w->count; i++)
        count += w->objects[i].kind == kind &&
                 strcmp(meta_text(w->objects[i].json, "namespace"), ns) == 0;
    return count;
}

/* The template but for the key of a fill. */
static char *template_text(const json_t *parent)
{
    json_t *template = json_deep_copy(json_object_get(parent, "template"));
    json_t *meta = json_object_get(template, "metadata");
    json_t *annotations = json_object_get(meta, "annotations");
    char *text;

    json_object_del(annotations, ANNOTATION_FILL);
    if (json_object_size(annotations) == 0)
        json_object_del(meta, "annotations");
    text = json_dumps(template, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(template);
    return text;
}

/* As the slice does: the bytes of the template in a few digits beside it. To be freed. */
static char *text_of(enum kind kind, const json_t *object)
{
    json_t *copy = json_deep_copy(object);
    json_t *parent = kind_is_workload(kind) ? strategic_parent(copy) : NULL;
    char *text = parent ? template_text(parent) : NULL;
    char digest[17];

    if (text) {
        policy_spec_hash(text, digest);
        json_object_set_new(parent, "template(digest)", json_string(digest));
        mem_free(text);
    }
    if (kind == KIND_CRON_JOB && json_object_get(copy, "status")) {
        text = json_dumps(json_object_get(copy, "status"), JSON_COMPACT);
        policy_spec_hash(text, digest);
        json_object_set_new(copy, "status(digest)", json_string(digest));
        mem_free(text);
    }
    text = json_dumps(copy, JSON_COMPACT);
    json_decref(copy);
    return text;
}

static void publish(struct world *w, enum kind kind, json_t *object)
{
    char *text = NULL;
    char rv[32];
    struct err err = {0};

    (void)snprintf(rv, sizeof(rv), "%u", ++w->clock);
    json_object_set_new(json_object_get(object, "metadata"), "resourceVersion", json_string(rv));
    text = text_of(kind, object);
    assert_non_null(text);
    if (store_put(w->stores[kind], text, strlen(text), &err) < 0)
        fail_msg("%s\n%s", err.msg, text);
    mem_free(text);
}

static void own_spec(json_t *object, const char *manager)
{
    json_t *meta = json_object_get(object, "metadata");
    json_t *fields = json_object();
    json_t *entry, *entries = json_array();
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(object, "spec"), key, value)
    {
        char name[64];

        (void)snprintf(name, sizeof(name), "f:%s", key);
        json_object_set_new(fields, name, json_object());
    }
    entry = json_pack("{s:s,s:s,s:s,s:{s:o}}", "manager", manager, "operation", "Update", "time",
                      "2026-11-23T12:00:00Z", "fieldsV1", "f:spec", fields);
    json_array_append_new(entries, entry);
    if (strcmp(manager, "rampart") != 0)
        json_array_append_new(entries, json_pack("{s:s,s:s,s:{s:{}}}", "manager", "rampart",
                                                 "operation", "Update", "fieldsV1", "f:metadata"));
    json_object_set_new(meta, "managedFields", entries);
}

static void insert(struct world *w, enum kind kind, json_t *object)
{
    struct world_object *old =
        find(w, kind, meta_text(object, "namespace"), meta_text(object, "name"));
    json_t *meta = json_object_get(object, "metadata");
    char uid[32];

    assert_non_null(meta);
    if (old) {
        json_object_set_new(meta, "uid", json_string(meta_text(old->json, "uid")));
        json_decref(old->json);
        old->json = object;
    } else {
        assert_true(w->count < WORLD_OBJECTS_MAX);
        (void)snprintf(uid, sizeof(uid), "uid-%u", ++w->clock);
        json_object_set_new(meta, "uid", json_string(uid));
        w->objects[w->count++] = (struct world_object){.kind = kind, .json = object};
    }
    publish(w, kind, object);
}

void world_put(struct world *w, enum kind kind, const char *fmt, ...)
{
    char text[16384];
    struct err err = {0};
    json_t *object;
    va_list args;

    va_start(args, fmt);
    assert_true(vsnprintf(text, sizeof(text), fmt, args) < (int)sizeof(text));
    va_end(args);
    for (char *c = text; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    object = json_decode(text, strlen(text), &err);
    if (!object)
        fail_msg("%s\n%s", err.msg, text);
    insert(w, kind, object);
}

void world_remove(struct world *w, enum kind kind, const char *ns, const char *name)
{
    struct world_object *o = find(w, kind, ns, name);

    assert_non_null(o);
    store_delete(w->stores[kind], ns ? ns : "", name, NULL);
    json_decref(o->json);
    *o = w->objects[--w->count];
}

void world_publish(struct world *w, enum kind kind, const char *ns, const char *name)
{
    struct world_object *o = find(w, kind, ns, name);

    assert_non_null(o);
    publish(w, kind, o->json);
}

void world_touch(struct world *w, enum kind kind, const char *ns, const char *name,
                 const char *manager)
{
    struct world_object *o = find(w, kind, ns, name);

    assert_non_null(o);
    own_spec(o->json, manager);
    publish(w, kind, o->json);
}

/* RFC 7386. */
static void merge(json_t *target, const json_t *patch)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)patch, key, value)
    {
        json_t *old = json_object_get(target, key);

        if (json_is_null(value)) {
            json_object_del(target, key);
        } else if (json_is_object(value)) {
            if (!json_is_object(old)) {
                json_object_set_new(target, key, json_object());
                old = json_object_get(target, key);
            }
            merge(old, value);
        } else {
            json_object_set(target, key, value);
        }
    }
}

static json_t *body_of(const struct write *write)
{
    struct err err = {0};
    json_t *body = json_decode(write->body, strlen(write->body), &err);

    if (!body)
        fail_msg("%s\n%s", err.msg, write->body);
    return body;
}

void world_apply(struct world *w, const struct write *write)
{
    const struct object_ref *ref = &write->object;
    struct world_object *o = find(w, ref->kind, ref->ns, ref->name);
    json_t *body;

    if (write->verb == WRITE_CREATE) {
        assert_null(o);
        body = body_of(write);
        own_spec(body, "rampart");
        insert(w, ref->kind, body);
        return;
    }
    assert_non_null(o);
    assert_string_equal(ref->uid, meta_text(o->json, "uid"));
    assert_string_equal(write->rv, meta_text(o->json, "resourceVersion"));
    if (write->verb == WRITE_DELETE) {
        world_remove(w, ref->kind, ref->ns, ref->name);
        return;
    }
    body = body_of(write);
    assert_string_equal(meta_text(body, "uid"), ref->uid);
    assert_string_equal(meta_text(body, "resourceVersion"), write->rv);
    if (write->verb == WRITE_PATCH_STRATEGIC)
        strategic_apply(o->json, body, "rampart");
    else
        merge(o->json, body);
    json_decref(body);
    if (ref->kind == KIND_NETWORK_POLICY)
        own_spec(o->json, "rampart");
    /* The last finalizer of an object that is going lets it go. */
    if (*meta_text(o->json, "deletionTimestamp") &&
        json_array_size(json_object_get(json_object_get(o->json, "metadata"), "finalizers")) == 0) {
        world_remove(w, ref->kind, ref->ns, ref->name);
        return;
    }
    publish(w, ref->kind, o->json);
}

static void keep_verdict(struct world *w, const struct plan *plan)
{
    w->verdict = (struct verdict){.mode = plan->mode,
                                  .state = plan->state,
                                  .in_place = plan->in_place,
                                  .findings_count = 0};
    w->verdict.profile = plan->profile ? arena_strdup(&w->memory, plan->profile) : NULL;
    w->has_verdict = true;
}

void world_plan(struct world *w, const struct reconciler_ops *ops, const char *ns, struct arena *a,
                struct plan *ret_plan)
{
    struct err err = {0};

    plan_init(ret_plan, a);
    if (ops->plan_namespace(&w->view, ns, ret_plan, &err) < 0 || plan_check(ret_plan, &err) < 0)
        fail_msg("plan %s: %s", ns, err.msg);
    plan_sort(ret_plan);
    keep_verdict(w, ret_plan);
}

size_t world_converge(struct world *w, const struct reconciler_ops *ops, const char *ns,
                      unsigned passes_max)
{
    size_t writes = 0;

    for (unsigned pass = 0; pass < passes_max; pass++) {
        AUTO_ARENA a;
        struct plan plan;

        arena_init(&a, 4 * 1024 * 1024);
        world_plan(w, ops, ns, &a, &plan);
        if (plan.writes_count == 0)
            return writes;
        for (size_t i = 0; i < plan.writes_count; i++)
            world_apply(w, &plan.writes[i]);
        writes += plan.writes_count;
    }
    fail_msg("namespace %s: the plan is not empty after %u passes", ns, passes_max);
    return writes;
}
