/*
 * What ServiceAccounts were seen to need, for kubectl, for people and for machines, one account
 * after the other. See learn_print_begin() for the formats.
 */
#ifndef RAMPART_CLI_LEARN_PRINT_H
#define RAMPART_CLI_LEARN_PRINT_H

#include <stdio.h>

#include "rampart/json/build.h"
#include "rampart/reconcilers/learn_roles.h"
#include "rampart/reconcilers/learn_unused.h"

#define LEARN_PRINT_LEN_MAX (32u * 1024 * 1024) /* bytes of one account */
#define LEARN_ROLE_PREFIX "learned:"            /* then NAMESPACE:NAME of the account */

enum learn_format { LEARN_YAML = 0, LEARN_TEXT, LEARN_JSON };

/* What was read, besides the table. */
struct learn_tally {
    uint64_t lines_left_out; /* lines, and events of a list, that could not be read */
    uint64_t events;
};

struct learn_printer {
    FILE *out; /* borrowed */
    enum learn_format format;
    struct learn_bounds bounds;
    struct strbuf text; /* not yet handed to @out */
    struct json_build json;
    size_t incomplete; /* accounts for whose rights there was no room */
};

/*
 * YAML: for `kubectl apply -f`: for each account a Role and a RoleBinding a namespace, a
 * ClusterRole and a ClusterRoleBinding for what is of the whole cluster, all of the name
 * "learned:NAMESPACE:NAME" of the account. What has to be known besides is in comments.
 *
 * Text: the rules in RBAC's own words.
 *
 * JSON: {"serviceAccounts":[{"namespace":"shop","name":"web","requests":12,
 * "first":"2026-01-31T23:59:59.000000Z" (absent: unsaid),"last":"...","complete":true,
 * "leftOut":{"denied":0,"impersonated":0,"everyones":0,"odd":0,"noRoom":0},
 * "roles":[{"kind":"Role|ClusterRole","namespace":"shop" (Role),"name":"learned:shop:web",
 * "rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"],"resourceNames":["a"]}]}],
 * "used":[{"verb":"get","apiGroup":"","resource":"pods/log"|"path":"/metrics","requests":3,
 * "last":"..."}],"notes":["..."],
 * "unused":[{"binding":{"kind":"RoleBinding","namespace":"shop","name":"b"},"role":{...},
 * "rules":[...],"wide":[...],"cut":false}] (only where it is
 * compared)}],"events":100,"eventsOfOthers":0,"eventsTooOld":0,
 * "leftOutLines":0,"leftOutAccounts":0}. "leftOut" and "requests" count
 * requests, "leftOutAccounts" events of accounts that found no room.
 */
void learn_print_begin(struct learn_printer *p, FILE *out, enum learn_format format,
                       const struct learn_bounds *bounds);
/* @unused NULL: it is not compared. ERR_NOMEM, ERR_LIMIT (LEARN_PRINT_LEN_MAX), ERR_IO: @out does
 * not take it. */
MUST_CHECK int learn_print_account(struct learn_printer *p, const struct learn_account *account,
                                   const struct learn_roles *roles,
                                   const struct learn_unused *unused, struct err *err);
MUST_CHECK int learn_print_end(struct learn_printer *p, const struct learn_table *t,
                               const struct learn_tally *tally, struct err *err);
void learn_print_done(struct learn_printer *p);

#endif
