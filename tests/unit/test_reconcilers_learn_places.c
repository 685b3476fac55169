/* The places of one right where memory or room is at its end: nothing that was noted is lost. */
#include "reconcilers_learn.h"

#include "../../reconcilers/learn_places.h"
#include "support/sweep.h"

static const struct learn_bounds two = {.names_max = 2, .namespaces_max = 2};

struct use {
    const char *ns, *name;
};

static const struct use uses[] = {
    {"a", "x"}, {"a", "y"}, {"b", "z"}, {"", "v"}, {"b", "y"}, {"c", "x"}, {"c", ""}, {"", ""},
};

/* Asserts that the places are sorted, each with sorted names within the bounds. */
static void assert_well_formed(const struct learn_right *right)
{
    for (size_t i = 0; i < right->count; i++) {
        const struct learn_place *place = &right->places[i];

        if (i > 0)
            assert_true(strcmp(right->places[i - 1].ns, place->ns) < 0);
        assert_true(place->count <= two.names_max);
        if (place->is_any || place->is_widened)
            assert_int_equal(place->count, 0);
        for (size_t k = 1; k < place->count; k++)
            assert_true(strcmp(place->names[k - 1], place->names[k]) < 0);
    }
}

static size_t bytes_of(const struct learn_right *right)
{
    size_t bytes = 0;

    for (size_t i = 0; i < right->count; i++) {
        const struct learn_place *place = &right->places[i];

        bytes += 2 * sizeof(*place) + strlen(place->ns) + 1 + LEARN_BLOCK_BYTES;
        for (size_t k = 0; k < place->count; k++)
            bytes += strlen(place->names[k]) + 1 + LEARN_BLOCK_BYTES;
    }
    return bytes;
}

static int add(struct learn_right *right, const struct use *use, struct learn_room *room)
{
    return learn_places_add(right, &two, use->ns, use->name, room);
}

static void test_without_room_nothing_is_noted_and_nothing_lost(void **state)
{
    (void)state;
    for (size_t full_at = 0; full_at < COUNT_OF(uses); full_at++) {
        struct learn_right right = {0};
        struct learn_room room = {.left = 0};
        size_t noted = 0;

        for (size_t i = 0; i < COUNT_OF(uses); i++) {
            room = (struct learn_room){.left = i == full_at ? 0 : 4096};
            assert_int_equal(add(&right, &uses[i], &room), 0);
            assert_true(room.taken <= room.left);
            noted += !room.is_out;
            assert_well_formed(&right);
        }
        assert_true(noted >= COUNT_OF(uses) - 1);
        learn_places_done(&right);
    }
}

/* One namespace too many: where there is no room for the whole cluster, it is left out. */
static void test_a_right_that_cannot_be_spread_stays_as_it_is(void **state)
{
    static const struct use first[] = {{"a", "x"}, {"b", "y"}};
    static const struct use more = {"c", "z"};
    struct learn_right right = {0};
    struct learn_room room;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        room = (struct learn_room){.left = 4096};
        assert_int_equal(add(&right, &first[i], &room), 0);
    }
    room = (struct learn_room){.left = 0};
    assert_int_equal(add(&right, &more, &room), 0);
    assert_true(room.is_out);
    assert_false(right.is_spread);
    assert_int_equal(right.count, 2);
    assert_string_equal(right.places[1].names[0], "y");
    learn_places_done(&right);
}

static void test_what_is_taken_and_given_is_what_is_held(void **state)
{
    struct learn_right right = {0};
    size_t held = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        struct learn_room room = {.left = 4096};

        assert_int_equal(add(&right, &uses[i], &room), 0);
        held = held + room.taken - room.given;
        assert_int_equal(held, bytes_of(&right));
    }
    /* The whole cluster, any name, is all that is left. */
    assert_int_equal(right.count, 1);
    assert_true(right.places[0].is_any);
    learn_places_done(&right);
    assert_null(right.places);
}

static int add_all(void *ctx, struct err *err)
{
    struct learn_right right = {0};
    size_t held = 0;
    int result = 0;

    (void)ctx;
    for (size_t i = 0; result == 0 && i < COUNT_OF(uses); i++) {
        struct learn_room room = {.left = 4096};

        result = add(&right, &uses[i], &room);
        held = held + room.taken - room.given;
        assert_well_formed(&right);
        assert_int_equal(held, bytes_of(&right));
    }
    learn_places_done(&right);
    return result < 0 ? err_nomem(err) : 0;
}

static void test_out_of_memory_at_any_point_leaves_the_places_whole(void **state)
{
    (void)state;
    assert_true(sweep(add_all, NULL) >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_room_nothing_is_noted_and_nothing_lost),
        cmocka_unit_test(test_a_right_that_cannot_be_spread_stays_as_it_is),
        cmocka_unit_test(test_what_is_taken_and_given_is_what_is_held),
        cmocka_unit_test(test_out_of_memory_at_any_point_leaves_the_places_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
