#include "wire/support/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/alloc.h"
#include "support/unit.h"
#include "wire/support/api_private.h"

const char *api_text_of(const json_t *json, const char *member)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(json, "metadata"), member));

    return text ? text : "";
}

void api_init(struct api *api)
{
    memset(api, 0, sizeof(*api));
    TAILQ_INIT(&api->objects);
    TAILQ_INIT(&api->history);
    api->rv = 1000;
}

static void object_free(struct api *api, struct api_object *o)
{
    TAILQ_REMOVE(&api->objects, o, link);
    json_decref(o->json);
    free(o);
}

void api_forget(struct api *api)
{
    struct api_event *e;

    while ((e = TAILQ_FIRST(&api->history)) != NULL) {
        TAILQ_REMOVE(&api->history, e, link);
        mem_free(e->line);
        free(e);
    }
}

void api_done(struct api *api)
{
    while (!TAILQ_EMPTY(&api->objects))
        object_free(api, TAILQ_FIRST(&api->objects));
    api_forget(api);
}

void api_compact(struct api *api)
{
    api_forget(api);
    api->oldest_rv = ++api->rv;
}

static int object_order(const struct api_object *one, const struct api_object *other)
{
    int order = strcmp(one->ns, other->ns);

    return order ? order : strcmp(one->name, other->name);
}

static void object_insert(struct api *api, struct api_object *o)
{
    struct api_object *at;

    TAILQ_FOREACH(at, &api->objects, link)
    {
        if (object_order(o, at) < 0) {
            TAILQ_INSERT_BEFORE(at, o, link);
            return;
        }
    }
    TAILQ_INSERT_TAIL(&api->objects, o, link);
}

struct api_object *api_find(struct api *api, enum kind kind, const char *ns, const char *name)
{
    struct api_object *o;

    TAILQ_FOREACH(o, &api->objects, link)
    {
        if (o->kind == kind && strcmp(o->ns, ns) == 0 && strcmp(o->name, name) == 0)
            return o;
    }
    return NULL;
}

struct api_object *api_next(struct api *api, enum kind kind, const struct api_object *after)
{
    struct api_object *o = after ? TAILQ_NEXT(after, link) : TAILQ_FIRST(&api->objects);

    while (o && o->kind != kind)
        o = TAILQ_NEXT(o, link);
    return o;
}

char *api_line(const struct api_object *o, const char *type)
{
    char *text = json_dumps(o->json, JSON_COMPACT);
    AUTO_STRBUF line;

    strbuf_init(&line, 64u << 20);
    strbuf_addf(&line, "{\"type\":\"%s\",\"object\":", type);
    strbuf_adds(&line, text);
    strbuf_adds(&line, "}\n");
    mem_free(text);
    return strbuf_take(&line, NULL);
}

static void stamp(struct api *api, struct api_object *o)
{
    json_t *meta = json_object_get(o->json, "metadata");
    char text[32];

    (void)snprintf(text, sizeof(text), "%u", ++api->rv);
    assert_int_equal(json_object_set_new(meta, "resourceVersion", json_string(text)), 0);
    if (json_object_get(meta, "uid"))
        return;
    (void)snprintf(text, sizeof(text), "u-%u", api->rv);
    assert_int_equal(json_object_set_new(meta, "uid", json_string(text)), 0);
}

void api_tell(struct api *api, struct api_object *o, const char *type)
{
    struct api_event *e = calloc(1, sizeof(*e));

    stamp(api, o);
    e->kind = o->kind;
    e->rv = api->rv;
    e->line = api_line(o, type);
    TAILQ_INSERT_TAIL(&api->history, e, link);
    api_say(api, o->kind, e->line, strlen(e->line));
}

struct api_object *api_store(struct api *api, enum kind kind, json_t *json)
{
    const struct resource *resource = resource_of(kind);
    char api_version[128];
    struct api_object *o;

    (void)snprintf(api_version, sizeof(api_version), "%s%s%s", resource->group,
                   *resource->group ? "/" : "", resource->version);
    json_object_set_new(json, "kind", json_string(resource->name));
    json_object_set_new(json, "apiVersion", json_string(api_version));
    o = api_find(api, kind, api_text_of(json, "namespace"), api_text_of(json, "name"));
    if (o) {
        json_object_set_new(json_object_get(json, "metadata"), "uid",
                            json_string(api_text_of(o->json, "uid")));
        json_decref(o->json);
        o->json = json;
        api_tell(api, o, "MODIFIED");
        return o;
    }
    o = calloc(1, sizeof(*o));
    o->kind = kind;
    o->json = json;
    (void)snprintf(o->ns, sizeof(o->ns), "%s", api_text_of(json, "namespace"));
    (void)snprintf(o->name, sizeof(o->name), "%s", api_text_of(json, "name"));
    object_insert(api, o);
    api_tell(api, o, "ADDED");
    return o;
}

struct api_object *api_put(struct api *api, enum kind kind, const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);

    if (!json)
        fail_msg("%s: %s", error.text, text);
    return api_store(api, kind, json);
}

void api_remove(struct api *api, struct api_object *o)
{
    api_tell(api, o, "DELETED");
    object_free(api, o);
}

void api_take_away(struct api *api, enum kind kind, const char *ns, const char *name)
{
    struct api_object *o = api_find(api, kind, ns, name);

    assert_non_null(o);
    api_remove(api, o);
}

void api_merge(json_t *to, json_t *patch)
{
    const char *name;
    json_t *value;

    json_object_foreach(patch, name, value)
    {
        json_t *held = json_object_get(to, name);

        if (json_is_null(value)) {
            json_object_del(to, name);
        } else if (!json_is_object(value)) {
            json_object_set(to, name, value);
        } else {
            if (!json_is_object(held)) {
                held = json_object();
                json_object_set_new(to, name, held);
            }
            api_merge(held, value);
        }
    }
}

void api_edit(struct api *api, struct api_object *o, const char *patch)
{
    json_error_t error;
    json_t *json = json_loads(patch, 0, &error);

    if (!json)
        fail_msg("%s: %s", error.text, patch);
    api_merge(o->json, json);
    json_decref(json);
    api_tell(api, o, "MODIFIED");
}

void api_policies(struct api *api, struct strbuf *out)
{
    for (struct api_object *o = NULL; (o = api_next(api, KIND_NETWORK_POLICY, o)) != NULL;) {
        char *spec = json_dumps(json_object_get(o->json, "spec"), JSON_COMPACT | JSON_SORT_KEYS);

        strbuf_addf(out, "%s/%s ", o->ns, o->name);
        strbuf_adds(out, spec);
        strbuf_addc(out, '\n');
        mem_free(spec);
    }
}

void api_versions(struct api *api, enum kind kind, struct strbuf *out)
{
    for (struct api_object *o = NULL; (o = api_next(api, kind, o)) != NULL;)
        strbuf_addf(out, "%s/%s@%s ", o->ns, o->name, api_text_of(o->json, "resourceVersion"));
}
