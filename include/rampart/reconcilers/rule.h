/*
 * A posture rule: a pure question about one pod template, Service or namespace. One file a rule in
 * reconcilers/rules/, one line each in reconcilers/rules/registry.c; to add one, write the file,
 * its test and the line.
 */
#ifndef RAMPART_RECONCILERS_RULE_H
#define RAMPART_RECONCILERS_RULE_H

#include "rampart/base/strbuf.h"
#include "rampart/kube/pod_template.h"
#include "rampart/kube/pss.h"
#include "rampart/kube/view.h"

#define RULES_MAX 64              /* sets of rules are bits of one word */
#define RULE_VALUE_SHOWN_MAX 64   /* bytes of one value that rule_explain() shows */
#define RULE_SHOWN_MAX 4          /* containers, and values of one list, that it shows */
#define RULE_EXPLANATION_MAX 4096 /* bytes that it adds at most */

enum rule_subject { RULE_POD = 0, RULE_SERVICE, RULE_NAMESPACE };

enum rule_severity { SEVERITY_LOW = 0, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

enum rule_outcome {
    RULE_NOT_APPLICABLE = 0, /* a Linux rule on a Windows pod, say */
    RULE_PASS,
    RULE_FAIL,
    RULE_ERROR, /* cannot be told: never a pass */
};

/* What a fix of the rule fills in: reconcilers/fill.h. */
enum fill_field {
    FILL_NONE = 0,
    FILL_RUN_AS_NON_ROOT,
    FILL_SECCOMP,
    FILL_ALLOW_PRIVILEGE_ESCALATION,
    FILL_DROP_CAPABILITIES,
    FILL_READ_ONLY_ROOT,
    FILL_RESOURCES,
    FILL_COUNT,
};

struct rule_settings {
    unsigned pss_minor; /* version of the Pod Security Standards: 25 is v1.25; PSS_MINOR_MIN or
                         * more, and beyond PSS_MINOR_MAX the same as that */
    uint8_t level;      /* enum rule_level that the workload is held to. Rules beyond it are asked
                         * too; it tells where a stricter rule's exemption of a pod counts */
    bool is_sensitive;  /* the profile marks the workload as sensitive */
};

struct namespace_posture; /* reconcilers/rules/namespace_posture.h */

struct rule_input {
    const struct rule_settings *settings;
    const struct pod_template *pod;          /* RULE_POD */
    const struct service_facts *service;     /* RULE_SERVICE */
    const struct namespace_posture *posture; /* RULE_NAMESPACE */
};

struct rule_answer {
    enum rule_outcome outcome;
    bool is_about_pod;   /* RULE_FAIL: something that is not a container's fails */
    uint64_t containers; /* RULE_FAIL: which of pod->containers fail, by bit */
};

struct rule {
    const char *id;        /* kebab-case, stable: it is in profiles, exceptions and status */
    const char *title;     /* what holds when it passes: "Containers do not run as root" */
    const char *standards; /* where it comes from: "PSS restricted; CIS 5.2.7" */
    const char *remedy;    /* one plain sentence, with the field's path */
    enum rule_subject subject;
    enum rule_severity severity;
    enum rule_level level;
    unsigned since_minor; /* first version of the standard that has it; 0: all */
    /* Id of the rule of a higher level that overrides it in Pod Security Admission; NULL: none. Who
     * is held to that level is not asked this rule where the stricter one is not applicable (on
     * Windows). Everywhere else both are asked: who is exempted from the stricter one, or has it
     * switched off, still keeps this one. */
    const char *overridden_by;
    enum fill_field fix;
    /* Called only when the input is readable and the version has the rule. */
    struct rule_answer (*check)(const struct rule_input *in);
    /* Says what of container @i (SIZE_MAX: of the pod) fails, without the remedy:
     * "capabilities.add has SYS_ADMIN". Called only for what fails. NULL: the title says it all. */
    void (*describe)(const struct rule_input *in, size_t i, struct strbuf *text);
};

const char *rule_severity_name(enum rule_severity severity); /* "critical" */
const char *rule_level_name(enum rule_level level);          /* "restricted" */

/* ---- The registry ---- */

/* Sorted by id; their order in it is the bit of a rule. */
extern const struct rule *const rules[];
extern const size_t rules_count;

const struct rule *rule_find(const char *id); /* NULL when there is none */
size_t rule_index(const struct rule *rule);   /* its bit */

/*
 * Asks one rule. A subject of another kind, a version before the rule's first, and a pod to which
 * the rule that overrides it is not applicable are RULE_NOT_APPLICABLE; an unreadable pod is
 * RULE_ERROR.
 */
struct rule_answer rule_ask(const struct rule *rule, const struct rule_input *in);
/* Whether who is held to @settings->level must pass @rule: not for rules beyond the Pod Security
 * Standards. All of them passed or not applicable is what Pod Security Admission lets through. */
bool rule_is_required(const struct rule *rule, const struct rule_settings *settings);
/*
 * For people, one line: "container web: ...; pod: ...; <remedy>" of a RULE_FAIL, what cannot be
 * read of a RULE_ERROR, nothing otherwise. Control characters are replaced; what is cut says so.
 */
void rule_explain(const struct rule *rule, const struct rule_input *in,
                  const struct rule_answer *answer, struct strbuf *text);

#endif
