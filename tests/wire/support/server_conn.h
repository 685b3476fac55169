/* What the parts of the test server know of each other; tests include server.h only. */
#ifndef TESTS_WIRE_SUPPORT_SERVER_CONN_H
#define TESTS_WIRE_SUPPORT_SERVER_CONN_H

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

#include "rampart/base/strbuf.h"
#include "wire/support/server.h"

#define SERVER_BODY_MAX (64u * 1024 * 1024)

struct server_conn;

struct server_stream {
    TAILQ_ENTRY(server_stream) link;
    struct server_conn *conn;      /* borrowed */
    struct server_request request; /* body points into @in */
    int32_t id;                    /* HTTP/2 */
    struct strbuf in;              /* request body */
    struct strbuf out;             /* answer body not sent yet */
    size_t out_at;                 /* first byte of @out to send */
    bool is_complete;              /* the handler has seen it */
    bool is_replied;               /* headers are out */
    bool is_ended;                 /* nothing more comes into @out */
    unsigned tag;                  /* the test's */
};

TAILQ_HEAD(server_streams, server_stream);

struct server_conn {
    TAILQ_ENTRY(server_conn) link;
    struct server *server; /* borrowed */
    uv_tcp_t tcp;
    SSL *ssl;
    BIO *from_net, *to_net; /* belong to @ssl */
    nghttp2_session *http2; /* NULL: HTTP/1.1, or handshake not done */
    struct strbuf line;     /* HTTP/1.1: bytes not parsed yet */
    struct server_streams streams;
    bool is_ready; /* handshake done */
    bool is_busy;  /* inside a callback of nghttp2: flushing waits */
    bool is_closing;
    char chunk[16384]; /* read buffer */
};

TAILQ_HEAD(server_conns, server_conn);

struct server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    struct server_options options;
    struct server_counts counts;
    struct server_conns conns;
    SSL_CTX *tls;
    unsigned handles; /* not closed yet */
    bool is_frozen;
    bool is_stopping;
    int port;
    char client_name[64]; /* of the last handshake */
};

struct server_stream *server_stream_new(struct server_conn *c, int32_t id);
void server_stream_free(struct server_stream *s);
void server_stream_complete(struct server_stream *s); /* hands it to the handler */
void server_conn_write(struct server_conn *c, const void *bytes, size_t len); /* through TLS */
void server_conn_flush(struct server_conn *c);
void server_conn_close(struct server_conn *c, bool is_reset);

void server_http2_start(struct server_conn *c);
void server_http2_receive(struct server_conn *c, const char *bytes, size_t len);
void server_http2_flush(struct server_conn *c);
void server_http2_reply(struct server_stream *s, int status, const char *headers);
void server_http2_resume(struct server_stream *s);
void server_http2_reset(struct server_stream *s);

void server_http1_receive(struct server_conn *c, const char *bytes, size_t len);
void server_http1_reply(struct server_stream *s, int status, const char *headers);
void server_http1_resume(struct server_stream *s);

#endif
