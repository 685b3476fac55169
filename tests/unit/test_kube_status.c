#include "kube_fixture.h"

#include "rampart/kube/status.h"

static void test_status_of_the_api_server_becomes_the_code_callers_branch_on(void **state)
{
    static const struct {
        const char *fixture;
        int http_status;
        enum err_code code;
        const char *msg;
    } rows[] = {
        {"status_uid.json", 422, ERR_CONFLICT,
         "422 Invalid: NetworkPolicy.networking.k8s.io \"rampart-default-deny\" is invalid: "
         "metadata.uid: Invalid value: \"11111111-1111-1111-1111-111111111111\": field is "
         "immutable"},
        {"status_conflict.json", 409, ERR_CONFLICT,
         "409 Conflict: Operation cannot be fulfilled on networkpolicies.networking.k8s.io "
         "\"rampart-default-deny\": the object has been modified; please apply your changes to the "
         "latest version and try again"},
        {"status_delete_uid.json", 409, ERR_CONFLICT, NULL},
        {"status_exists.json", 409, ERR_EXISTS,
         "409 AlreadyExists: networkpolicies.networking.k8s.io \"rampart-default-deny\" already "
         "exists"},
        {"status_rv_too_large.json", 504, ERR_RV_TOO_LARGE,
         "504 Timeout: Timeout: Too large resource version: 99999999, current: 221"},
        {"status_terminating.json", 403, ERR_TERMINATING,
         "403 Forbidden: networkpolicies.networking.k8s.io \"x\" is forbidden: unable to create "
         "new "
         "content in namespace gone because it is being terminated"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};
        size_t len;
        char *text = fixture_text(rows[i].fixture, &len);

        assert_int_equal(status_to_err(rows[i].http_status, NULL, text, len, &err), -1);
        assert_int_equal(err.code, rows[i].code);
        assert_int_equal(err.http_status, rows[i].http_status);
        if (rows[i].msg)
            assert_string_equal(err.msg, rows[i].msg);
        memset(&err, 0, sizeof(err));
        assert_int_equal(status_event_to_err(text, len, &err), -1);
        assert_int_equal(err.code, rows[i].code);
        assert_int_equal(err.http_status, rows[i].http_status);
        free(text);
    }
}

static void test_http_status_alone_gives_the_code(void **state)
{
    static const struct {
        int http_status;
        enum err_code code;
    } rows[] = {
        {400, ERR_REFUSED},     {401, ERR_UNAUTHORIZED}, {403, ERR_FORBIDDEN},
        {404, ERR_NOT_FOUND},   {405, ERR_REFUSED},      {406, ERR_REFUSED},
        {408, ERR_TIMEOUT},     {409, ERR_CONFLICT},     {410, ERR_EXPIRED},
        {413, ERR_REFUSED},     {415, ERR_REFUSED},      {422, ERR_REFUSED},
        {429, ERR_THROTTLED},   {500, ERR_UNAVAILABLE},  {502, ERR_UNAVAILABLE},
        {503, ERR_UNAVAILABLE}, {504, ERR_TIMEOUT},      {302, ERR_UNAVAILABLE},
        {0, ERR_UNAVAILABLE},   {599, ERR_UNAVAILABLE},  {999, ERR_UNAVAILABLE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};
        char msg[64];

        assert_int_equal(status_to_err(rows[i].http_status, NULL, NULL, 0, &err), -1);
        assert_int_equal(err.code, rows[i].code);
        (void)snprintf(msg, sizeof(msg), "%d %s", rows[i].http_status, err_code_name(rows[i].code));
        assert_string_equal(err.msg, msg);
    }
}

static void test_retry_after_is_a_number_of_seconds_and_capped(void **state)
{
    static const struct {
        const char *header;
        const char *body;
        uint32_t ms;
    } rows[] = {
        {NULL, "", 0},
        {"", "", 0},
        {"1", "", 1001},
        {" 32", "", 32001},
        {"0", "", 0},
        {"60", "", 60001},
        {"61", "", 60001},
        {"99999999999999999999999999", "", 60001},
        {"-1", "", 0},
        {"1.5", "", 0},
        {"1s", "", 0},
        {"Wed, 21 Oct 2015 07:28:00 GMT", "", 0},
        {NULL, "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":5}}", 5001},
        {"2", "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":5}}", 2001},
        {NULL, "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":-5}}", 0},
        {NULL, "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":9999999999}}", 60001},
        {NULL, "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":\"5\"}}", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};

        assert_int_equal(status_to_err(429, rows[i].header, rows[i].body, strlen(rows[i].body),
                                       &err),
                         -1);
        assert_int_equal(err.retry_after_ms, rows[i].ms);
    }
}

static void test_a_body_that_is_no_status_gives_a_few_clean_words(void **state)
{
    static const struct {
        const char *body;
        const char *msg;
    } rows[] = {
        {"404 page not found\n", "503 Unavailable: 404 page not found"},
        {"<html>\r\n<head><title>502 Bad "
         "Gateway</title></head>\n<body><h1>502</h1><hr>nginx</html>",
         "503 Unavailable: 502 Bad Gateway 502 nginx"},
        {"load < 5 and > 3", "503 Unavailable: load < 5 and > 3"},
        {"a<B>b</B>c<!-- d -->e<hr/>f", "503 Unavailable: a b c e f"},
        {"a<1 b<[ c<~ d<", "503 Unavailable: a<1 b<[ c<~ d<"},
        {"a<A>b<Z>c<z>d<a>e", "503 Unavailable: a b c d e"},
        {"<unclosed tag", "503 Unavailable"},
        {"a\x01\x1b[31mb\tc\x7f", "503 Unavailable: a [31mb c"},
        {"\xff\xfe broken \xc3\xa4 \xc3", "503 Unavailable: broken \xc3\xa4"},
        {"{\"kind\":\"Pod\"}", "503 Unavailable: {\"kind\":\"Pod\"}"},
        {"[]", "503 Unavailable: []"},
        {"   ", "503 Unavailable"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};

        assert_int_equal(status_to_err(503, NULL, rows[i].body, strlen(rows[i].body), &err), -1);
        assert_string_equal(err.msg, rows[i].msg);
        assert_int_equal(err.code, ERR_UNAVAILABLE);
    }
}

static void test_a_body_ends_where_its_length_says(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(status_to_err(503, NULL, "a <b>", 3, &err), -1);
    assert_string_equal(err.msg, "503 Unavailable: a <");
}

static void test_a_long_body_is_cut_between_characters(void **state)
{
    char body[4096];
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i + 3 <= sizeof(body); i += 3)
        memcpy(body + i, "\xe2\x82\xac", 3);
    assert_int_equal(status_to_err(500, NULL, body, sizeof(body) - 1, &err), -1);
    assert_true(strlen(err.msg) <= 200);
    assert_int_equal((strlen(err.msg) - strlen("500 Unavailable: ")) % 3, 0);
}

static void test_a_hostile_status_is_read_as_far_as_it_goes(void **state)
{
    static const struct {
        const char *body;
        enum err_code code;
    } rows[] = {
        {"{\"kind\":\"Status\",\"reason\":5,\"message\":[]}", ERR_FORBIDDEN},
        {"{\"kind\":\"Status\",\"details\":[]}", ERR_FORBIDDEN},
        {"{\"kind\":\"Status\",\"details\":{\"causes\":{}}}", ERR_FORBIDDEN},
        {"{\"kind\":\"Status\",\"details\":{\"causes\":[null,5,{\"reason\":7}]}}", ERR_FORBIDDEN},
        {"{\"kind\":\"Status\",\"details\":{\"causes\":[5,{\"reason\":\"NamespaceTerminating\"}]}}",
         ERR_TERMINATING},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};

        assert_int_equal(status_to_err(403, NULL, rows[i].body, strlen(rows[i].body), &err), -1);
        assert_int_equal(err.code, rows[i].code);
    }
}

static void test_causes_are_looked_at_up_to_their_ceiling(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        json_t *causes = json_array();
        json_t *root = json_pack("{s:s,s:{s:o}}", "kind", "Status", "details", "causes", causes);
        struct err err = {0};
        char *body;

        for (int i = 0; i < 255 + over; i++)
            json_array_append_new(causes, json_object());
        json_array_append_new(causes, json_pack("{s:s}", "reason", "NamespaceTerminating"));
        body = json_dumps(root, JSON_COMPACT);
        assert_int_equal(status_to_err(403, NULL, body, strlen(body), &err), -1);
        assert_int_equal(err.code, over ? ERR_FORBIDDEN : ERR_TERMINATING);
        free(body);
        json_decref(root);
    }
}

static void test_status_message_with_control_characters_is_one_line(void **state)
{
    static const char body[] = "{\"kind\":\"Status\",\"message\":\"a\\nb\\u001b[0mc\"}";
    struct err err = {0};

    (void)state;
    assert_int_equal(status_to_err(500, NULL, body, strlen(body), &err), -1);
    assert_string_equal(err.msg, "500 Unavailable: a b [0mc");
}

static void test_status_may_be_asked_without_an_err(void **state)
{
    (void)state;
    assert_int_equal(status_to_err(500, "5", "x", 1, NULL), -1);
    assert_int_equal(status_event_to_err("x", 1, NULL), -1);
}

static void test_watch_error_takes_its_status_from_the_object(void **state)
{
    static const struct {
        const char *object;
        enum err_code code;
        int http_status;
        const char *msg;
    } rows[] = {
        {"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
         "\"message\":\"too old resource version: 1 (225)\",\"reason\":\"Expired\",\"code\":410}",
         ERR_EXPIRED, 410, "410 Expired: too old resource version: 1 (225)"},
        {"{\"reason\":\"Gone\",\"message\":\"gone\"}", ERR_EXPIRED, 410, "410 Gone: gone"},
        {"{\"reason\":\"Expired\",\"message\":\"old\"}", ERR_EXPIRED, 410, "410 Expired: old"},
        {"{\"message\":\"storage is unwell\",\"code\":500,\"reason\":\"InternalError\"}",
         ERR_UNAVAILABLE, 500, "500 InternalError: storage is unwell"},
        {"{\"message\":\"slow down\",\"code\":429,\"reason\":\"TooManyRequests\","
         "\"details\":{\"retryAfterSeconds\":1}}",
         ERR_THROTTLED, 429, "429 TooManyRequests: slow down"},
        {"{\"code\":99999,\"message\":\"x\"}", ERR_UNAVAILABLE, 500, "500 Unavailable: x"},
        {"{\"code\":400,\"message\":\"x\"}", ERR_REFUSED, 400, "400 Refused: x"},
        {"{\"code\":599,\"message\":\"x\"}", ERR_UNAVAILABLE, 599, "599 Unavailable: x"},
        {"{\"code\":399,\"message\":\"x\"}", ERR_UNAVAILABLE, 500, "500 Unavailable: x"},
        {"{\"code\":600,\"message\":\"x\"}", ERR_UNAVAILABLE, 500, "500 Unavailable: x"},
        {"{\"code\":200,\"message\":\"x\"}", ERR_UNAVAILABLE, 500, "500 Unavailable: x"},
        {"{\"code\":\"410\",\"message\":\"x\"}", ERR_UNAVAILABLE, 500, "500 Unavailable: x"},
        {"{}", ERR_UNAVAILABLE, 500, "500 Unavailable: {}"},
        {"not json", ERR_UNAVAILABLE, 500, "500 Unavailable: not json"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};

        assert_int_equal(status_event_to_err(rows[i].object, strlen(rows[i].object), &err), -1);
        assert_int_equal(err.code, rows[i].code);
        assert_int_equal(err.http_status, rows[i].http_status);
        assert_string_equal(err.msg, rows[i].msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_of_the_api_server_becomes_the_code_callers_branch_on),
        cmocka_unit_test(test_http_status_alone_gives_the_code),
        cmocka_unit_test(test_retry_after_is_a_number_of_seconds_and_capped),
        cmocka_unit_test(test_a_body_that_is_no_status_gives_a_few_clean_words),
        cmocka_unit_test(test_a_body_ends_where_its_length_says),
        cmocka_unit_test(test_a_long_body_is_cut_between_characters),
        cmocka_unit_test(test_a_hostile_status_is_read_as_far_as_it_goes),
        cmocka_unit_test(test_causes_are_looked_at_up_to_their_ceiling),
        cmocka_unit_test(test_status_message_with_control_characters_is_one_line),
        cmocka_unit_test(test_status_may_be_asked_without_an_err),
        cmocka_unit_test(test_watch_error_takes_its_status_from_the_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
