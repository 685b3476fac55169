#include "wire/support/solo.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rampart/edge/http.h"
#include "support/unit.h"
#include "wire/support/server.h"

#define PATIENCE_MS 20000

struct run {
    struct loop loop;
    struct http *http;
    struct exchange watch, get, post;
    unsigned started, done, answered;
    bool has_stopped, is_stopping;
    uint64_t end_ms;
    struct err last; /* of what failed */
};

static void on_request(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    if (strcmp(r->path, "/watch") == 0) {
        server_reply(s, 200, "");
        server_send(s, "event", 5);
        server_end(s);
        return;
    }
    server_answer(s, 200, "", "answer");
}

static void serve(struct solo *srv, int fd)
{
    struct loop loop;
    struct server *server;
    int port;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    assert_int_equal(loop_init(&loop, NULL, NULL, NULL, NULL), 0);
    server = server_start(&loop.uv, &(struct server_options){.identity = &srv->identity,
                                                             .handler = on_request});
    port = server_port(server);
    if (write(fd, &port, sizeof(port)) != sizeof(port))
        _exit(1);
    loop_run(&loop);
    _exit(0);
}

void solo_start(struct solo *srv)
{
    int ends[2], port = 0;

    srv->plugin = NULL;
    pki_make(&(struct pki_request){.name = "CA"}, &srv->ca);
    pki_make(&(struct pki_request){.name = "s", .san = "IP:127.0.0.1", .ca = &srv->ca},
             &srv->identity);
    assert_int_equal(pipe(ends), 0);
    srv->pid = fork();
    assert_true(srv->pid >= 0);
    if (srv->pid == 0)
        serve(srv, ends[1]);
    assert_int_equal(read(ends[0], &port, sizeof(port)), sizeof(port));
    close(ends[0]);
    close(ends[1]);
    snprintf(srv->url, sizeof(srv->url), "https://127.0.0.1:%d", port);
}

void solo_stop(struct solo *srv)
{
    kill(srv->pid, SIGKILL);
    waitpid(srv->pid, NULL, 0);
    pki_done(&srv->ca);
    pki_done(&srv->identity);
}

static void on_stopped(void *ctx)
{
    struct run *run = ctx;

    assert_false(run->has_stopped);
    run->has_stopped = true;
    loop_stop(&run->loop);
}

static uint64_t on_turn(void *ctx, uint64_t now_ms)
{
    struct run *run = ctx;

    if (now_ms >= run->end_ms)
        fail_msg("%u of %u exchanges ended; last error: %s", run->done, run->started,
                 run->last.msg);
    if (run->done == run->started && !run->is_stopping) {
        run->is_stopping = true;
        http_stop(run->http, on_stopped, run);
    }
    return run->end_ms;
}

static int on_data(struct exchange *x, const char *bytes, size_t len, uint64_t now_ms)
{
    (void)x;
    (void)bytes;
    (void)len;
    (void)now_ms;
    return 0;
}

static void on_done(struct exchange *x, const struct http_response *response, const struct err *err,
                    uint64_t now_ms)
{
    struct run *run = x->ctx;

    (void)now_ms;
    run->done++;
    assert_true(run->done <= run->started);
    if (err)
        run->last = *err;
    else if (response->status == 200)
        run->answered++;
}

static void begin(struct run *run, struct exchange *x, const struct http_request *request)
{
    struct err err = {0};

    *x = (struct exchange){.on_data = on_data, .on_done = on_done, .ctx = run};
    if (transport_start(http_transport(run->http), request, x, &err) == 0) {
        run->started++;
        return;
    }
    assert_int_equal(err.code, ERR_NOMEM);
    assert_null(x->handle);
}

/* One client from its start to its end. Returns how many exchanges were answered. */
unsigned solo_run(const struct solo *srv, uint64_t fail_at, bool *ret_has_fired)
{
    static const char *lines[] = {"Impersonate-User: jane", "Impersonate-Group: a"};
    struct run run = {.end_ms = clock_monotonic_ms() + PATIENCE_MS};
    const struct client_config config = {.server = srv->url,
                                         .ca_data = srv->ca.cert,
                                         .token = srv->plugin ? NULL : "sesame",
                                         .exec = srv->plugin,
                                         .impersonation = lines,
                                         .impersonation_count = srv->plugin ? 2 : 0,
                                         .source = "test"};
    const struct http_options options = {.loop = &run.loop,
                                         .config = &config,
                                         .user_agent = "rampart/test"};
    struct err err = {0};

    *ret_has_fired = false;
    assert_int_equal(loop_init(&run.loop, on_turn, NULL, &run, &err), 0); /* libuv would abort */
    if (fail_at != UINT64_MAX)
        mem_fail_nth(fail_at);
    run.http = http_new(&options, &err);
    if (run.http) {
        begin(&run, &run.watch,
              &(struct http_request){.path = "/watch", .is_stream = true, .timeout_ms = 5000});
        begin(&run, &run.get, &(struct http_request){.path = "/get", .timeout_ms = 5000});
        begin(&run, &run.post,
              &(struct http_request){.method = HTTP_POST,
                                     .path = "/post",
                                     .body = "{}",
                                     .body_len = 2,
                                     .timeout_ms = 5000});
    } else {
        loop_stop(&run.loop);
    }
    loop_run(&run.loop);
    *ret_has_fired = mem_fail_disarm();
    assert_int_equal(loop_done(&run.loop), 0);
    assert_int_equal(run.done, run.started);
    if (run.http)
        assert_true(run.has_stopped);
    http_free(run.http);
    return run.answered;
}
