#include "rampart/kube/pod_security_owners.h"

#include <stdio.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/json/slice.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define KEPT_LEN_MAX (256u * 1024) /* bytes of what is kept of the object */
#define FIELD_LEN_MAX 80           /* "f:" and a label */

struct projected {
    struct strbuf json; /* owned */
    bool is_cut;
};

static int keep_value(void *ctx, enum slice_kind kind, const char *text, size_t len,
                      struct err *err)
{
    struct projected *p = ctx;

    if (p->json.len > 0)
        return err_set(err, ERR_INVALID, "more than one object");
    p->is_cut = kind == SLICE_CUT;
    strbuf_add(&p->json, text, len);
    return strbuf_check(&p->json, "object", err);
}

static int project(struct projected *p, const char *body, size_t len, struct err *err)
{
    struct slice *slice = slice_new(SLICE_STREAM, resource_of(KIND_NAMESPACE)->keep_evidence,
                                    KEPT_LEN_MAX, keep_value, p, err);
    int result = -1;

    if (!slice)
        return -1;
    if (slice_feed(slice, body, len, err) == 0 && slice_end(slice, err) == 0)
        result = 0;
    slice_free(slice);
    if (result == 0 && p->json.len == 0)
        return err_set(err, ERR_INVALID, "empty body");
    return result;
}

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

/* Which labels an entry of managedFields has. */
static uint8_t labels_in(const json_t *entry)
{
    const json_t *fields =
        json_member(json_member(json_member(entry, "fieldsV1"), "f:metadata"), "f:labels");
    uint8_t labels = 0;

    for (size_t i = 0; i < PSA_LABELS_COUNT; i++) {
        char field[FIELD_LEN_MAX];

        (void)snprintf(field, sizeof(field), "f:%s", psa_labels[i]);
        if (json_object_get(fields, field))
            labels |= (uint8_t)(1u << i);
    }
    return labels;
}

static bool is_our_entry(const json_t *entry)
{
    const json_t *subresource = json_member(entry, "subresource");

    return is_text(json_member(entry, "manager"), FIELD_MANAGER) &&
           is_text(json_member(entry, "operation"), "Update") &&
           (!subresource || is_text(subresource, ""));
}

static uint8_t labels_of(const json_t *meta)
{
    const json_t *labels = json_member(meta, "labels");
    uint8_t there = 0;

    for (size_t i = 0; i < PSA_LABELS_COUNT; i++) {
        if (json_member(labels, psa_labels[i]))
            there |= (uint8_t)(1u << i);
    }
    return there;
}

/* What Git states, as far as kubectl and its like have written it down. */
static int stated_in(const json_t *meta, uint8_t *ret_stated, struct err *err)
{
    const json_t *text = json_member(json_member(meta, "annotations"), LAST_APPLIED);
    struct err why = {0};
    json_auto_t *applied = NULL;

    *ret_stated = 0;
    if (!text)
        return 0;
    *ret_stated = UINT8_MAX;
    if (!json_is_string(text))
        return 0;
    applied = json_decode(json_string_value(text), json_string_length(text), &why);
    if (applied)
        *ret_stated = labels_of(json_member(applied, "metadata"));
    else if (why.code == ERR_NOMEM)
        return err_nomem(err);
    return 0;
}

static int read_ours(const json_t *meta, uint8_t *ret_ours, struct err *err)
{
    const json_t *managed = json_member(meta, "managedFields");
    uint8_t ours = 0, others = 0, stated;

    if (stated_in(meta, &stated, err) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(managed); i++) {
        const json_t *entry = json_array_get(managed, i);

        if (is_our_entry(entry))
            ours |= labels_in(entry);
        else
            others |= labels_in(entry);
    }
    *ret_ours = (uint8_t)(ours & labels_of(meta) & ~others & ~stated);
    return 0;
}

static int read_meta(const json_t *root, const char *name, struct pod_security_owners *o,
                     struct err *err)
{
    const json_t *meta = json_member(root, "metadata");
    const char *uid = json_string_value(json_member(meta, "uid"));
    const char *rv = json_string_value(json_member(meta, "resourceVersion"));

    if (!is_text(json_member(root, "kind"), resource_of(KIND_NAMESPACE)->name) ||
        !is_text(json_member(meta, "name"), name) || !uid || !rv || strlen(uid) > UID_LEN_MAX ||
        strlen(rv) > RV_LEN_MAX)
        return err_set(err, ERR_INVALID, "the answer is not Namespace %s", name);
    (void)snprintf(o->uid, sizeof(o->uid), "%s", uid);
    (void)snprintf(o->rv, sizeof(o->rv), "%s", rv);
    return 0;
}

int pod_security_owners_decode(const char *body, size_t len, const char *name,
                               struct pod_security_owners *ret_owners, struct err *err)
{
    struct pod_security_owners owners = {.ours = 0};
    struct projected projected = {.is_cut = false};
    json_auto_t *root = NULL;
    int result = -1;

    strbuf_init(&projected.json, KEPT_LEN_MAX);
    if (project(&projected, body, len, err) == 0)
        root = json_decode(projected.json.text, projected.json.len, err);
    strbuf_done(&projected.json);
    if (root && read_meta(root, name, &owners, err) == 0)
        result = projected.is_cut ? 0 : read_ours(json_member(root, "metadata"), &owners.ours, err);
    if (result == 0)
        *ret_owners = owners;
    return result;
}
