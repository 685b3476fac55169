/* What is kept of each workload for hardening, and the sums of it by profile. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/kube/plan.h"
#include "rampart/sync/hardenings.h"
#include "support/sweep.h"

#define RECORDS_MAX 8

static struct hardenings book;

static int setup(void **state)
{
    (void)state;
    hardenings_init(&book, RECORDS_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hardenings_done(&book);
    return 0;
}

static struct hardening *need(const char *key, const char *profile)
{
    struct hardening *r = hardenings_need(&book, key, profile, NULL);

    assert_non_null(r);
    return r;
}

static struct hardening *put(const char *key, const char *profile, enum harden_state state,
                             bool is_idle)
{
    struct hardening *r = need(key, profile);

    (void)hardening_set_state(r, state, is_idle);
    return r;
}

/* "running waiting proven failed contested", and how many turns are out */
static void assert_sums(const char *profile, const char *expected, size_t turns_out)
{
    const struct hardening_profile *p = hardenings_profile(&book, profile);
    char text[64];

    assert_non_null(p);
    (void)snprintf(text, sizeof(text), "%u %u %u %u %u", p->turns.running, p->turns.waiting,
                   p->turns.proven, p->turns.failed, p->turns.contested);
    assert_string_equal(text, expected);
    assert_int_equal(p->turns_out, turns_out);
}

static void test_hardenings_follow_a_workload_from_one_state_to_the_next(void **state)
{
    struct hardening *r;

    (void)state;
    r = put("shop/web/deployments", "p", HARDEN_WAITS, false);
    (void)put("shop/db/statefulsets", "p", HARDEN_PROVEN, false);
    (void)put("shop/old/deployments", "p", HARDEN_FAILED, false);
    (void)put("shop/seen/deployments", "p", HARDEN_CONTESTED, false);
    (void)put("shop/none/deployments", "p", HARDEN_IDLE, false);
    assert_sums("p", "0 1 1 1 1", 0);
    assert_true(hardening_set_state(r, HARDEN_RUNS, false));
    assert_sums("p", "1 0 1 1 1", 0);
    assert_false(hardening_set_state(r, HARDEN_RUNS, false));
    assert_true(hardening_set_state(r, HARDEN_RUNS, true)); /* which is no longer paced */
    assert_sums("p", "0 0 1 1 1", 0);
    hardenings_forget(&book, "shop/old/deployments");
    hardenings_forget(&book, "shop/old/deployments");
    assert_sums("p", "0 0 1 0 1", 0);
    assert_int_equal(hardenings_count(&book), 4);
}

static void test_hardenings_move_with_the_profile_that_decides(void **state)
{
    struct hardening *r;

    (void)state;
    r = put("shop/web/deployments", "p", HARDEN_WAITS, false);
    hardening_give_turn(r);
    assert_sums("p", "0 1 0 0 0", 1);
    assert_ptr_equal(need("shop/web/deployments", "q"), r);
    assert_false(r->has_turn); /* that was p's to give */
    assert_null(hardenings_profile(&book, "p"));
    assert_sums("q", "0 1 0 0 0", 0);
    assert_ptr_equal(need("shop/web/deployments", NULL), r);
    assert_null(hardenings_profile(&book, "q"));
    assert_true(hardening_set_state(r, HARDEN_RUNS, false) == false); /* nobody counts it */
    (void)need("shop/web/deployments", "q");
    assert_sums("q", "1 0 0 0 0", 0);
}

/* Only then somebody else may begin, or nobody any more. */
static void test_hardenings_make_a_profile_dirty_where_turns_may_change(void **state)
{
    static const struct {
        enum harden_state from, to;
        bool is_idle, is_dirty;
    } cases[] = {
        {HARDEN_IDLE, HARDEN_WAITS, false, true},     {HARDEN_IDLE, HARDEN_WAITS, true, true},
        {HARDEN_WAITS, HARDEN_RUNS, false, true},     {HARDEN_WAITS, HARDEN_IDLE, true, false},
        {HARDEN_RUNS, HARDEN_PROVEN, false, true},    {HARDEN_RUNS, HARDEN_PROVEN, true, false},
        {HARDEN_RUNS, HARDEN_FAILED, true, true},     {HARDEN_IDLE, HARDEN_PROVEN, false, false},
        {HARDEN_FAILED, HARDEN_IDLE, false, true},    {HARDEN_PROVEN, HARDEN_IDLE, false, false},
        {HARDEN_CONTESTED, HARDEN_IDLE, true, false},
    };
    struct hardening *r = need("shop/web/deployments", "p");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        (void)hardening_set_state(r, cases[i].from, cases[i].is_idle);
        r->profile->is_dirty = false;
        (void)hardening_set_state(r, cases[i].to, cases[i].is_idle);
        assert_int_equal(r->profile->is_dirty, cases[i].is_dirty);
    }
}

/* It is counted among those that wait all the time, and is up for a turn again once it wakes. */
static void test_hardenings_let_one_rest_whose_turn_was_in_vain(void **state)
{
    struct hardening *r = put("shop/web/deployments", "p", HARDEN_WAITS, false);

    (void)state;
    hardening_give_turn(r);
    r->profile->is_dirty = false;
    hardening_rest(r);
    assert_true(r->is_resting && !r->has_turn);
    assert_true(r->profile->is_dirty); /* for the others */
    assert_sums("p", "0 1 0 0 0", 0);
    r->profile->is_dirty = false;
    hardening_wake(r);
    assert_true(!r->is_resting && r->profile->is_dirty);
    assert_sums("p", "0 1 0 0 0", 0);
    r->profile->is_dirty = false;
    hardening_wake(r); /* it was awake */
    assert_false(r->profile->is_dirty);
    hardening_rest(r);
    assert_ptr_equal(need("shop/web/deployments", NULL), r);
    hardening_wake(r); /* nobody's by now */
    assert_false(r->is_resting);
}

static void test_hardenings_make_a_profile_dirty_when_a_turn_ends(void **state)
{
    struct hardening *r;

    (void)state;
    r = put("shop/web/deployments", "p", HARDEN_WAITS, false);
    hardening_end_turn(r); /* it has none */
    hardening_give_turn(r);
    r->profile->is_dirty = false;
    hardening_end_turn(r);
    assert_true(r->profile->is_dirty);
    assert_sums("p", "0 1 0 0 0", 0);
    r = put("shop/web/deployments", "p", HARDEN_WAITS, true);
    hardening_give_turn(r);
    r->profile->turns_out += HARDENING_TURNS_OUT_MAX; /* so many others of them have theirs */
    r->profile->is_dirty = false;
    hardening_end_turn(r);
    assert_false(r->profile->is_dirty);
}

static const struct object web = {KIND_DEPLOYMENT, .ns = "shop", .name = "web", .uid = "u-1"};

static struct finding finding_of(const char *message)
{
    return (struct finding){.reason = REASON_WORKLOAD_SKIPPED,
                            .is_warning = true,
                            .object = {KIND_DEPLOYMENT, "shop", "web", "u-1"},
                            .rule = "workloads",
                            .message = message,
                            .manager = "argocd",
                            .profile = "p"};
}

static bool say(struct hardening *r, const struct finding *finding)
{
    bool has_changed;

    assert_int_equal(hardenings_say(&book, r, finding, &has_changed, NULL), 0);
    return has_changed;
}

static void test_hardenings_give_back_what_was_said(void **state)
{
    struct hardening *r = need("shop/web/deployments", "p");
    struct finding finding = finding_of("it runs as root"), *back;
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 4096);
    assert_true(say(r, &finding));
    assert_false(say(r, &finding));
    back = hardening_finding(r, &web, &a);
    assert_non_null(back);
    assert_string_equal(back->message, "it runs as root");
    assert_string_equal(back->rule, "workloads");
    assert_string_equal(back->manager, "argocd");
    assert_string_equal(back->profile, "p");
    assert_string_equal(back->object.uid, "u-1");
    assert_true(back->is_warning && back->reason == REASON_WORKLOAD_SKIPPED);
    (void)need("shop/web/deployments", NULL);
    back = hardening_finding(r, &web, &a);
    assert_true(back && !back->profile);
    assert_true(say(r, NULL));
    assert_false(say(r, NULL));
}

static void test_hardenings_tell_findings_apart(void **state)
{
    struct hardening *r = need("shop/web/deployments", "p");
    const struct finding first = finding_of("it runs as root");
    struct finding other[7];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(other); i++)
        other[i] = first;
    other[0].reason = REASON_REVERTED;
    other[1].is_warning = false;
    other[2].counts_as_failed = true;
    other[3].is_about_profile = true;
    other[4].rule = "write";
    other[5].message = "it does not run as root";
    other[6].manager = NULL;
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        (void)say(r, &first);
        assert_true(say(r, &other[i]));
    }
}

static void test_hardenings_cut_a_long_text_between_characters(void **state)
{
    struct hardening *r = need("shop/web/deployments", "p");
    char text[HARDENING_TEXT_MAX + 100];
    struct finding finding;
    const struct finding *back;
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 4096);
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xC3\xA9", 3);
    finding = finding_of(text + 1); /* odd: a character would be cut in two */
    (void)say(r, &finding);
    back = hardening_finding(r, &web, &a);
    assert_non_null(back);
    assert_int_equal(strlen(back->message), HARDENING_TEXT_MAX);
    assert_string_equal(back->message + HARDENING_TEXT_MAX - 5, "\xC3\xA9...");
    finding = finding_of(text);
    (void)say(r, &finding);
    back = hardening_finding(r, &web, &a);
    assert_int_equal(strlen(back->message), HARDENING_TEXT_MAX - 1);
}

static void test_hardenings_list_what_was_said_in_order(void **state)
{
    static const char *const keys[] = {"shop/c/deployments", "shop/a/deployments",
                                       "bank/z/deployments", "shop/b/deployments"};
    const struct finding finding = finding_of("skipped");
    const char *told[3];
    size_t count;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        (void)say(need(keys[i], "p"), &finding);
    (void)say(need("aaaa/a/deployments", "q"), &finding);
    (void)need("aaaa/silent/deployments", "p");
    assert_true(hardenings_told(&book, "p", told, 3, &count));
    assert_int_equal(count, 3);
    assert_string_equal(told[0], "bank/z/deployments");
    assert_string_equal(told[1], "shop/a/deployments");
    assert_string_equal(told[2], "shop/b/deployments");
    assert_false(hardenings_told(&book, "nobody", told, 3, &count));
    assert_int_equal(count, 0);
}

static void test_hardenings_pause_a_profile_until_it_is_another(void **state)
{
    struct hardening_profile *p = need("shop/web/deployments", "p")->profile;

    (void)state;
    assert_int_equal(hardening_pause(p, "too many", 4, "u-7", NULL), 0);
    assert_int_equal(hardening_pause(p, "far too many", 5, "u-7", NULL), 0);
    assert_true(p->turns.is_paused);
    assert_string_equal(p->turns.message, "far too many");
    assert_int_equal(p->pause_generation, 5);
    assert_string_equal(p->pause_uid, "u-7");
    hardening_end_pause(p);
    assert_false(p->turns.is_paused);
    assert_string_equal(p->turns.message, "");
}

static void test_hardenings_take_no_more_than_there_is_room_for(void **state)
{
    struct err err = {0};
    char key[64];

    (void)state;
    for (int i = 0; i < RECORDS_MAX; i++) {
        (void)snprintf(key, sizeof(key), "shop/web-%d/deployments", i);
        (void)need(key, "p");
    }
    assert_null(hardenings_need(&book, "shop/more/deployments", "q", &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_null(hardenings_profile(&book, "q"));
    assert_non_null(need("shop/web-3/deployments", "p"));
    hardenings_forget(&book, "shop/web-3/deployments");
    assert_non_null(need("shop/more/deployments", "q"));
}

static int all(void *ctx, struct err *err)
{
    const struct finding finding = finding_of("skipped");
    struct hardenings h;
    struct hardening *r;
    bool has_changed;
    int result = -1;
    AUTO_ARENA a;

    (void)ctx;
    arena_init(&a, 4096);
    hardenings_init(&h, RECORDS_MAX);
    r = hardenings_need(&h, "shop/web/deployments", "p", err);
    if (r && hardenings_need(&h, "shop/web/deployments", "q", err) &&
        hardenings_say(&h, r, &finding, &has_changed, err) == 0 &&
        hardening_pause(r->profile, "too many", 1, "u", err) == 0) {
        result = hardening_finding(r, &web, &a) ? 0 : err_nomem(err);
    }
    hardenings_done(&h);
    return result;
}

static void test_hardenings_fail_cleanly_at_each_allocation(void **state)
{
    (void)state;
    assert_true(sweep(all, NULL) > 8);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hardenings_follow_a_workload_from_one_state_to_the_next),
        TEST(test_hardenings_move_with_the_profile_that_decides),
        TEST(test_hardenings_make_a_profile_dirty_where_turns_may_change),
        TEST(test_hardenings_let_one_rest_whose_turn_was_in_vain),
        TEST(test_hardenings_make_a_profile_dirty_when_a_turn_ends),
        TEST(test_hardenings_give_back_what_was_said),
        TEST(test_hardenings_tell_findings_apart),
        TEST(test_hardenings_cut_a_long_text_between_characters),
        TEST(test_hardenings_list_what_was_said_in_order),
        TEST(test_hardenings_pause_a_profile_until_it_is_another),
        TEST(test_hardenings_take_no_more_than_there_is_room_for),
        TEST(test_hardenings_fail_cleanly_at_each_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
