#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "rampart/base/err.h"
#include "support/text.h"
#include "support/unit.h"

static char long_text[2 * ERR_MSG_MAX];

static int fill_long_text(void **state)
{
    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    return 0;
}

static void test_set_writes_code_and_message_and_zeroes_the_rest(void **state)
{
    struct err err = {.http_status = 409, .retry_after_ms = 5};

    (void)state;
    assert_int_equal(err_set(&err, ERR_CONFLICT, "apply %s: %d", "a/b", 409), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_string_equal(err.msg, "apply a/b: 409");
    assert_int_equal(err.http_status, 0);
    assert_int_equal(err.retry_after_ms, 0);
}

static void test_nobody_has_to_care_why(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_IO, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    assert_int_equal(err_nomem(NULL), -1);
}

static void test_nomem_has_code_and_message(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_nomem(&err), -1);
    assert_int_equal(err.code, ERR_NOMEM);
    assert_string_equal(err.msg, "out of memory");
}

static void test_set_may_use_the_old_message(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_IO, "inner");
    err_set(&err, ERR_INVALID, "outer, because %s and %s", err.msg, err.msg);
    assert_string_equal(err.msg, "outer, because inner and inner");
}

static void test_a_long_message_is_cut_and_ends_in_dots(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_INVALID, "%s", long_text);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    assert_string_equal(err.msg + ERR_MSG_MAX - 5, "x...");
    err_set(&err, ERR_INVALID, "%.*s", ERR_MSG_MAX - 1, long_text); /* just fits */
    assert_string_equal(err.msg + ERR_MSG_MAX - 5, "xxxx");
}

static void test_a_cut_never_splits_a_character(void **state)
{
    (void)state;
    for (int shift = 0; shift < 4; shift++) {
        struct err err = {0};
        char *text = text_repeat("\xF0\x9F\x94\x92", 200);

        err_set(&err, ERR_INVALID, "%.*s%s", shift, "abc", text);
        assert_int_equal((strlen(err.msg) - 3 - (size_t)shift) % 4, 0);
        assert_string_equal(err.msg + strlen(err.msg) - 3, "...");
        free(text);
    }
}

static void test_a_message_of_half_characters_alone_is_cut_to_its_dots(void **state)
{
    char *text = text_repeat("\x80", ERR_MSG_MAX);
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_INVALID, "%s", text);
    assert_string_equal(err.msg, "...");
    free(text);
}

static void test_a_message_of_line_breaks_alone_is_empty(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_IO, "%s", "\r\n\n");
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.msg, "");
}

static void test_a_message_is_one_line(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_IO,
            "a\nb\tc\x7F"
            "d\x1b[31m\r\n\n");
    assert_string_equal(err.msg, "a b c d [31m");
}

static void test_an_unusable_format_still_leaves_a_message(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_IO, "%lc", (wint_t)0x1F512); /* not in the C locale */
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.msg, "%lc");
}

static void test_wrap_prefixes_and_keeps_the_rest(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_THROTTLED, "429");
    err.http_status = 429;
    err.retry_after_ms = 1000;
    assert_int_equal(err_wrap(&err, "list %s", "pods"), -1);
    assert_int_equal(err_wrap(&err, "sync"), -1);
    assert_string_equal(err.msg, "sync: list pods: 429");
    assert_int_equal(err.code, ERR_THROTTLED);
    assert_int_equal(err.http_status, 429);
    assert_int_equal(err.retry_after_ms, 1000);
}

static void test_the_innermost_cause_survives_wrapping(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_IO, "the cause");
    for (int i = 0; i < 100; i++) {
        err_wrap(&err, "layer number %d", i);
        assert_true(strlen(err.msg) < ERR_MSG_MAX);
        assert_string_equal(err.msg + strlen(err.msg) - 9, "the cause");
    }
}

static void test_a_long_prefix_is_cut_to_what_the_cause_leaves(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_IO, "the cause");
    err_wrap(&err, "%s", long_text);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    assert_contains(err.msg, "x...: the cause");
}

static void test_a_message_that_fills_everything_stays_as_it_is(void **state)
{
    /* x, dots, colon and space need 6 bytes */
    for (int missing = 0; missing < 8; missing++) {
        struct err err = {0};

        (void)state;
        err_set(&err, ERR_IO, "%.*s", ERR_MSG_MAX - 1 - missing, long_text);
        err_wrap(&err, "yyyyyyyyyy");
        if (missing < 6)
            assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1 - missing);
        else
            assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
        assert_int_equal(err.msg[0], missing < 6 ? 'x' : 'y');
    }
}

static void test_each_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_CODE_COUNT; i++) {
        assert_non_null(err_code_name((enum err_code)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(err_code_name((enum err_code)i),
                                    err_code_name((enum err_code)j));
    }
    assert_string_equal(err_code_name(ERR_NOT_FOUND), "NotFound");
    assert_string_equal(err_code_name(ERR_CODE_COUNT), "Unknown");
    assert_string_equal(err_code_name((enum err_code) - 1), "Unknown");
}

static void test_only_what_passes_by_itself_is_transient(void **state)
{
    static const enum err_code transient[] = {ERR_NOMEM,       ERR_RV_TOO_LARGE, ERR_THROTTLED,
                                              ERR_UNAVAILABLE, ERR_TIMEOUT,      ERR_CANCELED};

    (void)state;
    for (int code = 0; code < ERR_CODE_COUNT; code++) {
        struct err err = {.code = (enum err_code)code};
        bool is_expected = false;

        for (size_t i = 0; i < COUNT_OF(transient); i++)
            is_expected = is_expected || (int)transient[i] == code;
        assert_int_equal(err_is_transient(&err), is_expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_writes_code_and_message_and_zeroes_the_rest),
        cmocka_unit_test(test_nobody_has_to_care_why),
        cmocka_unit_test(test_nomem_has_code_and_message),
        cmocka_unit_test(test_set_may_use_the_old_message),
        cmocka_unit_test(test_a_long_message_is_cut_and_ends_in_dots),
        cmocka_unit_test(test_a_cut_never_splits_a_character),
        cmocka_unit_test(test_a_message_of_half_characters_alone_is_cut_to_its_dots),
        cmocka_unit_test(test_a_message_is_one_line),
        cmocka_unit_test(test_a_message_of_line_breaks_alone_is_empty),
        cmocka_unit_test(test_an_unusable_format_still_leaves_a_message),
        cmocka_unit_test(test_wrap_prefixes_and_keeps_the_rest),
        cmocka_unit_test(test_the_innermost_cause_survives_wrapping),
        cmocka_unit_test(test_a_long_prefix_is_cut_to_what_the_cause_leaves),
        cmocka_unit_test(test_a_message_that_fills_everything_stays_as_it_is),
        cmocka_unit_test(test_each_code_has_a_name_of_its_own),
        cmocka_unit_test(test_only_what_passes_by_itself_is_transient),
    };

    return cmocka_run_group_tests(tests, fill_long_text, NULL);
}
