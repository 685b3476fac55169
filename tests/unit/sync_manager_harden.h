/*
 * Hardening as the test says, for the tests of sync/manager.h. The mark of a deployment is its
 * state: "" (nothing so far), "runs", "proven", "failed", "stuck", "idle". By name: "idle..." runs
 * no pods. A step is traced as "step/NAME", with "+turn", "+evidence", "+live" and "+before" for
 * what it was given.
 */
#ifndef TESTS_UNIT_SYNC_MANAGER_HARDEN_H
#define TESTS_UNIT_SYNC_MANAGER_HARDEN_H

#include "rampart/kube/workload.h"
#include "rampart/sync/evidence.h"
#include "rampart/sync/hardenings.h"
#include "sync_manager.h"

#define LOOK_S 5

/* What the steps do; the test changes it at will. */
struct harden_script {
    unsigned concurrent_max;
    unsigned pause_at;   /* so many failures pause the profile; 0: never */
    bool looks;          /* a turn leads to a look at the pods, unless the mark is "idle" */
    bool reads_live;     /* and then at the live object */
    const char *refuses; /* what the pods say against a fill; NULL: nothing */
    bool wastes_turns;   /* a turn leads to nothing, and it waits for the next one */
    const char *outcome; /* of what runs; NULL: it goes on */
    const char *says;    /* a finding about each workload that does nothing; NULL: none */
    enum reason reason;  /* its */
    bool was_said;       /* it, by the process before */
    bool keeps_before;   /* each step */
    bool keeps_finding;  /* each step */
    bool is_unconcerned; /* every workload */
    bool is_nobodys;     /* no profile decides */
    bool writes_nothing; /* of what is to be written, nothing is in the plan */
    bool asks_twice;     /* for evidence that it has */
    const char *profile; /* who decides */
    unsigned steps_fail; /* so many of the next ones */
    unsigned turns_fail;
    unsigned ends_fail;     /* of evidence */
    unsigned turns_asked;   /* counted */
    uint64_t before_digest; /* of the memory that the last step was given; the generation seen */
    uint64_t taken;         /* objects that the last evidence was given */
};

static struct harden_script hardens;

static inline void trace_step(const struct harden_input *in)
{
    trace_pass("step", api_text("%s%s%s%s%s", in->workload->name, in->has_turn ? "+turn" : "",
                                in->evidence ? "+evidence" : "", in->live ? "+live" : "",
                                in->before ? "+before" : ""));
}

static inline struct finding finding_about(const struct object *workload, enum reason reason,
                                           const char *message)
{
    return (struct finding){.reason = reason,
                            .is_warning = true,
                            .object = {workload->kind, workload->ns, workload->name, workload->uid},
                            .rule = "workloads",
                            .message = message,
                            .profile = hardens.profile};
}

/* Writes the mark. */
static inline void mark_as(const struct harden_input *in, struct plan *plan,
                           struct harden_step *step, const char *mark, const struct finding *after)
{
    struct write write = {
        .verb = WRITE_PATCH_STRATEGIC,
        .phase = PHASE_WORKLOAD,
        .object = {in->workload->kind, in->workload->ns, in->workload->name, in->workload->uid},
        .rv = in->workload->rv,
        .body = api_text("{\"mark\":\"%s\"}", mark),
        .summary = "fill in",
        .profile = hardens.profile,
        .after = after,
    };

    step->want = HARDEN_WRITE;
    step->keeps_before = false;
    if (!hardens.writes_nothing)
        (void)plan_add_write(plan, &write);
}

static inline void delete_pod(const struct harden_input *in, struct plan *plan,
                              struct harden_step *step)
{
    const struct write write = {
        .verb = WRITE_DELETE,
        .phase = PHASE_PODS,
        .object = {KIND_POD, in->workload->ns, api_text("%s-0", in->workload->name), "u-1"},
        .summary = "delete a stuck pod",
    };

    step->want = HARDEN_WRITE;
    (void)plan_add_write(plan, &write);
}

static inline int step_says(struct plan *plan, struct harden_step *step,
                            const struct object *workload, enum reason reason, const char *message)
{
    struct finding *finding = arena_alloc(plan->arena, sizeof(*finding));
    char *copy = arena_strdup(plan->arena, message);

    if (!finding || !copy)
        return -1;
    *finding = finding_about(workload, reason, copy);
    step->finding = finding;
    step->was_said = hardens.was_said;
    return 0;
}

static inline int step_begins(const struct harden_input *in, struct plan *plan,
                              struct harden_step *step)
{
    step->state = HARDEN_WAITS;
    if (!in->has_turn || hardens.wastes_turns)
        return 0;
    if (hardens.looks && !step->is_idle && (!in->evidence || hardens.asks_twice)) {
        step->want = HARDEN_EVIDENCE;
    } else if (hardens.reads_live && !in->live) {
        step->want = HARDEN_LIVE;
    } else if (hardens.refuses) {
        step->state = HARDEN_IDLE;
        return step_says(plan, step, in->workload, REASON_WORKLOAD_SKIPPED, hardens.refuses);
    } else {
        mark_as(in, plan, step, step->is_idle ? "idle" : "runs", NULL);
    }
    return 0;
}

static inline void step_runs(const struct view *v, const struct harden_input *in, struct plan *plan,
                             struct harden_step *step)
{
    const struct finding after = finding_about(in->workload, REASON_REVERTED, "it was taken back");

    step->state = HARDEN_RUNS;
    step->look_again_s = v->wall_ms / 1000 + LOOK_S;
    if (!hardens.outcome)
        return;
    if (!in->evidence)
        step->want = HARDEN_EVIDENCE;
    else
        mark_as(in, plan, step, hardens.outcome,
                strcmp(hardens.outcome, "failed") == 0 ? &after : NULL);
}

static inline int script_step(const struct view *v, const struct harden_input *in,
                              struct plan *plan, struct harden_step *ret_step, struct err *err)
{
    const struct workload_facts *w = OBJECT_AS(workload_facts, in->workload);
    const char *mark = w->rollout ? w->rollout : "";
    struct harden_step step = {.look_again_s = INT64_MAX,
                               .is_concerned = !hardens.is_unconcerned,
                               .is_idle = starts(in->workload->name, "idle"),
                               .profile = hardens.is_nobodys ? NULL : hardens.profile,
                               .keeps_before = hardens.keeps_before,
                               .keeps_finding = hardens.keeps_finding};
    int result = 0;

    trace_step(in);
    hardens.before_digest = in->before ? in->before->digest : 0;
    step.memory.digest = (uint64_t)w->generation;
    if (script_fails(&hardens.steps_fail, err) < 0)
        return -1;
    if (strcmp(mark, "proven") == 0) {
        step.state = HARDEN_PROVEN;
    } else if (strcmp(mark, "failed") == 0) {
        step.state = HARDEN_FAILED;
        result = step_says(plan, &step, in->workload, REASON_REVERTED, "it was taken back");
    } else if (strcmp(mark, "stuck") == 0) {
        step.state = HARDEN_RUNS;
        if (in->may_delete_pods)
            delete_pod(in, plan, &step);
        else
            result = step_says(plan, &step, in->workload, REASON_WORKLOAD_SKIPPED, "it is stuck");
    } else if (strcmp(mark, "runs") == 0) {
        step_runs(v, in, plan, &step);
    } else if (*mark == '\0' && !hardens.is_unconcerned) {
        result = step_begins(in, plan, &step);
    }
    if (result == 0 && hardens.says && !step.finding && step.want == HARDEN_NOTHING)
        result = step_says(plan, &step, in->workload, hardens.reason, hardens.says);
    if (result < 0)
        return err_nomem(err);
    *ret_step = step;
    return 0;
}

static inline int item_order(const void *one, const void *other)
{
    const struct harden_item *a = one, *b = other;

    return object_order(a->workload, b->workload);
}

static inline int script_turns(const struct view *v, const char *profile, bool was_paused,
                               struct harden_item *items, size_t count, struct arena *a,
                               struct harden_turns *ret_turns, struct err *err)
{
    struct harden_turns turns = {.message = ""};
    unsigned runs = 0;

    (void)v;
    (void)a;
    (void)profile;
    hardens.turns_asked++;
    if (script_fails(&hardens.turns_fail, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        runs += items[i].state == HARDEN_RUNS && !items[i].is_idle;
        turns.failed += items[i].state == HARDEN_FAILED;
    }
    qsort(items, count, sizeof(*items), item_order);
    turns.is_paused = was_paused || (hardens.pause_at && turns.failed >= hardens.pause_at);
    if (turns.is_paused)
        turns.message = "too many failed: change the profile";
    for (size_t i = 0; i < count && !turns.is_paused; i++) {
        if (items[i].state != HARDEN_WAITS || (!items[i].is_idle && runs >= hardens.concurrent_max))
            continue;
        items[i].has_turn = true;
        runs += !items[i].is_idle;
    }
    *ret_turns = turns;
    return 0;
}

/* ---- Evidence ---- */

static inline int script_begin(const struct object *workload, enum harden_want want,
                               struct arena *a, void **ret_build, struct err *err)
{
    (void)workload;
    (void)want;
    *ret_build = arena_calloc(a, 1, sizeof(uint64_t));
    return *ret_build ? 0 : err_nomem(err);
}

static inline int script_take(void *build, enum harden_source source, const json_t *root,
                              struct err *err)
{
    (void)source;
    (void)root;
    (void)err;
    ++*(uint64_t *)build;
    return 0;
}

static inline int script_select(void *build, struct arena *a, const char **ret_selector,
                                struct err *err)
{
    (void)build;
    (void)a;
    (void)err;
    *ret_selector = "";
    return 0;
}

static inline int script_end(void *build, const void **ret_evidence, struct err *err)
{
    hardens.taken = *(uint64_t *)build;
    *ret_evidence = build;
    return script_fails(&hardens.ends_fail, err);
}

/* ---- The reconcilers ---- */

static inline void harden_script_map(const struct view *v, const struct object *before,
                                     const struct object *after, const struct dirty *dirty)
{
    const struct object *any = after ? after : before;

    script_map(v, before, after, dirty);
    if (kind_is_workload(any->kind))
        dirty->mark_workload(dirty->ctx, any->kind, any->ns, any->name);
    else if (any->kind == KIND_NAMESPACE)
        dirty->mark_workloads(dirty->ctx, any->name);
    else if (any->kind == KIND_PROFILE &&
             !(before && after &&
               OBJECT_AS(profile, before)->generation == OBJECT_AS(profile, after)->generation))
        dirty->mark_workloads(dirty->ctx, NULL);
}

/* "running waiting proven failed", "paused", and the first finding with how many there are. */
static inline int harden_script_plan_profile(const struct view *v, const char *name,
                                             struct plan *plan, struct err *err)
{
    const struct profile *p = OBJECT_AS(profile, view_get(v, KIND_PROFILE, "", name));
    const struct harden_turns *t = view_hardening(v, name);
    const struct finding *const *findings;
    struct write write = {.verb = WRITE_PATCH_STATUS, .phase = PHASE_STATUS};
    char status[128];
    size_t count;
    bool has_more;

    trace_pass("profile", name);
    if (!p)
        return 0;
    if (view_hardening_findings(v, name, 2, plan->arena, &findings, &count, &has_more, err) < 0)
        return -1;
    (void)snprintf(status, sizeof(status),
                   "{\"rollouts\":\"%u %u %u %u%s\",\"says\":\"%s %s%zu%s\"}", t ? t->running : 0,
                   t ? t->waiting : 0, t ? t->proven : 0, t ? t->failed : 0,
                   t && t->is_paused ? " paused" : "", count ? findings[0]->object.name : "",
                   count ? reason_name(findings[0]->reason) : "", count, has_more ? "+" : "");
    if (strcmp(p->status, status) == 0)
        return 0;
    write.body = api_text("{\"status\":%s}", status);
    write.object = (struct object_ref){KIND_PROFILE, "", name, p->object.uid};
    write.rv = p->object.rv;
    write.summary = "update the status";
    return plan_add_write(plan, &write) ? 0 : plan_check(plan, err);
}

static const struct harden_ops script_harden = {
    .step = script_step,
    .turns = script_turns,
    .evidence_begin = script_begin,
    .evidence_take = script_take,
    .evidence_select = script_select,
    .evidence_end = script_end,
};

static const struct reconciler_ops harden_script_ops = {
    .map = harden_script_map,
    .plan_namespace = script_plan_namespace,
    .plan_profile = harden_script_plan_profile,
    .evaluated = script_evaluated,
    .evaluated_count = 0,
    .evaluate = script_evaluate,
    .explain = script_explain,
    .plan_exception = script_plan_exception,
    .harden = &script_harden,
};

/* ---- Beginnings ---- */

/* Not started yet. */
static inline struct bench *harden_bench(void)
{
    struct bench *b = bench_new();

    b->ops = &harden_script_ops;
    b->fills = true;
    b->script.mode = MODE_AUDIT;
    hardens = (struct harden_script){.concurrent_max = 2,
                                     .profile = "restricted",
                                     .reason = REASON_WORKLOAD_SKIPPED};
    return b;
}

static inline int setup_hardening(void **state)
{
    struct bench *b = harden_bench();

    assert_int_equal(bench_start(b, 0, NULL), 0);
    *state = b;
    return 0;
}

#define HARDEN_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup_hardening, teardown)

static inline struct thing *workload(struct bench *b, const char *name)
{
    return thing_find(b, KIND_DEPLOYMENT, "shop", name);
}

static inline void put_workload(struct bench *b, const char *name, const char *mark)
{
    struct thing *t = put(b, KIND_DEPLOYMENT, "shop", name);

    if (strcmp(t->mark, mark) == 0)
        return;
    (void)snprintf(t->mark, sizeof(t->mark), "%s", mark);
    (void)put(b, KIND_DEPLOYMENT, "shop", name); /* tells of it */
}

/* @count of them, by number. */
static inline void put_workloads(struct bench *b, const char *name, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        put_workload(b, api_text("%s-%04u", name, i), "");
}

static inline unsigned marked(const struct bench *b, const char *mark)
{
    unsigned count = 0;

    for (size_t i = 0; i < b->things_count; i++)
        count += b->things[i].kind == KIND_DEPLOYMENT && !b->things[i].is_gone &&
                 strcmp(b->things[i].mark, mark) == 0;
    return count;
}

static inline void begin_hardening(struct bench *b)
{
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
}

/* The owner changes something. */
static inline void touch(struct bench *b, const char *name)
{
    workload(b, name)->generation++;
    (void)put(b, KIND_DEPLOYMENT, "shop", name);
}

/* Somebody edits the profile. */
static inline void edit_profile(struct bench *b)
{
    thing_find(b, KIND_PROFILE, "", "restricted")->generation++;
    (void)put(b, KIND_PROFILE, "", "restricted");
}

static inline void assert_rollouts(struct bench *b, const char *counts)
{
    assert_contains(thing_find(b, KIND_PROFILE, "", "restricted")->status,
                    api_text("\"rollouts\":\"%s\"", counts));
}

static inline void assert_told(struct bench *b, const char *first)
{
    assert_contains(thing_find(b, KIND_PROFILE, "", "restricted")->status,
                    api_text("\"says\":\"%s\"", first));
}

/* Patches of workloads so far. */
static inline size_t fills(const struct bench *b)
{
    size_t count = 0;

    for (size_t i = 0; i < b->net.count; i++)
        count += b->net.exchanges[i].request.method == HTTP_PATCH &&
                 strstr(b->net.exchanges[i].request.path, "/deployments/") != NULL;
    return count;
}

/* How often the server was told that an Event came again. */
static inline size_t repeated(const struct bench *b)
{
    size_t count = 0;

    for (size_t i = 0; i < b->net.count; i++)
        count += b->net.exchanges[i].request.method == HTTP_PATCH &&
                 strstr(b->net.exchanges[i].request.path, "/events/") != NULL;
    return count;
}

#endif
