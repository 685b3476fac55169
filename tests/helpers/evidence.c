/*
 * Asks for the evidence of one workload, for e2e/evidence: one question as JSON on standard input,
 * the answer as JSON on standard output.
 *
 *   {"kind": "Deployment", "object": {...}, "revisions": {...}, "pods": {...}, "budgets": {...}}
 *
 * The last three are lists as the API server sends them; they are projected as the operator does
 * it, and may be missing. The answer: {"selector": "...", "new": n, "newReady": n, "old": n,
 * "tried": ["..."], "hasRoom": true}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/json/get.h"
#include "rampart/kube/workload.h"
#include "rampart/reconcilers/evidence_ops.h"
#include "rampart/reconcilers/pods_evidence.h"
#include "rampart/sync/frames.h"

#define INPUT_LEN_MAX (16u * 1024 * 1024)

struct gathering {
    void *build;
    enum harden_source source;
};

static void must(int result, const struct err *err)
{
    if (result == 0)
        return;
    (void)fprintf(stderr, "%s\n", err->msg);
    exit(2);
}

static enum kind kind_named(const char *name)
{
    for (int kind = KIND_DEPLOYMENT; kind <= KIND_CRON_JOB; kind++) {
        if (name && strcmp(resource_of((enum kind)kind)->name, name) == 0)
            return (enum kind)kind;
    }
    (void)fprintf(stderr, "no such kind of workload: %s\n", name ? name : "none");
    exit(2);
}

static enum kind revision_kind(enum kind workload)
{
    switch (workload) {
    case KIND_DEPLOYMENT:
        return KIND_REPLICA_SET;
    case KIND_CRON_JOB:
        return KIND_JOB;
    default:
        return KIND_CONTROLLER_REVISION;
    }
}

static int take(void *ctx, const struct frame *frame, struct err *err)
{
    const struct gathering *g = ctx;

    return frame->type == FRAME_ITEM ? evidence_take(g->build, g->source, frame->object, err) : 0;
}

static void take_list(struct gathering *g, enum harden_source source, enum kind kind,
                      const json_t *list)
{
    struct err err = {0};
    struct frames *frames;
    char *text;

    if (!list)
        return;
    g->source = source;
    text = json_dumps(list, JSON_COMPACT);
    frames = frames_new_evidence(kind, take, g, &err);
    must(text && frames ? 0 : -1, &err);
    must(frames_feed(frames, text, strlen(text), &err), &err);
    must(frames_end(frames, &err), &err);
    frames_free(frames);
    free(text);
}

static json_t *tell(const struct pods_evidence *found, const char *selector)
{
    json_t *tried = json_array();

    for (size_t i = 0; i < found->tried_count; i++)
        json_array_append_new(tried, json_string(found->tried[i].key));
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:b}", "selector", selector, "new",
                     (json_int_t)found->new_count, "newReady", (json_int_t)found->new_ready, "old",
                     (json_int_t)found->old_count, "tried", tried, "hasRoom",
                     found->has_budget_room);
}

int main(void)
{
    AUTO_ARENA a, of_workload;
    struct err err = {0};
    json_auto_t *question = NULL, *answer = NULL;
    char *text = malloc(INPUT_LEN_MAX);
    size_t len = fread(text, 1, INPUT_LEN_MAX, stdin);
    struct gathering g = {0};
    struct object *workload;
    const char *selector;
    const void *found;
    enum kind kind;

    arena_init(&a, HARDEN_EVIDENCE_BYTES_MAX);
    arena_init(&of_workload, INPUT_LEN_MAX);
    question = json_decode(text, len, &err);
    free(text);
    must(question ? 0 : -1, &err);
    kind = kind_named(json_string_value(json_member(question, "kind")));
    must(workload_decode(kind, json_member(question, "object"), &of_workload, &workload, &err),
         &err);
    must(evidence_begin(workload, HARDEN_EVIDENCE, &a, &g.build, &err), &err);
    take_list(&g, HARDEN_REVISIONS, revision_kind(kind), json_member(question, "revisions"));
    must(evidence_select(g.build, &a, &selector, &err), &err);
    take_list(&g, HARDEN_PODS, KIND_POD, json_member(question, "pods"));
    take_list(&g, HARDEN_BUDGETS, KIND_POD_DISRUPTION_BUDGET, json_member(question, "budgets"));
    must(evidence_end(g.build, &found, &err), &err);
    answer = tell(found, selector);
    (void)json_dumpf(answer, stdout, JSON_COMPACT);
    return 0;
}
