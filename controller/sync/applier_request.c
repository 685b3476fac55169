#include "rampart/sync/applier_request.h"

#include <assert.h>
#include <string.h>

#include "rampart/json/build.h"
#include "rampart/kube/path.h"
#include "rampart/sync/applier.h"

static const struct path_query as_rampart = {.field_manager = FIELD_MANAGER};

static void start(struct applier_request *r, enum http_method method)
{
    *r = (struct applier_request){
        .http = {.method = method, .timeout_ms = APPLIER_WRITE_TIMEOUT_MS}};
    strbuf_init(&r->path, PATH_LEN_MAX);
    strbuf_init(&r->body, DELETE_OPTIONS_MAX);
}

static int finish(struct applier_request *r, struct err *err)
{
    if (strbuf_check(&r->path, "path", err) < 0 || strbuf_check(&r->body, "body", err) < 0) {
        applier_request_done(r);
        return -1;
    }
    r->http.path = r->path.text;
    return 0;
}

static void set_body(struct applier_request *r, const char *content_type, const char *body)
{
    assert(body);
    r->http.content_type = content_type;
    r->http.body = body;
    r->http.body_len = strlen(body);
}

static void write_delete_options(struct strbuf *out, const struct write *write)
{
    struct json_build j;

    assert(write->object.uid && *write->object.uid != '\0'); /* never by name alone */
    json_build_init(&j, out);
    json_open_obj(&j, NULL);
    json_add_str(&j, "kind", "DeleteOptions");
    json_add_str(&j, "apiVersion", "v1");
    json_open_obj(&j, "preconditions");
    json_add_str(&j, "uid", write->object.uid);
    if (write->rv)
        json_add_str(&j, "resourceVersion", write->rv);
    json_close_obj(&j);
    json_add_str(&j, "propagationPolicy", "Background");
    json_close_obj(&j);
}

void applier_request_done(struct applier_request *r)
{
    strbuf_done(&r->path);
    strbuf_done(&r->body);
    r->http = (struct http_request){0};
}

int applier_request_write(struct applier_request *r, const struct write *write, struct err *err)
{
    const struct object_ref *object = &write->object;

    switch (write->verb) {
    case WRITE_CREATE:
        start(r, HTTP_POST);
        path_build(&r->path, object->kind, object->ns, NULL, NULL, &as_rampart);
        set_body(r, "application/json", write->body);
        break;
    case WRITE_PATCH:
        start(r, HTTP_PATCH);
        path_build(&r->path, object->kind, object->ns, object->name, NULL, &as_rampart);
        set_body(r, "application/merge-patch+json", write->body);
        break;
    case WRITE_PATCH_STRATEGIC:
        start(r, HTTP_PATCH);
        path_build(&r->path, object->kind, object->ns, object->name, NULL, &as_rampart);
        set_body(r, "application/strategic-merge-patch+json", write->body);
        break;
    case WRITE_PATCH_STATUS:
        start(r, HTTP_PATCH);
        path_build(&r->path, object->kind, object->ns, object->name, "status", &as_rampart);
        set_body(r, "application/merge-patch+json", write->body);
        break;
    case WRITE_DELETE:
        start(r, HTTP_DELETE);
        path_build(&r->path, object->kind, object->ns, object->name, NULL, NULL);
        write_delete_options(&r->body, write);
        set_body(r, "application/json", r->body.text);
        break;
    }
    return finish(r, err);
}

int applier_request_dry_run(struct applier_request *r, const struct write *write, struct err *err)
{
    const struct path_query query = {.field_manager = FIELD_MANAGER, .is_dry_run = true};

    assert(write->verb == WRITE_PATCH);
    start(r, HTTP_PATCH);
    path_build(&r->path, write->object.kind, write->object.ns, write->object.name, NULL, &query);
    set_body(r, "application/merge-patch+json", write->body);
    return finish(r, err);
}

int applier_request_read(struct applier_request *r, const struct object_ref *object,
                         struct err *err)
{
    start(r, HTTP_GET);
    path_build(&r->path, object->kind, object->ns, object->name, NULL, NULL);
    return finish(r, err);
}
