#include "rampart/cli/cli.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SUGGEST_DISTANCE_MAX 3 /* letters that may be wrong in a command's name */
#define WORD_MAX 32

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct command commands[] = {
    {"controller", controller_command, "run the operator"},
    {"plan", plan_command, "show what Enforce would do, namespace by namespace"},
    {"eval", eval_command, "say which rules pods fail, from a file or a stream"},
    {"rules", rules_command, "list the rules, with what they come from and what to do"},
    {"who-can", who_can_command, "say who may do something by RBAC, and by which binding and role"},
    {"rbac", rbac_command, "say what rights are too many, and learn which are needed"},
    {"health", health_command, "ask the controller that runs here how it is (for probes)"},
    {"version", version_command, "the versions of Rampart and of its libraries"},
};

#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
    (void)fputs("Rampart holds the security posture of namespaces where a SecurityProfile says\n"
                "it must be, and puts right what drifts.\n"
                "\n"
                "Usage: rampart COMMAND [FLAGS]\n"
                "\n"
                "Commands:\n",
                out);
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        (void)fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    (void)fputs("\n"
                "Exit codes:\n"
                "  0   done; plan: nothing would change\n"
                "  1   it failed; the last line of stderr says why and what to do\n"
                "  2   wrong usage\n"
                "  3   plan: Enforce would change something; eval: a pod fails or cannot be told;\n"
                "      rbac findings: something is found or cannot be told; who-can: a role or\n"
                "      binding cannot be read; rbac learn: there was no room for all it saw\n"
                "\n"
                "rampart COMMAND --help tells the flags of a command.\n",
                out);
}

/* Letters to put in, take out or change (Levenshtein); words beyond WORD_MAX are far from any. */
static size_t distance(const char *one, const char *other)
{
    size_t row[WORD_MAX + 1];
    size_t one_len = strlen(one), other_len = strlen(other);

    if (one_len > WORD_MAX || other_len > WORD_MAX)
        return WORD_MAX;
    for (size_t k = 0; k <= other_len; k++)
        row[k] = k;
    for (size_t i = 1; i <= one_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t k = 1; k <= other_len; k++) {
            size_t best = diagonal + (one[i - 1] != other[k - 1]);

            diagonal = row[k];
            if (row[k] + 1 < best)
                best = row[k] + 1;
            if (row[k - 1] + 1 < best)
                best = row[k - 1] + 1;
            row[k] = best;
        }
    }
    return row[other_len];
}

static const char *suggestion(const char *word)
{
    size_t nearest = SUGGEST_DISTANCE_MAX + 1;
    const char *name = NULL;

    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        size_t d = distance(word, commands[i].name);

        if (d < nearest && d < strlen(commands[i].name) / 2 + 1) {
            nearest = d;
            name = commands[i].name;
        }
    }
    return name;
}

static bool is_one_of(const char *word, const char *one, const char *other, const char *third)
{
    return strcmp(word, one) == 0 || strcmp(word, other) == 0 || strcmp(word, third) == 0;
}

int cli_main(int argc, char **argv)
{
    const char *near;

    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (is_one_of(argv[1], "--help", "-h", "help")) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (is_one_of(argv[1], "--version", "-V", "version"))
        return version_command(argc - 1, argv + 1);
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    near = suggestion(argv[1]);
    (void)fprintf(stderr, "rampart: unknown command \"%.64s\"%s%s%s; see rampart --help\n", argv[1],
                  near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
    return EXIT_USAGE;
}
