#include "support/sweep.h"

#include "rampart/base/alloc.h"
#include "support/unit.h"

#define RUNS_MAX 1000000u /* a function that never gets through is an error of the test */

static unsigned run(sweep_fn fn, void *ctx, bool may_succeed)
{
    for (unsigned nth = 0; nth < RUNS_MAX; nth++) {
        struct err err = {.code = ERR_NONE};
        size_t live = mem_live();
        bool has_fired;
        int r;

        mem_fail_nth(nth);
        r = fn(ctx, &err);
        has_fired = mem_fail_disarm();
        if (mem_live() != live)
            fail_msg("allocation %u failed: %zu blocks before, %zu after", nth, live, mem_live());
        if (!has_fired) {
            if (r != 0)
                fail_msg("nothing failed, yet: %s", err.msg);
            return nth;
        }
        if (r == 0 && !may_succeed)
            fail_msg("allocation %u failed and nobody noticed", nth);
        if (r != 0 && err.code != ERR_NOMEM)
            fail_msg("allocation %u failed: %s: %s", nth, err_code_name(err.code), err.msg);
    }
    fail_msg("still failing after %u runs", RUNS_MAX);
    return 0;
}

unsigned sweep(sweep_fn fn, void *ctx)
{
    return run(fn, ctx, false);
}

unsigned sweep_tolerant(sweep_fn fn, void *ctx)
{
    return run(fn, ctx, true);
}
