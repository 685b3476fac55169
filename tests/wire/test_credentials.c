/* Tokens: read from rotating files, sent with each request, never shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rampart/edge/credentials.h"
#include "support/sweep.h"
#include "support/text.h"
#include "wire/support/folder.h"
#include "wire/support/wire.h"

#define SECRET "sesame-in-a-file"

static struct credentials *with_file(const char *path, const char *token)
{
    struct err err = {0};
    struct credentials *c = credentials_new(
        &(struct client_config){.token_file = path, .token = token, .source = "a test"}, &err);

    assert_non_null(c);
    return c;
}

static void assert_header(struct credentials *c, uint64_t now_ms, const char *expected)
{
    const char *header = "unset";
    struct err err = {0};

    assert_int_equal(credentials_header(c, now_ms, &header, &err), 0);
    if (expected)
        assert_string_equal(header, expected);
    else
        assert_null(header);
}

static void test_no_token_gives_no_header(void **state)
{
    struct credentials *c = with_file(NULL, NULL);

    (void)state;
    assert_header(c, 0, NULL);
    credentials_reject(c);
    assert_header(c, 1, NULL);
    credentials_free(c);
    credentials_free(NULL);
}

static void test_a_token_of_the_configuration_is_sent_as_it_is(void **state)
{
    struct credentials *c = with_file(NULL, " abc.def \n");

    (void)state;
    assert_header(c, 0, "Authorization: Bearer abc.def");
    credentials_free(c);
}

static void test_a_token_that_cannot_be_one_is_refused_and_not_shown(void **state)
{
    static const char *const tokens[] = {
        SECRET "\r\nX-Injected: 1", SECRET " x", "", " \n", SECRET "\x01", SECRET "\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        struct err err = {0};

        assert_null(
            credentials_new(&(struct client_config){.token = tokens[i], .source = "a test"}, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, "a test: the token");
        assert_null(strstr(err.msg, SECRET));
    }
}

static void test_a_token_file_is_read_again_every_minute(void **state)
{
    struct folder f;
    struct credentials *c;

    (void)state;
    folder_make(&f);
    folder_write(&f, "token", "one\n");
    c = with_file(folder_at(&f, "token"), NULL);
    assert_header(c, 1000, "Authorization: Bearer one");
    folder_write(&f, "token", "two");
    assert_header(c, 1000 + TOKEN_READ_EVERY_MS - 1, "Authorization: Bearer one");
    assert_header(c, 1000 + TOKEN_READ_EVERY_MS, "Authorization: Bearer two");
    credentials_free(c);
    folder_remove(&f);
}

static void test_a_rejected_token_is_read_again_at_once(void **state)
{
    struct folder f;
    struct credentials *c;

    (void)state;
    folder_make(&f);
    folder_write(&f, "token", "one");
    c = with_file(folder_at(&f, "token"), NULL);
    assert_header(c, 1000, "Authorization: Bearer one");
    folder_write(&f, "token", "two");
    credentials_reject(c);
    assert_header(c, 1001, "Authorization: Bearer two");
    credentials_free(c);
    folder_remove(&f);
}

static void test_a_token_file_may_be_swapped_by_symbolic_link(void **state)
{
    struct folder f;
    struct credentials *c;

    (void)state;
    folder_make(&f);
    folder_mkdir(&f, "..2026_1");
    folder_mkdir(&f, "..2026_2");
    folder_write(&f, "..2026_1/token", "one");
    folder_write(&f, "..2026_2/token", "two");
    folder_swap_link(&f, "..data", "..2026_1");
    folder_swap_link(&f, "token", "..data/token");
    c = with_file(folder_at(&f, "token"), NULL);
    assert_header(c, 0, "Authorization: Bearer one");
    folder_swap_link(&f, "..data", "..2026_2");
    assert_header(c, TOKEN_READ_EVERY_MS, "Authorization: Bearer two");
    credentials_free(c);
    folder_remove(&f);
}

static void test_a_file_that_fails_for_a_while_keeps_the_old_token(void **state)
{
    static const char *const broken[] = {"", "\n", "two words", "\x01"};
    struct folder f;

    (void)state;
    folder_make(&f);
    for (size_t i = 0; i <= COUNT_OF(broken); i++) {
        struct credentials *c;
        uint64_t now_ms = TOKEN_READ_EVERY_MS;

        folder_write(&f, "token", "one");
        c = with_file(folder_at(&f, "token"), NULL);
        assert_header(c, 0, "Authorization: Bearer one");
        if (i < COUNT_OF(broken))
            folder_write(&f, "token", broken[i]);
        else
            unlink(folder_at(&f, "token"));
        assert_header(c, now_ms, "Authorization: Bearer one");
        folder_write(&f, "token", "two");
        assert_header(c, now_ms + TOKEN_RETRY_MS - 1, "Authorization: Bearer one");
        assert_header(c, now_ms + TOKEN_RETRY_MS, "Authorization: Bearer two"); /* not a minute */
        credentials_free(c);
    }
    folder_remove(&f);
}

static void test_without_any_token_the_error_names_the_file(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {{NULL, "No such file"}, {"", "is empty"}, {SECRET " " SECRET, "holds a space"}};
    struct folder f;

    (void)state;
    folder_make(&f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct credentials *c = with_file(folder_at(&f, "token"), NULL);
        const char *header = "unset";
        struct err err = {0};

        if (cases[i].text)
            folder_write(&f, "token", cases[i].text);
        assert_int_equal(credentials_header(c, 0, &header, &err), -1);
        assert_int_equal(err.code, ERR_UNAUTHORIZED);
        assert_contains(err.msg, folder_at(&f, "token"));
        assert_contains(err.msg, cases[i].words);
        assert_null(strstr(err.msg, SECRET));
        assert_string_equal(header, "unset");
        folder_write(&f, "token", "now");
        assert_header(c, 1, "Authorization: Bearer now"); /* nothing to lose: tried each time */
        credentials_free(c);
        unlink(folder_at(&f, "token"));
    }
    folder_remove(&f);
}

static void test_the_file_wins_over_the_token_beside_it(void **state)
{
    struct folder f;
    struct credentials *c;

    (void)state;
    folder_make(&f);
    c = with_file(folder_at(&f, "token"), "fallback");
    assert_header(c, 0, "Authorization: Bearer fallback");
    folder_write(&f, "token", "read");
    assert_header(c, TOKEN_RETRY_MS, "Authorization: Bearer read");
    credentials_free(c);
    folder_remove(&f);
}

static void test_a_token_of_more_than_its_ceiling_is_refused(void **state)
{
    char *longest = text_repeat("x", TOKEN_LEN_MAX), *longer = text_repeat("x", TOKEN_LEN_MAX + 1);
    struct folder f;
    struct credentials *c;
    const char *header;
    struct err err = {0};

    (void)state;
    folder_make(&f);
    folder_write(&f, "token", longer);
    c = with_file(folder_at(&f, "token"), NULL);
    assert_int_equal(credentials_header(c, 0, &header, &err), -1);
    assert_int_equal(err.code, ERR_UNAUTHORIZED);
    folder_write(&f, "token", longest);
    assert_int_equal(credentials_header(c, 0, &header, &err), 0);
    assert_int_equal(strlen(header), strlen("Authorization: Bearer ") + TOKEN_LEN_MAX);
    credentials_free(c);
    folder_remove(&f);
    free(longest);
    free(longer);
}

static int read_for_sweep(void *ctx, struct err *err)
{
    struct credentials *c =
        credentials_new(&(struct client_config){.token_file = ctx, .source = "a test"}, err);
    const char *header = NULL;
    int r = c ? credentials_header(c, 0, &header, err) : -1;

    assert_true(r == 0 || !header);
    credentials_free(c);
    return r;
}

static void test_credentials_survive_any_failed_allocation(void **state)
{
    struct folder f;
    char path[128];

    (void)state;
    folder_make(&f);
    folder_write(&f, "token", "t");
    snprintf(path, sizeof(path), "%s", folder_at(&f, "token"));
    assert_true(sweep(read_for_sweep, path) >= 4);
    folder_remove(&f);
}

/* The same on the wire. */

static char accepted[64];

static void on_guarded(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    if (strcmp(r->authorization, accepted) == 0)
        server_answer(s, 200, "", "welcome");
    else
        server_answer(s, 401, "", "{\"kind\":\"Status\"}");
}

static void test_after_a_401_the_next_request_has_the_new_token(void **state)
{
    struct wire w;
    struct folder f;
    char path[128];
    struct call *c;

    (void)state;
    folder_make(&f);
    folder_write(&f, "token", SECRET "-1");
    snprintf(path, sizeof(path), "%s", folder_at(&f, "token"));
    snprintf(accepted, sizeof(accepted), "Bearer %s-1", SECRET);
    wire_start(&w, &(struct server_options){.handler = on_guarded});
    w.config.token = NULL;
    w.config.token_file = path;
    wire_connect(&w, 0, 0);
    c = wire_get(&w, "/");
    wire_until_done(c);
    assert_int_equal(c->status, 200);
    snprintf(accepted, sizeof(accepted), "Bearer %s-2", SECRET);
    folder_write(&f, "token", SECRET "-2");
    c = wire_get(&w, "/");
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_NONE); /* the answer is a 401, whole and well */
    assert_int_equal(c->status, 401);
    c = wire_get(&w, "/");
    wire_until_done(c);
    assert_int_equal(c->status, 200);
    assert_int_equal(server_counts(w.server)->connections, 1);
    wire_close(&w);
    folder_remove(&f);
}

static void test_without_a_token_nothing_is_sent(void **state)
{
    struct wire w;
    struct call *c;

    (void)state;
    wire_start(&w, &(struct server_options){.handler = on_guarded});
    w.config.token = NULL;
    w.config.token_file = "/nonexistent/token";
    wire_connect(&w, 0, 0);
    c = wire_get(&w, "/");
    assert_int_equal(c->done_count, 0);
    wire_until_done(c);
    assert_int_equal(c->err.code, ERR_UNAUTHORIZED);
    assert_contains(c->err.msg, "/nonexistent/token");
    assert_int_equal(server_counts(w.server)->connections, 0);
    wire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_token_gives_no_header),
        cmocka_unit_test(test_a_token_of_the_configuration_is_sent_as_it_is),
        cmocka_unit_test(test_a_token_that_cannot_be_one_is_refused_and_not_shown),
        cmocka_unit_test(test_a_token_file_is_read_again_every_minute),
        cmocka_unit_test(test_a_rejected_token_is_read_again_at_once),
        cmocka_unit_test(test_a_token_file_may_be_swapped_by_symbolic_link),
        cmocka_unit_test(test_a_file_that_fails_for_a_while_keeps_the_old_token),
        cmocka_unit_test(test_without_any_token_the_error_names_the_file),
        cmocka_unit_test(test_the_file_wins_over_the_token_beside_it),
        cmocka_unit_test(test_a_token_of_more_than_its_ceiling_is_refused),
        cmocka_unit_test(test_credentials_survive_any_failed_allocation),
        cmocka_unit_test(test_after_a_401_the_next_request_has_the_new_token),
        cmocka_unit_test(test_without_a_token_nothing_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
