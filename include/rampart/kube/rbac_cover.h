/*
 * Whether some rules of RBAC give all that others give, and what is missing: the question that the
 * API server asks before it lets anybody write a role or a binding (Covers in
 * k8s.io/component-helpers/auth/rbac/validation).
 *
 * Pure.
 */
#ifndef RAMPART_KUBE_RBAC_COVER_H
#define RAMPART_KUBE_RBAC_COVER_H

#include "rampart/kube/rbac_rule.h"

#define RBAC_MISSING_MAX 1024              /* rules of an answer before they are joined */
#define RBAC_COVER_STEPS_MAX (1u << 26)    /* comparisons of one call: a second or so */
#define RBAC_COVER_SCRATCH_MAX (16u << 20) /* bytes of each of the two arenas of one call */

/*
 * What of @wanted no rule of @held gives. As the API server judges: each single right of a wanted
 * rule (one group, one resource, one verb, one name or none; or one URL and one verb) must be
 * given by a single held rule. A star that is wanted needs a star that is held; so does a right for
 * any name: no list of names gives it. A held star in place of the resource gives that subresource
 * of every resource, a held URL that ends in a star all that begin as it does.
 *
 * *ret_missing has the missing rights, joined by rbac_rules_join(), count 0 when all are given. Of
 * more than RBAC_MISSING_MAX rules those found first are there. The lists lie in @a; the texts are
 * borrowed from @wanted. Errors: ERR_LIMIT (RBAC_COVER_STEPS_MAX, RBAC_COVER_SCRATCH_MAX: the
 * lists are too long to be compared), ERR_NOMEM.
 */
MUST_CHECK int rbac_cover(const struct rbac_rules *held, const struct rbac_rules *wanted,
                          struct arena *a, struct rbac_rules *ret_missing, struct err *err);

/*
 * The same rights in fewer rules: lists sorted and without doubles, rules that differ in one list
 * alone made one of (first in their verbs, then resources, names, URLs and groups), the whole
 * sorted. A rule for any name stays apart from those for some. Takes @count squared comparisons.
 * Sorts and changes the array @rules itself; new lists lie in @a, texts are borrowed. Returns how
 * many are left; -1 with ERR_NOMEM.
 */
MUST_CHECK int rbac_rules_join(struct rbac_rule *rules, size_t count, struct arena *a,
                               size_t *ret_count, struct err *err);

#endif
