/*
 * A little cluster whose workloads are hardened: harden_step() in a loop as the runtime has it, the
 * writes carried out, and a controller that rolls out what the test lets it. What the runtime keeps
 * in memory is lost when the test says so.
 */
#ifndef TESTS_UNIT_RECONCILERS_HARDEN_H
#define TESTS_UNIT_RECONCILERS_HARDEN_H

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/workload.h"
#include "rampart/reconcilers/harden.h"
#include "rampart/reconcilers/pods_evidence.h"
#include "rampart/reconcilers/rollout.h"
#include "support/strategic.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/world.h"

#define WORKLOADS_MAX 8
#define ROUNDS_MAX 16

struct record { /* what the runtime has of a workload */
    enum kind kind;
    char name[32];
    struct harden_memory memory;
    bool has_memory;
    struct harden_step step; /* the last one */
    char finding[1024];      /* its message; "" is none */
    enum reason reason;
    bool was_said;
    char once[32]; /* of the finding; "" is none */
    bool has_turn;
    bool does_crash; /* its pods, once something is filled in */
    unsigned events; /* of findings that were not said before */
    unsigned writes, rollouts;
};

static struct world world;
static struct record records[WORKLOADS_MAX];
static size_t records_count;
static struct pods_evidence pods; /* besides what follows from the status */
static bool may_delete_pods;
static char deleted[128]; /* pods */
static unsigned lives_read, looks, room_looks;
/* Dies at write number @dies_at, from 0 on, before or after the server has done it. */
static int dies_at, writes_done;
static bool dies_after;

static inline int setup(void **state)
{
    (void)state;
    world_init(&world);
    memset(records, 0, sizeof(records));
    records_count = 0;
    pods =
        (struct pods_evidence){.new_message = "", .has_all_tried = true, .has_budget_room = true};
    may_delete_pods = true;
    deleted[0] = '\0';
    lives_read = looks = room_looks = 0;
    dies_at = -1;
    writes_done = 0;
    dies_after = false;
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    world_done(&world);
    return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* ---- Objects ---- */

static inline void put_ns(const char *name, const char *team)
{
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'%s','labels':{'team':'%s'}}}", name,
              team);
}

static unsigned generation_of_profile;

/* @spec: ",'onDelete':'Remove','workloads':{..}". */
static inline void put_profile(const char *name, const char *meta, const char *spec)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'%s','generation':%u%s},'spec':{'mode':'Enforce',"
              "'namespaceSelector':{'matchLabels':{'team':'shop'}}%s}}",
              name, ++generation_of_profile, meta, spec);
}

#define FINALIZER ",'finalizers':['rampart.dev/take-back']"
#define GOING FINALIZER ",'deletionTimestamp':'2026-01-01T00:00:00Z'"
/* @more: further members of rollout. */
#define NOW_SECTION(more)                                                                        \
    ",'workloads':{'fill':{'runAsNonRoot':false},'rollout':{'when':'Now','maxConcurrent':1" more \
    "}}"
#define REMOVE ",'onDelete':'Remove'"

/* As kubectl made it, rolled out and well. @more: further members of spec. */
static inline struct record *put_workload(enum kind kind, const char *name, int replicas,
                                          const char *pod, const char *more)
{
    struct record *r = &records[records_count++];

    assert_true(records_count <= WORKLOADS_MAX);
    *r = (struct record){.kind = kind};
    (void)snprintf(r->name, sizeof(r->name), "%s", name);
    world_put(&world, kind,
              "{'metadata':{'name':'%s','namespace':'shop','generation':2,'labels':{'app':'%s'},"
              "'managedFields':[{'manager':'kubectl-client-side-apply','operation':'Update',"
              "'time':'2026-01-01T00:00:00Z','fieldsV1':{'f:spec':{'f:template':{'f:metadata':{}}}"
              "}}]},'spec':{'replicas':%d%s,'template':{'metadata':{'labels':{'app':'%s'}},"
              "'spec':{%s}}},'status':{'observedGeneration':2,'updatedReplicas':%d,"
              "'readyReplicas':%d,'availableReplicas':%d}}",
              name, name, replicas, more, name, pod, replicas, replicas, replicas);
    return r;
}

#define APP "'containers':[{'name':'app','image':'a:1'}]"

static inline struct record *put_web(void)
{
    return put_workload(KIND_DEPLOYMENT, "web", 2, APP, "");
}

static inline json_t *object_of(const struct record *r)
{
    json_t *object = world_get(&world, r->kind, "shop", r->name);

    assert_non_null(object);
    return object;
}

static inline json_t *template_of(const struct record *r)
{
    return json_object_get(strategic_parent(object_of(r)), "template");
}

static inline const struct workload_facts *facts_of(const struct record *r)
{
    return OBJECT_AS(workload_facts, view_get(&world.view, r->kind, "shop", r->name));
}

static inline bool is_filled(const struct record *r)
{
    return facts_of(r)->fill;
}

/* ---- The controller ---- */

static inline void set_status(const struct record *r, int updated, int ready)
{
    json_t *object = object_of(r), *status = json_object_get(object, "status");
    int64_t generation =
        json_integer_value(json_object_get(json_object_get(object, "metadata"), "generation"));

    json_object_set_new(status, "observedGeneration", json_integer(generation));
    json_object_set_new(status, "updatedReplicas", json_integer(updated));
    json_object_set_new(status, "readyReplicas", json_integer(ready));
    json_object_set_new(status, "availableReplicas", json_integer(ready));
    world_publish(&world, r->kind, "shop", r->name);
}

/* A rollout is over, or is stuck with its first pod. */
static inline void roll_out(const struct record *r)
{
    int replicas = facts_of(r)->replicas;

    if (r->does_crash && is_filled(r))
        set_status(r, 1, replicas > 1 ? replicas - 1 : 0);
    else
        set_status(r, replicas, replicas);
}

static inline void roll_all_out(void)
{
    for (size_t i = 0; i < records_count; i++)
        roll_out(&records[i]);
}

/* As its pods tell. */
static inline struct pods_evidence evidence_of(const struct record *r)
{
    const struct workload_facts *w = facts_of(r);
    struct pods_evidence e = pods;

    if (w->observed_generation < w->generation)
        return e; /* its controller has not seen it yet */
    e.new_count = (size_t)w->replicas_updated;
    e.new_ready = e.new_count;
    e.new_ready_s = world.view.wall_ms / 1000 - 60;
    if (r->does_crash && is_filled(r)) {
        e.new_ready = 0;
        e.new_troubles = POD_CRASH_LOOP;
        e.new_message = "pod web-1: container app: CrashLoopBackOff: cannot write";
    }
    return e;
}

/* ---- The runtime ---- */

static inline void forget_all(void)
{
    for (size_t i = 0; i < records_count; i++)
        records[i].has_memory = records[i].has_turn = false;
}

/* False: it died. */
static inline bool carry_out(struct record *r, const struct plan *plan)
{
    for (size_t i = 0; i < plan->writes_count; i++) {
        const struct write *write = &plan->writes[i];
        json_t *before;
        bool dies = writes_done++ == dies_at;

        if (dies && !dies_after)
            return false;
        assert_non_null(write->summary);
        if (write->verb == WRITE_DELETE) {
            assert_int_equal(write->object.kind, KIND_POD);
            assert_int_equal(write->phase, PHASE_PODS);
            assert_true(write->is_explained);
            (void)snprintf(deleted + strlen(deleted), sizeof(deleted) - strlen(deleted), " %s/%s",
                           write->object.name, write->object.uid);
        } else {
            assert_int_equal(write->verb, WRITE_PATCH_STRATEGIC);
            assert_int_equal(write->phase, PHASE_WORKLOAD);
            before = json_deep_copy(template_of(r));
            world_apply(&world, write);
            r->rollouts += !json_equal(before, template_of(r));
            json_decref(before);
        }
        r->writes++;
        if (dies)
            return false;
    }
    return true;
}

static inline void keep_finding(struct record *r, const struct harden_step *step)
{
    const struct finding *f = step->finding;

    if (step->keeps_finding) {
        assert_null(f);
        return;
    }
    if (f) {
        assert_int_equal(f->object.kind, r->kind);
        assert_string_equal(f->object.name, r->name);
        assert_string_equal(f->rule, HARDEN_RULE);
        assert_non_null(f->profile);
        assert_null(strchr(f->message, '\n'));
        r->events += !step->was_said && strcmp(r->finding, f->message) != 0;
    }
    r->reason = f ? f->reason : REASON_NONE;
    r->was_said = step->was_said;
    (void)snprintf(r->once, sizeof(r->once), "%s", f && f->once ? f->once : "");
    (void)snprintf(r->finding, sizeof(r->finding), "%s", f ? f->message : "");
}

/* One step; false when the process died in it. The texts of r->step are gone afterwards. */
static inline bool step_once(struct record *r, const struct pods_evidence *evidence,
                             const json_t *live)
{
    AUTO_ARENA a;
    struct plan plan;
    struct err err = {0};
    const struct harden_input in = {
        .workload = &facts_of(r)->object,
        .before = r->has_memory ? &r->memory : NULL,
        .evidence = evidence,
        .live = live,
        .has_turn = r->has_turn,
        .may_delete_pods = may_delete_pods,
    };
    bool lives = true;

    arena_init(&a, 4u << 20);
    plan_init(&plan, &a);
    if (harden_step(&world.view, &in, &plan, &r->step, &err) < 0 || plan_check(&plan, &err) < 0)
        fail_msg("%s: %s", r->name, err.msg);
    assert_int_equal(plan.writes_count > 0, r->step.want == HARDEN_WRITE);
    keep_finding(r, &r->step);
    if (!r->step.keeps_before) {
        r->memory = r->step.memory;
        r->has_memory = true;
    }
    if (r->step.want == HARDEN_WRITE)
        lives = carry_out(r, &plan);
    r->step.finding = NULL;
    return lives;
}

/* Steps until it waits for something. */
static inline bool operate_on(struct record *r)
{
    json_t *live = NULL;
    struct pods_evidence evidence;
    bool has_evidence = false, lives = true;
    unsigned round = 0;

    do {
        assert_true(round++ < ROUNDS_MAX);
        lives = step_once(r, has_evidence ? &evidence : NULL, live);
        if (r->step.want == HARDEN_EVIDENCE || r->step.want == HARDEN_ROOM) {
            evidence = evidence_of(r);
            evidence.room.is_known = r->step.want == HARDEN_ROOM;
            room_looks += evidence.room.is_known;
            has_evidence = true;
            looks++;
        } else if (r->step.want == HARDEN_LIVE) {
            live = json_deep_copy(object_of(r));
            lives_read++;
        } else {
            has_evidence = false;
            json_decref(live);
            live = NULL;
        }
    } while (lives && r->step.want != HARDEN_NOTHING);
    json_decref(live);
    return lives;
}

static inline struct harden_turns take_turns(const char *profile)
{
    AUTO_ARENA a;
    struct harden_item items[WORKLOADS_MAX];
    struct harden_turns turns;
    size_t count = 0;

    arena_init(&a, 1u << 20);
    for (size_t i = 0; i < records_count; i++) {
        if (!records[i].step.is_concerned || !records[i].step.profile ||
            strcmp(records[i].step.profile, profile) != 0)
            continue;
        items[count++] = (struct harden_item){.workload = &facts_of(&records[i])->object,
                                              .state = records[i].step.state,
                                              .is_idle = records[i].step.is_idle};
    }
    assert_int_equal(harden_turns(&world.view, profile, false, items, count, &a, &turns, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < records_count; k++) {
            if (items[i].workload == &facts_of(&records[k])->object)
                records[k].has_turn = items[i].has_turn;
        }
    }
    turns.message = "";
    return turns;
}

/* All workloads, with turns between; a process that died begins anew. */
static inline void operate(const char *profile)
{
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < records_count; i++) {
            if (!operate_on(&records[i]))
                forget_all();
            (void)take_turns(profile);
        }
    }
}

static inline void pass_time(int seconds)
{
    world.view.wall_ms += (int64_t)seconds * 1000;
}

static inline enum rollout_phase phase_of(const struct record *r)
{
    struct rollout_mark mark = {.phase = ROLLOUT_NONE};
    AUTO_ARENA a;

    arena_init(&a, 1u << 16);
    if (facts_of(r)->rollout)
        assert_int_equal(rollout_mark_read(facts_of(r)->rollout, &a, &mark, NULL), 0);
    return mark.phase;
}

/* What an owner may look at: not generation, resourceVersion, managedFields. */
static inline json_t *as_owner_sees(const struct record *r)
{
    json_t *copy = json_deep_copy(object_of(r)), *meta = json_object_get(copy, "metadata");

    json_object_del(meta, "generation");
    json_object_del(meta, "resourceVersion");
    json_object_del(meta, "managedFields");
    json_object_del(copy, "status");
    return copy;
}

static inline void assert_same(const struct record *r, json_t *before)
{
    json_t *now = as_owner_sees(r);

    if (!json_equal(before, now))
        fail_msg("%s\n%s", json_dumps(before, JSON_INDENT(1)), json_dumps(now, JSON_INDENT(1)));
    json_decref(now);
    json_decref(before);
}

#endif
