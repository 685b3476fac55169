/*
 * The smallest roles that give what a ServiceAccount was seen to need: one Role a namespace, and
 * one ClusterRole for what is of the whole cluster. They give every right of the table and no other
 * one: rules are only joined where nothing comes on top.
 *
 * Pure; the same table gives the same rules.
 */
#ifndef RAMPART_RECONCILERS_LEARN_ROLES_H
#define RAMPART_RECONCILERS_LEARN_ROLES_H

#include "rampart/base/arena.h"
#include "rampart/kube/rbac_rule.h"
#include "rampart/reconcilers/learn_table.h"

#define LEARN_ROLES_BYTES_MAX \
    (16u << 20) /* of the arena: more than the roles of one account take */

struct learn_role {
    const char *ns; /* of a Role; "": it is a ClusterRole. Borrowed from the account */
    struct rbac_rules rules;
};

struct learn_roles {
    const struct learn_role *roles; /* sorted by namespace, the ClusterRole first */
    size_t count;                   /* 0: nothing to grant */
};

/* Texts are borrowed from @account. ERR_NOMEM. */
MUST_CHECK int learn_roles_of(const struct learn_account *account, struct arena *a,
                              struct learn_roles *ret_roles, struct err *err);

/*
 * Rights that no audit log shows, for the API server looks for them while it handles another
 * request: to write roles and bindings takes the rights in them, or escalate and bind; to approve
 * or sign a CertificateSigningRequest takes that verb on its signer. NULL, or what to add.
 */
const char *learn_beyond_log(const struct learn_right *right);

#endif
