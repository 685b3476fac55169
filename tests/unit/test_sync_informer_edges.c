/* The informer where its transport or its server are at the edge of what they may do. */
#include "sync_informer.h"

static int setup(void **state)
{
    static struct bench bench;

    bench_init(&bench, KIND_NETWORK_POLICY, 100);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    bench_done(*state);
    return 0;
}

/* A transport may have more in its hands when it learns that the rest is not wanted. */
static void test_informer_refuses_what_comes_after_it_gave_a_request_up(void **state)
{
    struct bench *b = *state;
    struct exchange *x;
    const char *event = api_event("ADDED", "a", "z", 12);

    bench_sync(b);
    x = fake_get(&b->net, FAKE_LAST)->x;
    assert_false(fake_text(&b->net, FAKE_LAST, "<html>"));
    assert_int_equal(x->on_data(x, event, strlen(event), b->net.now_ms), -1);
    told(&b->cache, "");
    assert_int_equal(fake_settle(&b->net), 1);
    waits(b, 800, 1600);
    sends(b, event);
    told(&b->cache, "+a/z@12 ");
}

static void test_informer_is_not_stopped_before_it_is_told_to(void **state)
{
    struct bench *b = *state;

    assert_false(informer_is_stopped(b->informer));
    step(b);
    assert_false(informer_is_stopped(b->informer));
    informer_stop(b->informer);
    assert_false(informer_is_stopped(b->informer)); /* the request has not ended */
    assert_int_equal(fake_settle(&b->net), 1);
    assert_true(informer_is_stopped(b->informer));
}

static void test_informer_takes_no_answer_below_200_for_a_list(void **state)
{
    struct bench *b = *state;

    bench_sync_by_list(b);
    fake_end(&b->net, FAKE_LAST);
    waits(b, 800, 1600);
    fake_answer(&b->net, FAKE_LAST, 102, NULL, "");
    assert_int_not_equal(informer_error(b->informer)->code, ERR_NONE);
    told(&b->cache, "");
}

static void test_informer_names_the_version_of_the_core_group_that_is_not_served(void **state)
{
    struct bench b;

    (void)state;
    bench_init(&b, KIND_NAMESPACE, 100);
    step(&b);
    fake_answer(&b.net, FAKE_LAST, 404, NULL, "404 page not found\n");
    assert_contains(informer_error(b.informer)->msg,
                    "watch namespaces: the API server does not serve v1: ");
    bench_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_informer_refuses_what_comes_after_it_gave_a_request_up,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_informer_is_not_stopped_before_it_is_told_to, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_informer_takes_no_answer_below_200_for_a_list, setup,
                                        teardown),
        cmocka_unit_test(test_informer_names_the_version_of_the_core_group_that_is_not_served),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
