/*
 * Every allocation of ours in a client's life, one after the other, fails; the libraries keep their
 * own allocator. Nothing is left behind and the next client works.
 */
#include "rampart/base/alloc.h"
#include "support/unit.h"
#include "wire/support/solo.h"

static void test_http_survives_any_failed_allocation_of_its_own(void **state)
{
    struct solo srv;
    bool has_fired = true;
    size_t live;
    unsigned runs = 0;

    (void)state;
    solo_start(&srv);
    assert_int_equal(solo_run(&srv, UINT64_MAX, &has_fired), SOLO_EXCHANGES);
    live = mem_live();
    has_fired = true;
    for (uint64_t nth = 0; has_fired; nth++, runs++) {
        solo_run(&srv, nth, &has_fired);
        if (mem_live() != live)
            fail_msg("allocation %u failed: %zu blocks are left", (unsigned)nth, mem_live() - live);
    }
    assert_true(runs > 15);
    assert_int_equal(solo_run(&srv, UINT64_MAX, &has_fired), SOLO_EXCHANGES);
    solo_stop(&srv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_survives_any_failed_allocation_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
