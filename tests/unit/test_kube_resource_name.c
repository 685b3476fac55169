#include "kube_fixture.h"

#include "rampart/kube/resource_name.h"
#include "support/sweep.h"

static void test_a_resource_is_read_as_people_write_it(void **state)
{
    static const struct {
        const char *text;
        const char *resource;
        const char *subresource;
        const char *group; /* NULL: not stated */
    } rows[] = {
        {"pods", "pods", "", NULL},
        {"pods/log", "pods", "log", NULL},
        {"pods.", "pods", "", ""},
        {"deployments.apps", "deployments", "", "apps"},
        {"deployments.apps/scale", "deployments", "scale", "apps"},
        {"deployments/scale.apps", "deployments", "scale", "apps"},
        {"carts.shop.example", "carts", "", "shop.example"},
        {"carts/status.shop.example", "carts", "status", "shop.example"},
        {"*", "*", "", NULL},
        {"*.*", "*", "", "*"},
        {"*/scale", "*", "scale", NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct resource_name name;
        struct err err = {0};

        assert_int_equal(resource_name_parse(rows[i].text, *state, &name, &err), 0);
        assert_string_equal(name.resource, rows[i].resource);
        assert_string_equal(name.subresource, rows[i].subresource);
        if (rows[i].group)
            assert_string_equal(name.group, rows[i].group);
        else
            assert_null(name.group);
    }
}

static void test_what_is_no_resource_is_refused_with_what_to_write(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {"", "its name is empty"},
        {"/log", "its name is empty"},
        {".apps", "its name is empty"},
        {"pods/", "nothing follows the slash"},
        {"pods/.apps", "nothing follows the slash"},
        {"pods/log/x", "it has two slashes"},
        {"a.apps/b.apps", "it has two groups"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct resource_name name = {.resource = "untouched"};
        struct err err = {0};
        char expected[200];

        (void)snprintf(expected, sizeof(expected),
                       "\"%s\" is no resource: %s; write RESOURCE[.GROUP][/SUBRESOURCE]",
                       rows[i].text, rows[i].why);
        assert_int_equal(resource_name_parse(rows[i].text, *state, &name, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_string_equal(err.msg, expected);
        assert_string_equal(name.resource, "untouched");
    }
}

static void test_what_kubernetes_has_is_found_by_any_of_its_names(void **state)
{
    static const struct {
        const char *word;
        const char *group; /* NULL: any */
        const char *plural;
        const char *found_group;
        bool is_namespaced;
    } rows[] = {
        {"pods", NULL, "pods", "", true},
        {"pod", NULL, "pods", "", true},
        {"po", NULL, "pods", "", true},
        {"Deployment", NULL, "deployments", "apps", true},
        {"deploy", NULL, "deployments", "apps", true},
        {"crd", NULL, "customresourcedefinitions", "apiextensions.k8s.io", false},
        {"crds", NULL, "customresourcedefinitions", "apiextensions.k8s.io", false},
        {"events", NULL, "events", "", true}, /* of two the core one */
        {"ev", "events.k8s.io", "events", "events.k8s.io", true},
        {"no", NULL, "nodes", "", false},
        {"users", NULL, "users", "", false},
        {"signers", "certificates.k8s.io", "signers", "certificates.k8s.io", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct known_resource *r = known_resource_find(rows[i].word, rows[i].group);

        assert_non_null(r);
        assert_string_equal(r->plural, rows[i].plural);
        assert_string_equal(r->group, rows[i].found_group);
        assert_int_equal(r->is_namespaced, rows[i].is_namespaced);
    }
    assert_null(known_resource_find("carts", NULL));
    assert_null(known_resource_find("pods", "apps"));
    assert_null(known_resource_find("PODS", NULL)); /* a plural is lower case */
}

static int parse_once(void *ctx, struct err *err)
{
    AUTO_ARENA a;
    struct resource_name name;

    arena_init(&a, 1000);
    return resource_name_parse(ctx, &a, &name, err);
}

static void test_every_allocation_may_fail(void **state)
{
    char text[] = "deployments.apps/scale";

    (void)state;
    assert_in_range(sweep(parse_once, text), 1, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_a_resource_is_read_as_people_write_it),
        ARENA_TEST(test_what_is_no_resource_is_refused_with_what_to_write),
        cmocka_unit_test(test_what_kubernetes_has_is_found_by_any_of_its_names),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
