#include "rampart/reconcilers/pods_evidence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pod_statuses.h"
#include "rampart/json/get.h"
#include "rampart/kube/decode.h"
#include "rampart/reconcilers/rollout_mark.h"

#define SELECTOR_BYTES_MAX (1024u * 1024) /* of one budget; SELECTOR_TERMS_MAX takes less */

void pods_evidence_begin(struct pods_evidence_build *b, const struct workload_facts *w,
                         struct arena *a)
{
    *b = (struct pods_evidence_build){
        .workload = w,
        .a = a,
        .found = {.new_message = "", .has_all_tried = true, .has_budget_room = true},
    };
}

static const char *text_of(const json_t *obj, const char *name)
{
    const char *text = json_string_value(json_member(obj, name));

    return text ? text : "";
}

/* The uid of the controller among ownerReferences; "" is none. */
static const char *controller_of(const json_t *meta)
{
    const json_t *owners = json_member(meta, "ownerReferences");

    for (size_t i = 0; i < json_array_size(owners); i++) {
        const json_t *owner = json_array_get(owners, i);

        if (json_is_true(json_member(owner, "controller")))
            return text_of(owner, "uid");
    }
    return "";
}

/* ---- Revisions ---- */

/* ANNOTATION_FILL of the pod template in @root; NULL: none, or no key of ours. */
static const char *fill_of_template(const json_t *root)
{
    const json_t *data = json_member(root, "data");
    const json_t *spec = json_member(data ? data : root, "spec");
    const json_t *meta = json_member(json_member(spec, "template"), "metadata");
    const char *key =
        json_string_value(json_member(json_member(meta, "annotations"), ANNOTATION_FILL));

    return key && *key && strlen(key) <= FILL_KEY_LEN_MAX ? key : NULL;
}

static int64_t number_of(const json_t *root, const json_t *annotations)
{
    const json_t *revision = json_member(root, "revision");
    const char *text = text_of(annotations, "deployment.kubernetes.io/revision");

    return json_is_integer(revision) ? json_integer_value(revision) : strtoll(text, NULL, 10);
}

static int read_proof(struct pods_evidence_build *b, const json_t *annotations,
                      struct evidence_revision *r, struct err *err)
{
    const char *text = json_string_value(json_member(annotations, ANNOTATION_ROLLOUT));
    struct rollout_mark mark;
    struct err why = {0};

    if (!text)
        return 0;
    if (rollout_mark_read(text, b->a, &mark, &why) < 0)
        return why.code == ERR_NOMEM ? err_nomem(err) : 0;
    if (!r->key && mark.phase == ROLLOUT_TAKEN_BACK) {
        r->taken_back = mark.key;
        r->taken_back_s = mark.started_s;
    } else if (r->key && strcmp(mark.key, r->key) == 0) {
        r->is_proven = mark.phase == ROLLOUT_PROVEN;
        r->marked_s = mark.started_s;
    }
    return 0;
}

int pods_evidence_revision(struct pods_evidence_build *b, const json_t *root, struct err *err)
{
    const json_t *meta = json_member(root, "metadata");
    const json_t *annotations = json_member(meta, "annotations");
    const json_t *labels = json_member(meta, "labels");
    const char *key = fill_of_template(root), *hash;
    struct evidence_revision r = {.number = number_of(root, annotations)};

    assert(!b->has_pods);
    if (strcmp(controller_of(meta), b->workload->object.uid) != 0)
        return 0;
    if (b->revisions_count == EVIDENCE_REVISIONS_MAX) {
        b->found.has_all_tried = false;
        return 0;
    }
    /* The pods of a StatefulSet are labelled with the revision's name, the others' with a hash. */
    if (b->workload->revision_update[0])
        hash = text_of(meta, "name");
    else if (json_member(root, "data"))
        hash = text_of(labels, "controller-revision-hash");
    else
        hash = text_of(labels, "pod-template-hash");
    r.uid = arena_strdup(b->a, text_of(meta, "uid"));
    r.hash = arena_strdup(b->a, hash);
    r.key = key ? arena_strdup(b->a, key) : NULL;
    if (!r.uid || !r.hash || (key && !r.key))
        return err_nomem(err);
    if (read_proof(b, annotations, &r, err) < 0)
        return -1;
    b->revisions[b->revisions_count++] = r;
    return 0;
}

static bool is_same_key(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

/* The newest one, unless the controller has not yet made the one of the template as it is now. */
static void find_current(struct pods_evidence_build *b)
{
    const struct evidence_revision *newest = NULL;

    b->has_pods = true;
    for (size_t i = 0; i < b->revisions_count; i++) {
        const struct evidence_revision *r = &b->revisions[i];

        if (b->workload->revision_update[0]) {
            if (strcmp(r->hash, b->workload->revision_update) == 0)
                newest = r;
        } else if (r->hash[0] && (!newest || r->number > newest->number)) {
            newest = r;
        }
    }
    if (newest && is_same_key(newest->key, b->workload->fill))
        b->current = newest;
}

/* ---- Pods ---- */

static const struct evidence_revision *revision_of(const struct pods_evidence_build *b,
                                                   const json_t *meta)
{
    const char *owner = controller_of(meta);
    const char *hash = text_of(json_member(meta, "labels"), "controller-revision-hash");

    for (size_t i = 0; i < b->revisions_count; i++) {
        const struct evidence_revision *r = &b->revisions[i];

        if (strcmp(owner, r->uid) == 0 ||
            (r->hash[0] && strcmp(owner, b->workload->object.uid) == 0 &&
             strcmp(hash, r->hash) == 0))
            return r;
    }
    return NULL;
}

static int keep_stuck(struct pods_evidence_build *b, const json_t *meta, const char *key,
                      struct err *err)
{
    struct stuck_pod pod;

    if (b->found.stuck_count == EVIDENCE_STUCK_MAX)
        return 0;
    pod.name = arena_strdup(b->a, text_of(meta, "name"));
    pod.uid = arena_strdup(b->a, text_of(meta, "uid"));
    pod.key = arena_strdup(b->a, key);
    if (!pod.name || !pod.uid || !pod.key)
        return err_nomem(err);
    b->stuck[b->found.stuck_count++] = pod;
    return 0;
}

static int count_new(struct pods_evidence_build *b, const json_t *meta,
                     const struct pod_statuses *s, struct err *err)
{
    b->found.new_count++;
    b->found.new_ready += s->is_ready;
    b->found.new_troubles |= s->troubles;
    if (s->is_ready && s->ready_s > b->found.new_ready_s)
        b->found.new_ready_s = s->ready_s;
    if (s->worst > b->worst) {
        const char *text = arena_printf(b->a, "pod %.100s: %s", text_of(meta, "name"), s->message);

        if (!text)
            return err_nomem(err);
        b->worst = s->worst;
        b->found.new_message = text;
    }
    return 0;
}

static int count_old(struct pods_evidence_build *b, const json_t *meta,
                     const struct pod_statuses *s, const struct evidence_revision *r,
                     struct err *err)
{
    b->found.old_count++;
    b->found.old_ready += s->is_ready;
    b->found.old_troubles |= s->troubles;
    /* Without the revisions a pod that is not of the current one is not known to be a failed one.*/
    if (!r || !r->key || s->is_ready)
        return 0;
    return keep_stuck(b, meta, r->key, err);
}

int pods_evidence_pod(struct pods_evidence_build *b, const json_t *root, struct err *err)
{
    const json_t *meta = json_member(root, "metadata");
    const char *key =
        json_string_value(json_member(json_member(meta, "annotations"), ANNOTATION_FILL));
    const struct evidence_revision *r;
    struct pod_statuses statuses;
    bool is_new;

    if (!b->has_pods)
        find_current(b);
    r = revision_of(b, meta);
    if ((!r && strcmp(controller_of(meta), b->workload->object.uid) != 0) ||
        json_member(meta, "deletionTimestamp"))
        return 0;
    /* A Job is made from the template of its moment, which its pods tell. */
    is_new = r && !r->hash[0] ? is_same_key(key, b->workload->fill) : r && r == b->current;
    if (pod_statuses_read(root, r && !r->hash[0], b, &statuses, err) < 0)
        return -1;
    return is_new ? count_new(b, meta, &statuses, err) : count_old(b, meta, &statuses, r, err);
}

/* ---- Budgets ---- */

int pods_evidence_budget(struct pods_evidence_build *b, const json_t *root, struct err *err)
{
    const json_t *selector_json = json_member(json_member(root, "spec"), "selector");
    const json_t *room = json_member(json_member(root, "status"), "disruptionsAllowed");
    struct selector selector;
    struct err why = {0};
    AUTO_ARENA scratch; /* there may be any number of budgets, and nothing of them is kept */

    arena_init(&scratch, SELECTOR_BYTES_MAX);
    if (json_member(root, OBJECT_CUT))
        b->found.has_budget_room = false;
    if (!selector_json || json_integer_value(room) > 0 || !b->found.has_budget_room)
        return 0; /* without a selector it selects nothing */
    if (selector_decode(selector_json, &scratch, &selector, &why) < 0) {
        if (why.code == ERR_NOMEM)
            return err_nomem(err);
        b->found.has_budget_room = false;
    } else if (selector_matches(&selector, &b->workload->pod.labels)) {
        b->found.has_budget_room = false;
    }
    return 0;
}

/* ---- The whole ---- */

static int tried_order(const void *one, const void *other)
{
    const struct tried_fill *a = one, *b = other;

    return strcmp(a->key, b->key);
}

static int users_order(const void *one, const void *other)
{
    const struct container_evidence *a = one, *b = other;

    return strcmp(a->container, b->container);
}

/* The template as it is now is what we left when we took that back, after all that became of it:
 * neither a failure nor anybody else's word. */
static bool was_taken_back(const struct evidence_revision *current,
                           const struct evidence_revision *r)
{
    return current && current->taken_back && strcmp(current->taken_back, r->key) == 0 &&
           r->marked_s <= current->taken_back_s;
}

static int collect_tried(struct pods_evidence_build *b, struct err *err)
{
    struct tried_fill *tried = arena_calloc(b->a, b->revisions_count + 1, sizeof(*tried));
    size_t count = 0, kept = 0;

    if (!tried)
        return err_nomem(err);
    for (size_t i = 0; i < b->revisions_count; i++) {
        const struct evidence_revision *r = &b->revisions[i];

        if (r->key && r != b->current && !was_taken_back(b->current, r))
            tried[count++] =
                (struct tried_fill){r->key, r->is_proven, r->is_proven ? r->marked_s : 0};
    }
    qsort(tried, count, sizeof(*tried), tried_order);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || strcmp(tried[kept - 1].key, tried[i].key) != 0) {
            tried[kept++] = tried[i];
            continue;
        }
        tried[kept - 1].is_proven |= tried[i].is_proven;
        if (tried[kept - 1].proven_s < tried[i].proven_s)
            tried[kept - 1].proven_s = tried[i].proven_s;
    }
    b->found.tried = tried;
    b->found.tried_count = kept;
    return 0;
}

/* Copies what the builder holds, so that it need not outlive this call. */
int pods_evidence_end(struct pods_evidence_build *b, struct pods_evidence *ret_pods,
                      struct err *err)
{
    size_t users_count = b->has_users_overflow ? 0 : b->users_count;
    struct container_evidence *users = arena_calloc(b->a, users_count + 1, sizeof(*users));
    struct stuck_pod *stuck = arena_calloc(b->a, b->found.stuck_count + 1, sizeof(*stuck));

    if (!b->has_pods)
        find_current(b);
    if (!users || !stuck || collect_tried(b, err) < 0)
        return err_nomem(err);
    memcpy(users, b->users, users_count * sizeof(*users));
    memcpy(stuck, b->stuck, b->found.stuck_count * sizeof(*stuck));
    qsort(users, users_count, sizeof(*users), users_order);
    b->found.users = users;
    b->found.users_count = users_count;
    b->found.stuck = stuck;
    *ret_pods = b->found;
    return 0;
}
