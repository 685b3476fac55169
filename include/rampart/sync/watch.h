/*
 * List and watch of one resource as an explicit state machine, after client-go's reflector and
 * kube-rs' watcher. Pure: it is told what happened and when, and says what to request next.
 * sync/informer.h joins it to bytes and a store.
 *
 *   EMPTY ----> STREAMING_INITIAL (WatchList) ----> STREAMING
 *     |              | refused: remembered               |  410: back to EMPTY, the last
 * resourceVersion kept
 *     +--------> LISTING (pages) ------------------------+  ended, reset: watch again from the last
 * resourceVersion every failure goes through BACKOFF and comes back to where its resourceVersion is
 * still good
 *
 * Rules (client-go tools/cache/reflector.go and tools/pager; KEP-3157; kubernetes.io api-concepts):
 * - The first LIST states no resourceVersion (quorum), a relist the last one known, which the
 * server serves at least as new; only when a LIST or the initial events are answered 410 or "too
 * large" is it "" (quorum) again. A watch that is answered 410 relists at the last one known. Never
 * "0" (any), as client-go once asked at first: a server whose cache hangs behind answers that from
 * its past (kubernetes/kubernetes#59848), where a profile that was replaced since still asks for
 * less, and the resourceVersions of the policies are still good. Servers have answered a quorum
 * LIST from a cache that they know to be fresh since 1.31 (KEP-2340): it costs no more.
 * - A LIST at "" is paged; one at a known resourceVersion is not, so that it comes from the
 * server's cache. Further pages state the limit and the token alone. A token that is expired,
 * refused, repeated or over CONTINUE_LEN_MAX starts the list again without paging, at once the
 * first time. A page may have no items: only the token says whether more follow.
 * - The resourceVersion of an initial ADDED event is never stored: they come in no order.
 * - timeoutSeconds is random in 300..600; past it and a grace we give the watch up ourselves.
 * - A watch that ends within 1 s without having moved the resourceVersion on counts as failed.
 * After WATCH_SHORTS_FREE in a row that did move it on, the next one starts no sooner than 1 s
 * after the last.
 * - Refused connections, 429, 401, 403, timeouts and 5xx keep the resourceVersion; a server that
 * goes on answering 5xx or nonsense to a watch is asked for a list instead.
 * - WatchList answered 400 or 422 is not asked for again on that server. An initial stream that
 * ends, times out or is no JSON is followed by a LIST; timed out in the midst of events it counts
 * as refused: older servers ignore sendInitialEvents. Refused connections, 429 and 5xx are tried
 * again with WatchList.
 * - 404 (the CRD is not installed) is asked again within 5 s, whatever the back-off.
 */
#ifndef RAMPART_SYNC_WATCH_H
#define RAMPART_SYNC_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "rampart/base/rng.h"
#include "rampart/kube/object.h"
#include "rampart/kube/path.h"
#include "rampart/sync/backoff.h"

#define WATCH_PAGE_LIMIT 500
#define WATCH_TIMEOUT_MIN_S 300
#define WATCH_TIMEOUT_MAX_S 600
#define WATCH_IDLE_GRACE_MS 15000  /* past timeoutSeconds before we give the watch up ourselves */
#define WATCH_INITIAL_MAX_MS 60000 /* for initial-events-end; then fall back to LIST */
#define WATCH_SHORT_MS 1000
#define WATCH_SHORTS_FREE 10     /* watches in a row that may be shorter and bring news */
#define WATCH_ABSENT_MAX_MS 5000 /* longest wait after a 404 */
#define WATCH_STUBBORN_ATTEMPTS \
    4 /* back-offs after which a failing watch is asked for in another way */
#define WATCH_PAGES_MAX 10000 /* pages of one list */
#define CONTINUE_LEN_MAX 4096

enum watch_state {
    WATCH_EMPTY = 0,
    WATCH_LISTING,
    WATCH_STREAMING_INITIAL,
    WATCH_STREAMING,
    WATCH_BACKOFF,
    WATCH_STOPPED,
    WATCH_STATE_COUNT,
};

enum watch_want {                         /* what the machine wants from its driver now */
                  WATCH_WANT_NOTHING = 0, /* wait for the running request or for watch_deadline() */
                  WATCH_WANT_LIST,        /* start a page: watch_query() */
                  WATCH_WANT_WATCH,       /* start a watch: watch_query() */
                  WATCH_WANT_CANCEL,      /* give the running request up; its end comes back through
                                             watch_on_end() */
};

/* What the driver must do with its store, as a consequence of an input. */
enum watch_effect {
    WATCH_EFFECT_NONE = 0,
    WATCH_EFFECT_BEGIN_SYNC, /* store_begin_sync() before the next object */
    WATCH_EFFECT_END_SYNC,   /* store_end_sync(): the cache is complete */
};

enum watch_page { /* what the running list request has brought */
                  WATCH_PAGE_NONE = 0,
                  WATCH_PAGE_MORE, /* a page with a token */
                  WATCH_PAGE_LAST,
                  WATCH_PAGE_LOOP, /* a token that leads nowhere */
};

/* One for all informers of a server: what was learned about it. */
struct watch_server {
    bool has_refused_watch_list; /* WatchList is not there: LIST from now on */
};

struct watch {
    enum watch_state state;
    enum watch_state resume;     /* where BACKOFF goes */
    struct watch_server *server; /* borrowed */
    struct rng *rng;             /* borrowed */
    struct backoff backoff;
    struct backoff absent; /* after 404 */
    uint64_t backoff_until_ms;
    uint64_t asked_until_ms; /* the server's Retry-After; 0: it said none */
    uint64_t again_at_ms;    /* STREAMING: no watch is started before */
    uint64_t started_ms;     /* of the running request */
    uint64_t events_count;   /* of the running watch: those that moved it on */
    uint32_t pages_count;    /* of the running list */
    uint32_t shorts_count;   /* watches in a row that ended within WATCH_SHORT_MS */
    bool has_request;        /* one is running */
    bool is_given_up;        /* its cancelation was asked for: the deadline has passed */
    bool has_synced;         /* was complete at least once */
    bool is_paged;           /* false after a token led nowhere, until the next sync is complete */
    bool lists_next;         /* the next sync is a LIST even where the server has WatchList */
    uint32_t timeout_s;      /* of the running or next watch; 0: not drawn yet */
    enum watch_page page;    /* of the running list request */
    char rv[RV_LEN_MAX + 1]; /* last good resourceVersion; "" none */
    bool is_rv_expired;      /* sync with resourceVersion "" next */
    char continue_token[CONTINUE_LEN_MAX + 1]; /* of the next page; "" the first */
};

void watch_init(struct watch *w, struct watch_server *server, struct rng *rng);
void watch_stop(struct watch *w); /* wants nothing any more; the driver cancels what runs */

/* What to do now. */
enum watch_want watch_want(struct watch *w, uint64_t now_ms);
/* The query of the request that watch_want() asked for; the strings are borrowed from @w. */
void watch_query(const struct watch *w, struct path_query *ret_query);
/* The request has been started. */
enum watch_effect watch_on_started(struct watch *w, uint64_t now_ms);

/* A list page has come completely, its envelope after its items; watch_on_end() follows. A page
 * that is broken is the driver's to report through watch_on_end() alone. */
enum watch_effect watch_on_page(struct watch *w, const char *rv, const char *continue_token);
/* ADDED, MODIFIED or DELETED came and was applied, or skipped for good. */
void watch_on_object(struct watch *w, const char *rv, bool is_added);
enum watch_effect watch_on_bookmark(struct watch *w, const char *rv, bool is_initial_end);
/*
 * The running request ended: @err NULL for a proper end. Also with the Status of an ERROR event as
 * its err, with ERR_NOMEM or ERR_LIMIT for an object that the store could not take (those lead to a
 * new sync), and instead of watch_on_started() when the request could not be started.
 */
void watch_on_end(struct watch *w, const struct err *err, uint64_t now_ms);

uint64_t watch_deadline(const struct watch *w); /* UINT64_MAX: none */
/* Ends a running back-off now, but not before the time that the server has asked for, and begins
 * the next one from its shortest delay. */
void watch_wake(struct watch *w, uint64_t now_ms);

const char *watch_state_name(enum watch_state state);

#endif
