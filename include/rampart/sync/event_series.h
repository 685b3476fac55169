/*
 * One Event and its series: what equal findings have in common, how often they came, and the
 * requests that tell the server. Pure; when which request is sent is the recorder's to decide.
 */
#ifndef RAMPART_SYNC_EVENT_SERIES_H
#define RAMPART_SYNC_EVENT_SERIES_H

#include <sys/queue.h>

#include "rampart/base/heap.h"
#include "rampart/base/rng.h"
#include "rampart/kube/event.h"
#include "rampart/sync/backoff.h"
#include "rampart/sync/transport.h"

#define EVENT_SUFFIX_LEN 16              /* hex digits that make a name unique */
#define EVENT_SERIES_COUNT_MAX INT32_MAX /* series.count is an int32 */
#define EVENT_KEY_LEN_MAX 8192
#define EVENT_BODY_LEN_MAX                                                 \
    16384 /* a note of 1,024 bytes may take six times as many when escaped \
           */
#define EVENT_REQUEST_TIMEOUT_MS 30000

struct recorder;

enum event_place {
    EVENT_NOWHERE = 0,
    EVENT_QUEUED, /* to be sent as soon as there is room */
    EVENT_IN_FLIGHT,
    EVENT_WAITING, /* has something to send, not before its time: an interval or a back-off */
    EVENT_CLEAN,   /* the server knows all; ends after RECORDER_SERIES_IDLE_MS */
};

struct event_series {
    struct event event; /* of the first finding; its texts are owned, its name is NULL */
    const char *key;    /* owned */
    char suffix[EVENT_SUFFIX_LEN + 1]; /* of the Event's name */
    bool is_once;           /* the name is its finding's: whoever has taken it, told it */
    bool is_created;        /* the server has it */
    bool may_exist;         /* a creation under this name went unanswered */
    uint32_t count;         /* findings so far */
    uint32_t count_sent;    /* as the server knows it */
    uint32_t count_sending; /* as the request in flight says */
    uint64_t seen_ms;       /* last finding, monotonic */
    int64_t seen_wall_ms;   /* the same, ms since 1970 */

    struct recorder *recorder; /* borrowed: the owner */
    enum event_place place;
    struct heap_node node; /* EVENT_WAITING: when it may be sent; EVENT_CLEAN: when it ends */
    TAILQ_ENTRY(event_series) link; /* EVENT_QUEUED */
    struct exchange exchange;       /* EVENT_IN_FLIGHT */
    uint64_t not_before_ms;         /* of the next request */
    unsigned tries;                 /* requests since the last success */
    struct backoff backoff;         /* of the tries */
    _Alignas(16) char memory[];     /* the texts */
};

/* Text that is equal for equal findings: type, reason, action, regarding, related, the first line
 * of the note. NULL: @out is broken. Borrowed from @out. */
const char *event_series_key(struct strbuf *out, const struct event *event);

/* Copies all texts but @event->instance, which is borrowed, and @event->reason, which is static. Of
 * @event->once the name is made, and the pointer is not kept.
 * NULL: out of memory. One block: mem_free(). */
MUST_CHECK struct event_series *event_series_new(const struct event *event, const char *key,
                                                 struct rng *rng);
/* Another name: the one that it had is taken. Not of one that is_once. */
void event_series_rename(struct event_series *s, struct rng *rng);

/* Whether there is something that the server does not know. */
bool event_series_is_dirty(const struct event_series *s);

/*
 * POST of the Event, or a merge patch of its series' count once it is created. The texts lie in
 * @path and @body. (events.k8s.io/v1 wants series.count >= 2, keeps everything but the series
 * immutable and takes any kind of patch: Kubernetes pkg/apis/core/validation/events.go.) Errors:
 * ERR_NOMEM, ERR_LIMIT.
 */
MUST_CHECK int event_series_request(struct event_series *s, struct strbuf *path,
                                    struct strbuf *body, struct http_request *ret_request,
                                    struct err *err);

#endif
