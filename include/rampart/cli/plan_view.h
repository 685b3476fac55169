/*
 * What `rampart plan` lets the reconcilers see: the cluster as it is, with the profiles as they
 * would be. Profiles from files take the place of those of the same name or join them. Whatever is
 * planned for is shown in Enforce: the profiles from the files, or all of them where there is no
 * file.
 */
#ifndef RAMPART_CLI_PLAN_VIEW_H
#define RAMPART_CLI_PLAN_VIEW_H

#include "rampart/cli/profile_file.h"
#include "rampart/cli/snapshot.h"

struct plan_view {
    struct view view;                /* what reconcilers get */
    const struct snapshot *snapshot; /* borrowed */
    struct object_list profiles;     /* instead of the snapshot's; in the arena of the call */
    size_t raised_count;             /* profiles that are in Audit and are shown in Enforce */
};

/* Borrows all for the life of the view. Errors: ERR_NOMEM. */
MUST_CHECK int plan_view_init(struct plan_view *v, const struct snapshot *snapshot,
                              const struct profile_list *files, const char *own_namespace,
                              int64_t wall_ms, struct arena *a, struct err *err);

#endif
