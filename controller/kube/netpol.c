#include "rampart/kube/decode.h"

#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"
#include "rampart/kube/timestamp.h"

#define MANAGER_LEN_MAX 128 /* the API server's own limit */

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

static int labels_read(const json_t *meta, struct arena *a, struct netpol_facts *np,
                       struct err *err)
{
    const json_t *labels;
    const json_t *annotations;
    const char *managed_by;

    if (json_get_obj(meta, "labels", &labels, err) < 0 ||
        json_get_obj(meta, "annotations", &annotations, err) < 0)
        return -1;
    if (member_text(labels, LABEL_MANAGED_BY, &managed_by, err) < 0 ||
        json_get_str(labels, LABEL_PROFILE, LABEL_VALUE_MAX, a, &np->profile, err) < 0)
        return json_path_wrap(err, "labels");
    if (json_get_str(annotations, ANNOTATION_SPEC_HASH, HASH_LEN_MAX, a, &np->spec_hash, err) < 0)
        return json_path_wrap(err, "annotations");
    np->has_our_label = managed_by && strcmp(managed_by, FIELD_MANAGER) == 0;
    return 0;
}

static bool is_our_label(const char *key)
{
    return strcmp(key, LABEL_MANAGED_BY) == 0 || strcmp(key, LABEL_PROFILE) == 0;
}

/* What is wholly ours carries our labels alone: others may make a tool take it for its own. */
static int foreign_labels_read(const json_t *meta, struct arena *a, struct netpol_facts *np,
                               struct err *err)
{
    const json_t *labels = json_object_get(meta, "labels");
    size_t count = 0;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)labels, key, value) count += !is_our_label(key);
    if (count == 0)
        return 0;
    np->foreign_labels = arena_calloc(a, count, sizeof(*np->foreign_labels));
    if (!np->foreign_labels)
        return err_nomem(err);
    json_object_foreach((json_t *)(uintptr_t)labels, key, value)
    {
        size_t place = np->foreign_labels_count;
        const char *copy;

        if (is_our_label(key))
            continue;
        copy = arena_strdup(a, key);
        if (!copy)
            return err_nomem(err);
        for (; place > 0 && strcmp(np->foreign_labels[place - 1], copy) > 0; place--)
            np->foreign_labels[place] = np->foreign_labels[place - 1];
        np->foreign_labels[place] = copy;
        np->foreign_labels_count++;
    }
    return 0;
}

static int owners_read(const json_t *meta, struct arena *a, struct netpol_facts *np,
                       struct err *err)
{
    const json_t *owners;
    const json_t *owner;
    const char *api_version;
    const char *kind;

    if (json_get_arr(meta, "ownerReferences", OWNERS_MAX, &owners, err) < 0)
        return -1;
    np->owners_count = json_array_size(owners);
    if (np->owners_count != 1)
        return 0;
    if (element_obj(owners, 0, "ownerReferences", &owner, err) < 0)
        return -1;
    if (member_text(owner, "apiVersion", &api_version, err) < 0 ||
        member_text(owner, "kind", &kind, err) < 0)
        return json_path_wrap_index(err, "ownerReferences", 0);
    if (!api_version || strcmp(api_version, "v1") != 0 || !kind || strcmp(kind, "Namespace") != 0)
        return 0;
    if (json_need_str(owner, "uid", UID_LEN_MAX, a, &np->owner_uid, err) < 0)
        return json_path_wrap_index(err, "ownerReferences", 0);
    return 0;
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

static int entry_read(const json_t *entry, struct netpol_facts *np, struct managed *managed,
                      struct err *err)
{
    const json_t *fields;
    const json_t *spec;
    const char *manager;
    const char *time;
    int64_t at_ms;

    if (member_text(entry, "manager", &manager, err) < 0 ||
        member_text(entry, "time", &time, err) < 0 ||
        json_get_obj(entry, "fieldsV1", &fields, err) < 0)
        return -1;
    if (manager && strcmp(manager, FIELD_MANAGER) == 0) {
        np->has_our_entry = true;
        return 0;
    }
    if (json_get_obj(fields, "f:spec", &spec, err) < 0)
        return json_path_wrap(err, "fieldsV1");
    at_ms = entry_time(time);
    for (unsigned i = 0; i < NETPOL_FIELD_COUNT; i++) {
        if (!json_object_get(spec, field_names[i]))
            continue;
        if (!managed->entry[i] || at_ms >= managed->at_ms[i]) {
            managed->entry[i] = entry;
            managed->at_ms[i] = at_ms;
        }
    }
    return 0;
}

static int managed_read(const json_t *meta, struct netpol_facts *np, struct managed *managed,
                        struct err *err)
{
    const json_t *entries;

    if (json_get_arr(meta, "managedFields", MANAGED_FIELDS_MAX, &entries, err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry;

        if (element_obj(entries, i, "managedFields", &entry, err) < 0)
            return -1;
        if (entry_read(entry, np, managed, err) < 0)
            return json_path_wrap_index(err, "managedFields", i);
    }
    return 0;
}

static int rivals_keep(const struct managed *managed, struct arena *a, struct netpol_facts *np,
                       struct err *err)
{
    for (unsigned i = 0; i < NETPOL_FIELD_COUNT; i++) {
        unsigned same = 0;

        if (!managed->entry[i])
            continue;
        while (managed->entry[same] != managed->entry[i])
            same++;
        if (same < i) { /* one manager for several fields: its texts are kept once */
            np->rivals[i] = np->rivals[same];
            continue;
        }
        if (json_get_str(managed->entry[i], "manager", MANAGER_LEN_MAX, a, &np->rivals[i].manager,
                         err) < 0 ||
            json_get_str(managed->entry[i], "time", TIME_LEN_MAX, a, &np->rivals[i].time, err) < 0)
            return json_path_wrap(err, "metadata.managedFields");
        if (!np->rivals[i].manager)
            np->rivals[i].manager = "unknown";
    }
    return 0;
}

/* Empty or absent peers are everybody, empty or absent ports are all (networking/v1
 * NetworkPolicyIngressRule). */
static int rules_allow_all(const json_t *spec, const char *direction, const char *peers_name,
                           bool *ret_allows_all, size_t *ret_count, struct err *err)
{
    const json_t *rules;
    bool allows_all = false;

    if (json_get_arr(spec, direction, NETPOL_RULES_MAX, &rules, err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule;
        const json_t *peers;
        const json_t *ports;

        if (element_obj(rules, i, direction, &rule, err) < 0)
            return -1;
        if (json_get_arr(rule, peers_name, NETPOL_RULES_MAX, &peers, err) < 0 ||
            json_get_arr(rule, "ports", NETPOL_RULES_MAX, &ports, err) < 0)
            return json_path_wrap_index(err, direction, i);
        if (json_array_size(peers) == 0 && json_array_size(ports) == 0)
            allows_all = true;
    }
    *ret_allows_all = allows_all;
    *ret_count = json_array_size(rules);
    return 0;
}

static int types_read(const json_t *spec, size_t egress_count, bool *ret_ingress, bool *ret_egress,
                      struct err *err)
{
    const json_t *types;
    const json_t *type;
    size_t i;

    if (json_get_arr(spec, "policyTypes", 16, &types, err) < 0)
        return -1;
    /* What the server fills in where the list is absent. */
    *ret_ingress = json_array_size(types) == 0;
    *ret_egress = json_array_size(types) == 0 && egress_count > 0;
    json_array_foreach(types, i, type)
    {
        if (!json_is_string(type))
            return err_set(err, ERR_INVALID, "policyTypes[%zu]: expected a string", i);
        if (strcmp(json_string_value(type), "Ingress") == 0)
            *ret_ingress = true;
        if (strcmp(json_string_value(type), "Egress") == 0)
            *ret_egress = true;
    }
    return 0;
}

static int spec_read(const json_t *spec, struct netpol_facts *np, struct err *err)
{
    const json_t *pods;
    const json_t *match_labels;
    const json_t *match_expressions;
    bool has_ingress;
    bool has_egress;
    size_t count;

    if (rules_allow_all(spec, "ingress", "from", &np->allows_all_ingress, &count, err) < 0 ||
        rules_allow_all(spec, "egress", "to", &np->allows_all_egress, &count, err) < 0 ||
        types_read(spec, count, &has_ingress, &has_egress, err) < 0 ||
        json_get_obj(spec, "podSelector", &pods, err) < 0)
        return -1;
    if (json_get_obj(pods, "matchLabels", &match_labels, err) < 0 ||
        json_get_arr(pods, "matchExpressions", SELECTOR_TERMS_MAX, &match_expressions, err) < 0)
        return json_path_wrap(err, "podSelector");
    np->allows_all_ingress = np->allows_all_ingress && has_ingress;
    np->allows_all_egress = np->allows_all_egress && has_egress;
    np->selects_all_pods =
        json_object_size(match_labels) == 0 && json_array_size(match_expressions) == 0;
    return 0;
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
    const json_t *spec;

    if (!np)
        return err_nomem(err);
    if (meta_decode(KIND_NETWORK_POLICY, root, a, &np->object, err) < 0)
        return -1;
    if (labels_read(meta, a, np, err) < 0 || owners_read(meta, a, np, err) < 0 ||
        managed_read(meta, np, &managed, err) < 0)
        return json_path_wrap(err, "metadata");
    if (json_get_obj(root, "spec", &spec, err) < 0)
        return -1;
    if (spec_read(spec, np, err) < 0)
        return json_path_wrap(err, "spec");
    np->object.is_ours = has_our_name(np) && (np->has_our_label || np->has_our_entry);
    if (has_our_name(np)) {
        np->spec = spec ? json_canonical(spec, a, err) : "{}";
        if (!np->spec || foreign_labels_read(meta, a, np, err) < 0 ||
            rivals_keep(&managed, a, np, err) < 0)
            return -1;
    }
    *ret_object = &np->object;
    return 0;
}
