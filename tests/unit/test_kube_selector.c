#include "kube_fixture.h"

#include "rampart/kube/labels.h"

static int decode(struct arena *a, const char *text, struct selector *selector, struct err *err)
{
    json_t *root = json_of(text);
    int r = selector_decode(root, a, selector, err);

    json_decref(root);
    return r;
}

static struct selector selector_of(struct arena *a, const char *text)
{
    struct selector selector;
    struct err err = {0};

    if (decode(a, text, &selector, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return selector;
}

static void test_selector_matches_as_a_label_selector_does(void **state)
{
    static const struct {
        const char *selector;
        const char *labels;
        bool matches;
    } rows[] = {
        {"{}", "{}", true},
        {"{}", "{'labels':{'a':'1'}}", true},
        {"{'matchLabels':null,'matchExpressions':null}", "{}", true},
        {"{'matchLabels':{'a':'1'}}", "{'labels':{'a':'1','b':'2'}}", true},
        {"{'matchLabels':{'a':'1'}}", "{'labels':{'a':'2'}}", false},
        {"{'matchLabels':{'a':'1'}}", "{}", false},
        {"{'matchLabels':{'a':'1','b':'2'}}", "{'labels':{'a':'1'}}", false},
        {"{'matchLabels':{'a':''}}", "{'labels':{'a':''}}", true},
        {"{'matchLabels':{'a':''}}", "{}", false},
        {"{'matchExpressions':[{'key':'a','operator':'In','values':['2','1']}]}",
         "{'labels':{'a':'1'}}", true},
        {"{'matchExpressions':[{'key':'a','operator':'In','values':['2','1']}]}",
         "{'labels':{'a':'3'}}", false},
        {"{'matchExpressions':[{'key':'a','operator':'In','values':['1']}]}", "{}", false},
        {"{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1','2']}]}",
         "{'labels':{'a':'2'}}", false},
        {"{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1','2']}]}",
         "{'labels':{'a':'3'}}", true},
        {"{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1']}]}", "{}", true},
        {"{'matchExpressions':[{'key':'a','operator':'Exists'}]}", "{'labels':{'a':''}}", true},
        {"{'matchExpressions':[{'key':'a','operator':'Exists','values':[]}]}", "{}", false},
        {"{'matchExpressions':[{'key':'a','operator':'DoesNotExist'}]}", "{}", true},
        {"{'matchExpressions':[{'key':'a','operator':'DoesNotExist'}]}", "{'labels':{'a':''}}",
         false},
        {"{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'b','operator':'Exists'}]}",
         "{'labels':{'a':'1'}}", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct selector selector = selector_of(*state, rows[i].selector);
        json_t *root = json_of(rows[i].labels);
        struct labels labels;

        assert_int_equal(labels_decode(root, "labels", *state, &labels, NULL), 0);
        json_decref(root);
        if (selector_matches(&selector, &labels) != rows[i].matches)
            fail_msg("%s on %s", rows[i].selector, rows[i].labels);
    }
}

static void test_selector_errors_name_the_term(void **state)
{
    static const struct {
        const char *text;
        const char *msg;
    } rows[] = {
        {"[]", "matchLabels: expected a label selector around it"},
        {"{'matchLabels':[]}", "matchLabels: expected an object, got an array"},
        {"{'matchLabels':{'a':5}}", "matchLabels.a: expected a string"},
        {"{'matchLabels':{'a b':'x'}}", "matchLabels: \"a b\" is no label key; expected "
                                        "[prefix/]name, a name of at most 63 letters, "
                                        "digits, '-', '_' and '.'"},
        {"{'matchLabels':{'a':'x y'}}", "matchLabels: \"x y\" is no label value; expected at most "
                                        "63 letters, digits, '-', '_' and "
                                        "'.', with a letter or digit at both ends"},
        {"{'matchExpressions':{}}", "matchExpressions: expected an array, got an object"},
        {"{'matchExpressions':['a']}", "matchExpressions[0]: expected an object"},
        {"{'matchExpressions':[{}]}", "matchExpressions[0].key: expected a string, got nothing"},
        {"{'matchExpressions':[{'key':'a','operator':'Exists'},{'key':'a'}]}",
         "matchExpressions[1].operator: expected a string, got nothing"},
        {"{'matchExpressions':[{'key':'a','operator':'in','values':['x']}]}",
         "matchExpressions[0].operator: \"in\" is unknown; expected In, NotIn, Exists or "
         "DoesNotExist"},
        {"{'matchExpressions':[{'key':'a','operator':'In'}]}",
         "matchExpressions[0].values: In needs at least one"},
        {"{'matchExpressions':[{'key':'a','operator':'NotIn','values':[]}]}",
         "matchExpressions[0].values: NotIn needs at least one"},
        {"{'matchExpressions':[{'key':'a','operator':'Exists','values':['x']}]}",
         "matchExpressions[0].values: Exists takes none"},
        {"{'matchExpressions':[{'key':'a','operator':'In','values':[1]}]}",
         "matchExpressions[0].values[0]: expected a string, got an integer"},
        {"{'matchExpressions':[{'key':'-','operator':'Exists'}]}",
         "matchExpressions[0].key: \"-\" is no label key; expected [prefix/]name, a name of at "
         "most 63 "
         "letters, digits, '-', '_' and '.'"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct selector selector = {.terms_count = 9};
        struct err err = {0};

        assert_int_equal(decode(*state, rows[i].text, &selector, &err), -1);
        assert_string_equal(err.msg, rows[i].msg);
        assert_int_equal(err.code, ERR_INVALID);
        assert_int_equal(selector.terms_count, 9);
    }
}

static json_t *many_terms(size_t labels, size_t expressions)
{
    json_t *root = json_object();
    json_t *map = json_object();
    json_t *arr = json_array();

    for (size_t i = 0; i < labels + expressions; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "k%zu", i);
        if (i < labels)
            json_object_set_new(map, key, json_string("v"));
        else
            json_array_append_new(arr, json_pack("{s:s,s:s}", "key", key, "operator", "Exists"));
    }
    json_object_set_new(root, "matchLabels", map);
    json_object_set_new(root, "matchExpressions", arr);
    return root;
}

static void test_selector_terms_end_at_their_ceiling(void **state)
{
    struct selector selector;
    struct err err = {0};
    json_t *most = many_terms(30, SELECTOR_TERMS_MAX - 30);
    json_t *more = many_terms(31, SELECTOR_TERMS_MAX - 30);

    assert_int_equal(selector_decode(most, *state, &selector, &err), 0);
    assert_int_equal(selector.terms_count, SELECTOR_TERMS_MAX);
    assert_int_equal(selector_decode(more, *state, &selector, &err), -1);
    assert_string_equal(err.msg,
                        "matchLabels: with matchExpressions 65 terms, expected at most 64");
    json_decref(most);
    json_decref(more);
}

static void test_selector_values_end_at_their_ceiling(void **state)
{
    struct selector selector;
    struct err err = {0};
    json_t *values = json_array();
    json_t *root = json_pack("{s:[{s:s,s:s,s:o}]}", "matchExpressions", "key", "a", "operator",
                             "In", "values", values);

    for (int i = 0; i < SELECTOR_VALUES_MAX; i++)
        json_array_append_new(values, json_sprintf("v%d", i));
    assert_int_equal(selector_decode(root, *state, &selector, &err), 0);
    assert_int_equal(selector.terms[0].values_count, SELECTOR_VALUES_MAX);
    json_array_append_new(values, json_string("more"));
    assert_int_equal(selector_decode(root, *state, &selector, &err), -1);
    assert_string_equal(err.msg,
                        "matchExpressions[0].values: expected at most 64 elements, got 65");
    json_decref(root);
}

static void test_selector_contradictions_are_told(void **state)
{
    static const struct {
        const char *selector;
        const char *text; /* NULL: something can match */
    } rows[] = {
        {"{}", NULL},
        {"{'matchLabels':{'a':'1','b':'1'}}", NULL},
        {"{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'a','operator':'In','values':['1','2'"
         "]}"
         "]}",
         NULL},
        {"{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1']},{'key':'a','operator':"
         "'Exists'}]}",
         NULL},
        {"{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1']},{'key':'a','operator':"
         "'DoesNotExist'}]}",
         NULL},
        {"{'matchExpressions':[{'key':'a','operator':'In','values':['1','2']},{'key':'a','operator'"
         ":"
         "'NotIn','values':['1']}]}",
         NULL},
        {"{'matchExpressions':[{'key':'team','operator':'In','values':['a']},{'key':'team',"
         "'operator':'NotIn','values':['a']}]}",
         "team: In [a] and NotIn [a]"},
        {"{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'a','operator':'In','values':['3','2'"
         "]}"
         "]}",
         "a: In [1] and In [2, 3]"},
        {"{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'a','operator':'DoesNotExist'}]}",
         "a: In [1] and DoesNotExist"},
        {"{'matchExpressions':[{'key':'a','operator':'DoesNotExist'},{'key':'a','operator':'Exists'"
         "}]"
         "}",
         "a: Exists and DoesNotExist"},
        {"{'matchLabels':{'z':'1'},'matchExpressions':[{'key':'b','operator':'In','values':['1','2'"
         "]}"
         ",{'key':'b','operator':'NotIn','values':['1']},{'key':'b','operator':'NotIn','values':['"
         "2']"
         "}]}",
         "b: In [1, 2] and NotIn [1] and NotIn [2]"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct selector selector = selector_of(*state, rows[i].selector);
        const char *text = selector_contradiction(&selector, *state);

        if (!rows[i].text)
            assert_null(text);
        else
            assert_string_equal(text, rows[i].text);
    }
}

static void test_selector_contradiction_is_told_without_memory_too(void **state)
{
    struct selector selector = selector_of(
        *state,
        "{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'a','operator':'DoesNotExist'}]}");
    struct arena empty;

    arena_init(&empty, 0);
    assert_non_null(selector_contradiction(&selector, &empty));
    arena_done(&empty);
}

static void test_selector_contradiction_of_any_length_fits(void **state)
{
    json_t *values = json_array();
    json_t *root =
        json_pack("{s:[{s:s,s:s,s:O},{s:s,s:s,s:o}]}", "matchExpressions", "key", "a", "operator",
                  "In", "values", values, "key", "a", "operator", "NotIn", "values", values);
    struct selector selector;
    const char *text;

    for (int i = 0; i < SELECTOR_VALUES_MAX; i++)
        json_array_append_new(values, json_sprintf("%060d", i));
    assert_int_equal(selector_decode(root, *state, &selector, NULL), 0);
    text = selector_contradiction(&selector, *state);
    assert_non_null(text);
    assert_true(strlen(text) < ERR_MSG_MAX);
    json_decref(root);
}

static void test_selector_text_is_canonical_and_the_same_for_equal_selectors(void **state)
{
    static const struct {
        const char *selector;
        const char *text;
    } rows[] = {
        {"{}", "{\"s\":{}}"},
        {"{'matchExpressions':[],'matchLabels':{}}", "{\"s\":{}}"},
        {"{'matchLabels':{'b':'2','a':'1'}}",
         "{\"s\":{\"matchLabels\":{\"a\":\"1\",\"b\":\"2\"}}}"},
        {"{'matchExpressions':[{'key':'a','operator':'In','values':['1','1']}]}",
         "{\"s\":{\"matchLabels\":{\"a\":\"1\"}}}"},
        {"{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'a','operator':'In','values':['1']}]"
         "}",
         "{\"s\":{\"matchLabels\":{\"a\":\"1\"}}}"},
        {"{'matchExpressions':[{'key':'b','operator':'NotIn','values':['2','1']},{'key':'a',"
         "'operator':'Exists'}]}",
         "{\"s\":{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\"},{\"key\":\"b\","
         "\"operator\":\"NotIn\",\"values\":[\"1\",\"2\"]}]}}"},
        /* Same values, one of them more; and a value of its own beside them. */
        {"{'matchExpressions':[{'key':'a','operator':'In','values':['1','2']},{'key':'a','operator'"
         ":'In','values':['2']},{'key':'a','operator':'In','values':['1','2','3']}]}",
         "{\"s\":{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"1\",\"2\"]"
         "},"
         "{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"1\",\"2\",\"3\"]}],"
         "\"matchLabels\":{\"a\":\"2\"}}}"},
        {"{'matchExpressions':[{'key':'a','operator':'In','values':['1','2','3']},{'key':'a',"
         "'operator':'In','values':['1','2']}]}",
         "{\"s\":{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"1\",\"2\"]"
         "},"
         "{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"1\",\"2\",\"3\"]}]}}"},
        /* A key fits matchLabels once: the second value must not be lost. */
        {"{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'a','operator':'In','values':['2']}]"
         "}",
         "{\"s\":{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"2\"]}],"
         "\"matchLabels\":{\"a\":\"1\"}}}"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct selector selector = selector_of(*state, rows[i].selector);
        struct json_build j;
        struct err err = {0};
        const char *canonical;
        json_t *again;
        AUTO_STRBUF out;

        strbuf_init(&out, 4000);
        json_build_init(&j, &out);
        json_open_obj(&j, NULL);
        selector_write(&j, "s", &selector);
        json_close_obj(&j);
        assert_string_equal(out.text, rows[i].text);
        again = json_decode(out.text, out.len, &err);
        canonical = json_canonical(again, *state, &err);
        assert_string_equal(canonical, out.text);
        json_decref(again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_selector_matches_as_a_label_selector_does),
        ARENA_TEST(test_selector_errors_name_the_term),
        ARENA_TEST(test_selector_terms_end_at_their_ceiling),
        ARENA_TEST(test_selector_values_end_at_their_ceiling),
        ARENA_TEST(test_selector_contradictions_are_told),
        ARENA_TEST(test_selector_contradiction_is_told_without_memory_too),
        ARENA_TEST(test_selector_contradiction_of_any_length_fits),
        ARENA_TEST(test_selector_text_is_canonical_and_the_same_for_equal_selectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
