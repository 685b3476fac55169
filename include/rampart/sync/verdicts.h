/*
 * What the last pass said of each namespace (and, in a second instance, of each profile): a compact
 * copy, one block each.
 *
 * Of the findings the first VERDICT_FINDINGS_MAX are kept, of all the others their hashes, so that
 * a pass that says the same again is known to. What the runtime itself found out, that a write
 * failed, comes first among the findings, makes the state VERDICT_FAILED and stays for as long as
 * the caller passes it on. So does a contest (verdict.contest), which is kept beside the findings;
 * what is contested does not count as compliant.
 */
#ifndef RAMPART_SYNC_VERDICTS_H
#define RAMPART_SYNC_VERDICTS_H

#include "rampart/base/map.h"
#include "rampart/kube/plan.h"
#include "rampart/sync/pace.h"

#define VERDICT_FINDINGS_MAX 8
#define VERDICT_TEXT_MAX \
    1024 /* bytes of one text of a finding; a longer one is cut and ends in "..." */
#define VERDICT_BYTES_MAX (80u * 1024) /* of one record; its bounded texts do not reach it */

struct verdicts {
    struct map records;   /* by name; the values are owned */
    struct arena scratch; /* to measure in */
    uint64_t seed;        /* of the hashes: findings quote what tenants wrote */
};

/* What a pass says. @verdict has at most PLAN_FINDINGS_MAX findings. @failure NULL: nothing keeps
 * its writes from being done. */
struct statement {
    struct verdict verdict;
    const struct finding *failure;
};

/* Of reason, object and message. @seed is secret: findings quote what tenants wrote. */
uint64_t finding_hash(uint64_t seed, const struct finding *finding);

void verdicts_init(struct verdicts *v, size_t count_max, uint64_t seed);
void verdicts_done(struct verdicts *v);

/* NULL: nothing was said, or nothing worth keeping. Borrowed until the next change of that name. */
const struct verdict *verdicts_get(const struct verdicts *v, const char *name);
const struct finding *verdicts_failure(const struct verdicts *v, const char *name);
/* Whether it was said already: same reason, object and message. */
bool verdicts_said(const struct verdicts *v, const char *name, const struct finding *finding);
/* Whether @said differs from what is kept in anything that a status tells: not in verdict.in_place.
 */
bool verdicts_differ(const struct verdicts *v, const char *name, const struct statement *said);

/*
 * Keeps a copy; @said may lie in what is kept now. VERDICT_NONE without findings and failure is not
 * kept. Errors: ERR_NOMEM, ERR_LIMIT (full); then all is as before.
 */
MUST_CHECK int verdicts_put(struct verdicts *v, const char *name, const struct statement *said,
                            struct err *err);
void verdicts_set_in_place(struct verdicts *v, const char *name, uint32_t in_place);
/* Nothing more is known (no memory to say why): at least it does not count as compliant. */
void verdicts_doubt(struct verdicts *v, const char *name);
void verdicts_forget(struct verdicts *v, const char *name);

/* How often it was written to lately; kept with the record. NULL without one. */
struct pace *verdicts_pace(struct verdicts *v, const char *name);
size_t verdicts_count(const struct verdicts *v);
void verdicts_each(const struct verdicts *v, void (*fn)(void *ctx, const char *name), void *ctx);

#endif
