#include "manager_state.h"

/* Without a profile that asks for it, the cluster's Pods are nobody's business. */
static bool is_wanted(void *ctx)
{
    const struct manager *m = ctx;

    return m->rules_count > 0;
}

static void on_begin(void *ctx)
{
    struct manager *m = ctx;

    scan_results_done(&m->scanning);
    scan_results_init(&m->scanning, SCAN_PROFILES_MAX);
}

/* The first findings in order are kept, and only those are put into words. */
static int keep_findings(struct manager *m, const struct object *object,
                         const struct posture *posture, struct arena *a, struct err *err)
{
    struct finding *findings;
    size_t count;

    if (posture->drift == 0)
        return 0;
    if (!scan_results_want(&m->scanning, posture->profile, object)) {
        scan_results_cut(&m->scanning, posture->profile);
        return 0;
    }
    if (m->options.ops->explain(&m->view, object, posture, SCAN_DRIFT_MAX, a, &findings, &count,
                                err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (scan_results_say(&m->scanning, &findings[i], err) < 0)
            return -1;
    }
    return 0;
}

static int on_object(void *ctx, const struct object *object, struct err *err)
{
    struct manager *m = ctx;
    struct posture posture;
    AUTO_ARENA a;

    arena_init(&a, PASS_BYTES_MAX);
    if (m->options.ops->evaluate(&m->view, object, &a, &posture, err) < 0 ||
        scan_results_add(&m->scanning, &posture, err) < 0)
        return -1;
    return keep_findings(m, object, &posture, &a, err);
}

static void mark_those_of(struct manager *m, const struct scan_results *r)
{
    for (struct map_entry *e = map_first(&r->by_profile); e; e = map_next(e))
        manager_mark_profile(m, map_entry_key(e));
}

static void on_end(void *ctx, bool had_trouble)
{
    struct manager *m = ctx;

    mark_those_of(m, &m->scanned);
    scan_results_replace(&m->scanned, &m->scanning);
    mark_those_of(m, &m->scanned);
    if (had_trouble)
        manager_mark_all_profiles(m);
}

static void on_failed(void *ctx)
{
    manager_mark_all_profiles(ctx);
}

int manager_scan_new(struct manager *m, struct err *err)
{
    const struct scan_options options = {
        .transport = m->options.transport,
        .log = m->options.log,
        .seed = m->options.seed + 2,
        .is_wanted = is_wanted,
        .on_begin = on_begin,
        .on_object = on_object,
        .on_end = on_end,
        .on_failed = on_failed,
        .ctx = m,
    };

    scan_results_init(&m->scanned, SCAN_PROFILES_MAX);
    scan_results_init(&m->scanning, SCAN_PROFILES_MAX);
    m->scan = scan_new(&options, err);
    return m->scan ? 0 : -1;
}
