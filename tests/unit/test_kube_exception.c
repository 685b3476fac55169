#include "kube_fixture.h"

#include "rampart/kube/exception.h"
#include "rampart/kube/pss.h"

#define META "'metadata':{'name':'e','namespace':'shop','uid':'u','resourceVersion':'1'}"
#define SOUND "'rules':['a'],'names':['web'],'reason':'r','author':'x'"

static const struct exception *decode(const json_t *root, struct arena *a)
{
    return OBJECT_AS(exception, decode_ok(KIND_EXCEPTION, root, a));
}

/* @spec are the members of spec, with ' for ". */
static const struct exception *exception_of(const char *spec, struct arena *a)
{
    char text[4096];
    const struct exception *e;
    json_t *root;

    (void)snprintf(text, sizeof(text), "{" META ",'spec':{%s}}", spec);
    root = json_of(text);
    e = decode(root, a);
    json_decref(root);
    return e;
}

static void test_exception_of_the_fixture(void **state)
{
    json_t *root = fixture_json("exception.json");
    const struct exception *e = decode(root, *state);

    json_decref(root);
    assert_null(e->invalid);
    assert_string_equal(e->object.ns, "monitoring");
    assert_string_equal(e->object.name, "node-exporter");
    assert_int_equal(e->rules_count, 2);
    assert_string_equal(e->rules[0], "host-namespaces");
    assert_string_equal(e->rules[1], "host-ports");
    assert_true(e->has_selector);
    assert_int_equal(e->selector.terms_count, 1);
    assert_int_equal(e->names_count, 2);
    assert_string_equal(e->names[0], "edge-exporter");
    assert_string_equal(e->names[1], "node-exporter");
    assert_int_equal(e->containers_count, 2);
    assert_string_equal(e->containers[0], "collector");
    assert_string_equal(e->containers[1], "exporter");
    assert_string_equal(e->reason, "It reads the counters of the node.");
    assert_string_equal(e->author, "platform@example.com");
    assert_int_equal(e->expires_s, 1801439999);
}

static void test_what_an_exception_may_leave_out(void **state)
{
    const struct exception *e = exception_of(SOUND, *state);

    assert_null(e->invalid);
    assert_false(e->has_selector);
    assert_int_equal(e->containers_count, 0);
    assert_true(e->expires_s == INT64_MAX);
    e = exception_of("'rules':['a'],'selector':{},'reason':'r','author':'x'", *state);
    assert_null(e->invalid);
    assert_true(e->has_selector);
    assert_int_equal(e->names_count, 0);
}

static void test_expiry_is_a_time_of_any_offset_and_never_late(void **state)
{
    static const struct {
        const char *text;
        int64_t expires_s;
    } rows[] = {
        {"1970-01-01T00:00:10Z", 10},
        {"1970-01-01T00:00:10.999Z", 10},
        {"1970-01-01T01:00:10+01:00", 10},
        {"1969-12-31T23:00:10-01:00", 10},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char spec[256];

        (void)snprintf(spec, sizeof(spec), SOUND ",'expiresAt':'%s'", rows[i].text);
        assert_int_equal(exception_of(spec, *state)->expires_s, rows[i].expires_s);
    }
}

static void test_what_cannot_be_understood_says_the_path_and_the_remedy(void **state)
{
    static const struct {
        const char *spec;
        const char *invalid;
    } rows[] = {
        {"'names':['web'],'reason':'r','author':'x'",
         "spec.rules: names none; write the ids of the rules that need not hold"},
        {"'rules':[],'names':['web'],'reason':'r','author':'x'",
         "spec.rules: names none; write the ids of the rules that need not hold"},
        {"'rules':['a','*'],'names':['web'],'reason':'r','author':'x'",
         "spec.rules[1]: \"*\": patterns are not known here; write each name out"},
        {"'rules':['a',''],'names':['web'],'reason':'r','author':'x'",
         "spec.rules[1]: is empty; write a name or remove it"},
        {"'rules':['a'],'reason':'r','author':'x'",
         "spec.selector: is missing, and so is names; state one of them (selector: {} is every "
         "workload of the namespace, on purpose)"},
        {"'rules':['a'],'names':[],'selector':{},'reason':'r','author':'x'",
         "spec.names: is empty; name at least one, or leave names out, which is every name"},
        {"'rules':['a'],'names':['web-*'],'reason':'r','author':'x'",
         "spec.names[0]: \"web-*\": patterns are not known here; write each name out"},
        {"'rules':['a'],'selector':{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'a',"
         "'operator':'DoesNotExist'}]},'reason':'r','author':'x'",
         "spec.selector: a: In [1] and DoesNotExist can never match; change one of the terms"},
        {"'rules':['a'],'selector':{'matchExpressions':[{'key':'a','operator':'Is'}]},'reason':'r',"
         "'author':'x'",
         "spec.selector.matchExpressions[0].operator: \"Is\" is unknown; expected In, NotIn, "
         "Exists or "
         "DoesNotExist"},
        {SOUND ",'containers':[]",
         "spec.containers: is empty; name at least one, or leave containers out, which is all of "
         "them and the pod itself"},
        {SOUND ",'containers':['']", "spec.containers[0]: is empty; write a name or remove it"},
        {"'rules':['a'],'names':['web'],'author':'x'",
         "spec.reason: is missing; say why the rules need not hold"},
        {"'rules':['a'],'names':['web'],'reason':' \\t\\r\\n','author':'x'",
         "spec.reason: is missing; say why the rules need not hold"},
        {"'rules':['a'],'names':['web'],'reason':'r'",
         "spec.author: is missing; say who answers for it"},
        {"'rules':['a'],'names':['web'],'reason':'r','author':''",
         "spec.author: is missing; say who answers for it"},
        {SOUND ",'expiresAt':'soon'",
         "spec.expiresAt: \"soon\" is no RFC 3339 time; expected 2026-01-31T23:59:59Z"},
        {SOUND ",'expiresAt':10", "spec.expiresAt: expected a string"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct exception *e = exception_of(rows[i].spec, *state);

        assert_non_null(e->invalid);
        assert_string_equal(e->invalid, rows[i].invalid);
    }
}

static void test_a_spec_that_is_absent_or_none_is_invalid(void **state)
{
    static const struct {
        const char *text;
        const char *invalid;
    } rows[] = {
        {"{" META "}", "spec: is missing; state rules, selector or names, reason and author"},
        {"{" META ",'spec':[]}", "spec: expected an object, got an array"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *root = json_of(rows[i].text);

        assert_string_equal(decode(root, *state)->invalid, rows[i].invalid);
        json_decref(root);
    }
}

static void test_metadata_that_is_wrong_is_an_error(void **state)
{
    decode_fails(KIND_EXCEPTION, "{'metadata':{'name':'e','uid':'u','resourceVersion':'1'}}",
                 *state, "SecurityException e: metadata.namespace: expected a string, got nothing");
}

/* An exception whose list @name has @count elements of @len bytes each. */
static const struct exception *with_list(const char *name, size_t count, int len, struct arena *a)
{
    json_t *root = json_of("{" META ",'spec':{" SOUND "}}");
    json_t *arr = json_array();
    const struct exception *e;

    for (size_t i = 0; i < count; i++) {
        char text[512];

        (void)snprintf(text, sizeof(text), "%0*zu", len, i);
        json_array_append_new(arr, json_string(text));
    }
    json_object_set_new(json_object_get(root, "spec"), name, arr);
    e = decode(root, a);
    json_decref(root);
    return e;
}

static void test_lists_and_their_names_end_at_their_ceilings(void **state)
{
    static const struct {
        const char *name;
        size_t count_max;
        int len_max;
    } rows[] = {
        {"rules", EXCEPTION_RULES_MAX, RULE_ID_LEN_MAX},
        {"names", EXCEPTION_NAMES_MAX, NAME_LEN_MAX},
        {"containers", EXCEPTION_CONTAINERS_MAX, 63},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_null(with_list(rows[i].name, rows[i].count_max, rows[i].len_max, *state)->invalid);
        assert_non_null(with_list(rows[i].name, rows[i].count_max + 1, 3, *state)->invalid);
        assert_non_null(with_list(rows[i].name, 1, rows[i].len_max + 1, *state)->invalid);
    }
}

static void test_reason_and_author_end_at_their_ceilings(void **state)
{
    static const struct {
        const char *name;
        int len_max;
    } rows[] = {{"reason", EXCEPTION_REASON_MAX}, {"author", EXCEPTION_AUTHOR_MAX}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int len = rows[i].len_max; len <= rows[i].len_max + 1; len++) {
            json_t *root = json_of("{" META ",'spec':{" SOUND "}}");
            char text[2048];

            (void)snprintf(text, sizeof(text), "%0*d", len, 7);
            json_object_set_new(json_object_get(root, "spec"), rows[i].name, json_string(text));
            assert_int_equal(decode(root, *state)->invalid != NULL, len > rows[i].len_max);
            json_decref(root);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_exception_of_the_fixture),
        ARENA_TEST(test_what_an_exception_may_leave_out),
        ARENA_TEST(test_expiry_is_a_time_of_any_offset_and_never_late),
        ARENA_TEST(test_what_cannot_be_understood_says_the_path_and_the_remedy),
        ARENA_TEST(test_a_spec_that_is_absent_or_none_is_invalid),
        ARENA_TEST(test_metadata_that_is_wrong_is_an_error),
        ARENA_TEST(test_lists_and_their_names_end_at_their_ceilings),
        ARENA_TEST(test_reason_and_author_end_at_their_ceilings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
