/*
 * The transport over libcurl's multi interface on the libuv loop: one TCP connection, HTTP/2
 * (HTTP/1.1 where the server has no better), TLS 1.2 or newer, https only, no redirects, no Expect
 * header, through the proxy of edge/proxy.h where there is one.
 *
 * A request goes with the credential and the certificates of the moment when it is sent
 * (edge/identity.h). Where that takes a credential plugin, requests wait for it, within their
 * deadlines and TRANSPORT_EXCHANGES_MAX. A new client certificate makes new connections: streams
 * end as if the server had ended them, what else is under way gets its answer on the old one.
 *
 * Liveness: quiet watches get a bookmark a minute, libcurl 7.88 sends no PING for a transfer in a
 * multi handle, and a black-holed connection would swallow every later request. So after
 * HTTP_QUIET_MS without a byte GET /readyz must be answered within HTTP_PROBE_MS (any status
 * counts); else every exchange ends with ERR_UNAVAILABLE ("connection lost") and the multi handle
 * is made anew.
 */
#ifndef RAMPART_EDGE_HTTP_H
#define RAMPART_EDGE_HTTP_H

#include "rampart/base/log.h"
#include "rampart/edge/loop.h"
#include "rampart/sync/transport.h"
#include "rampart/yaml/kubeconfig.h"

#define HTTP_CONNECT_MS 10000
#define HTTP_QUIET_MS 30000
#define HTTP_PROBE_MS 15000
#define HTTP_HEADERS_MAX (256u * 1024) /* bytes of headers of one answer */

struct http;

struct http_stats {
    uint64_t requests;       /* by all callers; probes not counted */
    uint64_t connections;    /* sockets opened so far, failed attempts too */
    uint64_t generations;    /* times the connection was declared dead and made anew */
    uint64_t bytes_received; /* headers and bodies, after decompression */
    size_t in_flight;        /* requests without their on_done yet */
};

struct http_options {
    struct loop *loop;                  /* borrowed */
    const struct client_config *config; /* borrowed for the call */
    struct log *log;                    /* borrowed; may be NULL */
    const char *user_agent;             /* copied */
    uint32_t quiet_ms;                  /* 0: HTTP_QUIET_MS; tests shorten it */
    uint32_t probe_ms;                  /* 0: HTTP_PROBE_MS */
    uint32_t plugin_timeout_ms;         /* 0: EXEC_TIMEOUT_MS; likewise */
    uint32_t certificates_every_ms;     /* 0: IDENTITY_READ_EVERY_MS; likewise */
};

/*
 * ERR_INVALID (server URL, CA, certificate: says which file), ERR_IO, ERR_NOT_FOUND, ERR_NOMEM.
 * Makes no connection yet and runs no plugin. Over HTTP/1.1 libcurl sends a request once more, by
 * itself, when a connection that was used before dies without a byte of its answer: a write may
 * reach the server twice, so writes carry preconditions or a fixed name. Over HTTP/2 that happens
 * only to a stream that was refused.
 */
MUST_CHECK struct http *http_new(const struct http_options *options, struct err *err);
/* A gzip page that was cut short ends without an error: whoever frames the JSON notices.
 * on_data comes from inside libcurl, on_done from the start of a loop turn; starting and canceling
 * is fine in both. */
struct transport *http_transport(struct http *h);
void http_get_stats(const struct http *h, struct http_stats *ret_stats);

/*
 * Ends every exchange with ERR_CANCELED, closes all handles, then calls @on_stopped once from the
 * loop; afterwards http_free(). At most once, needed before http_free() even when nothing was ever
 * started.
 */
typedef void (*http_stopped_fn)(void *ctx);
void http_stop(struct http *h, http_stopped_fn on_stopped, void *ctx);
/* The last thing before _exit(): ends a credential plugin that runs. */
void http_abandon(struct http *h);
void http_free(struct http *h); /* NULL is fine */

#endif
