#include "rampart/sync/label_reads.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rampart/kube/path.h"
#include "rampart/kube/status.h"
#include "rampart/kube/warning.h"
#include "rampart/sync/applier_request.h"
#include "rampart/sync/frames.h"

TAILQ_HEAD(label_read_list, label_read);

struct label_reads {
    struct label_reads_options options;
    struct label_read_list waiting; /* owned, as the next ones */
    struct label_read_list running; /* each has an exchange under way */
    struct label_read_list complete;
    size_t running_count;
    bool is_stopped;
};

static const enum kind kinds[] = {KIND_POD, KIND_JOB};
#define KINDS_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* ---- Life ---- */

static void text_free(char **text)
{
    mem_free(*text);
    *text = NULL;
}

static void end_request(struct label_read *read)
{
    frames_free(read->frames);
    read->frames = NULL;
    arena_done(&read->object);
}

static void end_read(struct label_read *read)
{
    end_request(read);
    text_free(&read->body);
    text_free(&read->token);
    text_free(&read->next_token);
}

void label_read_free(struct label_read *read)
{
    if (!read)
        return;
    end_read(read);
    text_free(&read->warning);
    arena_done(&read->arena);
    mem_free(read);
}

struct label_read *label_read_new(struct label_reads *r, const char *key, struct err *err)
{
    struct label_read *read = mem_calloc(1, sizeof(*read));

    if (!read) {
        err_nomem(err);
        return NULL;
    }
    read->owner = r;
    read->key = key;
    return read;
}

struct label_reads *label_reads_new(const struct label_reads_options *options, struct err *err)
{
    struct label_reads *r = mem_calloc(1, sizeof(*r));

    assert(options->transport && options->ops && options->view);
    if (!r) {
        err_nomem(err);
        return NULL;
    }
    r->options = *options;
    TAILQ_INIT(&r->waiting);
    TAILQ_INIT(&r->running);
    TAILQ_INIT(&r->complete);
    return r;
}

static void free_all(struct label_read_list *list)
{
    struct label_read *read;

    while ((read = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, read, link);
        label_read_free(read);
    }
}

void label_reads_free(struct label_reads *r)
{
    if (!r)
        return;
    assert(r->running_count == 0);
    free_all(&r->waiting);
    free_all(&r->complete);
    mem_free(r);
}

void label_reads_stop(struct label_reads *r)
{
    struct label_read *read;

    r->is_stopped = true;
    TAILQ_FOREACH(read, &r->running, link)
    transport_cancel(r->options.transport, &read->exchange);
}

bool label_reads_are_stopped(const struct label_reads *r)
{
    return r->is_stopped && r->running_count == 0;
}

/* ---- How a read ends ---- */

static enum kind kind_of(const struct label_read *read)
{
    return read->want == POD_SECURITY_VIOLATORS ? kinds[read->kind] : KIND_NAMESPACE;
}

static const char *verb_of(const struct label_read *read)
{
    if (read->want == POD_SECURITY_OWNERS)
        return "get";
    return read->want == POD_SECURITY_GATE ? "patch" : "list";
}

static void explain(const struct label_read *read, struct err *err)
{
    const struct resource *asked = resource_of(kind_of(read));

    if (err->code == ERR_FORBIDDEN)
        err_wrap(err,
                 "a right is missing, or an admission policy refuses it: grant the verb \"%s\" on "
                 "%s%s%s to Rampart's ServiceAccount (deploy/ has the ClusterRole)",
                 verb_of(read), asked->plural, *asked->group ? "." : "", asked->group);
    err_wrap(err, "%s%s of namespace %s", verb_of(read),
             read->want == POD_SECURITY_GATE ? " (a dry run)" : "", read->ns);
}

/* @why NULL: it did not fail. */
static void complete(struct label_read *read, const struct err *why)
{
    struct label_reads *r = read->owner;

    read->err = (struct err){.code = ERR_NONE};
    if (why) {
        read->err = *why;
        explain(read, &read->err);
    }
    end_read(read);
    TAILQ_INSERT_TAIL(&r->complete, read, link);
}

static void finish(struct label_read *read, const struct err *why)
{
    struct label_reads *r = read->owner;

    TAILQ_REMOVE(&r->running, read, link);
    r->running_count--;
    complete(read, why);
}

/* ---- Whose the labels are, and what the server warns of ---- */

static int take_owners(struct label_read *read, const struct http_response *response,
                       struct err *err)
{
    if (pod_security_owners_decode(response->body, response->body_len, read->ns, &read->owners,
                                   err) < 0)
        return -1;
    if (strcmp(read->owners.uid, read->uid) != 0)
        return err_set(err, ERR_NOT_FOUND, "it is gone: another one has its name");
    if (strcmp(read->owners.rv, read->rv) != 0) /* the caches are behind: it is of no use to them */
        return err_set(err, ERR_CONFLICT, "it has changed");
    read->known.owners_rv = read->owners.rv;
    read->known.ours = read->owners.ours;
    return 0;
}

/* What it warns of without words is a warning all the same. */
static int take_warning(struct label_read *read, const struct http_response *response,
                        struct err *err)
{
    AUTO_STRBUF text;

    strbuf_init(&text, PSA_WARNING_LEN_MAX);
    if (response->warnings)
        warning_texts(response->warnings, &text);
    if (response->warnings && text.len == 0)
        strbuf_adds(&text, "(without words)");
    text_free(&read->warning);
    read->warning = strbuf_take(&text, NULL);
    if (!read->warning)
        return err_nomem(err);
    (void)snprintf(read->gate_rv, sizeof(read->gate_rv), "%s", read->rv);
    read->known.gate_rv = read->gate_rv;
    read->known.warning = read->warning;
    return 0;
}

static int take_answer(struct label_read *read, const struct http_response *response,
                       struct err *err)
{
    if (response->status < 200 || response->status > 299) {
        status_to_err(response->status, response->retry_after, response->body, response->body_len,
                      err);
        return -1;
    }
    return read->want == POD_SECURITY_OWNERS ? take_owners(read, response, err)
                                             : take_warning(read, response, err);
}

/* ---- Lists ---- */

static int take_object(struct label_read *read, const json_t *root, struct err *err)
{
    const struct label_reads_options *options = &read->owner->options;
    enum decode_result result;
    struct object *object;

    arena_reset(&read->object);
    if (object_decode(kind_of(read), root, &read->object, &result, &object, err) < 0)
        return -1;
    return options->ops->take(options->view, read->build, object, err);
}

static int take_token(struct label_read *read, const char *token, struct err *err)
{
    read->is_page_complete = true;
    if (*token == '\0')
        return 0;
    read->next_token = mem_strdup(token);
    return read->next_token ? 0 : err_nomem(err);
}

static int on_frame(void *ctx, const struct frame *frame, struct err *err)
{
    struct label_read *read = ctx;

    switch (frame->type) {
    case FRAME_ITEM:
        return take_object(read, frame->object, err);
    case FRAME_PAGE:
        return take_token(read, frame->continue_token, err);
    default: /* FRAME_UNREADABLE: the other types are a watch's */
        *err = *frame->why;
        return -1;
    }
}

static int on_data(struct exchange *x, const char *bytes, size_t len, uint64_t now_ms)
{
    struct label_read *read = x->ctx;

    (void)now_ms;
    if (read->owner->is_stopped || read->failed.code != ERR_NONE)
        return -1;
    return frames_feed(read->frames, bytes, len, &read->failed);
}

/* 0: the page is whole. */
static int judge(struct label_read *read, const struct http_response *response,
                 const struct err *err, struct err *ret_why)
{
    if (read->failed.code != ERR_NONE)
        *ret_why = read->failed;
    else if (read->is_page_complete) /* what comes after a whole page does not matter */
        return 0;
    else if (err)
        *ret_why = *err;
    else if (response->status < 200 || response->status > 299)
        status_to_err(response->status, response->retry_after, response->body, response->body_len,
                      ret_why);
    else
        return frames_end(read->frames, ret_why);
    return -1;
}

/* The next page, of this list or of the next one. False: that was the last. */
static bool turn_page(struct label_read *read)
{
    text_free(&read->token);
    read->token = read->next_token;
    read->next_token = NULL;
    return read->token || ++read->kind < KINDS_COUNT;
}

/* ---- Requests ---- */

static void on_done(struct exchange *x, const struct http_response *response, const struct err *err,
                    uint64_t now_ms);

static int start(struct label_read *read, const struct http_request *request, struct err *err)
{
    read->exchange = (struct exchange){.on_data = request->is_stream ? on_data : NULL,
                                       .on_done = on_done,
                                       .ctx = read};
    return transport_start(read->owner->options.transport, request, &read->exchange, err);
}

static int list(struct label_read *read, struct err *err)
{
    const struct path_query query = {.limit = LABEL_READ_PAGE_OBJECTS,
                                     .continue_token = read->token};
    struct http_request request = {
        .method = HTTP_GET,
        .is_stream = true,
        .accepts_gzip = true,
        .timeout_ms = LABEL_READ_MAX_MS,
        .idle_timeout_ms = LABEL_READ_IDLE_MAX_MS,
    };
    AUTO_STRBUF path;

    strbuf_init(&path, PATH_LEN_MAX);
    path_build(&path, kind_of(read), read->ns, NULL, NULL, &query);
    if (strbuf_check(&path, "path", err) < 0)
        return -1;
    read->failed = (struct err){.code = ERR_NONE};
    read->is_page_complete = false;
    arena_init(&read->object, LABEL_READ_OBJECT_BYTES_MAX);
    read->frames = frames_new(kind_of(read), true, on_frame, read, err);
    request.path = path.text;
    return read->frames ? start(read, &request, err) : -1;
}

static int ask_once(struct label_read *read, struct err *err)
{
    const struct object_ref object = {KIND_NAMESPACE, "", read->ns, read->uid};
    const struct write write = {.verb = WRITE_PATCH, .object = object, .body = read->body};
    struct applier_request request = {0};
    int result = read->want == POD_SECURITY_GATE ? applier_request_dry_run(&request, &write, err)
                                                 : applier_request_read(&request, &object, err);

    if (result < 0)
        return -1;
    result = start(read, &request.http, err);
    applier_request_done(&request);
    return result;
}

static int request(struct label_read *read, struct err *err)
{
    return read->want == POD_SECURITY_VIOLATORS ? list(read, err) : ask_once(read, err);
}

static void on_done(struct exchange *x, const struct http_response *response, const struct err *err,
                    uint64_t now_ms)
{
    struct label_read *read = x->ctx;
    bool is_list = read->want == POD_SECURITY_VIOLATORS;
    struct err why = {0};
    int result = -1;

    (void)now_ms;
    if (read->owner->is_stopped)
        err_set(&why, ERR_CANCELED, "stopped");
    else if (is_list)
        result = judge(read, response, err, &why);
    else if (err)
        why = *err;
    else
        result = take_answer(read, response, &why);
    end_request(read);
    if (result == 0 && is_list && turn_page(read)) {
        if (request(read, &why) == 0)
            return;
        result = -1;
    }
    if (result == 0 && is_list)
        read->known.violators = read->build;
    finish(read, result == 0 ? NULL : &why);
}

/* ---- What the owner does ---- */

static int prepare(struct label_read *read, const struct write *write, struct err *err)
{
    const struct label_reads_options *options = &read->owner->options;

    if (read->want == POD_SECURITY_GATE) {
        read->body = mem_strdup(write->body);
        return read->body ? 0 : err_nomem(err);
    }
    if (read->want != POD_SECURITY_VIOLATORS)
        return 0;
    arena_done(&read->arena);
    arena_init(&read->arena, PSA_VIOLATORS_BYTES_MAX);
    read->known.violators = NULL;
    read->kind = 0;
    return options->ops->begin(options->view, read->ns, &read->arena, &read->build, err);
}

int label_reads_ask(struct label_reads *r, struct label_read *read_take,
                    enum pod_security_want want, const struct object *ns, const struct write *write,
                    struct err *err)
{
    struct label_read *read = read_take;

    assert(want == POD_SECURITY_OWNERS || want == POD_SECURITY_VIOLATORS ||
           (want == POD_SECURITY_GATE && write));
    read->want = want;
    (void)snprintf(read->ns, sizeof(read->ns), "%s", ns->name);
    (void)snprintf(read->uid, sizeof(read->uid), "%s", ns->uid);
    (void)snprintf(read->rv, sizeof(read->rv), "%s", ns->rv);
    if (prepare(read, write, err) < 0) {
        label_read_free(read);
        return -1;
    }
    TAILQ_INSERT_TAIL(&r->waiting, read, link);
    return 0;
}

static bool has_room(const struct label_reads *r)
{
    return !r->is_stopped && r->running_count < LABEL_READS_IN_FLIGHT_MAX;
}

void label_reads_step(struct label_reads *r)
{
    struct label_read *read;

    while (has_room(r) && (read = TAILQ_FIRST(&r->waiting))) {
        struct err why = {0};

        TAILQ_REMOVE(&r->waiting, read, link);
        if (request(read, &why) < 0) {
            complete(read, &why);
            continue;
        }
        TAILQ_INSERT_TAIL(&r->running, read, link);
        r->running_count++;
    }
}

bool label_reads_can_go_on(const struct label_reads *r)
{
    return !TAILQ_EMPTY(&r->complete) || (has_room(r) && !TAILQ_EMPTY(&r->waiting));
}

struct label_read *label_reads_next(struct label_reads *r)
{
    struct label_read *read = TAILQ_FIRST(&r->complete);

    if (read)
        TAILQ_REMOVE(&r->complete, read, link);
    return read;
}
