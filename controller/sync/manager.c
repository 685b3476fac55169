#include "rampart/sync/manager.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "manager_state.h"

#define TROUBLE_MAX_MS 60000 /* of a cache, until we are no longer ready */
#define TROUBLE_TEXT_MAX 1024

/* ---- The view ---- */

static int view_list_caches(const void *ctx, enum kind kind, const char *ns, struct arena *a,
                            struct object_list *ret_list, struct err *err)
{
    const struct manager *m = ctx;

    return cluster_list(m->cluster, kind, ns, a, ret_list, err);
}

static const struct object *view_get_cached(const void *ctx, enum kind kind, const char *ns,
                                            const char *name)
{
    const struct manager *m = ctx;

    return cluster_get(m->cluster, kind, ns, name);
}

static const struct verdict *view_get_verdict(const void *ctx, const char *ns)
{
    const struct manager *m = ctx;

    return verdicts_get(&m->namespaces, ns);
}

static const struct verdict *view_get_pod_security(const void *ctx, const char *ns)
{
    const struct manager *m = ctx;

    return verdicts_get(&m->labels, ns);
}

static void view_get_tally(const void *ctx, const char *profile, struct posture_tally *ret_tally)
{
    const struct manager *m = ctx;

    postures_tally(&m->postures, profile, ret_tally);
}

static const struct scan_findings *view_get_scanned(const void *ctx, const char *profile)
{
    const struct manager *m = ctx;

    return scan_results_get(&m->scanned, profile);
}

static const struct harden_turns *view_get_hardening(const void *ctx, const char *profile)
{
    const struct manager *m = ctx;
    const struct hardening_profile *p = hardenings_profile(&m->harden.records, profile);

    return p ? &p->turns : NULL;
}

static const char *view_get_ingress_of(const void *ctx, const char *ns, const char *service)
{
    const struct manager *m = ctx;

    return ingresses_get(&m->ingresses, ns, service);
}

static const char *view_get_scan_trouble(const void *ctx)
{
    const struct manager *m = ctx;

    return scan_trouble(m->scan);
}

static const struct view_ops caches_and_verdicts = {
    .list = view_list_caches,
    .get = view_get_cached,
    .verdict = view_get_verdict,
    .pod_security = view_get_pod_security,
    .tally = view_get_tally,
    .drifted = posture_view_drifted,
    .scanned = view_get_scanned,
    .hardening = view_get_hardening,
    .hardening_findings = harden_view_findings,
    .ingress_of = view_get_ingress_of,
    .scan_trouble = view_get_scan_trouble,
};

/* ---- Life ---- */

static int build(struct manager *m, struct err *err)
{
    const struct manager_options *options = &m->options;
    const struct cluster_options of_cluster = {
        .transport = options->transport,
        .log = options->log,
        .seed = options->seed,
        .on_change = manager_on_change,
        .ctx = m,
    };
    struct applier_options of_applier = {
        .transport = options->transport,
        .log = options->log,
        .in_flight_max = options->in_flight_max,
        .on_done = manager_on_applied,
        .may_delete = manager_may_delete,
        .ctx = m,
    };

    m->cluster = cluster_new(&of_cluster, err);
    if (!m->cluster)
        return -1;
    of_applier.cluster = m->cluster;
    m->applier = applier_new(&of_applier, err);
    m->recorder = m->applier ? recorder_new(options->transport, options->log, options->instance,
                                            options->seed + 1, err)
                             : NULL;
    m->queue = m->recorder ? workqueue_new(WORKQUEUE_KEYS_MAX, err) : NULL;
    if (!m->queue || manager_scan_new(m, err) < 0 || manager_ingress_new(m, err) < 0 ||
        labels_init(m, err) < 0)
        return -1;
    return harden_init(m, err);
}

struct manager *manager_new(const struct manager_options *options, struct err *err)
{
    struct manager *m = mem_calloc(1, sizeof(*m));

    assert(options->transport && options->ops && options->own_namespace);
    assert(options->instance && *options->instance != '\0');
    if (!m) {
        err_nomem(err);
        return NULL;
    }
    m->options = *options;
    if (m->options.in_flight_max == 0)
        m->options.in_flight_max = APPLIER_IN_FLIGHT_DEFAULT;
    if (m->options.hardenings_max == 0)
        m->options.hardenings_max = HARDENINGS_MAX;
    m->view = (struct view){.ops = &caches_and_verdicts,
                            .ctx = m,
                            .own_namespace = options->own_namespace};
    m->resync_at_ms = UINT64_MAX;
    m->trouble_since_ms = UINT64_MAX;
    verdicts_init(&m->namespaces, MANAGER_VERDICTS_MAX, options->seed);
    verdicts_init(&m->profiles, PROFILE_TRACKS_MAX, options->seed);
    verdicts_init(&m->exceptions, MANAGER_EXCEPTIONS_MAX, options->seed);
    verdicts_init(&m->labels, MANAGER_VERDICTS_MAX, options->seed);
    postures_init(&m->postures, POSTURES_MAX);
    hardenings_init(&m->harden.records, m->options.hardenings_max);
    map_init(&m->harden.unseen, STORE_OBJECTS_MAX);
    TAILQ_INIT(&m->harden.waiting);
    TAILQ_INIT(&m->harden.running);
    TAILQ_INIT(&m->harden.complete);
    profile_tracks_init(&m->tracks);
    delete_budget_init(&m->deletes, MANAGER_DELETES_FREE, MANAGER_DELETES_PERCENT);
    if (build(m, err) < 0) {
        manager_free(m);
        return NULL;
    }
    return m;
}

void manager_free(struct manager *m)
{
    if (!m)
        return;
    recorder_free(m->recorder);
    applier_free(m->applier);
    harden_done(m);
    cluster_free(m->cluster);
    workqueue_free(m->queue);
    scan_free(m->scan);
    scan_free(m->ingress_scan);
    ingresses_done(&m->ingresses);
    ingresses_done(&m->ingresses_next);
    verdicts_done(&m->namespaces);
    verdicts_done(&m->profiles);
    verdicts_done(&m->exceptions);
    verdicts_done(&m->labels);
    label_reads_free(m->label_reads);
    postures_done(&m->postures);
    scan_results_done(&m->scanned);
    scan_results_done(&m->scanning);
    profile_tracks_done(&m->tracks);
    arena_done(&m->scratch);
    mem_free(m);
}

/* ---- The step ---- */

/* The profiles that are there when work begins explain nothing: what they explained was done by the
 * process before. */
static int take_note_of_profiles(struct manager *m, struct err *err)
{
    struct object_list list;
    AUTO_ARENA a;

    arena_init(&a, PASS_BYTES_MAX);
    if (cluster_list(m->cluster, KIND_PROFILE, NULL, &a, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        struct err why = {0};

        if (profile_tracks_begin(&m->tracks, OBJECT_AS(profile, list.items[i]), &why) < 0 &&
            why.code == ERR_NOMEM)
            return err_nomem(err);
    }
    return 0;
}

static void look_at_everything(struct manager *m)
{
    struct err err = {0};

    if (!m->has_synced && m->resync_at_ms == UINT64_MAX && cluster_has_synced(m->cluster))
        manager_want_resync(m, m->now_ms);
    if (m->resync_at_ms > m->now_ms)
        return;
    if (m->has_synced || take_note_of_profiles(m, &err) == 0) {
        m->has_synced = true;
        if (manager_resync(m, &err) == 0)
            return;
    }
    log_event(m->options.log, LOG_WARN, "not everything could be queued; tried again",
              LOG_STR("error", err.msg));
    m->resync_at_ms = m->now_ms + MANAGER_RETRY_MS;
}

/* The server was away or in trouble: whatever failed meanwhile is tried again now, all of it, and
 * not drop by drop as what fails by itself. */
static void wake_what_failed(struct manager *m)
{
    uint64_t recoveries = cluster_recoveries(m->cluster);

    if (recoveries == m->recoveries)
        return;
    m->recoveries = recoveries;
    workqueue_wake(m->queue, m->now_ms);
}

static void work(struct manager *m)
{
    unsigned passes = 0;

    while (passes < MANAGER_PASSES_PER_STEP && applier_has_room(m->applier) && manager_pass(m))
        passes++;
    turns_give(m);
    scan_step(m->scan, m->now_ms);
    scan_step(m->ingress_scan, m->now_ms);
    applier_step(m->applier, m->now_ms); /* plans that ended as they began */
    /* A burst is over: its memory goes back. */
    if (workqueue_ready(m->queue) == 0 && !m->batch.key && !m->harden.batch.key &&
        applier_in_flight(m->applier) == 0)
        arena_done(&m->scratch);
}

static void note_trouble(struct manager *m)
{
    char text[TROUBLE_TEXT_MAX];

    cluster_trouble(m->cluster, text, sizeof(text));
    if (*text == '\0')
        m->trouble_since_ms = UINT64_MAX;
    else if (m->trouble_since_ms == UINT64_MAX)
        m->trouble_since_ms = m->now_ms;
}

static uint64_t deadline(const struct manager *m)
{
    uint64_t due_ms = sooner(cluster_deadline(m->cluster), recorder_deadline(m->recorder));

    if (m->is_stopping)
        return sooner(due_ms, m->stop_by_ms);
    /* Without room for a plan the end of one of those in flight is waited for, not time. */
    if (m->has_synced && applier_has_room(m->applier))
        due_ms = m->batch.key || harden_can_go_on(m) || labels_can_go_on(m)
                     ? 0
                     : sooner(due_ms, workqueue_deadline(m->queue, m->now_ms));
    if (m->has_synced)
        due_ms = sooner(sooner(due_ms, turns_deadline(m)),
                        sooner(scan_deadline(m->scan), scan_deadline(m->ingress_scan)));
    if (m->trouble_since_ms != UINT64_MAX && m->now_ms < m->trouble_since_ms + TROUBLE_MAX_MS)
        due_ms = sooner(due_ms, m->trouble_since_ms + TROUBLE_MAX_MS);
    return sooner(due_ms, m->resync_at_ms);
}

uint64_t manager_step(struct manager *m, uint64_t now_ms, int64_t wall_ms)
{
    assert(now_ms >= m->now_ms);
    m->now_ms = now_ms;
    m->view.wall_ms = wall_ms;
    cluster_step(m->cluster, now_ms);
    applier_step(m->applier, now_ms);
    note_trouble(m);
    if (!m->is_stopping) {
        wake_what_failed(m);
        look_at_everything(m);
        if (m->has_synced)
            work(m);
    } else if (applier_in_flight(m->applier) == 0) {
        recorder_drain(m->recorder); /* no more Events come */
        m->has_drained = true;
    }
    recorder_step(m->recorder, now_ms, wall_ms);
    return deadline(m);
}

void manager_stop(struct manager *m, uint64_t now_ms)
{
    if (m->is_stopping)
        return;
    m->is_stopping = true;
    m->stop_by_ms = now_ms + MANAGER_DRAIN_MS;
    cluster_stop(m->cluster);
    scan_stop(m->scan);
    scan_stop(m->ingress_scan);
    if (m->harden.evidence)
        evidence_stop(m->harden.evidence);
    if (m->label_reads)
        label_reads_stop(m->label_reads);
    applier_drain(m->applier);
}

bool manager_is_stopped(const struct manager *m)
{
    if (!m->is_stopping)
        return false;
    return m->now_ms >= m->stop_by_ms ||
           (m->has_drained && cluster_is_stopped(m->cluster) && scan_is_stopped(m->scan) &&
            scan_is_stopped(m->ingress_scan) &&
            (!m->harden.evidence || evidence_is_stopped(m->harden.evidence)) &&
            (!m->label_reads || label_reads_are_stopped(m->label_reads)) &&
            recorder_pending(m->recorder) == 0);
}

/* ---- What others ask ---- */

bool manager_is_ready(const struct manager *m, char *ret_reason, size_t len_max)
{
    assert(len_max > 0);
    if (m->is_stopping) {
        (void)snprintf(ret_reason, len_max, "stopping");
        return false;
    }
    if (m->has_synced &&
        (m->trouble_since_ms == UINT64_MAX || m->now_ms < m->trouble_since_ms + TROUBLE_MAX_MS)) {
        *ret_reason = '\0';
        return true;
    }
    cluster_trouble(m->cluster, ret_reason, len_max);
    if (*ret_reason == '\0')
        (void)snprintf(ret_reason, len_max, "the first pass is about to begin");
    return false;
}

struct cluster *manager_cluster(struct manager *m)
{
    return m->cluster;
}

void manager_get_stats(const struct manager *m, struct manager_stats *ret_stats)
{
    *ret_stats = (struct manager_stats){
        .passes = m->passes,
        .queue_ready = workqueue_ready(m->queue),
        .verdicts = verdicts_count(&m->namespaces),
        .postures = postures_count(&m->postures),
        .hardenings = hardenings_count(&m->harden.records),
    };
    applier_get_stats(m->applier, &ret_stats->applier);
    recorder_get_stats(m->recorder, &ret_stats->recorder);
}
