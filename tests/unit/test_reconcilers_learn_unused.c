/* What a ServiceAccount may do, and was not seen to do. */
#include "reconcilers_learn.h"

#include <stdlib.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/learn_unused.h"
#include "support/sweep.h"
#include "support/text.h"

#define SUBJECTS \
    "\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"web\",\"namespace\":\"shop\"}]"

static int add(struct access *g, enum access_kind kind, const char *text, struct err *err)
{
    json_t *object = json_decode(text, strlen(text), err);
    int result = object ? access_add(g, kind, object, "", err) : -1;

    json_decref(object);
    return result;
}

/* ClusterRole "r" with these rules, bound to shop:web in @ns ("": everywhere). */
static int bind_rules(struct access *g, const char *ns, const char *rules, struct err *err)
{
    struct strbuf text;
    int result;

    strbuf_init(&text, 4u << 20);
    strbuf_addf(&text, "{\"metadata\":{\"name\":\"r\"},\"rules\":%s}", rules);
    result = strbuf_check(&text, "a role", err);
    if (result == 0)
        result = add(g, ACCESS_CLUSTER_ROLE, text.text, err);
    strbuf_clear(&text);
    strbuf_addf(&text,
                "{\"metadata\":{\"name\":\"b\",\"namespace\":\"%s\"},\"roleRef\":{\"apiGroup\":"
                "\"" RBAC_GROUP "\",\"kind\":\"ClusterRole\",\"name\":\"r\"}," SUBJECTS "}",
                ns);
    if (result == 0)
        result = strbuf_check(&text, "a binding", err);
    if (result == 0)
        result = add(g, *ns ? ACCESS_ROLE_BINDING : ACCESS_CLUSTER_ROLE_BINDING, text.text, err);
    strbuf_done(&text);
    return result == 0 ? access_link(g, err) : -1;
}

/* "unused {..} wide {..} cut" of each binding of shop:web. */
static void write_unused(struct learn_table *t, const struct access *g, struct strbuf *out)
{
    struct learn_unused unused;
    struct err err = {0};
    AUTO_ARENA a;

    arena_init(&a, LEARN_UNUSED_BYTES_MAX);
    assert_int_equal(learn_unused_of(account_in(t, "shop:web"), g, &a, &unused, &err), 0);
    for (size_t i = 0; i < unused.count; i++) {
        const struct learn_grant *grant = &unused.grants[i];

        for (size_t k = 0; k < grant->unused.count; k++) {
            strbuf_adds(out, "unused ");
            rbac_rule_print(&grant->unused.rules[k], 10, out);
            strbuf_addc(out, '\n');
        }
        for (size_t k = 0; k < grant->wide.count; k++) {
            strbuf_adds(out, "wide ");
            rbac_rule_print(&grant->wide.rules[k], 10, out);
            strbuf_addc(out, '\n');
        }
        if (grant->is_cut)
            strbuf_adds(out, "cut\n");
    }
}

static void assert_unused(const char *ns, const char *rules, const struct audit_event *events,
                          size_t count, const char *expected)
{
    struct learn_table *t = learn_table_with(2, 2);
    struct err err = {0};
    struct access g;
    AUTO_STRBUF got;

    access_init(&g, 16u << 20);
    strbuf_init(&got, 1u << 20);
    if (bind_rules(&g, ns, rules, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(learn_table_know(t, WEB, everything(), &err), 0);
    for (size_t i = 0; i < count; i++)
        note(t, &events[i]);
    write_unused(t, &g, &got);
    if (strcmp(got.text, expected) != 0)
        fail_msg("%s\ngot\n%s\nand not\n%s", rules, got.text, expected);
    access_done(&g);
    learn_table_free(t);
}

#define ASSERT_UNUSED(ns_, rules_, expected_, ...)                                                \
    assert_unused((ns_), (rules_), (const struct audit_event[]){__VA_ARGS__},                     \
                  sizeof((const struct audit_event[]){__VA_ARGS__}) / sizeof(struct audit_event), \
                  (expected_))

#define CORE(resources_, verbs_, more_) \
    "{\"apiGroups\":[\"\"],\"resources\":[" resources_ "],\"verbs\":[" verbs_ "]" more_ "}"

static void test_what_was_used_is_not_told(void **state)
{
    (void)state;
    ASSERT_UNUSED("", "[" CORE("\"pods\"", "\"get\",\"list\"", "") "]", "",
                  ASKED("get", "pods", "shop", "a"), ASKED("list", "pods", "bank", ""));
}

static void test_verbs_and_resources_that_were_not_used_are_told(void **state)
{
    (void)state;
    ASSERT_UNUSED("", "[" CORE("\"pods\",\"pods/log\"", "\"get\",\"list\"", "") "]",
                  "unused {APIGroups:[\"\"], Resources:[\"pods\" \"pods/log\"], "
                  "Verbs:[\"list\"]}\n",
                  ASKED("get", "pods", "shop", "a"),
                  ASKED("get", "pods", "shop", "a", .subresource = "log"));
}

static void test_names_that_were_not_used_are_told(void **state)
{
    (void)state;
    ASSERT_UNUSED("", "[" CORE("\"secrets\"", "\"get\"", ",\"resourceNames\":[\"a\",\"b\"]") "]",
                  "unused {APIGroups:[\"\"], Resources:[\"secrets\"], ResourceNames:[\"b\"], "
                  "Verbs:[\"get\"]}\n",
                  ASKED("get", "secrets", "shop", "a"), ASKED("get", "secrets", "shop", "c"));
}

static void test_names_that_are_not_known_any_more_count_as_used(void **state)
{
    (void)state;
    ASSERT_UNUSED("", "[" CORE("\"secrets\"", "\"get\"", ",\"resourceNames\":[\"a\"]") "]", "",
                  ASKED("get", "secrets", "shop", "x"), ASKED("get", "secrets", "shop", "y"),
                  ASKED("get", "secrets", "shop", "z"));
    ASSERT_UNUSED("", "[" CORE("\"secrets\"", "\"list\"", ",\"resourceNames\":[\"a\"]") "]", "",
                  ASKED("list", "secrets", "shop", ""));
}

static void test_a_binding_of_one_namespace_is_used_only_there(void **state)
{
    static const char rules[] = "[" CORE("\"pods\"", "\"get\"", "") "]";
    static const char unused[] =
        "unused {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\"]}\n";

    (void)state;
    ASSERT_UNUSED("shop", rules, "", ASKED("get", "pods", "shop", "a"));
    ASSERT_UNUSED("shop", rules, unused, ASKED("get", "pods", "bank", "a"));
    ASSERT_UNUSED("shop", rules, unused, ASKED("get", "pods", "", "a"));
    /* In too many namespaces to know in which. */
    ASSERT_UNUSED("shop", rules, "", ASKED("get", "pods", "a", "a"), ASKED("get", "pods", "b", "a"),
                  ASKED("get", "pods", "c", "a"));
}

static void test_a_namespace_lies_in_itself(void **state)
{
    static const char rules[] = "[" CORE("\"namespaces\",\"namespaces/status\"", "\"get\"", "") "]";
    static const char named[] =
        "[" CORE("\"namespaces\"", "\"get\"", ",\"resourceNames\":[\"shop\",\"bank\"]") "]";

    (void)state;
    ASSERT_UNUSED("shop", rules, "", ASKED("get", "namespaces", "shop", "shop"),
                  ASKED("get", "namespaces", "shop", "shop", .subresource = "status"));
    ASSERT_UNUSED("shop", rules,
                  "unused {APIGroups:[\"\"], Resources:[\"namespaces\" \"namespaces/status\"], "
                  "Verbs:[\"get\"]}\n",
                  ASKED("get", "namespaces", "bank", "bank"));
    ASSERT_UNUSED("shop", named,
                  "unused {APIGroups:[\"\"], Resources:[\"namespaces\"], ResourceNames:[\"bank\"], "
                  "Verbs:[\"get\"]}\n",
                  ASKED("get", "namespaces", "shop", "shop"),
                  ASKED("get", "namespaces", "bank", "bank"));
}

static void test_a_star_that_was_used_is_told_to_be_wide(void **state)
{
    (void)state;
    ASSERT_UNUSED("", "[" CORE("\"*\",\"*/scale\"", "\"get\"", "") "]",
                  "unused {APIGroups:[\"\"], Resources:[\"*/scale\"], Verbs:[\"get\"]}\n"
                  "wide {APIGroups:[\"\"], Resources:[\"*\"], Verbs:[\"get\"]}\n",
                  ASKED("get", "pods", "shop", "a"));
    ASSERT_UNUSED("", "[" CORE("\"pods\"", "\"*\"", "") "]",
                  "wide {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"*\"]}\n",
                  ASKED("get", "pods", "shop", "a"));
    ASSERT_UNUSED("", "[{\"apiGroups\":[\"*\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]}]",
                  "wide {APIGroups:[\"*\"], Resources:[\"pods\"], Verbs:[\"get\"]}\n",
                  ASKED("get", "pods", "shop", "a"));
}

static void test_urls_are_told_where_they_count(void **state)
{
    static const char rules[] =
        "[{\"nonResourceURLs\":[\"/metrics\",\"/debug/*\",\"/logs\",\"/version\"],"
        "\"verbs\":[\"get\"]}]";
    const struct audit_event metrics =
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/metrics");
    const struct audit_event debug =
        ASKED("get", "", "", "", .is_for_resource = false, .uri = "/debug/pprof");

    (void)state;
    ASSERT_UNUSED("", rules,
                  "unused {NonResourceURLs:[\"/logs\"], Verbs:[\"get\"]}\n"
                  "wide {NonResourceURLs:[\"/debug/*\"], Verbs:[\"get\"]}\n",
                  metrics, debug);
    ASSERT_UNUSED("shop", rules, "", metrics);
}

static void test_only_bindings_that_name_the_account_are_looked_at(void **state)
{
    static const char role[] =
        "{\"metadata\":{\"name\":\"r\"},\"rules\":[" CORE("\"pods\"", "\"get\"", "") "]}";
    static const char *const subjects[] = {
        "{\"kind\":\"Group\",\"apiGroup\":\"" RBAC_GROUP
        "\",\"name\":\"system:serviceaccounts:shop\"}",
        "{\"kind\":\"Group\",\"apiGroup\":\"" RBAC_GROUP "\",\"name\":\"system:authenticated\"}",
        "{\"kind\":\"ServiceAccount\",\"name\":\"web\",\"namespace\":\"bank\"}",
        "{\"kind\":\"ServiceAccount\",\"name\":\"api\",\"namespace\":\"shop\"}",
    };
    struct learn_table *t = learn_table_with(1, 1);
    struct err err = {0};
    struct access g;
    AUTO_STRBUF got;

    (void)state;
    access_init(&g, 1u << 20);
    strbuf_init(&got, 1u << 16);
    assert_int_equal(add(&g, ACCESS_CLUSTER_ROLE, role, &err), 0);
    for (size_t i = 0; i <= COUNT_OF(subjects); i++) {
        char text[512];

        (void)
            snprintf(text, sizeof(text),
                     "{\"metadata\":{\"name\":\"b-%zu\"},\"roleRef\":{\"apiGroup\":\"" RBAC_GROUP
                     "\",\"kind\":\"ClusterRole\",\"name\":\"%s\"},\"subjects\":[%s]}",
                     i, i < COUNT_OF(subjects) ? "r" : "not-there",
                     i < COUNT_OF(subjects)
                         ? subjects[i]
                         : "{\"kind\":\"ServiceAccount\",\"name\":\"web\",\"namespace\":\"shop\"}");
        if (add(&g, ACCESS_CLUSTER_ROLE_BINDING, text, &err) < 0)
            fail_msg("%s", err.msg);
    }
    assert_int_equal(access_link(&g, &err), 0);
    assert_int_equal(learn_table_know(t, WEB, everything(), &err), 0);
    write_unused(t, &g, &got);
    assert_string_equal(got.text, "");
    access_done(&g);
    learn_table_free(t);
}

static void test_whoever_is_bound_and_was_never_seen_is_known(void **state)
{
    static const struct learn_filter of_bank = {.since_ms = AUDIT_TIME_UNSAID,
                                                .namespaces = {"bank"},
                                                .namespaces_count = 1};
    struct learn_table *t = learn_table_with(1, 1);
    struct err err = {0};
    struct access g;

    (void)state;
    access_init(&g, 1u << 20);
    assert_int_equal(bind_rules(&g, "", "[" CORE("\"pods\"", "\"get\"", "") "]", &err), 0);
    assert_int_equal(learn_unused_know(t, &g, &of_bank, &err), 0);
    assert_int_equal(learn_table_count(t), 0);
    assert_int_equal(learn_unused_know(t, &g, everything(), &err), 0);
    assert_int_equal(learn_unused_know(t, &g, everything(), &err), 0);
    assert_int_equal(learn_table_count(t), 1);
    assert_int_equal(account_in(t, "shop:web")->rights_count, 0);
    access_done(&g);
    learn_table_free(t);
}

static void test_an_account_beyond_the_ceiling_is_counted(void **state)
{
    struct learn_table *t = learn_table_with(1, 1);
    struct err err = {0};

    (void)state;
    for (unsigned i = 0; i < LEARN_ACCOUNTS_MAX + 2; i++) {
        char user[64];

        (void)snprintf(user, sizeof(user), "system:serviceaccount:shop:a-%u", i);
        assert_int_equal(learn_table_know(t, user, everything(), &err), 0);
    }
    assert_int_equal(learn_table_know(t, "admin", everything(), &err), 0);
    assert_int_equal(learn_table_count(t), LEARN_ACCOUNTS_MAX);
    assert_int_equal(learn_table_without_account(t), 2);
    learn_table_free(t);
}

static void test_a_role_with_more_rights_than_are_looked_at_is_cut_and_says_so(void **state)
{
    static const struct {
        size_t resources;
        bool is_cut;
    } rows[] = {{LEARN_UNUSED_MAX / 2, false}, {LEARN_UNUSED_MAX / 2 + 1, true}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct learn_table *t = learn_table_with(1, 1);
        struct learn_unused unused;
        struct err err = {0};
        struct access g;
        AUTO_ARENA a;
        AUTO_STRBUF rules;

        strbuf_init(&rules, 1u << 20);
        strbuf_adds(&rules,
                    "[{\"apiGroups\":[\"\"],\"verbs\":[\"get\",\"list\"],\"resources\":[\"r\"");
        for (size_t k = 1; k < rows[i].resources; k++)
            strbuf_addf(&rules, ",\"r-%zu\"", k);
        strbuf_adds(&rules, "]}]");
        access_init(&g, 4u << 20);
        arena_init(&a, LEARN_UNUSED_BYTES_MAX);
        assert_int_equal(bind_rules(&g, "", rules.text, &err), 0);
        assert_int_equal(learn_unused_know(t, &g, everything(), &err), 0);
        assert_int_equal(learn_unused_of(account_in(t, "shop:web"), &g, &a, &unused, &err), 0);
        assert_int_equal(unused.count, 1);
        assert_int_equal(unused.grants[0].is_cut, rows[i].is_cut);
        access_done(&g);
        learn_table_free(t);
    }
}

struct compared {
    struct access g;
    struct learn_table *t;
    const struct learn_account *account;
};

static int compare(void *ctx, struct err *err)
{
    const struct compared *c = ctx;
    struct learn_unused unused = {.count = 77};
    int result;
    AUTO_ARENA a;

    arena_init(&a, LEARN_UNUSED_BYTES_MAX);
    result = learn_unused_of(c->account, &c->g, &a, &unused, err);
    if (result < 0)
        assert_int_equal(unused.count, 77);
    return result;
}

static int know(void *ctx, struct err *err)
{
    const struct compared *c = ctx;
    const struct learn_bounds bounds = {1, 1};
    struct learn_table *t = learn_table_new(&bounds, err);
    int result = t ? learn_unused_know(t, &c->g, everything(), err) : -1;

    learn_table_free(t);
    return result;
}

static void test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing(void **state)
{
    const struct audit_event seen = ASKED("get", "pods", "shop", "a", .subresource = "log");
    struct compared c = {.t = learn_table_with(1, 1)};
    struct err err = {0};

    (void)state;
    access_init(&c.g, 1u << 20);
    assert_int_equal(bind_rules(&c.g, "",
                                "[" CORE("\"*\",\"pods/log\"", "\"get\",\"list\"", "") "]", &err),
                     0);
    note(c.t, &seen);
    c.account = account_in(c.t, "shop:web");
    assert_true(sweep(know, &c) >= 3);
    assert_true(sweep(compare, &c) >= 6);
    access_done(&c.g);
    learn_table_free(c.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_used_is_not_told),
        cmocka_unit_test(test_verbs_and_resources_that_were_not_used_are_told),
        cmocka_unit_test(test_names_that_were_not_used_are_told),
        cmocka_unit_test(test_names_that_are_not_known_any_more_count_as_used),
        cmocka_unit_test(test_a_binding_of_one_namespace_is_used_only_there),
        cmocka_unit_test(test_a_namespace_lies_in_itself),
        cmocka_unit_test(test_a_star_that_was_used_is_told_to_be_wide),
        cmocka_unit_test(test_urls_are_told_where_they_count),
        cmocka_unit_test(test_only_bindings_that_name_the_account_are_looked_at),
        cmocka_unit_test(test_whoever_is_bound_and_was_never_seen_is_known),
        cmocka_unit_test(test_an_account_beyond_the_ceiling_is_counted),
        cmocka_unit_test(test_a_role_with_more_rights_than_are_looked_at_is_cut_and_says_so),
        cmocka_unit_test(test_out_of_memory_at_any_point_is_an_error_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
