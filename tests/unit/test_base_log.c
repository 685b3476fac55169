#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "rampart/base/log.h"
#include "support/text.h"
#include "support/unit.h"

#define STAMP "2026-01-02T03:04:05.678Z"

static char line[2 * LOG_LINE_MAX];
static size_t line_len;
static int64_t now_ms;
static struct log logger;

static void keep_line(void *ctx, const char *text, size_t len)
{
    assert_ptr_equal(ctx, &now_ms);
    assert_true(len <= LOG_LINE_MAX);
    memcpy(line, text, len);
    line[len] = '\0';
    line_len = len;
}

static int64_t read_clock(void *ctx)
{
    return *(int64_t *)ctx;
}

static int start(void **state)
{
    (void)state;
    line[0] = '\0';
    line_len = 0;
    now_ms = 1767323045678;
    logger = (struct log){.sink = keep_line, .clock = read_clock, .ctx = &now_ms};
    return 0;
}

/* The line as JSON; to be freed. It must be one line. */
static json_t *parsed(void)
{
    json_error_t why;
    json_t *root;

    assert_ptr_equal(strchr(line, '\n'), line + line_len - 1);
    root = json_loadb(line, line_len, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        fail_msg("%s: %s", why.text, line);
    return root;
}

static void test_json_has_time_level_message_and_fields(void **state)
{
    (void)state;
    log_event(&logger, LOG_INFO, "policy created", LOG_STR("namespace", "team-a"),
              LOG_INT("status", 201));
    assert_string_equal(line, "{\"time\":\"" STAMP "\",\"level\":\"info\",\"msg\":\"policy "
                              "created\",\"namespace\":\"team-a\",\"status\":201}\n");
    assert_int_equal(logger.written_count, 1);
}

static void test_text_quotes_only_what_needs_it(void **state)
{
    (void)state;
    logger.format = LOG_TEXT;
    log_event(&logger, LOG_WARN, "policy drifted", LOG_STR("name", "a/b"), LOG_STR("why", "x y"),
              LOG_STR("none", ""), LOG_STR("eq", "a=b"), LOG_STR("q", "\""), LOG_STR("b", "\\"),
              LOG_STR("u", "\xC3\xA9"), LOG_STR("bad", "\xFF"), LOG_INT("n", -7));
    assert_string_equal(line, STAMP " WARN  policy drifted name=a/b why=\"x y\" none=\"\" "
                                    "eq=\"a=b\" q=\"\\\"\" b=\"\\\\\" u=\xC3\xA9 bad=\"\\ufffd\" "
                                    "n=-7\n");
}

static void test_a_record_needs_no_fields(void **state)
{
    (void)state;
    log_event(&logger, LOG_ERROR, "stopped");
    assert_string_equal(line, "{\"time\":\"" STAMP "\",\"level\":\"error\",\"msg\":\"stopped\"}\n");
    logger.format = LOG_TEXT;
    log_event(&logger, LOG_DEBUG, "x");
    assert_string_equal(line, STAMP " DEBUG x\n");
}

static void test_a_missing_text_is_an_empty_one(void **state)
{
    const char *nothing = NULL;

    (void)state;
    log_event(&logger, LOG_INFO, "x", LOG_STR("name", nothing));
    assert_contains(line, "\"name\":\"\"");
}

static void test_records_below_the_level_are_dropped(void **state)
{
    (void)state;
    logger.level = LOG_WARN;
    log_event(&logger, LOG_INFO, "x");
    assert_string_equal(line, "");
    assert_int_equal(logger.written_count, 0);
    log_event(&logger, LOG_WARN, "x");
    assert_int_equal(logger.written_count, 1);
}

static void test_no_log_drops_everything(void **state)
{
    struct log *none = NULL;

    (void)state;
    log_event(none, LOG_ERROR, "x", LOG_INT("a", 1));
    assert_string_equal(line, "");
}

static void test_color_marks_the_level_alone(void **state)
{
    (void)state;
    logger.format = LOG_TEXT;
    logger.has_color = true;
    log_event(&logger, LOG_ERROR, "x", LOG_INT("a", 1));
    assert_string_equal(line, STAMP " \x1b[31mERROR\x1b[0m x a=1\n");
    logger.format = LOG_JSON;
    log_event(&logger, LOG_ERROR, "x");
    assert_null(strchr(line, '\x1b'));
}

static void test_control_characters_never_reach_the_output(void **state)
{
    char text[300] = "";
    size_t len = 0;

    (void)state;
    for (int c = 1; c < 0x20; c++)
        text[len++] = (char)c;
    memcpy(text + len,
           "\x7F\xC2\x80\xC2\x9F\xE2\x80\xA8\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8E\xE2\x80\x8F", 20);
    for (int format = 0; format < LOG_FORMAT_COUNT; format++) {
        logger.format = (enum log_format)format;
        log_event(&logger, LOG_INFO, text, LOG_STR("text", text));
        for (size_t i = 0; i < line_len - 1; i++)
            assert_true((unsigned char)line[i] >= 0x20 && (unsigned char)line[i] < 0x7F);
        assert_contains(line, "\\n");
        assert_contains(line, "\\u001b");
        assert_contains(line, "\\u007f\\u0080\\u009f\\u2028\\u202e\\u2066\\u200e\\u200f");
    }
}

static void test_characters_beside_the_unsafe_ones_stay(void **state)
{
    static const char neighbours[] = "~\xC2\xA0\xE2\x80\x8D\xE2\x80\x90\xE2\x80\xA7\xE2\x80\xAF"
                                     "\xE2\x81\xA5\xE2\x81\xAA";

    (void)state;
    for (int format = 0; format < LOG_FORMAT_COUNT; format++) {
        logger.format = (enum log_format)format;
        log_event(&logger, LOG_INFO, "m", LOG_STR("text", neighbours));
        assert_contains(line, neighbours);
    }
}

static void test_any_text_stays_valid_json(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char text[] = {'a', (char)byte, 'b', '\0'};
        json_t *root;

        log_event(&logger, LOG_INFO, text, LOG_STR("text", text));
        root = parsed();
        if (byte < 0x80)
            assert_string_equal(json_string_value(json_object_get(root, "text")), text);
        else
            assert_string_equal(json_string_value(json_object_get(root, "text")), "a\xEF\xBF\xBD"
                                                                                  "b");
        json_decref(root);
    }
}

static void test_numbers_of_every_size_fit(void **state)
{
    (void)state;
    log_event(&logger, LOG_INFO, "x", LOG_INT("min", INT64_MIN), LOG_INT("max", INT64_MAX));
    assert_contains(line, "\"min\":-9223372036854775808,\"max\":9223372036854775807}");
}

static void test_more_fields_than_the_ceiling_are_dropped_and_counted(void **state)
{
    struct log_field fields[LOG_FIELDS_MAX + 3];
    json_t *root;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        fields[i] = LOG_INT(&"abcdefghijklmnopqrst"[i], i);
    log_write(&logger, LOG_INFO, "x", fields, LOG_FIELDS_MAX);
    assert_null(strstr(line, "dropped"));
    log_write(&logger, LOG_INFO, "x", fields, COUNT_OF(fields));
    root = parsed();
    assert_int_equal(json_integer_value(json_object_get(root, "dropped")), 3);
    assert_int_equal(json_object_size(root), 3 + LOG_FIELDS_MAX + 1);
    json_decref(root);
    logger.format = LOG_TEXT;
    log_write(&logger, LOG_INFO, "x", fields, COUNT_OF(fields));
    assert_contains(line, " dropped=3\n");
}

/* Whatever is long, at whatever length: one valid line within the ceiling that says it was cut. */
static void test_a_line_that_is_too_long_is_cut_and_says_so(void **state)
{
    static const char *const pieces[] = {"x", "\n", "\xF0\x9F\x94\x92", "\x1b", "\""};

    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        for (size_t extra = 0; extra < 80; extra++) {
            char *text = text_repeat(pieces[p], 5000);
            json_t *root;

            log_event(&logger, LOG_INFO, extra % 2 ? "m" : "mm", LOG_STR("text", text + 4 * extra),
                      LOG_INT("n", 5));
            root = parsed();
            assert_true(json_is_true(json_object_get(root, "truncated")));
            assert_true(line_len > LOG_LINE_MAX - 80);
            json_decref(root);
            free(text);
        }
    }
}

static void test_a_line_that_just_fits_is_not_cut(void **state)
{
    bool was_cut = false;

    (void)state;
    for (size_t len = LOG_LINE_MAX - 300; len < LOG_LINE_MAX; len++) {
        char *text = text_repeat("x", len);
        json_t *root;

        log_event(&logger, LOG_INFO, "m", LOG_STR("text", text), LOG_STR("last", "a b"));
        json_decref(parsed());
        log_event(&logger, LOG_INFO, "m", LOG_STR("text", text), LOG_INT("number", 123));
        root = parsed();
        if (json_object_get(root, "truncated")) {
            was_cut = true;
        } else {
            assert_false(was_cut); /* once it is too long it stays too long */
            assert_int_equal(json_string_length(json_object_get(root, "text")), len);
            assert_int_equal(json_integer_value(json_object_get(root, "number")), 123);
        }
        json_decref(root);
        free(text);
    }
    assert_true(was_cut);
}

static void test_a_message_that_fills_the_line_leaves_no_half_field(void **state)
{
    char *text = text_repeat("x", 2 * LOG_LINE_MAX);
    json_t *root;

    (void)state;
    log_event(&logger, LOG_INFO, text, LOG_STR("name", "a"), LOG_INT("n", 1));
    root = parsed();
    assert_null(json_object_get(root, "name"));
    assert_int_equal(json_integer_value(json_object_get(root, "dropped")), 2);
    assert_true(json_is_true(json_object_get(root, "truncated")));
    json_decref(root);
    logger.format = LOG_TEXT;
    log_event(&logger, LOG_INFO, text, LOG_STR("name", "a b"), LOG_STR("plain", "a"));
    assert_contains(line, "x truncated=true dropped=2\n");
    log_event(&logger, LOG_INFO, "m", LOG_STR("plain", text));
    assert_contains(line, "x truncated=true\n");
    free(text);
}

/* At whatever byte the line is full: the field is there as a whole or not at all. */
static void test_a_field_is_whole_wherever_the_line_ends(void **state)
{
    bool was_there = false, was_missing = false;

    (void)state;
    logger.format = LOG_TEXT;
    for (size_t len = LOG_LINE_MAX - 200; len < LOG_LINE_MAX; len++) {
        char *text = text_repeat("x", len);

        log_event(&logger, LOG_INFO, text, LOG_INT("number", 12345));
        if (strstr(line, "x number=12345\n")) {
            assert_false(was_missing); /* once there is no room there is none */
            was_there = true;
        } else {
            assert_contains(line, "x truncated=true dropped=1\n");
            was_missing = true;
        }
        free(text);
    }
    assert_true(was_there && was_missing);
}

static void test_time_is_utc_with_milliseconds(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-5, "1970-01-01T00:00:00.000Z"},
        {951782399999, "2000-02-28T23:59:59.999Z"},
        {1709208000001, "2024-02-29T12:00:00.001Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        now_ms = cases[i].ms;
        log_event(&logger, LOG_INFO, "x");
        assert_contains(line, cases[i].text);
    }
}

static void test_levels_and_formats_are_parsed_by_name(void **state)
{
    enum log_level level = LOG_DEBUG;
    enum log_format format = LOG_JSON;

    (void)state;
    assert_int_equal(log_level_parse("error", &level), 0);
    assert_int_equal(level, LOG_ERROR);
    assert_int_equal(log_level_parse("debug", &level), 0);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_level_parse("INFO", &level), -1);
    assert_int_equal(log_level_parse("", &level), -1);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_format_parse("text", &format), 0);
    assert_int_equal(format, LOG_TEXT);
    assert_int_equal(log_format_parse("xml", &format), -1);
    assert_int_equal(format, LOG_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_json_has_time_level_message_and_fields, start),
        cmocka_unit_test_setup(test_text_quotes_only_what_needs_it, start),
        cmocka_unit_test_setup(test_a_record_needs_no_fields, start),
        cmocka_unit_test_setup(test_a_missing_text_is_an_empty_one, start),
        cmocka_unit_test_setup(test_records_below_the_level_are_dropped, start),
        cmocka_unit_test_setup(test_no_log_drops_everything, start),
        cmocka_unit_test_setup(test_color_marks_the_level_alone, start),
        cmocka_unit_test_setup(test_control_characters_never_reach_the_output, start),
        cmocka_unit_test_setup(test_characters_beside_the_unsafe_ones_stay, start),
        cmocka_unit_test_setup(test_any_text_stays_valid_json, start),
        cmocka_unit_test_setup(test_numbers_of_every_size_fit, start),
        cmocka_unit_test_setup(test_more_fields_than_the_ceiling_are_dropped_and_counted, start),
        cmocka_unit_test_setup(test_a_line_that_is_too_long_is_cut_and_says_so, start),
        cmocka_unit_test_setup(test_a_line_that_just_fits_is_not_cut, start),
        cmocka_unit_test_setup(test_a_message_that_fills_the_line_leaves_no_half_field, start),
        cmocka_unit_test_setup(test_a_field_is_whole_wherever_the_line_ends, start),
        cmocka_unit_test_setup(test_time_is_utc_with_milliseconds, start),
        cmocka_unit_test_setup(test_levels_and_formats_are_parsed_by_name, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
