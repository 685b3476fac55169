#include "rampart/sync/exec_pace.h"

#include <assert.h>

#define COUNTED_MAX 16 /* in a row; the floor has long reached its own ceiling by then */

static uint64_t floor_after(unsigned times)
{
    uint64_t wait_ms = EXEC_FLOOR_MS;

    while (times-- > 0 && wait_ms < EXEC_FLOOR_MAX_MS)
        wait_ms *= 2;
    return wait_ms < EXEC_FLOOR_MAX_MS ? wait_ms : EXEC_FLOOR_MAX_MS;
}

void exec_pace_init(struct exec_pace *p)
{
    *p = (struct exec_pace){.expires_ms = INT64_MAX};
}

enum exec_advice exec_pace_ask(const struct exec_pace *p, uint64_t now_ms, int64_t wall_ms)
{
    if (p->has_credential && !p->is_rejected && wall_ms < p->expires_ms)
        return EXEC_USE;
    if (p->is_running)
        return EXEC_WAIT;
    if (now_ms >= p->may_run_ms)
        return EXEC_RUN;
    /* Too early: let the server judge what there is, unless the plugin itself is what fails. */
    return p->has_credential && p->failures == 0 ? EXEC_USE : EXEC_FAIL;
}

void exec_pace_started(struct exec_pace *p)
{
    assert(!p->is_running);
    p->is_running = true;
}

void exec_pace_succeeded(struct exec_pace *p, int64_t expires_ms, uint64_t now_ms)
{
    assert(p->is_running);
    p->is_running = false;
    p->has_credential = true;
    p->is_rejected = false;
    p->expires_ms = expires_ms;
    p->failures = 0;
    p->may_run_ms = now_ms + floor_after(p->rejections);
}

void exec_pace_failed(struct exec_pace *p, uint64_t now_ms)
{
    assert(p->is_running);
    p->is_running = false;
    p->may_run_ms = now_ms + floor_after(p->failures);
    if (p->failures < COUNTED_MAX)
        p->failures++;
}

void exec_pace_rejected(struct exec_pace *p)
{
    if (!p->has_credential || p->is_rejected)
        return;
    p->is_rejected = true;
    if (p->rejections < COUNTED_MAX)
        p->rejections++;
}

void exec_pace_accepted(struct exec_pace *p)
{
    if (!p->is_rejected) /* an answer to what was sent before the 401 proves nothing */
        p->rejections = 0;
}
