/* Events: what is sent, and how equal findings become one series. */
#include "sync_recorder.h"

static void test_recorder_posts_an_event_into_the_objects_namespace(void **state)
{
    struct fixture *f = *state;
    char expected[1024];

    add(f, &edited, &policy);
    assert_int_equal(f->fake.count, 1);
    assert_int_equal(request(f, 0)->method, HTTP_POST);
    assert_string_equal(request(f, 0)->path, EVENTS_PATH);
    assert_string_equal(request(f, 0)->content_type, "application/json");
    assert_true(request(f, 0)->timeout_ms > 0);
    (void)snprintf(expected, sizeof(expected),
                   "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{"
                   "\"name\":\"%s\",\"namespace\":\"shop\"},"
                   "\"eventTime\":\"2026-11-23T23:17:00.000000Z\",\"type\":\"Normal\","
                   "\"reason\":\"PolicyEdited\",\"action\":\"Reconcile\",\"note\":\"was edited\","
                   "\"regarding\":{\"apiVersion\":\"networking.k8s.io/v1\","
                   "\"kind\":\"NetworkPolicy\",\"name\":\"rampart-deny\",\"namespace\":\"shop\","
                   "\"uid\":\"u-1\"},\"reportingController\":\"rampart.dev/rampart\","
                   "\"reportingInstance\":\"rampart-0\"}",
                   posted_name(f, 0));
    assert_string_equal(request(f, 0)->body, expected);
    assert_int_equal(request(f, 0)->body_len, strlen(expected));
    answer(f, 0, 201);
    assert_int_equal(stats(f).sent, 1);
    assert_int_equal(recorder_pending(f->recorder), 0);
}

static void
test_recorder_stores_events_about_a_namespace_in_it_and_about_a_profile_in_default(void **state)
{
    static const struct object_ref shop = {KIND_NAMESPACE, "", "shop", "u-3"};
    static const struct object_ref profile = {KIND_PROFILE, "", "restricted", "u-2"};
    struct fixture *f = *state;

    add(f, &edited, &shop);
    add(f, &edited, &profile);
    assert_string_equal(request(f, 0)->path, EVENTS_PATH);
    assert_string_equal(request(f, 1)->path, "/apis/events.k8s.io/v1/namespaces/default/events");
    answer_all(f, 201);
}

static void test_recorder_says_what_the_event_is_related_to(void **state)
{
    static const struct object_ref profile = {KIND_PROFILE, "", "restricted", "u-2"};
    struct fixture *f = *state;

    recorder_add(f->recorder, &edited, "Reconcile", &policy, &profile, 0, WALL_MS);
    step(f);
    assert_contains(request(f, 0)->body, "\"related\":{\"apiVersion\":\"rampart.dev/v1alpha1\","
                                         "\"kind\":\"SecurityProfile\",\"name\":\"restricted\"");
    answer_all(f, 201);
}

static void test_recorder_copies_what_it_is_given(void **state)
{
    struct fixture *f = *state;
    char ns[] = "shop", name[] = "rampart-deny", uid[] = "u-1", message[] = "was edited";
    char action[] = "Reconcile";
    struct object_ref ref = {KIND_NETWORK_POLICY, ns, name, uid};
    struct finding finding = {.reason = REASON_POLICY_EDITED, .message = message};

    recorder_add(f->recorder, &finding, action, &ref, &ref, 0, WALL_MS);
    ns[0] = name[0] = uid[0] = message[0] = action[0] = 'X';
    step(f);
    assert_string_equal(request(f, 0)->path, EVENTS_PATH);
    assert_null(strchr(request(f, 0)->body, 'X'));
    answer_all(f, 201);
}

static void test_recorder_tells_the_second_equal_finding_at_once_by_a_merge_patch(void **state)
{
    struct fixture *f = *state;
    char path[512];

    add(f, &edited, &policy);
    answer(f, 0, 201);
    advance(f, 10 * SECOND_MS);
    add(f, &edited, &policy);
    assert_int_equal(f->fake.count, 2);
    (void)snprintf(path, sizeof(path), EVENTS_PATH "/%s", posted_name(f, 0));
    assert_string_equal(request(f, 1)->path, path);
    assert_int_equal(request(f, 1)->method, HTTP_PATCH);
    assert_string_equal(request(f, 1)->content_type, "application/merge-patch+json");
    assert_string_equal(
        request(f, 1)->body,
        "{\"series\":{\"count\":2,\"lastObservedTime\":\"2026-11-23T23:17:10.000000Z\"}}");
    answer(f, 1, 200);
    assert_int_equal(stats(f).sent, 2);
}

static void test_recorder_tells_later_findings_once_a_minute_and_the_last_one_too(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    answer(f, 0, 201);
    add(f, &edited, &policy);
    answer(f, 1, 200);
    for (unsigned i = 0; i < 5; i++) {
        advance(f, 10 * SECOND_MS);
        add(f, &edited, &policy);
    }
    assert_int_equal(f->fake.count, 2);
    assert_int_equal(recorder_deadline(f->recorder), MINUTE_MS);
    advance(f, 10 * SECOND_MS - 1);
    assert_int_equal(f->fake.count, 2);
    advance(f, 1);
    assert_int_equal(f->fake.count, 3);
    assert_count(f, 2, 7);
    assert_contains(request(f, 2)->body, "23:17:50.000000Z"); /* when it was seen, not sent */
    answer(f, 2, 200);
    advance(f, 2 * MINUTE_MS);
    assert_int_equal(f->fake.count, 3);
}

static void test_recorder_tells_a_finding_at_once_when_the_last_update_is_a_minute_old(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    answer(f, 0, 201);
    add(f, &edited, &policy);
    answer(f, 1, 200);
    advance(f, MINUTE_MS);
    add(f, &edited, &policy);
    assert_int_equal(f->fake.count, 3);
    assert_count(f, 2, 3);
    answer(f, 2, 200);
}

static void test_recorder_counts_findings_that_come_while_the_event_is_on_its_way(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 4; i++)
        add(f, &edited, &policy);
    assert_int_equal(f->fake.count, 1);
    answer(f, 0, 201);
    assert_int_equal(f->fake.count, 2);
    assert_count(f, 1, 4);
    add(f, &edited, &policy); /* while the patch is on its way */
    answer(f, 1, 200);
    assert_int_equal(f->fake.count, 2);
    advance(f, MINUTE_MS);
    assert_count(f, 2, 5);
    answer(f, 2, 200);
}

static void test_recorder_ends_a_series_after_six_quiet_minutes(void **state)
{
    struct fixture *f = *state;
    char first[300];

    add(f, &edited, &policy);
    (void)snprintf(first, sizeof(first), "%s", posted_name(f, 0));
    answer(f, 0, 201);
    assert_int_equal(recorder_deadline(f->recorder), RECORDER_SERIES_IDLE_MS);
    f->fake.now_ms = RECORDER_SERIES_IDLE_MS - 1;
    add(f, &edited, &policy);
    assert_count(f, 1, 2);
    answer(f, 1, 200);
    f->fake.now_ms += RECORDER_SERIES_IDLE_MS; /* the finding comes before the step that ends it */
    add(f, &edited, &policy);
    assert_int_equal(f->fake.count, 3);
    assert_string_not_equal(posted_name(f, 2), first);
    answer(f, 2, 201);
    advance(f, RECORDER_SERIES_IDLE_MS);
    assert_int_equal(recorder_deadline(f->recorder), UINT64_MAX);
}

/* Else namespaces that come and go would leave theirs behind, thousands of them. */
static void test_recorder_ends_the_series_of_what_was_in_a_namespace_with_it(void **state)
{
    static const struct object_ref elsewhere = {KIND_NETWORK_POLICY, "bank", "rampart-deny", "u-4"};
    static const struct object_ref shop = {KIND_NAMESPACE, "", "shop", "u-3"};
    static const struct object_ref profile = {KIND_PROFILE, "", "restricted", "u-2"};
    struct fixture *f = *state;

    add(f, &edited, &policy);
    add(f, &edited, &shop);
    recorder_add(f->recorder, &edited, "Reconcile", &profile, &shop, 0, WALL_MS);
    step(f);
    answer_all(f, 201);
    recorder_forget_namespace(f->recorder, "shop");
    assert_int_equal(recorder_deadline(f->recorder), UINT64_MAX);

    add(f, &edited, &elsewhere);
    answer_all(f, 201);
    recorder_forget_namespace(f->recorder, "shop");
    assert_int_equal(recorder_deadline(f->recorder), RECORDER_SERIES_IDLE_MS);
}

/* A namespace goes before the answer is there: the series is not freed under the exchange. */
static void test_recorder_keeps_what_is_on_its_way_when_a_namespace_goes(void **state)
{
    struct fixture *f = *state;

    add(f, &edited, &policy);
    recorder_forget_namespace(f->recorder, "shop");
    answer(f, 0, 201);
    assert_int_equal(stats(f).sent, 1);
}

static void test_recorder_makes_one_series_of_what_is_equal_and_no_more(void **state)
{
    static const struct finding other_reason = {.reason = REASON_POLICY_DELETED,
                                                .message = "was edited"};
    static const struct finding other_note = {.reason = REASON_POLICY_EDITED, .message = "moved"};
    static const struct finding warning = {.reason = REASON_POLICY_EDITED,
                                           .message = "was edited",
                                           .is_warning = true};
    static const struct finding second_line = {.reason = REASON_POLICY_EDITED,
                                               .message = "was edited\nby somebody"};
    static const struct object_ref other_name = {KIND_NETWORK_POLICY, "shop", "other", "u-1"};
    static const struct object_ref other_ns = {KIND_NETWORK_POLICY, "bar", "rampart-deny", "u-1"};
    static const struct object_ref other_uid = {KIND_NETWORK_POLICY, "shop", "rampart-deny", "9"};
    static const struct object_ref other_kind = {KIND_SERVICE, "shop", "rampart-deny", "u-1"};
    static const struct {
        const struct finding *finding;
        const char *action;
        const struct object_ref *regarding;
        const struct object_ref *related;
        bool is_equal;
    } rows[] = {
        {&edited, "Reconcile", &policy, NULL, true},
        {&second_line, "Reconcile", &policy, NULL, true},
        {&other_reason, "Reconcile", &policy, NULL, false},
        {&other_note, "Reconcile", &policy, NULL, false},
        {&warning, "Reconcile", &policy, NULL, false},
        {&edited, "Audit", &policy, NULL, false},
        {&edited, "Reconcile", &other_name, NULL, false},
        {&edited, "Reconcile", &other_ns, NULL, false},
        {&edited, "Reconcile", &other_uid, NULL, false},
        {&edited, "Reconcile", &other_kind, NULL, false},
        {&edited, "Reconcile", &policy, &other_name, false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *fresh;
        struct fixture *f;

        (void)setup(&fresh);
        f = fresh;
        add(f, &edited, &policy);
        answer(f, 0, 201);
        recorder_add(f->recorder, rows[i].finding, rows[i].action, rows[i].regarding,
                     rows[i].related, 0, WALL_MS);
        step(f);
        if ((request(f, 1)->method == HTTP_PATCH) != rows[i].is_equal)
            fail_msg("row %zu: %s", i, request(f, 1)->body);
        answer_all(f, 200);
        (void)teardown(&fresh);
    }
    (void)state;
}

static void test_recorder_gives_each_event_a_valid_name_of_its_own(void **state)
{
    static const char hex[] = "0123456789abcdef";
    struct fixture *f = *state;
    char *long_name = text_repeat("a", NAME_LEN_MAX);
    char *dotted = text_repeat("abcdefghijkl.", 20);
    struct object_ref refs[] = {policy, policy, policy, policy};
    const char *const starts[] = {"rampart-deny.", "aaaaaaaa", "abcdefghijkl.", "rampart."};

    refs[1].name = long_name;
    dotted[235] = '.'; /* the last byte that fits */
    dotted[NAME_LEN_MAX] = '\0';
    refs[2].name = dotted;
    refs[3].name = "system:Node"; /* no DNS subdomain */
    for (size_t i = 0; i < COUNT_OF(refs); i++) {
        const char *name;
        size_t len;

        add(f, &edited, &refs[i]);
        name = posted_name(f, i);
        len = strlen(name);
        assert_true(len <= NAME_LEN_MAX);
        assert_int_equal(strncmp(name, starts[i], strlen(starts[i])), 0);
        assert_int_equal(strspn(name + len - 16, hex), 16);
        assert_int_equal(name[len - 17], '.');
        assert_true(name[len - 18] != '.' && name[len - 18] != '-');
    }
    answer_all(f, 201);
    free(long_name);
    free(dotted);
}

static void test_recorder_cuts_a_note_that_is_too_long_and_still_tells_that_it_was(void **state)
{
    struct fixture *f = *state;
    char *text = text_repeat("long ", 1000);
    struct finding finding = {.reason = REASON_POLICY_EDITED, .message = text};
    const char *note;

    add(f, &finding, &policy);
    note = strstr(request(f, 0)->body, "\"note\":\"");
    assert_non_null(note);
    note += strlen("\"note\":\"");
    assert_int_equal(strchr(note, '"') - note, EVENT_NOTE_MAX);
    assert_int_equal(strncmp(strchr(note, '"') - 3, "...", 3), 0);
    answer(f, 0, 201);
    add(f, &finding, &policy);
    assert_count(f, 1, 2);
    answer(f, 1, 200);
    free(text);
}

static void test_recorder_that_has_nothing_to_do_waits_for_nothing(void **state)
{
    struct fixture *f = *state;

    step(f);
    assert_int_equal(f->fake.count, 0);
    assert_int_equal(recorder_deadline(f->recorder), UINT64_MAX);
    assert_int_equal(recorder_pending(f->recorder), 0);
}

static void test_recorder_wants_to_run_at_once_when_something_waits(void **state)
{
    struct fixture *f = *state;

    f->fake.now_ms = 5000;
    add_only(f, &edited, &policy);
    assert_int_equal(recorder_pending(f->recorder), 1);
    assert_true(recorder_deadline(f->recorder) <= 5000);
    assert_int_equal(f->fake.count, 0); /* recorder_add() itself starts nothing */
    step(f);
    assert_int_equal(recorder_pending(f->recorder), 1);
    answer(f, 0, 201);
    assert_int_equal(recorder_pending(f->recorder), 0);
}

static void test_recorder_free_takes_nothing_and_what_was_not_sent(void **state)
{
    struct fixture *f = *state;

    recorder_free(NULL);
    add_only(f, &edited, &policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDER_TEST(test_recorder_posts_an_event_into_the_objects_namespace),
        RECORDER_TEST(
            test_recorder_stores_events_about_a_namespace_in_it_and_about_a_profile_in_default),
        RECORDER_TEST(test_recorder_says_what_the_event_is_related_to),
        RECORDER_TEST(test_recorder_copies_what_it_is_given),
        RECORDER_TEST(test_recorder_tells_the_second_equal_finding_at_once_by_a_merge_patch),
        RECORDER_TEST(test_recorder_tells_later_findings_once_a_minute_and_the_last_one_too),
        RECORDER_TEST(test_recorder_tells_a_finding_at_once_when_the_last_update_is_a_minute_old),
        RECORDER_TEST(test_recorder_counts_findings_that_come_while_the_event_is_on_its_way),
        RECORDER_TEST(test_recorder_ends_a_series_after_six_quiet_minutes),
        RECORDER_TEST(test_recorder_ends_the_series_of_what_was_in_a_namespace_with_it),
        RECORDER_TEST(test_recorder_keeps_what_is_on_its_way_when_a_namespace_goes),
        RECORDER_TEST(test_recorder_makes_one_series_of_what_is_equal_and_no_more),
        RECORDER_TEST(test_recorder_gives_each_event_a_valid_name_of_its_own),
        RECORDER_TEST(test_recorder_cuts_a_note_that_is_too_long_and_still_tells_that_it_was),
        RECORDER_TEST(test_recorder_that_has_nothing_to_do_waits_for_nothing),
        RECORDER_TEST(test_recorder_wants_to_run_at_once_when_something_waits),
        RECORDER_TEST(test_recorder_free_takes_nothing_and_what_was_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
