#include "rampart/sync/frames.h"

#include <assert.h>
#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/decode.h"
#include "rampart/json/get.h"
#include "rampart/json/slice.h"
#include "rampart/kube/decode.h"
#include "rampart/kube/object.h"
#include "rampart/kube/status.h"

#define STATUS_LEN_MAX (64u * 1024) /* of an ERROR event's Status */

struct frames {
    enum kind kind;
    bool is_list;
    bool has_page;              /* a list's envelope was told */
    frame_fn fn;                /* takes the frames */
    void *ctx;                  /* for fn; borrowed */
    struct slice *slice;        /* owned */
    struct projection event[3]; /* type and object, ends in {0} */
};

static const char *const event_names[FRAME_TYPE_COUNT] = {
    [FRAME_ADDED] = "ADDED",
    [FRAME_MODIFIED] = "MODIFIED",
    [FRAME_DELETED] = "DELETED",
    [FRAME_BOOKMARK] = "BOOKMARK",
};

static int unreadable(struct frames *f, const struct err *why, struct err *err)
{
    struct frame frame = {.type = FRAME_UNREADABLE, .rv = "", .continue_token = "", .why = why};

    assert(why->code == ERR_INVALID);
    return f->fn(f->ctx, &frame, err);
}

/* Elements of a list of built-in kinds state none, those of custom resources and watch events do.
 */
static int check_kind(const struct frames *f, const json_t *object, struct err *err)
{
    const char *kind;

    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "expected an object");
    if (member_text(object, "kind", &kind, err) < 0)
        return -1;
    if (kind && strcmp(kind, resource_of(f->kind)->name) != 0)
        return err_set(err, ERR_INVALID, "kind: expected %s, got %.64s", resource_of(f->kind)->name,
                       kind);
    return 0;
}

static int read_rv(const json_t *object, const char **ret_rv, struct err *err)
{
    const json_t *meta;
    const char *rv;

    if (json_get_obj(object, "metadata", &meta, err) < 0)
        return -1;
    if (member_text(meta, "resourceVersion", &rv, err) < 0)
        return json_path_wrap(err, "metadata");
    *ret_rv = rv ? rv : "";
    return 0;
}

static int on_item(struct frames *f, const json_t *root, struct err *err)
{
    struct frame frame = {.type = FRAME_ITEM, .object = root, .rv = "", .continue_token = ""};
    struct err why;

    if (check_kind(f, root, &why) < 0)
        return unreadable(f, &why, err);
    return f->fn(f->ctx, &frame, err);
}

/*
 * What is left of a list when its items are gone. An answer that does not say that it is a list of
 * this kind is none: taking it for an empty one would empty the cache.
 */
static int on_envelope(struct frames *f, const json_t *root, struct err *err)
{
    struct frame frame = {.type = FRAME_PAGE, .rv = "", .continue_token = ""};
    const char *name = resource_of(f->kind)->name;
    const json_t *meta;
    const char *kind, *token;

    assert(json_is_object(root)); /* json/slice hands out no other envelope */
    if (member_text(root, "kind", &kind, err) < 0)
        return -1;
    if (!kind || strncmp(kind, name, strlen(name)) != 0 || strcmp(kind + strlen(name), "List") != 0)
        return err_set(err, ERR_INVALID, "expected a %sList, got %.64s", name,
                       kind ? kind : "none");
    if (json_get_obj(root, "metadata", &meta, err) < 0 || read_rv(root, &frame.rv, err) < 0)
        return -1;
    if (member_text(meta, "continue", &token, err) < 0)
        return json_path_wrap(err, "metadata");
    frame.continue_token = token ? token : "";
    if (*frame.rv == '\0' || strlen(frame.rv) > RV_LEN_MAX)
        return err_set(err, ERR_INVALID, "metadata.resourceVersion: expected 1 to %d bytes",
                       RV_LEN_MAX);
    if (strlen(frame.continue_token) > FRAMES_TOKEN_LEN_MAX)
        return err_set(err, ERR_INVALID, "metadata.continue: expected at most %u bytes",
                       FRAMES_TOKEN_LEN_MAX);
    f->has_page = true;
    return f->fn(f->ctx, &frame, err);
}

static int read_bookmark(const json_t *object, bool *ret_is_initial_end, struct err *err)
{
    const json_t *meta, *annotations;
    const char *end;

    if (json_get_obj(object, "metadata", &meta, err) < 0 ||
        json_get_obj(meta, "annotations", &annotations, err) < 0 ||
        member_text(annotations, "k8s.io/initial-events-end", &end, err) < 0)
        return -1;
    *ret_is_initial_end = end && strcmp(end, "true") == 0;
    return 0;
}

static int read_event(const struct frames *f, const char *type, const json_t *object,
                      struct frame *frame, struct err *err)
{
    frame->type = FRAME_ADDED;
    while (frame->type < FRAME_UNREADABLE && strcmp(event_names[frame->type], type) != 0)
        frame->type++;
    if (frame->type == FRAME_UNREADABLE)
        return err_set(err, ERR_INVALID, "type: \"%.32s\" is unknown", type);
    if (check_kind(f, object, err) < 0 || read_rv(object, &frame->rv, err) < 0)
        return json_path_wrap(err, "object");
    frame->object = object;
    if (frame->type == FRAME_BOOKMARK)
        return read_bookmark(object, &frame->is_initial_end, err);
    return 0;
}

static int on_error_event(const json_t *object, struct err *err)
{
    AUTO_ARENA arena;
    const char *text;

    arena_init(&arena, STATUS_LEN_MAX);
    text = json_canonical(object, &arena, err);
    return text ? status_event_to_err(text, strlen(text), err) : -1;
}

static int on_event(struct frames *f, const json_t *root, struct err *err)
{
    struct frame frame = {.rv = "", .continue_token = ""};
    const json_t *object;
    const char *type;
    struct err why;

    if (json_typeof(root) != JSON_OBJECT) {
        err_set(&why, ERR_INVALID, "expected an object");
        return unreadable(f, &why, err);
    }
    if (member_text(root, "type", &type, &why) < 0 ||
        json_get_obj(root, "object", &object, &why) < 0)
        return unreadable(f, &why, err);
    if (type && object && strcmp(type, "ERROR") == 0)
        return on_error_event(object, err);
    if (read_event(f, type ? type : "", object, &frame, &why) < 0)
        return unreadable(f, &why, err);
    return f->fn(f->ctx, &frame, err);
}

static int mark_cut(const struct frames *f, json_t *root, struct err *err)
{
    json_t *object = f->is_list ? root : json_object_get(root, "object");

    if (json_is_object(object) && json_object_set_new(object, OBJECT_CUT, json_true()) < 0)
        return err_nomem(err);
    return 0;
}

/* Strict JSON of what the slice let through. */
static int on_value(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct frames *f = ctx;
    struct err why;
    json_auto_t *root = json_decode(text, len, &why);

    if (!root && (why.code == ERR_NOMEM || kind == SLICE_ENVELOPE)) {
        *err = why;
        return -1;
    }
    if (!root) {
        why.code = ERR_INVALID; /* or ERR_LIMIT: nested too deeply to be an object of ours */
        return unreadable(f, &why, err);
    }
    if (kind == SLICE_ENVELOPE)
        return on_envelope(f, root, err);
    if (kind == SLICE_CUT && mark_cut(f, root, err) < 0)
        return -1;
    return f->is_list ? on_item(f, root, err) : on_event(f, root, err);
}

static struct frames *frames_of(enum kind kind, const struct projection *keep, bool is_list,
                                frame_fn fn, void *ctx, struct err *err)
{
    struct frames *f = mem_calloc(1, sizeof(*f));

    assert(keep);
    if (!f) {
        err_nomem(err);
        return NULL;
    }
    f->kind = kind;
    f->is_list = is_list;
    f->fn = fn;
    f->ctx = ctx;
    f->event[0].name = "type";
    f->event[1] = (struct projection){.name = "object", .children = keep};
    f->slice = slice_new(is_list ? SLICE_LIST : SLICE_STREAM, is_list ? keep : f->event,
                         FRAMES_OBJECT_LEN_MAX, on_value, f, err);
    if (!f->slice)
        MEM_FREE_NULL(f);
    return f;
}

struct frames *frames_new(enum kind kind, bool is_list, frame_fn fn, void *ctx, struct err *err)
{
    return frames_of(kind, resource_of(kind)->keep, is_list, fn, ctx, err);
}

struct frames *frames_new_evidence(enum kind kind, frame_fn fn, void *ctx, struct err *err)
{
    return frames_of(kind, resource_of(kind)->keep_evidence, true, fn, ctx, err);
}

void frames_free(struct frames *f)
{
    if (!f)
        return;
    slice_free(f->slice);
    mem_free(f);
}

int frames_feed(struct frames *f, const char *bytes, size_t len, struct err *err)
{
    return slice_feed(f->slice, bytes, len, err);
}

int frames_end(struct frames *f, struct err *err)
{
    if (slice_end(f->slice, err) < 0)
        return -1;
    assert(!f->is_list || f->has_page); /* a list ends with its envelope */
    return 0;
}
