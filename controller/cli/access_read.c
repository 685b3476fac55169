#include "rampart/cli/access_read.h"

#include <stdio.h>
#include <string.h>

#include "rampart/cli/api_read.h"
#include "rampart/cli/manifests.h"
#include "rampart/kube/path.h"

#define TEXT_MAX 512 /* bytes of a path or a message */

/* ---- the cluster ---- */

static const struct projection metadata[] = {{.name = "name"}, {.name = "namespace"}, {0}};
static const struct projection keep[] = {{.name = "metadata", .children = metadata},
                                         {.name = "rules"},
                                         {.name = "aggregationRule"},
                                         {.name = "roleRef"},
                                         {.name = "subjects"},
                                         {0}};

struct listing {
    enum access_kind kind;
    struct access *graph;
    struct access_left_out *left_out;
    char path[TEXT_MAX];
    char what[TEXT_MAX];
};

static int on_unreadable(void *ctx, const char *why, struct err *err)
{
    struct listing *l = ctx;

    (void)err; /* the list goes on */
    if (l->left_out->count++ == 0)
        (void)err_set(&l->left_out->first, ERR_INVALID, "%s: %s", l->what, why);
    return 0;
}

static int on_item(void *ctx, const json_t *item, struct err *err)
{
    struct listing *l = ctx;
    struct err why = {0};

    if (access_add(l->graph, l->kind, item, "", &why) == 0)
        return 0;
    return why.code == ERR_INVALID ? on_unreadable(l, why.msg, err)
                                   : err_set(err, why.code, "%s", why.msg);
}

static int listing_path(struct listing *l, const char *ns, struct err *err)
{
    const char *resource = access_kind_resource(l->kind);
    bool is_in_one = ns && (l->kind == ACCESS_ROLE || l->kind == ACCESS_ROLE_BINDING);
    AUTO_STRBUF path;

    strbuf_init(&path, sizeof(l->path) - 1);
    strbuf_adds(&path, "/apis/" RBAC_GROUP "/v1");
    if (is_in_one) {
        strbuf_adds(&path, "/namespaces/");
        path_escape(&path, ns);
    }
    strbuf_addf(&path, "/%s", resource);
    if (strbuf_check(&path, "path", err) < 0)
        return -1;
    memcpy(l->path, path.text, path.len + 1);
    (void)snprintf(l->what, sizeof(l->what), "list %s.%s%s%s", resource, RBAC_GROUP,
                   is_in_one ? " in namespace " : "", is_in_one ? ns : "");
    return 0;
}

int access_read_cluster(const struct client_config *config, struct log *log, const char *ns,
                        struct access *g, struct access_left_out *left_out, struct err *err)
{
    static const enum access_kind order[ACCESS_KIND_COUNT] = {ACCESS_CLUSTER_ROLE,
                                                              ACCESS_CLUSTER_ROLE_BINDING,
                                                              ACCESS_ROLE, ACCESS_ROLE_BINDING};
    /* What is in no namespace needs no right to read those. */
    size_t count = ns && *ns == '\0' ? 2 : ACCESS_KIND_COUNT;
    struct listing listings[ACCESS_KIND_COUNT];
    struct api_reading readings[ACCESS_KIND_COUNT];

    for (size_t i = 0; i < count; i++) {
        listings[i] = (struct listing){.kind = order[i], .graph = g, .left_out = left_out};
        if (listing_path(&listings[i], ns, err) < 0)
            return -1;
        readings[i] = (struct api_reading){.path = listings[i].path,
                                           .what = listings[i].what,
                                           .keep = keep,
                                           .on_value = on_item,
                                           .on_unreadable = on_unreadable,
                                           .ctx = &listings[i]};
    }
    return api_read(config, log, readings, count, err);
}

/* ---- manifests ---- */

struct manifest {
    const char *ns_absent;
    struct access *graph;
};

static int on_object(void *ctx, const json_t *object, struct err *err)
{
    const struct manifest *m = ctx;
    int kind = access_kind_of(object);

    return kind < 0 ? 0 : access_add(m->graph, (enum access_kind)kind, object, m->ns_absent, err);
}

int access_read_path(const char *path, const char *ns_absent, struct access *g, struct err *err)
{
    struct manifest m = {.ns_absent = ns_absent, .graph = g};

    return manifests_read(path, on_object, &m, err);
}
