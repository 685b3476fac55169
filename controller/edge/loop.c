#include "rampart/edge/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* uv adds the sleep to its own clock; a longer one is cut, the loop then merely turns once more. */
#define SLEEP_MS_MAX (24u * 3600 * 1000)

static void on_timer(uv_timer_t *timer)
{
    (void)timer; /* waking up is all it is for: prepare follows in the same turn */
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *l = prepare->data;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t next_ms = l->on_turn ? l->on_turn(l->ctx, now_ms) : UINT64_MAX;
    uint64_t sleep_ms = 0;

    if (l->is_stopping)
        return; /* on_turn() may have stopped the loop: the timer is closing */
    if (next_ms == UINT64_MAX) {
        uv_timer_stop(&l->timer);
        return;
    }
    now_ms = clock_monotonic_ms();
    if (next_ms > now_ms)
        sleep_ms = next_ms - now_ms;
    uv_update_time(&l->uv);
    uv_timer_start(&l->timer, on_timer, sleep_ms < SLEEP_MS_MAX ? sleep_ms : SLEEP_MS_MAX, 0);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct loop *l = handle->data;

    l->signals_count++;
    l->on_signal(l->ctx, signum, l->signals_count > 1);
}

static int signals_start(struct loop *l)
{
    int r;

    uv_signal_init(&l->uv, &l->sigterm);
    uv_signal_init(&l->uv, &l->sigint);
    l->sigterm.data = l;
    l->sigint.data = l;
    r = uv_signal_start(&l->sigterm, on_signal, SIGTERM);
    return r < 0 ? r : uv_signal_start(&l->sigint, on_signal, SIGINT);
}

/*
 * libuv aborts the process when it cannot grow its table of watched descriptors. One watcher with a
 * high number makes it grow here, at the start, and never again.
 */
static void reserve_watchers(uv_loop_t *uv)
{
    int low = eventfd(0, EFD_CLOEXEC);
    int high = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, LOOP_FDS_RESERVED - 1);
    uv_poll_t poll;

    if (high >= 0 && uv_poll_init(uv, &poll, high) == 0) {
        (void)uv_poll_start(&poll, UV_READABLE, NULL);
        uv_close((uv_handle_t *)&poll, NULL);
        uv_run(uv, UV_RUN_NOWAIT); /* closing ends in a turn; nothing else is there yet */
    }
    if (high >= 0)
        close(high);
    if (low >= 0)
        close(low);
}

int loop_init(struct loop *l, loop_turn_fn on_turn, loop_signal_fn on_sig, void *ctx,
              struct err *err)
{
    int r;

    memset(l, 0, sizeof(*l));
    l->on_turn = on_turn;
    l->on_signal = on_sig;
    l->ctx = ctx;
    (void)signal(SIGPIPE, SIG_IGN);
    r = uv_loop_init(&l->uv);
    if (r == UV_ENOMEM)
        return err_nomem(err);
    if (r < 0)
        return err_set(err, ERR_IO, "event loop: %s", uv_strerror(r));
    reserve_watchers(&l->uv);
    uv_prepare_init(&l->uv, &l->prepare);
    uv_timer_init(&l->uv, &l->timer);
    l->prepare.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    if (on_sig)
        r = signals_start(l);
    if (r < 0) {
        loop_stop(l);
        loop_run(l);
        (void)loop_done(l);
        return err_set(err, ERR_IO, "signal handlers: %s", uv_strerror(r));
    }
    return 0;
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    if (l->is_stopping)
        return;
    l->is_stopping = true;
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->timer, NULL);
    if (l->on_signal) {
        uv_close((uv_handle_t *)&l->sigterm, NULL);
        uv_close((uv_handle_t *)&l->sigint, NULL);
    }
}

int loop_done(struct loop *l)
{
    return uv_loop_close(&l->uv) == 0 ? 0 : -1;
}

uint64_t clock_monotonic_ms(void)
{
    return uv_hrtime() / 1000000u;
}

int64_t clock_wall_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t clock_random_seed(void)
{
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        seed = uv_hrtime(); /* for jitter only, never for secrets */
    return seed;
}
