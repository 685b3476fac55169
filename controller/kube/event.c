#include "rampart/kube/event.h"

#include <stdio.h>
#include <string.h>

#include "rampart/base/utf8.h"
#include "rampart/json/build.h"
#include "rampart/kube/timestamp.h"

#define FIELD_TEXT_MAX 128 /* reason, action, reportingInstance: the API's own limit */

/* Copies at most @max bytes of whole characters, control characters as spaces; "..." at the end
 * when cut. */
static void copy_clean(char *out, size_t max, const char *text)
{
    size_t len = strlen(text);
    size_t limit = len > max ? max - 3 : len;
    size_t used = 0;
    size_t at = 0;

    while (at < len) {
        uint32_t code;
        size_t size = utf8_char(text + at, len - at, &code);
        size_t step = size > 0 ? size : 1;

        if (used + step > limit)
            break;
        if (size == 0)
            out[used] = '?';
        else if (code < 0x20 || code == 0x7f)
            out[used] = ' ';
        else
            memcpy(out + used, text + at, size);
        used += step;
        at += step;
    }
    memcpy(out + used, at < len ? "..." : "", at < len ? 4 : 1);
}

static void add_clean(struct json_build *j, const char *name, const char *text, size_t max)
{
    char clean[EVENT_NOTE_MAX + 1];

    copy_clean(clean, max, text);
    json_add_str(j, name, clean);
}

static void add_ref(struct json_build *j, const char *name, const struct object_ref *ref)
{
    const struct resource *resource = resource_of(ref->kind);
    char api_version[128];

    (void)snprintf(api_version, sizeof(api_version), "%s%s%s", resource->group,
                   *resource->group ? "/" : "", resource->version);
    json_open_obj(j, name);
    json_add_str(j, "apiVersion", api_version);
    json_add_str(j, "kind", resource->name);
    json_add_str(j, "name", ref->name);
    /* The API server wants the Event's namespace here, for a Namespace too. */
    if (resource->is_namespaced || ref->kind == KIND_NAMESPACE)
        json_add_str(j, "namespace", event_namespace(ref));
    if (ref->uid && *ref->uid)
        json_add_str(j, "uid", ref->uid);
    json_close_obj(j);
}

const char *event_namespace(const struct object_ref *regarding)
{
    if (regarding->kind == KIND_NAMESPACE)
        return regarding->name;
    return resource_of(regarding->kind)->is_namespaced ? regarding->ns : "default";
}

void event_write(struct strbuf *out, const struct event *event)
{
    struct json_build j;
    char time[TIMESTAMP_LEN];

    timestamp_micros(event->wall_ms, time);
    json_build_init(&j, out);
    json_open_obj(&j, NULL);
    json_add_str(&j, "apiVersion", "events.k8s.io/v1");
    json_add_str(&j, "kind", "Event");
    json_open_obj(&j, "metadata");
    json_add_str(&j, "name", event->name);
    json_add_str(&j, "namespace", event->ns);
    json_close_obj(&j);
    json_add_str(&j, "eventTime", time);
    json_add_str(&j, "type", event->is_warning ? "Warning" : "Normal");
    add_clean(&j, "reason", event->reason, FIELD_TEXT_MAX);
    add_clean(&j, "action", event->action, FIELD_TEXT_MAX);
    add_clean(&j, "note", event->note, EVENT_NOTE_MAX);
    add_ref(&j, "regarding", &event->regarding);
    if (event->related.name)
        add_ref(&j, "related", &event->related);
    json_add_str(&j, "reportingController", EVENT_CONTROLLER);
    add_clean(&j, "reportingInstance", event->instance, FIELD_TEXT_MAX);
    json_close_obj(&j);
}

void event_write_series(struct strbuf *out, uint32_t count, int64_t wall_ms)
{
    struct json_build j;
    char time[TIMESTAMP_LEN];

    timestamp_micros(wall_ms, time);
    json_build_init(&j, out);
    json_open_obj(&j, NULL);
    json_open_obj(&j, "series");
    json_add_int(&j, "count", count);
    json_add_str(&j, "lastObservedTime", time);
    json_close_obj(&j);
    json_close_obj(&j);
}
