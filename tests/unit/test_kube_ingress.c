/* To which Services an Ingress leads. */
#include "kube_fixture.h"

#include "rampart/kube/decode.h"
#include "support/projected.h"
#include "support/sweep.h"

#define META "'metadata':{'name':'front','namespace':'shop','uid':'u','resourceVersion':'1'}"

/* As the projection keeps it. */
static const struct ingress_facts *ingress_of(struct arena *a, const char *spec)
{
    static char text[65536];
    const struct ingress_facts *ingress;
    json_t *root, *kept;

    (void)snprintf(text, sizeof(text), "{" META ",'spec':%s}", spec);
    root = json_of(text);
    kept = projected(root, resource_of(KIND_INGRESS)->keep);
    ingress = OBJECT_AS(ingress_facts, decode_ok(KIND_INGRESS, kept, a));
    json_decref(root);
    json_decref(kept);
    return ingress;
}

static void test_every_service_is_named_once(void **state)
{
    const struct ingress_facts *ingress = ingress_of(
        *state,
        "{'defaultBackend':{'service':{'name':'web','port':{'number':80}}},'tls':[{}],'rules':["
        "{'host':'a','http':{'paths':[{'path':'/','backend':{'service':{'name':'cart'}}},"
        "{'backend':{'service':{'name':'web'}}}]}},"
        "{'http':{'paths':[{'backend':{'resource':{'name':'bucket'}}},"
        "{'backend':{'service':{'name':'api'}}}]}}]}");

    assert_int_equal(ingress->object.kind, KIND_INGRESS);
    assert_string_equal(ingress->object.ns, "shop");
    assert_string_equal(ingress->object.name, "front");
    assert_int_equal(ingress->services_count, 3);
    assert_string_equal(ingress->services[0], "api");
    assert_string_equal(ingress->services[1], "cart");
    assert_string_equal(ingress->services[2], "web");
}

static void test_what_is_odd_is_left_out(void **state)
{
    static const char *const specs[] = {
        "null",
        "5",
        "{'rules':'x','defaultBackend':[]}",
        "{'rules':[5,null,{'http':[]},{'http':{'paths':{}}},{'http':{'paths':[5,{'backend':7}]}}]}",
        "{'defaultBackend':{'service':{'name':5}}}",
        "{'defaultBackend':{'service':{'name':''}}}",
    };

    for (size_t i = 0; i < COUNT_OF(specs); i++)
        assert_int_equal(ingress_of(*state, specs[i])->services_count, 0);
}

static void test_of_too_many_services_the_first_are_kept(void **state)
{
    static char spec[32768] = "{'rules':[{'http':{'paths':[";
    const struct ingress_facts *ingress;

    for (int i = 0; i < INGRESS_SERVICES_MAX + 5; i++) {
        size_t len = strlen(spec);

        (void)snprintf(spec + len, sizeof(spec) - len, "%s{'backend':{'service':{'name':'s%03d'}}}",
                       i ? "," : "", i);
    }
    strcat(spec, "]}}]}");
    ingress = ingress_of(*state, spec);
    assert_int_equal(ingress->services_count, INGRESS_SERVICES_MAX);
    assert_string_equal(ingress->services[INGRESS_SERVICES_MAX - 1], "s255");
}

static int decode_one(void *ctx, struct err *err)
{
    enum decode_result result;
    struct object *object;
    AUTO_ARENA a;

    arena_init(&a, 1u << 16);
    return object_decode(KIND_INGRESS, ctx, &a, &result, &object, err);
}

static void test_every_allocation_may_fail(void **state)
{
    json_t *root = json_of("{" META ",'spec':{'defaultBackend':{'service':{'name':'web'}}}}");

    (void)state;
    assert_true(sweep(decode_one, root) > 0);
    json_decref(root);
}

static void test_one_without_a_name_is_none(void **state)
{
    json_t *root = json_of("{'metadata':{'namespace':'shop'}}");
    struct err err = {0};

    (void)state;
    assert_int_equal(decode_one(root, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_every_service_is_named_once),
        ARENA_TEST(test_what_is_odd_is_left_out),
        ARENA_TEST(test_every_allocation_may_fail),
        ARENA_TEST(test_one_without_a_name_is_none),
        ARENA_TEST(test_of_too_many_services_the_first_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
