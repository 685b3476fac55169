/*
 * What a plan of the whole cluster looks like, for people and for machines. One namespace after the
 * other, those about which there is nothing to say are left out; then the workloads.
 *
 * JSON: {"namespaces":[{"name":"shop","profile":"restricted" (absent: none
 * decides),"state":"Compliant|Drifted|Failed|None",
 * "writes":[{"verb":"create|mend|remove","kind":"NetworkPolicy","namespace":"shop","name":"...","body":{...}
 * (absent for
 * remove)},
 * {"verb":"mend","kind":"Namespace","namespace":"","name":"shop",...}],"findings":[{"reason":"...","failed":true,"message":"..."}]}],
 * "workloads":[{"profile":"restricted","kind":"Deployment","namespace":"shop","name":"web",
 * "replicas":2,"when":"Now|NextChange|AtOnce|LeftAlone|Never","fill":["runAsNonRoot"],
 * "asked":["runAsNonRoot"] (of fill: only where the pods do not speak against it),
 * "statedOtherwise":false,"message":"" (of LeftAlone: why)}],
 * "summary":{"create":1,"mend":0,"remove":0,"failed":0,"namespaces":12,"changed":1,"fill":1,
 * "leftAlone":0}}. "failed" and "changed" count namespaces, "fill" and "leftAlone" workloads.
 */
#ifndef RAMPART_CLI_PLAN_PRINT_H
#define RAMPART_CLI_PLAN_PRINT_H

#include <stdio.h>

#include "rampart/cli/plan_workloads.h"
#include "rampart/json/build.h"
#include "rampart/kube/plan.h"

#define PLAN_TEXT_MAX (16u * 1024 * 1024) /* bytes of one namespace */

struct plan_totals {
    size_t create, mend, remove; /* writes */
    size_t failed;               /* namespaces that cannot be made compliant */
    size_t namespaces;           /* all that were looked at */
    size_t changed;              /* those with writes */
    size_t fill, left_alone;     /* workloads */
    size_t contradicted;         /* workloads that state otherwise what the profile asks for */
};

struct plan_printer {
    FILE *out; /* borrowed */
    bool is_json;
    bool has_color;
    struct strbuf text; /* not yet handed to @out */
    struct json_build json;
    struct plan_totals totals;
};

void plan_print_begin(struct plan_printer *p, FILE *out, bool is_json, bool has_color);
/* ERR_NOMEM, ERR_LIMIT (PLAN_TEXT_MAX), ERR_IO: @out does not take it. */
MUST_CHECK int plan_print_namespace(struct plan_printer *p, const char *ns, const struct plan *plan,
                                    struct err *err);
/* Once, after the namespaces. Errors as above. */
MUST_CHECK int plan_print_workloads(struct plan_printer *p, const struct plan_workloads *workloads,
                                    struct err *err);
MUST_CHECK int plan_print_end(struct plan_printer *p,
                              struct err *err); /* the summary; errors as above */
void plan_print_done(struct plan_printer *p);

#endif
