#include "rampart/sync/evidence.h"

#include <assert.h>
#include <string.h>
#include <sys/queue.h>

#include "rampart/json/decode.h"
#include "rampart/json/get.h"
#include "rampart/kube/path.h"
#include "rampart/kube/status.h"
#include "rampart/kube/workload.h"
#include "rampart/sync/frames.h"

/* Of all that names the workload: its names, its uid and revision, and that again each time the
 * read begins anew. */
#define NAMES_LEN_MAX 8192

struct read {
    LIST_ENTRY(read) link;
    struct evidence *owner; /* borrowed */
    struct exchange exchange;
    enum harden_want want;
    struct arena names;         /* owned: the texts of the next three */
    struct object_ref workload; /* as it was when the read began, last */
    const char *template_digest;
    const char *revision_update;
    struct arena arena;        /* owned: what is found, and @selector */
    void *build;               /* of harden_ops; in @arena */
    enum harden_source source; /* that is being listed */
    const char *selector;      /* of the pods */
    char *token;               /* of the page that was asked for last; owned; NULL: the first */
    char *next_token;          /* of the one after it; owned; NULL: there is none */
    struct frames *frames;     /* of the page; owned */
    bool is_page_complete;
    struct err failed; /* first failure in the page's bytes */
    unsigned restarts;
    char key[]; /* owned, NUL-terminated */
};

struct evidence {
    struct evidence_options options;
    LIST_HEAD(reads, read) reads; /* owned; each has an exchange under way */
    size_t reads_count;
    bool is_stopped;
};

static enum kind kind_of(const struct read *r)
{
    switch (r->source) {
    case HARDEN_REVISIONS:
        if (r->workload.kind == KIND_DEPLOYMENT)
            return KIND_REPLICA_SET;
        return r->workload.kind == KIND_CRON_JOB ? KIND_JOB : KIND_CONTROLLER_REVISION;
    case HARDEN_PODS:
        return KIND_POD;
    case HARDEN_BUDGETS:
        return KIND_POD_DISRUPTION_BUDGET;
    case HARDEN_LIMIT_RANGES:
        return KIND_LIMIT_RANGE;
    case HARDEN_QUOTAS:
        return KIND_RESOURCE_QUOTA;
    default:
        return KIND_POD_AUTOSCALER;
    }
}

static void token_free(char **token)
{
    mem_free(*token);
    *token = NULL;
}

static void read_free(struct read *r)
{
    frames_free(r->frames);
    token_free(&r->token);
    token_free(&r->next_token);
    arena_done(&r->arena);
    arena_done(&r->names);
    mem_free(r);
}

/* ---- How it begins, and begins anew ---- */

static int note_workload(struct read *r, const struct object *workload, struct err *err)
{
    const struct workload_facts *w = OBJECT_AS(workload_facts, workload);

    r->workload = (struct object_ref){
        .kind = workload->kind,
        .ns = arena_strdup(&r->names, workload->ns),
        .name = arena_strdup(&r->names, workload->name),
        .uid = arena_strdup(&r->names, workload->uid),
    };
    r->template_digest = arena_strdup(&r->names, w->template_digest);
    r->revision_update = arena_strdup(&r->names, w->revision_update);
    return r->workload.ns && r->workload.name && r->workload.uid && r->template_digest &&
                   r->revision_update
               ? 0
               : err_nomem(err);
}

static int begin(struct read *r, const struct object *workload, struct err *err)
{
    if (note_workload(r, workload, err) < 0)
        return -1;
    if (r->want == HARDEN_LIVE)
        return 0;
    token_free(&r->token);
    token_free(&r->next_token);
    r->source = HARDEN_REVISIONS;
    arena_done(&r->arena);
    arena_init(&r->arena, HARDEN_EVIDENCE_BYTES_MAX);
    return r->owner->options.ops->evidence_begin(workload, r->want, &r->arena, &r->build, err);
}

/* What was counted before a list that has expired would be counted twice. */
static int begin_anew(struct read *r, struct err *err)
{
    const struct object *workload =
        cluster_get(r->owner->options.cluster, r->workload.kind, r->workload.ns, r->workload.name);

    if (!workload || strcmp(workload->uid, r->workload.uid) != 0)
        return err_set(err, ERR_NOT_FOUND, "the workload is gone");
    r->restarts++;
    return begin(r, workload, err);
}

/* ---- What the server tells ---- */

static int take_token(struct read *r, const char *token, struct err *err)
{
    assert(!r->next_token);
    r->is_page_complete = true;
    if (*token == '\0')
        return 0;
    r->next_token = mem_strdup(token);
    return r->next_token ? 0 : err_nomem(err);
}

static int on_frame(void *ctx, const struct frame *frame, struct err *err)
{
    struct read *r = ctx;

    switch (frame->type) {
    case FRAME_ITEM:
        return r->owner->options.ops->evidence_take(r->build, r->source, frame->object, err);
    case FRAME_PAGE:
        return take_token(r, frame->continue_token, err);
    default: /* FRAME_UNREADABLE: what is not whole is no evidence */
        *err = *frame->why;
        return -1;
    }
}

static int on_data(struct exchange *x, const char *bytes, size_t len, uint64_t now_ms)
{
    struct read *r = x->ctx;

    (void)now_ms;
    if (r->owner->is_stopped || r->failed.code != ERR_NONE)
        return -1;
    return frames_feed(r->frames, bytes, len, &r->failed);
}

/* ---- Requests ---- */

static void on_done(struct exchange *x, const struct http_response *response, const struct err *err,
                    uint64_t now_ms);

static int start(struct read *r, const char *path, struct err *err)
{
    const bool is_list = r->want != HARDEN_LIVE;
    const struct http_request request = {
        .method = HTTP_GET,
        .path = path,
        .is_stream = is_list,
        .accepts_gzip = is_list,
        .timeout_ms = EVIDENCE_REQUEST_MAX_MS,
        .idle_timeout_ms = EVIDENCE_REQUEST_IDLE_MAX_MS,
    };

    r->exchange =
        (struct exchange){.on_data = is_list ? on_data : NULL, .on_done = on_done, .ctx = r};
    r->failed = (struct err){.code = ERR_NONE};
    r->is_page_complete = false;
    if (is_list) {
        r->frames = frames_new_evidence(kind_of(r), on_frame, r, err);
        if (!r->frames)
            return -1;
    }
    return transport_start(r->owner->options.transport, &request, &r->exchange, err);
}

static int request(struct read *r, struct err *err)
{
    const struct path_query query = {
        .limit = EVIDENCE_PAGE_OBJECTS,
        .continue_token = r->token,
        .label_selector = r->source == HARDEN_PODS && *r->selector ? r->selector : NULL,
    };
    AUTO_STRBUF path;

    strbuf_init(&path, PATH_LEN_MAX);
    if (r->want == HARDEN_LIVE)
        path_build(&path, r->workload.kind, r->workload.ns, r->workload.name, NULL, NULL);
    else
        path_build(&path, kind_of(r), r->workload.ns, NULL, NULL, &query);
    return strbuf_check(&path, "path", err) < 0 ? -1 : start(r, path.text, err);
}

/* ---- How it ends ---- */

/* Says what was read, and of which workload. */
static int explain(const struct read *r, struct err *err)
{
    const struct resource *workload = resource_of(r->workload.kind);
    const struct resource *asked = r->want == HARDEN_LIVE ? workload : resource_of(kind_of(r));
    const char *verb = r->want == HARDEN_LIVE ? "get" : "list";

    if (err->code == ERR_FORBIDDEN)
        err_wrap(err,
                 "a right is missing: grant the verb \"%s\" on %s%s%s to Rampart's "
                 "ServiceAccount (deploy/ has the ClusterRole)",
                 verb, asked->plural, *asked->group ? "." : "", asked->group);
    return err_wrap(err, "%s %s for %s %s/%s", verb, asked->plural, workload->name, r->workload.ns,
                    r->workload.name);
}

/* @result is empty but for what was found, or the error. */
static void deliver(struct read *r, struct evidence_result *result, uint64_t now_ms)
{
    struct evidence *e = r->owner;

    LIST_REMOVE(r, link);
    e->reads_count--;
    result->key = r->key;
    result->want = r->want;
    result->workload = r->workload;
    result->template_digest = r->template_digest;
    result->revision_update = r->revision_update;
    result->arena = &r->arena;
    if (result->err.code != ERR_NONE)
        arena_done(&r->arena);
    e->options.on_done(e->options.ctx, result, now_ms);
    read_free(r);
}

static void fail(struct read *r, const struct err *why, uint64_t now_ms)
{
    struct evidence_result result = {.err = *why};

    if (!r->owner->is_stopped)
        explain(r, &result.err);
    deliver(r, &result, now_ms);
}

/* ---- The live object ---- */

static int check_live(const struct read *r, const json_t *root, struct err *err)
{
    const json_t *meta = json_member(root, "metadata");
    const char *kind = json_string_value(json_member(root, "kind"));
    const char *name = json_string_value(json_member(meta, "name"));
    const char *uid = json_string_value(json_member(meta, "uid"));

    if (!kind || strcmp(kind, resource_of(r->workload.kind)->name) != 0 || !name ||
        strcmp(name, r->workload.name) != 0 || !uid)
        return err_set(err, ERR_INVALID, "the answer is another object");
    if (strcmp(uid, r->workload.uid) != 0)
        return err_set(err, ERR_NOT_FOUND, "the workload is gone: another one has its name");
    return 0;
}

static void end_live(struct read *r, const struct http_response *response, uint64_t now_ms)
{
    struct evidence_result result = {0};
    json_auto_t *root = NULL;
    struct err why = {0};

    if (response->body_len > EVIDENCE_LIVE_LEN_MAX)
        err_set(&why, ERR_LIMIT, "it has %zu bytes; at most %u are read", response->body_len,
                EVIDENCE_LIVE_LEN_MAX);
    else
        root = json_decode(response->body, response->body_len, &why);
    if (!root || check_live(r, root, &why) < 0) {
        fail(r, &why, now_ms);
        return;
    }
    result.live = root;
    deliver(r, &result, now_ms);
}

/* ---- Lists ---- */

/* Why the page failed; ERR_NONE: it is complete. */
static void judge(struct read *r, const struct http_response *response, const struct err *err,
                  struct err *why)
{
    if (r->failed.code != ERR_NONE)
        *why = r->failed;
    else if (r->is_page_complete) /* what comes after a whole page does not matter */
        return;
    else if (err)
        *why = *err;
    else if (response->status < 200 || response->status > 299)
        status_to_err(response->status, response->retry_after, response->body, response->body_len,
                      why);
    else if (r->frames)
        (void)!frames_end(r->frames, why);
}

static void end_evidence(struct read *r, uint64_t now_ms)
{
    struct evidence_result result = {0};
    struct err why = {0};

    if (r->owner->options.ops->evidence_end(r->build, &result.evidence, &why) < 0)
        fail(r, &why, now_ms);
    else
        deliver(r, &result, now_ms);
}

/* The page is whole: the next one, of this list or of the next. */
static int turn_page(struct read *r, struct err *err)
{
    token_free(&r->token);
    r->token = r->next_token;
    r->next_token = NULL;
    if (r->token)
        return 0;
    r->source++;
    return r->source == HARDEN_PODS
               ? r->owner->options.ops->evidence_select(r->build, &r->arena, &r->selector, err)
               : 0;
}

static void page_done(struct read *r, uint64_t now_ms)
{
    struct err why = {0};

    const enum harden_source last =
        r->want == HARDEN_ROOM ? HARDEN_SOURCE_COUNT - 1 : HARDEN_BUDGETS;

    if (!r->next_token && r->source == last)
        end_evidence(r, now_ms);
    else if (turn_page(r, &why) < 0 || request(r, &why) < 0)
        fail(r, &why, now_ms);
}

/* The API server does not know the kind: nobody has installed it. */
static bool is_absent(const struct read *r, const struct err *why)
{
    return r->want == HARDEN_ROOM && r->source == HARDEN_AUTOSCALERS && why->code == ERR_NOT_FOUND;
}

static bool may_begin_anew(const struct read *r, const struct err *why)
{
    return why->code == ERR_EXPIRED && r->token && r->restarts < EVIDENCE_RESTARTS_MAX;
}

static void on_done(struct exchange *x, const struct http_response *response, const struct err *err,
                    uint64_t now_ms)
{
    struct read *r = x->ctx;
    struct err why = {0};

    if (r->owner->is_stopped)
        err_set(&why, ERR_CANCELED, "stopped");
    else
        judge(r, response, err, &why);
    frames_free(r->frames);
    r->frames = NULL;
    if (is_absent(r, &why))
        why.code = ERR_NONE;
    if (why.code != ERR_NONE) {
        if (may_begin_anew(r, &why) && begin_anew(r, &why) == 0 && request(r, &why) == 0)
            return;
        fail(r, &why, now_ms);
    } else if (r->want == HARDEN_LIVE) {
        end_live(r, response, now_ms);
    } else {
        page_done(r, now_ms);
    }
}

/* ---- Life ---- */

struct evidence *evidence_new(const struct evidence_options *options, struct err *err)
{
    struct evidence *e = mem_calloc(1, sizeof(*e));

    assert(options->transport && options->ops && options->cluster && options->on_done);
    if (!e) {
        err_nomem(err);
        return NULL;
    }
    e->options = *options;
    LIST_INIT(&e->reads);
    return e;
}

void evidence_free(struct evidence *e)
{
    if (!e)
        return;
    assert(e->reads_count == 0);
    mem_free(e);
}

bool evidence_has_room(const struct evidence *e)
{
    return !e->is_stopped && e->reads_count < EVIDENCE_IN_FLIGHT_MAX;
}

size_t evidence_in_flight(const struct evidence *e)
{
    return e->reads_count;
}

int evidence_start(struct evidence *e, enum harden_want want, const char *key,
                   const struct object *workload, struct err *err)
{
    size_t key_len = strlen(key);
    struct read *r;

    assert(want == HARDEN_EVIDENCE || want == HARDEN_ROOM || want == HARDEN_LIVE);
    assert(kind_is_workload(workload->kind));
    if (e->is_stopped)
        return err_set(err, ERR_CANCELED, "stopping");
    if (!evidence_has_room(e))
        return err_set(err, ERR_LIMIT, "%d workloads are being read already",
                       EVIDENCE_IN_FLIGHT_MAX);
    r = mem_calloc(1, sizeof(*r) + key_len + 1);
    if (!r)
        return err_nomem(err);
    r->owner = e;
    r->want = want;
    memcpy(r->key, key, key_len + 1);
    arena_init(&r->names, NAMES_LEN_MAX);
    if (begin(r, workload, err) < 0 || request(r, err) < 0) {
        read_free(r);
        return -1;
    }
    LIST_INSERT_HEAD(&e->reads, r, link);
    e->reads_count++;
    return 0;
}

void evidence_stop(struct evidence *e)
{
    struct read *r;

    e->is_stopped = true;
    LIST_FOREACH(r, &e->reads, link)
    transport_cancel(e->options.transport, &r->exchange);
}

bool evidence_is_stopped(const struct evidence *e)
{
    return e->is_stopped && e->reads_count == 0;
}

bool evidence_is_of(const struct evidence_result *result, const struct object *workload)
{
    const struct workload_facts *w = OBJECT_AS(workload_facts, workload);

    if (!workload || strcmp(workload->uid, result->workload.uid) != 0)
        return false;
    return result->want == HARDEN_LIVE ||
           (strcmp(w->template_digest, result->template_digest) == 0 &&
            strcmp(w->revision_update, result->revision_update) == 0);
}
