#include "rampart/edge/flight.h"

#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "rampart/edge/http.h"
#include "rampart/edge/loop.h"
#include "rampart/edge/multi.h"

#define TO(state) (1u << (state))

#define KEEPALIVE_IDLE_S 30L /* as Go's dialer: 30 s */
#define KEEPALIVE_EVERY_S 10L
#define KEEPALIVE_COUNT 3

static const unsigned may_go[FLIGHT_STATE_COUNT] = {
    [FLIGHT_QUEUED] = TO(FLIGHT_RUNNING) | TO(FLIGHT_ENDED),
    [FLIGHT_RUNNING] = TO(FLIGHT_ENDED),
    [FLIGHT_ENDED] = 0,
};

static const char *const method_names[] = {
    [HTTP_GET] = "GET",
    [HTTP_POST] = "POST",
    [HTTP_PATCH] = "PATCH",
    [HTTP_DELETE] = "DELETE",
};

static void move(struct flight *f, enum flight_state next)
{
    assert(may_go[f->state] & TO(next));
    f->state = next;
}

static uint64_t hear(struct flight *f, size_t len)
{
    uint64_t now_ms = clock_monotonic_ms();

    f->heard_ms = now_ms;
    f->common->meter->heard_ms = now_ms;
    f->common->meter->bytes_received += len;
    return now_ms;
}

/* Ends it from inside one of libcurl's callbacks; what we return there makes libcurl give up too.
 */
static size_t give_up(struct flight *f, enum err_code code, const char *what)
{
    struct err end = {0};

    err_set(&end, code, "answer of %s: %s", f->common->endpoint->authority, what);
    flight_end(f, &end);
    return 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct flight *f = ctx;
    size_t len = size * count;

    hear(f, len);
    if (f->state == FLIGHT_ENDED)
        return 0;
    f->headers_len += len;
    if (f->headers_len > HTTP_HEADERS_MAX)
        return give_up(f, ERR_LIMIT, "headers of more than 256 KiB");
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        head_clear(&f->head); /* what came before was an interim answer */
        f->has_head = false;
    } else if (*line == '\r' || *line == '\n') {
        f->has_head = true;
    } else if (head_take(&f->head, line, len) < 0) {
        return give_up(f, ERR_NOMEM, "out of memory");
    }
    return len;
}

static size_t collect(struct flight *f, const char *bytes, size_t len)
{
    strbuf_add(&f->body, bytes, len);
    if (strbuf_is_ok(&f->body))
        return len;
    if (f->body.broke == ERR_LIMIT)
        return give_up(f, ERR_LIMIT, "longer than 4 MiB");
    return give_up(f, ERR_NOMEM, "out of memory");
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct flight *f = ctx;
    size_t len = size * count;
    uint64_t now_ms = hear(f, len);

    if (f->state == FLIGHT_ENDED)
        return 0;
    if (f->status == 0) {
        long status = 0;

        curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
        f->status = (int)status;
    }
    if (!f->is_stream || f->status / 100 != 2)
        return collect(f, bytes, len);
    if (f->x->on_data(f->x, bytes, len, now_ms) < 0)
        flight_cancel(f);
    return f->state == FLIGHT_ENDED ? 0 : len; /* the owner may have canceled it in there */
}

/* A peer that vanished is noticed by the kernel too, below the probe of edge/liveness.h. */
static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    struct flight *f = ctx;
    unsigned user_timeout_ms = f->common->user_timeout_ms;
    int count = KEEPALIVE_COUNT;

    (void)purpose;
    f->common->meter->connections++;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* libcurl does not: a plugin would inherit it */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    return CURL_SOCKOPT_OK;
}

static bool add_header(struct flight *f, const char *line)
{
    struct curl_slist *longer = curl_slist_append(f->headers, line);

    if (longer)
        f->headers = longer;
    return longer != NULL;
}

/* @type NULL: application/json. */
static bool add_type(struct flight *f, const char *name, const char *type)
{
    AUTO_STRBUF line;

    strbuf_init(&line, 256);
    strbuf_addf(&line, "%s: %s", name, type ? type : "application/json");
    return strbuf_is_ok(&line) && add_header(f, line.text);
}

static bool build_headers(struct flight *f, const struct http_request *request)
{
    const char *host = f->common->endpoint->host_header;

    return add_type(f, "Accept", request->accept) &&
           add_header(f, "Expect:") && /* never wait for a 100 */
           (!host || add_header(f, host)) &&
           (!request->body || add_type(f, "Content-Type", request->content_type));
}

/* setopt fails for want of memory only: the options are fixed and known to the libcurl we build
 * with. */
#define SET(option, value)                                   \
    do {                                                     \
        if (code == CURLE_OK)                                \
            code = curl_easy_setopt(f->easy, option, value); \
    } while (0)

static CURLcode configure_request(struct flight *f, const struct http_request *request)
{
    CURLcode code = CURLE_OK;

    SET(CURLOPT_URL, f->url);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_USERAGENT, f->common->user_agent);
    if (f->request_body) {
        SET(CURLOPT_POSTFIELDS, f->request_body);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    }
    if (request->method != HTTP_GET)
        SET(CURLOPT_CUSTOMREQUEST, method_names[request->method]);
    if (request->accepts_gzip && !f->common->disables_gzip)
        SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(CURLOPT_PRIVATE, f);
    SET(CURLOPT_ERRORBUFFER, f->curl_reason);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, f);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, f);
    return code;
}

static CURLcode configure_connection(struct flight *f)
{
    CURLcode code = CURLE_OK;

    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* a token never goes where a redirect points */
    SET(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_PIPEWAIT, 1L); /* else twelve watches open twelve connections */
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a cancel does not wait for the resolver's thread */
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    SET(CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
    SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
    SET(CURLOPT_SOCKOPTDATA, f);
    SET(CURLOPT_BUFFERSIZE, (long)FLIGHT_BUFFER_LEN);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)FLIGHT_BUFFER_LEN);
    return code;
}

static int prepare(struct flight *f, const struct http_request *request, struct err *err)
{
    if (request->path[0] != '/')
        return err_set(err, ERR_INVALID, "the path \"%s\" does not start with /", request->path);
    f->url = endpoint_url(f->common->endpoint, request->path, err);
    if (!f->url)
        return -1;
    if (request->body) {
        f->request_body = mem_strndup(request->body, request->body_len);
        if (!f->request_body)
            return err_nomem(err);
    }
    f->easy = curl_easy_init();
    if (!f->easy || !build_headers(f, request) || configure_request(f, request) != CURLE_OK ||
        configure_connection(f) != CURLE_OK)
        return err_nomem(err);
    return 0;
}

/* The nearer of both deadlines. */
static uint64_t due_ms(const struct flight *f)
{
    uint64_t end_ms = f->timeout_ms > 0 ? f->started_ms + f->timeout_ms : UINT64_MAX;
    uint64_t idle_ms = f->idle_timeout_ms > 0 ? f->heard_ms + f->idle_timeout_ms : UINT64_MAX;

    return end_ms < idle_ms ? end_ms : idle_ms;
}

static void time_out(struct flight *f, uint64_t now_ms)
{
    const char *authority = f->common->endpoint->authority;
    struct err end = {0};

    if (f->timeout_ms > 0 && now_ms >= f->started_ms + f->timeout_ms)
        err_set(&end, ERR_TIMEOUT, "no answer from %s in %u ms", authority, f->timeout_ms);
    else
        err_set(&end, ERR_TIMEOUT, "nothing came from %s for %u ms", authority, f->idle_timeout_ms);
    flight_end(f, &end);
}

static void take_off(struct flight *f)
{
    if (f->multi)
        multi_remove(f->multi, f->easy);
    f->multi = NULL;
}

struct flight *flight_new(const struct flight_common *common, const struct http_request *request,
                          struct exchange *x, uint64_t now_ms, struct err *err)
{
    struct flight *f = mem_calloc(1, sizeof(*f));

    assert(!request->is_stream || x->on_data);
    if (!f) {
        err_nomem(err);
        return NULL;
    }
    f->common = common;
    f->is_stream = request->is_stream;
    f->timeout_ms = request->timeout_ms;
    f->idle_timeout_ms = request->idle_timeout_ms;
    f->mem_failures = mem_failures();
    f->started_ms = now_ms;
    f->heard_ms = now_ms;
    strbuf_init(&f->body, TRANSPORT_BODY_MAX);
    head_init(&f->head);
    if (prepare(f, request, err) < 0) {
        flight_free(f);
        return NULL;
    }
    f->x = x;
    x->handle = f;
    return f;
}

int flight_equip(struct flight *f, const struct identity_now *now, struct err *err)
{
    CURLcode code = CURLE_OK;

    assert(!f->tls && f->state == FLIGHT_QUEUED);
    f->tls = tls_ref(now->tls);
    f->serial = now->serial;
    if (now->header && !add_header(f, now->header))
        return err_nomem(err);
    for (size_t i = 0; i < now->impersonation_count; i++) {
        if (!add_header(f, now->impersonation[i]))
            return err_nomem(err);
    }
    SET(CURLOPT_HTTPHEADER, f->headers);
    if (code == CURLE_OK)
        code = tls_apply(f->tls, f->easy);
    if (code == CURLE_OK)
        code = endpoint_apply(f->common->endpoint, f->tls, f->easy);
    return code == CURLE_OK ? 0 : err_nomem(err);
}

void flight_free(struct flight *f)
{
    if (!f)
        return;
    assert(!f->multi);
    curl_easy_cleanup(f->easy);
    curl_slist_free_all(f->headers);
    tls_unref(f->tls);
    strbuf_done(&f->body);
    head_done(&f->head);
    mem_free(f->url);
    mem_free(f->request_body);
    mem_free(f);
}

void flight_run(struct flight *f, struct multi *m)
{
    move(f, FLIGHT_RUNNING);
    f->multi = m;
}

void flight_read_status(struct flight *f)
{
    long status = 0, of_proxy = 0;

    curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(f->easy, CURLINFO_HTTP_CONNECTCODE, &of_proxy);
    if (of_proxy != 0 && of_proxy / 100 != 2)
        status = 0; /* the proxy's answer, not the server's */
    f->status = (int)status;
}

void flight_complete(struct flight *f)
{
    struct err end = {0};

    if (f->has_head) {
        flight_end(f, NULL);
        return;
    }
    err_set(&end, ERR_UNAVAILABLE, "%s closed the connection before its answer was complete",
            f->common->endpoint->authority);
    flight_end(f, &end);
}

void flight_end(struct flight *f, const struct err *end)
{
    if (f->state == FLIGHT_ENDED)
        return;
    if (end)
        f->end = *end;
    move(f, FLIGHT_ENDED);
}

void flight_cancel(struct flight *f)
{
    if (f->state != FLIGHT_ENDED)
        move(f, FLIGHT_ENDED);
    err_set(&f->end, ERR_CANCELED, "request to %s: canceled", f->common->endpoint->authority);
}

void flight_deliver(struct flight *f, uint64_t now_ms)
{
    struct exchange *x = f->x;
    const struct http_response response = {
        .status = f->status,
        .retry_after = f->head.retry_after[0] != '\0' ? f->head.retry_after : NULL,
        .warnings = f->head.warnings.len > 0 ? f->head.warnings.text : NULL,
        .body = f->body.text,
        .body_len = f->body.len,
    };

    assert(f->state == FLIGHT_ENDED);
    x->handle = NULL; /* the owner may start it anew, or free it, in there */
    x->on_done(x, &response, f->end.code == ERR_NONE ? NULL : &f->end, now_ms);
}

bool flights_have(const struct flights *list, enum flight_state state)
{
    const struct flight *f;

    TAILQ_FOREACH(f, list, link)
    {
        if (f->state == state)
            return true;
    }
    return false;
}

void flights_cancel(struct flights *list)
{
    struct flight *f;

    TAILQ_FOREACH(f, list, link)
    flight_cancel(f);
}

void flights_end_running(struct flights *list, const struct err *end)
{
    struct flight *f;

    TAILQ_FOREACH(f, list, link)
    {
        if (f->state == FLIGHT_RUNNING)
            flight_end(f, end);
    }
}

void flights_end_streams(struct flights *list)
{
    struct flight *f;

    TAILQ_FOREACH(f, list, link)
    {
        if (f->state == FLIGHT_RUNNING && f->is_stream && f->status / 100 == 2)
            flight_end(f, NULL);
    }
}

void flights_take_off(struct flights *list)
{
    struct flight *f;

    TAILQ_FOREACH(f, list, link)
    take_off(f);
}

bool flights_time_out(struct flights *list, uint64_t now_ms, uint64_t *ret_due_ms)
{
    uint64_t next_ms = UINT64_MAX;
    bool has_ended = false;
    struct flight *f;

    TAILQ_FOREACH(f, list, link)
    {
        if (f->state == FLIGHT_ENDED)
            continue;
        if (now_ms >= due_ms(f)) {
            time_out(f, now_ms);
            has_ended = true;
        } else if (due_ms(f) < next_ms) {
            next_ms = due_ms(f);
        }
    }
    *ret_due_ms = next_ms;
    return has_ended;
}

void flights_move_ended(struct flights *list, struct flights *ret_ended)
{
    struct flight *f, *next;

    for (f = TAILQ_FIRST(list); f; f = next) {
        next = TAILQ_NEXT(f, link);
        if (f->state != FLIGHT_ENDED)
            continue;
        take_off(f);
        TAILQ_REMOVE(list, f, link);
        TAILQ_INSERT_TAIL(ret_ended, f, link);
    }
}
