/* The lines of an audit log: events and lists of them, whatever else stands in it, and any chunks.
 */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/audit_log.h"
#include "support/sweep.h"
#include "support/text.h"

#define EVENT(verb) "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"verb\":\"" verb "\"}"
#define LIST(items) \
    "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"items\":[" items "]}"

/* What was read, one line each: the verb of an event, or why there is none. */
struct seen {
    struct strbuf lines;
    const char *stop_at; /* a verb, or "unreadable", at which the reader wants no more */
    bool is_counting;    /* only counts */
    size_t events, unreadable;
};

static int stop(const struct seen *seen, const char *at, struct err *err)
{
    return seen->stop_at && strcmp(seen->stop_at, at) == 0 ? err_set(err, ERR_CANCELED, "enough")
                                                           : 0;
}

static int take_event(void *ctx, const struct audit_event *event, struct err *err)
{
    struct seen *seen = ctx;

    seen->events++;
    if (!seen->is_counting)
        strbuf_addf(&seen->lines, "%s\n", event->verb);
    return stop(seen, event->verb, err);
}

static int take_unreadable(void *ctx, uint64_t line, const struct err *why, struct err *err)
{
    struct seen *seen = ctx;

    seen->unreadable++;
    if (!seen->is_counting)
        strbuf_addf(&seen->lines, "line %u: %s: %s\n", (unsigned)line, err_code_name(why->code),
                    why->msg);
    return stop(seen, "unreadable", err);
}

static struct audit_log *begin(struct seen *seen, struct err *err)
{
    const struct audit_reader reader = {.take_event = take_event,
                                        .take_unreadable = take_unreadable,
                                        .ctx = seen};

    return audit_log_new(&reader, err);
}

static int feed(struct audit_log *log, const char *text, size_t len, size_t chunk_len,
                struct err *err)
{
    for (size_t at = 0; at < len; at += chunk_len) {
        size_t next = chunk_len < len - at ? chunk_len : len - at;
        char *chunk = malloc(next); /* of its own, so that each byte too far is seen */
        int result;

        assert_non_null(chunk);
        memcpy(chunk, text + at, next);
        result = audit_log_feed(log, chunk, next, err);
        free(chunk);
        if (result < 0)
            return -1;
    }
    return audit_log_end(log, err);
}

static void assert_read_bytes(const char *text, size_t len, const char *expected)
{
    for (size_t chunk_len = 1; chunk_len <= len + 1; chunk_len += chunk_len < 40 ? 1 : len) {
        struct seen seen = {0};
        struct err err = {0};
        struct audit_log *log;

        strbuf_init(&seen.lines, 1u << 20);
        log = begin(&seen, &err);
        assert_int_equal(feed(log, text, len, chunk_len, &err), 0);
        if (strcmp(seen.lines.text, expected) != 0)
            fail_msg("%s\nin chunks of %zu gives\n%s\nand not\n%s", text, chunk_len,
                     seen.lines.text, expected);
        audit_log_free(log);
        strbuf_done(&seen.lines);
    }
}

static void assert_read(const char *text, const char *expected)
{
    assert_read_bytes(text, strlen(text), expected);
}

static void test_each_line_is_an_event(void **state)
{
    (void)state;
    assert_read(EVENT("get") "\n" EVENT("list") "\n", "get\nlist\n");
}

static void test_a_list_is_read_event_by_event_wherever_its_kind_stands(void **state)
{
    (void)state;
    assert_read(LIST("{\"verb\":\"get\"},{\"verb\":\"list\"}") "\n" EVENT("watch") "\n",
                "get\nlist\nwatch\n");
    assert_read("{\"items\":[{\"verb\":\"get\"}," EVENT(
                    "list") "],\"apiVersion\":\"audit.k8s.io/v1\""
                            ",\"metadata\":{},\"kind\":\"EventList\"}\n",
                "get\nlist\n");
    assert_read(LIST("") "\n", "");
}

static void test_empty_lines_and_white_space_are_nothing(void **state)
{
    (void)state;
    assert_read("", "");
    assert_read("\n\r\n \t \n  " EVENT("get") "  \r\n\n", "get\n");
}

static void test_a_last_line_without_its_end_is_read(void **state)
{
    (void)state;
    assert_read(EVENT("get") "\n" EVENT("list"), "get\nlist\n");
}

static void test_a_last_line_that_is_cut_off_is_told(void **state)
{
    (void)state;
    assert_read(EVENT("get") "\n{\"kind\":\"Event\",\"verb\":\"li",
                "get\nline 2: Invalid: not JSON: ends in the middle of a value after 26 bytes\n");
}

static void test_a_line_that_is_no_json_is_told_with_its_number_and_the_next_one_read(void **state)
{
    (void)state;
    assert_read("\nI1125 starting\n" EVENT("get") "\n{}}\n" EVENT("list") "\n",
                "line 2: Invalid: not JSON: unexpected 'I' at byte 0\n"
                "get\n"
                "line 4: Invalid: expected an Event of audit.k8s.io/v1, got no kind of no "
                "apiVersion\n"
                "line 4: Invalid: not JSON: unexpected '}' at byte 2\n"
                "list\n");
}

static void test_what_is_no_event_of_this_version_is_told(void **state)
{
    (void)state;
    assert_read("{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1beta1\"}\n"
                "{\"kind\":\"Event\",\"apiVersion\":\"v1\"}\n"
                "{\"kind\":\"Pod\",\"apiVersion\":\"audit.k8s.io/v1\"}\n"
                "{\"apiVersion\":\"audit.k8s.io/v1\"}\n"
                "{\"kind\":7}\n"
                "{\"kind\":\"Event\",\"apiVersion\":7}\n"
                "[]\n",
                "line 1: Invalid: expected an Event of audit.k8s.io/v1, got Event of "
                "audit.k8s.io/v1beta1\n"
                "line 2: Invalid: expected an Event of audit.k8s.io/v1, got Event of v1\n"
                "line 3: Invalid: kind: expected Event or EventList, got Pod\n"
                "line 4: Invalid: expected an Event of audit.k8s.io/v1, got no kind of "
                "audit.k8s.io/v1\n"
                "line 5: Invalid: kind: expected a string\n"
                "line 6: Invalid: apiVersion: expected a string\n"
                "line 7: Invalid: expected a list, got something that is no object\n");
}

static void test_events_of_a_list_that_cannot_be_read_cost_no_other(void **state)
{
    (void)state;
    assert_read(
        LIST("{\"verb\":\"get\"},7,{\"verb\":8},{\"kind\":\"Pod\",\"apiVersion\":\"v1\"},"
             "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\"},"
             "{\"verb\":\"a\",\"verb\":\"b\"},{\"verb\":\"list\"}") "\n",
        "get\n"
        "line 1: Invalid: expected an event, got something that is no object\n"
        "line 1: Invalid: verb: expected a string\n"
        "line 1: Invalid: expected an Event of audit.k8s.io/v1, got Pod of v1\n"
        "line 1: Invalid: kind: expected Event, got EventList\n"
        "line 1: Invalid: not JSON: a member's name comes twice, the second time at byte 18\n"
        "list\n");
}

static void test_zeros_and_control_characters_cost_a_line(void **state)
{
    static const char zeros[] = "\0\0\0\0\n" EVENT("get") "\n{\"verb\":\"a\001\"}\n" EVENT("list");

    (void)state;
    assert_read_bytes(zeros, sizeof(zeros) - 1,
                      "line 1: Invalid: not JSON: unexpected byte 0x00 at byte 0\n"
                      "get\n"
                      "line 3: Invalid: not JSON: unexpected byte 0x01 at byte 10\n"
                      "list\n");
}

static void test_lines_are_counted_anew_in_the_next_file(void **state)
{
    struct seen seen = {0};
    struct err err = {0};
    struct audit_log *log;

    (void)state;
    strbuf_init(&seen.lines, 1u << 16);
    log = begin(&seen, &err);
    for (int i = 0; i < 2; i++)
        assert_int_equal(feed(log, "\n{\"verb\"", 8, 3, &err), 0);
    assert_string_equal(seen.lines.text,
                        "line 2: Invalid: not JSON: ends in the middle of a value after 7 bytes\n"
                        "line 2: Invalid: not JSON: ends in the middle of a value after 7 bytes\n");
    audit_log_free(log);
    strbuf_done(&seen.lines);
}

/* ---- large and deep ---- */

struct counted {
    size_t events, unreadable, live_max;
};

/* Feeds @head, @count times @piece, @tail and one more event, in chunks; what is counted. */
static struct counted read_large(const char *head, const char *piece, size_t count,
                                 const char *tail)
{
    struct seen seen = {.is_counting = true};
    struct counted result = {0};
    struct err err = {0};
    struct audit_log *log = begin(&seen, &err);

    assert_non_null(log);
    assert_int_equal(audit_log_feed(log, head, strlen(head), &err), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(audit_log_feed(log, piece, strlen(piece), &err), 0);
    assert_int_equal(audit_log_feed(log, tail, strlen(tail), &err), 0);
    assert_int_equal(audit_log_feed(log, "\n" EVENT("get"), strlen("\n" EVENT("get")), &err), 0);
    assert_int_equal(audit_log_end(log, &err), 0);
    audit_log_free(log);
    result.events = seen.events;
    result.unreadable = seen.unreadable;
    return result;
}

#define KIB "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OPEN "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\","

static void test_a_body_of_three_mebibytes_is_passed_over(void **state)
{
    struct counted seen = read_large(OPEN "\"requestObject\":{\"data\":\"", KIB, (3u << 20) / 64,
                                     "\"},\"verb\":\"update\"}");

    (void)state;
    assert_int_equal(seen.events, 2);
    assert_int_equal(seen.unreadable, 0);
}

static void test_an_event_that_keeps_too_much_is_told_and_the_next_one_read(void **state)
{
    struct counted alone = read_large(OPEN "\"verb\":\"", KIB, AUDIT_EVENT_LEN_MAX / 64 + 1, "\"}");
    struct counted listed = read_large(
        "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"items\":[{\"verb\":\"", KIB,
        AUDIT_EVENT_LEN_MAX / 64 + 1, "\"},{\"verb\":\"get\"}]}");

    (void)state;
    assert_int_equal(alone.events, 1);
    assert_int_equal(alone.unreadable, 1);
    assert_int_equal(listed.events, 2);
    assert_int_equal(listed.unreadable, 1);
}

static void test_an_event_within_the_ceiling_is_read(void **state)
{
    struct counted seen =
        read_large(OPEN "\"requestURI\":\"/", KIB, (AUDIT_EVENT_LEN_MAX - 1024) / 64, "\"}");

    (void)state;
    assert_int_equal(seen.events, 2);
    assert_int_equal(seen.unreadable, 0);
}

static void test_nesting_as_deep_as_go_takes_is_passed_over_and_deeper_costs_a_line(void **state)
{
    struct counted deep = read_large(OPEN "\"x\":", "[", SLICE_LEVELS_MAX + 1, "");
    char *closed = text_repeat("]", SLICE_LEVELS_MAX - 2);
    char *tail = malloc(strlen(closed) + 2);
    struct counted fine;

    (void)state;
    (void)sprintf(tail, "%s}", closed);
    fine = read_large(OPEN "\"x\":", "[", SLICE_LEVELS_MAX - 2, tail);
    free(tail);
    free(closed);
    assert_int_equal(deep.events, 1);
    assert_int_equal(deep.unreadable, 1);
    assert_int_equal(fine.events, 2);
    assert_int_equal(fine.unreadable, 0);
}

static void test_a_list_of_many_events_takes_the_memory_of_one(void **state)
{
    static const char head[] =
        "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"items\":[{}";
    static const char item[] = ",{\"verb\":\"get\",\"requestObject\":{\"a\":[1,2,3]}}";
    struct seen seen = {.is_counting = true};
    struct err err = {0};
    struct audit_log *log = begin(&seen, &err);
    size_t live = 0;

    (void)state;
    assert_int_equal(audit_log_feed(log, head, strlen(head), &err), 0);
    for (size_t i = 0; i < 100000; i++) {
        assert_int_equal(audit_log_feed(log, item, strlen(item), &err), 0);
        if (i == 0)
            live = mem_live();
        assert_int_equal(mem_live(), live);
    }
    assert_int_equal(audit_log_feed(log, "]}\n", 3, &err), 0);
    assert_int_equal(seen.events, 100001);
    assert_int_equal(seen.unreadable, 0);
    audit_log_free(log);
}

/* ---- ends ---- */

static void test_what_the_reader_returns_stops_the_log(void **state)
{
    static const char text[] = EVENT("get") "\nx\n" LIST("{\"verb\":\"list\"}") "\n" EVENT("watch");
    static const char *const stops[] = {"get", "unreadable", "list", "watch"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(stops); i++) {
        struct seen seen = {.stop_at = stops[i], .is_counting = true};
        struct err err = {0};
        struct audit_log *log = begin(&seen, &err);

        assert_int_equal(feed(log, text, strlen(text), 7, &err), -1);
        assert_int_equal(err.code, ERR_CANCELED);
        assert_string_equal(err.msg, "enough");
        assert_int_equal(seen.events + seen.unreadable, i + 1);
        audit_log_free(log);
    }
    audit_log_free(NULL);
}

static void test_a_reader_that_stops_at_an_unreadable_event_of_a_list_stops_the_log(void **state)
{
    struct seen seen = {.stop_at = "unreadable", .is_counting = true};
    struct err err = {0};
    struct audit_log *log = begin(&seen, &err);
    static const char text[] = LIST("7,{}") "\n";

    (void)state;
    assert_int_equal(feed(log, text, strlen(text), 7, &err), -1);
    assert_int_equal(err.code, ERR_CANCELED);
    assert_int_equal(seen.unreadable, 1);
    assert_int_equal(seen.events, 0);
    audit_log_free(log);
}

static int read_some(void *ctx, struct err *err)
{
    static const char text[] =
        EVENT("get") "\nx\n{\"a\":\n" LIST("{\"verb\":\"list\"},7") "\n" EVENT("watch");
    struct seen seen = {.is_counting = true};
    struct audit_log *log = begin(&seen, err);
    int result = log ? audit_log_feed(log, text, strlen(text), err) : -1;

    (void)ctx;
    if (result == 0)
        result = audit_log_end(log, err);
    audit_log_free(log);
    return result;
}

static void test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    json_use_allocator(1);
    assert_true(sweep(read_some, NULL) >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_line_is_an_event),
        cmocka_unit_test(test_a_list_is_read_event_by_event_wherever_its_kind_stands),
        cmocka_unit_test(test_empty_lines_and_white_space_are_nothing),
        cmocka_unit_test(test_a_last_line_without_its_end_is_read),
        cmocka_unit_test(test_a_last_line_that_is_cut_off_is_told),
        cmocka_unit_test(test_a_line_that_is_no_json_is_told_with_its_number_and_the_next_one_read),
        cmocka_unit_test(test_what_is_no_event_of_this_version_is_told),
        cmocka_unit_test(test_events_of_a_list_that_cannot_be_read_cost_no_other),
        cmocka_unit_test(test_zeros_and_control_characters_cost_a_line),
        cmocka_unit_test(test_lines_are_counted_anew_in_the_next_file),
        cmocka_unit_test(test_a_body_of_three_mebibytes_is_passed_over),
        cmocka_unit_test(test_an_event_that_keeps_too_much_is_told_and_the_next_one_read),
        cmocka_unit_test(test_an_event_within_the_ceiling_is_read),
        cmocka_unit_test(test_nesting_as_deep_as_go_takes_is_passed_over_and_deeper_costs_a_line),
        cmocka_unit_test(test_a_list_of_many_events_takes_the_memory_of_one),
        cmocka_unit_test(test_what_the_reader_returns_stops_the_log),
        cmocka_unit_test(test_a_reader_that_stops_at_an_unreadable_event_of_a_list_stops_the_log),
        cmocka_unit_test(test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
