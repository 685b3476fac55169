#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "support/unit.h"
#include "wire/support/server_conn.h"

static void take_header(const char *head, const char *name, char *to, size_t to_len)
{
    const char *line = strcasestr(head, name);

    if (line)
        snprintf(to, to_len, "%.*s", (int)strcspn(line + strlen(name), "\r\n"),
                 line + strlen(name));
}

static void take_request(struct server_stream *s, const char *head)
{
    struct server_request *r = &s->request;

    assert_int_equal(sscanf(head, "%15s %2047s", r->method, r->path), 2);
    take_header(head, "\r\nhost: ", r->host, sizeof(r->host));
    take_header(head, "\r\nauthorization: ", r->authorization, sizeof(r->authorization));
    take_header(head, "\r\ncontent-type: ", r->content_type, sizeof(r->content_type));
    take_header(head, "\r\naccept: ", r->accept, sizeof(r->accept));
    take_header(head, "\r\naccept-encoding: ", r->accept_encoding, sizeof(r->accept_encoding));
    take_header(head, "\r\nuser-agent: ", r->user_agent, sizeof(r->user_agent));
    take_header(head, "\r\nexpect: ", r->expect, sizeof(r->expect));
}

void server_http1_receive(struct server_conn *c, const char *bytes, size_t len)
{
    struct server_stream *s;
    char *head_end, number[32] = "0";
    size_t head_len, body_len;

    strbuf_add(&c->line, bytes, len);
    head_end = strstr(c->line.text, "\r\n\r\n");
    if (!head_end)
        return;
    head_len = (size_t)(head_end - c->line.text) + 4;
    *head_end = '\0';
    take_header(c->line.text, "\r\ncontent-length: ", number, sizeof(number));
    body_len = strtoul(number, NULL, 10);
    if (c->line.len < head_len + body_len) {
        *head_end = '\r';
        return;
    }
    s = server_stream_new(c, 0);
    take_request(s, c->line.text);
    strbuf_add(&s->in, c->line.text + head_len, body_len);
    strbuf_clear(&c->line);
    server_stream_complete(s);
}

void server_http1_reply(struct server_stream *s, int status, const char *headers)
{
    AUTO_STRBUF head;

    strbuf_init(&head, SERVER_BODY_MAX);
    strbuf_addf(&head, "HTTP/1.1 %d Whatever\r\n", status);
    strbuf_adds(&head, headers);
    strbuf_adds(&head, "Transfer-Encoding: chunked\r\n\r\n");
    server_conn_write(s->conn, head.text, head.len);
}

void server_http1_resume(struct server_stream *s)
{
    char head[32];
    size_t len = s->out.len - s->out_at;

    if (len > 0) {
        server_conn_write(s->conn, head, (size_t)snprintf(head, sizeof(head), "%zx\r\n", len));
        server_conn_write(s->conn, s->out.text + s->out_at, len);
        server_conn_write(s->conn, "\r\n", 2);
        strbuf_clear(&s->out);
        s->out_at = 0;
    }
    if (s->is_ended) {
        struct server_conn *c = s->conn;

        server_conn_write(c, "0\r\n\r\n", 5);
        server_stream_free(s);
    }
}
