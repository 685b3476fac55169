/* Turns, sleeps and signals of the loop. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "rampart/edge/loop.h"
#include "support/unit.h"

struct fixture {
    struct loop loop;
    unsigned turns;
    uint64_t first_ms, last_ms;
    uint64_t asked_ms; /* what a turn answered */
    unsigned signals, seconds;
    unsigned turns_max; /* then it stops */
};

static uint64_t on_turn(void *ctx, uint64_t now_ms)
{
    struct fixture *f = ctx;

    if (f->turns++ == 0)
        f->first_ms = now_ms;
    f->last_ms = now_ms;
    if (f->turns >= f->turns_max)
        loop_stop(&f->loop);
    f->asked_ms = now_ms + 20;
    return f->asked_ms;
}

static uint64_t on_quiet_turn(void *ctx, uint64_t now_ms)
{
    struct fixture *f = ctx;

    (void)now_ms;
    if (f->turns++ == 0) {
        raise(SIGTERM);
        raise(SIGINT);
    }
    return UINT64_MAX;
}

static void on_signal(void *ctx, int signum, bool is_second)
{
    struct fixture *f = ctx;

    assert_true(signum == SIGTERM || signum == SIGINT);
    f->signals++;
    f->seconds += is_second;
    if (is_second)
        loop_stop(&f->loop);
}

static void test_loop_runs_a_turn_no_sooner_than_it_was_asked_to(void **state)
{
    struct fixture f = {.turns_max = 4};

    (void)state;
    assert_int_equal(loop_init(&f.loop, on_turn, NULL, &f, NULL), 0);
    loop_run(&f.loop);
    assert_int_equal(f.turns, 4);
    assert_true(f.last_ms >= f.first_ms + 3 * 20);
    assert_int_equal(loop_done(&f.loop), 0);
}

static void test_loop_hands_over_signals_and_counts_them(void **state)
{
    struct fixture f = {0};

    (void)state;
    assert_int_equal(loop_init(&f.loop, on_quiet_turn, on_signal, &f, NULL), 0);
    loop_run(&f.loop);
    assert_int_equal(f.signals, 2);
    assert_int_equal(f.seconds, 1);
    assert_int_equal(loop_done(&f.loop), 0);
}

static void test_loop_done_tells_of_a_handle_left_open(void **state)
{
    struct fixture f = {.turns_max = 1};
    uv_timer_t forgotten;

    (void)state;
    assert_int_equal(loop_init(&f.loop, on_turn, NULL, &f, NULL), 0);
    uv_timer_init(&f.loop.uv, &forgotten);
    loop_run(&f.loop);
    assert_int_equal(loop_done(&f.loop), -1);
    uv_close((uv_handle_t *)&forgotten, NULL);
    loop_run(&f.loop);
    assert_int_equal(loop_done(&f.loop), 0);
}

static void test_loop_stopped_twice_and_without_a_turn(void **state)
{
    struct loop l;

    (void)state;
    assert_int_equal(loop_init(&l, NULL, NULL, NULL, NULL), 0);
    loop_stop(&l);
    loop_stop(&l);
    loop_run(&l);
    assert_int_equal(loop_done(&l), 0);
}

static void test_loop_outlives_a_broken_pipe(void **state)
{
    struct loop l;
    int ends[2];

    (void)state;
    assert_int_equal(loop_init(&l, NULL, NULL, NULL, NULL), 0);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
    loop_stop(&l);
    loop_run(&l);
    assert_int_equal(loop_done(&l), 0);
}

static void test_clocks_go_on(void **state)
{
    uint64_t before = clock_monotonic_ms();

    (void)state;
    assert_true(clock_monotonic_ms() >= before);
    assert_true(clock_wall_ms() > 1700000000000);
    assert_true(clock_random_seed() != clock_random_seed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop_runs_a_turn_no_sooner_than_it_was_asked_to),
        cmocka_unit_test(test_loop_hands_over_signals_and_counts_them),
        cmocka_unit_test(test_loop_done_tells_of_a_handle_left_open),
        cmocka_unit_test(test_loop_stopped_twice_and_without_a_turn),
        cmocka_unit_test(test_loop_outlives_a_broken_pipe),
        cmocka_unit_test(test_clocks_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
