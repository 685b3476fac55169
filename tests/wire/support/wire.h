/*
 * One client and one server on one loop. A test scripts the server by a handler, starts calls and
 * runs the loop until something holds; a watchdog fails the test when it never does. No test
 * depends on how fast things go.
 */
#ifndef TESTS_WIRE_SUPPORT_WIRE_H
#define TESTS_WIRE_SUPPORT_WIRE_H

#include "rampart/base/strbuf.h"
#include "rampart/edge/http.h"
#include "support/unit.h"
#include "wire/support/server.h"

#define WIRE_CALLS_MAX 512
#define WIRE_PATIENCE_MS 60000 /* of the watchdog */

struct wire;

/* One exchange and all that came of it. */
struct call {
    struct exchange x;
    struct wire *wire;
    char path[2048];
    unsigned done_count;
    unsigned data_count;      /* calls of on_data */
    unsigned data_late_count; /* after on_done: never */
    bool was_reentrant;       /* on_done came from inside start or cancel */
    struct err err;           /* code ERR_NONE: none */
    int status;
    char retry_after[64];            /* "" for none */
    char warnings[8192];             /* likewise */
    struct strbuf body;              /* streamed or collected */
    int data_result;                 /* what on_data returns */
    void (*on_data)(struct call *c); /* may be NULL; run inside on_data */
    void (*on_done)(struct call *c); /* likewise */
    void *ctx;
};

struct wire {
    struct loop loop;
    struct server *server;
    struct http *http;
    struct log log;
    struct strbuf log_text; /* all lines */
    struct pki ca, identity, other_ca;
    struct client_config config; /* for the next wire_connect() */
    char server_url[128];
    struct call *calls[WIRE_CALLS_MAX];
    unsigned calls_count;
    bool is_in_call; /* inside transport_start() or transport_cancel() */
    uint64_t (*step)(struct wire *w, uint64_t now_ms); /* in each turn; NULL: nothing. Returns
                                                        * when it wants to run again */
    bool (*until)(struct wire *w);
    bool is_met;
    bool is_stopped; /* http_stop() reported */
    uint64_t give_up_ms;
    unsigned turns; /* of the loop so far */
    void *ctx;      /* the test's */
};

/* @options may be NULL; identity and host are filled in. The config trusts the server's CA and has
 * the token "sesame". */
void wire_start(struct wire *w, const struct server_options *options);
/* http_new() from w->config; quiet and probe may be 0. */
void wire_connect(struct wire *w, uint32_t quiet_ms, uint32_t probe_ms);
/* The same with options of which loop, config, log and user agent are filled in. */
void wire_connect_with(struct wire *w, const struct http_options *options);
/* Both, with @handler. */
void wire_open(struct wire *w, server_handler_fn handler);
/* Stops all, runs the loop to its end; asserts that each call ended exactly once and nothing is
 * left open. */
void wire_close(struct wire *w);

/* Owned by @w. Asserts that it started; wire_try() does not. */
struct call *wire_get(struct wire *w, const char *path);
struct call *wire_watch(struct wire *w, const char *path);
struct call *wire_call(struct wire *w, const struct http_request *request);
struct call *wire_try(struct wire *w, const struct http_request *request, struct err *err,
                      int *ret_r);
void wire_cancel(struct call *c);

void wire_until(struct wire *w,
                bool (*until)(struct wire *w)); /* fails the test after WIRE_PATIENCE_MS */
void wire_until_done(struct call *c);
void wire_until_all_done(struct wire *w);
void wire_turns(struct wire *w,
                unsigned count); /* a few turns of the loop, waiting a little in each */

bool wire_has_ipv6(void); /* whether this machine has ::1 */
struct http_stats wire_stats(const struct wire *w);
bool wire_all_done(struct wire *w);

/* Answers 200 with the path as the body; paths with "/watch" get headers and no end. */
void wire_echo(void *ctx, struct server_stream *s, const struct server_request *r);

#endif
