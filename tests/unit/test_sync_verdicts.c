/* Compact copies of what passes said. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/sync/verdicts.h"
#include "support/sweep.h"
#include "support/text.h"

static const struct finding write_failed = {.reason = REASON_WRITE_FAILED,
                                            .counts_as_failed = true,
                                            .object = {KIND_NETWORK_POLICY, "shop", "deny", "u-1"},
                                            .rule = "write",
                                            .message = "etcd is away",
                                            .profile = "restricted"};

static const struct finding undone = {.reason = REASON_CONTESTED,
                                      .object = {KIND_NETWORK_POLICY, "shop", "deny", "u-1"},
                                      .rule = "network",
                                      .message = "is undone",
                                      .manager = "argocd",
                                      .profile = "restricted"};

static int setup(void **state)
{
    struct verdicts *v = calloc(1, sizeof(*v));

    assert_non_null(v);
    verdicts_init(v, 3, 7);
    *state = v;
    return 0;
}

static int teardown(void **state)
{
    verdicts_done(*state);
    free(*state);
    return 0;
}

static struct finding finding_of(const char *message)
{
    return (struct finding){.reason = REASON_UNDONE,
                            .object = {KIND_NETWORK_POLICY, "shop", "theirs", "u-2"},
                            .rule = "network",
                            .message = message,
                            .manager = "kubectl",
                            .profile = "restricted"};
}

static struct statement statement_of(const struct finding *findings, size_t count)
{
    return (struct statement){.verdict = {.profile = "restricted",
                                          .mode = MODE_ENFORCE,
                                          .state = VERDICT_COMPLIANT,
                                          .findings = findings,
                                          .findings_count = count,
                                          .in_place = 5}};
}

static void keep(struct verdicts *v, const char *name, const struct statement *said)
{
    struct err err = {0};

    if (verdicts_put(v, name, said, &err) < 0)
        fail_msg("%s", err.msg);
}

static void test_verdicts_keep_a_copy_of_everything(void **state)
{
    char message[] = "allows everything";
    struct finding finding = finding_of(message);
    struct statement said = statement_of(&finding, 1);
    const struct verdict *kept;

    keep(*state, "shop", &said);
    message[0] = 'X';
    kept = verdicts_get(*state, "shop");
    assert_string_equal(kept->profile, "restricted");
    assert_int_equal(kept->mode, MODE_ENFORCE);
    assert_int_equal(kept->state, VERDICT_COMPLIANT);
    assert_int_equal(kept->in_place, 5);
    assert_int_equal(kept->findings_count, 1);
    assert_int_equal(kept->findings_cut, 0);
    assert_string_equal(kept->findings[0].message, "allows everything");
    assert_string_equal(kept->findings[0].object.name, "theirs");
    assert_string_equal(kept->findings[0].object.uid, "u-2");
    assert_string_equal(kept->findings[0].manager, "kubectl");
    assert_null(verdicts_get(*state, "bank"));
}

static void test_verdicts_keep_nothing_where_nothing_was_said(void **state)
{
    struct statement said = statement_of(NULL, 0);

    keep(*state, "shop", &said);
    said.verdict.state = VERDICT_NONE;
    assert_true(verdicts_differ(*state, "shop", &said));
    keep(*state, "shop", &said);
    assert_null(verdicts_get(*state, "shop"));
    assert_false(verdicts_differ(*state, "shop", &said));
    assert_int_equal(verdicts_count(*state), 0);
}

static void test_verdicts_put_a_failure_first_and_count_it_as_failed(void **state)
{
    struct finding finding = finding_of("allows everything");
    struct statement said = statement_of(&finding, 1);
    const struct verdict *kept;

    said.failure = &write_failed;
    keep(*state, "shop", &said);
    kept = verdicts_get(*state, "shop");
    assert_int_equal(kept->state, VERDICT_FAILED);
    assert_int_equal(kept->findings_count, 2);
    assert_int_equal(kept->findings[0].reason, REASON_WRITE_FAILED);
    assert_int_equal(kept->findings[1].reason, REASON_UNDONE);
    assert_ptr_equal(verdicts_failure(*state, "shop"), &kept->findings[0]);
    said.failure = verdicts_failure(*state, "shop"); /* passed on, out of the record itself */
    said.verdict.mode = MODE_AUDIT;
    keep(*state, "shop", &said);
    assert_string_equal(verdicts_failure(*state, "shop")->message, "etcd is away");
    said.failure = NULL;
    keep(*state, "shop", &said);
    assert_null(verdicts_failure(*state, "shop"));
    assert_int_equal(verdicts_get(*state, "shop")->state, VERDICT_COMPLIANT);
}

static void test_verdicts_keep_a_contest_beside_the_findings_and_count_it_as_drifted(void **state)
{
    struct finding finding = finding_of("allows everything");
    struct statement said = statement_of(&finding, 1);
    const struct verdict *kept;

    said.verdict.contest = &undone;
    assert_true(verdicts_differ(*state, "shop", &said));
    keep(*state, "shop", &said);
    assert_false(verdicts_differ(*state, "shop", &said));
    kept = verdicts_get(*state, "shop");
    assert_int_equal(kept->state, VERDICT_DRIFTED);
    assert_int_equal(kept->findings_count, 1);
    assert_string_equal(kept->contest->message, "is undone");
    assert_string_equal(kept->contest->manager, "argocd");
    said.verdict.contest = kept->contest; /* passed on, out of the record itself */
    said.failure = &write_failed;
    keep(*state, "shop", &said);
    kept = verdicts_get(*state, "shop");
    assert_int_equal(kept->state, VERDICT_FAILED);
    assert_string_equal(kept->contest->message, "is undone");
    said.failure = NULL;
    said.verdict.contest = NULL;
    keep(*state, "shop", &said);
    assert_null(verdicts_get(*state, "shop")->contest);
    assert_int_equal(verdicts_get(*state, "shop")->state, VERDICT_COMPLIANT);
}

static void test_verdicts_keep_eight_findings_and_know_them_all_again(void **state)
{
    struct finding findings[20];
    char messages[20][16];
    struct statement said;
    const struct verdict *kept;

    for (int i = 0; i < 20; i++) {
        (void)snprintf(messages[i], sizeof(messages[i]), "number %d", i);
        findings[i] = finding_of(messages[i]);
    }
    said = statement_of(findings, 20);
    said.verdict.findings_cut = 2;
    keep(*state, "shop", &said);
    kept = verdicts_get(*state, "shop");
    assert_int_equal(kept->findings_count, VERDICT_FINDINGS_MAX);
    assert_int_equal(kept->findings_cut, 12 + 2);
    assert_string_equal(kept->findings[7].message, "number 7");
    for (int i = 0; i < 20; i++)
        assert_true(verdicts_said(*state, "shop", &findings[i]));
    assert_false(verdicts_said(*state, "bank", &findings[0]));
    assert_false(verdicts_said(*state, "shop", &write_failed));
    assert_false(verdicts_differ(*state, "shop", &said));
    said.failure = &write_failed;
    keep(*state, "shop", &said);
    kept = verdicts_get(*state, "shop");
    assert_int_equal(kept->findings_count, VERDICT_FINDINGS_MAX);
    assert_int_equal(kept->findings_cut, 13 + 2);
    assert_true(verdicts_said(*state, "shop", &write_failed));
    assert_false(verdicts_differ(*state, "shop", &said));
}

static void test_verdicts_tell_findings_apart_by_reason_object_and_message(void **state)
{
    struct finding finding = finding_of("allows everything");
    struct statement said = statement_of(&finding, 1);
    struct finding other = finding;

    keep(*state, "shop", &said);
    other.manager = "argocd";
    other.object.uid = "u-9";
    assert_true(verdicts_said(*state, "shop", &other));
    other = finding;
    other.reason = REASON_NAME_TAKEN;
    assert_false(verdicts_said(*state, "shop", &other));
    other = finding;
    other.object.name = "ours";
    assert_false(verdicts_said(*state, "shop", &other));
    other = finding;
    other.message = "allows nothing";
    assert_false(verdicts_said(*state, "shop", &other));
    other = finding; /* the same bytes, cut at another place */
    other.object.ns = "sho";
    other.object.name = "ptheirs";
    assert_false(verdicts_said(*state, "shop", &other));
}

static void test_verdicts_differ_in_what_a_status_tells(void **state)
{
    struct finding finding = finding_of("allows everything");
    struct finding other = finding_of("allows nothing");
    struct statement said = statement_of(&finding, 1), changed;

    keep(*state, "shop", &said);
    assert_false(verdicts_differ(*state, "shop", &said));
    changed = said;
    changed.verdict.in_place = 9;
    assert_false(verdicts_differ(*state, "shop", &changed));
    changed = said;
    changed.verdict.profile = "relaxed";
    assert_true(verdicts_differ(*state, "shop", &changed));
    changed.verdict.profile = NULL;
    assert_true(verdicts_differ(*state, "shop", &changed));
    changed = said;
    changed.verdict.mode = MODE_AUDIT;
    assert_true(verdicts_differ(*state, "shop", &changed));
    changed = said;
    changed.verdict.state = VERDICT_DRIFTED;
    assert_true(verdicts_differ(*state, "shop", &changed));
    changed = said;
    changed.verdict.findings = &other;
    assert_true(verdicts_differ(*state, "shop", &changed));
    changed = said;
    changed.verdict.findings_count = 0;
    assert_true(verdicts_differ(*state, "shop", &changed));
    changed = said;
    changed.verdict.findings_cut = 1;
    assert_true(verdicts_differ(*state, "shop", &changed));
    changed = said;
    changed.failure = &write_failed;
    assert_true(verdicts_differ(*state, "shop", &changed));
    said.verdict.state = VERDICT_FAILED; /* without a write that failed */
    keep(*state, "shop", &said);
    changed.verdict.state = VERDICT_FAILED;
    assert_true(verdicts_differ(*state, "shop", &changed));
    said.verdict.contest = &undone;
    said.verdict.state = VERDICT_DRIFTED;
    keep(*state, "shop", &said);
    changed = said;
    changed.verdict.contest = &other;
    assert_true(verdicts_differ(*state, "shop", &changed));
    changed.verdict.contest = NULL;
    assert_true(verdicts_differ(*state, "shop", &changed));
}

static void test_verdicts_keep_what_is_found_where_nobody_decides(void **state)
{
    struct finding finding = {.reason = REASON_RETAINED, .message = "stays"};
    struct statement said = {.verdict = {.findings = &finding, .findings_count = 1}};

    assert_true(verdicts_differ(*state, "shop", &said));
    keep(*state, "shop", &said);
    assert_true(verdicts_said(*state, "shop", &finding));
    assert_false(verdicts_differ(*state, "shop", &said));
}

static void test_verdicts_cut_long_texts_between_characters(void **state)
{
    char *message = text_repeat("\xc3\xa4", VERDICT_TEXT_MAX); /* a character of two bytes */
    struct finding finding = finding_of(message);
    struct statement said = statement_of(&finding, 1);
    const char *kept;

    keep(*state, "shop", &said);
    kept = verdicts_get(*state, "shop")->findings[0].message;
    assert_in_range(strlen(kept), VERDICT_TEXT_MAX - 1, VERDICT_TEXT_MAX);
    assert_string_equal(kept + strlen(kept) - 5, "\xc3\xa4...");
    assert_true(verdicts_said(*state, "shop", &finding));
    free(message);
    message = text_repeat("\xa4", VERDICT_TEXT_MAX + 1); /* no character begins anywhere */
    finding = finding_of(message);
    keep(*state, "shop", &said);
    assert_string_equal(verdicts_get(*state, "shop")->findings[0].message, "...");
    free(message);
}

static void test_verdicts_have_room_for_the_longest_texts_of_all(void **state)
{
    char *text = text_repeat("x", VERDICT_TEXT_MAX + 1);
    struct finding findings[PLAN_FINDINGS_MAX];
    struct statement said = statement_of(findings, PLAN_FINDINGS_MAX);

    for (int i = 0; i < PLAN_FINDINGS_MAX; i++)
        findings[i] = (struct finding){.object = {KIND_NAMESPACE, text, text, text},
                                       .rule = text,
                                       .message = text,
                                       .manager = text,
                                       .profile = text};
    said.verdict.profile = text;
    said.failure = &findings[0];
    said.verdict.contest = &findings[1];
    keep(*state, "shop", &said);
    assert_int_equal(verdicts_get(*state, "shop")->findings_count, VERDICT_FINDINGS_MAX);
    free(text);
}

static void test_verdicts_refuse_one_too_many_and_keep_the_others(void **state)
{
    struct statement said = statement_of(NULL, 0);
    struct err err = {0};

    keep(*state, "a", &said);
    keep(*state, "b", &said);
    keep(*state, "c", &said);
    assert_int_equal(verdicts_put(*state, "d", &said, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    keep(*state, "c", &said);
    assert_int_equal(verdicts_count(*state), 3);
}

static void test_verdicts_keep_the_pace_over_a_change(void **state)
{
    struct statement said = statement_of(NULL, 0);

    assert_null(verdicts_pace(*state, "shop"));
    keep(*state, "shop", &said);
    (void)pace_take(verdicts_pace(*state, "shop"), 1000);
    said.verdict.state = VERDICT_DRIFTED;
    keep(*state, "shop", &said);
    assert_int_equal(verdicts_pace(*state, "shop")->rounds, 1);
}

static void test_verdicts_in_doubt_do_not_count_as_compliant(void **state)
{
    struct statement said = statement_of(NULL, 0);

    verdicts_doubt(*state, "shop");
    assert_null(verdicts_get(*state, "shop"));
    keep(*state, "shop", &said);
    verdicts_doubt(*state, "shop");
    assert_int_equal(verdicts_get(*state, "shop")->state, VERDICT_FAILED);
    assert_true(verdicts_differ(*state, "shop", &said));
}

static int keep_twice(void *ctx, struct err *err)
{
    struct finding finding = finding_of("allows everything");
    struct statement said = statement_of(&finding, 1);
    struct verdicts v;
    int result;

    (void)ctx;
    verdicts_init(&v, 3, 7);
    result = verdicts_put(&v, "shop", &said, err);
    assert_int_equal(verdicts_count(&v), result == 0);
    said.failure = &write_failed;
    said.verdict.contest = &undone;
    if (result == 0) {
        result = verdicts_put(&v, "shop", &said, err);
        assert_int_equal(verdicts_get(&v, "shop")->findings_count, result == 0 ? 2 : 1);
    }
    verdicts_done(&v);
    return result;
}

static void test_verdicts_are_as_before_when_memory_is_out(void **state)
{
    (void)state;
    assert_true(sweep(keep_twice, NULL) > 3);
}

#define VERDICTS_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VERDICTS_TEST(test_verdicts_keep_a_copy_of_everything),
        VERDICTS_TEST(test_verdicts_keep_nothing_where_nothing_was_said),
        VERDICTS_TEST(test_verdicts_put_a_failure_first_and_count_it_as_failed),
        VERDICTS_TEST(test_verdicts_keep_a_contest_beside_the_findings_and_count_it_as_drifted),
        VERDICTS_TEST(test_verdicts_keep_what_is_found_where_nobody_decides),
        VERDICTS_TEST(test_verdicts_keep_eight_findings_and_know_them_all_again),
        VERDICTS_TEST(test_verdicts_tell_findings_apart_by_reason_object_and_message),
        VERDICTS_TEST(test_verdicts_differ_in_what_a_status_tells),
        VERDICTS_TEST(test_verdicts_cut_long_texts_between_characters),
        VERDICTS_TEST(test_verdicts_have_room_for_the_longest_texts_of_all),
        VERDICTS_TEST(test_verdicts_refuse_one_too_many_and_keep_the_others),
        VERDICTS_TEST(test_verdicts_keep_the_pace_over_a_change),
        VERDICTS_TEST(test_verdicts_in_doubt_do_not_count_as_compliant),
        cmocka_unit_test(test_verdicts_are_as_before_when_memory_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
