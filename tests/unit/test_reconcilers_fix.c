/* What an owner would merge in Git: a row is a PodSpec, of the kind that has it. */
#include "support/unit.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/fix.h"
#include "support/fill_case.h"
#include "support/sweep.h"

#define WEB(fields_) "{'containers':[{'name':'web','securityContext':{" fields_ "}}]}"
#define RESTRICTED                                                                    \
    "{'securityContext':{'runAsNonRoot':true,'seccompProfile':{'type':"               \
    "'RuntimeDefault'}},'containers':[{'name':'web','securityContext':{'readOnlyRoot" \
    "Filesystem':true,'allowPrivilegeEscalation':false,'capabilities':{'drop':['ALL']}}}]}"

static const struct rule_settings settings = {.pss_minor = PSS_MINOR_LATEST,
                                              .level = LEVEL_RESTRICTED};

static void facts(enum kind kind, const char *spec, struct arena *a, struct workload_facts *w)
{
    json_auto_t *root = fill_case_json(spec);
    struct err err = {0};

    *w = (struct workload_facts){.object = {.kind = kind}};
    assert_int_equal(pod_template_decode(NULL, root, a, &w->pod, &err), 0);
}

/* Those of the named rules ("a b") that fail. */
static uint64_t failing_of(const struct workload_facts *w, const char *names)
{
    const struct rule_input input = {.settings = &settings, .pod = &w->pod};
    uint64_t failing = 0;

    for (size_t i = 0; i < rules_count; i++) {
        if (strstr(names, rules[i]->id) && rule_ask(rules[i], &input).outcome == RULE_FAIL)
            failing |= UINT64_C(1) << i;
    }
    return failing;
}

static struct fix propose(enum kind kind, const char *spec, const char *names, struct arena *a)
{
    struct workload_facts w;
    struct err err = {0};
    struct fix fix;

    facts(kind, spec, a, &w);
    assert_int_equal(fix_propose(&w, &settings, failing_of(&w, names), a, &fix, &err), 0);
    return fix;
}

static const char *names_of(uint64_t set, struct arena *a)
{
    const char *names = "";

    for (; set; set &= set - 1)
        names =
            arena_printf(a, "%s%s%s", names, *names ? " " : "", rules[__builtin_ctzll(set)]->id);
    return names;
}

#define STANDARD                                                                      \
    "allow-privilege-escalation capabilities-restricted run-as-non-root run-as-user " \
    "seccomp-restricted"

static void test_the_yaml_is_what_the_failing_rules_ask_for_and_no_more(void **state)
{
    static const struct {
        const char *claim, *spec, *failing, *yaml, *left;
        bool asks_image;
    } rows[] = {
        {"all that passes needs nothing", RESTRICTED, STANDARD, "", "", false},
        {"one rule, one field", WEB(""), "allow-privilege-escalation",
         "spec:\n  containers:\n  - name: web\n    securityContext:\n"
         "      allowPrivilegeEscalation: false\n",
         "", false},
        {"what is stated otherwise", WEB("'capabilities':{'drop':['NET_RAW']}"),
         "capabilities-restricted net-raw",
         "spec:\n  containers:\n  - name: web\n    securityContext:\n      capabilities:\n"
         "        drop:\n        - ALL\n",
         "", false},
        {"what the pod states otherwise",
         "{'securityContext':{'seccompProfile':{'type':"
         "'Unconfined'}},'containers':[{'name':'web'}]}",
         "seccomp-restricted",
         "spec:\n  securityContext:\n    seccompProfile:\n      type: RuntimeDefault\n", "", false},
        {"a root filesystem", WEB("'readOnlyRootFilesystem':false"), "read-only-root-filesystem",
         "spec:\n  containers:\n  - name: web\n    securityContext:\n"
         "      readOnlyRootFilesystem: true\n",
         "", false},
        {"the image decides who it runs as", WEB(""), "run-as-non-root",
         "spec:\n  securityContext:\n    runAsNonRoot: true\n", "", true},
        {"... of one of them",
         "{'containers':[{'name':'a'},{'name':'b','securityContext':{'runAsUser':0}}]}",
         "run-as-non-root",
         "spec:\n  containers:\n  - name: a\n    securityContext:\n      runAsNonRoot: true\n",
         "run-as-non-root", true},
        {"the owner has decided", WEB("'runAsUser':1000"), "run-as-non-root",
         "spec:\n  securityContext:\n    runAsNonRoot: true\n", "", false},
        {"... for the pod", "{'securityContext':{'runAsUser':7},'containers':[{'name':'web'}]}",
         "run-as-non-root", "spec:\n  securityContext:\n    runAsNonRoot: true\n", "", false},
        {"another user is for the owner to choose", WEB("'runAsUser':0"),
         "run-as-non-root run-as-user", "", "run-as-non-root run-as-user", false},
        {"a capability that is added stays", WEB("'capabilities':{'add':['SYS_ADMIN']}"),
         "capabilities-restricted net-raw",
         "spec:\n  containers:\n  - name: web\n    securityContext:\n      capabilities:\n"
         "        drop:\n        - ALL\n",
         "capabilities-restricted", false},
        {"no field mends it", "{'hostPID':true,'containers':[{'name':'web'}]}", "host-namespaces",
         "", "host-namespaces", false},
        {"amounts are for the owner to choose", WEB(""), "memory-limit cpu-request", "",
         "cpu-request memory-limit", false},
        {"an ephemeral container has no template",
         "{'ephemeralContainers':[{'name':'debug'}],'containers':[{'name':'web',"
         "'securityContext':{'runAsUser':1}}]}",
         "run-as-non-root", "spec:\n  securityContext:\n    runAsNonRoot: true\n", "", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA a;
        struct fix fix;

        arena_init(&a, 1 << 20);
        fix = propose(KIND_POD, rows[i].spec, rows[i].failing, &a);
        if (strcmp(fix.yaml, rows[i].yaml) != 0)
            fail_msg("%s: expected\n%sgot\n%s", rows[i].claim, rows[i].yaml, fix.yaml);
        if (strcmp(names_of(fix.left, &a), rows[i].left) != 0)
            fail_msg("%s: left \"%s\"", rows[i].claim, names_of(fix.left, &a));
        if (fix.asks_image != rows[i].asks_image)
            fail_msg("%s: asks_image is %d", rows[i].claim, fix.asks_image);
    }
}

static void test_the_yaml_says_where_the_pod_is(void **state)
{
    AUTO_ARENA a;

    (void)state;
    arena_init(&a, 1 << 20);
    assert_string_equal(
        propose(KIND_DEPLOYMENT, WEB(""), "run-as-non-root", &a).yaml,
        "spec:\n  template:\n    spec:\n      securityContext:\n        runAsNonRoot: true\n");
    assert_string_equal(propose(KIND_CRON_JOB, WEB(""), "run-as-non-root", &a).yaml,
                        "spec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n"
                        "          securityContext:\n            runAsNonRoot: true\n");
}

static void test_nothing_is_said_of_a_pod_that_cannot_be_read(void **state)
{
    AUTO_ARENA a;
    struct fix fix;

    (void)state;
    arena_init(&a, 1 << 20);
    fix = propose(KIND_POD, "{'hostPID':'yes'}", STANDARD, &a);
    assert_string_equal(fix.yaml, "");
    assert_int_equal(fix.left, 0);
}

static int propose_once(void *ctx, struct err *err)
{
    const struct workload_facts *w = ctx;
    struct fix fix = {.yaml = "untouched"};
    AUTO_ARENA a;

    arena_init(&a, 1 << 20);
    if (fix_propose(w, &settings, failing_of(w, STANDARD), &a, &fix, err) < 0) {
        assert_string_equal(fix.yaml, "untouched");
        return -1;
    }
    return 0;
}

static void test_each_allocation_may_fail(void **state)
{
    AUTO_ARENA a;
    struct workload_facts w;

    (void)state;
    arena_init(&a, 1 << 20);
    facts(KIND_DEPLOYMENT, WEB(""), &a, &w);
    assert_true(sweep(propose_once, &w) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_yaml_is_what_the_failing_rules_ask_for_and_no_more),
        cmocka_unit_test(test_the_yaml_says_where_the_pod_is),
        cmocka_unit_test(test_nothing_is_said_of_a_pod_that_cannot_be_read),
        cmocka_unit_test(test_each_allocation_may_fail),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
