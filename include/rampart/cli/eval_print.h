/*
 * What `rampart eval` says of each pod, for people and for machines.
 *
 * JSON, one line a pod: {"kind":"Pod","namespace":"shop","name":"web","verdict":"pass|fail|error",
 * "fail":["run-as-non-root"],"error":[]}; both arrays hold the ids of rules, sorted. A pod with one
 * rule that cannot be told is "error", whatever the others say: that is never a pass. With
 * shows_fix also "fix":"spec:\n..." ("" where nothing can be merged) and "left":["privileged"], the
 * rules of "fail" that fail with it as well.
 */
#ifndef RAMPART_CLI_EVAL_PRINT_H
#define RAMPART_CLI_EVAL_PRINT_H

#include <stdio.h>

#include "rampart/reconcilers/fix.h"

#define EVAL_TEXT_MAX (1024u * 1024) /* bytes about one pod */

struct eval_subject {
    const char *kind; /* "Pod", or the kind whose template it is */
    const char *ns;   /* "" where it is not stated */
    const char *name;
    enum kind place; /* where its pod is: KIND_POD, KIND_CRON_JOB, or KIND_DEPLOYMENT as of all
                        others */
    const struct pod_template *pod;
    struct arena *arena; /* for what is said of it */
};

struct eval_totals {
    size_t pass, fail, error; /* pods */
};

struct eval_printer {
    FILE *out; /* borrowed */
    bool is_json;
    bool has_color;
    bool asks_all;  /* also the rules beyond the Pod Security Standards */
    bool shows_fix; /* the YAML to merge */
    struct rule_settings settings;
    struct strbuf text; /* of one pod */
    struct eval_totals totals;
};

void eval_print_begin(struct eval_printer *p, FILE *out);
/* ERR_NOMEM, ERR_LIMIT (EVAL_TEXT_MAX), ERR_IO: @out does not take it. */
MUST_CHECK int eval_print_pod(struct eval_printer *p, const struct eval_subject *subject,
                              struct err *err);
MUST_CHECK int eval_print_end(struct eval_printer *p, struct err *err); /* the sum, for people */
void eval_print_done(struct eval_printer *p);

#endif
