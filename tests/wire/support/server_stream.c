#include <stdlib.h>
#include <string.h>

#include "support/unit.h"
#include "wire/support/server_conn.h"

struct server_stream *server_stream_new(struct server_conn *c, int32_t id)
{
    struct server_stream *s = calloc(1, sizeof(*s));

    s->conn = c;
    s->id = id;
    strbuf_init(&s->in, SERVER_BODY_MAX);
    strbuf_init(&s->out, SERVER_BODY_MAX);
    TAILQ_INSERT_TAIL(&c->streams, s, link);
    c->server->counts.streams++;
    return s;
}

void server_stream_free(struct server_stream *s)
{
    s->conn->server->counts.streams--;
    TAILQ_REMOVE(&s->conn->streams, s, link);
    strbuf_done(&s->in);
    strbuf_done(&s->out);
    free(s);
}

void server_stream_complete(struct server_stream *s)
{
    struct server *srv = s->conn->server;

    srv->counts.requests++;
    s->is_complete = true;
    s->request.body = s->in.text;
    s->request.body_len = s->in.len;
    s->request.is_http2 = s->conn->http2 != NULL;
    if (srv->options.handler)
        srv->options.handler(srv->options.ctx, s, &s->request);
}

struct server_stream *server_find(struct server *srv, const char *path)
{
    struct server_conn *c;
    struct server_stream *s;

    TAILQ_FOREACH(c, &srv->conns, link)
    {
        TAILQ_FOREACH(s, &c->streams, link)
        {
            if (s->is_complete && strcmp(s->request.path, path) == 0)
                return s;
        }
    }
    return NULL;
}

void server_each(struct server *srv,
                 void (*fn)(void *ctx, struct server_stream *s, const struct server_request *r),
                 void *ctx)
{
    struct server_conn *c;
    struct server_stream *s;

    TAILQ_FOREACH(c, &srv->conns, link)
    {
        struct server_stream *next;

        for (s = TAILQ_FIRST(&c->streams); s; s = next) {
            next = TAILQ_NEXT(s, link);
            if (s->is_complete)
                fn(ctx, s, &s->request);
        }
    }
}

void server_set_tag(struct server_stream *s, unsigned tag)
{
    s->tag = tag;
}

unsigned server_tag(const struct server_stream *s)
{
    return s->tag;
}

void server_reply(struct server_stream *s, int status, const char *headers)
{
    struct server_conn *c = s->conn;

    s->is_replied = true;
    if (c->http2)
        server_http2_reply(s, status, headers);
    else
        server_http1_reply(s, status, headers);
    server_conn_flush(c);
}

static void resume(struct server_stream *s)
{
    struct server_conn *c = s->conn;

    if (c->http2)
        server_http2_resume(s);
    else
        server_http1_resume(s);
    server_conn_flush(c);
}

void server_send(struct server_stream *s, const void *bytes, size_t len)
{
    strbuf_add(&s->out, bytes, len);
    assert_true(strbuf_is_ok(&s->out));
    resume(s);
}

void server_end(struct server_stream *s)
{
    s->is_ended = true;
    resume(s);
}

void server_reset(struct server_stream *s)
{
    struct server_conn *c = s->conn;

    if (c->http2) {
        server_http2_reset(s);
        server_conn_flush(c);
    } else {
        server_conn_close(c, true);
    }
}

void server_answer(struct server_stream *s, int status, const char *headers, const char *body)
{
    strbuf_adds(&s->out, body);
    server_reply(s, status, headers);
    server_end(s);
}
