/* Objects by the rules: what is evaluated again and when, what a status can tell, and Events. */
#include "sync_manager.h"

#define DAY_MS (24u * 60 * MINUTE_MS)

static void begin_with(struct bench *b, const char *const *names, size_t count)
{
    b->script.decides = "restricted";
    b->script.writes_status = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    for (size_t i = 0; i < count; i++)
        (void)put(b, KIND_SERVICE, "shop", names[i]);
    begin(b);
    run(b, 10 * SECOND_MS);
}

/* "compliant exempt drifted failed" */
static void assert_status(struct bench *b, const char *objects)
{
    const struct thing *t = thing_find(b, KIND_PROFILE, "", "restricted");

    assert_contains(t->status, api_text("\"objects\":\"%s\"", objects));
}

static void assert_says(struct bench *b, const char *part)
{
    assert_contains(thing_find(b, KIND_PROFILE, "", "restricted")->status, part);
}

static size_t status_writes(struct bench *b)
{
    size_t count = 0;

    for (size_t i = 0; i < b->net.count; i++)
        count += strstr(b->net.exchanges[i].request.path, "/restricted/status") != NULL;
    return count;
}

/* Somebody edits the profile. */
static void edit_profile(struct bench *b)
{
    struct thing *t = thing_find(b, KIND_PROFILE, "", "restricted");

    t->generation++;
    (void)put(b, KIND_PROFILE, "", "restricted");
}

static void test_manager_counts_every_object_in_the_first_status(void **state)
{
    static const char *const names[] = {"good", "good-2", "bad-1", "bad-2", "odd", "excused"};
    struct bench *b = *state;

    begin_with(b, names, COUNT_OF(names));
    assert_status(b, "2 1 2 1");
    assert_says(b, "\"first\":\"bad-1+\"");
    assert_int_equal(status_writes(b), 1); /* and in no other before it */
    assert_int_equal(stats(b).postures, 6);
    assert_int_equal(events(b, "RuleFailed"), 0); /* a start is no news */
}

static void test_manager_evaluates_what_has_changed_and_nothing_else(void **state)
{
    static const char *const names[] = {"good", "bad-1"};
    struct bench *b = *state;

    begin_with(b, names, COUNT_OF(names));
    forget_trace(b);
    (void)put(b, KIND_SERVICE, "shop", "good");
    run(b, 2 * SECOND_MS);
    assert_string_equal(b->trace, "object/good ");
    take_away(b, KIND_SERVICE, "shop", "bad-1");
    run(b, 2 * SECOND_MS);
    assert_status(b, "1 0 0 0");
}

static void test_manager_evaluates_all_objects_again_after_an_edit_without_a_list(void **state)
{
    static const char *const names[] = {"good", "bad-1"};
    struct bench *b = *state;
    size_t requests;

    begin_with(b, names, COUNT_OF(names));
    forget_trace(b);
    requests = b->net.count;
    b->script.is_mended = true;
    edit_profile(b);
    run(b, 2 * SECOND_MS);
    assert_int_equal(passes(b, "object/good"), 1);
    assert_int_equal(passes(b, "object/bad-1"), 1);
    assert_status(b, "2 0 0 0");
    assert_int_equal(b->net.count, requests + 1); /* the status */
    b->script.decides = NULL;
    edit_profile(b);
    run(b, 2 * SECOND_MS);
    assert_int_equal(stats(b).postures, 0);
}

/* Keys for each object of a large cluster would cost megabytes for nothing. */
static void test_manager_looks_at_no_object_until_a_profile_asks_the_rules(void **state)
{
    static const char *const names[] = {"good", "bad-1"};
    struct bench *b = *state;
    struct thing *t;

    t = put(b, KIND_PROFILE, "", "restricted");
    t->asks_nothing = true;
    begin_with(b, names, COUNT_OF(names));
    (void)put(b, KIND_SERVICE, "shop", "good");
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 2 * SECOND_MS);
    assert_int_equal(passes(b, "object/good") + passes(b, "object/bad-1"), 0);
    t->asks_nothing = false;
    edit_profile(b);
    run(b, 2 * SECOND_MS);
    assert_int_equal(stats(b).postures, 2);
    t->asks_nothing = true;
    b->script.decides = NULL; /* as without the section */
    edit_profile(b);
    run(b, 2 * SECOND_MS);
    assert_int_equal(stats(b).postures, 0);
    forget_trace(b);
    (void)put(b, KIND_SERVICE, "shop", "good");
    run(b, 2 * SECOND_MS);
    assert_int_equal(passes(b, "object/good") + passes(b, "object/bad-1"), 0);
}

static void test_manager_writes_nothing_while_nothing_changes(void **state)
{
    static const char *const names[] = {"good", "bad-1", "odd"};
    struct bench *b = *state;
    size_t writes;

    (void)put(b, KIND_POD, "shop", "bad-pod");
    begin_with(b, names, COUNT_OF(names));
    run(b, MINUTE_MS);
    writes = status_writes(b);
    for (int i = 0; i < 6; i++) {
        (void)put(b, KIND_SERVICE, "shop", "good"); /* changes, and says the same */
        run(b, 10 * MINUTE_MS);
    }
    assert_int_equal(status_writes(b), writes);
}

static void test_manager_tells_of_an_object_that_has_become_worse_once(void **state)
{
    static const char *const names[] = {"good"};
    struct bench *b = *state;

    begin_with(b, names, COUNT_OF(names));
    (void)put(b, KIND_SERVICE, "shop", "bad-1");
    run(b, 2 * SECOND_MS);
    assert_int_equal(events(b, "RuleFailed"), 1);
    assert_contains(last_event(b), "first-rule, second-rule: this is wrong");
    (void)put(b, KIND_SERVICE, "shop", "bad-1");
    run(b, MINUTE_MS);
    assert_int_equal(events(b, "RuleFailed"), 1);
    b->script.is_mended = true;
    (void)put(b, KIND_SERVICE, "shop", "bad-1");
    run(b, 10 * MINUTE_MS);
    b->script.is_mended = false;
    (void)put(b, KIND_SERVICE, "shop", "bad-1");
    run(b, 2 * SECOND_MS);
    assert_int_equal(events(b, "RuleFailed"), 2);
}

static void test_manager_does_a_large_namespace_in_parts(void **state)
{
    struct bench *b = *state;
    const size_t count = 3 * MANAGER_PASSES_PER_STEP * 64 + 7;
    unsigned turns = 0;

    b->script.decides = "restricted";
    b->script.writes_status = true;
    (void)put(b, KIND_NAMESPACE, "", "shop");
    for (size_t i = 0; i < count && i < THINGS_MAX - 10; i++)
        (void)put(b, KIND_SERVICE, "shop", api_text("good-%05zu", i));
    begin(b);
    run(b, 2 * SECOND_MS);
    assert_int_equal(stats(b).postures, b->things_count - 2);
    edit_profile(b);
    forget_trace(b);
    (void)serve(b);
    while (step(b) <= b->net.now_ms) /* between two of its parts the loop gets its turn */
        turns++;
    assert_true(turns >= 3);
}

static void test_manager_never_counts_what_could_not_be_evaluated_as_compliant(void **state)
{
    static const char *const names[] = {"good", "good-2"};
    struct bench *b = *state;

    begin_with(b, names, COUNT_OF(names));
    b->script.evaluations_fail = 12;
    (void)put(b, KIND_SERVICE, "shop", "good");
    run(b, 2 * SECOND_MS);
    assert_status(b, "1 0 0 1");
    assert_true(logged(b, "could not be evaluated") > 0);
    run(b, MINUTE_MS);
    assert_status(b, "2 0 0 0");
    b->script.evaluations_fail = 12;
    edit_profile(b);
    run(b, 2 * SECOND_MS);
    assert_status(b, "1 0 0 1");
    run(b, MINUTE_MS);
    assert_status(b, "2 0 0 0");
}

static void test_manager_evaluates_again_when_it_could_not_say_why(void **state)
{
    static const char *const names[] = {"good"};
    struct bench *b = *state;

    begin_with(b, names, COUNT_OF(names));
    b->script.explanations_fail = 3;
    (void)put(b, KIND_SERVICE, "shop", "bad-1");
    run(b, MINUTE_MS);
    assert_int_equal(events(b, "RuleFailed"), 1);
    assert_status(b, "1 0 1 0");
}

/* ---- Exceptions ---- */

static void test_manager_looks_at_an_exception_when_it_is_due_and_not_before(void **state)
{
    static const char *const names[] = {"bad-1"};
    struct bench *b = *state;

    begin_with(b, names, COUNT_OF(names));
    b->script.look_again_s = (WALL_MS + (int64_t)b->net.now_ms) / 1000 + 600;
    (void)put(b, KIND_EXCEPTION, "shop", "legacy");
    run(b, MINUTE_MS);
    forget_trace(b);
    run(b, 8 * MINUTE_MS);
    assert_string_equal(b->trace, "");
    b->script.look_again_s = 0;
    b->script.says_of_exceptions = "it expired";
    b->script.is_mended = true;
    run(b, 2 * MINUTE_MS);
    assert_int_equal(passes(b, "exception/legacy"), 1);
    assert_int_equal(passes(b, "object/bad-1"), 1); /* what it exempted counts again */
    assert_status(b, "1 0 0 0");
    assert_int_equal(events(b, "ExceptionExpires"), 1);
}

static void test_manager_warns_of_an_exception_once(void **state)
{
    struct bench *b = *state;

    b->script.says_of_exceptions = "it expires soon";
    b->script.look_again_s = (WALL_MS + (int64_t)b->net.now_ms) / 1000 + 7 * 24 * 3600;
    (void)put(b, KIND_EXCEPTION, "shop", "legacy");
    begin_with(b, NULL, 0);
    assert_int_equal(events(b, "it expires soon"), 1);
    forget_trace(b);
    run(b, 3 * DAY_MS); /* a clock may be put right: once a day */
    assert_in_range(passes(b, "exception/legacy"), 2, 4);
    assert_int_equal(events(b, "it expires soon"), 1);
    take_away(b, KIND_EXCEPTION, "shop", "legacy");
    run(b, MINUTE_MS);
    assert_int_equal(events(b, "it expires soon"), 1);
}

static void test_manager_looks_at_an_exception_again_that_it_could_not_look_at(void **state)
{
    struct bench *b = *state;

    begin_with(b, NULL, 0);
    b->script.says_of_exceptions = "it expires soon";
    b->script.plans_fail = 2;
    (void)put(b, KIND_EXCEPTION, "shop", "legacy");
    run(b, MINUTE_MS);
    assert_int_equal(events(b, "it expires soon"), 1);
}

/* ---- The scan ---- */

static void test_manager_counts_what_the_scan_finds_and_replaces_it(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_POD, "shop", "bad-pod");
    (void)put(b, KIND_POD, "shop", "good-pod");
    (void)put(b, KIND_JOB, "shop", "bad-job");
    begin_with(b, NULL, 0);
    run(b, 2 * SECOND_MS);
    assert_says(b, "\"scan\":\"2/4\"");
    take_away(b, KIND_JOB, "shop", "bad-job");
    run(b, 11 * MINUTE_MS);
    assert_says(b, "\"scan\":\"1/2\"");
}

static void test_manager_keeps_what_a_scan_found_while_the_next_one_fails(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_POD, "shop", "bad-pod");
    begin_with(b, NULL, 0);
    run(b, 2 * SECOND_MS);
    b->holds_scan = true;
    run(b, 10 * MINUTE_MS);
    fake_answer(&b->net, waiting_write(b, "/pods?"), 403, NULL,
                fake_status(403, "Forbidden", NULL, "pods is forbidden"));
    run(b, 2 * SECOND_MS);
    assert_says(b, "\"scan\":\"1/2 failed\"");
    b->holds_scan = false;
    run(b, 2 * MINUTE_MS);
    assert_says(b, "\"scan\":\"1/2\"");
}

static void test_manager_lets_a_scan_fail_that_it_cannot_evaluate(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_POD, "shop", "bad-pod");
    b->holds_scan = true;
    begin_with(b, NULL, 0);
    run(b, SECOND_MS);
    b->script.explanations_fail = 1;
    b->holds_scan = false;
    run(b, SECOND_MS);
    assert_says(b, "failed");
    run(b, MINUTE_MS);
    assert_says(b, "\"scan\":\"1/2\"");
}

static void test_manager_scans_again_after_an_edit_of_a_profile(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_POD, "shop", "bad-pod");
    begin_with(b, NULL, 0);
    run(b, 2 * SECOND_MS);
    b->script.is_mended = true;
    edit_profile(b);
    run(b, 62 * SECOND_MS);
    assert_says(b, "\"scan\":\"0/0\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(test_manager_counts_every_object_in_the_first_status),
        MANAGER_TEST(test_manager_evaluates_what_has_changed_and_nothing_else),
        MANAGER_TEST(test_manager_evaluates_all_objects_again_after_an_edit_without_a_list),
        MANAGER_TEST(test_manager_looks_at_no_object_until_a_profile_asks_the_rules),
        MANAGER_TEST(test_manager_writes_nothing_while_nothing_changes),
        MANAGER_TEST(test_manager_tells_of_an_object_that_has_become_worse_once),
        MANAGER_TEST(test_manager_does_a_large_namespace_in_parts),
        MANAGER_TEST(test_manager_never_counts_what_could_not_be_evaluated_as_compliant),
        MANAGER_TEST(test_manager_evaluates_again_when_it_could_not_say_why),
        MANAGER_TEST(test_manager_looks_at_an_exception_when_it_is_due_and_not_before),
        MANAGER_TEST(test_manager_warns_of_an_exception_once),
        MANAGER_TEST(test_manager_looks_at_an_exception_again_that_it_could_not_look_at),
        MANAGER_TEST(test_manager_counts_what_the_scan_finds_and_replaces_it),
        MANAGER_TEST(test_manager_keeps_what_a_scan_found_while_the_next_one_fails),
        MANAGER_TEST(test_manager_lets_a_scan_fail_that_it_cannot_evaluate),
        MANAGER_TEST(test_manager_scans_again_after_an_edit_of_a_profile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
