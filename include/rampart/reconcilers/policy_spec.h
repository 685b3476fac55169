/*
 * NetworkPolicy specs as canonical JSON text, so that comparing two is comparing two strings, and
 * as sets of rule texts, so that policies can be joined. Pure.
 */
#ifndef RAMPART_RECONCILERS_POLICY_SPEC_H
#define RAMPART_RECONCILERS_POLICY_SPEC_H

#include <stdbool.h>

#include "rampart/kube/profile.h"

enum direction { INGRESS = 0, EGRESS, DIRECTION_COUNT };

#define POLICY_RULES_MAX 512 /* rules of one direction of one policy */

/* Rules of one direction as canonical texts, in the order in which they were added, without
 * repetition. */
struct rule_set {
    const char **texts; /* arena */
    size_t count;
};

struct policy_spec {
    const struct labels *pods; /* podSelector.matchLabels, not empty; NULL: every pod of the
                                  namespace */
    bool has[DIRECTION_COUNT]; /* policyTypes */
    struct rule_set rules[DIRECTION_COUNT];
};

/* Adds one rule for @direction. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int policy_spec_add(struct policy_spec *spec, enum direction direction,
                               const struct net_rule *rule, struct arena *a, struct err *err);
/* Adds those of @from that are not there yet. */
MUST_CHECK int rule_set_join(struct rule_set *set, const struct rule_set *from, struct arena *a,
                             struct err *err);

/* Canonical text of the whole spec. */
MUST_CHECK const char *policy_spec_text(const struct policy_spec *spec, struct arena *a,
                                        struct err *err);

/* Reads an observed spec back. @ret_selects_all: its podSelector is empty; else ->pods is NULL and
 * @ret_pod_selector is its text. */
struct observed_spec {
    struct policy_spec spec;
    bool selects_all_pods;
    const char *pod_selector; /* canonical text */
};
MUST_CHECK int policy_spec_read(const char *text, struct arena *a, struct observed_spec *ret_spec,
                                struct err *err);
/* Text of an observed spec with other rules: keeps its podSelector. */
MUST_CHECK const char *observed_spec_text(const struct observed_spec *spec, struct arena *a,
                                          struct err *err);

/* 16 hex digits that tell one spec text from another (FNV-1a; no protection against a forger, who
 * gains nothing: an edited policy is put right whatever its annotation says, only the Event would
 * be missing). */
void policy_spec_hash(const char *text, char ret_hex[17]);

#endif
