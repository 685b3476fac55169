/*
 * The operator as it runs, without its process: transport, caches, queue, reconcilers, applier and
 * Events on one loop with a little API server (wire/support/api.h). Sockets, TLS and frames are
 * real. The operator's clock is real too, but for the waits in which nothing is on its way: those
 * are skipped, so that back-offs of minutes cost a few milliseconds and every wait that was asked
 * for can be read off.
 */
#ifndef TESTS_WIRE_SUPPORT_SPINE_H
#define TESTS_WIRE_SUPPORT_SPINE_H

#include "rampart/sync/manager.h"
#include "wire/support/api.h"
#include "wire/support/wire.h"

#define SPINE_WALL_MS                                                           \
    INT64_C(1795475820000) /* 2026-11-23T23:17:00Z: where its wall clock begins \
                            */
#define SPINE_NAMESPACES 4 /* "ns-0" and so on, which the profile selects */

struct spine {
    struct wire wire; /* first: w->step gets it */
    struct api api;
    struct manager *manager;
    struct transport warped; /* what the manager is given: see spine_now() */
    uint64_t began_ms;       /* monotonic */
    uint64_t ahead_ms;       /* the operator's clock, before the real one */
    uint64_t bookmark_at_ms; /* on the operator's clock */
    bool never_skips;        /* waits are real */
    uint32_t timeout_ms_max; /* of a request, in real time; 0: as asked */
    unsigned requests;       /* by the operator so far, of any kind */
    unsigned in_flight;      /* without their end */
    uint64_t activity;       /* what was last seen of bytes, to know when nothing is on its way */
    unsigned calm_turns;
    size_t live; /* blocks of memory before it all */
    void *ctx;   /* the test's */
};

/* Memory is counted from here. The server has SPINE_NAMESPACES namespaces with team=shop, "bank"
 * without, and a profile that denies ingress where team=shop. Then spine_connect(). */
void spine_start(struct spine *sp, const struct server_options *options);
void spine_connect(struct spine *sp, uint32_t quiet_ms, uint32_t probe_ms);
/* Both, with defaults. */
void spine_open(struct spine *sp);
/* Ends the operator in the midst of whatever it does; asserts that nothing is left: no exchange
 * without its end, no handle, no memory. */
void spine_close(struct spine *sp);

uint64_t spine_now(const struct spine *sp); /* the operator's monotonic clock */
void spine_until(struct spine *sp, bool (*until)(struct spine *sp));
/* Until every cache was filled, nothing is queued, in flight or in trouble, and the policies are
 * what they are to be. */
void spine_until_settled(struct spine *sp);
bool spine_is_settled(struct spine *sp);

struct manager_stats spine_stats(const struct spine *sp);
/* What a clean server leads to: each selected namespace has the one policy, each was created once
 * and nothing was deleted or patched. */
void spine_assert_end_state(struct spine *sp);
/* Every cache holds exactly what the server has, in the same versions. */
void spine_assert_caches(struct spine *sp);
bool spine_caches_are_right(struct spine *sp);

#endif
