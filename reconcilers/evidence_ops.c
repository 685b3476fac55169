#include "rampart/reconcilers/evidence_ops.h"

#include <string.h>

#include "rampart/base/strbuf.h"
#include "rampart/reconcilers/pods_evidence.h"

struct evidence_build {
    struct workload_facts workload; /* only what pods_evidence reads; texts in the arena */
    struct pods_evidence_build pods;
};

static int copy_text(const char *text, struct arena *a, const char **ret_copy, struct err *err)
{
    *ret_copy = text ? arena_strdup(a, text) : NULL;
    return text && !*ret_copy ? err_nomem(err) : 0;
}

static int copy_labels(const struct labels *labels, struct arena *a, struct labels *ret_copy,
                       struct err *err)
{
    struct label *items = arena_calloc(a, labels->count + 1, sizeof(*items));

    if (!items)
        return err_nomem(err);
    for (size_t i = 0; i < labels->count; i++) {
        if (copy_text(labels->items[i].key, a, &items[i].key, err) < 0 ||
            copy_text(labels->items[i].value, a, &items[i].value, err) < 0)
            return -1;
    }
    *ret_copy = (struct labels){.items = items, .count = labels->count};
    return 0;
}

int evidence_begin(const struct object *workload, enum harden_want want, struct arena *a,
                   void **ret_build, struct err *err)
{
    const struct workload_facts *w = OBJECT_AS(workload_facts, workload);
    struct evidence_build *b = arena_alloc(a, sizeof(*b));

    if (!b)
        return err_nomem(err);
    b->workload.object.kind = workload->kind;
    if (copy_text(workload->name, a, &b->workload.object.name, err) < 0 ||
        copy_text(workload->uid, a, &b->workload.object.uid, err) < 0 ||
        copy_text(w->revision_update, a, &b->workload.revision_update, err) < 0 ||
        copy_text(w->fill, a, &b->workload.fill, err) < 0 ||
        copy_labels(&w->pod.labels, a, &b->workload.pod.labels, err) < 0)
        return -1;
    pods_evidence_begin(&b->pods, &b->workload, a);
    b->pods.found.room.is_known = want == HARDEN_ROOM;
    *ret_build = b;
    return 0;
}

int evidence_take(void *build, enum harden_source source, const json_t *root, struct err *err)
{
    struct evidence_build *b = build;

    switch (source) {
    case HARDEN_REVISIONS:
        return pods_evidence_revision(&b->pods, root, err);
    case HARDEN_PODS:
        return pods_evidence_pod(&b->pods, root, err);
    case HARDEN_BUDGETS:
        return pods_evidence_budget(&b->pods, root, err);
    case HARDEN_LIMIT_RANGES:
        room_limit_range(&b->pods.found.room, root);
        return 0;
    case HARDEN_QUOTAS:
        room_quota(&b->pods.found.room, root);
        return 0;
    default:
        room_autoscaler(&b->pods.found.room, &b->workload, root);
        return 0;
    }
}

/* ---- Which pods ---- */

static const char *label_of(enum kind kind)
{
    switch (kind) {
    case KIND_DEPLOYMENT:
        return "pod-template-hash";
    case KIND_CRON_JOB:
        return "batch.kubernetes.io/controller-uid";
    default:
        return "controller-revision-hash";
    }
}

/* Never a comma or a bracket: it would change what is asked for. */
static bool add_value(struct strbuf *out, const char *value)
{
    if (*value == '\0' || !label_value_is_valid(value))
        return false;
    strbuf_adds(out, value);
    return strbuf_is_ok(out);
}

int evidence_select(void *build, struct arena *a, const char **ret_selector, struct err *err)
{
    const struct evidence_build *b = build;
    enum kind kind = b->workload.object.kind;
    bool is_narrow = b->pods.revisions_count > 0 && b->pods.found.has_all_tried;
    const char *selector;
    AUTO_STRBUF text;

    strbuf_init(&text, EVIDENCE_SELECTOR_MAX);
    strbuf_addf(&text, "%s in (", label_of(kind));
    for (size_t i = 0; is_narrow && i < b->pods.revisions_count; i++) {
        const struct evidence_revision *r = &b->pods.revisions[i];

        if (i > 0)
            strbuf_addc(&text, ',');
        is_narrow = add_value(&text, kind == KIND_CRON_JOB ? r->uid : r->hash);
    }
    strbuf_addc(&text, ')');
    if (text.broke == ERR_NOMEM)
        return err_nomem(err);
    selector = arena_strdup(a, is_narrow && strbuf_is_ok(&text) ? text.text : "");
    if (!selector)
        return err_nomem(err);
    *ret_selector = selector;
    return 0;
}

int evidence_end(void *build, const void **ret_evidence, struct err *err)
{
    struct evidence_build *b = build;
    struct pods_evidence *found = arena_alloc(b->pods.a, sizeof(*found));

    if (!found)
        return err_nomem(err);
    if (pods_evidence_end(&b->pods, found, err) < 0)
        return -1;
    *ret_evidence = found;
    return 0;
}
