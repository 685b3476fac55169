/* Which right one event shows to be needed, and why most show none. */
#include "reconcilers_learn.h"

static enum learn_verdict verdict_of(struct audit_event event, const struct learn_filter *filter,
                                     struct learn_request *ret_request)
{
    return learn_request_of(&event, filter ? filter : everything(), ret_request);
}

static void test_a_request_for_a_resource_is_the_right_to_it(void **state)
{
    struct learn_request r;

    (void)state;
    assert_int_equal(verdict_of(ASKED("get", "pods", "shop", "web-1", .subresource = "log"), NULL,
                                &r),
                     LEARN_NEEDED);
    assert_string_equal(r.account, "shop:web");
    assert_int_equal(r.stage, LEARN_ENDED);
    assert_true(r.is_for_resource);
    assert_string_equal(r.verb, "get");
    assert_string_equal(r.group, "");
    assert_string_equal(r.resource, "pods");
    assert_string_equal(r.subresource, "log");
    assert_string_equal(r.ns, "shop");
    assert_string_equal(r.name, "web-1");
    assert_true(r.received_ms == 1000);
    assert_false(r.has_created);
}

static void test_a_request_for_a_path_is_the_right_to_that_path_without_its_query(void **state)
{
    static const struct {
        const char *uri, *path;
    } rows[] = {
        {"/metrics?x=1", "/metrics"},
        {"/logs/kube%2Dproxy.log", "/logs/kube-proxy.log"},
        {"/", "/"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct learn_request r;

        assert_int_equal(verdict_of(ASKED("get", "", "", "", .is_for_resource = false,
                                          .uri = rows[i].uri),
                                    NULL, &r),
                         LEARN_NEEDED);
        assert_false(r.is_for_resource);
        assert_string_equal(r.path, rows[i].path);
    }
}

static void test_names_count_only_where_the_url_has_them(void **state)
{
    static const struct {
        const char *verb, *subresource, *name, *expected;
    } rows[] = {
        {"get", "", "a", "a"},
        {"create", "", "a", ""},      /* of the body */
        {"create", "exec", "a", "a"}, /* of the URL */
        {"deletecollection", "", "a", ""},
        {"list", "", "a", "a"}, /* the API server has read metadata.name=a */
        {"watch", "", "a", "a"},
        {"watch", "", "", ""},
        {"patch", "status", "a", "a"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct learn_request r;

        assert_int_equal(verdict_of(ASKED(rows[i].verb, "pods", "shop", rows[i].name,
                                          .subresource = rows[i].subresource),
                                    NULL, &r),
                         LEARN_NEEDED);
        assert_string_equal(r.name, rows[i].expected);
    }
}

static void test_the_namespace_is_that_of_the_url(void **state)
{
    static const struct {
        const char *uri, *expected;
    } rows[] = {
        {"/api/v1/namespaces/shop/pods/a", "shop"},
        {"/apis/apps/v1/namespaces/shop/deployments?limit=5", "shop"},
        {"/apis/apps/v1/namespaces/%73hop/deployments", "shop"},
        {"//api/v1/namespaces/shop/", "shop"},
        {"/api/v1/watch/namespaces/shop/pods", "shop"},
        {"/api/v1/proxy/namespaces/shop/pods/a", "shop"},
        {"/api/v1/namespaces/shop", "shop"},
        {"/api/v1/namespaces/shop/pods/a/proxy/%00%zz%", "shop"},
        {"/api/v1/nodes/a", ""},
        {"/api/v1/namespaces", ""},
        {"/apis/namespaces/v1/things/namespaces/x", ""}, /* a thing of that name */
        {"", "body"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct learn_request r;

        assert_int_equal(verdict_of(ASKED("update", "x", "body", "a", .uri = rows[i].uri), NULL,
                                    &r),
                         LEARN_NEEDED);
        if (strcmp(r.ns, rows[i].expected) != 0)
            fail_msg("%s: \"%s\" and not \"%s\"", rows[i].uri, r.ns, rows[i].expected);
    }
}

static void test_a_namespace_is_an_object_of_the_whole_cluster(void **state)
{
    struct learn_request r;

    (void)state;
    assert_int_equal(verdict_of(ASKED("get", "namespaces", "shop", "shop", .subresource = "status",
                                      .uri = "/api/v1/namespaces/shop/status"),
                                NULL, &r),
                     LEARN_NEEDED);
    assert_string_equal(r.ns, "");
    assert_string_equal(r.name, "shop");
    assert_int_equal(verdict_of(ASKED("get", "namespaces", "shop", "a", .group = "x"), NULL, &r),
                     LEARN_NEEDED);
    assert_string_equal(r.ns, "shop");
}

static void test_a_patch_or_update_that_made_the_object_took_create_too(void **state)
{
    static const struct {
        const char *verb;
        int code;
        bool has_created;
    } rows[] = {{"patch", 201, true},
                {"update", 201, true},
                {"patch", 200, false},
                {"create", 201, false}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct learn_request r;

        assert_int_equal(verdict_of(ASKED(rows[i].verb, "pods", "shop", "a", .code = rows[i].code),
                                    NULL, &r),
                         LEARN_NEEDED);
        assert_int_equal(r.has_created, rows[i].has_created);
    }
}

static void test_each_request_counts_once_whatever_its_stages(void **state)
{
    static const struct {
        enum audit_stage stage;
        enum learn_verdict verdict;
        enum learn_stage learned;
    } rows[] = {
        {AUDIT_STAGE_UNSAID, LEARN_OTHER_STAGE, LEARN_ENDED},
        {AUDIT_REQUEST_RECEIVED, LEARN_OTHER_STAGE, LEARN_ENDED},
        {AUDIT_RESPONSE_STARTED, LEARN_NEEDED, LEARN_STARTED},
        {AUDIT_RESPONSE_COMPLETE, LEARN_NEEDED, LEARN_ENDED},
        {AUDIT_PANIC, LEARN_NEEDED, LEARN_ENDED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct learn_request r;

        assert_int_equal(verdict_of(ASKED("watch", "pods", "", "", .stage = rows[i].stage), NULL,
                                    &r),
                         rows[i].verdict);
        assert_int_equal(r.stage, rows[i].learned);
    }
}

static void test_what_was_not_allowed_shows_no_need(void **state)
{
    static const struct {
        enum audit_decision decision;
        int code;
        enum learn_verdict verdict;
    } rows[] = {
        {AUDIT_ALLOWED, 200, LEARN_NEEDED},
        {AUDIT_ALLOWED, 404, LEARN_NEEDED}, /* it was allowed to ask */
        {AUDIT_ALLOWED, 409, LEARN_NEEDED},
        {AUDIT_ALLOWED, 429, LEARN_NEEDED}, /* an eviction that a budget holds up */
        {AUDIT_ALLOWED, 500, LEARN_NEEDED},
        {AUDIT_ALLOWED, 403, LEARN_DENIED}, /* by admission */
        {AUDIT_FORBIDDEN, 403, LEARN_DENIED},
        {AUDIT_FORBIDDEN, 0, LEARN_DENIED},
        {AUDIT_FORBIDDEN, 200, LEARN_DENIED},
        {AUDIT_DECISION_UNSAID, 401, LEARN_DENIED},
        {AUDIT_DECISION_UNSAID, 403, LEARN_DENIED},
        {AUDIT_DECISION_UNSAID, 429, LEARN_DENIED}, /* before anybody decided */
        {AUDIT_DECISION_UNSAID, 200, LEARN_NEEDED}, /* annotations were taken out on the way */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct learn_request r;

        assert_int_equal(verdict_of(ASKED("get", "pods", "shop", "a", .decision = rows[i].decision,
                                          .code = rows[i].code),
                                    NULL, &r),
                         rows[i].verdict);
        assert_string_equal(r.account, "shop:web");
    }
}

static void test_what_is_asked_in_somebody_elses_name_shows_no_need(void **state)
{
    struct learn_request r;

    (void)state;
    assert_int_equal(verdict_of(ASKED("get", "pods", "shop", "a", .is_impersonated = true), NULL,
                                &r),
                     LEARN_IMPERSONATED);
    assert_string_equal(r.account, "shop:web");
}

#define LONG_NAMESPACE       \
    "system:serviceaccount:" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:web"

static void test_only_service_accounts_are_learned_from(void **state)
{
    static const char *const others[] = {
        "",
        "kubernetes-admin",
        "system:node:a",
        "system:serviceaccount:",
        "system:serviceaccount:shop",
        "system:serviceaccount:shop:",
        "system:serviceaccount::web",
        "system:serviceaccount:shop:web:x",
        "system:serviceaccount:Shop:web",
        "system:serviceaccount:shop.x:web",
        "system:serviceaccount:shop:we b",
        "system:serviceaccount:shop:web\n",
        "System:serviceaccount:shop:web",
        LONG_NAMESPACE,
    };
    struct learn_request r;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_int_equal(verdict_of(ASKED("get", "pods", "", "a", .user = others[i]), NULL, &r),
                         LEARN_OTHER_USER);
    assert_int_equal(verdict_of(ASKED("get", "pods", "", "a",
                                      .user = "system:serviceaccount:shop-2:web.v1-a"),
                                NULL, &r),
                     LEARN_NEEDED);
}

static void test_only_accounts_and_namespaces_that_are_asked_for_are_learned_from(void **state)
{
    static const struct {
        const char *accounts[2], *namespaces[2];
        enum learn_verdict verdict;
    } rows[] = {
        {{"shop/web", NULL}, {NULL, NULL}, LEARN_NEEDED},
        {{"shop/api", "shop/web"}, {NULL, NULL}, LEARN_NEEDED},
        {{"shop/api", NULL}, {NULL, NULL}, LEARN_OTHER_USER},
        {{"shop/we", NULL}, {NULL, NULL}, LEARN_OTHER_USER},
        {{"shop/webs", NULL}, {NULL, NULL}, LEARN_OTHER_USER},
        {{"shopweb", NULL}, {NULL, NULL}, LEARN_OTHER_USER},
        {{"sho/web", NULL}, {NULL, NULL}, LEARN_OTHER_USER},
        {{NULL, NULL}, {"shop", NULL}, LEARN_NEEDED},
        {{NULL, NULL}, {"bank", "shop"}, LEARN_NEEDED},
        {{NULL, NULL}, {"sho", NULL}, LEARN_OTHER_USER},
        {{NULL, NULL}, {"shops", NULL}, LEARN_OTHER_USER},
        {{"shop/web", NULL}, {"bank", NULL}, LEARN_OTHER_USER},
        {{"shop/web", NULL}, {"shop", NULL}, LEARN_NEEDED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct learn_filter filter = {.since_ms = AUDIT_TIME_UNSAID};
        struct learn_request r;

        for (size_t k = 0; k < 2; k++) {
            if (rows[i].accounts[k])
                filter.accounts[filter.accounts_count++] = rows[i].accounts[k];
            if (rows[i].namespaces[k])
                filter.namespaces[filter.namespaces_count++] = rows[i].namespaces[k];
        }
        if (verdict_of(ASKED("get", "pods", "", "a"), &filter, &r) != rows[i].verdict)
            fail_msg("row %zu", i);
    }
}

static void test_what_came_before_is_too_old(void **state)
{
    const struct learn_filter filter = {.since_ms = 1000};
    struct learn_request r;

    (void)state;
    assert_int_equal(verdict_of(ASKED("get", "pods", "", "a", .received_ms = 999), &filter, &r),
                     LEARN_TOO_OLD);
    assert_int_equal(verdict_of(ASKED("get", "pods", "", "a", .received_ms = 1000), &filter, &r),
                     LEARN_NEEDED);
    assert_int_equal(verdict_of(ASKED("get", "pods", "", "a", .received_ms = AUDIT_TIME_UNSAID),
                                &(const struct learn_filter){.since_ms = AUDIT_TIME_UNSAID}, &r),
                     LEARN_NEEDED);
}

static void test_what_everyone_is_granted_is_no_right_of_one_of_them(void **state)
{
    static const struct audit_event rows[] = {
        {.verb = "get", .uri = "/version"},
        {.verb = "get", .uri = "/apis/apps/v1"},
        {.verb = "get", .uri = "/openapi/v3?x=1"},
        {.verb = "get", .uri = "/openid/v1/jwks"},
        {.verb = "create",
         .is_for_resource = true,
         .group = "authorization.k8s.io",
         .resource = "selfsubjectaccessreviews"},
        {.verb = "create",
         .is_for_resource = true,
         .group = "authentication.k8s.io",
         .resource = "selfsubjectreviews"},
    };
    const struct learn_filter all = {.since_ms = AUDIT_TIME_UNSAID, .has_everyones_rights = true};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct audit_event event = ASKED("", "", "", "");
        struct learn_request r;

        event.verb = rows[i].verb;
        event.uri = rows[i].uri ? rows[i].uri : "";
        event.is_for_resource = rows[i].is_for_resource;
        event.group = rows[i].group ? rows[i].group : "";
        event.resource = rows[i].resource ? rows[i].resource : "";
        assert_int_equal(verdict_of(event, NULL, &r), LEARN_EVERYONES);
        assert_int_equal(verdict_of(event, &all, &r), LEARN_NEEDED);
    }
}

#define LONG_NAME                                                      \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Whoever holds a star may ask for a resource called "*", and must not get it into a rule so. */
static void test_no_request_can_put_a_star_or_an_odd_text_into_a_rule(void **state)
{
    const struct audit_event rows[] = {
        ASKED("get", "*", "shop", "a"),
        ASKED("get", "pods", "shop", "a", .subresource = "*"),
        ASKED("get", "pods", "shop", "a", .group = "*"),
        ASKED("*", "pods", "shop", "a"),
        ASKED("", "pods", "shop", "a"),
        ASKED("get", "", "shop", "a"),
        ASKED("get", "pods/log", "shop", "a"),
        ASKED("get", "po\nds", "shop", "a"),
        ASKED("get", "p\"ods", "shop", "a"),
        ASKED("get", "pods", "shop", "a b"),
        ASKED("get", "pods", "shop", "\xc3\xa4"),
        ASKED("get", "pods", "shop", "a/b"),
        ASKED("get", "pods", "shop", ".."),
        ASKED("get", "pods", "shop", "."),
        ASKED("get", "pods", "shop", LONG_NAME),
        ASKED("get", LONG_NAME, "shop", ""),
        ASKED("get", "pods", "sh op", "a"),
        ASKED("get", "pods", "Shop", "a"),
        ASKED("get", "pods", "", "a", .uri = "/api/v1/namespaces/sh%20op/pods/a"),
        ASKED("get", "pods", "", "a", .uri = "/api/v1/namespaces/" LONG_NAME "/pods/a"),
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/*"),
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/%2A"),
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/a%0ab"),
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/a%"),
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/a%4"),
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/a\"b"),
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "metrics"),
        ASKED("get", "", "", "", .is_for_resource = false, .uri = ""),
        ASKED("*", "", "", "", .is_for_resource = false, .uri = "/metrics"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct learn_request r;

        if (learn_request_of(&rows[i], everything(), &r) != LEARN_ODD)
            fail_msg("row %zu", i);
    }
}

static void test_a_name_is_compared_as_it_is_so_a_star_in_it_is_none(void **state)
{
    struct learn_request r;

    (void)state;
    assert_int_equal(verdict_of(ASKED("get", "pods", "shop", "*"), NULL, &r), LEARN_NEEDED);
    assert_string_equal(r.name, "*");
}

static void test_a_path_up_to_the_ceiling_is_read_and_one_beyond_is_odd(void **state)
{
    char path[LEARN_PATH_LEN_MAX + 2];
    struct learn_request r;

    (void)state;
    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(verdict_of(ASKED("get", "", "", "", .is_for_resource = false, .uri = path),
                                NULL, &r),
                     LEARN_ODD);
    path[LEARN_PATH_LEN_MAX] = '\0';
    assert_int_equal(verdict_of(ASKED("get", "", "", "", .is_for_resource = false, .uri = path),
                                NULL, &r),
                     LEARN_NEEDED);
    assert_int_equal(strlen(r.path), LEARN_PATH_LEN_MAX);
}

/* What of a long path lies before its end may be all that is needed of it; never the other way. */
static void
test_a_long_path_of_a_resource_is_of_its_namespace_or_of_none_that_is_known(void **state)
{
    static const struct {
        const char *head;
        enum learn_verdict verdict;
    } rows[] = {
        {"/api/v1/namespaces/shop/pods/a/proxy/", LEARN_NEEDED},
        {"/api/v1/nodes/a/proxy/", LEARN_NEEDED},
        {"/api/v1/nodes", LEARN_ODD},
        {"/api/v1/namespaces/shop", LEARN_ODD},
        {"/apis/", LEARN_ODD},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[2 * LEARN_PATH_LEN_MAX];
        size_t len = strlen(rows[i].head);
        struct learn_request r;

        memset(path, 'a', sizeof(path));
        memcpy(path, rows[i].head, len);
        path[sizeof(path) - 1] = '\0';
        if (verdict_of(ASKED("get", "nodes", "", "a", .uri = path), NULL, &r) != rows[i].verdict)
            fail_msg("%s", rows[i].head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_for_a_resource_is_the_right_to_it),
        cmocka_unit_test(test_a_request_for_a_path_is_the_right_to_that_path_without_its_query),
        cmocka_unit_test(test_names_count_only_where_the_url_has_them),
        cmocka_unit_test(test_the_namespace_is_that_of_the_url),
        cmocka_unit_test(test_a_namespace_is_an_object_of_the_whole_cluster),
        cmocka_unit_test(test_a_patch_or_update_that_made_the_object_took_create_too),
        cmocka_unit_test(test_each_request_counts_once_whatever_its_stages),
        cmocka_unit_test(test_what_was_not_allowed_shows_no_need),
        cmocka_unit_test(test_what_is_asked_in_somebody_elses_name_shows_no_need),
        cmocka_unit_test(test_only_service_accounts_are_learned_from),
        cmocka_unit_test(test_only_accounts_and_namespaces_that_are_asked_for_are_learned_from),
        cmocka_unit_test(test_what_came_before_is_too_old),
        cmocka_unit_test(test_what_everyone_is_granted_is_no_right_of_one_of_them),
        cmocka_unit_test(test_no_request_can_put_a_star_or_an_odd_text_into_a_rule),
        cmocka_unit_test(test_a_name_is_compared_as_it_is_so_a_star_in_it_is_none),
        cmocka_unit_test(test_a_path_up_to_the_ceiling_is_read_and_one_beyond_is_odd),
        cmocka_unit_test(
            test_a_long_path_of_a_resource_is_of_its_namespace_or_of_none_that_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
