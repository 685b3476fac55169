#include <stdlib.h>

#include "rampart/base/heap.h"
#include "rampart/base/rng.h"
#include "support/sweep.h"
#include "support/unit.h"

enum { COUNT = 500 };

static struct heap_node nodes[COUNT];

static int forget_nodes(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++)
        nodes[i] = (struct heap_node){0};
    return 0;
}

static void add(struct heap *h, struct heap_node *node, uint64_t due_ms)
{
    assert_int_equal(heap_add(h, node, due_ms, NULL), 0);
    assert_true(heap_has(node));
}

static struct heap_node *pop(struct heap *h)
{
    struct heap_node *node = heap_peek(h);

    heap_remove(h, node);
    assert_false(heap_has(node));
    return node;
}

/* Everything comes out, ordered by deadline and then by insertion. */
static void assert_drains_in_order(struct heap *h)
{
    struct heap_node last = {0};

    while (heap_peek(h)) {
        struct heap_node *node = pop(h);

        assert_true(node->due_ms > last.due_ms ||
                    (node->due_ms == last.due_ms && node->order >= last.order));
        last = *node;
    }
    assert_int_equal(h->count, 0);
}

static void test_an_empty_heap_has_nothing_to_show(void **state)
{
    struct heap h;

    (void)state;
    heap_init(&h, 10);
    assert_null(heap_peek(&h));
    heap_remove(&h, &nodes[0]); /* in no heap: nothing */
    heap_done(&h);
    heap_done(NULL);
    assert_int_equal(mem_live(), 0);
}

static void test_what_is_due_first_comes_out_first(void **state)
{
    struct heap h;
    struct rng r;

    (void)state;
    rng_init(&r, 1);
    heap_init(&h, COUNT);
    for (int i = 0; i < COUNT; i++)
        add(&h, &nodes[i], rng_below(&r, 100));
    assert_drains_in_order(&h);
    heap_done(&h);
}

static void test_equal_deadlines_come_out_in_order_of_insertion(void **state)
{
    struct heap h;

    (void)state;
    heap_init(&h, COUNT);
    for (int i = 0; i < COUNT; i++)
        add(&h, &nodes[i], 7);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(pop(&h), &nodes[i]);
    heap_done(&h);
}

static void test_the_largest_and_smallest_deadlines_are_deadlines_too(void **state)
{
    struct heap h;

    (void)state;
    heap_init(&h, 3);
    add(&h, &nodes[0], UINT64_MAX);
    add(&h, &nodes[1], 0);
    assert_ptr_equal(pop(&h), &nodes[1]);
    assert_ptr_equal(pop(&h), &nodes[0]);
    heap_done(&h);
}

static void test_a_moved_node_takes_its_new_place(void **state)
{
    struct heap h;

    (void)state;
    heap_init(&h, 10);
    for (int i = 0; i < 5; i++)
        add(&h, &nodes[i], (uint64_t)(10 * i));
    heap_move(&h, &nodes[0], 35);
    heap_move(&h, &nodes[4], 5);
    assert_ptr_equal(pop(&h), &nodes[4]);
    assert_ptr_equal(pop(&h), &nodes[1]);
    assert_ptr_equal(pop(&h), &nodes[2]);
    assert_ptr_equal(pop(&h), &nodes[3]);
    assert_ptr_equal(pop(&h), &nodes[0]);
    heap_done(&h);
}

static void test_a_moved_node_goes_behind_its_equals(void **state)
{
    struct heap h;

    (void)state;
    heap_init(&h, 10);
    add(&h, &nodes[0], 5);
    add(&h, &nodes[1], 5);
    heap_move(&h, &nodes[0], 5);
    assert_ptr_equal(pop(&h), &nodes[1]);
    assert_ptr_equal(pop(&h), &nodes[0]);
    heap_done(&h);
}

static void test_any_node_may_be_removed(void **state)
{
    (void)state;
    for (int victim = 0; victim < 31; victim++) {
        struct heap h;

        heap_init(&h, 31);
        for (int i = 0; i < 31; i++)
            add(&h, &nodes[i], (uint64_t)(i * 11 % 31));
        heap_remove(&h, &nodes[victim]);
        assert_false(heap_has(&nodes[victim]));
        assert_int_equal(h.count, 30);
        assert_drains_in_order(&h);
        heap_done(&h);
    }
}

static void test_random_work_keeps_the_order(void **state)
{
    struct heap h;
    struct rng r;

    (void)state;
    rng_init(&r, 42);
    heap_init(&h, COUNT);
    for (int step = 0; step < 20000; step++) {
        struct heap_node *node = &nodes[rng_below(&r, COUNT)];
        uint64_t due_ms = rng_below(&r, 1000);

        if (!heap_has(node))
            add(&h, node, due_ms);
        else if (rng_below(&r, 2))
            heap_move(&h, node, due_ms);
        else
            heap_remove(&h, node);
        for (size_t i = 0; i < h.count && step % 500 == 0; i++)
            assert_true(heap_peek(&h)->due_ms <= h.nodes[i]->due_ms);
    }
    assert_drains_in_order(&h);
    heap_done(&h);
}

static void test_the_ceiling_is_reached_and_not_passed(void **state)
{
    struct err err = {0};
    struct heap h;

    (void)state;
    heap_init(&h, 20);
    for (int i = 0; i < 20; i++)
        add(&h, &nodes[i], 1);
    assert_int_equal(heap_add(&h, &nodes[20], 1, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_false(heap_has(&nodes[20]));
    assert_int_equal(heap_reserve(&h, 21, NULL), -1);
    heap_remove(&h, &nodes[0]);
    add(&h, &nodes[20], 1);
    heap_done(&h);
}

static void test_reserved_room_is_used_without_allocating(void **state)
{
    uint64_t before;
    struct heap h;

    (void)state;
    heap_init(&h, COUNT);
    assert_int_equal(heap_reserve(&h, COUNT, NULL), 0);
    before = mem_allocs();
    for (int i = 0; i < COUNT; i++)
        add(&h, &nodes[i], (uint64_t)i);
    assert_int_equal(mem_allocs(), before);
    heap_done(&h);
    assert_int_equal(mem_live(), 0);
}

static void test_done_does_not_touch_the_nodes(void **state)
{
    struct heap_node *node = calloc(1, sizeof(*node));
    struct heap h;

    (void)state;
    heap_init(&h, 1);
    add(&h, node, 1);
    free(node); /* AddressSanitizer would tell */
    heap_done(&h);
}

static int fill(void *ctx, struct err *err)
{
    struct heap h;
    int r = 0;

    (void)ctx;
    forget_nodes(NULL);
    heap_init(&h, COUNT);
    for (int i = 0; r == 0 && i < COUNT; i++) {
        r = heap_add(&h, &nodes[i], (uint64_t)(COUNT - i), err);
        assert_int_equal(heap_has(&nodes[i]), r == 0);
    }
    assert_drains_in_order(&h);
    heap_done(&h);
    return r;
}

static void test_out_of_memory_leaves_the_heap_as_it_was(void **state)
{
    (void)state;
    assert_int_equal(sweep(fill, NULL), 6); /* 16 doubled up to 512 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_an_empty_heap_has_nothing_to_show, forget_nodes),
        cmocka_unit_test_setup(test_what_is_due_first_comes_out_first, forget_nodes),
        cmocka_unit_test_setup(test_equal_deadlines_come_out_in_order_of_insertion, forget_nodes),
        cmocka_unit_test_setup(test_the_largest_and_smallest_deadlines_are_deadlines_too,
                               forget_nodes),
        cmocka_unit_test_setup(test_a_moved_node_takes_its_new_place, forget_nodes),
        cmocka_unit_test_setup(test_a_moved_node_goes_behind_its_equals, forget_nodes),
        cmocka_unit_test_setup(test_any_node_may_be_removed, forget_nodes),
        cmocka_unit_test_setup(test_random_work_keeps_the_order, forget_nodes),
        cmocka_unit_test_setup(test_the_ceiling_is_reached_and_not_passed, forget_nodes),
        cmocka_unit_test_setup(test_reserved_room_is_used_without_allocating, forget_nodes),
        cmocka_unit_test_setup(test_done_does_not_touch_the_nodes, forget_nodes),
        cmocka_unit_test(test_out_of_memory_leaves_the_heap_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
