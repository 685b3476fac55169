#include "rampart/kube/audit_event.h"

#include <string.h>

#include "rampart/json/get.h"
#include "rampart/kube/decode.h"
#include "rampart/kube/timestamp.h"

#define DECISION "authorization.k8s.io/decision"

static const struct projection user_keep[] = {{"username", NULL}, {NULL, NULL}};
static const struct projection object_keep[] = {{"resource", NULL},    {"namespace", NULL},
                                                {"name", NULL},        {"apiGroup", NULL},
                                                {"subresource", NULL}, {NULL, NULL}};
static const struct projection status_keep[] = {{"code", NULL}, {NULL, NULL}};
static const struct projection annotations_keep[] = {{DECISION, NULL}, {NULL, NULL}};

const struct projection audit_event_keep[] = {
    {"kind", NULL},
    {"apiVersion", NULL},
    {"items", NULL},
    {"stage", NULL},
    {"requestURI", NULL},
    {"verb", NULL},
    {"user", user_keep},
    {"impersonatedUser", user_keep},
    {"objectRef", object_keep},
    {"responseStatus", status_keep},
    {"requestReceivedTimestamp", NULL},
    {"annotations", annotations_keep},
    {NULL, NULL},
};

static const char *const stage_names[AUDIT_STAGE_COUNT] = {
    [AUDIT_STAGE_UNSAID] = "",
    [AUDIT_REQUEST_RECEIVED] = "RequestReceived",
    [AUDIT_RESPONSE_STARTED] = "ResponseStarted",
    [AUDIT_RESPONSE_COMPLETE] = "ResponseComplete",
    [AUDIT_PANIC] = "Panic",
};

/* "" when absent. */
static int text(const json_t *obj, const char *name, const char **ret_text, struct err *err)
{
    if (member_text(obj, name, ret_text, err) < 0)
        return -1;
    if (!*ret_text)
        *ret_text = "";
    return 0;
}

static int read_stage(const json_t *root, struct audit_event *event, struct err *err)
{
    const char *name;

    if (text(root, "stage", &name, err) < 0)
        return -1;
    for (unsigned i = AUDIT_REQUEST_RECEIVED; i < AUDIT_STAGE_COUNT; i++) {
        if (strcmp(name, stage_names[i]) == 0)
            event->stage = (enum audit_stage)i;
    }
    return 0;
}

static int read_who(const json_t *root, struct audit_event *event, struct err *err)
{
    const json_t *user, *other;

    if (json_get_obj(root, "user", &user, err) < 0 ||
        json_get_obj(root, "impersonatedUser", &other, err) < 0)
        return -1;
    event->is_impersonated = other != NULL;
    return text(user, "username", &event->user, err) < 0 ? json_path_wrap(err, "user") : 0;
}

static int read_object(const json_t *root, struct audit_event *event, struct err *err)
{
    const json_t *object;

    if (json_get_obj(root, "objectRef", &object, err) < 0)
        return -1;
    event->is_for_resource = object != NULL;
    if (text(object, "apiGroup", &event->group, err) < 0 ||
        text(object, "resource", &event->resource, err) < 0 ||
        text(object, "subresource", &event->subresource, err) < 0 ||
        text(object, "namespace", &event->ns, err) < 0 ||
        text(object, "name", &event->name, err) < 0)
        return json_path_wrap(err, "objectRef");
    return 0;
}

static int read_answer(const json_t *root, struct audit_event *event, struct err *err)
{
    const json_t *status, *annotations;
    const char *decision;
    int64_t code;

    if (json_get_obj(root, "responseStatus", &status, err) < 0 ||
        json_get_obj(root, "annotations", &annotations, err) < 0)
        return -1;
    if (json_get_int(status, "code", 0, 999, 0, &code, err) < 0)
        return json_path_wrap(err, "responseStatus");
    if (text(annotations, DECISION, &decision, err) < 0)
        return json_path_wrap(err, "annotations");
    event->code = (int)code;
    if (strcmp(decision, "allow") == 0)
        event->decision = AUDIT_ALLOWED;
    else if (*decision != '\0') /* whatever is no "allow" allowed nothing */
        event->decision = AUDIT_FORBIDDEN;
    return 0;
}

static int read_time(const json_t *root, struct audit_event *event, struct err *err)
{
    const char *received;

    if (text(root, "requestReceivedTimestamp", &received, err) < 0)
        return -1;
    event->received_ms = AUDIT_TIME_UNSAID;
    if (*received != '\0' && timestamp_parse(received, &event->received_ms, err) < 0)
        return err_wrap(err, "requestReceivedTimestamp");
    return 0;
}

int audit_event_decode(const json_t *root, struct audit_event *ret_event, struct err *err)
{
    struct audit_event event = {0};

    if (!json_is_object(root))
        return err_set(err, ERR_INVALID, "expected an event, got something that is no object");
    if (read_stage(root, &event, err) < 0 || read_who(root, &event, err) < 0 ||
        text(root, "verb", &event.verb, err) < 0 || text(root, "requestURI", &event.uri, err) < 0 ||
        read_object(root, &event, err) < 0 || read_answer(root, &event, err) < 0 ||
        read_time(root, &event, err) < 0)
        return -1;
    *ret_event = event;
    return 0;
}
