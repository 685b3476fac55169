/* Shared by the tests of sync/watch: the machine with a clock, and its wishes as text. */
#ifndef TESTS_UNIT_SYNC_WATCH_H
#define TESTS_UNIT_SYNC_WATCH_H

#include <stdio.h>
#include <string.h>

#include "rampart/sync/watch.h"
#include "support/unit.h"

struct machine {
    struct watch watch;
    struct watch_server server;
    struct rng rng;
    uint64_t now_ms;
    char text[128];
};

static inline void machine_init(struct machine *m, uint64_t seed)
{
    memset(m, 0, sizeof(*m));
    rng_init(&m->rng, seed);
    watch_init(&m->watch, &m->server, &m->rng);
    m->now_ms = 1000000;
}

static inline const char *query_text(struct machine *m)
{
    struct path_query q;
    const char *what = "list";

    watch_query(&m->watch, &q);
    if (q.is_watch) {
        what = q.sends_initial_events ? "watchlist" : "watch";
        assert_true(q.has_bookmarks);
        assert_in_range(q.timeout_s, WATCH_TIMEOUT_MIN_S, WATCH_TIMEOUT_MAX_S);
        assert_int_equal(q.limit, 0);
    }
    assert_int_equal(q.sends_initial_events, q.resource_version_match != NULL);
    (void)snprintf(m->text, sizeof(m->text), "%s rv=%s limit=%u token=%s", what,
                   q.resource_version ? q.resource_version : "(none)", q.limit,
                   q.continue_token ? q.continue_token : "(none)");
    return m->text;
}

/* The machine wants exactly this now; it is started. */
static inline void asks(struct machine *m, const char *what, const char *rv, unsigned limit,
                        const char *token)
{
    char expected[128];
    enum watch_want want = watch_want(&m->watch, m->now_ms);
    bool begins = strcmp(what, "watchlist") == 0 || (strcmp(what, "list") == 0 && !token);

    (void)snprintf(expected, sizeof(expected), "%s rv=%s limit=%u token=%s", what,
                   rv ? rv : "(none)", limit, token ? token : "(none)");
    assert_int_equal(want, strcmp(what, "list") == 0 ? WATCH_WANT_LIST : WATCH_WANT_WATCH);
    assert_string_equal(query_text(m), expected);
    assert_int_equal(watch_on_started(&m->watch, m->now_ms),
                     begins ? WATCH_EFFECT_BEGIN_SYNC : WATCH_EFFECT_NONE);
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_NOTHING);
}

/* The machine waits for between @low_ms and @high_ms, and the time passes. */
static inline void backs_off(struct machine *m, uint64_t low_ms, uint64_t high_ms)
{
    assert_int_equal(m->watch.state, WATCH_BACKOFF);
    assert_int_equal(watch_want(&m->watch, m->now_ms), WATCH_WANT_NOTHING);
    assert_in_range(watch_deadline(&m->watch) - m->now_ms, low_ms, high_ms);
    m->now_ms = watch_deadline(&m->watch);
}

static inline void goes_on_at_once(struct machine *m)
{
    assert_int_not_equal(m->watch.state, WATCH_BACKOFF);
    assert_int_equal(watch_deadline(&m->watch), 0);
}

static inline void ends(struct machine *m)
{
    watch_on_end(&m->watch, NULL, m->now_ms);
}

static inline void fails(struct machine *m, enum err_code code, int http_status)
{
    struct err err = {.code = code, .http_status = http_status};

    watch_on_end(&m->watch, &err, m->now_ms);
}

/* A page has come; an empty token: the last one. */
static inline void page(struct machine *m, const char *rv, const char *token)
{
    enum watch_effect effect = watch_on_page(&m->watch, rv, token);

    assert_int_equal(effect, *token == '\0' ? WATCH_EFFECT_END_SYNC : WATCH_EFFECT_NONE);
    ends(m);
}

/* Through WatchList to a running watch at @rv. */
static inline void streams_from(struct machine *m, const char *rv)
{
    asks(m, "watchlist", NULL, 0, NULL);
    assert_int_equal(watch_on_bookmark(&m->watch, rv, true), WATCH_EFFECT_END_SYNC);
    assert_int_equal(m->watch.state, WATCH_STREAMING);
}

/* Through a LIST to a running watch at @rv, on a server without WatchList. */
static inline void lists_then_streams_from(struct machine *m, const char *rv)
{
    m->server.has_refused_watch_list = true;
    asks(m, "list", NULL, WATCH_PAGE_LIMIT, NULL);
    page(m, rv, "");
    asks(m, "watch", rv, 0, NULL);
}

#endif
