/*
 * An HTTPS server for tests, on the same loop as what it tests: HTTP/2 by nghttp2, HTTP/1.1 by
 * hand. It does what the test says and nothing by itself: a handler sees each request when it is
 * complete and may answer at once, in pieces, later, or never. Everything runs on one thread, so a
 * test may look at it at any time.
 */
#ifndef TESTS_WIRE_SUPPORT_SERVER_H
#define TESTS_WIRE_SUPPORT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "wire/support/pki.h"

struct server;
struct server_stream;

/* Of a complete request; borrowed from the stream. Header values are "" when absent. */
struct server_request {
    char method[16];
    char path[2048];
    char host[256]; /* or :authority */
    char authorization[1024];
    char content_type[128];
    char accept[256];
    char accept_encoding[128];
    char user_agent[128];
    char expect[64];
    char *body; /* NUL-terminated */
    size_t body_len;
    bool is_http2;
};

typedef void (*server_handler_fn)(void *ctx, struct server_stream *s,
                                  const struct server_request *r);

struct server_options {
    const char *host;            /* NULL: "127.0.0.1" */
    int port;                    /* 0: any */
    const struct pki *identity;  /* borrowed for the call */
    const struct pki *client_ca; /* not NULL: demand a client certificate that it signed */
    bool is_http1;               /* offer HTTP/1.1 only */
    bool is_tls_1_1;             /* offer TLS 1.1 and older only */
    bool is_mute;                /* accept connections and never say a word */
    unsigned max_streams;        /* HTTP/2 SETTINGS; 0: 100 */
    server_handler_fn handler;
    void *ctx; /* of @handler */
};

struct server_counts {
    unsigned connections; /* accepted so far */
    unsigned handshakes;  /* finished so far */
    unsigned requests;    /* complete so far */
    unsigned open;        /* connections now */
    unsigned streams;     /* requests without their end now */
    uint64_t bytes_in;    /* of TLS, all connections so far */
    uint64_t bytes_out;
};

struct server *server_start(uv_loop_t *loop, const struct server_options *options);
int server_port(const struct server *srv);
const struct server_counts *server_counts(const struct server *srv);
/* Common name in the client certificate of the last handshake; "": there was none. */
const char *server_client_name(const struct server *srv);
void server_set_identity(struct server *srv, const struct pki *identity); /* for new connections */
void server_set_tls_1_1(struct server *srv, bool is_old); /* likewise, TLS 1.1 and older only */
void server_stop(struct server *srv);                     /* closes everything; freed by the loop */

/* Of all connections. */
void server_drop(struct server *srv, bool is_reset); /* without a word; FIN or RST */
void server_goaway(struct server *srv); /* HTTP/2: no new streams, the old ones go on */
void server_freeze(struct server *srv, bool is_frozen); /* neither reads nor writes: a black hole */
void server_half_close(struct server *srv); /* FIN in our direction, while it goes on reading */
void server_spoil(struct server *srv, const void *bytes, size_t len); /* past TLS: no record */

/* NULL when there is none open with that path. */
struct server_stream *server_find(struct server *srv, const char *path);
/* All open requests that are complete; @fn may answer the one it is given, in pieces. */
void server_each(struct server *srv,
                 void (*fn)(void *ctx, struct server_stream *s, const struct server_request *r),
                 void *ctx);
/* A number that the test keeps with an open request; 0 at first. */
void server_set_tag(struct server_stream *s, unsigned tag);
unsigned server_tag(const struct server_stream *s);

/* @headers: "name: value\r\n" lines or "". Then pieces, then the end. HTTP/1.1: a chunked body. */
void server_reply(struct server_stream *s, int status, const char *headers);
void server_send(struct server_stream *s, const void *bytes, size_t len);
void server_end(struct server_stream *s);
void server_reset(struct server_stream *s); /* RST_STREAM; HTTP/1.1: the connection */
/* Through TLS, but past HTTP: an answer line by line in HTTP/1.1, frames in HTTP/2. */
void server_raw(struct server_stream *s, const void *bytes, size_t len);
/* All at once. */
void server_answer(struct server_stream *s, int status, const char *headers, const char *body);

#endif
