/*
 * Asks the fill for e2e/fills: one question as JSON on standard input, the answer as JSON on
 * standard output.
 *
 *   {"kind": "Deployment", "object": {...}, "wants": "read-only pin", "evidence": "web=1000",
 *    "mark": "..."}             fills in; the words are those of support/fill_case.h
 *   {"kind": ..., "object": {...}, "takesBack": true, "mark": "..." or null}
 *
 * The answer: {"patch": "..." or null, "yaml": "...", "leaves": n, "kept": n}, or
 * {"error": "Unavailable", "message": "..."}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/json/get.h"
#include "support/fill_case.h"

#define INPUT_LEN_MAX (16u * 1024 * 1024)

static enum kind kind_named(const char *name)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (strcmp(resource_of((enum kind)kind)->name, name) == 0)
            return (enum kind)kind;
    }
    (void)fprintf(stderr, "no such kind: %s\n", name);
    exit(2);
}

static int fill(enum kind kind, const json_t *question, json_t *answer, struct arena *a,
                struct err *err)
{
    struct workloads_section section =
        fill_case_section(json_string_value(json_member(question, "wants")), a);
    struct fill_evidence_list evidence =
        fill_case_evidence(json_string_value(json_member(question, "evidence")), a);
    const char *mark = json_string_value(json_member(question, "mark"));
    const char *key, *patch, *yaml;
    const struct workload_facts *w;
    struct object *object;
    struct fill fill;

    if (workload_decode(kind, json_member(question, "object"), a, &object, err) < 0)
        return -1;
    w = OBJECT_AS(workload_facts, object);
    if (fill_decide(&w->pod, &section, evidence.items, evidence.count, NULL, a, &fill, err) < 0 ||
        fill_key(w, &fill, a, &key, err) < 0 ||
        fill_patch(w, &fill, key, mark, a, &patch, err) < 0 ||
        fill_yaml(w, &fill, a, &yaml, err) < 0)
        return -1;
    json_object_set_new(answer, "patch", json_string(patch));
    json_object_set_new(answer, "yaml", json_string(yaml));
    json_object_set_new(answer, "leaves", json_integer((json_int_t)fill.leaves_count));
    return 0;
}

static int take_back(enum kind kind, const json_t *question, json_t *answer, struct arena *a,
                     struct err *err)
{
    const char *mark = json_string_value(json_member(question, "mark"));
    const char *patch;
    size_t kept;

    if (fill_take_back(kind, json_member(question, "object"), mark, a, &patch, &kept, err) < 0)
        return -1;
    json_object_set_new(answer, "patch", patch ? json_string(patch) : json_null());
    json_object_set_new(answer, "kept", json_integer((json_int_t)kept));
    return 0;
}

int main(void)
{
    AUTO_ARENA a;
    struct err err = {0};
    json_auto_t *question = NULL, *answer = json_object();
    char *text = malloc(INPUT_LEN_MAX);
    size_t len = fread(text, 1, INPUT_LEN_MAX, stdin);
    enum kind kind;
    int r;

    arena_init(&a, INPUT_LEN_MAX);
    question = json_decode(text, len, &err);
    free(text);
    if (!question) {
        (void)fprintf(stderr, "%s\n", err.msg);
        return 2;
    }
    kind = kind_named(json_string_value(json_member(question, "kind")));
    r = json_is_true(json_member(question, "takesBack"))
            ? take_back(kind, question, answer, &a, &err)
            : fill(kind, question, answer, &a, &err);
    if (r < 0) {
        json_object_set_new(answer, "error", json_string(err_code_name(err.code)));
        json_object_set_new(answer, "message", json_string(err.msg));
    }
    (void)json_dumpf(answer, stdout, JSON_COMPACT);
    return 0;
}
