/* Passes over the labels of namespaces: what is read for them, what becomes of their plans, and
 * when they come back. */
#include "support/sweep.h"
#include "sync_manager.h"

#define NS_PATH "/api/v1/namespaces/shop"

/* What the steps do; the test changes it at will. */
static struct {
    bool asks_owners, asks_gate, asks_pods; /* before anything else, in this order */
    bool writes;                            /* then ... */
    const char *writes_at; /* ... while the namespace has this resourceVersion; NULL: any */
    bool waits;
    bool is_nobodys;
    const char *says;
    unsigned steps_fail;
} labels;

static int labels_step(const struct view *v, const char *ns, const struct pod_security_known *known,
                       struct plan *plan, struct pod_security_step *ret_step, struct err *err)
{
    const struct object *object = view_get(v, KIND_NAMESPACE, "", ns);
    const struct finding finding = {.reason = REASON_LABEL_WAITS,
                                    .is_warning = true,
                                    .object = {KIND_NAMESPACE, "", ns, ""},
                                    .rule = "pod-security-admission",
                                    .message = labels.says,
                                    .profile = "restricted"};
    const struct finding removed = {.reason = REASON_LABEL_REMOVED,
                                    .object = {KIND_NAMESPACE, "", ns, ""},
                                    .rule = "pod-security-admission",
                                    .message = "was put back",
                                    .profile = "restricted"};

    trace_pass("labels", api_text("%s%s%s%s", ns, known->owners_rv ? "+owners" : "",
                                  known->gate_rv ? api_text("+gate[%s]", known->warning) : "",
                                  known->violators ? "+pods" : ""));
    *ret_step = (struct pod_security_step){.want = POD_SECURITY_NOTHING};
    if (script_fails(&labels.steps_fail, err) < 0)
        return -1;
    if (!object)
        return 0;
    if (!labels.is_nobodys) {
        plan->profile = "restricted";
        plan->mode = MODE_ENFORCE;
        plan->state = labels.writes || labels.says ? VERDICT_DRIFTED : VERDICT_COMPLIANT;
    }
    if (labels.asks_owners && !known->owners_rv) {
        ret_step->want = POD_SECURITY_OWNERS;
        return 0;
    }
    if (labels.asks_pods && !known->violators) {
        ret_step->want = POD_SECURITY_VIOLATORS;
        return 0;
    }
    if ((labels.writes || labels.asks_gate) &&
        (!labels.writes_at || strcmp(labels.writes_at, object->rv) == 0)) {
        const struct write write = {.verb = WRITE_PATCH,
                                    .phase = PHASE_WORKLOAD,
                                    .object = {KIND_NAMESPACE, "", ns, object->uid},
                                    .rv = object->rv,
                                    .body = "{\"labels\":1}",
                                    .summary = "label Namespace shop",
                                    .after = &removed};

        if (!plan_add_write(plan, &write))
            return plan_check(plan, err);
        ret_step->want =
            labels.asks_gate && !known->gate_rv ? POD_SECURITY_GATE : POD_SECURITY_WRITE;
        if (ret_step->want == POD_SECURITY_WRITE && !labels.writes) {
            plan->writes_count = 0;
            ret_step->want = POD_SECURITY_NOTHING;
        }
    }
    ret_step->waits = labels.waits;
    if (labels.says && !plan_add_finding(plan, &finding))
        return plan_check(plan, err);
    return 0;
}

static int labels_begin(const struct view *v, const char *ns, struct arena *a, void **ret_build,
                        struct err *err)
{
    (void)v;
    (void)ns;
    *ret_build = arena_alloc(a, 1);
    return *ret_build ? 0 : err_nomem(err);
}

static int labels_take(const struct view *v, void *build, const struct object *object,
                       struct err *err)
{
    (void)v;
    (void)build;
    (void)err;
    trace_pass("take", object->name);
    return 0;
}

static const struct pod_security_ops labels_ops = {.step = labels_step,
                                                   .begin = labels_begin,
                                                   .take = labels_take};

static void labels_map(const struct view *v, const struct object *before,
                       const struct object *after, const struct dirty *dirty)
{
    const struct object *any = after ? after : before;

    if (any->kind == KIND_NAMESPACE)
        dirty->mark_pod_security(dirty->ctx, any->name);
    else if (any->kind == KIND_PROFILE)
        dirty->mark_pod_security(dirty->ctx, NULL);
    script_map(v, before, after, dirty);
}

static struct reconciler_ops ops;

static int labels_setup(void **state)
{
    struct bench *b = bench_new();

    memset(&labels, 0, sizeof(labels));
    ops = script_ops;
    ops.map = labels_map;
    ops.pod_security = &labels_ops;
    b->ops = &ops;
    b->labels = true;
    assert_int_equal(bench_start(b, 0, NULL), 0);
    *state = b;
    return 0;
}

/* "shop" and its profile are there, and all is quiet; from then on the test answers. */
static void begin_labels(struct bench *b)
{
    (void)put(b, KIND_NAMESPACE, "", "shop");
    begin(b);
    forget_trace(b);
    b->holds_writes = true;
    b->holds_reads = true;
}

static void look(struct bench *b)
{
    forget_trace(b);
    (void)put(b, KIND_NAMESPACE, "", "shop");
    run(b, 0);
}

/* Only of labels. */
static void assert_trace(const struct bench *b, const char *want)
{
    char got[1024] = "";

    for (const char *at = b->trace; *at; at += strcspn(at, " ") + 1) {
        size_t len = strcspn(at, " ");

        if (strncmp(at, "labels/", 7) == 0 || strncmp(at, "take/", 5) == 0)
            (void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s ", (int)len, at);
    }
    assert_string_equal(got, want);
}

static void answer(struct bench *b, const char *part, int status, const char *body)
{
    fake_answer(&b->net, waiting_write(b, part), status, NULL, body);
    run(b, 0);
}

static const char *shop_json(struct bench *b)
{
    return thing_json(thing_find(b, KIND_NAMESPACE, "", "shop"));
}

static void test_every_namespace_is_looked_at_once_all_is_known(void **state)
{
    struct bench *b = *state;

    (void)put(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_NAMESPACE, "", "web");
    begin(b);
    assert_int_equal(passes(b, "labels/shop"), 1);
    assert_int_equal(passes(b, "labels/web"), 1);
    forget_trace(b);
    (void)put(b, KIND_PROFILE, "", "restricted"); /* a change marks them all */
    run(b, SECOND_MS);
    assert_int_equal(passes(b, "labels/shop"), 1);
    assert_int_equal(passes(b, "labels/web"), 1);
}

static void test_without_a_profile_that_asks_for_labels_there_is_no_pass(void **state)
{
    struct bench *b = *state;

    b->labels = false;
    begin_labels(b);
    look(b);
    assert_trace(b, "");
    b->labels = true;
    (void)put(b, KIND_PROFILE, "", "restricted");
    run(b, 0);
    assert_trace(b, "labels/shop ");
    look(b);
    b->labels = false; /* what was said is taken back */
    labels.is_nobodys = true;
    (void)put(b, KIND_PROFILE, "", "restricted");
    run(b, 0);
    assert_trace(b, "labels/shop labels/shop ");
    look(b);
    assert_trace(b, "");
}

static void test_what_a_step_asks_for_is_read_and_it_is_asked_again(void **state)
{
    struct bench *b = *state;

    begin_labels(b);
    labels.asks_owners = labels.asks_gate = labels.asks_pods = labels.writes = true;
    look(b);
    answer(b, NS_PATH, 200, shop_json(b));
    answer(b, "/namespaces/shop/pods?limit", 200,
           "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}");
    answer(b, "/namespaces/shop/jobs?limit", 200,
           "{\"kind\":\"JobList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}");
    b->net.warnings = "299 - \"no\"";
    answer(b, "dryRun=All", 200, "{}");
    assert_trace(b, "labels/shop labels/shop+owners labels/shop+owners+pods "
                    "labels/shop+owners+gate[no]+pods ");
    labels.writes = labels.asks_owners = labels.asks_gate = labels.asks_pods = false;
    (void)put(b, KIND_NAMESPACE, "", "shop"); /* meanwhile; the answer is as new */
    answer(b, NS_PATH "?fieldManager=rampart", 200, shop_json(b));
    assert_int_equal(events(b, "was put back"), 1);
    forget_trace(b);
    run(b, MINUTE_MS);
    assert_trace(b, "");
}

static void test_after_a_write_it_is_looked_at_once_more(void **state)
{
    struct bench *b = *state;

    begin_labels(b);
    labels.writes = true;
    look(b);
    labels.writes = false;
    answer(b, NS_PATH "?fieldManager=rampart", 200, shop_json(b));
    assert_trace(b, "labels/shop labels/shop ");
}

static void test_what_waits_for_pods_comes_back_ever_later(void **state)
{
    struct bench *b = *state;
    size_t soon;

    begin_labels(b);
    labels.waits = true;
    labels.says = "it waits";
    look(b);
    assert_int_equal(events(b, "it waits"), 1);
    forget_trace(b);
    run(b, MINUTE_MS);
    soon = passes(b, "labels/shop");
    assert_in_range(soon, 5, 12);
    forget_trace(b);
    run(b, 60 * MINUTE_MS);
    assert_in_range(passes(b, "labels/shop"), 3, 20);
    assert_int_equal(events(b, "it waits"), 1); /* what was said is not said again */
    labels.waits = false;
    labels.says = NULL;
    look(b);
    forget_trace(b);
    run(b, 60 * MINUTE_MS);
    assert_in_range(passes(b, "labels/shop"), 0, 1); /* the one that had been due */
}

static void test_a_step_that_fails_is_tried_again(void **state)
{
    struct bench *b = *state;

    begin_labels(b);
    labels.steps_fail = 2;
    look(b);
    run(b, SECOND_MS);
    assert_int_equal(passes(b, "labels/shop"), 3);
}

static void test_a_right_that_is_missing_is_said_with_the_profile(void **state)
{
    struct bench *b = *state;

    begin_labels(b);
    labels.asks_gate = true;
    look(b);
    refuse(b, "dryRun=All", 403, "Forbidden", "no");
    run(b, 0);
    assert_int_equal(events(b, "grant the verb"), 1);
    assert_contains(last_event(b), "\"reason\":\"Forbidden\"");
    run(b, SECOND_MS);
    refuse(b, "dryRun=All", 403, "Forbidden", "no");
    run(b, 0);
    assert_int_equal(events(b, "grant the verb"), 1);
    assert_int_equal(logged(b, "pass failed"), 2); /* once as a warning */
}

static void test_what_may_pass_is_said_after_many_tries(void **state)
{
    static const struct {
        int status;
        const char *reason;
        bool is_said;
    } rows[] = {
        {409, "Conflict", true},
        {503, "ServiceUnavailable", true},
        {404, "NotFound", false},
    };
    struct bench *b = *state;

    begin_labels(b);
    labels.asks_gate = true;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t said = events(b, "dry run");

        look(b);
        for (unsigned k = 0; k < 9; k++) {
            refuse(b, "dryRun=All", rows[i].status, rows[i].reason, "later");
            assert_int_equal(events(b, "dry run"), said);
            run(b, 10 * MINUTE_MS);
        }
        refuse(b, "dryRun=All", rows[i].status, rows[i].reason, "later");
        run(b, 0);
        assert_int_equal(events(b, "dry run"), said + rows[i].is_said);
        run(b, 30 * MINUTE_MS);
        answer(b, "dryRun=All", 200, "{}"); /* and it is forgotten */
    }
}

static void test_what_nobody_decides_fails_in_nobodys_name(void **state)
{
    struct bench *b = *state;

    begin_labels(b);
    labels.asks_owners = true;
    labels.is_nobodys = true;
    look(b);
    refuse(b, NS_PATH, 403, "Forbidden", "no");
    run(b, 0);
    assert_int_equal(events(b, "get of namespace shop"), 1);
    assert_null(strstr(last_event(b), "\"related\""));
}

static void test_a_write_that_is_refused_is_said_and_tried_again(void **state)
{
    struct bench *b = *state;

    begin_labels(b);
    labels.writes = true;
    look(b);
    refuse(b, NS_PATH "?fieldManager=rampart", 422, "Invalid", "no such level");
    run(b, 0);
    assert_int_equal(events(b, "no such level"), 1);
    run(b, SECOND_MS);
    labels.writes = false;
    answer(b, NS_PATH "?fieldManager=rampart", 200, shop_json(b));
    assert_int_equal(logged(b, "writes succeed again"), 1);
}

static void test_a_namespace_that_is_made_anew_has_nothing_said_of_it(void **state)
{
    struct bench *b = *state;

    begin_labels(b);
    labels.says = "it waits";
    look(b);
    b->is_paused[KIND_NAMESPACE] = true;
    take_away(b, KIND_NAMESPACE, "", "shop");
    (void)put(b, KIND_NAMESPACE, "", "shop");
    b->is_paused[KIND_NAMESPACE] = false;
    tell(b, "MODIFIED", thing_find(b, KIND_NAMESPACE, "", "shop"));
    run(b, SECOND_MS);
    assert_int_equal(events(b, "it waits"), 2);
}

static void test_it_stops_while_something_is_read(void **state)
{
    struct bench *b = *state;

    begin_labels(b);
    labels.asks_gate = true;
    look(b);
    (void)waiting_write(b, "dryRun=All");
    manager_stop(b->manager, b->net.now_ms);
    (void)step(b);
    assert_false(manager_is_stopped(b->manager));
    (void)fake_settle(&b->net);
    for (size_t i = 0; i < b->net.count; i++) {
        if (b->net.exchanges[i].state == FAKE_RUNNING)
            fake_fail(&b->net, i, ERR_CANCELED, "stopping");
    }
    (void)step(b);
    assert_true(manager_is_stopped(b->manager));
}

static void test_a_manager_that_labels_nothing_does_without(void **state)
{
    struct bench *b = *state;

    bench_stop(b);
    ops.pod_security = NULL;
    assert_int_equal(bench_start(b, 0, NULL), 0);
    begin_labels(b);
    look(b);
    assert_trace(b, "");
}

/* From nothing to a label that stands, through all that can be asked; then it waits for pods. */
static int live(void *ctx, struct err *err)
{
    struct bench *b = bench_new();
    char rv[16];
    int result = -1;

    (void)ctx;
    memset(&labels, 0, sizeof(labels));
    ops = script_ops;
    ops.map = labels_map;
    ops.pod_security = &labels_ops;
    b->ops = &ops;
    b->labels = true;
    b->net.warnings = "299 - \"no\"";
    labels.asks_owners = labels.asks_gate = labels.asks_pods = labels.writes = labels.waits = true;
    labels.writes_at = rv;
    labels.says = "it waits";
    (void)put(b, KIND_POD, "shop", "web-0");
    (void)snprintf(rv, sizeof(rv), "%u", put(b, KIND_NAMESPACE, "", "shop")->rv);
    (void)put(b, KIND_PROFILE, "", "restricted");
    if (bench_start(b, 0, err) == 0) {
        run(b, 200 * SECOND_MS); /* longer than any back-off */
        assert_int_not_equal(thing_find(b, KIND_NAMESPACE, "", "shop")->rv, strtoul(rv, NULL, 10));
        manager_stop(b->manager, b->net.now_ms);
        run(b, SECOND_MS);
        assert_true(manager_is_stopped(b->manager));
        result = 0;
    }
    bench_free(b);
    return result;
}

static void test_labels_come_whichever_allocation_fails(void **state)
{
    (void)state;
    assert_true(sweep_tolerant(live, NULL) > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_namespace_is_looked_at_once_all_is_known,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_without_a_profile_that_asks_for_labels_there_is_no_pass, labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_step_asks_for_is_read_and_it_is_asked_again,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_after_a_write_it_is_looked_at_once_more, labels_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_waits_for_pods_comes_back_ever_later,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_step_that_fails_is_tried_again, labels_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_right_that_is_missing_is_said_with_the_profile,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_may_pass_is_said_after_many_tries, labels_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_nobody_decides_fails_in_nobodys_name,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_write_that_is_refused_is_said_and_tried_again,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_namespace_that_is_made_anew_has_nothing_said_of_it,
                                        labels_setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_stops_while_something_is_read, labels_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_manager_that_labels_nothing_does_without,
                                        labels_setup, teardown),
        cmocka_unit_test(test_labels_come_whichever_allocation_fails),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
