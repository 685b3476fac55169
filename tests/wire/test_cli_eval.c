/* `rampart eval`: what it says of pods that come as a stream, and how it ends. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/cli/cli.h"
#include "support/text.h"
#include "wire/support/command.h"

#define RESTRICTED                                                                                \
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"good\",\"namespace\":\"shop\"},\"spec\":{"        \
    "\"securityContext\":{\"runAsNonRoot\":true,\"seccompProfile\":{\"type\":\"RuntimeDefault\""  \
    "}},\"containers\":[{\"name\":\"c\",\"securityContext\":{\"allowPrivilegeEscalation\":false," \
    "\"capabilities\":{\"drop\":[\"ALL\"]}}}]}}"
#define PRIVILEGED                                                                  \
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"bad\"},\"spec\":{\"containers\":[{" \
    "\"name\":\"c\",\"securityContext\":{\"privileged\":true}}]}}"
#define UNREADABLE \
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"odd\"},\"spec\":{\"hostPID\":\"yes\"}}"

static struct outcome eval(struct command_bench *b, const char *text, const char *flag,
                           const char *value)
{
    folder_write(&b->folder, "pods.json", text);
    return COMMAND_RUN(b, "eval", "-f", folder_at(&b->folder, "pods.json"), flag, value);
}

static void test_eval_passes_a_restricted_pod_and_exits_with_0(void **state)
{
    struct outcome o = eval(*state, RESTRICTED, "--level", "restricted");

    assert_code(&o, EXIT_DONE);
    assert_string_equal(o.out, "Pod shop/good: passes\n"
                               "1 pod: 1 passed, 0 failed, 0 cannot be told\n");
    assert_string_equal(o.err, "");
    outcome_done(&o);
}

static void test_eval_names_rule_container_and_remedy_and_exits_with_3(void **state)
{
    struct outcome o = eval(*state, PRIVILEGED RESTRICTED, "--level", "baseline");

    assert_code(&o, EXIT_CHANGES);
    assert_string_equal(
        o.out, "Pod bad: fails\n"
               "  privileged (critical): container c: securityContext.privileged is true; Remove "
               "securityContext.privileged from every container, or set it to false.\n"
               "Pod shop/good: passes\n"
               "2 pods: 1 passed, 1 failed, 0 cannot be told\n");
    outcome_done(&o);
}

static void test_eval_never_passes_what_it_cannot_read(void **state)
{
    static const char *const levels[] = {"privileged", "baseline", "restricted", "hardened"};

    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        struct outcome o = eval(*state, UNREADABLE, "--level", levels[i]);

        assert_code(&o, EXIT_CHANGES);
        assert_contains(o.out, "Pod odd: cannot be told\n");
        assert_contains(o.out, "1 pod: 0 passed, 0 failed, 1 cannot be told\n");
        outcome_done(&o);
    }
}

static void test_eval_says_why_it_cannot_read_a_pod(void **state)
{
    struct outcome o = eval(*state, UNREADABLE, "--level", "baseline");

    assert_contains(o.out, "cannot be told: spec.hostPID: expected true or false, got a string\n");
    outcome_done(&o);
}

static void test_eval_writes_a_line_of_json_a_pod(void **state)
{
    struct outcome o = eval(*state, RESTRICTED "\n" PRIVILEGED "\n" UNREADABLE, "-o", "json");

    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "{\"kind\":\"Pod\",\"namespace\":\"shop\",\"name\":\"good\","
                           "\"verdict\":\"pass\",\"fail\":[],\"error\":[]}\n");
    assert_contains(o.out, "\"name\":\"bad\",\"verdict\":\"fail\",\"fail\":[\"allow-privilege-"
                           "escalation\",\"capabilities-restricted\",\"privileged\",");
    assert_contains(o.out, "\"name\":\"odd\",\"verdict\":\"error\",\"fail\":[],\"error\":[\"");
    outcome_done(&o);
}

static void test_eval_finds_the_template_of_every_kind(void **state)
{
    static const struct {
        const char *kind, *open, *close;
    } rows[] = {
        {"Deployment", "{\"template\":", "}"},
        {"StatefulSet", "{\"template\":", "}"},
        {"DaemonSet", "{\"template\":", "}"},
        {"ReplicaSet", "{\"template\":", "}"},
        {"Job", "{\"template\":", "}"},
        {"ReplicationController", "{\"template\":", "}"},
        {"CronJob", "{\"jobTemplate\":{\"spec\":{\"template\":", "}}}"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512], line[64];
        struct outcome o;

        (void)snprintf(text, sizeof(text),
                       "{\"kind\":\"%s\",\"metadata\":{\"name\":\"w\"},\"spec\":%s{\"spec\":{"
                       "\"hostPID\":true}}%s}",
                       rows[i].kind, rows[i].open, rows[i].close);
        (void)snprintf(line, sizeof(line), "%s w: fails\n", rows[i].kind);
        o = eval(*state, text, "--level", "baseline");
        assert_contains(o.out, line);
        assert_contains(o.out, "host-namespaces");
        outcome_done(&o);
    }
}

static void test_eval_reads_the_items_of_a_list(void **state)
{
    struct outcome o = eval(*state,
                            "{\"kind\":\"PodList\",\"items\":[{\"metadata\":{\"name\":\"a\"},"
                            "\"spec\":{}}," PRIVILEGED "]}",
                            "--list", "--level=baseline");

    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "Pod a: passes\nPod bad: fails\n");
    outcome_done(&o);
}

static void test_eval_says_how_to_read_a_list(void **state)
{
    struct outcome o =
        eval(*state, "{\"kind\":\"List\",\"items\":[" RESTRICTED "]}", "--level", "baseline");

    assert_code(&o, EXIT_FAILED);
    assert_contains(o.err, "pods.json: object 1: a List: read it with --list\n");
    outcome_done(&o);
}

static void test_eval_leaves_out_what_has_no_pod_and_says_so(void **state)
{
    struct outcome o =
        eval(*state, "{\"kind\":\"Service\",\"metadata\":{\"name\":\"s\"}}" RESTRICTED, "--level",
             "baseline");

    assert_code(&o, EXIT_DONE);
    assert_contains(o.err, "object 1, Service s, has no pod and is left out\n");
    assert_contains(o.out, "1 pod: 1 passed");
    outcome_done(&o);
}

static void test_eval_asks_the_version_that_is_named(void **state)
{
    static const char pod[] = "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{"
                              "\"securityContext\":{\"sysctls\":[{\"name\":"
                              "\"net.ipv4.tcp_fin_timeout\"}]}}}";
    struct command_bench *b = *state;
    struct outcome o;

    folder_write(&b->folder, "pods.json", pod);
    o = COMMAND_RUN(b, "eval", "-f", folder_at(&b->folder, "pods.json"), "--level", "baseline",
                    "--version", "v1.28");
    assert_code(&o, EXIT_CHANGES);
    outcome_done(&o);
    o = COMMAND_RUN(b, "eval", "-f", folder_at(&b->folder, "pods.json"), "--level", "baseline",
                    "--version", "v1.29");
    assert_code(&o, EXIT_DONE);
    outcome_done(&o);
}

static void test_eval_refuses_what_is_no_stream_of_objects(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"kind: Pod\n", "not JSON: unexpected 'k' at byte 0"},
        {"", "there is no object in it"},
        {"{\"kind\":\"Pod\"", "not JSON: ends in the middle of a value"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = eval(*state, rows[i].text, "--level", "baseline");

        assert_code(&o, EXIT_FAILED);
        assert_contains(o.err, rows[i].says);
        assert_contains(o.err, "rampart eval: ");
        outcome_done(&o);
    }
}

static void test_eval_says_that_the_file_is_not_there(void **state)
{
    struct outcome o = COMMAND_RUN(*state, "eval", "-f", "/nonexistent/pods.json");

    assert_code(&o, EXIT_FAILED);
    assert_string_equal(o.err, "rampart eval: /nonexistent/pods.json: No such file or directory\n");
    outcome_done(&o);
}

static void test_eval_refuses_words_that_it_does_not_know(void **state)
{
    static const struct {
        const char *flag, *value;
    } rows[] = {
        {"--level", "strict"},   {"--version", "1.30"}, {"--version", "v1.24"},
        {"--version", "v1.380"}, {"--version", "v1."},  {"--output", "yaml"},
        {"--nonsense", "x"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = COMMAND_RUN(*state, "eval", rows[i].flag, rows[i].value);

        assert_code(&o, EXIT_USAGE);
        assert_string_equal(o.out, "");
        outcome_done(&o);
    }
}

#define SLOPPY                                                                                    \
    "{\"kind\":\"CronJob\",\"metadata\":{\"name\":\"nightly\",\"namespace\":\"shop\"},\"spec\":{" \
    "\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"hostPID\":true,\"containers\":[{"       \
    "\"name\":\"c\",\"securityContext\":{\"allowPrivilegeEscalation\":true,\"capabilities\":{"    \
    "\"drop\":[\"ALL\"]}}}]}}}}}}"

static void test_eval_shows_what_to_merge_and_what_is_left_to_decide(void **state)
{
    struct outcome o = eval(*state, SLOPPY RESTRICTED, "--show-fix", "--level=restricted");

    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "  merge in Git:\n"
                           "    spec:\n"
                           "      jobTemplate:\n"
                           "        spec:\n"
                           "          template:\n"
                           "            spec:\n"
                           "              securityContext:\n"
                           "                runAsNonRoot: true\n"
                           "                seccompProfile:\n"
                           "                  type: RuntimeDefault\n"
                           "              containers:\n"
                           "              - name: c\n"
                           "                securityContext:\n"
                           "                  allowPrivilegeEscalation: false\n"
                           "  with runAsNonRoot an image does not start that runs as root\n"
                           "  for its owner to decide: host-namespaces\n"
                           "Pod shop/good: passes\n"
                           "2 pods: ");
    outcome_done(&o);
}

static void test_eval_writes_what_to_merge_into_the_json(void **state)
{
    struct command_bench *b = *state;
    struct outcome o;

    folder_write(&b->folder, "pods.json", PRIVILEGED RESTRICTED UNREADABLE);
    o = COMMAND_RUN(b, "eval", "-f", folder_at(&b->folder, "pods.json"), "--show-fix", "-o", "json",
                    "--level", "restricted");
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "\"fix\":\"spec:\\n  securityContext:\\n    runAsNonRoot: true\\n");
    assert_contains(o.out,
                    "\",\"left\":[\"allow-privilege-escalation\",\"capabilities-restricted\","
                    "\"privileged\"]}\n");
    assert_contains(o.out, "\"error\":[],\"fix\":\"\",\"left\":[]}\n");
    outcome_done(&o);
}

static void test_eval_shows_nothing_to_merge_where_no_field_mends_it(void **state)
{
    struct outcome o = eval(*state, PRIVILEGED, "--show-fix", "--level=baseline");

    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "or set it to false.\n  for its owner to decide: privileged\n1 pod: ");
    outcome_done(&o);
}

/* Two readers may take different ones of two members with one name. */
static void test_eval_cannot_tell_a_pod_with_a_member_twice_and_goes_on(void **state)
{
    struct outcome o = eval(*state, "{\"kind\":\"Pod\",\"kind\":\"Pod\",\"spec\":{}}" RESTRICTED,
                            "--level", "baseline");

    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "Pod (object 1): cannot be told\n");
    assert_contains(o.out, "a member's name comes twice");
    assert_contains(o.out, "Pod shop/good: passes\n");
    outcome_done(&o);
}

static void test_eval_cannot_tell_a_pod_that_is_too_large(void **state)
{
    enum { LEN = 5 * 1024 * 1024 };
    char *text = malloc(LEN + 1024);
    struct outcome o;
    int at;

    assert_non_null(text);
    at = sprintf(text, "{\"kind\":\"Pod\",\"spec\":{\"hostPID\":false,\"x\":\"");
    memset(text + at, 'x', LEN);
    memcpy(text + at + LEN, "\"}}" RESTRICTED, sizeof("\"}}" RESTRICTED));
    o = eval(*state, text, "--level", "baseline");
    free(text);
    assert_code(&o, EXIT_CHANGES);
    assert_contains(o.out, "Pod (object 1): cannot be told\n");
    assert_contains(o.out, "Pod shop/good: passes\n");
    outcome_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(test_eval_passes_a_restricted_pod_and_exits_with_0),
        COMMAND_TEST(test_eval_names_rule_container_and_remedy_and_exits_with_3),
        COMMAND_TEST(test_eval_never_passes_what_it_cannot_read),
        COMMAND_TEST(test_eval_says_why_it_cannot_read_a_pod),
        COMMAND_TEST(test_eval_writes_a_line_of_json_a_pod),
        COMMAND_TEST(test_eval_finds_the_template_of_every_kind),
        COMMAND_TEST(test_eval_reads_the_items_of_a_list),
        COMMAND_TEST(test_eval_says_how_to_read_a_list),
        COMMAND_TEST(test_eval_leaves_out_what_has_no_pod_and_says_so),
        COMMAND_TEST(test_eval_asks_the_version_that_is_named),
        COMMAND_TEST(test_eval_refuses_what_is_no_stream_of_objects),
        COMMAND_TEST(test_eval_says_that_the_file_is_not_there),
        COMMAND_TEST(test_eval_refuses_words_that_it_does_not_know),
        COMMAND_TEST(test_eval_shows_what_to_merge_and_what_is_left_to_decide),
        COMMAND_TEST(test_eval_writes_what_to_merge_into_the_json),
        COMMAND_TEST(test_eval_shows_nothing_to_merge_where_no_field_mends_it),
        COMMAND_TEST(test_eval_cannot_tell_a_pod_with_a_member_twice_and_goes_on),
        COMMAND_TEST(test_eval_cannot_tell_a_pod_that_is_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
