#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "manager_state.h"

#define OBJECT_PREFIX "object/"
#define OBJECTS_PREFIX "objects/"
#define EXCEPTION_PREFIX "exception/"
#define KEY_LEN_MAX (sizeof(OBJECTS_PREFIX) + POSTURE_KEY_LEN_MAX)
#define EVENT_RULES_MAX 20 /* findings of one Event */
#define EVENT_TEXT_MAX 1024

static_assert(KEY_LEN_MAX <= WORKQUEUE_KEY_LEN_MAX, "the queue takes every key");

/* ---- Keys ---- */

static bool has_prefix(const char *key, const char *prefix)
{
    return strncmp(key, prefix, strlen(prefix)) == 0;
}

bool posture_has_key(const char *key)
{
    return has_prefix(key, OBJECT_PREFIX) || has_prefix(key, OBJECTS_PREFIX) ||
           has_prefix(key, EXCEPTION_PREFIX);
}

bool posture_is_wanted(const struct manager *m)
{
    return m->rules_count > 0 || postures_count(&m->postures) > 0;
}

void posture_mark_object(struct manager *m, enum kind kind, const char *ns, const char *name)
{
    const struct object object = {.kind = kind, .ns = ns, .name = name};
    char of_object[POSTURE_KEY_LEN_MAX + 1];
    char key[KEY_LEN_MAX];

    if (!posture_is_wanted(m) || !posture_key(of_object, &object))
        return;
    (void)snprintf(key, sizeof(key), "%s%s", OBJECT_PREFIX, of_object);
    manager_add_key(m, key);
}

void posture_mark_objects(struct manager *m, const char *ns)
{
    char key[KEY_LEN_MAX];

    if (posture_is_wanted(m) &&
        snprintf(key, sizeof(key), "%s%s", OBJECTS_PREFIX, ns) < (int)sizeof(key))
        manager_add_key(m, key);
}

void posture_mark_exception(struct manager *m, const char *ns, const char *name)
{
    char key[KEY_LEN_MAX];

    if (snprintf(key, sizeof(key), "%s%s/%s", EXCEPTION_PREFIX, ns, name) < (int)sizeof(key))
        manager_add_key(m, key);
}

/* What the caches have of the object of a record's key; NULL: it is gone. */
static const struct object *object_of(const struct manager *m, const char *record_key)
{
    const struct reconciler_ops *ops = m->options.ops;
    struct key_parts parts;

    key_split(record_key, &parts);
    assert(parts.rest);
    for (size_t i = 0; i < ops->evaluated_count; i++) {
        if (strcmp(resource_of(ops->evaluated[i])->plural, parts.rest) == 0)
            return view_get(&m->view, ops->evaluated[i], parts.ns, parts.name);
    }
    return NULL;
}

static void end_pass(struct manager *m, const char *key)
{
    workqueue_forget(m->queue, key);
    workqueue_done(m->queue, key);
}

static void fail_pass(struct manager *m, const char *key, const struct err *err)
{
    log_event(m->options.log, LOG_WARN, "could not be evaluated; it is tried again",
              LOG_STR("key", key), LOG_STR("error", err->msg));
    manager_retry(m, key, m->now_ms, 0);
    workqueue_done(m->queue, key);
}

/* ---- One object ---- */

static void mark_if_known(struct manager *m, const char *profile)
{
    if (profile)
        manager_mark_profile(m, profile);
}

/* Not when it already failed what it fails now. */
static bool is_worse(const struct manager *m, const char *record_key, const struct posture *posture)
{
    const struct posture_record *before = postures_get(&m->postures, record_key);

    return posture->drift != 0 && (!before || (posture->drift & ~before->drift) != 0);
}

static int announce(struct manager *m, const struct object *object, const struct posture *posture,
                    struct arena *a, struct err *err)
{
    char text[EVENT_TEXT_MAX];
    struct finding *findings;
    size_t count, len = 0;

    if (m->options.ops->explain(&m->view, object, posture, EVENT_RULES_MAX, a, &findings, &count,
                                err) < 0)
        return -1;
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count && len < sizeof(text) / 2; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? ", " : "",
                                findings[i].rule);
    findings[0].message = arena_printf(a, "%s: %s", text, findings[0].message);
    if (!findings[0].message)
        return err_nomem(err);
    report_event(m, &findings[0], MODE_AUDIT, m->now_ms);
    return 0;
}

/* @is_news: its own change led here. -1: nothing of it is kept. */
static int evaluate(struct manager *m, const char *record_key, const struct object *object,
                    bool is_news, struct err *err)
{
    struct arena *a = manager_arena(m);
    struct posture posture = {.state = POSTURE_NONE};
    struct err why = {0};

    if (object && m->options.ops->evaluate(&m->view, object, a, &posture, err) < 0)
        return -1;
    if (is_news && is_worse(m, record_key, &posture) && announce(m, object, &posture, a, err) < 0)
        return -1;
    /* What is said of it may be otherwise although the same rules fail. */
    if (is_news && posture.drift != 0)
        mark_if_known(m, posture.profile);
    if (!postures_differ(&m->postures, record_key, &posture))
        return 0;
    mark_if_known(m, postures_profile(&m->postures, record_key));
    if (postures_put(&m->postures, record_key, &posture, &why) < 0) {
        if (why.code == ERR_NOMEM) {
            *err = why;
            return -1;
        }
        log_event(m->options.log, LOG_WARN, "an object is not counted: there are too many",
                  LOG_STR("object", record_key), LOG_STR("error", why.msg));
    }
    mark_if_known(m, posture.profile);
    return 0;
}

/* At least it does not count as compliant until it could be evaluated. */
static void doubt(struct manager *m, const char *record_key)
{
    postures_doubt(&m->postures, record_key);
    mark_if_known(m, postures_profile(&m->postures, record_key));
}

static void pass_object(struct manager *m, const char *key)
{
    const char *record_key = key + strlen(OBJECT_PREFIX);
    struct err err = {0};

    if (evaluate(m, record_key, object_of(m, record_key), true, &err) < 0) {
        doubt(m, record_key);
        fail_pass(m, key, &err);
    } else {
        end_pass(m, key);
    }
}

/* ---- All objects of a namespace ---- */

/* Of one kind, those behind batch.last, in order: at most @room. -1: memory is out. */
static int evaluate_some(struct manager *m, enum kind kind, const char *ns, size_t *room,
                         struct err *err)
{
    struct object_batch *batch = &m->batch;
    char record_key[POSTURE_KEY_LEN_MAX + 1];
    const struct object *one;
    struct object_list list;
    AUTO_ARENA a;

    if (kind == KIND_NAMESPACE) {
        one = view_get(&m->view, kind, "", ns);
        list = (struct object_list){&one, one ? 1 : 0};
    } else {
        arena_init(&a, PASS_BYTES_MAX);
        if (view_list(&m->view, kind, ns, &a, &list, err) < 0)
            return -1;
    }
    for (size_t i = 0; i<list.count && * room> 0; i++) {
        const struct object *object = list.items[i];

        if (strcmp(object->name, batch->last) <= 0)
            continue;
        (void)snprintf(batch->last, sizeof(batch->last), "%s", object->name);
        --*room;
        if (posture_key(record_key, object) && evaluate(m, record_key, object, false, err) < 0) {
            doubt(m, record_key);
            return -1;
        }
    }
    return 0;
}

static void pass_objects(struct manager *m, const char *key)
{
    const struct reconciler_ops *ops = m->options.ops;
    size_t room = MANAGER_BATCH_OBJECTS;
    struct err err = {0};

    if (!m->batch.key)
        m->batch = (struct object_batch){.key = key};
    while (m->batch.kind < ops->evaluated_count && room > 0) {
        if (evaluate_some(m, ops->evaluated[m->batch.kind], key + strlen(OBJECTS_PREFIX), &room,
                          &err) < 0) {
            m->batch.key = NULL;
            fail_pass(m, key, &err);
            return;
        }
        if (room > 0) { /* that was all of the kind */
            m->batch.kind++;
            *m->batch.last = '\0';
        }
    }
    if (m->batch.kind < ops->evaluated_count)
        return;
    m->batch.key = NULL;
    end_pass(m, key);
}

/* ---- Exceptions ---- */

static int look_at_exception(struct manager *m, const char *name, const struct key_parts *parts,
                             int64_t *ret_look_again_s, struct err *err)
{
    struct statement said = {.failure = NULL};
    struct plan plan;

    plan_init(&plan, manager_arena(m));
    if (m->options.ops->plan_exception(&m->view, parts->ns, parts->name, &plan, ret_look_again_s,
                                       err) < 0)
        return -1;
    plan_sort(&plan);
    said.verdict.findings = plan.findings;
    said.verdict.findings_count = (uint32_t)plan.findings_count;
    if (!verdicts_differ(&m->exceptions, name, &said))
        return 0;
    for (size_t i = 0; i < plan.findings_count; i++) {
        if (!verdicts_said(&m->exceptions, name, &plan.findings[i]))
            report_event(m, &plan.findings[i], MODE_AUDIT, m->now_ms);
    }
    posture_mark_objects(m, parts->ns); /* it expired, perhaps */
    scan_hurry(m->scan, m->now_ms);
    return verdicts_put(&m->exceptions, name, &said, err);
}

static void pass_exception(struct manager *m, const char *key)
{
    const char *name = key + strlen(EXCEPTION_PREFIX);
    int64_t look_again_s = INT64_MAX;
    struct err err = {0};
    struct key_parts parts;

    key_split(name, &parts);
    if (look_at_exception(m, name, &parts, &look_again_s, &err) < 0) {
        fail_pass(m, key, &err);
        return;
    }
    if (look_again_s != INT64_MAX)
        manager_come_back(m, key, manager_due_of(m, look_again_s));
    end_pass(m, key);
}

void posture_pass(struct manager *m, const char *key)
{
    if (has_prefix(key, OBJECT_PREFIX))
        pass_object(m, key);
    else if (has_prefix(key, OBJECTS_PREFIX))
        pass_objects(m, key);
    else
        pass_exception(m, key);
}

/* ---- What others ask ---- */

void posture_sweep(struct manager *m)
{
    struct map_entry *e = map_first(&m->postures.records);

    while (e) {
        const char *key = map_entry_key(e);

        e = map_next(e);
        if (object_of(m, key))
            continue;
        manager_mark_profile(m, postures_profile(&m->postures, key));
        postures_forget(&m->postures, key);
    }
}

int posture_view_drifted(const void *ctx, const char *profile, size_t count_max, struct arena *a,
                         const struct object *const **ret_objects, size_t *ret_count,
                         bool *ret_more, struct err *err)
{
    const struct manager *m = ctx;
    const char **keys = arena_calloc(a, count_max, sizeof(*keys));
    const struct object **objects = arena_calloc(a, count_max, sizeof(*objects));
    size_t count, there = 0;

    if (!keys || !objects)
        return err_nomem(err);
    *ret_more = postures_drifted(&m->postures, profile, keys, count_max, &count);
    for (size_t i = 0; i < count; i++) {
        objects[there] = object_of(m, keys[i]);
        there += objects[there] != NULL; /* NULL: it has just gone */
    }
    *ret_objects = objects;
    *ret_count = there;
    return 0;
}
