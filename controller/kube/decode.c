#include "rampart/kube/decode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/get.h"

static const char *const protocol_names[PROTOCOL_COUNT] = {
    [PROTOCOL_TCP] = "TCP",
    [PROTOCOL_UDP] = "UDP",
    [PROTOCOL_SCTP] = "SCTP",
};

static int text_order(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* Names become segments of a URL: what walks up or ends a segment is refused before it gets there.
 */
static int segment_check(const char *text, const char *member, struct err *err)
{
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0 || strpbrk(text, "/%"))
        return err_set(err, ERR_INVALID, "%s: \"%s\" cannot be part of a path", member, text);
    return 0;
}

static int meta_members(const json_t *meta, struct arena *a, struct object *object, struct err *err)
{
    const char *deletion;

    if (resource_of(object->kind)->is_namespaced) {
        if (json_need_str(meta, "namespace", NAME_LEN_MAX, a, &object->ns, err) < 0 ||
            segment_check(object->ns, "namespace", err) < 0)
            return -1;
    }
    if (json_need_str(meta, "name", NAME_LEN_MAX, a, &object->name, err) < 0 ||
        segment_check(object->name, "name", err) < 0 ||
        json_get_str(meta, "uid", UID_LEN_MAX, a, &object->uid, err) < 0 ||
        json_get_str(meta, "resourceVersion", RV_LEN_MAX, a, &object->rv, err) < 0 ||
        member_text(meta, "deletionTimestamp", &deletion, err) < 0)
        return -1;
    object->uid = object->uid ? object->uid : "";
    object->rv = object->rv ? object->rv : "";
    object->is_deleting = deletion;
    return 0;
}

int meta_decode(enum kind kind, const json_t *root, struct arena *a, struct object *ret_object,
                struct err *err)
{
    struct object object = {.kind = kind, .ns = ""};
    const json_t *meta;

    if (json_get_obj(root, "metadata", &meta, err) < 0)
        return -1;
    if (!meta)
        return err_set(err, ERR_INVALID, "metadata: is missing");
    if (meta_members(meta, a, &object, err) < 0)
        return json_path_wrap(err, "metadata");
    *ret_object = object;
    return 0;
}

int member_text(const json_t *obj, const char *name, const char **ret_text, struct err *err)
{
    const json_t *value = json_member(obj, name);

    if (value && json_typeof(value) != JSON_STRING)
        return err_set(err, ERR_INVALID, "%s: expected a string", name);
    *ret_text = json_string_value(value);
    return 0;
}

int text_keep(const json_t *obj, const char *name, size_t len_max, struct arena *a,
              const char **ret_text, struct err *err)
{
    const json_t *value = json_object_get(obj, name);

    *ret_text = NULL;
    if (!json_is_string(value) || json_string_length(value) > len_max)
        return 0;
    *ret_text = arena_strndup(a, json_string_value(value), json_string_length(value));
    return *ret_text ? 0 : err_nomem(err);
}

int element_obj(const json_t *arr, size_t i, const char *name, const json_t **ret_obj,
                struct err *err)
{
    const json_t *value = json_array_get(arr, i);

    assert(value);
    if (json_typeof(value) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "%s[%zu]: expected an object", name, i);
    *ret_obj = value;
    return 0;
}

int protocol_decode(const json_t *port, enum protocol *ret_protocol, struct err *err)
{
    const char *text;

    if (member_text(port, "protocol", &text, err) < 0)
        return -1;
    for (unsigned i = 0; i < PROTOCOL_COUNT; i++) {
        if (strcmp(text ? text : "TCP", protocol_names[i]) == 0) {
            *ret_protocol = (enum protocol)i;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "protocol: \"%.32s\" is unknown; expected TCP, UDP or SCTP",
                   text);
}

size_t texts_sort(const char **texts, size_t count)
{
    size_t last = 0;

    if (count == 0)
        return 0;
    qsort(texts, count, sizeof(*texts), text_order);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(texts[last], texts[i]) != 0)
            texts[++last] = texts[i];
    }
    return last + 1;
}

bool texts_have(const char *const *texts, size_t count, const char *text)
{
    return count > 0 && bsearch(&text, texts, count, sizeof(*texts), text_order);
}

const char *protocol_name(enum protocol protocol)
{
    assert((unsigned)protocol < PROTOCOL_COUNT);
    return protocol_names[protocol];
}
