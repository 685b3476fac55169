/* What the runtime remembers of each profile. */
#include "support/unit.h"

#include "rampart/sync/profile_tracks.h"
#include "support/sweep.h"

static struct profile profile_of(const char *uid, int64_t generation)
{
    return (struct profile){.object = {.kind = KIND_PROFILE, .ns = "", .name = "p", .uid = uid},
                            .generation = generation};
}

static void test_profile_tracks_take_what_was_there_at_the_start_for_no_news(void **state)
{
    struct profile p = profile_of("u-1", 4);
    struct profile_tracks t;

    (void)state;
    profile_tracks_init(&t);
    assert_int_equal(profile_tracks_begin(&t, &p, NULL), 0);
    assert_false(profile_track_explains(profile_tracks_look(&t, &p, 1000), 500, 1000));
    profile_tracks_done(&t);
}

static void test_profile_tracks_take_a_new_generation_uid_or_profile_for_news(void **state)
{
    struct profile first = profile_of("u-1", 4);
    struct profile edited = profile_of("u-1", 5);
    struct profile again = profile_of("u-2", 5);
    struct profile_track *track;
    struct profile_tracks t;

    (void)state;
    profile_tracks_init(&t);
    track = profile_tracks_look(&t, &first, 1000);
    assert_true(profile_track_explains(track, 500, 1499));
    assert_false(profile_track_explains(track, 500, 1500));
    track = profile_tracks_look(&t, &edited, 2000);
    assert_true(profile_track_explains(track, 500, 2000));
    track = profile_tracks_look(&t, &edited, 3000);
    assert_false(profile_track_explains(track, 500, 3000));
    track = profile_tracks_look(&t, &again, 4000);
    assert_true(profile_track_explains(track, 500, 4000));
    profile_tracks_done(&t);
}

static void test_profile_tracks_end_a_stop_with_a_change_alone(void **state)
{
    struct profile first = profile_of("u-1", 4);
    struct profile edited = profile_of("u-1", 5);
    struct profile_tracks t;

    (void)state;
    profile_tracks_init(&t);
    profile_tracks_look(&t, &first, 1000)->is_stopped = true;
    assert_true(profile_tracks_look(&t, &first, 900000)->is_stopped);
    assert_false(profile_tracks_look(&t, &edited, 900000)->is_stopped);
    profile_tracks_forget(&t, "p");
    assert_null(profile_tracks_get(&t, "p"));
    profile_tracks_done(&t);
}

static int begin(void *ctx, struct err *err)
{
    struct profile p = profile_of("u-1", 4);
    struct profile_tracks t;
    int result;

    (void)ctx;
    profile_tracks_init(&t);
    result = profile_tracks_begin(&t, &p, err);
    assert_int_equal(profile_tracks_get(&t, "p") != NULL, result == 0);
    profile_tracks_done(&t);
    return result;
}

static void test_profile_tracks_are_as_before_when_memory_is_out(void **state)
{
    (void)state;
    assert_true(sweep(begin, NULL) >= 2);
}

static void test_profile_tracks_begin_a_profile_once(void **state)
{
    struct profile first = profile_of("u-1", 4);
    struct profile edited = profile_of("u-1", 5);
    struct profile_tracks t;

    (void)state;
    profile_tracks_init(&t);
    assert_int_equal(profile_tracks_begin(&t, &first, NULL), 0);
    assert_int_equal(profile_tracks_begin(&t, &edited, NULL), 0); /* it is known as it was first */
    assert_true(profile_track_explains(profile_tracks_look(&t, &edited, 1000), 500, 1000));
    profile_tracks_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profile_tracks_take_what_was_there_at_the_start_for_no_news),
        cmocka_unit_test(test_profile_tracks_take_a_new_generation_uid_or_profile_for_news),
        cmocka_unit_test(test_profile_tracks_end_a_stop_with_a_change_alone),
        cmocka_unit_test(test_profile_tracks_are_as_before_when_memory_is_out),
        cmocka_unit_test(test_profile_tracks_begin_a_profile_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
