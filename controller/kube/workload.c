#include "rampart/kube/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/decode.h"
#include "rampart/kube/timestamp.h"

#define MANAGER_LEN_MAX 128 /* the API server's own limit */
#define KIND_LEN_MAX 63     /* of an ownerReference */
#define TEMPLATE_DIGEST "template" SLICE_DIGEST
#define STATUS_DIGEST "status" SLICE_DIGEST

bool kind_is_workload(enum kind kind)
{
    return kind >= KIND_DEPLOYMENT && kind <= KIND_CRON_JOB;
}

/* Tenants write these objects: what is no number is as good as not stated. */
static int64_t number_of(const json_t *obj, const char *name, int64_t max, int64_t absent)
{
    const json_t *number = json_member(obj, name);
    int64_t value = json_integer_value(number);

    return json_is_integer(number) && value >= 0 && value <= max ? value : absent;
}

static int32_t count_of(const json_t *obj, const char *name, int32_t absent)
{
    return (int32_t)number_of(obj, name, INT32_MAX, absent);
}

/* Of the first digits of a digest: enough to tell a change. */
static uint32_t number_of_hex(const json_t *digest)
{
    const char *text = json_string_value(digest);
    char first[9];

    (void)snprintf(first, sizeof(first), "%s", text ? text : "");
    return (uint32_t)strtoul(first, NULL, 16);
}

static bool is_text(const json_t *obj, const char *name, const char *text)
{
    const char *found = json_string_value(json_member(obj, name));

    return found && strcmp(found, text) == 0;
}

/* "" where there is none. */
static int text_or_empty(const json_t *obj, const char *name, size_t len_max, struct arena *a,
                         const char **ret_text, struct err *err)
{
    if (text_keep(obj, name, len_max, a, ret_text, err) < 0)
        return -1;
    *ret_text = *ret_text ? *ret_text : "";
    return 0;
}

static int pod_read(const json_t *root, const json_t *template, struct arena *a,
                    struct workload_facts *w, struct err *err)
{
    if (json_member(root, OBJECT_CUT)) {
        w->pod.unreadable = "is too large to be read: make it smaller";
        return 0;
    }
    return pod_template_decode(json_member(template, "metadata"), json_member(template, "spec"), a,
                               &w->pod, err);
}

/* Usually the same as those of the template, and then kept once. */
static int labels_read(const json_t *meta, const json_t *template, struct arena *a,
                       struct workload_facts *w, struct err *err)
{
    const json_t *labels = json_member(meta, "labels");
    struct err why = {0};

    if (!w->pod.unreadable && labels &&
        json_equal(labels, json_member(json_member(template, "metadata"), "labels"))) {
        w->labels = w->pod.labels;
        return 0;
    }
    if (labels_decode(meta, "labels", a, &w->labels, &why) < 0 && why.code == ERR_NOMEM)
        return err_nomem(err);
    return 0;
}

static int marks_read(const json_t *meta, const json_t *template, struct arena *a,
                      struct workload_facts *w, struct err *err)
{
    const json_t *inner = json_member(json_member(template, "metadata"), "annotations");

    if (scrape_decode(inner, a, &w->scrape_port, err) < 0)
        return -1;
    if (text_keep(inner, ANNOTATION_FILL, FILL_KEY_LEN_MAX, a, &w->fill, err) < 0)
        return -1;
    return text_keep(json_member(meta, "annotations"), ANNOTATION_ROLLOUT, ROLLOUT_MARK_LEN_MAX, a,
                     &w->rollout, err);
}

static int owner_read(const json_t *meta, struct arena *a, struct workload_facts *w,
                      struct err *err)
{
    const json_t *owners = json_member(meta, "ownerReferences");

    w->owner_kind = w->owner_name = "";
    for (size_t i = 0; i < json_array_size(owners); i++) {
        const json_t *owner = json_array_get(owners, i);

        if (!json_is_true(json_member(owner, "controller")))
            continue;
        if (text_or_empty(owner, "kind", KIND_LEN_MAX, a, &w->owner_kind, err) < 0)
            return -1;
        return text_or_empty(owner, "name", NAME_LEN_MAX, a, &w->owner_name, err);
    }
    return 0;
}

/* ---- managedFields ---- */

static bool has_template(enum kind kind, const json_t *entry)
{
    const json_t *spec = json_member(json_member(entry, "fieldsV1"), "f:spec");

    if (kind == KIND_CRON_JOB)
        spec = json_member(json_member(spec, "f:jobTemplate"), "f:spec");
    return json_member(spec, "f:template");
}

/* A time that cannot be read is the oldest: it must not hide who wrote last. */
static int64_t entry_time(const json_t *entry)
{
    const char *time = json_string_value(json_member(entry, "time"));
    struct err ignored = {0};
    int64_t at_ms;

    return time && timestamp_parse(time, &at_ms, &ignored) == 0 ? at_ms : INT64_MIN;
}

static int managed_read(const json_t *meta, struct arena *a, struct workload_facts *w,
                        struct err *err)
{
    const json_t *entries = json_member(meta, "managedFields");
    const json_t *newest = NULL;

    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);

        if (is_text(entry, "manager", FIELD_MANAGER)) {
            w->has_our_entry = w->has_our_entry || is_text(entry, "operation", "Update");
            continue;
        }
        if (has_template(w->object.kind, entry) &&
            (!newest || entry_time(entry) >= entry_time(newest)))
            newest = entry;
    }
    if (!newest)
        return 0;
    w->template_rival.at_ms = entry_time(newest);
    if (text_keep(newest, "manager", MANAGER_LEN_MAX, a, &w->template_rival.manager, err) < 0)
        return -1;
    if (!w->template_rival.manager)
        w->template_rival.manager = "unknown";
    return 0;
}

/* ---- What is wanted, and how far it got ---- */

static bool is_stalled(const json_t *status)
{
    const json_t *conditions = json_member(status, "conditions");

    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);

        if (is_text(condition, "type", "Progressing"))
            return is_text(condition, "status", "False");
    }
    return false;
}

static void replicas_read(const json_t *spec, const json_t *status, struct workload_facts *w)
{
    w->replicas = count_of(spec, "replicas", 1);
    w->replicas_updated = count_of(status, "updatedReplicas", 0);
    w->replicas_ready = count_of(status, "readyReplicas", 0);
    w->replicas_available = count_of(status, "availableReplicas", 0);
}

static void nodes_read(const json_t *status, struct workload_facts *w)
{
    w->replicas = count_of(status, "desiredNumberScheduled", 0);
    w->replicas_updated = count_of(status, "updatedNumberScheduled", 0);
    w->replicas_ready = count_of(status, "numberReady", 0);
    w->replicas_available = count_of(status, "numberAvailable", 0);
}

static int stateful_read(const json_t *spec, const json_t *status, struct arena *a,
                         struct workload_facts *w, struct err *err)
{
    const json_t *rolling = json_member(json_member(spec, "updateStrategy"), "rollingUpdate");

    w->has_partition = count_of(rolling, "partition", 0) > 0;
    w->is_ordered = !is_text(spec, "podManagementPolicy", "Parallel");
    return text_or_empty(status, "updateRevision", NAME_LEN_MAX, a, &w->revision_update, err);
}

static int progress_read(const json_t *root, struct arena *a, struct workload_facts *w,
                         struct err *err)
{
    const json_t *spec = json_member(root, "spec");
    const json_t *status = json_member(root, "status");

    w->generation = number_of(json_member(root, "metadata"), "generation", INT64_MAX, 0);
    w->observed_generation = number_of(status, "observedGeneration", INT64_MAX, 0);
    w->is_on_delete = is_text(json_member(spec, "updateStrategy"), "type", "OnDelete");
    w->revision_update = "";
    switch (w->object.kind) {
    case KIND_DEPLOYMENT:
        replicas_read(spec, status, w);
        w->is_paused = json_is_true(json_member(spec, "paused"));
        w->is_stalled = is_stalled(status);
        return 0;
    case KIND_STATEFUL_SET:
        replicas_read(spec, status, w);
        return stateful_read(spec, status, a, w, err);
    case KIND_DAEMON_SET:
        nodes_read(status, w);
        return 0;
    default: /* a CronJob has no pods of its own */
        w->is_paused = json_is_true(json_member(spec, "suspend"));
        w->has_active_job = json_array_size(json_member(status, "active")) > 0;
        w->jobs_digest = number_of_hex(json_member(root, STATUS_DIGEST));
        return 0;
    }
}

/* What has the template as a member. */
static const json_t *template_parent(enum kind kind, const json_t *root)
{
    const json_t *spec = json_member(root, "spec");

    return kind == KIND_CRON_JOB ? json_member(json_member(spec, "jobTemplate"), "spec") : spec;
}

int workload_decode(enum kind kind, const json_t *root, struct arena *a, struct object **ret_object,
                    struct err *err)
{
    struct workload_facts *w = arena_alloc(a, sizeof(*w));
    const json_t *meta = json_member(root, "metadata");
    const json_t *parent = template_parent(kind, root);
    const json_t *template = json_member(parent, "template");

    if (!w)
        return err_nomem(err);
    if (meta_decode(kind, root, a, &w->object, err) < 0)
        return -1;
    if (pod_read(root, template, a, w, err) < 0 || labels_read(meta, template, a, w, err) < 0 ||
        text_or_empty(parent, TEMPLATE_DIGEST, TEMPLATE_DIGEST_LEN, a, &w->template_digest, err) <
            0 ||
        marks_read(meta, template, a, w, err) < 0 || owner_read(meta, a, w, err) < 0 ||
        managed_read(meta, a, w, err) < 0 || progress_read(root, a, w, err) < 0 ||
        claims_decode(json_member(meta, "managedFields"), kind == KIND_CRON_JOB, template, &w->pod,
                      a, &w->claims, err) < 0)
        return -1;
    *ret_object = &w->object;
    return 0;
}
