#include <assert.h>
#include <string.h>

#include "manager_state.h"

void read_free(struct harden_read *read)
{
    if (!read)
        return;
    json_decref(read->live);
    arena_done(&read->arena);
    mem_free(read->uid);
    mem_free(read->template_digest);
    mem_free(read->revision_update);
    mem_free(read);
}

void read_clear(struct harden_reads *reads)
{
    struct harden_read *read;

    while ((read = TAILQ_FIRST(reads)) != NULL) {
        TAILQ_REMOVE(reads, read, link);
        read_free(read);
    }
}

/* ---- What it speaks of ---- */

static bool keep_text(char **text, const char *newer)
{
    char *copy = mem_strdup(newer ? newer : "");

    if (!copy)
        return false;
    mem_free(*text);
    *text = copy;
    return true;
}

static bool keep_subject(struct harden_read *read, const struct evidence_result *result)
{
    return keep_text(&read->uid, result->workload.uid) &&
           keep_text(&read->template_digest, result->template_digest) &&
           keep_text(&read->revision_update, result->revision_update);
}

static void forget_evidence(struct harden_read *read)
{
    read->evidence = NULL;
    arena_done(&read->arena);
}

static void forget_live(struct harden_read *read)
{
    json_decref(read->live);
    read->live = NULL;
}

static bool is_of(const struct harden_read *read, enum harden_want want,
                  const struct object *workload)
{
    const struct evidence_result result = {
        .key = read->key,
        .want = want,
        .workload = {workload->kind, workload->ns, workload->name, read->uid},
        .template_digest = read->template_digest,
        .revision_update = read->revision_update,
    };

    return evidence_is_of(&result, workload);
}

void read_check(struct harden_read *read, const struct object *workload)
{
    if (read->live && !is_of(read, HARDEN_LIVE, workload))
        forget_live(read);
    if (read->evidence && !is_of(read, HARDEN_EVIDENCE, workload))
        forget_evidence(read);
}

/* ---- Reading ---- */

static struct harden_read *read_new(const char *key, struct err *err)
{
    struct harden_read *read = mem_calloc(1, sizeof(*read));

    if (!read) {
        err_nomem(err);
        return NULL;
    }
    read->key = key;
    return read;
}

int read_begin(struct manager *m, const char *key, struct harden_read *read_take,
               enum harden_want want, const struct object *workload, struct err *err)
{
    struct harden_read *read = read_take ? read_take : read_new(key, err);

    if (!read)
        return -1;
    read->want = want;
    if (!evidence_has_room(m->harden.evidence)) {
        TAILQ_INSERT_TAIL(&m->harden.waiting, read, link);
        return 0;
    }
    if (evidence_start(m->harden.evidence, want, key, workload, err) < 0) {
        read_free(read);
        return -1;
    }
    TAILQ_INSERT_TAIL(&m->harden.running, read, link);
    return 0;
}

static struct harden_read *take_first(struct harden_reads *reads)
{
    struct harden_read *read = TAILQ_FIRST(reads);

    if (read)
        TAILQ_REMOVE(reads, read, link);
    return read;
}

bool read_has_next(const struct manager *m)
{
    return !TAILQ_EMPTY(&m->harden.complete) ||
           (!TAILQ_EMPTY(&m->harden.waiting) && evidence_has_room(m->harden.evidence));
}

struct harden_read *read_next(struct manager *m)
{
    struct harden_read *read = take_first(&m->harden.complete);

    return read || !read_has_next(m) ? read : take_first(&m->harden.waiting);
}

/* ---- What was read ---- */

static struct harden_read *take_running(struct manager *m, const char *key)
{
    struct harden_read *read = TAILQ_FIRST(&m->harden.running);

    while (strcmp(read->key, key) != 0)
        read = TAILQ_NEXT(read, link);
    TAILQ_REMOVE(&m->harden.running, read, link);
    return read;
}

static int keep_result(struct harden_read *read, struct evidence_result *result, struct err *err)
{
    if (result->err.code != ERR_NONE) {
        *err = result->err;
        return -1;
    }
    if (!keep_subject(read, result))
        return err_nomem(err);
    if (result->want == HARDEN_LIVE) {
        forget_live(read);
        read->live = json_incref(result->live);
        return 0;
    }
    forget_evidence(read);
    read->evidence = result->evidence;
    read->arena = *result->arena;
    *result->arena = (struct arena){0};
    return 0;
}

void read_on_done(void *ctx, struct evidence_result *result, uint64_t now_ms)
{
    struct manager *m = ctx;
    struct harden_read *read = take_running(m, result->key);
    const char *key = read->key;
    struct err err = {0};

    if (keep_result(read, result, &err) < 0) {
        read_free(read);
        harden_unread(m, key, &err, now_ms);
        return;
    }
    TAILQ_INSERT_TAIL(&m->harden.complete, read, link);
}
