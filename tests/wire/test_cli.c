/* The command line itself: usage, help, exit codes. */
#include "support/unit.h"

#include <string.h>

#include "rampart/cli/cli.h"
#include "support/text.h"
#include "wire/support/command.h"

#define ARGS_MAX 4
#define HELP_WIDTH_MAX 80

struct row {
    const char *args[ARGS_MAX + 1];
    int code;
    const char *out; /* part of it; NULL: none at all */
    const char *err; /* likewise */
};

static void run_rows(struct command_bench *b, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct outcome o = command_wait(b, command_start(b, rows[i].args));

        assert_code(&o, rows[i].code);
        if (rows[i].out)
            assert_contains(o.out, rows[i].out);
        else
            assert_string_equal(o.out, "");
        if (rows[i].err)
            assert_contains(o.err, rows[i].err);
        else
            assert_string_equal(o.err, "");
        outcome_done(&o);
    }
}

static void test_cli_names_the_flag_that_is_wrong(void **state)
{
    static const struct row rows[] = {
        {{"plan", "--kubeconfg", "x"}, EXIT_USAGE, NULL, "rampart plan: unknown flag --kubeconfg;"},
        {{"plan", "-x"}, EXIT_USAGE, NULL, "rampart plan: unknown flag -x;"},
        {{"plan", "-fx", "-z"}, EXIT_USAGE, NULL, "unknown flag -z;"},
        {{"plan", "-f"}, EXIT_USAGE, NULL, "a value is missing after -f;"},
        {{"controller", "--context"}, EXIT_USAGE, NULL, "a value is missing after --context;"},
        {{"controller", "--log", "json"}, EXIT_USAGE, NULL, "ambiguous flag --log;"},
        {{"health", "--live=yes"}, EXIT_USAGE, NULL, "no value goes with the flag: --live=yes;"},
        {{"version", "--help=me"}, EXIT_USAGE, NULL, "no value goes with the flag: --help=me;"},
        {{"plan", "file.yaml"}, EXIT_USAGE, NULL, "takes no arguments, got file.yaml;"},
    };

    run_rows(*state, rows, COUNT_OF(rows));
}

static void test_cli_names_the_value_that_is_wrong(void **state)
{
    static const struct row rows[] = {
        {{"plan", "-o", "xml"}, EXIT_USAGE, NULL, "--output: \"xml\" is unknown; expected text or"},
        {{"rules", "-o", "yaml"}, EXIT_USAGE, NULL, "expected text, markdown or json"},
        {{"controller", "--log-format=xml"}, EXIT_USAGE, NULL, "--log-format: \"xml\" is unknown"},
        {{"controller", "--log-level", "loud"}, EXIT_USAGE, NULL, "--log-level: \"loud\" is"},
        {{"controller", "--max-in-flight", "0"}, EXIT_USAGE, NULL, "no number from 1 to 64"},
        {{"controller", "--max-in-flight", "65"}, EXIT_USAGE, NULL, "no number from 1 to 64"},
        {{"controller", "--max-in-flight", "-1"}, EXIT_USAGE, NULL, "no number from 1 to 64"},
        {{"controller", "--max-in-flight", "1x"}, EXIT_USAGE, NULL, "no number from 1 to 64"},
        {{"controller", "--max-in-flight", "99999999999999999999"}, EXIT_USAGE, NULL, "1 to 64"},
        {{"controller", "--health-socket", ""}, EXIT_USAGE, NULL, "--health-socket: expected"},
    };

    run_rows(*state, rows, COUNT_OF(rows));
}

static void test_cli_suggests_the_command_that_was_meant(void **state)
{
    static const struct row rows[] = {
        {{"contoller"}, EXIT_USAGE, NULL, "\"contoller\", did you mean controller?; see rampart"},
        {{"paln"}, EXIT_USAGE, NULL, "did you mean plan?"},
        {{"helth"}, EXIT_USAGE, NULL, "did you mean health?"},
        {{"apply"}, EXIT_USAGE, NULL, "unknown command \"apply\"; see rampart --help"},
        {{"x"}, EXIT_USAGE, NULL, "unknown command \"x\"; see rampart --help"},
        {{""}, EXIT_USAGE, NULL, "unknown command \"\"; see rampart --help"},
    };

    run_rows(*state, rows, COUNT_OF(rows));
}

static void test_cli_without_a_command_shows_the_help_on_stderr(void **state)
{
    static const struct row rows[] = {{{NULL}, EXIT_USAGE, NULL, "Usage: rampart COMMAND"}};

    run_rows(*state, rows, COUNT_OF(rows));
}

static void test_cli_help_tells_the_exit_codes(void **state)
{
    static const struct row rows[] = {
        {{"--help"},
         EXIT_DONE,
         "  3   plan: Enforce would change something; eval: a pod fails or cannot be told;\n",
         NULL},
        {{"-h"}, EXIT_DONE, "  2   wrong usage\n", NULL},
        {{"help"}, EXIT_DONE, "  controller   run the operator\n", NULL},
    };

    run_rows(*state, rows, COUNT_OF(rows));
}

static void test_cli_help_of_each_command_names_its_flags_in_80_columns(void **state)
{
    static const struct row rows[] = {
        {{"--help"}, EXIT_DONE, "Usage: rampart COMMAND [FLAGS]\n", NULL},
        {{"controller", "--help"}, EXIT_DONE, "      --max-in-flight N   ", NULL},
        {{"plan", "--help"}, EXIT_DONE, "  -f, --file FILE         ", NULL},
        {{"plan", "-h"}, EXIT_DONE, "Usage: rampart plan [-f FILE]... [FLAGS]\n", NULL},
        {{"eval", "--help"}, EXIT_DONE, "      --level LEVEL       ", NULL},
        {{"health", "--help"}, EXIT_DONE, "      --live              ", NULL},
        {{"rules", "--help"}, EXIT_DONE, "  -o, --output FORMAT     ", NULL},
        {{"rbac", "--help"}, EXIT_DONE, "Usage: rampart rbac COMMAND [FLAGS]\n", NULL},
        {{"rbac", "learn", "--help"}, EXIT_DONE, "      --names-max N       ", NULL},
        {{"rbac", "findings", "--help"}, EXIT_DONE, "  -n, --namespace NAME    ", NULL},
        {{"version", "--help"}, EXIT_DONE, "  -h, --help              this text\n", NULL},
    };

    run_rows(*state, rows, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = command_wait(*state, command_start(*state, rows[i].args));

        for (const char *line = o.out; *line; line += strcspn(line, "\n") + 1) {
            if (strcspn(line, "\n") > HELP_WIDTH_MAX)
                fail_msg("%s %s: %.100s", rows[i].args[0], rows[i].args[1], line);
        }
        outcome_done(&o);
    }
}

static void test_cli_lists_the_rules_in_each_format(void **state)
{
    static const struct row rows[] = {
        {{"rules"},
         EXIT_DONE,
         "image-tag                      hardened   medium    Images have",
         NULL},
        {{"rules", "-o", "markdown"}, EXIT_DONE, "### Level restricted\n\n| Rule | ", NULL},
        {{"rules", "-o", "markdown"}, EXIT_DONE, "| `memory-limit` | Every container has ", NULL},
        {{"rules", "-o", "json"}, EXIT_DONE, "{\"id\":\"service-external-ips\",\"title\":", NULL},
        {{"rules", "-o", "json"}, EXIT_DONE, "\"fill\":\"readOnlyRootFilesystem\"}", NULL},
        {{"rules"}, EXIT_DONE, "\nrbac-secrets                   access     high      ", NULL},
        {{"rules", "-o", "markdown"}, EXIT_DONE, "### Access\n\n| Rule | ", NULL},
        {{"rules", "-o", "json"}, EXIT_DONE, "{\"id\":\"rbac-wildcards\",\"title\":", NULL},
        {{"rules", "image-tag"}, EXIT_USAGE, NULL, "takes no arguments, got image-tag;"},
    };

    run_rows(*state, rows, COUNT_OF(rows));
}

static void test_cli_version_names_the_libraries_at_run_time(void **state)
{
    static const struct row rows[] = {
        {{"version"}, EXIT_DONE, "rampart  ", NULL},
        {{"--version"}, EXIT_DONE, "libcurl  ", NULL},
        {{"-V"}, EXIT_DONE, "openssl  ", NULL},
        {{"version"}, EXIT_DONE, "libuv    ", NULL},
        {{"version"}, EXIT_DONE, "jansson  ", NULL},
        {{"version"}, EXIT_DONE, "libyaml  ", NULL},
        {{"version", "--x"}, EXIT_USAGE, NULL, "--x"},
    };

    run_rows(*state, rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(test_cli_names_the_flag_that_is_wrong),
        COMMAND_TEST(test_cli_names_the_value_that_is_wrong),
        COMMAND_TEST(test_cli_suggests_the_command_that_was_meant),
        COMMAND_TEST(test_cli_without_a_command_shows_the_help_on_stderr),
        COMMAND_TEST(test_cli_help_tells_the_exit_codes),
        COMMAND_TEST(test_cli_help_of_each_command_names_its_flags_in_80_columns),
        COMMAND_TEST(test_cli_lists_the_rules_in_each_format),
        COMMAND_TEST(test_cli_version_names_the_libraries_at_run_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
