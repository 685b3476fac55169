/* What the formats of learn_print.h share. Private to learn_print.c and learn_print_json.c. */
#ifndef CLI_LEARN_PRINT_PARTS_H
#define CLI_LEARN_PRINT_PARTS_H

#include <string.h>

#include "rampart/cli/learn_print.h"

static inline const char *learn_role_kind(const struct learn_role *role)
{
    return *role->ns == '\0' ? "ClusterRole" : "Role";
}

/* The name behind the colon of "NAMESPACE:NAME". */
static inline const char *learn_name_of(const struct learn_account *account)
{
    return strchr(account->id, ':') + 1;
}

static inline int learn_ns_len_of(const struct learn_account *account)
{
    return (int)strcspn(account->id, ":");
}

static inline uint64_t learn_requests_of(const struct learn_account *account)
{
    uint64_t requests = 0;

    for (const struct learn_right *right = account->rights; right; right = right->next)
        requests += learn_requests(right->requests);
    return requests;
}

static inline uint64_t learn_turned_away(const struct learn_account *account,
                                         enum learn_verdict verdict)
{
    return learn_requests(account->turned_away[verdict]);
}

static inline const char *learn_binding_kind(const struct access_binding *binding)
{
    return access_kind_name(*binding->ns ? ACCESS_ROLE_BINDING : ACCESS_CLUSTER_ROLE_BINDING);
}

static inline const char *learn_bound_kind(const struct access_binding *binding)
{
    return access_kind_name(*binding->role_ns ? ACCESS_ROLE : ACCESS_CLUSTER_ROLE);
}

/* One note after the other: with @prefix before and a line's end behind it, or as elements of the
 * array that is open in @json. */
struct learn_notes {
    struct strbuf *out;
    struct json_build *json; /* NULL: lines */
    const char *prefix;
};

/* What has to be known besides the rules. */
void learn_notes(struct learn_notes *n, const struct learn_account *account,
                 const struct learn_bounds *bounds);

/* One element of the array that is open. */
void learn_print_json(struct learn_printer *p, const struct learn_account *account,
                      const struct learn_roles *roles, const struct learn_unused *unused);

#endif
