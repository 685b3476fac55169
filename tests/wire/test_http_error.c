/* What people read when a transfer failed; the cases that a test server cannot bring about too. */
#include <string.h>

#include "rampart/edge/http_error.h"
#include "support/text.h"
#include "support/unit.h"

static void test_http_error_says_it_in_plain_words(void **state)
{
    static const struct {
        CURLcode result;
        const char *reason;
        enum err_code code;
        const char *words;
    } cases[] = {
        {CURLE_OUT_OF_MEMORY, "", ERR_NOMEM, "out of memory"},
        {CURLE_COULDNT_RESOLVE_HOST, "", ERR_UNAVAILABLE, "connect to h:1: no such host name"},
        {CURLE_OPERATION_TIMEDOUT, "", ERR_TIMEOUT, "connect to h:1: no answer; is it reachable"},
        {CURLE_COULDNT_CONNECT, "strange", ERR_UNAVAILABLE, "connect to h:1: strange"},
        {CURLE_PEER_FAILED_VERIFICATION, "", ERR_UNAVAILABLE, "is for another name"},
        {CURLE_SSL_CONNECT_ERROR, "x: unsupported protocol", ERR_UNAVAILABLE, "TLS 1.2 or newer"},
        {CURLE_SSL_CONNECT_ERROR, "reset", ERR_UNAVAILABLE, "TLS handshake with h:1: reset"},
        {CURLE_PARTIAL_FILE, "", ERR_UNAVAILABLE, "h:1 closed the connection before"},
        {CURLE_GOT_NOTHING, "", ERR_UNAVAILABLE, "h:1 closed the connection before"},
        {CURLE_BAD_CONTENT_ENCODING, "", ERR_UNAVAILABLE, "answer of h:1: its gzip"},
        {CURLE_RECV_ERROR, "two\nlines\x1b[31m", ERR_UNAVAILABLE, "h:1: two?lines?[31m"},
        {CURLE_HTTP2_STREAM, NULL, ERR_UNAVAILABLE, "connection to h:1: "},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct http_failure failure = {.result = cases[i].result,
                                             .authority = "h:1",
                                             .ca_name = "ca.crt",
                                             .reason = cases[i].reason};
        struct err err = {0};

        http_error(&failure, &err);
        assert_int_equal(err.code, cases[i].code);
        assert_contains(err.msg, cases[i].words);
        assert_true(err.code == ERR_NOMEM || err_is_transient(&err));
        assert_null(strpbrk(err.msg, "\r\n\x1b"));
    }
}

/* libcurl has one word for memory that is out and for a header line that is too long. */
static void test_http_error_tells_a_long_header_from_want_of_memory(void **state)
{
    const struct http_failure failure = {.result = CURLE_OUT_OF_MEMORY,
                                         .authority = "h:1",
                                         .ca_name = "ca.crt",
                                         .had_memory = true};
    struct err err = {0};

    (void)state;
    http_error(&failure, &err);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.msg, "answer of h:1: a header line of more than 100 KiB");
}

static void test_http_error_knows_what_reading_certificates_again_may_mend(void **state)
{
    (void)state;
    assert_true(http_error_is_tls(CURLE_PEER_FAILED_VERIFICATION));
    assert_true(http_error_is_tls(CURLE_SSL_CONNECT_ERROR));
    assert_true(http_error_is_tls(CURLE_RECV_ERROR));
    assert_false(http_error_is_tls(CURLE_COULDNT_CONNECT));
    assert_false(http_error_is_tls(CURLE_OK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_error_says_it_in_plain_words),
        cmocka_unit_test(test_http_error_tells_a_long_header_from_want_of_memory),
        cmocka_unit_test(test_http_error_knows_what_reading_certificates_again_may_mend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
