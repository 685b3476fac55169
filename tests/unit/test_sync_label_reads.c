/* What a pass over the labels of a namespace reads and asks of the API server. */
#include "sync_label_reads.h"

static void test_owners_are_read_from_the_namespace(void **state)
{
    struct bench *b = *state;
    struct label_read *read;

    ask(b, POD_SECURITY_OWNERS);
    assert_int_equal(fake_get(&b->net, 0)->request.method, HTTP_GET);
    assert_false(label_reads_can_go_on(b->reads));
    assert_null(label_reads_next(b->reads));
    answer(b, NAMESPACE, 200, live("u-1"));
    read = result(b);
    assert_int_equal(read->err.code, ERR_NONE);
    assert_string_equal(read->key, "labels/shop");
    assert_string_equal(read->known.owners_rv, "7");
    assert_int_equal(read->known.ours, 1u << PSA_LEVEL_LABEL(PSA_WARN));
    assert_null(read->known.gate_rv);
    label_read_free(read);
}

static void test_another_namespace_of_the_name_and_a_newer_one_are_told(void **state)
{
    struct bench *b = *state;
    struct label_read *read;

    ask(b, POD_SECURITY_OWNERS);
    answer(b, NAMESPACE, 200, live("u-2"));
    read = result(b);
    assert_int_equal(read->err.code, ERR_NOT_FOUND);
    assert_contains(read->err.msg, "get of namespace shop: it is gone");
    label_read_free(read);
    ask(b, POD_SECURITY_OWNERS);
    answer(b, NAMESPACE, 200, live_at("u-1", "8")); /* the watch has not told of it yet */
    read = result(b);
    assert_int_equal(read->err.code, ERR_CONFLICT);
    assert_null(read->known.owners_rv);
    label_read_free(read);
    ask(b, POD_SECURITY_OWNERS);
    answer(b, NAMESPACE, 200, "{}");
    read = result(b);
    assert_int_equal(read->err.code, ERR_INVALID);
    label_read_free(read);
}

static void test_a_dry_run_brings_the_warnings(void **state)
{
    static const struct {
        const char *header, *says;
    } rows[] = {
        {NULL, ""},
        {"299 - \"existing pods violate\"\n299 - \"web: privileged\"",
         "existing pods violate; web: privileged"},
        {"299 - \"\"", "(without words)"},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct label_read *read;

        ask(b, POD_SECURITY_GATE);
        assert_int_equal(fake_get(&b->net, b->net.count - 1)->request.method, HTTP_PATCH);
        assert_string_equal(fake_get(&b->net, b->net.count - 1)->request.body, patch.body);
        assert_string_equal(fake_get(&b->net, b->net.count - 1)->request.content_type,
                            "application/merge-patch+json");
        b->net.warnings = rows[i].header;
        answer(b, DRY_RUN, 200, "{}");
        read = result(b);
        assert_int_equal(read->err.code, ERR_NONE);
        assert_string_equal(read->known.gate_rv, "7");
        assert_string_equal(read->known.warning, rows[i].says);
        label_read_free(read);
    }
}

static void test_what_was_read_before_is_kept_beside_the_next(void **state)
{
    struct bench *b = *state;
    struct label_read *read;

    ask(b, POD_SECURITY_OWNERS);
    answer(b, NAMESPACE, 200, live("u-1"));
    assert_int_equal(ask_with(b, result(b), POD_SECURITY_GATE, NULL), 0);
    b->net.warnings = "299 - \"x\"";
    answer(b, DRY_RUN, 200, "{}");
    assert_int_equal(ask_with(b, result(b), POD_SECURITY_GATE, NULL), 0); /* once more */
    b->net.warnings = NULL;
    answer(b, DRY_RUN, 200, "{}");
    read = result(b);
    assert_string_equal(read->known.owners_rv, "7");
    assert_string_equal(read->known.warning, "");
    label_read_free(read);
}

static void test_pods_then_jobs_are_listed_page_by_page(void **state)
{
    struct bench *b = *state;
    struct label_read *read;

    ask(b, POD_SECURITY_VIOLATORS);
    assert_true(fake_get(&b->net, 0)->request.is_stream);
    answer(b, PODS, 200, page("Pod", "a", "more"));
    answer(b, PODS "&continue=more", 200, page("Pod", "b", ""));
    answer(b, JOBS, 200, page("Job", "c", ""));
    read = result(b);
    assert_int_equal(read->err.code, ERR_NONE);
    assert_non_null(read->known.violators);
    assert_string_equal(b->taken, "Pod:a Pod:b Job:c ");
    label_read_free(read);
}

static void test_a_whole_page_counts_although_its_connection_breaks(void **state)
{
    struct bench *b = *state;
    struct label_read *read;

    ask(b, POD_SECURITY_VIOLATORS);
    (void)fake_text(&b->net, FAKE_LAST, page("Pod", "a", ""));
    fake_fail(&b->net, FAKE_LAST, ERR_UNAVAILABLE, "reset");
    answer(b, JOBS, 200, page("Job", "b", ""));
    read = result(b);
    assert_int_equal(read->err.code, ERR_NONE);
    label_read_free(read);
}

static void test_so_many_at_once_and_the_others_wait(void **state)
{
    struct bench *b = *state;
    size_t done = 0;

    for (unsigned i = 0; i < LABEL_READS_IN_FLIGHT_MAX + 3; i++)
        ask(b, POD_SECURITY_GATE);
    assert_int_equal(fake_running(&b->net), LABEL_READS_IN_FLIGHT_MAX);
    assert_false(label_reads_can_go_on(b->reads));
    while (fake_running(&b->net) > 0) {
        for (size_t i = 0; i < b->net.count; i++) {
            if (b->net.exchanges[i].state == FAKE_RUNNING)
                fake_answer(&b->net, i, 200, NULL, "{}");
        }
        assert_true(label_reads_can_go_on(b->reads));
        label_reads_step(b->reads);
        assert_true(fake_running(&b->net) <= LABEL_READS_IN_FLIGHT_MAX);
        for (struct label_read *read; (read = label_reads_next(b->reads)); done++)
            label_read_free(read);
    }
    assert_int_equal(done, LABEL_READS_IN_FLIGHT_MAX + 3);
}

static void test_stopping_cancels_and_starts_nothing(void **state)
{
    struct bench *b = *state;
    struct label_read *read;

    ask(b, POD_SECURITY_GATE);
    ask(b, POD_SECURITY_VIOLATORS);
    label_reads_stop(b->reads);
    assert_false(label_reads_are_stopped(b->reads));
    assert_int_equal(fake_settle(&b->net), 2);
    assert_true(label_reads_are_stopped(b->reads));
    read = result(b);
    assert_int_equal(read->err.code, ERR_CANCELED);
    label_read_free(read);
    ask(b, POD_SECURITY_GATE);
    assert_int_equal(fake_running(&b->net), 0); /* it waits, and goes with all the rest */
}

static void test_bytes_that_come_after_the_stop_are_not_read(void **state)
{
    struct bench *b = *state;

    ask(b, POD_SECURITY_VIOLATORS);
    label_reads_stop(b->reads);
    b->net.exchanges[0].state = FAKE_RUNNING; /* they were on their way */
    assert_false(fake_text(&b->net, 0, page("Pod", "a", "")));
    assert_string_equal(b->taken, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_owners_are_read_from_the_namespace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_namespace_of_the_name_and_a_newer_one_are_told,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_dry_run_brings_the_warnings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_read_before_is_kept_beside_the_next, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pods_then_jobs_are_listed_page_by_page, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_whole_page_counts_although_its_connection_breaks,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_so_many_at_once_and_the_others_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopping_cancels_and_starts_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_that_come_after_the_stop_are_not_read, setup,
                                        teardown),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
