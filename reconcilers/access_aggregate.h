/* Which ClusterRoles are taken up by others (aggregationRule); for access_graph.c alone. */
#ifndef RAMPART_RECONCILERS_ACCESS_AGGREGATE_H
#define RAMPART_RECONCILERS_ACCESS_AGGREGATE_H

#include "rampart/reconcilers/access_graph.h"

/* Reads labels and aggregationRule of a ClusterRole. ERR_INVALID, ERR_NOMEM. */
MUST_CHECK int access_aggregate_read(const json_t *object, const json_t *metadata, struct arena *a,
                                     struct access_role *role, struct err *err);
/* Sets is_taken_up; the roles are sorted. */
void access_aggregate_link(struct access *g);

#endif
