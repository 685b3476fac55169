/*
 * The same as test_http_sweep.c with all libraries on our allocator: theirs fail too. The steps are
 * sampled; RAMPART_SWEEP=1 takes each (some 6,000 runs, a minute).
 *
 * Only libuv's uv_loop_init() is left out, it aborts. What this found in libcurl 7.88.1: a crash
 * after a socket callback that returns -1, and a double free in its TLS session cache. We do
 * without both.
 */
#include <stdlib.h>

#include "rampart/base/alloc.h"
#include "rampart/edge/allocators.h"
#include "support/unit.h"
#include "wire/support/solo.h"

#define STEP 23
#define LEFT_MAX                                                                     \
    64 /* blocks; OpenSSL builds global tables anew that it could not build at first \
        */

static void test_http_survives_failed_allocations_of_its_libraries(void **state)
{
    const char *wish = getenv("RAMPART_SWEEP");
    unsigned step = wish ? (unsigned)strtoul(wish, NULL, 10) : STEP;
    struct solo srv;
    bool has_fired = true;
    size_t live;
    unsigned runs = 0;

    (void)state;
    solo_start(&srv);
    assert_int_equal(solo_run(&srv, UINT64_MAX, &has_fired), SOLO_EXCHANGES);
    live = mem_live();
    has_fired = true;
    for (uint64_t nth = 0; has_fired; nth += step, runs++)
        solo_run(&srv, nth, &has_fired);
    assert_true(runs > 1000 / step);
    assert_true(mem_live() <= live + LEFT_MAX);
    assert_int_equal(solo_run(&srv, UINT64_MAX, &has_fired), SOLO_EXCHANGES);
    solo_stop(&srv);
}

static void test_http_gives_back_all_memory(void **state)
{
    struct solo srv;
    bool has_fired;
    size_t live;

    (void)state;
    solo_start(&srv);
    solo_run(&srv, UINT64_MAX, &has_fired);
    live = mem_live();
    for (int i = 0; i < 20; i++)
        assert_int_equal(solo_run(&srv, UINT64_MAX, &has_fired), SOLO_EXCHANGES);
    assert_int_equal(mem_live(), live);
    solo_stop(&srv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_gives_back_all_memory),
        cmocka_unit_test(test_http_survives_failed_allocations_of_its_libraries),
    };
    struct err err = {0};
    int failed;

    if (allocators_install(&err) < 0) {
        print_error("%s\n", err.msg);
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    allocators_done();
    return failed;
}
