#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "manager_state.h"
#include "rampart/kube/workload.h"
#include "rampart/kube/workloads_section.h"

#define WORKLOADS_PREFIX "hardens/"
#define KEY_LEN_MAX (sizeof(WORKLOADS_PREFIX) + POSTURE_KEY_LEN_MAX)

static_assert(KEY_LEN_MAX <= WORKQUEUE_KEY_LEN_MAX, "the queue takes every key");

static const enum kind kinds[] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET, KIND_DAEMON_SET,
                                  KIND_CRON_JOB};
#define KINDS_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* ---- Life ---- */

int harden_init(struct manager *m, struct err *err)
{
    struct hardening_work *h = &m->harden;
    const struct evidence_options options = {
        .transport = m->options.transport,
        .ops = m->options.ops->harden,
        .cluster = m->cluster,
        .on_done = read_on_done,
        .ctx = m,
    };

    if (!options.ops)
        return 0;
    h->evidence = evidence_new(&options, err);
    return h->evidence ? 0 : -1;
}

void harden_done(struct manager *m)
{
    struct hardening_work *h = &m->harden;

    read_clear(&h->waiting);
    read_clear(&h->running);
    read_clear(&h->complete);
    evidence_free(h->evidence);
    hardenings_done(&h->records);
    map_done(&h->unseen);
}

/* ---- Keys ---- */

static bool has_prefix(const char *key, const char *prefix)
{
    return strncmp(key, prefix, strlen(prefix)) == 0;
}

bool harden_has_key(const char *key)
{
    return has_prefix(key, HARDEN_PREFIX) || has_prefix(key, WORKLOADS_PREFIX);
}

bool harden_fills_in(const struct object *object)
{
    const struct profile *p = OBJECT_AS(profile, object);

    if (p && p->object.is_deleting)
        return p->workloads.is_stated && p->removes_on_delete;
    return p && workloads_section_fills_in(&p->workloads);
}

bool harden_is_wanted(const struct manager *m)
{
    return m->harden.evidence && (m->harden.fills_count + m->harden.marks_count > 0 ||
                                  hardenings_count(&m->harden.records) > 0);
}

void harden_mark_record(struct manager *m, const char *record_key)
{
    char key[KEY_LEN_MAX];

    (void)snprintf(key, sizeof(key), "%s%s", HARDEN_PREFIX, record_key);
    manager_add_key(m, key);
}

void harden_mark_workload(struct manager *m, enum kind kind, const char *ns, const char *name)
{
    const struct object object = {.kind = kind, .ns = ns, .name = name};
    char record_key[POSTURE_KEY_LEN_MAX + 1];

    if (harden_is_wanted(m) && posture_key(record_key, &object))
        harden_mark_record(m, record_key);
}

void harden_mark_workloads(struct manager *m, const char *ns)
{
    char key[KEY_LEN_MAX];

    if (harden_is_wanted(m) &&
        snprintf(key, sizeof(key), "%s%s", WORKLOADS_PREFIX, ns) < (int)sizeof(key))
        manager_add_key(m, key);
}

const struct object *harden_object_of(const struct manager *m, const char *record_key)
{
    struct key_parts parts;

    key_split(record_key, &parts);
    assert(parts.rest);
    for (size_t i = 0; i < KINDS_COUNT; i++) {
        if (strcmp(resource_of(kinds[i])->plural, parts.rest) == 0)
            return view_get(&m->view, kinds[i], parts.ns, parts.name);
    }
    return NULL;
}

/* ---- Rounds ---- */

/* What is decided anew: turns that were not used yet, pauses, and which rights there are. */
static void begin_anew(struct manager *m)
{
    for (struct map_entry *e = map_first(&m->harden.records.profiles); e; e = map_next(e))
        ((struct hardening_profile *)map_entry_value(e))->is_dirty = true;
    for (struct map_entry *e = map_first(&m->harden.records.records); e; e = map_next(e)) {
        struct hardening *r = map_entry_value(e);

        r->no_deletions_until_ms = 0;
        if (!r->is_busy)
            hardening_end_turn(r);
    }
}

static int mark_round(struct manager *m, struct err *err)
{
    struct object_list list;
    AUTO_ARENA a;

    arena_init(&a, PASS_BYTES_MAX);
    if (view_list(&m->view, KIND_NAMESPACE, NULL, &a, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        if (map_put(&m->harden.unseen, list.items[i]->name, m, NULL, err) < 0)
            return -1;
        harden_mark_workloads(m, list.items[i]->name);
    }
    return 0;
}

/* Namespaces of the round before may be gone, and what is half looked at is looked at again. */
static void forget_round(struct manager *m)
{
    size_t count_max = m->harden.unseen.count_max;

    map_done(&m->harden.unseen);
    map_init(&m->harden.unseen, count_max);
    m->harden.batch.kind = 0;
    *m->harden.batch.last = '\0';
    m->harden.is_round_lost = false;
}

int harden_begin_round(struct manager *m, struct err *err)
{
    forget_round(m);
    if (!harden_is_wanted(m))
        return 0;
    begin_anew(m);
    m->harden.is_round_lost = mark_round(m, err) < 0;
    return m->harden.is_round_lost ? -1 : 0;
}

/* ---- Records ---- */

void harden_mark_profile(struct manager *m, const struct hardening *r)
{
    if (r && r->profile)
        manager_mark_profile(m, r->profile->name);
}

void harden_forget(struct manager *m, const char *record_key)
{
    harden_mark_profile(m, hardenings_get(&m->harden.records, record_key));
    hardenings_forget(&m->harden.records, record_key);
    if (hardenings_count(&m->harden.records) < m->options.hardenings_max)
        m->harden.is_full = false;
}

void harden_sweep(struct manager *m)
{
    struct map_entry *e = map_first(&m->harden.records.records);

    while (e) {
        const char *key = map_entry_key(e);
        const struct hardening *r = map_entry_value(e);

        e = map_next(e);
        if (!r->is_busy && !harden_object_of(m, key))
            harden_forget(m, key);
    }
}

/* ---- All workloads of a namespace ---- */

/* What more than a look is needed for has a pass of its own. */
static int survey(struct manager *m, const struct object *workload, struct err *err)
{
    char record_key[POSTURE_KEY_LEN_MAX + 1];
    struct harden_look l = {.record_key = record_key, .workload = workload};
    const struct hardening *r;
    char key[KEY_LEN_MAX];

    if (!posture_key(record_key, workload))
        return 0;
    r = hardenings_get(&m->harden.records, record_key);
    if (r && (r->is_busy || r->has_turn)) {
        harden_mark_record(m, record_key);
        return 0;
    }
    if (harden_look(m, &l, err) < 0)
        return -1;
    (void)snprintf(key, sizeof(key), "%s%s", HARDEN_PREFIX, record_key);
    if (l.step.want != HARDEN_NOTHING)
        manager_add_key(m, key);
    else
        harden_look_again(m, key, &l.step);
    return 0;
}

/* Of one kind, those behind batch.last, in order: at most *room. */
static int survey_some(struct manager *m, enum kind kind, const char *ns, size_t *room,
                       struct err *err)
{
    struct object_batch *batch = &m->harden.batch;
    struct object_list list;
    AUTO_ARENA a;

    arena_init(&a, PASS_BYTES_MAX);
    if (view_list(&m->view, kind, ns, &a, &list, err) < 0)
        return -1;
    for (size_t i = 0; i<list.count && * room> 0; i++) {
        if (strcmp(list.items[i]->name, batch->last) <= 0)
            continue;
        if (survey(m, list.items[i], err) < 0)
            return -1;
        (void)snprintf(batch->last, sizeof(batch->last), "%s", list.items[i]->name);
        --*room;
    }
    return 0;
}

static void pass_workloads(struct manager *m, const char *key)
{
    struct object_batch *batch = &m->harden.batch;
    const char *ns = key + strlen(WORKLOADS_PREFIX);
    size_t room = MANAGER_BATCH_OBJECTS;
    struct err err = {0};

    if (!batch->key)
        *batch = (struct object_batch){.key = key};
    while (batch->kind < KINDS_COUNT && room > 0) {
        if (survey_some(m, kinds[batch->kind], ns, &room, &err) < 0) {
            batch->key = NULL;
            harden_fail_pass(m, key, &err);
            return;
        }
        if (room > 0) { /* that was all of the kind */
            batch->kind++;
            *batch->last = '\0';
        }
    }
    if (batch->kind < KINDS_COUNT)
        return;
    batch->key = NULL;
    (void)map_remove(&m->harden.unseen, ns);
    workqueue_forget(m->queue, key);
    workqueue_done(m->queue, key);
}

void harden_pass(struct manager *m, const char *key)
{
    if (has_prefix(key, HARDEN_PREFIX))
        harden_pass_workload(m, key, NULL);
    else
        pass_workloads(m, key);
}

bool harden_can_go_on(const struct manager *m)
{
    return m->harden.batch.key || read_has_next(m);
}

bool harden_go_on(struct manager *m)
{
    struct harden_read *read;

    if (m->harden.batch.key) {
        pass_workloads(m, m->harden.batch.key);
        return true;
    }
    read = read_next(m);
    if (read)
        harden_pass_workload(m, read->key, read);
    return read;
}

/* ---- What others ask ---- */

int harden_view_findings(const void *ctx, const char *profile, size_t count_max, struct arena *a,
                         const struct finding *const **ret_findings, size_t *ret_count,
                         bool *ret_more, struct err *err)
{
    const struct manager *m = ctx;
    const char **keys = arena_calloc(a, count_max, sizeof(*keys));
    const struct finding **findings = arena_calloc(a, count_max, sizeof(const void *));
    size_t count, there = 0;

    if (!keys || !findings)
        return err_nomem(err);
    *ret_more = hardenings_told(&m->harden.records, profile, keys, count_max, &count);
    for (size_t i = 0; i < count; i++) {
        const struct object *workload = harden_object_of(m, keys[i]);

        if (!workload) /* it has just gone */
            continue;
        findings[there] =
            hardening_finding(hardenings_get(&m->harden.records, keys[i]), workload, a);
        if (!findings[there++])
            return err_nomem(err);
    }
    *ret_findings = findings;
    *ret_count = there;
    return 0;
}
