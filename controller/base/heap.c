#include "rampart/base/heap.h"

#include <assert.h>

#define CAP_MIN 16u

void heap_init(struct heap *h, size_t count_max)
{
    *h = (struct heap){.count_max = count_max};
}

void heap_done(struct heap *h)
{
    if (!h)
        return;
    mem_free(h->nodes);
    *h = (struct heap){.count_max = h->count_max};
}

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void put_at(struct heap *h, struct heap_node *node, size_t index)
{
    h->nodes[index] = node;
    node->place = index + 1;
}

/* Moves the hole at @index to where @node belongs and fills it. */
static void settle(struct heap *h, struct heap_node *node, size_t index)
{
    while (index > 0 && is_before(node, h->nodes[(index - 1) / 2])) {
        put_at(h, h->nodes[(index - 1) / 2], index);
        index = (index - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * index + 1;

        if (child + 1 < h->count && is_before(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (child >= h->count || is_before(node, h->nodes[child]))
            break;
        put_at(h, h->nodes[child], index);
        index = child;
    }
    put_at(h, node, index);
}

int heap_reserve(struct heap *h, size_t count, struct err *err)
{
    struct heap_node **nodes;
    size_t cap = h->cap < CAP_MIN ? CAP_MIN : h->cap;

    if (count > h->count_max)
        return err_set(err, ERR_LIMIT, "more than %zu deadlines", h->count_max);
    if (count <= h->cap)
        return 0;
    while (cap < count)
        cap = cap <= h->count_max / 2 ? cap * 2 : h->count_max;
    nodes = mem_resize(h->nodes, cap, sizeof(struct heap_node *));
    if (!nodes)
        return err_nomem(err);
    h->nodes = nodes;
    h->cap = cap;
    return 0;
}

int heap_add(struct heap *h, struct heap_node *node, uint64_t due_ms, struct err *err)
{
    assert(!heap_has(node));
    if (heap_reserve(h, h->count + 1, err) < 0)
        return -1;
    node->due_ms = due_ms;
    node->order = h->order_next++;
    settle(h, node, h->count++);
    return 0;
}

/* Catches a node that sits in another heap, or one whose memory was given away. */
static void assert_member(const struct heap *h, const struct heap_node *node)
{
    assert(node->place > 0 && node->place <= h->count);
    assert(h->nodes[node->place - 1] == node);
}

void heap_move(struct heap *h, struct heap_node *node, uint64_t due_ms)
{
    assert_member(h, node);
    node->due_ms = due_ms;
    node->order = h->order_next++;
    settle(h, node, node->place - 1);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    struct heap_node *last;
    size_t index;

    if (!heap_has(node))
        return;
    assert_member(h, node);
    index = node->place - 1;
    node->place = 0;
    last = h->nodes[--h->count];
    if (last != node)
        settle(h, last, index);
}

struct heap_node *heap_peek(const struct heap *h)
{
    return h->count > 0 ? h->nodes[0] : NULL;
}

bool heap_has(const struct heap_node *node)
{
    return node->place > 0;
}
