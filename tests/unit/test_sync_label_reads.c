/* What a pass over the labels of a namespace reads and asks of the API server. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/workload.h"
#include "rampart/sync/label_reads.h"
#include "support/api_text.h"
#include "support/fake_transport.h"
#include "support/sweep.h"
#include "support/text.h"

#define NAMESPACE "/api/v1/namespaces/shop"
#define DRY_RUN NAMESPACE "?fieldManager=rampart&dryRun=All"
#define PODS NAMESPACE "/pods?limit=250"
#define JOBS "/apis/batch/v1/namespaces/shop/jobs?limit=250"

struct bench {
    struct fake_transport net;
    struct label_reads *reads;
    struct view view;
    char taken[256]; /* "Pod:a Job:b " */
    bool begin_fails, take_fails;
};

static struct bench *the_bench; /* operations have no context */

static const struct object shop = {
    .kind = KIND_NAMESPACE, .ns = "", .name = "shop", .uid = "u-1", .rv = "7"};
static const struct write patch = {.verb = WRITE_PATCH, .body = "{\"metadata\":{}}"};

static int op_begin(const struct view *v, const char *ns, struct arena *a, void **ret_build,
                    struct err *err)
{
    assert_ptr_equal(v, &the_bench->view);
    assert_string_equal(ns, "shop");
    if (the_bench->begin_fails)
        return err_nomem(err);
    *ret_build = arena_alloc(a, 1);
    return *ret_build ? 0 : err_nomem(err);
}

static int op_take(const struct view *v, void *build, const struct object *object, struct err *err)
{
    size_t len = strlen(the_bench->taken);

    (void)v;
    assert_non_null(build);
    (void)snprintf(the_bench->taken + len, sizeof(the_bench->taken) - len, "%s:%s ",
                   resource_of(object->kind)->name, object->name);
    return the_bench->take_fails ? err_nomem(err) : 0;
}

static const struct pod_security_ops ops = {.begin = op_begin, .take = op_take};

static int bench_new(struct bench *b, struct err *err)
{
    const struct label_reads_options options = {.transport = &b->net.transport,
                                                .ops = &ops,
                                                .view = &b->view};

    memset(b, 0, sizeof(*b));
    the_bench = b;
    fake_init(&b->net);
    b->reads = label_reads_new(&options, err);
    return b->reads ? 0 : -1;
}

static void bench_free(struct bench *b)
{
    if (b->reads)
        label_reads_stop(b->reads);
    (void)fake_settle(&b->net);
    for (size_t i = 0; i < b->net.count; i++) {
        if (b->net.exchanges[i].state == FAKE_RUNNING)
            fake_fail(&b->net, i, ERR_CANCELED, "stopping");
    }
    assert_true(!b->reads || label_reads_are_stopped(b->reads));
    label_reads_free(b->reads);
    fake_done(&b->net);
}

static int setup(void **state)
{
    static struct bench b;

    assert_int_equal(bench_new(&b, NULL), 0);
    *state = &b;
    return 0;
}

static int teardown(void **state)
{
    bench_free(*state);
    return 0;
}

static int ask_with(struct bench *b, struct label_read *read, enum pod_security_want want,
                    struct err *err)
{
    if (!read)
        read = label_read_new(b->reads, "labels/shop", err);
    if (!read || label_reads_ask(b->reads, read, want, &shop,
                                 want == POD_SECURITY_GATE ? &patch : NULL, err) < 0)
        return -1;
    label_reads_step(b->reads);
    return 0;
}

static void ask(struct bench *b, enum pod_security_want want)
{
    assert_int_equal(ask_with(b, NULL, want, NULL), 0);
}

/* The last request, which is for @path. */
static void answer(struct bench *b, const char *path, int status, const char *body)
{
    assert_string_equal(fake_path(&b->net, b->net.count - 1), path);
    fake_answer(&b->net, FAKE_LAST, status, NULL, body);
}

static struct label_read *result(struct bench *b)
{
    struct label_read *read;

    assert_true(label_reads_can_go_on(b->reads));
    read = label_reads_next(b->reads);
    assert_non_null(read);
    return read;
}

static const char *live_at(const char *uid, const char *rv)
{
    return api_text("{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\",\"uid\":\"%s\","
                    "\"resourceVersion\":\"%s\",\"labels\":{\"pod-security.kubernetes.io/warn\":"
                    "\"baseline\"},\"managedFields\":[{\"manager\":\"rampart\",\"operation\":"
                    "\"Update\",\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{"
                    "\"f:pod-security.kubernetes.io/warn\":{}}}}}]}}",
                    uid, rv);
}

static const char *live(const char *uid)
{
    return live_at(uid, shop.rv);
}

static const char *page(const char *kind, const char *name, const char *token)
{
    return api_text("{\"kind\":\"%sList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
                    "\"9\",\"continue\":\"%s\"},\"items\":[{\"metadata\":{\"name\":\"%s\","
                    "\"namespace\":\"shop\",\"uid\":\"u\",\"resourceVersion\":\"1\"},\"spec\":{}}]"
                    "}",
                    kind, token, name);
}

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
        cmocka_unit_test_setup_teardown(test_owners_are_read_from_the_namespace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_redirect_is_no_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_namespace_of_the_name_and_a_newer_one_are_told,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_dry_run_brings_the_warnings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_read_before_is_kept_beside_the_next, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pods_then_jobs_are_listed_page_by_page, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_fails_says_what_and_why, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_right_in_another_group_is_named_with_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_no_answer_and_half_an_answer_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_whole_page_counts_although_its_connection_breaks,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_list_that_cannot_be_read_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_begun_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(test_so_many_at_once_and_the_others_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopping_cancels_and_starts_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_that_come_after_the_stop_are_not_read, setup,
                                        teardown),
        cmocka_unit_test(test_memory_that_is_out_fails_the_read_and_nothing_else),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
