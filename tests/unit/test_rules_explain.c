/* What people are told of a failure: the value, where it stands, and what to do. */
#include "rules_pod.h"

#include "rules_hostile_pod.h"
#include "support/sweep.h"

static const char *explain_input(const struct rule *rule, const struct rule_input *in)
{
    static char text[RULE_EXPLANATION_MAX + 1];
    struct rule_answer answer = rule_ask(rule, in);
    struct err err = {0};
    AUTO_STRBUF b;

    strbuf_init(&b, RULE_EXPLANATION_MAX);
    rule_explain(rule, in, &answer, &b);
    if (strbuf_check(&b, "explanation", &err) < 0)
        fail_msg("%s: %s", rule->id, err.msg);
    memcpy(text, b.text, b.len + 1);
    return text;
}

/* Of the newest version; borrowed until the next one. */
static const char *explain(const char *id, const struct pod_template *pod)
{
    struct rule_settings settings = {.pss_minor = PSS_MINOR_LATEST};
    struct rule_input in = {.settings = &settings, .pod = pod};

    return explain_input(rule_named(id), &in);
}

/* @wanted and the rule's remedy. */
static void explains(const char *id, const struct pod_template *pod, const char *wanted)
{
    const char *text = explain(id, pod);
    const char *remedy = rule_named(id)->remedy;
    size_t len = strlen(wanted);

    if (strncmp(text, wanted, len) != 0 || strncmp(text + len, "; ", 2) != 0 ||
        strcmp(text + len + 2, remedy) != 0)
        fail_msg("%s: says \"%s\", not \"%s; %s\"", id, text, wanted, remedy);
}

#define ADD(...)                          \
    .add = (const char *[]){__VA_ARGS__}, \
    .add_count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)

struct explain_row {
    const char *id;
    struct pod_template pod;
    const char *wanted;
};

static void explain_rows(const struct explain_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        explains(rows[i].id, &rows[i].pod, rows[i].wanted);
}

static void test_failure_of_a_container_names_it_and_the_value(void **state)
{
    const struct explain_row rows[] = {
        {"allow-privilege-escalation",
         {CONTAINERS({.name = "web"},
                     {.name = "db", .security = {.allow_privilege_escalation = STATED_TRUE}})},
         "container web: securityContext.allowPrivilegeEscalation is not stated; "
         "container db: securityContext.allowPrivilegeEscalation is true"},
        {"capabilities-baseline",
         {CONTAINERS({.name = "web", .security = {ADD("CHOWN", "SYS_ADMIN", "NET_RAW")}})},
         "container web: securityContext.capabilities.add has SYS_ADMIN, NET_RAW"},
        {"capabilities-restricted",
         {CONTAINERS({.name = "a"}, {.name = "b", .security = {ADD("CHOWN")}},
                     {.name = "c",
                      .security = {.drops_all = true, ADD("NET_BIND_SERVICE", "BPF", "KILL")}})},
         "container a: securityContext.capabilities.drop does not have ALL; "
         "container b: securityContext.capabilities.drop does not have ALL and "
         "securityContext.capabilities.add has CHOWN; "
         "container c: securityContext.capabilities.add has BPF, KILL"},
        {"host-ports",
         {CONTAINERS({.name = "web", .host_port = 8080})},
         "container web: ports[*].hostPort is 8080"},
        {"host-probes",
         {CONTAINERS({.name = "web", .probe_host = "169.254.169.254"})},
         "container web: a probe or a lifecycle hook goes to host 169.254.169.254"},
        {"privileged",
         {CONTAINERS({.name = "web", .security = {.privileged = STATED_TRUE}})},
         "container web: securityContext.privileged is true"},
        {"proc-mount-baseline",
         {CONTAINERS({.name = "a", .security = {.proc_mount = PROC_MOUNT_UNMASKED}},
                     {.name = "b", .security = {.proc_mount = PROC_MOUNT_OTHER}})},
         "container a: securityContext.procMount is Unmasked; "
         "container b: securityContext.procMount is an unknown word"},
        {"proc-mount-restricted",
         {CONTAINERS({.name = "a", .security = {.proc_mount = PROC_MOUNT_UNMASKED}})},
         "container a: securityContext.procMount is Unmasked"},
    };

    (void)state;
    explain_rows(rows, COUNT_OF(rows));
}

static void test_failure_of_the_pod_comes_after_those_of_containers(void **state)
{
    const struct explain_row rows[] = {
        {"run-as-non-root",
         {.security = {.run_as_non_root = STATED_FALSE},
          CONTAINERS({.name = "a"}, {.name = "b", .security = {.run_as_non_root = STATED_FALSE}})},
         "container a: runAsNonRoot is true neither here nor for the pod; "
         "container b: securityContext.runAsNonRoot is false; "
         "pod: securityContext.runAsNonRoot is false"},
        {"run-as-user",
         {.security = {.has_run_as_user = true},
          CONTAINERS({.name = "a", .security = {.has_run_as_user = true}})},
         "container a: securityContext.runAsUser is 0; pod: securityContext.runAsUser is 0"},
        {"seccomp-baseline",
         {.security = {.seccomp = CONFINEMENT_UNCONFINED},
          CONTAINERS({.name = "a", .security = {.seccomp = CONFINEMENT_OTHER}})},
         "container a: securityContext.seccompProfile.type is an unknown type; "
         "pod: securityContext.seccompProfile.type is Unconfined"},
        {"seccomp-restricted",
         {.security = {.seccomp = CONFINEMENT_UNCONFINED},
          CONTAINERS({.name = "a"},
                     {.name = "b", .security = {.seccomp = CONFINEMENT_UNCONFINED}})},
         "container a: no seccomp profile is in force, from here or from the pod; "
         "container b: securityContext.seccompProfile.type is Unconfined; "
         "pod: securityContext.seccompProfile.type is Unconfined"},
        {"app-armor-profile",
         {.security = {.app_armor = CONFINEMENT_UNCONFINED},
          .app_armor = (const struct app_armor_annotation[]){{"a", "unconfined"}, {"c", "off"}},
          .app_armor_count = 2,
          CONTAINERS({.name = "a"}, {.name = "b", .security = {.app_armor = CONFINEMENT_OTHER}})},
         "container a: an AppArmor annotation says unconfined; "
         "container b: securityContext.appArmorProfile.type is an unknown type; "
         "pod: securityContext.appArmorProfile.type is Unconfined"},
        {"app-armor-profile",
         {.app_armor = &(const struct app_armor_annotation){"gone", "unconfined"},
          .app_armor_count = 1},
         "pod: an AppArmor annotation says unconfined"},
        {"se-linux-options",
         {.security = {.se_linux = &bad_se_linux},
          CONTAINERS({.name = "a",
                      .security = {.se_linux = &(const struct se_linux){.type = "container_t",
                                                                        .role = "r"}}})},
         "container a: securityContext.seLinuxOptions.role is r; "
         "pod: securityContext.seLinuxOptions.type is spc_t, "
         "securityContext.seLinuxOptions.user is system_u, "
         "securityContext.seLinuxOptions.role is system_r"},
        {"se-linux-options",
         {.security = {.se_linux = &(const struct se_linux){.user = "u", .role = ""}}},
         "pod: securityContext.seLinuxOptions.user is u"},
        {"windows-host-process",
         {.security = {.host_process = STATED_TRUE}},
         "pod: securityContext.windowsOptions.hostProcess is true"},
        {"sysctls",
         {.sysctls = (const char *[]){"kernel.msgmax", "kernel.shm_rmid_forced", "kernel.sem"},
          .sysctls_count = 3},
         "pod: securityContext.sysctls has kernel.msgmax, kernel.sem"},
        {"host-namespaces",
         {.host_network = STATED_TRUE, .host_ipc = STATED_TRUE},
         "pod: hostNetwork is true, hostIPC is true"},
        {"host-namespaces", {.host_pid = STATED_TRUE}, "pod: hostPID is true"},
        {"host-path-volumes",
         {.volumes = bad_volumes, .volumes_count = 2},
         "pod: volumes of type hostPath: sock of /var/run/docker.sock"},
        {"restricted-volumes",
         {.volumes = bad_volumes, .volumes_count = 2},
         "pod: volumes of other types: sock (hostPath), share"},
    };

    (void)state;
    explain_rows(rows, COUNT_OF(rows));
}

static void test_only_a_few_containers_and_values_are_shown(void **state)
{
    const char *caps[] = {"A", "B", "C", "D", "E", "F"};
    struct volume volumes[7];
    struct container containers[6];
    struct pod_template pod = {.containers = containers, .containers_count = COUNT_OF(containers)};

    (void)state;
    memset(containers, 0, sizeof(containers));
    for (size_t i = 0; i < COUNT_OF(containers); i++) {
        containers[i].name = caps[i];
        containers[i].security.add = caps;
        containers[i].security.add_count = i == 0 ? COUNT_OF(caps) : 1;
    }
    explains("capabilities-baseline", &pod,
             "container A: securityContext.capabilities.add has A, B, C, D and 2 more; "
             "container B: securityContext.capabilities.add has A; "
             "container C: securityContext.capabilities.add has A; "
             "container D: securityContext.capabilities.add has A; "
             "and 2 more containers");

    for (size_t i = 0; i < COUNT_OF(volumes); i++)
        volumes[i] = (struct volume){"v", "/", VOLUME_HOST_PATH};
    pod = (struct pod_template){.volumes = volumes, .volumes_count = COUNT_OF(volumes)};
    explains("host-path-volumes", &pod,
             "pod: volumes of type hostPath: v of /, v of /, v of /, v of / and 3 more");
    explains("restricted-volumes", &pod,
             "pod: volumes of other types: v (hostPath), v (hostPath), v (hostPath), v (hostPath) "
             "and 3 more");
}

/* What an attacker writes into a pod becomes neither a line of a log nor a terminal's command. */
static void test_value_is_shown_cut_and_without_control_characters(void **state)
{
    static const struct {
        const char *host;
        const char *shown;
    } rows[] = {
        {"a\nb\x1b[31m\x7f", "a?b?[31m?"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"\xc3", "?"},
        {"\xc2\x85", "?"}, /* NEL, a line break to some */
        {"0123456789012345678901234567890123456789012345678901234567890123",
         "0123456789012345678901234567890123456789012345678901234567890123"},
        {"01234567890123456789012345678901234567890123456789012345678901234",
         "0123456789012345678901234567890123456789012345678901234567890123..."},
        {"012345678901234567890123456789012345678901234567890123456789012\xc3\xa9",
         "012345678901234567890123456789012345678901234567890123456789012..."},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct pod_template pod = {
            CONTAINERS({.name = rows[i].host, .probe_host = rows[i].host})};
        char wanted[512];

        (void)snprintf(wanted, sizeof(wanted),
                       "container %s: a probe or a lifecycle hook goes to host %s", rows[i].shown,
                       rows[i].shown);
        explains("host-probes", &pod, wanted);
    }
}

/* The longest there is: as many containers and values as can be, each as long as can be. */
static void test_explanation_keeps_within_its_bound(void **state)
{
    static char value[POD_TEXT_MAX + 1];
    static struct container containers[POD_CONTAINERS_MAX];
    static struct volume volumes[POD_CONTAINERS_MAX];
    static const char *values[POD_CONTAINERS_MAX];
    static struct app_armor_annotation annotation = {value, value};
    static const struct se_linux se_linux = {value, value, value};
    struct pod_template pod = hostile_pod;

    (void)state;
    memset(value, 'x', POD_TEXT_MAX);
    for (size_t i = 0; i < POD_CONTAINERS_MAX; i++) {
        values[i] = value;
        volumes[i] = (struct volume){value, value, VOLUME_HOST_PATH};
        containers[i] = bad_containers[0];
        containers[i].name = value;
        containers[i].probe_host = value;
        containers[i].security.add = values;
        containers[i].security.add_count = POD_CONTAINERS_MAX;
        containers[i].security.se_linux = &se_linux;
        containers[i].security.app_armor = CONFINEMENT_UNSET;
    }
    pod.security.se_linux = &se_linux;
    pod.containers = containers;
    pod.containers_count = POD_CONTAINERS_MAX;
    pod.volumes = volumes;
    pod.volumes_count = POD_CONTAINERS_MAX;
    pod.sysctls = values;
    pod.sysctls_count = POD_CONTAINERS_MAX;
    pod.app_armor = &annotation;
    pod.app_armor_count = 1;
    for (size_t i = 0; i < rules_count; i++)
        if (rules[i]->level <= LEVEL_RESTRICTED)
            assert_true(strlen(explain(rules[i]->id, &pod)) > strlen(rules[i]->remedy));
}

static void test_failure_of_every_rule_is_one_line_with_the_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < rules_count; i++) {
        const char *text;

        if (rules[i]->level > LEVEL_RESTRICTED)
            continue;
        text = explain(rules[i]->id, &hostile_pod);
        if (!strstr(text, rules[i]->remedy) || strchr(text, '\n') || strstr(text, "  "))
            fail_msg("%s: %s", rules[i]->id, text);
    }
}

static void test_error_says_what_cannot_be_read_and_a_pass_says_nothing(void **state)
{
    static char long_text[POD_TEXT_MAX + 1];
    struct pod_template pod = {.unreadable = "spec.containers: not a list"};

    (void)state;
    assert_string_equal(explain("privileged", &pod), "cannot be told: spec.containers: not a list");
    memset(long_text, 'x', POD_TEXT_MAX);
    pod.unreadable = long_text;
    assert_int_equal(strlen(explain("privileged", &pod)), strlen("cannot be told: ") + 512 + 3);
    assert_string_equal(explain("privileged", &restricted_pod), "");
}

static struct rule_answer subject_fails(const struct rule_input *in)
{
    (void)in;
    return (struct rule_answer){.outcome = RULE_FAIL, .is_about_pod = true};
}

static struct rule_answer cannot_be_told(const struct rule_input *in)
{
    (void)in;
    return (struct rule_answer){.outcome = RULE_ERROR};
}

static void
test_subject_is_called_by_its_kind_and_the_title_does_where_no_more_is_said(void **state)
{
    static const char stand_in;
    const struct rule_settings settings = {.pss_minor = PSS_MINOR_LATEST};
    struct rule rule = {.title = "It is so",
                        .remedy = "Make it so.",
                        .subject = RULE_SERVICE,
                        .check = subject_fails};
    const struct rule_input service = {.settings = &settings, .service = (const void *)&stand_in};
    const struct rule_input pod = {.settings = &settings, .pod = &restricted_pod};
    const struct rule_input posture = {.settings = &settings, .posture = (const void *)&stand_in};

    (void)state;
    assert_string_equal(explain_input(&rule, &service), "service: not so: It is so; Make it so.");
    rule.subject = RULE_NAMESPACE;
    assert_string_equal(explain_input(&rule, &posture), "namespace: not so: It is so; Make it so.");
    rule.check = cannot_be_told;
    assert_string_equal(explain_input(&rule, &posture), "cannot be told: it could not be read");
    rule.subject = RULE_POD;
    assert_string_equal(explain_input(&rule, &pod), "cannot be told: it could not be read");
}

static int explain_all(void *ctx, struct err *err)
{
    struct rule_settings settings = {.pss_minor = PSS_MINOR_LATEST};
    struct rule_input in = {.settings = &settings, .pod = &hostile_pod};
    AUTO_STRBUF b;

    (void)ctx;
    strbuf_init(&b, (size_t)RULE_EXPLANATION_MAX * RULES_MAX);
    for (size_t i = 0; i < rules_count; i++) {
        struct rule_answer answer = rule_ask(rules[i], &in);

        rule_explain(rules[i], &in, &answer, &b);
    }
    return strbuf_check(&b, "explanations", err);
}

static void test_memory_that_is_out_breaks_the_text_and_nothing_else(void **state)
{
    (void)state;
    assert_true(sweep(explain_all, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failure_of_a_container_names_it_and_the_value),
        cmocka_unit_test(test_failure_of_the_pod_comes_after_those_of_containers),
        cmocka_unit_test(test_only_a_few_containers_and_values_are_shown),
        cmocka_unit_test(test_value_is_shown_cut_and_without_control_characters),
        cmocka_unit_test(test_explanation_keeps_within_its_bound),
        cmocka_unit_test(test_failure_of_every_rule_is_one_line_with_the_remedy),
        cmocka_unit_test(test_error_says_what_cannot_be_read_and_a_pass_says_nothing),
        cmocka_unit_test(
            test_subject_is_called_by_its_kind_and_the_title_does_where_no_more_is_said),
        cmocka_unit_test(test_memory_that_is_out_breaks_the_text_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
