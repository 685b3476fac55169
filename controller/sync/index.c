#include "rampart/sync/index.h"

#include <assert.h>
#include <string.h>

#define ROW_CAP_MIN 3u /* one block of malloc()'s smallest size, and what most namespaces have */

/* The items of one namespace; never empty between two calls. */
struct shelf {
    struct index_row row; /* items by name */
    char ns[];            /* NUL-terminated */
};

static int row_reserve(struct index_row *row, struct err *err)
{
    size_t cap = row->cap < ROW_CAP_MIN ? ROW_CAP_MIN : row->cap * 2;
    void **items;

    if (row->count < row->cap)
        return 0;
    items = mem_resize(row->items, cap, sizeof(void *));
    if (!items)
        return err_nomem(err);
    row->items = items;
    row->cap = cap;
    return 0;
}

/* After row_reserve(). */
static void row_insert(struct index_row *row, size_t place, void *item)
{
    assert(row->count < row->cap && place <= row->count);
    memmove(row->items + place + 1, row->items + place, (row->count - place) * sizeof(void *));
    row->items[place] = item;
    row->count++;
}

static void row_remove(struct index_row *row, size_t place)
{
    assert(place < row->count);
    row->count--;
    memmove(row->items + place, row->items + place + 1, (row->count - place) * sizeof(void *));
}

/* Where @name is (true) or belongs (false). */
static bool row_find(const struct index_row *row, index_name_fn name_of, const char *name,
                     size_t *ret_place)
{
    size_t low = 0, high = row->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name_of(row->items[middle]), name);

        if (order == 0) {
            *ret_place = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_place = low;
    return false;
}

static const char *shelf_name(const void *item)
{
    return ((const struct shelf *)item)->ns;
}

static void shelf_free(struct shelf *shelf)
{
    mem_free(shelf->row.items);
    mem_free(shelf);
}

static void shelf_remove_empty(struct index *x, size_t place)
{
    struct shelf *shelf = x->shelves.items[place];

    if (shelf->row.count > 0)
        return;
    row_remove(&x->shelves, place);
    shelf_free(shelf);
}

/* The shelf of @ns at @place, made when there is none. */
static struct shelf *shelf_need(struct index *x, const char *ns, size_t *ret_place, struct err *err)
{
    size_t len = strlen(ns) + 1;
    struct shelf *shelf;

    if (row_find(&x->shelves, shelf_name, ns, ret_place))
        return x->shelves.items[*ret_place];
    if (row_reserve(&x->shelves, err) < 0)
        return NULL;
    shelf = mem_calloc(1, sizeof(*shelf) + len);
    if (!shelf) {
        err_nomem(err);
        return NULL;
    }
    memcpy(shelf->ns, ns, len);
    row_insert(&x->shelves, *ret_place, shelf);
    return shelf;
}

void index_init(struct index *x, index_name_fn name_of, size_t count_max)
{
    *x = (struct index){.name_of = name_of, .count_max = count_max};
}

void index_done(struct index *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->shelves.count; i++)
        shelf_free(x->shelves.items[i]);
    mem_free(x->shelves.items);
    *x = (struct index){.name_of = x->name_of, .count_max = x->count_max};
}

void *index_find(const struct index *x, const char *ns, const char *name,
                 struct index_place *ret_place)
{
    struct index_place place;
    const struct shelf *shelf;

    if (!row_find(&x->shelves, shelf_name, ns, &place.shelf))
        return NULL;
    shelf = x->shelves.items[place.shelf];
    if (!row_find(&shelf->row, x->name_of, name, &place.item))
        return NULL;
    *ret_place = place;
    return shelf->row.items[place.item];
}

int index_insert(struct index *x, const char *ns, void *item, struct err *err)
{
    struct index_place place;
    struct shelf *shelf;
    bool is_there;

    if (x->count >= x->count_max)
        return err_set(err, ERR_LIMIT, "more than %zu objects", x->count_max);
    shelf = shelf_need(x, ns, &place.shelf, err);
    if (!shelf)
        return -1;
    if (row_reserve(&shelf->row, err) < 0) {
        shelf_remove_empty(x, place.shelf);
        return -1;
    }
    is_there = row_find(&shelf->row, x->name_of, x->name_of(item), &place.item);
    assert(!is_there);
    row_insert(&shelf->row, place.item, item);
    x->count++;
    return 0;
}

void index_replace(struct index *x, const struct index_place *place, void *item)
{
    struct shelf *shelf = x->shelves.items[place->shelf];

    assert(strcmp(x->name_of(shelf->row.items[place->item]), x->name_of(item)) == 0);
    shelf->row.items[place->item] = item;
}

void index_remove(struct index *x, const struct index_place *place)
{
    struct shelf *shelf = x->shelves.items[place->shelf];

    assert(x->count > 0);
    row_remove(&shelf->row, place->item);
    shelf_remove_empty(x, place->shelf);
    x->count--;
}

void index_filter(struct index *x, bool (*keeps)(void *ctx, void *item), void *ctx)
{
    size_t shelves_kept = 0;

    for (size_t i = 0; i < x->shelves.count; i++) {
        struct shelf *shelf = x->shelves.items[i];
        size_t count = shelf->row.count;

        shelf->row.count = 0;
        for (size_t j = 0; j < count; j++) {
            if (keeps(ctx, shelf->row.items[j]))
                shelf->row.items[shelf->row.count++] = shelf->row.items[j];
        }
        assert(x->count >= count - shelf->row.count);
        x->count -= count - shelf->row.count;
        if (shelf->row.count > 0)
            x->shelves.items[shelves_kept++] = shelf;
        else
            shelf_free(shelf);
    }
    x->shelves.count = shelves_kept;
}

/* The shelves of @ns: [*ret_first, *ret_end). */
static void range(const struct index *x, const char *ns, size_t *ret_first, size_t *ret_end)
{
    *ret_first = 0;
    *ret_end = x->shelves.count;
    if (ns)
        *ret_end = row_find(&x->shelves, shelf_name, ns, ret_first) ? *ret_first + 1 : *ret_first;
}

size_t index_count(const struct index *x, const char *ns)
{
    size_t first, end;

    if (!ns)
        return x->count;
    range(x, ns, &first, &end);
    return first < end ? ((const struct shelf *)x->shelves.items[first])->row.count : 0;
}

void index_each(const struct index *x, const char *ns, void (*fn)(void *ctx, void *item), void *ctx)
{
    size_t first, end;

    range(x, ns, &first, &end);
    for (size_t i = first; i < end; i++) {
        const struct shelf *shelf = x->shelves.items[i];

        for (size_t j = 0; j < shelf->row.count; j++)
            fn(ctx, shelf->row.items[j]);
    }
}

size_t index_bytes(const struct index *x)
{
    size_t len = x->shelves.cap * sizeof(void *);

    for (size_t i = 0; i < x->shelves.count; i++) {
        const struct shelf *shelf = x->shelves.items[i];

        len += sizeof(*shelf) + strlen(shelf->ns) + 1 + shelf->row.cap * sizeof(void *);
    }
    return len;
}
