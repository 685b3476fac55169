/* The mark on a workload. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/rollout_mark.h"
#include "support/sweep.h"
#include "support/text.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1u << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct rollout_mark full(void)
{
    return (struct rollout_mark){.phase = ROLLOUT_REVERTED,
                                 .troubles = 5,
                                 .has_resources = true,
                                 .lost = 1,
                                 .containers = 2,
                                 .started_s = 1700000000,
                                 .generation = 7,
                                 .key = "d0.12",
                                 .digest = "d0",
                                 .wanted = "abc",
                                 .profile = "team",
                                 .rival = "argocd",
                                 .message = "pod \"web-1\": it crashes"};
}

static void test_a_mark_reads_as_it_was_written(void **state)
{
    struct rollout_mark mark = full(), read;
    const char *text, *again;

    (void)state;
    assert_int_equal(rollout_mark_write(&mark, &arena, &text, NULL), 0);
    assert_int_equal(rollout_mark_read(text, &arena, &read, NULL), 0);
    assert_int_equal(rollout_mark_write(&read, &arena, &again, NULL), 0);
    assert_string_equal(text, again);
    assert_int_equal(read.phase, ROLLOUT_REVERTED);
    assert_int_equal(read.troubles, 5);
    assert_string_equal(read.message, mark.message);
    assert_string_equal(rollout_phase_name(read.phase), "Reverted");
}

/* It is kept with each workload, so nothing is in it twice. */
static void test_the_digest_is_left_out_where_the_key_begins_with_it(void **state)
{
    static const struct {
        const char *key, *digest;
        bool is_left_out;
    } cases[] = {
        {"d0.12", "d0", true},   {".12", "", true},      {"d0.12", "d", false},
        {"d0.12", "d00", false}, {"d0.12", "e0", false}, {"d0", "d0", false},
    };
    struct rollout_mark mark = full(), read;
    const char *text;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        mark.key = cases[i].key;
        mark.digest = cases[i].digest;
        assert_int_equal(rollout_mark_write(&mark, &arena, &text, NULL), 0);
        assert_int_equal(!strstr(text, "\"digest\""), cases[i].is_left_out);
        assert_int_equal(rollout_mark_read(text, &arena, &read, NULL), 0);
        assert_string_equal(read.key, cases[i].key);
        assert_string_equal(read.digest, cases[i].digest);
    }
}

static void test_a_mark_that_states_the_digest_all_the_same_is_read(void **state)
{
    struct rollout_mark read;

    (void)state;
    assert_int_equal(rollout_mark_read("{\"phase\":\"Proven\",\"key\":\"d0.12\",\"digest\":\"d0\"}",
                                       &arena, &read, NULL),
                     0);
    assert_string_equal(read.digest, "d0");
}

static void test_a_long_message_is_cut_between_characters(void **state)
{
    struct rollout_mark mark = full(), read;
    char *euros = text_repeat("\xE2\x82\xAC", 200), *bells = text_repeat("\x01", 400);
    const char *text;

    (void)state;
    mark.message = euros;
    assert_int_equal(rollout_mark_write(&mark, &arena, &text, NULL), 0);
    assert_int_equal(rollout_mark_read(text, &arena, &read, NULL), 0);
    assert_int_equal(strlen(read.message), ROLLOUT_MESSAGE_MAX / 3 * 3);
    mark.message = bells; /* each takes six bytes: cut until it fits */
    assert_int_equal(rollout_mark_write(&mark, &arena, &text, NULL), 0);
    assert_true(strlen(text) <= ROLLOUT_MARK_LEN_MAX);
    assert_int_equal(rollout_mark_read(text, &arena, &read, NULL), 0);
    assert_true(strlen(read.message) >= 64);
    free(euros);
    free(bells);
}

static void test_names_that_do_not_fit_are_refused(void **state)
{
    struct rollout_mark mark = full();
    char *name = text_repeat("n", ROLLOUT_MARK_LEN_MAX);
    const char *text = "untouched";
    struct err err = {0};

    (void)state;
    mark.profile = name;
    assert_int_equal(rollout_mark_write(&mark, &arena, &text, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(text, "untouched");
    free(name);
}

static void test_what_is_no_mark_is_refused_with_the_member(void **state)
{
#define MARK(members) "{\"phase\":\"Proven\",\"key\":\"k\",\"digest\":\"d\"" members "}"
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "rampart.dev/rollout"},
        {"[]", "expected an object"},
        {"{}", "phase"},
        {"{\"phase\":\"Nonsense\"}", "none that Rampart knows"},
        {"{\"phase\":\"None\",\"key\":\"k\",\"digest\":\"d\"}", "none that Rampart knows"},
        {"{\"phase\":\"Proven\"}", "key"},
        {"{\"phase\":\"Proven\",\"key\":\"k\"}", "digest"},
        {MARK(",\"troubles\":16"), "troubles"},
        {MARK(",\"lost\":-1"), "lost"},
        {MARK(",\"containers\":65"), "containers"},
        {MARK(",\"started\":\"x\""), "started"},
        {MARK(",\"generation\":-1"), "generation"},
        {MARK(",\"resources\":1"), "resources"},
        {MARK(",\"wanted\":1"), "wanted"},
        {MARK(",\"profile\":1"), "profile"},
        {MARK(",\"rival\":1"), "rival"},
        {MARK(",\"message\":1"), "message"},
    };
    struct rollout_mark mark = full();
    char *deep = text_repeat("[", 500), *large = text_repeat(" ", ROLLOUT_MARK_LEN_MAX + 1);
    char *digits = text_repeat("0", 65), long_digest[128];
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(rollout_mark_read(cases[i].text, &arena, &mark, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, cases[i].why);
        assert_string_equal(mark.key, "d0.12");
    }
    assert_int_equal(rollout_mark_read(deep, &arena, &mark, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(rollout_mark_read(large, &arena, &mark, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(rollout_mark_read(deep, &arena, &mark, NULL), -1);
    (void)snprintf(long_digest, sizeof(long_digest), "{\"phase\":\"Proven\",\"key\":\"%s.12\"}",
                   digits);
    assert_int_equal(rollout_mark_read(long_digest, &arena, &mark, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_contains(err.msg, "digest");
    free(digits);
    free(deep);
    free(large);
}

static int there_and_back(void *ctx, struct err *err)
{
    struct rollout_mark mark = full(), read;
    AUTO_ARENA a;
    const char *text;

    arena_init(&a, 1u << 20);
    mark.message = ctx;
    mark.rival = ctx;
    if (rollout_mark_write(&mark, &a, &text, err) < 0)
        return -1;
    return rollout_mark_read(text, &a, &read, err);
}

static void test_each_failing_allocation_is_told(void **state)
{
    char *longer = text_repeat("m", 300);

    (void)state;
    assert_true(sweep(there_and_back, longer) > 10);
    free(longer);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_mark_reads_as_it_was_written),
        TEST(test_the_digest_is_left_out_where_the_key_begins_with_it),
        TEST(test_a_mark_that_states_the_digest_all_the_same_is_read),
        TEST(test_a_long_message_is_cut_between_characters),
        TEST(test_names_that_do_not_fit_are_refused),
        TEST(test_what_is_no_mark_is_refused_with_the_member),
        TEST(test_each_failing_allocation_is_told),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
