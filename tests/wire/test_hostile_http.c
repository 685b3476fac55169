/*
 * Answers that are no HTTP: each ends its own request, with an error that says what happened, and
 * the next one is answered as if nothing had been.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/text.h"
#include "wire/support/wire.h"

#define OK "HTTP/1.1 200 OK\r\n"

enum fate {
    FATE_FAILS = 0, /* for any reason but want of memory */
    FATE_LIMIT,     /* ERR_LIMIT: more than we take */
    FATE_OK,        /* a strange answer, but one */
};

struct row {
    const char *name;
    const char *head; /* then @piece so often, then @tail; then the connection stays as it is */
    const char *piece;
    size_t repeat;
    const char *tail;
    size_t head_len; /* 0: a string */
    enum fate fate;
    bool is_stream;
    bool is_closed; /* by the server, after all that */
};

static const struct row http1_rows[] = {
    {.name = "no status line", .head = "<html>502</html>\r\n\r\n"},
    {.name = "a status line that is none", .head = "HTTP/1.1 OK\r\n\r\n"},
    {.name = "another version", .head = "HTTP/9.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {.name = "a status that is too long", .head = "HTTP/1.1 20000 OK\r\nContent-Length: 0\r\n\r\n"},
    {.name = "headers only", .head = OK "Content-Length: 5\r\n\r\n", .is_closed = true},
    {.name = "half a body", .head = OK "Content-Length: 5\r\n\r\nab", .is_closed = true},
    {.name = "half a head", .head = OK "Content-Le", .is_closed = true},
    {.name = "a negative length", .head = OK "Content-Length: -5\r\n\r\nabcde"},
    {.name = "a length that is none", .head = OK "Content-Length: x\r\n\r\nabcde"},
    {.name = "a length beyond all",
     .head = OK "Content-Length: 99999999999999999999\r\n\r\nabc",
     .is_closed = true,
     .fate = FATE_OK}, /* libcurl reads on to the end of the connection */
    {.name = "a chunk without a size",
     .head = OK "Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n"},
    {.name = "a chunk beyond all",
     .head = OK "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc"},
    {.name = "chunks without an end",
     .head = OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
     .is_closed = true},
    {.name = "a stream without an end",
     .head = OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
     .is_closed = true,
     .is_stream = true},
    {.name = "an unknown coding", .head = OK "Transfer-Encoding: zip\r\n\r\nabc"},
    {.name = "a NUL in the head",
     .head = OK "X-A: a\0b\r\n\r\n",
     .head_len = sizeof(OK "X-A: a\0b\r\n\r\n") - 1},
    {.name = "a header of 150 KB",
     .head = OK "X-A: ",
     .piece = "0123456789",
     .repeat = 15000,
     .tail = "\r\n\r\n",
     .fate = FATE_LIMIT},
    {.name = "a header without an end",
     .head = OK "X-A: ",
     .piece = "0123456789",
     .repeat = 50000,
     .fate = FATE_LIMIT},
    {.name = "headers without an end",
     .head = OK,
     .piece = "X-A: 0123456789012345678901234567890\r\n",
     .repeat = 10000,
     .fate = FATE_LIMIT},
    {.name = "interim answers without an end",
     .head = "",
     .piece = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
     .repeat = 10000,
     .fate = FATE_LIMIT},
    {.name = "interim answers",
     .head = "",
     .piece = "HTTP/1.1 102 Processing\r\n\r\n",
     .repeat = 20,
     .tail = OK "Content-Length: 4\r\n\r\nlate",
     .fate = FATE_OK},
    {.name = "more than it said",
     .head = OK "Content-Length: 4\r\n\r\nlate"
                "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
     .fate = FATE_OK},
    {.name = "an answer to nobody",
     .head = OK "Content-Length: 4\r\n\r\nlate",
     .piece = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
     .repeat = 100,
     .fate = FATE_OK},
};

#define HEADERS_200 "\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88" /* :status 200 on stream 1 */
#define DATA_ABC                           \
    "\x00\x00\x03\x00\x01\x00\x00\x00\x01" \
    "abc" /* and the end of it */
#define FRAME(bytes_) .head = (bytes_), .head_len = sizeof(bytes_) - 1

static const struct row http2_rows[] = {
    {.name = "a body before its head", FRAME(DATA_ABC)},
    {.name = "a frame of 16 MiB", FRAME("\xff\xff\xff\x00\x00\x00\x00\x00\x01")},
    {.name = "headers that do not unpack", FRAME("\x00\x00\x02\x01\x04\x00\x00\x00\x01\xff\xff")},
    {.name = "headers without a status", FRAME("\x00\x00\x01\x01\x05\x00\x00\x00\x01\x82")},
    {.name = "a continuation of nothing", FRAME("\x00\x00\x01\x09\x04\x00\x00\x00\x01\x88")},
    {.name = "a stream of ours that is not open",
     FRAME("\x00\x00\x01\x01\x04\x00\x00\x00\x07\x88")},
    {.name = "a stream that nobody promised", FRAME("\x00\x00\x01\x01\x04\x00\x00\x00\x02\x88")},
    {.name = "a promise", FRAME("\x00\x00\x05\x05\x04\x00\x00\x00\x01\x00\x00\x00\x02\x82")},
    {.name = "settings of seven bytes", FRAME("\x00\x00\x07\x04\x00\x00\x00\x00\x00sevenby")},
    {.name = "a window that overflows",
     FRAME("\x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\xff\xff\xff"
           "\x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\xff\xff\xff")},
    {.name = "a reset", FRAME("\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x02")},
    {.name = "a reset in the midst",
     FRAME(HEADERS_200 "\x00\x00\x03\x00\x00\x00\x00\x00\x01"
                       "abc"
                       "\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x02"),
     .is_stream = true},
    {.name = "a farewell with an error",
     FRAME("\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"),
     .is_closed = true},
    {.name = "frames that are unknown",
     FRAME("\x00\x00\x02\xee\x00\x00\x00\x00\x01zz" HEADERS_200 DATA_ABC),
     .fate = FATE_OK},
};

/* So many small frames, and then the answer. */
static const struct row flood_rows[] = {
    {.name = "pings", .piece = "PING", .repeat = 20000, .fate = FATE_OK},
    {.name = "settings", .piece = "SETTINGS", .repeat = 20000, .fate = FATE_FAILS},
    {.name = "empty data", .piece = "DATA", .repeat = 20000, .fate = FATE_OK},
};

static const struct row *current;
static struct server_stream *odd_stream; /* to be answered */

static void misbehave(struct server_stream *s, const struct row *row)
{
    size_t head_len = row->head_len ? row->head_len : strlen(row->head);
    AUTO_STRBUF bytes;

    strbuf_init(&bytes, 16u << 20);
    strbuf_add(&bytes, row->head, head_len);
    for (size_t i = 0; i < row->repeat; i++)
        strbuf_adds(&bytes, row->piece);
    strbuf_adds(&bytes, row->tail ? row->tail : "");
    server_raw(s, bytes.text, bytes.len);
}

static void flood(struct server_stream *s, const struct row *row)
{
    static const char ping[] = "\x00\x00\x08\x06\x00\x00\x00\x00\x00"
                               "12345678";
    static const char settings[] = "\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    static const char data[] = "\x00\x00\x00\x00\x00\x00\x00\x00\x01";
    AUTO_STRBUF bytes;

    strbuf_init(&bytes, 16u << 20);
    strbuf_add(&bytes, HEADERS_200, sizeof(HEADERS_200) - 1);
    for (size_t i = 0; i < row->repeat; i++) {
        if (*row->piece == 'P')
            strbuf_add(&bytes, ping, sizeof(ping) - 1);
        else if (*row->piece == 'S')
            strbuf_add(&bytes, settings, sizeof(settings) - 1);
        else
            strbuf_add(&bytes, data, sizeof(data) - 1);
    }
    strbuf_add(&bytes, DATA_ABC, sizeof(DATA_ABC) - 1);
    server_raw(s, bytes.text, bytes.len);
}

static void on_request(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    if (strcmp(r->path, "/odd") == 0)
        odd_stream = s;
    else
        server_answer(s, 200, "", "mine");
}

/* Not from inside the handler: what the server has to say by itself comes first. */
static uint64_t step(struct wire *w, uint64_t now_ms)
{
    struct server_stream *s = odd_stream;

    (void)now_ms;
    odd_stream = NULL;
    if (!s)
        return UINT64_MAX;
    if (current >= flood_rows && current < flood_rows + COUNT_OF(flood_rows))
        flood(s, current);
    else
        misbehave(s, current);
    if (current->is_closed)
        server_half_close(w->server);
    return UINT64_MAX;
}

static void check_fate(const struct row *row, const struct call *c)
{
    bool has_failed = c->err.code != ERR_NONE;

    if (has_failed != (row->fate != FATE_OK))
        fail_msg("%s: %s", row->name, has_failed ? c->err.msg : "taken for an answer");
    if (c->err.code == ERR_NOMEM || c->err.code == ERR_CANCELED ||
        (row->fate == FATE_LIMIT && c->err.code != ERR_LIMIT))
        fail_msg("%s: %s (%s)", row->name, err_code_name(c->err.code), c->err.msg);
    for (const char *p = c->err.msg; *p; p++)
        assert_true((unsigned char)*p >= 0x20);
}

static void survive(const struct row *row, bool is_http1)
{
    struct wire w;
    struct call *odd, *next;

    current = row;
    wire_start(&w, &(struct server_options){.handler = on_request, .is_http1 = is_http1});
    wire_connect(&w, 0, 0);
    w.step = step;
    odd = wire_call(&w, &(struct http_request){.path = "/odd",
                                               .is_stream = row->is_stream,
                                               .timeout_ms = 2000});
    wire_until_done(odd);
    check_fate(row, odd);
    next = wire_call(&w, &(struct http_request){.path = "/next", .timeout_ms = 10000});
    wire_until_done(next);
    if (next->err.code != ERR_NONE)
        fail_msg("after %s: %s", row->name, next->err.msg);
    assert_string_equal(next->body.text, "mine");
    wire_close(&w);
}

static void test_bytes_that_are_no_http_1_1_end_their_own_request(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(http1_rows); i++)
        survive(&http1_rows[i], true);
}

static void test_frames_that_are_no_http_2_end_their_own_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(http2_rows); i++)
        survive(&http2_rows[i], false);
}

static void test_floods_of_small_frames_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(flood_rows); i++)
        survive(&flood_rows[i], false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_that_are_no_http_1_1_end_their_own_request),
        cmocka_unit_test(test_frames_that_are_no_http_2_end_their_own_connection),
        cmocka_unit_test(test_floods_of_small_frames_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
