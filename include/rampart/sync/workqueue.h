/*
 * Work queue with client-go's semantics (util/workqueue): a key is in the queue at most once; a key
 * added while it is being processed is marked dirty and runs again after workqueue_done(), never
 * twice at once; failed keys come back after max(per-key back-off 5 ms x 2^n <= 1000 s, overall
 * bucket of 10/s with burst 100, for retries only). Keys come out in the order in which they went
 * in. Of two due times of one waiting key the earlier holds; a due time stands until it has come,
 * also when the key is added, taken or forgotten before: at worst one pass too many, never one too
 * few.
 */
#ifndef RAMPART_SYNC_WORKQUEUE_H
#define RAMPART_SYNC_WORKQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

#define WORKQUEUE_KEYS_MAX \
    200000 /* keys known at once: queued, waiting, processing or with a failure count */
#define WORKQUEUE_KEY_LEN_MAX 1024
#define WORKQUEUE_BUCKET_PER_S 10
#define WORKQUEUE_BUCKET_BURST 100

struct workqueue;

MUST_CHECK struct workqueue *workqueue_new(size_t keys_max, struct err *err);
void workqueue_free(struct workqueue *q);

/* Ready now. Errors: ERR_NOMEM, ERR_LIMIT (also a key over WORKQUEUE_KEY_LEN_MAX): the key was not
 * added (and was not known before). */
MUST_CHECK int workqueue_add(struct workqueue *q, const char *key, struct err *err);
/* Ready at @due_ms; an earlier due time of the same key stands. Errors as above. */
MUST_CHECK int workqueue_add_at(struct workqueue *q, const char *key, uint64_t due_ms,
                                struct err *err);
/* After its back-off; counts one more failure. @at_least_ms: what the server asked for. Errors as
 * above, then neither the failure nor a token of the bucket is taken. */
MUST_CHECK int workqueue_add_failed(struct workqueue *q, const char *key, uint64_t now_ms,
                                    uint32_t at_least_ms, struct err *err);
void workqueue_forget(struct workqueue *q,
                      const char *key); /* it succeeded: back-off starts anew */
/* What made keys fail is over: those that wait after a failure are ready now, but for those that
 * the server told to wait until later, and the bucket is full. Their failures still count. */
void workqueue_wake(struct workqueue *q, uint64_t now_ms);
uint32_t workqueue_failures(const struct workqueue *q, const char *key);

/* Next key to work on, now processing; borrowed until its workqueue_done(). NULL: none is ready. */
const char *workqueue_take(struct workqueue *q, uint64_t now_ms);
void workqueue_done(struct workqueue *q, const char *key); /* not processing: nothing */

/* When the next waiting key is due; 0 when one is ready now, UINT64_MAX when there is nothing to
 * wait for. */
uint64_t workqueue_deadline(const struct workqueue *q, uint64_t now_ms);
size_t workqueue_ready(const struct workqueue *q); /* queued, not waiting */
size_t workqueue_processing(const struct workqueue *q);
size_t workqueue_keys(const struct workqueue *q);

#endif
