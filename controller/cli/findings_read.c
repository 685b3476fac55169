#include "rampart/cli/findings_read.h"

#include <stdio.h>
#include <string.h>

#include "rampart/cli/api_read.h"
#include "rampart/cli/manifests.h"
#include "rampart/kube/path.h"

#define TEXT_MAX 512 /* bytes of a path or a message */
#define ACCEPT_METADATA "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
#define QUERY_TOKENS "fieldSelector=type%3Dkubernetes.io%2Fservice-account-token"

struct listing {
    enum access_evidence_kind kind;
    struct access_evidence *evidence;
    struct err refused;
    size_t unreadable; /* objects */
    struct err why;    /* of the first of those */
    char path[TEXT_MAX];
    char what[TEXT_MAX];
};

/* ---- the cluster ---- */

static void note_unreadable(struct listing *l, const char *why)
{
    if (l->unreadable++ == 0)
        (void)err_set(&l->why, ERR_INVALID, "%s", why);
}

static int on_unreadable(void *ctx, const char *why, struct err *err)
{
    (void)err;
    note_unreadable(ctx, why);
    return 0;
}

/* Tenants write objects: one that is odd is told, and takes nothing else along. */
static int on_item(void *ctx, const json_t *item, struct err *err)
{
    struct listing *l = ctx;
    struct err why = {0};

    if (access_evidence_add(l->evidence, l->kind, item, "", &why) == 0)
        return 0;
    if (why.code != ERR_INVALID)
        return err_set(err, why.code, "%s", why.msg);
    note_unreadable(l, why.msg);
    return 0;
}

static int listing_init(struct listing *l, const char *ns, struct err *err)
{
    const struct access_evidence_resource *r = &access_evidence_resources[l->kind];
    AUTO_STRBUF path;

    strbuf_init(&path, sizeof(l->path) - 1);
    if (*r->group)
        strbuf_addf(&path, "/apis/%s/v1", r->group);
    else
        strbuf_adds(&path, "/api/v1");
    if (ns && r->is_namespaced) {
        strbuf_adds(&path, "/namespaces/");
        path_escape(&path, ns);
    }
    strbuf_addf(&path, "/%s", r->resource);
    if (strbuf_check(&path, "path", err) < 0)
        return -1;
    memcpy(l->path, path.text, path.len + 1);
    (void)snprintf(l->what, sizeof(l->what), "list %s%s%s", r->resource, *r->group ? "." : "",
                   r->group);
    return 0;
}

static struct api_reading reading_of(struct listing *l)
{
    bool is_secret = l->kind == EVIDENCE_SECRET;

    return (struct api_reading){
        .path = l->path,
        .query = is_secret ? QUERY_TOKENS : NULL,
        .accept = is_secret ? ACCEPT_METADATA : NULL,
        .what = l->what,
        .keep = access_evidence_resources[l->kind].keep,
        .on_value = on_item,
        .on_unreadable = on_unreadable,
        .ctx = l,
        .ret_refused = &l->refused,
    };
}

static int gap_add(struct findings_gaps *gaps, const struct listing *l, struct arena *a,
                   struct err *err)
{
    struct findings_not_read *gap = &gaps->items[gaps->count];

    gap->what = arena_printf(a, "%ss", access_evidence_resources[l->kind].kind);
    gap->why = l->refused.code != ERR_NONE
                   ? arena_strdup(a, l->refused.msg)
                   : arena_printf(a, "%zu of them: %s", l->unreadable, l->why.msg);
    if (!gap->what || !gap->why)
        return err_nomem(err);
    gaps->count++;
    return 0;
}

static int gaps_tell(const struct listing *listings, size_t count, struct arena *a,
                     struct access_evidence *e, struct findings_gaps *gaps, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct listing *l = &listings[i];

        if (l->refused.code == ERR_NONE && l->unreadable == 0)
            e->read[l->kind] = ACCESS_READ_ALL;
        else if (gap_add(gaps, l, a, err) < 0)
            return -1;
    }
    return 0;
}

int findings_read_cluster(const struct client_config *config, struct log *log, const char *ns,
                          struct arena *a, struct access_evidence *e,
                          struct findings_gaps *ret_gaps, struct err *err)
{
    struct listing *listings = arena_calloc(a, EVIDENCE_KIND_COUNT, sizeof(*listings));
    struct api_reading readings[EVIDENCE_KIND_COUNT];
    size_t count = 0;

    if (!listings)
        return err_nomem(err);
    for (int kind = 0; kind < EVIDENCE_KIND_COUNT; kind++) {
        if (ns && kind == EVIDENCE_CLUSTER_ROLE_BINDING)
            continue;
        listings[count] = (struct listing){.kind = (enum access_evidence_kind)kind, .evidence = e};
        if (listing_init(&listings[count], ns, err) < 0)
            return -1;
        readings[count] = reading_of(&listings[count]);
        count++;
    }
    ret_gaps->count = 0;
    if (api_read(config, log, readings, count, err) < 0)
        return -1;
    return gaps_tell(listings, count, a, e, ret_gaps, err);
}

/* ---- manifests ---- */

struct manifest {
    const char *ns_absent;
    struct access_evidence *evidence;
    size_t count;
};

static int on_object(void *ctx, const json_t *object, struct err *err)
{
    struct manifest *m = ctx;
    int kind = access_evidence_kind_of(object);

    if (kind < 0)
        return 0;
    m->count++;
    return access_evidence_add(m->evidence, (enum access_evidence_kind)kind, object, m->ns_absent,
                               err);
}

int findings_read_path(const char *path, const char *ns_absent, struct access_evidence *e,
                       size_t *ret_count, struct err *err)
{
    struct manifest m = {.ns_absent = ns_absent, .evidence = e};

    if (manifests_read(path, on_object, &m, err) < 0)
        return -1;
    *ret_count = m.count;
    return 0;
}
