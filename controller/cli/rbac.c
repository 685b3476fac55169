#include "rampart/cli/rbac.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "rampart/cli/cli.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"findings", rbac_findings_command, "say what roles, bindings and accounts give too much"},
    {"learn", rbac_learn_command, "write the smallest roles that cover what an audit log shows"},
};

#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
    (void)fputs("Rights: what ServiceAccounts have, need and should not have.\n"
                "\n"
                "Usage: rampart rbac COMMAND [FLAGS]\n"
                "\n"
                "Commands:\n",
                out);
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        (void)fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    (void)fputs("\nrampart rbac COMMAND --help tells the flags of a command.\n", out);
}

int rbac_command(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    (void)fprintf(stderr, "rampart rbac: unknown command \"%.64s\"; see rampart rbac --help\n",
                  argv[1]);
    return EXIT_USAGE;
}
