/*
 * What `rampart rbac findings` says, for people and for machines.
 *
 * JSON: {"findings":[{"outcome":"fail|error" (cannot be told),"rules":["rbac-secrets"] (of an error
 * all that cannot be told for that reason),"severity":"high" and "standards":"CIS 5.1.2; ..." (of a
 * fail),"kind":"ClusterRoleBinding","namespace":"","name":"ops","component":false (of the cluster
 * itself),"role":{"kind":"ClusterRole","namespace":"","name":"edit"} and
 * "subjects":[{"kind":"User", "namespace":"","name":"kim","criterion":"" (of the cluster itself: by
 * what)}] (of a fail of a binding),"message":"..."}],"notRead":[{"what":"Secrets","why":"..."}],
 * "summary":{"objects":12,"critical":0,"high":1,"medium":0,"low":0,"component":0,
 * "cannotBeTold":0}}. "component" counts findings that the other numbers have too.
 */
#ifndef RAMPART_CLI_FINDINGS_PRINT_H
#define RAMPART_CLI_FINDINGS_PRINT_H

#include <stdio.h>

#include "rampart/json/build.h"
#include "rampart/reconcilers/access_findings.h"

/* Bytes of one finding: a binding of 3 MiB, the API server's limit, with all its subjects as JSON.
 */
#define FINDINGS_TEXT_MAX (64u * 1024 * 1024)

struct findings_totals {
    size_t objects; /* that were asked about; the caller counts */
    size_t failed[SEVERITY_CRITICAL + 1];
    size_t component; /* of the failed ones */
    size_t untold;    /* errors */
    size_t not_read;
};

struct findings_printer {
    FILE *out; /* borrowed */
    bool is_json;
    bool has_color;
    bool has_not_read; /* the list of findings is closed */
    struct strbuf text;
    struct strbuf object; /* the last one that was named, for people */
    struct json_build json;
    struct findings_totals totals;
};

void findings_print_begin(struct findings_printer *p, FILE *out, bool is_json, bool has_color);
/* An access_finding_fn. ERR_NOMEM, ERR_LIMIT (FINDINGS_TEXT_MAX), ERR_IO: @out does not take it. */
MUST_CHECK int findings_print(void *printer, const struct access_finding *finding, struct err *err);
/* After the findings: what could not be read, and why. Errors as above. */
MUST_CHECK int findings_print_not_read(struct findings_printer *p, const char *what,
                                       const char *why, struct err *err);
MUST_CHECK int findings_print_end(struct findings_printer *p,
                                  struct err *err); /* the sum; errors as above */
void findings_print_done(struct findings_printer *p);

/* Whether there is something to say: EXIT_CHANGES. */
bool findings_print_has_any(const struct findings_printer *p);

#endif
