/* The process's confinement beyond the Pod Security Standards, its identity, and where it runs. */
#include "rules_explain.h"

static void test_root_filesystem_is_read_only_where_there_is_one(void **state)
{
    const struct rule_row rows[] = {
        {.what = "stated true",
         .pod = {CONTAINERS({.security.read_only_root_filesystem = STATED_TRUE})},
         .outcome = RULE_PASS},
        {.what = "not stated, and stated false",
         .pod = {CONTAINERS({.security.read_only_root_filesystem = UNSET},
                            {.security.read_only_root_filesystem = STATED_FALSE})},
         .outcome = RULE_FAIL,
         .containers = 3},
        {.what = "an ephemeral container",
         .pod = {CONTAINERS({.role = CONTAINER_EPHEMERAL})},
         .outcome = RULE_PASS},
        {.what = "Windows",
         .pod = {.is_windows = true, CONTAINERS({.name = "a"})},
         .outcome = RULE_NOT_APPLICABLE},
    };

    (void)state;
    ASK_ROWS("read-only-root-filesystem", rows);
    ASSERT_POD_EXPLAINED("read-only-root-filesystem",
                         "container web: securityContext.readOnlyRootFilesystem is not stated; Set",
                         CONTAINERS({.name = "web"}));
    ASSERT_POD_EXPLAINED("read-only-root-filesystem",
                         "container web: securityContext.readOnlyRootFilesystem is false; Set",
                         CONTAINERS(
                             {.name = "web", .security.read_only_root_filesystem = STATED_FALSE}));
}

#define ADDS(...)                                                                  \
    .security.drops_net_raw = true, .security.add = (const char *[]){__VA_ARGS__}, \
    .security.add_count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)

static void test_net_raw_is_dropped_and_not_added_back(void **state)
{
    const struct rule_row rows[] = {
        {.what = "dropped",
         .pod = {CONTAINERS({.security.drops_net_raw = true})},
         .outcome = RULE_PASS},
        {.what = "kept",
         .pod = {CONTAINERS({.security.has_capabilities = true})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "kept by an ephemeral container",
         .pod = {CONTAINERS({.role = CONTAINER_EPHEMERAL})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "another one added",
         .pod = {CONTAINERS({ADDS("NET_BIND_SERVICE", "NET_RAWER")})},
         .outcome = RULE_PASS},
        {.what = "added back",
         .pod = {CONTAINERS({ADDS("CHOWN", "NET_RAW")})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "all added",
         .pod = {CONTAINERS({ADDS("ALL")})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "as runtimes take it, too",
         .pod = {CONTAINERS({ADDS("cap_net_raw")})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "Windows",
         .pod = {.is_windows = true, CONTAINERS({.name = "a"})},
         .outcome = RULE_NOT_APPLICABLE},
    };

    (void)state;
    ASK_ROWS("net-raw", rows);
    ASSERT_POD_EXPLAINED("net-raw",
                         "container web: capabilities.drop has neither NET_RAW nor ALL; Set",
                         CONTAINERS({.name = "web"}));
    ASSERT_POD_EXPLAINED("net-raw", "container web: capabilities.add has CAP_NET_RAW; Set",
                         CONTAINERS({.name = "web", ADDS("CAP_NET_RAW")}));
}

#define SE_LINUX(type_)                           \
    .security.se_linux = &(const struct se_linux) \
    {                                             \
        .type = (type_)                           \
    }
#define ANNOTATION(container_, value_)                                                             \
    .app_armor = &(const struct app_armor_annotation){.container = (container_), .value = value_}, \
    .app_armor_count = 1

static void test_app_armor_or_se_linux_confines_each_container(void **state)
{
    const struct rule_row rows[] = {
        {.what = "nothing",
         .pod = {CONTAINERS({.name = "a"})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "the pod's AppArmor",
         .pod = {.security.app_armor = CONFINEMENT_RUNTIME_DEFAULT, CONTAINERS({.name = "a"})},
         .outcome = RULE_PASS},
        {.what = "the container's own",
         .pod = {CONTAINERS({.name = "a", .security.app_armor = CONFINEMENT_LOCALHOST})},
         .outcome = RULE_PASS},
        {.what = "the container opts out",
         .pod = {.security.app_armor = CONFINEMENT_RUNTIME_DEFAULT,
                 CONTAINERS({.name = "a"}, {.security.app_armor = CONFINEMENT_UNCONFINED})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {.what = "a word that nobody knows",
         .pod = {.security.app_armor = CONFINEMENT_OTHER, CONTAINERS({.name = "a"})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "by annotation",
         .pod = {ANNOTATION("a", "runtime/default"), CONTAINERS({.name = "a"}, {.name = "b"})},
         .outcome = RULE_FAIL,
         .containers = 2},
        {.what = "by annotation, a profile of the node",
         .pod = {ANNOTATION("a", "localhost/strict"), CONTAINERS({.name = "a"})},
         .outcome = RULE_PASS},
        {.what = "switched off by annotation",
         .pod = {ANNOTATION("a", "unconfined"), CONTAINERS({.name = "a"})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "SELinux of the pod",
         .pod = {SE_LINUX("container_t"), CONTAINERS({.name = "a"})},
         .outcome = RULE_PASS},
        {.what = "SELinux of the container",
         .pod = {CONTAINERS({SE_LINUX("container_t")})},
         .outcome = RULE_PASS},
        {.what = "SELinux that lets be",
         .pod = {SE_LINUX("container_t"), CONTAINERS({SE_LINUX("spc_t")})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "SELinux without a type",
         .pod = {CONTAINERS({SE_LINUX("")}, {SE_LINUX(NULL)})},
         .outcome = RULE_FAIL,
         .containers = 3},
        {.what = "an ephemeral container",
         .pod = {CONTAINERS({.role = CONTAINER_EPHEMERAL})},
         .outcome = RULE_PASS},
        {.what = "Windows",
         .pod = {.is_windows = true, CONTAINERS({.name = "a"})},
         .outcome = RULE_NOT_APPLICABLE},
    };

    (void)state;
    ASK_ROWS("mandatory-access-control", rows);
    ASSERT_POD_EXPLAINED(
        "mandatory-access-control",
        "container web: neither appArmorProfile nor seLinuxOptions.type confines it; Set",
        CONTAINERS({.name = "web"}));
    ASSERT_POD_EXPLAINED("mandatory-access-control",
                         "container web: appArmorProfile.type is Unconfined; Set",
                         CONTAINERS({.name = "web", .security.app_armor = CONFINEMENT_UNCONFINED}));
    ASSERT_POD_EXPLAINED("mandatory-access-control",
                         "container web: appArmorProfile.type is Unconfined; Set",
                         .security.app_armor = CONFINEMENT_UNCONFINED, CONTAINERS({.name = "web"}));
    ASSERT_POD_EXPLAINED("mandatory-access-control", "container web: neither appArmorProfile",
                         .security.app_armor = CONFINEMENT_UNCONFINED,
                         CONTAINERS({.name = "web", .security.app_armor = CONFINEMENT_OTHER}));
}

#define USER(id) .security.has_run_as_user = true, .security.run_as_user = (id)
#define GROUP(id) .security.has_run_as_group = true, .security.run_as_group = (id)

static void test_user_and_group_are_stated_and_not_root(void **state)
{
    const struct rule_row user[] = {
        {.what = "nothing",
         .pod = {CONTAINERS({.name = "a"})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "the pod's", .pod = {USER(1000), CONTAINERS({.name = "a"})}, .outcome = RULE_PASS},
        {.what = "the container's", .pod = {CONTAINERS({USER(1000)})}, .outcome = RULE_PASS},
        {.what = "root by the container",
         .pod = {USER(1000), CONTAINERS({USER(0)})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "below zero",
         .pod = {CONTAINERS({USER(-1)})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "a group is no user",
         .pod = {GROUP(1000), CONTAINERS({.name = "a"})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "an ephemeral container",
         .pod = {CONTAINERS({.role = CONTAINER_EPHEMERAL})},
         .outcome = RULE_PASS},
        {.what = "a user namespace",
         .pod = {.host_users = STATED_FALSE, CONTAINERS({USER(0)})},
         .outcome = RULE_NOT_APPLICABLE},
        {.what = "Windows",
         .pod = {.is_windows = true, CONTAINERS({.name = "a"})},
         .outcome = RULE_NOT_APPLICABLE},
    };
    const struct rule_row group[] = {
        {.what = "nothing",
         .pod = {USER(1000), CONTAINERS({.name = "a"})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "the pod's",
         .pod = {GROUP(1000), CONTAINERS({.name = "a"})},
         .outcome = RULE_PASS},
        {.what = "the container's", .pod = {CONTAINERS({GROUP(1)})}, .outcome = RULE_PASS},
        {.what = "root by the container",
         .pod = {GROUP(1), CONTAINERS({GROUP(0)})},
         .outcome = RULE_FAIL,
         .containers = 1},
        {.what = "an ephemeral container",
         .pod = {CONTAINERS({.role = CONTAINER_EPHEMERAL})},
         .outcome = RULE_PASS},
        {.what = "a user namespace",
         .pod = {.host_users = STATED_FALSE, CONTAINERS({.name = "a"})},
         .outcome = RULE_NOT_APPLICABLE},
        {.what = "Windows",
         .pod = {.is_windows = true, CONTAINERS({.name = "a"})},
         .outcome = RULE_NOT_APPLICABLE},
    };

    (void)state;
    ASK_ROWS("stated-user", user);
    ASK_ROWS("stated-group", group);
    ASSERT_POD_EXPLAINED("stated-user", "container web: runAsUser is not stated; State",
                         CONTAINERS({.name = "web"}));
    ASSERT_POD_EXPLAINED("stated-user", "container web: runAsUser is 0; State", USER(0),
                         CONTAINERS({.name = "web"}));
    ASSERT_POD_EXPLAINED("stated-group", "container web: runAsGroup is not stated; State",
                         CONTAINERS({.name = "web"}));
    ASSERT_POD_EXPLAINED("stated-group", "container web: runAsGroup is 0; State",
                         CONTAINERS({.name = "web", GROUP(0)}));
}

static void test_token_and_account_are_the_pods_own_word(void **state)
{
    const struct rule_row token[] = {
        {.what = "stated false", .pod = {.automount_token = STATED_FALSE}, .outcome = RULE_PASS},
        {.what = "stated true",
         .pod = {.automount_token = STATED_TRUE},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {.what = "not stated",
         .pod = {.automount_token = UNSET},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
    };
    const struct rule_row account[] = {
        {.what = "one of its own", .pod = {.service_account = "web"}, .outcome = RULE_PASS},
        {.what = "default",
         .pod = {.service_account = "default"},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {.what = "none",
         .pod = {.service_account = NULL},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {.what = "empty",
         .pod = {.service_account = ""},
         .outcome = RULE_FAIL,
         .is_about_pod = true},
        {.what = "one that is called alike",
         .pod = {.service_account = "defaults"},
         .outcome = RULE_PASS},
    };

    (void)state;
    ASK_ROWS("service-account-token", token);
    ASK_ROWS("default-service-account", account);
    ASSERT_POD_EXPLAINED("service-account-token", "pod: automountServiceAccountToken is true; Set",
                         .automount_token = STATED_TRUE);
    ASSERT_POD_EXPLAINED("service-account-token",
                         "pod: automountServiceAccountToken is not stated; Set",
                         .automount_token = UNSET);
    ASSERT_POD_EXPLAINED("default-service-account", "pod: serviceAccountName is default; Make",
                         .service_account = "default");
    ASSERT_POD_EXPLAINED("default-service-account", "pod: serviceAccountName is not stated; Make",
                         .service_account = "");
}

static void ask_sensitive(const char *id, const struct pod_template *pod, bool is_sensitive,
                          enum rule_outcome wanted)
{
    const struct rule_settings settings = {.pss_minor = PSS_MINOR_LATEST,
                                           .is_sensitive = is_sensitive};
    const struct rule_input in = {.settings = &settings, .pod = pod};
    struct rule_answer answer = rule_ask(rule_named(id), &in);

    assert_int_equal(answer.outcome, wanted);
    assert_int_equal(answer.is_about_pod, wanted == RULE_FAIL);
}

static void test_sensitive_workloads_alone_are_asked_where_they_run(void **state)
{
    static const struct pod_template nowhere = {.is_windows = false};
    static const struct pod_template sandboxed = {.has_runtime_class = true};
    static const struct pod_template placed = {.has_placement = true};

    (void)state;
    ask_sensitive("sensitive-runtime-class", &nowhere, false, RULE_NOT_APPLICABLE);
    ask_sensitive("sensitive-runtime-class", &nowhere, true, RULE_FAIL);
    ask_sensitive("sensitive-runtime-class", &placed, true, RULE_FAIL);
    ask_sensitive("sensitive-runtime-class", &sandboxed, true, RULE_PASS);
    ask_sensitive("sensitive-placement", &nowhere, false, RULE_NOT_APPLICABLE);
    ask_sensitive("sensitive-placement", &sandboxed, true, RULE_FAIL);
    ask_sensitive("sensitive-placement", &placed, true, RULE_PASS);
    assert_pod_explained("sensitive-runtime-class", &nowhere,
                         "pod: the workload is marked as sensitive and runtimeClassName is not");
    assert_pod_explained("sensitive-placement", &nowhere,
                         "pod: the workload is marked as sensitive and neither nodeSelector nor");
}

/* Whatever else is said of it, what cannot be read passes nothing. */
static void test_unreadable_pod_passes_none_of_the_rules(void **state)
{
    static const struct pod_template unreadable = {.unreadable =
                                                       "spec.containers: expected a list"};
    const struct rule_settings settings = {.pss_minor = PSS_MINOR_LATEST, .is_sensitive = true};
    const struct rule_input in = {.settings = &settings, .pod = &unreadable};

    (void)state;
    for (size_t i = 0; i < rules_count; i++) {
        if (rules[i]->subject == RULE_POD && rules[i]->level == LEVEL_HARDENED)
            assert_int_equal(rule_ask(rules[i], &in).outcome, RULE_ERROR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_filesystem_is_read_only_where_there_is_one),
        cmocka_unit_test(test_net_raw_is_dropped_and_not_added_back),
        cmocka_unit_test(test_app_armor_or_se_linux_confines_each_container),
        cmocka_unit_test(test_user_and_group_are_stated_and_not_root),
        cmocka_unit_test(test_token_and_account_are_the_pods_own_word),
        cmocka_unit_test(test_sensitive_workloads_alone_are_asked_where_they_run),
        cmocka_unit_test(test_unreadable_pod_passes_none_of_the_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
