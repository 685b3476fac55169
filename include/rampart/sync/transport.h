/*
 * How the core talks to an API server without knowing how: edge/http.h implements it with libcurl,
 * a simulator in memory. Everything above this line is driven by calls that carry the time, and can
 * be replayed.
 */
#ifndef RAMPART_SYNC_TRANSPORT_H
#define RAMPART_SYNC_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

#define TRANSPORT_EXCHANGES_MAX 96 /* at once; the API server allows 100 streams a connection */
#define TRANSPORT_BODY_MAX (4u * 1024 * 1024) /* of an answer that is collected */
#define TRANSPORT_WARNINGS_MAX 4096           /* bytes; the API server sends no more either */

enum http_method { HTTP_GET = 0, HTTP_POST, HTTP_PATCH, HTTP_DELETE };

struct http_request {
    enum http_method method;
    const char *path;         /* path and query, escaped, starts with '/' */
    const char *accept;       /* types of an answer; NULL: application/json */
    const char *content_type; /* of @body; NULL without one */
    const char *body;
    size_t body_len;
    bool is_stream;      /* @on_data gets the bytes of a 2xx answer as they come; other answers are
                            collected */
    bool accepts_gzip;   /* list pages only: libcurl 7.88 fails on a gzip watch */
    uint32_t timeout_ms; /* from start to end; 0: none (a watch) */
    uint32_t idle_timeout_ms; /* without a byte; 0: none */
};

struct http_response {
    int status;              /* 0 when there was no answer */
    const char *retry_after; /* header value or NULL */
    /* The values of all Warning headers (RFC 7234, 5.5), one a line, cut at
     * TRANSPORT_WARNINGS_MAX bytes; NULL: none. A head that could not be kept for want of memory
     * ends the exchange with ERR_NOMEM: a warning is never lost. */
    const char *warnings;
    const char *body; /* collected body, NUL-terminated; "" for a stream that was handed out */
    size_t body_len;
};

struct exchange;
/* Return -1 to give the exchange up; @on_done follows with ERR_CANCELED. */
typedef int (*exchange_data_fn)(struct exchange *x, const char *bytes, size_t len, uint64_t now_ms);
/*
 * Exactly once, never from inside transport_start() or transport_cancel(). @err is NULL when an
 * answer came to its end, whatever its status; else why there is none: ERR_UNAVAILABLE,
 * ERR_TIMEOUT, ERR_CANCELED, ERR_LIMIT, ERR_NOMEM, ERR_UNAUTHORIZED (no usable credential). Both
 * are borrowed for the call.
 */
typedef void (*exchange_done_fn)(struct exchange *x, const struct http_response *response,
                                 const struct err *err, uint64_t now_ms);

struct exchange {
    exchange_data_fn on_data; /* NULL unless is_stream */
    exchange_done_fn on_done;
    void *ctx;    /* the owner's */
    void *handle; /* the transport's own; NULL when not started */
};

struct transport;

struct transport_ops {
    /* On 0 @on_done will run once. On -1 nothing was started: ERR_LIMIT, ERR_NOMEM, ERR_CANCELED
     * (stopping). The request is copied. @x must stay where it is until @on_done. */
    int (*start)(struct transport *t, const struct http_request *request, struct exchange *x,
                 struct err *err);
    /* @on_done follows with ERR_CANCELED. Not started or already done: nothing. */
    void (*cancel)(struct transport *t, struct exchange *x);
};

struct transport {
    const struct transport_ops *ops;
};

MUST_CHECK static inline int transport_start(struct transport *t,
                                             const struct http_request *request, struct exchange *x,
                                             struct err *err)
{
    return t->ops->start(t, request, x, err);
}

static inline void transport_cancel(struct transport *t, struct exchange *x)
{
    t->ops->cancel(t, x);
}

#endif
