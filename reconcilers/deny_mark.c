#include <stdlib.h>
#include <string.h>

#include "rampart/json/build.h"
#include "rampart/json/get.h"
#include "rampart/kube/timestamp.h"
#include "rampart/reconcilers/deny_rollout.h"

#define PHASE_LEN_MAX 16
#define KEY_LEN (sizeof(((struct deny_ready *)0)->key) - 1)

static const char *const phase_names[DENY_PHASE_COUNT] = {
    [DENY_UNMARKED] = "Unmarked",
    [DENY_PROVING] = "Proving",
    [DENY_TAKEN_BACK] = "TakenBack",
};

static int read_phase(const json_t *root, struct arena *a, enum deny_phase *ret_phase,
                      struct err *err)
{
    const char *text;

    if (json_need_str(root, "phase", PHASE_LEN_MAX, a, &text, err) < 0)
        return -1;
    for (int i = DENY_UNMARKED + 1; i < DENY_PHASE_COUNT; i++) {
        if (strcmp(text, phase_names[i]) == 0) {
            *ret_phase = (enum deny_phase)i;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "phase: \"%s\" is none that Rampart knows", text);
}

static int ready_order(const void *one, const void *other)
{
    const struct deny_ready *x = one;
    const struct deny_ready *y = other;

    return strcmp(x->key, y->key);
}

/* Sorted by key: how they came does not matter. */
static int read_before(const json_t *root, struct arena *a, struct deny_mark *mark, struct err *err)
{
    const json_t *ready;
    const char *key;
    json_t *value;
    struct deny_ready *before;

    if (json_get_obj(root, "ready", &ready, err) < 0)
        return -1;
    if (json_object_size(ready) == 0 || json_object_size(ready) > DENY_WATCHED_MAX)
        return err_set(err, ERR_INVALID, "ready: expected 1 to %d workloads", DENY_WATCHED_MAX);
    before = arena_calloc(a, json_object_size(ready), sizeof(*before));
    if (!before)
        return err_nomem(err);
    json_object_foreach((json_t *)(uintptr_t)ready, key, value)
    {
        struct deny_ready *entry = &before[mark->before_count];
        int64_t pods;

        if (strlen(key) != KEY_LEN)
            return err_set(err, ERR_INVALID, "ready: expected keys of 16 hex digits");
        if (json_get_int(ready, key, 1, INT32_MAX, 1, &pods, err) < 0)
            return json_path_wrap(err, "ready");
        memcpy(entry->key, key, KEY_LEN + 1);
        entry->ready = (int32_t)pods;
        mark->before_count++;
    }
    qsort(before, mark->before_count, sizeof(*before), ready_order);
    mark->before = before;
    return 0;
}

static int read_proving(const json_t *root, struct arena *a, struct deny_mark *mark,
                        struct err *err)
{
    const char *until;
    int64_t until_ms;

    if (json_need_str(root, "until", TIMESTAMP_LEN, a, &until, err) < 0)
        return -1;
    if (timestamp_parse(until, &until_ms, err) < 0)
        return json_path_wrap(err, "until");
    mark->until_s = until_ms / 1000;
    return read_before(root, a, mark, err);
}

static int read_taken_back(const json_t *root, struct arena *a, struct deny_mark *mark,
                           struct err *err)
{
    if (json_need_str(root, "profile", PROFILE_NAME_MAX, a, &mark->profile, err) < 0 ||
        json_get_int(root, "generation", 0, INT64_MAX, 0, &mark->generation, err) < 0 ||
        json_need_str(root, "policies", KEY_LEN, a, &mark->policies, err) < 0)
        return -1;
    return json_need_str(root, "message", DENY_MESSAGE_MAX, a, &mark->message, err);
}

int deny_mark_read(const char *text, struct arena *a, struct deny_mark *ret_mark, struct err *err)
{
    json_auto_t *root = json_decode(text, strnlen(text, DENY_MARK_LEN_MAX), err);
    struct deny_mark mark = {.profile = "", .policies = "", .message = ""};

    if (!root) {
        if (err && err->code == ERR_LIMIT)
            err->code = ERR_INVALID; /* too deep: not one of ours */
        return err_wrap(err, ANNOTATION_ROLLOUT);
    }
    if (read_phase(root, a, &mark.phase, err) < 0 ||
        (mark.phase == DENY_PROVING ? read_proving(root, a, &mark, err)
                                    : read_taken_back(root, a, &mark, err)) < 0)
        return err_wrap(err, ANNOTATION_ROLLOUT);
    *ret_mark = mark;
    return 0;
}

static void write_proving(struct json_build *j, const struct deny_mark *mark)
{
    char until[TIMESTAMP_LEN];

    timestamp_seconds(mark->until_s * 1000, until);
    json_add_str(j, "until", until);
    json_open_obj(j, "ready");
    for (size_t i = 0; i < mark->before_count; i++)
        json_add_int(j, mark->before[i].key, mark->before[i].ready);
    json_close_obj(j);
}

int deny_mark_write(const struct deny_mark *mark, struct arena *a, const char **ret_text,
                    struct err *err)
{
    AUTO_STRBUF out;
    struct json_build j;
    const char *text;

    strbuf_init(&out, DENY_MARK_LEN_MAX);
    json_build_init(&j, &out);
    json_open_obj(&j, NULL);
    json_add_str(&j, "phase", phase_names[mark->phase]);
    if (mark->phase == DENY_PROVING) {
        write_proving(&j, mark);
    } else {
        json_add_str(&j, "profile", mark->profile);
        json_add_int(&j, "generation", mark->generation);
        json_add_str(&j, "policies", mark->policies);
        json_add_str(&j, "message", mark->message);
    }
    json_close_obj(&j);
    if (strbuf_check(&out, ANNOTATION_ROLLOUT, err) < 0)
        return -1;
    text = arena_strndup(a, out.text, out.len);
    if (!text)
        return err_nomem(err);
    *ret_text = text;
    return 0;
}
