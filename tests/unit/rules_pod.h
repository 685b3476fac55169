/* Pods built by hand for the tests of rules, and how a rule is asked about them. */
#ifndef RAMPART_TESTS_RULES_POD_H
#define RAMPART_TESTS_RULES_POD_H

#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/reconcilers/rule.h"

static inline const struct rule *rule_named(const char *id)
{
    const struct rule *rule = rule_find(id);

    if (!rule)
        fail_msg("there is no rule %s", id);
    return rule;
}

/* Of a pod that is held to nothing, so that every rule speaks for itself. */
static inline struct rule_answer ask_pod(const char *id, const struct pod_template *pod,
                                         unsigned minor)
{
    struct rule_settings settings = {.pss_minor = minor};
    struct rule_input in = {.settings = &settings, .pod = pod};

    return rule_ask(rule_named(id), &in);
}

static inline const char *outcome_name(enum rule_outcome outcome)
{
    static const char *const names[] = {"not applicable", "pass", "fail", "error"};

    return names[outcome];
}

/* One pod and what a rule says of it in versions: in those before @since_minor @before. */
struct rule_row {
    const char *what;
    struct pod_template pod;
    enum rule_outcome outcome; /* from @since_minor on, which is 0 for all versions */
    unsigned since_minor;
    enum rule_outcome before;
    bool is_about_pod;   /* of the last failure */
    uint64_t containers; /* of the last failure */
};

static inline void ask_row(const char *id, const struct rule_row *row, unsigned minor)
{
    enum rule_outcome wanted = minor >= row->since_minor ? row->outcome : row->before;
    struct rule_answer answer = ask_pod(id, &row->pod, minor);

    if (answer.outcome != wanted)
        fail_msg("%s at v1.%u: %s: %s, not %s", id, minor, row->what, outcome_name(answer.outcome),
                 outcome_name(wanted));
    if (answer.is_about_pod != (wanted == RULE_FAIL && row->is_about_pod) ||
        answer.containers != (wanted == RULE_FAIL ? row->containers : 0))
        fail_msg("%s at v1.%u: %s: blames pod %d, containers %jx", id, minor, row->what,
                 answer.is_about_pod, (uintmax_t)answer.containers);
}

/* Every row in every version, "latest" and one that nobody knows yet included. */
static inline void ask_rows(const char *id, const struct rule_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned minor = PSS_MINOR_MIN; minor <= PSS_MINOR_MAX + 1; minor++)
            ask_row(id, &rows[i], minor);
        ask_row(id, &rows[i], PSS_MINOR_LATEST);
    }
}

#define ASK_ROWS(id, rows) ask_rows(id, rows, COUNT_OF(rows))

/* Containers of a row: CONTAINERS({.name = "web"}, {.name = "db"}). */
#define CONTAINERS(...)                                    \
    .containers = (const struct container[]){__VA_ARGS__}, \
    .containers_count = sizeof((const struct container[]){__VA_ARGS__}) / sizeof(struct container)

#endif
