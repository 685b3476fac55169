/* The claims of client-go's util/workqueue queue_test.go and delaying_queue_test.go. */
#include "sync_queue.h"

static void test_queue_gives_keys_in_the_order_in_which_they_came(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add(q, "b");
    add(q, "a");
    add(q, "c");
    takes(q, 0, "b");
    takes(q, 0, "a");
    takes(q, 0, "c");
    takes(q, 0, NULL);
    workqueue_free(q);
}

static void test_queue_holds_a_key_once(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add(q, "a");
    add(q, "b");
    add(q, "a");
    assert_int_equal(workqueue_ready(q), 2);
    takes_and_is_done(q, 0, "a");
    takes_and_is_done(q, 0, "b");
    takes(q, 0, NULL);
    workqueue_free(q);
}

static void test_queue_gives_a_key_added_while_processing_again_after_done(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add(q, "a");
    takes(q, 0, "a");
    add(q, "a");
    add(q, "a");
    assert_int_equal(workqueue_ready(q), 0);
    takes(q, 0, NULL); /* never twice at once */
    workqueue_done(q, "a");
    assert_int_equal(workqueue_ready(q), 1);
    takes_and_is_done(q, 0, "a");
    takes(q, 0, NULL);
    workqueue_free(q);
}

static void test_queue_puts_a_dirty_key_behind_those_that_wait(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add(q, "a");
    add(q, "b");
    takes(q, 0, "a");
    add(q, "a");
    workqueue_done(q, "a");
    takes(q, 0, "b");
    takes(q, 0, "a");
    workqueue_free(q);
}

static void test_queue_takes_a_key_again_that_was_added_again_after_done(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add(q, "a");
    takes_and_is_done(q, 0, "a");
    add(q, "a");
    takes_and_is_done(q, 0, "a");
    workqueue_free(q);
}

static void test_queue_forgets_keys_that_nothing_holds(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add(q, "a");
    add(q, "b");
    takes_and_is_done(q, 0, "a");
    takes_and_is_done(q, 0, "b");
    assert_int_equal(workqueue_keys(q), 0);
    workqueue_free(q);
}

static void test_queue_done_without_take_does_nothing(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    workqueue_done(q, "a");
    add(q, "a");
    workqueue_done(q, "a");
    assert_int_equal(workqueue_ready(q), 1);
    workqueue_forget(q, "unknown");
    takes(q, 0, "a");
    workqueue_free(q);
}

static void test_queue_counts_what_is_ready_and_what_is_processed(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add(q, "a");
    add(q, "b");
    add_at(q, "c", 100);
    takes(q, 0, "a");
    assert_int_equal(workqueue_ready(q), 1);
    assert_int_equal(workqueue_processing(q), 1);
    assert_int_equal(workqueue_keys(q), 3);
    workqueue_done(q, "a");
    assert_int_equal(workqueue_processing(q), 0);
    workqueue_free(q);
}

/* ---- delaying_queue_test.go ---- */

static void test_delayed_key_is_ready_when_due_and_not_before(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add_at(q, "a", 50);
    assert_int_equal(workqueue_deadline(q, 0), 50);
    takes(q, 49, NULL);
    assert_int_equal(workqueue_deadline(q, 50), 0);
    takes_and_is_done(q, 50, "a");
    assert_int_equal(workqueue_deadline(q, 50), UINT64_MAX);
    takes(q, 1000000, NULL);
    workqueue_free(q);
}

static void test_delayed_key_comes_at_the_earlier_of_two_due_times_once(void **state)
{
    static const uint64_t orders[][2] = {{50, 70}, {70, 50}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct workqueue *q = queue(10);

        add_at(q, "a", orders[i][0]);
        add_at(q, "a", orders[i][1]);
        takes(q, 49, NULL);
        takes_and_is_done(q, 50, "a");
        takes(q, 70, NULL);
        assert_int_equal(workqueue_keys(q), 0);
        workqueue_free(q);
    }
}

static void test_delayed_keys_come_in_the_order_of_their_due_times(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add_at(q, "late", 300);
    add_at(q, "early", 100);
    add_at(q, "second of two", 200);
    add_at(q, "third of two", 200);
    takes(q, 300, "early");
    takes(q, 300, "second of two");
    takes(q, 300, "third of two");
    takes(q, 300, "late");
    workqueue_free(q);
}

static void test_delayed_key_that_falls_due_while_processed_runs_again_after_done(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add(q, "a");
    takes(q, 0, "a");
    add_at(q, "a", 50); /* what a pass asks for: look again later */
    takes(q, 60, NULL);
    workqueue_done(q, "a");
    takes_and_is_done(q, 60, "a");
    takes(q, 100, NULL);
    workqueue_free(q);
}

static void test_delayed_key_stays_due_although_it_is_taken_before(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add_at(q, "a", 50);
    add(q, "a");
    takes_and_is_done(q, 10, "a");
    assert_int_equal(workqueue_deadline(q, 10), 50);
    takes_and_is_done(q, 50, "a");
    workqueue_free(q);
}

static void test_delayed_key_in_the_past_is_ready_at_once(void **state)
{
    struct workqueue *q = queue(10);

    (void)state;
    add_at(q, "a", 0);
    assert_int_equal(workqueue_deadline(q, 10), 0);
    takes_and_is_done(q, 10, "a");
    workqueue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_gives_keys_in_the_order_in_which_they_came),
        cmocka_unit_test(test_queue_holds_a_key_once),
        cmocka_unit_test(test_queue_gives_a_key_added_while_processing_again_after_done),
        cmocka_unit_test(test_queue_puts_a_dirty_key_behind_those_that_wait),
        cmocka_unit_test(test_queue_takes_a_key_again_that_was_added_again_after_done),
        cmocka_unit_test(test_queue_forgets_keys_that_nothing_holds),
        cmocka_unit_test(test_queue_done_without_take_does_nothing),
        cmocka_unit_test(test_queue_counts_what_is_ready_and_what_is_processed),
        cmocka_unit_test(test_delayed_key_is_ready_when_due_and_not_before),
        cmocka_unit_test(test_delayed_key_comes_at_the_earlier_of_two_due_times_once),
        cmocka_unit_test(test_delayed_keys_come_in_the_order_of_their_due_times),
        cmocka_unit_test(test_delayed_key_that_falls_due_while_processed_runs_again_after_done),
        cmocka_unit_test(test_delayed_key_stays_due_although_it_is_taken_before),
        cmocka_unit_test(test_delayed_key_in_the_past_is_ready_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
