/* What tests of the reconcilers begin with: a little cluster that has the namespace "shop". */
#ifndef TESTS_UNIT_RECONCILERS_SHOP_H
#define TESTS_UNIT_RECONCILERS_SHOP_H

#include "support/world.h"

static struct world world;
static struct arena arena;
static struct plan plan;

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    arena_init(&arena, 16 * 1024 * 1024);
    world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{'team':'shop'}}}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    world_done(&world);
    return 0;
}

#endif
