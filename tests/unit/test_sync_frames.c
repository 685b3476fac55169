#include "rampart/sync/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/object.h"
#include "support/api_text.h"
#include "support/fake_transport.h"
#include "support/sweep.h"
#include "support/text.h"
#include "support/unit.h"

#define TRACE_LEN_MAX 8192

static const char *const type_names[FRAME_TYPE_COUNT] = {
    [FRAME_ITEM] = "item",
    [FRAME_PAGE] = "page",
    [FRAME_ADDED] = "added",
    [FRAME_MODIFIED] = "modified",
    [FRAME_DELETED] = "deleted",
    [FRAME_BOOKMARK] = "bookmark",
    [FRAME_UNREADABLE] = "unreadable",
};

struct reader {
    struct frames *frames;
    char trace[TRACE_LEN_MAX];
    size_t len;
    struct err why; /* of the last unreadable frame */
};

static int note(void *ctx, const struct frame *frame, struct err *err)
{
    struct reader *r = ctx;
    const char *name = "";
    AUTO_ARENA arena;
    struct object meta;

    arena_init(&arena, 65536);
    if (frame->object) {
        if (object_decode_meta(KIND_NETWORK_POLICY, frame->object, &arena, &meta, err) < 0)
            return -1;
        name = meta.name;
    }
    if (frame->why)
        r->why = *frame->why;
    r->len += (size_t)snprintf(r->trace + r->len, sizeof(r->trace) - r->len, "%s(%s rv=%s%s%s%s) ",
                               type_names[frame->type], name, frame->rv,
                               *frame->continue_token ? " token=" : "", frame->continue_token,
                               frame->is_initial_end ? " end" : "");
    return 0;
}

static int reader_init(struct reader *r, bool is_list, struct err *err)
{
    memset(r, 0, sizeof(*r));
    r->frames = frames_new(KIND_NETWORK_POLICY, is_list, note, r, err);
    return r->frames ? 0 : -1;
}

/* All bytes in pieces of @piece_len (0: at once), to the proper end. */
static int read_all(bool is_list, const char *text, size_t piece_len, struct reader *r,
                    struct err *err)
{
    size_t len = strlen(text);
    int result = 0;

    if (reader_init(r, is_list, err) < 0)
        return -1;
    if (piece_len == 0)
        piece_len = len ? len : 1;
    for (size_t at = 0; at < len && result == 0; at += piece_len)
        result =
            frames_feed(r->frames, text + at, len - at < piece_len ? len - at : piece_len, err);
    if (result == 0)
        result = frames_end(r->frames, err);
    frames_free(r->frames);
    return result;
}

static void reads(bool is_list, const char *text, const char *expected)
{
    struct reader r;
    struct err err = {0};

    if (read_all(is_list, text, 0, &r, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(r.trace, expected);
}

static void read_fails(bool is_list, const char *text, enum err_code code, const char *part)
{
    struct reader r;
    struct err err = {0};

    assert_int_equal(read_all(is_list, text, 0, &r, &err), -1);
    if (err.code != code)
        fail_msg("%s: %s", err_code_name(err.code), err.msg);
    assert_contains(err.msg, part);
}

/* ---- watches ---- */

static const char *a_stream(void)
{
    static char text[4096];

    (void)snprintf(text, sizeof(text), "%s\r\n%s%s\n\n%s%s", api_event("ADDED", "shop", "a", 1),
                   api_event("MODIFIED", "shop", "b", 2), api_event("DELETED", "shop", "c", 3),
                   api_bookmark(4, NULL), api_initial_end(5));
    return text;
}

static const char a_stream_read[] = "added(a rv=1) modified(b rv=2) deleted(c rv=3) "
                                    "bookmark( rv=4) bookmark( rv=5 end) ";

static void test_frames_of_a_watch_tell_what_each_event_is(void **state)
{
    (void)state;
    reads(false, a_stream(), a_stream_read);
    reads(false, "", "");
    reads(false, "\n\r\n  \n", "");
}

static void test_frames_are_the_same_wherever_the_bytes_are_split(void **state)
{
    const char *text = a_stream();
    size_t len = strlen(text);

    (void)state;
    for (size_t at = 0; at <= len; at++) {
        struct reader r;
        struct err err = {0};

        assert_int_equal(reader_init(&r, false, &err), 0);
        assert_int_equal(frames_feed(r.frames, text, at, &err), 0);
        assert_int_equal(frames_feed(r.frames, text + at, len - at, &err), 0);
        assert_int_equal(frames_end(r.frames, &err), 0);
        frames_free(r.frames);
        assert_string_equal(r.trace, a_stream_read);
    }
    for (size_t piece_len = 1; piece_len <= 17; piece_len++) {
        struct reader r;
        struct err err = {0};

        assert_int_equal(read_all(false, text, piece_len, &r, &err), 0);
        assert_string_equal(r.trace, a_stream_read);
    }
}

static void test_frames_know_the_end_of_the_initial_events_by_its_annotation_alone(void **state)
{
    static const struct {
        const char *annotations;
        const char *expected;
    } rows[] = {
        {NULL, "bookmark( rv=7) "},
        {"{}", "bookmark( rv=7) "},
        {"null", "bookmark( rv=7) "},
        {"{\"unknown\":\"true\"}", "bookmark( rv=7) "},
        {"{\"k8s.io/initial-events-end\":\"false\"}", "bookmark( rv=7) "},
        {"{\"k8s.io/initial-events-end\":\"true\",\"unknown\":\"x\"}", "bookmark( rv=7 end) "},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        reads(false, api_bookmark(7, rows[i].annotations), rows[i].expected);
}

static void test_frames_skip_what_is_no_event_of_this_kind_and_go_on(void **state)
{
    static const struct {
        const char *event;
        const char *why;
    } rows[] = {
        {"{\"type\":\"ADDED\",\"object\":{\"kind\":\"Table\",\"rows\":[]}}",
         "kind: expected NetworkPolicy, got Table"},
        {"{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"}}}",
         "kind: expected NetworkPolicy, got Pod"},
        {"{\"type\":\"ADDED\",\"object\":{\"kind\":7}}", "kind"},
        {"{\"type\":\"ADDED\",\"object\":[]}", "object"},
        {"{\"type\":\"ADDED\",\"object\":null}", "object"},
        {"{\"type\":\"ADDED\"}", "object"},
        {"{\"type\":\"ADDED\",\"object\":{\"metadata\":[]}}", "metadata"},
        {"{\"type\":\"RENAMED\",\"object\":{\"kind\":\"NetworkPolicy\"}}",
         "\"RENAMED\" is unknown"},
        {"{\"type\":7,\"object\":{\"kind\":\"NetworkPolicy\"}}", "type"},
        {"{\"object\":{\"kind\":\"NetworkPolicy\"}}", "type"},
        {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":8}}}",
         "metadata.resourceVersion"},
        {"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"annotations\":[]}}}", "annotations"},
        {"{\"type\":\"ADDED\",\"object\":{\"kind\":\"NetworkPolicy\",\"spec\":{\"a\":1,\"a\":2}}}",
         "comes twice"},
        {"{\"type\":\"ADDED\",\"object\":{\"spec\":\"\\u0000\"}}", ""},
        {"[1,2]", "expected an object"},
        {"7", "expected an object"},
        {"\"text\"", "expected an object"},
        {"null", "expected an object"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[4096];
        struct reader r;
        struct err err = {0};

        (void)snprintf(text, sizeof(text), "%s\n%s", rows[i].event,
                       api_event("ADDED", "shop", "next", 9));
        if (read_all(false, text, 0, &r, &err) < 0)
            fail_msg("%s: %s", rows[i].event, err.msg);
        assert_string_equal(r.trace, "unreadable( rv=) added(next rv=9) ");
        assert_int_equal(r.why.code, ERR_INVALID);
        assert_contains(r.why.msg, rows[i].why);
    }
}

static void test_frames_end_with_the_status_of_an_error_event(void **state)
{
    static const struct {
        int code;
        const char *reason;
        const char *cause;
        enum err_code expected;
    } rows[] = {
        {410, "Expired", NULL, ERR_EXPIRED},
        {410, "Gone", NULL, ERR_EXPIRED},
        {504, "Timeout", "ResourceVersionTooLarge", ERR_RV_TOO_LARGE},
        {429, "TooManyRequests", NULL, ERR_THROTTLED},
        {500, "InternalError", NULL, ERR_UNAVAILABLE},
        {403, "Forbidden", NULL, ERR_FORBIDDEN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        read_fails(false,
                   api_error(fake_status(rows[i].code, rows[i].reason, rows[i].cause, "why")),
                   rows[i].expected, "why");
    read_fails(false, "{\"type\":\"ERROR\",\"object\":{}}", ERR_UNAVAILABLE, "500");
}

static void test_frames_of_a_stream_cut_in_a_value_say_so(void **state)
{
    const char *text = api_event("ADDED", "shop", "a", 1);
    size_t len = strlen(text) - 1; /* without the newline */

    (void)state;
    for (size_t at = 1; at < len; at++) {
        struct reader r;
        struct err err = {0};

        assert_int_equal(reader_init(&r, false, &err), 0);
        assert_int_equal(frames_feed(r.frames, text, at, &err), 0);
        assert_int_equal(frames_end(r.frames, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        frames_free(r.frames);
        assert_string_equal(r.trace, "");
    }
}

static void test_frames_of_bytes_that_are_no_json_fail(void **state)
{
    (void)state;
    read_fails(false, "<html><body>502 Bad Gateway</body></html>", ERR_INVALID, "");
    read_fails(true, "<html><body>502 Bad Gateway</body></html>", ERR_INVALID, "");
    read_fails(false, "}", ERR_INVALID, "");
}

/* ---- lists ---- */

static void test_frames_of_a_list_tell_each_item_and_then_the_page(void **state)
{
    char items[2048];

    (void)state;
    (void)snprintf(items, sizeof(items), "%s,%s", api_item("shop", "a", 1),
                   api_item("shop", "b", 2));
    reads(true, api_list(items, 10, "more"), "item(a rv=) item(b rv=) page( rv=10 token=more) ");
    reads(true, api_list(items, 10, NULL), "item(a rv=) item(b rv=) page( rv=10) ");
    reads(true, api_list("", 10, "more"), "page( rv=10 token=more) ");
    reads(true,
          "{\"kind\":\"NetworkPolicyList\",\"metadata\":{\"resourceVersion\":\"3\"},"
          "\"items\":null}",
          "page( rv=3) ");
}

static void test_frames_of_a_list_are_the_same_wherever_the_bytes_are_split(void **state)
{
    const char *text = api_list(api_item("shop", "a", 1), 10, "more");
    size_t len = strlen(text);

    (void)state;
    for (size_t at = 0; at <= len; at++) {
        struct reader r;
        struct err err = {0};

        assert_int_equal(reader_init(&r, true, &err), 0);
        assert_int_equal(frames_feed(r.frames, text, at, &err), 0);
        assert_int_equal(frames_feed(r.frames, text + at, len - at, &err), 0);
        assert_int_equal(frames_end(r.frames, &err), 0);
        frames_free(r.frames);
        assert_string_equal(r.trace, "item(a rv=) page( rv=10 token=more) ");
    }
}

static void test_frames_skip_items_of_another_kind(void **state)
{
    (void)state;
    reads(true, api_list("{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"}},7,null,[]", 10, NULL),
          "unreadable( rv=) unreadable( rv=) unreadable( rv=) unreadable( rv=) page( rv=10) ");
}

/* Taken for an empty list, any of these would empty the cache. */
static void test_frames_take_nothing_for_a_list_that_does_not_say_it_is_one(void **state)
{
    static const char *const bodies[] = {
        "",
        "\n",
        "{}",
        "[]",
        "null",
        "7",
        "\"text\"",
        "true",
        "[{}]",
        " [7] ",
        "{\"items\":[]}",
        "{\"kind\":7,\"metadata\":{\"resourceVersion\":\"1\"}}",
        "{\"kind\":\"NetworkPolicyList\",\"metadata\":[]}",
        "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}",
        "{\"kind\":\"NetworkPolicy\",\"metadata\":{\"resourceVersion\":\"1\"}}",
        "{\"kind\":\"NetworkPolicyListList\",\"metadata\":{\"resourceVersion\":\"1\"}}",
        "{\"kind\":\"Table\",\"metadata\":{\"resourceVersion\":\"1\"},\"rows\":[]}",
        "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Success\"}",
        "{\"kind\":\"NetworkPolicyList\",\"items\":[]}",
        "{\"kind\":\"NetworkPolicyList\",\"metadata\":{},\"items\":[]}",
        "{\"kind\":\"NetworkPolicyList\",\"metadata\":{\"resourceVersion\":\"\"},\"items\":[]}",
        "{\"kind\":\"NetworkPolicyList\",\"metadata\":{\"resourceVersion\":7},\"items\":[]}",
        "{\"kind\":\"NetworkPolicyList\",\"metadata\":{\"resourceVersion\":\"1\",\"continue\":{}}}",
        "{\"kind\":\"NetworkPolicyList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]",
        "{\"kind\":\"NetworkPolicyList\",\"kind\":\"NetworkPolicyList\"}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct reader r;
        struct err err = {0};

        if (read_all(true, bodies[i], 0, &r, &err) == 0)
            fail_msg("taken for a list: %s", bodies[i]);
        assert_int_equal(err.code, ERR_INVALID);
        assert_string_equal(r.trace, "");
    }
}

static void test_frames_take_one_list_an_answer(void **state)
{
    char text[2048];
    struct reader r;
    struct err err = {0};

    (void)state;
    (void)snprintf(text, sizeof(text), "%s%s", api_list("", 1, NULL), api_list("", 2, NULL));
    assert_int_equal(read_all(true, text, 0, &r, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(r.trace, "page( rv=1) ");
}

static void test_frames_refuse_a_token_and_a_version_over_their_ceilings(void **state)
{
    char *long_text = text_repeat("t", FRAMES_TOKEN_LEN_MAX + 1);
    char *body = malloc(FRAMES_TOKEN_LEN_MAX + 200);

    (void)state;
    (void)snprintf(body, FRAMES_TOKEN_LEN_MAX + 200,
                   "{\"kind\":\"NetworkPolicyList\",\"metadata\":{\"resourceVersion\":\"1\","
                   "\"continue\":\"%s\"}}",
                   long_text);
    read_fails(true, body, ERR_INVALID, "metadata.continue");
    (void)snprintf(body, FRAMES_TOKEN_LEN_MAX + 200,
                   "{\"kind\":\"NetworkPolicyList\",\"metadata\":{\"resourceVersion\":\"%.*s\"}}",
                   RV_LEN_MAX + 1, long_text);
    read_fails(true, body, ERR_INVALID, "metadata.resourceVersion");
    free(body);
    free(long_text);
}

/* ---- memory ---- */

static int read_a_stream(void *ctx, struct err *err)
{
    struct reader r;

    return read_all(false, ctx, 0, &r, err);
}

static int read_a_list(void *ctx, struct err *err)
{
    struct reader r;

    return read_all(true, ctx, 0, &r, err);
}

static void test_frames_survive_every_failed_allocation(void **state)
{
    char list[2048];

    (void)state;
    (void)snprintf(list, sizeof(list), "%s", api_list(api_item("shop", "a", 1), 10, "more"));
    assert_true(sweep(read_a_stream, (void *)a_stream()) > 20);
    assert_true(sweep(read_a_list, list) > 10);
}

static int read_an_error(void *ctx, struct err *err)
{
    struct err why = {0};
    struct reader r;

    assert_int_equal(read_all(false, ctx, 0, &r, &why), -1);
    *err = why;
    return why.code == ERR_EXPIRED ? 0 : -1;
}

static void test_frames_tell_an_error_event_from_memory_that_is_out(void **state)
{
    char text[1024];

    (void)state;
    (void)snprintf(text, sizeof(text), "%s", api_error(fake_status(410, "Expired", NULL, "why")));
    assert_true(sweep(read_an_error, text) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_a_watch_tell_what_each_event_is),
        cmocka_unit_test(test_frames_are_the_same_wherever_the_bytes_are_split),
        cmocka_unit_test(test_frames_know_the_end_of_the_initial_events_by_its_annotation_alone),
        cmocka_unit_test(test_frames_skip_what_is_no_event_of_this_kind_and_go_on),
        cmocka_unit_test(test_frames_end_with_the_status_of_an_error_event),
        cmocka_unit_test(test_frames_of_a_stream_cut_in_a_value_say_so),
        cmocka_unit_test(test_frames_of_bytes_that_are_no_json_fail),
        cmocka_unit_test(test_frames_of_a_list_tell_each_item_and_then_the_page),
        cmocka_unit_test(test_frames_of_a_list_are_the_same_wherever_the_bytes_are_split),
        cmocka_unit_test(test_frames_skip_items_of_another_kind),
        cmocka_unit_test(test_frames_take_nothing_for_a_list_that_does_not_say_it_is_one),
        cmocka_unit_test(test_frames_take_one_list_an_answer),
        cmocka_unit_test(test_frames_refuse_a_token_and_a_version_over_their_ceilings),
        cmocka_unit_test(test_frames_survive_every_failed_allocation),
        cmocka_unit_test(test_frames_tell_an_error_event_from_memory_that_is_out),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
