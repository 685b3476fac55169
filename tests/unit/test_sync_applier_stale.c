/* Plans that meet another object than the one they were made for: it is read again, and the caches
 * are put right. */
#include "sync_applier.h"

/* The write was refused because the object is not what we thought; a GET is on its way. */
static void refuse(struct fixture *f, int status, const char *reason)
{
    answer(f, 0, status, fake_status(status, reason, NULL, "read again"));
    assert_int_equal(f->done_count, 0);
    assert_int_equal(f->fake.count, 2);
    assert_int_equal(request(f, 1)->method, HTTP_GET);
    assert_string_equal(request(f, 1)->path, POLICIES_PATH "/a");
    assert_int_equal(request(f, 1)->body_len, 0);
}

static void assert_stale(struct fixture *f, enum err_code code)
{
    assert_int_equal(last(f)->result.outcome, APPLY_STALE);
    assert_int_equal(last(f)->result.err.code, code);
    assert_contains(last(f)->result.err.msg, "NetworkPolicy a (namespace shop): 4");
    assert_contains(last(f)->failed, "NetworkPolicy a");
    assert_int_equal(last(f)->result.writes_done, 0);
    assert_int_equal(f->fake.count, 2); /* what came after was not sent */
    assert_int_equal(stats(f).stale, 1);
    assert_int_equal(stats(f).failures, 0);
    assert_string_equal(f->logged, "");
}

static void test_applier_reads_what_exists_already(void **state)
{
    struct fixture *f = *state;

    add_create(f, "a");
    add_create(f, "b");
    start(f);
    refuse(f, 409, "AlreadyExists");
    answer(f, 1, 200, policy_json("a", "foreign", "77", ""));
    assert_held(f, "a", "foreign", "77");
    assert_stale(f, ERR_EXISTS);
}

static void test_applier_reads_what_was_changed_since(void **state)
{
    struct fixture *f = *state;

    hold(f, "a", "u1", "100");
    add_patch(f, "a", "u1", "100");
    add_create(f, "b");
    start(f);
    refuse(f, 409, "Conflict");
    answer(f, 1, 200, policy_json("a", "u1", "104", ""));
    assert_held(f, "a", "u1", "104");
    assert_stale(f, ERR_CONFLICT);
}

static void test_applier_reads_what_has_another_uid_now(void **state)
{
    struct fixture *f = *state;

    hold(f, "a", "u1", "100");
    add_patch(f, "a", "u1", "100");
    add_create(f, "b");
    start(f);
    answer(f, 0, 422,
           "{\"kind\":\"Status\",\"metadata\":{},\"reason\":\"Invalid\",\"code\":422,"
           "\"message\":\"immutable\",\"details\":{\"causes\":[{\"field\":\"metadata.uid\"}]}}");
    answer(f, 1, 200, policy_json("a", "u2", "104", ""));
    assert_held(f, "a", "u2", "104");
    assert_stale(f, ERR_CONFLICT);
}

static void test_applier_forgets_what_is_gone_when_it_was_to_be_patched(void **state)
{
    struct fixture *f = *state;

    hold(f, "a", "u1", "100");
    add_patch(f, "a", "u1", "100");
    add_create(f, "b");
    start(f);
    refuse(f, 404, "NotFound");
    answer(f, 1, 404, fake_status(404, "NotFound", NULL, "gone"));
    assert_null(held(f, "a"));
    assert_stale(f, ERR_NOT_FOUND);
}

static void
test_applier_keeps_what_was_made_anew_while_it_read_that_the_old_one_is_gone(void **state)
{
    struct fixture *f = *state;

    hold(f, "a", "u1", "100");
    add_patch(f, "a", "u1", "100");
    start(f);
    refuse(f, 404, "NotFound");
    hold(f, "a", "u2", "110");
    answer(f, 1, 404, fake_status(404, "NotFound", NULL, "gone"));
    assert_held(f, "a", "u2", "110");
    assert_stale(f, ERR_NOT_FOUND);
}

static void test_applier_reads_what_was_changed_when_it_was_to_be_deleted(void **state)
{
    struct fixture *f = *state;

    hold(f, "a", "u1", "100");
    add_delete(f, "a", "u1", "100");
    add_create(f, "b");
    start(f);
    refuse(f, 409, "Conflict");
    answer(f, 1, 200, policy_json("a", "u2", "104", ""));
    assert_held(f, "a", "u2", "104");
    assert_stale(f, ERR_CONFLICT);
}

static void test_applier_fails_when_it_cannot_read_again(void **state)
{
    static const struct {
        int status; /* 0: no answer */
        const char *body;
        enum err_code code;
    } rows[] = {
        {0, NULL, ERR_UNAVAILABLE},   {403, NULL, ERR_FORBIDDEN}, {500, NULL, ERR_UNAVAILABLE},
        {200, "<html>", ERR_INVALID}, {200, "", ERR_INVALID},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *fresh;
        struct fixture *f;

        (void)setup(&fresh);
        f = fresh;
        add_create(f, "a");
        start(f);
        refuse(f, 409, "AlreadyExists");
        if (rows[i].status == 0)
            fake_fail(&f->fake, 1, rows[i].code, "connection reset");
        else
            answer(f, 1, rows[i].status, rows[i].body);
        assert_failed(f, rows[i].code, "create NetworkPolicy a (namespace shop): ");
        (void)teardown(&fresh);
    }
    (void)state;
}

static void test_applier_fails_when_the_reading_cannot_be_started(void **state)
{
    struct fixture *f = *state;

    add_create(f, "a");
    start(f);
    f->fake.start_fails = ERR_LIMIT;
    answer(f, 0, 409, fake_status(409, "AlreadyExists", NULL, "exists"));
    assert_failed(f, ERR_LIMIT, "create NetworkPolicy a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        APPLIER_TEST(test_applier_reads_what_exists_already),
        APPLIER_TEST(test_applier_reads_what_was_changed_since),
        APPLIER_TEST(test_applier_reads_what_has_another_uid_now),
        APPLIER_TEST(test_applier_forgets_what_is_gone_when_it_was_to_be_patched),
        APPLIER_TEST(test_applier_keeps_what_was_made_anew_while_it_read_that_the_old_one_is_gone),
        APPLIER_TEST(test_applier_reads_what_was_changed_when_it_was_to_be_deleted),
        APPLIER_TEST(test_applier_fails_when_it_cannot_read_again),
        APPLIER_TEST(test_applier_fails_when_the_reading_cannot_be_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
