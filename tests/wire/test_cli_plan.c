/* `rampart plan`: what it shows, and how it ends. */
#include "support/unit.h"

#include "rampart/cli/cli.h"
#include "support/text.h"
#include "wire/support/command.h"

static void test_plan_shows_what_a_file_would_do_and_exits_with_3(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    command_serve(b);
    folder_write(&b->folder, "p.yaml",
                 PROFILE_YAML("Audit", "defaultDeny: [Ingress], allow: {sameNamespace: {}}"));
    o = COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-f",
                    folder_at(&b->folder, "p.yaml"));
    assert_code(&o, EXIT_CHANGES);
    assert_string_equal(o.out, "shop (SecurityProfile basic)\n"
                               "  + create NetworkPolicy shop/rampart-allow-same-namespace\n"
                               "  + create NetworkPolicy shop/rampart-default-deny\n"
                               "Enforce would create 2, mend 0 and remove 0 in 1 of 2 namespaces. "
                               "Nothing was written.\n");
    assert_string_equal(o.err, "note: 1 SecurityProfile is in Audit, shown as if in Enforce\n");
    outcome_done(&o);
}

static void test_plan_shows_the_profiles_of_the_cluster_as_if_they_enforced(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    b->api.profiles = PROFILE_JSON("Audit");
    command_serve(b);
    o = COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"));
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "+ create NetworkPolicy shop/rampart-default-deny\n");
    outcome_done(&o);
}

static void test_plan_shows_labels_of_namespaces_beside_policies(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    command_serve(b);
    folder_write(
        &b->folder, "p.yaml",
        "apiVersion: rampart.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: basic}\n"
        "spec: {namespaceSelector: {}, excludedNamespaces: [default],\n"
        "  network: {defaultDeny: [Ingress]}, podSecurityAdmission: {warn: baseline}}\n");
    o = COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-f",
                    folder_at(&b->folder, "p.yaml"));
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "  + create NetworkPolicy shop/rampart-default-deny\n"
                           "  ~ label Namespace shop: warn=baseline, warn-version=latest\n");
    assert_contains(o.err, "note: 1 SecurityProfile is in Audit, shown as if in Enforce\n");
    outcome_done(&o);
}

static void test_plan_leaves_a_profile_alone_that_is_off(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    b->api.profiles = PROFILE_JSON("Off");
    command_serve(b);
    o = COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"));
    assert_code(&o, EXIT_DONE);
    assert_string_equal(o.out, "Nothing would change in 2 namespaces. Nothing was written.\n");
    outcome_done(&o);
}

static void test_plan_lets_a_file_replace_the_profile_of_the_same_name(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    b->api.profiles = PROFILE_JSON("Enforce");
    command_serve(b);
    folder_write(&b->folder, "p.yaml", PROFILE_YAML("\"Off\"", "defaultDeny: [Ingress]"));
    o = COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-f",
                    folder_at(&b->folder, "p.yaml"));
    assert_code(&o, EXIT_DONE);
    outcome_done(&o);
}

static void test_plan_speaks_json(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    b->api.profiles = PROFILE_JSON("Enforce");
    command_serve(b);
    o = COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-o", "json");
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "{\"namespaces\":[{\"name\":\"shop\",\"profile\":\"basic\",\"state\":"
                           "\"Drifted\",\"writes\":[{\"verb\":\"create\",\"kind\":"
                           "\"NetworkPolicy\",\"namespace\":\"shop\",\"name\":"
                           "\"rampart-default-deny\",\"body\":{");
    assert_contains(
        o.out, "],\"workloads\":[],\"summary\":{\"create\":1,\"mend\":0,\"remove\":0,\"failed\":0,"
               "\"namespaces\":2,\"changed\":1,\"fill\":0,\"leftAlone\":0}}\n");
    assert_string_equal(o.err, "");
    outcome_done(&o);
}

static void test_plan_says_what_cannot_be_done_and_why(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    command_serve(b);
    folder_write(&b->folder, "p.yaml",
                 PROFILE_YAML("Enforce", "defaultDeny: [Egress], allow: {apiServer: {}}"));
    o = COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-f",
                    folder_at(&b->folder, "p.yaml"));
    assert_code(&o, EXIT_DONE);
    assert_contains(o.out, "shop (SecurityProfile basic)\n  ! cannot: ");
    assert_contains(o.out, "; 1 cannot be made compliant. Nothing was written.\n");
    outcome_done(&o);
}

static void test_plan_misses_the_crd_but_not_for_a_file(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    b->api.profiles = NULL;
    command_serve(b);
    o = COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"));
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "rampart plan: ");
    assert_contains(o.err, "kubectl apply -k crds/");
    outcome_done(&o);
    folder_write(&b->folder, "p.yaml", PROFILE_YAML("Enforce", "defaultDeny: [Ingress]"));
    o = COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-f",
                    folder_at(&b->folder, "p.yaml"));
    assert_code(&o, EXIT_CHANGES);
    outcome_done(&o);
}

static void test_plan_names_what_it_may_not_read(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    b->api.forbidden = "networkpolicies";
    command_serve(b);
    o = COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"));
    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "networkpolicies.networking.k8s.io");
    assert_contains(o.err, "User tester cannot watch it");
    outcome_done(&o);
}

static void test_plan_refuses_wrong_profiles_by_file_line_and_field(void **state)
{
    static const struct {
        const char *yaml;
        const char *expected;
    } rows[] = {
        {"kind: Namespace\nmetadata: {name: x}\n---\n" PROFILE_YAML("Enfroce",
                                                                    "defaultDeny: [Ingress]"),
         ":3: SecurityProfile basic: spec.mode: "},
        {PROFILE_YAML("Audit",
                      "defaultDeny: [Ingress]") "---\n" PROFILE_YAML("Audit",
                                                                     "defaultDeny: [Ingress]"),
         ":8: SecurityProfile basic: metadata.name: is there twice"},
        {"apiVersion: rampart.dev/v2\nkind: SecurityProfile\nmetadata: {name: old}\n",
         ":1: SecurityProfile old: apiVersion: expected rampart.dev/v1alpha1"},
        {"kind: SecurityProfile\napiVersion: rampart.dev/v1alpha1\nspec: {}\n",
         ":1: SecurityProfile without a name: "},
        {"kind: Namespace\nmetadata: {name: x}\n", "there is no SecurityProfile in it"},
        {"a: [\n", "p.yaml: line 2"},
        {"- 1\n", "without a kind"},
    };
    struct command_bench *b = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o;

        folder_write(&b->folder, "p.yaml", rows[i].yaml);
        o = COMMAND_RUN(b, "plan", "-f", folder_at(&b->folder, "p.yaml"));
        assert_code(&o, EXIT_FAILED);
        assert_contains(o.err, rows[i].expected);
        assert_string_equal(o.out, "");
        outcome_done(&o);
    }
}

static void test_plan_names_a_file_that_is_not_there(void **state)
{
    struct command_bench *b = *state;
    struct outcome o = COMMAND_RUN(b, "plan", "-f", "/nowhere/p.yaml");

    assert_code(&o, EXIT_FAILED);
    assert_string_equal(o.err, "rampart plan: read /nowhere/p.yaml: No such file or directory\n");
    outcome_done(&o);
}

/* @replicas run well, as kubectl made them. */
#define DEPLOYMENT(name_, replicas_, spec_, pod_)                                             \
    "{\"metadata\":{\"name\":\"" name_ "\",\"namespace\":\"shop\",\"uid\":\"u-" name_         \
    "\",\"resourceVersion\":\"4\",\"generation\":2},\"spec\":{\"replicas\":" replicas_ spec_  \
    ",\"template\":{\"spec\":{" pod_ "\"containers\":[{\"name\":\"c\"}]}}},\"status\":{"      \
    "\"observedGeneration\":2,\"updatedReplicas\":" replicas_ ",\"readyReplicas\":" replicas_ \
    ",\"availableReplicas\":" replicas_ "}}\n"
#define ROOT_STATED "\"securityContext\":{\"runAsNonRoot\":false},"
#define HARDEN_YAML(mode_, workloads_)                   \
    "apiVersion: rampart.dev/v1alpha1\n"                 \
    "kind: SecurityProfile\n"                            \
    "metadata: {name: hard}\n"                           \
    "spec:\n"                                            \
    "  mode: " mode_ "\n"                                \
    "  namespaceSelector: {matchLabels: {team: shop}}\n" \
    "  workloads: {" workloads_ "}\n"
#define CRON_JOB                                                                            \
    "{\"metadata\":{\"name\":\"nightly\",\"namespace\":\"shop\",\"uid\":\"u-n\","           \
    "\"resourceVersion\":"                                                                  \
    "\"5\"},\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{" \
    "\"name\":"                                                                             \
    "\"c\"}]}}}}}}"

static struct outcome plan_workloads(struct command_bench *b, const char *profile, const char *as)
{
    b->api.deployments = DEPLOYMENT("big", "9", "", "") DEPLOYMENT("small", "1", "", ROOT_STATED)
        DEPLOYMENT("halted", "2", ",\"paused\":true", "");
    b->api.cron_jobs = CRON_JOB;
    command_serve(b);
    folder_write(&b->folder, "p.yaml", profile);
    return COMMAND_RUN(b, "plan", "--kubeconfig", folder_at(&b->folder, "config"), "-f",
                       folder_at(&b->folder, "p.yaml"), "-o", as);
}

static void test_plan_says_which_workloads_would_be_filled_in_and_in_which_order(void **state)
{
    struct outcome o =
        plan_workloads(*state,
                       HARDEN_YAML("Audit", "fill: {dropCapabilities: [], seccompProfile: ''}, "
                                            "rollout: {when: Now, maxConcurrent: 2}"),
                       "text");

    assert_code(&o, EXIT_CHANGES);
    assert_string_equal(
        o.out,
        "Workloads of SecurityProfile hard, at most 2 at a time, in this order\n"
        "  ~ fill in Deployment shop/small: allowPrivilegeEscalation; some of it is stated "
        "otherwise, and stays\n"
        "  ~ fill in Deployment shop/big: runAsNonRoot (unless its pods run as root), "
        "allowPrivilegeEscalation\n"
        "Workloads of SecurityProfile hard, at once, for nothing of them runs\n"
        "  ~ fill in CronJob shop/nightly: runAsNonRoot (unless its pods run as root), "
        "allowPrivilegeEscalation\n"
        "Workloads of SecurityProfile hard that are left alone\n"
        "  ! note: Deployment shop/halted: Paused: it is paused\n"
        "`rampart eval --show-fix` has the YAML to merge in Git for what is stated otherwise.\n"
        "Enforce would fill in 3 workloads. Whether they come back with it, only their rollouts "
        "tell.\n"
        "No policy would change in 2 namespaces. Nothing was written.\n");
    assert_string_equal(o.err, "note: 1 SecurityProfile is in Audit, shown as if in Enforce\n");
    outcome_done(&o);
}

static void test_plan_tells_who_waits_for_a_change_and_who_states_otherwise(void **state)
{
    struct outcome o =
        plan_workloads(*state,
                       HARDEN_YAML("Enforce", "fill: {dropCapabilities: [], seccompProfile: '', "
                                              "allowPrivilegeEscalation: true}"),
                       "text");

    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "Workloads of SecurityProfile hard, each with its owner's next change\n"
                           "  ~ fill in Deployment shop/big: runAsNonRoot (unless its pods run as "
                           "root)\n"
                           "Workloads of SecurityProfile hard, at once");
    assert_contains(o.out,
                    "Workloads of SecurityProfile hard that state otherwise what it asks for\n"
                    "  ! note: Deployment shop/small\n");
    outcome_done(&o);
}

static void test_plan_writes_workloads_into_the_json(void **state)
{
    struct outcome o =
        plan_workloads(*state,
                       HARDEN_YAML("Enforce", "fill: {runAsNonRoot: true}, rollout: {when: Now}"),
                       "json");

    assert_code(&o, EXIT_CHANGES);
    assert_contains(
        o.out,
        "],\"workloads\":[{\"profile\":\"hard\",\"kind\":\"Deployment\",\"namespace\":\"shop\","
        "\"name\":\"small\",\"replicas\":1,\"when\":\"Now\",\"fill\":[\"seccompProfile\","
        "\"allowPrivilegeEscalation\",\"dropCapabilities\"],\"asked\":[],"
        "\"statedOtherwise\":true,\"message\":\"\"},");
    assert_contains(o.out, "\"when\":\"LeftAlone\",\"fill\":[\"runAsNonRoot\",");
    assert_contains(o.out, "\"asked\":[\"runAsNonRoot\"],\"statedOtherwise\":false,\"message\":"
                           "\"Paused: it is paused\"}],\"summary\":{");
    assert_contains(o.out, "\"changed\":0,\"fill\":3,\"leftAlone\":1}}\n");
    outcome_done(&o);
}

static void test_plan_says_nothing_of_workloads_that_nobody_fills_in(void **state)
{
    struct outcome o = plan_workloads(*state, HARDEN_YAML("\"Off\"", ""), "text");

    assert_code(&o, EXIT_DONE);
    assert_string_equal(o.out, "Nothing would change in 2 namespaces. Nothing was written.\n");
    outcome_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(test_plan_shows_what_a_file_would_do_and_exits_with_3),
        COMMAND_TEST(test_plan_shows_the_profiles_of_the_cluster_as_if_they_enforced),
        COMMAND_TEST(test_plan_shows_labels_of_namespaces_beside_policies),
        COMMAND_TEST(test_plan_leaves_a_profile_alone_that_is_off),
        COMMAND_TEST(test_plan_lets_a_file_replace_the_profile_of_the_same_name),
        COMMAND_TEST(test_plan_speaks_json),
        COMMAND_TEST(test_plan_says_what_cannot_be_done_and_why),
        COMMAND_TEST(test_plan_misses_the_crd_but_not_for_a_file),
        COMMAND_TEST(test_plan_names_what_it_may_not_read),
        COMMAND_TEST(test_plan_refuses_wrong_profiles_by_file_line_and_field),
        COMMAND_TEST(test_plan_names_a_file_that_is_not_there),
        COMMAND_TEST(test_plan_says_which_workloads_would_be_filled_in_and_in_which_order),
        COMMAND_TEST(test_plan_tells_who_waits_for_a_change_and_who_states_otherwise),
        COMMAND_TEST(test_plan_writes_workloads_into_the_json),
        COMMAND_TEST(test_plan_says_nothing_of_workloads_that_nobody_fills_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
