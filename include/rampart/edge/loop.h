/*
 * The libuv loop, the clocks and the signals. The only place that reads a clock.
 *
 * Before each wait of the loop the owner's @on_turn runs with a fresh time, does what is due and
 * returns when it wants to run again; the loop sleeps until then or until something happens. Timers
 * and uv_idle callbacks of a turn run before
 * @on_turn, sockets after it; an active uv_idle keeps the loop from sleeping.
 */
#ifndef RAMPART_EDGE_LOOP_H
#define RAMPART_EDGE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "rampart/base/err.h"

#define LOOP_FDS_RESERVED 254 /* descriptors below it never make libuv ask for memory */

/* Returns the monotonic ms at which it wants to run again at the latest; UINT64_MAX: only when
 * something happens. */
typedef uint64_t (*loop_turn_fn)(void *ctx, uint64_t now_ms);
/* SIGTERM or SIGINT; the second one, while stopping, has @is_second set. */
typedef void (*loop_signal_fn)(void *ctx, int signum, bool is_second);

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* runs @on_turn */
    uv_timer_t timer;     /* ends the sleep when @on_turn asked for it */
    uv_signal_t sigterm;  /* initialised only with @on_signal, as @sigint is */
    uv_signal_t sigint;
    loop_turn_fn on_turn;     /* may be NULL: nothing runs before a wait */
    loop_signal_fn on_signal; /* may be NULL: no signal is handled */
    void *ctx;                /* the owner's, for both */
    unsigned signals_count;   /* that arrived so far */
    bool is_stopping;         /* loop_stop() was called */
};

/* Ignores SIGPIPE for the whole process: a peer that goes away is an error of the write. ERR_IO,
 * ERR_NOMEM. */
int loop_init(struct loop *l, loop_turn_fn on_turn, loop_signal_fn on_signal, void *ctx,
              struct err *err);
void loop_run(struct loop *l); /* until loop_stop() and every handle is closed */
void loop_stop(
    struct loop *l); /* closes its own handles; the owner has closed its own. Twice is fine */
int loop_done(struct loop *l); /* 0; -1 when a handle was left open (a bug: tests assert 0) */

uint64_t clock_monotonic_ms(void); /* fresh, not uv's cached time: right after a SIGCONT too */
int64_t clock_wall_ms(void);       /* since 1970 */
uint64_t clock_random_seed(void);  /* from the kernel */

#endif
