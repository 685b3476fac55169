#include "rampart/sync/scan_findings.h"

#include <assert.h>
#include <string.h>

#include "rampart/sync/postures.h"

#define FINDING_BYTES_MAX (16u * 1024) /* of one finding; its bounded texts do not reach it */

struct of_profile {
    struct scan_findings findings;
    const struct finding *drift[SCAN_DRIFT_MAX]; /* owned, one block each */
};

void scan_results_init(struct scan_results *r, size_t profiles_max)
{
    map_init(&r->by_profile, profiles_max);
}

static void free_finding(const struct finding *finding)
{
    mem_free((void *)(uintptr_t)finding);
}

void scan_results_done(struct scan_results *r)
{
    for (struct map_entry *e = map_first(&r->by_profile); e; e = map_next(e)) {
        struct of_profile *found = map_entry_value(e);

        for (size_t i = 0; i < found->findings.drift_count; i++)
            free_finding(found->drift[i]);
        mem_free(found);
    }
    map_done(&r->by_profile);
}

void scan_results_replace(struct scan_results *r, struct scan_results *newer)
{
    size_t profiles_max = newer->by_profile.count_max;

    scan_results_done(r);
    *r = *newer;
    scan_results_init(newer, profiles_max);
}

static struct of_profile *need(struct scan_results *r, const char *profile, struct err *err)
{
    struct of_profile *found = map_get(&r->by_profile, profile);

    if (found)
        return found;
    found = mem_calloc(1, sizeof(*found));
    if (!found) {
        err_nomem(err);
        return NULL;
    }
    found->findings.drift = found->drift;
    if (map_put(&r->by_profile, profile, found, NULL, err) < 0) {
        mem_free(found);
        return NULL;
    }
    return found;
}

int scan_results_add(struct scan_results *r, const struct posture *posture, struct err *err)
{
    struct of_profile *found;

    if (posture->state == POSTURE_NONE)
        return 0;
    found = need(r, posture->profile, err);
    if (!found)
        return -1;
    posture_tally_add(&found->findings.tally, posture);
    return 0;
}

static int order(const struct object_ref *one, const char *ns, const char *name)
{
    int result = strcmp(one->ns, ns);

    return result ? result : strcmp(one->name, name);
}

/* Where a finding about the object belongs; SCAN_DRIFT_MAX: nowhere. */
static size_t place_of(const struct of_profile *found, const char *ns, const char *name)
{
    size_t place = found->findings.drift_count;

    while (place > 0 && order(&found->drift[place - 1]->object, ns, name) > 0)
        place--;
    return place;
}

bool scan_results_want(struct scan_results *r, const char *profile, const struct object *object)
{
    const struct of_profile *found = map_get(&r->by_profile, profile);

    return found && place_of(found, object->ns, object->name) < SCAN_DRIFT_MAX;
}

static bool own(struct arena *a, const char **text)
{
    if (!*text)
        return true;
    *text = arena_strdup(a, *text);
    return *text;
}

/* All in @a and always the same bytes, so that it can be measured first. NULL: no room. */
static struct finding *compose(struct arena *a, const struct finding *finding)
{
    struct finding *copy = arena_alloc(a, sizeof(*copy));

    if (!copy)
        return NULL;
    *copy = *finding;
    return own(a, &copy->object.ns) && own(a, &copy->object.name) && own(a, &copy->object.uid) &&
                   own(a, &copy->rule) && own(a, &copy->message) && own(a, &copy->manager) &&
                   own(a, &copy->profile)
               ? copy
               : NULL;
}

static struct finding *copy_of(const struct finding *finding, struct err *err)
{
    struct finding *copy;
    struct arena exact;
    void *block = NULL;
    AUTO_ARENA measure;

    arena_init(&measure, FINDING_BYTES_MAX);
    if (compose(&measure, finding))
        block = mem_alloc(measure.used);
    if (!block) {
        err_nomem(err);
        return NULL;
    }
    arena_init_fixed(&exact, block, measure.used);
    copy = compose(&exact, finding);
    assert((void *)copy == block);
    return copy;
}

int scan_results_say(struct scan_results *r, const struct finding *finding, struct err *err)
{
    struct of_profile *found = map_get(&r->by_profile, finding->profile);
    size_t place = place_of(found, finding->object.ns, finding->object.name);
    size_t *count = &found->findings.drift_count;
    struct finding *copy;

    if (place == SCAN_DRIFT_MAX) {
        found->findings.is_cut = true;
        return 0;
    }
    copy = copy_of(finding, err);
    if (!copy)
        return -1;
    if (*count == SCAN_DRIFT_MAX) {
        found->findings.is_cut = true;
        free_finding(found->drift[--*count]);
    }
    memmove(&found->drift[place + 1], &found->drift[place],
            (*count - place) * sizeof(found->drift[0]));
    found->drift[place] = copy;
    ++*count;
    return 0;
}

void scan_results_cut(struct scan_results *r, const char *profile)
{
    struct of_profile *found = map_get(&r->by_profile, profile);

    if (found)
        found->findings.is_cut = true;
}

const struct scan_findings *scan_results_get(const struct scan_results *r, const char *profile)
{
    const struct of_profile *found = map_get(&r->by_profile, profile);

    return found ? &found->findings : NULL;
}
