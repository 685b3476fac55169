#include "rampart/sync/verdicts.h"

#include <assert.h>
#include <string.h>

#define FNV_PRIME 1099511628211u

struct record {
    struct verdict verdict; /* its texts lie in this block, as do the next two */
    const uint64_t
        *hashes; /* of all findings that were said, in their order; the failure is not among them */
    uint32_t hashes_count;
    bool has_failure; /* it is the first of the findings */
    uint64_t failure_hash;
    uint64_t contest_hash; /* of verdict.contest */
    struct pace pace;
};

void verdicts_init(struct verdicts *v, size_t count_max, uint64_t seed)
{
    map_init(&v->records, count_max);
    arena_init(&v->scratch, VERDICT_BYTES_MAX);
    v->seed = seed;
}

void verdicts_done(struct verdicts *v)
{
    for (struct map_entry *e = map_first(&v->records); e; e = map_next(e))
        mem_free(map_entry_value(e));
    map_done(&v->records);
    arena_done(&v->scratch);
}

static struct record *record_of(const struct verdicts *v, const char *name)
{
    return map_get(&v->records, name);
}

/* FNV-1a, with the NUL, so that two texts are not one. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    const unsigned char *byte = (const unsigned char *)(text ? text : "");

    do
        hash = (hash ^ *byte) * FNV_PRIME;
    while (*byte++ != '\0');
    return hash;
}

uint64_t finding_hash(uint64_t seed, const struct finding *finding)
{
    uint64_t hash = (seed ^ (unsigned)finding->reason) * FNV_PRIME;

    hash = (hash ^ (unsigned)finding->object.kind) * FNV_PRIME;
    hash = hash_text(hash, finding->object.ns);
    hash = hash_text(hash, finding->object.name);
    return hash_text(hash, finding->message);
}

static uint64_t hash_finding(const struct verdicts *v, const struct finding *finding)
{
    return finding_hash(v->seed, finding);
}

const struct verdict *verdicts_get(const struct verdicts *v, const char *name)
{
    const struct record *record = record_of(v, name);

    return record ? &record->verdict : NULL;
}

const struct finding *verdicts_failure(const struct verdicts *v, const char *name)
{
    const struct record *record = record_of(v, name);

    return record && record->has_failure ? &record->verdict.findings[0] : NULL;
}

bool verdicts_said(const struct verdicts *v, const char *name, const struct finding *finding)
{
    const struct record *record = record_of(v, name);
    uint64_t hash;

    if (!record)
        return false;
    hash = hash_finding(v, finding);
    if (record->has_failure && record->failure_hash == hash)
        return true;
    for (size_t i = 0; i < record->hashes_count; i++) {
        if (record->hashes[i] == hash)
            return true;
    }
    return false;
}

static bool is_worth_keeping(const struct statement *said)
{
    return said->failure || said->verdict.state != VERDICT_NONE || said->verdict.findings_count > 0;
}

/* Whether another contest is said than the one that is kept, or one of the two is none. */
static bool is_other_contest(const struct verdicts *v, const struct record *record,
                             const struct finding *contest)
{
    if (!record->verdict.contest || !contest)
        return record->verdict.contest != contest;
    return record->contest_hash != hash_finding(v, contest);
}

/* The state that is kept: what the runtime found out counts. */
static enum verdict_state state_of(const struct statement *said)
{
    if (said->failure)
        return VERDICT_FAILED;
    if (said->verdict.contest && said->verdict.state == VERDICT_COMPLIANT)
        return VERDICT_DRIFTED;
    return said->verdict.state;
}

static bool same_text(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

/* The findings beyond those that are kept. */
static size_t cut_count(const struct statement *said)
{
    size_t room = VERDICT_FINDINGS_MAX - (said->failure ? 1 : 0);
    size_t count = said->verdict.findings_count;

    return said->verdict.findings_cut + (count > room ? count - room : 0);
}

bool verdicts_differ(const struct verdicts *v, const char *name, const struct statement *said)
{
    const struct record *record = record_of(v, name);

    if (!record || !is_worth_keeping(said))
        return record || is_worth_keeping(said);
    if (!same_text(record->verdict.profile, said->verdict.profile) ||
        record->verdict.mode != said->verdict.mode || record->verdict.state != state_of(said) ||
        record->has_failure != (said->failure != NULL) ||
        is_other_contest(v, record, said->verdict.contest) ||
        record->hashes_count != said->verdict.findings_count ||
        record->verdict.findings_cut != cut_count(said))
        return true;
    if (said->failure && record->failure_hash != hash_finding(v, said->failure))
        return true;
    for (size_t i = 0; i < record->hashes_count; i++) {
        if (record->hashes[i] != hash_finding(v, &said->verdict.findings[i]))
            return true;
    }
    return false;
}

/* Cuts between characters. */
static size_t cut_len(const char *text)
{
    size_t len = strnlen(text, VERDICT_TEXT_MAX + 1);

    if (len <= VERDICT_TEXT_MAX)
        return len;
    len = VERDICT_TEXT_MAX - 3;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

static bool own(struct arena *a, const char **text)
{
    size_t len;

    if (!*text)
        return true;
    len = cut_len(*text);
    if ((*text)[len] == '\0')
        *text = arena_strndup(a, *text, len);
    else
        *text = arena_printf(a, "%.*s...", (int)len, *text);
    return *text;
}

static bool own_finding(struct arena *a, struct finding *finding)
{
    return own(a, &finding->object.ns) && own(a, &finding->object.name) &&
           own(a, &finding->object.uid) && own(a, &finding->rule) && own(a, &finding->message) &&
           own(a, &finding->manager) && own(a, &finding->profile);
}

static bool own_findings(struct arena *a, struct record *record, const struct statement *said)
{
    size_t count = said->verdict.findings_count + (said->failure ? 1 : 0);
    struct finding *findings;

    if (count > VERDICT_FINDINGS_MAX)
        count = VERDICT_FINDINGS_MAX;
    findings = arena_calloc(a, count, sizeof(*findings));
    if (!findings)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (said->failure)
            findings[i] = i == 0 ? *said->failure : said->verdict.findings[i - 1];
        else
            findings[i] = said->verdict.findings[i];
        if (!own_finding(a, &findings[i]))
            return false;
    }
    record->verdict.findings = findings;
    record->verdict.findings_count = (uint32_t)count;
    record->verdict.findings_cut = (uint32_t)cut_count(said);
    return true;
}

static bool own_contest(struct arena *a, struct record *record, const struct finding *contest)
{
    struct finding *copy;

    if (!contest)
        return true;
    copy = arena_alloc(a, sizeof(*copy));
    if (!copy)
        return false;
    *copy = *contest;
    record->verdict.contest = copy;
    return own_finding(a, copy);
}

/* All in @a and always the same bytes, so that it can be measured first. NULL: no room. */
static struct record *compose(const struct verdicts *v, struct arena *a,
                              const struct statement *said, const struct record *before)
{
    struct record *record = arena_alloc(a, sizeof(*record));
    size_t count = said->verdict.findings_count;
    uint64_t *hashes = arena_calloc(a, count, sizeof(*hashes));

    if (!record || !hashes)
        return NULL;
    record->verdict = said->verdict;
    record->verdict.state = state_of(said);
    if (!own(a, &record->verdict.profile) || !own_findings(a, record, said) ||
        !own_contest(a, record, said->verdict.contest))
        return NULL;
    for (size_t i = 0; i < count; i++)
        hashes[i] = hash_finding(v, &said->verdict.findings[i]);
    record->hashes = hashes;
    record->hashes_count = (uint32_t)count;
    if (said->failure) {
        record->has_failure = true;
        record->failure_hash = hash_finding(v, said->failure);
    }
    if (said->verdict.contest)
        record->contest_hash = hash_finding(v, said->verdict.contest);
    if (before)
        record->pace = before->pace;
    return record;
}

static struct record *record_new(struct verdicts *v, const struct statement *said,
                                 const struct record *before, struct err *err)
{
    struct record *record = NULL;
    struct arena exact;
    void *block;

    arena_reset(&v->scratch);
    if (!compose(v, &v->scratch, said, before)) {
        err_nomem(err);
        return NULL;
    }
    block = mem_alloc(v->scratch.used);
    if (!block) {
        err_nomem(err);
        return NULL;
    }
    arena_init_fixed(&exact, block, v->scratch.used);
    record = compose(v, &exact, said, before);
    assert((void *)record == block);
    return record;
}

int verdicts_put(struct verdicts *v, const char *name, const struct statement *said,
                 struct err *err)
{
    struct record *before = record_of(v, name);
    struct record *record;

    if (!is_worth_keeping(said)) {
        verdicts_forget(v, name);
        return 0;
    }
    record = record_new(v, said, before, err);
    if (!record)
        return -1;
    if (map_put(&v->records, name, record, NULL, err) < 0) {
        mem_free(record);
        return -1;
    }
    mem_free(before);
    return 0;
}

void verdicts_set_in_place(struct verdicts *v, const char *name, uint32_t in_place)
{
    struct record *record = record_of(v, name);

    if (record)
        record->verdict.in_place = in_place;
}

void verdicts_doubt(struct verdicts *v, const char *name)
{
    struct record *record = record_of(v, name);

    if (record)
        record->verdict.state = VERDICT_FAILED;
}

void verdicts_forget(struct verdicts *v, const char *name)
{
    mem_free(map_remove(&v->records, name));
}

struct pace *verdicts_pace(struct verdicts *v, const char *name)
{
    struct record *record = record_of(v, name);

    return record ? &record->pace : NULL;
}

size_t verdicts_count(const struct verdicts *v)
{
    return map_count(&v->records);
}

void verdicts_each(const struct verdicts *v, void (*fn)(void *ctx, const char *name), void *ctx)
{
    for (struct map_entry *e = map_first(&v->records); e; e = map_next(e))
        fn(ctx, map_entry_key(e));
}
