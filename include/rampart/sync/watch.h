/*
 * List and watch of one resource as an explicit state machine, after client-go's reflector and kube-rs' watcher. Pure:
 * it is told what happened and when, and says what to request next. sync/informer.h joins it to bytes and a store.
 *
 *   EMPTY ----> STREAMING_INITIAL (WatchList) ----> STREAMING
 *     |              | refused: remembered               |  410: back to EMPTY with resourceVersion ""
 *     +--------> LISTING (pages) ------------------------+  ended, reset: watch again from the last resourceVersion
 *   every failure goes through BACKOFF and comes back to where its resourceVersion is still good
 *
 * Rules with their source (client-go tools/cache/reflector.go; KEP-3157): first sync at resourceVersion "0" when listing,
 * last known on a relist, "" after 410 or "too large"; the resourceVersion of an initial ADDED event is never stored; a watch
 * that ends within 1 s without an event counts as failed; timeoutSeconds is random in 300..600; 429 and refused
 * connections keep the resourceVersion; page 2 that expires starts again without paging.
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
#define WATCH_IDLE_GRACE_MS 15000       /* past timeoutSeconds before we give the watch up ourselves */
#define WATCH_INITIAL_MAX_MS 60000      /* for initial-events-end; then fall back to LIST */
#define WATCH_SHORT_MS 1000
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

enum watch_want {        /* what the machine wants from its driver now */
    WATCH_WANT_NOTHING = 0, /* wait for the running request or for watch_deadline() */
    WATCH_WANT_LIST,     /* start a page: watch_query() */
    WATCH_WANT_WATCH,    /* start a watch: watch_query() */
    WATCH_WANT_CANCEL,   /* give the running request up; its end comes back through watch_on_end() */
};

/* What the driver must do with its store, as a consequence of an input. */
enum watch_effect {
    WATCH_EFFECT_NONE = 0,
    WATCH_EFFECT_BEGIN_SYNC, /* store_begin_sync() before the next object */
    WATCH_EFFECT_END_SYNC,   /* store_end_sync(): the cache is complete */
};

/* One for all informers of a server: what was learned about it. */
struct watch_server {
    bool has_refused_watch_list; /* WatchList is not there: LIST from now on */
};

struct watch {
    enum watch_state state;
    enum watch_state resume;    /* where BACKOFF goes */
    struct watch_server *server; /* borrowed */
    struct rng *rng;            /* borrowed */
    struct backoff backoff;
    uint64_t backoff_until_ms;
    uint64_t started_ms;        /* of the running request */
    uint64_t events_count;      /* of the running watch */
    bool has_request;           /* one is running */
    bool has_synced;            /* was complete at least once */
    bool is_paged;              /* false after a page expired */
    uint32_t timeout_s;         /* of the running watch */
    char rv[RV_LEN_MAX + 1];    /* last good resourceVersion; "" none */
    bool is_rv_expired;         /* list with resourceVersion "" next */
    char continue_token[CONTINUE_LEN_MAX + 1];
};

void watch_init(struct watch *w, struct watch_server *server, struct rng *rng);
void watch_stop(struct watch *w);

/* What to do now. */
enum watch_want watch_want(struct watch *w, uint64_t now_ms);
/* The query of the request that watch_want() asked for; the strings are borrowed from @w. */
void watch_query(const struct watch *w, struct path_query *ret_query);
/* The request has been started. */
enum watch_effect watch_on_started(struct watch *w, uint64_t now_ms);

/* A list page's envelope has come, after its items. Errors are the driver's to report through watch_on_end(). */
enum watch_effect watch_on_page(struct watch *w, const char *rv, const char *continue_token,
                                uint64_t now_ms);
/* ADDED, MODIFIED or DELETED came and was applied. */
void watch_on_object(struct watch *w, const char *rv, bool is_added, uint64_t now_ms);
enum watch_effect watch_on_bookmark(struct watch *w, const char *rv, bool is_initial_end,
                                    uint64_t now_ms);
/* The running request ended: @err NULL for a proper end. Also for a Status in an ERROR event (its err), and for objects that the
 * store could not take (ERR_NOMEM, ERR_LIMIT): those lead to a new sync. */
void watch_on_end(struct watch *w, const struct err *err, uint64_t now_ms);

uint64_t watch_deadline(const struct watch *w); /* UINT64_MAX: none */
const char *watch_state_name(enum watch_state state);

#endif
