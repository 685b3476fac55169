#include "wire/support/server.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"
#include "wire/support/server_conn.h"

struct write {
    uv_write_t request;
    char bytes[];
};

static void on_written(uv_write_t *request, int status)
{
    (void)status;
    free(request->data);
}

/* What TLS has ready goes to the network, unless the connection is a black hole just now. */
static void to_net(struct server_conn *c)
{
    size_t len = BIO_ctrl_pending(c->to_net);
    struct write *w;
    uv_buf_t buf;

    if (len == 0 || c->server->is_frozen || c->is_closing)
        return;
    w = malloc(sizeof(*w) + len);
    w->request.data = w;
    BIO_read(c->to_net, w->bytes, (int)len);
    c->server->counts.bytes_out += len;
    buf = uv_buf_init(w->bytes, (unsigned)len);
    if (uv_write(&w->request, (uv_stream_t *)&c->tcp, &buf, 1, on_written) < 0)
        free(w);
}

void server_conn_write(struct server_conn *c, const void *bytes, size_t len)
{
    if (!c->is_closing && len > 0)
        SSL_write(c->ssl, bytes, (int)len);
}

void server_conn_flush(struct server_conn *c)
{
    if (c->is_busy || c->is_closing || c->server->is_frozen)
        return;
    if (c->http2)
        server_http2_flush(c);
    to_net(c);
}

static void server_release(struct server *srv)
{
    if (--srv->handles > 0)
        return;
    SSL_CTX_free(srv->tls);
    free(srv);
}

static void on_conn_closed(uv_handle_t *handle)
{
    struct server_conn *c = handle->data;
    struct server *srv = c->server;

    if (c->http2)
        nghttp2_session_del(c->http2);
    while (!TAILQ_EMPTY(&c->streams))
        server_stream_free(TAILQ_FIRST(&c->streams));
    SSL_free(c->ssl);
    strbuf_done(&c->line);
    free(c);
    server_release(srv);
}

void server_conn_close(struct server_conn *c, bool is_reset)
{
    if (c->is_closing)
        return;
    c->is_closing = true;
    c->server->counts.open--;
    TAILQ_REMOVE(&c->server->conns, c, link);
    if (is_reset)
        uv_tcp_close_reset(&c->tcp, on_conn_closed);
    else
        uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
}

static void note_client(struct server_conn *c)
{
    X509 *cert = SSL_get1_peer_certificate(c->ssl);

    c->server->client_name[0] = '\0';
    if (cert)
        X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
                                  c->server->client_name, sizeof(c->server->client_name));
    X509_free(cert);
}

static void handshake(struct server_conn *c)
{
    const unsigned char *protocol;
    unsigned len;
    int r = SSL_do_handshake(c->ssl);

    if (r != 1) {
        to_net(c); /* an alert */
        if (SSL_get_error(c->ssl, r) != SSL_ERROR_WANT_READ)
            server_conn_close(c, false);
        ERR_clear_error();
        return;
    }
    c->is_ready = true;
    c->server->counts.handshakes++;
    note_client(c);
    SSL_get0_alpn_selected(c->ssl, &protocol, &len);
    if (len == 2 && memcmp(protocol, "h2", 2) == 0)
        server_http2_start(c);
}

static void receive(struct server_conn *c)
{
    char plain[16384];
    int len;

    if (!c->is_ready)
        handshake(c);
    while (c->is_ready && !c->is_closing && (len = SSL_read(c->ssl, plain, sizeof(plain))) > 0) {
        if (c->http2)
            server_http2_receive(c, plain, (size_t)len);
        else
            server_http1_receive(c, plain, (size_t)len);
    }
    ERR_clear_error();
    server_conn_flush(c);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct server_conn *c = handle->data;

    (void)size;
    *buf = uv_buf_init(c->chunk, sizeof(c->chunk));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct server_conn *c = stream->data;

    if (len < 0) {
        server_conn_close(c, false);
        return;
    }
    c->server->counts.bytes_in += (size_t)len;
    if (c->server->options.is_mute)
        return;
    BIO_write(c->from_net, buf->base, (int)len);
    receive(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *srv = listener->data;
    struct server_conn *c = calloc(1, sizeof(*c));

    assert_int_equal(status, 0);
    c->server = srv;
    TAILQ_INIT(&c->streams);
    strbuf_init(&c->line, SERVER_BODY_MAX);
    c->ssl = SSL_new(srv->tls);
    c->from_net = BIO_new(BIO_s_mem());
    c->to_net = BIO_new(BIO_s_mem());
    SSL_set_bio(c->ssl, c->from_net, c->to_net);
    SSL_set_accept_state(c->ssl);
    uv_tcp_init(srv->loop, &c->tcp);
    srv->handles++;
    c->tcp.data = c;
    TAILQ_INSERT_TAIL(&srv->conns, c, link);
    srv->counts.connections++;
    srv->counts.open++;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&c->tcp), 0);
    uv_tcp_nodelay(&c->tcp, 1);
    if (!srv->is_frozen)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

static int on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                   const unsigned char *offered, unsigned offered_len, void *ctx)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1", old[] = "\x08http/1.1";
    const struct server *srv = ctx;
    const unsigned char *ours = srv->options.is_http1 ? old : both;
    unsigned ours_len = (unsigned)(srv->options.is_http1 ? sizeof(old) : sizeof(both)) - 1;
    unsigned char *chosen;

    (void)ssl;
    if (SSL_select_next_proto(&chosen, ret_len, ours, ours_len, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static X509 *read_cert(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    assert_non_null(cert);
    return cert;
}

void server_set_identity(struct server *srv, const struct pki *identity)
{
    X509 *cert = read_cert(identity->cert);
    BIO *bio = BIO_new_mem_buf(identity->key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    assert_int_equal(SSL_CTX_use_certificate(srv->tls, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(srv->tls, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(bio);
}

void server_set_tls_1_1(struct server *srv, bool is_old)
{
    SSL_CTX_set_security_level(srv->tls, is_old ? 0 : 1);
    SSL_CTX_set_min_proto_version(srv->tls, is_old ? TLS1_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(srv->tls, is_old ? TLS1_1_VERSION : 0);
}

static void configure_tls(struct server *srv)
{
    const struct server_options *o = &srv->options;

    srv->tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_alpn_select_cb(srv->tls, on_alpn, srv);
    server_set_identity(srv, o->identity);
    if (o->is_tls_1_1)
        server_set_tls_1_1(srv, true);
    if (o->client_ca) {
        X509 *cert = read_cert(o->client_ca->cert);

        X509_STORE_add_cert(SSL_CTX_get_cert_store(srv->tls), cert);
        X509_free(cert);
        SSL_CTX_set_verify(srv->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
}

struct server *server_start(uv_loop_t *loop, const struct server_options *options)
{
    struct server *srv = calloc(1, sizeof(*srv));
    const char *host = options->host ? options->host : "127.0.0.1";
    struct sockaddr_storage addr = {0};
    int len = sizeof(addr);

    srv->loop = loop;
    srv->options = *options;
    TAILQ_INIT(&srv->conns);
    configure_tls(srv);
    if (strchr(host, ':'))
        uv_ip6_addr(host, options->port, (struct sockaddr_in6 *)&addr);
    else
        uv_ip4_addr(host, options->port, (struct sockaddr_in *)&addr);
    uv_tcp_init(loop, &srv->listener);
    srv->handles = 1;
    srv->listener.data = srv;
    if (uv_tcp_bind(&srv->listener, (struct sockaddr *)&addr, 0) < 0 ||
        uv_listen((uv_stream_t *)&srv->listener, 128, on_connection) < 0) {
        server_stop(srv);
        return NULL;
    }
    uv_tcp_getsockname(&srv->listener, (struct sockaddr *)&addr, &len);
    srv->port = ntohs(((struct sockaddr_in *)&addr)->sin_port);
    return srv;
}

int server_port(const struct server *srv)
{
    return srv->port;
}

const struct server_counts *server_counts(const struct server *srv)
{
    return &srv->counts;
}

const char *server_client_name(const struct server *srv)
{
    return srv->client_name;
}

static void on_listener_closed(uv_handle_t *handle)
{
    server_release(handle->data);
}

void server_stop(struct server *srv)
{
    if (srv->is_stopping)
        return;
    srv->is_stopping = true;
    server_drop(srv, false);
    uv_close((uv_handle_t *)&srv->listener, on_listener_closed);
}

void server_drop(struct server *srv, bool is_reset)
{
    while (!TAILQ_EMPTY(&srv->conns))
        server_conn_close(TAILQ_FIRST(&srv->conns), is_reset);
}

void server_goaway(struct server *srv)
{
    struct server_conn *c;

    TAILQ_FOREACH(c, &srv->conns, link)
    {
        if (c->http2)
            nghttp2_submit_goaway(c->http2, NGHTTP2_FLAG_NONE,
                                  nghttp2_session_get_last_proc_stream_id(c->http2),
                                  NGHTTP2_NO_ERROR, NULL, 0);
        server_conn_flush(c);
    }
}

void server_freeze(struct server *srv, bool is_frozen)
{
    struct server_conn *c, *next;

    srv->is_frozen = is_frozen;
    for (c = TAILQ_FIRST(&srv->conns); c; c = next) {
        next = TAILQ_NEXT(c, link);
        if (is_frozen) {
            uv_read_stop((uv_stream_t *)&c->tcp);
        } else {
            uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
            server_conn_flush(c);
        }
    }
}

static void on_shut(uv_shutdown_t *request, int status)
{
    (void)status;
    free(request);
}

void server_half_close(struct server *srv)
{
    struct server_conn *c;

    TAILQ_FOREACH(c, &srv->conns, link)
    {
        uv_shutdown_t *request = malloc(sizeof(*request));

        if (uv_shutdown(request, (uv_stream_t *)&c->tcp, on_shut) < 0)
            free(request);
    }
}

void server_spoil(struct server *srv, const void *bytes, size_t len)
{
    struct server_conn *c;

    TAILQ_FOREACH(c, &srv->conns, link)
    {
        BIO_write(c->to_net, bytes, (int)len);
        to_net(c);
    }
}

void server_raw(struct server_stream *s, const void *bytes, size_t len)
{
    server_conn_flush(s->conn); /* what was said before comes before it */
    server_conn_write(s->conn, bytes, len);
    to_net(s->conn);
}
