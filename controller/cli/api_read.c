#include "rampart/cli/api_read.h"

#include <stdio.h>
#include <string.h>

#include "rampart/cli/cli.h"
#include "rampart/edge/http.h"
#include "rampart/edge/loop.h"
#include "rampart/json/get.h"
#include "rampart/kube/path.h"
#include "rampart/kube/status.h"

#define RETRY_MS 500 /* where the server does not say when to come back */

struct run;

struct job {
    const struct api_reading *reading; /* borrowed */
    struct run *run;
    struct exchange exchange;
    struct slice *slice; /* owned; of the page that is under way */
    char *token;         /* owned; of the page; NULL: the first one */
    char *next_token;    /* owned; of the one after it; NULL: there is none, or not yet */
    bool is_running;     /* until on_done */
    bool is_done;        /* all pages are there */
    bool is_page_begun;  /* something of it was handed out: it cannot be asked for again */
    uint64_t due_ms;     /* not to be started before */
    struct err failed;   /* why the page is no good, found while it came */
};

struct run {
    struct loop loop;
    struct http *http;
    struct job *jobs;
    size_t count;
    uint64_t started_ms;
    bool is_over;
    struct err err; /* why it is over; ERR_NONE: all is there */
};

/* ---- How it ends ---- */

static void on_http_stopped(void *ctx)
{
    struct run *r = ctx;

    loop_stop(&r->loop);
}

static void end(struct run *r)
{
    r->is_over = true;
    http_stop(r->http, on_http_stopped, r);
}

static void fail(struct job *job, const struct err *why)
{
    struct err *err = &job->run->err;

    if (err->code != ERR_NONE)
        return;
    *err = *why;
    if (why->code == ERR_EXPIRED)
        err_set(err, ERR_EXPIRED, "it changed too much while it was read; try again");
    err_wrap(err, "%s", job->reading->what);
}

/* ---- What the server tells ---- */

static int take_envelope(struct job *job, const json_t *envelope, struct err *err)
{
    const char *kind = json_string_value(json_member(envelope, "kind"));
    const char *token =
        json_string_value(json_member(json_member(envelope, "metadata"), "continue"));
    size_t len = kind ? strlen(kind) : 0;

    if (len < 4 || strcmp(kind + len - 4, "List") != 0)
        return err_set(err, ERR_INVALID, "the server's answer is no list");
    if (!token || *token == '\0')
        return 0;
    job->next_token = mem_strdup(token);
    return job->next_token ? 0 : err_nomem(err);
}

/* One item that cannot be read is told, where that is wanted, and the list goes on. */
static int take_unreadable(const struct job *job, const struct err *why, struct err *err)
{
    if (why->code != ERR_NOMEM && job->reading->on_unreadable)
        return job->reading->on_unreadable(job->reading->ctx, why->msg, err);
    return err_set(err, why->code, "%s", why->msg);
}

static int take_item(struct job *job, const char *text, size_t len, struct err *err)
{
    struct err why = {0};
    json_auto_t *value = json_decode(text, len, &why);

    job->is_page_begun = true;
    return value ? job->reading->on_value(job->reading->ctx, value, err)
                 : take_unreadable(job, &why, err);
}

static int on_slice(void *ctx, enum slice_kind kind, const char *text, size_t len, struct err *err)
{
    struct job *job = ctx;
    json_auto_t *envelope = NULL;
    struct err why = {0};

    if (kind == SLICE_VALUE)
        return take_item(job, text, len, err);
    if (kind == SLICE_CUT) {
        (void)err_set(&why, ERR_LIMIT, "an object is larger than %u bytes", API_READ_OBJECT_MAX);
        return take_unreadable(job, &why, err);
    }
    envelope = json_decode(text, len, err);
    return envelope ? take_envelope(job, envelope, err) : -1;
}

static int on_data(struct exchange *x, const char *bytes, size_t len, uint64_t now_ms)
{
    struct job *job = x->ctx;

    (void)now_ms;
    if (job->run->is_over || job->failed.code != ERR_NONE)
        return -1;
    return slice_feed(job->slice, bytes, len, &job->failed);
}

static int take_document(struct job *job, const struct http_response *response, struct err *err)
{
    json_auto_t *value = json_decode(response->body, response->body_len, err);

    if (!value)
        return -1;
    return job->reading->on_value(job->reading->ctx, value, err);
}

/* -1: the page is no good, and @why says why. */
static int judge(struct job *job, const struct http_response *response, const struct err *err,
                 struct err *why)
{
    if (job->failed.code != ERR_NONE) {
        *why = job->failed;
        return -1;
    }
    if (err) {
        *why = *err;
        return -1;
    }
    if (response->status < 200 || response->status > 299)
        return status_to_err(response->status, response->retry_after, response->body,
                             response->body_len, why);
    return job->reading->is_document ? take_document(job, response, why)
                                     : slice_end(job->slice, why);
}

/* Where this failure is to be written, so that the others go on; NULL: it ends all. */
static struct err *outlet_of(const struct job *job, const struct err *why)
{
    if (job->reading->ret_failed && why->http_status != 0)
        return job->reading->ret_failed;
    return job->reading->ret_refused && (why->code == ERR_FORBIDDEN || why->code == ERR_NOT_FOUND)
               ? job->reading->ret_refused
               : NULL;
}

static void on_done(struct exchange *x, const struct http_response *response, const struct err *err,
                    uint64_t now_ms)
{
    struct job *job = x->ctx;
    struct err why = {0};
    int result = judge(job, response, err, &why);

    job->is_running = false;
    slice_free(job->slice);
    job->slice = NULL;
    if (job->run->is_over)
        return;
    if (result == 0) {
        mem_free(job->token);
        job->token = job->next_token;
        job->next_token = NULL;
        job->is_done = !job->token;
    } else if (outlet_of(job, &why)) {
        *outlet_of(job, &why) = why;
        job->is_done = true;
    } else if (err_is_transient(&why) && why.code != ERR_NOMEM && !job->is_page_begun &&
               now_ms - job->run->started_ms < API_READ_UNREACHED_MS) {
        job->due_ms = now_ms + (why.retry_after_ms > 0 ? why.retry_after_ms : RETRY_MS);
    } else {
        fail(job, &why);
    }
}

/* ---- Requests ---- */

static int start(struct job *job, struct err *err)
{
    const struct api_reading *reading = job->reading;
    struct http_request request = {.method = HTTP_GET,
                                   .accept = reading->accept,
                                   .is_stream = !reading->is_document,
                                   .accepts_gzip = true,
                                   .timeout_ms = API_READ_PAGE_MAX_MS};
    AUTO_STRBUF path;

    strbuf_init(&path, PATH_LEN_MAX);
    strbuf_adds(&path, reading->path);
    if (!reading->is_document)
        strbuf_addf(&path, "?limit=%d", API_READ_PAGE_OBJECTS);
    if (reading->query)
        strbuf_addf(&path, "&%s", reading->query);
    if (job->token) {
        strbuf_adds(&path, "&continue=");
        path_escape(&path, job->token);
    }
    if (strbuf_check(&path, "path", err) < 0)
        return -1;
    request.path = path.text;
    mem_free(job->next_token); /* of a try before */
    job->next_token = NULL;
    job->failed = (struct err){.code = ERR_NONE};
    job->is_page_begun = false;
    job->slice = reading->is_document ? NULL
                                      : slice_new(SLICE_LIST, reading->keep, API_READ_OBJECT_MAX,
                                                  on_slice, job, err);
    if (!reading->is_document && !job->slice)
        return -1;
    job->exchange = (struct exchange){.on_data = reading->is_document ? NULL : on_data,
                                      .on_done = on_done,
                                      .ctx = job};
    if (transport_start(http_transport(job->run->http), &request, &job->exchange, err) < 0)
        return -1;
    job->is_running = true;
    return 0;
}

/* Starts what is due, as many as may run at once. Returns when more will be due. */
static uint64_t start_due(struct run *r, uint64_t now_ms)
{
    uint64_t next_ms = r->started_ms + API_READ_MAX_MS;
    size_t running = 0;

    for (size_t i = 0; i < r->count; i++)
        running += r->jobs[i].is_running;
    for (size_t i = 0; i < r->count && running < API_READ_AT_ONCE; i++) {
        struct job *job = &r->jobs[i];
        struct err why = {0};

        if (job->is_running || job->is_done)
            continue;
        if (now_ms < job->due_ms) {
            next_ms = job->due_ms < next_ms ? job->due_ms : next_ms;
            continue;
        }
        if (start(job, &why) < 0)
            fail(job, &why);
        running++;
    }
    return next_ms;
}

static bool is_complete(const struct run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!r->jobs[i].is_done)
            return false;
    }
    return true;
}

static uint64_t on_turn(void *ctx, uint64_t now_ms)
{
    struct run *r = ctx;
    uint64_t next_ms;

    if (r->is_over)
        return UINT64_MAX;
    next_ms = start_due(r, now_ms);
    if (r->err.code == ERR_NONE && now_ms - r->started_ms >= API_READ_MAX_MS)
        err_set(&r->err, ERR_TIMEOUT, "the cluster could not be read in %d s",
                API_READ_MAX_MS / 1000);
    if (r->err.code != ERR_NONE || is_complete(r))
        end(r);
    return next_ms;
}

static int run_loop(struct run *r, const struct client_config *config, struct log *log,
                    struct err *err)
{
    char user_agent[128];
    struct http_options options = {.loop = &r->loop, .config = config, .log = log};

    (void)snprintf(user_agent, sizeof(user_agent), "rampart/%.64s", rampart_version);
    options.user_agent = user_agent;
    r->http = http_new(&options, err);
    if (!r->http) {
        loop_stop(&r->loop);
        loop_run(&r->loop);
        return -1;
    }
    loop_run(&r->loop);
    http_free(r->http);
    if (r->err.code == ERR_NONE)
        return 0;
    if (err)
        *err = r->err;
    return -1;
}

int api_read(const struct client_config *config, struct log *log,
             const struct api_reading *readings, size_t count, struct err *err)
{
    struct run r = {.count = count, .started_ms = clock_monotonic_ms()};
    int result;

    r.jobs = mem_calloc(count, sizeof(*r.jobs));
    if (!r.jobs)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        r.jobs[i].reading = &readings[i];
        r.jobs[i].run = &r;
    }
    result = loop_init(&r.loop, on_turn, NULL, &r, err);
    if (result == 0) {
        result = run_loop(&r, config, log, err);
        (void)loop_done(&r.loop);
    }
    for (size_t i = 0; i < count; i++) {
        slice_free(r.jobs[i].slice);
        mem_free(r.jobs[i].token);
        mem_free(r.jobs[i].next_token);
    }
    mem_free(r.jobs);
    return result;
}
