/* When a credential plugin runs again, and that it never does so in a hurry. */
#include "rampart/sync/exec_pace.h"
#include "support/unit.h"

#define WALL 1000000 /* of the wall clock, where it does not matter */

static struct exec_pace pace;

static int setup(void **state)
{
    (void)state;
    exec_pace_init(&pace);
    return 0;
}

static enum exec_advice ask(uint64_t now_ms)
{
    return exec_pace_ask(&pace, now_ms, WALL);
}

static void run_well(uint64_t now_ms, int64_t expires_ms)
{
    assert_int_equal(ask(now_ms), EXEC_RUN);
    exec_pace_started(&pace);
    exec_pace_succeeded(&pace, expires_ms, now_ms);
}

static void run_badly(uint64_t now_ms)
{
    assert_int_equal(ask(now_ms), EXEC_RUN);
    exec_pace_started(&pace);
    exec_pace_failed(&pace, now_ms);
}

static void test_plugin_runs_once_for_all_who_wait(void **state)
{
    (void)state;
    assert_int_equal(ask(0), EXEC_RUN);
    exec_pace_started(&pace);
    assert_int_equal(ask(0), EXEC_WAIT);
    assert_int_equal(ask(1000000), EXEC_WAIT);
    exec_pace_succeeded(&pace, INT64_MAX, 1000000);
    assert_int_equal(ask(1000000), EXEC_USE);
    assert_int_equal(ask(UINT64_MAX), EXEC_USE); /* it says nothing of an end */
}

static void test_plugin_runs_again_when_its_credential_expires(void **state)
{
    (void)state;
    run_well(0, WALL + 5000);
    assert_int_equal(exec_pace_ask(&pace, 4999, WALL + 4999), EXEC_USE);
    assert_int_equal(exec_pace_ask(&pace, 5000, WALL + 5000), EXEC_RUN);
    exec_pace_started(&pace);
    assert_int_equal(exec_pace_ask(&pace, 5001, WALL + 5001), EXEC_WAIT);
    exec_pace_succeeded(&pace, WALL + 10000, 5002);
    assert_int_equal(exec_pace_ask(&pace, 5003, WALL + 5003), EXEC_USE);
}

static void test_plugin_runs_again_when_the_server_rejects_its_credential(void **state)
{
    (void)state;
    run_well(0, INT64_MAX);
    exec_pace_accepted(&pace);
    exec_pace_rejected(&pace);
    exec_pace_rejected(&pace); /* of ten requests at once each gets its 401 */
    run_well(EXEC_FLOOR_MS, INT64_MAX);
    assert_int_equal(pace.rejections, 1);
    assert_int_equal(ask(EXEC_FLOOR_MS + 1), EXEC_USE);
}

static void test_plugin_whose_credentials_have_always_expired_runs_at_the_floor(void **state)
{
    (void)state;
    run_well(0, WALL - 1);
    assert_int_equal(ask(0), EXEC_USE); /* the server may see it otherwise */
    assert_int_equal(ask(EXEC_FLOOR_MS - 1), EXEC_USE);
    run_well(EXEC_FLOOR_MS, WALL - 1);
}

static void test_plugin_whose_credentials_nobody_accepts_runs_ever_less(void **state)
{
    uint64_t now_ms = 0, wait_ms = EXEC_FLOOR_MS;

    (void)state;
    for (int i = 0; i < 40; i++) {
        run_well(now_ms, INT64_MAX);
        exec_pace_rejected(&pace);
        assert_int_equal(ask(now_ms + wait_ms - 1), EXEC_USE);
        now_ms += wait_ms;
        wait_ms = wait_ms * 2 < EXEC_FLOOR_MAX_MS ? wait_ms * 2 : EXEC_FLOOR_MAX_MS;
    }
    run_well(now_ms, INT64_MAX);
    exec_pace_accepted(&pace); /* and one that is accepted starts it anew */
    assert_int_equal(pace.rejections, 0);
}

static void test_plugin_that_fails_runs_ever_less_and_says_why(void **state)
{
    uint64_t now_ms = 0, wait_ms = EXEC_FLOOR_MS;

    (void)state;
    for (int i = 0; i < 40; i++) {
        run_badly(now_ms);
        assert_int_equal(ask(now_ms + wait_ms - 1), EXEC_FAIL);
        now_ms += wait_ms;
        wait_ms = wait_ms * 2 < EXEC_FLOOR_MAX_MS ? wait_ms * 2 : EXEC_FLOOR_MAX_MS;
    }
    run_well(now_ms, INT64_MAX);
    assert_int_equal(pace.failures, 0);
}

static void test_plugin_that_fails_after_it_worked_lets_no_old_credential_out(void **state)
{
    (void)state;
    run_well(0, WALL + 10);
    assert_int_equal(exec_pace_ask(&pace, 5000, WALL + 10), EXEC_RUN);
    exec_pace_started(&pace);
    exec_pace_failed(&pace, 5000);
    assert_int_equal(exec_pace_ask(&pace, 5001, WALL + 11), EXEC_FAIL);
    assert_int_equal(exec_pace_ask(&pace, 5000 + EXEC_FLOOR_MS, WALL + 2000), EXEC_RUN);
}

static void test_answer_to_an_older_request_does_not_undo_a_rejection(void **state)
{
    (void)state;
    run_well(0, INT64_MAX);
    exec_pace_rejected(&pace);
    exec_pace_accepted(&pace);
    assert_int_equal(pace.rejections, 1);
    assert_int_equal(ask(EXEC_FLOOR_MS), EXEC_RUN);
}

static void test_rejection_without_a_credential_means_nothing(void **state)
{
    (void)state;
    exec_pace_rejected(&pace);
    assert_int_equal(pace.rejections, 0);
    assert_int_equal(ask(0), EXEC_RUN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_plugin_runs_once_for_all_who_wait, setup),
        cmocka_unit_test_setup(test_plugin_runs_again_when_its_credential_expires, setup),
        cmocka_unit_test_setup(test_plugin_runs_again_when_the_server_rejects_its_credential,
                               setup),
        cmocka_unit_test_setup(test_plugin_whose_credentials_have_always_expired_runs_at_the_floor,
                               setup),
        cmocka_unit_test_setup(test_plugin_whose_credentials_nobody_accepts_runs_ever_less, setup),
        cmocka_unit_test_setup(test_plugin_that_fails_runs_ever_less_and_says_why, setup),
        cmocka_unit_test_setup(test_plugin_that_fails_after_it_worked_lets_no_old_credential_out,
                               setup),
        cmocka_unit_test_setup(test_answer_to_an_older_request_does_not_undo_a_rejection, setup),
        cmocka_unit_test_setup(test_rejection_without_a_credential_means_nothing, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
