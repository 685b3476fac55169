#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "support/unit.h"
#include "wire/support/server_conn.h"

#define HEADERS_MAX 4096 /* of one answer */

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct server_conn *c = ctx;

    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        nghttp2_session_set_stream_user_data(session, frame->hd.stream_id,
                                             server_stream_new(c, frame->hd.stream_id));
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    struct server_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    struct server_request *r = &s->request;
    const struct {
        const char *name;
        char *to;
        size_t len;
    } known[] = {
        {":method", r->method, sizeof(r->method)},
        {":path", r->path, sizeof(r->path)},
        {":authority", r->host, sizeof(r->host)},
        {"authorization", r->authorization, sizeof(r->authorization)},
        {"content-type", r->content_type, sizeof(r->content_type)},
        {"accept", r->accept, sizeof(r->accept)},
        {"accept-encoding", r->accept_encoding, sizeof(r->accept_encoding)},
        {"user-agent", r->user_agent, sizeof(r->user_agent)},
        {"expect", r->expect, sizeof(r->expect)},
    };

    (void)flags;
    (void)ctx;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strlen(known[i].name) == name_len && memcmp(known[i].name, name, name_len) == 0)
            snprintf(known[i].to, known[i].len, "%.*s", (int)value_len, (const char *)value);
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *ctx)
{
    struct server_stream *s = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    (void)ctx;
    strbuf_add(&s->in, (const char *)bytes, len);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct server_stream *s;

    (void)ctx;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (s && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        server_stream_complete(s);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct server_stream *s = nghttp2_session_get_stream_user_data(session, id);

    (void)code;
    (void)ctx;
    if (s)
        server_stream_free(s);
    return 0;
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t len,
                       uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct server_stream *s = source->ptr;
    size_t left = s->out.len - s->out_at;

    (void)session;
    (void)id;
    (void)ctx;
    if (left > 0) {
        len = left < len ? left : len;
        memcpy(bytes, s->out.text + s->out_at, len);
        s->out_at += len;
        left -= len;
    } else {
        len = 0;
    }
    if (left == 0) {
        strbuf_clear(&s->out);
        s->out_at = 0;
        if (s->is_ended)
            *flags |= NGHTTP2_DATA_FLAG_EOF;
        else if (len == 0)
            return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)len;
}

void server_http2_start(struct server_conn *c)
{
    unsigned streams = c->server->options.max_streams ? c->server->options.max_streams : 100;
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams}};
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;

    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option_new(&option);
    nghttp2_option_set_max_send_header_block_length(option, SERVER_BODY_MAX); /* we misbehave */
    /* libcurl 7.88.1 resets every stream that is complete: Go does not mind, nghttp2 takes a
     * thousand for an attack. */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
    nghttp2_session_server_new2(&c->http2, callbacks, c, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(c->http2, NGHTTP2_FLAG_NONE, settings, 1);
}

void server_http2_receive(struct server_conn *c, const char *bytes, size_t len)
{
    ssize_t taken;

    c->is_busy = true;
    taken = nghttp2_session_mem_recv(c->http2, (const uint8_t *)bytes, len);
    c->is_busy = false;
    if (taken < 0)
        server_conn_close(c, false);
}

void server_http2_flush(struct server_conn *c)
{
    const uint8_t *bytes;
    ssize_t len;

    while ((len = nghttp2_session_mem_send(c->http2, &bytes)) > 0)
        server_conn_write(c, bytes, (size_t)len);
}

/* "name: value\r\n" lines; the text must live until the call of nghttp2, which copies. */
static size_t parse_headers(char *lines, nghttp2_nv *fields, size_t fields_max)
{
    size_t count = 0;
    char *line, *rest = lines;

    while ((line = strsep(&rest, "\n")) != NULL) {
        char *colon = strchr(line, ':');

        if (!colon || count == fields_max)
            continue;
        line[strcspn(line, "\r")] = '\0';
        *colon = '\0';
        for (char *c = line; *c; c++)
            *c |= *c >= 'A' && *c <= 'Z' ? 0x20 : 0;
        fields[count++] = (nghttp2_nv){(uint8_t *)line, (uint8_t *)(colon + 2), strlen(line),
                                       strlen(colon + 2), NGHTTP2_NV_FLAG_NONE};
    }
    return count;
}

void server_http2_reply(struct server_stream *s, int status, const char *headers)
{
    nghttp2_nv *fields = calloc(HEADERS_MAX, sizeof(*fields));
    nghttp2_data_provider body = {.source.ptr = s, .read_callback = on_read};
    char *lines = strdup(headers);
    char number[16];
    size_t count;

    snprintf(number, sizeof(number), "%d", status);
    fields[0] = (nghttp2_nv){(uint8_t *)":status", (uint8_t *)number, 7, strlen(number),
                             NGHTTP2_NV_FLAG_NONE};
    count = 1 + parse_headers(lines, fields + 1, HEADERS_MAX - 1);
    assert_int_equal(nghttp2_submit_response(s->conn->http2, s->id, fields, count, &body), 0);
    free(lines);
    free(fields);
}

void server_http2_resume(struct server_stream *s)
{
    nghttp2_session_resume_data(s->conn->http2, s->id); /* an error: it is not deferred */
}

void server_http2_reset(struct server_stream *s)
{
    nghttp2_submit_rst_stream(s->conn->http2, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
}
