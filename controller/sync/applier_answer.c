#include "rampart/sync/applier_answer.h"

#include <assert.h>
#include <string.h>

#include "rampart/json/get.h"
#include "rampart/json/slice.h"
#include "rampart/kube/status.h"
#include "rampart/sync/frames.h"

#define META_BYTES_MAX 4096 /* of name, namespace, uid, resourceVersion and deletionTimestamp */
#define TIME_LEN_MAX 64
#define KIND_LEN_MAX 128

struct answer {
    struct strbuf json; /* owned: the projected object */
    struct arena arena; /* owned: the strings of @meta */
    struct object meta; /* of an object; with is_deleting */
    bool is_status;     /* a metav1.Status, no object */
};

static bool is_success(const struct http_response *response)
{
    return response->status >= 200 && response->status < 300;
}

static int keep_value(void *ctx, enum slice_kind kind, const char *text, size_t len,
                      struct err *err)
{
    struct answer *answer = ctx;

    if (kind == SLICE_CUT)
        return err_set(err, ERR_INVALID, "too large to be read");
    if (answer->json.len > 0)
        return err_set(err, ERR_INVALID, "more than one object");
    strbuf_add(&answer->json, text, len);
    return strbuf_check(&answer->json, "object", err);
}

static int project(struct answer *answer, const struct resource *resource,
                   const struct http_response *response, struct err *err)
{
    struct slice *slice =
        slice_new(SLICE_STREAM, resource->keep, FRAMES_OBJECT_LEN_MAX, keep_value, answer, err);
    int result = -1;

    if (!slice)
        return -1;
    if (slice_feed(slice, response->body, response->body_len, err) == 0 &&
        slice_end(slice, err) == 0)
        result = 0;
    slice_free(slice);
    if (result == 0 && answer->json.len == 0)
        return err_set(err, ERR_INVALID, "empty body");
    return result;
}

static int read_meta(struct answer *answer, enum kind kind, struct err *err)
{
    json_auto_t *root = json_decode(answer->json.text, answer->json.len, err);
    const char *kind_name, *deleted;
    const json_t *meta;

    if (!root || json_get_str(root, "kind", KIND_LEN_MAX, &answer->arena, &kind_name, err) < 0)
        return -1;
    answer->is_status = kind_name && strcmp(kind_name, "Status") == 0;
    if (answer->is_status)
        return 0;
    if (kind_name && strcmp(kind_name, resource_of(kind)->name) != 0)
        return err_set(err, ERR_INVALID, "it is a %s", kind_name);
    if (object_decode_meta(kind, root, &answer->arena, &answer->meta, err) < 0)
        return -1;
    meta = json_object_get(root, "metadata"); /* which it has looked at */
    if (json_get_str(meta, "deletionTimestamp", TIME_LEN_MAX, &answer->arena, &deleted, err) < 0)
        return -1;
    answer->meta.is_deleting = deleted;
    return 0;
}

static void answer_done(struct answer *answer)
{
    strbuf_done(&answer->json);
    arena_done(&answer->arena);
}

/* Reads the body as the object that was asked for, or as a Status. On failure nothing is held. */
static int answer_init(struct answer *answer, const struct object_ref *object,
                       const struct http_response *response, struct err *err)
{
    const struct resource *resource = resource_of(object->kind);
    const char *ns = resource->is_namespaced ? object->ns : "";

    *answer = (struct answer){0};
    strbuf_init(&answer->json, FRAMES_OBJECT_LEN_MAX);
    arena_init(&answer->arena, META_BYTES_MAX);
    if (project(answer, resource, response, err) < 0 || read_meta(answer, object->kind, err) < 0)
        goto fail;
    if (!answer->is_status &&
        (strcmp(answer->meta.name, object->name) != 0 || strcmp(answer->meta.ns, ns) != 0)) {
        err_set(err, ERR_INVALID, "it is about %s/%s", answer->meta.ns, answer->meta.name);
        goto fail;
    }
    return 0;
fail:
    answer_done(answer);
    return err_wrap(err, "cannot read the object in the answer with status %d", response->status);
}

static void put(struct cluster *c, const struct answer *answer, struct err *ret_unkept)
{
    struct store *store = cluster_store(c, answer->meta.kind);

    if (store_put(store, answer->json.text, answer->json.len, ret_unkept) < 0)
        err_wrap(ret_unkept, "keep the answer");
}

static void forget(struct cluster *c, const struct object_ref *object)
{
    if (object->uid && *object->uid != '\0')
        store_delete(cluster_store(c, object->kind), object->ns ? object->ns : "", object->name,
                     object->uid);
}

/* A deletion is answered with a Status, or with the object: as it was, or as it waits for its
 * finalizers. */
static void keep_deleted(struct cluster *c, const struct object_ref *object,
                         const struct answer *answer, struct err *ret_unkept)
{
    if (answer->is_status || !answer->meta.is_deleting)
        forget(c, object);
    else
        put(c, answer, ret_unkept);
}

enum applier_answer applier_answer_judge(const struct write *write,
                                         const struct http_response *response, struct err *err)
{
    struct err why = {0};

    if (is_success(response))
        return ANSWER_DONE;
    status_to_err(response->status, response->retry_after, response->body, response->body_len,
                  &why);
    if (why.code == ERR_NOT_FOUND && write->verb == WRITE_DELETE)
        return ANSWER_DONE;
    *err = why;
    if (why.code == ERR_EXISTS || why.code == ERR_CONFLICT || why.code == ERR_NOT_FOUND)
        return ANSWER_READ_AGAIN;
    return ANSWER_FAILED;
}

int applier_answer_written(struct cluster *c, const struct write *write,
                           const struct http_response *response, struct err *ret_unkept,
                           struct err *err)
{
    const struct object_ref *object = &write->object;
    struct answer answer;

    ret_unkept->code = ERR_NONE;
    if (object->kind >= KIND_WATCHED_COUNT) /* nothing is kept of it */
        return 0;
    if (write->verb == WRITE_DELETE && !is_success(response)) { /* 404 */
        forget(c, object);
        return 0;
    }
    if (answer_init(&answer, object, response, err) < 0)
        return -1;
    if (write->verb == WRITE_DELETE) {
        keep_deleted(c, object, &answer, ret_unkept);
    } else if (answer.is_status) {
        answer_done(&answer);
        return err_set(err, ERR_INVALID, "the answer with status %d is a Status, not the object",
                       response->status);
    } else {
        put(c, &answer, ret_unkept);
    }
    answer_done(&answer);
    return 0;
}

int applier_answer_read(struct cluster *c, const struct object_ref *object,
                        const struct http_response *response, struct err *ret_unkept,
                        struct err *err)
{
    struct err why = {0};
    struct answer answer;

    assert(object->kind < KIND_WATCHED_COUNT);
    ret_unkept->code = ERR_NONE;
    if (!is_success(response)) {
        status_to_err(response->status, response->retry_after, response->body, response->body_len,
                      &why);
        if (why.code != ERR_NOT_FOUND) {
            *err = why;
            return -1;
        }
        forget(c, object);
        return 0;
    }
    if (answer_init(&answer, object, response, err) < 0)
        return -1;
    if (!answer.is_status)
        put(c, &answer, ret_unkept);
    answer_done(&answer);
    return 0;
}
