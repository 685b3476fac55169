/*
 * Runs a function again and again, each time with a later allocation failing, until it gets through
 * without a failure. What it must do each time is the same for all: fail with ERR_NOMEM, and give
 * back all memory.
 */
#ifndef TESTS_SUPPORT_SWEEP_H
#define TESTS_SUPPORT_SWEEP_H

#include "rampart/base/err.h"

/* Does its work from scratch, asserts that outputs are untouched on failure, and cleans up. 0 or
 * -1. */
typedef int (*sweep_fn)(void *ctx, struct err *err);

/*
 * Asserts, for each run, that mem_live() is what it was before and that a failed allocation gives
 * -1 and ERR_NOMEM; and that the run without one gives 0. Returns how many allocations failed, one
 * a run.
 */
unsigned sweep(sweep_fn fn, void *ctx);

/* For work that can do without: a run with a failed allocation may give 0 as well. */
unsigned sweep_tolerant(sweep_fn fn, void *ctx);

#endif
