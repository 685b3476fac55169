/*
 * The ServiceAccounts that there are, and which of them Pods and workloads run as. Pure.
 */
#ifndef RAMPART_RECONCILERS_ACCESS_ACCOUNTS_H
#define RAMPART_RECONCILERS_ACCESS_ACCOUNTS_H

#include <stdbool.h>

#include "rampart/base/arena.h"
#include "rampart/base/map.h"

#define ACCESS_ACCOUNTS_MAX (1u << 18) /* those that are used and not there included */

struct access_account_entry {
    const char *ns;
    const char *name;
    bool is_there; /* the object was read */
    bool is_used;
    size_t index; /* below the count of all, and no other has it */
};

struct access_accounts {
    struct map entries; /* "NS/NAME" to struct access_account_entry */
    struct arena arena; /* of those */
};

void access_accounts_init(struct access_accounts *accounts, size_t bytes_max);
void access_accounts_done(struct access_accounts *accounts); /* a zeroed one is fine */

/* That it is there, or that something in @ns runs as it; in any order, any number of times.
 * ERR_LIMIT (ACCESS_ACCOUNTS_MAX, bytes_max), ERR_NOMEM. */
MUST_CHECK int access_accounts_add(struct access_accounts *accounts, const char *ns,
                                   const char *name, struct err *err);
MUST_CHECK int access_accounts_use(struct access_accounts *accounts, const char *ns,
                                   const char *name, struct err *err);

/* NULL: neither was said. */
const struct access_account_entry *access_accounts_find(const struct access_accounts *accounts,
                                                        const char *ns, const char *name);
/* All of them, sorted by namespace and name; the list lies in @a. ERR_NOMEM. */
MUST_CHECK int access_accounts_list(const struct access_accounts *accounts, struct arena *a,
                                    const struct access_account_entry *const **ret_entries,
                                    size_t *ret_count, struct err *err);

#endif
