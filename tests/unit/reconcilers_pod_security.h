/*
 * For the tests of reconcilers/pod_security.h: the namespace "shop" in a little cluster, whose API
 * server keeps managedFields of labels, warns as the test says, and lists the Pods that it was
 * given. look() is a pass as the runtime makes it.
 */
#ifndef TESTS_UNIT_RECONCILERS_POD_SECURITY_H
#define TESTS_UNIT_RECONCILERS_POD_SECURITY_H

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/pod_security_owners.h"
#include "rampart/kube/scanned.h"
#include "rampart/reconcilers/pod_security.h"
#include "support/text.h"
#include "support/world.h"

#define PODS_MAX 16
#define LOOK_STEPS_MAX 8
#define PREFIX "pod-security.kubernetes.io/"

static struct world world;
static struct arena arena;      /* of a pass */
static struct arena said_arena; /* of what the last one said */
static struct plan plan;        /* of the last step */
static struct pod_security_step last;
static struct view view;
static struct view_ops view_ops;
static struct verdict said;
static bool has_said;
static const char *warning = "";   /* of the API server; "": none */
static const char *pods[PODS_MAX]; /* JSON with ' for " */
static enum kind pod_kinds[PODS_MAX];
static size_t pods_count;
static char trace[1024]; /* what was asked: "owners gate pods write " */
static char event[2048]; /* reason and message of the last write's Event; "" */

static inline const struct verdict *get_said(const void *ctx, const char *ns)
{
    (void)ctx;
    return has_said && strcmp(ns, "shop") == 0 ? &said : NULL;
}

static inline int setup(void **state)
{
    (void)state;
    world_init(&world);
    arena_init(&arena, 32u * 1024 * 1024);
    arena_init(&said_arena, 1024 * 1024);
    view_ops = *world.view.ops;
    view_ops.pod_security = get_said;
    view = world.view;
    view.ops = &view_ops;
    has_said = false;
    warning = "";
    pods_count = 0;
    *trace = '\0';
    *event = '\0';
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{'team':'shop'}}}");
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    arena_done(&said_arena);
    arena_done(&arena);
    world_done(&world);
    return 0;
}

/* ---- The API server ---- */

static inline json_t *meta_of(const char *ns)
{
    json_t *meta = json_object_get(world_get(&world, KIND_NAMESPACE, NULL, ns), "metadata");

    assert_non_null(meta);
    return meta;
}

static inline json_t *member(json_t *obj, const char *name)
{
    if (!json_object_get(obj, name))
        json_object_set_new(obj, name, json_object());
    return json_object_get(obj, name);
}

/* The labels that an entry of managedFields has; made where it is not there. */
static inline json_t *fields_of(json_t *meta, const char *manager)
{
    json_t *entries = json_object_get(meta, "managedFields"), *entry;
    size_t i;

    if (!entries) {
        json_object_set_new(meta, "managedFields", json_array());
        entries = json_object_get(meta, "managedFields");
    }
    json_array_foreach(entries, i, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "manager")), manager) == 0)
            return member(member(member(entry, "fieldsV1"), "f:metadata"), "f:labels");
    }
    entry = json_pack("{s:s,s:s}", "manager", manager, "operation", "Update");
    json_array_append_new(entries, entry);
    return member(member(member(entry, "fieldsV1"), "f:metadata"), "f:labels");
}

static inline void disown(json_t *meta, const char *field)
{
    json_t *entries = json_object_get(meta, "managedFields"), *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        json_object_del(json_object_get(json_object_get(json_object_get(entry, "fieldsV1"),
                                                        "f:metadata"),
                                        "f:labels"),
                        field);
    }
}

/* @value NULL: removes it. */
static inline void note_owner(json_t *meta, const char *manager, const char *label,
                              const char *value)
{
    char field[160];

    (void)snprintf(field, sizeof(field), "f:%s", label);
    disown(meta, field);
    if (value)
        json_object_set_new(fields_of(meta, manager), field, json_object());
}

/* Somebody sets a label, or removes it (NULL): "enforce", say. */
static inline void user_sets(const char *name, const char *value)
{
    json_t *meta = meta_of("shop");
    char label[128];

    (void)snprintf(label, sizeof(label), PREFIX "%s", name);
    note_owner(meta, "kubectl-label", label, value);
    if (value)
        json_object_set_new(member(meta, "labels"), label, json_string(value));
    else
        json_object_del(member(meta, "labels"), label);
    world_publish(&world, KIND_NAMESPACE, NULL, "shop");
}

/* Git states it too, by `kubectl apply`, which leaves no trace in managedFields. */
static inline void git_states(const char *name, const char *value)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":{\"" PREFIX "%s\":\"%s\"}}}",
                   name, value);
    json_object_set_new(member(meta_of("shop"), "annotations"),
                        "kubectl.kubernetes.io/last-applied-configuration", json_string(text));
    world_publish(&world, KIND_NAMESPACE, NULL, "shop");
}

static inline void apply(const struct write *write)
{
    struct err err = {0};
    json_t *body = json_decode(write->body, strlen(write->body), &err);
    json_t *labels = json_object_get(json_object_get(body, "metadata"), "labels"), *value;
    const char *label;

    assert_int_equal(write->object.kind, KIND_NAMESPACE);
    assert_int_equal(write->verb, WRITE_PATCH);
    world_apply(&world, write);
    json_object_foreach(labels, label, value)
    {
        note_owner(meta_of(write->object.name), "rampart", label, json_string_value(value));
    }
    world_publish(&world, KIND_NAMESPACE, NULL, write->object.name);
    json_decref(body);
    *event = '\0';
    if (write->after)
        (void)snprintf(event, sizeof(event), "%s: %s", reason_name(write->after->reason),
                       write->after->message);
}

/* ---- A pass ---- */

static inline void tell(const char *what)
{
    assert_true(strlen(trace) + strlen(what) + 2 < sizeof(trace));
    (void)strcat(strcat(trace, what), " ");
}

static inline void read_owners(const char *ns, struct pod_security_known *known,
                               struct pod_security_owners *owners)
{
    json_t *object = json_copy(world_get(&world, KIND_NAMESPACE, NULL, ns));
    struct err err = {0};
    char *text;

    json_object_set_new(object, "kind", json_string("Namespace"));
    text = json_dumps(object, 0);
    if (pod_security_owners_decode(text, strlen(text), ns, owners, &err) < 0)
        fail_msg("%s", err.msg);
    mem_free(text);
    json_decref(object);
    known->owners_rv = owners->rv;
    known->ours = owners->ours;
}

static inline const struct object *pod_object(size_t i, struct arena *a)
{
    char text[4096];
    enum decode_result result;
    struct object *object;
    struct err err = {0};
    json_t *root;

    assert_non_null(pods[i]);
    (void)snprintf(text, sizeof(text), "%s", pods[i] ? pods[i] : "");
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    root = json_decode(text, strlen(text), &err);
    if (!root || object_decode(pod_kinds[i], root, a, &result, &object, &err) < 0)
        fail_msg("%s", err.msg);
    json_decref(root);
    return object;
}

static inline void list_pods(const char *ns, struct pod_security_known *known)
{
    struct err err = {0};
    void *build;

    assert_int_equal(pod_security_begin(&view, ns, &said_arena, &build, &err), 0);
    for (size_t i = 0; i < pods_count; i++)
        assert_int_equal(pod_security_take(&view, build, pod_object(i, &said_arena), &err), 0);
    known->violators = build;
}

static inline void keep_said(void)
{
    struct finding *findings = arena_calloc(&said_arena, PLAN_FINDINGS_MAX, sizeof(*findings));

    for (size_t i = 0; i < plan.findings_count; i++) {
        findings[i] = plan.findings[i];
        findings[i].message = arena_strdup(&said_arena, plan.findings[i].message);
    }
    said =
        (struct verdict){.profile = plan.profile ? arena_strdup(&said_arena, plan.profile) : NULL,
                         .mode = plan.mode,
                         .state = plan.state,
                         .findings = findings,
                         .findings_count = plan.findings_count,
                         .in_place = plan.in_place};
    has_said = true;
}

static inline void step_at(const char *ns, const struct pod_security_known *known)
{
    struct err err = {0};

    arena_reset(&arena);
    plan_init(&plan, &arena);
    if (pod_security_step(&view, ns, known, &plan, &last, &err) < 0 || plan_check(&plan, &err) < 0)
        fail_msg("%s", err.msg);
    plan_sort(&plan);
}

/* One pass, to its write or its rest. True: it wrote. */
static inline bool look_at(const char *ns)
{
    struct pod_security_known known = {.ours = 0};
    struct pod_security_owners owners;
    const struct namespace_facts *facts;

    for (unsigned i = 0; i < LOOK_STEPS_MAX; i++) {
        step_at(ns, &known);
        facts = OBJECT_AS(namespace_facts, view_get(&view, KIND_NAMESPACE, "", ns));
        switch (last.want) {
        case POD_SECURITY_OWNERS:
            tell("owners");
            read_owners(ns, &known, &owners);
            break;
        case POD_SECURITY_GATE:
            tell("gate");
            assert_int_equal(plan.writes_count, 1);
            known.gate_rv = facts->object.rv;
            known.warning = warning;
            break;
        case POD_SECURITY_VIOLATORS:
            tell("pods");
            list_pods(ns, &known);
            break;
        case POD_SECURITY_WRITE:
            tell("write");
            assert_int_equal(plan.writes_count, 1);
            apply(&plan.writes[0]);
            keep_said();
            return true;
        case POD_SECURITY_NOTHING:
            assert_int_equal(plan.writes_count, 0);
            keep_said();
            return false;
        }
    }
    fail_msg("it asks again and again: %s", trace);
    return false;
}

/* Until it rests; how many writes it took. */
static unsigned look(void)
{
    unsigned writes = 0;

    *trace = '\0';
    while (look_at("shop"))
        assert_true(++writes < LOOK_STEPS_MAX);
    return writes;
}

/* ---- What there is ---- */

/* A profile "restricted" in Enforce with such a section, and others of spec in front. */
static inline void profile(const char *rest, const char *section)
{
    static unsigned generation;

    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'restricted','generation':%u,'finalizers':["
              "'rampart.dev/take-back']},'spec':{'mode':'Enforce',"
              "'namespaceSelector':{'matchLabels':{'team':'shop'}},%s"
              "'podSecurityAdmission':{%s}}}",
              ++generation, rest, section);
}

#define ALL "'enforce':'baseline','warn':'restricted','audit':'restricted','version':'v1.30'"

/* A pod template that baseline refuses, or not. */
static inline void workload(enum kind kind, const char *name, bool is_privileged)
{
    const char *spec = is_privileged ? "{'containers':[{'name':'c','securityContext':{'privileged':"
                                       "true}}]}"
                                     : "{'containers':[{'name':'c'}]}";

    if (kind == KIND_CRON_JOB)
        world_put(&world, kind,
                  "{'metadata':{'namespace':'shop','name':'%s'},'spec':{'jobTemplate':{'spec':{"
                  "'template':{'spec':%s}}}}}",
                  name, spec);
    else
        world_put(&world, kind,
                  "{'metadata':{'namespace':'shop','name':'%s'},'spec':{'template':{'spec':%s}}}",
                  name, spec);
}

/* NULL: not there. */
static inline const char *label(const char *name)
{
    char key[128];

    (void)snprintf(key, sizeof(key), PREFIX "%s", name);
    return json_string_value(json_object_get(json_object_get(meta_of("shop"), "labels"), key));
}

static inline void assert_label(const char *name, const char *value)
{
    if (value && label(name))
        assert_string_equal(label(name), value);
    else if (value || label(name))
        fail_msg("label %s is %s, expected %s", name, label(name) ? label(name) : "not there",
                 value ? value : "none");
}

static inline const char *mark(void)
{
    return json_string_value(
        json_object_get(json_object_get(meta_of("shop"), "annotations"), ANNOTATION_POD_SECURITY));
}

/* The message of the finding that was said with this reason; NULL: none. */
static inline const char *finding_of(enum reason reason)
{
    for (size_t i = 0; i < said.findings_count; i++) {
        if (said.findings[i].reason == reason)
            return said.findings[i].message;
    }
    return NULL;
}

static inline void assert_says(enum reason reason, const char *part)
{
    const char *message = finding_of(reason);

    if (!message || !strstr(message, part))
        fail_msg("%s: want \"%s\" in: %s", reason_name(reason), part, message ? message : "-");
}

#endif
