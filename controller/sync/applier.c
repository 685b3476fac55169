#include "rampart/sync/applier.h"

#include <assert.h>
#include <string.h>
#include <sys/queue.h>

#include "rampart/sync/applier_answer.h"
#include "rampart/sync/applier_request.h"

struct job {
    TAILQ_ENTRY(job) link;   /* in one of the applier's lists */
    struct applier *applier; /* borrowed: the owner */
    struct exchange exchange;
    struct arena arena; /* owned; the plan's texts lie in it */
    struct plan plan;
    bool is_reading;            /* the exchange is the GET after a write that was refused */
    bool is_over;               /* @result is final; only on_done is left */
    uint64_t started_ms;        /* when the exchange was started */
    struct apply_result result; /* writes_done is the write that is under way */
    char key[];                 /* owned, NUL-terminated */
};

TAILQ_HEAD(jobs, job);

struct applier {
    struct applier_options options; /* what they point at is borrowed */
    struct jobs running;            /* owned; each has an exchange under way */
    struct jobs over;               /* owned; on_done comes with the next step */
    size_t jobs_count;              /* of both */
    bool is_draining;
    struct applier_stats stats;
};

static const char *const verb_done[] = {
    [WRITE_CREATE] = "created",          [WRITE_PATCH] = "patched",
    [WRITE_PATCH_STRATEGIC] = "patched", [WRITE_PATCH_STATUS] = "status patched",
    [WRITE_DELETE] = "deleted",
};

static const struct write *current(const struct job *job)
{
    assert(job->result.writes_done < job->plan.writes_count);
    return &job->plan.writes[job->result.writes_done];
}

static void job_free(struct job *job)
{
    arena_done(&job->arena);
    mem_free(job);
}

static void end(struct job *job, enum apply_outcome outcome)
{
    struct applier *a = job->applier;

    assert(!job->is_over);
    job->is_over = true;
    job->result.outcome = outcome;
    if (outcome != APPLY_FAILED && outcome != APPLY_STALE)
        return;
    job->result.failed = current(job);
    if (outcome == APPLY_STALE)
        a->stats.stale++;
    else if (job->result.err.code != ERR_TERMINATING)
        a->stats.failures++;
}

/* Ends the plan with the error in its result; says which write it was. */
static void end_with_error(struct job *job, enum apply_outcome outcome)
{
    const struct write *write = current(job);
    const char *ns = write->object.ns ? write->object.ns : "";

    assert(job->result.err.code != ERR_NONE);
    err_wrap(&job->result.err, "%s%s%s%s", write->summary ? write->summary : "write",
             *ns == '\0' ? "" : " (namespace ", ns, *ns == '\0' ? "" : ")");
    end(job, outcome);
}

static void log_write_done(const struct job *job, const struct http_response *response,
                           uint64_t now_ms)
{
    const struct write *write = current(job);

    log_event(job->applier->options.log, LOG_INFO, verb_done[write->verb],
              LOG_STR("kind", resource_of(write->object.kind)->name),
              LOG_STR("namespace", write->object.ns), LOG_STR("name", write->object.name),
              LOG_STR("summary", write->summary), LOG_STR("key", job->key),
              LOG_INT("status", response->status),
              LOG_INT("duration_ms", now_ms - job->started_ms));
}

static void log_unkept(const struct job *job, const struct err *err)
{
    const struct write *write = current(job);

    if (err->code == ERR_NONE)
        return;
    log_event(job->applier->options.log, LOG_WARN,
              "an answer was not kept; the watch will bring it",
              LOG_STR("kind", resource_of(write->object.kind)->name),
              LOG_STR("namespace", write->object.ns), LOG_STR("name", write->object.name),
              LOG_STR("error", err->msg));
}

static void exchange_done(struct exchange *x, const struct http_response *response,
                          const struct err *err, uint64_t now_ms);

static void send(struct job *job, const struct applier_request *request, uint64_t now_ms)
{
    job->exchange = (struct exchange){.on_done = exchange_done, .ctx = job};
    job->started_ms = now_ms;
    if (transport_start(job->applier->options.transport, &request->http, &job->exchange,
                        &job->result.err) < 0)
        end_with_error(job, APPLY_FAILED);
}

static bool may_delete(const struct job *job, const struct write *write, uint64_t now_ms)
{
    const struct applier_options *options = &job->applier->options;

    return write->verb != WRITE_DELETE || !options->may_delete ||
           options->may_delete(options->ctx, &job->plan, write, now_ms);
}

static void count_write(struct applier *a, enum write_verb verb)
{
    switch (verb) {
    case WRITE_CREATE:
        a->stats.creates++;
        break;
    case WRITE_PATCH:
    case WRITE_PATCH_STRATEGIC:
        a->stats.patches++;
        break;
    case WRITE_PATCH_STATUS:
        a->stats.status_patches++;
        break;
    case WRITE_DELETE:
        a->stats.deletes++;
        break;
    }
}

/* Sends the write that is next, or ends the plan. */
static void go_on(struct job *job, uint64_t now_ms)
{
    struct applier_request request = {0};
    const struct write *write;

    if (job->result.writes_done == job->plan.writes_count) {
        end(job, APPLY_DONE);
        return;
    }
    if (job->applier->is_draining) {
        end(job, APPLY_CANCELED);
        return;
    }
    write = current(job);
    if (!may_delete(job, write, now_ms)) {
        err_set(&job->result.err, ERR_LIMIT,
                "not sent: more deletions than a change of a profile explains");
        end_with_error(job, APPLY_FAILED);
        return;
    }
    if (applier_request_write(&request, write, &job->result.err) < 0) {
        end_with_error(job, APPLY_FAILED);
        return;
    }
    count_write(job->applier, write->verb);
    send(job, &request, now_ms);
    applier_request_done(&request);
}

/* The server knows better: @err of the result says how. Reads the object, so that the next plan
 * does too. */
static void read_again(struct job *job, uint64_t now_ms)
{
    struct applier_request request = {0};
    struct err err = {0};

    if (job->applier->is_draining) {
        end(job, APPLY_CANCELED);
        return;
    }
    /* Rampart may list and watch profiles, and holds no right to get one: the watch brings it. Of a
     * Pod nothing is kept that could be put right. */
    if (current(job)->object.kind == KIND_PROFILE ||
        current(job)->object.kind >= KIND_WATCHED_COUNT) {
        end_with_error(job, APPLY_STALE);
        return;
    }
    if (applier_request_read(&request, &current(job)->object, &err) < 0) {
        job->result.err = err;
        end_with_error(job, APPLY_FAILED);
        return;
    }
    job->is_reading = true;
    job->applier->stats.reads++;
    send(job, &request, now_ms);
    applier_request_done(&request);
}

static void write_answered(struct job *job, const struct http_response *response, uint64_t now_ms)
{
    const struct write *write = current(job);
    struct err unkept = {0};

    switch (applier_answer_judge(write, response, &job->result.err)) {
    case ANSWER_DONE:
        if (applier_answer_written(job->applier->options.cluster, write, response, &unkept,
                                   &job->result.err) < 0) {
            end_with_error(job, APPLY_FAILED);
            return;
        }
        log_write_done(job, response, now_ms);
        log_unkept(job, &unkept);
        job->result.writes_done++;
        go_on(job, now_ms);
        return;
    case ANSWER_READ_AGAIN:
        read_again(job, now_ms);
        return;
    case ANSWER_FAILED:
        end_with_error(job, APPLY_FAILED);
        return;
    }
}

/* Whatever the GET brought is in the store now; the plan ends for the reason that led to it. */
static void read_answered(struct job *job, const struct http_response *response)
{
    struct err unkept = {0};
    struct err err = {0};

    if (applier_answer_read(job->applier->options.cluster, &current(job)->object, response, &unkept,
                            &err) < 0) {
        job->result.err = err;
        err_wrap(&job->result.err, "read it again");
        end_with_error(job, APPLY_FAILED);
        return;
    }
    log_unkept(job, &unkept);
    end_with_error(job, APPLY_STALE);
}

static void unanswered(struct job *job, const struct err *err)
{
    if (err->code == ERR_CANCELED && job->applier->is_draining) {
        end(job, APPLY_CANCELED);
        return;
    }
    job->result.err = *err;
    end_with_error(job, APPLY_FAILED);
}

static void deliver(struct job *job, struct jobs *from, uint64_t now_ms)
{
    struct applier *a = job->applier;

    if (job->result.outcome == APPLY_DONE || job->result.outcome == APPLY_CANCELED)
        job->result.err = (struct err){0};
    TAILQ_REMOVE(from, job, link);
    a->jobs_count--;
    a->options.on_done(a->options.ctx, job->key, &job->plan, &job->result, now_ms);
    job_free(job);
}

static void exchange_done(struct exchange *x, const struct http_response *response,
                          const struct err *err, uint64_t now_ms)
{
    struct job *job = x->ctx;

    if (err)
        unanswered(job, err);
    else if (job->is_reading)
        read_answered(job, response);
    else
        write_answered(job, response, now_ms);
    if (job->is_over)
        deliver(job, &job->applier->running, now_ms);
}

struct applier *applier_new(const struct applier_options *options, struct err *err)
{
    struct applier *a = mem_calloc(1, sizeof(*a));

    assert(options->transport && options->cluster && options->on_done);
    assert(options->in_flight_max >= 1 && options->in_flight_max <= APPLIER_IN_FLIGHT_MAX);
    if (!a) {
        err_nomem(err);
        return NULL;
    }
    a->options = *options;
    TAILQ_INIT(&a->running);
    TAILQ_INIT(&a->over);
    return a;
}

void applier_free(struct applier *a)
{
    if (!a)
        return;
    assert(a->jobs_count == 0);
    mem_free(a);
}

bool applier_has_room(const struct applier *a)
{
    return a->jobs_count < a->options.in_flight_max && !a->is_draining;
}

size_t applier_in_flight(const struct applier *a)
{
    return a->jobs_count;
}

int applier_start(struct applier *a, const char *key, struct arena *arena, const struct plan *plan,
                  uint64_t now_ms, struct err *err)
{
    size_t key_len = strlen(key);
    struct job *job;

    assert(!plan->is_broken);
    if (a->is_draining)
        return err_set(err, ERR_CANCELED, "stopping");
    if (!applier_has_room(a))
        return err_set(err, ERR_LIMIT, "%u plans are being carried out already",
                       a->options.in_flight_max);
    job = mem_calloc(1, sizeof(*job) + key_len + 1);
    if (!job)
        return err_nomem(err);
    memcpy(job->key, key, key_len + 1);
    job->applier = a;
    job->plan = *plan;
    job->arena = *arena;
    *arena = (struct arena){0};
    job->plan.arena = &job->arena;
    a->jobs_count++;
    go_on(job, now_ms);
    if (job->is_over)
        TAILQ_INSERT_TAIL(&a->over, job, link);
    else
        TAILQ_INSERT_TAIL(&a->running, job, link);
    return 0;
}

void applier_drain(struct applier *a)
{
    a->is_draining = true;
}

void applier_step(struct applier *a, uint64_t now_ms)
{
    struct job *last = TAILQ_LAST(&a->over, jobs);
    bool was_last = !last;

    /* What on_done starts and what ends at once waits for the next turn. */
    while (!was_last) {
        struct job *job = TAILQ_FIRST(&a->over);

        was_last = job == last;
        deliver(job, &a->over, now_ms);
    }
}

void applier_get_stats(const struct applier *a, struct applier_stats *ret_stats)
{
    *ret_stats = a->stats;
}
