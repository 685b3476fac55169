/*
 * What the runtime remembers of each SecurityProfile beyond its object: when its last pass was,
 * when its spec last changed (which explains deletions), and whether its deletions were stopped.
 * Pure; time is a parameter.
 */
#ifndef RAMPART_SYNC_PROFILE_TRACKS_H
#define RAMPART_SYNC_PROFILE_TRACKS_H

#include "rampart/base/map.h"
#include "rampart/kube/profile.h"

#define PROFILE_TRACKS_MAX 10000

struct profile_track {
    uint64_t passed_ms;         /* when its last pass began, monotonic */
    uint64_t counted_ms;        /* when what its status counts last changed, monotonic */
    uint64_t written_ms;        /* when its status was last sent, monotonic */
    uint64_t changed_ms;        /* when its spec was last seen to change, monotonic */
    int64_t generation;         /* as last seen */
    int64_t written_generation; /* as last seen when its status was last sent */
    bool has_passed;
    bool has_written;
    bool has_changed; /* since this process first saw it, or it is newer than the process */
    bool is_stopped;  /* deletions went over the budget; until the next change */
    char uid[UID_LEN_MAX + 1];
};

struct profile_tracks {
    struct map by_name; /* the values are owned */
};

void profile_tracks_init(struct profile_tracks *t);
void profile_tracks_done(struct profile_tracks *t);

struct profile_track *profile_tracks_get(const struct profile_tracks *t,
                                         const char *name); /* NULL: unknown */
/* The profile as it was when the process began to work: no news. Errors: ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int profile_tracks_begin(struct profile_tracks *t, const struct profile *p,
                                    struct err *err);
/*
 * Looks at the profile as it is now. Another generation or uid than before, or a profile that was
 * not there before, is a change: it is remembered with @now_ms and ends a stop. NULL: it cannot be
 * remembered (memory, or PROFILE_TRACKS_MAX).
 */
struct profile_track *profile_tracks_look(struct profile_tracks *t, const struct profile *p,
                                          uint64_t now_ms);
void profile_tracks_forget(struct profile_tracks *t, const char *name);

/* Whether a change within the last @explained_ms explains deletions now. */
bool profile_track_explains(const struct profile_track *track, uint64_t explained_ms,
                            uint64_t now_ms);

#endif
