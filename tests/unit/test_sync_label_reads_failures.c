/* What fails of what is read for labels, and how it is said. */
#include "sync_label_reads.h"

static void test_a_redirect_is_no_answer(void **state)
{
    struct bench *b = *state;

    for (unsigned want = POD_SECURITY_OWNERS; want <= POD_SECURITY_VIOLATORS; want++) {
        struct label_read *read;

        ask(b, (enum pod_security_want)want);
        fake_answer(&b->net, FAKE_LAST, 302, NULL, "elsewhere");
        read = result(b);
        assert_int_not_equal(read->err.code, ERR_NONE);
        label_read_free(read);
    }
}

static void test_what_fails_says_what_and_why(void **state)
{
    static const struct {
        enum pod_security_want want;
        int status;
        const char *reason;
        enum err_code code;
        const char *says;
    } rows[] = {
        {POD_SECURITY_OWNERS, 403, "Forbidden", ERR_FORBIDDEN,
         "get of namespace shop: a right is missing, or an admission policy refuses it: grant the "
         "verb \"get\" on namespaces to Rampart's"},
        {POD_SECURITY_GATE, 403, "Forbidden", ERR_FORBIDDEN,
         "patch (a dry run) of namespace shop: a right is missing"},
        {POD_SECURITY_GATE, 409, "Conflict", ERR_CONFLICT, "patch (a dry run) of namespace shop"},
        {POD_SECURITY_VIOLATORS, 403, "Forbidden", ERR_FORBIDDEN,
         "grant the verb \"list\" on pods"},
        {POD_SECURITY_VIOLATORS, 500, "InternalError", ERR_UNAVAILABLE, "list of namespace shop"},
        {POD_SECURITY_OWNERS, 404, "NotFound", ERR_NOT_FOUND, "get of namespace shop"},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct label_read *read;

        ask(b, rows[i].want);
        fake_answer(&b->net, FAKE_LAST, rows[i].status, NULL,
                    fake_status(rows[i].status, rows[i].reason, NULL, "no"));
        read = result(b);
        assert_int_equal(read->err.code, rows[i].code);
        assert_contains(read->err.msg, rows[i].says);
        assert_null(read->known.violators);
        label_read_free(read);
    }
}

static void test_a_right_in_another_group_is_named_with_it(void **state)
{
    struct bench *b = *state;
    struct label_read *read;

    ask(b, POD_SECURITY_VIOLATORS);
    answer(b, PODS, 200, page("Pod", "a", ""));
    answer(b, JOBS, 403, fake_status(403, "Forbidden", NULL, "no"));
    read = result(b);
    assert_contains(read->err.msg, "on jobs.batch to");
    label_read_free(read);
}

static void test_no_answer_and_half_an_answer_fail(void **state)
{
    struct bench *b = *state;
    struct label_read *read;

    for (unsigned want = POD_SECURITY_OWNERS; want <= POD_SECURITY_VIOLATORS; want++) {
        ask(b, (enum pod_security_want)want);
        fake_fail(&b->net, FAKE_LAST, ERR_UNAVAILABLE, "connection refused");
        read = result(b);
        assert_int_equal(read->err.code, ERR_UNAVAILABLE);
        label_read_free(read);
    }
    ask(b, POD_SECURITY_VIOLATORS);
    (void)fake_text(&b->net, FAKE_LAST, "{\"kind\":\"PodList\",\"items\":[");
    fake_end(&b->net, FAKE_LAST);
    read = result(b);
    assert_int_equal(read->err.code, ERR_INVALID);
    label_read_free(read);
}

static void test_a_list_that_cannot_be_read_fails(void **state)
{
    struct bench *b = *state;
    struct label_read *read;

    ask(b, POD_SECURITY_VIOLATORS);
    (void)fake_text(&b->net, FAKE_LAST, "{\"kind\":\"PodList\",\"items\":[5]}");
    assert_int_equal(fake_settle(&b->net), 1);
    read = result(b);
    assert_int_equal(read->err.code, ERR_INVALID);
    label_read_free(read);
    ask(b, POD_SECURITY_VIOLATORS); /* a Pod without a name */
    (void)fake_text(&b->net, FAKE_LAST,
                    "{\"kind\":\"PodList\",\"metadata\":{},\"items\":[{\"metadata\":{}}]}");
    assert_int_equal(fake_settle(&b->net), 1);
    read = result(b);
    assert_int_equal(read->err.code, ERR_INVALID);
    label_read_free(read);
    b->take_fails = true;
    ask(b, POD_SECURITY_VIOLATORS);
    (void)fake_text(&b->net, FAKE_LAST, page("Pod", "a", ""));
    assert_int_equal(fake_settle(&b->net), 1);
    read = result(b);
    assert_int_equal(read->err.code, ERR_NOMEM);
    label_read_free(read);
}

static void test_what_cannot_be_begun_says_so(void **state)
{
    struct bench *b = *state;
    struct label_read *read;
    struct err err = {0};

    b->begin_fails = true;
    assert_int_equal(ask_with(b, NULL, POD_SECURITY_VIOLATORS, &err), -1);
    assert_int_equal(err.code, ERR_NOMEM);
    b->begin_fails = false;
    b->net.start_fails = ERR_LIMIT;
    for (unsigned want = POD_SECURITY_OWNERS; want <= POD_SECURITY_VIOLATORS; want++) {
        ask(b, (enum pod_security_want)want);
        read = result(b);
        assert_int_equal(read->err.code, ERR_LIMIT);
        label_read_free(read);
    }
    b->net.start_fails = ERR_NONE;
    ask(b, POD_SECURITY_VIOLATORS);
    b->net.start_fails = ERR_LIMIT; /* the next page is */
    answer(b, PODS, 200, page("Pod", "a", ""));
    read = result(b);
    assert_int_equal(read->err.code, ERR_LIMIT);
    label_read_free(read);
    b->net.start_fails = ERR_NONE;
}

static int read_all(void *ctx, struct err *err)
{
    struct label_read *read = NULL;
    struct bench b;
    int result = -1;

    (void)ctx;
    if (bench_new(&b, err) == 0 && ask_with(&b, NULL, POD_SECURITY_OWNERS, err) == 0) {
        for (unsigned i = 0; i < 8 && result < 0; i++) {
            if (fake_running(&b.net) > 0)
                fake_answer(&b.net, FAKE_LAST, 200, NULL,
                            i == 0   ? live("u-1")
                            : i == 1 ? "{}"
                            : i == 2 ? page("Pod", "a", "more")
                            : i == 3 ? page("Pod", "b", "")
                                     : page("Job", "c", ""));
            (void)fake_settle(&b.net);
            read = label_reads_next(b.reads);
            if (!read)
                continue;
            if (read->err.code != ERR_NONE) {
                *err = read->err;
                label_read_free(read);
                break;
            }
            b.net.warnings = "299 - \"x\"";
            if (read->known.violators) {
                label_read_free(read);
                result = 0;
            } else if (ask_with(&b, read,
                                read->known.gate_rv ? POD_SECURITY_VIOLATORS : POD_SECURITY_GATE,
                                err) < 0) {
                break;
            }
        }
    }
    bench_free(&b);
    return result;
}

static void test_memory_that_is_out_fails_the_read_and_nothing_else(void **state)
{
    (void)state;
    assert_true(sweep(read_all, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_redirect_is_no_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_fails_says_what_and_why, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_right_in_another_group_is_named_with_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_no_answer_and_half_an_answer_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_list_that_cannot_be_read_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_begun_says_so, setup, teardown),
        cmocka_unit_test(test_memory_that_is_out_fails_the_read_and_nothing_else),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
