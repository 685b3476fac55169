/*
 * What the rules say of one object under the profile that decides for its namespace, and what is
 * said of a SecurityException. Pure: reads the view, writes nothing.
 */
#ifndef RAMPART_RECONCILERS_POSTURE_H
#define RAMPART_RECONCILERS_POSTURE_H

#include <string.h>

#include "rampart/kube/reconciler.h"
#include "rampart/kube/workload.h"
#include "rampart/reconcilers/exemption.h"
#include "rampart/reconcilers/rule.h"

#define POSTURE_UNKNOWN_LEN_MAX 512 /* bytes of a list of rules that do not exist */

/* Of those that are watched. */
#define POSTURE_KINDS_COUNT 6
extern const enum kind posture_kinds[POSTURE_KINDS_COUNT];

/* What becomes of the rule: as the section says, else RULE_MODE_REQUIRE for the rules of its level
 * and below, RULE_MODE_REPORT for all others. Never RULE_MODE_DEFAULT. */
enum rule_mode posture_rule_mode(const struct workloads_section *section, const struct rule *rule);
const char *rule_mode_name(enum rule_mode mode); /* "Require" */
/* The rules that the section names and that do not exist, "a, b"; "" when all do. */
void posture_unknown_rules(const struct workloads_section *section, struct strbuf *ret_text);

/*
 * The workload of the caches that has made a Pod or a Job, as its controller says: NULL for what is
 * neither, has none, or has one that is not there. It is asked for by name: another operator's
 * StatefulSet is not one of those.
 */
const struct object *posture_owner_of(const struct view *v, const struct workload_facts *w);
/* A Pod that a Job has made, which is evaluated itself. */
static inline bool posture_is_of_job(const struct workload_facts *w)
{
    return w->object.kind == KIND_POD && strcmp(w->owner_kind, "Job") == 0;
}

/* See struct reconciler_ops. */
void posture_map(const struct view *v, const struct object *before, const struct object *after,
                 const struct dirty *dirty);
MUST_CHECK int posture_evaluate(const struct view *v, const struct object *object, struct arena *a,
                                struct posture *ret_posture, struct err *err);
MUST_CHECK int posture_explain(const struct view *v, const struct object *object,
                               const struct posture *posture, size_t count_max, struct arena *a,
                               struct finding **ret_findings, size_t *ret_count, struct err *err);
MUST_CHECK int exception_plan(const struct view *v, const char *ns, const char *name,
                              struct plan *plan, int64_t *ret_look_again_s, struct err *err);

#endif
