/*
 * Every allocation of ours in a client's life, one after the other, fails; the libraries keep their
 * own allocator. Nothing is left behind and the next client works.
 */
#include "rampart/base/alloc.h"
#include "support/unit.h"
#include "wire/support/plugin.h"
#include "wire/support/solo.h"

static void sweep_client(struct solo *srv)
{
    bool has_fired = true;
    size_t live;
    unsigned runs = 0;

    assert_int_equal(solo_run(srv, UINT64_MAX, &has_fired), SOLO_EXCHANGES);
    live = mem_live();
    has_fired = true;
    for (uint64_t nth = 0; has_fired; nth++, runs++) {
        solo_run(srv, nth, &has_fired);
        if (mem_live() != live)
            fail_msg("allocation %u failed: %zu blocks are left", (unsigned)nth, mem_live() - live);
    }
    assert_true(runs > 15);
    assert_int_equal(solo_run(srv, UINT64_MAX, &has_fired), SOLO_EXCHANGES);
}

static void test_http_survives_any_failed_allocation_of_its_own(void **state)
{
    struct solo srv;

    (void)state;
    solo_start(&srv);
    sweep_client(&srv);
    solo_stop(&srv);
}

static void test_http_with_a_plugin_survives_any_failed_allocation_of_its_own(void **state)
{
    struct plugin plugin;
    struct pki client;
    struct solo srv;

    (void)state;
    solo_start(&srv);
    pki_make(&(struct pki_request){.name = "client", .ca = &srv.ca}, &client);
    plugin_make(&plugin, "cat answer");
    plugin_answer(&plugin, "token", client.cert, client.key, NULL);
    plugin.config.provides_cluster_info = true;
    srv.plugin = &plugin.config;
    sweep_client(&srv);
    solo_stop(&srv);
    plugin_remove(&plugin);
    pki_done(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_survives_any_failed_allocation_of_its_own),
        cmocka_unit_test(test_http_with_a_plugin_survives_any_failed_allocation_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
