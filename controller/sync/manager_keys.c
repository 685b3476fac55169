#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "manager_state.h"
#include "rampart/kube/workload.h"

#define NAMESPACE_PREFIX "ns/"
#define PROFILE_PREFIX "profile/"
#define KEY_LEN_MAX (sizeof(PROFILE_PREFIX) + NAME_LEN_MAX)

struct subject subject_of(const char *key)
{
    static const size_t ns_len = sizeof(NAMESPACE_PREFIX) - 1;
    static const size_t profile_len = sizeof(PROFILE_PREFIX) - 1;
    static const size_t labels_len = sizeof(LABELS_PREFIX) - 1;

    if (strncmp(key, PROFILE_PREFIX, profile_len) == 0)
        return (struct subject){.key = key, .name = key + profile_len, .is_profile = true};
    if (labels_has_key(key))
        return (struct subject){.key = key, .name = key + labels_len, .is_labels = true};
    assert(strncmp(key, NAMESPACE_PREFIX, ns_len) == 0);
    return (struct subject){.key = key, .name = key + ns_len};
}

void key_split(const char *text, struct key_parts *ret_parts)
{
    const char *slash = strchr(text, '/');
    const char *end;

    assert(slash);
    end = strchr(slash + 1, '/');
    (void)snprintf(ret_parts->ns, sizeof(ret_parts->ns), "%.*s", (int)(slash - text), text);
    (void)snprintf(ret_parts->name, sizeof(ret_parts->name), "%.*s",
                   end ? (int)(end - slash - 1) : NAME_LEN_MAX, slash + 1);
    ret_parts->rest = end ? end + 1 : NULL;
}

/* False: longer than any name can be, so nothing has it. */
static bool compose(char ret_key[KEY_LEN_MAX], const char *prefix, const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > NAME_LEN_MAX)
        return false;
    (void)snprintf(ret_key, KEY_LEN_MAX, "%s%s", prefix, name);
    return true;
}

void manager_want_resync(struct manager *m, uint64_t at_ms)
{
    if (at_ms < m->resync_at_ms)
        m->resync_at_ms = at_ms;
}

/* Nothing is lost when there is no room for a key: then everything is looked at again. */
static void settle(struct manager *m, const char *key, int added, const struct err *err)
{
    if (added == 0)
        return;
    if (m->resync_at_ms == UINT64_MAX)
        log_event(m->options.log, LOG_WARN,
                  "a change could not be queued; everything will be looked at again",
                  LOG_STR("key", key), LOG_STR("error", err->msg));
    manager_want_resync(m, m->now_ms);
}

void manager_add_key(struct manager *m, const char *key)
{
    struct err err = {0};

    settle(m, key, workqueue_add(m->queue, key, &err), &err);
}

void manager_mark_namespace(struct manager *m, const char *ns)
{
    char key[KEY_LEN_MAX];

    if (compose(key, NAMESPACE_PREFIX, ns))
        manager_add_key(m, key);
}

/* Whether its last pass saw the profile's spec as it is now (a deletion counts as a change of it).
 */
static bool has_seen_spec(const struct manager *m, const char *profile,
                          const struct profile_track *track)
{
    const struct profile *p = OBJECT_AS(profile, view_get(&m->view, KIND_PROFILE, "", profile));

    return track && track->has_passed &&
           (!p || (track->generation == p->generation && strcmp(track->uid, p->object.uid) == 0));
}

void manager_mark_profile(struct manager *m, const char *profile)
{
    struct profile_track *track = profile_tracks_get(&m->tracks, profile);
    char key[KEY_LEN_MAX];
    struct err err = {0};
    int added;

    if (!compose(key, PROFILE_PREFIX, profile))
        return;
    if (track)
        track->counted_ms = m->now_ms;
    /* What somebody asked for is looked at at once, what only has to be counted may wait. */
    if (has_seen_spec(m, profile, track))
        added = workqueue_add_at(m->queue, key, track->passed_ms + MANAGER_STATUS_EVERY_MS, &err);
    else
        added = workqueue_add(m->queue, key, &err);
    settle(m, key, added, &err);
}

/* ---- What reconciler_ops.map may mark ---- */

static void mark_namespace(void *ctx, const char *ns)
{
    manager_mark_namespace(ctx, ns);
}

static void mark_profile(void *ctx, const char *profile)
{
    manager_mark_profile(ctx, profile);
}

static int mark_kind(struct manager *m, enum kind kind, void (*mark)(void *ctx, const char *name),
                     struct err *err)
{
    struct object_list list;
    AUTO_ARENA a;

    arena_init(&a, PASS_BYTES_MAX);
    if (cluster_list(m->cluster, kind, NULL, &a, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < list.count; i++)
        mark(m, list.items[i]->name);
    return 0;
}

static void mark_all(struct manager *m, enum kind kind, void (*mark)(void *ctx, const char *name))
{
    struct err err = {0};

    settle(m, resource_of(kind)->plural, mark_kind(m, kind, mark, &err), &err);
}

static void mark_all_namespaces(void *ctx)
{
    mark_all(ctx, KIND_NAMESPACE, mark_namespace);
}

static void mark_all_profiles(void *ctx)
{
    mark_all(ctx, KIND_PROFILE, mark_profile);
}

void manager_mark_all_profiles(struct manager *m)
{
    mark_all_profiles(m);
}

static void mark_object(void *ctx, enum kind kind, const char *ns, const char *name)
{
    posture_mark_object(ctx, kind, ns, name);
}

static void mark_objects_of(void *ctx, const char *ns)
{
    posture_mark_objects(ctx, ns);
}

static void mark_objects(void *ctx, const char *ns)
{
    if (ns)
        posture_mark_objects(ctx, ns);
    else
        mark_all(ctx, KIND_NAMESPACE, mark_objects_of);
}

static void mark_exception(void *ctx, const char *ns, const char *name)
{
    posture_mark_exception(ctx, ns, name);
}

static void mark_workload(void *ctx, enum kind kind, const char *ns, const char *name)
{
    harden_mark_workload(ctx, kind, ns, name);
}

static void mark_workloads(void *ctx, const char *ns)
{
    struct manager *m = ctx;
    struct err err = {0};

    if (ns)
        harden_mark_workloads(m, ns);
    else
        settle(m, "workloads", harden_begin_round(m, &err), &err);
}

static void mark_labels_of(void *ctx, const char *ns)
{
    labels_mark(ctx, ns);
}

static void mark_pod_security(void *ctx, const char *ns)
{
    if (ns)
        labels_mark(ctx, ns);
    else
        mark_all(ctx, KIND_NAMESPACE, mark_labels_of);
}

static void mark_scan(void *ctx)
{
    struct manager *m = ctx;

    scan_hurry(m->scan, m->now_ms);
}

static int mark_exceptions(struct manager *m, struct err *err)
{
    struct object_list list;
    AUTO_ARENA a;

    arena_init(&a, PASS_BYTES_MAX);
    if (cluster_list(m->cluster, KIND_EXCEPTION, NULL, &a, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < list.count; i++)
        posture_mark_exception(m, list.items[i]->ns, list.items[i]->name);
    return 0;
}

int manager_resync(struct manager *m, struct err *err)
{
    m->resync_at_ms = UINT64_MAX;
    posture_sweep(m);
    harden_sweep(m);
    /* Profiles last: their status counts all others. */
    if (mark_kind(m, KIND_NAMESPACE, mark_namespace, err) < 0 ||
        mark_kind(m, KIND_NAMESPACE, mark_objects_of, err) < 0 || mark_exceptions(m, err) < 0 ||
        harden_begin_round(m, err) < 0 || mark_kind(m, KIND_NAMESPACE, mark_labels_of, err) < 0 ||
        mark_kind(m, KIND_PROFILE, mark_profile, err) < 0)
        return err_wrap(err, "look at everything again");
    verdicts_each(&m->namespaces, mark_namespace, m);
    verdicts_each(&m->labels, mark_labels_of, m);
    verdicts_each(&m->profiles, mark_profile, m);
    if (m->resync_at_ms != UINT64_MAX)
        return err_set(err, ERR_NOMEM, "look at everything again: the queue has no room");
    return 0;
}

static size_t is_ours(const struct object *object)
{
    return object && object->is_ours;
}

static size_t is_marked(const struct object *object)
{
    const struct workload_facts *w = OBJECT_AS(workload_facts, object);

    return w && w->rollout && *w->rollout;
}

static size_t asks_rules(const struct object *object)
{
    const struct profile *p = OBJECT_AS(profile, object);

    return p && p->workloads.is_stated;
}

static size_t audits_network(const struct object *object)
{
    const struct profile *p = OBJECT_AS(profile, object);

    return p && !p->invalid && p->network.is_stated && p->network.mode == MODE_AUDIT;
}

/* Deleted and made again within a gap of the watch: the store tells of one change. */
static bool is_replaced(const struct object *before, const struct object *after)
{
    return before && after && strcmp(before->uid, after->uid) != 0;
}

void manager_on_change(void *ctx, const struct object *before, const struct object *after)
{
    struct manager *m = ctx;
    const struct dirty dirty = {
        .mark_namespace = mark_namespace,
        .mark_all_namespaces = mark_all_namespaces,
        .mark_profile = mark_profile,
        .mark_all_profiles = mark_all_profiles,
        .mark_object = mark_object,
        .mark_objects = mark_objects,
        .mark_exception = mark_exception,
        .mark_workload = mark_workload,
        .mark_workloads = mark_workloads,
        .mark_pod_security = mark_pod_security,
        .mark_scan = mark_scan,
        .ctx = m,
    };

    assert(before || after);
    m->ours_count += is_ours(after);
    m->ours_count -= is_ours(before);
    if (kind_is_workload((after ? after : before)->kind)) {
        m->harden.marks_count += is_marked(after);
        m->harden.marks_count -= is_marked(before);
    }
    if ((after ? after : before)->kind == KIND_PROFILE) {
        m->rules_count += asks_rules(after);
        m->rules_count -= asks_rules(before);
        m->labels_count += labels_states_it(after);
        m->labels_count -= labels_states_it(before);
        m->audits_count += audits_network(after);
        m->audits_count -= audits_network(before);
        if (audits_network(after) && !audits_network(before))
            scan_hurry(m->ingress_scan, m->now_ms);
        m->harden.fills_count += harden_fills_in(after);
        m->harden.fills_count -= harden_fills_in(before);
    }
    if (is_replaced(before, after) && after->kind == KIND_NAMESPACE)
        report_forget_namespace(m, after->name);
    if (before && before->kind == KIND_NAMESPACE && (!after || is_replaced(before, after)))
        recorder_forget_namespace(m->recorder, before->name);
    /* Before the first sync everything is yet to be marked; in a drain nothing is taken up any
     * more. */
    if (m->has_synced && !m->is_stopping)
        m->options.ops->map(&m->view, before, after, &dirty);
}
