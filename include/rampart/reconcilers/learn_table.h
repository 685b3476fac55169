/*
 * What ServiceAccounts did, as the rights that it took: read from an audit log event by event, in
 * bounded memory. Which rights are there at the end does not depend on the order of the events, but
 * for what a ceiling of the table leaves out.
 *
 * Two bounds of the caller widen a right, and say so: more names than @names_max in one namespace
 * become any name, and one right in more than @namespaces_max namespaces becomes one in all of
 * them. What does not fit into the table is left out and counted.
 *
 * Pure.
 */
#ifndef RAMPART_RECONCILERS_LEARN_TABLE_H
#define RAMPART_RECONCILERS_LEARN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"
#include "rampart/reconcilers/learn_request.h"

#define LEARN_NAMES_DEFAULT 16
#define LEARN_NAMES_MAX 1000 /* of one right in one namespace, at most */
#define LEARN_NAMESPACES_DEFAULT 8
#define LEARN_NAMESPACES_MAX 1000 /* of one right, at most */

#define LEARN_ACCOUNTS_MAX 4096            /* ServiceAccounts */
#define LEARN_RIGHTS_MAX 1024              /* of one of them: verb and resource, or verb and URL */
#define LEARN_BYTES_MAX (12u << 20)        /* of the whole table */
#define LEARN_ACCOUNT_BYTES_MAX (3u << 20) /* of one ServiceAccount: it leaves room for others */

struct learn_bounds {
    size_t names_max;      /* <= LEARN_NAMES_MAX; 0: never a name */
    size_t namespaces_max; /* <= LEARN_NAMESPACES_MAX; 0: never a namespace */
};

/* The names that one right was used with in one namespace. */
struct learn_place {
    char *ns;        /* "": the whole cluster; owned */
    char **names;    /* sorted; owned. None where the right holds for any name */
    size_t count;    /* of them */
    bool is_any;     /* it was used without a name */
    bool is_widened; /* there were more names than may be */
};

struct learn_right {
    const char *verb;
    const char *group;    /* of a resource; "" is the core group */
    const char *resource; /* "pods", "pods/log"; NULL: it is for @path */
    const char *path;     /* of a URL that is no resource; else NULL */
    uint64_t requests[LEARN_STAGE_COUNT];
    int64_t last_ms;            /* when it was last used; AUDIT_TIME_UNSAID */
    struct learn_place *places; /* sorted by namespace, the whole cluster first; owned */
    size_t count;               /* of them */
    bool is_spread;             /* used in more namespaces than may be: places[0] stands for all */
    struct learn_right *next;   /* of the same account */
    char text[];                /* where the texts lie */
};

struct learn_account {
    char *id;                   /* "NAMESPACE:NAME"; owned */
    struct learn_right *rights; /* owned; sorted once learn_table_accounts() was called */
    size_t rights_count;
    size_t bytes;      /* that it takes */
    uint64_t left_out; /* requests for which there was no room: its rights are incomplete */
    uint64_t turned_away[LEARN_VERDICT_COUNT][LEARN_STAGE_COUNT]; /* IMPERSONATED to ODD */
    int64_t first_ms, last_ms; /* when it asked; AUDIT_TIME_UNSAID */
};

struct learn_table;

/* ERR_NOMEM. */
MUST_CHECK struct learn_table *learn_table_new(const struct learn_bounds *bounds, struct err *err);
void learn_table_free(struct learn_table *t); /* NULL is fine */

/* Notes what the event shows. ERR_NOMEM: the event, or a part of it, is not noted. */
MUST_CHECK int learn_table_add(struct learn_table *t, const struct audit_event *event,
                               const struct learn_filter *filter, struct err *err);

/* Puts the ServiceAccount with that user name into the table, where it is one and was asked for,
 * although it did nothing. ERR_NOMEM. */
MUST_CHECK int learn_table_know(struct learn_table *t, const char *user,
                                const struct learn_filter *filter, struct err *err);

/* How many events came to that verdict. */
uint64_t learn_table_verdicts(const struct learn_table *t, enum learn_verdict verdict);
/* Events of ServiceAccounts that are not in the table, for it was full. */
uint64_t learn_table_without_account(const struct learn_table *t);
size_t learn_table_count(const struct learn_table *t); /* ServiceAccounts */

/*
 * Sorted by namespace and name, their rights by resource or URL, and verb. Borrowed until the next
 * learn_table_add(). Returns -1 with ERR_NOMEM.
 */
MUST_CHECK int learn_table_accounts(struct learn_table *t,
                                    const struct learn_account *const **ret_accounts,
                                    size_t *ret_count, struct err *err);

/* Requests: of a request that lasts both events may be there, or one of them. */
uint64_t learn_requests(const uint64_t by_stage[LEARN_STAGE_COUNT]);

#endif
