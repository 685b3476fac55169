#include "kube_rbac.h"

#include "support/sweep.h"

static const char *const TWO_RULES =
    "{'rules':[{'verbs':['get','list'],'apiGroups':['','apps'],'resources':['pods','pods/log'],"
    "'resourceNames':['a']},{'verbs':['*'],'nonResourceURLs':['/metrics','/healthz/*']}]}";

/* ---- reading ---- */

static void test_rules_are_read_as_they_are_stated(void **state)
{
    struct arena *a = *state;
    struct rbac_rules rules = rules_of("[{'verbs':['list','get','list'],'apiGroups':[''],"
                                       "'resources':['pods','pods/log'],'resourceNames':['a']},"
                                       "{'verbs':['*'],'nonResourceURLs':['/metrics'],'x':1}]",
                                       a);

    assert_int_equal(rules.count, 2);
    assert_string_equal(words_of(&rules, a),
                        "{APIGroups:[\"\"], Resources:[\"pods\" \"pods/log\"], "
                        "ResourceNames:[\"a\"], Verbs:[\"list\" \"get\" \"list\"]}, "
                        "{NonResourceURLs:[\"/metrics\"], Verbs:[\"*\"]}");
}

static void test_no_rules_are_no_error(void **state)
{
    static const char *const owners[] = {"{}", "{'rules':null}", "{'rules':[]}"};

    for (size_t i = 0; i < COUNT_OF(owners); i++) {
        struct rbac_rules rules = {.count = 9};
        struct err err = {0};
        json_t *owner = json_of(owners[i]);

        assert_int_equal(rbac_rules_decode(owner, "rules", &rbac_limits_server, *state, &rules,
                                           &err),
                         0);
        assert_int_equal(rules.count, 0);
        assert_string_equal(words_of(&rules, *state), "");
        json_decref(owner);
    }
}

static void test_a_wrong_rule_is_refused_with_its_path(void **state)
{
    static const struct rbac_limits tight = {.rules_max = 2, .list_max = 2, .text_len_max = 3};
    static const struct {
        const char *owner;
        const char *message;
    } rows[] = {
        {"{'rules':{}}", "rules: expected an array, got an object"},
        {"{'rules':[{},{},{}]}", "rules: expected at most 2 elements, got 3"},
        {"{'rules':[{},[]]}", "rules[1]: expected an object"},
        {"{'rules':[{'verbs':'get'}]}", "rules[0].verbs: expected an array, got a string"},
        {"{'rules':[{'verbs':['get',1]}]}", "rules[0].verbs[1]: expected a string, got an integer"},
        {"{'rules':[{'apiGroups':['a','b','c']}]}",
         "rules[0].apiGroups: expected at most 2 elements, got 3"},
        {"{'rules':[{'resources':['pods']}]}",
         "rules[0].resources[0]: expected at most 3 bytes, got 4"},
        {"{'rules':[{'resourceNames':[null]}]}",
         "rules[0].resourceNames[0]: expected a string, got null"},
        {"{'rules':[{'nonResourceURLs':7}]}",
         "rules[0].nonResourceURLs: expected an array, got an integer"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rbac_rules rules = {.count = 9};
        struct err err = {0};
        json_t *owner = json_of(rows[i].owner);

        assert_int_equal(rbac_rules_decode(owner, "rules", &tight, *state, &rules, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_string_equal(err.msg, rows[i].message);
        assert_int_equal(rules.count, 9);
        json_decref(owner);
    }
}

static void test_a_rule_is_checked_as_the_server_does(void **state)
{
    static const struct {
        const char *rule;
        const char *cluster; /* start of the message; NULL: fine */
        const char *namespaced;
    } rows[] = {
        {"[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]", NULL, NULL},
        {"[{'verbs':['get'],'nonResourceURLs':['/x']}]", NULL,
         "nonResourceURLs: are of no namespace"},
        {"[{'apiGroups':[''],'resources':['pods']}]", "verbs: is empty", "verbs: is empty"},
        {"[{'verbs':['get'],'resources':['pods']}]", "apiGroups: is empty", "apiGroups: is empty"},
        {"[{'verbs':['get'],'apiGroups':['']}]", "resources: is empty", "resources: is empty"},
        {"[{'verbs':['get'],'nonResourceURLs':['/x'],'apiGroups':['']}]",
         "nonResourceURLs: cannot stand beside", "nonResourceURLs: are of no namespace"},
        {"[{'verbs':['get'],'nonResourceURLs':['/x'],'resources':['pods']}]",
         "nonResourceURLs: cannot stand beside", "nonResourceURLs: are of no namespace"},
        {"[{'verbs':['get'],'nonResourceURLs':['/x'],'resourceNames':['a']}]",
         "nonResourceURLs: cannot stand beside", "nonResourceURLs: are of no namespace"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rbac_rules rules = rules_of(rows[i].rule, *state);

        for (int is_namespaced = 0; is_namespaced < 2; is_namespaced++) {
            const char *want = is_namespaced ? rows[i].namespaced : rows[i].cluster;
            struct err err = {0};
            int r = rbac_rule_check(&rules.rules[0], is_namespaced, &err);

            assert_int_equal(r, want ? -1 : 0);
            if (want && strncmp(err.msg, want, strlen(want)) != 0)
                fail_msg("%s: %s", rows[i].rule, err.msg);
            assert_int_equal(err.code, want ? ERR_INVALID : ERR_NONE);
        }
    }
}

/* ---- what a rule allows ---- */

static void test_a_rule_allows_what_the_authorizer_allows(void **state)
{
    static const struct {
        const char *rule;
        const char *verb;
        const char *group;
        const char *resource;
        const char *subresource;
        const char *name;
        bool is_allowed;
    } rows[] = {
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods']", "get", "", "pods", "", "", true},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods']", "get", "", "pods", "", "a", true},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods']", "list", "", "pods", "", "",
         false},
        {"'verbs':['*'],'apiGroups':['x'],'resources':['pods']", "get", "", "pods", "", "", false},
        {"'verbs':['*'],'apiGroups':['*'],'resources':['*']", "get", "x", "y", "z", "n", true},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods']", "get", "", "pods", "log", "",
         false},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods/*']", "get", "", "pods", "log", "",
         false},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods/log']", "get", "", "pods", "log", "",
         true},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods/log']", "get", "", "pods", "", "",
         false},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods/log']", "get", "", "pod", "s/log", "",
         false},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods/logs']", "get", "", "pods", "log", "",
         false},
        {"'verbs':['get'],'apiGroups':[''],'resources':['podslog']", "get", "", "pods", "log", "",
         false},
        {"'verbs':['get'],'apiGroups':['*'],'resources':['*/scale']", "get", "a", "b", "scale", "",
         true},
        {"'verbs':['get'],'apiGroups':['*'],'resources':['*/scale']", "get", "a", "b", "", "",
         false},
        {"'verbs':['get'],'apiGroups':['*'],'resources':['*/scale']", "get", "a", "b", "ale", "",
         false},
        {"'verbs':['get'],'apiGroups':['*'],'resources':['*/']", "get", "a", "b", "", "", false},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['a','b']", "get",
         "", "pods", "", "b", true},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['a','b']", "get",
         "", "pods", "", "c", false},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['a']", "get", "",
         "pods", "", "", false},
        {"'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['*']", "get", "",
         "pods", "", "a", false},
        {"'verbs':['get'],'nonResourceURLs':['*']", "get", "", "pods", "", "", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        struct rbac_rules rules;
        const struct rbac_request request = {.verb = rows[i].verb,
                                             .group = rows[i].group,
                                             .resource = rows[i].resource,
                                             .subresource = rows[i].subresource,
                                             .name = rows[i].name};

        (void)snprintf(text, sizeof(text), "[{'verbs':[]},{%s}]", rows[i].rule);
        rules = rules_of(text, *state);
        if (rbac_rules_allow(&rules, &request) != rows[i].is_allowed)
            fail_msg("row %zu: %s", i, rows[i].rule);
    }
}

static void test_a_url_is_matched_whole_or_by_its_beginning(void **state)
{
    static const struct {
        const char *stated;
        const char *path;
        bool is_allowed;
    } rows[] = {
        {"*", "/x", true},        {"/x", "/x", true},      {"/x", "/x/y", false},
        {"/x/*", "/x/y/z", true}, {"/x/*", "/x", false},   {"/x/*", "/x/", true},
        {"/x**", "/xy", true},    {"/*/x", "/y/x", false}, {"/x*", "/x", true},
        {"", "/x", false},        {"/X", "/x", false},     {"/x*", "/y", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[128];
        struct rbac_rules rules;
        const struct rbac_request request = {.verb = "get", .path = rows[i].path};
        const struct rbac_request other_verb = {.verb = "put", .path = rows[i].path};

        (void)snprintf(text, sizeof(text), "[{'verbs':['get'],'nonResourceURLs':['%s']}]",
                       rows[i].stated);
        rules = rules_of(text, *state);
        if (rbac_rules_allow(&rules, &request) != rows[i].is_allowed)
            fail_msg("%s: %s", rows[i].stated, rows[i].path);
        assert_false(rbac_rules_allow(&rules, &other_verb));
    }
}

/* ---- in words ---- */

static void test_a_text_cannot_break_the_line_or_the_quotes(void **state)
{
    struct rbac_rules rules = rules_of("[{'verbs':['a\\u0022b\\\\c\\n\\u007f\\u00e9']}]", *state);

    assert_string_equal(words_of(&rules, *state), "{Verbs:[\"a\\\"b\\\\c\\x0a\\x7f\xc3\xa9\"]}");
}

static void test_bytes_that_are_no_text_are_shown_as_numbers(void **state)
{
    const char *const texts[] = {"a\xff\xc3"};
    const struct rbac_rule rule = {.verbs = {texts, 1}};
    const struct rbac_rules rules = {&rule, 1};

    assert_string_equal(words_of(&rules, *state), "{Verbs:[\"a\\xff\\xc3\"]}");
}

static void test_a_text_that_is_too_long_is_cut_between_characters(void **state)
{
    struct arena *a = *state;
    char text[RBAC_TEXT_SHOWN_MAX + 64] = "[{'verbs':['";
    size_t start = strlen(text);
    struct rbac_rules rules;
    const char *words;

    memset(text + start, 'v', RBAC_TEXT_SHOWN_MAX - 1);
    strcpy(text + start + RBAC_TEXT_SHOWN_MAX - 1, "\xc3\xa9']}]");
    rules = rules_of(text, a);
    words = words_of(&rules, a);
    assert_int_equal(strlen(words), strlen("{Verbs:[\"...\"]}") + RBAC_TEXT_SHOWN_MAX - 1);
    assert_string_equal(words + strlen(words) - 8, "vv...\"]}");
}

static void test_a_long_list_is_counted(void **state)
{
    struct rbac_rules rules = rules_of("[{'verbs':['a','b','c','d']}]", *state);

    assert_string_equal(rbac_rules_describe(&rules, 4, 100, *state),
                        "{Verbs:[\"a\" \"b\" \"c\" \"d\"]}");
    assert_string_equal(rbac_rules_describe(&rules, 1, 100, *state), "{Verbs:[\"a\" and 3 more]}");
}

static void test_rules_beyond_the_room_are_counted(void **state)
{
    struct rbac_rules rules =
        rules_of("[{'verbs':['get']},{'verbs':['list']},{'verbs':['watch']}]", *state);

    assert_string_equal(rbac_rules_describe(&rules, 9, 100, *state),
                        "{Verbs:[\"get\"]}, {Verbs:[\"list\"]}, {Verbs:[\"watch\"]}");
    assert_string_equal(rbac_rules_describe(&rules, 9, 64, *state), "{Verbs:[\"get\"]} and 2 more");
    rules.count = 2;
    assert_string_equal(rbac_rules_describe(&rules, 9, 64, *state),
                        "{Verbs:[\"get\"]}, {Verbs:[\"list\"]}");
}

static void test_a_first_rule_beyond_the_room_is_cut_between_characters(void **state)
{
    struct rbac_rules rules =
        rules_of("[{'verbs':['12345678901234567890\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                 "12345678901234567890123456789']},{'verbs':['list']}]",
                 *state);

    assert_string_equal(rbac_rules_describe(&rules, 9, 64, *state),
                        "{Verbs:[\"12345678901234567890... and 1 more");
    rules.count = 1;
    assert_string_equal(rbac_rules_describe(&rules, 9, 64, *state),
                        "{Verbs:[\"12345678901234567890...");
}

static void test_a_rule_is_written_as_it_was_read(void **state)
{
    AUTO_STRBUF out;
    struct json_build j;
    struct rbac_rules rules = rules_of("[{'resources':['pods'],'verbs':['get','list'],"
                                       "'apiGroups':[''],'resourceNames':['a'],"
                                       "'nonResourceURLs':['/x'],'other':1}]",
                                       *state);

    strbuf_init(&out, 1000);
    json_build_init(&j, &out);
    rbac_rule_build(&rules.rules[0], NULL, &j);
    assert_string_equal(out.text,
                        "{\"verbs\":[\"get\",\"list\"],\"apiGroups\":[\"\"],\"resources\":"
                        "[\"pods\"],\"resourceNames\":[\"a\"],\"nonResourceURLs\":[\"/x\"]}");
}

/* ---- memory ---- */

static int read_and_describe(void *ctx, struct err *err)
{
    AUTO_ARENA a;
    struct rbac_rules rules = {.count = 9};

    arena_init(&a, 1u << 20);
    if (rbac_rules_decode(ctx, "rules", &rbac_limits_server, &a, &rules, err) < 0) {
        assert_int_equal(rules.count, 9);
        return -1;
    }
    return rbac_rules_describe(&rules, 9, 1000, &a) ? 0 : err_nomem(err);
}

static void test_every_allocation_may_fail(void **state)
{
    json_t *owner = json_of(TWO_RULES);

    (void)state;
    assert_in_range(sweep(read_and_describe, owner), 4, 100);
    json_decref(owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_rules_are_read_as_they_are_stated),
        ARENA_TEST(test_no_rules_are_no_error),
        ARENA_TEST(test_a_wrong_rule_is_refused_with_its_path),
        ARENA_TEST(test_a_rule_is_checked_as_the_server_does),
        ARENA_TEST(test_a_rule_allows_what_the_authorizer_allows),
        ARENA_TEST(test_a_url_is_matched_whole_or_by_its_beginning),
        ARENA_TEST(test_a_text_cannot_break_the_line_or_the_quotes),
        ARENA_TEST(test_bytes_that_are_no_text_are_shown_as_numbers),
        ARENA_TEST(test_a_text_that_is_too_long_is_cut_between_characters),
        ARENA_TEST(test_a_long_list_is_counted),
        ARENA_TEST(test_rules_beyond_the_room_are_counted),
        ARENA_TEST(test_a_first_rule_beyond_the_room_is_cut_between_characters),
        ARENA_TEST(test_a_rule_is_written_as_it_was_read),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
