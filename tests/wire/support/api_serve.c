#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/base/alloc.h"
#include "support/unit.h"
#include "wire/support/api_private.h"

/* The tag of a request that is a watch whose beginning was told is when it ends, in seconds. */

/* ---- What a request is about ---- */

static bool kind_by_plural(const char *plural, enum kind *ret_kind)
{
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        if (strcmp(resource_of((enum kind)kind)->plural, plural) == 0) {
            *ret_kind = (enum kind)kind;
            return true;
        }
    }
    return false;
}

static void read_query(const char *query, struct api_target *target)
{
    const char *rv = strstr(query, "resourceVersion=");
    const char *timeout = strstr(query, "timeoutSeconds=");

    target->is_watch = strstr(query, "watch=true");
    target->is_initial = strstr(query, "sendInitialEvents=true");
    target->rv = rv ? (unsigned)strtoul(rv + strlen("resourceVersion="), NULL, 10) : 0;
    target->timeout_s =
        timeout ? (unsigned)strtoul(timeout + strlen("timeoutSeconds="), NULL, 10) : 0;
}

bool api_target_of(const struct server_request *r, struct api_target *ret_target)
{
    struct api_target target = {0};
    char path[2048], *query, *segments[12] = {0}, *rest = path, *segment;
    size_t count = 0, at;

    (void)snprintf(path, sizeof(path), "%s", r->path);
    query = strchr(path, '?');
    if (query) {
        *query++ = '\0';
        read_query(query, &target);
    }
    while (count < COUNT_OF(segments) - 1 && (segment = strsep(&rest, "/")) != NULL) {
        if (*segment != '\0')
            segments[count++] = segment;
    }
    at = count > 0 && strcmp(segments[0], "api") == 0 ? 2 : 3;
    if (count <= at)
        return false;
    if (strcmp(segments[at], "namespaces") == 0 && count > at + 2) {
        (void)snprintf(target.ns, sizeof(target.ns), "%s", segments[at + 1]);
        at += 2;
    }
    if (!kind_by_plural(segments[at], &target.kind))
        return false;
    if (count > at + 1)
        (void)snprintf(target.name, sizeof(target.name), "%s", segments[at + 1]);
    target.is_status = count > at + 2 && strcmp(segments[at + 2], "status") == 0;
    *ret_target = target;
    return true;
}

/* ---- Answers ---- */

static void answer_status(struct server_stream *s, int status, const char *reason,
                          const char *details)
{
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"%s\","
                   "\"message\":\"says the server\",\"reason\":\"%s\"%s,\"code\":%d}",
                   status < 300 ? "Success" : "Failure", reason, details, status);
    server_answer(s, status, "content-type: application/json\r\n", body);
}

static void answer_object(struct server_stream *s, int status, const struct api_object *o)
{
    char *text = json_dumps(o->json, JSON_COMPACT);

    server_answer(s, status, "content-type: application/json\r\n", text);
    mem_free(text);
}

static void serve_list(struct api *api, struct server_stream *s, enum kind kind)
{
    AUTO_STRBUF body;

    if (kind < KIND_WATCHED_COUNT)
        api->counts.lists++; /* the others are scanned, and never watched */
    strbuf_init(&body, 64u << 20);
    strbuf_addf(&body, "{\"kind\":\"%sList\",\"metadata\":{\"resourceVersion\":\"%u\"},\"items\":[",
                resource_of(kind)->name, api->rv);
    for (struct api_object *o = NULL; (o = api_next(api, kind, o)) != NULL;) {
        char *text = json_dumps(o->json, JSON_COMPACT);

        strbuf_adds(&body, text);
        strbuf_addc(&body, ',');
        mem_free(text);
    }
    if (body.text[body.len - 1] == ',')
        strbuf_cut(&body, body.len - 1);
    strbuf_adds(&body, "]}");
    server_reply(s, 200, "content-type: application/json\r\n");
    server_send(s, body.text, body.len);
    server_end(s);
}

static void send_text(struct server_stream *s, const char *text)
{
    server_send(s, text, strlen(text));
}

static void send_initial(struct api *api, struct server_stream *s, enum kind kind)
{
    char bookmark[512];

    for (struct api_object *o = NULL; (o = api_next(api, kind, o)) != NULL;) {
        char *line = api_line(o, "ADDED");

        send_text(s, line);
        mem_free(line);
    }
    (void)snprintf(bookmark, sizeof(bookmark),
                   "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"metadata\":{"
                   "\"resourceVersion\":\"%u\",\"annotations\":{"
                   "\"k8s.io/initial-events-end\":\"true\"}}}}\n",
                   resource_of(kind)->name, api->rv);
    send_text(s, bookmark);
}

static void serve_watch(struct api *api, struct server_stream *s, const struct api_target *target)
{
    struct api_event *e;

    api->counts.watches++;
    if (target->is_initial && api->has_no_watch_list) {
        answer_status(s, 422, "Invalid", "");
        return;
    }
    if (!target->is_initial && target->rv < api->oldest_rv) {
        answer_status(s, 410, "Expired", "");
        return;
    }
    server_reply(s, 200, "content-type: application/json\r\n");
    server_set_tag(s, api->now_s + target->timeout_s);
    if (target->is_initial) {
        send_initial(api, s, target->kind);
        return;
    }
    TAILQ_FOREACH(e, &api->history, link)
    {
        if (e->kind == target->kind && e->rv > target->rv)
            send_text(s, e->line);
    }
}

struct saying {
    enum kind kind;
    const void *bytes;
    size_t len;
    uint64_t said; /* bytes, to all who listen */
};

static void say_one(void *ctx, struct server_stream *s, const struct server_request *r)
{
    struct saying *saying = ctx;
    struct api_target target;

    if (server_tag(s) > 0 && api_target_of(r, &target) && target.kind == saying->kind) {
        server_send(s, saying->bytes, saying->len);
        saying->said += saying->len;
    }
}

void api_say(struct api *api, enum kind kind, const void *bytes, size_t len)
{
    struct saying saying = {.kind = kind, .bytes = bytes, .len = len};

    if (api->server)
        server_each(api->server, say_one, &saying);
    api->said += saying.said;
}

void api_send_bookmarks(struct api *api)
{
    char text[256];

    for (unsigned kind = 0; kind < KIND_WATCHED_COUNT; kind++) {
        (void)snprintf(text, sizeof(text),
                       "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"metadata\":{"
                       "\"resourceVersion\":\"%u\"}}}\n",
                       resource_of((enum kind)kind)->name, api->rv);
        api_say(api, (enum kind)kind, text, strlen(text));
    }
}

struct clock {
    unsigned now_s;
    unsigned next_s;
};

static void end_one(void *ctx, struct server_stream *s, const struct server_request *r)
{
    struct clock *clock = ctx;
    unsigned end_s = server_tag(s);

    (void)r;
    if (end_s == 0)
        return;
    if (end_s <= clock->now_s)
        server_end(s);
    else if (end_s < clock->next_s)
        clock->next_s = end_s;
}

unsigned api_end_watches(struct api *api)
{
    struct clock clock = {.now_s = api->now_s, .next_s = UINT_MAX};

    if (api->server)
        server_each(api->server, end_one, &clock);
    return clock.next_s;
}

/* ---- Writes ---- */

/* 0, or the status of the refusal: uid and resourceVersion as the writer states them. */
static int refusal(const struct api_object *o, const json_t *stated)
{
    const char *uid = json_string_value(json_object_get(stated, "uid"));
    const char *rv = json_string_value(json_object_get(stated, "resourceVersion"));

    if ((uid && strcmp(uid, api_text_of(o->json, "uid")) != 0) ||
        (rv && strcmp(rv, api_text_of(o->json, "resourceVersion")) != 0))
        return 409;
    return 0;
}

static void serve_create(struct api *api, struct server_stream *s, const struct api_target *target,
                         json_t *json)
{
    const char *name = api_text_of(json, "name");
    struct api_object *o;

    if (api_find(api, target->kind, target->ns, name)) {
        answer_status(s, 409, "AlreadyExists", "");
        return;
    }
    o = api_store(api, target->kind, json_incref(json));
    o->creations++;
    api->counts.creates += target->kind == KIND_NETWORK_POLICY;
    api->counts.event_creates += target->kind == KIND_EVENT;
    answer_object(s, 201, o);
}

static void serve_patch(struct api *api, struct server_stream *s, const struct api_target *target,
                        struct api_object *o, json_t *patch)
{
    int refused = refusal(o, json_object_get(patch, "metadata"));

    if (refused) {
        answer_status(s, refused, "Conflict", "");
        return;
    }
    api_merge(o->json, patch);
    o->patches++;
    api->counts.patches += target->kind == KIND_NETWORK_POLICY;
    api->counts.event_patches += target->kind == KIND_EVENT;
    api->counts.status_patches += target->is_status;
    api_tell(api, o, "MODIFIED");
    answer_object(s, 200, o);
}

static void serve_delete(struct api *api, struct server_stream *s, const struct api_target *target,
                         struct api_object *o, json_t *options)
{
    int refused = refusal(o, json_object_get(options, "preconditions"));

    if (refused) {
        answer_status(s, refused, "Conflict", "");
        return;
    }
    api->counts.deletes += target->kind == KIND_NETWORK_POLICY;
    api_remove(api, o);
    answer_status(s, 200, "", "");
}

static void serve_write(struct api *api, struct server_stream *s, const struct server_request *r,
                        const struct api_target *target)
{
    json_t *json = json_loads(r->body, 0, NULL);
    struct api_object *o = api_find(api, target->kind, target->ns, target->name);

    if (!json)
        answer_status(s, 400, "BadRequest", "");
    else if (strcmp(r->method, "POST") == 0)
        serve_create(api, s, target, json);
    else if (!o)
        answer_status(s, 404, "NotFound", "");
    else if (strcmp(r->method, "PATCH") == 0)
        serve_patch(api, s, target, o, json);
    else
        serve_delete(api, s, target, o, json);
    json_decref(json);
}

static void serve_read(struct api *api, struct server_stream *s, const struct api_target *target)
{
    struct api_object *o = api_find(api, target->kind, target->ns, target->name);

    api->counts.reads++;
    if (o)
        answer_object(s, 200, o);
    else
        answer_status(s, 404, "NotFound", "");
}

void api_serve(struct api *api, struct server_stream *s, const struct server_request *r)
{
    struct api_target target;

    if (!api_target_of(r, &target))
        server_answer(s, 200, "", "ok"); /* /readyz */
    else if (strcmp(r->method, "GET") != 0)
        serve_write(api, s, r, &target);
    else if (*target.name != '\0')
        serve_read(api, s, &target);
    else if (target.is_watch)
        serve_watch(api, s, &target);
    else
        serve_list(api, s, target.kind);
}

void api_handle(struct api *api, struct server_stream *s, const struct server_request *r)
{
    struct api_target target;

    if (api->misbehave && api_target_of(r, &target) && api->misbehave(api, s, r, &target))
        return;
    api_serve(api, s, r);
}
