#include "rampart/sync/profile_tracks.h"

#include <string.h>

void profile_tracks_init(struct profile_tracks *t)
{
    map_init(&t->by_name, PROFILE_TRACKS_MAX);
}

void profile_tracks_done(struct profile_tracks *t)
{
    for (struct map_entry *e = map_first(&t->by_name); e; e = map_next(e))
        mem_free(map_entry_value(e));
    map_done(&t->by_name);
}

struct profile_track *profile_tracks_get(const struct profile_tracks *t, const char *name)
{
    return map_get(&t->by_name, name);
}

static void take_up(struct profile_track *track, const struct profile *p)
{
    size_t len = strnlen(p->object.uid, UID_LEN_MAX);

    track->generation = p->generation;
    memcpy(track->uid, p->object.uid, len);
    track->uid[len] = '\0';
}

static struct profile_track *add(struct profile_tracks *t, const struct profile *p, struct err *err)
{
    struct profile_track *track = mem_calloc(1, sizeof(*track));

    if (!track) {
        err_nomem(err);
        return NULL;
    }
    take_up(track, p);
    if (map_put(&t->by_name, p->object.name, track, NULL, err) < 0)
        MEM_FREE_NULL(track);
    return track;
}

int profile_tracks_begin(struct profile_tracks *t, const struct profile *p, struct err *err)
{
    if (profile_tracks_get(t, p->object.name) || add(t, p, err))
        return 0;
    return err_wrap(err, "SecurityProfile %s", p->object.name);
}

struct profile_track *profile_tracks_look(struct profile_tracks *t, const struct profile *p,
                                          uint64_t now_ms)
{
    struct profile_track *track = profile_tracks_get(t, p->object.name);
    bool is_new = !track;

    if (is_new)
        track = add(t, p, NULL);
    if (!track)
        return NULL;
    if (!is_new && track->generation == p->generation && strcmp(track->uid, p->object.uid) == 0)
        return track;
    take_up(track, p);
    track->has_changed = true;
    track->changed_ms = now_ms;
    track->is_stopped = false;
    return track;
}

void profile_tracks_forget(struct profile_tracks *t, const char *name)
{
    mem_free(map_remove(&t->by_name, name));
}

bool profile_track_explains(const struct profile_track *track, uint64_t explained_ms,
                            uint64_t now_ms)
{
    return track->has_changed && now_ms < track->changed_ms + explained_ms;
}
