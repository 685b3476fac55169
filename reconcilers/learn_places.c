#include "learn_places.h"

#include <stdlib.h>
#include <string.h>

/* ---- sorted texts ---- */

static size_t name_bytes(const char *name)
{
    return strlen(name) + 1 + LEARN_BLOCK_BYTES;
}

static size_t place_bytes(const char *ns)
{
    return 2 * sizeof(struct learn_place) + strlen(ns) + 1 + LEARN_BLOCK_BYTES;
}

static int compare_names(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Where @name is, or would be. */
static size_t find_name(const struct learn_place *place, const char *name, bool *ret_is_there)
{
    size_t low = 0, high = place->count;

    *ret_is_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(place->names[middle], name);

        if (order == 0) {
            *ret_is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void drop_names(struct learn_place *place, struct learn_room *room)
{
    for (size_t i = 0; i < place->count; i++) {
        room->given += name_bytes(place->names[i]);
        mem_free(place->names[i]);
    }
    MEM_FREE_NULL(place->names);
    place->count = 0;
}

/* Room for one more at the end of an array that grows by doubling. */
static void *grow(void *array, size_t count, size_t size)
{
    bool is_full = (count & (count - 1)) == 0;

    return is_full ? mem_resize(array, count ? count * 2 : 1, size) : array;
}

static bool take(struct learn_room *room, size_t bytes)
{
    if (room->taken + bytes > room->left) {
        room->is_out = true;
        return false;
    }
    room->taken += bytes;
    return true;
}

static int add_name(struct learn_place *place, size_t names_max, const char *name,
                    struct learn_room *room)
{
    bool is_there;
    size_t at = find_name(place, name, &is_there);
    char **names, *copy;

    if (place->is_any || place->is_widened || is_there)
        return 0;
    if (place->count >= names_max) {
        drop_names(place, room);
        place->is_widened = true;
        return 0;
    }
    if (!take(room, name_bytes(name)))
        return 0;
    names = grow(place->names, place->count, sizeof(*names));
    if (names)
        place->names = names;
    copy = names ? mem_strdup(name) : NULL;
    if (!copy) {
        room->taken -= name_bytes(name);
        return -1;
    }
    memmove(names + at + 1, names + at, (place->count - at) * sizeof(*names));
    names[at] = copy;
    place->count++;
    return 0;
}

static void allow_any(struct learn_place *place, struct learn_room *room)
{
    drop_names(place, room);
    place->is_any = true;
    place->is_widened = false;
}

/* ---- places ---- */

static void place_done(struct learn_place *place, struct learn_room *room)
{
    drop_names(place, room);
    room->given += place_bytes(place->ns);
    MEM_FREE_NULL(place->ns);
}

/* Also *ret_place is NULL where there is no room for another one. */
static int find_place(struct learn_right *right, const char *ns, struct learn_room *room,
                      struct learn_place **ret_place)
{
    struct learn_place *places;
    size_t at = 0;
    int order = 1;

    while (at < right->count && (order = strcmp(right->places[at].ns, ns)) < 0)
        at++;
    *ret_place = at < right->count && order == 0 ? &right->places[at] : NULL;
    if (*ret_place || !take(room, place_bytes(ns)))
        return 0;
    places = grow(right->places, right->count, sizeof(*places));
    if (places) {
        char *copy = mem_strdup(ns);

        right->places = places;
        if (copy) {
            memmove(places + at + 1, places + at, (right->count - at) * sizeof(*places));
            places[at] = (struct learn_place){.ns = copy};
            right->count++;
            *ret_place = &places[at];
            return 0;
        }
    }
    room->taken -= place_bytes(ns);
    return -1;
}

static bool has_place(const struct learn_right *right, const char *ns)
{
    for (size_t i = 0; i < right->count; i++) {
        if (strcmp(right->places[i].ns, ns) == 0)
            return true;
    }
    return false;
}

/* All but the first one go. */
static void keep_first(struct learn_right *right, struct learn_room *room)
{
    while (right->count > 1)
        place_done(&right->places[--right->count], room);
}

/* Moves the names of all places into the first one, which is that of the whole cluster. */
static int gather(struct learn_right *right, size_t names_max, struct learn_room *room)
{
    struct learn_place *first = &right->places[0];
    size_t count = 0, kept = 0;
    char **all;

    for (size_t i = 0; i < right->count; i++)
        count += right->places[i].count;
    all = mem_alloc((count ? count : 1) * 2 * sizeof(*all));
    if (!all)
        return -1;
    count = 0;
    for (size_t i = 0; i < right->count; i++) {
        struct learn_place *place = &right->places[i];

        if (place->count)
            memcpy(all + count, place->names, place->count * sizeof(*all));
        count += place->count;
        first->is_any = first->is_any || place->is_any;
        first->is_widened = first->is_widened || place->is_widened;
        place->count = 0;
        MEM_FREE_NULL(place->names);
    }
    qsort(all, count, sizeof(*all), compare_names);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && strcmp(all[kept - 1], all[i]) == 0) {
            room->given += name_bytes(all[i]);
            mem_free(all[i]);
        } else {
            all[kept++] = all[i];
        }
    }
    first->names = all;
    first->count = kept;
    first->is_widened = !first->is_any && (first->is_widened || kept > names_max);
    if (first->is_any || first->is_widened)
        drop_names(first, room);
    keep_first(right, room);
    return 0;
}

/* There is one namespace too many: the right is one of the whole cluster from now on. */
static int spread(struct learn_right *right, size_t names_max, struct learn_room *room)
{
    struct learn_place *first;

    if (find_place(right, "", room, &first) < 0)
        return -1;
    if (!first)
        return 0;
    if (gather(right, names_max, room) < 0)
        return -1;
    right->is_spread = true;
    return 0;
}

static size_t namespaces_of(const struct learn_right *right)
{
    return right->count - (right->count > 0 && *right->places[0].ns == '\0');
}

static bool holds_everywhere(const struct learn_right *right)
{
    return right->count > 0 && *right->places[0].ns == '\0' && right->places[0].is_any &&
           !right->is_spread;
}

int learn_places_add(struct learn_right *right, const struct learn_bounds *bounds, const char *ns,
                     const char *name, struct learn_room *room)
{
    struct learn_place *place;

    if (holds_everywhere(right))
        return 0;
    if (*ns != '\0' && !right->is_spread && !has_place(right, ns) &&
        namespaces_of(right) >= bounds->namespaces_max &&
        spread(right, bounds->names_max, room) < 0)
        return -1;
    if (room->is_out)
        return 0;
    if (find_place(right, right->is_spread ? "" : ns, room, &place) < 0)
        return -1;
    if (!place)
        return 0;
    if (*name != '\0')
        return add_name(place, bounds->names_max, name, room);
    allow_any(place, room);
    if (*ns == '\0') {
        right->is_spread = false;
        keep_first(right, room);
    }
    return 0;
}

void learn_places_done(struct learn_right *right)
{
    struct learn_room room = {0};

    for (size_t i = 0; i < right->count; i++)
        place_done(&right->places[i], &room);
    MEM_FREE_NULL(right->places);
    right->count = 0;
}
