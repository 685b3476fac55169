/* To which Services Ingresses lead: what is kept of a look at all of them. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/sync/ingresses.h"
#include "support/sweep.h"

static int setup(void **state)
{
    static struct ingresses s;

    ingresses_init(&s);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    ingresses_done(*state);
    return 0;
}

static int add(struct ingresses *s, const char *ns, const char *name, const char *service,
               struct err *err)
{
    const char *services[] = {service, "shared"};
    const struct ingress_facts ingress = {
        .object = {.kind = KIND_INGRESS, .ns = ns, .name = name},
        .services = services,
        .services_count = 2,
    };

    return ingresses_add(s, &ingress, err);
}

static void test_a_service_is_known_by_the_first_of_its_ingresses(void **state)
{
    struct ingresses *s = *state;

    assert_null(ingresses_get(s, "shop", "web"));
    assert_int_equal(add(s, "shop", "b", "web", NULL), 0);
    assert_int_equal(add(s, "shop", "a", "cart", NULL), 0);
    assert_int_equal(add(s, "shop", "c", "api", NULL), 0);
    assert_string_equal(ingresses_get(s, "shop", "web"), "b");
    assert_string_equal(ingresses_get(s, "shop", "shared"), "a");
    assert_null(ingresses_get(s, "other", "web"));
}

static void test_a_name_that_nothing_can_have_is_of_nothing(void **state)
{
    char name[1024];

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(add(*state, "shop", "a", name, NULL), 0);
    assert_null(ingresses_get(*state, "shop", name));
    assert_string_equal(ingresses_get(*state, "shop", "shared"), "a");
}

static void test_of_more_services_than_the_ceiling_nothing_is_known(void **state)
{
    struct ingresses *s = *state;
    char name[16];

    for (int i = 0; i < INGRESSES_MAX - 1; i++) {
        (void)snprintf(name, sizeof(name), "s%d", i);
        assert_int_equal(add(s, "shop", "a", name, NULL), 0);
    }
    assert_false(s->is_cut);
    assert_int_equal(add(s, "shop", "a", "more", NULL), 0);
    assert_true(s->is_cut);
    assert_null(ingresses_get(s, "shop", "more"));
    assert_int_equal(add(s, "shop", "0", "s1", NULL), 0); /* what is known may still change */
    assert_string_equal(ingresses_get(s, "shop", "s1"), "0");
}

static void note(void *ctx, const char *ns)
{
    char *text = ctx;

    strcat(text, ns);
    strcat(text, " ");
}

static void test_namespaces_that_differ_are_told(void **state)
{
    struct ingresses *before = *state;
    struct ingresses now;
    char told[256] = "";

    ingresses_init(&now);
    (void)!add(before, "same", "a", "web", NULL);
    (void)!add(before, "gone", "a", "shared", NULL);
    (void)!add(before, "other", "a", "shared", NULL);
    (void)!add(&now, "same", "a", "web", NULL);
    (void)!add(&now, "other", "b", "shared", NULL);
    (void)!add(&now, "new", "a", "shared", NULL);
    ingresses_differ(before, &now, note, told);
    assert_string_equal(told, "gone other other new ");
    ingresses_done(&now);
}

static int add_one(void *ctx, struct err *err)
{
    struct ingresses s;
    int r;

    (void)ctx;
    ingresses_init(&s);
    r = add(&s, "shop", "b", "web", err) < 0 || add(&s, "shop", "a", "web", err) < 0 ? -1 : 0;
    ingresses_done(&s);
    return r;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(sweep(add_one, NULL) > 0);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(test_a_service_is_known_by_the_first_of_its_ingresses),
        WITH(test_a_name_that_nothing_can_have_is_of_nothing),
        WITH(test_of_more_services_than_the_ceiling_nothing_is_known),
        WITH(test_namespaces_that_differ_are_told),
        WITH(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
