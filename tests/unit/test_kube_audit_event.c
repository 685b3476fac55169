/* One event of an audit log, as the API server writes it and as nobody should. */
#include "support/unit.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/kube/audit_event.h"
#include "support/sweep.h"
#include "support/text.h"

/* Of a 1.37 API server, at level Metadata. */
static const char whole[] =
    "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\",\"auditID\":"
    "\"6a0f\",\"stage\":\"ResponseComplete\",\"requestURI\":\"/api/v1/namespaces/shop/pods/"
    "web-1/log?follow=true\",\"verb\":\"get\",\"user\":{\"username\":\"system:serviceaccount:shop:"
    "web\",\"uid\":\"1\",\"groups\":[\"system:serviceaccounts\"]},\"sourceIPs\":[\"10.0.0.1\"],"
    "\"userAgent\":\"x\",\"objectRef\":{\"resource\":\"pods\",\"namespace\":\"shop\",\"name\":"
    "\"web-1\",\"apiVersion\":\"v1\",\"subresource\":\"log\"},\"responseStatus\":{\"metadata\":{},"
    "\"code\":200},\"requestReceivedTimestamp\":\"2026-01-31T23:59:59.123456Z\","
    "\"stageTimestamp\":\"2026-01-31T23:59:59.223456Z\",\"annotations\":{\"authorization.k8s.io/"
    "decision\":\"allow\",\"authorization.k8s.io/reason\":\"\"}}";

static int decode(const char *text, struct audit_event *ret_event, json_t **ret_root,
                  struct err *err)
{
    *ret_root = json_decode(text, strlen(text), err);
    return *ret_root ? audit_event_decode(*ret_root, ret_event, err) : -1;
}

static void test_an_event_is_read_with_all_that_counts(void **state)
{
    struct audit_event event;
    struct err err = {0};
    json_t *root;

    (void)state;
    assert_int_equal(decode(whole, &event, &root, &err), 0);
    assert_int_equal(event.stage, AUDIT_RESPONSE_COMPLETE);
    assert_int_equal(event.decision, AUDIT_ALLOWED);
    assert_int_equal(event.code, 200);
    assert_true(event.received_ms == 1769903999123);
    assert_string_equal(event.user, "system:serviceaccount:shop:web");
    assert_false(event.is_impersonated);
    assert_string_equal(event.verb, "get");
    assert_string_equal(event.uri, "/api/v1/namespaces/shop/pods/web-1/log?follow=true");
    assert_true(event.is_for_resource);
    assert_string_equal(event.group, "");
    assert_string_equal(event.resource, "pods");
    assert_string_equal(event.subresource, "log");
    assert_string_equal(event.ns, "shop");
    assert_string_equal(event.name, "web-1");
    json_decref(root);
}

static void test_what_an_event_does_not_say_is_unsaid(void **state)
{
    struct audit_event event;
    struct err err = {0};
    json_t *root;

    (void)state;
    assert_int_equal(decode("{\"impersonatedUser\":null,\"stage\":\"Dreaming\"}", &event, &root,
                            &err),
                     0);
    assert_int_equal(event.stage, AUDIT_STAGE_UNSAID);
    assert_int_equal(event.decision, AUDIT_DECISION_UNSAID);
    assert_int_equal(event.code, 0);
    assert_true(event.received_ms == AUDIT_TIME_UNSAID);
    assert_string_equal(event.user, "");
    assert_string_equal(event.verb, "");
    assert_string_equal(event.uri, "");
    assert_false(event.is_impersonated);
    assert_false(event.is_for_resource);
    assert_string_equal(event.name, "");
    json_decref(root);
}

static void test_stages_and_decisions_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum audit_stage stage;
        enum audit_decision decision;
        bool is_impersonated;
    } rows[] = {
        {"{\"stage\":\"RequestReceived\"}", AUDIT_REQUEST_RECEIVED, AUDIT_DECISION_UNSAID, false},
        {"{\"stage\":\"ResponseStarted\",\"impersonatedUser\":{}}", AUDIT_RESPONSE_STARTED,
         AUDIT_DECISION_UNSAID, true},
        {"{\"stage\":\"Panic\",\"annotations\":{\"authorization.k8s.io/decision\":\"forbid\"}}",
         AUDIT_PANIC, AUDIT_FORBIDDEN, false},
        {"{\"annotations\":{\"authorization.k8s.io/decision\":\"perhaps\"}}", AUDIT_STAGE_UNSAID,
         AUDIT_FORBIDDEN, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct audit_event event;
        struct err err = {0};
        json_t *root;

        assert_int_equal(decode(rows[i].text, &event, &root, &err), 0);
        assert_int_equal(event.stage, rows[i].stage);
        assert_int_equal(event.decision, rows[i].decision);
        assert_int_equal(event.is_impersonated, rows[i].is_impersonated);
        json_decref(root);
    }
}

static void test_wrong_types_are_errors_that_name_the_member(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"7", "expected an event"},
        {"{\"stage\":7}", "stage: expected a string"},
        {"{\"user\":7}", "user: expected an object"},
        {"{\"impersonatedUser\":7}", "impersonatedUser: expected an object"},
        {"{\"user\":{\"username\":[]}}", "user.username: expected a string"},
        {"{\"verb\":{}}", "verb: expected a string"},
        {"{\"requestURI\":{}}", "requestURI: expected a string"},
        {"{\"objectRef\":[]}", "objectRef: expected an object"},
        {"{\"objectRef\":{\"apiGroup\":1}}", "objectRef.apiGroup: expected a string"},
        {"{\"objectRef\":{\"resource\":1}}", "objectRef.resource: expected a string"},
        {"{\"objectRef\":{\"subresource\":1}}", "objectRef.subresource: expected a string"},
        {"{\"objectRef\":{\"namespace\":1}}", "objectRef.namespace: expected a string"},
        {"{\"objectRef\":{\"name\":1}}", "objectRef.name: expected a string"},
        {"{\"responseStatus\":1}", "responseStatus: expected an object"},
        {"{\"responseStatus\":{\"code\":\"x\"}}", "responseStatus.code: expected an integer"},
        {"{\"responseStatus\":{\"code\":1000}}", "responseStatus.code: expected an integer"},
        {"{\"annotations\":1}", "annotations: expected an object"},
        {"{\"annotations\":{\"authorization.k8s.io/decision\":1}}", "annotations.authorization"},
        {"{\"requestReceivedTimestamp\":1}", "requestReceivedTimestamp: expected a string"},
        {"{\"requestReceivedTimestamp\":\"today\"}", "requestReceivedTimestamp: \"today\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct audit_event event = {.code = 42};
        struct err err = {0};
        json_t *root;

        assert_int_equal(decode(rows[i].text, &event, &root, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_contains(err.msg, rows[i].message);
        assert_int_equal(event.code, 42);
        json_decref(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_is_read_with_all_that_counts),
        cmocka_unit_test(test_what_an_event_does_not_say_is_unsaid),
        cmocka_unit_test(test_stages_and_decisions_are_told_apart),
        cmocka_unit_test(test_wrong_types_are_errors_that_name_the_member),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
