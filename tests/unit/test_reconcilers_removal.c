/* Taking policies back, interrupted after each of its writes: what is left to do is what was left
 * to do, and no write is made for the order in which things happen to stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"
#include "support/world.h"

#define PASSES_MAX 8
#define PLAN_BYTES_MAX (16u * 1024 * 1024)

struct removal {
    struct world world;
    struct arena arena;
    struct plan plan;
};

static void pass(struct removal *r)
{
    arena_reset(&r->arena);
    world_plan(&r->world, &registry_ops, "shop", &r->arena, &r->plan);
}

static void put_namespace(struct removal *r, const char *team)
{
    world_put(&r->world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{'team':'%s'}}}",
              team);
}

/* Three allows stand beside the deny, two in each direction, and the namespace has just left. */
static void removal_begin(struct removal *r)
{
    world_init(&r->world);
    arena_init(&r->arena, PLAN_BYTES_MAX);
    put_namespace(r, "shop");
    world_put(&r->world, KIND_PROFILE,
              "{'metadata':{'name':'p','generation':1,'finalizers':['rampart.dev/take-back']},"
              "'spec':{'namespaceSelector':{'matchLabels':{'team':'shop'}},'mode':'Enforce',"
              "'onDelete':'Remove','network':{'allow':{'sameNamespace':{},"
              "'from':[{'ipBlock':{'cidr':'192.0.2.0/24'}}],"
              "'to':[{'ipBlock':{'cidr':'198.51.100.0/24'}}]}}}}");
    (void)world_converge(&r->world, &registry_ops, "shop", PASSES_MAX);
    assert_int_equal(world_count(&r->world, KIND_NETWORK_POLICY, "shop"), 4);
    put_namespace(r, "other");
    pass(r);
}

static void removal_end(struct removal *r)
{
    arena_done(&r->arena);
    world_done(&r->world);
}

/* How many writes it takes in all when it is interrupted after @done of the first plan's. */
static size_t writes_interrupted_after(size_t done, bool *ret_was_reached)
{
    struct removal r;
    size_t count = 0;

    removal_begin(&r);
    *ret_was_reached = done <= r.plan.writes_count;
    for (; count < done && count < r.plan.writes_count; count++)
        world_apply(&r.world, &r.plan.writes[count]);
    count += world_converge(&r.world, &registry_ops, "shop", PASSES_MAX);
    assert_int_equal(world_count(&r.world, KIND_NETWORK_POLICY, "shop"), 0);
    removal_end(&r);
    return count;
}

static void test_an_interrupted_removal_goes_on_with_what_is_left(void **state)
{
    bool was_reached;
    size_t whole = writes_interrupted_after(0, &was_reached);

    (void)state;
    assert_int_equal(whole, 5); /* the deny takes the rules over, and four go */
    for (size_t done = 1; was_reached; done++)
        assert_int_equal(writes_interrupted_after(done, &was_reached), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_interrupted_removal_goes_on_with_what_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
