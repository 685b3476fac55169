/* Ingresses are looked at for profiles in Audit, and for nobody else. */
#include "sync_manager.h"

#include "rampart/sync/ingresses.h"
#include "rampart/sync/scan.h"

#define LISTS "/apis/networking.k8s.io/v1/ingresses?limit=250"

static size_t lists(struct bench *b)
{
    size_t count = 0;

    for (size_t i = 0; i < b->net.count; i++)
        count += strcmp(b->net.exchanges[i].request.path, LISTS) == 0;
    return count;
}

/* So often a pass over "shop" knew of the Ingress. */
static size_t known(struct bench *b)
{
    size_t count = 0;

    for (const char *at = b->trace; (at = strstr(at, "ingress/front ")); at++)
        count++;
    return count;
}

static void edit(struct bench *b, bool audits)
{
    struct thing *t = thing_find(b, KIND_PROFILE, "", "restricted");

    b->audits = audits;
    t->generation++;
    (void)put(b, KIND_PROFILE, "", "restricted");
}

static void test_manager_asks_for_no_ingresses_where_nothing_is_in_audit(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_INGRESS, "shop", "front");
    begin(b);
    run(b, 60 * MINUTE_MS);
    assert_int_equal(lists(b), 0);
}

static void test_manager_knows_the_ingresses_soon_after_a_profile_is_in_audit(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_INGRESS, "shop", "front");
    begin(b);
    edit(b, true);
    run(b, 2 * SECOND_MS);
    assert_int_equal(lists(b), 1);
    assert_int_equal(known(b), 1); /* its namespace was planned again */
    forget_trace(b);
    run(b, SCAN_EVERY_MS + SECOND_MS);
    assert_int_equal(lists(b), 2);
    assert_int_equal(known(b), 0); /* nothing new */
    take_away(b, KIND_INGRESS, "shop", "front");
    run(b, SCAN_EVERY_MS + SECOND_MS);
    assert_string_equal(b->trace, "ns/shop ");
}

static void test_manager_forgets_the_ingresses_when_nothing_is_in_audit_any_more(void **state)
{
    struct bench *b = *state;

    b->audits = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_INGRESS, "shop", "front");
    begin(b);
    run(b, SECOND_MS);
    assert_int_equal(lists(b), 1);
    edit(b, false);
    run(b, SCAN_EVERY_MS + SECOND_MS);
    forget_trace(b);
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, SECOND_MS);
    assert_int_equal(known(b), 0);
    assert_int_equal(lists(b), 1);
}

/* Without the right all goes on, and the log says which one is missing. */
static void test_manager_goes_on_without_the_right_to_list_ingresses(void **state)
{
    struct bench *b = *state;
    char reason[256];

    b->audits = true;
    b->forbids_ingresses = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    run(b, SECOND_MS);
    assert_true(manager_is_ready(b->manager, reason, sizeof(reason)));
    assert_int_equal(logged(b, "grant the verb \\\"list\\\" on ingresses.networking.k8s.io"), 1);
}

static void test_manager_says_that_it_knows_of_too_many_services_behind_ingresses(void **state)
{
    struct bench *b = *state;

    b->audits = true;
    for (int i = 0; i <= INGRESSES_MAX; i++) {
        char ns[16];

        (void)snprintf(ns, sizeof(ns), "n%d", i);
        (void)put(b, KIND_INGRESS, ns, "front");
    }
    begin(b);
    assert_int_equal(logged(b, "more Services are behind Ingresses than are kept"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_manager_asks_for_no_ingresses_where_nothing_is_in_audit),
        MANAGER_TEST(test_manager_knows_the_ingresses_soon_after_a_profile_is_in_audit),
        MANAGER_TEST(test_manager_forgets_the_ingresses_when_nothing_is_in_audit_any_more),
        MANAGER_TEST(test_manager_says_that_it_knows_of_too_many_services_behind_ingresses),
        MANAGER_TEST(test_manager_goes_on_without_the_right_to_list_ingresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
