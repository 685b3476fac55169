/* Whose turn it is. */
#include "support/unit.h"

#include <string.h>

#include "rampart/reconcilers/rollout_planner.h"
#include "rollout_fixture.h"
#include "support/sweep.h"
#include "support/text.h"

static struct arena arena;
static struct workloads_section section;
static struct harden_turns turns;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1u << 16);
    section = fixture_section();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct workload_facts facts[5];

static struct harden_item item(size_t i, const char *name, int replicas, enum harden_state state)
{
    facts[i] = fixture_workload();
    facts[i].object.name = name;
    facts[i].replicas = replicas;
    return (struct harden_item){.workload = &facts[i].object,
                                .state = state,
                                .is_idle = replicas == 0,
                                .has_turn = true};
}

static void plan(struct harden_item *items, size_t count)
{
    assert_int_equal(rollout_plan(items, count, &section, "team", &arena, &turns, NULL), 0);
}

static void assert_turn(const struct harden_item *i, const char *name, bool has_turn)
{
    assert_string_equal(i->workload->name, name);
    assert_int_equal(i->has_turn, has_turn);
}

static void test_the_smallest_come_first_and_ties_go_by_name(void **state)
{
    struct harden_item items[] = {
        item(0, "large", 9, HARDEN_WAITS), item(1, "b", 2, HARDEN_WAITS),
        item(2, "a", 2, HARDEN_WAITS),     item(3, "small", 1, HARDEN_IDLE),
        item(4, "zero", 0, HARDEN_WAITS),
    };

    (void)state;
    plan(items, COUNT_OF(items));
    assert_turn(&items[0], "small", false);
    assert_turn(&items[1], "a", true);
    assert_turn(&items[2], "b", true);
    assert_turn(&items[3], "large", false);
    assert_turn(&items[4], "zero", false);
    assert_int_equal(turns.waiting, 4);
}

static void test_what_runs_takes_a_place_and_idle_ones_take_none(void **state)
{
    struct harden_item items[] = {
        item(0, "runs", 9, HARDEN_RUNS),   item(1, "b", 2, HARDEN_WAITS),
        item(2, "a", 2, HARDEN_WAITS),     item(3, "idle", 0, HARDEN_RUNS),
        item(4, "done", 1, HARDEN_PROVEN),
    };

    (void)state;
    plan(items, COUNT_OF(items));
    assert_int_equal(turns.running, 1);
    assert_turn(&items[1], "a", true);
    assert_turn(&items[2], "b", false);
}

static void test_idle_ones_have_their_turn_all_at_once_when_nobody_else_waits(void **state)
{
    struct harden_item items[] = {
        item(0, "z", 0, HARDEN_WAITS), item(1, "y", 0, HARDEN_WAITS), item(2, "x", 0, HARDEN_WAITS),
        item(3, "r", 3, HARDEN_RUNS),  item(4, "s", 3, HARDEN_RUNS),
    };

    (void)state;
    plan(items, COUNT_OF(items));
    for (size_t i = 2; i < COUNT_OF(items); i++)
        assert_true(items[i].has_turn);
    plan(items, 0);
    assert_int_equal(turns.running, 0);
}

static void test_too_many_failures_pause_the_profile_and_it_says_so(void **state)
{
    struct harden_item items[] = {
        item(0, "a", 1, HARDEN_FAILED), item(1, "b", 1, HARDEN_FAILED),
        item(2, "c", 1, HARDEN_PROVEN), item(3, "d", 1, HARDEN_PROVEN),
        item(4, "e", 1, HARDEN_WAITS),
    };

    (void)state;
    plan(items, COUNT_OF(items)); /* two of four, but two say nothing */
    assert_false(turns.is_paused);
    assert_true(items[4].has_turn);
    items[2].state = HARDEN_FAILED;
    section.failures_percent_max = 75;
    plan(items, COUNT_OF(items)); /* three of four are 75 %, not more */
    assert_false(turns.is_paused);
    section.failures_percent_max = 74;
    plan(items, COUNT_OF(items));
    assert_true(turns.is_paused);
    assert_false(items[4].has_turn);
    assert_string_equal(turns.message,
                        "3 of 4 rollouts of profile team failed, more than 74 %: it fills in "
                        "nothing more until the profile is changed");
}

static void test_only_marks_of_this_profile_as_it_is_count_as_done(void **state)
{
    static const struct {
        enum rollout_phase phase;
        const char *profile;
        int64_t generation;
        enum rollout_reason reason;
        enum harden_state state;
    } cases[] = {
        {ROLLOUT_PROVEN, "team", 4, ROLLOUT_FINE, HARDEN_PROVEN},
        {ROLLOUT_REVERTED, "team", 4, ROLLOUT_FAILED_BEFORE, HARDEN_FAILED},
        {ROLLOUT_KEPT, "team", 4, ROLLOUT_FINE, HARDEN_FAILED},
        {ROLLOUT_REVERTED, "team", 3, ROLLOUT_FAILED_BEFORE, HARDEN_IDLE},
        {ROLLOUT_PROVEN, "other", 4, ROLLOUT_FINE, HARDEN_IDLE},
        {ROLLOUT_PROVING, "team", 3, ROLLOUT_RUNS, HARDEN_RUNS},
        {ROLLOUT_PROVEN, "team", 4, ROLLOUT_WAITS_FOR_TURN, HARDEN_WAITS},
        {ROLLOUT_PENDING, "team", 4, ROLLOUT_WAITS_FOR_POD, HARDEN_IDLE},
        {ROLLOUT_STOOD_DOWN, "team", 4, ROLLOUT_USER_UNDID, HARDEN_IDLE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rollout_mark mark = {.phase = cases[i].phase,
                                    .profile = cases[i].profile,
                                    .generation = cases[i].generation};

        assert_int_equal(planner_state(&mark, "team", 4, cases[i].reason), cases[i].state);
    }
    assert_int_equal(planner_state(NULL, "team", 4, ROLLOUT_PAUSED), HARDEN_IDLE);
    assert_int_equal(planner_state(NULL, "team", 4, ROLLOUT_WAITS_FOR_TURN), HARDEN_WAITS);
}

static int pause_it(void *ctx, struct err *err)
{
    struct harden_item items[] = {item(0, "a", 1, HARDEN_FAILED), item(1, "b", 1, HARDEN_FAILED),
                                  item(2, "c", 1, HARDEN_FAILED)};
    AUTO_ARENA a;

    (void)ctx;
    arena_init(&a, 1u << 16);
    return rollout_plan(items, COUNT_OF(items), &section, "team", &a, &turns, err);
}

static void test_out_of_memory_is_told(void **state)
{
    (void)state;
    assert_int_equal(sweep(pause_it, NULL), 1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_smallest_come_first_and_ties_go_by_name),
        TEST(test_what_runs_takes_a_place_and_idle_ones_take_none),
        TEST(test_idle_ones_have_their_turn_all_at_once_when_nobody_else_waits),
        TEST(test_too_many_failures_pause_the_profile_and_it_says_so),
        TEST(test_only_marks_of_this_profile_as_it_is_count_as_done),
        TEST(test_out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
