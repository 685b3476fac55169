#include "kube_fixture.h"

#include "rampart/kube/profile.h"

static const struct profile *profile_of(struct arena *a, const char *text)
{
    struct err err = {0};
    struct profile *p;
    json_t *root = json_of(text);

    if (profile_decode(root, a, &p, &err) < 0)
        fail_msg("%s", err.msg);
    json_decref(root);
    return p;
}

static const struct profile *profile_with(struct arena *a, const char *spec)
{
    char text[4096];

    (void)snprintf(text, sizeof(text), "{'metadata':{'name':'p'},'spec':{%s}}", spec);
    return profile_of(a, text);
}

static void test_profile_is_decoded_as_the_api_server_stores_it(void **state)
{
    json_t *root = fixture_json("profile.json");
    const struct profile *p = OBJECT_AS(profile, decode_ok(KIND_PROFILE, root, *state));

    json_decref(root);
    assert_null(p->invalid);
    assert_string_equal(p->object.name, "restricted");
    assert_int_equal(p->generation, 1);
    assert_true(p->has_finalizer);
    assert_int_equal(p->finalizers_count, 2);
    assert_string_equal(p->finalizers[0], "example.com/keep");
    assert_string_equal(p->finalizers[1], PROFILE_FINALIZER);
    assert_int_equal(p->mode, MODE_ENFORCE);
    assert_int_equal(p->priority, 100);
    assert_int_equal(p->selector.terms_count, 2);
    assert_int_equal(p->excluded_count, 2);
    assert_string_equal(p->excluded[0], "shop-legacy");
    assert_string_equal(p->excluded[1], "shop-tools");
    assert_false(p->includes_system);
    assert_true(p->removes_on_delete);
    assert_true(p->network.is_stated);
    assert_int_equal(p->network.mode, MODE_AUDIT);
    assert_int_equal(p->conditions_count, 1);
    assert_string_equal(p->conditions[0].type, "Ready");
    assert_string_equal(p->conditions[0].status, "True");
    assert_string_equal(p->conditions[0].reason, "Audited");
    assert_string_equal(p->conditions[0].message, "12 namespaces selected");
    assert_string_equal(p->conditions[0].last_transition, "2026-11-23T23:55:33Z");
    assert_int_equal(p->conditions[0].observed_generation, 1);
    assert_string_equal(p->rules_status,
                        "[{\"fail\":1,\"id\":\"network\",\"mode\":\"Audit\",\"pass\":11}]");
}

static void test_profile_defaults_hold_where_nothing_is_stated(void **state)
{
    const struct profile *p = profile_with(*state, "'namespaceSelector':{}");

    assert_null(p->invalid);
    assert_int_equal(p->mode, MODE_AUDIT);
    assert_int_equal(p->priority, 0);
    assert_int_equal(p->selector.terms_count, 0);
    assert_int_equal(p->excluded_count, 0);
    assert_false(p->includes_system);
    assert_false(p->removes_on_delete);
    assert_false(p->network.is_stated);
    assert_string_equal(p->status, "{}");
    assert_string_equal(p->rules_status, "[]");
    assert_int_equal(p->conditions_count, 0);
    assert_int_equal(p->generation, 0);
    assert_false(p->has_finalizer);
    assert_string_equal(p->object.uid, "");
    assert_string_equal(p->object.rv, "");
}

static void test_profile_that_is_wrong_says_where_and_what_to_do(void **state)
{
    static const struct {
        const char *spec;
        const char *invalid;
    } rows[] = {
        {"", "spec.namespaceSelector: is missing; {} selects every namespace, on purpose"},
        {"'namespaceSelector':null",
         "spec.namespaceSelector: is missing; {} selects every namespace, on purpose"},
        {"'namespaceSelector':[]", "spec.namespaceSelector: expected an object, got an array"},
        {"'namespaceSelector':{'matchLabels':{'a':5}}",
         "spec.namespaceSelector.matchLabels.a: expected a string"},
        {"'namespaceSelector':{'matchExpressions':[{'key':'a','operator':'In'}]}",
         "spec.namespaceSelector.matchExpressions[0].values: In needs at least one"},
        {"'namespaceSelector':{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'a','operator':"
         "'DoesNotExist'}]}",
         "spec.namespaceSelector: a: In [1] and DoesNotExist can never match; change one of the "
         "terms"},
        {"'mode':'enforce'", "spec.mode: \"enforce\" is unknown; expected Audit, Enforce or Off"},
        {"'mode':true", "spec.mode: expected a string"},
        {"'priority':'high'", "spec.priority: expected an integer -1000000..1000000, got a string"},
        {"'priority':1000001", "spec.priority: expected an integer -1000000..1000000, got 1000001"},
        {"'onDelete':'Delete'", "spec.onDelete: \"Delete\" is unknown; expected Retain or Remove"},
        {"'onDelete':[]", "spec.onDelete: expected a string"},
        {"'includeSystemNamespaces':'yes'",
         "spec.includeSystemNamespaces: expected true or false, got a string"},
        {"'excludedNamespaces':'a'", "spec.excludedNamespaces: expected an array, got a string"},
        {"'excludedNamespaces':['a',5]",
         "spec.excludedNamespaces[1]: expected a string, got an integer"},
        {"'excludedNamespaces':['shop-*']", "spec.excludedNamespaces[0]: \"shop-*\" is no "
                                            "namespace name; patterns are not known here, "
                                            "use namespaceSelector"},
        {"'excludedNamespaces':['']", "spec.excludedNamespaces[0]: \"\" is no namespace name; "
                                      "patterns are not known here, use namespaceSelector"},
        {"'excludedNamespaces':['-a']", "spec.excludedNamespaces[0]: \"-a\" is no namespace name; "
                                        "patterns are not known here, use namespaceSelector"},
        {"'excludedNamespaces':['a-']", "spec.excludedNamespaces[0]: \"a-\" is no namespace name; "
                                        "patterns are not known here, use namespaceSelector"},
        {"'excludedNamespaces':['"
         "0123456789012345678901234567890123456789012345678901234567890123']",
         "spec.excludedNamespaces[0]: expected at most 63 bytes, got 64"},
        {"'namespaceSelector':{},'network':[]", "spec.network: expected an object, got an array"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct profile *p = profile_with(*state, rows[i].spec);

        assert_non_null(p->invalid);
        assert_string_equal(p->invalid, rows[i].invalid);
    }
    assert_string_equal(profile_of(*state, "{'metadata':{'name':'p'}}")->invalid,
                        "spec: is missing; state at least namespaceSelector");
    assert_string_equal(profile_of(*state, "{'metadata':{'name':'p'},'spec':5}")->invalid,
                        "spec: expected an object, got an integer");
}

static void test_profile_name_must_be_a_label_value(void **state)
{
    static const struct {
        const char *name;
        bool is_valid;
    } rows[] = {
        {"p", true},
        {"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0", true},
        {"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz01", false},
        {"p.", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        const struct profile *p;

        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'%s'},'spec':{'namespaceSelector':{}}}", rows[i].name);
        p = profile_of(*state, text);
        if (rows[i].is_valid)
            assert_null(p->invalid);
        else
            assert_string_equal(
                p->invalid,
                "metadata.name: cannot be a label value, which marks what belongs to the profile; "
                "create it again with a name of at most 63 characters");
    }
}

static void test_what_stands_before_the_fault_is_kept(void **state)
{
    const struct profile *p =
        profile_with(*state, "'onDelete':'Remove','mode':'Enforce','priority':7,"
                             "'namespaceSelector':{},'network':{'allow':{'to':[{}]}}");

    assert_non_null(p->invalid);
    assert_true(p->removes_on_delete);
    assert_int_equal(p->mode, MODE_ENFORCE);
    assert_int_equal(p->priority, 7);
    assert_false(p->network.is_stated);
}

static void test_finalizer_of_ours_is_found_among_others(void **state)
{
    static const struct {
        const char *finalizers;
        bool has_finalizer;
    } rows[] = {
        {"", false},
        {"'a.example/x'", false},
        {"'" PROFILE_FINALIZER "'", true},
        {"'" PROFILE_FINALIZER "','a.example/x'", true},
        {"'a.example/x','" PROFILE_FINALIZER "','a.example/y'", true},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];

        (void)snprintf(text, sizeof(text), "{'metadata':{'name':'p','finalizers':[%s]},'spec':{}}",
                       rows[i].finalizers);
        assert_int_equal(profile_of(*state, text)->has_finalizer, rows[i].has_finalizer);
    }
}

static void test_metadata_that_cannot_be_read_is_an_error(void **state)
{
    static const struct {
        const char *text;
        const char *msg;
    } rows[] = {
        {"{}", "SecurityProfile (without a name): metadata: is missing"},
        {"{'metadata':{'name':'p','generation':'1'}}",
         "SecurityProfile p: metadata.generation: expected an integer 0..9223372036854775807, got "
         "a "
         "string"},
        {"{'metadata':{'name':'p','finalizers':{}}}",
         "SecurityProfile p: metadata.finalizers: expected an array, got an object"},
        {"{'metadata':{'name':'p','finalizers':[1]}}",
         "SecurityProfile p: metadata.finalizers[0]: expected a string, got an integer"},
        {"{'metadata':{'name':'p','uid':'u'},'spec':{}}",
         "SecurityProfile p: metadata.resourceVersion: is missing"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        decode_fails(KIND_PROFILE, rows[i].text, *state, rows[i].msg);
}

static void test_spoilt_status_does_not_stop_a_profile(void **state)
{
    static const struct {
        const char *status;
        const char *text;
        const char *rules;
    } rows[] = {
        {"null", "{}", "[]"},
        {"{}", "{}", "[]"},
        {"5", "5", "[]"},
        {"[]", "[]", "[]"},
        {"{'conditions':5}", "{\"conditions\":5}", "[]"},
        {"{'conditions':[5]}", "{\"conditions\":[5]}", "[]"},
        {"{'conditions':[{'type':'Ready'}]}", "{\"conditions\":[{\"type\":\"Ready\"}]}", "[]"},
        {"{'rules':{}}", "{\"rules\":{}}", "[]"},
        {"{'rules':[5,{'b':1,'a':null}]}", "{\"rules\":[5,{\"b\":1}]}", "[5,{\"b\":1}]"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        const struct profile *p;

        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'p'},'spec':{'namespaceSelector':{}},'status':%s}",
                       rows[i].status);
        p = profile_of(*state, text);
        assert_null(p->invalid);
        assert_string_equal(p->status, rows[i].text);
        assert_string_equal(p->rules_status, rows[i].rules);
        assert_int_equal(p->conditions_count, 0);
    }
}

static void test_modes_have_the_names_of_the_api(void **state)
{
    (void)state;
    assert_string_equal(mode_name(MODE_OFF), "Off");
    assert_string_equal(mode_name(MODE_AUDIT), "Audit");
    assert_string_equal(mode_name(MODE_ENFORCE), "Enforce");
}

static const struct label shop_labels[] = {{"env", "prod"}, {"team", "shop"}};

static struct namespace_facts namespace_named(const char *name)
{
    return (struct namespace_facts){
        .object = {.kind = KIND_NAMESPACE, .ns = "", .name = name, .uid = "u", .rv = "1"},
        .labels = {.items = shop_labels, .count = 2},
    };
}

static void test_profile_selects_by_labels_exclusions_and_system_names(void **state)
{
    static const struct {
        const char *spec;
        const char *name;
        bool matches;
        bool excludes;
    } rows[] = {
        {"'namespaceSelector':{}", "shop", true, false},
        {"'namespaceSelector':{'matchLabels':{'team':'shop'}}", "shop", true, false},
        {"'namespaceSelector':{'matchLabels':{'team':'ops'}}", "shop", false, false},
        {"'namespaceSelector':{},'excludedNamespaces':['b','shop','a']", "shop", true, true},
        {"'namespaceSelector':{},'excludedNamespaces':['shop']", "shop2", true, false},
        {"'namespaceSelector':{}", "kube-system", true, true},
        {"'namespaceSelector':{}", "kube", true, false},
        {"'namespaceSelector':{},'includeSystemNamespaces':true", "kube-system", true, false},
        {"'namespaceSelector':{},'includeSystemNamespaces':true,'excludedNamespaces':['kube-system'"
         "]",
         "kube-system", true, true},
        {"'namespaceSelector':{}", "rampart-system", true, true},
        {"'namespaceSelector':{},'mode':'wrong'", "shop", false, false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct profile *p = profile_with(*state, rows[i].spec);
        struct namespace_facts ns = namespace_named(rows[i].name);

        assert_int_equal(profile_matches_labels(p, &ns), rows[i].matches);
        assert_int_equal(profile_excludes(p, rows[i].name, "rampart-system"), rows[i].excludes);
        assert_int_equal(profile_selects(p, &ns, "rampart-system"),
                         rows[i].matches && !rows[i].excludes);
    }
}

static void test_nothing_that_is_being_deleted_selects_or_is_selected(void **state)
{
    struct profile p = *profile_with(*state, "'namespaceSelector':{}");
    struct namespace_facts ns = namespace_named("shop");

    assert_true(profile_selects(&p, &ns, NULL));
    ns.object.is_deleting = true;
    assert_false(profile_selects(&p, &ns, NULL));
    ns.object.is_deleting = false;
    p.object.is_deleting = true;
    assert_false(profile_selects(&p, &ns, NULL));
}

static void test_excluded_namespaces_end_at_their_ceiling(void **state)
{
    json_t *names = json_array();
    json_t *root = json_pack("{s:{s:s},s:{s:{},s:o}}", "metadata", "name", "p", "spec",
                             "namespaceSelector", "excludedNamespaces", names);
    struct err err = {0};
    struct profile *p;

    for (int i = 0; i < PROFILE_EXCLUDED_MAX; i++)
        json_array_append_new(names, json_sprintf("n%d", i));
    assert_int_equal(profile_decode(root, *state, &p, &err), 0);
    assert_null(p->invalid);
    assert_int_equal(p->excluded_count, PROFILE_EXCLUDED_MAX);
    json_array_append_new(names, json_string("more"));
    assert_int_equal(profile_decode(root, *state, &p, &err), 0);
    assert_string_equal(p->invalid,
                        "spec.excludedNamespaces: expected at most 256 elements, got 257");
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_profile_is_decoded_as_the_api_server_stores_it),
        ARENA_TEST(test_profile_defaults_hold_where_nothing_is_stated),
        ARENA_TEST(test_profile_that_is_wrong_says_where_and_what_to_do),
        ARENA_TEST(test_profile_name_must_be_a_label_value),
        ARENA_TEST(test_what_stands_before_the_fault_is_kept),
        ARENA_TEST(test_finalizer_of_ours_is_found_among_others),
        ARENA_TEST(test_metadata_that_cannot_be_read_is_an_error),
        ARENA_TEST(test_spoilt_status_does_not_stop_a_profile),
        cmocka_unit_test(test_modes_have_the_names_of_the_api),
        ARENA_TEST(test_profile_selects_by_labels_exclusions_and_system_names),
        ARENA_TEST(test_nothing_that_is_being_deleted_selects_or_is_selected),
        ARENA_TEST(test_excluded_namespaces_end_at_their_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
