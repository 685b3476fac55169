#include <string.h>

#include "rampart/json/get.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

static const char text[] =
    "{\"s\":\"text\",\"empty\":\"\",\"i\":42,\"neg\":-7,\"r\":1.5,\"t\":true,\"f\":false,\"n\":"
    "null,"
    "\"o\":{\"a\":1},\"a\":[1,2,3],\"strs\":[\"a\",\"bc\",\"\"],\"mixed\":[\"a\",1],\"nulls\":["
    "null],\"none\":[],"
    "\"big\":9223372036854775807,\"small\":-9223372036854775808}";

static json_t *obj;
static struct arena arena;
static struct err err;

static int start(void **state)
{
    (void)state;
    err = (struct err){0};
    arena_init(&arena, 4096);
    obj = json_decode(text, sizeof(text) - 1, &err);
    return obj ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    json_decref(obj);
    arena_done(&arena);
    return 0;
}

static void assert_failed(const char *msg)
{
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.msg, msg);
    err = (struct err){0};
}

static void test_a_member_that_is_null_is_absent(void **state)
{
    (void)state;
    assert_ptr_equal(json_member(obj, "s"), json_object_get(obj, "s"));
    assert_null(json_member(obj, "n"));
    assert_null(json_member(obj, "missing"));
    assert_null(json_member(json_object_get(obj, "a"), "s")); /* an array has no members */
    assert_null(json_member(NULL, "s"));
}

static void test_get_str_copies_the_text(void **state)
{
    const char *value = NULL;

    (void)state;
    assert_int_equal(json_get_str(obj, "s", 4, &arena, &value, &err), 0);
    json_decref(obj);
    obj = NULL;
    assert_string_equal(value, "text");
}

static void test_get_str_of_what_is_absent_is_null(void **state)
{
    const char *value = "before";

    (void)state;
    assert_int_equal(json_get_str(obj, "missing", 4, &arena, &value, &err), 0);
    assert_null(value);
    value = "before";
    assert_int_equal(json_get_str(obj, "n", 4, &arena, &value, &err), 0);
    assert_null(value);
    value = "before";
    assert_int_equal(json_get_str(NULL, "s", 4, &arena, &value, &err), 0);
    assert_null(value);
}

static void test_get_str_takes_the_empty_string(void **state)
{
    const char *value = NULL;

    (void)state;
    assert_int_equal(json_get_str(obj, "empty", 0, &arena, &value, &err), 0);
    assert_string_equal(value, "");
}

static void test_get_str_refuses_other_types_by_name(void **state)
{
    static const char *const cases[][2] = {
        {"i", "i: expected a string, got an integer"},
        {"r", "r: expected a string, got a number with a fraction"},
        {"t", "t: expected a string, got a boolean"},
        {"f", "f: expected a string, got a boolean"},
        {"o", "o: expected a string, got an object"},
        {"a", "a: expected a string, got an array"},
    };
    const char *value = "before";

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(json_get_str(obj, cases[i][0], 10, &arena, &value, &err), -1);
        assert_failed(cases[i][1]);
        assert_string_equal(value, "before");
    }
}

static void test_get_str_has_a_ceiling(void **state)
{
    const char *value = "before";

    (void)state;
    assert_int_equal(json_get_str(obj, "s", 3, &arena, &value, &err), -1);
    assert_failed("s: expected at most 3 bytes, got 4");
    assert_string_equal(value, "before");
}

static void test_need_str_wants_text(void **state)
{
    const char *value = "before";

    (void)state;
    assert_int_equal(json_need_str(obj, "missing", 9, &arena, &value, &err), -1);
    assert_failed("missing: expected a string, got nothing");
    assert_int_equal(json_need_str(obj, "n", 9, &arena, &value, &err), -1);
    assert_failed("n: expected a string, got nothing");
    assert_int_equal(json_need_str(obj, "empty", 9, &arena, &value, &err), -1);
    assert_failed("empty: expected a string that is not empty");
    assert_int_equal(json_need_str(obj, "i", 9, &arena, &value, &err), -1);
    assert_failed("i: expected a string, got an integer");
    assert_string_equal(value, "before");
    assert_int_equal(json_need_str(obj, "s", 9, &arena, &value, &err), 0);
    assert_string_equal(value, "text");
}

static void test_get_int_reads_within_the_range(void **state)
{
    int64_t number = 0;

    (void)state;
    assert_int_equal(json_get_int(obj, "i", 42, 42, 0, &number, &err), 0);
    assert_int_equal(number, 42);
    assert_int_equal(json_get_int(obj, "big", INT64_MIN, INT64_MAX, 0, &number, &err), 0);
    assert_int_equal(number, INT64_MAX);
    assert_int_equal(json_get_int(obj, "small", INT64_MIN, INT64_MAX, 0, &number, &err), 0);
    assert_int_equal(number, INT64_MIN);
}

static void test_get_int_of_what_is_absent_is_what_the_caller_says(void **state)
{
    int64_t number = 0;

    (void)state;
    assert_int_equal(json_get_int(obj, "missing", 1, 2, 99, &number, &err), 0);
    assert_int_equal(number, 99);
    assert_int_equal(json_get_int(obj, "n", 1, 2, 98, &number, &err), 0);
    assert_int_equal(number, 98);
    assert_int_equal(json_get_int(NULL, "i", 1, 2, 97, &number, &err), 0);
    assert_int_equal(number, 97);
}

static void test_get_int_refuses_what_is_out_of_range_or_no_integer(void **state)
{
    int64_t number = 5;

    (void)state;
    assert_int_equal(json_get_int(obj, "i", 43, 65535, 0, &number, &err), -1);
    assert_failed("i: expected an integer 43..65535, got 42");
    assert_int_equal(json_get_int(obj, "neg", -6, 0, 0, &number, &err), -1);
    assert_failed("neg: expected an integer -6..0, got -7");
    assert_int_equal(json_get_int(obj, "i", 0, 41, 0, &number, &err), -1);
    assert_failed("i: expected an integer 0..41, got 42");
    assert_int_equal(json_get_int(obj, "r", 0, 9, 0, &number, &err), -1);
    assert_failed("r: expected an integer 0..9, got a number with a fraction");
    assert_int_equal(json_get_int(obj, "s", 0, 9, 0, &number, &err), -1);
    assert_failed("s: expected an integer 0..9, got a string");
    assert_int_equal(number, 5);
}

static void test_get_bool_reads_both_and_the_default(void **state)
{
    bool flag = false;

    (void)state;
    assert_int_equal(json_get_bool(obj, "t", false, &flag, &err), 0);
    assert_true(flag);
    assert_int_equal(json_get_bool(obj, "f", true, &flag, &err), 0);
    assert_false(flag);
    assert_int_equal(json_get_bool(obj, "missing", true, &flag, &err), 0);
    assert_true(flag);
    assert_int_equal(json_get_bool(obj, "n", false, &flag, &err), 0);
    assert_false(flag);
    assert_int_equal(json_get_bool(obj, "s", true, &flag, &err), -1);
    assert_failed("s: expected true or false, got a string");
    assert_false(flag);
}

static void test_get_obj_borrows(void **state)
{
    const json_t *value = NULL;

    (void)state;
    assert_int_equal(json_get_obj(obj, "o", &value, &err), 0);
    assert_ptr_equal(value, json_object_get(obj, "o"));
    assert_int_equal(json_get_obj(obj, "a", &value, &err), -1);
    assert_failed("a: expected an object, got an array");
    assert_ptr_equal(value, json_object_get(obj, "o"));
    assert_int_equal(json_get_obj(obj, "n", &value, &err), 0);
    assert_null(value);
    assert_int_equal(json_get_obj(NULL, "o", &value, &err), 0);
    assert_null(value);
}

static void test_get_arr_borrows_and_has_a_ceiling(void **state)
{
    const json_t *value = NULL;

    (void)state;
    assert_int_equal(json_get_arr(obj, "a", 3, &value, &err), 0);
    assert_ptr_equal(value, json_object_get(obj, "a"));
    assert_int_equal(json_get_arr(obj, "a", 2, &value, &err), -1);
    assert_failed("a: expected at most 2 elements, got 3");
    assert_int_equal(json_get_arr(obj, "o", 2, &value, &err), -1);
    assert_failed("o: expected an array, got an object");
    assert_ptr_equal(value, json_object_get(obj, "a"));
    assert_int_equal(json_get_arr(obj, "missing", 2, &value, &err), 0);
    assert_null(value);
}

static void test_get_strs_copies_all(void **state)
{
    const char **texts = NULL;
    size_t count = 0;

    (void)state;
    assert_int_equal(json_get_strs(obj, "strs", 3, 2, &arena, &texts, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_string_equal(texts[0], "a");
    assert_string_equal(texts[1], "bc");
    assert_string_equal(texts[2], "");
}

static void test_get_strs_of_what_is_absent_or_empty_has_no_elements(void **state)
{
    static const char *const names[] = {"missing", "n", "none"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char **texts = NULL;
        size_t count = 7;

        assert_int_equal(json_get_strs(obj, names[i], 3, 2, &arena, &texts, &count, &err), 0);
        assert_int_equal(count, 0);
    }
}

static void test_get_strs_names_the_element_that_is_wrong(void **state)
{
    const char *before[1], **texts = before;
    size_t count = 7;

    (void)state;
    assert_int_equal(json_get_strs(obj, "mixed", 3, 2, &arena, &texts, &count, &err), -1);
    assert_failed("mixed[1]: expected a string, got an integer");
    assert_int_equal(json_get_strs(obj, "nulls", 3, 2, &arena, &texts, &count, &err), -1);
    assert_failed("nulls[0]: expected a string, got null");
    assert_int_equal(json_get_strs(obj, "strs", 3, 1, &arena, &texts, &count, &err), -1);
    assert_failed("strs[1]: expected at most 1 bytes, got 2");
    assert_int_equal(json_get_strs(obj, "strs", 2, 2, &arena, &texts, &count, &err), -1);
    assert_failed("strs: expected at most 2 elements, got 3");
    assert_int_equal(json_get_strs(obj, "s", 2, 2, &arena, &texts, &count, &err), -1);
    assert_failed("s: expected an array, got a string");
    assert_int_equal(count, 7);
    assert_ptr_equal(texts, before);
}

static void test_paths_are_put_in_front(void **state)
{
    int64_t number;

    (void)state;
    assert_int_equal(json_get_int(obj, "i", 0, 1, 0, &number, &err), -1);
    assert_int_equal(json_path_wrap_index(&err, "ports", 0), -1);
    assert_int_equal(json_path_wrap_index(&err, "to", 12), -1);
    assert_int_equal(json_path_wrap(&err, "spec"), -1);
    assert_failed("spec.to[12].ports[0].i: expected an integer 0..1, got 42");
}

static void test_a_message_about_the_value_itself_is_joined_without_a_dot(void **state)
{
    (void)state;
    err_set(&err, ERR_INVALID, ": expected an object");
    json_path_wrap_index(&err, "to", 1);
    json_path_wrap(&err, "spec");
    assert_failed("spec.to[1]: expected an object");
    err_set(&err, ERR_INVALID, "[3]: no");
    json_path_wrap(&err, "spec");
    assert_failed("spec[3]: no");
}

static void test_out_of_memory_keeps_its_code_and_gets_a_path(void **state)
{
    (void)state;
    err_nomem(&err);
    json_path_wrap(&err, "spec");
    json_path_wrap_index(&err, "items", 3);
    assert_int_equal(err.code, ERR_NOMEM);
    assert_string_equal(err.msg, "items[3].spec: out of memory");
}

static void test_a_path_that_does_not_fit_leaves_the_cause(void **state)
{
    (void)state;
    err_set(&err, ERR_INVALID, "port: the cause");
    for (int i = 0; i < 100; i++)
        assert_int_equal(json_path_wrap(&err, "aLongFieldName"), -1);
    assert_true(strlen(err.msg) < ERR_MSG_MAX);
    assert_contains(err.msg, "aLongFieldName.port: the cause");
}

static void test_nobody_has_to_care_why(void **state)
{
    const char *value;

    (void)state;
    assert_int_equal(json_get_str(obj, "i", 9, &arena, &value, NULL), -1);
    assert_int_equal(json_path_wrap(NULL, "a"), -1);
    assert_int_equal(json_path_wrap_index(NULL, "a", 1), -1);
}

static int read_texts(void *ctx, struct err *why)
{
    AUTO_ARENA a;
    const char *one, **many;
    size_t count;

    (void)ctx;
    arena_init(&a, 1u << 20);
    if (!arena_alloc(&a, 4096 - 16 - 64)) /* the next string starts another chunk */
        return err_nomem(why);
    if (json_get_str(obj, "s", 9, &a, &one, why) < 0 ||
        !arena_alloc(&a, 8192 - 16 - 16) || /* and the array of texts another */
        json_get_strs(obj, "strs", 9, 9, &a, &many, &count, why) < 0)
        return why->code ? -1 : err_nomem(why);
    return 0;
}

static void test_an_arena_without_room_is_out_of_memory(void **state)
{
    const char *one = NULL, **many = NULL;
    size_t count = 7;
    struct arena full;

    (void)state;
    sweep(read_texts, NULL);
    arena_init(&full, 0);
    assert_int_equal(json_get_str(obj, "s", 9, &full, &one, &err), -1);
    assert_int_equal(err.code, ERR_NOMEM);
    assert_string_equal(err.msg, "s: out of memory");
    assert_int_equal(json_get_strs(obj, "strs", 9, 9, &full, &many, &count, &err), -1);
    assert_string_equal(err.msg, "strs: out of memory");
    arena_init(&full, 3 * sizeof(char *) + 8); /* the array fits, not all of its texts */
    assert_int_equal(json_get_strs(obj, "strs", 9, 9, &full, &many, &count, &err), 0);
    arena_done(&full);
    arena_init(&full, 3 * sizeof(char *) + 2);
    assert_int_equal(json_get_strs(obj, "strs", 9, 9, &full, &many, &count, &err), -1);
    assert_string_equal(err.msg, "strs[1]: out of memory");
    assert_int_equal(err.code, ERR_NOMEM);
    arena_done(&full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_member_that_is_null_is_absent, start, stop),
        cmocka_unit_test_setup_teardown(test_get_str_copies_the_text, start, stop),
        cmocka_unit_test_setup_teardown(test_get_str_of_what_is_absent_is_null, start, stop),
        cmocka_unit_test_setup_teardown(test_get_str_takes_the_empty_string, start, stop),
        cmocka_unit_test_setup_teardown(test_get_str_refuses_other_types_by_name, start, stop),
        cmocka_unit_test_setup_teardown(test_get_str_has_a_ceiling, start, stop),
        cmocka_unit_test_setup_teardown(test_need_str_wants_text, start, stop),
        cmocka_unit_test_setup_teardown(test_get_int_reads_within_the_range, start, stop),
        cmocka_unit_test_setup_teardown(test_get_int_of_what_is_absent_is_what_the_caller_says,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_get_int_refuses_what_is_out_of_range_or_no_integer,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_get_bool_reads_both_and_the_default, start, stop),
        cmocka_unit_test_setup_teardown(test_get_obj_borrows, start, stop),
        cmocka_unit_test_setup_teardown(test_get_arr_borrows_and_has_a_ceiling, start, stop),
        cmocka_unit_test_setup_teardown(test_get_strs_copies_all, start, stop),
        cmocka_unit_test_setup_teardown(test_get_strs_of_what_is_absent_or_empty_has_no_elements,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_get_strs_names_the_element_that_is_wrong, start, stop),
        cmocka_unit_test_setup_teardown(test_paths_are_put_in_front, start, stop),
        cmocka_unit_test_setup_teardown(
            test_a_message_about_the_value_itself_is_joined_without_a_dot, start, stop),
        cmocka_unit_test_setup_teardown(test_out_of_memory_keeps_its_code_and_gets_a_path, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_a_path_that_does_not_fit_leaves_the_cause, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_nobody_has_to_care_why, start, stop),
        cmocka_unit_test_setup_teardown(test_an_arena_without_room_is_out_of_memory, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
