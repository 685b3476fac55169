/* Plans while memory runs out: every allocation fails once, nothing leaks, nothing is said to be
 * done that is not. */
#include "sync_applier.h"

#include "support/sweep.h"

/* setup() for a sweep: what cannot be made is an error and not the end of the test. */
static int begin(struct fixture *f, struct err *err)
{
    struct cluster_options of_cluster = {.transport = &f->fake.transport, .seed = 1};
    struct applier_options of_applier = {.transport = &f->fake.transport,
                                         .in_flight_max = 1,
                                         .on_done = keep_result,
                                         .ctx = f};

    *f = (struct fixture){0};
    fake_init(&f->fake);
    f->cluster = cluster_new(&of_cluster, err);
    if (!f->cluster)
        return -1;
    of_applier.cluster = f->cluster;
    f->applier = applier_new(&of_applier, err);
    return f->applier ? 0 : -1;
}

static void end(struct fixture *f)
{
    arena_done(&f->arena);
    applier_free(f->applier);
    cluster_free(f->cluster);
    fake_done(&f->fake);
}

/* A creation, a patch and a deletion. */
static int plan_writes(struct fixture *f, struct err *err)
{
    struct write writes[] = {
        {.verb = WRITE_CREATE, .object = policy_ref("a"), .body = "{}", .summary = "create a"},
        {.verb = WRITE_PATCH, .object = policy_ref("b"), .body = "{}", .summary = "mend b"},
        {.verb = WRITE_DELETE, .object = policy_ref("c"), .summary = "delete c"},
    };

    begin_plan(f);
    writes[2].object.uid = "u3";
    for (size_t i = 0; i < COUNT_OF(writes); i++)
        (void)plan_add_write(&f->plan, &writes[i]);
    return plan_check(&f->plan, err);
}

static int run(struct fixture *f, struct err *err)
{
    if (begin(f, err) < 0 || plan_writes(f, err) < 0 ||
        applier_start(f->applier, "ns/shop", &f->arena, &f->plan, 0, err) < 0)
        return -1;
    return 0;
}

static int result_of(struct fixture *f, enum apply_outcome expected, struct err *err)
{
    applier_step(f->applier, 0); /* a first write that could not be started */
    assert_int_equal(f->done_count, 1);
    if (last(f)->result.outcome == expected)
        return 0;
    assert_int_equal(last(f)->result.outcome, APPLY_FAILED);
    *err = last(f)->result.err;
    return -1;
}

static int carry_out(void *ctx, struct err *err)
{
    const char *const answers[] = {policy_json("a", "u1", "100", ""),
                                   policy_json("b", "u2", "101", ""),
                                   "{\"kind\":\"Status\",\"metadata\":{}}"};
    struct fixture *f = ctx;
    int result = run(f, err);

    if (result == 0) {
        for (size_t i = 0; fake_running(&f->fake) > 0; i++)
            answer(f, i, 200, answers[i]);
        result = result_of(f, APPLY_DONE, err);
        assert_int_equal(f->done[0].result.writes_done == 3, result == 0);
    }
    end(f);
    return result;
}

static void test_applier_survives_every_allocation_that_fails_in_a_plan(void **state)
{
    static struct fixture fixture;

    (void)state;
    assert_true(sweep_tolerant(carry_out, &fixture) > 50);
}

static int meet_another(void *ctx, struct err *err)
{
    struct fixture *f = ctx;
    int result = run(f, err);

    if (result == 0) {
        if (fake_running(&f->fake) > 0)
            answer(f, 0, 409, fake_status(409, "AlreadyExists", NULL, "exists"));
        if (fake_running(&f->fake) > 0)
            answer(f, 1, 200, policy_json("a", "foreign", "100", ""));
        applier_step(f->applier, 0);
        assert_int_equal(f->done_count, 1);
        /* Without memory for the Status it is some other 409; either way nothing was done. */
        assert_int_equal(last(f)->result.writes_done, 0);
        if (last(f)->result.outcome != APPLY_STALE) {
            *err = last(f)->result.err;
            result = -1;
        }
    }
    end(f);
    return result;
}

static void test_applier_survives_every_allocation_that_fails_in_a_reading(void **state)
{
    static struct fixture fixture;

    (void)state;
    assert_true(sweep_tolerant(meet_another, &fixture) > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_applier_survives_every_allocation_that_fails_in_a_plan),
        cmocka_unit_test(test_applier_survives_every_allocation_that_fails_in_a_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
