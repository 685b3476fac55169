#include "rampart/edge/multi.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/queue.h>
#include <sys/socket.h>

/* A socket of libcurl's; libcurl opens and closes it, we watch it. */
struct multi_socket {
    TAILQ_ENTRY(multi_socket) link;
    uv_poll_t poll;
    struct multi *multi; /* borrowed */
    curl_socket_t fd;    /* borrowed */
    int events;          /* what libcurl wants: UV_READABLE | UV_WRITABLE */
};

TAILQ_HEAD(multi_sockets, multi_socket);

struct multi {
    CURLM *curl; /* owned; NULL once closing */
    struct loop *loop;
    struct multi_events events;
    struct multi_sockets sockets;
    uv_timer_t timer; /* when libcurl wants to be driven next */
    unsigned closing; /* handles whose close callback is due */
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static void release(struct multi *m)
{
    assert(m->closing > 0);
    if (--m->closing > 0 || m->curl)
        return;
    if (m->on_closed)
        m->on_closed(m->closed_ctx);
    mem_free(m);
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct multi_socket *s = handle->data;
    struct multi *m = s->multi;

    mem_free(s);
    release(m);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void socket_close(struct multi_socket *s)
{
    TAILQ_REMOVE(&s->multi->sockets, s, link);
    s->multi->closing++;
    uv_close((uv_handle_t *)&s->poll, on_socket_closed); /* stops polling at once */
}

/* After every socket_action, whatever it returned: the last transfer may have ended by its timeout.
 */
static void read_completions(struct multi *m, CURLMcode code)
{
    CURLMsg *message;
    int left;

    for (;;) {
        message = curl_multi_info_read(m->curl, &left);
        if (!message)
            break;
        if (message->msg == CURLMSG_DONE)
            m->events.on_finished(m->events.ctx, message->easy_handle, message->data.result);
    }
    if (code != CURLM_OK)
        m->events.on_broken(m->events.ctx);
}

/*
 * libcurl sends head and body of a request one by one, and so the requests of a turn. Corked, they
 * leave together: the API server is woken once for all of them. Letting go sends what waits.
 */
static void hold_back(struct multi *m, int is_on)
{
    struct multi_socket *s;

    TAILQ_FOREACH(s, &m->sockets, link)
    {
        (void)setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &is_on, sizeof(is_on));
    }
}

static void act(struct multi *m, curl_socket_t fd, int what)
{
    CURLMcode code;
    int running;

    hold_back(m, 1);
    code = curl_multi_socket_action(m->curl, fd, what, &running);
    hold_back(m, 0);
    read_completions(m, code);
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct multi_socket *s = poll->data;
    int what = 0;

    if (status < 0)
        what = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        what |= CURL_CSELECT_OUT;
    act(s->multi, s->fd, what);
    /* uv stops watching after an error; as long as libcurl keeps the socket, it wants to hear of
     * it. */
    if (status < 0 && !uv_is_closing((uv_handle_t *)poll))
        (void)uv_poll_start(poll, s->events, on_poll);
}

static struct multi_socket *socket_new(struct multi *m, curl_socket_t fd)
{
    struct multi_socket *s = mem_calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->multi = m;
    s->fd = fd;
    if (uv_poll_init_socket(&m->loop->uv, &s->poll, fd) < 0) {
        mem_free(s);
        return NULL;
    }
    s->poll.data = s;
    TAILQ_INSERT_TAIL(&m->sockets, s, link);
    return s;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct multi *m = ctx;
    struct multi_socket *s = socket_ctx;

    (void)easy;
    if (!m->curl)
        return 0; /* closing: nothing is watched any more */
    if (what == CURL_POLL_REMOVE) {
        if (s)
            socket_close(s);
        curl_multi_assign(m->curl, fd, NULL);
        return 0;
    }
    if (!s) {
        s = socket_new(m, fd);
        if (!s || curl_multi_assign(m->curl, fd, s) != CURLM_OK) {
            m->events.on_broken(m->events.ctx);
            return 0; /* libcurl 7.88.1 crashes on -1: it goes on with a connection that is gone */
        }
    }
    s->events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    (void)uv_poll_start(&s->poll, s->events, on_poll); /* fails on a handle that is closing only */
    return 0;
}

static int on_curl_timer(CURLM *curl, long timeout_ms, void *ctx)
{
    struct multi *m = ctx;

    (void)curl;
    if (!m->curl)
        return 0;
    if (timeout_ms < 0) {
        uv_timer_stop(&m->timer);
        return 0;
    }
    uv_update_time(&m->loop->uv);
    uv_timer_start(&m->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static bool configure(struct multi *m)
{
    CURLM *c = m->curl;

    return curl_multi_setopt(c, CURLMOPT_SOCKETFUNCTION, on_curl_socket) == CURLM_OK &&
           curl_multi_setopt(c, CURLMOPT_SOCKETDATA, m) == CURLM_OK &&
           curl_multi_setopt(c, CURLMOPT_TIMERFUNCTION, on_curl_timer) == CURLM_OK &&
           curl_multi_setopt(c, CURLMOPT_TIMERDATA, m) == CURLM_OK &&
           curl_multi_setopt(c, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) == CURLM_OK &&
           curl_multi_setopt(c, CURLMOPT_MAXCONNECTS, (long)MULTI_IDLE_CONNECTIONS_MAX) == CURLM_OK;
}

struct multi *multi_new(struct loop *loop, const struct multi_events *events, struct err *err)
{
    struct multi *m = mem_calloc(1, sizeof(*m));

    if (m)
        m->curl = curl_multi_init();
    if (!m || !m->curl || !configure(m)) {
        if (m && m->curl)
            curl_multi_cleanup(m->curl);
        mem_free(m);
        err_nomem(err);
        return NULL;
    }
    m->loop = loop;
    m->events = *events;
    TAILQ_INIT(&m->sockets);
    uv_timer_init(&loop->uv, &m->timer);
    m->timer.data = m;
    return m;
}

int multi_add(struct multi *m, CURL *easy, struct err *err)
{
    CURLMcode code = curl_multi_add_handle(m->curl, easy);

    if (code == CURLM_OUT_OF_MEMORY)
        return err_nomem(err);
    if (code != CURLM_OK)
        return err_set(err, ERR_UNAVAILABLE, "libcurl: %s", curl_multi_strerror(code));
    return 0;
}

void multi_remove(struct multi *m, CURL *easy)
{
    CURLMcode code = curl_multi_remove_handle(m->curl, easy);

    assert(code != CURLM_RECURSIVE_API_CALL);
    (void)code;
}

void multi_drive(struct multi *m)
{
    act(m, CURL_SOCKET_TIMEOUT, 0);
}

void multi_close(struct multi *m, void (*on_closed)(void *ctx), void *ctx)
{
    CURLM *curl = m->curl;
    struct multi_socket *s;

    m->on_closed = on_closed;
    m->closed_ctx = ctx;
    m->curl = NULL;
    while ((s = TAILQ_FIRST(&m->sockets)) != NULL)
        socket_close(s);
    m->closing++;
    uv_close((uv_handle_t *)&m->timer, on_timer_closed);
    curl_multi_cleanup(curl); /* closes the sockets: after the loop stopped watching them */
}
