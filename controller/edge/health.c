#include "rampart/edge/health.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rampart/base/arena.h"
#include "rampart/base/strbuf.h"
#include "rampart/json/build.h"
#include "rampart/json/get.h"

struct health {
    int fd;    /* owned, listening */
    int spare; /* owned; given up for a client when there is no other descriptor left; -1: none */
    uv_poll_t poll;
    health_state_fn state;
    void *ctx; /* of @state */
    void (*on_stopped)(void *ctx);
    void *stopped_ctx;
};

/* A NUL in front makes the name abstract: no file, and it goes when the socket goes. */
static int address(const char *name, struct sockaddr_un *ret_addr, socklen_t *ret_len,
                   struct err *err)
{
    size_t len = strlen(name);

    if (len == 0 || len > HEALTH_NAME_MAX)
        return err_set(err, ERR_INVALID, "health socket: expected a name of 1..%d characters",
                       HEALTH_NAME_MAX);
    *ret_addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret_addr->sun_path + 1, name, len);
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
    return 0;
}

static void render(const struct health_state *state, struct strbuf *b)
{
    struct json_build j;

    json_build_init(&j, b);
    json_open_obj(&j, NULL);
    json_add_bool(&j, "live", true);
    json_add_bool(&j, "ready", state->is_ready);
    json_add_str(&j, "reason", state->reason);
    json_close_obj(&j);
    strbuf_addc(b, '\n');
}

/* The whole answer fits into the empty buffer of a new socket: nothing of a client is kept. */
static void answer(struct health *h, int fd)
{
    struct health_state state = {0};
    AUTO_STRBUF line;

    strbuf_init(&line, HEALTH_LINE_MAX);
    h->state(h->ctx, &state);
    render(&state, &line);
    if (strbuf_is_ok(&line))
        (void)send(fd, line.text, line.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/*
 * Without a descriptor the client would stay where it is, the loop would come back for it at once,
 * and again, and whoever asks would take us for dead: there is always one for a client.
 */
static int take_client(struct health *h)
{
    int fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0 || (errno != EMFILE && errno != ENFILE) || h->spare < 0)
        return fd;
    close(h->spare);
    h->spare = -1;
    return accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void on_clients(uv_poll_t *poll, int status, int events)
{
    struct health *h = poll->data;

    (void)status;
    (void)events;
    for (unsigned i = 0; i < HEALTH_CLIENTS_MAX; i++) {
        int fd = take_client(h);

        if (fd < 0)
            return; /* nobody left */
        answer(h, fd);
        close(fd);
        if (h->spare < 0)
            h->spare = eventfd(0, EFD_CLOEXEC);
    }
}

static int listen_at(const char *name, struct err *err)
{
    struct sockaddr_un addr;
    socklen_t len;
    int fd;

    if (address(name, &addr, &len, err) < 0)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, len) == 0 &&
        listen(fd, HEALTH_CLIENTS_MAX) == 0)
        return fd;
    if (errno == EADDRINUSE)
        err_set(err, ERR_IO,
                "health socket \"%s\" is in use: does another controller run in this network "
                "namespace? Choose another name",
                name);
    else
        err_set(err, ERR_IO, "health socket \"%s\": %s", name, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

struct health *health_start(struct loop *loop, const char *name, health_state_fn state, void *ctx,
                            struct err *err)
{
    struct health *h = mem_calloc(1, sizeof(*h));
    int r;

    if (!h) {
        err_nomem(err);
        return NULL;
    }
    h->state = state;
    h->ctx = ctx;
    h->fd = listen_at(name, err);
    if (h->fd < 0) {
        mem_free(h);
        return NULL;
    }
    r = uv_poll_init(&loop->uv, &h->poll, h->fd);
    if (r < 0) {
        err_set(err, r == UV_ENOMEM ? ERR_NOMEM : ERR_IO, "health socket: %s", uv_strerror(r));
        close(h->fd);
        mem_free(h);
        return NULL;
    }
    h->spare = eventfd(0, EFD_CLOEXEC);
    h->poll.data = h;
    uv_poll_start(&h->poll, UV_READABLE, on_clients);
    return h;
}

static void on_closed(uv_handle_t *handle)
{
    struct health *h = handle->data;

    if (h->on_stopped)
        h->on_stopped(h->stopped_ctx);
    mem_free(h);
}

void health_stop(struct health *h, void (*on_stopped)(void *ctx), void *ctx)
{
    if (!h)
        return;
    h->on_stopped = on_stopped;
    h->stopped_ctx = ctx;
    uv_close((uv_handle_t *)&h->poll, on_closed);
    close(h->fd);
    if (h->spare >= 0)
        close(h->spare);
}

/* Waits for @events on @fd until @end_ms: 0, or -1 with ERR_TIMEOUT. */
static int wait_for(int fd, short events, uint64_t end_ms, struct err *err)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = events};
        uint64_t now_ms = clock_monotonic_ms();
        int r = now_ms < end_ms ? poll(&p, 1, (int)(end_ms - now_ms)) : 0;

        if (r > 0)
            return 0;
        if (r == 0)
            return err_set(err, ERR_TIMEOUT,
                           "the controller did not answer in %d s: its loop is stuck",
                           HEALTH_TIMEOUT_MS / 1000);
    }
}

static int connect_to(int fd, const char *name, uint64_t end_ms, struct err *err)
{
    struct timeval limit = {.tv_sec = HEALTH_TIMEOUT_MS / 1000};
    struct sockaddr_un addr;
    socklen_t len;

    if (address(name, &addr, &len, err) < 0)
        return -1;
    /* A full queue of a unix socket makes connect() wait; only this limit ends that. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    while (connect(fd, (struct sockaddr *)&addr, len) < 0) {
        if (errno == EINTR && clock_monotonic_ms() < end_ms)
            continue;
        if (errno == EAGAIN || errno == EINTR)
            return err_set(err, ERR_TIMEOUT, "the controller does not answer: its loop is stuck");
        return err_set(err, ERR_UNAVAILABLE, "health socket \"%s\": %s; is the controller running?",
                       name, strerror(errno));
    }
    return 0;
}

static int read_line(int fd, struct strbuf *b, uint64_t end_ms, struct err *err)
{
    for (;;) {
        char chunk[512];
        ssize_t got;

        if (wait_for(fd, POLLIN, end_ms, err) < 0)
            return -1;
        got = recv(fd, chunk, sizeof(chunk), 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return strbuf_check(b, "health answer", err);
        strbuf_add(b, chunk, (size_t)got);
        if (!strbuf_is_ok(b))
            return strbuf_check(b, "health answer", err);
    }
}

static int parse(const char *text, size_t len, struct health_state *ret_state, struct err *err)
{
    json_auto_t *root = json_decode(text, len, err);
    struct health_state state = {0};
    const char *reason;
    AUTO_ARENA a;

    arena_init(&a, HEALTH_LINE_MAX);
    if (!root || json_get_bool(root, "ready", false, &state.is_ready, err) < 0 ||
        json_get_str(root, "reason", sizeof(state.reason) - 1, &a, &reason, err) < 0)
        return err_wrap(err, "health answer");
    if (reason)
        memcpy(state.reason, reason, strlen(reason));
    *ret_state = state;
    return 0;
}

int health_ask(const char *name, struct health_state *ret_state, struct err *err)
{
    uint64_t end_ms = clock_monotonic_ms() + HEALTH_TIMEOUT_MS;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AUTO_STRBUF line;
    int r;

    strbuf_init(&line, HEALTH_LINE_MAX);
    if (fd < 0)
        return err_set(err, ERR_UNAVAILABLE, "health socket: %s", strerror(errno));
    r = connect_to(fd, name, end_ms, err);
    if (r == 0)
        r = read_line(fd, &line, end_ms, err);
    close(fd);
    return r < 0 ? -1 : parse(line.text, line.len, ret_state, err);
}
