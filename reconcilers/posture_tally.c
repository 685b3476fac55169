#include "rampart/reconcilers/posture.h"
#include "rampart/reconcilers/profile_status.h"

static void add_sets(uint32_t sums[POSTURE_RULES_MAX], const uint32_t counts[POSTURE_RULES_MAX])
{
    for (size_t i = 0; i < POSTURE_RULES_MAX; i++)
        sums[i] += counts[i];
}

static void add(struct posture_tally *sum, const struct posture_tally *t)
{
    for (size_t i = 0; i < POSTURE_STATE_COUNT; i++)
        sum->states[i] += t->states[i];
    add_sets(sum->passing, t->passing);
    add_sets(sum->failing, t->failing);
    add_sets(sum->error, t->error);
    add_sets(sum->exempt, t->exempt);
}

static void keep(struct profile_tally *t, const struct finding *finding)
{
    profile_tally_keep(t, finding);
    if (finding->counts_as_failed && !t->unread)
        t->unread = finding;
    if (!finding->counts_as_failed && !t->deviates)
        t->deviates = finding;
}

static int add_drift_of(const struct view *v, const struct object *object, struct arena *a,
                        struct profile_tally *t, struct err *err)
{
    struct posture posture;
    struct finding *findings;
    size_t count;

    if (posture_evaluate(v, object, a, &posture, err) < 0 ||
        posture_explain(v, object, &posture, STATUS_DRIFT_MAX + 1, a, &findings, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        keep(t, &findings[i]);
    return 0;
}

static int add_drift(const struct view *v, const struct profile *p, struct arena *a,
                     struct profile_tally *t, struct err *err)
{
    const struct object *const *objects;
    size_t count;
    bool has_more;

    if (view_drifted(v, p->object.name, STATUS_DRIFT_MAX, a, &objects, &count, &has_more, err) < 0)
        return -1;
    t->is_drift_cut |= has_more;
    for (size_t i = 0; i < count; i++) {
        if (add_drift_of(v, objects[i], a, t, err) < 0)
            return -1;
    }
    return 0;
}

static void add_scan(const struct view *v, const struct profile *p, struct profile_tally *t)
{
    const struct scan_findings *scanned = view_scanned(v, p->object.name);

    t->scan_trouble = view_scan_trouble(v);
    if (!scanned)
        return;
    add(&t->postures, &scanned->tally);
    t->is_drift_cut |= scanned->is_cut;
    for (size_t i = 0; i < scanned->drift_count; i++)
        keep(t, scanned->drift[i]);
}

static int name_unknown_rules(const struct profile *p, struct arena *a, struct profile_tally *t,
                              struct err *err)
{
    AUTO_STRBUF names;

    strbuf_init(&names, POSTURE_UNKNOWN_LEN_MAX);
    posture_unknown_rules(&p->workloads, &names);
    if (names.broke == ERR_NOMEM)
        return err_nomem(err);
    t->unknown_rules = arena_printf(a, "%s%s", names.text, names.broke ? ", ..." : "");
    return t->unknown_rules ? 0 : err_nomem(err);
}

int profile_tally_postures(const struct view *v, const struct profile *p, struct arena *a,
                           struct profile_tally *t, struct err *err)
{
    t->unknown_rules = "";
    t->scan_trouble = "";
    t->has_workloads = p->workloads.is_stated && p->workloads.mode != MODE_OFF && !p->invalid &&
                       !p->object.is_deleting;
    if (!t->has_workloads)
        return 0;
    view_tally(v, p->object.name, &t->postures);
    add_scan(v, p, t);
    if (name_unknown_rules(p, a, t, err) < 0)
        return -1;
    return add_drift(v, p, a, t, err);
}
