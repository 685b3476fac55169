#include "kube_fixture.h"

#include "rampart/kube/event.h"

static struct event event_of(struct object_ref regarding, const char *note)
{
    return (struct event){
        .ns = event_namespace(&regarding),
        .name = "shop.18a3f",
        .regarding = regarding,
        .reason = "PolicyEdited",
        .action = "Reconcile",
        .note = note,
        .instance = "rampart-0",
        .wall_ms = 1795478133123,
    };
}

static const struct object_ref shop = {KIND_NAMESPACE, "", "shop", "u-1"};
static const struct object_ref profile = {KIND_PROFILE, "", "restricted", "u-2"};
static const struct object_ref policy = {KIND_NETWORK_POLICY, "shop", "rampart-default-deny", ""};

static json_t *event_json(const struct event *event)
{
    struct err err = {0};
    json_t *root;
    AUTO_STRBUF out;

    strbuf_init(&out, 65536);
    event_write(&out, event);
    assert_true(strbuf_is_ok(&out));
    root = json_decode(out.text, out.len, &err);
    if (!root)
        fail_msg("%s", err.msg);
    return root;
}

static void test_event_has_what_the_api_server_demands(void **state)
{
    struct event event = event_of(policy, "put right");
    AUTO_STRBUF out;

    (void)state;
    event.is_warning = true;
    event.related = profile;
    strbuf_init(&out, 65536);
    event_write(&out, &event);
    assert_string_equal(
        out.text,
        "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\","
        "\"metadata\":{\"name\":\"shop.18a3f\",\"namespace\":\"shop\"},"
        "\"eventTime\":\"2026-11-23T23:55:33.123000Z\",\"type\":\"Warning\","
        "\"reason\":\"PolicyEdited\",\"action\":\"Reconcile\",\"note\":\"put right\","
        "\"regarding\":{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\","
        "\"name\":\"rampart-default-deny\",\"namespace\":\"shop\"},"
        "\"related\":{\"apiVersion\":\"rampart.dev/v1alpha1\",\"kind\":\"SecurityProfile\","
        "\"name\":\"restricted\",\"uid\":\"u-2\"},"
        "\"reportingController\":\"rampart.dev/rampart\",\"reportingInstance\":\"rampart-0\"}");
}

static void test_event_states_a_uid_where_there_is_one(void **state)
{
    static const char *const uids[] = {"u-2", "", NULL};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(uids); i++) {
        struct event event = event_of(policy, "x");
        json_t *root;
        const json_t *uid;

        event.related = profile;
        event.related.uid = uids[i];
        root = event_json(&event);
        uid = json_object_get(json_object_get(root, "related"), "uid");
        if (i == 0)
            assert_string_equal(json_string_value(uid), uids[i]);
        else
            assert_null(uid);
        json_decref(root);
    }
}

static void test_event_is_stored_where_the_api_server_takes_it(void **state)
{
    static const struct {
        const struct object_ref *regarding;
        const char *ns;
        const char *regarding_ns; /* NULL: absent */
    } rows[] = {{&shop, "shop", "shop"}, {&profile, "default", NULL}, {&policy, "shop", "shop"}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct event event = event_of(*rows[i].regarding, "x");
        json_t *root = event_json(&event);
        const json_t *ns = json_object_get(json_object_get(root, "regarding"), "namespace");

        assert_string_equal(event_namespace(rows[i].regarding), rows[i].ns);
        if (rows[i].regarding_ns)
            assert_string_equal(json_string_value(ns), rows[i].regarding_ns);
        else
            assert_null(ns);
        json_decref(root);
    }
}

static void test_event_note_ends_at_its_ceiling_between_characters(void **state)
{
    static const struct {
        size_t count; /* of two-byte characters */
        size_t len;   /* of the note that is written */
    } rows[] = {{512, 1024}, {513, 1023}, {5000, 1023}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char note[10001];
        struct event event = event_of(shop, note);
        json_t *root;
        const char *text;

        for (size_t k = 0; k < rows[i].count; k++)
            memcpy(note + 2 * k, "\xc3\xa4", 2);
        note[2 * rows[i].count] = '\0';
        root = event_json(&event);
        text = json_string_value(json_object_get(root, "note"));
        assert_int_equal(strlen(text), rows[i].len);
        if (rows[i].len < 1024)
            assert_string_equal(text + rows[i].len - 3, "...");
        json_decref(root);
    }
}

static void test_event_texts_hold_no_control_characters(void **state)
{
    struct event event = event_of(shop, "a\nb\x1b[31m\x7f \xff\"c\\");
    json_t *root;

    (void)state;
    event.reason = "Policy\tEdited";
    root = event_json(&event);
    assert_string_equal(json_string_value(json_object_get(root, "note")), "a b [31m  ?\"c\\");
    assert_string_equal(json_string_value(json_object_get(root, "reason")), "Policy Edited");
    json_decref(root);
}

static void test_event_instance_ends_at_128_bytes(void **state)
{
    char instance[200];
    struct event event = event_of(shop, "x");
    json_t *root;

    (void)state;
    memset(instance, 'i', sizeof(instance) - 1);
    instance[sizeof(instance) - 1] = '\0';
    event.instance = instance;
    root = event_json(&event);
    assert_int_equal(json_string_length(json_object_get(root, "reportingInstance")), 128);
    json_decref(root);
}

static void test_event_series_is_a_merge_patch(void **state)
{
    AUTO_STRBUF out;

    (void)state;
    strbuf_init(&out, 1000);
    event_write_series(&out, 4294967295u, 1795478133123);
    assert_string_equal(out.text, "{\"series\":{\"count\":4294967295,"
                                  "\"lastObservedTime\":\"2026-11-23T23:55:33.123000Z\"}}");
}

static void test_event_that_does_not_fit_breaks_the_buffer(void **state)
{
    struct event event = event_of(shop, "x");
    AUTO_STRBUF out;

    (void)state;
    strbuf_init(&out, 100);
    event_write(&out, &event);
    assert_false(strbuf_is_ok(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_has_what_the_api_server_demands),
        cmocka_unit_test(test_event_states_a_uid_where_there_is_one),
        cmocka_unit_test(test_event_is_stored_where_the_api_server_takes_it),
        cmocka_unit_test(test_event_note_ends_at_its_ceiling_between_characters),
        cmocka_unit_test(test_event_texts_hold_no_control_characters),
        cmocka_unit_test(test_event_instance_ends_at_128_bytes),
        cmocka_unit_test(test_event_series_is_a_merge_patch),
        cmocka_unit_test(test_event_that_does_not_fit_breaks_the_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
