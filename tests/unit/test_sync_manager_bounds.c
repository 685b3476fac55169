/* More profiles than the manager remembers: they are reconciled all the same. */
#include "sync_manager.h"

#define PROFILES (PROFILE_TRACKS_BOUND + 1)
#define PROFILE_TRACKS_BOUND 10000 /* of sync/profile_tracks.h */

static unsigned unkept, stopped, contested;

/* Instead of the whole log, which is long. */
static void count_lines(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    (void)len;
    unkept += strstr(line, "a verdict is not kept") != NULL;
    contested += strstr(line, "does not stay") != NULL;
    stopped += strstr(line, "deletions are stopped") != NULL;
}

static void run_minutes(struct bench *b, unsigned minutes)
{
    while (minutes-- > 0) {
        run(b, MINUTE_MS);
        forget_trace(b);
    }
}

static void test_manager_reconciles_profiles_that_it_cannot_remember(void **state)
{
    struct bench *b = *state;
    const char *last = "p-10000";

    if (getenv("UNDER_VALGRIND")) /* ten thousand of anything */
        skip();
    b->log.sink = count_lines;
    for (int i = 0; i < PROFILES; i++)
        (void)put(b, KIND_PROFILE, "", api_text("p-%05d", i));
    b->script.profile = last;
    b->script.writes_status = true;
    b->script.profile_plans_fail =
        PROFILES; /* every verdict is worth keeping, and one is too many */
    run(b, 0);
    forget_trace(b);
    assert_int_equal(unkept, 1);
    run_minutes(b, 20);
    assert_string_equal(thing_find(b, KIND_PROFILE, "", last)->status, "{\"compliant\":0}");
    assert_string_equal(thing_find(b, KIND_PROFILE, "", "p-00000")->status, "{\"compliant\":0}");
    /* Nothing explains its deletions, and nothing remembers that they were stopped: the budget
     * alone counts. */
    b->script.writes_status = false;
    for (int i = 0; i < 12; i++) {
        (void)put(b, KIND_NETWORK_POLICY, api_text("n-%d", i), POLICY);
        (void)put(b, KIND_NAMESPACE, "", api_text("n-%d", i));
        run(b, 0);
        forget_trace(b);
    }
    b->script.removes = true;
    for (int i = 0; i < 12; i++)
        (void)put(b, KIND_NETWORK_POLICY, api_text("n-%d", i), "theirs");
    run(b, 0);
    assert_int_equal(stats(b).applier.deletes, MANAGER_DELETES_FREE);
    assert_int_equal(stopped, 0);
    run_minutes(b, 5);
    assert_int_equal(stats(b).applier.deletes, 12);
    /* Nor what was edited: what does not stay is contested. */
    b->script.removes = false;
    b->script.wants_policy = true;
    b->script.mends_always = true;
    (void)put(b, KIND_NAMESPACE, "", "n-0");
    run_minutes(b, 1);
    assert_int_equal(contested, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_manager_reconciles_profiles_that_it_cannot_remember),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
