/*
 * Fills in a few words, so that a test is a row of a table: what the profile wants, what is known
 * of the running pods, and what came of it.
 */
#ifndef TESTS_SUPPORT_FILL_CASE_H
#define TESTS_SUPPORT_FILL_CASE_H

#include <jansson.h>

#include "rampart/reconcilers/fill.h"

#define FILL_CASE_EVIDENCE_MAX 8

struct fill_evidence_list {
    struct container_evidence items[FILL_CASE_EVIDENCE_MAX];
    size_t count;
};

/*
 * The defaults of the type (runAsNonRoot, seccompProfile, allowPrivilegeEscalation, drop ALL,
 * Skip), changed by words: "nothing" (none of these), "non-root", "seccomp", "escalation", "drop",
 * "read-only", "pin", "try", "cpu-request=100m", "memory-request=..", "cpu-limit=..",
 * "memory-limit=..". Texts lie in @a.
 */
struct workloads_section fill_case_section(const char *words, struct arena *a);
/* "web=root db=1000 cache=non-root proxy=unknown". */
struct fill_evidence_list fill_case_evidence(const char *words, struct arena *a);
/* JSON with ' for ". The caller owns it; the test fails where it is none. */
json_t *fill_case_json(const char *text);
/* "pod: non-root seccomp; web: escalation drop uid=1000; skipped: non-root", containers in order.
 */
const char *fill_case_text(const struct pod_template *pod, const struct fill *fill,
                           struct arena *a);

#endif
