#include "rampart/edge/exec_plugin.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

#include "exec_setup.h"
#include "rampart/base/strbuf.h"

#define TO(state) (1u << (state))
#define MEMORY_MAX (8u * 1024 * 1024) /* what one run needs, and then its answer */
#define CHUNK 4096

enum plugin_state {
    PLUGIN_IDLE = 0,
    PLUGIN_RUNNING, /* there is a child, or its output is not at its end */
    PLUGIN_CLOSING, /* its handles are being closed */
    PLUGIN_STOPPED,
    PLUGIN_STATE_COUNT,
};

static const unsigned may_go[PLUGIN_STATE_COUNT] = {
    [PLUGIN_IDLE] = TO(PLUGIN_RUNNING) | TO(PLUGIN_STOPPED),
    [PLUGIN_RUNNING] = TO(PLUGIN_CLOSING),
    [PLUGIN_CLOSING] = TO(PLUGIN_IDLE),
};

/* Everything about the run under way, zeroed before each. */
struct run {
    struct arena memory; /* its arguments and environment */
    struct strbuf out;   /* secret */
    char err[EXEC_STDERR_KEPT];
    size_t err_len;
    bool has_exited;
    bool has_out_ended;
    bool has_err_ended;
    bool is_told;   /* to end: it got SIGTERM */
    bool is_late;   /* because its time was over */
    bool is_broken; /* nothing is to be made of it: the error is known already */
    int64_t exit_code;
    int signum;
    enum err_code overflow; /* of @out: ERR_LIMIT or ERR_NOMEM */
};

struct exec_plugin {
    struct loop *loop; /* borrowed */
    struct exec_setup setup;
    uint32_t timeout_ms;
    exec_plugin_fn on_ended;
    void *ctx; /* of @on_ended */
    enum plugin_state state;
    bool is_stopping;
    bool was_started; /* once: @timer is a handle of the loop */
    uv_timer_t timer;
    uv_process_t process;
    uv_pipe_t out;
    uv_pipe_t err;
    unsigned closing; /* handles of the run whose close callback is due */
    struct run run;
    char chunk[CHUNK];
    void (*on_stopped)(void *ctx);
    void *stopped_ctx;
};

static void move(struct exec_plugin *p, enum plugin_state next)
{
    assert(may_go[p->state] & TO(next));
    p->state = next;
}

/* ---- How a run ends ---- */

static int complain(const struct exec_plugin *p, struct err *err, const char *what,
                    const char *detail)
{
    return err_set(err, ERR_UNAUTHORIZED, "%s: exec: %s %s%s%s", p->setup.source,
                   p->setup.config.command, what, *detail ? ": " : "", detail);
}

static int judge(const struct exec_plugin *p, struct err *err)
{
    char complaint[EXEC_COMPLAINT_MAX], what[64];
    const struct run *run = &p->run;

    exec_complaint(run->err, run->err_len, complaint);
    if (run->overflow == ERR_NOMEM)
        return err_nomem(err);
    if (run->overflow == ERR_LIMIT) {
        (void)snprintf(what, sizeof(what), "printed more than %u bytes", EXEC_STDOUT_MAX);
        return complain(p, err, what, "");
    }
    if (run->is_late) {
        (void)snprintf(what, sizeof(what), "gave no answer in %u ms", p->timeout_ms);
        return complain(p, err, what, complaint);
    }
    if (run->signum != 0) {
        (void)snprintf(what, sizeof(what), "was ended by signal %d", run->signum);
        return complain(p, err, what, complaint);
    }
    if (run->exit_code != 0) {
        (void)snprintf(what, sizeof(what), "failed with exit code %d", (int)run->exit_code);
        return complain(p, err, what, complaint);
    }
    return 0;
}

static void wipe_text(const char *text)
{
    if (text)
        explicit_bzero((char *)(uintptr_t)text, strlen(text));
}

static void conclude(struct exec_plugin *p)
{
    struct exec_credential credential = {0};
    struct err err = {0}, why = {0};
    AUTO_ARENA a;
    int r = judge(p, &err);

    arena_init(&a, MEMORY_MAX);
    if (r == 0) {
        r = exec_credential_decode(p->run.out.text, p->run.out.len, p->setup.config.api_version, &a,
                                   &credential, &why);
        if (r < 0 && why.code == ERR_NOMEM)
            err_nomem(&err);
        else if (r < 0)
            complain(p, &err, "gave an answer that is none", why.msg);
    }
    explicit_bzero(p->run.out.text, p->run.out.cap);
    strbuf_done(&p->run.out);
    p->on_ended(p->ctx, r == 0 ? &credential : NULL, r == 0 ? NULL : &err);
    wipe_text(credential.token);
    wipe_text(credential.key);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct exec_plugin *p = handle->data;

    move(p, PLUGIN_STOPPED);
    p->on_stopped(p->stopped_ctx);
}

static void on_closed(uv_handle_t *handle)
{
    struct exec_plugin *p = handle->data;

    if (--p->closing > 0)
        return;
    move(p, PLUGIN_IDLE);
    arena_done(&p->run.memory);
    if (!p->is_stopping && !p->run.is_broken) {
        conclude(p);
        return;
    }
    explicit_bzero(p->run.out.text, p->run.out.cap);
    strbuf_done(&p->run.out);
    if (p->is_stopping)
        uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

static void close_run(struct exec_plugin *p)
{
    move(p, PLUGIN_CLOSING);
    uv_timer_stop(&p->timer);
    p->closing = 3;
    uv_close((uv_handle_t *)&p->process, on_closed);
    uv_close((uv_handle_t *)&p->out, on_closed);
    uv_close((uv_handle_t *)&p->err, on_closed);
}

static void close_if_ended(struct exec_plugin *p)
{
    const struct run *run = &p->run;

    if (p->state == PLUGIN_RUNNING && run->has_exited && run->has_out_ended && run->has_err_ended)
        close_run(p);
}

static void on_timer(uv_timer_t *timer);

static void tell_to_end(struct exec_plugin *p)
{
    if (p->run.has_exited || p->run.is_told)
        return;
    p->run.is_told = true;
    (void)uv_process_kill(&p->process, SIGTERM);
    uv_timer_start(&p->timer, on_timer, EXEC_GRACE_MS, 0);
}

/* The time of the run is over, or the grace after SIGTERM or after its exit. */
static void on_timer(uv_timer_t *timer)
{
    struct exec_plugin *p = timer->data;

    if (p->run.has_exited) { /* a grandchild holds on to the pipes */
        p->run.has_out_ended = true;
        p->run.has_err_ended = true;
        close_if_ended(p);
    } else if (p->run.is_told) {
        (void)uv_process_kill(&p->process, SIGKILL);
    } else {
        p->run.is_late = true;
        tell_to_end(p);
    }
}

/* ---- The child and its output ---- */

static void on_exit_of_child(uv_process_t *process, int64_t exit_code, int signum)
{
    struct exec_plugin *p = process->data;

    p->run.has_exited = true;
    p->run.exit_code = exit_code;
    p->run.signum = signum;
    uv_update_time(&p->loop->uv);
    uv_timer_start(&p->timer, on_timer, EXEC_GRACE_MS, 0);
    close_if_ended(p);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct exec_plugin *p = handle->data;

    (void)size;
    *buf = uv_buf_init(p->chunk, sizeof(p->chunk));
}

static void on_out(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct exec_plugin *p = stream->data;
    struct run *run = &p->run;

    if (len > 0) {
        strbuf_add(&run->out, buf->base, (size_t)len);
        explicit_bzero(buf->base, (size_t)len);
    }
    if (!strbuf_is_ok(&run->out)) {
        run->overflow = run->out.broke;
        tell_to_end(p);
    }
    if (len < 0 || run->overflow != ERR_NONE) {
        uv_read_stop(stream);
        run->has_out_ended = true;
        close_if_ended(p);
    }
}

/* The last EXEC_STDERR_KEPT bytes. */
static void keep(struct run *run, const char *bytes, size_t len)
{
    size_t drop = run->err_len + len > sizeof(run->err) ? run->err_len + len - sizeof(run->err) : 0;

    assert(len <= sizeof(run->err) && drop <= run->err_len);
    memmove(run->err, run->err + drop, run->err_len - drop);
    run->err_len -= drop;
    memcpy(run->err + run->err_len, bytes, len);
    run->err_len += len;
}

static void on_err(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct exec_plugin *p = stream->data;

    if (len > 0)
        keep(&p->run, buf->base, (size_t)len);
    if (len < 0) {
        uv_read_stop(stream);
        p->run.has_err_ended = true;
        close_if_ended(p);
    }
}

static int spawn(struct exec_plugin *p, const char *path, struct err *err)
{
    const unsigned flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = (uv_stdio_flags)flags, .data.stream = (uv_stream_t *)&p->out},
        {.flags = (uv_stdio_flags)flags, .data.stream = (uv_stream_t *)&p->err},
    };
    const uv_process_options_t options = {
        .exit_cb = on_exit_of_child,
        .file = path,
        .args = exec_setup_args(&p->setup, &p->run.memory),
        .env = exec_setup_env(&p->setup, &p->run.memory),
        .stdio_count = 3,
        .stdio = stdio,
    };
    int r;

    if (!options.args || !options.env) {
        arena_done(&p->run.memory);
        return err_nomem(err);
    }
    move(p, PLUGIN_RUNNING);
    uv_pipe_init(&p->loop->uv, &p->out, 0);
    uv_pipe_init(&p->loop->uv, &p->err, 0);
    p->process.data = p;
    p->out.data = p;
    p->err.data = p;
    r = uv_spawn(&p->loop->uv, &p->process, &options);
    if (r == 0)
        r = uv_read_start((uv_stream_t *)&p->out, on_alloc, on_out);
    if (r == 0)
        r = uv_read_start((uv_stream_t *)&p->err, on_alloc, on_err);
    if (r == 0)
        return 0;
    if (uv_is_active((uv_handle_t *)&p->process))
        (void)uv_process_kill(&p->process, SIGKILL);
    p->run.is_broken = true;
    close_run(p);
    return complain(p, err, "cannot be started", uv_strerror(r));
}

struct exec_plugin *exec_plugin_new(struct loop *loop, const struct client_config *config,
                                    uint32_t timeout_ms, exec_plugin_fn on_ended, void *ctx,
                                    struct err *err)
{
    struct exec_plugin *p = mem_calloc(1, sizeof(*p));

    if (!p) {
        err_nomem(err);
        return NULL;
    }
    p->loop = loop;
    p->timeout_ms = timeout_ms > 0 ? timeout_ms : EXEC_TIMEOUT_MS;
    p->on_ended = on_ended;
    p->ctx = ctx;
    if (exec_setup_init(&p->setup, config, err) < 0) {
        mem_free(p);
        return NULL;
    }
    return p;
}

int exec_plugin_start(struct exec_plugin *p, struct err *err)
{
    char found[EXEC_PATH_MAX];
    const char *path;

    assert(!p->is_stopping);
    if (p->state != PLUGIN_IDLE)
        return complain(p, err, "is still running", "");
    path = exec_setup_find(&p->setup, found);
    if (!path)
        return complain(p, err,
                        strchr(p->setup.config.command, '/') ? "is not there or cannot be executed"
                                                             : "is not in PATH",
                        p->setup.config.install_hint ? p->setup.config.install_hint
                                                     : "install the plugin");
    if (!p->was_started)
        uv_timer_init(&p->loop->uv, &p->timer);
    p->was_started = true;
    p->timer.data = p;
    memset(&p->run, 0, sizeof(p->run));
    arena_init(&p->run.memory, MEMORY_MAX);
    strbuf_init(&p->run.out, EXEC_STDOUT_MAX);
    if (spawn(p, path, err) < 0)
        return -1;
    uv_update_time(&p->loop->uv);
    uv_timer_start(&p->timer, on_timer, p->timeout_ms, 0);
    return 0;
}

int exec_plugin_wrap(const struct exec_plugin *p, struct err *err)
{
    return err_wrap(err, "%s: exec: %s", p->setup.source, p->setup.config.command);
}

bool exec_plugin_stop(struct exec_plugin *p, void (*on_stopped)(void *ctx), void *ctx)
{
    assert(!p->is_stopping);
    if (!p->was_started)
        return false;
    p->is_stopping = true;
    p->on_stopped = on_stopped;
    p->stopped_ctx = ctx;
    if (p->state == PLUGIN_RUNNING)
        tell_to_end(p);
    else if (p->state == PLUGIN_IDLE)
        uv_close((uv_handle_t *)&p->timer, on_timer_closed);
    return true;
}

void exec_plugin_abandon(struct exec_plugin *p)
{
    if (p->state == PLUGIN_RUNNING && !p->run.has_exited)
        (void)uv_process_kill(&p->process, SIGKILL);
}

void exec_plugin_free(struct exec_plugin *p)
{
    if (!p)
        return;
    assert(p->state == PLUGIN_STOPPED || !p->was_started);
    exec_setup_done(&p->setup);
    mem_free(p);
}
