#include "rampart/kube/decode.h"

#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"
#include "rampart/kube/timestamp.h"

#define MANAGER_LEN_MAX 128 /* the API server's own limit */
#define SPEC_SCRATCH_MAX (8u * 1024 * 1024)

static const char *const field_names[NETPOL_FIELD_COUNT] = {
    [NETPOL_POD_SELECTOR] = "f:podSelector",
    [NETPOL_POLICY_TYPES] = "f:policyTypes",
    [NETPOL_INGRESS] = "f:ingress",
    [NETPOL_EGRESS] = "f:egress",
};

/* The managedFields entries that matter while they are read; texts borrowed from the JSON. */
struct managed {
    const json_t *entry[NETPOL_FIELD_COUNT]; /* of the latest other manager of a field */
    int64_t at_ms[NETPOL_FIELD_COUNT];
};

/* What is written into an object of somebody else's is no reason not to read it: a mark that is no
 * mark is as good as none. */
static int marks_read(const json_t *meta, struct arena *a, struct netpol_facts *np, struct err *err)
{
    const json_t *labels = json_object_get(meta, "labels");
    const json_t *annotations = json_object_get(meta, "annotations");
    const char *managed_by = json_string_value(json_object_get(labels, LABEL_MANAGED_BY));

    np->has_our_label = managed_by && strcmp(managed_by, FIELD_MANAGER) == 0;
    if (text_keep(labels, LABEL_PROFILE, LABEL_VALUE_MAX, a, &np->profile, err) < 0)
        return -1;
    return text_keep(annotations, ANNOTATION_SPEC_HASH, HASH_LEN_MAX, a, &np->spec_hash, err);
}

static bool is_kept_label(const char *key)
{
    return strlen(key) <= LABEL_KEY_MAX && label_is_claim(key);
}

static int foreign_labels_read(const json_t *meta, struct arena *a, struct netpol_facts *np,
                               struct err *err)
{
    json_t *labels = json_object_get(meta, "labels");
    size_t count = 0;

    for (void *it = json_object_iter(labels); it; it = json_object_iter_next(labels, it))
        count += is_kept_label(json_object_iter_key(it));
    if (count == 0)
        return 0;
    if (count > NETPOL_FOREIGN_LABELS_MAX)
        count = NETPOL_FOREIGN_LABELS_MAX;
    np->foreign_labels = arena_calloc(a, count, sizeof(*np->foreign_labels));
    if (!np->foreign_labels)
        return err_nomem(err);
    for (void *it = json_object_iter(labels); np->foreign_labels_count < count;
         it = json_object_iter_next(labels, it)) {
        const char *key = json_object_iter_key(it);

        if (!is_kept_label(key))
            continue;
        np->foreign_labels[np->foreign_labels_count] = arena_strdup(a, key);
        if (!np->foreign_labels[np->foreign_labels_count++])
            return err_nomem(err);
    }
    np->foreign_labels_count = texts_sort(np->foreign_labels, count);
    return 0;
}

static int owners_read(const json_t *meta, struct arena *a, struct netpol_facts *np,
                       struct err *err)
{
    const json_t *owners = json_object_get(meta, "ownerReferences");
    const json_t *owner = json_array_get(owners, 0);
    const char *api_version = json_string_value(json_object_get(owner, "apiVersion"));
    const char *kind = json_string_value(json_object_get(owner, "kind"));

    np->owners_count = json_array_size(owners);
    if (np->owners_count != 1 || !api_version || strcmp(api_version, "v1") != 0 || !kind ||
        strcmp(kind, "Namespace") != 0)
        return 0;
    return text_keep(owner, "uid", UID_LEN_MAX, a, &np->owner_uid, err);
}

/* A time that cannot be read is the oldest: it must not hide who wrote last. */
static int64_t entry_time(const char *time)
{
    struct err ignored = {0};
    int64_t at_ms = INT64_MIN;

    if (time && timestamp_parse(time, &at_ms, &ignored) < 0)
        return INT64_MIN;
    return at_ms;
}

static void entry_read(const json_t *entry, struct netpol_facts *np, struct managed *managed)
{
    const json_t *spec = json_object_get(json_object_get(entry, "fieldsV1"), "f:spec");
    const char *manager = json_string_value(json_object_get(entry, "manager"));
    int64_t at_ms = entry_time(json_string_value(json_object_get(entry, "time")));

    if (manager && strcmp(manager, FIELD_MANAGER) == 0) {
        np->has_our_entry = true;
        return;
    }
    for (unsigned i = 0; i < NETPOL_FIELD_COUNT; i++) {
        if (!json_object_get(spec, field_names[i]))
            continue;
        if (!managed->entry[i] || at_ms >= managed->at_ms[i]) {
            managed->entry[i] = entry;
            managed->at_ms[i] = at_ms;
        }
    }
}

/* Entries that cannot be read name nobody. However many there are, nothing is kept of them here. */
static void managed_read(const json_t *meta, struct netpol_facts *np, struct managed *managed)
{
    const json_t *entries = json_object_get(meta, "managedFields");

    for (size_t i = 0; i < json_array_size(entries); i++)
        entry_read(json_array_get(entries, i), np, managed);
}

/* What nearly all policies have: it takes no room in each. */
static const struct rival nobody[NETPOL_FIELD_COUNT];

static bool has_rival(const struct managed *managed)
{
    for (unsigned i = 0; i < NETPOL_FIELD_COUNT; i++) {
        if (managed->entry[i])
            return true;
    }
    return false;
}

static int rivals_keep(const struct managed *managed, struct arena *a, struct netpol_facts *np,
                       struct err *err)
{
    struct rival *rivals;

    if (!has_rival(managed))
        return 0;
    rivals = arena_calloc(a, NETPOL_FIELD_COUNT, sizeof(*rivals));
    if (!rivals)
        return err_nomem(err);
    np->rivals = rivals;
    for (unsigned i = 0; i < NETPOL_FIELD_COUNT; i++) {
        unsigned same = 0;

        if (!managed->entry[i])
            continue;
        while (managed->entry[same] != managed->entry[i])
            same++;
        if (same < i) { /* one manager for several fields: its texts are kept once */
            rivals[i] = rivals[same];
            continue;
        }
        if (text_keep(managed->entry[i], "manager", MANAGER_LEN_MAX, a, &rivals[i].manager, err) <
                0 ||
            text_keep(managed->entry[i], "time", TIME_LEN_MAX, a, &rivals[i].time, err) < 0)
            return -1;
        if (!rivals[i].manager)
            rivals[i].manager = "unknown";
    }
    return 0;
}

/* Absent, null and [] are the same in a NetworkPolicy's lists; what is no list might be anything.
 */
static bool may_be_empty(const json_t *list)
{
    return json_array_size(list) == 0;
}

/* Empty or absent peers are everybody, empty or absent ports are all (networking/v1
 * NetworkPolicyIngressRule). What cannot be judged is taken to allow everything: it is said rather
 * than overlooked. */
static bool rules_allow_all(const json_t *rules, const char *peers_name)
{
    if (rules && json_typeof(rules) != JSON_ARRAY)
        return true;
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);

        if (may_be_empty(json_object_get(rule, peers_name)) &&
            may_be_empty(json_object_get(rule, "ports")))
            return true;
    }
    return false;
}

/* Whether the policy is about "Ingress" or "Egress"; a list that is none counts as both. */
static bool types_have(const json_t *types, const char *type, bool absent)
{
    if (!types)
        return absent;
    if (json_typeof(types) != JSON_ARRAY)
        return true;
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *text = json_string_value(json_array_get(types, i));

        if (!text || strcmp(text, type) == 0)
            return true;
    }
    return absent && json_array_size(types) == 0;
}

static bool types_are_readable(const json_t *types)
{
    for (size_t i = 0; i < json_array_size(types); i++) {
        if (json_typeof(json_array_get(types, i)) != JSON_STRING)
            return false;
    }
    return !types || json_typeof(types) == JSON_ARRAY;
}

/* Absent, or empty and of the @type that it must be. */
static bool is_empty(const json_t *value, json_type type)
{
    return !value || (json_typeof(value) == type && json_object_size(value) == 0 &&
                      json_array_size(value) == 0);
}

static bool selects_all(const json_t *pods)
{
    return (!pods || json_typeof(pods) == JSON_OBJECT) &&
           is_empty(json_member(pods, "matchLabels"), JSON_OBJECT) &&
           is_empty(json_member(pods, "matchExpressions"), JSON_ARRAY);
}

/* Of a policy that is too large nobody knows what it allows. */
static void spec_suspect(struct netpol_facts *np)
{
    np->allows_all_ingress = true;
    np->allows_all_egress = true;
    np->selects_all_pods = true;
    np->reaches_metadata = true;
}

static void spec_judge(const json_t *spec, struct netpol_facts *np)
{
    const json_t *types = json_member(spec, "policyTypes");
    const json_t *egress = json_member(spec, "egress");
    /* What the server fills in where the list of types is absent. */
    bool has_ingress = types_have(types, "Ingress", true);
    bool has_egress = types_have(types, "Egress", json_array_size(egress) > 0);

    np->allows_all_ingress = has_ingress && rules_allow_all(json_member(spec, "ingress"), "from");
    np->allows_all_egress = has_egress && rules_allow_all(egress, "to");
    np->selects_all_pods = selects_all(json_member(spec, "podSelector"));
    np->isolates_ingress = has_ingress && types_are_readable(types);
    np->isolates_egress = has_egress && types_are_readable(types);
    np->reaches_metadata = has_egress && egress_reaches_metadata(egress);
}

/* NULL in np->spec: nothing that we would write looks like that. */
static int spec_keep(const json_t *spec, struct arena *a, struct netpol_facts *np, struct err *err)
{
    const char *text = "{}";
    struct err why = {0};
    AUTO_ARENA scratch;

    arena_init(&scratch, SPEC_SCRATCH_MAX);
    if (spec) {
        text = json_typeof(spec) == JSON_OBJECT ? json_canonical(spec, &scratch, &why) : NULL;
        if (why.code == ERR_NOMEM)
            return err_nomem(err);
    }
    if (!text || strlen(text) > NETPOL_SPEC_LEN_MAX)
        return 0;
    np->spec = arena_strdup(a, text);
    return np->spec ? 0 : err_nomem(err);
}

/* Only names with our prefix can be ours: who copies one of our policies, labels and all, under
 * another name owns the copy. */
static bool has_our_name(const struct netpol_facts *np)
{
    return strncmp(np->object.name, NAME_PREFIX, strlen(NAME_PREFIX)) == 0;
}

int netpol_decode(const json_t *root, struct arena *a, struct object **ret_object, struct err *err)
{
    struct netpol_facts *np = arena_alloc(a, sizeof(*np));
    struct managed managed = {0};
    const json_t *meta = json_object_get(root, "metadata");
    const json_t *spec = json_member(root, "spec");
    bool is_cut = json_object_get(root, OBJECT_CUT);

    if (!np)
        return err_nomem(err);
    np->rivals = nobody;
    if (meta_decode(KIND_NETWORK_POLICY, root, a, &np->object, err) < 0)
        return -1;
    np->generation = json_integer_value(json_member(meta, "generation"));
    if (marks_read(meta, a, np, err) < 0 || owners_read(meta, a, np, err) < 0)
        return -1;
    managed_read(meta, np, &managed);
    if (is_cut)
        spec_suspect(np);
    else
        spec_judge(spec, np);
    np->object.is_ours = has_our_name(np) && (np->has_our_label || np->has_our_entry);
    if (np->object.is_ours &&
        ((!is_cut && spec_keep(spec, a, np, err) < 0) ||
         foreign_labels_read(meta, a, np, err) < 0 || rivals_keep(&managed, a, np, err) < 0 ||
         text_keep(json_object_get(meta, "annotations"), ANNOTATION_ROLLOUT, DENY_MARK_LEN_MAX, a,
                   &np->rollout, err) < 0))
        return -1;
    *ret_object = &np->object;
    return 0;
}
