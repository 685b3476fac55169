/* Fault 29: several profiles that select the same namespace. Whatever the order in which they were
 * made and edited, the end is the same. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/registry.h"
#include "support/world.h"

#define EDITS 4

/* Two profiles, each made and later edited: an edit says all of the profile, as kubectl apply does.
 */
static const struct edit {
    const char *profile;
    int version;
    const char *spec;
} edits[EDITS] = {
    {"low", 1, "'mode':'Enforce','priority':1,'network':{'allow':{'sameNamespace':{}}}"},
    {"low", 2,
     "'mode':'Enforce','priority':1,'network':{'allow':{'sameNamespace':{},'from':[{'ipBlock':{"
     "'cidr':'10.0.0.0/8'}}]}}"},
    {"high", 1, "'mode':'Audit','priority':5,'network':{'allow':{}}"},
    {"high", 2,
     "'mode':'Enforce','priority':5,'network':{'defaultDeny':['Ingress'],'allow':{'from':[{"
     "'ipBlock':{'cidr':'192.0.2.0/24'}},{'podSelector':{'matchLabels':{'a':'b'}}}]}}"},
};

static struct world world;

static void apply(const struct edit *e)
{
    world_put(&world, KIND_PROFILE,
              "{'metadata':{'name':'%s','generation':%d},'spec':{'namespaceSelector':{},%s}}",
              e->profile, e->version, e->spec);
}

/* The namespace's policies: names, labels and specs; to be freed. */
static char *end_state(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct object_list list;
    struct err err = {0};
    AUTO_ARENA arena;

    assert_non_null(out);
    arena_init(&arena, 1024 * 1024);
    assert_int_equal(view_list(&world.view, KIND_NETWORK_POLICY, "shop", &arena, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++) {
        const struct netpol_facts *p = OBJECT_AS(netpol_facts, list.items[i]);

        (void)fprintf(out, "%s of %s: %s\n", p->object.name, p->profile, p->spec);
    }
    (void)fprintf(out, "%s %d\n", world.verdict.profile, (int)world.verdict.state);
    (void)fclose(out);
    return text;
}

static void swap(unsigned *one, unsigned *other)
{
    unsigned kept = *one;

    *one = *other;
    *other = kept;
}

/* The next permutation. */
static bool next_order(unsigned order[EDITS])
{
    size_t i = EDITS - 1, k = EDITS - 1;

    while (i > 0 && order[i - 1] >= order[i])
        i--;
    if (i == 0)
        return false;
    while (order[k] <= order[i - 1])
        k--;
    swap(&order[i - 1], &order[k]);
    for (size_t a = i, b = EDITS - 1; a < b; a++, b--)
        swap(&order[a], &order[b]);
    return true;
}

/* A profile's first version comes before its second. */
static bool is_possible(const unsigned order[EDITS])
{
    int seen_low = 0, seen_high = 0;

    for (size_t i = 0; i < EDITS; i++) {
        const struct edit *e = &edits[order[i]];
        int *seen = strcmp(e->profile, "low") == 0 ? &seen_low : &seen_high;

        if (e->version != *seen + 1)
            return false;
        *seen = e->version;
    }
    return true;
}

static void test_fault_29_the_order_of_edits_does_not_matter(void **state)
{
    unsigned order[EDITS] = {0, 1, 2, 3};
    unsigned orders = 0;
    char *first = NULL;

    (void)state;
    do {
        if (!is_possible(order))
            continue;
        /* With the passes in between that came to an end, and without any. */
        for (int settles = 0; settles < 2; settles++) {
            char *end;

            world_init(&world);
            world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{}}}");
            for (size_t i = 0; i < EDITS; i++) {
                apply(&edits[order[i]]);
                if (settles)
                    (void)world_converge(&world, &registry_ops, "shop", 12);
            }
            (void)world_converge(&world, &registry_ops, "shop", 12);
            end = end_state();
            if (first) {
                assert_string_equal(end, first);
                free(end);
            } else {
                first = end;
            }
            world_done(&world);
            orders++;
        }
    } while (next_order(order));
    assert_int_equal(orders, 12);
    assert_non_null(strstr(first, "rampart-allow-from of high"));
    assert_null(strstr(first, "same-namespace"));
    free(first);
}

/* Of equal priority the name decides, and not who was there first. */
static void test_fault_29_of_equals_the_name_decides(void **state)
{
    static const char *const names[2][2] = {{"a", "b"}, {"b", "a"}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world_init(&world);
        world_put(&world, KIND_NAMESPACE, "{'metadata':{'name':'shop','labels':{}}}");
        for (size_t k = 0; k < 2; k++) {
            world_put(&world, KIND_PROFILE,
                      "{'metadata':{'name':'%s','generation':1},'spec':{'namespaceSelector':{},"
                      "'mode':'Enforce','network':{'allow':{}}}}",
                      names[i][k]);
            (void)world_converge(&world, &registry_ops, "shop", 8);
        }
        assert_string_equal(world.verdict.profile, "a");
        world_done(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_29_the_order_of_edits_does_not_matter),
        cmocka_unit_test(test_fault_29_of_equals_the_name_decides),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
