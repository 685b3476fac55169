/* Access rules about who is granted something, about roles, accounts, Secrets and ConfigMaps; and
 * the registry of them all. */
#include "rules_grant.h"

static bool is_kebab_case(const char *id)
{
    size_t len = strlen(id);

    return strncmp(id, "rbac-", 5) == 0 &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && id[len - 1] != '-' &&
           !strstr(id, "--");
}

static void test_access_rules_are_sorted_by_ids_that_no_posture_rule_has(void **state)
{
    (void)state;
    assert_true(access_rules_count > 0);
    for (size_t i = 0; i < access_rules_count; i++) {
        const char *id = access_rules[i]->id;

        if (i > 0 && strcmp(access_rules[i - 1]->id, id) >= 0)
            fail_msg("%s does not come before %s", access_rules[i - 1]->id, id);
        assert_ptr_equal(access_rule_find(id), access_rules[i]);
        assert_null(rule_find(id));
    }
    assert_null(access_rule_find(""));
    assert_null(access_rule_find("rbac"));
    assert_null(access_rule_find("privileged"));
}

static void test_access_rule_says_everything_that_people_are_told_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < access_rules_count; i++) {
        const struct access_rule *rule = access_rules[i];

        if (!is_kebab_case(rule->id))
            fail_msg("the id %s is no kebab-case after rbac-", rule->id);
        if (!*rule->title || rule->title[strlen(rule->title) - 1] == '.')
            fail_msg("%s has no title, or one with a full stop", rule->id);
        if (!*rule->standards || strpbrk(rule->standards, "\n|"))
            fail_msg("%s does not say where it comes from", rule->id);
        if (!*rule->remedy || rule->remedy[strlen(rule->remedy) - 1] != '.')
            fail_msg("the remedy of %s is no sentence", rule->id);
        if (strlen(rule->remedy) > 400 || strpbrk(rule->remedy, "\n\t|"))
            fail_msg("%s says more than a line", rule->id);
        assert_in_range(rule->severity, SEVERITY_LOW, SEVERITY_CRITICAL);
        assert_in_range(rule->about, ABOUT_GRANT, ABOUT_COUNT - 1);
        if (rule->rights) /* asked by access_rule_ask() itself */
            assert_true(rule->about == ABOUT_GRANT && !rule->check && !rule->describe);
        else
            assert_true((rule->check || rule->is_meant) && rule->describe);
        for (const struct access_right *r = rule->rights; r && r->resource; r++)
            assert_true(r->verbs[0] && !r->verbs[ACCESS_VERBS_MAX - 1]);
    }
}

/* 5.1.6 is asked of pods too: service-account-token. */
static void test_access_rules_cover_section_5_1_of_the_benchmark(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= 13; number++) {
        bool is_there = false;
        char wanted[32];

        (void)snprintf(wanted, sizeof(wanted), "CIS 5.1.%u", number);
        for (size_t i = 0; i < access_rules_count; i++) {
            const char *found = strstr(access_rules[i]->standards, wanted);

            is_there = is_there || (found && !strchr("0123456789", found[strlen(wanted)])) ||
                       (found && found[strlen(wanted)] == '\0');
        }
        if (!is_there)
            fail_msg("no rule comes from %s", wanted);
    }
}

static void test_names_are_told_for_whatever_a_rule_is_about(void **state)
{
    (void)state;
    assert_string_equal(access_about_name(ABOUT_GRANT), "binding");
    assert_string_equal(access_about_name(ABOUT_CONFIG_MAP), "ConfigMap");
    assert_string_equal(access_component_name(COMPONENT_NONE), "");
    assert_string_equal(access_component_name(COMPONENT_DEFAULT), "bootstrap default");
    assert_string_equal(access_component_name(COMPONENT_BOUND), "bound to components alone");
}

static void test_rule_is_not_asked_about_anything_else(void **state)
{
    static const struct access_rule_input nothing = {0};

    (void)state;
    for (size_t i = 0; i < access_rules_count; i++) {
        AUTO_STRBUF text;

        assert_access(access_rules[i]->id, &nothing, RULE_NOT_APPLICABLE, "nothing");
        strbuf_init(&text, ACCESS_EXPLANATION_MAX);
        access_rule_explain(access_rules[i], &nothing, RULE_NOT_APPLICABLE, &text);
        assert_string_equal(text.text, "");
    }
}

/* ---- who ---- */

#define USER(name_)                                  \
    {                                                \
        .type = ACCESS_USER, .ns = "", .name = name_ \
    }
#define GROUP(name_)                                  \
    {                                                 \
        .type = ACCESS_GROUP, .ns = "", .name = name_ \
    }
#define ACCOUNT(ns_, name_)                                      \
    {                                                            \
        .type = ACCESS_SERVICE_ACCOUNT, .ns = ns_, .name = name_ \
    }

static void test_rule_fails_for_the_subjects_that_it_is_about(void **state)
{
    static const struct {
        const char *id;
        struct access_who who;
        enum rule_outcome outcome;
    } rows[] = {
        {"rbac-anonymous", GROUP("system:unauthenticated"), RULE_FAIL},
        {"rbac-anonymous", USER("system:anonymous"), RULE_FAIL},
        {"rbac-anonymous", USER("system:unauthenticated"), RULE_PASS},
        {"rbac-anonymous", GROUP("system:anonymous"), RULE_PASS},
        {"rbac-anonymous", GROUP("system:authenticated"), RULE_PASS},
        {"rbac-authenticated", GROUP("system:authenticated"), RULE_FAIL},
        {"rbac-authenticated", GROUP("system:serviceaccounts"), RULE_FAIL},
        {"rbac-authenticated", GROUP("system:serviceaccounts:shop"), RULE_PASS},
        {"rbac-authenticated", USER("system:authenticated"), RULE_PASS},
        {"rbac-system-masters", GROUP("system:masters"), RULE_FAIL},
        {"rbac-system-masters", USER("system:masters"), RULE_PASS},
        {"rbac-system-masters", ACCOUNT("shop", "system:masters"), RULE_PASS},
        {"rbac-default-service-account", ACCOUNT("shop", "default"), RULE_FAIL},
        {"rbac-default-service-account", GROUP("system:serviceaccounts:shop"), RULE_FAIL},
        {"rbac-default-service-account", ACCOUNT("default", "web"), RULE_PASS},
        {"rbac-default-service-account", USER("default"), RULE_PASS},
        {"rbac-default-service-account", USER("system:serviceaccounts:shop"), RULE_PASS},
        {"rbac-default-service-account", GROUP("system:serviceaccounts"), RULE_PASS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct grant_facts grant = grant_of((struct rbac_rules){0});
        const struct access_rule_input in = {.grant = &grant};
        const struct access_who two[] = {kim, rows[i].who};

        grant.who = two;
        grant.who_count = 2;
        assert_access(rows[i].id, &in, rows[i].outcome, rows[i].who.name);
    }
}

static void test_explanation_names_only_the_subjects_that_are_meant(void **state)
{
    static const struct access_who who[] = {
        USER("kim"),
        GROUP("system:unauthenticated"),
        GROUP("system:authenticated"),
        GROUP("system:masters"),
        ACCOUNT("shop", "default"),
        {.type = ACCESS_SERVICE_ACCOUNT, .ns = "gone", .name = "web", .presence = ACCESS_MISSING},
    };
    struct grant_facts grant = grant_of((struct rbac_rules){0});
    const struct access_rule_input in = {.grant = &grant};

    (void)state;
    grant.who = who;
    grant.who_count = COUNT_OF(who);
    assert_access_said("rbac-anonymous", &in,
                       "grants ClusterRole ops-role everywhere to Group system:unauthenticated: "
                       "whoever reaches the API server, without any credential");
    assert_access_said("rbac-authenticated", &in,
                       "grants ClusterRole ops-role everywhere to Group system:authenticated: "
                       "every pod of every namespace is in it");
    assert_access_said("rbac-system-masters", &in,
                       "names Group system:masters, which holds every right past RBAC, and that no "
                       "binding can take away");
    assert_access_said("rbac-default-service-account", &in,
                       "grants ClusterRole ops-role everywhere to ServiceAccount shop/default: "
                       "every pod of that namespace that names no ServiceAccount has it");
    assert_access_said("rbac-missing-subject", &in,
                       "there is no ServiceAccount gone/web, and whoever makes it has ClusterRole "
                       "ops-role everywhere");
}

static void test_subject_is_missing_only_where_that_is_known(void **state)
{
    struct access_who who = ACCOUNT("shop", "web");
    struct grant_facts grant = grant_of((struct rbac_rules){0});
    const struct access_rule_input in = {.grant = &grant};

    (void)state;
    grant.who = &who;
    assert_access("rbac-missing-subject", &in, RULE_PASS, "there");
    who.presence = ACCESS_MISSING;
    assert_access("rbac-missing-subject", &in, RULE_FAIL, "missing");
    who.presence = ACCESS_UNKNOWN;
    assert_access("rbac-missing-subject", &in, RULE_ERROR, "unknown");
    assert_access_said("rbac-missing-subject", &in,
                       "cannot be told: whether the ServiceAccounts that it names are there was "
                       "not read");
}

/* ---- roles ---- */

static void test_star_in_a_role_is_told_wherever_it_stands(void **state)
{
    static const struct {
        const char *rules;
        enum rule_outcome outcome;
    } rows[] = {
        {"{'apiGroups':[''],'resources':['pods'],'verbs':['*']}", RULE_FAIL},
        {"{'apiGroups':[''],'resources':['*'],'verbs':['get']}", RULE_FAIL},
        {"{'apiGroups':[''],'resources':['*/scale'],'verbs':['get']}", RULE_FAIL},
        {"{'apiGroups':['*'],'resources':['pods'],'verbs':['get']}", RULE_FAIL},
        {"{'nonResourceURLs':['*'],'verbs':['get']}", RULE_FAIL},
        {"{'nonResourceURLs':['/metrics/*'],'verbs':['get']}", RULE_PASS},
        {"{'apiGroups':[''],'resources':['pods'],'verbs':['get']}", RULE_PASS},
        {"{'apiGroups':[''],'resources':['pods'],'resourceNames':['*'],'verbs':['get']}",
         RULE_PASS},
        {"", RULE_PASS},
    };
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1u << 20);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct role_facts role = {.ns = "", .name = "x", .rules = rules_read(rows[i].rules, &a)};
        const struct access_rule_input in = {.role = &role};

        assert_access("rbac-wildcards", &in, rows[i].outcome, rows[i].rules);
        role.is_aggregate = true;
        assert_access("rbac-wildcards", &in, RULE_NOT_APPLICABLE, "an aggregate");
    }
}

static void test_explanation_of_a_star_shows_the_rule(void **state)
{
    static const char *const star[] = {"*"}, *const pods[] = {"pods"}, *const core[] = {""};
    const struct rbac_rule list[] = {
        {.verbs = {pods, 1}, .api_groups = {core, 1}, .resources = {pods, 1}},
        {.verbs = {star, 1}, .api_groups = {core, 1}, .resources = {pods, 1}},
    };
    const struct role_facts role = {.ns = "", .name = "x", .rules = {list, 2}};

    (void)state;
    assert_access_said("rbac-wildcards", &(const struct access_rule_input){.role = &role},
                       "a star stands for whatever there is, and whatever there will be: "
                       "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"*\"]}");
}

static void test_role_is_unused_only_where_all_bindings_were_read(void **state)
{
    struct role_facts role = {.ns = "shop", .name = "x"};
    const struct access_rule_input in = {.role = &role};

    (void)state;
    assert_access("rbac-unused-role", &in, RULE_ERROR, "not all were read");
    assert_access_said("rbac-unused-role", &in,
                       "cannot be told: not all bindings that could name it were read");
    role.is_used = true;
    assert_access("rbac-unused-role", &in, RULE_PASS, "used");
    role.is_used = false;
    role.is_use_known = true;
    assert_access_said("rbac-unused-role", &in,
                       "no binding names it, and no other role takes it up");
}

/* ---- accounts, Secrets, ConfigMaps ---- */

static void test_account_is_unused_only_where_all_workloads_were_read(void **state)
{
    struct account_facts account = {.ns = "shop", .name = "web"};
    const struct access_rule_input in = {.account = &account};

    (void)state;
    assert_access("rbac-unused-service-account", &in, RULE_ERROR, "not all were read");
    assert_access_said("rbac-unused-service-account", &in,
                       "cannot be told: not all Pods and workloads that could name it were read");
    account.is_used = true;
    assert_access("rbac-unused-service-account", &in, RULE_PASS, "used");
    account.is_used = false;
    account.is_use_known = true;
    assert_access_said("rbac-unused-service-account", &in, "no Pod and no workload runs as it");
    account.grants_count = 1;
    assert_access_said("rbac-unused-service-account", &in,
                       "no Pod and no workload runs as it, and 1 binding names it");
    account.grants_count = 2;
    assert_access_said("rbac-unused-service-account", &in,
                       "no Pod and no workload runs as it, and 2 bindings name it");
    account.name = "default";
    assert_access("rbac-unused-service-account", &in, RULE_NOT_APPLICABLE, "default");
}

static void test_long_lived_token_is_told_with_its_account_and_use(void **state)
{
    struct token_secret_facts secret = {.ns = "shop",
                                        .name = "ci",
                                        .account = "deployer",
                                        .last_used = ""};
    const struct access_rule_input in = {.secret = &secret};

    (void)state;
    assert_access_said("rbac-long-lived-tokens", &in,
                       "holds a token of ServiceAccount deployer that never expires, of whose use "
                       "nothing is recorded");
    secret.account = "";
    secret.last_used = "2026-01-31";
    assert_access_said("rbac-long-lived-tokens", &in,
                       "holds a token of ServiceAccount (none named) that never expires, last used "
                       "2026-01-31");
}

static void test_credential_in_a_config_map_is_told_by_its_key(void **state)
{
    struct config_map_facts map = {.ns = "shop", .name = "settings"};
    const struct access_rule_input in = {.config_map = &map};

    (void)state;
    assert_access("rbac-config-map-credentials", &in, RULE_PASS, "nothing in it");
    map.unreadable = "it is too\nlarge";
    assert_access_said("rbac-config-map-credentials", &in, "cannot be told: it is too?large");
    map.key = "tls\tkey";
    map.what = "a private key";
    map.keys_count = 1;
    assert_access_said("rbac-config-map-credentials", &in, "key tls?key holds a private key");
    map.keys_count = 2;
    assert_access_said("rbac-config-map-credentials", &in,
                       "key tls?key holds a private key, and 1 more key holds a credential");
    map.keys_count = 3;
    assert_access_said("rbac-config-map-credentials", &in,
                       "key tls?key holds a private key, and 2 more keys hold a credential");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_access_rules_are_sorted_by_ids_that_no_posture_rule_has),
        cmocka_unit_test(test_access_rule_says_everything_that_people_are_told_of_it),
        cmocka_unit_test(test_access_rules_cover_section_5_1_of_the_benchmark),
        cmocka_unit_test(test_names_are_told_for_whatever_a_rule_is_about),
        cmocka_unit_test(test_rule_is_not_asked_about_anything_else),
        cmocka_unit_test(test_rule_fails_for_the_subjects_that_it_is_about),
        cmocka_unit_test(test_explanation_names_only_the_subjects_that_are_meant),
        cmocka_unit_test(test_subject_is_missing_only_where_that_is_known),
        cmocka_unit_test(test_star_in_a_role_is_told_wherever_it_stands),
        cmocka_unit_test(test_explanation_of_a_star_shows_the_rule),
        cmocka_unit_test(test_role_is_unused_only_where_all_bindings_were_read),
        cmocka_unit_test(test_account_is_unused_only_where_all_workloads_were_read),
        cmocka_unit_test(test_long_lived_token_is_told_with_its_account_and_use),
        cmocka_unit_test(test_credential_in_a_config_map_is_told_by_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
